//! Nodes that run: real processes on loopback that meet, refuse, break and come back.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use annona_node::folder::LEDGER;
use annona_node::store::Store;
use serde_json::json;

use crate::camp::{Camp, copy_tree};
use crate::counter::counter;
use crate::running::{Node, PATIENCE, admit, entries, name, port, until};

/// What a node says of its figures, at a path.
fn ask(at: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", at)).expect("a connection");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").expect("asked");
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("answered");
    said
}

/// One of them.
#[track_caller]
fn figure(at: u16, name: &str) -> u64 {
    let page = ask(at, "/metrics");
    let found = page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    found.unwrap_or_else(|| panic!("{name} in\n{page}"))
}

/// Three nodes of the camp, the lake and the hill dialling the treasury.
fn three(camp: &Camp) -> [Node; 3] {
    let [a, b, c] = [port(), port(), port()];
    let treasury = name(camp, "treasury");
    let one = Node::start(camp, "treasury", a, &[]);
    let lake = Node::start(camp, "lake", b, &[(&treasury, a)]);
    let hill = Node::start(camp, "hill", c, &[(&treasury, a)]);
    [one, lake, hill]
}

/// What a line may cost a day is said where the node is started; what is used up holds back all but what is urgent.
#[test]
fn a_days_budget_is_kept_to_and_a_larger_one_brings_the_rest() {
    let camp = Camp::new();
    for n in 0..6 {
        camp.family(
            "member: full_name=Noor",
            &format!("--key C9-00{n} --operator mara.keys --operator-passphrase-file pass.txt"),
        )
        .fine();
    }
    let [a, b] = [port(), port()];
    let lake_is = name(&camp, "lake");
    let lake = Node::start(&camp, "lake", a, &[]);
    let peer = format!("[[peer]]\nnode = \"{lake_is}\"\naddress = \"127.0.0.1:{a}\"\n");
    camp.write("hill/run.toml", format!("[network]\nlisten = [\"127.0.0.1:{b}\"]\n{peer}"));
    camp.run("run --dir hill --budget 5MB").fails(2, "Write it as 5MB/day");
    camp.run("run --dir hill --quiet-hours 22-5").fails(2, "Write them as 22:00-05:30");
    let starts = |budget: &str| {
        let words = [&Node::words("hill")[..], &["--budget", budget]].concat();
        Node::by(&camp, "hill", b, camp.command(words))
    };
    // Half of it is for one link: less than the block of these families.
    let hill = starts("1KB/day");
    until("they met, and some of the day is used", || {
        let row = hill.peer(&camp, &lake_is);
        row["budget_left"].as_u64().is_some_and(|left| left < 1_000)
    });
    let known = || [entries(&camp, "hill"), entries(&camp, "lake")];
    assert!(known()[0] < known()[1], "{:?}", known());
    assert_eq!(hill.stop(), Some(0));
    let spent = camp.told("hill/links.json");
    assert!(spent.contains(&lake_is), "the day is remembered: {spent}");
    let hill = starts("1GB/day");
    until("the rest came", || known()[0] == known()[1]);
    assert_eq!([hill.stop(), lake.stop()], [Some(0); 2]);
}

#[test]
fn three_nodes_meet_by_themselves_and_commands_go_on_meanwhile() {
    let camp = counter();
    let nodes = three(&camp);
    let [treasury, lake, hill] = &nodes;
    let own = name(&camp, "treasury");
    for node in [lake, hill] {
        node.comes_to(&camp, &own, "meeting");
    }
    let same = || {
        let known = ["treasury", "lake", "hill"].map(|dir| entries(&camp, dir));
        known.iter().all(|n| *n == known[0]).then_some(known[0])
    };
    until("all know the same", || same().is_some());
    let before = same().expect("the same");
    // A family eats at the lake while it runs, and everybody hears of it.
    camp.run("pay charge --family 1 --item Rice=1").fine();
    until("the ration is known everywhere", || same().is_some_and(|known| known > before));
    // The lake's checkpoint tells of nothing they lack: who is a witness signs it, and who keeps records follows an erasure.
    until("the hill has signed the lake's checkpoint", || {
        camp.told("hill.log").contains(" cosigned ")
    });
    let shown = camp.bare("checkpoint show --json --dir hill").fine();
    assert_eq!(shown.lines()[0]["organisations"], json!([1]));
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    camp.run(&format!("erase 2 {mara}")).fine();
    until("the hill says that it followed", || {
        camp.run("erase --pending --json").fine().out.lines().count() == 0
    });
    // Running twice is refused, with who it is.
    camp.run("run --dir lake").fails(6, "runs already (pid ");
    assert!(treasury.status(&camp)["running"]["meeting"].as_u64() >= Some(2));
    let [treasury, lake, hill] = nodes;
    assert_eq!([hill.stop(), lake.stop(), treasury.stop()], [Some(0); 3]);
    for dir in ["treasury", "lake", "hill"] {
        assert!(!camp.file(&format!("{dir}/run.sock")).exists());
        camp.run(&format!("doctor --full --dir {dir}")).fine();
        let log = camp.told(&format!("{dir}.log"));
        assert!(log.contains(" info stopped"), "{log}");
        for name in ["Noor", "Amina", "B1-001"] {
            assert!(!log.contains(name), "{name} in the log of {dir}");
        }
    }
}

