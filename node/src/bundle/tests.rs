mod checkpoints;
mod courier;
mod healing;
mod hostile;
mod keys;
mod readers;
mod wallets;
pub(crate) mod world;

use std::fs;
use std::path::PathBuf;

use annona_ledger::block::{self, Evidence};
use annona_ledger::entry::{Entry, Registry};
use annona_ledger::feed::Head as FeedHead;
use annona_ledger::hash::Hash;
use annona_ledger::id::{Lane, Pseudonym};
use annona_ledger::time::{Hlc, Minute};

use super::{CHUNK, ExportFault, FIXED, Head, MAGIC, Options, coming, inspect};
use crate::keystore::Name;
use crate::store::Blob;
use world::*;

#[test]
fn s33_a_stick_alone_makes_two_nodes_equal_and_the_next_bundle_is_small() {
    let mut w = World::new();
    w.distribute(40);
    enrol(&mut w.a, FOOD, CANARY);
    enrol(&mut w.b, FOOD, [7; 16]);
    let (to_b, to_a) = (w.path("to-b"), w.path("to-a"));
    let first = export(&mut w.a, &[short(&w.b)], &to_b);
    assert_eq!((first.files.len(), first.lists), (1, 1));
    let taken = import(&mut w.b, &first.files);
    assert!(taken.is_whole(), "{taken:?}");
    assert_eq!((taken.blocks, taken.lists), (first.blocks, 1));
    assert!(taken.parts[0].acknowledged);

    let back = export(&mut w.b, &[short(&w.a)], &to_a);
    assert_eq!(back.blocks, 1, "only what A does not hold");
    let taken = import(&mut w.a, &back.files);
    assert!(taken.is_whole(), "{taken:?}");
    assert_eq!(root(&w.a), root(&w.b));
    assert_eq!(coming(&w.b).expect("a look").len(), 20, "sent and not claimed by itself");
    assert!(coming(&w.a).expect("a look").is_empty());
    let [list] = w.b.store().blobs(Blob::ListRows).expect("a look")[..] else { panic!("one list") };
    let rows = |node: &crate::node::Node| node.store().blob(Blob::ListRows, &list).expect("a look");
    assert_eq!(rows(&w.a), rows(&w.b));

    // Twice is once, and what A holds was acknowledged by what B's bundle says.
    let again = import(&mut w.b, &first.files);
    assert_eq!((again.blocks, again.known), (0, first.blocks));
    let next = export(&mut w.a, &[short(&w.b)], &to_b);
    assert_eq!(next.blocks, 0, "B acknowledged everything");
    // Evidence travels with its block and is kept.
    let work = w.b.store().look().expect("a look");
    let value = w.a.feed(Lane::Value, FOOD);
    let mut pieces = 0;
    for chain in work.chains_of(&value) {
        work.blocks::<crate::store::StoreFault>(chain.chain, 0, |_, evidence| {
            pieces += evidence.map_or(0, |e| e.0.len());
            Ok(true)
        })
        .expect("reads");
    }
    assert_eq!(pieces, 40);
}

#[test]
fn an_acknowledgement_alone_is_enough() {
    let mut w = World::new();
    enrol_blocks(&mut w.a, FOOD, 5);
    let folder = w.path("out");
    let first = export(&mut w.a, &[short(&w.b)], &folder);
    import(&mut w.b, &first.files);
    let options = Options { acknowledge: true, ..Options::default() };
    let ack = export_with(&mut w.b, &[short(&w.a)], &folder, &options);
    assert_eq!((ack.blocks, ack.headers, ack.programmes.len()), (0, 0, 0));
    import(&mut w.a, &ack.files);
    assert_eq!(export(&mut w.a, &[short(&w.b)], &folder).blocks, 0);
    let all = Options { all: true, ..Options::default() };
    assert_eq!(export_with(&mut w.a, &[short(&w.b)], &folder, &all).blocks, 5);
}

/// Many small parts of A's feeds.
fn parts(w: &mut World) -> Vec<PathBuf> {
    enrol_blocks(&mut w.a, FOOD, 60);
    let options = Options { part_bytes: 8_000, ..Options::default() };
    let folder = w.path("parts");
    let exported = export_with(&mut w.a, &[short(&w.b)], &folder, &options);
    assert!(exported.files.len() >= 4, "{} parts", exported.files.len());
    assert!(exported.files.iter().all(|f| fs::metadata(f).expect("there").len() < 20_000));
    exported.files
}

