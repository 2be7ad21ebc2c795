//! `annona merchant`: who hands out, by handles. A name stays on this node; the ledger holds a number that follows from it.

use std::collections::BTreeMap;

use annona_ledger::entry::Value;
use annona_ledger::id::{Lane, MerchantId};
use annona_ledger::view::View;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::pay::till::{Till, merchant_name, remember_merchant};
use crate::session::Session;
use crate::words::{self, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona merchant add \"Al Noor bakery\"
  $ annona merchant list";

const ADD: &str = "\
Examples:
  $ annona merchant add \"Al Noor bakery\"
  $ annona merchant add \"Al Noor bakery\" --programme Food --dry-run";

const LIST: &str = "\
Examples:
  $ annona merchant list
  $ annona merchant list --json";

/// Merchants: who may be named as handing out here, and by which handle they are settled.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Merchant {
    Add(Add),
    List(List),
}

/// Names a merchant in this counter's feed. A charge does so by itself; once is enough, and again changes nothing.
#[derive(Args)]
#[command(before_help = ADD)]
pub(crate) struct Add {
    /// What people call it, or its 32 digits
    #[arg(value_name = "MERCHANT")]
    name: String,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Say what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Lists the merchants that counters have named, with their handles.
#[derive(Args)]
#[command(before_help = LIST)]
pub(crate) struct List {
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
}

impl Merchant {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Add(command) => command.run(session),
            Self::List(command) => command.run(session),
        }
    }
}

impl Add {
    fn run(self, session: &Session) -> Outcome {
        if self.name.trim().is_empty() {
            return Err(Fault::usage("say what the merchant is called."));
        }
        let mut node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let (merchant, name) = till.merchant(Some(&self.name))?;
        let work = node.store().look()?;
        let known = work.trunk(&till.feed).is_some_and(|chain| work.has_merchant(chain, &merchant));
        work.check()?;
        drop(work);
        let mut added = None;
        if !known {
            added = till.enter(&mut node, self.dry_run, move |_, _, _| {
                Ok(vec![Value::Merchant { merchant }.into()])
            })?;
        }
        if !self.dry_run {
            remember_merchant(node.store(), &merchant, &name)?;
        }
        let handle = merchant.to_string();
        let value = json!({ "merchant": handle, "name": name, "known": known });
        if known {
            session.screen.answer("merchant", value, || {
                format!("{handle}  {}: known here", words::name(&name))
            })?;
        } else {
            let words = format!("{handle}  {}", words::name(&name));
            till.entered(session, "merchant", added.as_ref(), value, &words)?;
        }
        Ok(node.close()?)
    }
}

impl List {
    fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let work = node.store().look()?;
        let mut all: BTreeMap<MerchantId, Vec<String>> = BTreeMap::new();
        for feed in work.feeds() {
            if feed.id.lane == Lane::Value && feed.id.programme == till.id {
                for merchant in work.merchant_names(feed.chain) {
                    all.entry(merchant).or_default().push(hex(&feed.id.node.short()));
                }
            }
        }
        work.check()?;
        for (merchant, mut nodes) in all {
            nodes.dedup();
            let (handle, name) = (merchant.to_string(), merchant_name(node.store(), &merchant));
            let value = json!({ "merchant": handle, "name": name, "nodes": nodes });
            session.screen.answer("merchant", value, || {
                let name = words::name(&name.unwrap_or_default());
                format!("{handle}  {name}  at {}", nodes.join(", "))
            })?;
        }
        Ok(())
    }
}
