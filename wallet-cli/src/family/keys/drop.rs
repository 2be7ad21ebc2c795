use annona_node::copies;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona family keys drop --of lake --dir hill --dry-run
  $ annona family keys drop --at hill --dry-run";

/// Destroys the copy that is kept here for a site; or notes that a node was asked to destroy its own.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Drop {
    /// The site whose copy is destroyed here: its node's 16 digits, or its name
    #[arg(long, value_name = "NODE", required_unless_present = "at")]
    of: Option<String>,
    /// The node that keeps a copy no longer: its 16 digits, or the name of its site
    #[arg(long, value_name = "NODE", conflicts_with = "of")]
    at: Option<String>,
    /// Say what would be done; do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Drop {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let name = self.of.as_deref().or(self.at.as_deref()).unwrap_or_default();
        // A copy that cannot be read may be of a site nobody here knows any more: by its digits it goes all the same.
        let digits = u64::from_str_radix(name, 16).ok().filter(|_| name.len() == 16);
        let kept = copies::kept(&node)?;
        let who = match digits.map(u64::to_be_bytes).filter(|who| kept.has(who)) {
            Some(who) if self.of.is_some() => who,
            _ if self.of.is_some() => words::lost(node.store().roster(), name)?.short(),
            _ => words::node(node.store().roster(), name)?.short(),
        };
        let there = match &self.of {
            Some(_) => kept.has(&who),
            None => session.vault(&node)?.copies()?.iter().any(|copy| copy.node == who),
        };
        if !there {
            return Err(Fault::input(format!("there is no copy of or at \"{name}\"."))
                .then("`annona family keys list` tells which there are."));
        }
        if !self.dry_run {
            let question = format!("Forget the copy of or at {name}?");
            session.confirm(&question, &[])?;
            match &self.of {
                Some(_) => drop(copies::forget(&node, &who)?),
                None => session.vault(&node)?.took_copy(who)?,
            }
        }
        node.close()?;
        let value = json!({ "node": hex(&who), "dropped": !self.dry_run });
        session.screen.answer("dropped", value, || match (self.dry_run, self.of.is_some()) {
            (true, _) => format!("The copy of or at {name} would be dropped."),
            (false, true) => format!("The copy kept for {name} is destroyed."),
            (false, false) => format!("No copy is counted on at {name} any more."),
        })
    }
}
