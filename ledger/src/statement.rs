//! What an operator answers for with her own key: it stands beside entries as evidence, or approves an import
//! (spec/statements.md).

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::consent::{Body, Exception, Outcome};
use crate::hash::Hash;
use crate::id::{
    CarrierId, Commitment, CommodityId, FederationId, FeedRef, Nonce, ProgrammeId, Purse, SlipId,
};
use crate::key::{Context, PublicKey, Signature, SigningKey};
use crate::limits;
use crate::time::{DayNo, Minute};
use crate::wallet::Spend;
use crate::wire::{self, WireFault};

/// A statement of an operator. Variants are only ever added at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Statement {
    /// She made this entry.
    Entry {
        /// The feed it stands in.
        feed: FeedRef,
        /// Its leaf ([`crate::feed::leaf`]).
        leaf: Hash,
    },
    /// She has looked at this registration file and its map, and they may be imported here.
    Import {
        /// The node.
        node: [u8; 8],
        /// The file, by its hash as a file.
        file: Hash,
        /// The map, by its hash as a file.
        map: Hash,
        /// Whether households that are there with other content are replaced.
        update: bool,
    },
    /// What a node's clock showed is right, although all it heard of is long past.
    Clock {
        /// The node.
        node: [u8; 8],
        /// What it showed.
        clock: Minute,
    },
    /// She took this consent: the notice was read, the question was asked, the answer was yes.
    Consent {
        /// The consent's.
        commitment: Commitment,
    },
    /// She decided this complaint.
    Decision {
        /// The complaint's.
        grievance: Commitment,
        /// Whether it is the appeal.
        appeal: bool,
        /// How.
        outcome: Outcome,
        /// On which day.
        on: DayNo,
    },
    /// She stands for this hand-out, to somebody who could not be known otherwise (spec/counter.md).
    HandedOut {
        /// The feed it stands in.
        feed: FeedRef,
        /// Its leaf.
        leaf: Hash,
        /// Why.
        why: Exception,
    },
    /// Whoever brings this paper collects for a household.
    Mandate {
        /// The programme.
        programme: ProgrammeId,
        /// The household's purse.
        purse: Purse,
        /// What the paper is called on the ledger, where it can be cancelled.
        carrier: CarrierId,
        /// Whether she is nobody of the household.
        external: bool,
        /// The last day.
        until: DayNo,
    },
    /// An emergency voucher.
    Voucher {
        /// The programme.
        programme: ProgrammeId,
        /// The household's purse.
        purse: Purse,
        /// Its number: it pays once.
        number: SlipId,
        /// What it is for.
        commodity: CommodityId,
        /// At most so much.
        amount: Amount,
        /// The last day.
        until: DayNo,
    },
    /// An outside reader looked, and says yes or no. This is all that is ever heard of it.
    Attested {
        /// The programme.
        programme: ProgrammeId,
        /// At what it looked.
        body: Body,
        /// Its answer.
        yes: bool,
        /// By which rules of its own it answered.
        policy: u32,
        /// On which day.
        on: DayNo,
        /// The till's challenge.
        nonce: Nonce,
    },
    /// By a node: a file is its own, and for another. What kind of file stands in its hash.
    File {
        /// For whom.
        to: [u8; 8],
        /// The file, by its hash as one.
        file: Hash,
    },
    /// By a registrar's node: whoever has this key holds this purse (spec/wallet.md).
    Holder {
        /// The programme.
        programme: ProgrammeId,
        /// The purse.
        purse: Purse,
        /// The key.
        key: PublicKey,
        /// What ties the key to its carrier ([`crate::wallet::tied`]).
        card: Commitment,
        /// The last day.
        until: DayNo,
    },
    /// By a wallet's key: it pays for this.
    Spend(Spend),
    /// By a wallet's key: she takes this consent back.
    TakenBack {
        /// The consent's.
        commitment: Commitment,
    },
}

/// A statement's author and signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stated {
    /// The operator.
    pub operator: PublicKey,
    /// Over the statement, in the evidence context.
    pub signature: Signature,
}

impl Statement {
    /// Signs with an operator's key.
    #[must_use]
    pub fn sign(&self, federation: &FederationId, operator: &SigningKey) -> Stated {
        let signature = operator.sign(Context::Evidence, &[&federation.0.0], &wire::encode(self));
        Stated { operator: operator.public(), signature }
    }

    /// Whether these are its author and signature.
    #[must_use]
    pub fn is_by(&self, federation: &FederationId, stated: &Stated) -> bool {
        let scope: [&[u8]; 1] = [&federation.0.0];
        let message = wire::encode(self);
        stated.operator.verifies(Context::Evidence, &scope, &message, &stated.signature)
    }
}

impl Stated {
    /// The bytes that stand as evidence.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are no author and signature.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::EVIDENCE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Lane;

    #[test]
    fn a_statement_is_its_authors_in_its_federation_only() {
        let (key, federation) = (SigningKey::from_seed(&[3; 32]), FederationId(Hash([1; 32])));
        let feed = FeedRef { node: [4; 8], lane: Lane::Registry, programme: ProgrammeId(1) };
        let statement = Statement::Entry { feed, leaf: Hash([5; 32]) };
        let stated = statement.sign(&federation, &key);
        assert_eq!(Stated::decode(&stated.encode()), Ok(stated));
        assert!(statement.is_by(&federation, &stated));
        assert!(!statement.is_by(&FederationId(Hash([2; 32])), &stated));
        let other = Statement::Entry { feed, leaf: Hash([6; 32]) };
        assert!(!other.is_by(&federation, &stated));
        let stranger = Stated { operator: SigningKey::from_seed(&[9; 32]).public(), ..stated };
        assert!(!statement.is_by(&federation, &stranger));
    }
}
