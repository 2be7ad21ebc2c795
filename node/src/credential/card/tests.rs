use super::*;
use crate::credential::qr;
use crate::credential::status::{About, ENTRIES, ListName, StatusList, TTL, token};

const NOW: Seconds = Seconds(1_795_000_000);
const PROGRAMME: u16 = 2;

fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn list() -> String {
    ListName::of(&key().public(), PROGRAMME, 1).to_string()
}

fn card() -> Card {
    let status = StatusRef { uri: list(), index: 69_420 };
    let card = Card::ours(&[0x5a; 16], NOW.plus(90 * 24 * 60 * 60), status);
    Card { language: Some("ar".to_owned()), ..card }
}

fn trust() -> TrustList {
    let mut trust = TrustList::new();
    let until = NOW.plus(365 * 24 * 60 * 60);
    let issuer = Issuer::ours(key().public(), PROGRAMME, "Lakeside", (Seconds(0), until));
    trust.add(issuer).expect("a good key");
    trust
}

/// Lists as of some time before now, with one entry revoked.
fn statuses(revoked: Option<u32>, ago: u64) -> Statuses {
    let mut list_of_ours = StatusList::new();
    assert!(revoked.is_none_or(|index| list_of_ours.revoke(index)));
    let about = About { uri: list(), issued: Seconds(NOW.0 - ago), ttl: Some(TTL), expires: None };
    let mut statuses = Statuses::new();
    let cwt = token::to_cwt(&about, &list_of_ours, &key());
    assert_eq!(statuses.take(&cwt, &trust(), NOW), Ok(list()));
    statuses
}

fn against<'a>(trust: &'a TrustList, statuses: &'a Statuses) -> Against<'a> {
    Against { trust, statuses, now: NOW, stale: OnStale::Refuse }
}

fn text() -> String {
    card().print(&key()).expect("a card").text
}

#[test]
fn a_card_is_printed_dense_and_reads_back() {
    let printed = card().print(&key()).expect("a card");
    assert!(printed.text.len() <= 270, "{} characters", printed.text.len());
    let code = qr::code(&printed.text).expect("a code");
    assert!(code.version() <= 10, "version {}", code.version());
    assert_eq!(card().print(&key()).expect("again").text, printed.text, "always the same");
    let (trust, statuses) = (trust(), statuses(None, 60));
    let checked = check(&printed.text, &against(&trust, &statuses)).expect("good");
    assert_eq!(checked.card, card());
    assert_eq!(checked.card.pseudonym(), Some([0x5a; 16]));
    assert_eq!(checked.card.programme(), Some(PROGRAMME));
    assert_eq!((checked.carrier, checked.stale), (printed.carrier, false));
    assert_eq!(checked.as_of, Some(Seconds(NOW.0 - 60)));
    assert_eq!(checked.issuer.name, "Lakeside");
    assert_eq!(
        format!("{:?}", checked.card),
        format!("Card {{ expires: {:?}, .. }}", card().expires)
    );

    let named = Card { name: Some("أمينة بنت خالد".to_owned()), ..card() };
    let printed = named.print(&key()).expect("a card").text;
    assert!(printed.len() <= 366, "version 11: {} characters", printed.len());
    assert_eq!(check(&printed, &against(&trust, &statuses)).map(|c| c.card), Ok(named));
}

#[test]
fn cards_of_any_holder_are_short() {
    use annona_ledger::hash::{Purpose, hash};
    let mut lengths = Vec::new();
    for n in 0..200u32 {
        let random = hash(Purpose::Pseudonym, &[&n.to_be_bytes()]).0;
        let id: [u8; 16] = random[..16].try_into().expect("16 bytes");
        let index = u32::from_be_bytes([0, random[16] & 1, random[17], random[18]]);
        let status = StatusRef { uri: list(), index };
        let card = Card::ours(&id, card().expires, status);
        let card = Card { language: Some("ar".to_owned()), ..card };
        lengths.push(card.print(&key()).expect("a card").text.len());
    }
    lengths.sort_unstable();
    assert!(lengths[100] <= 270 && lengths[199] <= 275, "{} {}", lengths[100], lengths[199]);
}

