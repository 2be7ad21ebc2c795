//! Cosigning another node's log: only what extends what was cosigned before, remembered before the word is given.

use annona_ledger::key::SigningKey;
use annona_ledger::wire;

use crate::store::{Store, StoreFault};

use super::LogFault;
use super::folder::LogFolder;
use super::leaf::Leaf;
use super::note::{Checkpoint, NoteFault, NoteKey};
use super::tree::{self, Edge, Node};

/// What was cosigned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// Leaves when it was cosigned before; none the first time.
    pub before: Option<u64>,
    /// The head that was cosigned.
    pub head: Checkpoint,
}

/// Checks a log's folder from its first leaf to its last, and adds this witness's line to its checkpoint.
///
/// # Errors
///
/// [`LogFault::Older`] (come back with a newer one), [`LogFault::Rewritten`] (never), [`LogFault::Wrong`],
/// [`LogFault::Note`], [`LogFault::Store`], [`LogFault::Disk`].
pub fn cosign(
    store: &Store,
    folder: &LogFolder,
    log: &NoteKey,
    (by, key): (&NoteKey, &SigningKey),
    seconds: u64,
) -> Result<Cosigned, LogFault> {
    let path = folder.checkpoint_path();
    let of_note = |source| LogFault::Note { path: path.clone(), source };
    let mut note = folder.checkpoint()?.ok_or_else(|| of_note(NoteFault::Form))?;
    note.check(log).map_err(of_note)?;
    let head = Checkpoint::parse(&note.text).map_err(of_note)?;
    if head.name != log.name {
        return Err(of_note(NoteFault::Name));
    }
    let memory = format!("cosigned {log}");
    let before = match store.meta(&memory)? {
        None => None,
        Some(bytes) => Some(
            wire::decode::<(u64, Node)>(&bytes, 64)
                .map_err(|_| LogFault::from(StoreFault::damaged(&memory)))?,
        ),
    };
    if let Some((had, _)) = before.filter(|(had, _)| *had > head.size) {
        return Err(LogFault::Older { had, now: head.size });
    }
    let mut edge = Edge::default();
    let extends = |edge: &Edge| match before {
        Some((had, root)) if edge.size() == had && edge.root() != root => {
            Err(LogFault::Rewritten { had })
        }
        _ => Ok(()),
    };
    extends(&edge)?;
    folder.leaves(head.size, |_, bytes| {
        let what = "a leaf is no signed header";
        Leaf::read(bytes).ok_or(LogFault::Wrong { path: folder.path().to_owned(), what })?;
        edge.push(tree::leaf(bytes), |_| {});
        extends(&edge)
    })?;
    if edge.root() != head.root {
        let what = "its leaves do not give the root of its checkpoint";
        return Err(LogFault::Wrong { path, what });
    }
    store.set_meta(&memory, &wire::encode(&(head.size, head.root)))?;
    note.cosign(by, key, seconds);
    folder.put_checkpoint(&note)?;
    Ok(Cosigned { before: before.map(|(had, _)| had), head })
}
