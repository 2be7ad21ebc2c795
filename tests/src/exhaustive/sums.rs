//! What a set of known entries comes to. Double entry: each moves units from one place to another, so that no order, cut
//! or reason can enter a balance. Cuts decide who may still write, and nothing in here.

use super::row::{Charge, Row, Twist};
use super::world::{Article, Entry, FEEDS, Facts, KINDS, Name, SLOTS, STOCK, World};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sums {
    pub(super) known: Facts,
    claimed: Facts,
    drawn: u8,
    /// What was credited for a refunded redemption.
    refunded: [i8; SLOTS],
    lots: [i8; SLOTS],
    kind: [u8; SLOTS],
    stock: [[i8; KINDS]; FEEDS],
    /// Stock and lots together.
    held: [[i8; KINDS]; FEEDS],
    pub(super) arriving: [[i8; KINDS]; FEEDS],
    released: [[i8; KINDS]; FEEDS],
    pub(super) redeemed: [i8; KINDS],
    conjured: i8,
    /// Feeds proven to have forked, or to have given what they did not have.
    pub(super) proven: u8,
}

impl Sums {
    /// The charter's part: what each feed was given, and what was released.
    pub(super) fn new(row: &Row, world: &World, epochs: u8) -> Self {
        let stock = row.stock.map(|kinds| kinds.map(|n| n as i8));
        let mut sums = Self {
            known: 0,
            claimed: 0,
            drawn: 0,
            refunded: [0; SLOTS],
            lots: [0; SLOTS],
            kind: [0; SLOTS],
            stock,
            held: stock,
            arriving: [[0; KINDS]; FEEDS],
            released: [[0; KINDS]; FEEDS],
            redeemed: [0; KINDS],
            conjured: 0,
            proven: 0,
        };
        for article in world.articles(epochs) {
            if let Article::Release { feed, kind, n, to } = *article {
                let off = if row.twists.has(Twist::ReleaseOffOther) { 1 - kind } else { kind };
                sums.released[feed as usize][off as usize] += n as i8;
                sums.arriving[to as usize][kind as usize] += n as i8;
            }
        }
        sums
    }

    pub(super) fn of(row: &Row, world: &World, facts: Facts, epochs: u8) -> Self {
        let mut sums = Self::new(row, world, epochs);
        for (name, _) in world.facts(facts) {
            sums.learn(row, world, name);
        }
        sums.prove(row, world);
        sums
    }

    /// The one slot of a lot: what two branches claimed or took back of the same thing is one lot.
    fn slot(row: &Row, world: &World, name: Name) -> usize {
        let feed = name.feed();
        if world.branches(feed) == 1 || row.twists.has(Twist::LotPerBranch) {
            return name.slot();
        }
        let same = |other: Name| match (world.entry(name), world.entry(other)) {
            (Entry::Claim { of }, Entry::Claim { of: other }) => of == other,
            (Entry::Refund { of, .. }, Entry::Refund { of: another, .. }) => {
                world.at(feed, name.branch(), of) == world.at(feed, other.branch(), another)
            }
            _ => false,
        };
        let mut first = name;
        for branch in 0..world.branches(feed) {
            if let Some(found) = world.own(feed, branch).find(|other| same(*other)) {
                first = found;
                break;
            }
        }
        first.slot()
    }

    fn put(&mut self, row: &Row, world: &World, lot: Name, kind: u8, n: i8) {
        let slot = Self::slot(row, world, lot);
        self.lots[slot] += n;
        self.kind[slot] = kind;
        self.held[lot.feed()][kind as usize] += n;
    }

    fn put_stock(&mut self, feed: usize, kind: u8, n: i8) {
        self.stock[feed][kind as usize] += n;
        self.held[feed][kind as usize] += n;
    }

    /// Takes from the lot an entry names. Returns its kind.
    fn take(&mut self, row: &Row, world: &World, by: Name, lot: u8, n: u8) -> usize {
        let (_, kind) = world.owner(by.feed(), by.branch(), lot);
        match world.opening(by.feed(), by.branch(), lot) {
            Some(opening) => self.put(row, world, opening, kind, -(n as i8)),
            None => self.put_stock(by.feed(), kind, -(n as i8)),
        }
        kind as usize
    }

    /// Whether the one-decide twist refuses an entry that does not fit what is known so far.
    fn refuses(&self, row: &Row, world: &World, name: Name) -> bool {
        let left = |lot: u8| match world.opening(name.feed(), name.branch(), lot) {
            Some(opening) => self.lots[Self::slot(row, world, opening)],
            None => self.stock[name.feed()][(lot - STOCK) as usize],
        };
        match world.entry(name) {
            Entry::Claim { of } => self.known & of.bit() == 0,
            Entry::Redeem { lot, n, .. } | Entry::Send { lot, n, .. } => left(lot) < n as i8,
            _ => false,
        }
    }

