//! Histories nobody would write, and some that everybody would: what must hold of every one of them.

use proptest::prelude::*;

use super::*;
use crate::admit::{Draft, RowProof, admit, provenance};
use crate::amount::Amount;
use crate::charge::{Proven, came_back, charges, proven};
use crate::day::{Closing, Day};
use crate::entry::{Control, Owner, Registry};
use crate::entry::{FloatCover, List as Frozen, Lot, Method, Send};
use crate::id::{EntryName, Purse};
use crate::key::Signature;
use crate::orphan::{Orphan, Shown};
use crate::settlement::{self, Settling, Signing};
use crate::testing::*;
use crate::ticket::{Moved, Ticket, carried, sign_place};
use crate::wire::{Bounded, WireFault};

mod rogues;

use rogues::Rogues;

const SEEDS: [u8; 3] = [TREASURY, A, B];

/// One step of a history: what to try, and numbers to choose with.
type Step = (u8, u8, u8, u8, u8);

type Said = (FeedId, Head, Entry, Head);

/// Folds what was said in the order given, each entry as soon as the one before it is there.
fn folded(said: &[Said]) -> State {
    let charter = charter();
    let roster = roster(&charter);
    let mut state = State::new(charter, roster);
    let mut stands: BTreeMap<(FeedId, Head), At> = BTreeMap::new();
    let mut done = BTreeSet::new();
    let mut waiting: Vec<&Said> = said.iter().collect();
    while !waiting.is_empty() {
        let count = waiting.len();
        waiting.retain(|(feed, before, entry, after)| {
            let start = Head::start(&state.charter.federation(), feed);
            let known = *before == start || stands.contains_key(&(*feed, *before));
            if !known {
                return true;
            }
            if done.insert((*feed, *after)) {
                let trunk = state.trunk(feed);
                let chain = stands.get(&(*feed, *before)).map_or(trunk, |at| at.chain);
                let chain = if state.head(chain) == *before {
                    chain
                } else {
                    state.branch(At { chain, index: before.next }, *before)
                };
                state.fold(chain, after.accumulator, entry);
                stands.insert((*feed, *after), At { chain, index: before.next });
            }
            false
        });
        assert!(waiting.len() < count, "an entry that follows nothing");
    }
    state
}

