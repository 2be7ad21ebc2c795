//! What must not work, tried.

use std::fs;

use annona_node::folder::LEDGER;
use annona_node::store::{Store, StoreFault};

use super::register::Camp;
use super::serve::Day;
use super::stage::Stage;
use super::{copy, copy_heads};
use crate::fault::{Exit, Fault, Outcome};

pub(super) fn act(stage: &mut Stage, camp: &Camp, day: &Day) -> Outcome {
    stage.step(
        "What must not work is tried, and refused with its reason",
        "To overspend, to claim a ticket twice, to redeem what was sent to another site, to claim another's ticket.",
    )?;
    let [lake, _] = &camp.sites;
    let family = format!("{}:{}", lake.source, lake.keys.first().map_or("", String::as_str));
    let overspend =
        format!("pay charge --programme Food --family \"{family}\" --item Rice=15.001 --dir lake");
    stage.refused("overspend", &overspend, 5, "rejection 54")?;
    stage.refused("claim_twice", "pay claim amina.ticket --dir hill", 5, "rejection 44")?;
    let gone = format!("pay charge --programme Food --card {} --item Rice=1 --dir lake", day.card);
    stage.refused("spend_what_left", &gone, 5, "rejection")?;
    stage.refused("other_site", "pay claim amina.ticket --dir lake", 5, "rejection 41")?;
    altered(stage)
}

/// Changes one bit of a sealed block in a copy of the lake's folder.
fn altered(stage: &mut Stage) -> Outcome {
    stage.step(
        "A stored block is altered, and found",
        "In a copy of the lake's folder one bit of one sealed entry is turned over in the database file.",
    )?;
    // Sealed, and written into the database file: then there is a block to find in it.
    stage.run("audit export --seal --dir lake lake-before.audit")?;
    let from = stage.path("lake");
    let to = stage.path("lake-altered");
    copy(&from, &to)?;
    // A machine of its own, as it were: whoever opens a copy beside the real one makes that one stop signing.
    copy_heads(stage, "heads-altered")?;
    let body = some_body(&from.join(LEDGER))?;
    let ledger = to.join(LEDGER);
    let mut bytes = fs::read(&ledger).map_err(|fault| Fault::io("read", &ledger, fault))?;
    let at = bytes
        .windows(body.len())
        .position(|window| window == body)
        .ok_or_else(|| Fault::new(Exit::Bug, "the block was not found in the database file"))?;
    let middle = at + body.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    fs::write(&ledger, bytes).map_err(|fault| Fault::io("write", &ledger, fault))?;
    stage.refused("altered", "doctor --full --dir lake-altered --heads heads-altered", 1, "block")
}

/// Some bytes of a sealed block of the largest feed, as they lie in the file.
fn some_body(ledger: &std::path::Path) -> Outcome<Vec<u8>> {
    let store = Store::reader(ledger)?;
    let work = store.look()?;
    let feeds = work.feeds();
    let feed = feeds.iter().max_by_key(|feed| feed.sealed.next);
    let feed = feed.ok_or_else(|| Fault::new(Exit::Bug, "a ledger without feeds"))?;
    let mut found = Vec::new();
    work.blocks::<StoreFault>(feed.chain, 0, |row, _| {
        let body: &[u8] = &row.block.body;
        found = body.get(..body.len().min(48)).unwrap_or_default().to_vec();
        Ok(false)
    })?;
    work.check()?;
    Ok(found)
}
