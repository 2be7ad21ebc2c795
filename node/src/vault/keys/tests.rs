//! The key file: written apart, written anew, and what is left when that is interrupted.

use std::fs;

use rusqlite::{Connection, params};

use super::super::tests::{Place as Folder, add, key};
use super::super::{HouseholdId, Vault};
use super::*;
use crate::seal;

/// What the key file and whatever else begins with its name hold.
fn all(folder: &Folder) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder.folder.path()).expect("lists");
    let entries = entries.map(|e| e.expect("an entry"));
    entries
        .map(|e| (e.file_name().to_string_lossy().into_owned(), fs::read(e.path()).expect("reads")))
        .collect()
}

fn key_file(folder: &Folder) -> PathBuf {
    folder.folder.path().join("people.keys")
}

#[test]
fn keys_lie_apart_and_the_person_file_opens_nobody_without_them() {
    let place = Folder::new();
    let mut vault = place.vault();
    let ids: Vec<_> = (0..5).map(|n| add(&mut vault, &format!("أمينة {n}"), &["one"])).collect();
    assert_eq!(vault.keyless().expect("reads"), 0);
    for (what, bytes) in vault.secrets_of(ids[0]) {
        let files = all(&place);
        let holding = files.iter().filter(|(_, file)| file.windows(32).any(|w| w == bytes));
        let holding: Vec<_> = holding.map(|(name, _)| name.as_str()).collect();
        match what {
            "sealed key" => assert_eq!(holding, ["people.keys"]),
            "sealed record" => assert!(holding.iter().all(|name| name.starts_with("people.db"))),
            _ => assert!(holding.is_empty(), "{what} lies in the clear in {holding:?}"),
        }
    }
    drop(vault);
    fs::rename(key_file(&place), place.folder.path().join("elsewhere")).expect("moved");
    let lost = place.open().err().expect("lost");
    assert!(matches!(lost, VaultFault::KeysLost { .. }), "{lost}");
    assert!(!key_file(&place).exists(), "nothing is begun by looking");
    let mut vault = place.open_without_keys();
    assert!(matches!(vault.household(ids[0]), Err(VaultFault::NoKey { .. })));
    assert_eq!(vault.keyless().expect("reads"), 10);
    // What is registered without them opens, and the old keys find their numbers free.
    let later = add(&mut vault, "later", &[]);
    let copy = fs::read(place.folder.path().join("elsewhere")).expect("reads");
    vault.lay_over(&copy).expect("its own");
    assert_eq!(vault.put_keys().expect("put back"), 0);
    for id in ids.iter().chain([&later]) {
        assert!(vault.household(*id).is_ok());
    }
    drop(vault);
    // Another node's, a cut one, and one with a byte changed.
    let whole = fs::read(key_file(&place)).expect("reads");
    for (at, end, wrong_key) in
        [(20, whole.len(), false), (0, 100, false), (60, whole.len(), false)]
    {
        let mut bytes = whole[..end].to_vec();
        if end == whole.len() {
            bytes[at] ^= 1;
        }
        fs::write(key_file(&place), &bytes).expect("written");
        let told = place.open().err().expect("does not open");
        assert_eq!(matches!(told, VaultFault::WrongKey { .. }), wrong_key, "{told}");
    }
    let other = Folder::new();
    drop(other.vault());
    fs::copy(key_file(&other), key_file(&place)).expect("copied");
    assert!(matches!(place.open(), Err(VaultFault::WrongKey { .. })));
}