#[test]
fn s32_parts_come_in_any_order_lost_found_and_twice() {
    let mut w = World::new();
    let files = parts(&mut w);
    let last = files.len() - 1;
    // The last first: nothing fits, and what is missing is said.
    let taken = import(&mut w.b, &files[last..]);
    assert_eq!(taken.blocks, 0);
    let gap = taken.gaps.first().expect("a gap");
    assert_eq!(gap.have, 0);
    assert!(gap.offered > 0);
    // All but one, shuffled and doubled.
    let mut some: Vec<PathBuf> = files.iter().rev().cloned().collect();
    some.extend(files.iter().cloned());
    some.retain(|file| *file != files[1]);
    let taken = import(&mut w.b, &some);
    assert!(taken.blocks > 0 && !taken.gaps.is_empty());
    assert_ne!(root(&w.a), root(&w.b));
    // Found again: everything, whatever the order of arguments.
    let mut all = files.clone();
    all.reverse();
    let taken = import(&mut w.b, &all);
    assert!(taken.is_whole(), "{taken:?}");
    assert_eq!(root(&w.a), root(&w.b));
}

#[test]
fn strangers_and_the_wrong_people_learn_nothing() {
    let mut w = World::new();
    w.distribute(10);
    enrol(&mut w.a, FOOD, CANARY);
    let folder = w.path("out");
    let exported = export(&mut w.a, &[short(&w.b)], &folder);
    let bytes = fs::read(&exported.files[0]).expect("reads");
    let node = w.a.public();
    let names: [&[u8]; 6] = [
        &CANARY,
        &CANARY_PURSE,
        CANARY_SITE.as_bytes(),
        &w.federation().0.0,
        node.bytes(),
        &short(&w.b),
    ];
    for name in names {
        assert!(!bytes.windows(name.len()).any(|window| window == name));
    }
    let file = exported.files[0].file_name().and_then(|n| n.to_str()).expect("a name");
    assert!(file.starts_with("annona-") && !file.contains(CANARY_SITE), "{file}");
    // For somebody else.
    let taken = import(&mut w.t, &exported.files);
    assert_eq!(faults(&taken), ["NotForUs"]);
    let seen = inspect(&exported.files[0], Some(&w.t)).expect("reads").expect("a bundle");
    assert!(seen.sections.iter().all(|section| !section.open && section.sender.is_none()));
    let seen = inspect(&exported.files[0], Some(&w.b)).expect("reads").expect("a bundle");
    assert_eq!(seen.sections.len(), 2);
    assert!(seen.sections.iter().all(|s| s.open && s.signed == Some(true) && s.fault.is_none()));
    assert_eq!(seen.sections[1].rows, 10);
    assert!(root(&w.b) != root(&w.a), "looking changes nothing");
}

#[test]
fn an_outsider_of_a_programme_learns_headers_only_and_passes_them_on() {
    let mut w = World::new();
    enrol_blocks(&mut w.a, FOOD, 4);
    enrol_blocks(&mut w.a, CASH, 2);
    let folder = w.path("out");
    let both = [short(&w.b), short(&w.t)];
    let exported = export(&mut w.a, &both, &folder);
    assert_eq!((exported.blocks, exported.headers), (6, 6));
    let taken = import(&mut w.t, &exported.files);
    assert!(taken.is_whole(), "{taken:?}");
    // Those of Cash came before the section they stand whole in.
    assert_eq!((taken.blocks, taken.headers), (2, 6));
    assert_eq!(taken.parts[0].sections, (3, 2));
    let food = w.a.feed(Lane::Registry, FOOD);
    let work = w.t.store().look().expect("a look");
    assert_eq!(work.outlines().expect("a look").len(), 1);
    assert!(work.chains_of(&food).is_empty());
    assert_eq!(work.outline(&food).expect("a look").expect("headers").head.next, 12);
    drop(work);
    // T's word says so, and A sends them no more.
    let ack = export(&mut w.t, &[short(&w.a)], &folder);
    import(&mut w.a, &ack.files);
    let next = export(&mut w.a, &[short(&w.t)], &folder);
    assert_eq!((next.blocks, next.headers), (0, 0));
    // Once T serves the programme, what it has are headers, and it gets the bodies.
    let federation = w.federation();
    let mut wider = certify(&w.t, &federation, 3, &[FOOD, CASH]);
    if let annona_ledger::notice::Notice::Node(certificate) = &mut wider.notice {
        certificate.issued = Minute(50);
    }
    let wider = wider.notice.sign(&federation, &key(3));
    w.a.learn(&wider).expect("a good certificate");
    let next = export(&mut w.a, &[short(&w.t)], &folder);
    assert_eq!((next.blocks, next.headers), (4, 0));
    let taken = import(&mut w.t, &next.files);
    assert_eq!((taken.blocks, taken.notices), (4, 1));
    assert_eq!(root(&w.t), root(&w.a));
    let work = w.t.store().look().expect("a look");
    assert!(work.outlines().expect("a look").is_empty(), "headers gave way to blocks");
}

