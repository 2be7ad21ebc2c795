//! What is erased is gone: from every file, from old copies, and from every node that hears of it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::*;
use crate::bundle::tests::world::{FOOD, World, export, import, key, short};
use crate::credential::register::{Line, RegisterFault};
use crate::person::{Attributes, Field, Household, Value};
use crate::pin::Pin;

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

/// A folder from a backup, her keys still at their keeper: erased in silence, the keeper would bring her back.
#[test]
fn whose_keys_are_not_here_is_not_erased_in_silence() {
    let mut world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let id = registered(&mut vault, 1);
    let backup = folder.join("old.db");
    vault.copy_without_keys(&backup).expect("copied");
    let keys = vault.copy_keys().expect("copied");
    let mut old = Vault::open(&backup, &vault_key()).expect("opens");
    let refused = erase(&mut world.a, &mut old, &[id], &key(OPERATOR)).expect_err("refused");
    assert!(matches!(refused, ConsentFault::Vault(VaultFault::NoKey { .. })), "{refused}");
    assert_eq!((old.members(id).expect("there"), old.keys_due().expect("reads")), (1, false));
    old.lay_over(&keys).expect("its own");
    old.put_keys().expect("put back");
    let said = erase(&mut world.a, &mut old, &[id], &key(OPERATOR)).expect("erased");
    assert!(said.len() == 1 && said[0].said, "{said:?}");
    // Where nobody has them, it is asked for by name.
    fs::remove_file(folder.join("old.keys")).expect("lost");
    fs::remove_file(&backup).expect("gone");
    vault.copy_without_keys(&backup).expect("copied");
    let mut old = Vault::open(&backup, &vault_key()).expect("opens");
    erase_untold(&mut world.a, &mut old, id, &key(OPERATOR)).expect("erased");
    assert!(matches!(old.members(id), Err(VaultFault::NotFound { .. })));
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
    // One of a programme this node has no certificate for cannot be said, and keeps back no other.
    let other = registered(&mut vault, 2);
    let commitment = vault.erasure_commitment(other, ProgrammeId(77)).expect("opens");
    let unsaid = Erasure { programme: ProgrammeId(77), commitment, said: false };
    let mut txn = vault.begin().expect("begins");
    txn.erase(other, &[unsaid]).expect("erased");
    txn.commit().expect("kept");
    let third = registered(&mut vault, 3);
    let commitment = vault.erasure_commitment(third, FOOD).expect("opens");
    let mut txn = vault.begin().expect("begins");
    txn.erase(third, &[Erasure { programme: FOOD, commitment, said: false }]).expect("erased");
    txn.commit().expect("kept");
    // Opening it wrote the keys anew, under the site key that whoever kept a key file of before has.
    vault.scrub().expect("written anew");
    assert!(is_unfinished(&world.a, &vault).expect("reads"));
    let sites = |world: &World| -> Vec<Vec<u8>> {
        world.a.keys().site_keys().iter().map(|key| key.expose().to_vec()).collect()
    };
    let before = sites(&world);
    assert_eq!(finish(&mut world.a, &mut vault, &key(OPERATOR)).expect("said"), 2);
    let after = sites(&world);
    assert!(!after.is_empty() && after.iter().all(|key| !before.contains(key)), "destroyed");
    assert!(!vault.site_key_due().expect("reads"));
    assert_eq!(head(&world), 2);
    let left: Vec<Erasure> =
        vault.erasures().expect("reads").into_iter().filter(|e| !e.said).collect();
    assert_eq!(left, [unsaid]);
    assert_eq!(finish(&mut world.a, &mut vault, &key(OPERATOR)).expect("nothing left"), 0);
    assert_eq!(head(&world), 2, "once");
}

/// Gives two families a PIN and a printed card each; what a file of PINs holds of each, as it lies there.
fn pins_and_cards(world: &World, ids: [HouseholdId; 2]) -> [[u8; 32]; 2] {
    let folder = world.a.folder();
    let key = world.a.vault_key().expect("a key");
    let mut pins = Pins::open(&folder.file(PINS), &key).expect("opens");
    let mut cards = Register::open(&folder.file(CARDS), key).expect("opens");
    for id in ids {
        pins.set(id, &Pin::parse("204816").expect("a PIN")).expect("set");
        let (list, index) = cards.draw(&world.a.public(), FOOD.0).expect("a place");
        cards.keep(Line {
            household: id,
            programme: FOOD.0,
            issuer: world.a.public(),
            list,
            index,
            expires: 1_800_000_000,
            language: None,
            named: false,
            code: None,
            carrier: CarrierId([id.0 as u8; 16]),
        });
    }
    cards.save().expect("kept");
    pins.tags().try_into().expect("two")
}

/// Whose PINs and cards are here, and how many tags of PINs lie in the file.
fn left(
    world: &World,
    ids: [HouseholdId; 2],
    tags: &[[u8; 32]; 2],
) -> ([bool; 2], [bool; 2], usize) {
    let (pins, cards) = others(&world.a).expect("opens");
    let (pins, cards) = (pins.expect("there"), cards.expect("there"));
    let bytes = fs::read(world.a.folder().file(PINS)).expect("reads");
    let tags = tags.iter().filter(|tag| bytes.windows(32).any(|window| window == **tag)).count();
    let pins = ids.map(|id| pins.has(id).expect("reads"));
    (pins, ids.map(|id| cards.of(id, FOOD).is_some()), tags)
}

