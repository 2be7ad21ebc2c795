//! The log for outsiders, through the program, and checked by a program of others.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use annona_ledger::hash::Hash;
use annona_ledger::key::{Context, SigningKey};
use annona_ledger::wire;
use annona_node::keystore::Name;
use annona_node::store::Store;
use annona_node::tlog::folder::LogFolder;
use annona_node::tlog::leaf::Leaf;
use annona_node::tlog::note::{NoteKey, Says};
use annona_node::tlog::publish::{Publisher, known, publish};

use crate::camp::Camp;
use crate::counter::counter;

/// Go with its module of signed notes and tiled logs, as Debian packs both; `None` where either is not there.
fn go(arguments: &[&str]) -> Option<Output> {
    let library = Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog");
    if !library.is_dir() {
        println!("skipped, because golang-golang-x-mod-dev is not installed");
        return None;
    }
    let cache = tempfile::tempdir().expect("a folder");
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/outside/verify.go");
    let output = Command::new("go")
        .args(["run", program])
        .args(arguments)
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", cache.path())
        .output();
    match output {
        Ok(output) => Some(output),
        Err(_) => {
            println!("skipped, because golang-go is not installed");
            None
        }
    }
}

fn keys(camp: &Camp) -> (String, String) {
    let read = |name: &str| camp.told(name).trim().to_owned();
    (read("log.key"), read("relief.key"))
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("a file");
    bytes[at] ^= 1;
    fs::write(path, bytes).expect("it is written");
}

#[test]
fn a_log_is_published_cosigned_and_checked_against_the_audit_file() {
    let camp = counter();
    camp.run("audit log publish camp.log --dry-run").fine();
    let again = camp.run("audit log publish camp.log --json").fine();
    assert_eq!(again.field(0, "added"), "0", "nothing was sealed since");
    let cosign = "audit log cosign camp.log --log-key log.key --dir hill --key-out hill.key";
    camp.run(cosign).fine();
    let check = "audit log check camp.log --log-key log.key --witness-key hill.key";
    camp.bare(check).fine();
    let checked = camp.bare(&format!("{check} --audit camp.audit --json")).fine();
    assert_eq!(checked.field(0, "good"), "true");
    assert_eq!(checked.field(0, "node_says_its_own"), "true");
    assert_eq!(checked.field(0, "in_both"), checked.field(0, "leaves"));
    camp.bare("audit log check camp.log --log-key hill.key").fails(3, "hill.key: a log's key");
    camp.bare("audit log check camp.log --log-key camp.audit").fails(3, "camp.audit");
    camp.bare("audit log check nowhere --log-key log.key").fails(1, "no checkpoint");
    flip(&camp.file("camp.log/checkpoint"), 3);
    camp.bare(check).fails(1, "does not verify");
    camp.run(&format!("{cosign} --replace")).fails(1, "checkpoint");
    camp.run("audit log publish camp.log").fine();
    camp.bare("audit log check camp.log --log-key log.key").fine();
}

#[test]
fn programs_of_others_reach_the_same_verdict() {
    let camp = counter();
    camp.run("audit log cosign camp.log --log-key log.key --dir hill --key-out relief.key").fine();
    let (log, witness) = keys(&camp);
    let folder = camp.file("camp.log");
    let folder_name = folder.to_string_lossy().into_owned();
    let ours = "audit log check camp.log --log-key log.key --witness-key relief.key";
    let theirs = [&*folder_name, &log, &witness];
    let Some(output) = go(&theirs) else { return };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let leaves = camp.bare(&format!("{ours} --json")).fine().field(0, "leaves");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.starts_with(&format!("good: {leaves} headers, 2 signatures")), "{said}");

    let tiles = folder.join("tile");
    let only = |path: &Path| {
        let mut found = fs::read_dir(path).expect("a folder").map(|e| e.expect("one").path());
        found.next().expect("one file")
    };
    for path in [
        folder.join("checkpoint"),
        only(&tiles.join("0/000.p")),
        only(&tiles.join("entries/000.p")),
    ] {
        flip(&path, 60);
        let output = go(&theirs).expect("it was there before");
        assert!(!output.status.success(), "{}: others find it", path.display());
        let checked = camp.command(crate::camp::split(ours)).output().expect("it runs");
        assert_eq!(checked.status.code(), Some(1), "{}: and so do we", path.display());
        flip(&path, 60);
    }
}

