//! Whom this node deals with: whether another node is certified, for how long, and whether its organisation is a member.

use annona_ledger::charter::Charter;
use annona_ledger::clock::Others;
use annona_ledger::cut::{self, Reason};
use annona_ledger::id::{FeedRef, Lane, ProgrammeId};
use annona_ledger::notice::{NodeCertificate, Roster};
use annona_ledger::time::Minute;
use annona_ledger::view::View;

/// Why a node is not dealt with, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMember {
    /// Nobody admitted it.
    #[error("it has no certificate")]
    Uncertified,
    /// Too early.
    #[error("its certificate has not begun")]
    NotBegun,
    /// Too late.
    #[error("its certificate has ended")]
    Ended,
    /// Its organisation left, or was never there.
    #[error("its organisation is no member")]
    Organisation,
    /// It came back under another key.
    #[error("another node took its place")]
    Replaced,
    /// A feed of it is cut because the device is gone, or its key may be somebody else's: whoever calls may be anybody.
    /// What it wrote before comes from others, or on a stick.
    #[error("it is cut off, as lost or compromised")]
    Cut,
}

/// What a node knows of the time where it asks for certificates: a wrong clock takes nobody's away (spec/clocks.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// It is no earlier: what ended before has ended.
    pub earliest: Minute,
    /// It may be as late: what begins after has not begun.
    pub latest: Minute,
}

impl Between {
    /// Nothing: every certificate may be in force.
    pub const UNKNOWN: Self = Self { earliest: Minute(0), latest: Minute(u32::MAX) };

    /// What a node's clock and stamps come to: the stamp it would write in its control feed, the newest of its own in any
    /// feed, and what it heard of others.
    #[must_use]
    pub fn of(stamp: Minute, own: Minute, others: Option<Others>) -> Self {
        let Some(Others { agreed, .. }) = others else {
            // Who holds no stamp of others has nothing to hold its clock against, and would hear none ever.
            return Self { earliest: Minute(0), latest: stamp.max(own) };
        };
        Self { earliest: stamp.max(own.min(agreed)), latest: stamp.max(own).max(agreed) }
    }

    /// The same, where a clock that is doubted shows `clock`: it may be as late, and nothing ends by it.
    #[must_use]
    pub fn or_as_late(self, clock: Minute) -> Self {
        Self { latest: self.latest.max(clock), ..self }
    }

    /// The same so many minutes later.
    #[must_use]
    pub fn after(self, minutes: u32) -> Self {
        let later = |at: Minute| Minute(at.0.saturating_add(minutes));
        Self { earliest: later(self.earliest), latest: later(self.latest) }
    }
}

/// The certificate of a member's node, by what is known of the time.
///
/// # Errors
///
/// The first [`NoMember`] that applies, but for [`NoMember::Cut`].
pub fn certified<'a>(
    charter: &Charter,
    roster: &'a Roster,
    node: &[u8; 8],
    now: Between,
) -> Result<&'a NodeCertificate, NoMember> {
    let certificate = roster.node(node).ok_or(NoMember::Uncertified)?;
    // One that a clock ahead has dated takes nothing from one that runs.
    let begun = |c: &NodeCertificate| c.org == certificate.org && c.issued <= now.latest;
    match () {
        () if !roster.node_ever(&certificate.node).any(begun) => Err(NoMember::NotBegun),
        () if now.earliest > certificate.not_after => Err(NoMember::Ended),
        () if !charter.is_member(certificate.org) => Err(NoMember::Organisation),
        () if roster.successor(node).is_some() => Err(NoMember::Replaced),
        () => Ok(certificate),
    }
}

/// The certificate of a node that may be met over a link.
///
/// # Errors
///
/// The first [`NoMember`] that applies.
pub fn may_meet(
    view: &dyn View,
    node: &[u8; 8],
    now: Between,
) -> Result<NodeCertificate, NoMember> {
    let certificate = certified(view.charter(), view.roster(), node, now)?;
    let of = |lane, programme| FeedRef { node: *node, lane, programme };
    let lanes = [Lane::Value, Lane::Registry, Lane::Access];
    let served = certificate.programmes.iter().flat_map(|p| lanes.map(|lane| of(lane, *p)));
    for feed in std::iter::once(of(Lane::Control, ProgrammeId::NONE)).chain(served) {
        let fences = view.charter().fences(&feed).iter().map(|fenced| fenced.reason);
        let said = view.revocations(&feed).into_iter();
        let said = said.filter(|said| cut::may_revoke(view.roster(), said)).map(|s| s.reason);
        // One that is late is asked to bring what it has, and one feed may end while the device works on.
        if fences.chain(said).any(|why| matches!(why, Reason::Lost | Reason::Compromised)) {
            return Err(NoMember::Cut);
        }
    }
    Ok(certificate.clone())
}

/// Whether a node ended its work: its control or a registry feed was handed over, or every value feed it wrote ended or
/// was.
pub fn has_ended(view: &dyn View, node: &[u8; 8]) -> bool {
    let of = |lane, programme| FeedRef { node: *node, lane, programme };
    let handed_over = |feed: &FeedRef| {
        let said = view.revocations(feed).into_iter();
        let said = said.filter(|said| cut::may_revoke(view.roster(), said)).map(|s| s.reason);
        let fences = view.charter().fences(feed).iter().map(|fenced| fenced.reason);
        fences.chain(said).any(|why| why == Reason::HandedOver)
    };
    if handed_over(&of(Lane::Control, ProgrammeId::NONE)) {
        return true;
    }
    let (mut over, mut on) = (false, false);
    for programme in view.roster().node(node).iter().flat_map(|c| c.programmes.iter()) {
        if handed_over(&of(Lane::Registry, *programme)) {
            return true;
        }
        let value = of(Lane::Value, *programme);
        let chains = view.branches(&value);
        let ended = chains.iter().any(|chain| view.ended(*chain).is_some());
        if ended || handed_over(&value) {
            over = true;
        } else {
            on |= chains.iter().any(|chain| view.head(*chain).next > 0);
        }
    }
    over && !on
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the stamp of now, the newest of its own and what is agreed of others come to.
    fn check(stamp: u32, own: u32, agreed: Option<u32>, earliest: u32, latest: u32) {
        let others = agreed.map(|at| Others { newest: Minute(at), agreed: Minute(at) });
        let found = Between::of(Minute(stamp), Minute(own), others);
        assert_eq!((found.earliest, found.latest), (Minute(earliest), Minute(latest)));
    }

    #[test]
    fn no_clock_alone_says_that_something_has_not_begun_or_has_ended() {
        check(500, 400, Some(450), 500, 500);
        // In 1970: what was written here and heard says that it is later.
        check(0, 400, Some(450), 400, 450);
        check(0, 0, Some(450), 0, 450);
        // Others are years ahead: what begins there may have begun, and nothing has ended by their word.
        check(500, 400, Some(9_000), 500, 9_000);
        // Nobody else was heard.
        check(9_000, 400, None, 0, 9_000);
        check(0, 400, None, 0, 400);
    }
}
