//! Checkpoints between three nodes on real files, and beginning from one.

use std::collections::BTreeSet;

use annona_ledger::charter::{Act, Article, NodeCut, SignedArticle};
use annona_ledger::checkpoint::{Cosignature, CosignatureRejection, Page, Refusal, Said};
use annona_ledger::cut::Cut;
use annona_ledger::day::Day;
use annona_ledger::entry::{Lot, Method, Value};
use annona_ledger::finality::{Finality, finality};
use annona_ledger::id::{FeedId, OrgId, ProgrammeId, Purse};
use annona_ledger::limits;
use annona_ledger::notice::Learned;
use annona_ledger::orphan::{Orphan, Shown};
use annona_ledger::settlement::{self, Settling, Step};
use annona_ledger::sync::frame::Frame;
use annona_ledger::view::{At, View};
use annona_ledger::wire::Bounded;

use super::*;
use crate::audit::{self, AuditFile, VouchedProblem};
use crate::checkpoint::{self, CheckpointFault};
use crate::config::Zone;
use crate::node::{Node, Request};
use crate::store::Pruned;

mod audited;
mod dated;
mod held;

/// A distribution at A that B has, an enrolment at B that A has, and T who has headers of both.
pub(super) fn camp() -> World {
    let mut world = World::new();
    world.distribute(20);
    enrol(&mut world.a, FOOD, CANARY);
    let folder = world.path("first");
    let (b, t) = (short(&world.b), short(&world.t));
    let done = export(&mut world.a, &[b, t], &folder);
    import(&mut world.b, &done.files);
    import(&mut world.t, &done.files);
    enrol(&mut world.b, FOOD, [9; 16]);
    settle(&mut world);
    let folder = world.path("back");
    let a = short(&world.a);
    let done = export(&mut world.b, &[a, t], &folder);
    import(&mut world.a, &done.files);
    import(&mut world.t, &done.files);
    world
}

/// A opens a day and settles half of what it handed out, which one of two operators verifies; what its till holds of one
/// more entry, B brings before the block comes.
fn settle(world: &mut World) {
    let value = world.a.feed(Lane::Value, FOOD);
    let at = Minute(100);
    let entry = |settling| Value::Settle { settling: Box::new(settling), at };
    let reach = settlement::Reach { end: 40, beyond: false, merchant: None };
    let work = world.a.store().look().expect("readable");
    let lines = settlement::lines(&work, &value.short(), &reach);
    let rows = settlement::rows(&work, FOOD, &lines).expect("all is here");
    let first = work.head(work.trunk(&value).expect("known")).next;
    let mut tally = settlement::Tally::default();
    assert!(rows.iter().all(|row| tally.push(row)) && !rows.is_empty());
    drop(work);
    let draft = tally.finish(first).expect("rows");
    let drafted = first + lines.len() as u64;
    let all = lines.into_iter().chain([draft]).map(|line| Entry::from(entry(line)).into());
    write(&mut world.a, value, all.collect());
    let work = world.a.store().look().expect("readable");
    let place = At { chain: work.trunk(&value).expect("known"), index: drafted };
    let row = work.settlement(place).expect("drafted");
    drop(work);
    let step = Step::Verified;
    let signature = row.signing(&value.short(), step).sign(&world.federation(), &key(51));
    let step = Settling::Step { draft: drafted, step, operator: key(51).public(), signature };
    let open = Value::DayClose { day: Box::new(Day::Open), at };
    write(&mut world.a, value, vec![Entry::from(entry(step)).into(), Entry::from(open).into()]);
    let redeem =
        Value::Redeem { lot: Lot(2), amount: amount(1), merchant: 0, at, method: Method::Sight };
    let compose = Box::new(move |_: &crate::store::Work<'_>, _: &FeedId, _| {
        Ok(vec![Entry::from(redeem.clone()).into()])
    });
    let mut answers = world.a.write(&mut [Request { feed: value, compose }]).expect("holds");
    let accepted = answers.remove(0).expect("accepted").remove(0);
    let promise = world.a.promise(&accepted).expect("signed");
    // And beside it an issue that B has in a block: of what is pruned, nobody here can say that it is there.
    let key = world.a.signing_key(Name::NodeSigning).expect("a key");
    let work = world.a.store().look().expect("readable");
    let issued = crate::receipt::promised(&work, &key, &value, 2).expect("signed");
    drop(work);
    let shown = Bounded::new(vec![Shown::from(promise), Shown::from(issued)]).expect("few");
    let orphan = Orphan { node: short(&world.a), shown, sends: Bounded::empty(), at };
    let feed = world.b.feed(Lane::Value, FOOD);
    write(&mut world.b, feed, vec![Entry::from(Value::Orphan(Box::new(orphan))).into()]);
}

fn refused(asked: Result<Cosignature, CheckpointFault>) -> Refusal {
    match asked {
        Err(CheckpointFault::Refused(why)) => why,
        other => panic!("not refused: {other:?}"),
    }
}

