use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use annona_ledger::hash::Hash;
use annona_ledger::id::FederationId;
use annona_node::bundle::{self, Imported, PartReport, courier};
use annona_node::cycle_key;
use annona_node::keystore::Name;
use annona_node::node::Node;
use clap::Args;
use serde_json::{Value, json};

use super::{parts, refused};
use crate::dry_run;
use crate::fault::{Exit, Fault, Outcome};
use crate::progress::Bar;
use crate::session::Session;
use crate::stop::LongWork;
use crate::wallet;
use crate::words::{self, count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona bundle import stick
  $ annona bundle import part-1.annona --json";

/// Takes parts of bundles in, in any order, again or for the first time. What is good is kept, whatever else is not.
///
/// Ends with 0 where all of it was taken in, with 1 where something was damaged, refused or is missing, with 6 where it
/// shows a fork.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Import {
    /// Parts, or folders that hold them
    #[arg(value_name = "PART", required = true)]
    parts: Vec<PathBuf>,
    /// For a node without a charter: the federation whose charter it may take from the bundle, by its 64 digits
    #[arg(long, value_name = "HEX")]
    federation: Option<String>,
    /// Where nothing is missing, write a receipt for whoever carried these parts into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "dry_run")]
    receipt: Option<PathBuf>,
    /// Try it on a copy of the ledger that is gone afterwards; take in nothing
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let paths = parts(&self.parts)?;
        let federation = self
            .federation
            .as_deref()
            .map(|text| words::unhex("the federation", text).map(|id| FederationId(Hash(id))))
            .transpose()?;
        let mut node = session.node()?;
        if self.dry_run {
            node.rehearse()?;
        }
        let copied = wallet::copied(node.store())?;
        let long = LongWork::begin();
        let mut bar = Bar::new(&session.screen, "bytes");
        let done = bundle::import(&mut node, &paths, federation, &mut |done, total| {
            bar.set(done, total);
            long.check().is_ok()
        })?;
        drop(bar);
        let mut answer = value(&done);
        // Keys of cycles may have come along.
        let keys = match (done.cancelled, self.dry_run) {
            (true, _) => Vec::new(),
            (false, true) => cycle_key::to_learn(&node)?,
            (false, false) => cycle_key::learn_all(&mut node)?,
        };
        answer["cycle_keys"] = json!(keys.len());
        let more = wallet::copied(node.store())?.saturating_sub(copied);
        answer["copied_wallets"] = json!(more);
        match self.dry_run {
            true => dry_run::would(session, "imported", answer, &text(&done))?,
            false => session.screen.answer("imported", answer, || text(&done))?,
        }
        if more > 0 {
            session.screen.warn(format!(
                "{} shown to be copied by what came, and pay here no more: `annona wallet clones`.",
                count(more as u64, "wallet is", "wallets are")
            ));
        }
        for (programme, cycle) in keys {
            session
                .screen
                .note(format!("The key of cycle {cycle} of programme {programme} came along."));
        }
        for (bundle, missing) in missing_parts(&done.parts) {
            let numbers: Vec<String> = missing.iter().take(12).map(u16::to_string).collect();
            let more = if missing.len() > 12 { ", …" } else { "" };
            session.screen.warn(format!(
                "bundle {} has more parts than were given here: {}{more}. Unless they were taken in before, import them \
                 too, in any order.",
                hex(&bundle),
                numbers.join(", ")
            ));
        }
        if !done.letters.is_empty() {
            let letters = count(done.letters.len() as u64, "letter came", "letters came");
            session.screen.note(format!("{letters} for this node alone: `annona letter list`."));
        }
        let ends = if done.cancelled { Err(Fault::interrupted()) } else { verdict(&done) };
        // Nothing that has to be brought again is said to be here.
        let waits = !done.gaps.is_empty() || !done.unknown.is_empty() || done.refusals > 0;
        let waits = waits || done.cancelled || done.charter_behind.is_some();
        if let Some(out) = self.receipt.as_ref().filter(|_| !waits) {
            receipt(session, &node, &done, out)?;
        }
        node.close()?;
        if self.dry_run {
            dry_run::nothing(session);
        }
        ends
    }
}

/// Says to whoever carried them that these parts are here.
fn receipt(session: &Session, node: &Node, done: &Imported, out: &Path) -> Outcome {
    let whole = |part: &&PartReport| part.faults.is_empty() && part.unreadable.is_none();
    let places = done.parts.iter().filter(whole).filter_map(|part| part.place);
    let parts: BTreeSet<_> = places.map(|(bundle, part, _)| (bundle, part)).collect();
    let transport = node.signing_key(Name::NodeTransport)?;
    let own = node.public().short();
    let Some(receipt) = courier::receipt(own, &parts, &node.federation()?, &transport) else {
        return Err(Fault::input(format!(
            "one receipt is for {} parts: import fewer at once.",
            courier::RECEIPT_PARTS
        )));
    };
    let digest = annona_ledger::hash::hash_one(annona_ledger::hash::Purpose::File, &receipt);
    let name = format!("annona-{}.{}", hex(&digest.0[..8]), courier::RECEIPT_ENDING);
    let path = out.join(name);
    annona_node::atomic::write(&path, &receipt)?;
    session.screen.note(format!("{} is for whoever carried them.", path.display()));
    Ok(())
}

