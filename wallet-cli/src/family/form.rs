//! What is known of people, as it is told to a command: in a file, on standard input, or at the terminal. Never in the
//! words of the command itself, which everybody on the machine sees (`ps`) and the shell keeps.
//!
//! ```text
//! size=5                                  of the family as a whole: one field a line
//! member: full_name=…,sex=female,age=34   somebody who is new
//! 2: phone=0700 123 456                   of the second member, as she stands
//! ```

use std::io::{BufRead, IsTerminal, Read};
use std::path::PathBuf;

use annona_ledger::digits::typed;
use annona_node::atomic;
use annona_node::person::{Attributes, Household, Scope};
use clap::Args;
use zeroize::Zeroizing;

use super::fields;
use crate::fault::{Fault, Outcome};
use crate::session::Session;

/// The longest form, in bytes: a family of 255 with every field.
const MOST: usize = 1 << 20;

/// Where it is told.
#[derive(Args)]
pub(super) struct Form {
    /// Take it from a file, or from standard input: lines FIELD=VALUE of the family, "member: FIELD=VALUE,FIELD=VALUE" of
    /// somebody new, "2: FIELD=VALUE" of the second member. `annona family fields` lists the fields [default: ask]
    #[arg(long, value_name = "FILE|-")]
    from: Option<PathBuf>,
    /// Refused with what to do instead
    #[arg(long = "member", aliases = ["set", "member-set", "add-member"], value_name = "FIELDS", hide = true)]
    typed: Vec<String>,
}

/// What a form says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    whole: Vec<String>,
    new: Vec<String>,
    of: Vec<(usize, String)>,
}

impl Form {
    /// Reads it, or asks for it. Where nothing need be told, nobody is asked.
    pub(super) fn read(&self, session: &Session, needed: bool) -> Outcome<Told> {
        if !self.typed.is_empty() {
            return Err(Fault::usage(
                "what is known of people does not stand in a command: everybody on this machine sees it, and the shell \
                 keeps it.",
            )
            .then(
                "Write it into a file and say --from FILE, or --from - for standard input; with neither it is asked for.",
            ));
        }
        let text = match &self.from {
            Some(path) if path.as_os_str() == "-" => {
                session.ask.once("-", || input(std::io::stdin().lock()))?
            }
            Some(path) => {
                let bytes = atomic::read(path, MOST)?;
                let text = std::str::from_utf8(&bytes);
                let text =
                    text.map_err(|_| Fault::file(path, "it is not UTF-8 text."));
                Zeroizing::new(text?.to_owned())
            }
            None if !needed => return Ok(Told::default()),
            None if session.ask.no_input || !std::io::stdin().is_terminal() => {
                return Err(Fault::usage("say what is known of them: --from FILE, or --from -."));
            }
            None => session.ask.once("-", || {
                session.screen.note(
                    "What is known of them, a line each; an empty line ends:\n  size=5\n  member: full_name=…,sex=female,age=34\n  2: phone=0700 123 456",
                );
                asked()
            })?,
        };
        let at = |fault: Fault| match &self.from {
            Some(path) => fault.at(path.display()),
            None => fault,
        };
        let told = Told::of(&text).map_err(at)?;
        if needed && told == Told::default() {
            let none = "nothing is said of anybody: write a line each, such as size=5.";
            return Err(at(Fault::input(none)));
        }
        Ok(told)
    }
}

/// Words to look for: those of the command, or, so that no name stands there, of standard input or of the terminal.
pub(super) fn words(session: &Session, words: &[String]) -> Outcome<Zeroizing<String>> {
    match words {
        [] if session.ask.no_input || !std::io::stdin().is_terminal() => {
            Err(Fault::usage("say what to look for: words, or - for standard input."))
        }
        [] => {
            session.screen.note("Words to look for; an empty line ends:");
            asked()
        }
        [one] if one == "-" => input(std::io::stdin().lock()),
        words => Ok(Zeroizing::new(words.join(" "))),
    }
}

