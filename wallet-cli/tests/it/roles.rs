//! Role × command × scope, through the program: each duty by its own command, and operators who have all but one thing that
//! it asks for. The table of cells is tried where it stands (`ledger/src/duty.rs`).

use annona_ledger::duty::Duty;

use crate::camp::{Answer, Camp, split};

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";
const DAY: u64 = 24 * 60 * 60 * 1_000;

/// What a certificate has wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    /// Every role but those it asks for.
    Role,
    Organisation,
    Programme,
    Site,
    /// It ended yesterday.
    Ended,
    /// It was withdrawn since.
    Withdrawn,
}

const WRONG: [Wrong; 6] = [
    Wrong::Role,
    Wrong::Organisation,
    Wrong::Programme,
    Wrong::Site,
    Wrong::Ended,
    Wrong::Withdrawn,
];

/// What is told of a certificate for another site.
const ELSEWHERE: &str = "her certificate is for site 3, and this is site 2";

/// A camp in which every duty has something to be done, and its complaints: one open, one decided.
fn camp() -> (Camp, [String; 2]) {
    let camp = crate::wallet::wallet();
    crate::consent::given(&camp);
    crate::consent::asked(&camp);
    let complaints = crate::grievance::complaints(&camp);
    crate::grievance::may_refer(&camp);
    let two = "member: full_name=Sara Noor\nmember: full_name=Idris Noor";
    camp.family(two, &format!("--key B1-003 {MARA}")).fine();
    camp.run(&format!("family pin 3 --pin-file pin.txt {MARA}")).fine();
    let cash = "[[programme]]\nid = 2\norganisation = 1\nname = \"Cash\"\n\
                commodity = [{ id = 1, name = \"Rice\", item = \"kg\", digits = 3 }]\n";
    camp.write("cash.toml", cash);
    camp.run("charter propose --acts cash.toml --out cash.annona").fine();
    for name in ["relief", "city"] {
        camp.run(&format!("charter sign cash.annona --keys {name}.keys")).fine();
    }
    camp.run("charter apply cash.annona").fine();
    camp.run("charter show --out charter.annona --replace").fine();
    (camp, complaints)
}

/// The command of a duty; `$who` stands for who is tried, as the first or, where the duty is the second's, as the second. A
/// new duty does not build before it has one here.
fn command(duty: Duty, camp: &Camp, [open, decided]: &[String; 2]) -> String {
    let (code, waiting) = (camp.told("code.txt"), camp.told("waiting.txt"));
    let two = "$who --second yusuf.keys --second-passphrase-file pass.txt";
    let second = format!("{MARA} --second $key --second-passphrase-file pass.txt");
    let of = |words: &str| format!("{words} $who");
    match duty {
        Duty::FamilyAdd => of("family add --from tesfaye.family --key B1-099"),
        Duty::FamilyImport => of("family import camp.csv --map camp.toml"),
        Duty::FamilyChange => of("family change 1 --from moved.family"),
        Duty::FamilyBirth => format!("family birth 1 --from adam.family --collector 1 {two}"),
        Duty::FamilyDeath => format!("family death 3 --member 2 --collector 1 {two}"),
        Duty::FamilySplit => format!("family split 3 --member 2 --collector 1 {two}"),
        Duty::FamilyMerge => format!("family merge 1 2 --collector 1 {two}"),
        Duty::FamilyRetention => of("family retention"),
        Duty::ConsentReply => of("consent reply amina.asking --out amina.answer"),
        Duty::FamilyPin => of("family pin 1 --pin-file pin.txt"),
        Duty::FamilyPinSecond => format!("family pin 3 --pin-file pin.txt {second}"),
        Duty::FamilyCollector => of("family collector 1"),
        Duty::CardIssue => of("card issue 1"),
        Duty::CardPrint => of("card print 2"),
        Duty::CardReprint => of("card reprint 1"),
        Duty::CardReissue => of(&format!("card reissue {code}")),
        Duty::CardCancel => of(&format!("card cancel {code}")),
        Duty::CardWallet => of("card wallet 1 --introduction amina.introduction --out again.page"),
        Duty::ConsentGive => of("consent give 1 --purpose referral --to Water --attributes name \
                                 --notice notice-sw.txt --language sw"),
        Duty::ConsentWithdraw => of("consent withdraw 1/1"),
        Duty::ConsentOpen => {
            of("consent open 1/1 --for hill --purpose referral --attributes name \
                                 --out amina.opened")
        }
        Duty::DuplicatesDecide => of("family duplicates decide 1 2 --verdict distinct"),
        Duty::OverlapAsk => of("family overlap ask --to hill --out overlap.asked"),
        Duty::Erase => of("erase 3"),
        Duty::GrievanceOpen => of("grievance open --text complaint.txt --decider Relief"),
        Duty::GrievanceAppeal => of(&format!("grievance appeal {decided} --decider Relief")),
        Duty::GrievanceRefer => of(&format!("grievance refer {open} --to City --consent 1/2")),
        Duty::GrievanceDecide => of(&format!("grievance decide {open} --outcome upheld")),
        Duty::EntitleApprove => of(&format!("entitle approve {waiting}")),
        Duty::Counter => {
            format!("pay charge --family 1 --item Rice=0.5 --method desk {second}")
        }
    }
}

