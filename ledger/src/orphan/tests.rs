//! A site that burnt, and what merchants and holders bring.

use super::*;
use crate::admit::Draft;
use crate::charge::{charges, proven};
use crate::entry::{Lot, Method, Owner, Send};
use crate::feed::Head;
use crate::rejection::Rejection;
use crate::state::State;
use crate::testing::*;
use crate::ticket::sign_place;
use crate::view::{ChainNo, Change};

mod facts;

/// A's feed as A alone knows it: what it took up, issued, handed out and took back.
pub(crate) struct Burnt {
    pub(crate) federation: FederationId,
    pub(crate) entries: Vec<(Entry, Head, Head)>,
    pub(crate) ticket: Sent,
}

pub(crate) const METHOD: Method = Method::Sight;

pub(crate) fn redeem(lot: u64, amount: u64) -> Value {
    let (lot, amount, at) = (Lot(lot), units(amount), NOW);
    Value::Redeem { lot, amount, merchant: 0, at, method: METHOD }
}

impl Burnt {
    /// The treasury sends 50; A claims (0), names a merchant (1), freezes and issues 20 and 10 (2, 3) and goes on as told.
    pub(crate) fn new(desk: &mut Desk, more: impl IntoIterator<Item = Value>) -> Self {
        let federation = desk.federation();
        desk.force(&value(TREASURY), Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW });
        let send = Send {
            from: Lot(0),
            to: node(A),
            owner: Owner::Budget,
            cycle: MAY,
            commodity: RICE,
            amount: units(50),
            expires: LAST,
            at: NOW,
        };
        let ticket = desk.send(TREASURY, Moved::Send(send));
        let issue = |row: u32, amount| Value::Issue {
            from: Lot(0),
            list: 0,
            row,
            purse: purse(u8::try_from(row).expect("small")),
            amount: units(amount),
            expires: LAST,
            at: NOW,
        };
        let claim = Ticket::Sent(ticket, bounded([]));
        let first = [
            Value::Claim { ticket: Box::new(claim), at: NOW },
            Value::Merchant { merchant: merchant(7) },
            issue(0, 20),
            issue(1, 10),
        ];
        let mut head = Head::start(&federation, &value(A));
        let mut entries = Vec::new();
        for entry in first.into_iter().chain(more) {
            let entry = Entry::Value(entry);
            let after = head.after(&entry.encode());
            entries.push((entry, head, after));
            head = after;
        }
        Self { federation, entries, ticket }
    }

    /// What a till holds of an entry.
    pub(crate) fn promise(&self, index: usize) -> Shown {
        let (entry, before, after) = &self.entries[index];
        let signature = sign_place(&key(A), &self.federation, &value(A), after);
        let entry = Bytes::new(entry.encode()).expect("small");
        Shown::Promised { index: before.next, before: before.accumulator, entry, signature }
    }

    /// What a till holds of the same entry written elsewhere: by a copy of the node that said something else before.
    pub(crate) fn promise_after(&self, before: Head, index: usize) -> Shown {
        let bytes = self.entries[index].0.encode();
        let signature = sign_place(&key(A), &self.federation, &value(A), &before.after(&bytes));
        let entry = Bytes::new(bytes).expect("small");
        Shown::Promised { index: before.next, before: before.accumulator, entry, signature }
    }

    /// A receipt of an entry in a block of all from `first` on.
    pub(crate) fn receipt(&self, first: usize, index: usize) -> Shown {
        let entries: Vec<Entry> = self.entries[first..].iter().map(|e| e.0.clone()).collect();
        let block = seal(&self.federation, A, value(A), 0, self.entries[first].1, &entries);
        let leaves: Vec<Hash> = entries.iter().map(|e| leaf(&e.encode())).collect();
        let place = u32::try_from(index - first).expect("small");
        let path = crate::merkle::path(&leaves, place).expect("a leaf");
        let entry = Bytes::new(self.entries[index].0.encode()).expect("small");
        let heading = Heading::of(&block.header);
        Shown::Sealed { entry, path, heading, signature: block.signature }
    }

    /// A second chain that leaves the first one at an index, once that is known so far, and says something else there.
    pub(crate) fn twin(
        &self,
        desk: &mut Desk,
        index: usize,
        says: impl IntoIterator<Item = Value>,
    ) -> ChainNo {
        let (chain, start) = (desk.state.trunk(&value(A)), self.entries[index].1);
        let branch = desk.state.branch(At { chain, index: start.next }, start);
        for entry in says.into_iter().map(Entry::Value) {
            let after = desk.state.head(branch).after(&entry.encode());
            desk.state.fold(branch, after.accumulator, &entry);
        }
        branch
    }

    /// Folds the first so many entries as A's blocks would.
    pub(crate) fn arrive(&self, desk: &mut Desk, count: usize) {
        let chain = desk.state.trunk(&value(A));
        let next = usize::try_from(desk.state.head(chain).next).expect("small");
        for (entry, ..) in &self.entries[next..count] {
            desk.force(&value(A), entry.clone());
        }
    }
}

