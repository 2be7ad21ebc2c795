use std::fs;

use super::*;

fn words(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn every_name() -> [Name; 14] {
    [
        Name::NodeSigning,
        Name::NodeTransport,
        Name::NodeSealing,
        Name::Vault,
        Name::Organisation(OrgId(0)),
        Name::Organisation(OrgId(300)),
        Name::Recovery(OrgId(3)),
        Name::Operator([1; 8]),
        Name::Operator([2; 8]),
        Name::Cycle(ProgrammeId(1), CycleId(2)),
        Name::Cycle(ProgrammeId(300), CycleId(1)),
        Name::Card([255; 8]),
        Name::Site(1),
        Name::Site(300),
    ]
}

#[test]
fn every_kind_of_secret_comes_back_after_closing_and_after_a_new_passphrase() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys.annona");
    let mut keys = Keystore::create(&path, &words("one two"), Cost::FLOOR).expect("create");
    for (n, name) in (0u8..).zip(every_name()) {
        keys.put(name, Secret::seed(&mut [n; 32])).expect("put");
    }
    keys.save().expect("save");
    let again = Keystore::create(&path, &words("x"), Cost::FLOOR);
    assert!(matches!(again, Err(KeystoreFault::Exists { .. })), "never overwritten");

    let mut keys = Keystore::open(&path, &words("one two")).expect("open");
    assert!(keys.names().eq(every_name()), "in the order of their names");
    let cost = Cost { passes: 3, ..Cost::FLOOR };
    keys.change_passphrase(&words("three"), cost).expect("change");
    assert!(keys.remove(Name::Card([255; 8])) && !keys.remove(Name::Card([0; 8])));
    keys.save().expect("save");
    let told = Keystore::open(&path, &words("one two")).err().expect("old passphrase");
    assert!(matches!(told, KeystoreFault::WrongPassphrase { .. }), "{told}");

    let keys = Keystore::open(&path, &words("three")).expect("open");
    assert_eq!(keys.describe(), Description { cost, secrets: 13 });
    assert_eq!(
        keys.describe().to_string(),
        "Argon2id, 19 MiB, 3 passes, 1 lane; 13 secrets, XChaCha20-Poly1305 \
         (below the default cost: for demonstrations and tests)"
    );
    let seed = keys.get(Name::Recovery(OrgId(3))).and_then(Secret::as_seed).expect("there");
    assert_eq!(seed, &[6; 32]);
    assert!(keys.get(Name::Recovery(OrgId(4))).is_none());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).expect("metadata").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_same_letters_from_another_keyboard_open_it() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys.annona");
    Keystore::create(&path, &words("caf\u{e9} أمينة"), Cost::FLOOR).expect("create");
    assert!(Keystore::open(&path, &words("cafe\u{301} أمينة")).is_ok());
    assert!(Keystore::open(&path, &words("cafe أمينة")).is_err());
}

#[test]
fn any_byte_changed_or_missing_is_damage_and_not_a_wrong_passphrase() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys.annona");
    let mut keys = Keystore::create(&path, &words("p"), Cost::FLOOR).expect("create");
    keys.put(Name::Vault, Secret::random().expect("randomness")).expect("put");
    keys.save().expect("save");
    let whole = fs::read(&path).expect("read");
    let told = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("write");
        Keystore::open(&path, &words("p")).err()
    };
    for at in 0..whole.len() {
        let mut bad = whole.clone();
        bad[at] ^= 0x10;
        let fault = told(&bad).expect("changed");
        let expected = match at {
            0..12 => matches!(fault, KeystoreFault::NotKeys { .. }),
            12..14 => matches!(fault, KeystoreFault::Newer { .. }),
            _ => matches!(fault, KeystoreFault::Damaged { .. }),
        };
        assert!(expected, "byte {at}: {fault}");
        let fault = told(&whole[..at]).expect("cut");
        let expected = match at {
            0..12 => matches!(fault, KeystoreFault::NotKeys { .. }),
            _ => matches!(fault, KeystoreFault::Damaged { .. }),
        };
        assert!(expected, "cut at {at}: {fault}");
    }
    let mut longer = whole.clone();
    longer.push(0);
    assert!(matches!(told(&longer), Some(KeystoreFault::Damaged { .. })));
    assert!(told(&whole).is_none(), "whole again");
    fs::File::create(&path).expect("create").set_len(4 << 30).expect("sparse 4 GiB");
    assert!(matches!(Keystore::open(&path, &words("p")), Err(KeystoreFault::Disk(_))));
}

#[test]
fn a_file_of_the_first_version_opens_and_is_saved_as_one_of_this() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys.annona");
    let mut keys = Keystore::create(&path, &words("p"), Cost::FLOOR).expect("create");
    keys.put(Name::Vault, Secret::seed(&mut [7; 32])).expect("put");
    let of = |version: u16| sealed(&keys.path, &keys.secrets, &keys.lock, version).expect("sealed");
    let opens = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("write");
        Keystore::open(&path, &words("p"))
    };
    let old = opens(&of(1)).expect("it has nothing that is not known here");
    assert_eq!(old.names().collect::<Vec<_>>(), [Name::Vault]);
    old.save().expect("save");
    assert_eq!(fs::read(&path).expect("read")[12..14], VERSION.to_le_bytes());
    let told = opens(&of(VERSION + 1)).err().expect("it may hold what is not known here");
    assert!(matches!(told, KeystoreFault::Newer { .. }), "{told}");
    let told = opens(&of(0)).err().expect("there never was one");
    assert!(matches!(told, KeystoreFault::Damaged { .. }), "{told}");
}

