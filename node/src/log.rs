//! What a running node says of itself, one line an event. It names nodes by their keys and people by nothing: no value of a
//! vault, a registration or a counter is ever given to it.
//!
//! ```text
//! 2026-11-22T13:40:00Z info link peer=5f1c0a9b77e24410 dialled=true
//! {"time":"2026-11-22T13:40:00Z","level":"info","event":"link","peer":"5f1c0a9b77e24410","dialled":"true"}
//! ```

use std::fmt::Display;
use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};

use crate::calendar::rfc3339;
use crate::clock::Clock;
use crate::config::{self, Form, Level};

/// Where lines go. Copies write to the same place.
#[derive(Clone)]
pub struct Log {
    said: config::Log,
    clock: Clock,
    to: Arc<Mutex<dyn Write + Send>>,
}

type Fields<'a> = &'a [(&'a str, &'a dyn Display)];

impl Log {
    /// A log on stderr: what a service manager keeps.
    #[must_use]
    pub fn stderr(said: config::Log, clock: Clock) -> Self {
        Self { said, clock, to: Arc::new(Mutex::new(std::io::stderr())) }
    }

    /// A log elsewhere.
    #[must_use]
    pub fn to(said: config::Log, clock: Clock, to: Arc<Mutex<dyn Write + Send>>) -> Self {
        Self { said, clock, to }
    }

    /// What only somebody who looks for a fault wants to know.
    pub fn debug(&self, event: &str, fields: Fields<'_>) {
        self.line(Level::Debug, event, fields);
    }

    /// What happens.
    pub fn info(&self, event: &str, fields: Fields<'_>) {
        self.line(Level::Info, event, fields);
    }

    /// What somebody should look at.
    pub fn warn(&self, event: &str, fields: Fields<'_>) {
        self.line(Level::Warn, event, fields);
    }

    /// What does not work.
    pub fn error(&self, event: &str, fields: Fields<'_>) {
        self.line(Level::Error, event, fields);
    }

    fn line(&self, level: Level, event: &str, fields: Fields<'_>) {
        if level < self.said.level {
            return;
        }
        let at = rfc3339(self.clock.now().0 / 1_000);
        let line = match self.said.form {
            Form::Text => text(&at, level, event, fields),
            Form::Json => object(&at, level, event, fields),
        };
        let mut to = self.to.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Nobody may be there to read it, and a full disk must not keep a site from serving.
        drop(writeln!(to, "{line}").and_then(|()| to.flush()));
    }
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

fn text(at: &str, level: Level, event: &str, fields: Fields<'_>) -> String {
    let mut line = format!("{at} {} {event}", word(level));
    for (key, value) in fields {
        let value = value.to_string();
        // One event is one line, whatever a fault has to say.
        let plain = !value.is_empty() && value.chars().all(|c| c.is_ascii_graphic() && c != '"');
        line.push(' ');
        line.push_str(key);
        line.push('=');
        if plain {
            line.push_str(&value);
        } else {
            line.push_str(&Value::String(value).to_string());
        }
    }
    line
}

fn object(at: &str, level: Level, event: &str, fields: Fields<'_>) -> String {
    let mut object = Map::new();
    for (key, value) in [("time", at), ("level", word(level)), ("event", event)] {
        object.insert(key.into(), Value::String(value.into()));
    }
    for (key, value) in fields {
        object.insert((*key).into(), Value::String(value.to_string()));
    }
    Value::Object(object).to_string()
}

#[cfg(test)]
mod tests {
    use annona_ledger::time::Millis;

    use super::*;

    fn said(form: Form, level: Level, act: impl FnOnce(&Log)) -> String {
        let to = Arc::new(Mutex::new(Vec::new()));
        let clock = Clock::fixed(Millis(1_795_354_800_999));
        act(&Log::to(config::Log { form, level }, clock, to.clone()));
        let bytes = to.lock().expect("one thread").clone();
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let act = |log: &Log| {
            log.debug("peer", &[]);
            log.info("link", &[("peer", &"5f1c"), ("dialled", &true)]);
            log.warn("odd", &[("why", &"two\nlines and \"quotes\""), ("none", &"")]);
        };
        assert_eq!(
            said(Form::Text, Level::Info, act),
            "2026-11-22T13:40:00Z info link peer=5f1c dialled=true\n\
             2026-11-22T13:40:00Z warn odd why=\"two\\nlines and \\\"quotes\\\"\" none=\"\"\n"
        );
        let json = said(Form::Json, Level::Warn, act);
        let object: Value = serde_json::from_str(&json).expect("one object");
        assert_eq!((&object["event"], &object["level"]), (&"odd".into(), &"warn".into()));
        assert_eq!(said(Form::Text, Level::Debug, act).lines().count(), 3);
    }
}
