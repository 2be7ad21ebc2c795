//! One day of two camps with every network off, in one file: a federation of three organisations, a treasury and two
//! sites, each a node with a data folder of its own. A woman leaves the first camp with a ticket and eats at the second.
//!
//! `cargo run -p annona-examples --example camp_day`

use annona_ledger::amount::Amount;
use annona_ledger::charter::{
    Act, Article, Charter, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
};
use annona_ledger::entry::{Control, Method, Owner};
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CommodityId, CycleId, FeedId, Lane, MerchantId, OrgId, ProgrammeId, SiteId,
};
use annona_ledger::key::SigningKey;
use annona_ledger::list::{Builder, Row};
use annona_ledger::merkle;
use annona_ledger::notice::{
    Cycle, NodeCeiling, NodeCertificate, Notice, OperatorCertificate, OperatorRoles, Roles,
};
use annona_ledger::ticket::Ticket;
use annona_ledger::time::Minute;
use annona_ledger::wire::{Bounded, Name};
use annona_node::clock::Clock;
use annona_node::envelope;
use annona_node::keystore::{Name as Key, Secret};
use annona_node::node::{Compose, Composed, Making, Node, Request};
use annona_node::seal::Cost;
use annona_node::serve::{self, Charge, Item};
use annona_node::store::Accepted;
use zeroize::Zeroizing;

type Fault = Box<dyn std::error::Error>;

const FOOD: ProgrammeId = ProgrammeId(1);
const RICE: CommodityId = CommodityId(1);
const MAY: CycleId = CycleId(5);

