use annona_ledger::consent::{
    Attribute, Attributes, Basis, Closed, Language, NoticeShown, Purpose, Recipient, Way,
};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, OrgId, Pseudonym};

use super::*;
use crate::bundle::tests::world::{FOOD, World, key, short};
use crate::import::{KnownHouseholds, Register, VaultRegister};
use crate::person::{Attributes as Record, Date, Field, Household, Value};
use crate::{seal::Key, vault::OPENED};

const OPERATOR: u8 = 51;
const NAME: &str = "Amina Canary";
const PHONE: &str = "0700 123 456";

struct Desk {
    world: World,
    vault: Vault,
    id: HouseholdId,
}

fn today() -> Date {
    Date::new(2026, 11, 20).expect("a date")
}

fn person(name: &str, born: (u16, u8, u8)) -> Record {
    let mut person = Record::default();
    let set = |p: &mut Record, field, value| p.set(field, value).expect("fits");
    set(&mut person, Field::FullName, Value::text(Field::FullName, name).expect("a name"));
    set(&mut person, Field::Phone, Value::text(Field::Phone, PHONE).expect("a number"));
    let born = Date::new(born.0, born.1, born.2).expect("a date");
    set(&mut person, Field::BirthDate, Value::Date(born));
    person
}

impl Desk {
    fn new() -> Self {
        let world = World::new();
        let path = world.dir.path().join("a/people.db");
        let mut vault = Vault::create(&path, &Key::take(&mut [7; 32])).expect("a vault");
        let mut whole = Record::default();
        whole.set(Field::Village, Value::text(Field::Village, "Lakeside").expect("x")).expect("x");
        let members = vec![person(NAME, (1990, 3, 1)), person("Bilal Canary", (2020, 11, 21))];
        let household = Household { key: "HH-1".to_owned(), whole, members };
        let (bytes, members) = household.records().expect("a household");
        let mut txn = vault.begin().expect("begins");
        let id = txn.add("desk", b"HH-1", [1; 32], &bytes, &members).expect("added");
        txn.commit().expect("kept");
        Self { world, vault, id }
    }

    fn grant(&self, id: u8) -> Grant {
        let federation = self.world.federation();
        let pseudonym = self.vault.pseudonym(self.id, FOOD.0, &federation.0.0).expect("one");
        Grant {
            id: GrantId([id; 16]),
            programme: FOOD,
            pseudonym: Pseudonym(pseudonym),
            controller: OrgId(1),
            recipient: Recipient::Organisation(OrgId(2)),
            purpose: Purpose::Referral,
            attributes: Attributes::of([Attribute::Name, Attribute::AgeBand]),
            basis: Basis::Consent,
            not_before: DayNo(0),
            expires: DayNo(30),
            uses: 2,
            way: Way::Spoken,
            notice: NoticeShown {
                text: Hash([2; 32]),
                version: 1,
                language: Language::of("sw").expect("a tag"),
            },
            witness: None,
            guardian: None,
            renews: None,
        }
    }

    fn give(&mut self, grant: &Grant, answer: Answer) -> Result<Commitment, ConsentFault> {
        give(&mut self.world.a, &mut self.vault, self.id, grant, answer, &key(OPERATOR))
    }

    fn asking(&self) -> Asking {
        Asking {
            grant: GrantId([1; 16]),
            node: short(&self.world.b),
            purpose: Purpose::Referral,
            attributes: Attributes::of([Attribute::Name]),
        }
    }

    fn permit(&mut self, asking: &Asking) -> Result<Permit, ConsentFault> {
        permit(&mut self.world.a, &mut self.vault, asking, &key(OPERATOR))
    }

    /// Disclosures on the ledger.
    fn disclosed(&self) -> usize {
        let work = self.world.a.store().look().expect("reads");
        let all = work.all_told();
        all.iter().filter(|t| matches!(t.people(), Some(People::Disclosed { .. }))).count()
    }

