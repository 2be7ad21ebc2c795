//! Every example in the help is run, as it stands there.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use crate::camp::{Camp, split};
use crate::counter::counter;

/// The examples of a command and of every command below it.
fn examples(camp: &Camp, path: &str, all: &mut Vec<String>) {
    let help = camp.bare(&format!("{path} --help")).fine().out;
    // A long example goes on after a backslash, as in a shell.
    let help = help.replace("\\\n", " ");
    let lines = help.lines();
    let example = |line: &str| line.trim().strip_prefix("$ annona ").map(str::to_owned);
    let own: Vec<String> = lines.clone().filter_map(example).collect();
    let shown = own.iter().any(|example| !example.ends_with("--help"));
    assert!(shown || path.is_empty() || path == "help", "annona {path}: no example but --help");
    all.extend(own);
    // A command's name stands two spaces in; what it does may go on further in below.
    let commands = lines.skip_while(|line| *line != "Commands:").skip(1);
    for line in commands.take_while(|line| !line.is_empty()) {
        let Some(name) = line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')) else {
            continue;
        };
        let name = name.split_whitespace().next().unwrap_or_default();
        examples(camp, format!("{path} {name}").trim(), all);
    }
}

/// The examples of every command that can be run here, looked up once.
pub(crate) fn runnable() -> &'static [String] {
    static ALL: OnceLock<Vec<String>> = OnceLock::new();
    ALL.get_or_init(read)
}

fn read() -> Vec<String> {
    let camp = Camp::new();
    let mut all = Vec::new();
    examples(&camp, "", &mut all);
    all.sort();
    all.dedup();
    // These need witnesses of two organisations, which this camp has not: tried between real stores, and in `vouch`.
    let quorum = |example: &String| {
        ["checkpoint begin", "checkpoint verify"].iter().any(|words| example.starts_with(words))
    };
    all.retain(|example| !quorum(example));
    // Those that go on until they are stopped: tried in `network`; and those of a courier: in `courier`.
    all.retain(|example| {
        !["run --passphrase-file", "run --budget", "bundle carry stick", "bundle carry --out"]
            .iter()
            .any(|on| example.starts_with(on))
    });
    // Two that run and meet: tried in `demo`.
    all.retain(|example| !example.starts_with("demo --network"));
    assert!(all.len() > 30, "{} examples found", all.len());
    all
}

/// Commands that print what is no answer of a node; and those that are tried elsewhere, for what they need is not here or
/// they go on; and one whose examples are those of `wallet permissions`.
const PLAIN: [&str; 7] = [
    "completions",
    "man",
    "demo",
    "run",
    "checkpoint begin",
    "checkpoint verify",
    "wallet consent list",
];

