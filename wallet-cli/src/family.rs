//! `annona family`: who is registered at this site. Names stay in its sealed person file; the ledger knows pseudonyms.

mod add;
mod birth;
mod change;
mod collector;
mod death;
mod duplicates;
mod enrol;
mod fields;
mod find;
mod form;
mod happened;
mod import;
mod keys;
mod lend;
mod list_fields;
mod merge;
mod overlap;
mod pin;
mod retention;
mod show;
mod split;
mod told;

pub(crate) use fields::{closed, key};
pub(crate) use keys::tell_unreadable;
pub(crate) use lend::take as take_pins;
pub(crate) use show::open;

use clap::Subcommand;

use crate::fault::Outcome;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family add --from tesfaye.family --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family find - < words.txt
  $ annona family import camp.csv --map camp.toml --dry-run";

/// Families: add, find, show and change them one by one, or import a registration file.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Family {
    Add(add::Add),
    Find(find::Find),
    Show(show::Show),
    Change(change::Change),
    Birth(birth::Birth),
    Death(death::Death),
    Split(split::Split),
    Merge(merge::Merge),
    Import(import::Import),
    Fields(list_fields::Fields),
    Pin(pin::Pin),
    Retention(retention::Retention),
    #[command(subcommand)]
    Keys(keys::Keys),
    LendPins(lend::Lend),
    TakePins(lend::Take),
    Collector(collector::Collector),
    #[command(subcommand)]
    Duplicates(duplicates::Duplicates),
    #[command(subcommand)]
    Overlap(overlap::Overlap),
}

impl Family {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Add(command) => command.run(session),
            Self::Find(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Change(command) => command.run(session),
            Self::Birth(command) => command.run(session),
            Self::Death(command) => command.run(session),
            Self::Split(command) => command.run(session),
            Self::Merge(command) => command.run(session),
            Self::Import(command) => command.run(session),
            Self::Fields(command) => command.run(session),
            Self::Pin(command) => command.run(session),
            Self::Retention(command) => command.run(session),
            Self::Keys(command) => command.run(session),
            Self::LendPins(command) => command.run(session),
            Self::TakePins(command) => command.run(session),
            Self::Collector(command) => command.run(session),
            Self::Duplicates(command) => command.run(session),
            Self::Overlap(command) => command.run(session),
        }
    }
}
