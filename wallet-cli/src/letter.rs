//! `annona letter`: papers that came for this node alone, and those that wait to go.

use std::path::{Path, PathBuf};

use annona_node::atomic;
use annona_node::letters::{self, About, Kept, LetterFault, Letters, Way};
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
    pub(crate) fn put(
        &self,
        node: &Node,
        to: &[u8; 8],
        paper: &[u8],
        about: Option<About>,
    ) -> Outcome {
        if let Some(out) = &self.out {
            atomic::write(out, paper)?;
        }
        if self.send {
            let letters = Letters::of(node.folder().root());
            letters.send(to, paper, about, letters::days(node)?)?;
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
    letters.sweep(letters::days(&node)?);
    let work = node.store().look()?;
    letters.stop_withdrawn(&work)?;
    work.check()?;
    drop(work);
    for (way, word) in [(Way::In, "from"), (Way::Out, "for")] {
        for kept in letters.list(way) {
            let kind = match kept.bytes {
                0 if way == Way::In => continue,
                0 if kept.not_taken => "not taken",
                0 => "not delivered",
                _ => letters
                    .get(way, &kept.peer, &kept.name)
                    .and_then(|letter| letters::Paper::of(&letter.bytes))
                    .map_or("damaged", letters::Paper::word),
            };
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
        letters.sweep(letters::days(&node)?);
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

/// How many answers wait here that tell of a family, or go under a consent: what takes either back stops them.
pub(crate) fn waiting(node: &Node, which: impl Fn(&About) -> bool) -> u64 {
    let all = Letters::of(node.folder().root()).list(Way::Out).into_iter();
    all.filter(|kept| kept.bytes > 0 && kept.about.as_ref().is_some_and(&which)).count() as u64
}

/// Says what was stopped, and what waits to go of which nobody can tell whom it is about.
pub(crate) fn stopped(session: &Session, node: &Node, stopped: u64) {
    if stopped > 0 {
        let answers = count(stopped, "answer that waited", "answers that waited");
        session.screen.note(format!("{answers} to go to another node will not go."));
    }
    let letters = Letters::of(node.folder().root());
    let blind = |kept: &Kept| {
        let paper = letters.get(Way::Out, &kept.peer, &kept.name);
        paper.and_then(|letter| letters::Paper::of(&letter.bytes)) == Some(letters::Paper::Answers)
    };
    for kept in letters.list(Way::Out).iter().filter(|kept| kept.bytes > 0 && blind(kept)) {
        session.screen.note(format!(
            "Answers on overlap wait for {}, made before now: they may tell that node, if it asked about her, that she is \
             helped here.",
            hex(&kept.peer)
        ));
    }
}

/// How many letters came and wait, wait to go, and ended before they came to whom they were for.
pub(crate) fn counts(data: &Path) -> [u64; 3] {
    let letters = Letters::of(data);
    let of = |way, paper| {
        letters.list(way).iter().filter(|kept| (kept.bytes > 0) == paper).count() as u64
    };
    [of(Way::In, true), of(Way::Out, true), of(Way::Out, false)]
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
