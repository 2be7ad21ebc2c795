//! `annona card`: printed cards that anybody can check, credentials that show attributes, and short codes by which a family
//! is found at a counter.

mod against;
mod cancel;
mod check;
pub(crate) mod credential;
mod end;
mod issue;
pub(crate) mod paper;
mod print;
mod publish;
mod reissue;
mod reprint;
mod tries;
mod wallet;

use annona_ledger::charter::Charter;
use annona_ledger::cut;
use annona_ledger::id::{CarrierId, ProgrammeId};
use annona_ledger::short_code::ShortCode;
use annona_ledger::view::View;
use annona_node::credential::TrustList;
use annona_node::credential::register::Line;
use annona_node::credential::trust::of_federation;
use annona_node::keystore::{Name, Secret};
use annona_node::node::{Node, NodeFault};
use annona_node::vault::{HouseholdId, Vault};
use clap::Subcommand;

use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona card issue 1 --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card print 2 --out cards.html --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card check 7K3M-9QXD-2VHN
  $ annona card cancel --family 1 --operator mara.keys --operator-passphrase-file pass.txt";

/// Printed cards and short codes: they find a family and authenticate nobody.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Card {
    Issue(issue::Issue),
    Print(print::Print),
    Reprint(reprint::Reprint),
    Reissue(reissue::Reissue),
    Check(check::Check),
    Cancel(cancel::Cancel),
    Publish(publish::Publish),
    #[command(subcommand)]
    Credential(credential::Credential),
    Wallet(wallet::Wallet),
    Page(wallet::Page),
}

impl Card {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Issue(command) => command.run(session),
            Self::Print(command) => command.run(session),
            Self::Reprint(command) => command.run(session),
            Self::Reissue(command) => command.run(session),
            Self::Check(command) => command.run(session),
            Self::Cancel(command) => command.run(session),
            Self::Publish(command) => command.run(session),
            Self::Credential(command) => command.run(session),
            Self::Wallet(command) => command.run(session),
            Self::Page(command) => command.run(session),
        }
    }
}

pub(crate) use end::{counting, end_all, kinds};

/// Whose cards are believed, by what is known here: registrars that stand; and those that ended, whose cards are believed
/// where the ledger has them.
pub(crate) fn trusted(charter: &Charter, view: &impl View) -> (TrustList, TrustList) {
    of_federation(charter, view.roster(), |feed| cut::lowest(view, feed).is_some())
}

/// What a code is called on the ledger, in a programme.
pub(crate) fn carrier(node: &Node, code: &ShortCode, programme: ProgrammeId) -> Outcome<CarrierId> {
    let key = node.keys().get(Name::Vault).and_then(Secret::as_seed);
    Ok(code.carrier(key.ok_or(NodeFault::NoKey("key of the person file"))?, programme))
}

/// The short code beside a printed card.
pub(crate) fn code_of(line: &Line) -> Option<ShortCode> {
    line.code.map(|bytes| ShortCode::new(u64::from_be_bytes(bytes) >> 10))
}

/// What a code may be called on the ledger: one name in each programme.
pub(crate) fn carriers(node: &Node, code: &ShortCode) -> Outcome<Vec<(ProgrammeId, CarrierId)>> {
    let charter = node.store().charter()?;
    charter.programmes().map(|(id, _)| Ok((id, carrier(node, code, id)?))).collect()
}

/// Counts a code nobody has, where it was looked up without [`family`]; refused while this node waits.
pub(crate) fn unknown(node: &Node) -> Outcome {
    tries::check(node)?;
    tries::unknown(node)
}

/// The family a code was given to, where the ledger has not heard that it was cancelled: a person file that was put back
/// knows what was lost since. Unknown codes are counted: after five within ten minutes none is looked at for half a
/// minute, so that nobody finds a family by trying.
pub(crate) fn family(node: &Node, vault: &Vault, text: &str) -> Outcome<(ShortCode, HouseholdId)> {
    let (code, id) = given(node, vault, text)?;
    let work = node.store().look()?;
    let names = carriers(node, &code)?;
    let lost = names.iter().any(|(programme, carrier)| work.cancelled(*programme, carrier));
    work.check()?;
    if lost { Err(holder::unknown_code()) } else { Ok((code, id)) }
}

/// As [`family`], of a code that may be cancelled.
fn given(node: &Node, vault: &Vault, text: &str) -> Outcome<(ShortCode, HouseholdId)> {
    tries::check(node)?;
    // A code that is misread is no try at another's: it names nobody.
    let code: ShortCode = text
        .parse()
        .map_err(|why: annona_ledger::short_code::NotACode| Fault::input(format!("{why}.")))?;
    match vault.household_by_card(&code.bytes())? {
        Some(id) => Ok((code, id)),
        None => {
            tries::unknown(node)?;
            Err(holder::unknown_code())
        }
    }
}
