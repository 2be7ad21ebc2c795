//! The stage: tells what happens, runs the program as anybody would, and stops where something is not as it should be.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use crate::fault::{Exit, Fault, Outcome};
use crate::screen::Screen;
use crate::session::Session;
use crate::stop::LongWork;

/// What opens every key file of the demonstration. It is printed: nothing here is worth a secret.
const PASSPHRASE: &str = "bread rice oil and salt";

/// What each command is given besides; told once.
const SILENT: &str = "--passphrase-file pass.txt --yes --heads heads";

/// Where it is played.
pub(super) struct Stage {
    dir: PathBuf,
    program: PathBuf,
    screen: Screen,
    began: Instant,
    commands: u32,
    step: u32,
    long: LongWork,
}

/// What a command answered.
pub(super) struct Answer {
    said: String,
    code: Option<i32>,
    lines: Vec<Value>,
    /// What it said beside its answer.
    pub(super) words: String,
}

impl Stage {
    pub(super) fn new(session: &Session, dir: PathBuf) -> Outcome<Self> {
        let program = std::env::current_exe()
            .map_err(|fault| Fault::io("find", Path::new("this program"), fault))?;
        let stage = Self {
            dir,
            program,
            screen: session.screen,
            began: Instant::now(),
            commands: 0,
            step: 0,
            long: LongWork::begin(),
        };
        stage.write("pass.txt", &format!("{PASSPHRASE}\n"))?;
        stage.folder("stick")?;
        Ok(stage)
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) const fn commands(&self) -> u32 {
        self.commands
    }

    pub(super) fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Opens the demonstration.
    pub(super) fn begin(&self, text: &str) {
        self.screen.note(format!(
            "{text}\nFolder: {}   Passphrase of every key file: {PASSPHRASE} (Argon2id, 19 MiB, 2 passes)\nTo type a command \
             again: in that folder, each with {SILENT}",
            self.dir.display()
        ));
    }

    /// Begins a step: its title, and a line or two on what it is for.
    pub(super) fn step(&mut self, title: &str, text: &str) -> Outcome {
        self.long.check()?;
        self.step += 1;
        let value =
            json!({ "step": self.step, "title": title, "text": text, "at": self.seconds() });
        if self.screen.json {
            return self.screen.answer("demo_step", value, String::new);
        }
        self.screen.note(format!("\n\x1b[1m{:>2}  {title}\x1b[0m\n    {text}", self.step));
        Ok(())
    }

