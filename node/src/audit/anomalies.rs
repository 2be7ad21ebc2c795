//! Patterns an auditor would ask about. None of them is a fault, and none is proof of anything: they say where to look.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::audit::{Ground, Source};
use annona_ledger::cut::Cut;
use annona_ledger::entry::Method;
use annona_ledger::finality::Finality;
use annona_ledger::id::{CommodityId, CycleId, EntryName, FeedRef, ProgrammeId, Purse};
use serde::Serialize;

use super::look::{LookFault, Looking};
use super::walk::{Did, PaidTo, Seen, cuts, paid, walk};
use super::{unread, words};
use crate::config::Zone;
use crate::guard;

/// Hand-outs of a feed below which shares say nothing.
const FEW: u64 = 30;
/// The most patterns of one kind that are told one by one.
const TOLD: usize = 200;

/// What is taken for usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usual {
    /// By which clocks hours are told.
    pub zone: Zone,
    /// The first hour of the night, and the first after it.
    pub night: (u8, u8),
    /// Hand-outs an hour that one feed may reach however quiet the others are.
    pub an_hour: u64,
    /// Minutes within which one purse is not expected twice.
    pub again: u32,
}

impl Default for Usual {
    /// UTC; 21 to 5; 60 hand-outs; ten minutes.
    fn default() -> Self {
        Self { zone: Zone::default(), night: (21, 5), an_hour: 60, again: 10 }
    }
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Anomaly {
    /// What kind.
    pub kind: &'static str,
    /// Where.
    pub site: String,
    /// The feed.
    pub feed: String,
    /// An entry to begin with, where there is one.
    pub entry: Option<String>,
    /// How final that entry is, as far as the source shows.
    pub finality: Option<&'static str>,
    /// How many entries it is about.
    pub count: u64,
    /// What was seen.
    pub what: String,
}

/// How often one feed handed out by an exception: no fault by itself, and never left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Exceptions {
    /// Where.
    pub site: String,
    /// The feed.
    pub feed: String,
    /// How people were known.
    pub method: &'static str,
    /// Hand-outs by it.
    pub count: u64,
    /// Of so many.
    pub of: u64,
}

/// How often one node refused somebody, for one kind of reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusals {
    /// Where.
    pub site: String,
    /// The feed that says so.
    pub feed: String,
    /// What stood in the way.
    pub class: &'static str,
    /// How often.
    pub count: u64,
}

/// What one node wrote that no program reads: counted for every node that did, and no fault by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unread {
    /// Where.
    pub site: String,
    /// The node, as its feeds are called.
    pub node: String,
    /// Entries of kinds that later versions brought.
    pub later: u64,
    /// Bytes in those.
    pub later_bytes: u64,
    /// Commitments it made: to consents, disclosures, erasures, complaints and pairs.
    pub commitments: u64,
    /// How many of those nothing later names.
    pub unopened: u64,
    /// People it enrolled.
    pub enrolled: u64,
}

/// What was looked for and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Anomalies {
    /// Hand-outs that were looked at.
    pub handed_out: u64,
    /// What was found, kind by kind.
    pub found: Vec<Anomaly>,
    /// Hand-outs to people who were known by another method than PIN, card and signature, feed by feed.
    pub exceptions: Vec<Exceptions>,
    /// Refusals, node by node.
    pub refusals: Vec<Refusals>,
    /// What nobody reads, node by node.
    pub unread: Vec<Unread>,
    /// Patterns that were left out because there were too many of a kind.
    pub more: u64,
    /// What could not be looked for, and why.
    pub not_looked_for: Vec<String>,
}

/// An entry, and how final it is.
type Named = (EntryName, Finality);

/// An issue: when, which entry, and how much.
type Issued = (u32, Named, u64);
/// Issues after the first: how many, how much, the first of them, and after which.
type MoreIssued = (u64, u64, Named, EntryName);

/// What one feed did.
#[derive(Default)]
struct OfFeed {
    handed_out: u64,
    float: u64,
    refunds: u64,
    overrides: u64,
    exceptions: u64,
    methods: BTreeMap<Method, u64>,
    round: u64,
    night: u64,
    first_night: Option<Named>,
    hours: BTreeMap<u32, (u64, Option<Named>)>,
    last: BTreeMap<(Purse, CommodityId), (u32, Named)>,
    again: Vec<(Named, u32)>,
    /// Hand-outs above the cut, and those by somebody who had heard of the fence; each with the first.
    above: (u64, Option<Named>),
    heard: (u64, Option<Named>),
    /// What was taken back although it was settled.
    unsettled: (u64, Option<Named>),
}

