//! Three nodes on real files: A, a treasury (Food and Cash); B, a camp (Food); T, of another organisation (Cash only).

use std::path::{Path, PathBuf};

use annona_ledger::admit::{Draft, RowProof};
use annona_ledger::amount::Amount;
use annona_ledger::charter::{
    Act, Article, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
};
use annona_ledger::entry::{Control, Entry, Lot, Method, Owner, Registry, Send, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CommodityId, CycleId, FederationId, FeedId, Lane, MerchantId, OrgId, ProgrammeId, Pseudonym,
    Purse, SiteId,
};
use annona_ledger::key::SigningKey;
use annona_ledger::list::{Builder, Row};
use annona_ledger::merkle;
use annona_ledger::notice::{
    Cycle, NodeCeiling, NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Roles,
    SignedNotice,
};
use annona_ledger::ticket::Ticket;
use annona_ledger::time::{Millis, Minute};
use annona_ledger::wire::{self, Bounded, Name as Text};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::bundle::{self, Exported, Imported, Options};
use crate::clock::Clock;
use crate::envelope;
use crate::keystore::{Name, Secret};
use crate::node::{Composed, Making, Node, Request};
use crate::seal::Cost;
use crate::store::Blob;

pub(crate) const FOOD: ProgrammeId = ProgrammeId(1);
pub(crate) const CASH: ProgrammeId = ProgrammeId(2);
pub(crate) const RICE: CommodityId = CommodityId(1);
pub(crate) const MAY: CycleId = CycleId(5);
pub(crate) const FOUNDED: Millis = Millis(1_795_000_000_000);
/// What must never be read in a bundle by a stranger.
pub(crate) const CANARY: [u8; 16] = *b"canary pseudonym";
pub(crate) const CANARY_PURSE: [u8; 16] = *b"canary purse 123";
pub(crate) const CANARY_SITE: &str = "Canaryville";

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) a: Node,
    pub(crate) b: Node,
    pub(crate) t: Node,
    pub(crate) founding: SignedArticle,
    pub(crate) notices: Vec<SignedNotice>,
}

fn text(text: &str) -> Text {
    Text::new(text).expect("a short text")
}

fn list<T, const MAX: usize>(values: impl IntoIterator<Item = T>) -> Bounded<T, MAX> {
    Bounded::new(values.into_iter().collect()).expect("within the limit")
}

pub(crate) fn amount(units: u64) -> Amount {
    Amount::new(units).expect("within the limit")
}

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn pass() -> Zeroizing<String> {
    Zeroizing::new("a passphrase for tests".to_owned())
}

pub(crate) fn clock(minute: u32) -> Clock {
    Clock::fixed(Minute(minute).begins(FOUNDED))
}

pub(crate) fn short(node: &Node) -> [u8; 8] {
    node.public().short()
}

pub(crate) fn make(dir: &Path, name: &str) -> Node {
    let heads = dir.join(format!("heads-{name}"));
    let making = Making { passphrase: &pass(), cost: Cost::FLOOR, heads: &heads };
    Node::create(&dir.join(name), &making, clock(100)).expect("a new folder")
}

pub(crate) fn reopen(dir: &Path, name: &str) -> Node {
    reopen_at(dir, name, 200)
}

pub(crate) fn reopen_at(dir: &Path, name: &str, minute: u32) -> Node {
    let heads = dir.join(format!("heads-{name}"));
    Node::open(&dir.join(name), &pass(), &heads, clock(minute)).expect("opens")
}

pub(crate) fn certify(
    node: &Node,
    federation: &FederationId,
    org: u8,
    programmes: &[ProgrammeId],
) -> SignedNotice {
    replacing(node, federation, org, programmes, None)
}

/// A certificate of a node that took the place of another.
pub(crate) fn replacing(
    node: &Node,
    federation: &FederationId,
    org: u8,
    programmes: &[ProgrammeId],
    replaces: Option<[u8; 8]>,
) -> SignedNotice {
    let signing = node.signing_key(Name::NodeSigning).expect("a key");
    let transport = node.signing_key(Name::NodeTransport).expect("a key").public();
    let secret = node.keys().get(Name::NodeSealing).and_then(Secret::as_seed).expect("a secret");
    let sealing = envelope::public(secret).expect("a key");
    let org_id = OrgId(org.into());
    let ceilings = programmes.iter().map(|programme| NodeCeiling {
        programme: *programme,
        commodity: RICE,
        rights: amount(100_000),
        float: amount(1_000),
        unverified: amount(10_000),
    });
    let certificate = NodeCertificate {
        org: org_id,
        node: signing.public(),
        transport,
        sealing,
        site: SiteId(1),
        site_name: text(CANARY_SITE),
        roles: Roles::TREASURY.and(Roles::REGISTRAR).and(Roles::MERCHANT).and(Roles::WITNESS),
        programmes: list(programmes.iter().copied()),
        ceilings: list(ceilings),
        issued: Minute(1),
        not_after: Minute(1_000_000),
        replaces,
        acceptance: NodeCertificate::accept(&signing, federation, org_id, &transport, &sealing),
    };
    Notice::Node(certificate).sign(federation, &key(org))
}

