use annona_ledger::day::{self, Day, Sums};
use annona_ledger::entry::Value;
use annona_ledger::rejection::Rejection;
use annona_ledger::view::{ChainNo, View};
use annona_node::node::NodeFault;
use annona_node::store::Work;
use clap::Args;
use serde_json::json;

use super::till::{Till, merchant_name};
use crate::fault::Outcome;
use crate::session::Session;

const OPEN: &str = "\
Examples:
  $ annona pay open-day
  $ annona pay open-day --programme Food --dry-run";

const CLOSE: &str = "\
Examples:
  $ annona pay close-day --dry-run
  $ annona pay close-day --json";

/// Opens this counter's day. Food is never refused because nobody did: it only says where the day's statement begins.
#[derive(Args)]
#[command(before_help = OPEN)]
pub(crate) struct OpenDay {
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Closes this counter's day with a signed statement: what each merchant handed out and took back.
#[derive(Args)]
#[command(before_help = CLOSE)]
pub(crate) struct CloseDay {
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What the day that would be closed now comes to, and where it began.
fn today(work: &Work<'_>, chain: ChainNo) -> (u64, bool, Sums) {
    let (begins, open) = day::begins(work, chain);
    let sums = day::sums(work, chain, begins, work.head(chain).next);
    (begins, open, sums)
}

impl OpenDay {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let opened = till.enter(&mut node, self.dry_run, |_, _, at| {
            Ok(vec![Value::DayClose { day: Box::new(Day::Open), at }.into()])
        })?;
        till.entered(session, "open-day", opened.as_ref(), json!({}), "the day is opened")?;
        Ok(node.close()?)
    }
}

impl CloseDay {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let work = node.store().look()?;
        let chain = work.trunk(&till.feed);
        let (first, open, sums) =
            chain.map_or((0, false, Sums::default()), |chain| today(&work, chain));
        work.check()?;
        drop(work);
        if !open && sums.is_empty() {
            return Err(Rejection::DayNotOpen.into());
        }
        let rows: Vec<_> = sums
            .iter()
            .map(|sum| {
                json!({
                    "merchant": sum.merchant.to_string(),
                    "name": merchant_name(node.store(), &sum.merchant),
                    "cycle": sum.cycle, "commodity": sum.commodity,
                    "redeemed": sum.redeemed, "given": sum.given.units(),
                    "refunded": sum.refunded, "back": sum.back.units(),
                })
            })
            .collect();
        let mut words: Vec<String> = sums
            .iter()
            .map(|sum| {
                let who = merchant_name(node.store(), &sum.merchant)
                    .unwrap_or_else(|| sum.merchant.to_string());
                let given = till.print(sum.commodity, i128::from(sum.given.units()));
                let back = till.print(sum.commodity, i128::from(sum.back.units()));
                format!("{who}: {} times {given}; {} times back {back}", sum.redeemed, sum.refunded)
            })
            .collect();
        words.push("the day is closed".to_owned());
        let value = json!({ "first": first, "root": sums.root().to_string(), "merchants": rows });
        let closed = till.enter(&mut node, self.dry_run, |work, feed, at| {
            let chain = work.open_trunk(feed)?;
            let (first, _, sums) = today(work, chain);
            let closing = sums.close(first).ok_or_else(|| {
                NodeFault::Refused("more commodities than one statement can name".to_owned())
            })?;
            Ok(vec![Value::DayClose { day: Box::new(Day::Close(closing)), at }.into()])
        })?;
        till.entered(session, "close-day", closed.as_ref(), value, &words.join("\n"))?;
        Ok(node.close()?)
    }
}
