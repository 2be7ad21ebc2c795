//! A camp in which no outside reader ever says yes: everybody is served by something else, and every exception is listed.

use std::collections::BTreeMap;

use annona_ledger::admit::{Draft, RowProof};
use annona_ledger::consent::Body;
use annona_ledger::entry::{Control, Lot};
use annona_ledger::id::{CarrierId, FeedRef, MerchantId, SiteId};
use annona_ledger::list::{Builder, Row};
use annona_ledger::merkle;
use annona_ledger::notice::{Notice, OperatorCertificate, OperatorRoles};
use annona_ledger::ticket::Ticket;
use annona_ledger::time::Minute;

use super::*;
use crate::audit::{AuditFile, anomalies, export};
use crate::bundle::tests::world::{FOOD, MAY, RICE, World, amount, key, short, write};
use crate::pin::{Answer, Begun, Next, Pin, Pins, next};
use crate::seal::Key;
use crate::serve::{self, Charge};
use crate::vault::HouseholdId;

const WITNESS: u8 = 61;
const CASHIER: u8 = 62;
const SUPERVISOR: u8 = 63;
const REGISTRAR: u8 = 64;
const DEVICE: u8 = 65;
/// Households on one list.
const LIST: u32 = 250;
const ORGS: [OrgId; 2] = [OrgId(1); 2];

fn certify(world: &mut World) {
    let federation = world.federation();
    for (seed, roles) in [
        (WITNESS, OperatorRoles::WITNESS),
        (CASHIER, OperatorRoles::CASHIER),
        (SUPERVISOR, OperatorRoles::SUPERVISOR),
        (REGISTRAR, OperatorRoles::REGISTRAR),
        (DEVICE, OperatorRoles::DEVICE),
    ] {
        let certificate = OperatorCertificate {
            org: OrgId(1),
            operator: key(seed).public(),
            site: SiteId(1),
            roles,
            programmes: Bounded::new(vec![FOOD]).expect("one"),
            issued: Minute(1),
            not_after: Minute(1_000_000),
        };
        let notice = Notice::Operator(certificate).sign(&federation, &key(1));
        world.a.learn(&notice).expect("a good certificate");
    }
}

fn purse(n: u32) -> Purse {
    let mut purse = [7; 16];
    purse[12..].copy_from_slice(&n.to_be_bytes());
    Purse(purse)
}

fn rice() -> Item {
    Item { commodity: RICE, amount: amount(2) }
}

/// Issues two grams to each household, in lists that two people approved.
fn issue(world: &mut World, households: u32) {
    let federation = world.federation();
    let a = &mut world.a;
    let (value, control) = (a.feed(Lane::Value, FOOD), a.feed(Lane::Control, ProgrammeId(0)));
    let ticket = Box::new(Ticket::Budget { epoch: 0, act: 9, line: 0 });
    let merchant = MerchantId([8; 16]);
    let claim = Value::Claim { ticket, at: Minute(100) };
    write(a, value, vec![claim.into(), Value::Merchant { merchant }.into()]);
    for (number, from) in (0u64..).zip((0..households).step_by(LIST as usize)) {
        let rows: Vec<Row> = (from..households.min(from + LIST))
            .zip(0..)
            .map(|(n, row)| Row { row, purse: purse(n), commodity: RICE, amount: amount(2) })
            .collect();
        let mut builder = Builder::new();
        rows.iter().for_each(|row| builder.push(row).expect("rows in order"));
        let draft = builder.finish(short(a), FOOD, MAY, Minute(100)).expect("a list");
        let mut by = [key(51), key(52)];
        by.sort_by_key(SigningKey::public);
        let [one, other] = by.map(|key| draft.approve(&federation, &key));
        write(a, control, vec![Control::List(Box::new(draft.approved(one, other))).into()]);
        let leaves: Vec<Hash> = rows.iter().map(Row::leaf).collect();
        let composed = |row: &Row| {
            let issue = Value::Issue {
                from: Lot(0),
                list: number,
                row: row.row,
                purse: row.purse,
                amount: row.amount,
                expires: Minute(90_000),
                at: Minute(100),
            };
            let path = merkle::path(&leaves, row.row).expect("a row of the list");
            let row = Some(RowProof { row: *row, path });
            Composed { draft: Draft { entry: issue.into(), row }, evidence: None, asked: None }
        };
        let all = rows
            .iter()
            .map(composed)
            .map(|one| -> Compose<'static> { Box::new(move |_, _, _| Ok(vec![one.clone()])) });
        group(a, value, all);
    }
}

/// Writes many with few commits; every one must be accepted.
fn group(node: &mut Node, feed: FeedId, all: impl Iterator<Item = Compose<'static>>) {
    let mut requests: Vec<Request<'static>> =
        all.map(|compose| Request { feed, compose }).collect();
    for some in requests.chunks_mut(128) {
        for answer in node.write(some).expect("the disk holds") {
            drop(answer.expect("a good entry"));
        }
    }
}

/// What a household has to show, by its number: every fifth has lost its card, few have a PIN, some have nobody at all.
fn has(n: u32, step: Next) -> bool {
    match step {
        Next::Pin => n.is_multiple_of(97),
        Next::Sight => !n.is_multiple_of(5),
        Next::Adult => n.is_multiple_of(2),
        Next::Collector => n.is_multiple_of(3),
        Next::Witness => !n.is_multiple_of(7),
        Next::Desk | Next::Voucher => true,
    }
}

type Shown = (Vec<Word>, Vec<SigningKey>);

fn signed(federation: &FederationId, said: Statement, by: &[u8]) -> Vec<Word> {
    by.iter().map(|seed| (said, said.sign(federation, &key(*seed)))).collect()
}

/// The words a method goes by, where nothing is wrong with them.
fn words(federation: &FederationId, n: u32, method: Method, on: DayNo) -> Shown {
    let (programme, purse, until) = (FOOD, purse(n), on);
    match method {
        Method::Pin | Method::Sight | Method::Signed => (Vec::new(), Vec::new()),
        Method::Adult => (Vec::new(), vec![key(CASHIER)]),
        Method::Override => (Vec::new(), vec![key(SUPERVISOR)]),
        Method::Witness => (Vec::new(), vec![key(WITNESS), key(CASHIER)]),
        Method::Desk => (Vec::new(), vec![key(SUPERVISOR), key(CASHIER)]),
        Method::Collector => {
            let carrier = CarrierId(purse.0);
            let said = Statement::Mandate { programme, purse, carrier, external: true, until };
            (signed(federation, said, &[REGISTRAR]), Vec::new())
        }
        Method::Voucher => {
            let (number, Item { commodity, amount }) = (SlipId(purse.0), rice());
            let said = Statement::Voucher { programme, purse, number, commodity, amount, until };
            (signed(federation, said, &[SUPERVISOR, CASHIER]), Vec::new())
        }
        Method::Attested => (signed(federation, no(on), &[DEVICE]), Vec::new()),
    }
}

/// What a reader says here, to everybody.
fn no(on: DayNo) -> Statement {
    let (body, yes, nonce) = (Body::Finger, false, Nonce([1; 16]));
    Statement::Attested { programme: FOOD, body, yes, policy: 1, on, nonce }
}

fn vouching<'a>(
    federation: FederationId,
    (n, method): (u32, Method),
    (papers, signing): &'a Shown,
) -> Vouching<'a> {
    Vouching {
        federation,
        orgs: ORGS,
        method,
        why: Exception::Device,
        papers,
        wallet: None,
        signers: signing.iter().collect(),
        purse: purse(n),
        item: rice(),
    }
}

