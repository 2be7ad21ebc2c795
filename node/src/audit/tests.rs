use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use annona_ledger::amount::Amount;
use annona_ledger::audit::verdict::{FileProblem, Problem};
use annona_ledger::audit::{Options, Verdict};
use annona_ledger::block::{Block, BlockFault, Draft, Evidence};
use annona_ledger::charter::{
    Act, Article, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
};
use annona_ledger::entry::{Control, Entry, Lot, Method, Owner, Send, Value};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CommodityId, CycleId, FederationId, FeedId, Lane, MerchantId, OrgId, ProgrammeId, Purse, SiteId,
};
use annona_ledger::key::SigningKey;
use annona_ledger::list::{Builder, Row};
use annona_ledger::notice::{
    Cycle, NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Roles, SignedNotice,
};
use annona_ledger::sync::frame::Frame;
use annona_ledger::ticket::{Moved, Sent, Ticket, sign_place};
use annona_ledger::time::{Hlc, Millis, Minute};
use annona_ledger::view::Fault;
use annona_ledger::wire::{Bounded, Name};

use super::export::ExportFault;
use super::*;
use crate::config::Zone;
use crate::store::StoreFault;

mod copied;
mod doubts;
mod grades;
mod lacking;
mod patterns;
mod questions;
mod stopped;

const P: ProgrammeId = ProgrammeId(1);
const CASH: CommodityId = CommodityId(1);

fn key(seed: u16) -> SigningKey {
    let mut bytes = [7u8; 32];
    bytes[..2].copy_from_slice(&seed.to_be_bytes());
    SigningKey::from_seed(&bytes)
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a short name")
}

fn amount(units: u64) -> Amount {
    Amount::new(units).expect("below the limit")
}

fn many<T, const N: usize>(values: Vec<T>) -> Bounded<T, N> {
    Bounded::new(values).expect("few enough")
}

/// A camp of some sites that serve: what an audit file is written from in these tests and measurements.
pub(crate) struct Camp {
    federation: FederationId,
    article: SignedArticle,
    later: Vec<SignedArticle>,
    notices: Vec<SignedNotice>,
    pub(crate) feeds: BTreeMap<FeedId, Vec<Block>>,
}

impl Ledger for Camp {
    fn federation(&self) -> Result<FederationId, StoreFault> {
        Ok(self.federation)
    }
    fn articles(&self) -> Result<Vec<SignedArticle>, StoreFault> {
        Ok(std::iter::once(&self.article).chain(&self.later).cloned().collect())
    }
    fn notices(&self) -> Result<Vec<SignedNotice>, StoreFault> {
        Ok(self.notices.clone())
    }
    fn feeds(&self) -> Result<Vec<FeedId>, StoreFault> {
        Ok(self.feeds.keys().copied().collect())
    }
    fn blocks(
        &self,
        feed: &FeedId,
        each: &mut dyn FnMut(Block, Option<Evidence>) -> Result<(), ExportFault>,
    ) -> Result<(), ExportFault> {
        let blocks = self.feeds.get(feed).into_iter().flatten();
        blocks.cloned().try_for_each(|block| each(block, None))
    }
}

/// A feed being written.
struct Pen<'a> {
    key: &'a SigningKey,
    federation: FederationId,
    feed: FeedId,
    head: Head,
    sealed: Head,
    open: Vec<Vec<u8>>,
    /// How much of the charter it says it knows.
    epoch: u32,
    blocks: Vec<Block>,
}

impl<'a> Pen<'a> {
    fn new(key: &'a SigningKey, federation: FederationId, lane: Lane, p: ProgrammeId) -> Self {
        let feed = FeedId { node: key.public(), lane, programme: p };
        let head = Head::start(&federation, &feed);
        Self {
            key,
            federation,
            feed,
            head,
            sealed: head,
            open: Vec::new(),
            epoch: 0,
            blocks: Vec::new(),
        }
    }

    fn write(&mut self, entry: impl Into<Entry>) -> u64 {
        let bytes = entry.into().encode();
        let index = self.head.next;
        self.head = self.head.after(&bytes);
        self.open.push(bytes);
        if self.open.len() == 256 {
            self.seal();
        }
        index
    }

