use super::*;
use crate::testing::*;

fn refund(redeem: u64, amount: Amount, index: u64) -> Sent {
    let before = Head { next: index, accumulator: Hash([0xff; 32]) };
    let moved = Moved::Refund { redeem, amount, at: Minute::NEVER };
    ticket(&charter().federation(), A, before, moved)
}

#[test]
fn a_refund_is_no_larger_a_hop_than_a_send_and_a_ticket_of_six_fits_its_claim() {
    let largest = refund(u64::MAX - 1, Amount::MAX, u64::MAX - 1);
    assert!(wire::encode(&largest).len() <= 160, "{}", wire::encode(&largest).len());
    let send = Send {
        from: crate::entry::Lot(u64::MAX),
        to: node(B),
        owner: purse_of(1),
        cycle: crate::id::CycleId(u16::MAX),
        commodity: RICE,
        amount: Amount::MAX,
        expires: Minute::NEVER,
        at: Minute::NEVER,
    };
    let before = Head { next: u64::MAX - 1, accumulator: Hash([0xff; 32]) };
    let sent = ticket(&charter().federation(), A, before, Moved::Send(send));
    let ticket = Box::new(Ticket::Sent(sent, bounded([largest; limits::HOPS])));
    let claim = Entry::Value(Value::Claim { ticket, at: Minute::NEVER });
    assert!(claim.encode().len() <= claim.limit(), "{}", claim.encode().len());
}

#[test]
fn of_more_hops_than_there_is_room_for_refunds_are_left_out_the_furthest_first() {
    let sent = |n: u64| Hop::Sent(Sent { index: n, ..sent_on() });
    let own = |index| -> Result<Sent, WireFault> { Ok(refund(0, units(1), index)) };
    let carry = |hops: &[Hop]| {
        carried(hops, own).map(|hops| hops.iter().map(|hop| hop.index).collect::<Vec<_>>())
    };
    let some = [Hop::Refund(90), sent(1), Hop::Sent(refund(0, units(1), 91)), sent(2)];
    assert_eq!(carry(&some), Ok(vec![90, 1, 91, 2]), "there is room");
    let mut many: Vec<Hop> = (1..=5).map(sent).collect();
    many.insert(0, Hop::Refund(90));
    many.insert(3, Hop::Sent(refund(0, units(1), 91)));
    many.push(Hop::Sent(refund(0, units(1), 92)));
    assert_eq!(carry(&many), Ok(vec![90, 1, 2, 3, 4, 5]));
    many.extend([sent(6)]);
    assert_eq!(carry(&many), Ok(vec![1, 2, 3, 4, 5, 6]));
    many.extend([sent(7)]);
    assert!(matches!(carry(&many), Err(WireFault::TooLong { .. })), "sends are never left out");
}

/// A send.
fn sent_on() -> Sent {
    let send = Send {
        from: crate::entry::Lot(0),
        to: node(B),
        owner: purse_of(1),
        cycle: MAY,
        commodity: RICE,
        amount: units(1),
        expires: LAST,
        at: NOW,
    };
    let before = Head { next: 0, accumulator: Hash::ZERO };
    ticket(&charter().federation(), A, before, Moved::Send(send))
}