/// Down the ladder after what was tried, until something holds. It always ends.
fn known(world: &World, pins: &mut Pins, n: u32, on: DayNo, mut tried: Vec<Method>) -> Method {
    loop {
        let step = next(&tried, &[]);
        let method = step.method().unwrap_or(Method::Voucher);
        let holds = has(n, step)
            && match step {
                Next::Pin => {
                    let household = HouseholdId(u64::from(n));
                    let pin = Pin::parse("204816").expect("a PIN");
                    pins.set(household, &pin).expect("set");
                    let begun = pins.begin(household, world.a.now()).expect("counted");
                    let Begun::Attempt(attempt) = begun else { panic!("{begun:?}") };
                    pins.check(attempt, &pin).expect("looked at") == Answer::Right
                }
                Next::Desk => count_desk(&world.a, FOOD, on).expect("counted"),
                _ => true,
            };
        if holds {
            return method;
        }
        tried.push(method);
    }
}

fn camp(households: u32) {
    let mut world = World::new();
    certify(&mut world);
    issue(&mut world, households);
    let federation = world.federation();
    let feed = world.a.feed(Lane::Value, FOOD);
    let registry = world.a.feed(Lane::Registry, FOOD);
    let at = world.a.stamp(&feed).expect("a stamp");
    let on = DayNo::of(at);
    let pins = Pins::open(&world.path("pins").join("pins.db"), &Key::take(&mut [3; 32]));
    let mut pins = pins.expect("opens");
    let mut by: BTreeMap<&'static str, u64> = BTreeMap::new();
    let (mut turned, mut charges) = (Vec::new(), Vec::new());
    let charge = move |n: u32, method: Method, shown: Shown| -> Compose<'static> {
        Box::new(move |work, feed, at| {
            let (purse, merchant) = (purse(n), MerchantId([8; 16]));
            let charge = Charge { purse, items: vec![rice()], merchant, method };
            let mut composed = serve::charge(work, feed, &charge, at)?;
            vouching(federation, (n, method), &shown).vouch(work, feed, &mut composed)?;
            Ok(composed)
        })
    };
    // The reader is asked of each, honestly, and says no to everybody: nothing is handed out on its word.
    let all: Vec<u32> = (0..households).collect();
    let mut said_no = 0;
    for some in all.chunks(128) {
        let asked = |n: &u32| {
            let shown = words(&federation, *n, Method::Attested, on);
            Request { feed, compose: charge(*n, Method::Attested, shown) }
        };
        let mut asked: Vec<Request<'_>> = some.iter().map(asked).collect();
        for answer in world.a.write(&mut asked).expect("the disk holds") {
            assert_eq!(answer.expect_err("no is no").to_string(), Turned::SaysNo.to_string());
            said_no += 1;
        }
    }
    assert_eq!(said_no, households);
    for n in all {
        turned.push(refused(slip().expect("drawn"), RefusalClass::Authentication));
        let method = known(&world, &mut pins, n, on, vec![Method::Attested]);
        assert!(!method.needs_a_body());
        *by.entry(method.word()).or_default() += 1;
        charges.push(charge(n, method, words(&federation, n, method, on)));
    }
    group(&mut world.a, registry, turned.into_iter());
    group(&mut world.a, feed, charges.into_iter());
    world.a.seal_all().expect("sealed");
    // Everybody has got everything.
    let work = world.a.store().look().expect("reads");
    for n in 0..households {
        assert_eq!(serve::balance(&work, &feed, &purse(n), at), [], "household {n}");
    }
    work.check().expect("whole");
    drop(work);
    assert_eq!(by.values().sum::<u64>(), u64::from(households));
    // Whoever has nothing else comes to the desk, which serves so many a day; every other of them gets a voucher.
    let others = [Next::Pin, Next::Sight, Next::Adult, Next::Collector, Next::Witness];
    let left = (0..households).filter(|n| !others.iter().any(|step| has(*n, *step))).count();
    let (left, most) = (left as u64, u64::from(limits::DESK_A_DAY));
    let of = |method: Method| by.get(method.word()).copied().unwrap_or(0);
    assert_eq!(
        (of(Method::Desk), of(Method::Voucher)),
        (left.min(most), left.saturating_sub(most))
    );
    assert!(households < 5_000 || left > most, "more come than it serves");
    // And the audit lists each exception, and every refusal; the words of all of them hold.
    let file = world.dir.path().join("camp.audit");
    export(world.a.store(), &file).expect("exported");
    let file = AuditFile::open(&file).expect("opens");
    let seen = anomalies(&file, anomalies::Usual::default()).expect("looked through");
    assert_eq!(seen.handed_out, u64::from(households));
    let listed: BTreeMap<&str, u64> = seen.exceptions.iter().map(|e| (e.method, e.count)).collect();
    by.retain(|method, _| !matches!(*method, "PIN" | "sight"));
    assert_eq!(listed, by);
    let refusals: u64 = seen.refusals.iter().map(|one| one.count).sum();
    assert_eq!(refusals, u64::from(households));
    let missing: Vec<_> = seen.found.iter().filter(|one| one.kind == "words missing").collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Every way in which goods leave × every method: each holds with the right words, so that nothing anybody is entitled
