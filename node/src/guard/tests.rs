use std::fs;

use super::*;

const NODE: PublicKey = PublicKey::Ed25519([5; 32]);

fn mark(lane: Lane, programme: u16, sealed: u64, head: u8) -> Mark {
    Mark { lane, programme: ProgrammeId(programme), sealed, head: Hash([head; 32]) }
}

fn value(sealed: u64, head: u8) -> Mark {
    mark(Lane::Value, 3, sealed, head)
}

/// A machine with a place for heads and data folders, each as its own process would see it.
struct Machine {
    disk: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        Self { disk: tempfile::tempdir().expect("folder") }
    }

    fn heads(&self) -> PathBuf {
        self.disk.path().join("state/annona/heads")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.disk.path().join(name)
    }

    fn begun(&self) -> Folder {
        let folder = Folder::create(&self.path("site")).expect("folder");
        Guard::create(&self.heads(), &NODE, [1; 16], &folder).expect("begin");
        folder
    }

    fn open(&self, folder: &Folder) -> Result<Guard, GuardFault> {
        Guard::open(&self.heads(), &NODE, folder)
    }

    /// The folder as one that has begun to sign.
    fn begins(&self, folder: &Folder) -> Armed {
        let mut armed = self.open(folder).expect("open").arm(&[], counting).expect("living");
        armed.begin(&[]).expect("its turn");
        armed
    }

    fn file(&self) -> PathBuf {
        path_of(&self.heads(), &NODE)
    }
}

/// A folder whose feed has head `n` after entry `n`.
fn counting(_: Lane, _: ProgrammeId, sealed: u64) -> Option<Hash> {
    u8::try_from(sealed).ok().map(|n| Hash([n; 32]))
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("create");
    for entry in fs::read_dir(from).expect("list") {
        let entry = entry.expect("entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copy");
    }
}

#[test]
fn what_is_remembered_is_compared_feed_by_feed() {
    type Told = Result<(), GuardFault>;
    let check = |remembered: &[Mark], claimed: &[Mark], told: fn(Told) -> bool, what: &str| {
        assert!(told(compare(remembered, claimed, counting)), "{what}");
    };
    let fine: fn(Told) -> bool = |t| t.is_ok();
    let diverged: fn(Told) -> bool = |t| matches!(t, Err(GuardFault::Diverged { .. }));
    check(&[], &[], fine, "new node");
    check(&[], &[value(9, 9)], fine, "first feed since");
    check(&[value(9, 9)], &[value(9, 9)], fine, "equal");
    check(&[value(9, 9)], &[value(12, 12)], fine, "ahead, passing through");
    check(&[value(0, 0)], &[value(4, 4)], fine, "remembered empty");
    check(&[value(9, 9)], &[value(9, 8)], diverged, "same place, other entries");
    check(&[value(9, 77)], &[value(12, 12)], diverged, "ahead on another branch");
    check(&[value(300, 1)], &[value(301, 1)], diverged, "no block ends there");
    check(
        &[value(9, 9)],
        &[value(8, 8)],
        |t| matches!(t, Err(GuardFault::Behind { folder: 8, remembered }) if remembered == value(9, 9)),
        "rolled back",
    );
    check(
        &[value(9, 9)],
        &[mark(Lane::Value, 4, 9, 9), mark(Lane::Registry, 3, 9, 9)],
        |t| matches!(t, Err(GuardFault::Behind { folder: 0, .. })),
        "the feed is gone, others do not stand in for it",
    );
    check(
        &[mark(Lane::Control, 0, 2, 2), value(9, 9)],
        &[value(9, 9), mark(Lane::Control, 0, 1, 1)],
        |t| matches!(t, Err(GuardFault::Behind { remembered, .. }) if remembered.lane == Lane::Control),
        "one of two",
    );
}

