use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::charter::Charter;
use annona_ledger::cut;
use annona_ledger::entry::{Entry, Owner, Value};
use annona_ledger::id::{CommodityId, FeedId, Lane, ProgrammeId, Purse};
use annona_ledger::time::Minute;
use annona_ledger::view::View;
use annona_node::node::{Composed, Node, Request};
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, count, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona node end --dry-run
  $ annona node end --programme Food --leave-food";

/// Ends this node's value feeds for good: nothing is written after it, and what is left of them is known exactly.
///
/// For a node that heard it was fenced or revoked, or that hands over. What it still holds becomes suspense once the
/// charter fences it, and can then be released whole without charging anybody. Whatever families have not fetched here,
/// nobody can hand out or send on after it: that goes to other sites before.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct End {
    /// Only this programme's feed, by number or name
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    /// End them although families have food here that no ticket takes elsewhere
    #[arg(long)]
    leave_food: bool,
    /// Show which feeds would end; write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What lies in a feed that is to end.
#[derive(Default)]
struct Left {
    families: BTreeSet<Purse>,
    theirs: BTreeMap<(ProgrammeId, CommodityId), i128>,
    others: BTreeMap<(ProgrammeId, CommodityId), i128>,
}

impl Left {
    fn of(node: &Node, feeds: &[FeedId], at: Minute) -> Outcome<Self> {
        let mut left = Self::default();
        let work = node.store().look()?;
        let chains: BTreeMap<_, _> =
            feeds.iter().filter_map(|feed| Some((work.trunk(feed)?, feed.programme))).collect();
        for (place, lot) in work.all_lots() {
            let Some(programme) = chains.get(&place.chain) else { continue };
            if lot.balance.units() <= 0 {
                continue;
            }
            let sums = match lot.owner {
                Owner::Purse(purse) if lot.expires >= at => {
                    left.families.insert(purse);
                    &mut left.theirs
                }
                _ => &mut left.others,
            };
            let sum = sums.entry((*programme, lot.commodity)).or_default();
            *sum = sum.saturating_add(lot.balance.units());
        }
        work.check()?;
        Ok(left)
    }
}

fn said(charter: &Charter, sums: &BTreeMap<(ProgrammeId, CommodityId), i128>) -> String {
    let said = sums.iter().filter_map(|((programme, commodity), units)| {
        let commodity = charter.programme(*programme)?.commodity(*commodity)?;
        Some(format!("{} {}", print_units(commodity, *units), commodity.name))
    });
    said.collect::<Vec<_>>().join(", ")
}

impl End {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let programmes = match &self.programme {
            Some(text) => vec![words::programme(&charter, text)?.0],
            None => node.certificate().map(|c| c.programmes.to_vec()).unwrap_or_default(),
        };
        let feeds: Vec<FeedId> = {
            let work = node.store().look()?;
            let feeds = programmes.into_iter().map(|p| node.feed(Lane::Value, p));
            let open =
                |feed: &FeedId| work.trunk(feed).is_some_and(|chain| work.ended(chain).is_none());
            let feeds = feeds.filter(open).collect();
            work.check()?;
            feeds
        };
        let names: Vec<String> = feeds.iter().map(|feed| feed.short().to_string()).collect();
        // What a clock that is ahead calls over is still theirs.
        let left = Left::of(&node, &feeds, node.between()?.earliest)?;
        let families = count(left.families.len() as u64, "family has", "families have");
        let food = format!("{families} {} here", said(&charter, &left.theirs));
        if !left.families.is_empty() {
            session.screen.warn(format!("{food}, which nobody can hand out or send on after it."));
        }
        if !left.others.is_empty() {
            let others = said(&charter, &left.others);
            session.screen.warn(format!("{others} beside it: `annona pay return` sends it back."));
        }
        let is_cut = {
            let work = node.store().look()?;
            let cut = feeds.iter().all(|feed| cut::lowest(&work, &feed.short()).is_some());
            work.check()?;
            cut
        };
        if !self.dry_run && !left.families.is_empty() && !is_cut && !self.leave_food {
            return Err(Fault::refused(format!("{food}, and nobody has cut this node.")).then(
                "send it to a site that goes on, family by family, `annona pay ticket --family F --to SITE`; or say --leave-food.",
            ));
        }
        if !self.dry_run && !feeds.is_empty() {
            let question = format!("End {} for good?", names.join(", "));
            session.confirm(&question, &[])?;
            let mut group: Vec<_> = feeds
                .iter()
                .map(|feed| Request {
                    feed: *feed,
                    compose: Box::new(|_, _, at| {
                        Ok(vec![Composed::from(Entry::Value(Value::End { at }))])
                    }),
                })
                .collect();
            let answers = node.write(&mut group)?;
            drop(group);
            for answer in answers {
                answer?;
            }
            node.seal(&feeds)?;
        }
        node.close()?;
        let value =
            json!({ "feeds": names, "families": left.families.len(), "ended": !self.dry_run });
        session.screen.answer("ended", value, || match (names.is_empty(), self.dry_run) {
            (true, _) => "no feed of this node is open".to_owned(),
            (false, true) => format!("would end {}", names.join(", ")),
            (false, false) => format!("ended {}", names.join(", ")),
        })
    }
}
