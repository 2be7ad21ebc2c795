//! Reading an audit file: where its parts lie is found in one quick pass over lengths, then any thread reads any feed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

use annona_ledger::audit::verdict::FileProblem;
use annona_ledger::audit::{Cosigned, End, Item, Said, Source};
use annona_ledger::block::Block;
use annona_ledger::checkpoint::{Cosignature, Page};
use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{FederationId, FeedId};
use annona_ledger::limits;
use annona_ledger::sync::blob::Gathering;
use annona_ledger::sync::frame::{self, Frame, FrameFault, PREFIX};

use super::checkpoints::Checked;
use super::export::MAGIC;
use crate::disk::DiskFault;

/// Kinds of frames that say which feed the following ones belong to, or that belong to one.
const FEED: u8 = 3;
const BLOCK: u8 = 4;
const EVIDENCE: u8 = 5;
const HEADER: u8 = 6;
const COSIGNATURE: u8 = 16;
const BYE: u8 = 12;

/// A run of frames, by offset: from the first one's length to behind the last.
type Run = (u64, u64);

/// An audit file.
pub struct AuditFile {
    path: PathBuf,
    federation: Option<FederationId>,
    /// Runs of frames that belong to no feed.
    said: Vec<Run>,
    feeds: BTreeMap<FeedId, Vec<Run>>,
    end: End,
    bye: Option<(u64, u64, Hash)>,
    frames: u64,
    again: Mutex<Option<File>>,
    checked: OnceLock<Checked>,
}

impl AuditFile {
    /// Opens a file and finds its parts. A file that is none opens too: it says so in the verdict.
    ///
    /// # Errors
    ///
    /// [`DiskFault`] where the file cannot be opened or read at all.
    pub fn open(path: &Path) -> Result<Self, DiskFault> {
        let fault = |source| DiskFault::io("read", path, source);
        let file = File::open(path).map_err(fault)?;
        let size = file.metadata().map_err(fault)?.len();
        let mut audit = Self {
            path: path.to_owned(),
            federation: None,
            said: Vec::new(),
            feeds: BTreeMap::new(),
            end: End { size: Some(size), ..End::default() },
            bye: None,
            frames: 0,
            again: Mutex::new(None),
            checked: OnceLock::new(),
        };
        audit.index(file, size).map_err(fault)?;
        Ok(audit)
    }

    /// The federation the file says it is of.
    #[must_use]
    pub const fn federation(&self) -> Option<FederationId> {
        self.federation
    }

