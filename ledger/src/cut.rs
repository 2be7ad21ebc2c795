//! A cut: up to where a feed is taken at its word, by content and not by time (spec/cuts.md).
//!
//! A cut labels entries, stops receivers that have heard it, and ends settlement by range. It moves nothing: no balance
//! has a cut in it (spec/value.md, "Suspense").

use serde::{Deserialize, Serialize};

use crate::fold::{ended_before, owner_of};
use crate::hash::Hash;
use crate::id::{CycleId, EntryName, FeedRef, Lane};
use crate::limits;
use crate::notice::{Roles, Roster};
use crate::view::{At, ChainNo, Revocation, View};

/// The first blocks of a feed, named by the header of the last of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Cut {
    /// How many blocks stand below it. Zero: nothing does.
    pub seq: u64,
    /// The hash of the last one's header; zero where there is none.
    pub head: Hash,
}

impl Cut {
    /// Below every block.
    pub const NOTHING: Self = Self { seq: 0, head: Hash::ZERO };

    /// Whether it says one thing: no blocks and no hash, or blocks and a hash.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        (self.seq == 0) == (self.head == Hash::ZERO)
    }
}

/// Why a feed is cut. Enters no balance; *compromised* and *late* add a claim of the programme against the organisation,
/// listed beside the balances.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Reason {
    /// Burnt, stolen, broken: gone.
    Lost,
    /// Somebody else may have its key.
    Compromised,
    /// It does not bring what it wrote.
    Late,
    /// It ended its work, or another node took it over.
    HandedOver,
}

/// The lowest cut of a feed that anybody with the right to it set, and `None` where nobody did.
///
/// A fence counts as it stands. A revocation counts where a node of the feed's own organisation said it whose
/// certificate makes it a treasury or a hub; where what a quorum of witnesses has cosigned ([`View::certified`]) does not lie
/// below it, it counts as if it stood there, since only a fence may cut what was certified.
#[must_use]
pub fn lowest(view: &dyn View, feed: &FeedRef) -> Option<Cut> {
    let fenced = view.charter().fences(feed).iter().map(|fenced| fenced.cut);
    let certified = view.certified(feed);
    let revoked = view.revocations(feed).into_iter().filter(|said| may_revoke(view.roster(), said));
    let revoked =
        revoked.map(|said| certified.map_or(said.cut, |least| raised(view, feed, said.cut, least)));
    fenced.chain(revoked).min()
}

/// A revocation, or what was certified, where the revocation does not have that below it: it ends earlier, names another
/// branch, or a block that the certified branch does not have at that place.
fn raised(view: &dyn View, feed: &FeedRef, said: Cut, least: Cut) -> Cut {
    let Some(last) = said.seq.checked_sub(1).filter(|_| said.seq > least.seq) else { return least };
    let at = |chain: ChainNo, seq: u64| {
        let on = |(of, upto)| view.sealed(of, seq).filter(|block| block.next <= upto);
        path(view, chain).into_iter().find_map(on).map(|block| block.hash)
    };
    // Of a chain that began above it no hash is known: its rows were certified.
    let follows = |chain: ChainNo| match least.seq.checked_sub(1).and_then(|seq| at(chain, seq)) {
        Some(hash) => hash == least.head || least.head == Hash::ZERO,
        None => true,
    };
    let chains = view.branches(feed);
    let (on, off): (Vec<_>, Vec<_>) = chains.into_iter().partition(|chain| follows(*chain));
    let has = |chains: &[ChainNo]| chains.iter().any(|c| at(*c, last) == Some(said.head));
    let other = on.iter().any(|chain| at(*chain, last).is_some_and(|hash| hash != said.head));
    if has(&on) || !(other || has(&off)) { said } else { least }
}

/// Whether a node may revoke a feed: it is a treasury or a hub of an organisation that ever certified the feed's node. Whoever
/// stole a node may have another organisation certify it, and takes no word of the first away by that.
#[must_use]
pub fn may_revoke(roster: &Roster, said: &Revocation) -> bool {
    let Some(by) = roster.node(&said.by) else { return false };
    let may = by.roles.has(Roles::TREASURY) || by.roles.has(Roles::HUB);
    let own = roster.certificates(&said.feed.node).any(|c| c.org == by.org);
    may && said.cut.is_sound() && own
}

/// How much of a chain lies below a cut.
enum Under {
    /// As many entries, from the first.
    Known(u64),
    /// This view began above the cut's block: all that it began with as rows is taken to lie below, though only its number
    /// could tell of each, and nothing after.
    Begun(u64),
    /// The chain is not known up to the cut, and all that is known lies below it.
    All,
}

