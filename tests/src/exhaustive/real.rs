//! The same small histories in the real core: what the model says a state comes to, `fold` must come to, in every order
//! of delivery; and what a writer of the model may write, `admit` must let through, and nothing else of its kind.
//!
//! A row is bound as far as it needs no article after the first: what follows on one is left out. Each feed begins with
//! what the model takes for granted: A claims its budgets, floats are sent and claimed, and every site names a merchant.

mod ground;

use std::collections::BTreeMap;

use annona_ledger::admit::{Draft, RowProof, admit};
use annona_ledger::amount::Amount;
use annona_ledger::charge::charges;
use annona_ledger::charter::{
    Act, Article, Cap, Charter, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
};
use annona_ledger::entry::{
    Control, Entry as RealEntry, FloatCover, Lot, Method, Owner, Send, Value,
};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CommodityId, CycleId, EntryName, FederationId, FeedId, FeedRef, Lane, MerchantId, OrgId,
    ProgrammeId, Purse, SiteId,
};
use annona_ledger::key::SigningKey;
use annona_ledger::list::{Builder, Row as ListRow};
use annona_ledger::merkle;
use annona_ledger::notice::{
    Cycle, NodeCeiling, NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Roles, Roster,
};
use annona_ledger::state::State;
use annona_ledger::ticket::{Moved, Sent, Ticket, sign_place};
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::{At, ChainNo, PoolKey, View};
use annona_ledger::wire::{Bounded, Name as ShortName};

use super::row::Row;
use super::search::{Limits, Model, Outcome, search};
use super::steps::Step;
use super::sums::Sums;
use super::world::{Entry, KINDS, LONG, Name, SLOTS, STOCK, World};
use super::writer::{Writer, stamp, stamped};

use ground::Ground;

const FOOD: ProgrammeId = ProgrammeId(1);
const MAY: CycleId = CycleId(1);
const SITES: usize = 3;
const FIRST: Minute = Minute(100);
const LAST: Minute = Minute(10_000);
const OPERATORS: [u8; 2] = [60, 61];
fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn of_site(feed: usize) -> SigningKey {
    key(10 + 10 * feed as u8)
}

fn short(feed: usize) -> [u8; 8] {
    of_site(feed).public().short()
}

fn on(feed: usize, lane: Lane) -> FeedId {
    let programme = if lane == Lane::Control { ProgrammeId::NONE } else { FOOD };
    FeedId { node: of_site(feed).public(), lane, programme }
}

fn units(n: u8) -> Amount {
    Amount::new(n.into()).expect("a small number")
}

fn commodity(kind: u8) -> CommodityId {
    CommodityId(kind + 1)
}

fn bounded<T, const MAX: usize>(all: impl IntoIterator<Item = T>) -> Bounded<T, MAX> {
    Bounded::new(all.into_iter().collect()).expect("few")
}

fn named(text: &str) -> ShortName {
    ShortName::new(text).expect("a short text")
}

fn pool_of(feed: usize, kind: usize) -> PoolKey {
    let commodity = commodity(kind as u8);
    PoolKey { node: short(feed), programme: FOOD, cycle: MAY, commodity }
}

/// An entry where it stands.
#[derive(Clone)]
struct Placed {
    entry: RealEntry,
    before: Head,
    after: Head,
    /// If it is a ticket: itself, and the sends that filled its lot, nearest first.
    sends: Vec<Sent>,
}

/// A state of the model, as real entries.
struct Real<'a> {
    ground: &'a Ground<'a>,
    world: &'a World,
    placed: Vec<Option<Placed>>,
}

impl<'a> Real<'a> {
    fn new(ground: &'a Ground<'a>, world: &'a World) -> Self {
        let mut real = Self { ground, world, placed: vec![None; SLOTS] };
        for (name, _) in world.facts(world.all()) {
            real.place(name);
        }
        real
    }

    fn at(&self, name: Name) -> &Placed {
        self.placed[name.slot()].as_ref().expect("it was placed")
    }

    fn index(&self, feed: usize, index: u8) -> u64 {
        self.ground.heads[feed].next + u64::from(index)
    }

    fn lot(&self, feed: usize, lot: u8) -> Lot {
        if lot < STOCK { Lot(self.index(feed, lot)) } else { Lot(u64::from(lot - STOCK)) }
    }

