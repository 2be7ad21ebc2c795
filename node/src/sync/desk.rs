//! What all meetings of a node share: its writer, and who asks for what.

use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annona_ledger::id::{FeedRef, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::sync::talk::Item;

use super::begin::{self, Basket, Offering};
use super::claims::Board;
use super::gate;
use super::post::Rests;
use crate::member::Between;
use crate::node::NodeFault;
use crate::writer::Asking;

/// What all meetings of a node share.
#[derive(Clone)]
pub struct Desk {
    pub(super) asking: Asking,
    pub(super) path: PathBuf,
    pub(super) own: PublicKey,
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    /// Bytes that are left free on the disk.
    pub(super) floor: AtomicU64,
    /// When a meeting last had open tails sealed.
    pub(super) sealed: Mutex<Option<Instant>>,
    pub(super) board: Board<FeedRef>,
    pub(super) count: Mutex<u64>,
    pub(super) offering: Offering,
    pub(super) basket: Basket,
    pub(super) turn: Board<()>,
    pub(super) items: Board<Item>,
    pub(super) rests: Rests,
}

impl Desk {
    /// The desk of the node that a writer holds. One for each: two would ask for a feed twice.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Stopped`].
    pub fn new(asking: &Asking) -> Result<Self, NodeFault> {
        let (path, own) = asking.with(|node| (node.store().path().to_owned(), node.public()))?;
        let basket = Arc::new(Mutex::new(begin::Gathered::found(&path)));
        let shared = Arc::new(Shared {
            floor: AtomicU64::new(gate::FLOOR),
            sealed: Mutex::default(),
            board: Board::default(),
            count: Mutex::default(),
            offering: Offering::default(),
            basket,
            turn: Board::default(),
            items: Board::default(),
            rests: Rests::default(),
        });
        Ok(Self { asking: asking.clone(), path, own, shared })
    }

    /// Seals what is open, unless that was done `lately`, and answers what this node knows of the time, once it has a charter. A
    /// node that may not sign hands on what it has.
    pub(super) fn seal(&self, lately: Duration) -> Result<Option<Between>, NodeFault> {
        let shared = self.shared.clone();
        self.asking.with(move |node| {
            let mut sealed = shared.sealed.lock().unwrap_or_else(PoisonError::into_inner);
            let due = sealed.is_none_or(|at| at.elapsed() >= lately);
            if due && node.may_sign().is_ok() {
                node.seal_all()?;
                *sealed = Some(Instant::now());
            }
            drop(sealed);
            node.hand_on()?;
            if node.store().charter().is_err() {
                return Ok(None);
            }
            node.between().map(Some)
        })?
    }

    /// Whether the node holds nothing of its programmes yet, and has not begun from a checkpoint: it may.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn holds_nothing(&self) -> Result<bool, NodeFault> {
        self.asking.with(|node| {
            let Some(certificate) = node.certificate() else { return Ok(false) };
            let of = |p: ProgrammeId| p == ProgrammeId::NONE || certificate.programmes.contains(&p);
            let begun = node.store().look()?.began_with();
            Ok(begun.is_empty() && !node.store().feeds()?.iter().any(|feed| of(feed.id.programme)))
        })?
    }

    /// This node.
    #[must_use]
    pub fn node(&self) -> [u8; 8] {
        self.own.short()
    }

    pub(super) fn next(&self) -> u64 {
        let mut count = self.shared.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.wrapping_add(1);
        *count
    }
}
