//! Meeting other nodes over links: the session machine of `annona_ledger::sync` over this node's own ledger (spec/sync.md).
//!
//! ```text
//! let desk = Desk::new(&writer.asking())?;                            one for all meetings of a node
//! let mut meeting = Meeting::open(&desk, &peer, Bounds::default())?;  one for each link, once it is known who is there
//! let ended = meeting.run(&stream)?;                                  until the link ends, on a thread of its own
//! ```
//!
//! [`Meeting::run`] is for a socket that blocks, [`Meeting::drive`] for bytes that come and go through channels. Whoever has
//! another link drives a meeting by hand, on a thread that may block for a disk:
//!
//! ```text
//! loop {
//!     while let Some(bytes) = meeting.outgoing()? { write them all, and go on handing what arrives to incoming() meanwhile }
//!     if meeting.is_over() { break }
//!     if meeting.stalled(Instant::now()) { meeting.end(Why::Stalled); continue }
//!     wait for bytes, at most POLL; meeting.incoming(&bytes)?
//! }
//! meeting.close()
//! ```
//!
//! - `outgoing` is called after each `incoming`, and every [`POLL`] where nothing comes: what this node writes, and what other
//!   meetings bring, becomes news only there. What `incoming` was given is durable, or refused, when `outgoing` returns.
//! - Nothing may be written that `outgoing` has not handed out, and all of it is, in order. What waits in a queue of the link is
//!   under way: the machine counts it.
//! - After an error of either, `outgoing` may still hand out one frame that tells the other side why; then the link is closed.
//! - [`Meeting::close`] keeps what came last. A meeting that is dropped does so too, and says nothing of what it met.
//! - Who the other side is, the link has found out: `peer` is the signing key in the certificate that names its transport key.
//!   Whether it is a member is asked here, at the beginning and whenever charter, certificates or revocations change.
//! - Any number of meetings of one node run at once. None of them writes: they all hand to its one [`writer`](crate::writer).

mod begin;
mod bounds;
mod claims;
mod desk;
mod gate;
mod index;
mod link;
mod memo;
mod pace;
mod post;
mod sink;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, FeedRef, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::list::Row;
use annona_ledger::notice::NodeCertificate;
use annona_ledger::sync::frame::PREFIX;
use annona_ledger::sync::session::{Breach, Figures, Given, Note, Session, Terms};
use annona_ledger::sync::split::Splitter;
use annona_ledger::sync::talk::{Item, Over, Slice, Why};
use annona_ledger::time::Minute;
use annona_ledger::view::View;

use crate::letters::{self, Letters};
use crate::member::{self, Between, NoMember};
use crate::node::NodeFault;
use crate::seal::{SealError, random};
use crate::store::{Store, StoreFault, Work};
use crate::taking::{Misfit, OwnAhead};
use begin::Beginning;
use claims::{By, Claims};
use index::Looking;
use memo::Memo;
use pace::Pace;
use sink::Sink;

pub use crate::taking::Taken;
pub use begin::Stage;
pub use bounds::Bounds;
pub use desk::Desk;
pub use gate::{Room, little_room};
pub use link::{Ended, Link};

/// How long nothing may come before [`Meeting::outgoing`] is asked again.
pub const POLL: Duration = Duration::from_millis(250);
/// How long the other side may owe what was asked for without bringing any of it, and how long it may take to say who it is.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes handed out at a time: what becomes urgent waits behind no more of them than of what is under way.
const FLIGHT: usize = 16 * 1024;
/// How often what the other side holds is written down.
const NOTED: Duration = Duration::from_secs(2);
/// Notes kept for whoever asks.
const NOTES: usize = 256;

