//! One pass over every entry of value in a source, each with what its lot was: what samples, reconciliations and searches
//! for anomalies are made from. It judges nothing; `audit verify` does.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::audit::{Cosigned, Ground, Item, Source};
use annona_ledger::block::Verified;
use annona_ledger::charter::Charter;
use annona_ledger::cut;
use annona_ledger::day::Day;
use annona_ledger::entry::{Control, Entry, Method, Owner, Value};
use annona_ledger::finality::{Finality, finality};
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CommodityId, CycleId, EntryName, FeedId, FeedRef, Lane, MerchantId, Purse,
};
use annona_ledger::role::Settlers;
use annona_ledger::settlement::{Settling, Step};
use annona_ledger::ticket::{Moved, Ticket};
use annona_ledger::time::Minute;
use annona_ledger::view::Revocation;

use super::look::{Signed, standing};
use super::shown::{self, AllShown};

/// What an entry did to units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// Claimed a budget line.
    Budgeted,
    /// Claimed what an article released from another feed's suspense.
    Released,
    /// Issued to a purse.
    Issued,
    /// Sent to a node.
    Sent {
        /// The receiver.
        to: [u8; 8],
    },
    /// Claimed what another node sent, under this name.
    Claimed {
        /// The send.
        sent: EntryName,
    },
    /// Handed out from a purse.
    HandedOut {
        /// How the holder was authenticated.
        method: Method,
        /// To which merchant's account.
        merchant: Option<MerchantId>,
    },
    /// Handed out from the site's float.
    FloatHandedOut {
        /// Whose purse it was: that feed alone makes it good.
        home: FeedRef,
        /// How the holder was authenticated.
        method: Method,
        /// To which merchant's account.
        merchant: Option<MerchantId>,
    },
    /// Took back what was handed out.
    Refunded {
        /// The hand-out's index.
        redeem: u64,
        /// The number of the block that hand-out stands in, where it is of this chain.
        of: Option<u64>,
    },
    /// Made good what another site's float gave, under this name.
    Covered {
        /// The float redemption.
        float: EntryName,
    },
}

/// An entry that moved units.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Its name.
    pub name: EntryName,
    /// The author's stamp.
    pub at: Minute,
    /// The cycle of the lot it used or opened.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// Whose units they are, where a purse's.
    pub purse: Option<Purse>,
    /// How many.
    pub units: u64,
    /// What it did.
    pub did: Did,
    /// The number of its block.
    pub block: u64,
    /// How much of the charter its author knew.
    pub epoch: u32,
    /// How final it is, as far as the source shows.
    pub finality: Finality,
}

/// The lowest cut of each feed that is cut by somebody who may, as the number of blocks below it; of the fenced ones, since
/// which article. On a forked feed it is taken of every branch. As everywhere, only a fence cuts what a quorum certified.
pub(super) fn cuts(source: &impl Source, ground: &Ground) -> BTreeMap<FeedRef, (u64, Option<u32>)> {
    let mut cuts: BTreeMap<FeedRef, (u64, Option<u32>)> = BTreeMap::new();
    for feed in ground.charter.fenced() {
        let fences = ground.charter.fences(feed);
        let lowest = fences.iter().map(|fence| fence.cut.seq).min().unwrap_or_default();
        cuts.insert(*feed, (lowest, fences.iter().map(|fence| fence.epoch).min()));
    }
    let federation = ground.charter.federation();
    let certified = source.cosigned().cuts;
    for feed in source.feeds().into_iter().filter(|feed| feed.lane == Lane::Control) {
        source.items(&feed, &mut |_, item| {
            let Item::Block(block) = item else { return true };
            let Ok(verified) = block.verify(&federation, &feed) else { return true };
            for placed in verified.entries() {
                let Entry::Control(Control::Revoke { feed: of, cut, reason, .. }) = placed.entry
                else {
                    continue;
                };
                let said = Revocation { feed: of, by: feed.node.short(), cut, reason };
                if cut::may_revoke(&ground.roster, &said) {
                    let seq = certified.get(&of).map_or(cut.seq, |least| least.seq.max(cut.seq));
                    let known = cuts.entry(of).or_insert((seq, None));
                    known.0 = known.0.min(seq);
                }
            }
            true
        });
    }
    cuts
}

