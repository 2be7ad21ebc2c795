//! Both sites serve; a woman leaves one and eats at the other; a copied card is stopped; goods are taken back.

use serde_json::json;

use super::register::{Camp, Site};
use super::stage::Stage;
use crate::fault::{Exit, Fault, Outcome};

/// What the attacks afterwards need to know.
pub(super) struct Day {
    /// The code of the card of the woman who left.
    pub(super) card: String,
}

pub(super) fn act(stage: &mut Stage, camp: &Camp) -> Outcome<Day> {
    stage.step(
        "Both sites serve families, with no connection at all",
        "Each queue is one process: one durable commit for whatever has queued, one answer a line, in order.",
    )?;
    for site in &camp.sites {
        stage.write(&format!("{}-queue.jsonl", site.dir), &queue(site))?;
    }
    let queues: Vec<String> = camp
        .sites
        .iter()
        .map(|site| format!("pay charge --from {0}-queue.jsonl --dir {0}", site.dir))
        .collect();
    let answers = stage.together(&queues)?;
    let mut served = String::new();
    for (answer, site) in answers.iter().zip(&camp.sites) {
        let accepted: Vec<_> = answer.all("charge").collect();
        if let Some(last) = accepted.last()
            && site.dir == "lake"
        {
            served = last.get("entry").and_then(|e| e.as_str()).unwrap_or_default().to_owned();
        }
        let text = format!("{} orders accepted and durable at the {}", accepted.len(), site.dir);
        stage.result("served", &text)?;
    }
    let answers = stage.together(&queues)?;
    let again: usize = answers
        .iter()
        .flat_map(|answer| answer.all("charge"))
        .filter(|line| line.get("repeated") == Some(&json!(true)))
        .count();
    stage.result(
        "repeated",
        &format!("the same queues sent again change nothing: {again} orders answered as before"),
    )?;

    let card = travel(stage, camp)?;
    float(stage, camp)?;
    stage.step(
        "Goods are taken back",
        "A refund opens a new lot of the same purse, once for each redemption.",
    )?;
    stage.run(&format!("pay refund {served} --dir lake"))?;
    stage.result("refunded", &format!("{served} is taken back"))?;
    stage.refused("refund_twice", &format!("pay refund {served} --dir lake"), 5, "rejection 26")?;
    Ok(Day { card })
}

fn queue(site: &Site) -> String {
    let mut text = String::new();
    // The last families come later in the day.
    let now = site.keys.len().saturating_sub(4);
    for (nth, key) in site.keys.iter().take(now).enumerate() {
        let family = format!("{}:{key}", site.source);
        let shop = ["Al Noor bakery", "Two rivers shop", "Distribution point"][nth % 3];
        let food = json!({
            "request": format!("{}-food-{nth}", site.dir), "family": family, "programme": "Food",
            "items": { "Rice": "10", "Oil": "1" }, "merchant": "Distribution point",
        });
        let cash = json!({
            "request": format!("{}-cash-{nth}", site.dir), "family": family, "programme": "Cash",
            "items": { "Voucher": format!("{}.50", 5 + nth % 20) }, "merchant": shop,
        });
        text.push_str(&format!("{food}\n{cash}\n"));
    }
    text
}

/// The nth family from the end: those who were not in the queue.
fn late(site: &Site, nth: usize) -> Outcome<String> {
    let key = site.keys.iter().rev().nth(nth);
    let key = key.ok_or_else(|| Fault::new(Exit::Bug, "too few families"))?;
    Ok(format!("{}:{key}", site.source))
}

fn travel(stage: &mut Stage, camp: &Camp) -> Outcome<String> {
    stage.step(
        "A woman leaves the lake with a ticket, and eats at the hill",
        "What she has is sent to the hill; the ticket travels on paper. The hill claims it offline: signed once, claimed once.",
    )?;
    let [lake, _] = &camp.sites;
    let family = late(lake, 0)?;
    let card = stage.run(&format!(
        "card issue \"{family}\" --programme Food --dir lake --operator mara.keys --operator-passphrase-file pass.txt"
    ))?;
    let card = card.field("code")?;
    stage.run(&format!(
        "pay ticket --programme Food --card {card} --to hill --dir lake --out amina.ticket"
    ))?;
    stage.run("pay claim amina.ticket --dir hill")?;
    let eaten =
        stage.run("pay charge --programme Food --ticket amina.ticket --item Rice=25 --dir hill")?;
    stage.result(
        "travelled",
        &format!(
            "25 kg of rice at the hill, entry {}; nothing passed between the sites but paper",
            eaten.field("entry")?
        ),
    )?;
    Ok(card)
}

fn float(stage: &mut Stage, camp: &Camp) -> Outcome {
    stage.step(
        "A photographed card is stopped at the allowance's cap",
        "A family of the lake comes without a ticket: the hill serves from its own allowance, at most 5 kg a purse. A copy of \
         the card gets no further: the worst loss is known before the first day.",
    )?;
    let [lake, _] = &camp.sites;
    let family = late(lake, 1)?;
    let asked = stage.run(&format!(
        "pay charge --programme Food --family \"{family}\" --item Rice=1 --dry-run --dir lake"
    ))?;
    let purse = asked
        .all("charge")
        .find_map(|line| line.get("purses")?.get(0)?.as_str().map(str::to_owned))
        .ok_or_else(|| Fault::new(Exit::Bug, "a dry run without purses"))?;
    let charge = |kilos| {
        format!(
            "pay float --programme Food --purse {purse} --home lake --item Rice={kilos} --dir hill"
        )
    };
    stage.run(&charge(4))?;
    stage.refused("capped", &charge(4), 5, "rejection 52")
}
