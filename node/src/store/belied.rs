//! Refunds that tickets carry of other feeds, held against what those feeds say. One that nobody can hold against its feed
//! yet waits, and is asked for when the feed comes so far: what a writer signed twice is a fork, whichever came first.

use annona_ledger::entry::Value;
use annona_ledger::feed::Head;
use annona_ledger::fold;
use annona_ledger::fork::{self, Borne, ForkProof, Statement};
use annona_ledger::id::{FeedRef, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::ticket::Sent;
use annona_ledger::view::{ChainNo, View as _};
use annona_ledger::wire;
use rusqlite::params;

use super::work::Work;
use super::{Blob, StoreFault};

/// A refund that waits: the feed it is of and its index, so that those of a feed stand together and in order, and the
/// beginning of its accumulator.
fn waiting(feed: &FeedRef, index: u64, accumulator: &[u8]) -> Vec<u8> {
    let mut name = feed.node.to_vec();
    name.extend(feed.programme.0.to_be_bytes());
    name.extend(index.to_be_bytes());
    name.extend(accumulator.iter().take(16));
    name
}

impl Work<'_> {
    /// Holds the refunds that an entry carries, or that somebody showed it to carry, against their feeds.
    pub(super) fn hold_refunds(&self, programme: ProgrammeId, value: &Value) {
        for sent in fork::carried(value).filter(|sent| fork::is_refund(sent)) {
            match fork::borne(self, programme, sent) {
                Borne::Out => {}
                Borne::Denied => self.denied(programme, sent),
                Borne::Unknown => {
                    let feed = FeedRef::value(sent.node, programme);
                    self.refunds.borrow_mut().insert(feed, true);
                    let name = waiting(&feed, sent.index, &sent.accumulator().0);
                    self.write(
                        "INSERT OR IGNORE INTO blob(kind, name, bytes) VALUES(?1, ?2, ?3)",
                        params![Blob::Refund as u8, name, wire::encode(sent)],
                    );
                }
            }
        }
    }

    /// Holds the refunds that wait for an entry of a feed against it, now that it is here.
    pub(super) fn held_against_refunds(&self, feed: &FeedRef, after: &Head) {
        if !self.refund_waits(feed) {
            return;
        }
        let at = waiting(feed, after.next.saturating_sub(1), &[]);
        let to = waiting(feed, after.next, &[]);
        let found = self.all(
            "SELECT bytes FROM blob WHERE kind=?1 AND name>=?2 AND name<?3",
            params![Blob::Refund as u8, at, to],
            |r| r.get::<_, Vec<u8>>(0),
        );
        for bytes in found {
            let sent = wire::decode::<Sent>(&bytes, limits::ENTRY_BYTES).map_err(StoreFault::from);
            let Some(sent) = self.kept(sent) else { continue };
            if fork::borne(self, feed.programme, &sent) == Borne::Denied {
                self.denied(feed.programme, &sent);
            }
        }
    }

    fn refund_waits(&self, feed: &FeedRef) -> bool {
        if let Some(known) = self.refunds.borrow().get(feed) {
            return *known;
        }
        let (from, to) = (waiting(feed, 0, &[]), waiting(feed, u64::MAX, &[u8::MAX; 16]));
        let found = self.one(
            "SELECT 1 FROM blob WHERE kind=?1 AND name>=?2 AND name<=?3 LIMIT 1",
            params![Blob::Refund as u8, from, to],
            |_| Ok(()),
        );
        self.refunds.borrow_mut().insert(*feed, found.is_some());
        found.is_some()
    }

    /// Marks the feed of a refund that it denies, and keeps the proof where the block that says otherwise is here.
    fn denied(&self, programme: ProgrammeId, sent: &Sent) {
        let feed = FeedRef::value(sent.node, programme);
        let reach = |chain: &ChainNo| fold::folded_to(self, *chain) > sent.index;
        let Some(chain) = self.branches(&feed).into_iter().find(reach) else { return };
        // Not by the open tail: an own feed denies nothing that it signed.
        let block = self.block_at(fold::owner_of(self, chain, sent.index));
        let promise = self.kept(sent.promise(programme).map_err(StoreFault::from));
        let (Some(found), Some(promise)) = (block, promise) else { return };
        let proof = ForkProof {
            feed: self.chain(chain).feed,
            one: Statement::Promise(Box::new(promise)),
            other: Statement::Block(Box::new(found.block)),
        };
        if proof.verify(&self.charter().federation()).is_some() {
            self.mark_faulty(chain);
            let put = self.put_proof(&proof);
            let _ = self.kept(put);
        }
    }
}

