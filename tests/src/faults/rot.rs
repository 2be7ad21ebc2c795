//! What lies on the medium changes by itself: bits flip, sectors turn to zeros, writes went elsewhere or never happened.
//! Either every answer is still the right one, or the damage is found; nothing that is wrong passes for right.

use std::collections::BTreeMap;

use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::FeedId;
use annona_ledger::wire;
use annona_node::store::{Store, StoreFault};

use super::camp::{Camp, Copied, Machine, Order};
use super::platter::SECTOR;
use super::{Broken, Failed, Kept, sound};
use crate::rng::Rng;

/// Bytes of a page of the file.
const PAGE: usize = 4_096;

/// How damage was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Media damaged.
    pub damaged: u64,
    /// All answers were still right.
    pub harmless: u64,
    /// Found at the opening, or when what is damaged was asked for.
    pub met: u64,
    /// Found by `annona doctor --full --rebuild`, which a site runs when in doubt.
    pub searched: u64,
    /// The log of a process that did not stop cleanly ends earlier than it did: what is left is an earlier truth. No look
    /// at the medium alone can tell it from a cut; sealed blocks are missed by the head file, the open tail by the
    /// promises that tills hold.
    pub shorter: u64,
}

impl Tally {
    /// Adds another run's.
    pub const fn add(&mut self, other: &Self) {
        self.damaged += other.damaged;
        self.harmless += other.harmless;
        self.met += other.met;
        self.searched += other.searched;
        self.shorter += other.shorter;
    }
}

/// A bug planted on purpose in whoever reads the damaged medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// It believes what it reads.
    Believes,
    /// Its search looks at everything and finds nothing.
    SearchesBlindly,
}

/// What a ledger says when it is asked for everything.
#[derive(PartialEq, Eq)]
struct Said {
    /// The bytes of every block, by feed and number: what others are handed.
    blocks: BTreeMap<(FeedId, u64), Hash>,
    /// Where every feed stands.
    heads: BTreeMap<FeedId, (u64, Hash)>,
    root: Hash,
}

impl Said {
    fn is_earlier_than(&self, right: &Self) -> bool {
        let block = |(place, bytes)| right.blocks.get(place) == Some(bytes);
        let head = |(feed, (next, _)): (&FeedId, &(u64, Hash))| {
            right.heads.get(feed).is_some_and(|(after, _)| next <= after)
        };
        self.blocks.iter().all(block) && self.heads.iter().all(head)
    }
}

/// Damages a site's ledger by a seed and looks what becomes of it, with a bug in the reader if one is planted, which must
/// be caught.
///
/// # Errors
///
/// [`Failed`].
pub fn run(
    camp: &Camp,
    machine: &mut Machine,
    seed: u64,
    planted: Option<Planted>,
) -> Result<Tally, Failed> {
    let done = damaged(camp, machine, seed, planted);
    let repeat = format!("rot --seed {seed}");
    done.map_err(|broken| Failed { seed, step: 0, broken, repeat })
}

fn damaged(camp: &Camp, machine: &mut Machine, seed: u64, planted: Option<Planted>) -> Kept<Tally> {
    let blind = planted == Some(Planted::Believes);
    let mut chance = Rng::new(seed);
    let which = chance.below(camp.moments.len());
    sound("beginning", machine.begin(&camp.moments[which]))?;
    let clean = chance.chance(70);
    if clean {
        // A process that stops cleanly leaves everything in the file and no log.
        drop(sound("a clean stop", Store::open(&machine.ledger()))?);
        machine.disk.with(super::platter::Platter::settle);
    }
    let right = sound("before any damage", look(&machine.copy(), false))?;
    let mut log = false;
    for _ in 0..=chance.below(3) {
        log |= damage(camp, machine, which, &mut chance);
    }
    let mut tally = Tally { damaged: 1, ..Tally::default() };
    match look(&machine.copy(), blind) {
        Err(_) => tally.met = 1,
        Ok(said) if said == right => tally.harmless = 1,
        Ok(said) => {
            for (place, bytes) in &said.blocks {
                // What is handed on is what was signed, or nothing.
                if right.blocks.get(place).is_some_and(|was| was != bytes) {
                    return Err(Broken(format!("block {} is served changed", place.1)));
                }
            }
            if blind {
                return Err(Broken("what is served is not what was written".to_owned()));
            }
            if planted != Some(Planted::SearchesBlindly) && searched(&machine.copy()) {
                tally.searched = 1;
            } else if log && said.is_earlier_than(&right) {
                tally.shorter = 1;
                let lost = said.blocks.len() < right.blocks.len();
                let signs = machine.node.reopen().is_ok() && machine.node.may_sign().is_ok();
                if lost && signs {
                    return Err(Broken(
                        "blocks are gone, and the node signs in their place".to_owned(),
                    ));
                }
            } else {
                return Err(Broken("answers have changed and nothing finds it".to_owned()));
            }
        }
    }
    // Whatever it says, the node on it never panics, and what it refuses it refuses.
    if machine.node.reopen().is_ok() {
        let mut orders: Vec<_> =
            (0..4).map(|n| Order::some(&camp.purses, n + 1, &mut chance)).collect();
        let feed = machine.node.feed(annona_ledger::id::Lane::Value, crate::bench::CASH);
        let mut group: Vec<_> = orders.iter_mut().map(|order| order.request(feed)).collect();
        drop(machine.node.write(&mut group));
    }
    Ok(tally)
}