#[test]
fn marks_only_rise() {
    let have = [value(9, 9)];
    assert_eq!(raise(&have, &[value(9, 9)]).expect("same"), have);
    assert_eq!(raise(&have, &[value(10, 1)]).expect("up"), [value(10, 1)]);
    assert_eq!(raise(&have, &[]).expect("nothing"), have);
    let control = mark(Lane::Control, 0, 1, 1);
    assert_eq!(raise(&have, &[control]).expect("new feed"), [control, value(9, 9)], "in order");
    for lower in [value(8, 8), value(9, 8), value(0, 0)] {
        assert!(matches!(raise(&have, &[lower]), Err(GuardFault::Lower { .. })), "{lower:?}");
    }
    let many: Vec<_> = (0..=512).map(|p| mark(Lane::Value, p, 1, 1)).collect();
    assert!(matches!(raise(&[], &many), Err(GuardFault::TooMany)));
    assert_eq!(raise(&[], &many[1..]).expect("as many as there may be").len(), MAX_FEEDS);
}

#[test]
fn a_node_that_goes_on_in_its_own_folder_is_never_stopped() {
    let machine = Machine::new();
    let folder = machine.begun();
    let mut sealed = 0;
    for n in 0..4u8 {
        let guard = machine.open(&folder).expect("open");
        assert_eq!(guard.incarnation(), [1; 16]);
        guard.check(&[value(sealed, n)], counting).expect("checking changes nothing");
        let mut armed = guard.arm(&[value(sealed, n)], counting).expect("living");
        sealed += 10;
        armed.remember(&[value(sealed, n + 1)]).expect("seal");
        assert!(matches!(armed.remember(&[value(1, 1)]), Err(GuardFault::Lower { .. })));
        assert_eq!(armed.guard().marks(), [value(sealed, n + 1)]);
        if n % 2 == 0 {
            armed.close(&[value(sealed, n + 1)]).expect("clean stop");
        } // else: a crash
    }
    let moved = machine.path("bigger-disk");
    drop(folder);
    fs::rename(machine.path("site"), &moved).expect("move");
    let folder = Folder::open(&moved).expect("open");
    machine.open(&folder).expect("open").arm(&[value(40, 4)], counting).expect("a move is no copy");
}

#[test]
fn a_crash_between_the_two_writes_of_a_turn_stops_nobody() {
    let machine = Machine::new();
    let folder = machine.begun();
    let before = fs::read(machine.file()).expect("read");
    machine.begins(&folder);
    fs::write(machine.file(), before).expect("as if only the folder had been written");
    machine.open(&folder).expect("open").arm(&[], counting).expect("still the living copy");
}

#[test]
fn a_restored_folder_does_not_sign() {
    let machine = Machine::new();
    let folder = machine.begun();
    let mut armed = machine.open(&folder).expect("open").arm(&[], counting).expect("living");
    armed.remember(&[value(5, 5)]).expect("seal");
    copy(folder.root(), &machine.path("backup"));
    armed.remember(&[value(9, 9)]).expect("seal");
    armed.close(&[value(9, 9)]).expect("stop");
    drop(folder);
    fs::rename(machine.path("site"), machine.path("burnt")).expect("lost");
    fs::rename(machine.path("backup"), machine.path("site")).expect("restored");
    let folder = Folder::open(&machine.path("site")).expect("open");
    let told = machine.open(&folder).expect("open").arm(&[value(5, 5)], counting).expect_err("old");
    assert!(matches!(told, GuardFault::Behind { folder: 5, .. }));
    let text = told.to_string();
    assert!(text.contains("older than this node's own memory"), "{text}");
    assert!(text.contains("Value feed of programme 3 ends at entry 5, but 9 entries are signed"));
    assert!(
        text.contains("It will not sign") && text.contains("annona node reincarnate"),
        "{text}"
    );
}

#[test]
fn a_copy_with_the_same_heads_does_not_sign_once_the_other_has_run() {
    let machine = Machine::new();
    let folder = machine.begun();
    machine.begins(&folder).close(&[]).expect("stop");
    copy(folder.root(), &machine.path("copy"));
    let other = Folder::open(&machine.path("copy")).expect("a second folder, its own lock");
    let running = machine.begins(&folder);
    let told = machine.open(&other).expect_err("at the same time");
    assert!(matches!(told, GuardFault::Held { pid: Some(p) } if p == std::process::id()), "{told}");
    drop(running); // killed, with an open tail nobody sealed: the heads are as they were
    let told = machine.open(&other).expect("open").arm(&[], counting).expect_err("the copy");
    assert!(matches!(&told, GuardFault::OtherFolder { .. }), "{told}");
    machine.open(&folder).expect("open").arm(&[], counting).expect("the living one");
}

