//! What an audit tells of exceptions and refusals (spec/counter.md): hand-outs by an exception whose words are missing or
//! do not hold, and how often which node refused somebody.

use std::collections::BTreeMap;

use annona_ledger::audit::{Ground, Item, Source};
use annona_ledger::block::{Proof, Verified};
use annona_ledger::consent::{People, RefusalClass};
use annona_ledger::counter::{self, HandOut, Vouched};
use annona_ledger::entry::{Entry, Registry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::id::{EntryName, FeedRef, Lane, OrgId};

use super::walk::{Did, Seen};

/// A hand-out by an exception, as the walk saw it, and whether words that hold were found beside it.
pub(super) type Wanted = BTreeMap<EntryName, HandOut>;

/// Notes a hand-out that needs words.
pub(super) fn note(wanted: &mut Wanted, seen: &Seen) {
    let (Did::HandedOut { method, .. } | Did::FloatHandedOut { method, .. }) = seen.did else {
        return;
    };
    let (Some(purse), Some(amount)) = (seen.purse, annona_ledger::amount::Amount::new(seen.units))
    else {
        return;
    };
    if !counter::needs_words(method) {
        return;
    }
    let (feed, commodity, at) = (seen.name.feed, seen.commodity, seen.at);
    let leaf = annona_ledger::hash::Hash::ZERO;
    wanted.insert(seen.name, HandOut { feed, leaf, purse, commodity, amount, at, method });
}

/// Strikes out every hand-out whose words are in the source and hold. What is left has none that could be seen.
pub(super) fn strike(source: &impl Source, ground: &Ground, wanted: &mut Wanted) {
    let federation = ground.charter.federation();
    for feed in source.feeds().into_iter().filter(|feed| feed.lane == Lane::Value) {
        let mut block: Option<Verified> = None;
        let mut pieces: Vec<Proof> = Vec::new();
        let node = ground.roster.node(&feed.node.short()).map(|c| c.org);
        source.items(&feed, &mut |_, item| {
            match item {
                Item::Block(read) => {
                    block = read.verify(&federation, &feed).ok();
                    pieces.clear();
                }
                Item::Evidence { header, pieces: some, last, .. } => {
                    pieces.extend(some.into_vec());
                    let of = block.as_ref().filter(|b| last && b.header().hash() == header);
                    if let Some(block) = of {
                        let shown = annona_ledger::block::Evidence(
                            annona_ledger::wire::Bounded::new(std::mem::take(&mut pieces))
                                .unwrap_or_default(),
                        );
                        if shown.root() == block.header().evidence_root {
                            holding(block, &shown.0, ground, node, wanted);
                        }
                    }
                }
                Item::Header(_) | Item::Unreadable(_) => block = None,
            }
            true
        });
    }
}

fn holding(
    block: &Verified,
    pieces: &[Proof],
    ground: &Ground,
    node: Option<OrgId>,
    wanted: &mut Wanted,
) {
    let federation = ground.charter.federation();
    let feed = block.feed().short();
    for placed in block.entries() {
        let name = EntryName { feed, index: placed.index, accumulator: placed.accumulator };
        let Some(out) = wanted.get(&name) else { continue };
        let Entry::Value(
            value @ (Value::Redeem { .. } | Value::FloatRedeem { .. } | Value::Post { .. }),
        ) = &placed.entry
        else {
            continue;
        };
        let place = placed.index.saturating_sub(block.header().first);
        let piece = pieces.iter().find(|piece| u64::from(piece.place) == place);
        let Some(words) = piece.and_then(|piece| Vouched::decode(&piece.bytes).ok()) else {
            continue;
        };
        let Some(of) = ground.charter.programme(feed.programme).map(|p| p.org) else { continue };
        let out = HandOut { leaf: leaf(&Entry::Value(value.clone()).encode()), ..*out };
        let orgs = [of, node.unwrap_or(of)];
        let certified = counter::Ground { federation: &federation, roster: &ground.roster, orgs };
        if counter::check(&certified, &out, &words.0).is_ok() {
            wanted.remove(&name);
        }
    }
}

/// How often which node refused somebody, for what.
pub(super) fn refusals(
    source: &impl Source,
    ground: &Ground,
) -> BTreeMap<(FeedRef, RefusalClass), u64> {
    let federation = ground.charter.federation();
    let mut refusals = BTreeMap::new();
    for feed in source.feeds().into_iter().filter(|feed| feed.lane == Lane::Registry) {
        source.items(&feed, &mut |_, item| {
            let Item::Block(block) = item else { return true };
            let Ok(block) = block.verify(&federation, &feed) else { return true };
            for placed in block.entries() {
                if let Entry::Registry(Registry::People(People::Refused { class, .. })) =
                    &placed.entry
                {
                    *refusals.entry((feed.short(), *class)).or_default() += 1;
                }
            }
            true
        });
    }
    refusals
}
