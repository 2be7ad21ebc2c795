//! A bad line between two programs: slow both ways, late, losing a segment now and then, and cut again and again.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// Bytes a second each way: 64 kbit/s.
const RATE: u32 = 8_000;
/// How long a byte is under way.
const DELAY: Duration = Duration::from_millis(300);
/// Bytes that travel together.
const SEGMENT: usize = 1_400;
/// One segment of so many is lost, and everything behind it waits a round until it comes again.
const LOST: u64 = 20;
/// Segments that wait at the nearer end of the line; beyond them the sender waits.
const WAITING: usize = 48;
/// The least time that anything here is waited for at a time.
const TICK: Duration = Duration::from_millis(20);

#[derive(Default)]
struct Passed {
    /// Bytes that came out at the caller's end.
    down: AtomicU64,
    /// Bytes that came out at the other.
    up: AtomicU64,
    cuts: AtomicU64,
    links: AtomicU64,
    /// Bytes downwards after which nothing comes out any more until it is let go on.
    held_at: AtomicU64,
    ended: AtomicBool,
}

/// A place to call, behind which another one answers.
pub(crate) struct Line {
    port: u16,
    passed: Arc<Passed>,
}

impl Line {
    /// A line to whoever listens on a port here. It is cut whenever so many bytes have come down it since the last time, and
    /// stands still once `held_at` have come down in all.
    pub(crate) fn to(port: u16, cut_after: u64, held_at: u64) -> Self {
        let here = TcpListener::bind("127.0.0.1:0").expect("a port");
        let passed = Arc::new(Passed { held_at: held_at.into(), ..Passed::default() });
        let line =
            Self { port: here.local_addr().expect("an address").port(), passed: passed.clone() };
        spawn(move || {
            for caller in here.incoming().flatten() {
                if passed.ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(called) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                passed.links.fetch_add(1, Ordering::SeqCst);
                let cut_at = passed.down.load(Ordering::SeqCst).saturating_add(cut_after);
                for (from, to, cut_at) in
                    [(&called, &caller, Some(cut_at)), (&caller, &called, None)]
                {
                    let (from, to) = (from.try_clone(), to.try_clone());
                    carry(from.expect("an end"), to.expect("an end"), cut_at, &passed);
                }
            }
        });
        line
    }

    /// Where to call.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Bytes that came down so far.
    pub(crate) fn down(&self) -> u64 {
        self.passed.down.load(Ordering::SeqCst)
    }

    /// Bytes that went up so far.
    pub(crate) fn up(&self) -> u64 {
        self.passed.up.load(Ordering::SeqCst)
    }

    /// How often it was cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.passed.cuts.load(Ordering::SeqCst)
    }

    /// How many links were begun over it.
    pub(crate) fn links(&self) -> u64 {
        self.passed.links.load(Ordering::SeqCst)
    }

    /// Lets it go on.
    pub(crate) fn goes_on(&self) {
        self.goes_on_to(u64::MAX);
    }

    /// Lets it go on until so many bytes have come down it in all.
    pub(crate) fn goes_on_to(&self, held_at: u64) {
        self.passed.held_at.store(held_at, Ordering::SeqCst);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.passed.ended.store(true, Ordering::SeqCst);
        self.goes_on();
        // Whoever waits for a caller has one, and ends.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

/// One way of a link: one thread takes in, another hands out when it is time.
fn carry(from: TcpStream, to: TcpStream, cut_at: Option<u64>, passed: &Arc<Passed>) {
    let (put, take) = sync_channel(WAITING);
    let end = from.try_clone().expect("an end");
    spawn(move || take_in(from, &put));
    let passed = passed.clone();
    spawn(move || {
        hand_out(&to, &take, cut_at, &passed);
        for end in [to, end] {
            drop(end.shutdown(Shutdown::Both));
        }
    });
}

fn take_in(mut from: TcpStream, put: &SyncSender<(Instant, Vec<u8>)>) {
    let mut segment = [0; SEGMENT];
    while let Ok(some @ 1..) = from.read(&mut segment) {
        if put.send((Instant::now(), segment[..some].to_vec())).is_err() {
            return;
        }
    }
}

fn hand_out(
    mut to: &TcpStream,
    take: &Receiver<(Instant, Vec<u8>)>,
    cut_at: Option<u64>,
    passed: &Passed,
) {
    let count = if cut_at.is_some() { &passed.down } else { &passed.up };
    let mut free = Instant::now();
    for (nth, (came, segment)) in (1..).zip(take) {
        let len = u32::try_from(segment.len()).expect("a segment");
        free = free.max(came) + Duration::from_secs(1) * len / RATE;
        let lost = if nth % LOST == 0 { 2 * DELAY } else { Duration::ZERO };
        free += lost;
        sleep((free + DELAY).saturating_duration_since(Instant::now()));
        while cut_at.is_some()
            && passed.down.load(Ordering::SeqCst) >= passed.held_at.load(Ordering::SeqCst)
        {
            sleep(TICK);
        }
        if to.write_all(&segment).is_err() {
            return;
        }
        let now = count.fetch_add(u64::from(len), Ordering::SeqCst) + u64::from(len);
        if cut_at.is_some_and(|at| now >= at) && !passed.ended.load(Ordering::SeqCst) {
            passed.cuts.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
}
