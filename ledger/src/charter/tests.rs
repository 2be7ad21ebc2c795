//! One row per rejection, in order of precedence; then the properties.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::CharterRejection::*;
use super::*;
use crate::fixtures::{
    FOOD, MAY, OIL, RICE, amount, budget, camp, ceiling, every_byte_matters, food, found, founding,
    item, key, list, name, org, rejections_of, signed,
};

mod branches;
mod stopped;

const ALL: [CharterRejection; 39] = [
    TooLong,
    EpochNotNext,
    PreviousNotHead,
    NoActs,
    FoundMisplaced,
    RecoveryNotAlone,
    HealNotAlone,
    UnknownOrganisation,
    UnknownProgramme,
    UnknownCommodity,
    NumbersNotRising,
    NothingListed,
    WeakKey,
    KeyUsed,
    OrganisationsFull,
    LastOrganisation,
    QuorumTooSmall,
    QuorumTooLarge,
    UnitInvalid,
    ProgrammeMoved,
    CommodityChanged,
    AmountZero,
    BudgetOverflow,
    NotFenced,
    ReserveFenced,
    CutUnsound,
    NoFork,
    TwiceMisstated,
    TooFewHonest,
    KindInvalid,
    KindActive,
    SignersNotRising,
    UnknownSigner,
    BadSignature,
    NewcomerUnsigned,
    RotationUnsigned,
    RecoveryUnsigned,
    QuorumMissing,
    HealUnsigned,
];

fn weak() -> PublicKey {
    let mut identity = [0; 32];
    identity[0] = 1;
    PublicKey::Ed25519(identity)
}

fn join(n: u8, quorum: u8) -> Act {
    Act::Join { organisation: org(n), quorum }
}

fn leave(n: u16, quorum: u8) -> Act {
    Act::Leave { org: OrgId(n), quorum }
}

fn rotate(n: u16, to: PublicKey) -> Act {
    Act::Rotate { org: OrgId(n), key: to }
}

fn recover(n: u16, to: PublicKey) -> Act {
    Act::Recover { org: OrgId(n), key: to }
}

/// `food` changed: by whom, with which commodities.
fn programme(id: u16, by: u16, commodities: Vec<Commodity>) -> Act {
    let risk = Risk::default();
    let (id, org) = (ProgrammeId(id), OrgId(by));
    Act::Programme { id, org, name: name("Food"), commodities: list(commodities), risk }
}

fn cash(code: [u8; 3], minor_digits: u8) -> Commodity {
    let unit = Unit::Currency { code, minor_digits };
    Commodity { id: CommodityId(1), name: name("Cash"), unit }
}

