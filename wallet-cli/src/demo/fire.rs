//! A site burns down with what it had not sent, and its families eat the same day somewhere else.

use serde_json::json;

use super::register::{Camp, Site};
use super::stage::Stage;
use super::vote;
use crate::fault::{Exit, Fault, Outcome};

/// What each family had in the morning at the lake, in kilograms of rice.
const MORNING: &str = "5";
/// What is set aside for each at the hill: all of the rice that the evening's ledger says they have left.
const AGAIN: &str = "15";

pub(super) fn act(stage: &mut Stage, camp: &Camp) -> Outcome {
    let [lake, hill] = &camp.sites;
    stage.step(
        "The next morning the lake burns down, with what it had not sent",
        "Two families were served, and the till in the shop next door holds two slips. Nothing else is left of the morning.",
    )?;
    stage.run("backup hill.backup --people-keys hill.people --dir hill")?;
    let families = families(lake)?;
    let mut slips = Vec::new();
    for family in &families {
        let served = stage.run(&format!(
            "pay charge --programme Food --family \"{family}\" --item Rice={MORNING} --merchant \"Distribution point\" --dir lake"
        ))?;
        slips.push(served.field("promise")?);
    }
    let number = stage.run("status --dir lake")?.field("node")?;
    stage.burn("lake")?;
    stage.result(
        "burnt",
        "the lake's folder is gone, and with it two redemptions nobody else has",
    )?;
    eat(stage, (lake, hill), &families)?;
    stage.write("slips.txt", &slips.join("\n"))?;
    fence(stage, &number)?;
    late(stage, &number, &slips)
}

/// Two families of the lake that had their share of rice on the first day.
fn families(lake: &Site) -> Outcome<Vec<String>> {
    let first: Vec<String> =
        lake.keys.iter().take(2).map(|key| format!("{}:{key}", lake.source)).collect();
    if first.len() == 2 { Ok(first) } else { Err(Fault::new(Exit::Bug, "too few families")) }
}

fn eat(stage: &mut Stage, (lake, hill): (&Site, &Site), families: &[String]) -> Outcome {
    stage.step(
        "Its families eat the same day, at the hill",
        "The hill was named in advance as the lake's reserve, and holds it under its own key. Two operators answer for the \
         list; there is no quorum to wait for, and no network.",
    )?;
    stage.run(&hill.import(lake))?;
    let mut list = "household_id,rice\n".to_owned();
    for key in lake.keys.iter().take(families.len()) {
        list.push_str(&format!("\"{}\",{AGAIN}\n", key.replace('"', "\"\"")));
    }
    stage.write("lake-again.csv", &list)?;
    let root = stage
        .run(&format!(
            "entitle import lake-again.csv --dir hill --programme Food --cycle 1 --source {}",
            lake.source
        ))?
        .field("list")?;
    let root: String = root.chars().take(10).collect();
    for operator in hill.operators {
        stage.run(&format!(
            "entitle approve {root} --dir hill --operator {operator}.keys --operator-passphrase-file pass.txt"
        ))?;
    }
    let issued = stage.run(&format!("entitle reissue {root} --of lake --dir hill"))?;
    stage.must("re-issued", issued.field("issued")? == families.len().to_string())?;
    for family in families {
        stage.run(&format!(
            "pay charge --programme Food --family \"{family}\" --item Rice={AGAIN} --dir hill"
        ))?;
    }
    stage.result("ate", &format!("{} families ate, out of what was set aside", families.len()))
}

fn fence(stage: &mut Stage, lake: &str) -> Outcome {
    stage.step(
        "The lake is fenced when the signatures arrive",
        "A fence moves nothing. What the lake held is suspense: it pays the slips that turn up, and only a vote releases it.",
    )?;
    stage.stick("hill", &["treasury"], "stick/after-the-fire")?;
    stage.run("bundle import stick/after-the-fire --dir treasury")?;
    let known = stage.run("node revoke lake --reason lost --dir treasury --dry-run")?;
    let feed = format!("{lake}/value/1");
    let cut = known
        .all("revoked")
        .filter_map(|line| line.get("feeds")?.as_array())
        .flatten()
        .find(|cut| cut.get("feed") == Some(&json!(feed)))
        .and_then(|cut| cut.get("cut")?.as_str())
        .ok_or_else(|| Fault::new(Exit::Bug, "nothing is known of the lake's feed"))?;
    stage.write(
        "fence.toml",
        &format!("[[fence]]\nfeed = \"{feed}\"\ncut = \"{cut}\"\nreason = \"lost\"\n"),
    )?;
    stage.run("charter propose --acts fence.toml --dir treasury --out fence.annona")?;
    vote(stage, "fence.annona", &["treasury", "hill"])?;
    let kilos = suspense(stage, lake)?;
    stage.result("suspense", &format!("{} kg of rice in suspense", kilos / 1000))?;
    let gone = "pay supply --dir treasury --programme Food --to lake --cycle 1 --item Rice=1";
    stage.refused("fenced", gone, 5, "rejection 49")
}

/// The slips of the shop next door turn up.
fn late(stage: &mut Stage, lake: &str, slips: &[String]) -> Outcome {
    stage.step(
        "The shop brings its two slips",
        "A slip is a promise the lake signed: it proves by itself that the rice was handed out. What the lake held pays it.",
    )?;
    let before = suspense(stage, lake)?;
    for slip in slips {
        stage.run(&format!("pay orphan \"{slip}\" --dir treasury"))?;
    }
    let paid = before - suspense(stage, lake)?;
    stage.must("10 kg of rice less in suspense", paid == 10_000)?;
    let again = slips.first().map_or("", String::as_str);
    stage.refused("twice", &format!("pay orphan \"{again}\" --dir treasury"), 5, "rejection")?;
    stage.result("late_receipts", "10 kg are paid from what the lake held; nobody is charged")
}

/// The rice in suspense of a node, as the treasury sees it, in grams.
pub(super) fn suspense(stage: &mut Stage, node: &str) -> Outcome<i64> {
    let status = stage.run("status --dir treasury")?;
    let held = status.all("status").filter_map(|line| line.get("suspense")?.as_array()).flatten();
    let of = |line: &&serde_json::Value| {
        line.get("node") == Some(&json!(node))
            && (line.get("programme"), line.get("commodity")) == (Some(&json!(1)), Some(&json!(1)))
    };
    let units = held.filter(of).find_map(|line| line.get("suspense")?.as_str()?.parse().ok());
    units.ok_or_else(|| Fault::new(Exit::Bug, format!("no rice in suspense of node {node}")))
}
