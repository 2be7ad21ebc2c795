//! One row per rejection, in order of precedence; then: no order of learning matters.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::NoticeRejection::*;
use super::*;
use crate::charter::{Act, Allowance, Charter};
use crate::fixtures::{
    FOOD, MAY, MAY_CYCLE, OIL, RICE, amount, camp, every_byte_matters, key, list, name, node,
    operator, rejections_of, said, signed,
};

const ALL: [NoticeRejection; 12] = [
    TooLong,
    UnknownOrganisation,
    UnknownProgramme,
    UnknownCommodity,
    BadSignature,
    NotRising,
    CeilingElsewhere,
    WeakKey,
    SameKey,
    NoRole,
    TimesNotInOrder,
    NotAccepted,
];

fn line(programme: ProgrammeId, commodity: u8) -> NodeCeiling {
    let (commodity, zero) = (CommodityId(commodity), Amount::ZERO);
    NodeCeiling { programme, commodity, rights: zero, float: zero, unverified: zero }
}

#[test]
fn notices_are_refused_in_order_of_precedence() {
    let camp = camp();
    let mut seen = BTreeSet::new();
    let mut check = |want: Result<Learned, NoticeRejection>, by: u8, notice: Notice| {
        let mut roster = Roster::new();
        assert_eq!(roster.learn(&camp, &said(&camp, by, notice)), want);
        assert_eq!(roster.notices().count(), usize::from(want.is_ok()));
        seen.extend(want.err());
    };
    let weak = PublicKey::Ed25519([0; 32]);
    let with = |change: fn(&mut NodeCertificate)| {
        let mut certificate = node(&camp, 1, 10);
        change(&mut certificate);
        Notice::Node(certificate)
    };
    let operator_with = |change: fn(&mut OperatorCertificate)| {
        let mut certificate = operator(1, 20);
        change(&mut certificate);
        Notice::Operator(certificate)
    };
    let cycle_with = |change: fn(&mut Cycle)| {
        let mut cycle = MAY_CYCLE;
        change(&mut cycle);
        Notice::Cycle(cycle)
    };
    check(Ok(Learned::New), 1, with(|_| {}));
    check(Ok(Learned::New), 1, operator_with(|_| {}));
    check(Ok(Learned::New), 1, cycle_with(|_| {}));
    check(Err(TooLong), 9, {
        let ceiling = NodeCeiling {
            rights: Amount::MAX,
            float: Amount::MAX,
            unverified: Amount::MAX,
            ..line(FOOD, 1)
        };
        let mut certificate = node(&camp, 9, 10);
        certificate.ceilings = list([ceiling; 64]);
        Notice::Node(certificate)
    });
    check(
        Err(UnknownOrganisation),
        1,
        with(|c| (c.org, c.programmes) = (OrgId(9), list([ProgrammeId(9)]))),
    );
    check(Err(UnknownOrganisation), 1, operator_with(|c| c.org = OrgId(0)));
    check(Err(UnknownProgramme), 9, with(|c| c.programmes = list([FOOD, ProgrammeId(9)])));
    check(Err(UnknownProgramme), 9, with(|c| c.ceilings = list([line(ProgrammeId(9), 9)])));
    check(Err(UnknownProgramme), 9, operator_with(|c| c.programmes = list([ProgrammeId(9)])));
    check(Err(UnknownProgramme), 1, cycle_with(|c| c.programme = ProgrammeId(9)));
    check(Err(UnknownCommodity), 9, with(|c| c.ceilings = list([line(FOOD, 9)])));
    check(Err(BadSignature), 2, with(|c| c.programmes = list([FOOD, FOOD])));
    check(Err(BadSignature), 101, operator_with(|_| {}));
    check(Err(BadSignature), 2, cycle_with(|_| {}));
    check(Err(NotRising), 1, with(|c| c.programmes = list([FOOD, FOOD])));
    check(Err(NotRising), 1, with(|c| c.ceilings = list([line(FOOD, 2), line(FOOD, 1)])));
    check(Err(NotRising), 1, operator_with(|c| c.programmes = list([FOOD, FOOD])));
    check(Err(CeilingElsewhere), 1, with(|c| (c.programmes, c.transport) = (list([]), c.node)));
    check(Err(WeakKey), 1, with(|c| c.node = PublicKey::Ed25519([0; 32])));
    check(Err(WeakKey), 1, with(|c| c.transport = PublicKey::Ed25519([0; 32])));
    check(Err(WeakKey), 1, {
        let mut certificate = operator(1, 20);
        (certificate.operator, certificate.roles) = (weak, OperatorRoles::NONE);
        Notice::Operator(certificate)
    });
    check(Err(SameKey), 1, with(|c| c.transport = c.node));
    check(Err(SameKey), 1, with(|c| (c.replaces, c.roles) = (Some(c.short()), Roles::NONE)));
    let reserve = |org: u16, insured: u8, programme, reserve: u8| {
        let [insured, reserve] = [insured, reserve].map(|n| key(n).public().short());
        let (org, issued) = (OrgId(org), Minute(10));
        Notice::Reserve(Reserve { org, insured, programme, reserve, issued })
    };
    check(Ok(Learned::New), 1, reserve(1, 10, FOOD, 12));
    check(Err(UnknownOrganisation), 1, reserve(9, 10, ProgrammeId(9), 10));
    check(Err(UnknownProgramme), 1, reserve(1, 10, ProgrammeId(9), 10));
    check(Err(BadSignature), 2, reserve(1, 10, FOOD, 10));
    check(Err(SameKey), 1, reserve(1, 10, FOOD, 10));
    check(Err(NoRole), 1, with(|c| c.roles = Roles::NONE));
    check(
        Err(NoRole),
        1,
        operator_with(|c| (c.roles, c.not_after) = (OperatorRoles::NONE, Minute(9))),
    );
    check(Err(TimesNotInOrder), 1, with(|c| (c.not_after, c.sealing) = (Minute(9), [0; 32])));
    check(Err(TimesNotInOrder), 1, operator_with(|c| c.not_after = Minute(9)));
    check(Err(TimesNotInOrder), 1, cycle_with(|c| c.closes = c.opens));
    check(Err(TimesNotInOrder), 1, cycle_with(|c| c.expires = Minute(c.closes.0 - 1)));
    check(Err(NotAccepted), 2, with(|c| c.org = OrgId(2)));
    check(Err(NotAccepted), 1, with(|c| c.sealing = [0; 32]));
    check(Err(NotAccepted), 1, with(|c| c.transport = key(90).public()));
    assert_eq!(seen, ALL.into_iter().collect(), "one row each");
}

