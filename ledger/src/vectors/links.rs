//! What travels: a frame of every kind, and promises that were not kept.

use super::{Made, Vector};
use crate::broken::BrokenPromise;
use crate::cut::Cut;
use crate::entry::Entry;
use crate::feed::Head;
use crate::limits;
use crate::orphan::tests::{Burnt, redeem};
use crate::shape::samples;
use crate::sync::{frame, talk};
use crate::testing::*;
use crate::ticket::{Promise, sign_place};
use crate::time::Minute;
use crate::wire::{self, Bytes};

pub(super) fn all() -> Made {
    [frames(), promises()].into_iter().flatten().collect()
}

fn frames() -> Made {
    let mut made = Made::new();
    let mut add = |name: String, answer: &str, bytes: Vec<u8>| {
        let name: &'static str = format!("frame/{name}").leak();
        made.push((name, Vector::new("frame", answer, vec![("bytes", bytes)])));
    };
    for frame in samples::every_frame() {
        let good = wire::encode(&frame);
        let name = frame::name(frame.kind()).replace(' ', "_");
        let longer = [&[good[0] | 0x80, 0][..], &good[1..]].concat();
        add(format!("{name}_cut_short"), "Malformed", good[..good.len() - 1].to_vec());
        add(format!("{name}_trailing_byte"), "Malformed", [&good[..], &[0]].concat());
        // A kind is one byte, so that a frame of a later version is told before anything of it is read.
        let other = format!("Kind({})", longer[0]);
        add(format!("{name}_with_its_kind_spelt_longer"), &other, longer);
        add(format!("{name}_twice"), "Malformed", good.repeat(2));
        add(name, "good", good);
    }
    let budget = wire::encode(&frame::Frame::Over(talk::Over::Budget));
    let over = "over_for_a_budget_used_up";
    add(format!("{over}_trailing_byte"), "Malformed", [&budget[..], &[0]].concat());
    add(format!("{over}_cut_short"), "Malformed", budget[..1].to_vec());
    add("over_of_what_nobody_knows".to_owned(), "Malformed", vec![budget[0], 5]);
    add(over.to_owned(), "good", budget);
    let kept = wire::encode(&frame::Frame::Over(talk::Over::Letter([6; 16])));
    add("over_for_a_letter_that_is_kept_cut_short".to_owned(), "Malformed", kept[..17].to_vec());
    let longer = [&kept[..], &[0]].concat();
    add("over_for_a_letter_that_is_kept_trailing_byte".to_owned(), "Malformed", longer);
    add("over_for_a_letter_that_is_kept".to_owned(), "good", kept);
    let name = "over_for_a_letter_that_is_not_taken";
    let not = wire::encode(&frame::Frame::Over(talk::Over::NotTaken([6; 16])));
    add(format!("{name}_cut_short"), "Malformed", not[..17].to_vec());
    add(format!("{name}_trailing_byte"), "Malformed", [&not[..], &[0]].concat());
    add(format!("{name}_without_its_name"), "Malformed", not[..2].to_vec());
    let longer = [&[not[0], not[1] | 0x80, 0], &not[2..]].concat();
    add(format!("{name}_with_its_word_spelt_longer"), "Malformed", longer);
    add(name.to_owned(), "good", not);
    // 64,001 bytes are announced: refused before any of them is waited for.
    add("letter_longer_than_any".to_owned(), "Malformed", vec![31, 30, 0x81, 0xf4, 0x03]);
    add("of_a_later_version".to_owned(), "Kind(32)", vec![32]);
    add("of_nothing".to_owned(), "Length(0)", vec![]);
    made
}

/// A seals four entries and is cut there; its promise is for the sixth.
fn promises() -> Made {
    let mut desk = Desk::new();
    let a = Burnt::new(&mut desk, [redeem(2, 5), redeem(3, 4)]);
    let promise = |place: usize| {
        let (entry, before, after) = &a.entries[place];
        Promise {
            feed: feed_of(A),
            index: before.next,
            before: before.accumulator,
            entry: Bytes::new(entry.encode()).expect("small"),
            signature: sign_place(&key(A), &a.federation, &value(A), after),
        }
    };
    let entries: Vec<Entry> = a.entries[..4].iter().map(|e| e.0.clone()).collect();
    let start = Head::start(&a.federation, &value(A));
    let block = seal(&a.federation, A, value(A), 0, start, &entries);
    let cut = Cut { seq: 1, head: block.header.hash() };
    let last = Some((block.header, block.signature));
    let good = BrokenPromise { feed: value(A), promise: promise(5), last };
    let with = |change: &dyn Fn(&mut BrokenPromise)| {
        let mut other = good.clone();
        change(&mut other);
        other.encode()
    };
    let (since, over) = (Minute(100), Minute(100 + limits::PROMISE_GRACE_MINUTES + 1));
    let rows = [
        ("good", "index 5", cut, over, good.encode()),
        ("before_the_grace_is_over", "Grace", cut, Minute(over.0 - 1), good.encode()),
        ("of_another_entry", "NotPromised", cut, over, with(&|p| p.promise.index = 6)),
        ("of_another_feed", "NotPromised", cut, over, with(&|p| p.feed = value(B))),
        ("cut_elsewhere", "OtherCut", Cut { seq: 2, ..cut }, over, good.encode()),
        ("without_the_last_block", "OtherCut", cut, over, with(&|p| p.last = None)),
        ("last_block_not_signed", "Unsigned", cut, over, {
            with(&|p| p.last = p.last.map(|(header, _)| (header, p.promise.signature)))
        }),
        ("below_the_cut", "Below", cut, over, with(&|p| p.promise = promise(3))),
        ("trailing_byte", "Trailing(1)", cut, over, [good.encode(), vec![0]].concat()),
    ];
    let made = |(name, answer, cut, now, bytes): (&str, _, Cut, Minute, _)| {
        let given = vec![
            ("federation", a.federation.0.0.to_vec()),
            ("cut", wire::encode(&cut)),
            ("since", since.0.to_be_bytes().to_vec()),
            ("now", now.0.to_be_bytes().to_vec()),
            ("bytes", bytes),
        ];
        let name: &'static str = format!("broken_promise/{name}").leak();
        (name, Vector::new("broken promise", answer, given))
    };
    rows.into_iter().map(made).collect()
}