fn one_more(sum: &mut (u64, Option<Named>), name: Named) {
    sum.0 += 1;
    sum.1.get_or_insert(name);
}

/// A hand-out from float: by whose home, and with how much, it is to be made good.
struct Given {
    at: u32,
    home: FeedRef,
    units: u64,
    finality: Finality,
}

struct Looker<'a, S> {
    looking: Looking<'a, S>,
    usual: Usual,
    feeds: BTreeMap<FeedRef, OfFeed>,
    covered: BTreeSet<(EntryName, FeedRef, u64)>,
    floats: BTreeMap<EntryName, Given>,
    newest: BTreeMap<[u8; 8], u32>,
    at_sites: BTreeMap<(ProgrammeId, Purse), Vec<(u32, Named)>>,
    /// When each purse was first issued each commodity of a cycle, and what.
    issued: BTreeMap<(ProgrammeId, CycleId, CommodityId, Purse), Issued>,
    /// What a feed issued after that.
    more_issued: BTreeMap<(FeedRef, CycleId, CommodityId), MoreIssued>,
    cuts: BTreeMap<FeedRef, (u64, Option<u32>)>,
    paid: BTreeMap<FeedRef, PaidTo>,
    wanted: words::Wanted,
    /// How final those are that words are wanted for.
    worded: BTreeMap<EntryName, Finality>,
}

/// Looks for patterns.
///
/// # Errors
///
/// [`LookFault`].
pub fn anomalies(source: &impl Source, usual: Usual) -> Result<Anomalies, LookFault> {
    let looking = Looking::whole(source, usual.zone)?;
    let ground = looking.ground.clone();
    let mut looker = Looker {
        looking,
        usual,
        feeds: BTreeMap::new(),
        covered: BTreeSet::new(),
        floats: BTreeMap::new(),
        newest: BTreeMap::new(),
        at_sites: BTreeMap::new(),
        issued: BTreeMap::new(),
        more_issued: BTreeMap::new(),
        cuts: cuts(source, &ground),
        paid: paid(source, &ground),
        wanted: words::Wanted::new(),
        worded: BTreeMap::new(),
    };
    let walked = walk(source, &ground, &mut |seen| looker.see(seen));
    let handed_out = looker.feeds.values().map(|feed| feed.handed_out + feed.float).sum();
    let mut out = Anomalies { handed_out, ..Anomalies::default() };
    looker.rates(&mut out);
    looker.nights(&mut out);
    looker.shares(&mut out);
    looker.exceptions(&mut out);
    looker.words(source, &ground, &mut out);
    looker.issued_twice(&mut out);
    looker.again(&mut out);
    looker.stopped(&mut out);
    looker.open_floats(&mut out);
    looker.unread(source, &ground, &mut out);
    for (feed, (committed, missing)) in &walked.evidence {
        if *missing > 0 {
            let what = format!(
                "{missing} of {committed} blocks commit to evidence (signatures of holders and operators) that is not in this file"
            );
            looker.tell(&mut out, "evidence not shown", feed, None, *missing, what);
        }
    }
    for (feed, (count, first, at)) in &walked.open_days {
        // A day that is still going on is not late.
        if looker.now().saturating_sub(at.0) > 2 * 24 * 60 {
            let what =
                format!("{count} hand-outs in no closed day, the first two days ago or more");
            looker.tell(&mut out, "day open", feed, Some(*first), *count, what);
        }
    }
    for ((of, by), count) in &walked.shown {
        let by = looker.looking.labels.node(&by.node);
        let what = format!("{count} entries of this feed are shown by {by}, not by its own blocks");
        looker.tell(&mut out, "shown by others", of, None, *count, what);
    }
    out.not_looked_for.push(
        "single PIN attempts: a terminal counts them, and the ledger has refusals alone".into(),
    );
    for feed in &walked.partly {
        out.not_looked_for.push(format!("feed {feed}: not in this file, or not wholly"));
    }
    Ok(out)
}