    /// Learns one entry, and whatever comes with it on paper.
    pub(super) fn learn(&mut self, row: &Row, world: &World, name: Name) {
        let twist = |twist| row.twists.has(twist);
        if self.known & name.bit() != 0 || twist(Twist::OneDecide) && self.refuses(row, world, name)
        {
            return;
        }
        self.known |= name.bit();
        let feed = name.feed();
        let entry = world.entry(name);
        self.learn_provenance(row, world, name, entry);
        match entry {
            Entry::Blank | Entry::End => {}
            Entry::Issue { kind, n, .. } => {
                self.put_stock(feed, kind, -(n as i8));
                self.put(row, world, name, kind, n as i8);
            }
            Entry::Send { lot, to, n, .. } => {
                let kind = self.take(row, world, name, lot, n);
                self.arriving[to as usize][kind] += n as i8;
            }
            Entry::Cover { lot, float, n } => {
                let kind = self.take(row, world, name, lot, n);
                self.arriving[float.feed()][kind] += n as i8;
            }
            Entry::Claim { of } => self.claim(row, world, name, of),
            Entry::Redeem { lot, n, .. } => {
                let kind = self.take(row, world, name, lot, n);
                self.redeemed[kind] += n as i8;
            }
            Entry::Refund { of, n } => {
                let redeem = world.at(feed, name.branch(), of);
                self.learn(row, world, redeem);
                self.refund(row, world, name, redeem, n as i8);
            }
            Entry::Hold { lot, n, .. } => {
                if twist(Twist::HoldDebits) {
                    self.take(row, world, name, lot, n);
                }
            }
            Entry::Post { .. } => {
                if let Some((lot, n)) = world.given(name) {
                    let kind = if twist(Twist::HoldDebits) {
                        world.owner(feed, name.branch(), lot).1 as usize
                    } else {
                        self.take(row, world, name, lot, n)
                    };
                    self.redeemed[kind] += n as i8;
                }
            }
            Entry::Drop { hold } => {
                let held = world.entry(world.at(feed, name.branch(), hold));
                if let (true, Entry::Hold { lot, n, .. }) = (twist(Twist::DropCredits), held) {
                    let (_, kind) = world.owner(feed, name.branch(), lot);
                    if let Some(opening) = world.opening(feed, name.branch(), lot) {
                        self.put(row, world, opening, kind, n as i8);
                    }
                }
            }
            Entry::Float { n, .. } => {
                self.put_stock(feed, 0, -(n as i8));
                self.redeemed[0] += n as i8;
            }
            Entry::Draw { epoch } => self.draw(row, world, feed, epoch),
            Entry::Conjure { n, .. } => {
                self.put(row, world, name, 0, n as i8);
                self.conjured += n as i8;
            }
        }
        self.notice_fork(world, name);
    }

    /// A receipt carries the entry that opened its lot; so does a ticket.
    fn learn_provenance(&mut self, row: &Row, world: &World, name: Name, entry: Entry) {
        let is_ticket = matches!(entry, Entry::Send { .. } | Entry::Cover { .. });
        let without = row.twists.has(Twist::NoProvenance)
            || is_ticket && row.twists.has(Twist::TicketWithoutProvenance);
        let lot = match entry {
            Entry::Send { lot, .. } | Entry::Cover { lot, .. } | Entry::Redeem { lot, .. } => {
                Some(lot)
            }
            Entry::Post { .. } => world.given(name).map(|(lot, _)| lot),
            _ => None,
        };
        if let (false, Some(lot)) = (without, lot)
            && let Some(opening) = world.opening(name.feed(), name.branch(), lot)
        {
            self.learn(row, world, opening);
        }
    }

    fn claim(&mut self, row: &Row, world: &World, name: Name, of: Name) {
        if !row.twists.has(Twist::TicketByName) {
            self.learn(row, world, of);
        }
        let per_branch = row.twists.has(Twist::LotPerBranch);
        let Some((_, n)) = world.ticket(of) else { return };
        if per_branch || self.claimed & of.bit() == 0 {
            self.claimed |= of.bit();
            let (_, kind) = world.ticket_owner(of);
            self.arriving[name.feed()][kind as usize] -= n as i8;
            let n = if row.twists.has(Twist::LotAsIssued) { row.issue } else { n };
            self.put(row, world, name, kind, n as i8);
        }
    }