    /// Disclosures that count as opened.
    fn opened(&self) -> usize {
        let all = disclosures(&self.vault, self.id).expect("reads");
        all.iter().filter(|one| one.stage == Stage::Shown).count()
    }
}

fn closed(answer: Result<Permit, ConsentFault>) -> Closed {
    match answer {
        Err(ConsentFault::Closed(closed)) => closed,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened"),
    }
}

#[test]
fn what_she_said_yes_to_is_opened_as_often_as_it_is_written_down_and_no_more() {
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    desk.give(&grant, Answer::Yes).expect("given");
    desk.give(&grant, Answer::Yes).expect("again changes nothing");
    let asking = desk.asking();
    for times in 1..=2 {
        let permit = desk.permit(&asking).expect("a permit");
        assert_eq!((desk.disclosed(), desk.opened(), OPENED.get()), (times, times - 1, times - 1));
        let (shown, showing) = permit.open(&mut desk.vault, today()).expect("opens");
        assert_eq!((desk.disclosed(), desk.opened()), (times, times - 1), "nobody has it yet");
        showing.done(&mut desk.vault).expect("noted");
        assert_eq!((desk.disclosed(), desk.opened(), OPENED.get()), (times, times, times));
        let names: Vec<_> = shown.members.iter().map(|m| m.len()).collect();
        assert_eq!(names, [1, 1], "a name each, and no telephone number or date of birth");
        let name = shown.members[0].get(&Field::FullName).and_then(Value::as_text);
        assert_eq!(name, Some(NAME));
        assert!(shown.whole.is_empty(), "nor the village");
        assert_eq!(shown.bands, [None, None], "nor an age that was not asked for");
    }
    assert_eq!((closed(desk.permit(&asking)), OPENED.get()), (Closed::UsedUp, 2));
    assert_eq!((desk.disclosed(), desk.opened()), (2, 2));
    // On the ledger file stands nothing of her.
    for file in ["a/ledger.db", "a/ledger.db-wal"] {
        let bytes = std::fs::read(desk.world.dir.path().join(file)).expect("reads");
        for secret in [NAME.as_bytes(), PHONE.as_bytes(), &grant.id.0, &grant.pseudonym.0] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret), "{file}");
        }
    }
}

#[test]
fn an_age_band_is_shown_where_it_was_given_and_not_the_date() {
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    desk.give(&grant, Answer::Yes).expect("given");
    let attributes = Attributes::of([Attribute::AgeBand]);
    let permit = desk.permit(&Asking { attributes, ..desk.asking() }).expect("a permit");
    let (shown, _) = permit.open(&mut desk.vault, today()).expect("opens");
    // The younger one is six the day after.
    assert_eq!(shown.bands, [Some("18-59"), Some("5-17")]);
    assert!(shown.members.iter().all(|m| m.is_empty()), "no name and no date");
}

#[test]
fn a_closed_door_writes_nothing() {
    let mut desk = Desk::new();
    let asking = desk.asking();
    assert_eq!(closed(desk.permit(&asking)), Closed::Unknown);
    let grant = desk.grant(1);
    desk.give(&grant, Answer::Yes).expect("given");
    let other = short(&desk.world.t);
    let cases = [
        (Asking { node: other, ..asking }, Closed::OtherRecipient),
        (Asking { node: [9; 8], ..asking }, Closed::OtherRecipient),
        (Asking { purpose: Purpose::Export, ..asking }, Closed::OtherPurpose),
        (
            Asking { attributes: Attributes::of([Attribute::Phone]), ..asking },
            Closed::MoreThanGiven,
        ),
        (Asking { grant: GrantId([8; 16]), ..asking }, Closed::Unknown),
    ];
    for (asking, answer) in cases {
        assert_eq!(closed(desk.permit(&asking)), answer);
    }
    assert_eq!((desk.disclosed(), desk.opened()), (0, 0));
    let commitment = list(&desk.vault, desk.id).expect("reads")[0].commitment();
    let (reason, node) = (Withdrawal::Asked, &mut desk.world.a);
    withdraw(node, FOOD, commitment, reason, &key(OPERATOR)).expect("taken back");
    assert_eq!(closed(desk.permit(&asking)), Closed::Withdrawn);
    assert_eq!((desk.disclosed(), desk.opened()), (0, 0));
}

