mod beside;

use annona_ledger::consent::{People, Verdict};
use annona_ledger::duty::Duty;
use annona_ledger::id::{Commitment, Lane, ProgrammeId};
use annona_ledger::view::View;
use annona_node::consent;
use annona_node::duplicates::{Pair, pair_commitment, people, propose, verdict};
use annona_node::keystore::{Name, Secret};
use annona_node::node::{Node, NodeFault};
use annona_node::seal::Key;
use annona_node::vault::{HouseholdId, Vault};
use clap::{Args, Subcommand};
use serde_json::json;

use super::{fields, show};
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;
use crate::signer::Operator;
use crate::words::{self, count};

const EXAMPLES: &str = "\
Examples:
  $ annona family duplicates list
  $ annona family duplicates show 1 2";

const LIST: &str = "\
Examples:
  $ annona family duplicates list
  $ annona family duplicates list --all --json";

const SHOW: &str = "\
Examples:
  $ annona family duplicates show 1 2
  $ annona family duplicates show desk:B1-001 desk:B1-002 --json";

const DECIDE: &str = "\
Examples:
  $ annona family duplicates decide 1 2 --verdict distinct --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona family duplicates decide 1 2 --verdict adjudicate --operator yusuf.keys \\
      --operator-passphrase-file pass.txt --dry-run";

/// Families that may be registered twice: proposed by likeness, decided by a person. None of it keeps anybody from aid.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Duplicates {
    List(List),
    Show(Side),
    Decide(Decide),
}

/// Looks for families that may be registered twice, and lists the pairs nobody has decided.
#[derive(Args)]
#[command(before_help = LIST)]
pub(crate) struct List {
    /// The programme whose verdicts count [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    /// Also those that are decided
    #[arg(long)]
    all: bool,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

/// Shows two families side by side, for a person to decide.
#[derive(Args)]
#[command(before_help = SHOW)]
pub(crate) struct Side {
    /// One family: its number, its short code, or SOURCE:KEY
    one: String,
    /// The other
    other: String,
}

/// Says what two families are: duplicate, distinct, or adjudicate. It stands on the ledger as a word about a pair nobody
/// else can name, and changes neither record nor entitlement.
#[derive(Args)]
#[command(before_help = DECIDE)]
pub(crate) struct Decide {
    /// One family: its number, its short code, or SOURCE:KEY
    one: String,
    /// The other
    other: String,
    /// What they are: duplicate, distinct, adjudicate
    #[arg(long, value_name = "WORD", value_parser = word)]
    verdict: Verdict,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Check everything; say nothing on the ledger
    #[arg(long)]
    dry_run: bool,
}

fn word(text: &str) -> Result<Verdict, String> {
    Verdict::of(text).ok_or_else(|| {
        let all: Vec<&str> = Verdict::ALL.iter().map(|verdict| verdict.word()).collect();
        format!("one of: {}", all.join(", "))
    })
}

impl Duplicates {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::List(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Decide(command) => command.run(session),
        }
    }
}

/// What a pair is called on the ledger.
fn named(
    node: &Node,
    vault: &Vault,
    programme: ProgrammeId,
    (one, other): (HouseholdId, HouseholdId),
) -> Outcome<Commitment> {
    let key = node.keys().get(Name::Vault).and_then(Secret::as_seed);
    let key = key.ok_or(NodeFault::NoKey("key of the person file"))?;
    let (one, other) = (vault.registration(one)?, vault.registration(other)?);
    Ok(pair_commitment(key, programme, [&*one, &*other]))
}

