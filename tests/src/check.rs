//! What must hold, by name. Every check is asked after every step that could break it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use annona_ledger::admit::Draft;
use annona_ledger::charge::Charge;
use annona_ledger::day::Day;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef};
use annona_ledger::settlement::Settling;
use annona_ledger::ticket::Ticket;
use annona_ledger::view::PoolKey;

use crate::cast::Cast;
use crate::model::{Fact, Model};
use crate::site::Site;

/// An invariant that did not hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Broken {
    /// The core accepted what the naive model refuses, or the other way round.
    VerdictDiffers,
    /// A pool is not what the naive model adds up.
    PoolsDiffer,
    /// A lot is not what the naive model adds up.
    LotsDiffer,
    /// Another feed is held faulty than the naive model says.
    FaultyDiffers,
    /// Another organisation owes, or another amount, than the naive model says.
    ChargesDiffer,
    /// Lots, what is in flight and what was redeemed do not come to the budget.
    NotConserved,
    /// An honest node's lot is below zero.
    LotBelowZero,
    /// A fault was noted against an honest feed.
    HonestAccused,
    /// An honest node's organisation is charged.
    HonestCharged,
    /// More was redeemed and covered than issued.
    PurseOverspent,
    /// More was given from float than the caps allow.
    FloatCapPassed,
    /// A ticket was claimed twice by one honest node.
    ClaimedTwice,
    /// A ticket was claimed by a node it is not addressed to.
    ClaimedElsewhere,
    /// An honest node took up, and kept, a ticket from above the lowest cut it had heard of.
    TaintedTaken,
    /// A node follows another branch of the charter than it should, or goes on while two wait for healing.
    CharterDiffers,
    /// A counter wrote another statement of its day than what it wrote comes to.
    DayDiffers,
    /// An entry stands in two settlements of which neither is disputed, both known to who drafted the second.
    SettledTwice,
    /// A treasury settled by a stretch what lies above a cut that it knew of.
    SettledPastCut,
    /// A payer outside paid more for an entry than it handed out, or paid it again.
    PaidTwice,
    /// What waits to be settled is not what the naive model finds.
    SettlementDiffers,
    /// What was shown of a feed counts beside its blocks, or more than once.
    ShownTwice,
    /// What is in suspense is not what the naive model adds up.
    SuspenseDiffers,
    /// An entry is called something else by the core than by the naive model.
    LabelDiffers,
    /// An honest node's organisation is charged although no more was released than its feed had at its end.
    ChargedAfterEnd,
    /// A witness does not sign what it knows.
    CheckpointRefused,
    /// A witness, or who started from a checkpoint, came to another state.
    CheckpointDiffers,
    /// A witness signed what goes back behind what it had signed.
    RollbackSigned,
    /// More was handed out than was given and is owed.
    ExcessUncharged,
    /// A float redemption was covered twice.
    CoveredTwice,
    /// A redemption was refunded twice.
    RefundedTwice,
    /// A row of a list was issued twice.
    RowIssuedTwice,
    /// A hold was posted or dropped twice.
    ResolvedTwice,
    /// A promised entry is not in the sealed chain.
    PromiseBroken,
    /// Equal sets of blocks, different state.
    RootsDiffer,
    /// State derived anew is not the state that was kept.
    ReplayDiffers,
    /// Something known is known no longer.
    FactLost,
    /// A block that its author never sealed was taken in.
    ForeignBlock,
    /// More was redeemed than the faults seen can explain.
    BoundPassed,
    /// Two who between them saw a feed contradict itself met, and it is not proven.
    ForkUnproven,
    /// A node did not take in what everybody else has.
    NotConverged,
    /// Two honest nodes broke a rule of links, or did not come to an end.
    LinkBroken,
    /// A node said on a link that it keeps what it does not keep.
    TakenUnkept,
    /// A meeting over a link came to its end, and a bundle would have brought more.
    LinkBroughtLess,
    /// Something in the core, the store or this simulator panicked.
    Panicked,
    /// The same run over ledger files came to something else than over the core's maps.
    StoreDiffers,
}

/// An invariant that did not hold, and where.
#[derive(Clone, Debug)]
pub struct Breach {
    /// Which.
    pub broken: Broken,
    /// What was seen.
    pub detail: String,
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.broken, self.detail)
    }
}

/// The answer of every check.
pub type Holds = Result<(), Breach>;

pub(crate) fn ensure(holds: bool, broken: Broken, detail: impl FnOnce() -> String) -> Holds {
    if holds { Ok(()) } else { Err(Breach { broken, detail: detail() }) }
}

