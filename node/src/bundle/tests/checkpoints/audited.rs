//! What a node's own audit file must have for outsiders to judge it as it is.

use annona_ledger::audit::verdict::Problem;
use annona_ledger::audit::{Options, Source, Verdict};
use annona_ledger::fork::{ForkProof, Statement};
use annona_ledger::key::Context;
use annona_ledger::wire;

use super::*;
use crate::audit::StoreSource;
use crate::folder::LEDGER;
use crate::keystore::Secret;

fn judged(source: &(impl Source + Sync)) -> Verdict {
    let stop = std::sync::atomic::AtomicBool::new(false);
    audit::audit(source, &Options::default(), 1, &|_| {}, &stop)
}

/// A node's audit file and its ledger file, judged.
fn both(node: &Node, path: &std::path::Path) -> (AuditFile, [Verdict; 2]) {
    audit::export(node.store(), path).expect("exports");
    let file = AuditFile::open(path).expect("opens");
    let store = StoreSource::open(&node.folder().file(LEDGER)).expect("opens");
    let verdicts = [judged(&file), judged(&store)];
    (file, verdicts)
}

#[test]
fn who_has_only_headers_exports_what_its_checkpoints_name() {
    let mut world = camp();
    let page = certified(&mut world, "one");
    // What the others said of it comes back to who has only headers.
    let (t, back) = (short(&world.t), world.path("back"));
    let done = export(&mut world.a, &[t], &back);
    assert!(import(&mut world.t, &done.files).is_whole());
    let (file, verdicts) = both(&world.t, &world.dir.path().join("headers.audit"));
    for verdict in verdicts {
        assert_eq!(verdict.findings, Vec::new());
        assert!(verdict.is_partial() && verdict.unchecked_programmes().contains(&FOOD));
        let charged = verdict.sums.values().flat_map(|sum| &sum.charged);
        assert_eq!(charged.count(), 0, "of what it cannot see it charges nobody");
    }
    let vouched = audit::checkpoints(&file);
    let borne = vouched.iter().find(|vouched| vouched.hash == page.checkpoint.hash());
    let borne = borne.expect("the checkpoint");
    assert_eq!((borne.is_certified(), borne.problem), (true, None));
}

#[test]
fn a_fork_that_is_known_by_its_proof_alone_is_exported() {
    let mut world = camp();
    let feed = world.a.feed(Lane::Value, FOOD);
    let key = world.a.signing_key(Name::NodeSigning).expect("a key");
    let mut first = None;
    let work = world.a.store().look().expect("readable");
    let headers = work.headers::<crate::store::StoreFault>(&feed, 0, |signed| {
        first.get_or_insert(signed);
        Ok(())
    });
    headers.expect("readable");
    drop(work);
    let (header, signature) = first.expect("sealed");
    let other = block::Header { core_root: Hash([9; 32]), ..header };
    let scope: [&[u8]; 2] = [&world.federation().0.0, &feed.bytes()];
    let signed = key.sign(Context::Header, &scope, &wire::encode(&other));
    let (one, other) = (Statement::Header(header, signature), Statement::Header(other, signed));
    let proof = ForkProof { feed, one, other };
    let mut work = world.b.store_mut().begin().expect("a transaction");
    work.learn_fork(&proof).expect("a proof");
    work.commit().expect("committed");
    let (_, verdicts) = both(&world.b, &world.dir.path().join("forked.audit"));
    for verdict in verdicts {
        let found = |finding: &annona_ledger::audit::verdict::Finding| {
            finding.problem == Problem::Forked && finding.place.feed == Some(feed.short())
        };
        assert!(verdict.findings.iter().any(found), "{:?}", verdict.findings);
    }
}

#[test]
fn a_new_incarnation_signs_logs_with_keys_that_no_copy_has() {
    let mut world = camp();
    for name in [Name::Log, Name::LogWitness] {
        world.a.keys_mut().put(name, Secret::random().expect("random")).expect("room");
    }
    let of = |node: &Node, name| node.signing_key(name).expect("a key").public();
    let before = [Name::Log, Name::LogWitness].map(|name| of(&world.a, name));
    let heads = world.dir.path().join("heads-again");
    world.a.reincarnate(&heads).expect("a new key");
    for (name, before) in [Name::Log, Name::LogWitness].into_iter().zip(before) {
        assert_ne!(of(&world.a, name), before);
    }
    let heads = world.dir.path().join("heads-of-b");
    world.b.reincarnate(&heads).expect("a new key");
    assert!(world.b.keys().get(Name::Log).is_none(), "who keeps no log needs no key of one");
}