#[test]
fn killed_between_any_two_frames_an_import_goes_on_where_it_was() {
    let mut w = World::new();
    w.distribute(6);
    enrol_blocks(&mut w.a, FOOD, 40);
    let folder = w.path("out");
    let exported = export(&mut w.a, &[short(&w.b)], &folder);
    let World { dir, a, b, .. } = w;
    drop(b);
    let mut stop_after = 1;
    loop {
        let mut b = reopen(dir.path(), "b");
        let mut frames = 0;
        let mut go_on = |_, _| {
            frames += 1;
            frames < stop_after
        };
        let taken =
            super::import(&mut b, &exported.files, None, &mut go_on).expect("the folder holds");
        let health = b.store().check_all(&mut |_, _| {}).expect("reads");
        assert!(health.damage.is_empty(), "{health:?}");
        let live = root(&b);
        b.store_mut().rebuild(&mut |_, _| {}).expect("rebuilds");
        assert_eq!(root(&b), live, "after {stop_after} frames");
        if !taken.cancelled {
            assert_eq!(live, root(&a));
            return;
        }
        // Dropped without a clean stop.
        drop(b);
        stop_after += 7;
    }
}

#[test]
fn s32_damage_is_found_wherever_it_is_and_what_came_before_stays() {
    let mut w = World::new();
    let files = parts(&mut w);
    let good = fs::read(&files[0]).expect("reads");
    let head = Head::len(2, 8);
    assert_eq!(usize::from(good[36]), 2);
    let file = w.path("bad").join("bad.annona");
    let check = |node: &mut crate::node::Node, bytes: &[u8]| {
        fs::write(&file, bytes).expect("writes");
        let taken = import(node, std::slice::from_ref(&file));
        (faults(&taken), taken.blocks)
    };
    // Bits, at every byte of the fixed head and a sample of the rest.
    let sealed = (head..good.len()).step_by(997);
    for at in (0..FIXED).chain((FIXED..head).step_by(61)).chain(sealed) {
        let mut bad = good.clone();
        bad[at] ^= 0x04;
        let (faults, blocks) = check(&mut w.t, &bad);
        assert_eq!(blocks, 0);
        let [fault] = faults[..] else { panic!("byte {at}: {faults:?}") };
        let expected: &[&str] = match at {
            0..15 => &["NotABundle"],
            15 => &["Version"],
            _ if at < head => &["Head", "Limit", "Cut"],
            // T has no key, so that damage inside is not for it to see.
            _ => &["NotForUs"],
        };
        assert!(expected.contains(&fault), "byte {at}: {fault}");
        if at >= head {
            let (faults, _) = check(&mut w.b, &bad);
            assert_eq!(faults, ["Damaged"], "byte {at}");
        }
    }
    // Lengths: every one in the head, then around every section's beginning and end, and a sample.
    let (ends, end) = ([head, head + 1, good.len() - 1], good.len());
    for len in (0..head).step_by(29).chain(ends).chain((head..end).step_by(2_999)) {
        let (faults, _) = check(&mut w.b, &good[..len]);
        let expected = match len {
            0..15 => "NotABundle",
            15 => "NotABundle",
            _ if len < head => "Cut",
            _ => "Truncated",
        };
        assert_eq!(faults.first(), Some(&expected), "cut at {len}");
    }
    let mut longer = good;
    longer.push(0);
    assert_eq!(check(&mut w.b, &longer).0, ["Trailing"]);
    for other in [&b""[..], b"PK\x03\x04", &[0; 100_000], b"annona bundle v2 and more"] {
        let version = other.starts_with(MAGIC.get(..15).expect("15 bytes"));
        let expected = if version { "Version" } else { "NotABundle" };
        assert_eq!(check(&mut w.b, other).0, [expected]);
    }
    let health = w.b.store().check_all(&mut |_, _| {}).expect("reads");
    assert!(health.damage.is_empty(), "{health:?}");
    let taken = import(&mut w.b, &files);
    assert!(taken.is_whole(), "{taken:?}");
    assert_eq!(root(&w.a), root(&w.b));
}

