use super::*;
use crate::consent::{Body, Exception};
use crate::id::{CarrierId, Nonce, SlipId};
use crate::notice::{NodeCertificate, Notice, OperatorCertificate};
use crate::testing::*;
use crate::wallet::tests::{WALLET, spend};

const WITNESS: u8 = 101;
const CASHIER: u8 = 102;
const SUPERVISOR: u8 = 103;
const REGISTRAR: u8 = 104;
const DEVICE: u8 = 105;
const AUDITOR: u8 = 106;
const OTHER_ORG: u8 = 107;
const OTHER_PROGRAMME: u8 = 108;
const ENDED: u8 = 109;
const THRICE: u8 = 110;

/// People of every role, for the programme of food, of organisation 1; and three who are wrong in one thing each.
fn people() -> &'static (FederationId, Roster, OrgId) {
    static MADE: std::sync::OnceLock<(FederationId, Roster, OrgId)> = std::sync::OnceLock::new();
    MADE.get_or_init(certified)
}

fn certified() -> (FederationId, Roster, OrgId) {
    let charter = charter();
    let federation = charter.federation();
    let org = charter.programme(FOOD).expect("a programme").org;
    let mut roster = roster(&charter);
    let all = OperatorRoles::each().fold(OperatorRoles::NONE, OperatorRoles::and);
    let rows = [
        (WITNESS, OperatorRoles::WITNESS, org, FOOD, Minute::NEVER),
        (CASHIER, OperatorRoles::CASHIER, org, FOOD, Minute::NEVER),
        (SUPERVISOR, OperatorRoles::SUPERVISOR, org, FOOD, Minute::NEVER),
        (REGISTRAR, OperatorRoles::REGISTRAR, org, FOOD, Minute::NEVER),
        (DEVICE, OperatorRoles::DEVICE, org, FOOD, Minute::NEVER),
        (AUDITOR, OperatorRoles::AUDITOR, org, FOOD, Minute::NEVER),
        (OTHER_ORG, all, OrgId(2), FOOD, Minute::NEVER),
        (OTHER_PROGRAMME, all, org, CASH, Minute::NEVER),
        (ENDED, all, org, FOOD, Minute(NOW.0 - 1)),
        // Certified three times: what counts here stands between what does not.
        (THRICE, all, org, CASH, Minute::NEVER),
        (THRICE, OperatorRoles::SENIOR, org, FOOD, Minute::NEVER),
        (THRICE, OperatorRoles::AUDITOR, org, FOOD, Minute::NEVER),
    ];
    for (seed, roles, org, programme, not_after) in rows {
        let operator = key(seed).public();
        let (site, programmes) = (crate::id::SiteId(0), bounded([programme]));
        let issued = Minute(0);
        let certificate =
            OperatorCertificate { org, operator, site, roles, programmes, issued, not_after };
        let signer = u8::try_from(org.0).expect("a small number");
        let notice = Notice::Operator(certificate).sign(&federation, &key(signer));
        roster.learn(&charter, &notice).expect("a good certificate");
    }
    (federation, roster, org)
}

fn out(method: Method) -> HandOut {
    let (leaf, amount) = (Hash([7; 32]), units(5));
    HandOut { feed: feed_of(A), leaf, purse: purse(1), commodity: RICE, amount, at: NOW, method }
}

/// What a method's words say, where all is right.
fn said(method: Method) -> Statement {
    let HandOut { feed, leaf, purse, commodity, amount, at, .. } = out(method);
    let (programme, today) = (feed.programme, DayNo::of(at));
    match method {
        Method::Collector => {
            let carrier = CarrierId([3; 16]);
            Statement::Mandate { programme, purse, carrier, external: true, until: today }
        }
        Method::Voucher => {
            let number = SlipId([4; 16]);
            Statement::Voucher { programme, purse, number, commodity, amount, until: today }
        }
        Method::Attested => {
            let (body, nonce) = (Body::Iris, Nonce([5; 16]));
            Statement::Attested { programme, body, yes: true, policy: 1, on: today, nonce }
        }
        _ => Statement::HandedOut { feed, leaf, why: Exception::NoCard },
    }
}