#[test]
fn whoever_only_looks_at_a_copy_takes_nothing_from_the_node() {
    let machine = Machine::new();
    let folder = machine.begun();
    machine.begins(&folder).close(&[]).expect("stop");
    copy(folder.root(), &machine.path("copy"));
    let other = Folder::open(&machine.path("copy")).expect("open");
    let files = [machine.file(), folder.file(TURN), other.file(TURN)];
    let read = || files.clone().map(|file| fs::read(file).expect("read"));
    let before = read();
    for looked in [&other, &folder] {
        let armed = machine.open(looked).expect("open").arm(&[], counting).expect("may sign");
        assert!(!armed.has_begun());
        armed.close(&[]).expect("nothing to close");
    }
    assert_eq!(read(), before);
    // Whoever signs first is the node; the other is a copy from then on.
    machine.begins(&folder);
    let told = machine.open(&other).expect("open").arm(&[], counting).expect_err("the copy");
    assert!(matches!(&told, GuardFault::OtherFolder { .. }), "{told}");
}

#[test]
fn a_copy_taken_while_the_node_ran_is_old_after_a_clean_stop_and_without_its_turn_at_once() {
    let machine = Machine::new();
    let folder = machine.begun();
    let armed = machine.begins(&folder);
    copy(folder.root(), &machine.path("hot"));
    copy(folder.root(), &machine.path("backup"));
    armed.close(&[]).expect("stop");
    fs::remove_file(machine.path("backup").join(TURN)).expect("backups leave it out");
    for name in ["hot", "backup"] {
        let copied = Folder::open(&machine.path(name)).expect("open");
        let told = machine.open(&copied).expect("open").check(&[], counting).expect_err(name);
        assert!(matches!(told, GuardFault::OtherFolder { .. }), "{name}: {told}");
    }
}

#[test]
fn a_deleted_or_absent_memory_is_missing_and_never_begun_again_by_itself() {
    let machine = Machine::new();
    let folder = machine.begun();
    let again = Guard::create(&machine.heads(), &NODE, [2; 16], &folder);
    assert!(matches!(again, Err(GuardFault::Exists { .. })));
    fs::remove_file(machine.file()).expect("delete");
    let told = machine.open(&folder).expect_err("deleted");
    assert!(matches!(&told, GuardFault::Missing { path } if *path == machine.file()), "{told}");
    assert!(!machine.file().exists());
    fs::remove_dir_all(machine.heads()).expect("a new machine");
    let told = machine.open(&folder).expect_err("no place");
    assert!(matches!(told, GuardFault::Missing { .. }), "{told}");
    let stranger = PublicKey::Ed25519([6; 32]);
    Guard::create(&machine.heads(), &stranger, [1; 16], &folder).expect("another node");
    assert!(matches!(machine.open(&folder), Err(GuardFault::Missing { .. })));
}

#[test]
fn a_memory_cut_or_changed_at_any_byte_is_refused() {
    let machine = Machine::new();
    let folder = machine.begun();
    let marks = [mark(Lane::Control, 0, 1, 1), value(9, 9)];
    let mut armed = machine.open(&folder).expect("open").arm(&[], counting).expect("arm");
    armed.remember(&marks).expect("seal");
    drop(armed);
    let whole = fs::read(machine.file()).expect("read");
    let text = String::from_utf8(whole.clone()).expect("text");
    assert!(
        text.starts_with("annona heads 1\nnode ") && text.contains("\nhead 1 3 9 0909"),
        "{text}"
    );
    let told = |bytes: &[u8]| {
        fs::write(machine.file(), bytes).expect("write");
        machine.open(&folder).expect_err("refused")
    };
    for at in 0..whole.len() {
        assert!(matches!(told(&whole[..at]), GuardFault::Unreadable { .. }), "cut at {at}");
        let mut bad = whole.clone();
        bad[at] ^= 1;
        assert!(matches!(told(&bad), GuardFault::Unreadable { .. }), "byte {at}");
    }
    let upper = text.replace("0909", "0909\u{20}");
    assert!(matches!(told(upper.as_bytes()), GuardFault::Unreadable { .. }), "another spelling");
    assert!(matches!(told(&vec![b'a'; 1 << 20]), GuardFault::Unreadable { .. }), "a megabyte");
    fs::write(machine.file(), &whole).expect("write");
    assert_eq!(machine.open(&folder).expect("whole again").marks(), marks);
    let other = path_of(&machine.heads(), &PublicKey::Ed25519([6; 32]));
    fs::copy(machine.file(), other).expect("copy");
    let told = Guard::open(&machine.heads(), &PublicKey::Ed25519([6; 32]), &folder);
    assert!(matches!(told, Err(GuardFault::Unreadable { why: "it is another node's", .. })));
    fs::write(folder.file(TURN), b"annona turn 1\n").expect("write");
    let told = machine.open(&folder).expect("open").check(&marks, counting);
    assert!(matches!(told, Err(GuardFault::Unreadable { .. })), "the folder's own file cut");
}