/// Whatever moment the process is killed at, she is gone and the others open; and the next opening destroys her keys.
#[test]
fn a_rewriting_that_was_interrupted_is_finished_when_it_is_next_opened() {
    let place = Folder::new();
    let mut vault = place.vault();
    let (gone, stays) = (add(&mut vault, "a", &["one"]), add(&mut vault, "b", &["two"]));
    let traces = vault.secrets_of(gone);
    let before = fs::read(key_file(&place)).expect("reads");
    let mut txn = vault.begin().expect("begins");
    txn.erase(gone, &[]).expect("erased");
    txn.commit().expect("kept");
    assert!(vault.keys_due().expect("reads"));
    drop(vault);
    // As the disk is after `kill -9` before the new file took its name: the old one, and half a new one beside it.
    fs::write(key_file(&place), &before).expect("as before");
    let half = place.folder.path().join(".people.keys.0123456789abcdef.annona-tmp");
    fs::write(&half, &before[..before.len() / 2]).expect("half a file");
    let vault = place.open().expect("opens");
    assert!(!vault.keys_due().expect("reads") && !half.exists());
    assert!(matches!(vault.household(gone), Err(VaultFault::NotFound { .. })));
    assert!(vault.household(stays).is_ok());
    for (what, bytes) in traces {
        for (name, file) in all(&place) {
            assert!(!file.windows(32).any(|w| w == bytes), "{what} is in {name}");
        }
    }
    let after = fs::read(key_file(&place)).expect("reads");
    assert_ne!(before[40..112], after[40..112], "another file key");
}

#[cfg(unix)]
#[test]
fn what_was_the_key_file_is_overwritten_and_opens_nobody() {
    let place = Folder::new();
    let mut vault = place.vault();
    let id = add(&mut vault, "a", &["one"]);
    let before = fs::read(key_file(&place)).expect("reads");
    // A second name for the old bytes: what a disk would still have of them.
    let remains = place.folder.path().join("remains");
    fs::hard_link(key_file(&place), &remains).expect("linked");
    vault.erase(id).expect("erased");
    let left = fs::read(&remains).expect("reads");
    assert_eq!((left.len(), left.iter().all(|b| *b == 0)), (before.len(), true));
    // Records of before under the new header, as somebody would put them together who has a disk's free pages.
    let mut mixed = fs::read(key_file(&place)).expect("reads");
    mixed[32..40].copy_from_slice(&before[32..40]);
    let checksum = hash(Purpose::File, &[&mixed[..START]]).0;
    mixed[START..HEADER].copy_from_slice(&checksum);
    mixed.extend_from_slice(&before[HEADER..]);
    let vault_id: [u8; 16] = mixed[16..32].try_into().expect("sixteen");
    fs::write(&remains, &mixed).expect("written");
    let keys = KeyFile::open(&remains, [&key(1)], vault_id).expect("reads").expect("a file");
    let at = Place { number: 1, slot: 256 };
    assert!(keys.sealed(at).expect("reads").is_some() && keys.get(at).expect("reads").is_none());
}

#[test]
fn a_set_that_was_not_kept_leaves_no_key_that_is_used() {
    let place = Folder::new();
    let mut vault = place.vault();
    let first = add(&mut vault, "a", &["one"]);
    let mut txn = vault.begin().expect("begins");
    txn.add("f", b"b", [0; 32], b"left", &[]).expect("added");
    drop(txn);
    let length = fs::metadata(key_file(&place)).expect("there").len();
    assert_eq!(length, (HEADER + 2 * RECORD) as u64, "nothing was written of it");
    // Killed after the key and before the row, in the middle of a record.
    let mut bytes = fs::read(key_file(&place)).expect("reads");
    bytes.extend_from_slice(&[7; RECORD + 30]);
    fs::write(key_file(&place), &bytes).expect("written");
    let second = add(&mut vault, "c", &["two"]);
    for id in [first, second] {
        assert!(vault.household(id).is_ok());
    }
    let mut txn = vault.begin().expect("begins");
    txn.replace(first, [1; 32], b"corrected", &[]).expect("replaced");
    assert!(txn.pseudonym(first, 1, &[7; 32]).is_ok(), "seen before it is kept");
    drop(txn);
    assert_eq!(vault.household(first).expect("opens").members.len(), 1, "as it was");
}

