//! A site burns, and its names come back from a keeper: without those who were erased meanwhile.

use annona_ledger::cut::{Cut, Reason};
use annona_ledger::entry::{Control, Entry, Registry};
use annona_ledger::id::{FeedRef, Pseudonym};
use annona_ledger::time::Minute;

use super::*;
use crate::bundle::tests::world::{FOOD, World, export, import, key, short, write};
use crate::erase::{erase, follow, pending};
use crate::pin::{Pin, Pins};
use crate::vault::HouseholdId;

const OPERATOR: u8 = 51;

fn vault_key() -> Key {
    Key::take(&mut [7; 32])
}

fn add(vault: &mut Vault, world: &World, name: &str) -> HouseholdId {
    let mut txn = vault.begin().expect("begins");
    let member = Zeroizing::new(b"one".to_vec());
    let id = txn.add("desk", name.as_bytes(), [1; 32], name.as_bytes(), &[member]).expect("added");
    txn.mark_enrolled(id, FOOD.0, &world.federation().0.0).expect("enrolled");
    txn.commit().expect("kept");
    id
}

fn carry(from: &mut Node, to: &mut Node, folder: &Path) {
    let out = export(from, &[short(to)], folder);
    assert!(import(to, &out.files).is_whole());
}

fn certificate(world: &World, node: &Node) -> NodeCertificate {
    world.a.store().roster().node(&short(node)).expect("certified").clone()
}

#[test]
fn a_keeper_gives_back_what_it_cannot_read_and_nobody_who_was_erased() {
    let mut world = World::new();
    let path = world.dir.path().join("a/people.db");
    let mut vault = Vault::create(&path, &vault_key()).expect("a vault");
    let (gone, stays) = (add(&mut vault, &world, "زينب العلي"), add(&mut vault, &world, "سالم"));
    let backup = world.dir.path().join("backup.db");
    let another = world.dir.path().join("backup-again.db");
    for copy in [&backup, &another] {
        vault.copy_without_keys(copy, &|_| Vec::new()).expect("copied");
    }
    let (site, keeper) = (certificate(&world, &world.a), certificate(&world, &world.b));
    let (label, file) = make(&world.a, &mut vault, &keeper).expect("made");
    vault.gave_copy(label.to, label.on).expect("noted");
    assert_eq!(keep(&world.b, &file).expect("kept"), label);
    // To nobody is anything in it readable: not the keeper, who has no key of the vault.
    let (_, inner) = open(&world.b, &file).expect("for the keeper");
    let theirs = world.dir.path().join("b/people.db");
    let mut other = Vault::create(&theirs, &Key::take(&mut [8; 32])).expect("a vault");
    assert!(matches!(other.lay_over(&inner), Err(VaultFault::WrongKey { .. })));
    assert!(matches!(open(&world.a, &file), Err(CopyFault::NotForUs(_))));
    for (_, secret) in vault.secrets_of(gone) {
        assert!(!inner.windows(32).any(|w| w == secret), "sealed anew, under a key of its own");
    }

    // She is erased. The keeper has heard, and has not followed until its copy is of after it.
    erase(&mut world.a, &mut vault, &[gone], &key(OPERATOR)).expect("erased");
    assert_eq!(vault.copies().expect("reads")[0].behind, 1);
    let later = add(&mut vault, &world, "later");
    assert_eq!(vault.copies().expect("reads")[0].newer, 2);
    let to_b = world.path("to-b");
    carry(&mut world.a, &mut world.b, &to_b);
    assert_eq!(follow(&mut world.b, &mut other).expect("not yet"), 0);
    // The site burns now: what the keeper has is of before, and it names who was erased since.
    let burnt = give(&world.b, &site.short(), &site).expect("given back");
    let mut restored = Vault::open(&backup, &vault_key()).expect("opens");
    let taken = take(&world.a, &mut restored, &burnt).expect("taken");
    assert_eq!(taken, Taken { erased: 1, keyless: 0 });
    assert!(matches!(restored.household(gone), Err(VaultFault::NotFound { .. })));
    assert_eq!(restored.household(stays).expect("opens").household.as_slice(), "سالم".as_bytes());
    assert!(!restored.keys_due().expect("reads"));
    drop(restored);

    // It does not burn: a new copy takes the place of the old one, which leaves nothing, and the keeper has followed.
    let (label, newer) = make(&world.a, &mut vault, &keeper).expect("made");
    vault.gave_copy(label.to, label.on).expect("noted");
    let given = vault.copies().expect("reads");
    assert_eq!((given.len(), given[0].behind, given[0].newer), (1, 0, 0));
    keep(&world.b, &newer).expect("kept");
    assert!(matches!(keep(&world.b, &file), Err(CopyFault::Older)));
    assert_eq!(kept(&world.b).expect("reads").labels, [label]);
    assert_eq!(follow(&mut world.b, &mut other).expect("followed"), 1);
    let to_a = world.path("to-a");
    carry(&mut world.b, &mut world.a, &to_a);
    let waiting = pending(&world.a, &vault).expect("reads");
    assert!(waiting.iter().all(|one| !one.nodes.contains(&keeper.short())));
    let back = give(&world.b, &site.short(), &site).expect("given back");
    // The PINs of the backup: hers goes too, though nothing but the copy's silence tells of her now.
    let pins = world.a.folder().file(crate::folder::PINS);
    let key = world.a.vault_key().expect("a key");
    let mut pins = Pins::open(&pins, &key).expect("opens");
    for id in [gone, stays] {
        pins.set(id, &Pin::parse("204816").expect("a PIN")).expect("set");
    }
    let mut restored = Vault::open(&another, &vault_key()).expect("opens");
    let silent = Label { erased: Vec::new(), ..open(&world.a, &back).expect("opens").0 };
    let keys = open(&world.a, &back).expect("opens").1;
    let silent = close(&world.b, &silent, &site, &keys).expect("sealed");
    let taken = take(&world.a, &mut restored, &silent).expect("taken");
    assert_eq!(taken.keyless, 2, "her records");
    assert!(!pins.has(gone).expect("reads") && pins.has(stays).expect("reads"));
    assert!(restored.to_forget().expect("reads").is_empty());
    drop(restored);
    let mut restored = Vault::open(&backup, &vault_key()).expect("opens");
    take(&world.a, &mut restored, &back).expect("taken");
    assert!(restored.household(later).is_err(), "registered after the backup");
    assert_eq!(restored.household(stays).expect("opens").members.len(), 1);

    assert!(forget(&world.b, &site.short()).expect("destroyed"));
    assert!(!forget(&world.b, &site.short()).expect("again"));
    assert!(matches!(give(&world.b, &site.short(), &site), Err(CopyFault::NoneKept)));
}

