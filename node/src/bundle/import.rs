//! Taking in what others hold.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use annona_ledger::block::{Block, BlockFault, Evidence, Header, Proof};
use annona_ledger::charter::CharterRejection;
use annona_ledger::checkpoint::{Cosignature, Page, PageFault};
use annona_ledger::fork::ForkProof;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId, Lane, ProgrammeId};
use annona_ledger::key::Signature;
use annona_ledger::limits;
use annona_ledger::list::{Builder, ListRejection, Row};
use annona_ledger::notice::{Learned, NoticeRejection};
use annona_ledger::sync::blob::Gathering;
use annona_ledger::sync::frame::{self, Frame, Known};
use annona_ledger::time::Minute;
use annona_ledger::view::TicketRow;
use annona_ledger::wire::{self, Bounded};

use super::read::{Broken, Opened, Section};
use super::{FrameWrong, LIST_BYTES, PartFault};
use crate::disk::DiskFault;
use crate::keystore::Name;
use crate::node::{Node, NodeFault};
use crate::store::{Blob, ForkLearned, Received, StoreFault};

/// Blocks of one transaction: a killed import does at most so many again.
const BATCH: usize = 32;
/// Bytes of blocks and evidence waiting for the next commit.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Heads believed of one sender: three times what a federation of 1,500 terminals has.
const HEADS: usize = 32_768;
/// Checkpoints taken from one part.
const PAGES: usize = 16;
/// Cosignatures taken from one part.
const SAID: usize = 1_024;
/// Things of one kind that a report names; it counts all.
const NAMED: usize = 1_000;

/// What an import did and found.
#[derive(Debug, Default)]
pub struct Imported {
    /// The files, in order of bundle and part.
    pub parts: Vec<PartReport>,
    /// Articles that were new.
    pub articles: u64,
    /// Notices that were new.
    pub notices: u64,
    /// Blocks that were new.
    pub blocks: u64,
    /// Blocks that were here already.
    pub known: u64,
    /// Headers without bodies that were new.
    pub headers: u64,
    /// Lists whose rows were new.
    pub lists: u64,
    /// Checkpoints that were new.
    pub checkpoints: u64,
    /// Cosignatures that were new.
    pub cosignatures: u64,
    /// Checkpoints that tell of more than is known here.
    pub checkpoints_ahead: u64,
    /// What is still missing before something that was offered.
    pub gaps: BTreeSet<Gap>,
    /// Feeds that are shown to have forked. Told loudly: power stops for them, food does not.
    pub forks: BTreeSet<Shown>,
    /// Authors without a certificate here, whose blocks were passed over.
    pub unknown: BTreeSet<[u8; 8]>,
    /// The charter epoch that is needed for blocks that were passed over.
    pub charter_behind: Option<u32>,
    /// The epoch with two articles, where the charter has forked and nothing has healed it yet.
    pub charter_forked: Option<u32>,
    /// What others hold under this node's own key and this folder does not: it signs no more.
    pub own_ahead: Vec<OwnAhead>,
    /// What was not taken in, and why: the first thousand.
    pub refused: Vec<Misfit>,
    /// How many things were not taken in.
    pub refusals: u64,
    /// Whether it was called off.
    pub cancelled: bool,
}

/// What became of one file.
#[derive(Debug)]
pub struct PartReport {
    /// The file.
    pub path: PathBuf,
    /// Which bundle, and which part of how many. `None` where the head could not be read.
    pub place: Option<([u8; 16], u16, u16)>,
    /// The sender, as it says.
    pub sender: Option<[u8; 8]>,
    /// Whether what the sender holds was noted, because its signature is good.
    pub acknowledged: bool,
    /// Sections in it, and how many of them were for this node.
    pub sections: (usize, usize),
    /// What is wrong with it.
    pub faults: Vec<PartFault>,
    /// The medium's fault, where it could not be read.
    pub unreadable: Option<DiskFault>,
}

/// Entries that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The feed.
    pub feed: FeedId,
    /// The first index that is missing.
    pub have: u64,
    /// The first index that was offered.
    pub offered: u64,
}

