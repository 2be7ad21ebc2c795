//! Writing an audit file (spec/audit-file.md): streaming, whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use annona_ledger::block::{Block, Evidence};
use annona_ledger::charter::SignedArticle;
use annona_ledger::fork::ForkProof;
use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{FederationId, FeedId};
use annona_ledger::notice::SignedNotice;
use annona_ledger::sync::blob;
use annona_ledger::sync::frame::{Frame, FrameFault, PAGE};
use annona_ledger::wire::Bounded;

use crate::atomic;
use crate::disk::DiskFault;
use crate::sink::Sink;
use crate::store::{SignedHeader, Store, StoreFault};

/// The first bytes of an audit file. They hold its version.
pub const MAGIC: &[u8; 16] = b"annona audit v1\n";

/// Bytes of evidence pieces put into one frame.
const EVIDENCE_FRAME: usize = 48 * 1024;

/// Why an audit file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportFault {
    /// The ledger could not be read.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The file could not be written.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// Something is larger than a frame: nothing that was admitted is.
    #[error(transparent)]
    Frame(#[from] FrameFault),
}

/// What an audit file is written from.
pub trait Ledger {
    /// The federation.
    ///
    /// # Errors
    ///
    /// A storage fault, here and below.
    fn federation(&self) -> Result<FederationId, StoreFault>;
    /// The articles, by epoch.
    ///
    /// # Errors
    ///
    /// A storage fault.
    fn articles(&self) -> Result<Vec<SignedArticle>, StoreFault>;
    /// The notices, ascending by hash.
    ///
    /// # Errors
    ///
    /// A storage fault.
    fn notices(&self) -> Result<Vec<SignedNotice>, StoreFault>;
    /// The feeds, ascending, each once.
    ///
    /// # Errors
    ///
    /// A storage fault.
    fn feeds(&self) -> Result<Vec<FeedId>, StoreFault>;
    /// The headers of blocks of a feed whose bodies are not here, ascending by number.
    ///
    /// # Errors
    ///
    /// A storage fault.
    fn pruned(&self, feed: &FeedId) -> Result<Vec<SignedHeader>, StoreFault> {
        let _ = feed;
        Ok(Vec::new())
    }
    /// The proofs that feeds forked: the other branch need not be here.
    ///
    /// # Errors
    ///
    /// A storage fault.
    fn fork_proofs(&self) -> Result<Vec<ForkProof>, StoreFault> {
        Ok(Vec::new())
    }
    /// The checkpoints, oldest first, as the frames that carry them.
    ///
    /// # Errors
    ///
    /// A storage fault.
    fn checkpoints(&self) -> Result<Vec<Frame>, StoreFault> {
        Ok(Vec::new())
    }
    /// The sealed blocks of a feed, ascending by number and header hash.
    ///
    /// # Errors
    ///
    /// A storage fault, or what `each` answers.
    fn blocks(
        &self,
        feed: &FeedId,
        each: &mut dyn FnMut(Block, Option<Evidence>) -> Result<(), ExportFault>,
    ) -> Result<(), ExportFault>;
}

impl Ledger for Store {
    fn federation(&self) -> Result<FederationId, StoreFault> {
        Self::federation(self)
    }

    fn articles(&self) -> Result<Vec<SignedArticle>, StoreFault> {
        Self::articles(self)
    }

    fn notices(&self) -> Result<Vec<SignedNotice>, StoreFault> {
        Ok(self.roster().notices().cloned().collect())
    }

    fn feeds(&self) -> Result<Vec<FeedId>, StoreFault> {
        let mut feeds: Vec<FeedId> = Self::feeds(self)?.iter().map(|feed| feed.id).collect();
        // Those whose bodies stay with others: checkpoints name their tips too.
        feeds.extend(self.look()?.outlines()?.into_iter().map(|outline| outline.feed));
        feeds.sort_unstable();
        feeds.dedup();
        Ok(feeds)
    }

