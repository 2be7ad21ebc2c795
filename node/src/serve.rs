//! What happens at a counter, put into entries: which lots pay, what makes a basket, which ticket goes with the holder.
//!
//! Everything here only composes; the writer's `admit` decides. A composition sees the ledger at the moment of writing,
//! so two requests for one purse in one queue never count the same units twice.

mod allowance;
mod back;
mod held;
mod lots;
#[cfg(test)]
mod tests;

use annona_ledger::admit::{Draft, RowProof, carrying};
use annona_ledger::amount::Amount;
use annona_ledger::entry::{Entry, FloatCover, Lot, Method, Owner, Send, Value};
use annona_ledger::hash::{Hash, Purpose, keyed};
use annona_ledger::id::{CommodityId, CycleId, FeedId, FeedRef, MerchantId, Purse};
use annona_ledger::key::SigningKey;
use annona_ledger::list::{List, Row};
use annona_ledger::merkle::Path;
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::{Moved, Promise, Sent, Ticket};
use annona_ledger::time::Minute;
use annona_ledger::view::{At, ChainNo, FloatRow, LotRow, View};

pub use self::allowance::{Allowance, Limit, allowances};
pub use self::back::{Back, LOTS, Unused, back, baskets, unused};
pub use self::held::{Held, held};
use self::lots::{ENTRIES, Lacks, Over, Take, apart, freed, needed, out_of};
use crate::node::{Composed, NodeFault, promise};
use crate::store::{Accepted, StoreFault, Work};

/// The purse of a household in one cycle, from its registration ([`crate::vault::registration`]): the same at every site
/// that has the cycle's key, and a stranger's guess to whoever has not.
#[must_use]
pub fn purse(cycle_key: &[u8; 32], registration: &[u8; 32]) -> Purse {
    let Hash(bytes) = keyed(Purpose::Purse, cycle_key, &[registration]);
    let mut purse = [0u8; 16];
    purse.copy_from_slice(&bytes[..16]);
    Purse(purse)
}

/// So much of one commodity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// The commodity.
    pub commodity: CommodityId,
    /// How much, in minor units.
    pub amount: Amount,
}

/// Goods to hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whose purse pays.
    pub purse: Purse,
    /// What is handed out: more than one item is a basket.
    pub items: Vec<Item>,
    /// Who hands it out.
    pub merchant: MerchantId,
    /// How the holder was authenticated.
    pub method: Method,
}

/// What a purse may still redeem here, of one commodity of one cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// Units, not counting what is put by for a time that is not over.
    pub units: u64,
    /// The earliest last minute among the lots counted.
    pub expires: Minute,
}

/// The lots of a purse that have not ended by `ends`, soonest to expire first, and what holds whose time is over keep of
/// them: it pays too, once these holds are let go.
fn paying(
    work: &Work<'_>,
    chain: ChainNo,
    purse: &Purse,
    (ends, at): (Minute, Minute),
) -> (Vec<(Lot, LotRow)>, Vec<Over>) {
    let lots = work.lots_of_purse(chain, purse).into_iter();
    let here: Vec<(At, LotRow)> = lots.filter(|(_, lot)| lot.expires >= ends).collect();
    let over = over(work, &here, at);
    let mut lots: Vec<(Lot, LotRow)> =
        here.into_iter().map(|(place, lot)| (Lot(place.index), lot)).collect();
    lots.retain(|(place, lot)| {
        lot.available().units() > 0 || over.iter().any(|hold| hold.lot == *place)
    });
    lots.sort_by_key(|(place, lot)| (lot.expires, *place));
    (lots, over)
}

/// The holds on lots that nobody can post any more.
fn over(work: &Work<'_>, lots: &[(At, LotRow)], at: Minute) -> Vec<Over> {
    let held = lots.iter().filter(|(_, lot)| lot.held.units() > 0);
    let holds = held.flat_map(|(place, _)| work.holds_of_lot(*place));
    let ended = holds.filter(|(_, hold)| hold.until < at);
    ended
        .map(|(place, hold)| Over {
            hold: place.index,
            lot: Lot(hold.lot.index),
            amount: hold.amount,
        })
        .collect()
}

/// Which lots pay items, and which holds are let go first: none, where what is free is enough.
fn pay(
    lots: &[(Lot, LotRow)],
    over: &[Over],
    items: &[Item],
    room: usize,
) -> Result<(Vec<u64>, Vec<Take>), Lacks> {
    match out_of(lots.to_vec(), items, room) {
        Err(Lacks::Amount(_) | Lacks::Lots) if !over.is_empty() => {}
        done => return done.map(|takes| (Vec::new(), takes)),
    }
    let takes = out_of(freed(lots, over), items, room)?;
    let holds = needed(lots, over, &takes);
    if holds.len().saturating_add(takes.len()) > room {
        return Err(Lacks::Lots);
    }
    Ok((holds, takes))
}

