//! Consents, the questions before anything is opened, and what a writer answers to drafts about people.

use super::kinds::{Desk, certified, everybody};
use super::rules::{Given, founded, said};
use super::{Made, Vector};
use crate::consent::tests::{
    CLERK, DECIDER, HERS, Scene, closed, disclosed, grant, people_roster, person,
};
use crate::consent::{
    Attributes, Grant, GrievanceStep, Guardian, Outcome, People, Question, Recipient, Told, Way,
    Withdrawal,
};
use crate::entry::{Control, Entry, Registry};
use crate::hash::Hash;
use crate::id::{Commitment, Lane, OrgId};
use crate::limits;
use crate::notice::{OperatorRoles, Roles, SignedNotice};
use crate::statement::Statement;
use crate::testing::*;
use crate::time::DayNo;
use crate::wire;

pub(super) fn all() -> Made {
    [questions(), records(), drafts()].into_iter().flatten().collect()
}

/// A question's bytes: purpose, attributes, day.
fn asked(question: &Question) -> Vec<u8> {
    let numbers = [question.attributes.0.to_be_bytes(), question.on.0.to_be_bytes()];
    [&[question.purpose as u8][..], &numbers.concat()].concat()
}

fn questions() -> Made {
    let made = |name: &str, answer: &str, scene: Scene| {
        let mut given: Given = vec![founded()];
        given.extend(people_roster().notices().map(|notice| ("notice", notice.encode())));
        given.push(("secret", vec![9; 32]));
        given.push(("word", scene.word.encode()));
        given.extend(scene.hers.map(|key| ("hers", key.bytes().to_vec())));
        given.extend(scene.told.iter().map(|told: &Told| ("said", wire::encode(told))));
        let asker = scene.question.asker;
        let asker = [asker.org.0.to_be_bytes(), asker.roles.0.to_be_bytes()].concat();
        given.push(("asker", asker));
        given.push(("question", asked(&scene.question)));
        given.extend(scene.question.written.map(|c| ("written", c.0.0.to_vec())));
        given.push(("bytes", scene.grant.encode()));
        let name: &'static str = format!("consent/{name}").leak();
        (name, Vector::new("consent", answer, given))
    };
    let bad =
        closed().into_iter().map(|(name, answer, scene)| made(name, &format!("{answer:?}"), scene));
    let hers = made("by_her_wallet", "good", Scene::hers(HERS));
    [made("opened", "good", Scene::good()), hers].into_iter().chain(bad).collect()
}

fn records() -> Made {
    let with = |change: fn(&mut Grant)| {
        let mut other = grant();
        change(&mut other);
        other.encode()
    };
    let mut language = grant().encode();
    let tag = language.windows(3).position(|w| w == b"sw\0").expect("its language");
    language[tag] = b' ';
    let mut longer = grant().encode();
    longer.push(0);
    let rows = [
        ("grant/good", "good", grant().encode()),
        ("grant/for_a_year_and_a_day", "Days", with(|g| g.expires = DayNo(limits::CONSENT_DAYS))),
        ("grant/ends_before_it_begins", "Days", with(|g| g.not_before = DayNo(101))),
        ("grant/of_nothing", "Attributes", with(|g| g.attributes = Attributes::NONE)),
        ("grant/of_what_nobody_knows", "Attributes", with(|g| g.attributes = Attributes(1 << 20))),
        ("grant/never_to_be_used", "Uses", with(|g| g.uses = 0)),
        ("grant/in_no_language", "Language", language),
        ("grant/without_its_witness", "Way", with(|g| g.way = Way::Witnessed)),
        ("grant/with_a_guardian_who_was_not_there", "Way", {
            with(|g| g.guardian = Some(Guardian::Legal))
        }),
        ("grant/trailing_byte", "Malformed", longer),
        ("grant/to_a_recipient_of_no_kind", "Malformed", {
            let mut bytes = with(|g| g.recipient = Recipient::Organisation(OrgId(3)));
            let at = grant().id.0.len() + 1 + 16 + 1;
            bytes[at] = 9;
            bytes
        }),
    ];
    rows.map(|(name, answer, bytes)| {
        (name, Vector::new("record of a consent", answer, vec![("bytes", bytes)]))
    })
    .into_iter()
    .collect()
}

