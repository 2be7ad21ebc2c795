mod ends;
mod meet;
mod own;

use std::path::{Path, PathBuf};

use annona_ledger::hash::Hash;
use annona_ledger::key::PublicKey;
use annona_ledger::sync::frame::{Frame, PREFIX, length};

use super::{Bounds, Desk, Fault, Meeting, Taken};
use crate::bundle::tests::world::{self, World};
use crate::node::Node;
use crate::writer::Writer;

/// A node with its writer.
struct Site {
    writer: Option<Writer>,
    desk: Desk,
    key: PublicKey,
    name: &'static str,
    dir: PathBuf,
}

impl Site {
    fn new(node: Node, name: &'static str, dir: &Path) -> Self {
        let key = node.public();
        let writer = Writer::start(node).expect("a thread");
        let desk = Desk::new(&writer.asking()).expect("a running writer");
        Self { writer: Some(writer), desk, key, name, dir: dir.to_owned() }
    }

    fn with<T: Send + 'static>(&self, act: impl FnOnce(&mut Node) -> T + Send + 'static) -> T {
        let asking = self.writer.as_ref().expect("running").asking();
        asking.with(act).expect("running")
    }

    fn root(&self) -> Hash {
        self.with(|node| world::root(node))
    }

    fn short(&self) -> [u8; 8] {
        self.key.short()
    }

    /// Stops and opens the folder again.
    fn again(mut self) -> Self {
        self.writer.take().expect("running").stop().expect("a clean stop");
        Self::new(world::reopen(&self.dir, self.name), self.name, &self.dir)
    }

    fn meets(&self, other: &Self) -> Result<Meeting, Fault> {
        Meeting::open(&self.desk, &other.key, Bounds::default())
    }
}

/// A, B and T of the bundles' world, with the folder they lie in.
struct Three {
    a: Site,
    b: Site,
    t: Site,
    dir: tempfile::TempDir,
}

impl Three {
    fn of(world: World) -> Self {
        let World { dir, a, b, t, .. } = world;
        let path = dir.path().to_owned();
        let site = |node, name| Site::new(node, name, &path);
        Self { a: site(a, "a"), b: site(b, "b"), t: site(t, "t"), dir }
    }
}

/// A link of two meetings in one thread: what one hands out arrives at the other.
struct Wire {
    /// Bytes that still arrive before it is cut.
    left: usize,
    /// Bytes that arrived, by the side that sent them.
    bytes: [usize; 2],
    /// Frames that arrived whole, by the side that sent them.
    frames: [Vec<Frame>; 2],
    /// How often both sides waited for the other.
    rounds: usize,
}

impl Wire {
    fn new(left: usize) -> Self {
        Self { left, bytes: [0; 2], frames: [Vec::new(), Vec::new()], rounds: 0 }
    }

    /// Goes on until both have nothing to say, or it is cut. Says whether it is whole.
    fn run(&mut self, a: &mut Meeting, b: &mut Meeting) -> bool {
        loop {
            let before = self.bytes;
            if !self.round(a, b, usize::MAX) {
                return false;
            }
            if self.bytes == before {
                return true;
            }
            self.rounds += 1;
        }
    }

    /// Either side hands out what it has, once.
    fn step(&mut self, a: &mut Meeting, b: &mut Meeting) {
        self.round(a, b, 1);
    }

    /// Either side hands out what it has, so many times; says whether the link is whole.
    fn round(&mut self, a: &mut Meeting, b: &mut Meeting, times: usize) -> bool {
        for from in [0, 1] {
            for _ in 0..times {
                let (one, other) = if from == 0 { (&mut *a, &mut *b) } else { (&mut *b, &mut *a) };
                let Some(bytes) = one.outgoing().expect("the folder holds") else { break };
                let some = bytes.len().min(self.left);
                self.left -= some;
                self.bytes[from] += some;
                self.frames[from].extend(frames(&bytes[..some]));
                other.incoming(&bytes[..some]).expect("honest sides break no rule");
                if self.left == 0 {
                    return false;
                }
            }
        }
        true
    }
}

/// The whole frames among bytes that begin with one.
fn frames(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() {
        let len = length(*prefix).expect("a frame");
        let Some((body, rest)) = rest.split_at_checked(len) else { break };
        frames.push(Frame::decode(body).expect("a frame"));
        bytes = rest;
    }
    frames
}

/// Two sites meet until nothing is left to say.
fn meet(a: &Site, b: &Site) -> (Taken, Taken, Wire) {
    let (mut one, mut other) = (a.meets(b).expect("members"), b.meets(a).expect("members"));
    let mut wire = Wire::new(usize::MAX);
    assert!(wire.run(&mut one, &mut other));
    (one.close().expect("kept"), other.close().expect("kept"), wire)
}

/// A fault of the other side.
fn refused(meeting: Result<Meeting, Fault>) -> String {
    meeting.map(|_| ()).expect_err("nobody is met").to_string()
}