/// Conservation, and that whatever was given beyond what there was is somebody's to pay.
fn check_sums(state: &State) -> Result<(), TestCaseError> {
    let zero = Pool::default();
    let mut sums: BTreeMap<_, Pool> = BTreeMap::new();
    let mut lots: BTreeMap<PoolKey, Balance> = BTreeMap::new();
    for (at, lot) in state.lots() {
        let FeedRef { node, programme, .. } = state.chain(at.chain).feed.short();
        let key = PoolKey { node, programme, cycle: lot.cycle, commodity: lot.commodity };
        let sum = lots.entry(key).or_default();
        *sum = sum.plus(lot.balance);
    }
    for (_, ticket) in state.tickets().filter(|(_, ticket)| !ticket.placed) {
        let TicketRow { programme, cycle, commodity, .. } = *ticket;
        let node = ticket.from.expect("a budget line is placed from the start");
        let sum = lots.entry(PoolKey { node, programme, cycle, commodity }).or_default();
        *sum = sum.debit(ticket.amount);
    }
    let mut arriving: BTreeMap<PoolKey, Balance> = BTreeMap::new();
    for (_, ticket) in state.tickets().filter(|(_, ticket)| ticket.claimed.is_none()) {
        let TicketRow { programme, cycle, commodity, to: node, .. } = *ticket;
        let sum = arriving.entry(PoolKey { node, programme, cycle, commodity }).or_default();
        *sum = sum.credit(ticket.amount);
    }
    let whole = state.whole_pools();
    for (key, pool) in state.pools() {
        prop_assert_eq!(pool.lots, lots.get(key).copied().unwrap_or_default(), "lots of {:?}", key);
        let coming = arriving.get(key).copied().unwrap_or_default();
        prop_assert_eq!(pool.arriving, coming, "arriving at {:?}", key);
        let pool = &whole[key];
        prop_assert!(pool.redeemed >= Balance::ZERO);
        let sum = sums.entry((key.programme, key.cycle, key.commodity)).or_insert(zero);
        *sum = sum.plus(*pool);
    }
    let mut charged: BTreeMap<_, u128> = BTreeMap::new();
    for charge in charges(state) {
        prop_assert!(charge.org.is_some(), "a charge without an organisation");
        let PoolKey { programme, cycle, commodity, .. } = charge.key;
        *charged.entry((programme, cycle, commodity)).or_default() += charge.units;
    }
    // What came back by a ticket's word was redeemed once and is handed out again.
    for (key, units) in came_back(state) {
        let PoolKey { programme, cycle, commodity, .. } = key;
        *charged.entry((programme, cycle, commodity)).or_default() += units;
    }
    for (key @ (programme, cycle, commodity), pool) in &sums {
        let budget = Balance::from(state.charter().budgeted(*programme, *cycle, *commodity));
        let all = pool.lots.plus(pool.arriving).plus(pool.redeemed);
        prop_assert_eq!(all, budget, "conservation of {:?}", key);
        let owed = charged.get(key).copied().unwrap_or_default();
        let covered = budget.plus(Balance::of(i128::try_from(owed).expect("small sums")));
        prop_assert!(pool.redeemed <= covered, "{:?}: an excess charged to nobody", key);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_entries_in_any_order_come_to_one_state_that_adds_up(
        steps in prop::collection::vec(any::<Step>(), 20..90),
        shuffles in prop::array::uniform3(any::<u64>()),
    ) {
        let mut rogues = Rogues::new();
        for (run, act) in [(0, 3), (0, 4)] {
            let ticket = Box::new(Ticket::Budget { epoch: 0, act, line: 0 });
            rogues.write(run, Value::Claim { ticket, at: NOW });
        }
        for step in steps {
            rogues.step(step);
        }
        let mut said = rogues.entries();
        let first = folded(&said);
        check_sums(&first)?;
        for seed in shuffles {
            let mut random = seed;
            said.sort_by_cached_key(|_| {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                random >> 20
            });
            let other = folded(&said);
            prop_assert_eq!(first.root(), other.root());
            prop_assert_eq!(charges(&first), charges(&other));
        }
    }
}

/// Three writers that write only what `admit` lets through, each with what it has seen.
struct Honest {
    desks: [Desk; 3],
    /// What each wrote, with the name after it.
    written: [Vec<(Entry, Hash)>; 3],
    tickets: Vec<Ticket>,
    floats: Vec<EntryName>,
    proofs: Vec<RowProof>,
    list: Frozen,
}

impl Honest {
    fn new() -> Self {
        let federation = charter().federation();
        let (list, proofs) = list(&federation, TREASURY, &[6, 5, 4, 3, 2, 1], Minute(0));
        let desks = SEEDS.map(|_| Desk::new());
        let (written, tickets, floats) = Default::default();
        let mut honest = Self { desks, written, tickets, floats, proofs, list };
        let freeze = Entry::from(Control::List(Box::new(honest.list.clone())));
        honest.desks[0].write(&on(TREASURY, Lane::Control), freeze);
        honest.write(0, Entry::Value(Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW }));
        for (who, _) in SEEDS.iter().enumerate() {
            honest.write(who, Entry::Value(Value::Merchant { merchant: merchant(1) }));
        }
        honest
    }

    /// Writes, if it may.
    fn write(&mut self, who: usize, draft: impl Into<Draft>) -> bool {
        let (draft, feed) = (draft.into(), value(SEEDS[who]));
        if self.desks[who].ask(&feed, &draft).is_err() {
            return false;
        }
        let before = self.desks[who].head(&feed);
        self.desks[who].force(&feed, draft.entry.clone());
        let after = self.desks[who].head(&feed);
        let moved = match &draft.entry {
            Entry::Value(Value::Send(send)) => Some((send.from, Moved::Send(*send))),
            Entry::Value(Value::FloatCover(cover)) => Some((cover.from, Moved::Cover(*cover))),
            Entry::Value(Value::FloatRedeem { .. }) => {
                let (index, accumulator) = (before.next, after.accumulator);
                self.floats.push(EntryName { feed: feed.short(), index, accumulator });
                None
            }
            _ => None,
        };
        if let Some((from, moved)) = moved {
            let state = &mut self.desks[who].state;
            let chain = state.trunk(&feed);
            // All of the provenance there is room for: a stranger may have seen none of it.
            let hops = provenance(state, chain, from, |_| false).unwrap_or_default();
            let federation = state.charter().federation();
            let sent = ticket(&federation, SEEDS[who], before, moved);
            let written = &self.written[who];
            let refund = |index: u64| -> Result<Sent, WireFault> {
                let at = usize::try_from(index).expect("few");
                let Entry::Value(Value::Refund { redeem, amount, at: stamp }) = written[at].0
                else {
                    unreachable!("it opened a lot by coming back")
                };
                let before = Head { next: index, accumulator: written[at - 1].1 };
                let moved = Moved::Refund { redeem, amount, at: stamp };
                Ok(ticket(&federation, SEEDS[who], before, moved))
            };
            let hops = carried(&hops, refund).expect("admitted within the limit");
            self.tickets.push(Ticket::Sent(sent, hops));
        }
        self.written[who].push((draft.entry, after.accumulator));
        true
    }

    /// One desk reads on in another's feed.
    fn sync(&mut self, reader: usize, of: usize, most: usize) {
        if reader == of {
            return;
        }
        let written = &self.written[of];
        let state = &mut self.desks[reader].state;
        read(state, SEEDS[of], written, most);
    }

    fn step(&mut self, (who, what, a, b, c): Step) {
        let who = usize::from(who) % 3;
        let next = self.desks[who].head(&value(SEEDS[who])).next;
        let lot = Lot(u64::from(a) % next.max(1));
        let (amount, at) = (units(1 + u64::from(c) % 4), NOW);
        let to = SEEDS[usize::from(b) % 3];
        let (merchant, method) = (0, Method::Pin);
        let state = &mut self.desks[who].state;
        let chain = state.trunk(&value(SEEDS[who]));
        let of_lot = fold::resolve(state, chain, lot).map(|(_, row)| row);
        let held = of_lot.map_or(Owner::Float, |row| row.owner);
        let owner = if held == Owner::Budget && b % 2 == 0 { Owner::Float } else { held };
        let entry = match what % 12 {
            0 => {
                let proof = self.proofs[usize::from(b) % self.proofs.len()].clone();
                let crate::list::Row { row, purse, amount, .. } = proof.row;
                let (from, list, expires) = (Lot(0), 0, LAST);
                let issue = Value::Issue { from, list, row, purse, amount, expires, at };
                self.write(who, Draft { entry: issue.into(), row: Some(proof) });
                return;
            }
            1 | 2 => Value::Send(Send {
                from: lot,
                to: node(to),
                owner,
                cycle: MAY,
                commodity: RICE,
                amount,
                expires: LAST,
                at,
            }),
            3..=5 if !self.tickets.is_empty() => {
                let ticket = self.tickets[usize::from(a) % self.tickets.len()].clone();
                Value::Claim { ticket: Box::new(ticket), at }
            }
            6 => Value::Redeem { lot, amount, merchant, at, method },
            7 => Value::Hold { lot, amount, merchant, until: LAST, at },
            8 => Value::Post { hold: lot.0, at, method },
            9 => Value::Refund { redeem: lot.0, amount, at },
            10 if b % 2 == 0 => {
                let (home, purse) = (feed_of(to), purse(c % 4));
                Value::FloatRedeem { lot, home, purse, amount, merchant, at, method }
            }
            10 if !self.floats.is_empty() => {
                let float = self.floats[usize::from(c) % self.floats.len()];
                let amount = units(1 + u64::from(a) % 4);
                let (cycle, commodity) = (MAY, RICE);
                Value::FloatCover(FloatCover { from: lot, float, cycle, commodity, amount, at })
            }
            _ => return self.sync(who, usize::from(b) % 3, usize::from(c) % 9),
        };
        self.write(who, Entry::Value(entry));
    }
}

