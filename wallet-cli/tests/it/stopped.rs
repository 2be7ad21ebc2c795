//! A site that is lost: fenced, ended, released; a node that is revoked; a cycle that closes.

use serde_json::{Value, json};

use crate::camp::Camp;
use crate::counter::counter;

/// Proposes acts, has two organisations sign them, and lets both sites hear.
fn vote(camp: &Camp, acts: &str) {
    camp.write("acts.toml", acts);
    camp.run("charter propose --acts acts.toml --out acts.annona --replace").fine();
    enact(camp, "acts.annona");
}

fn enact(camp: &Camp, article: &str) {
    for name in ["relief", "city"] {
        camp.run(&format!("charter sign {article} --keys {name}.keys")).fine();
    }
    for dir in ["lake", "treasury"] {
        camp.run(&format!("charter apply {article} --dir {dir}")).fine();
    }
}

/// The lake's suspense of rice, as `status` of the lake tells it.
fn rice(camp: &Camp, node: &str) -> Value {
    let status = camp.run("status --json").fine();
    let all = status.lines()[0]["suspense"].as_array().cloned().unwrap_or_default();
    let of = |line: &&Value| line["node"] == json!(node) && line["commodity"] == json!(1);
    all.iter().find(of).cloned().unwrap_or(Value::Null)
}

#[test]
fn s09_a_lost_site_is_fenced_ends_and_is_released_and_nobody_is_charged() {
    let camp = counter();
    let node = |dir: &str| camp.run(&format!("status --dir {dir} --json")).fine().field(0, "node");
    let (lake, treasury) = (node("lake"), node("treasury"));
    assert_eq!(rice(&camp, &lake), Value::Null, "nobody cut it");
    let feed = format!("{lake}/value/1");
    vote(&camp, &format!("[[fence]]\nfeed = \"{feed}\"\ncut = \"nothing\"\nreason = \"lost\"\n"));
    // 3000 kg came, 5 were handed out, 20 went to the hill: the same for every cut.
    let held = rice(&camp, &lake);
    assert_eq!((&held["suspense"], &held["exact"]), (&json!("2975000"), &json!(false)));
    let told = camp.run("status").fine().out;
    assert!(told.contains(&format!("suspense of lake ({}) in Food", &lake[..8])), "{told}");
    // Trying asks the same rules as doing.
    let refused = |rejection: &str| {
        let refund = format!("pay refund {}", camp.told("entry.txt"));
        for words in ["pay charge --family 1 --item Rice=1", &refund] {
            camp.run(&format!("{words} --dry-run")).fails(5, rejection);
            camp.run(words).fails(5, rejection);
        }
    };
    refused("rejection 8");
    let supply = "pay supply --dir treasury --cycle 1 --item Rice=1";
    camp.run(&format!("{supply} --to lake")).fails(5, "rejection 49");
    camp.run("node end").fine();
    refused("rejection 7");
    assert_eq!(rice(&camp, &lake)["exact"], json!(true));
    vote(
        &camp,
        &format!(
            "[[release]]\nfeed = \"{feed}\"\ncycle = 1\ncommodity = \"Rice\"\namount = \"2975\"\nreserve = \"{treasury}\"\n"
        ),
    );
    let held = rice(&camp, &lake);
    assert_eq!((&held["suspense"], &held["released"]), (&json!("0"), &json!("2975000")));
    assert_eq!(held["charge"], json!("0"));
    let claimed = camp.run("pay claim --budget --dir treasury --json").fine();
    assert_eq!(claimed.lines().len(), 1, "{}", claimed.out);
    camp.run("pay claim --budget --dir treasury").fine();
    for dir in ["lake", "treasury"] {
        let health = camp.run(&format!("doctor --full --rebuild --dir {dir}")).fine();
        assert!(health.out.contains("made anew, the same"), "{}", health.out);
        camp.run(&format!("audit export {dir}.audit --dir {dir}")).fine();
        camp.run(&format!("audit verify {dir}.audit")).fine();
    }
}

