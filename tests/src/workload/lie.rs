//! What a node that looks at nothing writes: what it wrote before, once more; budgets voted to others, or to nobody;
//! baskets that bind what is not there.

use annona_ledger::admit::Draft;
use annona_ledger::amount::Amount;
use annona_ledger::day::{Closing, Day};
use annona_ledger::entry::{Entry, FloatCover, Lot, Method, Value};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{EntryName, FeedId, Lane, ProgrammeId};
use annona_ledger::key::{Context, SigningKey};
use annona_ledger::orphan::{Orphan, Shown};
use annona_ledger::settlement::{Settling, Step};
use annona_ledger::ticket::{Moved, Ticket, sign_place};
use annona_ledger::time::Minute;
use annona_ledger::wire::{Bounded, Bytes};

use crate::check::Holds;
use crate::world::{Malice, World};

impl World {
    /// Whether a node is the one that looks at nothing.
    pub(super) fn lies(&self, n: usize) -> bool {
        self.malice == Malice::Lie && self.nodes[n].person == self.villain
    }

    /// One of some entries, once more.
    fn repeated(&mut self, some: &[(u64, Entry)]) -> Entry {
        let entry = self.rng.pick(some).map(|(_, entry)| entry.clone());
        entry.unwrap_or_else(|| Value::Basket { entries: 0 }.into())
    }

    /// One of some redemptions again, a year after its last minute.
    fn a_year_late(&mut self, given: &[(u64, Entry)], now: Minute) -> Entry {
        let mut entry = self.repeated(given);
        if let Entry::Value(Value::Redeem { at, .. }) = &mut entry {
            *at = Minute(now.0.saturating_add(400 * 24 * 60));
        }
        entry
    }

    /// Writes something false.
    pub(super) fn lie(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let feed = self.feed(n, Lane::Value, programme);
        let at = self.stamp(n, &feed);
        let own = self.nodes[n].model.facts.iter().filter(|f| f.feed == feed);
        let wrote: Vec<(u64, Entry)> = own.map(|f| (f.index, f.entry.clone())).collect();
        let of = |fits: fn(&Value) -> bool| -> Vec<(u64, Entry)> {
            let fits = |(_, e): &&(u64, Entry)| matches!(e, Entry::Value(value) if fits(value));
            wrote.iter().filter(fits).cloned().collect()
        };
        let resolved = of(|value| {
            matches!(
                value,
                Value::Refund { .. }
                    | Value::Post { .. }
                    | Value::Drop { .. }
                    | Value::FloatCover(_)
            )
        });
        let holds = of(|value| matches!(value, Value::Post { .. } | Value::Drop { .. }));
        let others = of(|value| !matches!(value, Value::Basket { .. }));
        let given = of(|value| matches!(value, Value::Redeem { .. }));
        let issued = of(|value| matches!(value, Value::Issue { .. }));
        let start = Head::start(&self.cast.federation, &feed);
        let next = self.nodes[n].tips.get(&feed).copied().unwrap_or(start).next;
        match self.rng.below(100) {
            0..12 => return self.cover_again(n, programme),
            12..18 => return self.claim_forged(n, programme),
            18..30 => return self.show_or_settle(n, programme),
            30..40 if !issued.is_empty() => {
                let again = self.repeated(&issued);
                return self.write(n, &feed, &[Draft::from(again)]).map(|_| ());
            }
            // Rarer than what it would repeat otherwise.
            40..52 if !holds.is_empty() => {
                let again = self.repeated(&holds);
                return self.write(n, &feed, &[Draft::from(again)]).map(|_| ());
            }
            52..64 if !given.is_empty() => {
                let late = self.a_year_late(&given, at);
                return self.write(n, &feed, &[Draft::from(late)]).map(|_| ());
            }
            _ => {}
        }
        let entry = match self.rng.below(10) {
            0..2 if !resolved.is_empty() => self.repeated(&resolved),
            0..5 if !others.is_empty() => self.repeated(&others),
            0..7 => {
                let number = |below: usize| u8::try_from(below).unwrap_or(0);
                let known = self.nodes[n].site.epoch() as usize + 1;
                let ticket = Box::new(Ticket::Budget {
                    // Of no later epoch than its block will name: no other block is one.
                    epoch: self.rng.below(known) as u32,
                    act: number(self.rng.below(3)),
                    line: number(self.rng.below(3)),
                });
                Value::Claim { ticket, at }.into()
            }
            7..9 => {
                let amount = Amount::new(self.rng.between(1, 5_000)).unwrap_or(Amount::MAX);
                let any = self.rng.bits() % (next + 2);
                let redeem = self.rng.pick(&given).map_or(any, |(index, _)| *index);
                Value::Refund { redeem, amount, at }.into()
            }
            // Says that it has written its last, and writes on.
            _ if self.rng.chance(50) => Value::End { at }.into(),
            _ => Value::Basket { entries: 0 }.into(),
        };
        self.write(n, &feed, &[Draft::from(entry)]).map(|_| ())
    }

