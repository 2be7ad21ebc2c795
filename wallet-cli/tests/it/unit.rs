//! The unit for systemd: what it starts is started, what it promises is kept, and systemd itself reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use crate::camp::Camp;
use crate::running::{Node, PATIENCE};

/// The program's own unit, as it prints it.
fn unit(camp: &Camp) -> String {
    camp.bare("run --print-unit").fine().out
}

/// What stands after a key of the unit.
fn value<'a>(unit: &'a str, key: &str) -> &'a str {
    let found = unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{key}\n{unit}"))
}

/// The words the unit starts the program with, its folders and its credential being those of the camp.
fn words(camp: &Camp, unit: &str) -> Vec<String> {
    let place = |name: &str| camp.file(name).display().to_string();
    let (credential, file) = value(unit, "LoadCredential").split_once(':').expect("NAME:FILE");
    assert!(file.starts_with("/etc/annona/"), "{file}");
    let places: BTreeMap<String, String> = [
        ("/var/lib/annona".into(), place("lake")),
        ("/var/lib/annona-heads".into(), place("heads")),
        (format!("%d/{credential}"), place("pass.txt")),
    ]
    .into();
    let mut words = value(unit, "ExecStart").split(' ');
    assert_eq!(words.next(), Some("/usr/bin/annona"));
    let mut said = BTreeSet::new();
    let words: Vec<String> = words
        .map(|word| {
            said.insert(word.to_owned());
            places.get(word).cloned().unwrap_or_else(|| word.to_owned())
        })
        .collect();
    // Each place is there, and nothing else is a place of some machine.
    assert!(places.keys().all(|place| said.contains(place)), "{words:?}");
    assert!(!words.iter().any(|word| word.starts_with("/var") || word.contains('%')), "{words:?}");
    words
}

/// Starts what the unit starts, as systemd would: `before` it, nothing at its ends but the socket it says `READY=1` to.
fn starts(camp: &Camp, words: &[String], before: &[&str]) -> (Node, UnixDatagram) {
    let place = camp.file("notify");
    drop(fs::remove_file(&place));
    let socket = UnixDatagram::bind(&place).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("patience");
    let line: Vec<&str> = before.iter().copied().chain([env!("CARGO_BIN_EXE_annona")]).collect();
    let mut command = Command::new(line[0]);
    command.args(&line[1..]).args(words).env_clear().current_dir("/");
    command.env("NOTIFY_SOCKET", &place).stdin(Stdio::null()).stdout(Stdio::null());
    let child = command.stderr(Stdio::null()).spawn().expect("runs");
    (Node { dir: "lake".into(), port: 0, child }, socket)
}

fn hear(socket: &UnixDatagram) -> String {
    let mut word = [0; 64];
    let n = socket.recv(&mut word).expect("a word");
    String::from_utf8_lossy(&word[..n]).into_owned()
}

