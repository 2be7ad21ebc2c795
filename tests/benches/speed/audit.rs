//! The full audit, beside what somebody would write by hand who only trusts hashes: a scan of the bare loop's rows.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use annona_ledger::audit::Options;
use annona_ledger::entry::Entry;
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::key::{Context, SigningKey};
use annona_node::audit::{StoreSource, audit, cores};
use annona_node::store::{Store, StoreFault};
use annona_tests::bench::{Fault, Written, lots_for};
use rusqlite::{Connection, OpenFlags, params};

use crate::table::{Table, median};

/// The first argument of a process that audits and says what it took.
pub(crate) const CHILD: &str = "--audit";

const ROUNDS: usize = 7;

/// What the process does: audits once on all cores.
pub(crate) fn child(mut args: impl Iterator<Item = String>) -> Result<(), Fault> {
    let file = PathBuf::from(args.next().ok_or("a ledger file")?);
    let threads = args.next().and_then(|n| n.parse().ok()).unwrap_or_else(cores);
    let (entries, took) = ours(&file, threads)?;
    println!("{entries} {} {}", took.as_micros(), crate::serve::peak()?);
    Ok(())
}

/// Audits a ledger file: entries, and how long it took.
pub(crate) fn ours(file: &Path, threads: usize) -> Result<(u64, Duration), Fault> {
    let started = Instant::now();
    let source = StoreSource::open(file)?;
    let verdict = audit(&source, &Options::default(), threads, &|_| {}, &AtomicBool::new(false));
    let took = started.elapsed();
    // A ledger kept from before may break a rule that is newer than it, and an audit of what is wrong takes another road.
    match verdict.first() {
        Some(finding) => Err(format!(
            "the audit found: {}: {}; write the ledgers of the bench anew",
            finding.place, finding.problem
        )
        .into()),
        None => Ok((verdict.entries, took)),
    }
}

/// The entries of a ledger as the bare loop stores them: one row each, a chain for each feed.
struct Rows {
    path: PathBuf,
    /// Where each chain ends.
    chains: Vec<Head>,
    starts: Vec<Head>,
}

const TABLES: &str = "
PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;
CREATE TABLE entry(at INTEGER PRIMARY KEY, entry BLOB NOT NULL, evidence BLOB) STRICT;
";

impl Rows {
    fn make(path: &Path, ledger: &Path) -> Result<Self, Fault> {
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(format!("{}{end}", path.display())));
        }
        let store = Store::reader(ledger)?;
        let looking = store.look()?;
        let mut conn = Connection::open(path)?;
        conn.execute_batch(TABLES)?;
        let tx = conn.transaction()?;
        let mut rows = Self { path: path.to_owned(), chains: Vec::new(), starts: Vec::new() };
        let mut insert = tx.prepare("INSERT INTO entry VALUES(?1, ?2, NULL)")?;
        for feed in looking.feeds() {
            let no = i64::try_from(rows.chains.len())? << 40;
            let mut head = Head::start(&store.federation()?, &feed.id);
            rows.starts.push(head);
            looking.blocks::<StoreFault>(feed.chain, 0, |row, _| {
                let mut rest: &[u8] = &row.block.body;
                while let Ok((_, after)) = Entry::take(feed.id.lane, rest) {
                    let entry = &rest[..rest.len() - after.len()];
                    insert.execute(params![no | head.next.cast_signed(), entry])?;
                    head = head.after(entry);
                    rest = after;
                }
                Ok(true)
            })?;
            rows.chains.push(head);
        }
        drop(insert);
        tx.commit()?;
        conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(rows)
    }

    /// Reads every row and hashes it into its chain: leaf, step. Each thread takes the next chain.
    fn audit(&self, threads: usize) -> Result<(u64, Duration), Fault> {
        let next = AtomicUsize::new(0);
        let started = Instant::now();
        let work = || -> Result<u64, rusqlite::Error> {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let conn = Connection::open_with_flags(&self.path, flags)?;
            conn.execute_batch("PRAGMA cache_size=-16384")?;
            let mut rows =
                conn.prepare("SELECT entry FROM entry WHERE at>=?1 AND at<?2 ORDER BY at")?;
            let mut entries = 0;
            loop {
                let no = next.fetch_add(1, Ordering::Relaxed);
                let (Some(start), Some(end)) = (self.starts.get(no), self.chains.get(no)) else {
                    return Ok(entries);
                };
                let from = i64::try_from(no).unwrap_or(i64::MAX) << 40;
                let mut rows = rows.query([from, from + (1 << 40)])?;
                let mut head = *start;
                while let Some(row) = rows.next()? {
                    head = head.after(row.get_ref(0)?.as_blob()?);
                }
                if head.accumulator == end.accumulator {
                    entries += head.next;
                }
            }
        };
        let mut entries = 0;
        std::thread::scope(|scope| -> Result<(), Fault> {
            let threads: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
            entries += work()?;
            for thread in threads {
                entries += thread.join().map_err(|_| "a thread broke off")??;
            }
            Ok(())
        })?;
        Ok((entries, started.elapsed()))
    }
}

