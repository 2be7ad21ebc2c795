//! The naive second model: lists, sums and the sentences of the value rules, written without looking at the fold.
//!
//! It knows no chains and no changes. A fact is an entry under its name; a lot is what was put in less what was taken;
//! a pool is a sum over lists, added up anew each time it is asked for.

mod ask;
mod counter;
mod cuts;
mod held;
mod line;
mod people;
mod settle;
mod shown;
mod sums;
mod travel;

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::block::Header;
use annona_ledger::charter::Charter;
use annona_ledger::cut::Cut;
use annona_ledger::entry::{Control, Entry, List, Owner, Registry, Value};
use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::{
    CarrierId, CommodityId, FeedId, FeedRef, MerchantId, ProgrammeId, Pseudonym, Purse,
};
use annona_ledger::notice::Roster;
use annona_ledger::ticket::Moved;
use annona_ledger::time::Minute;

pub use counter::{CameLine, DayLine};
pub use line::{BlockLine, Fact, GivenLine, HoldLine, LotLine, SendLine};
pub use settle::{Covered, SettlementLine, StepLine};
pub use shown::ShownLine;
pub use sums::Sums;
use travel::{budget_line, is_refund, name_of, value_feed};

/// The second model of one view.
#[derive(Clone)]
pub struct Model {
    charter: Charter,
    roster: Roster,
    /// The facts, in the order in which they were learned.
    pub facts: Vec<Fact>,
    named: BTreeMap<Hash, usize>,
    /// The facts at each place of a feed: more than one where it said two things.
    standing: BTreeMap<(FeedRef, u64), Vec<usize>>,
    /// The lots.
    pub lots: Vec<LotLine>,
    opened: BTreeMap<Hash, usize>,
    /// What was sent.
    pub sends: Vec<SendLine>,
    sent: BTreeMap<Hash, usize>,
    /// What was handed out.
    pub given: Vec<GivenLine>,
    handed: BTreeMap<Hash, usize>,
    /// What was set aside.
    pub holds: Vec<HoldLine>,
    issued: Vec<(Hash, u64, u32)>,
    /// What was issued to each purse.
    pub issues: Vec<(Purse, CommodityId, i128)>,
    merchants: Vec<(Hash, MerchantId)>,
    lists: Vec<(Hash, List)>,
    enrolled: Vec<(ProgrammeId, Pseudonym)>,
    cards: Vec<(ProgrammeId, CarrierId, Pseudonym)>,
    /// Which carriers somebody cancelled, by the name of the entry that says so.
    cancelled: Vec<(CarrierId, Hash)>,
    covers: Vec<(Hash, Hash)>,
    forked: Vec<FeedRef>,
    /// The sealed blocks.
    pub blocks: Vec<BlockLine>,
    /// What nodes said against feeds: by whom, against which, up to where.
    pub revoked: Vec<([u8; 8], FeedRef, Cut)>,
    ends: Vec<Hash>,
    shown: Vec<ShownLine>,
    settlements: Vec<SettlementLine>,
    heads: BTreeMap<(FeedId, u64), BTreeSet<Hash>>,
    nexts: BTreeMap<Hash, Hash>,
}

impl Model {
    /// A model of a charter and notices, before any fact.
    #[must_use]
    pub fn new(charter: Charter, roster: Roster) -> Self {
        let mut model = Self {
            charter,
            roster,
            facts: Vec::new(),
            named: BTreeMap::new(),
            standing: BTreeMap::new(),
            lots: Vec::new(),
            opened: BTreeMap::new(),
            sends: Vec::new(),
            sent: BTreeMap::new(),
            given: Vec::new(),
            handed: BTreeMap::new(),
            holds: Vec::new(),
            issued: Vec::new(),
            issues: Vec::new(),
            merchants: Vec::new(),
            lists: Vec::new(),
            enrolled: Vec::new(),
            cards: Vec::new(),
            cancelled: Vec::new(),
            covers: Vec::new(),
            forked: Vec::new(),
            blocks: Vec::new(),
            revoked: Vec::new(),
            ends: Vec::new(),
            shown: Vec::new(),
            settlements: Vec::new(),
            heads: BTreeMap::new(),
            nexts: BTreeMap::new(),
        };
        let budgets: Vec<_> = model.charter.budgets().map(|(at, line)| (at, *line)).collect();
        for ((epoch, act, line), budget) in budgets {
            let send = SendLine {
                name: budget_line(epoch, act, line),
                from: None,
                released: None,
                index: 0,
                lot: 0,
                programme: budget.programme,
                to: budget.treasury,
                owner: Owner::Budget,
                cycle: budget.cycle,
                commodity: budget.commodity,
                amount: i128::from(budget.amount.units()),
                expires: Minute::NEVER,
                placed: true,
                claims: Vec::new(),
            };
            model.add_send(send);
        }
        model.set_free();
        model
    }

