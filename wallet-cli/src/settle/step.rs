use annona_ledger::duty::EVERY_SITE;
use annona_ledger::entry::Value;
use annona_ledger::id::SiteId;
use annona_ledger::limits;
use annona_ledger::settlement::{Settling, Stage, Step};
use annona_ledger::ticket::Promise;
use annona_node::node::{Composed, Node};
use clap::Args;
use serde_json::json;

use super::ledger::{self, Found};
use crate::fault::{Exit, Fault, Outcome};
use crate::pay::till::Till;
use crate::session::Session;
use crate::signer::{Operator, Signer};
use crate::words::{self, hex};

const VERIFY: &str = "\
Examples:
  $ annona settle verify 1#57 --dir treasury \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona settle verify 1#57 --dir treasury \\
      --operator mara.keys --operator-passphrase-file pass.txt --dry-run";

const APPROVE: &str = "\
Examples:
  $ annona settle approve 1#58 --dir treasury \\
      --operator yusuf.keys --operator-passphrase-file pass.txt
  $ annona settle approve 1#58 --dir treasury \\
      --operator yusuf.keys --operator-passphrase-file pass.txt --dry-run";

const DISPUTE: &str = "\
Examples:
  $ annona settle dispute 1#57 --reason \"receipt 1#12 is missing\" --dir treasury \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona settle dispute 1#57 --reason counted --dir treasury \\
      --operator mara.keys --operator-passphrase-file pass.txt --dry-run";

/// A step of a settlement, and whose it is.
#[derive(Args)]
pub(super) struct Which {
    /// The settlement, as it was printed (1#57) or by the first digits of its name
    #[arg(value_name = "SETTLEMENT")]
    pub(super) settlement: String,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    pub(super) programme: Option<String>,
    /// Say what would be signed; sign nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Verifies a settlement: its rows are made again from the entries here, and must come to what was frozen.
#[derive(Args)]
#[command(before_help = VERIFY)]
pub(crate) struct Verify {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    operator: Operator,
}

/// Approves a verified settlement for payment. Not by who verified it.
#[derive(Args)]
#[command(before_help = APPROVE)]
pub(crate) struct Approve {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    operator: Operator,
}

/// Disputes a settlement that is not paid: everything in it is free for the next draft.
#[derive(Args)]
#[command(before_help = DISPUTE)]
pub(crate) struct Dispute {
    #[command(flatten)]
    which: Which,
    /// Why, in a sentence without names: it is kept beside the entry and travels with it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    operator: Operator,
}

impl Verify {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        take(session, &self.which, &self.operator, Step::Verified, None)
    }
}

impl Approve {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        take(session, &self.which, &self.operator, Step::Approved, None)
    }
}

impl Dispute {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let reason = self.reason.trim();
        if reason.is_empty() || reason.len() > limits::EVIDENCE_BYTES {
            return Err(Fault::usage("say why in a sentence: --reason TEXT."));
        }
        words::plain("the reason", reason)?;
        take(session, &self.which, &self.operator, Step::Disputed, Some(reason))
    }
}

fn take(
    session: &Session,
    which: &Which,
    operator: &Operator,
    step: Step,
    reason: Option<&str>,
) -> Outcome {
    let (mut node, signer) = session.signing(operator)?;
    let till = Till::open(&node, which.programme.as_deref())?;
    let found = ledger::named(&node.store().look()?, &till, &which.settlement)?;
    // What cannot be made again here can still be disputed.
    if step != Step::Disputed {
        ledger::held(&node.store().look()?, &found)?;
    }
    enter(session, &mut node, &till, &found, (step, reason), &signer, which.dry_run)?;
    Ok(node.close()?)
}

/// Asks whether the step is to be signed. What was agreed to is not asked again.
pub(super) fn ask(
    session: &Session,
    till: &Till,
    found: &Found,
    step: Step,
    signer: &Signer,
) -> Outcome {
    let (name, who) = (till.short(found.at.index), hex(&signer.public().short()));
    let word = word(step);
    session.confirm(&format!("Sign that settlement {name} is {word}, as operator {who}?"), &[])
}

