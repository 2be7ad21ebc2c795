//! One stream for each link, opened by whoever dialled, and no other. What libp2p is asked for stands here: everything
//! it tells goes to the loop in `net/run.rs`.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p_core::multiaddr::Protocol;
use libp2p_core::transport::PortUse;
use libp2p_core::upgrade::ReadyUpgrade;
use libp2p_core::{Endpoint, Multiaddr};
use libp2p_identity::PeerId;
use libp2p_swarm::behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure};
use libp2p_swarm::handler::{
    ConnectionEvent, FullyNegotiatedInbound, FullyNegotiatedOutbound, StreamUpgradeError,
};
use libp2p_swarm::{
    ConnectionDenied, ConnectionHandler, ConnectionHandlerEvent, ConnectionId, FromSwarm,
    NetworkBehaviour, Stream, StreamProtocol, SubstreamProtocol, THandlerInEvent, THandlerOutEvent,
    ToSwarm,
};
use tokio::sync::mpsc::UnboundedReceiver;

use super::limits;
use super::wire::STREAM;

/// What happens to links, and what the rest of the program asks of the loop.
#[derive(Debug)]
pub(super) enum Event<C> {
    /// The stream of a link is there.
    Opened { peer: PeerId, connection: ConnectionId, stream: Stream, dialled: bool },
    /// The other side speaks another version.
    OtherVersion { peer: PeerId, connection: ConnectionId },
    /// Somebody asked the loop for something.
    Asked(C),
    /// A second has passed.
    Tick,
}

/// Opens one stream a link, keeps strangers' handshakes few, and brings questions of other threads into the loop.
pub(super) struct Streams<C> {
    asked: UnboundedReceiver<C>,
    tick: tokio::time::Interval,
    events: VecDeque<Event<C>>,
    /// Handshakes under way, and where from.
    pending: HashMap<ConnectionId, Option<IpAddr>>,
    /// Where members were linked with last, latest at the end: half of all handshakes are for them.
    known: VecDeque<IpAddr>,
    /// Links that stand, by who they are with.
    standing: HashMap<PeerId, usize>,
}

impl<C> Streams<C> {
    pub(super) fn new(asked: UnboundedReceiver<C>) -> Self {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        Self {
            asked,
            tick,
            events: VecDeque::new(),
            pending: HashMap::new(),
            known: VecDeque::new(),
            standing: HashMap::new(),
        }
    }

    /// Remembers where a member is, whoever dialled.
    pub(super) fn know(&mut self, address: IpAddr) {
        let address = network(address);
        self.known.retain(|known| *known != address);
        if self.known.len() >= limits::LINKS_MOST {
            self.known.pop_front();
        }
        self.known.push_back(address);
    }

    /// Whether a handshake may begin there.
    fn may_begin(&self, from: Option<IpAddr>) -> bool {
        let known = |ip: Option<IpAddr>| ip.is_some_and(|ip| self.known.contains(&ip));
        let same = self.pending.values().filter(|ip| **ip == from).count();
        if known(from) {
            return same < limits::HANDSHAKES_KNOWN;
        }
        let strange = self.pending.values().filter(|ip| !known(**ip)).count();
        same < limits::HANDSHAKES_ADDRESS && strange < limits::HANDSHAKES_STRANGE
    }
}

/// More handshakes from one address than one may have under way.
#[derive(Debug, thiserror::Error)]
#[error("too many handshakes are under way from that address")]
pub(super) struct Crowd;

impl<C: std::fmt::Debug + Send + 'static> NetworkBehaviour for Streams<C> {
    type ConnectionHandler = Handler;
    type ToSwarm = Event<C>;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let from = ip_of(remote).map(network);
        if !self.may_begin(from) {
            return Err(ConnectionDenied::new(Crowd));
        }
        self.pending.insert(id, from);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
        // Peers of the configuration are not held to the number of all links, but to this as everybody.
        let stand = self.standing.get(&peer).copied().unwrap_or(0);
        if u32::try_from(stand).is_ok_and(|stand| stand >= limits::LINKS_PEER) {
            return Err(ConnectionDenied::new(Crowd));
        }
        Ok(Handler::new(false))
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<Handler, ConnectionDenied> {
        Ok(Handler::new(true))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(made) => {
                let ConnectionEstablished { connection_id, peer_id, .. } = made;
                self.pending.remove(&connection_id);
                *self.standing.entry(peer_id).or_default() += 1;
            }
            FromSwarm::ConnectionClosed(ConnectionClosed {
                peer_id,
                remaining_established,
                ..
            }) => {
                if remaining_established == 0 {
                    self.standing.remove(&peer_id);
                } else {
                    self.standing.insert(peer_id, remaining_established);
                }
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.pending.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        self.events.push_back(match event {
            FromLink::Opened { stream, dialled } => {
                Event::Opened { peer, connection, stream, dialled }
            }
            FromLink::OtherVersion => Event::OtherVersion { peer, connection },
        });
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some(event) = self.events.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(event));
        }
        if let Poll::Ready(Some(asked)) = self.asked.poll_recv(cx) {
            return Poll::Ready(ToSwarm::GenerateEvent(Event::Asked(asked)));
        }
        self.tick.poll_tick(cx).map(|_| ToSwarm::GenerateEvent(Event::Tick))
    }
}

