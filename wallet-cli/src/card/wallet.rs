use std::path::PathBuf;

use annona_ledger::duty::Duty;
use annona_ledger::entry::{CarrierKind, Registry};
use annona_ledger::id::{CarrierId, Lane, ProgrammeId, Pseudonym};
use annona_ledger::limits;
use annona_ledger::view::View;
use annona_node::atomic;
use annona_node::holder::desk::{self, Home, Kept};
use annona_node::holder::till::Introduction;
use annona_node::keystore::Name;
use annona_node::node::{Compose, Node, Request};
use clap::Args;
use serde_json::json;

use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::pay::slip;
use crate::pay::till::Till;
use crate::session::Session;
use crate::signer::{Operator, Signer};
use crate::words;

const WALLET: &str = "\
Examples:
  $ annona card wallet 1 --introduction amina.introduction --out amina.page \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card wallet 1 --introduction amina.introduction --dry-run \\
      --operator mara.keys --operator-passphrase-file pass.txt";

const PAGE: &str = "\
Examples:
  $ annona card page --introduction amina.introduction --out amina.page
  $ annona card page --introduction amina.introduction --out amina.page --json";

/// Gives a family's purses to the wallet it shows, and writes the page its wallet takes in.
///
/// Run again it writes a newer page: receipts, consents, who was shown what. Another wallet takes the place of the one
/// before, which is cancelled. --cancel does that alone, where a wallet was lost.
#[derive(Args)]
#[command(before_help = WALLET)]
pub(crate) struct Wallet {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// What `annona wallet introduce` printed: its text, or a file that holds it
    #[arg(long, value_name = "TEXT", required_unless_present = "cancel")]
    introduction: Option<String>,
    /// Where the page goes [default: FAMILY.page, with her number, where her newer page takes the place of the one before]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For how many days its keys count
    #[arg(long, value_name = "N", default_value_t = 180)]
    days: u32,
    /// Only cancel the wallet the family has
    #[arg(long, conflicts_with = "introduction")]
    cancel: bool,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Check everything; give nothing
    #[arg(long)]
    dry_run: bool,
}

/// Tells a wallet what this node knows of its keys: for a wallet that was restored, and was used here.
///
/// It says nothing of who she is, and needs no operator.
#[derive(Args)]
#[command(before_help = PAGE)]
pub(crate) struct Page {
    /// What `annona wallet introduce` printed: its text, or a file that holds it
    #[arg(long, value_name = "TEXT")]
    introduction: String,
    /// Where the page goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
}

fn introduction(given: &str) -> Outcome<Introduction> {
    let what = "what a wallet shows";
    Ok(Introduction::decode(&slip::wallet::one(given, slip::wallet::INTRODUCTION, what)?)?)
}

