use annona_ledger::consent::{Basis, Grant, Language, NoticeShown, People, Recipient, Way};
use annona_ledger::id::{OrgId, SiteId};
use annona_ledger::notice::{Notice, OperatorCertificate, OperatorRoles};
use annona_ledger::time::Minute;

use super::*;
use crate::bundle::tests::world::{CASH, FOOD, World, enrol, export, import, key, short};
use crate::consent::{Answer as Said, give};
use crate::seal::Key;

const OPERATOR: u8 = 51;
/// Of the organisation that answers.
const THEIRS: u8 = 53;

fn person(name: &str, number: &str, born: (u16, u8, u8)) -> Person {
    let mut person = Person::default();
    let mut set = |field: Field, value| person.set(field, value).expect("fits");
    set(Field::FullName, Value::text(Field::FullName, name).expect("a name"));
    if !number.is_empty() {
        set(Field::NationalId, Value::text(Field::NationalId, number).expect("a number"));
    }
    let born = Date::new(born.0, born.1, born.2).expect("a date");
    set(Field::BirthDate, Value::Date(born));
    person
}

fn today() -> Date {
    Date::new(2026, 11, 20).expect("a date")
}

struct Side {
    vault: Vault,
    ids: Vec<HouseholdId>,
}

impl Side {
    /// A register of people; those whose place is in `consenting` said yes to being asked about at `to`.
    fn new(
        node: &mut Node,
        world: &std::path::Path,
        people: &[Person],
        (to, consenting): (OrgId, &[usize]),
    ) -> Self {
        let mut vault =
            Vault::create(&world.join("people.db"), &Key::take(&mut [7; 32])).expect("new");
        let (federation, own) =
            (node.federation().expect("founded"), node.org().expect("certified"));
        let mut ids = Vec::new();
        for (n, person) in people.iter().enumerate() {
            let name = format!("H-{n}");
            let household = Household {
                key: name.clone(),
                members: vec![person.clone()],
                ..Household::default()
            };
            let (bytes, members) = household.records().expect("a household");
            let digest = [u8::try_from(n).expect("few"); 32];
            let mut txn = vault.begin().expect("begins");
            let id = txn.add("desk", name.as_bytes(), digest, &bytes, &members).expect("added");
            txn.commit().expect("kept");
            let pseudonym = vault.pseudonym(id, FOOD.0, &federation.0.0).expect("one");
            enrol(node, FOOD, pseudonym);
            if consenting.contains(&n) {
                let mut number = [0; 16];
                number[0] = digest[0];
                number[1] = u8::try_from(own.0).expect("small");
                let grant = Grant {
                    id: GrantId(number),
                    programme: FOOD,
                    pseudonym: Pseudonym(pseudonym),
                    controller: own,
                    recipient: Recipient::Organisation(to),
                    purpose: Purpose::Overlap,
                    attributes: Attributes::of(NEEDED),
                    basis: Basis::Consent,
                    not_before: DayNo(0),
                    expires: DayNo(30),
                    uses: 3,
                    way: Way::Spoken,
                    notice: NoticeShown {
                        text: Hash([2; 32]),
                        version: 1,
                        language: Language::of("sw").expect("a tag"),
                    },
                    witness: None,
                    guardian: None,
                    renews: None,
                };
                let operator = if own == OrgId(2) { THEIRS } else { OPERATOR };
                give(node, &mut vault, id, &grant, Said::Yes, &key(operator)).expect("given");
            }
            ids.push(id);
        }
        node.seal_all().expect("sealed");
        Self { vault, ids }
    }
}

fn disclosed(node: &Node) -> usize {
    let work = node.store().look().expect("reads");
    let all = work.all_told();
    let of = |told: &&annona_ledger::consent::Told| {
        matches!(told.people(), Some(People::Disclosed { purpose: Purpose::Overlap, .. }))
    };
    all.iter().filter(of).count()
}

/// A asks about four of its five; B helps three people, one of whom did not consent to it.
fn two() -> (World, Side, Side) {
    let mut world = World::new();
    let operator = OperatorCertificate {
        org: OrgId(2),
        operator: key(THEIRS).public(),
        site: SiteId(1),
        roles: OperatorRoles::REGISTRAR,
        programmes: Bounded::new(vec![FOOD]).expect("one"),
        issued: Minute(1),
        not_after: Minute(1_000_000),
    };
    let notice = Notice::Operator(operator).sign(&world.federation(), &key(2));
    for node in [&mut world.a, &mut world.b] {
        node.learn(&notice).expect("a good notice");
    }
    let asked = [
        person("Mohamed Ali Hassan", "A-123 4567", (1987, 3, 2)),
        person("Selam Tesfaye", "", (1990, 5, 6)),
        person("Hawa Omar", "B 7654321", (1999, 1, 9)),
        person("Nobody Elsewhere", "C 1111111", (1970, 2, 2)),
        person("Said No", "D 2222222", (1980, 2, 2)),
    ];
    let helped = [
        person("محمد علي حسن", "a1234567", (1987, 3, 2)),
        person("ሰላም ተስፋዬ", "", (1990, 5, 6)),
        person("Hawa Omar", "B-7654321", (1999, 1, 9)),
        person("Said No", "D2222222", (1980, 2, 2)),
    ];
    let (a, b) = (world.path("ask"), world.path("help"));
    let one = Side::new(&mut world.a, &a, &asked, (OrgId(2), &[0, 1, 2, 3]));
    // Hawa did not say yes there: she is nobody there to whoever asks.
    let two = Side::new(&mut world.b, &b, &helped, (OrgId(1), &[0, 1, 3]));
    (world, one, two)
}

