//! Disks that fail, and the real node on them.
//!
//! [`platter`] is a disk that a power cut finds in the middle of its work; [`vfs`] puts it under SQLite. [`camp`] is a
//! site's node whose ledger lies on one. [`power`] cuts the power at any change of the disk, [`refuse`] lets any request
//! fail, [`rot`] damages what lies there, [`people`] and [`pins`] cut the power under the person file and the PINs, [`rebuild`] has a lost node come back from its peers' bundles.
//!
//! A run is its seed: every failure prints it with the one command that repeats it. Seeds that failed once stand in `tests/data/faults.txt` and are run again for ever.

pub mod camp;
mod desk;
pub mod people;
pub mod pins;
pub mod platter;
pub mod power;
pub mod rebuild;
pub mod refuse;
pub mod rot;
pub mod vfs;

/// What was promised and not kept, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(pub String);

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a step of a harness says: nothing, or what is broken.
pub type Kept<T = ()> = Result<T, Broken>;

/// A promise that was not kept, and how to see it again.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The seed.
    pub seed: u64,
    /// How far into it.
    pub step: u64,
    /// What was not kept.
    pub broken: Broken,
    /// The arguments that repeat it.
    pub repeat: String,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { seed, step, broken, repeat } = self;
        write!(
            f,
            "seed {seed}, step {step}: {broken}\n\
             repeat: cargo run --release -p annona-tests --bin faults -- {repeat}"
        )
    }
}

/// Says what is broken unless it holds.
fn hold(holds: bool, words: impl FnOnce() -> String) -> Kept {
    if holds { Ok(()) } else { Err(Broken(words())) }
}

/// A fault where there must be none.
fn sound<T, E: std::fmt::Display>(what: &str, result: Result<T, E>) -> Kept<T> {
    result.map_err(|fault| Broken(format!("{what}: {fault}")))
}
