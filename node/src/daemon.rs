//! `annona run`: a node that stays. It keeps its writer, meets its peers, answers commands of the same user, and ends when
//! it is asked to with everything sealed (spec/network.md).

#[cfg(unix)]
pub mod control;
mod duties;
pub mod meet;
mod metrics;
mod notify;
mod spent;
pub mod unit;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annona_ledger::clock::Doubt;
use annona_ledger::time::Millis;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::config::{Config, Ledger};
use crate::disk::DiskFault;
use crate::keystore::{Name, Secret};
use crate::log::Log;
use crate::net::board::State;
use crate::net::members::{Members, Standing};
use crate::net::{Board, Means, Meet, Net, NetFault, hex, schedule};
use crate::node::{Node, NodeFault, clock_of};
use crate::writer::{Asking, Writer};
use duties::Duties;

/// A certificate that ends within so many days is told of: papers travel by stick.
pub const SOON_DAYS: u32 = 30;
/// How often it is looked whether somebody asked to stop.
const LOOK: Duration = Duration::from_millis(100);
/// How often certificates, cuts and figures are looked at.
const REFRESH: Duration = Duration::from_secs(2);
/// How often open tails are sealed while a link that is not metered stands (spec/feed-and-block.md).
const SEAL: Duration = Duration::from_secs(30);
/// How often what went over metered links is written down.
const NOTE: Duration = Duration::from_secs(60);

/// Why a node does not run, or not any more.
#[derive(Debug, thiserror::Error)]
pub enum DaemonFault {
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeFault),
    /// The network.
    #[error(transparent)]
    Net(#[from] NetFault),
    /// A file.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The figures.
    #[error("figures cannot be shown: {0}. Correct `listen` under [metrics] in run.toml")]
    Metrics(std::io::Error),
    /// After the folder was lent it could not be taken back.
    #[error("the folder was lent to a command and could not be taken back: {0}")]
    Loan(String),
    /// The folder is lent by a node that runs.
    #[error(
        "this node runs already, and has lent its folder: look at it with `annona status`, or stop it first"
    )]
    Runs,
    /// The network has ended by itself.
    #[error("the network has ended by itself: a fault of this program")]
    NetEnded,
}

/// What a node runs with.
pub struct Running {
    /// The configuration.
    pub config: Config,
    /// What is logged.
    pub log: Log,
    /// The time.
    pub clock: Clock,
    /// Becomes true when it is to stop.
    pub stop: &'static AtomicBool,
}

/// A process that holds the folder for a while.
#[derive(Clone, Copy, Debug)]
struct Lent {
    pid: u32,
    since: Millis,
}

/// What was last known of the ledger.
#[derive(Clone, Debug, Default)]
struct Facts {
    epoch: u32,
    feeds: usize,
    entries: u64,
    may_not_sign: Option<String>,
    /// Whether there is too little room on the disk for all that others hold.
    little_room: bool,
    /// The epoch with two articles, where the charter has forked.
    charter_fork: Option<u32>,
    /// What is the matter with this machine's clock, where something is.
    clock: Option<&'static str>,
    /// When this node's certificate ends.
    certificate_ends: Option<Millis>,
}

/// What all threads of a running node share.
struct Shared {
    node: String,
    /// The peers of the configuration.
    named: BTreeSet<[u8; 8]>,
    started: Millis,
    clock: Clock,
    board: Arc<Board>,
    facts: Mutex<Facts>,
    lent: Mutex<Option<Lent>>,
    /// Held by whoever is lent the folder; until when the next one waits, because others waited through the last loan.
    turn: Mutex<Option<Instant>>,
    stopping: AtomicBool,
    /// Why it cannot go on.
    fault: Mutex<Option<String>>,
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    fn now(&self) -> Millis {
        self.clock.now()
    }

    fn facts(&self) -> Facts {
        locked(&self.facts).clone()
    }

    fn lent(&self) -> Option<Lent> {
        *locked(&self.lent)
    }

    /// Notes that the folder is lent; not any more once the node is stopping.
    fn begin_loan(&self, to: Lent) -> bool {
        let mut lent = locked(&self.lent);
        if self.stopping.load(Ordering::SeqCst) {
            return false;
        }
        *lent = Some(to);
        true
    }

    fn end_loan(&self, fault: Option<String>) {
        *locked(&self.lent) = None;
        if fault.is_some() {
            *locked(&self.fault) = fault;
        }
    }

    /// What `status` is answered.
    fn status(&self) -> Value {
        let facts = self.facts();
        let rows = self.board.rows();
        let meeting = rows.values().filter(|row| row.state == State::Meeting).count();
        json!({
            "node": self.node, "pid": std::process::id(), "since": self.started.0,
            "listening": self.board.listening().iter().map(ToString::to_string).collect::<Vec<_>>(),
            "peers": rows.len(), "meeting": meeting, "epoch": facts.epoch, "feeds": facts.feeds,
            "entries": facts.entries, "may_not_sign": facts.may_not_sign,
            "little_room": facts.little_room, "charter_fork": facts.charter_fork,
            "lent": self.lent().map(|lent| json!({ "pid": lent.pid, "since": lent.since.0 })),
        })
    }
}

