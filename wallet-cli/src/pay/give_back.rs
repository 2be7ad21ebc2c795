use std::collections::BTreeMap;
use std::path::PathBuf;

use annona_ledger::id::{CommodityId, CycleId};
use annona_ledger::time::Minute;
use annona_node::node::{Request, stamp};
use annona_node::serve::{Back, LOTS, Unused, back, baskets, unused};
use annona_node::writer::GROUP;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::ticket::hand_out;
use super::till::Till;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::stop::LongWork;
use crate::words::{self, count};

const RETURN: &str = "\
Examples:
  $ annona pay return --cycle 1 --dry-run
  $ annona pay return --cycle 1 --what budget --out back.ticket";

/// Sends back to the treasury what nobody here can use any more of a cycle: entitlements not fetched until their last
/// minute, and what is over of the site's allowance, reserve and budget.
///
/// It goes as budget, in tickets like any other: the treasury takes them up with `annona pay claim`. What was put by for
/// a time that is over goes with it.
#[derive(Args)]
#[command(before_help = RETURN)]
pub(crate) struct Return {
    /// The cycle it is of
    #[arg(long, value_name = "N")]
    cycle: u16,
    /// Only this; may be said several times [default: all of it]
    #[arg(long, value_enum)]
    what: Vec<What>,
    /// The node it goes to [default: the treasury the charter names for the cycle]
    #[arg(long, value_name = "NODE")]
    to: Option<String>,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Write the tickets to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say what would be sent; write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What may go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Entitlements that were not fetched in time
    Expired,
    /// The site's own allowance
    Float,
    /// What is set aside for another site's families
    Reserve,
    /// What was not issued
    Budget,
}

impl What {
    const fn is(self, left: Unused) -> bool {
        matches!(
            (self, left),
            (Self::Expired, Unused::Expired)
                | (Self::Float, Unused::Float)
                | (Self::Reserve, Unused::Reserve)
                | (Self::Budget, Unused::Budget)
        )
    }
}

impl Return {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = if self.dry_run { session.node()? } else { session.signing_node()? };
        let till = Till::open(&node, self.programme.as_deref())?;
        let cycle = CycleId(self.cycle);
        let to = self.treasury(&node, &till, cycle)?;
        // What ended by a stamp that was dated too late has not ended by a clock that is right.
        let lots = {
            let work = node.store().look()?;
            let wall = Minute::of(node.now(), till.founded);
            let at = stamp(&work, &till.feed, node.now()).at.min(wall);
            let mut lots = unused(&work, &till.feed, cycle, at)?;
            lots.retain(|of| self.what.is_empty() || self.what.iter().any(|w| w.is(of.left)));
            work.check()?;
            lots
        };
        let mut sums: BTreeMap<CommodityId, i128> = BTreeMap::new();
        for Back { row, .. } in &lots {
            let sum = sums.entry(row.commodity).or_default();
            *sum = sum.saturating_add(row.available().units());
        }
        let sums: Vec<String> =
            sums.into_iter().map(|(commodity, units)| till.print(commodity, units)).collect();
        let places = count(lots.len() as u64, "place", "places");
        if lots.is_empty() {
            return Err(Fault::refused(format!(
                "nothing of cycle {cycle} is left here to go back."
            ))
            .then("`annona status` says what is here; `annona pay list` what was put by."));
        }
        if self.dry_run {
            let value = json!({ "places": lots.len(), "sums": sums });
            session.screen.answer("return", value, || {
                format!("would send back {} from {places}. Nothing was written.", sums.join(", "))
            })?;
            return Ok(node.close()?);
        }
        let long = LongWork::begin();
        let (mut sent, mut refused) = (Vec::new(), None);
        for some in baskets(&lots).chunks((GROUP / LOTS).max(1)) {
            long.check()?;
            let mut group: Vec<Request<'_>> = some
                .iter()
                .map(|lots| Request {
                    feed: till.feed,
                    compose: Box::new(move |_, _, at| Ok(back(lots, to, at))),
                })
                .collect();
            let answers = node.write(&mut group)?;
            for answer in answers {
                match answer {
                    Ok(accepted) => sent.extend(accepted),
                    Err(refusal) => refused = refused.or(Some(refusal)),
                }
            }
        }
        if let Some(refusal) = refused {
            if sent.is_empty() {
                return Err(refusal.into());
            }
            session.screen.warn(format!("not all of it could go back: {refusal}"));
        }
        hand_out(session, &node, &till, &sent, self.out.as_deref())?;
        session.screen.note(format!("Of cycle {cycle}: {} from {places}.", sums.join(", ")));
        Ok(node.close()?)
    }

    /// Who takes it: whom the charter named for the budget, where that is one.
    fn treasury(
        &self,
        node: &annona_node::node::Node,
        till: &Till,
        cycle: CycleId,
    ) -> Outcome<[u8; 8]> {
        let here = node.public().short();
        let to = match &self.to {
            Some(to) => words::receiver(node.store().roster(), to)?,
            None => {
                let charter = node.store().charter()?;
                let of = charter
                    .budgets()
                    .map(|(_, line)| line)
                    .filter(|line| line.programme == till.id && line.cycle == cycle);
                // The charter goes on naming a key that nobody has any more, or a thief.
                let roster = node.store().roster();
                let mut all: Vec<[u8; 8]> =
                    of.map(|line| words::in_place_of(roster, line.treasury)).collect();
                all.sort_unstable();
                all.dedup();
                match all.as_slice() {
                    [one] => *one,
                    [] => {
                        return Err(Fault::refused(format!(
                            "the charter has no budget for cycle {cycle}."
                        )));
                    }
                    _ => {
                        return Err(Fault::usage(
                            "several treasuries have a budget of it: say --to NODE.",
                        ));
                    }
                }
            }
        };
        if to == here {
            return Err(Fault::refused(
                "this node is the treasury of the cycle: what is here is back.",
            ));
        }
        Ok(to)
    }
}