    fn seal(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let draft = Draft {
            feed: self.feed,
            seq: self.blocks.len() as u64,
            start: self.sealed,
            entries: &self.open,
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch: self.epoch,
            hlc: Hlc::default(),
        };
        self.blocks.push(draft.seal(self.key, &self.federation).expect("entries fit a block"));
        self.sealed = self.head;
        self.open.clear();
    }

    fn send(&mut self, send: Send) -> Sent {
        let before = self.head;
        self.write(Value::Send(send));
        let signature = sign_place(self.key, &self.federation, &self.feed, &self.head);
        let node = self.feed.node.short();
        let (index, before) = (before.next, before.accumulator);
        Sent { node, index, before, moved: Moved::Send(send), signature }
    }

    fn done(mut self, feeds: &mut BTreeMap<FeedId, Vec<Block>>) {
        self.seal();
        feeds.insert(self.feed, self.blocks);
    }
}

/// Builds a camp: a treasury, `sites` sites with `lots` lots each, and `redemptions` at each, with refunds (2 %), tickets
/// to the next site (1 %) and baskets (5 %).
pub(crate) fn camp(sites: u16, lots: u32, redemptions: u32) -> Camp {
    let treasury = key(1);
    let nodes: Vec<SigningKey> = (0..sites).map(|n| key(1_000 + n)).collect();
    let all: Vec<&SigningKey> = std::iter::once(&treasury).chain(&nodes).collect();
    let org = |id: u16| Organisation {
        id: OrgId(id),
        name: name(&format!("Org {id}")),
        key: key(100 + id).public(),
        recovery: key(200 + id).public(),
    };
    let unit = Unit::Currency { code: *b"USD", minor_digits: 2 };
    let each = u64::from(redemptions / lots.max(1) + 2) * 300;
    let per_site = u64::from(lots) * each;
    let budget = amount(per_site * u64::from(sites));
    let acts = vec![
        Act::Found {
            name: name("Test"),
            founded: Millis(1_795_000_000_000),
            quorum: 2,
            organisations: many(vec![org(1), org(2)]),
        },
        Act::Programme {
            id: P,
            org: OrgId(1),
            name: name("Food"),
            commodities: many(vec![Commodity { id: CASH, name: name("Cash"), unit }]),
            risk: Risk::default(),
        },
        Act::Budget {
            programme: P,
            cycle: CycleId(1),
            treasury: treasury.public().short(),
            lines: many(vec![Line { commodity: CASH, amount: budget }]),
        },
    ];
    let article = Article { epoch: 0, previous: Hash::ZERO, acts: many(acts) };
    let federation = article.founds();
    let sign = |id: u16| (OrgId(id), article.sign(&federation, &key(100 + id)));
    let signatures = many(vec![sign(1), sign(2)]);
    let article = SignedArticle { article, signatures };
    let mut notices = Vec::new();
    for (number, node) in (1u16..).zip(&all) {
        let org = OrgId(1 + number % 2);
        let (transport, sealing) = (key(5_000 + number).public(), [number as u8; 32]);
        let certificate = NodeCertificate {
            org,
            node: node.public(),
            transport,
            sealing,
            site: SiteId(number),
            site_name: name(&format!("Site {number}")),
            roles: Roles::TREASURY.and(Roles::REGISTRAR).and(Roles::MERCHANT),
            programmes: many(vec![P]),
            ceilings: Bounded::empty(),
            issued: Minute(0),
            not_after: Minute(10_000_000),
            replaces: None,
            acceptance: NodeCertificate::accept(node, &federation, org, &transport, &sealing),
        };
        notices.push(Notice::Node(certificate).sign(&federation, &key(100 + org.0)));
    }
    let operators = [key(90), key(91)];
    for operator in &operators {
        let certificate = OperatorCertificate {
            org: OrgId(1),
            operator: operator.public(),
            site: SiteId(1),
            roles: OperatorRoles::APPROVER,
            programmes: many(vec![P]),
            issued: Minute(0),
            not_after: Minute(10_000_000),
        };
        notices.push(Notice::Operator(certificate).sign(&federation, &key(101)));
    }
    let (opens, closes, expires) = (Minute(1), Minute(5_000_000), Minute(6_000_000));
    let cycle = Cycle { programme: P, cycle: CycleId(1), opens, closes, expires };
    notices.push(Notice::Cycle(cycle).sign(&federation, &key(101)));
    notices.sort_by_key(|signed| signed.notice.hash());
    let mut feeds = BTreeMap::new();

    let mut pen = Pen::new(&treasury, federation, Lane::Value, P);
    let ticket = Ticket::Budget { epoch: 0, act: 2, line: 0 };
    let lot = pen.write(Value::Claim { ticket: Box::new(ticket), at: Minute(10) });
    let budget_to = |node: &SigningKey| Send {
        from: Lot(lot),
        to: node.public().short(),
        owner: Owner::Budget,
        cycle: CycleId(1),
        commodity: CASH,
        amount: amount(per_site),
        expires: Minute::NEVER,
        at: Minute(11),
    };
    let sent: Vec<Sent> = nodes.iter().map(|node| pen.send(budget_to(node))).collect();
    pen.done(&mut feeds);
    let mut coming: Vec<Vec<Sent>> = nodes.iter().map(|_| Vec::new()).collect();
    for (site, node) in nodes.iter().enumerate() {
        let mut rows = Builder::new();
        let purse = |row: u32| {
            let mut purse = [site as u8; 16];
            purse[..4].copy_from_slice(&row.to_be_bytes());
            Purse(purse)
        };
        for row in 0..lots {
            let row = Row { row, purse: purse(row), commodity: CASH, amount: amount(each) };
            rows.push(&row).expect("rows in order");
        }
        let draft = rows.finish(node.public().short(), P, CycleId(1), Minute(12)).expect("rows");
        let [one, other] = [&operators[0], &operators[1]].map(|o| draft.approve(&federation, o));
        let mut pen = Pen::new(node, federation, Lane::Control, ProgrammeId::NONE);
        pen.write(Control::List(Box::new(draft.approved(one, other))));
        pen.done(&mut feeds);

        let mut pen = Pen::new(node, federation, Lane::Value, P);
        pen.write(Value::Merchant { merchant: MerchantId([1; 16]) });
        let ticket = Box::new(Ticket::Sent(sent[site], Bounded::empty()));
        let budget = Lot(pen.write(Value::Claim { ticket, at: Minute(20) }));
        let mut open = Vec::new();
        for row in 0..lots {
            let issue = Value::Issue {
                from: budget,
                list: 0,
                row,
                purse: purse(row),
                amount: amount(each),
                expires: Minute(1_000_000),
                at: Minute(30),
            };
            open.push(pen.write(issue));
        }
        let mut claims = std::mem::take(&mut coming[site]).into_iter();
        for n in 0..redemptions {
            let at = Minute(100 + n / 20);
            let lot = Lot(open[(n as usize * 7_919) % open.len()]);
            if n % 20 == 0 {
                // A basket and its entry share a block.
                if pen.open.len() == 255 {
                    pen.seal();
                }
                pen.write(Value::Basket { entries: 1 });
            }
            let redeem = pen.write(Value::Redeem {
                lot,
                amount: amount(100 + u64::from(n % 100)),
                merchant: 0,
                at,
                method: Method::Pin,
            });
            if n % 50 == 0 {
                pen.write(Value::Refund { redeem, amount: amount(50), at });
            }
            if n % 100 == 1 {
                let to = (site + 1) % nodes.len();
                let send = Send {
                    from: lot,
                    to: nodes[to].public().short(),
                    owner: Owner::Purse(purse(0)),
                    cycle: CycleId(1),
                    commodity: CASH,
                    amount: amount(1),
                    expires: Minute(1_000_000),
                    at,
                };
                // Purses differ by lot: send for the purse of that lot.
                let row = u32::try_from(open.iter().position(|o| *o == lot.0).expect("open"));
                let owner = Owner::Purse(purse(row.expect("few")));
                let sent = pen.send(Send { owner, ..send });
                if to > site {
                    coming[to].push(sent);
                }
                if let Some(sent) = claims.next() {
                    let ticket = Box::new(Ticket::Sent(sent, Bounded::empty()));
                    pen.write(Value::Claim { ticket, at });
                }
            }
        }
        pen.done(&mut feeds);
    }
    Camp { federation, article, later: Vec::new(), notices, feeds }
}

