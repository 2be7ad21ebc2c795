//! What others show of this node's own word: tickets they took up, and entries that were shown to them. An image that was
//! put back agrees with everybody on what was sealed, and has lost what it promised since: nobody holds that as a block, and
//! whoever took it up carries it in a block of its own, under this node's signature.

use annona_ledger::block::Block;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::{leaf, step};
use annona_ledger::id::{FeedId, Lane, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::orphan::Shown;
use annona_ledger::ticket::{Sent, Ticket};
use annona_ledger::view::View;

use super::StoreFault;
use super::work::Work;

/// Something this node has said, as somebody else shows it.
enum Word {
    Sent(Sent),
    Shown(Shown),
}

/// A word of a node that does not stand in its feed here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lost {
    /// The feed.
    pub(crate) feed: FeedId,
    /// How many entries it had at least when it was said.
    pub(crate) theirs: u64,
    /// How many are here.
    pub(crate) have: u64,
}

impl Work<'_> {
    /// What a block of somebody else shows of the word of the node `own` that does not stand in its feed here. Only what
    /// bears its signature counts: anybody can write down a number.
    pub(crate) fn lost_word(
        &self,
        own: &PublicKey,
        feed: &FeedId,
        block: &Block,
    ) -> Result<Option<Lost>, StoreFault> {
        let short = own.short();
        // A block that does not name this node has nothing of it; nearly none does.
        if feed.lane != Lane::Value || !block.body.windows(short.len()).any(|some| some == short) {
            return Ok(None);
        }
        let entries = block.read(Lane::Value)?.into_iter().map(|placed| placed.entry);
        self.lost_word_in(own, feed, entries.collect())
    }

    /// The same, of entries.
    pub(crate) fn lost_word_in(
        &self,
        own: &PublicKey,
        feed: &FeedId,
        entries: Vec<Entry>,
    ) -> Result<Option<Lost>, StoreFault> {
        let short = own.short();
        let mut words = Vec::new();
        for entry in entries {
            match entry {
                Entry::Value(Value::Claim { ticket, .. }) => {
                    if let Ticket::Sent(sent, hops) = *ticket {
                        words
                            .extend([sent].into_iter().chain(hops.iter().copied()).map(Word::Sent));
                    }
                }
                Entry::Value(Value::Orphan(orphan)) => {
                    words.extend(orphan.sends.iter().copied().map(Word::Sent));
                    if orphan.node == short {
                        words.extend(orphan.shown.iter().cloned().map(Word::Shown));
                    }
                }
                Entry::Value(_) | Entry::Registry(_) | Entry::Control(_) | Entry::Later(_) => {}
            }
        }
        let federation = self.charter().federation();
        let programme: ProgrammeId = feed.programme;
        let mine = FeedId { node: *own, lane: Lane::Value, programme };
        let mut lost: Option<Lost> = None;
        for word in words {
            // Its place, and the accumulator after it.
            let (index, after) = match &word {
                Word::Sent(sent) if sent.node == short => (sent.index, sent.accumulator()),
                Word::Shown(Shown::Promised { index, before, entry, .. }) => {
                    (*index, step(before, &leaf(entry)))
                }
                Word::Sent(_) | Word::Shown(Shown::Sealed { .. }) => continue,
            };
            let next = index.saturating_add(1);
            let chains = self.chains_of(&mine);
            let said = |chain| self.accumulator(chain, next) == Some(after);
            if chains.iter().any(|known| said(known.chain)) {
                continue;
            }
            // Below what this file begins with nothing can be compared, and nothing was lost there.
            let floor = chains.iter().filter_map(|known| self.floor(known.chain));
            if floor.map(|floor| floor.head.next).max().is_some_and(|floor| next <= floor) {
                continue;
            }
            let signed = match &word {
                Word::Sent(sent) => sent.verifies(&federation, own, programme),
                Word::Shown(shown) => shown.verifies(&federation, own, programme),
            };
            if signed && lost.is_none_or(|lost| lost.theirs < next) {
                let have = chains.iter().map(|known| known.head.next).max().unwrap_or(0);
                lost = Some(Lost { feed: mine, theirs: next, have });
            }
        }
        self.check()?;
        Ok(lost)
    }
}
