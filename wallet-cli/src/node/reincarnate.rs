use std::path::Path;

use annona_node::guard::GuardFault;
use annona_node::node::Node;
use clap::Args;
use serde_json::json;

use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::session::{self, Session};
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona node reincarnate --dir restored
  $ annona node reincarnate --dir restored --json";

/// Comes back as a new node in the same folder, after a restore or a loss.
///
/// What the old node signed after the copy was made is not in it, so the old key must never sign again. The new key has
/// no rights until its organisation admits it; the people and their cards stay.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Reincarnate {
    /// Say what would be retired; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Reincarnate {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut settings = session.settings()?;
        let mut node = session.node()?;
        let old = hex(&node.public().short());
        if self.dry_run {
            return would_retire(session, node, &old);
        }
        elsewhere(session, &node, settings.heads.as_deref())?;
        session
            .confirm(&format!("Retire node {old} for ever and go on here under a new key?"), &[])?;
        let key = node.reincarnate(&session.heads()?)?;
        settings.node = Some(hex(key.bytes()));
        settings.replaces = Some(old.clone());
        settings.write(&session.dir)?;
        node.close()?;
        let short = hex(&key.short());
        let value = json!({ "node": short, "key": hex(key.bytes()), "replaces": old });
        session.screen.answer("reincarnated", value, || {
            format!("Node {old} is retired; this folder is node {short} now.")
        })?;
        session.screen.note("Next: `annona node request --out FILE` for its organisation.");
        Ok(())
    }
}

/// A memory that is only not looked for where it lies is no reason to retire a node for ever.
fn elsewhere(session: &Session, node: &Node, named: Option<&Path>) -> Outcome {
    let (Some(given), Some(named)) = (session.heads.as_deref(), named) else { return Ok(()) };
    let is_missing = matches!(node.may_sign(), Err(GuardFault::Missing { .. }));
    if !is_missing || !named.is_dir() || given == named {
        return Ok(());
    }
    Err(Fault::refused(format!(
        "node.toml says that the memory of what this node signed lies in {}, and that folder is here.",
        named.display()
    ))
    .then("run `annona doctor` without --heads; where that memory is gone for good, take the line out of node.toml."))
}

/// Says what would be given up, and what its last key would still seal.
fn would_retire(session: &Session, node: Node, old: &str) -> Outcome {
    let open = match node.store().charter() {
        Ok(_) => session::open_tails(&node)?,
        Err(_) => 0,
    };
    let signs = node.may_sign().is_ok();
    let value = json!({ "replaces": old, "open": open, "sealed_first": signs });
    let mut words = format!("Node {old} would be retired for ever, and this folder be a new node.");
    if open > 0 {
        let open = count(open, "entry of it is", "entries of it are");
        words.push_str(&match signs {
            true => format!("\n{open} in no block yet: its key would seal them first."),
            false => format!("\n{open} in no block, and it may not sign: nobody would seal them."),
        });
    }
    dry_run::would(session, "reincarnated", value, &words)?;
    dry_run::nothing(session);
    Ok(node.close()?)
}
