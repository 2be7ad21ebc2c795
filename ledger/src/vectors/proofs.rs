//! What shows a fault to anybody, what an operator answers for, and codes read out loud.

use super::{Made, Vector};
use crate::block::Block;
use crate::charter::{Act, ArticleFork, SignedArticle};
use crate::entry::{Entry, Lot, Owner, Send, Value};
use crate::feed::Head;
use crate::fixtures;
use crate::hash::Hash;
use crate::id::{FeedRef, OrgId};
use crate::list::{Approval, Draft, ListFork};
use crate::short_code::ShortCode;
use crate::statement::Statement;
use crate::testing::*;
use crate::ticket::{Moved, Ticket};
use crate::time::Minute;
use crate::wire::{self, Bounded};

type Given = Vec<(&'static str, Vec<u8>)>;

pub(super) fn all() -> Made {
    [article_forks(), list_forks(), statements(), clones(), codes(), prefixes()]
        .into_iter()
        .flatten()
        .collect()
}

fn made(kind: &str, given: &Given, rows: Vec<(&'static str, &str, Given)>) -> Made {
    let vector = |(name, answer, more): (_, &str, Given)| {
        (name, Vector::new(kind, answer, given.iter().cloned().chain(more).collect()))
    };
    rows.into_iter().map(vector).collect()
}

fn bytes(bytes: Vec<u8>) -> Given {
    vec![("bytes", bytes)]
}

fn and_a_byte(mut whole: Vec<u8>) -> Given {
    whole.push(0);
    bytes(whole)
}

fn article_forks() -> Made {
    let charter = charter();
    let one = next_article(&charter).article;
    let mut other = one.clone();
    other.acts = bounded([Act::Leave { org: OrgId(3), quorum: 2 }]);
    let by = |article: &crate::charter::Article, by: &[u8]| -> SignedArticle {
        fixtures::signed(article.clone(), &charter.federation(), by.iter().copied())
    };
    let at = |article: &crate::charter::Article, epoch| {
        let mut article = article.clone();
        article.epoch = epoch;
        article
    };
    let fork = |one: SignedArticle, other: SignedArticle| ArticleFork { one, other }.encode();
    let all = [1, 2, 3];
    let good = fork(by(&one, &all), by(&other, &[2, 3]));
    let mut unsigned = by(&other, &all);
    unsigned.signatures = by(&one, &all).signatures;
    let late = fork(by(&at(&one, 2), &all), by(&at(&other, 2), &all));
    let founding = founding();
    let first = fork(founding.clone(), by(&at(&other, 0), &all));
    let rows = vec![
        ("article_fork/two_of_one_epoch", "good", bytes(good.clone())),
        ("article_fork/one_article_twice", "nothing", bytes(fork(by(&one, &all), by(&one, &all)))),
        (
            "article_fork/two_epochs",
            "nothing",
            bytes(fork(by(&one, &all), by(&at(&other, 2), &all))),
        ),
        ("article_fork/epoch_nobody_reached", "nothing", bytes(late)),
        ("article_fork/founding", "nothing", bytes(first)),
        (
            "article_fork/signed_by_different_ones",
            "nothing",
            bytes(fork(by(&one, &[1]), by(&other, &[2, 3]))),
        ),
        ("article_fork/signatures_exchanged", "nothing", bytes(fork(by(&one, &all), unsigned))),
        ("article_fork/trailing_byte", "Trailing(1)", and_a_byte(good)),
    ];
    made("article fork", &vec![("article", founding.encode())], rows)
}

fn list_forks() -> Made {
    let federation = charter().federation();
    let draft = |units: u64, at: Minute| -> Draft {
        list(&federation, TREASURY, &[units], at).0.draft(node(TREASURY))
    };
    let approved = |draft: &Draft, by: u8| (draft.clone(), draft.approve(&federation, &key(by)));
    let (one, again) = (draft(1, NOW), draft(1, Minute(NOW.0 + 1)));
    let [mara, yusuf] = OPERATORS;
    let fork = |one: (Draft, Approval), other: (Draft, Approval)| ListFork { one, other }.encode();
    let good = fork(approved(&one, mara), approved(&again, mara));
    let unsigned = (again.clone(), approved(&one, mara).1);
    let rows = vec![
        ("list_fork/the_same_rows_twice", "good", bytes(good.clone())),
        (
            "list_fork/one_list_twice",
            "nothing",
            bytes(fork(approved(&one, mara), approved(&one, mara))),
        ),
        (
            "list_fork/other_rows",
            "nothing",
            bytes(fork(approved(&one, mara), approved(&draft(2, NOW), mara))),
        ),
        (
            "list_fork/two_operators",
            "nothing",
            bytes(fork(approved(&one, mara), approved(&again, yusuf))),
        ),
        ("list_fork/unsigned", "nothing", bytes(fork(approved(&one, mara), unsigned))),
        ("list_fork/trailing_byte", "Trailing(1)", and_a_byte(good)),
    ];
    made("list fork", &vec![("federation", federation.0.0.to_vec())], rows)
}

fn clones() -> Made {
    let rows = crate::wallet::tests::broken();
    rows.into_iter()
        .map(|(name, answer, bytes)| {
            (name, Vector::new("clone of a wallet", answer, vec![("bytes", bytes)]))
        })
        .collect()
}

fn statements() -> Made {
    let federation = charter().federation();
    let (feed, leaf): (FeedRef, Hash) = (feed_of(A), Hash([5; 32]));
    let said = Statement::Entry { feed, leaf };
    let import = Statement::Import { node: node(A), file: leaf, map: leaf, update: false };
    let stated = said.sign(&federation, &key(OPERATORS[0]));
    let other = Statement::Entry { feed, leaf: Hash([6; 32]) };
    let elsewhere = Statement::Entry { feed: feed_of(B), leaf };
    let stranger = crate::statement::Stated { operator: key(OPERATORS[1]).public(), ..stated };
    let given = |federation: Hash, said: &Statement, stated: Vec<u8>| -> Given {
        vec![
            ("federation", federation.0.to_vec()),
            ("statement", wire::encode(said)),
            ("bytes", stated),
        ]
    };
    let of = |said: &Statement| given(federation.0, said, stated.encode());
    let mut long = stated.encode();
    long.push(0);
    let rows = vec![
        ("statement/good", "good", of(&said)),
        ("statement/other_entry", "Signature", of(&other)),
        ("statement/other_feed", "Signature", of(&elsewhere)),
        ("statement/of_an_import", "Signature", of(&import)),
        ("statement/by_another", "Signature", given(federation.0, &said, stranger.encode())),
        ("statement/other_federation", "Signature", given(Hash([1; 32]), &said, stated.encode())),
        ("statement/trailing_byte", "Trailing(1)", given(federation.0, &said, long)),
    ];
    made("statement", &Vec::new(), rows)
}

fn codes() -> Made {
    let good = ShortCode::new(0x0001_2345_6789_ABCD).to_string();
    let shorter: String = good.chars().take(good.len() - 1).collect();
    let mut swapped: Vec<char> = good.chars().collect();
    swapped.swap(1, 2);
    let mut mistaken: Vec<char> = good.chars().collect();
    let last = mistaken.len() - 1;
    mistaken[last] = if mistaken[last] == '7' { '8' } else { '7' };
    let no_letter: String = good.chars().take(last).chain(['U']).collect();
    let text = |chars: Vec<char>| bytes(chars.into_iter().collect::<String>().into_bytes());
    let rows = vec![
        ("code/good", "good", bytes(good.clone().into_bytes())),
        ("code/eleven_characters", "Length(11)", bytes(shorter.into_bytes())),
        ("code/thirteen_characters", "Length(13)", bytes(format!("{good}0").into_bytes())),
        ("code/two_places_exchanged", "Check", text(swapped)),
        ("code/one_character_mistaken", "Check", text(mistaken)),
        ("code/letter_u", "Character('U')", bytes(no_letter.into_bytes())),
    ];
    made("short code", &Vec::new(), rows)
}

fn prefixes() -> Made {
    let charter = charter();
    let federation = charter.federation();
    let feed = value(TREASURY);
    let claim: Entry = Value::Claim { ticket: Box::new(FOOD_BUDGET), at: NOW }.into();
    let send = |amount| -> Entry {
        let (from, amount, cycle) = (Lot(0), units(amount), MAY);
        Value::Send(Send {
            from,
            to: node(A),
            owner: Owner::Budget,
            cycle,
            commodity: RICE,
            amount,
            expires: LAST,
            at: NOW,
        })
        .into()
    };
    let start = Head::start(&federation, &feed);
    let sealed =
        |seq, start, entries: &[Entry]| seal(&federation, TREASURY, feed, seq, start, entries);
    let first = sealed(0, start, &[claim]);
    let over = sealed(1, first.header.end(), &[send(60), send(41)]);
    let paid = sealed(1, first.header.end(), &[send(60), send(40)]);
    let late: Entry = Value::Claim { ticket: Box::new(FOOD_BUDGET), at: Minute(NOW.0 + 1) }.into();
    let apart = sealed(1, sealed(0, start, &[late]).header.end(), &[send(60), send(41)]);
    let mut changed = over.clone();
    changed.signature = first.signature;
    // A ticket whose sender is not known here proves nothing against whoever claimed it in good faith.
    let elsewhere = Head { next: 7, accumulator: Hash([9; 32]) };
    let unknown = Send {
        from: Lot(0),
        to: node(TREASURY),
        owner: Owner::Budget,
        cycle: MAY,
        commodity: RICE,
        amount: units(5),
        expires: LAST,
        at: NOW,
    };
    let sent = ticket(&federation, 99, elsewhere, Moved::Send(unknown));
    let ticket = Box::new(Ticket::Sent(sent, Bounded::empty()));
    let waits = sealed(1, first.header.end(), &[Value::Claim { ticket, at: NOW }.into()]);
    let blocks = |blocks: &[&Block]| -> Given {
        blocks.iter().map(|block| ("block", wire::encode(*block))).collect()
    };
    let mut given: Given = vec![("article", founding().encode())];
    given.extend(roster(&charter).notices().map(|signed| ("notice", signed.encode())));
    given.push(("feed", feed.bytes().to_vec()));
    let rows = vec![
        ("insolvency/more_sent_than_there_was", "index 2", blocks(&[&first, &over])),
        ("insolvency/all_is_paid", "nothing", blocks(&[&first, &paid])),
        ("insolvency/sender_unknown", "nothing", blocks(&[&first, &waits])),
        ("insolvency/first_block_left_out", "Number", blocks(&[&over])),
        ("insolvency/block_twice", "Number", blocks(&[&first, &first])),
        ("insolvency/block_does_not_follow", "Chain", blocks(&[&first, &apart])),
        ("insolvency/block_unsigned", "Block", blocks(&[&first, &changed])),
    ];
    made("prefix", &given, rows)
}