/// What is owed for each pool, whoever owes it: as the core says, or, where it keeps rows only, as they add up.
#[must_use]
pub fn charges(site: &dyn Site) -> BTreeMap<PoolKey, i128> {
    let mut charges = BTreeMap::new();
    let Some(said) = site.charges() else { return summed(site) };
    for charge in said {
        *charges.entry(charge.key).or_insert(0) +=
            i128::try_from(charge.units).unwrap_or(i128::MAX);
    }
    charges
}

/// What is owed by the rows of a ledger file: of a faulty feed what its lots lack one by one, of others what a pool lacks.
fn summed(site: &dyn Site) -> BTreeMap<PoolKey, i128> {
    let lots = site.lots();
    let waits: BTreeSet<FeedRef> = lots.iter().filter(|l| l.waiting).map(|l| l.feed).collect();
    let mut charges = BTreeMap::new();
    for (key, pool) in site.pools() {
        let feed = FeedRef::value(key.node, key.programme);
        let owed = if site.faulty(&feed) {
            let own = lots
                .iter()
                .filter(|l| l.feed == feed && (l.cycle, l.commodity) == (key.cycle, key.commodity));
            own.map(|l| (-l.balance).max(0)).sum()
        } else if waits.contains(&feed) {
            0
        } else {
            (-(pool.lots.units() + pool.arriving.units())).max(0)
        };
        if owed > 0 {
            charges.insert(key, owed);
        }
    }
    charges
}

/// What is owed for each pool, by whom: the feed's own organisation (`None`), or that of a node that took up what it knew
/// to be tainted. Of a faulty feed the whole, under `None`.
fn owed(
    charges: &[Charge],
    faulty: &BTreeSet<FeedRef>,
) -> BTreeMap<(PoolKey, Option<[u8; 8]>), i128> {
    let mut owed = BTreeMap::new();
    for charge in charges {
        let feed = FeedRef::value(charge.key.node, charge.key.programme);
        let by = charge.heard.filter(|_| !faulty.contains(&feed));
        let units = i128::try_from(charge.units).unwrap_or(i128::MAX);
        *owed.entry((charge.key, by)).or_insert(0i128) += units;
    }
    owed
}

/// The core and the naive model must say the same of one view.
///
/// # Errors
///
/// The first difference.
pub fn agree(site: &dyn Site, model: &Model) -> Holds {
    let ours = model.pools();
    let theirs: BTreeMap<PoolKey, (i128, i128, i128)> = site
        .pools()
        .iter()
        .map(|(key, p)| (*key, (p.lots.units(), p.arriving.units(), p.redeemed.units())))
        .collect();
    ensure(ours == theirs, Broken::PoolsDiffer, || difference(&theirs, &ours))?;
    let ours = model.whole_pools();
    let theirs: BTreeMap<PoolKey, (i128, i128, i128)> = site
        .whole_pools()
        .iter()
        .map(|(key, p)| (*key, (p.lots.units(), p.arriving.units(), p.redeemed.units())))
        .collect();
    ensure(ours == theirs, Broken::PoolsDiffer, || {
        format!("with what was shown: {}", difference(&theirs, &ours))
    })?;
    let (lots, named) = (site.lots(), model.seen_lots());
    ensure(lots == named, Broken::LotsDiffer, || {
        let core: Vec<_> = lots.iter().filter(|l| !named.contains(l)).collect();
        let naive: Vec<_> = named.iter().filter(|l| !lots.contains(l)).collect();
        format!("core {core:?}, naive {naive:?}")
    })?;
    let faulty = model.faulty();
    let feeds: BTreeSet<FeedRef> = model.facts.iter().map(|f| f.feed.short()).collect();
    let seen: BTreeSet<FeedRef> = feeds.into_iter().filter(|feed| site.faulty(feed)).collect();
    ensure(seen == faulty, Broken::FaultyDiffers, || {
        let short: Vec<_> = model.lots.iter().filter(|l| l.left() < 0).collect();
        format!("core {seen:?}, naive {faulty:?}, lots below zero {short:?}")
    })?;
    if let Some(charges) = site.charges() {
        let (core, naive) = (owed(&charges, &faulty), model.owed());
        ensure(core == naive, Broken::ChargesDiffer, || {
            let keys = core.keys().chain(naive.keys()).filter(|k| core.get(k) != naive.get(k));
            let feeds: BTreeSet<FeedRef> =
                keys.map(|(key, _)| FeedRef::value(key.node, key.programme)).collect();
            let lots: Vec<_> = model.lots.iter().filter(|l| feeds.contains(&l.feed)).collect();
            let sends: Vec<_> = model.sends.iter().filter(|s| !s.placed).collect();
            format!("core {core:?}, naive {naive:?}; lots {lots:?}, from tickets {sends:?}")
        })?;
    }
    let named = model.suspense();
    let core: BTreeMap<PoolKey, (i128, i128, bool)> = site
        .suspense()
        .into_iter()
        .map(|s| (s.key, (s.units().units(), s.released.units(), s.exact)))
        .collect();
    ensure(core == named, Broken::SuspenseDiffers, || difference(&core, &named))
}

