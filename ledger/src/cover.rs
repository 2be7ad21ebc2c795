//! What speaks against making good what another site handed out of its float: asked by whoever decides, never by the fold or
//! the rules of what may be written. The goods are gone either way, and the home may have its reasons.

use std::fmt;

use crate::amount::Balance;
use crate::cut::{self, Stands};
use crate::view::{FloatRow, FloatSpan, View};

/// Why a float redemption is not made good without a look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The feed is proven to have told two things, or to have handed out what it did not have.
    Faulty,
    /// The redemption stands above the lowest cut of its feed, or it cannot be told.
    Cut,
    /// The site gave this purse more from its float than the programme's cap for one.
    Purse,
    /// The site gave more from its float on that day than the programme's cap for one.
    Day,
}

impl Doubt {
    /// Its word, which does not change.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Faulty => "faulty",
            Self::Cut => "cut",
            Self::Purse => "purse",
            Self::Day => "day",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Faulty => "who served is proven to break the rules",
            Self::Cut => "who served was cut off before it, as far as is known",
            Self::Purse => "more than one purse may have of an allowance",
            Self::Day => "more than the allowance of that day",
        })
    }
}

/// What speaks against making a float redemption good, the gravest first, by what is known here.
///
/// The cap of a whole site is not asked: it counts what no home has covered, and other homes' covers may not be here yet.
#[must_use]
pub fn doubt(view: &dyn View, float: &FloatRow) -> Option<Doubt> {
    let feed = &float.name.feed;
    if view.faulty(feed) {
        return Some(Doubt::Faulty);
    }
    if cut::stands(view, feed, float.name.index, &float.name.accumulator) != Stands::Below {
        return Some(Doubt::Cut);
    }
    let caps = view.charter().programme(feed.programme).map(|of| &of.risk.caps);
    let cap = caps.and_then(|caps| caps.iter().find(|cap| cap.commodity == float.commodity));
    let over = |span, most: Option<_>| {
        let most = most.map_or(Balance::ZERO, Balance::from);
        view.float_used(float.at.chain, float.commodity, span).units() > most.units()
    };
    if over(FloatSpan::Purse(float.purse), cap.map(|cap| cap.per_purse)) {
        return Some(Doubt::Purse);
    }
    let day = FloatSpan::Day(float.stamp.day());
    over(day, cap.map(|cap| cap.per_site_day)).then_some(Doubt::Day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Lot, Method, Owner, Send, Value};
    use crate::id::FeedRef;
    use crate::testing::*;
    use crate::ticket::Moved;
    use crate::wire::Bounded;

    /// A site B with nine of float, which hands out whatever its caps are.
    fn serves(given: &[(u8, u64)]) -> (Desk, Vec<FloatRow>) {
        let mut desk = Desk::new();
        let (t, b) = (value(TREASURY), value(B));
        desk.force(&t, Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW });
        let before = desk.head(&t);
        let moved = Moved::Send(Send {
            from: Lot(0),
            to: node(B),
            owner: Owner::Float,
            cycle: MAY,
            commodity: RICE,
            amount: units(9),
            expires: LAST,
            at: NOW,
        });
        desk.force(&t, moved.entry());
        let sent = ticket(&desk.federation(), TREASURY, before, moved);
        let claim = crate::ticket::Ticket::Sent(sent, Bounded::empty());
        desk.force(&b, Value::Claim { ticket: Box::new(claim), at: NOW });
        let floats = given.iter().map(|(purse_of, amount)| {
            let (lot, home, method) = (Lot(0), feed_of(TREASURY), Method::Sight);
            let (purse, amount) = (purse(*purse_of), units(*amount));
            desk.force(
                &b,
                Value::FloatRedeem { lot, home, purse, amount, merchant: 0, at: NOW, method },
            );
            let name = desk.head(&b).accumulator;
            desk.state.float(&name).expect("a float redemption")
        });
        let floats = floats.collect();
        (desk, floats)
    }

    fn doubts(desk: &Desk, floats: &[FloatRow]) -> Vec<Option<Doubt>> {
        floats.iter().map(|float| doubt(&desk.state, float)).collect()
    }

    /// Caps of the fixture: four a purse, six a day.
    #[test]
    fn what_is_beyond_a_cap_or_of_a_feed_proven_faulty_is_looked_at() {
        let (desk, floats) = serves(&[(0, 4), (1, 2)]);
        assert_eq!(doubts(&desk, &floats), [None, None]);
        let (desk, floats) = serves(&[(0, 2), (0, 3), (1, 1)]);
        assert_eq!(doubts(&desk, &floats), [Some(Doubt::Purse), Some(Doubt::Purse), None]);
        let (mut desk, floats) = serves(&[(0, 4), (1, 3)]);
        assert_eq!(doubts(&desk, &floats), [Some(Doubt::Day); 2]);
        desk.state.note_fork(FeedRef::value(node(B), FOOD), 5);
        assert_eq!(doubts(&desk, &floats), [Some(Doubt::Faulty); 2]);
    }
}