#[test]
fn the_page_and_the_code_have_the_same_rejections() {
    let page = rejections_of(include_str!("../../../spec/notices.md"));
    assert_eq!(page, ALL.map(|r| (r.number(), format!("{r:?}"))));
}

fn roster(charter: &Charter, notices: impl IntoIterator<Item = SignedNotice>) -> Roster {
    let mut roster = Roster::new();
    for notice in notices {
        roster.learn(charter, &notice).expect("a good notice");
    }
    roster
}

#[test]
fn the_last_certificate_of_a_node_stands_and_an_operator_keeps_what_was_good() {
    let camp = camp();
    let mut later = node(&camp, 1, 10);
    (later.issued, later.site) = (Minute(30), SiteId(2));
    let mut demoted = operator(1, 20);
    (demoted.issued, demoted.roles) = (Minute(30), OperatorRoles::CASHIER);
    let roster = roster(
        &camp,
        [
            said(&camp, 1, Notice::Node(later.clone())),
            said(&camp, 1, Notice::Node(node(&camp, 1, 10))),
            said(&camp, 1, Notice::Operator(demoted.clone())),
            said(&camp, 1, Notice::Operator(operator(1, 20))),
        ],
    );
    assert_eq!(roster.node(&later.short()), Some(&later));
    assert_eq!(roster.nodes().count(), 1);
    assert_eq!(roster.org_of(&later.short()), Some(OrgId(1)));
    assert_eq!(roster.operator(&key(20).public()), Some(&demoted));
    assert_eq!(roster.operator_of(&key(20).public(), OrgId(1)), Some(&demoted));
    assert_eq!(roster.operator_of(&key(20).public(), OrgId(2)), None);
    assert_eq!(roster.operator_ever(&key(20).public()).count(), 2);
    assert_eq!(roster.operators().count(), 1);
    assert_eq!(roster.notices().count(), 4);
    assert_eq!(roster.conflicts(), []);
    let hashes: Vec<_> = roster.notices().map(|s| s.notice.hash()).collect();
    assert!(hashes.is_sorted());
    assert_eq!(roster.digest(), crate::merkle::root(&hashes));
}

