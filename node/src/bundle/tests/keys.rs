//! The key of a cycle on its way from the treasury to the sites of its programme.

use annona_ledger::charter::{Act, Article, SignedArticle};
use annona_ledger::cut::{Cut, Reason};
use annona_ledger::entry::{Control, CycleKey, Entry, Registry, Wrapped};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, FeedRef, Lane, OrgId, ProgrammeId, Pseudonym, Purse};
use annona_ledger::limits;
use annona_ledger::rejection::Rejection;
use annona_ledger::statement::Statement;
use annona_ledger::time::Minute;
use annona_ledger::wire::Bounded;

use super::world::*;
use crate::cycle_key::{self, Given};
use crate::keystore::{Name, Secret};
use crate::node::{Node, NodeFault};
use crate::seal::Key;
use crate::serve;
use crate::vault::{OWN_SOURCE, Vault};

const MAY_FOOD: Name = Name::Cycle(FOOD, MAY);

/// The purse a site derives for a household of a register.
fn purse(node: &Node, vault: &Vault, source: &str, key: &str) -> Purse {
    let secret = node.keys().get(MAY_FOOD).and_then(Secret::as_seed).expect("the cycle's key");
    let found = vault.find(source, key.as_bytes()).expect("a look").expect("registered");
    serve::purse(secret, &vault.registration(found.id).expect("opens"))
}

/// A vault of a site's own, with the households it registered.
fn vault(w: &World, name: &str, households: &[(&str, &str)]) -> Vault {
    let key = Key::random().expect("randomness");
    let mut vault = Vault::create(&w.path(name).join("people"), &key).expect("a new vault");
    let mut txn = vault.begin().expect("a change");
    for (source, key) in households {
        txn.add(source, key.as_bytes(), [0; 32], b"somebody", &[]).expect("new here");
    }
    txn.commit().expect("kept");
    vault
}

#[test]
fn a_revoked_node_is_blind_from_the_next_cycle_on() {
    let mut w = World::new();
    let (b, control) = (short(&w.b), w.b.feed(Lane::Control, ProgrammeId::NONE));
    let feed = FeedRef { node: b, lane: Lane::Registry, programme: FOOD };
    let at = w.b.stamp(&control).expect("now");
    let revoked = Control::Revoke { feed, cut: Cut::NOTHING, reason: Reason::Lost, at };
    write(&mut w.b, control, vec![revoked.into()]);
    let heard = w.path("heard");
    let files = export(&mut w.b, &[short(&w.a)], &heard).files;
    import(&mut w.a, &files);
    assert!(cycle_key::sites(&w.a, FOOD).expect("a look").is_empty());
    let given = cycle_key::give(&mut w.a, FOOD, MAY).expect("the treasury");
    assert_eq!(given, Given::default(), "nothing is sealed to it");
}

