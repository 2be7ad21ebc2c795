//! The federation is founded, nodes and operators are admitted, budgets are voted, the sites are supplied.

use super::stage::Stage;
use crate::charter;
use crate::fault::Outcome;

/// The organisations: number and name of the key file.
const OFFICES: [(u16, &str); 3] = [(1, "relief"), (2, "city"), (3, "water")];
/// The nodes: folder, roles, the site's number.
pub(super) const NODES: [(&str, &str, u16); 3] = [
    ("treasury", "--role treasury --role witness", 1),
    ("lake", "--role registrar --role merchant", 2),
    ("hill", "--role registrar --role merchant", 3),
];
/// Operators: name and site. Those who settle at the treasury, too, are certified for every site.
const OPERATORS: [(&str, u16); 4] = [("mara", 0), ("yusuf", 0), ("noor", 0), ("sami", 3)];

/// The budget of the food alone.
pub(super) const FOOD_BUDGET: &str = r#"
[[budget]]
programme = "Food"
cycle = 1
treasury = "TREASURY"
lines = { Rice = 400000 }
"#;

const BUDGET: &str = r#"
[[budget]]
programme = "Food"
cycle = 1
treasury = "TREASURY"
lines = { Rice = 120000, Oil = 12000 }

[[budget]]
programme = "Cash"
cycle = 1
treasury = "TREASURY"
lines = { Voucher = 250000 }
"#;

pub(super) fn act(stage: &mut Stage) -> Outcome {
    charter(stage)?;
    nodes(stage)?;
    budget(stage)
}

pub(super) fn charter(stage: &mut Stage) -> Outcome {
    stage.step(
        "Three organisations sign the charter",
        "Each signs the same file on its own machine. Power needs a quorum; food later needs nobody.",
    )?;
    let keys: Vec<String> = OFFICES
        .iter()
        .map(|(number, name)| {
            format!("key new --organisation {number} --out {name}.keys --recovery {name}-recovery.keys --passphrase-cost light")
        })
        .collect();
    stage.together(&keys)?;
    stage.write("federation.toml", charter::EXAMPLE)?;
    stage.run("charter propose --found federation.toml --out founding.annona")?;
    for (_, name) in OFFICES {
        stage.run(&format!("charter sign founding.annona --keys {name}.keys"))?;
    }
    Ok(())
}

fn nodes(stage: &mut Stage) -> Outcome {
    stage.step(
        "A treasury and two sites are admitted",
        "Each node makes its own keys and asks; its organisation answers with a certificate inside its ceilings.",
    )?;
    let made: Vec<String> = NODES
        .iter()
        .map(|(dir, roles, _)| {
            format!(
                "init --dir {dir} --site {dir} {roles} --organisation 1 --passphrase-cost light"
            )
        })
        .collect();
    stage.together(&made)?;
    for (dir, ..) in NODES {
        stage.run(&format!("charter apply founding.annona --dir {dir}"))?;
    }
    let asked: Vec<String> = NODES
        .iter()
        .map(|(dir, ..)| format!("node request --dir {dir} --out {dir}.request"))
        .collect();
    stage.together(&asked)?;
    stage.run("charter show --dir treasury --out charter.annona")?;
    let mut notices = Vec::new();
    for (dir, _, site) in NODES {
        stage.run(&format!(
            "node admit {dir}.request --keys relief.keys --charter charter.annona --site {site} --small-site \
             --ceiling Food/Rice=150000:300:150000 --ceiling Food/Oil=15000:0:15000 \
             --ceiling Cash/Voucher=300000:0:300000 --out {dir}.annona"
        ))?;
        notices.push(format!("{dir}.annona"));
    }
    let made: Vec<String> = OPERATORS
        .iter()
        .map(|(name, _)| format!("operator new --out {name}.keys --passphrase-cost light"))
        .collect();
    stage.together(&made)?;
    for (name, site) in OPERATORS {
        stage.run(&format!(
            "operator admit {name}.keys.public --keys relief.keys --charter charter.annona --organisation 1 \
             --site {site} --role registrar --role approver --programme Food --programme Cash \
             --out {name}.annona"
        ))?;
        notices.push(format!("{name}.annona"));
    }
    for (programme, keys) in [("Food", "relief"), ("Cash", "city")] {
        stage.run(&format!(
            "cycle open --programme {programme} --cycle 1 --opens +0d --closes +30d --expires +40d \
             --keys {keys}.keys --charter charter.annona --out cycle-{programme}.annona"
        ))?;
        notices.push(format!("cycle-{programme}.annona"));
    }
    for (dir, ..) in NODES {
        stage.run(&format!("node learn --dir {dir} {}", notices.join(" ")))?;
    }
    insure(stage)
}

