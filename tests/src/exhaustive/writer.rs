//! What one writer may append: `admit`, in small. It looks at its own branch, at what it has heard of the charter, and at
//! the papers shown to it; that it needs nothing else is the point.

use super::row::{Act, Fifth, Row, Twist};
use super::steps::Step;
use super::sums::{LOTS, apply};
use super::world::{Article, Entry, FEEDS, Facts, KINDS, LONG, Name, R, S, STOCK, World, in_time};

pub(super) struct Writer<'a> {
    row: &'a Row,
    world: &'a World,
    all: Facts,
    feed: usize,
    branch: usize,
    /// What can still be spent of each lot: held units cannot.
    left: [i32; LOTS],
    pending: [bool; LONG],
    stamp: u8,
}

impl<'a> Writer<'a> {
    pub(super) fn new(row: &'a Row, world: &'a World, feed: usize, branch: usize) -> Self {
        let mut left = [0; LOTS];
        for (kind, n) in row.stock[feed].iter().enumerate() {
            left[STOCK as usize + kind] = i32::from(*n);
        }
        let all = world.all();
        let stamp = stamp(row, world, feed, branch);
        let pending = [false; LONG];
        let mut writer = Self { row, world, all, feed, branch, left, pending, stamp };
        writer.read();
        writer
    }

    fn read(&mut self) {
        let (row, world) = (self.row, self.world);
        for (name, entry) in world.history(self.feed, self.branch) {
            let left = &mut self.left;
            apply(row, world, name, entry, |lot, n| left[lot as usize] += n);
            let resolved = match entry {
                Entry::Hold { lot, n, .. } => {
                    self.left[lot as usize] -= i32::from(n);
                    self.pending[name.index() as usize] = true;
                    continue;
                }
                Entry::Post { hold, .. } | Entry::Drop { hold } => hold,
                _ => continue,
            };
            // The hold took the units; a post takes them again. Where planted bugs resolve twice, it is once freed.
            if std::mem::take(&mut self.pending[resolved as usize]) {
                self.free(resolved);
            }
        }
        if row.twists.has(Twist::TimeFreesHold) {
            for hold in 0..LONG as u8 {
                if self.pending[hold as usize] && self.until(hold) < self.stamp {
                    self.free(hold);
                }
            }
        }
    }

    fn free(&mut self, hold: u8) {
        if let Entry::Hold { lot, n, .. } = self.mine(hold) {
            self.left[lot as usize] += i32::from(n);
        }
    }

    fn mine(&self, index: u8) -> Entry {
        self.world.entry(self.world.at(self.feed, self.branch, index))
    }

    fn until(&self, hold: u8) -> u8 {
        if let Entry::Hold { until, .. } = self.mine(hold) { until } else { 0 }
    }

    fn twist(&self, twist: Twist) -> bool {
        self.row.twists.has(twist)
    }

    fn act(&self, act: Act) -> bool {
        self.row.acts.has(act)
    }

    fn heard(&self) -> u8 {
        self.world.heard[self.feed]
    }

    fn wrote(&self, entry: impl Fn(Entry) -> bool) -> bool {
        self.world.history(self.feed, self.branch).any(|(_, e)| entry(e))
    }

    fn owner(&self, lot: u8) -> (u8, u8) {
        self.world.owner(self.feed, self.branch, lot)
    }

    fn parts(&self, most: i32) -> impl Iterator<Item = u8> + use<> {
        self.row.parts.iter().copied().filter(move |n| i32::from(*n) <= most)
    }

    /// Whether the cycle of a lot is closed, as far as this writer has heard.
    fn closed(&self, kind: u8) -> bool {
        self.world.closed(kind, self.heard())
    }