#[test]
fn a_header_changed_with_its_checksum_mended_still_does_not_open() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys.annona");
    Keystore::create(&path, &words("p"), Cost::FLOOR).expect("create");
    let whole = fs::read(&path).expect("read");
    let forge = |at: usize, value: u32| {
        let mut bad = whole.clone();
        bad[at..at + 4].copy_from_slice(&value.to_le_bytes());
        let sum = hash(Purpose::File, &[&bad[..HEADER], &bad[START..]]);
        bad[HEADER..START].copy_from_slice(&sum.0);
        fs::write(&path, bad).expect("write");
        Keystore::open(&path, &words("p")).err().expect("forged")
    };
    // Memory and passes out of bounds are refused before any work; the reason is in the text.
    for (at, value) in [(14, 8), (14, u32::MAX), (18, 1), (18, u32::MAX)] {
        let told = forge(at, value);
        let text = told.to_string();
        assert!(matches!(told, KeystoreFault::Seal { .. }) && text.contains("19 MiB"), "{text}");
    }
    assert!(matches!(forge(18, 3), KeystoreFault::WrongPassphrase { .. }), "another cost");
    assert!(matches!(forge(22, 7), KeystoreFault::WrongPassphrase { .. }), "another salt");
}

#[test]
fn what_must_not_be_made_is_not_made() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys.annona");
    let low = Cost { memory_kib: 1024, passes: 1 };
    assert!(matches!(Keystore::create(&path, &words("p"), low), Err(KeystoreFault::Seal { .. })));
    let told = Keystore::create(&path, &words(""), Cost::FLOOR);
    assert!(matches!(told, Err(KeystoreFault::EmptyPassphrase)));
    assert!(!path.exists());
    assert!(Secret::take(Zeroizing::new(vec![0; MAX_SECRET + 1])).is_none());
}

#[test]
fn a_save_that_fails_leaves_the_old_file_and_leftovers_are_swept() {
    let folder = tempfile::tempdir().expect("folder");
    let home = folder.path().join("home");
    fs::create_dir(&home).expect("home");
    let path = home.join("keys.annona");
    let mut keys = Keystore::create(&path, &words("p"), Cost::FLOOR).expect("create");
    let away = folder.path().join("away");
    fs::rename(&home, &away).expect("the disk is pulled out");
    keys.put(Name::Vault, Secret::seed(&mut [1; 32])).expect("put");
    assert!(matches!(keys.save(), Err(KeystoreFault::Disk(_))));
    assert!(keys.change_passphrase(&words("new"), Cost::FLOOR).is_err());
    fs::rename(&away, &home).expect("and back");
    let leftover = home.join(".keys.annona.0123456789abcdef.annona-tmp");
    fs::write(&leftover, b"half").expect("leftover");
    assert_eq!(Keystore::open(&path, &words("p")).expect("open").describe().secrets, 0);
    assert!(!leftover.exists());
    keys.save().expect("save under the old passphrase");
    assert_eq!(Keystore::open(&path, &words("p")).expect("open").describe().secrets, 1);
}

#[test]
fn sealed_bytes_that_are_not_rising_names_are_refused() {
    let one = |name: Name| [&name.to_bytes()[..], &[1, 7]].concat();
    let (a, b) = (one(Name::NodeSigning), one(Name::Card([1; 8])));
    assert_eq!(parse(&[a.clone(), b.clone()].concat()).expect("rising").len(), 2);
    assert!(parse(&[b, a.clone()].concat()).is_none(), "falling");
    assert!(parse(&[a.clone(), a.clone()].concat()).is_none(), "twice");
    assert!(parse(&a[..a.len() - 1]).is_none(), "cut");
    assert!(parse(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).is_none(), "unknown kind");
    assert!(parse(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0]).is_none(), "another spelling");
    for name in every_name() {
        assert_eq!(Name::from_bytes(name.to_bytes()), Some(name));
    }
}

proptest::proptest! {
    #[test]
    fn what_parses_prints_back_to_the_same_bytes(
        bytes in proptest::collection::vec(0..12u8, 0..60),
        secrets in proptest::collection::btree_map(0..9usize, proptest::collection::vec(0..255u8, 0..=MAX_SECRET), 0..9),
    ) {
        if let Some(read) = parse(&bytes) {
            proptest::prop_assert_eq!(print(&read).to_vec(), bytes);
        }
        let names = every_name();
        let kept: BTreeMap<_, _> = secrets
            .into_iter()
            .filter_map(|(n, bytes)| Some((names[n], Secret::take(Zeroizing::new(bytes))?)))
            .collect();
        let printed = print(&kept);
        let again = parse(&printed).expect("own print");
        proptest::prop_assert_eq!(print(&again).to_vec(), printed.to_vec());
        proptest::prop_assert_eq!(again.len(), kept.len());
    }
}

#[test]
fn a_passphrase_that_was_changed_elsewhere_is_not_undone_by_a_save() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("keys.annona");
    let mut first = Keystore::create(&path, &words("one"), Cost::FLOOR).expect("made");
    let mut second = Keystore::open(&path, &words("one")).expect("opens");
    second.change_passphrase(&words("two"), Cost::FLOOR).expect("changed");
    second.save().expect("it is its own");
    assert!(matches!(first.save(), Err(KeystoreFault::Changed { .. })));
    let again = first.change_passphrase(&words("three"), Cost::FLOOR);
    assert!(matches!(again, Err(KeystoreFault::Changed { .. })));
    Keystore::open(&path, &words("two")).expect("as it was changed");
}