pub(crate) struct Case {
    folder: tempfile::TempDir,
    pub(crate) bytes: Vec<u8>,
}

impl Case {
    pub(crate) fn of(camp: &Camp) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("camp.audit");
        let exported = export(camp, &path).expect("a file");
        let bytes = fs::read(&path).expect("the file");
        assert_eq!(exported.bytes, bytes.len() as u64);
        Self { folder, bytes }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("changed.audit")
    }

    pub(crate) fn audit(&self, bytes: &[u8]) -> Verdict {
        fs::write(self.path(), bytes).expect("written");
        whole(&self.path())
    }

    /// Offsets and kinds of the frames.
    fn frames(&self) -> Vec<(usize, usize, u8)> {
        let mut at = 48;
        let mut frames = Vec::new();
        while at < self.bytes.len() {
            let len = u32::from_be_bytes(self.bytes[at..at + 4].try_into().expect("four"));
            let next = at + 4 + len as usize;
            frames.push((at, next, self.bytes[at + 4]));
            at = next;
        }
        frames
    }
}

fn whole(path: &Path) -> Verdict {
    let file = AuditFile::open(path).expect("a file that opens");
    let root = Options { root: true, ..Options::default() };
    let verdict = audit(&file, &root, 2, &|_| {}, &AtomicBool::new(false));
    let alone = annona_ledger::audit::run(&file, &root);
    assert_eq!(verdict, alone, "threads change nothing");
    verdict
}