/// Of one feed, by the index from which on it holds: where the first ends of those stretches that have it and are recorded
/// as paid.
pub(super) type PaidTo = BTreeMap<u64, Option<u64>>;

/// Stretches of settlements that are recorded as paid, by the feed they are of. Each line is looked at once.
pub(super) fn paid(source: &impl Source, ground: &Ground) -> BTreeMap<FeedRef, PaidTo> {
    let mut paid: BTreeMap<FeedRef, Vec<(u64, u64)>> = BTreeMap::new();
    let federation = ground.charter.federation();
    for feed in source.feeds().into_iter().filter(|feed| feed.lane == Lane::Value) {
        let settlers = Settlers::of(&ground.charter, &ground.roster, feed.programme);
        if !settlers.include(&ground.roster, &feed.node.short()) {
            continue;
        }
        // A draft freezes what stands since the one before it.
        let mut open: Vec<(u64, [u8; 8], u64, u64)> = Vec::new();
        let mut drafts: BTreeMap<u64, Vec<([u8; 8], u64, u64)>> = BTreeMap::new();
        source.items(&feed, &mut |_, item| {
            let Item::Block(block) = item else { return true };
            let Ok(verified) = block.verify(&federation, &feed) else { return true };
            for placed in verified.entries() {
                let Entry::Value(Value::Settle { settling, .. }) = &placed.entry else { continue };
                match &**settling {
                    Settling::Stretch { node, from, to, .. } => {
                        open.push((placed.index, *node, *from, *to));
                    }
                    Settling::Draft { first, .. } => {
                        let lines = std::mem::take(&mut open).into_iter();
                        let lines = lines.filter(|(index, ..)| index >= first);
                        let lines = lines.map(|(_, node, from, to)| (node, from, to)).collect();
                        drafts.insert(placed.index, lines);
                    }
                    Settling::Step { draft, step: Step::Paid, .. } => {
                        for (node, from, to) in drafts.remove(draft).unwrap_or_default() {
                            let of = FeedRef::value(node, feed.programme);
                            paid.entry(of).or_default().push((from, to));
                        }
                    }
                    Settling::Rows { .. } | Settling::Step { .. } => {}
                }
            }
            true
        });
    }
    paid.into_iter().map(|(feed, stretches)| (feed, first_ends(stretches))).collect()
}

fn first_ends(mut stretches: Vec<(u64, u64)>) -> PaidTo {
    stretches.retain(|(from, to)| from < to);
    stretches.sort_unstable();
    let places: BTreeSet<u64> = stretches.iter().flat_map(|(from, to)| [*from, *to]).collect();
    let (mut next, mut ends) = (stretches.into_iter().peekable(), BTreeSet::new());
    let first_end = |at: u64| {
        while let Some((_, to)) = next.next_if(|(from, _)| *from <= at) {
            ends.insert(to);
        }
        while ends.first().is_some_and(|end| *end <= at) {
            ends.pop_first();
        }
        (at, ends.first().copied())
    };
    places.into_iter().map(first_end).collect()
}

/// What the pass found besides.
#[derive(Clone, Debug, Default)]
pub(super) struct Walked {
    /// Feeds whose node has no certificate, or whose blocks did not verify or left a gap: not, or not wholly, seen.
    pub partly: Vec<FeedRef>,
    /// For each feed, hand-outs after its last closed day: how many, and the first, with its stamp.
    pub open_days: BTreeMap<FeedRef, (u64, (EntryName, Finality), Minute)>,
    /// Entries of feeds that others show, because they burnt: by the feed they are of and the one that shows them.
    pub shown: BTreeMap<(FeedRef, FeedRef), u64>,
    /// The same entries themselves.
    pub facts: AllShown,
    /// Feeds that have more than one chain here, or of which a fork is proven.
    pub forked: BTreeSet<FeedRef>,
    /// For each feed, blocks that commit to evidence, and how many of those have none here.
    pub evidence: BTreeMap<FeedRef, (u64, u64)>,
}

#[derive(Clone, Copy)]
struct Lot {
    owner: Owner,
    cycle: CycleId,
    commodity: CommodityId,
}

