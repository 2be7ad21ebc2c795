//! Amounts: whole minor units of one commodity, checked at every step.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::limits;

/// How many minor units. At most [`limits::AMOUNT`]; zero is possible as a value but never as a draft.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most one entry can say.
    pub const MAX: Self = Self(limits::AMOUNT);

    /// Checks a number of minor units. `None` above [`limits::AMOUNT`].
    #[must_use]
    pub const fn new(units: u64) -> Option<Self> {
        if units > limits::AMOUNT { None } else { Some(Self(units)) }
    }

    /// The number of minor units.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }

    /// The sum, or `None` above the most one entry can say.
    #[must_use]
    pub fn plus(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).and_then(Self::new)
    }

    /// The difference, or `None` where `other` is more.
    #[must_use]
    pub fn minus(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(u64::deserialize(d)?).ok_or_else(|| de::Error::custom("amount above the limit"))
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Amount({})", self.0)
    }
}

/// A signed sum of amounts: what a lot, a pool or a programme comes to. Below zero means more was given than there was.
///
/// 2⁶³ entries of the largest amount fit; a federation in which a sum does not fit in 128 bits cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Balance(i128);

impl Balance {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A balance of so many units, which may be below zero.
    #[must_use]
    pub const fn of(units: i128) -> Self {
        Self(units)
    }

    /// The number of units, below zero where more was given than there was.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// With an amount added.
    #[must_use]
    pub const fn credit(self, amount: Amount) -> Self {
        Self(self.0.saturating_add(amount.0 as i128))
    }

    /// With an amount taken, below zero if need be.
    #[must_use]
    pub const fn debit(self, amount: Amount) -> Self {
        Self(self.0.saturating_sub(amount.0 as i128))
    }

    /// The sum of two balances.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// How much this is short of zero.
    #[must_use]
    pub const fn short(self) -> u128 {
        if self.0 < 0 { self.0.unsigned_abs() } else { 0 }
    }

    /// Whether an amount can be taken without going below zero.
    #[must_use]
    pub const fn covers(self, amount: Amount) -> bool {
        self.0 >= amount.0 as i128
    }
}

impl From<Amount> for Balance {
    fn from(amount: Amount) -> Self {
        Self::ZERO.credit(amount)
    }
}

impl fmt::Display for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Balance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Balance({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_stop_at_their_limits() {
        assert_eq!(Amount::new(u64::MAX), None);
        assert_eq!(Amount::MAX.plus(Amount(1)), None);
        assert_eq!(Amount(1).minus(Amount(2)), None);
        assert_eq!(Amount(2).minus(Amount(2)), Some(Amount::ZERO));
        let low = Balance::ZERO.debit(Amount::MAX).debit(Amount::MAX);
        assert_eq!(low.short(), 2 * u128::from(limits::AMOUNT));
        assert!(!low.covers(Amount::ZERO));
        let five = Balance::from(Amount(5));
        assert_eq!([4, 5, 6].map(|units| five.covers(Amount(units))), [true, true, false]);
        assert_eq!(Amount::new(limits::AMOUNT), Some(Amount::MAX));
        assert_eq!(Amount::new(limits::AMOUNT + 1), None);
        assert_eq!(Amount(2).plus(Amount(3)), Some(Amount(5)));
        assert_eq!(Amount(5).minus(Amount(2)), Some(Amount(3)));
        assert_eq!(Balance::of(-2).plus(Balance::of(5)), Balance::of(3));
        assert_eq!([-1, 0, 1].map(|units| Balance::of(units).short()), [1, 0, 0]);
        assert_eq!((Amount(7).to_string(), Balance::of(-7).to_string()), ("7".into(), "-7".into()));
    }
}