pub(crate) fn orphan(shown: impl IntoIterator<Item = Shown>) -> Draft {
    let orphan = Orphan { node: node(A), shown: bounded(shown), sends: bounded([]), at: NOW };
    Draft::from(Entry::Value(Value::Orphan(Box::new(orphan))))
}

fn pool_of(state: &State) -> Pool {
    let key = PoolKey { node: node(A), programme: FOOD, cycle: MAY, commodity: RICE };
    state.whole_pools().get(&key).copied().unwrap_or_default()
}

fn sums(state: &State) -> (i128, i128) {
    let pool = pool_of(state);
    (pool.lots.plus(pool.arriving).units(), pool.redeemed.units())
}

#[test]
fn s09_fire_before_sync_promises_surface_late_and_suspense_pays() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5), redeem(3, 4)]);
    // B knows A up to its issues; the redemptions burnt.
    a.arrive(&mut desk, 4);
    assert_eq!(sums(&desk.state), (50, 0));
    desk.write(&value(B), orphan([a.promise(4)]));
    assert_eq!(sums(&desk.state), (45, 5));
    desk.write(&value(B), orphan([a.promise(5)]));
    assert_eq!(sums(&desk.state), (41, 9));
    assert_eq!(charges(&desk.state), []);
    // The same brought twice, by promise or by receipt, by one node or another, is one.
    assert_eq!(desk.ask(&value(B), &orphan([a.promise(4)])), Err(Rejection::OrphanKnown));
    desk.force(&value(TREASURY), orphan([a.promise(4)]).entry);
    desk.force(&value(TREASURY), orphan([a.receipt(2, 4)]).entry);
    assert_eq!(sums(&desk.state), (41, 9));
    // And so are the blocks, should they be found.
    a.arrive(&mut desk, 6);
    assert_eq!(sums(&desk.state), (41, 9));
    assert_eq!(charges(&desk.state), []);
    assert_eq!(proven(&desk.state, &feed_of(A)), None);
}

#[test]
fn nothing_of_a_feed_is_known_and_all_of_it_is_shown() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    let alone = orphan([a.promise(4)]);
    assert_eq!(desk.ask(&value(B), &alone), Err(Rejection::OrphanUntold));
    desk.force(&value(B), alone.entry);
    assert_eq!(sums(&desk.state), (50, 0), "nobody can say of what");
    // With what opened its lot, and what opened that one's, it can be told.
    let with = orphan([a.promise(4), a.promise(2), a.receipt(0, 0)]);
    desk.write(&value(B), with);
    assert_eq!(sums(&desk.state), (45, 5));
    a.arrive(&mut desk, 5);
    assert_eq!(sums(&desk.state), (45, 5));
}

#[test]
fn a_refund_that_burnt_counts_only_beside_its_redemption() {
    let mut desk = Desk::new();
    let refund = Value::Refund { redeem: 4, amount: units(3), at: NOW };
    let a = Burnt::new(&mut desk, [redeem(2, 5), refund, redeem(5, 2)]);
    a.arrive(&mut desk, 4);
    desk.force(&value(B), orphan([a.promise(6), a.promise(5)]).entry);
    assert_eq!(sums(&desk.state), (50, 0), "of what the lot was, its redemption would tell");
    desk.force(&value(B), orphan([a.promise(4)]).entry);
    assert_eq!(sums(&desk.state), (50 - 5 + 3 - 2, 5 - 3 + 2));
    for count in 5..=7 {
        a.arrive(&mut desk, count);
        assert_eq!(sums(&desk.state), (46, 4), "{count}");
    }
}

