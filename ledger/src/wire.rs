//! The only user of postcard: canonical, bounded bytes.
//!
//! postcard by itself accepts over-long varints, trailing bytes and unsorted maps. Here a value is decoded, nothing may
//! be left, and the value is encoded again: anything but the same bytes is refused. So for every type there is exactly
//! one byte string per value (spec/encoding.md).

use std::fmt;
use std::ops::Deref;

use serde::de::{self, DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;

/// Why bytes are not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireFault {
    /// More bytes than this kind of value may have; nothing was decoded.
    #[error("{len} bytes, at most {limit} are allowed here")]
    TooLong {
        /// Bytes found.
        len: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The bytes end early, name an unknown variant, or break a bound.
    #[error("the bytes are not a value of this kind")]
    Malformed,
    /// A value, and then more bytes.
    #[error("{0} bytes are left over after the value")]
    Trailing(usize),
    /// An entry of a kind that belongs to a later version of the format.
    #[error("entry kind {0} is newer than this program: upgrade it")]
    UnknownKind(u8),
    /// A value that has another, shorter spelling.
    #[error("the bytes are not the canonical spelling of their value")]
    NotCanonical,
}

/// Encodes a value. There is one spelling of each.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Encoding into a growing vector fails only for types this crate does not use (unsized sequences, usize lengths
    // unknown in advance); a type that did would fail the round-trip test of its first vector.
    postcard::to_stdvec(value).unwrap_or_default()
}

/// Decodes exactly one value from all of `bytes`.
///
/// # Errors
///
/// [`WireFault`] for too many bytes, anything malformed, left over, or not canonical.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, WireFault> {
    if bytes.len() > limit {
        return Err(WireFault::TooLong { len: bytes.len(), limit });
    }
    let (value, rest) = take(bytes)?;
    if rest.is_empty() { Ok(value) } else { Err(WireFault::Trailing(rest.len())) }
}

/// Decodes one value from the front of `bytes` and returns what is left.
///
/// # Errors
///
/// [`WireFault::Malformed`] and [`WireFault::NotCanonical`].
pub fn take<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), WireFault> {
    let (value, rest) = postcard::take_from_bytes::<T>(bytes).map_err(|_| WireFault::Malformed)?;
    let used = bytes.len().saturating_sub(rest.len());
    let mut matcher = Matcher { want: bytes.get(..used).unwrap_or_default(), at: 0, same: true };
    let flavor = &mut matcher;
    postcard::serialize_with_flavor::<T, &mut Matcher<'_>, ()>(&value, flavor)
        .map_err(|_| WireFault::NotCanonical)?;
    if matcher.same && matcher.at == used {
        Ok((value, rest))
    } else {
        Err(WireFault::NotCanonical)
    }
}

/// Compares what would be written with what was read, without allocating.
struct Matcher<'a> {
    want: &'a [u8],
    at: usize,
    same: bool,
}

impl postcard::ser_flavors::Flavor for &mut Matcher<'_> {
    type Output = ();

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.same &= self.want.get(self.at) == Some(&byte);
        self.at = self.at.saturating_add(1);
        Ok(())
    }

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        // Most pieces are numbers of a few bytes: a call to compare memory would cost more than they do.
        if bytes.len() <= 8 {
            return bytes.iter().try_for_each(|byte| self.try_push(*byte));
        }
        let end = self.at.saturating_add(bytes.len());
        self.same &= self.want.get(self.at..end) == Some(bytes);
        self.at = end;
        Ok(())
    }

    fn finalize(self) -> postcard::Result<()> {
        Ok(())
    }
}

/// A list of at most `MAX` values; a longer one is refused before anything is allocated for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bounded<T, const MAX: usize>(Vec<T>);

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// Takes over a list.
    ///
    /// # Errors
    ///
    /// [`WireFault::TooLong`] where it has more than `MAX` values.
    pub fn new(values: Vec<T>) -> Result<Self, WireFault> {
        if values.len() > MAX {
            return Err(WireFault::TooLong { len: values.len(), limit: MAX });
        }
        Ok(Self(values))
    }

    /// An empty list.
    #[must_use]
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Hands the values back.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<T, const MAX: usize> Deref for Bounded<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Serialize, const MAX: usize> Serialize for Bounded<T, MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct List<T, const MAX: usize>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
            type Value = Vec<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX} values")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
                if seq.size_hint().is_some_and(|n| n > MAX) {
                    return Err(de::Error::custom("too many values"));
                }
                // Grows as values really arrive: a claimed length alone allocates nothing.
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    if values.len() >= MAX {
                        return Err(de::Error::custom("too many values"));
                    }
                    values.push(value);
                }
                Ok(values)
            }
        }
        d.deserialize_seq(List::<T, MAX>(std::marker::PhantomData)).map(Self)
    }
}

