//! Which lots give: in their order, and the largest first where they are many.

use annona_ledger::amount::Amount;
use annona_ledger::entry::Lot;
use annona_ledger::limits;
use annona_ledger::rejection::Rejection;
use annona_ledger::view::LotRow;

use super::Item;
use crate::node::NodeFault;

/// Entries one basket binds.
pub(super) const ENTRIES: usize = limits::BASKET_ENTRIES as usize;

/// So much out of one lot.
pub(super) type Take = (Lot, LotRow, Amount);

/// A hold whose time is over: its index, the lot it keeps something of, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) hold: u64,
    pub(super) lot: Lot,
    pub(super) amount: Amount,
}

/// Lots as they are once these holds are let go.
pub(super) fn freed(lots: &[(Lot, LotRow)], over: &[Over]) -> Vec<(Lot, LotRow)> {
    let mut lots = lots.to_vec();
    for (place, lot) in &mut lots {
        for hold in over.iter().filter(|hold| hold.lot == *place) {
            lot.held = lot.held.debit(hold.amount);
        }
    }
    lots
}

/// The holds that are let go so that lots can give this much: the largest first, and none that need not be.
pub(super) fn needed(lots: &[(Lot, LotRow)], over: &[Over], takes: &[Take]) -> Vec<u64> {
    let mut holds = Vec::new();
    for (place, lot) in lots {
        let taken = takes.iter().filter(|(from, ..)| from == place);
        let mut free = taken.fold(lot.available(), |free, (.., amount)| free.debit(*amount));
        let mut of_lot: Vec<&Over> = over.iter().filter(|hold| hold.lot == *place).collect();
        of_lot.sort_by_key(|hold| (std::cmp::Reverse(hold.amount), hold.hold));
        for hold in of_lot {
            if free.units() >= 0 {
                break;
            }
            free = free.credit(hold.amount);
            holds.push(hold.hold);
        }
    }
    holds
}

/// Why lots cannot give what is asked for.
pub(super) enum Lacks {
    /// An item of nothing.
    Nothing,
    /// They have less of it together.
    Amount(Item),
    /// They have it, in more lots than one basket takes from.
    Lots,
}

impl From<Lacks> for NodeFault {
    fn from(lacks: Lacks) -> Self {
        match lacks {
            Lacks::Nothing => Rejection::ZeroAmount.into(),
            Lacks::Amount(_) => Rejection::ExceedsLot.into(),
            Lacks::Lots => Self::Refused(format!(
                "it lies in more lots than one basket takes from ({ENTRIES} entries): ask for it in several smaller amounts, \
                 one after the other"
            )),
        }
    }
}

/// Takes items out of lots, in their order; the largest first where that would need more entries than there is room for.
/// Lots never become one again, and food is not refused because it lies in small heaps.
pub(super) fn out_of(
    mut lots: Vec<(Lot, LotRow)>,
    items: &[Item],
    room: usize,
) -> Result<Vec<Take>, Lacks> {
    let takes = in_order(lots.clone(), items)?;
    if takes.len() <= room {
        return Ok(takes);
    }
    lots.sort_by_key(|(place, lot)| (std::cmp::Reverse(lot.available().units()), *place));
    let takes = in_order(lots, items)?;
    if takes.len() <= room { Ok(takes) } else { Err(Lacks::Lots) }
}

fn in_order(mut lots: Vec<(Lot, LotRow)>, items: &[Item]) -> Result<Vec<Take>, Lacks> {
    let mut takes = Vec::new();
    for item in items {
        if item.amount == Amount::ZERO {
            return Err(Lacks::Nothing);
        }
        let mut rest = item.amount;
        for (place, lot) in lots.iter_mut().filter(|(_, lot)| lot.commodity == item.commodity) {
            let have = u64::try_from(lot.available().units()).unwrap_or(0);
            let amount = rest.min(Amount::new(have).unwrap_or(Amount::MAX));
            if amount == Amount::ZERO {
                continue;
            }
            lot.balance = lot.balance.debit(amount);
            rest = rest.minus(amount).unwrap_or(Amount::ZERO);
            takes.push((*place, *lot, amount));
            if rest == Amount::ZERO {
                break;
            }
        }
        if rest > Amount::ZERO {
            return Err(Lacks::Amount(*item));
        }
    }
    Ok(takes)
}

/// Why none of some lots can pay an amount alone: they have less, or have it only together, and then what to do.
pub(super) fn apart(
    lots: &mut dyn Iterator<Item = &LotRow>,
    amount: Amount,
    words: &'static str,
) -> NodeFault {
    let units = lots.map(|lot| lot.available().units().max(0)).sum::<i128>();
    if units >= i128::from(amount.units()) {
        NodeFault::Refused(words.to_owned())
    } else {
        Rejection::ExceedsLot.into()
    }
}

#[cfg(test)]
mod tests {
    use annona_ledger::amount::Balance;
    use annona_ledger::entry::Owner;
    use annona_ledger::hash::Hash;
    use annona_ledger::id::{CommodityId, CycleId};
    use annona_ledger::time::Minute;
    use annona_ledger::view::Opened;

    use super::*;

    fn amount(units: u64) -> Amount {
        Amount::new(units).expect("small")
    }

    fn lots(units: &[u64]) -> Vec<(Lot, LotRow)> {
        let row = |units: u64| LotRow {
            origin: Hash::ZERO,
            owner: Owner::Budget,
            cycle: CycleId(1),
            commodity: CommodityId(1),
            balance: Balance::of(units.into()),
            held: Balance::ZERO,
            expires: Minute(9),
            opened: Opened::Issue,
        };
        (0u64..).map(Lot).zip(units.iter().map(|units| row(*units))).collect()
    }

    /// Which lots give how much for items of these amounts.
    fn takes(units: &[u64], items: &[u64], room: usize) -> Option<Vec<(u64, u64)>> {
        let item = |units: &u64| Item { commodity: CommodityId(1), amount: amount(*units) };
        let items: Vec<Item> = items.iter().map(item).collect();
        let takes = out_of(lots(units), &items, room).ok()?;
        Some(takes.iter().map(|(lot, _, amount)| (lot.0, amount.units())).collect())
    }

    #[test]
    fn lots_give_in_their_order_and_the_largest_first_where_they_are_many() {
        assert_eq!(takes(&[2, 3, 9], &[4], 2), Some(vec![(0, 2), (1, 2)]));
        assert_eq!(takes(&[2, 3, 9], &[4], 1), Some(vec![(2, 4)]), "one entry is enough");
        assert_eq!(takes(&[2, 3, 9], &[4, 3], 4), Some(vec![(0, 2), (1, 2), (1, 1), (2, 2)]));
        let small = [[1; 40].as_slice(), &[100]].concat();
        assert_eq!(takes(&small, &[40], ENTRIES), Some(vec![(40, 40)]));
        assert_eq!(takes(&[1; 40], &[33], ENTRIES), None, "not with any 32 of them");
        assert_eq!(takes(&[1; 40], &[41], 99), None, "not with all of them");
        assert_eq!(takes(&[1], &[0], 9), None, "nothing is no item");
    }

    #[test]
    fn what_no_lot_has_alone_says_what_to_do() {
        let refusal = |units: u64| {
            let lots = lots(&[2, 3]);
            apart(&mut lots.iter().map(|(_, lot)| lot), amount(units), "in parts").to_string()
        };
        assert_eq!(refusal(5), "in parts");
        assert_eq!(refusal(6), NodeFault::from(Rejection::ExceedsLot).to_string());
    }
}