/// A feed that says two things at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// The feed.
    pub feed: FeedId,
    /// The first index at which it does, where known.
    pub index: u64,
}

/// Entries under this node's own key that are not in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnAhead {
    /// The feed.
    pub feed: FeedId,
    /// How many entries others hold.
    pub theirs: u64,
    /// How many this folder had sealed.
    pub have: u64,
    /// Whether a signature of this node's own key was shown, or somebody only says so.
    pub proven: bool,
}

/// Something in a bundle that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// An article.
    #[error("article {epoch} does not follow: {why}")]
    Article {
        /// Its epoch.
        epoch: u32,
        /// Why.
        why: CharterRejection,
    },
    /// A notice.
    #[error("a notice is not accepted: {0}")]
    Notice(NoticeRejection),
    /// A block or header.
    #[error("block {seq} of {feed:?}: {why}")]
    Block {
        /// Its feed.
        feed: FeedId,
        /// Its number.
        seq: u64,
        /// Why.
        why: BlockFault,
    },
    /// A branch beyond those kept.
    #[error("{0:?} has more branches than are kept")]
    Branches(FeedId),
    /// A block where it may not stand, or of no feed.
    #[error("frame {0} stands where it may not")]
    Misplaced(u64),
    /// Evidence of another block.
    #[error("evidence belongs to no block before it")]
    Evidence,
    /// A fork proof that is none.
    #[error("a fork proof does not prove anything")]
    NoProof,
    /// The rows of a list.
    #[error("the rows of a list: {0}")]
    Rows(ListRejection),
    /// A checkpoint.
    #[error("a checkpoint: {0}")]
    Checkpoint(PageFault),
    /// The rows of a list that is not on the ledger, or not the list's.
    #[error("rows of a list that does not stand on the ledger")]
    NoList,
}

/// Takes in parts of bundles, in any order, again or for the first time.
///
/// `federation` is whose first article a node without a charter may accept. `go_on` is told how many of how many bytes
/// are done, and answers `false` to call the rest off; what is committed stays.
///
/// # Errors
///
/// [`NodeFault`] where this node's own folder fails. What is wrong with the files is in the answer.
pub fn import(
    node: &mut Node,
    paths: &[PathBuf],
    federation: Option<FederationId>,
    go_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Imported, NodeFault> {
    let ours = node.store().federation().ok();
    let Some(expected) = ours.or(federation) else { return Err(StoreFault::NoCharter.into()) };
    let seed = node.keys().get(Name::NodeSealing).and_then(crate::keystore::Secret::as_seed);
    let secret = zeroize::Zeroizing::new(*seed.ok_or(NodeFault::NoKey("sealing key"))?);
    let mut report = Imported::default();
    let mut files: Vec<(usize, u64)> = Vec::new();
    let mut order: Vec<&PathBuf> = paths.iter().collect();
    order.sort_by_key(|path| place_of(path));
    for path in order {
        let part = PartReport::new(path);
        let size = std::fs::metadata(path).map_or(0, |m| m.len());
        files.push((report.parts.len(), size));
        report.parts.push(part);
    }
    let total = files.iter().map(|(_, size)| *size).sum();
    loop {
        // Another round where something new may have let in what had to wait: a part before, a certificate, an article.
        let before = report.progress();
        report.gaps.clear();
        report.unknown.clear();
        report.charter_behind = None;
        let mut done = 0u64;
        for (at, size) in &files {
            let Some(part) = report.parts.get_mut(*at) else { continue };
            let mut part = std::mem::replace(part, PartReport::new(Path::new("")));
            part.faults.clear();
            let mut taking = Taking {
                node,
                report: &mut report,
                part: &mut part,
                go_on: &mut |bytes| go_on(done.saturating_add(bytes).min(total), total),
                pages: Vec::new(),
                said: Vec::new(),
            };
            let taken = taking.part(&expected, &secret);
            report.parts[*at] = part;
            taken?;
            done = done.saturating_add(*size);
            if report.cancelled {
                return Ok(report);
            }
        }
        report.charter_forked = node.store().charter_fork();
        let waits = !report.gaps.is_empty()
            || !report.unknown.is_empty()
            || report.charter_behind.is_some();
        if !waits || report.progress() == before {
            return Ok(report);
        }
    }
}

fn place_of(path: &Path) -> Option<([u8; 16], u16)> {
    let head = super::read::head(&mut File::open(path).ok()?).ok()?;
    Some((head.place.bundle, head.place.part))
}

impl PartReport {
    fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            place: None,
            sender: None,
            acknowledged: false,
            sections: (0, 0),
            faults: Vec::new(),
            unreadable: None,
        }
    }
}