#[test]
fn a_bad_stick_costs_what_is_bad_on_it() {
    let mut w = World::new();
    w.distribute(250);
    for n in 0..40u8 {
        for i in 0..250u8 {
            let mut who = [n; 16];
            who[1] = i;
            enrol(&mut w.a, FOOD, who);
        }
    }
    let folder = w.path("out");
    let exported = export(&mut w.a, &[short(&w.b)], &folder);
    let mut bytes = fs::read(&exported.files[0]).expect("reads");
    let len = bytes.len();
    assert!(len > 3 * CHUNK, "{len} bytes: several chunks");
    bytes[len - 100] ^= 1;
    fs::write(&exported.files[0], &bytes).expect("writes");
    let taken = import(&mut w.b, &exported.files);
    assert_eq!(faults(&taken), ["Damaged"]);
    assert!(taken.blocks >= 10, "{} blocks before the damage", taken.blocks);
    let all = Options { all: true, ..Options::default() };
    let again = export_with(&mut w.a, &[short(&w.b)], &folder, &all);
    assert!(import(&mut w.b, &again.files).is_whole());
    assert_eq!(root(&w.a), root(&w.b));
}

#[test]
fn s32_another_federation_is_told_apart() {
    let mut w = World::new();
    enrol_blocks(&mut w.a, FOOD, 1);
    let folder = w.path("out");
    let exported = export(&mut w.a, &[short(&w.b)], &folder);
    // B's keys in a folder without a charter: only the federation it was told to expect founds it.
    let mut fresh = make(w.dir.path(), "fresh");
    let seed = w.b.keys().get(Name::NodeSealing).and_then(|s| s.as_seed()).copied();
    let secret = crate::keystore::Secret::seed(&mut seed.expect("a seed"));
    fresh.keys_mut().put(Name::NodeSealing, secret).expect("fits");
    let mut yes = |_, _| true;
    assert!(super::import(&mut fresh, &exported.files, None, &mut yes).is_err(), "no charter");
    let other = annona_ledger::id::FederationId(Hash([9; 32]));
    let taken = super::import(&mut fresh, &exported.files, Some(other), &mut yes).expect("holds");
    assert_eq!(faults(&taken), ["OtherFederation", "OtherFederation"]);
    assert!(fresh.store().charter().is_err());
    let ours = Some(w.federation());
    let taken = super::import(&mut fresh, &exported.files, ours, &mut yes).expect("holds");
    assert!(taken.is_whole(), "{taken:?}");
    assert_eq!((taken.articles, taken.blocks), (1, 1));
    assert_eq!(root(&fresh), root(&w.a));
}

#[test]
fn recipients_must_be_in_force() {
    let mut w = World::new();
    let folder = w.path("out");
    let own = short(&w.a);
    let mut try_export = |to: &[[u8; 8]]| {
        super::export(&mut w.a, to, &Options::default(), &folder, &mut |_, _| true)
            .map(|_| ())
            .map_err(|fault| fault.to_string())
    };
    for (to, word) in
        [(vec![], "at least one"), (vec![[9; 8]], "no certificate"), (vec![own], "this node")]
    {
        let fault = try_export(&to).expect_err("refused");
        assert!(fault.contains(word), "{fault}");
    }
    let mut stop = |_, _| false;
    enrol_blocks(&mut w.a, FOOD, 1);
    let b = [short(&w.b)];
    let called_off = super::export(&mut w.a, &b, &Options::default(), &folder, &mut stop);
    assert!(matches!(called_off, Err(ExportFault::Cancelled)));
    assert_eq!(fs::read_dir(&folder).expect("lists").count(), 0, "nothing is left behind");
}

/// Seals a block under a node's key that the node itself knows nothing of.
fn beside(node: &crate::node::Node, seq: u64, start: FeedHead, who: u8) -> block::Block {
    let feed = node.feed(Lane::Registry, FOOD);
    let entry = Registry::Enrol { pseudonym: Pseudonym([who; 16]), at: Minute(100) };
    let draft = block::Draft {
        feed,
        seq,
        start,
        entries: &[Entry::from(entry).encode()],
        evidence: &Evidence::default(),
        frontier_root: Hash::ZERO,
        epoch: 0,
        hlc: Hlc::default(),
    };
    let key = node.signing_key(Name::NodeSigning).expect("a key");
    draft.seal(&key, &node.federation().expect("founded")).expect("one entry")
}

