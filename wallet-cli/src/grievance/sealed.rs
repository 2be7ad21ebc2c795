//! A complaint on its way to who reads it: a file only that node opens.
//!
//! ```text
//! "annona complain\n"   16 bytes
//! complaint             32, its commitment on the ledger
//! wrapped               80, a key for the reader's node (HPKE)
//! sealed                32 bytes that the commitment hides, and the text, under that key
//! ```

use annona_ledger::consent::{Secret, random_commitment};
use annona_ledger::hash::Hash;
use annona_ledger::id::{Commitment, FederationId};
use annona_node::envelope::{self, WRAPPED};
use annona_node::seal::Key;
use zeroize::Zeroizing;

use crate::fault::{Fault, Outcome};

const MAGIC: &[u8; 16] = b"annona complain\n";
/// The longest such file, in bytes.
pub(super) const MOST: usize = super::open::MOST + 256;

fn info(federation: &FederationId, complaint: &Commitment) -> Vec<u8> {
    [b"annona 2026 v1 complaint".as_slice(), &federation.0.0, &complaint.0.0].concat()
}

/// Seals a complaint to its reader.
pub(super) fn seal(
    federation: &FederationId,
    complaint: &Commitment,
    to: &[u8; 32],
    (code, text): (&[u8; 32], &[u8]),
) -> Outcome<Vec<u8>> {
    let (info, key) = (info(federation, complaint), Key::random()?);
    let wrapped = envelope::wrap(to, &info, &key)
        .map_err(|_| Fault::input("the reader's certificate has no key to seal to."))?;
    let plain = Zeroizing::new([code.as_slice(), text].concat());
    Ok([&MAGIC[..], &complaint.0.0, &wrapped, &key.seal(&info, &plain)?].concat())
}

/// Opens one with the reader's secret, and makes sure that it is the one the ledger means.
pub(super) fn open(
    federation: &FederationId,
    secret: &[u8; 32],
    file: &[u8],
) -> Outcome<(Commitment, Zeroizing<Vec<u8>>)> {
    let none = || Fault::input("this is no sealed complaint.");
    let rest = file.strip_prefix(MAGIC).ok_or_else(none)?;
    let (complaint, rest) = rest.split_first_chunk::<32>().ok_or_else(none)?;
    let (wrapped, sealed) = rest.split_first_chunk::<WRAPPED>().ok_or_else(none)?;
    let complaint = Commitment(Hash(*complaint));
    let info = info(federation, &complaint);
    let ours = || Fault::refused("it was sealed for another node, or changed on the way.");
    let key = envelope::unwrap(secret, &info, wrapped).map_err(|_| ours())?;
    let plain = key.open(&info, sealed).map_err(|_| ours())?;
    let (code, text) = plain.split_first_chunk::<32>().ok_or_else(none)?;
    let mut code = *code;
    if random_commitment(&Secret::take(&mut code), text) != complaint {
        return Err(Fault::refused("its text is not that of the complaint on the ledger."));
    }
    Ok((complaint, Zeroizing::new(text.to_vec())))
}
