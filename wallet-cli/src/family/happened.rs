//! What birth, death, split and merge have in common: two operators, and who collects from now on.

use std::path::{Path, PathBuf};

use annona_ledger::duty::Duty;
use annona_ledger::id::{FederationId, Lane, OrgId, ProgrammeId};
use annona_ledger::time::DayNo;
use annona_node::household::{self, Changed, Happened as Kind, What};
use annona_node::node::Node;
use annona_node::person::Household;
use annona_node::vault::{Begun, HouseholdId, Vault};
use clap::Args;
use serde_json::json;

use super::enrol::Enrolling;
use super::fields;
use super::show::open;
use crate::card;
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;
use crate::signer::{self, Operator, Signer};
use crate::stop::Writing;
use crate::words;

/// Who answers for a change, and who collects after it.
#[derive(Args)]
pub(super) struct Happened {
    /// Who collects from now on, by number among the members as they stand
    #[arg(long, value_name = "NUMBER")]
    collector: usize,
    #[command(flatten)]
    operator: Operator,
    /// The key file of a second operator, who is somebody else: an approver or a supervisor
    #[arg(long, value_name = "FILE")]
    second: PathBuf,
    /// Take the second operator's passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    second_passphrase_file: Option<PathBuf>,
    /// The PIN is known to, and the cards are with, whom you name to collect and nobody else: leave them as they are
    #[arg(long)]
    keep_cards: bool,
    /// The same was told of this family just now, or cut off before its answer, and this is another
    #[arg(long)]
    again: bool,
    /// Say what would change; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Happened {
    /// Makes the change; `what` is told the family, to name another by.
    pub(super) fn run(
        &self,
        session: &Session,
        family: &str,
        what: impl FnOnce(&Vault) -> Outcome<What>,
    ) -> Outcome {
        let file = self.second_passphrase_file.as_deref();
        let second = signer::open(session, &self.second, file, "--second-passphrase-file FILE")?;
        let (mut node, first) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, family)?;
        let before = open(&vault, id)?;
        let what = what(&vault)?;
        // Members are named by their places: where those have moved it is another change.
        let mut about = vec![before.encode()?];
        let other = match &what {
            What::Merge(other) => Some(open(&vault, *other)?),
            What::Birth(_) | What::Death(_) | What::Split(_) | What::Back(..) => None,
        };
        if let Some(other) = &other {
            about.push(other.encode()?);
        }
        // For each programme she is known in: a registrar of one says nothing about who is fed by another.
        let mut programmes = vault.programmes(id)?;
        if let What::Merge(other) | What::Back(_, other) = &what {
            programmes.extend(vault.programmes(*other)?);
            programmes.sort_unstable();
            programmes.dedup();
        }
        two(&node, (&first, &second), &programmes)?;
        let programmes = Some(programmes).filter(|all| !all.is_empty());
        let enrolling = Enrolling::new(&node, (&first, duty(&what)), programmes)?;
        let (federation, own) = (node.federation()?, ProgrammeId::NONE);
        // No day before one that another feed of this node has reached: what was agreed to there was agreed to before.
        let on = DayNo::of(node.stamp(&node.feed(Lane::Control, own))?.max(node.latest()?));
        let by = [first.key(), second.key()];
        let asked = household::asked(&vault, id, &what, self.collector);
        // Whoever is meant is named: members are told by places, and places move.
        let told = told(&before, &what, other.as_ref());
        // Where two were merged by mistake, the food of one stays with the other unless her number goes back with her.
        let stay = match &what {
            What::Split(_) => household::merged_into(&vault, &federation, id)?,
            _ => Vec::new(),
        };
        let stay = stay.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let told = match stay.as_str() {
            "" => told,
            stay => format!(
                "{told}. What is left for family {stay}, merged into this one, stays with who collects: --back NUMBER gives \
                 it to who leaves"
            ),
        };
        let back = matches!(what, What::Back(..));
        let merged = match &what {
            What::Merge(other) => Some(*other),
            _ => None,
        };
        let twice = twice(&vault, &federation, id, (&before, &what), on)?;
        // It was said before, and never answered: what is left of it is done, and nothing twice.
        let begun = vault.begun(&asked)?;
        let new = |begun: Begun| Some(begun.family).filter(|new| *new != id);
        if let Some(begun) = begun.filter(|begun| begun.doubted && !self.again && !self.dry_run) {
            if let Some(new) = new(begun) {
                enrolling.enrol(&mut node, &mut vault, &[new])?;
            }
            return Err(cut_off(begun.family, "it was written"));
        }
        let named = collector_of(&before, &what, other.as_ref(), self.collector);
        let planned = match begun.filter(|begun| !begun.doubted && !self.again) {
            Some(begun) => Err(Changed { stays: id, new: new(begun) }),
            None => Ok(household::plan(&vault, &federation, (id, what, self.collector), on, by)?),
        };
        let (twice, json) = (twice.filter(|_| planned.is_ok()), session.screen.json());
        if let Some(twice) = twice.filter(|_| !self.again && !self.dry_run) {
            let told = if json { String::new() } else { format!(" This says: {told}.") };
            return Err(Fault::refused(format!("{twice} family {id}.{told} Nothing was changed."))
                .then("Look at the family (`annona family show`); where it is so, --again."));
        }
        let passes = match &planned {
            Ok(planned) if !self.keep_cards => planned.passes.clone(),
            _ => Vec::new(),
        };
        if self.dry_run {
            node.close()?;
            let again = twice.map(|twice| format!(" {twice} it: --again."));
            let words = match &planned {
                Ok(_) => format!(
                    "Family {id}: {}. {told}. {named} would collect.{} Nothing was changed.",
                    fields::line(&before),
                    again.unwrap_or_default()
                ),
                Err(_) => format!("Family {id}: {BEFORE} Nothing was changed."),
            };
            let value = json!({ "family": id, "members": before.members.len() });
            return dry_run::would(session, "changed", value, &words);
        }
        let about: Vec<&[u8]> = about.iter().map(|record| record.as_slice()).collect();
        if planned.is_ok() {
            let question = if json {
                format!("Change family {id}?")
            } else {
                let line = fields::line(&before);
                format!("Family {id}: {line}. {told}. {named} collects. Write it for good?")
            };
            session.confirm(&question, &about)?;
        }
        let _writing = Writing::of_people();
        // First: where the power fails in between, somebody is without a card, and nobody has another's.
        let ended = card::end_all(&mut node, &mut vault, &first, &passes)?;
        let said = planned.as_ref().map_or_else(|_| String::new(), |_| format!(" {told}."));
        let done = match planned {
            Ok(planned) => planned.carry_out(&mut vault, &federation, by)?,
            Err(done) => done,
        };
        // The one that was cut off, too, where this is another.
        let mut new = Vec::from_iter(begun.and_then(new));
        new.extend(done.new.filter(|made| !new.contains(made)));
        if !new.is_empty() {
            enrolling.enrol(&mut node, &mut vault, &new)?;
        }
        let joined = annona_node::consent::list(&vault, id)?.len();
        let stays = open(&vault, id)?;
        let last = household::changes(&vault, &federation, id)?.last().copied();
        node.close()?;
        let collector = last.map_or(0, |change| usize::from(change.collector));
        let named = collector.checked_sub(1).and_then(|at| stays.members.get(at));
        let name = named.map_or_else(String::new, fields::name);
        let value = json!({
            "family": id, "people": stays.people(), "collector": collector, "new": done.new,
            "ended": passes, "cards_ended": ended,
        });
        session.screen.answer("changed", value, || {
            let word = if back { "has its number and purse again" } else { "is new" };
            let new = done.new.map_or_else(String::new, |new| format!(" Family {new} {word}."));
            let name = words::name(&name);
            format!("Family {id}: {}.{said} {name} collects.{new}", fields::line(&stays))
        })?;
        vault.answered(&asked)?;
        if said.is_empty() {
            session.screen.note(BEFORE);
        }
        if !passes.is_empty() {
            let of = passes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            session.screen.note(format!(
                "PIN, cards and collectors' papers of family {of} count no more: {ended} cancelled. Next, for {name}: `annona \
                 card issue`, `annona family pin`."
            ));
        }
        if joined > 0 && last.is_some_and(|change| household::adds_people(change.happened)) {
            session.screen.note(format!(
                "What the family agreed to counts no more, since somebody joined it. Ask anew: `annona consent list {id}`."
            ));
        }
        if let Some(other) = merged {
            session.screen.note(format!(
                "What is left for family {other} is collected here from now on, and handed out under the number of family {id}. Where they are two families after all: `annona \
                 family split {id} --member NUMBER --back {other}`."
            ));
        }
        if let Some(new) = done.new {
            session.screen.note(format!("Next: `annona card issue {new}` gives it a short code."));
        }
        Ok(())
    }
}

