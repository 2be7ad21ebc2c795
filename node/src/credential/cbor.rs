//! The only user of minicbor: CBOR (RFC 8949) written deterministically, and read into a small tree with limits.
//!
//! Read: definite lengths, no key twice, at most [`MAX_DEPTH`] deep and [`MAX_ITEMS`] items. Map keys in any order and heads
//! longer than needed are accepted, since others write them (spec/cards.md).

use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};

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
        let mut decoder = Decoder::new(bytes);
        let mut left = MAX_ITEMS;
        let item = read(&mut decoder, 0, &mut left)?;
        (decoder.position() == bytes.len()).then_some(item)
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

fn read<'a>(d: &mut Decoder<'a>, depth: u8, left: &mut usize) -> Option<Item<'a>> {
    *left = left.checked_sub(1)?;
    if depth > MAX_DEPTH {
        return None;
    }
    let next = depth + 1;
    Some(match d.datatype().ok()? {
        Type::U8 | Type::U16 | Type::U32 | Type::U64 => {
            d.u64().ok()?.try_into().map_or(Item::Other, Item::Number)
        }
        Type::I8 | Type::I16 | Type::I32 | Type::I64 => Item::Number(d.i64().ok()?),
        Type::Bytes => Item::Bytes(d.bytes().ok()?),
        Type::String => Item::Text(d.str().ok()?),
        Type::Array => {
            // The number of items is a claim: nothing is allocated on its word.
            let mut items = Vec::new();
            for _ in 0..d.array().ok()?? {
                items.push(read(d, next, left)?);
            }
            Item::Array(items)
        }
        Type::Map => {
            let mut pairs: Vec<(Item<'a>, Item<'a>)> = Vec::new();
            for _ in 0..d.map().ok()?? {
                let key = read(d, next, left)?;
                if !matches!(key, Item::Number(_) | Item::Text(_))
                    || pairs.iter().any(|(k, _)| *k == key)
                {
                    return None;
                }
                pairs.push((key, read(d, next, left)?));
            }
            Item::Map(pairs)
        }
        Type::Tag => Item::Tag(d.tag().ok()?.as_u64(), Box::new(read(d, next, left)?)),
        Type::Int => d.int().map(|_| Item::Other).ok()?,
        Type::Bool => d.bool().map(|_| Item::Other).ok()?,
        Type::Null => d.null().map(|()| Item::Other).ok()?,
        Type::F32 => d.f32().map(|_| Item::Other).ok()?,
        Type::F64 => d.f64().map(|_| Item::Other).ok()?,
        // Indefinite lengths, half floats, undefined, other simple values, a break without a beginning.
        _ => return None,
    })
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
        let mut encoder = Encoder::new(Vec::new());
        // Writing to memory does not fail.
        let written: Result<(), _> = self.write(&mut encoder);
        written.map(|()| encoder.into_writer()).unwrap_or_default()
    }

    fn write(
        &self,
        e: &mut Encoder<Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        let length = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        match self {
            Self::Number(number) => e.i64(*number)?.ok(),
            Self::Bytes(bytes) => e.bytes(bytes)?.ok(),
            Self::Text(text) => e.str(text)?.ok(),
            Self::Array(items) => {
                e.array(length(items.len()))?;
                items.iter().try_for_each(|item| item.write(e))
            }
            Self::Map(pairs) => {
                e.map(length(pairs.len()))?;
                let mut sorted: Vec<(Vec<u8>, &Self)> =
                    pairs.iter().map(|(key, value)| (key.encode(), value)).collect();
                sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
                sorted.iter().try_for_each(|(key, value)| {
                    e.writer_mut().extend_from_slice(key);
                    value.write(e)
                })
            }
            Self::Tag(tag, item) => {
                e.tag(Tag::new(*tag))?;
                item.write(e)
            }
        }
    }
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
