//! What there is: feeds, papers and articles. There is no network in here. A ticket is paper, so once written it may be
//! shown to anybody at any time and any number of times; an article is heard whenever the search says so, or never; an
//! observer learns prefixes and single receipts in any order. That covers loss, delay, repetition and reordering.

use std::fmt;

/// Feeds: three sites, a reserve, and one that a row uses as a second reserve or as the successor of A.
pub(super) const FEEDS: usize = 5;
/// The first reserve. It also settles, and takes returns.
pub(super) const R: usize = 3;
/// The second reserve, or A's next incarnation.
pub(super) const S: usize = 4;
/// Entries in one branch, at most.
pub(super) const LONG: usize = 8;
/// Branches of one feed, at most.
pub(super) const BRANCHES: usize = 3;
/// Commodities, or cycles: whatever never pays for one another.
pub(super) const KINDS: usize = 2;
/// Articles, at most.
pub(super) const ARTICLES: usize = 4;
/// Names of entries: one bit each.
pub(super) const SLOTS: usize = FEEDS * BRANCHES * LONG;
/// The lot the charter gave a feed, of the first kind; the second kind's is one more.
pub(super) const STOCK: u8 = LONG as u8;
/// The last day there is.
pub(super) const LAST_DAY: u8 = 2;

const NEVER: u8 = 0xff;

/// Whether a cycle may still be redeemed: on the first day alone, so that few steps lead past it.
pub(super) const fn in_time(day: u8) -> bool {
    day == 0
}

/// A set of entries.
pub(super) type Facts = u128;

/// The name of an entry. The branch stands for the hash: what two branches say at one index are two entries.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Name(pub(super) u8);

impl Name {
    const fn new(feed: usize, branch: usize, index: usize) -> Self {
        Self((feed * BRANCHES * LONG + branch * LONG + index) as u8)
    }
    pub(super) const fn feed(self) -> usize {
        self.0 as usize / (BRANCHES * LONG)
    }
    pub(super) const fn branch(self) -> usize {
        self.0 as usize / LONG % BRANCHES
    }
    pub(super) const fn index(self) -> u8 {
        self.0 % LONG as u8
    }
    pub(super) const fn slot(self) -> usize {
        self.0 as usize
    }
    pub(super) const fn bit(self) -> Facts {
        1 << self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", Place(self.feed(), self.branch()), self.index())
    }
}

/// A branch of a feed, as a person reads it: `A`, `A'`, `A''`.
pub(super) struct Place(pub(super) usize, pub(super) usize);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", ["A", "B", "C", "R", "S"][self.0], &"''"[..self.1])
    }
}

/// The entries of [spec/entries.md](../../../spec/entries.md) as far as they move value. `n` counts units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Entry {
    Blank,
    /// Out of the stock into a purse's lot. At a reserve this is a re-issue.
    Issue {
        kind: u8,
        purse: u8,
        n: u8,
    },
    Send {
        lot: u8,
        to: u8,
        n: u8,
        at: u8,
    },
    Claim {
        of: Name,
    },
    Redeem {
        lot: u8,
        n: u8,
        at: u8,
    },
    Refund {
        of: u8,
        n: u8,
    },
    Hold {
        lot: u8,
        n: u8,
        until: u8,
    },
    Post {
        hold: u8,
        at: u8,
    },
    Drop {
        hold: u8,
    },
    /// Out of this feed's stock, for a purse of `home`.
    Float {
        purse: u8,
        home: u8,
        n: u8,
    },
    /// Out of a purse's lot, on its way to the feed of the float.
    Cover {
        lot: u8,
        float: Name,
        n: u8,
    },
    /// Takes up what an article released to this feed.
    Draw {
        epoch: u8,
    },
    End,
    /// Planted: units out of nothing.
    Conjure {
        purse: u8,
        n: u8,
    },
}

