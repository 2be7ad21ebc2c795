//! Blocks of others: where each belongs among the chains that are here, and folding it there.

use annona_ledger::block::{self, Block, BlockFault, Evidence, Verified};
use annona_ledger::feed::Head;
use annona_ledger::id::FeedId;
use annona_ledger::limits;
use annona_ledger::view::{At, ChainNo, View};
use rusqlite::params;

use super::StoreFault;
use super::ahead::Checked;
use super::blocks::Feed;
use super::rows::At64;
use super::work::{ChainRow, Work};

/// What became of a block that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It continues its feed, and is folded.
    New,
    /// It was here.
    Known,
    /// It does not continue what is here: these are missing before it.
    Gap {
        /// The first index that is missing.
        have: u64,
    },
    /// It continues an earlier point of its feed than the last: the feed has forked. Kept, and folded.
    Fork {
        /// The first index on which the two differ.
        index: u64,
    },
    /// Its author's certificate is not known here, or there is no such feed.
    AuthorUnknown,
    /// Its author knew a later charter than this node, or writes in programmes this node's charter does not have, of which
    /// its organisation has begun as many feeds as are kept.
    CharterBehind {
        /// The epoch its author knew.
        epoch: u32,
    },
    /// More branches of this feed than are kept.
    TooManyBranches,
}

/// Where a block belongs.
enum Spot {
    End(ChainNo),
    Branch(At),
    Gap(u64),
    /// It may be a branch, and there are as many as are kept.
    Full,
}

