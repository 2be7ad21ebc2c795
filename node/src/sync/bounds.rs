//! What a meeting may cost.

use std::time::Duration;

use annona_ledger::id::FederationId;
use annona_ledger::limits;
use annona_ledger::sync::talk::{Slice, with_letters};

/// What a meeting may cost, and which part of the ledger it is about.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Which part of what this node may read it wants.
    pub slice: Slice,
    /// Bytes of content that may be under way to this node: 4 KiB to [`limits::WINDOW_BYTES`].
    pub window: u32,
    /// Bytes of content beside charter, notices and control feeds that this node takes.
    pub budget: u64,
    /// Bytes of the same that it sends.
    pub spend: u64,
    /// Bytes of one feed that it takes.
    pub quota: u64,
    /// What is open is sealed before, unless that was done so lately: who comes again and again makes no block each time.
    pub sealed: Duration,
    /// The federation, for a node that has no charter yet.
    pub federation: Option<FederationId>,
}

impl Default for Bounds {
    /// Everything, without a budget. A quota of 256 MiB: 25 million redemptions of one site.
    fn default() -> Self {
        Self {
            slice: Slice::Whole,
            window: limits::WINDOW_BYTES as u32,
            budget: u64::MAX,
            spend: u64::MAX,
            quota: 256 * 1024 * 1024,
            sealed: Duration::ZERO,
            federation: None,
        }
    }
}

impl Bounds {
    /// The window this side opens with. It says whether letters are taken: who begins has nobody yet who would read one.
    pub(super) const fn opens_with(&self) -> u32 {
        match self.slice {
            Slice::State => self.window,
            Slice::Whole | Slice::Nodes(_) => with_letters(self.window),
        }
    }
}