#[test]
fn a_good_file_is_good_in_every_sum() {
    let camp = camp(3, 20, 200);
    let case = Case::of(&camp);
    let verdict = case.audit(&case.bytes);
    assert_eq!(verdict.findings, Vec::new());
    assert!(verdict.is_good());
    assert_eq!(verdict.federation, Some(camp.federation));
    assert_eq!((verdict.articles, verdict.notices, verdict.feeds), (1, 7, 7));
    assert_eq!(verdict.reached, case.bytes.len() as u64);
    let sum = &verdict.sums[&(P, CycleId(1), CASH)];
    assert_eq!(sum.given.count, 600);
    assert_eq!(sum.given.refunded.units(), 3 * 4 * 50);
    let net = sum.given.redeemed.units() - sum.given.refunded.units();
    let all = sum.lots.units() + sum.in_flight.units() + net;
    assert_eq!(all, i128::from(sum.budget.units()));
    assert_eq!(sum.in_flight.units(), 2, "the last site's sends to the first came too late");
    assert!(sum.charged.is_empty());
}

#[test]
fn every_changed_byte_is_found_at_its_frame() {
    let case = Case::of(&camp(2, 6, 30));
    let frames = case.frames();
    let mut tried = 0;
    for (from, to, kind) in &frames {
        // The length, the kind, and bytes all through the frame.
        let step = ((to - from) / 23).max(1);
        for at in (*from..*to).step_by(step) {
            let mut bytes = case.bytes.clone();
            bytes[at] ^= 0x40;
            let verdict = case.audit(&bytes);
            tried += 1;
            assert!(!verdict.is_good(), "byte {at} of a frame of kind {kind}");
            let named = verdict.findings.iter().any(|finding| {
                finding.place.offset == *from as u64
                    // A feed that is not named any more shows where it should have been; the digest, at the end.
                    || *kind == 3
                    || *kind == 12
            });
            assert!(named, "byte {at} in {from}..{to}, kind {kind}: {:?}", verdict.findings);
        }
    }
    assert!(tried > 200);
    for at in 0..48 {
        let mut bytes = case.bytes.clone();
        bytes[at] ^= 1;
        let want = if at < 16 { FileProblem::NotAuditFile } else { FileProblem::CharterElsewhere };
        let verdict = case.audit(&bytes);
        let found = |finding: &annona_ledger::audit::verdict::Finding| {
            finding.problem == Problem::File(want)
        };
        assert!(verdict.findings.iter().any(found), "byte {at}: {:?}", verdict.findings);
    }
}

#[test]
fn a_file_cut_anywhere_says_how_far_it_got() {
    let case = Case::of(&camp(1, 3, 10));
    for cut in (0..case.bytes.len()).step_by(37) {
        let verdict = case.audit(&case.bytes[..cut]);
        assert!(!verdict.complete && !verdict.is_good(), "cut at {cut}");
        assert!(verdict.reached <= cut as u64);
        let said = verdict.findings.iter().any(|finding| match finding.problem {
            Problem::File(FileProblem::Empty) => cut == 0,
            Problem::File(FileProblem::NotAuditFile) => cut < 16,
            Problem::File(FileProblem::Truncated) => cut >= 16,
            _ => false,
        });
        assert!(said, "cut at {cut}: {:?}", verdict.findings);
    }
    let mut longer = case.bytes.clone();
    longer.push(0);
    let verdict = case.audit(&longer);
    assert_eq!(verdict.findings[0].problem, Problem::File(FileProblem::Trailing));
}

