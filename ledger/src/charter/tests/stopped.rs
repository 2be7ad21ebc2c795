//! Fences, releases, closes, and forks of the charter that are healed.

use super::*;

/// What the tests below show, one row each.
pub(super) const REJECTIONS: [CharterRejection; 9] = [
    HealNotAlone,
    NotFenced,
    ReserveFenced,
    CutUnsound,
    NoFork,
    TwiceMisstated,
    TooFewHonest,
    KindInvalid,
    KindActive,
];

fn feed(n: u8) -> FeedRef {
    FeedRef::value(key(n).public().short(), FOOD)
}

fn at(seq: u64) -> Cut {
    if seq == 0 { Cut::NOTHING } else { Cut { seq, head: Hash([7; 32]) } }
}

fn fence(n: u8, seq: u64) -> Act {
    Act::Fence { feed: feed(n), cut: at(seq), reason: Reason::Lost }
}

fn release(n: u8, units: u64, reserve: u8) -> Act {
    let reserve = key(reserve).public().short();
    Act::Release { feed: feed(n), cycle: MAY, commodity: RICE, amount: amount(units), reserve }
}

fn close(cuts: &[(u8, u64)]) -> Act {
    let cut = |(n, seq): &(u8, u64)| NodeCut { node: feed(*n).node, cut: at(*seq) };
    let mut cuts: Vec<_> = cuts.iter().map(cut).collect();
    cuts.sort_unstable();
    Act::Close { programme: FOOD, cycle: MAY, cuts: list(cuts) }
}

fn after(charter: &Charter, acts: Vec<Act>) -> Charter {
    let article = signed(charter.draft(list(acts)), &charter.federation(), [1, 2]);
    charter.apply(&article).expect("a good article")
}

#[test]
fn fences_releases_and_closes_are_refused_in_order() {
    let camp = camp();
    let check = |want, acts: Vec<Act>| {
        assert_eq!(camp.check_draft(&camp.draft(list(acts))), want);
    };
    check(Ok(()), vec![fence(20, 4), release(20, 5, 30)]);
    check(Ok(()), vec![close(&[(20, 4), (30, 0)]), release(20, 5, 30)]);
    check(Err(NotFenced), vec![release(20, 5, 30)]);
    check(Err(NotFenced), vec![fence(30, 4), release(20, 5, 10)]);
    check(Err(ReserveFenced), vec![fence(20, 4), release(20, 5, 20)]);
    check(Err(ReserveFenced), vec![fence(20, 4), fence(30, 0), release(20, 5, 30)]);
    check(Err(AmountZero), vec![fence(20, 4), release(20, 0, 30)]);
    let unsound = Cut { seq: 3, head: Hash::ZERO };
    let reason = Reason::Late;
    check(Err(CutUnsound), vec![Act::Fence { feed: feed(20), cut: unsound, reason }]);
    let cuts = list([NodeCut { node: [1; 8], cut: unsound }]);
    check(Err(CutUnsound), vec![Act::Close { programme: FOOD, cycle: MAY, cuts }]);
    let cuts = list([[2; 8], [1; 8]].map(|node| NodeCut { node, cut: at(0) }));
    check(Err(NumbersNotRising), vec![Act::Close { programme: FOOD, cycle: MAY, cuts }]);
    let elsewhere = FeedRef::value([1; 8], ProgrammeId(9));
    check(Err(UnknownProgramme), vec![Act::Fence { feed: elsewhere, cut: at(0), reason }]);
    let control = FeedRef { lane: Lane::Control, ..feed(20) };
    check(Err(UnknownProgramme), vec![Act::Fence { feed: control, cut: at(0), reason }]);
    let control = FeedRef { programme: ProgrammeId::NONE, ..control };
    check(Ok(()), vec![Act::Fence { feed: control, cut: at(0), reason }]);
    let of_control = Act::Release {
        feed: FeedRef { lane: Lane::Registry, ..feed(20) },
        cycle: MAY,
        commodity: RICE,
        amount: amount(1),
        reserve: [1; 8],
    };
    check(Err(NotFenced), vec![close(&[]), of_control]);
    let activate = |kind, size| Act::Activate { lane: Lane::Value, kind, size, critical: false };
    check(Ok(()), vec![activate(64, 1), activate(127, 2_045)]);
    check(Err(KindInvalid), vec![activate(63, 1)]);
    check(Err(KindInvalid), vec![activate(128, 1)]);
    check(Err(KindInvalid), vec![activate(64, 0)]);
    check(Err(KindInvalid), vec![activate(64, 2_046)]);
    check(Err(KindActive), vec![activate(64, 1), activate(64, 2)]);
    let heads = [Hash([1; 32]), Hash([2; 32])];
    let succeed = Act::Succeed { federation: FederationId(Hash([3; 32])), heads };
    check(Err(FoundMisplaced), vec![succeed]);
}

