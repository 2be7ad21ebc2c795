//! Ctrl-C and answers at a terminal: what was typed unseen stays unseen, the terminal is left as it was, nothing is half
//! done. A small program in Python plays the terminal; where there is none, these say that they were skipped.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::camp::{Camp, split};
use crate::counter::counter;

/// Opens a terminal, runs a command in it, waits for a prompt, types, and tells how it all ended.
const TERMINAL: &str = r#"
import fcntl, json, os, pty, select, subprocess, sys, termios, time
prompt, keys, command = sys.argv[1], sys.argv[2].encode().decode("unicode_escape"), sys.argv[3:]
master, slave = pty.openpty()
echo = lambda: bool(termios.tcgetattr(slave)[3] & termios.ECHO)
def own():
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
before = echo()
running = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=own)
said, end = b"", time.time() + 120
def hear(wait):
    global said
    if select.select([master], [], [], wait)[0]:
        said += os.read(master, 65536)
# Piece by piece, and the last of it late.
def rest():
    while select.select([master], [], [], 0.2)[0]:
        hear(0)
while prompt.encode() not in said and running.poll() is None and time.time() < end:
    hear(0.05)
if running.poll() is not None:
    rest()
met = prompt.encode() in said
# A question is printed before what is typed is hidden: whoever types sooner than that shows it.
while "[y/N]" not in prompt and keys and echo() and running.poll() is None and time.time() < end:
    hear(0.05)
during = echo()
meanwhile = json.loads(os.environ.get("MEANWHILE", "[]"))
if meanwhile:
    meanwhile = subprocess.run(meanwhile, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    meanwhile = [meanwhile.returncode, meanwhile.stderr]
os.write(master, keys.encode())
while running.poll() is None and time.time() < end:
    hear(0.05)
if running.poll() is None:
    running.kill()
rest()
print(json.dumps({"code": running.wait(), "met": met, "before": before, "during": during, "after": echo(), "meanwhile": meanwhile,
                  "said": said.decode("utf-8", "replace")}))
"#;

/// What came of it, or `None` where nobody can play the terminal.
pub(crate) fn typed(camp: &Camp, words: &str, prompt: &str, keys: &str) -> Option<Value> {
    typed_while(camp, words, prompt, keys, "")
}

/// As [`typed`], while another of our commands runs at the prompt, before anything is typed.
pub(crate) fn typed_while(
    camp: &Camp,
    words: &str,
    prompt: &str,
    keys: &str,
    meanwhile: &str,
) -> Option<Value> {
    let heads = camp.file("heads").display().to_string();
    let mut other = vec![env!("CARGO_BIN_EXE_annona").to_owned()];
    other.extend(split(meanwhile));
    let rest = ["--passphrase-file", "pass.txt", "--yes", "--no-input", "--heads", &heads];
    other.extend(rest.map(str::to_owned));
    let other = if meanwhile.is_empty() { Vec::new() } else { other };
    typed_beside(camp, words, prompt, keys, &other)
}

/// As [`typed_while`], with any program.
pub(crate) fn typed_beside(
    camp: &Camp,
    words: &str,
    prompt: &str,
    keys: &str,
    other: &[String],
) -> Option<Value> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = Command::new("python3")
        .args(["-c", TERMINAL, prompt, keys, env!("CARGO_BIN_EXE_annona")])
        .args(split(words))
        .arg("--heads")
        .arg(camp.file("heads"))
        .current_dir(camp.path())
        .env_clear()
        .env("PATH", path)
        .env("HOME", camp.path())
        .env("TERM", "xterm")
        .env("ANNONA_DIR", camp.file("lake"))
        .env("MEANWHILE", serde_json::json!(other).to_string())
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) if output.status.success() => output,
        _ => {
            println!("skipped, because python3 cannot play a terminal here");
            return None;
        }
    };
    let told: Value = serde_json::from_slice(&output.stdout).expect("what it tells is JSON");
    assert_eq!(told["met"], true, "{words}: no \"{prompt}\" in {}", told["said"]);
    assert_eq!((&told["before"], &told["after"]), (&true.into(), &true.into()), "{words}: {told}");
    Some(told)
}

const CTRL_C: &str = "\\x03";

