//! A small federation for unit tests: three organisations, food by the first and cash by the second, a treasury of
//! the first, site A of the second and site B of the third. Keys are their seeds, so everything is the same each time.

use crate::admit::{Draft, RowProof, admit};
use crate::amount::Amount;
use crate::block::{Block, Draft as BlockDraft, Evidence};
use crate::charter::{
    Act, Article, Cap, Charter, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
};
use crate::entry::{Entry, Owner};
use crate::feed::Head;
use crate::hash::Hash;
use crate::id::{
    CommodityId, CycleId, FederationId, FeedId, FeedRef, Lane, MerchantId, OrgId, ProgrammeId,
    Pseudonym, Purse, SiteId,
};
use crate::key::SigningKey;
use crate::list::{Builder, List, Row};
use crate::merkle;
use crate::notice::{
    Cycle, NodeCeiling, NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Roles, Roster,
};
use crate::rejection::Rejection;
use crate::state::State;
use crate::ticket::{Moved, Sent, Ticket, sign_place};
use crate::time::{Hlc, Millis, Minute};
use crate::view::View;
use crate::wire::{Bounded, Name};

mod above;

pub(crate) use above::Above;

pub(crate) const FOOD: ProgrammeId = ProgrammeId(1);
pub(crate) const CASH: ProgrammeId = ProgrammeId(2);
pub(crate) const RICE: CommodityId = CommodityId(1);
pub(crate) const MAY: CycleId = CycleId(5);
/// Seeds of the three nodes' signing keys.
pub(crate) const TREASURY: u8 = 10;
pub(crate) const A: u8 = 20;
pub(crate) const B: u8 = 30;
/// Seeds of two approvers.
pub(crate) const OPERATORS: [u8; 2] = [60, 61];
/// What the charter votes of each programme's commodity, for May.
pub(crate) const VOTED: u64 = 100;
/// A minute inside May, for entries whose time does not matter.
pub(crate) const NOW: Minute = Minute(100);
/// The last minute of May's entitlements.
pub(crate) const LAST: Minute = Minute(600);

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn node(seed: u8) -> [u8; 8] {
    key(seed).public().short()
}

pub(crate) fn value(seed: u8) -> FeedId {
    FeedId { node: key(seed).public(), lane: Lane::Value, programme: FOOD }
}

pub(crate) fn on(seed: u8, lane: Lane) -> FeedId {
    let programme = if lane == Lane::Control { ProgrammeId::NONE } else { FOOD };
    FeedId { node: key(seed).public(), lane, programme }
}

pub(crate) fn feed_of(seed: u8) -> FeedRef {
    value(seed).short()
}

pub(crate) fn units(units: u64) -> Amount {
    Amount::new(units).expect("within the limit")
}

pub(crate) fn purse(n: u8) -> Purse {
    Purse([n; 16])
}

pub(crate) fn holder(n: u8) -> Pseudonym {
    Pseudonym([n; 16])
}

pub(crate) fn merchant(n: u8) -> MerchantId {
    MerchantId([n; 16])
}

pub(crate) fn bounded<T, const MAX: usize>(values: impl IntoIterator<Item = T>) -> Bounded<T, MAX> {
    Bounded::new(values.into_iter().collect()).expect("within the limit")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a short visible text")
}

fn programme(id: ProgrammeId, org: u16, what: &str, unit: Unit) -> Act {
    let commodities = bounded([Commodity { id: RICE, name: name(what), unit }]);
    let cap =
        Cap { commodity: RICE, per_purse: units(4), per_site_day: units(6), per_site: units(8) };
    let risk = Risk { caps: bounded([cap]), ..Risk::default() };
    Act::Programme { id, org: OrgId(org), name: name(what), commodities, risk }
}

fn signed(article: Article, federation: &FederationId) -> SignedArticle {
    let by = |n: u8| (OrgId(n.into()), article.sign(federation, &key(n)));
    let signatures = bounded([1, 2, 3].map(by));
    SignedArticle { article, signatures }
}

