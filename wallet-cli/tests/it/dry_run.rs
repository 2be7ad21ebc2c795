//! Every command that writes can be tried first: `--dry-run` says what would happen by the same rules, and leaves every
//! file as it was. The examples of the help are what is tried, each where it holds ([`crate::help`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::OnceLock;

use crate::camp::{Camp, split};

/// Commands that only tell something, on the screen or into a file that is named: no file of a data folder changes.
const PRINTS: &[&str] = &[
    "audit anomalies",
    "audit check-proof",
    "audit log check",
    "audit prove",
    "audit reconcile",
    "audit report",
    "audit sample",
    "audit trace",
    "audit verify",
    "bundle inspect",
    "card check",
    "charter show",
    "checkpoint show",
    "checkpoint verify",
    "completions",
    "consent list",
    "consent log",
    "consent show",
    "cycle list",
    "doctor",
    "entitle balance",
    "entitle list",
    "family duplicates list",
    "family duplicates show",
    "family fields",
    "family find",
    "family keys list",
    "family show",
    "grievance list",
    "key shares list",
    "key show",
    "letter list",
    "man",
    "merchant list",
    "node show",
    "operator list",
    "pay bill",
    "pay list",
    "pay receipt",
    "peers",
    "settle status",
    "status",
    "wallet balance",
    "wallet check-clone",
    "wallet consent list",
    "wallet clones",
    "wallet permissions",
    "wallet receipts",
    "wallet show",
    "wallet tickets",
];

/// Commands that write and cannot be tried first, each with its reason.
const WITHOUT: &[(&str, &str)] = &[
    (
        "backup",
        "reading all there is to the end and sealing it is the whole of it; a new file is all it makes",
    ),
    ("demo", "everything happens in a folder of its own"),
    (
        "init",
        "makes a folder of keys drawn by chance where none is: there is nothing to ask a rule about",
    ),
    ("key new", "makes a file of keys drawn by chance where none is"),
    ("operator new", "makes a file of keys drawn by chance where none is"),
    ("wallet new", "makes a file of keys drawn by chance where none is"),
    ("key passwd", "seals one file anew: no rule is asked"),
    ("run", "stays, and does what comes"),
    (
        "family pin",
        "keeps digits nobody else may know: no rule is asked, and the same command sets others",
    ),
    ("family collector", "makes a paper; nothing of it is kept"),
    ("pay challenge", "prints a question drawn by chance; nothing of it is kept"),
    ("pay attest", "makes a paper at the reader's own machine; nothing of it is kept"),
    ("pay promise", "prints again what was promised"),
    ("card reprint", "prints again what was printed"),
    (
        "card credential ask",
        "prints a question drawn by chance, and keeps it to know its answer by",
    ),
    ("card credential check", "notes which question was answered, which counts once"),
    (
        "card credential present",
        "makes a paper of what was issued to this node; nothing of it is kept",
    ),
    ("card page", "makes a page that anybody may have; nothing of it is kept"),
    ("consent ask", "makes a paper for another node, which answers it or not"),
    ("bundle carry", "keeps sealed files it cannot read until they have come: no rule is asked"),
    ("letter take", "takes one paper out as a file: no rule is asked"),
    ("consent read", "opens what was given for one reader, and notes that it was opened"),
    ("grievance read", "opens what was written for one reader"),
    ("family keys give", "makes a file sealed to the node whose keys they are"),
    ("family keys keep", "keeps a sealed file it cannot read: no rule is asked"),
    (
        "family keys take",
        "takes back keys of this node's own: they open its records or are refused",
    ),
    ("family overlap ask", "makes a blinded question, which says nothing without its answer"),
    ("family overlap answer", "makes a blinded answer, which says nothing without its question"),
    ("family overlap read", "reads an answer against what the question kept"),
    ("wallet add", "a holder's own file: adds what a desk gave her, or refuses it"),
    ("wallet backup", "a holder's own file, sealed into one more"),
    ("wallet introduce", "a holder's own file: makes a paper for the desk"),
    ("wallet receive", "a holder's own file: adds a receipt that checks, or refuses it"),
    ("wallet passwd", "seals one file anew: no rule is asked"),
    ("wallet present", "a holder's own file: makes a paper, and keeps nothing of it"),
    ("wallet restore", "a holder's own file, made where none is"),
    ("wallet take", "a holder's own file: adds a purse that checks, or refuses it"),
    (
        "audit log cosign",
        "signs a log it has checked to its end, or refuses: that is the whole of it",
    ),
];