#[test]
fn drafts_are_refused_in_order_of_precedence() {
    let mut seen = BTreeSet::new();
    let camp = camp();
    let mut check = |want: CharterRejection, acts: Vec<Act>| {
        assert_eq!(camp.check_draft(&camp.draft(list(acts))), Err(want));
        seen.insert(want);
    };
    let many = |n: u8| {
        list::<_, { limits::COMMODITIES }>((1..=n).map(|id| {
            item(
                CommodityId(id),
                "A commodity with a name that is as long as it gets, or nearly so",
            )
        }))
    };
    let long = |id| Act::Programme {
        id: ProgrammeId(id),
        org: OrgId(1),
        name: name("Everything"),
        commodities: many(64),
        risk: Risk::default(),
    };
    check(TooLong, (2..10).map(long).collect());
    check(NoActs, vec![]);
    check(FoundMisplaced, vec![found([1, 2, 3])]);
    check(FoundMisplaced, vec![food(), found([1, 2, 3])]);
    check(RecoveryNotAlone, vec![recover(1, key(50).public()), food()]);
    check(RecoveryNotAlone, vec![ceiling(9, 1, 1), recover(9, weak())]);
    check(UnknownOrganisation, vec![leave(9, 0)]);
    check(UnknownOrganisation, vec![rotate(9, weak())]);
    check(UnknownOrganisation, vec![recover(9, weak())]);
    check(UnknownOrganisation, vec![programme(0, 9, vec![])]);
    check(UnknownOrganisation, vec![ceiling(9, 1, 1)]);
    let of = |programme, commodity| Act::Ceiling {
        org: OrgId(1),
        programme,
        commodity,
        rights: amount(1),
        float: amount(1),
    };
    check(UnknownProgramme, vec![of(ProgrammeId(9), CommodityId(9))]);
    let elsewhere = |lines: &[Line]| Act::Budget {
        programme: ProgrammeId(9),
        cycle: MAY,
        treasury: [0; 8],
        lines: list(lines.iter().copied()),
    };
    check(UnknownProgramme, vec![elsewhere(&[])]);
    check(UnknownCommodity, vec![of(FOOD, CommodityId(9))]);
    check(UnknownCommodity, vec![budget(&[(OIL, 1), (CommodityId(9), 0), (RICE, 1)])]);
    let capped = |commodities: Vec<Commodity>, caps: &[u8]| {
        let cap = |c: &u8| Cap {
            commodity: CommodityId(*c),
            per_purse: amount(1),
            per_site_day: amount(1),
            per_site: amount(1),
        };
        let risk = Risk { caps: list(caps.iter().map(cap)), ..Risk::default() };
        let (id, commodities) = (ProgrammeId(2), list(commodities));
        Act::Programme { id, org: OrgId(1), name: name("Cash"), commodities, risk }
    };
    check(UnknownCommodity, vec![capped(vec![cash(*b"etb", 9)], &[2])]);
    check(NumbersNotRising, vec![capped(vec![cash(*b"ETB", 2)], &[1, 1])]);
    check(NumbersNotRising, vec![programme(2, 1, vec![item(OIL, "Oil"), item(RICE, "Rice")])]);
    check(NumbersNotRising, vec![programme(2, 1, vec![item(CommodityId(0), "Rice")])]);
    check(NumbersNotRising, vec![programme(0, 1, vec![])]);
    check(NumbersNotRising, vec![budget(&[(RICE, 1), (RICE, 0)])]);
    check(NumbersNotRising, vec![join(3, 0)]);
    check(NumbersNotRising, vec![leave(3, 2), join(3, 2)]);
    check(NothingListed, vec![programme(2, 1, vec![])]);
    check(NothingListed, vec![budget(&[])]);
    let with = |key, recovery| {
        let organisation = Organisation { key, recovery, ..org(4) };
        Act::Join { organisation, quorum: 0 }
    };
    check(WeakKey, vec![with(weak(), key(1).public())]);
    check(WeakKey, vec![with(key(1).public(), weak())]);
    check(WeakKey, vec![rotate(1, weak())]);
    check(WeakKey, vec![recover(1, weak())]);
    check(KeyUsed, vec![with(key(4).public(), key(4).public())]);
    check(KeyUsed, vec![with(key(4).public(), key(101).public())]);
    check(KeyUsed, vec![rotate(1, key(1).public())]);
    check(KeyUsed, vec![rotate(1, key(50).public()), rotate(2, key(1).public())]);
    check(KeyUsed, vec![leave(3, 2), rotate(1, key(3).public())]);
    check(OrganisationsFull, (4..=65).map(|n| join(n, 64.min(n))).collect());
    check(LastOrganisation, vec![leave(1, 2), leave(2, 1), leave(3, 0)]);
    check(QuorumTooSmall, vec![join(4, 2)]);
    check(QuorumTooSmall, vec![leave(3, 1)]);
    check(QuorumTooLarge, vec![join(4, 5)]);
    check(QuorumTooLarge, vec![leave(3, 3)]);
    check(UnitInvalid, vec![programme(2, 1, vec![cash(*b"etb", 2)])]);
    check(UnitInvalid, vec![programme(2, 1, vec![cash(*b"ETB", 5)])]);
    check(ProgrammeMoved, vec![programme(1, 2, vec![item(RICE, "Beans")])]);
    check(CommodityChanged, vec![programme(1, 1, vec![item(RICE, "Rice")])]);
    let renamed = vec![item(RICE, "Rice"), item(OIL, "Olive oil")];
    check(CommodityChanged, vec![programme(1, 1, renamed)]);
    check(AmountZero, vec![budget(&[(RICE, 1), (OIL, 0)])]);
    check(BudgetOverflow, vec![budget(&[(RICE, limits::AMOUNT)])]);
    let half = budget(&[(OIL, limits::AMOUNT / 2)]);
    check(BudgetOverflow, vec![half.clone(), half]);
    seen.extend([EpochNotNext, PreviousNotHead]); // below
    seen.extend(stopped::REJECTIONS);
    assert_eq!(seen, ALL.into_iter().filter(|r| *r < SignersNotRising).collect(), "one row each");
}

