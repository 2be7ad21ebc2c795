//! The numbers of a report, from a verdict, with names; small counts hidden.

use std::collections::BTreeMap;

use annona_ledger::audit::verdict::{Charge, Compared, Given, Owed, Verdict};
use annona_ledger::id::{CommodityId, ProgrammeId};
use serde::Serialize;

use super::people::{self, PeopleRow, Sharing};
use super::stopped::{self, CutLine, Event, FinalLine, Held, SettledLine, Signed};
use crate::audit::Vouched;
use crate::audit::labels::{Labels, decimal};

/// Families below which a count is hidden (`promises.md`, "Safe defaults": k ≥ 10 with complementary suppression).
pub(super) const SMALLEST: u64 = 10;

/// A count that may be hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Count {
    /// As it is.
    Shown(u64),
    /// Hidden, because people could be singled out by it.
    Hidden(Hidden),
}

/// What stands in the place of a hidden count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Hidden {
    /// Below ten, or beside such a count.
    #[serde(rename = "hidden")]
    Hidden,
}

impl Count {
    /// The number, if it is shown.
    #[must_use]
    pub const fn shown(self) -> Option<u64> {
        match self {
            Self::Shown(n) => Some(n),
            Self::Hidden(_) => None,
        }
    }

    /// As it is printed.
    #[must_use]
    pub fn text(self) -> String {
        self.shown().map_or_else(|| "hidden".to_owned(), |n| n.to_string())
    }
}

/// Families served at one site in one hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hour {
    /// The site.
    pub site: String,
    /// Clock hours since the one the federation was founded in, by the site's clock and in the report's zone.
    pub hour: u32,
    /// Its beginning in words.
    pub when: String,
    /// Different purses in that hour, summed over programmes.
    pub families: Count,
}

/// What one site handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Handout {
    /// The site.
    pub site: String,
    /// The programme.
    pub programme: String,
    /// The commodity, with its unit.
    pub commodity: String,
    /// Handed out, refunds taken off.
    pub net: String,
    /// Of what was handed out: from the site's float, that is with the family's home out of reach.
    pub float: String,
    /// The share of the float, in thousandths.
    pub float_share: u32,
    /// How many times.
    pub redemptions: Count,
    #[serde(skip)]
    pub(super) units: i128,
}

/// The sums of one programme, cycle and commodity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The programme.
    pub programme: String,
    /// The cycle.
    pub cycle: u16,
    /// The commodity, with its unit.
    pub commodity: String,
    /// Voted.
    pub budget: String,
    /// Left in lots.
    pub lots: String,
    /// On its way.
    pub in_flight: String,
    /// Handed out.
    pub redeemed: String,
    /// Taken back.
    pub refunded: String,
    /// Owed by organisations.
    pub charged: Vec<Owes>,
}

/// What an organisation owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Owes {
    /// The organisation.
    pub org: String,
    /// The site.
    pub site: String,
    /// How much.
    pub amount: String,
    /// Why, in words.
    pub reason: &'static str,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// Where.
    pub place: String,
    /// What.
    pub what: String,
}

/// What was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checks {
    /// Articles of the charter.
    pub articles: u64,
    /// Certificates and cycles.
    pub notices: u64,
    /// Feeds.
    pub feeds: u64,
    /// Blocks.
    pub blocks: u64,
    /// Entries.
    pub entries: u64,
    /// Signatures.
    pub signatures: u64,
    /// Bytes read.
    pub reached: u64,
}

/// What a report was made from, and with what: whoever has the same file, program and options makes the same page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// The file's name.
    pub file: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// The digest that its last frame says, as `annona audit export` prints it; `None` where it ends before that.
    pub digest: Option<String>,
    /// The program's version.
    pub program: String,
    /// What was asked for, as it is typed.
    pub options: Vec<String>,
}

