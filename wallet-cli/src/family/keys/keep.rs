use std::path::PathBuf;

use annona_node::copies::{self, CopyFault};
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona family keys keep keys-for-hill --dir hill
  $ annona family keys keep keys-for-hill --dir hill --json";

/// Keeps a copy of another site's keys, in the place of its last one. Nobody here can read it.
///
/// One that is dated before the one that is kept is refused: with it everybody registered in between would have no key here.
/// Where the later day was a wrong clock's, --replace.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Keep {
    /// The copy
    file: PathBuf,
}

impl Keep {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let file = super::read(&self.file)?;
        let at = |fault| Fault::from(fault).at(self.file.display());
        if let Some(on) = copies::dated_later(&node, &file).map_err(at)?
            && !session.replace
        {
            let founded = node.store().charter()?.founded();
            let fault = CopyFault::Older;
            return Err(Fault::from(fault).at(self.file.display()).then(&format!(
                "The one that is kept is dated {}. Where that day was a wrong clock's and this one was made later: --replace.",
                print_minute(on.first(), founded)
            )));
        }
        let keep = if session.replace { copies::replace } else { copies::keep };
        let label = keep(&node, &file).map_err(at)?;
        node.close()?;
        let value = json!({ "site": hex(&label.site), "kept": true });
        session.screen.answer("kept", value, || {
            format!("Kept for node {}. Its last copy, if any, is overwritten.", hex(&label.site))
        })?;
        session
            .screen
            .note("Destroy the file it came in. `annona erase --follow` says what it is after.");
        Ok(())
    }
}
