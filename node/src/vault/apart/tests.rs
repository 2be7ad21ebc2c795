use std::fs;

use super::*;
use crate::vault::OWN_SOURCE;

const FEDERATION: [u8; 32] = [3; 32];

fn key() -> Key {
    Key::take(&mut [7; 32])
}

/// A family of a register, enrolled in two programmes, with a code: its number, its pseudonym in the first.
fn family(vault: &mut Vault, number: &str) -> (HouseholdId, [u8; 16]) {
    let mut txn = vault.begin().expect("begins");
    let member = Zeroizing::new(b"one".to_vec());
    let id = txn.add("register", number.as_bytes(), [1; 32], b"h", &[member]).expect("added");
    let pseudonym = txn.mark_enrolled(id, 1, &FEDERATION).expect("enrolled");
    txn.mark_enrolled(id, 2, &FEDERATION).expect("enrolled");
    txn.set_card(id, format!("code of {number}").as_bytes()).expect("a code");
    txn.commit().expect("kept");
    (id, pseudonym)
}

fn is_whole(vault: &Vault, number: &str, (id, pseudonym): (HouseholdId, [u8; 16])) {
    let found = vault.find("register", number.as_bytes()).expect("reads").expect("found");
    assert!(found.id == id && found.enrolled && found.digest == Some([1; 32]), "{found:?}");
    assert_eq!(vault.find_by_pseudonym(1, pseudonym).expect("reads"), Some(id));
    let code = format!("code of {number}");
    assert_eq!(vault.household_by_card(code.as_bytes()).expect("reads"), Some(id));
    assert_eq!(vault.programmes(id).expect("reads").len(), 2);
    assert_eq!(vault.household(id).expect("opens").members.len(), 1);
}

/// Handles and bindings as they lie in a file.
fn handles(path: &Path) -> Vec<[u8; 32]> {
    let file = Connection::open(path).expect("opens");
    let sql = "SELECT source FROM household UNION ALL SELECT handle FROM enrolment
               UNION ALL SELECT binding FROM enrolment UNION ALL SELECT handle FROM card
               UNION ALL SELECT binding FROM card";
    let mut all = file.prepare(sql).expect("reads");
    let all = all.query_map([], |r| r.get(0)).expect("reads");
    all.collect::<Result<_, _>>().expect("reads")
}

#[test]
fn a_backup_leads_from_a_number_to_nobody_until_the_keys_are_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, backup) = (dir.path().join("people.db"), dir.path().join("backup.db"));
    let mut vault = Vault::create(&path, &key()).expect("a vault");
    let numbers = ["HH-1", "HH-2", "HH-3"];
    let families = numbers.map(|number| family(&mut vault, number));
    vault.scrub().expect("written");
    let here = handles(&path);
    assert_eq!(here.len(), 3 + 3 * 6);
    let cards = |id: HouseholdId| if id == families[0].0 { b"a card".to_vec() } else { vec![] };
    vault.copy_without_keys(&backup, &cards).expect("copied");
    let bytes = fs::read(&backup).expect("reads");
    for handle in &here {
        assert!(!bytes.windows(32).any(|w| w == handle), "a handle lies in the backup");
    }
    assert!(!bytes.windows(6).any(|w| w == b"a card"));
    assert_eq!(handles(&backup).len(), 3, "what stands for each household and is nobody's");

    // Without a key it does not say that a family is unknown, which would register it anew: it asks for the keys.
    let mut restored = Vault::open(&backup, &key()).expect("opens");
    let no_key = |fault| matches!(fault, VaultFault::NoKey { .. });
    assert!(no_key(restored.find("register", b"HH-2").expect_err("asked for")));
    assert_eq!(restored.household_by_card(b"code of HH-2").expect("reads"), None);
    assert!(no_key(restored.nobody().expect_err("may be of one whose key is not here")));
    assert!(restored.beside().expect("reads").is_empty());
    // A backup of it is no further.
    let again = dir.path().join("again.db");
    restored.copy_without_keys(&again, &|_| b"nothing".to_vec()).expect("copied");

    // Laid over it, before any key is kept, each is known by her record, and goes if she was erased.
    restored.lay_over(&vault.copy_keys().expect("copied")).expect("its own");
    let mut txn = restored.begin().expect("begins");
    txn.erase(families[2].0, &[]).expect("erased");
    txn.commit().expect("kept");
    assert_eq!(restored.put_keys().expect("put back"), 0);
    is_whole(&restored, numbers[0], families[0]);
    is_whole(&restored, numbers[1], families[1]);
    assert_eq!(restored.find("register", b"HH-3").expect("reads"), None);
    // What another file had of them is there for it, once.
    let mut told = restored.beside().expect("reads");
    assert_eq!(told.len(), 1);
    let (id, bytes) = told.remove(0);
    assert_eq!((id, bytes.as_slice()), (families[0].0, b"a card".as_slice()));
    // Corrected meanwhile, it is sealed under her new key.
    let mut txn = restored.begin().expect("begins");
    let member = Zeroizing::new(b"one".to_vec());
    txn.replace(id, [1; 32], b"corrected", &[member]).expect("replaced");
    txn.commit().expect("kept");
    assert_eq!(restored.beside().expect("reads").len(), 1);
    restored.beside_is_back(id).expect("noted");
    assert!(restored.beside().expect("reads").is_empty());
    is_whole(&restored, numbers[0], families[0]);
    assert_eq!(restored.verify().expect("whole"), 2);
    drop(restored);

    // The copy of the copy, with the keys in a file beside it, as `--people-keys` brings them.
    fs::write(dir.path().join("again.keys"), vault.copy_keys().expect("copied")).expect("written");
    let restored = Vault::open(&again, &key()).expect("opens");
    for (number, family) in numbers.iter().zip(families) {
        is_whole(&restored, number, family);
    }
    assert_eq!(restored.beside().expect("reads").len(), 1, "what it had when it was first copied");
}

