//! The keys an audit meets, and the signatures under them: a few dozen nodes sign everything.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};

use crate::hash::Hash;
use crate::id::FederationId;
use crate::key::{Context, Prepared, PublicKey, Signature};
use crate::notice::Roster;

/// How often a key is met before it is prepared: preparing takes as long as some four verifications.
const OFTEN: usize = 6;
/// How many keys are prepared at most: at 133 kB each, a fifth of the memory an audit may take besides its lots.
const MOST: usize = 96;
/// Kept apart by their first bits, so that threads seldom wait for each other.
const SHARDS: usize = 16;
/// How many good tickets a shard remembers, each in a place of its own, a megabyte in all. A newer one takes the place of
/// an older: what a site was supplied with stands behind every ticket it sends and is asked about again and again, while of
/// all those tickets hardly one ever is.
const TICKETS: usize = 1 << 11;

/// The node keys of a roster, ready to verify. Which of them are prepared changes how long an answer takes, never the
/// answer.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: BTreeMap<PublicKey, Known>,
    prepared: AtomicUsize,
    /// Tickets whose signatures hold, by a hash over name and signature.
    good: [Mutex<Vec<Option<Hash>>>; SHARDS],
}

/// The place of a ticket in its shard.
fn place(ticket: &Hash) -> usize {
    usize::from(u16::from_le_bytes([ticket.0[1], ticket.0[2]])) % TICKETS
}

#[derive(Debug, Default)]
struct Known {
    met: AtomicUsize,
    prepared: OnceLock<Option<Prepared>>,
}

impl Keys {
    pub(super) fn of(roster: &Roster) -> Self {
        let keys = roster.nodes().flat_map(|node| roster.node_keys(&node.short()));
        Self { known: keys.map(|key| (key, Known::default())).collect(), ..Self::default() }
    }

    fn shard(&self, ticket: &Hash) -> Option<MutexGuard<'_, Vec<Option<Hash>>>> {
        self.good.get(usize::from(ticket.0[0]) % SHARDS)?.lock().ok()
    }

    /// Whether a ticket was kept as good.
    pub(super) fn holds(&self, ticket: &Hash) -> bool {
        self.shard(ticket).is_some_and(|good| good.get(place(ticket)) == Some(&Some(*ticket)))
    }

    /// Keeps a ticket as good, in the place of another.
    pub(super) fn keep(&self, ticket: Hash) {
        let Some(mut good) = self.shard(&ticket) else { return };
        good.resize(TICKETS, None);
        if let Some(kept) = good.get_mut(place(&ticket)) {
            *kept = Some(ticket);
        }
    }

    /// The same as [`PublicKey::verifies`] under a scope that begins with a federation.
    pub(super) fn verifies(
        &self,
        key: &PublicKey,
        (context, federation, feed): (Context, &FederationId, &[u8; 36]),
        message: &[u8],
        signature: &Signature,
    ) -> bool {
        let scope: [&[u8]; 2] = [&federation.0.0, feed];
        let plain = || key.verifies(context, &scope, message, signature);
        let Some(known) = self.known.get(key) else { return plain() };
        let ready = known.prepared.get().or_else(|| {
            let often = known.met.fetch_add(1, Ordering::Relaxed) == OFTEN;
            let room = || self.prepared.fetch_add(1, Ordering::Relaxed) < MOST;
            (often && room()).then(|| known.prepared.get_or_init(|| Prepared::new(key)))
        });
        match ready {
            Some(Some(prepared)) => prepared.verifies(context, &scope, message, signature),
            Some(None) => false,
            None => plain(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::odd::{CONTEXT, Case, SCOPE, cases};

    #[test]
    fn s37_an_audit_answers_odd_signatures_the_same_before_and_after_it_prepares_their_key() {
        for Case { name, key, message, signature, good } in cases() {
            let known = [(key, Known::default())].into();
            let keys = Keys { known, ..Keys::default() };
            let (federation, feed) = (FederationId(Hash::ZERO), [0; 36]);
            for time in 0..OFTEN + 3 {
                let scope = (CONTEXT, &federation, &feed);
                let answer = keys.verifies(&key, scope, &message[SCOPE..], &signature);
                assert_eq!(answer, good, "{name}, asked {time} times before");
            }
            assert!(keys.known[&key].prepared.get().is_some(), "it was prepared meanwhile");
        }
    }
}