#[test]
fn an_article_stands_at_one_place_only() {
    let camp = camp();
    let good = camp.draft(list([ceiling(1, 5, 5)]));
    let check = |want, change: fn(&mut Article)| {
        let mut article = good.clone();
        change(&mut article);
        assert_eq!(camp.check_draft(&article), want);
    };
    check(Ok(()), |_| {});
    check(Err(EpochNotNext), |a| (a.epoch, a.previous) = (2, Hash::ZERO));
    check(Err(EpochNotNext), |a| a.epoch = 0);
    check(Err(PreviousNotHead), |a| (a.previous, a.acts) = (Hash::ZERO, list([])));

    let found_with = |change: fn(&mut Article)| {
        let mut article = founding([found([1, 2]), food()]);
        change(&mut article);
        Charter::check_founding(&article).map(|_| ())
    };
    assert_eq!(found_with(|_| {}), Ok(()));
    assert_eq!(found_with(|a| a.epoch = 1), Err(EpochNotNext));
    assert_eq!(found_with(|a| a.previous = Hash([1; 32])), Err(PreviousNotHead));
    assert_eq!(found_with(|a| a.acts = list([food()])), Err(FoundMisplaced));
    assert_eq!(found_with(|a| a.acts = list([found([1]), found([1])])), Err(FoundMisplaced));
    assert_eq!(found_with(|a| a.acts = list([found([])])), Err(NothingListed));
    assert_eq!(found_with(|a| a.acts = list([found([2, 1])])), Err(NumbersNotRising));
    assert_eq!(found_with(|a| a.acts = list([found([0, 1])])), Err(NumbersNotRising));
}

#[test]
fn signatures_are_refused_in_order_of_precedence() {
    let mut seen = BTreeSet::new();
    let camp = camp();
    let federation = camp.federation();
    let four = {
        let draft = camp.draft(list([join(4, 3)]));
        camp.apply(&signed(draft, &federation, [1, 2, 4])).expect("four organisations")
    };
    let mut check =
        |want: Result<(), CharterRejection>, on: &Charter, acts: Vec<Act>, by: &[u8]| {
            let article = signed(on.draft(list(acts)), &federation, by.iter().copied());
            assert_eq!(on.apply(&article).map(|_| ()), want);
            seen.extend(want.err());
        };
    let act = || vec![ceiling(1, 5, 5)];
    check(Ok(()), &camp, act(), &[1, 2]);
    check(Ok(()), &camp, act(), &[1, 2, 3]);
    check(Err(SignersNotRising), &camp, act(), &[9, 1]);
    check(Err(SignersNotRising), &camp, act(), &[1, 1]);
    check(Err(UnknownSigner), &camp, act(), &[1, 2, 9]);
    check(Err(UnknownSigner), &camp, act(), &[1, 2, 4]);
    check(Err(NewcomerUnsigned), &camp, vec![join(4, 3)], &[1, 2]);
    check(Err(RotationUnsigned), &camp, vec![rotate(3, key(50).public())], &[1, 2]);
    check(Ok(()), &camp, vec![rotate(3, key(50).public())], &[1, 3]);
    check(Err(RecoveryUnsigned), &camp, vec![recover(3, key(50).public())], &[1, 2]);
    check(Err(QuorumMissing), &camp, act(), &[]);
    check(Err(QuorumMissing), &camp, act(), &[3]);
    // Whoever joins signs, but has no vote yet.
    check(Err(QuorumMissing), &camp, vec![join(4, 3)], &[1, 4]);
    check(Err(QuorumMissing), &four, act(), &[1, 4]);
    check(Ok(()), &four, act(), &[1, 2, 4]);
    // Whoever leaves may sign, and counts.
    check(Ok(()), &camp, vec![leave(3, 2)], &[1, 3]);
    // An ordinary signature in the place of a recovery one.
    check(Err(BadSignature), &camp, vec![recover(3, key(50).public())], &[1, 3]);
    let mut article = signed(camp.draft(list(act())), &federation, [1, 2]);
    article.article.acts = list([ceiling(1, 6, 5)]);
    assert_eq!(camp.apply(&article), Err(BadSignature), "signed, then changed");
    let elsewhere = FederationId(Hash([9; 32]));
    let article = signed(camp.draft(list(act())), &elsewhere, [1, 2]);
    assert_eq!(camp.apply(&article), Err(BadSignature), "signed for another federation");
    seen.insert(HealUnsigned); // in `stopped`
    assert_eq!(seen, ALL.into_iter().filter(|r| *r >= SignersNotRising).collect(), "one row each");
}

