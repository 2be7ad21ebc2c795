//! Everything that can happen next: what writers append, and what happens around them.

use std::collections::BTreeSet;
use std::fmt;

use super::row::{Act, Charge, Fifth, Row, Twist};
use super::sums::Sums;
use super::world::{
    ARTICLES, Article, Entry, FEEDS, LAST_DAY, LONG, Name, Place, R, S, STOCK, World, in_time,
};
use super::writer::Writer;

/// One step, as a trace prints it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Write(NameOf, Entry),
    Decline(NameOf, NameOf),
    Burns(usize),
    Hears(usize),
    Enact(Article),
    Restored(usize, usize, u8),
    Seen(NameOf, bool),
    CharterSeen,
    Paid(usize, u8, u8),
    PaidRow(NameOf),
    TreasuryLost,
    Day(u8),
    ClockFell(usize),
}

type NameOf = Name;

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

struct Lot(u8);

impl fmt::Display for Lot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < STOCK {
            write!(f, "#{}", self.0)
        } else {
            write!(f, "stock {}", self.0 - STOCK)
        }
    }
}

fn written(f: &mut fmt::Formatter<'_>, at: Place, entry: Entry) -> fmt::Result {
    let site = |feed: u8| Place(feed.into(), 0);
    match entry {
        Entry::Blank => write!(f, "{at} writes nothing"),
        Entry::Issue { kind: 0, purse, n } => write!(f, "{at} issues {n} to p{purse}"),
        Entry::Issue { kind, purse, n } => write!(f, "{at} issues {n} of kind {kind} to p{purse}"),
        Entry::Send { lot, to, n, .. } => {
            write!(f, "{at} sends {n} of {} to {}", Lot(lot), site(to))
        }
        Entry::Claim { of } => write!(f, "{at} claims {of}"),
        Entry::Redeem { lot, n, .. } => write!(f, "{at} redeems {n} of {}", Lot(lot)),
        Entry::Refund { of, n } => write!(f, "{at} refunds {n} of #{of}"),
        Entry::Hold { lot, n, until } => write!(f, "{at} holds {n} of {} to day {until}", Lot(lot)),
        Entry::Post { hold, .. } => write!(f, "{at} posts #{hold}"),
        Entry::Drop { hold } => write!(f, "{at} drops #{hold}"),
        Entry::Float { purse, home, n } => {
            write!(f, "{at} float-redeems {n} for p{purse} of {}", site(home))
        }
        Entry::Cover { lot, float, .. } => write!(f, "{at} covers {float} from {}", Lot(lot)),
        Entry::Draw { epoch } => write!(f, "{at} draws on article {epoch}"),
        Entry::End => write!(f, "{at} ends"),
        Entry::Conjure { purse, n } => write!(f, "{at} conjures {n} for p{purse}"),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let site = |feed: u8| Place(feed.into(), 0);
        match *self {
            Self::Write(name, entry) => written(f, Place(name.feed(), name.branch()), entry),
            Self::Decline(name, of) => {
                write!(f, "{} declines {of}", Place(name.feed(), name.branch()))
            }
            Self::Burns(feed) => write!(f, "{} burns", Place(feed, 0)),
            Self::Hears(feed) => write!(f, "{} hears the charter", Place(feed, 0)),
            Self::Enact(Article::Blank) => write!(f, "an article says nothing"),
            Self::Enact(Article::Fence { feed, cut }) => {
                write!(f, "{} is fenced at {cut}", site(feed))
            }
            Self::Enact(Article::Release { feed, n, to, .. }) => {
                write!(f, "{n} of {} are released to {}", site(feed), site(to))
            }
            Self::Enact(Article::Close { kind }) => write!(f, "cycle {kind} is closed"),
            Self::Restored(feed, stem, index) => {
                write!(f, "{} is restored to #{index}", Place(feed, stem))
            }
            Self::Seen(name, receipt) => {
                write!(f, "{name} is seen{}", if receipt { " by its receipt" } else { "" })
            }
            Self::CharterSeen => write!(f, "the charter is seen"),
            Self::Paid(feed, from, to) => write!(f, "{} is paid [{from}, {to})", Place(feed, 0)),
            Self::PaidRow(name) => write!(f, "row {name} is paid"),
            Self::TreasuryLost => write!(f, "the treasury is lost, another begins"),
            Self::Day(day) => write!(f, "day {day} begins"),
            Self::ClockFell(feed) => write!(f, "the clock of {} falls back", Place(feed, 0)),
        }
    }
}

/// Every step from here.
pub(super) fn next(row: &Row, world: &World, out: &mut Vec<(Step, World)>) {
    for feed in 0..FEEDS {
        for branch in 0..world.branches(feed) {
            Writer::new(row, world, feed, branch).steps(out);
        }
    }
    let around = Around { row, world };
    for feed in 0..FEEDS {
        around.site(feed, out);
        around.charter(feed, out);
        if row.acts.has(Act::Observe) {
            around.observe(feed, out);
        }
        if row.acts.has(Act::Settle) {
            around.settle(feed, out);
        }
    }
    around.everywhere(out);
}