    /// Where the next entry after so many of a branch would stand.
    fn head(&mut self, feed: usize, branch: usize, len: u8) -> Head {
        let Some(last) = len.checked_sub(1) else { return self.ground.heads[feed] };
        let last = self.world.at(feed, branch, last);
        self.place(last);
        self.at(last).after
    }

    fn place(&mut self, name: Name) {
        if self.placed[name.slot()].is_some() {
            return;
        }
        let before = self.head(name.feed(), name.branch(), name.index());
        let entry = self.world.entry(name);
        let history = self.world.history(name.feed(), name.branch());
        let stamps = history.take(name.index().into()).map(|(_, entry)| stamped(entry));
        let stamp = stamps.max().unwrap_or_default();
        let (value, hops) = self.value(name.feed(), name.branch(), entry, stamp);
        let moved = match &value {
            Value::Send(send) => Some(Moved::Send(*send)),
            Value::FloatCover(cover) => Some(Moved::Cover(*cover)),
            _ => None,
        };
        let entry = RealEntry::Value(value);
        let after = before.after(&entry.encode());
        let sends = moved.map_or_else(Vec::new, |moved| {
            let feed = on(name.feed(), Lane::Value);
            let signature =
                sign_place(&of_site(name.feed()), &self.ground.federation, &feed, &after);
            let (node, index, before) = (short(name.feed()), before.next, before.accumulator);
            let sent = Sent { node, index, before, moved, signature };
            std::iter::once(sent).chain(hops).collect()
        });
        self.placed[name.slot()] = Some(Placed { entry, before, after, sends });
    }

    /// What an entry of the model is in the real core, at a stamp where it has none itself. A branch's stamps are its own, or two branches could say the same.
    fn value(&mut self, feed: usize, branch: usize, entry: Entry, stamp: u8) -> (Value, Vec<Sent>) {
        let world = self.world;
        let day = |day: u8| Minute(FIRST.0 + 10 * u32::from(day) + branch as u32);
        let (merchant, method, expires, at) = (0, Method::Pin, LAST, day(stamp));
        let mut hops = Vec::new();
        let value = match entry {
            Entry::Issue { kind, purse, n } => Value::Issue {
                from: self.lot(feed, STOCK + kind),
                list: 0,
                row: self.ground.proof(purse, kind).row.row,
                purse: Purse([purse; 16]),
                amount: units(n),
                expires,
                at,
            },
            Entry::Send { lot, to, n, at } => {
                hops = self.filled(feed, branch, lot);
                let (purse, kind) = world.owner(feed, branch, lot);
                // What is nobody's refills a float.
                let (owner, expires) = match purse {
                    0 => (Owner::Float, Minute::NEVER),
                    _ => (Owner::Purse(Purse([purse; 16])), expires),
                };
                Value::Send(Send {
                    from: self.lot(feed, lot),
                    to: short(to.into()),
                    owner,
                    cycle: MAY,
                    commodity: commodity(kind),
                    amount: units(n),
                    expires,
                    at: day(at),
                })
            }
            Entry::Claim { of } => {
                self.place(of);
                let sends = &self.at(of).sends;
                let ticket = Ticket::Sent(sends[0], bounded(sends[1..].iter().copied()));
                Value::Claim { ticket: Box::new(ticket), at }
            }
            Entry::Redeem { lot, n, at } => {
                let (lot, amount, at) = (self.lot(feed, lot), units(n), day(at));
                Value::Redeem { lot, amount, merchant, at, method }
            }
            Entry::Refund { of, n } => {
                Value::Refund { redeem: self.index(feed, of), amount: units(n), at }
            }
            Entry::Hold { lot, n, until } => {
                let (lot, amount, until) = (self.lot(feed, lot), units(n), day(until));
                Value::Hold { lot, amount, merchant, until, at: until }
            }
            Entry::Post { hold, at } => {
                Value::Post { hold: self.index(feed, hold), at: day(at), method }
            }
            Entry::Drop { hold } => Value::Drop { hold: self.index(feed, hold), at },
            Entry::Float { purse, home, n } => Value::FloatRedeem {
                lot: self.lot(feed, STOCK),
                home: FeedRef::value(short(home.into()), FOOD),
                purse: Purse([purse; 16]),
                amount: units(n),
                merchant,
                at,
                method,
            },
            Entry::Cover { lot, float, n } => {
                self.place(float);
                let Placed { before, after, .. } = self.at(float);
                let (index, accumulator) = (before.next, after.accumulator);
                let of = FeedRef::value(short(float.feed()), FOOD);
                let float = EntryName { feed: of, index, accumulator };
                hops = self.filled(feed, branch, lot);
                let (from, cycle, amount) = (self.lot(feed, lot), MAY, units(n));
                let commodity = commodity(world.owner(feed, branch, lot).1);
                Value::FloatCover(FloatCover { from, float, cycle, commodity, amount, at })
            }
            other => unreachable!("{other:?} is in no row that is bound"),
        };
        (value, hops)
    }

