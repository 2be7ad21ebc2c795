use std::collections::BTreeSet;
use std::path::PathBuf;

use annona_ledger::id::ProgrammeId;
use annona_node::checkpoint;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{self, count};

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint export today.checkpoint
  $ annona checkpoint export today.checkpoint --rows Food";

/// Writes a checkpoint with its signatures into a file; with --rows, everything a new node of a programme begins from.
///
/// Rows are pseudonyms and amounts in the clear: such a file is for nodes of the programme only.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Export {
    /// The file to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The beginning of its hash [default: the newest]
    #[arg(long, value_name = "CHECKPOINT")]
    checkpoint: Option<String>,
    /// With the rows of this programme, by number or name; several times for several
    #[arg(long, value_name = "PROGRAMME")]
    rows: Vec<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Export {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let store = session.read()?;
        let kept = super::named(&store, self.checkpoint.as_deref())?;
        let charter = store.charter()?;
        let named = self.rows.iter().map(|text| Ok(words::programme(charter, text)?.0));
        let programmes = named.collect::<Outcome<BTreeSet<ProgrammeId>>>()?;
        let rows = (!programmes.is_empty()).then_some(&programmes);
        let carried = checkpoint::carry(&store, &kept.hash, rows)?;
        let bytes = match self.dry_run {
            true => None,
            false => Some(checkpoint::write(&self.file, &carried)?),
        };
        let rows: usize = carried.rows.iter().map(|chunk| chunk.rows.len()).sum();
        let value = json!({
            "file": self.file, "checkpoint": kept.hash.to_string(), "bytes": bytes, "rows": rows,
            "cosignatures": carried.cosignatures.len(),
        });
        session.screen.answer("checkpoint_export", value, || {
            format!(
                "{}: {}, {}, {}",
                self.file.display(),
                count(carried.cosignatures.len() as u64, "cosignature", "cosignatures"),
                count(rows as u64, "row", "rows"),
                bytes.map_or_else(|| "not written".to_owned(), |bytes| format!("{bytes} bytes")),
            )
        })
    }
}