fn by(command: &str, name: &str) -> String {
    let who = format!("--operator {name}.keys --operator-passphrase-file pass.txt");
    command.replace("$who", &who).replace("$key", &format!("{name}.keys"))
}

/// Everything a person at a desk can be, but not what these words name.
fn but(roles: &[&str]) -> Vec<&'static str> {
    let all = ["registrar", "cashier", "approver", "supervisor", "auditor"];
    all.into_iter().filter(|one| !roles.contains(one)).collect()
}

/// The operator who has everything a duty asks for but one thing: her key file's name. Admitted once.
fn operator(camp: &Camp, wrong: Wrong, duty: Duty) -> String {
    let lacking: Vec<&str> =
        if wrong == Wrong::Role { duty.roles().words().collect() } else { Vec::new() };
    let name = format!("{wrong:?}-{}", lacking.join("-")).to_lowercase();
    if camp.file(&format!("{name}.keys")).exists() {
        return name;
    }
    let (keys, org) = if wrong == Wrong::Organisation { ("city", 2) } else { ("relief", 1) };
    let programme = if wrong == Wrong::Programme { "Cash" } else { "Food" };
    let site = if wrong == Wrong::Site { 3 } else { 2 };
    let until = if wrong == Wrong::Ended { "+1d" } else { "+100d" };
    let roles: Vec<String> = but(&lacking).iter().map(|role| format!("--role {role}")).collect();
    camp.run(&format!("operator new --out {name}.keys --passphrase-cost light")).fine();
    camp.run(&format!(
        "operator admit {name}.keys.public --keys {keys}.keys --charter charter.annona \
         --organisation {org} --site {site} --programme {programme} --until {until} --small-site {} \
         --out {name}.annona",
        roles.join(" ")
    ))
    .fine();
    camp.run(&format!("node learn {name}.annona")).fine();
    if wrong == Wrong::Withdrawn {
        camp.run(&format!(
            "operator withdraw {name}.keys.public --keys relief.keys --organisation 1 --out {name}-gone.annona"
        ))
        .fine();
        camp.run(&format!("node learn {name}-gone.annona")).fine();
    }
    name
}

fn in_two_days(camp: &Camp, words: &str) -> Answer {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock");
    let now = u64::try_from(now.as_millis()).expect("fits") + 2 * DAY;
    let mut command = camp.command(split(words));
    command.arg("--passphrase-file").arg("pass.txt").env("ANNONA_NOW", now.to_string());
    let output = command.output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    Answer { code: output.status.code(), out, err, said: format!("{words} in two days") }
}

/// What a refused command leaves as it was: all that is on the ledger, what was handed out, and who is kept.
fn kept(camp: &Camp) -> (String, String, String) {
    let node = camp.node("lake");
    let root = node.store().root().expect("a root").to_string();
    drop(node.close());
    let people = (1..=3).map(|n| camp.run(&format!("family show {n} --json")).fine().out);
    (root, camp.run("pay list --json").fine().out, people.collect())
}

