//! What travels: bundles packed, lost, delivered in part, out of order and twice, and blocks nobody sealed.

use annona_ledger::block::Block;
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::FeedId;
use annona_ledger::key::SigningKey;
use annona_ledger::time::Hlc;
use annona_ledger::wire::Bytes;

use super::{Bundle, Lost, Malice, World};
use crate::check::{Broken, Holds, ensure};
use crate::model::Fact;
use crate::site::Received;

/// Steps for which a lost bundle that is found late is found by nobody: some days of the world.
const LOST_LONG: usize = 100;

impl World {
    pub(super) fn seal(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        let sealed = node.site.seal(node.clock.millis(self.now));
        for (feed, block) in sealed {
            node.model.sealed(&feed, &block.header);
            node.changed = true;
            self.truth.sealed(&feed, &block.header);
            self.sealed.insert(block.header.hash());
            self.archive.push((feed, block));
        }
        self.coverage.note("seal");
    }

    /// Packs a bundle for somebody on the same side, whole or in part, and puts it on its way.
    pub(super) fn pack(&mut self, n: usize) {
        self.seal(n);
        let to = self.rng.below(self.nodes.len());
        if to == n || self.nodes[to].side != self.nodes[n].side {
            return;
        }
        let mut blocks = self.nodes[n].site.blocks();
        if self.rng.chance(85) {
            blocks.retain(|(_, b)| !self.given.contains(&(to, b.header.hash())));
        } else {
            self.coverage.note("bundle twice");
        }
        if self.rng.chance(25) {
            let keep = self.rng.below(blocks.len() + 1);
            blocks.truncate(keep);
            self.coverage.note("bundle partial");
        }
        if self.rng.chance(25) {
            self.rng.shuffle(&mut blocks);
            self.coverage.note("bundle shuffled");
        }
        let node = &self.nodes[n];
        let notices = node.notices.clone();
        let articles = node.articles;
        let side = self.side.as_ref().is_some_and(|side| side.know.contains(&n));
        self.bundles.push(Bundle { to, articles, notices, side, blocks });
    }

    /// Hands over some bundle, or loses it.
    pub(super) fn deliver(&mut self, step: usize) -> Holds {
        if self.bundles.is_empty() {
            return Ok(());
        }
        let at = self.rng.below(self.bundles.len());
        let bundle = self.bundles.swap_remove(at);
        if self.rng.chance(12) {
            self.coverage.note("bundle lost");
            if self.peopled {
                // Half of them lie in a drawer for weeks.
                let from = if self.crowd.chance(50) { step + LOST_LONG } else { step };
                self.lost.push(Lost { at: step, from, bundle });
            }
            return Ok(());
        }
        self.arrives(bundle)
    }

    /// A stick that was lost long ago turns up, and is handed over as if nothing had happened since.
    pub(super) fn find_lost(&mut self, step: usize) -> Holds {
        let lie: Vec<usize> =
            (0..self.lost.len()).filter(|at| self.lost[*at].from <= step).collect();
        if lie.is_empty() || !self.crowd.chance(4) {
            return Ok(());
        }
        let Some(which) = self.crowd.pick(&lie).copied() else { return Ok(()) };
        let Lost { at, bundle, .. } = self.lost.swap_remove(which);
        self.coverage.note("bundle found");
        if step >= at + LOST_LONG {
            self.coverage.note("bundle found after weeks");
        }
        self.arrives(bundle)
    }

    fn arrives(&mut self, bundle: Bundle) -> Holds {
        self.coverage.note("bundle delivered");
        let to = bundle.to;
        if self.nodes[to].burnt {
            return Ok(());
        }
        if self.rng.chance(60) {
            self.papers_arrive(to, bundle.articles, &bundle.notices);
            self.follows_right(to)?;
            if bundle.side {
                self.side_arrives(to)?;
            }
        }
        for (feed, block) in &bundle.blocks {
            if self.rng.chance(3) {
                self.tamper(to, feed, block)?;
            }
            self.hand_over(to, feed, block)?;
        }
        self.after(to)?;
        let root = self.nodes[to].site.root();
        self.note(&format!("{to} {root}"));
        Ok(())
    }

