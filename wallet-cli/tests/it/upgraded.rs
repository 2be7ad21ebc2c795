//! Folders that earlier versions of the program wrote, opened by this one: `tests/data/stores/` (tests/README.md).

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rusqlite::Connection;
use serde_json::Value;

use crate::camp::{Answer, Camp, split};
use crate::running::until;

/// The morning after they were written, milliseconds since 1970.
const NOW: &str = "1795507200000";

/// A camp as an earlier version left it.
struct Old {
    camp: Camp,
    schema: i64,
    /// What that program said of it, last of all.
    told: Value,
}

impl Old {
    fn new(schema: i64) -> Self {
        let camp = Camp::empty();
        let packed = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("../tests/data/stores/schema-{schema}.zip"));
        let packed = fs::File::open(packed).expect("a camp of that time");
        let mut packed = zip::ZipArchive::new(packed).expect("packed");
        packed.extract(camp.path()).expect("unpacked");
        for dir in ["lake", "treasury", "heads"] {
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                let only = PermissionsExt::from_mode(0o700);
                fs::set_permissions(camp.file(dir), only).expect("this user's alone");
                // As the programs of that time left it, under the usual shell.
                let ledger = camp.file(dir).join("ledger.db");
                if ledger.exists() {
                    fs::set_permissions(ledger, PermissionsExt::from_mode(0o644)).expect("a mode");
                }
            }
        }
        let told: Value = serde_json::from_str(&camp.told("told.json")).expect("JSON");
        assert_eq!(told["schema"], schema);
        Self { camp, schema, told }
    }

    fn run(&self, words: &str) -> Answer {
        let mut command = self.camp.command(split(words));
        command.args(["--passphrase-file", "pass.txt"]).env("ANNONA_NOW", NOW);
        Answer::of(words, command.output().expect("the program runs"))
    }

    /// The schema of a node's ledger, and whether it is whole.
    fn found(&self, file: &str) -> (i64, String) {
        let conn = Connection::open(self.camp.file(file)).expect("opens");
        let found = conn.pragma_query_value(None, "user_version", |r| r.get(0)).expect("one");
        (found, conn.query_row("PRAGMA integrity_check", [], |r| r.get(0)).expect("one"))
    }

    fn copy(&self, dir: &str) -> String {
        format!("{dir}/ledger.db.schema-{}", self.schema)
    }

    /// Panics unless doctor finds all well, and the state that was there before.
    #[track_caller]
    fn is_well(&self, dir: &str) {
        let said = self.run(&format!("doctor --full --rebuild --dir {dir}")).fine();
        let root = self.told[dir]["root"].as_str().expect("a root");
        assert!(said.out.contains(&format!("made anew, the same: {root}")), "{}", said.out);
        assert!(!said.out.contains("WRONG"), "{}", said.out);
    }

    /// Panics unless everybody has what she had.
    #[track_caller]
    fn stands_as_before(&self) {
        for dir in ["lake", "treasury"] {
            let said = self.run(&format!("status --dir {dir} --json")).fine();
            let mut said: Value = serde_json::from_str(&said.out).expect("JSON");
            // What a pool is made of was not told then.
            for pool in said["pools"].as_array_mut().into_iter().flatten() {
                let parts = ["budget", "float", "for_families", "reserve"];
                let told = pool.as_object_mut().expect("an object");
                assert!(parts.iter().all(|part| told.remove(*part).is_some()), "{told:?}");
            }
            for what in ["node", "entries", "pools"] {
                assert_eq!(said[what], self.told[dir][what], "{dir} {what}");
            }
        }
        for (family, lines) in (1..).zip(self.told["balances"].as_array().expect("families")) {
            for line in lines.as_array().expect("commodities") {
                let had = (line["commodity"].as_i64(), line["units"].as_i64());
                assert!(self.units(family).contains(&had), "{family}: {line}");
            }
        }
    }

    fn units(&self, family: u8) -> Vec<(Option<i64>, Option<i64>)> {
        let said = self.run(&format!("entitle balance {family} --json")).fine();
        let of = |line: &Value| (line["commodity"].as_i64(), line["units"].as_i64());
        said.lines().iter().map(of).collect()
    }
}

