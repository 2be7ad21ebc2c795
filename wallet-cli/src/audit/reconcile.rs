use std::path::{Path, PathBuf};

use annona_node::audit::labels::decimal;
use annona_node::audit::reconcile;
use annona_node::audit::reconcile::{Claim, Reconciliation};
use annona_node::import::table::Cell;
use annona_node::import::{CsvOptions, Source};
use clap::Args;
use serde_json::to_value;

use super::Clocks;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona audit reconcile camp.audit
  $ annona audit reconcile camp.audit lake
  $ annona audit reconcile camp.audit --merchant-list shop.csv";

/// Rows of a merchant's list that are read: a shop's redemptions of years.
const MOST_ROWS: usize = 1_000_000;

/// Holds sites side by side: what one sent against what the other claimed, what floats gave against what homes made
/// good, and a merchant's own list against the ledger. What is on its way is listed; where two sides contradict each other,
/// or a feed is not wholly in the file, the command ends with 1.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Reconcile {
    /// The audit file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The sites, by name or by the beginning of the node's number; all of them where none is named
    #[arg(value_name = "SITE")]
    sites: Vec<String>,
    /// A merchant's own list: CSV or XLSX with the columns `entry` and `amount`, as its slips print them
    #[arg(long, value_name = "FILE")]
    merchant_list: Option<PathBuf>,
    #[command(flatten)]
    clocks: Clocks,
}

impl Reconcile {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let claims = self.merchant_list.as_deref().map(read).transpose()?.unwrap_or_default();
        let file = super::open(&self.file)?;
        let sites = reconcile(&file, &self.sites, &claims, self.clocks.utc_offset)
            .map_err(|why| Fault::from(why).at(self.file.display()))?;
        let mut value = to_value(&sites).unwrap_or_default();
        if let Some(object) = value.as_object_mut() {
            object.insert("even".into(), sites.is_even().into());
        }
        session.screen.answer("audit_reconcile", value, || text(&sites))?;
        if sites.is_even() {
            if !sites.open.is_empty() {
                session.screen.note(
                    "What is on its way is no loss: bring the other sites' bundles in, export again and repeat.",
                );
            }
            return Ok(());
        }
        let words = match sites.contradictions {
            0 => "some feeds are not in the file, or not wholly".to_owned(),
            rows => count(rows, "row contradicts the ledger", "rows contradict the ledger"),
        };
        Err(Fault::new(Exit::Wrong, format!("{}: {words}.", self.file.display())))
    }
}

/// A merchant's list, CSV or XLSX, read a row at a time.
fn read(path: &Path) -> Outcome<Vec<Claim>> {
    let wrong = |what: String| Fault::input(format!("{}: {what}", path.display()));
    let told = |why: Fault| why.at(path.display());
    let source = Source::open(path, &CsvOptions::default()).map_err(|why| told(why.into()))?;
    let mut columns: Option<(usize, usize)> = None;
    let mut claims = Vec::new();
    source.read(0, |row, _| {
        let cell = |at: usize| match row.cell(at) {
            Cell::Text(text) => text.trim().to_owned(),
            Cell::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let Some((entry, amount)) = columns else {
            let column = |name: &str| {
                let found = (0..row.cells.len()).find(|at| cell(*at).eq_ignore_ascii_case(name));
                found
                    .ok_or_else(|| wrong(format!("there is no column `{name}` in its first line.")))
            };
            columns = Some((column("entry")?, column("amount")?));
            return Ok(());
        };
        if claims.len() == MOST_ROWS {
            return Err(wrong(format!("more than {MOST_ROWS} rows: split the list.")));
        }
        claims.push(Claim { line: row.number, entry: cell(entry), amount: cell(amount) });
        Ok::<(), Fault>(())
    })?;
    Ok(claims)
}

fn text(sites: &Reconciliation) -> String {
    let mut lines = Vec::new();
    for line in &sites.lines {
        lines.push(format!(
            "{}  {} cycle {}, {}",
            line.site, line.programme_name, line.cycle, line.commodity_name
        ));
        let shown = [
            ("budgeted", line.budgeted),
            ("claimed", line.claimed),
            ("arriving", line.arriving),
            ("issued", line.issued),
            ("sent", line.sent),
            ("handed out", line.handed_out),
            ("from float", line.float),
            ("made good", line.covered),
            ("taken back", line.refunded),
            ("from releases", line.freed),
            ("released from here", line.released),
            ("handed out above the cut", line.tainted),
        ];
        let shown = shown.map(|(word, units)| (word, i128::try_from(units).unwrap_or(i128::MAX)));
        let by_others = [("handed out as others show", line.shown)];
        let shown: Vec<String> = shown
            .iter()
            .chain(&by_others)
            .filter(|(_, units)| *units != 0)
            .map(|(word, units)| format!("{word} {}", decimal(*units, line.digits)))
            .collect();
        lines.push(format!("  {}; left {}", shown.join(", "), decimal(line.left, line.digits)));
    }
    for open in &sites.open {
        let grade = open.finality.map(|word| format!("  {word}")).unwrap_or_default();
        lines.push(format!(
            "? {}  {}  {}  {}: {}{grade}",
            open.entry, open.when, open.site, open.amount, open.what
        ));
    }
    if sites.more > 0 {
        lines.push(format!("and {} more", sites.more));
    }
    if sites.matched > 0 {
        lines.push(format!("{} of the merchant's list match", count(sites.matched, "row", "rows")));
    }
    for feed in &sites.partly {
        lines.push(format!("feed {feed} is not in the file, or not wholly"));
    }
    for feed in &sites.forked {
        lines.push(format!(
            "{feed} has forked: all its branches are added up here; `annona audit verify` says who owes what"
        ));
    }
    if sites.is_even() && sites.open.is_empty() {
        let all = if sites.forked.is_empty() { "everything matches" } else { "all else matches" };
        lines.push(all.to_owned());
    }
    lines.join("\n")
}
