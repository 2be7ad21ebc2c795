use annona_ledger::id::CycleId;
use annona_node::cycle_key;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona cycle key --programme Food --cycle 1
  $ annona cycle key --programme Food --cycle 1 --dry-run --json";

/// Gives the key of a cycle to every site of the programme, so that a family known at two of them has one purse.
///
/// Run it where the charter's budget of the cycle lies: at the treasury. The key is sealed to each site and travels in
/// the next bundle; sites admitted later get it by running this again. At a site it tells whether the key has arrived.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct GiveKey {
    /// The programme, by number or name
    #[arg(long, value_name = "P")]
    programme: String,
    /// The cycle, by number
    #[arg(long, value_name = "N")]
    cycle: u16,
    /// Say whom it would go to; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl GiveKey {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::programme(&charter, &self.programme)?;
        let cycle = CycleId(self.cycle);
        if node.store().roster().cycle(programme, cycle).is_none() {
            return Err(Fault::refused(format!("cycle {cycle} of {} was not opened.", about.name))
                .then("`annona cycle open` opens one, `annona node learn FILE` takes it in."));
        }
        if !cycle_key::gives(&node, programme, cycle)? {
            let here = cycle_key::learn(&mut node, programme, cycle)?;
            node.close()?;
            if !here {
                return Err(Fault::refused(format!(
                    "the key of cycle {cycle} of {} has not reached this node.",
                    about.name
                ))
                .then(
                    "Its treasury runs `annona cycle key`; the next bundle from there brings it.",
                ));
            }
            let value = json!({ "programme": programme, "cycle": self.cycle, "here": true });
            return session.screen.answer("cycle_key", value, || {
                format!("The key of cycle {cycle} of {} is here", about.name)
            });
        }
        let (to, before): (Vec<_>, Vec<_>) = if self.dry_run {
            let sites = cycle_key::sites(&node, programme)?;
            (sites.iter().map(|site| site.short()).collect(), Vec::new())
        } else {
            let given = cycle_key::give(&mut node, programme, cycle)?;
            (given.to, given.before)
        };
        let sites: Vec<String> =
            to.iter().map(|to| words::site(node.store().roster(), to)).collect();
        node.close()?;
        let names: Vec<String> = to.iter().map(|node| hex(node)).collect();
        let value = json!({
            "programme": programme, "cycle": self.cycle, "given_to": names,
            "had_it": before.iter().map(|node| hex(node)).collect::<Vec<_>>(),
        });
        session.screen.answer("cycle_key", value, || {
            let verb = if self.dry_run { "would go" } else { "is on its way" };
            let whom = count(names.len() as u64, "site", "sites");
            format!(
                "The key of cycle {cycle} of {} {verb} to {whom} {}",
                about.name,
                sites.join(", ")
            )
        })?;
        if !self.dry_run {
            session.screen.note("Next: `annona bundle export` carries it to them.");
        }
        Ok(())
    }
}
