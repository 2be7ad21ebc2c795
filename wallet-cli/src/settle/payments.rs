use std::path::{Path, PathBuf};

use annona_ledger::settlement::{Row, Stage, Step};
use annona_node::atomic;
use clap::Args;
use serde_json::{Value, json};

use super::ledger::{self, Found};
use super::step::{self, Which};
use crate::fault::{Fault, Outcome};
use crate::pay::till::Till;
use crate::session::Session;
use crate::signer::Operator;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona settle pay 1#59 --out payments.csv --dir treasury
  $ annona settle pay 1#59 --done --dir treasury \\
      --operator sara.keys --operator-passphrase-file pass.txt";

/// Writes the payment file of an approved settlement, and records with --done that the payer outside has paid it.
///
/// CSV, or JSON where the name ends so: one row for each entry, with a reference that follows from the entry alone. A payer
/// who keeps references refuses to pay one twice, whichever treasury asks. Refunds are rows below zero. Merchants are
/// handles; nobody is named.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Pay {
    #[command(flatten)]
    which: Which,
    /// Where to write the payments
    #[arg(long, value_name = "FILE", required_unless_present = "done")]
    out: Option<PathBuf>,
    /// Record that they were paid, as a third operator
    #[arg(long)]
    done: bool,
    #[command(flatten)]
    operator: Operator,
}

/// The columns, in order.
const COLUMNS: [&str; 11] = [
    "reference",
    "merchant",
    "programme",
    "cycle",
    "commodity",
    "units",
    "kind",
    "node",
    "index",
    "copy",
    "amount",
];

impl Pay {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let signer = self.done.then(|| self.operator.open(session)).transpose()?;
        let mut node = session.signing_node()?;
        let till = Till::open(&node, self.which.programme.as_deref())?;
        let work = node.store().look()?;
        let found = ledger::named(&work, &till, &self.which.settlement)?;
        if !matches!(found.row.stage(), Stage::Approved | Stage::Paid) {
            return Err(Fault::refused(format!(
                "settlement {} is not approved: nothing is to be paid.",
                self.which.settlement
            ))
            .then("`annona settle status` tells what it waits for."));
        }
        let rows = ledger::held(&work, &found)?;
        if ledger::is_void(&work, &found) {
            return Err(Fault::refused(format!(
                "settlement {} is void: its treasury is cut off or settles no more, and nobody heard that it was paid.",
                self.which.settlement
            ))
            .then("What was in it is drafted anew: `annona settle draft`, or `annona settle status` where that was done."));
        }
        let also = ledger::also(&work, &till, &found.feed, &rows);
        work.check()?;
        drop(work);
        also.iter().for_each(|also| session.screen.warn(also.words(&till)));
        if let Some(signer) = signer.as_ref().filter(|_| !self.which.dry_run) {
            // Before the file: it is written once.
            step::ask(session, &till, &found, Step::Paid, signer)?;
        }
        if let Some(out) = self.out.as_deref().filter(|_| !self.which.dry_run) {
            write(session, &till, &found, &rows, out)?;
        }
        if let Some(signer) = &signer {
            let step = (Step::Paid, None);
            let dry_run = self.which.dry_run;
            step::enter(session, &mut node, &till, &found, step, signer, dry_run)?;
        } else if self.which.dry_run {
            let value = json!({ "rows": rows.len() });
            session
                .screen
                .answer("payments", value, || format!("{} rows would be written.", rows.len()))?;
        }
        Ok(node.close()?)
    }
}

/// The cells of a row, as [`COLUMNS`] names them.
fn cells(till: &Till, row: &Row) -> [String; 11] {
    let what = &row.what;
    let units = ledger::signed(row);
    [
        row.reference(&till.federation, till.id).to_string(),
        what.merchant.to_string(),
        till.id.to_string(),
        what.cycle.to_string(),
        what.commodity.to_string(),
        units.to_string(),
        format!("{:?}", what.kind).to_lowercase(),
        hex(&row.node),
        what.index.to_string(),
        what.copy.to_string(),
        till.print(what.commodity, units),
    ]
}

fn write(session: &Session, till: &Till, found: &Found, rows: &[Row], out: &Path) -> Outcome {
    let json = out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let bytes = if json {
        let row = |row: &Row| {
            let cells = COLUMNS.iter().zip(cells(till, row));
            Value::Object(cells.map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect())
        };
        let rows: Vec<Value> = rows.iter().map(row).collect();
        let file = json!({
            "annona": 1, "kind": "payments", "federation": till.federation.to_string(),
            "settlement": found.row.name.to_string(), "root": found.row.root.to_string(), "rows": rows,
        });
        format!("{file}\n").into_bytes()
    } else {
        let lines = rows.iter().map(|row| cells(till, row).map(|cell| quoted(&cell)).join(","));
        let mut text = COLUMNS.join(",");
        for line in lines {
            text.push('\n');
            text.push_str(&line);
        }
        text.push('\n');
        text.into_bytes()
    };
    atomic::write(out, &bytes)?;
    let value = json!({ "file": out, "rows": rows.len(), "root": found.row.root.to_string() });
    session
        .screen
        .answer("payments", value, || format!("{} payments in {}", rows.len(), out.display()))
}

/// A cell of CSV. A commodity's name may hold anything visible; one that a spreadsheet would take for a formula is told
/// apart by a leading apostrophe.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '@', '+'])
        || (cell.starts_with('-') && cell.parse::<i128>().is_err());
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if cell.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell
    }
}
