//! Checking blocks ahead of the thread that folds them: hashes and signatures need the charter and no ledger file.

use std::sync::{Arc, Mutex, PoisonError};

use annona_ledger::block::{Block, BlockFault, Verified};
use annona_ledger::charter::Charter;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::id::{FeedId, ProgrammeId};
use annona_ledger::key::Ready;
use annona_ledger::notice::Roster;
use annona_ledger::ticket::{Sent, Ticket};

use super::work::Work;

/// What blocks are checked against: it stands still as long as the transaction it is of.
pub(crate) struct Checker {
    charter: Arc<Charter>,
    roster: Arc<Roster>,
    ready: Arc<Mutex<Ready>>,
}

/// A block that was checked, and the sends in its claims whose signatures hold.
pub(crate) struct Checked {
    pub(super) verified: Result<Verified, BlockFault>,
    pub(super) vouched: Vec<(Sent, ProgrammeId)>,
}

impl Checker {
    /// Checks a block; `None` where its author is not known, and it will not be taken in.
    pub(crate) fn check(&self, feed: &FeedId, block: &Block) -> Option<Checked> {
        let author = self.roster.node(&feed.node.short())?;
        if author.node != feed.node {
            return None;
        }
        let federation = self.charter.federation();
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = ready.block(&federation, feed, block);
        let mut vouched = Vec::new();
        for placed in verified.iter().flat_map(Verified::entries) {
            let Entry::Value(Value::Claim { ticket, .. }) = &placed.entry else { continue };
            let Ticket::Sent(sent, hops) = &**ticket else { continue };
            for sent in [sent].into_iter().chain(hops.iter()) {
                let keys = self.roster.node_keys(&sent.node);
                if keys.iter().any(|key| ready.sent(&federation, key, sent, feed.programme)) {
                    vouched.push((*sent, feed.programme));
                }
            }
        }
        Some(Checked { verified, vouched })
    }
}

impl Work<'_> {
    /// What checks blocks for this transaction, on another thread.
    pub(crate) fn checker(&self) -> Checker {
        let ready = self.home.as_ref().map(|(home, _)| home.ready.clone()).unwrap_or_default();
        Checker { charter: self.charter.clone(), roster: self.roster.clone(), ready }
    }
}