#[test]
fn what_a_later_article_says_lowers_a_cut_and_never_raises_one() {
    let charter = after(&camp(), vec![fence(20, 9), close(&[(20, 8), (30, 3)])]);
    let charter = after(&charter, vec![fence(20, 4), close(&[(20, 12), (10, 2)])]);
    assert_eq!(charter.fences(&feed(20)).iter().map(|f| f.cut.seq).min(), Some(4));
    assert_eq!(charter.fences(&feed(20)).iter().map(|f| f.epoch).collect::<Vec<_>>(), [1, 2]);
    let closed = charter.closed(FOOD, MAY).expect("closed");
    let of = |n: u8| closed.cuts.get(&feed(n).node).map(|cut| cut.seq);
    assert_eq!((of(20), of(30), of(10), closed.epoch), (Some(8), Some(3), Some(2), 1));
}

/// Five organisations, and two articles for their first epoch that 1, 2 and 3 signed both.
pub(super) fn forked() -> (Charter, SignedArticle, SignedArticle) {
    let acts = [found([1, 2, 3, 4, 5]), food()];
    let first = founding(acts);
    let federation = first.founds();
    let five = Charter::found(&signed(first, &federation, 1..=5)).expect("a founding");
    let one = signed(five.draft(list([ceiling(1, 5, 5)])), &federation, [1, 2, 3, 4]);
    let other = signed(five.draft(list([ceiling(1, 6, 6)])), &federation, [1, 2, 3, 5]);
    (five, one, other)
}

/// Heals in favour of `kept`: 1 and 2 leave, 3 gets a new key.
pub(super) fn heal(kept: &SignedArticle, lost: &SignedArticle) -> Act {
    let both = |signed: &SignedArticle| list(signed.signatures.iter().copied().take(3));
    let new = |n: u16, key| Twice { org: OrgId(n), key };
    Act::Heal {
        kept: kept.article.hash(),
        lost: Bytes::new(wire::encode(&lost.article)).expect("small"),
        kept_by: both(kept),
        lost_by: both(lost),
        twice: list([new(1, None), new(2, None), new(3, Some(key(53).public()))]),
        quorum: 2,
    }
}

/// Signed by those organisations, the third with its new key.
pub(super) fn by(charter: &Charter, act: Act, orgs: &[u8]) -> SignedArticle {
    let article = charter.draft(list([act]));
    let federation = charter.federation();
    let sign = |n: &u8| {
        let seed = if *n == 3 { 53 } else { *n };
        (OrgId((*n).into()), article.sign(&federation, &key(seed)))
    };
    SignedArticle { signatures: list(orgs.iter().map(sign)), article: article.clone() }
}

