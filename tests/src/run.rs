//! One seed, run; and what to say when it fails.

use std::collections::BTreeMap;

use annona_ledger::hash::Hash;
use annona_ledger::view::{Pool, PoolKey};

use crate::check::Breach;
use crate::coverage::Coverage;
use crate::planted::Bug;
use crate::site::memory::Memory;
use crate::site::stored::Stored;
use crate::world::{Founder, Options, World};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// One hash over everything that happened.
    pub digest: Hash,
    /// The state root that all nodes ended with.
    pub root: Hash,
    /// The pools that all nodes ended with.
    pub pools: BTreeMap<PoolKey, Pool>,
    /// The root of the core's own maps after they were told every block the first node keeps.
    pub root_retold: Hash,
    /// Nodes, copies included.
    pub nodes: usize,
    /// Entries written.
    pub entries: usize,
    /// What was tried.
    pub coverage: Coverage,
}

/// A run that broke something.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// What broke.
    pub breach: Breach,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "seed {}: {}", self.seed, self.breach)?;
        write!(f, "repeat: cargo run --release -p annona-tests --bin sim -- --seed {}", self.seed)
    }
}

impl std::error::Error for Failed {}

/// Runs one seed over the core's own maps.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run(options: Options) -> Result<Ran, Box<Failed>> {
    let founder: &Founder<'_> = &|with| {
        let reckless = with.reckless.then_some(Bug::SenderRecalls);
        let bug = options.bug.or(reckless);
        Box::new(Memory::found(with.seed, with.articles, with.notices, bug))
    };
    run_on(options, founder)
}

/// Runs one seed over ledger files: every honest node is the real store. The reckless one keeps the core's maps, as
/// the shipped store has no switch that makes it hand out what it does not have.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_stored(options: Options) -> Result<Ran, Box<Failed>> {
    let founder: &Founder<'_> = &|with| {
        if with.reckless {
            let bug = Some(Bug::SenderRecalls);
            return Box::new(Memory::found(with.seed, with.articles, with.notices, bug));
        }
        Box::new(Stored::found(with.seed, with.articles, with.notices))
    };
    run_on(options, founder)
}

/// Runs one seed over sites of any kind.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_on(options: Options, founder: &Founder<'_>) -> Result<Ran, Box<Failed>> {
    let mut world = World::found(options, founder);
    match world.run() {
        Ok(()) => Ok(Ran {
            digest: world.digest(),
            root: world.nodes[0].site.root(),
            pools: world.nodes[0].site.pools(),
            root_retold: world.retold(),
            nodes: world.nodes.len(),
            entries: world.written(),
            coverage: world.coverage,
        }),
        Err(breach) => Err(Box::new(Failed { seed: options.seed, breach })),
    }
}
