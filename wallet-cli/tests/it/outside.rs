//! The log for outsiders, through the program, and checked by a program of others.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

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
    camp.run(cosign).fails(1, "checkpoint");
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
