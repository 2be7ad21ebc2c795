use std::collections::BTreeMap;

use annona_ledger::entry::{Entry, Lot, Method, Owner, Value as Fact};
use annona_ledger::feed::Head;
use annona_ledger::finality::Finality;
use annona_ledger::fold;
use annona_ledger::id::{CommodityId, CycleId, EntryName, FeedId, Lane, MerchantId, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::{At, ChainNo, View};
use annona_node::node::stamp;
use annona_node::serve;
use annona_node::store::{Store, Work};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::hold;
use super::till::{Till, Whose, merchant_at, merchant_name, merchant_number};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, Moment, print_date, print_minute, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona pay list
  $ annona pay list --family 1
  $ annona pay list --merchant \"Al Noor bakery\" --day 2026-05-01
  $ annona pay list --by day --json";

/// Lists what was handed out and taken back, with running totals, and what is put by; no passphrase is needed unless a card is given.
///
/// Each line says how far it has come: accepted (durable here), sealed (in a signed block), seen (held by another
/// organisation), certified (inside a checkpoint that enough organisations have signed), settled (below a close).
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct List {
    #[command(flatten)]
    whose: Whose,
    /// Only by this merchant
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// Only on this day
    #[arg(long, value_name = "DAY")]
    day: Option<Moment>,
    /// Sums instead of lines
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Of another node this one holds a copy of, by its site's name or its digits [default: this node, and whom it came in place of]
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// The programme, by number or name [default: all]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
}

/// What sums are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// Who handed it out
    Merchant,
    /// The day
    Day,
    /// The purse
    Holder,
    /// What was handed out
    Commodity,
}

/// One redemption, or goods taken back.
struct Row {
    chain: ChainNo,
    index: u64,
    what: &'static str,
    cycle: CycleId,
    commodity: CommodityId,
    /// Below zero where taken back.
    units: i128,
    purse: Option<String>,
    merchant: Option<MerchantId>,
    at: Minute,
    method: Option<Method>,
}

