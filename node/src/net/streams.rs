//! One stream for each link, opened by whoever dialled, and no other. What libp2p is asked for stands here: everything
//! it tells goes to the loop in `net/run.rs`.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use libp2p_core::multiaddr::Protocol;
use libp2p_core::transport::PortUse;
use libp2p_core::upgrade::ReadyUpgrade;
use libp2p_core::{Endpoint, Multiaddr};
use libp2p_identity::PeerId;
use libp2p_swarm::behaviour::{ConnectionEstablished, ListenFailure};
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
    /// Where peers of the configuration are: their handshakes are not held to what one address may have.
    known: Vec<IpAddr>,
}

impl<C> Streams<C> {
    pub(super) fn new(asked: UnboundedReceiver<C>) -> Self {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (events, pending, known) = (VecDeque::new(), HashMap::new(), Vec::new());
        Self { asked, tick, events, pending, known }
    }

    /// Remembers where a peer of the configuration was found.
    pub(super) fn know(&mut self, address: IpAddr) {
        if !self.known.contains(&address) && self.known.len() < limits::LINKS_MOST {
            self.known.push(address);
        }
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
        let from = ip_of(remote);
        let familiar = from.is_some_and(|ip| self.known.contains(&ip));
        let same = self.pending.values().filter(|ip| **ip == from).count();
        let most = if familiar { limits::HANDSHAKES_KNOWN } else { limits::HANDSHAKES_ADDRESS };
        if same >= most {
            return Err(ConnectionDenied::new(Crowd));
        }
        self.pending.insert(id, from);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<Handler, ConnectionDenied> {
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
            FromSwarm::ConnectionEstablished(ConnectionEstablished { connection_id, .. })
            | FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
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