#[test]
fn a_node_is_revoked_by_its_own_organisation_and_a_cycle_closes_with_what_is_known() {
    let camp = counter();
    let supply = "pay supply --dir treasury --cycle 1 --item Rice=1";
    camp.run(&format!("{supply} --to hill --out one.ticket")).fine();
    // The lake is no treasury and no hub.
    camp.run("node revoke hill --reason lost").fails(5, "role");
    camp.run("node revoke hill --reason because --dir treasury").fails(3, "lost");
    camp.run("node revoke hill --reason lost --dir treasury --dry-run").fine();
    camp.run(&format!("{supply} --to hill --out two.ticket")).fine();
    camp.run("node revoke hill --reason lost --dir treasury").fine();
    camp.run(&format!("{supply} --to hill")).fails(5, "rejection 49");
    let close = "cycle close --programme Food --cycle 1 --out close.annona --dir treasury";
    camp.run(&format!("{close} --dry-run")).fine();
    let article = camp.run(&format!("{close} --json")).fine();
    let known = article.lines()[0]["cuts"].as_object().map_or(0, serde_json::Map::len);
    assert!(known >= 1, "{}", article.out);
    enact(&camp, "close.annona");
    let charter = camp.run("charter show --json").fine();
    assert_eq!(charter.lines()[0]["closes"].as_array().map(Vec::len), Some(1));
    // It waits for nobody, and nobody is refused food by it.
    camp.run("pay charge --family 1 --item Rice=1").fine();
    camp.run("cycle close --programme Food --cycle 7 --out close.annona --replace")
        .fails(3, "not known");
    let health = camp.run("doctor --full --rebuild --dir treasury").fine();
    assert!(health.out.contains("made anew, the same"), "{}", health.out);
}