#[test]
fn whoever_lacks_one_thing_does_nothing_at_any_command() {
    let (camp, complaints) = camp();
    let duties: Vec<(Duty, String)> =
        Duty::ALL.iter().map(|duty| (*duty, command(*duty, &camp, &complaints))).collect();
    // Each command is right but for who says it: with the right person it would be done. What cannot be tried first is done
    // at the end.
    let done = |(duty, command): &(Duty, String), first: &str| {
        // The second for a PIN, at the desk and for what Mara wrote down is another person than she.
        let own = [Duty::FamilyPinSecond, Duty::Counter, Duty::GrievanceDecide].contains(duty);
        let said = by(command, if own { "yusuf" } else { "mara" });
        let done = camp.run(&format!("{said}{first}"));
        if *duty == Duty::OverlapAsk {
            // Asked after the duty: nobody here has agreed to it.
            done.fails(5, "nobody was named who consented");
            return;
        }
        assert_eq!(done.code, Some(0), "{duty:?}: {}\n{}", done.said, done.err);
    };
    let without = [
        Duty::FamilyPin,
        Duty::FamilyPinSecond,
        Duty::FamilyCollector,
        Duty::CardReprint,
        Duty::OverlapAsk,
        Duty::Counter,
    ];
    let (last, first): (Vec<_>, Vec<_>) =
        duties.iter().partition(|(duty, _)| without.contains(duty));
    first.iter().for_each(|one| done(one, " --dry-run"));
    let mut tried = 0;
    for wrong in WRONG {
        for duty in Duty::ALL {
            operator(&camp, wrong, *duty);
        }
        let before = kept(&camp);
        for (duty, command) in duties.iter().filter(|(duty, _)| *duty != Duty::Counter) {
            let said = by(command, &operator(&camp, wrong, *duty));
            let run = if wrong == Wrong::Ended { in_two_days } else { Camp::run };
            let answer = run(&camp, &said);
            assert_eq!(answer.code, Some(5), "{wrong:?} {duty:?}: {}\n{}", answer.said, answer.err);
            let words = match wrong {
                Wrong::Site => ELSEWHERE,
                Wrong::Withdrawn => "was withdrawn",
                _ => "may not",
            };
            assert!(answer.err.contains(words), "{wrong:?} {duty:?}: {}", answer.err);
            tried += 1;
        }
        assert_eq!(kept(&camp), before, "{wrong:?}: something was written");
        for file in ["amina.answer", "amina.opened", "again.page", "overlap.asked"] {
            assert!(!camp.file(file).exists(), "{wrong:?}: {file}");
        }
        // At the counter somebody stands who has done nothing: staff are told, and nobody is refused.
        let command = command(Duty::Counter, &camp, &complaints);
        let said = by(&command, &operator(&camp, wrong, Duty::Counter));
        if wrong == Wrong::Site {
            let answer = camp.run(&said).fails(5, ELSEWHERE);
            assert!(
                answer.err.contains("--site 2") && answer.err.contains("--site 0"),
                "{}",
                answer.err
            );
            assert!(!answer.err.contains("Next: "), "a next method: {}", answer.err);
            assert_eq!(answer.out, "", "a slip");
            assert_eq!(kept(&camp), before, "a refusal on the ledger");
            continue;
        }
        let run = if wrong == Wrong::Ended { in_two_days } else { Camp::run };
        if wrong == Wrong::Withdrawn {
            run(&camp, &said).fails(5, "was withdrawn");
            assert_eq!(kept(&camp), before, "a refusal on the ledger, or a hand-out");
            continue;
        }
        let answer = run(&camp, &said).fails(5, "may not answer");
        assert!(answer.err.contains("Nobody was refused"), "{wrong:?}: {}", answer.err);
        assert_eq!(answer.out, "", "{wrong:?}: a slip");
        assert_eq!(kept(&camp), before, "{wrong:?}: a refusal on the ledger, or a hand-out");
    }
    assert_eq!(tried, WRONG.len() * (Duty::ALL.len() - 1));
    last.iter().for_each(|one| done(one, ""));
}
