//! How much faults can cost at most: the excess of a forked feed, and of one that mints.

use std::collections::BTreeMap;

use super::checks::Look;
use super::row::Twist;
use super::sums::Sums;
use super::world::{Article, Entry, FEEDS, KINDS, Name, Place};

type Answer = Option<String>;

/// What the writer of a forked feed stood on where the first branch left, in units.
fn rights(look: &Look<'_>, feed: usize, at: u8) -> i32 {
    let before = look.world.prefix(feed, at);
    let own = before.own(feed, 0).fold(0, |facts, name| facts | name.bit());
    let sums = Sums::of(look.row, &before, own, 0);
    (0..KINDS).map(|kind| sums.held(feed, kind)).sum()
}

fn short(look: &Look<'_>, feed: usize) -> i32 {
    (0..KINDS).map(|kind| look.full.short(feed, kind)).sum()
}

/// What was taken in: how much, and by which entries, one for each branch that has it in its past.
type Taken = BTreeMap<u8, (i32, Vec<Name>)>;

/// What branches took in after the fork.
#[derive(Default)]
struct After {
    /// Tickets claimed.
    claimed: Taken,
    /// Releases drawn on.
    drawn: Taken,
    /// Redemptions refunded.
    refunded: Taken,
}

fn after(look: &Look<'_>, feed: usize, at: u8) -> After {
    let world = look.world;
    let mut after = After::default();
    for branch in 0..world.branches(feed) {
        for (name, entry) in world.history(feed, branch).filter(|(name, _)| name.index() >= at) {
            match entry {
                Entry::Claim { of } => {
                    let n = world.ticket(of).map_or(0, |(_, n)| i32::from(n));
                    let (_, by) = after.claimed.entry(of.0).or_insert((n, Vec::new()));
                    by.push(name);
                }
                Entry::Draw { epoch } => {
                    let Article::Release { n, .. } = world.articles[epoch as usize] else {
                        continue;
                    };
                    let (_, by) = after.drawn.entry(epoch).or_insert((n.into(), Vec::new()));
                    by.push(name);
                }
                Entry::Refund { of, n } => {
                    let redeem = world.at(feed, branch, of);
                    let (most, by) = after.refunded.entry(redeem.0).or_default();
                    *most = (*most).max(n.into());
                    by.push(name);
                }
                _ => {}
            }
        }
    }
    after
}

/// The excess of a fork: for each branch but one, what stood there when the first left, and what more than one branch
/// then took in: tickets to the feed, releases to it, and goods that came back.
pub(super) fn forks(look: &Look<'_>) -> Answer {
    let twist = |twist| look.row.twists.has(twist);
    (0..FEEDS).find_map(|feed| {
        let at = look.world.forked_at(feed)?;
        let after = after(look, feed, at);
        let several = |by: &[Name]| {
            if twist(Twist::BoundEntriesOnce) {
                by.iter().any(|name| *name != by[0])
            } else {
                by.len() > 1
            }
        };
        let taken = |of: &Taken| -> i32 {
            of.values().filter(|(_, by)| several(by)).map(|(n, _)| *n).sum()
        };
        let rights = rights(look, feed, at);
        let claimed = if twist(Twist::BoundIsRights) { 0 } else { taken(&after.claimed) };
        let drawn = if twist(Twist::BoundWithoutDraws) { 0 } else { taken(&after.drawn) };
        let claimed = claimed + drawn;
        let dropped = twist(Twist::BoundWithoutRefunds) || twist(Twist::BoundIsRights);
        let refunded = if dropped { 0 } else { taken(&after.refunded) };
        let others = look.world.branches(feed) as i32 - 1;
        let bound = if twist(Twist::BoundOnce) {
            rights + claimed + refunded
        } else if twist(Twist::BoundClaimsOnce) {
            others * (rights + refunded) + claimed
        } else {
            others * (rights + claimed + refunded)
        };
        let short = short(look, feed);
        (short > bound)
            .then(|| format!("{} gave {short} too much, bounded by {bound}", Place(feed, 0)))
    })
}

/// Settlement capped at the rights of the fork leaves merchants unpaid.
pub(super) fn merchants(look: &Look<'_>) -> Answer {
    if !look.row.twists.has(Twist::MerchantsCapped) {
        return None;
    }
    (0..FEEDS).find_map(|feed| {
        let at = look.world.forked_at(feed)?;
        let cap = rights(look, feed, at);
        let after = look.facts().filter(|(name, _)| name.feed() == feed && name.index() >= at);
        let gave: i32 =
            after.filter_map(|(name, _)| look.world.given(name)).map(|(_, n)| i32::from(n)).sum();
        (gave > cap).then(|| format!("{gave} handed out after the fork, {cap} settled"))
    })
}

/// What a stolen key minted and somebody took: at most the ceiling of each receiver.
pub(super) fn minted(look: &Look<'_>) -> Answer {
    (0..FEEDS).filter(|feed| !look.world.honest(*feed)).find_map(|feed| {
        let receivers = look.row.sites as i32 - 1;
        let bound = receivers * i32::from(look.row.ceiling.unwrap_or(1));
        let claimed = |of| look.facts().any(|(_, entry)| entry == Entry::Claim { of });
        let waiting: i32 = look
            .facts()
            .filter(|(of, _)| of.feed() == feed && !claimed(*of))
            .filter_map(|(of, _)| look.world.ticket(of))
            .map(|(_, n)| i32::from(n))
            .sum();
        let unbacked = short(look, feed) - waiting;
        (unbacked > bound).then(|| {
            format!("{unbacked} unbacked, against {receivers} receivers' ceilings of {bound}")
        })
    })
}