/// A makes a page, and everyone signs it by bundles.
pub(super) fn certified(world: &mut World, name: &str) -> Page {
    let page = checkpoint::make(&mut world.a).expect("a page");
    let hash = page.checkpoint.hash();
    let (a, b, t) = (short(&world.a), short(&world.b), short(&world.t));
    let folder = world.path(&format!("{name}-out"));
    let done = export(&mut world.a, &[b, t], &folder);
    for node in [&mut world.b, &mut world.t] {
        assert!(import(node, &done.files).checkpoints >= 1);
    }
    checkpoint::cosign(&mut world.a, &hash).expect("its own");
    checkpoint::cosign(&mut world.b, &hash).expect("what it has folded");
    checkpoint::cosign(&mut world.t, &hash).expect("the frontier");
    for (which, node) in [("b", &mut world.b), ("t", &mut world.t)] {
        let folder = world.dir.path().join(format!("{name}-{which}"));
        fs::create_dir_all(&folder).expect("a folder");
        let done = export(node, &[a], &folder);
        assert_eq!(import(&mut world.a, &done.files).cosignatures, 1, "{which}");
    }
    page
}

#[test]
fn three_organisations_vouch_each_for_what_it_knows() {
    let mut world = camp();
    let page = certified(&mut world, "one");
    let store = world.a.store();
    let kept = store.kept_page(&page.checkpoint.hash()).expect("readable").expect("kept");
    let standing = store.page_standing(&kept).expect("readable");
    assert_eq!((standing.frontier.len(), standing.refused.len()), (3, 0));
    assert!(standing.certifies(FOOD) && standing.is_mirrored(FOOD, (OrgId(0), [0; 8])));
    let food = page.leaves_of(FOOD).next().expect("a leaf");
    assert_eq!(standing.leaves.get(&food.id).map(BTreeSet::len), Some(2), "T is outside");
    let certified = store.certified().expect("readable");
    let work = store.look().expect("readable");
    let feed = world.a.feed(Lane::Value, FOOD);
    let chain = work.trunk(&feed).expect("known");
    let head = work.head(chain);
    let certified = certified.certifies(&feed, &head, &work);
    let standing = annona_ledger::finality::Standing { seen: true, certified, settled: false };
    assert_eq!(finality(&standing), Finality::Certified);
    let cut = View::certified(&work, &feed.short()).expect("a quorum signed it");
    assert_eq!(cut.seq, work.feeds().iter().find(|f| f.id == feed).expect("known").seq);
}

#[test]
fn s29_a_witness_asked_for_an_old_page_puts_it_off_and_signs_the_next() {
    let mut world = camp();
    let old = checkpoint::make(&mut world.a).expect("a page").checkpoint.hash();
    enrol(&mut world.a, FOOD, [3; 16]);
    let new = checkpoint::make(&mut world.a).expect("a page").checkpoint.hash();
    checkpoint::cosign(&mut world.a, &new).expect("new");
    let why = refused(checkpoint::cosign(&mut world.a, &old));
    assert_eq!((why, why.status()), (Refusal::Stale, 409));
    // The memory outlives the process.
    let World { dir, a, .. } = world;
    a.close().expect("closed");
    let mut a = reopen(dir.path(), "a");
    assert_eq!(refused(checkpoint::cosign(&mut a, &old)), Refusal::Stale);
    checkpoint::cosign(&mut a, &new).expect("again");
}

/// What the rows of state and of a programme come to.
fn came_to(node: &Node) -> (Hash, Vec<annona_ledger::leaf::Leaf>) {
    let work = node.store().look().expect("readable");
    let rows = work.working_rows(FOOD).expect("readable").expect("not forked");
    (work.root(), annona_ledger::leaf::leaves(rows))
}

#[test]
fn s39_a_node_from_a_checkpoint_is_a_node_from_genesis_and_goes_on_the_same() {
    let mut world = camp();
    let page = certified(&mut world, "one");
    let programmes = BTreeSet::from([FOOD]);
    let hash = page.checkpoint.hash();
    let carried = checkpoint::carry(world.a.store(), &hash, Some(&programmes)).expect("rows");
    let file = world.dir.path().join("camp.checkpoint");
    checkpoint::write(&file, &carried).expect("written");
    let (federation, read) = checkpoint::read(&file).expect("reads");
    assert_eq!((federation, &read), (world.federation(), &carried));

    let mut n = make(world.dir.path(), "n");
    n.apply_article(&world.founding).expect("a good founding");
    let own = certify(&n, &world.federation(), 2, &[FOOD]);
    for notice in world.notices.iter().chain([&own]) {
        n.learn(notice).expect("a good notice");
    }
    for node in [&mut world.a, &mut world.b] {
        node.learn(&own).expect("a good notice");
    }
    checkpoint::begin(n.store_mut(), &read, &programmes).expect("begins");
    assert_eq!(came_to(&n), came_to(&world.b), "as one that read everything");
    // It says of no feed that nothing of it is known, and holds whatever a quorum certified for certified.
    let feed = world.a.feed(Lane::Value, FOOD).short();
    let cuts = |node: &Node| {
        let work = node.store().look().expect("readable");
        (work.cut_here(&feed), View::certified(&work, &feed).map(|cut| cut.seq))
    };
    checkpoint::keep(n.store_mut(), &read).expect("it knows these tips");
    let (whole, certified) = cuts(&world.a);
    assert!(certified.is_some() && whole.is_some_and(|cut| cut.seq > 0));
    assert_eq!(cuts(&n), (None, certified));

    // A refund of a redemption below the checkpoint, one above it, and a claim at B of a ticket from below.
    let value = world.a.feed(Lane::Value, FOOD);
    let redeemed = 2 + 20;
    let (amount, at, method) = (amount(1), Minute(101), Method::Sight);
    let refund = Value::Refund { redeem: redeemed, amount, at };
    let again = Value::Redeem { lot: Lot(2), amount, merchant: 0, at, method };
    write(&mut world.a, value, vec![Entry::from(refund).into(), Entry::from(again).into()]);
    let folder = world.path("on");
    let (b, name) = (short(&world.b), short(&n));
    let done = export(&mut world.a, &[b, name], &folder);
    import(&mut world.b, &done.files);
    let taken = import(&mut n, &done.files);
    assert_eq!((taken.gaps.len(), taken.forks.len(), taken.refusals), (0, 0, 0), "{taken:?}");
    assert_eq!(came_to(&n), came_to(&world.b), "and goes on the same");
    n.store_mut().rebuild(&mut |_, _| {}).expect("derives anew");
    assert_eq!(came_to(&n), came_to(&world.b), "also when derived anew");
    let health = n.store().check_all(&mut |_, _| {}).expect("readable");
    assert_eq!(health.damage, Vec::<String>::new());
    n.close().expect("closed");
    let n = reopen(world.dir.path(), "n");
    assert_eq!(came_to(&n), came_to(&world.b), "and when it starts again");
}