    /// Covers one thing that was handed out from float twice, whoever's it was, from any lot.
    fn cover_again(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let feed = self.feed(n, Lane::Value, programme);
        let floats: Vec<_> = {
            let model = &self.truth;
            let here = model.given.iter().filter(|g| g.float && g.feed.programme == programme);
            here.filter_map(|g| model.fact(&g.name).map(|fact| (fact.clone(), g.clone()))).collect()
        };
        let Some((fact, given)) = self.rng.pick(&floats).cloned() else { return Ok(()) };
        let lots = self.lots(n, &feed, |_| true);
        let lot = self.rng.pick(&lots).cloned();
        let from = Lot(lot.map_or(0, |lot| self.index_of(n, &lot)));
        for _ in 0..2 {
            let at = self.stamp(n, &feed);
            let cover = FloatCover {
                from,
                float: EntryName {
                    feed: fact.feed.short(),
                    index: fact.index,
                    accumulator: fact.name,
                },
                cycle: given.cycle,
                commodity: given.commodity,
                amount: Amount::new(u64::try_from(given.amount).unwrap_or(1))
                    .unwrap_or(Amount::MAX),
                at,
            };
            self.write(n, &feed, &[Draft::from(Entry::from(Value::FloatCover(cover)))])?;
        }
        Ok(())
    }

    /// Takes up a ticket on which it wrote another amount.
    fn claim_forged(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let papers: Vec<_> =
            self.papers.iter().filter(|p| p.programme == programme).cloned().collect();
        let Some(paper) = self.rng.pick(&papers) else { return Ok(()) };
        let Ticket::Sent(sent, hops) = &paper.ticket else { return Ok(()) };
        let mut sent = *sent;
        if let Moved::Send(send) = &mut sent.moved {
            send.amount = Amount::new(send.amount.units() + 7).unwrap_or(Amount::MAX);
            send.to = self.cast.nodes[self.nodes[n].person].short();
        }
        let feed = self.feed(n, Lane::Value, programme);
        let at = self.stamp(n, &feed);
        let ticket = Box::new(Ticket::Sent(sent, hops.clone()));
        self.write(n, &feed, &[Draft::from(Entry::from(Value::Claim { ticket, at }))]).map(|_| ())
    }

    /// A line over what others wrote, a draft of whatever stands before it, or a step that nobody signed.
    fn settles_falsely(&mut self, n: usize, feed: &FeedId, key: &SigningKey) -> Settling {
        let start = Head::start(&self.cast.federation, feed);
        let next = self.nodes[n].tips.get(feed).copied().unwrap_or(start).next;
        let mut heads = self.nodes[n].site.heads();
        heads.retain(|(id, head)| {
            id.lane == Lane::Value && id.programme == feed.programme && head.next > 0
        });
        match (self.rng.below(5), self.rng.pick(&heads).copied()) {
            (0 | 1, Some((of, head))) => Settling::Stretch {
                node: of.node.short(),
                from: self.rng.bits() % head.next,
                to: head.next,
                head: head.accumulator,
                except: Bounded::empty(),
            },
            (2 | 3, _) => Settling::Draft {
                first: next.saturating_sub(self.rng.bits() % 9),
                root: Hash([5; 32]),
                rows: 1,
                totals: Bounded::empty(),
            },
            _ => Settling::Step {
                draft: self.rng.bits() % 9,
                step: Step::Approved,
                operator: key.public(),
                signature: key.sign(Context::Operator, &[], b"nothing"),
            },
        }
    }

    /// Shows what nobody signed, closes a day that did not begin there, settles what is not its own to settle.
    fn show_or_settle(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let feed = self.feed(n, Lane::Value, programme);
        let at = self.stamp(n, &feed);
        let key = SigningKey::from_seed(&self.cast.nodes[self.villain].seed);
        let other = self.rng.below(self.cast.nodes.len());
        let value = match self.rng.below(3) {
            0 => {
                let said = Entry::from(Value::Redeem {
                    lot: Lot(0),
                    amount: Amount::new(9).unwrap_or(Amount::MAX),
                    merchant: 0,
                    at,
                    method: Method::Pin,
                });
                let head = Head { next: 3, accumulator: Hash([8; 32]) };
                let shown = Shown::Promised {
                    index: 2,
                    before: Hash([9; 32]),
                    entry: Bytes::new(said.encode()).expect("a short entry"),
                    signature: sign_place(&key, &self.cast.federation, &feed, &head),
                };
                let shown = Bounded::new(vec![shown]).expect("one");
                let node = self.cast.nodes[other].short();
                Value::Orphan(Box::new(Orphan { node, shown, sends: Bounded::empty(), at }))
            }
            1 => {
                let closing = Closing {
                    first: self.rng.bits() % 1_000 + 500,
                    redeemed: 3,
                    refunded: 0,
                    root: Hash([6; 32]),
                    totals: Bounded::empty(),
                };
                Value::DayClose { day: Box::new(Day::Close(closing)), at }
            }
            _ => {
                let settling = self.settles_falsely(n, &feed, &key);
                Value::Settle { settling: Box::new(settling), at }
            }
        };
        self.write(n, &feed, &[Draft::from(Entry::from(value))]).map(|_| ())
    }
}
