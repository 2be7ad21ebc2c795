use std::path::{Path, PathBuf};

use annona_ledger::entry::{Entry, Value as Fact};
use annona_ledger::finality::Finality;
use annona_ledger::id::FeedId;
use annona_ledger::receipt::Receipt as Proof;
use annona_ledger::view::{At, View};
use annona_ledger::wire;
use annona_node::atomic;
use annona_node::store::{Reached, Store};
use clap::Args;
use serde_json::json;

use super::till::{Till, named};
use crate::fault::{Exit, Fault, Outcome};
use crate::out;
use crate::session::Session;
use crate::words::{self, hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona pay receipt 1#12 --out till-3-0007.receipt
  $ annona pay receipt --check noor.receipt
  $ annona pay receipt --check noor.receipt --charter charter.annona --json";

/// What a receipt file begins with; the version is in it.
const MAGIC: &[u8; 17] = b"annona receipt 1\n";
/// The most a receipt file may have: one carrying entry, a path, a header, and the most hops there can be.
const LARGEST: usize = 8 * 1024;

/// Writes the receipt of a redemption: the entry, its path to a signed block, and where its lot came from.
///
/// With --check, checks a receipt against charter and certificates alone, as anyone can, with no network. A receipt
/// that proves nothing ends with 1.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Receipt {
    /// The entry, as it was printed (1#12), or its promise
    #[arg(value_name = "ENTRY", required_unless_present = "check")]
    entry: Option<String>,
    /// Where to write it [default: PROGRAMME-INDEX.receipt]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The programme, where the entry does not say it
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Check a receipt instead
    #[arg(long, value_name = "FILE", conflicts_with_all = ["entry", "out", "programme"])]
    check: Option<PathBuf>,
    /// Check against the charter in this file, not that of the data folder
    #[arg(long, value_name = "FILE", requires = "check")]
    charter: Option<PathBuf>,
}

impl Receipt {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match (&self.check, &self.entry) {
            (Some(path), _) => check(session, path, self.charter.as_deref()),
            (None, Some(entry)) => self.write(session, entry),
            (None, None) => Err(Fault::usage("name an entry, or a receipt to --check.")),
        }
    }

    fn write(&self, session: &Session, entry: &str) -> Outcome {
        let entry = named(session, entry)?;
        let mut node = session.node()?;
        let programme = entry.programme.or_else(|| self.programme.clone());
        let till = Till::open(&node, programme.as_deref())?;
        let path = match &self.out {
            Some(path) => path.clone(),
            // As one that is named on the command line: a receipt may be the only paper somebody has.
            None => {
                let path = PathBuf::from(format!("{}-{}.receipt", till.id, entry.index));
                out::free(&path, session.replace)?;
                path
            }
        };
        let mut made = node.receipt(&till.feed, entry.index)?;
        if made.is_none() {
            // Its block is still open: a receipt needs the block's signature.
            node.seal(&[till.feed])?;
            made = node.receipt(&till.feed, entry.index)?;
        }
        let made = made.ok_or_else(|| Fault::new(Exit::Bug, "a sealed entry without a block"))?;
        let bytes = wire::encode(&made);
        atomic::write(&path, &[&MAGIC[..], &bytes[..]].concat())?;
        let hops = made.provenance.len();
        let grade = grade(node.store(), &till.feed, entry.index)?;
        let value = json!({
            "file": path, "bytes": bytes.len(), "hops": hops, "entry": till.short(entry.index),
            "block": made.heading.seq, "finality": grade,
        });
        session.screen.answer("receipt", value, || {
            format!(
                "receipt of {} in {}: {} bytes, {}, {grade}",
                till.short(entry.index),
                path.display(),
                bytes.len(),
                words::count(hops as u64, "hop", "hops")
            )
        })?;
        Ok(node.close()?)
    }
}

/// The receipt in a file's bytes. `None` where they are no receipt file.
pub(super) fn read(path: &Path, file: &[u8]) -> Outcome<Option<Proof>> {
    let Some(body) = file.strip_prefix(&MAGIC[..]) else { return Ok(None) };
    let proof = wire::decode(body, LARGEST).map_err(|why| {
        Fault::new(Exit::Wrong, format!("the receipt is damaged: {why}. Ask for it again."))
            .at(path.display())
    })?;
    Ok(Some(proof))
}

