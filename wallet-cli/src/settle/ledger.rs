//! What the commands read of settlements: what waits to be settled, and what one comes to.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::cut;
use annona_ledger::entry::Value as Fact;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, FeedRef, Lane, MerchantId, ProgrammeId};
use annona_ledger::settlement::{self, Fitting, Reach, Row, SettlementRow, Settling, Stage};
use annona_ledger::view::{At, View};
use annona_node::node::NodeFault;
use annona_node::store::{Feed, Store, Work};
use serde_json::{Value, json};

use crate::fault::{Exit, Fault, Outcome};
use crate::pay::till::{Till, merchant_name};
use crate::words::hex;

/// What is in no settlement yet: lines, and how many feeds they are of.
pub(super) fn waiting(
    work: &Work<'_>,
    programme: ProgrammeId,
    unnamed: Option<MerchantId>,
) -> Vec<Settling> {
    let feeds = work.feeds();
    let of = |feed: &Feed| feed.id.lane == Lane::Value && feed.id.programme == programme;
    let known = feeds.iter().filter(|feed| of(feed)).map(|feed| feed.id.short());
    let shown = work.shown_feeds().into_iter().filter(|feed| feed.programme == programme);
    let all: BTreeSet<FeedRef> = known.chain(shown).collect();
    let mut lines = Vec::new();
    for feed in all {
        let chains: Vec<_> = feeds.iter().filter(|f| of(f) && f.id.short() == feed).collect();
        let lowest = cut::lowest(work, &feed);
        let trunk = chains.iter().find(|chain| chain.left.is_none());
        // All that is sealed, as far as every branch says the same, and nobody cut it.
        let below = |chain| lowest.and_then(|lowest| cut::below(work, chain, &lowest));
        let ends = chains.iter().map(|chain| chain.left.map_or(chain.sealed.next, |at| at.index));
        let end = ends.chain(trunk.and_then(|trunk| below(trunk.chain))).min().unwrap_or(0);
        let beyond = lowest.is_some() || chains.len() > 1 || work.faulty(&feed);
        let reach = Reach { end, beyond, merchant: unnamed };
        lines.extend(settlement::lines(work, &feed, &reach));
    }
    lines
}

/// A draft that begins at an index.
pub(super) struct Frozen {
    pub(super) lines: Vec<Settling>,
    pub(super) draft: Settling,
    pub(super) rows: Vec<Row>,
    /// Whether something is over, for the next one.
    pub(super) more: bool,
}

/// A draft of lines that begin at an index, with its rows: of as many as one settlement holds.
pub(super) fn frozen(
    work: &Work<'_>,
    programme: ProgrammeId,
    lines: &[Settling],
    first: u64,
) -> Result<Frozen, NodeFault> {
    let refused = |words: &str| NodeFault::Refused(words.to_owned());
    let Fitting { lines, rows, tally, more } = settlement::fitting(work, programme, lines)
        .ok_or_else(|| refused("entries of it are not here: bring them with a bundle first"))?;
    let draft = tally.finish(first).ok_or_else(|| refused("nothing waits to be settled here"))?;
    Ok(Frozen { lines, draft, rows, more })
}

/// A settlement that was named: where it is drafted, and how it stands.
pub(super) struct Found {
    pub(super) feed: FeedRef,
    pub(super) at: At,
    pub(super) row: SettlementRow,
}

/// The settlements that are known of a programme, in order.
pub(super) fn all(work: &Work<'_>, programme: ProgrammeId) -> Vec<Found> {
    let feeds = work.feeds().into_iter();
    let value = feeds.filter(|f| f.id.lane == Lane::Value && f.id.programme == programme);
    let drafted = |feed: Feed| {
        let short = feed.id.short();
        work.settlements_of(feed.chain).into_iter().map(move |(at, row)| Found {
            feed: short,
            at,
            row,
        })
    };
    value.flat_map(drafted).collect()
}

/// One of them, as it was printed (1#57) or by the first digits of its name.
pub(super) fn named(work: &Work<'_>, till: &Till, text: &str) -> Outcome<Found> {
    let digits = text.trim().to_lowercase();
    let index = digits.rsplit('#').next().and_then(|n| n.parse::<u64>().ok());
    let own = till.feed.short();
    let is = |found: &Found| {
        let by_index = found.feed == own && Some(found.at.index) == index;
        let by_name = digits.len() >= 6 && found.row.name.to_string().starts_with(&digits);
        if digits.contains('#') { by_index } else { by_index || by_name }
    };
    let mut found: Vec<Found> = all(work, till.id).into_iter().filter(is).collect();
    work.check()?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Fault::input(format!("no settlement {text} is known here."))
            .then("`annona settle status` lists them.")),
        _ => Err(Fault::input(format!("{text} names several settlements."))
            .then("Give more digits of its name.")),
    }
}

