//! What the loop does about links through others: places where it is reached, peers it dials so.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use libp2p_core::Multiaddr;
use libp2p_core::transport::ListenerId;
use libp2p_identity::PeerId;
use libp2p_swarm::ConnectionId;

use super::{Loop, State, errors, relay};

/// How long a place that was lost or refused is not asked for again on the same link.
const AGAIN: Duration = Duration::from_secs(30);

/// A place asked for at a peer that passes links on.
struct Place {
    connection: ConnectionId,
    listener: Option<ListenerId>,
    asked: Instant,
}

/// What is known of peers that pass links on.
#[derive(Default)]
pub(super) struct Through {
    /// Where each was reached last, and by which connection.
    reached: HashMap<[u8; 8], (ConnectionId, Multiaddr)>,
    places: HashMap<[u8; 8], Place>,
    /// Those given up by this side, whose end is still to be told.
    left: HashSet<ListenerId>,
}

impl Through {
    /// Remembers where a peer was reached.
    pub(super) fn reached(&mut self, node: [u8; 8], connection: ConnectionId, at: &Multiaddr) {
        self.reached.insert(node, (connection, at.clone()));
    }
}

impl Loop {
    /// The link this side dialled to a peer: who it is on the network, and where it was reached.
    fn reached(&self, node: [u8; 8]) -> Option<(ConnectionId, PeerId, Multiaddr)> {
        let link = self.links.get(&node)?;
        let reached = self.through.reached.get(&node);
        let (connection, at) = reached.filter(|(connection, _)| *connection == link.connection)?;
        Some((*connection, self.members.node(&node)?.peer, at.clone()))
    }

    /// Dials a peer through another, once there is a link to that.
    pub(super) fn dial_through(&mut self, node: [u8; 8]) {
        let Some(dial) = self.dials.get_mut(&node) else { return };
        // No failure of this peer: it is tried as soon as the other is there.
        dial.next = Instant::now() + Duration::from_secs(1);
        let Some(via) = dial.peer.via else { return };
        match (self.reached(via.0), self.members.node(&node).map(|member| member.peer)) {
            (Some((_, relay, at)), Some(peer)) => {
                self.dial(node, vec![relay::address(&at, relay, Some(peer))]);
            }
            _ => {
                self.show(node, State::Unreachable("no link to the peer it is reached via".into()));
            }
        }
    }

    /// Asks for a place at each peer through which others reach this node, on the link to it that there is.
    pub(super) fn ask_for_places(&mut self) {
        let wanted: Vec<[u8; 8]> =
            self.config.peer.iter().filter(|peer| peer.relay).map(|peer| peer.node.0).collect();
        for node in wanted {
            let reached = self.reached(node);
            let now = reached.as_ref().map(|(connection, ..)| *connection);
            if let Some(place) = self.through.places.get(&node) {
                if Some(place.connection) == now
                    && (place.listener.is_some() || place.asked.elapsed() < AGAIN)
                {
                    continue;
                }
                if let Some(old) = place.listener {
                    self.through.left.insert(old);
                    self.swarm.remove_listener(old);
                }
                self.through.places.remove(&node);
            }
            let Some((connection, peer, at)) = reached else { continue };
            let listener = match self.swarm.listen_on(relay::address(&at, peer, None)) {
                Ok(listener) => Some(listener),
                Err(why) => {
                    let why = errors::innermost(&why);
                    self.log
                        .warn("no_place", &[("peer", &super::super::hex(&node)), ("why", &why)]);
                    None
                }
            };
            let place = Place { connection, listener, asked: Instant::now() };
            self.through.places.insert(node, place);
        }
    }

    /// Notes that a listener ended that was a place at another node; says whether it was one.
    pub(super) fn lost_place(&mut self, listener: ListenerId) -> bool {
        if self.through.left.remove(&listener) {
            return true;
        }
        let place = self.through.places.iter_mut().find(|(_, p)| p.listener == Some(listener));
        let Some((node, place)) = place else { return false };
        place.listener = None;
        self.log.warn("no_place", &[("peer", &super::super::hex(node))]);
        true
    }
}