/// Folds the next few entries of a feed.
fn read(state: &mut State, seed: u8, written: &[(Entry, Hash)], most: usize) {
    let chain = state.trunk(&value(seed));
    let from = usize::try_from(state.head(chain).next).expect("few");
    for (entry, accumulator) in written.iter().skip(from).take(most) {
        state.fold(chain, *accumulator, entry);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn honest_writers_are_never_short_and_never_charged_whatever_was_seen(
        steps in prop::collection::vec(any::<Step>(), 40..160),
        seen in prop::collection::vec(prop::array::uniform3(any::<u8>()), 1..6),
    ) {
        let mut honest = Honest::new();
        for step in steps {
            honest.step(step);
        }
        // Everybody's own view, then views of any prefixes, then all of it.
        let parts = |seen: [u8; 3]| {
            let charter = charter();
            let roster = roster(&charter);
            let mut state = State::new(charter, roster);
            for (who, share) in seen.iter().enumerate() {
                let written = &honest.written[who];
                read(&mut state, SEEDS[who], written, written.len() * usize::from(*share) / 255);
            }
            state
        };
        let partial: Vec<State> = seen.into_iter().map(parts).collect();
        let all = parts([255; 3]);
        let own = honest.desks.iter().map(|desk| &desk.state);
        for state in own.chain(&partial).chain([&all]) {
            check_sums(state)?;
            prop_assert_eq!(state.faults().collect::<Vec<_>>(), Vec::<&(At, Fault)>::new());
            prop_assert_eq!(charges(state), vec![]);
            for (at, lot) in state.lots() {
                prop_assert!(lot.balance >= lot.held && lot.held >= Balance::ZERO, "{:?}", at);
            }
            for seed in SEEDS {
                prop_assert_eq!(proven(state, &feed_of(seed)), None::<Proven>);
            }
        }
        once_each(&honest.written)?;
        // Nobody ate more than was issued to them: but for float that is not covered yet.
        let mut issued: BTreeMap<Purse, Amount> = BTreeMap::new();
        for (entry, _) in honest.written.iter().flatten() {
            if let Entry::Value(Value::Issue { purse, amount, .. }) = entry {
                let sum = issued.entry(*purse).or_default();
                *sum = sum.plus(*amount).expect("small sums");
            }
        }
        for (who, units) in eaten(&all, &honest.written) {
            let most = Balance::from(issued.get(&who).copied().unwrap_or_default());
            prop_assert!(units <= most, "{:?} ate {} of {}", who, units, most);
        }
    }
}

/// A ticket is claimed once, a hold resolved once, a redemption refunded once, a float covered once.
fn once_each(written: &[Vec<(Entry, Hash)>; 3]) -> Result<(), TestCaseError> {
    let mut used = BTreeSet::new();
    for (who, feed) in written.iter().enumerate() {
        for (entry, _) in feed {
            let use_of = match entry {
                Entry::Value(Value::Claim { ticket, .. }) => match &**ticket {
                    Ticket::Sent(sent, _) => Use::Ticket(sent.name(FOOD).ticket()),
                    Ticket::Budget { .. } | Ticket::Release { .. } => Use::Ticket(Hash::ZERO),
                },
                Entry::Value(Value::Post { hold, .. } | Value::Drop { hold, .. }) => {
                    Use::Hold(place(who, *hold))
                }
                Entry::Value(Value::Refund { redeem, .. }) => Use::Redemption(place(who, *redeem)),
                Entry::Value(Value::FloatCover(cover)) => Use::Float(cover.float.accumulator),
                _ => continue,
            };
            prop_assert!(used.insert(use_of), "twice: {:?}", use_of);
        }
    }
    Ok(())
}

fn place(who: usize, index: u64) -> At {
    At { chain: ChainNo(u32::try_from(who).expect("three")), index }
}

/// What each purse got from its own lots or by covers.
fn eaten(state: &State, written: &[Vec<(Entry, Hash)>; 3]) -> BTreeMap<Purse, Balance> {
    let mut eaten: BTreeMap<Purse, Balance> = BTreeMap::new();
    for (who, feed) in written.iter().enumerate() {
        let chain = state.trunks.get(&value(SEEDS[who])).copied().expect("it was read");
        for (index, (entry, _)) in (0u64..).zip(feed) {
            let (lot, by) = match entry {
                Entry::Value(Value::Redeem { .. } | Value::Post { .. }) => {
                    let given = fold::redeemed(state, At { chain, index });
                    let (lot, amount) = given.expect("an honest redemption");
                    (lot, Balance::from(amount))
                }
                Entry::Value(Value::Refund { redeem, amount, .. }) => {
                    let given = fold::redeemed(state, At { chain, index: *redeem });
                    (given.expect("an honest refund").0, Balance::ZERO.debit(*amount))
                }
                Entry::Value(Value::FloatCover(cover)) => {
                    let lot = fold::resolve(state, chain, cover.from).expect("an honest cover").1;
                    (lot, Balance::from(cover.amount))
                }
                _ => continue,
            };
            let Owner::Purse(purse) = lot.owner else { continue };
            let sum = eaten.entry(purse).or_default();
            *sum = sum.plus(by);
        }
    }
    eaten
}

#[test]
fn refunds_of_two_branches_are_one_whichever_comes_first() {
    // One branch refunds three, then tries ten; others refund five and four. The goods came back once: five, in any order.
    let mut rogues = Rogues::new();
    rogues.write(0, Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW });
    let (from, expires, at, amount) = (Lot(0), LAST, NOW, units(20));
    let issue = Value::Issue { from, list: 0, row: 0, purse: purse(0), amount, expires, at };
    rogues.write(0, issue);
    let (lot, amount, method) = (Lot(1), units(10), Method::Pin);
    rogues.write(0, Value::Redeem { lot, amount, merchant: 0, at, method });
    rogues.branch(0, 3);
    rogues.branch(0, 3);
    let refund = |amount| Value::Refund { redeem: 2, amount: units(amount), at };
    for (run, amount) in [(0, 3), (0, 10), (3, 5), (4, 4)] {
        rogues.write(run, refund(amount));
    }
    let mut said = rogues.entries();
    let one = folded(&said);
    said.reverse();
    let other = folded(&said);
    assert_eq!(one.root(), other.root());
    let pool = |state: &State| state.pools().map(|(_, pool)| pool.redeemed.units()).sum::<i128>();
    assert_eq!([pool(&one), pool(&other)], [5, 5]);
}