impl Imported {
    /// Whether anything is wrong with the files, or anything was missing or refused.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let sound = |part: &PartReport| part.faults.is_empty() && part.unreadable.is_none();
        self.parts.iter().all(sound)
            && self.gaps.is_empty()
            && self.unknown.is_empty()
            && self.charter_behind.is_none()
            && self.charter_forked.is_none()
            && self.refusals == 0
            && !self.cancelled
    }

    fn progress(&self) -> u64 {
        self.articles + self.notices + self.blocks + self.headers
    }

    fn refuse(&mut self, misfit: Misfit) {
        if self.refused.contains(&misfit) {
            return;
        }
        self.refusals += 1;
        if self.refused.len() < NAMED {
            self.refused.push(misfit);
        }
    }
}

/// Something waiting for the next commit.
enum Item {
    Block(FeedId, Box<Block>, Option<Evidence>),
    Header(FeedId, Box<Header>, Signature),
    Fork(Box<ForkProof>),
}

/// What a section has come to so far.
#[derive(Default)]
struct Progress {
    programme: Option<ProgrammeId>,
    feed: Option<FeedId>,
    block: Option<(FeedId, Box<Block>)>,
    evidence: Vec<Proof>,
    evidence_bytes: usize,
    items: Vec<Item>,
    bytes: usize,
    frames: u64,
    frontier: Vec<Known>,
    outline: Vec<Known>,
    rows: Option<Rows>,
    lists: Option<BTreeSet<Hash>>,
    page: Gathering,
}

/// What a sender says it holds, once its signature has been found good.
struct Held {
    sender: [u8; 8],
    frontier: Vec<Known>,
    outline: Vec<Known>,
}

/// The rows of a list as they come.
struct Rows {
    list: Hash,
    builder: Builder,
    bytes: Vec<u8>,
}

struct Taking<'a> {
    node: &'a mut Node,
    report: &'a mut Imported,
    part: &'a mut PartReport,
    go_on: &'a mut dyn FnMut(u64) -> bool,
    pages: Vec<Page>,
    said: Vec<Cosignature>,
}