fn goes_on(old: &Old) {
    for dir in ["lake", "treasury"] {
        // Who only reads says what to do, and changes nothing.
        let said = old.run(&format!("status --dir {dir}")).fails(5, "of an earlier version");
        assert!(said.err.contains("annona doctor"), "{}", said.err);
        assert_eq!(old.found(&format!("{dir}/ledger.db")).0, old.schema);
        let before = old.found(&format!("{dir}/ledger.db"));
        old.is_well(dir);
        assert_eq!(old.found(&old.copy(dir)), before, "the copy is the ledger as it was");
        assert_ne!(old.found(&format!("{dir}/ledger.db")).0, old.schema);
        old.run(&format!("doctor --dir {dir}")).fine();
    }
    old.stands_as_before();
    if old.camp.file("cancelled.txt").exists() {
        let conn = Connection::open(old.camp.file("lake/ledger.db")).expect("opens");
        let placed: Vec<i64> = conn
            .prepare("SELECT at FROM cancelled")
            .and_then(|mut asked| asked.query_map([], |r| r.get(0))?.collect())
            .expect("cancellations");
        assert!(matches!(placed[..], [at] if at >= 0), "where it was said is known: {placed:?}");
        let code = old.camp.told("cancelled.txt");
        old.run(&format!("card check {code}")).fails(5, "no family here has this code");
    }
    // People and their cards are known as before, and served.
    assert!(old.run("family show 1").fine().out.contains("Noor"));
    let code = old.camp.told("code.txt");
    assert_eq!(old.run(&format!("card check {code} --json")).fine().field(0, "family"), "1");
    old.run("pay charge --family 1 --item Rice=0.5 --method sight").fine();
    old.run("pay charge --family 1 --item Rice=40").fails(5, "");
    let receipt = format!("pay receipt {} --out noor.receipt", old.camp.told("name.txt").trim());
    old.run(&receipt).fine();
    if old.camp.file("pin.txt").exists() {
        old.camp.write("wrong.txt", "771204");
        let by_pin = "pay charge --family 2 --item Rice=1 --method pin --pin-file";
        old.run(&format!("{by_pin} wrong.txt")).fails(5, "2 more before it waits");
        old.run(&format!("{by_pin} pin.txt")).fine();
        old.run(&format!("{by_pin} pin.txt")).fine();
    }
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    old.camp.write("told.family", "member: full_name=Sara\n");
    old.run(&format!("family add --from told.family --key B1-004 {mara}")).fine();
    old.run(&format!("card cancel {code} {mara}")).fine();
    // A stick that the earlier program filled is taken in, and one of today brings the rest.
    let entries = |dir| -> u64 {
        let said = old.run(&format!("status --dir {dir} --json")).fine();
        said.field(0, "entries").parse().expect("a number")
    };
    let before = entries("treasury");
    old.run("bundle import stick --dir treasury").fine();
    let between = entries("treasury");
    assert!(between > before, "{before}, {between}");
    fs::create_dir(old.camp.file("later")).expect("a folder");
    old.run("bundle export --dir lake --to treasury --out later").fine();
    old.run("bundle import later --dir treasury").fine();
    assert!(entries("treasury") > between);
    for dir in ["lake", "treasury"] {
        old.run(&format!("doctor --full --rebuild --dir {dir}")).fine();
    }
}

#[test]
fn a_folder_of_schema_1_goes_on() {
    goes_on(&Old::new(1));
}

#[test]
fn a_folder_of_schema_2_goes_on() {
    goes_on(&Old::new(2));
}

#[test]
fn a_folder_of_schema_3_goes_on() {
    goes_on(&Old::new(3));
}

#[test]
fn a_folder_of_schema_4_goes_on() {
    goes_on(&Old::new(4));
}

#[test]
fn a_folder_of_schema_5_goes_on() {
    goes_on(&Old::new(5));
}

#[test]
fn killed_between_the_copy_and_the_upgrade_nothing_is_lost() {
    for schema in 1..=5 {
        let old = Old::new(schema);
        let ledger = old.camp.file("lake/ledger.db");
        // Somebody else writes: the copy can be made, and nothing can be changed.
        let holds = Connection::open(&ledger).expect("opens");
        holds.execute_batch("BEGIN IMMEDIATE").expect("held");
        let mut command = old.camp.command(split("doctor --dir lake"));
        command.args(["--passphrase-file", "pass.txt"]).env("ANNONA_NOW", NOW);
        let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("the program runs");
        let copy = old.camp.file(&old.copy("lake"));
        until("the copy is there", || copy.exists());
        child.kill().expect("killed");
        child.wait().expect("ended");
        holds.execute_batch("ROLLBACK").expect("given back");
        drop(holds);
        let whole = (schema, "ok".to_owned());
        assert_eq!(old.found("lake/ledger.db"), whole);
        assert_eq!(old.found(&old.copy("lake")), whole);
        for dir in ["lake", "treasury"] {
            old.is_well(dir);
        }
        assert_eq!(old.found(&old.copy("lake")), whole);
        old.stands_as_before();
        old.run("pay charge --family 1 --item Rice=0.5 --method sight").fine();
    }
}

#[test]
fn what_no_program_of_today_opens_says_what_to_do() {
    let old = Old::new(4);
    let ledger = old.camp.file("lake/ledger.db");
    for (schema, says) in [(0, "annona init"), (7, "newer")] {
        let conn = Connection::open(&ledger).expect("opens");
        conn.pragma_update(None, "user_version", schema).expect("written");
        drop(conn);
        let bytes = fs::read(&ledger).expect("a file");
        for words in ["doctor --dir lake", "pay charge --family 1 --item Rice=0.5"] {
            let said = old.run(words);
            assert_ne!(said.code, Some(0));
            assert!(said.err.contains(says), "{words}: {}", said.err);
        }
        assert_eq!(fs::read(&ledger).expect("a file"), bytes, "nothing was changed");
        assert!(!old.camp.file(&format!("lake/ledger.db.schema-{schema}")).exists());
    }
}
