//! Further: a key handed over, and two reserves.

use super::planted::planted;
use super::{A, Acts, B, BASE, CORE, FIRE, PLAIN, stock};
use crate::exhaustive::row::{Act, Check, Fifth, Row, Twist};

/// A ends, S takes its place with a unit of its own; B has a unit to send to either.
const HANDED: Row = Row {
    fifth: Fifth::Successor,
    stock: [[2, 0], [0, 0], [0, 0], [1, 0], [2, 0]],
    sites: 2,
    mortal: A,
    ..BASE
};

/// R insures A, S insures B.
const INSURED: Row = Row {
    fifth: Fifth::Reserve,
    stock: [[2, 0], [0, 0], [0, 0], [2, 0], [2, 0]],
    sites: 2,
    mortal: A | B,
    ..BASE
};

const HAND_OVER: Acts = PLAIN.and(&[Act::HandOver, Act::Release, Act::Reissue]);

pub(super) fn rows() -> Vec<Row> {
    [handed(), handed_wrongly(), insured(), insured_wrongly()].concat()
}

fn handed() -> Vec<Row> {
    vec![
        Row {
            name: "W1 A ends and S goes on, old tickets, release after the end",
            acts: HAND_OVER.and(&[Act::EndFirst, Act::Refund]),
            checks: CORE.and(&[Check::NeverCharged, Check::Order]),
            ..HANDED
        },
        Row {
            name: "W2 A burns or is fenced, S goes on, release before the end",
            acts: FIRE.and(&[Act::HandOver, Act::Release, Act::Reissue]),
            checks: CORE.and(&[Check::Attributed, Check::Stranded]),
            ..HANDED
        },
        Row {
            name: "W3 an old copy of A goes on after its end",
            acts: HAND_OVER.and(&[Act::EndFirst, Act::Restore]),
            wicked: A,
            checks: CORE.and(&[Check::Attributed, Check::Bound, Check::Fair, Check::Proven]),
            ..HANDED
        },
        Row {
            name: "W4 partial views of both keys",
            acts: PLAIN.and(&[Act::HandOver, Act::Observe]),
            checks: CORE.and(&[Check::EnoughSeen]),
            ..HANDED
        },
    ]
}

fn handed_wrongly() -> Vec<Row> {
    let handed = |row: Row| {
        let Row { fifth, stock, sites, mortal, .. } = HANDED;
        Row { acts: HAND_OVER.and(&[Act::EndFirst]), fifth, stock, sites, mortal, ..row }
    };
    vec![
        Row {
            stock: stock(0, 2, 0, 0),
            ..handed(planted(
                "Wa the next key claims tickets to the old one",
                8,
                "p1 used 3 of 2",
                Check::Purse,
                &[Twist::SuccessorClaims],
            ))
        },
        handed(planted(
            "Wb a feed goes on after its end",
            4,
            "is charged",
            Check::NeverCharged,
            &[Twist::WriteAfterEnd],
        )),
        handed(planted(
            "Wc an end is believed before all that precedes it is known",
            4,
            "is charged",
            Check::NeverCharged,
            &[Twist::EndOutOfOrder],
        )),
        handed(planted(
            "Wd the next key opens with what the old one is known to have had",
            6,
            "p1 used 3 of 2",
            Check::Purse,
            &[Twist::SuccessorOpens],
        )),
    ]
}

fn insured() -> Vec<Row> {
    vec![
        Row {
            name: "V1 two reserves, A and B burn, re-issue from each",
            acts: FIRE.and(&[Act::Release, Act::Reissue]),
            checks: CORE.and(&[
                Check::Attributed,
                Check::Insured,
                Check::ReserveLeft,
                Check::Stranded,
            ]),
            ..INSURED
        },
        Row {
            name: "V2 two reserves, partial views",
            acts: FIRE.and(&[Act::Reissue, Act::Observe]),
            checks: CORE.and(&[Check::EnoughSeen, Check::Insured]),
            ..INSURED
        },
        Row {
            name: "V3 the reserve itself is restored, releases drawn by both branches",
            acts: PLAIN.and(&[Act::Restore, Act::Fence, Act::Release, Act::Reissue]),
            mortal: A,
            wicked: 8,
            stock: stock(2, 0, 0, 1),
            checks: CORE.and(&[Check::Attributed, Check::Bound, Check::Order, Check::Proven]),
            ..INSURED
        },
    ]
}

fn insured_wrongly() -> Vec<Row> {
    let insured = |row: Row| {
        let Row { fifth, stock, sites, mortal, .. } = INSURED;
        Row { acts: FIRE.and(&[Act::Release, Act::Reissue]), fifth, stock, sites, mortal, ..row }
    };
    vec![
        insured(planted(
            "Va any reserve serves any site",
            4,
            "re-issued to p1",
            Check::Insured,
            &[Twist::AnyReserve],
        )),
        Row {
            stock: stock(2, 0, 0, 0),
            mortal: A,
            ..insured(planted(
                "Vb a release is drawn by whichever reserve comes",
                8,
                "honest S is charged",
                Check::Enough,
                &[Twist::DrawAnywhere],
            ))
        },
        insured(planted(
            "Ve two reserves re-issue to a purse no more than was issued to it",
            6,
            "3 re-issued to p1, for which 2",
            Check::Insured,
            &[Twist::InsuredAsIssued],
        )),
        insured(planted(
            "Vc the reserve's key is kept at the site it insures",
            1,
            "burnt with it",
            Check::ReserveLeft,
            &[Twist::ReserveAtSite],
        )),
        Row {
            acts: PLAIN.and(&[Act::Restore, Act::Fence, Act::Release, Act::Reissue]),
            mortal: A,
            wicked: 8,
            stock: stock(1, 0, 0, 0),
            issue: 1,
            ..insured(planted(
                "Vd a forked reserve costs what stood there, releases not counted",
                8,
                "too much",
                Check::Bound,
                &[Twist::BoundWithoutDraws],
            ))
        },
    ]
}
