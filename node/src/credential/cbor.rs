//! CBOR (RFC 8949), as much of it as COSE and CWT need: written deterministically, and read into a small tree with limits.
//!
//! By hand: it is a byte of kind and length before each item, and a library that reads everything would have to be kept
//! from half of it. Read: definite lengths, no key twice, at most [`MAX_DEPTH`] deep and [`MAX_ITEMS`] items. Map keys in
//! any order and heads longer than needed are accepted, since others write them (spec/cards.md).

/// How deep an item may lie.
pub(super) const MAX_DEPTH: u8 = 8;
/// How many items there may be in all.
pub(super) const MAX_ITEMS: usize = 512;

/// One item. Texts and bytes are borrowed from what was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Item<'a> {
    /// A whole number.
    Number(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Tag(u64, Box<Self>),
    /// A fraction, null, yes or no, or a whole number past 63 bits: nothing that is used here.
    Other,
}

impl<'a> Item<'a> {
    /// Reads exactly one item.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader { rest: bytes, left: MAX_ITEMS };
        let item = reader.item(0)?;
        reader.rest.is_empty().then_some(item)
    }

    /// The value of a number in a map.
    pub(super) fn at(&self, key: i64) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(k, _)| *k == Self::Number(key)).map(|(_, value)| value)
    }

    /// The value of a text in a map.
    pub(super) fn named(&self, key: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs
            .iter()
            .find(|(k, _)| matches!(k, Self::Text(text) if *text == key))
            .map(|(_, value)| value)
    }

    pub(super) fn as_bytes(&self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    pub(super) fn as_text(&self) -> Option<&'a str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A number that is not negative.
    pub(super) fn as_u64(&self) -> Option<u64> {
        if let Self::Number(number) = self { u64::try_from(*number).ok() } else { None }
    }
}

/// What is left to be read: bytes, and items that may still come.
struct Reader<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    /// The kind of the next item (0 to 7), how its argument is written, and the argument.
    fn head(&mut self) -> Option<(u8, u8, u64)> {
        let [first] = *self.take(1)? else { return None };
        let (kind, form) = (first >> 5, first & 0x1f);
        let argument = match form {
            0..=23 => u64::from(form),
            24..=27 => {
                let bytes = self.take(1 << (form - 24))?;
                bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))
            }
            // 28 to 30 are nobody's; 31 is a length that is not said.
            _ => return None,
        };
        Some((kind, form, argument))
    }

    fn item(&mut self, depth: u8) -> Option<Item<'a>> {
        self.left = self.left.checked_sub(1)?;
        if depth > MAX_DEPTH {
            return None;
        }
        let next = depth + 1;
        let (kind, form, argument) = self.head()?;
        let number = i64::try_from(argument);
        Some(match kind {
            0 => number.map_or(Item::Other, Item::Number),
            1 => number.map_or(Item::Other, |n| Item::Number(-1 - n)),
            2 => Item::Bytes(self.take(argument)?),
            3 => Item::Text(std::str::from_utf8(self.take(argument)?).ok()?),
            4 => {
                // The number of items is a claim: nothing is allocated on its word.
                let mut items = Vec::new();
                for _ in 0..argument {
                    items.push(self.item(next)?);
                }
                Item::Array(items)
            }
            5 => {
                let mut pairs: Vec<(Item<'a>, Item<'a>)> = Vec::new();
                for _ in 0..argument {
                    let key = self.item(next)?;
                    if !matches!(key, Item::Number(_) | Item::Text(_))
                        || pairs.iter().any(|(k, _)| *k == key)
                    {
                        return None;
                    }
                    pairs.push((key, self.item(next)?));
                }
                Item::Map(pairs)
            }
            6 => Item::Tag(argument, Box::new(self.item(next)?)),
            // No, yes, null, undefined; half, single and double fractions. A simple value has one spelling.
            _ => match form {
                20..=23 | 25..=27 => Item::Other,
                _ => return None,
            },
        })
    }
}

/// Something to be written. Maps are written in the order of RFC 8949, 4.2.1, whatever order they are given in.
pub(super) enum Out<'a> {
    Number(i64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Vec<Self>),
    Map(Vec<(Self, Self)>),
    Tag(u64, Box<Self>),
}

