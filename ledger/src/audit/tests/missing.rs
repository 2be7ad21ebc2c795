//! Files that lack something: nobody is charged for it, and the verdict says what it could not decide.

use super::super::verdict::{Missing, Undecided};
use super::*;
use crate::fork::Statement;

const AT: Minute = Minute(9);

fn send(world: &World, from: u64, to: usize, units: u64) -> Entry {
    let (to, amount) = (world.nodes[to].public().short(), amount(units));
    let (owner, cycle, commodity) = (Owner::Budget, CycleId(1), CASH);
    let (from, expires, at) = (Lot(from), Minute(900_000), AT);
    Value::Send(Send { from, to, owner, cycle, commodity, amount, expires, at }).into()
}

fn claim(ticket: Ticket) -> Entry {
    Value::Claim { ticket: Box::new(ticket), at: AT }.into()
}

fn sent(world: &World, which: usize) -> Entry {
    claim(Ticket::Sent(world.sent[which], many(vec![])))
}

fn short(world: &World, node: usize) -> [u8; 8] {
    world.nodes[node].public().short()
}

fn undecided(verdict: &Verdict) -> Vec<Undecided> {
    verdict.sums.values().flat_map(|sum| sum.undecided.iter().copied()).collect()
}

fn problems(verdict: &Verdict) -> Vec<Problem> {
    verdict.findings.iter().map(|finding| finding.problem.clone()).collect()
}

fn without_article(world: &World, epoch: u32) -> Memory {
    let mut source = world.source();
    source.said.retain(|said| !matches!(said, Said::Article(a) if a.article.epoch == epoch));
    source
}

#[test]
fn a_budget_that_was_cut_off_charges_nobody_who_claimed_it() {
    let mut world = World::new();
    let lines = many(vec![Line { commodity: CASH, amount: amount(2_500) }]);
    let treasury = short(&world, 0);
    world.vote(Act::Budget { programme: P, cycle: CycleId(1), treasury, lines });
    assert_eq!(world.articles.len(), 2);
    world.chains[0].knows = 1;
    world.write(0, claim(Ticket::Budget { epoch: 1, act: 0, line: 0 }));
    let entry = send(&world, 0, 1, 2_500);
    world.write(0, entry);
    world.seal(0);
    let entry = sent(&world, 0);
    world.write(1, entry);
    world.seal(1);
    let whole = run(&world.source(), &Options::default());
    assert!(whole.is_good() && !whole.is_partial(), "{:?}", whole.findings);
    let verdict = run(&without_article(&world, 1), &Options::default());
    assert_eq!(problems(&verdict), [Problem::CharterBehind { epoch: 1 }]);
    assert_eq!(charged(&verdict), []);
    // The budget that is here is on its way to it, and would have paid for the rest.
    let lacks = Undecided { node: treasury, units: 1_500, missing: Missing::Blocks };
    assert_eq!(undecided(&verdict), [lacks]);
}

#[test]
fn a_fence_that_was_cut_off_is_missed() {
    let mut world = World::new();
    world.write(1, Value::Merchant { merchant: MerchantId([7; 16]) }.into());
    world.seal(1);
    let feed = FeedRef::value(short(&world, 1), P);
    world.vote(Act::Fence { feed, cut: Cut::NOTHING, reason: Reason::Lost });
    world.chains[0].knows = 1;
    for merchant in [1, 2] {
        // Said once, however many blocks know it.
        world.write(0, Value::Merchant { merchant: MerchantId([merchant; 16]) }.into());
        world.seal(0);
    }
    let whole = run(&world.source(), &Options::default());
    assert!(whole.is_good() && whole.cuts.iter().any(|cut| cut.feed == feed));
    let verdict = run(&without_article(&world, 1), &Options::default());
    assert_eq!(problems(&verdict), [Problem::CharterBehind { epoch: 1 }]);
    assert_eq!(verdict.unchecked.iter().map(|u| u.unfolded).collect::<Vec<_>>(), [2]);
}