fn check(session: &Session, path: &Path, charter: Option<&Path>) -> Outcome {
    let file = atomic::read(path, LARGEST)?;
    let proof = read(path, &file)?.ok_or_else(|| {
        let fault = Fault::input("this is not a receipt file of this version").at(path.display());
        fault.then(
            "`annona pay receipt ENTRY --out FILE` writes one: ask who sent it for the file again.",
        )
    })?;
    let (charter, roster) = session.power(charter)?;
    let node = roster.node(&proof.feed.node).ok_or_else(|| {
        Fault::input(format!(
            "no certificate of node {} is known here. Take it in with `annona node learn FILE`.",
            hex(&proof.feed.node)
        ))
        .at(path.display())
    })?;
    let wrong = |why: String| Fault::new(Exit::Wrong, why).at(path.display());
    let federation = charter.federation();
    let entry = proof
        .check(&federation, &node.node)
        .map_err(|why| wrong(format!("this receipt proves nothing: {why}.")))?;
    for (n, hop) in proof.provenance.iter().enumerate() {
        let sender = roster.node(&hop.node).ok_or_else(|| {
            wrong(format!(
                "hop {n} was sent by node {}, which has no certificate here.",
                hex(&hop.node)
            ))
        })?;
        if !hop.verifies(&federation, &sender.node, proof.feed.programme) {
            return Err(wrong(format!("hop {n} is not signed by its sender {}.", hex(&hop.node))));
        }
    }
    // How final it is, the ledger here may know; a receipt by itself shows that its node signed it.
    let feed = FeedId { node: node.node, lane: proof.feed.lane, programme: proof.feed.programme };
    let here = session.read().ok().filter(|store| store.federation().ok() == Some(federation));
    let known = here.and_then(|store| grade(&store, &feed, proof.index()).ok());
    let programme = charter.programme(proof.feed.programme);
    let said = described(&entry);
    let at = entry.stamp().map(|at| print_minute(at, charter.founded()));
    let value = json!({
        "good": true, "feed": proof.feed.to_string(), "index": proof.index(),
        "site": node.site_name.as_str(), "organisation": node.org, "block": proof.heading.seq,
        "entry": said, "at": at, "hops": proof.provenance.len(), "bytes": file.len() - MAGIC.len(),
        "limit": receipt_limit(proof.provenance.len()), "finality": known,
    });
    session.screen.answer("receipt", value, || {
        format!(
            "good: {said}{} at {} ({}), entry {} in block {} signed by {}{}",
            programme.map(|p| format!(" of {}", p.name)).unwrap_or_default(),
            node.site_name,
            at.unwrap_or_default(),
            proof.index(),
            proof.heading.seq,
            hex(&node.short()),
            known.map(|word| format!(", {word}")).unwrap_or_default(),
        )
    })
}

/// How final an entry is, as far as a ledger knows. Of a forked feed, on the branch known first.
pub(crate) fn grade(store: &Store, feed: &FeedId, index: u64) -> Outcome<&'static str> {
    graded(store, &store.finality_of(feed)?, feed, index)
}

/// As [`grade`], where it is known how far the feed has come.
pub(super) fn graded(
    store: &Store,
    reached: &Reached,
    feed: &FeedId,
    index: u64,
) -> Outcome<&'static str> {
    let work = store.look()?;
    let found = work.trunk(feed).map(|chain| {
        let at = At { chain, index };
        let cycle = work.entry(at).and_then(|entry| work.moves(at, &entry));
        work.grade(reached, at, cycle)
    });
    work.check()?;
    Ok(found.unwrap_or(Finality::Accepted).word())
}

/// What a receipt may have, in bytes: 520, and 160 for each hop (spec/limits.md).
const fn receipt_limit(hops: usize) -> usize {
    520 + 160 * hops
}

fn described(entry: &Entry) -> String {
    let Entry::Value(value) = entry else { return "an entry".into() };
    match value {
        Fact::Redeem { amount, lot, .. } => {
            format!("redeemed {} minor units of lot {}", amount.units(), lot.0)
        }
        Fact::FloatRedeem { amount, .. } => {
            format!("handed out {} minor units of the site's allowance", amount.units())
        }
        Fact::Refund { redeem, amount, .. } => {
            format!("took back {} minor units of entry {redeem}", amount.units())
        }
        Fact::Issue { amount, .. } => format!("issued {} minor units", amount.units()),
        Fact::Send(send) => format!("sent {} minor units", send.amount.units()),
        Fact::FloatCover(cover) => format!("covered {} minor units", cover.amount.units()),
        Fact::Claim { .. } => "claimed a ticket".into(),
        Fact::Merchant { .. } => "named a merchant".into(),
        Fact::Hold { amount, .. } => format!("held {} minor units", amount.units()),
        Fact::Post { hold, .. } => format!("posted hold {hold}"),
        Fact::Drop { hold, .. } => format!("dropped hold {hold}"),
        Fact::Basket { entries } => format!("a basket of {entries}"),
        Fact::End { .. } => "the end of the feed".into(),
        Fact::Orphan(_) => "showed what burnt elsewhere".into(),
        Fact::DayClose { .. } => "opened or closed a day".into(),
        Fact::Settle { .. } => "a line or step of a settlement".into(),
    }
}
