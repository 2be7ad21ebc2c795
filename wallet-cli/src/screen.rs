//! What a command says: answers on stdout, everything else on stderr.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use annona_ledger::hash::{Hash, Purpose, hash};
use serde_json::{Map, Value, json};

use crate::fault::{Exit, Fault, Outcome};

/// The version of the objects that `--json` prints. It changes when a field changes its meaning or goes away.
pub(crate) const JSON: u32 = 1;

/// Whether a program was told anything yet.
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// What was said so far.
static SAID: Mutex<Said> = Mutex::new(Said { before: Vec::new(), now: Vec::new() });

/// What a command said, for when it begins anew after a question: nothing is told twice. By its hash, since it may name people.
struct Said {
    /// By the run that ended with the question, and not by this one.
    before: Vec<Hash>,
    /// By this run.
    now: Vec<Hash>,
}

impl Said {
    /// So many are remembered; what comes after them is told again. Lists that are longer ask no question after them.
    const MOST: usize = 1024;

    /// Begins anew.
    fn again(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    /// Whether this was not told before the command began anew. What was told twice then may be told twice now.
    fn is_new(&mut self, text: &str) -> bool {
        if self.now.len() >= Self::MOST && self.before.is_empty() {
            return true;
        }
        let named = hash(Purpose::File, &[text.as_bytes()]);
        if self.now.len() < Self::MOST {
            self.now.push(named);
        }
        let told = self.before.iter().position(|said| *said == named);
        told.map(|at| self.before.swap_remove(at)).is_none()
    }
}

/// Where a command's words go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// One JSON object a line instead of text.
    pub(crate) json: bool,
    /// Answers only.
    pub(crate) quiet: bool,
    /// How much more to tell.
    pub(crate) verbose: u8,
    /// Nothing is done, only said: every object says so, and none says that anything was accepted.
    pub(crate) dry_run: bool,
}

impl Screen {
    /// Answers: one object with `--json`, otherwise text. Lists call this once for each line.
    ///
    /// # Errors
    ///
    /// Where nobody reads stdout any more, or it cannot be written.
    pub(crate) fn answer(
        &self,
        kind: &str,
        value: Value,
        text: impl FnOnce() -> String,
    ) -> Outcome {
        if self.json {
            let mut object = versioned(kind, value);
            if self.dry_run
                && let Some(fields) = object.as_object_mut()
            {
                tried(fields);
            }
            ANSWERED.store(true, Ordering::Relaxed);
            let text = object.to_string();
            return if is_new(&text) { out(&text) } else { Ok(()) };
        }
        let text = text();
        if text.is_empty() || !is_new(&text) { Ok(()) } else { out(&text) }
    }

    /// Answers as [`Screen::answer`] does, where somebody waits for this answer and for no other: goods leave by it.
    ///
    /// # Errors
    ///
    /// Also where nobody reads stdout any more.
    pub(crate) fn answer_now(
        &self,
        kind: &str,
        value: Value,
        text: impl FnOnce() -> String,
    ) -> Outcome {
        let text = if self.json { versioned(kind, value).to_string() } else { text() };
        print(&text).map_err(|fault| unwritten(&fault))
    }

    /// The command begins anew after a question: what it has told already, it does not tell again.
    pub(crate) fn again(&self) {
        if let Ok(mut said) = SAID.lock() {
            said.again();
        }
    }

    /// Ends a command that did what it was asked. A dry run that came to nothing says so to a program, which could take its
    /// silence for one that broke off.
    ///
    /// # Errors
    ///
    /// As [`Screen::answer`].
    pub(crate) fn end(&self) -> Outcome {
        if self.dry_run && self.json && !ANSWERED.load(Ordering::Relaxed) {
            return self.answer("nothing", json!({}), String::new);
        }
        Ok(())
    }

    /// Tells what was done, or what to do next. Nothing with `--quiet` or `--json`.
    pub(crate) fn note(&self, text: impl AsRef<str>) {
        if !self.quiet && !self.json && is_new(text.as_ref()) {
            anstream::eprintln!("{}", text.as_ref());
        }
    }

    /// Tells what somebody who said `-v` wants to know.
    pub(crate) fn detail(&self, text: impl FnOnce() -> String) {
        if self.verbose > 0 {
            anstream::eprintln!("{}", text());
        }
    }

    /// Warns, whatever was asked for.
    pub(crate) fn warn(&self, text: impl AsRef<str>) {
        let text = text.as_ref();
        if !is_new(text) {
            return;
        }
        if self.json {
            anstream::eprintln!("{}", versioned("warning", json!({ "message": text })));
        } else {
            anstream::eprintln!("\x1b[33mwarning:\x1b[0m {text}");
        }
    }

    /// Says why the command failed.
    pub(crate) fn fault(&self, fault: &Fault) {
        if fault.message.is_empty() {
            return;
        }
        if self.json {
            let value = json!({ "exit": fault.exit as u8, "message": fault.message });
            anstream::eprintln!("{}", versioned("error", value));
        } else {
            anstream::eprintln!("\x1b[31merror:\x1b[0m {}", fault.message);
        }
    }

    /// Whether answers are for a program, which wants all of them.
    pub(crate) const fn json(&self) -> bool {
        self.json
    }

    /// Whether progress may be drawn.
    pub(crate) fn draws(&self) -> bool {
        !self.json && !self.quiet && std::io::stderr().is_terminal()
    }
}

fn versioned(kind: &str, value: Value) -> Value {
    let mut object = Map::new();
    object.insert("annona".into(), json!(JSON));
    object.insert("kind".into(), json!(kind));
    match value {
        Value::Object(fields) => object.extend(fields),
        other => {
            object.insert("value".into(), other);
        }
    }
    Value::Object(object)
}

/// Says of an answer that nothing was done: a till that looks for `accepted` must not find it.
fn tried(fields: &mut Map<String, Value>) {
    if let Some(accepted) = fields.remove("accepted") {
        fields.insert("would_accept".into(), accepted);
    }
    fields.insert("dry_run".into(), json!(true));
}

fn is_new(text: &str) -> bool {
    SAID.lock().map_or(true, |mut said| said.is_new(text))
}

fn out(line: &str) -> Outcome {
    match print(line) {
        // Whoever reads us has seen enough. What we do, and how we end, is not for them alone.
        Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(fault) => Err(unwritten(&fault)),
        Ok(()) => Ok(()),
    }
}

fn print(line: &str) -> std::io::Result<()> {
    let mut stdout = anstream::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush())
}

fn unwritten(fault: &std::io::Error) -> Fault {
    Fault::new(
        Exit::Input,
        format!(
            "could not write the answer to stdout: {fault}. What was done before stays done, and nothing after it was \
             begun: ask for the state before you repeat it."
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_before_a_question_is_told_once_and_what_is_new_is_told() {
        let mut said = Said { before: Vec::new(), now: Vec::new() };
        let tell = |said: &mut Said, all: &[&str]| -> Vec<bool> {
            all.iter().map(|text| said.is_new(text)).collect()
        };
        assert_eq!(tell(&mut said, &["a", "b", "a"]), [true; 3], "a list may have a line twice");
        said.again();
        let after = tell(&mut said, &["a", "c", "a", "a", "b"]);
        assert_eq!(after, [false, true, false, true, false]);
        // Asked a second time: what was passed over just now was told all the same.
        said.again();
        assert_eq!(tell(&mut said, &["b", "c", "d"]), [false, false, true]);
        for n in 0..2 * Said::MOST {
            assert!(said.is_new(&n.to_string()));
        }
        assert!(said.now.len() <= Said::MOST);
    }
}