/// Damages one place; says whether it was in the log.
fn damage(camp: &Camp, machine: &Machine, which: usize, chance: &mut Rng) -> bool {
    let log = chance.chance(25);
    let name = if log { "site-0/ledger.db-wal" } else { "site-0/ledger.db" };
    let earlier = camp.moments.get(which.saturating_sub(1)).and_then(|m| m.file(name));
    machine.disk.with(|platter| {
        platter.damage(name, |bytes| {
            let sectors = bytes.len() / SECTOR;
            if sectors < 16 {
                return;
            }
            let (at, from) = (chance.below(sectors) * SECTOR, chance.below(sectors) * SECTOR);
            match chance.below(5) {
                0 | 1 => bytes[at + chance.below(SECTOR)] ^= 1 << chance.below(8),
                2 => bytes[at..at + SECTOR].fill(0),
                3 => bytes.copy_within(from..from + SECTOR, at),
                _ => {
                    // A page that was never written: its last version is still there, or another page's.
                    let at = at / PAGE * PAGE;
                    let stale = earlier.and_then(|file| file.get(at..at + PAGE));
                    match (stale, bytes.get_mut(at..at + PAGE)) {
                        (Some(stale), Some(page)) => page.copy_from_slice(stale),
                        _ => bytes.copy_within(from..from + SECTOR, at),
                    }
                }
            }
        })
    });
    log
}

/// Asks for everything, as exports and audits do.
fn look(copy: &Copied, blind: bool) -> Result<Said, StoreFault> {
    let store = Store::open(&copy.ledger)?;
    if !blind {
        store.check_heads()?;
    }
    let federation = store.federation()?;
    let work = store.look()?;
    let mut said = Said { blocks: BTreeMap::new(), heads: BTreeMap::new(), root: Hash::ZERO };
    for feed in work.feeds() {
        work.blocks::<StoreFault>(feed.chain, 0, |row, _| {
            if !blind {
                row.block.verify(&federation, &feed.id)?;
            }
            let header = wire::encode(&row.block.header);
            let signature = wire::encode(&row.block.signature);
            let bytes = hash(Purpose::File, &[&header, &signature, &row.block.body]);
            said.blocks.insert((feed.id, row.block.header.seq), bytes);
            Ok(true)
        })?;
        let mut head = feed.sealed;
        for bytes in work.tail(feed.chain)? {
            head = head.after(&bytes);
        }
        said.heads.insert(feed.id, (head.next, head.accumulator));
    }
    said.root = work.root();
    work.check()?;
    Ok(said)
}

/// Whether a thorough search finds the damage.
fn searched(copy: &Copied) -> bool {
    let search = || -> Result<bool, StoreFault> {
        let mut store = Store::open(&copy.ledger)?;
        let health = store.check_all(&mut |_, _| {})?;
        let before = store.root()?;
        store.rebuild(&mut |_, _| {})?;
        Ok(!health.damage.is_empty() || store.root()? != before)
    };
    search().unwrap_or(true)
}
