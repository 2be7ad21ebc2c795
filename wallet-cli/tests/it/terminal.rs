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
said, end = b"", time.time() + 60
def hear(wait):
    global said
    if select.select([master], [], [], wait)[0]:
        said += os.read(master, 65536)
while prompt.encode() not in said and running.poll() is None and time.time() < end:
    hear(0.05)
met = prompt.encode() in said
time.sleep(0.2)
during = echo()
os.write(master, keys.encode())
while running.poll() is None and time.time() < end:
    hear(0.05)
if running.poll() is None:
    running.kill()
hear(0.1)
print(json.dumps({"code": running.wait(), "met": met, "before": before, "during": during, "after": echo(),
                  "said": said.decode("utf-8", "replace")}))
"#;

/// What came of it, or `None` where nobody can play the terminal.
fn typed(camp: &Camp, words: &str, prompt: &str, keys: &str) -> Option<Value> {
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
        .env("ANNONA_DIR", camp.file("lake"))
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
