//! What a wallet signs where it pays, and the proof that there are two of it (spec/wallet.md).
//!
//! A spend names the one before it: a key that signed twice at one place of its own history was copied, or its keeper
//! cheats. Either way the two signatures show it to anybody, and no ledger is needed to look.

#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::hash::{Hash, Purpose, hash, keyed};
use crate::id::{CarrierId, Commitment, CommodityId, FederationId, Nonce, ProgrammeId, Purse};
use crate::key::{PublicKey, Signature};
use crate::limits;
use crate::statement::{Stated, Statement};
use crate::time::DayNo;
use crate::wire::{self, WireFault};

/// One item she pays for, at one till, answering one bill.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Spend {
    /// The programme.
    pub programme: ProgrammeId,
    /// The purse this key holds.
    pub purse: Purse,
    /// The node whose bill it answers.
    pub node: [u8; 8],
    /// The bill's number.
    pub nonce: Nonce,
    /// The bill's day: it pays on no other.
    pub on: DayNo,
    /// Of what.
    pub commodity: CommodityId,
    /// At most so much.
    pub amount: Amount,
    /// Which of this key's it is, counted from 1.
    pub counter: u64,
    /// The one before it ([`Spend::hash`]); zeros before the first.
    pub previous: Hash,
}

impl Spend {
    /// The last counter that is taken: what a ledger file keeps in order.
    pub const LAST: u64 = u64::MAX >> 1;

    /// What the next one names it by.
    #[must_use]
    pub fn hash(&self, federation: &FederationId, key: &PublicKey) -> Hash {
        let parts: [&[u8]; 4] = [b"spend", &federation.0.0, key.bytes(), &wire::encode(self)];
        hash(Purpose::Lookup, &parts)
    }
}

/// What ties a purse's key to the carrier on the registry feed, for whoever is shown the salt. [The carrier itself was
/// refused: beside a hand-out it would have led from every purse to the pseudonym, and from cycle to cycle.]
#[must_use]
pub fn tied(salt: &[u8; 32], key: &PublicKey) -> Commitment {
    Commitment(keyed(Purpose::Commitment, salt, &[b"wallet", key.bytes()]))
}

/// What a wallet is called on the registry feed of a programme.
#[must_use]
pub fn carrier(salt: &[u8; 32], programme: ProgrammeId) -> CarrierId {
    let name = keyed(Purpose::Lookup, salt, &[b"wallet", &programme.0.to_be_bytes()]);
    let mut carrier = [0; 16];
    carrier.copy_from_slice(&name.0[..16]);
    CarrierId(carrier)
}

/// Two spends of one key at one place of its history.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CloneProof {
    /// Of which federation.
    pub federation: FederationId,
    /// The key.
    pub key: PublicKey,
    /// One.
    pub one: (Spend, Signature),
    /// The other.
    pub other: (Spend, Signature),
}

/// Why two spends show nothing. The first that applies is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[repr(u8)]
pub enum NoClone {
    /// One of them is not signed by the key.
    #[error("one of the two is not signed by this key for this federation")]
    Unsigned = 1,
    /// They are one.
    #[error("it is one signature twice")]
    Same = 2,
    /// They do not stand at one place.
    #[error("the two do not stand at one place of the key's history")]
    Apart = 3,
}

impl CloneProof {
    /// Of two spends that stand at one place, in the order of their bytes.
    #[must_use]
    pub fn of(
        federation: FederationId,
        key: PublicKey,
        one: (Spend, Signature),
        other: (Spend, Signature),
    ) -> Self {
        let (one, other) = if wire::encode(&one.0) <= wire::encode(&other.0) {
            (one, other)
        } else {
            (other, one)
        };
        Self { federation, key, one, other }
    }

    /// Checks that one key signed two spends at one place of its history: with the same counter, or after the same one.
    ///
    /// # Errors
    ///
    /// The first [`NoClone`] that applies.
    pub fn check(&self) -> Result<(), NoClone> {
        let signed = |(spend, signature): &(Spend, Signature)| {
            let stated = Stated { operator: self.key, signature: *signature };
            Statement::Spend(*spend).is_by(&self.federation, &stated)
        };
        if !signed(&self.one) || !signed(&self.other) {
            return Err(NoClone::Unsigned);
        }
        let (one, other) = (&self.one.0, &self.other.0);
        if one == other {
            return Err(NoClone::Same);
        }
        let together = one.counter == other.counter || one.previous == other.previous;
        if together { Ok(()) } else { Err(NoClone::Apart) }
    }

    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are no two spends.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::EVIDENCE_BYTES)
    }
}
