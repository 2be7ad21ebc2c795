//! Taking in what others hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::ops::Deref;
use std::path::{Path, PathBuf};

use annona_ledger::block::{Block, Evidence, Proof};
use annona_ledger::checkpoint::{Cosignature, Page};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId, Lane, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::list::Row;
use annona_ledger::sync::blob::Gathering;
use annona_ledger::sync::frame::{self, Frame, Known};
use annona_ledger::sync::talk::{Letter, Over};
use annona_ledger::view::TicketRow;
use annona_ledger::wire::Bounded;

use super::read::{Broken, Opened, Section};
use super::{FrameWrong, LETTERS, PartFault};
use crate::disk::DiskFault;
use crate::keystore;
use crate::letters::{self, Came, KNOWN, Letters, OUT};
use crate::node::{Node, NodeFault};
use crate::store::StoreFault;
use crate::taking::{self, Item, Misfit, OwnAhead, Rows, Taken};

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

/// What an import did and found.
#[derive(Debug, Default)]
pub struct Imported {
    /// The files, in order of bundle and part.
    pub parts: Vec<PartReport>,
    /// What was taken in of all of them.
    pub taken: Taken,
    /// Whether it was called off.
    pub cancelled: bool,
}

impl Deref for Imported {
    type Target = Taken;

    fn deref(&self) -> &Taken {
        &self.taken
    }
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
    let seed = node.keys().get(keystore::Name::NodeSealing).and_then(keystore::Secret::as_seed);
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
    // No more rounds than could bring a whole bundle, whatever the order of its parts: who wrote blocks backwards is read
    // a few times, not once a block.
    for _ in 0..files.len().saturating_add(2) {
        // Another round where something new may have let in what had to wait: a part before, a certificate, an article.
        let before = report.taken.progress();
        report.taken.gaps.clear();
        report.taken.unknown.clear();
        report.taken.charter_behind = None;
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
        let taken = &mut report.taken;
        taken.charter_forked = node.store().charter_fork();
        let waits =
            !taken.gaps.is_empty() || !taken.unknown.is_empty() || taken.charter_behind.is_some();
        if !waits || taken.progress() == before {
            break;
        }
    }
    Ok(report)
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
            && self.taken.gaps.is_empty()
            && self.taken.unknown.is_empty()
            && self.taken.charter_behind.is_none()
            && self.taken.charter_forked.is_none()
            && self.taken.refusals == 0
            && !self.cancelled
    }
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
    /// Feeds of which something before was missing, with how much of them is here: what lies beyond has no place either.
    gapped: BTreeMap<FeedId, u64>,
    frontier: Vec<Known>,
    outline: Vec<Known>,
    rows: Option<Rows>,
    lists: Option<BTreeSet<Hash>>,
    page: Gathering,
    letters: Vec<Letter>,
    /// Letters of this node that the sender has.
    arrived: Vec<Over>,
}

