use std::fs;

use super::*;
use crate::keystore::{Name, Secret};
use crate::seal::Cost;

fn words(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn holder(n: u8) -> Holder {
    Holder::of(&[n; 32])
}

#[test]
fn any_two_of_the_operators_open_it_and_nobody_else() {
    let parent = tempfile::tempdir().expect("folder");
    let folder = Folder::create(&parent.path().join("site")).expect("folder");
    let path = folder.file(KEYS);
    let mut keys = Keystore::create(&path, &words("one two"), Cost::FLOOR).expect("create");
    keys.put(Name::Vault, Secret::seed(&mut [7; 32])).expect("put");
    keys.save().expect("save");
    assert!(matches!(open(&folder, &[holder(1), holder(2)]), Err(SharesFault::None)));
    assert!(!renew(&folder, &keys).expect("nothing to renew"));
    for wrong in [vec![holder(1)], vec![holder(1), holder(1)], (0..17).map(holder).collect()] {
        assert!(matches!(make(&folder, &keys, &wrong), Err(SharesFault::Count)));
    }
    let all = [1, 2, 3, 4];
    make(&folder, &keys, &all.map(holder)).expect("made");
    let who = holders(&folder).expect("reads");
    assert_eq!(who, all.map(|n| holder(n).public()));
    for (a, b) in [(1, 2), (4, 1), (3, 2), (3, 4)] {
        let opened = open(&folder, &[holder(a), holder(b)]).expect("opens");
        assert_eq!(opened.get(Name::Vault).and_then(Secret::as_seed), Some(&[7; 32]));
    }
    assert!(open(&folder, &[holder(1), holder(2), holder(3)]).is_ok(), "more than two");
    for (by, count) in [(vec![holder(1)], true), (vec![holder(2), holder(2)], true)] {
        let told = open(&folder, &by).err().expect("one alone");
        assert_eq!(matches!(told, SharesFault::Count), count);
    }
    let told = open(&folder, &[holder(1), holder(9)]).err().expect("a stranger");
    assert!(matches!(told, SharesFault::NotTheirs(key) if key == holder(9).public()));

    // Another passphrase: the same shares, once renewed; those of before a new split open nothing.
    let before = fs::read(folder.file(SHARES)).expect("reads");
    keys.change_passphrase(&words("three"), Cost::FLOOR).expect("changed");
    let told = open(&folder, &[holder(1), holder(2)]).err().expect("not renewed");
    assert!(matches!(told, SharesFault::OtherKeys));
    assert!(!fit(&folder).expect("reads"), "it is heard of before the passphrase is lost");
    assert!(renew(&folder, &keys).expect("renewed"));
    assert!(fit(&folder).expect("reads"));
    let mut opened = open(&folder, &[holder(1), holder(2)]).expect("opens");
    opened.change_passphrase(&words("four"), Cost::FLOOR).expect("the passphrase was lost");
    assert!(Keystore::open(&path, &words("four")).is_ok());
    make(&folder, &opened, &[holder(2), holder(5)]).expect("split anew");
    assert!(open(&folder, &[holder(2), holder(5)]).is_ok());
    let told = open(&folder, &[holder(1), holder(2)]).err().expect("has left");
    assert!(matches!(told, SharesFault::NotTheirs(_)));
    fs::write(folder.file(SHARES), &before).expect("the old file back");
    assert!(matches!(open(&folder, &[holder(1), holder(2)]), Err(SharesFault::OtherKeys)));

    for at in [0, 20, 50, 70, 150, 200, before.len() - 1] {
        let mut bytes = before.clone();
        bytes[at] ^= 1;
        fs::write(folder.file(SHARES), &bytes).expect("write");
        assert!(matches!(holders(&folder), Err(SharesFault::Damaged)), "byte {at}");
    }
    for end in [0, 16, 145, 146, before.len() - 1] {
        fs::write(folder.file(SHARES), &before[..end]).expect("write");
        assert!(matches!(holders(&folder), Err(SharesFault::Damaged)), "cut at {end}");
    }
    // Nobody reads a share, nor what it opens, in the file.
    for secret in [[1u8; 32], [2; 32], [7; 32]] {
        assert!(!before.windows(32).any(|w| w == secret));
    }
}