impl Wallet {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.days == 0 || self.days > limits::HOLDER_DAYS {
            let most = limits::HOLDER_DAYS;
            return Err(Fault::usage(format!("a wallet's keys count for 1 to {most} days.")));
        }
        let shown = self.introduction.as_deref().map(introduction).transpose()?;
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let org = node.org().unwrap_or(about.org);
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        let role = (Duty::CardWallet, programme);
        signer.may(&node, &[about.org, org], role, at)?;
        let pseudonym = holder::pseudonym(&node, &vault, id, programme)?;
        let before = desk::kept(&vault, id, programme)?;
        let Some(shown) = shown else {
            let before =
                before.ok_or_else(|| Fault::input(format!("family {id} has no wallet here.")))?;
            if !self.dry_run {
                let carrier = before.carrier(programme);
                // That wallet: another desk may have given a new one meanwhile.
                let about = carrier.to_string();
                let question = format!("Cancel the wallet of family {id}?");
                session.confirm(&question, &[about.as_bytes()])?;
                write(&mut node, programme, &signer, &[(carrier, None)])?;
            }
            let value = json!({ "family": id, "cancelled": !self.dry_run });
            session.screen.answer("wallet", value, || {
                let verb = if self.dry_run { "would be" } else { "is" };
                format!("The wallet of family {id} {verb} cancelled.")
            })?;
            return Ok(node.close()?);
        };
        let mut kept = match &before {
            Some(known) if known.introduction.salt == shown.salt => {
                Kept { introduction: shown.clone(), given: known.given.clone() }
            }
            _ => Kept { introduction: shown.clone(), given: Vec::new() },
        };
        let carrier = kept.carrier(programme);
        let till = Till::open(&node, Some(&programme.to_string()))?;
        let purses = till.purses_by_cycle(&vault, id)?;
        for (cycle, _) in &purses {
            if !kept.give(*cycle) {
                session.screen.note(
                    "It offers no more keys: take the page, and show its next introduction for the purses that are left.",
                );
                break;
            }
        }
        if purses.is_empty() {
            return Err(Fault::refused(format!(
                "this node has no cycle of {} with a key: there is no purse to give.",
                about.name
            ))
            .then("`annona cycle key` brings it, `annona entitle import` begins one."));
        }
        if self.dry_run {
            let count = words::count(kept.given.len() as u64, "purse", "purses");
            let words = format!("The wallet would hold {count} of family {id}.");
            let value = json!({ "family": id, "purses": kept.given.len() });
            dry_run::would(session, "wallet", value, &words)?;
            return Ok(node.close()?);
        }
        let mut entries = vec![(carrier, Some(pseudonym))];
        let others = before.iter().map(|known| known.carrier(programme));
        entries.extend(others.filter(|other| *other != carrier).map(|other| (other, None)));
        // The ledger first: a key that is given and never bound would be good where nobody can cancel it.
        write(&mut node, programme, &signer, &entries)?;
        kept.keep(&mut vault, id, programme)?;
        let home = Some(Home { vault: &vault, household: id, kept: &kept, purses: &purses });
        let page = desk::page(&node, (programme, &shown), home, self.days)??;
        let given = page.purses.len();
        let sealed = page.seal(&node.signing_key(Name::NodeSigning)?, &shown.sealing)?;
        let out = self.out.unwrap_or_else(|| PathBuf::from(format!("{id}.page")));
        atomic::write(&out, &sealed)?;
        let value = json!({
            "family": id, "programme": programme, "purses": given, "receipts": page.notes.len(),
            "page": out, "carrier": carrier.to_string(),
        });
        session.screen.answer("wallet", value, || {
            format!(
                "{} of family {id} in {}: the wallet takes in {}",
                words::count(given as u64, "purse", "purses"),
                about.name,
                out.display()
            )
        })?;
        Ok(node.close()?)
    }
}

/// Binds carriers, or cancels those without a holder; what stands already is passed over.
fn write(
    node: &mut Node,
    programme: ProgrammeId,
    signer: &Signer,
    entries: &[(CarrierId, Option<Pseudonym>)],
) -> Outcome {
    let federation = node.federation()?;
    for (carrier, bound) in entries.iter().copied() {
        let feed = node.feed(Lane::Registry, programme);
        let compose: Compose<'_> = Box::new(move |work, feed, at| {
            let stands = match bound {
                Some(pseudonym) => work.carrier(programme, &carrier).contains(&pseudonym),
                None => work.cancelled(programme, &carrier),
            };
            // A cancelled one is never bound again: the writer's own rule says so.
            if stands && (bound.is_none() || !work.cancelled(programme, &carrier)) {
                return Ok(Vec::new());
            }
            let entry = match bound {
                Some(pseudonym) => {
                    Registry::CarrierBound { pseudonym, carrier, kind: CarrierKind::Phone, at }
                }
                None => Registry::CarrierCancelled { carrier, at },
            };
            Ok(vec![signer.stands_for(&federation, feed, entry)])
        });
        let answers = node.write(&mut [Request { feed, compose }])?;
        answers.into_iter().next().ok_or_else(|| Fault::refused("nothing was written."))??;
    }
    Ok(())
}

impl Page {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let shown = introduction(&self.introduction)?;
        let node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let (programme, _) = words::served(&node, &charter, self.programme.as_deref())?;
        let page = desk::page(&node, (programme, &shown), None, 1)??;
        let sealed = page.seal(&node.signing_key(Name::NodeSigning)?, &shown.sealing)?;
        atomic::write(&self.out, &sealed)?;
        let value = json!({ "keys": page.newest.len(), "page": self.out });
        session.screen.answer("page", value, || {
            let known = words::count(page.newest.len() as u64, "key", "keys");
            format!("{known} known here: the wallet takes in {}", self.out.display())
        })?;
        Ok(node.close()?)
    }
}
