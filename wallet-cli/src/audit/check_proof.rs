use std::path::PathBuf;

use annona_node::atomic;
use annona_node::audit::check_proof;
use annona_node::audit::proof::PROOF_BYTES;
use clap::Args;
use serde_json::to_value;

use super::{Clocks, federation};
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona audit check-proof noor.proof
  $ annona audit check-proof noor.proof --json";

/// Checks the proof of one entry, with nothing but the file and the federation's number, which the reader knows from
/// elsewhere. A proof that proves nothing ends with 1.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct CheckProof {
    /// The proof
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only this federation will do: its 64 digits, from somewhere you trust
    #[arg(long, value_name = "HEX")]
    federation: Option<String>,
    #[command(flatten)]
    clocks: Clocks,
}

impl CheckProof {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let federation = federation(self.federation.as_deref())?;
        let bytes = atomic::read(&self.file, PROOF_BYTES)?;
        let checked = check_proof(&bytes, federation, self.clocks.utc_offset);
        let value = to_value(&checked).unwrap_or_default();
        session.screen.answer("proof_check", value, || {
            let word = if checked.proven { "proven" } else { "NOT PROVEN" };
            let federation = match checked.federation.as_str() {
                "" => String::new(),
                digits => format!("\nfederation  {digits}"),
            };
            format!("{word}{federation}\n{}", checked.words.join("\n"))
        })?;
        if checked.proven {
            if self.federation.is_none() {
                session.screen.note(
                    "Anybody can found a federation of any name: compare its 64 digits with those you have from \
                     elsewhere; --federation does it for you.",
                );
            }
            return Ok(());
        }
        Err(Fault::new(Exit::Wrong, format!("{} proves nothing.", self.file.display()))
            .then("Ask for it again: `annona audit prove` makes it from an audit file."))
    }
}
