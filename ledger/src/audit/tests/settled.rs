//! Closings of days and settlements are held against the entries they are of, and told where they say otherwise.

use super::*;
use crate::audit::verdict::{Compared, Why};
use crate::day;
use crate::feed::leaf;
use crate::settlement::{self, Kind, Single, Tally};

const AT: Minute = Minute(9);
const SHOP: MerchantId = MerchantId([7; 16]);
/// The counter's chain, and its node among the world's.
const COUNTER: usize = 2;

/// A counter that handed out and took back: a treasury itself, or told by its certificate to be none.
fn world(settles: bool) -> World {
    let mut world = World::new();
    if !settles {
        let node = world.nodes[COUNTER].public();
        for signed in &mut world.notices {
            if let Notice::Node(certificate) = &signed.notice
                && certificate.node == node
            {
                let mut certificate = certificate.clone();
                certificate.roles = Roles::MERCHANT.and(Roles::REGISTRAR);
                let by = key(100 + certificate.org.0 as u8);
                *signed = Notice::Node(certificate).sign(&world.federation, &by);
            }
        }
        world.notices.sort_by_key(|signed| signed.notice.hash());
    }
    let (method, at, merchant) = (Method::Pin, AT, 0);
    let ticket = Box::new(Ticket::Budget { epoch: 0, act: 3, line: 0 });
    world.write(0, Value::Claim { ticket, at }.into());
    let send = Send {
        from: Lot(0),
        to: world.nodes[COUNTER].public().short(),
        owner: Owner::Budget,
        cycle: CycleId(1),
        commodity: CASH,
        amount: amount(200),
        expires: Minute::NEVER,
        at,
    };
    world.write(0, Value::Send(send).into());
    world.seal(0);
    let ticket = Box::new(Ticket::Sent(world.sent[0], Bounded::empty()));
    let (purse, expires) = (Purse([1; 16]), Minute(900_000));
    let issue =
        Value::Issue { from: Lot(0), list: 0, row: 0, purse, amount: amount(90), expires, at };
    let redeem = |units| Value::Redeem { lot: Lot(2), amount: amount(units), merchant, at, method };
    let until = Minute(900);
    for value in [
        Value::Claim { ticket, at },
        Value::Merchant { merchant: SHOP },
        issue,
        redeem(10),
        redeem(20),
        Value::Refund { redeem: 3, amount: amount(4), at },
        Value::Hold { lot: Lot(2), amount: amount(5), merchant, until, at },
        Value::Post { hold: 6, at, method },
        // Of a lot that is not there, and of a second refund of one redemption: nothing.
        Value::Redeem { lot: Lot(77), amount: amount(6), merchant, at, method },
        Value::Refund { redeem: 3, amount: amount(1), at },
    ] {
        world.write(COUNTER, value.into());
    }
    world.seal(COUNTER);
    world
}

fn counter(world: &World) -> FeedRef {
    world.chains[COUNTER].feed.short()
}

/// What a program would close the counter's day with.
fn closing(world: &World, chain: usize) -> Closing {
    let state = world.state(&[0, 1, 2, 3]);
    let feed = world.chains[chain].feed.short();
    let number = state.branches(&feed)[usize::from(chain != COUNTER)];
    let (first, _) = day::begins(&state, number);
    let sums = day::sums(&state, number, first, world.chains[chain].head.next);
    sums.close(first).expect("one commodity")
}

fn close(world: &mut World, chain: usize, closing: Closing) {
    let day = Box::new(Day::Close(closing));
    world.write(chain, Value::DayClose { day, at: AT }.into());
    world.seal(chain);
}

fn problems(verdict: &Verdict) -> Vec<(Option<u64>, Problem)> {
    let of = |found: &&Finding| {
        matches!(
            found.problem,
            Problem::ClosingDiffers { .. }
                | Problem::SettlementDiffers { .. }
                | Problem::SettlementRow { .. }
        )
    };
    let found = verdict.findings.iter().filter(of);
    found.map(|found| (found.place.index, found.problem.clone())).collect()
}

#[test]
fn a_closing_is_what_its_day_came_to_or_it_is_noted() {
    let mut world = world(false);
    let honest = closing(&world, COUNTER);
    assert_eq!((honest.redeemed, honest.refunded), (3, 1), "{honest:?}");
    close(&mut world, COUNTER, honest.clone());
    assert_eq!(problems(&run(&world.source(), &Options::default())), []);
    // The next day begins behind it: nothing is in it yet.
    let empty = closing(&world, COUNTER);
    let (first, index) = (empty.first, world.chains[COUNTER].head.next);
    let more = Closing { redeemed: 1, ..empty.clone() };
    let root = Closing { root: Hash([3; 32]), ..empty.clone() };
    let totals = Closing { totals: honest.totals.clone(), ..empty };
    for wrong in [more, root, totals, Closing { first, ..honest.clone() }] {
        let mut world = World { chains: world.chains.clone(), ..self::world(false) };
        close(&mut world, COUNTER, wrong);
        let found = problems(&run(&world.source(), &Options::default()));
        let want = Problem::ClosingDiffers { redeemed: 0, refunded: 0 };
        assert_eq!(found, [(Some(index), want)]);
    }
    // Begun where no day begins: that is said, and no sums are compared.
    close(&mut world, COUNTER, Closing { first: first + 1, ..honest });
    assert_eq!(problems(&run(&world.source(), &Options::default())), []);
}

