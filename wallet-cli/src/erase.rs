//! `annona erase`: destroys what is kept of a family, and follows what others erased.

use annona_ledger::duty::Duty;
use annona_ledger::id::Lane;
use annona_node::consent::ConsentFault;
use annona_node::node::Node;
use annona_node::vault::{HouseholdId, Vault, VaultFault};
use annona_node::{copies, erase};
use clap::Args;
use serde_json::json;

use crate::entitle::balance;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::letter;
use crate::session::Session;
use crate::signer::Operator;
use crate::words::{count, hex, print_date, print_minute, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona erase 2 --dry-run --operator mara.keys --operator-passphrase-file pass.txt
  $ annona erase --finish --operator mara.keys --operator-passphrase-file pass.txt
  $ annona erase --follow
  $ annona erase --pending --json";

/// Erases a family for good: data keys destroyed, records gone from every file of this node, and said on the ledger,
/// under a commitment that leads to nobody once the keys are gone, so that every other node destroys its copies.
///
/// What she may still receive goes with it: nobody finds her purse any more. Hand it out first (`annona pay charge`), or
/// give her a ticket for another site (`annona pay ticket`); the question and --dry-run say how much it is.
///
/// What stays: pseudonymous entries of what was handed out, which nothing leads back to her any more; paper in other
/// hands; and what she agreed that others may have, at those others.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Erase {
    /// The family: its number, its short code, or SOURCE:KEY
    #[arg(required_unless_present_any = ["pending", "follow", "finish"], conflicts_with_all = ["pending", "follow", "finish"])]
    family: Option<String>,
    /// List erasures that some node has not said it followed
    #[arg(long, conflicts_with_all = ["follow", "finish"])]
    pending: bool,
    /// Destroy here what other nodes erased, and say so
    #[arg(long)]
    follow: bool,
    /// Do the rest of an erasure that was interrupted: destroy the keys of before, and say it on the ledger
    #[arg(long, conflicts_with = "follow")]
    finish: bool,
    /// Erase a family whose keys are not here and at no keeper either: no other node can be told
    #[arg(long, requires = "family")]
    untold: bool,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be erased; erase nothing
    #[arg(long)]
    dry_run: bool,
}

impl Erase {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match &self.family {
            Some(family) => self.erase(session, family),
            None if self.follow => follow(session, self.dry_run),
            None if self.finish => self.finish(session),
            None => pending(session),
        }
    }

    fn erase(&self, session: &Session, family: &str) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, family)?;
        let people = vault.members(id)?;
        let org = node.org();
        let all = erase::with_merged(&node, &vault, id)?;
        let mut programmes = Vec::new();
        for id in &all {
            programmes.extend(vault.programmes(*id)?);
        }
        if programmes.is_empty() {
            programmes.extend(node.certificate().and_then(|c| c.programmes.first().copied()));
        }
        for programme in &programmes {
            let at = node.stamp(&node.feed(Lane::Registry, *programme))?;
            let role = (Duty::Erase, *programme);
            signer.may(&node, org.as_slice(), role, at)?;
        }
        // Before she is asked: without her keys nobody else would hear of it.
        let told = all
            .iter()
            .try_fold(0, |sum, id| erase::told_as(&node, &vault, *id).map(|told| sum + told.len()));
        let told = match told {
            Ok(told) => told,
            Err(ConsentFault::Vault(VaultFault::NoKey { .. })) if self.untold => 0,
            Err(fault) => {
                return Err(Fault::from(fault).then(
                    "Nothing was erased. Take its keys first, so that others are told; where nobody has them, --untold.",
                ));
            }
        };
        let mut people = count(people, "person", "people");
        if all.len() > 1 {
            let merged = all.len() as u64 - 1;
            people += &format!(", with {} merged into it", count(merged, "family", "families"));
        }
        // Hers, and nobody can tell whose it is afterwards.
        let unfetched = unfetched(&node, &vault, &all)?;
        let lost = unfetched.iter().map(|(_, words)| words.as_str()).collect::<Vec<_>>().join(", ");
        let goes = |words: &str| {
            if lost.is_empty() { String::new() } else { format!(" {words}: {lost}.") }
        };
        let mut erased = Vec::new();
        let stopped = letter::waiting(&node, |about| all.contains(&about.family));
        if !self.dry_run {
            let question = format!(
                "Erase family {id} ({people}) for good? Nothing brings it back.{}",
                goes("What she has not fetched goes too (hand it out first, or give her a ticket)")
            );
            // These families, as they are now; what cannot be opened for want of its keys cannot have been changed.
            let named = format!("{all:?}");
            let open = all.iter().filter_map(|id| crate::family::open(&vault, *id).ok());
            let records = open.map(|family| family.encode()).collect::<Result<Vec<_>, _>>()?;
            let mut about = vec![named.as_bytes()];
            about.extend(records.iter().map(|record| record.as_slice()));
            session.confirm(&question, &about)?;
            if told == 0 && self.untold {
                erase::erase_untold(&mut node, &mut vault, id, signer.key())?;
            } else {
                erased = erase::erase(&mut node, &mut vault, &[id], signer.key())?;
            }
        }
        if !self.dry_run {
            letter::stopped(session, &node, stopped);
        }
        let waiting = erase::pending(&node, &vault)?;
        let waiting = waiting.iter().filter(|p| erased.contains(&p.erasure));
        let waiting: usize = waiting.map(|p| p.nodes.len()).sum();
        let behind: Vec<_> =
            vault.copies()?.iter().filter(|c| c.behind > 0).map(|c| hex(&c.node)).collect();
        node.close()?;
        let commitments: Vec<_> = erased.iter().map(|e| e.commitment.to_string()).collect();
        let value = json!({
            "family": id, "erased": !self.dry_run, "commitments": commitments, "pending": waiting,
            "copies_behind": behind, "families": all, "letters_stopped": stopped,
            "unfetched": unfetched.iter().map(|(value, _)| value).collect::<Vec<_>>(),
        });
        session.screen.answer("erased", value, || {
            if self.dry_run {
                let goes = goes("What she has not fetched would go too (hand it out first, or give her a ticket)");
                format!("Family {id} ({people}) would be erased.{goes}")
            } else {
                let goes = goes("What she had not fetched cannot be given to her any more");
                format!("Family {id} ({people}) is erased.{goes}")
            }
        })?;
        if told < programmes.len() {
            session.screen.warn(
                "no other node can be told of it: what is kept of the family elsewhere, keys and copies, must be destroyed there by hand.",
            );
        }
        for one in erased.iter().filter(|one| !one.said) {
            session.screen.warn(format!(
                "she is erased here, and the ledger does not say so yet for programme {}: this node may not write there. \
                 Once it has a certificate for it, or is no longer cut, `annona erase --finish` says it.",
                one.programme
            ));
        }
        if waiting > 0 {
            session.screen.note(format!(
                "Erasure pending at {}: they hear of it with the next sync. See `annona erase --pending`.",
                count(waiting as u64, "node", "nodes")
            ));
        }
        if !behind.is_empty() {
            session.screen.note(format!(
                "Copies of the keys are of before: make them anew for {} with `annona family keys copy --to NODE --out \
                 FILE`.",
                behind.join(", ")
            ));
        }
        session.screen.note(
            "The lists she came from still have her: take her out there too. `annona family import` leaves her out here; \
             at any other site it registers her anew.",
        );
        if !self.dry_run {
            session.screen.note(
                "Destroy any file made by `annona backup --people-keys` before now, and make a new one.",
            );
        }
        Ok(())
    }
}

