use annona_ledger::id::{Lane, ProgrammeId, Purse};
use annona_node::household;
use annona_node::keystore::Name;
use annona_node::node::Node;
use annona_node::serve::{self, Held, Left};
use annona_node::vault::{HouseholdId, Vault};
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::holder;
use crate::pay::{gone, hold};
use crate::session::Session;
use crate::words::{print_minute, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona entitle balance 1
  $ annona entitle balance desk:B1-002 --json";

/// What one purse of a family has here.
pub(crate) struct Here {
    pub(crate) programme: ProgrammeId,
    pub(crate) left: Vec<Left>,
    pub(crate) held: Vec<Held>,
    purse: Purse,
}

/// What a family may still receive here, in each cycle whose key is here.
pub(crate) fn all(node: &Node, vault: &Vault, id: HouseholdId) -> Outcome<Vec<Here>> {
    let cycles = node.keys().names().filter_map(|name| match name {
        Name::Cycle(programme, cycle) => Some((programme, cycle)),
        _ => None,
    });
    let here = |(programme, cycle)| {
        let purse = holder::purse(node, vault, id, programme, cycle)?;
        let feed = node.feed(Lane::Value, programme);
        let at = node.stamp(&feed)?;
        let work = node.store().look()?;
        let left = serve::balance(&work, &feed, &purse, at);
        let mut held = serve::held(&work, &feed, at);
        held.retain(|held| held.purse == purse);
        work.check()?;
        Ok(Here { programme, left, held, purse })
    };
    cycles.map(here).collect()
}

/// Says what a family may still receive here, by commodity, and what of it is put by: its own, and what lies for those who were
/// merged into it.
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
        let (mut lines, mut purses) = (0u64, Vec::new());
        // What lies for those who were merged into it is collected, and handed out, with its own.
        let mut here: Vec<(Option<HouseholdId>, Here)> = Vec::new();
        here.extend(all(&node, &vault, id)?.into_iter().map(|here| (None, here)));
        for husk in household::merged_into(&vault, &node.federation()?, id)? {
            here.extend(all(&node, &vault, husk)?.into_iter().map(|here| (Some(husk), here)));
        }
        for (of, here) in here {
            purses.push(here.purse);
            let merged = of.map(|of| format!(", as family {of}, merged into this one"));
            let merged = merged.unwrap_or_default();
            let programme = here.programme;
            let Some(about) = charter.programme(programme) else { continue };
            for left in here.left {
                let Some(commodity) = about.commodity(left.commodity) else { continue };
                lines += 1;
                let (amount, until) = (
                    print_units(commodity, i128::from(left.units)),
                    print_minute(left.expires, charter.founded()),
                );
                let value = json!({
                    "family": id, "merged": of, "programme": programme, "cycle": left.cycle,
                    "commodity": left.commodity, "units": left.units, "until": until,
                });
                session.screen.answer("balance", value, || {
                    format!(
                        "{amount} {}, {} cycle {}, until {until}{merged}",
                        commodity.name, about.name, left.cycle
                    )
                })?;
            }
            for held in here.held {
                lines += 1;
                let known = about.commodity(held.commodity);
                let (value, words) = hold::line(programme, known, charter.founded(), &held);
                session.screen.answer("held", value, || format!("{words}{merged}"))?;
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