/// One who may say each word.
fn right(method: Method) -> Vec<u8> {
    let of = |roles: &OperatorRoles| match () {
        () if roles.has(OperatorRoles::STAFF) => CASHIER,
        () if roles.has(OperatorRoles::SUPERVISOR) => SUPERVISOR,
        () if roles.has(OperatorRoles::WITNESS) => WITNESS,
        () if roles.has(OperatorRoles::REGISTRAR) => REGISTRAR,
        () => DEVICE,
    };
    signers(method).iter().map(of).collect()
}

fn words(federation: &FederationId, said: Statement, by: &[u8]) -> Vec<Word> {
    by.iter().map(|seed| (said, said.sign(federation, &key(*seed)))).collect()
}

#[track_caller]
fn ask(out: &HandOut, words: impl Fn(&FederationId) -> Vec<Word>) -> Result<(), Turned> {
    let (federation, roster, org) = people();
    let ground = Ground { federation, roster, orgs: [*org, *org] };
    check(&ground, out, &words(federation))
}

#[test]
fn every_method_holds_with_the_right_words_and_none_with_fewer() {
    // A wallet's word is none of an operator's: it has a test of its own.
    for method in Method::ALL.into_iter().filter(|method| *method != Method::Signed) {
        let by = right(method);
        assert_eq!(ask(&out(method), |f| words(f, said(method), &by)), Ok(()), "{method:?}");
        let back: Vec<u8> = by.iter().rev().copied().collect();
        assert_eq!(ask(&out(method), |f| words(f, said(method), &back)), Ok(()), "{method:?}");
        if let Some((_, fewer)) = by.split_first() {
            let few = ask(&out(method), |f| words(f, said(method), fewer));
            assert_eq!(few, Err(Turned::TooFew), "{method:?}");
            // Words of another kind are none.
            let other = if method == Method::Voucher { Method::Desk } else { Method::Voucher };
            let other = ask(&out(method), |f| words(f, said(other), &by));
            assert_eq!(other, Err(Turned::TooFew), "{method:?}");
        }
    }
}

/// Method × place of a word × who says it: only the certified role may, and never who is wrong in one thing.
#[test]
fn whoever_is_not_certified_for_it_answers_for_nothing() {
    let everybody = [
        (WITNESS, OperatorRoles::WITNESS),
        (CASHIER, OperatorRoles::CASHIER),
        (SUPERVISOR, OperatorRoles::SUPERVISOR),
        (REGISTRAR, OperatorRoles::REGISTRAR),
        (DEVICE, OperatorRoles::DEVICE),
        (AUDITOR, OperatorRoles::AUDITOR),
        (OTHER_ORG, OperatorRoles::NONE),
        (OTHER_PROGRAMME, OperatorRoles::NONE),
        (ENDED, OperatorRoles::NONE),
        // Node A's own key.
        (A, OperatorRoles::NONE),
    ];
    let mut cells = 0;
    for method in Method::ALL {
        let roles = signers(method);
        for (one, of_one) in everybody {
            for (two, of_two) in everybody {
                let by = match roles.len() {
                    0 => continue,
                    1 => vec![one],
                    _ => vec![one, two],
                };
                let fits = |order: &[OperatorRoles]| {
                    order.iter().zip(roles).all(|(has, needs)| has.meets(*needs))
                };
                let held = match roles.len() {
                    1 => fits(&[of_one]),
                    _ => one != two && (fits(&[of_one, of_two]) || fits(&[of_two, of_one])),
                };
                let answer = ask(&out(method), |f| words(f, said(method), &by));
                let wanted = match held {
                    true => Ok(()),
                    false if roles.len() == 2 && one == two => Err(Turned::OnePerson),
                    false => Err(Turned::MayNot),
                };
                assert_eq!(answer, wanted, "{method:?} by {one} and {two}");
                cells += 1;
            }
        }
    }
    assert_eq!(cells, 7 * 100);
}