/// Asks others and ourselves about a log that is wrong: both find it, in these words.
#[track_caller]
fn both_find(camp: &Camp, folder: &str, key: &str, words: &str) {
    let Some(output) = go(&[&*camp.file(folder).to_string_lossy(), camp.told(key).trim()]) else {
        return;
    };
    let theirs = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && theirs.contains(words), "{folder}: {theirs}");
    let ours = camp.bare(&format!("audit log check {folder} --log-key {key}"));
    assert_eq!(ours.code, Some(1), "{folder}: {}{}", ours.out, ours.err);
    assert!(format!("{}{}", ours.out, ours.err).contains(words), "{}{}", ours.out, ours.err);
}

#[test]
fn programs_of_others_find_a_fork_and_a_header_that_was_left_out() {
    // Two copies of one machine go on: each hands out something else, and the hill hears of both.
    let camp = counter();
    let twin = camp.copied();
    for (camp, name, rice) in [(&camp, "one", 1), (&twin, "two", 2)] {
        camp.run(&format!("pay charge --family 1 --item Rice={rice}")).fine();
        fs::create_dir(camp.file(name)).expect("folder");
        camp.run(&format!("bundle export --to hill --out {name}")).fine();
    }
    fs::create_dir(camp.file("two")).expect("folder");
    crate::camp::copy_tree(&twin.file("two"), &camp.file("two"));
    for name in ["one", "two"] {
        camp.run(&format!("bundle import {name} --dir hill"));
    }
    camp.run("audit log publish hill.log --dir hill --key-out hill.key").fine();
    both_find(&camp, "hill.log", "hill.key", "has forked");

    // A log whose key leaves out a header that others follow, or puts it in as the last of its feed.
    for n in 1..=3 {
        camp.run("pay charge --family 1 --item Rice=0.1").fine();
        camp.run(&format!("audit export sealed-{n}.audit --seal")).fine();
    }
    let node = camp.node("lake");
    let leaves = known(node.store()).expect("headers");
    let writer = node.signing_key(Name::NodeSigning).expect("its own key");
    drop(node);
    let middle = leaves.windows(3).position(|three| {
        three.iter().all(|leaf| leaf.feed == three[0].feed) && three[0].header.seq == 0
    });
    let middle = middle.expect("a feed of three blocks") + 1;
    let mut short = leaves.clone();
    short.remove(middle);
    signed(&camp, "whole", &leaves);
    assert!(
        go(&[&*camp.file("whole.log").to_string_lossy(), camp.told("whole.key").trim()])
            .is_none_or(|output| output.status.success())
    );
    camp.bare("audit log check whole.log --log-key whole.key").fine();
    signed(&camp, "short", &short);
    both_find(&camp, "short.log", "short.key", "left out");

    // And one of which a block begins where nobody ended, signed by whom the feed is.
    let mut astray = leaves;
    let leaf = &mut astray[middle];
    leaf.header.before = Hash([98; 32]);
    let scope: [&[u8]; 2] = [&leaf.federation.0.0, &leaf.feed.bytes()];
    leaf.signature = writer.sign(Context::Header, &scope, &wire::encode(&leaf.header));
    assert_eq!(leaf.feed.node, writer.public());
    signed(&camp, "astray", &astray);
    both_find(&camp, "astray.log", "astray.key", "does not continue");
}

/// Writes a log of these leaves under a key of its own, as a publisher that lies would.
fn signed(camp: &Camp, name: &str, leaves: &[Leaf]) {
    let key = SigningKey::from_seed(&[7; 32]);
    let named = NoteKey::new("camp.example/log", Says::Log, key.public()).expect("a name");
    let store = Store::create(&camp.file(&format!("{name}.store"))).expect("a store");
    let by = Publisher {
        named: &named,
        key: &key,
        federation: leaves[0].federation,
        node: leaves[0].feed.node,
        transport: &key,
    };
    let folder = LogFolder::at(&camp.file(&format!("{name}.log")));
    publish(&store, &folder, &by, leaves).expect("it is written");
    camp.write(&format!("{name}.key"), format!("{named}\n"));
}
