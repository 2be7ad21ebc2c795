use std::path::PathBuf;

use annona_node::{atomic, copies};
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona family keys copy --to hill --out keys-for-hill
  $ annona family keys copy --to hill --out keys-for-hill --dry-run";

/// Makes a copy of the keys for a node to keep. It cannot read them, nor can anybody on the way.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Copy {
    /// The node that keeps it: its 16 digits, or the name of its site
    #[arg(long, value_name = "NODE")]
    to: String,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Say what would be made; make nothing
    #[arg(long)]
    dry_run: bool,
}

impl Copy {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.signing_node()?;
        let mut vault = session.vault(&node)?;
        let keeper = words::node(node.store().roster(), &self.to)?.clone();
        if keeper.short() == node.public().short() {
            return Err(Fault::input("a copy at this node itself would burn with it.")
                .then("Name another node: `annona node show`."));
        }
        let families = vault.count()?;
        if !self.dry_run {
            let (label, file) = copies::make(&node, &mut vault, &keeper)?;
            atomic::write(&self.out, &file)?;
            vault.gave_copy(label.to, label.on)?;
        }
        let others = vault.copies()?.iter().filter(|c| c.node != keeper.short()).count();
        node.close()?;
        let value = json!({
            "to": hex(&keeper.short()), "families": families, "out": self.out,
            "written": !self.dry_run,
        });
        session.screen.answer("copy", value, || {
            let verb = if self.dry_run { "Would copy" } else { "Copied" };
            let families = words::count(families, "family", "families");
            format!("{verb} the keys of {families} for {}: {}", self.to, self.out.display())
        })?;
        session.screen.note("There: `annona family keys keep FILE`.");
        if others == 0 {
            session.screen.note("Name a second node, too: one fire must not take both.");
        }
        Ok(())
    }
}
