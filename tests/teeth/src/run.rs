//! Runs the tests that reach a mutant, quick ones first, until one fails.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use anyhow::{Context, Result, ensure};

/// Seconds of processor time one run may take beyond ten times what it takes without a mutant: one that never ends is
/// caught. Not the wall's seconds: the machine may be busy.
const SECONDS: u64 = 10;
/// Seconds of processor time a test may take without any mutant; longer ones are left out.
const MOST: u64 = 8;
/// Kilobytes a run may ask for: a mutant that gathers without end is caught.
const KILOBYTES: u64 = 4 * 1024 * 1024;
/// Milliseconds up to which a test is quick.
const QUICK: u128 = 150;
/// Tests that are tried before all others.
const FIRST: usize = 6;

/// What became of a mutant.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// A test failed.
    Caught,
    /// It ran out of time, memory or stack.
    Stopped,
    /// Every test passed that reaches it.
    Survived,
    /// No test reaches it.
    Unreached,
}

/// The test program, what each test takes and what it reaches.
pub struct Runner {
    program: PathBuf,
    folder: PathBuf,
    /// Milliseconds of processor time of each test.
    takes: BTreeMap<String, u128>,
    /// The tests that ask for a mutant, quickest first.
    reach: BTreeMap<u32, Vec<String>>,
    /// How many mutants each test has caught.
    caught: Mutex<BTreeMap<String, u32>>,
}

impl Runner {
    /// Runs every test once, by itself, with no mutant on.
    ///
    /// # Errors
    ///
    /// Where a test fails without any.
    pub fn new(program: &Path, folder: &Path, scratch: &Path) -> Result<Self> {
        let list = Command::new(program).arg("--list").current_dir(folder).output()?;
        let list = String::from_utf8(list.stdout)?;
        let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
        let seen = scratch.join("seen");
        let mut takes = BTreeMap::new();
        let mut by_test = Vec::new();
        for test in tests {
            let before = spent()?;
            let out = limited(program, folder, MOST)
                .args(["--exact", test, "--test-threads=1"])
                .env("TEETH_SEEN", &seen)
                .output()?;
            let told = fs::read_to_string(&seen).unwrap_or_default();
            // A test that asks nothing leaves the file of the one before.
            drop(fs::remove_file(&seen));
            if out.status.code().is_none_or(|code| code > 128) {
                println!("{test} is left out: it takes more than {MOST} seconds");
                continue;
            }
            ensure!(out.status.success(), "{test} fails with no mutant on");
            let asked: Vec<u32> = told.lines().filter_map(|line| line.parse().ok()).collect();
            takes.insert(test.to_owned(), spent()?.saturating_sub(before));
            by_test.push((test.to_owned(), asked));
        }
        by_test.sort_by_key(|(test, _)| takes[test]);
        let mut reach: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for (test, asked) in by_test {
            for id in asked {
                reach.entry(id).or_default().push(test.clone());
            }
        }
        let (program, folder) = (program.to_owned(), folder.to_owned());
        Ok(Self { program, folder, takes, reach, caught: Mutex::default() })
    }

    /// Tests and the milliseconds they take together.
    pub fn summary(&self) -> (usize, u128) {
        (self.takes.len(), self.takes.values().sum())
    }

    /// Tries one mutant.
    ///
    /// # Errors
    ///
    /// Where no process can be started.
    pub fn try_one(&self, id: u32) -> Result<End> {
        let Some(tests) = self.reach.get(&id) else { return Ok(End::Unreached) };
        let quick = tests.partition_point(|test| self.takes[test] <= QUICK);
        let (quick, slow) = tests.split_at(quick);
        // What caught most so far goes first: most mutants meet no more than that.
        let (mut quick, caught) = (quick.to_vec(), self.caught.lock().map_err(poisoned)?.clone());
        quick.sort_by_key(|test| Reverse(caught.get(test).copied().unwrap_or(0)));
        let (first, rest) = quick.split_at(quick.len().min(FIRST));
        let batches = [first, rest].into_iter().chain(slow.chunks(1));
        for batch in batches.filter(|batch| !batch.is_empty()) {
            match self.batch(id, batch)? {
                End::Survived => {}
                end => return Ok(end),
            }
        }
        Ok(End::Survived)
    }

    fn batch(&self, id: u32, tests: &[String]) -> Result<End> {
        let usual: u128 = tests.iter().map(|test| self.takes[test]).sum();
        let seconds = SECONDS + u64::try_from(usual * 10 / 1000)?;
        let mut child = limited(&self.program, &self.folder, seconds)
            .args(["--test-threads=1", "--exact"])
            .args(tests)
            .env("TEETH_ON", id.to_string())
            .env("RUST_BACKTRACE", "0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let failed = one_failed(&mut child)?;
        if let Some(test) = &failed {
            drop(child.kill());
            let mut caught = self.caught.lock().map_err(poisoned)?;
            *caught.entry(test.clone()).or_default() += 1;
        }
        let status = child.wait()?;
        Ok(match status.code() {
            _ if failed.is_some() => End::Caught,
            Some(0) => End::Survived,
            Some(101) => End::Caught,
            _ => End::Stopped,
        })
    }
}

/// The test program, stopped where it takes more processor time or memory than it may.
fn limited(program: &Path, folder: &Path, seconds: u64) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -t $0; ulimit -v $1; shift; exec \"$@\""])
        .args([seconds.to_string(), KILOBYTES.to_string()])
        .arg(program)
        // Where tests look for the files they read.
        .env("CARGO_MANIFEST_DIR", folder)
        .current_dir(folder);
    command
}

/// Milliseconds of processor time of all processes this one has waited for, by Linux.
fn spent() -> Result<u128> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after = stat.rsplit(") ").next().unwrap_or_default();
    // Fields 16 and 17 of the line, in hundredths of a second; the third is the first here (proc(5)).
    let ticks = after.split(' ').skip(13).take(2).map(str::parse::<u128>);
    let ticks: Vec<u128> = ticks.collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u128>() * 10)
}

fn poisoned<T>(_: T) -> anyhow::Error {
    anyhow::anyhow!("another thread has panicked")
}

/// The first test that failed.
fn one_failed(child: &mut Child) -> Result<Option<String>> {
    let out = child.stdout.take().context("what the tests say")?;
    for line in BufReader::new(out).lines() {
        let line = line.unwrap_or_default();
        if let Some(said) = line.strip_suffix("... FAILED") {
            return Ok(Some(said.trim_start_matches("test ").trim().to_owned()));
        }
    }
    Ok(None)
}
