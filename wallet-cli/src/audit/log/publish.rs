use std::path::PathBuf;

use annona_node::keystore::Name;
use annona_node::tlog::folder::LogFolder;
use annona_node::tlog::note::Says;
use annona_node::tlog::publish::{Publisher, known, publish};
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona audit log publish camp.log --key-out log.key
  $ annona audit log publish camp.log --dry-run";

/// Writes what is sealed and not in the log yet behind what is there, and signs the log's new head.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct Publish {
    /// The log's folder, made where there is none
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// The log's name [default: annona, the federation and this node]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write the log's public key there, for those who check
    #[arg(long, value_name = "FILE")]
    key_out: Option<PathBuf>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Publish {
    pub(super) fn run(self, session: &Session) -> Outcome {
        let folder = LogFolder::at(&self.folder);
        if self.dry_run {
            let leaves = known(&session.read()?)?.len() as u64;
            let value = json!({ "folder": self.folder, "known": leaves, "written": false });
            return session.screen.answer("audit_log_publish", value, || {
                let known = count(leaves, "sealed header is", "sealed headers are");
                format!("{known} known here; nothing was written")
            });
        }
        let mut node = session.node()?;
        // A copy has forgotten what it signed since it was made.
        node.begin_to_sign()?;
        let (named, key) = super::own(&mut node, Says::Log, self.name.as_deref())?;
        super::write_key(self.key_out.as_deref(), &named)?;
        let transport = node.signing_key(Name::NodeTransport)?;
        let by = Publisher {
            named: &named,
            key: &key,
            federation: node.federation()?,
            node: node.public(),
            transport: &transport,
        };
        let leaves = known(node.store())?;
        let done = publish(node.store(), &folder, &by, &leaves)?;
        node.close()?;
        let added = done.head.size - done.before;
        let value = json!({
            "folder": self.folder, "log": named.name, "key": named.to_string(), "added": added,
            "leaves": done.head.size, "root": hex(&done.head.root), "written": true,
        });
        session.screen.answer("audit_log_publish", value, || {
            format!(
                "{}: {} added, {} in all\nkey   {named}\nroot  {}",
                self.folder.display(),
                count(added, "header", "headers"),
                done.head.size,
                hex(&done.head.root),
            )
        })?;
        session.screen.note(
            "Give the key to whoever is to check the log, by another way than the folder; the folder may be copied anywhere.",
        );
        Ok(())
    }
}
