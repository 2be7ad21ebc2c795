use annona_ledger::id::Commitment;
use annona_ledger::time::DayNo;

use super::*;

const NOW: Millis = Millis(1_795_000_000_000);
const AMINA: HouseholdId = HouseholdId(7);
/// What her erasure would be called.
const GONE: Commitment = Commitment(Hash([5; 32]));

fn key() -> Key {
    Key::take(&mut [3; 32])
}

fn pin(text: &str) -> Pin {
    Pin::parse(text).expect("a PIN")
}

fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("pins.db");
    (folder, path)
}

fn pins(path: &Path) -> Pins {
    Pins::open(path, &key()).expect("it opens")
}

#[test]
fn a_file_of_pins_is_hardened() {
    let (_folder, path) = place();
    drop(pins(&path));
    crate::disk::is_hardened(&file::open(&path).expect("it opens"), 3);
}

/// Tries a PIN whole.
#[track_caller]
fn tried(pins: &mut Pins, text: &str, now: Millis) -> Answer {
    match pins.begin(AMINA, now).expect("counted") {
        Begun::Attempt(attempt) => pins.check(attempt, &pin(text)).expect("looked at"),
        other => panic!("not to be tried now: {other:?}"),
    }
}

#[test]
fn the_ladder_is_again_again_then_wait_then_locked() {
    let (_folder, path) = place();
    let mut pins = pins(&path);
    assert!(matches!(pins.begin(AMINA, NOW), Ok(Begun::NoPin)));
    pins.set(AMINA, &pin("204816")).expect("set");
    assert!(pins.has(AMINA).expect("read"));
    assert_eq!(tried(&mut pins, "204816", NOW), Answer::Right);
    assert_eq!(tried(&mut pins, "204817", NOW), Answer::Again { left: 2 });
    assert_eq!(tried(&mut pins, "204816", NOW), Answer::Right, "the count begins anew");
    let mut now = NOW;
    for (n, want) in (1..=10).zip(
        [Answer::Again { left: 2 }, Answer::Again { left: 1 }]
            .into_iter()
            .map(Some)
            .chain(std::iter::repeat(None)),
    ) {
        let answer = tried(&mut pins, "999990", now);
        let wanted = match (want, n) {
            (Some(again), _) => again,
            (None, 10) => Answer::Locked,
            (None, _) => Answer::Waits(after(now)),
        };
        assert_eq!(answer, wanted, "wrong {n}");
        if (3..10).contains(&n) {
            let early = Millis(now.0 + WAIT - 1);
            assert!(matches!(pins.begin(AMINA, early), Ok(Begun::Waits(at)) if at == after(now)));
            now = after(now);
        }
    }
    // Locked for the right one too, and for good.
    let years = Millis(now.0 + 1_000 * WAIT * 1_000);
    assert!(matches!(pins.begin(AMINA, years), Ok(Begun::Locked)));
    assert!(pins.unlock(AMINA).expect("opened"), "it was locked");
    assert!(!pins.unlock(AMINA).expect("opened"), "and is no more");
    assert_eq!(tried(&mut pins, "204816", now), Answer::Right);
}

#[test]
fn what_is_killed_between_counter_and_check_has_used_an_attempt_up() {
    let (_folder, path) = place();
    let mut first = pins(&path);
    first.set(AMINA, &pin("204816")).expect("set");
    drop(first);
    let mut now = NOW;
    for _ in 0..LOCKED_AT {
        // Begun, and then the process is gone: nothing is closed, no PIN was looked at.
        let mut killed = pins(&path);
        assert!(matches!(killed.begin(AMINA, now), Ok(Begun::Attempt(_))));
        std::mem::forget(killed);
        now = after(now);
    }
    let mut again = pins(&path);
    assert!(matches!(again.begin(AMINA, now), Ok(Begun::Locked)), "ten kills are ten attempts");
}

#[test]
fn a_clock_set_back_makes_nobody_wait_longer_than_ten_minutes() {
    let (_folder, path) = place();
    let mut pins = pins(&path);
    pins.set(AMINA, &pin("204816")).expect("set");
    for _ in 0..WAITS_AT {
        tried(&mut pins, "999990", NOW);
    }
    let back = Millis(5_000);
    assert!(matches!(pins.begin(AMINA, back), Ok(Begun::Waits(at)) if at == after(back)));
    assert!(matches!(pins.begin(AMINA, Millis(6_000)), Ok(Begun::Waits(at)) if at == after(back)));
    assert_eq!(tried(&mut pins, "204816", after(back)), Answer::Right);
}

