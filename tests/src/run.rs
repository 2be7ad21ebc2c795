//! One seed, run; and what to say when it fails.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use annona_ledger::entry::Entry;
use annona_ledger::hash::Hash;
use annona_ledger::view::{Pool, PoolKey};

use crate::check::{Breach, Broken, ensure};
use crate::coverage::Coverage;
use crate::site::memory::Memory;
use crate::site::stored::Stored;
use crate::world::{Founder, Options, World};

/// What keeps the nodes' state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// The core's ordered maps.
    Core,
    /// Ledger files: SQLite, as shipped.
    Store,
    /// One after the other; both must come to the same.
    Both,
}

impl Over {
    const fn flag(self) -> &'static str {
        match self {
            Self::Core => "",
            Self::Store => " --store",
            Self::Both => " --both",
        }
    }
}

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
    /// The entries written, as they were.
    pub entries: Vec<Entry>,
    /// How many started from a checkpoint; over the core's maps nobody.
    pub began: usize,
    /// What was tried.
    pub coverage: Coverage,
}

/// A run that broke something.
#[derive(Clone, Debug)]
pub struct Failed {
    /// What was run.
    pub options: Options,
    /// Over what.
    pub over: Over,
    /// What broke.
    pub breach: Breach,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Options { seed, steps, .. } = self.options;
        writeln!(f, "seed {seed}: {}", self.breach)?;
        write!(f, "repeat: cargo run --release -p annona-tests --bin sim -- --seed {seed}")?;
        if steps != Options::STEPS {
            write!(f, " --steps {steps}")?;
        }
        if let Some(malice) = self.options.malice {
            write!(f, " --malice {}", format!("{malice:?}").to_lowercase())?;
        }
        if self.options.offices == Some(false) {
            f.write_str(" --plain")?;
        }
        if self.options.people == Some(false) {
            f.write_str(" --no-people")?;
        }
        if self.options.links == Some(false) {
            f.write_str(" --no-links")?;
        }
        f.write_str(self.over.flag())
    }
}

impl std::error::Error for Failed {}

/// Runs one seed.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_over(options: Options, over: Over) -> Result<Ran, Box<Failed>> {
    match over {
        Over::Core => run(options),
        Over::Store => run_stored(options),
        Over::Both => run_both(options),
    }
}

/// Runs one seed over the core's own maps.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run(options: Options) -> Result<Ran, Box<Failed>> {
    let founder: &Founder<'_> = &|with| {
        let bug = options.bug.or(with.reckless);
        Box::new(Memory::found(with.seed, with.articles, with.notices, bug))
    };
    run_on(options, Over::Core, founder)
}

/// Runs one seed over ledger files: every honest node is the real store. The reckless one keeps the core's maps, as
/// the shipped store has no switch that makes it hand out what it does not have.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_stored(options: Options) -> Result<Ran, Box<Failed>> {
    let founder: &Founder<'_> = &|with| {
        if with.reckless.is_some() {
            return Box::new(Memory::found(with.seed, with.articles, with.notices, with.reckless));
        }
        Box::new(Stored::found(with.seed, with.articles, with.notices))
    };
    run_on(options, Over::Store, founder)
}

/// Runs one seed over ledger files and over the core's maps: two tellings of one state, alike to the last refusal, head
/// and root.
///
/// # Errors
///
/// The first invariant that does not hold, or [`Broken::StoreDiffers`].
pub fn run_both(options: Options) -> Result<Ran, Box<Failed>> {
    let options = Options { cuts_nothing: true, ..options };
    let (stored, mut core) = (run_stored(options)?, run(options)?);
    core.began = stored.began;
    let same = ensure(
        stored == core && stored.root == stored.root_retold,
        Broken::StoreDiffers,
        || {
            let Ran { digest, root, root_retold, .. } = &stored;
            let noted = |one: &Ran, other: &Ran| {
                let differ =
                    one.coverage.0.iter().filter(|(k, n)| other.coverage.0.get(*k) != Some(n));
                differ.map(|(what, times)| format!("{what} {times}")).collect::<Vec<_>>()
            };
            format!(
                "digest {digest}, root {root}, told again {root_retold}; over the core {}, {}; {:?} | {:?}",
                core.digest,
                core.root,
                noted(&stored, &core),
                noted(&core, &stored),
            )
        },
    );
    match same {
        Ok(()) => Ok(core),
        Err(breach) => Err(Box::new(Failed { options, over: Over::Both, breach })),
    }
}

/// Runs one seed over sites of any kind.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn run_on(options: Options, over: Over, founder: &Founder<'_>) -> Result<Ran, Box<Failed>> {
    let whole = || {
        let mut world = World::found(options, founder);
        world.run(founder)?;
        Ok(Ran {
            digest: world.digest(),
            root: world.nodes[0].site.root(),
            pools: world.nodes[0].site.pools(),
            root_retold: world.retold(),
            nodes: world.nodes.len(),
            entries: world.truth.facts.iter().map(|fact| fact.entry.clone()).collect(),
            began: world.began,
            coverage: world.coverage,
        })
    };
    // Where panics unwind, here one gets its seed; where they end the program, in [`name_panics`].
    let panicked = Breach { broken: Broken::Panicked, detail: "see the message above".into() };
    RUNNING.set(Some(Failed { options, over, breach: panicked.clone() }));
    let ran = catch_unwind(AssertUnwindSafe(whole)).unwrap_or(Err(panicked));
    RUNNING.take();
    ran.map_err(|breach| Box::new(Failed { options, over, breach }))
}

thread_local! {
    static RUNNING: RefCell<Option<Failed>> = const { RefCell::new(None) };
}

/// Has every panic say which seed it was and how to repeat it: a released program ends there.
pub fn name_panics() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        if let Some(failed) = RUNNING.take() {
            println!("FAILED {failed}");
        }
    }));
}