struct Around<'a> {
    row: &'a Row,
    world: &'a World,
}

impl Around<'_> {
    fn act(&self, act: Act) -> bool {
        self.row.acts.has(act)
    }

    fn after(&self, step: Step, out: &mut Vec<(Step, World)>, change: impl FnOnce(&mut World)) {
        let mut world = *self.world;
        change(&mut world);
        out.push((step, world));
    }

    fn enact(&self, article: Article, out: &mut Vec<(Step, World)>) {
        if usize::from(self.world.epoch) < ARTICLES {
            self.after(Step::Enact(article), out, |world| world.enact(article));
        }
    }

    fn everywhere(&self, out: &mut Vec<(Step, World)>) {
        let world = self.world;
        if self.act(Act::Observe) && world.seen_epoch < world.epoch {
            self.after(Step::CharterSeen, out, |world| world.seen_epoch = world.epoch);
        }
        if self.act(Act::LoseTreasury) && !world.treasury_lost && world.paid != 0 {
            self.after(Step::TreasuryLost, out, |world| {
                world.treasury_lost = true;
                world.paid_to = [0; FEEDS];
            });
        }
        if self.act(Act::Days) && world.day < LAST_DAY {
            self.after(Step::Day(world.day + 1), out, |world| world.day += 1);
        }
        let over = !self.act(Act::Days) || !in_time(world.day);
        if self.act(Act::Close) && over && !world.closed(0, world.epoch) {
            self.enact(Article::Close { kind: 0 }, out);
        }
    }

    /// What befalls a site.
    fn site(&self, feed: usize, out: &mut Vec<(Step, World)>) {
        let world = self.world;
        let alive = world.alive(feed);
        let mortal = self.row.mortal >> feed & 1 == 1;
        if self.act(Act::Fire) && mortal && alive {
            let with = match self.row.fifth {
                Fifth::Programme if feed == 0 => 1 << S,
                _ if feed == 0 && self.row.twists.has(Twist::ReserveAtSite) => 1 << R,
                _ => 0,
            };
            self.after(Step::Burns(feed), out, |world| world.burnt |= 1 << feed | with);
        }
        if self.act(Act::Hear) && world.heard[feed] < world.epoch && alive {
            self.after(Step::Hears(feed), out, |world| world.heard[feed] = world.epoch);
        }
        let wicked = self.row.wicked >> feed & 1 == 1;
        if self.act(Act::Restore)
            && wicked
            && alive
            && world.branches(feed) < self.row.branches.into()
        {
            // An older copy of any branch; copies of one prefix are the same copy.
            for stem in 0..world.branches(feed) {
                for index in 0..world.feeds[feed].len[stem] {
                    if world.at(feed, stem, index).branch() == stem {
                        let step = Step::Restored(feed, stem, index);
                        self.after(step, out, |world| world.restore(feed, stem, index));
                    }
                }
            }
        }
        let falls = self.act(Act::ClockFalls) && feed < self.row.sites;
        if falls && alive && world.day > 0 && world.fell >> feed & 1 == 0 {
            self.after(Step::ClockFell(feed), out, |world| world.fell |= 1 << feed);
        }
    }

    fn charter(&self, feed: usize, out: &mut Vec<(Step, World)>) {
        let world = self.world;
        let mortal = self.row.mortal >> feed & 1 == 1;
        let fences = world.cuts(feed, world.epoch).count();
        // Any cut: some organisation may know just so much.
        if self.act(Act::Fence) && mortal && feed != R && fences < self.row.fences {
            for cut in 0..=world.feeds[feed].len[0] {
                self.enact(Article::Fence { feed: feed as u8, cut }, out);
            }
        }
        if self.act(Act::Release) && mortal && feed < self.row.sites {
            for kind in 0..self.row.kinds {
                if world.released(feed, kind.into(), world.epoch) == 0 {
                    self.release(feed, kind, fences > 0, out);
                }
            }
        }
    }

    fn release(&self, feed: usize, kind: u8, fenced: bool, out: &mut Vec<(Step, World)>) {
        let (row, world) = (self.row, self.world);
        let ended = world.ended(feed, 0);
        let closed = world.closed(kind, world.epoch);
        let stopped = world.cut(feed, world.heard[feed]).is_some() || ended;
        if !fenced && !ended && !closed
            || self.act(Act::EndFirst) && !stopped
            || self.act(Act::HeardFirst) && !world.closed(kind, world.heard[feed])
        {
            return;
        }
        let to = if row.fifth == Fifth::Reserve && feed == 1 { S } else { R };
        let pool = |known: Option<u8>| {
            let of = world.facts(world.all()).filter(|(name, _)| {
                name.feed() != feed || known.is_none_or(|known| name.index() < known)
            });
            let facts = of.fold(0, |facts, (name, _)| facts | name.bit());
            Sums::of(row, world, facts, world.epoch).pool(feed, kind.into())
        };
        let any = row.twists.has(Twist::EndOutOfOrder);
        let exact = self.act(Act::EndFirst) || self.act(Act::HeardFirst);
        let mut amounts = BTreeSet::new();
        if exact && !any {
            amounts.insert(pool(None));
        } else if fenced {
            let cuts = world.cuts(feed, world.epoch);
            let higher = row.charge == Charge::Tainted { higher: true };
            let cut = if higher { cuts.max() } else { cuts.min() };
            amounts.insert(pool(Some(cut.unwrap_or(0))));
        } else {
            amounts.extend((0..=world.feeds[feed].len[0]).map(|known| pool(Some(known))));
        }
        if let Some(most) = amounts.last().copied().filter(|_| row.parts.len() > 1) {
            amounts.extend(row.parts.iter().map(|n| i32::from(*n)).filter(|n| *n < most));
        }
        for n in amounts.into_iter().filter(|n| *n > 0) {
            let article = Article::Release { feed: feed as u8, kind, n: n as u8, to: to as u8 };
            self.enact(article, out);
        }
    }

    /// The next entry of a chain is seen, or one receipt.
    fn observe(&self, feed: usize, out: &mut Vec<(Step, World)>) {
        let world = self.world;
        for branch in 0..world.branches(feed) {
            let mut next = true;
            for (name, entry) in world.history(feed, branch) {
                if world.seen & name.bit() != 0 {
                    continue;
                }
                let receipt = world.given(name).is_some() || matches!(entry, Entry::Float { .. });
                // What branches share is seen once.
                let shared = name.branch() != branch;
                if (next || receipt) && !shared {
                    let step = Step::Seen(name, !next);
                    self.after(step, out, |world| world.seen |= name.bit());
                }
                next = false;
            }
        }
    }

    fn settle(&self, feed: usize, out: &mut Vec<(Step, World)>) {
        let (row, world) = (self.row, self.world);
        let till = range(row, world, feed);
        let from = world.paid_to[feed];
        if till > from {
            self.after(Step::Paid(feed, from, till), out, |after| {
                for index in from..till {
                    pay(row, after, world.at(feed, 0, index));
                }
                after.paid_to[feed] = till;
            });
        }
        for (name, entry) in world.facts(world.seen).filter(|(name, _)| name.feed() == feed) {
            if is_payable(row, world, entry, name) && is_single(world, name) {
                let paid = world.paid & name.bit() != 0;
                if !paid {
                    self.after(Step::PaidRow(name), out, |world| pay(row, world, name));
                }
            }
        }
    }
}