    /// Tells what came of it.
    pub(super) fn result(&self, name: &str, text: &str) -> Outcome {
        if self.screen.json {
            let value = json!({ "step": self.step, "name": name, "text": text });
            return self.screen.answer("demo_result", value, String::new);
        }
        self.screen.note(format!("    \x1b[32m=\x1b[0m {text}"));
        Ok(())
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Outcome {
        let path = self.path(name);
        fs::write(&path, text).map_err(|fault| Fault::io("write", &path, fault))
    }

    pub(super) fn folder(&self, name: &str) -> Outcome {
        let path = self.path(name);
        fs::create_dir_all(&path).map_err(|fault| Fault::io("make", &path, fault))
    }

    pub(super) fn read(&self, name: &str) -> Outcome<Vec<u8>> {
        let path = self.path(name);
        fs::read(&path).map_err(|fault| Fault::io("read", &path, fault))
    }

    pub(super) fn copy(&self, from: &Path, to: &str) -> Outcome {
        fs::copy(from, self.path(to)).map(drop).map_err(|fault| Fault::io("copy", from, fault))
    }

    /// Runs a command that must succeed.
    pub(super) fn run(&mut self, words: &str) -> Outcome<Answer> {
        let child = self.start(words)?;
        self.finish(words, child)?.fine()
    }

    /// Runs several commands at once, each on a node of its own; all must succeed.
    pub(super) fn together(&mut self, all: &[String]) -> Outcome<Vec<Answer>> {
        let children =
            all.iter().map(|words| self.start(words)).collect::<Outcome<Vec<Child>>>()?;
        all.iter().zip(children).map(|(words, child)| self.finish(words, child)?.fine()).collect()
    }

    /// Fails unless an outcome is what it should be.
    pub(super) fn must(&self, what: &str, well: bool) -> Outcome {
        if well {
            return Ok(());
        }
        Err(Fault::new(Exit::Bug, format!("step {} should have come to {what}", self.step)))
    }

    /// Writes a bundle of one node for others onto the stick, in a folder of its own.
    pub(super) fn stick(&mut self, from: &str, to: &[&str], folder: &str) -> Outcome {
        self.folder(folder)?;
        let to: Vec<String> = to.iter().map(|node| format!("--to {node}")).collect();
        self.run(&format!("bundle export {} --dir {from} --out {folder}", to.join(" "))).map(drop)
    }

    /// Loses a folder.
    pub(super) fn burn(&self, name: &str) -> Outcome {
        if !self.screen.json {
            self.screen.note(format!("    $ rm -r {name}"));
        }
        let path = self.path(name);
        fs::remove_dir_all(&path).map_err(|fault| Fault::io("remove", &path, fault))
    }

    /// Says that another act begins.
    pub(super) fn curtain(&self, text: &str) {
        self.screen.note(format!("\n{text}"));
    }

    /// Runs a command that must be refused, with this exit code and these words in its reason, and tells the reason.
    pub(super) fn refused(&mut self, name: &str, words: &str, code: i32, reason: &str) -> Outcome {
        self.ends(name, words, (code, reason), "refused")
    }

    /// Runs a command that must find something wrong, as [`Stage::refused`].
    pub(super) fn finds(&mut self, name: &str, words: &str, code: i32, reason: &str) -> Outcome {
        self.ends(name, words, (code, reason), "found")
    }

    fn ends(
        &mut self,
        name: &str,
        words: &str,
        (code, reason): (i32, &str),
        label: &str,
    ) -> Outcome {
        let child = self.start(words)?;
        let answer = self.finish(words, child)?;
        let message = answer.error();
        if answer.code == Some(code) && message.contains(reason) {
            if self.screen.json {
                return self.result(name, &message);
            }
            self.screen.note(format!("    \x1b[31m{label}\x1b[0m (exit {code}): {message}"));
            return Ok(());
        }
        Err(Fault::new(
            Exit::Bug,
            format!(
                "`annona {words}` should have ended with {code} and \"{reason}\", but ended with {:?}: {message}",
                answer.code
            ),
        ))
    }

    /// Tells how something goes on that takes a while.
    pub(super) fn progress(&self, value: Value, text: impl FnOnce() -> String) -> Outcome {
        if self.screen.json {
            return self.screen.answer("demo_progress", value, String::new);
        }
        self.screen.note(format!("    \x1b[36m…\x1b[0m {}", text()));
        Ok(())
    }

    /// Tells what is done without a command of the program.
    pub(super) fn does(&self, text: &str) {
        self.screen.note(format!("    $ {text}"));
    }

    /// Runs a command that only looks, without a word about it.
    pub(super) fn quiet(&self, words: &str) -> Outcome<Answer> {
        self.long.check()?;
        let child = self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let child = child.map_err(|fault| Fault::io("start", &self.program, fault))?;
        self.finish(words, child)?.fine()
    }

    /// Starts a command that goes on; what it logs is added to a file.
    pub(super) fn background(&mut self, words: &str, log: &str) -> Outcome<Child> {
        self.long.check()?;
        self.commands += 1;
        self.does(&format!("annona {words} 2>> {log} &"));
        let path = self.path(log);
        let log = fs::OpenOptions::new().create(true).append(true).open(&path);
        let log = log.map_err(|fault| Fault::io("write", &path, fault))?;
        let child = self.command(words).stdout(Stdio::null()).stderr(log).spawn();
        child.map_err(|fault| Fault::io("start", &self.program, fault))
    }

    fn start(&mut self, words: &str) -> Outcome<Child> {
        self.long.check()?;
        self.commands += 1;
        if !self.screen.json && !words.starts_with("status") {
            self.screen.note(format!("    $ annona {}", typed(words)));
        }
        let child = self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        child.map_err(|fault| Fault::io("start", &self.program, fault))
    }

    fn command(&self, words: &str) -> Command {
        // What the nodes have signed is remembered beside their folders, never in them.
        let heads = !words.contains("--heads");
        let mut command = Command::new(&self.program);
        command
            .args(split(words))
            .args(["--json", "--no-input"])
            .args(SILENT.split(' ').filter(|word| heads || !word.contains("heads")))
            .current_dir(&self.dir)
            .env_remove("ANNONA_DIR")
            .stdin(Stdio::null());
        command
    }

    fn finish(&self, words: &str, child: Child) -> Outcome<Answer> {
        let output = child
            .wait_with_output()
            .map_err(|fault| Fault::io("wait for", &self.program, fault))?;
        self.long.check()?;
        Answer::read(words, &output)
    }

    /// Runs a command with nothing but one folder to work in, as a stranger would: no data folder, no keys, nothing set.
    pub(super) fn stranger(&mut self, folder: &str, words: &str) -> Outcome<Answer> {
        self.long.check()?;
        self.commands += 1;
        if !self.screen.json {
            self.screen.note(format!("    $ cd {folder} && annona {words}"));
        }
        let place = self.path(folder);
        let output = Command::new(&self.program)
            .args(split(words))
            .args(["--json", "--no-input", "--dir", "nothing-here"])
            .current_dir(&place)
            .env_clear()
            .env("HOME", &place)
            .stdin(Stdio::null())
            .output()
            .map_err(|fault| Fault::io("start", &self.program, fault))?;
        Answer::read(words, &output)
    }
}

impl Answer {
    fn read(said: &str, output: &Output) -> Outcome<Self> {
        let lines = String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(serde_json::from_str)
            .collect::<Result<Vec<Value>, _>>()
            .map_err(|why| {
                Fault::new(Exit::Bug, format!("`annona {said}` did not answer in JSON: {why}"))
            })?;
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok(Self { said: said.to_owned(), code: output.status.code(), lines, words })
    }

