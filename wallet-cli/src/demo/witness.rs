//! Another organisation signs what it has seen, and nothing that goes back on it.

use super::stage::Stage;
use super::{copy, copy_heads};
use crate::fault::Outcome;

/// The other organisation's node.
const COUNCIL: &str = "council";

pub(super) fn act(stage: &mut Stage) -> Outcome {
    stage.step(
        "City signs what it has seen",
        "A checkpoint names how far every feed is known. With signatures of two organisations it is certified: nobody can \
         be shown another past.",
    )?;
    stage.run(&format!(
        "init --dir {COUNCIL} --site {COUNCIL} --role witness --organisation 2 --passphrase-cost light"
    ))?;
    stage.run("charter show --dir treasury --out charter.annona --replace")?;
    stage.run(&format!("charter apply charter.annona --dir {COUNCIL}"))?;
    stage.run(&format!("node request --dir {COUNCIL} --out {COUNCIL}.request"))?;
    stage.run(&format!(
        "node admit {COUNCIL}.request --keys city.keys --charter charter.annona --site 1 --programme Food --programme Cash \
         --out {COUNCIL}.annona"
    ))?;
    for dir in [COUNCIL, "treasury", "hill"] {
        stage.run(&format!("node learn {COUNCIL}.annona --dir {dir}"))?;
    }
    // The treasury as it is now, kept on a machine of its own: it will be shown again below.
    stage.stick("treasury", &[COUNCIL], "stick/first")?;
    copy(&stage.path("treasury"), &stage.path("treasury-old"))?;
    copy_heads(stage, "heads-old")?;
    stage.run(
        "pay supply --dir treasury --programme Food --to hill --cycle 1 --item Rice=100 --out hill-more.ticket",
    )?;
    stage.run("checkpoint make --dir treasury")?;
    stage.run("checkpoint cosign --dir treasury")?;
    stage.stick("treasury", &[COUNCIL], "stick/second")?;
    stage.run(&format!("bundle import stick/first stick/second --dir {COUNCIL}"))?;
    stage.run(&format!("checkpoint cosign --dir {COUNCIL}"))?;
    stage.run(&format!("checkpoint export today.checkpoint --dir {COUNCIL}"))?;
    let checked = stage.run(&format!("checkpoint verify today.checkpoint --dir {COUNCIL}"))?;
    stage.must("certified by two organisations", checked.field("certified")? == "true")?;
    stage.result("certified", "signed by Relief and by City: certified")?;
    back(stage)
}

/// The treasury's older copy hears of more from the hill and makes a checkpoint of that, without what it wrote since.
fn back(stage: &mut Stage) -> Outcome {
    stage.step(
        "A checkpoint that leaves out what was signed is refused",
        "An older copy of the treasury takes in the hill's news and makes a checkpoint of it. The council remembers.",
    )?;
    // Not what the treasury sent it since: the copy would know its own signature, and sign no more.
    stage.run("pay open-day --dir hill --programme Food")?;
    stage.stick("hill", &["treasury", COUNCIL], "stick/news")?;
    stage.run("bundle import stick/news --dir treasury-old --heads heads-old")?;
    stage.run(&format!("bundle import stick/news --dir {COUNCIL}"))?;
    let made = stage.run("checkpoint make --dir treasury-old --heads heads-old")?;
    let hash = made.field("checkpoint")?;
    stage.run("checkpoint export old.checkpoint --dir treasury-old --heads heads-old")?;
    stage.run(&format!("checkpoint import old.checkpoint --dir {COUNCIL}"))?;
    stage.refused(
        "rollback",
        &format!("checkpoint cosign {hash} --dir {COUNCIL}"),
        1,
        "goes back on",
    )?;
    stage.run("pay claim hill-more.ticket --dir hill")?;
    Ok(())
}