#[test]
fn s40_a_forged_chunk_a_missing_one_and_too_few_witnesses_are_refused() {
    let mut world = camp();
    let page = certified(&mut world, "one");
    let programmes = BTreeSet::from([FOOD]);
    let hash = page.checkpoint.hash();
    let good = checkpoint::carry(world.a.store(), &hash, Some(&programmes)).expect("rows");
    let mut n = make(world.dir.path(), "n");
    n.apply_article(&world.founding).expect("a good founding");
    for notice in &world.notices {
        n.learn(notice).expect("a good notice");
    }
    let before = root(&n);
    let mut forged = good.clone();
    let chunk = forged.rows.last_mut().expect("a chunk");
    let mut rows: Vec<Vec<u8>> = chunk.rows.iter().map(|row| row.to_vec()).collect();
    *rows.last_mut().expect("a row").last_mut().expect("a byte") ^= 1;
    let rows = rows.into_iter().map(|row| annona_ledger::wire::Bytes::new(row).expect("short"));
    chunk.rows = Bounded::new(rows.collect()).expect("few");
    let begin = |n: &mut Node, carried: &checkpoint::Carried| {
        checkpoint::begin(n.store_mut(), carried, &programmes)
    };
    assert!(matches!(begin(&mut n, &forged), Err(CheckpointFault::Chunk(_))));
    let mut short_of = good.clone();
    short_of.rows.pop();
    assert!(matches!(begin(&mut n, &short_of), Err(CheckpointFault::Missing(_))));
    let mut unsigned = good.clone();
    unsigned.cosignatures.truncate(1);
    assert!(matches!(begin(&mut n, &unsigned), Err(CheckpointFault::TooFew { .. })));
    let mut twice = unsigned.clone();
    twice.cosignatures.extend(unsigned.cosignatures.clone());
    assert!(matches!(begin(&mut n, &twice), Err(CheckpointFault::TooFew { .. })));
    assert_eq!(root(&n), before, "nothing was kept");
    assert!(
        matches!(begin(&mut world.b, &good), Err(CheckpointFault::Store(_))),
        "it has read them"
    );
    begin(&mut n, &good).expect("begins");
}

#[test]
fn a_disk_that_fills_up_while_a_node_begins_leaves_it_as_it_was_and_it_begins_with_room() {
    let mut world = camp();
    let page = certified(&mut world, "one");
    let programmes = BTreeSet::from([FOOD]);
    let hash = page.checkpoint.hash();
    let carried = checkpoint::carry(world.a.store(), &hash, Some(&programmes)).expect("rows");
    let mut n = make(world.dir.path(), "n");
    n.apply_article(&world.founding).expect("a good founding");
    for notice in &world.notices {
        n.learn(notice).expect("a good notice");
    }
    let before = root(&n);
    let conn = |n: &Node, sql: &str| -> i64 {
        n.store().conn().query_row(sql, [], |r| r.get(0)).expect("one")
    };
    let pages = conn(&n, "PRAGMA page_count");
    let mut room = pages;
    let began = loop {
        conn(&n, &format!("PRAGMA max_page_count={room}"));
        match checkpoint::begin(n.store_mut(), &carried, &programmes) {
            Ok(began) => break began,
            Err(CheckpointFault::Store(_)) => room += 1,
            Err(other) => panic!("{other}"),
        }
        assert_eq!(root(&n), before, "{room}");
        assert!(n.store().look().expect("readable").began_with().is_empty(), "{room}");
    };
    assert!(began > 0 && room > pages, "{pages} {room}");
    assert_eq!(came_to(&n), came_to(&world.b));
}