/// Runs a node until it is asked to stop, and then ends it cleanly: links are told, tails sealed, heads remembered.
///
/// # Errors
///
/// [`DaemonFault`]: it could not begin, or cannot go on. What was accepted is safe.
pub fn run(
    node: Node,
    running: Running,
    meet: impl FnOnce(&Asking, &Ledger, &Log) -> Result<Arc<dyn Meet>, NodeFault>,
) -> Result<(), DaemonFault> {
    let Running { config, log, clock, stop } = running;
    // One that began while this one asked for a passphrase: two would dial under one key.
    if node.folder().is_on_loan() {
        return Err(DaemonFault::Runs);
    }
    let federation = node.federation()?;
    let seed = node.keys().get(Name::NodeTransport).and_then(Secret::as_seed);
    let seed = Zeroizing::new(*seed.ok_or(NodeFault::NoKey("transport key"))?);
    let root = node.folder().root().to_owned();
    let shared = Arc::new(Shared {
        node: hex(&node.public().short()),
        named: config.peer.iter().map(|peer| peer.node.0).collect(),
        started: clock.now(),
        clock,
        board: Arc::default(),
        facts: Mutex::default(),
        lent: Mutex::default(),
        turn: Mutex::default(),
        stopping: AtomicBool::new(false),
        fault: Mutex::default(),
    });
    let board = shared.board.clone();
    let members = Arc::new(look(&node, &shared)?);
    warn_of_clock(&log, shared.facts().clock);
    let writer = Writer::start(node)?;
    let asking = writer.asking();
    let zone = config.network.zone.0;
    let budgets: BTreeSet<[u8; 8]> =
        config.peer.iter().filter(|peer| peer.budget.is_some()).map(|peer| peer.node.0).collect();
    spent::read(&root, &board, &budgets);
    let means = Means {
        members: members.clone(),
        meet: meet(&asking, &config.ledger, &log)?,
        board: board.clone(),
        log: log.clone(),
        clock,
    };
    let metered: BTreeSet<[u8; 8]> =
        config.peer.iter().filter(|peer| peer.metered).map(|peer| peer.node.0).collect();
    let metrics = config.metrics.listen;
    let net = Arc::new(Net::start(config, &seed, federation, means)?);
    drop(seed);
    if let Some(at) = metrics {
        let bound = metrics::serve(at, shared.clone()).map_err(DaemonFault::Metrics)?;
        log.info("metrics", &[("address", &bound)]);
    }
    #[cfg(unix)]
    let control = {
        let path = root.join(crate::folder::SOCKET);
        control::serve(&path, shared.clone(), asking.clone())
            .map_err(|why| DiskFault::io("listen on", &path, why))?
    };
    let keeper = Keeper {
        shared: shared.clone(),
        asking,
        net: net.clone(),
        log: log.clone(),
        members,
        metered,
        duties: Arc::default(),
        told: None,
    };
    let keeping = std::thread::Builder::new()
        .name("keeper".into())
        .spawn(move || keeper.run())
        .map_err(|why| NodeFault::Stopped(why.to_string()))?;
    log.info("ready", &[("node", &shared.node), ("pid", &std::process::id())]);
    notify::tell(notify::READY);
    let day = || schedule::local(clock.now(), zone).0;
    let mut noted = Instant::now();
    let fault = loop {
        std::thread::sleep(LOOK);
        if stop.load(Ordering::SeqCst) {
            break None;
        }
        if let Some(why) = locked(&shared.fault).take() {
            break Some(DaemonFault::Loan(why));
        }
        if !net.runs() {
            break Some(DaemonFault::NetEnded);
        }
        if noted.elapsed() >= NOTE && !budgets.is_empty() {
            noted = Instant::now();
            spent::write(&root, &board, &budgets, day());
        }
    };
    notify::tell(notify::STOPPING);
    log.info("stopping", &[]);
    net.end();
    spent::write(&root, &board, &budgets, day());
    #[cfg(unix)]
    drop(control);
    // No loan begins after this; one that stands is its command's, and the node was closed when it began.
    let lent = {
        let lent = locked(&shared.lent);
        shared.stopping.store(true, Ordering::SeqCst);
        lent.is_some()
    };
    if lent || fault.is_some() {
        // Its thread waits for that command, or can do nothing more: neither holds anything that is not on the disk.
        std::mem::forget(writer);
    } else {
        drop(keeping.join());
        let sealed = writer.asking().with(Node::seal_all)?;
        if let Err(why) = &sealed {
            log.warn("not_sealed", &[("why", why)]);
        }
        writer.stop()?;
    }
    log.info("stopped", &[]);
    fault.map_or(Ok(()), Err)
}

