//! Blocks that were folded last, as bytes: a refund names a redemption that stands few blocks before it.

use std::collections::VecDeque;

use annona_ledger::block::Verified;
use annona_ledger::entry::Entry;
use annona_ledger::id::Lane;
use annona_ledger::view::{At, ChainNo};
use annona_ledger::wire::WireFault;

/// Bytes of bodies and places kept at most: some three hundred blocks, for feeds take turns.
const BYTES: usize = 1024 * 1024;

/// The bodies of blocks of which every entry was checked, the newest last.
#[derive(Default)]
pub(super) struct Recent {
    blocks: VecDeque<Body>,
    bytes: usize,
}

struct Body {
    chain: ChainNo,
    first: u64,
    /// Where each entry begins.
    starts: Vec<u16>,
    bytes: Vec<u8>,
}

impl Body {
    fn size(&self) -> usize {
        self.bytes.len().saturating_add(self.starts.len().saturating_mul(2))
    }
}

impl Recent {
    /// Keeps a block's body; the oldest make room for it.
    pub(super) fn push(&mut self, chain: ChainNo, verified: &Verified, body: &[u8]) {
        let starts = verified.entries().iter().map(|placed| placed.start).collect();
        let body = Body { chain, first: verified.header().first, starts, bytes: body.to_vec() };
        self.bytes = self.bytes.saturating_add(body.size());
        self.blocks.push_back(body);
        while self.bytes > BYTES
            && let Some(oldest) = self.blocks.pop_front()
        {
            self.bytes = self.bytes.saturating_sub(oldest.size());
        }
    }

    /// The bytes from an entry on to the end of its block, if that is here.
    fn onwards(&self, at: At) -> Option<&[u8]> {
        self.blocks.iter().rev().filter(|body| body.chain == at.chain).find_map(|body| {
            let place = usize::try_from(at.index.checked_sub(body.first)?).ok()?;
            body.bytes.get(usize::from(*body.starts.get(place)?)..)
        })
    }

    /// The entry at a place, if its block is here.
    ///
    /// # Errors
    ///
    /// [`WireFault`] for bytes that were no entry when they were checked: never.
    pub(super) fn entry(&self, at: At, lane: Lane) -> Option<Result<Entry, WireFault>> {
        Some(Entry::take(lane, self.onwards(at)?).map(|(entry, _)| entry))
    }
}
