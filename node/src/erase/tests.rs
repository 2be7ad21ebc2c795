//! What is erased is gone: from every file, from old copies, and from every node that hears of it.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use annona_ledger::audit::Options;
use annona_ledger::consent::{
    Attribute, Attributes as Closed, Basis, Grant, GrantId, Language, NoticeShown, Purpose,
    Recipient, Way,
};
use annona_ledger::hash::Hash;
use annona_ledger::id::{OrgId, Pseudonym};
use annona_ledger::notice::NodeCertificate;

use super::*;
use crate::audit::{AuditFile, audit, export as export_for_audit};
use crate::bundle::tests::world::{CASH, FOOD, World, export, import, key, short};
use crate::consent::{Answer, Asking, give, permit};
use crate::credential::register::{Issued, Line, RegisterFault};
use crate::person::{Attributes, Date, Field, Household, Value};
use crate::pin::Pin;

mod letters;
mod wallets;

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

/// What must be found nowhere afterwards: her keys, her records, papers and handles as they lie, her root, name and number.
fn traces(vault: &Vault, id: HouseholdId, number: usize) -> Vec<Trace> {
    let mut traces = vec![
        Trace { what: "name", bytes: format!("Canary Number {number:05}").into_bytes() },
        Trace { what: "phone", bytes: format!("0700 {number:05}").into_bytes() },
    ];
    for (what, bytes) in vault.secrets_of(id).into_iter().chain(vault.found_by(id)) {
        traces.push(Trace { what, bytes });
    }
    traces
}

/// Every tenth has a PIN, a card, a credential, and a consent under which her name was opened.
const TENTH: usize = 10;

fn grant(world: &World, vault: &Vault, id: HouseholdId) -> Grant {
    let pseudonym = vault.pseudonym(id, FOOD.0, &world.federation().0.0).expect("one");
    let mut number = [0; 16];
    number[..8].copy_from_slice(&id.0.to_be_bytes());
    Grant {
        id: GrantId(number),
        programme: FOOD,
        pseudonym: Pseudonym(pseudonym),
        controller: OrgId(1),
        recipient: Recipient::Organisation(OrgId(2)),
        purpose: Purpose::Referral,
        attributes: Closed::of([Attribute::Name]),
        basis: Basis::Consent,
        not_before: DayNo(0),
        expires: DayNo(30),
        uses: 1,
        way: Way::Spoken,
        notice: NoticeShown {
            text: Hash([2; 32]),
            version: 1,
            language: Language::of("sw").expect("a tag"),
        },
        witness: None,
        guardian: None,
        renews: None,
    }
}

/// Gives one of them all that. Her PIN's check and her carrier are traces, too, wherever they lie.
fn served(world: &mut World, vault: &mut Vault, id: HouseholdId, traces: &mut Vec<Trace>) {
    let vault_key = world.a.vault_key().expect("a key");
    let mut pins = Pins::open(&world.a.folder().file(PINS), &vault_key).expect("opens");
    let before = pins.tags();
    pins.set(id, &Pin::parse("204816").expect("a PIN")).expect("set");
    let tag = pins.tags().into_iter().find(|tag| !before.contains(tag)).expect("hers");
    traces.push(Trace { what: "check of a PIN", bytes: tag.to_vec() });
    let issuer = world.a.public();
    let mut cards = Register::open(&world.a.folder().file(CARDS), vault_key).expect("opens");
    let (list, index) = cards.draw(&issuer, FOOD.0).expect("a place");
    let mut carrier = CarrierId([0x5c; 16]);
    carrier.0[..8].copy_from_slice(&id.0.to_be_bytes());
    traces.push(Trace { what: "carrier", bytes: carrier.0.to_vec() });
    let (programme, expires, code) = (FOOD.0, 1_800_000_000, Some([id.0 as u8; 8]));
    let (language, named, household) = (None, false, id);
    let line =
        Line { household, programme, issuer, list, index, expires, language, named, code, carrier };
    cards.keep(line);
    let (list, index) = cards.draw(&issuer, FOOD.0).expect("a place");
    let grant = grant(world, vault, id);
    let consent = give(&mut world.a, vault, id, &grant, Answer::Yes, &key(OPERATOR));
    let consent = consent.expect("given");
    cards.issued(Issued { household, programme, issuer, list, index, consent });
    cards.save().expect("kept");
    let (purpose, attributes) = (Purpose::Referral, Closed::of([Attribute::Name]));
    let asking = Asking { grant: grant.id, node: short(&world.b), purpose, attributes };
    let permit = permit(&mut world.a, vault, &asking, &key(OPERATOR)).expect("a permit");
    let today = Date::new(2026, 11, 20).expect("a date");
    let (_, showing) = permit.open(vault, today).expect("opens");
    showing.done(vault).expect("noted");
}

fn certificate(world: &World, node: &Node) -> NodeCertificate {
    world.a.store().roster().node(&short(node)).expect("certified").clone()
}

