//! Where the units of an entry came from, and where they went.

use annona_ledger::audit::{Cosigned, Source};
use annona_ledger::entry::{Entry, Value};
use annona_ledger::finality::{Finality, Standing, finality};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, FeedRef, ProgrammeId};
use annona_ledger::ticket::{Moved, Sent, Ticket};
use serde::Serialize;

use super::look::{self, LookFault, Looking, Signed};
use super::proof::lot_of;
use crate::config::Zone;

/// Steps of one direction: a trail that is longer is cut, and says so.
const STEPS: usize = 1_000;
/// Feeds one trail is followed through.
const DEPTH: usize = 32;

/// One step of a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The feed, or nothing for the charter.
    pub feed: Option<String>,
    /// The index in the feed.
    pub index: Option<u64>,
    /// By the author's own clock, in the zone asked for; nothing where it has no stamp.
    pub when: String,
    /// What happened.
    pub words: String,
    /// How much, in minor units.
    pub units: Option<u64>,
    /// How final it is, as far as the source shows. `None` for what the charter says, which is final.
    pub finality: Option<&'static str>,
}

/// The way of some units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trail {
    /// From the budget down to the entry asked for.
    pub came: Vec<Step>,
    /// The entry asked for.
    pub entry: Option<Step>,
    /// What became of the lot it opened, or of the redemption it is.
    pub went: Vec<Step>,
    /// Whether the trail is longer than was followed, or leads to what is not here.
    pub cut: bool,
}

/// Follows the units of an entry back to a budget and on to where they were handed out: of several at one place, of the one
/// whose hash begins so, in hexadecimal digits.
///
/// # Errors
///
/// [`LookFault`].
pub fn trace(
    source: &impl Source,
    feed: &FeedRef,
    index: u64,
    name: Option<&str>,
    zone: Zone,
) -> Result<Trail, LookFault> {
    let mut looking = Looking::at(source, zone)?;
    looking.choose(feed, index, name)?;
    let cosigned = source.cosigned();
    let mut tracing = Tracing { looking, cosigned, trail: Trail::default() };
    let value = tracing.looking.value(feed, index)?;
    tracing.trail.entry = Some(tracing.step(feed, index, &value));
    tracing.back((*feed, index), value.clone());
    tracing.trail.came.reverse();
    tracing.on(*feed, index, &value, 0);
    Ok(tracing.trail)
}

struct Tracing<'a, S> {
    looking: Looking<'a, S>,
    cosigned: Cosigned,
    trail: Trail,
}

