//! Further than one commodity, and than one programme.

use super::planted::planted;
use super::{A, BASE, CORE, FIRE, PLAIN, stock};
use crate::exhaustive::row::{Act, Charge, Check, Fifth, Row, Twist};

const TWO: [[u8; 2]; 5] = [[2, 1], [0, 0], [0, 0], [1, 1], [0, 0]];

pub(super) fn rows() -> Vec<Row> {
    [holding(), breaking()].concat()
}

fn holding() -> Vec<Row> {
    let two = Row { stock: TWO, kinds: 2, issue: 1, ..BASE };
    vec![
        Row {
            name: "C1 two commodities, no fault, refunds, holds",
            acts: PLAIN.and(&[Act::Refund, Act::Hold]),
            checks: CORE.and(&[Check::Order, Check::Goods]),
            alike: true,
            ..two.clone()
        },
        Row {
            name: "C2 two commodities, fire, release of each, re-issue",
            acts: FIRE.and(&[Act::Release, Act::Reissue]),
            mortal: A,
            sites: 2,
            checks: CORE.and(&[Check::Attributed, Check::Stranded]),
            ..two.clone()
        },
        Row {
            name: "C3 two commodities, fork, fence, release of each",
            acts: PLAIN.and(&[Act::Restore, Act::Fence, Act::Release, Act::Refund]),
            mortal: A,
            wicked: A,
            sites: 2,
            checks: CORE.and(&[Check::Attributed, Check::Bound, Check::Fair, Check::Proven]),
            ..two.clone()
        },
        Row {
            name: "C4 two commodities, partial views",
            acts: PLAIN.and(&[Act::Refund, Act::Observe]),
            sites: 2,
            checks: CORE.and(&[Check::EnoughSeen]),
            ..two.clone()
        },
        Row {
            name: "C5 two programmes of one node, fire",
            acts: FIRE.and(&[Act::Refund, Act::Release, Act::Reissue]),
            mortal: A,
            sites: 2,
            fifth: Fifth::Programme,
            stock: [[1, 0], [1, 0], [0, 0], [1, 0], [0, 1]],
            checks: CORE.and(&[Check::Attributed, Check::Stranded, Check::Order]),
            ..two
        },
    ]
}

fn breaking() -> Vec<Row> {
    let two = |row: Row| Row { stock: TWO, kinds: 2, issue: 1, sites: 2, ..row };
    vec![
        Row {
            acts: FIRE.and(&[Act::Release]),
            mortal: A,
            charge: Charge::OneForAll,
            ..two(planted(
                "Ca one commodity pays for another",
                4,
                "is charged",
                Check::Attributed,
                &[],
            ))
        },
        Row {
            acts: FIRE.and(&[Act::Release]),
            mortal: A,
            ..two(planted(
                "Cb a release is drawn as another commodity",
                3,
                "made or lost",
                Check::Conserved,
                &[Twist::ReleaseAnyKind],
            ))
        },
        Row {
            acts: PLAIN.and(&[Act::Mint]),
            wicked: A,
            ..two(planted(
                "Cc insolvency is proven on the sum of lots",
                3,
                "nothing proves it",
                Check::Proven,
                &[Twist::InsolventInSum],
            ))
        },
        Row {
            stock: stock(2, 0, 0, 0),
            ..two(planted(
                "Cd issued from the stock of another commodity",
                1,
                "below zero",
                Check::Lots,
                &[Twist::IssueFromAny],
            ))
        },
        Row {
            fifth: Fifth::Programme,
            stock: [[1, 0], [1, 0], [0, 0], [1, 0], [0, 1]],
            ..two(planted(
                "Ce a ticket does not bind its programme",
                3,
                "claimed by S#0",
                Check::ClaimOnce,
                &[Twist::TicketWithoutProgramme],
            ))
        },
    ]
}
