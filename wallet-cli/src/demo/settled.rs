//! Merchants are paid, each entry once.

use super::stage::Stage;
use crate::fault::Outcome;

pub(super) fn act(stage: &mut Stage) -> Outcome {
    stage.step(
        "Merchants are paid for every meal, once, by three people",
        "Those on both branches of the hill and those on the burnt lake's slips too: no cut takes a merchant's pay. The payer \
         outside refuses a reference that comes a second time.",
    )?;
    let on = "--programme Food --dir treasury";
    let drafted = stage.run(&format!("settle draft {on}"))?;
    let (draft, rows) = (drafted.field("entry")?, drafted.field("rows")?);
    let by = |step: &str, who: &str| {
        format!(
            "settle {step} {draft} {on} --operator {who}.keys --operator-passphrase-file pass.txt"
        )
    };
    stage.run(&by("verify", "mara"))?;
    stage.refused("one_person", &by("approve", "mara"), 5, "rejection")?;
    stage.run(&by("approve", "yusuf"))?;
    stage.run(&format!("settle pay {draft} {on} --out payments.csv"))?;
    stage.run(&by("pay --done", "noor"))?;
    let paid = stage.read("payments.csv")?;
    let lines = paid.iter().filter(|byte| **byte == b'\n').count();
    stage.must(
        &format!("{rows} payments"),
        lines.checked_sub(1).map(|n| n.to_string()) == Some(rows.clone()),
    )?;
    stage.refused("settled_twice", &format!("settle draft {on}"), 5, "nothing waits")?;
    stage.result(
        "settled",
        &format!("{rows} rows in payments.csv, each with a reference of its own"),
    )
}