impl Entry {
    const fn pack(self) -> [u8; 4] {
        match self {
            Self::Blank => [0; 4],
            Self::Issue { kind, purse, n } => [1, kind, purse, n],
            Self::Send { lot, to, n, at } => [2, lot << 4 | to, n, at],
            Self::Claim { of } => [3, of.0, 0, 0],
            Self::Redeem { lot, n, at } => [4, lot, n, at],
            Self::Refund { of, n } => [5, of, n, 0],
            Self::Hold { lot, n, until } => [6, lot, n, until],
            Self::Post { hold, at } => [7, hold, at, 0],
            Self::Drop { hold } => [8, hold, 0, 0],
            Self::Float { purse, home, n } => [9, purse, home, n],
            Self::Cover { lot, float, n } => [10, lot, float.0, n],
            Self::Draw { epoch } => [11, epoch, 0, 0],
            Self::End => [12, 0, 0, 0],
            Self::Conjure { purse, n } => [13, purse, n, 0],
        }
    }

    fn unpack([what, a, b, c]: [u8; 4]) -> Self {
        match what {
            1 => Self::Issue { kind: a, purse: b, n: c },
            2 => Self::Send { lot: a >> 4, to: a & 15, n: b, at: c },
            3 => Self::Claim { of: Name(a) },
            4 => Self::Redeem { lot: a, n: b, at: c },
            5 => Self::Refund { of: a, n: b },
            6 => Self::Hold { lot: a, n: b, until: c },
            7 => Self::Post { hold: a, at: b },
            8 => Self::Drop { hold: a },
            9 => Self::Float { purse: a, home: b, n: c },
            10 => Self::Cover { lot: a, float: Name(b), n: c },
            11 => Self::Draw { epoch: a },
            12 => Self::End,
            13 => Self::Conjure { purse: a, n: b },
            _ => Self::Blank,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Article {
    Blank,
    /// What the feed wrote from `cut` on is tainted.
    Fence {
        feed: u8,
        cut: u8,
    },
    /// `n` units of what the feed holds are on their way to a reserve.
    Release {
        feed: u8,
        kind: u8,
        n: u8,
        to: u8,
    },
    /// Writers that have heard write nothing more of this cycle.
    Close {
        kind: u8,
    },
}

/// One writer's chain, and where branches left it.
#[derive(Clone, Copy)]
pub(super) struct Feed {
    entries: [[Entry; LONG]; BRANCHES],
    pub(super) len: [u8; BRANCHES],
    /// The first index that is a branch's own.
    left: [u8; BRANCHES],
    /// The branch it left.
    stem: [u8; BRANCHES],
    pub(super) branches: u8,
}

#[derive(Clone, Copy)]
pub(super) struct World {
    pub(super) feeds: [Feed; FEEDS],
    pub(super) burnt: u8,
    /// Whose writer broke the rules. Only checks may read it.
    pub(super) wicked: u8,
    pub(super) articles: [Article; ARTICLES],
    pub(super) epoch: u8,
    pub(super) heard: [u8; FEEDS],
    pub(super) day: u8,
    /// Whose wall clock fell back to the first day.
    pub(super) fell: u8,
    /// What an observer, the treasury or an auditor, holds.
    pub(super) seen: Facts,
    pub(super) seen_epoch: u8,
    pub(super) paid_to: [u8; FEEDS],
    pub(super) paid: Facts,
    pub(super) paid_twice: bool,
    pub(super) treasury_lost: bool,
}

impl World {
    pub(super) fn new() -> Self {
        let feed = Feed {
            entries: [[Entry::Blank; LONG]; BRANCHES],
            len: [0; BRANCHES],
            left: [NEVER; BRANCHES],
            stem: [0; BRANCHES],
            branches: 1,
        };
        Self {
            feeds: [feed; FEEDS],
            burnt: 0,
            wicked: 0,
            articles: [Article::Blank; ARTICLES],
            epoch: 0,
            heard: [0; FEEDS],
            day: 0,
            fell: 0,
            seen: 0,
            seen_epoch: 0,
            paid_to: [0; FEEDS],
            paid: 0,
            paid_twice: false,
            treasury_lost: false,
        }
    }

    pub(super) fn entry(&self, name: Name) -> Entry {
        self.feeds[name.feed()].entries[name.branch()][name.index() as usize]
    }

    /// What the writer of this branch calls entry `index`: a shared prefix belongs to the branch that wrote it.
    pub(super) fn at(&self, feed: usize, branch: usize, index: u8) -> Name {
        let of = &self.feeds[feed];
        let mut branch = branch;
        while branch > 0 && index < of.left[branch] {
            branch = of.stem[branch] as usize;
        }
        Name::new(feed, branch, index as usize)
    }

    pub(super) fn history(
        &self,
        feed: usize,
        branch: usize,
    ) -> impl Iterator<Item = (Name, Entry)> {
        (0..self.feeds[feed].len[branch]).map(move |index| {
            let name = self.at(feed, branch, index);
            (name, self.entry(name))
        })
    }

    /// The entries that are this branch's own.
    pub(super) fn own(&self, feed: usize, branch: usize) -> impl Iterator<Item = Name> {
        let of = &self.feeds[feed];
        let from = if branch == 0 { 0 } else { of.left[branch] };
        (from..of.len[branch]).map(move |index| Name::new(feed, branch, index as usize))
    }

    pub(super) fn branches(&self, feed: usize) -> usize {
        self.feeds[feed].branches as usize
    }

    /// Writes an entry. False where the branch is full.
    pub(super) fn push(&mut self, feed: usize, branch: usize, entry: Entry) -> bool {
        let of = &mut self.feeds[feed];
        let index = of.len[branch] as usize;
        let fits = index < LONG;
        if fits {
            of.entries[branch][index] = entry;
            of.len[branch] += 1;
        }
        fits
    }

    /// The writer goes on from an old copy: a new branch that leaves `stem` at `index`.
    pub(super) fn restore(&mut self, feed: usize, stem: usize, index: u8) {
        let of = &mut self.feeds[feed];
        let branch = of.branches as usize;
        of.branches += 1;
        of.left[branch] = index;
        of.len[branch] = index;
        of.stem[branch] = stem as u8;
        self.wicked |= 1 << feed;
    }

    /// The index at which the first branch left.
    pub(super) fn forked_at(&self, feed: usize) -> Option<u8> {
        self.feeds[feed].left.into_iter().min().filter(|left| *left != NEVER)
    }

    /// The feed without branches, cut to `len`: what its writer stood on there.
    pub(super) fn prefix(&self, feed: usize, len: u8) -> Self {
        let mut cut = *self;
        let of = &mut cut.feeds[feed];
        // The first fork is always of the first branch's own entries or of a copy of them.
        of.len[0] = of.len[0].min(len);
        of.branches = 1;
        of.left = [NEVER; BRANCHES];
        cut
    }

    pub(super) fn enact(&mut self, article: Article) {
        self.articles[self.epoch as usize] = article;
        self.epoch += 1;
        self.heard[R] = self.epoch;
        self.heard[S] = self.epoch;
    }

    pub(super) fn all(&self) -> Facts {
        let mut facts = 0;
        for feed in 0..FEEDS {
            for branch in 0..self.branches(feed) {
                for name in self.own(feed, branch) {
                    facts |= name.bit();
                }
            }
        }
        facts
    }

    pub(super) fn facts(&self, mut of: Facts) -> impl Iterator<Item = (Name, Entry)> {
        std::iter::from_fn(move || {
            (of != 0).then(|| {
                let name = Name(of.trailing_zeros() as u8);
                of &= of - 1;
                (name, self.entry(name))
            })
        })
    }

    pub(super) fn articles(&self, epochs: u8) -> &[Article] {
        &self.articles[..epochs as usize]
    }

    pub(super) fn cuts(&self, feed: usize, epochs: u8) -> impl Iterator<Item = u8> {
        self.articles(epochs).iter().filter_map(move |article| match article {
            Article::Fence { feed: of, cut } if *of as usize == feed => Some(*cut),
            _ => None,
        })
    }

    /// The lowest cut wins.
    pub(super) fn cut(&self, feed: usize, epochs: u8) -> Option<u8> {
        self.cuts(feed, epochs).min()
    }

    pub(super) fn closed(&self, kind: u8, epochs: u8) -> bool {
        self.articles(epochs).contains(&Article::Close { kind })
    }

    pub(super) fn released(&self, feed: usize, kind: usize, epochs: u8) -> i32 {
        let of = |article: &Article| match *article {
            Article::Release { feed: f, kind: k, n, .. }
                if f as usize == feed && k as usize == kind =>
            {
                i32::from(n)
            }
            _ => 0,
        };
        self.articles(epochs).iter().map(of).sum()
    }

    pub(super) fn ended(&self, feed: usize, branch: usize) -> bool {
        self.history(feed, branch).any(|(_, entry)| entry == Entry::End)
    }

    pub(super) fn alive(&self, feed: usize) -> bool {
        self.burnt >> feed & 1 == 0
    }

    pub(super) fn honest(&self, feed: usize) -> bool {
        self.wicked >> feed & 1 == 0
    }

    /// The entry that opened a lot; the charter opened the stock.
    pub(super) fn opening(&self, feed: usize, branch: usize, lot: u8) -> Option<Name> {
        (lot < STOCK).then(|| self.at(feed, branch, lot))
    }

    /// Whose a lot is (0: nobody's yet), and of what kind.
    pub(super) fn owner(&self, feed: usize, branch: usize, lot: u8) -> (u8, u8) {
        let Some(name) = self.opening(feed, branch, lot) else { return (0, lot - STOCK) };
        match self.entry(name) {
            Entry::Issue { purse, kind, .. } => (purse, kind),
            Entry::Conjure { purse, .. } => (purse, 0),
            Entry::Claim { of } => self.ticket_owner(of),
            Entry::Refund { of, .. } => {
                let of = self.at(feed, branch, of);
                self.given(of).map_or((0, 0), |(lot, _)| self.owner(feed, of.branch(), lot))
            }
            _ => (0, 0),
        }
    }

    pub(super) fn ticket_owner(&self, of: Name) -> (u8, u8) {
        match self.entry(of) {
            Entry::Send { lot, .. } => self.owner(of.feed(), of.branch(), lot),
            // A cover refills a float: it is nobody's again.
            Entry::Cover { lot, .. } => (0, self.owner(of.feed(), of.branch(), lot).1),
            _ => (0, 0),
        }
    }

    /// To whom a ticket is addressed, and how much it moves.
    pub(super) fn ticket(&self, of: Name) -> Option<(usize, u8)> {
        match self.entry(of) {
            Entry::Send { to, n, .. } => Some((to as usize, n)),
            Entry::Cover { float, n, .. } => Some((float.feed(), n)),
            _ => None,
        }
    }

    /// The lot and amount of goods handed out against a purse by this entry.
    pub(super) fn given(&self, name: Name) -> Option<(u8, u8)> {
        match self.entry(name) {
            Entry::Redeem { lot, n, .. } => Some((lot, n)),
            Entry::Post { hold, .. } => match self.entry(self.at(name.feed(), name.branch(), hold))
            {
                Entry::Hold { lot, n, .. } => Some((lot, n)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Writes a state down, to be read again by [`World::unpack`].
    pub(super) fn pack(&self, out: &mut Vec<u8>) {
        for feed in 0..FEEDS {
            let of = &self.feeds[feed];
            out.push(of.branches);
            for branch in 0..of.branches as usize {
                if branch > 0 {
                    out.extend([of.left[branch], of.stem[branch]]);
                }
                out.push(of.len[branch]);
                for name in self.own(feed, branch) {
                    out.extend(self.entry(name).pack());
                }
            }
        }
        out.push(self.epoch);
        for article in self.articles(self.epoch) {
            out.extend(match *article {
                Article::Blank => [0; 5],
                Article::Fence { feed, cut } => [1, feed, cut, 0, 0],
                Article::Release { feed, kind, n, to } => [2, feed, kind, n, to],
                Article::Close { kind } => [3, kind, 0, 0, 0],
            });
        }
        out.extend(self.heard);
        let flags = u8::from(self.paid_twice) | u8::from(self.treasury_lost) << 1;
        out.extend([self.burnt, self.wicked, self.day, self.fell, self.seen_epoch, flags]);
        out.extend(self.paid_to);
        // Empty in most rows, and sixteen bytes each.
        out.push(u8::from(self.seen != 0) | u8::from(self.paid != 0) << 1);
        for set in [self.seen, self.paid] {
            if set != 0 {
                out.extend(set.to_le_bytes());
            }
        }
    }

    pub(super) fn unpack(bytes: &[u8]) -> Self {
        let mut rest = bytes.iter().copied();
        let mut byte = || rest.next().unwrap_or_default();
        let mut world = Self::new();
        for of in &mut world.feeds {
            of.branches = byte();
            for branch in 0..of.branches as usize {
                let mut from = 0;
                if branch > 0 {
                    from = byte();
                    of.left[branch] = from;
                    of.stem[branch] = byte();
                }
                of.len[branch] = byte();
                for index in from..of.len[branch] {
                    let entry = Entry::unpack([byte(), byte(), byte(), byte()]);
                    of.entries[branch][index as usize] = entry;
                }
            }
        }
        world.epoch = byte();
        for article in &mut world.articles[..world.epoch as usize] {
            *article = match [byte(), byte(), byte(), byte(), byte()] {
                [1, feed, cut, ..] => Article::Fence { feed, cut },
                [2, feed, kind, n, to] => Article::Release { feed, kind, n, to },
                [3, kind, ..] => Article::Close { kind },
                _ => Article::Blank,
            };
        }
        world.heard = [(); FEEDS].map(|()| byte());
        world.burnt = byte();
        world.wicked = byte();
        world.day = byte();
        world.fell = byte();
        world.seen_epoch = byte();
        let flags = byte();
        (world.paid_twice, world.treasury_lost) = (flags & 1 != 0, flags & 2 != 0);
        world.paid_to = [(); FEEDS].map(|()| byte());
        let sets = byte();
        let mut set = |there: bool| {
            if there { Facts::from_le_bytes([(); 16].map(|()| byte())) } else { 0 }
        };
        world.seen = set(sets & 1 != 0);
        world.paid = set(sets & 2 != 0);
        world
    }

    /// The same world with B and C called by each other's name. Where a row treats both alike, one of the two will do.
    pub(super) fn mirrored(&self) -> Self {
        const PER: u32 = (BRANCHES * LONG) as u32;
        let site = |feed: u8| match feed {
            1 => 2,
            2 => 1,
            other => other,
        };
        let name = |of: Name| match of.feed() {
            1 => Name(of.0 + PER as u8),
            2 => Name(of.0 - PER as u8),
            _ => of,
        };
        let set = |facts: Facts| {
            let mask = (1 << PER) - 1;
            let (b, c) = (facts >> PER & mask, facts >> (2 * PER) & mask);
            facts & !(mask << PER | mask << (2 * PER)) | c << PER | b << (2 * PER)
        };
        let bits = |bits: u8| bits & !6 | (bits & 2) << 1 | (bits & 4) >> 1;
        let mut other = *self;
        other.feeds.swap(1, 2);
        other.heard.swap(1, 2);
        other.paid_to.swap(1, 2);
        for feed in 0..FEEDS {
            for branch in 0..other.branches(feed) {
                for index in 0..other.feeds[feed].len[branch] as usize {
                    let entry = &mut other.feeds[feed].entries[branch][index];
                    *entry = match *entry {
                        Entry::Send { lot, to, n, at } => Entry::Send { lot, to: site(to), n, at },
                        Entry::Claim { of } => Entry::Claim { of: name(of) },
                        Entry::Float { purse, home, n } => {
                            Entry::Float { purse, home: site(home), n }
                        }
                        Entry::Cover { lot, float, n } => {
                            Entry::Cover { lot, float: name(float), n }
                        }
                        same => same,
                    };
                }
            }
        }
        for article in &mut other.articles {
            *article = match *article {
                Article::Fence { feed, cut } => Article::Fence { feed: site(feed), cut },
                Article::Release { feed, kind, n, to } => {
                    Article::Release { feed: site(feed), kind, n, to }
                }
                same => same,
            };
        }
        (other.seen, other.paid) = (set(self.seen), set(self.paid));
        (other.burnt, other.wicked) = (bits(self.burnt), bits(self.wicked));
        other.fell = bits(self.fell);
        other
    }
}
