//! `annona demo --network`: two computers, each a process that runs, meet over a link; what one writes, the other hears.

use super::found::{self, FOOD_BUDGET};
use super::register::Site;
use super::running::{Running, Seen};
use super::stage::Stage;
use super::vote;
use crate::fault::Outcome;

/// Families of the camp.
const FAMILIES: (u64, u32) = (7, 60);
/// Rice for each, in kilograms.
const SHARE: u64 = 5_000;
/// What an order takes of it, in grams.
const ORDER: &str = "0.001";

pub(super) fn act(stage: &mut Stage, orders: u32) -> Outcome {
    found::charter(stage)?;
    admit(stage)?;
    let (mut treasury, mut lake) = meet(stage)?;
    hear(stage, &treasury, &lake)?;
    let site = list(stage)?;
    let whole = seen(stage, &[&treasury, &lake], 1, "both hold the same")?;
    stage.result("listed", &format!("{} entries, the same on both computers", whole.entries))?;

    stage.step(
        "The cable is pulled, and the lake goes on serving",
        "No link is asked for when food is handed out: each answer is durable here, and everything waits for the others.",
    )?;
    lake.stop(stage)?;
    stage.write("queue.jsonl", &queue(&site, orders))?;
    let served = stage.run("pay charge --from queue.jsonl --dir lake")?;
    let served = served.all("charge").count();
    stage.result("served", &format!("{served} orders accepted and durable at the lake"))?;

    stage.step(
        "The cable is mended, and torn out of the wall in the middle",
        "The lake dials again by itself. Its process is killed as soon as something has come through: a cut costs at most \
         the block that was on its way, and nothing is sent twice.",
    )?;
    let before = treasury.seen(stage)?.entries;
    lake.again(stage)?;
    let goal = before + u64::from(orders);
    let torn = treasury.watch(stage, "more has come", goal, |seen| seen.entries > before)?;
    lake.kill(stage)?;
    lake.again(stage)?;
    let came = treasury.watch_both(stage, &lake, "all has come", goal)?;
    let (early, bytes) = (torn.entries - before, came.received);
    stage.result(
        "caught_up",
        &format!(
            "{early} entries before the cut, all {} after it; {bytes} bytes since the beginning",
            came.entries - before
        ),
    )?;
    agree(stage)?;

    stage.step(
        "The lake's computer is stolen",
        "Its certificate is revoked at the treasury. The link ends there and then; what it wrote before stays good.",
    )?;
    let name = lake.name().to_owned();
    stage.run("node revoke lake --reason lost --dir treasury")?;
    treasury.watch(stage, "the link is closed", goal, |seen| seen.state == "revoked")?;
    stage.result("revoked", &format!("{name} is met no more: `annona peers --dir treasury`"))?;
    lake.stop(stage)?;
    treasury.stop(stage)
}

fn admit(stage: &mut Stage) -> Outcome {
    stage.step(
        "Two computers are admitted",
        "Each makes its own keys and asks; its organisation answers with a certificate. They exchange these two certificates, \
         and nothing else by hand.",
    )?;
    let nodes = [
        ("treasury", "--role treasury --role witness", 1),
        ("lake", "--role registrar --role merchant", 2),
    ];
    stage.together(&nodes.map(|(dir, roles, _)| {
        format!("init --dir {dir} --site {dir} {roles} --organisation 1 --passphrase-cost light")
    }))?;
    for (dir, ..) in nodes {
        stage.run(&format!("charter apply founding.annona --dir {dir}"))?;
        stage.run(&format!("node request --dir {dir} --out {dir}.request"))?;
    }
    stage.run("charter show --dir treasury --out charter.annona")?;
    let signing = "--keys relief.keys --charter charter.annona";
    for (dir, _, site) in nodes {
        stage.run(&format!(
            "node admit {dir}.request {signing} --site {site} --small-site --programme Food \
             --ceiling Food/Rice=400000:0:400000 --out {dir}.annona"
        ))?;
    }
    for name in ["mara", "yusuf"] {
        stage.run(&format!("operator new --out {name}.keys --passphrase-cost light"))?;
        stage.run(&format!(
            "operator admit {name}.keys.public {signing} --organisation 1 --site 2 --role registrar --role approver \
             --programme Food --out {name}.annona"
        ))?;
    }
    stage.run(&format!(
        "cycle open --programme Food --cycle 1 --opens +0d --closes +30d --expires +40d {signing} --out cycle.annona"
    ))?;
    // The lake hears of its operators, and of the cycle, over the link.
    stage.run("node learn --dir treasury treasury.annona lake.annona mara.annona yusuf.annona cycle.annona")?;
    stage.run("node learn --dir lake treasury.annona lake.annona").map(drop)
}