/// On a branch the day that was open when it left is added up by nobody; the next is.
#[test]
fn each_branch_closes_days_of_its_own() {
    let mut world = world(false);
    world.fork(COUNTER);
    let branch = world.chains.len() - 1;
    let redeem = |units| {
        let (lot, merchant, method) = (Lot(2), 0, Method::Pin);
        Value::Redeem { lot, amount: amount(units), merchant, at: AT, method }
    };
    world.write(COUNTER, redeem(1).into());
    world.seal(COUNTER);
    world.write(branch, redeem(2).into());
    let first = closing(&world, COUNTER).first;
    let open = Closing { first, redeemed: 9, refunded: 9, root: Hash::ZERO, totals: many(vec![]) };
    close(&mut world, branch, open);
    world.write(branch, redeem(3).into());
    world.seal(branch);
    let honest = closing(&world, branch);
    assert_eq!((honest.redeemed, honest.totals[0].given), (1, amount(3)));
    close(&mut world, branch, honest);
    assert_eq!(problems(&run(&world.source(), &Options::default())), []);
    let nothing = closing(&world, branch);
    let index = world.chains[branch].head.next;
    close(&mut world, branch, Closing { refunded: 1, ..nothing });
    let want = Problem::ClosingDiffers { redeemed: 0, refunded: 0 };
    assert_eq!(problems(&run(&world.source(), &Options::default())), [(Some(index), want)]);
}

fn stretch(world: &World, chain: usize, from: u64, to: u64, except: &[u64]) -> Settling {
    let first = world.chains[chain].left.map_or(0, |(_, at)| at);
    let head = world.chains[chain].all[(to - 1 - first) as usize].0;
    let node = counter(world).node;
    Settling::Stretch { node, from, to, head, except: many(except.to_vec()) }
}

/// The row of an entry by itself, as its counter's feed has it.
fn single(world: &World, index: u64, kind: Kind, units: u64) -> Single {
    let leaf = leaf(&world.chains[COUNTER].all[index as usize].1.encode());
    let (cycle, commodity, merchant) = (CycleId(1), CASH, SHOP);
    Single { index, leaf, copy: 0, kind, merchant, cycle, commodity, amount: amount(units) }
}

fn rows(world: &World, all: &[Single]) -> Settling {
    Settling::Rows { node: counter(world).node, rows: many(all.to_vec()) }
}

/// What these lines come to, by the state of everything: what an honest program would draft.
fn honest(world: &World, lines: &[Settling], first: u64) -> Settling {
    let state = world.state(&[0, 1, 2, 3]);
    let rows = settlement::rows(&state, P, lines).expect("everything is here");
    let mut tally = Tally::default();
    assert!(rows.iter().all(|row| tally.push(row)));
    tally.finish(first).expect("some rows")
}

/// Drafts lines at the first treasury: as the lines come to, or changed.
fn draft(world: &mut World, lines: &[Settling], change: impl FnOnce(Settling) -> Settling) -> u64 {
    let first = world.chains[0].head.next;
    let frozen = honest(world, lines, first);
    drafted(world, lines, change(frozen))
}

fn drafted(world: &mut World, lines: &[Settling], frozen: Settling) -> u64 {
    for line in lines {
        let settling = Box::new(line.clone());
        world.write(0, Value::Settle { settling, at: AT }.into());
    }
    let index = world.chains[0].head.next;
    world.write(0, Value::Settle { settling: Box::new(frozen), at: AT }.into());
    world.seal(0);
    index
}

/// What was in the way of comparing the settlements of a world, one after the other.
fn in_the_way(world: &World) -> Vec<(u64, u64, Why)> {
    let verdict = run(&world.source(), &Options::default());
    let lacks = verdict.settlements.iter().flat_map(|line| &line.lacks);
    lacks.map(|lack| (lack.from, lack.to, lack.why)).collect()
}

fn settlements(world: &World) -> (Vec<Compared>, Vec<(Option<u64>, Problem)>) {
    let verdict = run(&world.source(), &Options::default());
    let compared = verdict.settlements.iter().map(|line| line.compared).collect();
    let open = verdict.settlements.iter().any(|line| line.compared == Compared::Open);
    assert!(verdict.is_partial() || !open, "what is open was not checked");
    (compared, problems(&verdict))
}