impl List {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let store = session.read()?;
        let charter = store.charter()?.clone();
        let nodes = match &self.node {
            Some(text) => vec![words::node(store.roster(), text)?.node],
            None => lives(session, &store)?,
        };
        let programmes: Vec<ProgrammeId> = match &self.programme {
            Some(text) => vec![words::programme(&charter, text)?.0],
            None => charter.programmes().map(|(id, _)| id).collect(),
        };
        let mut sums: BTreeMap<(String, ProgrammeId, CommodityId), (u64, i128)> = BTreeMap::new();
        let mut lines = 0u64;
        let mut asked = false;
        for id in programmes {
            let Some(filter) = self.filter(session, &store, id)? else { continue };
            asked = true;
            let programme = charter.programme(id).cloned();
            let programme = programme.ok_or_else(|| Fault::input("no such programme"))?;
            let mut totals: BTreeMap<CommodityId, i128> = BTreeMap::new();
            let founded = charter.founded();
            for node in &nodes {
                let feed = FeedId { node: *node, lane: Lane::Value, programme: id };
                let own = self.node.is_some() || nodes.first() == Some(node);
                let reach = store.finality_of(&feed)?;
                let work = store.look()?;
                let sealed = work.chains_of(&feed).first().map_or(0, |f| f.sealed.next);
                each(&work, &feed, |row, whole| {
                    if !filter.takes(&row) {
                        return Ok(());
                    }
                    lines += 1;
                    let total = totals.entry(row.commodity).or_default();
                    *total = total.saturating_add(row.units);
                    let print = |units| match programme.commodity(row.commodity) {
                        Some(known) => print_units(known, units),
                        None => units.to_string(),
                    };
                    let name = programme.commodity(row.commodity).map_or("?", |c| c.name.as_str());
                    let merchant = row
                        .merchant
                        .map(|id| merchant_name(&store, &id).unwrap_or_else(|| id.to_string()));
                    if let Some(by) = self.by {
                        let key = match by {
                            By::Merchant => merchant.unwrap_or_default(),
                            By::Day => day_of(row.at, founded),
                            By::Holder => row.purse.clone().unwrap_or_default(),
                            By::Commodity => name.to_owned(),
                        };
                        let sum = sums.entry((key, id, row.commodity)).or_default();
                        sum.0 += 1;
                        sum.1 = sum.1.saturating_add(row.units);
                        return Ok(());
                    }
                    let at = At { chain: row.chain, index: row.index };
                    let finality = match work.grade(&reach, at, Some(row.cycle)) {
                        Finality::Accepted if row.index < sealed => "sealed",
                        grade => grade.word(),
                    };
                    let at = print_minute(row.at, founded);
                    // Of the node that this one came in place of: its entries are named with it.
                    let entry = match own {
                        true => format!("{id}#{}", row.index),
                        false => format!("{}#{}", feed.short(), row.index),
                    };
                    let value = json!({
                        "entry": entry, "name": whole.to_string(),
                        "what": row.what, "at": at,
                        "cycle": row.cycle, "commodity": row.commodity, "units": row.units.to_string(),
                        "total": total.to_string(), "purse": row.purse, "merchant": merchant,
                        "method": row.method.map(|m| format!("{m:?}").to_lowercase()),
                        "finality": finality,
                    });
                    let (units, total) = (print(row.units), print(*total));
                    session.screen.answer("payment", value, || {
                        format!(
                            "{at}  {entry}  {}  {name} {units}  total {total}  {}  {finality}",
                            row.what,
                            words::name(&merchant.unwrap_or_default()),
                        )
                    })
                })?;
                let whole = self.by.is_none() && self.merchant.is_none() && self.day.is_none();
                let now = stamp(&work, &feed, session.now()).at;
                let held = if whole { serve::held(&work, &feed, now) } else { Vec::new() };
                for held in held {
                    let hers = |all: &Vec<String>| all.contains(&held.purse.to_string());
                    if filter.purses.as_ref().is_none_or(hers) {
                        let known = programme.commodity(held.commodity);
                        let (value, words) = hold::line(id, known, founded, &held);
                        session.screen.answer("held", value, || words)?;
                    }
                }
                work.check()?;
            }
        }
        let told = match self.by {
            Some(_) => format!(
                "{} of {}",
                words::count(sums.len() as u64, "sum", "sums"),
                words::count(lines, "line", "lines")
            ),
            None => words::count(lines, "line", "lines"),
        };
        for ((key, id, commodity), (count, units)) in sums {
            let known = charter.programme(id).and_then(|p| p.commodity(commodity));
            let amount = known.map_or_else(|| units.to_string(), |c| print_units(c, units));
            let name = known.map_or("?", |c| c.name.as_str());
            let value = json!({
                "of": key, "programme": id, "commodity": commodity, "lines": count,
                "units": units.to_string(),
            });
            session.screen.answer("sum", value, || {
                let lines = words::count(count, "line", "lines");
                format!("{}  {name} {amount}  in {lines}", words::name(&key))
            })?;
        }
        if !asked {
            return Err(Fault::refused("this node has no cycle of any programme with a key.")
                .then("`annona entitle import` begins one."));
        }
        session.screen.note(told);
        Ok(())
    }

    /// What is asked for in one programme; `None` where nothing of it can be.
    fn filter(&self, session: &Session, store: &Store, id: ProgrammeId) -> Outcome<Option<Filter>> {
        let purses = if self.whose.is_none() {
            None
        } else {
            let node = session.node()?;
            if node.certificate().is_some_and(|c| !c.programmes.contains(&id)) {
                return Ok(None);
            }
            let till = Till::open(&node, Some(&id.to_string()))?;
            // Of a programme that nobody named and nobody has a purse of here, nothing is hers.
            if self.programme.is_none() && !till.has_purses() {
                return Ok(None);
            }
            let purses = till.purses_here(session, &node, &self.whose, None)?;
            Some(purses.iter().map(ToString::to_string).collect())
        };
        let federation = store.federation()?;
        let merchant = self.merchant.as_deref();
        let merchant = merchant.map(|name| merchant_number(&federation, id, name));
        let day = self.day.map(|day| {
            let founded = store.charter().map(|c| c.founded()).unwrap_or_default();
            (day.from(session.now(), founded), day.until(session.now(), founded))
        });
        Ok(Some(Filter { purses, merchant, day }))
    }
}

/// This node, and whoever it came in place of: a site's book goes on where its machine was lost.
fn lives(session: &Session, store: &Store) -> Outcome<Vec<PublicKey>> {
    let own = session.own_key()?.ok_or_else(|| {
        Fault::input("node.toml does not say which node this is: say --node NODE.")
    })?;
    let roster = store.roster();
    let mut all = vec![own];
    let mut last = roster.node(&own.short()).and_then(|c| c.replaces);
    if last.is_none() {
        // Its certificate is still to come.
        let said = session.settings()?.replaces;
        let nodes = roster.nodes().map(|c| c.node.short());
        last = said.and_then(|said| nodes.into_iter().find(|short| words::hex(short) == said));
    }
    while let Some(earlier) = last.and_then(|short| roster.node(&short)) {
        if all.contains(&earlier.node) {
            break;
        }
        all.push(earlier.node);
        last = earlier.replaces;
    }
    Ok(all)
}

struct Filter {
    purses: Option<Vec<String>>,
    merchant: Option<MerchantId>,
    day: Option<(Minute, Minute)>,
}