/// Lets holds go.
fn let_go(holds: Vec<u64>, at: Minute) -> impl Iterator<Item = Value> {
    holds.into_iter().map(move |hold| Value::Drop { hold, at })
}

/// What a purse may redeem at this place now.
#[must_use]
pub fn balance(work: &Work<'_>, feed: &FeedId, purse: &Purse, at: Minute) -> Vec<Left> {
    let Some(chain) = work.trunk(feed) else { return Vec::new() };
    let mut left: Vec<Left> = Vec::new();
    let (lots, over) = paying(work, chain, purse, (at, at));
    for (_, lot) in freed(&lots, &over) {
        let units = u64::try_from(lot.available().units()).unwrap_or(u64::MAX);
        match left.iter_mut().find(|l| (l.cycle, l.commodity) == (lot.cycle, lot.commodity)) {
            Some(known) => known.units = known.units.saturating_add(units),
            None => left.push(Left {
                cycle: lot.cycle,
                commodity: lot.commodity,
                units,
                expires: lot.expires,
            }),
        }
    }
    left
}

/// What these purses may redeem at this place now, together: purses of one cycle are one.
#[must_use]
pub fn balances(work: &Work<'_>, feed: &FeedId, purses: &[Purse], at: Minute) -> Vec<Left> {
    let mut all: Vec<Left> = Vec::new();
    for left in purses.iter().flat_map(|purse| balance(work, feed, purse, at)) {
        match all.iter_mut().find(|l| (l.cycle, l.commodity) == (left.cycle, left.commodity)) {
            Some(known) => {
                known.units = known.units.saturating_add(left.units);
                known.expires = known.expires.min(left.expires);
            }
            None => all.push(left),
        }
    }
    all
}

/// The merchant's number in a feed, and the entry that names it if this is its first time here.
fn merchant(work: &Work<'_>, feed: &FeedId, merchant: MerchantId) -> (u32, Option<Value>) {
    let Some(chain) = work.trunk(feed) else { return (0, Some(Value::Merchant { merchant })) };
    match work.merchant_number(chain, &merchant) {
        Some(number) => (number, None),
        None => (work.merchants(chain), Some(Value::Merchant { merchant })),
    }
}

/// Binds several entries into a basket; one alone needs none.
fn bound(entries: Vec<Value>) -> Vec<Composed> {
    let mut composed: Vec<Composed> = entries.into_iter().map(Composed::from).collect();
    if composed.len() > 1 {
        let count = u8::try_from(composed.len()).unwrap_or(u8::MAX);
        composed.insert(0, Composed::from(Value::Basket { entries: count }));
    }
    composed
}

/// Composes a redemption: from the purse's lots here, soonest to expire first. What was put by for a time that is over is
/// let go in the same basket, where the rest is not enough.
///
/// # Errors
///
/// [`Rejection::LotNotFound`] where the purse has no lot of a commodity here, [`Rejection::Expired`] where it has run
/// out, [`Rejection::ExceedsLot`] where less is left.
pub fn charge(
    work: &Work<'_>,
    feed: &FeedId,
    charge: &Charge,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    charge_all(work, feed, &[charge.purse], charge, at)
}

/// As [`charge`], from all purses of one holder instead of `charge.purse` alone: what the first has goes first, and one basket
/// takes from as many as it needs. So what ends soonest is eaten before what lasts.
///
/// # Errors
///
/// As [`charge`], with the reason that helps most.
pub fn charge_all(
    work: &Work<'_>,
    feed: &FeedId,
    purses: &[Purse],
    charge: &Charge,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    let (merchant, named) = merchant(work, feed, charge.merchant);
    let mut entries: Vec<Value> = named.into_iter().collect();
    let chain = work.trunk(feed).ok_or(Rejection::LotNotFound)?;
    let (mut lots, mut over) = (Vec::new(), Vec::new());
    for purse in purses {
        let (its, ended) = paying(work, chain, purse, (at, at));
        lots.extend(its);
        over.extend(ended);
    }
    let room = ENTRIES.saturating_sub(entries.len());
    let (holds, takes) = match pay(&lots, &over, &charge.items, room) {
        Ok(found) => found,
        Err(Lacks::Amount(item)) => return Err(short(work, chain, purses, &item, at).into()),
        Err(lacks) => return Err(lacks.into()),
    };
    let method = charge.method;
    entries.extend(let_go(holds, at));
    entries.extend(takes.into_iter().map(|(lot, _, amount)| Value::Redeem {
        lot,
        amount,
        merchant,
        at,
        method,
    }));
    Ok(bound(entries))
}

