use super::*;
use crate::hash::Hash;
use crate::id::{FederationId, Lane};
use crate::key::PublicKey;
use crate::limits;
use crate::notice::{Notice, OperatorCertificate, OperatorRoles, Roles, Roster};
use crate::statement::Statement;
use crate::testing::*;
use crate::time::Minute;
use crate::view::View;

pub(crate) const CLERK: u8 = 62;
/// Seed of a key of her own wallet.
pub(crate) const HERS: u8 = 66;
pub(crate) const DECIDER: u8 = 64;
const TODAY: DayNo = DayNo(0);

pub(crate) fn secret(n: u8) -> Secret {
    Secret::take(&mut [n; 32])
}

/// An operator of an organisation, for food, to minute 1,000.
pub(crate) fn person(seed: u8, org: u16, roles: OperatorRoles) -> Notice {
    Notice::Operator(OperatorCertificate {
        org: OrgId(org),
        operator: key(seed).public(),
        site: crate::id::SiteId(1),
        roles,
        programmes: bounded([FOOD]),
        issued: Minute(0),
        not_after: Minute(1_000),
    })
}

/// Everybody, and a clerk of the second organisation, and two who decide complaints for the third.
pub(crate) fn people_roster() -> Roster {
    let charter = charter();
    let mut roster = roster(&charter);
    let supervisor = OperatorRoles::SUPERVISOR;
    for (seed, org, roles) in [
        (CLERK, 2, OperatorRoles::REGISTRAR),
        (DECIDER, 3, supervisor),
        (DECIDER + 1, 3, supervisor),
        (DECIDER + 2, 3, OperatorRoles::CASHIER),
    ] {
        let by = u8::try_from(org).expect("small");
        let notice = person(seed, org, roles).sign(&charter.federation(), &key(by));
        roster.learn(&charter, &notice).expect("a good notice");
    }
    roster
}

/// The second organisation may give the third her name and telephone number, twice, to help her there.
pub(crate) fn grant() -> Grant {
    Grant {
        id: GrantId([5; 16]),
        programme: FOOD,
        pseudonym: holder(1),
        controller: OrgId(2),
        recipient: Recipient::Organisation(OrgId(3)),
        purpose: Purpose::Referral,
        attributes: Attributes::of([Attribute::Name, Attribute::Phone]),
        basis: Basis::Consent,
        not_before: TODAY,
        expires: DayNo(100),
        uses: 2,
        way: Way::Spoken,
        notice: NoticeShown {
            text: Hash([6; 32]),
            version: 1,
            language: Language::of("sw").expect("a tag"),
        },
        witness: None,
        guardian: None,
        renews: None,
    }
}

/// A consent that was given, disclosed under once, and is asked about.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) grant: Grant,
    pub(crate) word: Stated,
    pub(crate) told: Vec<Told>,
    pub(crate) question: Question,
    /// The key of her wallet, where that is known.
    pub(crate) hers: Option<PublicKey>,
}

pub(crate) fn told_by(seed: u8, people: People) -> Told {
    Told { programme: FOOD, by: node(seed), said: Said::People(people) }
}

pub(crate) fn disclosed(n: u8, grant: Commitment) -> People {
    People::Disclosed {
        commitment: Commitment(Hash([n; 32])),
        grant,
        recipient: OrgId(3),
        purpose: Purpose::Referral,
        attributes: Attributes::of([Attribute::Name]),
        on: TODAY,
    }
}

impl Scene {
    /// Of a grant, signed by the clerk and written down by its node.
    pub(crate) fn of(grant: Grant) -> Self {
        let federation = charter().federation();
        let commitment = grant.commitment(&secret(9));
        let word = Statement::Consent { commitment }.sign(&federation, &key(CLERK));
        let (issuer, expires, on) = (OrgId(2), grant.expires, TODAY);
        let given = People::ConsentGiven { commitment, issuer, expires, on };
        let opened = disclosed(20, commitment);
        let asker = Asker { org: OrgId(3), roles: Roles::REGISTRAR };
        let question = Question {
            asker,
            purpose: Purpose::Referral,
            attributes: Attributes::of([Attribute::Name]),
            on: TODAY,
            written: opened.commits(),
        };
        let told = vec![told_by(A, given), told_by(A, opened)];
        Self { grant, word, told, question, hers: None }
    }