#[test]
fn what_does_not_belong_on_a_card_is_not_printed() {
    #[track_caller]
    fn refuse(card: Card) {
        assert!(card.print(&key()).is_err());
    }
    let name = |name: &str| Card { name: Some(name.to_owned()), ..card() };
    refuse(name(" "));
    refuse(name("Ami\u{301}na"));
    refuse(name("Amina\nand more"));
    refuse(name(&"ab ".repeat(30)));
    refuse(name(
        &"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6"[..60],
    ));
    for language in ["", "a", "AR", "ar-SA", "اا"] {
        refuse(Card { language: Some(language.to_owned()), ..card() });
    }
    refuse(Card { id: "12".to_owned(), ..card() });
    refuse(Card { status: None, ..card() });
}

/// One row for each reason, in the order in which they are looked at.
#[test]
fn a_card_is_refused_for_a_reason_that_is_told_apart() {
    let (trust, good) = (trust(), statuses(None, 60));
    #[track_caller]
    fn refused(text: &str, against: &Against<'_>, number: u8) {
        let refusal = check(text, against).expect_err("refused");
        assert_eq!(refusal.number(), number, "{refusal}");
        assert!(refusal.to_string().starts_with(refusal.word()), "{refusal}");
    }
    let now = against(&trust, &good);
    for unreadable in
        ["", "A", "lower", &text().to_lowercase(), &text()[3..], &format!("{} ", text())]
    {
        refused(unreadable, &now, 1);
    }
    refused(&"A".repeat(MAX_TEXT + 1), &now, 1);
    refused(&base45::encode(pack::zlib(&[0; MAX_INFLATED + 1])), &now, 1);
    let packed = |bytes: &[u8]| base45::encode(pack::zlib(bytes));
    refused(&packed(&[0x01]), &now, 2);
    let signed = |claims: &[u8]| packed(&cose::sign(&key(), None, claims));
    refused(&signed(&[0xa0]), &now, 2);
    refused(&signed(&[0xa1, 0x18, 0xa9, 0xa0]), &now, 2);

    let stranger = SigningKey::from_seed(&[9; 32]);
    let theirs = Card { status: Some(StatusRef { uri: list(), index: 1 }), ..card() };
    refused(&theirs.print(&stranger).expect("a card").text, &now, 4);
    let nobody = TrustList::new();
    refused(&text(), &Against { trust: &nobody, ..now }, 4);

    let bytes = pack::unzlib(&base45::decode(text()).expect("base45"), 8192).expect("zlib");
    for place in [bytes.len() - 1, bytes.len() - 64, 40] {
        let mut wrong = bytes.clone();
        wrong[place] ^= 1;
        let wrong = packed(&wrong);
        let number = check(&wrong, &now).expect_err("altered").number();
        assert!(matches!(number, 1 | 2 | 5), "{place}: {number}");
    }
    let other = ListName::of(&key().public(), 3, 1).to_string();
    let other = Card { status: Some(StatusRef { uri: other, index: 1 }), ..card() };
    refused(&other.print(&key()).expect("a card").text, &now, 5);
    let outlives = Card { expires: NOW.plus(400 * 24 * 60 * 60), ..card() };
    refused(&outlives.print(&key()).expect("a card").text, &now, 5);

    let later = Against { now: card().expires.plus(1), ..now };
    refused(&text(), &later, 7);
    assert!(check(&text(), &Against { now: card().expires, stale: OnStale::Allow, ..now }).is_ok());
    let revoked = statuses(Some(69_420), 60);
    refused(&text(), &against(&trust, &revoked), 8);
    let beside = statuses(Some(69_421), 60);
    assert!(check(&text(), &against(&trust, &beside)).is_ok(), "another's card was revoked");
    let past = Card { status: Some(StatusRef { uri: list(), index: ENTRIES }), ..card() };
    refused(&past.print(&key()).expect("a card").text, &now, 5);
}

