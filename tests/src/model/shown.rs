//! What others showed of a feed: facts like any others, that count where no block bears them out, and count once.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, FeedRef, MerchantId, ProgrammeId};
use annona_ledger::orphan::{Orphan, Shown};
use annona_ledger::ticket::{Moved, Sent, Ticket};
use annona_ledger::view::PoolKey;

use super::cuts::release_line;
use super::{Fact, Model, Sums, budget_line, is_refund, name_of, value_feed};
use crate::memo;

/// Of what some units are.
pub(super) type What = (CycleId, CommodityId);

/// An entry that somebody showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShownLine {
    /// Its feed.
    pub feed: FeedRef,
    /// Its index.
    pub index: u64,
    /// Its leaf.
    pub leaf: Hash,
    /// Its name, where a promise showed it.
    pub name: Option<Hash>,
    /// What it says.
    pub value: Value,
}

/// The same bytes at one place of a feed, by whatever they were shown.
#[derive(Clone, Debug)]
pub(super) struct Standing<'a> {
    pub(super) index: u64,
    pub(super) leaf: Hash,
    pub(super) value: &'a Value,
    /// How many of them stand in no block.
    pub(super) missing: u64,
}

/// What one of them does: to the lot at an index, and to its pool.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effect {
    pub(super) key: PoolKey,
    pub(super) lot: u64,
    pub(super) by: i128,
    /// Whether the pool gains or loses as much; of what moves inside a feed, nothing.
    pub(super) moves: bool,
}

/// What is known of one feed: facts, and what was shown, with what is about to be shown.
pub(super) struct Told<'a> {
    model: &'a Model,
    feed: FeedRef,
    shown: Vec<&'a ShownLine>,
}

impl Model {
    /// Takes in what an orphan shows; what its feed did not sign adds nothing.
    pub(super) fn orphan(&mut self, fact: &Fact, orphan: &Orphan) {
        let programme = fact.feed.programme;
        for sent in orphan.sends.iter().filter(|sent| !is_refund(sent)) {
            let _ = self.learn(programme, sent);
        }
        for shown in orphan.shown.iter() {
            let feed = value_feed(orphan.node, programme);
            let Some(line) = self.believed(feed, shown) else { continue };
            if let Value::Claim { ticket, .. } = &line.value {
                for sent in ticket.sends().filter(|sent| !is_refund(sent)) {
                    let _ = self.learn(programme, sent);
                }
            }
            if !self.shown.contains(&line) {
                self.shown.push(line);
            }
        }
    }

    /// What is shown, where its feed signed it.
    fn believed(&self, feed: FeedRef, shown: &Shown) -> Option<ShownLine> {
        let key = self.roster.node(&feed.node)?.node;
        let Ok(Entry::Value(value)) = Entry::decode(feed.lane, shown.bytes()) else {
            return None;
        };
        let signed = memo::shows(shown, &self.charter.federation(), &key, feed.programme);
        let (index, leaf, name) = (shown.index(), leaf(shown.bytes()), shown.name());
        signed.then_some(ShownLine { feed, index, leaf, name, value })
    }

    /// The feeds of which something was shown.
    #[must_use]
    pub fn shown_feeds(&self) -> BTreeSet<FeedRef> {
        self.shown.iter().map(|line| line.feed).collect()
    }

    /// Whether a refund of a redemption was shown.
    pub(super) fn shows_refund(&self, feed: &FeedRef, redemption: u64) -> bool {
        let is = |line: &ShownLine| matches!(line.value, Value::Refund { redeem, .. } if redeem == redemption);
        self.shown.iter().any(|line| line.feed == *feed && is(line))
    }

    /// What the claims carry that were shown, with their programme.
    pub(super) fn shown_carries(&self) -> Vec<(ProgrammeId, Sent)> {
        let mut carried = Vec::new();
        for line in &self.shown {
            if let Value::Claim { ticket, .. } = &line.value {
                carried.extend(ticket.sends().map(|sent| (line.feed.programme, *sent)));
            }
        }
        carried
    }

