//! `link --entries N [--place DIR]`: a node that has nothing takes in a ledger over 64 kbit/s, 600 ms a round, 5 % loss, cut
//! every 30 seconds, in a time of its own; asserts bytes, what is sent again, and what a cut costs.
//!
//! `link serve|fetch --entries N --place DIR --address A`: the same two nodes as processes over TCP, for an emulator of
//! packets, and to be killed.
//!
//! `link crowd --place DIR [--address A]`: two nodes that run, one of them tried by 500 connections that are slow or hostile:
//! how long what the other writes takes to be known there, before and during, and its memory.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annona_node::sync::{Bounds, Meeting};
use annona_tests::bench::Fault;
use annona_tests::slow::Line;
use annona_tests::slow::carry::{End, Weather, carry};
use annona_tests::slow::crowd;
use annona_tests::slow::pair::Pair;
use annona_tests::slow::plain::plain;

/// A satellite terminal on a bad day.
const SATELLITE: Line = Line { bits: 64_000, delay: 300_000, loss: 50 };
const UP: u64 = 30_000_000;
const REVOKES: u64 = 20_000_000;

struct Args {
    mode: String,
    entries: u64,
    place: PathBuf,
    address: String,
}

impl Args {
    fn read() -> Result<Self, Fault> {
        let place = std::env::temp_dir().join("annona-link");
        let mut args =
            Self { mode: "slow".into(), entries: 60_000, place, address: "127.0.0.1:7070".into() };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word}: a value"));
            match word.as_str() {
                "--entries" => args.entries = value()?.parse()?,
                "--place" => args.place = value()?.into(),
                "--address" => args.address = value()?,
                "serve" | "fetch" | "slow" | "make" | "crowd" | "attacked" | "honest" => {
                    args.mode = word;
                }
                _ => return Err(format!("{word}: unknown").into()),
            }
        }
        Ok(args)
    }
}

fn main() -> Result<(), Fault> {
    let args = Args::read()?;
    std::fs::create_dir_all(&args.place)?;
    let pair = Pair::at(&args.place, args.entries)?;
    match args.mode.as_str() {
        "make" => pair.anew(),
        "serve" => serve(&args, &pair),
        "fetch" => fetch(&args, &pair),
        "crowd" => crowd(&args),
        "attacked" => crowd::attacked(&pair, args.address.parse()?),
        "honest" => crowd::honest(&pair, args.address.parse()?),
        _ => slow(&args, &pair),
    }
}

fn slow(args: &Args, pair: &Pair) -> Result<(), Fault> {
    // What it costs without cuts and losses, and nothing to revoke: what a cut costs is measured beside it.
    let calm = Weather { line: Line { loss: 0, ..SATELLITE }, up: 0, revokes: 0, seed: 1 };
    let (a, b) = pair.ends()?;
    let least = carry(&a, &b, &calm)?;
    same(&a, &b)?;
    drop((a, b));
    println!("calm:  {least:?}");
    let storm = Weather { line: SATELLITE, up: UP, revokes: REVOKES, seed: 1 };
    let (a, b) = pair.ends()?;
    let came = carry(&a, &b, &storm)?;
    same(&a, &b)?;
    drop((a, b));
    println!("storm: {came:?}");
    let each = came.stream as f64 / args.entries as f64;
    let more = came.stream as f64 / least.stream as f64 - 1.0;
    println!(
        "{} entries in {:.0} s of its own time: {each:.2} bytes each, {:.1} % more than without {} cuts",
        args.entries,
        came.took as f64 / 1e6,
        more * 100.0,
        came.cuts
    );
    // One stream of TCP that does nothing but hand over as many bytes as it took without cuts, over the same line with the
    // same cuts.
    let (stream, ours) = (plain(least.stream, &storm) as f64 / 1e6, came.took as f64 / 1e6);
    let share = stream / ours;
    println!("one stream of TCP: {stream:.0} s, ours {ours:.0} s: {:.0} % of it", share * 100.0);
    let (took, bytes) = came.revoked.ok_or("the revocation never came")?;
    println!("a revocation came after {:.1} s, behind {bytes} bytes", took as f64 / 1e6);
    check(came.cuts >= 2 || args.entries < 60_000, "the link was cut")?;
    check(came.again == 0, "no block that came whole comes again")?;
    check(more <= 0.10, "at most a tenth is sent again")?;
    if args.entries >= 1_000_000 {
        check(share >= 0.85, "at least 85 % of what one stream of TCP reaches")?;
    }
    check(each <= 13.0 || args.entries < 60_000, "at most 13 bytes for each entry")?;
    check(came.under_way <= 24 * 1024 + 4_096, "what is under way fits three seconds")?;
    check(took < 10_000_000, "a revocation is known within ten seconds")?;
    check(bytes <= 32 * 1024, "a revocation waits for what is under way alone")
}