#[test]
fn a_branch_knows_the_stamps_and_merchants_below_the_place_where_it_left_and_no_others() {
    let mut desk = Desk::new();
    let feed = value(A);
    let named = |n| Entry::Value(Value::Merchant { merchant: merchant(n) });
    let dropped = |at| Entry::Value(Value::Drop { hold: 99, at: Minute(at) });
    desk.force(&feed, named(1)); // 0
    desk.force(&feed, dropped(50)); // 1
    let left = desk.head(&feed);
    desk.force(&feed, named(2)); // 2
    desk.force(&feed, dropped(70)); // 3
    let trunk = desk.state.trunk(&feed);
    let branch = desk.state.branch(At { chain: trunk, index: 2 }, left);
    assert_eq!(desk.state.last_stamp(branch), Minute(50));
    assert_eq!([trunk, branch].map(|chain| desk.state.merchants(chain)), [2, 1]);
    assert!(desk.state.has_merchant(branch, &merchant(1)));
    assert!(!desk.state.has_merchant(branch, &merchant(2)));
    // A branch of the branch that leaves it at its very first entry shares nothing of its own.
    let again = desk.state.branch(At { chain: branch, index: 2 }, left);
    assert_eq!(desk.state.chain(again).left, Some(At { chain: trunk, index: 2 }));
    assert_eq!(desk.state.fork_at(&feed_of(A)), Some(2));
}