/// The power fails between the entry and the opening, or between the opening and whom it is for: the entry stands, her list
/// tells of it, and it is shown under that entry, though the consent gives one use.
#[test]
fn what_was_written_down_and_never_shown_is_told_and_shown_under_the_same_line() {
    let mut desk = Desk::new();
    let grant = Grant { uses: 1, ..desk.grant(1) };
    desk.give(&grant, Answer::Yes).expect("given");
    let asking = desk.asking();
    let first = desk.permit(&asking).expect("a permit").commitment();
    let reopen = |desk: &mut Desk| {
        let path = desk.vault.path().to_owned();
        desk.vault = Vault::open(&path, &Key::take(&mut [7; 32])).expect("opens again");
        unfinished(&desk.world.a, &mut desk.vault).expect("reads")
    };
    assert_eq!((desk.disclosed(), desk.opened(), reopen(&mut desk)), (1, 0, vec![desk.id]));
    would_open(&desk.world.a, &desk.vault, &asking).expect("it would");
    let attributes = Attributes::of([Attribute::AgeBand]);
    let other = Asking { attributes, ..asking };
    assert_eq!(closed(desk.permit(&other)), Closed::UsedUp, "and nothing else");
    for opening in [false, true] {
        let permit = desk.permit(&asking).expect("the same");
        assert_eq!((permit.commitment(), permit.was_opening()), (first, opening));
        drop(permit.open(&mut desk.vault, today()).expect("opens"));
        assert_eq!((desk.disclosed(), desk.opened(), reopen(&mut desk)), (1, 0, vec![desk.id]));
    }
    let found = unshown(&desk.world.a, &desk.vault, desk.id).expect("reads");
    assert_eq!(found.iter().map(Permit::commitment).collect::<Vec<_>>(), [first]);
    let permit = desk.permit(&asking).expect("the same");
    let (shown, showing) = permit.open(&mut desk.vault, today()).expect("opens");
    assert_eq!(shown.members.len(), 2);
    showing.done(&mut desk.vault).expect("noted");
    assert_eq!((desk.disclosed(), desk.opened(), reopen(&mut desk)), (1, 1, vec![]));
    assert_eq!(closed(desk.permit(&asking)), Closed::UsedUp);

    // Withdrawing closes what was not shown yet, and then nothing is left to tell of.
    let grant = Grant { id: GrantId([2; 16]), ..grant };
    let commitment = desk.give(&grant, Answer::Yes).expect("given");
    drop(desk.permit(&Asking { grant: grant.id, ..asking }).expect("a permit"));
    assert_eq!(reopen(&mut desk), [desk.id]);
    let (reason, node) = (Withdrawal::Asked, &mut desk.world.a);
    withdraw(node, FOOD, commitment, reason, &key(OPERATOR)).expect("taken back");
    assert!(reopen(&mut desk).is_empty());
    assert!(desk.vault.unshown().expect("reads").is_empty());
}