    /// Whether this writer may write at all.
    fn writes(&self) -> bool {
        let (world, feed) = (self.world, self.feed);
        let plays = feed < self.row.sites
            || feed == R
            || match self.row.fifth {
                Fifth::Nobody => false,
                Fifth::Reserve | Fifth::Programme => true,
                Fifth::Successor => world.ended(0, 0) || world.cut(0, world.epoch).is_some(),
            } && feed == S;
        let stopped =
            self.twist(Twist::CloseStopsFeed) && (0..KINDS as u8).any(|kind| self.closed(kind));
        let ended = world.ended(feed, self.branch) && !self.twist(Twist::WriteAfterEnd);
        plays && world.alive(feed) && world.cut(feed, self.heard()).is_none() && !ended && !stopped
    }

    /// Whether this writer may redeem from a lot it has. Asked by the check that nobody goes hungry.
    pub(super) fn serves(&self) -> Option<u8> {
        let open = |lot: &u8| {
            let (purse, kind) = self.owner(*lot);
            purse > 0 && self.left[*lot as usize] > 0 && !self.closed(kind)
        };
        (0..STOCK).find(open).filter(|_| !self.writes())
    }

    pub(super) fn steps(&self, out: &mut Vec<(Step, World)>) {
        if !self.writes() {
            return;
        }
        self.issue(out);
        self.reissue(out);
        for lot in 0..STOCK {
            let (purse, kind) = self.owner(lot);
            if self.left[lot as usize] > 0 && !self.closed(kind) {
                self.spend(lot, purse, out);
            }
            self.mint(lot, out);
            self.undo(lot, out);
        }
        self.float(out);
        self.claim(out);
        self.draw(out);
        self.plant(out);
        let may_end = self.row.mortal >> self.feed & 1 == 1;
        if self.act(Act::HandOver) && may_end && !self.world.ended(self.feed, self.branch) {
            self.write(Entry::End, out);
        }
        self.go_home(out);
    }

    fn write(&self, entry: Entry, out: &mut Vec<(Step, World)>) {
        let mut world = *self.world;
        if world.push(self.feed, self.branch, entry) {
            let index = world.feeds[self.feed].len[self.branch] - 1;
            out.push((Step::Write(self.world.at(self.feed, self.branch, index), entry), world));
        }
    }

    fn issue(&self, out: &mut Vec<(Step, World)>) {
        if !self.act(Act::Issue)
            || !self.row.is_site(self.feed) && self.row.fifth != Fifth::Programme
            || self.feed == R
        {
            return;
        }
        for kind in 0..self.row.kinds {
            let from = if self.twist(Twist::IssueFromAny) { 0 } else { kind };
            let n = self.row.issue;
            if self.left[(STOCK + from) as usize] < i32::from(n) || self.closed(kind) {
                continue;
            }
            for purse in 1..=self.row.purses {
                // A row of a list is issued once. Another branch does not know that it was.
                let again = |(name, entry): (Name, Entry)| {
                    !self.row.is_reserve(name.feed())
                        && name.feed() != self.feed
                        && is_issue(entry, purse, kind)
                };
                let elsewhere = self.world.facts(self.all).any(again);
                if !elsewhere && !self.wrote(|entry| is_issue(entry, purse, kind)) {
                    self.write(Entry::Issue { kind, purse, n }, out);
                }
            }
        }
    }

    fn reissue(&self, out: &mut Vec<(Step, World)>) {
        if !self.act(Act::Reissue) || !self.row.is_reserve(self.feed) {
            return;
        }
        for (purse, kind) in
            (1..=self.row.purses).flat_map(|p| (0..self.row.kinds).map(move |k| (p, k)))
        {
            let issued = self.world.facts(self.all).any(|(name, entry)| {
                !self.row.is_reserve(name.feed()) && is_issue(entry, purse, kind)
            });
            let most = self.left[(STOCK + kind) as usize].min(self.insured(purse));
            let issued = issued && !self.closed(kind);
            for n in self.parts(if issued { most } else { 0 }) {
                self.write(Entry::Issue { kind, purse, n }, out);
            }
        }
    }

