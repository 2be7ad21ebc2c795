//! What is known of people is in no file of a node that somebody could read, and in no line of a log: every file of whole
//! folders is looked through, and a leak that is planted for it is found.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use crate::camp::Camp;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const YUSUF: &str = "--second-operator yusuf.keys --second-passphrase-file pass.txt";

/// The shortest that is looked for, in bytes: chance writes no seven in these folders.
const SHORTEST: usize = 7;

/// Which of these stand in which file below a folder.
pub(crate) fn found(folder: &Path, canaries: &[String]) -> Vec<(String, String)> {
    let mut begins: HashMap<[u8; SHORTEST], Vec<&String>> = HashMap::new();
    for canary in canaries {
        let first = canary.as_bytes().first_chunk().expect("seven bytes and more");
        begins.entry(*first).or_default().push(canary);
    }
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // A socket has nothing in it.
            let bytes = fs::read(&path).unwrap_or_default();
            for at in 0..bytes.len() {
                let Some(first) = bytes[at..].first_chunk() else { break };
                for canary in begins.get(first).into_iter().flatten() {
                    if bytes[at..].starts_with(canary.as_bytes()) {
                        found.push(((*canary).clone(), path.display().to_string()));
                    }
                }
            }
        }
    }
    found
}

/// The fields of a registration file that must be found nowhere.
pub(crate) fn of_csv(csv: &str, columns: &[&str]) -> Vec<String> {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let places: Vec<usize> = columns
        .iter()
        .map(|name| header.iter().position(|column| column == name).expect("a column"))
        .collect();
    let mut all: Vec<String> = lines
        .flat_map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            places
                .iter()
                .map(|place| cells[*place].trim_matches('"').to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|cell| cell.len() >= SHORTEST)
        .collect();
    all.sort();
    all.dedup();
    all
}

/// Ten thousand of them, of two thousand households: registered, enrolled, backed up, carried away, audited.
#[test]
fn ten_thousand_canaries_lie_in_no_file_of_any_node() {
    let camp = Camp::new();
    let mut csv = "number,name,phone,document,place\n".to_owned();
    for n in 0..2_000 {
        let (name, phone) = (format!("Kestrel{n:04} Ravenscar{n:04}"), format!("+967700{n:06}"));
        csv.push_str(&format!("KC-{n:06},{name},{phone},PASS{n:06},Hollow{n:05} Row\n"));
    }
    camp.write("canaries.csv", &csv);
    let map = "source = \"canaries\"\nkey = [\"number\"]\n[household.columns]\nplace = \"village\"\n\
               name = \"full_name\"\nphone = \"phone\"\ndocument = \"other_document\"\n";
    camp.write("canaries.toml", map);
    let canaries = of_csv(&csv, &["number", "name", "phone", "document", "place"]);
    assert_eq!(canaries.len(), 10_000);
    let import = format!("family import canaries.csv --map canaries.toml {MARA} {YUSUF}");
    let said = camp.run(&import).fine();
    let shown = camp.run("family show canaries:KC-000007").fine().out;
    for canary in ["Kestrel0007", "Ravenscar0007", "+967700000007", "PASS000007", "Hollow00007"] {
        assert!(shown.contains(canary), "they are registered: {shown}");
    }
    camp.run(&format!("family import canaries.csv --map canaries.toml {MARA} {YUSUF}")).fine();
    camp.run("backup people.backup --people-keys people.keys-file").fine();
    camp.run("family keys copy --to hill --out for-hill").fine();
    camp.run("family keys keep for-hill --dir hill").fine();
    fs::create_dir(camp.file("stick")).expect("folder");
    camp.run("bundle export --to hill --to treasury --out stick").fine();
    camp.run("bundle import stick --dir hill").fine();
    camp.run("audit export people.audit --seal").fine();
    camp.run("doctor --full").fine();
    // What it was told lies outside the folders, and goes.
    for told in ["canaries.csv", "canaries.toml"] {
        fs::remove_file(camp.file(told)).expect("removed");
    }
    assert_eq!(found(camp.path(), &canaries), [], "in all that was written, anywhere");
    let words = format!("{}{}", said.out, said.err);
    assert!(!canaries.iter().any(|canary| words.contains(canary.as_str())), "{words}");
    // Planted in the last place anybody would look, each of them is found.
    fs::create_dir_all(camp.file("hill/.left/deep")).expect("folder");
    camp.write("hill/.left/deep/people.db-journal", canaries.concat());
    let leaked = found(camp.path(), &canaries);
    assert!(
        leaked.len() >= canaries.len() && leaked.iter().all(|(_, file)| file.contains(".left"))
    );
}

