//! Every wire type has one spelling: what a value is encoded to decodes to it alone, and nothing near it is read as
//! anything that is spelt otherwise.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::wire;

/// More than any sample takes.
const LIMIT: usize = 1 << 20;

/// The shape of a value whose spelling was tried: whole, cut anywhere, with a byte more, and with every bit turned.
#[track_caller]
pub(super) fn of<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> String {
    let bytes = wire::encode(value);
    assert_eq!(wire::decode::<T>(&bytes, LIMIT).as_ref(), Ok(value), "what was written is read");
    let one_spelling = |bytes: &[u8]| {
        if let Ok(read) = wire::decode::<T>(bytes, LIMIT) {
            assert_eq!(wire::encode(&read), bytes, "{read:?} has two spellings");
        }
    };
    (0..bytes.len()).for_each(|end| one_spelling(&bytes[..end]));
    one_spelling(&[&bytes[..], &[0]].concat());
    for bit in 0..bytes.len() * 8 {
        let mut turned = bytes.clone();
        turned[bit / 8] ^= 1 << (bit % 8);
        one_spelling(&turned);
    }
    super::of(value)
}
