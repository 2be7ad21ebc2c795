//! Writing what others lack.

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
use super::{ENDING, LIST_BYTES, PART_BYTES, PartFault};
use crate::atomic;
use crate::disk::DiskFault;
use crate::keystore::Name;
use crate::member::{self, NoMember};
use crate::node::{Node, NodeFault};
use crate::seal::{SealError, random};
use crate::sink::Sink;
use crate::store::{Blob, Feed, Store, StoreFault, Work};

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
    write.common()?;
    for programme in &scope.programmes {
        write.programme(*programme)?;
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
        };
        if !options.acknowledge {
            scope.choose(node, options)?;
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
        plan
    }
}

/// The charter, and after it what lies aside: who has not heard of a fork hears of it.
fn articles(store: &Store) -> Result<Vec<SignedArticle>, StoreFault> {
    let mut articles = store.articles()?;
    articles.extend(store.branches().aside().into_iter().cloned());
    Ok(articles)
}

/// The newest checkpoints, with everything said about them.
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
    fn common(&mut self) -> Result<(), ExportFault> {
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

/// The parts being written: one at a time, each with all sections.
struct Parts<'a> {
    /// Where they go, or nowhere.
    folder: Option<&'a Path>,
    sender: &'a Sender<'a>,
    plan: &'a [Plan],
    preamble: &'a Preamble,
    part_bytes: u64,
    open: Part<'a, io::BufWriter<Sink>>,
    /// Which section is being written.
    section: usize,
    feed: Option<FeedId>,
    /// Whether anything but preambles stands in the open part.
    filled: bool,
    /// How many parts were begun.
    begun: usize,
    temporary: Vec<Temporary>,
    report: Exported,
}

