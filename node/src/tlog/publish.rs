//! Writing a node's log: what is new is put after what is there, and signed once everything it covers is on the disk.

use std::collections::BTreeSet;

use annona_ledger::id::FederationId;
use annona_ledger::key::{Context, PublicKey, SigningKey};
use base64ct::{Base64, Encoding};

use crate::atomic;
use crate::store::{Store, StoreFault};

use super::LogFault;
use super::folder::LogFolder;
use super::leaf::Leaf;
use super::note::{Checkpoint, Note, NoteKey};
use super::tree::{self, TILE};

/// Whose log it is.
pub struct Publisher<'a> {
    /// The log's name and public key.
    pub named: &'a NoteKey,
    /// The log's key.
    pub key: &'a SigningKey,
    /// The federation.
    pub federation: FederationId,
    /// The node.
    pub node: PublicKey,
    /// The node's transport key, which says that the log is the node's.
    pub transport: &'a SigningKey,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Leaves before.
    pub before: u64,
    /// The log's head now.
    pub head: Checkpoint,
}

/// The leaves of every sealed block known here, with its body or without, ascending by feed, number and hash.
///
/// # Errors
///
/// A storage fault.
pub fn known(store: &Store) -> Result<Vec<Leaf>, StoreFault> {
    let federation = store.federation()?;
    let work = store.look()?;
    let mut feeds: Vec<_> = work.feeds().iter().map(|feed| feed.id).collect();
    for outline in work.outlines()? {
        feeds.push(outline.feed);
    }
    work.check()?;
    feeds.sort_unstable();
    feeds.dedup();
    let mut leaves = Vec::new();
    for feed in feeds {
        work.headers::<StoreFault>(&feed, 0, |signed| {
            leaves.push(Leaf::of(federation, feed, &signed));
            Ok(())
        })?;
    }
    leaves.sort_by_cached_key(|leaf| (leaf.feed, leaf.header.seq, leaf.header.hash()));
    Ok(leaves)
}

/// Brings a log up to date with `leaves`; without anything new the folder stays as it is.
///
/// # Errors
///
/// [`LogFault::NotOurs`] for a folder that does not hold what was signed under this name; [`LogFault`].
pub fn publish(
    store: &Store,
    folder: &LogFolder,
    by: &Publisher<'_>,
    leaves: &[Leaf],
) -> Result<Published, LogFault> {
    let memory = format!("log {}", by.named.name);
    let signed = match store.meta(&memory)? {
        Some(bytes) => Some(Note::parse(&bytes).map_err(|_| damaged(&memory))?),
        None => None,
    };
    let head = match &signed {
        Some(note) => Checkpoint::parse(&note.text).map_err(|_| damaged(&memory))?,
        None => {
            Checkpoint { name: by.named.name.clone(), size: 0, root: tree::Edge::default().root() }
        }
    };
    let stays = |size| LogFault::NotOurs { path: folder.path().to_owned(), size };
    let there = folder.checkpoint()?;
    let mut edge = folder.edge(head.size).map_err(|_| stays(head.size))?;
    if edge.root() != head.root || (signed.is_none() && there.is_some()) {
        return Err(stays(head.size));
    }
    // What was signed is written again after a crash, and takes along who has cosigned it.
    if let Some(mut note) = signed {
        if let Some(there) = &there {
            note.join(there);
        }
        if there.as_ref() != Some(&note) {
            folder.put_checkpoint(&note)?;
        }
    }
    let mut here = BTreeSet::new();
    let mut last: Vec<Vec<u8>> = Vec::new();
    folder.leaves(head.size, |at, bytes| {
        if at % TILE as u64 == 0 {
            last.clear();
        }
        last.push(bytes.to_vec());
        here.insert(tree::leaf(bytes));
        Ok(())
    })?;
    if last.len() == TILE {
        last.clear();
    }
    let before = head.size;
    for leaf in leaves {
        let bytes = leaf.encode();
        let hash = tree::leaf(&bytes);
        if !here.insert(hash) {
            continue;
        }
        let number = edge.size() / TILE as u64;
        last.push(bytes);
        let mut full = Vec::new();
        edge.push(hash, |tile| full.push(tile));
        full.iter().try_for_each(|tile| folder.put_full(tile))?;
        if last.len() == TILE {
            folder.put_bundle(number, &last)?;
            last.clear();
        }
    }
    write_keys(folder, by)?;
    if edge.size() == before && there.is_some() {
        return Ok(Published { before, head });
    }
    for (level, number, hashes) in edge.partial() {
        folder.put_tile(level, number, hashes)?;
    }
    if !last.is_empty() {
        folder.put_bundle(edge.size() / TILE as u64, &last)?;
    }
    let head = Checkpoint { size: edge.size(), root: edge.root(), ..head };
    let mut note = Note::new(head.text());
    note.sign(by.named, by.key);
    // Remembered before it can be seen: after a crash these bytes are written again, and never others for this size.
    store.set_meta(&memory, note.write().as_bytes())?;
    folder.put_checkpoint(&note)?;
    folder.sweep(before, head.size)?;
    Ok(Published { before, head })
}