    fn pruned(&self, feed: &FeedId) -> Result<Vec<SignedHeader>, StoreFault> {
        let work = self.look()?;
        let mut without = Vec::new();
        if work.outline(feed)?.is_some() {
            work.headers::<StoreFault>(feed, 0, |(header, signature)| {
                if !work.has_body(feed, &header)? {
                    without.push((header, signature));
                }
                Ok(())
            })?;
        }
        Ok(without)
    }

    fn fork_proofs(&self) -> Result<Vec<ForkProof>, StoreFault> {
        self.look()?.fork_proofs()
    }

    fn checkpoints(&self) -> Result<Vec<Frame>, StoreFault> {
        let mut frames = Vec::new();
        for hash in self.page_hashes()?.into_iter().rev() {
            let Some(kept) = self.kept_page(&hash)? else { continue };
            frames.extend(blob::pieces(PAGE, hash, &kept.page.encode()));
            let said = kept.cosignatures.into_iter();
            frames.extend(said.map(|said| Frame::Cosignature(Box::new(said))));
        }
        Ok(frames)
    }

    fn blocks(
        &self,
        feed: &FeedId,
        each: &mut dyn FnMut(Block, Option<Evidence>) -> Result<(), ExportFault>,
    ) -> Result<(), ExportFault> {
        let work = self.look()?;
        let chains = work.chains_of(feed);
        if let [only] = &*chains {
            return work
                .blocks(only.chain, 0, |row, evidence| each(row.block, evidence).map(|()| true));
        }
        // A feed that forked: the numbers of all its chains in one order, then each block by its number.
        let mut order: Vec<(u64, Hash, usize)> = Vec::new();
        for (which, chain) in chains.iter().enumerate() {
            work.blocks::<StoreFault>(chain.chain, 0, |row, _| {
                order.push((row.block.header.seq, row.block.header.hash(), which));
                Ok(true)
            })?;
        }
        order.sort_unstable();
        for (seq, _, which) in order {
            let Some(chain) = chains.get(which) else { continue };
            work.blocks::<ExportFault>(chain.chain, seq, |row, evidence| {
                each(row.block, evidence).map(|()| false)
            })?;
        }
        Ok(())
    }
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    /// Bytes.
    pub bytes: u64,
    /// Feeds.
    pub feeds: u64,
    /// Blocks.
    pub blocks: u64,
    /// Entries.
    pub entries: u64,
    /// The digest at the end of the file.
    pub digest: Hash,
}

struct Out {
    path: PathBuf,
    file: BufWriter<Sink>,
    hasher: Hasher,
    frames: u64,
    bytes: u64,
}

impl Out {
    fn fault(&self, source: io::Error) -> DiskFault {
        DiskFault::io("write", &self.path, source)
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), ExportFault> {
        self.hasher.update(bytes);
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.file.write_all(bytes).map_err(|source| self.fault(source))?;
        Ok(())
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), ExportFault> {
        self.frames = self.frames.saturating_add(1);
        self.raw(&frame.encode()?)
    }

    fn evidence(&mut self, block: &Block, evidence: Evidence) -> Result<(), ExportFault> {
        let (seq, header) = (block.header.seq, block.header.hash());
        let mut pieces = Vec::new();
        let mut bytes = 0usize;
        let mut all = evidence.0.into_vec().into_iter().peekable();
        while let Some(piece) = all.next() {
            bytes = bytes.saturating_add(piece.bytes.len()).saturating_add(8);
            pieces.push(piece);
            let last = all.peek().is_none();
            if last || bytes > EVIDENCE_FRAME {
                bytes = 0;
                let pieces = Bounded::new(std::mem::take(&mut pieces)).unwrap_or_default();
                self.frame(&Frame::Evidence { seq, header, pieces, last })?;
            }
        }
        Ok(())
    }
}

