use std::path::{Path, PathBuf};

use annona_node::atomic;
use annona_node::backup::{PEOPLE_KEYS, clear, scratch, write};
use annona_node::credential::register::{MAX_FILE, Register, RegisterFault};
use annona_node::folder::{CARDS, KEYS, LEDGER, PEOPLE, PINS, SETTINGS};
use annona_node::node::Node;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona backup lake-monday.backup
  $ annona backup lake-monday.backup --people-keys lake-people.keys";

/// Seals a copy of this node's folder into one file, under the passphrase of the node.
///
/// The copy holds people's records without the keys that open them, so that erasing a person is not undone by an old
/// copy. With --people-keys those keys go into a second file: keep it apart, and destroy it when somebody is erased.
/// Without it a restored folder has the ledger and its keys, and nobody's name.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Backup {
    /// The file to make
    file: PathBuf,
    /// A second file, for the keys of people's records
    #[arg(long, value_name = "FILE")]
    people_keys: Option<PathBuf>,
}

impl Backup {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        session.is_ours()?;
        let what = format!("passphrase of {}", session.dir.display());
        let passphrase = session.ask.passphrase(&what)?;
        let node = Node::open(&session.dir, &passphrase, &session.heads()?, session.clock)?;
        let mut vault = session.vault(&node)?;
        let cost = node.keys().describe().cost;
        let (ledger, people, keys, own, cards) = (
            scratch(node.folder(), LEDGER),
            scratch(node.folder(), PEOPLE),
            scratch(node.folder(), PEOPLE_KEYS),
            scratch(node.folder(), KEYS),
            scratch(node.folder(), CARDS),
        );
        // What an interrupted backup has left.
        clear(node.folder())?;
        let sealed = (|| {
            node.store().copy_to(&ledger)?;
            // What tells of whom a card is goes with her record: sealed under her own key.
            let held = node.folder().file(CARDS);
            let register = match held.exists().then(|| Register::of_node(&node, &mut vault)) {
                // It tells nobody of anybody, and keeps the rest from no backup.
                Some(Err(fault @ RegisterFault::Damaged { .. })) => {
                    session.screen.warn(fault.to_string());
                    atomic::write(&cards, &atomic::read(&held, MAX_FILE)?)?;
                    None
                }
                other => other.transpose()?,
            };
            let beside = |id| register.as_ref().map(|r| r.beside(id)).unwrap_or_default();
            vault.copy_without_keys(&people, &beside)?;
            if let Some(register) = &register {
                atomic::write(&cards, &register.for_backup()?)?;
            }
            // Without the key that people's keys lie under: what is left of them elsewhere opens by no backup.
            atomic::write(&own, &node.keys().for_backup()?)?;
            let [settings, pins] = [SETTINGS, PINS].map(|name| node.folder().file(name));
            let mut files = vec![(LEDGER, &*ledger), (PEOPLE, &people), (KEYS, &own)];
            for (name, file) in [(SETTINGS, &settings), (CARDS, &cards), (PINS, &pins)] {
                if file.exists() {
                    files.push((name, file));
                }
            }
            let made = Made::of(&self.file, session.replace)?;
            let beside = self.people_keys.as_deref();
            let second = beside.map(|path| Made::of(path, session.replace)).transpose()?;
            let backup = write(&made.new, &files, &passphrase, cost)?;
            if let Some(second) = &second {
                atomic::write(&keys, &vault.copy_keys()?)?;
                // It has its name first: where there is a backup, the keys that belong to it are there.
                write(&second.new, &[(PEOPLE_KEYS, &keys)], &passphrase, cost)?.named()?;
                second.take_name()?;
            }
            let size = backup.named()?;
            made.take_name()?;
            Ok::<u64, Fault>(size)
        })();
        let cleared = clear(node.folder());
        let size = sealed?;
        cleared?;
        let households = vault.count()?;
        node.close()?;
        let value = json!({
            "file": self.file, "bytes": size, "people_keys": self.people_keys, "families": households,
        });
        session
            .screen
            .answer("backup", value, || format!("{} bytes in {}", size, self.file.display()))?;
        match &self.people_keys {
            None if households > 0 => session.screen.warn(
                "people's names cannot be read from this copy: their keys are not in it. Make one with \
                 --people-keys FILE and keep that file apart.",
            ),
            _ => {}
        }
        Ok(())
    }
}

/// A file that is made whole before it takes the place of an older one (--replace): there is always one that opens.
struct Made<'a> {
    path: &'a Path,
    new: PathBuf,
}

impl<'a> Made<'a> {
    fn of(path: &'a Path, replace: bool) -> Outcome<Self> {
        if !replace || !path.is_file() {
            return Ok(Self { path, new: path.to_owned() });
        }
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        // What an earlier one has left that was ended.
        match std::fs::remove_file(&new) {
            Err(why) if why.kind() != std::io::ErrorKind::NotFound => {
                Err(Fault::io("remove", &new, why))
            }
            _ => Ok(Self { path, new }),
        }
    }

    fn take_name(&self) -> Outcome {
        if self.new == self.path {
            return Ok(());
        }
        std::fs::rename(&self.new, self.path).map_err(|why| Fault::io("replace", self.path, why))
    }
}