#[test]
fn a_stolen_file_says_nothing_and_answers_nobody_without_its_key() {
    let (_folder, path) = place();
    let mut first = pins(&path);
    for household in 1..=20 {
        first.set(HouseholdId(household), &pin("204816")).expect("set");
    }
    drop(first);
    let bytes = std::fs::read(&path).expect("a file");
    assert!(!bytes.windows(6).any(|w| w == b"204816"));
    let mut tags = std::collections::BTreeSet::new();
    let raw = Connection::open(&path).expect("SQLite");
    let mut rows = raw.prepare("SELECT handle, tag FROM pin").expect("a table");
    let rows = rows.query_map([], |r| Ok((r.get::<_, [u8; 32]>(0)?, r.get::<_, [u8; 32]>(1)?)));
    for row in rows.expect("rows") {
        assert!(tags.insert(row.expect("a row").1), "the same PIN looks different for each");
    }
    assert_eq!(tags.len(), 20);
    let mut thief = Pins::open(&path, &Key::take(&mut [4; 32])).expect("it opens");
    assert!(matches!(thief.begin(AMINA, NOW), Ok(Begun::NoPin)), "he finds nobody");
    // A check moved from one row to another is nobody's PIN.
    let mut ours = pins(&path);
    let (a, b) = (ours.handle(AMINA), ours.handle(HouseholdId(8)));
    ours.set(HouseholdId(8), &pin("771204")).expect("set");
    let sql = "UPDATE pin SET (salt, tag) = (SELECT salt, tag FROM pin WHERE handle = ?2) WHERE handle = ?1";
    raw.execute(sql, params![a, b]).expect("moved");
    assert_eq!(tried(&mut ours, "771204", NOW), Answer::Again { left: 2 });
    assert_eq!(ours.forget(&[AMINA]).expect("gone"), 1);
    assert!(!ours.has(AMINA).expect("read"));
    assert_eq!(ours.forget(&[AMINA]).expect("gone already"), 0);
}

#[test]
fn a_file_of_the_first_version_keeps_its_counts_and_is_lent_once_its_pins_were_typed() {
    let (_folder, path) = place();
    let mut here = pins(&path);
    here.set(AMINA, &pin("204816")).expect("set");
    here.set(HouseholdId(8), &pin("771204")).expect("set");
    // As it lay there before a household had a key of its own.
    for (household, digits) in [(AMINA, "204816"), (HouseholdId(8), "771204")] {
        let handle = here.handle(household);
        let row = here.row(&handle).expect("read").expect("a row");
        let slow = row.cost.key(pin(digits).expose(), &row.salt).expect("a key");
        here.renew(&handle, &here.first_check(&handle, &slow)).expect("written");
    }
    assert_eq!(tried(&mut here, "111222", NOW), Answer::Again { left: 2 });
    drop(here);
    let raw = Connection::open(&path).expect("SQLite");
    raw.execute_batch(
        "ALTER TABLE pin DROP COLUMN lent; ALTER TABLE pin DROP COLUMN until; ALTER TABLE pin DROP COLUMN gone; PRAGMA user_version = 1;",
    )
    .expect("as it was");
    drop(raw);
    let mut here = pins(&path);
    let lent =
        |pins: &Pins| pins.lend(AMINA, Purse([9; 16]), DayNo(20), &GONE).expect("read").is_some();
    assert!(!lent(&here), "nobody elsewhere could check it");
    assert_eq!(tried(&mut here, "204817", NOW), Answer::Again { left: 1 }, "the count went on");
    assert_eq!(tried(&mut here, "204816", NOW), Answer::Right);
    assert!(lent(&here));
    let mut here = pins(&path);
    assert_eq!(tried(&mut here, "204817", NOW), Answer::Again { left: 2 });
    assert_eq!(tried(&mut here, "204816", NOW), Answer::Right);
    // Whose PIN was not typed is where it was, and a new one takes its place.
    assert!(here.lend(HouseholdId(8), Purse([9; 16]), DayNo(20), &GONE).expect("read").is_none());
    here.set(HouseholdId(8), &pin("530917")).expect("set");
    assert!(here.lend(HouseholdId(8), Purse([9; 16]), DayNo(20), &GONE).expect("read").is_some());
}

#[test]
fn a_file_of_another_kind_is_left_alone() {
    let (_folder, path) = place();
    std::fs::write(&path, vec![7; 4096]).expect("written");
    assert!(matches!(Pins::open(&path, &key()), Err(PinFault::NotPins { .. })));
    std::fs::remove_file(&path).expect("removed");
    let other = Connection::open(&path).expect("SQLite");
    other.execute_batch("CREATE TABLE t(a); PRAGMA user_version=9").expect("another's");
    drop(other);
    assert!(matches!(Pins::open(&path, &key()), Err(PinFault::NotPins { .. })));
    assert!(matches!(pins_of_none(), Err(PinFault::Disk(_))));
}

