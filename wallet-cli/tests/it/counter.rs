//! The camp once its sites are supplied and its families issued, made once and copied for each test.
//!
//! ```text
//! lake    family 1 (12.5 kg rice, 2 l oil), family 2 (5 kg redeemed, the rest sent to the hill)
//! hill    amina.ticket claimed; supply.ticket on its way to it; 100 kg rice as its allowance
//! entry.txt name.txt noor.receipt noor.proof camp.audit camp.log/ log.key part-1.annona stick/ queue.jsonl
//! ```

use std::fs;
use std::sync::OnceLock;

use crate::camp::{Answer, Camp};

/// A copy of the camp, supplied and issued.
pub(crate) fn counter() -> Camp {
    static MADE: OnceLock<Camp> = OnceLock::new();
    MADE.get_or_init(|| {
        let camp = Camp::new();
        build(&camp);
        camp
    })
    .copied()
}

fn build(camp: &Camp) {
    camp.run("pay claim --budget --dir treasury").fine();
    let supply = "pay supply --dir treasury --cycle 1";
    camp.run(&format!("{supply} --to lake --item Rice=3000 --item Oil=200 --out lake.ticket"))
        .fine();
    camp.run(&format!("{supply} --to hill --item Rice=100 --as float --out float.ticket")).fine();
    camp.run(&format!("{supply} --to hill --item Rice=10 --out supply.ticket")).fine();
    camp.run("pay claim lake.ticket").fine();
    camp.run("pay claim float.ticket --dir hill").fine();
    camp.run(&format!("entitle issue {}", camp.told("frozen.txt"))).fine();
    let served = camp.run("pay charge --family 2 --item Rice=5 --json").fine();
    camp.write("entry.txt", served.field(0, "entry"));
    camp.write("name.txt", served.field(0, "name"));
    camp.run("pay ticket --family 2 --to hill --out amina.ticket --json").fine();
    let sent = camp.run("pay list --json").fine();
    assert_eq!(sent.out.lines().count(), 1, "{}", sent.out);
    camp.run("pay claim amina.ticket --dir hill").fine();
    camp.run(&format!("pay receipt {} --out noor.receipt", camp.told("entry.txt"))).fine();
    camp.run("audit export camp.audit --seal").fine();
    camp.write("shop.csv", format!("entry,amount\n{},5\n", camp.told("name.txt")));
    let made = camp.run("checkpoint make --json").fine();
    camp.write("checkpoint.txt", made.field(0, "checkpoint"));
    camp.run("checkpoint export camp.checkpoint").fine();
    camp.run("audit log publish camp.log --key-out log.key").fine();
    let name = camp.told("name.txt");
    camp.run(&format!("audit prove camp.audit {name} --out noor.proof")).fine();
    fs::create_dir(camp.file("stick")).expect("folder");
    let part = camp.run("bundle export --dir hill --to lake --out stick --json").fine();
    let parts: Vec<String> = serde_json::from_str(&part.field(0, "files")).expect("files");
    fs::copy(camp.path().join(&parts[0]), camp.file("part-1.annona")).expect("copy");
    camp.write("queue.jsonl", r#"{"request":"r1","family":"1","items":{"Rice":"1"}}"#);
    let mut csv = Vec::new();
    annona_node::sample::camp(3, 12, &mut csv).expect("a sample");
    camp.write("families.csv", csv);
    camp.write("families.toml", annona_node::sample::MAP);
}

impl Answer {
    /// All lines of a JSON answer.
    pub(crate) fn lines(&self) -> Vec<serde_json::Value> {
        self.out.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }
}