#[test]
fn two_sites_of_a_programme_derive_one_purse_for_one_household() {
    let mut w = World::new();
    let b = short(&w.b);
    let given = cycle_key::give(&mut w.a, FOOD, MAY).expect("A is the treasury");
    assert_eq!(given, Given { to: vec![b], before: Vec::new() }, "T serves cash alone");
    let again = cycle_key::give(&mut w.a, FOOD, MAY).expect("again");
    assert_eq!(again, Given { to: Vec::new(), before: vec![b] });

    assert!(!cycle_key::learn(&mut w.b, FOOD, MAY).expect("a look"), "it has not come yet");
    let out = w.path("out");
    let sent = export(&mut w.a, &[b, short(&w.t)], &out);
    import(&mut w.b, &sent.files);
    import(&mut w.t, &sent.files);
    assert_eq!(cycle_key::learn_all(&mut w.b).expect("a look"), [(FOOD, MAY)]);
    assert!(cycle_key::learn_all(&mut w.b).expect("a look").is_empty(), "once");
    assert!(cycle_key::learn_all(&mut w.t).expect("a look").is_empty());
    assert!(!cycle_key::learn(&mut w.t, FOOD, MAY).expect("a look"), "not sealed to T");

    let both = [("hope", "HH-1"), ("hope", "HH-2"), ("other", "HH-1"), (OWN_SOURCE, "HH-1")];
    let at_b: Vec<_> = both.iter().rev().copied().collect();
    let (here, there) = (vault(&w, "va", &both), vault(&w, "vb", &at_b));
    let of = |node, vault| both.map(|(source, key)| purse(node, vault, source, key));
    let (of_a, of_b) = (of(&w.a, &here), of(&w.b, &there));
    assert_eq!(of_a[..3], of_b[..3], "one register, one key, one purse");
    assert_ne!(of_a[3], of_b[3], "each site counts its own families from one");
    let mut all: Vec<Purse> = of_a.into_iter().chain(of_b).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 5, "different households, different purses");

    // It is kept: a restart finds it, and nothing of it is on the ledger in the clear.
    let secret = w.b.keys().get(MAY_FOOD).expect("here").expose().to_vec();
    for file in walk(&w.dir.path().join("b")).into_iter().chain(sent.files.iter().cloned()) {
        let bytes = std::fs::read(&file).expect("a file");
        assert!(!bytes.windows(32).any(|part| part == secret), "{}", file.display());
    }
    let World { dir, b, .. } = w;
    b.close().expect("stops");
    let b = reopen(dir.path(), "b");
    assert_eq!(b.keys().get(MAY_FOOD).expect("kept").expose(), secret);
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("there"));
    entries
        .flat_map(
            |entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] },
        )
        .collect()
}

#[test]
fn a_key_comes_from_the_treasury_that_was_voted_and_from_nobody_else() {
    let mut w = World::new();
    let refused = cycle_key::give(&mut w.b, FOOD, MAY);
    assert!(matches!(refused, Err(NodeFault::Rejected(Rejection::NotTreasury))), "{refused:?}");
    let ask = |node: &mut Node, given: CycleKey| {
        let feed = node.feed(Lane::Control, ProgrammeId::NONE);
        let compose: crate::node::Compose<'_> = Box::new(move |_, _, _| {
            Ok(vec![Entry::from(Control::CycleKey(Box::new(given))).into()])
        });
        let answers = node.write(&mut [crate::node::Request { feed, compose }]).expect("writes");
        answers.into_iter().next().expect("one").map(|_| ()).map_err(|why| why.to_string())
    };
    let (a, b, t) = (short(&w.a), short(&w.b), short(&w.t));
    let good = CycleKey {
        programme: FOOD,
        cycle: MAY,
        node: b,
        key: Hash([7; 32]),
        sealed: Wrapped([[1; 16]; 5]),
        at: Minute(100),
    };
    let words = |rejection: Rejection| Err(rejection.to_string());
    let june = CycleId(6);
    assert_eq!(
        ask(&mut w.a, CycleKey { programme: ProgrammeId(9), ..good }),
        words(Rejection::UnknownProgramme)
    );
    assert_eq!(ask(&mut w.a, CycleKey { cycle: june, ..good }), words(Rejection::UnknownCycle));
    assert_eq!(ask(&mut w.b, CycleKey { node: a, ..good }), words(Rejection::NotTreasury));
    for nobody in [t, a, [9; 8]] {
        let given = CycleKey { node: nobody, ..good };
        assert_eq!(ask(&mut w.a, given), words(Rejection::UnknownReceiver));
    }
    // What does not open is no key, and what opens to another key than it says is none either.
    assert_eq!(ask(&mut w.a, good), Ok(()));
    let sealing = w.b.certificate().expect("certified").sealing;
    let key = Key::random().expect("randomness");
    let sealed = crate::envelope::wrap(&sealing, b"annona 2026 v1 cycle key", &key).expect("wraps");
    let other = CycleKey { key: Hash([8; 32]), sealed: Wrapped::of(&sealed), ..good };
    assert_eq!(ask(&mut w.a, other), Ok(()));
    let out = w.path("out");
    let sent = export(&mut w.a, &[b], &out);
    import(&mut w.b, &sent.files);
    assert!(!cycle_key::learn(&mut w.b, FOOD, MAY).expect("a look"));
    // The right one beside them is found.
    cycle_key::give(&mut w.a, FOOD, MAY).expect("given");
    let sent = export(&mut w.a, &[b], &out);
    import(&mut w.b, &sent.files);
    assert!(cycle_key::learn(&mut w.b, FOOD, MAY).expect("a look"));
    let same = |node: &Node| node.keys().get(MAY_FOOD).expect("here").expose().to_vec();
    assert_eq!(same(&w.a), same(&w.b));
}

