//! `annona audit`: one file, one command, no network and nobody's secret.

mod anomalies;
mod check_proof;
mod export;
mod log;
mod prove;
mod reconcile;
mod report;
mod sample;
mod stopped;
mod trace;
mod verify;

use std::path::Path;

use annona_ledger::audit::{Governed, Ground, Item, Options, Source, Verdict};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId, FeedRef, Lane, ProgrammeId};
use annona_node::audit::{AuditFile, Labels};
use annona_node::config::Zone;
use clap::{Args, Subcommand};

use crate::fault::{Fault, Outcome};
use crate::progress::Bar;
use crate::session::Session;
use crate::stop::LongWork;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona audit export today.audit
  $ annona audit verify camp.audit
  $ annona audit report camp.audit --out report.html";

/// Entries that are named where a short name fits several.
const NAMED: usize = 8;

/// Checks everything an outsider can check: hashes, signatures, quorums, and every rule of value.
#[derive(Args)]
#[command(before_help = EXAMPLES, arg_required_else_help = true)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Export(export::Export),
    Verify(verify::Verify),
    Prove(prove::Prove),
    CheckProof(check_proof::CheckProof),
    Trace(trace::Trace),
    Report(report::Report),
    Reconcile(reconcile::Reconcile),
    Anomalies(anomalies::Anomalies),
    Sample(sample::Sample),
    Log(log::Log),
}

impl Audit {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self.command {
            Command::Export(command) => command.run(session),
            Command::Verify(command) => command.run(session),
            Command::Prove(command) => command.run(session),
            Command::CheckProof(command) => command.run(session),
            Command::Trace(command) => command.run(session),
            Command::Report(command) => command.run(session),
            Command::Reconcile(command) => command.run(session),
            Command::Anomalies(command) => command.run(session),
            Command::Sample(command) => command.run(session),
            Command::Log(command) => command.run(session),
        }
    }
}

/// Opens an audit file. What is none is bad input and not a verdict on anybody.
fn open(path: &Path) -> Outcome<AuditFile> {
    let file = AuditFile::open(path)?;
    if file.federation().is_none() {
        let fault = Fault::input("this is no audit file of this version").at(path.display());
        return Err(
            fault.then("`annona audit export` makes one: ask who sent it for the file again.")
        );
    }
    Ok(file)
}

/// Audits a file on all cores, with progress; Ctrl-C ends it early, and the verdict says so.
fn audit(session: &Session, path: &Path, options: &Options) -> Outcome<(AuditFile, Verdict)> {
    let file = open(path)?;
    let size: u64 = file.sizes().values().sum();
    let long = LongWork::begin();
    let bar = std::sync::Mutex::new(Bar::new(&session.screen, "blocks"));
    // Blocks are counted as they are read; how many there are is not known, so bytes of an average one stand for them.
    let guess = size / 3_000;
    let progress = |blocks: u64| {
        if let Ok(mut bar) = bar.try_lock() {
            bar.set(blocks, guess.max(blocks));
        }
    };
    let cores = annona_node::audit::cores();
    let verdict = annona_node::audit::audit(&file, options, cores, &progress, long.flag());
    drop(bar);
    Ok((file, verdict))
}

/// By which clocks a command of the audit tells dates and hours.
#[derive(Args)]
struct Clocks {
    /// How far the sites' clocks are from UTC
    #[arg(long, value_name = "+HH:MM", default_value = "+00:00", allow_hyphen_values = true, value_parser = zone)]
    utc_offset: Zone,
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::try_from(text.to_owned())
}

/// What things of a file are called; digits, where nothing in it says.
fn labels(governed: &Governed, zone: Zone) -> Labels {
    let named = |ground: &Ground| Labels::of(&ground.charter, &ground.roster, zone);
    governed.ground().map(named).unwrap_or_default()
}

/// A federation by its 64 digits.
fn federation(text: Option<&str>) -> Outcome<Option<FederationId>> {
    let read = |text| words::unhex("the federation", text).map(|id| FederationId(Hash(id)));
    text.map(read).transpose()
}

/// An entry of a file, by its name as in [`named`].
fn entry<'a>(text: &'a str, file: &AuditFile) -> Outcome<(FeedRef, u64, Option<&'a str>)> {
    let has = |feed: &FeedRef, index: u64| {
        let mut found = false;
        let feeds = file.feeds();
        if let Some(id) = feeds.iter().find(|id| id.short() == *feed) {
            file.items(id, &mut |_, item| {
                found |= matches!(&item, Item::Block(block)
                    if (block.header.first..block.header.end().next).contains(&index));
                !found
            });
        }
        found
    };
    named(text, || file.feeds().iter().map(FeedId::short).collect(), has)
}