#[test]
fn a_fork_is_told_its_proof_kept_and_carried_on() {
    let mut w = World::new();
    enrol_blocks(&mut w.a, FOOD, 2);
    let feed = w.a.feed(Lane::Registry, FOOD);
    let start = FeedHead::start(&w.federation(), &feed);
    let other = beside(&w.a, 0, start, 77);
    // T's peer B has seen the other branch.
    let mut work = w.b.store_mut().begin().expect("begins");
    assert_eq!(work.receive(&feed, &other, None).expect("good"), crate::store::Received::New);
    work.commit().expect("commits");
    let folder = w.path("out");
    let exported = export(&mut w.a, &[short(&w.b)], &folder);
    let taken = import(&mut w.b, &exported.files);
    assert_eq!(taken.blocks, 2);
    assert_eq!(taken.forks.iter().map(|f| f.index).collect::<Vec<_>>(), [0]);
    let federation = w.federation();
    let work = w.b.store().look().expect("a look");
    let proof = work.fork_proof(&feed).expect("a look").expect("kept");
    assert_eq!(proof.verify(&federation), Some(0));
    assert_eq!(work.chains_of(&feed).len(), 2);
    assert!(work.chains_of(&feed).iter().all(|chain| chain.faulty));
    drop(work);
    // B carries both branches and the proof to T, who serves another programme, as headers.
    let carried = export(&mut w.b, &[short(&w.t)], &folder);
    let taken = import(&mut w.t, &carried.files);
    assert_eq!((taken.headers, taken.forks.len()), (3, 1));
    let live = root(&w.b);
    w.b.store_mut().rebuild(&mut |_, _| {}).expect("rebuilds");
    assert_eq!(root(&w.b), live);
    // Back to A: it learns that its own key has said something else, and stops.
    let carried = export(&mut w.b, &[short(&w.a)], &folder);
    let taken = import(&mut w.a, &carried.files);
    assert!(taken.own_ahead.iter().any(|own| own.proven && own.feed == feed));
    assert!(w.a.may_sign().is_err());
}

#[test]
fn a_node_restored_from_an_older_copy_hears_of_it_and_signs_no_more() {
    let mut w = World::new();
    enrol_blocks(&mut w.a, FOOD, 1);
    // What the lost disk had: block 1. The restored one has its first entry in the open tail, and one more.
    let feed = w.a.feed(Lane::Registry, FOOD);
    let sealed =
        w.a.store().feeds().expect("feeds").iter().find(|f| f.id == feed).map(|f| f.sealed);
    let lost = beside(&w.a, 1, sealed.expect("a block"), 42);
    let folder = w.path("out");
    let exported = export(&mut w.a, &[short(&w.b)], &folder);
    import(&mut w.b, &exported.files);
    let mut work = w.b.store_mut().begin().expect("begins");
    work.receive(&feed, &lost, None).expect("good");
    work.commit().expect("commits");
    enrol(&mut w.a, FOOD, [42; 16]);
    enrol(&mut w.a, FOOD, [43; 16]);
    let before = root(&w.a);
    let back = export(&mut w.b, &[short(&w.a)], &folder);
    let taken = import(&mut w.a, &back.files);
    assert_eq!(taken.own_ahead.len(), 1, "{taken:?}");
    assert!(taken.own_ahead[0].proven);
    assert!(w.a.may_sign().expect_err("stops").to_string().contains("older copy"));
    // The block sealed the tail's first entry; nothing was folded twice.
    assert_eq!(root(&w.a), before);
    w.a.store_mut().rebuild(&mut |_, _| {}).expect("rebuilds");
    assert_eq!(root(&w.a), before);
    w.a.store().check_heads().expect("heads fit");
    let World { dir, a, .. } = w;
    drop(a);
    let a = reopen(dir.path(), "a");
    assert!(a.may_sign().is_err(), "after a restart too");
}

#[test]
fn a_certificate_in_the_bundle_lets_its_blocks_in() {
    let mut w = World::new();
    let federation = w.federation();
    let mut n = make(w.dir.path(), "n");
    let certificate = certify(&n, &federation, 2, &[FOOD]);
    n.apply_article(&w.founding).expect("a good founding");
    w.notices.push(certificate);
    for notice in &w.notices {
        n.learn(notice).expect("a good notice");
    }
    enrol_blocks(&mut n, FOOD, 2);
    let folder = w.path("out");
    let exported = export(&mut n, &[short(&w.b)], &folder);
    let taken = import(&mut w.b, &exported.files);
    assert!(taken.is_whole(), "{taken:?}");
    assert_eq!((taken.notices, taken.blocks), (1, 2));
}