/// The article that closes May, signed by two of three.
fn closes_may(node: &Node) -> SignedArticle {
    let charter = node.store().charter().expect("founded");
    let act = Act::Close { programme: FOOD, cycle: MAY, cuts: Bounded::empty() };
    let article: Article = charter.draft(Bounded::new(vec![act]).expect("one"));
    let mut signed = SignedArticle::unsigned(article);
    for n in [1u8, 2] {
        let signature = signed.article.sign(&charter.federation(), &key(n));
        signed.add(Some(charter), OrgId(n.into()), signature).expect("a member");
    }
    signed
}

#[test]
fn a_key_is_destroyed_ninety_days_after_a_closed_cycle_and_does_not_come_back_from_the_ledger() {
    let mut w = World::new();
    let b = short(&w.b);
    cycle_key::give(&mut w.a, FOOD, MAY).expect("given");
    let out = w.path("out");
    let sent = export(&mut w.a, &[b], &out);
    import(&mut w.b, &sent.files);
    assert!(cycle_key::learn(&mut w.b, FOOD, MAY).expect("a look"));
    let secret = w.b.keys().get(MAY_FOOD).expect("here").expose().to_vec();
    let refused = |node: &mut Node| {
        let told = cycle_key::forget(node, FOOD, MAY);
        assert!(matches!(told, Err(NodeFault::Refused(_))), "{told:?}");
        assert!(node.keys().get(MAY_FOOD).is_some(), "nothing was destroyed");
    };
    // May's entitlements end with minute 200,000.
    let over = 200_000 + limits::CYCLE_KEY_DAYS * 24 * 60;
    let World { dir, a, b, t: _, .. } = w;
    let (mut a, mut b) = (a, b);
    let again = |node: Node, name, at| {
        node.close().expect("stops");
        reopen_at(dir.path(), name, at)
    };
    // Alone, B's clock is not believed, so far ahead of all that it heard; nobody's word is held against A's.
    for (at, closed, heard) in
        [(over, false, false), (over - 1, true, false), (over, true, false), (over, true, true)]
    {
        (a, b) = (again(a, "a", at), again(b, "b", at));
        if !closed {
            says_it_is(&mut a, over - 1);
        }
        if heard {
            let late = Registry::Enrol { pseudonym: Pseudonym([1; 16]), at: Minute(at) };
            let registry = a.feed(Lane::Registry, FOOD);
            write(&mut a, registry, vec![Entry::from(late).into()]);
            let to = short(&b);
            let sent = export(&mut a, &[to], &dir.path().join("out"));
            import(&mut b, &sent.files);
        }
        for (node, name) in [(&mut a, "a"), (&mut b, "b")] {
            if closed && node.store().charter().expect("founded").epoch() == 0 {
                let article = closes_may(node);
                node.apply_article(&article).expect("a quorum");
            }
            let from = cycle_key::over_from(node, FOOD, MAY).expect("a look");
            assert_eq!(from, closed.then_some(Minute(over)));
            if at < over || !closed || (!heard && name == "b") {
                refused(node);
                continue;
            }
            let here = cycle_key::forget(node, FOOD, MAY).expect("its time has come");
            assert_eq!(here, name == "b" || !heard, "A forgot it a turn before");
            assert!(!cycle_key::forget(node, FOOD, MAY).expect("again"), "it is gone");
            assert!(!cycle_key::learn(node, FOOD, MAY).expect("a look"), "{name}");
            assert!(cycle_key::learn_all(node).expect("a look").is_empty());
            assert!(cycle_key::give(node, FOOD, MAY).is_err());
        }
    }
    let open = [(a, "a"), (b, "b")];
    // The key file forgot it too.
    for (node, name) in open {
        node.close().expect("stops");
        assert!(reopen_at(dir.path(), name, over).keys().get(MAY_FOOD).is_none());
        for file in walk(&dir.path().join(name)) {
            let bytes = std::fs::read(&file).expect("a file");
            assert!(!bytes.windows(32).any(|part| part == secret), "{}", file.display());
        }
    }
}

