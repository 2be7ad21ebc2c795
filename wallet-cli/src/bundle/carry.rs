use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use annona_ledger::notice::Roles;
use annona_node::bundle::courier::{Carried, Courier, CourierFault, RECEIPT_ENDING, receipt_file};
use annona_node::letters;
use clap::Args;
use serde_json::json;

use super::{is_part, refused};
use crate::consent;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::{self, count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona bundle carry
  $ annona bundle carry stick --for hill
  $ annona bundle carry --out other-stick";

/// Carries bundles for others as their courier: takes in parts and receipts, gives parts out again, or lists what it carries.
///
/// It reads none of them: they are sealed to others. A part goes once every node it is for has said so by a receipt
/// (`annona bundle import stick --receipt back`), or after 30 days. Taking in needs a certificate with the role courier.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Carry {
    /// Parts and receipts, or folders that hold them
    #[arg(value_name = "PART", conflicts_with = "out")]
    parts: Vec<PathBuf>,
    /// A node they are for, by its site's name or its digits; several may be given
    #[arg(long = "for", value_name = "NODE")]
    to: Vec<String>,
    /// Give out what is carried, for all or for those named, into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Carry {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let known = |text: &String| words::node(node.store().roster(), text).map(|key| key.short());
        let to: BTreeSet<[u8; 8]> = self.to.iter().map(known).collect::<Outcome<_>>()?;
        let (courier, days) = (Courier::of(node.folder().root()), letters::days(&node)?);
        let ended = courier.sweep(days)?;
        if ended > 0 {
            let parts = count(ended as u64, "part was", "parts were");
            session.screen.note(format!("{parts} carried for 30 days, and are gone."));
        }
        if !self.parts.is_empty() {
            if !node.certificate().is_some_and(|c| c.roles.has(Roles::COURIER)) {
                return Err(Fault::refused(
                    "this node's certificate does not name the role courier.",
                )
                .then(
                    "Its organisation admits it again with `annona node admit --role courier`.",
                ));
            }
            let (parts, receipts) = named(&self.parts)?;
            if !parts.is_empty() && to.is_empty() {
                return Err(Fault::usage("say for which nodes the parts are: --for NODE."));
            }
            let (mut new, mut heard) = (0_u64, 0_u64);
            for path in &receipts {
                let (federation, roster) = (node.federation()?, node.store().roster());
                let told = courier.heard(&receipt_file(path)?, &federation, roster);
                heard += told.map_err(|fault| Fault::from(fault).at(path.display()))?.1 as u64;
            }
            for path in &parts {
                let taken = courier.take(path, &to, days);
                new += u64::from(taken.map_err(|fault| Fault::from(fault).at(path.display()))?);
            }
            let known = (parts.len() as u64).saturating_sub(new);
            let value = json!({ "new": new, "known": known, "acknowledged": heard });
            session.screen.answer("taken_to_carry", value, || {
                let new = count(new, "new part", "new parts");
                format!("{new}, {known} carried already; {heard} acknowledged")
            })?;
        } else if let Some(out) = &self.out {
            give(session, &courier, &to, out)?;
        } else {
            list(session, &node, &courier, &to)?;
        }
        Ok(node.close()?)
    }
}

/// Whether a part is for one of some nodes, or whoever it is for where nobody is named.
fn is_for(one: &Carried, to: &BTreeSet<[u8; 8]>) -> bool {
    to.is_empty() || !to.is_disjoint(&one.to)
}

fn give(session: &Session, courier: &Courier, to: &BTreeSet<[u8; 8]>, out: &Path) -> Outcome {
    let (mut files, mut wrong) = (Vec::new(), None);
    for one in courier.list().iter().filter(|one| is_for(one, to)) {
        match courier.give(one, out) {
            Ok(path) => files.extend(path),
            // What is beside it goes all the same.
            Err(fault @ CourierFault::Changed) => {
                wrong = Some(Fault::from(fault).at(format!(
                    "part {} of {}",
                    one.name.1,
                    hex(&one.name.0)
                )));
            }
            Err(fault) => return Err(fault.into()),
        }
    }
    session.screen.answer("given_out", json!({ "files": files }), || {
        let lines = files.iter().map(|path| format!("\n{}", path.display()));
        count(files.len() as u64, "part", "parts") + &lines.collect::<String>()
    })?;
    session
        .screen
        .note("Next, at the other node: `annona bundle import` with every part and --receipt.");
    wrong.map_or(Ok(()), Err)
}

fn list(
    session: &Session,
    node: &annona_node::node::Node,
    courier: &Courier,
    to: &BTreeSet<[u8; 8]>,
) -> Outcome {
    let charter = node.store().charter()?;
    let all: Vec<Carried> = courier.list().into_iter().filter(|one| is_for(one, to)).collect();
    for one in &all {
        let (bundle, part, until) =
            (hex(&one.name.0), one.name.1, consent::last(charter, one.until));
        let to: Vec<String> = one.to.iter().map(|node| hex(node)).collect();
        let value = json!({
            "bundle": bundle, "part": part, "bytes": one.bytes, "for": to, "until": until,
        });
        session.screen.answer("carried", value, || {
            format!(
                "{bundle}  part {part}, {} bytes, for {}, until {until}",
                one.bytes,
                to.join(", ")
            )
        })?;
    }
    let bytes = all.iter().fold(0_u64, |sum, one| sum.saturating_add(one.bytes));
    session.screen.answer("carries", json!({ "parts": all.len(), "bytes": bytes }), || {
        format!("{}, {bytes} bytes", count(all.len() as u64, "part", "parts"))
    })
}

/// Parts and receipts among what was named: files as they are, of a folder those that are called so.
fn named(given: &[PathBuf]) -> Outcome<(Vec<PathBuf>, Vec<PathBuf>)> {
    let is_receipt = |path: &Path| path.extension().is_some_and(|end| end == RECEIPT_ENDING);
    let mut all = Vec::new();
    for path in given {
        if !path.is_dir() {
            all.push(path.clone());
            continue;
        }
        let fault = |fault| Fault::io("list", path, fault);
        let before = all.len();
        for entry in std::fs::read_dir(path).map_err(fault)? {
            let entry = entry.map_err(fault)?.path();
            all.extend(Some(entry).filter(|path| is_part(path) || is_receipt(path)));
        }
        if all.len() == before {
            let nothing = format!("{} holds no part of a bundle and no receipt.", path.display());
            return Err(Fault::input(nothing));
        }
    }
    all.sort();
    all.dedup();
    Ok(all.into_iter().partition(|path| !is_receipt(path)))
}

impl From<CourierFault> for Fault {
    fn from(fault: CourierFault) -> Self {
        match fault {
            CourierFault::Part(fault) => refused(&fault),
            CourierFault::Disk(fault) => fault.into(),
            CourierFault::TooLarge | CourierFault::Addressees => Self::input(fault.to_string()),
            CourierFault::Full => Self::refused(fault.to_string()),
            CourierFault::Receipt | CourierFault::Changed => {
                Self::new(Exit::Wrong, fault.to_string())
            }
        }
    }
}