#[test]
fn who_took_up_what_an_unknown_node_sent_is_not_charged_for_it() {
    for (more, charge) in [(0, vec![]), (100, vec![100])] {
        let mut world = World::new();
        world.write(0, claim(Ticket::Budget { epoch: 0, act: 3, line: 0 }));
        let entry = send(&world, 0, 1, 400);
        world.write(0, entry);
        let (taken, given) = (sent(&world, 0), send(&world, 0, 2, 400 + more));
        world.write(1, taken);
        world.write(1, given);
        let entry = sent(&world, 1);
        world.write(2, entry);
        (0..3).for_each(|chain| world.seal(chain));
        let mut source = world.source();
        let gone = world.nodes[0].public();
        let of = |said: &Said| match said {
            Said::Notice(signed) => matches!(&signed.notice, Notice::Node(c) if c.node == gone),
            _ => false,
        };
        source.said.retain(|said| !of(said));
        source.feeds.retain(|feed, _| feed.node != gone);
        let verdict = run(&source, &Options::default());
        let node = short(&world, 1);
        let lacks = Undecided { node, units: 400, missing: Missing::Certificate };
        assert_eq!(undecided(&verdict), [lacks], "{more}");
        assert!(verdict.is_partial());
        // What it gave beyond what it says it took up is its own.
        let owed: Vec<u128> =
            verdict.sums[&(P, CycleId(1), CASH)].charged.iter().map(|o| o.units).collect();
        assert_eq!(owed, charge);
    }
}

#[test]
fn blocks_that_are_not_here_are_owed_by_nobody() {
    let mut world = World::new();
    world.write(0, claim(Ticket::Budget { epoch: 0, act: 3, line: 0 }));
    world.seal(0);
    let entry = send(&world, 0, 1, 400);
    world.write(0, entry);
    world.seal(0);
    let entry = sent(&world, 0);
    world.write(1, entry);
    world.seal(1);
    let entry = send(&world, 1, 2, 400);
    world.write(1, entry);
    world.seal(1);
    let entry = sent(&world, 1);
    world.write(2, entry);
    world.seal(2);
    let mut source = world.source();
    let [treasury, site] = [0, 1].map(|chain: usize| world.chains[chain].feed);
    // Neither that it was sent something is here, nor that it took it up.
    source.feeds.get_mut(&treasury).expect("written").truncate(1);
    source.feeds.get_mut(&site).expect("written").remove(0);
    let verdict = run(&source, &Options::default());
    assert_eq!(problems(&verdict), [Problem::Gap]);
    assert_eq!(charged(&verdict), []);
    let lacks = Undecided { node: short(&world, 1), units: 400, missing: Missing::Blocks };
    assert_eq!(undecided(&verdict), [lacks]);
}

/// Two small lots, and on a branch that is not here more is sent from one of them than it has: the pool would pay for it.
#[test]
fn a_proof_of_a_fork_counts_though_no_branch_is_here() {
    let mut world = World::new();
    world.write(0, claim(Ticket::Budget { epoch: 0, act: 3, line: 0 }));
    for units in [600, 100] {
        let entry = send(&world, 0, 1, units);
        world.write(0, entry);
    }
    for which in [0, 1] {
        let entry = sent(&world, which);
        world.write(1, entry);
    }
    world.seal(0);
    world.seal(1);
    world.fork(1);
    let entry = send(&world, 1, 2, 300);
    world.write(3, entry);
    world.write(1, Value::Merchant { merchant: MerchantId([7; 16]) }.into());
    world.seal(1);
    world.seal(3);
    let entry = sent(&world, 2);
    world.write(2, entry);
    world.seal(2);
    let (feed, federation) = (world.chains[1].feed, world.federation);
    let header = |block: &Block| Statement::Header(block.header, block.signature);
    let one = header(&world.chains[1].blocks[1]);
    let other = header(world.chains[3].blocks.last().expect("sealed"));
    let proof = ForkProof { feed, one, other };
    assert_eq!(proof.verify(&federation), Some(2));
    for (blocks, owed) in [(1, 200), (0, 300)] {
        let mut source = world.source();
        let of_feed = source.feeds.get_mut(&feed).expect("written");
        of_feed.truncate(blocks);
        source.feeds.retain(|_, blocks| !blocks.is_empty());
        let verdict = run(&source, &Options::default());
        assert_eq!(problems(&verdict), []);
        assert_eq!(charged(&verdict), []);
        // However often it stands there.
        source.said.extend([proof.clone(), proof.clone()].map(|p| Said::ForkProof(Box::new(p))));
        let verdict = run(&source, &Options::default());
        assert_eq!(problems(&verdict), [Problem::Forked], "{blocks}");
        let place = verdict.findings[0].place;
        assert_eq!((place.feed, place.index), (Some(feed.short()), Some(2)));
        let all = &verdict.sums[&(P, CycleId(1), CASH)].charged;
        let owing: Vec<_> = all.iter().map(|o| (o.node, o.units, o.reason)).collect();
        assert_eq!(owing, [(feed.node.short(), owed, Charge::Forked)], "{blocks}");
    }
    let stranger = FeedId { node: key(77).public(), ..feed };
    let proof = ForkProof { feed: stranger, ..proof };
    let mut source = world.source();
    source.said.push(Said::ForkProof(Box::new(proof)));
    let verdict = run(&source, &Options::default());
    assert!(problems(&verdict).contains(&Problem::NoForkProof));
}