/// One copy that is damaged keeps neither the others nor anybody's erasure from being followed.
#[test]
fn a_copy_that_cannot_be_read_stands_in_nobodys_way() {
    let mut world = World::new();
    let path = world.dir.path().join("a/people.db");
    let mut vault = Vault::create(&path, &vault_key()).expect("a vault");
    let gone = add(&mut vault, &world, "one");
    let keeper = certificate(&world, &world.b);
    let (label, file) = make(&world.a, &mut vault, &keeper).expect("made");
    keep(&world.b, &file).expect("kept");
    let stranger = [9; 8];
    std::fs::write(place(&world.b, &stranger), b"no copy").expect("damaged");
    let all = kept(&world.b).expect("the others");
    assert_eq!((&all.labels[..], all.unreadable.len()), (&[label.clone()][..], 1));
    assert!(all.has(&stranger) && all.has(&label.site) && !all.has(&[1; 8]));
    erase(&mut world.a, &mut vault, &[gone], &key(OPERATOR)).expect("erased");
    let to_b = world.path("to-b");
    carry(&mut world.a, &mut world.b, &to_b);
    let theirs = world.dir.path().join("b/people.db");
    let mut other = Vault::create(&theirs, &Key::take(&mut [8; 32])).expect("a vault");
    // That site's own, damaged, may hold her keys: then its erasures wait. Somebody else's does not.
    let own = place(&world.b, &label.site);
    std::fs::write(&own, b"no copy").expect("damaged");
    assert_eq!(follow(&mut world.b, &mut other).expect("waits"), 0);
    let (label, newer) = make(&world.a, &mut vault, &keeper).expect("made");
    assert_eq!(keep(&world.b, &newer).expect("in place of what is damaged"), label);
    assert_eq!(follow(&mut world.b, &mut other).expect("followed"), 1);
    assert!(forget(&world.b, &stranger).expect("destroyed"));
}

