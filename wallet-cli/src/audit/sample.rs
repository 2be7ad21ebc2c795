use std::fs;
use std::path::PathBuf;

use annona_node::atomic;
use annona_node::audit::sample::{MAX_SAMPLE, Sample as Drawing};
use annona_node::audit::{prove, sample};
use clap::Args;
use serde_json::to_value;

use super::Clocks;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona audit sample camp.audit -n 60 --seed \"spring review\"
  $ annona audit sample camp.audit -n 5 --seed 7 --proofs drawn --json";

/// Draws hand-outs to be visited or asked about. The same file, number and seed draw the same ones, whoever draws.
///
/// Choose the seed in front of others, after the file was written. The file itself is checked by `annona audit verify`.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Sample {
    /// The audit file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How many to draw
    #[arg(short = 'n', long, value_name = "N", default_value_t = 60)]
    number: usize,
    /// What the drawing depends on: any text
    #[arg(long, value_name = "TEXT")]
    seed: String,
    /// Write the proof of each into this folder
    #[arg(long, value_name = "FOLDER")]
    proofs: Option<PathBuf>,
    #[command(flatten)]
    clocks: Clocks,
}

impl Sample {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.number == 0 || self.number > MAX_SAMPLE {
            return Err(Fault::usage(format!("-n is from 1 to {MAX_SAMPLE}.")));
        }
        let file = super::open(&self.file)?;
        let drawing = sample(&file, self.number, &self.seed, self.clocks.utc_offset)
            .map_err(|why| Fault::from(why).at(self.file.display()))?;
        if let Some(folder) = &self.proofs {
            fs::create_dir_all(folder).map_err(|e| Fault::io("create folder", folder, e))?;
            for drawn in &drawing.drawn {
                let own = &drawn.name;
                let name = own.accumulator.to_string();
                let proof = prove(&file, &own.feed, own.index, Some(&name))?;
                let name = format!("{}.proof", drawn.entry.replace(['/', '#', ':'], "-"));
                atomic::write(&folder.join(name), &proof.encode())?;
            }
        }
        let mut value = to_value(&drawing).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.insert("seed".into(), self.seed.into());
            object.insert("bound".into(), drawing.bound().map(|b| f64::from(b) / 100.0).into());
        }
        session.screen.answer("audit_sample", value, || text(&drawing))?;
        if !drawing.partly.is_empty() {
            let feeds = count(drawing.partly.len() as u64, "feed is", "feeds are");
            session.screen.note(format!(
                "{feeds} not in the file, or not wholly: {}.",
                drawing.partly.join(", ")
            ));
        }
        Ok(())
    }
}

fn text(drawing: &Drawing) -> String {
    let mut lines: Vec<String> = drawing
        .drawn
        .iter()
        .map(|drawn| {
            let float = if drawn.float { ", from float" } else { "" };
            let merchant =
                drawn.merchant.as_ref().map_or_else(String::new, |m| format!(", merchant {m}"));
            format!(
                "{}  {}  {}  purse {}  {}{merchant}, by {}{float}  {}",
                drawn.entry,
                drawn.when,
                drawn.site,
                drawn.purse,
                drawn.amount,
                drawn.method,
                drawn.finality
            )
        })
        .collect();
    lines.push(format!(
        "{} drawn of {}",
        drawing.drawn.len(),
        count(drawing.of, "hand-out", "hand-outs")
    ));
    if let Some(bound) = drawing.bound() {
        lines.push(format!(
            "If none of them turns out wrong, fewer than {}.{:02} % of all are, with 95 % confidence.",
            bound / 100,
            bound % 100
        ));
    }
    lines.join("\n")
}
