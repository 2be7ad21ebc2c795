//! What is erased is gone: from every file, from old copies, and from every node that hears of it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::bundle::tests::world::{FOOD, World, export, import, key, short};
use crate::person::{Attributes, Field, Household, Value};
use crate::vault::VaultFault;

const OPERATOR: u8 = 51;

fn vault_key() -> Key {
    Key::take(&mut [7; 32])
}

fn registered(vault: &mut Vault, number: usize) -> HouseholdId {
    let mut person = Attributes::default();
    let mut set = |field, text: String| {
        person.set(field, Value::text(field, &text).expect("fits")).expect("fits");
    };
    set(Field::FullName, format!("Canary Number {number:05}"));
    set(Field::Phone, format!("0700 {number:05}"));
    let key = format!("HH-{number:05}");
    let household = Household { key: key.clone(), members: vec![person], ..Default::default() };
    let (bytes, members) = household.records().expect("a household");
    let mut txn = vault.begin().expect("begins");
    let id = txn.add("register", key.as_bytes(), [1; 32], &bytes, &members).expect("added");
    txn.commit().expect("kept");
    id
}

/// Everything in a folder, file by file.
fn bytes_in(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(bytes_in(&path));
        } else {
            all.push((path.display().to_string(), fs::read(&path).expect("reads")));
        }
    }
    all
}

struct Trace {
    what: &'static str,
    bytes: Vec<u8>,
}

/// Which traces lie in which file: one walk over each file, whatever the number of traces.
fn found(files: &[(String, Vec<u8>)], traces: &[(usize, &Trace)]) -> BTreeMap<usize, String> {
    let mut begins: HashMap<[u8; 8], Vec<usize>> = HashMap::new();
    for (at, (_, trace)) in traces.iter().enumerate() {
        let first = trace.bytes.first_chunk().expect("eight bytes and more");
        begins.entry(*first).or_default().push(at);
    }
    let mut found = BTreeMap::new();
    for (name, bytes) in files {
        for at in 0..bytes.len() {
            let Some(first) = bytes[at..].first_chunk::<8>() else { break };
            for trace in begins.get(first).into_iter().flatten() {
                if bytes[at..].starts_with(&traces[*trace].1.bytes) {
                    found.insert(*trace, name.clone());
                }
            }
        }
    }
    found
}

/// What must be found nowhere afterwards: her keys, her records as they lie sealed, her root, name and number.
fn traces(vault: &Vault, id: HouseholdId, number: usize) -> Vec<Trace> {
    let mut traces = vec![
        Trace { what: "name", bytes: format!("Canary Number {number:05}").into_bytes() },
        Trace { what: "phone", bytes: format!("0700 {number:05}").into_bytes() },
    ];
    for (what, bytes) in vault.secrets_of(id) {
        traces.push(Trace { what, bytes });
    }
    traces
}

/// Erases this many of twice as many people, in groups, and looks for traces of each in every file of every node.
fn erases(people: usize, group: usize) {
    let mut world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let ids: Vec<_> = (0..2 * people).map(|n| registered(&mut vault, n)).collect();
    let federation = world.federation();
    let mut txn = vault.begin().expect("begins");
    for id in &ids {
        txn.mark_enrolled(*id, FOOD.0, &federation.0.0).expect("enrolled");
    }
    txn.commit().expect("kept");
    let all: Vec<Vec<Trace>> =
        ids.iter().enumerate().map(|(n, id)| traces(&vault, *id, n)).collect();
    let (gone, stay) = ids.split_at(people);
    for group in gone.chunks(group) {
        erase(&mut world.a, &mut vault, group, &key(OPERATOR)).expect("erased");
    }
    // Others hear of it and say that they have nothing left.
    let to_b = world.path("to-b");
    let first = export(&mut world.a, &[short(&world.b)], &to_b);
    assert!(import(&mut world.b, &first.files).is_whole(), "every chain verifies");
    let path = folder.join("b/people.db");
    let mut theirs = Vault::create(&path, &Key::take(&mut [8; 32])).expect("a vault");
    assert_eq!(pending(&world.a, &vault).expect("reads").len(), people, "nobody answered yet");
    assert_eq!(follow(&mut world.b, &mut theirs).expect("followed"), people as u64);
    assert_eq!(follow(&mut world.b, &mut theirs).expect("again"), 0);
    let to_a = world.path("to-a");
    let back = export(&mut world.b, &[short(&world.a)], &to_a);
    assert!(import(&mut world.a, &back.files).is_whole());
    assert!(pending(&world.a, &vault).expect("reads").is_empty(), "everybody answered");

    let traces: Vec<(usize, &Trace)> =
        all.iter().enumerate().flat_map(|(n, of)| of.iter().map(move |t| (n, t))).collect();
    let found = found(&bytes_in(&folder), &traces);
    for (at, (n, trace)) in traces.iter().enumerate() {
        match found.get(&at) {
            Some(file) if *n < people => panic!("{} of household {n} in {file}", trace.what),
            // The looking finds what is there: keys are sealed anew at each erasure, records are not.
            None if *n >= people && trace.what == "sealed record" => {
                panic!("{} of household {n}, who stays", trace.what)
            }
            _ => {}
        }
    }
    for id in stay {
        assert_eq!(vault.household(*id).expect("opens").members.len(), 1);
    }
    for id in gone {
        assert!(matches!(vault.household(*id), Err(VaultFault::NotFound { .. })));
    }
    assert_eq!(vault.verify().expect("whole"), people as u64);
}