fn known() -> Vec<SignedNotice> {
    let people = [
        (CLERK, 2, OperatorRoles::REGISTRAR),
        (DECIDER, 3, OperatorRoles::SUPERVISOR),
        (DECIDER + 1, 3, OperatorRoles::SUPERVISOR),
        (DECIDER + 2, 3, OperatorRoles::CASHIER),
    ];
    let people = people.map(|(seed, org, roles)| {
        said(u8::try_from(org).expect("small"), person(seed, org, roles))
    });
    everybody().into_iter().chain(people).collect()
}

fn drafts() -> Made {
    let desk = || Desk::new(vec![], known(), on(A, Lane::Registry));
    let later = || certified(2, A, |c| c.not_after = crate::time::Minute(9_000));
    let longer = || Desk::new(vec![], [later()], on(A, Lane::Registry));
    let today = DayNo(0);
    let [commitment, other] = [1, 2].map(|n| Commitment(Hash([n; 32])));
    let say = |people: People| Entry::from(Registry::People(people));
    let consent = |issuer, expires: u32| {
        let (issuer, expires) = (OrgId(issuer), DayNo(expires));
        say(People::ConsentGiven { commitment, issuer, expires, on: today })
    };
    let given = || consent(2, 100);
    let back = say(People::ConsentWithdrawn { commitment, reason: Withdrawal::Asked, on: today });
    let opened = |n, grant| say(disclosed(n, grant));
    let with = |change: fn(&mut DayNo, &mut Attributes)| {
        let mut other = disclosed(20, commitment);
        if let People::Disclosed { on, attributes, .. } = &mut other {
            change(on, attributes);
        }
        say(other)
    };
    let terminal = [certified(2, A, |c| c.roles = Roles::MERCHANT)];
    let mut made = vec![
        desk().asks("draft/consent", "good", given()),
        longer().asks("draft/consent_for_no_day", "ConsentDays", {
            say(People::ConsentGiven {
                commitment,
                issuer: OrgId(2),
                expires: DayNo(3),
                on: DayNo(4),
            })
        }),
        desk().asks("draft/consent_for_a_year_and_a_day", "ConsentDays", consent(2, 366)),
        desk().after(&[given()]).asks("draft/consent_again", "ConsentKnown", given()),
        desk().after(std::slice::from_ref(&back)).asks(
            "draft/consent_after_it_was_taken_back",
            "ConsentKnown",
            given(),
        ),
        desk().asks("draft/consent_of_anothers", "OtherIssuer", consent(3, 100)),
        Desk::new(vec![], terminal, on(A, Lane::Registry)).asks(
            "draft/consent_at_a_terminal",
            "OtherRole",
            given(),
        ),
        desk().asks("draft/consent_taken_back_unheard_of", "good", back.clone()),
        desk().after(&[given()]).asks("draft/disclosure", "good", opened(20, commitment)),
        desk().asks("draft/disclosure_under_no_consent", "ConsentUnknown", opened(20, commitment)),
        desk().after(&[given()]).asks(
            "draft/disclosure_under_another_consent",
            "ConsentUnknown",
            opened(20, other),
        ),
        desk().after(&[given(), back]).asks(
            "draft/disclosure_after_it_was_taken_back",
            "ConsentTakenBack",
            opened(20, commitment),
        ),
        desk().after(&[consent(2, 0)]).asks(
            "draft/disclosure_after_its_last_day",
            "CertificateExpired",
            with(|on, _| *on = DayNo(1)),
        ),
        longer().after(&[consent(2, 0)]).asks(
            "draft/disclosure_under_an_ended_consent",
            "ConsentEnded",
            with(|on, _| *on = DayNo(1)),
        ),
        desk().after(&[given()]).asks(
            "draft/disclosure_of_nothing",
            "NothingNamed",
            with(|_, attributes| *attributes = Attributes::NONE),
        ),
        desk().after(&[given()]).asks(
            "draft/disclosure_of_what_nobody_knows",
            "NothingNamed",
            with(|_, attributes| *attributes = Attributes(1 << 31)),
        ),
        desk().after(&[given(), opened(20, commitment)]).asks(
            "draft/disclosure_again",
            "DisclosedBefore",
            opened(20, commitment),
        ),
    ];
    made.extend(complaints(desk));
    made.extend(erasures());
    made
}