/// Closes May, with what every node is shown of A: its first block.
pub(super) fn close_may(world: &mut World, mirror: &mut Node) {
    let value = world.a.feed(Lane::Value, FOOD);
    let work = world.a.store().look().expect("readable");
    let first = work.sealed(work.trunk(&value).expect("known"), 0).expect("sealed");
    drop(work);
    let shown = NodeCut { node: short(&world.a), cut: Cut { seq: 1, head: first.hash } };
    let cuts = Bounded::new(vec![shown]).expect("few");
    let acts = Bounded::new(vec![Act::Close { programme: FOOD, cycle: MAY, cuts }]).expect("few");
    let federation = world.federation();
    let previous = world.founding.article.hash();
    let article = Article { epoch: 1, previous, acts };
    let by = [1u8, 2].map(|n| (OrgId(n.into()), article.sign(&federation, &key(n))));
    let signatures = Bounded::new(by.to_vec()).expect("few");
    let signed = SignedArticle { article, signatures };
    for node in [&mut world.a, &mut world.b, &mut world.t, mirror] {
        node.apply_article(&signed).expect("a good close");
    }
}

/// A node of the third organisation that takes in all of Food and signs what A has made.
pub(super) fn mirror(world: &mut World, page: &Page) -> Node {
    let federation = world.federation();
    let mut node = make(world.dir.path(), "m");
    node.apply_article(&world.founding).expect("a good founding");
    let own = certify(&node, &federation, 3, &[FOOD]);
    for notice in world.notices.iter().chain([&own]) {
        node.learn(notice).expect("a good notice");
    }
    for other in [&mut world.a, &mut world.b, &mut world.t] {
        other.learn(&own).expect("a good notice");
    }
    let (m, a) = (short(&node), short(&world.a));
    let folder = world.path("to-m");
    let done =
        export_with(&mut world.a, &[m], &folder, &Options { all: true, ..Options::default() });
    import(&mut node, &done.files);
    let signed = checkpoint::cosign(&mut node, &page.checkpoint.hash()).expect("has it all");
    assert!(signed.said.holds.contains(&FOOD), "{signed:?}");
    let folder = world.path("from-m");
    let done = export(&mut node, &[a], &folder);
    assert_eq!(import(&mut world.a, &done.files).cosignatures, 1);
    node
}

#[test]
fn who_was_replaced_holds_nothing_that_others_could_drop() {
    let mut world = camp();
    let page = certified(&mut world, "one");
    let mirror = mirror(&mut world, &page);
    let lacks = |a: &Node| {
        let pruning = checkpoint::pruning(a, &page.checkpoint.hash(), FOOD).expect("readable");
        pruning.unmirrored().collect::<Vec<_>>()
    };
    assert_eq!(lacks(&world.a), []);
    let new = make(world.dir.path(), "m2");
    let federation = world.federation();
    let notice = replacing(&new, &federation, 3, &[FOOD], Some(short(&mirror)));
    world.a.learn(&notice).expect("a good notice");
    assert_eq!(lacks(&world.a), [FOOD], "B alone is left");
}

