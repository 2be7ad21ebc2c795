//! `annona consent`: what people agreed to, who was shown what of them, and taking it back.

mod answer;
mod ask;
mod give;
mod list;
mod log;
pub(crate) mod open;
mod read;
mod reply;
mod show;
mod take;
mod withdraw;

use std::sync::Arc;

use annona_ledger::charter::Charter;
use annona_ledger::consent::{Attribute, Attributes, Grant, GrantId, Purpose};
use annona_ledger::digits::{code, typed};
use annona_ledger::time::{DayNo, Millis, Minute};
use annona_node::consent::{self, Consent, Permit};
use annona_node::node::Node;
use annona_node::papers::Papers;
use annona_node::vault::{HouseholdId, Vault};
use clap::Subcommand;

use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;
use crate::words::{hex, print_date, print_day, print_last, unhex};

const EXAMPLES: &str = "\
Examples:
  $ annona consent give 1 --purpose referral --to Water --attributes name,age_band \\
      --notice notice-sw.txt --language sw --operator mara.keys --operator-passphrase-file pass.txt
  $ annona consent list 1
  $ annona consent log 1
  $ annona consent withdraw 1/1 --operator mara.keys --operator-passphrase-file pass.txt";

/// Consent: given for one purpose and recipient, checked before anything is shown, listed for the person, taken back.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Consenting {
    Give(give::Give),
    Withdraw(withdraw::Withdraw),
    Take(take::Take),
    List(list::List),
    Log(log::Log),
    Show(show::Show),
    Open(open::Open),
    Ask(ask::Ask),
    Reply(reply::Reply),
    Read(read::Read),
}

impl Consenting {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Give(command) => command.run(session),
            Self::Withdraw(command) => command.run(session),
            Self::Take(command) => command.run(session),
            Self::List(command) => command.run(session),
            Self::Log(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Open(command) => command.run(session),
            Self::Ask(command) => command.run(session),
            Self::Reply(command) => command.run(session),
            Self::Read(command) => command.run(session),
        }
    }
}

/// A consent by its number, or as FAMILY/N: the Nth of a family's list.
pub(crate) fn find(vault: &Vault, text: &str) -> Outcome<Consent> {
    let unknown = || {
        Fault::input(format!("no consent \"{text}\" is kept here."))
            .then("`annona consent list FAMILY` tells which there are.")
    };
    if let Some((family, number)) = text.rsplit_once('/') {
        let id = holder::find(vault, family)?;
        let number: usize = typed(number).trim().parse().map_err(|_| unknown())?;
        let all = consent::list(vault, id)?;
        return number.checked_sub(1).and_then(|at| all.into_iter().nth(at)).ok_or_else(unknown);
    }
    let scanned = consent::read_slip_code(&typed(text)).map(|(id, _)| id);
    let id = match scanned {
        Some(id) => id,
        None => GrantId(unhex("the number of a consent", &code(text))?),
    };
    consent::find(vault, &id)?.ok_or_else(unknown)
}

/// What is kept here of a family's consents, as it is listed for her.
struct Hers {
    node: Node,
    charter: Arc<Charter>,
    vault: Vault,
    id: HouseholdId,
    today: DayNo,
    /// As of when others were heard, in words.
    as_of: String,
    /// What stands on the ledger as shown and is not known to have been.
    cut: Vec<Permit>,
}

impl Hers {
    fn open(session: &Session, family: &str) -> Outcome<Self> {
        let node = session.node()?;
        let charter = node.store().charter()?.clone();
        let vault = session.vault(&node)?;
        let id = holder::find(&vault, family)?;
        let (today, as_of) = heard(&node, session.now())?;
        let cut = consent::unshown(&node, &vault, id)?;
        Ok(Self { node, charter, vault, id, today, as_of, cut })
    }

    fn last(&self, day: DayNo) -> String {
        last(&self.charter, day)
    }

    fn date(&self, day: DayNo) -> String {
        date(&self.charter, day)
    }

    /// Ends the list: what is to be done, and as of when it is.
    fn close(self, session: &Session) -> Outcome {
        unfinished(session, &self.cut);
        session.screen.note(format!("List as of {}; {}.", print_date(session.now()), self.as_of));
        Ok(self.node.close()?)
    }
}

/// What stands on the ledger as shown and is not known to have been, and how it is shown without another use.
fn unfinished(session: &Session, cut: &[Permit]) {
    for permit in cut {
        let d = permit.disclosure();
        let may = if permit.was_opening() { "may never have been" } else { "never was" };
        session.screen.warn(format!(
            "{} for {} is written down as shown to {} and {may}: the power failed. It is shown under the same line, and \
             no use is lost, by `annona consent reply` with the same request, or by `annona consent open {} --for {} \
             --purpose {} --attributes {} --out FILE`.",
            d.attributes,
            d.purpose.word(),
            hex(&d.node),
            d.grant,
            hex(&d.node),
            d.purpose.word(),
            d.attributes.iter().map(|one| one.word()).collect::<Vec<_>>().join(","),
        ));
    }
}

pub(crate) fn purpose(text: &str) -> Outcome<Purpose> {
    Purpose::of(text).ok_or_else(|| {
        let all: Vec<_> = Purpose::ALL.iter().map(|one| one.word()).collect();
        Fault::input(format!("there is no purpose \"{text}\"; there are: {}.", all.join(", ")))
    })
}

pub(crate) fn attributes(words: &[String]) -> Outcome<Attributes> {
    let one = |word: &String| {
        Attribute::of(word).ok_or_else(|| {
            let all: Vec<_> = Attribute::ALL.iter().map(|one| one.word()).collect();
            Fault::input(format!(
                "there is no attribute \"{word}\"; there are: {}.",
                all.join(", ")
            ))
        })
    };
    words.iter().map(one).collect::<Outcome<Vec<_>>>().map(Attributes::of)
}

/// The sentences of a consent's paper: in the language the command names, or the one in which the notice was read to her,
/// or that of the site.
fn papers(session: &Session, grant: &Grant) -> &'static Papers {
    match session.tongue.get() {
        Some(tongue) => tongue.0,
        None => Papers::of(&grant.notice.language.tag()).unwrap_or_else(|| {
            let (tag, papers) = (grant.notice.language.tag(), session.papers());
            session.screen.note(format!(
                "There are no papers in \"{tag}\", in which the notice was read: this one is in \"{}\". Read it to her; \
                 --language names another.",
                papers.tag
            ));
            papers
        }),
    }
}

/// A day since founding as dates at the site.
pub(crate) fn date(charter: &Charter, day: DayNo) -> String {
    print_day(day, charter.founded())
}

/// The last day, by the clock at the site, to whose end a consent holds that counts until then.
pub(crate) fn last(charter: &Charter, day: DayNo) -> String {
    print_last(day, charter.founded())
}

/// The day it is, and as of when this node has heard of others: what was taken back elsewhere since is not known here.
fn heard(node: &Node, now: Millis) -> Outcome<(DayNo, String)> {
    let charter = node.store().charter()?;
    let today = DayNo::of(Minute::of(now, charter.founded()));
    let work = node.store().look()?;
    let others = work.heard_of_others(&node.public());
    work.check()?;
    let as_of = others.map_or_else(
        || "nothing was heard of other nodes yet".to_owned(),
        |others| format!("other nodes heard as of {}", date(charter, DayNo::of(others.agreed))),
    );
    Ok((today, as_of))
}
