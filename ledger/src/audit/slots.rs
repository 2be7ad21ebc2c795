//! The lots of a chain by place, packed: a feed may have opened hundreds of thousands.

use std::collections::BTreeMap;

use crate::amount::Balance;
use crate::entry::Owner;
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, Purse};
use crate::time::Minute;
use crate::view::{LotRow, Opened, Slot};

/// Lots by place. Entries open lots in rising order, so a list that is appended to does; where each page of 256 indexes
/// begins in it is kept beside it, so a search looks at few, and of an index only the place in its page is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    keys: Vec<u8>,
    rows: Vec<Packed>,
    /// By page: how many keys stand before it.
    pages: Vec<u32>,
    /// What many lots have in common, and where it stands.
    terms: Vec<Terms>,
    numbers: BTreeMap<Terms, u32>,
    /// What does not pack: lots with holds on them, sums past 63 bits, second claims.
    odd: BTreeMap<u64, Slot>,
}

/// A lot in sixty bytes: with its sums of 128 bits each it would have twice that.
#[derive(Clone, Copy, Debug)]
struct Packed {
    origin: Hash,
    purse: [u8; 16],
    balance: [u8; 8],
    /// Its place in [`Slots::terms`], or [`ODD`].
    terms: u32,
}

/// It stands in [`Slots::odd`].
const ODD: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Terms {
    /// The owner, a holder's purse left out.
    owner: Owner,
    cycle: CycleId,
    commodity: CommodityId,
    expires: Minute,
    opened: Opened,
}

const ANY: Purse = Purse([0; 16]);

impl Terms {
    fn of(row: &LotRow) -> (Self, [u8; 16]) {
        let (owner, purse) = match row.owner {
            Owner::Purse(purse) => (Owner::Purse(ANY), purse.0),
            other => (other, [0; 16]),
        };
        let LotRow { cycle, commodity, expires, opened, .. } = *row;
        (Self { owner, cycle, commodity, expires, opened }, purse)
    }

    fn row(&self, packed: &Packed) -> LotRow {
        let Self { cycle, commodity, expires, opened, .. } = *self;
        let owner = match self.owner {
            Owner::Purse(_) => Owner::Purse(Purse(packed.purse)),
            other => other,
        };
        let balance = Balance::of(i64::from_le_bytes(packed.balance).into());
        let held = Balance::ZERO;
        let origin = packed.origin;
        LotRow { origin, owner, cycle, commodity, balance, held, expires, opened }
    }
}

/// The page of an index, and its place there.
fn split(index: u64) -> (usize, u8) {
    let [low, ..] = index.to_le_bytes();
    (usize::try_from(index >> 8).unwrap_or(usize::MAX), low)
}

impl Slots {
    /// Where an index is, or would be.
    fn find(&self, index: u64) -> Result<usize, usize> {
        let (page, low) = split(index);
        let start = |page| self.pages.get(page).map_or(self.keys.len(), |start| *start as usize);
        let (from, to) = (start(page), start(page.saturating_add(1)));
        let keys = self.keys.get(from..to).unwrap_or_default();
        // A list is issued in one go: its lots stand one behind the other.
        let ahead = keys.first().and_then(|first| low.checked_sub(*first));
        let guess = ahead.map(usize::from);
        if let Some(guess) = guess.filter(|guess| keys.get(*guess) == Some(&low)) {
            return Ok(guess + from);
        }
        keys.binary_search(&low).map(|at| at + from).map_err(|at| at + from)
    }

    /// What stands at an index.
    pub(super) fn get(&self, index: u64) -> Option<Slot> {
        self.slot(index, self.rows.get(self.find(index).ok()?)?)
    }

    fn slot(&self, index: u64, packed: &Packed) -> Option<Slot> {
        if packed.terms == ODD {
            return self.odd.get(&index).copied();
        }
        let terms = self.terms.get(packed.terms as usize)?;
        Some(Slot::Lot(terms.row(packed)))
    }