/// The founding article: organisations, programmes, ceilings, and May's budgets for the treasury.
pub(crate) fn founding() -> SignedArticle {
    let organisation = |n: u8| Organisation {
        id: OrgId(n.into()),
        name: name(&format!("Organisation {n}")),
        key: key(n).public(),
        recovery: key(100 + n).public(),
    };
    let found = Act::Found {
        name: name("Lake camps"),
        founded: Millis(1_795_000_000_000),
        quorum: 2,
        organisations: bounded([1, 2, 3].map(organisation)),
    };
    let rice = Unit::Item { measure: name("kg"), minor_digits: 3 };
    let shillings = Unit::Currency { code: *b"KES", minor_digits: 2 };
    let budget = |programme| Act::Budget {
        programme,
        cycle: MAY,
        treasury: node(TREASURY),
        lines: bounded([Line { commodity: RICE, amount: units(VOTED) }]),
    };
    let programmes = [programme(FOOD, 1, "Rice", rice), programme(CASH, 2, "Cash", shillings)];
    let acts = [found].into_iter().chain(programmes).chain([FOOD, CASH].map(budget));
    let article = Article { epoch: 0, previous: Hash::ZERO, acts: bounded(acts) };
    let federation = article.founds();
    signed(article, &federation)
}

/// The place of the food budget in the charter, as its claim names it.
pub(crate) const FOOD_BUDGET: Ticket = Ticket::Budget { epoch: 0, act: 3, line: 0 };

pub(crate) fn charter() -> Charter {
    Charter::found(&founding()).expect("a good founding")
}

/// A later article that votes as much again.
pub(crate) fn next_article(charter: &Charter) -> SignedArticle {
    let budget = Act::Budget {
        programme: FOOD,
        cycle: MAY,
        treasury: node(TREASURY),
        lines: bounded([Line { commodity: RICE, amount: units(VOTED) }]),
    };
    signed(charter.draft(bounded([budget])), &charter.federation())
}

/// The certificate of a node: up to minute 1,000, at most 20 unverified.
pub(crate) fn certificate(federation: &FederationId, org: u8, seed: u8) -> NodeCertificate {
    let (transport, sealing) = (key(seed + 1).public(), [seed; 32]);
    let ceiling = NodeCeiling {
        programme: FOOD,
        commodity: RICE,
        rights: units(400),
        float: units(40),
        unverified: units(20),
    };
    let org = OrgId(org.into());
    NodeCertificate {
        org,
        node: key(seed).public(),
        transport,
        sealing,
        site: SiteId(seed.into()),
        site_name: name("Lakeside"),
        roles: Roles::TREASURY.and(Roles::REGISTRAR).and(Roles::MERCHANT),
        programmes: bounded([FOOD]),
        ceilings: bounded([ceiling]),
        issued: Minute(0),
        not_after: Minute(1_000),
        replaces: None,
        acceptance: NodeCertificate::accept(&key(seed), federation, org, &transport, &sealing),
    }
}

/// The roster of all nodes but those left out.
pub(crate) fn roster_without(charter: &Charter, left_out: &[u8]) -> Roster {
    let federation = charter.federation();
    let mut roster = Roster::new();
    for (org, seed) in [(1, TREASURY), (2, A), (3, B)] {
        if !left_out.contains(&seed) {
            let notice = Notice::Node(certificate(&federation, org, seed));
            roster.learn(charter, &notice.sign(&federation, &key(org))).expect("a good notice");
        }
    }
    for seed in OPERATORS {
        let notice = Notice::Operator(OperatorCertificate {
            org: OrgId(1),
            operator: key(seed).public(),
            site: SiteId(1),
            roles: OperatorRoles::APPROVER,
            programmes: bounded([FOOD]),
            issued: Minute(0),
            not_after: Minute(1_000),
        });
        roster.learn(charter, &notice.sign(&federation, &key(1))).expect("a good notice");
    }
    let cycle = Cycle {
        programme: FOOD,
        cycle: MAY,
        opens: Minute(10),
        closes: Minute(500),
        expires: LAST,
    };
    let notice = Notice::Cycle(cycle);
    roster.learn(charter, &notice.sign(&federation, &key(1))).expect("a good notice");
    roster
}

pub(crate) fn roster(charter: &Charter) -> Roster {
    roster_without(charter, &[])
}

