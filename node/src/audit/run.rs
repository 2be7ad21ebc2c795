//! The audit on all cores: feeds are independent until they meet.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use annona_ledger::audit::verdict::{FileProblem, Finding, Problem, Where};
use annona_ledger::audit::{self, Ground, Hints, Join, Options, Part, Source, Verdict};
use annona_ledger::id::FeedId;

use super::aside::Temporary;

/// Told how an audit goes on, from any thread.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// Audits a source on `threads` threads: [`annona_ledger::audit::run`], only sooner. `progress` is called with the
/// number of blocks read; where `stop` becomes true the audit ends early, and says so.
pub fn audit(
    source: &(impl Source + Sync),
    options: &Options,
    threads: usize,
    progress: Progress<'_>,
    stop: &AtomicBool,
) -> Verdict {
    let governed = audit::govern(source, options);
    let cosigned = source.cosigned();
    let join = Mutex::new(Join::new(&governed, *options, cosigned.clone()));
    let room = Temporary::new();
    if let Some(ground) = governed.ground() {
        let mut hints = Hints::of(ground, &cosigned).aside(Arc::<Temporary>::clone(&room));
        let blocks = AtomicU64::new(0);
        for feeds in audit::in_order(ground, source.feeds()) {
            let run = Run { source, ground, hints: &hints, progress, stop, blocks: &blocks };
            run.all(&feeds, threads, options, |part| add(&join, |join| join.add(part)));
            hints = join.lock().map(|join| join.settled(&hints)).unwrap_or_default();
        }
        let suspects = join.lock().map(|join| join.suspects(&hints));
        let (suspects, hints) = suspects.unwrap_or_default();
        let lots = options.lots();
        let run = Run { source, ground, hints: &hints, progress, stop, blocks: &blocks };
        run.all(&suspects, threads, &lots, |part| add(&join, |join| join.lots(part)));
    }
    let mut end = source.end();
    if stop.load(Ordering::Relaxed) {
        end.complete = false;
        end.problems.push((end.reached, FileProblem::Stopped));
    }
    // A thread that broke off takes the whole run with it, so the lock is never found poisoned here.
    let mut verdict = join.into_inner().unwrap_or_else(PoisonError::into_inner).finish(end);
    if room.is_lost() {
        let place = Where { offset: 0, feed: None, seq: None, index: None };
        verdict.findings.insert(0, Finding { place, problem: Problem::File(FileProblem::Aside) });
    }
    verdict
}

fn add<'a>(join: &Mutex<Join<'a>>, what: impl FnOnce(&mut Join<'a>)) {
    if let Ok(mut join) = join.lock() {
        what(&mut join);
    }
}

/// How many threads the machine can run at once.
#[must_use]
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

struct Run<'a, S> {
    source: &'a S,
    ground: &'a Ground,
    hints: &'a Hints,
    progress: Progress<'a>,
    stop: &'a AtomicBool,
    blocks: &'a AtomicU64,
}

impl<S: Source + Sync> Run<'_, S> {
    /// Reads feeds on several threads. Which thread reads which changes nothing.
    fn all(&self, feeds: &[FeedId], threads: usize, options: &Options, done: impl Fn(Part) + Sync) {
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(feed) = feeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                done(self.one(*feed, options));
            }
        };
        let threads = threads.clamp(1, feeds.len().max(1));
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
    }

    fn one(&self, feed: FeedId, options: &Options) -> Part {
        let go_on = |_: u64| {
            (self.progress)(self.blocks.fetch_add(1, Ordering::Relaxed).saturating_add(1));
            !self.stop.load(Ordering::Relaxed)
        };
        audit::part(self.source, self.ground, self.hints, feed, options, &go_on)
    }
}
