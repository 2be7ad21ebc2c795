use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};

use super::*;

const FEDERATION: [u8; 32] = [7; 32];

pub(super) fn key(n: u8) -> Key {
    Key::take(&mut [n; 32])
}

fn members(names: &[&str]) -> Vec<Zeroizing<Vec<u8>>> {
    names.iter().map(|n| Zeroizing::new(n.as_bytes().to_vec())).collect()
}

pub(super) struct Place {
    pub(super) folder: tempfile::TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("folder") }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("people.db")
    }

    pub(super) fn vault(&self) -> Vault {
        Vault::create(&self.path(), &key(1)).expect("create")
    }

    pub(super) fn open(&self) -> Result<Vault, VaultFault> {
        Vault::open(&self.path(), &key(1))
    }

    pub(super) fn open_without_keys(&self) -> Vault {
        Vault::open_without_keys(&self.path(), &key(1), &[]).expect("opens")
    }

    /// Every byte of every file in the folder.
    fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.folder.path()).expect("list") {
            all.extend(fs::read(entry.expect("entry").path()).expect("read"));
        }
        all
    }
}

#[test]
fn a_person_file_is_hardened() {
    let place = Place::new();
    drop(place.vault());
    crate::disk::is_hardened(&file::connect(&place.path()).expect("it opens"), 2);
}

fn holds(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|w| w == needle)
}

pub(super) fn add(vault: &mut Vault, key: &str, names: &[&str]) -> HouseholdId {
    let mut txn = vault.begin().expect("begin");
    let body = format!("household of {key}");
    let id = txn
        .add("camp-file", key.as_bytes(), [key.len() as u8; 32], body.as_bytes(), &members(names))
        .expect("add");
    txn.commit().expect("commit");
    id
}

#[test]
fn what_is_stored_is_found_again_after_reopening_and_lies_nowhere_in_the_clear() {
    let place = Place::new();
    let mut vault = place.vault();
    let id = add(&mut vault, "NID-784-1990-1234567", &["Amina Yusuf", "أمينة", "ሰላም"]);
    let mut txn = vault.begin().expect("begin");
    let pseudonym = txn.mark_enrolled(id, 3, &FEDERATION).expect("enrol");
    txn.set_card(id, b"K7F3-9QX2").expect("card");
    txn.commit().expect("commit");
    let bytes = place.bytes();
    for secret in [
        b"NID-784-1990-1234567".as_slice(),
        b"camp-file",
        b"Amina",
        "أمينة".as_bytes(),
        b"K7F3-9QX2",
        &pseudonym,
        &[20; 32],
    ] {
        assert!(!holds(&bytes, secret), "{:?} is in the file", String::from_utf8_lossy(secret));
    }
    drop(vault);

    let vault = place.open().expect("open");
    let found = vault.find("camp-file", b"NID-784-1990-1234567").expect("find").expect("there");
    assert_eq!(found, Found { id, digest: Some([20; 32]), enrolled: true });
    let stored = vault.household(id).expect("household");
    assert_eq!(stored.household.as_slice(), b"household of NID-784-1990-1234567");
    assert_eq!(stored.members.len(), 3);
    assert_eq!(stored.members[2].as_slice(), "ሰላም".as_bytes());
    assert_eq!(vault.find_by_pseudonym(3, pseudonym).expect("find"), Some(id));
    assert_eq!(vault.find_by_pseudonym(4, pseudonym).expect("find"), None, "another programme");
    assert_eq!(vault.household_by_card(b"K7F3-9QX2").expect("find"), Some(id));
    assert_eq!(vault.find("other-file", b"NID-784-1990-1234567").expect("find"), None);
    assert_eq!(vault.verify().expect("whole"), 1);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        for entry in fs::read_dir(place.folder.path()).expect("list") {
            let entry = entry.expect("entry");
            let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", entry.file_name());
        }
    }
}

