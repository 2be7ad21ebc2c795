//! What a command says: answers on stdout, everything else on stderr.

use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};

use crate::fault::{Exit, Fault, Outcome};

/// The version of the objects that `--json` prints. It changes when a field changes its meaning or goes away.
pub(crate) const JSON: u32 = 1;

/// Whether a program was told anything yet.
static ANSWERED: AtomicBool = AtomicBool::new(false);

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
            return out(&object.to_string());
        }
        let text = text();
        if text.is_empty() { Ok(()) } else { out(&text) }
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
        if !self.quiet && !self.json {
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

fn out(line: &str) -> Outcome {
    let mut stdout = anstream::stdout().lock();
    let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
    match written {
        // Whoever reads us has seen enough. What we do, and how we end, is not for them alone.
        Err(fault) if fault.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(fault) => Err(Fault::new(
            Exit::Input,
            format!(
                "could not write the answer to stdout: {fault}. What was done before stays done, and nothing after it \
                 was begun: ask for the state before you repeat it."
            ),
        )),
        Ok(()) => Ok(()),
    }
}
