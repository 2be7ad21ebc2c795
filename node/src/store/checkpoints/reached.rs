//! How far a feed has come on its way to everybody.

use super::*;

/// How far a feed has come: below `seen` another organisation holds it, below `certified` a quorum has signed it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reached {
    /// Entries another organisation than the writer's is known to hold.
    pub seen: u64,
    /// Entries below a certified checkpoint whose programme enough have folded.
    pub certified: u64,
    /// Entries that are paid: from an index, up to another.
    pub paid: Vec<(u64, u64)>,
}

impl Reached {
    /// How final the entry at an index is, as far as signatures, acknowledgements and settlements tell.
    #[must_use]
    pub fn at(&self, index: u64) -> Finality {
        let (seen, certified) = (index < self.seen, index < self.certified);
        let settled = self.paid.iter().any(|(from, to)| (*from..*to).contains(&index));
        finality(&annona_ledger::finality::Standing { seen, certified, settled })
    }
}

impl Work<'_> {
    /// How final the entry at a place is, which moves units of a cycle. `reached` is how far its feed has come.
    #[must_use]
    pub fn grade(&self, reached: &Reached, at: At, cycle: Option<CycleId>) -> Finality {
        let settled = cycle.is_some_and(|cycle| cut::below_close(self, at, cycle));
        if settled { Finality::Settled } else { reached.at(at.index) }
    }

    /// The cycle whose units the entry at a place moves, where one can be told.
    #[must_use]
    pub fn moves(&self, at: At, entry: &Value) -> Option<CycleId> {
        self.cycle_of(at.chain, at.index, entry).map(|leaf| leaf.cycle)
    }
}

impl Store {
    /// How far a feed has come. Of one that forked, only the branch known first is told of.
    ///
    /// # Errors
    ///
    /// A storage fault.
    pub fn finality_of(&self, feed: &FeedId) -> Result<Reached, StoreFault> {
        let own = self.roster.org_of(&feed.node.short());
        let mut reached = Reached::default();
        for node in self.roster.nodes().filter(|node| Some(node.org) != own) {
            reached.seen = reached.seen.max(self.seen(&node.short(), feed)?);
        }
        // A witness of another organisation holds what it has signed, as an audit counts it too.
        for hash in self.page_hashes()? {
            let Some(kept) = self.kept_page(&hash)? else { continue };
            let standing = self.page_standing(&kept)?;
            if let [tip] = kept.frontier.of(feed)
                && standing.frontier.iter().any(|org| Some(*org) != own)
            {
                reached.seen = reached.seen.max(tip.head.next);
            }
        }
        let certified = self.certified()?;
        reached.certified = certified.tips(feed).iter().map(|tip| tip.head.next).max().unwrap_or(0);
        let work = self.look()?;
        reached.paid =
            work.trunk(feed).map(|chain| settlement::paid(&work, chain)).unwrap_or_default();
        work.check()?;
        Ok(reached)
    }
}