#[test]
fn a_pin_and_a_card_go_with_whom_they_belong_to_heard_of_or_restored_too() {
    let mut world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let ids = [registered(&mut vault, 1), registered(&mut vault, 2)];
    let old = folder.join("old.db");
    vault.copy_without_keys(&old).expect("copied");
    let keys = vault.copy_keys().expect("copied");
    let tags = pins_and_cards(&world, ids);
    let names = [PINS, CARDS];
    let aside = |name: &str| folder.join(format!("{name}.old"));
    for name in names {
        fs::copy(world.a.folder().file(name), aside(name)).expect("copied");
    }
    // What an interrupted backup and an interrupted writing of the register have left.
    let scratch = backup::scratch(world.a.folder(), backup::PEOPLE_KEYS);
    fs::write(&scratch, &keys).expect("left");
    let torn = world.a.folder().file(&format!(".{CARDS}.0123456789abcdef.annona-tmp"));
    fs::write(&torn, b"left").expect("left");
    assert_eq!(left(&world, ids, &tags), ([true; 2], [true; 2], 2));
    erase(&mut world.a, &mut vault, &ids[..1], &key(OPERATOR)).expect("erased");
    let gone = ([false, true], [false, true], 1);
    assert_eq!(left(&world, ids, &tags), gone);
    assert!(!scratch.exists() && !torn.exists());

    // A folder from before: its files, and keys of before from a keeper.
    let again = |damage: bool| {
        for name in names {
            fs::copy(aside(name), world.a.folder().file(name)).expect("put back");
        }
        if damage {
            fs::write(world.a.folder().file(CARDS), b"torn").expect("damaged");
        }
        let path = folder.join(format!("old-{damage}.db"));
        fs::copy(&old, &path).expect("copied");
        let mut old = Vault::open(&path, &vault_key()).expect("opens");
        old.lay_over(&keys).expect("its own");
        old.put_keys().expect("put back");
        old
    };
    let mut vault = again(false);
    assert_eq!(apply(&world.a, &mut vault).expect("applied"), 1);
    assert_eq!(left(&world, ids, &tags), gone);
    assert!(vault.to_forget().expect("reads").is_empty());
    // A register that does not open keeps nobody from being served, and nothing is said to be done before it is.
    let mut vault = again(true);
    assert_eq!(apply(&world.a, &mut vault).expect("applied"), 1);
    assert!(vault.household(ids[0]).is_err() && vault.household(ids[1]).is_ok());
    let damaged = |fault| matches!(fault, ConsentFault::Cards(RegisterFault::Damaged { .. }));
    assert!(damaged(follow(&mut world.a, &mut vault).expect_err("not done")));
    let both = [ids[1]];
    assert!(damaged(erase(&mut world.a, &mut vault, &both, &key(OPERATOR)).expect_err("told")));
    assert!(vault.household(ids[1]).is_ok(), "told before anything is destroyed");
    fs::copy(aside(CARDS), world.a.folder().file(CARDS)).expect("put back");
    // Hearing of it wrote the keys anew under the same site key; only following it destroys that.
    assert!(vault.site_key_due().expect("reads"));
    follow(&mut world.a, &mut vault).expect("followed");
    assert!(!vault.site_key_due().expect("reads"));
    assert_eq!(left(&world, ids, &tags), gone);
}

/// Cards that were cancelled would count again with a register that is begun anew.
#[test]
fn a_register_that_is_lost_is_not_begun_anew() {
    let mut world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let path = world.a.folder().file(CARDS);
    let (list, index) = {
        let mut new = Register::of_node(&world.a, &mut vault).expect("a new one");
        new.draw(&world.a.public(), FOOD.0).expect("a place")
    };
    assert!(!path.exists() && (list, index) != (0, 0), "looked at only");
    let mut register = Register::of_node(&world.a, &mut vault).expect("a new one");
    register.draw(&world.a.public(), FOOD.0).expect("a place");
    register.save_first(&mut vault, &world.a.public()).expect("kept");
    let kept = fs::read(&path).expect("reads");
    fs::remove_file(&path).expect("lost");
    let lost = Register::of_node(&world.a, &mut vault).err().expect("told");
    assert!(matches!(lost, RegisterFault::Missing { .. }), "{lost}");
    // In a backup as well, where the person file knows; put back, it goes on.
    let copy = folder.join("copy.db");
    vault.copy_without_keys(&copy).expect("copied");
    let mut copy = Vault::open(&copy, &vault_key()).expect("opens");
    assert!(Register::of_node(&world.a, &mut copy).is_err());
    fs::write(&path, &kept).expect("put back");
    assert_eq!(Register::of_node(&world.a, &mut vault).expect("opens").len(), 0);
    fs::remove_file(&path).expect("lost");
    // A new key of the node gives cards nobody has, and their places anew.
    world.a.reincarnate(&folder.join("heads-again")).expect("a new life");
    assert!(Register::of_node(&world.a, &mut vault).is_ok());
}