    /// The same facts under another charter and other notices.
    pub fn under(&mut self, charter: Charter, roster: Roster) {
        let facts = std::mem::take(&mut self.facts);
        let blocks = std::mem::take(&mut self.blocks);
        *self = Self::new(charter, roster);
        facts.into_iter().for_each(|fact| self.add(fact));
        blocks.into_iter().for_each(|block| self.block(block));
    }

    /// The charter this view knows.
    #[must_use]
    pub const fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The notices this view knows.
    #[must_use]
    pub const fn roster(&self) -> &Roster {
        &self.roster
    }

    /// Whether a fact is known.
    #[must_use]
    pub fn knows(&self, name: &Hash) -> bool {
        self.named.contains_key(name)
    }

    /// A fact by its name.
    #[must_use]
    pub fn fact(&self, name: &Hash) -> Option<&Fact> {
        self.facts.get(*self.named.get(name)?)
    }

    /// The entry at `index` of the feed whose newest entry is `tip`.
    #[must_use]
    pub fn past(&self, tip: &Hash, index: u64) -> Option<&Fact> {
        let mut fact = self.fact(tip)?;
        while fact.index > index {
            fact = self.fact(&fact.before)?;
        }
        (fact.index == index).then_some(fact)
    }

    /// The facts at a place of a feed.
    fn standing_at(&self, feed: &FeedRef, index: u64) -> impl Iterator<Item = &Fact> {
        let at = self.standing.get(&(*feed, index));
        at.into_iter().flatten().map(|place| &self.facts[*place])
    }

    /// The index of the last fact known of a feed.
    fn last_index(&self, feed: &FeedRef) -> Option<u64> {
        self.standing.range((*feed, 0)..=(*feed, u64::MAX)).next_back().map(|((_, at), _)| *at)
    }

    /// The merchant of a number among those a feed names; where branches differ, as what was known first says.
    fn named(&self, feed: &FeedRef, number: usize) -> Option<MerchantId> {
        let of_feed = |fact: &&Fact| fact.feed.short() == *feed;
        let trunk = {
            let mut tip = self.facts.iter().find(of_feed).map(|fact| fact.name)?;
            while let Some(next) = self.nexts.get(&tip) {
                tip = *next;
            }
            tip
        };
        let on = |tip: &Hash| self.merchants_before(tip).nth(number).copied();
        on(&trunk).or_else(|| self.facts.iter().filter(of_feed).find_map(|fact| on(&fact.name)))
    }

    /// The lot that the entry at `index` before `tip` opened.
    fn lot_at(&self, tip: &Hash, index: u64) -> Option<usize> {
        let fact = self.past(tip, index)?;
        self.opened.get(&fact.name).copied()
    }

    fn add_send(&mut self, line: SendLine) {
        self.sent.insert(line.name, self.sends.len());
        self.sends.push(line);
    }

    /// A send by its name.
    #[must_use]
    pub fn send(&self, name: &Hash) -> Option<&SendLine> {
        self.sends.get(*self.sent.get(name)?)
    }