#[test]
fn an_old_list_is_flagged_for_food_and_refused_for_a_transfer() {
    let trust = trust();
    for (held, as_of) in [(statuses(None, TTL + 1), true), (Statuses::new(), false)] {
        let strict = against(&trust, &held);
        assert_eq!(check(&text(), &strict).expect_err("stale").number(), 9);
        let checked = check(&text(), &Against { stale: OnStale::Allow, ..strict }).expect("food");
        assert!(checked.stale);
        assert_eq!(checked.as_of.is_some(), as_of);
    }
    let old = statuses(Some(69_420), 400 * 24 * 60 * 60);
    let food = Against { stale: OnStale::Allow, ..against(&trust, &old) };
    assert_eq!(check(&text(), &food), Err(Refusal::Revoked), "revoked is revoked, however old");
    let fresh = statuses(None, TTL);
    assert!(check(&text(), &against(&trust, &fresh)).is_ok(), "the last second counts");
}

#[test]
fn only_the_issuers_own_list_speaks_of_its_cards() {
    let mut trust = trust();
    let other = SigningKey::from_seed(&[8; 32]);
    let until = NOW.plus(1_000_000_000);
    trust
        .add(Issuer::ours(other.public(), PROGRAMME, "Hillside", (Seconds(0), until)))
        .expect("a good key");
    let mut held = Statuses::new();
    let mut list_of_other = StatusList::new();
    assert!(list_of_other.revoke(69_420));
    let about = About { uri: list(), issued: NOW, ttl: Some(TTL), expires: None };
    held.take(&token::to_cwt(&about, &list_of_other, &other), &trust, NOW).expect("it is listed");
    let checked = check(&text(), &Against { stale: OnStale::Allow, ..against(&trust, &held) });
    assert!(checked.expect("not revoked").stale, "its own list is not held");
}

#[test]
fn a_forbidden_attribute_is_refused_before_anything_else() {
    let (nobody, none) = (TrustList::new(), Statuses::new());
    let now = against(&nobody, &none);
    let with = |attribute: i64, value: Out<'_>| {
        let holder = vec![(Out::Number(ID), Out::Text("x")), (Out::Number(attribute), value)];
        let claims = Out::Map(vec![
            (Out::Number(EXP), Out::Number(1)),
            (Out::Number(CLAIM_169), Out::Map(holder)),
        ]);
        base45::encode(pack::zlib(&cose::sign(&key(), None, &claims.encode())))
    };
    for attribute in [13, 16, 17, 18, 21, 22, 24, 50, 51, 65, 74, 75, 1000, -1] {
        let text = with(attribute, Out::Text("x"));
        assert_eq!(check(&text, &now), Err(Refusal::Forbidden(attribute.unsigned_abs())));
    }
    for attribute in [5, 8, 12, 14, 19, 23] {
        assert_eq!(check(&with(attribute, Out::Text("x")), &now), Err(Refusal::IssuerUnknown));
        let photograph = with(attribute, Out::Bytes(&[0xff, 0xd8, 0xff]));
        assert_eq!(check(&photograph, &now).expect_err("bytes").number(), 3);
        let long = "long words ".repeat(50);
        assert_eq!(check(&with(attribute, Out::Text(&long)), &now).expect_err("long").number(), 3);
    }
    assert_eq!(check(&with(4, Out::Map(Vec::new())), &now).expect_err("a map").number(), 3);
}

#[test]
fn a_changed_letter_never_makes_another_card() {
    let (trust, held) = (trust(), statuses(None, 60));
    let now = against(&trust, &held);
    let good = text();
    let same = check(&good, &now).expect("good");
    let (mut refused, mut tried) = (0, 0);
    for place in 0..good.len() {
        for letter in ["0", "Z", ":"] {
            let mut wrong = good.clone();
            wrong.replace_range(place..=place, letter);
            if wrong != good {
                tried += 1;
                match check(&wrong, &now) {
                    // Bits that fill up the last byte of what packs it belong to nothing.
                    Ok(checked) => assert_eq!(checked, same, "{place} {letter}"),
                    Err(_) => refused += 1,
                }
            }
        }
        assert!(check(&good[..place], &now).is_err(), "cut at {place}");
    }
    assert!(refused + 3 >= tried, "{refused} of {tried}");
}
