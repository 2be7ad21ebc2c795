//! What an audit tells of exceptions and refusals (spec/counter.md): hand-outs by an exception whose words are missing or
//! do not hold, and how often which node refused somebody.

use std::collections::BTreeMap;

use annona_ledger::audit::{Ground, Item, Source};
use annona_ledger::block::{Proof, Verified};
use annona_ledger::consent::{People, RefusalClass};
use annona_ledger::counter::{self, HandOut, Vouched, Word};
use annona_ledger::entry::{Entry, Method, Registry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::Hash;
use annona_ledger::id::{EntryName, FederationId, FeedId, FeedRef, Lane, OrgId};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::limits;
use annona_ledger::statement::Statement;
use annona_ledger::wallet::{CloneProof, Spend};

use super::walk::{Did, Seen};
use crate::guard;

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
    let leaf = Hash::ZERO;
    wanted.insert(seen.name, HandOut { feed, leaf, purse, commodity, amount, at, method });
}

/// How much was handed out for what a wallet signed once, by the name of what it signed.
type Spent = BTreeMap<Hash, u64>;

/// What wallets signed, by key: each spend once, with an entry it stands beside.
pub(super) type Signed = BTreeMap<PublicKey, Vec<(Spend, Signature, EntryName)>>;

/// Notes what a wallet signed for a hand-out.
fn note_spend(signed: &mut Signed, words: &[Word], name: EntryName) {
    for (said, word) in words {
        let Statement::Spend(spend) = said else { continue };
        let known = signed.entry(word.operator).or_default();
        if known.iter().all(|(other, _, _)| other != spend) {
            known.push((*spend, word.signature, name));
        }
    }
}

/// Places in wallets' histories where two stand, or that follow on nothing: kind, entry, and what was seen.
pub(super) fn odd(
    federation: &FederationId,
    signed: &Signed,
    node: impl Fn(&[u8; 8]) -> String,
) -> Vec<(&'static str, EntryName, String)> {
    let mut found = Vec::new();
    for (key, spends) in signed {
        let short = guard::hex(&key.short());
        for (nth, (spend, signature, name)) in spends.iter().enumerate() {
            let proven = spends.iter().take(nth).find(|(other, theirs, _)| {
                // A signature is looked at only where there may be something to prove.
                (other.counter == spend.counter || other.previous == spend.previous)
                    && CloneProof::of(*federation, *key, (*other, *theirs), (*spend, *signature))
                        .check()
                        .is_ok()
            });
            if let Some((other, _, _)) = proven {
                let (here, there) = (node(&spend.node), node(&other.node));
                let what = format!(
                    "wallet {short} signed number {} here ({here}) and number {} at {there}, at one place: two of it, or a \
                     keeper who cheats",
                    spend.counter, other.counter
                );
                found.push(("wallet copied", *name, what));
                continue;
            }
            let before = spend.counter.saturating_sub(1);
            let mut known =
                spends.iter().filter(|(other, _, _)| other.counter == before).peekable();
            let follows = match before {
                0 => spend.previous == Hash::ZERO,
                _ if known.peek().is_none() => spend.previous != Hash::ZERO,
                _ => known.any(|(other, _, _)| other.hash(federation, key) == spend.previous),
            };
            if !follows {
                let what = format!(
                    "wallet {short}: number {} does not follow on the one before it",
                    spend.counter
                );
                found.push(("wallet history", *name, what));
            }
        }
    }
    found
}

/// Whether all that was handed out for one signature of a wallet, this among it, is no more than it says. Several lots may
/// give what one is for.
fn within(spent: &mut Spent, federation: &FederationId, words: &[Word], out: &HandOut) -> bool {
    if out.method != Method::Signed {
        return true;
    }
    let spend = words.iter().find_map(|(said, word)| match said {
        Statement::Spend(spend) => Some((spend, spend.hash(federation, &word.operator))),
        _ => None,
    });
    let Some((spend, name)) = spend else { return false };
    let sum = spent.entry(name).or_default();
    let all = sum.saturating_add(out.amount.units());
    if all > spend.amount.units() {
        return false;
    }
    *sum = all;
    true
}

/// Strikes out every hand-out whose words are in the source and hold. What is left has none that could be seen.
/// Gives what wallets signed for the others.
pub(super) fn strike(source: &impl Source, ground: &Ground, wanted: &mut Wanted) -> Signed {
    let federation = ground.charter.federation();
    let (mut spent, mut signed) = (Spent::new(), Signed::new());
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
                    // One more than a block has will do to refuse them all.
                    let room = (limits::BLOCK_ENTRIES + 1).saturating_sub(pieces.len());
                    pieces.extend(some.into_vec().into_iter().take(room));
                    let of = block.as_ref().filter(|b| last && b.header().hash() == header);
                    if let Some(block) = of {
                        let shown = annona_ledger::block::Evidence(
                            annona_ledger::wire::Bounded::new(std::mem::take(&mut pieces))
                                .unwrap_or_default(),
                        );
                        if shown.root() == block.header().evidence_root {
                            let wallets = (&mut spent, &mut signed);
                            holding(block, &shown.0, (ground, node), wanted, wallets);
                        }
                    }
                }
                Item::Header(_) | Item::Unreadable(_) => block = None,
            }
            true
        });
    }
    signed
}

