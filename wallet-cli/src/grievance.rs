//! `annona grievance`: complaints, their clocks, who decided them, and appeals to somebody else.

mod appeal;
mod decide;
mod list;
mod open;
mod read;
mod refer;
mod sealed;
mod slip;

use annona_ledger::consent::{GrievanceStep, People, Standing, Told, standing};
use annona_ledger::digits::code;
use annona_ledger::id::{Commitment, Lane, OrgId, ProgrammeId};
use annona_ledger::time::{DayNo, Minute};
use annona_ledger::view::View;
use annona_node::consent;
use annona_node::node::Node;
use clap::Subcommand;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Signer;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance open --text complaint.txt --decider Relief --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona grievance list";

/// Complaints: made at any desk, decided by a person who answers for it, appealed to another.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Grievance {
    Open(open::Open),
    List(list::List),
    Decide(decide::Decide),
    Appeal(appeal::Appeal),
    Refer(refer::Refer),
    Read(read::Read),
}

impl Grievance {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Open(command) => command.run(session),
            Self::List(command) => command.run(session),
            Self::Decide(command) => command.run(session),
            Self::Appeal(command) => command.run(session),
            Self::Refer(command) => command.run(session),
            Self::Read(command) => command.run(session),
        }
    }
}

/// A complaint the ledger knows of.
struct Known {
    commitment: Commitment,
    programme: ProgrammeId,
    stands: Standing,
}

/// Every complaint, as it stands as far as was heard.
fn all(node: &Node) -> Outcome<Vec<Known>> {
    let federation = node.federation()?;
    let work = node.store().look()?;
    let told = work.all_told();
    work.check()?;
    let opened = |told: &Told| match told.people() {
        Some(People::Grievance { commitment, step: GrievanceStep::Opened { .. }, .. }) => {
            Some((*commitment, told.programme))
        }
        _ => None,
    };
    let mut names: Vec<(Commitment, ProgrammeId)> = told.iter().filter_map(opened).collect();
    names.sort_unstable();
    names.dedup();
    let roster = node.store().roster();
    let known = |(commitment, programme): (Commitment, ProgrammeId)| Known {
        commitment,
        programme,
        stands: standing(&federation, roster, commitment, &work.told(&commitment)),
    };
    Ok(names.into_iter().map(known).collect())
}

/// The complaint whose digits begin so: as they stand on its slip.
fn find(node: &Node, text: &str) -> Outcome<Known> {
    let digits: String = code(text).to_lowercase();
    let unknown = || {
        Fault::input(format!("no complaint \"{text}\" is known here."))
            .then("`annona grievance list` tells which there are; another site's come with a sync.")
    };
    if digits.len() < 8 {
        return Err(Fault::input("give at least eight digits of the complaint's slip."));
    }
    let mut found =
        all(node)?.into_iter().filter(|one| one.commitment.to_string().starts_with(&digits));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(Fault::input("several complaints begin so: give more digits.")),
        (None, _) => Err(unknown()),
    }
}

/// The day it is on the feed a step would stand on.
fn today(node: &Node, programme: ProgrammeId) -> Outcome<DayNo> {
    let feed = node.feed(Lane::Registry, programme);
    let at: Minute = node.stamp(&feed)?;
    Ok(DayNo::of(at))
}

fn say(
    node: &mut Node,
    programme: ProgrammeId,
    commitment: Commitment,
    signer: &Signer,
    step: impl FnMut(DayNo) -> GrievanceStep + Send,
) -> Outcome<DayNo> {
    let mut step = step;
    Ok(consent::say(node, programme, Some(signer.key()), move |on| People::Grievance {
        commitment,
        step: step(on),
        on,
    })?)
}

fn decider(node: &Node, text: &str) -> Outcome<OrgId> {
    let charter = node.store().charter()?;
    Ok(words::organisation(charter, text)?.id)
}

/// Notes which refusal a complaint is about: here, and never on the ledger, where the two would lead to each other.
fn about(node: &Node, complaint: &Commitment, slip: &str) -> Outcome {
    Ok(node.store().set_meta(&format!("about:{complaint}"), slip.as_bytes())?)
}

/// The number of the slip a complaint taken here is about.
fn slip_of(node: &Node, complaint: &Commitment) -> Outcome<Option<String>> {
    let number = node.store().meta(&format!("about:{complaint}"))?;
    Ok(number.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// The first digits of a complaint, as they are read out.
fn short(commitment: &Commitment) -> String {
    commitment.to_string().chars().take(16).collect()
}