    /// Goods can have come back only once: of refunds on two branches, the larger stands.
    fn refund(&mut self, row: &Row, world: &World, name: Name, redeem: Name, n: i8) {
        let Some((lot, _)) = world.given(redeem) else { return };
        let (_, kind) = world.owner(redeem.feed(), redeem.branch(), lot);
        let before = self.refunded[redeem.slot()];
        let after = if row.twists.has(Twist::RefundsAddUp) {
            before + n
        } else if row.twists.has(Twist::LastRefundStands) {
            n
        } else {
            before.max(n)
        };
        self.refunded[redeem.slot()] = after;
        self.put(row, world, name, kind, after - before);
        self.redeemed[kind as usize] -= after - before;
    }

    fn draw(&mut self, row: &Row, world: &World, feed: usize, epoch: u8) {
        let Article::Release { n, kind, to, .. } = world.articles[epoch as usize] else { return };
        // Two branches draw one release once; another feed has no business with it, and is believed where planted.
        let mine = to as usize == feed;
        if !mine || self.drawn >> epoch & 1 == 0 {
            self.drawn |= u8::from(mine) << epoch;
            let into = if row.twists.has(Twist::ReleaseAnyKind) { 1 - kind } else { kind };
            self.arriving[feed][kind as usize] -= n as i8;
            self.put_stock(feed, into, n as i8);
        }
    }

    /// Two entries known at one index.
    fn notice_fork(&mut self, world: &World, name: Name) {
        let feed = name.feed();
        for branch in 0..world.branches(feed) {
            if name.index() < world.feeds[feed].len[branch] {
                let other = world.at(feed, branch, name.index());
                if other != name && self.known & other.bit() != 0 {
                    self.proven |= 1 << feed;
                }
            }
        }
    }

    fn prove(&mut self, row: &Row, world: &World) {
        for feed in 0..FEEDS {
            if (0..world.branches(feed)).any(|b| insolvent(row, world, feed, b, self.known)) {
                self.proven |= 1 << feed;
            }
        }
    }

    /// Every lot of a feed, with its kind.
    pub(super) fn lots(&self, feed: usize) -> impl Iterator<Item = (usize, i32)> {
        let per = SLOTS / FEEDS;
        let slots = feed * per..(feed + 1) * per;
        let lots = slots.map(|slot| (self.kind[slot] as usize, i32::from(self.lots[slot])));
        lots.chain((0..KINDS).map(move |kind| (kind, i32::from(self.stock[feed][kind]))))
    }

    pub(super) fn held(&self, feed: usize, kind: usize) -> i32 {
        i32::from(self.held[feed][kind])
    }

    pub(super) fn released(&self, feed: usize, kind: usize) -> i32 {
        i32::from(self.released[feed][kind])
    }

    pub(super) fn arriving(&self, feed: usize, kind: usize) -> i32 {
        i32::from(self.arriving[feed][kind])
    }

    /// What a place holds, or is owed: its lots while it lives, its suspense afterwards. It is the same number.
    pub(super) fn pool(&self, feed: usize, kind: usize) -> i32 {
        self.held(feed, kind) + self.arriving(feed, kind) - self.released(feed, kind)
    }

    /// What lots of a kind lack, each for itself.
    pub(super) fn short(&self, feed: usize, kind: usize) -> i32 {
        self.lots(feed).filter(|(of, n)| *of == kind && *n < 0).map(|(_, n)| -n).sum()
    }

    /// The same, where a release is taken off the stock, whatever is left in other lots.
    fn short_and_released(&self, feed: usize, kind: usize) -> i32 {
        let stock = i32::from(self.stock[feed][kind]);
        let after = stock - self.released(feed, kind);
        self.short(feed, kind) + (-after).max(0) - (-stock).max(0)
    }

    /// What is lacking, lot by lot: the short lots, and of what was released as much as is not left in the others.
    pub(super) fn lot_by_lot(&self, feed: usize, kind: usize) -> i32 {
        let short = self.short(feed, kind);
        let left = self.held(feed, kind) + short + self.arriving(feed, kind).max(0);
        short + (self.released(feed, kind) - left).max(0)
    }

