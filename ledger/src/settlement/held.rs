//! Which settlements keep what they name from all others: asked when it matters, never by the fold, so that it does not
//! depend on which came first, the draft, a certificate or a cut.

use super::{SettlementRow, Stage, Step, entitled};
use crate::cut;
use crate::fold::owner_of;
use crate::id::FeedRef;
use crate::role::Settlers;
use crate::view::{At, ChainNo, View};

/// Whether the node of a value feed settles its programme (spec/settlement.md, "Who settles").
#[must_use]
pub fn may_settle(view: &dyn View, feed: &FeedRef) -> bool {
    let roster = view.roster();
    Settlers::of(view.charter(), roster, feed.programme).include(roster, &feed.node)
}

/// Whether a settlement counts as paid: by a node that settles the programme, and all its steps were taken, each by
/// somebody entitled to it.
#[must_use]
pub fn is_paid(view: &dyn View, feed: &FeedRef, row: &SettlementRow) -> bool {
    was_paid(view, feed, row) && may_settle(view, feed)
}

/// Whether the settlement drafted at a place holds what it names: nobody else settles it meanwhile.
#[must_use]
pub fn holds(view: &dyn View, draft: At, row: &SettlementRow) -> bool {
    holds_if(view, draft, row, &mut |feed| may_settle(view, feed))
}

/// As [`holds`], where somebody remembers who settles.
pub(super) fn holds_if(
    view: &dyn View,
    draft: At,
    row: &SettlementRow,
    may_settle: &mut impl FnMut(&FeedRef) -> bool,
) -> bool {
    let feed = view.chain(draft.chain).feed.short();
    row.stage() != Stage::Disputed
        && may_settle(&feed)
        && (!is_lost(view, draft, row) || was_paid(view, &feed, row))
}

fn was_paid(view: &dyn View, feed: &FeedRef, row: &SettlementRow) -> bool {
    let entitled = |by: &super::Taken| entitled(view, feed, by.step, &by.operator, by.at);
    row.stage() == Stage::Paid && row.by.iter().all(entitled)
}

/// Whether nothing that can still turn up below the cuts and ends known of its feed pays a settlement: every chain that has
/// its draft is known up to there, and none says that it was paid.
///
/// Who recorded a payment is not asked: her certificate may be on its way.
#[must_use]
pub fn is_lost(view: &dyn View, draft: At, row: &SettlementRow) -> bool {
    let feed = view.chain(draft.chain).feed.short();
    let cut = cut::lowest(view, &feed);
    let closed = |chain: ChainNo| {
        let below = cut.and_then(|cut| cut::below(view, chain, &cut));
        below.into_iter().chain(first_end(view, chain)).min()
    };
    let mut chains = view.branches(&feed).into_iter();
    chains.all(|chain| {
        if owner_of(view, chain, draft.index) != draft {
            return true;
        }
        closed(chain).is_some_and(|end| !is_paid_below(view, chain, end, row))
    })
}

/// Whether a settlement counts as paid by a step that stands beyond a cut or an end of its feed: nobody who knew of that
/// could have expected it.
#[must_use]
pub fn is_paid_beyond(view: &dyn View, draft: At, row: &SettlementRow) -> bool {
    row.stage() == Stage::Paid && is_lost(view, draft, row)
}

fn is_paid_below(view: &dyn View, chain: ChainNo, end: u64, row: &SettlementRow) -> bool {
    let mut paid = row.by.iter().filter(|taken| taken.step == Step::Paid);
    paid.any(|by| by.place.index < end && owner_of(view, chain, by.place.index) == by.place)
}

/// The index of the first end of a chain's feed, as the chain sees it.
fn first_end(view: &dyn View, chain: ChainNo) -> Option<u64> {
    let whole = cut::owners(view, chain, 0, u64::MAX).into_iter();
    let ends =
        whole.filter_map(|(own, from, to)| view.ended(own).filter(|end| (from..to).contains(end)));
    ends.min()
}
