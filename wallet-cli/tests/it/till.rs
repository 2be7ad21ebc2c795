//! A merchant's device as a node of its own: what it may redeem is sent to it in the morning, what is left comes back in the
//! evening, and whoever finds it learns of nobody else.

use std::fs;
use std::path::Path;

use annona_node::keystore::Name;

use crate::camp::Camp;
use crate::counter::counter;
use crate::running::{Node, admit, entries, name, port, until};

/// All bytes of a folder.
fn bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            all.extend(bytes(&path));
        } else if fs::metadata(&path).expect("a file").is_file() {
            all.extend(fs::read(&path).expect("reads"));
        }
    }
    all
}

/// The purse of a family, as it stands in a ledger.
fn purse(camp: &Camp, family: &str) -> Vec<u8> {
    let asked = camp.run(&format!("pay charge --family {family} --item Rice=1 --dry-run --json"));
    let purses: Vec<String> = serde_json::from_str(&asked.fine().field(0, "purses")).expect("some");
    let hex = purses[0].as_bytes().chunks(2);
    hex.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("hex"), 16).expect("hex"))
        .collect()
}

fn holds(folder: &[u8], what: &[u8]) -> bool {
    folder.windows(what.len()).any(|some| some == what)
}

#[test]
fn p11_a_terminal_serves_whom_it_was_sent_and_holds_nobody_else() {
    let camp = counter();
    // Somebody who stays at the lake: the second list is hers.
    let import = "entitle import list.csv --programme Food --cycle 1 --json";
    let frozen = camp.run(import).fine().field(0, "list");
    for operator in ["mara", "yusuf"] {
        let who = format!("--operator {operator}.keys --operator-passphrase-file pass.txt");
        camp.run(&format!("entitle approve {frozen} {who}")).fine();
    }
    camp.run(&format!("entitle issue {frozen}")).fine();
    admit(&camp, "till", (1, "relief"), "treasury.annona lake.annona hill.annona cycle.annona");
    camp.run("node learn till.annona --dir lake").fine();
    let (a, b) = (port(), port());
    let (lake, till) = (name(&camp, "lake"), name(&camp, "till"));
    let one = Node::start(&camp, "lake", a, &[]);
    camp.write(
        "till/run.toml",
        format!(
            "[network]\nlisten = [\"127.0.0.1:{b}\"]\n[ledger]\nonly = [\"{till}\"]\n\
             [[peer]]\nnode = \"{lake}\"\naddress = \"127.0.0.1:{a}\"\n"
        ),
    );
    let two = Node::again(&camp, "till", b);
    two.comes_to(&camp, &lake, "meeting");
    let (hers, others) = (purse(&camp, "1"), camp.run("entitle balance 1 --json").fine());
    assert!(others.out.contains("\"units\""), "{}", others.out);

    // In the morning a household is tied to the terminal, and the counter says so.
    camp.run("pay ticket --family 1 --to till --out day.ticket").fine();
    let said = camp.run("pay charge --family 1 --item Rice=1").fails(5, "was sent to till (");
    assert!(said.err.contains("served there until it comes back"), "{}", said.err);
    let said = camp.run("entitle balance 1").fine();
    assert!(said.err.contains(&till), "{}{}", said.out, said.err);
    camp.run("pay claim day.ticket --dir till").fine();
    let known = entries(&camp, "lake");
    // All day it serves without a link to anybody.
    assert_eq!(one.stop(), Some(0));
    let ration = "pay charge --dir till --ticket day.ticket --item Rice=2 --json";
    let promise = camp.run(ration).fine().field(0, "promise");
    camp.run("pay charge --dir till --ticket day.ticket --item Rice=30").fails(5, "rejection");
    // In the evening what is left goes back, and the lake hears what was handed out.
    camp.run("pay ticket --ticket day.ticket --to lake --dir till --out back.ticket").fine();
    camp.run("pay claim back.ticket").fails(5, "sync with it first");
    let one = Node::again(&camp, "lake", a);
    camp.run("audit export sealed.audit --seal --dir till").fine();
    until("the lake hears of the till's day", || entries(&camp, "lake") >= known + 4);
    camp.run("pay claim back.ticket").fine();
    camp.run("pay charge --family 1 --item Rice=1").fine();
    let kept = camp.run(&format!("pay promise \"{promise}\" --json")).fine();
    assert_eq!(kept.field(0, "promise"), "kept");

    // Seized: it knows whom it served, and of nobody else anything.
    assert_eq!([two.stop(), one.stop()], [Some(0); 2]);
    camp.run("doctor --full --rebuild --dir till").fine();
    let (seized, whole) = (bytes(&camp.file("till")), bytes(&camp.file("lake")));
    assert!(holds(&seized, &hers) && holds(&whole, &hers), "the scan finds what is there");
    let other = purse(&camp, "2");
    assert!(holds(&whole, &other), "the scan finds her at the lake");
    assert!(!holds(&seized, &other), "and not at the till");
    for canary in ["Noor", "B1-001", "B1-002"] {
        assert!(!holds(&seized, canary.as_bytes()), "{canary}");
    }
    // A terminal never holds the cycle key, by which purses follow from a register.
    camp.run("cycle key --programme Food --cycle 1 --dir treasury").fine();
    let has = |dir: &str| camp.node(dir).keys().names().any(|name| matches!(name, Name::Cycle(..)));
    assert!(has("lake") && !has("till"));
}