#[test]
fn a_length_of_four_gigabytes_ends_the_reading_and_allocates_nothing() {
    let case = Case::of(&camp(1, 3, 10));
    let (from, ..) = case.frames()[9];
    let mut bytes = case.bytes.clone();
    bytes[from..from + 4].copy_from_slice(&u32::MAX.to_be_bytes());
    let verdict = case.audit(&bytes);
    assert_eq!(verdict.reached, from as u64);
    assert!(verdict.findings.iter().any(|finding| finding.place.offset == from as u64));
    assert!(!verdict.complete);
}

/// Writes a camp that was changed and returns what is found in it.
fn changed(camp: &mut Camp, change: impl FnOnce(&mut Camp)) -> Verdict {
    change(camp);
    let case = Case::of(camp);
    case.audit(&case.bytes)
}

fn site(camp: &Camp) -> FeedId {
    let value = |feed: &&FeedId| feed.node == key(1_000).public() && feed.lane == Lane::Value;
    *camp.feeds.keys().find(value).expect("the first site's value feed")
}

#[test]
fn a_missing_block_is_a_gap_and_the_rest_is_still_checked() {
    let mut camp = camp(2, 300, 900);
    let feed = site(&camp);
    let verdict = changed(&mut camp, |camp| {
        camp.feeds.get_mut(&feed).expect("the site").remove(2);
    });
    let gaps: Vec<_> = verdict.findings.iter().filter(|f| f.problem == Problem::Gap).collect();
    assert_eq!(gaps.len(), 1, "one hole, one finding: {:?}", verdict.findings);
    assert_eq!((gaps[0].place.feed, gaps[0].place.seq), (Some(feed.short()), Some(3)));
    assert_eq!(verdict.unchecked.len(), 1);
    assert_eq!(verdict.unchecked[0].feed, feed.short());
    assert!(verdict.unchecked[0].unfolded > 0);
    assert!(verdict.complete, "the audit went on to the end");
    assert_eq!(verdict.unchecked_programmes(), [P]);
}

#[test]
fn blocks_in_another_order_are_said_to_be_so() {
    let mut camp = camp(1, 300, 900);
    let feed = site(&camp);
    let verdict = changed(&mut camp, |camp| {
        camp.feeds.get_mut(&feed).expect("the site").swap(1, 2);
    });
    assert_eq!(verdict.findings.first().map(|f| f.problem.clone()), Some(Problem::Gap));
}

#[test]
fn a_certificate_of_no_ones_makes_its_feed_unchecked() {
    let mut camp = camp(2, 5, 20);
    let verdict = changed(&mut camp, |camp| {
        let forged = camp.notices.iter_mut().find_map(|signed| match &signed.notice {
            Notice::Node(c) if c.node == key(1_000).public() => Some(signed),
            _ => None,
        });
        let forged = forged.expect("the first site's certificate");
        *forged = forged.notice.clone().sign(&camp.federation, &key(77));
    });
    let feed = site(&camp);
    let mut notices = verdict.findings.iter().map(|f| &f.problem);
    assert!(notices.any(|p| matches!(p, Problem::Notice { .. })), "{:?}", verdict.findings);
    let uncertified = |f: &&annona_ledger::audit::verdict::Finding| {
        f.problem == Problem::NotCertified && f.place.feed == Some(feed.short())
    };
    assert!(verdict.findings.iter().any(|f| uncertified(&f)));
    assert!(verdict.unchecked.iter().any(|u| u.feed == feed.short() && u.no_certificate));
}

