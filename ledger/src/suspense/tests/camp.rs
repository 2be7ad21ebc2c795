//! Three writers whose feeds are fenced, released and ended, and what must hold of their sums at every step.

use super::*;

/// One feed as it is being written.
pub(super) struct Pen {
    pub(super) start: Head,
    pub(super) seq: u64,
    pub(super) open: Vec<Entry>,
}

/// Three writers and a charter, all in one state; what they said, for others to learn in another order.
pub(super) struct Camp {
    pub(super) desk: Desk,
    pub(super) pens: BTreeMap<FeedId, Pen>,
    pub(super) blocks: Vec<(FeedId, Block)>,
    pub(super) charter: Charter,
    pub(super) articles: Vec<SignedArticle>,
}

impl Camp {
    pub(super) fn new() -> Self {
        let (charter, desk) = (charter(), Desk::new());
        Self { desk, pens: BTreeMap::new(), blocks: Vec::new(), charter, articles: Vec::new() }
    }

    /// The treasury claims the budget and sends `units` to site A as budget, and A holds ten for a family.
    pub(super) fn with_a(units: u64) -> Self {
        let mut camp = Self::new();
        let claim = Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW };
        camp.write(TREASURY, claim);
        let sent = camp.send(TREASURY, Lot(0), node(A), Owner::Budget, units);
        camp.claim(A, sent);
        camp.write(A, Value::Merchant { merchant: merchant(1) });
        let (list, rows) = list(&camp.charter.federation(), A, &[10], NOW);
        camp.write_on(&on(A, Lane::Control), Entry::Control(Control::List(Box::new(list))).into());
        let row = rows[0].clone();
        let issue = Value::Issue {
            from: Lot(0),
            list: 0,
            row: 0,
            purse: row.row.purse,
            amount: units_of(10),
            expires: LAST,
            at: NOW,
        };
        let draft = Draft { entry: issue.into(), row: Some(row) };
        camp.write_on(&value(A), draft);
        camp.seal_all();
        camp
    }

    pub(super) fn write(&mut self, seed: u8, entry: Value) -> u64 {
        self.write_on(&value(seed), Entry::Value(entry).into())
    }

    /// Writes what `admit` lets through.
    pub(super) fn write_on(&mut self, feed: &FeedId, draft: Draft) -> u64 {
        assert_eq!(self.desk.ask(feed, &draft), Ok(()), "{feed:?} {:?}", draft.entry);
        self.force(feed, draft.entry)
    }

    pub(super) fn ask(&mut self, seed: u8, entry: Value) -> Result<(), Rejection> {
        self.desk.ask(&value(seed), &Entry::Value(entry).into())
    }

    /// Writes anything: as a node does that has not heard, or does not care.
    pub(super) fn force(&mut self, feed: &FeedId, entry: Entry) -> u64 {
        let start = self.desk.head(feed);
        let pen = Pen { start, seq: 0, open: Vec::new() };
        self.pens.entry(*feed).or_insert(pen).open.push(entry.clone());
        self.desk.force(feed, entry)
    }

    pub(super) fn send(
        &mut self,
        seed: u8,
        from: Lot,
        to: [u8; 8],
        owner: Owner,
        units: u64,
    ) -> Sent {
        let send = self.sending(from, to, owner, units);
        assert_eq!(self.ask(seed, Value::Send(send)), Ok(()));
        self.send_unasked(seed, send)
    }

    pub(super) fn send_unasked(&mut self, seed: u8, send: Send) -> Sent {
        let before = self.desk.head(&value(seed));
        self.force(&value(seed), Value::Send(send).into());
        ticket(&self.charter.federation(), seed, before, Moved::Send(send))
    }

    pub(super) fn sending(&self, from: Lot, to: [u8; 8], owner: Owner, units: u64) -> Send {
        let (cycle, commodity, amount) = (MAY, RICE, units_of(units));
        Send { from, to, owner, cycle, commodity, amount, expires: LAST, at: NOW }
    }

    pub(super) fn claim(&mut self, seed: u8, sent: Sent) -> Lot {
        Lot(self.write(seed, claim_of(sent)))
    }

    pub(super) fn redeem(&mut self, seed: u8, lot: Lot, units: u64) -> u64 {
        self.write(seed, redeem_of(lot, units))
    }

    /// Seals what a feed has open, as its author knows the charter now.
    pub(super) fn seal(&mut self, feed: &FeedId) -> Cut {
        self.seal_at(feed, self.charter.epoch())
    }

    pub(super) fn seal_at(&mut self, feed: &FeedId, epoch: u32) -> Cut {
        let pen = self.pens.get_mut(feed).expect("a feed that was written");
        let entries: Vec<Vec<u8>> = pen.open.iter().map(Entry::encode).collect();
        let draft = BlockDraft {
            feed: *feed,
            seq: pen.seq,
            start: pen.start,
            entries: &entries,
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch,
            hlc: Hlc { millis: 1, count: 0 },
        };
        let seed = [TREASURY, A, B].into_iter().find(|s| key(*s).public() == feed.node);
        let seed = seed.expect("one of three");
        let block = draft.seal(&key(seed), &self.charter.federation()).expect("a good block");
        (pen.start, pen.seq, pen.open) = (block.header.end(), pen.seq + 1, Vec::new());
        let chain = self.desk.state.trunk(feed);
        self.desk.state.seal(chain, &block.header);
        let cut = Cut { seq: block.header.seq + 1, head: block.header.hash() };
        self.blocks.push((*feed, block));
        cut
    }

    pub(super) fn seal_all(&mut self) {
        let open: Vec<FeedId> =
            self.pens.iter().filter(|(_, pen)| !pen.open.is_empty()).map(|(f, _)| *f).collect();
        for feed in open {
            self.seal(&feed);
        }
    }

    /// An article of all three organisations, heard by everybody at once.
    pub(super) fn vote(&mut self, acts: Vec<Act>) {
        let article = self.charter.draft(bounded(acts));
        let federation = self.charter.federation();
        let by = |n: u8| (OrgId(n.into()), article.sign(&federation, &key(n)));
        let signatures = bounded([1, 2, 3].map(by));
        let signed = SignedArticle { signatures, article: article.clone() };
        self.charter = self.charter.apply(&signed).expect("a good article");
        self.articles.push(signed);
        self.desk.state.enact(self.charter.clone());
    }

    pub(super) fn fence(&mut self, seed: u8, cut: Cut) {
        self.vote(vec![Act::Fence { feed: feed_of(seed), cut, reason: Reason::Lost }]);
    }

    pub(super) fn release(&mut self, seed: u8, units: u64, reserve: u8) -> Ticket {
        let (feed, amount) = (feed_of(seed), units_of(units));
        let reserve = node(reserve);
        self.vote(vec![Act::Release { feed, cycle: MAY, commodity: RICE, amount, reserve }]);
        Ticket::Release { epoch: self.charter.epoch(), act: 0 }
    }

    pub(super) fn pool(&self, seed: u8) -> i128 {
        let of = |(key, _): &(&PoolKey, &Pool)| key.node == node(seed) && key.programme == FOOD;
        self.desk.state.pools().filter(of).map(|(_, p)| p.lots.plus(p.arriving).units()).sum()
    }

    pub(super) fn suspense(&self, seed: u8) -> Option<Suspense> {
        suspended(&self.desk.state).into_iter().find(|s| s.key.node == node(seed))
    }

    pub(super) fn charges(&self) -> Vec<Charge> {
        charges(&self.desk.state)
    }

    /// Another replica, that learns blocks feed by feed in an order drawn from `picks`, and articles when it must or as
    /// the picks say.
    pub(super) fn replayed(&self, picks: &[u8]) -> State {
        let first = charter();
        let roster = roster(&first);
        let mut state = State::new(first.clone(), roster);
        let mut charter = first;
        let mut articles = self.articles.iter();
        let mut left: BTreeMap<FeedId, Vec<&Block>> = BTreeMap::new();
        for (feed, block) in self.blocks.iter().rev() {
            left.entry(*feed).or_default().push(block);
        }
        let mut picks = picks.iter().copied().cycle();
        let mut learn = |state: &mut State| {
            let Some(next) = articles.next() else { return false };
            charter = charter.apply(next).expect("a good article");
            state.enact(charter.clone());
            true
        };
        while !left.is_empty() {
            let pick = usize::from(picks.next().expect("some"));
            if pick % 5 == 0 {
                learn(&mut state);
            }
            let feed = *left.keys().nth(pick % left.len()).expect("within");
            let blocks = left.get_mut(&feed).expect("there");
            let block = blocks.pop().expect("not empty");
            while block.header.epoch > state.charter().epoch() {
                assert!(learn(&mut state), "an article the author knew");
            }
            let verified = block.clone().verify(&state.charter().federation(), &feed);
            let chain = state.trunk(&feed);
            state.fold_block(chain, &verified.expect("a good block")).expect("in its place");
            if blocks.is_empty() {
                left.remove(&feed);
            }
        }
        while learn(&mut state) {}
        state
    }

    /// Whatever the order, one state, one suspense, one charge; and no unit is made or lost.
    pub(super) fn settled(&mut self) {
        self.seal_all();
        let want = (self.desk.state.root(), suspended(&self.desk.state), self.charges());
        for picks in [&[0u8, 1, 2][..], &[1, 1, 0, 4, 3], &[2, 5, 1], &[3, 4], &[5, 10, 15]] {
            let state = self.replayed(picks);
            assert_eq!((state.root(), suspended(&state), charges(&state)), want, "{picks:?}");
        }
        let sum = |p: &Pool| p.lots.plus(p.arriving).plus(p.redeemed).units();
        let all: i128 =
            self.desk.state.pools().filter(|(k, _)| k.programme == FOOD).map(|(_, p)| sum(p)).sum();
        assert_eq!(all, i128::from(VOTED), "budget = lots + arriving + redeemed");
        let redeemed: i128 = self.desk.state.pools().map(|(_, p)| p.redeemed.units()).sum();
        let charged: u128 = self.charges().iter().map(|c| c.units).sum();
        assert!(redeemed <= i128::from(VOTED) + i128::try_from(charged).expect("small"));
    }

    /// Whatever is open at A becomes a block of its own, and is the cut.
    pub(super) fn seal_at_zero(&self) -> Cut {
        let (_, last) = self.blocks.iter().rev().find(|(f, _)| *f == value(A)).expect("a block");
        Cut { seq: last.header.seq + 1, head: last.header.hash() }
    }

    pub(super) fn label(&mut self, seed: u8, index: u64) -> Label {
        let chain = self.desk.state.trunk(&value(seed));
        cut::label(&self.desk.state, At { chain, index }, Some(MAY))
    }

    /// After the claim of a decline, everything but the whole amount sent back is refused.
    pub(super) fn write_nothing_but_back(&mut self, seed: u8, lot: Lot, units: u64) {
        let home = node(A);
        let owner = family();
        for wrong in [
            Value::Send(self.sending(lot, home, owner, units - 1)),
            Value::Send(self.sending(lot, node(TREASURY), owner, units)),
            redeem_of(lot, units),
            Value::Basket { entries: 2 },
        ] {
            assert_eq!(self.ask(seed, wrong), Err(Rejection::SenderCut));
        }
        let back = self.sending(lot, home, owner, units);
        self.write(seed, Value::Send(back));
    }

    pub(super) fn faults(&self, seed: u8) -> Vec<Fault> {
        let of = |at: &At| self.desk.state.chain(at.chain).feed == value(seed);
        self.desk.state.faults().filter(|(at, _)| of(at)).map(|(_, fault)| *fault).collect()
    }

    pub(super) fn revoke(&mut self, by: u8, of: u8, cut: Cut) {
        let revoke =
            Control::Revoke { feed: feed_of(of), cut, reason: Reason::Compromised, at: NOW };
        self.force(&on(by, Lane::Control), Entry::Control(revoke));
    }
}
