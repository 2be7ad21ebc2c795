//! Further than one copy: three branches of a feed.

use super::planted::planted;
use super::{A, Acts, B, BASE, CORE, PLAIN, stock};
use crate::exhaustive::row::{Act, Charge, Check, Row, Twist};

pub(super) fn rows() -> Vec<Row> {
    [holding(), breaking()].concat()
}

fn holding() -> Vec<Row> {
    let three = Row { branches: 3, sites: 2, ..BASE };
    vec![
        Row {
            name: "F1 three branches of A, tickets between A, B and C",
            acts: PLAIN.and(&[Act::Restore]),
            wicked: A,
            checks: CORE.and(&[Check::Bound, Check::Order, Check::Proven]),
            sites: 3,
            alike: true,
            ..three.clone()
        },
        Row {
            name: "F2 three branches of B, which claims before and after",
            acts: PLAIN.and(&[Act::Restore]),
            wicked: B,
            checks: CORE.and(&[Check::Bound, Check::Order, Check::Proven]),
            ..three.clone()
        },
        Row {
            name: "F3 three branches, refunds",
            acts: PLAIN.and(&[Act::Restore, Act::Refund]),
            wicked: A,
            checks: CORE.and(&[Check::Bound, Check::Goods, Check::Order]),
            ..three.clone()
        },
        Row {
            name: "F4 three branches, fence, decline, release, re-issue",
            acts: PLAIN.and(&[
                Act::Restore,
                Act::Fence,
                Act::Hear,
                Act::Decline,
                Act::Release,
                Act::Reissue,
            ]),
            wicked: A,
            mortal: A,
            checks: CORE.and(&[Check::Attributed, Check::Bound, Check::Fair, Check::Stranded]),
            ..three.clone()
        },
        Row {
            name: "F5 settlement of three branches",
            acts: PLAIN.and(&[Act::Restore, Act::Refund, Act::Fence, Act::Observe, Act::Settle]),
            wicked: A,
            mortal: A,
            checks: CORE.and(&[Check::Payable, Check::Debited]),
            ..three.clone()
        },
        Row {
            name: "F6 a float at B, which is restored twice, covered by home",
            acts: PLAIN.and(&[Act::Restore, Act::Float]),
            wicked: B,
            stock: stock(2, 1, 0, 0),
            checks: CORE.and(&[Check::Bound, Check::Order, Check::Proven]),
            ..three
        },
    ]
}

fn breaking() -> Vec<Row> {
    let three = |wicked, row: Row| Row {
        acts: PLAIN.and(&[Act::Restore]),
        branches: 3,
        sites: 2,
        wicked,
        ..row
    };
    vec![
        three(
            A,
            planted(
                "Fa a fork costs once what stood there, however many branches",
                5,
                "too much",
                Check::Bound,
                &[Twist::BoundOnce],
            ),
        ),
        three(
            B,
            planted(
                "Fb a ticket claimed by several branches costs once",
                9,
                "too much",
                Check::Bound,
                &[Twist::BoundClaimsOnce],
            ),
        ),
        three(
            B,
            planted(
                "Fc a claim that two branches share is one branch's",
                7,
                "too much",
                Check::Bound,
                &[Twist::BoundEntriesOnce],
            ),
        ),
        Row {
            stock: stock(2, 0, 0, 0),
            charge: Charge::ReleaseIsForgotten,
            ..three(
                B,
                planted(
                    "Fd each branch's claim of a ticket opens a lot, and short lots alone are charged",
                    8,
                    "3 redeemed of 2",
                    Check::Programme,
                    &[Twist::LotPerBranch],
                ),
            )
        },
        Row {
            acts: Acts::of(&[
                Act::Issue,
                Act::Redeem,
                Act::Refund,
                Act::Restore,
                Act::Observe,
                Act::Settle,
            ]),
            stock: stock(1, 0, 0, 0),
            issue: 1,
            ..three(
                A,
                planted(
                    "Ff refunds of one redemption on two branches are settled one by one",
                    11,
                    "2 taken back of A#1, of which 1",
                    Check::Debited,
                    &[Twist::RefundRowsAddUp],
                ),
            )
        },
        Row {
            acts: PLAIN.and(&[Act::Restore, Act::Fence, Act::Release]),
            mortal: A,
            charge: Charge::ReleaseIsLot,
            ..three(
                A,
                planted(
                    "Fe under a proven fault a release is a lot of its own",
                    5,
                    "still there",
                    Check::Fair,
                    &[],
                ),
            )
        },
        Row {
            acts: PLAIN.and(&[Act::Restore, Act::Fence, Act::Release]),
            mortal: A,
            charge: Charge::ReleaseIsForgotten,
            ..three(
                A,
                planted(
                    "Fg under a proven fault a release is not charged",
                    6,
                    "is charged",
                    Check::Attributed,
                    &[],
                ),
            )
        },
    ]
}
