//! What people ask of a node, in the words of the field; and, one time in eight, what they should not.

use annona_ledger::admit::{Draft, RowProof};
use annona_ledger::amount::Amount;
use annona_ledger::entry::{
    CarrierKind, Control, Entry, FloatCover, Lot, Method, Owner, Registry, Send, Value,
};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CommodityId, CycleId, EntryName, FeedId, Lane, MerchantId, ProgrammeId, Purse,
};
use annona_ledger::key::SigningKey;
use annona_ledger::list::{Builder, Row};
use annona_ledger::merkle;
use annona_ledger::ticket::{Moved, Promise, Sent, Ticket, sign_place};
use annona_ledger::time::Minute;
use annona_ledger::wire::Bounded;

use crate::cast::{CASH, CYCLE, ITEMS, commodities};
use crate::check::{Breach, Holds};
use crate::model::LotLine;
use crate::world::{Book, Malice, Paper, World};

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
                if self.rng.chance(13) {
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

    /// A merchant that is named, most of the time.
    fn merchant(&mut self, n: usize, feed: &FeedId) -> Result<u32, MerchantId> {
        let named = self.nodes[n]
            .model
            .facts
            .iter()
            .filter(|f| f.feed == *feed)
            .filter(|f| matches!(f.entry, Entry::Value(Value::Merchant { .. })))
            .count();
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

    /// Makes something of a draft that a hurried or dishonest person might ask.
    fn spoil(&mut self, draft: &mut Draft) {
        let Entry::Value(value) = &mut draft.entry else { return };
        let (which, far) = (self.rng.below(8), self.rng.bits() % 400);
        let other = match self.rng.below(4) {
            0 => Amount::ZERO,
            1 => Amount::MAX,
            _ => amount(self.rng.between(1, 300)),
        };
        let stranger = self.rng.handle();
        let family = self.rng.below(self.cast.families.len());
        let purse = self.cast.families[family].purse[0];
        match value {
            Value::Merchant { merchant } if which < 4 => *merchant = MerchantId(stranger),
            Value::Issue { from, list, row, purse: to, amount, at, .. } => match which {
                0 => from.0 = far,
                1 => *list = far % 6,
                2 => *row += 1,
                3 => *to = purse,
                4 => *at = Minute(at.0.saturating_sub(3_000)),
                5 => draft.row = None,
                _ => *amount = other,
            },
            Value::Send(send) => match which {
                0 => send.from.0 = far,
                1 => send.to.copy_from_slice(&stranger[..8]),
                2 => send.owner = Owner::Purse(purse),
                3 => send.cycle = CycleId(7),
                4 => send.commodity = CommodityId(9),
                5 => send.at = Minute(send.at.0.saturating_sub(3_000)),
                _ => send.amount = other,
            },
            Value::Redeem { lot, amount, merchant, at, .. }
            | Value::Hold { lot, amount, merchant, at, .. } => match which {
                0 | 1 => lot.0 = far,
                2 => *merchant = 77,
                3 => *at = Minute(at.0.saturating_sub(3_000)),
                _ => *amount = other,
            },
            Value::Post { hold, .. } | Value::Drop { hold, .. } => *hold = far,
            Value::Refund { redeem, amount, .. } => match which {
                0..3 => *redeem = far,
                _ => *amount = other,
            },
            Value::FloatRedeem { lot, home, amount, merchant, .. } => match which {
                0 => lot.0 = far,
                1 => home.programme = ProgrammeId(home.programme.0 % 2 + 1),
                2 => *merchant = 78,
                _ => *amount = other,
            },
            Value::FloatCover(cover) => match which {
                0 => cover.from.0 = far,
                1 => cover.float.index += 1,
                2 => cover.float.accumulator = Hash([9; 32]),
                _ => cover.amount = other,
            },
            Value::Merchant { .. }
            | Value::Basket { .. }
            | Value::Claim { .. }
            | Value::End { .. } => {}
        }
    }

    /// Enrols a family, binds its card, or cancels it.
    fn register(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let feed = self.feed(n, Lane::Registry, programme);
        let at = self.stamp(n, &feed);
        let which = self.rng.below(self.cast.families.len());
        let family = self.cast.families[which];
        let pseudonym = family.pseudonym[usize::from(programme.0 - 1)];
        let other = self.rng.below(self.cast.families.len());
        let carrier =
            if self.rng.chance(15) { self.cast.families[other].card } else { family.card };
        let enrolled = self.nodes[n].model.is_enrolled(programme, &pseudonym);
        let registry = match self.rng.below(10) {
            0..8 if !enrolled && self.rng.chance(80) => Registry::Enrol { pseudonym, at },
            0..2 => Registry::Enrol { pseudonym, at },
            2..9 => Registry::CarrierBound { pseudonym, carrier, kind: CarrierKind::Paper, at },
            _ => Registry::CarrierCancelled { carrier, at },
        };
        self.write(n, &feed, &[Entry::from(registry).into()]).map(|_| ())
    }

    /// Draws up a distribution list, has two operators approve it, and freezes it.
    fn freeze(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let feed = self.feed(n, Lane::Control, ProgrammeId::NONE);
        let at = self.stamp(n, &feed);
        if self.rng.chance(8) {
            let seen = Control::FaultSeen { feed: feed.short(), index: 3, proof: Hash([7; 32]) };
            return self.write(n, &feed, &[Entry::from(seen).into()]).map(|_| ());
        }
        let mut builder = Builder::new();
        let mut rows = Vec::new();
        let given = commodities(programme);
        for number in 0..u32::try_from(self.rng.between(3, 9)).unwrap_or(3) {
            let family = self.rng.below(self.cast.families.len());
            let row = Row {
                row: number,
                purse: self.cast.families[family].purse[usize::from(programme.0 - 1)],
                commodity: given[self.rng.below(given.len())],
                amount: amount(self.rng.between(5, 60)),
            };
            builder.push(&row).expect("few and small rows");
            rows.push(row);
        }
        let node = self.cast.nodes[self.nodes[n].person].short();
        let draft = builder.finish(node, programme, CYCLE, at).expect("it has rows");
        // Now and then one person signs twice, or one who may not.
        let (one, other) = match self.rng.below(12) {
            0 => (1, 1),
            1 => (0, 4),
            k => (k % 4, (k + 1) % 4),
        };
        let federation = self.cast.federation;
        let approve = |k: usize| draft.approve(&federation, &self.cast.operators[k]);
        let (a, b) = (approve(one), approve(other));
        let list = Entry::from(Control::List(Box::new(draft.clone().approved(a, b))));
        if let Some(promises) = self.write(n, &feed, &[list.into()])? {
            let person = self.nodes[n].person;
            let index = promises.first().map_or(0, |p| p.index);
            self.books.push(Book { person, programme, index, rows });
        }
        Ok(())
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

    /// Somebody shows a ticket: mostly where it is addressed to, sometimes elsewhere, sometimes again.
    fn show_paper(&mut self, n: usize) -> Holds {
        if self.papers.is_empty() {
            return self.ask_value(n);
        }
        let which = if self.rng.chance(92) {
            let fresh: Vec<usize> =
                (0..self.papers.len()).filter(|p| self.papers[*p].shown == 0).collect();
            match self.rng.pick(&fresh) {
                Some(paper) => *paper,
                None => return self.ask_value(n),
            }
        } else {
            self.rng.below(self.papers.len())
        };
        self.papers[which].shown += 1;
        let paper = self.papers[which].clone();
        let Ticket::Sent(sent, hops) = &paper.ticket else { return Ok(()) };
        let mut sent = *sent;
        let home = self.addressee(&sent);
        let shown_at = if self.rng.chance(88) { home.unwrap_or(n) } else { n };
        if Some(shown_at) != home {
            self.coverage.note("shown at the wrong site");
        }
        if paper.shown > 1 {
            self.coverage.note("shown twice");
        }
        if self.rng.chance(3)
            && let Moved::Send(send) = &mut sent.moved
        {
            // Somebody wrote another amount on it.
            send.amount = amount(send.amount.units().saturating_add(100));
        }
        let feed = self.feed(shown_at, Lane::Value, paper.programme);
        let at = self.stamp(shown_at, &feed);
        let ticket = Box::new(Ticket::Sent(sent, hops.clone()));
        self.write(shown_at, &feed, &[Entry::from(Value::Claim { ticket, at }).into()]).map(|_| ())
    }

    /// Which node a ticket is for; of a forked one, either.
    fn addressee(&mut self, sent: &Sent) -> Option<usize> {
        let to = sent.moved.to();
        let fits: Vec<usize> = (0..self.nodes.len())
            .filter(|n| self.cast.nodes[self.nodes[*n].person].short() == to)
            .collect();
        self.rng.pick(&fits).copied()
    }

    /// Claims and sends back in one basket.
    fn decline(&mut self, _n: usize) -> Holds {
        let fresh: Vec<Paper> = self.papers.iter().filter(|p| p.shown == 0).cloned().collect();
        let Some(paper) = self.rng.pick(&fresh).cloned() else { return Ok(()) };
        let Ticket::Sent(sent, _) = &paper.ticket else { return Ok(()) };
        let Moved::Send(send) = sent.moved else { return Ok(()) };
        let Some(n) = self.addressee(sent) else { return Ok(()) };
        let feed = self.feed(n, Lane::Value, paper.programme);
        let at = self.stamp(n, &feed);
        let start = Head::start(&self.cast.federation, &feed);
        let next = self.nodes[n].tips.get(&feed).copied().unwrap_or(start).next;
        let back = Send { from: Lot(next + 1), to: sent.node, at, ..send };
        let ticket = Box::new(paper.ticket.clone());
        let drafts = [
            Entry::from(Value::Basket { entries: 2 }).into(),
            Entry::from(Value::Claim { ticket, at }).into(),
            Entry::from(Value::Send(back)).into(),
        ];
        if self.write(n, &feed, &drafts)?.is_some() {
            self.coverage.note("decline");
        }
        Ok(())
    }

    /// A family moves on again and again, always with a ticket and never with a link.
    fn tour(&mut self, programme: ProgrammeId) -> Holds {
        let mut n = self.rng.below(self.nodes.len());
        let feed = self.feed(n, Lane::Value, programme);
        let Some(mut lot) = self.lots(n, &feed, |_| true).pop() else { return Ok(()) };
        self.coverage.note("tour");
        for _ in 0..9 {
            let feed = self.feed(n, Lane::Value, programme);
            let at = self.stamp(n, &feed);
            let to = (n + 1) % self.cast.nodes.len();
            let send = Send {
                from: Lot(self.index_of(n, &lot)),
                to: self.cast.nodes[to].short(),
                owner: lot.owner,
                cycle: lot.cycle,
                commodity: lot.commodity,
                amount: amount(units(&lot).min(9)),
                expires: lot.expires,
                at,
            };
            if self.write(n, &feed, &[Entry::from(Value::Send(send)).into()])?.is_none() {
                return Ok(());
            }
            let Some(paper) = self.papers.last_mut() else { return Ok(()) };
            paper.shown += 1;
            let ticket = Box::new(paper.ticket.clone());
            let feed = self.feed(to, Lane::Value, programme);
            let at = self.stamp(to, &feed);
            let claim = Entry::from(Value::Claim { ticket, at });
            let Some(promises) = self.write(to, &feed, &[claim.into()])? else { return Ok(()) };
            let name = promises.first().map(|p| p.name().accumulator);
            let opened = |l: &&LotLine| name.is_some_and(|name| l.opened_by.contains(&name));
            let Some(next) = self.nodes[to].model.lots.iter().find(opened).cloned() else {
                return Ok(());
            };
            (n, lot) = (to, next);
        }
        Ok(())
    }

    /// A malicious node signs a ticket for an entry that stands in no feed of its.
    pub(crate) fn mint(&mut self) {
        debug_assert_eq!(self.malice, Malice::Mint);
        self.coverage.note("mint");
        let villain = &self.cast.nodes[self.villain];
        let programme = if self.rng.chance(50) { CASH } else { ITEMS };
        let to = self.cast.nodes[self.rng.below(self.cast.nodes.len())].short();
        let family = self.cast.families[self.rng.below(self.cast.families.len())];
        let purse = family.purse[usize::from(programme.0 - 1)];
        let commodity = if self.rng.chance(15) { CommodityId(9) } else { CommodityId(1) };
        let moved = Moved::Send(Send {
            from: Lot(0),
            to,
            owner: Owner::Purse(purse),
            cycle: CYCLE,
            commodity,
            amount: amount(self.rng.between(5, 200)),
            expires: Minute::NEVER,
            at: self.now,
        });
        let before = Hash(self.rng.seed());
        let index = 900 + self.rng.bits() % 100;
        let feed = villain.value(programme);
        let head = Head { next: index, accumulator: before };
        let head = head.after(&Entry::from(moved.entry()).encode());
        let key = SigningKey::from_seed(&villain.seed);
        let signature = sign_place(&key, &self.cast.federation, &feed, &head);
        let sent = Sent { node: villain.short(), index, before, moved, signature };
        let ticket = Ticket::Sent(sent, Bounded::empty());
        self.papers.push(Paper { programme, ticket, shown: 0 });
    }
}