#[test]
fn entitlements_are_kept_by_purse_and_two_cycles_of_one_household_do_not_join() {
    let w = World::new();
    let here = vault(&w, "va", &[("hope", "HH-1"), (OWN_SOURCE, "HH-2")]);
    let federation = w.federation();
    let (may, june) = ([1; 32], [2; 32]);
    for (source, key) in [("hope", "HH-1"), (OWN_SOURCE, "HH-2")] {
        let id = here.find(source, key.as_bytes()).expect("a look").expect("registered").id;
        let registration = here.registration(id).expect("opens");
        let of = |cycle| serve::purse(cycle, &registration);
        assert_ne!(of(&may), of(&june), "nothing of one leads to the other");
        assert_eq!(of(&may), of(&may));
        let pseudonym = here.pseudonym(id, FOOD.0, &federation.0.0).expect("one");
        // What is in the vault is no entitlement: neither purse lies there, nor is one the pseudonym's.
        let files = walk(&w.path("va"));
        assert!(!files.is_empty());
        for purse in [of(&may), of(&june)] {
            assert_ne!(purse.0, pseudonym);
            for file in &files {
                let bytes = std::fs::read(file).expect("a file");
                assert!(!bytes.windows(16).any(|part| part == purse.0), "{}", file.display());
            }
        }
    }
}

/// Two agencies registered the same household from the same register.
#[test]
fn two_agencies_full_stores_do_not_join_without_a_link_key() {
    let w = World::new();
    let register: Vec<String> = (0..20).map(|n| format!("HH-{n:05}")).collect();
    let households: Vec<_> = register.iter().map(|key| ("hope", key.as_str())).collect();
    let (one, other) = (vault(&w, "va", &households), vault(&w, "vb", &households));
    let federation = w.federation();
    let on_ledger = |vault: &Vault, cycle: &[u8; 32]| {
        let ids = vault.all(None, usize::MAX).expect("reads");
        let pseudonym = |programme| move |id| vault.pseudonym(id, programme, &federation.0.0);
        let mut all: Vec<[u8; 16]> = Vec::new();
        for programme in [FOOD.0, CASH.0] {
            all.extend(ids.iter().map(|id| pseudonym(programme)(*id).expect("one")));
        }
        let purse = |id| serve::purse(cycle, &vault.registration(id).expect("opens")).0;
        all.extend(ids.iter().map(|id| purse(*id)));
        all.into_iter().collect::<std::collections::BTreeSet<_>>()
    };
    let (mine, yours) = (on_ledger(&one, &[1; 32]), on_ledger(&other, &[2; 32]));
    assert_eq!((mine.len(), yours.len()), (60, 60), "nor do two programmes of one household");
    assert!(mine.is_disjoint(&yours));
    // With the key of a cycle they share, the purses of that cycle do, and nothing else: that is the link key.
    let shared = on_ledger(&other, &[1; 32]);
    assert_eq!(mine.intersection(&shared).count(), 20);
}

/// An operator answers for a node's clock: far past all it knows, nobody else's word is enough.
fn says_it_is(node: &mut Node, minute: u32) {
    let (clock, federation) = (Minute(minute), node.federation().expect("founded"));
    let word = Statement::Clock { node: short(node), clock }.sign(&federation, &key(51));
    let answer = Control::ClockAnswer { clock, word, at: Minute(100) };
    let control = node.feed(Lane::Control, ProgrammeId::NONE);
    write(node, control, vec![Entry::Control(answer).into()]);
}