/// The address in a multiaddress.
pub(super) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
        _ => None,
    })
}

/// What is counted as one address: of IPv6 a network of 64 bits, for everybody has as many addresses in theirs as they like.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(whole) => match whole.to_ipv4_mapped() {
            Some(mapped) => IpAddr::V4(mapped),
            None => IpAddr::V6(Ipv6Addr::from_bits(whole.to_bits() & (u128::MAX << 64))),
        },
    }
}

/// The address and port in a multiaddress of TCP.
pub(super) fn socket_of(address: &Multiaddr) -> Option<SocketAddr> {
    let port = address.iter().find_map(|part| match part {
        Protocol::Tcp(port) => Some(port),
        _ => None,
    });
    Some(SocketAddr::new(ip_of(address)?, port?))
}

/// What a link tells.
#[derive(Debug)]
pub(super) enum FromLink {
    Opened { stream: Stream, dialled: bool },
    OtherVersion,
}

/// One link: asks for its stream if it dialled, takes the first that comes if it did not.
pub(super) struct Handler {
    dialled: bool,
    asked: bool,
    had: bool,
    told: VecDeque<FromLink>,
}

impl Handler {
    const fn new(dialled: bool) -> Self {
        Self { dialled, asked: false, had: false, told: VecDeque::new() }
    }

    fn opened(&mut self, stream: Stream) {
        // A second stream is dropped, and so reset.
        if !std::mem::replace(&mut self.had, true) {
            self.told.push_back(FromLink::Opened { stream, dialled: self.dialled });
        }
    }
}

type Named = ReadyUpgrade<StreamProtocol>;

fn stream() -> SubstreamProtocol<Named> {
    let name = ReadyUpgrade::new(StreamProtocol::new(STREAM));
    SubstreamProtocol::new(name, ()).with_timeout(limits::HANDSHAKE)
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Infallible;
    type ToBehaviour = FromLink;
    type InboundProtocol = Named;
    type OutboundProtocol = Named;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<Named> {
        stream()
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ConnectionHandlerEvent<Named, (), FromLink>> {
        if self.dialled && !std::mem::replace(&mut self.asked, true) {
            let protocol = stream();
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest { protocol });
        }
        match self.told.pop_front() {
            Some(told) => Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(told)),
            // libp2p asks again whenever something happened to the link.
            None => Poll::Pending,
        }
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, event: ConnectionEvent<'_, Named, Named>) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol, ..
            }) if !self.dialled => self.opened(protocol),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol, ..
            }) => self.opened(protocol),
            ConnectionEvent::DialUpgradeError(failed) => {
                if matches!(failed.error, StreamUpgradeError::NegotiationFailed) {
                    self.told.push_back(FromLink::OtherVersion);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_fill_half_of_the_handshakes_and_members_have_the_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.expect("a runtime");
        let _inside = runtime.enter();
        let (_asks, asked) = tokio::sync::mpsc::unbounded_channel::<()>();
        let mut streams = Streams::new(asked);
        let mut next = 0;
        let mut begin = |streams: &mut Streams<()>, from: &str| {
            next += 1;
            let ip: IpAddr = from.parse().expect("an address");
            let remote = Multiaddr::from(ip).with(Protocol::Tcp(4_000));
            let id = ConnectionId::new_unchecked(next);
            streams.handle_pending_inbound_connection(id, &Multiaddr::empty(), &remote).is_ok()
        };
        streams.know("10.9.9.9".parse().expect("an address"));
        // Of one network, however many addresses it has.
        let crowd = (0..40).filter(|n| begin(&mut streams, &format!("2001:db8::{n:x}"))).count();
        assert_eq!(crowd, limits::HANDSHAKES_ADDRESS);
        let crowd = (0..40).filter(|n| begin(&mut streams, &format!("10.0.0.{n}"))).count();
        assert_eq!(crowd, limits::HANDSHAKES_STRANGE - limits::HANDSHAKES_ADDRESS);
        assert!(!begin(&mut streams, "10.1.1.1"), "no more of anybody");
        let members = (0..40).filter(|_| begin(&mut streams, "10.9.9.9")).count();
        assert_eq!(members, limits::HANDSHAKES_KNOWN, "but of members");
    }
}
