//! Checking a printed card and reading a status list, beside one strict verification of the same key in the same run.

use std::hint::black_box;
use std::time::{Duration, Instant};

use annona_ledger::key::{Foreign, SigningKey};
use annona_node::credential::card::{StatusRef, check};
use annona_node::credential::status::{About, ENTRIES, ListName, StatusList, TTL, token};
use annona_node::credential::when::Seconds;
use annona_node::credential::{Against, Card, Issuer, OnStale, Statuses, TrustList};
use annona_tests::bench::Fault;
use annona_tests::rng::Rng;

use crate::table::{Table, median, micros};

const ROUNDS: usize = 301;
const NOW: Seconds = Seconds(1_795_000_000);
/// Issuers of a large federation: none of them is tried but the one the card names.
const ISSUERS: u8 = 200;

pub(crate) fn figures(table: &mut Table) -> Result<(), Fault> {
    table.title("Cards");
    let key = SigningKey::from_seed(&[7; 32]);
    let until = NOW.plus(1_000_000_000);
    let mut trust = TrustList::new();
    for seed in 0..ISSUERS {
        let key = SigningKey::from_seed(&[seed; 32]).public();
        trust.add(Issuer::ours(key, 2, "a site", (Seconds(0), until)))?;
    }
    let uri = ListName::of(&key.public(), 2, 1).to_string();
    // One entry in twenty is revoked: more than a list of cards has, and harder to unpack.
    let mut list = StatusList::new();
    let mut rng = Rng::new(20);
    for _ in 0..ENTRIES / 20 {
        list.revoke((rng.bits() % u64::from(ENTRIES)) as u32);
    }
    let about = About { uri: uri.clone(), issued: NOW, ttl: Some(TTL), expires: None };
    let (cwt, jwt) = (token::to_cwt(&about, &list, &key), token::to_jwt(&about, &list, &key));
    let mut statuses = Statuses::new();
    statuses.take(&cwt, &trust, NOW)?;
    let good = (0..ENTRIES).find(|index| list.get(*index) == Some(0)).ok_or("one that is good")?;
    let card = Card::ours(&[0x5a; 16], NOW.plus(1000), StatusRef { uri, index: good });
    let text = card.print(&key)?.text;
    let against = Against { trust: &trust, statuses: &statuses, now: NOW, stale: OnStale::Refuse };
    let message = [b"\x84\x6aSignature1".as_slice(), &[0; 120]].concat();
    let signature = key.sign_credential(Foreign::Cose, &message).ok_or("of that form")?;
    let public = key.public();

    let (mut cards, mut raw, mut cwts, mut jwts) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        raw.push(timed(|| public.verifies_credential(black_box(&message), &signature)));
        cards.push(timed(|| check(black_box(&text), &against).is_ok()));
        cwts.push(timed(|| token::read(black_box(&cwt), &trust, NOW).is_ok()));
        jwts.push(timed(|| token::read(black_box(jwt.as_bytes()), &trust, NOW).is_ok()));
    }
    let raw = micros(median(raw));
    let mut row = |what: &str, times: Vec<Duration>, most: f64| {
        let took = micros(median(times));
        let figure = format!("{took:8.1} µs, a bare verification {raw:.1}");
        table.row(what, &figure, &format!("at most {} ms", most / 1000.0), took <= most);
    };
    row("a card checked, 200 issuers", cards, 5_000.0);
    row("a status list of 131,072 read, CWT", cwts, 50_000.0);
    row("a status list of 131,072 read, JWT", jwts, 50_000.0);
    table
        .note("  its bytes, 5 % revoked, CWT and JWT", &format!("{} and {}", cwt.len(), jwt.len()));
    Ok(())
}

fn timed(work: impl FnOnce() -> bool) -> Duration {
    let started = Instant::now();
    let held = black_box(work());
    let took = started.elapsed();
    assert!(held, "what is timed does what it should");
    took
}
