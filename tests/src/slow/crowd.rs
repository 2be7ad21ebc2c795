//! Honest peers beside a crowd that is slow or hostile: how long what one writes takes to be known at the other, before and
//! while hundreds of connections are tried on it, and what memory that costs.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use annona_ledger::cut::{Cut, Reason};
use annona_ledger::entry::Control;
use annona_ledger::id::{Lane, ProgrammeId};
use annona_node::clock::Clock;
use annona_node::config::{Config, NodeName, Peer};
use annona_node::daemon::{self, Running};
use annona_node::log::Log;
use annona_node::node::{Compose, Composed, Node, Request};
use annona_node::seal::random;
use annona_node::store::Store;
use annona_node::writer::Asking;

use super::pair::Pair;
use crate::bench::{CASH, Fault};

/// How often the one that is attacked looks into its ledger file.
const LOOK: Duration = Duration::from_millis(5);
/// Exchanges of one turn that count.
const COUNTED: usize = 4;
/// How long one side may take for anything.
const PATIENCE: Duration = Duration::from_secs(120);

static STOP: AtomicBool = AtomicBool::new(false);

/// What it came to.
#[derive(Clone, Debug)]
pub struct Crowded {
    /// From commit to commit, the middle one of a hundred, before and during.
    pub middle: [Duration; 2],
    /// The slowest but one: a link that fell silent between two writes looks for news half a second later.
    pub p99: [Duration; 2],
    /// The most memory of the one that is attacked, before and after.
    pub memory: [u64; 2],
    /// Connections that were tried.
    pub tried: u64,
}

fn micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

/// How many entries a node's control feed has in a file.
fn known(file: &Path, node: &[u8; 8]) -> Result<u64, Fault> {
    let feeds = Store::reader(file)?.feeds()?;
    let of = feeds.iter().filter(|f| f.id.lane == Lane::Control && f.id.node.short() == *node);
    Ok(of.map(|feed| feed.sealed.next).max().unwrap_or(0))
}

fn run(node: Node, config: Config, beside: impl FnOnce(&Asking) + 'static) -> Result<(), Fault> {
    let clock = Clock::system();
    let log = Log::stderr(config.log, clock);
    let running = Running { config, log, clock, stop: &STOP };
    Ok(daemon::run(node, running, |asking, ledger, log| {
        beside(asking);
        daemon::meet::meet(asking, ledger, log)
    })?)
}

/// The process that is attacked: it listens, and says when it knows more of the other.
///
/// # Errors
///
/// [`Fault`].
pub fn attacked(pair: &Pair, at: SocketAddr) -> Result<(), Fault> {
    let node = pair.newcomer()?;
    let (peer, file) = (pair.other(&node)?.short(), node.store().path().to_owned());
    let mut config = Config::default();
    config.network.listen = vec![at];
    run(node, config, move |_| {
        std::thread::spawn(move || {
            let mut last = 0;
            loop {
                if let Ok(now) = known(&file, &peer)
                    && now > last
                {
                    last = now;
                    println!("{now} {}", micros());
                }
                std::thread::sleep(LOOK);
            }
        });
    })
}

/// The honest one: it dials, and says when what it writes is durable. A link on which nothing is said looks for news twice a
/// second, and that wait would be nearly all of what is measured: each turn writes until the other has acknowledged the
/// first, and only the next few count.
///
/// # Errors
///
/// [`Fault`].
pub fn honest(pair: &Pair, at: SocketAddr) -> Result<(), Fault> {
    let node = pair.site()?;
    let peer = pair.other(&node)?.short();
    let mut config = Config::default();
    config.network.listen = Vec::new();
    config.peer = vec![Peer::at(NodeName(peer), at)];
    run(node, config, move |asking| {
        let asking = asking.clone();
        std::thread::spawn(move || -> Result<(), String> {
            let write = || asked(&asking, say);
            let heard = || {
                asked(&asking, move |node| {
                    let control = node.feed(Lane::Control, ProgrammeId::NONE);
                    Ok(node.store().seen(&peer, &control)?)
                })
            };
            loop {
                let chance: [u8; 1] = random().map_err(|why| why.to_string())?;
                std::thread::sleep(Duration::from_millis(300 + u64::from(chance[0])));
                let first = write()?;
                while heard()? < first {
                    write()?;
                }
                for _ in 0..COUNTED {
                    let next = write()?;
                    println!("{next} {}", micros());
                }
            }
        });
    })
}

/// Asks the writer for something. A fault is told in words: it crosses threads.
fn asked<T: Send + 'static>(
    asking: &Asking,
    what: impl FnOnce(&mut Node) -> Result<T, Fault> + Send + 'static,
) -> Result<T, String> {
    let answer = asking.with(|node| what(node).map_err(|why| why.to_string()));
    answer.map_err(|why| why.to_string())?
}