/// Why a meeting cannot begin, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// This node.
    #[error("this node has no certificate yet, or not any more: {0}")]
    Own(NoMember),
    /// The other one.
    #[error("the other side is not met: {0}")]
    NoMember(#[from] NoMember),
    /// It is this node.
    #[error("the other side has this node's own key")]
    Mirror,
    /// A rule of the machine.
    #[error("the other side breaks a rule of links: {0}")]
    Breach(#[from] Breach),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeFault),
    /// The ledger file.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// Randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// One meeting with another node.
pub struct Meeting {
    desk: Desk,
    peer: PublicKey,
    /// The programmes of both certificates, as the machine was told.
    theirs: BTreeSet<ProgrammeId>,
    /// What this node knew of the time when it began; none before there was a charter.
    begun: Option<Between>,
    session: Session,
    splitter: Splitter,
    store: Store,
    memo: Memo,
    claims: Claims,
    beginning: Beginning,
    rows: Option<(Hash, Vec<Row>)>,
    sink: Sink,
    letters: Letters,
    /// Whether what waits here for the other side alone was looked at.
    posted: bool,
    taken: Taken,
    /// How much room there is on the disk.
    room: Room,
    /// A fault that is told once what was made before it is out.
    fault: Option<StoreFault>,
    /// Where something is damaged that was to be sent.
    damage: BTreeSet<String>,
    /// Things that follow no feed and were refused.
    refused: u64,
    notes: VecDeque<Note>,
    pace: Pace,
    opened: Instant,
    /// When something new last came, and how much had.
    came: (Instant, u64),
    noted: Instant,
    ended: Option<Why>,
    /// What time it is, where whoever drives the meeting says so.
    told: Option<Instant>,
    closed: bool,
}

impl Meeting {
    /// Begins a meeting with the node of this signing key. Open tails of this node are sealed first.
    ///
    /// # Errors
    ///
    /// [`Fault::NoMember`] for somebody who is not met, [`Fault::Own`] where this node could not be; a fault of this node.
    pub fn open(desk: &Desk, peer: &PublicKey, bounds: Bounds) -> Result<Self, Fault> {
        let own = desk.own.short();
        if *peer == desk.own {
            return Err(Fault::Mirror);
        }
        let sealed = desk.seal(bounds.sealed)?;
        let now = sealed.unwrap_or_else(|| Between::of(Minute(0), Minute(0), None));
        let store = Store::reader(&desk.path)?;
        store.keep_little()?;
        let mut programmes = BTreeSet::new();
        let mut theirs = BTreeSet::new();
        let federation = if let Ok(charter) = store.charter() {
            let work = store.look()?;
            let mine = member::certified(charter, store.roster(), &own, now);
            // A node that begins has its certificate from whoever it meets first.
            match mine {
                Ok(certificate) => programmes.extend(certificate.programmes.iter()),
                Err(NoMember::Uncertified) if bounds.federation.is_some() => {}
                Err(why) => return Err(Fault::Own(why)),
            }
            match member::may_meet(&work, &peer.short(), now) {
                Ok(certificate) if certificate.node == *peer => {
                    theirs.extend(certificate.programmes.iter());
                }
                Err(NoMember::Uncertified) if bounds.federation.is_some() => {}
                Ok(_) => return Err(NoMember::Uncertified.into()),
                Err(why) => return Err(why.into()),
            }
            work.check()?;
            charter.federation()
        } else {
            bounds.federation.ok_or(StoreFault::NoCharter)?
        };
        let terms = Terms {
            federation,
            node: own,
            programmes: programmes.clone(),
            slice: bounds.slice.clone(),
            theirs: theirs.clone(),
            nonce: random()?,
            window: bounds.opens_with(),
            budget: bounds.budget,
            spend: bounds.spend,
            quota: bounds.quota,
        };
        let begins = bounds.slice == Slice::State;
        let meeting = desk.next();
        let by = By { meeting, peer: peer.short() };
        let turn = (desk.shared.turn.clone(), by);
        let letters = Letters::of(desk.path.parent().unwrap_or(&desk.path));
        if sealed.is_some() {
            letters.sweep(desk.asking.with(|node| letters::days(node))??);
        }
        let mut session = Session::new(terms);
        session.pace(pace::LEAST);
        let now_is = Instant::now();
        Ok(Self {
            peer: *peer,
            theirs,
            begun: sealed,
            session,
            splitter: Splitter::default(),
            store,
            memo: Memo::new(programmes.clone(), bounds.slice == Slice::Whole),
            claims: Claims::new(desk.shared.board.clone(), desk.shared.items.clone(), by, now_is),
            beginning: Beginning::new(begins, programmes, desk.shared.basket.clone(), turn),
            rows: None,
            sink: Sink::default(),
            letters,
            posted: false,
            taken: Taken::default(),
            room: Room::Plenty,
            fault: None,
            damage: BTreeSet::new(),
            refused: 0,
            notes: VecDeque::new(),
            pace: Pace::new(),
            opened: now_is,
            came: (now_is, 0),
            noted: now_is,
            ended: None,
            told: None,
            closed: false,
            desk: desk.clone(),
        })
    }

    /// Tells the meeting what time it is, for whoever drives it by another clock than the system's. It decides nothing but
    /// how much is had under way and when what can wait is written down.
    pub fn tell(&mut self, now: Instant) {
        if self.told.is_none() {
            (self.opened, self.came.0, self.noted) = (now, now, now);
        }
        self.told = Some(now);
    }

    fn now(&self) -> Instant {
        self.told.unwrap_or_else(Instant::now)
    }

    /// Takes in bytes as they came: any part of a frame, or several.
    ///
    /// # Errors
    ///
    /// [`Fault::Breach`]; a fault of this node. [`Meeting::outgoing`] then says why once more, and the meeting is over.
    pub fn incoming(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            if self.session.is_open() {
                self.splitter.widen();
            }
            let frame = match self.splitter.take(&mut bytes) {
                Ok(Some(frame)) => frame,
                Ok(None) => continue,
                Err(fault) => {
                    let breach = Breach::from(fault);
                    self.session.end(Why::Breach(breach.number()));
                    return Err(breach.into());
                }
            };
            let given = self.session.receive(&frame);
            self.hear()?;
            if let Some(given) = given? {
                if !self.admits(&given)? {
                    continue;
                }
                if let Given::Letter(letter) = given {
                    self.letter(&letter)?;
                    continue;
                }
                let len = frame.len().saturating_add(PREFIX);
                self.sink.given(given, len, &self.beginning, &mut self.taken);
                if self.sink.is_full() {
                    self.keep(false)?;
                }
            }
        }
        Ok(())
    }

    /// The next bytes to write: whole frames. `None` where there is nothing to say until something comes, or becomes known
    /// here.
    ///
    /// # Errors
    ///
    /// A fault of this node: the meeting is ended, and the next call says so to the other side.
    pub fn outgoing(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        let said = self.say();
        if said.is_err() {
            self.session.end(Why::Stopping);
        }
        said
    }

    fn say(&mut self) -> Result<Option<Vec<u8>>, Fault> {
        if self.ended.is_none() {
            self.keep(false)?;
        }
        self.pace();
        if let Some(fault) = self.fault.take() {
            return Err(fault.into());
        }
        let bytes = self.step()?;
        self.hear()?;
        self.claims.settle(&self.session);
        if bytes.is_empty() {
            // There is time for what can wait.
            let now = self.now();
            if now.saturating_duration_since(self.noted) >= NOTED {
                self.keep(true)?;
                self.noted = now;
                self.post()?;
            }
            return Ok(None);
        }
        Ok(Some(bytes))
    }

    /// Asks the machine over the ledger as it stands now.
    fn step(&mut self) -> Result<Vec<u8>, Fault> {
        self.claims.tell(self.told.unwrap_or_else(Instant::now));
        if !self.posted {
            self.post()?;
        }
        let changed = self.memo.freshen(&mut self.store)?;
        let own = self.desk.own.short();
        let work = if self.store.charter().is_ok() { Some(self.store.look()?) } else { None };
        if let (Some(changed), Some(work)) = (changed, &work) {
            let changed = self.memo.look(&self.store, work, &own, changed)?;
            if changed.own {
                // What was sealed beside this look is remembered outside the folder before it leaves.
                self.desk.asking.with(crate::node::Node::hand_on)??;
            }
            if let Some(why) = self.terms_ended(work) {
                self.session.end(why);
            }
        }
        let (mut bytes, now) = (Vec::new(), self.now());
        let looking = Looking {
            store: &self.store,
            work,
            memo: RefCell::new(&mut self.memo),
            claims: RefCell::new(&mut self.claims),
            rows: RefCell::new(&mut self.rows),
            offering: &self.desk.shared.offering,
            beginning: &self.beginning,
            letters: (&self.letters, self.peer.short()),
            rests: (&self.desk.shared.rests, now),
            fault: RefCell::new(None),
            damage: RefCell::new(&mut self.damage),
        };
        while bytes.len() < FLIGHT {
            let Some(more) = self.session.next(&looking) else { break };
            bytes.extend(more);
        }
        if let Some(work) = &looking.work {
            work.check()?;
        }
        match looking.fault.into_inner() {
            None => Ok(bytes),
            Some(fault) if bytes.is_empty() => Err(fault.into()),
            // What was made before it goes out before it: it may be urgent.
            Some(fault) => {
                self.fault = Some(fault);
                Ok(bytes)
            }
        }
    }

    /// Why the terms of this meeting hold no more, if so: the other side is no member, or either serves other programmes
    /// than when it began. After the latter both meet again.
    fn terms_ended(&self, work: &Work<'_>) -> Option<Why> {
        let met = self.now().saturating_duration_since(self.opened);
        let minutes = u32::try_from(met.as_secs() / 60).unwrap_or(u32::MAX);
        let own = work.roster().node(&self.desk.own.short());
        let Some(begun) = self.begun else {
            // It began with nothing: with what it has now, it begins again.
            return own.map(|_| Why::Stopping);
        };
        let now = begun.after(minutes);
        let of = |certificate: &NodeCertificate| -> BTreeSet<ProgrammeId> {
            certificate.programmes.iter().copied().collect()
        };
        let theirs = match member::may_meet(work, &self.peer.short(), now) {
            Ok(certificate) if certificate.node == self.peer => of(&certificate),
            Err(NoMember::Uncertified) if self.theirs.is_empty() => BTreeSet::new(),
            Ok(_) | Err(_) => return Some(Why::NotAMember),
        };
        let own = own.map(of).unwrap_or_default();
        (theirs != self.theirs || own != *self.memo.programmes()).then_some(Why::Stopping)
    }

    /// Hands everything that came to the writer: when this returns it is durable, or refused.
    fn keep(&mut self, all: bool) -> Result<(), Fault> {
        self.look_for_room();
        self.sink.flush(&self.desk.asking, self.peer.short(), all, &mut self.taken)?;
        if let Some((carried, programmes)) = self.beginning.whole() {
            match Sink::begin(&self.desk.asking, carried, programmes)? {
                Ok(rows) => {
                    self.taken.rows = self.taken.rows.saturating_add(rows);
                    self.session.end(Why::Done);
                }
                Err(fault) => {
                    self.taken.refuse(Misfit::Begin(fault.to_string()));
                    self.beginning.without();
                }
            }
        }
        Ok(())
    }

    fn pace(&mut self) {
        let figures = self.session.figures();
        let now = self.now();
        self.session.pace(self.pace.at(now, figures.content_taken, figures.content_sent));
        let brought = self.brought();
        if brought != self.came.1 {
            self.came = (now, brought);
        }
    }

    /// Hears what the machine has to say.
    fn hear(&mut self) -> Result<(), Fault> {
        for note in self.session.notes() {
            match note {
                Note::Acknowledged(known) => {
                    let of = known.feed.programme;
                    let whole = of == ProgrammeId::NONE || self.theirs.contains(&of);
                    self.sink.holds(&known, whole);
                }
                Note::Over(Over::Item(Item::Rows { programme, list })) => {
                    self.sink.rows_ended(programme, &list);
                }
                Note::Over(Over::Item(Item::Page)) if self.beginning.is_wanted() => {
                    self.beginning.page_ended(&self.store)?;
                }
                // All that was asked for of a leaf ends so; where rows of it are still lacking, there are none here.
                Note::Over(Over::Item(Item::State { leaf, .. }))
                    if self.beginning.is_wanted() && self.beginning.lacks(&leaf) =>
                {
                    self.beginning.not_there();
                }
                Note::Over(over @ (Over::Letter(_) | Over::NotTaken(_))) => {
                    self.letters.heard(&self.peer.short(), &over);
                }
                Note::Ahead(feed, blocks) => self.ahead(&feed, blocks),
                Note::CharterForked(epoch) => self.taken.charter_forked = Some(epoch),
                Note::Ended(why) => self.ended = Some(why),
                other => {
                    if self.notes.len() >= NOTES {
                        self.notes.pop_front();
                    }
                    self.notes.push_back(other);
                }
            }
        }
        Ok(())
    }

    /// The other side says it holds more of a feed of this node than is here. What it says it is asked for, and what it shows
    /// stops this node from signing: its bare word does not.
    fn ahead(&mut self, name: &FeedRef, theirs: u64) {
        let feed = FeedId { node: self.desk.own, lane: name.lane, programme: name.programme };
        let tips = self.memo.tips.get(&feed);
        let have = tips.and_then(|t| t.iter().map(|tip| tip.known.blocks).max()).unwrap_or(0);
        let told = self.taken.own_ahead.iter().any(|told| told.feed == feed);
        if !told {
            self.taken.own_ahead.push(OwnAhead { feed, theirs, have, proven: false });
        }
    }

    /// How long it is worth to wait for more bytes before [`Meeting::outgoing`] is called, which has what came made durable:
    /// on a fast link a commit of many blocks costs little more than one of few. `None`: not at all.
    #[must_use]
    pub fn patience(&self) -> Option<Duration> {
        self.sink.patience().filter(|_| self.session.owed() > 0)
    }

    /// How far this node has come with beginning, in a meeting that is for that.
    #[must_use]
    pub const fn stage(&self) -> Option<Stage> {
        self.beginning.stage()
    }

    /// Whether another meeting could ask for what this node begins from.
    #[must_use]
    pub fn may_begin(&self) -> bool {
        self.beginning.is_free()
    }

    /// Whether the meeting has ended, and this side has said so: the link may be closed.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.session.is_over()
    }

    /// Whether the other side has said who it is and what it will take.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.session.is_open()
    }

    /// How many feeds and things were asked for that the other side still owes.
    #[must_use]
    pub fn wants(&self) -> usize {
        self.session.owed()
    }

    /// Bytes so far.
    #[must_use]
    pub const fn figures(&self) -> Figures {
        self.session.figures()
    }

    /// What has been taken in so far, and what was found wrong.
    #[must_use]
    pub const fn taken(&self) -> &Taken {
        &self.taken
    }

    /// Where something is damaged that was to be sent, by feed and block: the first 16 places.
    #[must_use]
    pub const fn damage(&self) -> &BTreeSet<String> {
        &self.damage
    }

    /// What else has happened since this was last asked: at most the last 256 of it.
    pub fn notes(&mut self) -> Vec<Note> {
        self.notes.drain(..).collect()
    }

    /// Why the other side has ended the meeting, if it has.
    #[must_use]
    pub const fn ended(&self) -> Option<Why> {
        self.ended
    }

    /// Ends the meeting: the next [`Meeting::outgoing`] says so, and then nothing more.
    pub fn end(&mut self, why: Why) {
        self.session.end(why);
    }

    /// Asks the other side for nothing but what is urgent for some seconds; zero: to go on.
    pub fn busy(&mut self, seconds: u32) {
        self.session.busy(seconds);
    }

    /// Keeps what came last, once the link is gone.
    ///
    /// # Errors
    ///
    /// A fault of this node; what could not be kept comes again in the next meeting.
    pub fn close(mut self) -> Result<Taken, Fault> {
        self.closed = true;
        self.keep(true)?;
        Ok(std::mem::take(&mut self.taken))
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        if !self.closed {
            drop(self.keep(true));
        }
    }
}
