//! Every value has one spelling, and nothing that arrives can make a decoder panic or pass its bounds.

use std::collections::BTreeMap;

use annona_ledger::amount::Amount;
use annona_ledger::block::{Block, Draft, Evidence};
use annona_ledger::day::Day;
use annona_ledger::entry::{
    CarrierKind, Entry, FloatCover, Later, Lot, Method, Owner, Registry, Send, Value,
};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CarrierId, CommodityId, CycleId, EntryName, FeedRef, Lane, MerchantId, ProgrammeId, Pseudonym,
    Purse,
};
use annona_ledger::key::{Signature, SigningKey};
use annona_ledger::limits;
use annona_ledger::merkle::Path;
use annona_ledger::receipt::{Heading, Receipt};
use annona_ledger::ticket::{Moved, Promise, Sent, Ticket};
use annona_ledger::time::{Hlc, Minute};
use annona_ledger::wire::{self, Bounded, Bytes, WireFault};
use annona_tests::cast::{CASH, Cast};
use annona_tests::coverage::{self, KINDS};
use annona_tests::rng::Rng;
use annona_tests::run::run;
use annona_tests::world::Options as WorldOptions;
use proptest::prelude::*;

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn amount() -> impl Strategy<Value = Amount> {
    (0..=limits::AMOUNT).prop_map(|units| Amount::new(units).expect("within the limit"))
}

fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![
        Just(Owner::Budget),
        Just(Owner::Float),
        Just(Owner::Reserve),
        any::<[u8; 16]>().prop_map(|p| Owner::Purse(Purse(p))),
    ]
}

fn feed() -> impl Strategy<Value = FeedRef> {
    let lane = prop_oneof![Just(Lane::Control), Just(Lane::Value), Just(Lane::Registry)];
    (any::<[u8; 8]>(), lane, any::<u16>()).prop_map(|(node, lane, p)| FeedRef {
        node,
        lane,
        programme: ProgrammeId(p),
    })
}

fn signature() -> impl Strategy<Value = Signature> {
    any::<[[u8; 32]; 2]>().prop_map(Signature::Ed25519)
}

fn send() -> impl Strategy<Value = Send> {
    let place = (any::<u64>(), any::<[u8; 8]>(), owner());
    let what = (any::<u16>(), any::<u8>(), amount(), any::<u32>(), any::<u32>());
    (place, what).prop_map(|((from, to, owner), (cycle, commodity, amount, expires, at))| Send {
        from: Lot(from),
        to,
        owner,
        cycle: CycleId(cycle),
        commodity: CommodityId(commodity),
        amount,
        expires: Minute(expires),
        at: Minute(at),
    })
}

fn cover() -> impl Strategy<Value = FloatCover> {
    let float = (feed(), any::<u64>(), hash());
    (any::<u64>(), float, any::<u16>(), any::<u8>(), amount(), any::<u32>()).prop_map(
        |(from, (feed, index, accumulator), cycle, commodity, amount, at)| FloatCover {
            from: Lot(from),
            float: EntryName { feed, index, accumulator },
            cycle: CycleId(cycle),
            commodity: CommodityId(commodity),
            amount,
            at: Minute(at),
        },
    )
}

fn sent() -> impl Strategy<Value = Sent> {
    let refund = (any::<u64>(), amount(), any::<u32>());
    let moved = prop_oneof![
        send().prop_map(Moved::Send),
        cover().prop_map(Moved::Cover),
        refund.prop_map(|(redeem, amount, at)| Moved::Refund { redeem, amount, at: Minute(at) }),
    ];
    (any::<[u8; 8]>(), any::<u64>(), hash(), moved, signature()).prop_map(
        |(node, index, before, moved, signature)| Sent { node, index, before, moved, signature },
    )
}

