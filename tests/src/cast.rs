//! Who plays: three organisations, two programmes, their nodes, operators and families, and the papers that make them
//! what they are.

use annona_ledger::amount::Amount;
use annona_ledger::charter::{
    Act, Article, Cap, Charter, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
};
use annona_ledger::id::{
    CarrierId, CommodityId, CycleId, FederationId, FeedId, Lane, MerchantId, OrgId, ProgrammeId,
    Pseudonym, Purse, SiteId,
};
use annona_ledger::key::{PublicKey, SigningKey};
use annona_ledger::notice::{
    Cycle, NodeCeiling, NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Roles,
    SignedNotice,
};
use annona_ledger::time::Minute;
use annona_ledger::wire::{Bounded, Name};

use crate::clock::FOUNDED;
use crate::rng::Rng;

/// The currency programme.
pub const CASH: ProgrammeId = ProgrammeId(1);
/// The programme of items.
pub const ITEMS: ProgrammeId = ProgrammeId(2);
/// The one cycle of each.
pub const CYCLE: CycleId = CycleId(1);

/// What a programme gives: commodity numbers.
#[must_use]
pub const fn commodities(programme: ProgrammeId) -> &'static [CommodityId] {
    if programme.0 == CASH.0 { &[CommodityId(1)] } else { &[CommodityId(1), CommodityId(2)] }
}

/// A node's keys and certificate.
#[derive(Debug)]
pub struct Person {
    /// Seed of the signing key.
    pub seed: [u8; 32],
    /// Seed of the key it talks with, and signs checkpoints with.
    pub transport: [u8; 32],
    /// Its public half.
    pub key: PublicKey,
    /// Its organisation.
    pub org: OrgId,
    /// Its certificate.
    pub certificate: NodeCertificate,
}

impl Person {
    /// The eight bytes it is named by.
    #[must_use]
    pub fn short(&self) -> [u8; 8] {
        self.key.short()
    }

    /// Its feed on a lane.
    #[must_use]
    pub const fn feed(&self, lane: Lane, programme: ProgrammeId) -> FeedId {
        FeedId { node: self.key, lane, programme }
    }

    /// Its value feed.
    #[must_use]
    pub const fn value(&self, programme: ProgrammeId) -> FeedId {
        self.feed(Lane::Value, programme)
    }
}

/// A household.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its purses, by programme.
    pub purse: [Purse; 2],
    /// Its pseudonyms, by programme.
    pub pseudonym: [Pseudonym; 2],
    /// Its card.
    pub card: CarrierId,
}

/// Everybody, before the first step.
pub struct Cast {
    /// The federation.
    pub federation: FederationId,
    /// The charter after each article, in order of epoch.
    pub articles: Vec<SignedArticle>,
    /// Every notice, node certificates first and in the order of [`Cast::nodes`].
    pub notices: Vec<SignedNotice>,
    /// The nodes; the first is the treasury. Where somebody burns, the last is who comes after.
    pub nodes: Vec<Person>,
    /// Whose site burns down, where one does.
    pub burns: Option<usize>,
    /// The organisations and their keys: two of three decide.
    pub orgs: Vec<(OrgId, SigningKey)>,
    /// Operators who may approve lists, and at the end one who may not.
    pub operators: Vec<SigningKey>,
    /// Who may look at settlements, and pay them, but not approve.
    pub supervisor: SigningKey,
    /// The families.
    pub families: Vec<Family>,
    /// The merchants.
    pub merchants: Vec<MerchantId>,
    /// What may be given from float, for both programmes.
    pub caps: Vec<Cap>,
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a short visible name")
}

fn bounded<T, const MAX: usize>(values: Vec<T>) -> Bounded<T, MAX> {
    Bounded::new(values).expect("few enough")
}

fn amount(units: u64) -> Amount {
    Amount::new(units).expect("below the limit")
}

