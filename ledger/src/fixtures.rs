//! A small federation for unit tests: three organisations, two programmes, a treasury, a camp, their operators.

use proptest::prelude::*;

use crate::amount::Amount;
use crate::charter::{
    Act, Article, Cap, Charter, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
    default_quorum,
};
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FederationId, OrgId, ProgrammeId, SiteId};
use crate::key::SigningKey;
use crate::notice::{
    Cycle, NodeCeiling, NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Roles,
    SignedNotice,
};
use crate::time::{Millis, Minute};
use crate::wire::{Bounded, Name};

pub(crate) const FOOD: ProgrammeId = ProgrammeId(1);
pub(crate) const RICE: CommodityId = CommodityId(1);
pub(crate) const OIL: CommodityId = CommodityId(2);
pub(crate) const MAY: CycleId = CycleId(5);

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

/// Organisation `n` signs with key n and keeps key 100 + n apart.
pub(crate) fn org(n: u8) -> Organisation {
    let (key, recovery) = (key(n).public(), key(100 + n).public());
    Organisation { id: OrgId(n.into()), name: name(&format!("Organisation {n}")), key, recovery }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a short visible text")
}

pub(crate) fn list<T, const MAX: usize>(values: impl IntoIterator<Item = T>) -> Bounded<T, MAX> {
    Bounded::new(values.into_iter().collect()).expect("within the limit")
}

pub(crate) fn amount(units: u64) -> Amount {
    Amount::new(units).expect("within the limit")
}

pub(crate) fn item(id: CommodityId, what: &str) -> Commodity {
    Commodity { id, name: name(what), unit: Unit::Item { measure: name("kg"), minor_digits: 3 } }
}

pub(crate) fn found(orgs: impl IntoIterator<Item = u8>) -> Act {
    let organisations: Vec<_> = orgs.into_iter().map(org).collect();
    let quorum = default_quorum(organisations.len());
    let founded = Millis(1_795_000_000_000);
    Act::Found { name: name("Lake camps"), founded, quorum, organisations: list(organisations) }
}

/// Rice and oil, by organisation 1.
pub(crate) fn food() -> Act {
    let cap = Cap {
        commodity: RICE,
        per_purse: amount(5_000),
        per_site_day: amount(50_000),
        per_site: amount(200_000),
    };
    Act::Programme {
        id: FOOD,
        org: OrgId(1),
        name: name("Food"),
        commodities: list([item(RICE, "Rice"), item(OIL, "Oil")]),
        risk: Risk { caps: list([cap]), ..Risk::default() },
    }
}

pub(crate) fn ceiling(n: u8, rights: u64, float: u64) -> Act {
    let (rights, float) = (amount(rights), amount(float));
    Act::Ceiling { org: OrgId(n.into()), programme: FOOD, commodity: RICE, rights, float }
}

pub(crate) fn budget(lines: &[(CommodityId, u64)]) -> Act {
    let line = |(commodity, units): &(CommodityId, u64)| Line {
        commodity: *commodity,
        amount: amount(*units),
    };
    let treasury = key(10).public().short();
    Act::Budget { programme: FOOD, cycle: MAY, treasury, lines: list(lines.iter().map(line)) }
}

pub(crate) fn founding(acts: impl IntoIterator<Item = Act>) -> Article {
    Article { epoch: 0, previous: Hash::ZERO, acts: list(acts) }
}

/// An article with the ordinary signatures of some organisations, in the order given.
pub(crate) fn signed(
    article: Article,
    federation: &FederationId,
    by: impl IntoIterator<Item = u8>,
) -> SignedArticle {
    let signatures = by
        .into_iter()
        .map(|n| (OrgId(n.into()), article.sign(federation, &key(n))))
        .collect::<Vec<_>>();
    SignedArticle { article, signatures: list(signatures) }
}

/// Three organisations, food, ceilings of 1,000 rights and 100 float each, and a budget for May.
pub(crate) fn camp() -> Charter {
    let ceilings = [1, 2, 3].map(|n| ceiling(n, 1_000, 100));
    let acts = [found([1, 2, 3]), food()].into_iter().chain(ceilings);
    let article = founding(acts.chain([budget(&[(RICE, 900), (OIL, 90)])]));
    let federation = article.founds();
    Charter::found(&signed(article, &federation, [1, 2, 3])).expect("a good founding")
}

/// Node of seed `n`, transport key n + 1, for organisation `of`.
pub(crate) fn node(charter: &Charter, of: u8, n: u8) -> NodeCertificate {
    let (org, transport, sealing) = (OrgId(of.into()), key(n + 1).public(), [n; 32]);
    let federation = charter.federation();
    let ceiling = NodeCeiling {
        programme: FOOD,
        commodity: RICE,
        rights: amount(400),
        float: amount(40),
        unverified: amount(20),
    };
    NodeCertificate {
        org,
        node: key(n).public(),
        transport,
        sealing,
        site: SiteId(1),
        site_name: name("Lakeside"),
        roles: Roles::REGISTRAR.and(Roles::MERCHANT),
        programmes: list([FOOD]),
        ceilings: list([ceiling]),
        issued: Minute(10),
        not_after: Minute(1_000),
        replaces: None,
        acceptance: NodeCertificate::accept(&key(n), &federation, org, &transport, &sealing),
    }
}

pub(crate) fn operator(of: u8, n: u8) -> OperatorCertificate {
    OperatorCertificate {
        org: OrgId(of.into()),
        operator: key(n).public(),
        site: SiteId(1),
        roles: OperatorRoles::APPROVER,
        programmes: list([FOOD]),
        issued: Minute(10),
        not_after: Minute(1_000),
    }
}

pub(crate) const MAY_CYCLE: Cycle = Cycle {
    programme: FOOD,
    cycle: MAY,
    opens: Minute(20),
    closes: Minute(500),
    expires: Minute(600),
};

/// A notice signed with organisation `by`'s key.
pub(crate) fn said(charter: &Charter, by: u8, notice: Notice) -> SignedNotice {
    notice.sign(&charter.federation(), &key(by))
}

/// Every change of one byte of `bytes` is refused, or is another value that prints back to itself.
pub(crate) fn every_byte_matters<T: PartialEq + std::fmt::Debug, E>(
    value: &T,
    bytes: &[u8],
    decode: impl Fn(&[u8]) -> Result<T, E>,
    encode: impl Fn(&T) -> Vec<u8>,
) -> Result<(), TestCaseError> {
    prop_assert!(decode(bytes).is_ok_and(|back| back == *value), "decode . encode is identity");
    let mut changed = bytes.to_vec();
    for at in 0..bytes.len() {
        for flip in [0x01, 0x02, 0x40, 0x80, 0xff] {
            changed[at] ^= flip;
            if let Ok(other) = decode(&changed) {
                prop_assert_ne!(&other, value, "byte {} ^ {:#x}", at, flip);
                prop_assert_eq!(&encode(&other), &changed);
            }
            changed[at] ^= flip;
        }
        prop_assert!(decode(&bytes[..at]).is_err(), "cut off after {} bytes", at);
    }
    changed.push(0);
    prop_assert!(decode(&changed).is_err(), "one byte more");
    Ok(())
}

/// The rows `| number | name |` of a page's table of rejections.
pub(crate) fn rejections_of(page: &str) -> Vec<(u16, String)> {
    let rows = page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.split(" | ");
        let number = cells.next()?.parse().ok()?;
        Some((number, cells.next()?.trim_matches('`').to_owned()))
    });
    rows.collect()
}