    /// What this reserve may still re-issue to a purse: with two reserves, what stood at the feed it insures.
    fn insured(&self, purse: u8) -> i32 {
        if self.row.fifth != Fifth::Reserve {
            return i32::MAX;
        }
        let issued = |(_, entry): (Name, Entry)| match entry {
            Entry::Issue { purse: p, n, .. } if p == purse => i32::from(n),
            _ => 0,
        };
        let given: i32 = self.world.history(self.feed, self.branch).map(issued).sum();
        let most = if self.twist(Twist::AnyReserve) {
            (0..R).map(|feed| stood_at(self.world, feed, purse, false)).sum()
        } else {
            stood_at(self.world, usize::from(self.feed == S), purse, true)
        };
        most - given
    }

    fn spend(&self, lot: u8, purse: u8, out: &mut Vec<(Step, World)>) {
        let left = if self.twist(Twist::SpendAsOpened) {
            let mut opened = 0;
            let name = self.world.at(self.feed, self.branch, lot);
            apply(self.row, self.world, name, self.mine(lot), |to, n| {
                opened += if to == lot { n } else { 0 };
            });
            opened
        } else {
            self.left[lot as usize]
        };
        let at = self.stamp;
        let open = !self.act(Act::Close) || in_time(at);
        for n in self.parts(left) {
            if purse > 0 && open {
                if self.act(Act::Redeem) {
                    self.write(Entry::Redeem { lot, n, at }, out);
                }
                if self.act(Act::Hold) {
                    self.write(Entry::Hold { lot, n, until: at }, out);
                }
            }
            if self.act(Act::Send) {
                for to in (0..FEEDS).filter(|to| self.may_send(*to)) {
                    self.write(Entry::Send { lot, to: to as u8, n, at }, out);
                }
            }
        }
        if self.act(Act::Float) && purse > 0 {
            self.cover(lot, purse, left, out);
        }
    }

    fn may_send(&self, to: usize) -> bool {
        self.row.is_site(to)
            && to != self.feed
            && self.feed != S
            && self.world.cut(to, self.heard()).is_none()
    }

    fn cover(&self, lot: u8, purse: u8, left: i32, out: &mut Vec<(Step, World)>) {
        for (float, entry) in self.world.facts(self.all) {
            let Entry::Float { purse: p, home, n } = entry else { continue };
            let again = self.wrote(|e| matches!(e, Entry::Cover { float: f, .. } if f == float));
            let home = usize::from(home) == self.feed || self.twist(Twist::CoverAnywhere);
            let fresh = !again || self.twist(Twist::CoverAgain);
            if p == purse && float.feed() != self.feed && home && fresh && i32::from(n) <= left {
                self.write(Entry::Cover { lot, float, n }, out);
            }
        }
    }

    /// A stolen key sends what is not there.
    fn mint(&self, lot: u8, out: &mut Vec<(Step, World)>) {
        let opened = lot < self.world.feeds[self.feed].len[self.branch]
            && matches!(self.mine(lot), Entry::Issue { .. } | Entry::Claim { .. });
        let wicked = self.row.wicked >> self.feed & 1 == 1;
        if !self.act(Act::Mint) || !wicked || !opened || self.left[lot as usize] > 0 {
            return;
        }
        let first = out.len();
        for to in (0..self.row.sites).filter(|to| *to != self.feed) {
            for n in self.row.parts {
                self.write(Entry::Send { lot, to: to as u8, n: *n, at: self.stamp }, out);
            }
        }
        out[first..].iter_mut().for_each(|(_, world)| world.wicked |= 1 << self.feed);
    }

    /// Refunds, posts and drops, each of one earlier entry.
    fn undo(&self, index: u8, out: &mut Vec<(Step, World)>) {
        if index >= self.world.feeds[self.feed].len[self.branch] {
            return;
        }
        let name = self.world.at(self.feed, self.branch, index);
        if let (true, Some((_, given))) = (self.act(Act::Refund), self.world.given(name)) {
            let before = self.wrote(|e| matches!(e, Entry::Refund { of, .. } if of == index));
            if !before || self.twist(Twist::RefundAgain) {
                for n in self.parts(i32::from(given)) {
                    self.write(Entry::Refund { of: index, n }, out);
                }
            }
        }
        let Entry::Hold { lot, until, .. } = self.mine(index) else { return };
        let pending = self.pending[index as usize];
        let late = self.stamp > until && !self.twist(Twist::PostLate);
        let dropped = self.twist(Twist::PostDropped)
            && !self.wrote(|e| matches!(e, Entry::Post { hold, .. } if hold == index));
        if (pending || dropped) && !late && !self.closed(self.owner(lot).1) {
            self.write(Entry::Post { hold: index, at: self.stamp }, out);
        }
        if pending {
            self.write(Entry::Drop { hold: index }, out);
        }
    }

