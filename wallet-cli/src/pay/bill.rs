use std::path::PathBuf;

use annona_ledger::time::DayNo;
use annona_ledger::wire::Bounded;
use annona_node::atomic;
use annona_node::holder::till;
use clap::Args;
use serde_json::json;

use super::slip;
use super::till::Till;
use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona pay bill --item Rice=2.5
  $ annona pay bill --item Rice=2.5 --item Oil=0.5 --out noor.bill --json";

/// Prints a bill for a wallet to sign: it is this node's, counts today, and pays once.
///
/// What the wallet answers is handed out with `annona pay charge --method signed --paper FILE`, or from this site's
/// allowance with `annona pay float --method signed --paper FILE`. Nothing is written before that.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Bill {
    /// What is to be handed out, as COMMODITY=AMOUNT; each commodity once
    #[arg(long = "item", value_name = "ITEM", required = true)]
    items: Vec<String>,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Bill {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.signing_node()?;
        let counter = Till::open(&node, self.programme.as_deref())?;
        let items = counter.items(&self.items)?;
        let on = DayNo::of(node.stamp(&counter.feed)?);
        let bill = till::Bill {
            federation: counter.federation,
            programme: counter.id,
            node: node.public().short(),
            nonce: till::nonce(&node, counter.id, on)?,
            on,
            items: Bounded::new(items.iter().map(|i| (i.commodity, i.amount)).collect())?,
        };
        let bytes = bill.encode();
        // Refused here, before anybody holds it before a wallet.
        till::Bill::decode(&bytes)?;
        let text = slip::wallet::text(slip::wallet::BILL, &bytes);
        if let Some(out) = &self.out {
            atomic::write(out, format!("{text}\n").as_bytes())?;
        }
        let value = json!({ "items": counter.items_value(&items), "bill": text });
        session
            .screen
            .answer("bill", value, || format!("{}\n{text}", counter.items_text(&items)))?;
        Ok(node.close()?)
    }
}