#[test]
fn a_correction_keeps_number_and_pseudonyms_and_destroys_the_old_records() {
    let place = Place::new();
    let mut vault = place.vault();
    let id = add(&mut vault, "a", &["one", "two", "three"]);
    let before = vault.pseudonym(id, 1, &FEDERATION).expect("pseudonym");
    let mut txn = vault.begin().expect("begin");
    txn.replace(id, [9; 32], b"corrected", &members(&["one"])).expect("replace");
    txn.commit().expect("commit");
    let stored = vault.household(id).expect("household");
    assert_eq!((stored.digest, stored.members.len()), ([9; 32], 1));
    assert_eq!(stored.household.as_slice(), b"corrected");
    assert_eq!(vault.pseudonym(id, 1, &FEDERATION).expect("pseudonym"), before);
    assert_ne!(vault.pseudonym(id, 2, &FEDERATION).expect("pseudonym"), before);
    assert_ne!(vault.pseudonym(id, 1, &[8; 32]).expect("pseudonym"), before);
    assert_eq!(vault.rows().live_keys().expect("reads").len(), 2);
}

#[test]
fn nothing_is_kept_of_a_set_that_is_not_committed_or_failed() {
    let place = Place::new();
    let mut vault = place.vault();
    let mut txn = vault.begin().expect("begin");
    let id = txn.add("f", b"a", [0; 32], b"x", &[]).expect("add");
    assert!(txn.find("f", b"a").expect("find").is_some(), "seen inside");
    assert!(
        matches!(txn.add("f", b"a", [0; 32], b"x", &[]), Err(VaultFault::Known { id: i }) if i == id)
    );
    drop(txn);
    assert_eq!(vault.count().expect("count"), 0);

    let id = add(&mut vault, "a", &["one"]);
    let long = vec![0; MAX_RECORD + 1];
    let many = vec![Zeroizing::new(vec![1]); MAX_MEMBERS + 1];
    let mut txn = vault.begin().expect("begin");
    for (household, members) in [(long.as_slice(), &[][..]), (b"x", &many)] {
        let told = txn.replace(id, [0; 32], household, members);
        assert!(matches!(told, Err(VaultFault::TooLong { .. })));
        assert!(matches!(
            txn.add("f", b"b", [0; 32], household, members),
            Err(VaultFault::TooLong { .. })
        ));
    }
    assert!(matches!(txn.add("f\0", b"b", [0; 32], b"", &[]), Err(VaultFault::BadSource)));
    assert!(matches!(txn.add("", b"b", [0; 32], b"", &[]), Err(VaultFault::BadSource)));
    let most = vec![Zeroizing::new(vec![1]); MAX_MEMBERS];
    let big = txn.add("f", &[7; MAX_HANDLE], [0; 32], &long[1..], &most).expect("at the limits");
    txn.commit().expect("commit");
    assert_eq!(vault.household(big).expect("open").members.len(), MAX_MEMBERS);
    assert_eq!(vault.household(id).expect("untouched").members[0].as_slice(), b"one");
}

#[test]
fn paging_and_pending_walk_everyone_once() {
    let place = Place::new();
    let mut vault = place.vault();
    let ids: Vec<_> = (0..7).map(|n| add(&mut vault, &format!("k{n}"), &[])).collect();
    let mut txn = vault.begin().expect("begin");
    for id in [ids[1], ids[4], ids[4]] {
        txn.mark_enrolled(id, 2, &FEDERATION).expect("enrol, and again");
    }
    txn.commit().expect("commit");
    let mut seen = Vec::new();
    while let page = vault.pending(2, seen.last().copied(), 2).expect("page")
        && !page.is_empty()
    {
        seen.extend(page);
    }
    assert_eq!(seen, [ids[0], ids[2], ids[3], ids[5], ids[6]]);
    assert_eq!(vault.pending(3, None, 100).expect("page"), ids);
    assert_eq!(vault.all(Some(ids[4]), 100).expect("page"), ids[5..]);
    assert_eq!(vault.all(Some(HouseholdId(u64::MAX)), 100).expect("page"), []);
    assert_eq!(vault.count().expect("count"), 7);
    assert!(!vault.find("camp-file", b"k0").expect("find").expect("there").enrolled);
}

