//! What is said over links: meetings of [`crate::sync`] at one desk.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annona_ledger::sync::session::Figures;
use annona_ledger::sync::talk::{Slice, Why};
use annona_ledger::wire::Bounded;

use crate::config::{Begin, Ledger};
use crate::log::Log;
use crate::net::members::Member;
use crate::net::{self, Meet, Talk, hex, limits};
use crate::node::NodeFault;
use crate::sync::{Bounds, Desk, Fault, Meeting, Room, Stage};
use crate::taking::Shown;
use crate::writer::Asking;

/// How lately open tails were sealed, that a meeting that begins does not seal them anew (spec/feed-and-block.md).
const SEALED: Duration = Duration::from_secs(30);
/// The same on a metered link.
const SEALED_METERED: Duration = Duration::from_secs(600);
/// How long a peer is not asked again that has no checkpoint to begin from.
const AGAIN: Duration = Duration::from_secs(60);

/// The desk of a node, for its network.
///
/// # Errors
///
/// [`NodeFault::Stopped`].
pub fn meet(asking: &Asking, ledger: &Ledger, log: &Log) -> Result<Arc<dyn Meet>, NodeFault> {
    let desk = Desk::new(asking)?;
    let slice = if ledger.only.is_empty() {
        Slice::Whole
    } else {
        let mut nodes: Vec<[u8; 8]> = ledger.only.iter().map(|node| node.0).collect();
        nodes.push(desk.node());
        nodes.sort_unstable();
        nodes.dedup();
        Slice::Nodes(Bounded::new(nodes).map_err(|why| NodeFault::Refused(why.to_string()))?)
    };
    let begin = (ledger.begin == Begin::Checkpoint).then(Arc::<Looked>::default);
    Ok(Arc::new(At { desk, slice, begin, log: log.clone() }))
}

/// What all meetings of a node that begins know.
#[derive(Default)]
struct Looked {
    /// Who had no checkpoint to begin from, and when that was.
    without: Mutex<BTreeMap<[u8; 8], Instant>>,
    /// Whether one was found.
    begun: AtomicBool,
}

struct At {
    desk: Desk,
    slice: Slice,
    /// Where this node begins from a checkpoint as long as it holds nothing.
    begin: Option<Arc<Looked>>,
    log: Log,
}

impl Meet for At {
    fn open(&self, with: &Member, room: &net::Room) -> Result<Box<dyn Talk>, String> {
        let mut bounds =
            Bounds { quota: limits::FEED_QUOTA, slice: self.slice.clone(), ..Bounds::default() };
        bounds.sealed = if room.metered { SEALED_METERED } else { SEALED };
        if let Some(bytes) = room.budget {
            (bounds.budget, bounds.spend) = (bytes, bytes);
        }
        let looked = match &self.begin {
            Some(looked) if self.desk.holds_nothing().map_err(|why| why.to_string())? => {
                bounds.slice = Slice::State;
                Some(looked.clone())
            }
            _ => None,
        };
        let meeting =
            Meeting::open(&self.desk, &with.key, bounds).map_err(|why| why.to_string())?;
        let beginning = looked.map(|looked| Beginning {
            looked,
            with: with.node,
            said: false,
            log: self.log.clone(),
        });
        let talking = Talking {
            meeting,
            beginning,
            over: None,
            fault: None,
            mute: false,
            told: Told::default(),
            peer: with.node,
            log: self.log.clone(),
        };
        Ok(Box::new(talking))
    }
}

/// A meeting for the rows of a checkpoint: it makes place for one about everything, or for another one like it.
struct Beginning {
    looked: Arc<Looked>,
    with: [u8; 8],
    said: bool,
    log: Log,
}