#[test]
fn s38_what_is_pruned_leaves_headers_and_an_audit_says_what_it_had_not() {
    let mut world = camp();
    let page = checkpoint::make(&mut world.a).expect("a page");
    let hash = page.checkpoint.hash();
    checkpoint::cosign(&mut world.a, &hash).expect("its own");
    let kept = world.a.store().kept_page(&hash).expect("readable").expect("kept");
    let own = short(&world.a);
    let alone = world.a.store_mut().prune(&kept, FOOD, &own);
    assert!(alone.is_err(), "nobody else holds them");
    // A second block of May, which the close will not show.
    let (amount, at, method) = (amount(1), Minute(100), Method::Sight);
    let late = Value::Redeem { lot: Lot(2), amount, merchant: 0, at, method };
    let value = world.a.feed(Lane::Value, FOOD);
    write(&mut world.a, value, vec![Entry::from(late).into()]);
    let page = certified(&mut world, "one");
    let kept = world.a.store().kept_page(&page.checkpoint.hash()).expect("readable").expect("kept");
    // A's own word that it holds them is about to be untrue: B alone is one organisation.
    let one = world.a.store().pruning(&kept, FOOD, &own).expect("readable");
    assert_eq!(one.unmirrored().collect::<Vec<_>>(), [FOOD], "control feeds are held by B and T");
    assert!(world.a.store_mut().prune(&kept, FOOD, &own).is_err(), "two others are asked for");
    let mut mirror = mirror(&mut world, &page);
    let kept = world.a.store().kept_page(&page.checkpoint.hash()).expect("readable").expect("kept");
    let none = world.a.store_mut().prune(&kept, FOOD, &own).expect("nothing to do");
    assert_eq!(none.blocks, 0, "May is open");
    close_may(&mut world, &mut mirror);
    let before = came_to(&world.a);
    let pools = world.a.store().look().expect("readable").whole_pools();
    let whole = world.dir.path().join("whole.audit");
    audit::export(world.a.store(), &whole).expect("exports");
    let alone = world.a.store().kept_page(&hash).expect("readable").expect("kept");
    let refused = world.a.store_mut().prune(&alone, FOOD, &own);
    assert!(refused.is_err(), "closed, and nobody else holds them");
    let would = checkpoint::pruning(&world.a, &kept.hash, FOOD).expect("readable");
    let pruned = checkpoint::prune(&mut world.a, &kept.hash, FOOD).expect("mirrored");
    assert_eq!(pruned.blocks, 1, "what was shown when May closed");
    let work = world.a.store().look().expect("readable");
    assert!(!work.faulty(&value.short()), "A goes on");
    assert_eq!(work.whole_pools(), pools, "and holds what it held");
    // A promise of what stood there cannot be made again: one of another place would be a fork of A's own making.
    let key = world.a.signing_key(Name::NodeSigning).expect("a key");
    let again = crate::receipt::promised(&work, &key, &value, 2);
    assert!(again.is_err_and(|why| why.to_string().contains("import it again")));
    drop(work);
    assert_eq!((would.may(), would.would), (true, pruned), "as a dry run says");
    // A has said otherwise before: whoever hears of it counts on the others alone.
    let said = world.a.store().kept_page(&kept.hash).expect("readable").expect("kept");
    let standing = world.a.store().page_standing(&said).expect("readable");
    assert!(!standing.holds[&FOOD].contains_key(&own) && standing.certifies(FOOD));
    let b = (OrgId(2), short(&world.b));
    assert!(
        !standing.is_mirrored(FOOD, b),
        "B cannot count on A, and of those after it there is one"
    );
    assert!(pruned.bytes > 0, "{pruned:?}");
    let again = world.a.store_mut().prune(&kept, FOOD, &own).expect("nothing to do");
    assert_eq!(again, Pruned::default(), "once");
    assert_eq!(came_to(&world.a), before, "state is as it was");
    let health = world.a.store().check_all(&mut |_, _| {}).expect("readable");
    assert_eq!(health.damage, Vec::<String>::new());

    let file = world.dir.path().join("pruned.audit");
    audit::export(world.a.store(), &file).expect("exports");
    let run = |path| {
        let file = AuditFile::open(path).expect("opens");
        let options = annona_ledger::audit::Options::default();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let verdict = audit::audit(&file, &options, 1, &|_| {}, &stop);
        (verdict, audit::checkpoints(&file))
    };
    let ((full, _), (less, vouched)) = (run(&whole), run(&file));
    assert!(full.is_good(), "{:?}", full.first());
    assert_eq!(less.unchecked_programmes(), [FOOD], "it says what it could not check");
    assert_eq!(less.feeds, full.feeds);
    let borne = vouched.iter().find(|page| page.hash == kept.hash).expect("the checkpoint");
    assert_eq!((borne.is_certified(), borne.problem), (true, None), "headers bear it out");
    // Brought back by a bundle of one of those that hold them.
    let folder = world.path("again");
    let a = short(&world.a);
    let done =
        export_with(&mut world.b, &[a], &folder, &Options { all: true, ..Options::default() });
    import(&mut world.a, &done.files);
    assert_eq!(came_to(&world.a), before);
    let again = world.dir.path().join("again.audit");
    audit::export(world.a.store(), &again).expect("exports");
    let (verdict, _) = run(&again);
    assert!(verdict.is_good(), "all bodies are back: {:?}", verdict.first());
    // And can go again, though this file begins with rows by now.
    assert_eq!(world.a.store_mut().prune(&kept, FOOD, &own).expect("mirrored"), pruned);
    assert_eq!(came_to(&world.a), before);
    // A redemption whose body is gone is refunded all the same.
    let refund = Value::Refund { redeem: 2 + 20, amount, at: Minute(101) };
    write(&mut world.a, value, vec![Entry::from(refund).into()]);
    let folder = world.path("refund");
    let b = short(&world.b);
    let done = export(&mut world.a, &[b], &folder);
    import(&mut world.b, &done.files);
    assert_eq!(came_to(&world.a), came_to(&world.b));
    // What is left of a lot that was opened there goes on, with what filled it.
    let compose: crate::node::Compose<'_> = Box::new(move |work, feed, at| {
        crate::serve::travel(work, feed, &Purse(CANARY_PURSE), b, (at, at))
    });
    let sent = world.a.write(&mut [Request { feed: value, compose }]).expect("holds").remove(0);
    let sent = sent.expect("she may go");
    let work = world.a.store().look().expect("readable");
    let sends = sent.iter().filter(|one| {
        let entry = Entry::decode(Lane::Value, &one.bytes);
        matches!(entry, Ok(Entry::Value(Value::Send(_))))
    });
    let tickets = sends.map(|one| crate::serve::ticket(&work, &key, one));
    assert!(tickets.collect::<Result<Vec<_>, _>>().is_ok_and(|all| !all.is_empty()));
}

