use annona_ledger::id::Lane;
use annona_node::keystore::Name;
use annona_node::serve;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::holder;
use crate::pay::gone;
use crate::session::Session;
use crate::words::{print_minute, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona entitle balance 1
  $ annona entitle balance desk:B1-002 --json";

/// Says what a family may still receive here, by commodity.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Balance {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
}

impl Balance {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        // A family that was erased, or never was, has no balance of nothing.
        vault.household(id)?;
        // Whose it is, before how much: numbers that look alike mean different people.
        if !session.screen.json()
            && let Some(told) = holder::told(&vault, id)
        {
            session.screen.answer("family", json!({}), || told)?;
        }
        let charter = node.store().charter()?.clone();
        let cycles: Vec<_> = node
            .keys()
            .names()
            .filter_map(|name| match name {
                Name::Cycle(programme, cycle) => Some((programme, cycle)),
                _ => None,
            })
            .collect();
        let (mut lines, mut purses) = (0u64, Vec::new());
        for (programme, cycle) in cycles {
            let purse = holder::purse(&node, &vault, id, programme, cycle)?;
            purses.push(purse);
            let feed = node.feed(Lane::Value, programme);
            let at = node.stamp(&feed)?;
            let left = {
                let work = node.store().look()?;
                let left = serve::balance(&work, &feed, &purse, at);
                work.check()?;
                left
            };
            for left in left {
                let about = charter.programme(programme);
                let commodity = about.and_then(|p| p.commodity(left.commodity));
                let (Some(about), Some(commodity)) = (about, commodity) else { continue };
                lines += 1;
                let (amount, until) = (
                    print_units(commodity, i128::from(left.units)),
                    print_minute(left.expires, charter.founded()),
                );
                let value = json!({
                    "family": id, "programme": programme, "cycle": left.cycle,
                    "commodity": left.commodity, "units": left.units, "until": until,
                });
                session.screen.answer("balance", value, || {
                    format!(
                        "{amount} {}, {} cycle {}, until {until}",
                        commodity.name, about.name, left.cycle
                    )
                })?;
            }
        }
        if lines == 0 {
            let place = gone(&node, &purses)?;
            let place = place.map(|place| format!(" It was sent to {place}: it is served there."));
            let place = place.unwrap_or_default();
            session.screen.note(format!("Family {id} has nothing left to receive here.{place}"));
        }
        Ok(node.close()?)
    }
}