    /// Whether something was shown of a place.
    #[must_use]
    pub fn was_shown(&self, feed: &FeedRef, index: u64) -> bool {
        self.shown.iter().any(|line| (line.feed, line.index) == (*feed, index))
    }

    pub(super) fn told(&self, feed: FeedRef) -> Told<'_> {
        let shown = self.shown.iter().filter(|line| line.feed == feed).collect();
        Told { model: self, feed, shown }
    }

    /// Whether a writer may show this: it is another's, signed, something of it is new, its first entry stands in no
    /// block here, and somebody can say of what that was.
    pub(super) fn may_show(&self, own: &FeedRef, orphan: &Orphan) -> bool {
        let feed = value_feed(orphan.node, own.programme);
        if orphan.node == own.node || self.roster.node(&orphan.node).is_none() {
            return false;
        }
        let lines: Option<Vec<ShownLine>> =
            orphan.shown.iter().map(|shown| self.believed(feed, shown)).collect();
        let Some(lines) = lines else { return false };
        let federation = self.charter.federation();
        let signed = |sent: &Sent| {
            let sender = self.roster.node(&sent.node);
            sender.is_some_and(|c| memo::bears(sent, &federation, &c.node, own.programme))
        };
        let Some(first) = lines.first() else { return false };
        let mut told = self.told(feed);
        let new = lines.iter().any(|line| !self.shown.contains(line));
        told.shown.extend(lines.iter().filter(|line| !self.shown.contains(line)));
        let stands = told.standing();
        let Some(stands) = stands.iter().find(|s| (s.index, s.leaf) == (first.index, first.leaf))
        else {
            return false;
        };
        let of_what = || told.handed_out(stands).and_then(|(lot, _)| told.of_lot(lot));
        let tells = matches!(first.value, Value::Refund { .. }) || of_what().is_some();
        orphan.sends.iter().all(signed) && new && stands.missing > 0 && tells
    }

    /// Every pool that is not empty, with what was shown and stands in no block.
    #[must_use]
    pub fn whole_pools(&self) -> BTreeMap<PoolKey, Sums> {
        let mut pools = self.pools();
        for feed in self.shown_feeds() {
            for effect in self.told(feed).effects().into_iter().filter(|effect| effect.moves) {
                let pool = pools.entry(effect.key).or_default();
                pool.0 += effect.by;
                pool.2 -= effect.by;
            }
        }
        pools.retain(|_, sums| *sums != (0, 0, 0));
        pools
    }

    /// Whether something was shown of a feed that its blocks, as far as they are known, do not have.
    pub(super) fn belied(&self, feed: &FeedRef) -> bool {
        let last = self.last_index(feed);
        self.told(*feed).standing().iter().any(|s| s.missing > 0 && Some(s.index) <= last)
    }
}

impl<'a> Told<'a> {
    /// What was shown, by place and bytes.
    pub(super) fn standing(&self) -> Vec<Standing<'a>> {
        let mut groups: BTreeMap<(u64, Hash), (&'a Value, BTreeSet<Hash>)> = BTreeMap::new();
        for line in &self.shown {
            let group =
                groups.entry((line.index, line.leaf)).or_insert((&line.value, BTreeSet::new()));
            group.1.extend(line.name);
        }
        let held = |index: u64, value: &Value| {
            let same = |fact: &&Fact| matches!(&fact.entry, Entry::Value(v) if v == value);
            self.model.standing_at(&self.feed, index).filter(same).count() as u64
        };
        let stands = groups.into_iter().map(|((index, leaf), (value, names))| {
            let copies = (names.len() as u64).max(1);
            Standing { index, leaf, value, missing: copies.saturating_sub(held(index, value)) }
        });
        stands.collect()
    }