/// Looks at the ledger: who may have a link, and what is shown.
fn look(node: &Node, shared: &Shared) -> Result<Members, NodeFault> {
    let store = node.store();
    let (feeds, founded) = (store.feeds()?, store.charter()?.founded());
    *locked(&shared.facts) = Facts {
        epoch: store.charter()?.epoch(),
        feeds: feeds.len(),
        entries: feeds.iter().map(|feed| feed.head.next).sum(),
        may_not_sign: node.may_sign().err().map(ToString::to_string),
        little_room: crate::sync::little_room(store.path()),
        charter_fork: store.charter_fork(),
        clock: clock_word(node)?,
        certificate_ends: node.certificate().map(|c| c.not_after.begins(founded)),
    };
    members(node, &shared.named)
}

fn clock_word(node: &Node) -> Result<Option<&'static str>, NodeFault> {
    let work = node.store().look()?;
    let stamp = clock_of(&work, node.public(), node.now());
    work.check()?;
    Ok(stamp.and_then(|stamp| match stamp.doubtful {
        Some(Doubt::Ahead) => Some("ahead"),
        Some(Doubt::Leap) => Some("leap"),
        None => stamp.behind.then_some("behind"),
    }))
}

fn warn_of_clock(log: &Log, clock: Option<&'static str>) {
    if let Some(doubted) = clock {
        log.warn("clock", &[("doubted", &doubted), ("next", &"annona doctor")]);
    }
}

/// Who may have a link now; `named` are the peers of the configuration.
///
/// # Errors
///
/// [`NodeFault::Store`].
pub fn members(node: &Node, named: &BTreeSet<[u8; 8]>) -> Result<Members, NodeFault> {
    Ok(Members::of(node.store(), &node.public(), node.between()?, named)?)
}

/// The thread that looks after the node while nobody asks it for anything. It waits for the writer as everybody does.
struct Keeper {
    shared: Arc<Shared>,
    asking: Asking,
    net: Arc<Net>,
    log: Log,
    members: Arc<Members>,
    metered: BTreeSet<[u8; 8]>,
    duties: Arc<Mutex<Duties>>,
    /// The day on which it was last told that the certificate ends.
    told: Option<u64>,
}

impl Keeper {
    fn run(mut self) {
        let (mut looked, mut sealed) = (Instant::now(), Instant::now());
        while !self.shared.stopping.load(Ordering::SeqCst) {
            std::thread::sleep(LOOK);
            if looked.elapsed() >= REFRESH {
                looked = Instant::now();
                self.refresh();
                self.tell_end();
                self.serve();
            }
            if sealed.elapsed() >= SEAL {
                sealed = Instant::now();
                self.seal();
            }
        }
    }

    fn refresh(&mut self) {
        let shared = self.shared.clone();
        let before = self.shared.facts();
        let done = self.asking.with(move |node| look(node, &shared));
        let clock = self.shared.facts().clock;
        if clock != before.clock {
            warn_of_clock(&self.log, clock);
        }
        match done {
            Ok(Ok(members)) if members != *self.members => {
                self.members = Arc::new(members);
                self.log.info("members", &[("count", &self.members.iter().count())]);
                for member in self.members.iter().filter(|m| m.standing == Standing::Shared) {
                    let node = hex(&member.node);
                    self.log.warn("shared_key", &[("peer", &node), ("organisation", &member.org)]);
                }
                self.net.admit(self.members.clone());
                self.net.bell();
            }
            Ok(Ok(_)) => {
                if before.entries != self.shared.facts().entries {
                    self.net.bell();
                }
            }
            Ok(Err(why)) => self.log.warn("not_looked", &[("why", &why)]),
            // The writer has stopped: whoever runs this node ends it.
            Err(_) => {}
        }
    }

    /// Tells once a day that the certificate ends soon, or has ended: the day after nobody is served.
    fn tell_end(&mut self) {
        const DAY: u64 = 24 * 60 * 60 * 1000;
        let now = self.shared.now().0;
        let Some(ends) = self.shared.facts().certificate_ends else { return };
        let soon = ends.0 <= now.saturating_add(DAY.saturating_mul(SOON_DAYS.into()));
        if !soon || self.told == Some(now / DAY) {
            return;
        }
        self.told = Some(now / DAY);
        let event = if ends.0 <= now { "certificate_ended" } else { "certificate_ends" };
        let days = ends.0.abs_diff(now) / DAY;
        self.log.warn(event, &[("days", &days), ("next", &"annona node request")]);
    }

    /// Does what this node owes others without being asked.
    fn serve(&self) {
        let (duties, log) = (self.duties.clone(), self.log.clone());
        let entries = self.shared.facts().entries;
        let done = self.asking.with(move |node| locked(&duties).look(node, entries, &log));
        if done.is_ok_and(|done| done.wrote) {
            self.net.bell();
        }
    }

    /// What is open is sealed soon where a link stands that is not paid by the byte; else after ten minutes.
    fn seal(&self) {
        let rows = self.shared.board.rows();
        let mut meeting = rows.iter().filter(|(_, row)| row.state == State::Meeting);
        let soon = meeting.any(|(node, _)| !self.metered.contains(node));
        let done =
            self.asking.with(move |node| if soon { node.seal_all() } else { node.seal_due() });
        match done {
            Ok(Ok(())) => self.net.bell(),
            Ok(Err(why)) => self.log.warn("not_sealed", &[("why", &why)]),
            Err(_) => {}
        }
    }
}
