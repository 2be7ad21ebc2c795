//! Writing one part.

use std::io::{self, Seek, SeekFrom, Write};

use annona_ledger::hash::{Hasher, Purpose};
use annona_ledger::id::{FederationId, ProgrammeId};
use annona_ledger::key::{Context, PublicKey, SigningKey};
use annona_ledger::sync::frame::{self, Frame, FrameFault, Hello};

use super::{CHUNK, Head, PADDING, Place, SLOTS, SLOTS_STEP};
use crate::envelope::{self, WRAPPED};
use crate::seal::{Key, SealError, Stream};

/// Why a part could not be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteFault {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Frame(#[from] FrameFault),
    #[error("a recipient's key is no X25519 key")]
    Recipient,
    #[error("more recipients and programmes than one bundle can have keys for ({SLOTS})")]
    TooMany,
}

/// Where 32 random bytes come from: the system, or a vector's seed.
pub(super) type Seeds<'a> = dyn FnMut() -> Result<[u8; 32], SealError> + 'a;

/// Who a bundle is from.
pub(super) struct Sender<'a> {
    pub(super) hello: Hello,
    pub(super) node: PublicKey,
    pub(super) transport: &'a SigningKey,
}

/// A section to be written: its programme, and the sealing keys of those who may read it.
pub(super) struct Plan {
    pub(super) programme: ProgrammeId,
    pub(super) readers: Vec<[u8; 32]>,
}

/// A part being written, section by section in the order planned.
pub(super) struct Part<'a, W: Write + Seek> {
    out: W,
    head: Head,
    keys: Vec<Key>,
    sender: &'a Sender<'a>,
    plan: &'a [Plan],
    next: usize,
    open: Option<Open>,
    written: u64,
}

struct Open {
    stream: Stream,
    plain: Vec<u8>,
    hasher: Hasher,
    count: u64,
    len: u64,
    sealed: u64,
}

impl<'a, W: Write + Seek> Part<'a, W> {
    /// Makes the keys, wraps them and leaves room for the head.
    pub(super) fn begin(
        mut out: W,
        bundle: [u8; 16],
        part: u16,
        sender: &'a Sender<'a>,
        plan: &'a [Plan],
        seeds: &mut Seeds<'_>,
    ) -> Result<Self, WriteFault> {
        let place = Place { bundle, part };
        let mut keys = Vec::with_capacity(plan.len());
        let mut slots: Vec<[u8; WRAPPED]> = Vec::new();
        let mut wrap = |reader: &[u8; 32], key: &Key, seed: &[u8; 32]| {
            envelope::wrap_seeded(reader, &place.info(), key, seed)
                .map(|slot| slots.push(slot))
                .map_err(|_| WriteFault::Recipient)
        };
        let mut wrapped = 0usize;
        for section in plan {
            let key = Key::take(&mut seeds()?);
            for reader in &section.readers {
                wrap(reader, &key, &seeds()?)?;
                wrapped += 1;
            }
            keys.push(key);
        }
        while wrapped == 0 || !wrapped.is_multiple_of(SLOTS_STEP) {
            // A key nobody has, for a key nobody has: like the others in every byte.
            let nobody = envelope::public(&seeds()?).map_err(|_| WriteFault::Recipient)?;
            wrap(&nobody, &Key::take(&mut seeds()?), &seeds()?)?;
            wrapped += 1;
        }
        if slots.len() > SLOTS || plan.len() > super::SECTIONS {
            return Err(WriteFault::TooMany);
        }
        slots.sort_unstable();
        let directory = keys.iter().map(|key| (place.tag(key), 0)).collect();
        let head = Head { place, parts: 0, directory, slots };
        let room = head.encode();
        out.write_all(&room)?;
        Ok(Self { out, head, keys, sender, plan, next: 0, open: None, written: room.len() as u64 })
    }

    /// Bytes of the part so far, what is not sealed yet included.
    pub(super) fn size(&self) -> u64 {
        self.written.saturating_add(self.open.as_ref().map_or(0, |open| open.plain.len() as u64))
    }