/// What everybody may have: every chain verifies as an auditor verifies it.
fn verifies(node: &mut Node, path: &Path) {
    node.seal_all().expect("sealed");
    export_for_audit(node.store(), path).expect("exports");
    let file = AuditFile::open(path).expect("opens");
    let (options, stop) = (Options::default(), AtomicBool::new(false));
    let verdict = audit(&file, &options, 2, &|_| {}, &stop);
    assert!(verdict.is_good(), "{:?}", verdict.findings.first());
}

/// Erases this many of twice as many people, in groups, and looks for traces of each in every file of every node: the one
/// that registered them, two that keep copies of their keys, and in a backup of before.
fn erases(people: usize, group: usize) {
    let mut world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let ids: Vec<_> = (0..2 * people).map(|n| registered(&mut vault, n)).collect();
    let federation = world.federation();
    let mut txn = vault.begin().expect("begins");
    for id in &ids {
        for programme in [FOOD, CASH] {
            txn.mark_enrolled(*id, programme.0, &federation.0.0).expect("enrolled");
        }
    }
    txn.commit().expect("kept");
    let mut beside: Vec<Vec<Trace>> = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let mut traces = Vec::new();
        if n % TENTH == 0 {
            served(&mut world, &mut vault, *id, &mut traces);
        }
        beside.push(traces);
    }
    let mut all = Vec::new();
    for (n, id) in ids.iter().enumerate() {
        let mut traces = traces(&vault, *id, n);
        traces.append(&mut beside[n]);
        all.push(traces);
    }

    // A backup of before, and copies of the keys at two others, who keep people of their own.
    let backup = world.path("backup");
    let cards = Register::of_node(&world.a, &mut vault).expect("opens");
    vault.copy_without_keys(&backup.join("people.db"), &|id| cards.beside(id)).expect("copied");
    fs::write(backup.join(CARDS), cards.for_backup().expect("sealed")).expect("written");
    fs::write(backup.join("keys"), world.a.keys().for_backup().expect("sealed")).expect("written");
    let (b, t) = (certificate(&world, &world.b), certificate(&world, &world.t));
    for (keeper, node) in [(&b, &world.b), (&t, &world.t)] {
        let (label, file) = copies::make(&world.a, &mut vault, keeper).expect("made");
        vault.gave_copy(label.to, label.on).expect("noted");
        copies::keep(node, &file).expect("kept");
    }
    let path = folder.join("b/people.db");
    let mut theirs = Vault::create(&path, &Key::take(&mut [8; 32])).expect("a vault");
    let stranger = registered(&mut theirs, 0);
    let path = folder.join("t/people.db");
    let mut others = Vault::create(&path, &Key::take(&mut [9; 32])).expect("a vault");

    let (gone, stay) = ids.split_at(people);
    for group in gone.chunks(group) {
        erase(&mut world.a, &mut vault, group, &key(OPERATOR)).expect("erased");
    }
    // Others hear of it. While a copy of before is kept, nothing is followed; then they say that they have nothing left.
    for (name, to) in [("to-b", &b), ("to-t", &t)] {
        let path = world.path(name);
        let out = export(&mut world.a, &[to.short()], &path);
        let node = if *to == b { &mut world.b } else { &mut world.t };
        assert!(import(node, &out.files).is_whole(), "every chain verifies");
    }
    // One of each erasure for a programme, and each waits for whoever serves that one or keeps a copy.
    assert_eq!(pending(&world.a, &vault).expect("reads").len(), 2 * people, "nobody answered yet");
    assert_eq!(follow(&mut world.b, &mut theirs).expect("not yet"), 0);
    assert_eq!(follow(&mut world.t, &mut others).expect("not yet"), 0);
    let (label, file) = copies::make(&world.a, &mut vault, &b).expect("made");
    vault.gave_copy(label.to, label.on).expect("noted");
    copies::keep(&world.b, &file).expect("kept");
    assert!(copies::forget(&world.t, &world.a.public().short()).expect("destroyed"));
    vault.took_copy(t.short()).expect("noted");
    let heard = follow(&mut world.b, &mut theirs).expect("followed");
    assert!(heard >= people as u64, "{heard}");
    assert_eq!(follow(&mut world.b, &mut theirs).expect("again"), 0);
    assert!(follow(&mut world.t, &mut others).expect("followed") >= people as u64);
    assert_eq!(theirs.household(stranger).expect("opens").members.len(), 1, "nobody of theirs");
    for (name, of_b) in [("of-b", true), ("of-t", false)] {
        let (path, to) = (world.path(name), short(&world.a));
        let node = if of_b { &mut world.b } else { &mut world.t };
        let back = export(node, &[to], &path);
        assert!(import(&mut world.a, &back.files).is_whole());
    }
    assert!(pending(&world.a, &vault).expect("reads").is_empty(), "everybody answered");

    // A leak, planted where nobody looks for one, is found; taken away, nothing is.
    let all: Vec<(usize, &Trace)> =
        all.iter().enumerate().flat_map(|(n, of)| of.iter().map(move |t| (n, t))).collect();
    let planted = folder.join("t/.left");
    let tags: Vec<&Trace> = all.iter().filter(|(n, _)| *n == 0).map(|(_, t)| *t).collect();
    let bytes: Vec<u8> = tags.iter().flat_map(|t| [b"x", t.bytes.as_slice()].concat()).collect();
    fs::write(&planted, bytes).expect("planted");
    let leaked = found(&bytes_in(&folder.join("t")), &all);
    assert_eq!(leaked.len(), tags.len(), "each of hers, and nobody else's");
    fs::remove_file(&planted).expect("removed");
    let found_in = |place: &str| found(&bytes_in(&folder.join(place)), &all);
    // Her record lies in the backup as it lay, and opens for nobody.
    let in_backup = ["sealed record", "sealed paper", "check of a PIN"];
    for place in ["a", "b", "t", "heads-a", "heads-b", "heads-t", "to-b", "to-t", "backup"] {
        let found = found_in(place);
        for (at, (n, trace)) in all.iter().enumerate() {
            match found.get(&at) {
                Some(_) if place == "backup" && in_backup.contains(&trace.what) => {}
                Some(file) if *n < people => panic!("{} of household {n} in {file}", trace.what),
                // The looking finds what is there: keys are sealed anew at each erasure, records are not.
                None if place == "a" && *n >= people && LIES.contains(&trace.what) => {
                    panic!("{} of household {n}, who stays", trace.what)
                }
                _ => {}
            }
        }
    }
    // With the keys of today, and with what a keeper has, the backup tells whose a number was of those who stay, and of
    // nobody else.
    fs::copy(backup.join("people.db"), folder.join("old.db")).expect("copied");
    let mut old = Vault::open(&folder.join("old.db"), &vault_key()).expect("opens");
    let back = copies::give(&world.b, &short(&world.a), &certificate(&world, &world.a));
    let taken = copies::take(&world.a, &mut old, &back.expect("given back")).expect("taken");
    assert_eq!((taken.erased, taken.keyless), (0, 2 * people as u64), "no key of theirs came");
    for (n, id) in ids.iter().enumerate() {
        let number = format!("HH-{n:05}");
        let found = old.find("register", number.as_bytes());
        if n < people {
            assert!(matches!(found, Err(VaultFault::NoKey { .. })), "{number}: {found:?}");
        } else {
            assert_eq!(found.expect("reads").map(|f| f.id), Some(*id), "{number}");
        }
        assert_eq!(old.programmes(*id).expect("reads").len(), if n < people { 0 } else { 2 });
    }

    for id in stay {
        assert_eq!(vault.household(*id).expect("opens").members.len(), 1);
    }
    for id in gone {
        assert!(matches!(vault.household(*id), Err(VaultFault::NotFound { .. })));
    }
    assert_eq!(vault.verify().expect("whole"), people as u64);
    let cards = Register::of_node(&world.a, &mut vault).expect("opens");
    let left = stay.iter().filter(|id| (id.0 as usize - 1).is_multiple_of(TENTH)).count();
    assert_eq!((cards.len(), cards.credentials()), (left, left));
    let revoked: usize = cards.lists(&world.a.public()).map(|(_, list)| list.revoked()).sum();
    assert_eq!(revoked, 2 * (people.div_ceil(TENTH)), "a card and a credential each");
    for (name, node) in [("a", &mut world.a), ("b", &mut world.b), ("t", &mut world.t)] {
        verifies(node, &folder.join(format!("{name}.audit")));
    }
}