/// For each site, the node that serves its families should it be lost.
fn insure(stage: &mut Stage) -> Outcome {
    stage.run("charter show --dir treasury --out charter.annona --replace")?;
    let mut names = Vec::new();
    for (site, reserve) in [("lake", "hill"), ("hill", "lake")] {
        for programme in ["Food", "Cash"] {
            let out = format!("{site}-{programme}-insured.annona");
            stage.run(&format!(
                "node insure {site} --reserve {reserve} --programme {programme} --keys relief.keys --charter charter.annona --out {out}"
            ))?;
            names.push(out);
        }
    }
    for (dir, ..) in NODES {
        stage.run(&format!("node learn --dir {dir} {}", names.join(" ")))?;
    }
    stage.result("insured", "each site is named as the other's reserve, before anything happens")
}

fn budget(stage: &mut Stage) -> Outcome {
    stage.step(
        "Two budgets are voted, and the sites are supplied",
        "Food in kilograms by Relief, cash by City. A unit is in exactly one place: the treasury's tickets travel as text.",
    )?;
    let treasury = stage.run("status --dir treasury")?.field("node")?;
    stage.write("budget.toml", BUDGET.replace("TREASURY", &treasury).as_str())?;
    stage.run("charter propose --acts budget.toml --charter charter.annona --out budget.annona")?;
    for name in ["relief", "city"] {
        stage.run(&format!(
            "charter sign budget.annona --keys {name}.keys --charter charter.annona"
        ))?;
    }
    for (dir, ..) in NODES {
        stage.run(&format!("charter apply budget.annona --dir {dir}"))?;
    }
    stage.run("pay claim --budget --dir treasury")?;
    for programme in ["Food", "Cash"] {
        stage.run(&format!("cycle key --programme {programme} --cycle 1 --dir treasury"))?;
    }
    stage.folder("stick/keys")?;
    stage.run("bundle export --to lake --to hill --dir treasury --out stick/keys")?;
    let taken = ["lake", "hill"].map(|dir| format!("bundle import stick/keys --dir {dir}"));
    stage.together(&taken)?;
    stage.result(
        "cycle_keys",
        "both sites hold the keys of the cycle: a family of one register has one purse at either",
    )?;
    for (site, rice, oil, cash) in
        [("lake", 60_000, 5_000, 150_000), ("hill", 8_000, 1_500, 20_000)]
    {
        stage.run(&format!(
            "pay supply --dir treasury --programme Food --to {site} --cycle 1 --item Rice={rice} --item Oil={oil} --out {site}-food.ticket"
        ))?;
        stage.run(&format!(
            "pay supply --dir treasury --programme Cash --to {site} --cycle 1 --item Voucher={cash} --out {site}-cash.ticket"
        ))?;
    }
    stage.run(
        "pay supply --dir treasury --programme Food --to hill --cycle 1 --item Rice=60 --as float --out hill-float.ticket",
    )?;
    stage.run(
        "pay supply --dir treasury --programme Food --to hill --cycle 1 --item Rice=2000 --as reserve --out hill-reserve.ticket",
    )?;
    let claims: Vec<String> = [
        "pay claim --dir lake lake-food.ticket lake-cash.ticket",
        "pay claim --dir hill hill-food.ticket hill-cash.ticket hill-float.ticket hill-reserve.ticket",
    ]
    .map(str::to_owned)
    .to_vec();
    stage.together(&claims)?;
    stage.result(
        "supplied",
        "both sites hold their share, and the hill 60 kg of rice as an allowance for strangers and 2,000 kg set aside for the \
         lake's families; no link was needed",
    )
}