impl Cast {
    /// Draws a cast of `nodes` nodes.
    #[must_use]
    pub fn draw(rng: &mut Rng, nodes: usize) -> Self {
        let orgs: Vec<_> =
            (1..=3u16).map(|n| (OrgId(n), SigningKey::from_seed(&rng.seed()))).collect();
        let caps: Vec<Cap> = [1, 2]
            .map(|c| Cap {
                commodity: CommodityId(c),
                per_purse: amount(rng.between(20, 60)),
                per_site_day: amount(rng.between(40, 120)),
                per_site: amount(rng.between(60, 200)),
            })
            .into();
        let founding = Article {
            epoch: 0,
            previous: annona_ledger::hash::Hash::ZERO,
            acts: bounded(founding_acts(rng, &orgs, &caps)),
        };
        let federation = founding.founds();
        let mut first = SignedArticle::unsigned(founding);
        for (org, key) in &orgs {
            let signature = first.article.sign(&federation, key);
            first.add(None, *org, signature).expect("a founder");
        }
        let mut charter = Charter::found(&first).expect("all have signed");
        let mut articles = vec![first];
        let burns = rng.chance(25).then(|| 1 + rng.below(nodes - 1));
        let mut nodes: Vec<Person> =
            (0..nodes).map(|n| person(rng, &federation, n, OrgId(n as u16 % 3 + 1))).collect();
        if let Some(burnt) = burns {
            let (org, site) = (nodes[burnt].org, nodes[burnt].certificate.site);
            let mut next = person(rng, &federation, nodes.len(), org);
            next.certificate.replaces = Some(nodes[burnt].short());
            next.certificate.site = site;
            nodes.push(next);
        }
        let treasury = nodes[0].short();
        for round in 0..2u64 {
            let acts = [CASH, ITEMS].map(|programme| {
                let line = |commodity: &CommodityId| Line {
                    commodity: *commodity,
                    amount: amount(rng.between(2_000, 9_000) / (round + 1)),
                };
                let lines = bounded(commodities(programme).iter().map(line).collect());
                Act::Budget { programme, cycle: CYCLE, treasury, lines }
            });
            let mut signed = SignedArticle::unsigned(charter.draft(bounded(acts.into())));
            for (org, key) in orgs.iter().take(2) {
                let signature = signed.article.sign(&federation, key);
                signed.add(Some(&charter), *org, signature).expect("a member");
            }
            charter = charter.apply(&signed).expect("two of three have signed");
            articles.push(signed);
        }
        let operators: Vec<_> = (0..5).map(|_| SigningKey::from_seed(&rng.seed())).collect();
        let mut notices: Vec<SignedNotice> = nodes
            .iter()
            .map(|n| Notice::Node(n.certificate.clone()).sign(&federation, key_of(&orgs, n.org)))
            .collect();
        notices.extend(cycles(rng, &federation, &orgs));
        notices.extend(certify_operators(&federation, &orgs, &operators));
        // Drawn from no chance, so that every other draw stays what it was.
        let supervisor = SigningKey::from_seed(&federation.0.0);
        notices.extend(certify(&federation, &orgs, &supervisor, OperatorRoles::SUPERVISOR));
        Self {
            orgs,
            federation,
            articles,
            notices,
            nodes,
            burns,
            operators,
            supervisor,
            families: (0..rng.between(8, 30)).map(|_| family(rng)).collect(),
            merchants: (0..4).map(|_| MerchantId(rng.handle())).collect(),
            caps,
        }
    }

    /// The next article, with one act, signed by two organisations; `None` where the charter does not bear it.
    #[must_use]
    pub fn vote(&self, charter: &Charter, act: Act) -> Option<(SignedArticle, Charter)> {
        let mut signed = SignedArticle::unsigned(charter.draft(bounded(vec![act])));
        for (org, key) in self.orgs.iter().skip(1) {
            let signature = signed.article.sign(&self.federation, key);
            signed.add(Some(charter), *org, signature).ok()?;
        }
        let next = charter.apply(&signed).ok()?;
        Some((signed, next))
    }

    /// The cap on float of one commodity.
    #[must_use]
    pub fn cap(&self, commodity: CommodityId) -> Option<&Cap> {
        self.caps.iter().find(|cap| cap.commodity == commodity)
    }
}

fn key_of(orgs: &[(OrgId, SigningKey)], org: OrgId) -> &SigningKey {
    &orgs.iter().find(|(id, _)| *id == org).expect("one of the three").1
}

fn founding_acts(rng: &mut Rng, orgs: &[(OrgId, SigningKey)], caps: &[Cap]) -> Vec<Act> {
    let organisations = orgs.iter().map(|(id, key)| Organisation {
        id: *id,
        name: name(&format!("Organisation {id}")),
        key: key.public(),
        recovery: SigningKey::from_seed(&rng.seed()).public(),
    });
    let found = Act::Found {
        name: name("Valley"),
        founded: FOUNDED,
        quorum: 2,
        organisations: bounded(organisations.collect()),
    };
    let risk = |caps: &[Cap]| Risk { caps: bounded(caps.to_vec()), ..Risk::default() };
    let item = |id, text, measure| Commodity {
        id: CommodityId(id),
        name: name(text),
        unit: Unit::Item { measure: name(measure), minor_digits: 0 },
    };
    let cash = Commodity {
        id: CommodityId(1),
        name: name("Ethiopian birr"),
        unit: Unit::Currency { code: *b"ETB", minor_digits: 2 },
    };
    let mut acts = vec![
        found,
        Act::Programme {
            id: CASH,
            org: OrgId(1),
            name: name("Cash for winter"),
            commodities: bounded(vec![cash]),
            risk: risk(&caps[..1]),
        },
        Act::Programme {
            id: ITEMS,
            org: OrgId(2),
            name: name("Food and soap"),
            commodities: bounded(vec![item(1, "Rice", "kg"), item(2, "Soap", "piece")]),
            risk: risk(caps),
        },
    ];
    for (org, _) in orgs {
        for programme in [CASH, ITEMS] {
            acts.extend(commodities(programme).iter().map(|commodity| Act::Ceiling {
                org: *org,
                programme,
                commodity: *commodity,
                rights: amount(100_000),
                float: amount(10_000),
            }));
        }
    }
    acts
}