#[test]
fn her_own_consent_is_renewed_in_one_step_and_nobody_elses() {
    let mut desk = Desk::new();
    let first = desk.give(&desk.grant(1), Answer::Yes).expect("given");
    let stands = |desk: &Desk, nth: usize| {
        let all = list(&desk.vault, desk.id).expect("reads");
        state(&desk.world.a, &all[nth], DayNo(1)).expect("reads")
    };
    let record = Household { key: "HH-2".to_owned(), ..Default::default() };
    let (bytes, members) = record.records().expect("a household");
    let mut txn = desk.vault.begin().expect("begins");
    let other = txn.add("desk", b"HH-2", [2; 32], &bytes, &members).expect("added");
    txn.commit().expect("kept");
    let federation = desk.world.federation();
    let theirs = desk.vault.pseudonym(other, FOOD.0, &federation.0.0).expect("one");
    let renewed = Grant { id: GrantId([2; 16]), renews: Some(first), ..desk.grant(1) };
    let others = Grant { pseudonym: Pseudonym(theirs), ..renewed };
    let refused =
        give(&mut desk.world.a, &mut desk.vault, other, &others, Answer::Yes, &key(OPERATOR));
    assert!(matches!(refused, Err(ConsentFault::OthersConsent)), "{refused:?}");
    let nobodys = Grant { renews: Some(Commitment(Hash([9; 32]))), ..renewed };
    assert!(matches!(desk.give(&nobodys, Answer::Yes), Err(ConsentFault::OthersConsent)));
    assert_eq!(
        (stands(&desk, 0), list(&desk.vault, other).expect("reads").len()),
        (StateWord::Given, 0)
    );
    desk.give(&renewed, Answer::Yes).expect("renewed");
    assert_eq!((stands(&desk, 0), stands(&desk, 1)), (StateWord::Withdrawn, StateWord::Renewed));
    let told = |desk: &Desk| desk.world.a.store().look().expect("reads").all_told().len();
    let before = told(&desk);
    desk.give(&renewed, Answer::Yes).expect("again changes nothing");
    assert_eq!(told(&desk), before);
}

/// The paper is kept before the entry. Where the power fails between, nothing counts, and giving goes on where it stopped.
#[test]
fn a_consent_that_was_not_written_down_counts_for_nothing() {
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    let secret = secret().expect("randomness");
    let commitment = grant.commitment(&secret);
    let federation = desk.world.federation();
    let word = Statement::Consent { commitment }.sign(&federation, &key(OPERATOR));
    let answered = StateWord::Given;
    let half = Consent { household: desk.id, grant, secret, word, answered, carrier: None };
    half.keep(&mut desk.vault).expect("kept");
    assert_eq!(state(&desk.world.a, &half, DayNo(0)).expect("reads"), StateWord::Requested);
    let asking = desk.asking();
    assert_eq!(closed(desk.permit(&asking)), Closed::Unknown);
    assert_eq!(desk.give(&grant, Answer::Yes).expect("goes on"), commitment);
    assert_eq!(state(&desk.world.a, &half, DayNo(0)).expect("reads"), StateWord::Given);
    let permit = desk.permit(&asking).expect("a permit");
    let (_, showing) = permit.open(&mut desk.vault, today()).expect("opens");
    showing.done(&mut desk.vault).expect("noted");
}

#[test]
fn a_no_is_kept_and_a_consent_never_changes() {
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    desk.give(&grant, Answer::No).expect("kept");
    let consents = list(&desk.vault, desk.id).expect("reads");
    assert_eq!(state(&desk.world.a, &consents[0], DayNo(0)).expect("x"), StateWord::Refused);
    let asking = desk.asking();
    assert_eq!(closed(desk.permit(&asking)), Closed::Unknown);
    let more = Grant { uses: 9, ..grant };
    assert!(matches!(desk.give(&more, Answer::Yes), Err(ConsentFault::Answered)));
    let second = desk.grant(2);
    let first = desk.give(&second, Answer::Yes).expect("given");
    let third = Grant { renews: Some(first), ..desk.grant(3) };
    desk.give(&third, Answer::Yes).expect("renewed");
    let consents = list(&desk.vault, desk.id).expect("reads");
    let states: Vec<_> =
        consents.iter().map(|one| state(&desk.world.a, one, DayNo(0)).expect("reads")).collect();
    assert_eq!(states, [StateWord::Refused, StateWord::Withdrawn, StateWord::Renewed]);
    let stranger = Grant { pseudonym: Pseudonym([3; 16]), ..desk.grant(4) };
    assert!(matches!(desk.give(&stranger, Answer::Yes), Err(ConsentFault::OtherHousehold)));
}

