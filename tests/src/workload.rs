//! What people ask of a node, in the words of the field; and, one time in eight, what they should not.

mod counter;
mod lie;
mod office;
mod paper;
pub(crate) mod people;
mod spoil;
mod treasury;
mod trouble;

use annona_ledger::admit::{Draft, RowProof};
use annona_ledger::amount::Amount;
use annona_ledger::entry::{Entry, FloatCover, Lot, Method, Owner, Send, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{EntryName, FeedId, Lane, MerchantId, ProgrammeId, Purse};
use annona_ledger::list::Row;
use annona_ledger::merkle;
use annona_ledger::ticket::{Promise, Ticket};
use annona_ledger::time::Minute;

use crate::cast::{CASH, ITEMS, commodities};
use crate::check::{Breach, Holds};
use crate::model::LotLine;
use crate::world::{Book, Paper, World};

fn amount(units: u64) -> Amount {
    Amount::new(units).unwrap_or(Amount::MAX)
}

fn units(lot: &LotLine) -> u64 {
    u64::try_from(lot.left() - lot.held).unwrap_or(0)
}

/// One thing to ask.
type Asked = Option<Vec<Draft>>;

impl World {
    /// One request, at this node or, where nobody there can want anything, at another.
    pub(crate) fn serve(&mut self, n: usize) -> Holds {
        let programme = if self.rng.chance(50) { CASH } else { ITEMS };
        if self.lies(n) && self.rng.chance(40) {
            return self.lie(n, programme);
        }
        if self.troubled() && self.fate.chance(20) {
            return self.trouble(n, programme);
        }
        match self.rng.below(100) {
            0..6 => self.register(n, programme),
            6..10 => {
                // Lists are made where there is something to give.
                let n = self.nodes_with_budget(programme).unwrap_or(0);
                self.freeze(n, programme)
            }
            10..12 => self.claim_budget(n, programme),
            12..38 => self.show_paper(n),
            38..40 => self.decline(n),
            40..42 => self.tour(programme),
            _ => self.ask_value(n),
        }
    }

    /// What counters, merchants and treasuries do beside everything else.
    pub(crate) fn office_hours(&mut self) -> Holds {
        if !self.busy || !self.desk.chance(22) {
            return Ok(());
        }
        let n = self.desk.below(self.nodes.len());
        let programme = if self.desk.chance(50) { CASH } else { ITEMS };
        if self.nodes[n].burnt {
            return Ok(());
        }
        match self.desk.below(10) {
            0..2 => self.day(n, programme),
            2..5 => self.show(n, programme),
            _ => self.settle_some(n, programme),
        }
    }

    fn nodes_with_budget(&mut self, programme: ProgrammeId) -> Option<usize> {
        let has = |n: &usize| {
            let feed = self.feed(*n, Lane::Value, programme);
            !self.lots(*n, &feed, |l| matches!(l.owner, Owner::Budget | Owner::Reserve)).is_empty()
        };
        let rich: Vec<usize> = (0..self.nodes.len()).filter(has).collect();
        self.rng.pick(&rich).copied()
    }

    fn ask_value(&mut self, mut n: usize) -> Holds {
        // The treasury's first errand: nothing can be given before a budget is claimed.
        if self.truth.lots.is_empty() {
            let programme = if self.rng.chance(50) { CASH } else { ITEMS };
            return self.claim_budget(0, programme);
        }
        for _ in 0..12 {
            let programme = if self.rng.chance(50) { CASH } else { ITEMS };
            let feed = self.feed(n, Lane::Value, programme);
            let at = self.stamp(n, &feed);
            let uncovered = self.nodes[n].model.uncovered(&feed.short()).next().is_some();
            let drafts = match self.rng.below(100) {
                _ if uncovered && self.rng.chance(40) => self.cover(n, &feed, at),
                0..3 => self.name_merchant(n, &feed),
                3..27 => self.issue(n, &feed, at),
                27..45 => self.send(n, &feed, at),
                45..61 => self.redeem(n, &feed, at),
                61..68 => self.hold(n, &feed, at),
                68..75 => self.resolve(n, &feed, at),
                75..80 => self.refund(n, &feed, at),
                80..90 => self.float_redeem(n, &feed, at),
                90..96 => self.cover(n, &feed, at),
                _ => self.basket(n, &feed, at),
            };
            if let Some(mut drafts) = drafts {
                let wrong = if self.lies(n) { 50 } else { 13 };
                if self.rng.chance(wrong) {
                    drafts.iter_mut().for_each(|draft| self.spoil(draft));
                }
                return self.write(n, &feed, &drafts).map(|_| ());
            }
            n = self.rng.below(self.nodes.len());
        }
        Ok(())
    }

    /// Asks, and puts what was sent on paper.
    fn write(
        &mut self,
        n: usize,
        feed: &FeedId,
        drafts: &[Draft],
    ) -> Result<Option<Vec<Promise>>, Breach> {
        if self.nodes[n].burnt {
            return Ok(None);
        }
        let Ok(promises) = self.ask(n, feed, drafts)? else { return Ok(None) };
        for promise in &promises {
            if let Some(ticket) = self.nodes[n].site.ticket(promise) {
                self.coverage.note("carried on paper");
                self.trimmed |= self.truth.carries_less(&promise.name().ticket(), &ticket);
                self.papers.push(Paper { programme: feed.programme, ticket, shown: 0 });
            }
        }
        Ok(Some(promises))
    }

    /// The lots of a node in one feed that still hold something.
    fn lots(&self, n: usize, feed: &FeedId, fits: impl Fn(&LotLine) -> bool) -> Vec<LotLine> {
        let model = &self.nodes[n].model;
        let here = |lot: &&LotLine| lot.feed == feed.short() && lot.left() > lot.held && fits(lot);
        model.lots.iter().filter(here).cloned().collect()
    }

    /// The index by which a lot is named in its feed.
    fn index_of(&self, n: usize, lot: &LotLine) -> u64 {
        lot.opened_by.first().and_then(|name| self.nodes[n].model.fact(name)).map_or(0, |f| f.index)
    }

    fn name_merchant(&mut self, _n: usize, _feed: &FeedId) -> Asked {
        let merchant = *self.rng.pick(&self.cast.merchants)?;
        Some(vec![Entry::from(Value::Merchant { merchant }).into()])
    }

    /// How many merchants a feed names.
    fn merchants_named(&self, n: usize, feed: &FeedId) -> usize {
        let own = self.nodes[n].model.facts.iter().filter(|f| f.feed == *feed);
        own.filter(|f| matches!(f.entry, Entry::Value(Value::Merchant { .. }))).count()
    }

    /// A merchant that is named, most of the time.
    fn merchant(&mut self, n: usize, feed: &FeedId) -> Result<u32, MerchantId> {
        let named = self.merchants_named(n, feed);
        match u32::try_from(self.rng.below(named)) {
            Ok(m) if named > 0 => Ok(m),
            _ => Err(self.cast.merchants[0]),
        }
    }

    fn issue(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let person = self.nodes[n].person;
        let own = |b: &&Book| b.person == person && b.programme == feed.programme;
        let books: Vec<Book> = self.books.iter().filter(own).cloned().collect();
        let book = self.rng.pick(&books)?.clone();
        // Rows in order, so that most are new; now and then any.
        let done = self.nodes[n].model.rows_issued().to_vec();
        let free = |row: &&Row| {
            !done.iter().any(|(name, list, r)| {
                let fact = self.nodes[n].model.fact(name);
                (*list, *r) == (book.index, row.row) && fact.is_some_and(|f| f.feed == *feed)
            })
        };
        let next = book.rows.iter().find(free).copied();
        let row = if self.rng.chance(90) { next? } else { *self.rng.pick(&book.rows)? };
        let budget = |lot: &LotLine| {
            matches!(lot.owner, Owner::Budget | Owner::Reserve) && lot.commodity == row.commodity
        };
        let lots = self.lots(n, feed, budget);
        let lot = self.rng.pick(&lots)?.clone();
        let leaves: Vec<Hash> = book.rows.iter().map(Row::leaf).collect();
        let expires = Minute(
            at.0.saturating_add(u32::try_from(self.rng.between(400, 30_000)).unwrap_or(400)),
        );
        let value = Value::Issue {
            from: Lot(self.index_of(n, &lot)),
            list: book.index,
            row: row.row,
            purse: row.purse,
            amount: row.amount,
            expires,
            at,
        };
        let path = merkle::path(&leaves, row.row)?;
        Some(vec![Draft { entry: value.into(), row: Some(RowProof { row, path }) }])
    }

    fn send(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let lots = self.lots(n, feed, |_| true);
        let lot = self.rng.pick(&lots)?.clone();
        let to = self.rng.below(self.cast.nodes.len());
        let to = self.cast.nodes[to].short();
        let (owner, expires, units) = match lot.owner {
            Owner::Purse(_) if lot.expires < at => (Owner::Budget, Minute(0), units(&lot)),
            Owner::Purse(_) => (lot.owner, lot.expires, self.rng.between(1, units(&lot))),
            Owner::Budget => {
                let owner = match self.rng.below(10) {
                    0..4 => Owner::Budget,
                    4..8 => Owner::Float,
                    _ => Owner::Reserve,
                };
                (owner, Minute::NEVER, self.rng.between(1, units(&lot).min(400)))
            }
            owner => {
                let back = self.rng.chance(15);
                let expires = if back { Minute(0) } else { Minute::NEVER };
                let owner = if back { Owner::Budget } else { owner };
                (owner, expires, self.rng.between(1, units(&lot)))
            }
        };
        let send = Send {
            from: Lot(self.index_of(n, &lot)),
            to,
            owner,
            cycle: lot.cycle,
            commodity: lot.commodity,
            amount: amount(units),
            expires,
            at,
        };
        Some(vec![Entry::from(Value::Send(send)).into()])
    }

    fn purse_lot(&mut self, n: usize, feed: &FeedId, at: Minute) -> Option<LotLine> {
        let late = self.rng.chance(6);
        let served =
            |lot: &LotLine| matches!(lot.owner, Owner::Purse(_)) && (late || lot.expires >= at);
        let lots = self.lots(n, feed, served);
        self.rng.pick(&lots).cloned()
    }

    fn redeem(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let lot = self.purse_lot(n, feed, at)?;
        let merchant = match self.merchant(n, feed) {
            Ok(merchant) => merchant,
            Err(merchant) => return Some(vec![Entry::from(Value::Merchant { merchant }).into()]),
        };
        let units = self.rng.between(1, units(&lot));
        let value = Value::Redeem {
            lot: Lot(self.index_of(n, &lot)),
            amount: amount(units),
            merchant,
            at,
            method: Method::Pin,
        };
        Some(vec![Entry::from(value).into()])
    }

    fn hold(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let lot = self.purse_lot(n, feed, at)?;
        let merchant = self.merchant(n, feed).ok()?;
        let until =
            Minute(at.0.saturating_add(u32::try_from(self.rng.between(100, 9_000)).unwrap_or(100)));
        let units = self.rng.between(1, units(&lot));
        let lot = Lot(self.index_of(n, &lot));
        let value = Value::Hold { lot, amount: amount(units), merchant, until, at };
        Some(vec![Entry::from(value).into()])
    }

    fn resolve(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let again = self.rng.chance(10);
        let model = &self.nodes[n].model;
        let holds: Vec<u64> = model
            .holds
            .iter()
            .filter(|hold| again || hold.resolved.is_empty())
            .filter_map(|hold| model.fact(&hold.name))
            .filter(|fact| fact.feed == *feed)
            .map(|fact| fact.index)
            .collect();
        let hold = *self.rng.pick(&holds)?;
        let value = if self.rng.chance(60) {
            Value::Post { hold, at, method: Method::Sight }
        } else {
            Value::Drop { hold, at }
        };
        Some(vec![Entry::from(value).into()])
    }

    fn refund(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let again = self.rng.chance(10);
        let model = &self.nodes[n].model;
        let given: Vec<(u64, i128)> = model
            .given
            .iter()
            .filter(|g| g.feed == feed.short() && !g.float && (again || g.refunds.is_empty()))
            .filter_map(|g| model.fact(&g.name).map(|f| (f.index, g.amount)))
            .collect();
        let (redeem, most) = *self.rng.pick(&given)?;
        let more = u64::from(self.rng.chance(6)) * 1_000;
        let units = self.rng.between(1, u64::try_from(most).unwrap_or(1)) + more;
        let value = Value::Refund { redeem, amount: amount(units), at };
        Some(vec![Entry::from(value).into()])
    }

    fn float_redeem(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let lots = self.lots(n, feed, |lot| lot.owner == Owner::Float);
        let lot = self.rng.pick(&lots)?.clone();
        let merchant = match self.merchant(n, feed) {
            Ok(merchant) => merchant,
            Err(merchant) => return Some(vec![Entry::from(Value::Merchant { merchant }).into()]),
        };
        // The card says where home is: most often a place that holds something of the purse.
        let purses: Vec<(Purse, [u8; 8])> = self
            .truth
            .lots
            .iter()
            .filter(|l| l.feed.programme == feed.programme && l.commodity == lot.commodity)
            .filter_map(|l| match l.owner {
                Owner::Purse(purse) if l.left() > 0 => Some((purse, l.feed.node)),
                _ => None,
            })
            .collect();
        let (purse, home) = *self.rng.pick(&purses)?;
        // Read off the wrong card, now and then.
        let n_home = self.rng.below(self.cast.nodes.len());
        let home = if self.rng.chance(4) { self.cast.nodes[n_home].short() } else { home };
        let home = annona_ledger::id::FeedRef::value(home, feed.programme);
        let units = self.rng.between(1, units(&lot).min(18));
        let value = Value::FloatRedeem {
            lot: Lot(self.index_of(n, &lot)),
            home,
            purse,
            amount: amount(units),
            merchant,
            at,
            method: Method::Sight,
        };
        Some(vec![Entry::from(value).into()])
    }

    fn cover(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let model = &self.nodes[n].model;
        let again = self.rng.chance(20);
        let floats: Vec<_> = model
            .given
            .iter()
            .filter(|g| g.home == Some(feed.short()) && (again || !model.is_covered(&g.name)))
            .cloned()
            .collect();
        let float = self.rng.pick(&floats)?.clone();
        let lots = self.lots(n, feed, |lot| {
            lot.owner == Owner::Purse(float.purse) && lot.commodity == float.commodity
        });
        let fits: Vec<LotLine> =
            lots.iter().filter(|l| i128::from(units(l)) >= float.amount).cloned().collect();
        let lot = self.rng.pick(if fits.is_empty() { &lots } else { &fits })?.clone();
        let fact = self.nodes[n].model.fact(&float.name)?.clone();
        let wrong = u64::from(self.rng.chance(5));
        let cover = FloatCover {
            from: Lot(self.index_of(n, &lot)),
            float: EntryName { feed: fact.feed.short(), index: fact.index, accumulator: fact.name },
            cycle: lot.cycle,
            commodity: lot.commodity,
            amount: amount(u64::try_from(float.amount).ok()? + wrong),
            at,
        };
        Some(vec![Entry::from(Value::FloatCover(cover)).into()])
    }

    /// Two or three purchases of one visit, all or nothing.
    fn basket(&mut self, n: usize, feed: &FeedId, at: Minute) -> Asked {
        let count = 1 + self.rng.below(3);
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.extend(self.redeem(n, feed, at)?);
        }
        let wrong = u8::from(self.rng.chance(5));
        let entries = u8::try_from(parts.len()).ok()? + wrong;
        parts.insert(0, Entry::from(Value::Basket { entries }).into());
        Some(parts)
    }

    fn claim_budget(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        // The treasury's errand; now and then somebody else tries.
        let n = if self.rng.chance(90) { 0 } else { n };
        let feed = self.feed(n, Lane::Value, programme);
        let at = self.stamp(n, &feed);
        let epoch = u32::try_from(self.rng.between(1, 2)).unwrap_or(1);
        let act = u8::try_from(programme.0 - 1).unwrap_or(0);
        let line = u8::try_from(self.rng.below(commodities(programme).len())).unwrap_or(0);
        let ticket = Box::new(Ticket::Budget { epoch, act, line });
        self.write(n, &feed, &[Entry::from(Value::Claim { ticket, at }).into()]).map(|_| ())
    }
}