fn main() -> Result<(), Fault> {
    let place = tempfile::tempdir()?;
    let passphrase = Zeroizing::new("a day at the lake".to_owned());
    let heads = place.path().join("heads");
    let make = |name: &str| -> Result<Node, Fault> {
        let making = Making { passphrase: &passphrase, cost: Cost::FLOOR, heads: &heads };
        Ok(Node::create(&place.path().join(name), &making, Clock::system())?)
    };
    let (mut treasury, mut lake, mut hill) = (make("treasury")?, make("lake")?, make("hill")?);

    // Three organisations found a federation, with a programme and a budget that the treasury may claim.
    let orgs: [SigningKey; 3] = [1, 2, 3].map(|n| SigningKey::from_seed(&[n; 32]));
    let article = founding(&orgs, treasury.public().short(), treasury.now())?;
    let federation = article.founds();
    let signatures = (1..).zip(&orgs).map(|(n, key)| (OrgId(n), article.sign(&federation, key)));
    let signatures = Bounded::new(signatures.collect())?;
    let founded = SignedArticle { article, signatures };
    let charter = Charter::found(&founded)?;
    println!("{} is founded: {federation}", charter.name());

    // Organisation 1 admits the nodes and two operators, and opens the cycle.
    let operators = [SigningKey::from_seed(&[21; 32]), SigningKey::from_seed(&[22; 32])];
    let mut notices = vec![Notice::Cycle(Cycle {
        programme: FOOD,
        cycle: MAY,
        opens: Minute(0),
        closes: Minute(60 * 24 * 30),
        expires: Minute(60 * 24 * 40),
    })];
    for (n, node) in (1..).zip([&treasury, &lake, &hill]) {
        notices.push(Notice::Node(certificate(node, &charter, SiteId(n))?));
    }
    notices.extend(operators.iter().map(|key| Notice::Operator(operator(key))));
    for node in [&mut treasury, &mut lake, &mut hill] {
        node.apply_article(&founded)?;
        for notice in &notices {
            node.learn(&notice.clone().sign(&federation, &orgs[0]))?;
        }
    }

    // The treasury claims the budget and sends each site its share; the tickets travel on paper.
    let line = Ticket::Budget { epoch: 0, act: 2, line: 0 };
    write(&mut treasury, Box::new(move |_, _, at| Ok(serve::claim(line.clone(), at))))?;
    for (site, kilos) in [(&mut lake, 600), (&mut hill, 200)] {
        let (to, item) = (site.public().short(), rice(kilos));
        let sent = write(
            &mut treasury,
            Box::new(move |work, feed, at| {
                let kinds = (Owner::Budget, Owner::Budget);
                serve::supply(work, feed, kinds, MAY, item, to, Minute::NEVER, at)
            }),
        )?;
        let ticket = ticket_of(&treasury, &sent[0])?;
        write(site, Box::new(move |_, _, at| Ok(serve::claim(ticket.clone(), at))))?;
    }

    // At the lake, two operators approve a list of three families, and the site issues it.
    let cycle_key = [9u8; 32];
    let families = [1, 2, 3].map(|n| [n; 32]);
    let purses = families.map(|family| serve::purse(&cycle_key, &family));
    let rows: Vec<Row> = (0..)
        .zip(purses)
        .map(|(row, purse)| Row { row, purse, commodity: RICE, amount: rice(25).amount })
        .collect();
    let mut list = Builder::new();
    for row in &rows {
        list.push(row)?;
    }
    let at = lake.stamp(&lake.feed(Lane::Control, ProgrammeId::NONE))?;
    let draft = list.finish(lake.public().short(), FOOD, MAY, at)?;
    let [one, two] = [&operators[0], &operators[1]].map(|key| draft.approve(&federation, key));
    let list = draft.approved(one, two);
    let frozen = Control::List(Box::new(list.clone()));
    let control = lake.feed(Lane::Control, ProgrammeId::NONE);
    let compose: Compose<'_> = Box::new(move |_, _, _| Ok(vec![Composed::from(frozen.clone())]));
    write_on(&mut lake, control, compose)?;
    let leaves: Vec<Hash> = rows.iter().map(Row::leaf).collect();
    for row in rows {
        let list = list.clone();
        let path = merkle::path(&leaves, row.row).ok_or("a row of the list")?;
        write(
            &mut lake,
            Box::new(move |work, feed, at| {
                let expires = Minute(60 * 24 * 40);
                serve::issue(work, feed, (0, &list), (row, path.clone()), expires, at)
            }),
        )?;
    }

    // The first family eats at the lake. The second leaves with a ticket, and eats at the hill: no link between them.
    let served = write(&mut lake, charge(purses[0], 10))?;
    println!("served at the lake: {}", lake.promise(served.last().ok_or("an entry")?)?.name());
    let (to, purse) = (hill.public().short(), purses[1]);
    let sent = write(
        &mut lake,
        Box::new(move |work, feed, at| serve::travel(work, feed, &purse, to, (at, at))),
    )?;
    let ticket = ticket_of(&lake, &sent[0])?;
    write(&mut hill, Box::new(move |_, _, at| Ok(serve::claim(ticket.clone(), at))))?;
    let served = write(&mut hill, charge(purses[1], 25))?;
    println!("served at the hill: {}", hill.promise(served.last().ok_or("an entry")?)?.name());
    match write(&mut hill, charge(purses[1], 1)) {
        Err(refusal) => println!("once more is refused: {refusal}"),
        Ok(_) => return Err("the purse was empty".into()),
    }

    // In the evening they meet. Whatever the order, the same entries are the same state.
    let nodes = [&mut treasury, &mut lake, &mut hill];
    let mut roots = meet(nodes)?;
    roots.dedup();
    println!("state roots agree: {}", roots[0]);
    assert_eq!(roots.len(), 1, "one state");
    Ok(())
}

fn rice(kilos: u64) -> Item {
    Item { commodity: RICE, amount: Amount::new(kilos * 1_000).unwrap_or(Amount::MAX) }
}

fn charge(purse: annona_ledger::id::Purse, kilos: u64) -> Compose<'static> {
    let merchant = MerchantId([7; 16]);
    let charge = Charge { purse, items: vec![rice(kilos)], merchant, method: Method::Pin };
    Box::new(move |work, feed, at| serve::charge(work, feed, &charge, at))
}

fn write(node: &mut Node, compose: Compose<'_>) -> Result<Vec<Accepted>, Fault> {
    let feed = node.feed(Lane::Value, FOOD);
    write_on(node, feed, compose)
}

fn write_on(node: &mut Node, feed: FeedId, compose: Compose<'_>) -> Result<Vec<Accepted>, Fault> {
    let mut group = [Request { feed, compose }];
    Ok(node.write(&mut group)?.remove(0)?)
}