/// Why purses cannot pay an item: the most helpful of the reasons that apply.
fn short(work: &Work<'_>, chain: ChainNo, purses: &[Purse], item: &Item, at: Minute) -> Rejection {
    let lots: Vec<_> = purses.iter().flat_map(|purse| work.lots_of_purse(chain, purse)).collect();
    let mut of_item = lots.iter().filter(|(_, lot)| lot.commodity == item.commodity).peekable();
    if of_item.peek().is_none() {
        return Rejection::LotNotFound;
    }
    let all_expired = of_item.all(|(_, lot)| lot.expires < at);
    if all_expired { Rejection::Expired } else { Rejection::ExceedsLot }
}

/// Composes a redemption from this site's own allowance, for a purse whose home cannot be reached. Where no float lot has
/// enough alone, several give it: each is a redemption of its own, and her home covers each by itself.
///
/// # Errors
///
/// [`Rejection::LotNotFound`] where the float lots have less.
pub fn float_charge(
    work: &Work<'_>,
    feed: &FeedId,
    charge: &Charge,
    home: FeedRef,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    let (merchant, named) = merchant(work, feed, charge.merchant);
    let mut entries: Vec<Value> = named.into_iter().collect();
    let chain = work.trunk(feed).ok_or(Rejection::LotNotFound)?;
    let mut floats: Vec<(Lot, LotRow)> = common(work, chain, Owner::Float);
    let (purse, method) = (charge.purse, charge.method);
    let mut rest = Vec::new();
    let mut redeem = |lot, amount| {
        entries.push(Value::FloatRedeem { lot, home, purse, amount, merchant, at, method });
    };
    for item in &charge.items {
        let fits = floats.iter_mut().find(|(_, lot)| {
            lot.commodity == item.commodity && lot.available().covers(item.amount)
        });
        match fits {
            Some((lot, row)) => {
                row.balance = row.balance.debit(item.amount);
                redeem(*lot, item.amount);
            }
            None => rest.push(*item),
        }
    }
    let takes = match out_of(floats, &rest, ENTRIES) {
        Ok(takes) => takes,
        Err(Lacks::Amount(_)) => return Err(Rejection::LotNotFound.into()),
        Err(lacks) => return Err(lacks.into()),
    };
    takes.into_iter().for_each(|(lot, _, amount)| redeem(lot, amount));
    if entries.len() > ENTRIES {
        return Err(Lacks::Lots.into());
    }
    Ok(bound(entries))
}

/// The lots of one kind that are nobody's yet and have something left.
#[must_use]
pub fn common(work: &Work<'_>, chain: ChainNo, owner: Owner) -> Vec<(Lot, LotRow)> {
    work.common_lots(chain)
        .into_iter()
        .filter(|(_, lot)| lot.owner == owner && lot.available().units() > 0)
        .map(|(place, lot)| (Lot(place.index), lot))
        .collect()
}

/// Composes the refund of a redemption.
#[must_use]
pub fn refund(redeem: u64, amount: Amount, at: Minute) -> Vec<Composed> {
    vec![Composed::from(Value::Refund { redeem, amount, at })]
}

/// Composes the home's cover of a float redemption out of the purse's lots here.
///
/// # Errors
///
/// [`Rejection::ExceedsLot`] where the purse has less here; [`NodeFault::Refused`] where no lot of it can pay it alone: a
/// float redemption is covered once, out of one lot.
pub fn cover(
    work: &Work<'_>,
    feed: &FeedId,
    float: &FloatRow,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    let chain = work.trunk(feed).ok_or(Rejection::LotNotFound)?;
    // What was eaten in time is covered even if the lot has expired since.
    let here = work.lots_of_purse(chain, &float.purse);
    let over = over(work, &here, at);
    let lots: Vec<(Lot, LotRow)> =
        here.into_iter().map(|(place, lot)| (Lot(place.index), lot)).collect();
    let fits = |lots: &[(Lot, LotRow)]| {
        let found = lots.iter().find(|(_, lot)| {
            lot.commodity == float.commodity && lot.available().covers(float.amount)
        });
        found.copied()
    };
    let fits = fits(&lots).or_else(|| fits(&freed(&lots, &over)));
    let (place, lot) = fits.ok_or_else(|| {
        let same = lots.iter().filter(|(_, lot)| lot.commodity == float.commodity);
        let words = "the holder's lots here have it only together, and a cover comes out of one: leave it open, and cover \
                     it when a lot that is large enough has been issued to her or claimed here";
        apart(&mut same.map(|(_, lot)| lot), float.amount, words)
    })?;
    let holds = needed(&lots, &over, &[(place, lot, float.amount)]);
    let mut entries: Vec<Value> = let_go(holds, at).collect();
    if entries.len() >= ENTRIES {
        return Err(Lacks::Lots.into());
    }
    entries.push(Value::FloatCover(FloatCover {
        from: place,
        float: float.name,
        cycle: lot.cycle,
        commodity: lot.commodity,
        amount: float.amount,
        at,
    }));
    Ok(bound(entries))
}