#[test]
fn papers_go_on_after_a_correction_and_go_with_the_household() {
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    desk.give(&grant, Answer::Yes).expect("given");
    let stored = desk.vault.household(desk.id).expect("reads");
    let mut txn = desk.vault.begin().expect("begins");
    txn.replace(desk.id, [2; 32], &stored.household, &stored.members).expect("replaced");
    txn.commit().expect("kept");
    assert_eq!(list(&desk.vault, desk.id).expect("reads").len(), 1, "sealed anew");
    let asking = desk.asking();
    let permit = desk.permit(&asking).expect("a permit");
    let (_, showing) = permit.open(&mut desk.vault, today()).expect("opens");
    showing.done(&mut desk.vault).expect("noted");
    desk.vault.erase(desk.id).expect("erased");
    assert!(list(&desk.vault, desk.id).is_err());
    assert_eq!(closed(desk.permit(&asking)), Closed::Unknown);
}

#[test]
fn every_field_is_opened_by_one_attribute_and_slips_name_nobody() {
    let mut seen = std::collections::BTreeSet::new();
    seen.extend(Field::ALL.iter().map(|field| attribute_of(*field)));
    let without: Vec<_> = Attribute::ALL.iter().filter(|a| !seen.contains(*a)).collect();
    assert_eq!(without, [&Attribute::AgeBand], "which is worked out and stored nowhere");
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    desk.give(&grant, Answer::Yes).expect("given");
    let consents = list(&desk.vault, desk.id).expect("reads");
    let charter = desk.world.a.store().charter().expect("founded").clone();
    let date = |day: DayNo| format!("day {}", day.0);
    let last = |day: DayNo| format!("to the end of day {}", day.0);
    let parties = Parties { charter: &charter, date: &date, last: &last };
    let papers = crate::papers::Papers::of("en").expect("English");
    let slip = slip(&consents[0], StateWord::Given, &parties, papers);
    let receipt = receipt(&consents[0], StateWord::Given, &parties);
    for words in [
        "referral",
        "names, age group",
        "Organisation 2",
        "to the end of day 30",
        "at most  2",
        "sw",
    ] {
        assert!(slip.contains(words), "{words}\n{slip}");
    }
    for text in [slip, receipt.to_string()] {
        assert!(!text.contains("Amina") && !text.contains(PHONE), "{text}");
    }
    let purpose = &receipt["pii_processing"]["purposes"][0];
    assert_eq!(purpose["lawful_basis"], "https://w3id.org/dpv#Consent");
    assert_eq!(purpose["pii_information"][1]["pii_type"], "https://w3id.org/dpv/pd#AgeRange");
    assert_eq!(receipt["event"][0]["event_state"], "https://w3id.org/dpv#ConsentGiven");
    assert_eq!(receipt["record"]["record_id"], grant.id.to_string());
}

/// Another node asks by file: it is who it says, it is answered once, and by a permit alone.
#[test]
fn a_request_is_its_authors_for_this_node_and_answered_once() {
    use super::request::{RequestFault, ask, read};
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    desk.give(&grant, Answer::Yes).expect("given");
    let (site, asking) = (short(&desk.world.a), desk.asking());
    let what = (asking.grant, asking.purpose, asking.attributes);
    let file = ask(&desk.world.b, site, what).expect("asked");
    let asked = read(&desk.world.a, &file).expect("reads").expect("a request");
    assert_eq!(asked.asking.node, short(&desk.world.b), "who signed it, and nobody else");
    assert!(!asked.is_answered(&desk.vault).expect("reads"));
    asked.answer(&mut desk.vault, desk.id).expect("noted");
    let permit = desk.permit(&asked.asking).expect("a permit");
    let (_, showing) = permit.open(&mut desk.vault, today()).expect("opens");
    showing.done(&mut desk.vault).expect("noted");
    assert!(asked.is_answered(&desk.vault).expect("reads"), "the same file again is not");
    let again = ask(&desk.world.b, site, what).expect("asked anew");
    let again = read(&desk.world.a, &again).expect("reads").expect("a request");
    assert!(!again.is_answered(&desk.vault).expect("reads"));
    // A node of an organisation the consent does not name asks in its own name, and gets nothing.
    let other = ask(&desk.world.t, site, what).expect("asked");
    let other = read(&desk.world.a, &other).expect("reads").expect("a request");
    assert_eq!(closed(desk.permit(&other.asking)), Closed::OtherRecipient);
    let told = |file: &[u8]| read(&desk.world.a, file).expect("reads").expect_err("refused");
    let elsewhere = ask(&desk.world.b, [9; 8], what).expect("asked");
    assert_eq!(told(&elsewhere), RequestFault::NotForUs);
    for at in [0, 17, 40, file.len() - 1] {
        let mut bytes = file.clone();
        bytes[at] ^= 1;
        let why = told(&bytes);
        let expected = [RequestFault::NotARequest, RequestFault::NotTheirs];
        assert!(expected.contains(&why), "byte {at}: {why}");
    }
    for end in [0, 16, 63, file.len() - 1] {
        assert!(matches!(told(&file[..end]), RequestFault::NotARequest | RequestFault::NotTheirs));
    }
    let consents = list(&desk.vault, desk.id).expect("reads").len();
    let shown = disclosures(&desk.vault, desk.id).expect("reads").len();
    assert_eq!((consents, shown), (1, 1), "what was asked is no consent and no disclosure");
}