/// The commands that end a branch of the tree, with their help.
fn leaves(camp: &Camp, path: &str, all: &mut BTreeMap<String, String>) {
    let help = camp.bare(&format!("{path} --help")).fine().out;
    let mut names = help.lines().skip_while(|line| *line != "Commands:").skip(1).peekable();
    if names.peek().is_none() {
        all.insert(path.to_owned(), help.clone());
        return;
    }
    for line in names.take_while(|line| !line.is_empty()) {
        let name = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' '));
        match name.and_then(|rest| rest.split_whitespace().next()) {
            None | Some("help") => {}
            Some(name) => leaves(camp, format!("{path} {name}").trim(), all),
        }
    }
}

/// Every command with its help, looked up once.
pub(crate) fn tree() -> &'static BTreeMap<String, String> {
    static ALL: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = BTreeMap::new();
        leaves(&Camp::empty(), "", &mut all);
        all
    })
}

#[test]
fn every_command_that_writes_has_a_dry_run_or_a_reason() {
    let tree = tree();
    assert!(tree.len() > 100, "{} commands", tree.len());
    let reasons: BTreeMap<&str, &str> = WITHOUT.iter().copied().collect();
    for (command, help) in tree {
        let dry = help.contains("--dry-run");
        let places =
            [dry, PRINTS.contains(&command.as_str()), reasons.contains_key(command.as_str())];
        let count = places.iter().filter(|there| **there).count();
        assert_eq!(
            count, 1,
            "annona {command}: give it --dry-run, or list it with those that only print, or say in one line why it has none"
        );
    }
    for command in PRINTS.iter().chain(reasons.keys()) {
        assert!(tree.contains_key(*command), "there is no annona {command}");
    }
}

/// The bytes of every file of a camp. What says which process held a folder, and which turn of its life a folder is in,
/// changes whenever one is opened, and one who only reads leaves an empty log of the ledger with its index: nothing of that
/// is anything a command wrote.
pub(crate) fn kept(camp: &Camp) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    below(camp.path(), &mut files);
    files.retain(|path, bytes| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let index = name.ends_with("-shm") || name.ends_with("-wal") && bytes.is_empty();
        let held = name == "lock" || name.ends_with(".lock");
        !index && !held && name != "turn" && !path.starts_with(camp.file("heads"))
    });
    files
}

fn below(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => below(&path, files),
            false => drop(files.insert(path.clone(), fs::read(&path).expect("a file"))),
        }
    }
}

/// Which files are not as they were.
fn changed(
    before: &BTreeMap<PathBuf, Vec<u8>>,
    after: &BTreeMap<PathBuf, Vec<u8>>,
) -> Vec<PathBuf> {
    let paths: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    paths.into_iter().filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

/// Whether a command only prints.
pub(crate) fn prints(command: &str) -> bool {
    PRINTS.contains(&command)
}

/// The command an example is of: its first words, as far as they are names of commands.
pub(crate) fn command_of(example: &str) -> String {
    let words = example.split_whitespace().take_while(|word| {
        word.bytes().all(|letter| letter.is_ascii_lowercase() || letter == b'-')
            && !word.starts_with('-')
    });
    let words: Vec<&str> = words.collect();
    let known = |name: &str| PRINTS.contains(&name) || WITHOUT.iter().any(|(of, _)| *of == name);
    // A word after the command may look like one.
    let lists = (1..=words.len().min(3)).rev().map(|n| words[..n].join(" "));
    lists.clone().find(|name| known(name)).unwrap_or_else(|| words.join(" "))
}

/// What a machine reads of a dry run: at least one object, each says what it is, and none that anything was accepted.
fn says_so(answer: &Output) -> Result<(), String> {
    let out = String::from_utf8_lossy(&answer.stdout);
    let mut objects = 0;
    for line in out.lines() {
        let object: serde_json::Value =
            serde_json::from_str(line).map_err(|why| format!("{why}: {line}"))?;
        if object["dry_run"] != true || !object["accepted"].is_null() {
            return Err(format!("a dry run that does not say so: {line}"));
        }
        objects += 1;
    }
    if objects == 0 { Err("a dry run that says nothing".into()) } else { Ok(()) }
}

/// Tries an example first, where its command can be tried: it is answered as it will be, to a machine in the one way all
/// are, and no file changes.
pub(crate) fn tried(
    camp: &Camp,
    example: &str,
    tried: &mut BTreeSet<String>,
) -> Result<(), String> {
    let example = example.replace(" --dry-run", "");
    if example.contains("--help") {
        return Ok(());
    }
    let given = if example.contains("--passphrase-f") { "" } else { " --passphrase-file pass.txt" };
    let before = kept(camp);
    let json = if example.contains("--json") { "" } else { " --json" };
    let mut command = camp.command(split(&format!("{example} --dry-run{json}{given}")));
    let answer = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&answer.stderr);
    // A command that has none, and what cannot be tried of one that has: each says so.
    if answer.status.code() == Some(2)
        && ["unexpected argument '--dry-run'", "cannot be used with", "there is no trying it"]
            .iter()
            .any(|w| said.contains(w))
    {
        return Ok(());
    }
    let changed = changed(&before, &kept(camp));
    if !answer.status.success() || !changed.is_empty() {
        let code = answer.status.code();
        return Err(format!("{example} --dry-run: {code:?}, changed {changed:?}\n{said}"));
    }
    says_so(&answer).map_err(|why| format!("{example} --dry-run --json: {why}"))?;
    tried.insert(example);
    Ok(())
}