#[test]
fn an_honest_site_is_not_charged_by_what_is_shown_and_a_short_one_is() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 20), redeem(3, 10), redeem(2, 25)]);
    a.arrive(&mut desk, 4);
    for index in 4..6 {
        desk.write(&value(B), orphan([a.promise(index)]));
        assert_eq!(charges(&desk.state), []);
    }
    desk.write(&value(B), orphan([a.promise(6)]));
    let [charge] = charges(&desk.state)[..] else { unreachable!("one charge") };
    assert_eq!((charge.units, charge.proven), (5, None), "its pool pays what its lots cannot");
}

#[test]
fn a_promise_that_a_block_contradicts_is_a_fork_and_lots_pay_by_themselves() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 25)]);
    a.arrive(&mut desk, 4);
    desk.force(&value(A), redeem(3, 1));
    desk.force(&value(B), orphan([a.promise(4)]).entry);
    assert_eq!(proven(&desk.state, &feed_of(A)), Some(crate::charge::Proven::Fork { index: 4 }));
    let [charge] = charges(&desk.state)[..] else { unreachable!("one charge") };
    assert_eq!(charge.units, 5, "the lot of 20 paid 25");
}

#[test]
fn what_is_not_signed_by_its_feed_is_refused_and_adds_nothing() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    a.arrive(&mut desk, 4);
    let Shown::Promised { index, before, signature, .. } = a.promise(4) else {
        unreachable!("a promise")
    };
    let entry = Bytes::new(Entry::Value(redeem(2, 6)).encode()).expect("small");
    let forged = orphan([Shown::Promised { index, before, entry, signature }]);
    assert_eq!(desk.ask(&value(B), &forged), Err(Rejection::OrphanUnsigned));
    desk.force(&value(B), forged.entry);
    assert_eq!(sums(&desk.state), (50, 0));
    assert_eq!(desk.ask(&value(A), &orphan([a.promise(4)])), Err(Rejection::OrphanOwn));
    let stranger = Orphan { node: [9; 8], shown: bounded([]), sends: bounded([]), at: NOW };
    let stranger = Draft::from(Entry::Value(Value::Orphan(Box::new(stranger))));
    assert_eq!(desk.ask(&value(B), &stranger), Err(Rejection::UnknownSender));
}

#[test]
fn an_orphan_with_a_receipt_and_its_provenance_fits_its_entry() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, (0..250).map(|_| redeem(2, 0)));
    let shown = [a.receipt(0, 200), a.promise(2), a.promise(0)];
    let full =
        Orphan { node: node(A), shown: bounded(shown), sends: bounded([a.ticket; 4]), at: NOW };
    let entry = Entry::Value(Value::Orphan(Box::new(full)));
    let bytes = entry.encode();
    assert!(bytes.len() <= limits::CARRYING_ENTRY_BYTES, "{}", bytes.len());
    assert_eq!(Entry::decode(Lane::Value, &bytes), Ok(entry));
}

#[test]
fn the_same_bytes_on_two_branches_are_two_where_promises_tell_them_apart() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    a.arrive(&mut desk, 4);
    // Another branch names another merchant at 3 and then says the same at 4.
    let other = Entry::Value(Value::Merchant { merchant: merchant(8) });
    let before = a.entries[3].1.after(&other.encode());
    let same = a.entries[4].0.clone();
    let after = before.after(&same.encode());
    let signature = sign_place(&key(A), &a.federation, &value(A), &after);
    let entry = Bytes::new(same.encode()).expect("small");
    let twin = Shown::Promised { index: before.next, before: before.accumulator, entry, signature };
    desk.force(&value(B), orphan([a.promise(4)]).entry);
    desk.force(&value(B), orphan([a.receipt(2, 4)]).entry);
    assert_eq!(sums(&desk.state).1, 5);
    desk.force(&value(B), orphan([twin]).entry);
    assert_eq!(sums(&desk.state).1, 10);
    a.arrive(&mut desk, 5);
    assert_eq!(sums(&desk.state).1, 10);
    let place = At { chain: desk.state.trunk(&value(A)), index: 4 };
    assert!(desk.state.entry(place).is_some());
}

