//! JSON that is signed: read strictly, and written in its one canonical form (RFC 8785).

use std::fmt::{self, Write};

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The longest text of a credential, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;
/// The longest text of a status list, in bytes.
pub const MAX_LIST: usize = 3 * 1024 * 1024 / 2;
/// How deep a value may lie.
pub const MAX_DEPTH: u8 = 16;
/// The largest whole number every reader of JSON has exactly.
const SAFE: u64 = (1 << 53) - 1;

/// Reads one value: no name twice in an object, at most [`MAX_DEPTH`] deep, nothing after the end. The caller has looked
/// at the length.
#[must_use]
pub fn read(text: &[u8]) -> Option<Value> {
    // UTF-8 first: a lone surrogate or a broken letter is no text, wherever it stands.
    let mut d = serde_json::Deserializer::from_str(std::str::from_utf8(text).ok()?);
    let value = Strict(MAX_DEPTH).deserialize(&mut d).ok()?;
    d.end().ok()?;
    Some(value)
}

#[derive(Clone, Copy)]
struct Strict(u8);

impl Strict {
    fn inside<E: Error>(self) -> Result<Self, E> {
        self.0.checked_sub(1).map(Self).ok_or_else(|| E::custom("too deep"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<Value, D::Error> {
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(Value::Bool(yes))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(n.into())
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(n.into())
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<Value, E> {
        Number::from_f64(n).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut map = Map::new();
        while let Some(name) = pairs.next_key::<String>()? {
            if map.contains_key(&name) {
                return Err(A::Error::custom("a name twice"));
            }
            map.insert(name, pairs.next_value_seed(inside)?);
        }
        Ok(Value::Object(map))
    }
}

/// The canonical form of a value (RFC 8785); `None` where a whole number in it is one that readers round.
#[must_use]
pub fn canonical(value: &Value) -> Option<String> {
    let mut out = String::new();
    write(value, &mut out)?;
    Some(out)
}

fn write(value: &Value, out: &mut String) -> Option<()> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if *yes { "true" } else { "false" }),
        Value::Number(n) => write_number(n, out)?,
        // The escapes of serde_json are those of the standard: short ones where there are, `\u00xx` in small letters
        // below a space, everything else as it is.
        Value::String(text) => out.push_str(&serde_json::to_string(text).ok()?),
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                write(item, out)?;
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut names: Vec<&String> = map.keys().collect();
            // By UTF-16: letters past the first plane stand before some within it.
            names.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
            out.push('{');
            for (place, name) in names.into_iter().enumerate() {
                if place > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::to_string(name).ok()?);
                out.push(':');
                write(map.get(name)?, out)?;
            }
            out.push('}');
        }
    }
    Some(())
}

fn write_number(n: &Number, out: &mut String) -> Option<()> {
    if n.is_u64() || n.is_i64() {
        let size = n.as_u64().or_else(|| n.as_i64().map(i64::unsigned_abs))?;
        (size <= SAFE).then_some(())?;
        return write!(out, "{n}").ok();
    }
    let number = n.as_f64().filter(|n| n.is_finite())?;
    // A whole number too long for 64 bits was read as a fraction, and rounded.
    (number.fract() != 0.0 || number.abs() <= SAFE as f64).then_some(())?;
    write_fraction(number, out)
}

/// A number as ECMAScript writes it (Number::toString): the fewest digits that read back as the same number.
fn write_fraction(number: f64, out: &mut String) -> Option<()> {
    if number == 0.0 {
        out.push('0');
        return Some(());
    }
    if number < 0.0 {
        out.push('-');
    }
    let shortest = format!("{:e}", number.abs());
    let (mantissa, exponent) = shortest.split_once('e')?;
    let mut digits = mantissa.replace('.', "");
    even(&mut digits, number.abs());
    // Where the point stands, counted from before the first digit.
    let point = exponent.parse::<i32>().ok()?.checked_add(1)?;
    let count = i32::try_from(digits.len()).ok()?;
    let zeros = |n: i32| "0".repeat(usize::try_from(n).unwrap_or(0));
    if count <= point && point <= 21 {
        write!(out, "{digits}{}", zeros(point - count)).ok()
    } else if 0 < point && point <= 21 {
        let (whole, rest) = digits.split_at(usize::try_from(point).ok()?);
        write!(out, "{whole}.{rest}").ok()
    } else if -6 < point && point <= 0 {
        write!(out, "0.{}{digits}", zeros(-point)).ok()
    } else {
        let (first, rest) = digits.split_at(1);
        let dot = if rest.is_empty() { "" } else { "." };
        let sign = if point > 0 { '+' } else { '-' };
        write!(out, "{first}{dot}{rest}e{sign}{}", (point - 1).unsigned_abs()).ok()
    }
}

