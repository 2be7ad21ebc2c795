//! Links through a member in between, for two that cannot reach each other: where the configuration asks for it and the
//! program was built with it. Whoever passes a link on sees who meets whom, when, and how much: the handshake inside is the
//! one that every link has, and what is said is read by its two ends alone.

use libp2p_core::Multiaddr;
use libp2p_core::multiaddr::Protocol;
use libp2p_identity::PeerId;
use libp2p_noise::Config as Noise;
use libp2p_yamux::Config as Yamux;

use super::NetFault;
use super::quic::Carrier;
use crate::config::Config;

/// What passes links on, and what is reached through others.
#[cfg(feature = "relay")]
#[derive(libp2p_swarm::NetworkBehaviour)]
#[behaviour(prelude = "libp2p_swarm::derive_prelude")]
pub(super) struct Relays {
    passes: libp2p_swarm::behaviour::toggle::Toggle<libp2p_relay::Behaviour>,
    through: libp2p_swarm::behaviour::toggle::Toggle<libp2p_relay::client::Behaviour>,
}
/// What passes links on: nothing, in this build.
#[cfg(not(feature = "relay"))]
pub(super) type Relays = libp2p_swarm::dummy::Behaviour;

/// Whether this node has to do with links that are passed on.
pub(super) fn asked(config: &Config) -> bool {
    config.network.relay || goes_through(config)
}

/// Whether it is reached, or reaches anybody, through another.
fn goes_through(config: &Config) -> bool {
    config.peer.iter().any(|peer| peer.relay || peer.via.is_some())
}

/// The same carrier with links through others beside it, where that is asked for.
#[cfg(feature = "relay")]
#[expect(clippy::unnecessary_wraps, reason = "as in a build without it")]
pub(super) fn beside(
    config: &Config,
    own: PeerId,
    (noise, yamux): (Noise, Yamux),
    direct: Carrier,
) -> Result<(Carrier, Relays), NetFault> {
    use libp2p_core::muxing::StreamMuxerBox;
    use libp2p_core::transport::OrTransport;
    use libp2p_core::{Transport, upgrade};

    use super::limits;

    let passes = config.network.relay.then(|| {
        let most = config.network.links as usize;
        let how = libp2p_relay::Config {
            max_reservations: most,
            max_reservations_per_peer: limits::LINKS_PEER as usize,
            max_circuits: most,
            max_circuits_per_peer: limits::CIRCUITS_PEER,
            max_circuit_duration: limits::CIRCUIT,
            // No bound: who asks is a member, and nothing of it is kept here.
            max_circuit_bytes: 0,
            ..libp2p_relay::Config::default()
        };
        libp2p_relay::Behaviour::new(own, how)
    });
    if !goes_through(config) {
        return Ok((direct, Relays { passes: passes.into(), through: None.into() }));
    }
    let (through, client) = libp2p_relay::client::new(own);
    let through = through
        .upgrade(upgrade::Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux)
        .timeout(limits::HANDSHAKE)
        .map(|(peer, link), _| (peer, StreamMuxerBox::new(link)));
    // First: TCP would dial the relay and take it for the peer.
    let both = OrTransport::new(through, direct).map(|link, _| link.into_inner()).boxed();
    Ok((both, Relays { passes: passes.into(), through: Some(client).into() }))
}

/// The same carrier: in this build there is no other.
#[cfg(not(feature = "relay"))]
pub(super) fn beside(
    config: &Config,
    _: PeerId,
    _: (Noise, Yamux),
    direct: Carrier,
) -> Result<(Carrier, Relays), NetFault> {
    if asked(config) {
        return Err(NetFault::Relay("this program was built without it (feature `relay`)".into()));
    }
    Ok((direct, libp2p_swarm::dummy::Behaviour))
}

/// Where a node is reached through the relay at an address; without a node, where this one is.
pub(super) fn address(at: &Multiaddr, relay: PeerId, node: Option<PeerId>) -> Multiaddr {
    let direct = at.iter().filter(|part| !matches!(part, Protocol::P2p(_)));
    let mut through: Multiaddr = direct.collect();
    through.push(Protocol::P2p(relay));
    through.push(Protocol::P2pCircuit);
    node.into_iter().for_each(|node| through.push(Protocol::P2p(node)));
    through
}

/// Whether a link at this address goes through another node.
pub(super) fn is_through(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

#[cfg(test)]
mod tests;
