//! The only source of chance: xoshiro256** (Blackman and Vigna, 2018) seeded through SplitMix64.

/// Draws that are told instead of drawn: which one, counted from zero, and what it gives. Ascending; the rest is unused.
/// A fuzzer steers a run with them, one choice at a time.
pub type Told = [(u32, u64); 32];

/// No draw is told.
pub const NOTHING_TOLD: Told = [(u32::MAX, 0); 32];

/// A small generator whose whole future is its seed, but for the draws it is told.
#[derive(Clone, Debug)]
pub struct Rng {
    state: [u64; 4],
    drawn: u32,
    told: Told,
    next: usize,
}

impl Rng {
    /// The generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::told(seed, NOTHING_TOLD)
    }

    /// The generator of a seed, with some draws told.
    #[must_use]
    pub fn told(seed: u64, told: Told) -> Self {
        let mut x = seed;
        let mut next = || {
            x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = x;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        Self { state: [next(), next(), next(), next()], drawn: 0, told, next: 0 }
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        let s = &mut self.state;
        let out = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        let place = self.drawn;
        self.drawn = self.drawn.saturating_add(1);
        match self.told.get(self.next) {
            Some((told, value)) if *told == place => {
                self.next += 1;
                *value
            }
            _ => out,
        }
    }

    /// A number below `n`; zero where `n` is zero.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 { 0 } else { usize::try_from(self.bits() % n as u64).unwrap_or(0) }
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.bits() % (high.saturating_sub(low) + 1)
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.bits() % 100 < percent
    }

    /// One of several, or `None` of none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len()))
    }

    /// Puts a list in another order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            list.swap(i, self.below(i + 1));
        }
    }

    /// Sixteen bytes.
    pub fn handle(&mut self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.bits().to_be_bytes());
        bytes[8..].copy_from_slice(&self.bits().to_be_bytes());
        bytes
    }

    /// Thirty-two bytes, for keys.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(&self.handle());
        bytes[16..].copy_from_slice(&self.handle());
        bytes
    }
}
