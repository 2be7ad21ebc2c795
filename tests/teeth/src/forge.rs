//! The copy of the tree in which mutants are woven, and its build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::find::{Found, find};
use crate::weave::{Woven, weave};

/// The files that are tried: the same list that `cargo mutants` reads.
pub const FILES: &str = ".cargo/mutants.toml";
/// Rounds of building and leaving out what does not compile.
const ROUNDS: usize = 12;

/// A copy of the tree with all mutants in it.
pub struct Forge {
    tree: PathBuf,
    files: Vec<(String, String, Found)>,
    /// The number of the first mutant of each file.
    from: Vec<u32>,
    /// Mutants that do not compile.
    pub unviable: BTreeSet<u32>,
    constant: BTreeSet<String>,
    woven: BTreeMap<String, Woven>,
    /// What did not compile, kept for the next run over the same files.
    remembered: PathBuf,
}

impl Forge {
    /// Copies the tree below `root` and finds what can be changed in the files that begin with one of `only`.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or written.
    pub fn new(root: &Path, scratch: &Path, only: &[String]) -> Result<Self> {
        let tree = scratch.join("tree");
        copy(root, &tree)?;
        let mut files = Vec::new();
        for file in listed(root)? {
            if only.is_empty() || only.iter().any(|start| file.starts_with(start.as_str())) {
                let text = fs::read_to_string(root.join(&file))?;
                let found = find(&file, &text)?;
                files.push((file, text, found));
            }
        }
        // A switch is nothing the compiler could evaluate, wherever a function that has one is called from.
        let rest = rust_files(&root.join("ledger/src"))?;
        for path in rest {
            let file = path.strip_prefix(root)?.display().to_string();
            if !files.iter().any(|(known, ..)| *known == file) {
                let text = fs::read_to_string(&path)?;
                let constants = find(&file, &text)?.constants;
                files.push((file, text, Found { constants, ..Found::default() }));
            }
        }
        let mut from = Vec::new();
        let mut next = 0;
        for (_, _, found) in &files {
            from.push(next);
            next += u32::try_from(found.mutants.len())?;
        }
        let gate = tree.join("ledger/src/teeth.rs");
        if fs::read_to_string(&gate).ok().as_deref() != Some(include_str!("gate.rs")) {
            fs::write(gate, include_str!("gate.rs"))?;
        }
        let place = files.iter_mut().find(|(file, ..)| file == "ledger/src/lib.rs");
        let (_, text, _) = place.context("the ledger's first file")?;
        text.push_str("\n#[allow(missing_docs, clippy::all, unreachable_pub)]\npub mod teeth;\n");
        let remembered = scratch.join("does_not_compile");
        let (unviable, constant, woven) = (BTreeSet::new(), BTreeSet::new(), BTreeMap::new());
        let mut forge = Self { tree, files, from, unviable, constant, woven, remembered };
        forge.remember();
        Ok(forge)
    }

    /// Each mutant with a line that stands for it and for the file it is in.
    fn lines(&self) -> impl Iterator<Item = (u32, String)> {
        let all = self.files.iter().flat_map(|(_, text, found)| {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            let of = hasher.finish();
            found.mutants.iter().map(move |mutant| format!("{of:016x} {}", mutant.name))
        });
        (0..).zip(all)
    }

    fn remember(&mut self) {
        let text = fs::read_to_string(&self.remembered).unwrap_or_default();
        let known: BTreeSet<&str> = text.lines().collect();
        let constant = known.iter().filter_map(|line| line.strip_prefix("const "));
        self.constant.extend(constant.map(ToOwned::to_owned));
        self.unviable = self
            .lines()
            .filter(|(_, line)| known.contains(line.as_str()))
            .map(|(id, _)| id)
            .collect();
    }

    fn note(&self) -> Result<()> {
        let constant = self.constant.iter().map(|name| format!("const {name}"));
        let without = self.lines().filter(|(id, _)| self.unviable.contains(id));
        let all: Vec<String> = constant.chain(without.map(|(_, line)| line)).collect();
        Ok(fs::write(&self.remembered, all.join("\n"))?)
    }

    /// Every mutant's name, by number.
    pub fn names(&self) -> Vec<String> {
        let all = self.files.iter().flat_map(|(_, _, found)| &found.mutants);
        all.map(|mutant| mutant.name.clone()).collect()
    }

    /// Builds the ledger's tests with every mutant that compiles.
    ///
    /// # Errors
    ///
    /// Where something else than a mutant does not compile.
    pub fn build(&mut self) -> Result<PathBuf> {
        for _ in 0..ROUNDS {
            self.write()?;
            let built = self.cargo()?;
            self.note()?;
            if let Some(program) = built {
                return Ok(program);
            }
        }
        bail!("after {ROUNDS} rounds it does not compile yet")
    }

    fn write(&mut self) -> Result<()> {
        for ((file, text, found), from) in self.files.iter().zip(&self.from) {
            let woven = weave(text, found, *from, &self.unviable, &self.constant);
            let path = self.tree.join(file);
            // The same bytes keep their time, so that nothing is built again for them.
            if fs::read_to_string(&path).ok().as_ref() != Some(&woven.text) {
                fs::write(&path, &woven.text)?;
            }
            self.woven.insert(file.clone(), woven);
        }
        Ok(())
    }

