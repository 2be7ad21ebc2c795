//! The loop: one thread that dials, lets in, refuses, and tells the board. It knows no ledger.

mod dialling;
mod standing;
#[cfg(test)]
mod tests;
mod through;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use annona_ledger::sync::talk::Why;
use futures::StreamExt;
use libp2p_allow_block_list::{AllowedPeers, Behaviour as Allowing};
use libp2p_connection_limits::{Behaviour as Limiting, ConnectionLimits};
use libp2p_core::{ConnectedPoint, Transport, upgrade};
use libp2p_identity::PeerId;
use libp2p_swarm::{ConnectionId, NetworkBehaviour, Stream, Swarm, SwarmEvent};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::board::{Board, Counts, State};
use super::errors;
use super::lan::{self, Lan};
use super::link::{self, Ended, Heard, Making, Meet, Past, Room};
use super::members::{Member, Members, Standing};
use super::quic;
use super::relay::{self, Relays};
use super::schedule;
use super::streams::{Event, Streams, ip_of, socket_of};
use super::{Asked, NetFault, Starting, limits, wire};
use crate::config::{Config, Peer};
use through::Through;

/// After an older link a new one from the same peer takes its place: it lost the older one and this side does not know.
const YOUNG: Duration = Duration::from_secs(5);
/// How long a peer that is no member any more has to hear why.
const LAST_WORD: Duration = Duration::from_secs(2);

#[derive(NetworkBehaviour)]
#[behaviour(prelude = "libp2p_swarm::derive_prelude")]
pub(super) struct Rules {
    limits: Limiting,
    members: Allowing<AllowedPeers>,
    ping: libp2p_ping::Behaviour,
    lan: Lan,
    relays: Relays,
    streams: Streams<Asked>,
}

/// A peer of the configuration.
struct Dial {
    peer: Peer,
    next: Instant,
    failures: u32,
    pending: Option<ConnectionId>,
    /// Whether its name is being looked up.
    looking: bool,
}

impl Dial {
    fn new(peer: Peer) -> Self {
        Self { peer, next: Instant::now(), failures: 0, pending: None, looking: false }
    }
}

/// A link with a stream.
struct Link {
    connection: ConnectionId,
    dialled: bool,
    opened: Instant,
    day: u64,
    /// Its number on the board.
    number: u64,
    heard: Sender<Heard>,
}

pub(super) struct Loop {
    swarm: Swarm<Rules>,
    own: PeerId,
    config: Config,
    members: Arc<Members>,
    board: Arc<Board>,
    meet: Arc<dyn Meet>,
    log: crate::log::Log,
    clock: crate::clock::Clock,
    asks: UnboundedSender<Asked>,
    dials: BTreeMap<[u8; 8], Dial>,
    links: HashMap<[u8; 8], Link>,
    /// Links this side dialled that have no stream yet.
    bare: HashMap<ConnectionId, [u8; 8]>,
    through: Through,
    /// When members opened links, in the last minute; and how many threads each has.
    opened: HashMap<[u8; 8], VecDeque<Instant>>,
    threads: HashMap<[u8; 8], usize>,
    /// When it was last logged that one may have no link.
    refused: RefCell<HashMap<[u8; 8], Instant>>,
    /// Peers of the configuration, for which there is always a place.
    kept: BTreeSet<PeerId>,
    /// Those that are members no more and are being told.
    leaving: Vec<(PeerId, Instant)>,
    stopping: Option<Instant>,
}

