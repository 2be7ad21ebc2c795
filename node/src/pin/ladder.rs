//! What is tried next, when a way to say who somebody is has failed. The last step is always left.

use annona_ledger::entry::Method;

/// A step of the ladder, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Next {
    /// The PIN.
    Pin,
    /// The card, and a look at who carries it.
    Sight,
    /// Another adult of the household.
    Adult,
    /// A collector the household has named.
    Collector,
    /// A community witness: two people sign.
    Witness,
    /// The desk with two staff, up to a cap.
    Desk,
    /// An emergency voucher on paper.
    Voucher,
}

impl Next {
    /// Every step, in order.
    pub const ALL: [Self; 7] = [
        Self::Pin,
        Self::Sight,
        Self::Adult,
        Self::Collector,
        Self::Witness,
        Self::Desk,
        Self::Voucher,
    ];

    /// What the person at the counter is told.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Pin => "ask for the PIN",
            Self::Sight => "look at the card, and at who carries it",
            Self::Adult => "another adult of the household, with a member of staff",
            Self::Collector => "the collector it has named, with her paper",
            Self::Witness => "a community witness who knows her",
            Self::Desk => "the two-staff desk, up to its cap",
            Self::Voucher => "an emergency voucher on paper",
        }
    }

    /// The method a redemption then has on the ledger; `None` for the voucher, which never counts as tried.
    #[must_use]
    pub const fn method(self) -> Option<Method> {
        match self {
            Self::Pin => Some(Method::Pin),
            Self::Sight => Some(Method::Sight),
            Self::Adult => Some(Method::Adult),
            Self::Collector => Some(Method::Collector),
            Self::Witness => Some(Method::Witness),
            Self::Desk => Some(Method::Desk),
            // A paper can be made out again, whatever became of the one before.
            Self::Voucher => None,
        }
    }
}

/// The first step that was not tried, and is not closed to her: no PIN, no card, nobody else grown up. The voucher is never
/// used up: nobody is left with nothing.
#[must_use]
pub fn next(tried: &[Method], closed: &[Next]) -> Next {
    let untried = |step: &&Next| step.method().is_none_or(|method| !tried.contains(&method));
    let mut steps = Next::ALL.iter().filter(untried);
    steps.find(|step| !closed.contains(step)).copied().unwrap_or(Next::Voucher)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_leads_to_another_way_and_none_to_nothing() {
        const ALL: [Method; 10] = Method::ALL;
        // Every set of failures there can be.
        for set in 0u32..1 << ALL.len() {
            let failed: Vec<Method> =
                (0..ALL.len()).filter(|n| set >> n & 1 == 1).map(|n| ALL[n]).collect();
            // And every set of steps that are closed to her.
            for shut in 0u32..1 << Next::ALL.len() {
                let closed: Vec<Next> =
                    Next::ALL.into_iter().filter(|step| shut >> *step as u32 & 1 == 1).collect();
                let step = next(&failed, &closed);
                assert!(step.method().is_none_or(|method| !failed.contains(&method)));
                assert!(step == Next::Voucher || !closed.contains(&step));
                assert!(!step.words().is_empty());
            }
        }
        assert_eq!(next(&[], &[]), Next::Pin);
        assert_eq!(
            next(&[Method::Attested], &[]),
            Next::Pin,
            "a fingerprint that failed is no end"
        );
        assert_eq!(next(&[Method::Pin], &[]), Next::Sight);
        assert_eq!(next(&[Method::Pin], &[Next::Sight]), Next::Adult, "she has no card");
        assert_eq!(next(&[Method::Witness], &[Next::Pin]), Next::Sight, "her PIN waits");
        assert_eq!(next(&[Method::Pin, Method::Sight], &[]), Next::Adult);
        assert_eq!(next(&ALL, &Next::ALL), Next::Voucher);
    }
}
