//! Decoders of what a member of the federation hands to a desk: signed by a key that a certificate names, so what is inside
//! is tried under a good signature as well as the file as it is.
//!
//! Each is given first to the desk as a file, then as the part of one that its author chooses freely.

use std::cell::RefCell;

use annona_ledger::entry::{Entry, Registry};
use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::{Lane, Nonce, ProgrammeId, Pseudonym};
use annona_ledger::key::{Context, Signature, SigningKey};
use annona_ledger::notice::NodeCertificate;
use annona_ledger::oprf::{Blind, OprfKey};
use annona_ledger::statement::Statement;
use annona_ledger::time::{DayNo, Minute};
use annona_ledger::wire::{self, Bounded};
use annona_node::consent::request;
use annona_node::copies::{self, CopyFault};
use annona_node::envelope;
use annona_node::keystore::{Name, Secret};
use annona_node::node::{Compose, Composed, Node, Request};
use annona_node::overlap::{self, ANSWERED, ASKED, OverlapFault};
use annona_node::pin::{open_lent, usable};
use annona_node::seal::Key;
use annona_node::vault::{HouseholdId, Vault};
use tempfile::TempDir;

use crate::bench::{CASH, Federation};

/// The number of the question that the desk asked, and waits for the answer of.
const NUMBER: Nonce = Nonce([6; 16]);

/// A site that registered one family, and another node that signs whatever the bytes say.
struct Desk {
    node: Node,
    vault: Vault,
    family: HouseholdId,
    other: SigningKey,
    transport: SigningKey,
    sealing: [u8; 32],
    certificate: NodeCertificate,
    theirs: [u8; 8],
    today: DayNo,
    /// Whether what it asked is still to be answered.
    waits: bool,
    _place: TempDir,
}

thread_local! {
    static DESK: RefCell<Desk> = RefCell::new(Desk::open());
}

fn at_the_desk(try_it: impl FnOnce(&mut Desk) -> bool) -> bool {
    DESK.with_borrow_mut(try_it)
}

impl Desk {
    fn open() -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let Federation { treasury, mut sites, .. } =
            Federation::of(place.path(), 1).expect("founded");
        let mut node = sites.remove(0);
        let feed = node.feed(Lane::Registry, CASH);
        let compose: Compose<'_> = Box::new(|_, _, at| {
            let of = |n| Entry::from(Registry::Enrol { pseudonym: Pseudonym([n; 16]), at });
            Ok((1..=9).map(|n| Composed::from(of(n))).collect())
        });
        let answers = node.write(&mut [Request { feed, compose }]).expect("written");
        assert!(answers[0].is_ok(), "{:?}", answers[0]);
        node.seal(&[feed]).expect("sealed");
        let key = Key::take(&mut [5; 32]);
        let mut vault = Vault::create(&place.path().join("people"), &key).expect("room");
        let mut txn = vault.begin().expect("begun");
        let family = txn.add("camp", b"17", [1; 32], &[1], &[]).expect("added");
        txn.commit().expect("committed");
        let control = node.feed(Lane::Control, ProgrammeId::NONE);
        let today = DayNo::of(node.stamp(&control).expect("a stamp"));
        let secret = node.keys().get(Name::NodeSealing).and_then(Secret::as_seed);
        let sealing = *secret.expect("a key");
        let signing = |name| treasury.signing_key(name).expect("a key");
        let (other, transport) = (signing(Name::NodeSigning), signing(Name::NodeTransport));
        let theirs = treasury.public().short();
        treasury.close().expect("closed");
        let certificate = node.certificate().expect("a certificate").clone();
        let (_place, waits) = (place, false);
        Self {
            waits,
            node,
            vault,
            family,
            other,
            transport,
            sealing,
            certificate,
            theirs,
            today,
            _place,
        }
    }

    fn own(&self) -> [u8; 8] {
        self.node.public().short()
    }

    /// A file for this node, signed by one.
    fn stated(&self, key: &SigningKey, magic: &[u8], body: &[u8], file: Hash) -> Vec<u8> {
        let federation = self.node.federation().expect("founded");
        let stated = Statement::File { to: self.own(), file }.sign(&federation, key);
        [magic, &stated.encode(), body].concat()
    }

    /// Files that end in a signature by the other node's transport key.
    fn sent(&self, mut file: Vec<u8>, word: &[u8], digest: Hash) -> Vec<u8> {
        let federation = self.node.federation().expect("founded");
        let word = [word, &digest.0].concat();
        let Signature::Ed25519([r, s]) =
            self.transport.sign(Context::Bundle, &[&federation.0.0], &word);
        file.extend_from_slice(&r);
        file.extend_from_slice(&s);
        file
    }
}

