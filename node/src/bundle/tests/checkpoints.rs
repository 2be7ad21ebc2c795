//! Checkpoints between three nodes on real files, and beginning from one.

use std::collections::BTreeSet;

use annona_ledger::charter::{Act, Article, NodeCut, SignedArticle};
use annona_ledger::checkpoint::{Cosignature, Page, Refusal};
use annona_ledger::cut::Cut;
use annona_ledger::day::Day;
use annona_ledger::entry::{Lot, Method, Value};
use annona_ledger::finality::{Finality, finality};
use annona_ledger::id::{FeedId, OrgId, ProgrammeId};
use annona_ledger::orphan::{Orphan, Shown};
use annona_ledger::settlement::{self, Settling, Step};
use annona_ledger::view::{At, View};
use annona_ledger::wire::Bounded;

use super::*;
use crate::audit::{self, AuditFile, VouchedProblem};
use crate::checkpoint::{self, CheckpointFault};
use crate::node::{Node, Request};
use crate::store::Pruned;

/// A distribution at A that B has, an enrolment at B that A has, and T who has headers of both.
fn camp() -> World {
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
    let shown = Bounded::new(vec![Shown::from(promise)]).expect("few");
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
fn certified(world: &mut World, name: &str) -> Page {
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
    assert!(standing.certifies(FOOD) && standing.is_mirrored(FOOD));
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

/// Closes May, with what every node is shown of A: its first block.
fn close_may(world: &mut World) {
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
    for node in [&mut world.a, &mut world.b, &mut world.t] {
        node.apply_article(&signed).expect("a good close");
    }
}

#[test]
fn s38_what_is_pruned_leaves_headers_and_an_audit_says_what_it_had_not() {
    let mut world = camp();
    let page = checkpoint::make(&mut world.a).expect("a page");
    let hash = page.checkpoint.hash();
    checkpoint::cosign(&mut world.a, &hash).expect("its own");
    let kept = world.a.store().kept_page(&hash).expect("readable").expect("kept");
    let alone = world.a.store_mut().prune(&kept, FOOD);
    assert!(alone.is_err(), "nobody else holds them");
    // A second block of May, which the close will not show.
    let (amount, at, method) = (amount(1), Minute(100), Method::Sight);
    let late = Value::Redeem { lot: Lot(2), amount, merchant: 0, at, method };
    let value = world.a.feed(Lane::Value, FOOD);
    write(&mut world.a, value, vec![Entry::from(late).into()]);
    let page = certified(&mut world, "one");
    let kept = world.a.store().kept_page(&page.checkpoint.hash()).expect("readable").expect("kept");
    let none = world.a.store_mut().prune(&kept, FOOD).expect("nothing to do");
    assert_eq!(none.blocks, 0, "May is open");
    close_may(&mut world);
    let before = came_to(&world.a);
    let whole = world.dir.path().join("whole.audit");
    audit::export(world.a.store(), &whole).expect("exports");
    let alone = world.a.store().kept_page(&hash).expect("readable").expect("kept");
    assert!(world.a.store_mut().prune(&alone, FOOD).is_err(), "closed, and nobody else holds them");
    let pruned = world.a.store_mut().prune(&kept, FOOD).expect("mirrored");
    assert_eq!(pruned.blocks, 1, "what was shown when May closed");
    assert!(pruned.bytes > 0, "{pruned:?}");
    let again = world.a.store_mut().prune(&kept, FOOD).expect("nothing to do");
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
    assert_eq!(world.a.store_mut().prune(&kept, FOOD).expect("mirrored"), pruned);
    assert_eq!(came_to(&world.a), before);
    // A redemption whose body is gone is refunded all the same.
    let refund = Value::Refund { redeem: 2 + 20, amount, at: Minute(101) };
    write(&mut world.a, value, vec![Entry::from(refund).into()]);
    let folder = world.path("refund");
    let b = short(&world.b);
    let done = export(&mut world.a, &[b], &folder);
    import(&mut world.b, &done.files);
    assert_eq!(came_to(&world.a), came_to(&world.b));
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
        fn checkpoints(
            &self,
        ) -> Result<Vec<annona_ledger::sync::frame::Frame>, crate::store::StoreFault> {
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
}