/// What differs between two views of the same blocks.
#[must_use]
pub fn compare(one: &dyn Site, other: &dyn Site) -> String {
    let lots = (one.lots(), other.lots());
    let only = |a: &[crate::site::Seen], b: &[crate::site::Seen]| {
        a.iter().filter(|l| !b.contains(l)).map(|l| format!("{l:?}")).collect::<Vec<_>>().join(", ")
    };
    format!(
        "pools {}; lots {} | {}; faults {:?} | {:?}",
        difference(&one.pools(), &other.pools()),
        only(&lots.0, &lots.1),
        only(&lots.1, &lots.0),
        one.faults(),
        other.faults(),
    )
}

fn difference<V: PartialEq + fmt::Debug>(
    core: &BTreeMap<PoolKey, V>,
    naive: &BTreeMap<PoolKey, V>,
) -> String {
    let keys: BTreeSet<&PoolKey> = core.keys().chain(naive.keys()).collect();
    let differ = keys.into_iter().filter(|key| core.get(key) != naive.get(key));
    let lines: Vec<String> = differ
        .map(|key| format!("{key:?}: core {:?}, naive {:?}", core.get(key), naive.get(key)))
        .collect();
    lines.join("; ")
}

/// What must hold of one view, whoever's it is.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn view(
    site: &dyn Site,
    model: &Model,
    truth: &Model,
    cast: &Cast,
    byzantine: Option<[u8; 8]>,
    untrimmed: bool,
    split: bool,
) -> Holds {
    conserved(site, model)?;
    let honest = |node: &[u8; 8]| byzantine != Some(*node);
    if !model.shown_feeds().is_empty() {
        let most = truth.handed_out();
        for (key, pool) in site.whole_pools().iter().filter(|(key, _)| honest(&key.node)) {
            let (came, most) = (pool.redeemed.units(), most.get(key).copied().unwrap_or(0));
            ensure(came <= most, Broken::ShownTwice, || {
                format!("{key:?}: {came} redeemed, {most} was handed out")
            })?;
        }
    }
    for lot in site.lots() {
        let fine = !honest(&lot.feed.node) || lot.waiting || lot.balance - lot.held >= 0;
        ensure(fine, Broken::LotBelowZero, || format!("{lot:?}"))?;
    }
    for (feed, index, fault) in site.faults() {
        let fine = !honest(&feed.node);
        ensure(fine, Broken::HonestAccused, || format!("{fault:?} at {feed}#{index}"))?;
    }
    for node in &cast.nodes {
        for programme in [crate::cast::CASH, crate::cast::ITEMS] {
            let feed = node.value(programme).short();
            let fine = !honest(&feed.node) || !site.faulty(&feed);
            ensure(fine, Broken::HonestAccused, || format!("{feed} is held faulty"))?;
        }
    }
    let Some(charges) = site.charges() else { return Ok(()) };
    covered_by_charges(site, model, &charges)?;
    // Whoever took up what it knew to be tainted did it with open eyes, whatever else is known here. While two branches of
    // the charter wait for healing, nobody can say which of them an author knew.
    let knew = charges.iter().filter(|c| c.heard.is_some_and(|node| honest(&node)));
    for charge in knew.filter(|_| !split) {
        ensure(false, Broken::HonestCharged, || {
            format!("for what it took up knowingly: {charge:?}")
        })?;
    }
    let whole = untrimmed
        && model.charter().epoch() == truth.charter().epoch()
        && cast.nodes.iter().all(|n| model.roster().node(&n.short()).is_some());
    if whole {
        for charge in charges.iter().filter(|c| c.heard.is_none() && honest(&c.key.node)) {
            let (key, owed) = (&charge.key, i128::try_from(charge.units).unwrap_or(i128::MAX));
            let released = model.released(key);
            ensure(owed <= released, Broken::HonestCharged, || {
                format!("{key:?} owes {owed}, released {released}")
            })?;
        }
    }
    Ok(())
}

