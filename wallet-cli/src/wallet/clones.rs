use std::path::{Path, PathBuf};

use annona_ledger::limits;
use annona_ledger::wallet::CloneProof;
use annona_node::atomic;
use clap::Args;
use serde_json::{Value, json};

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::{self, hex};

const CLONES: &str = "\
Examples:
  $ annona wallet clones
  $ annona wallet clones --out clones --json";

const CHECK: &str = "\
Examples:
  $ annona wallet check-clone copied.clone
  $ annona wallet check-clone copied.clone --charter charter.annona --json";

/// What a file of a proof begins with.
const MAGIC: &[u8; 15] = b"annona clone 1\n";

/// Lists wallets that this node's ledger shows to be copied: one key that signed twice at one place of its history.
///
/// A key that is listed pays nowhere this is known; whoever holds it is served by the next method, and gets another
/// wallet.
#[derive(Args)]
#[command(before_help = CLONES)]
pub(crate) struct Clones {
    /// Write each proof to a file in this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Checks a proof that a wallet was copied, as anyone can, with no ledger and no network. One that shows nothing ends
/// with 1.
#[derive(Args)]
#[command(before_help = CHECK)]
pub(crate) struct CheckClone {
    /// The proof
    #[arg(value_name = "FILE")]
    proof: PathBuf,
    /// Check also that it is of the federation of this charter
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
}

fn value(proof: &CloneProof) -> Value {
    let half = |(spend, _): &(annona_ledger::wallet::Spend, _)| {
        json!({
            "counter": spend.counter, "node": hex(&spend.node), "commodity": spend.commodity,
            "units": spend.amount.units(), "nonce": spend.nonce.to_string(),
        })
    };
    json!({
        "key": hex(proof.key.bytes()), "purse": proof.one.0.purse.to_string(),
        "federation": proof.federation.to_string(), "halves": [half(&proof.one), half(&proof.other)],
    })
}

fn told(proof: &CloneProof) -> String {
    let half = |(spend, _): &(annona_ledger::wallet::Spend, _)| {
        format!("number {} at node {}", spend.counter, hex(&spend.node))
    };
    let key = hex(&proof.key.short());
    format!("key {key} signed {} and {}", half(&proof.one), half(&proof.other))
}

impl Clones {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let store = session.read()?;
        let work = store.look()?;
        let proofs = work.clones();
        work.check()?;
        if let Some(out) = self.out.as_deref().filter(|_| !proofs.is_empty()) {
            atomic::private_folder(out)?;
        }
        for proof in &proofs {
            let path =
                self.out.as_ref().map(|out| out.join(format!("{}.clone", hex(&proof.key.short()))));
            if let Some(path) = &path {
                atomic::write(path, &[&MAGIC[..], &proof.encode()].concat())?;
            }
            let mut value = value(proof);
            if let (Some(fields), Some(path)) = (value.as_object_mut(), &path) {
                fields.insert("file".into(), json!(path));
            }
            session.screen.answer("clone", value, || told(proof))?;
        }
        let count = words::count(proofs.len() as u64, "wallet is", "wallets are");
        session.screen.note(format!("{count} shown to be copied."));
        Ok(())
    }
}

fn read(path: &Path) -> Outcome<CloneProof> {
    let bytes = atomic::read(path, limits::EVIDENCE_BYTES)?;
    let body = bytes
        .strip_prefix(&MAGIC[..])
        .ok_or_else(|| Fault::file(path, "this is no proof of a copied wallet."))?;
    CloneProof::decode(body).map_err(|why| {
        Fault::new(Exit::Wrong, format!("the proof is damaged: {why}.")).at(path.display())
    })
}

impl CheckClone {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let proof = read(&self.proof)?;
        let wrong = |why: String| Fault::new(Exit::Wrong, why).at(self.proof.display());
        if let Some(charter) = &self.charter {
            let (charter, _) = session.power(Some(charter))?;
            if charter.federation() != proof.federation {
                return Err(wrong("the proof is of another federation.".into()));
            }
        }
        proof.check().map_err(|why| wrong(format!("this proof shows nothing: {why}.")))?;
        session.screen.answer("clone", value(&proof), || format!("shown: {}", told(&proof)))
    }
}
