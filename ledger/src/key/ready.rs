//! Keys kept ready by whoever takes in what others signed: a few dozen sign everything, again and again.

use std::collections::BTreeMap;

use super::{Context, Prepared, PublicKey, Signature};
use crate::block::{Block, BlockFault, Verified};
use crate::id::{FederationId, FeedId, ProgrammeId};
use crate::ticket::Sent;
use crate::wire;

/// How often a key is met before it is prepared: preparing takes as long as some four verifications.
const OFTEN: u32 = 6;
/// How many keys are prepared at most: 4 MB, beside 2 MB for the base point.
const MOST: usize = 32;
/// How many keys are counted at most.
const MET: usize = 1_024;

/// Keys that were met, those met most often ready to verify. Which of them are changes how long an answer takes, never the
/// answer: that of [`PublicKey::verifies`].
#[derive(Debug, Default)]
pub struct Ready {
    met: BTreeMap<PublicKey, u32>,
    /// `None` for a key under which nothing verifies.
    prepared: BTreeMap<PublicKey, Option<Prepared>>,
}

impl Ready {
    fn verifies(
        &mut self,
        key: &PublicKey,
        (context, federation, feed): (Context, &FederationId, &[u8; 36]),
        message: &[u8],
        signature: &Signature,
    ) -> bool {
        let scope: [&[u8]; 2] = [&federation.0.0, feed];
        if !self.prepared.contains_key(key) && self.prepared.len() < MOST {
            if self.met.len() >= MET {
                self.met.clear();
            }
            let times = self.met.entry(*key).or_default();
            *times = times.saturating_add(1);
            if *times > OFTEN {
                self.met.remove(key);
                self.prepared.insert(*key, Prepared::new(key));
            }
        }
        match self.prepared.get(key) {
            Some(Some(prepared)) => prepared.verifies(context, &scope, message, signature),
            Some(None) => false,
            None => key.verifies(context, &scope, message, signature),
        }
    }

    /// As [`Block::verify`].
    ///
    /// # Errors
    ///
    /// The first [`BlockFault`] that applies.
    pub fn block(
        &mut self,
        federation: &FederationId,
        feed: &FeedId,
        block: &Block,
    ) -> Result<Verified, BlockFault> {
        block.verify_with(feed, || {
            let scope = (Context::Header, federation, &feed.bytes());
            self.verifies(&feed.node, scope, &wire::encode(&block.header), &block.signature)
        })
    }

    /// As [`Sent::verifies`].
    pub fn sent(
        &mut self,
        federation: &FederationId,
        node: &PublicKey,
        sent: &Sent,
        programme: ProgrammeId,
    ) -> bool {
        sent.verifies_with(node, programme, |feed, message| {
            let scope = (Context::Promise, federation, feed);
            self.verifies(node, scope, message, &sent.signature)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Hash;
    use crate::key::odd::{CONTEXT, Case, SCOPE, cases};

    #[test]
    fn s37_odd_signatures_have_the_same_answer_before_and_after_their_key_is_ready() {
        for Case { name, key, message, signature, good } in cases() {
            let mut ready = Ready::default();
            let (federation, feed) = (FederationId(Hash::ZERO), [0; 36]);
            for time in 0..OFTEN + 3 {
                let scope = (CONTEXT, &federation, &feed);
                let answer = ready.verifies(&key, scope, &message[SCOPE..], &signature);
                assert_eq!(answer, good, "{name}, asked {time} times before");
            }
            assert!(ready.prepared.contains_key(&key), "it was made ready meanwhile");
        }
    }

    #[test]
    fn however_many_keys_are_met_few_are_kept() {
        let mut ready = Ready::default();
        let (federation, signature) =
            (FederationId(Hash::ZERO), Signature::Ed25519([[0; 32], [0; 32]]));
        for n in 0..3_000u16 {
            // Half of these are no points of the curve: nothing is computed for them.
            let mut key = [0; 32];
            key[..2].copy_from_slice(&n.to_be_bytes());
            let scope = (CONTEXT, &federation, &[0; 36]);
            assert!(!ready.verifies(&PublicKey::Ed25519(key), scope, &[], &signature));
        }
        assert!(ready.met.len() <= MET && ready.prepared.is_empty());
    }
}