/// Keys of people go to nobody who is not certified now, is cut off, or has nothing to do with them.
#[test]
fn a_keeper_is_a_member_in_good_standing_of_the_same_programme() {
    let mut world = World::new();
    let path = world.dir.path().join("a/people.db");
    let mut vault = Vault::create(&path, &vault_key()).expect("a vault");
    add(&mut vault, &world, "one");
    let (b, t) = (certificate(&world, &world.b), certificate(&world, &world.t));
    let refused = |node: &Node, vault: &mut Vault, keeper: &NodeCertificate| match make(
        node, vault, keeper,
    ) {
        Err(CopyFault::NotGiven { node, why }) if node == keeper.short() => why,
        other => panic!("{:?}", other.map(drop)),
    };
    let stranger = NodeCertificate { node: key(99).public(), ..b.clone() };
    let why = refused(&world.a, &mut vault, &stranger);
    assert_eq!(why, NoKeeper::NoMember(NoMember::Uncertified));
    let mut theirs =
        Vault::create(&world.dir.path().join("b/people.db"), &vault_key()).expect("one");
    assert_eq!(refused(&world.b, &mut theirs, &t), NoKeeper::OtherProgrammes);
    let (label, file) = make(&world.a, &mut vault, &b).expect("made");
    vault.gave_copy(label.to, label.on).expect("noted");
    keep(&world.b, &file).expect("kept");
    // It is waited for, whatever its certificate lets it do; and is told of when it is lost.
    let gone = add(&mut vault, &world, "two");
    vault.gave_copy(t.short(), label.on).expect("noted");
    erase(&mut world.a, &mut vault, &[gone], &key(OPERATOR)).expect("erased");
    let waiting = pending(&world.a, &vault).expect("reads");
    assert!(waiting.iter().all(|one| one.nodes.contains(&t.short())), "{waiting:?}");
    let control = world.b.feed(Lane::Control, ProgrammeId::NONE);
    let feed = FeedRef { node: b.short(), lane: Lane::Registry, programme: FOOD };
    let (cut, reason) = (Cut::NOTHING, Reason::Lost);
    let revoke = Control::Revoke { feed, cut, reason, at: world.b.stamp(&control).expect("now") };
    write(&mut world.b, control, vec![revoke.into()]);
    let to_a = world.path("to-a");
    carry(&mut world.b, &mut world.a, &to_a);
    assert_eq!(refused(&world.a, &mut vault, &b), NoKeeper::NoMember(NoMember::Cut));
    // Nor is anything given back to a device that is lost: who has it now would read the names.
    let (label, back) = make(&world.a, &mut vault, &t).expect("made");
    keep(&world.t, &back).map(|kept| assert_eq!(kept, label)).expect("kept");
    let given = give(&world.t, &label.site, &b).map(drop);
    assert!(given.is_ok(), "it has not heard: {given:?}");
}