fn damaged(what: &str) -> LogFault {
    StoreFault::damaged(what).into()
}

/// What the node's word covers.
fn word(named: &NoteKey) -> String {
    format!("log {named}")
}

fn write_keys(folder: &LogFolder, by: &Publisher<'_>) -> Result<(), LogFault> {
    let path = folder.keys_path();
    if path.exists() {
        return Ok(());
    }
    let word = word(by.named);
    let signature = by.transport.sign(Context::Bundle, &[&by.federation.0.0], word.as_bytes());
    let annona_ledger::key::Signature::Ed25519([r, s]) = signature;
    let text = format!(
        "{word}\nfederation {}\nnode {}\nsigned {}\n",
        by.federation,
        by.node,
        Base64::encode_string(&[r, s].concat()),
    );
    std::fs::create_dir_all(folder.path())
        .map_err(|e| crate::disk::DiskFault::io("create folder", folder.path(), e))?;
    Ok(atomic::write(&path, text.as_bytes())?)
}

/// What a folder's `keys` says: whose log it claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owned {
    /// The log's key.
    pub log: NoteKey,
    /// The federation.
    pub federation: String,
    /// The node's public key, 64 digits.
    pub node: String,
    signature: annona_ledger::key::Signature,
}

impl Owned {
    /// Reads `keys`.
    ///
    /// # Errors
    ///
    /// [`LogFault::Wrong`] for another text, [`LogFault::Disk`].
    pub fn read(folder: &LogFolder) -> Result<Self, LogFault> {
        let path = folder.keys_path();
        let bytes = atomic::read(&path, super::note::MAX_NOTE)?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let mut lines = text.lines();
        let mut field = |name: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(name));
            line.and_then(|line| line.strip_prefix(' ')).map(str::to_owned)
        };
        let read = || {
            let log = NoteKey::parse(&field("log")?).ok()?;
            let (federation, node) = (field("federation")?, field("node")?);
            let signature = Base64::decode_vec(&field("signed")?).ok()?;
            let (r, s) = signature.split_first_chunk::<32>()?;
            let signature = annona_ledger::key::Signature::Ed25519([*r, s.try_into().ok()?]);
            Some(Self { log, federation, node, signature })
        };
        let mut read = read;
        read().ok_or(LogFault::Wrong { path, what: "it does not say whose log this is" })
    }

    /// Whether the node with this transport key has said so.
    #[must_use]
    pub fn said_by(&self, federation: FederationId, transport: &PublicKey) -> bool {
        let word = word(&self.log);
        transport.verifies(Context::Bundle, &[&federation.0.0], word.as_bytes(), &self.signature)
    }
}