fn crowd(args: &Args) -> Result<(), Fault> {
    let came = crowd::measure(&args.place, args.entries, args.address.parse()?, 100)?;
    let ([quiet, crowded], [before, after]) = (came.p99, came.memory);
    let [first, beside] = came.middle.map(|middle| middle.as_secs_f64() * 1e3);
    println!("known after, in the middle: quiet {first:.0} ms, beside a crowd {beside:.0} ms");
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "p99 from commit to commit: quiet {:.0} ms, beside {} attempts {:.0} ms; memory {:.1} MiB, then {:.1} MiB",
        quiet.as_secs_f64() * 1e3,
        came.tried,
        crowded.as_secs_f64() * 1e3,
        mib(before),
        mib(after)
    );
    check(came.tried >= 500, "500 connections were tried")?;
    check(crowded < 2 * quiet, "honest peers' p99 stays below twice the quiet figure")?;
    // On two cores that a debug build and other tests keep busy it is 280 ms: a bound that fails for that alone says nothing.
    check(beside < 500.0, "what is written while two talk is known before a silent link looks")?;
    check(after < 128 << 20, "memory stays below 128 MiB")
}

fn same(a: &End, b: &End) -> Result<(), Fault> {
    check(a.root()? == b.root()?, "both come to the same state")
}

fn check(holds: bool, what: &str) -> Result<(), Fault> {
    println!("{}: {what}", if holds { "holds" } else { "DOES NOT HOLD" });
    if holds { Ok(()) } else { Err(what.into()) }
}

/// Meets whoever calls, one after the other.
fn serve(args: &Args, pair: &Pair) -> Result<(), Fault> {
    let node = pair.site()?;
    let peer = pair.other(&node)?;
    let end = End::new(node)?;
    let listener = TcpListener::bind(&args.address)?;
    loop {
        let (link, _) = listener.accept()?;
        link.set_nodelay(true)?;
        let mut meeting = Meeting::open(&end.desk, &peer, Bounds::default())?;
        let ended = meeting.run(&link, &AtomicBool::new(false));
        println!("served: {ended:?}, {:?}", meeting.figures());
    }
}

/// Calls again and again, each link for half a minute, until it holds as many entries as the ledger was written with.
fn fetch(args: &Args, pair: &Pair) -> Result<(), Fault> {
    let node = pair.newcomer()?;
    let peer = pair.other(&node)?;
    let end = End::new(node)?;
    let asking = end.writer.asking();
    let goal = args.entries;
    let held = move || -> Result<u64, Fault> {
        Ok(asking.with(|node| {
            Ok::<_, annona_node::store::StoreFault>(
                node.store().feeds()?.iter().map(|feed| feed.sealed.next).sum(),
            )
        })??)
    };
    let (started, mut links, mut again) = (Instant::now(), 0u32, 0u64);
    while held()? < goal {
        let Ok(link) = TcpStream::connect(&args.address) else {
            std::thread::sleep(Duration::from_millis(500));
            continue;
        };
        links += 1;
        link.set_nodelay(true)?;
        let mut meeting = Meeting::open(&end.desk, &peer, Bounds::default())?;
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (stop, cut, held) = (&stop, link.try_clone(), &held);
            scope.spawn(move || {
                let up = Instant::now();
                while up.elapsed() < Duration::from_micros(UP) && !stop.load(Ordering::Relaxed) {
                    if held().is_ok_and(|held| held >= goal) {
                        stop.store(true, Ordering::Relaxed);
                        return;
                    }
                    std::thread::sleep(Duration::from_millis(500));
                }
                // Cut: without a word.
                drop(cut.map(|link| link.shutdown(std::net::Shutdown::Both)));
            });
            let ended = meeting.run(&link, stop);
            println!("fetched: {ended:?}, {:?}", meeting.figures());
            stop.store(true, Ordering::Relaxed);
        });
        again += meeting.close()?.known;
    }
    let took = started.elapsed().as_secs_f64();
    println!("{goal} entries in {took:.1} s over {links} links, {again} blocks again");
    Ok(())
}
