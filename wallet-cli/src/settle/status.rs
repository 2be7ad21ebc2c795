use annona_ledger::id::FeedId;
use annona_ledger::settlement::{Step, is_paid};
use annona_ledger::time::Minute;
use annona_ledger::view::View;
use clap::Args;
use serde_json::json;

use super::ledger;
use crate::fault::Outcome;
use crate::pay::receipt;
use crate::pay::till::Till;
use crate::session::Session;
use crate::words::{hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona settle status --dir treasury
  $ annona settle status 1#57 --dir treasury --json";

/// Lists settlements with their steps and who took them, and how many rows wait for the next draft.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Status {
    /// Only this one, with what each merchant is paid
    #[arg(value_name = "SETTLEMENT")]
    settlement: Option<String>,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
}

impl Status {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let work = node.store().look()?;
        let all = match &self.settlement {
            Some(text) => vec![ledger::named(&work, &till, text)?],
            None => ledger::all(&work, till.id),
        };
        let places: Vec<_> =
            all.iter().map(|found| (work.chain(found.at.chain).feed, found.at.index)).collect();
        drop(work);
        let grade = |(feed, index): &(FeedId, u64)| receipt::grade(node.store(), feed, *index);
        let grades = places.iter().map(grade).collect::<Outcome<Vec<_>>>()?;
        let work = node.store().look()?;
        for (found, finality) in all.iter().zip(grades) {
            let own = found.feed == till.feed.short();
            let name = format!("{}#{}", till.id, found.at.index);
            let (row, stage) = (&found.row, format!("{:?}", found.row.stage()).to_lowercase());
            let void = ledger::is_void(&work, found);
            let mut lines = Vec::new();
            if void {
                lines.push(
                    "  VOID: its treasury is cut off or settles no more, and what is in it is drafted anew"
                        .to_owned(),
                );
            }
            let mut steps = Vec::new();
            for taken in &row.by {
                let (word, who) =
                    (format!("{:?}", taken.step).to_lowercase(), hex(&taken.operator.short()));
                let at = print_minute(Minute(taken.at.0), till.founded);
                let reason = (taken.step == Step::Disputed).then(|| work.evidence_at(taken.place));
                let reason = reason.flatten().map(|r| String::from_utf8_lossy(&r).into_owned());
                let because = reason.as_deref().map(|r| format!(": {r}")).unwrap_or_default();
                lines.push(format!("  {word} {at} by {who}{because}"));
                steps.push(json!({ "step": word, "at": at, "operator": who, "reason": reason }));
            }
            for net in row.totals.iter() {
                let print = |amount: annona_ledger::amount::Amount| {
                    till.print(net.commodity, i128::from(amount.units()))
                };
                lines.push(format!("  given {}, back {}", print(net.given), print(net.back)));
            }
            let mut value = json!({
                "settlement": name, "node": hex(&found.feed.node), "own": own,
                "name": row.name.to_string(), "stage": stage, "void": void, "rows": row.rows,
                "root": row.root.to_string(), "steps": steps, "finality": finality,
                "entitled": is_paid(&work, &found.feed, row) || stage != "paid",
            });
            if self.settlement.is_some() {
                let rows = ledger::held(&work, found)?;
                let (merchants, words) = ledger::sums(node.store(), &till, &rows);
                lines.extend(words);
                if let Some(fields) = value.as_object_mut() {
                    fields.insert("merchants".into(), merchants);
                }
            }
            session.screen.answer("settlement", value, || {
                let at = if own { String::new() } else { format!(" of {}", hex(&found.feed.node)) };
                let rows = row.rows;
                let rest = lines.join("\n");
                format!("{name}{at}  {stage}  {rows} rows  {finality}\n{rest}")
            })?;
        }
        if self.settlement.is_none() {
            let lines = ledger::waiting(&work, till.id, None);
            let rows = annona_ledger::settlement::rows(&work, till.id, &lines);
            let waiting = rows.map(|rows| rows.len());
            work.check()?;
            let value = json!({ "waiting": waiting });
            session.screen.answer("waiting", value, || match waiting {
                Some(0) => "Everything known here is in a settlement.".to_owned(),
                Some(rows) => format!("{rows} rows wait for a draft: `annona settle draft`."),
                None => "Some of what waits is not here: bring it with a bundle.".to_owned(),
            })?;
        }
        Ok(())
    }
}