/// Every command that can be tried was, in at least one example of its help.
pub(crate) fn each_was_tried(tried: &BTreeSet<String>) {
    // Two organisations vouch for what these begin from: tried in `killed`, where they are.
    let elsewhere = ["checkpoint begin"];
    for (command, help) in tree() {
        let words = format!("{command} ");
        let was = |example: &String| format!("{example} ").starts_with(&words);
        if help.contains("--dry-run") && !elsewhere.contains(&command.as_str()) {
            assert!(tried.iter().any(was), "annona {command} --dry-run was never tried");
        }
    }
}

/// A command that only prints leaves every data folder as it was.
pub(crate) fn only_prints(
    camp: &Camp,
    example: &str,
    before: &BTreeMap<PathBuf, Vec<u8>>,
) -> Result<(), String> {
    // Made anew where it is asked to: the state comes to the same, its pages need not.
    if !prints(&command_of(example)) || example.contains("--rebuild") {
        return Ok(());
    }
    let folders = ["treasury", "lake", "hill"].map(|dir| camp.file(dir));
    let changed = changed(before, &kept(camp));
    let changed: Vec<&PathBuf> =
        changed.iter().filter(|path| folders.iter().any(|dir| path.starts_with(dir))).collect();
    match changed.is_empty() {
        true => Ok(()),
        false => Err(format!("{example} changed {changed:?}")),
    }
}

/// What a dry run says is what the command then does, to the number.
#[test]
fn a_dry_run_says_what_is_then_done() {
    let camp = crate::counter::counter();
    let check = |words: &str, fields: &[&str]| {
        let dry = camp.run(&format!("{words} --dry-run --json")).fine();
        let done = camp.run(&format!("{words} --json")).fine();
        for (line, told) in dry.lines().iter().enumerate() {
            assert_eq!(told["dry_run"], true, "{words}: {told}");
            for field in fields {
                assert_eq!(dry.field(line, field), done.field(line, field), "{words}: {field}");
            }
        }
        assert!(!dry.out.is_empty(), "{words}");
        done
    };
    fs::create_dir(camp.file("news")).expect("folder");
    camp.run("bundle export --to hill --out news").fine();
    fs::remove_dir_all(camp.file("news")).expect("gone");
    fs::create_dir(camp.file("news")).expect("folder");
    // Nothing is open now: it measures to the byte what it then writes.
    let sizes = ["bytes", "blocks", "headers", "lists", "programmes"];
    let done = check("bundle export --to hill --all --out news --part-bytes 65536", &sizes);
    let parts: Vec<String> = serde_json::from_str(&done.field(0, "files")).expect("files");
    let bytes: u64 = parts.iter().map(|p| fs::metadata(camp.file(p)).expect("a part").len()).sum();
    assert_eq!(done.field(0, "bytes"), bytes.to_string());
    let counts =
        ["articles", "notices", "blocks", "known", "headers", "lists", "cycle_keys", "parts"];
    check("bundle import news --dir hill", &counts);
    check("bundle import stick", &counts);
    let sizes = ["bytes", "feeds", "blocks", "entries", "still_open"];
    check("audit export late.audit", &sizes);
    assert_eq!(
        camp.run("audit export none.audit --dry-run --json").fine().field(0, "bytes"),
        fs::metadata(camp.file("late.audit")).expect("a file").len().to_string()
    );
    camp.run("pay charge --family 1 --item Rice=0.001").fine();
    let open = camp.run("audit export none.audit --dry-run --seal --json").fine();
    assert_eq!(
        (open.field(0, "sealed_first"), open.field(0, "still_open")),
        ("1".into(), "0".into())
    );
    let carried = ["cycle", "commodity", "units", "to", "purse"];
    check("pay ticket --family 1 --to hill --out noor.ticket", &carried);
    check("pay claim noor.ticket --dir hill", &["units", "purse"]);
    check("pay decline supply.ticket --dir hill", &["units"]);
    check("pay supply --dir treasury --cycle 1 --to lake --item Rice=3 --item Oil=1", &carried);
    // An article of the charter, and one that is refused, alike.
    camp.run("charter propose --acts budget.toml --out later.annona").fine();
    for name in ["relief", "city"] {
        camp.run(&format!("charter sign later.annona --keys {name}.keys")).fine();
    }
    let taken = ["articles", "notices", "known", "epoch", "federation", "aside", "forked"];
    check("charter apply later.annona", &taken);
    camp.run("pay claim supply.ticket --dir hill --dry-run").fails(5, "rejection");
    camp.run("pay ticket --family 1 --to hill --dry-run").fails(5, "rejection");
    camp.run("restore lake.backup --dir lake --dry-run").fails(6, "is not empty");
    camp.run("bundle import camp.csv --dry-run").fails(3, "camp.csv");
    let files =
        camp.run("restore lake.backup --people-keys lake.people --dir back --dry-run --json");
    let files = files.fine().field(0, "files");
    assert!(!camp.file("back").exists(), "nothing was made");
    let done = camp.run("restore lake.backup --people-keys lake.people --dir back --json").fine();
    assert_eq!(files, done.field(0, "files"));
}

