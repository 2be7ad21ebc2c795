//! Decoders of files that open by a secret: whoever made the file had it, so what is inside is tried as well as the outside.
//!
//! Bytes that begin as such a file are given as they are; all others are sealed first, as its inside.

use std::path::Path;
use std::sync::LazyLock;

use annona_ledger::hash::{Purpose, hash};
use annona_node::backup;
use annona_node::folder::{Folder, KEYS, SETTINGS, SHARES};
use annona_node::keystore::{Keystore, Name, Secret};
use annona_node::seal::{Cost, Key, Stream};
use annona_node::shares::{self, Holder};
use zeroize::Zeroizing;

use super::in_file;

const KEYSTORE: &[u8] = b"annona keys\n";
/// Magic, version, memory, passes, salt; the length of what is sealed follows.
const KEYSTORE_START: usize = 12 + 2 + 4 + 4 + 16;
const BACKUP: &[u8] = b"annona backup 1\n";
const BACKUP_START: usize = 16 + 4 + 4 + 16;
const SALT: [u8; 16] = [9; 16];
/// Where memory and passes stand in both.
const KEYSTORE_COST: usize = 14;
const BACKUP_COST: usize = 16;

fn passphrase() -> Zeroizing<String> {
    Zeroizing::new("one that whoever made the file knows".to_owned())
}

fn cost() -> [u8; 8] {
    let Cost { memory_kib, passes } = Cost::FLOOR;
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&memory_kib.to_le_bytes());
    bytes[4..].copy_from_slice(&passes.to_le_bytes());
    bytes
}

/// The key of every inside.
static KEY: LazyLock<[u8; 32]> = LazyLock::new(|| {
    let key = Cost::FLOOR.key(passphrase().as_bytes(), &SALT).expect("the floor");
    *key.expose()
});

fn key() -> Key {
    Key::take(&mut KEY.clone())
}

/// Whether a header asks for more than the floor and no more than may be asked for: what that costs is known, and paid here
/// for none.
fn is_dear(bytes: &[u8], at: usize) -> bool {
    let number = |at: usize| {
        let four = bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes(*four))
    };
    let (Some(memory), Some(passes)) = (number(at), number(at + 4)) else { return false };
    let (floor, ceiling) = (Cost::FLOOR, Cost::CEILING);
    let within = |is: u32, low: u32, high: u32| (low..=high).contains(&is);
    let taken = within(memory, floor.memory_kib, ceiling.memory_kib)
        && within(passes, floor.passes, ceiling.passes);
    taken && bytes[at..at + 8] != cost()
}

/// A key file.
pub(super) fn keystore(bytes: &[u8]) -> bool {
    let open = |path: &Path| {
        let Ok(keys) = Keystore::open(path, &passphrase()) else { return false };
        let before = keys.names().count();
        keys.save().expect("what is read is written");
        Keystore::open(path, &passphrase()).is_ok_and(|again| again.names().count() == before)
    };
    if bytes.starts_with(KEYSTORE) {
        return !is_dear(bytes, KEYSTORE_COST) && in_file(KEYS, bytes, open);
    }
    in_file(KEYS, &closed(bytes), open)
}

fn closed(inside: &[u8]) -> Vec<u8> {
    let sealed = inside.len() + annona_node::seal::OVERHEAD;
    let sealed = u32::try_from(sealed).expect("short").to_le_bytes();
    let header = [KEYSTORE, &3u16.to_le_bytes(), &cost(), &SALT, &sealed].concat();
    assert_eq!(header.len(), KEYSTORE_START + 4, "a header");
    let sealed = key().seal(&header, inside).expect("sealed");
    let checksum = hash(Purpose::File, &[&header, &sealed]);
    [&header[..], &checksum.0, &sealed].concat()
}