/// Which of these stand in the memory of a process that runs, or why nobody may look.
fn remembers(process: &str, all: &[Vec<u8>]) -> std::io::Result<Vec<usize>> {
    use std::collections::HashMap;
    use std::os::unix::fs::FileExt;
    let mut begins: HashMap<[u8; 4], Vec<usize>> = HashMap::new();
    let mut first = vec![false; 1 << 16];
    for (n, one) in all.iter().enumerate() {
        begins.entry(*one.first_chunk().expect("four bytes")).or_default().push(n);
        first[usize::from(u16::from_le_bytes([one[0], one[1]]))] = true;
    }
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let memory = fs::File::open(format!("/proc/{process}/mem"))?;
    let mut seen = vec![false; all.len()];
    // What is written to: the program's own text and its libraries are the same for everybody.
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (from, to) = line.split(' ').next().and_then(|r| r.split_once('-')).expect("a range");
        let place = |hex| u64::from_str_radix(hex, 16).expect("an address");
        let (from, to) = (place(from), place(to));
        let mut bytes = vec![0; usize::try_from(to - from).expect("it is in this machine")];
        if memory.read_exact_at(&mut bytes, from).is_err() {
            continue;
        }
        for at in 0..bytes.len() - 4 {
            if !first[usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))] {
                continue;
            }
            let four = bytes[at..].first_chunk::<4>().expect("four bytes");
            for n in begins.get(four).into_iter().flatten() {
                seen[*n] |= bytes[at..].starts_with(&all[*n]);
            }
        }
    }
    Ok((0..all.len()).filter(|n| seen[*n]).collect())
}