#[test]
fn a_settlement_is_what_its_lines_come_to_or_it_is_noted() {
    for settles in [true, false] {
        let new = || world(settles);
        let made = new();
        let (whole, parted) = (
            vec![stretch(&made, COUNTER, 0, 10, &[])],
            vec![
                stretch(&made, COUNTER, 0, 5, &[3]),
                stretch(&made, COUNTER, 5, 10, &[]),
                rows(&made, &[single(&made, 3, Kind::Redeemed, 10)]),
            ],
        );
        let back = vec![whole[0].clone(), rows(&made, &[single(&made, 4, Kind::Returned, 20)])];
        for lines in [&whole, &parted, &back] {
            let mut world = new();
            draft(&mut world, lines, |frozen| frozen);
            assert_eq!(settlements(&world), (vec![Compared::Same], vec![]));
        }
        type Change = fn(Settling) -> Settling;
        let changes: [(Change, u32); 3] = [
            (
                |frozen| match frozen {
                    Settling::Draft { first, root, rows, totals } => {
                        Settling::Draft { first, root, rows: rows + 1, totals }
                    }
                    other => other,
                },
                5,
            ),
            (
                |frozen| match frozen {
                    Settling::Draft { first, rows, totals, .. } => {
                        Settling::Draft { first, root: Hash([9; 32]), rows, totals }
                    }
                    other => other,
                },
                4,
            ),
            (
                |frozen| match frozen {
                    Settling::Draft { first, root, rows, .. } => {
                        Settling::Draft { first, root, rows, totals: Bounded::empty() }
                    }
                    other => other,
                },
                4,
            ),
        ];
        for (change, said) in changes {
            for lines in [&whole, &parted] {
                let mut world = new();
                let index = draft(&mut world, lines, change);
                let want = Problem::SettlementDiffers { said, found: 4 };
                let (compared, problems) = settlements(&world);
                assert_eq!(
                    (compared, problems),
                    (vec![Compared::Differs], vec![(Some(index), want)])
                );
            }
        }
    }
}

#[test]
fn rows_by_themselves_are_what_their_entries_say() {
    let made = world(false);
    let redeemed = single(&made, 3, Kind::Redeemed, 10);
    let lies = [
        Single { merchant: MerchantId([8; 16]), ..redeemed },
        Single { amount: amount(11), ..redeemed },
        Single { commodity: RICE, ..redeemed },
        Single { cycle: CycleId(2), ..redeemed },
        Single { kind: Kind::Refunded, ..redeemed },
        // A merchant's name, a hold, a refund that came second, and a refund taken back by hand: none handed anything out.
        single(&made, 1, Kind::Redeemed, 1),
        single(&made, 6, Kind::Redeemed, 5),
        single(&made, 9, Kind::Refunded, 1),
        single(&made, 5, Kind::Returned, 4),
    ];
    for lie in lies {
        let mut world = world(false);
        let index = draft(&mut world, &[rows(&made, &[lie])], |frozen| frozen);
        let want = Problem::SettlementRow { entry: lie.index };
        let found = settlements(&world);
        assert_eq!(found, (vec![Compared::Differs], vec![(Some(index), want)]), "{lie:?}");
    }
    let honest =
        [redeemed, single(&made, 5, Kind::Refunded, 4), single(&made, 7, Kind::Redeemed, 5)];
    for honest in honest {
        let mut world = world(false);
        draft(&mut world, &[rows(&made, &[honest])], |frozen| frozen);
        assert_eq!(settlements(&world), (vec![Compared::Same], vec![]), "{honest:?}");
    }
}

#[test]
fn what_is_not_here_is_open_and_nobodys_fault() {
    let made = world(false);
    let unknown = Single { leaf: Hash([4; 32]), ..single(&made, 3, Kind::Redeemed, 10) };
    let beyond = Settling::Stretch {
        node: counter(&made).node,
        from: 0,
        to: 40,
        head: Hash([4; 32]),
        except: Bounded::empty(),
    };
    for (line, entries) in [(rows(&made, &[unknown]), (3, 4)), (beyond, (0, 40))] {
        let mut world = world(false);
        let first = world.chains[0].head.next;
        let frozen = Settling::Draft { first, root: Hash::ZERO, rows: 1, totals: Bounded::empty() };
        drafted(&mut world, &[line], frozen);
        assert_eq!(settlements(&world), (vec![Compared::Open], vec![]));
        assert_eq!(in_the_way(&world), [(entries.0, entries.1, Why::NotHere)]);
    }
    // The same again and again is looked at four times, and no more.
    let mut world = world(false);
    let line = [stretch(&made, COUNTER, 0, 10, &[])];
    for _ in 0..6 {
        draft(&mut world, &line, |frozen| frozen);
    }
    let (compared, problems) = settlements(&world);
    assert_eq!(compared, [[Compared::Same; 4].as_slice(), &[Compared::Open; 2]].concat());
    assert_eq!(problems, []);
    assert_eq!(in_the_way(&world), [(0, 10, Why::TooOften); 2]);
}

