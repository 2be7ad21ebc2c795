//! How the loop dials: whom, where, and when again.

use std::net::SocketAddr;
use std::time::Instant;

use libp2p_core::Multiaddr;
use libp2p_identity::PeerId;
use libp2p_swarm::dial_opts::DialOpts;
use libp2p_swarm::{ConnectionId, DialError};

use super::super::board::State;
use super::super::{Asked, errors, limits, quic, schedule};
use super::{Dial, Loop};
use crate::config::{NodeName, Peer};
use crate::seal::random;

impl Loop {
    /// A member that was found on the local network is dialled there, unless the configuration says where it is.
    pub(super) fn heard_of(&mut self, peer: PeerId, address: SocketAddr) {
        let Some(node) = self.members.peer(&peer).map(|member| member.node) else { return };
        if self.config.peer.iter().any(|peer| peer.node.0 == node) {
            return;
        }
        let peer = Peer::at(NodeName(node), address);
        match self.dials.get_mut(&node) {
            Some(dial) => dial.peer = peer,
            None => {
                self.log
                    .info("found", &[("peer", &super::super::hex(&node)), ("address", &address)]);
                self.dials.insert(node, Dial::new(peer));
                self.board.with(&node, |row| row.dialled = true);
            }
        }
    }

    pub(super) fn look_up(&mut self, node: [u8; 8]) {
        let Some(dial) = self.dials.get_mut(&node) else { return };
        let Some(address) = dial.peer.address.as_ref() else {
            return self.dial_through(node);
        };
        dial.looking = true;
        let address = address.as_str().to_owned();
        let asks = self.asks.clone();
        tokio::spawn(async move {
            let looked = tokio::time::timeout(limits::HANDSHAKE, tokio::net::lookup_host(address));
            let found = match looked.await {
                Ok(Ok(found)) => Ok(found.take(8).collect()),
                Ok(Err(_)) => Err("its name is not known"),
                Err(_) => Err("nobody tells the number to its name"),
            };
            drop(asks.send(Asked::Found(node, found)));
        });
    }

    pub(super) fn found(&mut self, node: [u8; 8], found: Result<Vec<SocketAddr>, &'static str>) {
        let Some(dial) = self.dials.get_mut(&node) else { return };
        dial.looking = false;
        let addresses = match found {
            Ok(addresses) => addresses
                .into_iter()
                .flat_map(|at| quic::addresses(self.config.network.quic, at))
                .collect::<Vec<_>>(),
            Err(why) => return self.failed(node, State::Unreachable(why.into())),
        };
        self.dial(node, addresses);
    }

    pub(super) fn dial(&mut self, node: [u8; 8], addresses: Vec<Multiaddr>) {
        if self.links.contains_key(&node) {
            return;
        }
        let Some(member) = self.members.node(&node) else { return };
        // From a port of its own: two nodes that dial each other from the ports they listen on would open one
        // connection twice.
        let dial_it =
            DialOpts::peer_id(member.peer).addresses(addresses).allocate_new_port().build();
        let connection = dial_it.connection_id();
        match self.swarm.dial(dial_it) {
            Ok(()) => {
                if let Some(dial) = self.dials.get_mut(&node) {
                    dial.pending = Some(connection);
                }
                self.show(node, State::Dialling);
            }
            Err(error) => self.fail_with(node, &error),
        }
    }

    pub(super) fn not_reached(&mut self, connection: ConnectionId, error: &DialError) {
        let node = self.dials.iter().find(|(_, dial)| dial.pending == Some(connection));
        if let Some(node) = node.map(|(node, _)| *node) {
            self.fail_with(node, error);
        }
    }

    /// Waits before a peer is dialled from which a budget holds back what is not urgent, unless enough is left of it here: a
    /// greeting costs bytes too, and those go beyond the budget.
    pub(super) fn hold(&mut self, node: [u8; 8]) {
        let (day, _) = schedule::local(self.clock.now(), self.config.network.zone.0);
        let Some(dial) = self.dials.get_mut(&node) else { return };
        let budget = dial.peer.budget.map(|budget| budget.0);
        let scant = |budget| schedule::is_scant(self.board.left(&node, day, budget), budget);
        if budget.is_none_or(scant) {
            dial.next = dial.next.max(Instant::now() + limits::HELD);
        }
    }

    fn fail_with(&mut self, node: [u8; 8], error: &DialError) {
        self.failed(node, errors::state_of(error));
    }

    /// A peer that was dialled and answered has ceased to be a member meanwhile: it is tried again like any other, for it may
    /// become one.
    pub(super) fn turned_away(&mut self, node: [u8; 8]) {
        let standing = self.members.node(&node).map(|member| member.standing);
        self.failed(node, standing.map_or(State::NoCertificate, State::Refused));
    }

    /// Shows what became of a peer, and when it is tried again.
    pub(super) fn failed(&mut self, node: [u8; 8], state: State) {
        if let Some(dial) = self.dials.get_mut(&node) {
            dial.pending = None;
            let [chance] = random::<1>().unwrap_or([128]);
            let wait = schedule::wait(dial.failures, dial.peer.metered, chance);
            let every = dial.peer.every.filter(|_| state == State::Met);
            dial.next = Instant::now() + every.map_or(wait, |every| every.0.max(wait));
            dial.failures = dial.failures.saturating_add(1);
        }
        // Of a link that stands, what became of another is not told.
        if !self.links.contains_key(&node) {
            self.show(node, state);
        }
    }
}
