//! Amounts as people write them: whole units and a point. Never rounded.

use annona_ledger::amount::Amount;
use annona_ledger::charter::{Commodity, Unit};
use annona_ledger::digits::typed;

use crate::fault::{Fault, Outcome};

const fn digits(unit: &Unit) -> u8 {
    match unit {
        Unit::Currency { minor_digits, .. } | Unit::Item { minor_digits, .. } => *minor_digits,
    }
}

/// What a commodity is counted in: `SYP`, `kg`.
pub(crate) fn unit_name(commodity: &Commodity) -> String {
    match &commodity.unit {
        Unit::Currency { code, .. } => String::from_utf8_lossy(code).into_owned(),
        Unit::Item { measure, .. } => measure.to_string(),
    }
}

/// Reads `12.5` of a commodity into minor units, in the digits of any script. More digits than the commodity has are a mistake, not rounded away.
pub(crate) fn amount(commodity: &Commodity, text: &str) -> Outcome<Amount> {
    let places = usize::from(digits(&commodity.unit));
    let wrong = |why: &str| {
        Fault::input(format!("\"{text}\" is not an amount of {}: {why}.", commodity.name))
    };
    let text = typed(text);
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let is_number = |t: &str| t.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(part) || text.ends_with('.') {
        return Err(wrong("write digits, with a point before decimals, such as 12.5"));
    }
    if part.len() > places {
        return Err(wrong(&format!("it has at most {places} decimals")));
    }
    let all = format!("{whole}{part:0<places$}");
    let units = all.parse().ok().and_then(Amount::new);
    units.ok_or_else(|| wrong("it is larger than an amount can be"))
}

/// Writes minor units of a commodity with its unit: `12.500 kg`.
pub(crate) fn print_units(commodity: &Commodity, units: i128) -> String {
    let places = usize::from(digits(&commodity.unit));
    let sign = if units < 0 { "-" } else { "" };
    let all = format!("{:0>width$}", units.unsigned_abs(), width = places + 1);
    let (whole, part) = all.split_at(all.len() - places);
    let point = if places == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{part} {}", unit_name(commodity))
}

#[cfg(test)]
mod tests {
    use annona_ledger::id::CommodityId;
    use annona_ledger::wire::Name;

    use super::*;

    fn commodity(minor_digits: u8) -> Commodity {
        let name = |text| Name::new(text).expect("name");
        let unit = Unit::Item { measure: name("kg"), minor_digits };
        Commodity { id: CommodityId(1), name: name("Rice"), unit }
    }

    #[test]
    fn amounts_read_and_print_without_rounding() {
        #[track_caller]
        fn check(digits: u8, text: &str, want: Option<(u64, &str)>) {
            let commodity = commodity(digits);
            match (amount(&commodity, text), want) {
                (Ok(read), Some((units, printed))) => {
                    assert_eq!(read.units(), units, "{text}");
                    assert_eq!(print_units(&commodity, i128::from(units)), printed);
                }
                (Err(_), None) => {}
                (other, _) => panic!("{text}: {other:?}"),
            }
        }
        check(3, "12.5", Some((12_500, "12.500 kg")));
        check(3, "0.001", Some((1, "0.001 kg")));
        check(0, "7", Some((7, "7 kg")));
        check(2, "007", Some((700, "7.00 kg")));
        check(3, "١٢٫٥", Some((12_500, "12.500 kg")));
        check(3, "៣", Some((3_000, "3.000 kg")));
        check(0, "9223372036854775807", Some((i64::MAX as u64, "9223372036854775807 kg")));
        check(0, "9223372036854775808", None);
        check(3, "9223372036854775807", None);
        for bad in ["", ".", ".5", "5.", "-1", "+1", "1,5", "1e3", "1.2345", "፫", "1 000", "١٬٠٠٠"]
        {
            check(3, bad, None);
        }
        assert_eq!(print_units(&commodity(2), -5), "-0.05 kg");
    }
}