fn pins_of_none() -> Result<Pins, PinFault> {
    Pins::open(Path::new("/nowhere/at/all/pins.db"), &key())
}

#[test]
fn a_lent_pin_is_checked_under_a_count_of_its_own_and_ends_with_its_day() {
    let ((_one, here), (_two, there)) = (place(), place());
    let mut home = pins(&here);
    home.set(AMINA, &pin("204816")).expect("set");
    let (purse, today) = (Purse([9; 16]), DayNo(20));
    assert!(home.lend(HouseholdId(8), purse, today, &GONE).expect("read").is_none());
    let rows =
        || vec![home.lend(AMINA, purse, today.plus(1), &GONE).expect("read").expect("a PIN")];
    let mut away = Pins::open(&there, &Key::take(&mut [4; 32])).expect("opens");
    assert!(matches!(away.begin_lent(&purse, NOW, today), Ok(Begun::NoPin)));
    assert_eq!(away.keep(&rows(), today).expect("kept"), 1);
    let attempt =
        |pins: &mut Pins, text: &str| match pins.begin_lent(&purse, NOW, today).expect("counted") {
            Begun::Attempt(attempt) => pins.check(attempt, &pin(text)).expect("looked at"),
            other => panic!("not to be tried now: {other:?}"),
        };
    assert_eq!(attempt(&mut away, "204816"), Answer::Right);
    assert_eq!(attempt(&mut away, "771204"), Answer::Again { left: 2 });
    // Killed between count and check: used up. Lent again: still.
    assert!(matches!(away.begin_lent(&purse, NOW, today), Ok(Begun::Attempt(_))));
    assert_eq!(away.keep(&rows(), today).expect("kept"), 1);
    assert_eq!(attempt(&mut away, "771204"), Answer::Waits(after(NOW)));
    assert!(matches!(away.begin_lent(&purse, NOW, today), Ok(Begun::Waits(_))));
    // The key it came with lies there sealed: the file alone has nothing to guess with.
    let bytes = std::fs::read(&there).expect("the file");
    let key = home.key_of(&home.handle(AMINA));
    assert!(!bytes.windows(32).any(|window| window == key.expose()));
    // Over, though nothing else was brought: it is no PIN any more, and its key is gone.
    let over = today.plus(2);
    assert!(!away.has_lent(&purse, over).expect("read"));
    assert!(matches!(away.begin_lent(&purse, NOW, over), Ok(Begun::NoPin)));
    assert!(away.row(&away.lent_handle(&purse)).expect("read").expect("its count").lent.is_none());
    assert_eq!(away.keep(&rows(), over).expect("kept"), 0, "nor is an old file taken");
}

#[test]
fn what_was_lent_of_whoever_is_erased_is_destroyed_before_its_day() {
    let ((_one, here), (_two, there)) = (place(), place());
    let (mut home, other) = (pins(&here), HouseholdId(8));
    let today = DayNo(20);
    home.set(AMINA, &pin("204816")).expect("set");
    home.set(other, &pin("550142")).expect("set");
    // She has two purses, of two cycles; somebody else has one.
    let stays = Commitment(Hash([6; 32]));
    let of = [(AMINA, 1, GONE), (AMINA, 2, GONE), (other, 3, stays)];
    let rows: Vec<Lent> = of
        .iter()
        .map(|(id, purse, gone)| {
            let purse = Purse([*purse; 16]);
            home.lend(*id, purse, today.plus(9), gone).expect("read").expect("a PIN")
        })
        .collect();
    let mut away = Pins::open(&there, &Key::take(&mut [4; 32])).expect("opens");
    assert_eq!(away.keep(&rows, today).expect("kept"), 3);
    let check = away.row(&away.lent_handle(&Purse([1; 16]))).expect("read").expect("a row").check;
    let holds = |bytes: &[u8]| {
        std::fs::read(&there).expect("the file").windows(32).any(|window| window == bytes)
    };
    assert!(holds(&check));
    assert!(!holds(&GONE.0.0), "the file alone does not tell which erasure is whose");
    assert_eq!(away.forget_lent([&Commitment(Hash([7; 32]))]).expect("read"), 0, "nobody here");
    assert_eq!(away.forget_lent([&GONE]).expect("destroyed"), 2);
    for (purse, there) in [(1, false), (2, false), (3, true)] {
        assert_eq!(away.has_lent(&Purse([purse; 16]), today).expect("read"), there, "{purse}");
    }
    assert!(!holds(&check), "its check is gone from the file");
}

