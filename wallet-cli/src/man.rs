use std::path::PathBuf;

use clap::Args;

use crate::args;
use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona man manual
  $ annona man manual --json";

/// Writes a manual page for every command into a folder.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Man {
    /// The folder, made if need be
    folder: PathBuf,
}

impl Man {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let made = std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(args::command(), &self.folder))
            .and_then(|()| std::fs::read_dir(&self.folder).map(Iterator::count));
        let pages =
            made.map_err(|fault| Fault::io("write manual pages in", &self.folder, fault))?;
        let value = serde_json::json!({ "folder": self.folder, "pages": pages });
        session.screen.answer("man", value, || {
            let folder = self.folder.display();
            format!("{pages} manual pages in {folder}: man -l {folder}/annona.1")
        })
    }
}
