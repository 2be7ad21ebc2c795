//! Two ends and the bytes between them. The link loses nothing and mixes nothing up, but it may be cut after any byte.

use std::collections::{BTreeSet, VecDeque};

use super::shelf::Shelf;
use crate::sync::frame::{Frame, PREFIX};
use crate::sync::index::Index;
use crate::sync::session::{Breach, Note, Session, Terms};
use crate::sync::split::Splitter;
use crate::sync::talk::Slice;

/// One end.
pub(super) struct End {
    pub(super) shelf: Shelf,
    pub(super) session: Session,
    pub(super) notes: Vec<Note>,
    /// Every frame this end was sent.
    pub(super) heard: Vec<Frame>,
    splitter: Splitter,
    /// What was written to it and has not arrived.
    wire: VecDeque<u8>,
}

/// Ordinary terms between two shelves.
pub(super) fn terms(mine: &Shelf, theirs: &Shelf, nonce: u8) -> Terms {
    Terms {
        federation: mine.federation(),
        node: mine.name,
        programmes: mine.programmes.clone(),
        slice: Slice::Whole,
        theirs: theirs.programmes.clone(),
        nonce: [nonce; 8],
        window: 64 * 1024,
        budget: u64::MAX,
        spend: u64::MAX,
        quota: u64::MAX,
    }
}

impl End {
    pub(super) fn new(shelf: Shelf, terms: Terms) -> Self {
        Self {
            shelf,
            session: Session::new(terms),
            notes: Vec::new(),
            heard: Vec::new(),
            splitter: Splitter::default(),
            wire: VecDeque::new(),
        }
    }

    /// Takes in bytes, keeping all they bring at once.
    pub(super) fn arrives(&mut self, mut bytes: &[u8]) -> Result<(), Breach> {
        while !bytes.is_empty() {
            if self.session.is_open() {
                self.splitter.widen();
            }
            let Some(frame) = self.splitter.take(&mut bytes).map_err(Breach::from)? else {
                continue;
            };
            self.heard.extend(Frame::decode(&frame));
            if let Some(given) = self.session.receive(&frame)? {
                self.shelf.keep(given);
            }
            self.notes.extend(self.session.notes());
        }
        Ok(())
    }

    /// Hands over one frame that the test made.
    pub(super) fn hears(&mut self, frame: &Frame) -> Result<(), Breach> {
        self.arrives(&frame.encode().expect("fits"))
    }

    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let bytes = self.session.next(&self.shelf as &dyn Index);
        self.notes.extend(self.session.notes());
        bytes
    }

    /// Everything it would send now.
    pub(super) fn says(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(bytes) = self.next() {
            frames.extend(split(&bytes));
        }
        frames
    }
}

/// Cuts bytes into frames.
pub(super) fn split(mut bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() {
        let (body, rest) = rest.split_at(u32::from_be_bytes(*prefix) as usize);
        frames.push(Frame::decode(body).expect("a frame"));
        bytes = rest;
    }
    frames
}

/// A link between two ends.
pub(super) struct Link {
    pub(super) a: End,
    pub(super) b: End,
    /// Bytes that still arrive before it is cut.
    pub(super) left: usize,
    /// After how many arrived bytes a frame ended.
    pub(super) ends: BTreeSet<usize>,
    pub(super) arrived: usize,
    /// Flights: how often one end waited for the other.
    pub(super) turns: usize,
}

impl Link {
    pub(super) fn new(a: Shelf, b: Shelf) -> Self {
        let (one, other) = (terms(&a, &b, 1), terms(&b, &a, 2));
        Self::with(a, one, b, other)
    }

    pub(super) fn with(a: Shelf, one: Terms, b: Shelf, other: Terms) -> Self {
        let (a, b) = (End::new(a, one), End::new(b, other));
        Self { a, b, left: usize::MAX, ends: BTreeSet::new(), arrived: 0, turns: 0 }
    }

    /// Goes on until both have nothing to say, or the link is cut. Says whether it is whole.
    pub(super) fn run(&mut self) -> bool {
        loop {
            let mut quiet = true;
            for turn in [true, false] {
                quiet &= !self.turn(turn);
                if self.left == 0 {
                    return false;
                }
            }
            if quiet {
                return true;
            }
            self.turns += 1;
        }
    }

    /// One end says all it has to say, and the other hears it.
    fn turn(&mut self, a: bool) -> bool {
        let mut said = false;
        while self.step(a) {
            said = true;
        }
        said
    }

    /// One end says one thing, and the other hears it.
    pub(super) fn step(&mut self, a: bool) -> bool {
        let (from, to) = if a { (&mut self.a, &mut self.b) } else { (&mut self.b, &mut self.a) };
        let Some(bytes) = from.next() else { return false };
        let arriving = bytes.len().min(self.left);
        let mut at = 0;
        for frame in split(&bytes) {
            at += frame.encode().expect("fits").len();
            self.ends.insert(self.arrived + at);
        }
        self.left -= arriving;
        self.arrived += arriving;
        to.arrives(&bytes[..arriving]).expect("honest ends break no rule");
        self.left > 0
    }

    /// One end says one thing; it stays on its way.
    pub(super) fn say(&mut self, a: bool) -> bool {
        let (from, to) = if a { (&mut self.a, &mut self.b) } else { (&mut self.b, &mut self.a) };
        let Some(bytes) = from.next() else { return false };
        to.wire.extend(bytes);
        true
    }

    /// Some bytes on their way to one end arrive.
    pub(super) fn arrive(&mut self, a: bool, bytes: usize) -> bool {
        let to = if a { &mut self.a } else { &mut self.b };
        let some: Vec<u8> = to.wire.drain(..bytes.min(to.wire.len())).collect();
        to.arrives(&some).expect("honest ends break no rule");
        !some.is_empty()
    }

    /// What remains of both once the link is gone.
    pub(super) fn apart(self) -> (Shelf, Shelf) {
        (self.a.shelf, self.b.shelf)
    }

    /// Bytes in both directions.
    pub(super) fn bytes(&self) -> u64 {
        self.a.session.figures().sent + self.b.session.figures().sent
    }

    /// Bytes in both directions beside content.
    pub(super) fn talk(&self) -> u64 {
        let (a, b) = (self.a.session.figures(), self.b.session.figures());
        self.bytes() - a.content_sent - b.content_sent
    }
}