fn meet(stage: &mut Stage) -> Outcome<(Running, Running)> {
    stage.step(
        "Both run, and meet",
        "One listens, the other dials: `node`, `address`, and nothing more. Who has no certificate gets a handshake.",
    )?;
    stage.write("treasury/run.toml", "[network]\nlisten = [\"127.0.0.1:0\"]\n")?;
    let treasury = Running::start(stage, "treasury")?;
    let at = treasury.listening(stage)?;
    stage.write(
        "lake/run.toml",
        &format!("[[peer]]\nnode = \"{}\"\naddress = \"{at}\"\n", treasury.name()),
    )?;
    let lake = Running::start(stage, "lake")?;
    let met = lake.watch(stage, "they meet", 0, |seen| seen.state == "meeting")?;
    let pids = (treasury.pid(), lake.pid());
    stage.result(
        "met",
        &format!(
            "processes {} and {} meet at {at}, {} ms after the second began",
            pids.0,
            pids.1,
            met.after.as_millis()
        ),
    )?;
    Ok((treasury, lake))
}

/// What is decided at one is heard at the other.
fn hear(stage: &mut Stage, treasury: &Running, lake: &Running) -> Outcome {
    stage.step(
        "A budget is voted at the treasury, and heard at the lake",
        "Charter, certificates and the key of the cycle go before everything else. Commands work while the node runs: each \
         is lent its folder.",
    )?;
    stage.write("budget.toml", &FOOD_BUDGET.replace("TREASURY", treasury.name()))?;
    stage.run("charter propose --acts budget.toml --dir treasury --out budget.annona")?;
    vote(stage, "budget.annona", &["treasury"])?;
    stage.run("pay claim --budget --dir treasury")?;
    stage.run("cycle key --programme Food --cycle 1 --dir treasury")?;
    stage.run(&format!(
        "pay supply --dir treasury --programme Food --to lake --cycle 1 --item Rice={} --out lake.ticket",
        SHARE * u64::from(FAMILIES.1)
    ))?;
    let epoch = treasury.seen(stage)?.epoch;
    let heard = lake.watch(stage, "the lake hears of it", 0, |seen| seen.epoch == epoch)?;
    stage
        .result("heard", &format!("epoch {epoch} at the lake, {} bytes so far", heard.received))?;
    // What the commands wrote last is sealed, or it would wait for half a minute.
    seen(stage, &[treasury, lake], 1, "both hold the same").map(drop)
}

/// Families are registered and entitled at the lake.
fn list(stage: &mut Stage) -> Outcome<Site> {
    stage.step(
        "Families are registered and entitled at the lake, while both run",
        "Names stay in its sealed person file. The other computer hears of purses and amounts alone.",
    )?;
    let site = Site::invented(stage, "lake", FAMILIES, ["mara", "yusuf"])?;
    stage.run(&site.import(&site))?;
    let mut rows = "household_id,rice\n".to_owned();
    for key in &site.keys {
        rows.push_str(&format!("{key},{SHARE}\n"));
    }
    stage.write("food.csv", &rows)?;
    let list = stage.run(&format!(
        "entitle import food.csv --dir lake --programme Food --cycle 1 --source {}",
        site.source
    ))?;
    let list: String = list.field("list")?.chars().take(10).collect();
    for operator in site.operators {
        stage.run(&format!(
            "entitle approve {list} --dir lake --operator {operator}.keys --operator-passphrase-file pass.txt"
        ))?;
    }
    stage.run("pay claim lake.ticket --dir lake")?;
    stage.run(&format!("entitle issue {list} --dir lake"))?;
    Ok(site)
}

fn queue(site: &Site, orders: u32) -> String {
    let families = site.keys.iter().cycle().zip(0..orders);
    let line = |(key, nth): (&String, u32)| {
        format!(
            "{{\"request\":\"order-{nth}\",\"family\":\"{}:{key}\",\"items\":{{\"Rice\":\"{ORDER}\"}}}}\n",
            site.source
        )
    };
    families.map(line).collect()
}

/// Waits until several hold the same, so many entries at least, after what each has open is sealed.
fn seen(stage: &mut Stage, nodes: &[&Running], least: u64, what: &str) -> Outcome<Seen> {
    for node in nodes {
        stage.run(&format!("audit export --seal --dir {0} {0}.sealed", node.dir()))?;
        std::fs::remove_file(stage.path(&format!("{}.sealed", node.dir()))).unwrap_or(());
    }
    let [first, rest @ ..] = nodes else { return Ok(Seen::default()) };
    let mut same = Seen::default();
    for other in rest {
        same = first.watch_both(stage, other, what, least)?;
    }
    Ok(same)
}

fn agree(stage: &mut Stage) -> Outcome {
    stage.step(
        "The states agree",
        "Whoever holds the same entries has the same state, byte for byte.",
    )?;
    let mut roots = Vec::new();
    for dir in ["treasury", "lake"] {
        stage.run(&format!("audit export --dir {dir} {dir}.audit"))?;
        roots.push(stage.run(&format!("audit verify {dir}.audit --root"))?.field("root")?);
    }
    stage.must("one state root on both computers", roots.first() == roots.last())?;
    let root = roots.pop().unwrap_or_default();
    stage.result("roots_agree", &format!("two computers, one state root: {root}"))
}
