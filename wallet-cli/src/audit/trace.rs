use std::path::PathBuf;

use annona_node::audit::{Step, trace};
use clap::Args;
use serde_json::to_value;

use super::{Clocks, entry};
use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona audit trace camp.audit 8be807f6a1c2d3e4/value/1#12
  $ annona audit trace camp.audit 8be807f6a1c2d3e4/value/1#12 --json";

/// Follows the units of an entry: back to the budget they came from, and on to where they were handed out.
///
/// Each step says how final it is, as far as the file shows: accepted, seen (signed by a witness of another
/// organisation), certified (by a quorum), settled (below a close).
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Trace {
    /// The audit file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The entry, by its whole name
    #[arg(value_name = "ENTRY")]
    entry: String,
    #[command(flatten)]
    clocks: Clocks,
}

impl Trace {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let file = super::open(&self.file)?;
        let (feed, index, name) = entry(&self.entry, &file)?;
        let trail = trace(&file, &feed, index, name, self.clocks.utc_offset)
            .map_err(|why| Fault::from(why).at(self.file.display()))?;
        let value = to_value(&trail).unwrap_or_default();
        session.screen.answer("trail", value, || {
            let line = |step: &Step| {
                let place = match (&step.feed, step.index) {
                    (Some(feed), Some(index)) => format!("{feed}#{index}"),
                    (Some(feed), None) => feed.clone(),
                    (None, _) => "charter".into(),
                };
                let grade = step.finality.map(|word| format!("  {word}")).unwrap_or_default();
                format!("{place}  {}  {}{grade}", step.when, step.words)
            };
            let mut lines: Vec<String> = trail.came.iter().map(line).collect();
            lines.extend(trail.entry.as_ref().map(|step| format!("> {}", line(step))));
            lines.extend(trail.went.iter().map(line));
            if trail.cut {
                lines.push("… the trail leads on to what is not in this file".into());
            }
            lines.join("\n")
        })
    }
}
