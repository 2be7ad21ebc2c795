//! The audit on all cores: feeds are independent until they meet.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;

use annona_ledger::audit::verdict::FileProblem;
use annona_ledger::audit::{self, Ground, Hints, Options, Part, Source, Verdict};
use annona_ledger::id::FeedId;

/// Told how an audit goes on, from any thread.
pub type Progress<'a> = &'a (dyn Fn(u64) + Sync);

/// What one thread is to read.
struct Task {
    feed: FeedId,
    hints: Hints,
    /// The part it takes the place of.
    instead: Option<usize>,
}

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
        let run = Run { source, ground, options, progress, stop, blocks: AtomicU64::new(0) };
        let task = |feed| Task { feed, hints: hints.clone(), instead: None };
        let tasks: Vec<Task> = source.feeds().into_iter().map(task).collect();
        parts = run.all(&tasks, threads).into_iter().map(|(_, part)| part).collect();
        parts.sort_by_key(|part| *part.feed());
        let again = audit::again(ground, &hints, &parts);
        let task = |(which, hints): (usize, Hints)| {
            let feed = parts.get(which).map(|part| *part.feed())?;
            Some(Task { feed, hints, instead: Some(which) })
        };
        let tasks: Vec<Task> = again.into_iter().filter_map(task).collect();
        for (task, part) in run.all(&tasks, threads) {
            let which = tasks.get(task).and_then(|task| task.instead);
            if let Some(old) = which.and_then(|which| parts.get_mut(which)) {
                *old = part;
            }
        }
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
    options: &'a Options,
    progress: Progress<'a>,
    stop: &'a AtomicBool,
    blocks: AtomicU64,
}

impl<S: Source + Sync> Run<'_, S> {
    /// Does tasks on several threads. Which thread does which changes nothing.
    fn all(&self, tasks: &[Task], threads: usize) -> Vec<(usize, Part)> {
        let next = AtomicUsize::new(0);
        let done: Mutex<Vec<(usize, Part)>> = Mutex::new(Vec::new());
        let work = || {
            while let Some((number, task)) = {
                let number = next.fetch_add(1, Ordering::Relaxed);
                tasks.get(number).map(|task| (number, task))
            } {
                let part = self.one(task);
                if let Ok(mut done) = done.lock() {
                    done.push((number, part));
                }
            }
        };
        let threads = threads.clamp(1, tasks.len().max(1));
        thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
        done.into_inner().unwrap_or_default()
    }

    fn one(&self, task: &Task) -> Part {
        let go_on = |_: u64| {
            (self.progress)(self.blocks.fetch_add(1, Ordering::Relaxed).saturating_add(1));
            !self.stop.load(Ordering::Relaxed)
        };
        audit::part(self.source, self.ground, &task.hints, task.feed, self.options, &go_on)
    }
}