#[test]
fn contradictions_are_listed_and_one_of_them_stands() {
    let camp = camp();
    let other = Cycle { expires: Minute(900), ..MAY_CYCLE };
    let roster = roster(
        &camp,
        [
            said(&camp, 2, Notice::Node(node(&camp, 2, 10))),
            said(&camp, 1, Notice::Node(node(&camp, 1, 10))),
            said(&camp, 1, Notice::Cycle(MAY_CYCLE)),
            said(&camp, 1, Notice::Cycle(other)),
        ],
    );
    assert_eq!(roster.org_of(&key(10).public().short()), Some(OrgId(1)));
    let mut notices = vec![Notice::Cycle(MAY_CYCLE).hash(), Notice::Cycle(other).hash()];
    notices.sort();
    let stands = if Notice::Cycle(other).hash() == notices[0] { other } else { MAY_CYCLE };
    assert_eq!(roster.cycle(FOOD, MAY), Some(&stands));
    assert_eq!(roster.cycles().count(), 1);
    let orgs = vec![OrgId(1), OrgId(2)];
    assert_eq!(
        roster.conflicts(),
        [
            Conflict::TwoOrganisations { node: key(10).public(), orgs },
            Conflict::Cycle { programme: FOOD, cycle: MAY, notices },
        ]
    );
}

/// Two keys with the same first eight bytes cost 2³² tries to make, so these are none that could sign: they're taken in
/// past the checks.
#[test]
fn of_two_keys_with_one_short_name_the_lower_has_it() {
    let camp = camp();
    let with = |last, of, issued| {
        let mut certificate = node(&camp, of, 10);
        let mut bytes = *certificate.node.bytes();
        bytes[31] = last;
        certificate.node = PublicKey::Ed25519(bytes);
        certificate.issued = Minute(issued);
        said(&camp, of, Notice::Node(certificate))
    };
    let [lower, higher] = [with(1, 2, 10), with(2, 1, 99)];
    for order in [[&lower, &higher], [&higher, &lower]] {
        let mut roster = Roster::new();
        order.iter().for_each(|notice| assert_eq!(roster.take_in(notice), Learned::New));
        assert_eq!(roster.org_of(&key(10).public().short()), Some(OrgId(2)));
        let conflicts = roster.conflicts();
        let [Conflict::ShortName { keys, .. }] = conflicts.as_slice() else {
            panic!("one conflict: {conflicts:?}")
        };
        assert_eq!(keys.iter().map(|k| k.bytes()[31]).collect::<Vec<_>>(), [1, 2]);
    }
}

#[test]
fn a_rotation_leaves_certificates_as_they_were() {
    let camp = camp();
    let draft = camp.draft(list([Act::Rotate { org: OrgId(1), key: key(50).public() }]));
    let rotated = camp.apply(&signed(draft, &camp.federation(), [1, 2])).expect("a quorum");
    let before = said(&camp, 1, Notice::Node(node(&camp, 1, 10)));
    let after = said(&camp, 50, Notice::Operator(operator(1, 20)));
    let mut roster = Roster::new();
    assert_eq!(roster.learn(&rotated, &before), Ok(Learned::New));
    assert_eq!(roster.learn(&rotated, &before), Ok(Learned::Known));
    assert_eq!(roster.learn(&camp, &after), Err(BadSignature), "the new key isn't known yet");
    assert!(BadSignature.awaits_charter());
    assert_eq!(roster.learn(&rotated, &after), Ok(Learned::New));

    // One notice, signed with the old key and with the new: the same notice, in whichever order they come.
    let twice = [1, 50].map(|by| said(&camp, by, Notice::Cycle(MAY_CYCLE)));
    let [mut one, mut other] = [Roster::new(), Roster::new()];
    for (a, b) in twice.iter().zip(twice.iter().rev()) {
        one.learn(&rotated, a).expect("an old or a new key");
        other.learn(&rotated, b).expect("an old or a new key");
    }
    assert_eq!(one, other);
    assert_eq!(one.notices().count(), 1);
}