    pub(crate) fn good() -> Self {
        Self::of(grant())
    }

    /// Given by her own wallet, which is known to have this key.
    pub(crate) fn hers(known: u8) -> Self {
        let mut scene = Self::of(Grant { way: Way::Wallet, ..grant() });
        let said = Statement::Consent { commitment: scene.commitment() };
        scene.word = said.sign(&charter().federation(), &key(HERS));
        scene.with(|s| s.hers = Some(key(known).public()))
    }

    pub(crate) fn commitment(&self) -> Commitment {
        self.grant.commitment(&secret(9))
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    pub(crate) fn says(mut self, people: People) -> Self {
        self.told.push(told_by(B, people));
        self
    }

    pub(crate) fn check(&self) -> Result<(), Closed> {
        let secret = secret(9);
        let known = Known::of(&self.grant, &secret, &self.word, &self.told).by_her(self.hers);
        check(&charter().federation(), &people_roster(), Some(&known), &self.question)
    }
}

/// Every way a door stays closed, in the order in which it is asked; each is all that is wrong.
pub(crate) fn closed() -> Vec<(&'static str, Closed, Scene)> {
    let good = Scene::good;
    let commitment = good().commitment();
    let back = |reason| People::ConsentWithdrawn { commitment, reason, on: TODAY };
    let federation = charter().federation();
    let sign = |by: u8, commitment| Statement::Consent { commitment }.sign(&federation, &key(by));
    let ask = |change: fn(&mut Question)| good().with(|s| change(&mut s.question));
    let again = |n| disclosed(n, commitment);
    let role = Recipient::Role { org: OrgId(3), roles: Roles::TREASURY };
    let witness =
        |by: u8| Grant { way: Way::Witnessed, witness: Some(key(by).public()), ..grant() };
    vec![
        ("never_written_down", Closed::Unknown, good().with(|s| s.told.truncate(0))),
        ("of_another_issuer", Closed::Unknown, {
            good().with(|s| {
                let People::ConsentGiven { commitment, expires, on, .. } =
                    *s.told[0].people().expect("the consent")
                else {
                    unreachable!("the consent is first")
                };
                s.told[0] =
                    told_by(B, People::ConsentGiven { commitment, issuer: OrgId(3), expires, on });
            })
        }),
        ("changed_after_it_was_signed", Closed::Unknown, good().with(|s| s.grant.uses = 3)),
        ("signed_by_nobody", Closed::Unsigned, good().with(|s| s.word = sign(99, commitment))),
        ("signed_by_the_node", Closed::Unsigned, good().with(|s| s.word = sign(A, commitment))),
        ("signed_by_another_organisations", Closed::Unsigned, {
            good().with(|s| s.word = sign(DECIDER, commitment))
        }),
        ("signature_of_another", Closed::Unsigned, {
            good().with(|s| s.word = sign(CLERK, Commitment(Hash([1; 32]))))
        }),
        ("by_a_wallet_that_is_not_hers", Closed::Unsigned, Scene::hers(99)),
        ("by_a_wallet_nobody_knows", Closed::Unsigned, Scene::hers(HERS).with(|s| s.hers = None)),
        ("by_her_wallet_and_signed_by_a_clerk", Closed::Unsigned, {
            Scene::hers(HERS).with(|s| {
                let commitment = s.commitment();
                s.word = sign(CLERK, commitment);
            })
        }),
        ("spoken_and_signed_by_her_wallet", Closed::Unsigned, {
            good().with(|s| {
                s.word = sign(HERS, commitment);
                s.hers = Some(key(HERS).public());
            })
        }),
        ("witnessed_by_who_took_it", Closed::Unsigned, Scene::of(witness(CLERK))),
        ("witnessed_by_the_node", Closed::Unsigned, Scene::of(witness(A))),
        ("withdrawn", Closed::Withdrawn, good().says(back(Withdrawal::Asked))),
        ("found_invalid", Closed::Withdrawn, good().says(back(Withdrawal::Invalid))),
        ("before_its_first_day", Closed::OutsideWindow, {
            Scene::of(Grant { not_before: DayNo(1), ..grant() })
        }),
        ("after_its_last_day", Closed::OutsideWindow, ask(|q| q.on = DayNo(101))),
        ("said_to_end_sooner", Closed::OutsideWindow, {
            let (issuer, on) = (OrgId(2), TODAY);
            let expires = DayNo(9);
            let said = People::ConsentGiven { commitment, issuer, expires, on };
            good().says(said).with(|s| s.question.on = DayNo(10))
        }),
        ("asked_by_another_organisation", Closed::OtherRecipient, ask(|q| q.asker.org = OrgId(1))),
        ("asked_in_another_role", Closed::OtherRecipient, {
            Scene::of(Grant { recipient: role, ..grant() })
        }),
        ("for_another_purpose", Closed::OtherPurpose, ask(|q| q.purpose = Purpose::Export)),
        ("for_more_attributes", Closed::MoreThanGiven, {
            ask(|q| q.attributes = Attributes::of([Attribute::Name, Attribute::Health]))
        }),
        ("for_no_attribute", Closed::MoreThanGiven, ask(|q| q.attributes = Attributes::NONE)),
        ("for_an_attribute_nobody_knows", Closed::MoreThanGiven, {
            ask(|q| q.attributes = Attributes(1 | 1 << 31))
        }),
        ("used_up", Closed::UsedUp, good().says(again(21)).says(again(22))),
        ("not_written", Closed::NotWritten, ask(|q| q.written = None)),
        ("written_for_another_recipient", Closed::NotWritten, {
            good().with(|s| {
                let mut other = again(20);
                if let People::Disclosed { recipient, .. } = &mut other {
                    *recipient = OrgId(1);
                }
                s.told[1] = told_by(A, other);
            })
        }),
        ("written_for_fewer_attributes", Closed::NotWritten, {
            ask(|q| q.attributes = Attributes::of([Attribute::Name, Attribute::Phone]))
        }),
    ]
}

#[test]
fn what_is_well_in_every_question_is_opened() {
    assert_eq!(Scene::hers(HERS).check(), Ok(()), "by her own wallet's word alone");
    assert_eq!(Scene::good().check(), Ok(()));
    let commitment = Scene::good().commitment();
    let second = Scene::good().says(disclosed(21, commitment));
    assert_eq!(second.check(), Ok(()), "the second of two");
    let twice = second.says(disclosed(21, commitment)).says(disclosed(20, commitment));
    assert_eq!(twice.check(), Ok(()), "what is told twice happened once");
    let role = Recipient::Role { org: OrgId(3), roles: Roles::REGISTRAR.and(Roles::VAULT) };
    assert_eq!(Scene::of(Grant { recipient: role, ..grant() }).check(), Ok(()));
    let way = Way::Witnessed;
    let seen = Grant { way, witness: Some(key(99).public()), ..grant() };
    assert_eq!(Scene::of(seen).check(), Ok(()));
}

#[test]
fn every_question_closes_the_door_by_itself() {
    let cases = closed();
    for (name, answer, scene) in &cases {
        assert_eq!(scene.check(), Err(*answer), "{name}");
    }
    assert!(cases.is_sorted_by_key(|(_, answer, _)| *answer));
    for closed in Closed::ALL {
        assert!(cases.iter().any(|(_, answer, _)| *answer == closed), "{closed:?}");
    }
}

/// With several things wrong, the first in order is told: whoever learns that a purpose is wrong has been told that there
/// is a consent.
#[test]
fn of_several_things_wrong_the_first_is_told() {
    let mut scene = Scene::good();
    let commitment = scene.commitment();
    let federation = charter().federation();
    let mut expected = Closed::ALL.into_iter().rev();
    let mut next = |scene: &Scene| assert_eq!(scene.check().err(), expected.next());
    scene.question.written = None;
    next(&scene);
    for n in 21..23 {
        scene.told.push(told_by(A, disclosed(n, commitment)));
    }
    next(&scene);
    scene.question.attributes = Attributes(u32::MAX);
    next(&scene);
    scene.question.purpose = Purpose::Overlap;
    next(&scene);
    scene.question.asker.org = OrgId(1);
    next(&scene);
    scene.question.on = DayNo(1_000);
    next(&scene);
    let (reason, on) = (Withdrawal::Guardian, TODAY);
    scene.told.push(told_by(B, People::ConsentWithdrawn { commitment, reason, on }));
    next(&scene);
    scene.word = Statement::Consent { commitment }.sign(&federation, &key(99));
    next(&scene);
    scene.told.remove(0);
    next(&scene);
    assert_eq!(
        check(&federation, &people_roster(), None, &scene.question),
        Err(Closed::Unknown),
        "no record at all"
    );
}

#[test]
fn a_record_says_something_that_can_be_consented_to() {
    type Change = fn(&mut Grant);
    let cases: [(Change, GrantFault); 9] = [
        (|g| g.expires = DayNo(limits::CONSENT_DAYS), GrantFault::Days),
        (|g| g.not_before = DayNo(101), GrantFault::Days),
        (|g| g.attributes = Attributes::NONE, GrantFault::Attributes),
        (|g| g.attributes = Attributes(1 << 16), GrantFault::Attributes),
        (|g| g.uses = 0, GrantFault::Uses),
        (|g| g.way = Way::Witnessed, GrantFault::Way),
        (|g| g.witness = Some(key(1).public()), GrantFault::Way),
        (|g| g.way = Way::Guardian, GrantFault::Way),
        (|g| g.guardian = Some(Guardian::Parent), GrantFault::Way),
    ];
    assert_eq!(Grant::decode(&grant().encode()), Ok(grant()));
    for (change, fault) in cases {
        let mut other = grant();
        change(&mut other);
        assert_eq!(Grant::decode(&other.encode()), Err(fault), "{other:?}");
    }
    assert_eq!(Grant::decode(&[0; 9]), Err(GrantFault::Malformed));
    let longest = Grant { expires: DayNo(limits::CONSENT_DAYS - 1), ..grant() };
    assert_eq!(longest.check(), Ok(()), "twelve months");
    for tag in ["", "s", "swahili-latin", "sw ", "sé", "s\0w"] {
        assert_eq!(Language::of(tag), None, "{tag}");
    }
    assert_eq!(Language::of("fa-AF").map(|l| l.tag()), Some("fa-AF".to_owned()));
}

#[test]
fn commitments_of_one_secret_or_one_record_do_not_join() {
    let commitment = grant().commitment(&secret(9));
    let other = Grant { uses: 3, ..grant() };
    assert_ne!(commitment, grant().commitment(&secret(8)));
    assert_ne!(commitment, other.commitment(&secret(9)));
    assert_ne!(commitment, random_commitment(&secret(9), &grant().encode()));
    let [one, two] = [FOOD, CASH].map(|p| erasure_commitment(&secret(9), p));
    assert_ne!(one, two, "two programmes' erasures of one person");
}

#[test]
fn a_consent_stands_as_what_was_told_of_it_says() {
    let scene = Scene::good();
    let commitment = scene.commitment();
    let state = |scene: &Scene, on| {
        let secret = secret(9);
        state_of(&Known::of(&scene.grant, &secret, &scene.word, &scene.told), on)
    };
    let back =
        |reason| Scene::good().says(People::ConsentWithdrawn { commitment, reason, on: TODAY });
    assert_eq!(state(&scene, TODAY), StateWord::Given);
    assert_eq!(state(&scene, DayNo(101)), StateWord::Expired);
    assert_eq!(state(&back(Withdrawal::Asked), DayNo(101)), StateWord::Withdrawn);
    let both = back(Withdrawal::Asked);
    let reason = Withdrawal::Invalid;
    let both = both.says(People::ConsentWithdrawn { commitment, reason, on: TODAY });
    assert_eq!(state(&both, TODAY), StateWord::Invalidated);
    let renewed = Grant { renews: Some(commitment), ..grant() };
    assert_eq!(state(&Scene::of(renewed), TODAY), StateWord::Renewed);
    let silent = Scene::good().with(|s| s.told.clear());
    assert_eq!(state(&silent, TODAY), StateWord::Requested);
}

/// What an honest complaint says in the end, and everything somebody else might add to it.
fn complaint(federation: &FederationId) -> Vec<Told> {
    let commitment = Commitment(Hash([3; 32]));
    let due = DayNo(14);
    let word = |by: u8, appeal, outcome| {
        let said = Statement::Decision { grievance: commitment, appeal, outcome, on: TODAY };
        said.sign(federation, &key(by))
    };
    let (no, yes) = (Outcome::NotUpheld, Outcome::Upheld);
    let steps = [
        (A, GrievanceStep::Opened { decider: OrgId(3), due }),
        (B, GrievanceStep::Decided { outcome: no, word: word(DECIDER, false, no) }),
        (A, GrievanceStep::Appealed { decider: OrgId(3), due }),
        (B, GrievanceStep::AppealDecided { outcome: yes, word: word(DECIDER + 1, true, yes) }),
        // By who decided before; by a cashier; by another organisation's; of something else.
        (B, GrievanceStep::AppealDecided { outcome: no, word: word(DECIDER, true, no) }),
        (B, GrievanceStep::Decided { outcome: yes, word: word(DECIDER + 2, false, yes) }),
        (B, GrievanceStep::Decided { outcome: yes, word: word(CLERK, false, yes) }),
        (B, GrievanceStep::Decided { outcome: yes, word: word(DECIDER, false, no) }),
    ];
    let said = |(by, step)| told_by(by, People::Grievance { commitment, step, on: TODAY });
    steps.map(said).to_vec()
}

#[test]
fn a_complaint_stands_the_same_in_any_order_and_an_appeal_is_anothers() {
    let federation = charter().federation();
    let (all, roster) = (complaint(&federation), people_roster());
    let commitment = Commitment(Hash([3; 32]));
    let stands = |told: &[Told]| standing(&federation, &roster, commitment, told);
    let stages = [Stage::Unknown, Stage::Open, Stage::Decided, Stage::Appealed, Stage::Settled];
    for (n, stage) in stages.into_iter().enumerate() {
        assert_eq!(stands(&all[..n]).stage, stage, "after {n} steps");
    }
    let whole = stands(&all);
    assert_eq!((whole.stage, whole.outcome), (Stage::Settled, Some(Outcome::Upheld)));
    assert_eq!(whole.first.len(), 1, "nobody else decided first");
    for turn in 0..all.len() {
        let mut turned = all.clone();
        turned.rotate_left(turn);
        assert_eq!(stands(&turned), whole);
        turned.reverse();
        assert_eq!(stands(&turned), whole);
    }
    let without = [&all[..3], &all[4..]].concat();
    assert_eq!(stands(&without).stage, Stage::Appealed, "what others may not say settles nothing");
}

/// Who is complained of may write what it likes: nothing of it ends the complaint, or takes it from who was named.
#[test]
fn whoever_did_not_take_a_complaint_ends_none() {
    let federation = charter().federation();
    let (all, roster) = (complaint(&federation), people_roster());
    let commitment = Commitment(Hash([3; 32]));
    let stage = |told: &[Told]| standing(&federation, &roster, commitment, told).stage;
    let own = roster.org_of(&node(A)).expect("certified");
    let other = roster.nodes().find(|c| c.org != own && c.org != OrgId(3)).expect("another's");
    let said = |step| Told {
        by: other.short(),
        ..told_by(B, People::Grievance { commitment, step, on: TODAY })
    };
    let (decider, due) = (other.org, TODAY);
    let lies = [
        said(GrievanceStep::TakenBack),
        said(GrievanceStep::Referred { decider, due }),
        said(GrievanceStep::Opened { decider, due }),
        said(GrievanceStep::Appealed { decider, due }),
    ];
    for (n, lie) in lies.iter().enumerate() {
        for known in [1, 3] {
            let told = [&all[..known], &[*lie]].concat();
            let found = standing(&federation, &roster, commitment, &told);
            let was = stage(&all[..known]);
            assert_eq!(found.stage, was, "lie {n} after {known}");
            assert!(found.decider == Some(OrgId(3)) || n == 2, "lie {n} after {known}");
        }
    }
    let own = Told { by: node(A), ..said(GrievanceStep::TakenBack) };
    assert_eq!(stage(&[&all[..1], &[own]].concat()), Stage::TakenBack);
}

#[test]
fn the_same_things_said_in_any_order_come_to_the_same_state() {
    let all = crate::shape::samples::people();
    let root = |turn: usize, twice: bool| {
        let mut desk = Desk::new();
        let feeds = [A, B].map(|seed| on(seed, Lane::Registry));
        for n in 0..all.len() {
            let said = all[(n + turn) % all.len()];
            for feed in &feeds {
                desk.force(feed, crate::entry::Registry::People(said));
                if twice {
                    desk.force(feed, crate::entry::Registry::People(said));
                }
            }
        }
        assert_eq!(desk.state.people().count(), 2 * all.len());
        desk.state.root()
    };
    let first = root(0, false);
    for turn in 0..all.len() {
        assert_eq!(root(turn, turn % 2 == 1), first);
    }
    assert_eq!(Desk::new().state.told(&Commitment(Hash([1; 32]))), []);
}

#[test]
fn a_day_says_no_minute_and_falls_only_by_days() {
    let feed = on(A, Lane::Registry);
    let erased = |on| {
        crate::entry::Registry::People(People::Erased { commitment: Commitment(Hash([1; 32])), on })
    };
    let mut desk = Desk::new();
    let (pseudonym, noon) = (holder(1), Minute(1_440 + 720));
    desk.force(&feed, crate::entry::Registry::Enrol { pseudonym, at: noon });
    desk.force(&feed, erased(DayNo(1)));
    desk.force(&feed, crate::entry::Registry::Enrol { pseudonym: holder(2), at: noon });
    assert_eq!(desk.state.faults().count(), 0, "the day goes on");
    desk.force(&feed, erased(DayNo(0)));
    assert_eq!(desk.state.faults().count(), 1, "yesterday");
    desk.force(&feed, erased(DayNo(3)));
    let chain = desk.state.trunk(&feed);
    assert_eq!(desk.state.last_stamp(chain), DayNo(3).first());
}

#[test]
fn the_page_has_every_word_with_its_number_and_term() {
    let page = include_str!("../../../spec/consent.md");
    let mut words = Vec::new();
    macro_rules! all {
        ($($list:ty),*) => {$(
            for one in <$list>::ALL {
                let term = one.iri().map_or("–", |iri| iri.rsplit('/').next().unwrap_or(iri));
                let name = stringify!($list);
                words.push(format!("| {name} | {} | `{}` | {term} | {} |", *one as u8, one.word(), one.means()));
                assert_eq!(<$list>::of(one.word()), Some(*one));
            }
        )*};
    }
    all!(Purpose, Attribute, Basis, StateWord, Withdrawal, RefusalClass, Verdict, Outcome);
    for closed in Closed::ALL {
        words.push(format!("| {} | `{closed:?}` | {closed} |", closed as u8));
    }
    let missing: Vec<&String> = words.iter().filter(|word| !page.contains(*word)).collect();
    assert!(
        missing.is_empty(),
        "the page lacks:\n{}",
        missing.iter().map(|w| format!("{w}\n")).collect::<String>()
    );
    let rows =
        page.lines().filter(|line| line.split(" | ").count() == 5 && line.contains("| `")).count();
    assert_eq!(rows, words.len() - Closed::ALL.len(), "and none that is no word");
}
