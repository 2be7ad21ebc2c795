//! Writing what others lack.

mod parts;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use annona_ledger::block::{Evidence, Proof};
use annona_ledger::charter::SignedArticle;
use annona_ledger::entry::List;
use annona_ledger::fork::ForkProof;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, Lane, ProgrammeId};
use annona_ledger::list::Row;
use annona_ledger::notice::{NodeCertificate, SignedNotice};
use annona_ledger::sync::blob;
use annona_ledger::sync::frame::{self, FRONTIER_FEEDS, Frame, Hello, Known, LIST_ROWS};
use annona_ledger::view::View;
use annona_ledger::wire::{self, Bounded};

use super::part::{Part, Plan, Sender, WriteFault, parts_in};
use super::read::Broken;
use super::{ENDING, LETTERS, LIST_BYTES, PART_BYTES, PartFault, SECTIONS};
use crate::atomic;
use crate::disk::DiskFault;
use crate::keystore::Name;
use crate::letters::{self, Letters, Way};
use crate::member::{self, NoMember};
use crate::node::{Node, NodeFault};
use crate::seal::{SealError, random};
use crate::sink::Sink;
use crate::store::{Blob, Feed, Store, StoreFault, Work};

use parts::Parts;

/// Bytes of evidence in one frame: room is left for the frame's own fields.
const EVIDENCE_FRAME: usize = 60 * 1024;

/// Checkpoints a bundle carries: the newest.
const PAGES: usize = 8;