    /// Begins the next section: who it is from.
    pub(super) fn section(&mut self) -> Result<(), WriteFault> {
        let (Some(key), Some(plan)) = (self.keys.get(self.next), self.plan.get(self.next)) else {
            return Err(WriteFault::TooMany);
        };
        self.open = Some(Open {
            stream: Stream::new(key),
            plain: Vec::with_capacity(2 * CHUNK),
            hasher: Hasher::new(Purpose::File),
            count: 0,
            len: 0,
            sealed: 0,
        });
        let from = frame::From {
            node: self.sender.node,
            bundle: self.head.place.bundle,
            part: self.head.place.part,
            programme: plan.programme,
        };
        self.frame(&Frame::Hello(self.sender.hello))?;
        self.frame(&Frame::From(from))
    }

    /// Adds a frame to the open section.
    pub(super) fn frame(&mut self, frame: &Frame) -> Result<(), WriteFault> {
        let bytes = frame.encode()?;
        self.raw(&bytes)?;
        if let Some(open) = &mut self.open {
            open.hasher.update(&bytes);
            open.count = open.count.saturating_add(1);
        }
        Ok(())
    }

    fn raw(&mut self, bytes: &[u8]) -> Result<(), WriteFault> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.plain.extend_from_slice(bytes);
        open.len = open.len.saturating_add(bytes.len() as u64);
        // One byte more than a chunk must be there: the last chunk is never known before the end.
        while open.plain.len() > CHUNK {
            let chunk = open.stream.seal(&self.head.place.bytes(), &open.plain[..CHUNK], false)?;
            open.plain.drain(..CHUNK);
            self.out.write_all(&chunk)?;
            open.sealed = open.sealed.saturating_add(chunk.len() as u64);
            self.written = self.written.saturating_add(chunk.len() as u64);
        }
        Ok(())
    }

    /// Ends the open section: signature, padding, last chunk.
    pub(super) fn end(&mut self) -> Result<(), WriteFault> {
        self.sign()?;
        self.close()
    }

    /// Writes the signed end.
    pub(super) fn sign(&mut self) -> Result<(), WriteFault> {
        let Some(open) = &self.open else { return Ok(()) };
        let digest = open.hasher.finish();
        let federation: FederationId = self.sender.hello.federation;
        let plan = self.plan.get(self.next);
        let reader = plan.filter(|plan| plan.programme == super::LETTERS);
        let reader = reader.and_then(|plan| plan.readers.first());
        let scope = super::scope(&federation, reader);
        let signature = self.sender.transport.sign(Context::Bundle, &[&scope], &digest.0);
        let signed = Frame::Signed { count: open.count, digest, signature };
        self.raw(&signed.encode()?)
    }

    /// Seals what is left.
    pub(super) fn close(&mut self) -> Result<(), WriteFault> {
        let len = self.open.as_ref().map_or(0, |open| open.len);
        let padded = len.next_multiple_of(PADDING as u64);
        let padding = usize::try_from(padded.saturating_sub(len)).unwrap_or(0);
        self.raw(&vec![0; padding])?;
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let chunk = open.stream.seal(&self.head.place.bytes(), &open.plain, true)?;
        self.out.write_all(&chunk)?;
        open.sealed = open.sealed.saturating_add(chunk.len() as u64);
        self.written = self.written.saturating_add(chunk.len() as u64);
        if let Some((_, len)) = self.head.directory.get_mut(self.next) {
            *len = open.sealed;
        }
        self.next += 1;
        Ok(())
    }

    /// Writes the head. The number of parts may be written again later ([`parts_in`]).
    pub(super) fn finish(mut self, parts: u16) -> Result<W, WriteFault> {
        self.head.parts = parts;
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(&self.head.encode())?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Writes anew of how many parts a finished part is one.
pub(super) fn parts_in<F: io::Read + Write + Seek>(
    file: &mut F,
    parts: u16,
) -> Result<(), super::read::Broken> {
    file.seek(SeekFrom::Start(0))?;
    let mut head = super::read::head(file)?;
    head.parts = parts;
    file.seek(SeekFrom::Start(0))?;
    Ok(file.write_all(&head.encode())?)
}

#[cfg(test)]
impl<W: Write + Seek> Part<'_, W> {
    /// Bytes that no writer writes, counted and signed or not: for making what a reader must refuse.
    pub(super) fn forge(&mut self, bytes: &[u8], counted: bool) -> Result<(), WriteFault> {
        self.raw(bytes)?;
        if let Some(open) = self.open.as_mut().filter(|_| counted) {
            open.hasher.update(bytes);
            open.count += 1;
        }
        Ok(())
    }
}
