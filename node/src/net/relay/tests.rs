use super::*;

fn peer(seed: u8) -> PeerId {
    super::super::identity::keypair(&[seed; 32]).expect("a key").public().to_peer_id()
}

#[test]
fn an_address_through_another_names_both_and_the_way_once() {
    let (relay, node) = (peer(1), peer(2));
    let at: Multiaddr = "/ip4/10.0.0.7/tcp/4410".parse().expect("an address");
    let place = address(&at, relay, None);
    assert_eq!(place.to_string(), format!("/ip4/10.0.0.7/tcp/4410/p2p/{relay}/p2p-circuit"));
    let whole = address(&at.clone().with(Protocol::P2p(relay)), relay, Some(node));
    let same = format!("/ip4/10.0.0.7/tcp/4410/p2p/{relay}/p2p-circuit/p2p/{node}");
    assert_eq!(whole.to_string(), same);
    assert!(is_through(&place) && is_through(&whole) && !is_through(&at));
}

#[cfg(not(feature = "relay"))]
#[test]
fn a_program_built_without_it_says_so() {
    let mut config = Config::default();
    config.network.relay = true;
    let keys = super::super::identity::keypair(&[7; 32]).expect("a key");
    let noise = Noise::new(&keys).expect("a handshake");
    use libp2p_core::Transport;
    let none = libp2p_core::transport::dummy::DummyTransport::<(PeerId, _)>::new().boxed();
    let beside = beside(&config, peer(7), (noise, Yamux::default()), none);
    let told = beside.err().expect("refused").to_string();
    assert!(told.contains("feature `relay`") && told.contains("Remove `relay`"), "{told}");
}

#[cfg(feature = "relay")]
mod real {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
    use std::time::{Duration, Instant};

    use annona_ledger::sync::session::Figures;
    use annona_ledger::sync::talk::Why;
    use annona_ledger::time::Minute;

    use super::super::super::members::{Member, Members};
    use super::super::super::{Board, Means, Meet, Net, Room, Talk};
    use crate::bundle::tests::world::{World, clock, short};
    use crate::config::{Config, Log, NodeName, Peer};
    use crate::keystore::{Name, Secret};
    use crate::member::Between;
    use crate::node::Node;

    /// Who heard what from whom.
    type Heard = ([u8; 8], [u8; 8], Vec<u8>);

    /// Says one thing and tells what it hears.
    struct Greets {
        own: [u8; 8],
        with: [u8; 8],
        says: Option<Vec<u8>>,
        heard: Sender<Heard>,
        over: Option<Why>,
    }

    impl Talk for Greets {
        fn outgoing(&mut self) -> Option<Vec<u8>> {
            self.says.take()
        }
        fn incoming(&mut self, bytes: &[u8]) {
            drop(self.heard.send((self.own, self.with, bytes.to_vec())));
        }
        fn end(&mut self, why: Why) {
            self.over = Some(why);
        }
        fn over(&self) -> Option<Why> {
            self.over
        }
        fn open(&self) -> bool {
            true
        }
        fn owed(&self) -> bool {
            false
        }
        fn brought(&self) -> u64 {
            0
        }
        fn figures(&self) -> Figures {
            Figures::default()
        }
    }

    struct Greeting {
        own: [u8; 8],
        heard: Sender<Heard>,
    }

    impl Meet for Greeting {
        fn open(&self, with: &Member, _: &Room) -> Result<Box<dyn Talk>, String> {
            let says = Some(self.own.to_vec());
            let (own, with, heard) = (self.own, with.node, self.heard.clone());
            Ok(Box::new(Greets { own, with, says, heard, over: None }))
        }
    }

    fn start(node: &Node, config: Config, heard: &Sender<Heard>) -> (Net, Arc<Board>) {
        let now = Between::of(Minute(50), Minute(50), None);
        let members =
            Members::of(node.store(), &node.public(), now, &BTreeSet::new()).expect("members");
        let board = Arc::<Board>::default();
        let means = Means {
            members: Arc::new(members),
            meet: Arc::new(Greeting { own: short(node), heard: heard.clone() }),
            board: board.clone(),
            log: crate::log::Log::stderr(Log::default(), clock(50)),
            clock: clock(50),
        };
        let seed = node.keys().get(Name::NodeTransport).and_then(Secret::as_seed).expect("a key");
        let federation = node.federation().expect("a federation");
        (Net::start(config, seed, federation, means).expect("starts"), board)
    }

    fn listening(board: &Board) -> SocketAddr {
        let began = Instant::now();
        loop {
            if let Some(at) = board.listening().first() {
                return *at;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "it listens nowhere");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until each of these heard the other.
    fn until(heard: &Receiver<Heard>, mut wanted: BTreeSet<([u8; 8], [u8; 8])>) {
        while !wanted.is_empty() {
            match heard.recv_timeout(Duration::from_secs(120)) {
                Ok((own, with, bytes)) => {
                    assert_eq!(bytes, with, "who speaks is who the handshake says");
                    wanted.remove(&(own, with));
                }
                Err(RecvTimeoutError::Timeout) => panic!("not heard of each other: {wanted:?}"),
                Err(RecvTimeoutError::Disconnected) => panic!("all ended"),
            }
        }
    }

    fn dials(peers: Vec<Peer>) -> Config {
        let mut config = Config { peer: peers, ..Config::default() };
        config.network.listen = Vec::new();
        config
    }

    /// Neither listens anywhere; each reaches the third, and through it each other. Once the third is gone and back, so are
    /// they.
    #[test]
    fn two_that_cannot_reach_each_other_meet_through_a_third() {
        let world = World::new();
        let (a, b, t) = (short(&world.a), short(&world.b), short(&world.t));
        let (tell, heard) = channel();
        let mut config = Config::default();
        config.network.listen = vec![([127, 0, 0, 1], 0).into()];
        config.network.relay = true;
        let (relay, board) = start(&world.t, config.clone(), &tell);
        let at = listening(&board);
        let place = Peer { relay: true, ..Peer::at(NodeName(t), at) };
        let (_one, _) = start(&world.a, dials(vec![place]), &tell);
        let via = Peer { address: None, via: Some(NodeName(t)), ..Peer::at(NodeName(a), at) };
        let (_two, two) = start(&world.b, dials(vec![Peer::at(NodeName(t), at), via]), &tell);
        let all = BTreeSet::from([(a, t), (t, a), (b, t), (t, b), (a, b), (b, a)]);
        until(&heard, all.clone());
        assert!(two.listening().is_empty(), "it is reached nowhere");
        drop(relay);
        config.network.listen = vec![at];
        while heard.try_recv().is_ok() {}
        let (_relay, _) = start(&world.t, config, &tell);
        until(&heard, all);
    }
}