    fn float(&self, out: &mut Vec<(Step, World)>) {
        if self.act(Act::Float) && self.feed > 0 && self.feed < self.row.sites {
            for purse in 1..=self.row.purses {
                for n in self.parts(self.left[STOCK as usize]) {
                    self.write(Entry::Float { purse, home: 0, n }, out);
                }
            }
        }
    }

    fn claim(&self, out: &mut Vec<(Step, World)>) {
        for (of, _) in self.world.facts(self.all) {
            let Some((to, n)) = self.world.ticket(of) else { continue };
            let twin = self.twist(Twist::TicketWithoutProgramme) && self.feed == S && to == 0;
            let before = self.wrote(|e| e == Entry::Claim { of });
            let kind = self.world.ticket_owner(of).1;
            if to != self.feed && !twin
                || before && !self.twist(Twist::ClaimAgain)
                || self.closed(kind) && self.feed != R
            {
                continue;
            }
            let cut = self.world.cut(of.feed(), self.heard());
            if cut.is_some_and(|cut| of.index() >= cut) {
                if self.act(Act::Decline) {
                    self.decline(of, n, out);
                }
            } else if self.under_ceiling(of, n) {
                self.write(Entry::Claim { of }, out);
            }
        }
    }

    fn decline(&self, of: Name, n: u8, out: &mut Vec<(Step, World)>) {
        let mut world = *self.world;
        let lot = world.feeds[self.feed].len[self.branch];
        let back = Entry::Send { lot, to: of.feed() as u8, n, at: self.stamp };
        if world.push(self.feed, self.branch, Entry::Claim { of })
            && world.push(self.feed, self.branch, back)
        {
            out.push((Step::Decline(self.world.at(self.feed, self.branch, lot), of), world));
        }
    }

    fn under_ceiling(&self, of: Name, n: u8) -> bool {
        let Some(ceiling) = self.row.ceiling else { return true };
        let counted = |n: u8| if self.twist(Twist::CeilingCountsTickets) { 1 } else { n };
        let from_same = |(_, entry): (Name, Entry)| match entry {
            Entry::Claim { of: other } if other.feed() == of.feed() => {
                self.world.ticket(other).map_or(0, |(_, n)| counted(n))
            }
            _ => 0,
        };
        let taken: u8 = self.world.history(self.feed, self.branch).map(from_same).sum();
        taken + counted(n) <= ceiling
    }

    fn draw(&self, out: &mut Vec<(Step, World)>) {
        for epoch in 0..self.heard() {
            let Article::Release { to, n, .. } = self.world.articles[epoch as usize] else {
                continue;
            };
            let mine = usize::from(to) == self.feed
                || self.twist(Twist::DrawAnywhere) && self.row.is_reserve(self.feed);
            if !mine || self.wrote(|e| e == Entry::Draw { epoch }) {
                continue;
            }
            if self.twist(Twist::SuspenseToPurse) {
                if self.world.facts(self.all).any(|(_, entry)| is_issue(entry, 1, 0)) {
                    self.conjure(1, i32::from(n), out);
                }
            } else {
                self.write(Entry::Draw { epoch }, out);
            }
        }
    }

