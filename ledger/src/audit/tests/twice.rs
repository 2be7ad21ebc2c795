//! Two treasuries that pay for the same entries are listed, with whose fault it was where that can be told.

use super::*;
use crate::audit::verdict::SettledTwice;
use crate::feed::leaf;
use crate::settlement::{Kind, Single};

const AT: Minute = Minute(9);

/// A counter, the third node, with a merchant and five entries; and a third operator, who may record a payment.
fn world() -> World {
    let mut world = World::new();
    let operator = OperatorCertificate {
        org: OrgId(1),
        operator: key(92).public(),
        site: SiteId(1),
        roles: OperatorRoles::SUPERVISOR,
        programmes: many(vec![P]),
        issued: Minute(0),
        not_after: Minute(1_000_000),
    };
    world.notices.push(Notice::Operator(operator).sign(&world.federation, &key(101)));
    world.notices.sort_by_key(|signed| signed.notice.hash());
    for n in 0..5 {
        world.write(2, Value::Merchant { merchant: MerchantId([n; 16]) }.into());
    }
    world.seal(2);
    world
}

fn counter(world: &World) -> FeedRef {
    world.chains[2].feed.short()
}

fn stretch(world: &World, from: u64, to: u64, except: &[u64]) -> Settling {
    let head = world.chains[2].all[to as usize - 1].0;
    let node = counter(world).node;
    Settling::Stretch { node, from, to, head, except: many(except.to_vec()) }
}

fn single(world: &World, index: u64, leaf: Hash, copy: u8, kind: Kind) -> Settling {
    let (merchant, cycle, commodity) = (MerchantId([0; 16]), CycleId(1), CASH);
    let row = Single { index, leaf, copy, kind, merchant, cycle, commodity, amount: amount(1) };
    Settling::Rows { node: counter(world).node, rows: many(vec![row]) }
}

fn settle(world: &mut World, chain: usize, settling: Settling) {
    let settling = Box::new(settling);
    world.write(chain, Value::Settle { settling, at: AT }.into());
}

/// Drafts lines at a treasury and takes so many of the three steps, in a block of its own; the index of the draft.
fn drafted(world: &mut World, chain: usize, lines: &[Settling], steps: u8) -> u64 {
    let first = world.chains[chain].head.next;
    lines.iter().for_each(|line| settle(world, chain, line.clone()));
    let draft = world.chains[chain].head.next;
    let (root, totals) = (Hash::ZERO, Bounded::empty());
    settle(world, chain, Settling::Draft { first, root, rows: 1, totals });
    world.seal(chain);
    for step in 0..steps {
        let step = world.step(chain, draft, step);
        settle(world, chain, step);
    }
    world.seal(chain);
    draft
}

/// Two treasuries settle these lines, each by itself and to the end: which indexes are listed.
fn listed(ours: &[Settling], theirs: &[Settling]) -> Vec<(u64, u64)> {
    let mut world = world();
    drafted(&mut world, 0, ours, 3);
    drafted(&mut world, 1, theirs, 3);
    let verdict = run(&world.source(), &Options::default());
    assert!(verdict.twice.iter().all(|twice| twice.fault.is_none()), "neither was cut");
    verdict.twice.iter().map(|twice| (twice.from, twice.to)).collect()
}