#[test]
fn what_has_had_its_time_goes_and_the_rest_stays() {
    use super::request::{ask, read};
    use crate::retention::{DataClass, carry_out, due};
    let mut desk = Desk::new();
    let (first, second) = (desk.grant(1), Grant { expires: DayNo(300), ..desk.grant(2) });
    desk.give(&first, Answer::Yes).expect("given");
    desk.give(&second, Answer::Yes).expect("given");
    let asking = desk.asking();
    let permit = desk.permit(&asking).expect("a permit");
    let (_, showing) = permit.open(&mut desk.vault, today()).expect("opens");
    showing.done(&mut desk.vault).expect("noted");
    let what = (asking.grant, asking.purpose, asking.attributes);
    let file = ask(&desk.world.b, short(&desk.world.a), what).expect("asked");
    let asked = read(&desk.world.a, &file).expect("reads").expect("a request");
    asked.answer(&mut desk.vault, desk.id).expect("noted");
    let began = disclosures(&desk.vault, desk.id).expect("reads")[0].disclosure.on;
    let classes = |desk: &Desk, day: DayNo| -> Vec<DataClass> {
        let due = due(&desk.world.a, &desk.vault, day).expect("reads");
        due.iter().map(|one| one.class).collect()
    };
    assert!(classes(&desk, began.plus(30)).is_empty());
    assert_eq!(classes(&desk, began.plus(31)), [DataClass::Request]);
    assert_eq!(classes(&desk, DayNo(395)), [DataClass::Request]);
    let day = DayNo(396);
    assert_eq!(classes(&desk, day), [DataClass::Consent, DataClass::Request]);
    let all = due(&desk.world.a, &desk.vault, day).expect("reads");
    let operator = key(OPERATOR);
    carry_out(&mut desk.world.a, &mut desk.vault, &all, &operator).expect("destroyed");
    assert!(classes(&desk, day).is_empty() && !desk.vault.keys_due().expect("reads"));
    assert!(!asked.is_answered(&desk.vault).expect("reads"));
    let left: Vec<_> =
        list(&desk.vault, desk.id).expect("reads").iter().map(|one| one.grant.id).collect();
    assert_eq!((left, desk.opened()), (vec![GrantId([2; 16])], 1), "her list is the longest");
    let later = began.plus(3 * 365 + 1);
    assert_eq!(classes(&desk, later), [DataClass::Consent, DataClass::Disclosure]);
    assert_eq!(desk.vault.household(desk.id).expect("opens").members.len(), 2, "she stays");
}