/// What lies of those who stay as it lay at first.
const LIES: [&str; 4] = ["sealed record", "sealed paper", "handle", "check of a PIN"];

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
    vault.copy_without_keys(&backup, &|_| Vec::new()).expect("copied");
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
    let mut old = Vault::open_without_keys(&backup, &vault_key(), &[]).expect("opens");
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
    vault.copy_without_keys(&backup, &|_| Vec::new()).expect("copied");
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
    vault.copy_without_keys(&backup, &|_| Vec::new()).expect("copied");
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
    let left = vault.erasures().expect("reads").into_iter().filter(|e| !e.said);
    assert_eq!(left.collect::<Vec<_>>(), [unsaid]);
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
    vault.copy_without_keys(&old, &|_| Vec::new()).expect("copied");
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
    vault.copy_without_keys(&copy, &|_| Vec::new()).expect("copied");
    let mut copy = Vault::open(&copy, &vault_key()).expect("opens");
    assert!(Register::of_node(&world.a, &mut copy).is_err());
    fs::write(&path, &kept).expect("put back");
    assert_eq!(Register::of_node(&world.a, &mut vault).expect("opens").len(), 0);
    fs::remove_file(&path).expect("lost");
    // A new key of the node gives cards nobody has, and their places anew.
    world.a.reincarnate(&folder.join("heads-again")).expect("a new life");
    assert!(Register::of_node(&world.a, &mut vault).is_ok());
}
