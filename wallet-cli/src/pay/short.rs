//! Where less is left than was asked for: she hears what she can have instead.

use annona_ledger::amount::Amount;
use annona_ledger::rejection::Rejection;
use annona_node::clock::Clock;
use annona_node::serve::{Held, Item, Left};

use super::hold;
use super::till::Till;
use super::turned;
use crate::fault::Fault;
use crate::words::{print_millis, print_minute, print_units};

/// What is left of what she may have here, and what of it is put by.
pub(super) type Here = (Vec<Left>, Vec<Held>);

/// Why an order was more than there is.
#[derive(Debug)]
pub(super) enum Short {
    /// Something of it is left: nobody is refused, and the same order for less is accepted.
    Less(Fault),
    /// Nothing of it is left: she is refused.
    Nothing(Fault),
}

fn put_by(till: &Till, held: &Held) -> String {
    hold::line(till.id, till.programme.commodity(held.commodity), till.founded, held).1
}

/// Whether a rule says that less is left than was asked for.
pub(super) const fn is(rule: Rejection) -> bool {
    matches!(rule, Rejection::LotNotFound | Rejection::Expired | Rejection::ExceedsLot)
}

/// What to answer to an order for these items, where this is left of what she may have here.
pub(super) fn of(till: &Till, rule: Rejection, items: &[Item], (left, held): &Here) -> Short {
    let print = |left: &Left| {
        let until = print_minute(left.expires, till.founded);
        format!("{} until {until}", till.print(left.commodity, i128::from(left.units)))
    };
    let all = left.iter().map(print).collect::<Vec<_>>().join(", ");
    let asked = |held: &&Held| items.iter().any(|item| item.commodity == held.commodity);
    let held: Vec<String> = held.iter().filter(asked).map(|held| put_by(till, held)).collect();
    let held = held.join(", ");
    if let Some(instead) = instead(items, left) {
        let typed: Vec<String> = instead.iter().filter_map(|item| typed(till, item)).collect();
        let code = rule.code();
        let put_by = if held.is_empty() { String::new() } else { format!("; {held}") };
        let words = format!(
            "less is left than that (rejection {code}). Left here: {all}{put_by}. Nothing was handed out."
        );
        return Short::Less(
            Fault::refused(words).then(&format!("Hand out what there is: {}", typed.join(" "))),
        );
    }
    // It is here, and hers: she is not sent to complain.
    if !held.is_empty() {
        let code = rule.code();
        return Short::Less(Fault::refused(format!(
            "nothing is left but what is put by for this holder (rejection {code}): {held}. Nothing was handed out."
        )));
    }
    let of_asked = |left: &&Left| items.iter().any(|item| item.commodity == left.commodity);
    if left.iter().any(|left| of_asked(&left)) {
        // There is enough in sum, and yet it cannot be paid so: the rule itself says why.
        return Short::Nothing(
            turned::nothing_handed_out(rule).then(&format!("Left here: {all}.")),
        );
    }
    let names = items.iter().filter_map(|item| till.programme.commodity(item.commodity));
    let names = names.map(|known| known.name.as_str()).collect::<Vec<_>>().join(" and ");
    let fault = match rule {
        // By which day: a clock that is wrong refuses whoever may have it.
        Rejection::Expired => turned::nothing_handed_out(rule)
            .then(&format!("Here it is {}.", print_millis(Clock::system().now()))),
        _ => Fault::refused(format!(
            "nothing is left of {names} here (rejection {}); nothing was handed out",
            rule.code()
        )),
    };
    Short::Nothing(match all.is_empty() {
        true => fault,
        false => fault.then(&format!("Left here: {all}.")),
    })
}

/// As much of these items as there is, whichever cycle it is of. None where that is all of them, or nothing.
fn instead(items: &[Item], left: &[Left]) -> Option<Vec<Item>> {
    let less = |item: &Item| {
        let of = left.iter().filter(|left| left.commodity == item.commodity);
        let has = of.fold(0u64, |sum, left| sum.saturating_add(left.units));
        let amount = Amount::new(has.min(item.amount.units()))?;
        (amount > Amount::ZERO).then_some(Item { commodity: item.commodity, amount })
    };
    let some: Vec<Item> = items.iter().filter_map(less).collect();
    (!some.is_empty() && some != items).then_some(some)
}

/// An item as it is typed.
pub(super) fn typed(till: &Till, item: &Item) -> Option<String> {
    let known = till.programme.commodity(item.commodity)?;
    let amount = print_units(known, i128::from(item.amount.units()));
    let amount = amount.split(' ').next()?;
    Some(match known.name.as_str() {
        name if name.contains(' ') => format!("--item \"{name}={amount}\""),
        name => format!("--item {name}={amount}"),
    })
}

#[cfg(test)]
mod tests {
    use annona_ledger::id::{CommodityId, CycleId};
    use annona_ledger::time::Minute;

    use super::*;

    fn item(commodity: u8, units: u64) -> Item {
        let amount = Amount::new(units).expect("an amount");
        Item { commodity: CommodityId(commodity), amount }
    }

    #[test]
    fn she_is_offered_what_all_cycles_have_and_never_the_same_again() {
        let left = |cycle, commodity: u8, units| Left {
            cycle: CycleId(cycle),
            commodity: CommodityId(commodity),
            units,
            expires: Minute(9),
        };
        let here = [left(1, 1, 5), left(1, 2, 9), left(2, 1, 7)];
        #[track_caller]
        fn check(items: &[Item], left: &[Left], want: Option<Vec<Item>>) {
            assert_eq!(instead(items, left), want);
        }
        check(&[item(1, 20)], &here, Some(vec![item(1, 12)]));
        check(&[item(1, 20), item(2, 3)], &here, Some(vec![item(1, 12), item(2, 3)]));
        check(&[item(3, 1), item(2, 3)], &here, Some(vec![item(2, 3)]));
        check(&[item(3, 1)], &here, None);
        check(&[item(1, 10)], &[], None);
        // Enough is there: something else stands against it, and asking again would not help.
        check(&[item(2, 9)], &here[..2], None);
        check(&[item(1, 12)], &here, None);
    }
}
