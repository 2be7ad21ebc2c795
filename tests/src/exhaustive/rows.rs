//! The table: what holds, what breaks, and in how many steps.

mod amounts;
mod branches;
mod closes;
mod hold;
mod keys;
mod kinds;
mod literal;
mod planted;
mod timeouts;

use super::row::{Act, Acts, Charge, Check, Checks, Fifth, Row, Twists};

/// Every row, in the order in which spec/model.md lists them.
#[must_use]
pub fn rows() -> Vec<Row> {
    [
        hold::rows(),
        literal::rows(),
        planted::rows(),
        amounts::rows(),
        kinds::rows(),
        timeouts::rows(),
        branches::rows(),
        keys::rows(),
        closes::rows(),
    ]
    .concat()
}

/// What is asked of every row that holds.
const CORE: Checks = Checks::of(&[
    Check::Conserved,
    Check::Enough,
    Check::Lots,
    Check::Purse,
    Check::ClaimOnce,
    Check::CoverOnce,
    Check::Programme,
    Check::FaultPaid,
    Check::PaidOnce,
]);

/// Issue, send, claim, redeem.
const PLAIN: Acts = Acts::of(&[Act::Issue, Act::Send, Act::Redeem]);

/// A site that burns or is fenced; others hear of it sooner or later.
const FIRE: Acts = PLAIN.and(&[Act::Fire, Act::Fence, Act::Hear, Act::Decline]);

const A: u8 = 1;
const B: u8 = 2;
const C: u8 = 4;

/// One purse of two units at A, one unit at a time, and a reserve.
const BASE: Row = Row {
    name: "",
    breaks: None,
    because: "",
    clock: None,
    acts: PLAIN,
    twists: Twists::of(&[]),
    checks: CORE,
    charge: Charge::Pool,
    fifth: Fifth::Nobody,
    stock: [[2, 0], [0, 0], [0, 0], [2, 0], [0, 0]],
    purses: 1,
    kinds: 1,
    sites: 3,
    issue: 2,
    parts: &[1],
    mortal: 0,
    wicked: 0,
    branches: 2,
    fences: 1,
    ceiling: None,
    depth: 14,
    alike: false,
};

const fn stock(a: u8, b: u8, c: u8, r: u8) -> [[u8; 2]; 5] {
    [[a, 0], [b, 0], [c, 0], [r, 0], [0, 0]]
}
