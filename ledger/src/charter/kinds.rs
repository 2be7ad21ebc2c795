//! Kinds of entries that a later version brings: what the charter says of them to programs that do not know them.

use std::collections::BTreeMap;

use super::{Charter, CharterRejection};
use crate::block::{BlockFault, Placed};
use crate::entry::{EXTENSION, Entry, Later};
use crate::id::Lane;
use crate::limits;
use crate::wire::WireFault;

/// A kind, as an article brought it in. It is said once, and stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Active {
    /// The article's epoch.
    pub epoch: u32,
    /// How many bytes such an entry may have after its kind and length.
    pub size: u16,
    /// Whether what follows it means something else to who does not know it.
    pub critical: bool,
}

/// The kinds of a charter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Kinds(BTreeMap<(Lane, u8), Active>);

impl Charter {
    /// What an article said of a kind of a lane.
    #[must_use]
    pub fn active(&self, lane: Lane, kind: u8) -> Option<&Active> {
        self.kinds.0.get(&(lane, kind))
    }

    /// The kinds that later versions have brought, ascending.
    pub fn kinds(&self) -> impl Iterator<Item = (Lane, u8, &Active)> {
        self.kinds.0.iter().map(|((lane, kind), active)| (*lane, *kind, active))
    }

    /// Checks that a block holds of later kinds only what an article brought in that its author knew: `epoch` is that of its
    /// header.
    ///
    /// # Errors
    ///
    /// [`BlockFault::Entry`] with [`WireFault::UnknownKind`] or [`WireFault::TooLong`].
    pub fn check_kinds(&self, epoch: u32, entries: &[Placed]) -> Result<(), BlockFault> {
        let of_later = entries.iter().filter_map(|placed| match &placed.entry {
            Entry::Later(later) => Some((placed.index, later)),
            Entry::Value(_) | Entry::Registry(_) | Entry::Control(_) => None,
        });
        for (index, later) in of_later {
            let Later { lane, kind, bytes } = later;
            let known = self.active(*lane, *kind).filter(|active| active.epoch <= epoch);
            let (len, limit) = (bytes.len(), known.map(|active| usize::from(active.size)));
            let fault = match limit {
                None => WireFault::UnknownKind(*kind),
                Some(limit) if len > limit => WireFault::TooLong { len, limit },
                Some(_) => continue,
            };
            return Err(BlockFault::Entry { index, fault });
        }
        Ok(())
    }

    pub(super) fn activate(
        &mut self,
        (lane, kind): (Lane, u8),
        active: Active,
    ) -> Result<(), CharterRejection> {
        let fits = (1..=limits::LATER_ENTRY_BYTES).contains(&usize::from(active.size));
        if !(EXTENSION..128).contains(&kind) || !fits {
            return Err(CharterRejection::KindInvalid);
        }
        if self.kinds.0.contains_key(&(lane, kind)) {
            return Err(CharterRejection::KindActive);
        }
        self.kinds.0.insert((lane, kind), active);
        Ok(())
    }
}