#[test]
fn s44_a_stranger_gets_a_handshake_and_a_revoked_node_nothing() {
    let camp = Camp::new();
    let (a, b, c) = (port(), port(), port());
    let (treasury, lake) = (name(&camp, "treasury"), name(&camp, "lake"));
    // A node of this federation that the treasury has no certificate of: its own is learned by itself alone.
    camp.run("init --dir new --site new --role registrar --organisation 1 --passphrase-cost light")
        .fine();
    camp.run("charter apply charter.annona --dir new").fine();
    camp.run("node request --dir new --out new.request").fine();
    camp.run("node admit new.request --keys relief.keys --charter charter.annona --site 9 --until +300d --out new.annona").fine();
    camp.run("node learn treasury.annona lake.annona new.annona --dir new").fine();
    let at = port();
    camp.write(
        "treasury/run.toml",
        format!(
            "[network]\nlisten = [\"127.0.0.1:{a}\"]\n[metrics]\nlisten = \"127.0.0.1:{at}\"\n"
        ),
    );
    let one = Node::again(&camp, "treasury", a);
    let begun = one.memory();
    let stranger = Node::start(&camp, "new", c, &[(&treasury, a)]);
    stranger.comes_to(&camp, &treasury, "not_admitted");
    let row = stranger.peer(&camp, &treasury);
    assert_eq!((&row["sent"], &row["received"]), (&json!(0), &json!(0)), "{row}");
    // It tries again and again, and each time costs the treasury one handshake: no link, no frame, no memory.
    until("it was refused three times", || figure(at, "annona_strangers_total") >= 3);
    assert_eq!(figure(at, "annona_links_total"), 0);
    let tried = figure(at, "annona_incoming_total");
    assert!(tried >= figure(at, "annona_strangers_total"), "{tried} connections");
    let page = ask(at, "/metrics");
    let mut sent = page.lines().filter(|line| line.starts_with("annona_peer_sent_bytes_total{"));
    assert!(sent.all(|line| line.ends_with(" 0")), "nobody was sent anything: {page}");
    let grown = one.memory().saturating_sub(begun);
    assert!(grown < 16 << 20, "{} MiB for a stranger", grown >> 20);
    let two = Node::start(&camp, "lake", b, &[(&treasury, a)]);
    two.comes_to(&camp, &treasury, "meeting");
    // Once its certificate is known it gets in, without anybody starting anything.
    camp.run("node learn new.annona --dir treasury").fine();
    stranger.comes_to(&camp, &treasury, "meeting");
    // The lake is lost, and cut; its link ends and it gets no other.
    camp.run(&format!("node revoke {lake} --reason lost --dir treasury")).fine();
    one.comes_to(&camp, &lake, "revoked");
    until("the lake is out", || two.peer(&camp, &treasury)["state"] != json!("meeting"));
}