fn person(rng: &mut Rng, federation: &FederationId, number: usize, org: OrgId) -> Person {
    let seed = rng.seed();
    let key = SigningKey::from_seed(&seed);
    let talks = rng.seed();
    let transport = SigningKey::from_seed(&talks).public();
    let sealing = rng.seed();
    // Most serve both programmes; one in six serves only one of them, never the treasury.
    let programmes = match rng.below(12) {
        0 if number > 0 => vec![CASH],
        1 if number > 0 => vec![ITEMS],
        _ => vec![CASH, ITEMS],
    };
    let mut ceilings = Vec::new();
    for programme in &programmes {
        ceilings.extend(commodities(*programme).iter().map(|commodity| NodeCeiling {
            programme: *programme,
            commodity: *commodity,
            rights: amount(20_000),
            float: amount(2_000),
            unverified: amount(rng.between(30, 900)),
        }));
    }
    // One in fifteen runs out while the run goes on.
    let not_after = if number > 0 && rng.chance(7) {
        Minute(u32::try_from(rng.between(6_000, 24_000)).unwrap_or(6_000))
    } else {
        Minute::NEVER
    };
    // Most are small sites, where one device does everything; some only register, some only serve.
    let roles = match rng.below(10) {
        0 if number > 0 => Roles::REGISTRAR,
        1 if number > 0 => Roles::MERCHANT,
        _ => Roles::REGISTRAR.and(Roles::MERCHANT).and(Roles::TREASURY).and(Roles::WITNESS),
    };
    let certificate = NodeCertificate {
        org,
        node: key.public(),
        transport,
        sealing,
        site: SiteId(u16::try_from(number).unwrap_or(0)),
        site_name: name(&format!("Site {number}")),
        roles,
        programmes: bounded(programmes),
        ceilings: bounded(ceilings),
        issued: Minute(0),
        not_after,
        replaces: None,
        acceptance: NodeCertificate::accept(&key, federation, org, &transport, &sealing),
    };
    Person { seed, transport: talks, key: key.public(), org, certificate }
}

fn cycles(
    rng: &mut Rng,
    federation: &FederationId,
    orgs: &[(OrgId, SigningKey)],
) -> Vec<SignedNotice> {
    let expires = Minute(u32::try_from(rng.between(30_000, 60_000)).unwrap_or(30_000));
    [(CASH, OrgId(1)), (ITEMS, OrgId(2))]
        .map(|(programme, org)| {
            let cycle = Cycle {
                programme,
                cycle: CYCLE,
                opens: Minute(0),
                closes: Minute(25_000),
                expires,
            };
            Notice::Cycle(cycle).sign(federation, key_of(orgs, org))
        })
        .into()
}

fn certify_operators(
    federation: &FederationId,
    orgs: &[(OrgId, SigningKey)],
    operators: &[SigningKey],
) -> Vec<SignedNotice> {
    let mut notices = Vec::new();
    // The first four work for both programmes' organisations and may approve; the last may only serve.
    for (n, operator) in operators.iter().enumerate() {
        let approves = n + 1 < operators.len();
        let roles = if approves { OperatorRoles::APPROVER } else { OperatorRoles::CASHIER };
        notices.extend(certify(federation, orgs, operator, roles));
    }
    notices
}

/// Certifies an operator for both programmes' organisations.
fn certify(
    federation: &FederationId,
    orgs: &[(OrgId, SigningKey)],
    operator: &SigningKey,
    roles: OperatorRoles,
) -> [SignedNotice; 2] {
    [OrgId(1), OrgId(2)].map(|org| {
        let certificate = OperatorCertificate {
            org,
            operator: operator.public(),
            site: SiteId(0),
            roles,
            programmes: bounded(vec![CASH, ITEMS]),
            issued: Minute(0),
            not_after: Minute::NEVER,
        };
        Notice::Operator(certificate).sign(federation, key_of(orgs, org))
    })
}

fn family(rng: &mut Rng) -> Family {
    Family {
        purse: [Purse(rng.handle()), Purse(rng.handle())],
        pseudonym: [Pseudonym(rng.handle()), Pseudonym(rng.handle())],
        card: CarrierId(rng.handle()),
    }
}
