use std::path::PathBuf;

use annona_ledger::consent::{GrievanceStep, Secret, random_commitment};
use annona_ledger::duty::Duty;
use annona_ledger::id::{Lane, OrgId};
use annona_node::atomic;
use annona_node::node::Node;
use annona_node::seal::random;
use clap::Args;
use serde_json::json;

use super::slip::{self, Slip};
use super::{decider, say, sealed, short};
use crate::fault::{Fault, Outcome};
use crate::session::{Session, Spoken};
use crate::signer::Operator;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance open --text complaint.txt --decider Relief --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona grievance open --text complaint.txt --decider City --days 7 --dry-run \\
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
            return Err(Fault::input("the complaint is empty.").at(self.text.display()));
        }
        // What was written down, and no picture of a face or a finger, by itself or after some words.
        let words = std::str::from_utf8(&text).map_err(|_| {
            Fault::input("the complaint is not UTF-8 text.").at(self.text.display())
        })?;
        words::plain("the complaint", words)?;
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let org = node.org().unwrap_or(about.org);
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        signer.may(&node, &[org], (Duty::GrievanceOpen, programme), at)?;
        let (decider, days) = (decider(&node, &self.decider)?, self.days);
        if !self.dry_run
            && let Some(left) = slip::left(&node)?
        {
            if left.is_of(&text) {
                // The same once more, since nobody saw its slip: there is one complaint, and this is its slip.
                self.print(session, &left, decider)?;
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
        self.print(session, &slip, decider)?;
        slip::forget(&node)?;
        Ok(node.close()?)
    }

    fn print(&self, session: &Session, slip: &Slip, decider: OrgId) -> Outcome {
        let name = short(&slip.complaint);
        let Some(code) = slip.code() else {
            let value = json!({ "ticket": name, "written": !self.dry_run });
            return session.screen.answer("ticket", value, || format!("Ticket {name}"));
        };
        let days = self.days;
        let value = json!({
            "complaint": slip.complaint.to_string(), "code": code, "decider": decider,
            "days": days, "written": !self.dry_run,
        });
        session.screen.answer("grievance", value, || {
            let decider = self.decider.clone();
            if self.dry_run {
                return format!(
                    "Complaint {name} would be for {decider} to decide within {days} days."
                );
            }
            let papers = session.papers();
            let rows = [
                (papers.complaint, name),
                (papers.decided_by, decider),
                (papers.within_days, days.to_string()),
                (papers.code, code),
            ];
            papers.rows(rows).trim_end().to_owned()
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
        if self.out.as_ref().is_some_and(|out| out.exists()) {
            return Err(Fault::input("the file to write exists already: name another."));
        }
        Ok(Some(reader.sealing))
    }
}