#[test]
fn a_block_folds_only_where_its_chain_stands_and_its_charter_is_known() {
    let mut desk = Desk::new();
    let (federation, feed) = (desk.federation(), value(TREASURY));
    let claim = Entry::Value(Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW });
    let start = Head::start(&federation, &feed);
    let block = seal(&federation, TREASURY, feed, 0, start, std::slice::from_ref(&claim));
    let verified = block.verify(&federation, &feed).expect("a good block");
    let chain = desk.state.trunk(&feed);
    assert_eq!(desk.state.fold_block(chain, &verified), Ok(()));
    let (stands, found) = (block.header.end(), start);
    assert_eq!(desk.state.fold_block(chain, &verified), Err(ChainFault::Gap { stands, found }));
}

#[test]
fn two_lists_at_one_index_leave_the_same_one_whichever_comes_first() {
    let federation = charter().federation();
    let lists = [1, 2].map(|units| list(&federation, TREASURY, &[units], NOW).0);
    let root = |order: [usize; 2]| {
        let mut desk = Desk::new();
        let feed = on(TREASURY, Lane::Control);
        let trunk = desk.state.trunk(&feed);
        let start = desk.head(&feed);
        let chains = [trunk, desk.state.branch(At { chain: trunk, index: 0 }, start)];
        for (chain, at) in chains.into_iter().zip(order) {
            let entry = Entry::from(Control::List(Box::new(lists[at].clone())));
            let after = start.after(&entry.encode());
            desk.state.fold(chain, after.accumulator, &entry);
        }
        (desk.state.root(), desk.state.list(&node(TREASURY), 0))
    };
    assert_eq!(root([0, 1]), root([1, 0]));
    // The one with the lesser bytes: whoever reads the page must come to it too.
    let least = lists.iter().min_by_key(|list| crate::wire::encode(*list)).cloned();
    assert_eq!(root([0, 1]).1, least);
}