/// A device is stolen: whoever has it would read what is sealed to it, under a consent that stands, asked for before or after.
#[test]
fn nothing_is_opened_for_a_node_that_is_cut_off() {
    use super::request::{RequestFault, ask, read};
    use crate::bundle::tests::world::{export, import, write};
    use crate::member::NoMember;
    use annona_ledger::cut::{Cut, Reason};
    use annona_ledger::entry::Control;
    use annona_ledger::id::{FeedRef, ProgrammeId};
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    desk.give(&grant, Answer::Yes).expect("given");
    let (site, asking) = (short(&desk.world.a), desk.asking());
    let what = (asking.grant, asking.purpose, asking.attributes);
    let file = ask(&desk.world.b, site, what).expect("asked");
    drop(desk.permit(&asking).expect("in good standing"));
    let b = &mut desk.world.b;
    let control = b.feed(Lane::Control, ProgrammeId::NONE);
    let feed = FeedRef { node: short(b), lane: Lane::Registry, programme: FOOD };
    let (cut, reason, at) = (Cut::NOTHING, Reason::Lost, b.stamp(&control).expect("now"));
    write(b, control, vec![Control::Revoke { feed, cut, reason, at }.into()]);
    let heard = desk.world.path("heard");
    let out = export(&mut desk.world.b, &[site], &heard);
    assert!(import(&mut desk.world.a, &out.files).is_whole());
    let would = would_open(&desk.world.a, &desk.vault, &asking).expect_err("would not");
    assert!(matches!(would, ConsentFault::Closed(Closed::OtherRecipient)), "{would}");
    assert_eq!(
        closed(desk.permit(&asking)),
        Closed::OtherRecipient,
        "nor under the line of before"
    );
    let told = read(&desk.world.a, &file).expect("reads").expect_err("refused");
    assert_eq!(told, RequestFault::NoMember(NoMember::Cut));
    assert_eq!((desk.disclosed(), desk.opened()), (1, 0), "and nothing more is written");
}

/// A line of the consent's last day that was never finished opens nothing after that day, though the consent was never used.
#[test]
fn an_unfinished_line_ends_with_its_consent() {
    use crate::bundle::tests::world::{make, reopen_at};
    let mut desk = Desk::new();
    let grant = Grant { expires: DayNo(0), not_before: DayNo(0), ..desk.grant(1) };
    desk.give(&grant, Answer::Yes).expect("given");
    let asking = desk.asking();
    let permit = desk.permit(&asking).expect("on its last day");
    drop(permit.open(&mut desk.vault, today()).expect("opens"));
    let dir = desk.world.dir.path().to_owned();
    let reopen = |desk: &mut Desk, minute| {
        // The folder is one node's at a time.
        drop(std::mem::replace(&mut desk.world.a, make(&dir, &format!("aside-{minute}"))));
        desk.world.a = reopen_at(&dir, "a", minute);
    };
    reopen(&mut desk, 1_000);
    would_open(&desk.world.a, &desk.vault, &asking).expect("the same day");
    reopen(&mut desk, 300 * 24 * 60);
    assert_eq!(closed(desk.permit(&asking)), Closed::OutsideWindow);
    assert!(unfinished(&desk.world.a, &mut desk.vault).expect("reads").is_empty());
    assert_eq!((desk.disclosed(), desk.opened()), (1, 0));
}

/// Whoever came into the household after she agreed has agreed to nothing.
#[test]
fn a_consent_is_that_of_the_people_who_were_there() {
    use crate::bundle::tests::world::{make, reopen_at};
    use crate::household::{What, change};
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    desk.give(&grant, Answer::Yes).expect("given");
    let asking = desk.asking();
    let federation = desk.world.federation();
    let happens = |desk: &mut Desk, what| {
        let (told, by) = ((desk.id, what, 1), [&key(1), &key(2)]);
        change(&mut desk.vault, &federation, told, DayNo(1), by).expect("changed");
    };
    happens(&mut desk, What::Death(2));
    drop(desk.permit(&asking).expect("nobody joined"));
    happens(&mut desk, What::Birth(Box::new(person("Sara Canary", (2001, 1, 1)))));
    assert_eq!(closed(desk.permit(&asking)), Closed::OutsideWindow, "nor the line of before");
    assert!(would_open(&desk.world.a, &desk.vault, &asking).is_err());
    // Asked anew, she may agree for all of them, from the next day on.
    let day = first_day(&desk.world.a, &desk.vault, desk.id, DayNo(1)).expect("reads");
    assert_eq!(day, DayNo(2));
    let anew = Grant { not_before: day, ..desk.grant(2) };
    desk.give(&anew, Answer::Yes).expect("given");
    let asking = Asking { grant: anew.id, ..asking };
    assert_eq!(closed(desk.permit(&asking)), Closed::OutsideWindow);
    let dir = desk.world.dir.path().to_owned();
    drop(std::mem::replace(&mut desk.world.a, make(&dir, "aside")));
    desk.world.a = reopen_at(&dir, "a", 2 * 24 * 60 + 10);
    let (shown, _) =
        desk.permit(&asking).expect("a permit").open(&mut desk.vault, today()).expect("opens");
    assert_eq!(shown.members.len(), 2);
}