/// PINs that another site lent: as an envelope, then as the rows in one.
pub(super) fn lent_pins(bytes: &[u8]) -> bool {
    at_the_desk(|desk| {
        let federation = desk.node.federation().expect("founded");
        let own = desk.own();
        let open = |file: &[u8]| {
            let roster = desk.node.store().roster();
            let orgs = [desk.certificate.org; 2];
            open_lent(&federation, roster, (CASH, orgs), Minute(9), (&own, &desk.sealing), file)
        };
        let raw = open(bytes).is_ok();
        let info = [b"annona 2026 v1 pins".as_slice(), &federation.0.0, &own].concat();
        let key = Key::take(&mut [8; 32]);
        let wrapped = envelope::wrap(&desk.certificate.sealing, &info, &key).expect("a key");
        let body = key.seal(&info, bytes).expect("sealed");
        let sealed = [&wrapped[..], &body].concat();
        let file = hash(Purpose::File, &[b"pins", &sealed]);
        let rows = open(&desk.stated(&desk.other, &[], &sealed, file));
        raw | rows.is_ok_and(|rows| usable(&rows, desk.today).count() <= rows.len())
    })
}

/// Questions of another organisation: as a file, then as the elements of one.
pub(super) fn asked(bytes: &[u8]) -> bool {
    at_the_desk(|desk| {
        let raw = overlap::answer(&desk.node, &desk.vault, bytes).is_ok();
        let of = wire::encode(&(NUMBER, desk.own(), CASH, desk.today));
        let body = [&of, bytes].concat();
        let own = desk.node.signing_key(Name::NodeSigning).expect("a key");
        let file = hash(Purpose::File, &[ASKED, &body]);
        let file = desk.stated(&own, ASKED, &body, file);
        let digits: String = desk.own().iter().map(|byte| format!("{byte:02x}")).collect();
        let count = format!("overlap answered {digits} {CASH} {}", desk.today.0);
        match overlap::answer(&desk.node, &desk.vault, &file) {
            Err(OverlapFault::Damaged | OverlapFault::TooMany { .. }) => raw,
            other => {
                desk.node.store().set_meta(&count, &wire::encode(&0u64)).expect("room");
                raw | other.is_ok()
            }
        }
    })
}

/// Answers to what was asked: as a file, then as the elements and tags of one.
pub(super) fn answered(bytes: &[u8]) -> bool {
    at_the_desk(|desk| {
        let raw = overlap::read(&desk.node, &mut desk.vault, bytes).is_ok();
        if !std::mem::replace(&mut desk.waits, true) {
            let mut txn = desk.vault.begin().expect("begun");
            for place in 0u32..2 {
                let name = [b"overlap".as_slice(), &NUMBER.0, &place.to_be_bytes()].concat();
                let (blind, _) = Blind::of(b"somebody", &mut [3; 64]).expect("an input");
                let kept = wire::encode(&(0xffu8, CASH.0, "somebody", blind.expose()));
                txn.put_paper(desk.family, &name, &kept).expect("room");
            }
            txn.commit().expect("committed");
        }
        let body = [&wire::encode(&(NUMBER, desk.own())), bytes].concat();
        let file = hash(Purpose::File, &[ANSWERED, &body]);
        let file = desk.stated(&desk.other, ANSWERED, &body, file);
        match overlap::read(&desk.node, &mut desk.vault, &file) {
            Err(OverlapFault::Damaged) => raw,
            Ok(told) => {
                desk.waits = false;
                assert_eq!(told.len(), 1, "one family was asked about");
                true
            }
            // The first may have been used up.
            Err(OverlapFault::Element(_)) => {
                desk.waits = false;
                raw
            }
            Err(OverlapFault::NotAsked) => raw,
            Err(fault) => panic!("not of the bytes: {fault}"),
        }
    })
}

/// What another node asks to be shown: as a file, then as what it asks for.
pub(super) fn asking(bytes: &[u8]) -> bool {
    at_the_desk(|desk| {
        let read = |file: &[u8]| request::read(&desk.node, file).expect("a whole disk").is_ok();
        let raw = read(bytes);
        let mut file = b"annona asking 1\n".to_vec();
        file.extend(wire::encode(&(desk.theirs, desk.own())));
        file.extend(bytes);
        file.extend(wire::encode(&(desk.today, [7u8; 16])));
        let digest = hash(Purpose::File, &[&file]);
        raw | read(&desk.sent(file, b"asking", digest))
    })
}