/// How far a feed is paid by range: as far as it is known without a gap, and not past a cut.
fn range(row: &Row, world: &World, feed: usize) -> u8 {
    let seen = |index: &u8| world.seen & world.at(feed, 0, *index).bit() != 0;
    let till =
        (0..LONG as u8).take_while(|i| *i < world.feeds[feed].len[0] && seen(i)).count() as u8;
    if row.twists.has(Twist::SettleByRange) {
        return till;
    }
    till.min(world.cut(feed, world.epoch).unwrap_or(till))
}

/// Above a cut and on other branches, rows are paid one by one.
fn is_single(world: &World, name: Name) -> bool {
    let cut = world.cut(name.feed(), world.epoch);
    name.branch() > 0 || cut.is_some_and(|cut| name.index() >= cut)
}

fn is_payable(row: &Row, world: &World, entry: Entry, name: Name) -> bool {
    if row.twists.has(Twist::LateRowsRefused) {
        let kind =
            world.given(name).map_or(0, |(lot, _)| world.owner(name.feed(), name.branch(), lot).1);
        if world.closed(kind, world.epoch) {
            return false;
        }
    }
    if let (true, Entry::Refund { of, .. }) = (row.twists.has(Twist::RefundAsItsRow), entry) {
        return world.paid & world.at(name.feed(), name.branch(), of).bit() == 0;
    }
    world.given(name).is_some() || matches!(entry, Entry::Refund { .. } | Entry::Float { .. })
}

fn pay(row: &Row, world: &mut World, name: Name) {
    let entry = world.entry(name);
    if !is_payable(row, world, entry, name) {
        return;
    }
    // A successor treasury does not remember; the payer outside does, where the reference says of which row it is.
    let forgotten = world.treasury_lost && row.twists.has(Twist::PlainReference);
    if world.paid & name.bit() != 0 && (row.twists.has(Twist::SettleByRange) || forgotten) {
        world.paid_twice = true;
    }
    world.paid |= name.bit();
}

/// Whether a row that is known, and was never paid, still can be.
pub(super) fn can_be_paid(row: &Row, world: &World, name: Name) -> bool {
    let entry = world.entry(name);
    let waits = world.paid_to[name.feed()] <= name.index();
    is_payable(row, world, entry, name) && (is_single(world, name) || waits)
}
