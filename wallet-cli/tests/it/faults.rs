//! The program killed, interrupted, without room and given damaged or absurd files: what it answered stands, what it did
//! not finish can be run again, and it says what happened.
//!
//! `ANNONA_KILLS` says how often the queue is killed (12 where it is not set), `ANNONA_SEED` from which seed; a failure
//! names both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::camp::{Answer, Camp};
use crate::counter::counter;

/// Chance with a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit.max(1)
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn order(n: u64) -> String {
    json!({ "request": format!("k{n}"), "family": "1", "items": { "Rice": "0.001" } }).to_string()
}

/// What was answered: the entry of each request.
type Answered = BTreeMap<String, u64>;

fn note(answered: &mut Answered, line: &str) {
    // The last line may have been cut by the kill: then it was no answer.
    let Ok(line) = serde_json::from_str::<Value>(line) else { return };
    assert_eq!(line["accepted"], json!(true), "{line}");
    let request = line["request"].as_str().expect("its name").to_owned();
    let index = line["index"].as_u64().expect("its entry");
    let before = answered.insert(request, index);
    assert!(before.is_none_or(|before| before == index), "{line}: it was entry {before:?} before");
}

/// The entries of the feed that family 1 is served from, as the program lists them.
fn listed(camp: &Camp) -> BTreeSet<u64> {
    let list = camp.run("pay list --json").fine();
    let index = |line: &Value| line["entry"].as_str()?.split_once('#')?.1.parse().ok();
    list.lines().iter().filter_map(index).collect()
}

/// Whether everything that was answered is listed, each in an entry of its own.
fn kept(camp: &Camp, answered: &Answered) -> Result<(), String> {
    let listed = listed(camp);
    if let Some((request, index)) = answered.iter().find(|(_, index)| !listed.contains(index)) {
        return Err(format!("{request} was answered with {index}, and is gone"));
    }
    let entries: BTreeSet<u64> = answered.values().copied().collect();
    if entries.len() == answered.len() { Ok(()) } else { Err("two requests in one entry".into()) }
}

/// What family 1 has left of rice, in grams.
pub(crate) fn left(camp: &Camp) -> u64 {
    let answer = camp.run("entitle balance 1 --json").fine();
    let rice = |line: &&Value| line["commodity"] == json!(1);
    answer.lines().iter().filter(rice).filter_map(|line| line["units"].as_u64()).sum()
}

/// What stands between the program and whoever counts its answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Till {
    /// Nothing: an answer counts when the program has given it.
    Real,
    /// A bug: every order is answered with the entry it will get, before the program is asked for it.
    AnswersFirst,
}

/// One queue that is killed again and again.
struct Queue {
    camp: Camp,
    till: Till,
    chance: Chance,
    answered: Answered,
    /// How many orders were given to the program.
    fed: u64,
    /// The entry of the first order.
    first: u64,
}

impl Queue {
    fn new(till: Till, seed: u64) -> Self {
        let camp = counter();
        let mut answered = Answered::new();
        camp.write("first.jsonl", order(0));
        let first = camp.run("pay charge --from first.jsonl --json").fine();
        first.out.lines().for_each(|line| note(&mut answered, line));
        let first = answered["k0"];
        Self { camp, till, chance: Chance(seed), answered, fed: 1, first }
    }

