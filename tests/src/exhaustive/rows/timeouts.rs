//! Further: holds that time out by the author's stamp, and clocks that fall back.

use super::planted::planted;
use super::{A, Acts, BASE, CORE, PLAIN, Twists, stock};
use crate::exhaustive::row::{Act, Check, Row, Twist};

/// Holds, days and a clock that may fall.
const HOLDS: Acts = PLAIN.and(&[Act::Hold, Act::Days, Act::ClockFalls]);

pub(super) fn rows() -> Vec<Row> {
    [holding(), breaking()].concat()
}

fn holding() -> Vec<Row> {
    let two = Row { sites: 2, ..BASE };
    vec![
        Row {
            name: "H1 holds that time out, clocks that fall, refunds of posts",
            acts: HOLDS.and(&[Act::Refund]),
            checks: CORE.and(&[Check::Order, Check::Goods]),
            ..two.clone()
        },
        Row {
            name: "H2 A is fenced with holds pending, release before the end",
            acts: HOLDS.and(&[
                Act::Fire,
                Act::Fence,
                Act::Hear,
                Act::Decline,
                Act::Release,
                Act::Reissue,
            ]),
            mortal: A,
            checks: CORE.and(&[Check::Attributed, Check::Stranded]),
            ..two.clone()
        },
        Row {
            name: "H3 the same, release after the end",
            acts: HOLDS.and(&[Act::Fence, Act::Hear, Act::Release, Act::EndFirst]),
            mortal: A,
            checks: CORE.and(&[Check::NeverCharged]),
            ..two.clone()
        },
        Row {
            name: "H4 fork with a hold pending on both branches",
            acts: HOLDS.and(&[Act::Restore]),
            wicked: A,
            checks: CORE.and(&[Check::Bound, Check::Order, Check::Proven]),
            ..two.clone()
        },
        Row {
            name: "H5 posts known by their receipts",
            acts: HOLDS.and(&[Act::Observe]),
            checks: CORE.and(&[Check::EnoughSeen]),
            ..two.clone()
        },
        Row {
            name: "H6 time itself frees a hold; stamps never fall",
            acts: HOLDS,
            twists: Twists::of(&[Twist::TimeFreesHold]),
            ..two
        },
    ]
}

fn breaking() -> Vec<Row> {
    let one = |row: Row| Row { acts: HOLDS, sites: 2, stock: stock(1, 0, 0, 0), issue: 1, ..row };
    vec![
        one(planted(
            "Ha time itself frees a hold, and stamps fall",
            6,
            "below zero",
            Check::Lots,
            &[Twist::TimeFreesHold, Twist::StampsFall],
        )),
        one(planted(
            "Hb time itself frees a hold, which is posted late",
            5,
            "below zero",
            Check::Lots,
            &[Twist::TimeFreesHold, Twist::PostLate],
        )),
        one(planted(
            "Hc a hold is posted after it was dropped",
            5,
            "below zero",
            Check::Lots,
            &[Twist::PostDropped],
        )),
        one(planted(
            "Hd a hold already leaves its lot",
            2,
            "made or lost",
            Check::Conserved,
            &[Twist::HoldDebits],
        )),
        one(planted(
            "He a drop gives back what never left",
            3,
            "made or lost",
            Check::Conserved,
            &[Twist::DropCredits],
        )),
    ]
}