#[test]
fn what_two_paid_settlements_name_is_listed_and_nothing_else() {
    let world = world();
    let says = |index: usize| leaf(&world.chains[2].all[index].1.encode());
    let stretch = |from, to, except: &[u64]| stretch(&world, from, to, except);
    let single = |index, leaf, copy, kind| single(&world, index, leaf, copy, kind);
    use Kind::{Disputed, Redeemed, Refunded, Returned};
    let wide = || stretch(0, 5, &[]);
    /// The lines of one, of the other, and what both have.
    type Case<'a> = (&'a [Settling], &'a [Settling], &'a [(u64, u64)]);
    let cases: [Case<'_>; 11] = [
        (&[wide()], &[wide()], &[(0, 5)]),
        (&[stretch(0, 3, &[])], &[stretch(3, 5, &[])], &[]),
        (&[stretch(0, 3, &[])], &[stretch(2, 5, &[])], &[(2, 3)]),
        (&[stretch(0, 3, &[2])], &[stretch(2, 5, &[])], &[]),
        (&[wide()], &[stretch(1, 4, &[2])], &[(1, 2), (3, 4)]),
        // By themselves: the same entry, what a person took back by either name, and what a stretch has too.
        (&[single(1, says(1), 0, Redeemed)], &[single(1, says(1), 0, Redeemed)], &[(1, 2)]),
        (&[single(1, says(1), 0, Redeemed)], &[single(1, says(1), 1, Redeemed)], &[]),
        (&[single(1, says(1), 0, Redeemed)], &[single(1, says(1), 0, Returned)], &[]),
        (&[single(1, says(1), 0, Disputed)], &[single(1, says(1), 0, Returned)], &[(1, 2)]),
        (&[wide()], &[single(1, says(1), 0, Refunded)], &[(1, 2)]),
        (&[wide()], &[single(1, says(2), 0, Redeemed), single(5, says(4), 0, Redeemed)], &[]),
    ];
    for (n, (ours, theirs, want)) in cases.into_iter().enumerate() {
        assert_eq!(listed(ours, theirs), want, "case {n}");
        assert_eq!(listed(theirs, ours), want, "case {n}, the other way round");
    }
}

#[test]
fn who_was_paid_beyond_its_cut_is_named_and_who_was_not_paid_is_not_listed() {
    for (cut, steps, fault) in [
        (None, 3, Some(None)),
        (Some(2), 3, Some(None)),
        (Some(1), 3, Some(Some(OrgId(2)))),
        (Some(0), 3, Some(Some(OrgId(2)))),
        (Some(1), 2, None),
        (None, 2, None),
    ] {
        let mut world = world();
        let line = stretch(&world, 0, 5, &[]);
        let one = drafted(&mut world, 0, std::slice::from_ref(&line), steps);
        let other = drafted(&mut world, 1, &[line], 3);
        let treasuries = [0, 1].map(|chain: usize| world.chains[chain].feed.short());
        if let Some(seq) = cut {
            let blocks = &world.chains[0].blocks;
            let head = |seq: usize| blocks[seq].header.hash();
            let cut = Cut { seq, head: (seq as usize).checked_sub(1).map_or(Hash::ZERO, head) };
            let act = Act::Fence { feed: treasuries[0], cut, reason: Reason::Lost };
            let article = world.charter.draft(many(vec![act]));
            let sign = |id: u8| (OrgId(id.into()), article.sign(&world.federation, &key(100 + id)));
            let signatures = many(vec![sign(1), sign(2)]);
            let signed = SignedArticle { article: article.clone(), signatures };
            world.charter = world.charter.apply(&signed).expect("both signed");
            world.articles.push(signed);
        }
        let verdict = run(&world.source(), &Options::default());
        let mut by = [(treasuries[0], one), (treasuries[1], other)];
        by.sort_unstable();
        let feed = counter(&world);
        let want = fault.map(|fault| SettledTwice { feed, from: 0, to: 5, by, fault });
        assert_eq!(verdict.twice, Vec::from_iter(want), "cut after {cut:?}, {steps} steps");
        let charged = verdict.sums.values().flat_map(|sum| &sum.charged);
        assert!(charged.into_iter().all(|owed| owed.units == 0), "it moves no sum");
    }
}

/// Whose organisation neither runs the programme nor has a budget of it: listed for what it wrote, and in nobody's way.
#[test]
fn who_does_not_settle_the_programme_is_listed_and_settles_nothing_twice() {
    let mut world = world();
    // Of the other programme, the treasury that is the first organisation's has no budget.
    let other = ProgrammeId(2);
    let chain = world.chain(1, Lane::Value, other);
    let line = stretch(&world, 0, 5, &[]);
    settle(&mut world, chain, line.clone());
    world.seal(chain);
    drafted(&mut world, 0, &[line], 3);
    let verdict = run(&world.source(), &Options::default());
    let found = verdict.findings.iter().filter(|f| f.problem == Problem::OtherRole);
    let feeds: Vec<_> = found.filter_map(|f| f.place.feed).collect();
    assert_eq!(feeds, [world.chains[chain].feed.short()]);
    assert_eq!(verdict.twice, []);
}