/// Builds the loop and begins to listen.
///
/// Must be called inside the runtime.
pub(super) fn begin(
    starting: Starting,
    asks: UnboundedSender<Asked>,
    asked: UnboundedReceiver<Asked>,
) -> Result<Loop, NetFault> {
    let Starting { config, key, federation, members, meet, board, log, clock } = starting;
    let noise = libp2p_noise::Config::new(&key)
        .map_err(|why| NetFault::Start(why.to_string()))?
        .with_prologue(wire::prologue(&federation));
    let mut yamux = libp2p_yamux::Config::default();
    let streams =
        limits::STREAMS + if relay::asked(&config) { 2 * limits::CIRCUITS_PEER } else { 0 };
    yamux.set_max_num_streams(streams);
    let tcp = libp2p_tcp::tokio::Transport::new(libp2p_tcp::Config::new().nodelay(true));
    let transport = tcp
        .upgrade(upgrade::Version::V1Lazy)
        .authenticate(noise.clone())
        .multiplex(yamux.clone())
        .timeout(limits::HANDSHAKE)
        .boxed();
    let transport = quic::beside(config.network.quic, &key, transport)?;
    let own = key.public().to_peer_id();
    let (transport, relays) = relay::beside(&config, own, (noise, yamux), transport)?;
    let links = config.network.links;
    let most = ConnectionLimits::default()
        .with_max_pending_incoming(Some(limits::HANDSHAKES))
        .with_max_established(Some(links))
        .with_max_established_per_peer(Some(limits::LINKS_PEER));
    let ping = libp2p_ping::Config::new().with_interval(limits::PING).with_timeout(limits::PONG);
    let rules = Rules {
        limits: Limiting::new(most),
        members: Allowing::default(),
        ping: libp2p_ping::Behaviour::new(ping),
        lan: lan::begin(config.network.lan, own)?,
        relays,
        streams: Streams::new(asked),
    };
    let how = libp2p_swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(limits::IDLE)
        .with_max_negotiating_inbound_streams(streams);
    let mut swarm = Swarm::new(transport, rules, own, how);
    for address in &config.network.listen {
        for by in quic::addresses(config.network.quic, *address) {
            swarm
                .listen_on(by)
                .map_err(|why| NetFault::Listen(*address, errors::innermost(&why)))?;
        }
    }
    let dials = config.peer.iter().map(|peer| (peer.node.0, Dial::new(peer.clone()))).collect();
    let mut begun = Loop {
        swarm,
        own,
        config,
        members: Arc::new(Members::default()),
        board,
        meet,
        log,
        clock,
        asks,
        dials,
        links: HashMap::new(),
        bare: HashMap::new(),
        through: Through::default(),
        opened: HashMap::new(),
        threads: HashMap::new(),
        refused: RefCell::default(),
        kept: BTreeSet::new(),
        leaving: Vec::new(),
        stopping: None,
    };
    for node in begun.dials.keys() {
        begun.board.with(node, |row| row.dialled = true);
    }
    begun.admit(members);
    Ok(begun)
}

impl Loop {
    /// Runs until it is asked to stop and every link has had its last word.
    pub(super) async fn run(mut self) {
        loop {
            let event = self.swarm.select_next_some().await;
            self.on(event);
            let late = self.stopping.is_some_and(|since| since.elapsed() > LAST_WORD);
            if self.stopping.is_some() && (self.links.is_empty() || late) {
                return self.links.iter().for_each(|(node, link)| self.settle(node, link.number));
            }
        }
    }

    fn on(&mut self, event: SwarmEvent<RulesEvent>) {
        match event {
            SwarmEvent::Behaviour(RulesEvent::Streams(event)) => match event {
                Event::Tick => self.tick(),
                Event::Asked(asked) => self.asked(asked),
                Event::Opened { peer, connection, stream, dialled } => {
                    self.opened(peer, connection, stream, dialled);
                }
                Event::OtherVersion { peer, connection } => {
                    if let Some(node) = self.bare.remove(&connection) {
                        self.failed(node, State::OtherVersion);
                    }
                    self.log.info("other_version", &[("peer", &self.name(&peer))]);
                    self.swarm.close_connection(connection);
                }
            },
            SwarmEvent::Behaviour(RulesEvent::Lan(told)) => {
                for (peer, address) in lan::found(told) {
                    self.heard_of(peer, address);
                }
            }
            SwarmEvent::Behaviour(RulesEvent::Ping(ping)) if ping.result.is_err() => {
                self.log.debug("no_answer", &[("peer", &self.name(&ping.peer))]);
                self.swarm.close_connection(ping.connection);
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.established(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { connection_id, .. } => self.closed(connection_id),
            SwarmEvent::OutgoingConnectionError { connection_id, error, .. } => {
                self.not_reached(connection_id, &error);
            }
            SwarmEvent::IncomingConnection { .. } => Counts::one(&self.board.counts.incoming),
            SwarmEvent::IncomingConnectionError { error, peer_id, .. } => {
                self.not_let_in(peer_id, &error);
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                if self.config.network.relay {
                    // Who asks for a place is told where it is.
                    self.swarm.add_external_address(address.clone());
                }
                if let Some(address) = socket_of(&address).filter(|_| !relay::is_through(&address))
                {
                    self.log.info("listening", &[("address", &address)]);
                    self.board.listens(address);
                }
            }
            SwarmEvent::ListenerClosed { listener_id, .. }
            | SwarmEvent::ListenerError { listener_id, .. }
                if !self.lost_place(listener_id) =>
            {
                self.log.warn("listener_failed", &[]);
            }
            _ => {}
        }
    }

    fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Members(members) => self.admit(members),
            Asked::Bell => {
                for link in self.links.values() {
                    drop(link.heard.send(Heard::Bell));
                }
            }
            Asked::Found(node, addresses) => self.found(node, addresses),
            Asked::Ended(node, connection, past) => self.ended(node, connection, past),
            Asked::Stop => {
                self.stopping = Some(Instant::now());
                for link in self.links.values() {
                    drop(link.heard.send(Heard::End(Why::Stopping)));
                }
            }
        }
    }