    /// How many bytes it has.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.end.size.unwrap_or_default()
    }

    /// The digest that its last frame says, by which two copies are known for one; `None` where it ends before that. Whether
    /// it is true, the audit tells.
    #[must_use]
    pub fn said_digest(&self) -> Option<Hash> {
        self.bye.map(|(_, _, digest)| digest)
    }

    /// How many bytes each feed takes: what to begin with.
    #[must_use]
    pub fn sizes(&self) -> BTreeMap<FeedId, u64> {
        let bytes = |runs: &Vec<Run>| runs.iter().map(|(from, to)| to.saturating_sub(*from)).sum();
        self.feeds.iter().map(|(feed, runs)| (*feed, bytes(runs))).collect()
    }

    fn problem(&mut self, offset: u64, problem: FileProblem) {
        self.end.problems.push((offset, problem));
    }

    /// Finds where things lie. Reads lengths and kinds, and `feed` frames whole.
    fn index(&mut self, file: File, size: u64) -> io::Result<()> {
        if size == 0 {
            self.problem(0, FileProblem::Empty);
            return Ok(());
        }
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut start = [0u8; 48];
        let read = read_full(&mut reader, &mut start)?;
        if start.get(..16) != Some(MAGIC) {
            self.problem(0, FileProblem::NotAuditFile);
            return Ok(());
        }
        if read < start.len() {
            self.end.reached = read as u64;
            self.problem(read as u64, FileProblem::Truncated);
            return Ok(());
        }
        let mut federation = [0u8; 32];
        federation.copy_from_slice(&start[16..]);
        self.federation = Some(FederationId(Hash(federation)));
        let mut at = start.len() as u64;
        let mut feed: Option<FeedId> = None;
        while at < size {
            let mut head = [0u8; PREFIX + 1];
            let short = read_full(&mut reader, &mut head)? < head.len();
            let [a, b, c, d, kind] = head;
            let len = match frame::length([a, b, c, d]) {
                Ok(len) if !short => len as u64,
                Err(_) if !short => {
                    // Where the next frame begins is not known any more.
                    self.add(None, (at, at.saturating_add(PREFIX as u64)));
                    break;
                }
                Ok(_) | Err(_) => {
                    self.problem(at, FileProblem::Truncated);
                    break;
                }
            };
            let next = at.saturating_add(PREFIX as u64).saturating_add(len);
            if next > size {
                self.problem(at, FileProblem::Truncated);
                break;
            }
            let rest = len.saturating_sub(1);
            self.frames = self.frames.saturating_add(1);
            if kind == FEED || kind == BYE {
                let mut body = vec![0u8; usize::try_from(len).unwrap_or_default()];
                body[0] = kind;
                reader.read_exact(&mut body[1..])?;
                match Frame::decode(&body) {
                    // It is kept once something of it follows: of empty ones a file may have millions.
                    Ok(Frame::Feed(id)) => feed = Some(id),
                    Ok(Frame::Bye { count, digest }) => {
                        self.bye = Some((at, count, digest));
                        self.end.reached = next;
                        if next < size {
                            self.problem(next, FileProblem::Trailing);
                        }
                        return Ok(());
                    }
                    // What follows a feed frame that cannot be read belongs to nobody known.
                    _ => {
                        feed = None;
                        self.add(None, (at, next));
                    }
                }
            } else {
                reader.seek_relative(i64::try_from(rest).unwrap_or(i64::MAX))?;
                let of_feed = matches!(kind, BLOCK | EVIDENCE | HEADER);
                // Articles and notices stand before the feeds; whatever else is odd is said where it stands.
                let whose =
                    if of_feed || (kind >= 13 && kind != COSIGNATURE) { feed } else { None };
                self.add(whose, (at, next));
            }
            at = next;
            self.end.reached = at;
        }
        if self.end.problems.is_empty() {
            self.problem(self.end.reached, FileProblem::Truncated);
        }
        Ok(())
    }

    fn add(&mut self, feed: Option<FeedId>, run: Run) {
        let runs = match feed {
            Some(feed) => self.feeds.entry(feed).or_default(),
            None => &mut self.said,
        };
        match runs.last_mut() {
            Some(last) if last.1 == run.0 => last.1 = run.1,
            _ => runs.push(run),
        }
    }

    /// Hashes the file as a whole and holds it against its last frame.
    #[must_use]
    pub fn digest(&self) -> Option<(u64, FileProblem)> {
        let (at, count, digest) = self.bye?;
        let hashed = || -> io::Result<Hash> {
            let mut hasher = Hasher::new(Purpose::File);
            let mut file = File::open(&self.path)?.take(at);
            let mut buffer = vec![0u8; 1 << 16];
            loop {
                let read = file.read(&mut buffer)?;
                if read == 0 {
                    return Ok(hasher.finish());
                }
                hasher.update(buffer.get(..read).unwrap_or_default());
            }
        };
        match hashed() {
            Err(_) => Some((at, FileProblem::Unreadable)),
            Ok(found) if found != digest => Some((at, FileProblem::Digest)),
            Ok(_) if count != self.frames.saturating_sub(1) => Some((at, FileProblem::Count)),
            Ok(_) => None,
        }
    }

    /// Reads the frames of some runs, each with its offset.
    fn read(&self, runs: &[Run], each: &mut dyn FnMut(u64, Result<Frame, FrameFault>) -> bool) {
        let mut read = || -> io::Result<()> {
            let mut reader = BufReader::with_capacity(1 << 17, File::open(&self.path)?);
            let mut body = Vec::new();
            for (from, to) in runs {
                let mut at = *from;
                reader.seek(SeekFrom::Start(at))?;
                while at < *to {
                    let mut prefix = [0u8; PREFIX];
                    reader.read_exact(&mut prefix)?;
                    let len = match frame::length(prefix) {
                        Ok(len) => len,
                        Err(fault) => {
                            each(at, Err(fault));
                            return Ok(());
                        }
                    };
                    body.resize(len, 0);
                    reader.read_exact(&mut body)?;
                    if !each(at, Frame::decode(&body)) {
                        return Ok(());
                    }
                    at = at.saturating_add((PREFIX as u64).saturating_add(len as u64));
                }
            }
            Ok(())
        };
        if read().is_err() {
            // A file that shrank or went away while it was read: what is missing shows as missing.
            each(self.end.reached, Err(FrameFault::Length(0)));
        }
    }
}

