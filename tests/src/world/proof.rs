//! Forks, proven: within one exchange between two who between them saw it, to a third who was not there; and against
//! nobody honest, ever.

use annona_ledger::block::Block;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::fork::{ForkProof, Statement, contradiction};
use annona_ledger::id::{FederationId, FeedId, Lane, ProgrammeId};
use annona_ledger::ticket::{Sent, Ticket};

use super::World;
use crate::cast::{CASH, ITEMS};
use crate::check::{Broken, Holds, ensure};

const fn header(block: &Block) -> Statement {
    Statement::Header(block.header, block.signature)
}

impl World {
    /// One node hands everything it has to another, whole and in order. What the two had seen of a fork between them is
    /// proven at the second from then on.
    pub(super) fn meet(&mut self, from: usize) -> Holds {
        let to = self.rng.below(self.nodes.len());
        if to == from || self.nodes[to].burnt {
            return Ok(());
        }
        self.coverage.note("meeting");
        self.seal(from);
        let (articles, notices) = (self.nodes[from].articles, self.nodes[from].notices.clone());
        self.papers_arrive(to, articles, &notices);
        // What was written under a branch of the charter that will be given up is read only by who knows of it.
        if self.side.as_ref().is_some_and(|side| side.know.contains(&from)) {
            self.side_arrives(to)?;
        }
        let (theirs, ours) = (self.nodes[from].site.blocks(), self.nodes[to].site.blocks());
        let shown = self.shown_between(&theirs, &ours);
        for (feed, block) in &theirs {
            self.hand_over(to, feed, block)?;
        }
        self.after(to)?;
        for (feed, proof) in shown {
            let site = &self.nodes[to].site;
            // Who came without the villain's certificate has handed over nothing of it that could be read.
            if self.nodes[to].model.roster().node(&feed.node.short()).is_none() {
                continue;
            }
            self.coverage.note("fork proven");
            ensure(site.faulty(&feed.short()), Broken::ForkUnproven, || {
                format!("{} forked before two who met, and goes on", feed.short())
            })?;
            let kept = site.fork_proof(&feed);
            for proof in std::iter::once(proof).chain(kept) {
                let read = ForkProof::decode(&proof.encode());
                let holds = read.is_ok_and(|read| {
                    read.feed == feed && read.verify(&self.cast.federation).is_some()
                });
                ensure(holds, Broken::ForkUnproven, || {
                    format!("a third does not believe {proof:?}")
                })?;
            }
        }
        Ok(())
    }

    /// The feeds that contradict themselves in what two nodes have, with a proof made of the blocks of both.
    fn shown_between(
        &self,
        theirs: &[(FeedId, Block)],
        ours: &[(FeedId, Block)],
    ) -> Vec<(FeedId, ForkProof)> {
        let villain = &self.cast.nodes[self.villain];
        let lanes = [Lane::Value, Lane::Registry];
        let of = |programme| lanes.map(|lane| villain.feed(lane, programme));
        let control = villain.feed(Lane::Control, ProgrammeId::NONE);
        let feeds = of(CASH).into_iter().chain(of(ITEMS)).chain([control]);
        let mut shown = Vec::new();
        for feed in feeds {
            let blocks = |all: &[(FeedId, Block)]| -> Vec<Block> {
                all.iter().filter(|(of, _)| *of == feed).map(|(_, b)| b.clone()).collect()
            };
            let (there, here) = (blocks(theirs), blocks(ours));
            let pairs = there.iter().flat_map(|one| here.iter().map(move |other| (one, other)));
            let mut by_header = pairs.map(|(one, other)| (header(one), header(other)));
            let found = by_header.find(|(one, other)| contradiction(one, other).is_some());
            let found = found.or_else(|| {
                // A ticket the villain signed for a place where one of the two has another entry.
                let federation = &self.cast.federation;
                let tickets = tickets_of(federation, &feed, theirs)
                    .into_iter()
                    .chain(tickets_of(federation, &feed, ours));
                let blocks: Vec<&Block> = there.iter().chain(&here).collect();
                tickets.into_iter().find_map(|sent| {
                    let promise = sent.promise(feed.programme).ok()?;
                    let promise = Statement::Promise(Box::new(promise));
                    let over =
                        |b: &&&Block| (b.header.first..b.header.end().next).contains(&sent.index);
                    let block = blocks.iter().find(over)?;
                    let block = Statement::Block(Box::new((*block).clone()));
                    contradiction(&promise, &block).is_some().then_some((promise, block))
                })
            });
            if let Some((one, other)) = found {
                shown.push((feed, ForkProof { feed, one, other }));
            }
        }
        shown
    }

    /// Nothing an honest key signed contradicts anything else it signed, and nobody holds a proof that it does.
    pub(super) fn nobody_accused(&mut self) -> Holds {
        let blocks = self.nodes[0].site.blocks();
        for (number, person) in self.cast.nodes.iter().enumerate() {
            if !self.honest(number) || self.cast.burns == Some(number) {
                continue;
            }
            let lanes = [Lane::Value, Lane::Registry];
            let of = |programme| lanes.map(|lane| person.feed(lane, programme));
            let control = person.feed(Lane::Control, ProgrammeId::NONE);
            for feed in of(CASH).into_iter().chain(of(ITEMS)).chain([control]) {
                let mut said: Vec<Statement> =
                    blocks.iter().filter(|(of, _)| *of == feed).map(|(_, b)| header(b)).collect();
                let own = self.promises.iter().filter(|(_, p)| p.feed == feed.short());
                said.extend(own.map(|(_, p)| Statement::Promise(Box::new(p.clone()))));
                for _ in 0..said.len().min(40) {
                    let (one, other) = (self.rng.below(said.len()), self.rng.below(said.len()));
                    let apart = contradiction(&said[one], &said[other]);
                    ensure(apart.is_none(), Broken::HonestAccused, || {
                        format!("{:?} against {:?}", said[one], said[other])
                    })?;
                }
                let accused = self.nodes.iter().any(|n| n.site.fork_proof(&feed).is_some());
                ensure(!accused, Broken::HonestAccused, || {
                    format!("a proof against {}", feed.short())
                })?;
            }
        }
        Ok(())
    }
}

/// The tickets of a feed that somebody's claims carry, where it signed them.
fn tickets_of(federation: &FederationId, feed: &FeedId, blocks: &[(FeedId, Block)]) -> Vec<Sent> {
    let value = blocks.iter().filter(|(of, _)| of.lane == Lane::Value && feed.lane == Lane::Value);
    let same = value.filter(|(of, _)| of.programme == feed.programme);
    let claims = same.flat_map(|(of, block)| block.read(of.lane).unwrap_or_default());
    let carried = claims.filter_map(|placed| match placed.entry {
        Entry::Value(Value::Claim { ticket, .. }) => Some(ticket),
        _ => None,
    });
    carried
        .flat_map(|ticket| match *ticket {
            Ticket::Sent(sent, hops) => std::iter::once(sent).chain(hops.into_vec()).collect(),
            Ticket::Budget { .. } | Ticket::Release { .. } => Vec::new(),
        })
        .filter(|sent| sent.verifies(federation, &feed.node, feed.programme))
        .collect()
}