fn under(view: &dyn View, chain: ChainNo, cut: &Cut) -> Under {
    let Some(last) = cut.seq.checked_sub(1) else { return Under::Known(0) };
    let feed = view.chain(chain).feed.short();
    let chains = view.branches(&feed);
    let named = chains.iter().find_map(|other| {
        let block = view.sealed(*other, last).filter(|block| block.hash == cut.head)?;
        Some((*other, block.next))
    });
    if let Some((named, next)) = named {
        let shared = shared(view, chain, named);
        // On the branch that the cut names, or on one that left it later: up to the cut.
        return Under::Known(next.min(shared));
    }
    let path = path(view, chain);
    // The chain has another block at that place, and the branch that was meant is not known here.
    let other = path
        .iter()
        .any(|(of, upto)| view.sealed(*of, last).is_some_and(|block| block.next <= *upto));
    if other {
        return Under::Known(0);
    }
    let begun = path.into_iter().find_map(|(of, _)| Some((of, begun_above(view, of, last)?)));
    match begun {
        // Right above that block, and there is no branch that could have another one there.
        Some((of, next)) if view.floor(of).blocks == cut.seq && chains.len() == 1 => {
            Under::Known(next)
        }
        Some((_, next)) => Under::Begun(next),
        None => Under::All,
    }
}

/// Where exactly this chain begins here, if that is above the block of a number.
fn begun_above(view: &dyn View, chain: ChainNo, seq: u64) -> Option<u64> {
    let floor = view.floor(chain);
    (floor.blocks > seq).then_some(floor.next)
}

/// How many entries of a chain, from the first, lie below a cut; `None` where the chain is not known up to it, and all
/// that is known lies below it.
///
/// Of a feed that forked, a cut names one branch: of another one, what they share lies below. Where the view began above
/// the cut's block, what it began with.
#[must_use]
pub fn below(view: &dyn View, chain: ChainNo, cut: &Cut) -> Option<u64> {
    match under(view, chain, cut) {
        Under::Known(next) | Under::Begun(next) => Some(next),
        Under::All => None,
    }
}

/// Whether an entry lies above a cut on any of the chains that have it: where the branch that the cut names is not known
/// here, one chain may reach past the cut and another not, and which of them was known first must not matter.
pub(crate) fn is_above(view: &dyn View, at: At, cut: &Cut) -> bool {
    let feed = view.chain(at.chain).feed.short();
    let has = |chain: &ChainNo| owner_of(view, *chain, at.index) == at;
    let mut chains = view.branches(&feed).into_iter().filter(has);
    chains.any(|chain| below(view, chain, cut).is_some_and(|below| at.index >= below))
}

/// The chain and those it left, each with the index up to which it sees them.
fn path(view: &dyn View, chain: ChainNo) -> Vec<(ChainNo, u64)> {
    let (mut path, mut at, mut upto) = (Vec::new(), chain, u64::MAX);
    for _ in 0..=limits::BRANCHES {
        path.push((at, upto));
        let Some(left) = view.chain(at).left else { break };
        (at, upto) = (left.chain, upto.min(left.index));
    }
    path
}

/// From one index up to another of a chain: the chains that have these entries as their own, and which of them.
pub(crate) fn owners(
    view: &dyn View,
    chain: ChainNo,
    from: u64,
    to: u64,
) -> Vec<(ChainNo, u64, u64)> {
    let (mut parts, mut at, mut upto) = (Vec::new(), chain, to);
    for _ in 0..=limits::BRANCHES {
        let left = view.chain(at).left;
        let first = left.map_or(0, |left| left.index);
        if first.max(from) < upto {
            parts.push((at, first.max(from), upto));
        }
        upto = upto.min(first);
        let Some(left) = left.filter(|_| from < upto) else { break };
        at = left.chain;
    }
    parts
}

/// How many entries two chains of a feed have in common.
pub(crate) fn shared(view: &dyn View, one: ChainNo, other: ChainNo) -> u64 {
    let ours = path(view, one);
    let common = path(view, other).into_iter().filter_map(|(chain, upto)| {
        let (_, mine) = ours.iter().find(|(mine, _)| *mine == chain)?;
        Some(upto.min(*mine))
    });
    common.max().unwrap_or(0)
}

/// What an entry is called. Labels move nothing, and being tainted or late costs nobody anything by itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Label {
    /// Below every cut known.
    Good,
    /// Of a closed cycle, and not shown by the cut of its feed when it was closed. Good if it was stamped in time.
    Late,
    /// Above the lowest cut of its feed.
    Tainted,
    /// After its feed had ended.
    AfterEnd,
}

/// What the entry at a place is called; `cycle` is the cycle whose units it moves, if it moves any.
#[must_use]
pub fn label(view: &dyn View, at: At, cycle: Option<CycleId>) -> Label {
    let feed = view.chain(at.chain).feed.short();
    let above = |cut: &Cut| is_above(view, at, cut);
    if ended_before(view, at) {
        return Label::AfterEnd;
    }
    if lowest(view, &feed).is_some_and(|cut| above(&cut)) {
        return Label::Tainted;
    }
    let late = cycle.and_then(|cycle| shown(view, &feed, cycle)).is_some_and(|cut| above(&cut));
    if late { Label::Late } else { Label::Good }
}