/// A day at the counter: a consent, something opened under it, a complaint, a PIN, a card, a refusal, a correction, a split.
#[test]
fn a_day_at_the_counter_leaves_no_word_of_anybody() {
    let camp = crate::counter::counter();
    let two = "--second yusuf.keys --second-passphrase-file pass.txt";
    let canaries: Vec<String> = [
        "Philomena Nightjar",
        "Bartholomew Nightjar",
        "+967711223344",
        "Windermere Lane",
        "refused me although",
        "PASS-778812",
        "Oswestry Hollow",
        "K-NIGHTJAR-9",
        "73915408",
    ]
    .map(str::to_owned)
    .to_vec();
    let lines = "village=Windermere Lane\nmember: full_name=Philomena Nightjar,phone=+967711223344,age=34\n\
                 member: full_name=Bartholomew Nightjar,other_document=PASS-778812,age=30\n";
    let added = camp.family(lines, &format!("--key K-NIGHTJAR-9 {MARA} --json")).fine();
    let id = added.field(0, "family");
    camp.write("hers.txt", "73915408\n");
    camp.write("wrong.txt", "112233\n");
    camp.run(&format!("family pin {id} --pin-file hers.txt {MARA}")).fine();
    camp.run(&format!("card issue {id} {MARA}")).fine();
    camp.run(&format!("card print {id} --name {MARA}")).fine();
    camp.write("notice.txt", "Tunauliza ruhusa yako.");
    camp.run(&format!(
        "consent give {id} --purpose referral --to Relief --attributes name,phone --notice notice.txt --language sw {MARA}"
    ))
    .fine();
    camp.run(&format!(
        "consent open {id}/1 --for hill --purpose referral --attributes name,phone --out hers.opened {MARA}"
    ))
    .fine();
    camp.write("complaint.txt", "They refused me although my card is good.");
    camp.run(&format!(
        "grievance open --text complaint.txt --decider Relief --reader hill --out hers.complaint {MARA}"
    ))
    .fine();
    let pay = format!("pay charge --family {id} --item Rice=1 --method pin --pin-file");
    camp.run(&format!("{pay} wrong.txt")).fails(5, "");
    camp.run(&format!("{pay} hers.txt")).fails(5, "");
    camp.write("moved.family", "village=Oswestry Hollow");
    camp.run(&format!("family change {id} --from moved.family {MARA}")).fine();
    camp.run(&format!("family split {id} --member 2 --collector 1 {MARA} {two}")).fine();
    camp.run("family lend-pins --to hill --out hill.pins").fine();
    camp.run("family take-pins hill.pins --dir hill").fine();
    camp.run("backup day.backup").fine();
    camp.run("audit export day.audit --seal").fine();
    let gone = ["hers.txt", "complaint.txt", "moved.family", "told.family"];
    gone.iter().for_each(|told| fs::remove_file(camp.file(told)).expect("removed"));
    assert_eq!(found(camp.path(), &canaries), [], "in all that was written, anywhere");
    let lake = fs::read(camp.file("lake/pins.db")).expect("reads");
    camp.write("lake/pins.copy", [lake.as_slice(), canaries.concat().as_bytes()].concat());
    assert_eq!(found(camp.path(), &canaries).len(), canaries.len(), "planted, each is found");
}