#[test]
fn a_card_belongs_to_one_household_until_taken_back() {
    let place = Place::new();
    let mut vault = place.vault();
    let (a, b) = (add(&mut vault, "a", &[]), add(&mut vault, "b", &[]));
    let mut txn = vault.begin().expect("begin");
    txn.set_card(a, b"CODE").expect("give");
    txn.set_card(a, b"CODE").expect("again");
    assert!(matches!(txn.set_card(b, b"CODE"), Err(VaultFault::CardTaken { held }) if held == a));
    assert!(matches!(txn.set_card(HouseholdId(99), b"X"), Err(VaultFault::NotFound { .. })));
    assert!(txn.drop_card(b"CODE").expect("drop"));
    assert!(!txn.drop_card(b"CODE").expect("drop again"));
    txn.set_card(b, b"CODE").expect("give to b");
    txn.commit().expect("commit");
    assert_eq!(vault.household_by_card(b"CODE").expect("find"), Some(b));
}

#[test]
fn erased_means_no_byte_of_key_or_record_is_left_and_the_others_open() {
    let place = Place::new();
    let mut vault = place.vault();
    let ids: Vec<_> =
        (0..200).map(|n| add(&mut vault, &format!("k{n}"), &["one", "two"])).collect();
    let gone = ids[77];
    let column = |vault: &Vault, sql: &str| -> Vec<Vec<u8>> {
        let mut statement = vault.connection.prepare(sql).expect("prepare");
        let range = [gone.0 as i64 * 256, gone.0 as i64 * 256 + 255];
        let rows = statement.query_map(range, |r| r.get(0)).expect("query");
        rows.map(|r| r.expect("row")).collect()
    };
    let mut traces = column(&vault, "SELECT sealed FROM body WHERE slot BETWEEN ?1 AND ?2");
    let secrets = vault.secrets_of(gone).into_iter();
    traces.extend(secrets.filter(|(what, _)| *what == "sealed key").map(|(_, bytes)| bytes));
    assert_eq!(traces.len(), 6);
    assert!(traces.iter().all(|t| holds(&place.bytes(), t)), "they are there before");
    let mut txn = vault.begin().expect("begin");
    let pseudonym = txn.mark_enrolled(gone, 1, &FEDERATION).expect("enrol");
    txn.set_card(gone, b"CARD").expect("card");
    txn.commit().expect("commit");

    vault.erase(gone).expect("erase");
    let bytes = place.bytes();
    for trace in &traces {
        assert!(!holds(&bytes, &trace[..32]), "the start of a sealed value is left");
        assert!(!holds(&bytes, &trace[trace.len() - 32..]), "the end of a sealed value is left");
    }
    assert!(matches!(vault.household(gone), Err(VaultFault::NotFound { .. })));
    assert!(matches!(vault.erase(gone), Err(VaultFault::NotFound { .. })));
    assert_eq!(vault.find_by_pseudonym(1, pseudonym).expect("find"), None);
    assert_eq!(vault.household_by_card(b"CARD").expect("find"), None);
    assert_eq!(vault.verify().expect("whole"), 199);
    let last = *ids.last().expect("some");
    vault.erase(last).expect("erase the newest");
    assert!(add(&mut vault, "new", &[]) > last, "numbers are never given again");
}