/// Said where nothing was made but what was left of it.
pub(super) const BEFORE: &str = "It was written before, and cut off then. Where it is meant anew, run the same command once more.";

/// Refuses words that were said before and cut off, where others were answered since.
pub(super) fn cut_off(family: HouseholdId, what: &str) -> Fault {
    Fault::refused(format!(
        "in the same words {what} before, family {family}; that command was cut off, and others were answered since. \
         Nothing was changed now."
    ))
    .then(&format!("Look at it (`annona family show {family}`); where this is another, --again."))
}

/// What was told of a family in the same way not long ago, if anything: said again it may be the same, and about others.
fn twice(
    vault: &Vault,
    federation: &FederationId,
    id: HouseholdId,
    (before, what): (&Household, &What),
    on: DayNo,
) -> Outcome<Option<&'static str>> {
    let (which, words) = match what {
        What::Birth(person) => {
            let there = before.members.contains(person);
            return Ok(there.then_some("Somebody told of in the same words is in"));
        }
        // The other is without people from then on.
        What::Merge(_) => return Ok(None),
        What::Death(_) => (Kind::Death, "Since yesterday a death was told of"),
        What::Split(_) | What::Back(..) => (Kind::Split, "Since yesterday a split was told of"),
    };
    let all = household::changes(vault, federation, id)?;
    let late =
        |one: &household::Change| one.happened == which && one.on.0.saturating_add(1) >= on.0;
    Ok(all.iter().any(late).then_some(words))
}

