//! Planted bugs.

use super::{A, Acts, B, BASE, Checks, FIRE, PLAIN, Twists, stock};
use crate::exhaustive::row::{Act, Charge, Check, Row, Twist};

pub(super) fn planted(
    name: &'static str,
    steps: usize,
    because: &'static str,
    check: Check,
    twists: &[Twist],
) -> Row {
    let twists = Twists::of(twists);
    Row { name, breaks: Some(steps), because, checks: Checks::of(&[check]), twists, ..BASE }
}

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row {
            acts: FIRE,
            mortal: A,
            alike: true,
            ..planted(
                "P1 the reserve re-creates what a fenced site held",
                6,
                "p1 used 3 of 2",
                Check::Purse,
                &[Twist::Reclaim],
            )
        },
        Row {
            alike: true,
            ..planted(
                "P2 a ticket is claimed again",
                4,
                "claimed 2 times",
                Check::ClaimOnce,
                &[Twist::ClaimAgain],
            )
        },
        Row {
            acts: FIRE.and(&[Act::Release]),
            mortal: A,
            alike: true,
            ..planted(
                "P3 suspense goes back to the purse",
                7,
                "p1 used 3 of 2",
                Check::Purse,
                &[Twist::SuspenseToPurse],
            )
        },
        Row {
            acts: PLAIN.and(&[Act::Float]),
            stock: stock(2, 1, 0, 0),
            ..planted(
                "P4 a float is covered twice by its home",
                4,
                "2 times",
                Check::CoverOnce,
                &[Twist::CoverAgain],
            )
        },
        Row {
            acts: PLAIN.and(&[Act::Fence, Act::Hear]),
            mortal: B,
            ..planted(
                "P5 the sender recalls a ticket to a fenced site",
                9,
                "p1 used 3 of 2",
                Check::Purse,
                &[Twist::Recall],
            )
        },
        Row {
            acts: PLAIN.and(&[Act::Fence]),
            mortal: B,
            ..planted(
                "P6 another key claims tickets to the dead one",
                8,
                "p1 used 3 of 2",
                Check::Purse,
                &[Twist::SuccessorClaims],
            )
        },
        Row {
            acts: Acts::of(&[Act::Issue, Act::Redeem, Act::Fence, Act::Release, Act::Reissue]),
            mortal: A,
            fences: 2,
            charge: Charge::Tainted { higher: true },
            alike: true,
            ..planted(
                "P7 of two cuts the higher wins",
                5,
                "A lacks 1 and 0 is charged",
                Check::Attributed,
                &[],
            )
        },
        Row {
            acts: Acts::of(&[Act::Issue, Act::Redeem, Act::Fence, Act::Release]),
            mortal: A,
            alike: true,
            ..planted(
                "P8 release before the end, and yet nobody charged",
                4,
                "A is charged 1",
                Check::NeverCharged,
                &[],
            )
        },
    ]
}
