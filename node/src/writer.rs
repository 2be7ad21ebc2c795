//! The one thread of a node that writes. Requests queue; whatever has queued while the last commit was on its way to
//! the disk goes into the next one: a burst costs one fsync, a single request is never kept waiting for company.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use annona_ledger::id::FeedId;

use crate::node::{Answer, Compose, Node, NodeFault, Request};

/// Requests waiting at most; a caller beyond that waits with its request in hand.
pub const QUEUE: usize = 4_096;
/// Requests in one commit at most.
pub const GROUP: usize = 1_000;

enum Job {
    Write { feed: FeedId, compose: Compose<'static>, reply: SyncSender<Result<Answer, String>> },
    Do(Box<dyn FnOnce(&mut Node) + Send>),
    Stop,
}

/// A running writer. Dropped or stopped, it seals nothing but remembers where it stood.
pub struct Writer {
    queue: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<Result<(), NodeFault>>>,
}

/// A way to ask the writer; any number of threads may hold one.
#[derive(Clone)]
pub struct Asking {
    queue: SyncSender<Job>,
    waiting: Arc<AtomicUsize>,
}

impl Writer {
    /// Hands a node to a thread of its own.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Stopped`] where the system gives no thread.
    pub fn start(node: Node) -> Result<Self, NodeFault> {
        let (queue, jobs) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("writer".into())
            .spawn(move || run(node, &jobs))
            .map_err(|fault| NodeFault::Stopped(fault.to_string()))?;
        Ok(Self { queue, waiting: Arc::default(), thread: Some(thread) })
    }

    /// A way to ask.
    #[must_use]
    pub fn asking(&self) -> Asking {
        Asking { queue: self.queue.clone(), waiting: self.waiting.clone() }
    }

    /// Finishes what is queued and closes the node.
    ///
    /// # Errors
    ///
    /// What closing it met.
    pub fn stop(mut self) -> Result<(), NodeFault> {
        let asked = self.queue.send(Job::Stop);
        drop(asked);
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(NodeFault::Stopped("it broke off".into())),
            None => Ok(()),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            drop(self.queue.send(Job::Stop));
            drop(thread.join());
        }
    }
}

impl Asking {
    /// Writes entries and waits until they are durable, or refused.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Stopped`] with the reason where the writer could not commit or has ended.
    pub fn write(&self, feed: FeedId, compose: Compose<'static>) -> Result<Answer, NodeFault> {
        self.queue(feed, compose)?.wait()
    }

    /// Queues entries; [`Waiting::wait`] tells what became of them.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Stopped`].
    pub fn queue(&self, feed: FeedId, compose: Compose<'static>) -> Result<Waiting, NodeFault> {
        let (reply, answer) = sync_channel(1);
        self.queue.send(Job::Write { feed, compose, reply }).map_err(|_| ended())?;
        Ok(Waiting(answer))
    }

    /// Does something else with the node between two commits, and waits for it.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Stopped`].
    pub fn with<T: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Node) -> T + Send + 'static,
    ) -> Result<T, NodeFault> {
        let (reply, answer) = sync_channel(1);
        let job = Job::Do(Box::new(move |node| drop(reply.send(act(node)))));
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let sent = self.queue.send(job).map_err(|_| ended());
        let answer = sent.and_then(|()| answer.recv().map_err(|_| ended()));
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        answer
    }

    /// How many callers of [`Asking::with`] wait, whoever's turn it is among them.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }
}

fn ended() -> NodeFault {
    NodeFault::Stopped("it has ended".into())
}

/// A queued request.
pub struct Waiting(Receiver<Result<Answer, String>>);

impl Waiting {
    /// Waits for the commit.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Stopped`].
    pub fn wait(self) -> Result<Answer, NodeFault> {
        self.0.recv().map_err(|_| ended())?.map_err(NodeFault::Stopped)
    }
}

fn run(mut node: Node, jobs: &Receiver<Job>) -> Result<(), NodeFault> {
    let mut next = jobs.recv().ok();
    while let Some(job) = next.take() {
        match job {
            Job::Stop => break,
            Job::Do(act) => act(&mut node),
            Job::Write { feed, compose, reply } => {
                let mut group = vec![Request { feed, compose }];
                let mut replies = vec![reply];
                while group.len() < GROUP {
                    match jobs.try_recv() {
                        Ok(Job::Write { feed, compose, reply }) => {
                            group.push(Request { feed, compose });
                            replies.push(reply);
                        }
                        Ok(other) => {
                            next = Some(other);
                            break;
                        }
                        Err(_) => break,
                    }
                }
                answer(node.write(&mut group), &replies);
            }
        }
        if next.is_none() {
            next = jobs.recv().ok();
        }
    }
    node.close()
}

fn answer(outcome: Result<Vec<Answer>, NodeFault>, replies: &[SyncSender<Result<Answer, String>>]) {
    match outcome {
        Ok(answers) => {
            for (answer, reply) in answers.into_iter().zip(replies) {
                drop(reply.send(Ok(answer)));
            }
        }
        Err(fault) => {
            let words = fault.to_string();
            for reply in replies {
                drop(reply.send(Err(words.clone())));
            }
        }
    }
}