fn heard(world: &mut World) {
    let folder = world.path("stick");
    let exported = export(&mut world.a, &[short(&world.b)], &folder);
    import(&mut world.b, &exported.files);
}

#[test]
fn one_bit_for_each_who_consented_and_nothing_else_is_learned() {
    let (mut world, mut asker, helper) = two();
    let to = short(&world.b);
    let operator = key(OPERATOR);
    let asked = (&asker.ids[..], today());
    let all = ask(&mut world.a, &mut asker.vault, to, FOOD, asked, &operator).expect("asked");
    let question = all.file.clone();
    assert_eq!(all.households, 4, "and not about who did not say yes");
    all.done(&mut asker.vault).expect("durable");
    assert_eq!(disclosed(&world.a), 4, "each is in her list");
    for canary in ["Mohamed", "1234567", "tesfaye", "A-123"] {
        assert!(!question.windows(canary.len()).any(|w| w.eq_ignore_ascii_case(canary.as_bytes())));
    }
    // What was registered must be heard first: B counts for itself.
    let early = answer(&world.b, &helper.vault, &question);
    assert!(matches!(early, Err(OverlapFault::TooMany { allowed: 0, .. })), "{early:?}");
    heard(&mut world);
    let (answered, ..) = answer(&world.b, &helper.vault, &question).expect("answered");
    let told = read(&world.a, &mut asker.vault, &answered).expect("read");
    let bits: Vec<bool> = told.iter().map(|one| one.helped).collect();
    assert_eq!(bits, [true, true, false, false]);
    assert_eq!(told.iter().map(|one| one.household).collect::<Vec<_>>(), asker.ids[..4]);
    // Once.
    assert!(matches!(read(&world.a, &mut asker.vault, &answered), Err(OverlapFault::NotAsked)));
    // The same file again is answered under another key, of the same people, and uses up nothing: an answer that went nowhere
    // is made once more.
    for _ in 0..3 {
        let (again, ..) = answer(&world.b, &helper.vault, &question).expect("counted once");
        assert_ne!(again, answered);
    }
}

#[test]
fn more_than_twice_the_days_enrolments_is_neither_asked_nor_answered() {
    let (mut world, mut asker, helper) = two();
    let (to, operator) = (short(&world.b), key(OPERATOR));
    heard(&mut world);
    let ask_once = |world: &mut World, asker: &mut Side| {
        let asked = (&asker.ids[..], today());
        let all = ask(&mut world.a, &mut asker.vault, to, FOOD, asked, &operator)?;
        let file = all.file.clone();
        all.done(&mut asker.vault).map(|()| file)
    };
    // Five were enrolled: ten questions a day, eight of them now.
    let question = ask_once(&mut world, &mut asker).expect("asked");
    let more = ask_once(&mut world, &mut asker);
    assert!(matches!(more, Err(OverlapFault::TooMany { asked: 16, allowed: 10 })), "{more:?}");
    assert_eq!(disclosed(&world.a), 4, "and nobody's record was opened for it");
    // A program that was changed asks all the same: B counts what it has heard.
    answer(&world.b, &helper.vault, &question).expect("answered");
    let body = question.split_at(ASKED.len() + STATED).1;
    let other =
        Question { number: Nonce([9; 16]), ..wire::decode(body, BYTES).expect("a question") };
    let other = sign(&world.a, ASKED, to, &wire::encode(&other)).expect("signed");
    let more = answer(&world.b, &helper.vault, &other);
    assert!(matches!(more, Err(OverlapFault::TooMany { asked: 14, .. })), "{more:?}");
}

#[test]
fn altered_or_anothers_files_are_refused_whole() {
    let (mut world, mut asker, helper) = two();
    heard(&mut world);
    let (to, operator) = (short(&world.b), key(OPERATOR));
    let asked = (&asker.ids[..], today());
    let all = ask(&mut world.a, &mut asker.vault, to, FOOD, asked, &operator).expect("asked");
    let question = all.file.clone();
    all.done(&mut asker.vault).expect("durable");
    for at in 0..question.len() {
        let mut bad = question.clone();
        bad[at] ^= 1;
        let answered = answer(&world.b, &helper.vault, &bad);
        assert!(
            matches!(answered, Err(OverlapFault::Damaged | OverlapFault::Stranger)),
            "byte {at}"
        );
    }
    for cut in [0, 16, 17, 100, 116, question.len() - 1] {
        assert!(answer(&world.b, &helper.vault, &question[..cut]).is_err(), "{cut} bytes");
    }
    // For B alone; and an answer is no question.
    let own = answer(&world.a, &asker.vault, &question);
    assert!(matches!(own, Err(OverlapFault::Stranger)), "{own:?}");
    let (answered, ..) = answer(&world.b, &helper.vault, &question).expect("answered");
    assert!(matches!(answer(&world.b, &helper.vault, &answered), Err(OverlapFault::Damaged)));
    for at in (0..answered.len()).step_by(3) {
        let mut bad = answered.clone();
        bad[at] ^= 1;
        assert!(read(&world.a, &mut asker.vault, &bad).is_err(), "byte {at}");
    }
    read(&world.a, &mut asker.vault, &answered).expect("whole");
}