/// A chain of a feed as far as it was read.
#[derive(Clone, Default)]
struct Chain {
    next: u64,
    accumulator: Option<Hash>,
    lots: BTreeMap<u64, Lot>,
    /// Holds and hand-outs: the lot, and how much.
    taken: BTreeMap<u64, (u64, u64, Option<u32>)>,
    /// The merchants named, with their indexes.
    merchants: Vec<(u64, MerchantId)>,
    /// The number of the block in hand, and how much of the charter its author knew.
    block: (u64, u32),
    /// The blocks read, by the first index behind them.
    ends: Vec<u64>,
    /// Hand-outs after the last closed day: how many, and the first.
    since: Option<(u64, (EntryName, Finality), Minute)>,
    /// Entries of other feeds shown here.
    shown: BTreeMap<FeedRef, u64>,
}

/// Hands over every entry that moved units, feed by feed, each feed in order; of a forked feed every branch.
pub(super) fn walk(source: &impl Source, ground: &Ground, each: &mut dyn FnMut(&Seen)) -> Walked {
    let mut walked = Walked::default();
    walked.forked.extend(ground.forked.iter().map(FeedId::short));
    let cosigned = source.cosigned();
    for feed in source.feeds().into_iter().filter(|feed| feed.lane == Lane::Value) {
        let certificate = ground.roster.node(&feed.node.short());
        if certificate.is_none_or(|certificate| certificate.node != feed.node) {
            walked.partly.push(feed.short());
            continue;
        }
        if !walk_feed(source, (ground, &cosigned), &feed, each, &mut walked) {
            walked.partly.push(feed.short());
        }
    }
    walked
}

/// Whether the whole feed could be read.
pub(super) fn walk_feed(
    source: &impl Source,
    (ground, cosigned): (&Ground, &Cosigned),
    feed: &FeedId,
    each: &mut dyn FnMut(&Seen),
    walked: &mut Walked,
) -> bool {
    let empty = annona_ledger::block::Evidence::default().root();
    let federation = ground.charter.federation();
    let mut chains = vec![Chain::default()];
    let mut met: BTreeSet<Hash> = BTreeSet::new();
    let mut whole = true;
    let short = feed.short();
    let signed = Signed::of(source, (&ground.charter, cosigned), feed);
    let mut open: Option<Hash> = None;
    let (mut committed, mut shown) = (0u64, 0u64);
    source.items(feed, &mut |_, item| {
        match item {
            Item::Block(block) => {
                let hash = block.header.hash();
                // A copy is no branch: nobody hands out twice by being copied.
                if met.contains(&hash) {
                    open = None;
                    return true;
                }
                open = (block.header.evidence_root != empty).then(|| block.header.hash());
                committed += u64::from(open.is_some());
                let start = (block.header.first, block.header.before);
                let Ok(verified) = block.verify(&federation, feed) else {
                    whole = false;
                    return true;
                };
                met.insert(hash);
                let on = |chain: &Chain| {
                    chain.next == start.0 && chain.accumulator.is_none_or(|a| a == start.1)
                };
                let which = match chains.iter().position(on) {
                    Some(which) => which,
                    None => {
                        // A branch: what stands below the place where it left is the same.
                        let below =
                            chains.iter().filter(|c| c.next > start.0).max_by_key(|c| c.next);
                        let Some(below) = below.cloned() else {
                            whole = false;
                            return true;
                        };
                        chains.push(Chain {
                            next: start.0,
                            accumulator: Some(start.1),
                            lots: below.lots.into_iter().filter(|(at, _)| *at < start.0).collect(),
                            taken: below
                                .taken
                                .into_iter()
                                .filter(|(at, _)| *at < start.0)
                                .collect(),
                            merchants: below
                                .merchants
                                .into_iter()
                                .filter(|(at, _)| *at < start.0)
                                .collect(),
                            block: below.block,
                            since: None,
                            shown: BTreeMap::new(),
                            ends: below.ends.into_iter().filter(|end| *end <= start.0).collect(),
                        });
                        chains.len() - 1
                    }
                };
                if let Some(chain) = chains.get_mut(which) {
                    let header = verified.header();
                    let known = (&ground.charter, cosigned);
                    let graded =
                        |cycle| finality(&standing(known, (&short, header), &signed, Some(cycle)));
                    chain.read(&verified, &ground.charter, &graded, each);
                    for placed in verified.entries() {
                        if let Entry::Value(Value::Orphan(orphan)) = &placed.entry {
                            shown::note(&mut walked.facts, ground, &short, orphan);
                        }
                    }
                }
            }
            Item::Evidence { header, last, .. } => {
                shown += u64::from(last && open.take().is_some_and(|hash| hash == header));
            }
            _ => whole = false,
        }
        true
    });
    if chains.len() > 1 {
        walked.forked.insert(short);
    }
    // Of a forked feed the branch known first closes the days.
    let since = chains.first().and_then(|chain| chain.since);
    walked.open_days.extend(since.map(|since| (feed.short(), since)));
    for (of, count) in chains.iter().flat_map(|chain| &chain.shown) {
        *walked.shown.entry((*of, feed.short())).or_default() += count;
    }
    if committed > 0 {
        walked.evidence.insert(feed.short(), (committed, committed.saturating_sub(shown)));
    }
    whole
}