    fn fine(self) -> Outcome<Self> {
        if self.code == Some(0) {
            return Ok(self);
        }
        Err(Fault::new(
            Exit::Bug,
            format!("`annona {}` ended with {:?}: {}", self.said, self.code, self.error()),
        ))
    }

    /// How it ended.
    pub(super) const fn code(&self) -> Option<i32> {
        self.code
    }

    /// The message it failed with.
    pub(super) fn error(&self) -> String {
        let fault = self.words.lines().rev().find_map(|line| {
            let value: Value = serde_json::from_str(line).ok()?;
            Some(value.get("message")?.as_str()?.to_owned())
        });
        let found = self.all("check").filter(|check| check.get("well") == Some(&json!(false)));
        let found: Vec<&str> = found.filter_map(|check| check.get("found")?.as_str()).collect();
        if found.is_empty() {
            fault.unwrap_or_else(|| self.words.trim().to_owned())
        } else {
            found.join("; ")
        }
    }

    /// The answers of one kind.
    pub(super) fn all<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| line.get("kind").is_some_and(|k| k == kind))
    }

    /// A field of the first answer that has it; null where none has.
    pub(super) fn first(&self, name: &str) -> &Value {
        self.lines.iter().find_map(|line| line.get(name)).unwrap_or(&Value::Null)
    }

    /// A field of the first answer that has it, as text.
    pub(super) fn field(&self, name: &str) -> Outcome<String> {
        let found = self.lines.iter().find_map(|line| line.get(name)).filter(|v| !v.is_null());
        let found = found.ok_or_else(|| {
            Fault::new(Exit::Bug, format!("`annona {}` did not tell {name}", self.said))
        })?;
        Ok(found.as_str().map_or_else(|| found.to_string(), str::to_owned))
    }
}

/// Splits a command line as a shell does, with quotation marks and nothing more.
/// A command as a shell takes it: texts of tickets hold signs that mean something between double quotation marks.
fn typed(words: &str) -> String {
    words.replace('"', "'")
}

fn split(line: &str) -> Vec<impl AsRef<OsStr>> {
    let mut words = Vec::new();
    for (nth, part) in line.split('"').enumerate() {
        if nth % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
