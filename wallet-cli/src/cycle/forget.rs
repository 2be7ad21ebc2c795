use annona_ledger::id::CycleId;
use annona_node::cycle_key;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona cycle forget --programme Food --cycle 1 --dry-run
  $ annona cycle forget --programme Food --cycle 1 --dry-run --json";

/// Destroys the key of a cycle that is over: from then on no purse of it leads back to a family.
///
/// A cycle is over 90 days after the last minute of its entitlements, once the charter has closed it. Until then refunds,
/// late receipts and appeals still need its purses. Run it at every site of the programme.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Forget {
    /// The programme, by number or name
    #[arg(long, value_name = "P")]
    programme: String,
    /// The cycle, by number
    #[arg(long, value_name = "N")]
    cycle: u16,
    /// Say from when it may be done; destroy nothing
    #[arg(long)]
    dry_run: bool,
}

impl Forget {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::programme(&charter, &self.programme)?;
        let cycle = CycleId(self.cycle);
        let from = cycle_key::over_from(&node, programme, cycle)?;
        let say = |from| print_minute(from, charter.founded());
        let due = cycle_key::is_over(&node, programme, cycle)?;
        if self.dry_run {
            node.close()?;
            let value = json!({
                "programme": programme, "cycle": self.cycle, "from": from.map(|m| m.0), "due": due,
            });
            return session.screen.answer("cycle_forget", value, || match from {
                None => format!("Cycle {cycle} of {} is not closed: its key stays", about.name),
                Some(from) => {
                    format!("The key of cycle {cycle} of {} may go from {}", about.name, say(from))
                }
            });
        }
        let Some(from) = from else {
            return Err(Fault::refused(format!(
                "cycle {cycle} of {} is not closed, and its key is still asked for.",
                about.name
            ))
            .then("`annona cycle close` closes it."));
        };
        if !due {
            return Err(Fault::refused(format!(
                "the key of cycle {cycle} of {} is needed for late receipts and appeals until {}.",
                about.name,
                say(from)
            ))
            .then("Run it again from then on; `--dry-run` says when that is."));
        }
        let here = cycle_key::forget(&mut node, programme, cycle)?;
        node.close()?;
        let value = json!({ "programme": programme, "cycle": self.cycle, "destroyed": here });
        session.screen.answer("cycle_forget", value, || {
            let done = if here { "is destroyed" } else { "was not here" };
            format!("The key of cycle {cycle} of {} {done}", about.name)
        })
    }
}
