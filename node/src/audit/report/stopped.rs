//! What a report says of cuts, suspense, ends, releases, closes, stamps, checkpoints and finality.

use annona_ledger::amount::Amount;
use annona_ledger::audit::Verdict;
use annona_ledger::audit::verdict::{ClosedCycle, Compared, SaidBy, SettlementLine};
use annona_ledger::cut::{Cut, Reason};
use annona_ledger::suspense::Because;
use serde::Serialize;

use crate::audit::Vouched;
use crate::audit::labels::{Labels, decimal};

/// A feed that was cut, by one of those who cut it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CutLine {
    /// The site.
    pub site: String,
    /// The feed.
    pub feed: String,
    /// Who said it.
    pub by: String,
    /// Up to where.
    pub after: String,
    /// Why.
    pub reason: &'static str,
    /// Whether it is the one that counts.
    pub counts: bool,
    /// The first index above the one that counts, if it is known here.
    pub index: Option<u64>,
    /// Entries below it.
    pub good: u64,
    /// Entries above it.
    pub tainted: u64,
    /// Entries after the feed's end.
    pub after_end: u64,
}

/// What is in suspense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The site.
    pub site: String,
    /// The programme.
    pub programme: String,
    /// The cycle.
    pub cycle: u16,
    /// The commodity, with its unit.
    pub commodity: String,
    /// How much.
    pub amount: String,
    /// Of it, in lots.
    pub lots: String,
    /// Of it, on its way to the site.
    pub in_flight: String,
    /// Released from it before.
    pub released: String,
    /// Whether it is exact, or the most there can be.
    pub exact: bool,
    /// Why: cut, or closed.
    pub why: &'static str,
}

/// Something else that happened where others failed, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What kind: ended, released, closed, new key, re-issued, stamps.
    pub kind: &'static str,
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
}

/// How final the hand-outs of a programme are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FinalLine {
    /// The programme.
    pub programme: String,
    /// Hand-outs.
    pub all: u64,
    /// Known from their writer alone.
    pub accepted: u64,
    /// Signed by a witness of another organisation.
    pub seen: u64,
    /// Below a checkpoint that a quorum has signed.
    pub certified: u64,
    /// Settled.
    pub settled: u64,
}

/// A settlement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SettledLine {
    /// The treasury's site.
    pub site: String,
    /// The name of its draft.
    pub draft: String,
    /// The programme.
    pub programme: String,
    /// Its rows.
    pub rows: u32,
    /// What they come to, and what is deducted.
    pub totals: Vec<String>,
    /// How far it has come.
    pub stage: String,
    /// Who took which step, by the beginning of the key.
    pub steps: Vec<String>,
    /// Whether each was entitled to it.
    pub entitled: bool,
    /// Whether it is what the entries it names come to, in words.
    pub compared: String,
}

/// A checkpoint of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Its hash.
    pub checkpoint: String,
    /// When it was made, by its maker's clock.
    pub when: String,
    /// Whether a quorum vouches for it.
    pub certified: bool,
    /// How many organisations vouch for it.
    pub organisations: usize,
    /// How many it takes.
    pub quorum: u8,
    /// The witnesses whose signatures count, each with its organisation and the key it signed with.
    pub keys: Vec<String>,
    /// Signatures that are not what they say.
    pub refused: Vec<String>,
    /// Signatures that could not be checked.
    pub not_checked: Vec<String>,
    /// What its state comes to, made anew.
    pub state: String,
    /// What is wrong with it.
    pub wrong: Option<String>,
}

const fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Lost => "lost",
        Reason::Compromised => "compromised",
        Reason::Late => "late",
        Reason::HandedOver => "handed over",
    }
}

fn after(cut: &Cut) -> String {
    match cut.seq.checked_sub(1) {
        Some(last) => format!("block {last}"),
        None => "nothing".to_owned(),
    }
}

pub(super) fn cuts(verdict: &Verdict, labels: &Labels) -> Vec<CutLine> {
    let line = |of: &annona_ledger::audit::verdict::CutFeed| {
        let said = of.said.iter().map(|said| CutLine {
            site: labels.site(&of.feed.node),
            feed: of.feed.to_string(),
            by: match said.by {
                SaidBy::Article(epoch) => format!("article {epoch}"),
                SaidBy::Node(node) => labels.node(&node),
            },
            after: after(&said.cut),
            reason: reason(said.reason),
            counts: said.counts && of.lowest == Some(said.cut),
            index: of.index,
            good: of.good,
            tainted: of.tainted,
            after_end: of.after_end,
        });
        said.collect::<Vec<_>>()
    };
    verdict.cuts.iter().flat_map(line).collect()
}

pub(super) fn suspense(verdict: &Verdict, labels: &Labels) -> Vec<Held> {
    let held = verdict.suspense.iter().map(|held| {
        let key = held.key;
        let (commodity, digits) = labels.commodity(key.programme, key.commodity);
        let show = |units: i128| decimal(units, digits);
        Held {
            site: labels.site(&key.node),
            programme: labels.programme(key.programme),
            cycle: key.cycle.0,
            commodity,
            amount: show(held.units().units()),
            lots: show(held.lots.units()),
            in_flight: show(held.arriving.units()),
            released: show(held.released.units()),
            exact: held.exact,
            why: if held.because == Because::Closed { "closed" } else { "cut" },
        }
    });
    held.collect()
}

