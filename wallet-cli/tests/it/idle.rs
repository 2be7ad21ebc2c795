//! A till that sends nothing keeps nobody else waiting, and goes on as things are by then.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout};

use serde_json::{Value, json};

use crate::camp::Camp;
use crate::counter::counter;
use crate::running::{Node, port, until};

/// A queue that is open at a till.
struct Queue {
    child: Child,
    till: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Queue {
    fn start(camp: &Camp) -> Self {
        let mut child = camp.start("pay charge --from - --json");
        let till = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().expect("answers"));
        Self { child, till, answers }
    }

    /// Sends an order under a name, and waits for its answer.
    fn ask(&mut self, request: &str, family: u8) -> Value {
        let order = json!({ "request": request, "family": family, "items": { "Rice": "0.5" } });
        writeln!(self.till.as_mut().expect("open"), "{order}").expect("sent");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("answered");
        serde_json::from_str(&answer).expect("JSON")
    }

    /// Sends no more.
    fn end(mut self) -> Option<i32> {
        drop(self.till.take());
        self.child.wait().expect("ends").code()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[test]
fn a_till_that_sends_nothing_shuts_nobody_out_and_serves_as_things_then_are() {
    let camp = counter();
    let mut queue = Queue::start(&camp);
    let done = |words: &str| until(words, || camp.run(words).code == Some(0));
    // Answered first: whoever starts while another has the folder is told so.
    assert_eq!(queue.ask("a", 1)["accepted"], json!(true));
    done("pay charge --family 1 --item Rice=1");
    // The second family is known, and has nothing left.
    let nothing = queue.ask("b", 2);
    assert!(nothing["rejection"].is_u64() && nothing["accepted"] == json!(false), "{nothing}");
    // She is erased meanwhile, by another process: nothing of her is opened here any more.
    done("erase 2 --operator mara.keys --operator-passphrase-file pass.txt");
    let gone = queue.ask("c", 2);
    assert_eq!((&gone["accepted"], &gone["answer"]), (&json!(false), &json!("refused")), "{gone}");
    assert!(gone["reason"].as_str().is_some_and(|why| why.contains("number 2")), "{gone}");
    // What was answered before the pause is answered alike after it, and pays once.
    let again = queue.ask("a", 1);
    assert_eq!((&again["accepted"], &again["repeated"]), (&json!(true), &json!(true)), "{again}");
    done("pay charge --family 1 --item Rice=1");
    assert_eq!(queue.end(), Some(5), "two were refused");
    let left = camp.run("entitle balance 1 --json").fine().lines();
    let rice = left.iter().find(|line| line["commodity"] == json!(1)).expect("rice");
    assert_eq!(rice["units"], json!(12_500 - 1_000 - 500 - 1_000));
    camp.run("doctor --full").fine();
}

#[test]
fn a_node_that_runs_has_its_folder_back_while_a_till_waits() {
    let camp = counter();
    let node = Node::start(&camp, "lake", port(), &[]);
    let mut queue = Queue::start(&camp);
    for request in ["a", "b"] {
        assert_eq!(queue.ask(request, 1)["repeated"], json!(false));
        until("the folder is back", || node.status(&camp)["running"]["lent"].is_null());
        camp.run("pay charge --family 1 --item Rice=1").fine();
    }
    assert_eq!(queue.end(), Some(0));
}
