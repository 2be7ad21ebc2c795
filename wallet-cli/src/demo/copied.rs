//! A folder is copied and goes on beside the original; and a backup is brought back.

use super::register::Camp;
use super::stage::Stage;
use super::verdict::{charged, problems};
use super::{copy, copy_heads};
use crate::fault::{Exit, Fault, Outcome};

/// What is left of a family's rice at the hill after the first day, in kilograms, and handed out there.
const LEFT: &str = "15";
/// What the copy hands out of it once more, in kilograms. Not as much: two entries with the same bytes would be one.
const ONCE_MORE: &str = "14";
/// The same in minor units.
const EXCESS: &str = "14000";

pub(super) fn act(stage: &mut Stage, camp: &Camp) -> Outcome {
    let [_, hill] = &camp.sites;
    stage.step(
        "The hill's folder is copied, and the copy serves on beside the original",
        "One family is given its rice twice. Neither till can know: the copy has the same key and the same past.",
    )?;
    stage.stick("hill", &["treasury"], "stick/before-the-copy")?;
    stage.run("bundle import stick/before-the-copy --dir treasury")?;
    copy(&stage.path("hill"), &stage.path("hill-copy"))?;
    copy_heads(stage, "heads-copy")?;
    let family = hill.keys.first().map(|key| format!("{}:{key}", hill.source));
    let family = family.ok_or_else(|| Fault::new(Exit::Bug, "too few families"))?;
    let charge = format!("pay charge --programme Food --family \"{family}\" --item Rice");
    stage.run(&format!("{charge}={LEFT} --dir hill"))?;
    stage.run(&format!("{charge}={ONCE_MORE} --dir hill-copy --heads heads-copy"))?;

    stage.step(
        "At the next exchange it is proven",
        "Two promises of one key for one place. Both meals stand, and both are paid; what was too much is charged to the \
         organisation that answers for the node.",
    )?;
    stage.stick("hill", &["treasury"], "stick/original")?;
    stage.folder("stick/copy")?;
    stage.run("bundle export --to treasury --dir hill-copy --heads heads-copy --out stick/copy")?;
    stage.run("bundle import stick/original --dir treasury")?;
    stage.finds("forked", "bundle import stick/copy --dir treasury", 6, "forked")?;
    stage.run("audit export --dir treasury auditor/forked.audit")?;
    let shown = stage.stranger("auditor", "audit verify forked.audit")?;
    stage.must("an audit that says what is wrong", shown.code() == Some(Exit::Wrong as i32))?;
    stage.must("a fork shown", problems(&shown).iter().any(|p| p.contains("forked")))?;
    let owed = charged(&shown);
    let one = matches!(owed.as_slice(), [owed] if (owed.organisation, &*owed.units) == (1, EXCESS));
    stage.must(&format!("{EXCESS} units charged to organisation 1 alone, not {owed:?}"), one)?;
    stage.result(
        "fork_charged",
        &format!("a stranger with the file alone: the hill forked, and Relief owes {ONCE_MORE} kg"),
    )
}

/// The hill's backup, from before, on a new machine.
pub(super) fn restored(stage: &mut Stage, camp: &Camp) -> Outcome {
    let [_, hill] = &camp.sites;
    stage.step(
        "A backup of the hill is restored, and signs nothing",
        "It does not know what was signed after it was made. With its old key it would fork; so it comes back as a new \
         node, with nothing until it is given something.",
    )?;
    stage.run("restore hill.backup --people-keys hill.people --dir hill-new")?;
    let family = hill.keys.get(1).map(|key| format!("{}:{key}", hill.source));
    let family = family.ok_or_else(|| Fault::new(Exit::Bug, "too few families"))?;
    let charge =
        format!("pay charge --programme Food --family \"{family}\" --item Rice=1 --dir hill-new");
    stage.refused("restored", &charge, 6, "annona node reincarnate")?;
    stage.run("node reincarnate --dir hill-new")?;
    stage.run("charter show --dir treasury --out charter.annona --replace")?;
    stage.run("charter apply charter.annona --dir hill-new")?;
    stage.run("node request --dir hill-new --out hill-new.request")?;
    stage.run(
        "node admit hill-new.request --keys relief.keys --charter charter.annona --site 3 --name hill-new --small-site \
         --ceiling Food/Rice=150000:300:150000 --out hill-new.annona",
    )?;
    for dir in ["hill-new", "treasury"] {
        stage.run(&format!("node learn hill-new.annona --dir {dir}"))?;
    }
    stage.refused("no_rights", &charge, 5, "rejection")?;
    stage.run(
        "pay supply --dir treasury --programme Food --to hill-new --cycle 1 --item Rice=100 --out hill-new.ticket",
    )?;
    stage.run("pay claim hill-new.ticket --dir hill-new")?;
    stage.result("reincarnated", "the hill is back under a new key, with 100 kg to issue from")
}
