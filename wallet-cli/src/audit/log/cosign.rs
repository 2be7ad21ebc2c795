use std::path::PathBuf;

use annona_node::tlog::folder::LogFolder;
use annona_node::tlog::note::Says;
use annona_node::tlog::witness::cosign;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona audit log cosign camp.log --log-key log.key --key-out relief.key
  $ annona audit log cosign camp.log --log-key log.key --name relief.example/witness";

/// Checks another node's log as a witness, and adds this node's line to its checkpoint. What does not extend the log as
/// it was cosigned here before is refused.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(super) struct Cosign {
    /// The log's folder
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    /// A file with the log's key, from somewhere you trust
    #[arg(long, value_name = "FILE")]
    log_key: PathBuf,
    /// This witness's name [default: annona-witness, the federation and this node]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Write this witness's public key there, for those who check
    #[arg(long, value_name = "FILE")]
    key_out: Option<PathBuf>,
}

impl Cosign {
    pub(super) fn run(self, session: &Session) -> Outcome {
        let log = super::read_key(&self.log_key, Says::Log)?;
        let mut node = session.node()?;
        // A copy has forgotten what it cosigned since it was made.
        node.begin_to_sign()?;
        let (named, key) = super::own(&mut node, Says::Witness, self.name.as_deref())?;
        super::write_key(self.key_out.as_deref(), &named)?;
        let seconds = node.now().0 / 1_000;
        let folder = LogFolder::at(&self.folder);
        let done = cosign(node.store(), &folder, &log, (&named, &key), seconds)?;
        node.close()?;
        let value = json!({
            "folder": self.folder, "log": log.name, "leaves": done.head.size, "before": done.before,
            "root": hex(&done.head.root), "witness": named.to_string(), "time": seconds,
        });
        session.screen.answer("audit_log_cosign", value, || {
            let since = match done.before {
                None => "cosigned for the first time".to_owned(),
                Some(before) => format!("extends the {before} cosigned before"),
            };
            let leaves = count(done.head.size, "header", "headers");
            format!("{}: {leaves}, {since}\nwitness  {named}", log.name)
        })
    }
}