/// For each programme, cycle and commodity: what lies somewhere, what is in flight and what was redeemed is the budget.
fn conserved(site: &dyn Site, model: &Model) -> Holds {
    let mut sums = BTreeMap::new();
    for (key, pool) in site.pools() {
        let all = pool.lots.units() + pool.arriving.units() + pool.redeemed.units();
        *sums.entry((key.programme, key.cycle, key.commodity)).or_insert(0i128) += all;
    }
    for ((programme, cycle, commodity), sum) in sums {
        let voted = i128::from(model.charter().budgeted(programme, cycle, commodity).units());
        ensure(sum == voted, Broken::NotConserved, || {
            format!("{sum} of {voted} in {programme:?} {commodity:?}")
        })?;
    }
    Ok(())
}

/// No excess is nobody's: what a pool lacks is owed by somebody, and what was redeemed comes to no more than was voted
/// and what is owed.
fn covered_by_charges(site: &dyn Site, model: &Model, charges: &[Charge]) -> Holds {
    let mut sums: BTreeMap<_, i128> = BTreeMap::new();
    for (key, pool) in site.whole_pools() {
        let lacks = -(pool.lots.units() + pool.arriving.units());
        if lacks > 0 {
            let of_key = charges.iter().filter(|c| c.key == key);
            let owed: i128 = of_key.map(|c| i128::try_from(c.units).unwrap_or(i128::MAX)).sum();
            let back = model.came_back(&model.faulty()).get(&key).copied().unwrap_or(0);
            ensure(lacks <= owed + back, Broken::ExcessUncharged, || {
                format!("{key:?} lacks {lacks}, {owed} of it owed, {back} told to have come back")
            })?;
        }
        *sums.entry((key.programme, key.cycle, key.commodity)).or_default() +=
            pool.redeemed.units();
    }
    for ((programme, cycle, commodity), redeemed) in sums {
        let voted = i128::from(model.charter().budgeted(programme, cycle, commodity).units());
        let of = charges.iter().filter(|c| {
            (c.key.programme, c.key.cycle, c.key.commodity) == (programme, cycle, commodity)
        });
        let owed: i128 = of.map(|c| i128::try_from(c.units).unwrap_or(i128::MAX)).sum();
        ensure(redeemed <= voted + owed, Broken::ExcessUncharged, || {
            format!("{redeemed} redeemed of {voted} in {programme:?} {commodity:?}, {owed} owed")
        })?;
    }
    Ok(())
}

/// Asked of what an honest node is about to write, by what it has heard: a ticket from above a cut is sent back, or
/// left.
///
/// # Errors
///
/// [`Broken::TaintedTaken`].
pub fn taken_up(model: &Model, feed: &FeedId, drafts: &[Draft]) -> Holds {
    if drafts.len() != 1 {
        return Ok(());
    }
    let Entry::Value(Value::Claim { ticket, .. }) = &drafts[0].entry else { return Ok(()) };
    let Ticket::Sent(sent, _) = &**ticket else { return Ok(()) };
    ensure(!model.stands_above(feed, sent), Broken::TaintedTaken, || format!("{sent:?}"))
}

/// Asked of what an honest node is about to write about days and settlements, by what it knows: a statement says what its
/// day came to, no stretch goes beyond a cut, and nothing is drafted that stands in another settlement.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn told_right(model: &Model, feed: &FeedId, tip: &Hash, drafts: &[Draft]) -> Holds {
    let [Draft { entry: Entry::Value(value), .. }] = drafts else { return Ok(()) };
    match value {
        Value::DayClose { day, .. } => {
            let Day::Close(said) = &**day else { return Ok(()) };
            let came = model.day(tip).closing;
            ensure(*said == came, Broken::DayDiffers, || format!("{said:?}, it came to {came:?}"))
        }
        Value::Settle { settling, .. } => {
            let past = model.past_a_cut(feed.programme, settling);
            ensure(!past, Broken::SettledPastCut, || format!("{settling:?}"))?;
            let Settling::Draft { first, .. } = **settling else { return Ok(()) };
            let twice = model.settles_again(feed, tip, first);
            ensure(twice.is_none(), Broken::SettledTwice, || format!("{twice:?}"))
        }
        _ => Ok(()),
    }
}

