//! Checking blocks ahead of the thread that folds them: hashes and signatures need the charter and no ledger file.

use std::sync::Arc;

use annona_ledger::block::{Block, BlockFault, Verified};
use annona_ledger::charter::Charter;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::id::{FeedId, ProgrammeId};
use annona_ledger::notice::Roster;
use annona_ledger::ticket::{Sent, Ticket};

use super::work::{Work, signed};

/// What blocks are checked against: it stands still as long as the transaction it is of.
pub(crate) struct Checker {
    charter: Arc<Charter>,
    roster: Arc<Roster>,
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
        let verified = block.verify(&self.charter.federation(), feed);
        let mut vouched = Vec::new();
        for placed in verified.iter().flat_map(Verified::entries) {
            let Entry::Value(Value::Claim { ticket, .. }) = &placed.entry else { continue };
            let Ticket::Sent(sent, hops) = &**ticket else { continue };
            let holds = |sent: &&Sent| signed(&self.charter, &self.roster, sent, feed.programme);
            let sends = [sent].into_iter().chain(hops.iter()).filter(holds);
            vouched.extend(sends.map(|sent| (*sent, feed.programme)));
        }
        Some(Checked { verified, vouched })
    }
}

impl Work<'_> {
    /// What checks blocks for this transaction, on another thread.
    pub(crate) fn checker(&self) -> Checker {
        Checker { charter: self.charter.clone(), roster: self.roster.clone() }
    }
}
