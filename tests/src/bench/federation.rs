//! Three organisations, one treasury and forty sites, each a node in a folder of its own.

use std::path::{Path, PathBuf};

use annona_ledger::amount::Amount;
use annona_ledger::charter::{
    Act, Article, Charter, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, Lane, OrgId, ProgrammeId, SiteId};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::{
    Cycle, NodeCeiling, NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Roles,
};
use annona_ledger::time::{Millis, Minute};
use annona_ledger::wire::{Bounded, Name};
use annona_node::clock::Clock;
use annona_node::envelope;
use annona_node::keystore::{Name as Key, Secret};
use annona_node::node::{Compose, Making, Node, Request};
use annona_node::seal::Cost;
use annona_node::store::Accepted;
use zeroize::Zeroizing;

use super::Fault;

/// The programme.
pub const CASH: ProgrammeId = ProgrammeId(1);
/// Its currency.
pub const USD: CommodityId = CommodityId(1);
/// Its item.
pub const RICE: CommodityId = CommodityId(2);
/// Both.
pub const COMMODITIES: [CommodityId; 2] = [USD, RICE];
/// Cycles opened, one after the other.
pub const CYCLES: u16 = 12;
/// Sites, each with one value feed.
pub const SITES: usize = 40;
/// Merchants at each site.
pub const MERCHANTS: u8 = 20;

/// Seeds of the two persons who approve lists; the first also answers for registrations.
pub const OPERATORS: [[u8; 32]; 2] = [[21; 32], [22; 32]];

/// Stamps count from a year ago, so that they take the three bytes they take in the field.
const FOUNDED_DAYS_AGO: u64 = 365;
const LAST_MINUTE: Minute = Minute(4_000_000);
const PLENTY: u64 = 1 << 50;

/// The nodes, open.
pub struct Federation {
    /// The treasury.
    pub treasury: Node,
    /// The sites. The first also holds everything that all others wrote.
    pub sites: Vec<Node>,
    /// The two persons who approve lists.
    pub operators: [SigningKey; 2],
}

/// Opens nodes of a bench, whose key files cost what the floor costs.
///
/// # Errors
///
/// [`Fault`].
pub(super) fn open(folder: &Path, name: &str) -> Result<Node, Fault> {
    Ok(Node::open(&folder.join(name), &passphrase(), &folder.join("heads"), Clock::system())?)
}

/// The folder of a site.
#[must_use]
pub(super) fn site(folder: &Path, number: usize) -> PathBuf {
    folder.join(format!("site-{number}"))
}

pub(crate) fn passphrase() -> Zeroizing<String> {
    Zeroizing::new("a bench and nobody's camp".to_owned())
}

impl Federation {
    /// Founds it in an empty folder: charter, certificates, cycles, and each site's share of every budget.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn found(folder: &Path) -> Result<Self, Fault> {
        Self::of(folder, SITES)
    }

    /// The same with another number of sites.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn of(folder: &Path, sites: usize) -> Result<Self, Fault> {
        let heads = folder.join("heads");
        let passphrase = passphrase();
        let make = |path: &Path| -> Result<Node, Fault> {
            let making = Making { passphrase: &passphrase, cost: Cost::FLOOR, heads: &heads };
            Ok(Node::create(path, &making, Clock::system())?)
        };
        let mut treasury = make(&folder.join("treasury"))?;
        let mut sites =
            (0..sites).map(|n| make(&site(folder, n))).collect::<Result<Vec<_>, _>>()?;
        let orgs: [SigningKey; 3] = [organisation(), key(2), key(3)];
        let founded = Millis(treasury.now().0.saturating_sub(FOUNDED_DAYS_AGO * 86_400_000));
        let article = article(&orgs, treasury.public().short(), founded)?;
        let federation = article.founds();
        let signatures =
            (1..).zip(&orgs).map(|(n, key)| (OrgId(n), article.sign(&federation, key))).collect();
        let signed = SignedArticle { article, signatures: Bounded::new(signatures)? };
        let charter = Charter::found(&signed)?;
        let operators = OPERATORS.map(|seed| SigningKey::from_seed(&seed));
        let mut notices = Vec::new();
        for cycle in 1..=CYCLES {
            notices.push(Notice::Cycle(Cycle {
                programme: CASH,
                cycle: CycleId(cycle),
                opens: Minute(0),
                closes: LAST_MINUTE,
                expires: LAST_MINUTE,
            }));
        }
        for (n, node) in (1..).zip(std::iter::once(&treasury).chain(&sites)) {
            notices.push(Notice::Node(certificate(node, &charter, SiteId(n))?));
        }
        notices.extend(operators.iter().map(|key| Notice::Operator(operator(key))));
        let notices: Vec<_> =
            notices.into_iter().map(|notice| notice.sign(&federation, &orgs[0])).collect();
        for node in std::iter::once(&mut treasury).chain(&mut sites) {
            node.apply_article(&signed)?;
            for notice in &notices {
                node.learn(notice)?;
            }
        }
        Ok(Self { treasury, sites, operators })
    }
}

