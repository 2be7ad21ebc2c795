//! What a site derives, and what it would let in.

use super::*;

impl Memory {
    /// Derives state anew, as after a certificate or an article that something waited for.
    pub(super) fn derived(&self) -> State {
        let (charter, roster) = (self.charter.clone(), self.roster.clone());
        Self::derive_from(self.seed, self.disk.clone(), self.bug, charter, roster).state
    }

    pub(super) fn derive(&mut self, charter: Charter, roster: Roster) {
        let disk = std::mem::take(&mut self.disk);
        *self = Self::derive_from(self.seed, disk, self.bug, charter, roster);
    }

    pub(super) fn admit(
        &self,
        state: &State,
        chain: ChainNo,
        draft: &Draft,
    ) -> Result<Vec<u8>, Rejection> {
        let admitted = match self.bug {
            None => admit::admit(state, chain, draft),
            // Who looks at nothing still seals blocks that are blocks.
            Some(Bug::Anything) => {
                let heard = match &draft.entry {
                    Entry::Value(Value::Claim { ticket, .. }) => {
                        ticket.voted() <= Some(self.epoch())
                    }
                    _ => true,
                };
                let bytes = heard.then(|| draft.entry.encode());
                return bytes.ok_or(Rejection::NotAddressed);
            }
            Some(Bug::HigherCutWins) => match admit::admit(state, chain, draft) {
                Err(Rejection::SenderCut) if planted::below_the_highest(state, chain, draft) => {
                    return Ok(draft.entry.encode());
                }
                verdict => verdict,
            },
            Some(Bug::DayUnchecked) => match admit::admit(state, chain, draft) {
                Err(Rejection::DayMismatch) => return Ok(draft.entry.encode()),
                verdict => verdict,
            },
            Some(Bug::SettlesPastCut) => match admit::admit(state, chain, draft) {
                Err(Rejection::SettlementWrong) if planted::is_stretch(draft) => {
                    return Ok(draft.entry.encode());
                }
                verdict => verdict,
            },
            Some(bug) => planted::admit(bug, state, chain, draft),
        };
        admitted.map(|admitted| admitted.bytes().to_vec())
    }

    pub(super) fn trunk_of(&self, feed: &FeedRef) -> Option<ChainNo> {
        self.state.chains().find(|c| {
            let chain = self.state.chain(*c);
            chain.feed.short() == *feed && chain.left.is_none()
        })
    }

    /// A refund of an own chain, as a ticket carries it.
    pub(super) fn refunded(&self, chain: ChainNo, index: u64) -> Option<Sent> {
        let after = |index| {
            let found = self.places.iter().find(|(_, at)| **at == At { chain, index });
            found.map(|(accumulator, _)| *accumulator)
        };
        let Value::Refund { redeem, amount, at } = self.state.entry(At { chain, index })? else {
            return None;
        };
        let moved = Moved::Refund { redeem, amount, at };
        let feed = self.state.chain(chain).feed;
        let head = Head { next: index + 1, accumulator: after(index)? };
        let signature = sign_place(&self.key, &self.federation(), &feed, &head);
        let before = after(index.checked_sub(1)?)?;
        Some(Sent { node: feed.node.short(), index, before, moved, signature })
    }

    /// What a replica must never ask: whether it would have written this itself.
    pub(super) fn would_admit(&self, feed: &FeedId, entries: &[Placed]) -> bool {
        let mut trial = self.state.clone();
        let chain = trial.trunk(feed);
        entries.iter().all(|placed| {
            let claim = matches!(placed.entry, Entry::Value(Value::Claim { .. }));
            let good = !claim || {
                let known = match &placed.entry {
                    Entry::Value(Value::Claim { ticket, .. }) => {
                        ticket.sends().next().is_none_or(|sent| {
                            trial.ticket(&sent.name(feed.programme).ticket()).is_some()
                        })
                    }
                    _ => true,
                };
                known && admit::admit(&trial, chain, &placed.entry.clone().into()).is_ok()
            };
            trial.fold(chain, placed.accumulator, &placed.entry);
            good
        })
    }
}