#[test]
fn a_stretch_of_a_branch_is_made_from_the_branch_and_what_it_shares() {
    let mut world = world(false);
    world.fork(COUNTER);
    let branch = world.chains.len() - 1;
    for (chain, units) in [(COUNTER, 1), (branch, 2)] {
        let (lot, merchant, method) = (Lot(2), 0, Method::Pin);
        let redeem = Value::Redeem { lot, amount: amount(units), merchant, at: AT, method };
        world.write(chain, redeem.into());
        world.seal(chain);
    }
    for chain in [COUNTER, branch] {
        let line = stretch(&world, chain, 4, 11, &[]);
        draft(&mut world, &[line], |frozen| frozen);
    }
    assert_eq!(settlements(&world), (vec![Compared::Same; 2], vec![]));
}

#[test]
fn a_treasury_is_not_held_to_whom_its_counter_named_too_late() {
    let mut world = world(false);
    let (lot, merchant, method) = (Lot(2), 1, Method::Pin);
    world.write(COUNTER, Value::Redeem { lot, amount: amount(1), merchant, at: AT, method }.into());
    world.write(COUNTER, Value::Merchant { merchant: MerchantId([9; 16]) }.into());
    world.seal(COUNTER);
    let line = stretch(&world, COUNTER, 0, world.chains[COUNTER].head.next, &[]);
    draft(&mut world, &[line], |frozen| frozen);
    let (compared, problems) = settlements(&world);
    assert_eq!(compared, [Compared::Open]);
    assert_eq!(in_the_way(&world), [(0, world.chains[COUNTER].head.next, Why::Unnamed)]);
    let accused = |problem: &Problem| {
        matches!(problem, Problem::SettlementDiffers { .. } | Problem::SettlementRow { .. })
    };
    assert!(!problems.iter().any(|(_, problem)| accused(problem)), "{problems:?}");
}

/// Room that gives back what it took, until it is lost; and runs of so many entries.
#[derive(Debug)]
struct Room {
    run: usize,
    has: bool,
    taken: std::sync::Mutex<Vec<Vec<u8>>>,
}

impl Room {
    fn of(run: usize, has: bool) -> Arc<Self> {
        Arc::new(Self { run, has, taken: std::sync::Mutex::default() })
    }

    fn taken(&self) -> usize {
        self.taken.lock().expect("whole").len()
    }
}

impl Aside for Room {
    fn run(&self) -> usize {
        self.run
    }

    fn put(&self, bytes: &[u8]) -> Option<u64> {
        let mut taken = self.taken.lock().expect("whole");
        self.has.then(|| taken.push(bytes.to_vec()))?;
        Some(taken.len() as u64 - 1)
    }

    fn get(&self, number: u64) -> Option<Vec<u8>> {
        self.taken.lock().expect("whole").get(usize::try_from(number).expect("few")).cloned()
    }
}

/// Runs of any length, none of them with room, and all in memory: the same verdict, whether a settlement is right or wrong.
#[test]
fn what_is_put_aside_is_compared_as_what_is_kept() {
    for settles in [false, true] {
        for wrong in [false, true] {
            let mut world = world(settles);
            let lines = [stretch(&world, COUNTER, 1, 5, &[4]), stretch(&world, COUNTER, 5, 9, &[])];
            draft(&mut world, &lines, |frozen| match frozen {
                Settling::Draft { root, first, rows, totals } => {
                    let root = if wrong { Hash([1; 32]) } else { root };
                    Settling::Draft { root, first, rows, totals }
                }
                other => other,
            });
            let by_itself =
                [single(&world, 4, Kind::Redeemed, 20), single(&world, 5, Kind::Refunded, 4)];
            let lines = [rows(&world, &by_itself)];
            draft(&mut world, &lines, |frozen| frozen);
            let (source, options) = (world.source(), Options::default());
            let kept = run(&source, &options);
            assert_eq!(problems(&kept).is_empty(), !wrong);
            assert!(kept.settlements.iter().all(|one| one.compared != Compared::Open));
            for of in 1..7 {
                let room = Room::of(of, true);
                let aside: Arc<dyn Aside> = Arc::<Room>::clone(&room);
                assert_eq!(run_with(&source, &options, Some(aside)), kept, "runs of {of}");
                assert_eq!(room.taken() > 0, of < 5, "runs of {of}");
                let none: Arc<dyn Aside> = Room::of(of, false);
                assert_eq!(run_with(&source, &options, Some(none)), kept, "no room for {of}");
            }
        }
    }
}