fn input(from: impl Read) -> Outcome<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let read = from.take(MOST as u64 + 1).read_to_string(&mut text);
    read.map_err(|fault| Fault::io("read", "standard input".as_ref(), fault))?;
    if text.len() > MOST { Err(Fault::input("it is longer than 1 MiB.")) } else { Ok(text) }
}

/// Lines of the terminal, up to an empty one.
fn asked() -> Outcome<Zeroizing<String>> {
    let mut text = Zeroizing::new(String::new());
    let mut lines = std::io::stdin().lock().take(MOST as u64);
    loop {
        let before = text.len();
        let read = lines.read_line(&mut text);
        read.map_err(|fault| Fault::io("read", "the terminal".as_ref(), fault))?;
        if text.get(before..).is_none_or(|line| line.trim().is_empty()) {
            return Ok(text);
        }
    }
}

impl Told {
    fn of(text: &str) -> Outcome<Self> {
        let mut told = Self::default();
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            // A colon in a value is the value's.
            let whose = line.split_once(':').filter(|(before, _)| !before.contains('='));
            match whose.map(|(before, rest)| (before.trim(), rest.trim().to_owned())) {
                None => told.whole.push(line.to_owned()),
                Some(("member", rest)) => told.new.push(rest),
                Some((number, rest)) => match typed(number).parse() {
                    Ok(number) => told.of.push((number, rest)),
                    Err(_) => {
                        return Err(Fault::input(format!(
                            "\"{number}:\" says of nobody: write \"member:\", or a number."
                        )));
                    }
                },
            }
        }
        Ok(told)
    }

    /// Writes it into a household: what is said of it as a whole, and of members as they stand. Who is new is left out.
    pub(super) fn write(&self, household: &mut Household) -> Outcome {
        for line in &self.whole {
            fields::set(&mut household.whole, Scope::Household, line)?;
        }
        let count = household.members.len();
        for (number, line) in &self.of {
            let place = number.checked_sub(1);
            let person = place.and_then(|at| household.members.get_mut(at)).ok_or_else(|| {
                Fault::input(match count {
                    0 => format!("there is no member {number} yet: write \"member:\"."),
                    _ => format!("the family has members 1 to {count}, no {number}."),
                })
            })?;
            fields::person(person, line)?;
        }
        Ok(())
    }

    /// Who is new.
    pub(super) fn people(&self) -> Outcome<Vec<Attributes>> {
        let person = |line: &String| {
            let mut person = Attributes::default();
            fields::person(&mut person, line).map(|()| person)
        };
        self.new.iter().map(person).collect()
    }

    /// Who is new, where it is one and nothing else is said.
    pub(super) fn only(&self) -> Outcome<Attributes> {
        match self.people()?.pop() {
            Some(person) if self.new.len() == 1 && self.whole.is_empty() && self.of.is_empty() => {
                Ok(person)
            }
            _ => {
                Err(Fault::input("write one line, of one person: \"member: given_name=…,age=0\"."))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_say_of_whom_they_are() {
        let text = "\u{feff}# a family\nsize=5\n\n  address=Block B: 4\nmember: full_name=রহিমা\\, বেগম,age=40\n2: phone=+963: 11\n";
        let told = Told::of(text).expect("a form");
        assert_eq!(told.whole, ["size=5", "address=Block B: 4"]);
        assert_eq!(told.new, ["full_name=রহিমা\\, বেগম,age=40"]);
        assert_eq!(told.of, [(2, "phone=+963: 11".to_owned())]);
        assert!(told.only().is_err());
        let one = Told::of("member: given_name=Adam,age=0").expect("a form");
        assert_eq!(one.only().expect("one").iter().count(), 2);
        for wrong in ["head: age=3", "-1: age=3", "\u{1369}: age=3"] {
            assert!(Told::of(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Told::of("\u{662}: age=3").expect("a form").of, [(2, "age=3".to_owned())]);
        let mut nobody = Household::default();
        assert!(Told::of("1: age=3").expect("a form").write(&mut nobody).is_err());
    }
}