    /// What is left of a closing cycle goes home: before the writer hears of the close, or never.
    fn go_home(&self, out: &mut Vec<(Step, World)>) {
        if !self.act(Act::Return) || self.feed >= R || in_time(self.stamp) {
            return;
        }
        for lot in 0..STOCK {
            let (_, kind) = self.owner(lot);
            let left = self.left[lot as usize];
            let still = !self.closed(kind) || self.twist(Twist::ReturnAfterRelease);
            if still && left > 0 {
                self.write(Entry::Send { lot, to: R as u8, n: left as u8, at: self.stamp }, out);
            }
        }
    }

    /// Bugs that make units out of nothing.
    fn plant(&self, out: &mut Vec<(Step, World)>) {
        let (world, heard) = (self.world, self.heard());
        let gone = |to: usize| world.cut(to, heard).is_some() || world.ended(to, 0);
        let sends = || {
            world
                .facts(self.all)
                .filter(|(_, entry)| matches!(entry, Entry::Send { .. }))
                .filter_map(|(of, _)| world.ticket(of).map(|(to, n)| (of, to, n)))
        };
        let next = if self.row.fifth == Fifth::Successor { S } else { R };
        if self.twist(Twist::Reclaim) && self.feed == R {
            for dead in 0..R {
                if let Some(cut) = world.cut(dead, heard) {
                    self.conjure(1, rights(self.row, &world.prefix(dead, cut), dead), out);
                }
            }
        }
        if self.twist(Twist::Recall) {
            for (of, _, n) in sends().filter(|(of, to, _)| of.feed() == self.feed && gone(*to)) {
                self.conjure(world.ticket_owner(of).0, i32::from(n), out);
            }
        }
        if self.twist(Twist::SuccessorClaims) && self.feed == next {
            for (of, _, n) in sends().filter(|(_, to, _)| gone(*to)) {
                self.conjure(world.ticket_owner(of).0, i32::from(n), out);
            }
        }
        if self.twist(Twist::SuccessorOpens) && self.feed == S {
            for known in 0..=world.feeds[0].len[0] {
                self.conjure(1, rights(self.row, &world.prefix(0, known), 0), out);
            }
        }
    }

    fn conjure(&self, purse: u8, n: i32, out: &mut Vec<(Step, World)>) {
        if n > 0 && !self.wrote(|e| matches!(e, Entry::Conjure { .. })) {
            self.write(Entry::Conjure { purse, n: n as u8 }, out);
        }
    }
}

fn is_issue(entry: Entry, purse: u8, kind: u8) -> bool {
    matches!(entry, Entry::Issue { purse: p, kind: k, .. } if p == purse && k == kind)
}

/// Stamps never fall inside a feed, whatever the clock does.
pub(super) fn stamp(row: &Row, world: &World, feed: usize, branch: usize) -> u8 {
    let wall = if world.fell >> feed & 1 == 1 { 0 } else { world.day };
    if row.twists.has(Twist::StampsFall) {
        return wall;
    }
    world.history(feed, branch).map(|(_, entry)| stamped(entry)).fold(wall, u8::max)
}

/// The stamp an entry of the model has. Those without one spend nothing that time may have freed.
pub(super) fn stamped(entry: Entry) -> u8 {
    match entry {
        Entry::Redeem { at, .. } | Entry::Post { at, .. } | Entry::Send { at, .. } => at,
        Entry::Hold { until, .. } => until,
        _ => 0,
    }
}

/// What stands in a feed's own lots, without its stock.
fn rights(row: &Row, world: &World, feed: usize) -> i32 {
    Writer::new(row, world, feed, 0).left[..STOCK as usize].iter().sum()
}

/// Units that ever stood at a feed for a purse; with those it was sent, or only those issued there.
pub(super) fn stood_at(world: &World, feed: usize, purse: u8, with_sent: bool) -> i32 {
    let stood = |(_, entry): (Name, Entry)| match entry {
        Entry::Issue { purse: p, n, .. } if p == purse => i32::from(n),
        Entry::Claim { of } if with_sent && world.ticket_owner(of).0 == purse => {
            world.ticket(of).map_or(0, |(_, n)| i32::from(n))
        }
        _ => 0,
    };
    world.history(feed, 0).map(stood).sum()
}
