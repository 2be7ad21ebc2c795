use std::path::PathBuf;

use annona_ledger::wire;
use annona_node::atomic;
use annona_node::backup::{PEOPLE_KEYS, read, read_people_keys};
use annona_node::folder::{Folder, PEOPLE};
use annona_node::vault::{MAX_KEY_FILE, Vault};
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona restore lake.backup --dir lake-again
  $ annona restore lake.backup --people-keys lake.people --dir lake-named";

/// Opens a backup into a new data folder (--dir).
///
/// What the node signed after the backup was made is not in it, so the restored folder reads, takes in and exports, and
/// signs nothing: `annona node reincarnate` makes a new node of it. Take in the newest bundles of other nodes too.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Restore {
    /// The backup
    file: PathBuf,
    /// The file of the keys of people's records
    #[arg(long, value_name = "FILE")]
    people_keys: Option<PathBuf>,
}

impl Restore {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        self.file.metadata().map_err(|fault| Fault::io("open", &self.file, fault))?;
        let what = format!("passphrase of {}", self.file.display());
        let passphrase = session.ask.passphrase(&what)?;
        let folder = Folder::begin(&session.dir)?;
        let done = (|| {
            let mut names = read(&self.file, folder.root(), &passphrase)
                .map_err(|why| Fault::from(why).at(self.file.display()))?;
            let Some(path) = &self.people_keys else { return Ok(names) };
            read_people_keys(path, folder.root(), &passphrase)
                .map_err(|why| Fault::from(why).at(path.display()))?;
            names.push(PEOPLE_KEYS);
            older(&folder)?;
            Ok(names)
        })();
        let done = done.and_then(|names: Vec<&'static str>| {
            folder.finish()?;
            Ok(names)
        });
        let names = match done {
            Ok(names) => names,
            Err(fault) => {
                // A folder half restored is none: the next try finds it empty.
                drop(std::fs::remove_dir_all(folder.root()));
                return Err(fault);
            }
        };
        let value = json!({ "dir": folder.root(), "files": names });
        session.screen.answer("restored", value, || {
            format!("{} is restored: {}", folder.root().display(), names.join(", "))
        })?;
        if !names.contains(&PEOPLE_KEYS) && names.contains(&PEOPLE) {
            session.screen.note(
                "Nobody's name can be read yet: a node that keeps a copy of the keys gives it back \
                 (`annona family keys give` there, `annona family keys take` here).",
            );
        }
        session.screen.note(
            "It signs nothing as it is. Next: `annona node reincarnate`, then `annona node request`.",
        );
        Ok(())
    }
}

/// A second file of before the keys had a file of their own holds rows of a table: they go back into it.
fn older(folder: &Folder) -> Outcome {
    let file = folder.file(PEOPLE_KEYS);
    let bytes = atomic::read(&file, MAX_KEY_FILE)?;
    let Ok(rows) = wire::decode::<Vec<(i64, Vec<u8>)>>(&bytes, MAX_KEY_FILE) else { return Ok(()) };
    Vault::put_older_keys(&folder.file(PEOPLE), &rows)?;
    std::fs::remove_file(&file).map_err(|fault| Fault::io("remove", &file, fault))
}