#[test]
fn any_of_a_persons_certificates_is_enough() {
    let by = [THRICE, CASHIER];
    assert_eq!(ask(&out(Method::Desk), |f| words(f, said(Method::Desk), &by)), Ok(()));
}

#[test]
fn of_two_wrong_words_the_first_answer_of_the_page_is_given() {
    let Statement::Voucher { programme, purse: hers, number, commodity, until, .. } =
        said(Method::Voucher)
    else {
        unreachable!("a voucher")
    };
    let [small, anothers] = [(4, hers), (5, purse(2))].map(|(amount, purse)| {
        let amount = units(amount);
        Statement::Voucher { programme, purse, number, commodity, amount, until }
    });
    for (one, other) in [(small, anothers), (anothers, small)] {
        let answer = ask(&out(Method::Voucher), |f| {
            vec![(one, one.sign(f, &key(SUPERVISOR))), (other, other.sign(f, &key(CASHIER)))]
        });
        assert_eq!(answer, Err(Turned::OtherHolder));
    }
}

#[test]
fn who_comes_with_nothing_but_herself_needs_no_words() {
    let without: Vec<Method> = Method::ALL.into_iter().filter(|m| !needs_words(*m)).collect();
    assert_eq!(without, [Method::Pin, Method::Sight]);
}

#[test]
fn a_word_about_anything_else_is_none() {
    use Turned::{Ended, OtherEntry, OtherHolder, SaysNo, TooMuch};
    let tomorrow = Minute(NOW.0 + 24 * 60);
    let changed: [fn(HandOut) -> HandOut; 5] = [
        |out| HandOut { purse: purse(2), ..out },
        |out| HandOut { leaf: Hash([8; 32]), ..out },
        |out| HandOut { feed: feed_of(B), ..out },
        |out| HandOut { amount: units(6), ..out },
        |out| HandOut { commodity: CommodityId(99), ..out },
    ];
    let mut checked = 0;
    for method in Method::ALL.into_iter().filter(|m| !signers(*m).is_empty()) {
        let by = right(method);
        let wanted = match method {
            Method::Collector => [Some(OtherHolder), None, None, None, None],
            Method::Voucher => [Some(OtherHolder), None, None, Some(TooMuch), Some(TooMuch)],
            // Whose purse it is says the nonce, which this page does not ask.
            Method::Attested => [None; 5],
            _ => [None, Some(OtherEntry), Some(OtherEntry), None, None],
        };
        for (change, wanted) in changed.iter().zip(wanted) {
            let answer = ask(&change(out(method)), |f| words(f, said(method), &by));
            assert_eq!(answer.err(), wanted, "{method:?}");
            checked += 1;
        }
        let dated = matches!(said(method), Statement::Mandate { .. } | Statement::Voucher { .. })
            || method == Method::Attested;
        let late = HandOut { at: tomorrow, ..out(method) };
        let answer = ask(&late, |f| words(f, said(method), &by));
        assert_eq!(answer.err(), dated.then_some(Ended), "{method:?}");
    }
    assert_eq!(checked, 7 * 5);
    // A reader's yes of tomorrow, from a clock that ran ahead, is none today either; and its no is a no.
    let Statement::Attested { programme, body, policy, on, nonce, .. } = said(Method::Attested)
    else {
        unreachable!("a reader's word")
    };
    let yes = |yes, on| Statement::Attested { programme, body, yes, policy, on, nonce };
    let answer = |word| ask(&out(Method::Attested), |f| words(f, word, &[DEVICE])).err();
    assert_eq!(answer(yes(true, on.plus(1))), Some(Ended));
    assert_eq!(answer(yes(false, on)), Some(SaysNo));
    let Statement::Attested { on, .. } = said(Method::Attested) else { unreachable!() };
    let cash = Statement::Attested { programme: CASH, body, yes: true, policy, on, nonce };
    assert_eq!(answer(cash), Some(OtherHolder));
}

