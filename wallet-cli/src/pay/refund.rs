use annona_ledger::fold;
use annona_ledger::view::At;
use annona_node::node::{NodeFault, Request};
use annona_node::receipt;
use annona_node::serve;
use clap::Args;
use serde_json::json;

use super::charge::before;
use super::slip;
use super::till::{self, Till, named};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{amount, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona pay refund 1#12
  $ annona pay refund 1#12 --amount 2.5 --request till-3-0007
  $ annona pay refund 1#12 --dry-run";

/// Takes goods of a redemption back: what was given opens a new lot of the same purse. Once per redemption.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Refund {
    /// The redemption, as it was printed (1#12), or its promise
    #[arg(value_name = "ENTRY")]
    entry: String,
    /// How much [default: all of it]
    #[arg(long, value_name = "AMOUNT")]
    amount: Option<String>,
    /// The programme, where the entry does not say it
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// A name of your own for this refund: repeating it changes nothing
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Say what would be answered, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Refund {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let entry = named(session, &self.entry)?;
        let mut node = session.signing_node()?;
        let till = Till::open(&node, entry.programme.or(self.programme).as_deref())?;
        let index = entry.index;
        let work = node.store().look()?;
        let found =
            work.trunk(&till.feed).and_then(|chain| fold::redeemed(&work, At { chain, index }));
        work.check()?;
        drop(work);
        let (row, given) = found.ok_or_else(|| {
            Fault::refused(format!(
                "{} is no redemption of this node. `annona pay list` shows them.",
                till.short(index)
            ))
        })?;
        let commodity = till.programme.commodity(row.commodity).ok_or_else(|| {
            Fault::input(format!("commodity {} is not in the charter.", row.commodity))
        })?;
        let back = match &self.amount {
            Some(text) => amount(commodity, text)?,
            None => given,
        };
        let words =
            format!("{} {}", commodity.name, print_units(commodity, i128::from(back.units())));
        let asked = self.request.as_deref().map(|request| {
            till.asked(request, format!("refund {index} {}", back.units()).as_bytes())
        });
        let mut earlier = None;
        let answer = {
            let slot = &mut earlier;
            let mut group = [Request {
                feed: till.feed,
                compose: Box::new(move |work, _, at| {
                    if let Some(known) = before(work, asked.as_ref())? {
                        *slot = Some(known);
                        return Ok(Vec::new());
                    }
                    let mut composed = serve::refund(index, back, at);
                    if let Some(first) = composed.first_mut() {
                        first.asked = asked;
                    }
                    Ok::<_, NodeFault>(composed)
                }),
            }];
            crate::dry_run::write(&mut node, self.dry_run, &mut group)?.remove(0)?
        };
        if self.dry_run {
            let of = till.short(index);
            let value = json!({ "of": of, "units": back.units(), "repeated": earlier.is_some() });
            return session.screen.answer("refund", value, || {
                format!("would take back {words} of {of}. Nothing was written.")
            });
        }
        let promise = match (answer.last(), earlier) {
            (Some(last), _) => till.promise(last)?,
            (None, Some(known)) => {
                let work = node.store().look()?;
                receipt::promised(&work, till.key(), &known.feed, known.last())?
            }
            (None, None) => return Err(Fault::refused("nothing was to be written.")),
        };
        let mut value = match &earlier {
            Some(before) => till.again_value(node.store(), before, &promise),
            None => till.entry_value(&promise),
        };
        let again = till::again(&value, earlier.is_some());
        if let Some(fields) = value.as_object_mut() {
            fields.insert("of".into(), json!(till.short(index)));
            fields.insert("units".into(), json!(back.units()));
            fields.insert("repeated".into(), json!(earlier.is_some()));
        }
        session.screen.answer("refund", value, || {
            format!(
                "accepted {}{again}: {words} of {} taken back\n{}",
                till.short(promise.index),
                till.short(index),
                slip::promise(&promise)
            )
        })?;
        Ok(node.close()?)
    }
}