impl Taking<'_> {
    /// Keeps checkpoints and what is said about them, now that everything else of the part is here.
    fn checkpoints(&mut self) -> Result<(), NodeFault> {
        if self.node.store().charter().is_err() {
            return Ok(());
        }
        for page in std::mem::take(&mut self.pages) {
            match self.node.store_mut().keep_page(&page)? {
                Ok(Learned::New) => self.report.checkpoints += 1,
                Ok(Learned::Known) => {}
                // The part with its headers may still come, and every bundle brings the page again.
                Err(PageFault::Tips(_)) => self.report.checkpoints_ahead += 1,
                Err(fault) => self.report.refuse(Misfit::Checkpoint(fault)),
            }
        }
        for said in std::mem::take(&mut self.said) {
            let learned = self.node.store_mut().keep_cosignature(&said)?;
            self.report.cosignatures += u64::from(learned == Learned::New);
        }
        Ok(())
    }

    fn part(&mut self, federation: &FederationId, secret: &[u8; 32]) -> Result<(), NodeFault> {
        let opened = match File::open(&self.part.path) {
            Ok(file) => Opened::open(file, Some(secret)),
            Err(fault) => Err(fault.into()),
        };
        let mut opened = match opened {
            Ok(opened) => opened,
            Err(broken) => {
                self.broke(broken);
                return Ok(());
            }
        };
        let place = opened.head.place;
        self.part.place = Some((place.bundle, place.part, opened.head.parts));
        let sections = opened.head.directory.len();
        let ours = (0..sections).filter(|section| opened.has_key(*section)).count();
        self.part.sections = (sections, ours);
        let mut held: Option<Held> = None;
        for section in 0..sections {
            if !opened.has_key(section) {
                continue;
            }
            let begins = opened.begins(section);
            match opened.section(section, Some(federation)) {
                Ok(mut section) => held = held.or(self.section(&mut section, begins)?),
                Err(broken) => self.broke(broken),
            }
            if self.report.cancelled {
                return Ok(());
            }
        }
        self.part.faults.extend(opened.trailing());
        self.checkpoints()?;
        // Only now: what the sender holds is looked for among what its other sections brought.
        held.map_or(Ok(()), |held| self.acknowledge(&held))
    }

    fn broke(&mut self, broken: Broken) {
        match broken {
            Broken::Part(fault) => self.part.faults.push(fault),
            Broken::Io(fault) => {
                self.part.unreadable = Some(DiskFault::io("read", &self.part.path, fault));
            }
        }
    }

    fn section(
        &mut self,
        section: &mut Section<'_, File>,
        begins: u64,
    ) -> Result<Option<Held>, NodeFault> {
        let Some(from) = section.from().copied() else { return Ok(None) };
        self.part.sender = Some(from.node.short());
        let programme = Some(from.programme);
        let mut progress = Progress { programme, frames: 2, ..Progress::default() };
        let ended = loop {
            match section.frame() {
                Ok(Some(frame)) => self.frame(&mut progress, frame)?,
                Ok(None) => break true,
                Err(broken) => {
                    self.broke(broken);
                    break false;
                }
            }
            if !(self.go_on)(begins.saturating_add(section.done())) {
                self.report.cancelled = true;
                return Ok(None);
            }
        };
        // What came whole before a fault stays: a bad stick costs what is bad on it.
        self.block_ends(&mut progress)?;
        self.flush(&mut progress)?;
        if !ended {
            return Ok(None);
        }
        self.rows_end(&mut progress)?;
        let roster = self.node.store().roster();
        let Some(certificate) = roster.node(&from.node.short()).filter(|c| c.node == from.node)
        else {
            self.report.unknown.insert(from.node.short());
            return Ok(None);
        };
        if !section.signed_by(&certificate.transport) {
            self.part.faults.push(PartFault::Signature);
            return Ok(None);
        }
        let common = from.programme == ProgrammeId::NONE;
        let Progress { frontier, outline, .. } = progress;
        Ok(common.then_some(Held { sender: from.node.short(), frontier, outline }))
    }

    fn frame(&mut self, progress: &mut Progress, frame: Frame) -> Result<(), NodeFault> {
        let number = progress.frames;
        progress.frames = number.saturating_add(1);
        if !matches!(frame, Frame::Evidence { .. }) {
            self.block_ends(progress)?;
        }
        if !matches!(frame, Frame::ListRows { .. }) {
            self.rows_end(progress)?;
        }
        let misplaced = Misfit::Misplaced(number);
        match frame {
            Frame::Article(signed) => {
                self.flush(progress)?;
                match self.node.apply_article(&signed) {
                    Ok(Learned::New) => self.report.articles += 1,
                    Ok(Learned::Known) => {}
                    Err(NodeFault::Store(StoreFault::CharterForked { .. })) => {}
                    Err(NodeFault::Store(StoreFault::Article(why))) => {
                        self.report.refuse(Misfit::Article { epoch: signed.article.epoch, why });
                    }
                    Err(fault) => return Err(fault),
                }
            }
            Frame::Notice(signed) => {
                self.flush(progress)?;
                match self.node.learn(&signed) {
                    Ok(Learned::New) => self.report.notices += 1,
                    Ok(Learned::Known) => {}
                    Err(NodeFault::Store(StoreFault::Notice(why))) => {
                        self.report.refuse(Misfit::Notice(why));
                    }
                    Err(NodeFault::Store(StoreFault::NoCharter)) => self.report.refuse(misplaced),
                    Err(fault) => return Err(fault),
                }
            }
            Frame::Feed(feed) => progress.feed = Some(feed),
            Frame::Block(block) => match progress.feed.filter(|feed| progress.may_hold(feed)) {
                Some(feed) => progress.block = Some((feed, block)),
                None => self.report.refuse(misplaced),
            },
            Frame::Evidence { header, pieces, last, .. } => {
                self.evidence(progress, &header, pieces.into_vec(), last);
            }
            Frame::Header { header, signature } => match progress.feed {
                Some(feed) => {
                    progress.push(Item::Header(feed, Box::new(header), signature), 256);
                }
                None => self.report.refuse(misplaced),
            },
            Frame::ForkProof(proof) => progress.push(Item::Fork(proof), 1_024),
            Frame::Frontier(known) => progress.frontier.extend(known.into_vec()),
            Frame::Outline(known) => progress.outline.extend(known.into_vec()),
            Frame::ListRows { list, rows } => self.rows(progress, list, rows.into_vec())?,
            Frame::BlobChunk { kind: frame::PAGE, name, total, offset, bytes }
                if progress.programme == Some(ProgrammeId::NONE) =>
            {
                let limit = limits::CHECKPOINT_BYTES;
                match progress.page.take(name, total, offset, &bytes, limit) {
                    Ok(None) => {}
                    Ok(Some(whole)) if self.pages.len() < PAGES => match Page::decode(&whole) {
                        Ok(page) => self.pages.push(page),
                        Err(_) => self.report.refuse(misplaced),
                    },
                    Ok(Some(_)) | Err(_) => self.report.refuse(misplaced),
                }
            }
            Frame::Cosignature(said) if self.said.len() < SAID => self.said.push(*said),
            // Those of other places, and of links.
            _ => {
                self.part.faults.push(PartFault::Frame { frame: number, what: FrameWrong::Place });
            }
        }
        progress.frontier.truncate(HEADS);
        progress.outline.truncate(HEADS);
        if progress.items.len() >= BATCH || progress.bytes >= BATCH_BYTES {
            self.flush(progress)?;
        }
        Ok(())
    }

    fn evidence(&mut self, progress: &mut Progress, header: &Hash, pieces: Vec<Proof>, last: bool) {
        let bytes: usize = pieces.iter().map(|proof| proof.bytes.len()).sum();
        progress.evidence_bytes = progress.evidence_bytes.saturating_add(bytes);
        let count = progress.evidence.len().saturating_add(pieces.len());
        let fits = progress.evidence_bytes <= limits::BLOCK_EVIDENCE_BYTES
            && count <= limits::BLOCK_ENTRIES;
        let of = progress.block.as_ref().is_some_and(|(_, block)| block.header.hash() == *header);
        if !fits || !of {
            progress.evidence.clear();
            self.report.refuse(Misfit::Evidence);
            return;
        }
        progress.evidence.extend(pieces);
        if last && let Some((feed, block)) = progress.block.take() {
            let evidence = Bounded::new(std::mem::take(&mut progress.evidence)).map(Evidence).ok();
            let bytes = progress.evidence_bytes.saturating_add(block.body.len());
            progress.evidence_bytes = 0;
            progress.push(Item::Block(feed, block, evidence), bytes);
        }
    }

    /// A block without evidence, or with evidence that did not come to its end, goes as it is.
    fn block_ends(&mut self, progress: &mut Progress) -> Result<(), NodeFault> {
        progress.evidence.clear();
        progress.evidence_bytes = 0;
        if let Some((feed, block)) = progress.block.take() {
            let bytes = block.body.len();
            progress.push(Item::Block(feed, block, None), bytes);
            if progress.items.len() >= BATCH || progress.bytes >= BATCH_BYTES {
                self.flush(progress)?;
            }
        }
        Ok(())
    }

    /// Commits what is waiting.
    fn flush(&mut self, progress: &mut Progress) -> Result<(), NodeFault> {
        progress.bytes = 0;
        let items = std::mem::take(&mut progress.items);
        if items.is_empty() {
            return Ok(());
        }
        if self.node.store().charter().is_err() {
            self.report.refuse(Misfit::Misplaced(progress.frames));
            return Ok(());
        }
        let own = self.node.public();
        let mut ahead: Vec<OwnAhead> = Vec::new();
        let mut work = self.node.store_mut().begin()?;
        for item in items {
            let (feed, header, received) = match item {
                Item::Block(feed, block, evidence) => {
                    let mut received = work.receive(&feed, &block, evidence.as_ref());
                    if matches!(received, Err(StoreFault::Block(BlockFault::Evidence))) {
                        self.report.refuse(Misfit::Evidence);
                        received = work.receive(&feed, &block, None);
                    }
                    if matches!(received, Ok(Received::New | Received::Fork { .. })) {
                        self.report.blocks += 1;
                    }
                    self.report.known += u64::from(matches!(received, Ok(Received::Known)));
                    (feed, block.header, received)
                }
                Item::Header(feed, header, signature) => {
                    let received = work.receive_header(&feed, &header, &signature);
                    if matches!(received, Ok(Received::New | Received::Fork { .. })) {
                        self.report.headers += 1;
                    }
                    (feed, *header, received)
                }
                Item::Fork(proof) => {
                    match work.learn_fork(&proof)? {
                        ForkLearned::New { index } => {
                            self.report.forks.insert(Shown { feed: proof.feed, index });
                        }
                        ForkLearned::Known => {}
                        ForkLearned::NoProof => self.report.refuse(Misfit::NoProof),
                    }
                    continue;
                }
            };
            let (theirs, first) = (header.end().next, header.first);
            match received {
                Ok(received) => {
                    let news = matches!(
                        received,
                        Received::New | Received::Fork { .. } | Received::Gap { .. }
                    );
                    if feed.node == own && news {
                        let have = if let Received::Gap { have } = received { have } else { first };
                        ahead.push(OwnAhead { feed, theirs, have, proven: true });
                    }
                    self.report.received(feed, first, received);
                }
                Err(StoreFault::Block(why)) => {
                    self.report.refuse(Misfit::Block { feed, seq: header.seq, why });
                }
                Err(fault) => return Err(fault.into()),
            }
        }
        work.commit()?;
        for ahead in ahead {
            self.node.refuse(&ahead.feed, ahead.theirs, ahead.have)?;
            self.report.own_ahead.push(ahead);
        }
        Ok(())
    }

    fn rows(
        &mut self,
        progress: &mut Progress,
        list: Hash,
        rows: Vec<Row>,
    ) -> Result<(), NodeFault> {
        if progress.rows.as_ref().is_some_and(|rows| rows.list != list) {
            self.rows_end(progress)?;
        }
        let taking = progress.rows.get_or_insert_with(|| Rows {
            list,
            builder: Builder::new(),
            bytes: Vec::new(),
        });
        for row in rows {
            let fits = taking.bytes.len() < LIST_BYTES;
            let pushed = taking.builder.push(&row);
            if let Err(why) = pushed {
                self.report.refuse(Misfit::Rows(why));
            }
            if pushed.is_err() || !fits {
                // The root will not fit, and the rows are not kept.
                taking.builder = Builder::new();
                taking.bytes.clear();
                return Ok(());
            }
            taking.bytes.extend_from_slice(&wire::encode(&row));
        }
        Ok(())
    }

    fn rows_end(&mut self, progress: &mut Progress) -> Result<(), NodeFault> {
        let Some(rows) = progress.rows.take() else { return Ok(()) };
        let programme = progress.programme.unwrap_or(ProgrammeId::NONE);
        if progress.lists.is_none() {
            progress.lists = Some(self.lists(programme)?);
        }
        let stands = progress.lists.as_ref().is_some_and(|lists| lists.contains(&rows.list));
        let node = self.node.public().short();
        let draft = rows.builder.finish(node, programme, annona_ledger::id::CycleId(0), Minute(0));
        if !stands || draft.map(|draft| draft.root) != Ok(rows.list) {
            self.report.refuse(Misfit::NoList);
            return Ok(());
        }
        if self.node.store().blob(Blob::ListRows, &rows.list)?.is_none() {
            self.node.store().put_blob(Blob::ListRows, &rows.list, &rows.bytes)?;
            self.report.lists += 1;
        }
        Ok(())
    }

    /// The roots of all lists of a programme that stand on the ledger.
    fn lists(&self, programme: ProgrammeId) -> Result<BTreeSet<Hash>, NodeFault> {
        let work = self.node.store().look()?;
        let authors: BTreeSet<[u8; 8]> =
            work.feeds().iter().map(|feed| feed.id.node.short()).collect();
        let lists = authors.iter().flat_map(|author| work.lists_of(author));
        let roots = lists.filter(|(_, l)| l.programme == programme).map(|(_, l)| l.root).collect();
        work.check()?;
        Ok(roots)
    }

    /// Notes what the sender holds, as far as it can be found here.
    fn acknowledge(&mut self, held: &Held) -> Result<(), NodeFault> {
        let Held { sender, frontier, outline } = held;
        let own = self.node.public();
        let work = self.node.store_mut().begin()?;
        for known in frontier {
            if work.passes(&known.feed, &known.head, true)? {
                work.note_seen(sender, &known.feed, known.head.next)?;
            } else if known.feed.node == own {
                let chains = work.chains_of(&known.feed);
                let have = chains.iter().map(|chain| chain.sealed.next).max().unwrap_or(0);
                let (feed, theirs) = (known.feed, known.head.next);
                let told = self.report.own_ahead.iter().any(|a| a.feed == feed);
                if theirs > have && !told {
                    self.report.own_ahead.push(OwnAhead { feed, theirs, have, proven: false });
                }
            }
        }
        for known in outline {
            if work.passes(&known.feed, &known.head, false)? {
                work.note_outlined(sender, &known.feed, known.head.next)?;
            }
        }
        work.commit()?;
        self.part.acknowledged = true;
        Ok(())
    }
}