/// Where a number lies just between two texts of so many digits, Rust prints the upper one, ECMAScript the even one.
fn even(digits: &mut String, number: f64) {
    // No double has more than 767 digits, so this is the number itself.
    let exact = format!("{number:.800e}").replace('.', "");
    let (Some(last), count) = (digits.pop(), digits.len() + 1) else { return };
    let below =
        char::from_u32(u32::from(last) - 1).filter(|_| matches!(last, '1' | '3' | '5' | '7' | '9'));
    let half = |below: char| {
        let rest = exact.strip_prefix(digits.as_str())?.strip_prefix(below)?.strip_prefix('5')?;
        let zeros = rest.split('e').next()?;
        (exact.len() > count && zeros.bytes().all(|digit| digit == b'0')).then_some(below)
    };
    let chosen = below.and_then(half).unwrap_or(last);
    digits.push(chosen);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_strict_is_none() {
        #[track_caller]
        fn check(text: &str) {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
        check("");
        check("{");
        check("{} {}");
        check(r#"{"a":1,"a":2}"#);
        check(r#"{"a":1,"\u0061":2}"#);
        check(r#"{"b":{"a":1,"a":1}}"#);
        check("[1,]");
        check("01");
        check("NaN");
        check("1e999");
        check(r#""\ud800""#);
        check(&"[".repeat(17));
        check(&format!("{}{}", "[".repeat(17), "]".repeat(17)));
        check(&"{\"a\":".repeat(100_000));
        assert_eq!(read(b"\"\xff\""), None);
        assert!(read(format!("{}{}", "[".repeat(16), "]".repeat(16)).as_bytes()).is_some());
    }

    /// The numbers and strings of RFC 8785, appendix B and section 3.2.3, as facts of the standard.
    #[test]
    fn numbers_print_as_ecmascript_does() {
        for (bits, text) in [
            (0x0000_0000_0000_0000u64, "0"),
            (0x8000_0000_0000_0000, "0"),
            (0x0000_0000_0000_0001, "5e-324"),
            (0x8000_0000_0000_0001, "-5e-324"),
            (0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308"),
            (0x4340_0000_0000_0000, "9007199254740992"),
            (0x4430_0000_0000_0000, "295147905179352830000"),
            (0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22"),
            (0x44b5_2d02_c7e1_4af6, "1e+23"),
            (0x444b_1ae4_d6e2_ef4e, "999999999999999700000"),
            (0x444b_1ae4_d6e2_ef50, "1e+21"),
            (0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7"),
            (0x3eb0_c6f7_a0b5_ed8d, "0.000001"),
            (0x41b3_de43_5555_5553, "333333333.3333332"),
            (0xbecb_f647_612f_3696, "-0.0000033333333333333333"),
            (0x4314_3ff3_c1cb_0959, "1424953923781206.2"),
        ] {
            let mut out = String::new();
            write_fraction(f64::from_bits(bits), &mut out).expect("a number");
            assert_eq!(out, text);
        }
    }

    #[test]
    fn a_number_reads_back_as_it_was() {
        let text = canonical(&read(b"44444444144444.48888888").expect("read")).expect("canonical");
        assert_eq!(text, "44444444144444.49");
        assert_eq!(canonical(&read(text.as_bytes()).expect("read")), Some(text));
    }

    #[test]
    fn names_stand_in_the_order_of_their_utf16() {
        let value = read(
            "{\"\u{20ac}\":1,\"\\r\":2,\"\u{fb33}\":3,\"1\":4,\"\u{1f600}\":5,\"\u{80}\":6,\"\u{f6}\":7}"
                .as_bytes(),
        );
        assert_eq!(
            canonical(&value.expect("an object")).expect("canonical"),
            "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}"
        );
        let value = read(br#"[56.0, 1E30, "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", null]"#);
        assert_eq!(canonical(&value.expect("a list")), None, "1e30 is rounded by some");
        let value = read(
            br#"{"b":[56.0, 4.50, 2e-3], "a":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/"}"#,
        );
        assert_eq!(
            canonical(&value.expect("a list")).as_deref(),
            Some("{\"a\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\",\"b\":[56,4.5,0.002]}")
        );
        assert_eq!(canonical(&read(b"9007199254740992").expect("read")), None);
        assert_eq!(canonical(&read(b"-9007199254740993").expect("read")), None);
        assert_eq!(canonical(&read(b"18446744073709551617").expect("read")), None);
    }
}
