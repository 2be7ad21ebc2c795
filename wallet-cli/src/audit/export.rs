use std::path::PathBuf;

use annona_node::audit;
use annona_node::audit::export::Ledger;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona audit export today.audit
  $ annona audit export camp.audit --seal --replace";

/// Writes everything sealed into one file that anybody can check, with nothing in it that names a person.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Export {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Seal what is still open first: needs the passphrase
    #[arg(long)]
    seal: bool,
    /// Replace a file that is there
    #[arg(long)]
    replace: bool,
}

impl Export {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.file.exists() && !self.replace {
            return Err(Fault::new(
                crate::fault::Exit::Conflict,
                format!(
                    "{} is there already. Name another file, or say --replace.",
                    self.file.display()
                ),
            ));
        }
        if self.seal {
            let mut node = session.node()?;
            node.may_sign()?;
            node.seal_all()?;
            node.close()?;
        }
        let store = session.read()?;
        let federation = Ledger::federation(&store)?;
        let open: u64 = store.feeds()?.iter().map(|f| f.head.next - f.sealed.next).sum();
        let done = audit::export(&store, &self.file)?;
        let value = json!({
            "file": self.file, "federation": federation.to_string(), "bytes": done.bytes,
            "feeds": done.feeds, "blocks": done.blocks, "entries": done.entries,
            "digest": done.digest.to_string(), "still_open": open,
        });
        session.screen.answer("audit_export", value, || {
            format!(
                "{}: {} in {} of {}, {} bytes\nfederation {federation}\ndigest     {}",
                self.file.display(),
                count(done.entries, "entry", "entries"),
                count(done.blocks, "block", "blocks"),
                count(done.feeds, "feed", "feeds"),
                done.bytes,
                done.digest,
            )
        })?;
        if open > 0 {
            session.screen.note(format!(
                "{} not in a block yet, and not in the file: --seal takes them along.",
                count(open, "entry is", "entries are")
            ));
        }
        session
            .screen
            .note(format!("Next: `annona audit verify {}`, anywhere.", self.file.display()));
        Ok(())
    }
}