#[test]
fn organisations_that_sign_two_articles_for_one_epoch_are_named() {
    let camp = camp(1, 3, 10);
    let case = Case::of(&camp);
    let (from, to, kind) = case.frames()[0];
    assert_eq!(kind, 1);
    let article = |quorum: u8| {
        let acts = vec![Act::Leave { org: OrgId(2), quorum }];
        let previous = camp.article.article.hash();
        let article = Article { epoch: 1, previous, acts: many(acts) };
        let sign = |id: u16| (OrgId(id), article.sign(&camp.federation, &key(100 + id)));
        let signatures = many(vec![sign(1), sign(2)]);
        Frame::Article(Box::new(SignedArticle { article, signatures })).encode().expect("fits")
    };
    let one = article(1);
    let other = {
        let acts = vec![Act::Rotate { org: OrgId(1), key: key(999).public() }];
        let previous = camp.article.article.hash();
        let article = Article { epoch: 1, previous, acts: many(acts) };
        let sign = |id: u16| (OrgId(id), article.sign(&camp.federation, &key(100 + id)));
        let signatures = many(vec![sign(1), sign(2)]);
        Frame::Article(Box::new(SignedArticle { article, signatures })).encode().expect("fits")
    };
    let mut bytes = case.bytes[..to].to_vec();
    bytes.extend_from_slice(&one);
    let second = bytes.len() as u64;
    bytes.extend_from_slice(&other);
    bytes.extend_from_slice(&case.bytes[to..]);
    let verdict = case.audit(&bytes);
    let fork = Problem::ArticleFork { epoch: 1, orgs: vec![OrgId(1), OrgId(2)] };
    let found = verdict.findings.iter().find(|finding| finding.problem == fork);
    assert_eq!(found.map(|f| f.place.offset), Some(second), "{:?}", verdict.findings);
    assert!(from < to);
}

#[test]
fn a_file_of_another_federation_than_asked_for_is_refused_by_name() {
    let case = Case::of(&camp(1, 3, 10));
    fs::write(case.path(), &case.bytes).expect("written");
    let file = AuditFile::open(&case.path()).expect("opens");
    let federation = Some(FederationId(Hash([9; 32])));
    let options = Options { federation, ..Options::default() };
    let verdict = audit(&file, &options, 2, &|_| {}, &AtomicBool::new(false));
    let other = |p: &Problem| matches!(p, Problem::File(FileProblem::OtherFederation(_)));
    assert!(verdict.findings.iter().any(|finding| other(&finding.problem)));
}

#[test]
fn an_entry_signed_over_but_against_the_rules_is_named_and_charged() {
    let mut camp = camp(1, 3, 10);
    let node = key(1_000);
    let feed = site(&camp);
    let verdict = changed(&mut camp, |camp| {
        let blocks = camp.feeds.get_mut(&feed).expect("the site");
        let last = blocks.last().expect("a block").header;
        let mut pen = Pen::new(&node, camp.federation, Lane::Value, P);
        pen.head = last.end();
        pen.sealed = pen.head;
        let redeem = |lot| Value::Redeem {
            lot: Lot(lot),
            amount: amount(1_000_000),
            merchant: 0,
            at: Minute(900),
            method: Method::Pin,
        };
        pen.write(redeem(2));
        let draft = Draft {
            feed,
            seq: last.seq + 1,
            start: pen.sealed,
            entries: &pen.open,
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch: 0,
            hlc: Hlc::default(),
        };
        blocks.push(draft.seal(&node, &camp.federation).expect("one entry"));
    });
    let found = &verdict.findings[0];
    assert_eq!(found.problem, Problem::Rule(Fault::Short));
    assert_eq!((found.place.feed, found.place.seq), (Some(feed.short()), Some(1)));
    assert!(found.place.index.is_some());
    let charged = &verdict.sums[&(P, CycleId(1), CASH)].charged;
    assert_eq!(charged.len(), 1, "{charged:?}");
    assert_eq!(charged[0].node, node.public().short());
    assert_eq!(charged[0].org, Some(OrgId(1)));
}

#[test]
fn a_block_is_held_to_its_header() {
    let mut camp = camp(1, 3, 10);
    let feed = site(&camp);
    let verdict = changed(&mut camp, |camp| {
        let block = &mut camp.feeds.get_mut(&feed).expect("the site")[0];
        block.header.frontier_root = Hash([1; 32]);
    });
    assert!(
        verdict
            .findings
            .iter()
            .any(|finding| finding.problem == Problem::Block(BlockFault::Signature))
    );
}

#[test]
fn an_audit_that_is_stopped_says_so() {
    let case = Case::of(&camp(2, 3, 10));
    fs::write(case.path(), &case.bytes).expect("written");
    let file = AuditFile::open(&case.path()).expect("opens");
    let verdict = audit(&file, &Options::default(), 2, &|_| {}, &AtomicBool::new(true));
    assert!(!verdict.complete && !verdict.is_good());
    assert!(verdict.findings.iter().any(|f| f.problem == Problem::File(FileProblem::Stopped)));
}

