use std::path::PathBuf;

use annona_ledger::consent::Body;
use annona_ledger::counter::Vouched;
use annona_ledger::statement::Statement;
use annona_ledger::time::DayNo;
use annona_ledger::wire::Bounded;
use annona_node::{atomic, counter};
use clap::Args;
use serde_json::json;

use super::slip;
use super::till::{Till, Whose};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;

const CHALLENGE: &str = "\
Examples:
  $ annona pay challenge --family 1
  $ annona pay challenge --dir hill --purse 00112233445566778899aabbccddeeff --json";

const ATTEST: &str = "\
Examples:
  $ annona pay attest challenge.txt --method finger --yes-it-is --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona pay attest challenge.txt --method iris --no-match --policy 3 --operator mara.keys \\
      --operator-passphrase-file pass.txt";

/// Asks an outside reader about a holder: the number to show it is for her purse, on this day, at this node.
///
/// The reader answers yes or no and signs it with a key certified as `device`. Nothing else of it is ever taken:
/// `annona pay charge --method attested --paper FILE`.
#[derive(Args)]
#[command(before_help = CHALLENGE)]
pub(crate) struct Challenge {
    #[command(flatten)]
    whose: Whose,
    /// Only for this cycle [default: the one that ends first]
    #[arg(long, value_name = "N")]
    cycle: Option<u16>,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
}

/// Answers a till's challenge with a reader's key: what a bridge to an outside system does.
#[derive(Args)]
#[command(before_help = ATTEST)]
pub(crate) struct Attest {
    /// The challenge: its text, or a file that holds it
    challenge: String,
    /// What was looked at: finger, iris, face, palm, voice, other
    #[arg(long, value_name = "WORD", value_parser = body)]
    method: Body,
    /// The answer is yes
    #[arg(long, required_unless_present = "no_match")]
    yes_it_is: bool,
    /// The answer is no
    #[arg(long, conflicts_with = "yes_it_is")]
    no_match: bool,
    /// The number of the outside system's own rules
    #[arg(long, value_name = "N", default_value_t = 0)]
    policy: u32,
    #[command(flatten)]
    operator: Operator,
    /// Write the answer to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

fn body(word: &str) -> Result<Body, String> {
    Body::of(word).ok_or_else(|| {
        let all: Vec<&str> = Body::ALL.iter().map(|body| body.word()).collect();
        format!("one of: {}", all.join(", "))
    })
}

impl Challenge {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let purses = till.purses_here(session, &node, &self.whose, self.cycle)?;
        let purse = purses
            .first()
            .ok_or_else(|| Fault::usage("say whose it is: --family, --card or --purse."))?;
        let on = DayNo::of(node.stamp(&till.feed)?);
        let nonce = counter::challenge(&node, till.id, purse, on)?;
        let text = slip::challenge(&(till.id, on, nonce));
        session.screen.answer("challenge", json!({ "challenge": text }), || text.clone())?;
        Ok(node.close()?)
    }
}

impl Attest {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (programme, on, nonce) = if std::path::Path::new(&self.challenge).exists() {
            let path = std::path::Path::new(&self.challenge);
            let text = String::from_utf8(atomic::read(path, 4096)?.to_vec());
            let text = text.map_err(|_| Fault::file(path, "this is no challenge."))?;
            slip::read_challenge(&text).map_err(|fault| fault.at(path.display()))?
        } else {
            slip::read_challenge(&self.challenge)?
        };
        let device = self.operator.open(session)?;
        let (body, yes, policy) = (self.method, self.yes_it_is, self.policy);
        let said = Statement::Attested { programme, body, yes, policy, on, nonce };
        let federation = session.read()?.federation()?;
        let words = vec![(said, device.states(&federation, &said))];
        let paper = slip::vouched(&Vouched(Bounded::new(words)?));
        if let Some(out) = &self.out {
            atomic::write(out, format!("{paper}\n").as_bytes())?;
        }
        let value = json!({ "yes": yes, "method": body.word(), "paper": paper });
        session.screen.answer("attested", value, || paper.clone())
    }
}