/// What to put in.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Everything, not only what the recipients are not known to hold.
    pub all: bool,
    /// Only what this node holds: an acknowledgement, without feeds.
    pub acknowledge: bool,
    /// The size at which a part is closed.
    pub part_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { all: false, acknowledge: false, part_bytes: PART_BYTES }
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Which bundle.
    pub bundle: [u8; 16],
    /// Its parts, in order; none where it was only measured.
    pub files: Vec<PathBuf>,
    /// How many parts it has.
    pub parts: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Blocks in it.
    pub blocks: u64,
    /// Headers without bodies in it.
    pub headers: u64,
    /// Distribution lists whose rows are in it.
    pub lists: u64,
    /// Lists whose rows are more than a bundle carries.
    pub lists_too_long: u64,
    /// The programmes it has sections of.
    pub programmes: Vec<ProgrammeId>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// Nobody to write to.
    #[error("name at least one node the bundle is for")]
    NobodyNamed,
    /// A node that may not receive.
    #[error("node {} cannot receive a bundle: {why}", hex(node))]
    Recipient {
        /// The node.
        node: [u8; 8],
        /// Why not.
        why: NoReader,
    },
    /// This node is not certified.
    #[error("this node has no certificate yet: nobody could tell whom the bundle is from")]
    NoCertificate,
    /// Too many keys or parts.
    #[error(
        "too many recipients, programmes or parts for one bundle: write several, or larger parts"
    )]
    TooMany,
    /// Called off.
    #[error("the export was called off; nothing was written")]
    Cancelled,
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeFault),
    /// The ledger file.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The destination.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// Randomness.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// What was written could not be read again.
    #[error("what was written does not read back: {0}")]
    Part(#[from] PartFault),
    /// Something does not fit a frame: a fault of this program.
    #[error("something of the ledger fits no frame: {0}")]
    Frame(#[from] frame::FrameFault),
}

/// Why a bundle is not for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReader {
    /// It writes it.
    #[error("it is this node")]
    Own,
    /// It is nobody's node, or not any more.
    #[error(transparent)]
    NoMember(#[from] NoMember),
    /// Nothing can be sealed to it.
    #[error("its sealing key is none")]
    SealingKey,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a bundle for some nodes into a folder: all parts, or nothing. Open tails are sealed first.
///
/// `go_on` is told how many of how many blocks are written, and answers `false` to call it off.
///
/// # Errors
///
/// [`ExportFault`]; then no part remains under its name.
pub fn export(
    node: &mut Node,
    recipients: &[[u8; 8]],
    options: &Options,
    folder: &Path,
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Exported, ExportFault> {
    if node.may_sign().is_ok() {
        node.seal_all()?;
    }
    node.hand_on()?;
    let letters = Letters::of(node.folder().root());
    letters.sweep(letters::days(node)?);
    let work = node.store().look()?;
    letters.stop_withdrawn(&work).map_err(StoreFault::from)?;
    work.check()?;
    drop(work);
    write(node, recipients, options, Some(folder), go_on)
}

/// What a bundle of what is sealed now would be, in parts of the same sizes. Nothing is sealed, and no file is made:
/// what an open tail holds comes on top.
///
/// # Errors
///
/// As [`export`].
pub fn measure(
    node: &Node,
    recipients: &[[u8; 8]],
    options: &Options,
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Exported, ExportFault> {
    write(node, recipients, options, None, go_on)
}

fn write(
    node: &Node,
    recipients: &[[u8; 8]],
    options: &Options,
    folder: Option<&Path>,
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Exported, ExportFault> {
    let transport = node.signing_key(Name::NodeTransport)?;
    if node.certificate().is_none() {
        return Err(ExportFault::NoCertificate);
    }
    let readers = readers(node, recipients)?;
    let work = node.store().look()?;
    let charter = work.charter();
    let sender = Sender {
        hello: Hello {
            version: frame::VERSION,
            federation: charter.federation(),
            epoch: charter.epoch(),
            charter: charter.head(),
        },
        node: node.public(),
        transport: &transport,
    };
    let scope = Scope::new(node, &work, &readers, options)?;
    let plan = scope.plan();
    let mut parts = Parts::begin(folder, &sender, &plan, &scope.preamble, options.part_bytes)?;
    parts.report.programmes = scope.programmes.iter().copied().collect();
    let mut write = Writing { parts: &mut parts, scope: &scope, work: &work, done: 0, go_on };
    write.for_all()?;
    for programme in &scope.programmes {
        write.programme(*programme)?;
    }
    for (_, frames) in &scope.letters {
        write.letters(frames)?;
    }
    work.check()?;
    parts.finish()
}

/// The certificates of those who may receive.
fn readers(node: &Node, recipients: &[[u8; 8]]) -> Result<Vec<NodeCertificate>, ExportFault> {
    let now = node.between()?;
    let work = node.store().look()?;
    let names: BTreeSet<[u8; 8]> = recipients.iter().copied().collect();
    if names.is_empty() {
        return Err(ExportFault::NobodyNamed);
    }
    let mut readers = Vec::with_capacity(names.len());
    for name in names {
        let refused = |why| ExportFault::Recipient { node: name, why };
        if name == node.public().short() {
            return Err(refused(NoReader::Own));
        }
        // As over a link: to who was cut as stolen nothing is sealed either.
        let certificate = member::may_meet(&work, &name, now);
        readers.push(certificate.map_err(|why| refused(NoReader::NoMember(why)))?);
    }
    work.check()?;
    Ok(readers)
}

/// What goes before the feeds in the common section of every part.
struct Preamble {
    articles: Vec<SignedArticle>,
    notices: Vec<SignedNotice>,
    frontier: Vec<Known>,
    outline: Vec<Known>,
    forks: Vec<ForkProof>,
    /// The newest checkpoints, as frames.
    pages: Vec<Frame>,
}

/// What is to be written, decided before the first byte.
struct Scope<'a> {
    readers: &'a [NodeCertificate],
    programmes: BTreeSet<ProgrammeId>,
    preamble: Preamble,
    feeds: Vec<Feed>,
    /// From which index each feed's blocks go, and its headers to those outside.
    blocks_from: BTreeMap<FeedId, u64>,
    headers_from: BTreeMap<FeedId, u64>,
    total: u64,
    /// For each reader what is for it alone, by its sealing key.
    letters: Vec<([u8; 32], Vec<Frame>)>,
}

impl<'a> Scope<'a> {
    fn new(
        node: &Node,
        work: &Work<'_>,
        readers: &'a [NodeCertificate],
        options: &Options,
    ) -> Result<Self, ExportFault> {
        let feeds: Vec<Feed> =
            work.feeds().into_iter().filter(|feed| feed.sealed.next > 0).collect();
        work.check()?;
        let outline = work.outlines()?;
        let known = |feed: &Feed| Known { feed: feed.id, blocks: feed.seq, head: feed.sealed };
        let preamble = Preamble {
            articles: articles(node.store())?,
            notices: work.roster().notices().cloned().collect(),
            frontier: feeds.iter().map(known).collect(),
            forks: if options.acknowledge { Vec::new() } else { work.fork_proofs()? },
            outline,
            pages: pages(node.store())?,
        };
        let mut scope = Self {
            readers,
            programmes: BTreeSet::new(),
            preamble,
            feeds,
            blocks_from: BTreeMap::new(),
            headers_from: BTreeMap::new(),
            total: 0,
            letters: Vec::new(),
        };
        if !options.acknowledge {
            scope.choose(node, options)?;
            let letters = Letters::of(node.folder().root());
            // What has no place left goes with the next bundle: those first whose letters have waited longest.
            let room = SECTIONS.saturating_sub(1).saturating_sub(scope.programmes.len());
            let waiting = letters.list(Way::Out);
            let until = |reader: &NodeCertificate| {
                let of =
                    waiting.iter().filter(|kept| kept.peer == reader.short() && kept.bytes > 0);
                of.map(|kept| kept.until.0).min().unwrap_or(u32::MAX)
            };
            let mut readers: Vec<_> = readers.iter().collect();
            readers.sort_by_key(|reader| until(reader));
            let for_each = readers.iter().map(|reader| (reader.sealing, post(&letters, reader)));
            scope.letters = for_each.filter(|(_, post)| !post.is_empty()).take(room).collect();
        }
        Ok(scope)
    }

    /// From where each feed goes: the least that any of its readers is known to hold.
    fn choose(&mut self, node: &Node, options: &Options) -> Result<(), StoreFault> {
        let store = node.store();
        let outlined = self.preamble.outline.iter().map(|known| known.feed);
        let all: BTreeSet<FeedId> = self.feeds.iter().map(|f| f.id).chain(outlined).collect();
        for feed in all {
            let forked = self.feeds.iter().any(|f| f.id == feed && f.left.is_some());
            let afresh = options.all || forked;
            for reader in self.readers {
                let (name, inside) = (reader.short(), serves(reader, &feed));
                let from = match inside {
                    _ if afresh => 0,
                    true => store.seen(&name, &feed)?,
                    false => store.outlined(&name, &feed)?,
                };
                let of = if inside { &mut self.blocks_from } else { &mut self.headers_from };
                of.entry(feed).and_modify(|least| *least = from.min(*least)).or_insert(from);
            }
        }
        let held = self.feeds.iter().filter(|feed| self.blocks_from.contains_key(&feed.id));
        self.programmes =
            held.map(|feed| feed.id.programme).filter(|p| *p != ProgrammeId::NONE).collect();
        self.total = self.feeds.iter().map(|feed| feed.seq).sum();
        Ok(())
    }

    fn plan(&self) -> Vec<Plan> {
        let common = self.readers.iter().map(|reader| reader.sealing).collect();
        let mut plan = vec![Plan { programme: ProgrammeId::NONE, readers: common }];
        plan.extend(self.programmes.iter().map(|programme| {
            let inside = self.readers.iter().filter(|r| r.programmes.contains(programme));
            Plan { programme: *programme, readers: inside.map(|r| r.sealing).collect() }
        }));
        let letters = self.letters.iter();
        plan.extend(letters.map(|(to, _)| Plan { programme: LETTERS, readers: vec![*to] }));
        plan
    }
}

/// The letters for a reader, and those of its own that came and need not come again.
fn post(letters: &Letters, reader: &NodeCertificate) -> Vec<Frame> {
    let peer = reader.short();
    let out = letters.outgoing(&peer).into_iter();
    let out = out.filter_map(|name| letters.get(Way::Out, &peer, &name));
    let kept = letters.known(&peer).into_iter().map(Frame::Over);
    kept.chain(out.map(|letter| Frame::Letter(Box::new(letter)))).collect()
}

/// The charter, and after it what lies aside: who has not heard of a fork hears of it.
fn articles(store: &Store) -> Result<Vec<SignedArticle>, StoreFault> {
    let mut articles = store.articles()?;
    articles.extend(store.branches().aside().into_iter().cloned());
    Ok(articles)
}

/// The checkpoints that cover most, with everything said about them.
fn pages(store: &Store) -> Result<Vec<Frame>, StoreFault> {
    let mut frames = Vec::new();
    for hash in store.page_hashes()?.into_iter().take(PAGES) {
        let Some(kept) = store.kept_page(&hash)? else { continue };
        frames.extend(blob::pieces(frame::PAGE, hash, &kept.page.encode()));
        let said = kept.cosignatures.into_iter();
        frames.extend(said.map(|said| Frame::Cosignature(Box::new(said))));
    }
    Ok(frames)
}

/// Whether a node may read the bodies of a feed.
pub(super) fn serves(reader: &NodeCertificate, feed: &FeedId) -> bool {
    feed.lane == Lane::Control || reader.programmes.contains(&feed.programme)
}

/// Going through the ledger in the order of the sections.
struct Writing<'a, 'p> {
    parts: &'a mut Parts<'p>,
    scope: &'a Scope<'a>,
    work: &'a Work<'a>,
    done: u64,
    go_on: &'a mut dyn FnMut(u64, u64) -> bool,
}

impl Writing<'_, '_> {
    fn for_all(&mut self) -> Result<(), ExportFault> {
        self.parts.section()?;
        self.bodies(|feed| feed.lane == Lane::Control)?;
        for (feed, from) in &self.scope.headers_from {
            let mut named = false;
            self.work.headers::<ExportFault>(feed, *from, |(header, signature)| {
                if !named {
                    self.parts.feed(feed)?;
                    named = true;
                }
                self.parts.report.headers += 1;
                self.parts.put(&Frame::Header { header, signature })
            })?;
        }
        self.parts.end()
    }

    fn programme(&mut self, programme: ProgrammeId) -> Result<(), ExportFault> {
        self.parts.section()?;
        self.bodies(|feed| feed.lane != Lane::Control && feed.programme == programme)?;
        for (root, rows) in self.lists(programme)? {
            self.rows(&root, &rows)?;
        }
        self.parts.end()
    }

    fn letters(&mut self, frames: &[Frame]) -> Result<(), ExportFault> {
        self.parts.section()?;
        for frame in frames {
            let bytes = if let Frame::Letter(letter) = frame { letter.bytes.len() } else { 0 };
            self.parts.whole(bytes as u64)?;
            self.parts.within(frame)?;
        }
        self.parts.end()
    }

    fn bodies(&mut self, of: impl Fn(&FeedId) -> bool) -> Result<(), ExportFault> {
        let federation = self.work.charter().federation();
        // The chain known first before its branches: a branch is known by what it stands beside.
        for feed in self.scope.feeds.iter().filter(|feed| of(&feed.id)) {
            let Some(from) = self.scope.blocks_from.get(&feed.id) else { continue };
            let Some(first) = self.work.block_after(feed.chain, *from)? else { continue };
            self.parts.feed(&feed.id)?;
            self.work.blocks::<ExportFault>(feed.chain, first, |row, evidence| {
                let seq = row.block.header.seq;
                let header = row.block.header.hash();
                // What a failing medium made of a block is nobody else's: the site hears of it here, and in time.
                let sound = row.block.verify(&federation, &feed.id).is_ok()
                    && evidence.as_ref().is_none_or(|e| row.block.check_evidence(e).is_ok());
                if !sound {
                    let place = format!("{} block {seq}", feed.id.short());
                    return Err(StoreFault::damaged(place).into());
                }
                self.parts.put(&Frame::Block(Box::new(row.block)))?;
                for frame in pieces(seq, header, evidence.unwrap_or_default())? {
                    self.parts.put(&frame)?;
                }
                self.parts.report.blocks += 1;
                self.done += 1;
                let go_on = (self.go_on)(self.done, self.scope.total);
                if go_on { Ok(true) } else { Err(ExportFault::Cancelled) }
            })?;
        }
        Ok(())
    }

    /// The rows of lists whose entries some reader is not known to hold.
    fn lists(&mut self, programme: ProgrammeId) -> Result<Vec<(Hash, Vec<u8>)>, ExportFault> {
        let mut found = Vec::new();
        let control: BTreeSet<FeedId> =
            self.scope.feeds.iter().map(|f| f.id).filter(|f| f.lane == Lane::Control).collect();
        for feed in control {
            let from = self.scope.blocks_from.get(&feed).copied().unwrap_or(0);
            let lists: Vec<(u64, List)> = self.work.lists_of(&feed.node.short());
            self.work.check()?;
            for (index, list) in lists {
                if list.programme != programme || index < from {
                    continue;
                }
                let Some(bytes) = self.work.blob(Blob::ListRows, &list.root)? else { continue };
                if bytes.len() > LIST_BYTES {
                    self.parts.report.lists_too_long += 1;
                    continue;
                }
                found.push((list.root, bytes));
            }
        }
        found.sort();
        found.dedup();
        Ok(found)
    }

    fn rows(&mut self, list: &Hash, bytes: &[u8]) -> Result<(), ExportFault> {
        self.parts.whole(bytes.len() as u64)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut rows: Vec<Row> = Vec::with_capacity(LIST_ROWS);
            while !rest.is_empty() && rows.len() < LIST_ROWS {
                let (row, after) = wire::take(rest).map_err(StoreFault::from)?;
                rows.push(row);
                rest = after;
            }
            let rows = Bounded::new(rows).map_err(StoreFault::from)?;
            self.parts.within(&Frame::ListRows { list: *list, rows })?;
        }
        self.parts.report.lists += 1;
        Ok(())
    }
}

/// Cuts the evidence of a block into frames.
pub(crate) fn pieces(seq: u64, header: Hash, evidence: Evidence) -> Result<Vec<Frame>, StoreFault> {
    let mut frames: Vec<Vec<Proof>> = Vec::new();
    let mut room = 0usize;
    for proof in evidence.0.into_vec() {
        // Place and length of a piece take at most six bytes.
        let bytes = proof.bytes.len() + 6;
        if bytes > room {
            frames.push(Vec::new());
            room = EVIDENCE_FRAME;
        }
        room -= bytes;
        if let Some(last) = frames.last_mut() {
            last.push(proof);
        }
    }
    let count = frames.len();
    let frames = frames.into_iter().enumerate().map(|(i, pieces)| {
        let pieces = Bounded::new(pieces)?;
        Ok(Frame::Evidence { seq, header, pieces, last: i + 1 == count })
    });
    frames.collect()
}