/// What happens, and to whom.
fn told(before: &Household, what: &What, other: Option<&Household>) -> String {
    let who = |at: &usize| {
        let person = at.checked_sub(1).and_then(|at| before.members.get(at));
        format!("{} (member {at})", person.map_or_else(String::new, fields::who))
    };
    match what {
        What::Birth(person) => format!("New: {}", fields::who(person)),
        What::Death(at) => format!("Died: {}", who(at)),
        What::Split(all) => {
            format!("Apart: {}", all.iter().map(who).collect::<Vec<_>>().join("; "))
        }
        What::Back(all, husk) => {
            let all = all.iter().map(who).collect::<Vec<_>>().join("; ");
            format!("Back to family {husk}, its number and its purse: {all}")
        }
        What::Merge(id) => {
            format!("With family {id}: {}", other.map(fields::line).unwrap_or_default())
        }
    }
}

/// Who collects, by number among all of them as they stand before it.
fn collector_of(before: &Household, what: &What, other: Option<&Household>, at: usize) -> String {
    let born = match what {
        What::Birth(person) => Some(&**person),
        What::Death(_) | What::Split(_) | What::Back(..) | What::Merge(_) => None,
    };
    let all = before.members.iter().chain(born).chain(other.into_iter().flat_map(|o| &o.members));
    let named = at.checked_sub(1).and_then(|at| all.into_iter().nth(at));
    words::name(&named.map_or_else(String::new, fields::name))
}

/// What the first answers for.
const fn duty(what: &What) -> Duty {
    match what {
        What::Birth(_) => Duty::FamilyBirth,
        What::Death(_) => Duty::FamilyDeath,
        What::Split(_) | What::Back(..) => Duty::FamilySplit,
        What::Merge(_) => Duty::FamilyMerge,
    }
}

/// The second operator, where one is named.
pub(super) fn second(
    session: &Session,
    keys: Option<&Path>,
    passphrase: Option<&Path>,
) -> Outcome<Option<Signer>> {
    let open = |keys| signer::open(session, keys, passphrase, "--second-passphrase-file FILE");
    keys.map(open).transpose()
}

/// Makes sure that the second is somebody else, and an approver or a supervisor of each of these programmes; where there is
/// none, of each the node serves.
pub(super) fn two(
    node: &Node,
    (first, second): (&Signer, &Signer),
    programmes: &[ProgrammeId],
) -> Outcome {
    if second.public() == first.public() {
        return Err(Fault::refused("the second operator must be somebody else."));
    }
    let served = node.certificate().map(|c| c.programmes.to_vec()).unwrap_or_default();
    let programmes = if programmes.is_empty() { &served } else { programmes };
    if programmes.is_empty() {
        return Err(Fault::refused("this node serves no programme."));
    }
    for programme in programmes {
        let at = node.stamp(&node.feed(Lane::Registry, *programme))?;
        let of = node.store().charter()?.programme(*programme).map(|p| p.org);
        let orgs: Vec<OrgId> = node.org().into_iter().chain(of).collect();
        let duty = (Duty::FamilyPinSecond, *programme);
        second.may(node, &orgs, duty, at)?;
    }
    Ok(())
}
