//! Plausible readings that break.

use super::{A, Acts, B, BASE, Checks, FIRE, PLAIN, Twists, stock};
use crate::exhaustive::clocks::Clock;
use crate::exhaustive::row::{Act, Charge, Check, Row, Twist};

fn breaks(name: &'static str, steps: usize, because: &'static str) -> Row {
    Row { name, breaks: Some(steps), because, ..BASE }
}

const fn only(check: Check) -> Checks {
    Checks::of(&[check])
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            acts: FIRE,
            mortal: B,
            twists: Twists::of(&[Twist::SuspenseIsRights]),
            checks: only(Check::Fixed),
            ..breaks("L1 suspense is the rights at the cut", 5, "B gave 1 above the cut")
        },
        Row {
            acts: FIRE,
            mortal: B,
            charge: Charge::RightsOnly,
            checks: only(Check::Stranded),
            ..breaks("L2 the same, with a ticket to a dead site", 3, "burnt B can never be moved")
        },
        Row {
            acts: FIRE.and(&[Act::Observe]),
            mortal: A,
            charge: Charge::PerLot,
            twists: Twists::of(&[Twist::NoProvenance]),
            checks: only(Check::EnoughSeen),
            ..breaks("L3 charged lot by lot, receipts without provenance", 3, "honest A is charged")
        },
        Row {
            acts: FIRE.and(&[Act::Release, Act::EndFirst]),
            mortal: A,
            charge: Charge::PerLot,
            checks: only(Check::NeverCharged),
            alike: true,
            ..breaks("L3c charged lot by lot, a release that names no lot", 4, "A is charged 2")
        },
        Row {
            acts: FIRE.and(&[Act::Observe]),
            mortal: A,
            twists: Twists::of(&[Twist::TicketByName]),
            checks: only(Check::EnoughSeen),
            ..breaks("L4 a claim only names its ticket", 5, "honest B is charged 1")
        },
        Row {
            acts: PLAIN.and(&[Act::Observe]),
            twists: Twists::of(&[Twist::NoProvenance]),
            checks: only(Check::EnoughSeen),
            ..breaks("L5 receipts and tickets without provenance", 5, "honest B is charged 1")
        },
        Row {
            acts: PLAIN.and(&[Act::Observe]),
            twists: Twists::of(&[Twist::TicketWithoutProvenance]),
            checks: only(Check::EnoughSeen),
            ..breaks("L5b receipts with it, tickets without", 6, "honest B is charged 1")
        },
        Row {
            acts: Acts::of(&[Act::Issue, Act::Redeem, Act::Refund, Act::Observe]),
            twists: Twists::of(&[Twist::NoProvenance]),
            checks: only(Check::EnoughSeen),
            alike: true,
            ..breaks(
                "L5c a receipt from a refunded lot without the refund",
                8,
                "honest A is charged 1",
            )
        },
        Row {
            twists: Twists::of(&[Twist::OneDecide, Twist::TicketByName, Twist::NoProvenance]),
            checks: only(Check::Order),
            alike: true,
            ..breaks("L6 one rule for writer and replica, which refuses", 3, "two states, at A#1")
        },
        Row {
            acts: PLAIN.and(&[Act::Restore]),
            wicked: B,
            twists: Twists::of(&[Twist::BoundIsRights]),
            checks: only(Check::Bound),
            ..breaks(
                "L7 a fork costs at most what stood there",
                7,
                "B gave 1 too much, bounded by 0",
            )
        },
        Row {
            acts: PLAIN.and(&[Act::Mint]),
            wicked: A,
            checks: only(Check::Minted),
            alike: true,
            ..breaks("L8 no ceiling on tickets of a stolen key", 9, "3 unbacked")
        },
        Row {
            acts: PLAIN.and(&[Act::Restore]),
            wicked: A,
            purses: 2,
            stock: stock(4, 0, 0, 0),
            charge: Charge::PoolAlways,
            checks: only(Check::FaultPaid),
            alike: true,
            ..breaks("L9 a proven fault charged on its pool", 4, "overspent 2 and pays 0")
        },
        Row {
            acts: PLAIN.and(&[Act::Float]),
            stock: stock(2, 1, 1, 0),
            twists: Twists::of(&[Twist::CoverAnywhere]),
            checks: only(Check::CoverOnce),
            alike: true,
            ..breaks("L10 a float is covered from any place of the purse", 6, "2 times")
        },
        Row {
            acts: Acts::of(&[Act::Issue, Act::Redeem, Act::Fence, Act::Observe, Act::Settle]),
            mortal: A,
            twists: Twists::of(&[Twist::SettleByRange]),
            checks: only(Check::PaidOnce),
            alike: true,
            ..breaks("L11 ranges go on past a cut, beside single rows", 7, "paid twice")
        },
        Row {
            acts: Acts::of(&[
                Act::Issue,
                Act::Redeem,
                Act::Observe,
                Act::Settle,
                Act::LoseTreasury,
            ]),
            twists: Twists::of(&[Twist::PlainReference]),
            checks: only(Check::PaidOnce),
            alike: true,
            ..breaks("L12 the treasury is lost, references are not derived", 7, "paid twice")
        },
        Row {
            acts: FIRE.and(&[Act::Reissue]),
            mortal: A,
            twists: Twists::of(&[Twist::PurseWithoutReissue]),
            checks: only(Check::Purse),
            alike: true,
            ..breaks("L13 no purse is overspent, re-issues not counted", 5, "p1 used 3 of 2")
        },
        Row {
            acts: PLAIN.and(&[Act::Restore]),
            wicked: A,
            twists: Twists::of(&[Twist::MerchantsCapped]),
            checks: only(Check::Merchants),
            alike: true,
            ..breaks(
                "L14 settlement capped at what stood at the fork",
                5,
                "3 handed out after the fork, 2",
            )
        },
        Row {
            acts: Acts::of(&[Act::Issue, Act::Send, Act::Fence, Act::Hear]),
            mortal: A,
            checks: only(Check::Stranded),
            alike: true,
            ..breaks("L15 a tainted ticket is refused, and that is all", 4, "A#1 is refused by B")
        },
        Row {
            clock: Some(Clock::Hybrid),
            ..breaks("K1 expiry by the hybrid clock", 3, "food that has not expired")
        },
    ]
}