#[test]
fn a_changed_word_is_unsigned_and_one_of_another_federation_too() {
    for method in Method::ALL.into_iter().filter(|m| !signers(*m).is_empty()) {
        let by = right(method);
        let elsewhere = FederationId(Hash([9; 32]));
        let answer = ask(&out(method), |_| words(&elsewhere, said(method), &by));
        assert_eq!(answer, Err(Turned::Unsigned), "{method:?}");
        let answer = ask(&out(method), |f| {
            let mut words = words(f, said(method), &by);
            let other = Statement::Clock { node: node(A), clock: NOW };
            words[0].1 = other.sign(f, &key(by[0]));
            words
        });
        assert_eq!(answer, Err(Turned::Unsigned), "{method:?}");
    }
}

#[test]
fn the_longest_words_fit_beside_an_entry() {
    let (federation, ..) = people();
    let longest = Statement::Voucher {
        programme: crate::id::ProgrammeId(u16::MAX),
        purse: purse(255),
        number: SlipId([255; 16]),
        commodity: CommodityId(255),
        amount: Amount::MAX,
        until: DayNo::of(Minute(u32::MAX)),
    };
    let words = bounded(words(federation, longest, &[1, 2, 3]));
    let bytes = Vouched(words.clone()).encode();
    assert!(bytes.len() < limits::EVIDENCE_BYTES / 2, "{}", bytes.len());
    assert_eq!(Vouched::decode(&bytes), Ok(Vouched(words)));
    assert!(Vouched::decode(&bytes[..bytes.len() - 1]).is_err());
    assert!(Vouched::decode(&[4]).is_err());
}

#[test]
fn answers_have_the_numbers_and_names_of_their_page() {
    let page = include_str!("../../../spec/counter.md");
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let (number, name) = (cells.next()?.parse::<u8>().ok()?, cells.next()?);
        Some((number, name.trim_matches('`').to_owned()))
    });
    let rows: Vec<(u8, String)> = rows.collect();
    let methods = Method::ALL.iter().map(|m| (*m as u8, m.word().to_owned()));
    let turned = Turned::ALL.iter().map(|t| (*t as u8, format!("{t:?}")));
    assert_eq!(rows, methods.chain(turned).collect::<Vec<_>>());
    let reasons: Vec<String> =
        Exception::ALL.iter().map(|why| format!("{} {}", *why as u8, why.word())).collect();
    assert!(page.contains(&reasons.join(", ")), "{}", reasons.join(", "));
    for body in Body::ALL {
        assert!(page.contains(body.word()));
    }
}

/// What a registrar's node and the wallet say, where all is right; each by whom it is told.
fn by_wallet(change: impl FnOnce(&mut [(Statement, u8); 2])) -> Vec<Word> {
    let HandOut { feed, purse, commodity, amount, at, .. } = out(Method::Signed);
    let (programme, until) = (feed.programme, DayNo::of(at));
    let wallet = key(WALLET).public();
    let card = crate::wallet::tied(&[8; 32], &wallet);
    let spend =
        Spend { programme, purse, commodity, amount, on: until, ..spend(3, Hash([2; 32]), 1) };
    let holder = Statement::Holder { programme, purse, key: wallet, card, until };
    let mut words = [(holder, A), (Statement::Spend(spend), WALLET)];
    change(&mut words);
    words.map(|(said, by)| (said, said.sign(&charter().federation(), &key(by)))).to_vec()
}