#[test]
fn p11_neither_files_nor_memory_of_a_terminal_know_a_household_that_was_not_sent() {
    const FAMILIES: usize = 40;
    let camp = counter();
    let mut csv = "number,name,phone\n".to_owned();
    let mut list = "household_id,Rice\n".to_owned();
    for n in 0..FAMILIES {
        csv += &format!("KC-{n:06},Kestrel{n:04} Ravenscar{n:04},+967700{n:06}\n");
        list += &format!("KC-{n:06},2\n");
    }
    camp.write("many.csv", &csv);
    camp.write("list.csv", list);
    let map = "source = \"many\"\nkey = [\"number\"]\n[household.columns]\nname = \"full_name\"\nphone = \"phone\"\n";
    camp.write("many.toml", map);
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let yusuf = "--second-operator yusuf.keys --second-passphrase-file pass.txt";
    camp.run(&format!("family import many.csv --map many.toml {mara} {yusuf}")).fine();
    let import = "entitle import list.csv --programme Food --cycle 1 --source many --json";
    let drafted = camp.run(import).fine().field(0, "list");
    for operator in ["mara", "yusuf"] {
        let who = format!("--operator {operator}.keys --operator-passphrase-file pass.txt");
        camp.run(&format!("entitle approve {drafted} {who}")).fine();
    }
    camp.run(&format!("entitle issue {drafted}")).fine();
    admit(&camp, "till", (1, "relief"), "treasury.annona lake.annona hill.annona cycle.annona");
    camp.run("node learn till.annona --dir lake").fine();
    let (a, b) = (port(), port());
    let (lake, till) = (name(&camp, "lake"), name(&camp, "till"));
    let one = Node::start(&camp, "lake", a, &[]);
    let config = |only: &str| {
        format!(
            "[network]\nlisten = [\"127.0.0.1:{b}\"]\n[ledger]\nonly = [\"{only}\"]\n\
             [[peer]]\nnode = \"{lake}\"\naddress = \"127.0.0.1:{a}\"\n"
        )
    };
    camp.write("till/run.toml", config(&till));
    let two = Node::again(&camp, "till", b);
    two.comes_to(&camp, &lake, "meeting");
    // Two households are sent to it, are served there, and one goes back in the evening.
    let purses: Vec<Vec<u8>> =
        (0..FAMILIES).map(|n| purse(&camp, &format!("many:KC-{n:06}"))).collect();
    for n in 0..2 {
        camp.run(&format!("pay ticket --family many:KC-{n:06} --to till --out {n}.ticket")).fine();
        camp.run(&format!("pay claim {n}.ticket --dir till")).fine();
        camp.run(&format!("pay charge --dir till --ticket {n}.ticket --item Rice=1")).fine();
    }
    camp.run("pay ticket --ticket 0.ticket --to lake --dir till --out back.ticket").fine();
    let known = entries(&camp, "lake");
    camp.run("audit export sealed.audit --seal --dir till").fine();
    until("the lake hears of the till's day", || entries(&camp, "lake") > known);
    camp.run("pay claim back.ticket").fine();

    // Seized while it runs: its memory, then its files.
    let mut words: Vec<String> = crate::canaries::of_csv(&csv, &["number", "name", "phone"]);
    words.extend(["Kestrel0007".into(), "Ravenscar0007".into()]);
    words.push(camp.told("code.txt"));
    let hers = purse(&camp, "1");
    let mut not_sent: Vec<Vec<u8>> = purses[2..].iter().chain([&hers]).cloned().collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    not_sent.extend(not_sent.clone().iter().map(|purse| hex(purse).into_bytes()));
    not_sent.extend(words.iter().map(|word| word.clone().into_bytes()));
    let own: Vec<u8> = (0..8)
        .map(|n| u8::from_str_radix(&till[2 * n..2 * n + 2], 16).expect("a name in hex"))
        .collect();
    let looked: Vec<Vec<u8>> = not_sent.iter().chain([&own]).cloned().collect();
    match remembers(&two.child.id().to_string(), &looked) {
        Ok(found) => {
            assert_eq!(found, [looked.len() - 1], "its own name, and nothing else");
            let here = remembers("self", &not_sent).expect("one's own memory");
            assert_eq!(here.len(), not_sent.len(), "the look finds what is there");
        }
        Err(why) => println!("skipped, because its memory is closed to this user: {why}"),
    }
    assert_eq!([two.stop(), one.stop()], [Some(0); 2]);
    let (seized, whole) = (bytes(&camp.file("till")), bytes(&camp.file("lake")));
    for (n, purse) in purses.iter().enumerate() {
        assert!(holds(&whole, purse), "the scan finds {n} at the lake");
        assert_eq!(holds(&seized, purse), n < 2, "{n}");
    }
    assert!(!holds(&seized, &hers));
    let words: Vec<String> = words.into_iter().filter(|word| word.len() >= 7).collect();
    assert_eq!(crate::canaries::found(&camp.file("till"), &words), []);
    // What it served stays in its own feed: state beside it is everybody's, and it may not have that to prune on.
    camp.run("checkpoint make --dir till").fine();
    let said = camp.run("checkpoint prune --programme Food --dir till --dry-run").fine();
    assert!(said.out.contains("0 bodies would go"), "{}", said.out);
    // So who hands it on, or leaves it where it may be taken, begins it anew once all has come back.
    admit(&camp, "fresh", (1, "relief"), "treasury.annona lake.annona hill.annona cycle.annona");
    camp.run("node learn fresh.annona --dir lake").fine();
    fs::remove_dir_all(camp.file("till")).expect("gone");
    camp.write("fresh/run.toml", config(&name(&camp, "fresh")));
    let one = Node::again(&camp, "lake", a);
    let two = Node::again(&camp, "fresh", b);
    two.comes_to(&camp, &lake, "meeting");
    camp.run("pay ticket --family many:KC-000000 --to fresh --out 0.ticket --replace").fine();
    camp.run("pay claim 0.ticket --dir fresh").fine();
    camp.run("pay charge --dir fresh --ticket 0.ticket --item Rice=1").fine();
    assert_eq!([two.stop(), one.stop()], [Some(0); 2]);
    let fresh = bytes(&camp.file("fresh"));
    for (n, purse) in purses.iter().enumerate() {
        assert_eq!(holds(&fresh, purse), n < 1, "{n}");
    }
}
