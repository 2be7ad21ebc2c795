//! Links over QUIC beside those over TCP, where the configuration asks for them and the program was built with them. Who is
//! at the other end is known from its certificate of TLS, which its transport key has signed; the federation, which a link
//! over TCP knows from its handshake, is told by the first frame.

use std::net::SocketAddr;

use libp2p_core::Multiaddr;
use libp2p_core::multiaddr::Protocol;
use libp2p_core::muxing::StreamMuxerBox;
use libp2p_core::transport::Boxed;
use libp2p_identity::{Keypair, PeerId};

use super::NetFault;

/// What carries links.
pub(super) type Carrier = Boxed<(PeerId, StreamMuxerBox)>;

/// The same carrier with QUIC beside it, where it is asked for.
#[cfg(feature = "quic")]
pub(super) fn beside(asked: bool, key: &Keypair, tcp: Carrier) -> Result<Carrier, NetFault> {
    use libp2p_core::Transport;
    use libp2p_core::transport::OrTransport;

    if !asked {
        return Ok(tcp);
    }
    let mut config = libp2p_quic::Config::new(key);
    config.handshake_timeout = super::limits::HANDSHAKE;
    config.max_concurrent_stream_limit = super::limits::STREAMS as u32;
    let quic = libp2p_quic::tokio::Transport::new(config);
    let quic = quic.map(|(peer, link), _| (peer, StreamMuxerBox::new(link)));
    Ok(OrTransport::new(quic, tcp).map(|link, _| link.into_inner()).boxed())
}

/// The same carrier: in this build there is no other.
#[cfg(not(feature = "quic"))]
pub(super) fn beside(asked: bool, _: &Keypair, tcp: Carrier) -> Result<Carrier, NetFault> {
    if asked {
        return Err(NetFault::Quic("this program was built without it (feature `quic`)".into()));
    }
    Ok(tcp)
}

/// Where a node is reached: by TCP, and at the same port by QUIC where that is asked for.
pub(super) fn addresses(quic: bool, at: SocketAddr) -> impl Iterator<Item = Multiaddr> {
    let by = |port| Multiaddr::from(at.ip()).with(port);
    let udp = quic.then(|| by(Protocol::Udp(at.port())).with(Protocol::QuicV1));
    std::iter::once(by(Protocol::Tcp(at.port()))).chain(udp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_two_where_both_are_asked_for() {
        let at = |quic| {
            let all = addresses(quic, "[fe80::1]:4410".parse().expect("an address"));
            all.map(|address| address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(at(false), ["/ip6/fe80::1/tcp/4410"]);
        assert_eq!(at(true), ["/ip6/fe80::1/tcp/4410", "/ip6/fe80::1/udp/4410/quic-v1"]);
    }

    /// Two ends of one link over UDP know each other's keys.
    #[cfg(feature = "quic")]
    #[test]
    fn both_ends_of_a_link_over_quic_know_who_is_there() {
        use futures::StreamExt;
        use libp2p_core::transport::dummy::DummyTransport;
        use libp2p_core::transport::{DialOpts, ListenerId, PortUse, TransportEvent};
        use libp2p_core::{Endpoint, Transport};

        let keys =
            [7u8, 9].map(|seed| super::super::identity::keypair(&[seed; 32]).expect("a key"));
        let [mut one, mut two] = [&keys[0], &keys[1]].map(|key| {
            let none = DummyTransport::<(PeerId, StreamMuxerBox)>::new().boxed();
            beside(true, key, none).expect("QUIC")
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let here = addresses(true, "127.0.0.1:0".parse().expect("an address")).nth(1);
            one.listen_on(ListenerId::next(), here.expect("by UDP")).expect("listens");
            let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
            let (come, mut came) = tokio::sync::mpsc::unbounded_channel();
            tokio::spawn(async move {
                loop {
                    match one.select_next_some().await {
                        TransportEvent::NewAddress { listen_addr, .. } => {
                            tell.send(listen_addr).expect("somebody waits");
                        }
                        TransportEvent::Incoming { upgrade, .. } => {
                            come.send(upgrade).expect("somebody waits");
                        }
                        _ => {}
                    }
                }
            });
            let at = told.recv().await.expect("where it listens");
            let how = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
            let dialled = two.dial(at, how).expect("dials");
            let taken = async { came.recv().await.expect("it comes").await };
            let (there, here) = futures::future::join(dialled, taken).await;
            assert_eq!(there.expect("a link").0, keys[0].public().to_peer_id());
            assert_eq!(here.expect("a link").0, keys[1].public().to_peer_id());
        });
    }
}