/// One example of every command, asked for JSON: every line of its answer is one object that says which version of answers
/// it is.
#[test]
fn every_answer_in_json_is_an_object_a_line() {
    let (mut wrong, mut met) = (Vec::new(), BTreeSet::new());
    let tree = crate::dry_run::tree();
    for example in runnable() {
        // What has none of its own is the program itself, asked for help.
        let Some(command) = tree.keys().rev().find(|name| {
            example
                .strip_prefix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        }) else {
            continue;
        };
        let plain = PLAIN.contains(&command.as_str());
        if plain || example.contains("--help") || !met.insert(command.clone()) {
            continue;
        }
        let (camp, example) = prepared(example);
        let given =
            if example.contains("--passphrase-f") { "" } else { "--passphrase-file pass.txt" };
        let json = if example.contains("--json") { "" } else { "--json" };
        let mut command = camp.command(split(&format!("{example} {json} {given}")));
        let output = command.output().expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let object = |line: &str| {
            serde_json::from_str::<serde_json::Value>(line).is_ok_and(|told| told["annona"] == 1)
        };
        if !output.status.success() || !text.lines().all(object) {
            wrong.push(format!(
                "{example} --json\n{text}{}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    for command in tree.keys().filter(|command| !PLAIN.contains(&command.as_str())) {
        assert!(met.contains(command), "annona {command} --json was never tried");
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), met.len(), wrong.join("\n"));
}

#[test]
fn every_example_in_the_help_works() {
    let all = runnable();
    let (mut failed, mut tried) = (Vec::new(), BTreeSet::new());
    for example in all {
        // As in a shell: where standard input comes from.
        let (example, from) =
            example.split_once(" < ").map_or((example.as_str(), None), |(e, f)| (e, Some(f)));
        let (camp, example) = prepared(example);
        failed.extend(crate::dry_run::tried(&camp, &example, &mut tried).err());
        let before = crate::dry_run::kept(&camp);
        let given =
            if example.contains("--passphrase-f") { "" } else { " --passphrase-file pass.txt" };
        let mut command = camp.command(split(&format!("{example}{given}")));
        if let Some(from) = from {
            command.stdin(std::fs::File::open(camp.file(from)).expect("opens"));
        }
        let output = command.output().expect("the program runs");
        failed.extend(crate::dry_run::only_prints(&camp, &example, &before).err());
        if !output.status.success() {
            failed.push(format!("{example}\n{}", String::from_utf8_lossy(&output.stderr)));
        }
    }
    assert!(failed.is_empty(), "{} examples fail:\n{}", failed.len(), failed.join("\n"));
    crate::dry_run::each_was_tried(&tried);
}

/// A camp in which an example holds, and the example with what differs from camp to camp put in.
pub(crate) fn prepared(example: &str) -> (Camp, String) {
    // Each in a camp of its own: none leans on another.
    let group = example.split(' ').next().unwrap_or_default();
    let at_counter = ["pay", "bundle", "audit", "demo", "checkpoint", "merchant"].contains(&group);
    let camp = match group {
        "settle" => crate::settle::treasury(),
        "wallet" => crate::wallet::at_hand(),
        "card" if example.contains("--introduction") => crate::wallet::at_hand(),
        "consent" if example.starts_with("consent take") => crate::wallet::at_hand(),
        _ if at_counter => counter(),
        _ => Camp::new(),
    };
    let mut example = example.to_owned();
    for (stage, printed) in ["1#57", "1#58", "1#59"].into_iter().enumerate() {
        if group == "settle" && example.contains(printed) {
            example = example.replace(printed, &crate::settle::drafted(&camp, stage));
        }
    }
    if example.contains("1#41") {
        let held = camp.run("pay hold --family 1 --item Rice=2 --json").fine();
        example = example.replace("1#41", &held.field(0, "entry"));
    }
    // What differs from camp to camp, because it is drawn by chance.
    let code = camp.told("code.txt");
    let example = example
        .replace("7K3M-9QXD-2VHN", &code)
        .replace("7k3m 9qxd 2vhn", &code.to_lowercase().replace('-', " "))
        .replace(" 1157", &format!(" {}", camp.told("waiting.txt")))
        .replace(" c4f2", &format!(" {}", camp.told("frozen.txt")));
    let example = if at_counter {
        let entry = camp.told("entry.txt");
        let sent = entry.split_once('#').map(|(p, n)| (p, n.parse::<u64>().unwrap_or(0)));
        let sent = sent.map(|(p, n)| format!("{p}#{}", n + 1)).unwrap_or_default();
        example
            .replace("8be807f6a1c2d3e4/value/1#12", &camp.told("name.txt"))
            .replace("1#12", &entry)
            .replace("1#31", &sent)
            .replace("a81f3c02", &camp.told("checkpoint.txt"))
    } else {
        example
    };
    if example.starts_with("card credential issue") {
        crate::credential::agreed(&camp);
    } else if example.starts_with("card credential") || example.starts_with("wallet present") {
        crate::credential::at_hand(&camp);
        // Made by the example itself.
        let _absent = std::fs::rename(camp.file("amina.shown"), camp.file("shown.before"));
        if example.contains("check") {
            std::fs::rename(camp.file("shown.before"), camp.file("amina.shown")).expect("back");
        }
    }
    let example = if example.starts_with("wallet consent withdraw") {
        let id = crate::wallet::agreed(&camp);
        example.replace("77aa5b0c", &id[..8])
    } else {
        example
    };
    if example.starts_with("wallet consent give") || example.starts_with("consent take") {
        crate::wallet::offered(&camp);
        if example.starts_with("consent take") {
            let give = "wallet consent give amina.wallet amina.offer --out amina.word";
            camp.run(give).fine();
        }
    }
    if example.starts_with("entitle issue") {
        // What it issues from: the lake's share of the budget.
        camp.run("pay claim --budget --dir treasury").fine();
        let supply = "pay supply --dir treasury --cycle 1 --to lake --out lake.ticket";
        camp.run(&format!("{supply} --item Rice=3000 --item Oil=200")).fine();
        camp.run("pay claim lake.ticket").fine();
    }
    if example.starts_with("grievance refer") {
        crate::grievance::may_refer(&camp);
    }
    if example.starts_with("consent ") && !example.starts_with("consent take") {
        crate::consent::given(&camp);
        if example.starts_with("consent read") {
            camp.run(crate::consent::OPEN).fine();
        }
        if example.starts_with("consent reply") {
            crate::consent::asked(&camp);
        }
    }
    if example.starts_with("letter take") {
        crate::letters::waiting(&camp);
    }
    if example.starts_with("key shares open") {
        let two = "--operator mara.keys --operator yusuf.keys";
        camp.run(&format!("key shares make {two} --operator-passphrase-file pass.txt")).fine();
    }
    if example.starts_with("family overlap") {
        crate::consent::overlapping(&camp);
        let ask = "family overlap ask --to hill --out for-hill.questions \
                   --operator mara.keys --operator-passphrase-file pass.txt";
        if !example.starts_with("family overlap ask") {
            camp.run(ask).fine();
            // The answerer counts whom the asker registered today.
            std::fs::create_dir(camp.file("asked")).expect("folder");
            camp.run("bundle export --to hill --out asked").fine();
            camp.run("bundle import asked --dir hill").fine();
        }
        if example.starts_with("family overlap read") {
            let answer = "family overlap answer for-hill.questions --out lake.answers --dir hill";
            camp.run(answer).fine();
        }
    }
    let three = ["family death", "family split"];
    if three.iter().any(|words| example.starts_with(words)) {
        let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
        let two = "member: full_name=Sara\nmember: full_name=Idris";
        camp.family(two, &format!("--key B1-003 {mara}")).fine();
    }
    if example.starts_with("family keys ") && !example.starts_with("family keys copy") {
        camp.run("family keys copy --to hill --out keys-for-hill").fine();
        camp.run("family keys keep keys-for-hill --dir hill").fine();
        if example.starts_with("family keys take") {
            camp.run("family keys give lake --dir hill --out keys-of-lake").fine();
        }
    }
    if example.starts_with("grievance read") {
        let open = "grievance open --text complaint.txt --decider Relief --reader hill --out for-hill.complaint";
        camp.write("complaint.txt", "The till gave less.");
        camp.run(&format!("{open} --operator mara.keys --operator-passphrase-file pass.txt"))
            .fine();
    }
    let slip = "3C1F-90A2-77D0-0B1E";
    let example = if example.contains(slip) {
        let refused = camp.run("pay charge --family 1 --item Rice=1 --json").fails(5, "");
        example.replace(slip, &refused.field(0, "slip"))
    } else {
        example
    };
    let example = if example.starts_with("grievance ") {
        let [open, decided] = crate::grievance::complaints(&camp);
        example.replace("5b0c77aa", &open[..16]).replace("77aa5b0c", &decided[..16])
    } else {
        example
    };
    if example.starts_with("pay attest") {
        let asked = camp.run("pay challenge --family 1 --json").fine();
        camp.write("challenge.txt", asked.field(0, "challenge"));
    }
    if example.starts_with("family take-pins") {
        camp.run("family lend-pins --to hill --out hill.pins").fine();
    }
    if example.starts_with("pay promise") {
        camp.write("noor.promise", crate::settle::promise(&camp));
    }
    if example.starts_with("pay orphan") {
        crate::settle::burnt(&camp);
    }
    // What an example makes is not there before it.
    let made = ["--out", "--receipts", "--key-out"];
    for pair in split(&example).windows(2).filter(|pair| made.contains(&&*pair[0])) {
        let _absent = std::fs::remove_file(camp.file(&pair[1]));
    }
    (camp, example)
}
