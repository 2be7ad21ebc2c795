use std::path::PathBuf;

use annona_node::audit;
use annona_node::audit::export::Ledger;
use clap::Args;
use serde_json::json;

use crate::dry_run;
use crate::fault::Outcome;
use crate::session::{self, Session};
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
    /// Say what would be in it; seal and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Export {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut seals = 0;
        if self.seal {
            let mut node = session.node()?;
            node.may_sign()?;
            match self.dry_run {
                true => seals = session::open_tails(&node)?,
                false => node.seal_all()?,
            }
            node.close()?;
        }
        let store = session.read()?;
        let federation = Ledger::federation(&store)?;
        let open: u64 = store.feeds()?.iter().map(|f| f.head.next - f.sealed.next).sum();
        if self.dry_run {
            let done = audit::measure(&store)?;
            let value = json!({
                "file": null, "federation": federation.to_string(), "bytes": done.bytes,
                "feeds": done.feeds, "blocks": done.blocks, "entries": done.entries,
                "sealed_first": seals, "still_open": open.saturating_sub(seals),
            });
            let (entries, blocks) =
                (count(done.entries, "entry", "entries"), count(done.blocks, "block", "blocks"));
            let mut words = format!("{entries} in {blocks} would be in it, {} bytes", done.bytes);
            if seals > 0 {
                let more = count(seals, "entry", "entries");
                words.push_str(&format!("\n{more} more would be sealed first, and be in it too"));
            }
            dry_run::would(session, "audit_export", value, &words)?;
            dry_run::nothing(session);
            return Ok(());
        }
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
        let sealed: u64 = store.feeds()?.iter().map(|f| f.sealed.next).sum();
        let lacking = sealed.saturating_sub(done.entries);
        if lacking > 0 {
            session.screen.warn(format!(
                "{} whose bodies are not here, as after `annona checkpoint prune`, and not in the file: of their programmes \
                 it tells no sums. A node that holds all makes a whole one.",
                count(lacking, "entry is known", "entries are known")
            ));
        }
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