/// What the command ends with: a fork before damage, damage before what is only missing.
fn verdict(done: &Imported) -> Outcome {
    if let Some(ahead) = done.own_ahead.first() {
        return Err(Fault::new(
            Exit::Conflict,
            format!(
                "others hold {} entries of this node's feed {}, this folder has {}: it was restored from an older copy \
                 and signs no more",
                ahead.theirs,
                ahead.feed.short(),
                ahead.have
            ),
        )
        .then("Run `annona node reincarnate`."));
    }
    if let Some(epoch) = done.charter_forked {
        return Err(annona_node::store::StoreFault::CharterForked { epoch }.into());
    }
    if let Some(fork) = done.forks.first() {
        return Err(Fault::new(
            Exit::Conflict,
            format!("feed {} has forked at entry {}", fork.feed.short(), fork.index),
        )
        .then("Both branches are kept. Its organisation answers for it: show it with `annona audit export`."));
    }
    for part in &done.parts {
        if let Some(fault) = part.faults.first() {
            return Err(refused(fault).at(part.path.display()));
        }
    }
    for part in &done.parts {
        if let Some(fault) = &part.unreadable {
            return Err(Fault::input(fault.to_string()));
        }
    }
    if let Some(why) = done.refused.first() {
        let all = count(done.refusals, "thing was", "things were");
        return Err(Fault::new(Exit::Wrong, format!("{all} not taken in; the first: {why}"))
            .then("What was good is kept."));
    }
    if let Some(gap) = done.gaps.first() {
        return Err(Fault::new(
            Exit::Wrong,
            format!(
                "entries {} to {} of feed {} are missing: a part or an earlier bundle was not taken in",
                gap.have,
                gap.offered.saturating_sub(1),
                gap.feed.short()
            ),
        )
        .then("Import it too, in any order."));
    }
    if let Some(node) = done.unknown.first() {
        return Err(Fault::new(
            Exit::Wrong,
            format!("blocks of node {} were passed over: it has no certificate here", hex(node)),
        )
        .then("Take its certificate in with `annona node learn FILE`, then import again."));
    }
    if let Some(epoch) = done.charter_behind {
        return Err(Fault::new(
            Exit::Wrong,
            format!("blocks that need article {epoch} of the charter were passed over"),
        )
        .then("Apply it with `annona charter apply FILE`, then import again."));
    }
    Ok(())
}

/// The parts of each bundle that were not among those given, ascending: what they hold, the others cannot tell.
fn missing_parts(parts: &[PartReport]) -> Vec<([u8; 16], Vec<u16>)> {
    let mut given: BTreeMap<[u8; 16], (BTreeSet<u16>, u16)> = BTreeMap::new();
    for (bundle, part, parts) in parts.iter().filter_map(|part| part.place) {
        let known = given.entry(bundle).or_default();
        known.0.insert(part);
        known.1 = known.1.max(parts);
    }
    let missing = given.into_iter().map(|(bundle, (there, parts))| {
        (bundle, (1..=parts).filter(|part| !there.contains(part)).collect::<Vec<u16>>())
    });
    missing.filter(|(_, missing)| !missing.is_empty()).collect()
}

fn part_value(part: &PartReport) -> Value {
    json!({
        "file": part.path, "bundle": part.place.map(|(bundle, ..)| hex(&bundle)),
        "part": part.place.map(|(_, part, _)| part), "parts": part.place.map(|(.., parts)| parts),
        "from": part.sender.map(|sender| hex(&sender)), "acknowledged": part.acknowledged,
        "sections": part.sections.0, "for_us": part.sections.1,
        "faults": part.faults.iter().map(|f| json!({
            "number": f.number(), "name": f.name(), "message": f.to_string(),
        })).collect::<Vec<_>>(),
        "unreadable": part.unreadable.as_ref().map(ToString::to_string),
    })
}

fn value(done: &Imported) -> Value {
    json!({
        "parts": done.parts.iter().map(part_value).collect::<Vec<_>>(), "articles": done.articles,
        "notices": done.notices, "blocks": done.blocks, "known": done.known,
        "headers": done.headers, "lists": done.lists, "letters": done.letters.len(),
        "gaps": done.gaps.iter().map(|gap| json!({
            "feed": gap.feed.short().to_string(), "have": gap.have, "offered": gap.offered,
        })).collect::<Vec<_>>(),
        "forks": done.forks.iter().map(|fork| json!({
            "feed": fork.feed.short().to_string(), "index": fork.index,
        })).collect::<Vec<_>>(),
        "unknown": done.unknown.iter().map(|node| hex(node)).collect::<Vec<_>>(),
        "charter_behind": done.charter_behind, "charter_forked": done.charter_forked,
        "refused": done.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "refusals": done.refusals,
        "missing_parts": missing_parts(&done.parts).iter().map(|(bundle, missing)| json!({
            "bundle": hex(bundle), "parts": missing,
        })).collect::<Vec<_>>(),
    })
}

fn text(done: &Imported) -> String {
    let mut lines = vec![format!(
        "{} new, {} known; {}, {}",
        count(done.blocks, "block", "blocks"),
        done.known,
        count(done.notices, "new notice", "new notices"),
        count(done.articles, "new article", "new articles"),
    )];
    for part in &done.parts {
        let place = part.place.map(|(_, part, parts)| format!("part {part} of {parts}"));
        let from = part.sender.map(|sender| format!(" from {}", hex(&sender)));
        let state = match (part.faults.first(), &part.unreadable) {
            (Some(fault), _) => fault.to_string(),
            (None, Some(fault)) => fault.to_string(),
            (None, None) => "taken in".into(),
        };
        lines.push(format!(
            "{} ({}{}): {state}",
            part.path.display(),
            place.unwrap_or_else(|| "unknown".into()),
            from.unwrap_or_default()
        ));
    }
    lines.join("\n")
}