/// Up to where the close of a cycle shows a feed, where it is closed.
fn shown(view: &dyn View, feed: &FeedRef, cycle: CycleId) -> Option<Cut> {
    let closed =
        view.charter().closed(feed.programme, cycle).filter(|_| feed.lane == Lane::Value)?;
    Some(closed.cuts.get(&feed.node).copied().unwrap_or(Cut::NOTHING))
}

/// Whether the entry at a place, which moves units of a cycle, lies below the close of the cycle: then it is settled,
/// whatever is cut later.
#[must_use]
pub fn below_close(view: &dyn View, at: At, cycle: CycleId) -> bool {
    let feed = view.chain(at.chain).feed.short();
    let whole = |cut: &Cut| below(view, at.chain, cut).is_some();
    let shown = shown(view, &feed, cycle).filter(whole);
    shown.is_some_and(|cut| !is_above(view, at, &cut))
}

/// Where a ticket stands to the lowest cut of its sender's feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stands {
    /// Nobody cut the feed, or its entry lies below.
    Below,
    /// Its entry lies above.
    Above,
    /// The block that the cut names is not known here, and by its number alone it cannot be told.
    Unknown,
}

/// Where the entry that a ticket promises stands to the lowest cut of its feed.
///
/// Without the block that the cut names, its number still tells something: blocks hold 1 to [`limits::BLOCK_ENTRIES`]
/// entries.
#[must_use]
pub fn stands(view: &dyn View, feed: &FeedRef, index: u64, accumulator: &Hash) -> Stands {
    let Some(cut) = lowest(view, feed) else { return Stands::Below };
    let name = EntryName { feed: *feed, index, accumulator: *accumulator }.ticket();
    let placed = view.ticket(&name).is_some_and(|row| row.placed);
    stands_to(view, feed, index, placed, &cut)
}

/// The epoch of the first article that fenced a feed so that an entry must have been seen to stand above, by that fence's
/// own cut: whoever knew the charter so far and took the entry's ticket up had heard that it is tainted. What other cuts,
/// lower ones that came later among them, say of it counts for nothing here. `placed`: whether the entry's block is known.
#[must_use]
pub fn heard_from(view: &dyn View, feed: &FeedRef, index: u64, placed: bool) -> Option<u32> {
    let fences = view.charter().fences(feed).iter();
    let taints = fences.filter(|f| seen_above(view, feed, index, placed, &f.cut));
    taints.map(|fenced| fenced.epoch).min()
}

/// Whether nobody who knew a cut can have taken an entry to be below, whatever else it knew of the feed: on none of the
/// branches that may hold it does it lie in one of as many blocks as the cut counts. Which branch a cut names only
/// tells who knows both.
fn seen_above(view: &dyn View, feed: &FeedRef, index: u64, placed: bool, cut: &Cut) -> bool {
    let Some(last) = cut.seq.checked_sub(1) else { return true };
    if !placed {
        return index >= cut.seq.saturating_mul(limits::BLOCK_ENTRIES as u64);
    }
    let chains = view.branches(feed);
    let mut reached = chains.into_iter().filter(|chain| view.head(*chain).next > index).peekable();
    let beyond = |chain: ChainNo| {
        path(view, chain).into_iter().any(|(of, upto)| {
            let block = view.sealed(of, last).filter(|block| block.next <= upto);
            let next = block.map(|block| block.next).or_else(|| begun_above(view, of, last));
            next.is_some_and(|next| index >= next)
        })
    };
    reached.peek().is_some() && reached.all(beyond)
}

fn stands_to(view: &dyn View, feed: &FeedRef, index: u64, placed: bool, cut: &Cut) -> Stands {
    // Its block is here: it lies where its chain has it. On a fork, another branch may have another entry there.
    let reached = view.branches(feed).into_iter().filter(|chain| view.head(*chain).next > index);
    let chains = if placed { reached.collect() } else { view.branches(feed) };
    // Below only where every chain that may hold it has it below.
    let (mut known, mut begun) = (false, false);
    for chain in chains {
        match under(view, chain, cut) {
            Under::Known(next) | Under::Begun(next) if index >= next => return Stands::Above,
            Under::Known(_) => known = true,
            Under::Begun(_) => begun = true,
            Under::All => {}
        }
    }
    if !begun && (known || placed) {
        return Stands::Below;
    }
    let most = cut.seq.saturating_mul(limits::BLOCK_ENTRIES as u64);
    if index < cut.seq {
        Stands::Below
    } else if index >= most {
        Stands::Above
    } else {
        Stands::Unknown
    }
}