#[test]
fn an_audit_refuses_a_file_that_was_rolled_back_behind_what_was_signed() {
    let mut world = camp();
    certified(&mut world, "one");
    let good = world.dir.path().join("good.audit");
    audit::export(world.a.store(), &good).expect("exports");
    let told = audit::checkpoints(&AuditFile::open(&good).expect("opens"));
    assert_eq!(told.len(), 1);
    assert!(told[0].is_certified() && !told[0].is_wrong());
    assert_eq!(told[0].programmes(), [FOOD]);
    // The same ledger without the last block of the value feed.
    struct Less<'a>(&'a crate::store::Store, FeedId);
    impl audit::Ledger for Less<'_> {
        fn federation(&self) -> Result<annona_ledger::id::FederationId, crate::store::StoreFault> {
            audit::Ledger::federation(self.0)
        }
        fn articles(&self) -> Result<Vec<SignedArticle>, crate::store::StoreFault> {
            audit::Ledger::articles(self.0)
        }
        fn notices(
            &self,
        ) -> Result<Vec<annona_ledger::notice::SignedNotice>, crate::store::StoreFault> {
            audit::Ledger::notices(self.0)
        }
        fn feeds(&self) -> Result<Vec<FeedId>, crate::store::StoreFault> {
            let mut feeds = audit::Ledger::feeds(self.0)?;
            feeds.retain(|feed| *feed != self.1);
            Ok(feeds)
        }
        fn checkpoints(&self) -> Result<Vec<Frame>, crate::store::StoreFault> {
            audit::Ledger::checkpoints(self.0)
        }
        fn blocks(
            &self,
            feed: &FeedId,
            each: &mut dyn FnMut(
                block::Block,
                Option<Evidence>,
            ) -> Result<(), audit::export::ExportFault>,
        ) -> Result<(), audit::export::ExportFault> {
            audit::Ledger::blocks(self.0, feed, each)
        }
    }
    let feed = world.b.feed(Lane::Registry, FOOD);
    let back = world.dir.path().join("back.audit");
    audit::export(&Less(world.a.store(), feed), &back).expect("exports");
    let told = audit::checkpoints(&AuditFile::open(&back).expect("opens"));
    let gone = VouchedProblem::RolledBack { feed: feed.short(), blocks: 1 };
    assert_eq!(told[0].problem, Some(gone));
    assert!(told[0].is_certified() && told[0].is_wrong());
    let none = ProgrammeId::NONE;
    assert!(told[0].standing.certifies(none));
    // The same of a page that nobody signed, and that stands there twice: it accuses nobody.
    struct Twice<'a>(Less<'a>);
    impl audit::Ledger for Twice<'_> {
        fn federation(&self) -> Result<annona_ledger::id::FederationId, crate::store::StoreFault> {
            audit::Ledger::federation(&self.0)
        }
        fn articles(&self) -> Result<Vec<SignedArticle>, crate::store::StoreFault> {
            audit::Ledger::articles(&self.0)
        }
        fn notices(
            &self,
        ) -> Result<Vec<annona_ledger::notice::SignedNotice>, crate::store::StoreFault> {
            audit::Ledger::notices(&self.0)
        }
        fn feeds(&self) -> Result<Vec<FeedId>, crate::store::StoreFault> {
            audit::Ledger::feeds(&self.0)
        }
        fn checkpoints(&self) -> Result<Vec<Frame>, crate::store::StoreFault> {
            let once = audit::Ledger::checkpoints(&self.0)?;
            Ok([once.clone(), once].concat())
        }
        fn blocks(
            &self,
            feed: &FeedId,
            each: &mut dyn FnMut(
                block::Block,
                Option<Evidence>,
            ) -> Result<(), audit::export::ExportFault>,
        ) -> Result<(), audit::export::ExportFault> {
            audit::Ledger::blocks(&self.0, feed, each)
        }
    }
    let mut world = camp();
    checkpoint::make(&mut world.a).expect("a page");
    let feed = world.b.feed(Lane::Registry, FOOD);
    let back = world.dir.path().join("unsigned.audit");
    audit::export(&Twice(Less(world.a.store(), feed)), &back).expect("exports");
    let told = audit::checkpoints(&AuditFile::open(&back).expect("opens"));
    let [page] = &told[..] else { panic!("one page: {told:?}") };
    assert_eq!(page.problem, Some(VouchedProblem::RolledBack { feed: feed.short(), blocks: 1 }));
    assert!(!page.signed && !page.is_wrong() && page.wrong().is_none());
}

/// A ledger with more to say of checkpoints than it kept.
struct Also<'a>(&'a crate::store::Store, Vec<Frame>);

impl audit::Ledger for Also<'_> {
    fn federation(&self) -> Result<annona_ledger::id::FederationId, crate::store::StoreFault> {
        audit::Ledger::federation(self.0)
    }
    fn articles(&self) -> Result<Vec<SignedArticle>, crate::store::StoreFault> {
        audit::Ledger::articles(self.0)
    }
    fn notices(
        &self,
    ) -> Result<Vec<annona_ledger::notice::SignedNotice>, crate::store::StoreFault> {
        audit::Ledger::notices(self.0)
    }
    fn feeds(&self) -> Result<Vec<FeedId>, crate::store::StoreFault> {
        audit::Ledger::feeds(self.0)
    }
    fn checkpoints(&self) -> Result<Vec<Frame>, crate::store::StoreFault> {
        let mut frames = audit::Ledger::checkpoints(self.0)?;
        frames.extend(self.1.iter().cloned());
        Ok(frames)
    }
    fn blocks(
        &self,
        feed: &FeedId,
        each: &mut dyn FnMut(
            block::Block,
            Option<Evidence>,
        ) -> Result<(), audit::export::ExportFault>,
    ) -> Result<(), audit::export::ExportFault> {
        audit::Ledger::blocks(self.0, feed, each)
    }
}