impl Chain {
    fn read(
        &mut self,
        block: &Verified,
        charter: &Charter,
        graded: &dyn Fn(CycleId) -> Finality,
        each: &mut dyn FnMut(&Seen),
    ) {
        self.block = (block.header().seq, block.header().epoch);
        for placed in block.entries() {
            let Entry::Value(value) = &placed.entry else { continue };
            let name = EntryName {
                feed: block.feed().short(),
                index: placed.index,
                accumulator: placed.accumulator,
            };
            match value {
                Value::DayClose { day, .. } if matches!(**day, Day::Close(_)) => self.since = None,
                Value::Orphan(orphan) => {
                    let of = FeedRef::value(orphan.node, block.feed().programme);
                    *self.shown.entry(of).or_default() += orphan.shown.len() as u64;
                }
                _ => {}
            }
            if let Some(mut seen) = self.see(name, value, charter) {
                seen.finality = graded(seen.cycle);
                if let Did::HandedOut { .. } | Did::FloatHandedOut { .. } = seen.did {
                    self.since.get_or_insert((0, (name, seen.finality), seen.at)).0 += 1;
                }
                each(&seen);
            }
        }
        let end = block.header().end();
        (self.next, self.accumulator) = (end.next, Some(end.accumulator));
        self.ends.push(end.next);
    }

    fn merchant(&self, number: u32) -> Option<MerchantId> {
        self.merchants.get(usize::try_from(number).ok()?).map(|(_, merchant)| *merchant)
    }