/// A person file of version 3, whose keys lay in a table: they move out, and nothing of them is left in it.
#[test]
fn an_older_person_file_gives_up_its_keys() {
    for interrupted in [false, true] {
        let place = Folder::new();
        let mut vault = place.vault();
        let ids: Vec<_> = (0..30).map(|n| add(&mut vault, &format!("k{n}"), &["x", "y"])).collect();
        let mut txn = vault.begin().expect("begins");
        txn.put_paper(ids[3], b"a consent", b"yes").expect("kept");
        txn.commit().expect("kept");
        // As it was: keys in a table, sealed for their slot, and no file.
        let id = *vault.id();
        let rows: Vec<(i64, Vec<u8>)> = vault
            .rows()
            .live_keys()
            .expect("reads")
            .into_iter()
            .map(|place| {
                let found = vault.keys.get(place).expect("reads").expect("a key");
                let of =
                    [b"annona 2026 v1 vault data key".as_slice(), &id, &place.slot.to_le_bytes()];
                (place.slot, key(1).seal(&of.concat(), found.expose()).expect("sealed"))
            })
            .collect();
        drop(vault);
        fs::remove_file(key_file(&place)).expect("removed");
        let older = Connection::open(place.path()).expect("opens");
        older
            .execute_batch(
                "ALTER TABLE body DROP COLUMN key; DROP TABLE copy; PRAGMA user_version=3;
                 CREATE TABLE data_key (slot INTEGER PRIMARY KEY, sealed BLOB NOT NULL) STRICT;",
            )
            .expect("as it was");
        for (slot, sealed) in rows.iter().skip(3) {
            let sql = "INSERT INTO data_key VALUES (?1, ?2)";
            older.execute(sql, params![slot, sealed]).expect("a row");
        }
        drop(older);
        if interrupted {
            fs::write(key_file(&place), b"half").expect("written");
        }
        // Three had gone into a second file, as a backup had it.
        Vault::put_older_keys(&place.path(), &rows[..3]).expect("put back");
        let vault = place.open().expect("brought up to date");
        assert_eq!((vault.verify().expect("opens"), vault.keyless().expect("reads")), (30, 0));
        assert_eq!(vault.papers(ids[3]).expect("opens").len(), 1);
        for (name, file) in all(&place) {
            let left = rows.iter().any(|(_, sealed)| file.windows(72).any(|w| w == sealed));
            assert!(!left, "a key as it lay is in {name}");
        }
        drop(vault);
        let mut vault = place.open().expect("opens again");
        vault.erase(HouseholdId(7)).expect("erased");
        assert_eq!(vault.verify().expect("opens"), 29);
    }
}

#[test]
fn a_full_disk_destroys_nothing_that_is_needed_and_says_so() {
    let place = Folder::new();
    let mut vault = place.vault();
    let (gone, stays) = (add(&mut vault, "a", &["one"]), add(&mut vault, "b", &["two"]));
    // Where the new file cannot be written, the old one stays, and who was erased is gone all the same.
    let folder = place.folder.path().to_owned();
    let aside = folder.join("aside");
    fs::rename(key_file(&place), &aside).expect("moved");
    fs::create_dir(key_file(&place)).expect("a folder in its place");
    assert!(vault.scrub().is_err());
    fs::remove_dir(key_file(&place)).expect("removed");
    fs::rename(&aside, key_file(&place)).expect("back");
    let mut txn = vault.begin().expect("begins");
    txn.erase(gone, &[]).expect("erased");
    txn.commit().expect("kept");
    assert!(vault.household(stays).is_ok());
    vault.scrub().expect("room again");
    assert!(!vault.keys_due().expect("reads"));
    assert!(vault.household(stays).is_ok());
    // A great many numbers are no reason to fall over.
    let random: [u8; 200] = seal::random().expect("randomness");
    assert!(vault.lay_over(&random).is_err());
}