/// Composes the sends that move all a purse has here to another node: one ticket per lot, of as many lots as one basket
/// binds. What was put by for a time that is over goes with her. The rest is composed once these are written: as long as
/// the basket was full. What ends at `ends` or later goes, which may be before the stamp `at`: where an entry here was dated
/// too late, a node where none was pays on.
///
/// # Errors
///
/// [`Rejection::LotNotFound`] where it has nothing here.
pub fn travel(
    work: &Work<'_>,
    feed: &FeedId,
    purse: &Purse,
    to: [u8; 8],
    (ends, at): (Minute, Minute),
) -> Result<Vec<Composed>, NodeFault> {
    let chain = work.trunk(feed).ok_or(Rejection::LotNotFound)?;
    let (lots, over) = paying(work, chain, purse, (ends, at));
    if lots.is_empty() {
        return Err(Rejection::LotNotFound.into());
    }
    let mut entries: Vec<Value> = Vec::new();
    for (from, lot) in freed(&lots, &over) {
        let holds = over.iter().filter(|hold| hold.lot == from).map(|hold| hold.hold);
        let room = ENTRIES.saturating_sub(entries.len());
        entries.extend(let_go(holds.take(room).collect(), at));
        if entries.len() >= ENTRIES {
            break;
        }
        let units = u64::try_from(lot.available().units()).unwrap_or(u64::MAX);
        let amount = Amount::new(units).unwrap_or(Amount::MAX);
        entries.push(Value::Send(send(from, &lot, to, lot.owner, amount, lot.expires, at)));
    }
    Ok(bound(entries))
}

/// Composes a send out of what is nobody's yet: a treasury's budget to a site, as budget or as float.
///
/// # Errors
///
/// [`Rejection::ExceedsLot`] where the lots of that kind together have less.
#[expect(
    clippy::too_many_arguments,
    reason = "each says one thing about the send, and none has a default"
)]
pub fn supply(
    work: &Work<'_>,
    feed: &FeedId,
    (from, owner): (Owner, Owner),
    cycle: CycleId,
    item: Item,
    to: [u8; 8],
    expires: Minute,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    supply_all(work, feed, (from, owner), cycle, &[item], to, expires, at)
}

/// As [`supply`], several items in one basket.
///
/// # Errors
///
/// As [`supply`]; [`NodeFault::Refused`] where it lies in more lots than one basket takes from.
#[expect(
    clippy::too_many_arguments,
    reason = "each says one thing about the send, and none has a default"
)]
pub fn supply_all(
    work: &Work<'_>,
    feed: &FeedId,
    (from, owner): (Owner, Owner),
    cycle: CycleId,
    items: &[Item],
    to: [u8; 8],
    expires: Minute,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    let chain = work.trunk(feed).ok_or(Rejection::LotNotFound)?;
    let mut lots = common(work, chain, from);
    lots.retain(|(_, lot)| lot.cycle == cycle);
    let takes = out_of(lots, items, ENTRIES).map_err(NodeFault::from)?;
    let sends = takes.iter().map(|(place, lot, amount)| {
        Value::Send(send(*place, lot, to, owner, *amount, expires, at))
    });
    Ok(bound(sends.collect()))
}

fn send(
    from: Lot,
    lot: &LotRow,
    to: [u8; 8],
    owner: Owner,
    amount: Amount,
    expires: Minute,
    at: Minute,
) -> Send {
    let (cycle, commodity) = (lot.cycle, lot.commodity);
    Send { from, to, owner, cycle, commodity, amount, expires, at }
}

/// Composes the taking up of a ticket.
#[must_use]
pub fn claim(ticket: Ticket, at: Minute) -> Vec<Composed> {
    vec![Composed::from(Value::Claim { ticket: Box::new(ticket), at })]
}

