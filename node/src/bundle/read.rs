//! Reading one part: nothing here knows a ledger.

use std::io::{self, Read, Seek, SeekFrom};

use annona_ledger::hash::{Hash, Hasher, Purpose};
use annona_ledger::id::{FederationId, ProgrammeId};
use annona_ledger::key::{Context, PublicKey, Signature};
use annona_ledger::sync::frame::{self, Frame, Hello, PREFIX};
use zeroize::Zeroize;

use super::{CHECK, FIXED, FrameWrong, Head, LINE, MAGIC, PADDING, PartFault, Place, SEALED_CHUNK};
use super::{SECTIONS, SLOTS, SLOTS_STEP};
use crate::envelope::{self, WRAPPED};
use crate::seal::{CHUNK_OVERHEAD, Key, Stream};

/// Why reading stopped: the medium, or what is on it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Part(#[from] PartFault),
}

/// Fills as much of `into` as there is.
fn fill(from: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    let mut have = 0;
    while have < into.len() {
        match from.read(&mut into[have..]) {
            Ok(0) => break,
            Ok(n) => have += n,
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(have)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}

/// Reads the head of a part: at most 83,511 bytes, whatever the file says.
pub(super) fn head(from: &mut impl Read) -> Result<Head, Broken> {
    let mut fixed = [0u8; FIXED];
    let have = fill(from, &mut fixed)?;
    let magic = &fixed[..have.min(MAGIC.len())];
    if magic.get(..15) != MAGIC.get(..15) {
        return Err(PartFault::NotABundle.into());
    }
    if magic != MAGIC {
        let digit = magic.get(15).copied().filter(u8::is_ascii_alphanumeric);
        return Err(digit.map_or(PartFault::NotABundle, |d| PartFault::Version(d.into())).into());
    }
    if have < FIXED {
        return Err(PartFault::Cut.into());
    }
    let place =
        Place { bundle: array(&fixed[16..32]), part: u16::from_be_bytes(array(&fixed[32..34])) };
    let parts = u16::from_be_bytes(array(&fixed[34..36]));
    let sections = usize::from(fixed[36]);
    let slots = usize::from(u16::from_be_bytes(array(&fixed[37..39])));
    let sealed = number(&fixed[39..47]);
    let limit = match () {
        () if place.part == 0 || parts == 0 || place.part > parts => Some("parts"),
        () if sections == 0 || sections > SECTIONS => Some("sections"),
        () if slots == 0 || slots > SLOTS || !slots.is_multiple_of(SLOTS_STEP) => Some("keys"),
        () if sealed == 0 || sealed > u64::MAX / 2 => Some("sealed bytes"),
        () => None,
    };
    if let Some(what) = limit {
        return Err(PartFault::Limit(what).into());
    }
    let mut rest = vec![0u8; sections * LINE + slots * WRAPPED + CHECK];
    if fill(from, &mut rest)? < rest.len() {
        return Err(PartFault::Cut.into());
    }
    let (body, check) = rest.split_at(rest.len() - CHECK);
    let found = Hasher::new(Purpose::File).with(&fixed).with(body).finish();
    if found.0.get(..CHECK) != Some(check) {
        return Err(PartFault::Head.into());
    }
    let (lines, keys) = body.split_at(sections * LINE);
    let directory: Vec<_> =
        lines.chunks_exact(LINE).map(|line| (array(line), number(&line[16..]))).collect();
    let slots: Vec<[u8; WRAPPED]> = keys.chunks_exact(WRAPPED).map(array).collect();
    let head = Head { place, parts, directory, slots };
    let short = |(_, len): &([u8; 16], u64)| *len <= CHUNK_OVERHEAD as u64 || *len > sealed;
    if head.directory.iter().any(short) || head.sealed() != sealed {
        return Err(PartFault::Slots("directory").into());
    }
    if !head.slots.is_sorted_by(|a, b| a < b) {
        return Err(PartFault::Slots("keys").into());
    }
    Ok(head)
}

/// A part with the keys that were found in it.
pub(super) struct Opened<F> {
    file: F,
    pub(super) head: Head,
    keys: Vec<Option<Key>>,
    /// The sealing key of whoever reads.
    reader: Option<[u8; 32]>,
    /// Where the first section begins.
    start: u64,
    pub(super) size: u64,
}

impl<F: Read + Seek> Opened<F> {
    /// Reads the head and tries all keys in it.
    pub(super) fn open(mut file: F, secret: Option<&[u8; 32]>) -> Result<Self, Broken> {
        let size = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        let head = head(&mut file)?;
        let start = Head::len(head.directory.len(), head.slots.len()) as u64;
        let mut keys: Vec<Option<Key>> = head.directory.iter().map(|_| None).collect();
        let reader = secret.and_then(|secret| envelope::public(secret).ok());
        let Some(secret) = secret else {
            return Ok(Self { file, head, keys, reader, start, size });
        };
        for slot in &head.slots {
            let Ok(key) = envelope::unwrap(secret, &head.place.info(), slot) else { continue };
            let tag = head.place.tag(&key);
            if let Some(at) = head.directory.iter().position(|(t, _)| *t == tag) {
                keys[at] = Some(key);
            }
        }
        if keys.iter().all(Option::is_none) {
            return Err(PartFault::NotForUs.into());
        }
        Ok(Self { file, head, keys, reader, start, size })
    }

    /// Whether this node has a section's key.
    pub(super) fn has_key(&self, section: usize) -> bool {
        self.keys.get(section).is_some_and(Option::is_some)
    }

    /// Where a section begins in the file.
    pub(super) fn begins(&self, section: usize) -> u64 {
        let before = self.head.directory.iter().take(section);
        before.fold(self.start, |at, (_, len)| at.saturating_add(*len))
    }

    /// Whether the file goes on after the last section.
    pub(super) fn trailing(&self) -> Option<PartFault> {
        (self.size > self.begins(usize::MAX)).then_some(PartFault::Trailing)
    }

    /// Opens a section: its hello and its sender.
    pub(super) fn section(
        &mut self,
        section: usize,
        federation: Option<&FederationId>,
    ) -> Result<Section<'_, F>, Broken> {
        let at = self.begins(section);
        let len = self.head.directory.get(section).map_or(0, |(_, len)| *len);
        let Some(key) = self.keys.get(section).and_then(Option::as_ref) else {
            return Err(PartFault::NotForUs.into());
        };
        self.file.seek(SeekFrom::Start(at))?;
        let mut reader = Section {
            file: &mut self.file,
            stream: Stream::new(key),
            aad: self.head.place.bytes(),
            left: len,
            read: 0,
            chunk: 0,
            plain: Vec::new(),
            at: 0,
            hasher: Hasher::new(Purpose::File),
            count: 0,
            hello: None,
            from: None,
            signed: None,
            reader: self.reader,
        };
        let Some(Frame::Hello(hello)) = reader.decode()? else { return Err(reader.place()) };
        if hello.version != frame::VERSION {
            return Err(reader.wrong(FrameWrong::Version(hello.version)));
        }
        if federation.is_some_and(|ours| *ours != hello.federation) {
            return Err(PartFault::OtherFederation(hello.federation.0).into());
        }
        let Some(Frame::From(from)) = reader.decode()? else { return Err(reader.place()) };
        let here = Place { bundle: from.bundle, part: from.part } == self.head.place;
        if !here || (section == 0) != (from.programme == ProgrammeId::NONE) {
            return Err(PartFault::Spliced.into());
        }
        reader.hello = Some(hello);
        reader.from = Some(from);
        Ok(reader)
    }
}

/// A section being read.
pub(super) struct Section<'a, F> {
    file: &'a mut F,
    stream: Stream,
    aad: [u8; 18],
    /// Sealed bytes not read yet.
    left: u64,
    read: u64,
    chunk: u64,
    plain: Vec<u8>,
    at: usize,
    hasher: Hasher,
    count: u64,
    hello: Option<Hello>,
    from: Option<frame::From>,
    signed: Option<(Hash, Signature)>,
    /// The sealing key of whoever reads.
    reader: Option<[u8; 32]>,
}