fn word(step: Step) -> String {
    format!("{step:?}").to_lowercase()
}

/// Refuses somebody of this treasury's organisation whose certificates are all for other sites of it: she works elsewhere. That
/// one is certified for it at all is the ledger's rule.
fn works_here(node: &Node, till: &Till, signer: &Signer) -> Outcome {
    let Some(here) = node.certificate().map(|c| (c.org, c.site)) else { return Ok(()) };
    let (key, at) = (signer.public(), node.stamp(&till.feed)?);
    let roster = node.store().roster();
    let hers = roster.operator_ever(&key).filter(|c| {
        c.org == here.0 && c.programmes.contains(&till.id) && (c.issued..=c.not_after).contains(&at)
    });
    let sites: Vec<_> = hers.map(|c| c.site).collect();
    let elsewhere = |site: &SiteId| *site != here.1 && *site != EVERY_SITE;
    match sites.first().filter(|_| sites.iter().all(elsewhere)) {
        None => Ok(()),
        Some(site) => Err(Fault::refused(format!(
            "operator {} may not take steps of a settlement here: her certificate is for site {site}, and this is site {}.",
            hex(&key.short()),
            here.1
        ))
        .then(
            "Somebody of this office takes it; or `annona operator admit --site 0` certifies her for every site.",
        )),
    }
}

/// Signs a step with an operator's key and writes it.
pub(super) fn enter(
    session: &Session,
    node: &mut Node,
    till: &Till,
    found: &Found,
    (step, reason): (Step, Option<&str>),
    signer: &Signer,
    dry_run: bool,
) -> Outcome<Option<Promise>> {
    if found.feed != till.feed.short() {
        return Err(Fault::refused("the settlement was drafted at another treasury.")
            .then("Its steps are taken there."));
    }
    let stage = found.row.stage();
    let next = match (stage, step) {
        (Stage::Paid, Step::Disputed) => Some(
            "What was paid stays paid: who was paid too much gives it back by `annona pay refund` of the hand-out, and the next \
             draft has it below zero.",
        ),
        (Stage::Paid, _) => Some("It was paid, and is paid once."),
        (Stage::Disputed, _) => Some(
            "It was disputed, and what was in it is free: `annona settle draft` drafts it anew.",
        ),
        (Stage::Draft, Step::Approved | Step::Paid) => {
            Some("It is a draft: `annona settle verify` is next.")
        }
        (Stage::Verified, Step::Verified | Step::Paid) => {
            Some("It is verified: `annona settle approve` is next, by somebody else.")
        }
        (Stage::Approved, Step::Verified | Step::Approved) => Some(
            "It is approved: `annona settle pay --out FILE` is next, and `--done` once it was paid.",
        ),
        _ => None,
    };
    works_here(node, till, signer)?;
    let signing = found.row.signing(&found.feed, step);
    let (operator, draft) = (signer.public(), found.at.index);
    let signature = signing.sign(&till.federation, signer.key());
    let name = till.short(draft);
    let word = word(step);
    if !dry_run {
        ask(session, till, found, step, signer)?;
    }
    let evidence = reason.map(|reason| reason.as_bytes().to_vec());
    let taken = till.enter(node, dry_run, move |_, _, at| {
        let settling = Box::new(Settling::Step { draft, step, operator, signature });
        let composed = Composed::from(Value::Settle { settling, at });
        Ok(vec![Composed { evidence: evidence.clone(), ..composed }])
    });
    let taken = taken.map_err(|fault| match next.filter(|_| fault.exit == Exit::NotAllowed) {
        Some(next) => fault.then(next),
        None => fault,
    })?;
    let value = json!({
        "settlement": name, "stage": word, "operator": hex(&operator.short()), "reason": reason,
    });
    let words = format!("settlement {name} is {word}");
    till.entered(session, "settlement", taken.as_ref(), value, &words)?;
    Ok(taken)
}
