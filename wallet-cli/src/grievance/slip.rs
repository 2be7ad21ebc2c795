//! The slip of a complaint, from before it is written down until it is printed: a code that is lost with the power would
//! leave a complaint nobody can prove to be hers.
//!
//! One sealed file of the folder, destroyed once the slip is printed. Of a sensitive complaint it has no code.

use std::path::PathBuf;

use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::Commitment;
use annona_ledger::view::View;
use annona_ledger::wire;
use annona_node::atomic;
use annona_node::node::Node;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::short;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

const NAME: &str = "slip.annona";
const PURPOSE: &[u8] = b"annona 2026 v1 slip of a complaint";
const MOST: usize = 256;

/// A slip that is not printed yet.
#[derive(Serialize, Deserialize, Zeroize)]
#[zeroize(drop)]
pub(super) struct Slip {
    #[zeroize(skip)]
    pub(super) complaint: Commitment,
    code: Option<[u8; 32]>,
    #[zeroize(skip)]
    text: Hash,
}

fn text_of(text: &[u8]) -> Hash {
    hash(Purpose::File, &[b"complaint", text])
}

fn place(node: &Node) -> PathBuf {
    node.folder().file(NAME)
}

impl Slip {
    pub(super) fn of(complaint: Commitment, code: Option<[u8; 32]>, text: &[u8]) -> Self {
        Self { complaint, code, text: text_of(text) }
    }

    /// The code, as it is printed.
    pub(super) fn code(&self) -> Option<String> {
        self.code.as_ref().map(|code| hex(code))
    }

    /// Whether it is of this text.
    pub(super) fn is_of(&self, text: &[u8]) -> bool {
        self.text == text_of(text)
    }

    /// Keeps it, durably: before the complaint is written down.
    pub(super) fn keep(&self, node: &Node) -> Outcome {
        let plain = Zeroizing::new(wire::encode(self));
        Ok(atomic::write_over(&place(node), &node.vault_key()?.seal(PURPOSE, &plain)?)?)
    }
}

/// It is printed, or its complaint was never written down.
pub(super) fn forget(node: &Node) -> Outcome {
    Ok(atomic::destroy(&place(node))?)
}

/// Whether the ledger here has a complaint.
pub(super) fn is_written(node: &Node, complaint: &Commitment) -> Outcome<bool> {
    let work = node.store().look()?;
    let written = !work.told(complaint).is_empty();
    work.check()?;
    Ok(written)
}

/// The slip of a complaint that is on the ledger and whose slip was never printed.
pub(super) fn left(node: &Node) -> Outcome<Option<Slip>> {
    let path = place(node);
    atomic::sweep(&path)?;
    if !path.exists() {
        return Ok(None);
    }
    let damaged = || Fault::input("it is damaged: remove it.").at(path.display());
    let plain = node.vault_key()?.open(PURPOSE, &atomic::read(&path, MOST)?);
    let plain = plain.map_err(|_| damaged())?;
    let slip: Slip = wire::decode(&plain, MOST).map_err(|_| damaged())?;
    if is_written(node, &slip.complaint)? {
        return Ok(Some(slip));
    }
    forget(node)?;
    Ok(None)
}

/// Prints a slip that was left, whoever asks next: the person whose it is waits for it.
pub(super) fn tell(session: &Session, node: &Node, slip: &Slip) -> Outcome {
    let name = short(&slip.complaint);
    session.screen.warn(match slip.code() {
        Some(code) => {
            format!("complaint {name} was taken, and its slip never printed:\n  code  {code}")
        }
        None => format!("a complaint was taken, and its ticket never printed:\n  Ticket {name}"),
    });
    forget(node)
}
