//! Questions to the person: passphrases and confirmations. Passphrases come from a prompt, a file or a descriptor, never
//! from the command line or the environment, where every process of the user could read them.
//!
//! A person who is asked may think for long, and while a command holds the folder no till serves and no link is met. So a
//! command that must ask ends where it does ([`Ask::whether`]): it gives back all it holds, the person is asked, and where
//! she agrees the command begins anew. It looks at everything again; where what it comes to is another question, or is
//! about something that has changed, she is asked again.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::time::Millis;
use zeroize::Zeroizing;

use crate::fault::{Exit, Fault, Outcome};
use crate::screen::Screen;

/// The longest passphrase, in bytes.
const LONGEST: u64 = 4096;

/// How questions may be answered.
#[derive(Default)]
pub(crate) struct Ask {
    pub(crate) no_input: bool,
    pub(crate) yes: bool,
    pub(crate) file: Option<PathBuf>,
    pub(crate) descriptor: Option<u32>,
    pub(crate) memory: RefCell<Memory>,
}

/// What was told in this command, for when it begins anew. It ends with the process.
#[derive(Default)]
pub(crate) struct Memory {
    told: BTreeMap<String, Zeroizing<String>>,
    /// The question that is open, and of what it is.
    open: Option<(String, Hash)>,
    agreed: Vec<Hash>,
    /// The time that a question named.
    named: Option<Millis>,
}

/// For so long an answer about the time holds, in milliseconds: who thinks longer is asked about another time.
const STILL: u64 = 10 * 60 * 1000;

impl Ask {
    /// The passphrase of `what`: from the file or descriptor given with the command, otherwise by prompt.
    pub(crate) fn passphrase(&self, what: &str) -> Outcome<Zeroizing<String>> {
        match (&self.file, self.descriptor) {
            (Some(path), _) => self.in_file(path),
            // Read once: a pipe has it no second time.
            (None, Some(number)) => self.once(&number.to_string(), || from_descriptor(number)),
            (None, None) => self.prompt(what, "--passphrase-file FILE or --passphrase-fd N"),
        }
    }

    /// What is read or typed under a name, once in a command however often it begins.
    pub(crate) fn once(
        &self,
        name: &str,
        read: impl FnOnce() -> Outcome<Zeroizing<String>>,
    ) -> Outcome<Zeroizing<String>> {
        if let Some(told) = self.memory.borrow().told.get(name) {
            return Ok(told.clone());
        }
        let told = read()?;
        self.memory.borrow_mut().told.insert(name.to_owned(), told.clone());
        Ok(told)
    }

    fn in_file(&self, path: &Path) -> Outcome<Zeroizing<String>> {
        self.once(&path.display().to_string(), || from_file(path))
    }

    /// The passphrase of something else than the node: from a file of its own, otherwise by prompt.
    pub(crate) fn other(
        &self,
        what: &str,
        file: Option<&Path>,
        option: &str,
    ) -> Outcome<Zeroizing<String>> {
        match file {
            Some(path) => self.in_file(path),
            None => self.prompt(what, option),
        }
    }

    /// A passphrase that is about to be set: asked for twice.
    pub(crate) fn new_passphrase(
        &self,
        what: &str,
        file: Option<&Path>,
        option: &str,
    ) -> Outcome<Zeroizing<String>> {
        match file {
            Some(path) => from_file(path),
            None => self.twice(&format!("new passphrase for {what}"), "passphrases", option),
        }
    }

    /// A PIN that a family types: asked for twice.
    pub(crate) fn new_pin(
        &self,
        family: &str,
        file: Option<&Path>,
        option: &str,
    ) -> Outcome<Zeroizing<String>> {
        let prompt = format!("new PIN of family {family}, six to twelve digits, typed by them");
        file.map_or_else(|| self.twice(&prompt, "PINs", option), from_file)
    }

    fn twice(&self, prompt: &str, kind: &str, option: &str) -> Outcome<Zeroizing<String>> {
        let first = self.typed(prompt, option)?;
        let again = self.typed("the same once more", option)?;
        if *first == *again {
            Ok(first)
        } else {
            Err(Fault::input(format!("the two {kind} differ. Nothing was changed; try again.")))
        }
    }

    /// The passphrase for a new key file, from where all passphrases of this command come.
    pub(crate) fn first_passphrase(&self, what: &str) -> Outcome<Zeroizing<String>> {
        match (&self.file, self.descriptor) {
            (Some(path), _) => from_file(path),
            (None, Some(number)) => from_descriptor(number),
            (None, None) => {
                self.new_passphrase(what, None, "--passphrase-file FILE or --passphrase-fd N")
            }
        }
    }

    fn prompt(&self, what: &str, option: &str) -> Outcome<Zeroizing<String>> {
        self.once(what, || self.typed(what, option))
    }

