//! The keys an audit meets, and the signatures under them: a few dozen nodes sign everything.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::id::FederationId;
use crate::key::{Context, Prepared, PublicKey, Signature};
use crate::notice::Roster;

/// How often a key is met before it is prepared: preparing takes as long as some four verifications.
const OFTEN: usize = 6;
/// How many keys are prepared at most: at 133 kB each, half of the memory an audit may take besides its lots.
const MOST: usize = 192;

/// The node keys of a roster, ready to verify. Which of them are prepared changes how long an answer takes, never the
/// answer.
#[derive(Debug, Default)]
pub(super) struct Keys {
    known: BTreeMap<PublicKey, Known>,
    prepared: AtomicUsize,
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