    /// Everything known to stand at an index.
    fn known(&self, index: u64) -> Vec<&'a Value> {
        let facts = self.model.standing_at(&self.feed, index).filter_map(|f| match &f.entry {
            Entry::Value(value) => Some(value),
            _ => None,
        });
        let shown = self.shown.iter().filter(|line| line.index == index).map(|line| &line.value);
        facts.chain(shown).collect()
    }

    /// Of what the units of a lot are: as the claims say that it goes back to. Where branches disagree, the least.
    pub(super) fn of_lot(&self, lot: u64) -> Option<What> {
        let (mut asked, mut says) = (BTreeSet::new(), BTreeSet::new());
        self.ask(lot, &mut asked, &mut says);
        says.first().copied()
    }

    fn ask(&self, lot: u64, asked: &mut BTreeSet<u64>, says: &mut BTreeSet<What>) {
        if !asked.insert(lot) {
            return;
        }
        for value in self.known(lot) {
            match value {
                Value::Claim { ticket, .. } => says.extend(self.of_ticket(ticket)),
                Value::Issue { from, .. } => self.ask(from.0, asked, says),
                Value::Refund { redeem, .. } => {
                    for lot in self.lots_of_redemption(*redeem) {
                        self.ask(lot, asked, says);
                    }
                }
                _ => {}
            }
        }
    }

    fn lots_of_redemption(&self, index: u64) -> Vec<u64> {
        let mut lots = Vec::new();
        for value in self.known(index) {
            match value {
                Value::Redeem { lot, .. } => lots.push(lot.0),
                Value::Post { hold, .. } => {
                    lots.extend(self.known(*hold).into_iter().filter_map(|value| match value {
                        Value::Hold { lot, .. } => Some(lot.0),
                        _ => None,
                    }));
                }
                _ => {}
            }
        }
        lots
    }

    fn of_ticket(&self, ticket: &Ticket) -> Option<What> {
        let voted = |name: Hash| self.model.send(&name).map(|line| (line.cycle, line.commodity));
        match ticket {
            Ticket::Sent(sent, _) => match &sent.moved {
                Moved::Send(send) => Some((send.cycle, send.commodity)),
                Moved::Cover(cover) => Some((cover.cycle, cover.commodity)),
                Moved::Refund { .. } => None,
            },
            Ticket::Budget { epoch, act, line } => voted(budget_line(*epoch, *act, *line)),
            Ticket::Release { epoch, act } => voted(release_line(*epoch, *act)),
        }
    }

    fn holds(&self, hold: u64) -> impl Iterator<Item = (u64, u64, u32)> {
        let holds = self.known(hold).into_iter().filter_map(|value| match value {
            Value::Hold { lot, amount, merchant, .. } => Some((lot.0, amount.units(), *merchant)),
            _ => None,
        });
        holds.collect::<Vec<_>>().into_iter()
    }

    /// The lot and the units of a redemption; what it names stands before it.
    pub(super) fn handed_out(&self, stands: &Standing<'_>) -> Option<(u64, u64)> {
        match stands.value {
            Value::Redeem { lot, amount, .. } | Value::FloatRedeem { lot, amount, .. } => {
                (lot.0 < stands.index).then_some((lot.0, amount.units()))
            }
            Value::Post { hold, .. } if *hold < stands.index => {
                let before = self.holds(*hold).filter(|(lot, ..)| lot < hold);
                before.map(|(lot, units, _)| (lot, units)).min()
            }
            _ => None,
        }
    }

    /// The number of a redemption's merchant.
    fn number(&self, value: &Value) -> Option<u32> {
        match value {
            Value::Redeem { merchant, .. } | Value::FloatRedeem { merchant, .. } => Some(*merchant),
            Value::Post { hold, .. } => self.holds(*hold).min().map(|(.., merchant)| merchant),
            _ => None,
        }
    }

    /// The merchant of a redemption that was shown: by its number, `Some(None)` where nobody knows the name.
    pub(super) fn merchant(&self, value: &Value) -> Option<Option<MerchantId>> {
        let number = usize::try_from(self.number(value)?).ok()?;
        Some(self.model.named(&self.feed, number))
    }

    /// What was handed out at an index and counts: lot, units and of what. Float is never taken back.
    pub(super) fn given_at(&self, index: u64) -> Option<(u64, u64, What)> {
        let placed = self.model.standing_at(&self.feed, index).filter_map(|fact| {
            let given = self.model.handed(&fact.name).filter(|given| !given.float)?;
            let lot = match &fact.entry {
                Entry::Value(Value::Redeem { lot, .. }) => lot.0,
                Entry::Value(Value::Post { hold, .. }) => {
                    match self.model.past(&fact.before, *hold)?.entry {
                        Entry::Value(Value::Hold { lot, .. }) => lot.0,
                        _ => return None,
                    }
                }
                _ => return None,
            };
            let units = u64::try_from(given.amount).ok()?;
            Some((lot, units, (given.cycle, given.commodity)))
        });
        let stands = self.standing();
        let shown = stands.iter().filter(|s| s.index == index && s.missing > 0);
        let shown = shown.filter(|s| !matches!(s.value, Value::FloatRedeem { .. }));
        let shown = shown.filter_map(|s| {
            let (lot, units) = self.handed_out(s)?;
            Some((lot, units, self.of_lot(lot)?))
        });
        placed.chain(shown).min()
    }

    /// The most that blocks say came back of what was handed out at an index.
    pub(super) fn refunded(&self, index: u64) -> u64 {
        let placed = self.model.standing_at(&self.feed, index);
        let given = placed.filter_map(|fact| self.model.handed(&fact.name));
        let refunds = given.flat_map(|given| &given.refunds);
        let said = refunds.filter_map(|name| match self.model.fact(name)?.entry {
            Entry::Value(Value::Refund { amount, .. }) => Some(amount.units()),
            _ => None,
        });
        said.max().unwrap_or(0)
    }

    /// What everything shown that stands in no block does. Of what nobody can tell does nothing.
    pub(super) fn effects(&self) -> Vec<Effect> {
        let FeedRef { node, programme, .. } = self.feed;
        let key = |(cycle, commodity): What| PoolKey { node, programme, cycle, commodity };
        let (mut effects, mut back) = (Vec::new(), BTreeMap::<u64, (u64, u64)>::new());
        let mut taken_up = BTreeSet::new();
        for stands in self.standing().into_iter().filter(|s| s.missing > 0) {
            match stands.value {
                Value::Refund { redeem, amount, .. } => {
                    if *redeem < stands.index {
                        let most = back.entry(*redeem).or_default();
                        *most = (*most).max((amount.units(), stands.index));
                    }
                }
                Value::Issue { from, amount, .. } => {
                    let Some(of) = self.of_lot(from.0) else { continue };
                    let (key, by) = (key(of), i128::from(amount.units()));
                    effects.push(Effect { key, lot: from.0, by: -by, moves: false });
                    effects.push(Effect { key, lot: stands.index, by, moves: false });
                }
                Value::Claim { ticket, .. } => {
                    let Ticket::Sent(sent, _) = &**ticket else { continue };
                    let name = name_of(programme, sent);
                    let coming = self.model.send(&name).filter(|line| {
                        line.to == node && line.claims.is_empty() && !is_refund(sent)
                    });
                    let Some(line) = coming.filter(|_| taken_up.insert(name)) else { continue };
                    let key = key((line.cycle, line.commodity));
                    effects.push(Effect { key, lot: stands.index, by: line.amount, moves: false });
                }
                _ => {
                    let Some((lot, units)) = self.handed_out(&stands) else { continue };
                    let Some(of) = self.of_lot(lot) else { continue };
                    let by = -i128::from(units);
                    for _ in 0..stands.missing {
                        effects.push(Effect { key: key(of), lot, by, moves: true });
                    }
                }
            }
        }
        for (redeem, (units, index)) in back {
            let Some((_, given, of)) = self.given_at(redeem) else { continue };
            let by = i128::from(units.min(given)) - i128::from(self.refunded(redeem));
            if by > 0 {
                effects.push(Effect { key: key(of), lot: index, by, moves: true });
            }
        }
        effects
    }
}
