use annona_ledger::day::{self, Day, Sums};
use annona_ledger::entry::Value;
use annona_ledger::rejection::Rejection;
use annona_ledger::view::{ChainNo, View};
use annona_node::node::{Composed, NodeFault, Request};
use annona_node::store::Work;
use clap::Args;
use serde_json::json;

use super::slip;
use super::till::{Till, merchant_name};
use crate::fault::{Fault, Outcome};
use crate::session::Session;

/// Opens this counter's day. Food is never refused because nobody did: it only says where the day's statement begins.
#[derive(Args)]
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
        if self.dry_run {
            let work = node.store().look()?;
            let open = work.trunk(&till.feed).is_some_and(|chain| today(&work, chain).1);
            work.check()?;
            if open {
                return Err(Rejection::DayOpen.into());
            }
            return session.screen.answer("open-day", json!({ "dry_run": true }), || {
                "would open the day. Nothing was written.".to_owned()
            });
        }
        let mut group = [Request {
            feed: till.feed,
            compose: Box::new(|_, _, at| {
                let day = Box::new(Day::Open);
                Ok::<_, NodeFault>(vec![Composed::from(Value::DayClose { day, at })])
            }),
        }];
        let accepted = node.write(&mut group)?.remove(0)?;
        drop(group);
        let last = accepted.last().ok_or_else(|| Fault::refused("nothing was to be written."))?;
        let promise = till.promise(last)?;
        session.screen.answer("open-day", till.entry_value(&promise), || {
            format!("day opened {}\n{}", till.short(promise.index), slip::promise(&promise))
        })?;
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
        let root = sums.root().to_string();
        let mut value = json!({ "first": first, "root": root, "merchants": rows });
        if self.dry_run {
            if let Some(fields) = value.as_object_mut() {
                fields.insert("dry_run".into(), json!(true));
            }
            words.push("would close the day with this. Nothing was written.".to_owned());
            return session.screen.answer("close-day", value, || words.join("\n"));
        }
        let mut group = [Request {
            feed: till.feed,
            compose: Box::new(|work, feed, at| {
                let chain = work.open_trunk(feed)?;
                let (first, _, sums) = today(work, chain);
                let closing = sums.close(first).ok_or_else(|| {
                    NodeFault::Refused("more commodities than one statement can name".to_owned())
                })?;
                let day = Box::new(Day::Close(closing));
                Ok::<_, NodeFault>(vec![Composed::from(Value::DayClose { day, at })])
            }),
        }];
        let accepted = node.write(&mut group)?.remove(0)?;
        drop(group);
        let last = accepted.last().ok_or_else(|| Fault::refused("nothing was to be written."))?;
        let promise = till.promise(last)?;
        if let (Some(fields), Some(entry)) =
            (value.as_object_mut(), till.entry_value(&promise).as_object())
        {
            fields.extend(entry.clone());
        }
        session.screen.answer("close-day", value, || {
            words.push(format!("day closed {}", till.short(promise.index)));
            words.push(slip::promise(&promise));
            words.join("\n")
        })?;
        Ok(node.close()?)
    }
}
