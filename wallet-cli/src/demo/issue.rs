//! Distribution lists are frozen, signed by two operators, and issued.

use super::register::{Camp, Site};
use super::stage::Stage;
use crate::fault::Outcome;

/// What every family is to receive: programme, header, amounts.
const SHARES: [(&str, &str, &str); 2] = [("Food", "rice,oil", "25,2"), ("Cash", "voucher", "60")];

pub(super) fn act(stage: &mut Stage, camp: &Camp) -> Outcome {
    stage.step(
        "A list that only one operator signed is refused",
        "A list is frozen by its hash. Two operators answer for it, neither of them the machine it lies on.",
    )?;
    for site in &camp.sites {
        for (programme, header, amounts) in SHARES {
            stage.write(&file(site, programme), &list(site, header, amounts))?;
        }
    }
    let [lake, _] = &camp.sites;
    let mut drafts = Vec::new();
    for site in &camp.sites {
        for (programme, ..) in SHARES {
            let answer = stage.run(&format!(
                "entitle import {} --dir {} --programme {programme} --cycle 1 --source {}",
                file(site, programme),
                site.dir,
                site.source
            ))?;
            // The first digits of its root are enough to name it.
            let list: String = answer.field("list")?.chars().take(10).collect();
            drafts.push((site, programme, list));
        }
    }
    let Some((_, _, first)) = drafts.first() else { return Ok(()) };
    approve(stage, lake, first, lake.operators[0])?;
    stage.refused("one_operator", &format!("entitle issue {first} --dir lake"), 5, "two")?;
    stage.step(
        "The second operator signs, and the lists are issued",
        "Every family has a purse of its own in each programme. Its number cannot be worked out without the site's key.",
    )?;
    for (nth, (site, _, list)) in drafts.iter().enumerate() {
        let [one, two] = site.operators;
        if nth > 0 {
            approve(stage, site, list, one)?;
        }
        approve(stage, site, list, two)?;
    }
    for pair in 0..SHARES.len() {
        // One list of each site at a time: a folder has one writer.
        let issues: Vec<String> = drafts
            .iter()
            .skip(pair)
            .step_by(SHARES.len())
            .map(|(site, _, list)| format!("entitle issue {list} --dir {}", site.dir))
            .collect();
        stage.together(&issues)?;
    }
    let families: usize = camp.sites.iter().map(|site| site.keys.len()).sum();
    stage.result("issued", &format!("rice, oil and cash to {families} families"))
}

fn approve(stage: &mut Stage, site: &Site, list: &str, operator: &str) -> Outcome {
    stage
        .run(&format!(
            "entitle approve {list} --dir {} --operator {operator}.keys --operator-passphrase-file pass.txt",
            site.dir
        ))
        .map(drop)
}

fn file(site: &Site, programme: &str) -> String {
    format!("{}-{}.csv", site.dir, programme.to_lowercase())
}

fn list(site: &Site, header: &str, amounts: &str) -> String {
    let mut text = format!("household_id,{header}\n");
    for key in &site.keys {
        // A key of several columns, or with a comma, is quoted as CSV asks.
        text.push_str(&format!("\"{}\",{amounts}\n", key.replace('"', "\"\"")));
    }
    text
}