#[test]
fn every_founder_signs() {
    let article = founding([found([1, 2, 3])]);
    let federation = article.founds();
    let check = |by: &[u8]| Charter::found(&signed(article.clone(), &federation, by.to_vec()));
    assert_eq!(check(&[1, 2]), Err(NewcomerUnsigned), "a quorum isn't enough");
    let charter = check(&[1, 2, 3]).expect("everybody signed");
    assert_eq!(charter.federation().0, article.hash());
    assert_eq!((charter.epoch(), charter.head(), charter.quorum()), (0, article.hash(), 2));
    assert_eq!(charter.founded(), Millis(1_795_000_000_000));
}

#[test]
fn the_page_and_the_code_have_the_same_rejections() {
    let page = rejections_of(include_str!("../../../spec/charter.md"));
    assert_eq!(page, ALL.map(|r| (r.number(), format!("{r:?}"))));
}

#[test]
fn quorums_are_two_thirds_and_always_more_than_half() {
    for (n, want) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 4), (6, 4), (7, 5), (64, 43)] {
        assert_eq!(default_quorum(n), want, "of {n}");
        assert!(usize::from(want) * 2 > n);
    }
}

#[test]
fn few_organisations_are_allowed_and_warned_of() {
    let warnings = |orgs: std::ops::RangeInclusive<u8>| {
        Charter::check_founding(&founding([found(orgs)])).expect("a good founding").warnings()
    };
    assert_eq!(warnings(1..=1), [Warning::Alone]);
    assert_eq!(warnings(1..=2), [Warning::Pair, Warning::Unanimous]);
    assert_eq!(warnings(1..=3), []);
    let camp = camp();
    let all = camp.preview(&camp.draft(list([join(4, 4)]))).expect("all must sign");
    assert_eq!(all.warnings(), [Warning::Unanimous]);
}

#[test]
fn a_recovery_key_speaks_for_its_organisation_once_and_only_to_replace_its_key() {
    let camp = camp();
    let (federation, new) = (camp.federation(), key(50));
    let article = camp.draft(list([recover(3, new.public())]));
    let mut draft = SignedArticle::unsigned(article.clone());
    draft.add(Some(&camp), OrgId(1), article.sign(&federation, &key(1))).expect("a member");
    assert_eq!(camp.missing_signatures(&draft).required, [OrgId(3)]);
    let by_recovery = article.sign_recovery(&federation, &key(103));
    draft.add(Some(&camp), OrgId(3), by_recovery).expect("the recovery key");
    let recovered = camp.apply(&draft).expect("one other and the recovery key make two");
    let next = recovered.draft(list([ceiling(1, 7, 7)]));
    let old = signed(next.clone(), &federation, [1, 3]);
    assert_eq!(recovered.apply(&old), Err(BadSignature), "the lost key signs no more articles");
    let mut by_new = SignedArticle::unsigned(next.clone());
    by_new.add(Some(&recovered), OrgId(1), next.sign(&federation, &key(1))).expect("a member");
    by_new.add(Some(&recovered), OrgId(3), next.sign(&federation, &new)).expect("the new key");
    assert!(recovered.apply(&by_new).is_ok());
    assert_eq!(recovered.keys(OrgId(3)).count(), 2, "what it signed before stays checkable");
    let other = camp.draft(list([ceiling(3, 7, 7)]));
    let misused = other.sign_recovery(&federation, &key(103));
    let mut draft = SignedArticle::unsigned(other);
    assert_eq!(draft.add(Some(&camp), OrgId(3), misused), Err(BadSignature));
}

#[test]
fn signatures_are_collected_in_any_order_by_any_number_of_sticks() {
    let camp = camp();
    let article = camp.draft(list([join(4, 3)]));
    let sign = |n: u8| (OrgId(n.into()), article.sign(&camp.federation(), &key(n)));
    let collect = |order: &[u8]| {
        let mut all = SignedArticle::unsigned(article.clone());
        for n in order {
            let (org, signature) = sign(*n);
            all.add(Some(&camp), org, signature).expect("a good signature");
        }
        all
    };
    assert_eq!(collect(&[4, 1, 2, 1]), collect(&[1, 2, 4]));
    let mut half = collect(&[4]);
    half.merge(Some(&camp), &collect(&[2, 1])).expect("the same article");
    assert_eq!(half, collect(&[1, 2, 4]));
    assert!(camp.missing_signatures(&half).is_nothing() && camp.apply(&half).is_ok());

    let want = Missing { required: vec![OrgId(4)], more: 1, from: vec![OrgId(2), OrgId(3)] };
    assert_eq!(collect(&[1]).missing(Some(&camp)), want);
    let before = half.clone();
    assert_eq!(half.add(Some(&camp), OrgId(9), sign(1).1), Err(UnknownSigner));
    assert_eq!(half.add(Some(&camp), OrgId(3), sign(1).1), Err(BadSignature));
    let other = SignedArticle::unsigned(camp.draft(list([ceiling(1, 1, 1)])));
    assert_eq!(half.merge(Some(&camp), &other), Err(PreviousNotHead));
    assert_eq!(half, before);
}