impl<F> Drop for Section<'_, F> {
    fn drop(&mut self) {
        self.plain.zeroize();
    }
}

impl<F: Read> Section<'_, F> {
    /// What the section said of its sender's charter.
    pub(super) fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// Who made it, and for which programme.
    pub(super) fn from(&self) -> Option<&frame::From> {
        self.from.as_ref()
    }

    /// Sealed bytes read so far.
    pub(super) fn done(&self) -> u64 {
        self.read
    }

    /// Whether the sender's transport key signed what was read, letters for this reader. Asked after the last frame.
    pub(super) fn signed_by(&self, transport: &PublicKey) -> bool {
        let (Some(hello), Some((digest, signature))) = (&self.hello, &self.signed) else {
            return false;
        };
        let letters = self.from.as_ref().is_some_and(|from| from.programme == super::LETTERS);
        let scope = super::scope(&hello.federation, self.reader.as_ref().filter(|_| letters));
        transport.verifies(Context::Bundle, &[&scope], &digest.0, signature)
    }

    fn wrong(&self, what: FrameWrong) -> Broken {
        PartFault::Frame { frame: self.count.saturating_sub(1), what }.into()
    }

    fn place(&self) -> Broken {
        self.wrong(FrameWrong::Place)
    }

    /// The next frame of the section's content, or `None` once it has come to its signed end.
    pub(super) fn frame(&mut self) -> Result<Option<Frame>, Broken> {
        if self.signed.is_some() {
            return Ok(None);
        }
        let digest = self.hasher.finish();
        let count = self.count;
        let Some(frame) = self.decode()? else { return Err(PartFault::Unsigned.into()) };
        match frame {
            Frame::Signed { count: said, digest: over, signature } => {
                if (said, over) != (count, digest) {
                    return Err(PartFault::Unsigned.into());
                }
                self.signed = Some((over, signature));
                self.padding()?;
                Ok(None)
            }
            Frame::Hello(_) | Frame::From(_) | Frame::Bye { .. } | Frame::Ack(_) => {
                Err(self.place())
            }
            other => Ok(Some(other)),
        }
    }

    /// After the end: zeros up to the next multiple, and no more.
    fn padding(&mut self) -> Result<(), Broken> {
        let mut seen = 0usize;
        loop {
            let rest = self.plain.get(self.at..).unwrap_or_default();
            seen = seen.saturating_add(rest.len());
            if seen >= PADDING || rest.iter().any(|byte| *byte != 0) {
                return Err(PartFault::Padding.into());
            }
            self.at = self.plain.len();
            if self.left == 0 {
                return Ok(());
            }
            self.more()?;
        }
    }

    /// The next frame, or `None` where zeros or nothing follow.
    fn decode(&mut self) -> Result<Option<Frame>, Broken> {
        if !self.want(PREFIX)? {
            return Ok(None);
        }
        let prefix: [u8; PREFIX] = array(&self.plain[self.at..]);
        if prefix == [0; PREFIX] {
            return Ok(None);
        }
        let number = self.count;
        let wrong = |fault| PartFault::Frame { frame: number, what: FrameWrong::Bytes(fault) };
        let len = frame::length(prefix).map_err(wrong)?;
        if !self.want(PREFIX + len)? {
            return Err(PartFault::Unsigned.into());
        }
        let bytes = &self.plain[self.at..self.at + PREFIX + len];
        let decoded = Frame::decode(&bytes[PREFIX..]).map_err(wrong)?;
        self.hasher.update(bytes);
        self.count = self.count.saturating_add(1);
        self.at += PREFIX + len;
        Ok(Some(decoded))
    }

    /// Reads on until there are so many bytes, or says that there are not.
    fn want(&mut self, bytes: usize) -> Result<bool, Broken> {
        while self.plain.len() - self.at < bytes {
            if self.left == 0 {
                return Ok(false);
            }
            self.more()?;
        }
        Ok(true)
    }

    /// Opens the next chunk.
    fn more(&mut self) -> Result<(), Broken> {
        self.plain.drain(..self.at);
        self.at = 0;
        let last = self.left <= SEALED_CHUNK;
        let len = self.left.min(SEALED_CHUNK);
        let mut sealed = vec![0u8; usize::try_from(len).unwrap_or(0)];
        let have = fill(self.file, &mut sealed)?;
        if have < sealed.len() {
            let at = self.read.saturating_add(have as u64);
            return Err(PartFault::Truncated { at }.into());
        }
        let plain = self
            .stream
            .open(&self.aad, &sealed, last)
            .map_err(|_| PartFault::Damaged { chunk: self.chunk })?;
        self.plain.extend_from_slice(&plain);
        self.left -= len;
        self.read += len;
        self.chunk += 1;
        Ok(())
    }
}