#[test]
fn a_wallets_word_counts_for_its_purse_at_one_till_and_no_more() {
    type Change = fn(&mut [(Statement, u8); 2]);
    let charter = charter();
    let federation = charter.federation();
    let node_a = NodeCertificate { not_after: Minute(9_000), ..certificate(&federation, 2, A) };
    let mut roster = Roster::new();
    let notice = Notice::Node(node_a).sign(&federation, &key(2));
    roster.learn(&charter, &notice).expect("a certificate");
    let ground = Ground { federation: &federation, roster: &roster, orgs: [OrgId(1), OrgId(2)] };
    let told = |out: &HandOut, words: &[Word]| check(&ground, out, words);
    let good = out(Method::Signed);
    assert_eq!(told(&good, &by_wallet(|_| {})), Ok(()));
    assert!(needs_words(Method::Signed));
    fn holder(words: &mut [(Statement, u8); 2]) -> &mut Purse {
        let Statement::Holder { purse, .. } = &mut words[0].0 else { panic!("it is first") };
        purse
    }
    fn spent(words: &mut [(Statement, u8); 2]) -> &mut Spend {
        let Statement::Spend(spend) = &mut words[1].0 else { panic!("it is second") };
        spend
    }
    let wrong: [(Turned, Change); 11] = [
        (Turned::TooFew, |words| words[0] = words[1]),
        (Turned::TooFew, |words| words[1] = words[0]),
        (Turned::MayNot, |words| words[0].1 = OPERATORS[0]),
        (Turned::OtherHolder, |words| *holder(words) = purse(9)),
        (Turned::OtherHolder, |words| spent(words).purse = purse(9)),
        (Turned::OtherEntry, |words| spent(words).node = node(B)),
        (Turned::OtherEntry, |words| spent(words).counter = 0),
        (Turned::OtherEntry, |words| spent(words).counter = Spend::LAST + 1),
        (Turned::Ended, |words| spent(words).on = DayNo(spent(words).on.0 + 1)),
        (Turned::TooMuch, |words| spent(words).amount = units(4)),
        (Turned::OtherKey, |words| words[1].1 = WALLET + 1),
    ];
    for (answer, change) in wrong {
        assert_eq!(told(&good, &by_wallet(change)), Err(answer), "{answer:?}");
    }
    // Whoever else is certified for it, by another organisation, for another programme, in another role or at another time.
    let elsewhere = Ground { orgs: [OrgId(1), OrgId(3)], ..ground };
    assert_eq!(check(&elsewhere, &good, &by_wallet(|_| {})), Err(Turned::MayNot));
    type Other = fn(&mut NodeCertificate);
    let others: [Other; 4] = [
        |c| (c.programmes, c.ceilings) = (bounded([CASH]), bounded([])),
        |c| c.roles = Roles::MERCHANT,
        |c| c.not_after = Minute(NOW.0 - 1),
        |c| c.issued = Minute(NOW.0 + 1),
    ];
    for (number, change) in others.into_iter().enumerate() {
        let mut other =
            NodeCertificate { not_after: Minute(9_000), ..certificate(&federation, 2, A) };
        change(&mut other);
        let mut roster = Roster::new();
        let notice = Notice::Node(other).sign(&federation, &key(2));
        roster.learn(&charter, &notice).expect("a certificate");
        let ground = Ground { roster: &roster, ..ground };
        let answer = check(&ground, &good, &by_wallet(|_| {}));
        assert_eq!(answer, Err(Turned::MayNot), "certificate {number}");
    }
    let lasting = |days| {
        by_wallet(|words| {
            if let Statement::Holder { until, .. } = &mut words[0].0 {
                *until = until.plus(days);
            }
        })
    };
    assert_eq!(told(&good, &lasting(limits::HOLDER_DAYS)), Ok(()));
    assert_eq!(told(&good, &lasting(limits::HOLDER_DAYS + 1)), Err(Turned::Ended));
    let mut forged = by_wallet(|_| {});
    forged[1].1.signature = forged[0].1.signature;
    assert_eq!(told(&good, &forged), Err(Turned::Unsigned));
    let tomorrow = HandOut { at: Minute(NOW.0 + 24 * 60), ..good };
    assert_eq!(told(&tomorrow, &by_wallet(|_| {})), Err(Turned::Ended));
    // Her key counts tomorrow too; what she signed today does not.
    let longer = by_wallet(|words| {
        let Statement::Holder { until, .. } = &mut words[0].0 else { panic!("it is first") };
        *until = until.plus(9);
    });
    assert_eq!(told(&good, &longer), Ok(()));
    assert_eq!(told(&tomorrow, &longer), Err(Turned::Ended));
    let more = HandOut { amount: units(6), ..good };
    assert_eq!(told(&more, &by_wallet(|_| {})), Err(Turned::TooMuch));
}