/// What these families may still receive here. Of one whose keys are not here nobody can tell, now or later.
fn unfetched(
    node: &Node,
    vault: &Vault,
    families: &[HouseholdId],
) -> Outcome<Vec<(serde_json::Value, String)>> {
    let mut found = Vec::new();
    for id in families.iter().filter(|id| vault.registration(**id).is_ok()) {
        for here in balance::all(node, vault, *id)? {
            let charter = node.store().charter()?;
            let Some(about) = charter.programme(here.programme) else { continue };
            let left = here.left.iter().map(|l| (l.cycle, l.commodity, l.units, l.expires));
            let held = here.held.iter().map(|h| (h.cycle, h.commodity, h.units, h.until));
            for (cycle, commodity, units, until) in left.chain(held).filter(|(.., n, _)| *n > 0) {
                let Some(known) = about.commodity(commodity) else { continue };
                let until = print_minute(until, charter.founded());
                let amount = print_units(known, i128::from(units));
                let value = json!({
                    "family": id, "programme": here.programme, "cycle": cycle,
                    "commodity": commodity, "units": units, "until": until,
                });
                found.push((value, format!("{} {amount} until {until}", known.name)));
            }
        }
    }
    Ok(found)
}

impl Erase {
    fn finish(&self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let mut vault = node.vault()?;
        let unsaid: Vec<_> = vault.erasures()?.into_iter().filter(|one| !one.said).collect();
        for one in &unsaid {
            let at = node.stamp(&node.feed(Lane::Registry, one.programme))?;
            let (org, role) = (node.org(), (Duty::Erase, one.programme));
            signer.may(&node, org.as_slice(), role, at)?;
        }
        let mut said = unsaid.len() as u64;
        if !self.dry_run {
            said = erase::finish(&mut node, &mut vault, signer.key())?;
        }
        node.close()?;
        let value = json!({ "said": said, "written": !self.dry_run });
        session.screen.answer("finished", value, || {
            let verb = if self.dry_run { "would be said" } else { "said" };
            format!("{} {verb} on the ledger.", count(said, "erasure", "erasures"))
        })
    }
}

fn follow(session: &Session, dry_run: bool) -> Outcome {
    if dry_run {
        return Err(Fault::usage("--follow destroys what others erased: there is no trying it."));
    }
    let mut node = session.signing_node()?;
    let mut vault = session.vault(&node)?;
    let followed = erase::follow(&mut node, &mut vault)?;
    crate::family::tell_unreadable(session, &copies::kept(&node)?);
    node.close()?;
    session.screen.answer("followed", json!({ "erasures": followed }), || {
        format!("{} followed.", count(followed, "erasure", "erasures"))
    })
}

fn pending(session: &Session) -> Outcome {
    let node = session.node()?;
    let vault = session.vault(&node)?;
    let all = erase::pending(&node, &vault)?;
    for one in &all {
        let mut nodes = Vec::new();
        let mut gone = Vec::new();
        for who in &one.nodes {
            nodes.push(hex(who));
            // Who is not dealt with any more will not follow: that is for people to go after.
            if let Some(why) = copies::stands(&node, who)?.err() {
                gone.push(format!("{}: {why}", hex(who)));
            }
        }
        let value = json!({
            "erasure": one.erasure.commitment.to_string(), "programme": one.erasure.programme,
            "nodes": nodes, "gone": gone,
        });
        session.screen.answer("pending", value, || {
            let gone = gone.iter().map(|why| format!("\n  {why}")).collect::<String>();
            format!("{}  {}{gone}", one.erasure.commitment, nodes.join(", "))
        })?;
    }
    let day = print_date(session.now());
    let words = count(all.len() as u64, "erasure is", "erasures are");
    session.screen.note(format!("{words} pending, as of {day} and what was heard by then."));
    Ok(node.close()?)
}
