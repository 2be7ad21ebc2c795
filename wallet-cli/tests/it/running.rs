//! Nodes that run: real processes, asked how they stand as a person would ask.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::camp::Camp;

/// How long anything may take before it is a failure: many times what it takes on a machine that is busy with tests.
pub(crate) const PATIENCE: Duration = Duration::from_secs(400);

/// A node that runs, killed where a test fails.
pub(crate) struct Node {
    pub(crate) dir: String,
    pub(crate) port: u16,
    pub(crate) child: Child,
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port nobody uses.
/// No two calls give the same: nodes may listen where another does, and would then take each other for themselves.
pub(crate) fn port() -> u16 {
    static GIVEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());
    let mut given = GIVEN.lock().expect("the ports");
    // Below those that the system gives to whoever asks for any.
    let first = u16::try_from(std::process::id() * 97 % 20_000).expect("small") + 10_000;
    let free =
        |port: &u16| !given.contains(port) && TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let port = (first..32_000).chain(10_000..first).find(free).expect("a port");
    given.insert(port);
    port
}

/// The name of a node.
pub(crate) fn name(camp: &Camp, dir: &str) -> String {
    camp.run(&format!("status --dir {dir} --json")).fine().field(0, "node")
}

/// How many entries a node knows.
pub(crate) fn entries(camp: &Camp, dir: &str) -> u64 {
    camp.run(&format!("status --dir {dir} --json"))
        .fine()
        .field(0, "entries")
        .parse()
        .expect("a number")
}

/// A node of an organisation whose certificate is known to itself, which knows some others', and to the treasury alone.
pub(crate) fn admit(camp: &Camp, dir: &str, (number, org): (u8, &str), known: &str) {
    camp.run(&format!(
        "init --dir {dir} --site {dir} --role merchant --role witness --organisation {number} --passphrase-cost light"
    ))
    .fine();
    camp.run(&format!("charter apply charter.annona --dir {dir}")).fine();
    camp.run(&format!("node request --dir {dir} --out {dir}.request")).fine();
    let site = 10 + dir.len() + usize::from(number);
    camp.run(&format!(
        "node admit {dir}.request --keys {org}.keys --charter charter.annona --site {site} --programme Food \
         --until +300d --out {dir}.annona"
    ))
    .fine();
    camp.run(&format!("node learn {known} {dir}.annona --dir {dir}")).fine();
    camp.run(&format!("node learn {dir}.annona --dir treasury")).fine();
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "still not: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

impl Node {
    /// Starts a node that listens on a port and dials others, and waits until it is ready.
    pub(crate) fn start(camp: &Camp, dir: &str, port: u16, dials: &[(&str, u16)]) -> Self {
        let mut config = format!("[network]\nlisten = [\"127.0.0.1:{port}\"]\n");
        for (node, port) in dials {
            config += &format!("[[peer]]\nnode = \"{node}\"\naddress = \"127.0.0.1:{port}\"\n");
        }
        camp.write(&format!("{dir}/run.toml"), config);
        Self::again(camp, dir, port)
    }

    /// Starts it with the configuration it has.
    pub(crate) fn again(camp: &Camp, dir: &str, port: u16) -> Self {
        Self::by(camp, dir, port, camp.command(Self::words(dir)))
    }

    /// What it is started with.
    pub(crate) const fn words(dir: &str) -> [&str; 5] {
        ["run", "--dir", dir, "--passphrase-file", "pass.txt"]
    }

    /// Starts it by a command of one's own, and waits until it is ready.
    pub(crate) fn by(camp: &Camp, dir: &str, port: u16, mut command: Command) -> Self {
        let log =
            fs::OpenOptions::new().create(true).append(true).open(camp.file(&format!("{dir}.log")));
        let log = log.expect("a log");
        let child = command.stdout(Stdio::null()).stderr(log).spawn().expect("the program runs");
        let mut node = Self { dir: dir.into(), port, child };
        until(&format!("{dir} is ready"), || {
            let ended = node.child.try_wait().expect("its state");
            assert!(ended.is_none(), "{dir} ended: {}", camp.told(&format!("{dir}.log")));
            !node.status(camp)["running"].is_null()
        });
        node
    }

    pub(crate) fn status(&self, camp: &Camp) -> Value {
        let said = camp.run(&format!("status --dir {} --json", self.dir)).fine();
        serde_json::from_str(said.out.trim()).expect("JSON")
    }

    /// How it stands with a peer.
    pub(crate) fn peer(&self, camp: &Camp, node: &str) -> Value {
        let said = camp.run(&format!("peers --dir {} --json", self.dir)).fine();
        let rows = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON"));
        rows.into_iter().find(|row: &Value| row["node"] == json!(node)).unwrap_or(Value::Null)
    }

    #[track_caller]
    pub(crate) fn comes_to(&self, camp: &Camp, node: &str, state: &str) {
        let begun = Instant::now();
        loop {
            let row = self.peer(camp, node);
            if row["state"] == json!(state) {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{}: wanted {state}, got {row}\n{}",
                self.dir,
                camp.told(&format!("{}.log", self.dir))
            );
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Asks it to stop as a service manager does, and waits.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.child.id()).expect("a pid"));
        rustix::process::kill_process(pid.expect("a pid"), rustix::process::Signal::TERM)
            .expect("sent");
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "{} does not stop", self.dir);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends it without a word.
    pub(crate) fn kill(self) {
        drop(self);
    }

    /// Bytes of memory it holds.
    pub(crate) fn memory(&self) -> u64 {
        let status =
            fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("status");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
        let kib = line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok());
        kib.expect("a number") * 1024
    }
}

#[test]
fn one_that_waited_for_its_passphrase_is_no_second_node_of_the_folder() {
    let camp = Camp::new();
    let pipe = camp.file("late.pass");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let port = port();
    camp.write("treasury/run.toml", format!("[network]\nlisten = [\"127.0.0.1:{port}\"]\n"));
    let words = ["run", "--dir", "treasury", "--passphrase-file", "late.pass"];
    let late = camp.command(words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let late = late.expect("the program runs");
    // It has the pipe open once this returns: by then it has looked, and found nobody.
    let mut writes = fs::OpenOptions::new().write(true).open(&pipe).expect("somebody reads");
    let node = Node::again(&camp, "treasury", port);
    std::io::Write::write_all(&mut writes, camp.told("pass.txt").as_bytes()).expect("a pipe");
    drop(writes);
    let ended = late.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(6), "{said}");
    assert!(said.contains("runs already"), "{said}");
    assert!(!node.status(&camp)["running"].is_null(), "the other goes on, and is found");
    camp.run("doctor --dir treasury").fine();
}
