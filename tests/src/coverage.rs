//! What a run tried, so that a set of seeds that no longer reaches something is noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use annona_ledger::day::Day;
use annona_ledger::entry::{Control, Entry, Owner, Registry, Value};
use annona_ledger::notice::Roles;
use annona_ledger::rejection::Rejection;
use annona_ledger::settlement::{Settling, Step};
use annona_ledger::ticket::{Moved, Ticket};
use annona_ledger::time::Minute;
use annona_ledger::view::Fault;

use crate::cast::Person;

/// How often each thing happened in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(pub BTreeMap<String, u64>);

/// The kinds of entry, and what else a set of seeds has to show.
pub const KINDS: &[&str] = &[
    "merchant",
    "issue",
    "send",
    "send budget",
    "send float",
    "send reserve",
    "return",
    "claim",
    "claim budget",
    "claim cover",
    "redeem",
    "hold",
    "post",
    "drop",
    "basket",
    "refund",
    "float redeem",
    "float cover",
    "enrol",
    "bind card",
    "cancel card",
    "list",
    "fault seen",
    "end",
    "claim release",
    "revoke",
    "clock answer",
    "cycle key",
    "erasure seen",
    "consent given",
    "consent withdrawn",
    "disclosed",
    "erased",
    "refused slip",
    "pair looked at",
    "complaint opened",
    "complaint referred",
    "complaint decided",
    "complaint appealed",
    "appeal decided",
    "complaint taken back",
    "orphan",
    "day open",
    "day close",
    "settle stretch",
    "settle rows",
    "settle draft",
    "settle verified",
    "settle approved",
    "settle paid",
    "settle disputed",
];

/// What the world does besides.
pub const EVENTS: &[&str] = &[
    "seal",
    "bundle lost",
    "bundle found",
    "bundle found after weeks",
    "copied card at two sites",
    "one card at two sites in a day",
    "bundle delivered",
    "bundle twice",
    "bundle partial",
    "bundle shuffled",
    "partition",
    "crash",
    "clock 1970",
    "clock 2099",
    "late papers",
    "tampered",
    "block waits",
    "block new",
    "block known",
    "decline",
    "carried on paper",
    "shown at the wrong site",
    "shown twice",
    "fork",
    "fork proven",
    "meeting",
    "met",
    "met and cut",
    "mint",
    "overdraw",
    "lie",
    "fire",
    "new incarnation",
    "crash before the answer",
    "clock three years ahead",
    "clock three days behind",
    "history told in four orders",
    "tour",
    "fence",
    "fence again",
    "release exact",
    "release early",
    "close",
    "article refused",
    "checkpoint",
    "sent back from above a cut",
    "orphan of a site that is gone",
    "orphan told by a receipt",
    "what was shown came",
    "a day's statement was wrong",
    "a settlement was hurried",
    "paid",
    "cut twice around a ticket",
    "charter forked",
    "charter healed",
    "came over to the branch kept",
    "label Good",
    "label Late",
    "label Tainted",
    "label AfterEnd",
    "node: treasury",
    "node: both programmes",
    "node: one programme",
    "node: certificate ends",
    "node: small site",
    "node: only registers",
    "node: only serves",
];

/// What is counted, and not asked for: too seldom, or no matter of its own.
pub const SELDOM: &[&str] = &[
    "clock off",
    "clock set right",
    "a draft held nothing any more",
    "article kept aside",
    "node: site",
    "payer refuses a reference again",
];

/// The faults a node that writes anything can be shown to have.
pub const FAULTS: &[Fault] = &Fault::ALL;

/// Rejections that no run can meet, and why.
pub const LEFT_OUT: [(Rejection, &str); 3] = [
    (
        Rejection::TooLarge,
        "no entry that this program spells is too large: ledger/src/admit/tests.rs",
    ),
    (
        Rejection::UnknownKind,
        "nothing writes a kind of a later version: tests/it/scenarios/rules.rs, S36",
    ),
    (
        Rejection::UnknownProgramme,
        "a certificate names only programmes that the charter has: ledger/src/admit/tests.rs",
    ),
];

/// The rejections that a set of seeds has to show: all but those [`LEFT_OUT`].
pub fn rejections() -> impl Iterator<Item = Rejection> {
    let left_out = |one: &Rejection| LEFT_OUT.iter().any(|(other, _)| other == one);
    Rejection::ALL.into_iter().filter(move |one| !left_out(one))
}

