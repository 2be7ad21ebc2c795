//! What a node's clock shows: true time and an error, or something absurd until somebody sets it right.

use annona_ledger::time::{Millis, Minute};

/// When the simulated federation was founded: 2026-11-18.
pub const FOUNDED: Millis = Millis(1_795_000_000_000);

/// One node's clock.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// Ahead of true time by so many minutes; behind where negative.
    Off(i64),
    /// Shows 1970, as boards without a battery do.
    Epoch,
    /// Shows 2099.
    Far,
}

impl Clock {
    /// The minute since founding it shows when it is truly `now`.
    #[must_use]
    pub fn shows(&self, now: Minute) -> Minute {
        Minute::of(self.millis(now), FOUNDED)
    }

    /// The wall-clock time it shows when it is truly `now`.
    #[must_use]
    pub fn millis(&self, now: Minute) -> Millis {
        match self {
            Self::Off(by) => {
                Millis(now.begins(FOUNDED).0.saturating_add_signed(by.saturating_mul(60_000)))
            }
            Self::Epoch => Millis(0),
            Self::Far => Millis(4_070_908_800_000),
        }
    }
}