#[test]
fn a_row_moved_or_kept_from_before_does_not_open() {
    // Each line is what somebody with the file and an SQL prompt, but without the key, might try.
    for (tampering, what) in [
        (
            "UPDATE body SET key = (SELECT key FROM body WHERE slot = 512) WHERE slot = 256",
            "key of another",
        ),
        (
            "UPDATE body SET sealed = (SELECT sealed FROM body WHERE slot = 513) WHERE slot = 257",
            "member of another",
        ),
        (
            "UPDATE body SET sealed = (SELECT sealed FROM body WHERE slot = 258) WHERE slot = 257",
            "members exchanged",
        ),
        ("UPDATE body SET sealed = x'00' WHERE slot = 256", "cut"),
        ("UPDATE body SET sealed = zeroblob(100000000) WHERE slot = 256", "100 MB"),
        (
            "UPDATE household SET head = (SELECT head FROM household WHERE id = 2) WHERE id = 1",
            "head of another",
        ),
        ("UPDATE household SET source = randomblob(32) WHERE id = 1", "another registration key"),
        ("UPDATE household SET source = x'01' WHERE id = 1", "short registration key"),
        ("DELETE FROM body WHERE slot = 258", "member dropped"),
        ("UPDATE body SET key = 0 WHERE slot = 257", "key dropped"),
        ("UPDATE body SET key = -1 WHERE slot = 257", "no number"),
        ("UPDATE body SET key = 9223372036854775807 WHERE slot = 257", "a number beyond the file"),
        (
            "UPDATE body SET sealed = (SELECT sealed FROM old_body WHERE slot = 257),
                 key = (SELECT key FROM old_body WHERE slot = 257) WHERE slot = 257",
            "from before",
        ),
    ] {
        let place = Place::new();
        let mut vault = place.vault();
        let id = add(&mut vault, "a", &["one", "two"]);
        add(&mut vault, "b", &["uno", "dos"]);
        let keep = "CREATE TABLE old_body AS SELECT * FROM body;";
        vault.connection.execute_batch(keep).expect("keep a copy");
        let mut txn = vault.begin().expect("begin");
        txn.replace(id, [1; 32], b"new", &members(&["one", "two"])).expect("replace");
        txn.commit().expect("commit");
        assert!(vault.household(id).is_ok(), "{what}: whole before");
        vault.connection.execute_batch(tampering).expect("tamper");
        let told = vault.household(id).err().expect(what);
        let named = matches!(told, VaultFault::Damaged { .. } | VaultFault::NoKey { .. });
        assert!(named, "{what}: {told}");
        assert!(vault.verify().is_err(), "{what}");
        assert!(vault.household(HouseholdId(2)).is_ok(), "{what}: the other still opens");
    }
}

#[test]
fn exchanged_cards_and_enrolments_are_noticed() {
    let place = Place::new();
    let mut vault = place.vault();
    let (a, b) = (add(&mut vault, "a", &[]), add(&mut vault, "b", &[]));
    let mut txn = vault.begin().expect("begin");
    txn.set_card(a, b"A").expect("card");
    txn.set_card(b, b"B").expect("card");
    let pseudonym = txn.mark_enrolled(a, 1, &FEDERATION).expect("enrol");
    txn.commit().expect("commit");
    let exchange = "UPDATE card SET household = 3 - household; UPDATE enrolment SET household = 2";
    vault.connection.execute_batch(exchange).expect("tamper");
    assert!(matches!(vault.household_by_card(b"A"), Err(VaultFault::Damaged { .. })));
    assert!(matches!(vault.find_by_pseudonym(1, pseudonym), Err(VaultFault::Damaged { .. })));
}

#[test]
fn what_cannot_be_opened_is_told_apart() {
    let place = Place::new();
    let path = place.path();
    assert!(matches!(place.open(), Err(VaultFault::Disk(_))), "missing");
    let mut vault = place.vault();
    for n in 0..300 {
        add(&mut vault, &format!("k{n}"), &["one"]);
    }
    vault.scrub().expect("one file");
    drop(vault);
    assert!(matches!(Vault::create(&path, &key(1)), Err(VaultFault::Disk(_))), "taken");
    assert!(matches!(Vault::open(&path, &key(2)), Err(VaultFault::WrongKey { .. })));
    let whole = fs::read(&path).expect("read");

    for (bytes, what) in [
        (&b""[..], "empty"),
        (b"SQLite", "short"),
        (b"PK\x03\x04 a spreadsheet, not a vault", "spreadsheet"),
        (&[0; 4096], "zeros"),
    ] {
        fs::write(&path, bytes).expect("write");
        assert!(matches!(place.open(), Err(VaultFault::NotAVault { .. })), "{what}");
    }
    fs::remove_file(&path).expect("remove");
    Connection::open(&path).expect("open").execute_batch("CREATE TABLE t (x)").expect("foreign");
    assert!(matches!(place.open(), Err(VaultFault::NotAVault { .. })), "another program's");

    for cut in [17, 100, 4096, 8192, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).expect("write");
        let told = place.open().and_then(|v| v.verify().map(drop)).expect_err("cut");
        assert!(matches!(told, VaultFault::Damaged { .. }), "cut at {cut}: {told}");
    }

    fs::write(&path, &whole).expect("write");
    let say = |version: i64| {
        let other = Connection::open(&path).expect("open");
        other.pragma_update(None, "user_version", version).expect("another version");
    };
    say(5);
    assert!(matches!(place.open(), Err(VaultFault::Newer { found: 5, known: 4, .. })));
    say(1);
    let told = place.open().err().expect("heads were shorter then");
    assert!(matches!(told, VaultFault::Older { found: 1, known: 4, .. }));
    assert!(told.to_string().contains("annona family import"), "{told}");
    say(4);
    assert!(place.open().is_ok(), "asking changed nothing");
}