#[test]
fn what_was_voted_can_be_read_back() {
    let camp = camp();
    let line = camp.budget_line(0, 5, 1).expect("the oil of May");
    assert_eq!((line.commodity, line.amount, line.cycle), (OIL, amount(90), MAY));
    assert_eq!(line.treasury, key(10).public().short());
    assert_eq!(camp.budget_line(0, 5, 2), None);
    assert_eq!(camp.budget_line(0, 1, 0), None, "an act, but no budget");
    assert_eq!(camp.budget_line(1, 5, 1), None);
    let more = camp.draft(list([budget(&[(RICE, 100)]), ceiling(2, 7, 3)]));
    let after = camp.apply(&signed(more, &camp.federation(), [2, 3])).expect("a quorum");
    assert_eq!(after.budgeted(FOOD, MAY, RICE), amount(1_000));
    assert_eq!(after.budgets().count(), 3);
    assert_eq!(
        after.ceiling(OrgId(2), FOOD, RICE),
        Allowance { rights: amount(7), float: amount(3) }
    );
    assert_eq!(after.ceiling(OrgId(2), FOOD, OIL), Allowance::default(), "nothing was said");
    assert_eq!(camp.budgeted(FOOD, MAY, RICE), amount(900), "the charter before is as it was");
}

#[test]
fn a_programme_may_grow_but_not_change_what_was_written() {
    let camp = camp();
    let grown = vec![item(RICE, "Rice"), item(OIL, "Oil"), item(CommodityId(7), "Salt")];
    let after = camp.preview(&camp.draft(list([programme(1, 1, grown)]))).expect("one more");
    assert!(after.programme(FOOD).is_some_and(|p| p.commodity(CommodityId(7)).is_some()));
}

#[test]
fn two_articles_for_one_epoch_name_who_signed_both() {
    let camp = camp();
    let federation = camp.federation();
    let article = |rights, by: &[u8]| {
        signed(camp.draft(list([ceiling(1, rights, 1)])), &federation, by.to_vec())
    };
    let check = |charter: &Charter, one: SignedArticle, other: SignedArticle, want: &[u16]| {
        let fork = ArticleFork { one, other };
        let want: Vec<_> = want.iter().copied().map(OrgId).collect();
        assert_eq!(fork.verify(charter), want);
        let back = ArticleFork { one: fork.other, other: fork.one };
        assert_eq!(back.verify(charter), want, "whichever comes first");
    };
    check(&camp, article(1, &[1, 2]), article(2, &[2, 3]), &[2]);
    check(&camp, article(1, &[1, 2]), article(1, &[2, 3]), &[]);
    check(&camp, article(1, &[1, 2]), article(2, &[3]), &[]);
    let branch = camp.apply(&article(1, &[1, 2])).expect("a quorum");
    check(&branch, article(1, &[1, 2]), article(2, &[1, 2, 3]), &[1, 2]);
    let next = |rights| signed(branch.draft(list([ceiling(1, rights, 1)])), &federation, [1, 2, 3]);
    check(&camp, next(1), next(2), &[]);
    check(&branch, next(1), next(2), &[1, 2, 3]);
    check(&branch, next(1), article(2, &[1, 2]), &[]);
    let mut forged = article(2, &[1, 2, 3]);
    forged.article.acts = list([ceiling(1, 3, 1)]);
    check(&camp, article(1, &[1, 2, 3]), forged, &[]);
    // By its old key on one branch, by its recovery key on the other: the same organisation, twice.
    let recovery = camp.draft(list([recover(2, key(50).public())]));
    let mut by_recovery = SignedArticle::unsigned(recovery.clone());
    let signature = recovery.sign_recovery(&federation, &key(102));
    by_recovery.add(Some(&camp), OrgId(2), signature).expect("the recovery key");
    check(&camp, article(1, &[1, 2]), by_recovery, &[2]);
    // A key that a later article took away had signed both while it stood.
    let rotated = {
        let draft = camp.draft(list([rotate(2, key(51).public())]));
        camp.apply(&signed(draft, &federation, [1, 2])).expect("signed by itself and one more")
    };
    check(&rotated, article(1, &[2]), article(2, &[2]), &[2]);
}