/// A list of a node: row n is for purse n, the amounts as given. Approved by both operators.
pub(crate) fn list(
    federation: &FederationId,
    seed: u8,
    amounts: &[u64],
    at: Minute,
) -> (List, Vec<RowProof>) {
    let rows: Vec<Row> = (0u32..)
        .zip(amounts)
        .map(|(row, amount)| Row {
            row,
            purse: purse(u8::try_from(row).expect("a short list")),
            commodity: RICE,
            amount: units(*amount),
        })
        .collect();
    let mut builder = Builder::new();
    rows.iter().for_each(|row| builder.push(row).expect("a good row"));
    let draft = builder.finish(node(seed), FOOD, MAY, at).expect("a good list");
    let [one, other] = OPERATORS.map(|seed| draft.approve(federation, &key(seed)));
    let leaves: Vec<Hash> = rows.iter().map(Row::leaf).collect();
    let proof = |row: &Row| RowProof {
        row: *row,
        path: merkle::path(&leaves, row.row).expect("a row there is"),
    };
    (draft.approved(one, other), rows.iter().map(proof).collect())
}

/// Signs the ticket of an entry that stands, or is to seem to stand, after `before`.
pub(crate) fn ticket(federation: &FederationId, seed: u8, before: Head, moved: Moved) -> Sent {
    let feed = value(seed);
    let after = before.after(&Entry::Value(moved.entry()).encode());
    let signature = sign_place(&key(seed), federation, &feed, &after);
    Sent { node: node(seed), index: before.next, before: before.accumulator, moved, signature }
}

/// Seals entries that follow `start` as one block.
pub(crate) fn seal(
    federation: &FederationId,
    seed: u8,
    feed: FeedId,
    seq: u64,
    start: Head,
    entries: &[Entry],
) -> Block {
    let entries: Vec<Vec<u8>> = entries.iter().map(Entry::encode).collect();
    let evidence = Evidence::default();
    let draft = BlockDraft {
        feed,
        seq,
        start,
        entries: &entries,
        evidence: &evidence,
        frontier_root: Hash::ZERO,
        epoch: 0,
        hlc: Hlc { millis: 1, count: 0 },
    };
    draft.seal(&key(seed), federation).expect("a good block")
}

pub(crate) const fn purse_of(n: u8) -> Owner {
    Owner::Purse(Purse([n; 16]))
}

/// A state one can write to: as an honest writer, or as any other.
pub(crate) struct Desk {
    pub(crate) state: State,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let charter = charter();
        let roster = roster(&charter);
        Self { state: State::new(charter, roster) }
    }

    /// After an article that lets the nodes of each organisation mint as much together.
    pub(crate) fn with_ceilings(rights: u64) -> Self {
        let charter = charter();
        let ceiling = |org| Act::Ceiling {
            org: OrgId(org),
            programme: FOOD,
            commodity: RICE,
            rights: units(rights),
            float: units(rights),
        };
        let article = signed(charter.draft(bounded([1, 2, 3].map(ceiling))), &charter.federation());
        let charter = charter.apply(&article).expect("a good article");
        let roster = roster(&charter);
        Self { state: State::new(charter, roster) }
    }

    pub(crate) fn federation(&self) -> FederationId {
        self.state.charter().federation()
    }

    pub(crate) fn ask(&mut self, feed: &FeedId, draft: &Draft) -> Result<(), Rejection> {
        let chain = self.state.trunk(feed);
        admit(&self.state, chain, draft).map(|_| ())
    }

    /// Writes what `admit` lets through.
    pub(crate) fn write(&mut self, feed: &FeedId, draft: impl Into<Draft>) -> u64 {
        let draft = draft.into();
        let verdict = self.ask(feed, &draft);
        assert_eq!(verdict, Ok(()), "{feed:?} {:?}", draft.entry);
        self.force(feed, draft.entry)
    }

    /// Writes anything at the end of a feed's first chain, and returns its index.
    pub(crate) fn force(&mut self, feed: &FeedId, entry: impl Into<Entry>) -> u64 {
        let entry = entry.into();
        let chain = self.state.trunk(feed);
        let head = self.state.head(chain);
        self.state.fold(chain, head.after(&entry.encode()).accumulator, &entry);
        head.next
    }

    /// Where a feed stands.
    pub(crate) fn head(&mut self, feed: &FeedId) -> Head {
        let chain = self.state.trunk(feed);
        self.state.head(chain)
    }

    /// Writes a send or cover of a seed's feed, and returns it as a ticket.
    pub(crate) fn send(&mut self, seed: u8, moved: Moved) -> Sent {
        let (federation, before) = (self.federation(), self.head(&value(seed)));
        self.write(&value(seed), Entry::Value(moved.entry()));
        ticket(&federation, seed, before, moved)
    }
}
