//! Questions to the person: passphrases and confirmations. Passphrases come from a prompt, a file or a descriptor, never
//! from the command line or the environment, where every process of the user could read them.

use std::fs::File;
use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::fault::{Fault, Outcome};
use crate::screen::Screen;

/// The longest passphrase, in bytes.
const LONGEST: u64 = 4096;

/// How questions may be answered.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) no_input: bool,
    pub(crate) yes: bool,
    pub(crate) file: Option<PathBuf>,
    pub(crate) descriptor: Option<u32>,
}

impl Ask {
    /// The passphrase of `what`: from the file or descriptor given with the command, otherwise by prompt.
    pub(crate) fn passphrase(&self, what: &str) -> Outcome<Zeroizing<String>> {
        match (&self.file, self.descriptor) {
            (Some(path), _) => from_file(path),
            (None, Some(number)) => from_descriptor(number),
            (None, None) => self.prompt(what, "--passphrase-file FILE or --passphrase-fd N"),
        }
    }

    /// The passphrase of something else than the node: from a file of its own, otherwise by prompt.
    pub(crate) fn other(
        &self,
        what: &str,
        file: Option<&Path>,
        option: &str,
    ) -> Outcome<Zeroizing<String>> {
        match file {
            Some(path) => from_file(path),
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
        if let Some(path) = file {
            return from_file(path);
        }
        let first = self.prompt(&format!("new passphrase for {what}"), option)?;
        let again = self.prompt("the same once more", option)?;
        if *first == *again {
            Ok(first)
        } else {
            Err(Fault::input("the two passphrases differ. Nothing was changed; try again."))
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
            Fault::io("read the passphrase from", Path::new("the terminal"), fault)
        })
    }

    /// Asks before something is signed or replaced. With `--yes` it is agreed; without anybody to ask it is not.
    pub(crate) fn confirm(&self, screen: &Screen, question: &str) -> Outcome {
        if self.yes {
            return Ok(());
        }
        if self.no_input || !std::io::stdin().is_terminal() {
            return Err(Fault::refused(format!(
                "{question} There is nobody to ask: say --yes if so. Nothing was changed."
            )));
        }
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