/// Everything a report says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The federation's name.
    pub federation: String,
    /// Its id, in hexadecimal.
    pub id: String,
    /// What it was made from.
    pub about: About,
    /// As of when it tells: no site but one has stamped anything later.
    pub as_of: Option<String>,
    /// The zone its dates and hours are of.
    pub zone: String,
    /// Whether nothing is wrong, as far as it could be checked.
    pub good: bool,
    /// Whether the source is whole and true, whatever it shows; `None` where it may lack something.
    pub whole: Option<bool>,
    /// Whether something could not be checked.
    pub partial: bool,
    /// Whether the source was read to its end.
    pub complete: bool,
    /// What was checked.
    pub checks: Checks,
    /// The organisations' keys everything rests on, with their names.
    pub keys: Vec<(String, String)>,
    /// Sums.
    pub sums: Vec<Line>,
    /// Families by site and hour.
    pub hours: Vec<Hour>,
    /// Commodities by site.
    pub handouts: Vec<Handout>,
    /// Feeds that were cut, and by whom.
    pub cuts: Vec<CutLine>,
    /// What is in suspense.
    pub suspense: Vec<Held>,
    /// Ends, releases, closes, new keys, re-issues and doubtful stamps.
    pub events: Vec<Event>,
    /// Settlements, and how far they have come.
    pub settlements: Vec<SettledLine>,
    /// How final hand-outs are.
    pub finality: Vec<FinalLine>,
    /// Checkpoints, who signed them with which key, and what their state comes to.
    pub checkpoints: Vec<Signed>,
    /// What sites said about people.
    pub people: Vec<PeopleRow>,
    /// What organisations gave each other about people.
    pub sharing: Vec<Sharing>,
    /// What is wrong.
    pub findings: Vec<Found>,
    /// How many more findings there are.
    pub more: u64,
    /// What could not be checked.
    pub unchecked: Vec<Found>,
    /// The state root, if it was asked for.
    pub root: Option<String>,
}

impl Report {
    /// The numbers of a verdict, with names.
    #[must_use]
    pub fn of(verdict: &Verdict, vouched: &[Vouched], labels: &Labels, about: About) -> Self {
        let wrong = vouched.iter().filter_map(|one| {
            let place = format!("checkpoint {}", one.hash);
            one.wrong().map(|what| Found { place, what })
        });
        let mut findings: Vec<Found> = verdict
            .findings
            .iter()
            .map(|f| {
                let unless = if f.problem.may_lack() { ", unless the file lacks it" } else { "" };
                let who = f.answers();
                let who =
                    who.map(|feed| format!("; to answer for it{unless}: {}", labels.feed(&feed)));
                let what = format!("{}{}", f.problem, who.unwrap_or_default());
                Found { place: f.place.to_string(), what }
            })
            .collect();
        findings.extend(wrong);
        Self {
            federation: labels.federation.clone(),
            id: verdict.federation.map(|id| id.to_string()).unwrap_or_default(),
            about,
            as_of: verdict.as_of.map(|at| labels.when(at)),
            zone: labels.zone(),
            good: verdict.is_good() && !vouched.iter().any(Vouched::is_wrong),
            whole: if vouched.iter().any(Vouched::is_wrong) {
                Some(false)
            } else {
                verdict.whole()
            },
            partial: verdict.is_partial(),
            complete: verdict.complete,
            checks: Checks {
                articles: verdict.articles,
                notices: verdict.notices,
                feeds: verdict.feeds,
                blocks: verdict.blocks,
                entries: verdict.entries,
                signatures: verdict.signatures,
                reached: verdict.reached,
            },
            keys: labels.keys(),
            sums: sums(verdict, labels),
            hours: hours(verdict, labels),
            handouts: handouts(verdict, labels),
            cuts: stopped::cuts(verdict, labels),
            suspense: stopped::suspense(verdict, labels),
            events: stopped::events(verdict, labels),
            settlements: stopped::settlements(verdict, labels),
            finality: stopped::finality(verdict, labels),
            checkpoints: stopped::signed(vouched, labels),
            people: people::people(verdict, labels),
            sharing: people::sharing(verdict, labels),
            findings,
            more: verdict.more,
            unchecked: unchecked(verdict, vouched, labels),
            root: verdict.root.map(|root| root.to_string()),
        }
    }
}