#[test]
fn what_the_unit_starts_is_ready_and_stops_as_it_says() {
    let camp = Camp::new();
    camp.write("lake/run.toml", "[network]\nlisten = []\n");
    let unit = unit(&camp);
    assert_eq!((value(&unit, "Type"), value(&unit, "NotifyAccess")), ("notify", "main"));
    let page = value(&unit, "Documentation").strip_prefix("man:").expect("a page");
    camp.bare("man manual").fine();
    assert!(camp.file("manual").join(page.replace('(', ".").replace(')', "")).exists(), "{page}");
    // The two folders it makes are those the program is told of, and lie where it may write.
    let made: Vec<&str> = value(&unit, "StateDirectory").split(' ').collect();
    assert_eq!(made, ["annona", "annona-heads"]);
    assert_eq!(value(&unit, "StateDirectoryMode"), "0700");
    let (node, socket) = starts(&camp, &words(&camp, &unit), &[]);
    assert_eq!(hear(&socket), "READY=1");
    assert_eq!(node.stop(), Some(0), "and systemd does not start it again");
    assert_eq!(hear(&socket), "STOPPING=1");
    // Where its credential is wrong it ends, and does not wait for somebody to type.
    camp.write("pass.txt", "some other words");
    let (mut node, _socket) = starts(&camp, &words(&camp, &unit), &[]);
    assert_ne!(node.child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn systemd_reads_the_unit_and_finds_it_closed() {
    let camp = Camp::new();
    let Ok(said) = Command::new("systemd-analyze").arg("--version").output() else {
        println!("skipped, because systemd-analyze is not here");
        return;
    };
    assert!(said.status.success());
    let unit = unit(&camp).replace("/usr/bin/annona", env!("CARGO_BIN_EXE_annona"));
    camp.write("annona.service", unit);
    let asked = |words: &[&str]| {
        let mut command = Command::new("systemd-analyze");
        let said = command.args(words).arg(camp.file("annona.service")).output().expect("it runs");
        let words = [said.stdout, said.stderr].concat();
        (said.status.success(), String::from_utf8_lossy(&words).into_owned())
    };
    let (fine, words) = asked(&["verify", "--man=no"]);
    assert!(fine && words.is_empty(), "{words}");
    // Tenths of its own scale, of which a service without any of this has 96.
    let (fine, words) = asked(&["security", "--offline=true", "--no-pager", "--threshold=15"]);
    assert!(fine, "{words}");
    camp.write(
        "annona.service",
        camp.told("annona.service").replace("ProtectHome=", "ProtectHom="),
    );
    let (_, words) = asked(&["verify", "--man=no"]);
    assert!(words.contains("ProtectHom"), "what it does not know it says: {words}");
}

/// The calls of a set of systemd's, and of the sets in it.
fn calls(sets: &BTreeMap<String, Vec<String>>, set: &str) -> BTreeSet<String> {
    let of = |one: &String| match one.starts_with('@') {
        true => calls(sets, one),
        false => BTreeSet::from([one.clone()]),
    };
    sets[set].iter().flat_map(of).collect()
}

#[test]
fn nothing_the_program_asks_of_the_system_is_closed_to_it() {
    let camp = Camp::new();
    let Ok(listed) =
        Command::new("systemd-analyze").args(["--no-pager", "syscall-filter"]).output()
    else {
        println!("skipped, because systemd-analyze is not here");
        return;
    };
    let traced = camp.file("calls.txt");
    let trace = ["-V"];
    if Command::new("strace").args(trace).output().is_err() {
        println!("skipped, because strace is not here");
        return;
    }
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut last = String::new();
    for line in String::from_utf8_lossy(&listed.stdout).lines() {
        match line.strip_prefix("    ").map(str::trim) {
            Some(word) if !word.starts_with('#') && !word.is_empty() => {
                sets.entry(last.clone()).or_default().push(word.to_owned());
            }
            None if line.starts_with('@') => last = line.to_owned(),
            _ => {}
        }
    }
    let port = crate::running::port();
    camp.write("lake/run.toml", format!("[network]\nlisten = [\"127.0.0.1:{port}\"]\n"));
    let unit = unit(&camp);
    let allowed = calls(&sets, value(&unit, "SystemCallFilter"));
    assert!(allowed.contains("fsync") && !allowed.contains("ptrace"), "the sets were read");
    let out = traced.display().to_string();
    let (node, socket) =
        starts(&camp, &words(&camp, &unit), &["strace", "-f", "-qq", "-I", "2", "-o", &out]);
    assert_eq!(hear(&socket), "READY=1");
    // A neighbour meets it, a command borrows the folder, and both end.
    let lake = crate::running::name(&camp, "lake");
    let there = Node::start(&camp, "hill", crate::running::port(), &[(&lake, port)]);
    there.comes_to(&camp, &lake, "meeting");
    camp.run("audit export sealed.audit --seal").fine();
    assert_eq!(there.stop(), Some(0));
    let text = fs::read_to_string(&traced).expect("what was asked");
    let first = text.split_whitespace().next().expect("a process").to_owned();
    let sent = Command::new("kill").args(["-TERM", &first]).status().expect("kill");
    assert!(sent.success());
    assert_eq!(hear(&socket), "STOPPING=1");
    let mut node = node;
    assert_eq!(node.child.wait().expect("it ends").code(), Some(0));
    let text = fs::read_to_string(&traced).expect("what was asked");
    let asked: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(_, rest)| rest.trim_start().split_once('('))
        .map(|(call, _)| call)
        .filter(|call| {
            !call.is_empty() && call.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
        .collect();
    assert!(asked.contains("fdatasync") || asked.contains("fsync"), "{asked:?}");
    let closed: Vec<&&str> = asked.iter().filter(|call| !allowed.contains(**call)).collect();
    assert!(closed.is_empty(), "the unit forbids {closed:?}");
    // Sockets of these families, and memory that is never both written and run.
    let families = value(&unit, "RestrictAddressFamilies");
    for line in text.lines().filter(|line| line.contains(" socket(")) {
        let family = line.split(" socket(").nth(1).and_then(|rest| rest.split(',').next());
        let family = family.expect("a family");
        assert!(families.split(' ').any(|one| one == family), "{line}");
    }
    let both = |line: &&str| line.contains("PROT_WRITE") && line.contains("PROT_EXEC");
    assert_eq!(text.lines().find(both), None);
}