/// The first redemption of the first site that has a ticket behind its lot: index, and the file.
fn a_redemption(camp: &Camp, case: &Case) -> (AuditFile, annona_ledger::id::FeedRef, u64) {
    fs::write(case.path(), &case.bytes).expect("written");
    let file = AuditFile::open(&case.path()).expect("opens");
    let feed = site(camp);
    let verified = camp.feeds[&feed][0].verify(&camp.federation, &feed).expect("a good block");
    let redeem = |placed: &&annona_ledger::block::Placed| {
        matches!(placed.entry, Entry::Value(Value::Redeem { .. }))
    };
    let index = verified.entries().iter().find(redeem).expect("a redemption").index;
    (file, feed.short(), index)
}

#[test]
fn a_proof_convinces_a_stranger_and_no_changed_proof_does() {
    let camp = camp(2, 3, 20);
    let case = Case::of(&camp);
    let (file, feed, index) = a_redemption(&camp, &case);
    let proof = prove(&file, &feed, index, None).expect("a proof");
    assert_eq!(proof.receipt.provenance.len(), 1, "the treasury's send stands behind the lot");
    let bytes = proof.encode();
    let checked = check_proof(&bytes, Some(camp.federation), Zone::default());
    assert!(checked.proven, "{:?}", checked.words);
    assert_eq!((checked.index, checked.feed), (index, feed.to_string()));
    assert!(checked.words.last().expect("words").contains("handed out"));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        assert!(!check_proof(&changed, Some(camp.federation), Zone::default()).proven, "byte {at}");
    }
    for cut in 0..bytes.len() {
        assert!(!check_proof(&bytes[..cut], None, Zone::default()).proven, "cut at {cut}");
    }
    let elsewhere = Some(FederationId(Hash([9; 32])));
    assert!(!check_proof(&bytes, elsewhere, Zone::default()).proven);
    let none = prove(&file, &feed, 1_000_000, None);
    assert_eq!(none, Err(LookFault::NoEntry { feed, index: 1_000_000 }));
}

#[test]
fn a_trail_leads_from_the_vote_to_the_counter_and_back() {
    let camp = camp(2, 3, 60);
    let case = Case::of(&camp);
    let (file, feed, index) = a_redemption(&camp, &case);
    let trail = trace(&file, &feed, index, None, Zone::default()).expect("a trail");
    let words: Vec<&str> = trail.came.iter().map(|step| step.words.as_str()).collect();
    for (step, word) in words.iter().zip(["votes", "takes up", "sends", "takes up", "issues"]) {
        assert!(step.contains(word), "{step} has no {word}: {words:#?}");
    }
    assert_eq!(words.len(), 5, "{words:#?}");
    assert!(words[0].contains("USD"), "{}", words[0]);
    assert!(!trail.cut);
    assert!(trail.entry.expect("the entry").words.contains("hands out 1.00 USD"));
    assert!(trail.went[0].words.contains("takes back 0.50 USD"), "{:?}", trail.went);
    // On from a lot: what was handed out of it, and what went on to the other site and was taken up there.
    let lot = trace(&file, &feed, 3, None, Zone::default()).expect("a trail");
    assert!(lot.went.iter().any(|step| step.words.contains("hands out")));
    let all: Vec<Step> = [2, 3, 4]
        .into_iter()
        .flat_map(|lot| trace(&file, &feed, lot, None, Zone::default()).expect("a trail").went)
        .collect();
    assert!(all.iter().any(|step| step.words.contains("sends 0.01 USD")), "{all:#?}");
}