/// to hangs on a body; and whatever set of methods has failed, the one that is next asks nothing of one.
#[test]
fn every_entitlement_can_be_had_without_a_body() {
    let mut world = World::new();
    certify(&mut world);
    let federation = world.federation();
    let feed = world.a.feed(Lane::Value, FOOD);
    let at = world.a.stamp(&feed).expect("a stamp");
    let work = world.a.store().look().expect("reads");
    let (lot, amount, merchant) = (Lot(2), amount(2), 0);
    let home = FeedRef { node: [1; 8], lane: Lane::Value, programme: FOOD };
    let mut ways = BTreeMap::new();
    for method in Method::ALL {
        let out = [
            ("redeem", Value::Redeem { lot, amount, merchant, at, method }),
            (
                "float",
                Value::FloatRedeem { lot, home, purse: purse(1), amount, merchant, at, method },
            ),
            ("post", Value::Post { hold: 3, at, method }),
        ];
        let shown = words(&federation, 1, method, DayNo::of(at));
        for (way, value) in out {
            let mut composed = [Composed::from(value)];
            let vouched = vouching(federation, (1, method), &shown);
            let done = vouched.vouch(&work, &feed, &mut composed);
            // A wallet's word needs a wallet: tried in `holder`, and through the program.
            let served = !method.needs_a_body() && method != Method::Signed;
            assert_eq!(done.is_ok(), served, "{way} by {method:?}: {done:?}");
            let words = composed[0].evidence.is_some();
            assert_eq!(words, done.is_ok() && method.is_exception(), "{way} by {method:?}");
            *ways.entry(way).or_insert(0) += u32::from(done.is_ok());
        }
    }
    assert!(ways.values().all(|held| *held == 8), "{ways:?}");
    for set in 0u32..1 << Method::ALL.len() {
        let failed: Vec<Method> =
            (0..Method::ALL.len()).filter(|n| set >> n & 1 == 1).map(|n| Method::ALL[n]).collect();
        let step = next(&failed, &[]).method().unwrap_or(Method::Voucher);
        assert!(!step.needs_a_body(), "{failed:?}");
    }
}

#[test]
fn a_camp_without_readers_is_served() {
    camp(230);
}

#[test]
#[ignore = "minutes: run by .ci/run"]
fn a_camp_of_five_thousand_without_readers_is_served() {
    camp(5_000);
}
