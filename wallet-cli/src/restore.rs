use std::path::PathBuf;

use annona_ledger::wire;
use annona_node::atomic;
use annona_node::backup::{PEOPLE_KEYS, read, read_people_keys};
use annona_node::folder::{Folder, KEYS, PEOPLE};
use annona_node::keystore::{Keystore, Name, Secret};
use annona_node::vault::Vault;
use clap::Args;
use serde_json::json;

use crate::backup::MOST_KEYS;
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
            let file = folder.file(PEOPLE_KEYS);
            let bytes = atomic::read(&file, MOST_KEYS)?;
            let keys: Vec<(i64, Vec<u8>)> = wire::decode(&bytes, MOST_KEYS)?;
            let own = Keystore::open(&folder.file(KEYS), &passphrase)?;
            let key = own.get(Name::Vault).and_then(Secret::as_key);
            let key =
                key.ok_or_else(|| Fault::input("the backup has no key of the person file."))?;
            Vault::open(&folder.file(PEOPLE), &key)?.put_keys(&keys)?;
            std::fs::remove_file(&file).map_err(|fault| Fault::io("remove", &file, fault))?;
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
        session.screen.note(
            "It signs nothing as it is. Next: `annona node reincarnate`, then `annona node request`.",
        );
        Ok(())
    }
}
