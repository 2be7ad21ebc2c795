//! The cycle closes, and a stranger says what he found.

use serde_json::Value;

use super::stage::{Answer, Stage};
use super::vote;
use crate::fault::{Exit, Outcome};

/// Units that an organisation owes.
#[derive(Debug)]
pub(super) struct Owed {
    pub(super) organisation: u64,
    pub(super) units: String,
}

/// What an audit charges, to whom.
pub(super) fn charged(answer: &Answer) -> Vec<Owed> {
    let sums = answer.all("audit").filter_map(|line| line.get("sums")?.as_array()).flatten();
    let all = sums.filter_map(|sum| sum.get("charged")?.as_array()).flatten();
    let read = |owed: &Value| {
        let organisation = owed.get("organisation")?.as_u64()?;
        Some(Owed { organisation, units: owed.get("units")?.as_str()?.to_owned() })
    };
    all.filter_map(read).collect()
}

/// What an audit found, each kind once.
pub(super) fn problems(answer: &Answer) -> Vec<String> {
    let all = answer.all("audit").filter_map(|line| line.get("findings")?.as_array()).flatten();
    let mut all: Vec<String> =
        all.filter_map(|finding| Some(finding.get("problem")?.as_str()?.to_owned())).collect();
    all.sort();
    all.dedup();
    all
}

pub(super) fn close(stage: &mut Stage) -> Outcome {
    stage.step(
        "The cycle closes, and waits for nobody",
        "The article says how far each feed is known. What was handed out in time and comes later is as good as the rest.",
    )?;
    let closed = stage
        .run("cycle close --programme Food --cycle 1 --out close.annona --dir treasury")?
        .all("close")
        .find_map(|line| line.get("cuts")?.as_object().map(serde_json::Map::len));
    stage.must("cuts of the feeds that are known", closed.is_some_and(|cuts| cuts >= 2))?;
    vote(stage, "close.annona", &["treasury", "hill-new", "council"])?;
    let shown = stage.run("charter show --dir treasury")?;
    let closes = shown.all("charter").find_map(|line| line.get("closes")?.as_array().map(Vec::len));
    stage.must("one cycle closed", closes == Some(1))?;
    stage.result("closed", "cycle 1 of Food is closed with what is known")
}

/// A process with nothing but the file says what is good, what is wrong, and who pays.
pub(super) fn act(stage: &mut Stage) -> Outcome {
    stage.step(
        "The stranger audits again, and says what is wrong",
        "Nothing that went wrong is hidden, and nobody who ate is asked to give it back.",
    )?;
    stage.run("audit export --dir treasury auditor/after.audit")?;
    let checked = stage.stranger("auditor", "audit verify after.audit")?;
    stage.must("an audit that says what is wrong", checked.code() == Some(Exit::Wrong as i32))?;
    let found = problems(&checked);
    stage.must("a fork among what is wrong", found.iter().any(|p| p.contains("forked")))?;
    let sound = found.iter().all(|p| !p.contains("differ from the budget"));
    stage.must("sums that add up all the same", sound)?;
    stage.result("found", &format!("found: {}", found.join("; ")))?;
    for owed in charged(&checked) {
        let text = format!("organisation {} owes {} minor units", owed.organisation, owed.units);
        stage.result("owed", &text)?;
    }
    let report = "audit report auditor/after.audit --out report-after.html";
    stage.finds("report_after", report, 1, "the report lists them")
}
