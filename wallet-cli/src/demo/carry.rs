//! In the evening a courier carries a stick between the sites and the treasury.

use super::found::NODES;
use super::stage::Stage;
use crate::fault::{Exit, Fault, Outcome};

pub(super) fn act(stage: &mut Stage) -> Outcome {
    stage.step(
        "Bundles travel both ways on a stick",
        "Sealed to the nodes they are for; taken in in any order, once or twice. Whoever finds the stick learns its size.",
    )?;
    round(stage, "stick/evening")?;
    stage.step(
        "The lake covers what the hill gave to its family",
        "The hill's allowance is made good, once, out of the family's own purse.",
    )?;
    stage.run("pay cover --programme Food --all --dir lake --out cover.ticket")?;
    stage.run("pay claim cover.ticket --dir hill")?;
    stage.step(
        "The stick goes round once more, and the states agree",
        "Whoever holds the same entries has the same state, byte for byte, whatever the order they came in.",
    )?;
    round(stage, "stick/night")?;
    let mut roots = Vec::new();
    for (dir, ..) in NODES {
        stage.run(&format!("audit export --dir {dir} {dir}.audit"))?;
        let root = stage.run(&format!("audit verify {dir}.audit --root"))?.field("root")?;
        roots.push(root);
    }
    let [first, ..] = &roots[..] else { return Ok(()) };
    if roots.iter().any(|root| root != first) {
        return Err(Fault::new(Exit::Bug, format!("the state roots differ: {}", roots.join(", "))));
    }
    stage.result("roots_agree", &format!("three nodes, one state root: {first}"))
}

/// Every node writes for the two others; then everybody takes everything in, twice where it does not matter.
fn round(stage: &mut Stage, stick: &str) -> Outcome {
    stage.folder(stick)?;
    let mut exports = Vec::new();
    for (dir, ..) in NODES {
        let to: Vec<String> = NODES
            .iter()
            .filter(|(other, ..)| *other != dir)
            .map(|(other, ..)| format!("--to {other}"))
            .collect();
        stage.folder(&format!("{stick}/from-{dir}"))?;
        exports
            .push(format!("bundle export {} --dir {dir} --out {stick}/from-{dir}", to.join(" ")));
    }
    stage.together(&exports)?;
    let mut imports = Vec::new();
    for (dir, ..) in NODES {
        let from: Vec<String> = NODES
            .iter()
            .rev()
            .filter(|(other, ..)| *other != dir)
            .map(|(other, ..)| format!("{stick}/from-{other}"))
            .collect();
        imports.push(format!("bundle import {} --dir {dir}", from.join(" ")));
    }
    let answers = stage.together(&imports)?;
    for (answer, (dir, ..)) in answers.iter().zip(NODES) {
        let text = format!("{dir} took in {} new blocks", answer.field("blocks")?);
        stage.result("carried", &text)?;
    }
    Ok(())
}