#[test]
fn a_disk_that_takes_nothing_stops_signing_and_keeps_the_memory() {
    let machine = Machine::new();
    let folder = machine.begun();
    let mut armed = machine.open(&folder).expect("open").arm(&[], counting).expect("arm");
    armed.remember(&[value(5, 5)]).expect("seal");
    let away = machine.path("away");
    fs::rename(machine.heads(), &away).expect("the disk is pulled out");
    let told = armed.remember(&[value(6, 6)]).expect_err("nowhere to write");
    assert!(told.to_string().ends_with("Until then this node signs nothing."), "{told}");
    assert_eq!(armed.guard().marks(), [value(5, 5)], "not remembered, so not to be sent");
    fs::rename(&away, machine.heads()).expect("and back");
    armed.remember(&[value(6, 6)]).expect("again");
    drop(armed);
    assert_eq!(machine.open(&folder).expect("open").marks(), [value(6, 6)]);
}

#[test]
fn heads_inside_a_data_folder_are_refused() {
    let machine = Machine::new();
    let folder = Folder::create(&machine.path("site")).expect("folder");
    let inside = folder.file("heads");
    let told = Guard::create(&inside, &NODE, [1; 16], &folder).expect_err("own folder");
    assert!(matches!(told, GuardFault::Inside { .. }), "{told}");
    let other = machine.path("other");
    fs::create_dir(&other).expect("create");
    fs::write(other.join(folder::KEYS), b"keys").expect("write");
    let told = Guard::create(&other.join("a/b"), &NODE, [1; 16], &folder).expect_err("another's");
    assert!(matches!(told, GuardFault::Inside { .. }), "{told}");
}

#[test]
fn the_usual_place_follows_the_environment() {
    let place = |state: Option<&str>, home: Option<&str>| {
        place_in(state.map(Into::into), home.map(Into::into))
    };
    let under = |p: &str| Some(PathBuf::from(p));
    assert_eq!(place(Some("/s"), Some("/h")), under("/s/annona/heads"));
    assert_eq!(place(None, Some("/h")), under("/h/.local/state/annona/heads"));
    assert_eq!(place(Some(""), Some("/h")), under("/h/.local/state/annona/heads"));
    assert_eq!(place(Some("relative"), Some("/h")), under("/h/.local/state/annona/heads"));
    assert_eq!(place(None, None), None);
}

proptest::proptest! {
    #[test]
    fn heads_print_and_read_back_and_nothing_else_panics(
        feeds in proptest::collection::btree_map((0..4u8, 0..600u16), (0..u64::MAX, 0..255u8), 0..20),
        noise in "\\PC{0,80}\n(head [0-9 a-f]{0,90}\n){0,3}",
    ) {
        let lanes = [Lane::Control, Lane::Value, Lane::Registry, Lane::Access];
        let marks = feeds
            .iter()
            .map(|((lane, p), (sealed, head))| mark(lanes[usize::from(*lane)], *p, *sealed, *head))
            .collect();
        let heads = Heads { node: [1; 32], incarnation: [2; 16], turn: [3; 16], marks };
        let text = heads.print();
        proptest::prop_assert_eq!(Heads::parse(&text), Some(heads));
        let spoilt = text.replacen("head ", &noise, 1);
        drop((Heads::parse(&noise), Turn::parse(&noise), Heads::parse(&spoilt)));
    }
}