#[test]
fn ceilings_beyond_what_the_charter_allows_are_listed_and_do_not_count() {
    let camp = camp(); // 1,000 rights and 100 float for each organisation
    let of = |n: u8, issued: u32, rights: u64, float: u64| {
        let mut c = node(&camp, 1, n);
        let unverified = amount(5_000);
        let (rights, float) = (amount(rights), amount(float));
        c.ceilings = list([NodeCeiling { rights, float, unverified, ..line(FOOD, 1) }]);
        c.issued = Minute(issued);
        c
    };
    let check = |certificates: &[NodeCertificate], at: u32, counted: &[u8], over: &[u8]| {
        let all = certificates.iter().cloned().map(|c| said(&camp, 1, Notice::Node(c)));
        let roster = roster(&camp, all);
        let ceilings = roster.ceilings(&camp, Minute(at));
        let short = |n: &u8| key(*n).public().short();
        let good = |n: &u8| ceilings.of(&short(n), FOOD, RICE).is_some();
        let all: Vec<u8> = [10, 12, 14].into_iter().filter(good).collect();
        assert_eq!(all, counted);
        let listed: Vec<_> = ceilings.over.iter().map(|o| o.node).collect();
        assert_eq!(listed, over.iter().map(short).collect::<Vec<_>>());
    };
    check(&[of(10, 1, 600, 60), of(12, 2, 400, 40)], 5, &[10, 12], &[]);
    check(&[of(10, 1, 600, 60), of(12, 2, 401, 40)], 5, &[10], &[12]);
    check(&[of(10, 1, 600, 60), of(12, 2, 400, 41)], 5, &[10], &[12]);
    check(&[of(10, 3, 600, 60), of(12, 2, 401, 40)], 5, &[12], &[10]);
    // What is too large is passed over, what is smaller and later still counts.
    check(&[of(10, 1, 600, 60), of(12, 2, 500, 0), of(14, 3, 400, 0)], 5, &[10, 14], &[12]);
    check(&[of(10, 1, limits::AMOUNT, 0), of(12, 2, limits::AMOUNT, 0)], 5, &[], &[10, 12]);
    // Not begun yet, and ended.
    check(&[of(10, 6, 600, 60), of(12, 7, 500, 60)], 6, &[10], &[]);
    check(&[of(10, 6, 600, 60), of(12, 7, 500, 60)], 1_001, &[], &[]);
    // A node whose place another took no longer counts.
    let mut second = of(12, 7, 1_000, 100);
    second.replaces = Some(key(10).public().short());
    check(&[of(10, 6, 600, 60), second.clone()], 7, &[12], &[]);
    check(&[of(10, 6, 600, 60), second.clone()], 6, &[10], &[]);
    let all = [of(10, 6, 600, 60), second].map(|c| said(&camp, 1, Notice::Node(c)));
    let roster = roster(&camp, all);
    let successor = roster.successor(&key(10).public().short());
    assert_eq!(successor.map(|c| c.node), Some(key(12).public()));
    let counted = roster.ceilings(&camp, Minute(7));
    let counted = counted.of(&key(12).public().short(), FOOD, RICE).map(|c| c.unverified);
    assert_eq!(counted, Some(amount(1_000)), "no more unverified than the organisation's rights");
    let oil = Allowance::default();
    assert_eq!(camp.ceiling(OrgId(1), FOOD, OIL), oil, "nothing voted, so nothing may be held");
}