impl Out<'_> {
    /// The bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    fn write(&self, out: &mut Vec<u8>) {
        let length = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        match self {
            Self::Number(number) => match u64::try_from(*number) {
                Ok(number) => head(out, 0, number),
                // −1 is 0, −2 is 1: the bits the other way round.
                Err(_) => head(out, 1, (!number).unsigned_abs()),
            },
            Self::Bytes(bytes) => {
                head(out, 2, length(bytes.len()));
                out.extend_from_slice(bytes);
            }
            Self::Text(text) => {
                head(out, 3, length(text.len()));
                out.extend_from_slice(text.as_bytes());
            }
            Self::Array(items) => {
                head(out, 4, length(items.len()));
                items.iter().for_each(|item| item.write(out));
            }
            Self::Map(pairs) => {
                head(out, 5, length(pairs.len()));
                let mut sorted: Vec<(Vec<u8>, &Self)> =
                    pairs.iter().map(|(key, value)| (key.encode(), value)).collect();
                sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
                for (key, value) in sorted {
                    out.extend_from_slice(&key);
                    value.write(out);
                }
            }
            Self::Tag(tag, item) => {
                head(out, 6, *tag);
                item.write(out);
            }
        }
    }
}

/// Kind and argument in the fewest bytes.
fn head(out: &mut Vec<u8>, kind: u8, argument: u64) {
    let bytes = argument.to_be_bytes();
    let (form, from) = match argument {
        0..=23 => (bytes[7], 8),
        24..=0xff => (24, 7),
        0x100..=0xffff => (25, 6),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 0),
    };
    out.push(kind << 5 | form);
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_written_in_one_order_and_read_in_any() {
        use Out::{Map, Number, Text};
        let one = Map(vec![
            (Number(169), Number(1)),
            (Text("b"), Number(2)),
            (Number(-1), Text("é")),
            (Number(4), Number(3)),
        ]);
        let bytes = one.encode();
        assert_eq!(
            bytes,
            [0xa4, 0x04, 0x03, 0x18, 0xa9, 0x01, 0x20, 0x62, 0xc3, 0xa9, 0x61, b'b', 0x02]
        );
        let read = Item::read(&bytes).expect("one item");
        assert_eq!(read.at(169).and_then(Item::as_u64), Some(1));
        assert_eq!(read.named("b").and_then(Item::as_u64), Some(2));
        assert_eq!(read.at(-1).and_then(Item::as_text), Some("é"));
        let longer = [0xa1, 0x19, 0x00, 0x04, 0x1b, 0, 0, 0, 0, 0, 0, 0, 3];
        assert_eq!(Item::read(&longer).and_then(|i| i.at(4)?.as_u64()), Some(3));
    }

    /// Examples of RFC 8949, appendix A.
    #[test]
    fn numbers_have_the_shortest_heads() {
        for (number, hex) in [
            (0, "00"),
            (23, "17"),
            (24, "1818"),
            (255, "18ff"),
            (256, "190100"),
            (1000, "1903e8"),
            (65_536, "1a00010000"),
            (1_000_000_000_000, "1b000000e8d4a51000"),
            (-1, "20"),
            (-24, "37"),
            (-25, "3818"),
            (-1000, "3903e7"),
            (i64::MIN, "3b7fffffffffffffff"),
        ] {
            let bytes = Out::Number(number).encode();
            assert_eq!(bytes.iter().map(|b| format!("{b:02x}")).collect::<String>(), hex);
            assert_eq!(Item::read(&bytes), Some(Item::Number(number)));
        }
        for other in [&[0x1b, 0xff, 0, 0, 0, 0, 0, 0, 0][..], &[0xf4], &[0xf6], &[0xf9, 0x3c, 0]] {
            assert_eq!(Item::read(other), Some(Item::Other), "{other:?}");
        }
    }

    #[test]
    fn what_is_no_item_or_too_much_is_none() {
        #[track_caller]
        fn check(what: &str, bytes: &[u8]) {
            assert_eq!(Item::read(bytes), None, "{what}");
        }
        check("nothing", &[]);
        check("bytes after the end", &[0x01, 0x01]);
        check("a key twice", &[0xa2, 0x01, 0x01, 0x01, 0x02]);
        check("a key twice, spelt longer", &[0xa2, 0x01, 0x01, 0x18, 0x01, 0x02]);
        check("bytes as a key", &[0xa1, 0x41, 0x01, 0x01]);
        check("an array without end", &[0x9f, 0x01, 0xff]);
        check("a map without end", &[0xbf, 0x01, 0x02, 0xff]);
        check("bytes without end", &[0x5f, 0x41, 0x01, 0xff]);
        check("a break alone", &[0xff]);
        check("a length of nobody", &[0x1c]);
        check("yes, spelt longer", &[0xf8, 0x15]);
        check("a fraction cut short", &[0xfb, 0, 0]);
        check("text that is none", &[0x62, 0xff, 0xfe]);
        check("bytes cut short", &[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
        check("an array of nothing", &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        check("a map of nothing", &[0xbb, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        check("too deep", &[0x81; 200]);
        check("tags too deep", &[0xc1; 200]);
        let many = [&[0x99, 0x02, 0x00][..], &[0x01; 512]].concat();
        check("too many", &many);
        let fits = [&[0x99, 0x01, 0xff][..], &[0x01; 511]].concat();
        assert!(Item::read(&fits).is_some(), "as many as there may be");
    }
}
