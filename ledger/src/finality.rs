//! How final an entry is: four grades, each for good (spec/checkpoints.md, "Finality").

/// How final an entry is. Later grades include the earlier ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Finality {
    /// Durable with its writer: goods may leave.
    Accepted,
    /// Another organisation holds it: its writer alone cannot make it vanish.
    Seen,
    /// Inside a checkpoint that a quorum has cosigned: no other history can be shown to anybody.
    Certified,
    /// Paid, or below a close.
    Settled,
}

impl Finality {
    /// Every grade, in order.
    pub const ALL: [Self; 4] = [Self::Accepted, Self::Seen, Self::Certified, Self::Settled];

    /// The word people see.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Seen => "seen",
            Self::Certified => "certified",
            Self::Settled => "settled",
        }
    }
}

impl std::fmt::Display for Finality {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// What is known about one entry that says how final it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Standing {
    /// A node of another organisation than its writer's is known to hold it.
    pub seen: bool,
    /// A certified checkpoint covers its block.
    pub certified: bool,
    /// It is paid, or below a close.
    pub settled: bool,
}

/// The highest grade that is known. What settles an entry need not have been seen here to be certified.
#[must_use]
pub const fn finality(standing: &Standing) -> Finality {
    match standing {
        Standing { settled: true, .. } => Finality::Settled,
        Standing { certified: true, .. } => Finality::Certified,
        Standing { seen: true, .. } => Finality::Seen,
        Standing { .. } => Finality::Accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_grade_that_is_known_is_told() {
        let mut told = Vec::new();
        for bits in 0..8u8 {
            let of = |bit: u8| bits & bit != 0;
            told.push(finality(&Standing { seen: of(1), certified: of(2), settled: of(4) }).word());
        }
        let settled = ["settled"; 4];
        assert_eq!(told[..4], ["accepted", "seen", "certified", "certified"]);
        assert_eq!(told[4..], settled);
        assert!(Finality::ALL.is_sorted(), "and never falls");
    }
}