    // Links.

    fn established(&mut self, peer: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        // Whoever answered, nobody is being dialled by this any more.
        let dialled = self.dials.iter_mut().find(|(_, dial)| dial.pending == Some(connection));
        let dialled = dialled.map(|(node, dial)| {
            dial.pending = None;
            *node
        });
        let member = self.members.peer(&peer).filter(|m| m.standing == Standing::Member);
        let Some(node) = member.map(|member| member.node) else {
            // The list let it through and has changed since.
            self.swarm.close_connection(connection);
            if let Some(node) = dialled {
                self.turned_away(node);
            }
            return;
        };
        if let Some(ip) = ip_of(endpoint.get_remote_address()) {
            self.swarm.behaviour_mut().streams.know(ip);
        }
        if endpoint.is_dialer() {
            self.bare.insert(connection, node);
            let at = endpoint.get_remote_address();
            if !relay::is_through(at) {
                self.through.reached(node, connection, at);
            }
        }
    }

    /// Whose a link is that has a stream now, if it may have one; it is closed otherwise.
    fn lets_open(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        dialled: bool,
    ) -> Option<Member> {
        let bare = self.bare.remove(&connection);
        let member = self.members.peer(&peer).filter(|m| m.standing == Standing::Member);
        let Some(member) = member.cloned() else {
            self.swarm.close_connection(connection);
            if let Some(node) = bare {
                self.turned_away(node);
            }
            return None;
        };
        let (_, minute) = schedule::local(self.clock.now(), self.config.network.zone.0);
        let may_open = self.may_open(member.node);
        let config = self.dials.get(&member.node).map(|dial| &dial.peer);
        let quiet = config.and_then(Peer::quiet).is_some_and(|quiet| quiet.holds(minute));
        if quiet || self.stopping.is_some() || !may_open {
            self.swarm.close_connection(connection);
            if dialled {
                // It cost a handshake, and would cost another in a second.
                self.failed(member.node, if quiet { State::Quiet } else { State::Broke });
            }
            return None;
        }
        Some(member)
    }

    fn opened(&mut self, peer: PeerId, connection: ConnectionId, stream: Stream, dialled: bool) {
        let Some(member) = self.lets_open(peer, connection, dialled) else { return };
        let node = member.node;
        let (day, _) = schedule::local(self.clock.now(), self.config.network.zone.0);
        let config = self.dials.get(&node).map(|dial| &dial.peer);
        if let Some(other) = self.links.get(&node) {
            // Both dialled at once: both keep the link that the lower of the two names dialled.
            let lower = other.dialled == (self.own < peer);
            if other.dialled != dialled && other.opened.elapsed() < YOUNG && lower {
                self.swarm.close_connection(connection);
                return;
            }
            drop(other.heard.send(Heard::Broke));
            let old = other.connection;
            self.links.remove(&node);
            self.swarm.close_connection(old);
        }
        let room = Room {
            // Half each way.
            budget: config
                .and_then(|peer| peer.budget)
                .map(|budget| self.board.left(&node, day, budget.0) / 2),
            metered: config.is_some_and(|peer| peer.metered),
            brief: config.is_some_and(|peer| peer.every.is_some()),
        };
        let asks = self.asks.clone();
        let number = self.board.begins(&node, day);
        let making = Making {
            member,
            room,
            meet: self.meet.clone(),
            board: self.board.clone(),
            number,
            now: self.clock.now(),
        };
        let done = move |past| drop(asks.send(Asked::Ended(node, connection, past)));
        match link::start(stream, making, done) {
            Ok(heard) => {
                Counts::one(&self.board.counts.links);
                *self.threads.entry(node).or_default() += 1;
                self.log.info("link", &[("peer", &super::hex(&node)), ("dialled", &dialled)]);
                let link = Link { connection, dialled, opened: Instant::now(), day, number, heard };
                self.links.insert(node, link);
                self.show(node, State::Meeting);
            }
            Err(why) => {
                self.log.error("no_thread", &[("why", &why)]);
                self.settle(&node, number);
                self.swarm.close_connection(connection);
            }
        }
    }