fn acts() -> impl Strategy<Value = Act> {
    let id = 0u8..9;
    let units = prop_oneof![0u64..300, Just(limits::AMOUNT)];
    let line = (any::<u8>(), units.clone())
        .prop_map(|(c, u)| Line { commodity: CommodityId(c), amount: amount(u) });
    let commodity = (any::<u8>(), any::<[u8; 3]>(), any::<u8>(), any::<bool>()).prop_map(
        |(id, code, minor_digits, money)| {
            let unit = if money {
                Unit::Currency { code, minor_digits }
            } else {
                Unit::Item { measure: name("500 g"), minor_digits }
            };
            Commodity { id: CommodityId(id), name: name("أرز"), unit }
        },
    );
    let cap = (any::<u8>(), units.clone()).prop_map(|(c, u)| Cap {
        commodity: CommodityId(c),
        per_purse: amount(u),
        per_site_day: amount(u / 2),
        per_site: amount(u / 3),
    });
    prop_oneof![
        prop::collection::vec(id.clone(), 0..4).prop_map(found),
        (id.clone(), any::<u8>()).prop_map(|(n, quorum)| join(n, quorum)),
        (any::<u16>(), any::<u8>()).prop_map(|(n, quorum)| leave(n, quorum)),
        (any::<u16>(), any::<[u8; 32]>()).prop_map(|(n, k)| rotate(n, PublicKey::Ed25519(k))),
        (any::<u16>(), any::<[u8; 32]>()).prop_map(|(n, k)| recover(n, PublicKey::Ed25519(k))),
        (id, units.clone(), units).prop_map(|(n, rights, float)| ceiling(n, rights, float)),
        prop::collection::vec(line, 0..4).prop_map(|lines| Act::Budget {
            programme: FOOD,
            cycle: MAY,
            treasury: [7; 8],
            lines: list(lines),
        }),
        (any::<u16>(), prop::collection::vec(commodity, 0..3), prop::collection::vec(cap, 0..3))
            .prop_map(|(id, commodities, caps)| Act::Programme {
                id: ProgrammeId(id),
                org: OrgId(id),
                name: name("ምግብ"),
                commodities: list(commodities),
                risk: Risk { caps: list(caps), ..Risk::default() },
            }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_article_has_one_spelling(
        epoch in any::<u32>(), previous in any::<[u8; 32]>(),
        acts in prop::collection::vec(acts(), 0..4), by in prop::collection::vec(1u8..9, 0..3),
    ) {
        let article = Article { epoch, previous: Hash(previous), acts: list(acts) };
        let signed = signed(article, &FederationId(Hash::ZERO), by);
        let (decode, encode) = (SignedArticle::decode, SignedArticle::encode);
        every_byte_matters(&signed, &signed.encode(), decode, encode)?;
        let fork = ArticleFork { one: signed.clone(), other: signed };
        let (decode, encode) = (ArticleFork::decode, ArticleFork::encode);
        every_byte_matters(&fork, &fork.encode(), decode, encode)?;
    }

    #[test]
    fn a_charter_holds_its_promises_whatever_is_drafted(
        drafts in prop::collection::vec(prop::collection::vec(acts(), 1..4), 1..12),
    ) {
        let mut charter = camp();
        for acts in drafts {
            let Ok(next) = charter.preview(&charter.draft(list(acts))) else { continue };
            let n = next.organisations().count();
            prop_assert!(usize::from(next.quorum()) * 2 > n && usize::from(next.quorum()) <= n);
            prop_assert_eq!(next.epoch(), charter.epoch() + 1);
            for (place, line) in charter.budgets() {
                let (epoch, act, at) = place;
                prop_assert_eq!(next.budget_line(epoch, act, at), Some(*line), "never undone");
            }
            for (id, before) in charter.programmes() {
                let after = next.programme(id).expect("programmes stay");
                for commodity in before.commodities.iter() {
                    prop_assert_eq!(after.commodity(commodity.id), Some(commodity));
                }
            }
            charter = next;
        }
    }
}