/// A full disk, or a folder that is not there: nobody's consent is used up by a file that never was, nor the day's count.
#[test]
fn a_question_that_was_not_written_is_asked_again_under_the_same_lines() {
    let (mut world, mut asker, helper) = two();
    heard(&mut world);
    let (to, operator) = (short(&world.b), key(OPERATOR));
    let ask_once = |world: &mut World, asker: &mut Side| {
        let asked = (&asker.ids[..], today());
        ask(&mut world.a, &mut asker.vault, to, FOOD, asked, &operator)
    };
    // More often than the consents give uses, and than the day has questions.
    for _ in 0..5 {
        drop(ask_once(&mut world, &mut asker).expect("asked"));
        assert_eq!(disclosed(&world.a), 4, "no line but the first");
    }
    let all = ask_once(&mut world, &mut asker).expect("asked");
    let question = all.file.clone();
    all.done(&mut asker.vault).expect("durable");
    let (answered, ..) = answer(&world.b, &helper.vault, &question).expect("answered");
    let told = read(&world.a, &mut asker.vault, &answered).expect("read");
    let bits: Vec<bool> = told.iter().map(|one| one.helped).collect();
    assert_eq!(bits, [true, true, false, false]);
}

/// What the asker writes into a question is its own word: another day, to spend that day's count, or one on which a consent
/// still stood.
#[test]
fn a_question_counts_on_its_day_and_consents_on_this() {
    let (mut world, own, helper) = two();
    heard(&mut world);
    let asked = |world: &World, on: DayNo, programme| {
        let secret = (&world.a, short(&world.b));
        let input = b"document 30 A1234567";
        let (_, element) = Blind::of(input, &mut randomness().expect("chance")).expect("one");
        let elements = Bounded::new(vec![element]).expect("one");
        let number = Nonce(random().expect("chance"));
        let question = Question { number, to: secret.1, programme, on, elements };
        sign(secret.0, ASKED, secret.1, &wire::encode(&question)).expect("signed")
    };
    let reopen = |world: &mut World, minute| {
        let dir = world.dir.path().to_owned();
        let aside = crate::bundle::tests::world::make(&dir, &format!("aside-{minute}"));
        drop(std::mem::replace(&mut world.b, aside));
        world.b = crate::bundle::tests::world::reopen_at(&dir, "b", minute);
        world.b.believe(Minute(minute)).expect("kept");
    };
    let tags = |world: &World, helper: &Side, question: &[u8]| {
        let page = helper.vault.all(None, usize::MAX).expect("reads");
        let body = signed(&world.b, ASKED, question).expect("signed").1;
        let question: Question = wire::decode(body, BYTES).expect("a question");
        let from = short(&world.a);
        let of = |id: &HouseholdId| helped(&world.b, &helper.vault, *id, &question, &from);
        page.iter().filter(|id| of(id).expect("reads")).count()
    };
    for on in [DayNo(2), DayNo(400)] {
        let question = asked(&world, on, FOOD);
        let told = answer(&world.b, &helper.vault, &question).map(drop);
        assert!(matches!(told, Err(OverlapFault::Stale)), "{on:?}: {told:?}");
    }
    let question = asked(&world, DayNo(0), FOOD);
    assert_eq!(tags(&world, &helper, &question), 3);
    // Their consents end on day 30.
    reopen(&mut world, 30 * 24 * 60 + 10);
    assert_eq!(tags(&world, &helper, &question), 3);
    answer(&world.b, &helper.vault, &question).expect("a month later");
    reopen(&mut world, 31 * 24 * 60 + 10);
    let late = asked(&world, DayNo(2), FOOD);
    assert_eq!(tags(&world, &helper, &late), 0, "whatever day the question is of");
    let told = answer(&world.b, &helper.vault, &question).map(drop);
    assert!(matches!(told, Err(OverlapFault::Stale)), "{told:?}");
    // Nor does a consent for one programme answer about another.
    let (id, federation) = (own.ids[0], world.federation());
    let pseudonym = own.vault.pseudonym(id, CASH.0, &federation.0.0).expect("one");
    enrol(&mut world.a, CASH, pseudonym);
    for (programme, expected) in [(FOOD, true), (CASH, false)] {
        let (number, to) = (Nonce([1; 16]), short(&world.a));
        let elements = Bounded::new(Vec::new()).expect("none");
        let question = Question { number, to, programme, on: DayNo(0), elements };
        let of = helped(&world.a, &own.vault, id, &question, &short(&world.b)).expect("reads");
        assert_eq!(of, expected, "{programme}");
    }
}
