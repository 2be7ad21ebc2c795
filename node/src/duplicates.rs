//! Households that may be registered twice: pairs put before a person, who decides (spec/duplicates.md). A pair decides
//! nothing by itself, and nothing that hands out ever asks for one.

mod compare;
mod roman;
mod sought;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use annona_ledger::consent::{People, Told, Verdict};
use annona_ledger::hash::{Hash, Purpose, keyed};
use annona_ledger::id::{Commitment, ProgrammeId};
use annona_ledger::time::DayNo;

pub(crate) use compare::document;
pub use compare::{LEAST, Likeness, people};
pub(crate) use roman::{bare, roman};
pub use sought::{heard, sought};

use crate::person::Household;
use crate::seal::Key;
use crate::vault::HouseholdId;

/// Households under one key that are all compared with each other. Where a key is so common that more share it, it tells
/// little, and those are compared that stand near each other.
const BLOCK: usize = 60;
/// How near.
const NEAR: usize = 12;

/// Two households that may be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one registered first.
    pub one: HouseholdId,
    /// The other.
    pub other: HouseholdId,
    /// How like they are, and why.
    pub likeness: Likeness,
}

/// What a run found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposed {
    /// Pairs, the likest first.
    pub pairs: Vec<Pair>,
    /// Pairs that were compared.
    pub compared: u64,
    /// Keys so common that not all under them were compared with each other.
    pub common: u64,
}

/// Looks for households that may be registered twice. Blocks are found by keyed hashes of what was registered, under
/// random bytes that end with the run: nothing of it could be tried against guesses afterwards.
#[must_use]
pub fn propose(
    key: &Key,
    year: i64,
    households: impl Iterator<Item = (HouseholdId, Household)>,
) -> Proposed {
    let sketches: Vec<(HouseholdId, compare::Sketch)> =
        households.map(|(id, household)| (id, compare::Sketch::of(&household, year))).collect();
    let mut blocks: BTreeMap<[u8; 8], Vec<u32>> = BTreeMap::new();
    for (place, (_, sketch)) in (0u32..).zip(&sketches) {
        for text in sketch.keys() {
            blocks.entry(mark(key, &text)).or_default().push(place);
        }
    }
    let mut out = Proposed::default();
    let (mut near, mut full): (Vec<(u32, u32)>, usize) = (Vec::new(), 1 << 22);
    for block in blocks.into_values() {
        let reach = if block.len() <= BLOCK { block.len() } else { NEAR };
        out.common += u64::from(block.len() > BLOCK);
        for (n, one) in block.iter().enumerate() {
            near.extend(block.iter().skip(n + 1).take(reach).map(|other| (*one, *other)));
        }
        // What many keys name is named once.
        if near.len() > full {
            near.sort_unstable();
            near.dedup();
            full = near.len().saturating_mul(2).max(full);
        }
    }
    near.sort_unstable();
    near.dedup();
    out.compared = near.len() as u64;
    for (one, other) in near {
        let (Some((a, sketch)), Some((b, against))) =
            (sketches.get(one as usize), sketches.get(other as usize))
        else {
            continue;
        };
        let likeness = sketch.like(against);
        if likeness.score >= LEAST {
            out.pairs.push(Pair { one: *a, other: *b, likeness });
        }
    }
    out.pairs.sort_by_key(|p| (std::cmp::Reverse(p.likeness.score), p.one, p.other));
    out
}

/// What households that share a key are found by.
fn mark(key: &Key, text: &str) -> [u8; 8] {
    let Hash(hash) = keyed(Purpose::Lookup, key.expose(), &[b"duplicates", text.as_bytes()]);
    let mut short = [0; 8];
    short.copy_from_slice(&hash[..8]);
    short
}

/// What a pair is called on the ledger: by the key of this site's person file, so that nobody else can try pairs.
#[must_use]
pub fn pair_commitment(
    key: &[u8; 32],
    programme: ProgrammeId,
    registrations: [&[u8; 32]; 2],
) -> Commitment {
    let [mut one, mut other] = registrations;
    if one > other {
        std::mem::swap(&mut one, &mut other);
    }
    let programme = programme.0.to_be_bytes();
    let parts: [&[u8]; 4] = [b"pair", &programme, one, other];
    Commitment(keyed(Purpose::Commitment, key, &parts))
}

/// The verdict that stands on a pair: the latest day's. Two of one day that differ stand as not decided.
#[must_use]
pub fn verdict(pair: Commitment, told: &[Told]) -> Option<(Verdict, DayNo)> {
    let said = told.iter().filter_map(Told::people).filter_map(|people| match people {
        People::Pair { pair: of, verdict, on } if *of == pair => Some((*on, *verdict)),
        _ => None,
    });
    let said: Vec<(DayNo, Verdict)> = said.collect();
    let last = said.iter().map(|(on, _)| *on).max()?;
    let mut of_day = said.iter().filter(|(on, _)| *on == last).map(|(_, verdict)| *verdict);
    let first = of_day.next()?;
    let one = if of_day.all(|verdict| verdict == first) { first } else { Verdict::Adjudicate };
    Some((one, last))
}