#[cfg(unix)]
#[test]
fn ctrl_c_at_a_passphrase_gives_the_terminal_back_and_changes_nothing() {
    let camp = counter();
    let article = fs::read(camp.file("budget.annona")).expect("an article");
    let listed = camp.run("pay list --json").fine().out;
    for (words, prompt) in [
        ("charter sign budget.annona --keys relief.keys --charter charter.annona", "passphrase of"),
        ("pay charge --family 1 --item Rice=1", "passphrase of"),
        ("init --dir late --site late --role merchant", "new passphrase"),
        ("key passwd relief.keys", "passphrase of"),
        ("family import camp.csv --map camp.toml --operator mara.keys", "passphrase of"),
        (
            "family import camp.csv --map camp.toml --operator mara.keys --passphrase-file pass.txt",
            "mara.keys",
        ),
        ("bundle export --to hill --out stick", "passphrase of"),
        ("checkpoint make", "passphrase of"),
        ("backup late.backup", "passphrase of"),
    ] {
        let Some(told) = typed(&camp, words, prompt, CTRL_C) else { return };
        assert_eq!(
            (&told["code"], &told["during"]),
            (&130.into(), &false.into()),
            "{words}: {told}"
        );
        assert!(told["said"].as_str().is_some_and(|s| s.contains("safe")), "{words}: {told}");
    }
    assert_eq!(fs::read(camp.file("budget.annona")).expect("an article"), article);
    assert!(!camp.file("late.backup").exists() && !camp.file("late/keys.annona").exists());
    assert_eq!(camp.run("pay list --json").fine().out, listed);
    camp.run("init --dir late --site late --role merchant --passphrase-cost light").fine();
    camp.run("key show relief.keys").fine();
    camp.run("doctor --full").fine();
}

#[cfg(unix)]
#[test]
fn ctrl_c_no_and_nothing_at_a_question_change_nothing_and_yes_does() {
    let camp = counter();
    let article = fs::read(camp.file("budget.annona")).expect("an article");
    let sign = "charter sign budget.annona --keys relief.keys --charter charter.annona --passphrase-file pass.txt";
    let revoke = "node revoke hill --reason lost --dir treasury --passphrase-file pass.txt";
    for (keys, code) in [(CTRL_C, 130), ("n\\n", 5), ("\\n", 5), ("\\x04", 5), ("perhaps\\n", 5)] {
        for words in [sign, revoke] {
            let Some(told) = typed(&camp, words, "[y/N]", keys) else { return };
            assert_eq!(
                (&told["code"], &told["during"]),
                (&code.into(), &true.into()),
                "{words}: {told}"
            );
        }
    }
    assert_eq!(fs::read(camp.file("budget.annona")).expect("an article"), article);
    // Nobody was revoked: the treasury still sends there.
    camp.run("pay supply --dir treasury --cycle 1 --item Rice=1 --to hill").fine();
    let Some(told) = typed(&camp, sign, "[y/N]", "y\\n") else { return };
    assert_eq!(told["code"], 0, "{told}");
    assert_ne!(fs::read(camp.file("budget.annona")).expect("an article"), article);
}

#[cfg(unix)]
#[test]
fn a_passphrase_is_never_shown_and_a_wrong_one_opens_nothing() {
    let camp = counter();
    let charge = "pay charge --family 1 --item Rice=1";
    let right = format!("{}\\n", crate::camp::PASSPHRASE);
    for (keys, code) in [("not this one\\n", 5), ("\\n", 3), (right.as_str(), 0)] {
        let Some(told) = typed(&camp, charge, "passphrase of", keys) else { return };
        assert_eq!((&told["code"], &told["during"]), (&code.into(), &false.into()), "{told}");
        let said = told["said"].as_str().unwrap_or_default();
        assert!(
            !said.contains("not this one") && !said.contains(crate::camp::PASSPHRASE),
            "{said}"
        );
    }
}

