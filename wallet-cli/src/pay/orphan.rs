use std::path::Path;

use annona_ledger::entry::{Entry, Value};
use annona_ledger::orphan::{Orphan as Brought, Shown};
use annona_ledger::ticket::{Moved, Sent};
use annona_ledger::wire::{Bounded, Bytes};
use annona_node::atomic;
use clap::Args;
use serde_json::json;

use super::till::Till;
use super::{receipt, slip};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona pay orphan burnt.promise
  $ annona pay orphan burnt.promise --dry-run";

/// The most bytes of one file of promises.
const LARGEST: usize = 64 * 1024;

/// Brings redemptions of a site that burnt: what is left of the site pays them, and its merchants are settled.
///
/// What proves the redemption comes first: its promise or its receipt. After it, as far as they are not known here, those
/// of the entries it stands on: the hold, what opened its lot, and so on down to a claim.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Orphan {
    /// Files that hold promises or a receipt, or texts of promises ('AP1:…', in single quotation marks): all of one site, the redemption's first
    #[arg(value_name = "PROOF", required = true)]
    proofs: Vec<String>,
    /// Say what would be answered, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What was given to bring: entries of one feed, and the sends that filled their lots.
#[derive(Default)]
struct Given {
    feed: Option<annona_ledger::id::FeedRef>,
    shown: Vec<Shown>,
    sends: Vec<Sent>,
}

impl Given {
    fn add(&mut self, feed: annona_ledger::id::FeedRef, shown: Shown) -> Outcome {
        if *self.feed.get_or_insert(feed) != feed {
            return Err(Fault::input("the proofs are of different sites: bring each by itself."));
        }
        if !self.shown.contains(&shown) {
            self.shown.push(shown);
        }
        Ok(())
    }

    fn read(&mut self, text: &str) -> Outcome {
        if slip::is_promise(text) {
            let promise = slip::read_promise(text)?;
            return self.add(promise.feed, promise.into());
        }
        let path = Path::new(text);
        let bytes = atomic::read(path, LARGEST)?;
        if let Some(proof) = receipt::read(path, &bytes)? {
            let hops = proof.provenance.clone();
            let feed = proof.feed;
            self.add(feed, proof.into())?;
            for sent in hops.into_vec() {
                // A refund among the hops is the promise of it.
                if let (Moved::Refund { .. }, true) = (sent.moved, sent.node == feed.node) {
                    let Sent { index, before, moved, signature, .. } = sent;
                    let entry = Bytes::new(Entry::Value(moved.entry()).encode())
                        .map_err(|why| Fault::input(why.to_string()))?;
                    self.add(feed, Shown::Promised { index, before, entry, signature })?;
                } else if !self.sends.contains(&sent) {
                    self.sends.push(sent);
                }
            }
            return Ok(());
        }
        let lines = String::from_utf8_lossy(&bytes).into_owned();
        for line in lines.lines().filter(|line| !line.trim().is_empty()) {
            let promise = slip::read_promise(line).map_err(|fault| fault.at(path.display()))?;
            self.add(promise.feed, promise.into())?;
        }
        Ok(())
    }
}

impl Orphan {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut given = Given::default();
        self.proofs.iter().try_for_each(|text| given.read(text))?;
        let (Some(feed), Some(first)) = (given.feed, given.shown.first().map(Shown::index)) else {
            return Err(Fault::input("there is no promise in it.")
                .at(self.proofs.join(", "))
                .then(
                    "A promise begins with AP1: and stands on the slip; a file has one a line.",
                ));
        };
        let many = |_| Fault::input("these are too many proofs to bring together: at most 8.");
        let shown = Bounded::new(given.shown).map_err(many)?;
        let sends = Bounded::new(given.sends).map_err(many)?;
        let mut node = session.signing_node()?;
        let till = Till::open(&node, Some(&feed.programme.to_string()))?;
        let brought = till.enter(&mut node, self.dry_run, move |_, _, at| {
            let (node, shown, sends) = (feed.node, shown.clone(), sends.clone());
            Ok(vec![Value::Orphan(Box::new(Brought { node, shown, sends, at })).into()])
        })?;
        let site = hex(&feed.node);
        let words = format!("entry {first} of {site} is brought");
        let value = json!({ "site": site, "of": first });
        till.entered(session, "orphan", brought.as_ref(), value, &words)?;
        Ok(node.close()?)
    }
}