fn complaints(desk: impl Fn() -> Desk) -> Made {
    let federation = charter().federation();
    let today = DayNo(0);
    let commitment = Commitment(Hash([3; 32]));
    let step =
        |step| Entry::from(Registry::People(People::Grievance { commitment, step, on: today }));
    let opened = |decider, due: u32| {
        step(GrievanceStep::Opened { decider: OrgId(decider), due: DayNo(due) })
    };
    let word = |by: u8, appeal, outcome| {
        let said = Statement::Decision { grievance: commitment, appeal, outcome, on: today };
        said.sign(&federation, &key(by))
    };
    let (no, yes) = (Outcome::NotUpheld, Outcome::Upheld);
    let decided = |by| step(GrievanceStep::Decided { outcome: no, word: word(by, false, no) });
    let appealed = || step(GrievanceStep::Appealed { decider: OrgId(3), due: DayNo(14) });
    let settled =
        |by| step(GrievanceStep::AppealDecided { outcome: yes, word: word(by, true, yes) });
    let first = || [opened(3, 14), decided(DECIDER)];
    let both = || [opened(3, 14), decided(DECIDER), appealed()];
    vec![
        desk().asks("draft/complaint", "good", opened(3, 14)),
        desk().asks("draft/complaint_to_nobody", "DeciderUnknown", opened(9, 14)),
        desk().asks("draft/complaint_for_today", "GrievanceClock", opened(3, 0)),
        desk().asks("draft/complaint_for_next_year", "GrievanceClock", opened(3, 91)),
        desk().after(&[opened(3, 14)]).asks(
            "draft/complaint_again",
            "GrievanceStep",
            opened(3, 14),
        ),
        desk().asks("draft/decision_of_no_complaint", "GrievanceStep", decided(DECIDER)),
        desk().after(&[opened(3, 14)]).asks("draft/decision", "good", decided(DECIDER)),
        desk().after(&[opened(3, 14)]).asks(
            "draft/decision_by_a_cashier",
            "DecisionRefused",
            decided(DECIDER + 2),
        ),
        desk().after(&[opened(3, 14)]).asks(
            "draft/decision_by_another_organisations",
            "DecisionRefused",
            decided(OPERATORS[0]),
        ),
        desk().after(&[opened(3, 14)]).asks(
            "draft/decision_by_a_node",
            "DecisionRefused",
            decided(B),
        ),
        desk().after(&[opened(3, 14)]).asks("draft/decision_unsigned", "DecisionUnsigned", {
            step(GrievanceStep::Decided { outcome: yes, word: word(DECIDER, false, no) })
        }),
        desk().after(&[opened(3, 14)]).asks(
            "draft/appeal_before_the_decision",
            "GrievanceStep",
            appealed(),
        ),
        desk().after(&first()).asks("draft/appeal", "good", appealed()),
        desk().after(&both()).asks("draft/appeal_decided", "good", settled(DECIDER + 1)),
        desk().after(&both()).asks(
            "draft/appeal_decided_by_the_same",
            "DecisionRefused",
            settled(DECIDER),
        ),
        desk().after(&both()).asks("draft/appeal_decided_as_a_first", "DecisionUnsigned", {
            let word = word(DECIDER + 1, false, yes);
            step(GrievanceStep::AppealDecided { outcome: yes, word })
        }),
        desk().after(&[opened(3, 14), step(GrievanceStep::TakenBack)]).asks(
            "draft/decision_of_one_taken_back",
            "GrievanceStep",
            decided(DECIDER),
        ),
    ]
}

fn erasures() -> Made {
    let erased = Commitment(Hash([4; 32]));
    let seen = |on| Entry::from(Control::ErasureSeen { erased, on: DayNo(on) });
    let federation = charter().federation();
    let feed = on(B, Lane::Registry);
    let start = crate::feed::Head::start(&federation, &feed);
    let said = Registry::People(People::Erased { commitment: erased, on: DayNo(0) });
    let block = seal(&federation, B, feed, 0, start, &[said.into()]);
    let heard = || {
        let mut desk = Desk::of(on(A, Lane::Control));
        desk.given.push(("feed", feed.bytes().to_vec()));
        desk.given.push(("block", wire::encode(&block)));
        desk
    };
    vec![
        heard().asks("draft/erasure_followed", "good", seen(0)),
        Desk::of(on(A, Lane::Control)).asks("draft/erasure_nobody_knows", "NotErased", seen(0)),
        heard().asks("draft/erasure_followed_too_late", "CertificateExpired", seen(1)),
    ]
}