fn ticket_of(node: &Node, sent: &Accepted) -> Result<Ticket, Fault> {
    let key = node.signing_key(Key::NodeSigning)?;
    Ok(serve::ticket(&node.store().look()?, &key, sent)?)
}

fn meet(mut nodes: [&mut Node; 3]) -> Result<Vec<Hash>, Fault> {
    let mut blocks = Vec::new();
    for node in &mut nodes {
        node.seal_all()?;
        let work = node.store().look()?;
        for feed in work.feeds() {
            work.blocks::<annona_node::store::StoreFault>(feed.chain, 0, |row, evidence| {
                blocks.push((feed.id, row.block, evidence));
                Ok(true)
            })?;
        }
    }
    let mut roots = Vec::new();
    for node in &mut nodes {
        for (feed, block, evidence) in blocks.iter().rev().chain(&blocks) {
            let mut work = node.store_mut().begin()?;
            work.receive(feed, block, evidence.as_ref())?;
            work.commit()?;
        }
        roots.push(node.store().root()?);
    }
    Ok(roots)
}

fn founding(
    orgs: &[SigningKey],
    treasury: [u8; 8],
    founded: annona_ledger::time::Millis,
) -> Result<Article, Fault> {
    let organisations = (1..)
        .zip(orgs)
        .map(|(n, key)| {
            let recovery = SigningKey::from_seed(&[n + 100; 32]).public();
            let name = Name::new(&format!("Organisation {n}"))?;
            Ok(Organisation { id: OrgId(u16::from(n)), name, key: key.public(), recovery })
        })
        .collect::<Result<Vec<_>, Fault>>()?;
    let unit = Unit::Item { measure: Name::new("kg")?, minor_digits: 3 };
    let rice_item = Commodity { id: RICE, name: Name::new("Rice")?, unit };
    let amount = rice(1_000).amount;
    let acts = vec![
        Act::Found {
            name: Name::new("Lake camps")?,
            founded,
            quorum: 2,
            organisations: Bounded::new(organisations)?,
        },
        Act::Programme {
            id: FOOD,
            org: OrgId(1),
            name: Name::new("Food")?,
            commodities: Bounded::new(vec![rice_item])?,
            risk: Risk::default(),
        },
        Act::Budget {
            programme: FOOD,
            cycle: MAY,
            treasury,
            lines: Bounded::new(vec![Line { commodity: RICE, amount }])?,
        },
        Act::Ceiling {
            org: OrgId(1),
            programme: FOOD,
            commodity: RICE,
            rights: amount,
            float: Amount::ZERO,
        },
    ];
    Ok(Article { epoch: 0, previous: Hash::ZERO, acts: Bounded::new(acts)? })
}

fn certificate(node: &Node, charter: &Charter, site: SiteId) -> Result<NodeCertificate, Fault> {
    let transport = node.signing_key(Key::NodeTransport)?.public();
    let secret = node.keys().get(Key::NodeSealing).and_then(Secret::as_seed).ok_or("a key")?;
    let sealing = envelope::public(secret)?;
    let key = node.signing_key(Key::NodeSigning)?;
    let (org, federation) = (OrgId(1), charter.federation());
    let rights = rice(1_000).amount;
    Ok(NodeCertificate {
        org,
        node: node.public(),
        transport,
        sealing,
        site,
        site_name: Name::new(&format!("Site {site}"))?,
        roles: Roles::TREASURY.and(Roles::REGISTRAR).and(Roles::MERCHANT),
        programmes: Bounded::new(vec![FOOD])?,
        ceilings: Bounded::new(vec![NodeCeiling {
            programme: FOOD,
            commodity: RICE,
            rights,
            float: Amount::ZERO,
            unverified: rights,
        }])?,
        issued: Minute(0),
        not_after: Minute(60 * 24 * 365),
        replaces: None,
        acceptance: NodeCertificate::accept(&key, &federation, org, &transport, &sealing),
    })
}

fn operator(key: &SigningKey) -> OperatorCertificate {
    OperatorCertificate {
        org: OrgId(1),
        operator: key.public(),
        site: SiteId(2),
        roles: OperatorRoles::APPROVER,
        programmes: Bounded::new(vec![FOOD]).unwrap_or_default(),
        issued: Minute(0),
        not_after: Minute(60 * 24 * 365),
    }
}