#[test]
fn roles_are_sets_with_names() {
    let roles = Roles::TREASURY.and(Roles::REGISTRAR);
    assert_eq!(roles.words().collect::<Vec<_>>(), ["registrar", "treasury"]);
    assert!(roles.has(Roles::TREASURY) && !roles.has(Roles::TREASURY.and(Roles::HUB)));
    assert_eq!(Roles::named("hub"), Some(Roles::HUB));
    assert_eq!(OperatorRoles::named("hub"), None);
    assert_eq!(format!("{:?}", OperatorRoles::APPROVER), r#"{"approver"}"#);
}

/// Names who serves the families of a node.
fn insured(org: u16, node: u8, by: u8, issued: u32) -> Notice {
    let [insured, reserve] = [node, by].map(|n| key(n).public().short());
    let (org, programme, issued) = (OrgId(org), FOOD, Minute(issued));
    Notice::Reserve(Reserve { org, insured, programme, reserve, issued })
}

#[test]
fn one_reserve_stands_for_a_node_and_only_its_own_organisation_names_it() {
    let camp = camp();
    let short = |n: u8| key(n).public().short();
    let said = |org, node, by, issued| said(&camp, org, insured(org.into(), node, by, issued));
    let names = [said(1, 10, 12, 10), said(2, 10, 14, 90)];
    let nobody = roster(&camp, names.clone());
    assert_eq!(nobody.reserve_of(&short(10), FOOD), None, "whose node it is isn't known");
    let known = [crate::fixtures::said(&camp, 1, Notice::Node(node(&camp, 1, 10)))];
    let one = roster(&camp, known.iter().chain(&names).cloned());
    assert_eq!(one.reserve_of(&short(10), FOOD).map(|r| r.reserve), Some(short(12)));
    assert_eq!(one.reserve_of(&short(10), ProgrammeId(2)), None);
    let later = roster(&camp, known.into_iter().chain(names).chain([said(1, 10, 16, 11)]));
    assert_eq!(later.reserve_of(&short(10), FOOD).map(|r| r.reserve), Some(short(16)));
    assert_eq!(later.insured_by(&short(16), FOOD).collect::<Vec<_>>(), [short(10)]);
    assert_eq!(later.insured_by(&short(12), FOOD).count(), 0, "it was named before");
}

/// Notices that meet each other in every way: replaced, contradicting, over the ceiling, of two organisations.
fn crowd(charter: &Charter) -> Vec<SignedNotice> {
    let mut all = Vec::new();
    for (of, n) in [(1, 10), (1, 12), (2, 12), (2, 14), (3, 16), (3, 10)] {
        for issued in [10, 20, 20] {
            let mut c = node(charter, of, n);
            c.issued = Minute(issued);
            c.site = SiteId(u16::try_from(all.len()).expect("few"));
            c.replaces = (n > 12).then(|| key(10).public().short());
            all.push(said(charter, of, Notice::Node(c)));
        }
    }
    for (of, n) in [(1, 20), (1, 21), (2, 20)] {
        for issued in [10, 30, 30] {
            let mut c = operator(of, n);
            c.issued = Minute(issued);
            c.site = SiteId(u16::try_from(all.len()).expect("few"));
            all.push(said(charter, of, Notice::Operator(c)));
        }
    }
    for expires in [600, 601, 602] {
        let cycle = Cycle { expires: Minute(expires), ..MAY_CYCLE };
        all.push(said(charter, 1, Notice::Cycle(cycle)));
    }
    for (org, by, issued) in [(1, 12, 10), (1, 14, 10), (2, 16, 20)] {
        all.push(said(charter, org, insured(org.into(), 10, by, issued)));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_of_learning_gives_the_same_roster(
        order in Just((0..33usize).collect::<Vec<_>>()).prop_shuffle(),
        twice in prop::collection::vec(0..33usize, 0..6),
    ) {
        let camp = camp();
        let crowd = crowd(&camp);
        let straight = roster(&camp, crowd.iter().cloned());
        let shuffled = order.iter().chain(&twice).map(|at| crowd[*at].clone());
        let shuffled = roster(&camp, shuffled);
        prop_assert_eq!(&shuffled, &straight);
        prop_assert_eq!(shuffled.digest(), straight.digest());
        prop_assert_eq!(shuffled.conflicts(), straight.conflicts());
        prop_assert_eq!(
            shuffled.ceilings(&camp, Minute(25)),
            straight.ceilings(&camp, Minute(25))
        );
        let part = roster(&camp, order.iter().skip(1).map(|at| crowd[*at].clone()));
        prop_assert_ne!(part.digest(), straight.digest(), "one less is another set");
    }

    #[test]
    fn a_notice_has_one_spelling(
        which in 0..4u8, numbers in any::<[u16; 4]>(), times in any::<[u32; 3]>(),
        bytes in any::<[u8; 32]>(), replaces in any::<Option<[u8; 8]>>(),
    ) {
        let [org, site, roles, programme] = numbers;
        let [issued, not_after, expires] = times.map(Minute);
        let (public, programme) = (PublicKey::Ed25519(bytes), ProgrammeId(programme));
        let notice = match which {
            0 => Notice::Node(NodeCertificate {
                org: OrgId(org),
                node: public,
                site: SiteId(site),
                site_name: name("ဒုက္ခသည်စခန်း"),
                roles: Roles(roles),
                programmes: list([programme]),
                issued,
                not_after,
                replaces,
                ..node(&camp(), 1, 10)
            }),
            1 => Notice::Operator(OperatorCertificate {
                org: OrgId(org),
                operator: public,
                site: SiteId(site),
                roles: OperatorRoles(roles),
                programmes: list([programme, programme]),
                issued,
                not_after,
            }),
            2 => Notice::Reserve(Reserve {
                org: OrgId(org),
                insured: [bytes[0]; 8],
                programme,
                reserve: [bytes[1]; 8],
                issued,
            }),
            _ => Notice::Cycle(Cycle {
                programme,
                cycle: CycleId(site),
                opens: issued,
                closes: not_after,
                expires,
            }),
        };
        let signed = notice.sign(&FederationId(Hash(bytes)), &key(1));
        let (decode, encode) = (SignedNotice::decode, SignedNotice::encode);
        every_byte_matters(&signed, &signed.encode(), decode, encode)?;
    }
}