    /// A refund that was placed, as a ticket carries it.
    fn refund(&self, feed: usize, opening: Name) -> Sent {
        let Placed { entry, before, after, .. } = self.at(opening);
        let RealEntry::Value(Value::Refund { redeem, amount, at }) = *entry else {
            unreachable!("it opened a lot by coming back")
        };
        let moved = Moved::Refund { redeem, amount, at };
        let federation = self.ground.federation;
        let signature = sign_place(&of_site(feed), &federation, &on(feed, Lane::Value), after);
        let (index, before) = (before.next, before.accumulator);
        Sent { node: short(feed), index, before, moved, signature }
    }

    fn filled(&mut self, feed: usize, branch: usize, lot: u8) -> Vec<Sent> {
        let Some(opening) = self.world.opening(feed, branch, lot) else { return Vec::new() };
        match self.world.entry(opening) {
            Entry::Claim { of } => {
                self.place(of);
                self.at(of).sends.clone()
            }
            Entry::Refund { of, .. } => {
                self.place(opening);
                let refund = self.refund(feed, opening);
                let redeem = self.world.at(feed, branch, of);
                let lot = self.world.given(redeem).map(|(lot, _)| lot);
                let behind =
                    lot.map_or_else(Vec::new, |lot| self.filled(feed, redeem.branch(), lot));
                [refund].into_iter().chain(behind).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// What is known so far: the core's state, and in which chain each entry went.
#[derive(Clone)]
struct Known {
    state: State,
    chains: [Option<ChainNo>; SLOTS],
}

impl Known {
    /// Folds one entry at the end of the chain that stands before it, or as a branch of its own.
    fn learn(&mut self, real: &Real<'_>, name: Name) {
        let placed = real.at(name);
        let trunk = self.state.trunk(&on(name.feed(), Lane::Value));
        let previous = name.index().checked_sub(1).map(|last| {
            let last = real.world.at(name.feed(), name.branch(), last);
            self.chains[last.slot()].expect("the one before it is known")
        });
        let chain = previous.unwrap_or(trunk);
        let chain = if self.state.head(chain) == placed.before {
            chain
        } else {
            self.state.branch(At { chain, index: placed.before.next }, placed.before)
        };
        self.state.fold(chain, placed.after.accumulator, &placed.entry);
        self.chains[name.slot()] = Some(chain);
    }
}

/// What a real state comes to, pool by pool: lots, arriving, redeemed, charged.
fn comes_to(state: &State) -> BTreeMap<PoolKey, [i128; 4]> {
    let mut all: BTreeMap<PoolKey, [i128; 4]> = BTreeMap::new();
    for (key, pool) in state.pools() {
        let [lots, arriving, redeemed] =
            [pool.lots, pool.arriving, pool.redeemed].map(|b| b.units());
        all.insert(*key, [lots, arriving, redeemed, 0]);
    }
    for charge in charges(state) {
        all.entry(charge.key).or_default()[3] = i128::try_from(charge.units).expect("small");
    }
    all
}

/// One state of the model in the real core: every order of delivery, what it comes to, and what may be written next.
fn agrees(ground: &Ground<'_>, world: &World) -> Result<(), String> {
    let real = Real::new(ground, world);
    let known = deliver(&real)?;
    let sums = Sums::of(ground.row, world, world.all(), world.epoch);
    let real_sums = comes_to(&known.state);
    let mut redeemed = [0; KINDS];
    for (feed, kind) in (0..SITES).flat_map(|feed| (0..KINDS).map(move |kind| (feed, kind))) {
        let found = real_sums.get(&pool_of(feed, kind)).copied().unwrap_or_default();
        let charged = sums.charge(ground.row, world, feed, kind);
        let said = [sums.held(feed, kind), sums.arriving(feed, kind)].map(i128::from);
        if found[..2] != said || found[3] != i128::from(charged) {
            return Err(format!(
                "feed {feed} kind {kind}: the core says {found:?}, the model {said:?}, charged {charged}"
            ));
        }
        redeemed[kind] += found[2];
    }
    if redeemed != sums.redeemed.map(i128::from) {
        return Err(format!("the core has {redeemed:?} redeemed, the model {:?}", sums.redeemed));
    }
    admits(&real, &known)
}

/// Every order in which the branches can arrive, as in `orders`: one root at each point, whichever way it was reached, and
/// on the way there nothing made or lost, and no honest site charged.
fn deliver(real: &Real<'_>) -> Result<Known, String> {
    let world = real.world;
    let chains: Vec<Vec<Name>> = (0..SITES)
        .flat_map(|feed| (0..world.branches(feed)).map(move |branch| (feed, branch)))
        .map(|(feed, branch)| world.own(feed, branch).collect::<Vec<_>>())
        .filter(|chain| !chain.is_empty())
        .collect();
    let points: usize = chains.iter().map(|chain| chain.len() + 1).product();
    let mut at: Vec<Option<(Known, Hash)>> = vec![None; points];
    let state = real.ground.state.clone();
    let root = state.root();
    at[0] = Some((Known { state, chains: [None; SLOTS] }, root));
    for point in 0..points {
        // A branch cannot arrive before what it shares: such points are never entered.
        let Some((here, _)) = at[point].take() else { continue };
        on_the_way(real, &here.state)?;
        let (mut digits, mut stride) = (point, 1);
        for chain in &chains {
            let length = chain.len() + 1;
            if let Some(name) =
                chain.get(digits % length).filter(|name| follows(world, &here, **name))
            {
                let mut then = here.clone();
                then.learn(real, *name);
                let root = then.state.root();
                match &at[point + stride] {
                    Some((_, other)) if *other != root => {
                        return Err(format!("two orders of delivery, two roots, at {name}"));
                    }
                    Some(_) => {}
                    None => at[point + stride] = Some((then, root)),
                }
            }
            digits /= length;
            stride *= length;
        }
        if point + 1 == points {
            return Ok(here);
        }
    }
    Err("not everything can be delivered".to_owned())
}

fn follows(world: &World, here: &Known, name: Name) -> bool {
    name.index()
        .checked_sub(1)
        .is_none_or(|last| here.chains[world.at(name.feed(), name.branch(), last).slot()].is_some())
}

fn on_the_way(real: &Real<'_>, state: &State) -> Result<(), String> {
    let mut whole = [0; KINDS];
    for (key, [lots, arriving, redeemed, charged]) in comes_to(state) {
        let kind = usize::from(key.commodity.0) - 1;
        whole[kind] += lots + arriving + redeemed;
        let honest = (0..SITES).any(|feed| short(feed) == key.node && real.world.honest(feed));
        if honest && charged > 0 {
            return Err(format!("an honest site is charged {charged} on the way"));
        }
    }
    let given: [i128; KINDS] =
        std::array::from_fn(|kind| ground::budget(real.ground.row, kind).into());
    let kinds = usize::from(real.ground.row.kinds);
    if whole[..kinds] != given[..kinds] {
        return Err(format!("{whole:?} on the way, of {given:?}"));
    }
    Ok(())
}

/// Holds `admit` against the model's writer, over everything that could be said in the row's vocabulary.
fn admits(real: &Real<'_>, known: &Known) -> Result<(), String> {
    let (row, world) = (real.ground.row, real.world);
    // A writer that knows of a fork refuses more than the model's, which knows nothing of others.
    let sites = if world.wicked == 0 { row.sites } else { 0 };
    for feed in (0..sites).filter(|feed| world.alive(*feed)) {
        let mut steps = Vec::new();
        Writer::new(row, world, feed, 0).steps(&mut steps);
        let may: Vec<Entry> = steps
            .iter()
            .filter_map(
                |(step, _)| if let Step::Write(_, entry) = step { Some(*entry) } else { None },
            )
            .collect();
        let stamp = stamp(row, world, feed, 0);
        let len = world.feeds[feed].len[0];
        if usize::from(len) == LONG {
            continue;
        }
        let (ground, placed) = (real.ground, real.placed.clone());
        let mut draft_of = Real { ground, world, placed };
        let mut state = known.state.clone();
        let chain = state.trunk(&on(feed, Lane::Value));
        for entry in sayable(row, world, feed, stamp) {
            let (value, _) = draft_of.value(feed, 0, entry, stamp);
            let proof = match entry {
                Entry::Issue { purse, kind, .. } => Some(real.ground.proof(purse, kind).clone()),
                _ => None,
            };
            let answer =
                admit(&state, chain, &Draft { entry: RealEntry::Value(value), row: proof });
            if answer.is_ok() != may.contains(&entry) {
                let model = if may.contains(&entry) { "allows" } else { "refuses" };
                let answer = answer.map(|_| "admits it");
                return Err(format!(
                    "feed {feed}, {entry:?}: the model {model} it, the core: {answer:?}"
                ));
            }
        }
    }
    Ok(())
}

/// Everything a writer could say in this row, sense or nonsense, at its stamp.
fn sayable(row: &Row, world: &World, feed: usize, at: u8) -> Vec<Entry> {
    use super::row::Act;
    let act = |act| row.acts.has(act);
    let len = world.feeds[feed].len[0];
    let mut all = Vec::new();
    if feed == 0 {
        for kind in 0..row.kinds {
            all.extend((1..=row.purses).map(|purse| Entry::Issue { kind, purse, n: row.issue }));
        }
    }
    for (of, _) in world.facts(world.all()).filter(|(of, _)| world.ticket(*of).is_some()) {
        all.push(Entry::Claim { of });
    }
    if act(Act::Float) {
        for n in row.parts.iter().copied() {
            all.extend((1..=row.purses).map(|purse| Entry::Float { purse, home: 0, n }));
            let floats =
                world.facts(world.all()).filter(|(_, fact)| matches!(fact, Entry::Float { .. }));
            for (float, _) in floats {
                all.extend((0..len).map(|lot| Entry::Cover { lot, float, n }));
            }
        }
    }
    for lot in 0..len {
        if act(Act::Hold) {
            all.extend([Entry::Post { hold: lot, at }, Entry::Drop { hold: lot }]);
        }
        for n in row.parts.iter().copied() {
            all.push(Entry::Redeem { lot, n, at });
            if act(Act::Send) {
                let others = (0..row.sites).filter(|to| *to != feed);
                all.extend(others.map(|to| Entry::Send { lot, to: to as u8, n, at }));
            }
            if act(Act::Hold) {
                all.push(Entry::Hold { lot, n, until: at });
            }
            if act(Act::Refund) {
                all.push(Entry::Refund { of: lot, n });
            }
        }
    }
    all
}

/// A row, whose states must come to the same in the core.
struct InCore<'a> {
    row: &'a Row,
    ground: Ground<'a>,
}

impl Model for InCore<'_> {
    type State = World;
    type Step = Step;

    fn start(&self) -> World {
        World::new()
    }
    fn next(&self, world: &World, out: &mut Vec<(Step, World)>) {
        let first = out.len();
        self.row.next(world, out);
        let mut later = out.split_off(first);
        later.retain(|(_, world)| world.epoch == 0);
        out.append(&mut later);
    }
    fn broken(&self, world: &World, _: u8, _: usize) -> Option<String> {
        agrees(&self.ground, world).err()
    }
    fn pack(&self, world: &World, out: &mut Vec<u8>) {
        world.pack(out);
    }
    fn unpack(&self, bytes: &[u8]) -> World {
        World::unpack(bytes)
    }
    fn twin(&self, world: &World) -> Option<World> {
        self.row.twin(world)
    }
}

impl Row {
    /// Whether the real core can be held against this row.
    #[must_use]
    pub fn is_real(&self) -> bool {
        let bound = [
            "01", "02", "07", "08", "09", "11", "12", "20", "N1", "N2", "N4", "N7", "C1", "C4",
            "H1", "H4", "H5", "F1", "F2", "F3", "F6",
        ];
        self.name.split(' ').next().is_some_and(|code| bound.contains(&code))
    }

    /// Searches the row, holding each state against the real core: where they differ, that is what breaks.
    #[must_use]
    pub fn run_in_core(&self, limits: Limits) -> Outcome {
        search(&InCore { row: self, ground: Ground::new(self) }, limits)
    }
}