#[test]
fn nothing_is_found_of_who_was_erased() {
    erases(24, 1);
}

#[test]
#[ignore = "takes a minute: run before a release, and by the project's own checks"]
fn nothing_is_found_of_a_thousand_who_were_erased() {
    erases(1_000, 20);
}

#[test]
fn an_old_copy_and_the_passphrase_bring_nobody_back() {
    let mut world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let (gone, stays) = (registered(&mut vault, 1), registered(&mut vault, 2));
    let backup = folder.join("old.db");
    vault.copy_without_keys(&backup).expect("copied");
    let first = vault.copy_keys().expect("copied");
    erase(&mut world.a, &mut vault, &[gone], &key(OPERATOR)).expect("erased");
    // The backup by itself, with the key its passphrase opens: no record of anybody opens.
    let mut old = Vault::open(&backup, &vault_key()).expect("opens");
    for id in [gone, stays] {
        assert!(matches!(old.household(id), Err(VaultFault::NoKey { .. })));
    }
    assert_eq!(apply(&world.a, &mut old).expect("passes over what does not open"), 0);
    // With the copy of the keys as it is after her erasure: the others come back, and she does not.
    assert_eq!(old.keyless().expect("reads"), 4);
    old.lay_over(&vault.copy_keys().expect("copied")).expect("its own");
    assert_eq!(old.put_keys().expect("put back"), 2);
    assert!(matches!(old.household(gone), Err(VaultFault::NoKey { .. })));
    assert_eq!(old.household(stays).expect("opens").members.len(), 1);
    drop(old);
    // The key file of today beside the backup, in the place of its own.
    let keys = folder.join("old.keys");
    fs::copy(folder.join("a/people.keys"), &keys).expect("copied");
    let sites = world.a.keys().site_keys();
    let old = Vault::open_under(&backup, &vault_key(), &sites).expect("opens");
    assert!(old.household(gone).is_err() && old.household(stays).is_ok());
    drop(old);
    // A copy of before her erasure, which its keeper did not destroy: she goes before anything is opened, although the
    // erasures were held against this folder before its keys came.
    fs::remove_file(&keys).expect("removed");
    let mut old = Vault::open(&backup, &vault_key()).expect("opens");
    assert_eq!(apply(&world.a, &mut old).expect("nobody opens"), 0);
    old.lay_over(&first).expect("its own");
    assert_eq!(old.put_keys().expect("put back"), 0);
    assert!(old.household(gone).is_ok(), "this is what must not stay");
    assert_eq!(apply(&world.a, &mut old).expect("applied"), 1);
    assert!(matches!(old.household(gone), Err(VaultFault::NotFound { .. })));
    assert!(old.household(stays).is_ok());
    assert_eq!(apply(&world.a, &mut old).expect("nothing new"), 0);
    // A copy never brings back who is not in the file, nor opens under another vault's key or in another vault.
    vault.lay_over(&first).expect("its own");
    assert_eq!(vault.put_keys().expect("put back"), 0);
    assert!(matches!(vault.household(gone), Err(VaultFault::NotFound { .. })));
    let mut other = Vault::create(&folder.join("b.db"), &vault_key()).expect("a vault");
    assert!(matches!(other.lay_over(&first), Err(VaultFault::WrongKey { .. })));
    for cut in [0, 100, 143] {
        assert!(matches!(other.lay_over(&first[..cut]), Err(VaultFault::Damaged { .. })));
    }
}

/// The power fails after the keys went and before the ledger says so.
#[test]
fn an_erasure_that_was_not_said_is_said_next_time() {
    let mut world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let id = registered(&mut vault, 1);
    let commitment = vault.erasure_commitment(id, FOOD).expect("opens");
    let erasure = Erasure { programme: FOOD, commitment, said: false };
    let mut txn = vault.begin().expect("begins");
    txn.erase(id, &[erasure]).expect("erased");
    txn.commit().expect("kept");
    drop(vault);
    let mut vault = Vault::open(&folder.join("a/people.db"), &vault_key()).expect("opens");
    assert!(vault.household(id).is_err());
    assert_eq!(vault.erasures().expect("reads"), [erasure]);
    let head = |world: &World| {
        let work = world.a.store().look().expect("reads");
        let chain = work.trunk(&world.a.feed(Lane::Registry, FOOD));
        chain.map_or(0, |chain| work.head(chain).next)
    };
    assert_eq!(finish(&mut world.a, &mut vault, &key(OPERATOR)).expect("said"), 1);
    assert_eq!(head(&world), 1);
    assert_eq!(finish(&mut world.a, &mut vault, &key(OPERATOR)).expect("nothing left"), 0);
    assert_eq!(head(&world), 1, "once");
}