#[test]
fn what_two_branches_say_alike_is_folded_once_wherever_their_blocks_are_cut() {
    use annona_ledger::entry::{Lot, Method, Value};
    use annona_ledger::view::{Pool, PoolKey};

    let mut w = World::new();
    w.distribute(6);
    let feed = w.a.feed(Lane::Value, FOOD);
    let key = w.a.signing_key(Name::NodeSigning).expect("a key");
    let federation = w.federation();
    let mut first = Vec::new();
    let work = w.a.store().look().expect("a look");
    let chain = work.trunk(&feed).expect("written");
    let read = work.blocks::<crate::store::StoreFault>(chain, 0, |row, _| {
        first.push(row.block);
        Ok(true)
    });
    read.expect("reads");
    // The same feed again, as a restored copy would: all entries but the last two, then another redemption — cut into
    // blocks of three.
    let head = work.chains_of(&feed)[0].sealed.next;
    let mut entries: Vec<Vec<u8>> = (0..head.saturating_sub(2))
        .map(|index| work.entry_bytes(annona_ledger::view::At { chain, index }).expect("there"))
        .collect();
    drop(work);
    let (lot, merchant, at, method) = (Lot(2), 0, Minute(100), Method::Pin);
    let redeem = Value::Redeem { lot, amount: amount(7), merchant, at, method };
    entries.push(Entry::from(redeem).encode());
    let mut start = FeedHead::start(&federation, &feed);
    let mut second = Vec::new();
    for (seq, part) in (0..).zip(entries.chunks(3)) {
        let draft = block::Draft {
            feed,
            seq,
            start,
            entries: part,
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch: 0,
            hlc: Hlc::default(),
        };
        let block = draft.seal(&key, &federation).expect("three entries");
        start = block.header.end();
        second.push(block);
    }
    let pools = |node: &crate::node::Node| -> Vec<(PoolKey, Pool)> {
        let own = feed.node.short();
        let work = node.store().look().expect("a look");
        work.all_pools().into_iter().filter(|(key, _)| key.node == own).collect()
    };
    let receive = |node: &mut crate::node::Node, blocks: &[block::Block]| {
        for block in blocks {
            let mut work = node.store_mut().begin().expect("begins");
            work.receive(&feed, block, None).expect("a good block");
            work.commit().expect("commits");
        }
    };
    receive(&mut w.b, &first);
    let honest = pools(&w.b);
    receive(&mut w.b, &second);
    receive(&mut w.t, &second);
    receive(&mut w.t, &first);
    assert_eq!(pools(&w.b), pools(&w.t), "whichever branch came first");
    let redeemed = |pools: &[(PoolKey, Pool)]| -> i128 {
        pools.iter().map(|(_, pool)| pool.redeemed.units()).sum()
    };
    assert_eq!(redeemed(&pools(&w.b)), redeemed(&honest) + 7, "the shared entries count once");
    for node in [&mut w.b, &mut w.t] {
        let live = root(node);
        node.store_mut().rebuild(&mut |_, _| {}).expect("rebuilds");
        assert_eq!(root(node), live);
        let health = node.store().check_all(&mut |_, _| {}).expect("reads");
        assert_eq!(health.damage, Vec::<String>::new());
    }
}

/// Every frame of some parts that a node can read.
pub(crate) fn frames_of(
    node: &crate::node::Node,
    files: &[PathBuf],
) -> Vec<annona_ledger::sync::frame::Frame> {
    let seed = node.keys().get(Name::NodeSealing).and_then(|s| s.as_seed()).expect("a seed");
    let federation = node.federation().expect("founded");
    let mut frames = Vec::new();
    for file in files {
        let file = fs::File::open(file).expect("there");
        let mut opened = super::read::Opened::open(file, Some(seed)).expect("a part");
        for section in 0..opened.head.directory.len() {
            if !opened.has_key(section) {
                continue;
            }
            let mut section = opened.section(section, Some(&federation)).expect("a section");
            while let Some(frame) = section.frame().expect("a frame") {
                frames.push(frame);
            }
        }
    }
    frames
}