fn holding(
    block: &Verified,
    pieces: &[Proof],
    (ground, node): (&Ground, Option<OrgId>),
    wanted: &mut Wanted,
    (spent, signed): (&mut Spent, &mut Signed),
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
        if counter::check(&certified, &out, &words.0).is_err() {
            continue;
        }
        note_spend(signed, &words.0, name);
        if within(spent, &federation, &words.0, &out) {
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
    let certified =
        |feed: &FeedId| ground.roster.node(&feed.node.short()).is_some_and(|c| c.node == feed.node);
    let registries = source.feeds().into_iter().filter(|feed| feed.lane == Lane::Registry);
    for feed in registries.filter(certified) {
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

#[cfg(test)]
mod tests {
    use annona_ledger::amount::Amount;
    use annona_ledger::id::{CommodityId, Nonce, ProgrammeId, Purse};
    use annona_ledger::key::SigningKey;
    use annona_ledger::time::{DayNo, Minute};

    use super::*;

    #[test]
    fn one_signature_gives_what_it_says_in_all_and_not_each_time() {
        let federation = FederationId(Hash([7; 32]));
        let key = SigningKey::from_seed(&[9; 32]);
        let (purse, commodity) = (Purse([3; 16]), CommodityId(1));
        let feed = FeedRef { node: [1; 8], lane: Lane::Value, programme: ProgrammeId(1) };
        let amount = |units| Amount::new(units).expect("small");
        let word = |counter| {
            let spend = Spend {
                programme: feed.programme,
                purse,
                node: feed.node,
                nonce: Nonce([2; 16]),
                on: DayNo(1),
                commodity,
                amount: amount(5),
                counter,
                previous: Hash::ZERO,
            };
            let said = Statement::Spend(spend);
            [(said, said.sign(&federation, &key))]
        };
        let out = |units, method| HandOut {
            feed,
            leaf: Hash::ZERO,
            purse,
            commodity,
            amount: amount(units),
            at: Minute(1500),
            method,
        };
        let mut spent = Spent::new();
        let mut charged = |counter, units| {
            within(&mut spent, &federation, &word(counter), &out(units, Method::Signed))
        };
        assert!(charged(1, 3) && charged(1, 2), "two lots gave what one signature is for");
        assert!(!charged(1, 1), "and the next has none");
        assert!(charged(2, 5) && !charged(2, 5), "charged twice");
        assert!(!within(&mut Spent::new(), &federation, &[], &out(1, Method::Signed)));
        assert!(within(&mut Spent::new(), &federation, &[], &out(1, Method::Voucher)));
    }

    #[test]
    fn two_at_one_place_and_what_follows_on_nothing_are_told() {
        let (federation, key) = (FederationId(Hash([7; 32])), SigningKey::from_seed(&[9; 32]));
        let feed = FeedRef { node: [1; 8], lane: Lane::Value, programme: ProgrammeId(1) };
        let name = |index| EntryName { feed, index, accumulator: Hash::ZERO };
        let spend = |counter, previous, node| Spend {
            programme: feed.programme,
            purse: Purse([3; 16]),
            node: [node; 8],
            nonce: Nonce([2; 16]),
            on: DayNo(1),
            commodity: CommodityId(1),
            amount: Amount::new(5).expect("small"),
            counter,
            previous,
        };
        let kinds = |spends: &[Spend]| {
            let mut signed = Signed::new();
            for (index, spend) in (0..).zip(spends) {
                let said = Statement::Spend(*spend);
                note_spend(&mut signed, &[(said, said.sign(&federation, &key))], name(index));
            }
            let found = odd(&federation, &signed, |_| String::new());
            found.into_iter().map(|(kind, entry, _)| (kind, entry.index)).collect::<Vec<_>>()
        };
        let first = spend(1, Hash::ZERO, 1);
        let after = first.hash(&federation, &key.public());
        let second = spend(2, after, 1);
        assert_eq!(kinds(&[first, second, first]), [], "the same beside two lots is one");
        assert_eq!(kinds(&[second]), [], "what was before it may be elsewhere");
        assert_eq!(kinds(&[first, second, spend(2, after, 2)]), [("wallet copied", 2)]);
        assert_eq!(kinds(&[second, spend(3, after, 2)]), [("wallet copied", 1)], "after the same");
        assert_eq!(kinds(&[first, spend(2, Hash([5; 32]), 1)]), [("wallet history", 1)]);
        assert_eq!(kinds(&[spend(1, Hash([5; 32]), 1)]), [("wallet history", 0)]);
        assert_eq!(kinds(&[spend(4, Hash::ZERO, 1)]), [("wallet history", 0)]);
    }
}
