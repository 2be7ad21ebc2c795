//! The rules, tried from every side: these hold.

use super::{A, B, BASE, C, CORE, FIRE, PLAIN, stock};
use crate::exhaustive::clocks::Clock;
use crate::exhaustive::row::{Act, Charge, Check, Row};

pub(super) fn rows() -> Vec<Row> {
    let alike = Row { alike: true, ..BASE };
    vec![
        Row {
            name: "01 no fault: issue, send, claim, redeem, hold, post, drop, refund",
            acts: PLAIN.and(&[Act::Hold, Act::Refund]),
            checks: CORE.and(&[Check::Order]),
            ..alike.clone()
        },
        Row {
            name: "02 two purses",
            acts: PLAIN.and(&[Act::Refund]),
            purses: 2,
            stock: stock(4, 0, 0, 0),
            ..alike.clone()
        },
        Row {
            name: "03 fire at A, any cut, re-issue, tickets both ways, late hearers",
            acts: FIRE.and(&[Act::Reissue]),
            mortal: A,
            checks: CORE.and(&[Check::Stranded]),
            ..alike.clone()
        },
        Row {
            name: "04 A is fenced alive and goes on redeeming, refunds",
            acts: PLAIN.and(&[Act::Refund, Act::Fence, Act::Hear, Act::Reissue]),
            mortal: A,
            ..alike.clone()
        },
        Row {
            name: "05 A and B fenced, two cuts each, release",
            acts: FIRE.and(&[Act::Release, Act::Reissue]),
            mortal: A | B,
            fences: 2,
            checks: CORE.and(&[Check::Order, Check::Stranded]),
            ..BASE
        },
        Row {
            name: "06 fire, release, receipts that come later",
            acts: FIRE.and(&[Act::Release, Act::Reissue]),
            mortal: A,
            ..alike.clone()
        },
        Row {
            name: "07 partial views, A and B burn",
            acts: FIRE.and(&[Act::Observe]),
            mortal: A | B,
            checks: CORE.and(&[Check::EnoughSeen]),
            ..BASE
        },
        Row {
            name: "08 partial views, refunds",
            acts: PLAIN.and(&[Act::Refund, Act::Observe]),
            checks: CORE.and(&[Check::EnoughSeen]),
            ..BASE
        },
        Row {
            name: "09 A is restored, both branches send to B and C",
            acts: PLAIN.and(&[Act::Restore]),
            wicked: A,
            checks: CORE.and(&[Check::Bound, Check::Order]),
            ..alike.clone()
        },
        Row {
            name: "10 fork, fence, late hearers, re-issue",
            acts: PLAIN.and(&[Act::Restore, Act::Fence, Act::Hear, Act::Reissue]),
            wicked: A,
            mortal: A,
            checks: CORE.and(&[Check::Bound, Check::Order]),
            ..alike.clone()
        },
        Row {
            name: "11 a card, C, is cloned, loaded before and after",
            acts: PLAIN.and(&[Act::Restore]),
            wicked: C,
            checks: CORE.and(&[Check::Bound, Check::Order]),
            ..BASE
        },
        Row {
            name: "12 floats at B and C, covered by home alone, fire at A",
            acts: FIRE.and(&[Act::Float]),
            stock: stock(2, 1, 1, 0),
            mortal: A,
            checks: CORE.and(&[Check::Order, Check::Stranded]),
            ..alike.clone()
        },
        Row {
            name: "13 settlement: ranges, single rows, any cut, a node that comes back",
            acts: PLAIN.and(&[Act::Fence, Act::Observe, Act::Settle]),
            mortal: A | B,
            fences: 2,
            ..BASE
        },
        Row {
            name: "14 settlement of a forked feed",
            acts: PLAIN.and(&[Act::Restore, Act::Fence, Act::Observe, Act::Settle]),
            wicked: A,
            mortal: A,
            ..alike.clone()
        },
        Row {
            name: "15 settlement, the treasury lost, references derived from rows",
            acts: PLAIN.and(&[Act::Fence, Act::Observe, Act::Settle, Act::LoseTreasury]),
            mortal: A,
            ..alike.clone()
        },
        Row {
            name: "16 A mints tickets, ceiling of one unit a receiver",
            acts: PLAIN.and(&[Act::Mint]),
            wicked: A,
            ceiling: Some(1),
            checks: CORE.and(&[Check::Minted]),
            ..alike.clone()
        },
        Row {
            name: "17 suspense as fixed at the fence pays for what was given above it",
            acts: FIRE.and(&[Act::Refund]),
            mortal: A | B,
            checks: CORE.and(&[Check::Fixed]),
            ..BASE
        },
        Row {
            name: "18 release after the writer has ended: nobody is ever charged",
            acts: FIRE.and(&[Act::Release, Act::Reissue, Act::EndFirst]),
            mortal: A,
            checks: CORE.and(&[Check::NeverCharged]),
            ..alike.clone()
        },
        Row {
            name: "19 release before that, two cuts: all that is short is charged",
            acts: FIRE.and(&[Act::Release, Act::Reissue]),
            mortal: A,
            fences: 2,
            checks: CORE.and(&[Check::Attributed]),
            ..alike.clone()
        },
        Row {
            name: "20 B burns with covers on their way to its float, partial views",
            acts: FIRE.and(&[Act::Float, Act::Observe]),
            stock: stock(2, 1, 0, 0),
            mortal: A | B,
            checks: CORE.and(&[Check::Order, Check::Stranded, Check::EnoughSeen]),
            ..BASE
        },
        Row {
            name: "21 fork, fence, decline, release, re-issue",
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
            checks: CORE.and(&[Check::Stranded, Check::Fair]),
            ..alike
        },
        Row {
            name: "K2 expiry by the author's own stamp",
            clock: Some(Clock::Wall),
            depth: u8::MAX,
            ..BASE
        },
        Row {
            name: "L3b charged lot by lot, but every receipt with its provenance",
            acts: FIRE.and(&[Act::Observe]),
            mortal: A | B,
            charge: Charge::PerLot,
            checks: super::Checks::of(&[Check::Enough, Check::EnoughSeen]),
            ..BASE
        },
        Row {
            name: "P7' two cuts: the lower wins",
            acts: super::Acts::of(&[
                Act::Issue,
                Act::Redeem,
                Act::Fence,
                Act::Release,
                Act::Reissue,
            ]),
            mortal: A,
            fences: 2,
            charge: Charge::Tainted { higher: false },
            checks: super::Checks::of(&[Check::Attributed]),
            alike: true,
            ..BASE
        },
    ]
}
