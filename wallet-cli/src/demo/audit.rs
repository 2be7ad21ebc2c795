//! A stranger checks everything with one file and one command.

use super::stage::Stage;
use crate::fault::{Exit, Fault, Outcome};

pub(super) fn act(stage: &mut Stage) -> Outcome {
    stage.step(
        "A stranger audits the day, with one file and nothing else",
        "No keys, no data folder, no network: every hash, signature, quorum and rule of value, on all cores.",
    )?;
    stage.folder("auditor")?;
    stage.run("audit export --dir treasury auditor/camp.audit")?;
    let checked = stage.stranger("auditor", "audit verify camp.audit")?;
    if checked.code() != Some(0) {
        return Err(Fault::new(Exit::Bug, format!("the audit found: {}", checked.error())));
    }
    stage.result(
        "audited",
        &format!(
            "good: {} entries in {} blocks of {} feeds, {} signatures",
            checked.field("entries")?,
            checked.field("blocks")?,
            checked.field("feeds")?,
            checked.field("signatures")?,
        ),
    )?;
    let mut bytes = stage.read("auditor/camp.audit")?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    let path = stage.path("auditor/altered.audit");
    std::fs::write(&path, bytes).map_err(|fault| Fault::io("write", &path, fault))?;
    let altered = stage.stranger("auditor", "audit verify altered.audit")?;
    if altered.code() != Some(Exit::Wrong as i32) {
        return Err(Fault::new(Exit::Bug, "an altered audit file was not found out"));
    }
    stage.result("altered_file", &format!("with one bit changed: {}", altered.error()))?;
    stage.step(
        "The day as a page",
        "Families served by hour and site, commodities, the share given from float (home out of reach). It loads nothing from anywhere.",
    )?;
    stage.run("audit report auditor/camp.audit --out report.html")?;
    stage.result("report", "report.html")
}