/// An entry by its whole name, as `pay list --json`, findings and samples print it: `8be8…/value/1#12`, perhaps with `:` and
/// the beginning of its hash behind, which is the last part of the answer. `1#12`, as a counter prints it, will do where one
/// of the value feeds of the programme has such an entry.
fn named(
    text: &str,
    feeds: impl FnOnce() -> Vec<FeedRef>,
    has: impl Fn(&FeedRef, u64) -> bool,
) -> Outcome<(FeedRef, u64, Option<&str>)> {
    let wrong = |why: &str| {
        Fault::input(format!(
            "\"{text}\" is not the whole name of an entry{why}. It has node, lane, programme and index, such as \
             8be807f6a1c2d3e4/value/1#12."
        ))
        .then(
            "`annona pay list --json` shows it as `name`. Of a file, `annona audit sample FILE --seed 1` prints some, and \
             `annona audit anomalies FILE` those to ask about.",
        )
    };
    let (feed, rest) = text.trim().split_once('#').ok_or_else(|| wrong(""))?;
    let (index, name) = match rest.split_once(':') {
        Some((index, name)) => (index, Some(name)),
        None => (rest, None),
    };
    let is_hash = |name: &str| {
        (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    if name.is_some_and(|name| !is_hash(name)) {
        return Err(wrong(": behind the colon stands the beginning of its hash, in digits 0 to f"));
    }
    let index = index.parse().map_err(|_| wrong(""))?;
    if let Ok(programme) = feed.parse().map(ProgrammeId) {
        let is_of = |of: &FeedRef| of.lane == Lane::Value && of.programme == programme;
        let mut fitting: Vec<FeedRef> = feeds().into_iter().filter(is_of).collect();
        if fitting.is_empty() {
            return Err(wrong(&format!(
                ", and the file has no value feed of programme {programme}"
            )));
        }
        if fitting.len() > 1 {
            fitting.retain(|feed| has(feed, index));
        }
        return match *fitting {
            [only] => Ok((only, index, name)),
            [] => Err(wrong(&format!(
                ", and no value feed of programme {programme} has an entry {index} in a sealed block here"
            ))),
            _ => {
                let all: Vec<String> =
                    fitting.iter().take(NAMED).map(|feed| format!("{feed}#{index}")).collect();
                let all = all.join(", ");
                Err(wrong(&format!(": {} feeds of the file have one ({all})", fitting.len())))
            }
        };
    }
    Ok((words::feed(feed).map_err(|_| wrong(""))?, index, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_entries_read_as_they_print() {
        let entry = |text: &str, feeds: &[&str]| {
            let feeds = || feeds.iter().map(|feed| words::feed(feed).expect("a feed")).collect();
            // The last of several has no such entry.
            let has = |feed: &FeedRef, _| feed.node[0] != 0xab;
            named(text, feeds, has).map(|(feed, index, _)| format!("{feed}#{index}"))
        };
        let (one, other) = ("8be807f6a1c2d3e4/value/1", "9be807f6a1c2d3e4/value/1");
        let (elsewhere, control) = ("8be807f6a1c2d3e4/value/2", "8be807f6a1c2d3e4/registry/1");
        let whole = entry("8be807f6a1c2d3e4/value/1#12:0011223344556677", &[]).expect("a name");
        assert_eq!(whole, format!("{one}#12"));
        assert_eq!(entry("1#12", &[one, elsewhere, control]).expect("one fits"), whole);
        let several = entry("1#12", &[one, other]).expect_err("two fit").message;
        assert!(several.contains(&whole) && several.contains(other), "{several}");
        let without = "abe807f6a1c2d3e4/value/1";
        assert_eq!(entry("1#12", &[one, without]).expect("one has it"), whole);
        let several = entry("1#12", &[one, other, without]).expect_err("two have it").message;
        assert!(several.contains("2 feeds of the file") && !several.contains(without), "{several}");
        let none = entry("1#12", &[without, without]).expect_err("none has it").message;
        assert!(none.contains("no value feed of programme 1 has an entry 12"), "{none}");
        assert!(entry("1#12", &[elsewhere]).is_err(), "none fits");
        for bad in [
            "",
            "1#",
            "8be807f6a1c2d3e4/value/1",
            "8be8/value/1#1",
            "x/value/1#1",
            "8be807f6a1c2d3e4/money/1#1",
            "8be807f6a1c2d3e4/value/1/2#1",
            "8be807f6a1c2d3e4/value/1#-1",
            "8be807f6a1c2d3e4/value/1#1:",
            "8be807f6a1c2d3e4/value/1#1:zz",
        ] {
            assert!(entry(bad, &[one]).is_err(), "{bad}");
        }
    }
}
