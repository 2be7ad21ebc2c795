//! `annona letter`: papers that came for this node alone, and those that wait to go.

use std::path::PathBuf;

use annona_node::atomic;
use annona_node::letters::{self, Kept, LetterFault, Letters, Way};
use annona_node::node::Node;
use clap::{Args, Subcommand};
use serde_json::json;

use crate::consent;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona letter list
  $ annona letter take --from hill --out amina.asking";

const LISTING: &str = "\
Examples:
  $ annona letter list
  $ annona letter list --json";

const TAKING: &str = "\
Examples:
  $ annona letter take --from hill --out amina.asking
  $ annona letter take --from hill --out amina.asking --json";

/// Papers for one node alone, that links and bundles carry: what `--send` puts there, and what came.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Letter {
    List(List),
    Take(Take),
}

/// Lists letters: what came and waits to be taken out, and what waits to go.
#[derive(Args)]
#[command(before_help = LISTING)]
pub(crate) struct List {}

/// Takes a letter that came out as a file, for the command that reads it. Nothing in it is done by its coming.
#[derive(Args)]
#[command(before_help = TAKING)]
pub(crate) struct Take {
    /// The letter, by the first of its digits [default: the only one]
    #[arg(value_name = "LETTER")]
    letter: Option<String>,
    /// From which node: its 16 digits, or the name of its site
    #[arg(long, value_name = "NODE")]
    from: Option<String>,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Where a paper for another node goes.
#[derive(Args)]
pub(crate) struct Paper {
    /// The file to make
    #[arg(long, value_name = "FILE", required_unless_present = "send")]
    out: Option<PathBuf>,
    /// Give it to the next link or bundle to that node, and to nobody else
    #[arg(long)]
    send: bool,
}

impl Paper {
    /// Into a file alone.
    pub(crate) const fn file(out: PathBuf) -> Self {
        Self { out: Some(out), send: false }
    }

    /// Puts a paper where it was said: durable when this returns.
    pub(crate) fn put(&self, node: &Node, to: &[u8; 8], paper: &[u8]) -> Outcome {
        if let Some(out) = &self.out {
            atomic::write(out, paper)?;
        }
        if self.send {
            let letters = Letters::of(node.folder().root());
            letters.send(to, paper, letters::today(node)?)?;
        }
        Ok(())
    }

    /// Where that is, in words.
    pub(crate) fn words(&self) -> String {
        let file = self.out.as_ref().map(|out| out.display().to_string());
        let letter = self.send.then(|| "a letter, with the next link or bundle".to_owned());
        file.into_iter().chain(letter).collect::<Vec<_>>().join("; ")
    }

    /// The same for programs.
    pub(crate) fn value(&self, mut value: serde_json::Value) -> serde_json::Value {
        (value["out"], value["sent"]) = (json!(self.out), json!(self.send));
        value
    }
}

impl Letter {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::List(_) => list(session),
            Self::Take(command) => command.run(session),
        }
    }
}

fn list(session: &Session) -> Outcome {
    let node = session.node()?;
    let charter = node.store().charter()?.clone();
    let letters = Letters::of(node.folder().root());
    letters.sweep(letters::today(&node)?);
    for (way, word) in [(Way::In, "from"), (Way::Out, "for")] {
        for kept in letters.list(way).into_iter().filter(|kept| kept.bytes > 0) {
            let paper = letters.get(way, &kept.peer, &kept.name);
            let kind = paper.and_then(|letter| letters::Paper::of(&letter.bytes));
            let kind = kind.map_or("damaged", letters::Paper::word);
            let (peer, name) = (hex(&kept.peer), hex(&kept.name));
            let until = consent::last(&charter, kept.until);
            let value = json!({
                "letter": name, (word): peer, "paper": kind, "bytes": kept.bytes, "until": until,
            });
            session.screen.answer("letter", value, || {
                format!("{name}  {word} {peer}  {kind}, until {until}")
            })?;
        }
    }
    Ok(node.close()?)
}

impl Take {
    fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let letters = Letters::of(node.folder().root());
        letters.sweep(letters::today(&node)?);
        let from = match &self.from {
            Some(from) => Some(words::node(node.store().roster(), from)?.short()),
            None => None,
        };
        let digits = self.letter.unwrap_or_default().to_lowercase();
        let meant = |kept: &Kept| {
            kept.bytes > 0
                && from.is_none_or(|from| from == kept.peer)
                && hex(&kept.name).starts_with(&digits)
        };
        let found: Vec<Kept> = letters.list(Way::In).into_iter().filter(meant).collect();
        let [kept] = found[..] else {
            let found = count(found.len() as u64, "letter is meant", "letters are meant");
            return Err(Fault::input(format!("{found}: name one."))
                .then("`annona letter list` tells which there are."));
        };
        let Some(letter) = letters.get(Way::In, &kept.peer, &kept.name) else {
            return Err(Fault::input("the letter is damaged: have it sent again."));
        };
        let kind = letters::Paper::of(&letter.bytes).map_or("damaged", letters::Paper::word);
        atomic::write(&self.out, &letter.bytes)?;
        letters.taken(&kept)?;
        node.close()?;
        let from = hex(&kept.peer);
        let value =
            json!({ "letter": hex(&kept.name), "from": from, "paper": kind, "out": self.out });
        session
            .screen
            .answer("letter_taken", value, || format!("{kind} from {from}: {}", self.out.display()))
    }
}

impl From<LetterFault> for Fault {
    fn from(fault: LetterFault) -> Self {
        match fault {
            LetterFault::Disk(fault) => fault.into(),
            LetterFault::TooLong(_) | LetterFault::Strange => Self::input(fault.to_string()),
            LetterFault::TooMany => Self::refused(fault.to_string()),
        }
    }
}