    /// Takes in a fact: nothing is ever refused, and a fact that is known changes nothing.
    pub fn add(&mut self, fact: Fact) {
        if self.knows(&fact.name) {
            return;
        }
        if self.nexts.get(&fact.before).is_some_and(|other| *other != fact.name) {
            self.forked.push(fact.feed.short());
        }
        self.nexts.entry(fact.before).or_insert(fact.name);
        self.named.insert(fact.name, self.facts.len());
        let place = (fact.feed.short(), fact.index);
        self.standing.entry(place).or_default().push(self.facts.len());
        self.facts.push(fact.clone());
        match &fact.entry {
            Entry::Value(value) => self.value(&fact, value),
            Entry::Registry(registry) => self.registry(&fact, registry),
            Entry::Control(Control::List(list)) => self.lists.push((fact.name, (**list).clone())),
            Entry::Control(Control::Revoke { feed, cut, .. }) => {
                self.revoked.push((fact.feed.node.short(), *feed, *cut));
            }
            Entry::Control(
                Control::FaultSeen { .. }
                | Control::ClockAnswer { .. }
                | Control::CycleKey(_)
                | Control::ErasureSeen { .. },
            )
            | Entry::Later(_) => {}
        }
    }

    /// Takes in that a feed's block was sealed: the same entries in two blocks of one number are two things said.
    pub fn sealed(&mut self, feed: &FeedId, header: &Header) {
        self.block(BlockLine {
            feed: *feed,
            seq: header.seq,
            hash: header.hash(),
            first: header.first,
            next: header.end().next,
            last: header.end().accumulator,
            epoch: header.epoch,
        });
    }

    fn block(&mut self, line: BlockLine) {
        let names = self.heads.entry((line.feed, line.seq)).or_default();
        if !names.insert(line.hash) {
            return;
        }
        if names.len() > 1 {
            self.forked.push(line.feed.short());
        }
        self.blocks.push(line);
    }

    fn registry(&mut self, fact: &Fact, registry: &Registry) {
        let programme = fact.feed.programme;
        match registry {
            Registry::Enrol { pseudonym, .. } => self.enrolled.push((programme, *pseudonym)),
            Registry::CarrierBound { pseudonym, carrier, .. } => {
                self.cards.push((programme, *carrier, *pseudonym));
            }
            Registry::CarrierCancelled { carrier, .. } => {
                self.cancelled.push((*carrier, fact.name));
            }
            // It stands among the facts, and nothing follows from it but what somebody asks.
            Registry::People(_) => {}
        }
    }

    fn value(&mut self, fact: &Fact, value: &Value) {
        match value {
            Value::Merchant { merchant } => self.merchants.push((fact.name, *merchant)),
            Value::Orphan(orphan) => self.orphan(fact, orphan),
            // What a day is follows from where it was opened and closed.
            Value::DayClose { .. } => {}
            Value::Settle { settling, at } => self.settle(fact, settling, *at),
            Value::Issue { from, list, row, purse, amount, expires, .. } => {
                let Some(source) = self.lot_at(&fact.before, from.0) else { return };
                let units = i128::from(amount.units());
                self.lots[source].debit += units;
                let lot = LotLine {
                    origin: fact.name,
                    opened_by: vec![fact.name],
                    owner: Owner::Purse(*purse),
                    credit: units,
                    debit: 0,
                    held: 0,
                    expires: *expires,
                    waiting: false,
                    ..self.lots[source].clone()
                };
                self.issues.push((*purse, lot.commodity, units));
                self.issued.push((fact.name, *list, *row));
                self.open(lot);
            }
            Value::Send(send) => {
                if let Some(lot) = self.lot_at(&fact.before, send.from.0) {
                    self.lots[lot].debit += i128::from(send.amount.units());
                }
                self.placed(fact, &Moved::Send(*send));
            }
            Value::FloatCover(cover) => {
                if let Some(lot) = self.lot_at(&fact.before, cover.from.0) {
                    self.lots[lot].debit += i128::from(cover.amount.units());
                }
                self.covers.push((cover.float.accumulator, fact.name));
                self.placed(fact, &Moved::Cover(*cover));
            }
            Value::Claim { ticket, .. } => self.claim(fact, ticket),
            Value::Redeem { lot, amount, at, .. } => {
                if let Some(lot) = self.lot_at(&fact.before, lot.0) {
                    self.give(fact, lot, i128::from(amount.units()), *at, None, None);
                }
            }
            Value::FloatRedeem { lot, amount, at, home, purse, .. } => {
                if let Some(lot) = self.lot_at(&fact.before, lot.0) {
                    let units = i128::from(amount.units());
                    self.give(fact, lot, units, *at, Some(*home), Some(*purse));
                }
            }
            Value::Hold { lot, amount, until, .. } => {
                let Some(lot) = self.lot_at(&fact.before, lot.0) else { return };
                let amount = i128::from(amount.units());
                self.lots[lot].held += amount;
                let until = *until;
                let name = fact.name;
                self.holds.push(HoldLine { name, lot, amount, until, resolved: Vec::new() });
            }
            Value::Post { hold, at, .. } => {
                if let Some((lot, amount)) = self.resolve(fact, *hold) {
                    self.give(fact, lot, amount, *at, None, None);
                }
            }
            Value::Drop { hold, .. } => {
                let _ = self.resolve(fact, *hold);
            }
            Value::Basket { .. } => {}
            Value::End { .. } => self.ends.push(fact.name),
            Value::Refund { redeem, amount, .. } => {
                self.refund(fact, *redeem, i128::from(amount.units()));
            }
        }
    }

