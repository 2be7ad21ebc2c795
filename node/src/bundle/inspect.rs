//! Looking into a part without changing anything.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use annona_ledger::id::{FederationId, FeedId, ProgrammeId};
use annona_ledger::sync::frame::Frame;

use super::PartFault;
use super::read::{Broken, Opened, Section};
use crate::disk::DiskFault;
use crate::keystore::{Name, Secret};
use crate::node::Node;

/// Feeds one section's contents name.
const FEEDS: usize = 65_536;

/// What a part holds, as far as the given keys open it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Which bundle.
    pub bundle: [u8; 16],
    /// Which part.
    pub part: u16,
    /// Of how many.
    pub parts: u16,
    /// Bytes of the file.
    pub bytes: u64,
    /// Wrapped keys in it, those for nobody included.
    pub keys: usize,
    /// Its sections.
    pub sections: Vec<SectionContents>,
    /// What is wrong with the file.
    pub fault: Option<PartFault>,
}

/// What a section holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SectionContents {
    /// Its sealed bytes.
    pub bytes: u64,
    /// Whether this node has its key. Where not, nothing else is known.
    pub open: bool,
    /// The federation.
    pub federation: Option<FederationId>,
    /// The sender.
    pub sender: Option<[u8; 8]>,
    /// Whether the sender's signature is good. `None` where its certificate is not known here.
    pub signed: Option<bool>,
    /// The programme; none for the common section.
    pub programme: Option<ProgrammeId>,
    /// Articles.
    pub articles: u64,
    /// Notices.
    pub notices: u64,
    /// Feeds the sender says it holds.
    pub frontier: u64,
    /// Feeds with blocks or headers in it.
    pub feeds: BTreeMap<FeedId, FeedRange>,
    /// Rows of lists.
    pub rows: u64,
    /// Fork proofs.
    pub forks: u64,
    /// What is wrong with it.
    pub fault: Option<PartFault>,
}

/// What of a feed is in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedRange {
    /// The first index.
    pub first: u64,
    /// The index after the last.
    pub end: u64,
    /// Blocks with bodies.
    pub blocks: u64,
    /// Headers alone.
    pub headers: u64,
    /// Bytes of bodies and evidence.
    pub bytes: u64,
}

/// Says what a part holds. Without a node, or for one it is not for: its structure and sizes.
///
/// # Errors
///
/// [`DiskFault`] where the file cannot be read. What is wrong inside is in the answer; a head that cannot be read is
/// the inner error.
pub fn inspect(path: &Path, node: Option<&Node>) -> Result<Result<Contents, PartFault>, DiskFault> {
    match look(path, node) {
        Ok(contents) => Ok(Ok(contents)),
        Err(Broken::Part(fault)) => Ok(Err(fault)),
        Err(Broken::Io(fault)) => Err(DiskFault::io("read", path, fault)),
    }
}

fn look(path: &Path, node: Option<&Node>) -> Result<Contents, Broken> {
    let seed = node.and_then(|node| node.keys().get(Name::NodeSealing).and_then(Secret::as_seed));
    let mut opened = match Opened::open(File::open(path)?, seed) {
        Err(Broken::Part(PartFault::NotForUs)) => Opened::open(File::open(path)?, None)?,
        other => other?,
    };
    let head = opened.head.clone();
    let mut contents = Contents {
        bundle: head.place.bundle,
        part: head.place.part,
        parts: head.parts,
        bytes: opened.size,
        keys: head.slots.len(),
        sections: Vec::with_capacity(head.directory.len()),
        fault: opened.trailing(),
    };
    for (i, (_, bytes)) in head.directory.iter().enumerate() {
        let mut section = SectionContents { bytes: *bytes, ..SectionContents::default() };
        let (begins, size) = (opened.begins(i), opened.size);
        if opened.has_key(i) {
            section.open = true;
            let read = match opened.section(i, None) {
                Ok(mut reader) => read(&mut reader, &mut section, node),
                Err(broken) => Err(broken),
            };
            match read {
                Ok(()) => {}
                Err(Broken::Part(fault)) => section.fault = Some(fault),
                Err(fault) => return Err(fault),
            }
        } else if begins.saturating_add(*bytes) > size {
            section.fault = Some(PartFault::Truncated { at: size.saturating_sub(begins) });
        }
        contents.sections.push(section);
    }
    Ok(contents)
}

fn read(
    reader: &mut Section<'_, File>,
    section: &mut SectionContents,
    node: Option<&Node>,
) -> Result<(), Broken> {
    section.federation = reader.hello().map(|hello| hello.federation);
    let from = reader.from().copied();
    section.sender = from.map(|from| from.node.short());
    section.programme = from.map(|from| from.programme);
    let mut feed: Option<FeedId> = None;
    while let Some(frame) = reader.frame()? {
        match frame {
            Frame::Article(_) => section.articles += 1,
            Frame::Notice(_) => section.notices += 1,
            Frame::Frontier(known) => section.frontier += known.len() as u64,
            Frame::ListRows { rows, .. } => section.rows += rows.len() as u64,
            Frame::ForkProof(_) => section.forks += 1,
            Frame::Feed(named) => feed = Some(named),
            Frame::Block(block) => {
                let bytes = block.body.len() as u64;
                section.range(feed, block.header.first, block.header.end().next, |range| {
                    range.blocks += 1;
                    range.bytes += bytes;
                });
            }
            Frame::Header { header, .. } => {
                section.range(feed, header.first, header.end().next, |range| range.headers += 1);
            }
            Frame::Evidence { pieces, .. } => {
                let bytes: usize = pieces.iter().map(|proof| proof.bytes.len()).sum();
                if let Some(range) = feed.and_then(|feed| section.feeds.get_mut(&feed)) {
                    range.bytes += bytes as u64;
                }
            }
            // What is counted nowhere, and frames of other places.
            _ => {}
        }
    }
    let certificate = from.and_then(|from| {
        let roster = node?.store().roster();
        roster.node(&from.node.short()).filter(|c| c.node == from.node).cloned()
    });
    section.signed = certificate.map(|certificate| reader.signed_by(&certificate.transport));
    Ok(())
}

impl SectionContents {
    fn range(&mut self, feed: Option<FeedId>, first: u64, end: u64, add: impl Fn(&mut FeedRange)) {
        let Some(feed) = feed else { return };
        if self.feeds.len() >= FEEDS && !self.feeds.contains_key(&feed) {
            return;
        }
        let empty = FeedRange { first, end, blocks: 0, headers: 0, bytes: 0 };
        let range = self.feeds.entry(feed).or_insert(empty);
        range.first = range.first.min(first);
        range.end = range.end.max(end);
        add(range);
    }
}
