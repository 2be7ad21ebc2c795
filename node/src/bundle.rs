//! Bundles: a sync carried by file, sealed to its recipients (spec/bundle.md).
//!
//! ```text
//! export(&mut node, &[recipients], …) → annona-9c41….001.annona, annona-9c41….002.annona, …
//! import(&mut node, &[paths], …)      → what was new, what is missing, what is wrong
//! inspect(path, Some(&node))          → what it holds, changing nothing
//! ```

pub mod courier;
mod export;
mod import;
mod inspect;
mod part;
mod read;
#[cfg(test)]
pub(crate) mod tests;
#[cfg(test)]
mod vectors;

use annona_ledger::hash::{Hash, Purpose, keyed};
use annona_ledger::id::{FederationId, ProgrammeId};
use annona_ledger::sync::frame::FrameFault;

use crate::envelope::WRAPPED;
use crate::seal::{CHUNK_OVERHEAD, Key};

pub use crate::taking::{Gap, Misfit, OwnAhead, Shown, Taken};
pub(crate) use export::pieces;
pub use export::{ExportFault, Exported, NoReader, Options, export, measure};
pub use import::{Imported, PartReport, coming, import};
pub use inspect::{Contents, FeedRange, SectionContents, inspect};

/// What a part begins with. The last byte is the version.
pub const MAGIC: &[u8; 16] = b"annona bundle v1";
/// How the name of a part ends.
pub const ENDING: &str = "annona";
/// Sections of one part: the common one and one for each programme.
pub const SECTIONS: usize = 64;
/// Wrapped keys of one part.
pub const SLOTS: usize = 1_024;
/// Wrapped keys come in multiples of this.
pub const SLOTS_STEP: usize = 8;
/// Bytes of plain text in one chunk, the last one excepted.
pub const CHUNK: usize = 64 * 1024;
/// A section's plain text is padded to a multiple of this.
pub const PADDING: usize = 1_024;
/// The size at which a part is closed unless said otherwise: what fits most mail boxes and any stick.
pub const PART_BYTES: u64 = 10_000_000;
/// Bytes of one list's rows that travel in a bundle: half a million rows.
pub const LIST_BYTES: usize = 16 * 1024 * 1024;

/// The programme that a section of letters names: no federation has one of this number.
const LETTERS: ProgrammeId = ProgrammeId(u16::MAX);
/// What a sender's signature under a section is scoped by: the federation, and of letters the sealing key of whom they are for,
/// or that reader could seal the same frames to a third.
fn scope(federation: &FederationId, reader: Option<&[u8; 32]>) -> Vec<u8> {
    [&federation.0.0[..], reader.map_or(&[], |key| &key[..])].concat()
}

/// Bytes before the directory.
const FIXED: usize = 16 + 16 + 2 + 2 + 1 + 2 + 8;
/// Bytes of one line of the directory.
const LINE: usize = 16 + 8;
/// Bytes of the check after the slots.
const CHECK: usize = 16;
/// Bytes of one sealed chunk, the last one excepted.
const SEALED_CHUNK: u64 = (CHUNK + CHUNK_OVERHEAD) as u64;