#[test]
fn a_certificate_that_comes_late_makes_the_same_state() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5)]);
    let charter = charter();
    let mut late = State::new(charter.clone(), roster_without(&charter, &[A]));
    let chain = late.trunk(&value(B));
    let draft = orphan([a.promise(4)]);
    let after = late.head(chain).after(&draft.entry.encode());
    late.fold(chain, after.accumulator, &draft.entry);
    assert_eq!(late.waiting().count(), 1, "it waits for its feed's certificate");
    assert!(late.shown(&feed_of(A)).is_empty());
    let fact = Fact {
        feed: feed_of(A),
        index: 4,
        leaf: leaf(&a.entries[4].0.encode()),
        name: None,
        value: redeem(2, 5),
    };
    late.apply(Change::Shown(Box::new(fact)));
    assert_eq!(late.shown(&feed_of(A)).len(), 1);
}

#[test]
fn what_is_known_what_is_forged_and_what_came_back_are_told_apart() {
    let mut desk = Desk::new();
    let refund = Value::Refund { redeem: 4, amount: units(2), at: NOW };
    let a = Burnt::new(&mut desk, [redeem(2, 5), refund]);
    a.arrive(&mut desk, 5);
    let b = value(B);
    assert_eq!(desk.ask(&b, &orphan([a.promise(4)])), Err(Rejection::OrphanKnown), "its block");
    assert_eq!(desk.ask(&b, &orphan([a.promise(5)])), Ok(()), "a refund by itself");
    let with = |sent| {
        let (shown, sends) = (bounded([a.promise(5)]), bounded([sent]));
        let orphan = Orphan { node: node(A), shown, sends, at: NOW };
        Draft::from(Entry::Value(Value::Orphan(Box::new(orphan))))
    };
    assert_eq!(desk.ask(&b, &with(a.ticket)), Ok(()));
    let signature = Signature::Ed25519([[1; 32]; 2]);
    let forged = Sent { signature, ..a.ticket };
    assert_eq!(desk.ask(&b, &with(forged)), Err(Rejection::TicketForged));
}

/// The redemption was shown, its refund was not: by a ticket that was drawn on what came back, or by what an orphan
/// carries, its site is excused.
#[test]
fn what_came_back_to_a_site_that_burnt_excuses_it_where_only_its_redemption_was_shown() {
    for (told, arrived) in
        [("nobody", 0), ("a ticket", 0), ("a ticket", 4), ("an orphan", 0), ("a wrong place", 0)]
    {
        let mut desk = Desk::new();
        let refund = Value::Refund { redeem: 4, amount: units(20), at: NOW };
        let send = |from: u64, amount| {
            let (from, to, owner) = (Lot(from), node(B), Owner::Purse(purse(0)));
            let (cycle, commodity, amount) = (MAY, RICE, units(amount));
            Send { from, to, owner, cycle, commodity, amount, expires: LAST, at: NOW }
        };
        let sends = [send(5, 20), send(0, 20), send(3, 10)];
        let sent = sends.into_iter().map(Value::Send);
        let a = Burnt::new(&mut desk, [redeem(2, 20), refund].into_iter().chain(sent));
        let back = Moved::Refund { redeem: 4, amount: units(20), at: NOW };
        let place = if told == "a wrong place" { 4 } else { 5 };
        let back = ticket(&a.federation, A, a.entries[place].1, back);
        a.arrive(&mut desk, arrived);
        for (n, send) in (6..).zip(sends) {
            let sent = ticket(&a.federation, A, a.entries[n].1, Moved::Send(send));
            let hops = bounded(told.starts_with("a ").then_some(back));
            let ticket = Box::new(Ticket::Sent(sent, hops));
            desk.force(&value(B), Value::Claim { ticket, at: NOW });
        }
        let owed = |desk: &Desk| charges(&desk.state).iter().map(|c| c.units).collect::<Vec<_>>();
        assert_eq!(owed(&desk), [], "as far as is known it handed nothing out");
        let shown = bounded([a.promise(4), a.promise(2), a.promise(0)]);
        let sends = bounded((told == "an orphan").then_some(back));
        let tells = Orphan { node: node(A), shown, sends, at: NOW };
        desk.force(&value(B), Value::Orphan(Box::new(tells)));
        let short: &[u128] = if matches!(told, "nobody" | "a wrong place") { &[20] } else { &[] };
        assert_eq!(owed(&desk), short, "{told} tells");
        // Shown besides it counts as that, and excuses once.
        desk.force(&value(B), orphan([a.promise(5)]).entry);
        assert_eq!(owed(&desk), [], "{told} tells");
    }
}

