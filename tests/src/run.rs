//! One seed, run; and what to say when it fails.

use annona_ledger::hash::Hash;

use crate::check::Breach;
use crate::coverage::Coverage;
use crate::planted::Bug;
use crate::site::memory::Memory;
use crate::world::{Founder, Options, World};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// One hash over everything that happened.
    pub digest: Hash,
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
            nodes: world.nodes.len(),
            entries: world.written(),
            coverage: world.coverage,
        }),
        Err(breach) => Err(Box::new(Failed { seed: options.seed, breach })),
    }
}
