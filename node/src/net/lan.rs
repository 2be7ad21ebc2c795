//! Finding members on the local network by mDNS, where the configuration asks for it and the program was built with it: it
//! tells everybody on that network that a node is here, and which.

use std::net::SocketAddr;

use libp2p_core::Multiaddr;
use libp2p_identity::PeerId;

use super::NetFault;
use super::streams::socket_of;

/// What listens and calls.
#[cfg(feature = "mdns")]
pub(super) type Lan = libp2p_swarm::behaviour::toggle::Toggle<libp2p_mdns::tokio::Behaviour>;
/// What listens and calls: nothing, in this build.
#[cfg(not(feature = "mdns"))]
pub(super) type Lan = libp2p_swarm::dummy::Behaviour;

/// What it tells.
pub(super) type Told = <Lan as libp2p_swarm::NetworkBehaviour>::ToSwarm;

/// Begins, where it is asked for.
#[cfg(feature = "mdns")]
pub(super) fn begin(asked: bool, own: PeerId) -> Result<Lan, NetFault> {
    let begin = || libp2p_mdns::tokio::Behaviour::new(libp2p_mdns::Config::default(), own);
    let lan = asked.then(begin).transpose().map_err(|why| NetFault::Lan(why.to_string()))?;
    Ok(lan.into())
}

/// Begins, where it is asked for: in this build it cannot.
#[cfg(not(feature = "mdns"))]
pub(super) fn begin(asked: bool, _: PeerId) -> Result<Lan, NetFault> {
    if asked {
        return Err(NetFault::Lan("this program was built without it (feature `mdns`)".into()));
    }
    Ok(libp2p_swarm::dummy::Behaviour)
}

/// Who was found, and where.
#[cfg(feature = "mdns")]
pub(super) fn found(told: Told) -> Vec<(PeerId, SocketAddr)> {
    match told {
        libp2p_mdns::Event::Discovered(found) => at(found),
        // Who is no longer heard of is dialled where it was: the link tells whether it is there.
        libp2p_mdns::Event::Expired(_) => Vec::new(),
    }
}

/// Who was found: nobody, in this build.
#[cfg(not(feature = "mdns"))]
pub(super) fn found(told: Told) -> Vec<(PeerId, SocketAddr)> {
    match told {}
}

/// The addresses that can be dialled.
#[cfg_attr(not(feature = "mdns"), allow(dead_code, reason = "nobody is found in this build"))]
fn at(found: Vec<(PeerId, Multiaddr)>) -> Vec<(PeerId, SocketAddr)> {
    let at = |(peer, address): (PeerId, Multiaddr)| Some((peer, socket_of(&address)?));
    found.into_iter().filter_map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_dialled_is_found() {
        let peer = super::super::identity::keypair(&[7; 32]).expect("a key").public().to_peer_id();
        let all =
            ["/ip4/10.0.0.7/tcp/4410", "/ip6/fe80::1/tcp/1", "/ip4/10.0.0.7/udp/9", "/dns/a/tcp/1"];
        let all = all.map(|text| (peer, text.parse().expect("an address"))).to_vec();
        let found: Vec<String> = at(all).iter().map(|(_, at)| at.to_string()).collect();
        assert_eq!(found, ["10.0.0.7:4410", "[fe80::1]:1"]);
    }
}