/// A guardian spoke for her: it is written so, and opens as any other, as long as its own days.
#[test]
fn a_guardians_consent_says_who_spoke_and_ends_by_its_days() {
    use annona_ledger::consent::Guardian;
    let mut desk = Desk::new();
    let grant = desk.grant(1);
    let without = Grant { way: Way::Guardian, ..grant };
    assert!(without.check().is_err(), "who?");
    let nobody = Grant { guardian: Some(Guardian::Legal), ..grant };
    assert!(nobody.check().is_err(), "she spoke for herself");
    let grant = Grant { guardian: Some(Guardian::Legal), ..without };
    desk.give(&grant, Answer::Yes).expect("given");
    let kept = list(&desk.vault, desk.id).expect("reads").remove(0);
    assert_eq!((kept.grant.way, kept.grant.guardian), (Way::Guardian, Some(Guardian::Legal)));
    let asking = desk.asking();
    let (shown, _) =
        desk.permit(&asking).expect("a permit").open(&mut desk.vault, today()).expect("opens");
    assert_eq!(shown.members.len(), 2);
}

/// The next file of a register: whoever it brings into the household agreed to nothing.
#[test]
fn who_a_register_brings_in_is_opened_under_no_older_consent() {
    let mut desk = Desk::new();
    let grant = Grant { uses: 9, ..desk.grant(1) };
    desk.give(&grant, Answer::Yes).expect("given");
    let (ours, other) = (person(NAME, (1990, 3, 1)), person("Bilal Canary", (2020, 11, 21)));
    let register = |desk: &mut Desk, members: Vec<Record>| {
        let household = Household { key: "HH-1".to_owned(), members, whole: Record::default() };
        let mut register = VaultRegister::new(&mut desk.vault, FederationId(Hash([1; 32])));
        let digest = register.digest(&household).expect("a digest");
        register.replace(&desk.id, &household, digest).expect("waits");
        register.commit("intake").expect("kept");
    };
    let asking = desk.asking();
    let opens = |desk: &mut Desk, asking: &Asking| desk.permit(asking).map(drop);
    // Corrected, and one of them gone: the same people.
    let mut moved = ours;
    moved.set(Field::Phone, Value::text(Field::Phone, "0711").expect("fits")).expect("fits");
    register(&mut desk, vec![moved.clone(), other.clone()]);
    register(&mut desk, vec![moved.clone()]);
    opens(&mut desk, &asking).expect("as before");
    // He comes back, and she might be his mother: nobody here knows.
    register(&mut desk, vec![moved.clone(), other]);
    assert_eq!(closed(desk.permit(&asking)), Closed::OutsideWindow);
    let again = Grant { uses: 9, ..desk.grant(2) };
    desk.give(&again, Answer::Yes).expect("given");
    let asking = Asking { grant: again.id, ..asking };
    opens(&mut desk, &asking).expect("asked anew");
    register(&mut desk, vec![moved, person("Somebody Else", (2020, 11, 21))]);
    assert_eq!(closed(desk.permit(&asking)), Closed::OutsideWindow);
}
