//! Whether a carrier is cancelled (spec/entries.md, "Registry").
//!
//! A cancellation is one entry of one node, and ends a family's card everywhere. So it counts only from those who could have
//! bound the card, and only as far as their feed is taken at its word: who steals a node, or certifies one of its own for
//! another programme, stops nobody's food with it for longer than until that feed is cut.

use crate::cut::{self, Label};
use crate::id::{CarrierId, ProgrammeId};
use crate::notice::Roles;
use crate::view::{At, View};

/// Whether a carrier is cancelled in a programme, by what is known: more certificates or cuts may change it.
#[must_use]
pub fn cancelled(view: &dyn View, programme: ProgrammeId, carrier: &CarrierId) -> bool {
    let said = view.cancellations(programme, carrier);
    said.into_iter().any(|at| at.is_none_or(|at| counts(view, programme, at)))
}

/// Whether a cancellation at a place counts: some certificate its node ever had makes it a registrar of the programme,
/// and no cut lies below it. What a registrar cancelled stays cancelled when its certificate ends.
fn counts(view: &dyn View, programme: ProgrammeId, at: At) -> bool {
    let node = view.chain(at.chain).feed.node.short();
    let registrar = view
        .roster()
        .certificates(&node)
        .any(|c| c.roles.has(Roles::REGISTRAR) && c.programmes.contains(&programme));
    registrar && cut::label(view, at, None) == Label::Good
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cut::{Cut, Reason};
    use crate::entry::{CarrierKind, Control, Entry, Registry};
    use crate::hash::Hash;
    use crate::id::Lane;
    use crate::notice::{NodeCertificate, Notice};
    use crate::rejection::Rejection;
    use crate::state::State;
    use crate::testing::{
        A, B, CASH, Desk, FOOD, NOW, TREASURY, bounded, certificate, charter, holder, key, on,
        roster_without,
    };
    use crate::view::Change;

    const CARD: CarrierId = CarrierId([1; 16]);

    /// A camp in which organisation 2 has certified A as the change makes it, or not at all.
    fn camp(change: impl FnOnce(NodeCertificate) -> Option<NodeCertificate>) -> Desk {
        let charter = charter();
        let federation = charter.federation();
        let mut roster = roster_without(&charter, &[A]);
        if let Some(certificate) = change(certificate(&federation, 2, A)) {
            let notice = Notice::Node(certificate).sign(&federation, &key(2));
            roster.learn(&charter, &notice).expect("a good notice");
        }
        Desk { state: State::new(charter, roster) }
    }

    fn cancel(desk: &mut Desk, seed: u8) {
        let said = Registry::CarrierCancelled { carrier: CARD, at: NOW };
        desk.force(&on(seed, Lane::Registry), said);
    }

    fn cut_off(desk: &mut Desk, by: u8, seed: u8, cut: Cut) {
        let feed = on(seed, Lane::Registry).short();
        let said = Control::Revoke { feed, cut, reason: Reason::Compromised, at: NOW };
        desk.force(&on(by, Lane::Control), said);
    }

    fn is_cancelled(desk: &Desk) -> bool {
        cancelled(&desk.state, FOOD, &CARD)
    }

    #[test]
    fn a_registrar_of_the_programme_cancels_and_nobody_else_does() {
        let roles = |roles| move |c| Some(NodeCertificate { roles, ..c });
        let mut desk = camp(roles(Roles::REGISTRAR));
        assert!(!is_cancelled(&desk));
        cancel(&mut desk, A);
        assert!(is_cancelled(&desk));
        assert!(!cancelled(&desk.state, CASH, &CARD), "another programme");
        assert!(!cancelled(&desk.state, FOOD, &CarrierId([2; 16])), "another card");

        let elsewhere =
            |c| Some(NodeCertificate { programmes: bounded([CASH]), ceilings: bounded([]), ..c });
        let others = [
            camp(roles(Roles::MERCHANT.and(Roles::TREASURY).and(Roles::HUB))),
            camp(elsewhere),
            camp(|_| None),
        ];
        for mut desk in others {
            cancel(&mut desk, A);
            assert!(!is_cancelled(&desk));
            // It stands in nobody's way: who may says it beside.
            cancel(&mut desk, B);
            assert!(is_cancelled(&desk));
        }
    }

    #[test]
    fn what_stands_above_a_cut_cancels_nothing() {
        let mut desk = camp(Some);
        cancel(&mut desk, A);
        cut_off(&mut desk, B, A, Cut::NOTHING);
        assert!(is_cancelled(&desk), "another organisation cuts nothing");
        let unknown = Cut { seq: 1, head: Hash([7; 32]) };
        cut_off(&mut desk, A, A, unknown);
        assert!(is_cancelled(&desk), "nothing tells that it stands above");
        cut_off(&mut desk, A, A, Cut::NOTHING);
        assert!(!is_cancelled(&desk));
        cancel(&mut desk, TREASURY);
        assert!(is_cancelled(&desk));
    }

    #[test]
    fn a_card_can_be_bound_again_once_who_cancelled_it_is_cut_off() {
        let mut desk = camp(Some);
        let registry = on(B, Lane::Registry);
        desk.write(&registry, Entry::from(Registry::Enrol { pseudonym: holder(1), at: NOW }));
        let kind = CarrierKind::Paper;
        let bind = Registry::CarrierBound { pseudonym: holder(1), carrier: CARD, kind, at: NOW };
        cancel(&mut desk, A);
        let refused = desk.ask(&registry, &Entry::from(bind.clone()).into());
        assert_eq!(refused, Err(Rejection::CarrierRefused));
        cut_off(&mut desk, A, A, Cut::NOTHING);
        desk.write(&registry, Entry::from(bind));
    }

    #[test]
    fn what_a_checkpoint_tells_without_a_place_counts() {
        let mut desk = camp(Some);
        desk.state.apply(Change::CarrierCancelled(FOOD, CARD, None));
        assert!(is_cancelled(&desk));
        assert_eq!(desk.state.cancellations(FOOD, &CARD), [None]);
        let before = desk.state.root();
        cancel(&mut desk, A);
        assert_eq!(desk.state.cancellations(FOOD, &CARD).len(), 2);
        assert_eq!(desk.state.root(), before, "the root tells that it was said, not by whom");
    }
}
