use std::path::{Path, PathBuf};

use annona_ledger::wire;
use annona_node::atomic;
use annona_node::backup::{PEOPLE_KEYS, check, check_people_keys, read, read_people_keys};
use annona_node::copies;
use annona_node::folder::{Folder, PEOPLE};
use annona_node::node::Node;
use annona_node::vault::{MAX_KEY_FILE, Vault};
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::settings::Settings;
use crate::words::{count, hex, print_day};

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
    /// Open the whole backup, and say what would be restored; make nothing
    #[arg(long)]
    dry_run: bool,
}

impl Restore {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        self.file.metadata().map_err(|fault| Fault::io("open", &self.file, fault))?;
        let what = format!("passphrase of {}", self.file.display());
        let passphrase = session.ask.passphrase(&what)?;
        if self.dry_run {
            return self.would(session, &passphrase);
        }
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
        let root = folder.root().to_owned();
        at_home(session, &root)?;
        drop(folder);
        let nameless = names.contains(&PEOPLE) && !names.contains(&PEOPLE_KEYS);
        // What cannot be asked now is asked later: the folder is restored.
        let keepers = if nameless { keepers(session, &passphrase).ok() } else { None };
        let keepers = keepers.unwrap_or_default();
        let value = json!({ "dir": root, "files": names, "keepers": keepers.iter().map(Keeper::json).collect::<Vec<_>>() });
        session.screen.answer("restored", value, || {
            format!("{} is restored: {}", root.display(), names.join(", "))
        })?;
        if nameless {
            let dir = root.display();
            session.screen.note(format!(
                "Nobody's name can be read yet. With the file that `annona backup --people-keys` made beside this backup: \
                 `annona restore {} --people-keys THAT --dir ANOTHER`, into another folder. Otherwise their keys are at keepers.",
                self.file.display()
            ));
            match keepers.as_slice() {
                [] => session.screen.note(format!(
                    "None is named in this backup. A node that keeps a copy gives it back: `annona family keys give \
                     SITE --out keys-of-site` there, `annona family keys take keys-of-site --dir {dir}` here."
                )),
                all => all.iter().for_each(|keeper| session.screen.note(keeper.words(&root))),
            }
        }
        session.screen.note(
            "No backup has run.toml: who its peers are, and on which ports it listens, is written anew (`annona run --print-config`).",
        );
        session.screen.note(
            "It signs nothing as it is. Next: `annona node reincarnate`, then `annona node request`.",
        );
        Ok(())
    }
}

/// Puts the memory of what is signed where this machine has room for it: the settings name a place of the old one.
fn at_home(session: &Session, root: &Path) -> Outcome {
    let mut settings = Settings::read(root)?;
    let named = settings.heads.clone();
    settings.heads = match &session.heads {
        Some(given) => Some(std::path::absolute(given).map_err(|e| Fault::io("name", given, e))?),
        None => named.clone().filter(|heads| heads.is_dir()),
    };
    if settings.heads == named {
        return Ok(());
    }
    settings.write(root)?;
    if let (Some(old), None) = (named, &settings.heads) {
        session.screen.note(format!(
            "{}, where the memory of what it signed lay, is not on this machine: the usual place is taken.",
            old.display()
        ));
    }
    Ok(())
}

impl Restore {
    fn would(&self, session: &Session, passphrase: &Zeroizing<String>) -> Outcome {
        Folder::vacant(&session.dir)?;
        let mut names = check(&self.file, passphrase)
            .map_err(|why| Fault::from(why).at(self.file.display()))?;
        if let Some(path) = &self.people_keys {
            check_people_keys(path, passphrase)
                .map_err(|why| Fault::from(why).at(path.display()))?;
            names.push(PEOPLE_KEYS);
        }
        let words = format!("{} would be restored: {}", session.dir.display(), names.join(", "));
        let value = json!({ "dir": session.dir, "files": names });
        dry_run::would(session, "restored", value, &words)?;
        dry_run::nothing(session);
        Ok(())
    }
}

/// A node that was given a copy of the keys, as the backup tells.
struct Keeper {
    /// The site whose keys they are.
    site: String,
    node: String,
    name: Option<String>,
    on: String,
    newer: u64,
    refused: Option<String>,
}

impl Keeper {
    fn json(&self) -> serde_json::Value {
        json!({
            "node": self.node, "name": self.name, "on": self.on, "newer": self.newer,
            "refused": self.refused,
        })
    }

    /// Where it is, and the two commands that bring it back.
    fn words(&self, root: &Path) -> String {
        let Self { site, node, name, on, newer, refused } = self;
        let name = name.as_deref().unwrap_or("a node no certificate of which is in this backup");
        let refused = refused.as_deref().map_or(String::new(), |why| format!("; {why}"));
        let newer = count(*newer, "newer record is", "newer records are");
        format!(
            "At {node}, {name}{refused}: a copy of {on}; {newer} not in it.\n  there  annona family keys give {site} --out \
             keys-of-{site}\n  here   annona family keys take keys-of-{site} --dir {}",
            root.display()
        )
    }
}

/// Who keeps copies of the keys, newest first.
fn keepers(session: &Session, passphrase: &Zeroizing<String>) -> Outcome<Vec<Keeper>> {
    let node = Node::open(&session.dir, passphrase, &session.heads()?, session.clock)?;
    let vault = session.vault(&node)?;
    let charter = node.store().charter()?.clone();
    let mut given = vault.copies()?;
    given.sort_by_key(|copy| std::cmp::Reverse(copy.on));
    let site = hex(&node.public().short());
    let mut all = Vec::new();
    for copy in given {
        let on = print_day(copy.on, charter.founded());
        let known = node.store().roster().node(&copy.node);
        all.push(Keeper {
            site: site.clone(),
            node: hex(&copy.node),
            name: known.map(|c| c.site_name.to_string()),
            on,
            newer: copy.newer,
            refused: copies::stands(&node, &copy.node)?.err().map(|why| why.to_string()),
        });
    }
    node.close()?;
    Ok(all)
}

/// A second file of before the keys had a file of their own holds rows of a table: they go back into it.
fn older(folder: &Folder) -> Outcome {
    let file = folder.file(PEOPLE_KEYS);
    let bytes = atomic::read(&file, MAX_KEY_FILE)?;
    let Ok(rows) = wire::decode::<Vec<(i64, Vec<u8>)>>(&bytes, MAX_KEY_FILE) else { return Ok(()) };
    Vault::put_older_keys(&folder.file(PEOPLE), &rows)?;
    std::fs::remove_file(&file).map_err(|fault| Fault::io("remove", &file, fault))
}