impl Beginning {
    /// Whether the meeting is to end.
    fn is_over(&mut self, meeting: &Meeting) -> bool {
        if self.looked.begun.load(Ordering::SeqCst) {
            return true;
        }
        let mut without = self.looked.without.lock().unwrap_or_else(PoisonError::into_inner);
        let tried = without.get(&self.with).copied();
        let waits = |at: Instant| at.elapsed() < AGAIN;
        match meeting.stage() {
            Some(Stage::Begun) => {
                let rows = meeting.taken().rows;
                self.looked.begun.store(true, Ordering::SeqCst);
                self.log.info("begun", &[("peer", &hex(&self.with)), ("rows", &rows)]);
                true
            }
            Some(Stage::Without) if !std::mem::replace(&mut self.said, true) => {
                // Where rows came and do not come to what was signed, nothing of them was kept.
                let why = meeting.taken().refused.last().map(ToString::to_string);
                let why = why.unwrap_or_else(|| "no quorum vouches for one there".into());
                self.log.warn("no_checkpoint", &[("peer", &hex(&self.with)), ("why", &why)]);
                without.insert(self.with, Instant::now());
                false
            }
            Some(Stage::Without) => !tried.is_some_and(waits),
            // Its turn has come, or there is nothing to wait for.
            Some(Stage::Elsewhere) => meeting.may_begin() && !tried.is_some_and(waits),
            Some(Stage::Asking) | None => false,
        }
    }
}

struct Talking {
    meeting: Meeting,
    beginning: Option<Beginning>,
    /// Why this side ended it.
    over: Option<Why>,
    /// The fault of this node that did, in words; and whether not even its last word could be made.
    fault: Option<String>,
    mute: bool,
    /// What was told of what the meeting found.
    told: Told,
    peer: [u8; 8],
    log: Log,
}

/// What was told.
#[derive(Default)]
struct Told {
    forks: BTreeSet<Shown>,
    own: usize,
    refused: usize,
    damage: BTreeSet<String>,
    charter: bool,
    room: bool,
    letters: usize,
}

/// Things that were refused and are told of one link.
const REFUSED: usize = 16;

impl Talking {
    /// Tells people what was found since this was last asked: the ledger heeds it by itself, and nobody else would look.
    fn tell(&mut self) {
        let (taken, told) = (self.meeting.taken(), &mut self.told);
        let peer = hex(&self.peer);
        for shown in taken.forks.iter().filter(|shown| told.forks.insert(**shown)) {
            let feed = shown.feed.short();
            let fields: [(&str, &dyn Display); 3] =
                [("peer", &peer), ("feed", &feed), ("entry", &shown.index)];
            self.log.warn("feed_forked", &fields);
        }
        if let Some(epoch) = taken.charter_forked.filter(|_| !told.charter) {
            told.charter = true;
            self.log.error("charter_forked", &[("peer", &peer), ("epoch", &epoch)]);
        }
        for ahead in taken.own_ahead.iter().skip(told.own) {
            let feed = ahead.feed.short();
            let fields: [(&str, &dyn Display); 5] = [
                ("peer", &peer),
                ("feed", &feed),
                ("theirs", &ahead.theirs),
                ("here", &ahead.have),
                ("proven", &ahead.proven),
            ];
            if ahead.proven {
                self.log.error("signs_no_more", &fields);
            } else {
                self.log.warn("own_feed_ahead", &fields);
            }
        }
        told.own = taken.own_ahead.len();
        for why in taken.refused.iter().take(REFUSED).skip(told.refused) {
            self.log.warn("refused_from", &[("peer", &peer), ("why", why)]);
        }
        told.refused = taken.refused.len().min(REFUSED);
        if taken.letters.len() > told.letters {
            told.letters = taken.letters.len();
            self.log.info("letter", &[("peer", &peer), ("next", &"annona letter list")]);
        }
        for place in self.meeting.damage() {
            if told.damage.insert(place.clone()) {
                let next = "annona doctor --full";
                self.log.error("damaged", &[("place", place), ("next", &next)]);
            }
        }
        let little = self.meeting.room() != Room::Plenty;
        if std::mem::replace(&mut told.room, little) != little && little {
            self.log.error("little_room", &[("peer", &peer)]);
        }
    }

    fn broke(&mut self, fault: &Fault) {
        let why = match fault {
            Fault::Breach(breach) => Why::Breach(breach.number()),
            fault => {
                self.fault.get_or_insert_with(|| fault.to_string());
                Why::Stopping
            }
        };
        self.over = self.over.or(Some(why));
    }
}