    /// The test program, or `None` where something was left out.
    fn cargo(&mut self) -> Result<Option<PathBuf>> {
        // Quick to build is worth more than quick to run: most tests take no time.
        let quick = "profile.dev.package.annona-ledger.opt-level=0";
        let out = Command::new(std::env::var("CARGO").unwrap_or("cargo".to_owned()))
            .args(["test", "-p", "annona-ledger", "--lib", "--no-run", "--message-format=json"])
            .args(["-q", "--config", quick, "--config", "profile.dev.debug=false"])
            .current_dir(&self.tree)
            .stderr(Stdio::inherit())
            .output()?;
        let mut program = None;
        let mut errors = 0;
        let before = self.unviable.len() + self.constant.len();
        for line in String::from_utf8_lossy(&out.stdout).lines() {
            let Ok(said) = serde_json::from_str::<Value>(line) else { continue };
            if let Some(path) = said["executable"].as_str() {
                program = Some(PathBuf::from(path));
            }
            if said["message"]["level"] == "error" && !said["message"]["spans"][0].is_null() {
                errors += 1;
                self.leave_out(&said["message"])?;
            }
        }
        let left_out = self.unviable.len() + self.constant.len() - before;
        eprintln!("{errors} errors, {left_out} left out");
        match (errors, out.status.success()) {
            (0, true) => Ok(Some(program.context("a test program")?)),
            (0, false) => bail!("cargo failed"),
            _ if left_out == 0 => bail!("an error that no mutant made"),
            _ => Ok(None),
        }
    }

    fn leave_out(&mut self, message: &Value) -> Result<()> {
        let spans = message["spans"].as_array().map(Vec::as_slice).unwrap_or_default();
        let places: Vec<_> = spans
            .iter()
            .filter_map(|span| {
                let file = span["file_name"].as_str()?;
                let woven = self.woven.get(file)?;
                let (start, end) = (span["byte_start"].as_u64()?, span["byte_end"].as_u64()?);
                Some((woven, usize::try_from(start).ok()?, usize::try_from(end).ok()?))
            })
            .collect();
        let mut guilty = BTreeSet::new();
        for (woven, start, end) in &places {
            let of = woven.changed.iter().filter(|(_, r)| r.start <= *start && *end <= r.end);
            guilty.extend(of.map(|(id, _)| *id));
        }
        if guilty.is_empty() {
            for (woven, start, end) in &places {
                let of = woven.around.iter().filter(|(_, r)| r.start <= *start && *end <= r.end);
                // The innermost expression that the compiler stumbled over.
                let least = of.clone().map(|(_, r)| r.end - r.start).min();
                let inner = of.filter(|(_, r)| Some(r.end - r.start) == least);
                guilty.extend(inner.map(|(id, _)| *id));
            }
        }
        let text = message["message"].as_str().unwrap_or_default();
        if message["code"]["code"] == "E0015" {
            // `cannot call non-const associated function `Ids::new` in constants`
            let name = text.split('`').nth(1).unwrap_or_default();
            let name = name.rsplit("::").next().unwrap_or_default().to_owned();
            for ((_, _, found), from) in self.files.iter().zip(&self.from) {
                let within = |of: &str| of.rsplit([':', ' ']).next() == Some(name.as_str());
                let of = (*from..).zip(&found.mutants).filter(|(_, m)| within(&m.name));
                self.unviable.extend(of.map(|(id, _)| id));
            }
            self.constant.insert(name);
            return Ok(());
        }
        if guilty.is_empty() || std::env::var_os("TEETH_TELL").is_some() {
            eprintln!("{}", message["rendered"].as_str().unwrap_or(text));
        }
        self.unviable.extend(guilty);
        Ok(())
    }
}

/// The files of the list, in its order, each once: the value rules come first.
fn listed(root: &Path) -> Result<Vec<String>> {
    let text = fs::read_to_string(root.join(FILES)).context(FILES)?;
    let globs = text.lines().filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","));
    let mut files: Vec<String> = Vec::new();
    for glob in globs.filter(|glob| glob.starts_with("ledger/")) {
        let paths = match glob.strip_suffix("/**/*.rs") {
            Some(folder) => rust_files(&root.join(folder))?,
            None => vec![root.join(glob)],
        };
        for path in paths {
            let file = path.strip_prefix(root)?.display().to_string();
            let tests = file.contains("/tests") || file.ends_with("/odd.rs");
            if !tests && !files.contains(&file) {
                files.push(file);
            }
        }
    }
    Ok(files)
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn copy(root: &Path, tree: &Path) -> Result<()> {
    let out = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    for file in String::from_utf8(out.stdout)?.split('\0').filter(|file| !file.is_empty()) {
        let (from, to) = (root.join(file), tree.join(file));
        let Ok(bytes) = fs::read(&from) else { continue };
        fs::create_dir_all(to.parent().context("a folder")?)?;
        // Rules are written once they are woven: what is the same keeps its time, and is not built again.
        let later = file.starts_with("ledger/src/") && file.ends_with(".rs");
        if !later && fs::read(&to).ok().as_ref() != Some(&bytes) {
            fs::write(&to, bytes)?;
        }
    }
    Ok(())
}