impl<S: Source> Looker<'_, S> {
    fn see(&mut self, seen: &Seen) {
        words::note(&mut self.wanted, seen);
        if self.wanted.contains_key(&seen.name) {
            self.worded.insert(seen.name, seen.finality);
        }
        let named = (seen.name, seen.finality);
        let feed = seen.name.feed;
        let newest = self.newest.entry(feed.node).or_default();
        *newest = seen.at.0.max(*newest);
        match seen.did {
            Did::Covered { float } => {
                self.covered.insert((float, feed, seen.units));
            }
            Did::Refunded { redeem, of } => {
                let paid = self.paid.get(&feed).and_then(|paid| paid.range(..=redeem).next_back());
                // The refund of one stretch with its redemption was deducted there.
                let was_paid =
                    paid.is_some_and(|(_, end)| end.is_some_and(|end| seen.name.index >= end));
                let closed = self.looking.ground.charter.closed(feed.programme, seen.cycle);
                let shown = closed.and_then(|closed| closed.cuts.get(&feed.node));
                let of_feed = self.feeds.entry(feed).or_default();
                of_feed.refunds += 1;
                // The block that shows the hand-out is below the close, the one that takes it back is not.
                let late = |(cut, of): (&Cut, u64)| of < cut.seq && seen.block >= cut.seq;
                if was_paid || shown.zip(of).is_some_and(late) {
                    one_more(&mut of_feed.unsettled, named);
                }
            }
            Did::HandedOut { method, .. } => {
                self.feeds.entry(feed).or_default().handed_out += 1;
                self.handed_out(seen, method);
            }
            Did::FloatHandedOut { home, method, .. } => {
                self.feeds.entry(feed).or_default().float += 1;
                let (at, units, finality) = (seen.at.0, seen.units, seen.finality);
                self.floats.insert(seen.name, Given { at, home, units, finality });
                self.handed_out(seen, method);
            }
            Did::Issued => self.issued(seen, named),
            Did::Budgeted | Did::Released | Did::Sent { .. } | Did::Claimed { .. } => {}
        }
    }

    /// One purse is issued to once in a cycle; what comes after the first, wherever that is, is more than one ration.
    fn issued(&mut self, seen: &Seen, named: Named) {
        let (feed, Some(purse)) = (seen.name.feed, seen.purse) else { return };
        let key = (feed.programme, seen.cycle, seen.commodity, purse);
        let mut later = (seen.at.0, named, seen.units);
        let Some(first) = self.issued.get_mut(&key) else {
            self.issued.insert(key, later);
            return;
        };
        if (later.0, later.1) < (first.0, first.1) {
            std::mem::swap(first, &mut later);
        }
        let key = (later.1.0.feed, seen.cycle, seen.commodity);
        let more = self.more_issued.entry(key).or_insert((0, 0, later.1, first.1.0));
        (more.0, more.1) = (more.0 + 1, more.1.saturating_add(later.2));
    }

    fn handed_out(&mut self, seen: &Seen, method: Method) {
        let named = (seen.name, seen.finality);
        let hour = self.looking.labels.hour_of_day(seen.at);
        let (from, to) = self.usual.night;
        let night = if from > to { hour >= from || hour < to } else { (from..to).contains(&hour) };
        let digits =
            u32::from(self.looking.labels.commodity(seen.name.feed.programme, seen.commodity).1);
        let round = 10u64.saturating_pow(digits.saturating_add(1));
        let clock_hour = self.looking.labels.hour_of(seen.at);
        let feed = self.feeds.entry(seen.name.feed).or_default();
        feed.overrides += u64::from(method == Method::Override);
        if method.is_exception() {
            feed.exceptions += 1;
            *feed.methods.entry(method).or_default() += 1;
        }
        feed.round += u64::from(seen.units.is_multiple_of(round));
        if night {
            feed.night += 1;
            feed.first_night.get_or_insert(named);
        }
        if let Some((upto, since)) = self.cuts.get(&seen.name.feed)
            && seen.block >= *upto
        {
            one_more(&mut feed.above, named);
            if since.is_some_and(|since| seen.epoch >= since) {
                one_more(&mut feed.heard, named);
            }
        }
        let busy = feed.hours.entry(clock_hour).or_insert((0, Some(named)));
        busy.0 += 1;
        let Some(purse) = seen.purse else { return };
        if let Some((before, _)) = feed.last.insert((purse, seen.commodity), (seen.at.0, named))
            && seen.at.0.saturating_sub(before) <= self.usual.again
        {
            feed.again.push((named, seen.at.0.saturating_sub(before)));
        }
        let key = (seen.name.feed.programme, purse);
        self.at_sites.entry(key).or_default().push((seen.at.0, named));
    }

    /// The newest minute that two nodes have stamped, or the only one that has stamped any: one clock alone makes nothing late.
    fn now(&self) -> u32 {
        let mut newest: Vec<u32> = self.newest.values().copied().collect();
        newest.sort_unstable_by(|a, b| b.cmp(a));
        newest.get(1).or(newest.first()).copied().unwrap_or_default()
    }

    fn tell(
        &self,
        out: &mut Anomalies,
        kind: &'static str,
        feed: &FeedRef,
        entry: Option<Named>,
        count: u64,
        what: String,
    ) {
        if out.found.iter().filter(|found| found.kind == kind).count() >= TOLD {
            out.more += 1;
            return;
        }
        out.found.push(Anomaly {
            kind,
            site: self.looking.labels.node(&feed.node),
            feed: feed.to_string(),
            entry: entry.map(|(entry, _)| entry.to_string()),
            finality: entry.map(|(_, finality)| finality.word()),
            count,
            what,
        });
    }

    /// Hours in which a feed handed out more than four times what a busy hour usually has.
    fn rates(&self, out: &mut Anomalies) {
        let mut hours: Vec<u64> =
            self.feeds.values().flat_map(|feed| feed.hours.values().map(|hour| hour.0)).collect();
        hours.sort_unstable();
        let median = hours.get(hours.len() / 2).copied().unwrap_or_default();
        let limit = self.usual.an_hour.max(median.saturating_mul(4));
        for (feed, of) in &self.feeds {
            for (hour, (count, first)) in of.hours.iter().filter(|(_, hour)| hour.0 > limit) {
                let from = self.looking.labels.hour(*hour);
                let what =
                    format!("{count} hand-outs in the hour from {from}; {limit} are usual at most");
                self.tell(out, "rate", feed, *first, *count, what);
            }
        }
    }

    fn nights(&self, out: &mut Anomalies) {
        let (from, to) = self.usual.night;
        for (feed, of) in self.feeds.iter().filter(|(_, of)| of.night > 0) {
            let what = format!("{} hand-outs between {from}:00 and {to}:00", of.night);
            self.tell(out, "night", feed, of.first_night, of.night, what);
        }
    }

    /// Every exception, counted: reviewed by people, refused by nobody.
    fn exceptions(&self, out: &mut Anomalies) {
        for (feed, of) in &self.feeds {
            out.exceptions.extend(of.methods.iter().map(|(method, count)| Exceptions {
                site: self.looking.labels.node(&feed.node),
                feed: feed.to_string(),
                method: method.word(),
                count: *count,
                of: of.handed_out + of.float,
            }));
        }
    }

    /// Exceptions nobody is seen to answer for, and refusals.
    fn words(&mut self, source: &S, ground: &Ground, out: &mut Anomalies) {
        let signed = words::strike(source, ground, &mut self.wanted);
        let federation = ground.charter.federation();
        let odd = words::odd(&federation, &signed, |node| self.looking.labels.node(node));
        for (kind, name, what) in odd {
            self.tell(
                out,
                kind,
                &name.feed,
                self.worded.get(&name).map(|grade| (name, *grade)),
                1,
                what,
            );
        }
        let mut missing: BTreeMap<FeedRef, (u64, Option<Named>)> = BTreeMap::new();
        for name in self.wanted.keys() {
            let finality = self.worded.get(name).copied().unwrap_or(Finality::Accepted);
            one_more(missing.entry(name.feed).or_default(), (*name, finality));
        }
        for (feed, (count, first)) in missing {
            let what = format!("{count} exceptions without words that hold, or not shown here");
            self.tell(out, "words missing", &feed, first, count, what);
        }
        for ((feed, class), count) in words::refusals(source, ground) {
            let (site, feed) = (self.looking.labels.node(&feed.node), feed.to_string());
            out.refusals.push(Refusals { site, feed, class: class.word(), count });
        }
    }

    /// What no program reads, and who has more of it than people account for.
    fn unread(&self, source: &S, ground: &Ground, out: &mut Anomalies) {
        let nodes = unread::unread(source, ground);
        for (feed, count, what) in unread::odd(&nodes) {
            self.tell(out, "unopened", &feed, None, count, what);
        }
        let some = nodes.into_iter().filter(|(_, of)| of.later.0 > 0 || of.unopened > 0);
        out.unread = some
            .map(|(node, of)| Unread {
                site: self.looking.labels.node(&node),
                node: guard::hex(&node),
                later: of.later.0,
                later_bytes: of.later.1,
                commitments: of.commitments,
                unopened: of.unopened,
                enrolled: of.enrolled,
            })
            .collect();
    }

    /// Shares that stand out from those of the other feeds.
    fn shares(&self, out: &mut Anomalies) {
        type Share = (&'static str, fn(&OfFeed) -> u64, u64, &'static str);
        let kinds: [Share; 5] = [
            ("exceptions", |of| of.exceptions, 10, "were handed out by an exception"),
            ("override", |of| of.overrides, 10, "were handed out on an operator's word"),
            ("refund", |of| of.refunds, 10, "as many refunds as this share of hand-outs"),
            ("float", |of| of.float, 20, "came from the site's float"),
            ("round sums", |of| of.round, 50, "are round sums"),
        ];
        for (kind, part, least, what) in kinds {
            for (feed, of) in &self.feeds {
                let all = of.handed_out + of.float;
                let hundredths = |part: u64, all: u64| part * 100 / all.max(1);
                let others = self.feeds.iter().filter(|(other, _)| *other != feed);
                let (rest, rest_all) = others.fold((0, 0), |(p, a), (_, other)| {
                    (p + part(other), a + other.handed_out + other.float)
                });
                let (own, usual) = (hundredths(part(of), all), hundredths(rest, rest_all));
                if all >= FEW && own >= least && own >= usual.saturating_mul(2) {
                    let what = format!("{own} % of {all} {what}; {usual} % elsewhere");
                    self.tell(out, kind, feed, None, part(of), what);
                }
            }
        }
    }

    /// Purses that were issued a commodity more than once in a cycle.
    fn issued_twice(&self, out: &mut Anomalies) {
        let labels = &self.looking.labels;
        for ((feed, cycle, commodity), (count, units, first, before)) in &self.more_issued {
            let what = format!(
                "{count} issues of cycle {cycle} to purses that had been issued {} of it: {} more; the first after {before} ({})",
                labels.commodity(feed.programme, *commodity).0,
                labels.amount(feed.programme, *commodity, (*units).into()),
                labels.node(&before.feed.node),
            );
            self.tell(out, "issued twice", feed, Some(*first), *count, what);
        }
    }

    /// One purse again at once, at one site or at two.
    fn again(&self, out: &mut Anomalies) {
        for (feed, of) in &self.feeds {
            for (entry, minutes) in &of.again {
                let what =
                    format!("the same purse and commodity {minutes} minutes after the last time");
                self.tell(out, "again", feed, Some(*entry), 1, what);
            }
        }
        for times in self.at_sites.values() {
            let mut times = times.clone();
            times.sort_unstable_by_key(|(at, name)| (*at, *name));
            for pair in times.windows(2) {
                let [(before, one), (after, two)] = pair else { continue };
                let minutes = after.saturating_sub(*before);
                if one.0.feed.node != two.0.feed.node && minutes <= self.usual.again {
                    let what = format!(
                        "the same purse at {} {minutes} minutes before",
                        self.looking.labels.node(&one.0.feed.node)
                    );
                    self.tell(out, "two sites", &two.0.feed, Some(*two), 1, what);
                }
            }
        }
    }

    /// What was handed out or taken back where a cut or a close had been.
    fn stopped(&self, out: &mut Anomalies) {
        for (feed, of) in &self.feeds {
            let mut tell = |kind, (count, first): (u64, Option<Named>), what: &str| {
                if count > 0 {
                    self.tell(out, kind, feed, first, count, format!("{count} {what}"));
                }
            };
            tell("tainted", of.above, "hand-outs above the cut of this feed");
            tell("cut heard", of.heard, "hand-outs after its author had heard of the fence");
            tell(
                "refund settled",
                of.unsettled,
                "refunds of hand-outs that were paid, or that a close had shown",
            );
        }
    }

    /// Float redemptions nobody has made good for two weeks.
    fn open_floats(&self, out: &mut Anomalies) {
        const TWO_WEEKS: u32 = 14 * 24 * 60;
        let now = self.now();
        let mut old: BTreeMap<FeedRef, (u64, Named)> = BTreeMap::new();
        for (name, given) in &self.floats {
            let covered = self.covered.contains(&(*name, given.home, given.units));
            if !covered && now.saturating_sub(given.at) > TWO_WEEKS {
                old.entry(name.feed).or_insert((0, (*name, given.finality))).0 += 1;
            }
        }
        for (feed, (count, first)) in old {
            let what = format!("{count} hand-outs from float, not made good in two weeks");
            self.tell(out, "float open", &feed, Some(first), count, what);
        }
    }
}
