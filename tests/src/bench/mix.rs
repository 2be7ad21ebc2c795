//! What the sites do, in the shares the workload fixes.

/// Of a hundred requests: so many refunds, tickets and baskets; the rest are single redemptions.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// Refunds.
    pub refunds: u64,
    /// Holders who leave for another site with a ticket, which is claimed there.
    pub tickets: u64,
    /// Redemptions of two commodities at once.
    pub baskets: u64,
}

impl Shares {
    /// The shares of `spec/bench.md`.
    pub const FIXED: Self = Self { refunds: 2, tickets: 1, baskets: 5 };
}

/// Chance with a seed (SplitMix64, Steele et al. 2014): the same seed gives the same run.
#[derive(Clone, Copy, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub const fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.draw() % limit).unwrap_or_default()
    }
}