    fn typed(&self, what: &str, option: &str) -> Outcome<Zeroizing<String>> {
        if self.no_input || !std::io::stdin().is_terminal() {
            return Err(Fault::refused(format!(
                "{what} is needed, and there is nobody to ask. Give {option}."
            )));
        }
        rpassword::prompt_password(format!("{what}: ")).map(Zeroizing::new).map_err(|fault| {
            // Ctrl-C where nothing is shown comes as a letter, not as a signal.
            if fault.kind() == std::io::ErrorKind::Interrupted {
                return Fault::interrupted();
            }
            // Ctrl-D: somebody who thought better of it, and no file that broke off.
            if fault.kind() == std::io::ErrorKind::UnexpectedEof {
                return Fault::refused("nothing was typed. Nothing was changed.");
            }
            Fault::io("read the passphrase from", Path::new("the terminal"), fault)
        })
    }

    /// Asks before something is signed or replaced, where nothing is held meanwhile. With `--yes` it is agreed; without
    /// anybody to ask it is not.
    pub(crate) fn confirm(&self, screen: &Screen, question: &str) -> Outcome {
        if self.may_agree(question)? { Ok(()) } else { answered(screen, question) }
    }

    /// As [`Ask::confirm`], where the folder is held: the command ends here with the question open, and begins anew once it
    /// is answered. `about` is what the answer is about, beside the words: where that is another by then, she is asked again.
    pub(crate) fn whether(&self, question: &str, about: &[&[u8]]) -> Outcome {
        let parts: Vec<&[u8]> = [&[question.as_bytes()], about].concat();
        let named = hash(Purpose::File, &parts);
        if self.memory.borrow().agreed.contains(&named) || self.may_agree(question)? {
            return Ok(());
        }
        self.memory.borrow_mut().open = Some((question.to_owned(), named));
        // Without words: nobody is told of it but who is asked.
        Err(Fault::new(Exit::NotAllowed, ""))
    }

    /// The time a question names: that of the first asking where it was just now, so that typing a passphrase makes no other
    /// question of it.
    pub(crate) fn time(&self, now: Millis) -> Millis {
        let mut memory = self.memory.borrow_mut();
        let first =
            memory.named.filter(|first| (first.0..=first.0.saturating_add(STILL)).contains(&now.0));
        *memory.named.insert(first.unwrap_or(now))
    }

    /// Asks the question with which a command ended, if it ended with one, now that nothing is held. Says whether there was
    /// one and it was agreed to.
    pub(crate) fn open(&self, screen: &Screen) -> Outcome<bool> {
        let Some((question, named)) = self.memory.borrow_mut().open.take() else {
            return Ok(false);
        };
        answered(screen, &question)?;
        self.memory.borrow_mut().agreed.push(named);
        Ok(true)
    }

    /// Whether it is agreed to whatever is asked; refused where there is nobody to ask.
    fn may_agree(&self, question: &str) -> Outcome<bool> {
        if self.yes {
            return Ok(true);
        }
        if self.no_input || !std::io::stdin().is_terminal() {
            return Err(Fault::refused(format!(
                "{question} There is nobody to ask: say --yes if so. Nothing was changed."
            )));
        }
        Ok(false)
    }
}

fn answered(screen: &Screen, question: &str) -> Outcome {
    screen.detail(|| "waiting for an answer".into());
    anstream::eprint!("{question} [y/N] ");
    drop(std::io::stderr().flush());
    let mut line = String::new();
    let read = std::io::stdin().lock().take(LONGEST).read_line(&mut line);
    read.map_err(|fault| Fault::io("read", Path::new("the terminal"), fault))?;
    if matches!(line.trim().to_lowercase().as_str(), "y" | "yes") {
        Ok(())
    } else {
        Err(Fault::refused("not confirmed. Nothing was changed."))
    }
}

fn from_descriptor(number: u32) -> Outcome<Zeroizing<String>> {
    // Opened by name: taking over a bare number would need `unsafe`.
    from_file(Path::new(&format!("/dev/fd/{number}")))
}

/// The first line of a file, without its end. Checked before it is read: no passphrase has more than 4 KiB.
fn from_file(path: &Path) -> Outcome<Zeroizing<String>> {
    let file =
        File::open(path).map_err(|fault| Fault::io("read the passphrase in", path, fault))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|fault| Fault::io("read the passphrase in", path, fault))?;
    let wrong = |why: &str| Fault::input(format!("the passphrase file {} {why}.", path.display()));
    if bytes.len() as u64 > LONGEST {
        return Err(wrong("has more than 4,096 bytes: give a file with one line"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("is not UTF-8 text"))?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(wrong("is empty: its first line is the passphrase"));
    }
    Ok(Zeroizing::new(line.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_question_stays_while_it_is_answered_and_no_longer() {
        let ask = Ask::default();
        let named = |minute: u64| ask.time(Millis(minute * 60_000)).0 / 60_000;
        assert_eq!([100, 101, 110].map(named), [100, 100, 100]);
        assert_eq!([111, 112].map(named), [111, 111], "she thought for too long");
        assert_eq!([90, 95, 101].map(named), [90, 90, 101], "the clock was set back");
    }
}