/// Once a fault is proven lots count one by one, also those that are known only because they were shown.
#[test]
fn a_shown_lot_that_gave_too_much_is_not_paid_by_another() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 20), redeem(2, 5)]);
    let shown = [a.promise(4), a.promise(5), a.promise(2), a.promise(3), a.promise(0)];
    desk.write(&value(B), orphan(shown));
    assert_eq!(charges(&desk.state), [], "the pool has it");
    desk.state.note_fork(feed_of(A), 9);
    let owed: Vec<u128> = charges(&desk.state).iter().map(|charge| charge.units).collect();
    assert_eq!(owed, [5], "what is left in the budget, and in the other family's lot, is theirs");
}

#[test]
fn what_was_shown_below_where_a_view_begins_contradicts_nothing_and_counts_no_more() {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5), refund_of(4, 2)]);
    desk.force(&value(B), orphan([a.promise(5), a.promise(4)]).entry);
    desk.force(&value(B), orphan([a.promise(2), a.promise(0)]).entry);
    a.arrive(&mut desk, 6);
    let before = sums(&desk.state);
    assert!(!desk.state.faulty(&feed_of(A)));
    // A node that began above has only what was given it of the part below: here nothing.
    let above = Above::of(&desk.state, 6);
    assert_eq!(contradicted(&above, &feed_of(A)), None);
    assert!(pools(&above, &feed_of(A)).is_empty(), "the blocks have it: {before:?}");
    // What its blocks deny, whoever has them tells.
    let other = Fact { value: redeem(2, 6), ..desk.state.shown(&feed_of(A)).remove(0) };
    let other = Fact { leaf: Hash([1; 32]), ..other };
    desk.state.apply(Change::Shown(Box::new(other)));
    assert!(contradicted(&desk.state, &feed_of(A)).is_some());
}

fn refund_of(redeem: u64, amount: u64) -> Value {
    Value::Refund { redeem, amount: units(amount), at: NOW }
}

#[test]
fn what_stands_beyond_what_this_version_knows_is_no_fork() {
    let mut desk = Desk::new();
    let send = Send {
        from: Lot(2),
        to: node(B),
        owner: purse_of(0),
        cycle: MAY,
        commodity: RICE,
        amount: units(3),
        expires: LAST,
        at: NOW,
    };
    let unknown = Value::Merchant { merchant: merchant(8) };
    let a = Burnt::new(&mut desk, [unknown, redeem(2, 1), Value::Send(send)]);
    a.arrive(&mut desk, 4);
    let chain = desk.state.trunk(&value(A));
    // What stands fifth must not be passed over, and is not known: all behind it is kept, and not folded.
    desk.state.apply(Change::Fault(At { chain, index: 4 }, crate::view::Fault::Halted));
    a.arrive(&mut desk, 7);
    assert_eq!(sums(&desk.state), (50, 0));
    let ticket = ticket(&a.federation, A, a.entries[6].1, Moved::Send(send));
    desk.force(
        &value(B),
        Value::Claim { ticket: Box::new(Ticket::Sent(ticket, bounded([]))), at: NOW },
    );
    assert!(!desk.state.faulty(&feed_of(A)), "its ticket stands where nobody here can read");
    desk.force(&value(B), orphan([a.promise(5)]).entry);
    assert!(!desk.state.faulty(&feed_of(A)), "and so does what was shown");
    assert_eq!(sums(&desk.state), (46, 1), "which counts as shown");
    assert_eq!(folded_to(&desk.state, chain), 4);
}