/// What must hold of everything ever written, when `fact` has just been added to it by an honest node.
///
/// # Errors
///
/// The first invariant that does not hold.
pub fn written(truth: &Model, fact: &Fact, cast: &Cast, all_honest: bool) -> Holds {
    let Entry::Value(value) = &fact.entry else { return Ok(()) };
    let at = || format!("{}#{}", fact.feed.short(), fact.index);
    let own = |name: &Hash| truth.fact(name).is_some_and(|f| f.feed == fact.feed);
    match value {
        Value::Claim { ticket, .. } => {
            let to = ticket.sends().next().map(|sent| sent.moved.to());
            let mine = to.is_none_or(|to| to == fact.feed.node.short());
            ensure(mine, Broken::ClaimedElsewhere, at)?;
            let lines = truth.sends.iter().filter(|s| s.claims.contains(&fact.name));
            for line in lines {
                let mine = line.to == fact.feed.node.short();
                ensure(mine, Broken::ClaimedElsewhere, at)?;
                let times = line.claims.iter().filter(|name| own(name)).count();
                ensure(times == 1, Broken::ClaimedTwice, at)?;
            }
        }
        Value::Refund { .. } => {
            for given in truth.given.iter().filter(|g| g.refunds.contains(&fact.name)) {
                ensure(given.refunds.len() == 1, Broken::RefundedTwice, at)?;
            }
        }
        Value::Post { .. } | Value::Drop { .. } => {
            for hold in truth.holds.iter().filter(|h| h.resolved.contains(&fact.name)) {
                ensure(hold.resolved.len() == 1, Broken::ResolvedTwice, at)?;
            }
        }
        Value::FloatCover(cover) => {
            let name = cover.float.accumulator;
            // What a liar covers in a feed of its own is charged to it, and is no fault of the home.
            let same = |(float, by): &&(Hash, Hash)| *float == name && own(by);
            let times = truth.covers().iter().filter(same).count();
            ensure(times == 1, Broken::CoveredTwice, at)?;
        }
        Value::Issue { list, row, .. } => {
            let same = |(name, l, r): &&(Hash, u64, u32)| (l, r) == (list, row) && own(name);
            let times = truth.rows_issued().iter().filter(same).count();
            ensure(times == 1, Broken::RowIssuedTwice, at)?;
        }
        Value::FloatRedeem { purse, at: stamp, .. } => {
            let Some(line) = truth.given.iter().find(|g| g.name == fact.name) else {
                return Ok(());
            };
            let Some(cap) = cast.cap(line.commodity) else { return Ok(()) };
            let own = || {
                let here = |g: &&crate::model::GivenLine| {
                    g.float && g.feed == line.feed && g.commodity == line.commodity
                };
                truth.given.iter().filter(here)
            };
            let to: i128 = own().filter(|g| g.purse == *purse).map(|g| g.amount).sum();
            let day: i128 = own().filter(|g| g.at.day() == stamp.day()).map(|g| g.amount).sum();
            let within = to <= i128::from(cap.per_purse.units())
                && day <= i128::from(cap.per_site_day.units());
            ensure(within, Broken::FloatCapPassed, at)?;
        }
        _ => {}
    }
    // A purse can be served on a ticket that a faulty node signed: then its organisation is charged instead.
    if all_honest { purses(truth, fact) } else { Ok(()) }
}

/// Per purse: redeemed and covered come to no more than was issued; float that nobody covered yet is beside it.
fn purses(truth: &Model, fact: &Fact) -> Holds {
    let purse = match &fact.entry {
        Entry::Value(Value::FloatCover(cover)) => {
            truth.given.iter().find(|g| g.name == cover.float.accumulator).map(|g| g.purse)
        }
        _ => truth.given.iter().rev().find(|g| g.name == fact.name).map(|g| g.purse),
    };
    let Some(purse) = purse else { return Ok(()) };
    for commodity in [1, 2].map(annona_ledger::id::CommodityId) {
        let issued: i128 =
            truth.issues.iter().filter(|i| i.0 == purse && i.1 == commodity).map(|i| i.2).sum();
        let used: i128 = truth
            .given
            .iter()
            .filter(|g| g.purse == purse && g.commodity == commodity)
            .filter(|g| !g.float || truth.is_covered(&g.name))
            .map(|g| g.amount - g.refunded)
            .sum();
        ensure(used <= issued, Broken::PurseOverspent, || {
            format!("{purse:?} used {used} of {issued} issued")
        })?;
    }
    Ok(())
}