#[test]
fn what_is_no_copy_for_this_node_from_that_one_is_refused() {
    let world = World::new();
    let mut vault =
        Vault::create(&world.dir.path().join("a/people.db"), &vault_key()).expect("a vault");
    add(&mut vault, &world, "one");
    let keeper = certificate(&world, &world.b);
    let (_, file) = make(&world.a, &mut vault, &keeper).expect("made");
    for at in [0, 17, 30, 60, 200, file.len() - 100, file.len() - 1] {
        let mut bytes = file.clone();
        bytes[at] ^= 1;
        assert!(keep(&world.b, &bytes).is_err(), "byte {at}");
    }
    for end in [0, 15, 20, 100, file.len() - 64, file.len() - 1] {
        assert!(keep(&world.b, &file[..end]).is_err(), "cut at {end}");
    }
    let mut long = file.clone();
    long[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(matches!(keep(&world.b, &long), Err(CopyFault::NotACopy)));
    // What a keeper gives back is no copy to keep, and of another vault no copy to take.
    keep(&world.b, &file).expect("kept");
    let site = certificate(&world, &world.a);
    let back = give(&world.b, &site.short(), &site).expect("given back");
    assert!(matches!(keep(&world.a, &back), Err(CopyFault::NotACopy)));
    let path = world.dir.path().join("other.db");
    let mut other = Vault::create(&path, &vault_key()).expect("a vault");
    assert!(matches!(take(&world.a, &mut other, &back), Err(CopyFault::OtherVault { .. })));
}

#[test]
fn a_copy_that_a_clock_ahead_has_dated_keeps_no_newer_one_out() {
    let world = World::new();
    let path = world.dir.path().join("a/people.db");
    let mut vault = Vault::create(&path, &vault_key()).expect("a vault");
    add(&mut vault, &world, "first");
    let keeper = certificate(&world, &world.b);
    let (label, _) = make(&world.a, &mut vault, &keeper).expect("made");
    let dated = |vault: &mut Vault, days: u32| {
        let label = Label { on: label.on.plus(days), ..label.clone() };
        let keys = Zeroizing::new(vault.copy_keys().expect("keys"));
        close(&world.a, &label, &keeper, &keys).expect("sealed")
    };
    // Made while the site's clock was twenty days ahead; then it was set right, and somebody more was registered.
    keep(&world.b, &dated(&mut vault, 20)).expect("kept");
    add(&mut vault, &world, "second");
    let (label, right) = make(&world.a, &mut vault, &keeper).expect("made");
    assert_eq!(keep(&world.b, &right).expect("newer, whatever the other says"), label);
    assert_eq!(kept(&world.b).expect("reads").labels, [label]);
    // Of two that may be true the later day is the later copy.
    keep(&world.b, &dated(&mut vault, 1)).expect("kept");
    assert!(matches!(keep(&world.b, &right), Err(CopyFault::Older)));
}

/// Two sticks in the wrong order, at a keeper that was shut or whose battery is flat: it knows by others what is of today.
#[test]
fn a_keeper_whose_clock_is_behind_takes_no_older_copy_over_the_newer() {
    let mut world = World::new();
    let path = world.dir.path().join("a/people.db");
    let mut vault = Vault::create(&path, &vault_key()).expect("a vault");
    add(&mut vault, &world, "first");
    let keeper = certificate(&world, &world.b);
    let (label, _) = make(&world.a, &mut vault, &keeper).expect("made");
    let dated = |world: &World, vault: &mut Vault, days: u32| {
        let label = Label { on: label.on.plus(days), ..label.clone() };
        let keys = Zeroizing::new(vault.copy_keys().expect("keys"));
        close(&world.a, &label, &keeper, &keys).expect("sealed")
    };
    let (old, new) = (dated(&world, &mut vault, 10), dated(&world, &mut vault, 30));
    // It wrote itself long ago, and heard of the site on the thirtieth day.
    crate::bundle::tests::world::enrol(&mut world.b, FOOD, [8; 16]);
    let late = Registry::Enrol { pseudonym: Pseudonym([9; 16]), at: Minute(30 * 24 * 60) };
    let registry = world.a.feed(Lane::Registry, FOOD);
    write(&mut world.a, registry, vec![Entry::from(late).into()]);
    let (to, out) = (short(&world.b), world.path("late"));
    let sent = export(&mut world.a, &[to], &out);
    assert!(import(&mut world.b, &sent.files).is_whole());
    let dir = world.dir.path().to_owned();
    world.b.close().expect("stops");
    world.b = crate::bundle::tests::world::reopen_at(&dir, "b", 0);
    keep(&world.b, &new).expect("kept");
    assert_eq!(dated_later(&world.b, &old).expect("reads"), Some(label.on.plus(30)));
    assert!(matches!(keep(&world.b, &old), Err(CopyFault::Older)));
    assert_eq!(kept(&world.b).expect("reads").labels[0].on, label.on.plus(30));
    // Somebody knows better.
    replace(&world.b, &old).expect("kept");
    assert_eq!(kept(&world.b).expect("reads").labels[0].on, label.on.plus(10));
}
