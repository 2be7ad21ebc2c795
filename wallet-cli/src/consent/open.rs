use std::path::PathBuf;

use annona_ledger::charter::Charter;
use annona_ledger::duty::Duty;
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::time::{DayNo, Minute};
use annona_node::consent::{self, Asking, Permit};
use annona_node::letters::About;
use annona_node::node::Node;
use annona_node::person::Date;
use annona_node::vault::Vault;
use clap::Args;
use serde_json::json;

use super::{answer, attributes, date, find, heard, purpose};
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::letter::Paper;
use crate::session::Session;
use crate::signer::{Operator, Signer};
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona consent open 1/1 --for hill --purpose referral --attributes name --out amina.opened \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona consent open 1/1 --for hill --purpose referral --attributes name --dry-run \\
      --out amina.opened --operator mara.keys --operator-passphrase-file pass.txt";

/// Opens attributes of a person for another node, under a consent that covers it, into a file only that node reads.
///
/// The disclosure is durable on the ledger before anything is opened, and stands in her list (`annona consent log`).
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Open {
    /// The consent: FAMILY/N, or its number
    consent: String,
    /// The node that asks: its 16 digits, or the name of its site
    #[arg(long = "for", value_name = "NODE")]
    asker: String,
    /// What for
    #[arg(long, value_name = "PURPOSE")]
    purpose: String,
    /// Which attributes
    #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
    attributes: Vec<String>,
    /// Where to write what is opened, sealed to the asking node
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    operator: Operator,
    /// Ask whether it would be opened; write and open nothing
    #[arg(long)]
    dry_run: bool,
}

impl Open {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        let known = find(&vault, &self.consent)?;
        let programme = known.grant.programme;
        let at = served(&node, &signer, (Duty::ConsentOpen, programme))?;
        let asker = words::node(node.store().roster(), &self.asker)?.short();
        let asking = Asking {
            grant: known.grant.id,
            node: asker,
            purpose: purpose(&self.purpose)?,
            attributes: attributes(&self.attributes)?,
        };
        if self.dry_run {
            consent::would_open(&node, &vault, &asking)?;
            node.close()?;
            let words = "It would be opened. Nothing was.";
            return dry_run::would(session, "disclosure", json!({}), words);
        }
        let permit = consent::permit(&mut node, &mut vault, &asking, signer.key())?;
        release(session, &node, &mut vault, (permit, at), &asking, &Paper::file(self.out))?;
        Ok(node.close()?)
    }
}

/// Makes sure that an operator may open records for a programme, as a duty of hers; gives the stamp of now.
pub(crate) fn served(node: &Node, signer: &Signer, role: (Duty, ProgrammeId)) -> Outcome<Minute> {
    let at = node.stamp(&node.feed(Lane::Registry, role.1))?;
    let orgs = node.org();
    signer.may(node, orgs.as_slice(), role, at)?;
    Ok(at)
}

/// Opens what is asked under a permit, into a file for the asking node. What was written down before and never shown is
/// shown now under the same line: no use is lost to a power cut.
pub(super) fn release(
    session: &Session,
    node: &Node,
    vault: &mut Vault,
    (permit, at): (Permit, Minute),
    asking: &Asking,
    paper: &Paper,
) -> Outcome {
    let charter = node.store().charter()?.clone();
    let unknown = || Fault::refused("the asking node has no certificate here.");
    let sealing = node.store().roster().node(&asking.node).ok_or_else(unknown)?.sealing;
    let (_, as_of) = heard(node, session.now())?;
    let commitment = permit.commitment();
    let day = date_of(&charter, at)?;
    let (shown, showing) = permit.open(vault, day)?;
    let opened = answer::words(&shown, &date(&charter, shown.disclosure.on), &as_of);
    let sealed = answer::KIND.seal(&node.federation()?, &commitment, &sealing, &opened)?;
    let about = consent::find(vault, &asking.grant)?
        .map(|known| About { family: known.household, consent: known.commitment() });
    paper.put(node, &asking.node, &sealed, about)?;
    showing.done(vault)?;
    let asker = words::hex(&asking.node);
    let value = json!({
        "disclosure": commitment.to_string(), "for": asker,
        "attributes": asking.attributes.iter().map(|a| a.word()).collect::<Vec<_>>(),
    });
    session.screen.answer("disclosure", paper.value(value), || {
        let (purpose, out) = (asking.purpose.word(), paper.words());
        format!("{} opened for {asker}, {purpose}: {out}", asking.attributes)
    })
}

/// The date of a day, for ages: in UTC, so that every site tells the same.
pub(crate) fn date_of(charter: &Charter, at: Minute) -> Outcome<Date> {
    let date = words::date(DayNo::of(at).first().begins(charter.founded()));
    date.ok_or_else(|| Fault::input("the clock shows a day outside 1850 to 2200."))
}
