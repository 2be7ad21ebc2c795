//! A node that has nothing takes in a whole ledger over loopback TCP, beside a bulk insert and an audit of the same.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use annona_ledger::entry::Entry;
use annona_ledger::key::PublicKey;
use annona_node::audit::cores;
use annona_node::store::{Store, StoreFault};
use annona_node::sync::{Bounds, Desk, Meeting};
use annona_node::writer::Writer;
use annona_tests::bench::{Fault, Written, lots_for};
use rusqlite::{Connection, params};

use crate::table::{Table, median};

/// The first argument of the process that takes in.
pub(crate) const CHILD: &str = "--sync";
/// The first argument of the process that hands over.
pub(crate) const GIVER: &str = "--hand-over";
/// Says where Hypercore is installed, for whoever wants it measured in the same run (`tests/outside/hypercore.cjs`).
const HYPERCORE: &str = "ANNONA_HYPERCORE";
const ROUNDS: usize = 3;
/// Rows of one commit of the bulk insert: about as many entries as fill a window.
const BULK: usize = 10_000;

/// What the process does: meets whoever listens, until it holds so many entries, and says how long that took from the
/// first byte to the last commit, what memory, and which state it came to.
pub(crate) fn child(mut args: impl Iterator<Item = String>) -> Result<(), Fault> {
    let mut next = || args.next().ok_or("an argument");
    let (place, entries): (PathBuf, u64) = (next()?.into(), next()?.parse()?);
    let (path, address, peer) = (PathBuf::from(next()?), next()?, next()?);
    let written = Written::at(&place, entries)?;
    let node = written.opened(&path)?;
    let peer = node.store().roster().nodes().find(|c| hex(&c.short()) == peer).ok_or("a peer")?;
    let (peer, file): (PublicKey, PathBuf) = (peer.node, node.store().path().to_owned());
    let writer = Writer::start(node)?;
    let desk = Desk::new(&writer.asking())?;
    let mut meeting = Meeting::open(&desk, &peer, Bounds::default())?;
    let (stop, whole) =
        (Arc::new(AtomicBool::new(false)), held(&looking(&written.data().join("ledger.db"))?)?);
    let started = Instant::now();
    let link = TcpStream::connect(address)?;
    link.set_nodelay(true)?;
    let watching = {
        let stop = stop.clone();
        // One look costs a row: a connection of its own each time would read the schema, on a core that is wanted.
        let conn = looking(&file)?;
        std::thread::spawn(move || -> Result<Duration, String> {
            loop {
                if held(&conn).map_err(|fault| fault.to_string())? >= whole {
                    let took = started.elapsed();
                    stop.store(true, Ordering::Relaxed);
                    return Ok(took);
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        })
    };
    let ended = meeting.run(&link, &stop)?;
    let figures = meeting.figures();
    let taken = meeting.close()?;
    if !taken.refused.is_empty() || taken.known > 0 {
        return Err(format!("{ended:?}: {taken:?}").into());
    }
    let took = watching.join().map_err(|_| "the watch broke off")??;
    let root = desk_root(&writer)?;
    writer.stop()?;
    let bytes = figures.sent + figures.received;
    println!("{} {} {bytes} {} {root}", took.as_micros(), crate::serve::peak()?, taken.blocks);
    Ok(())
}

fn desk_root(writer: &Writer) -> Result<String, Fault> {
    Ok(writer.asking().with(|node| node.store().root())??.to_string())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn looking(file: &Path) -> Result<Connection, Fault> {
    let conn = Connection::open_with_flags(file, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    Ok(conn)
}

/// How many entries of sealed blocks a file holds.
fn held(conn: &Connection) -> Result<u64, Fault> {
    let mut sum = conn.prepare_cached("SELECT sum(sealed) FROM chain")?;
    let sum: Option<i64> = sum.query_row([], |r| r.get(0))?;
    Ok(sum.unwrap_or(0).cast_unsigned())
}

/// One row for each entry of a ledger, in the order of its blocks, durable in commits of [`BULK`].
fn bulk(path: &Path, rows: &[(i64, Vec<u8>)]) -> Result<Duration, Fault> {
    for end in ["", "-wal", "-shm"] {
        drop(std::fs::remove_file(format!("{}{end}", path.display())));
    }
    let mut conn = Connection::open(path)?;
    conn.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32768;
         CREATE TABLE entry(at INTEGER PRIMARY KEY, entry BLOB NOT NULL) STRICT;",
    )?;
    let started = Instant::now();
    for some in rows.chunks(BULK) {
        let tx = conn.transaction()?;
        let mut insert = tx.prepare_cached("INSERT INTO entry VALUES(?1, ?2)")?;
        for (at, entry) in some {
            insert.execute(params![at, entry])?;
        }
        drop(insert);
        tx.commit()?;
    }
    let took = started.elapsed();
    std::fs::remove_file(path)?;
    Ok(took)
}

fn rows(ledger: &Path) -> Result<Vec<(i64, Vec<u8>)>, Fault> {
    let store = Store::reader(ledger)?;
    let looking = store.look()?;
    let mut rows = Vec::new();
    for (no, feed) in looking.feeds().into_iter().enumerate() {
        let no = i64::try_from(no)? << 40;
        let mut at = 0i64;
        looking.blocks::<StoreFault>(feed.chain, 0, |row, _| {
            let mut rest: &[u8] = &row.block.body;
            while let Ok((_, after)) = Entry::take(feed.id.lane, rest) {
                rows.push((no | at, rest[..rest.len() - after.len()].to_vec()));
                at += 1;
                rest = after;
            }
            Ok(true)
        })?;
    }
    Ok(rows)
}

/// What the process that hands over does: says where it listens, who it is and what state it holds; meets whoever calls; says
/// what memory it took.
pub(crate) fn giver(mut args: impl Iterator<Item = String>) -> Result<(), Fault> {
    let mut next = || args.next().ok_or("an argument");
    let (place, entries): (PathBuf, u64) = (next()?.into(), next()?.parse()?);
    let key = next()?;
    let node = Written::at(&place, entries)?.open()?;
    let (own, root) = (node.public().short(), node.store().root()?.to_string());
    let key = node.store().roster().nodes().find(|c| hex(&c.short()) == key).ok_or("a peer")?.node;
    let writer = Writer::start(node)?;
    let desk = Desk::new(&writer.asking())?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{} {} {root}", listener.local_addr()?, hex(&own));
    let (link, _) = listener.accept()?;
    link.set_nodelay(true)?;
    let mut meeting = Meeting::open(&desk, &key, Bounds::default())?;
    let before = crate::serve::peak()?;
    meeting.run(&link, &AtomicBool::new(false))?;
    drop(meeting);
    println!("{} {before}", crate::serve::peak()?);
    writer.stop()?;
    Ok(())
}

struct Came {
    took: Duration,
    memory: u64,
    /// Of the process that hands over: its peak, and that of having worked out what state it holds.
    given: [u64; 2],
    bytes: u64,
    blocks: u64,
}

/// Hands the whole ledger to a process that has nothing of it.
fn meet(place: &Path, written: &Written) -> Result<Came, Fault> {
    let path = place.join("newcomer");
    written.newcomer(&path)?;
    let key = hex(&written.opened(&path)?.public().short());
    let entries = written.entries.to_string();
    let mut giver = Command::new(std::env::current_exe()?)
        .arg(GIVER)
        .arg(place)
        .args([&entries, &key])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = BufReader::new(giver.stdout.take().ok_or("its words")?);
    let mut line = String::new();
    said.read_line(&mut line)?;
    let words: Vec<&str> = line.split_whitespace().collect();
    let [address, own, root] = words[..] else { return Err("nobody hands over".into()) };
    let out = Command::new(std::env::current_exe()?)
        .arg(CHILD)
        .arg(place)
        .arg(&entries)
        .arg(&path)
        .args([address, own])
        .output()?;
    let out = String::from_utf8(out.stdout)?;
    let words: Vec<&str> = out.split_whitespace().collect();
    let [took, memory, bytes, blocks, came] = words[..] else {
        return Err("the newcomer broke off".into());
    };
    if came != root {
        return Err("both hold the same entries and come to another state".into());
    }
    let mut last = String::new();
    said.read_line(&mut last)?;
    giver.wait()?;
    let given: Vec<u64> = last.split_whitespace().flat_map(str::parse).collect();
    std::fs::remove_dir_all(&path)?;
    Ok(Came {
        took: Duration::from_micros(took.parse()?),
        memory: memory.parse()?,
        given: given.try_into().map_err(|_| "it says what memory it took")?,
        bytes: bytes.parse()?,
        blocks: blocks.parse()?,
    })
}

/// How long Hypercore takes to hand over as many entries of eleven bytes, where somebody has installed it.
fn hypercore(entries: usize) -> Result<Option<Duration>, Fault> {
    let Some(place) = std::env::var_os(HYPERCORE) else { return Ok(None) };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/outside/hypercore.cjs");
    let mut node = Command::new("node");
    let out = node.arg(script).arg(entries.to_string()).current_dir(place).output()?;
    let said = String::from_utf8_lossy(&out.stdout);
    let took = said.split_whitespace().next().and_then(|word| word.parse().ok());
    let why = || String::from_utf8_lossy(&out.stderr).into_owned();
    Ok(Some(Duration::from_micros(took.ok_or_else(why)?)))
}

pub(crate) fn figures(table: &mut Table, place: &Path, ledgers: &[Written]) -> Result<(), Fault> {
    table.title("A ledger taken in over loopback TCP by a node that has nothing of it");
    for written in ledgers.iter().filter(|written| written.entries > 10_000) {
        let file = written.data().join("ledger.db");
        let rows = rows(&file)?;
        let (mut inserts, mut audits, mut meetings) = (Vec::new(), Vec::new(), Vec::new());
        let mut last = None;
        for _ in 0..ROUNDS {
            inserts.push(bulk(&place.join("bulk"), &rows)?);
            audits.push(crate::audit::ours(&file, cores())?.1);
            let came = meet(place, written)?;
            meetings.push(came.took);
            last = Some(came);
        }
        let rate = |time: Duration| rows.len() as f64 / time.as_secs_f64();
        let (insert, audit) = (rate(median(inserts)), rate(median(audits)));
        let came = rate(median(meetings));
        let times = came / insert.min(audit);
        table.row(
            &format!("{} entries, verified and durable", rows.len()),
            &format!("{came:7.0}/s; insert {insert:.0}, audit {audit:.0} = {times:.2} ×"),
            "at least 0.4",
            times >= 0.4,
        );
        let Some(last) = last else { continue };
        let each = last.bytes as f64 / rows.len() as f64;
        let figure = format!("{each:7.2} bytes, {} blocks", last.blocks);
        table.row("  on the wire, each, with lots and lists", &figure, "at most 24", each <= 24.0);
        let most = 64 * 1_000_000 + 32 * lots_for(written.entries);
        let mb = |bytes: u64| bytes as f64 / 1e6;
        table.row(
            "  memory of who takes in",
            &format!("{:7.1} MB", mb(last.memory)),
            &format!("at most {:.1} MB", mb(most)),
            last.memory <= most,
        );
        let [given, before] = last.given;
        table.note(
            "  memory of who hands over",
            &format!("{:7.1} MB, {:.1} MB before it met", mb(given), mb(before)),
        );
        if let Some(took) = hypercore(rows.len())? {
            let theirs = rate(took);
            table.row(
                "  beside Hypercore, as many entries of 11 bytes",
                &format!("{theirs:7.0}/s; ours is {:.1} × as fast", came / theirs),
                "at least 8",
                came >= 8.0 * theirs,
            );
        }
    }
    Ok(())
}