#[test]
fn s39_a_new_node_begins_over_a_link_from_what_a_quorum_vouches_for() {
    let camp = counter();
    admit(&camp, "mill", (2, "city"), "treasury.annona lake.annona hill.annona cycle.annona");
    let [a, b, c, d] = [port(), port(), port(), port()];
    let (treasury, lake, mill) =
        (name(&camp, "treasury"), name(&camp, "lake"), name(&camp, "mill"));
    let one = Node::start(&camp, "treasury", a, &[]);
    let two = Node::start(&camp, "lake", b, &[(&treasury, a)]);
    let known = |dir: &str| entries(&camp, dir);
    until("both know the same", || known("lake") == known("treasury") && known("lake") > 20);
    // One who begins finds nothing to begin from yet, and waits: of the history it takes nothing. The mill does not run
    // yet: what a witness has seen it signs by itself, and then two organisations would vouch.
    admit(&camp, "dune", (1, "relief"), "treasury.annona mill.annona lake.annona");
    let begin = "[ledger]\nbegin = \"checkpoint\"\n";
    let peer =
        |node: &str, port| format!("[[peer]]\nnode = \"{node}\"\naddress = \"127.0.0.1:{port}\"\n");
    let network = format!("[network]\nlisten = [\"127.0.0.1:{d}\"]\n");
    let config = format!("{network}{begin}{}{}", peer(&treasury, a), peer(&mill, c));
    camp.write("dune/run.toml", config);
    let dune = Node::again(&camp, "dune", d);
    until("it has asked", || camp.told("dune.log").contains("no_checkpoint"));
    assert_eq!(known("dune"), 0);
    assert_eq!(dune.stop(), Some(0));
    let three = Node::start(&camp, "mill", c, &[(&treasury, a)]);
    until("all know the same", || {
        known("lake") == known("treasury") && known("lake") == known("mill") && known("lake") > 20
    });
    // Two organisations sign what they have seen, and it begins there.
    camp.run("checkpoint make --dir treasury").fine();
    camp.run("checkpoint cosign --dir treasury").fine();
    until("the mill has heard of it", || camp.run("checkpoint cosign --dir mill").code == Some(0));
    let certified = || {
        let shown = camp.run("checkpoint show --dir treasury --json").fine();
        shown.lines()[0]["certified_programmes"].as_array().is_some_and(|some| !some.is_empty())
    };
    until("the treasury has heard of its word", certified);
    camp.run("pay charge --family 1 --item Rice=1").fine();
    let dune = Node::again(&camp, "dune", d);
    until("all know the same", || {
        known("dune") == known("treasury") && known("dune") == known("lake")
    });
    let log = camp.told("dune.log");
    assert!(log.lines().any(|line| line.contains(" begun ")), "{log}");
    let state = |dir: &str| {
        let said = camp.run(&format!("doctor --full --rebuild --dir {dir}")).fine().out;
        said.lines().find(|line| line.contains("made anew, the same")).map(str::to_owned)
    };
    assert_eq!(state("dune"), state("treasury"));
    // It holds the rows, and not what they were made of.
    let bodies = |dir: &str| {
        let store = Store::reader(&camp.file(&format!("{dir}/{LEDGER}"))).expect("a ledger");
        store.check_all(&mut |_, _| {}).expect("a look").blocks
    };
    assert!(bodies("dune") < bodies("treasury"), "{} of {}", bodies("dune"), bodies("treasury"));
    assert_eq!([dune.stop(), three.stop(), two.stop(), one.stop()], [Some(0); 4]);
    drop(lake);
}