    /// Puts something at an index.
    pub(super) fn set(&mut self, index: u64, slot: Slot) {
        let found = self.find(index);
        let before = found.ok().and_then(|at| self.rows.get(at)).map(|packed| packed.terms);
        let packed = self.pack(slot, before);
        if packed.terms == ODD {
            self.odd.insert(index, slot);
        } else if before == Some(ODD) {
            self.odd.remove(&index);
        }
        match found {
            Ok(found) => {
                if let Some(row) = self.rows.get_mut(found) {
                    *row = packed;
                }
            }
            Err(gap) => {
                // Indexes are those of entries that were read, one after the other: pages are as many as they fill.
                let count = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
                let (page, low) = split(index);
                while self.pages.len() <= page {
                    self.pages.push(count);
                }
                for later in self.pages.iter_mut().skip(page.saturating_add(1)) {
                    *later = later.saturating_add(1);
                }
                self.keys.insert(gap, low);
                self.rows.insert(gap, packed);
            }
        }
    }

    /// A slot in its short form, or one that says it has none. `before` is where its terms stood, and mostly stand.
    fn pack(&mut self, slot: Slot, before: Option<u32>) -> Packed {
        let odd = Packed { origin: Hash::ZERO, purse: ANY.0, balance: [0; 8], terms: ODD };
        let Slot::Lot(row) = slot else { return odd };
        let balance = i64::try_from(row.balance.units()).ok();
        let Some(balance) = balance.filter(|_| row.held == Balance::ZERO) else { return odd };
        let (terms, purse) = Terms::of(&row);
        let same = |number: &u32| self.terms.get(*number as usize) == Some(&terms);
        let number = before.filter(same).or_else(|| self.numbers.get(&terms).copied());
        let number = match number {
            Some(number) => number,
            None => {
                let Some(next) = u32::try_from(self.terms.len()).ok().filter(|n| *n < ODD) else {
                    return odd;
                };
                self.terms.push(terms);
                self.numbers.insert(terms, next);
                next
            }
        };
        Packed { origin: row.origin, purse, balance: balance.to_le_bytes(), terms: number }
    }

    /// Everything, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Slot)> {
        let pages = (0u64..).zip(&self.pages);
        let ends = self.pages.iter().skip(1).map(|start| *start as usize);
        let ends = ends.chain(std::iter::once(self.keys.len()));
        pages.zip(ends).flat_map(move |((page, start), end)| {
            let at = *start as usize..end;
            let keys = self.keys.get(at.clone()).unwrap_or_default();
            let rows = self.rows.get(at).unwrap_or_default();
            keys.iter().zip(rows).filter_map(move |(low, packed)| {
                let index = (page << 8) | u64::from(*low);
                Some((index, self.slot(index, packed)?))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::view::{At, ChainNo};

    fn slot() -> impl Strategy<Value = Slot> {
        let sums = prop_oneof![Just(i128::from(i64::MAX) + 1), -3i128..1000];
        let owner = prop_oneof![
            Just(Owner::Budget),
            Just(Owner::Float),
            Just(Owner::Reserve),
            any::<[u8; 16]>().prop_map(|purse| Owner::Purse(Purse(purse))),
        ];
        let lot = (any::<[u8; 32]>(), owner, 0u16..3, sums, 0i128..2, 0u32..3).prop_map(
            |(origin, owner, cycle, balance, held, expires)| {
                Slot::Lot(LotRow {
                    origin: Hash(origin),
                    owner,
                    cycle: CycleId(cycle),
                    commodity: CommodityId(1),
                    balance: Balance::of(balance),
                    held: Balance::of(held),
                    expires: Minute(expires),
                    opened: Opened::Claim,
                })
            },
        );
        prop_oneof![9 => lot, 1 => (0u64..9).prop_map(|index| {
            Slot::Same(At { chain: ChainNo(0), index })
        })]
    }

    proptest! {
        #[test]
        fn what_is_set_is_what_stands_there(
            sets in proptest::collection::vec((0u64..1500, slot()), 1..200),
        ) {
            let (mut slots, mut plain) = (Slots::default(), BTreeMap::new());
            for (index, slot) in sets {
                slots.set(index, slot);
                plain.insert(index, slot);
                prop_assert_eq!(slots.get(index), Some(slot));
            }
            prop_assert_eq!(slots.iter().collect::<BTreeMap<_, _>>(), plain.clone());
            prop_assert!(slots.iter().map(|(index, _)| index).is_sorted());
            prop_assert!((0..1500).all(|index| slots.get(index) == plain.get(&index).copied()));
        }
    }
}