/// The whole of what somebody may have who kept a key file and a backup of before, and knows the passphrase: all but the site
/// key of that time.
#[test]
fn a_key_file_of_before_and_a_backup_of_before_open_nobody_who_was_erased() {
    let place = Folder::new();
    let (path, old, backup) =
        (place.path(), place.folder.path().join("old.keys"), place.folder.path().join("old.db"));
    let mut vault = Vault::create_under(&path, &key(1), &[key(2)]).expect("made");
    let (gone, stays) = (add(&mut vault, "a", &["one"]), add(&mut vault, "b", &["two"]));
    fs::copy(key_file(&place), &old).expect("kept by somebody");
    vault.copy_without_keys(&backup, &|_| Vec::new()).expect("kept by somebody");
    let mut txn = vault.begin().expect("begins");
    txn.erase(gone, &[]).expect("erased");
    txn.commit().expect("kept");
    vault.rotate(&key(3)).expect("rotated");
    assert!(vault.household(stays).is_ok());
    drop(vault);
    for sites in [vec![], vec![key(3)]] {
        let told = Vault::open_under(&backup, &key(1), &sites).err();
        assert!(matches!(told, Some(VaultFault::WrongKey { .. })), "the key of then is gone");
    }
    assert!(matches!(Vault::open(&path, &key(1)), Err(VaultFault::WrongKey { .. })));
    // Interrupted between the two: either key opens, as long as both are kept.
    let both = Vault::open_under(&path, &key(1), &[key(3), key(4)]).expect("not in use yet");
    assert!(both.household(stays).is_ok());
    drop(both);
    let both = Vault::open_under(&path, &key(1), &[key(2), key(3)]).expect("in use already");
    assert!(both.household(stays).is_ok());
    // A copy is under the vault's own key: it opens whatever became of the site's.
    let copy = both.copy_keys().expect("copied");
    drop(both);
    fs::remove_file(&old).expect("removed");
    let mut again = Vault::open_under(&backup, &key(1), &[key(9)]).expect("a new machine");
    again.lay_over(&copy).expect("its own");
    again.put_keys().expect("put back");
    assert!(again.household(stays).is_ok() && again.household(gone).is_err());
}

/// A keeper's copy of a week ago is put back, and registering goes on: whose keys were not in it open by a newer copy.
#[test]
fn a_number_is_never_given_twice_whichever_file_of_keys_is_put_back() {
    let place = Folder::new();
    let mut vault = place.vault();
    let first = add(&mut vault, "first", &["one"]);
    let older = vault.copy_keys().expect("a copy");
    let second = add(&mut vault, "second", &["two"]);
    let newer = vault.copy_keys().expect("a copy");
    drop(vault);
    fs::remove_file(key_file(&place)).expect("burnt");
    let mut vault = place.open_without_keys();
    vault.lay_over(&older).expect("its own");
    assert_eq!(vault.put_keys().expect("put back"), 2, "the second family's are missing");
    let third = add(&mut vault, "third", &["three"]);
    assert!(matches!(vault.household(second), Err(VaultFault::NoKey { .. })));
    // She is found by her number in the register, and keeps nobody else from being found.
    let found = vault.find("camp-file", b"second").expect("looks");
    assert_eq!(found.map(|f| (f.id, f.digest)), Some((second, None)));
    assert_eq!(vault.members(second).expect("counted"), 1);
    vault.lay_over(&newer).expect("its own");
    assert_eq!(vault.put_keys().expect("put back"), 0);
    for id in [first, second, third] {
        assert!(vault.household(id).is_ok(), "{id}");
    }
    // Nor after the last one registered was erased.
    vault.erase(third).expect("erased");
    let fourth = add(&mut vault, "fourth", &["four"]);
    vault.lay_over(&newer).expect("its own");
    assert_eq!(vault.put_keys().expect("put back"), 0);
    for id in [first, second, fourth] {
        assert!(vault.household(id).is_ok(), "{id}");
    }
}