/// What a sender says it holds, once its signature has been found good.
struct Held {
    sender: [u8; 8],
    frontier: Vec<Known>,
    outline: Vec<Known>,
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
        let (pages, said) = (std::mem::take(&mut self.pages), std::mem::take(&mut self.said));
        let taken = &mut self.report.taken;
        // The part with its headers may still come, and every bundle brings the page again.
        let ahead = taking::checkpoints(self.node, pages, &said, taken)?;
        taken.checkpoints_ahead += ahead.len() as u64;
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
        self.node.store_mut().fresh()?;
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
                Ok(Some(frame)) => {
                    if !self.frame(&mut progress, frame)? {
                        break false;
                    }
                }
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
            self.report.taken.unknown.insert(from.node.short());
            return Ok(None);
        };
        if !section.signed_by(&certificate.transport) {
            self.part.faults.push(PartFault::Signature);
            return Ok(None);
        }
        let common = from.programme == ProgrammeId::NONE;
        let Progress { frontier, outline, letters, arrived, .. } = progress;
        // Whose they are is known now.
        self.letters(&from.node.short(), &letters, &arrived)?;
        Ok(common.then_some(Held { sender: from.node.short(), frontier, outline }))
    }

    fn letters(
        &mut self,
        from: &[u8; 8],
        letters: &[Letter],
        arrived: &[Over],
    ) -> Result<(), NodeFault> {
        let (kept, today) = (Letters::of(self.node.folder().root()), letters::days(self.node)?);
        let rehearsing = self.node.is_rehearsing();
        if !rehearsing {
            kept.sweep(today);
        }
        for letter in letters {
            let whole = letters::is_whole(self.node, &letter.bytes)?;
            let came = if rehearsing {
                kept.judge(from, letter, whole, today)
            } else {
                kept.came(from, letter, whole, today).map_err(StoreFault::from)?
            };
            match came {
                Came::New => drop(self.report.taken.letters.insert(letter.name())),
                Came::Never => self.report.taken.refuse(Misfit::Letter),
                Came::Known | Came::Not => {}
            }
        }
        if !rehearsing {
            arrived.iter().for_each(|over| kept.heard(from, over));
        }
        Ok(())
    }

    /// Takes one frame. `false` where it is none of this place: its section ends there (fault 10 of spec/bundle.md).
    fn frame(&mut self, progress: &mut Progress, frame: Frame) -> Result<bool, NodeFault> {
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
                taking::article(self.node, &signed, &mut self.report.taken)?;
            }
            Frame::Notice(signed) => {
                self.flush(progress)?;
                taking::notice(self.node, &signed, &mut self.report.taken)?;
            }
            Frame::Feed(feed) => progress.feed = Some(feed),
            Frame::Block(block) => match progress.feed.filter(|feed| progress.may_hold(feed)) {
                Some(feed) if progress.lies_beyond(&feed, &block) => {}
                Some(feed) => progress.block = Some((feed, block)),
                None => self.report.taken.refuse(misplaced),
            },
            Frame::Evidence { header, pieces, last, .. } => {
                self.evidence(progress, &header, pieces.into_vec(), last);
            }
            Frame::Header { header, signature } => match progress.feed {
                Some(feed) => {
                    progress.push(Item::Header(feed, Box::new(header), signature), 256);
                }
                None => self.report.taken.refuse(misplaced),
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
                        Err(_) => self.report.taken.refuse(misplaced),
                    },
                    Ok(Some(_)) | Err(_) => self.report.taken.refuse(misplaced),
                }
            }
            Frame::Cosignature(said) => {
                if self.said.len() < SAID {
                    self.said.push(*said);
                }
            }
            Frame::Letter(letter) if progress.is_letters(progress.letters.len(), OUT) => {
                progress.letters.push(*letter);
            }
            Frame::Over(over @ (Over::Letter(_) | Over::NotTaken(_)))
                if progress.is_letters(progress.arrived.len(), KNOWN) =>
            {
                progress.arrived.push(over);
            }
            // Those of other places, and of links.
            _ => {
                self.part.faults.push(PartFault::Frame { frame: number, what: FrameWrong::Place });
                return Ok(false);
            }
        }
        progress.frontier.truncate(HEADS);
        progress.outline.truncate(HEADS);
        if progress.items.len() >= BATCH || progress.bytes >= BATCH_BYTES {
            self.flush(progress)?;
        }
        Ok(true)
    }

    fn evidence(&mut self, progress: &mut Progress, header: &Hash, pieces: Vec<Proof>, last: bool) {
        let bytes: usize = pieces.iter().map(|proof| proof.bytes.len()).sum();
        progress.evidence_bytes = progress.evidence_bytes.saturating_add(bytes);
        let count = progress.evidence.len().saturating_add(pieces.len());
        if progress.block.is_none()
            && progress.feed.is_some_and(|f| progress.gapped.contains_key(&f))
        {
            // Of a block that was passed over.
            progress.evidence_bytes = 0;
            return;
        }
        let fits = progress.evidence_bytes <= limits::BLOCK_EVIDENCE_BYTES
            && count <= limits::BLOCK_ENTRIES;
        let of = progress.block.as_ref().is_some_and(|(_, block)| block.header.hash() == *header);
        if !fits || !of {
            progress.evidence.clear();
            self.report.taken.refuse(Misfit::Evidence);
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
            self.report.taken.refuse(Misfit::Misplaced(progress.frames));
            return Ok(());
        }
        let before = self.report.taken.gaps.clone();
        taking::take(self.node, items, None, &mut self.report.taken)?;
        let own = self.node.public();
        let fresh = self.report.taken.gaps.difference(&before).filter(|gap| gap.feed.node != own);
        progress.gapped.extend(fresh.map(|gap| (gap.feed, gap.have)));
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
        let taking = progress.rows.get_or_insert_with(|| Rows::new(list));
        taking.push(rows, &mut self.report.taken);
        Ok(())
    }

    fn rows_end(&mut self, progress: &mut Progress) -> Result<(), NodeFault> {
        let Some(rows) = progress.rows.take() else { return Ok(()) };
        let programme = progress.programme.unwrap_or(ProgrammeId::NONE);
        if progress.lists.is_none() {
            self.node.store_mut().fresh()?;
            progress.lists = Some(taking::lists(self.node, programme)?);
        }
        let stands = progress.lists.as_ref().is_some_and(|lists| lists.contains(&rows.list));
        taking::keep_list(self.node, programme, rows, stands, &mut self.report.taken)
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
                let told = self.report.taken.own_ahead.iter().any(|a| a.feed == feed);
                if theirs > have && !told {
                    self.report.taken.own_ahead.push(OwnAhead {
                        feed,
                        theirs,
                        have,
                        proven: false,
                    });
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

    /// Whether another of so many may stand in this section, which is of letters.
    fn is_letters(&self, have: usize, most: usize) -> bool {
        self.programme == Some(LETTERS) && have < most
    }

    /// Whether a block lies beyond what is missing of its feed: it need not be read to know that it has no place.
    fn lies_beyond(&self, feed: &FeedId, block: &Block) -> bool {
        self.gapped.get(feed).is_some_and(|have| block.header.first > *have)
    }

    fn push(&mut self, item: Item, bytes: usize) {
        self.items.push(item);
        self.bytes = self.bytes.saturating_add(bytes);
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
