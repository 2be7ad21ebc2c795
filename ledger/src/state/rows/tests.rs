use super::*;
use crate::cut::{Cut, Reason};
use crate::id::EntryName;
use crate::testing::*;
use crate::time::Minute;
use crate::view::{At, ChainNo, Opened};

/// A row of the page: its leaf, its table, then fields one behind the other.
fn row(leaf: [u8; 4], table: u8, fields: &[&[u8]]) -> Vec<u8> {
    [leaf.as_slice(), &[table], &fields.concat()].concat()
}

/// One row of each kind that is put together of fixed fields, no two fields alike, beside what the page says of it.
#[test]
fn every_row_is_the_bytes_of_its_page() {
    let (food, may) = (FOOD.0.to_be_bytes(), MAY.0.to_be_bytes());
    let no_cycle = [food[0], food[1], 0, 0];
    let of_cycle = [food[0], food[1], may[0], may[1]];
    let [feed, home] = [feed_of(A), feed_of(B)];
    let short = |feed: &FeedRef| [&feed.node[..], &[feed.lane as u8], &food].concat();
    let hash = |n: u8| Hash([n; 32]);
    let sum = |n: u64| i128::from(n).to_be_bytes();

    let PublicKey::Ed25519(operator) = key(OPERATORS[0]).public();
    let at = At { chain: ChainNo(7), index: 9 };
    let name = EntryName { feed, index: 9, accumulator: hash(1) };
    let float = FloatRow {
        at,
        name,
        home,
        purse: purse(3),
        cycle: MAY,
        commodity: RICE,
        amount: units(0x0405),
        stamp: NOW,
    };
    let word =
        ClockWord { node: node(A), clock: Minute(0x0607), operator: key(OPERATORS[0]).public() };
    let cut = Cut { seq: 0x0809, head: hash(4) };
    let revoked = Revocation { feed, by: node(B), cut, reason: Reason::Lost };
    let lot = LotRow {
        origin: hash(5),
        owner: purse_of(6),
        cycle: MAY,
        commodity: RICE,
        balance: units(0x0a0b).into(),
        held: Balance::ZERO,
        expires: Minute(0x0c0d),
        opened: Opened::Issue,
    };
    let day = |closed| DayRow { name: hash(7), first: 0x0e0f, closed };
    let rows = [
        (
            float_bytes(&hash(2), &float),
            row(
                of_cycle,
                4,
                &[&[2; 32], &short(&home), &[3; 16], &[RICE.0], &0x0405_u64.to_be_bytes()],
            ),
        ),
        (enrolled_bytes(FOOD, &holder(8)), row(no_cycle, 5, &[&[8; 16]])),
        (
            carrier_bytes(FOOD, &CarrierId([9; 16]), &holder(8)),
            row(no_cycle, 6, &[&[9; 16], &[8; 16]]),
        ),
        (cancelled_bytes(FOOD, &CarrierId([9; 16])), row(no_cycle, 7, &[&[9; 16]])),
        (
            revocation_bytes(&revoked),
            row(
                no_cycle,
                9,
                &[
                    &short(&feed),
                    &node(B),
                    &0x0809_u64.to_be_bytes(),
                    &[4; 32],
                    &[Reason::Lost as u8],
                ],
            ),
        ),
        (
            end_bytes(&feed, 0x1011, &hash(10)),
            row(no_cycle, 10, &[&short(&feed), &0x1011_u64.to_be_bytes(), &[10; 32]]),
        ),
        (
            clock_word_bytes(&word),
            row([0; 4], 11, &[&node(A), &0x0607_u32.to_be_bytes(), &operator]),
        ),
        (
            shown_bytes(&feed, 0x1213, &hash(11), Some(&hash(12))),
            row(no_cycle, 13, &[&feed.node, &0x1213_u64.to_be_bytes(), &[11; 32], &[12; 32]]),
        ),
        (
            shown_bytes(&feed, 0x1213, &hash(11), None),
            row(no_cycle, 13, &[&feed.node, &0x1213_u64.to_be_bytes(), &[11; 32], &[0; 32]]),
        ),
        (
            day_bytes(&feed, &day(Some(hash(13)))),
            row(no_cycle, 14, &[&feed.node, &[7; 32], &0x0e0f_u64.to_be_bytes(), &[13; 32]]),
        ),
        (
            day_bytes(&feed, &day(None)),
            row(no_cycle, 14, &[&feed.node, &[7; 32], &0x0e0f_u64.to_be_bytes(), &[0; 32]]),
        ),
        (
            lot_bytes(&feed, &lot),
            row(
                of_cycle,
                1,
                &[
                    &feed.node,
                    &[5; 32],
                    &[3],
                    &[6; 16],
                    &[RICE.0],
                    &sum(0x0a0b),
                    &0x0c0d_u32.to_be_bytes(),
                ],
            ),
        ),
    ];
    for (made, page) in rows {
        assert_eq!(made, page, "table {:?}", table(&page));
    }
}