/// Says something on the control feed, and seals it.
fn say(node: &mut Node) -> Result<u64, Fault> {
    let cut = Cut { seq: 1, head: annona_ledger::hash::Hash(random()?) };
    let feed = node.feed(Lane::Access, CASH).short();
    let control = node.feed(Lane::Control, ProgrammeId::NONE);
    let compose: Compose<'static> = Box::new(move |_, _, at| {
        Ok(vec![Composed::from(Control::Revoke { feed, cut, reason: Reason::Late, at })])
    });
    node.write(&mut [Request { feed: control, compose }])?.remove(0)?;
    node.seal_all()?;
    known(node.store().path(), &node.public().short())
}

/// A child that is ended with this.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Held {
    fn start(mode: &str, place: &Path, entries: u64, at: SocketAddr) -> Result<Self, Fault> {
        let child = Command::new(std::env::current_exe()?)
            .args([mode, "--address", &at.to_string(), "--entries", &entries.to_string()])
            .arg("--place")
            .arg(place)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// What it says: a number and a time a line.
    fn said(&mut self) -> Result<std::sync::mpsc::Receiver<(u64, u64)>, Fault> {
        let out = BufReader::new(self.0.stdout.take().ok_or("its words")?);
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let mut words = line.split_whitespace().filter_map(|word| word.parse().ok());
                if let (Some(next), Some(at)) = (words.next(), words.next())
                    && tell.send((next, at)).is_err()
                {
                    return;
                }
            }
        });
        Ok(told)
    }

    fn memory(&self) -> Result<u64, Fault> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1_024)
    }
}

/// Opens one connection after the other, so many held at a time, until told to stop.
fn attack(at: SocketAddr, hold: usize, kind: usize, tried: &AtomicU64, stop: &AtomicBool) {
    let mut held: std::collections::VecDeque<TcpStream> = std::collections::VecDeque::new();
    while !stop.load(Ordering::Relaxed) {
        tried.fetch_add(1, Ordering::Relaxed);
        let Ok(mut stream) = TcpStream::connect_timeout(&at, Duration::from_secs(1)) else {
            continue;
        };
        let said: &[u8] = match kind {
            0 => b"",
            1 => b"\x13/multistream/1.0.0\n",
            2 => b"\x13/multistream/1.0.0\n\x07/noise\n",
            _ => &[0xff; 8_192],
        };
        drop(stream.write_all(said));
        drop(stream.set_nonblocking(true));
        drop(stream.read(&mut [0; 64]));
        held.push_back(stream);
        if held.len() > hold {
            held.pop_front();
        }
        std::thread::sleep(Duration::from_millis(4));
    }
}

/// Measures so many exchanges in quiet, and as many beside 500 connections held and tried anew without end.
///
/// # Errors
///
/// [`Fault`].
pub fn measure(
    place: &Path,
    entries: u64,
    at: SocketAddr,
    rounds: usize,
) -> Result<Crowded, Fault> {
    Pair::at(place, entries)?.anew()?;
    let mut listens = Held::start("attacked", place, entries, at)?;
    let knows = listens.said()?;
    let mut dials = Held::start("honest", place, entries, at)?;
    let says = dials.said()?;
    let mut written: BTreeMap<u64, u64> = BTreeMap::new();
    let mut sample = |count: usize| -> Result<Vec<Duration>, Fault> {
        let (mut took, begun) = (Vec::new(), Instant::now());
        while took.len() < count {
            if begun.elapsed() > PATIENCE + Duration::from_secs(2 * count as u64) {
                return Err(format!("only {} of {count} exchanges", took.len()).into());
            }
            written.extend(says.try_iter());
            let Ok((next, at)) = knows.recv_timeout(LOOK) else { continue };
            // Written before, known now; of several that came at once, the first was written first.
            std::thread::sleep(LOOK);
            written.extend(says.try_iter());
            let later = written.split_off(&(next + 1));
            took.extend(
                written.values().map(|wrote| Duration::from_micros(at.saturating_sub(*wrote))),
            );
            written = later;
        }
        Ok(took)
    };
    // The first brings all there was before.
    sample(1)?;
    let quiet = sample(rounds)?;
    let before = listens.memory()?;
    let (tried, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    let crowded = std::thread::scope(|scope| {
        for kind in 0..4 {
            let (tried, stop) = (&tried, &stop);
            scope.spawn(move || attack(at, 125, kind, tried, stop));
        }
        while tried.load(Ordering::Relaxed) < 500 {
            std::thread::sleep(LOOK);
        }
        let crowded = sample(rounds);
        stop.store(true, Ordering::Relaxed);
        crowded
    })?;
    let [quiet, crowded] = [quiet, crowded].map(|mut all| {
        all.sort_unstable();
        let of = |percent: usize| all.get(all.len() * percent / 100).copied().unwrap_or_default();
        [of(50), of(99)]
    });
    let [middle, p99] = [0, 1].map(|at| [quiet[at], crowded[at]]);
    let memory = [before, listens.memory()?];
    Ok(Crowded { middle, p99, memory, tried: tried.into_inner() })
}
