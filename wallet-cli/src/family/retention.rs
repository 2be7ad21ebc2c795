use std::collections::BTreeSet;

use annona_ledger::duty::Duty;
use annona_ledger::id::{Lane, OrgId};
use annona_node::retention::{self, DataClass, Thing};
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona family retention --dry-run --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family retention --operator mara.keys --operator-passphrase-file pass.txt";

/// Destroys what has had its time: records of consents that ended, lists of what was opened, families that were merged,
/// keys of cycles, old copies of other sites' keys. Each class has a clock of its own (spec/privacy.md).
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Retention {
    #[command(flatten)]
    operator: Operator,
    /// List what is due; destroy nothing
    #[arg(long)]
    dry_run: bool,
}

impl Retention {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        let due = retention::due(&node, &vault, retention::today(&node)?)?;
        // For each programme something of goes; where that is none of them, for one the node serves.
        let mut programmes = BTreeSet::new();
        for one in &due {
            match &one.what {
                Thing::Paper(id, _) | Thing::Household(id) => {
                    programmes.extend(vault.programmes(*id)?);
                }
                Thing::Cycle(programme, _) => {
                    programmes.insert(*programme);
                }
                Thing::Copy(_) => {}
            }
        }
        if programmes.is_empty() {
            programmes.extend(node.certificate().and_then(|c| c.programmes.first().copied()));
        }
        if programmes.is_empty() {
            return Err(Fault::refused("this node serves no programme."));
        }
        for programme in programmes {
            let at = node.stamp(&node.feed(Lane::Registry, programme))?;
            let of = node.store().charter()?.programme(programme).map(|about| about.org);
            let orgs: Vec<OrgId> = node.org().into_iter().chain(of).collect();
            let role = (Duty::FamilyRetention, programme);
            signer.may(&node, &orgs, role, at)?;
        }
        let mut rows = Vec::new();
        for class in DataClass::ALL {
            let these = due.iter().filter(|one| one.class == class);
            let things: Vec<String> = these.map(|one| thing(&one.what)).collect();
            let value = json!({ "class": class.word(), "days": class.days(), "due": things });
            let (days, many) = (class.days(), things.len());
            rows.push((value, format!("{:<11} after {days:>5} days  {many} due", class.word())));
        }
        if !self.dry_run && !due.is_empty() {
            // Which they are, too: as many others are others.
            let about: Vec<String> = rows.iter().map(|(value, _)| value.to_string()).collect();
            let list: String = rows.iter().map(|(_, line)| format!("{line}\n")).collect();
            let all = count(due.len() as u64, "thing", "things");
            let question = format!("{list}Destroy {all} for good?");
            session.confirm(&question, &[about.concat().as_bytes()])?;
            retention::carry_out(&mut node, &mut vault, &due, signer.key())?;
            session.screen.note(format!("{all} destroyed."));
        }
        for (value, line) in rows {
            session.screen.answer("due", value, || line)?;
        }
        Ok(node.close()?)
    }
}

/// What is due, by numbers that name nobody.
fn thing(what: &Thing) -> String {
    match what {
        Thing::Paper(id, _) | Thing::Household(id) => format!("family {id}"),
        Thing::Cycle(programme, cycle) => format!("cycle {cycle} of programme {programme}"),
        Thing::Copy(site) => format!("copy of {}", hex(site)),
    }
}
