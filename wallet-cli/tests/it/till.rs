//! A merchant's device as a node of its own: what it may redeem is sent to it in the morning, what is left comes back in the
//! evening, and whoever finds it learns of nobody else.

use std::fs;
use std::path::Path;

use annona_node::keystore::Name;

use crate::camp::Camp;
use crate::counter::counter;
use crate::running::{Node, admit, entries, name, port, until};

/// All bytes of a folder.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(bytes(&path));
        } else if fs::metadata(&path).expect("a file").is_file() {
            all.extend(fs::read(&path).expect("reads"));
        }
    }
    all
}

/// The purse of a family, as it stands in a ledger.
fn purse(camp: &Camp, family: &str) -> Vec<u8> {
    let asked = camp.run(&format!("pay charge --family {family} --item Rice=1 --dry-run --json"));
    let purses: Vec<String> = serde_json::from_str(&asked.fine().field(0, "purses")).expect("some");
    let hex = purses[0].as_bytes().chunks(2);
    hex.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex"))
        .collect()
}

fn holds(folder: &[u8], what: &[u8]) -> bool {
    folder.windows(what.len()).any(|some| some == what)
}

#[test]
fn p11_a_terminal_serves_whom_it_was_sent_and_holds_nobody_else() {
    let camp = counter();
    // Somebody who stays at the lake: the second list is hers.
    let import = "entitle import list.csv --programme Food --cycle 1 --json";
    let frozen = camp.run(import).fine().field(0, "list");
    for operator in ["mara", "yusuf"] {
        let who = format!("--operator {operator}.keys --operator-passphrase-file pass.txt");
        camp.run(&format!("entitle approve {frozen} {who}")).fine();
    }
    camp.run(&format!("entitle issue {frozen}")).fine();
    admit(&camp, "till", (1, "relief"), "treasury.annona lake.annona hill.annona cycle.annona");
    camp.run("node learn till.annona --dir lake").fine();
    let (a, b) = (port(), port());
    let (lake, till) = (name(&camp, "lake"), name(&camp, "till"));
    let one = Node::start(&camp, "lake", a, &[]);
    camp.write(
        "till/run.toml",
        format!(
            "[network]\nlisten = [\"127.0.0.1:{b}\"]\n[ledger]\nonly = [\"{till}\"]\n\
             [[peer]]\nnode = \"{lake}\"\naddress = \"127.0.0.1:{a}\"\n"
        ),
    );
    let two = Node::again(&camp, "till", b);
    two.comes_to(&camp, &lake, "meeting");
    let (hers, others) = (purse(&camp, "1"), camp.run("entitle balance 1 --json").fine());
    assert!(others.out.contains("\"units\""), "{}", others.out);

    // In the morning a household is tied to the terminal, and the counter says so.
    camp.run("pay ticket --family 1 --to till --out day.ticket").fine();
    let said = camp.run("pay charge --family 1 --item Rice=1").fails(5, "was sent to till (");
    assert!(said.err.contains("served there until it comes back"), "{}", said.err);
    let said = camp.run("entitle balance 1").fine();
    assert!(said.err.contains(&till), "{}{}", said.out, said.err);
    camp.run("pay claim day.ticket --dir till").fine();
    let known = entries(&camp, "lake");
    // All day it serves without a link to anybody.
    assert_eq!(one.stop(), Some(0));
    let ration = "pay charge --dir till --ticket day.ticket --item Rice=2 --json";
    let promise = camp.run(ration).fine().field(0, "promise");
    camp.run("pay charge --dir till --ticket day.ticket --item Rice=30").fails(5, "rejection");
    // In the evening what is left goes back, and the lake hears what was handed out.
    camp.run("pay ticket --ticket day.ticket --to lake --dir till --out back.ticket").fine();
    camp.run("pay claim back.ticket").fails(5, "sync with it first");
    let one = Node::again(&camp, "lake", a);
    camp.run("audit export sealed.audit --seal --dir till").fine();
    until("the lake hears of the till's day", || entries(&camp, "lake") >= known + 4);
    camp.run("pay claim back.ticket").fine();
    camp.run("pay charge --family 1 --item Rice=1").fine();
    let kept = camp.run(&format!("pay promise \"{promise}\" --json")).fine();
    assert_eq!(kept.field(0, "promise"), "kept");

    // Seized: it knows whom it served, and of nobody else anything.
    assert_eq!([two.stop(), one.stop()], [Some(0); 2]);
    camp.run("doctor --full --rebuild --dir till").fine();
    let (seized, whole) = (bytes(&camp.file("till")), bytes(&camp.file("lake")));
    assert!(holds(&seized, &hers) && holds(&whole, &hers), "the scan finds what is there");
    let other = purse(&camp, "2");
    assert!(holds(&whole, &other), "the scan finds her at the lake");
    assert!(!holds(&seized, &other), "and not at the till");
    for canary in ["Noor", "B1-001", "B1-002"] {
        assert!(!holds(&seized, canary.as_bytes()), "{canary}");
    }
    // A terminal never holds the cycle key, by which purses follow from a register.
    camp.run("cycle key --programme Food --cycle 1 --dir treasury").fine();
    let has = |dir: &str| camp.node(dir).keys().names().any(|name| matches!(name, Name::Cycle(..)));
    assert!(has("lake") && !has("till"));
}