#[test]
fn s17_a_charter_that_forked_is_healed_by_files_and_who_was_on_the_lost_branch_comes_over() {
    let camp = counter();
    let treasury = camp.run("status --dir treasury --json").fine().field(0, "node");
    // Relief signs two budgets for one epoch: one with City, the other with Water.
    for (name, other, rice) in [("one", "city", 7), ("two", "water", 9)] {
        camp.write(
            "acts.toml",
            format!("[[budget]]\nprogramme = \"Food\"\ncycle = 1\ntreasury = \"{treasury}\"\nlines = {{ Rice = {rice} }}\n"),
        );
        camp.run(&format!("charter propose --acts acts.toml --out {name}.annona")).fine();
        // An honest slip is refused, by whatever name the file goes and on a dry run too; the same article is signed again.
        let sign = format!("charter sign {name}.annona --keys");
        if name == "two" {
            let words = "another article of epoch";
            camp.run(&format!("{sign} relief.keys")).fails(5, words);
            camp.run(&format!("{sign} relief.keys --dry-run")).fails(5, "--first-is-destroyed");
            camp.run(&format!("{sign} relief.keys --first-is-destroyed")).fine();
        } else {
            camp.run(&format!("{sign} relief.keys")).fine();
            camp.run(&format!("{sign} relief.keys")).fine();
        }
        camp.run(&format!("{sign} {other}.keys")).fine();
    }
    // Both at once in a node that has neither: asked first, and nothing is taken in.
    let both = "charter apply one.annona two.annona --dir treasury";
    let mut bare = std::process::Command::new(env!("CARGO_BIN_EXE_annona"));
    bare.args(both.split(' ')).arg("--no-input").current_dir(camp.path());
    let asked = bare.output().expect("runs");
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(asked.status.code() == Some(5) && said.contains("the charter forks"), "{said}");
    let whole = camp.run("doctor --dir treasury").fine();
    assert!(!whole.out.contains("WRONG"), "{}", whole.out);
    camp.run("charter apply one.annona --dir lake").fine();
    camp.run("charter apply two.annona --dir hill").fine();
    camp.run("charter apply two.annona --dir lake").fails(6, "forked at epoch");
    camp.run("charter apply one.annona --dir hill").fails(6, "forked at epoch");
    let shown = camp.run("charter show --json").fine();
    assert_eq!(shown.lines()[0]["forks"][0]["signed_both"], json!([1]), "{}", shown.out);
    assert!(camp.run("charter show").fine().out.contains("FORKED"));
    let looked = camp.run("doctor");
    assert!(looked.out.contains("WRONG  charter: it has forked"), "{}", looked.out);
    assert!(camp.run("status").fine().out.contains("WRONG: the charter: it has forked"));
    // Nothing else is proposed or signed by whoever knows; food goes on.
    let propose = "charter propose --acts budget.toml --out later.annona";
    camp.run(propose).fails(6, "forked at epoch");
    camp.run("charter show --dir hill --out known.annona").fine();
    camp.run(&format!("{propose} --charter known.annona")).fails(6, "forked at epoch");
    camp.run("pay charge --family 1 --item Rice=1").fine();
    // City and Water heal it for the hill's branch, and Relief gets a new key.
    camp.run(
        "key new --organisation 1 --out anew.keys --recovery anew-r.keys --passphrase-cost light",
    )
    .fine();
    camp.write(
        "heal.toml",
        "[heal]\nkept = \"two.annona\"\nlost = \"one.annona\"\nstays = [{ organisation = 1, keys = \"anew.keys.public\" }]\nquorum = 2\n",
    );
    camp.run("charter propose --acts heal.toml --out healed.annona").fails(3, "no unhealed fork");
    camp.run("charter propose --acts heal.toml --charter known.annona --out healed.annona").fine();
    for keys in ["city", "water", "anew"] {
        camp.run(&format!("charter sign healed.annona --keys {keys}.keys --charter known.annona"))
            .fine();
    }
    camp.run("charter apply healed.annona --dir hill").fine();
    camp.run("charter apply healed.annona --dir lake").fine();
    let head = |dir: &str| {
        let shown = camp.run(&format!("charter show --dir {dir} --json")).fine();
        (
            shown.lines()[0]["epoch"].clone(),
            shown.lines()[0]["budgets"].clone(),
            shown.lines()[0]["forks"].clone(),
        )
    };
    assert_eq!(head("hill"), head("lake"));
    assert_eq!(head("lake").2, json!([]));
    camp.run("pay charge --family 1 --item Rice=1").fine();
    let health = camp.run("doctor --full --rebuild --dir lake").fine();
    assert!(health.out.contains("made anew, the same"), "{}", health.out);
    // The treasury heard of nothing: one file brings it there.
    camp.run("charter show --dir lake --out all.annona").fine();
    camp.run("charter apply all.annona --dir treasury").fine();
    assert_eq!(head("treasury"), head("lake"));
}

#[test]
fn a_reserve_is_named_in_advance_and_kept_to() {
    let camp = counter();
    let looks = |dir: &str| camp.run(&format!("doctor --dir {dir}")).fine().out;
    assert!(looks("hill").contains("nobody is named to serve its families in Food"));
    let insure = "node insure hill --programme Food --keys relief.keys --out insured.annona";
    camp.run(&format!("{insure} --reserve hill")).fails(5, "both nodes stand at site");
    camp.run(&format!("{insure} --reserve nowhere")).fails(3, "nowhere");
    camp.run(&format!("{insure} --reserve treasury --dry-run")).fine();
    assert!(!camp.file("insured.annona").exists());
    camp.run(&format!("{insure} --reserve treasury --charter charter.annona")).fine();
    for dir in ["lake", "hill"] {
        camp.bare(&format!("node learn insured.annona --dir {dir}")).fine();
    }
    assert!(!looks("hill").contains("nobody is named"));
    // The lake isn't the hill's reserve: it re-issues only where somebody says that it must.
    let again = format!("entitle reissue {} --of hill", camp.told("frozen.txt"));
    camp.run(&format!("{again} --dry-run")).fails(5, "the reserve of hill is at treasury");
    let anyway = camp.run(&format!("{again} --anyway --dry-run")).fine();
    assert!(anyway.err.contains("treasury was named"), "{}", anyway.err);
}