#[test]
fn a_spoilt_page_is_a_fault_and_never_a_wrong_record() {
    let place = Place::new();
    let mut vault = place.vault();
    for n in 0..60 {
        add(&mut vault, &format!("k{n}"), &["one"]);
    }
    vault.scrub().expect("one file");
    drop(vault);
    let path = place.path();
    let size = fs::metadata(&path).expect("metadata").len();
    let mut noticed = 0;
    for page in 1..size / 4096 {
        let mut file = OpenOptions::new().read(true).write(true).open(&path).expect("open");
        let mut kept = [0; 4096];
        file.seek(SeekFrom::Start(page * 4096)).expect("seek");
        file.read_exact(&mut kept).expect("read");
        file.seek(SeekFrom::Start(page * 4096)).expect("seek");
        file.write_all(&[0xa5; 4096]).expect("spoil");
        let told = place.open().and_then(|v| v.verify());
        if let Err(e) = told {
            assert!(matches!(e, VaultFault::Damaged { .. }), "page {page}: {e}");
            noticed += 1;
        }
        file.seek(SeekFrom::Start(page * 4096)).expect("seek");
        file.write_all(&kept).expect("mend");
    }
    assert_eq!(noticed, size / 4096 - 1, "every page of a compact file is in use");
    assert_eq!(place.open().expect("open").verify().expect("whole again"), 60);
}

#[test]
fn a_full_disk_is_named_and_keeps_what_was_there() {
    let place = Place::new();
    let mut vault = place.vault();
    let id = add(&mut vault, "a", &["one"]);
    let pages: i64 =
        vault.connection.pragma_query_value(None, "page_count", |r| r.get(0)).expect("page count");
    // SQLite reports a database at its page limit exactly as it reports a full disk.
    let limit = |v: &Vault, n: i64| {
        v.connection
            .pragma_update_and_check(None, "max_page_count", n, |r| r.get::<_, i64>(0))
            .expect("limit")
    };
    limit(&vault, pages);
    let mut txn = vault.begin().expect("begin");
    let big = vec![3; MAX_RECORD];
    let told = txn.add("f", b"b", [0; 32], &big, &[]).expect_err("full");
    assert!(told.to_string().contains("the disk is full"), "{told}");
    assert!(matches!(txn.commit(), Err(VaultFault::Broken)));
    limit(&vault, 1 << 20);
    assert_eq!(vault.verify().expect("whole"), 1);
    assert_eq!(vault.household(id).expect("open").members[0].as_slice(), b"one");
}

#[test]
fn an_interrupted_creation_leaves_no_vault_and_is_made_again() {
    let place = Place::new();
    fs::write(place.folder.path().join("people.db.new"), b"half").expect("leftover");
    let vault = place.vault();
    assert_eq!(vault.count().expect("count"), 0);
    assert!(!place.folder.path().join("people.db.new").exists());
}

