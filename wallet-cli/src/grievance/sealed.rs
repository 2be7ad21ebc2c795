//! A complaint on its way to who reads it: the 32 bytes that its commitment hides, and its text.

use std::path::Path;

use annona_ledger::consent::{Secret, random_commitment};
use annona_ledger::id::{Commitment, FederationId};
use annona_node::node::Node;
use zeroize::Zeroizing;

use crate::fault::{Fault, Outcome};
use crate::sealed::Kind;

const KIND: Kind = Kind {
    magic: b"annona complain\n",
    purpose: b"annona 2026 v1 complaint",
    most: super::open::MOST + 320,
    none: "this is no sealed complaint.",
};

/// Seals a complaint to its reader.
pub(super) fn seal(
    federation: &FederationId,
    complaint: &Commitment,
    to: &[u8; 32],
    (code, text): (&[u8; 32], &[u8]),
) -> Outcome<Vec<u8>> {
    let plain = Zeroizing::new([code.as_slice(), text].concat());
    KIND.seal(federation, complaint, to, &plain)
}

/// Opens one, and makes sure that it is the one the ledger means.
pub(super) fn open(node: &Node, path: &Path) -> Outcome<(Commitment, Zeroizing<Vec<u8>>)> {
    let (complaint, plain) = KIND.open(node, path)?;
    let (code, text) = plain
        .split_first_chunk::<32>()
        .ok_or_else(|| Fault::input(KIND.none).at(path.display()))?;
    let mut code = *code;
    if random_commitment(&Secret::take(&mut code), text) != complaint {
        let other = "its text is not that of the complaint on the ledger.";
        return Err(Fault::refused(other).at(path.display()));
    }
    Ok((complaint, Zeroizing::new(text.to_vec())))
}