/// Copies of the keys of people's records: as a file, then as who was erased, after two bytes of length, and the keys.
pub(super) fn copy(bytes: &[u8]) -> bool {
    at_the_desk(|desk| {
        let Desk { theirs, today, .. } = *desk;
        let raw = copies::keep(&desk.node, bytes).is_ok();
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return raw };
        let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
        let (erased, keys) = rest.split_at(length);
        let federation = desk.node.federation().expect("founded");
        let own = desk.own();
        let closed = |site: [u8; 8], vault: [u8; 16]| {
            let mut label = wire::encode(&(theirs, own, site, vault, today));
            label.extend(erased);
            let info = [b"annona 2026 v1 key copy".as_slice(), &federation.0.0, &label].concat();
            let key = Key::take(&mut [8; 32]);
            let wrapped = envelope::wrap(&desk.certificate.sealing, &info, &key).expect("a key");
            let sealed = key.seal(&info, keys).expect("sealed");
            let length = u32::try_from(label.len()).expect("short").to_le_bytes();
            let file =
                [b"annona key copy\n".as_slice(), &length, &label, &wrapped, &sealed].concat();
            let digest = hash(Purpose::File, &[&file]);
            desk.sent(file, b"key copy", digest)
        };
        let (kept, back) = (closed(theirs, [4; 16]), closed(own, *desk.vault.id()));
        let kept = match copies::keep(&desk.node, &kept) {
            Ok(_) | Err(CopyFault::Older) => true,
            Err(CopyFault::NotACopy) => false,
            Err(fault) => panic!("not of the bytes: {fault}"),
        };
        let taken = copies::take(&desk.node, &mut desk.vault, &back);
        assert_eq!(kept, !matches!(taken, Err(CopyFault::NotACopy)), "one reading: {taken:?}");
        raw | kept
    })
}

/// An element of the group, by whoever answers and whoever asked.
pub(super) fn element(bytes: &[u8]) -> bool {
    let Ok(element) = bytes.try_into() else { return false };
    let (blind, _) = Blind::of(b"somebody", &mut [3; 64]).expect("an input");
    let answered = OprfKey::of(&mut [2; 64]).answer(&element);
    let output = blind.output(b"somebody", &element);
    assert_eq!(answered.is_ok(), output.is_ok(), "one answer on both sides");
    answered.is_ok_and(|answered| blind.output(b"somebody", &answered).is_ok())
}

/// What a fuzzer begins with: what the author of each chooses.
///
/// # Panics
///
/// Never: they are always the same.
#[must_use]
pub(super) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let (_, element) = Blind::of(b"somebody", &mut [3; 64]).expect("an input");
    let evaluated = OprfKey::of(&mut [2; 64]).answer(&element).expect("an element");
    let few = |elements: Vec<[u8; 32]>| Bounded::<_, 8>::new(elements).expect("few");
    let tags = Bounded::<[u8; 16], 8>::new(vec![[1; 16], [2; 16]]).expect("few");
    let row = ([1u8; 16], [2u8; 16], 19_456u32, 2u32, [3u8; 32], [4u8; 32], 500_000u32, [5u8; 32]);
    let rows = Bounded::<_, 8>::new(vec![row]).expect("one");
    let erased = wire::encode(&vec![(CASH, Hash([9; 32]))]);
    let length = u16::try_from(erased.len()).expect("short").to_be_bytes();
    let copy = [&length[..], &erased, &[7; 40]].concat();
    let purpose = annona_ledger::consent::Purpose::Overlap;
    let attributes = annona_ledger::consent::Attributes::of(overlap::NEEDED);
    vec![
        ("oprf_element", element.to_vec()),
        ("overlap_asked", wire::encode(&few(vec![element, evaluated]))),
        ("overlap_answered", wire::encode(&(few(vec![evaluated, element]), tags))),
        ("lent_pins", wire::encode(&rows)),
        ("consent_request", wire::encode(&([2u8; 16], purpose, attributes))),
        ("people_copy", copy),
        ("slip_code", format!("AC1:{}", "0A".repeat(48)).into_bytes()),
    ]
}