/// The rows a settlement comes to by what is known here, held against what was frozen.
///
/// # Errors
///
/// [`Exit::Wrong`] where they differ from what its operators sign.
pub(super) fn held(work: &Work<'_>, found: &Found) -> Outcome<Vec<Row>> {
    let mut lines = Vec::new();
    for index in found.row.first..found.at.index {
        let place = annona_ledger::fold::owner_of(work, found.at.chain, index);
        let Some(Fact::Settle { settling, .. }) = work.entry(place) else { continue };
        match *settling {
            Settling::Stretch { .. } | Settling::Rows { .. } => lines.push(*settling),
            Settling::Draft { .. } | Settling::Step { .. } => {}
        }
    }
    let Frozen { draft, rows, .. } = frozen(work, found.feed.programme, &lines, found.row.first)?;
    work.check()?;
    let SettlementRow { first, root, rows: count, totals, .. } = found.row.clone();
    if draft != (Settling::Draft { first, root, rows: count, totals }) {
        return Err(Fault::new(Exit::Wrong, "the settlement is not what its lines come to here.")
            .then("Do not sign it. `annona settle dispute` frees what is in it."));
    }
    Ok(rows)
}

/// A settlement of another treasury that was approved for payment, or paid, and how many of some rows are in it.
pub(super) struct Also {
    pub(super) found: Found,
    pub(super) rows: usize,
}

/// In which settlements of other treasuries rows were approved for payment or paid: their files may be with the payer.
pub(super) fn also(work: &Work<'_>, till: &Till, own: &FeedRef, rows: &[Row]) -> Vec<Also> {
    let reference = |row: &Row| row.reference(&till.federation, till.id);
    let wanted: BTreeSet<Hash> = rows.iter().map(reference).collect();
    let signed = |found: &Found| {
        found.feed != *own && matches!(found.row.stage(), Stage::Approved | Stage::Paid)
    };
    let of = |found: Found| {
        // What cannot be made again here is told by its own name.
        let theirs = held(work, &found).unwrap_or_default();
        let rows = theirs.iter().filter(|row| wanted.contains(&reference(row))).count();
        (rows > 0).then_some(Also { found, rows })
    };
    all(work, till.id).into_iter().filter(signed).filter_map(of).collect()
}

impl Also {
    /// What whoever drafts, approves or pays the same rows is told.
    pub(super) fn words(&self, till: &Till) -> String {
        let stage = format!("{:?}", self.found.row.stage()).to_lowercase();
        format!(
            "{} of these rows stand {stage} in {}#{} of {}: its payment file may be with the payer. Ask, and compare references \
             row by row, before anything is paid.",
            self.rows,
            till.id,
            self.found.at.index,
            hex(&self.found.feed.node),
        )
    }

    pub(super) fn value(&self) -> Value {
        json!({
            "settlement": self.found.row.name.to_string(), "node": hex(&self.found.feed.node),
            "index": self.found.at.index, "rows": self.rows,
            "stage": format!("{:?}", self.found.row.stage()).to_lowercase(),
        })
    }
}

/// Whether a settlement keeps nothing any more: its feed is cut off, and nothing below that says it was paid.
pub(super) fn is_void(work: &Work<'_>, found: &Found) -> bool {
    found.row.stage() != Stage::Disputed && !settlement::holds(work, found.at, &found.row)
}

/// What each merchant is paid of each commodity: given less taken back.
pub(super) fn by_merchant(rows: &[Row]) -> BTreeMap<(MerchantId, CommodityId), i128> {
    let mut sums: BTreeMap<(MerchantId, CommodityId), i128> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry((row.what.merchant, row.what.commodity)).or_default();
        *sum = sum.saturating_add(signed(row));
    }
    sums
}

/// The units of a row: below zero where it takes from what is paid.
pub(super) fn signed(row: &Row) -> i128 {
    let units = i128::from(row.what.amount.units());
    if row.what.kind.is_back() { -units } else { units }
}

/// What each merchant is paid, in JSON and in words.
pub(super) fn sums(store: &Store, till: &Till, rows: &[Row]) -> (Value, Vec<String>) {
    let mut words = Vec::new();
    let mut values = Vec::new();
    for ((merchant, commodity), units) in by_merchant(rows) {
        let name = merchant_name(store, &merchant);
        let said = name.clone().unwrap_or_else(|| merchant.to_string());
        words.push(format!("  {said}: {}", till.print(commodity, units)));
        values.push(json!({
            "merchant": merchant.to_string(), "name": name, "commodity": commodity,
            "units": units.to_string(),
        }));
    }
    (Value::Array(values), words)
}