/// While a person thinks, tills serve; what she then says is said of what there is, and of nothing else.
#[cfg(unix)]
#[test]
fn a_person_who_thinks_stops_nobody_and_is_asked_again_where_things_have_changed() {
    let camp = counter();
    let mara =
        "--operator mara.keys --operator-passphrase-file pass.txt --passphrase-file pass.txt";
    let approve = format!("entitle approve {} {mara}", camp.told("waiting.txt"));
    let charge = "pay charge --family 1 --item Rice=1";
    let Some(told) = typed_while(&camp, &approve, "[y/N]", "y\\n", charge) else { return };
    assert_eq!((&told["meanwhile"][0], &told["code"]), (&0.into(), &0.into()), "{told}");
    let asked = |told: &Value| told["said"].as_str().expect("words").matches("[y/N]").count();
    assert_eq!(asked(&told), 1, "what she agreed to is not asked again: {told}");
    assert!(camp.run("entitle list --json").fine().out.contains("\"approved_by\":[\""));
    // The passphrase is typed once, too.
    let again = approve.replace("mara", "yusuf").replace(" --passphrase-file pass.txt", "");
    let keys = format!("{}\\ny\\n", crate::camp::PASSPHRASE);
    let Some(told) = typed(&camp, &again, "passphrase of", &keys) else { return };
    assert_eq!((&told["code"], asked(&told)), (&0.into(), 1), "{told}");
    // Somebody else changes the same family meanwhile: it is another family then.
    camp.write("phone.family", "1: phone=0700 111 222\n");
    camp.write("size.family", "size=7\n");
    let change = format!("family change 1 --from phone.family {mara}");
    let other = "family change 1 --from size.family --operator mara.keys --operator-passphrase-file pass.txt";
    let Some(told) = typed_while(&camp, &change, "[y/N]", "y\\nn\\n", other) else { return };
    assert_eq!(
        (&told["meanwhile"][0], &told["code"], asked(&told)),
        (&0.into(), &5.into(), 2),
        "{told}"
    );
    assert!(!camp.run("family show 1").fine().out.contains("0700"), "she said no to it");
    let Some(told) = typed(&camp, &change, "[y/N]", "y\\n") else { return };
    assert_eq!((&told["code"], asked(&told)), (&0.into(), 1), "{told}");
    assert!(camp.run("family show 1").fine().out.contains("0700"));
    // Another desk hands out a new card meanwhile: the answer was about the old one.
    let cancel = format!("card cancel --family 1 {mara}");
    let other =
        "card reissue 1 --out second.html --operator mara.keys --operator-passphrase-file pass.txt";
    let Some(told) = typed_while(&camp, &cancel, "[y/N]", "y\\nn\\n", other) else { return };
    assert_eq!(
        (
            &told["meanwhile"][0],
            &told["code"],
            told["said"].as_str().expect("words").matches("[y/N]").count()
        ),
        (&0.into(), &5.into(), 2),
        "{told}"
    );
    assert!(camp.run("family show 1").fine().out.contains("card"), "the new card counts");
    // Nothing is left to ask about: somebody else has decided it.
    camp.run("family keys copy --to hill --out for-hill").fine();
    let drop = "family keys drop --at hill";
    let asked = format!("{drop} --passphrase-file pass.txt");
    let Some(told) = typed_while(&camp, &asked, "[y/N]", "y\\n", drop) else { return };
    assert_eq!((&told["meanwhile"][0], &told["code"]), (&0.into(), &3.into()), "{told}");
}

/// A number stands beside each name, and no name takes it into its own direction.
#[cfg(unix)]
#[test]
fn a_name_from_right_to_left_leaves_the_number_beside_it_alone() {
    let camp = counter();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    for (n, name) in ["نور عبد الله", "زينب حسن", "רחל לוי"].into_iter().enumerate()
    {
        let lines = format!("size=6\nvillage=A2\nmember: full_name={name}");
        let added = camp.family(&lines, &format!("--key R-{n} {mara} --json")).fine();
        let id = added.field(0, "family");
        let word = name.split(' ').next().expect("a word");
        let find = format!("family find {word} --passphrase-file pass.txt");
        let Some(told) = typed(&camp, &find, "family", "") else { return };
        let said = told["said"].as_str().unwrap_or_default();
        let line = format!("family {id}: \u{2068}{name}\u{2069} · 6 people · A2 · key ");
        assert!(said.contains(&line), "{said}");
        // What a program reads holds no marks.
        let piped = camp.run(&format!("family find {word}")).fine().out;
        assert!(piped.contains(name) && !piped.contains('\u{2068}'), "{piped}");
    }
}

#[cfg(unix)]
#[test]
fn long_work_shows_how_far_it_is_at_a_terminal_and_nowhere_else() {
    // Of as many rows as no machine reads within the second after which a bar appears.
    let mut csv = "number,name,phone\n".to_owned();
    for n in 0..150_000 {
        csv += &format!("KC-{n:06},Kestrel{n:04} Ravenscar{n:04},+967700{n:06}\n");
    }
    let camp = Camp::new();
    camp.write("many.csv", csv);
    let map = "source = \"many\"\nkey = [\"number\"]\n\
        [household.columns]\nname = \"full_name\"\nphone = \"phone\"\n";
    camp.write("many.toml", map);
    let words = "family import many.csv --map many.toml --dry-run";
    let passphrase = "--passphrase-file pass.txt";
    let Some(told) = typed(&camp, &format!("{words} {passphrase}"), " left", "") else { return };
    let said = told["said"].as_str().expect("words");
    assert!(said.contains("reading") && said.contains('%'), "{said}");
    assert_eq!(told["code"], 0, "{said}");
    let piped = camp.run(words).fine();
    for said in [piped.out, piped.err] {
        assert!(!said.contains(" left") && !said.contains('\u{1b}'), "{said}");
    }
}

/// Whoever thinks better of it is told nothing of a file that broke off.
#[cfg(unix)]
#[test]
fn a_pin_is_asked_for_as_one_and_ctrl_d_damages_nothing() {
    let camp = Camp::new();
    let words = "family pin 1 --operator mara.keys --operator-passphrase-file pass.txt --passphrase-file pass.txt";
    let prompt = "new PIN of family 1, six to twelve digits";
    let Some(told) = typed(&camp, words, prompt, "\\x04") else { return };
    let said = told["said"].as_str().expect("words");
    assert_eq!(told["code"], 5, "{told}");
    assert!(said.contains("nothing was typed. Nothing was changed."), "{said}");
    assert!(!said.contains("passphrase") && !said.contains("doctor"), "{said}");
}