/// How long this process has run on any core, in hundredths of a second.
fn cpu() -> Result<Duration, Fault> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("/proc/self/stat")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    Ok(Duration::from_millis(10 * ticks.sum::<Result<u64, _>>()?))
}

/// What one strict verification costs.
fn strict() -> Duration {
    let key = SigningKey::from_seed(&[77; 32]);
    let public = key.public();
    let signed = (0..300u16).map(|n| {
        let message = Hash([n.to_be_bytes()[1]; 32]);
        (message, key.sign(Context::Promise, &[], &message.0))
    });
    let times = signed.map(|(message, signature)| {
        let started = Instant::now();
        std::hint::black_box(public.verifies(Context::Promise, &[], &message.0, &signature));
        started.elapsed()
    });
    median(times.collect())
}

pub(crate) fn figures(table: &mut Table, place: &Path, ledgers: &[Written]) -> Result<(), Fault> {
    let threads = cores();
    table.title(&format!("Full audit of a ledger file, {threads} threads on both sides"));
    for written in ledgers.iter().filter(|written| written.entries >= 1_000_000) {
        let file = written.data().join("ledger.db");
        let rows = Rows::make(&place.join("bare-rows"), &file)?;
        let (mut own, mut bare, mut count) = (Vec::new(), Vec::new(), 0);
        let (mut own_cpu, mut bare_cpu) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..ROUNDS {
            let before = cpu()?;
            let (entries, took) = ours(&file, threads)?;
            own.push(took);
            let between = cpu()?;
            let (hashed, took) = rows.audit(threads)?;
            bare.push(took);
            own_cpu += between - before;
            bare_cpu += cpu()? - between;
            if hashed != entries {
                return Err(format!("{hashed} rows hashed, {entries} entries audited").into());
            }
            count = entries;
        }
        std::fs::remove_file(&rows.path)?;
        let each = |time: Duration| time.as_secs_f64() * 1e9 / count as f64;
        let (own, bare) = (median(own), median(bare));
        let rate = each(bare) / each(own);
        table.row(
            &format!("{count} entries, rate by a scan with BLAKE3"),
            &format!("{:7.0} ns, scan {:.0} ns = {rate:.2} ×", each(own), each(bare)),
            "at least 0.6",
            rate >= 0.6,
        );
        let strict = strict().as_secs_f64() * 1e9 / threads as f64;
        let times = strict / each(own);
        table.row(
            "  beside one strict verification an entry",
            &format!("{times:7.0} × as fast as {strict:.0} ns"),
            "at least 50",
            times >= 50.0,
        );
        // What a busy machine takes from both sides, it does not take alike: time on the cores says more there.
        let rounds = u32::try_from(ROUNDS)?;
        let (own_cpu, bare_cpu) = (each(own_cpu / rounds), each(bare_cpu / rounds));
        table.note(
            "  time on all cores together",
            &format!("{own_cpu:7.0} ns, scan {bare_cpu:.0} ns = {:.2} ×", bare_cpu / own_cpu),
        );
        let (_, alone) = ours(&file, 1)?;
        table.note("  on one thread", &format!("{:7.0} ns", each(alone)));
        let child = Command::new(std::env::current_exe()?).arg(CHILD).arg(&file).output()?;
        let words = String::from_utf8(child.stdout)?;
        let bytes: u64 = match words.split_whitespace().nth(2) {
            Some(bytes) => bytes.parse()?,
            None => return Err(String::from_utf8_lossy(&child.stderr).into_owned().into()),
        };
        let most = 64 * 1_000_000 + 32 * lots_for(written.entries);
        let mb = |bytes: u64| bytes as f64 / 1e6;
        table.row(
            &format!("memory, auditing {count} entries"),
            &format!("{:7.1} MB", mb(bytes)),
            &format!("at most {:.1} MB", mb(most)),
            bytes <= most,
        );
    }
    Ok(())
}