/// A file of the version before is taken over with what is counted in it.
#[test]
fn a_file_of_before_erasures_were_heard_opens_with_its_counts() {
    let (_folder, path) = place();
    let mut made = pins(&path);
    made.set(AMINA, &pin("204816")).expect("set");
    assert_eq!(tried(&mut made, "204817", NOW), Answer::Again { left: 2 });
    let (_home, there) = place();
    let (mut home, purse, today) = (pins(&there), Purse([9; 16]), DayNo(20));
    home.set(AMINA, &pin("550142")).expect("set");
    let lent = home.lend(AMINA, purse, today.plus(9), &GONE).expect("read").expect("a PIN");
    made.keep(std::slice::from_ref(&lent), today).expect("kept");
    drop(made);
    let old = Connection::open(&path).expect("opens");
    old.execute_batch("ALTER TABLE pin DROP COLUMN gone; PRAGMA user_version = 2;")
        .expect("as it was");
    drop(old);
    let mut now = pins(&path);
    assert_eq!(tried(&mut now, "204817", NOW), Answer::Again { left: 1 });
    // No erasure would reach what was lent to it: its key is gone, until it is lent anew.
    assert_eq!(now.forget_lent([&GONE]).expect("read"), 0);
    assert!(!now.has_lent(&purse, today).expect("read"));
    assert!(now.row(&now.lent_handle(&purse)).expect("read").expect("its count").lent.is_none());
    assert_eq!(now.keep(&[lent], today).expect("kept"), 1);
    assert!(now.has_lent(&purse, today).expect("read"));
    assert_eq!(now.forget_lent([&GONE]).expect("destroyed"), 1);
}

/// Ten guesses are ten, however often and for however long a PIN is lent; another PIN begins anew.
#[test]
fn a_lent_pin_keeps_its_count_from_day_to_day_until_it_is_another() {
    let ((_one, here), (_two, there)) = (place(), place());
    let mut home = pins(&here);
    home.set(AMINA, &pin("204816")).expect("set");
    let (purse, first) = (Purse([9; 16]), DayNo(20));
    let rows =
        |home: &Pins, day| vec![home.lend(AMINA, purse, day, &GONE).expect("read").expect("a PIN")];
    let mut away = Pins::open(&there, &Key::take(&mut [4; 32])).expect("opens");
    let mut now = NOW;
    for guess in 0..LOCKED_AT {
        let day = first.plus(guess);
        away.keep(&rows(&home, day), day).expect("kept");
        now = Millis(now.0 + WAIT + 1);
        match away.begin_lent(&purse, now, day).expect("counted") {
            Begun::Attempt(attempt) => {
                assert_ne!(away.check(attempt, &pin("771204")).expect("looked at"), Answer::Right);
            }
            other => panic!("guess {guess}: {other:?}"),
        }
    }
    // Locked: the same PIN lent on another day, or the day's file once more, opens nothing.
    let day = first.plus(LOCKED_AT);
    let same = rows(&home, day);
    away.keep(&same, day).expect("kept");
    assert!(matches!(away.begin_lent(&purse, now, day), Ok(Begun::Locked)));
    // Another, that two operators set at home, begins at none where it is lent for longer.
    home.set(AMINA, &pin("550142")).expect("set");
    assert_eq!(away.keep(&rows(&home, day), day).expect("passed over"), 0, "for no longer");
    assert!(matches!(away.begin_lent(&purse, now, day), Ok(Begun::Locked)));
    away.keep(&rows(&home, day.plus(1)), day).expect("kept");
    let Ok(Begun::Attempt(attempt)) = away.begin_lent(&purse, now, day) else { panic!("locked") };
    assert_eq!(away.check(attempt, &pin("771204")).expect("looked at"), Answer::Again { left: 2 });
    // The file of before, brought again, takes no count back.
    assert_eq!(away.keep(&same, day).expect("passed over"), 0);
    let Ok(Begun::Attempt(attempt)) = away.begin_lent(&purse, now, day) else { panic!("locked") };
    assert_eq!(away.check(attempt, &pin("771204")).expect("looked at"), Answer::Again { left: 1 });
    // A year after its last day nothing of it is left.
    away.keep(&[], day.plus(400)).expect("kept");
    assert!(away.row(&away.lent_handle(&purse)).expect("read").is_none());
}
