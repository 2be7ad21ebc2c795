use std::path::PathBuf;

use annona_ledger::consent::{GrievanceStep, Secret, random_commitment};
use annona_ledger::digits::code;
use annona_ledger::duty::Duty;
use annona_ledger::id::{Lane, OrgId, ProgrammeId};
use annona_node::node::Node;
use annona_node::seal::random;
use annona_node::{atomic, counter};
use clap::Args;
use serde_json::json;

use super::slip::{self, Slip};
use super::{decider, say, sealed, short};
use crate::fault::{Fault, Outcome};
use crate::pay::turned;
use crate::session::{Session, Spoken};
use crate::signer::Operator;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance open --text complaint.txt --decider Relief --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona grievance open --text complaint.txt --slip 3C1F-90A2-77D0-0B1E --decider City --dry-run \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona grievance open --text complaint.txt --decider Relief --sensitive --reader hill \\
      --out complaint.sealed --operator mara.keys --operator-passphrase-file pass.txt";

/// The longest complaint, in bytes.
pub(super) const MOST: usize = 64 * 1024;

/// Takes a complaint: on the ledger stands that there is one, who decides it and by when; its text and whose it is do not.
///
/// The paper it was written on goes to whoever decides, with the digits printed here and the code that proves it is the
/// one meant. Nothing else leads from the ledger to it.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Open {
    /// The complaint as it was written down
    #[arg(long, value_name = "FILE")]
    text: PathBuf,
    /// The number of her slip, where she was refused something: it goes with the text
    #[arg(long, value_name = "NUMBER")]
    slip: Option<String>,
    /// The organisation that decides it
    #[arg(long, value_name = "ORG")]
    decider: String,
    /// In how many days
    #[arg(long, value_name = "N", default_value_t = 14)]
    days: u32,
    /// The node whose people read it: its 16 digits, or the name of its site
    #[arg(long, value_name = "NODE", requires = "out")]
    reader: Option<String>,
    /// Where to write it, sealed to its reader
    #[arg(long, value_name = "FILE", requires = "reader")]
    out: Option<PathBuf>,
    /// It is about this site's own people, or about harm: its reader stands at another site, and here is shown a ticket
    /// number and nothing else
    #[arg(long, requires = "reader")]
    sensitive: bool,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    spoken: Spoken,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be written; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Open {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        session.speak(&self.spoken);
        let text = atomic::read(&self.text, MOST)?;
        if text.is_empty() {
            return Err(Fault::file(&self.text, "the complaint is empty."));
        }
        // What was written down, and no picture of a face or a finger, by itself or after some words.
        let words = std::str::from_utf8(&text)
            .map_err(|_| Fault::file(&self.text, "the complaint is not UTF-8 text."))?;
        words::plain("the complaint", words)?;
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let org = node.org().unwrap_or(about.org);
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        signer.may(&node, &[org], (Duty::GrievanceOpen, programme), at)?;
        let (decider, days) = (decider(&node, &self.decider)?, self.days);
        let refused = self.slip.as_deref().map(|text| refused(&node, programme, text));
        let refused = refused.transpose()?;
        let text = match &refused {
            Some(number) => zeroize::Zeroizing::new(
                [format!("slip {number}\n\n").as_bytes(), text.as_slice()].concat(),
            ),
            None => text,
        };
        if !self.dry_run
            && let Some(left) = slip::left(&node)?
        {
            if left.is_of(&text) {
                // The same once more, since nobody saw its slip: there is one complaint, and this is its slip.
                self.print(session, &left, decider, refused.as_deref())?;
                slip::forget(&node)?;
                return Ok(node.close()?);
            }
            slip::tell(session, &node, &left)?;
        }
        let reader = self.reader(&node)?;
        let mut bytes: [u8; 32] = random()?;
        let kept = zeroize::Zeroizing::new(bytes);
        let complaint = random_commitment(&Secret::take(&mut bytes), &text);
        let slip = Slip::of(complaint, (!self.sensitive).then_some(*kept), &text);
        if !self.dry_run {
            slip.keep(&node)?;
            if let (Some(to), Some(out)) = (&reader, &self.out) {
                // The file first: an entry of which nobody has the text could never be decided.
                let file = sealed::seal(&node.federation()?, &complaint, to, (&kept, &text))?;
                atomic::write(out, &file)?;
            }
            let said = say(&mut node, programme, complaint, &signer, |on| GrievanceStep::Opened {
                decider,
                due: on.plus(days),
            });
            if let Err(fault) = said {
                // Where it is not known whether it was written, the next look at the ledger tells, and prints the slip.
                if !slip::is_written(&node, &complaint)? {
                    slip::forget(&node)?;
                    self.out.as_deref().map_or(Ok(()), atomic::destroy)?;
                }
                return Err(fault);
            }
        }
        // Before anything else that may fail: it is written, and she must have its code.
        self.print(session, &slip, decider, refused.as_deref())?;
        slip::forget(&node)?;
        // Of a sensitive one nothing is to be seen here, not even what it is about.
        if let Some(number) = refused.filter(|_| !self.dry_run && !self.sensitive) {
            super::about(&node, &complaint, &number)?;
        }
        Ok(node.close()?)
    }

    fn print(
        &self,
        session: &Session,
        slip: &Slip,
        decider: OrgId,
        refused: Option<&str>,
    ) -> Outcome {
        let name = short(&slip.complaint);
        let Some(code) = slip.code() else {
            let value = json!({ "ticket": name, "days": self.days, "written": !self.dry_run });
            return session.screen.answer("ticket", value, || {
                let papers = session.papers();
                let within = (papers.within_days, self.days.to_string());
                papers.rows([(papers.complaint, name), within]).trim_end().to_owned()
            });
        };
        let days = self.days;
        let value = json!({
            "complaint": slip.complaint.to_string(), "code": code, "decider": decider,
            "days": days, "written": !self.dry_run, "slip": refused,
        });
        session.screen.answer("grievance", value, || {
            let decider = self.decider.clone();
            if self.dry_run {
                return format!(
                    "Complaint {name} would be for {decider} to decide within {days} days."
                );
            }
            let papers = session.papers();
            let complaint = (papers.complaint, name);
            let decided = (papers.decided_by, decider);
            let within = (papers.within_days, days.to_string());
            let code = (papers.code, code);
            let page = match refused {
                Some(number) => {
                    let about = (papers.slip, number.to_owned());
                    papers.rows([complaint, about, decided, within, code])
                }
                None => papers.rows([complaint, decided, within, code]),
            };
            page.trim_end().to_owned()
        })
    }

    /// The key of the node that reads it.
    fn reader(&self, node: &Node) -> Outcome<Option<[u8; 32]>> {
        let Some(name) = &self.reader else { return Ok(None) };
        let reader = words::reader(node, name)?;
        let own = node.certificate().map(|certificate| certificate.site);
        if self.sensitive && own == Some(reader.site) {
            return Err(Fault::refused("a sensitive complaint is read at another site than this.")
                .then("Name a node outside: `annona node show`."));
        }
        Ok(Some(reader.sealing))
    }
}

/// The whole number of a slip, where the ledger here knows that somebody was refused by it.
fn refused(node: &Node, programme: ProgrammeId, text: &str) -> Outcome<String> {
    let begins: [u8; 8] = words::unhex("the number of the slip", &code(text))?;
    let work = node.store().look()?;
    let found = counter::refusal(&work, programme, &begins)?;
    let (slip, ..) = found.ok_or_else(|| {
        Fault::input(format!("no slip {text} was given out here, as far as is known.")).then(
            "Read it again. Another site's comes with a sync; until then write its number into the text, and leave --slip out.",
        )
    })?;
    Ok(turned::number(&slip))
}