#[test]
fn nothing_is_given_back_of_a_redemption_that_named_a_lot_to_come() {
    let mut desk = Desk::new();
    let feed = value(TREASURY);
    desk.force(&feed, Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW });
    let (lot, amount, method, at) = (Lot(2), units(5), Method::Pin, NOW);
    desk.force(&feed, Value::Redeem { lot, amount, merchant: 0, at, method });
    let (from, expires) = (Lot(0), LAST);
    let purse = purse(0);
    desk.force(&feed, Value::Issue { from, list: 0, row: 0, purse, amount, expires, at });
    desk.force(&feed, Value::Refund { redeem: 1, amount, at });
    let redeemed: Vec<i128> = desk.state.pools().map(|(_, pool)| pool.redeemed.units()).collect();
    assert_eq!(redeemed, [0, 0]);
}

#[test]
fn registries_are_sets() {
    let enrol = Entry::from(Registry::Enrol { pseudonym: holder(1), at: NOW });
    let mut desk = Desk::new();
    desk.force(&on(A, Lane::Registry), enrol.clone());
    let once = desk.state.root();
    desk.force(&on(B, Lane::Registry), enrol);
    assert_eq!(desk.state.root(), once);
}

#[test]
fn a_thief_pays_lot_by_lot_and_an_honest_pool_as_a_whole() {
    // One purse is robbed of two, another has two left. Before the proof the pool is even; after it, two are owed.
    let mut desk = Desk::new();
    let feed = value(TREASURY);
    desk.force(&feed, Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW });
    let all = |from, amount, row| Value::Issue {
        from: Lot(from),
        list: 0,
        row,
        purse: purse(u8::try_from(row).expect("few")),
        amount: units(amount),
        expires: LAST,
        at: NOW,
    };
    desk.force(&feed, all(0, 98, 0));
    desk.force(&feed, all(0, 2, 1));
    assert_eq!(charges(&desk.state), vec![]);
    let before = desk.head(&feed);
    let send = |units_: u64| Send {
        from: Lot(2),
        to: node(A),
        owner: purse_of(1),
        cycle: MAY,
        commodity: RICE,
        amount: units(units_),
        expires: LAST,
        at: NOW,
    };
    // A ticket of four out of a lot of two, shown before its block: the budget still covers it.
    let sent = ticket(&desk.federation(), TREASURY, before, Moved::Send(send(4)));
    let claim = Ticket::Sent(sent, Bounded::empty());
    desk.force(&value(A), Value::Claim { ticket: Box::new(claim), at: NOW });
    assert_eq!(charges(&desk.state), vec![]);
    // Another entry stands at the ticket's place: the ticket and the chain are a fork, and the two are owed.
    desk.force(&feed, Value::Send(send(1)));
    assert_eq!(proven(&desk.state, &feed_of(TREASURY)), Some(Proven::Fork { index: 3 }));
    let owed: Vec<_> = charges(&desk.state).iter().map(|c| (c.org.map(|o| o.0), c.units)).collect();
    assert_eq!(owed, [(Some(1), 3)]);
    let chain = desk.state.trunk(&value(A));
    let draft = Draft::from(Entry::Value(Value::Merchant { merchant: merchant(1) }));
    assert!(admit(&desk.state, chain, &draft).is_ok(), "the receiver is nobody's thief");
}