impl AuditFile {
    /// Its checkpoints, held against its headers; once.
    pub(super) fn checked(&self) -> &Checked {
        self.checked.get_or_init(|| Checked::of(self))
    }

    /// The pages of checkpoints in the file, and what is said about them. Pieces that do not come together are left out.
    #[must_use]
    pub fn vouched(&self) -> (Vec<Page>, Vec<Cosignature>) {
        let (mut pages, mut said) = (Vec::new(), Vec::new());
        let mut gathering = Gathering::default();
        self.read(&self.said, &mut |_, frame| {
            match frame {
                Ok(Frame::BlobChunk { kind: frame::PAGE, name, total, offset, bytes }) => {
                    let limit = limits::CHECKPOINT_BYTES;
                    let whole = gathering.take(name, total, offset, &bytes, limit).ok().flatten();
                    pages.extend(whole.and_then(|whole| Page::decode(&whole).ok()));
                }
                Ok(Frame::Cosignature(cosignature)) => said.push(*cosignature),
                Ok(_) | Err(_) => {}
            }
            true
        });
        (pages, said)
    }
}

impl Source for AuditFile {
    fn federation(&self) -> Option<FederationId> {
        self.federation
    }

    fn said(&self, each: &mut dyn FnMut(u64, Said)) {
        self.read(&self.said, &mut |at, frame| {
            let said = match frame {
                Ok(Frame::Article(article)) => Said::Article(article),
                Ok(Frame::Notice(notice)) => Said::Notice(notice),
                Ok(Frame::ForkProof(proof)) => Said::ForkProof(proof),
                // These are asked for by themselves.
                Ok(Frame::BlobChunk { kind: frame::PAGE, .. } | Frame::Cosignature(_)) => {
                    return true;
                }
                Ok(_) => Said::Disorder,
                Err(fault) => Said::Unreadable(fault),
            };
            each(at, said);
            true
        });
    }

    fn feeds(&self) -> Vec<FeedId> {
        self.feeds.keys().copied().collect()
    }

    fn items(&self, feed: &FeedId, each: &mut dyn FnMut(u64, Item) -> bool) {
        let Some(runs) = self.feeds.get(feed) else { return };
        self.read(runs, &mut |at, frame| match frame {
            Ok(Frame::Block(block)) => each(at, Item::Block(block)),
            Ok(Frame::Header { header, signature }) => {
                each(at, Item::Header(Box::new((header, signature))))
            }
            Ok(Frame::Evidence { seq, header, pieces, last }) => {
                each(at, Item::Evidence { seq, header, pieces, last })
            }
            Ok(_) => true,
            Err(fault) => each(at, Item::Unreadable(fault)),
        });
    }

    fn block(&self, place: u64) -> Option<Block> {
        let read = |file: &mut File| -> io::Result<Vec<u8>> {
            file.seek(SeekFrom::Start(place))?;
            let mut prefix = [0u8; PREFIX];
            file.read_exact(&mut prefix)?;
            let len = frame::length(prefix).map_err(|_| io::ErrorKind::InvalidData)?;
            let mut body = vec![0u8; len];
            file.read_exact(&mut body)?;
            Ok(body)
        };
        let mut open = self.again.lock().ok()?;
        if open.is_none() {
            *open = File::open(&self.path).ok();
        }
        let body = read(open.as_mut()?).ok()?;
        drop(open);
        match Frame::decode(&body) {
            Ok(Frame::Block(block)) => Some(*block),
            _ => None,
        }
    }

    fn cosigned(&self) -> Cosigned {
        self.checked().cosigned()
    }

    fn end(&self) -> End {
        let mut end = self.end.clone();
        end.problems.extend(self.digest());
        end.complete = self.bye.is_some() && end.problems.is_empty();
        end
    }
}

/// Reads until the buffer is full or nothing is left.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0usize;
    while filled < buffer.len() {
        match reader.read(buffer.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => filled = filled.saturating_add(read),
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(filled)
}