impl Coverage {
    /// Counts something.
    pub fn note(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    /// Counts a rejection.
    pub fn refused(&mut self, rejection: Rejection) {
        self.note(&refusal(rejection));
    }

    /// Counts a fault that was noted.
    pub fn fault(&mut self, fault: Fault) {
        self.note(&shown(fault));
    }

    /// Counts a node by what it is.
    pub fn node(&mut self, number: usize, person: &Person) {
        let certificate = &person.certificate;
        self.note(if number == 0 { "node: treasury" } else { "node: site" });
        let both = certificate.programmes.len() > 1;
        self.note(if both { "node: both programmes" } else { "node: one programme" });
        match certificate.roles {
            Roles::REGISTRAR => self.note("node: only registers"),
            Roles::MERCHANT => self.note("node: only serves"),
            _ => self.note("node: small site"),
        }
        if certificate.not_after != Minute::NEVER {
            self.note("node: certificate ends");
        }
    }

    /// Counts an entry.
    pub fn wrote(&mut self, entry: &Entry) {
        self.note(kind(entry));
    }
}

fn refusal(rejection: Rejection) -> String {
    format!("refused {:02} {rejection:?}", rejection.code())
}

fn shown(fault: Fault) -> String {
    format!("fault {:02} {fault:?}", fault as u8)
}

/// What an entry is called in [`KINDS`].
#[must_use]
pub fn kind(entry: &Entry) -> &'static str {
    match entry {
        Entry::Value(value) => match value {
            Value::Merchant { .. } => "merchant",
            Value::Issue { .. } => "issue",
            Value::Send(send) => match send.owner {
                Owner::Purse(_) => "send",
                Owner::Float => "send float",
                Owner::Reserve => "send reserve",
                // A purse's units on their way back, or a budget on its way out.
                Owner::Budget if send.expires.0 == 0 => "return",
                Owner::Budget => "send budget",
            },
            Value::Claim { ticket, .. } => match **ticket {
                Ticket::Budget { .. } => "claim budget",
                Ticket::Sent(sent, _) if matches!(sent.moved, Moved::Cover(_)) => "claim cover",
                Ticket::Sent(..) => "claim",
                Ticket::Release { .. } => "claim release",
            },
            Value::Redeem { .. } => "redeem",
            Value::Hold { .. } => "hold",
            Value::Post { .. } => "post",
            Value::Drop { .. } => "drop",
            Value::Basket { .. } => "basket",
            Value::Refund { .. } => "refund",
            Value::FloatRedeem { .. } => "float redeem",
            Value::FloatCover(_) => "float cover",
            Value::End { .. } => "end",
            Value::Orphan(_) => "orphan",
            Value::DayClose { day, .. } => match **day {
                Day::Open => "day open",
                Day::Close(_) => "day close",
            },
            Value::Settle { settling, .. } => match **settling {
                Settling::Stretch { .. } => "settle stretch",
                Settling::Rows { .. } => "settle rows",
                Settling::Draft { .. } => "settle draft",
                Settling::Step { step: Step::Verified, .. } => "settle verified",
                Settling::Step { step: Step::Approved, .. } => "settle approved",
                Settling::Step { step: Step::Paid, .. } => "settle paid",
                Settling::Step { step: Step::Disputed, .. } => "settle disputed",
            },
        },
        Entry::Registry(Registry::Enrol { .. }) => "enrol",
        Entry::Registry(Registry::CarrierBound { .. }) => "bind card",
        Entry::Registry(Registry::CarrierCancelled { .. }) => "cancel card",
        Entry::Registry(Registry::People(people)) => crate::workload::people::kind(people),
        Entry::Control(Control::ErasureSeen { .. }) => "erasure seen",
        Entry::Control(Control::List(_)) => "list",
        Entry::Control(Control::FaultSeen { .. }) => "fault seen",
        Entry::Control(Control::Revoke { .. }) => "revoke",
        Entry::Control(Control::ClockAnswer { .. }) => "clock answer",
        Entry::Control(Control::CycleKey(_)) => "cycle key",
        Entry::Later(_) => "later",
    }
}

/// In how many of a set of seeds each thing happened.
#[derive(Clone, Debug, Default)]
pub struct Table {
    seeds: u64,
    in_seeds: BTreeMap<String, u64>,
    times: BTreeMap<String, u64>,
}

impl Table {
    /// Adds one run.
    pub fn add(&mut self, run: &Coverage) {
        self.seeds += 1;
        for (what, times) in &run.0 {
            *self.in_seeds.entry(what.clone()).or_default() += 1;
            *self.times.entry(what.clone()).or_default() += times;
        }
    }

    /// What has to occur and occurs in under one in a hundred seeds.
    #[must_use]
    pub fn missing(&self) -> BTreeSet<String> {
        let kinds = KINDS.iter().chain(EVENTS).map(|kind| (*kind).to_owned());
        let wanted = kinds
            .chain(rejections().map(refusal))
            // A halt takes a program that does not exist yet: `scenarios/rules.rs`, S36.
            .chain(FAULTS.iter().filter(|f| **f != Fault::Halted).map(|f| shown(*f)));
        let seen = |what: &String| self.in_seeds.get(what).copied().unwrap_or(0);
        wanted.filter(|what| seen(what) == 0 || seen(what) * 100 < self.seeds).collect()
    }

    /// What occurred and stands in no list: a new kind of entry, rejection or event that nobody would miss.
    #[must_use]
    pub fn unlisted(&self) -> Vec<&str> {
        let known = |what: &str| {
            [KINDS, EVENTS, SELDOM].iter().any(|list| list.contains(&what))
                || rejections().any(|rejection| refusal(rejection) == what)
                || FAULTS.iter().any(|fault| shown(*fault) == what)
        };
        self.in_seeds.keys().map(String::as_str).filter(|what| !known(what)).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<34} {:>8} {:>12}", "what", "seeds", "times")?;
        for (what, seeds) in &self.in_seeds {
            let times = self.times.get(what).copied().unwrap_or(0);
            writeln!(f, "{what:<34} {seeds:>8} {times:>12}")?;
        }
        Ok(())
    }
}