fn programme(id: ProgrammeId, name: &str) -> Act {
    let rice = Commodity {
        id: RICE,
        name: text("Rice"),
        unit: Unit::Item { measure: text("kg"), minor_digits: 3 },
    };
    let risk = Risk::default();
    Act::Programme { id, org: OrgId(1), name: text(name), commodities: list([rice]), risk }
}

impl World {
    /// Founded and certified; every node knows charter and notices, and nothing is written yet.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let (a, b, t) = (make(dir.path(), "a"), make(dir.path(), "b"), make(dir.path(), "t"));
        let organisations = [1u8, 2, 3].map(|n| Organisation {
            id: OrgId(n.into()),
            name: text(&format!("Organisation {n}")),
            key: key(n).public(),
            recovery: key(100 + n).public(),
        });
        let budget = Act::Budget {
            programme: FOOD,
            cycle: MAY,
            treasury: short(&a),
            lines: list([Line { commodity: RICE, amount: amount(50_000) }]),
        };
        let found = Act::Found {
            name: text("Lake camps"),
            founded: FOUNDED,
            quorum: 2,
            organisations: list(organisations),
        };
        let ceilings = [1u16, 2, 3].into_iter().flat_map(|org| {
            [FOOD, CASH].map(|programme| Act::Ceiling {
                org: OrgId(org),
                programme,
                commodity: RICE,
                rights: amount(1_000_000),
                float: amount(10_000),
            })
        });
        let acts = [found, programme(FOOD, "Food"), programme(CASH, "Cash")].into_iter();
        let acts = list(acts.chain(ceilings).chain([budget]));
        let article = Article { epoch: 0, previous: Hash::ZERO, acts };
        let federation = article.founds();
        let by = [1u8, 2, 3].map(|n| (OrgId(n.into()), article.sign(&federation, &key(n))));
        let founding = SignedArticle { article, signatures: list(by) };
        let may = Cycle {
            programme: FOOD,
            cycle: MAY,
            opens: Minute(1),
            closes: Minute(100_000),
            expires: Minute(200_000),
        };
        let mut notices = vec![
            certify(&a, &federation, 1, &[FOOD, CASH]),
            certify(&b, &federation, 2, &[FOOD]),
            certify(&t, &federation, 3, &[CASH]),
            Notice::Cycle(may).sign(&federation, &key(1)),
        ];
        for seed in [51, 52] {
            let operator = OperatorCertificate {
                org: OrgId(1),
                operator: key(seed).public(),
                site: SiteId(1),
                roles: OperatorRoles::APPROVER,
                programmes: list([FOOD]),
                issued: Minute(1),
                not_after: Minute(1_000_000),
            };
            notices.push(Notice::Operator(operator).sign(&federation, &key(1)));
        }
        let mut world = Self { dir, a, b, t, founding, notices };
        let (founding, notices) = (world.founding.clone(), world.notices.clone());
        for node in [&mut world.a, &mut world.b, &mut world.t] {
            node.apply_article(&founding).expect("a good founding");
            for notice in &notices {
                node.learn(notice).expect("a good notice");
            }
        }
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::create_dir_all(&path).expect("a folder");
        path
    }

    pub(crate) fn federation(&self) -> FederationId {
        self.founding.article.founds()
    }

    /// A distribution: budget claimed, a list frozen, issued, half of it sent to B, some of it redeemed.
    pub(crate) fn distribute(&mut self, rows: u32) {
        let a = &mut self.a;
        let (value, control) = (a.feed(Lane::Value, FOOD), a.feed(Lane::Control, ProgrammeId(0)));
        let rows: Vec<Row> = (0..rows)
            .map(|row| {
                let mut purse = CANARY_PURSE;
                purse[12..].copy_from_slice(&row.to_be_bytes());
                let purse = if row == 0 { Purse(CANARY_PURSE) } else { Purse(purse) };
                Row { row, purse, commodity: RICE, amount: amount(10) }
            })
            .collect();
        let mut builder = Builder::new();
        rows.iter().for_each(|row| builder.push(row).expect("rows in order"));
        let node = short(a);
        let draft = builder.finish(node, FOOD, MAY, Minute(100)).expect("a list");
        let bytes: Vec<u8> = rows.iter().flat_map(wire::encode).collect();
        a.store().put_blob(Blob::ListRows, &draft.root, &bytes).expect("kept");
        let federation = a.federation().expect("founded");
        let mut by = [key(51), key(52)];
        by.sort_by_key(SigningKey::public);
        let approvals = by.map(|key| draft.approve(&federation, &key));
        let [one, other] = approvals;
        let frozen = draft.approved(one, other);
        write(a, control, vec![Control::List(Box::new(frozen)).into()]);
        let ticket = Box::new(Ticket::Budget { epoch: 0, act: 9, line: 0 });
        let merchant = MerchantId([8; 16]);
        write(
            a,
            value,
            vec![
                Value::Claim { ticket, at: Minute(100) }.into(),
                Value::Merchant { merchant }.into(),
            ],
        );
        let leaves: Vec<Hash> = rows.iter().map(Row::leaf).collect();
        for row in &rows {
            let issue = Value::Issue {
                from: Lot(0),
                list: 0,
                row: row.row,
                purse: row.purse,
                amount: row.amount,
                expires: Minute(90_000),
                at: Minute(100),
            };
            let path = merkle::path(&leaves, row.row).expect("a row of the list");
            let proof = Some(RowProof { row: *row, path });
            let draft = Draft { entry: issue.into(), row: proof };
            write(a, value, vec![Composed { draft, evidence: None, asked: None }]);
        }
        for row in &rows {
            let lot = Lot(2 + u64::from(row.row));
            let entry = if row.row % 2 == 0 {
                Value::Redeem {
                    lot,
                    amount: amount(3),
                    merchant: 0,
                    at: Minute(100),
                    method: Method::Sight,
                }
            } else {
                Value::Send(Send {
                    from: lot,
                    to: short(&self.b),
                    owner: Owner::Purse(row.purse),
                    cycle: MAY,
                    commodity: RICE,
                    amount: amount(4),
                    expires: Minute(90_000),
                    at: Minute(100),
                })
            };
            let evidence = Some(vec![0x5a; 40]);
            write(
                a,
                value,
                vec![Composed { draft: Draft::from(Entry::from(entry)), evidence, asked: None }],
            );
        }
        a.seal_all().expect("sealed");
    }
}