impl Filter {
    fn takes(&self, row: &Row) -> bool {
        let purse = row.purse.as_ref();
        self.purses.as_ref().is_none_or(|want| purse.is_some_and(|purse| want.contains(purse)))
            && self.merchant.is_none_or(|want| row.merchant == Some(want))
            && self.day.is_none_or(|(from, until)| (from..=until).contains(&row.at))
    }
}

fn day_of(at: Minute, founded: Millis) -> String {
    print_date(at.begins(founded))
}

/// Every redemption and refund of a feed, in order: from its blocks, then its open tail.
/// Each comes with its name.
fn each(
    work: &Work<'_>,
    feed: &FeedId,
    mut take: impl FnMut(Row, EntryName) -> Outcome,
) -> Outcome {
    let Some(chain) = work.trunk(feed) else { return Ok(()) };
    let mut one = |head: &mut Head, entry: &Entry, bytes: &[u8]| {
        let index = head.next;
        *head = head.after(bytes);
        let name = EntryName { feed: feed.short(), index, accumulator: head.accumulator };
        match row(work, At { chain, index }, entry) {
            Some(row) => take(row, name),
            None => Ok(()),
        }
    };
    let Some(mut head) = work.chains_of(feed).first().map(|of| of.sealed) else { return Ok(()) };
    work.blocks::<Fault>(chain, 0, |block, _| {
        let mut rest: &[u8] = &block.block.body;
        let mut head = block.block.header.start();
        while !rest.is_empty() {
            let (entry, after) = Entry::take(feed.lane, rest)?;
            let bytes = rest.get(..rest.len().saturating_sub(after.len())).unwrap_or_default();
            one(&mut head, &entry, bytes)?;
            rest = after;
        }
        Ok(true)
    })?;
    for bytes in work.tail(chain).map_err(Fault::from)? {
        let entry = Entry::decode(feed.lane, &bytes)?;
        one(&mut head, &entry, &bytes)?;
    }
    Ok(())
}

fn row(work: &Work<'_>, place: At, entry: &Entry) -> Option<Row> {
    let Entry::Value(value) = entry else { return None };
    let At { chain, index } = place;
    let lot = |lot: Lot| fold::resolve(work, chain, lot).map(|(_, row)| row);
    let purse_of = |owner: Owner| match owner {
        Owner::Purse(purse) => Some(purse.to_string()),
        Owner::Budget | Owner::Float | Owner::Reserve => None,
    };
    let units = |amount: annona_ledger::amount::Amount| i128::from(amount.units());
    match value {
        Fact::Redeem { lot: from, amount, merchant, at, method } => {
            let row = lot(*from)?;
            Some(Row {
                chain,
                index,
                what: "redeemed",
                cycle: row.cycle,
                commodity: row.commodity,
                units: units(*amount),
                purse: purse_of(row.owner),
                merchant: merchant_at(work, chain, *merchant),
                at: *at,
                method: Some(*method),
            })
        }
        Fact::FloatRedeem { lot: from, purse, amount, merchant, at, method, .. } => {
            let row = lot(*from)?;
            Some(Row {
                chain,
                index,
                what: "from allowance",
                cycle: row.cycle,
                commodity: row.commodity,
                units: units(*amount),
                purse: Some(purse.to_string()),
                merchant: merchant_at(work, chain, *merchant),
                at: *at,
                method: Some(*method),
            })
        }
        Fact::Post { at, method, hold } => {
            let (row, amount) = fold::redeemed(work, place)?;
            let hold = work.hold(fold::owner_of(work, chain, *hold))?;
            Some(Row {
                chain,
                index,
                what: "redeemed",
                cycle: row.cycle,
                commodity: row.commodity,
                units: units(amount),
                purse: purse_of(row.owner),
                merchant: merchant_at(work, chain, hold.merchant),
                at: *at,
                method: Some(*method),
            })
        }
        Fact::Refund { redeem, amount, at } => {
            let of = fold::owner_of(work, chain, *redeem);
            let (row, _) = fold::redeemed(work, of)?;
            let merchant = match work.entry(of)? {
                Fact::Redeem { merchant, .. } => merchant_at(work, chain, merchant),
                _ => None,
            };
            Some(Row {
                chain,
                index,
                what: "taken back",
                cycle: row.cycle,
                commodity: row.commodity,
                units: -units(*amount),
                purse: purse_of(row.owner),
                merchant,
                at: *at,
                method: None,
            })
        }
        Fact::Merchant { .. }
        | Fact::Issue { .. }
        | Fact::Send(_)
        | Fact::Claim { .. }
        | Fact::Hold { .. }
        | Fact::Drop { .. }
        | Fact::Basket { .. }
        | Fact::End { .. }
        | Fact::Orphan(_)
        | Fact::DayClose { .. }
        | Fact::Settle { .. }
        | Fact::FloatCover(_) => None,
    }
}