#[test]
fn wrong_answers_have_a_state_each() {
    let camp = Camp::new();
    let (a, b) = (port(), port());
    let (treasury, hill) = (name(&camp, "treasury"), name(&camp, "hill"));
    // Somebody who is no annona: takes a connection and talks of something else.
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let odd = other.local_addr().expect("address").port();
    std::thread::spawn(move || {
        for mut stream in other.incoming().flatten() {
            drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let one = Node::start(&camp, "treasury", a, &[]);
    // The hill is not where the treasury is.
    let lake =
        Node::start(&camp, "lake", b, &[(&treasury, odd), (&hill, a), ("00112233445566ff", a)]);
    lake.comes_to(&camp, &treasury, "wrong_federation");
    lake.comes_to(&camp, &hill, "somebody_else");
    lake.comes_to(&camp, "00112233445566ff", "no_certificate");
    assert_eq!(lake.stop(), Some(0));
    let nobody = port();
    let lake = Node::start(&camp, "lake", b, &[(&treasury, nobody)]);
    lake.comes_to(&camp, &treasury, "unreachable");
    assert_eq!(lake.peer(&camp, &treasury)["detail"], json!("nobody listens there"));
    drop(one);
}

#[test]
fn a_node_that_is_killed_comes_back_and_is_met_again() {
    let camp = counter();
    let [treasury, lake, hill] = three(&camp);
    let own = name(&camp, "treasury");
    lake.comes_to(&camp, &own, "meeting");
    let (name, port) = (name(&camp, "lake"), treasury.port);
    // Without a word, and a ration is handed out while nobody hears of it.
    drop(treasury);
    until("the lake has noticed", || lake.peer(&camp, &own)["state"] != json!("meeting"));
    camp.run("pay charge --family 1 --item Rice=1").fine();
    let treasury = Node::again(&camp, "treasury", port);
    lake.comes_to(&camp, &own, "meeting");
    until("both know the same", || entries(&camp, "treasury") == entries(&camp, "lake"));
    // The one that dials goes too, with a socket left behind.
    drop(lake);
    assert!(camp.file("lake/run.sock").exists());
    let lake = Node::again(&camp, "lake", crate::running::port());
    lake.comes_to(&camp, &own, "meeting");
    treasury.comes_to(&camp, &name, "meeting");
    assert_eq!([hill.stop(), lake.stop(), treasury.stop()], [Some(0); 3]);
}

/// Asks the socket of a node that runs, with whatever bytes, and hears it out.
fn says(camp: &Camp, bytes: &[u8]) -> String {
    let mut stream = UnixStream::connect(camp.file("treasury/run.sock")).expect("it listens");
    // It may have heard enough before all is said.
    let said = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    drop((said, stream.read_to_end(&mut answer)));
    String::from_utf8(answer).expect("it answers in text")
}

#[test]
fn a_node_goes_on_whatever_is_said_to_its_socket() {
    let camp = counter();
    let treasury = Node::start(&camp, "treasury", port(), &[]);
    let long = vec![b'a'; 100_000];
    let no_text = [b"status ".as_slice(), &[0xff; 40], b"\n"].concat();
    let no_process: [&[u8]; 3] = [b"lend x\n", b"lend -1\n", b"lend 99999999999999999999\n"];
    for bytes in no_process {
        assert_eq!(says(&camp, bytes), "that is no process\n", "{bytes:02x?}");
    }
    let unknown: [&[u8]; 6] = [b"", b"\n", b"lend\n", b"status status\n", b"stop\n", &long];
    for bytes in unknown {
        let answer = says(&camp, bytes);
        assert!(!answer.contains("yours") && !answer.contains('{'), "{answer}");
    }
    assert_eq!(says(&camp, &no_text), "", "no text is no question");
    assert!(says(&camp, b"lend 4711\n").contains("yours"), "whoever closes gives it back");
    // As often as may be open at once: none of them is left behind.
    for _ in 0..80 {
        assert!(says(&camp, b"status\n").starts_with('{'));
    }
    assert_eq!(treasury.stop(), Some(0));
}

#[test]
fn s07_a_machine_put_back_from_an_image_signs_no_more_once_a_peer_shows_what_it_lost() {
    let camp = counter();
    let treasury = name(&camp, "treasury");
    let ports = [port(), port()];
    let one = Node::start(&camp, "treasury", ports[0], &[]);
    let lake = Node::start(&camp, "lake", ports[1], &[(&treasury, ports[0])]);
    lake.comes_to(&camp, &treasury, "meeting");
    until("both know the same", || entries(&camp, "lake") == entries(&camp, "treasury"));
    assert_eq!(lake.stop(), Some(0));
    // The whole machine: its folder, and its memory of what it signed.
    let image = camp.file("image");
    for part in ["lake", "heads"] {
        std::fs::create_dir_all(image.join(part)).expect("a folder");
        copy_tree(&camp.file(part), &image.join(part));
    }
    let lake = Node::again(&camp, "lake", ports[1]);
    camp.run("pay charge --family 1 --item Rice=1").fine();
    until("the ration is known there", || entries(&camp, "lake") == entries(&camp, "treasury"));
    assert_eq!([lake.stop(), one.stop()], [Some(0); 2]);
    for part in ["lake", "heads"] {
        std::fs::remove_dir_all(camp.file(part)).expect("gone");
        std::fs::create_dir(camp.file(part)).expect("a folder");
        copy_tree(&image.join(part), &camp.file(part));
    }
    // Nothing on this machine tells that anything is amiss.
    camp.run("pay charge --family 1 --item Rice=1 --dry-run").fine();
    let one = Node::again(&camp, "treasury", ports[0]);
    let lake = Node::again(&camp, "lake", ports[1]);
    let why = || lake.status(&camp)["running"]["may_not_sign"].clone();
    until("it says why it signs no more", || {
        why().as_str().is_some_and(|w| w.contains("older copy"))
    });
    camp.run("pay charge --family 1 --item Rice=1").fails(5, "restored from an older copy");
    // It still listens, reads and hands on; and the same after a restart, without anybody showing it again.
    lake.comes_to(&camp, &treasury, "meeting");
    assert_eq!(lake.stop(), Some(0));
    assert_eq!(one.stop(), Some(0));
    camp.run("pay charge --family 1 --item Rice=1").fails(5, "restored from an older copy");
    camp.run("doctor").fails(1, "wrong");
}

#[test]
fn p9_five_hundred_who_are_slow_or_hostile_cost_little_and_stop_nobody() {
    let camp = counter();
    let [treasury, lake, hill] = three(&camp);
    let own = name(&camp, "treasury");
    lake.comes_to(&camp, &own, "meeting");
    let at = ("127.0.0.1", treasury.port);
    let mut held = Vec::new();
    for n in 0..500_u32 {
        let Ok(mut stream) = TcpStream::connect(at) else { continue };
        let said: &[u8] = match n % 4 {
            0 => b"",
            1 => b"\x13/multistream/1.0.0\n",
            2 => b"\x13/multistream/1.0.0\n\x07/noise\n",
            _ => &[0xff; 8_192],
        };
        drop(stream.write_all(said));
        drop(stream.set_nonblocking(true));
        drop(stream.read(&mut [0; 64]));
        held.push(stream);
        if n == 250 {
            // In the middle of it a family eats, and the treasury hears of it.
            camp.run("pay charge --family 1 --item Rice=1").fine();
        }
    }
    assert!(held.len() > 400, "{} connections", held.len());
    until("the treasury hears of the ration", || {
        entries(&camp, "treasury") == entries(&camp, "lake")
    });
    // Who was not there before gets in all the same.
    let name = name(&camp, "hill");
    assert_eq!(hill.stop(), Some(0));
    let hill = Node::again(&camp, "hill", port());
    treasury.comes_to(&camp, &name, "meeting");
    let memory = treasury.memory();
    assert!(memory < 128 * 1024 * 1024, "{} MiB", memory >> 20);
    drop((held, hill, lake));
}

#[test]
fn figures_are_shown_to_this_machine_and_name_nobody() {
    let camp = Camp::new();
    let at = port();
    camp.write(
        "lake/run.toml",
        format!("[network]\nlisten = []\n[metrics]\nlisten = \"127.0.0.1:{at}\"\n"),
    );
    let lake = Node::again(&camp, "lake", 0);
    let page = ask(at, "/metrics");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    for line in ["annona_may_sign 1", "annona_folder_lent 0", "annona_peers{state=\"meeting\"} 0"] {
        assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    }
    let ends = page.lines().find_map(|l| l.strip_prefix("annona_certificate_ends_seconds "));
    assert!(ends.is_some_and(|ends| ends.parse::<i64>().is_ok_and(|ends| ends > 0)), "{page}");
    let (_, body) = page.split_once("\r\n\r\n").expect("a body");
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        assert!(name.starts_with("annona_") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(ask(at, "/").starts_with("HTTP/1.1 404"), "nothing else is there");
    assert_eq!(lake.stop(), Some(0));
}

#[test]
fn a_node_whose_passphrase_is_changed_ends_and_says_so() {
    let camp = Camp::new();
    camp.write("lake/run.toml", "[network]\nlisten = []\n");
    let mut lake = Node::again(&camp, "lake", 0);
    // Another process has the folder for a moment, and the node goes on.
    camp.run("family show 1").fine();
    until("the node has it again", || lake.status(&camp)["running"]["lent"].is_null());
    camp.run("key passwd --new-passphrase-file new-passphrase.txt").fine();
    until("the node has ended", || lake.child.try_wait().expect("its state").is_some());
    let code = lake.child.wait().expect("its end").code();
    let log = camp.told("lake.log");
    assert_eq!(code, Some(6), "{log}");
    assert!(log.contains("its passphrase was changed meanwhile"), "{log}");
}

#[test]
fn in_quiet_hours_nobody_is_dialled() {
    let camp = Camp::new();
    let (a, b) = (port(), port());
    let treasury = name(&camp, "treasury");
    let one = Node::start(&camp, "treasury", a, &[]);
    let time = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.expect("a time")
    };
    // What is spent is of a day: it must not turn on the way.
    let left = 86_400 - time().as_secs() % 86_400;
    if left < 120 {
        std::thread::sleep(std::time::Duration::from_secs(left));
    }
    let now = time();
    let hour = now.as_secs() / 3_600 % 24;
    let (from, to) = ((hour + 23) % 24, (hour + 2) % 24);
    camp.write(
        "lake/run.toml",
        format!(
            "[network]\nlisten = [\"127.0.0.1:{b}\"]\n[[peer]]\nnode = \"{treasury}\"\naddress = \"127.0.0.1:{a}\"\n\
             quiet = \"{from:02}:00-{to:02}:00\"\nbudget = \"5MB/day\"\n"
        ),
    );
    let lake = Node::again(&camp, "lake", b);
    lake.comes_to(&camp, &treasury, "quiet");
    let row = lake.peer(&camp, &treasury);
    assert_eq!((&row["links"], &row["budget_left"]), (&json!(0), &json!(5_000_000)), "{row}");
    assert_eq!(lake.stop(), Some(0));
    // Without them it is met, and what went over counts against the day, after another start too.
    let config = camp.told("lake/run.toml");
    let awake: String =
        config.lines().filter(|l| !l.starts_with("quiet")).map(|l| format!("{l}\n")).collect();
    camp.write("lake/run.toml", awake);
    let lake = Node::again(&camp, "lake", b);
    lake.comes_to(&camp, &treasury, "meeting");
    let left = |node: &Node| node.peer(&camp, &treasury)["budget_left"].as_u64().expect("a number");
    until("something was spent", || left(&lake) < 5_000_000);
    drop(one);
    assert_eq!(lake.stop(), Some(0));
    let lake = Node::again(&camp, "lake", b);
    until("it is known what was spent", || lake.peer(&camp, &treasury)["budget_left"].is_u64());
    assert!(left(&lake) < 5_000_000, "a new start is no new day");
}

#[test]
fn a_service_manager_is_told() {
    let camp = Camp::new();
    camp.write("lake/run.toml", "[network]\nlisten = []\n");
    let place = camp.file("notify");
    let socket = std::os::unix::net::UnixDatagram::bind(&place).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("patience");
    let mut command = camp.command(["run", "--passphrase-file", "pass.txt"]);
    let child = command.env("NOTIFY_SOCKET", &place).stderr(Stdio::null()).spawn().expect("runs");
    let lake = Node { dir: "lake".into(), port: 0, child };
    let hear = || {
        let mut word = [0; 64];
        let n = socket.recv(&mut word).expect("a word");
        String::from_utf8_lossy(&word[..n]).into_owned()
    };
    assert_eq!(hear(), "READY=1");
    assert_eq!(lake.stop(), Some(0));
    assert_eq!(hear(), "STOPPING=1");
}

#[test]
fn what_is_wrong_is_told_before_a_passphrase_is_asked() {
    let camp = Camp::new();
    camp.write("lake/run.toml", "[network]\nlisen = []\n");
    camp.bare("run").fails(3, "run.toml:2:1: unknown field `lisen`");
    camp.bare("run").fails(3, "Did you mean `listen`?");
    camp.run("doctor").fails(1, "thing is wrong");
    camp.write("lake/run.toml", "[[peer]]\nnode = \"00112233445566ff\"\naddress = \"hill:1\"\n");
    let said = camp.run("doctor").fails(1, "wrong").out;
    assert!(said.contains("WRONG  peers: 00112233445566ff has no certificate"), "{said}");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = taken.local_addr().expect("an address");
    camp.write("lake/run.toml", format!("[network]\nlisten = [\"{at}\"]\n"));
    camp.run("run").fails(3, "cannot listen on 127.0.0.1:");
    // What the program prints is what it reads.
    let sample = camp.bare("run --print-config").fine().out;
    camp.write("lake/run.toml", sample);
    camp.run("doctor").fine();
    assert!(camp.bare("run --print-unit").fine().out.contains("Type=notify"));
    camp.run(
        "init --dir alone --site alone --role registrar --organisation 1 --passphrase-cost light",
    )
    .fine();
    camp.run("run --dir alone").fails(5, "no charter here yet");
}