#[test]
fn an_audit_makes_signed_state_anew_and_tells_who_signed_what_with_which_key() {
    let mut world = camp();
    let page = certified(&mut world, "one");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let good = world.dir.path().join("good.audit");
    audit::export(world.a.store(), &good).expect("exports");
    let file = AuditFile::open(&good).expect("opens");
    let told = audit::states::recompute(&file, true, 2, &stop);
    let state = told[0].state.clone().expect("made anew");
    assert_eq!((state.differ, state.unchecked), (Vec::new(), Vec::new()));
    assert_eq!(state.same, page.state.iter().map(|leaf| leaf.id).collect::<Vec<_>>());
    let transport = |node: &Node| node.signing_key(Name::NodeTransport).expect("a key");
    let mut keys: Vec<_> = told[0].standing.counted.iter().map(|one| one.key).collect();
    let mut all: Vec<_> =
        [&world.a, &world.b, &world.t].map(|node| transport(node).public()).to_vec();
    keys.sort_unstable();
    all.sort_unstable();
    assert_eq!(keys, all);
    // What a quorum has folded is certified, and the verdict and a trail say so.
    let options = annona_ledger::audit::Options::default();
    let verdict = audit::audit(&file, &options, 1, &|_| {}, &stop);
    let shares = verdict.finality[&FOOD];
    assert!(shares.certified > 0 && shares.all() == shares.certified, "{shares:?}");
    let value = world.a.feed(Lane::Value, FOOD).short();
    let trail = audit::trace(&file, &value, 2, None, Zone::default()).expect("there");
    assert_eq!(trail.entry.and_then(|step| step.finality), Some("certified"));

    // Two of three sign a state that the blocks do not come to; somebody signs in the third's name, and a stranger.
    let kept = world.a.store().kept_page(&page.checkpoint.hash()).expect("readable").expect("kept");
    let mut leaves = page.state.to_vec();
    let last = leaves.last_mut().expect("a leaf");
    last.root = Hash([7; 32]);
    let wrong = last.id;
    let charter = world.a.store().charter().expect("founded").clone();
    let later = Minute(page.checkpoint.time.0 + 1);
    let lie = Page::new(&charter, &kept.frontier, leaves, page.working.to_vec(), later);
    let lie = lie.expect("fits");
    let federation = world.federation();
    let say = |witness: [u8; 8], key: &annona_ledger::key::SigningKey| {
        let leaves = Bounded::new(lie.state.iter().map(|leaf| leaf.id).collect()).expect("few");
        let (checkpoint, time, holds) = (lie.checkpoint.hash(), later, Bounded::empty());
        Said { checkpoint, witness, time, leaves, holds }.sign(&federation, key)
    };
    let signed = [&world.a, &world.b].map(|node| say(short(node), &transport(node)));
    let forged = [say(short(&world.t), &key(99)), say([9; 8], &key(99))];
    world
        .a
        .store_mut()
        .keep_page(&lie)
        .expect("stored")
        .expect("its roots are those of its leaves");
    for said in signed {
        assert_eq!(world.a.store_mut().keep_cosignature(&said).expect("stored"), Learned::New);
    }
    for said in &forged {
        let learned = world.a.store_mut().keep_cosignature(said).expect("stored");
        assert_eq!(learned, Learned::Known, "what does not count is not kept");
    }
    let frames = forged.map(|said| Frame::Cosignature(Box::new(said))).to_vec();
    let bad = world.dir.path().join("bad.audit");
    audit::export(&Also(world.a.store(), frames), &bad).expect("exports");
    let told = audit::states::recompute(&AuditFile::open(&bad).expect("opens"), true, 1, &stop);
    let told = told.iter().find(|one| one.hash == lie.checkpoint.hash()).expect("there");
    assert!(told.is_certified() && told.is_wrong());
    assert_eq!(told.state.as_ref().map(|state| state.differ.clone()), Some(vec![wrong]));
    let refused: Vec<_> = told.refused().map(|(witness, why)| (*witness, *why)).collect();
    assert_eq!(refused, [(short(&world.t), CosignatureRejection::BadSignature)]);
    assert_eq!(told.uncertified().collect::<Vec<_>>(), [&[9; 8]]);
}

/// Whoever sends pages or words nobody asked for fills no disk: what nobody signed makes room for what somebody did.
#[test]
fn pages_and_words_that_come_in_masses_are_kept_in_bounds() {
    let mut world = camp();
    let page = certified(&mut world, "one");
    let kept = world.a.store().kept_page(&page.checkpoint.hash()).expect("readable").expect("kept");
    let charter = world.a.store().charter().expect("founded").clone();
    let later = |n: u32| {
        let time = Minute(page.checkpoint.time.0 + n);
        let (state, working) = (page.state.to_vec(), page.working.to_vec());
        Page::new(&charter, &kept.frontier, state, working, time).expect("fits")
    };
    let federation = world.federation();
    let transport = world.b.signing_key(Name::NodeTransport).expect("a key");
    let say = |of: &Page, time: u32, witness: [u8; 8]| {
        let (leaves, holds) = (Bounded::empty(), Bounded::empty());
        let (checkpoint, time) = (of.checkpoint.hash(), Minute(time));
        Said { checkpoint, witness, time, leaves, holds }.sign(&federation, &transport)
    };
    let b = short(&world.b);
    let first = later(1);
    let store = world.a.store_mut();
    store.keep_page(&first).expect("stored").expect("stands");
    let words = 2 * limits::ORG_COSIGNATURES as u32;
    for n in 0..words {
        store.keep_cosignature(&say(&first, 200 + n, b)).expect("stored");
    }
    let said = store.kept_page(&first.checkpoint.hash()).expect("readable").expect("kept");
    let times: Vec<u32> = said.cosignatures.iter().map(|word| word.said.time.0).collect();
    let newest = 200 + words - limits::ORG_COSIGNATURES as u32..200 + words;
    assert_eq!(times, newest.collect::<Vec<_>>(), "the newest of them");
    for n in 2..2 * limits::OPEN_PAGES as u32 {
        store.keep_page(&later(n)).expect("stored").expect("stands");
    }
    let pages = store.page_hashes().expect("readable");
    assert_eq!(pages.len(), limits::OPEN_PAGES + 1, "and the certified one");
    assert!(pages.contains(&page.checkpoint.hash()) && pages.contains(&first.checkpoint.hash()));
    let newest = later(2 * limits::OPEN_PAGES as u32 - 1);
    assert!(pages.contains(&newest.checkpoint.hash()), "what has just come is kept");
    // Nobody signs a page to send it: one dated past what any clock is believed stands before none, and is the first to go.
    let far = later(u32::MAX - page.checkpoint.time.0);
    store.keep_page(&far).expect("stored").expect("stands");
    let last = store.page_hashes().expect("readable").pop();
    assert_eq!(last, Some(far.checkpoint.hash()));
}

