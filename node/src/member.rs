//! Whom this node deals with: whether another node is certified, for how long, and whether its organisation is a member.

use annona_ledger::charter::Charter;
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

/// The certificate of a member's node, at a stamp of this node's own: a wrong clock takes nobody's certificate away.
///
/// # Errors
///
/// The first [`NoMember`] that applies, but for [`NoMember::Cut`].
pub fn certified<'a>(
    charter: &Charter,
    roster: &'a Roster,
    node: &[u8; 8],
    now: Minute,
) -> Result<&'a NodeCertificate, NoMember> {
    let certificate = roster.node(node).ok_or(NoMember::Uncertified)?;
    match () {
        () if now < certificate.issued => Err(NoMember::NotBegun),
        () if now > certificate.not_after => Err(NoMember::Ended),
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
pub fn may_meet(view: &dyn View, node: &[u8; 8], now: Minute) -> Result<NodeCertificate, NoMember> {
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