impl Talk for Talking {
    fn outgoing(&mut self) -> Option<Vec<u8>> {
        if self.beginning.as_mut().is_some_and(|beginning| beginning.is_over(&self.meeting)) {
            self.meeting.end(Why::Stopping);
        }
        let said = self.meeting.outgoing();
        self.tell();
        match said {
            Ok(bytes) => bytes,
            Err(fault) => {
                self.broke(&fault);
                // Its last word, if there is one.
                let last = self.meeting.outgoing();
                self.mute = last.is_err();
                last.ok().flatten()
            }
        }
    }

    fn incoming(&mut self, bytes: &[u8]) {
        if let Err(fault) = self.meeting.incoming(bytes) {
            self.broke(&fault);
            self.meeting.end(Why::Stopping);
        }
    }

    fn end(&mut self, why: Why) {
        self.over = self.over.or(Some(why));
        self.meeting.end(why);
    }

    fn over(&self) -> Option<Why> {
        let why = self.meeting.ended().or(self.over).unwrap_or(Why::Done);
        (self.mute || self.meeting.is_over()).then_some(why)
    }

    fn open(&self) -> bool {
        self.meeting.is_open()
    }

    fn owed(&self) -> bool {
        // What this side has no room for it is not waiting for.
        self.meeting.wants() > 0 && self.meeting.room() == Room::Plenty
    }

    fn withheld(&self) -> bool {
        self.meeting.is_withheld()
    }

    fn brought(&self) -> u64 {
        self.meeting.brought()
    }

    fn patience(&self) -> Option<Duration> {
        self.meeting.patience()
    }

    fn fault(&self) -> Option<String> {
        self.fault.clone()
    }

    fn figures(&self) -> Figures {
        self.meeting.figures()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::bundle::tests::world::{self, FOOD, World};
    use crate::clock::Clock;
    use crate::config::Config;
    use crate::net::members::Members;
    use crate::writer::Writer;

    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("whole").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_link_finds_is_told_to_people() {
        let mut w = World::new();
        world::enrol_blocks(&mut w.a, FOOD, 2);
        let (a, b) = (world::short(&w.a), world::short(&w.b));
        w.a.store().conn().execute("UPDATE block SET body=x'00' WHERE seq=1", []).expect("changed");
        let members = |node: &crate::node::Node| {
            let between = node.between().expect("a look");
            Members::of(node.store(), &node.public(), between, &BTreeSet::new()).expect("a look")
        };
        let (to_b, to_a) = (members(&w.a), members(&w.b));
        let said = Arc::new(Mutex::new(Vec::new()));
        let config = Config::default();
        let log = Log::to(config.log, Clock::system(), Arc::new(Mutex::new(Lines(said.clone()))));
        let World { dir: _dir, a: one, b: other, .. } = w;
        let (one, other) = (Writer::start(one), Writer::start(other));
        let (one, other) = (one.expect("a thread"), other.expect("a thread"));
        let ledger = Ledger::default();
        let at_a = meet(&one.asking(), &ledger, &log).expect("runs");
        let at_b = meet(&other.asking(), &ledger, &log).expect("runs");
        let room = net::Room { budget: None, metered: false, brief: false };
        let mut here = at_a.open(to_b.node(&b).expect("certified"), &room).expect("members");
        let mut there = at_b.open(to_a.node(&a).expect("certified"), &room).expect("members");
        loop {
            let mut quiet = true;
            while let Some(bytes) = here.outgoing() {
                there.incoming(&bytes);
                quiet = false;
            }
            while let Some(bytes) = there.outgoing() {
                here.incoming(&bytes);
                quiet = false;
            }
            if quiet {
                break;
            }
        }
        assert_eq!((here.over(), here.fault()), (None, None), "nothing ends for it");
        let lines = String::from_utf8(said.lock().expect("whole").clone()).expect("text");
        assert!(lines.contains("error damaged place="), "{lines}");
        assert_eq!(lines.matches("damaged").count(), 1, "once: {lines}");
        // A fault of this node is told in words.
        drop((here, there));
        one.stop().expect("a clean stop");
        let fault = at_a.open(to_b.node(&b).expect("certified"), &room).map(drop);
        assert!(!fault.expect_err("it has stopped").is_empty());
    }
}
