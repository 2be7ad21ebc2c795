use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::{sealed, short};
use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance read for-hill.complaint --dir hill
  $ annona grievance read for-hill.complaint --dir hill --json";

/// Reads a complaint that was sealed for this node: its text is that of the ticket on the ledger, or it is not shown.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Read {
    /// The file
    file: PathBuf,
}

impl Read {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let (complaint, text) = sealed::open(&node, &self.file)?;
        let text = std::str::from_utf8(&text)
            .map_err(|_| Fault::input("its text is no text.").at(self.file.display()))?;
        node.close()?;
        let value = json!({ "complaint": complaint.to_string(), "text": text });
        session
            .screen
            .answer("complaint", value, || format!("Complaint {}\n\n{text}", short(&complaint)))
    }
}
