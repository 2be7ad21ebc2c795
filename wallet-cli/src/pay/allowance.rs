//! How much of a site's allowance is left, in words and for programs; and what is said where it is less than was asked for.

use std::sync::{Arc, OnceLock};

use annona_ledger::amount::Amount;
use annona_ledger::charter::Programme;
use annona_ledger::id::ProgrammeId;
use annona_ledger::rejection::Rejection;
use annona_node::serve::{Allowance, Item, Limit};
use serde_json::{Value, json};

use super::short::{self, Short};
use super::till::Till;
use crate::fault::Fault;
use crate::words::print_units;

/// What is left of an allowance, as it was when an order was looked at.
pub(super) type Noted = Arc<OnceLock<Vec<Allowance>>>;

/// Whether a rule says that less of the allowance is left than was asked for.
pub(super) const fn is(rule: Rejection) -> bool {
    matches!(rule, Rejection::FloatCap) || short::is(rule)
}

/// An allowance as `status` tells it.
pub(crate) fn line(
    id: ProgrammeId,
    programme: &Programme,
    of: &Allowance,
    today: &str,
) -> (Value, String) {
    let known = programme.commodity(of.commodity);
    let print =
        |units: u64| known.map_or_else(|| units.to_string(), |c| print_units(c, units.into()));
    let limit =
        |limit: &Limit| json!({ "most": limit.most.to_string(), "left": limit.left.to_string() });
    let value = json!({
        "programme": id, "commodity": of.commodity, "here": of.here.to_string(),
        "per_purse": of.purse.most.to_string(), "day": limit(&of.day), "site": limit(&of.site),
    });
    let words = format!(
        "  {} allowance, {}: {} here; {} of {} left {today}, {} of {} until it is covered; {} to one purse",
        programme.name,
        known.map_or("?", |c| c.name.as_str()),
        print(of.here),
        print(of.day.left),
        print(of.day.most),
        print(of.site.left),
        print(of.site.most),
        print(of.purse.most),
    );
    (value, words)
}

/// Whether it is the limit of the day that refuses an order, or some of it, and nothing else would: by a clock that is not
/// believed the day may be over.
pub(super) fn by_the_day(items: &[Item], all: &[Allowance]) -> bool {
    items.iter().any(|item| {
        all.iter().find(|of| of.commodity == item.commodity).is_some_and(|of| {
            let units = item.amount.units();
            of.day.left < units && of.here.min(of.purse.left).min(of.site.left) >= units
        })
    })
}

/// What to answer to an order that the allowance cannot give whole.
pub(super) fn of(till: &Till, rule: Rejection, items: &[Item], all: &[Allowance]) -> Short {
    let code = rule.code();
    let print = |item: &Item, units: u64| till.print(item.commodity, i128::from(units));
    let (mut instead, mut why) = (Vec::new(), Vec::new());
    for item in items {
        let Some(of) = all.iter().find(|of| of.commodity == item.commodity) else {
            why.push(format!("the programme gives no {} from an allowance", name(till, item)));
            continue;
        };
        let left = of.left().min(item.amount.units());
        if let Some(amount) = Amount::new(left).filter(|amount| amount.units() > 0) {
            instead.push(Item { commodity: item.commodity, amount });
        }
        if left == item.amount.units() {
            continue;
        }
        let limits = [
            (of.purse, "to one purse: this one may be given"),
            (of.day, "a day: today may still be given"),
            (of.site, "until it is covered: until then may be given"),
        ];
        why.extend(limits.iter().filter(|(limit, _)| limit.left < item.amount.units()).map(
            |(limit, words)| {
                format!("at most {} {words} {}", print(item, limit.most), print(item, limit.left))
            },
        ));
        if of.here < item.amount.units() {
            why.push(format!("{} of it lies here", print(item, of.here)));
        }
    }
    if why.is_empty() {
        // There is enough in sum, and yet it cannot be given so: the rule itself says why.
        return Short::Nothing(super::turned::nothing_handed_out(rule));
    }
    let why = why.join("; ");
    if instead.is_empty() {
        let words = format!(
            "nothing is left for this holder of this site's allowance (rejection {code}): {why}; nothing was handed out"
        );
        return Short::Nothing(Fault::refused(words));
    }
    let typed: Vec<String> = instead.iter().filter_map(|item| short::typed(till, item)).collect();
    let words = format!(
        "less than that is left of this site's allowance (rejection {code}): {why}. Nothing was handed out."
    );
    Short::Less(Fault::refused(words).then(&format!("Hand out what there is: {}", typed.join(" "))))
}

fn name(till: &Till, item: &Item) -> String {
    till.programme.commodity(item.commodity).map(|c| c.name.to_string()).unwrap_or_default()
}