impl List {
    fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let vault = session.vault(&node)?;
        let charter = node.store().charter()?.clone();
        let (programme, _) = words::served(&node, &charter, self.programme.as_deref())?;
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = vault.all(after, usize::MAX)?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for id in page {
                all.push((id, show::open(&vault, id)?));
            }
        }
        let households = all.len() as u64;
        let found = propose(&Key::random()?, year(&node), all.into_iter());
        let work = node.store().look()?;
        let mut listed: Vec<(&Pair, Option<Verdict>)> = Vec::new();
        for pair in &found.pairs {
            let named = named(&node, &vault, programme, (pair.one, pair.other))?;
            let said = verdict(named, &work.told(&named)).map(|(verdict, _)| verdict);
            // What one person could not tell, another must: it stays on the list.
            let open = said.is_none_or(|verdict| verdict == Verdict::Adjudicate);
            if self.all || open {
                listed.push((pair, said));
            }
        }
        work.check()?;
        drop(work);
        let more = listed.len().saturating_sub(self.limit);
        for (pair, said) in listed.into_iter().take(self.limit) {
            let (score, reasons) = (pair.likeness.score, pair.likeness.reasons.join(", "));
            let said = said.map_or("", Verdict::word);
            let value = json!({
                "one": pair.one, "other": pair.other, "score": score, "reasons": pair.likeness.reasons,
                "verdict": said,
            });
            session.screen.answer("pair", value, || {
                let said = if said.is_empty() { "not decided" } else { said };
                format!(
                    "families {} and {}: {score} of 100, {reasons}; {said}",
                    pair.one, pair.other
                )
            })?;
        }
        session.screen.note(format!(
            "{} looked through, {} compared{}. Show two side by side: `annona family duplicates show`.",
            count(households, "family", "families"),
            count(found.compared, "pair", "pairs"),
            if more > 0 { format!("; {more} more") } else { String::new() },
        ));
        Ok(node.close()?)
    }
}

/// The year it is, for those of whom only an age is known.
fn year(node: &Node) -> i64 {
    i64::try_from(node.now().0 / 31_556_952_000).unwrap_or_default() + 1970
}

impl Side {
    fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let vault = session.vault(&node)?;
        let (one, other) = (holder::find(&vault, &self.one)?, holder::find(&vault, &self.other)?);
        let (left, right) = (show::open(&vault, one)?, show::open(&vault, other)?);
        let people = people(&left, &right, year(&node));
        let value = json!({
            "people": people,
            "one": { "family": one, "household": fields::json_of(&left.whole),
                "members": left.members.iter().map(fields::json_of).collect::<Vec<_>>() },
            "other": { "family": other, "household": fields::json_of(&right.whole),
                "members": right.members.iter().map(fields::json_of).collect::<Vec<_>>() },
        });
        session.screen.answer("side_by_side", value, || {
            beside::beside((one, &left), (other, &right), &people)
        })?;
        Ok(node.close()?)
    }
}

impl Decide {
    fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let vault = session.vault(&node)?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let (one, other) = (holder::find(&vault, &self.one)?, holder::find(&vault, &self.other)?);
        if one == other {
            return Err(Fault::usage("these are one family, not two."));
        }
        let pair = named(&node, &vault, programme, (one, other))?;
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        let orgs = [about.org, node.org().unwrap_or(about.org)];
        signer.may(&node, &orgs, (Duty::DuplicatesDecide, programme), at)?;
        let verdict = self.verdict;
        if !self.dry_run {
            let question = format!("Families {one} and {other} are {}?", verdict.word());
            let (left, right) = (show::open(&vault, one)?, show::open(&vault, other)?);
            session.confirm(&question, &[&left.encode()?, &right.encode()?])?;
            consent::say(&mut node, programme, Some(signer.key()), |on| People::Pair {
                pair,
                verdict,
                on,
            })?;
        }
        node.close()?;
        let value = json!({
            "one": one, "other": other, "verdict": verdict.word(), "written": !self.dry_run,
        });
        session.screen.answer("verdict", value, || {
            let verb = if self.dry_run { "would be" } else { "are" };
            format!("Families {one} and {other} {verb} {}: {}", verdict.word(), verdict.means())
        })
    }
}