/// A backup, and the file of people's keys beside one.
pub(super) fn backup(bytes: &[u8]) -> bool {
    let read = |path: &Path| {
        let people = backup::check_people_keys(path, &passphrase()).is_ok();
        let into = path.with_file_name("into");
        std::fs::create_dir(&into).expect("a folder");
        let whole = backup::read(path, &into, &passphrase());
        let checked = backup::check(path, &passphrase());
        assert_eq!(whole.is_ok(), checked.is_ok(), "a check answers as the reading does");
        people || whole.is_ok()
    };
    if bytes.starts_with(BACKUP) {
        return !is_dear(bytes, BACKUP_COST) && in_file("backup", bytes, read);
    }
    let header = [BACKUP, &cost(), &SALT].concat();
    assert_eq!(header.len(), BACKUP_START, "a header");
    let mut stream = Stream::new(&key());
    let mut file = header.clone();
    // Cut into chunks somewhere, so that a name or a length stands on both sides of a cut.
    let mut rest = bytes;
    loop {
        let (piece, after) =
            rest.split_at(rest.len().min(13 + usize::from(bytes.len() > 512) * 499));
        let last = after.is_empty();
        let sealed = stream.seal(&header, piece, last).expect("sealed");
        file.push(u8::from(last));
        file.extend(u32::try_from(sealed.len()).expect("short").to_le_bytes());
        file.extend(sealed);
        if last {
            break in_file("backup", &file, read);
        }
        rest = after;
    }
}

/// The file of operators' shares, without its checksum.
pub(super) fn shares_file(bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("a folder for two files");
    let folder = Folder::create(&folder.path().join("node")).expect("a folder");
    let file = [bytes, &hash(Purpose::File, &[bytes]).0].concat();
    std::fs::write(folder.file(SHARES), file).expect("room");
    let opened = shares::open(&folder, &holders());
    assert!(opened.is_err(), "there is no key file that it could open");
    drop(shares::fit(&folder));
    shares::holders(&folder).is_ok()
}

fn holders() -> [Holder; 2] {
    [[21; 32], [22; 32]].map(|seed| Holder::of(&seed))
}

/// What a fuzzer begins with: one good file of each, and its inside.
///
/// # Panics
///
/// Where there is no room for small files.
#[must_use]
pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let place = tempfile::tempdir().expect("a folder");
    let folder = Folder::create(&place.path().join("node")).expect("a folder");
    let (path, passphrase) = (folder.file(KEYS), passphrase());
    let mut keys = Keystore::create(&path, &passphrase, Cost::FLOOR).expect("a key file");
    for name in [Name::NodeSigning, Name::Vault] {
        let secret = Secret::take(Zeroizing::new(vec![7; 32])).expect("a secret");
        keys.put(name, secret).expect("few");
    }
    keys.save().expect("saved");
    shares::make(&folder, &keys, &holders()).expect("two operators");
    let mut shares = std::fs::read(folder.file(SHARES)).expect("written");
    shares.truncate(shares.len() - 32);
    let whole = place.path().join("whole");
    backup::write(&whole, &[(KEYS, &path)], &passphrase, Cost::FLOOR)
        .and_then(backup::Unnamed::named)
        .expect("a backup");
    let read = |path| std::fs::read(path).expect("written");
    // Kind, what tells it apart, length, secret.
    let inside = [&[1][..], &[0; 8], &[32], &[7; 32]].concat();
    let named = |name: &str, bytes: &[u8]| {
        let length = u8::try_from(name.len()).expect("a short name");
        let size = (bytes.len() as u64).to_le_bytes();
        [&[length][..], name.as_bytes(), &size, bytes].concat()
    };
    let files = [named(KEYS, b"keys"), named(SETTINGS, b""), vec![0]].concat();
    let people = [named(backup::PEOPLE_KEYS, b"keys"), vec![0]].concat();
    vec![
        ("keystore_file", read(&path)),
        ("keystore_file", inside),
        ("shares_file", shares),
        ("backup_file", read(&whole)),
        ("backup_file", files),
        ("backup_file", people),
    ]
}