fn ticket() -> impl Strategy<Value = Ticket> {
    let hops = prop::collection::vec(sent(), 0..=limits::HOPS);
    prop_oneof![
        (sent(), hops).prop_map(|(s, hops)| Ticket::Sent(s, Bounded::new(hops).expect("few"))),
        any::<(u32, u8, u8)>().prop_map(|(epoch, act, line)| Ticket::Budget { epoch, act, line }),
        any::<(u32, u8)>().prop_map(|(epoch, act)| Ticket::Release { epoch, act }),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let numbers = (any::<u64>(), any::<u32>(), any::<u32>());
    prop_oneof![
        any::<[u8; 16]>().prop_map(|m| Value::Merchant { merchant: MerchantId(m) }),
        (numbers, amount(), any::<[u8; 16]>(), any::<u64>()).prop_map(
            |((from, row, at), amount, purse, list)| Value::Issue {
                from: Lot(from),
                list,
                row,
                purse: Purse(purse),
                amount,
                expires: Minute(at),
                at: Minute(row),
            }
        ),
        send().prop_map(Value::Send),
        cover().prop_map(Value::FloatCover),
        (ticket(), any::<u32>())
            .prop_map(|(ticket, at)| Value::Claim { ticket: Box::new(ticket), at: Minute(at) }),
        (any::<u64>(), amount(), any::<u32>(), any::<u32>()).prop_map(
            |(lot, amount, merchant, at)| Value::Redeem {
                lot: Lot(lot),
                amount,
                merchant,
                at: Minute(at),
                method: Method::Pin,
            }
        ),
        (any::<u64>(), any::<u32>()).prop_map(|(hold, at)| Value::Post {
            hold,
            at: Minute(at),
            method: Method::Signed
        }),
        (any::<u64>(), any::<u32>()).prop_map(|(hold, at)| Value::Drop { hold, at: Minute(at) }),
        any::<u8>().prop_map(|entries| Value::Basket { entries }),
        any::<u32>().prop_map(|at| Value::End { at: Minute(at) }),
        any::<u32>().prop_map(|at| Value::DayClose { day: Box::new(Day::Open), at: Minute(at) }),
        (any::<u64>(), feed(), any::<[u8; 16]>(), amount(), any::<(u32, u32)>()).prop_map(
            |(lot, home, purse, amount, (merchant, at))| Value::FloatRedeem {
                lot: Lot(lot),
                home,
                purse: Purse(purse),
                amount,
                merchant,
                at: Minute(at),
                method: Method::Override,
            }
        ),
        (any::<u64>(), amount(), any::<(u32, u32, u32)>()).prop_map(
            |(lot, amount, (merchant, until, at))| Value::Hold {
                lot: Lot(lot),
                amount,
                merchant,
                until: Minute(until),
                at: Minute(at),
            }
        ),
        (any::<u64>(), amount(), any::<u32>()).prop_map(|(redeem, amount, at)| Value::Refund {
            redeem,
            amount,
            at: Minute(at)
        }),
    ]
}

/// A kind that only a later version knows.
fn later() -> impl Strategy<Value = Later> {
    let lane = prop_oneof![Just(Lane::Control), Just(Lane::Value), Just(Lane::Access)];
    (lane, 64u8..128, prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(lane, kind, bytes)| {
        Later { lane, kind, bytes: Bytes::new(bytes).expect("short") }
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let who = (any::<[u8; 16]>(), any::<[u8; 16]>(), any::<u32>());
    prop_oneof![
        4 => value().prop_map(Entry::Value),
        1 => who.prop_map(|(p, c, at)| Entry::Registry(Registry::CarrierBound {
            pseudonym: Pseudonym(p),
            carrier: CarrierId(c),
            kind: CarrierKind::Phone,
            at: Minute(at),
        })),
        1 => later().prop_map(Entry::Later),
    ]
}

fn promise() -> impl Strategy<Value = Promise> {
    let bytes = prop::collection::vec(any::<u8>(), 0..300);
    (feed(), any::<u64>(), hash(), bytes, signature()).prop_map(
        |(feed, index, before, entry, signature)| Promise {
            feed,
            index,
            before,
            entry: Bytes::new(entry).expect("short"),
            signature,
        },
    )
}

fn block(entries: &[Value]) -> Block {
    let cast = Cast::draw(&mut Rng::new(3), 3);
    let who = &cast.nodes[0];
    let feed = who.value(CASH);
    let entries: Vec<Vec<u8>> = entries.iter().map(|v| Entry::from(v.clone()).encode()).collect();
    let draft = Draft {
        feed,
        seq: 0,
        start: Head::start(&cast.federation, &feed),
        entries: &entries,
        evidence: &Evidence::default(),
        frontier_root: Hash::ZERO,
        epoch: 1,
        hlc: Hlc { millis: 5, count: 1 },
    };
    draft.seal(&SigningKey::from_seed(&who.seed), &cast.federation).expect("few entries")
}

/// Decoding gives the value back; with one bit changed, cut or lengthened, it is refused or is another value whose own
/// spelling those bytes are.
fn one_spelling<T>(value: &T, decode: impl Fn(&[u8]) -> Option<T>, bytes: &[u8], at: usize)
where
    T: PartialEq + std::fmt::Debug,
    T: Spelt,
{
    assert_eq!(decode(bytes).as_ref(), Some(value));
    let mut other = bytes.to_vec();
    other.push(0);
    assert_eq!(decode(&other), None, "something was left over");
    assert_eq!(decode(&bytes[..bytes.len() - 1]), None, "cut short");
    let mut flipped = bytes.to_vec();
    let place = at % (flipped.len() * 8);
    flipped[place / 8] ^= 1 << (place % 8);
    if let Some(found) = decode(&flipped) {
        assert_eq!(found.spelt(), flipped, "a second spelling");
        assert_ne!(&found, value);
    }
}

trait Spelt {
    fn spelt(&self) -> Vec<u8>;
}

impl Spelt for Entry {
    fn spelt(&self) -> Vec<u8> {
        self.encode()
    }
}

macro_rules! spelt {
    ($($kind:ty),*) => { $(impl Spelt for $kind {
        fn spelt(&self) -> Vec<u8> { wire::encode(self) }
    })* };
}
spelt!(Ticket, Promise, Receipt, Block);

/// The simulator's entries are of every kind there is, day's sums, settlements, lists and what is said about people among
/// them. The first ten of a kind are tried with each of their bits, the others with one.
#[test]
fn every_kind_of_entry_has_one_spelling() {
    let mut met: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0.. {
        let missing: Vec<&&str> = KINDS.iter().filter(|kind| !met.contains_key(**kind)).collect();
        if seed >= 20 && missing.is_empty() {
            break;
        }
        assert!(seed < 200, "no seed writes {missing:?}");
        let ran = run(WorldOptions::seed(seed)).unwrap_or_else(|failed| panic!("{failed}"));
        for (n, entry) in ran.entries.iter().enumerate() {
            let tried = met.entry(coverage::kind(entry)).or_default();
            *tried += 1;
            let (lane, bytes) = (entry.lane(), entry.encode());
            let bits = if *tried <= 10 { 0..bytes.len() * 8 } else { n..n + 1 };
            for at in bits {
                one_spelling(entry, |b| Entry::decode(lane, b).ok(), &bytes, at);
            }
        }
    }
}

proptest! {
    #[test]
    fn entries(entry in entry(), at in any::<usize>()) {
        let (lane, bytes) = (entry.lane(), entry.encode());
        one_spelling(&entry, |b| Entry::decode(lane, b).ok(), &bytes, at);
    }

    #[test]
    fn tickets(ticket in ticket(), at in any::<usize>()) {
        one_spelling(&ticket, |b| wire::decode(b, 4_096).ok(), &wire::encode(&ticket), at);
    }

    #[test]
    fn promises(promise in promise(), at in any::<usize>()) {
        one_spelling(&promise, |b| wire::decode(b, 4_096).ok(), &wire::encode(&promise), at);
    }

    #[test]
    fn blocks_and_receipts(
        values in prop::collection::vec(value(), 1..6), hops in prop::collection::vec(sent(), 0..3),
        at in any::<usize>(),
    ) {
        let block = block(&values);
        let limit = 2 * limits::BODY_BYTES;
        one_spelling(&block, |b| wire::decode(b, limit).ok(), &wire::encode(&block), at);
        let receipt = Receipt {
            feed: FeedRef { node: [1; 8], lane: Lane::Value, programme: CASH },
            entry: Bytes::new(Entry::from(values[0].clone()).encode()).expect("an entry"),
            path: Path { index: 0, hashes: Bounded::empty() },
            heading: Heading::of(&block.header),
            signature: block.signature,
            provenance: Bounded::new(hops).expect("few"),
        };
        one_spelling(&receipt, |b| wire::decode(b, 8_192).ok(), &wire::encode(&receipt), at);
    }

    #[test]
    fn noise_is_refused_without_a_panic(noise in prop::collection::vec(any::<u8>(), 0..3_000)) {
        for lane in [Lane::Control, Lane::Value, Lane::Registry, Lane::Access] {
            if let Ok(entry) = Entry::decode(lane, &noise) {
                prop_assert_eq!(entry.encode(), noise.clone());
            }
        }
        if let Ok(ticket) = wire::decode::<Ticket>(&noise, 4_096) {
            prop_assert_eq!(wire::encode(&ticket), noise.clone());
        }
        drop(wire::decode::<Promise>(&noise, 4_096));
        drop(wire::decode::<Receipt>(&noise, 8_192));
        if let Ok(block) = wire::decode::<Block>(&noise, 8_192) {
            let cast = Cast::draw(&mut Rng::new(3), 3);
            let feed = cast.nodes[0].value(CASH);
            prop_assert!(block.verify(&cast.federation, &feed).is_err());
        }
    }

    #[test]
    fn a_body_of_noise_is_refused(noise in prop::collection::vec(any::<u8>(), 1..2_000)) {
        let mut block = block(&[Value::Basket { entries: 1 }]);
        block.header.body_len = u32::try_from(noise.len()).expect("short");
        block.header.count = 1 + u16::from(noise[0]);
        block.body = Bytes::new(noise).expect("short");
        for lane in [Lane::Control, Lane::Value, Lane::Registry, Lane::Access] {
            prop_assert!(block.read(lane).is_err());
        }
    }
}

/// How a decoder of entries is called.
type Decoder = fn(Lane, &[u8]) -> Result<Entry, WireFault>;

/// Whether a decoder refuses what is too large: a claim over its limit, a list past its bound, a length that only says
/// it is long.
fn keeps_to_its_bounds(decode: Decoder) -> Result<(), &'static str> {
    let mut large = Entry::from(Value::Basket { entries: 1 }).encode();
    large.extend(vec![0; limits::CARRYING_ENTRY_BYTES]);
    if !matches!(decode(Lane::Value, &large), Err(WireFault::TooLong { .. })) {
        return Err("OversizeDecoded: bytes over the limit were looked at");
    }
    let sent = Sent {
        node: [1; 8],
        index: 1,
        before: Hash::ZERO,
        moved: Moved::Cover(FloatCover {
            from: Lot(1),
            float: EntryName {
                feed: FeedRef { node: [1; 8], lane: Lane::Value, programme: CASH },
                index: 1,
                accumulator: Hash::ZERO,
            },
            cycle: CycleId(1),
            commodity: CommodityId(1),
            amount: Amount::MAX,
            at: Minute(1),
        }),
        signature: Signature::Ed25519([[0; 32]; 2]),
    };
    // A claim whose provenance says it has one hop more than there may be, and has them.
    let one = wire::encode(&sent);
    let mut claim = vec![3u8, 0];
    claim.extend(&one);
    claim.push(u8::try_from(limits::HOPS).expect("small") + 1);
    (0..=limits::HOPS).for_each(|_| claim.extend(&one));
    claim.push(1);
    match decode(Lane::Value, &claim) {
        Err(_) => Ok(()),
        Ok(_) => Err("OversizeDecoded: more hops than there may be"),
    }
}

/// The planted bug: no limit on bytes before they are looked at.
fn without_a_cap(lane: Lane, bytes: &[u8]) -> Result<Entry, WireFault> {
    match Entry::take(lane, bytes)? {
        (entry, []) => Ok(entry),
        (_, rest) => Err(WireFault::Trailing(rest.len())),
    }
}

#[test]
fn decoders_keep_to_their_bounds_and_one_without_a_cap_is_caught() {
    assert_eq!(keeps_to_its_bounds(Entry::decode), Ok(()));
    assert_eq!(
        keeps_to_its_bounds(without_a_cap),
        Err("OversizeDecoded: bytes over the limit were looked at")
    );
}