impl Work<'_> {
    /// Takes in a block of another node: checked, kept and folded, or told why not.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Block`] for one that is not what its header says; a storage fault.
    pub fn receive(
        &mut self,
        feed: &FeedId,
        block: &Block,
        evidence: Option<&Evidence>,
    ) -> Result<Received, StoreFault> {
        self.receive_checked(feed, block, evidence, None)
    }

    /// The same, of a block that may have been checked beforehand.
    pub(crate) fn receive_checked(
        &self,
        feed: &FeedId,
        block: &Block,
        evidence: Option<&Evidence>,
        checked: Option<Checked>,
    ) -> Result<Received, StoreFault> {
        if let Some(received) = self.lacks(feed) {
            return Ok(received);
        }
        if block.header.epoch > self.charter().epoch() {
            return Ok(Received::CharterBehind { epoch: block.header.epoch });
        }
        // A chain knows the number of its next block: what comes after all of them is new.
        let numbers = self.chain_numbers(feed);
        let next =
            numbers.into_iter().filter_map(|chain| self.chain_row(chain)).map(|row| row.seq).max();
        let perhaps = next.is_some_and(|next| block.header.seq < next);
        let known = if perhaps {
            self.block_named(feed, block.header.seq, &block.header.hash())?
        } else {
            None
        };
        if let Some(known) = known {
            // The name covers neither body nor signature: a copy that was damaged on its way is no copy.
            if known.block != *block {
                block.verify(&self.charter().federation(), feed)?;
            }
            if let Some(evidence) = evidence {
                self.keep_evidence(feed, block, evidence)?;
            }
            return Ok(Received::Known);
        }
        if let Some(have) = self.beyond(feed, &block.header) {
            // What has no place yet is not read through: that its writer says so is enough.
            let federation = self.charter().federation();
            let good = checked.is_some_and(|checked| checked.verified.is_ok());
            if !good && !block.header.verifies(&federation, feed, &block.signature) {
                return Err(BlockFault::Signature.into());
            }
            return Ok(Received::Gap { have });
        }
        let verified = match checked {
            Some(Checked { verified, vouched }) => {
                let by_signature = vouched.into_iter().map(|sent| (sent.0.signature, sent));
                self.vouched.borrow_mut().extend(by_signature);
                verified?
            }
            None => block.verify(&self.charter().federation(), feed)?,
        };
        debug_assert_eq!(
            *verified.hash(),
            block.header.hash(),
            "it was this block that was checked"
        );
        self.charter().check_kinds(block.header.epoch, verified.entries())?;
        if let Some(evidence) = evidence {
            block.check_evidence(evidence)?;
        }
        if let Some(received) = self.below_floor(feed, block)? {
            return Ok(received);
        }
        let (chain, received) = match self.place_of(feed, &verified)? {
            Spot::End(chain) => {
                self.move_parting(chain, &verified)?;
                (chain, Received::New)
            }
            Spot::Branch(left) => {
                let branches = self.chains_of(feed).len();
                if branches >= usize::from(limits::BRANCHES) {
                    return Ok(Received::TooManyBranches);
                }
                let start = self.head_after(left.chain, left.index).ok_or_else(|| {
                    StoreFault::damaged(format!("{} before index {}", feed.short(), left.index))
                })?;
                let chain = self.add_chain(feed, Some(left), start, block.header.seq)?;
                self.mark_faulty(left.chain);
                (chain, Received::Fork { index: left.index })
            }
            Spot::Gap(have) => return Ok(Received::Gap { have }),
            Spot::Full => return Ok(Received::TooManyBranches),
        };
        self.take(chain, block, &verified)?;
        if matches!(received, Received::Fork { .. }) {
            self.mark_faulty(chain);
            self.keep_contradiction(feed, &block.header, &block.signature)?;
        } else if self.fork_proof(feed)?.is_some() {
            self.mark_faulty(chain);
        }
        if let Some(evidence) = evidence {
            self.keep_evidence(feed, block, evidence)?;
        }
        self.check()?;
        Ok(received)
    }

    /// How far a feed is here, where a header begins after all of it.
    fn beyond(&self, feed: &FeedId, header: &block::Header) -> Option<u64> {
        let chains = self.chains_of(feed);
        let end = chains.iter().map(|known| known.head.next).max().unwrap_or(0);
        let sealed = chains.iter().map(|known| known.sealed.next).max().unwrap_or(0);
        (header.first > end).then_some(sealed)
    }

    /// A block of the part this file has rows of in place of blocks: it folds nothing. Its body is kept where its header
    /// says that it stood there, and what contradicts that header is a fork.
    fn below_floor(&self, feed: &FeedId, block: &Block) -> Result<Option<Received>, StoreFault> {
        let Some(chain) = self.trunk(feed) else { return Ok(None) };
        let header = &block.header;
        let below = self.floor(chain).is_some_and(|floor| header.first < floor.head.next);
        self.check()?;
        if !below {
            return Ok(None);
        }
        let known = self.headers_at(feed, header.seq)?;
        if known.iter().any(|(other, _)| other.hash() == header.hash()) {
            self.insert_block(chain, feed, block, &header.hash())?;
            return Ok(Some(Received::Known));
        }
        if known.is_empty() {
            return Ok(Some(Received::Known));
        }
        self.keep_contradiction(feed, header, &block.signature)?;
        self.mark_faulty(chain);
        Ok(Some(Received::Fork { index: header.first }))
    }

    fn take(&self, chain: ChainNo, block: &Block, verified: &Verified) -> Result<(), StoreFault> {
        self.insert_block(chain, verified.feed(), block, verified.hash())?;
        self.recent.borrow_mut().push(chain, verified, &block.body);
        let known = self.head(chain).next > block.header.first;
        self.fold_block(chain, verified.entries());
        if known {
            self.drop_tail(chain, verified.header().end())?;
        }
        let header = verified.header();
        if let Some(row) = self.chain_row(chain) {
            let seq = header.seq.saturating_add(1);
            self.set_chain(chain, ChainRow { sealed: header.end(), seq, ..row });
        }
        Ok(())
    }

    /// Where a block of a feed belongs: at the end of a chain, beside a later part of one, or nowhere yet.
    fn place_of(&self, feed: &FeedId, verified: &Verified) -> Result<Spot, StoreFault> {
        let header = verified.header();
        let chains = self.chains_of(feed);
        let next = |known: &Feed| known.sealed == header.start() && known.seq == header.seq;
        for known in &chains {
            if next(known) && (known.head == known.sealed || self.seals_tail(known, verified)?) {
                return match self.ahead(&chains, known, verified)? {
                    Some(left) => Ok(Spot::Branch(left)),
                    None => Ok(Spot::End(known.chain)),
                };
            }
        }
        if chains.is_empty() && header.seq == 0 {
            let start = Head::start(&self.charter().federation(), feed);
            if header.start() == start {
                return Ok(Spot::End(self.open_trunk(feed)?));
            }
        }
        if chains.len() >= usize::from(limits::BRANCHES) {
            // Before any of them is read: the next block costs as much again.
            return Ok(Spot::Full);
        }
        // It begins somewhere inside what is here: its feed's writer has spoken twice. What both say alike is shared,
        // wherever either cut its blocks.
        if let Some((chain, index)) = self.furthest(&chains, verified)? {
            return Ok(Spot::Branch(annona_ledger::fold::owner_of(self, chain, index)));
        }
        Ok(Spot::Gap(chains.iter().map(|c| c.sealed.next).max().unwrap_or(0)))
    }

    /// The chain that agrees longest with a block, of those the block begins in, and where the two part.
    fn furthest(
        &self,
        chains: &[Feed],
        verified: &Verified,
    ) -> Result<Option<(ChainNo, u64)>, StoreFault> {
        let header = verified.header();
        let mut best = None;
        for known in chains {
            if self.head_after(known.chain, header.first) != Some(header.start()) {
                continue;
            }
            let index = self.parting(known.chain, verified)?;
            if best.is_none_or(|(_, most)| index > most) {
                best = Some((known.chain, index));
            }
        }
        Ok(best)
    }

    /// Where a block that continues a chain leaves another one, if that one has said before what the chain now says: it is
    /// folded there, and a second time would count it twice.
    fn ahead(
        &self,
        chains: &[Feed],
        end: &Feed,
        verified: &Verified,
    ) -> Result<Option<At>, StoreFault> {
        if chains.len() < 2 {
            return Ok(None);
        }
        let Some((chain, index)) = self.furthest(chains, verified)? else { return Ok(None) };
        // A branch that said nothing of its own yet moves up along the chain it left (`move_parting`).
        let own = match end.left {
            Some(left) if left.index == end.head.next => self.parting(left.chain, verified)?,
            Some(_) | None => end.head.next,
        };
        let left = annona_ledger::fold::owner_of(self, chain, index);
        Ok((index > own && chain != end.chain).then_some(left))
    }

    /// The first index at which a block says something else than a chain, or more.
    fn parting(&self, chain: ChainNo, verified: &Verified) -> Result<u64, StoreFault> {
        // Of each block of the chain all heads are kept, until an entry of another is looked for.
        let mut near: (Option<ChainNo>, Vec<Head>) = (None, Vec::new());
        let mut alike = |placed: &&block::Placed| {
            let next = placed.index.saturating_add(1);
            let owner = annona_ledger::fold::owner_of(self, chain, placed.index).chain;
            let find = |heads: &[Head]| heads.iter().find(|head| head.next == next).copied();
            let kept = if near.0 == Some(owner) { find(&near.1) } else { None };
            let after = kept.or_else(|| {
                near = (Some(owner), self.heads_around(chain, placed.index).unwrap_or_default());
                find(&near.1)
            });
            after.is_some_and(|head| head.accumulator == placed.accumulator)
        };
        let shared = verified.entries().iter().take_while(|placed| alike(placed)).count() as u64;
        self.check()?;
        Ok(verified.header().first.saturating_add(shared))
    }

    /// Moves the point at which a branch leaves another chain, as long as its blocks have said only what that one says.
    fn move_parting(&self, chain: ChainNo, verified: &Verified) -> Result<(), StoreFault> {
        let Some(row) = self.chain_row(chain) else { return self.check() };
        let Some(left) = row.chain.left.filter(|left| left.index == row.head.next) else {
            return Ok(());
        };
        let index = self.parting(left.chain, verified)?;
        let Some(head) = self.head_after(left.chain, index) else { return self.check() };
        self.writing()?.execute(
            "UPDATE chain SET left_index=?2 WHERE no=?1",
            params![chain.0, index.cast_signed()],
        )?;
        let moved = annona_ledger::view::Chain { left: Some(At { index, ..left }), ..row.chain };
        self.set_chain(chain, ChainRow { chain: moved, head, ..row });
        Ok(())
    }

    /// Whether a block that continues the sealed part of a chain holds what the open tail holds, as far as both go.
    fn seals_tail(&self, known: &Feed, verified: &Verified) -> Result<bool, StoreFault> {
        let mut head = known.sealed;
        for (bytes, placed) in self.tail(known.chain)?.iter().zip(verified.entries()) {
            head = head.after(bytes);
            if head.accumulator != placed.accumulator {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn drop_tail(&self, chain: ChainNo, end: Head) -> Result<(), StoreFault> {
        let sealed = |at: &At| at.chain == chain && at.index < end.next;
        self.pending.borrow_mut().retain(|at, _| !sealed(at));
        self.writing()?
            .prepare_cached("DELETE FROM tail WHERE at>=?1 AND at<?2")?
            .execute(params![At64(At { chain, index: 0 }), At64(At { chain, index: end.next })])?;
        Ok(())
    }
}