/// One page nobody needs, or one word about it, would otherwise stop whoever carries by stick, begins, or signs.
#[test]
fn a_checkpoint_that_the_disk_has_changed_stands_in_nobodys_way_and_comes_again() {
    let mut world = camp();
    enrol(&mut world.a, FOOD, [77; 16]);
    let page = checkpoint::make(&mut world.a).expect("a page");
    let hash = page.checkpoint.hash();
    checkpoint::cosign(&mut world.a, &hash).expect("signed");
    let whole = world.a.store().kept_page(&hash).expect("readable");
    let store = world.a.store_mut();
    store.spoil_pages();
    assert_eq!(store.page_hashes().expect("readable"), []);
    let told = store.check_all(&mut |_, _| {}).expect("readable").damage.join("; ");
    assert!(told.contains("1 of the checkpoints"), "{told}");
    let said = &whole.as_ref().expect("kept").cosignatures[0];
    assert_eq!(store.keep_page(&page).expect("stored").expect("stands"), Learned::New);
    assert_eq!(store.keep_cosignature(said).expect("stored"), Learned::New);
    assert_eq!(store.kept_page(&hash).expect("readable"), whole);
    assert!(store.check_all(&mut |_, _| {}).expect("readable").damage.is_empty());
}

#[test]
fn a_new_incarnation_makes_pages_though_nobody_can_seal_the_tail_of_the_old_one() {
    for may_sign in [true, false] {
        let mut world = camp();
        enrol(&mut world.a, FOOD, [77; 16]);
        let old = world.a.feed(Lane::Registry, FOOD);
        if !may_sign {
            world.a.refuse(&old, 99, 1).expect("noted");
        }
        let heads = world.dir.path().join("heads-again");
        world.a.reincarnate(&heads).expect("a new key");
        let own = certify(&world.a, &world.federation(), 1, &[FOOD, CASH]);
        world.a.learn(&own).expect("a good certificate");
        let feed = world.a.store().feeds().expect("readable").into_iter().find(|f| f.id == old);
        let feed = feed.expect("known");
        assert_eq!(feed.head == feed.sealed, may_sign, "sealed where its key could");
        let page = checkpoint::make(&mut world.a).expect("a page");
        assert!(page.leaves_of(FOOD).next().is_some(), "with what the blocks come to");
    }
}

#[test]
fn the_newest_word_of_a_witness_takes_the_place_of_its_oldest() {
    let mut world = camp();
    let page = checkpoint::make(&mut world.a).expect("a page");
    let hash = page.checkpoint.hash();
    let first = checkpoint::cosign(&mut world.a, &hash).expect("its own");
    assert!(first.said.holds.contains(&FOOD));
    let key = world.a.signing_key(Name::NodeTransport).expect("a key");
    let federation = world.federation();
    let word = |time: u32, holds| {
        let said = Said { time: Minute(time), holds, ..first.said.clone() };
        said.sign(&federation, &key)
    };
    let then = first.said.time.0;
    let count = u32::try_from(limits::ORG_COSIGNATURES).expect("few");
    for later in 1..count {
        let said = word(then + later, first.said.holds.clone());
        world.a.store_mut().keep_cosignature(&said).expect("kept");
    }
    let kept = |world: &World| {
        let kept = world.a.store().kept_page(&hash).expect("readable").expect("kept");
        kept.cosignatures
    };
    assert_eq!(kept(&world).len(), limits::ORG_COSIGNATURES);
    let back = word(then + count, Bounded::empty());
    assert_eq!(world.a.store_mut().keep_cosignature(&back).expect("a look"), Learned::New);
    let all = kept(&world);
    assert!(all.contains(&back) && !all.contains(&first), "it holds nothing any more");
    assert_eq!(all.len(), limits::ORG_COSIGNATURES);
    let old = word(then, Bounded::empty());
    assert_eq!(world.a.store_mut().keep_cosignature(&old).expect("a look"), Learned::Known);
}