#[test]
fn a_power_cut_keeps_every_committed_set_and_no_part_of_another() {
    let place = Place::new();
    let mut vault = place.vault();
    // What a power cut leaves are the files as they are, with no process to close them.
    let cut = |what: &str| {
        let after = tempfile::tempdir().expect("folder");
        for name in ["people.db", "people.db-wal", "people.keys"] {
            fs::copy(place.folder.path().join(name), after.path().join(name)).expect(what);
        }
        let reopened = Vault::open(&after.path().join("people.db"), &key(1)).expect(what);
        reopened.verify().expect(what)
    };
    let mut kept = 0;
    for n in 0..6u8 {
        let mut txn = vault.begin().expect("begin");
        for m in 0..50u8 {
            txn.add("f", &[n, m], [n; 32], &[7; 9000], &members(&["one"])).expect("add");
        }
        // Large enough that SQLite has written pages of the open set to the log already.
        assert_eq!(cut("in the middle of a set"), kept);
        txn.commit().expect("commit");
        kept += 50;
        assert_eq!(cut("after a commit"), kept);
    }
    // A log cut where it was already synced is a lying disk: sets behind the cut may go, whole, or the damage is told.
    let (db, wal) = (place.path(), place.folder.path().join("people.db-wal"));
    let whole = fs::read(&wal).expect("read");
    for part in 0..8 {
        let after = tempfile::tempdir().expect("folder");
        fs::copy(&db, after.path().join("people.db")).expect("copy");
        let end = whole.len() * part / 8 + part;
        fs::write(after.path().join("people.db-wal"), &whole[..end]).expect("write");
        fs::copy(place.folder.path().join("people.keys"), after.path().join("people.keys"))
            .expect("copy");
        let reopened = Vault::open(&after.path().join("people.db"), &key(1));
        match reopened.and_then(|v| v.verify()) {
            Ok(found) => assert!(found <= kept && found % 50 == 0, "{found} households"),
            Err(e) => assert!(
                matches!(e, VaultFault::NotAVault { .. } | VaultFault::Damaged { .. }),
                "{e}"
            ),
        }
    }
}

/// Somebody else's program holds the file open for reading: what was deleted stays in the log, and nobody says that it is gone.
#[test]
fn an_erasure_is_not_done_while_another_reads_the_log() {
    let place = Place::new();
    let mut vault = place.vault();
    let id = add(&mut vault, "a", &["one"]);
    let other = Connection::open(place.path()).expect("open");
    other.execute_batch("BEGIN; SELECT count(*) FROM body").expect("reads");
    let busy = vault.erase(id).expect_err("it is read meanwhile");
    assert!(matches!(busy, VaultFault::Disk(_)), "{busy}");
    assert!(vault.keys_due().expect("reads"), "to be done again");
    assert!(
        matches!(vault.household(id), Err(VaultFault::NotFound { .. })),
        "she is gone all the same"
    );
    other.execute_batch("COMMIT").expect("done");
    vault.scrub().expect("nobody reads");
    assert!(!vault.keys_due().expect("reads"));
    assert_eq!(fs::metadata(place.folder.path().join("people.db-wal")).expect("a log").len(), 0);
}

#[test]
fn registers_are_known_by_name_and_named_to_nobody_without_the_key() {
    let place = Place::new();
    let mut vault = place.vault();
    let id = add(&mut vault, "HH-1", &["Amina"]);
    let of = |vault: &Vault, key: &[u8]| vault.register_of(id, key).expect("reads");
    assert_eq!(of(&vault, b"HH-1"), None, "taken in before names were kept");
    let mut txn = vault.begin().expect("begin");
    txn.keep_register("camp-file").expect("kept");
    txn.keep_register("camp-file").expect("again");
    txn.commit().expect("commit");
    drop(vault);
    let mut vault = place.open().expect("opens");
    assert_eq!(Vec::from_iter(vault.registers().expect("reads")), ["camp-file", OWN_SOURCE]);
    assert_eq!(of(&vault, b"HH-1").as_deref(), Some("camp-file"));
    assert_eq!(of(&vault, b"HH-2"), None, "another key");
    assert!(!holds(&place.bytes(), b"camp-file"));
    let mut txn = vault.begin().expect("begin");
    (0..2 * MAX_REGISTERS).for_each(|n| txn.keep_register(&format!("r{n}")).expect("kept"));
    txn.commit().expect("commit");
    assert_eq!(vault.registers().expect("reads").len(), MAX_REGISTERS);
}