    fn closed(&mut self, connection: ConnectionId) {
        if let Some(node) = self.bare.remove(&connection) {
            // There was a handshake, and then nothing: the allow-list of the other side acts after it.
            self.failed(node, State::NotAdmitted);
        }
        let link = self.links.values().find(|link| link.connection == connection);
        if let Some(link) = link {
            drop(link.heard.send(Heard::Broke));
        }
    }

    fn ended(&mut self, node: [u8; 8], connection: ConnectionId, past: Past) {
        self.swarm.close_connection(connection);
        if let Some(threads) = self.threads.get_mut(&node) {
            *threads = threads.saturating_sub(1);
        }
        self.settle(&node, past.number);
        let Some(link) = self.links.get(&node).filter(|link| link.connection == connection) else {
            return;
        };
        let lived = link.opened.elapsed();
        self.links.remove(&node);
        let Past { ended, useful, withheld, .. } = past;
        let state = match ended {
            Ended::Said(Why::Done | Why::Stopping) => State::Met,
            Ended::Said(Why::Version) => State::OtherVersion,
            Ended::Said(Why::Federation) => State::WrongFederation,
            Ended::Said(Why::Breach(rule)) => State::Breach(rule),
            Ended::Said(Why::Stalled) => State::Stalled,
            Ended::Said(Why::NotAMember) => State::NotAdmitted,
            Ended::Broke => State::Broke,
            Ended::Fault(why) => {
                self.log.error("link_fault", &[("peer", &super::hex(&node)), ("why", &why)]);
                State::Fault(why)
            }
        };
        self.log.info("link_ended", &[("peer", &super::hex(&node)), ("state", &state.word())]);
        if let Some(dial) = self.dials.get_mut(&node) {
            dial.failures = schedule::failures(dial.failures, lived, useful);
        }
        // A link that breaks while something urgent is under way is dialled anew.
        let held = withheld && (state == State::Met || !useful);
        self.failed(node, state);
        if held {
            self.hold(node);
        }
        self.stand(node);
    }

    /// What went over a link that is no more is added to what went before.
    fn settle(&self, node: &[u8; 8], number: u64) {
        let (day, _) = schedule::local(self.clock.now(), self.config.network.zone.0);
        self.board.settle(node, number, day);
    }

    fn tick(&mut self) {
        let now = Instant::now();
        let (day, minute) = schedule::local(self.clock.now(), self.config.network.zone.0);
        let mut left = std::mem::take(&mut self.leaving);
        left.retain(|(peer, since)| {
            let waits = since.elapsed() <= LAST_WORD;
            if !waits {
                self.swarm.behaviour_mut().members.disallow_peer(*peer);
            }
            waits
        });
        self.leaving = left;
        self.ask_for_places();
        for (node, dial) in &self.dials {
            let quiet = dial.peer.quiet().is_some_and(|quiet| quiet.holds(minute));
            let link = self.links.get(node);
            // A new day has a budget of its own, and a session keeps the one it began with.
            let turned = dial.peer.budget.is_some() && link.is_some_and(|link| link.day != day);
            if let Some(link) = link.filter(|_| quiet || turned) {
                drop(link.heard.send(Heard::End(Why::Done)));
            }
            let budget = dial.peer.budget.map(|budget| self.board.left(node, day, budget.0));
            self.board.with(node, |row| {
                row.left = budget;
                if quiet && link.is_none() && row.state != State::Quiet {
                    (row.state, row.since) = (State::Quiet, self.clock.now());
                }
            });
        }
        let due = self.dials.iter().filter(|(node, dial)| {
            let quiet = dial.peer.quiet().is_some_and(|quiet| quiet.holds(minute));
            let bare = self.bare.values().any(|bare| bare == *node);
            let busy = dial.looking || dial.pending.is_some() || bare;
            let busy = busy || self.links.contains_key(*node);
            !quiet && !busy && dial.next <= now && self.stopping.is_none()
        });
        let due: Vec<[u8; 8]> = due.map(|(node, _)| *node).collect();
        for node in due {
            if self.stand(node) {
                self.look_up(node);
            } else if let Some(dial) = self.dials.get_mut(&node) {
                dial.next = now + Duration::from_secs(5);
            }
        }
    }

    fn show(&self, node: [u8; 8], state: State) {
        let now = self.clock.now();
        let changed = self.board.with(&node, |row| {
            let changed = row.state != state;
            if changed {
                (row.state, row.since) = (state.clone(), now);
            }
            changed
        });
        if changed {
            let peer = super::hex(&node);
            self.log.debug("peer", &[("peer", &peer), ("state", &state.word())]);
        }
    }

    fn name(&self, peer: &PeerId) -> String {
        self.members.peer(peer).map_or_else(|| "stranger".into(), |m| super::hex(&m.node))
    }
}