/// Why a part, or a section of one, could not be read. The first that applies is reported; numbers are those of
/// spec/bundle.md and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PartFault {
    /// Something else.
    #[error("this is no bundle")]
    NotABundle,
    /// A later version.
    #[error("this bundle is of version {0}, this program reads version 1: use a newer annona")]
    Version(char),
    /// A number that cannot be.
    #[error("the bundle's head says what cannot be ({0}): the file is damaged, copy it again")]
    Limit(&'static str),
    /// Cut within the head.
    #[error("the file ends within the bundle's head: it was cut short, copy it again")]
    Cut,
    /// Another check.
    #[error("the bundle's head is damaged: copy the file again")]
    Head,
    /// Keys or directory in no order.
    #[error("the bundle's head is in no order ({0}): it was not made by annona")]
    Slots(&'static str),
    /// No key opens.
    #[error("this bundle is not for this node: nothing in it opens with its key")]
    NotForUs,
    /// Cut within a section.
    #[error(
        "the file ends at byte {at} of a section: it was cut short, what came before is taken in, copy it again"
    )]
    Truncated {
        /// Bytes of the section that are there.
        at: u64,
    },
    /// A chunk does not open.
    #[error(
        "chunk {chunk} of a section is damaged: what came before is taken in, copy the file again"
    )]
    Damaged {
        /// Which, from zero.
        chunk: u64,
    },
    /// Not a frame, or not here.
    #[error("frame {frame} of a section cannot be read: {what}")]
    Frame {
        /// Which, from zero.
        frame: u64,
        /// What is wrong.
        what: FrameWrong,
    },
    /// Somebody else's ledger.
    #[error("this bundle is of another federation ({0})")]
    OtherFederation(Hash),
    /// Not where it was put.
    #[error("a section was taken from another bundle, part or place")]
    Spliced,
    /// No end.
    #[error("a section has no signed end, or one that does not count what came before it")]
    Unsigned,
    /// Bytes where there should be none.
    #[error("a section goes on after its end")]
    Padding,
    /// Bytes after the last section.
    #[error("the file goes on after the bundle's end")]
    Trailing,
    /// Not the sender's.
    #[error(
        "a section is not signed by its sender: its blocks stand by themselves, its word does not"
    )]
    Signature,
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameWrong {
    /// Its bytes.
    #[error(transparent)]
    Bytes(#[from] FrameFault),
    /// Its kind, here.
    #[error("no frame of this kind belongs here")]
    Place,
    /// The version of the frames.
    #[error("its frames are of version {0}, this program reads version 1: use a newer annona")]
    Version(u8),
}

impl PartFault {
    /// Its number in spec/bundle.md.
    #[must_use]
    pub const fn number(&self) -> u16 {
        match self {
            Self::NotABundle => 1,
            Self::Version(_) => 2,
            Self::Limit(_) => 3,
            Self::Cut => 4,
            Self::Head => 5,
            Self::Slots(_) => 6,
            Self::NotForUs => 7,
            Self::Truncated { .. } => 8,
            Self::Damaged { .. } => 9,
            Self::Frame { .. } => 10,
            Self::OtherFederation(_) => 11,
            Self::Spliced => 12,
            Self::Unsigned => 13,
            Self::Padding => 14,
            Self::Trailing => 15,
            Self::Signature => 16,
        }
    }

    /// Its name in spec/bundle.md.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotABundle => "NotABundle",
            Self::Version(_) => "Version",
            Self::Limit(_) => "Limit",
            Self::Cut => "Cut",
            Self::Head => "Head",
            Self::Slots(_) => "Slots",
            Self::NotForUs => "NotForUs",
            Self::Truncated { .. } => "Truncated",
            Self::Damaged { .. } => "Damaged",
            Self::Frame { .. } => "Frame",
            Self::OtherFederation(_) => "OtherFederation",
            Self::Spliced => "Spliced",
            Self::Unsigned => "Unsigned",
            Self::Padding => "Padding",
            Self::Trailing => "Trailing",
            Self::Signature => "Signature",
        }
    }
}

/// Names a part: what its keys are wrapped for and its chunks are sealed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    bundle: [u8; 16],
    part: u16,
}

impl Place {
    fn bytes(&self) -> [u8; 18] {
        let mut bytes = [0; 18];
        bytes[..16].copy_from_slice(&self.bundle);
        bytes[16..].copy_from_slice(&self.part.to_be_bytes());
        bytes
    }

    /// What a wrapped key is bound to.
    fn info(&self) -> [u8; 34] {
        let mut bytes = [0; 34];
        bytes[..16].copy_from_slice(MAGIC);
        bytes[16..].copy_from_slice(&self.bytes());
        bytes
    }

    /// What a section is found by, by those who have its key.
    fn tag(&self, key: &Key) -> [u8; 16] {
        let hash = keyed(Purpose::Lookup, key.expose(), &[b"bundle section", &self.bytes()]);
        let mut tag = [0; 16];
        tag.copy_from_slice(&hash.0[..16]);
        tag
    }
}

/// The head of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Head {
    place: Place,
    parts: u16,
    /// Tag and sealed bytes of each section.
    directory: Vec<([u8; 16], u64)>,
    slots: Vec<[u8; WRAPPED]>,
}

impl Head {
    fn len(sections: usize, slots: usize) -> usize {
        FIXED + sections * LINE + slots * WRAPPED + CHECK
    }

    fn sealed(&self) -> u64 {
        self.directory.iter().fold(0, |sum, (_, len)| sum.saturating_add(*len))
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::len(self.directory.len(), self.slots.len()));
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.place.bytes());
        bytes.extend_from_slice(&self.parts.to_be_bytes());
        bytes.push(u8::try_from(self.directory.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(&u16::try_from(self.slots.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend_from_slice(&self.sealed().to_be_bytes());
        for (tag, len) in &self.directory {
            bytes.extend_from_slice(tag);
            bytes.extend_from_slice(&len.to_be_bytes());
        }
        self.slots.iter().for_each(|slot| bytes.extend_from_slice(slot));
        let check = annona_ledger::hash::hash_one(Purpose::File, &bytes);
        bytes.extend_from_slice(&check.0[..CHECK]);
        bytes
    }
}