    /// SIGKILL after so many answers, while the program waits for more or is in the middle of one.
    fn kill(&mut self) {
        // From a little before what was last answered: the rest of a life is asked again in the next.
        let from = (self.answered.len() as u64).saturating_sub(self.chance.below(6));
        let to = from + 12 + self.chance.below(90);
        self.fed = self.fed.max(to);
        let mut child = self.camp.start("pay charge --from - --json");
        let mut till = child.stdin.take().expect("stdin");
        let lines: String = (from..to).map(|n| format!("{}\n", order(n))).collect();
        // A process that is killed does not read to the end, and one whose till stays open does not end by itself.
        let feeder = std::thread::spawn(move || {
            drop(till.write_all(lines.as_bytes()));
            till
        });
        let heard = self.chance.below(40).min(to - from);
        let mut answers = BufReader::new(child.stdout.take().expect("stdout")).lines();
        for line in answers.by_ref().take(usize::try_from(heard).expect("few")) {
            note(&mut self.answered, &line.expect("a line"));
        }
        if self.chance.below(2) == 0 {
            std::thread::sleep(Duration::from_micros(self.chance.below(3_000)));
        }
        child.kill().expect("killed");
        for line in answers.map_while(Result::ok) {
            note(&mut self.answered, &line);
        }
        let ended = child.wait().expect("ended");
        // A kill that met nobody tries nothing.
        #[cfg(unix)]
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&ended), Some(9), "{ended}");
        assert!(!ended.success(), "{ended}");
        drop(feeder.join().expect("fed"));
        if self.till == Till::AnswersFirst {
            self.answered.extend((from..to).map(|n| (format!("k{n}"), self.first + n)));
        }
    }
}

/// SIGKILL after so many acknowledgements, again and again: nothing answered is lost, nothing is paid twice.
#[test]
fn a_queue_killed_again_and_again_keeps_its_word() {
    let (kills, seed) = (number("ANNONA_KILLS", 12), number("ANNONA_SEED", 1));
    let repeat = format!(
        "repeat: ANNONA_SEED={seed} ANNONA_KILLS={kills} cargo test -p annona --test it a_queue_killed_again"
    );
    let mut queue = Queue::new(Till::Real, seed);
    let before = left(&queue.camp);
    for kill in 0..kills {
        queue.kill();
        if kill % 20 == 19 {
            kept(&queue.camp, &queue.answered).unwrap_or_else(|lost| panic!("{lost}; {repeat}"));
        }
    }
    kept(&queue.camp, &queue.answered).unwrap_or_else(|lost| panic!("{lost}; {repeat}"));
    let Queue { camp, mut answered, fed, .. } = queue;
    let all: String = (0..fed).map(|n| format!("{}\n", order(n))).collect();
    camp.write("all.jsonl", all);
    let done = camp.run("pay charge --from all.jsonl --json").fine();
    for line in done.out.lines() {
        note(&mut answered, line);
    }
    assert_eq!(answered.len() as u64, fed, "{repeat}");
    // The first was handed out before the counting began.
    assert_eq!(before - left(&camp), fed - 1, "each order once; {repeat}");
    camp.run("doctor --full --rebuild").fine();
    println!("{kills} kills of a living process, {fed} orders of one gram, each answered once");
}

/// The planted bug of the harness above: whoever answers before the commit is caught.
#[test]
fn an_answer_before_the_commit_is_caught_by_a_kill() {
    let mut queue = Queue::new(Till::AnswersFirst, 1);
    let caught = (0..20).find_map(|_| {
        queue.kill();
        kept(&queue.camp, &queue.answered).err()
    });
    let said = caught.expect("in twenty kills");
    assert!(said.contains("and is gone"), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_says_that_the_state_is_safe() {
    let camp = counter();
    let mut child = camp.start("pay charge --from - --json");
    let mut till = child.stdin.take().expect("stdin");
    let mut answers = BufReader::new(child.stdout.take().expect("stdout"));
    writeln!(till, "{}", order(0)).expect("send");
    let mut line = String::new();
    answers.read_line(&mut line).expect("answered");
    let mut answered = Answered::new();
    note(&mut answered, &line);
    let id = child.id().to_string();
    let interrupt = || {
        let sent = Command::new("kill").args(["-INT", &id]).status();
        assert!(sent.expect("kill").success());
    };
    interrupt();
    // A till that waits is at a safe place: once more, or its next line, ends it. Two signals at once would be one.
    let mut errors = BufReader::new(child.stderr.take().expect("stderr"));
    let mut said = String::new();
    while !said.contains("stopping at the next safe place") {
        assert_ne!(errors.read_line(&mut said).expect("words"), 0, "{said}");
    }
    interrupt();
    errors.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("ends").code(), Some(130), "{said}");
    assert!(said.contains("stopping at the next safe place") && said.contains("safe"), "{said}");
    kept(&camp, &answered).expect("what was answered");
    camp.run("pay charge --family 1 --item Rice=0.001").fine();
}

/// A small disk of its own, or `None` where this user may not mount one.
pub(crate) struct Small(pub(crate) std::path::PathBuf);

impl Small {
    pub(crate) fn mount(at: &Path, megabytes: u32) -> Option<Self> {
        fs::create_dir_all(at).expect("folder");
        let size = format!("size={megabytes}m");
        let mut mount = Command::new("mount");
        let done = mounted_quietly(mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at));
        if !done {
            println!("skipped, because only the administrator may mount a small disk");
        }
        done.then(|| Self(at.to_owned()))
    }

    /// Gives it another size, as long as what is on it has room.
    pub(crate) fn grow(&self, megabytes: u32) {
        let size = format!("remount,size={megabytes}m");
        assert!(mounted_quietly(Command::new("mount").args(["-o", &size]).arg(&self.0)));
    }
}