#[test]
fn who_was_registered_again_meanwhile_is_found_and_the_older_one_opens() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, backup) = (dir.path().join("people.db"), dir.path().join("backup.db"));
    let mut vault = Vault::create(&path, &key()).expect("a vault");
    let first = family(&mut vault, "HH-1");
    vault.copy_without_keys(&backup, &|_| Vec::new()).expect("copied");
    let mut restored = Vault::open(&backup, &key()).expect("opens");
    let mut txn = restored.begin().expect("begins");
    let member = Zeroizing::new(b"two".to_vec());
    let second = txn.add("register", b"HH-1", [2; 32], b"h", &[member]).expect("added");
    txn.add(OWN_SOURCE, b"1", [2; 32], b"h", &[]).expect("a desk registers whom it meets");
    txn.commit().expect("kept");
    for _ in 0..2 {
        restored.lay_over(&vault.copy_keys().expect("copied")).expect("its own");
        assert_eq!(restored.put_keys().expect("put back"), 0);
        assert_eq!(restored.household(first.0).expect("opens").members[0].as_slice(), b"one");
        let found = restored.find("register", b"HH-1").expect("reads").expect("found");
        assert_eq!((found.id, found.digest), (second, Some([2; 32])));
        assert_eq!(restored.household_by_card(b"code of HH-1").expect("reads"), Some(first.0));
        assert_eq!(restored.programmes(first.0).expect("reads").len(), 2);
        restored.beside_is_back(first.0).expect("nothing beside");
    }
    assert_eq!(restored.verify().expect("whole"), 3);
}

#[test]
fn a_copy_of_the_keys_older_than_the_backup_doubles_nobody_until_the_rest_is_given_up() {
    let dir = tempfile::tempdir().expect("a folder");
    let (path, backup) = (dir.path().join("people.db"), dir.path().join("backup.db"));
    let mut vault = Vault::create(&path, &key()).expect("a vault");
    let first = family(&mut vault, "HH-1");
    let older = vault.copy_keys().expect("copied");
    let second = family(&mut vault, "HH-2");
    vault.copy_without_keys(&backup, &|_| Vec::new()).expect("copied");
    let mut restored = Vault::open(&backup, &key()).expect("opens");
    assert_eq!(restored.unfound().expect("counted"), 2);
    restored.lay_over(&older).expect("its own");
    assert_eq!(restored.put_keys().expect("put back"), 2, "the second's are not in it");
    is_whole(&restored, "HH-1", first);
    let is_second = |fault| matches!(fault, VaultFault::NoKey { id, .. } if id == second.0);
    for _ in 0..2 {
        assert!(is_second(restored.find("register", b"HH-2").expect_err("she may be there")));
        assert!(is_second(restored.nobody().expect_err("she may be there")));
        assert_eq!(restored.unfound().expect("counted"), 1);
        drop(restored);
        restored = Vault::open(&backup, &key()).expect("opens");
    }
    // A new arrival gets a number and a code that were drawn for her.
    let third = family(&mut restored, "drawn");
    is_whole(&restored, "drawn", third);
    restored.give_up().expect("noted");
    assert_eq!(restored.unfound().expect("counted"), 0);
    assert_eq!(restored.find("register", b"HH-2").expect("reads"), None);
    restored.nobody().expect("everybody is found");
    // It stays given up in a copy, and is no loss once the key comes after all.
    let again = dir.path().join("again.db");
    restored.copy_without_keys(&again, &|_| Vec::new()).expect("copied");
    let copy = Vault::open(&again, &key()).expect("opens");
    assert_eq!(copy.unfound().expect("counted"), 2, "those of the copy alone");
    restored.lay_over(&vault.copy_keys().expect("copied")).expect("its own");
    assert_eq!(restored.put_keys().expect("put back"), 0);
    is_whole(&restored, "HH-2", second);
}
