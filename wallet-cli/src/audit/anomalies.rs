use std::path::PathBuf;

use annona_node::audit::anomalies;
use annona_node::audit::anomalies::Usual;
use clap::Args;
use serde_json::to_value;

use super::Clocks;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona audit anomalies camp.audit --utc-offset +03:00
  $ annona audit anomalies camp.audit --night 20-6 --json";

/// Looks for patterns worth a question: rates, nights, round sums, overrides, floats, one purse twice, copied wallets,
/// evidence that was never shown, commitments nothing names. None of them is a fault, and none but a copied wallet proves anything.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Anomalies {
    /// The audit file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    clocks: Clocks,
    /// The first hour of the night and the first after it
    #[arg(long, value_name = "H-H", default_value = "21-5")]
    night: String,
    /// Hand-outs an hour that one site may reach however quiet the others are
    #[arg(long, value_name = "N", default_value_t = 60)]
    an_hour: u64,
    /// Minutes within which one purse is not expected twice
    #[arg(long, value_name = "N", default_value_t = 10)]
    again: u32,
}

impl Anomalies {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let usual = Usual {
            zone: self.clocks.utc_offset,
            night: night(&self.night)?,
            an_hour: self.an_hour,
            again: self.again,
        };
        let file = super::open(&self.file)?;
        let seen =
            anomalies(&file, usual).map_err(|why| Fault::from(why).at(self.file.display()))?;
        let value = to_value(&seen).unwrap_or_default();
        session.screen.answer("audit_anomalies", value, || {
            let mut lines: Vec<String> = seen
                .found
                .iter()
                .map(|found| {
                    let entry = found.entry.as_deref().unwrap_or(&found.feed);
                    let grade = found.finality.map(|word| format!(", {word}")).unwrap_or_default();
                    format!("{}: {}: {} ({entry}{grade})", found.kind, found.site, found.what)
                })
                .collect();
            if seen.more > 0 {
                lines.push(format!("and {} more", seen.more));
            }
            lines.extend(seen.exceptions.iter().map(|one| {
                format!(
                    "by {}: {}: {} of {} ({})",
                    one.method, one.site, one.count, one.of, one.feed
                )
            }));
            lines.extend(seen.refusals.iter().map(|one| {
                format!("refused, {}: {}: {} ({})", one.class, one.site, one.count, one.feed)
            }));
            lines.extend(seen.unread.iter().map(|one| {
                format!(
                    "read by nothing: {}: {} of {} commitments that nothing later names, {} enrolled; {} of later kinds ({})",
                    one.site,
                    one.unopened,
                    one.commitments,
                    count(one.enrolled, "person", "people"),
                    count(one.later_bytes, "byte", "bytes"),
                    one.node
                )
            }));
            let looked = count(seen.handed_out, "hand-out", "hand-outs");
            lines.push(match seen.found.len() {
                0 => format!("nothing stands out among {looked}"),
                _ => format!("{looked} were looked at"),
            });
            lines.extend(seen.not_looked_for.iter().map(|what| format!("not looked for: {what}")));
            lines.join("\n")
        })
    }
}

/// `21-5`.
fn night(text: &str) -> Outcome<(u8, u8)> {
    let wrong = || Fault::usage(format!("\"{text}\" is not a night such as 21-5."));
    let (from, to) = text.split_once('-').ok_or_else(wrong)?;
    let hour =
        |text: &str| text.trim().parse().ok().filter(|hour: &u8| *hour < 24).ok_or_else(wrong);
    Ok((hour(from)?, hour(to)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nights_are_read_and_nonsense_is_not() {
        assert_eq!(night("21-5").expect("a night"), (21, 5));
        for bad in ["21", "24-5", "a-b", "-1-5", ""] {
            assert!(night(bad).is_err(), "{bad}");
        }
    }
}