/// Why somebody owes, in words.
#[must_use]
pub const fn reason(owed: &Owed) -> &'static str {
    match owed.reason {
        _ if owed.heard.is_some() => "took up what it had heard was cut",
        Charge::Overdrawn => "gave more than it had",
        Charge::Forked => "wrote two histories",
        Charge::Insolvent => "gave what a lot did not have",
    }
}

fn sums(verdict: &Verdict, labels: &Labels) -> Vec<Line> {
    let line =
        |(key, sum): (&(ProgrammeId, _, CommodityId), &annona_ledger::audit::verdict::Sum)| {
            let (programme, cycle, commodity): (ProgrammeId, annona_ledger::id::CycleId, _) = *key;
            let (name, digits) = labels.commodity(programme, commodity);
            let show = |units: i128| decimal(units, digits);
            let charged = sum.charged.iter().map(|owed| Owes {
                org: labels.org_of(&owed.heard.unwrap_or(owed.node)),
                site: labels.site(&owed.heard.unwrap_or(owed.node)),
                amount: show(i128::try_from(owed.units).unwrap_or(i128::MAX)),
                reason: reason(owed),
            });
            Line {
                programme: labels.programme(programme),
                cycle: cycle.0,
                commodity: name,
                budget: show(i128::from(sum.budget.units())),
                lots: show(sum.lots.units()),
                in_flight: show(sum.in_flight.units()),
                redeemed: show(sum.given.redeemed.units()),
                refunded: show(sum.given.refunded.units()),
                charged: charged.collect(),
            }
        };
    verdict.sums.iter().map(line).collect()
}

fn handouts(verdict: &Verdict, labels: &Labels) -> Vec<Handout> {
    let mut by: BTreeMap<(String, ProgrammeId, CommodityId), Given> = BTreeMap::new();
    for handed in &verdict.handed {
        let key = (labels.site(&handed.node), handed.programme, handed.commodity);
        let sum = by.entry(key).or_default();
        *sum = sum.plus(handed.given);
    }
    by.retain(|_, given| given.redeemed.units() != 0);
    // One total a commodity is printed, so the sites of a commodity are hidden together.
    let mut groups: BTreeMap<(ProgrammeId, CommodityId), Vec<(String, Given)>> = BTreeMap::new();
    for ((site, programme, commodity), given) in by {
        groups.entry((programme, commodity)).or_default().push((site, given));
    }
    let mut handouts = Vec::new();
    for ((programme, commodity), sites) in groups {
        let (name, digits) = labels.commodity(programme, commodity);
        let counts: Vec<u64> = sites.iter().map(|(_, g)| g.count + g.float_count).collect();
        for ((site, given), redemptions) in sites.into_iter().zip(hide(&counts)) {
            let (all, float) = (given.redeemed.units(), given.float.units());
            let net = all.saturating_sub(given.refunded.units());
            let share = float.saturating_mul(1000).checked_div(all).unwrap_or_default();
            let hidden = redemptions.shown().is_none();
            let show = |units: i128| {
                if hidden { "hidden".to_owned() } else { decimal(units, digits) }
            };
            handouts.push(Handout {
                site,
                programme: labels.programme(programme),
                commodity: name.clone(),
                net: show(net),
                float: show(float),
                float_share: if hidden { 0 } else { u32::try_from(share).unwrap_or_default() },
                redemptions,
                units: if hidden { 0 } else { net },
            });
        }
    }
    handouts
}