/// Composes a decline: the ticket is claimed and sent back where it came from, in one basket, so that nothing stays in
/// flight to a place that cannot use it.
///
/// # Errors
///
/// [`Rejection::NotAddressed`] for a budget line, which has no sender.
pub fn decline(
    work: &Work<'_>,
    feed: &FeedId,
    ticket: &Ticket,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    let Ticket::Sent(sent, _) = ticket else { return Err(Rejection::NotAddressed.into()) };
    let next = work.trunk(feed).map_or(0, |chain| work.head(chain).next);
    let row =
        annona_ledger::fold::ticket_row(feed.programme, sent.node, sent.index, &sent.moved, false);
    let back = Send {
        // The basket stands at `next`, the claim after it.
        from: Lot(next.saturating_add(1)),
        to: sent.node,
        owner: row.owner,
        cycle: row.cycle,
        commodity: row.commodity,
        amount: row.amount,
        expires: row.expires,
        at,
    };
    Ok(bound(vec![Value::Claim { ticket: Box::new(ticket.clone()), at }, Value::Send(back)]))
}

/// Composes the issue of one row of a frozen list out of this site's budget.
///
/// # Errors
///
/// [`Rejection::ExceedsLot`] where the budget lots of the cycle and commodity have less; [`NodeFault::Refused`] where none
/// of them can pay the row alone.
pub fn issue(
    work: &Work<'_>,
    feed: &FeedId,
    list: (u64, &List),
    row: (Row, Path),
    expires: Minute,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    issue_from(work, (feed, Owner::Budget), list, row, expires, at)
}

/// As [`issue`], out of lots of one kind: the budget, or the reserve for a site that is lost.
///
/// # Errors
///
/// As [`issue`].
pub fn issue_from(
    work: &Work<'_>,
    (feed, from): (&FeedId, Owner),
    (number, list): (u64, &List),
    (row, path): (Row, Path),
    expires: Minute,
    at: Minute,
) -> Result<Vec<Composed>, NodeFault> {
    let chain = work.trunk(feed).ok_or(Rejection::LotNotFound)?;
    let lots = common(work, chain, from);
    let fits = lots.iter().find(|(_, lot)| {
        (lot.cycle, lot.commodity) == (list.cycle, row.commodity)
            && lot.available().covers(row.amount)
    });
    let (from, _) = fits.ok_or_else(|| {
        let same = lots.iter().map(|(_, lot)| lot).filter(|lot| {
            (lot.cycle, lot.commodity) == (list.cycle, row.commodity)
        });
        let words = "the lots here have it only together, and a row is issued out of one: issue smaller rows first, and have \
                     one ticket sent that is enough for the largest row";
        apart(&mut { same }, row.amount, words)
    })?;
    let entry = Value::Issue {
        from: *from,
        list: number,
        row: row.row,
        purse: row.purse,
        amount: row.amount,
        expires,
        at,
    };
    let draft = Draft { entry: Entry::Value(entry), row: Some(RowProof { row, path }) };
    Ok(vec![Composed { draft, evidence: None, asked: None }])
}

/// The ticket of a send or cover this node has written, for the holder to carry: with the sends that filled its lot and,
/// where these are too many, without those its receiver can get from blocks ([`carrying`]).
///
/// # Errors
///
/// [`Rejection::TooManyHops`]; [`NodeFault::Refused`] for an entry that is neither.
pub fn ticket(work: &Work<'_>, key: &SigningKey, accepted: &Accepted) -> Result<Ticket, NodeFault> {
    let Promise { feed, index, before, signature, .. } =
        promise(key, &work.charter().federation(), accepted)?;
    let moved = match Entry::decode(feed.lane, &accepted.bytes).map_err(StoreFault::from)? {
        Entry::Value(Value::Send(send)) => Moved::Send(send),
        Entry::Value(Value::FloatCover(cover)) => Moved::Cover(cover),
        _ => return Err(NodeFault::Refused("only a send or a cover makes a ticket".into())),
    };
    let lot = match &moved {
        Moved::Send(send) => send.from,
        Moved::Cover(cover) => cover.from,
        Moved::Refund { .. } => return Err(NodeFault::Refused("a refund is no ticket".into())),
    };
    let hops = carrying(work, accepted.at.chain, lot, Some(moved.to()))?;
    let hops = crate::receipt::hops_of(work, key, &accepted.feed, hops)?;
    Ok(Ticket::Sent(Sent { node: feed.node, index, before, moved, signature }, hops))
}