/// At most `MAX` bytes; more are refused before anything is allocated for them. Spelt like a list of bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Bytes<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> Bytes<MAX> {
    /// Takes over bytes.
    ///
    /// # Errors
    ///
    /// [`WireFault::TooLong`] where there are more than `MAX`.
    pub fn new(bytes: Vec<u8>) -> Result<Self, WireFault> {
        if bytes.len() > MAX {
            return Err(WireFault::TooLong { len: bytes.len(), limit: MAX });
        }
        Ok(Self(bytes))
    }

    /// Hands the bytes back.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> Deref for Bytes<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> fmt::Debug for Bytes<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<const MAX: usize> Serialize for Bytes<MAX> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_bytes(&self.0)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Bytes<MAX> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Run<const MAX: usize>;
        impl<const MAX: usize> Visitor<'_> for Run<MAX> {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "at most {MAX} bytes")
            }
            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                if bytes.len() > MAX {
                    Err(E::custom("too many bytes"))
                } else {
                    Ok(bytes.to_vec())
                }
            }
        }
        d.deserialize_bytes(Run::<MAX>).map(Self)
    }
}

/// A name in a charter: 1 to 64 bytes of text without control characters or bidirectional overrides.
///
/// Whether it is NFC is checked where it is typed in, not here: the tables of NFC grow with each Unicode version, and
/// two nodes with different tables must not disagree about an article.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Name(String);

impl Name {
    /// Checks and takes over a text.
    ///
    /// # Errors
    ///
    /// [`WireFault::TooLong`] or [`WireFault::Malformed`].
    pub fn new(text: &str) -> Result<Self, WireFault> {
        if text.len() > limits::NAME_BYTES {
            return Err(WireFault::TooLong { len: text.len(), limit: limits::NAME_BYTES });
        }
        let hidden = |c: char| {
            c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        };
        if text.trim().is_empty() || text.trim() != text || text.chars().any(hidden) {
            return Err(WireFault::Malformed);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name of 1 to 64 bytes")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name, E> {
                Name::new(text).map_err(E::custom)
            }
        }
        d.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_is_a_value() {
        #[track_caller]
        fn check<T>(bytes: &[u8], want: Result<T, WireFault>)
        where
            T: Serialize + DeserializeOwned + fmt::Debug + PartialEq,
        {
            assert_eq!(decode::<T>(bytes, 64), want);
        }
        check::<u64>(&[0x80, 0x01], Ok(128));
        check::<u64>(&[0x80, 0x80, 0x00], Err(WireFault::NotCanonical));
        check::<u64>(&[0x05, 0xff], Err(WireFault::Trailing(1)));
        check::<u64>(&[], Err(WireFault::Malformed));
        check::<bool>(&[2], Err(WireFault::Malformed));
        check::<Bounded<u8, 2>>(&[2, 1, 2], Ok(Bounded(vec![1, 2])));
        check::<Bounded<u8, 2>>(&[0x82, 0x00, 1, 2], Err(WireFault::NotCanonical));
        check::<Bounded<u8, 2>>(&[3, 1, 2, 3], Err(WireFault::Malformed));
        check::<Bounded<u8, 2>>(&[0xff, 0xff, 0xff, 0xff, 0x0f], Err(WireFault::Malformed));
        check::<Bytes<2>>(&[2, 1, 2], Ok(Bytes(vec![1, 2])));
        check::<Bytes<2>>(&[3, 1, 2, 3], Err(WireFault::Malformed));
        check::<Bytes<2>>(&[2, 1], Err(WireFault::Malformed));
        check::<u8>(&[0; 65], Err(WireFault::TooLong { len: 65, limit: 64 }));
    }

    #[test]
    fn names_are_short_visible_text() {
        for good in ["Rice", "أرز", "ሩዝ", "चावल 5 kg"] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", " ", " Rice", "Ri\nce", "\u{202e}eciR", &"x".repeat(65)] {
            assert!(Name::new(bad).is_err(), "{bad:?}");
        }
    }
}