fn hours(verdict: &Verdict, labels: &Labels) -> Vec<Hour> {
    let mut sites: BTreeMap<String, BTreeMap<u32, u64>> = BTreeMap::new();
    for served in &verdict.served {
        let site = sites.entry(labels.site(&served.node)).or_default();
        for hour in &served.hours {
            let sum = site.entry(hour.hour).or_default();
            *sum = sum.saturating_add(hour.families.into());
        }
    }
    let mut hours = Vec::new();
    for (site, counts) in sites {
        let hidden = hide(&counts.values().copied().collect::<Vec<_>>());
        for ((hour, _), families) in counts.into_iter().zip(hidden) {
            let when = labels.hour(hour);
            hours.push(Hour { site: site.clone(), hour, when, families });
        }
    }
    hours
}

/// Hides counts of one to nine; and, where only one was hidden, the smallest of the others too, so that it cannot be
/// worked out from a total.
pub(super) fn hide(counts: &[u64]) -> Vec<Count> {
    let small = |n: &u64| *n > 0 && *n < SMALLEST;
    let mut hidden: Vec<bool> = counts.iter().map(small).collect();
    if hidden.iter().filter(|hidden| **hidden).count() == 1 {
        let others = counts.iter().zip(&hidden).enumerate();
        let others = others.filter(|(_, (n, hidden))| !**hidden && **n > 0);
        if let Some((at, _)) = others.min_by_key(|(_, (n, _))| **n)
            && let Some(hidden) = hidden.get_mut(at)
        {
            *hidden = true;
        }
    }
    let count = |(n, hidden): (&u64, bool)| {
        if hidden { Count::Hidden(Hidden::Hidden) } else { Count::Shown(*n) }
    };
    counts.iter().zip(hidden).map(count).collect()
}

fn unchecked(verdict: &Verdict, vouched: &[Vouched], labels: &Labels) -> Vec<Found> {
    let found = |u: &annona_ledger::audit::verdict::Unchecked| {
        let why = if u.no_certificate {
            "its node has no certificate here".to_owned()
        } else if u.headers_only > 0 {
            format!("{} blocks are here as headers only", u.headers_only)
        } else {
            format!("{} entries stand after something that is missing", u.unfolded)
        };
        let programme = labels.programme(u.feed.programme);
        let place = labels.feed(&u.feed);
        Found { place, what: format!("{programme}: {why}") }
    };
    let mut all: Vec<Found> = verdict.unchecked.iter().map(found).collect();
    let open = verdict.settlements.iter().filter(|line| line.compared == Compared::Open);
    all.extend(open.map(|line| Found {
        place: format!("{}, entry {}", labels.feed(&line.feed), line.index),
        what: format!("the settlement drafted there: {}", stopped::compared(line, labels)),
    }));
    for one in vouched {
        let mut add = |what: String| {
            all.push(Found { place: format!("checkpoint {}", one.hash), what });
        };
        for witness in one.uncertified() {
            let witness = labels.node(witness);
            add(format!("the signature of witness {witness}, which has no certificate here"));
        }
        match &one.state {
            None => add("its state was not made anew".to_owned()),
            Some(state) => {
                for programme in &state.unchecked {
                    let name = labels.programme(*programme);
                    add(format!("its state of {name}: not every body is here"));
                }
            }
        }
    }
    if verdict.evidence_not_shown > 0 {
        let place = "evidence".to_owned();
        let what = format!("that of {} blocks is not in the file", verdict.evidence_not_shown);
        all.push(Found { place, what });
    }
    for ((programme, _, commodity), sum) in &verdict.sums {
        for open in &sum.undecided {
            let place = labels.site(&open.node);
            let units = i128::try_from(open.units).unwrap_or(i128::MAX);
            let what = format!(
                "{}: whether {} were its to give cannot be decided, and nobody is charged for them",
                labels.programme(*programme),
                labels.amount(*programme, *commodity, units)
            );
            all.push(Found { place, what });
        }
    }
    if verdict.waiting > 0 {
        let place = "claims".to_owned();
        let what = format!("{} wait for a certificate of their sender", verdict.waiting);
        all.push(Found { place, what });
    }
    all
}