#[test]
fn a_store_is_audited_and_exported_like_the_file_it_came_from() {
    let camp = camp(2, 20, 200);
    let case = Case::of(&camp);
    let path = case.folder.path().join("ledger");
    let mut store = crate::store::Store::create(&path).expect("a store");
    store.apply_article(&camp.article).expect("the charter");
    for notice in &camp.notices {
        store.learn(notice).expect("a notice");
    }
    for (feed, blocks) in &camp.feeds {
        for block in blocks {
            let mut work = store.begin().expect("a transaction");
            work.receive(feed, block, None).expect("a block");
            work.commit().expect("committed");
        }
    }
    let root = store.root().expect("a root");
    let copy = case.folder.path().join("copy.audit");
    export(&store, &copy).expect("exported");
    assert_eq!(fs::read(&copy).expect("the copy"), case.bytes, "the same ledger, the same bytes");
    let options = Options { root: true, ..Options::default() };
    let source = StoreSource::open(&path).expect("opens");
    let of_store = audit(&source, &options, 2, &|_| {}, &AtomicBool::new(false));
    assert_eq!(of_store.findings, Vec::new());
    assert!(of_store.is_good());
    let of_file = case.audit(&case.bytes);
    assert_eq!(of_store.sums, of_file.sums);
    assert_eq!((of_store.root, of_file.root), (Some(root), Some(root)), "and the same state");
}

/// `ANNONA_MEASURE=FILE cargo test --release -p annona-node audit::tests::measure -- --ignored --nocapture`: writes a million
/// redemptions to the file if it is not there, then reads it.
#[test]
#[ignore = "a measurement"]
#[expect(clippy::print_stdout, reason = "a measurement is printed")]
fn measure() {
    use std::time::Instant;
    let path = PathBuf::from(std::env::var_os("ANNONA_MEASURE").expect("a path"));
    let millions = std::env::var("ANNONA_MILLIONS").ok().and_then(|m| m.parse().ok());
    let millions: u32 = millions.unwrap_or(1);
    if !path.exists() {
        export(&camp(40, 6_250, 25_000 * millions), &path).expect("written");
        println!("written: run again");
        return;
    }
    let file = AuditFile::open(&path).expect("opens");
    for threads in [1, 2] {
        let cpu = || {
            // User and system time in ticks of ten milliseconds: fields 14 and 15, after the name in brackets.
            let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
            let fields: Vec<u64> =
                stat.split_whitespace().skip(13).take(2).filter_map(|n| n.parse().ok()).collect();
            fields.iter().sum::<u64>() * 10
        };
        let (start, before) = (Instant::now(), cpu());
        let verdict = audit(&file, &Options::default(), threads, &|_| {}, &AtomicBool::new(false));
        let took = start.elapsed();
        println!(
            "{threads} threads: {took:?} ({} ms of processor) for {} entries in {} blocks, {} signatures, {} findings",
            cpu() - before,
            verdict.entries,
            verdict.blocks,
            verdict.signatures,
            verdict.findings.len()
        );
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    let key = key(1);
    let public = key.public();
    use annona_ledger::key::Context;
    let signature = key.sign(Context::Promise, &[], &[1; 40]);
    let start = Instant::now();
    let n = 20_000u32;
    let good = (0..n).filter(|_| public.verifies(Context::Promise, &[], &[1; 40], &signature));
    assert_eq!(good.count(), n as usize);
    println!("one verify_strict: {:?}", start.elapsed() / n);
    let conn = rusqlite::Connection::open_in_memory().expect("memory");
    conn.execute_batch("CREATE TABLE block(id INTEGER PRIMARY KEY, body BLOB)").expect("a table");
    use annona_ledger::audit::{Item, Source};
    let mut blocks = Vec::new();
    for feed in file.feeds() {
        file.items(&feed, &mut |_, item| {
            if let Item::Block(block) = item {
                conn.execute("INSERT INTO block(body) VALUES(?1)", [&*block.body]).expect("row");
                blocks.push((feed.lane, block.header));
            }
            true
        });
    }
    let start = Instant::now();
    let mut rows = conn.prepare("SELECT body FROM block ORDER BY id").expect("a query");
    let mut rows = rows.query([]).expect("rows");
    let mut entries = 0u64;
    let mut headers = blocks.iter();
    while let Some(row) = rows.next().expect("a row") {
        let body = row.get_ref(0).expect("a column").as_blob().expect("a blob");
        let (_, header) = headers.next().expect("a header");
        // Entries of the average length: the bare loop knows no entry from another.
        let mut head = header.start();
        let size = body.len().div_ceil(usize::from(header.count)).max(1);
        for entry in body.chunks(size) {
            head = head.after(entry);
            entries += 1;
        }
        std::hint::black_box(head);
    }
    println!("scan and two BLAKE3 an entry, one thread: {:?} for {entries}", start.elapsed());
}
