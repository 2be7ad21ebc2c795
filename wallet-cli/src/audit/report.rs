use std::path::PathBuf;

use annona_ledger::audit::{Options, govern};
use annona_node::atomic;
use annona_node::audit::report::{self, About};
use annona_node::audit::{AuditFile, Labels, Vouched, states};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{Clocks, audit, federation, labels};
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::stop::LongWork;

const EXAMPLES: &str = "\
Examples:
  $ annona audit report camp.audit --out report.html
  $ annona audit report camp.audit --out report.html --language ar
  $ annona audit report camp.audit --out numbers.csv --as csv";

/// Checks an audit file and writes what it comes to as one page with plots, or as numbers.
///
/// The page loads nothing from anywhere. Counts of families below ten are hidden. A file with faults gets its report all
/// the same, the faults in it, and the command ends with 1.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Report {
    /// The audit file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// In what form
    #[arg(long = "as", value_enum, default_value_t = Form::Html)]
    form: Form,
    /// The language of the page: en, fr or ar
    #[arg(long, value_name = "TAG", default_value = "en", value_parser = ["en", "fr", "ar"])]
    language: String,
    /// Only this federation will do: its 64 digits, from somewhere you trust
    #[arg(long, value_name = "HEX")]
    federation: Option<String>,
    #[command(flatten)]
    clocks: Clocks,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    /// One page with plots
    Html,
    /// Numbers for a program
    Json,
    /// Numbers for a spreadsheet
    Csv,
}

impl Report {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let zone = self.clocks.utc_offset;
        let options = Options {
            federation: federation(self.federation.as_deref())?,
            utc_offset: zone.0,
            ..Options::default()
        };
        let (file, verdict) = audit(session, &self.file, &options)?;
        let long = LongWork::begin();
        let cores = annona_node::audit::cores();
        let vouched = states::recompute(&file, false, cores, long.flag());
        long.check()?;
        let governed = govern(&file, &options);
        if governed.ground().is_none() {
            // Nothing in it can be told from nothing: no report is better than an empty one.
            let why = verdict.first().map_or_else(String::new, |first| first.problem.to_string());
            let words = format!("{}: {why}. No report was written.", self.file.display());
            return Err(Fault::new(Exit::Wrong, words));
        }
        let labels = labels(&governed, zone);
        let made = report::Report::of(&verdict, &vouched, &labels, self.about(&file, &labels));
        let text = match self.form {
            Form::Html => report::html(&made, &self.language),
            Form::Json => format!("{:#}\n", report::json(&made)),
            Form::Csv => report::csv(&made),
        };
        atomic::write(&self.out, text.as_bytes())?;
        let good = verdict.is_good() && !vouched.iter().any(Vouched::is_wrong);
        let findings = (verdict.findings.len() as u64).saturating_add(verdict.more);
        let value = json!({
            "file": self.out, "good": good, "findings": findings, "bytes": text.len(),
        });
        session.screen.answer("report", value, || {
            let word = match (good, verdict.is_partial()) {
                (true, false) => "good",
                (true, true) => "good as far as it could be checked",
                (false, _) => "with faults",
            };
            format!("report in {} ({word}, {} entries)", self.out.display(), verdict.entries)
        })?;
        if good {
            return Ok(());
        }
        Err(Fault::new(
            Exit::Wrong,
            format!("{} has faults; the report lists them.", self.file.display()),
        )
        .then("`annona audit verify` says where the first one is."))
    }

    /// What the report is made from, and with what. No time: the same file gives the same page whenever it is made.
    fn about(&self, file: &AuditFile, labels: &Labels) -> About {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        let zone = match labels.zone().trim_start_matches("UTC") {
            "" => "+00:00".to_owned(),
            offset => offset.to_owned(),
        };
        let mut options = vec![
            format!("--as {}", format!("{:?}", self.form).to_lowercase()),
            format!("--language {}", self.language),
            format!("--utc-offset {zone}"),
        ];
        options.extend(self.federation.iter().map(|id| format!("--federation {id}")));
        About {
            file: name.to_string_lossy().into_owned(),
            bytes: file.bytes(),
            digest: file.said_digest().map(|digest| digest.to_string()),
            program: format!("annona {}", env!("CARGO_PKG_VERSION")),
            options,
        }
    }
}