/// A file that is removed unless it has taken its name.
struct Temporary(PathBuf, #[expect(dead_code, reason = "held until it is dropped")] File);

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

impl<'a> Parts<'a> {
    fn begin(
        folder: Option<&'a Path>,
        sender: &'a Sender<'a>,
        plan: &'a [Plan],
        preamble: &'a Preamble,
        part_bytes: u64,
    ) -> Result<Self, ExportFault> {
        let bundle: [u8; 16] = random()?;
        let mut temporary = Vec::new();
        let open = open_part(folder, bundle, 1, sender, plan, &mut temporary)?;
        let report = Exported { bundle, ..Exported::default() };
        Ok(Self {
            folder,
            sender,
            plan,
            preamble,
            part_bytes,
            open,
            section: 0,
            feed: None,
            filled: false,
            begun: 1,
            temporary,
            report,
        })
    }

    fn wrote(&self, result: Result<(), WriteFault>) -> Result<(), ExportFault> {
        result.map_err(|fault| broken(self.folder, fault))
    }

    fn section(&mut self) -> Result<(), ExportFault> {
        self.feed = None;
        let begun = self.open.section();
        self.wrote(begun)?;
        if self.section == 0 { self.preamble() } else { Ok(()) }
    }

    fn preamble(&mut self) -> Result<(), ExportFault> {
        let Preamble { articles, notices, frontier, outline, forks, pages } = self.preamble;
        let articles = articles.iter().map(|a| Frame::Article(Box::new(a.clone())));
        let notices = notices.iter().map(|n| Frame::Notice(Box::new(n.clone())));
        let forks = forks.iter().map(|p| Frame::ForkProof(Box::new(p.clone())));
        let known = |known: &[Known]| Bounded::new(known.to_vec()).map_err(StoreFault::from);
        for frame in articles.chain(notices) {
            self.within(&frame)?;
        }
        for some in frontier.chunks(FRONTIER_FEEDS) {
            self.within(&Frame::Frontier(known(some)?))?;
        }
        for some in outline.chunks(FRONTIER_FEEDS) {
            self.within(&Frame::Outline(known(some)?))?;
        }
        for frame in forks.chain(pages.iter().cloned()) {
            self.within(&frame)?;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ExportFault> {
        let ended = self.open.end();
        self.section += 1;
        self.wrote(ended)
    }

    /// Writes a frame into the open part, whatever its size.
    fn within(&mut self, frame: &Frame) -> Result<(), ExportFault> {
        let written = self.open.frame(frame);
        self.wrote(written)
    }

    /// Names the feed that follows.
    fn feed(&mut self, feed: &FeedId) -> Result<(), ExportFault> {
        self.feed = Some(*feed);
        self.within(&Frame::Feed(*feed))
    }

    /// Writes a frame of a feed. Evidence stays in its block's part.
    fn put(&mut self, frame: &Frame) -> Result<(), ExportFault> {
        if !matches!(frame, Frame::Evidence { .. }) {
            // The body is the largest thing in a frame of a feed, and its length is known without encoding it.
            let bytes = if let Frame::Block(block) = frame { block.body.len() } else { 0 };
            self.whole(bytes as u64)?;
        }
        self.filled = true;
        self.within(frame)
    }

    /// Begins another part where so many bytes would not fit this one.
    fn whole(&mut self, bytes: u64) -> Result<(), ExportFault> {
        let room = self.part_bytes.saturating_sub(self.open.size());
        if bytes.saturating_add(2_048) > room && self.filled {
            self.another()?;
        }
        self.filled = true;
        Ok(())
    }

    fn another(&mut self) -> Result<(), ExportFault> {
        let (section, feed) = (self.section, self.feed);
        self.end()?;
        while self.section < self.plan.len() {
            self.section()?;
            self.end()?;
        }
        let number = u16::try_from(self.begun + 1).map_err(|_| ExportFault::TooMany)?;
        let (bundle, plan) = (self.report.bundle, self.plan);
        let next = open_part(self.folder, bundle, number, self.sender, plan, &mut self.temporary)?;
        self.begun += 1;
        let full = std::mem::replace(&mut self.open, next);
        self.store(full, number - 1)?;
        self.section = 0;
        self.filled = false;
        while self.section < section {
            self.section()?;
            self.end()?;
        }
        self.section()?;
        if let Some(feed) = feed {
            self.feed(&feed)?;
        }
        Ok(())
    }

    fn store(
        &mut self,
        part: Part<'a, io::BufWriter<Sink>>,
        number: u16,
    ) -> Result<(), ExportFault> {
        let bytes = ended(part, self.folder, number)?;
        self.report.bytes += bytes;
        Ok(())
    }

    /// Gives every part the number of parts and its name, the last one last.
    fn finish(mut self) -> Result<Exported, ExportFault> {
        let count = u16::try_from(self.begun).map_err(|_| ExportFault::TooMany)?;
        let Self { folder, open, temporary, ref mut report, .. } = self;
        report.bytes += ended(open, folder, count)?;
        let Some(folder) = folder else {
            report.parts = self.begun;
            return Ok(self.report);
        };
        let at = |fault| ExportFault::from(DiskFault::io("write", folder, fault));
        for temporary in &temporary {
            let mut file =
                fs::OpenOptions::new().read(true).write(true).open(&temporary.0).map_err(at)?;
            match parts_in(&mut file, count) {
                Ok(()) => {}
                Err(Broken::Io(fault)) => return Err(at(fault)),
                Err(Broken::Part(fault)) => return Err(fault.into()),
            }
            file.sync_all().map_err(at)?;
        }
        for (i, temporary) in temporary.iter().enumerate() {
            let name = file_name(&report.bundle, i + 1);
            let path = folder.join(name);
            if let Err(fault) = fs::rename(&temporary.0, &path) {
                report.files.iter().for_each(|file| drop(fs::remove_file(file)));
                return Err(at(fault));
            }
            report.files.push(path);
        }
        report.parts = report.files.len();
        atomic::sync_folder(Some(folder)).map_err(at)?;
        Ok(self.report)
    }
}

/// What a part is called: nobody's name.
fn file_name(bundle: &[u8; 16], part: usize) -> String {
    format!("annona-{}-{part:03}.{ENDING}", hex(&bundle[..8]))
}

/// Ends a part, durable where it is a file; says how long it is.
fn ended(
    part: Part<'_, io::BufWriter<Sink>>,
    folder: Option<&Path>,
    number: u16,
) -> Result<u64, ExportFault> {
    let at =
        |fault| ExportFault::from(DiskFault::io("write", folder.unwrap_or(Path::new("")), fault));
    let out = part.finish(number).map_err(|fault| broken(folder, fault))?;
    let sink = out.into_inner().map_err(|fault| at(fault.into_error()))?;
    sink.sync().and_then(|()| sink.len()).map_err(at)
}

fn open_part<'a>(
    folder: Option<&Path>,
    bundle: [u8; 16],
    number: u16,
    sender: &'a Sender<'a>,
    plan: &'a [Plan],
    temporary: &mut Vec<Temporary>,
) -> Result<Part<'a, io::BufWriter<Sink>>, ExportFault> {
    let begin = |sink: Sink| {
        Part::begin(io::BufWriter::new(sink), bundle, number, sender, plan, &mut random)
            .map_err(|fault| broken(folder, fault))
    };
    let Some(folder) = folder else { return begin(Sink::nothing()) };
    if number == 1 {
        let ending = format!(".{ENDING}.part");
        atomic::sweep_parts(folder, |name| name.starts_with(".annona-") && name.ends_with(&ending));
    }
    let path = folder.join(format!(".{}.part", file_name(&bundle, usize::from(number))));
    let (file, held) = atomic::part(&path).map_err(|fault| DiskFault::io("write", &path, fault))?;
    temporary.push(Temporary(path, held));
    begin(Sink::File(file))
}

fn broken(folder: Option<&Path>, fault: WriteFault) -> ExportFault {
    match fault {
        WriteFault::Io(fault) => {
            DiskFault::io("write", folder.unwrap_or(Path::new("")), fault).into()
        }
        WriteFault::Seal(fault) => fault.into(),
        WriteFault::Frame(fault) => fault.into(),
        WriteFault::Recipient => ExportFault::Recipient { node: [0; 8], why: NoReader::SealingKey },
        WriteFault::TooMany => ExportFault::TooMany,
    }
}