#[test]
fn s17_a_charter_fork_is_healed_by_those_who_signed_once() {
    let (five, one, other) = forked();
    let fork = ArticleFork { one: one.clone(), other: other.clone() };
    assert_eq!(fork.verify(&five), [1, 2, 3].map(OrgId));
    let kept = five.apply(&one).expect("a quorum");
    assert_eq!(kept.apply(&other), Err(EpochNotNext), "the other branch is not taken");
    let healed = kept.apply(&by(&kept, heal(&one, &other), &[3, 4, 5])).expect("healed");
    assert_eq!(healed.organisations().map(|o| o.id.0).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!(healed.organisation(OrgId(3)).map(|o| o.key), Some(key(53).public()));
    let [found] = healed.healed() else { panic!("one fork was healed") };
    assert_eq!((found.from, found.epoch), (1, 2));
    assert_eq!((found.kept, found.lost), (one.article.hash(), other.article.hash()));
    // A claim of a line of an epoch between proves nothing.
    assert_eq!([0, 1, 2].map(|epoch| healed.was_forked_at(epoch)), [false, true, false]);
    // What such an epoch decided, only who knows the healing has heard for certain; of any other, the number tells.
    let heard = |epoch| [0, 1, 2].map(|known| healed.had_heard(epoch, known));
    assert_eq!(heard(0), [true; 3]);
    assert_eq!(heard(1), [false, false, true]);
    assert_eq!(heard(2), [false, false, true]);
    // The same in favour of the other branch: people decide.
    let other_way = five.apply(&other).expect("a quorum");
    let article = by(&other_way, heal(&other, &one), &[3, 4, 5]);
    assert!(other_way.apply(&article).is_ok());
    // Twice is not healed twice.
    let again = healed.draft(list([heal(&one, &other)]));
    assert_eq!(healed.check_draft(&again), Err(NoFork));
}

#[test]
fn s17_nobody_is_left_out_of_healing_but_by_their_own_two_signatures() {
    let (five, one, other) = forked();
    let kept = five.apply(&one).expect("a quorum");
    let good = heal(&one, &other);
    let with = |change: fn(&mut Act)| {
        let mut act = good.clone();
        change(&mut act);
        kept.check_draft(&kept.draft(list([act])))
    };
    assert_eq!(with(|_| ()), Ok(()));
    for orgs in [&[3, 4][..], &[3, 5], &[3]] {
        assert_eq!(kept.apply(&by(&kept, good.clone(), orgs)), Err(HealUnsigned), "{orgs:?}");
    }
    assert_eq!(kept.apply(&by(&kept, good.clone(), &[4, 5])), Err(RotationUnsigned));
    assert_eq!(kept.apply(&by(&kept, good.clone(), &[1, 3, 4, 5])), Err(UnknownSigner));
    // Four signed one of them only: naming it is refused, whoever signs.
    let name_four = |act: &mut Act| {
        let Act::Heal { twice, .. } = act else { return };
        let mut all = twice.clone().into_vec();
        all.push(Twice { org: OrgId(4), key: None });
        *twice = list(all);
    };
    assert_eq!(with(name_four), Err(TwiceMisstated));
    let leave_one_out = |act: &mut Act| {
        let Act::Heal { twice, .. } = act else { return };
        *twice = list(twice.iter().copied().skip(1));
    };
    assert_eq!(with(leave_one_out), Err(TwiceMisstated));
    let unshown = |act: &mut Act| {
        let Act::Heal { lost_by, .. } = act else { return };
        *lost_by = list([]);
    };
    assert_eq!(with(unshown), Err(TwiceMisstated));
    let other_kept = |act: &mut Act| {
        let Act::Heal { kept, .. } = act else { return };
        *kept = Hash([1; 32]);
    };
    assert_eq!(with(other_kept), Err(NoFork));
    let garbled = |act: &mut Act| {
        let Act::Heal { lost, .. } = act else { return };
        *lost = Bytes::new(vec![1, 2, 3]).expect("small");
    };
    assert_eq!(with(garbled), Err(NoFork));
    let beside = kept.draft(list([good.clone(), ceiling(1, 1, 1)]));
    assert_eq!(kept.check_draft(&beside), Err(HealNotAlone));
}

#[test]
fn s17_where_fewer_than_two_are_honest_the_federation_is_founded_again() {
    let camp = camp();
    let federation = camp.federation();
    let article = |units| signed(camp.draft(list([ceiling(1, units, 1)])), &federation, [1, 2]);
    let (one, other) = (article(1), article(2));
    let kept = camp.apply(&one).expect("a quorum");
    let both = |signed: &SignedArticle| list(signed.signatures.iter().copied());
    let act = Act::Heal {
        kept: one.article.hash(),
        lost: Bytes::new(wire::encode(&other.article)).expect("small"),
        kept_by: both(&one),
        lost_by: both(&other),
        twice: list([1, 2].map(|n| Twice { org: OrgId(n), key: None })),
        quorum: 1,
    };
    assert_eq!(kept.check_draft(&kept.draft(list([act]))), Err(TooFewHonest));
    let mut heads = [one.article.hash(), other.article.hash()];
    heads.sort_unstable();
    let acts = |heads| [found([3, 4]), Act::Succeed { federation, heads }];
    let again = founding(acts(heads));
    let charter = Charter::found(&signed(again.clone(), &again.founds(), [3, 4])).expect("founded");
    assert_eq!(charter.succeeds(), Some(&(federation, heads)));
    let backwards = founding(acts([heads[1], heads[0]]));
    assert_eq!(Charter::check_founding(&backwards), Err(NumbersNotRising));
}

#[test]
fn an_article_that_heals_may_be_longer_than_others() {
    let (five, one, _) = forked();
    let kept = five.apply(&one).expect("a quorum");
    let many = |count: usize| list(vec![ceiling(1, 1, 1); count]);
    let long = Article { acts: many(limits::ACTS), ..five.draft(list([ceiling(1, 2, 2)])) };
    let lost = signed(long, &five.federation(), [1, 2, 3]);
    let article = by(&kept, heal(&one, &lost), &[3, 4, 5]);
    assert_eq!(SignedArticle::decode(&article.encode()), Ok(article.clone()));
    assert_eq!(article.article.limit(), limits::HEAL_BYTES);
    assert_eq!(one.article.limit(), limits::ARTICLE_BYTES);
    assert!(kept.apply(&article).is_ok());
}
