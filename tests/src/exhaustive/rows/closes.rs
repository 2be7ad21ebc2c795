//! Further: one cycle is closed while another goes on.

use super::planted::planted;
use super::{A, Acts, BASE, CORE, PLAIN};
use crate::exhaustive::row::{Act, Check, Row, Twist};

/// A unit of each of two cycles at A. The first closes after its last day.
const CYCLES: Row = Row {
    stock: [[2, 1], [0, 0], [0, 0], [1, 1], [0, 0]],
    kinds: 2,
    issue: 1,
    sites: 2,
    mortal: A,
    ..BASE
};

const CLOSING: Acts = PLAIN.and(&[Act::Days, Act::Close, Act::Hear]);

pub(super) fn rows() -> Vec<Row> {
    [holding(), breaking()].concat()
}

fn holding() -> Vec<Row> {
    vec![
        Row {
            name: "Z1 a close heard late, redeemed in time and known late, early release",
            acts: CLOSING.and(&[Act::Refund, Act::Release, Act::Reissue]),
            checks: CORE.and(&[Check::Attributed, Check::Hungry, Check::Order]),
            ..CYCLES
        },
        Row {
            name: "Z2 release of a cycle whose writer has heard of its close, returns before",
            acts: CLOSING.and(&[Act::Hold, Act::Return, Act::Release, Act::HeardFirst]),
            checks: CORE.and(&[Check::NeverCharged, Check::Hungry]),
            ..CYCLES
        },
        Row {
            name: "Z3 settlement across a close",
            acts: CLOSING.and(&[Act::Refund, Act::Observe, Act::Settle]),
            checks: CORE.and(&[Check::Payable]),
            ..CYCLES
        },
        Row {
            name: "Z4 a close in partial views, returns, a clock that falls",
            acts: CLOSING.and(&[Act::Return, Act::ClockFalls, Act::Observe]),
            checks: CORE.and(&[Check::EnoughSeen]),
            ..CYCLES
        },
        Row {
            name: "Z5 a close, and a fire",
            acts: CLOSING.and(&[Act::Fire, Act::Fence, Act::Decline, Act::Release]),
            checks: CORE.and(&[Check::Attributed, Check::Stranded]),
            ..CYCLES
        },
    ]
}

fn breaking() -> Vec<Row> {
    let cycles = |acts, row: Row| {
        let Row { stock, kinds, issue, sites, mortal, .. } = CYCLES;
        Row { acts, stock, kinds, issue, sites, mortal, ..row }
    };
    vec![
        cycles(
            CLOSING,
            planted(
                "Za a close stops the whole feed",
                4,
                "open cycle",
                Check::Hungry,
                &[Twist::CloseStopsFeed],
            ),
        ),
        cycles(
            CLOSING.and(&[Act::Observe, Act::Settle]),
            planted(
                "Zb what is known after the close is not settled",
                5,
                "never be settled",
                Check::Payable,
                &[Twist::LateRowsRefused],
            ),
        ),
        cycles(
            CLOSING.and(&[Act::Return, Act::Release, Act::HeardFirst]),
            planted(
                "Zc returns go on after the close was heard",
                6,
                "is charged",
                Check::NeverCharged,
                &[Twist::ReturnAfterRelease],
            ),
        ),
        cycles(
            CLOSING.and(&[Act::Release]),
            planted(
                "Zd a release of one cycle is taken off another",
                3,
                "made or lost",
                Check::Conserved,
                &[Twist::ReleaseOffOther],
            ),
        ),
        cycles(
            CLOSING.and(&[Act::Release]),
            planted(
                "Ze a close is taken for an end before its writer has heard",
                5,
                "is charged",
                Check::NeverCharged,
                &[],
            ),
        ),
    ]
}
