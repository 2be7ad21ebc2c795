use std::collections::BTreeSet;
use std::path::PathBuf;

use annona_ledger::id::ProgrammeId;
use annona_node::checkpoint;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, count};

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint begin camp.checkpoint --programme Food
  $ annona checkpoint begin camp.checkpoint --programme Food --json";

/// Begins programmes of a new node from the rows of a checkpoint that a quorum vouches for, without the blocks below it.
///
/// The node knows charter and notices (`annona charter apply`), and nothing of these programmes yet.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Begin {
    /// The file, written with --rows
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The programme, by number or name; several times for several
    #[arg(long, value_name = "PROGRAMME", required = true)]
    programme: Vec<String>,
    /// Check that it could be begun from, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Begin {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (federation, carried) = super::read(&self.file)?;
        let (folder, mut store) = session.take_in()?;
        if federation != store.federation()? {
            return Err(Fault::input("the checkpoint belongs to another federation."));
        }
        let charter = store.charter()?.clone();
        let named = self.programme.iter().map(|text| Ok(words::programme(&charter, text)?.0));
        let programmes = named.collect::<Outcome<BTreeSet<ProgrammeId>>>()?;
        let rows = if self.dry_run {
            checkpoint::rows_to_begin(&store, &carried, &programmes)?.1.len() as u64
        } else {
            checkpoint::begin(&mut store, &carried, &programmes)?
        };
        let hash = carried.page.checkpoint.hash();
        let value =
            json!({ "checkpoint": hash.to_string(), "rows": rows, "programmes": programmes });
        session.screen.answer("checkpoint_begin", value, || {
            let word = if self.dry_run { "could begin" } else { "begun" };
            format!("{word} from {hash}: {}", count(rows, "row", "rows"))
        })?;
        drop(folder);
        if self.dry_run {
            return Ok(());
        }
        session.screen.note("Next: `annona bundle import` brings what came after.");
        Ok(())
    }
}