#[cfg(test)]
mod tests {
    use annona_ledger::entry::Entry;
    use annona_ledger::feed::{leaf, step};
    use annona_ledger::hash::Hash;
    use annona_ledger::id::Lane;
    use annona_ledger::orphan::Orphan;
    use annona_ledger::ticket::{Moved, sign_place};
    use annona_ledger::time::Minute;
    use annona_ledger::view::At;
    use annona_ledger::wire::Bounded;

    use super::*;
    use crate::bundle::tests::world::{self, FOOD, World};
    use crate::keystore::Name;

    /// A refund at a place where A's chain has something else, as a ticket would carry it; signed by A or by nobody.
    fn refund(w: &World, index: u64, signed: bool) -> Sent {
        let feed = w.a.feed(Lane::Value, FOOD);
        let moved = Moved::Refund { redeem: 2, amount: world::amount(1), at: Minute(100) };
        let before = Hash([7; 32]);
        let accumulator = step(&before, &leaf(&wire::encode(&moved.entry())));
        let key = w.a.signing_key(Name::NodeSigning).expect("a key");
        let federation = w.a.federation().expect("founded");
        let head = Head { next: index + 1, accumulator };
        // Nobody's: A's own for another place.
        let head = if signed { head } else { Head { next: index, ..head } };
        let signature = sign_place(&key, &federation, &feed, &head);
        Sent { node: world::short(&w.a), index, before, moved, signature }
    }

    #[test]
    fn a_carried_refund_is_held_against_its_feed_whichever_comes_first() {
        for (blocks_first, signed) in [(true, true), (false, true), (true, false), (false, false)] {
            let mut w = World::new();
            w.distribute(2);
            let feed = w.a.feed(Lane::Value, FOOD);
            let folder = w.path("stick");
            let done = world::export(&mut w.a, &[world::short(&w.b)], &folder);
            if blocks_first {
                world::import(&mut w.b, &done.files);
            }
            let sends = Bounded::new(vec![refund(&w, 5, signed)]).expect("few");
            let (node, at) = (world::short(&w.a), Minute(100));
            let orphan = Orphan { node, shown: Bounded::empty(), sends, at };
            let of_b = w.b.feed(Lane::Value, FOOD);
            let work = w.b.store_mut().begin().expect("a transaction");
            let chain = work.open_trunk(&of_b).expect("a chain");
            let entry = Entry::Value(Value::Orphan(Box::new(orphan)));
            let after = work.head(chain).after(&entry.encode());
            let place = At { chain, index: work.head(chain).next };
            work.fold_at(place, after, &entry);
            work.commit().expect("durable");
            if !blocks_first {
                world::import(&mut w.b, &done.files);
            }
            let work = w.b.store().look().expect("readable");
            let case = format!("blocks first: {blocks_first}, signed: {signed}");
            assert_eq!(work.faulty(&feed.short()), signed, "{case}");
            let proof = work.fork_proof(&feed).expect("readable");
            let federation = w.b.federation().expect("founded");
            // Already before that entry: the refund follows on something else.
            let apart = signed.then_some(Some(4));
            assert_eq!(proof.map(|proof| proof.verify(&federation)), apart, "{case}");
        }
    }

    #[test]
    fn refunds_that_wait_stand_by_feed_and_index() {
        let feed = FeedRef::value([3; 8], FOOD);
        let all = |index| (waiting(&feed, index, &[]), waiting(&feed, index, &[u8::MAX; 32]));
        let ((low, high), (next, _)) = (all(255), all(256));
        assert!(low < high && high < next, "one index's stand before the next one's");
    }
}