    pub(super) fn hand_over(&mut self, to: usize, feed: &FeedId, block: &Block) -> Holds {
        let hash = block.header.hash();
        let received = self.nodes[to].site.receive(feed, block);
        if self.options.tell {
            println!(
                "    {to} takes {} block {} {hash}: {received:?}",
                feed.short(),
                block.header.seq
            );
        }
        match received {
            Received::New | Received::Fork => self.coverage.note("block new"),
            Received::Known => self.coverage.note("block known"),
            Received::Waits => self.coverage.note("block waits"),
            Received::Refused => {}
        }
        let taken = matches!(received, Received::New | Received::Fork | Received::Known);
        let own = self.sealed.contains(&hash);
        ensure(!taken || own, Broken::ForeignBlock, || format!("block {hash} of {feed:?}"))?;
        ensure(taken || received == Received::Waits || !own, Broken::NotConverged, || {
            format!("a good block of {feed:?} was refused")
        })?;
        let node = &mut self.nodes[to];
        let start = Head::start(&self.cast.federation, feed);
        let tip = node.tips.get(feed).copied().unwrap_or(start);
        // A restored copy that takes in what it wrote itself goes on from there.
        let follows = received == Received::New && block.header.start().next <= tip.next;
        let ends = block.read(feed.lane).is_ok_and(|entries| {
            tip == block.header.start() || entries.iter().any(|p| p.accumulator == tip.accumulator)
        });
        if follows && ends && feed.node == self.cast.nodes[node.person].key {
            node.tips.insert(*feed, block.header.end());
        }
        if taken {
            self.given.insert((to, hash));
            self.learn_facts(to, feed, block);
        }
        Ok(())
    }

    fn learn_facts(&mut self, to: usize, feed: &FeedId, block: &Block) {
        let Ok(entries) = block.read(feed.lane) else { return };
        let node = &mut self.nodes[to];
        node.model.sealed(feed, &block.header);
        node.changed = true;
        let mut before = block.header.before;
        let other = feed.node != self.cast.nodes[node.person].key;
        for placed in entries {
            if let Some(stamp) = placed.entry.stamp().filter(|_| other) {
                let newest = node.stamps.entry(feed.node.short()).or_default();
                *newest = stamp.max(*newest);
            }
            let name = placed.accumulator;
            let entry = placed.entry;
            if !node.model.knows(&name) && node.model.was_shown(&feed.short(), placed.index) {
                self.coverage.note("what was shown came");
            }
            node.model.add(Fact { feed: *feed, index: placed.index, before, name, entry });
            before = name;
        }
    }

    /// Offers a block that its author never sealed: a changed body, a changed header, or a signed lie.
    fn tamper(&mut self, to: usize, feed: &FeedId, block: &Block) -> Holds {
        self.coverage.note("tampered");
        let mut block = block.clone();
        match self.rng.below(3) {
            0 => {
                let mut body = block.body.into_vec();
                let at = self.rng.below(body.len());
                body[at] ^= 1 << self.rng.below(8);
                block.body = Bytes::new(body).expect("no longer than before");
            }
            1 => block.header.hlc = Hlc { millis: self.rng.bits() >> 8, count: 7 },
            _ => {
                let villain = &self.cast.nodes[self.villain];
                if self.malice == Malice::None || feed.node != villain.key {
                    block.header.evidence_root = Hash(self.rng.seed());
                } else {
                    block.header.after = Hash(self.rng.seed());
                    let key = SigningKey::from_seed(&villain.seed);
                    let scope: [&[u8]; 2] = [&self.cast.federation.0.0, &feed.bytes()];
                    let header = annona_ledger::wire::encode(&block.header);
                    block.signature =
                        key.sign(annona_ledger::key::Context::Header, &scope, &header);
                }
            }
        }
        let root = self.nodes[to].site.root();
        let received = self.nodes[to].site.receive(feed, &block);
        let out = matches!(received, Received::Refused | Received::Waits);
        ensure(out, Broken::ForeignBlock, || format!("a changed block of {feed:?}: {received:?}"))?;
        let same = self.nodes[to].site.root() == root;
        ensure(same, Broken::ForeignBlock, || "a refused block changed state".into())
    }
}