/// What is refused is refused when it is tried, by the same rule; what was accepted before is told as that.
#[test]
fn a_refund_is_tried_by_the_rules_of_the_ledger() {
    let camp = crate::counter::counter();
    let refund = format!("pay refund {}", camp.told("entry.txt"));
    for words in [format!("{refund} --amount 6"), format!("{refund} --amount 5.001")] {
        camp.run(&format!("{words} --dry-run")).fails(5, "rejection 27");
        camp.run(&words).fails(5, "rejection 27");
    }
    let named = format!("{refund} --request r7 --json");
    assert_eq!(camp.run(&format!("{named} --dry-run")).fine().field(0, "repeated"), "false");
    camp.run(&named).fine();
    assert_eq!(camp.run(&format!("{named} --dry-run")).fine().field(0, "repeated"), "true");
    assert_eq!(camp.run(&named).fine().field(0, "repeated"), "true");
    for words in [&refund, &format!("{refund} --request r8")] {
        camp.run(&format!("{words} --dry-run")).fails(5, "rejection 26");
        camp.run(words).fails(5, "rejection 26");
    }
    camp.run(&format!("{refund} --request r7 --amount 1 --dry-run")).fails(5, "something else");
}

/// A till that looks for `accepted` hands nothing out on a dry run.
#[test]
fn a_dry_run_says_what_would_be_accepted() {
    let camp = crate::counter::counter();
    let dry = camp.run("pay charge --family 1 --item Rice=1 --dry-run --json").fine();
    let told = &dry.lines()[0];
    assert_eq!((&told["would_accept"], &told["dry_run"]), (&true.into(), &true.into()), "{told}");
    assert!(told.get("accepted").is_none(), "{told}");
    let done = camp.run("pay charge --family 1 --item Rice=1 --json").fine();
    assert_eq!((done.field(0, "accepted"), done.lines()[0].get("dry_run")), ("true".into(), None));
}

/// A mistake in what was typed is an object like every other answer, and help stays help.
#[test]
fn a_mistake_of_usage_is_an_object_with_json() {
    let camp = Camp::empty();
    let wrong = ["statsu --json", "pay charge --json --item", "--json", "status --json --dry-run"];
    for words in wrong {
        let answer = camp.command(split(words)).output().expect("the program runs");
        assert_eq!(answer.status.code(), Some(2), "{words}");
        assert!(answer.stdout.is_empty(), "{words}");
        let said = String::from_utf8_lossy(&answer.stderr);
        let object: serde_json::Value = serde_json::from_str(said.trim()).expect(words);
        assert_eq!((&object["kind"], &object["exit"]), (&"error".into(), &2.into()), "{words}");
        assert!(!object["message"].as_str().expect(words).starts_with("error"), "{object}");
    }
    camp.bare("status --help --json").fine();
    let plain = camp.command(split("statsu")).output().expect("the program runs");
    assert!(String::from_utf8_lossy(&plain.stderr).starts_with("error: unrecognized subcommand"));
}