    /// What the organisation of a feed owes.
    pub(super) fn charge(&self, row: &Row, world: &World, feed: usize, kind: usize) -> i32 {
        let proven = self.proven >> feed & 1 == 1;
        let pool = (-self.pool(feed, kind)).max(0);
        match row.charge {
            Charge::Pool if proven => pool.max(self.short(feed, kind)),
            Charge::ReleaseIsLot if proven => self.short_and_released(feed, kind),
            Charge::ReleaseIsForgotten if proven => self.short(feed, kind),
            Charge::Pool
            | Charge::PoolAlways
            | Charge::ReleaseIsLot
            | Charge::ReleaseIsForgotten => pool,
            Charge::PerLot => self.short_and_released(feed, kind),
            Charge::RightsOnly => (self.released(feed, kind) - self.held(feed, kind)).max(0),
            Charge::OneForAll if kind == 0 => {
                (-(0..KINDS).map(|kind| self.pool(feed, kind)).sum::<i32>()).max(0)
            }
            Charge::OneForAll => 0,
            Charge::Tainted { higher } => {
                let cuts = world.cuts(feed, world.epoch);
                let cut = if higher { cuts.max() } else { cuts.min() }.unwrap_or(u8::MAX);
                let of = world.facts(self.known).filter(|(name, _)| name.feed() == feed);
                let above = of.filter(|(name, _)| name.index() >= cut);
                pool.min(above.map(|(name, entry)| leaves(world, name, entry).max(0)).sum())
            }
        }
    }

    /// Given and conjured = held + arriving + redeemed, kind by kind, whatever the signs.
    pub(super) fn conserved(&self, row: &Row) -> bool {
        (0..KINDS).all(|kind| {
            let given: i32 = row.stock.iter().map(|kinds| i32::from(kinds[kind])).sum();
            let conjured = if kind == 0 { i32::from(self.conjured) } else { 0 };
            let pools: i32 = (0..FEEDS).map(|feed| self.pool(feed, kind)).sum();
            given + conjured == pools + i32::from(self.redeemed[kind])
        })
    }
}

/// What leaves a feed with an entry; goods that come back count against it.
pub(super) fn leaves(world: &World, name: Name, entry: Entry) -> i32 {
    match entry {
        Entry::Redeem { n, .. }
        | Entry::Send { n, .. }
        | Entry::Float { n, .. }
        | Entry::Cover { n, .. } => i32::from(n),
        Entry::Post { .. } => world.given(name).map_or(0, |(_, n)| i32::from(n)),
        Entry::Refund { n, .. } => -i32::from(n),
        _ => 0,
    }
}

/// Whether a branch's known prefix, with the tickets its claims carry, cannot pay for one of its own entries.
fn insolvent(row: &Row, world: &World, feed: usize, branch: usize, known: Facts) -> bool {
    let mut lots = [0i32; LOTS];
    for (k, n) in row.stock[feed].iter().enumerate() {
        lots[STOCK as usize + k] = i32::from(*n);
    }
    let mut below = false;
    for (name, entry) in world.history(feed, branch) {
        if known & name.bit() == 0 {
            break;
        }
        apply(row, world, name, entry, |lot, n| {
            lots[lot as usize] += n;
            below |= if row.twists.has(Twist::InsolventInSum) {
                lots.iter().sum::<i32>() < 0
            } else {
                lots[lot as usize] < 0
            };
        });
    }
    below
}

/// Lots a writer can name: one an entry, and the stock.
pub(super) const LOTS: usize = STOCK as usize + KINDS;

/// What one entry does to its own writer's lots, credits last.
pub(super) fn apply(
    row: &Row,
    world: &World,
    name: Name,
    entry: Entry,
    mut add: impl FnMut(u8, i32),
) {
    let opened = name.index();
    match entry {
        Entry::Issue { kind, n, .. } => {
            let from = if row.twists.has(Twist::IssueFromAny) { 0 } else { kind };
            add(STOCK + from, -i32::from(n));
            add(opened, i32::from(n));
        }
        Entry::Claim { of } => add(opened, world.ticket(of).map_or(0, |(_, n)| i32::from(n))),
        Entry::Refund { n, .. } | Entry::Conjure { n, .. } => add(opened, i32::from(n)),
        Entry::Send { lot, n, .. } | Entry::Redeem { lot, n, .. } | Entry::Cover { lot, n, .. } => {
            add(lot, -i32::from(n));
        }
        Entry::Post { .. } => {
            if let Some((lot, n)) = world.given(name) {
                add(lot, -i32::from(n));
            }
        }
        Entry::Float { n, .. } => add(STOCK, -i32::from(n)),
        Entry::Draw { epoch } => {
            if let Article::Release { kind, n, .. } = world.articles[epoch as usize] {
                let into = if row.twists.has(Twist::ReleaseAnyKind) { 1 - kind } else { kind };
                add(STOCK + into, i32::from(n));
            }
        }
        Entry::Blank | Entry::Hold { .. } | Entry::Drop { .. } | Entry::End => {}
    }
}