impl Progress {
    /// Whether bodies of a feed may stand in this section.
    fn may_hold(&self, feed: &FeedId) -> bool {
        let of = if feed.lane == Lane::Control { ProgrammeId::NONE } else { feed.programme };
        self.programme == Some(of)
            && (feed.lane == Lane::Control) == (feed.programme == ProgrammeId::NONE)
    }

    fn push(&mut self, item: Item, bytes: usize) {
        self.items.push(item);
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Imported {
    fn received(&mut self, feed: FeedId, first: u64, received: Received) {
        match received {
            Received::New | Received::Known => {}
            Received::Gap { have } => {
                let later = self.gaps.iter().any(|gap| gap.feed == feed && gap.offered <= first);
                if !later && self.gaps.len() < NAMED {
                    self.gaps.insert(Gap { feed, have, offered: first });
                }
            }
            Received::Fork { index } => {
                self.forks.insert(Shown { feed, index });
            }
            Received::AuthorUnknown => {
                if self.unknown.len() < NAMED {
                    self.unknown.insert(feed.node.short());
                }
            }
            Received::CharterBehind { epoch } => {
                self.charter_behind = self.charter_behind.max(Some(epoch));
            }
            Received::TooManyBranches => self.refuse(Misfit::Branches(feed)),
        }
    }
}

/// What is on its way to this node and waits to be claimed. Nothing claims it by itself.
///
/// # Errors
///
/// [`NodeFault`].
pub fn coming(node: &Node) -> Result<Vec<(ProgrammeId, Hash, TicketRow)>, NodeFault> {
    let work = node.store().look()?;
    let own = node.public().short();
    let mut found = Vec::new();
    for (programme, _) in node.store().charter()?.programmes() {
        let coming = work.coming(&own, programme).into_iter();
        found.extend(coming.map(|(name, ticket)| (programme, name, ticket)));
    }
    work.check()?;
    Ok(found)
}
