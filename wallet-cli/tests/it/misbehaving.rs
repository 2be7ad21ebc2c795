//! Members that break the rules of links: each has a certificate, a key and a handshake like anybody else's.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use annona_ledger::sync::session::Figures;
use annona_ledger::sync::talk::Why;
use annona_node::clock::Clock;
use annona_node::config::{Config, NodeName, Peer};
use annona_node::keystore::{Name, Secret};
use annona_node::log::Log;
use annona_node::net::members::{Member, Members};
use annona_node::net::{Board, Means, Meet, Net, Room, Talk};
use serde_json::json;

use crate::camp::Camp;
use crate::counter::counter;
use crate::running::{Node, admit, entries, name, port, until};

/// What a member says in place of frames.
#[derive(Clone)]
struct Says {
    bytes: Vec<u8>,
    /// Whether it says so again and again.
    without_end: bool,
}

struct Saying {
    says: Says,
    said: bool,
    over: Option<Why>,
}

impl Talk for Saying {
    fn outgoing(&mut self) -> Option<Vec<u8>> {
        let more = self.says.without_end || !std::mem::replace(&mut self.said, true);
        more.then(|| self.says.bytes.clone())
    }

    fn incoming(&mut self, _: &[u8]) {}

    fn end(&mut self, why: Why) {
        self.over = Some(why);
    }

    fn over(&self) -> Option<Why> {
        self.over
    }

    fn open(&self) -> bool {
        // It stays, whatever is not said to it.
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

impl Meet for Says {
    fn open(&self, _: &Member, _: &Room) -> Result<Box<dyn Talk>, String> {
        Ok(Box::new(Saying { says: self.clone(), said: false, over: None }))
    }
}

/// Lets a node of the camp dial the treasury, so many times over, and say this.
fn joins(camp: &Camp, dir: &str, times: u8, treasury: (&str, u16), says: &Says) -> Vec<Net> {
    let node = camp.node(dir);
    let now = node.between().expect("a time");
    let members = Members::of(node.store(), &node.public(), now, &BTreeSet::new());
    let members = Arc::new(members.expect("members"));
    let seed = node.keys().get(Name::NodeTransport).and_then(Secret::as_seed).expect("a key");
    let federation = node.federation().expect("a federation");
    let own = u64::from_str_radix(treasury.0, 16).expect("sixteen digits").to_be_bytes();
    let mut config = Config::default();
    config.network.listen = Vec::new();
    config.peer = vec![Peer::at(NodeName(own), ([127, 0, 0, 1], treasury.1).into())];
    let start = |_: u8| {
        let clock = Clock::system();
        let means = Means {
            members: members.clone(),
            meet: Arc::new(says.clone()),
            board: Arc::<Board>::default(),
            log: Log::to(config.log, clock, Arc::new(Mutex::new(std::io::sink()))),
            clock,
        };
        Net::start(config.clone(), seed, federation, means).expect("starts")
    };
    let nets = (0..times).map(start).collect();
    node.close().expect("closed");
    nets
}

#[test]
fn s47_members_that_stall_or_talk_nonsense_lose_their_links_and_others_meet() {
    let camp = counter();
    let known = "treasury.annona lake.annona hill.annona cycle.annona";
    for dir in ["mill", "quarry"] {
        admit(&camp, dir, (2, "city"), known);
    }
    let [a, b] = [port(), port()];
    let own = name(&camp, "treasury");
    let [hill, mill, quarry, lake] = ["hill", "mill", "quarry", "lake"].map(|dir| name(&camp, dir));
    let treasury = Node::start(&camp, "treasury", a, &[]);
    let says = |bytes: &[u8], without_end| Says { bytes: bytes.to_vec(), without_end };
    let begun = treasury.memory();
    // No frame at all, without end; a frame of which the rest never comes; and not a word.
    // The first dials three times over, and again at once. Of the others each once: a newer link takes the older one's place,
    // and a link that is always replaced stalls nobody.
    let mut bad = joins(&camp, "hill", 3, (&own, a), &says(&[0xff; 16 * 1024], true));
    bad.extend(joins(&camp, "mill", 1, (&own, a), &says(&[0, 0, 0, 40, 1, 2, 3], false)));
    bad.extend(joins(&camp, "quarry", 1, (&own, a), &says(&[], false)));
    // How a link ended is in the log: the page may show the next one.
    let ended = |node: &str, how: &str| {
        let line = format!(" link_ended peer={node} state={how}");
        until(&line, || camp.told("treasury.log").lines().any(|l| l.contains(&line)));
    };
    ended(&hill, "breach");
    // Beside them an honest one is met, and heard.
    let honest = Node::start(&camp, "lake", b, &[(&own, a)]);
    treasury.comes_to(&camp, &lake, "meeting");
    camp.run("pay charge --family 1 --item Rice=1").fine();
    let same = || entries(&camp, "treasury") == entries(&camp, "lake");
    until("the treasury hears of the ration", same);
    ended(&mill, "stalled");
    ended(&quarry, "stalled");
    let row = treasury.peer(&camp, &lake);
    assert_eq!(row["state"], json!("meeting"), "{row}");
    let memory = treasury.memory();
    assert!(memory < 128 << 20, "{} MiB, {} before", memory >> 20, begun >> 20);
    drop(bad);
    camp.run("pay charge --family 1 --item Rice=1").fine();
    until("the treasury hears of the next one", same);
    assert_eq!([honest.stop(), treasury.stop()], [Some(0); 2]);
}
