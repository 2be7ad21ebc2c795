//! The audit on all cores: feeds are independent until they meet.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use annona_ledger::audit::verdict::FileProblem;
use annona_ledger::audit::{self, Ground, Hints, Options, Part, Source, Verdict};
use annona_ledger::id::FeedId;

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
    let mut parts: Vec<Part> = Vec::new();
    if let Some(ground) = governed.ground() {
        let hints = Hints::of(ground);
        let run = Run {
            source,
            ground,
            hints: &hints,
            options,
            progress,
            stop,
            blocks: AtomicU64::new(0),
        };
        parts = run.all(&source.feeds(), threads);
    }
    let mut end = source.end();
    if stop.load(Ordering::Relaxed) {
        end.complete = false;
        end.problems.push((end.reached, FileProblem::Stopped));
    }
    audit::join(&governed, parts, end, options)
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
    options: &'a Options,
    progress: Progress<'a>,
    stop: &'a AtomicBool,
    blocks: AtomicU64,
}

impl<S: Source + Sync> Run<'_, S> {
    /// Reads feeds on several threads. Which thread reads which changes nothing.
    fn all(&self, feeds: &[FeedId], threads: usize) -> Vec<Part> {
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<Part>> = Mutex::new(Vec::new());
        let work = || {
            while let Some(feed) = feeds.get(next.fetch_add(1, Ordering::Relaxed)) {
                let part = self.one(*feed);
                if let Ok(mut done) = done.lock() {
                    done.push(part);
                }
            }
        };
        let threads = threads.clamp(1, feeds.len().max(1));
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        done.into_inner().unwrap_or_default()
    }

    fn one(&self, feed: FeedId) -> Part {
        let go_on = |_: u64| {
            (self.progress)(self.blocks.fetch_add(1, Ordering::Relaxed).saturating_add(1));
            !self.stop.load(Ordering::Relaxed)
        };
        audit::part(self.source, self.ground, self.hints, feed, self.options, &go_on)
    }
}