fn mounted_quietly(command: &mut Command) -> bool {
    command.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

impl Drop for Small {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(&self.0).status());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_refuses_and_serves_again_once_there_is_room() {
    let camp = counter();
    let Some(disk) = Small::mount(&camp.file("small"), 3) else { return };
    // The lake moves to the small disk: the same folder under another path is the same node.
    let copied = Command::new("cp").arg("-a").arg(camp.file("lake")).arg(&disk.0).status();
    assert!(copied.expect("cp").success());
    fs::remove_dir_all(camp.file("lake")).expect("moved");
    let lake = camp.file("small/lake");
    let orders: String = (0..4_000).map(|n| format!("{}\n", order(n))).collect();
    camp.write("many.jsonl", orders);
    let queue = format!("pay charge --from many.jsonl --json --dir {}", lake.display());
    let full = camp.run(&queue);
    let mut answered = Answered::new();
    for line in full.out.lines() {
        let told: Value = serde_json::from_str(line).expect("JSON");
        if told["accepted"] == json!(true) {
            note(&mut answered, line);
        }
    }
    assert_ne!(full.code, Some(0), "the disk was to be full");
    assert!(full.err.contains("the disk is full"), "{:?}: {}", full.code, full.err);
    disk.grow(1_024);
    let done = camp.run(&queue).fine();
    for line in done.out.lines() {
        note(&mut answered, line);
    }
    assert_eq!(answered.len(), 4_000);
    let told = camp.run(&format!("doctor --full --rebuild --dir {}", lake.display()));
    told.fine();
    drop(disk);
}

/// A folder that is kept as evidence is read where nothing can be written.
#[cfg(target_os = "linux")]
#[test]
fn what_is_on_a_disk_that_takes_no_writing_can_be_read() {
    let camp = counter();
    // A name that SQLite would take for something else.
    let Some(disk) = Small::mount(&camp.file("kept #1?"), 64) else { return };
    let copied = Command::new("cp").arg("-a").arg(camp.file("lake")).arg(&disk.0).status();
    assert!(copied.expect("cp").success());
    let lake = disk.0.join("lake");
    let log = lake.join("ledger.db-wal");
    let read = |words: &str| {
        let mut command = camp.command(words.split(' '));
        let output = command.arg("--dir").arg(&lake).output().expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    camp.bare("audit export same.audit").fine();
    for left in ["ledger.db-wal", "ledger.db-shm"] {
        drop(fs::remove_file(lake.join(left)));
    }
    let remount = |how: &str| {
        let how = format!("remount,{how}");
        assert!(mounted_quietly(Command::new("mount").args(["-o", &how]).arg(&disk.0)));
    };
    remount("ro");
    for words in ["status", "pay list", "audit export out.audit", "charter show"] {
        let (code, said) = read(words);
        assert_eq!(code, Some(0), "{words}: {said}");
    }
    let bytes = |name: &str| fs::read(camp.file(name)).expect("a file");
    assert!(bytes("out.audit") == bytes("same.audit"), "the same as from where it was written");
    // A log that was never put into the file is not passed over.
    remount("rw");
    fs::write(&log, [7; 100]).expect("a log");
    remount("ro");
    let (code, said) = read("status");
    assert_eq!(code, Some(5), "{said}");
    assert!(said.contains("Copy the whole folder") && said.contains("kept #1?/lake"), "{said}");
    drop(disk);
}

/// Fills what room a disk has, to the last byte.
pub(crate) fn filled(disk: &Path) -> std::path::PathBuf {
    let ballast = disk.join("ballast");
    let mut file = fs::File::create(&ballast).expect("room for a name");
    for size in [1 << 16, 4_096, 1] {
        while file.write_all(&vec![1; size]).is_ok() {}
    }
    ballast
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_takes_no_half_of_a_file_and_takes_the_whole_later() {
    let camp = counter();
    let Some(disk) = Small::mount(&camp.file("small"), 6) else { return };
    for folder in ["lake", "stick"] {
        let copied = Command::new("cp").arg("-a").arg(camp.file(folder)).arg(&disk.0).status();
        assert!(copied.expect("cp").success());
    }
    fs::remove_dir_all(camp.file("lake")).expect("moved");
    for folder in ["news", "lake", "out"] {
        fs::create_dir_all(disk.0.join(folder)).expect("a folder");
    }
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let lake = "--dir small/lake";
    let commands = [
        format!("backup small/out/late.backup --people-keys small/out/late.people {lake}"),
        format!("bundle export --to hill --all --out small/news {lake}"),
        format!("audit export small/out/late.audit {lake}"),
        format!("bundle import small/stick {lake}"),
        format!("family import families.csv --map families.toml {mara} {lake}"),
        format!(
            "pay receipt {} --out small/out/late.receipt {lake}",
            camp.told("entry.txt").trim()
        ),
        format!("key passwd --new-passphrase-file pass.txt --passphrase-cost light {lake}"),
    ];
    for words in commands {
        let ballast = filled(&disk.0);
        let full = camp.run(&words);
        let said = format!("{words}: {:?}\n{}{}", full.code, full.out, full.err);
        assert_ne!(full.code, Some(0), "{said}");
        assert!(full.err.contains("the disk is full"), "{said}");
        assert!(!full.err.contains("panicked"), "{said}");
        fs::remove_file(ballast).expect("room again");
        for folder in ["small/out", "small/news", "small/lake"] {
            let left = crate::killed::leftovers(&camp.file(folder));
            assert_eq!(left, [] as [String; 0], "{said}");
        }
        camp.run(&words).fine();
    }
    disk.grow(1_024);
    camp.run(&format!("doctor --full --rebuild {lake}")).fine();
    camp.run(
        "restore small/out/late.backup --people-keys small/out/late.people --dir back --dry-run",
    )
    .fine();
    camp.run("bundle import small/news --dir hill").fine();
    camp.run("audit verify small/out/late.audit").fine();
    drop(disk);
}

/// Rows wait in the folder for temporary files until all are read: where it has no room, the answer says which it is.
#[cfg(target_os = "linux")]
#[test]
fn an_import_whose_temporary_folder_is_full_names_it_and_another() {
    let camp = counter();
    let Some(disk) = Small::mount(&camp.file("small"), 1) else { return };
    let fields = ["full_name", "given_name", "middle_name", "mother_name", "father_name"];
    let mut map = "source = \"camp\"\nkey = [\"household_id\"]\n[household.columns]\n".to_owned();
    let mut table = "household_id".to_owned();
    for field in fields {
        map.push_str(&format!("{field} = \"{field}\"\n"));
        table.push_str(&format!(",{field}"));
    }
    // More than the 16 MiB of rows that wait in memory.
    let name = "of those who live by the large tree ".repeat(6);
    for n in 0..14_000 {
        table.push_str(&format!("\nT-{n}"));
        for field in fields {
            table.push_str(&format!(",{field} {name}"));
        }
    }
    camp.write("large.csv", table);
    camp.write("large.toml", map);
    let words = "family import large.csv --map large.toml --dry-run";
    let mut command = camp.command(crate::camp::split(words));
    command.args(["--passphrase-file", "pass.txt"]).env("TMPDIR", &disk.0);
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    let place = disk.0.display().to_string();
    for words in [place.as_str(), "the disk is full", "TMPDIR names another"] {
        assert!(said.contains(words), "no {words} in {said}");
    }
    drop(disk);
}

/// Runs the program where it can have no more than a gigabyte of addresses: a quarter of the file it is given.
pub(crate) fn with_little_memory(camp: &Camp, words: &str) -> Answer {
    let mut plain = camp.command(crate::camp::split(words));
    plain.args(["--passphrase-file", "pass.txt"]);
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", "ulimit -v 1048576 && exec \"$0\" \"$@\""]);
    shell.arg(plain.get_program()).args(plain.get_args());
    shell.current_dir(camp.path()).env_clear().stdin(Stdio::null());
    // A thread has 64 MiB of addresses of its own otherwise, and there is one for each core.
    shell.env("MALLOC_ARENA_MAX", "2");
    shell.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = shell.output().expect("a shell");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("answers are UTF-8");
    let (code, said) = (output.status.code(), words.to_owned());
    Answer { code, out: text(output.stdout), err: text(output.stderr), said }
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_and_four_gigabytes_are_refused_in_no_time() {
    let camp = counter();
    camp.write("empty", "");
    let huge = fs::File::create(camp.file("huge")).expect("file");
    huge.set_len(4 << 30).expect("sparse");
    for (name, ending) in [("empty", ""), ("huge", "")] {
        for (words, codes) in [
            (format!("bundle import {name}{ending}"), [1, 3]),
            (format!("audit verify {name}{ending}"), [1, 3]),
            (format!("charter apply {name}{ending} --dir hill"), [1, 3]),
            (format!("pay claim {name}{ending}"), [1, 3]),
            (format!("restore {name}{ending} --dir elsewhere"), [3, 3]),
            (
                format!(
                    "family import {name}{ending} --map families.toml --operator mara.keys \
                     --operator-passphrase-file pass.txt"
                ),
                [1, 3],
            ),
        ] {
            let began = Instant::now();
            let answer = with_little_memory(&camp, &words);
            assert!(
                answer.code.is_some_and(|code| codes.contains(&code)),
                "{words}: {:?}\n{}{}",
                answer.code,
                answer.out,
                answer.err
            );
            assert!(!answer.err.is_empty(), "{words} says nothing");
            println!(
                "{words}: {:?} after {:?}: {}",
                answer.code,
                began.elapsed(),
                answer.err.trim()
            );
        }
    }
    assert!(!camp.file("elsewhere").exists(), "nothing half-done");
    camp.run("doctor --full").fine();
}

#[test]
fn a_damaged_page_is_never_a_panic_and_the_doctor_names_it() {
    let made = counter();
    made.run("pay charge --family 1 --item Rice=0.5").fine();
    let pages = fs::metadata(made.file("lake/ledger.db")).expect("ledger").len() / 4_096;
    let (mut found, mut tried) = (0, 0);
    for page in (0..pages).step_by(usize::try_from(pages / 12 + 1).expect("few")) {
        let camp = made.copied();
        let path = camp.file("lake/ledger.db");
        let mut bytes = fs::read(&path).expect("read");
        let at = usize::try_from(page * 4_096).expect("small");
        bytes[at..at + 4_096].rotate_left(1_117);
        fs::write(&path, bytes).expect("write");
        tried += 1;
        let doctor = camp.run("doctor --full --rebuild");
        found += u32::from(doctor.code != Some(0));
        named(&format!("page {page}: doctor"), &doctor);
        for words in [
            "status",
            "pay list",
            "pay charge --family 1 --item Rice=0.001",
            "audit export again.audit",
            "bundle export --to hill --out stick",
        ] {
            let answer = camp.run(words);
            let fine = matches!(answer.code, Some(0 | 1 | 3 | 5 | 6));
            assert!(fine, "page {page}: {words}: {:?} {}", answer.code, answer.err);
            assert!(!answer.err.contains("panicked"), "page {page}: {words}: {}", answer.err);
            named(&format!("page {page}: {words}"), &answer);
        }
    }
    assert!(found * 2 > tried, "the doctor saw {found} of {tried} damaged pages");
}

/// Whoever meets damage says where it is, and what to do about it.
#[track_caller]
fn named(what: &str, answer: &Answer) {
    if answer.code == Some(0) {
        return;
    }
    let said = format!("{}{}", answer.out, answer.err);
    let place = ["ledger", "block ", "article ", "feed"].iter().any(|place| said.contains(place));
    let next = ["annona doctor", "bundles", "annona node reincarnate", "the new one stands"];
    let next = next.iter().any(|next| said.contains(next));
    assert!(place && next, "{what}: {:?}\n{said}", answer.code);
}

/// Amounts at the end of what a number holds are refused in words, before anything is written, whichever way they come.
#[test]
fn amounts_no_number_holds_are_refused_in_words() {
    let camp = counter();
    let before = left(&camp);
    // 2^63 - 1 is the largest amount of minor units; a kilogram has a thousand.
    let most = "9223372036854775.807";
    let beyond = [
        "9223372036854775.808",
        "18446744073709551.615",
        "18446744073709551615",
        "18446744073709551616",
        "340282366920938463463374607431768211456",
    ];
    let supply = "pay supply --dir treasury --cycle 1 --to lake";
    for amount in beyond {
        for words in [
            format!("pay charge --family 1 --item Rice={amount}"),
            format!("pay charge --family 1 --item Rice={amount} --dry-run"),
            format!("pay hold --family 1 --item Rice={amount}"),
            format!("{supply} --item Rice={amount} --out big.ticket"),
        ] {
            camp.run(&words).fails(3, "larger than an amount can be");
        }
        camp.write("big.csv", format!("household_id,Rice\nB1-001,{amount}\n"));
        let import = camp.run("entitle import big.csv --programme Food --cycle 1 --json");
        // A table is checked to its end: what is wrong in it is told by row and column.
        assert_eq!(import.code, Some(1), "{amount}: {}{}", import.out, import.err);
        assert_eq!(
            (import.field(0, "code"), import.field(0, "row"), import.field(0, "column")),
            ("amount-too-large".into(), "2".into(), "B".into())
        );
        let order = json!({ "request": "big", "family": "1", "items": { "Rice": amount } });
        camp.write("big.jsonl", order.to_string());
        let queue = camp.run("pay charge --from big.jsonl --json");
        assert_ne!(queue.code, Some(0), "{amount}: {}", queue.out);
        let told = format!("{}{}", queue.out, queue.err);
        assert!(told.contains("larger than an amount can be"), "{told}");
    }
    // The largest there is reads, and is more than anybody has: an answer of the ledger, and no sum runs over.
    camp.run(&format!("pay charge --family 1 --item Rice={most}")).fails(5, "rejection");
    camp.run(&format!("pay charge --family 1 --item Rice={most} --item Rice={most}"))
        .fails(3, "stands twice");
    camp.run(&format!("{supply} --item Rice={most} --out big.ticket")).fails(5, "rejection");
    camp.run(&format!("{supply} --item Rice={most} --item Rice={most}")).fails(3, "stands twice");
    camp.write("big.csv", format!("household_id,Rice\nB1-001,{most}\nB1-002,{most}\n"));
    let import = camp.run("entitle import big.csv --programme Food --cycle 1");
    // Each row reads, and their sum is more than a list can come to.
    assert_eq!(import.code, Some(1), "{}{}", import.out, import.err);
    assert!(import.out.contains("larger than can be kept"), "{}", import.out);
    assert!(!camp.file("big.ticket").exists(), "nothing was sent");
    assert_eq!(left(&camp), before, "nothing was handed out");
    camp.run("doctor --full --rebuild").fine();
}