/// The key of the organisation that runs treasury and sites.
pub(crate) fn organisation() -> SigningKey {
    key(1)
}

fn key(of: u8) -> SigningKey {
    SigningKey::from_seed(&[of; 32])
}

/// Writes a group on a node's value feed, in one commit; what was refused is left out.
///
/// # Errors
///
/// [`Fault`].
pub(super) fn write_group(
    node: &mut Node,
    group: Vec<Compose<'_>>,
) -> Result<Vec<Option<Vec<Accepted>>>, Fault> {
    let feed = node.feed(Lane::Value, CASH);
    let mut requests: Vec<Request<'_>> =
        group.into_iter().map(|compose| Request { feed, compose }).collect();
    let answers = node.write(&mut requests)?;
    Ok(answers.into_iter().map(Result::ok).collect())
}

fn article(orgs: &[SigningKey], treasury: [u8; 8], founded: Millis) -> Result<Article, Fault> {
    let organisations = (1..)
        .zip(orgs)
        .map(|(n, key)| {
            let recovery = SigningKey::from_seed(&[n + 100; 32]).public();
            let name = Name::new(&format!("Organisation {n}"))?;
            Ok(Organisation { id: OrgId(u16::from(n)), name, key: key.public(), recovery })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let measure = Name::new("kg")?;
    let commodities = vec![
        Commodity {
            id: USD,
            name: Name::new("Dollars")?,
            unit: Unit::Currency { code: *b"USD", minor_digits: 2 },
        },
        Commodity {
            id: RICE,
            name: Name::new("Rice")?,
            unit: Unit::Item { measure, minor_digits: 2 },
        },
    ];
    let mut acts = vec![
        Act::Found {
            name: Name::new("Forty camps")?,
            founded,
            quorum: 2,
            organisations: Bounded::new(organisations)?,
        },
        Act::Programme {
            id: CASH,
            org: OrgId(1),
            name: Name::new("Cash and rice")?,
            commodities: Bounded::new(commodities)?,
            risk: Risk::default(),
        },
    ];
    let most = Amount::new(PLENTY * 1_024).unwrap_or(Amount::MAX);
    for commodity in COMMODITIES {
        let (rights, float) = (most, Amount::ZERO);
        acts.push(Act::Ceiling { org: OrgId(1), programme: CASH, commodity, rights, float });
    }
    let amount = Amount::new(PLENTY).unwrap_or(Amount::MAX);
    for cycle in 1..=CYCLES {
        let lines = COMMODITIES.map(|commodity| Line { commodity, amount }).to_vec();
        let (cycle, lines) = (CycleId(cycle), Bounded::new(lines)?);
        acts.push(Act::Budget { programme: CASH, cycle, treasury, lines });
    }
    Ok(Article { epoch: 0, previous: Hash::ZERO, acts: Bounded::new(acts)? })
}

/// The certificate of a node of a site.
pub(crate) fn certificate(
    node: &Node,
    charter: &Charter,
    site: SiteId,
) -> Result<NodeCertificate, Fault> {
    let transport = node.signing_key(Key::NodeTransport)?.public();
    let secret = node.keys().get(Key::NodeSealing).and_then(Secret::as_seed).ok_or("a key")?;
    let sealing = envelope::public(secret)?;
    let key = node.signing_key(Key::NodeSigning)?;
    let (org, federation) = (OrgId(1), charter.federation());
    let rights = Amount::new(PLENTY).unwrap_or(Amount::MAX);
    let ceilings = COMMODITIES.map(|commodity| NodeCeiling {
        programme: CASH,
        commodity,
        rights,
        float: Amount::ZERO,
        unverified: rights,
    });
    Ok(NodeCertificate {
        org,
        node: node.public(),
        transport,
        sealing,
        site,
        site_name: Name::new(&format!("Site {site}"))?,
        roles: Roles::TREASURY.and(Roles::REGISTRAR).and(Roles::MERCHANT),
        programmes: Bounded::new(vec![CASH])?,
        ceilings: Bounded::new(ceilings.to_vec())?,
        issued: Minute(0),
        not_after: LAST_MINUTE,
        replaces: None,
        acceptance: NodeCertificate::accept(&key, &federation, org, &transport, &sealing),
    })
}

fn operator(key: &SigningKey) -> OperatorCertificate {
    OperatorCertificate {
        org: OrgId(1),
        operator: key.public(),
        site: SiteId(2),
        roles: OperatorRoles::APPROVER.and(OperatorRoles::REGISTRAR),
        programmes: Bounded::new(vec![CASH]).unwrap_or_default(),
        issued: Minute(0),
        not_after: LAST_MINUTE,
    }
}
