//! Further than one unit at a time: lots of three, in parts.

use super::planted::planted;
use super::{A, Acts, BASE, CORE, FIRE, PLAIN, stock};
use crate::exhaustive::row::{Act, Check, Row, Twist};

const THREE: Row =
    Row { stock: stock(3, 0, 0, 3), issue: 3, parts: &[1, 2, 3], alike: true, ..BASE };

fn three(row: Row) -> Row {
    let Row { stock, issue, parts, .. } = THREE;
    Row { stock, issue, parts, ..row }
}

pub(super) fn rows() -> Vec<Row> {
    [holding(), breaking()].concat()
}

fn holding() -> Vec<Row> {
    vec![
        Row {
            name: "N1 no fault, any parts: send, claim, redeem, hold, refund",
            acts: PLAIN.and(&[Act::Hold, Act::Refund]),
            checks: CORE.and(&[Check::Order, Check::Goods]),
            ..THREE
        },
        Row {
            name: "N2 partial views, parts sent on and refunded",
            acts: PLAIN.and(&[Act::Refund, Act::Observe]),
            checks: CORE.and(&[Check::EnoughSeen]),
            ..THREE
        },
        Row {
            name: "N3 fire, any cut, release of any part, re-issue",
            acts: FIRE.and(&[Act::Release, Act::Reissue]),
            mortal: A,
            checks: CORE.and(&[Check::Attributed, Check::Stranded]),
            ..THREE
        },
        Row {
            name: "N4 fork, parts refunded on both branches",
            acts: PLAIN.and(&[Act::Refund, Act::Restore]),
            wicked: A,
            checks: CORE.and(&[Check::Bound, Check::Goods, Check::Order, Check::Proven]),
            ..THREE
        },
        Row {
            name: "N5 A mints tickets, ceiling of two units a receiver",
            acts: PLAIN.and(&[Act::Mint]),
            wicked: A,
            ceiling: Some(2),
            parts: &[1, 2],
            checks: CORE.and(&[Check::Minted, Check::Proven]),
            ..THREE
        },
        Row {
            name: "N6 settlement, refunds as rows of their own",
            acts: PLAIN.and(&[Act::Refund, Act::Fence, Act::Observe, Act::Settle]),
            mortal: A,
            checks: CORE.and(&[Check::Payable]),
            ..THREE
        },
        Row {
            name: "N7 floats of several units, covered whole, fire at A",
            acts: FIRE.and(&[Act::Float]),
            stock: stock(3, 2, 2, 0),
            mortal: A,
            checks: CORE.and(&[Check::Stranded]),
            ..THREE
        },
    ]
}

fn breaking() -> Vec<Row> {
    vec![
        Row {
            acts: PLAIN.and(&[Act::Refund]),
            ..three(planted(
                "Na a redemption is refunded twice, a part each time",
                5,
                "below zero",
                Check::Lots,
                &[Twist::RefundAgain],
            ))
        },
        three(planted(
            "Nb a claim opens what was issued, not what was sent",
            3,
            "made or lost",
            Check::Conserved,
            &[Twist::LotAsIssued],
        )),
        Row {
            acts: PLAIN.and(&[Act::Mint]),
            wicked: A,
            ceiling: Some(2),
            ..three(planted(
                "Nc the ceiling counts tickets, not units",
                6,
                "unbacked",
                Check::Minted,
                &[Twist::CeilingCountsTickets],
            ))
        },
        Row {
            acts: PLAIN.and(&[Act::Refund, Act::Restore]),
            wicked: A,
            ..three(planted(
                "Nd refunds on two branches add up",
                5,
                "counted",
                Check::Goods,
                &[Twist::RefundsAddUp],
            ))
        },
        Row {
            acts: PLAIN.and(&[Act::Refund, Act::Restore]),
            wicked: A,
            ..three(planted(
                "Ne of refunds on two branches the last stands",
                5,
                "two states",
                Check::Order,
                &[Twist::LastRefundStands],
            ))
        },
        Row {
            acts: Acts::of(&[Act::Issue, Act::Redeem, Act::Refund, Act::Restore]),
            wicked: A,
            stock: stock(1, 0, 0, 0),
            issue: 1,
            ..planted(
                "Nf a fork costs at most rights and tickets, refunds not counted",
                7,
                "too much",
                Check::Bound,
                &[Twist::BoundWithoutRefunds],
            )
        },
        Row {
            acts: PLAIN.and(&[Act::Refund, Act::Observe, Act::Settle]),
            ..three(planted(
                "Ng a refund is settled under the name of its redemption",
                7,
                "never be settled",
                Check::Payable,
                &[Twist::RefundAsItsRow],
            ))
        },
        three(planted(
            "Nh spent against what a lot opened with",
            3,
            "below zero",
            Check::Lots,
            &[Twist::SpendAsOpened],
        )),
    ]
}