/// Writes entries one by one.
pub(crate) fn write(node: &mut Node, feed: FeedId, composed: Vec<Composed>) {
    for one in composed {
        let compose =
            Box::new(move |_: &crate::store::Work<'_>, _: &FeedId, _| Ok(vec![one.clone()]));
        let answers = node.write(&mut [Request { feed, compose }]).expect("the disk holds");
        answers.into_iter().for_each(|answer| drop(answer.expect("a good entry")));
    }
}

pub(crate) fn enrol(node: &mut Node, programme: ProgrammeId, who: [u8; 16]) {
    let feed = node.feed(Lane::Registry, programme);
    let entry = Registry::Enrol { pseudonym: Pseudonym(who), at: Minute(100) };
    write(node, feed, vec![Entry::from(entry).into()]);
}

/// Enrols and seals one block for each.
pub(crate) fn enrol_blocks(node: &mut Node, programme: ProgrammeId, blocks: u8) {
    for n in 0..blocks {
        for i in 0..3u8 {
            let mut who = CANARY;
            who[0] = n;
            who[1] = i;
            enrol(node, programme, who);
        }
        node.seal_all().expect("sealed");
    }
}

pub(crate) fn export(from: &mut Node, to: &[[u8; 8]], folder: &Path) -> Exported {
    export_with(from, to, folder, &Options::default())
}

pub(crate) fn export_with(
    from: &mut Node,
    to: &[[u8; 8]],
    folder: &Path,
    options: &Options,
) -> Exported {
    bundle::export(from, to, options, folder, &mut |_, _| true).expect("exports")
}

pub(crate) fn import(into: &mut Node, files: &[PathBuf]) -> Imported {
    bundle::import(into, files, None, &mut |_, _| true).expect("the folder holds")
}

pub(crate) fn root(node: &Node) -> Hash {
    node.store().root().expect("a root")
}

pub(crate) fn faults(imported: &Imported) -> Vec<&'static str> {
    imported.parts.iter().flat_map(|part| part.faults.iter().map(|f| f.name())).collect()
}
