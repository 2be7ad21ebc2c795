//! A disk that is really full: nothing half-written, the fault named, and everything well once there is room again.
//!
//! Mounts a small tmpfs, so it runs only when asked to, as root: `cargo test -p annona-node --test full_disk -- --ignored`

#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use annona_ledger::hash::Hash;
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_node::folder::{Folder, KEYS, PEOPLE};
use annona_node::guard::{Guard, Mark};
use annona_node::keystore::{Keystore, Name, Secret};
use annona_node::seal::{Cost, Key};
use annona_node::vault::Vault;
use zeroize::Zeroizing;

/// A mounted disk of one megabyte, unmounted when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn mount() -> Self {
        let place = tempfile::tempdir().expect("folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(place.path())
            .status()
            .expect("mount");
        assert!(mounted.success(), "only root can mount");
        Self(place)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Fills what room is left, to the last byte.
    fn fill(&self) -> PathBuf {
        let ballast = self.path("ballast");
        let mut size = 1 << 20;
        let mut bytes = Vec::new();
        while size > 0 {
            bytes.resize(bytes.len() + size, 1);
            if fs::write(&ballast, &bytes).is_err() {
                bytes.truncate(bytes.len() - size);
                size /= 2;
            }
        }
        // The last attempt may have been cut short by the disk: what counts is that no byte is free.
        drop(fs::write(&ballast, vec![1; bytes.len() + 4096]));
        ballast
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|s| s.success()), "unmount {}", self.0.path().display());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("list")
        .map(|e| e.expect("entry").file_name().into_string().expect("utf-8"))
        .collect();
    names.sort();
    names
}

#[test]
#[ignore = "mounts a tmpfs: run as root with --ignored"]
fn a_full_disk_is_named_and_nothing_is_half_done() {
    let disk = Disk::mount();
    let folder = Folder::create(&disk.path("site")).expect("folder");
    let passphrase = Zeroizing::new("four words of dust".to_owned());
    let mut keys =
        Keystore::create(&folder.file(KEYS), &passphrase, Cost::FLOOR).expect("key file");
    let mut vault =
        Vault::create(&folder.file(PEOPLE), &Key::random().expect("randomness")).expect("vault");
    let node = PublicKey::Ed25519([5; 32]);
    let guard = Guard::create(&disk.path("heads"), &node, [1; 16], &folder).expect("guard");
    let no_history = |_: Lane, _: ProgrammeId, _: u64| None;
    let mut armed = guard.arm(&[], no_history).expect("new node");
    let mut txn = vault.begin().expect("begin");
    let id = txn.add("f", b"first", [1; 32], b"kept", &[]).expect("add");
    txn.commit().expect("commit");
    let before = names(folder.root());

    let ballast = disk.fill();
    let mark = |sealed| Mark {
        lane: Lane::Value,
        programme: ProgrammeId(1),
        sealed,
        head: Hash([sealed as u8; 32]),
    };
    keys.put(Name::Vault, Secret::seed(&mut [1; 32])).expect("put");
    let mut faults = vec![
        keys.save().expect_err("keys").to_string(),
        armed.remember(&[mark(9)]).expect_err("heads").to_string(),
    ];
    let mut txn = vault.begin().expect("begin");
    let body = vec![7; 16 * 1024];
    // SQLite keeps pages in memory for a while, so it is the commit at the latest that must say it.
    let added = (0..200u8).try_for_each(|n| txn.add("f", &[n], [2; 32], &body, &[]).map(drop));
    faults.push(added.and_then(|()| txn.commit()).expect_err("people").to_string());
    for fault in faults {
        assert!(fault.contains("the disk is full. Free some space"), "{fault}");
    }
    assert_eq!(names(folder.root()), before, "no leftovers");
    assert_eq!(vault.verify().expect("whole"), 1);

    fs::remove_file(ballast).expect("make room");
    keys.save().expect("keys");
    armed.remember(&[mark(9)]).expect("heads");
    armed.close(&[mark(9)]).expect("clean stop");
    let mut txn = vault.begin().expect("begin");
    txn.add("f", b"second", [2; 32], b"new", &[]).expect("add");
    txn.commit().expect("commit");
    assert_eq!(vault.household(id).expect("open").household.as_slice(), b"kept");
    assert_eq!(vault.verify().expect("whole"), 2);
    drop((vault, keys));
    let keys = Keystore::open(&folder.file(KEYS), &passphrase).expect("open");
    assert_eq!(keys.describe().secrets, 1);
    let guard = Guard::open(&disk.path("heads"), &node, &folder).expect("open");
    guard.check(&[mark(9)], no_history).expect("the living folder");
    drop((guard, folder));
}