    /// What an entry did, and what it leaves for those after it.
    fn see(&mut self, name: EntryName, value: &Value, charter: &Charter) -> Option<Seen> {
        let at = value.stamp().unwrap_or_default();
        let (block, epoch) = self.block;
        let seen = |lot: Lot, units: u64, did: Did| Seen {
            name,
            at,
            cycle: lot.cycle,
            commodity: lot.commodity,
            purse: if let Owner::Purse(purse) = lot.owner { Some(purse) } else { None },
            units,
            did,
            block,
            epoch,
            finality: Finality::Accepted,
        };
        let index = name.index;
        match value {
            Value::Merchant { merchant } => {
                self.merchants.push((index, *merchant));
                None
            }
            Value::Issue { from, purse, amount, .. } => {
                let from = *self.lots.get(&from.0)?;
                let lot = Lot { owner: Owner::Purse(*purse), ..from };
                self.lots.insert(index, lot);
                Some(seen(lot, amount.units(), Did::Issued))
            }
            Value::Send(send) => {
                let lot = Lot { owner: send.owner, cycle: send.cycle, commodity: send.commodity };
                Some(seen(lot, send.amount.units(), Did::Sent { to: send.to }))
            }
            Value::Claim { ticket, .. } => {
                let (lot, units, did) = claimed(ticket, name, charter)?;
                self.lots.insert(index, lot);
                Some(seen(lot, units, did))
            }
            Value::Redeem { lot, amount, merchant, method, .. } => {
                self.taken.insert(index, (lot.0, amount.units(), None));
                let lot = *self.lots.get(&lot.0)?;
                let merchant = self.merchant(*merchant);
                Some(seen(lot, amount.units(), Did::HandedOut { method: *method, merchant }))
            }
            Value::Hold { lot, amount, merchant, .. } => {
                self.taken.insert(index, (lot.0, amount.units(), Some(*merchant)));
                None
            }
            Value::Post { hold, method, .. } => {
                let (lot, units, merchant) = *self.taken.get(hold)?;
                self.taken.insert(index, (lot, units, merchant));
                let lot = *self.lots.get(&lot)?;
                let merchant = merchant.and_then(|number| self.merchant(number));
                Some(seen(lot, units, Did::HandedOut { method: *method, merchant }))
            }
            Value::Refund { redeem, amount, .. } => {
                let (lot, _, _) = *self.taken.get(redeem)?;
                let lot = *self.lots.get(&lot)?;
                self.lots.insert(index, lot);
                // The block in hand is not among those that ended: what it has itself is in it.
                let before = self.ends.partition_point(|end| *end <= *redeem) as u64;
                let first = block.checked_sub(self.ends.len() as u64);
                let of = first.map(|first| first.saturating_add(before));
                Some(seen(lot, amount.units(), Did::Refunded { redeem: *redeem, of }))
            }
            Value::FloatRedeem { lot, home, purse, amount, merchant, method, .. } => {
                let lot = Lot { owner: Owner::Purse(*purse), ..*self.lots.get(&lot.0)? };
                let merchant = self.merchant(*merchant);
                let did = Did::FloatHandedOut { home: *home, method: *method, merchant };
                Some(seen(lot, amount.units(), did))
            }
            Value::FloatCover(cover) => {
                let lot = Lot {
                    owner: self.lots.get(&cover.from.0)?.owner,
                    cycle: cover.cycle,
                    commodity: cover.commodity,
                };
                Some(seen(lot, cover.amount.units(), Did::Covered { float: cover.float }))
            }
            _ => None,
        }
    }
}

/// What a claim opens. Tickets of a kind that moves nothing here are left alone.
fn claimed(ticket: &Ticket, claim: EntryName, charter: &Charter) -> Option<(Lot, u64, Did)> {
    let programme = claim.feed.programme;
    match ticket {
        Ticket::Sent(sent, _) => {
            let did = Did::Claimed { sent: sent.name(programme) };
            Some(match sent.moved {
                Moved::Send(send) => {
                    let lot =
                        Lot { owner: send.owner, cycle: send.cycle, commodity: send.commodity };
                    (lot, send.amount.units(), did)
                }
                Moved::Cover(cover) => {
                    let lot =
                        Lot { owner: Owner::Float, cycle: cover.cycle, commodity: cover.commodity };
                    (lot, cover.amount.units(), did)
                }
                Moved::Refund { .. } => return None,
            })
        }
        Ticket::Budget { epoch, act, line } => {
            let line = charter.budget_line(*epoch, *act, *line)?;
            let lot = Lot { owner: Owner::Budget, cycle: line.cycle, commodity: line.commodity };
            Some((lot, line.amount.units(), Did::Budgeted))
        }
        Ticket::Release { epoch, act } => {
            let freed = charter.release(*epoch, *act)?;
            let (cycle, commodity) = (freed.cycle, freed.commodity);
            let lot = Lot { owner: Owner::Reserve, cycle, commodity };
            Some((lot, freed.amount.units(), Did::Released))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::first_ends;

    #[test]
    fn of_stretches_that_have_an_entry_the_first_end_counts() {
        for (stretches, at, want) in [
            (&[(0, 10), (10, 20)][..], 5, Some(10)),
            (&[(0, 10), (10, 20)], 10, Some(20)),
            (&[(0, 30), (5, 10)], 4, Some(30)),
            (&[(0, 30), (5, 10)], 5, Some(10)),
            (&[(0, 30), (5, 10)], 10, Some(30)),
            (&[(0, 30), (5, 10)], 30, None),
            (&[(3, 4), (7, 7)], 2, None),
            (&[(3, 4), (7, 7)], 7, None),
        ] {
            let ends = first_ends(stretches.to_vec());
            let found = ends.range(..=at).next_back().and_then(|(_, end)| *end);
            assert_eq!(found, want, "{at} in {stretches:?}");
        }
    }
}