    fn open(&mut self, lot: LotLine) {
        for name in &lot.opened_by {
            self.opened.insert(*name, self.lots.len());
        }
        self.lots.push(lot);
    }

    fn resolve(&mut self, fact: &Fact, hold: u64) -> Option<(usize, i128)> {
        let name = self.past(&fact.before, hold)?.name;
        let hold = self.holds.iter_mut().find(|line| line.name == name)?;
        let first = hold.resolved.is_empty();
        hold.resolved.push(fact.name);
        let (lot, amount) = (hold.lot, hold.amount);
        if first {
            self.lots[lot].held -= amount;
        }
        Some((lot, amount))
    }

    fn give(
        &mut self,
        fact: &Fact,
        lot: usize,
        amount: i128,
        at: Minute,
        home: Option<FeedRef>,
        purse: Option<Purse>,
    ) {
        let line = &mut self.lots[lot];
        line.debit += amount;
        let own = match line.owner {
            Owner::Purse(purse) => Some(purse),
            Owner::Budget | Owner::Float | Owner::Reserve => None,
        };
        let Some(purse) = purse.or(own) else { return };
        self.handed.insert(fact.name, self.given.len());
        self.given.push(GivenLine {
            name: fact.name,
            feed: fact.feed.short(),
            purse,
            float: home.is_some(),
            cycle: line.cycle,
            commodity: line.commodity,
            amount,
            lot,
            at,
            home,
            refunded: 0,
            refunds: Vec::new(),
            covers: Vec::new(),
        });
    }

    /// A refund opens a lot of its own. Of refunds of one redemption on two branches the larger counts.
    fn refund(&mut self, fact: &Fact, redeem: u64, amount: i128) {
        let Some(name) = self.past(&fact.before, redeem).map(|f| f.name) else { return };
        let Some(given) = self.given.iter().position(|g| g.name == name && !g.float) else {
            return;
        };
        let line = &mut self.given[given];
        let more = (amount.min(line.amount) - line.refunded).max(0);
        line.refunded += more;
        line.refunds.push(fact.name);
        let first = line.refunds[0];
        let lot = line.lot;
        if first != fact.name {
            if let Some(lot) = self.opened.get(&first).copied() {
                self.lots[lot].credit += more;
                self.lots[lot].opened_by.push(fact.name);
                self.opened.insert(fact.name, lot);
            }
            return;
        }
        let origin = self.lots[lot].origin;
        let opened = LotLine {
            origin: hash(Purpose::Refund, &[&fact.feed.bytes(), &redeem.to_be_bytes(), &origin.0]),
            opened_by: vec![fact.name],
            credit: more,
            debit: 0,
            held: 0,
            waiting: false,
            ..self.lots[lot].clone()
        };
        self.open(opened);
    }
}