impl<S: Source> Tracing<'_, S> {
    /// An entry's programme gives its commodity's name; the commodity of a lot is looked up in what opened it.
    fn step(&self, feed: &FeedRef, index: u64, value: &Value) -> Step {
        let units = match value {
            Value::Issue { amount, .. }
            | Value::Redeem { amount, .. }
            | Value::Hold { amount, .. }
            | Value::Refund { amount, .. }
            | Value::FloatRedeem { amount, .. } => Some(amount.units()),
            Value::Send(send) => Some(send.amount.units()),
            Value::FloatCover(cover) => Some(cover.amount.units()),
            Value::Claim { ticket, .. } => match &**ticket {
                Ticket::Sent(sent, _) => match &sent.moved {
                    Moved::Send(send) => Some(send.amount.units()),
                    Moved::Cover(cover) => Some(cover.amount.units()),
                    Moved::Refund { .. } => None,
                },
                Ticket::Budget { epoch, act, line } => {
                    let charter = &self.looking.ground.charter;
                    charter.budget_line(*epoch, *act, *line).map(|line| line.amount.units())
                }
                Ticket::Release { epoch, act } => {
                    let charter = &self.looking.ground.charter;
                    charter.release(*epoch, *act).map(|release| release.amount.units())
                }
            },
            Value::Merchant { .. }
            | Value::Post { .. }
            | Value::Drop { .. }
            | Value::Basket { .. }
            | Value::End { .. }
            | Value::Orphan(_)
            | Value::DayClose { .. }
            | Value::Settle { .. } => None,
        };
        let of = self.of(feed, value);
        let commodity = of.map(|(_, commodity)| commodity);
        let much = units.map(|units| match commodity {
            Some(commodity) => self.looking.labels.amount(feed.programme, commodity, units.into()),
            None => format!("{units} minor units"),
        });
        let much = much.unwrap_or_default();
        let place = self.looking.labels.node(&feed.node);
        let words = match value {
            Value::Issue { purse, list, row, .. } => {
                format!("{place} issues {much} to purse {purse}, row {row} of its list {list}")
            }
            Value::Send(send) => {
                format!("{place} sends {much} to {}", self.looking.labels.node(&send.to))
            }
            Value::Claim { .. } => format!("{place} takes up {much}"),
            Value::Redeem { .. } => format!("{place} hands out {much}"),
            Value::Hold { .. } => format!("{place} sets {much} aside"),
            Value::Post { hold, .. } => format!("{place} hands out what it set aside at {hold}"),
            Value::Drop { hold, .. } => format!("{place} lets go what it set aside at {hold}"),
            Value::Refund { redeem, .. } => {
                format!("{place} takes back {much} of what it handed out at {redeem}")
            }
            Value::FloatRedeem { purse, .. } => {
                format!("{place} hands out {much} of its float to purse {purse}")
            }
            Value::FloatCover(cover) => format!(
                "{place} makes good {much} that {} gave from its float",
                self.looking.labels.node(&cover.float.feed.node)
            ),
            Value::Orphan(orphan) => {
                format!("{place} shows what burnt at {}", self.looking.labels.node(&orphan.node))
            }
            Value::End { .. } => format!("{place} ends its feed"),
            Value::DayClose { .. } => format!("{place} opens or closes its day"),
            Value::Settle { .. } => format!("{place} settles with merchants"),
            Value::Merchant { .. } | Value::Basket { .. } => format!("{place}: no units move"),
        };
        let stamp = value.stamp().map(|at| self.looking.labels.when(at)).unwrap_or_default();
        let finality = self.grade(feed, index, of.map(|(cycle, _)| cycle));
        Step {
            feed: Some(feed.to_string()),
            index: Some(index),
            when: stamp,
            words,
            units,
            finality: Some(finality.word()),
        }
    }

    /// How final an entry is, by its block. A send that is known from its ticket alone has no block here.
    fn grade(&self, feed: &FeedRef, index: u64, cycle: Option<CycleId>) -> Finality {
        finality(&self.standing(feed, index, cycle))
    }

    fn standing(&self, feed: &FeedRef, index: u64, cycle: Option<CycleId>) -> Standing {
        let Ok(found) = self.looking.find(feed, index, None) else { return Standing::default() };
        let Ok(id) = self.looking.feed(feed) else { return Standing::default() };
        let known = (&self.looking.ground.charter, &self.cosigned);
        let signed = Signed::of(self.looking.source, known, &id);
        look::standing(known, (feed, &found.block.header), &signed, cycle)
    }

    /// How final what a ticket says was sent is. Whoever claimed it holds it, and so does who has signed the claim.
    fn grade_of_sent(&self, step: &Step, sent: &Sent, claimed: (&FeedRef, u64)) -> &'static str {
        let (feed, index) = claimed;
        let roster = &self.looking.ground.roster;
        let elsewhere = roster.org_of(&feed.node) != roster.org_of(&sent.node);
        let known = self.looking.find(feed, index, None).is_ok();
        let Standing { seen, certified, .. } = self.standing(feed, index, None);
        match step.finality {
            Some(word) if word != Finality::Accepted.word() => word,
            _ if known && (elsewhere || seen || certified) => Finality::Seen.word(),
            _ => Finality::Accepted.word(),
        }
    }

    /// The cycle and commodity an entry moves.
    fn of(&self, feed: &FeedRef, value: &Value) -> Option<(CycleId, CommodityId)> {
        let mut value = value.clone();
        for _ in 0..DEPTH {
            match &value {
                Value::Send(send) => return Some((send.cycle, send.commodity)),
                Value::FloatCover(cover) => return Some((cover.cycle, cover.commodity)),
                Value::Claim { ticket, .. } => {
                    return match &**ticket {
                        Ticket::Sent(sent, _) => match &sent.moved {
                            Moved::Send(send) => Some((send.cycle, send.commodity)),
                            Moved::Cover(cover) => Some((cover.cycle, cover.commodity)),
                            Moved::Refund { .. } => None,
                        },
                        Ticket::Budget { epoch, act, line } => {
                            let charter = &self.looking.ground.charter;
                            let line = charter.budget_line(*epoch, *act, *line);
                            line.map(|line| (line.cycle, line.commodity))
                        }
                        Ticket::Release { epoch, act } => {
                            let charter = &self.looking.ground.charter;
                            let release = charter.release(*epoch, *act);
                            release.map(|release| (release.cycle, release.commodity))
                        }
                    };
                }
                _ => {}
            }
            let at = |index| self.looking.value(feed, index).ok();
            value = lot_of(&value, &at).and_then(at)?;
        }
        None
    }

    /// From an entry to what filled its lot, up to a budget.
    fn back(&mut self, (mut feed, mut index): (FeedRef, u64), mut value: Value) {
        for _ in 0..DEPTH {
            if let Value::Claim { ticket, .. } = &value {
                match &**ticket {
                    Ticket::Budget { epoch, act, line } => {
                        self.budget(feed.programme, (*epoch, *act, *line));
                        return;
                    }
                    Ticket::Release { epoch, act } => {
                        self.release(*epoch, *act);
                        return;
                    }
                    Ticket::Sent(sent, _) => {
                        let (claimed, moved) = ((feed, index), sent.moved.entry());
                        (feed, index) = (FeedRef::value(sent.node, feed.programme), sent.index);
                        let mut step = self.step(&feed, index, &moved);
                        step.finality =
                            Some(self.grade_of_sent(&step, sent, (&claimed.0, claimed.1)));
                        self.trail.came.push(step);
                        value = moved;
                        // What was sent stands in the claim; what filled it stands in the sender's feed, if that is here.
                    }
                }
            }
            let at = |index| self.looking.value(&feed, index).ok();
            let Some(lot) = lot_of(&value, &at) else { break };
            let Some(opened) = at(lot) else { break };
            let step = self.step(&feed, lot, &opened);
            self.trail.came.push(step);
            (index, value) = (lot, opened);
        }
        self.trail.cut = true;
    }

    fn budget(&mut self, programme: ProgrammeId, (epoch, act, line): (u32, u8, u8)) {
        let Some(voted) = self.looking.ground.charter.budget_line(epoch, act, line) else {
            self.trail.cut = true;
            return;
        };
        let units = voted.amount.units();
        let much = self.looking.labels.amount(programme, voted.commodity, units.into());
        let to = self.looking.labels.node(&voted.treasury);
        let words = format!("article {epoch} votes {much} for cycle {} to {to}", voted.cycle);
        let step = Step {
            feed: None,
            index: None,
            when: String::new(),
            words,
            units: Some(units),
            finality: None,
        };
        self.trail.came.push(step);
    }

    fn release(&mut self, epoch: u32, act: u8) {
        let Some(freed) = self.looking.ground.charter.release(epoch, act) else {
            self.trail.cut = true;
            return;
        };
        let units = freed.amount.units();
        let much = self.looking.labels.amount(freed.feed.programme, freed.commodity, units.into());
        let (from, to) =
            (self.looking.labels.node(&freed.feed.node), self.looking.labels.node(&freed.reserve));
        let words = format!("article {epoch} releases {much} of the suspense of {from} to {to}");
        let step = Step {
            feed: None,
            index: None,
            when: String::new(),
            words,
            units: Some(units),
            finality: None,
        };
        self.trail.came.push(step);
    }

    /// From an entry on: what was taken from the lot it opened, where it was sent, and what came back.
    fn on(&mut self, feed: FeedRef, index: u64, value: &Value, depth: usize) {
        if depth >= DEPTH {
            self.trail.cut = true;
            return;
        }
        if let Value::Send(_) | Value::FloatCover(_) = value {
            return self.arrives(feed, index, value, depth);
        }
        let Ok(id) = self.looking.feed(&feed) else { return };
        let mut next: Vec<(u64, Value)> = Vec::new();
        let mut holds: Vec<u64> = Vec::new();
        let room = STEPS.saturating_sub(self.trail.went.len());
        self.looking.entries(&id, index.saturating_add(1), &mut |placed, _| {
            let Entry::Value(later) = &placed.entry else { return true };
            let follows = match later {
                Value::Redeem { lot, .. } | Value::FloatRedeem { lot, .. } => lot.0 == index,
                Value::Issue { from, .. } => from.0 == index,
                Value::Send(send) => send.from.0 == index,
                Value::FloatCover(cover) => cover.from.0 == index,
                Value::Hold { lot, .. } if lot.0 == index => {
                    holds.push(placed.index);
                    true
                }
                Value::Post { hold, .. } | Value::Drop { hold, .. } => {
                    *hold == index || holds.contains(hold)
                }
                Value::Refund { redeem, .. } => {
                    *redeem == index || next.iter().any(|(at, _)| at == redeem)
                }
                Value::Hold { .. }
                | Value::Claim { .. }
                | Value::Merchant { .. }
                | Value::End { .. }
                | Value::Orphan(_)
                | Value::DayClose { .. }
                | Value::Settle { .. }
                | Value::Basket { .. } => false,
            };
            if follows {
                next.push((placed.index, later.clone()));
            }
            next.len() < room
        });
        self.trail.cut |= next.len() >= room;
        for (at, later) in next {
            let step = self.step(&feed, at, &later);
            self.trail.went.push(step);
            if matches!(later, Value::Send(_) | Value::FloatCover(_)) {
                self.on(feed, at, &later, depth.saturating_add(1));
            }
        }
    }

    fn arrives(&mut self, feed: FeedRef, index: u64, value: &Value, depth: usize) {
        let (to, name) = match value {
            Value::Send(send) => (send.to, self.name(&feed, index)),
            Value::FloatCover(cover) => (cover.float.feed.node, self.name(&feed, index)),
            _ => return,
        };
        let to = FeedRef::value(to, feed.programme);
        let (Some(name), Ok(id)) = (name, self.looking.feed(&to)) else {
            self.trail.cut = true;
            return;
        };
        let mut claim = None;
        self.looking.entries(&id, 0, &mut |placed, _| {
            if let Entry::Value(found @ Value::Claim { ticket, .. }) = &placed.entry
                && let Ticket::Sent(sent, _) = &**ticket
                && sent.accumulator() == name
                && sent.node == feed.node
                && sent.index == index
            {
                claim = Some((placed.index, found.clone()));
                return false;
            }
            true
        });
        if let Some((at, found)) = claim {
            let step = self.step(&to, at, &found);
            self.trail.went.push(step);
            self.on(to, at, &found, depth.saturating_add(1));
        }
    }

    fn name(&self, feed: &FeedRef, index: u64) -> Option<Hash> {
        self.looking.find(feed, index, None).ok().map(|found| found.placed.accumulator)
    }
}
