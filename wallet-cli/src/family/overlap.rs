use std::path::PathBuf;

use annona_ledger::duty::Duty;
use annona_ledger::id::Lane;
use annona_node::atomic;
use annona_node::overlap::{self, OverlapFault};
use clap::{Args, Subcommand};
use serde_json::json;

use super::lend::every;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::letter::Paper;
use crate::session::Session;
use crate::signer::Operator;
use crate::words::{self, count};

const EXAMPLES: &str = "\
Examples:
  $ annona family overlap ask --to hill --out for-hill.questions \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family overlap answer for-hill.questions --out lake.answers --dir hill
  $ annona family overlap answer for-hill.questions --send --dir hill
  $ annona family overlap read lake.answers";

/// Whether another organisation helps with the same need, asked so that it does not learn about whom.
///
/// Only about families who consented to it, at most twice as many a day as were registered that day; the answer is one
/// bit for each, and decides nothing.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Overlap {
    Ask(Ask),
    Answer(Answer),
    Read(Read),
}

/// Writes a file of questions for another organisation's node. Each is in the family's own list of what was shown of it.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Ask {
    /// The node that answers, by its site's name or its digits
    #[arg(long, value_name = "NODE")]
    to: String,
    /// The programme asked about
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    /// Only these families [default: all who consented]
    #[arg(long = "family", value_name = "FAMILY")]
    families: Vec<String>,
    #[command(flatten)]
    paper: Paper,
    #[command(flatten)]
    operator: Operator,
}

/// Answers a file of questions, learning nothing but how many they are.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Answer {
    /// The questions
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    paper: Paper,
}

/// Reads a file of answers, once: whether each family asked about is helped there, too.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Read {
    /// The answers
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Overlap {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Ask(command) => command.run(session),
            Self::Answer(command) => command.run(session),
            Self::Read(command) => command.run(session),
        }
    }
}

impl Ask {
    fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let to = words::node(node.store().roster(), &self.to)?.short();
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        let orgs = [about.org, node.org().unwrap_or(about.org)];
        signer.may(&node, &orgs, (Duty::OverlapAsk, programme), at)?;
        let families = if self.families.is_empty() { every(&vault)? } else { self.families };
        let mut ids = Vec::with_capacity(families.len());
        for family in families {
            ids.push(holder::find(&vault, &family)?);
        }
        let today = words::date(node.now());
        let today = today.ok_or_else(|| Fault::input("the clock shows no day."))?;
        let asked = (&ids[..], today);
        let all = overlap::ask(&mut node, &mut vault, to, programme, asked, signer.key())?;
        let asked = all.households;
        self.paper.put(&node, &to, &all.file, None)?;
        all.done(&mut vault)?;
        node.close()?;
        let value = json!({ "families": asked, "to": words::hex(&to) });
        session.screen.answer("overlap_asked", self.paper.value(value), || {
            let families = count(asked as u64, "family", "families");
            format!("Questions about {families} are in {}", self.paper.words())
        })
    }
}

impl Answer {
    fn run(self, session: &Session) -> Outcome {
        let node = session.signing_node()?;
        let vault = session.vault(&node)?;
        let asked = atomic::read(&self.file, overlap::BYTES)?;
        let told = |why: OverlapFault| Fault::from(why).at(self.file.display());
        let (file, asker, questions) = overlap::answer(&node, &vault, &asked).map_err(told)?;
        self.paper.put(&node, &asker, &file, None)?;
        node.close()?;
        session.screen.answer("overlap_answered", json!({ "questions": questions }), || {
            let questions = count(questions as u64, "question is", "questions are");
            format!("{questions} answered in {}", self.paper.words())
        })
    }
}

impl Read {
    fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let mut vault = session.vault(&node)?;
        let answers = atomic::read(&self.file, overlap::BYTES)?;
        let wrong = |why: OverlapFault| Fault::from(why).at(self.file.display());
        for told in overlap::read(&node, &mut vault, &answers).map_err(wrong)? {
            let (family, helped) = (told.household, told.helped);
            session.screen.answer(
                "overlap",
                json!({ "family": family, "helped": helped }),
                || format!("family {family}  {}", if helped { "helped there, too" } else { "-" }),
            )?;
        }
        Ok(node.close()?)
    }
}

impl From<OverlapFault> for Fault {
    fn from(fault: OverlapFault) -> Self {
        let message = format!("{fault}.");
        match fault {
            OverlapFault::Consent(fault) => fault.into(),
            OverlapFault::Vault(fault) => fault.into(),
            OverlapFault::Household(fault) => fault.into(),
            OverlapFault::Node(fault) => fault.into(),
            OverlapFault::Damaged | OverlapFault::Element(_) => Self::input(message),
            OverlapFault::Stranger
            | OverlapFault::NoMember(_)
            | OverlapFault::TooMany { .. }
            | OverlapFault::Long(_)
            | OverlapFault::Stale
            | OverlapFault::Nobody
            | OverlapFault::NotAsked => Self::refused(message),
        }
    }
}