/// Writes an audit file of everything sealed. The file appears under its name once it is whole and on disk.
///
/// # Errors
///
/// [`ExportFault`]; then nothing stands under the name that did not stand there before.
pub fn export(ledger: &impl Ledger, path: &Path) -> Result<Exported, ExportFault> {
    let mut part = path.as_os_str().to_owned();
    // Two exports to one name write two files; the last to end is kept.
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    atomic::sweep_parts(path.parent().unwrap_or(Path::new("")), |name| is_part(path, name));
    let (file, _held) =
        atomic::part(&part).map_err(|source| DiskFault::io("create", &part, source))?;
    let written = write(ledger, &part, Sink::File(file));
    let named = written.and_then(|exported| {
        let named = fs::rename(&part, path).and_then(|()| atomic::sync_folder(path.parent()));
        named.map_err(|source| DiskFault::io("name", path, source))?;
        Ok(exported)
    });
    if named.is_err() {
        // What could not be finished is of no use; that it could not be removed would hide why.
        drop(fs::remove_file(&part));
    }
    named
}

/// Whether a file is what an export to `path` that was killed has left.
pub(crate) fn is_part(path: &Path, name: &str) -> bool {
    let whole = path.file_name().and_then(|whole| whole.to_str()).unwrap_or_default();
    let number = name.strip_prefix(whole).and_then(|rest| rest.strip_prefix('.'));
    let number = number.and_then(|rest| rest.strip_suffix(".part")).unwrap_or_default();
    !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
}

/// What an audit file of everything sealed would be, byte for byte. Nothing is written.
///
/// # Errors
///
/// As [`export`].
pub fn measure(ledger: &impl Ledger) -> Result<Exported, ExportFault> {
    write(ledger, Path::new(""), Sink::nothing())
}

fn write(ledger: &impl Ledger, path: &Path, file: Sink) -> Result<Exported, ExportFault> {
    let mut out = Out {
        path: path.to_owned(),
        file: BufWriter::with_capacity(1 << 17, file),
        hasher: Hasher::new(Purpose::File),
        frames: 0,
        bytes: 0,
    };
    out.raw(MAGIC)?;
    out.raw(&ledger.federation()?.0.0)?;
    for article in ledger.articles()? {
        out.frame(&Frame::Article(Box::new(article)))?;
    }
    for notice in ledger.notices()? {
        out.frame(&Frame::Notice(Box::new(notice)))?;
    }
    let (mut feeds, mut blocks, mut entries) = (0u64, 0u64, 0u64);
    for feed in ledger.feeds()? {
        feeds = feeds.saturating_add(1);
        out.frame(&Frame::Feed(feed))?;
        // What was pruned stands as headers, in its place among the blocks.
        let mut pruned = ledger.pruned(&feed)?.into_iter().peekable();
        ledger.blocks(&feed, &mut |block, evidence| {
            while let Some((header, signature)) =
                pruned.next_if(|(header, _)| header.seq < block.header.seq)
            {
                out.frame(&Frame::Header { header, signature })?;
            }
            blocks = blocks.saturating_add(1);
            entries = entries.saturating_add(u64::from(block.header.count));
            let block = Box::new(block);
            out.frame(&Frame::Block(block.clone()))?;
            evidence.map_or(Ok(()), |evidence| out.evidence(&block, evidence))
        })?;
        for (header, signature) in pruned {
            out.frame(&Frame::Header { header, signature })?;
        }
    }
    for proof in ledger.fork_proofs()? {
        out.frame(&Frame::ForkProof(Box::new(proof)))?;
    }
    for frame in ledger.checkpoints()? {
        out.frame(&frame)?;
    }
    let digest = out.hasher.finish();
    out.frame(&Frame::Bye { count: out.frames, digest })?;
    out.file.flush().map_err(|source| out.fault(source))?;
    out.file.get_ref().sync().map_err(|source| out.fault(source))?;
    Ok(Exported { bytes: out.bytes, feeds, blocks, entries, digest })
}