pub(super) fn events(verdict: &Verdict, labels: &Labels) -> Vec<Event> {
    let mut events = Vec::new();
    let mut add = |kind, place: String, what: String| events.push(Event { kind, place, what });
    for end in &verdict.ended {
        let what = format!("ended at entry {}; {} entries follow it", end.index, end.after);
        add("ended", labels.feed(&end.feed), what);
    }
    for freed in &verdict.releases {
        let of = &freed.released;
        let much = labels.amount(of.feed.programme, of.commodity, i128::from(of.amount.units()));
        let claimed = if freed.claimed { "claimed there" } else { "not claimed yet" };
        let what = format!(
            "article {} releases {much} of cycle {} to the reserve of {}, {claimed}",
            freed.epoch,
            of.cycle,
            labels.site(&of.reserve)
        );
        add("released", labels.site(&of.feed.node), what);
    }
    for closed in &verdict.closed {
        let what = format!(
            "cycle {} is closed by article {}, which shows {} feeds; {} hand-outs of it came late{}",
            closed.cycle,
            closed.epoch,
            closed.feeds,
            closed.late,
            late(closed, labels)
        );
        add("closed", labels.programme(closed.programme), what);
    }
    for new in &verdict.incarnations {
        let (old, since) = (labels.node(&new.replaces), labels.when(new.issued));
        let what = format!("takes the place of {old} since {since}");
        add("new key", labels.site(&new.node), what);
    }
    for handed in verdict.handed.iter().filter(|handed| handed.given.reissue_count > 0) {
        let units = handed.given.reissued.units();
        let much = labels.amount(handed.programme, handed.commodity, units);
        let what = format!("{much} of cycle {} were issued again from reserve", handed.cycle);
        add("re-issued", labels.site(&handed.node), what);
    }
    for doubt in &verdict.doubts {
        let what = format!(
            "{} stamps after a checkpoint that has their entry, {} before one that has not, from entry {} on",
            doubt.ahead, doubt.behind, doubt.index
        );
        add("stamps", labels.feed(&doubt.feed), what);
    }
    events
}

pub(super) fn finality(verdict: &Verdict, labels: &Labels) -> Vec<FinalLine> {
    let line = verdict.finality.iter().map(|(programme, shares)| FinalLine {
        programme: labels.programme(*programme),
        all: shares.all(),
        accepted: shares.accepted,
        seen: shares.seen,
        certified: shares.certified,
        settled: shares.settled,
    });
    line.collect()
}

/// Which hand-outs of a closed cycle came late, in words behind how many.
#[must_use]
pub fn late(closed: &ClosedCycle, labels: &Labels) -> String {
    let on = closed.late_on.iter().map(|on| {
        format!("{} on {}, the first its entry {}", on.count, labels.feed(&on.feed), on.first)
    });
    let on = on.collect::<Vec<_>>().join("; ");
    if on.is_empty() { on } else { format!(": {on}") }
}

/// How a settlement compares with the entries it names, in words: of one that was not compared, what was in the way.
#[must_use]
pub fn compared(line: &SettlementLine, labels: &Labels) -> String {
    let words = match line.compared {
        Compared::Same => "as its entries say",
        Compared::Differs => "NOT what its entries say",
        Compared::Open => "not compared: ",
        Compared::Void => "not compared: it settles nothing",
    };
    if line.compared != Compared::Open {
        return words.to_owned();
    }
    let lacks = line.lacks.iter().map(|lack| {
        let last = lack.to.saturating_sub(1);
        let to = if last > lack.from { format!(" to {last}") } else { String::new() };
        format!("{} entry {}{to}: {}", labels.feed(&lack.feed), lack.from, lack.why)
    });
    format!("{words}{}", lacks.collect::<Vec<_>>().join("; "))
}

pub(super) fn settlements(verdict: &Verdict, labels: &Labels) -> Vec<SettledLine> {
    let line = verdict.settlements.iter().map(|line| {
        let programme = line.feed.programme;
        let totals = line.row.totals.iter().map(|net| {
            let show = |amount: Amount| {
                labels.amount(programme, net.commodity, i128::from(amount.units()))
            };
            format!("{}, {} back", show(net.given), show(net.back))
        });
        let steps = line.row.by.iter().map(|by| {
            let key: String = by.operator.to_string().chars().take(16).collect();
            format!("{:?} by {key}", by.step)
        });
        SettledLine {
            site: labels.site(&line.feed.node),
            draft: format!("{}#{}", line.feed, line.index),
            programme: labels.programme(programme),
            rows: line.row.rows,
            totals: totals.collect(),
            stage: format!("{:?}", line.stage).to_lowercase(),
            steps: steps.collect(),
            entitled: line.entitled,
            compared: compared(line, labels),
        }
    });
    line.collect()
}

pub(super) fn signed(vouched: &[Vouched], labels: &Labels) -> Vec<Signed> {
    let one = |one: &Vouched| {
        let counted = one
            .standing
            .counted
            .iter()
            .map(|counted| format!("{}, key {}", labels.node(&counted.witness), counted.key));
        let refused = one.refused().map(|(node, why)| format!("{}: {why}", labels.node(node)));
        let state = match &one.state {
            None => "not made anew".to_owned(),
            Some(state) => format!(
                "{} leaves as signed, {} otherwise, {} programmes not whole here",
                state.same.len(),
                state.differ.len(),
                state.unchecked.len()
            ),
        };
        Signed {
            checkpoint: one.hash.to_string(),
            when: labels.when(one.time),
            certified: one.is_certified(),
            organisations: one.standing.frontier.len(),
            quorum: one.standing.quorum,
            keys: counted.collect(),
            refused: refused.collect(),
            not_checked: one.uncertified().map(|node| labels.node(node)).collect(),
            state,
            wrong: one.wrong(),
        }
    };
    vouched.iter().map(one).collect()
}
