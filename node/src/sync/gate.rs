//! What follows no feed is looked at on the thread of its link: signatures that are nobody's cost the writer, on whom
//! redemptions wait, nothing.

use std::sync::atomic::Ordering;

use annona_ledger::id::Lane;
use annona_ledger::sync::session::{Breach, Given};
use annona_ledger::sync::talk::Why;

use super::{Fault, Meeting};
use crate::store::StoreFault;
use crate::taking::Misfit;

/// Things that follow no feed and are refused, in one meeting: more than a federation of another branch of the charter has.
pub(super) const REFUSED: u64 = 4_096;

/// For how long nothing but what is urgent is asked for, in seconds, as the other side is told: until the meeting ends.
const BUSY: u32 = 3_600;

/// What became of a thing.
enum Look {
    /// It may be new.
    New,
    /// It is here.
    Known,
    /// Nobody who may said it.
    Unsaid,
    /// It is not taken in.
    Misfit(Misfit),
}

/// Bytes that are left free on the disk: below this, others bring what is urgent alone, and below half of it nothing.
pub(super) const FLOOR: u64 = 256 * 1024 * 1024;

/// How much room there is for what others hold.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Room {
    /// None: what is left is for what is written here.
    Nothing,
    /// For charter, notices and control feeds.
    Urgent,
    /// For everything.
    Plenty,
}

impl Room {
    /// What so many free bytes are enough for.
    pub(super) const fn of(free: u64, floor: u64) -> Self {
        match () {
            () if free < floor / 2 => Self::Nothing,
            () if free < floor => Self::Urgent,
            () => Self::Plenty,
        }
    }

    fn takes(self, given: &Given) -> bool {
        let urgent = match given {
            Given::Article(_) | Given::Notice(_) | Given::Fork(_) => true,
            Given::Block(feed, _) | Given::Header(feed, ..) => feed.lane == Lane::Control,
            Given::Evidence { .. }
            | Given::Rows(..)
            | Given::Page { .. }
            | Given::Cosignature(_)
            | Given::Chunk(_)
            | Given::Letter(_) => false,
        };
        self == Self::Plenty || (self == Self::Urgent && urgent)
    }
}

/// Whether the disk that a path is on has less room than is left free of what others hold.
#[must_use]
pub fn little_room(path: &std::path::Path) -> bool {
    crate::disk::free(path).is_some_and(|free| Room::of(free, FLOOR) != Room::Plenty)
}

impl Meeting {
    /// Looks how much room there is. What the disk has no room for is not taken in, and so not acknowledged: it comes again
    /// in a meeting that begins once there is.
    pub(super) fn look_for_room(&mut self) {
        let Some(free) = crate::disk::free(&self.desk.path) else { return };
        let room = Room::of(free, self.desk.shared.floor.load(Ordering::Relaxed));
        let before = std::mem::replace(&mut self.room, room);
        if before == Room::Plenty && room != Room::Plenty {
            self.session.busy(BUSY);
        } else if before != Room::Plenty && room == Room::Plenty {
            self.session.end(Why::Stopping);
        }
    }

    /// How much room this meeting found on the disk for what others hold.
    #[must_use]
    pub const fn room(&self) -> Room {
        self.room
    }

    /// Whether something is for the writer. What is here already is not, nor what the rules refuse.
    pub(super) fn admits(&mut self, given: &Given) -> Result<bool, Fault> {
        if !self.room.takes(given) {
            return Ok(false);
        }
        if self.store.charter().is_err() {
            return Ok(true);
        }
        let mut look = self.look_at(given)?;
        // What it stands on may wait for the writer, or another meeting has brought it.
        if matches!(look, Look::Misfit(_) | Look::Unsaid) {
            if self.sink.has_power() {
                self.keep(false)?;
            }
            if self.memo.reread(&mut self.store)? {
                look = self.look_at(given)?;
            }
        }
        match look {
            Look::New => Ok(true),
            Look::Known | Look::Unsaid => Ok(false),
            Look::Misfit(misfit) => {
                self.taken.refuse(misfit);
                self.refused += 1;
                if self.refused <= REFUSED {
                    return Ok(false);
                }
                self.session.end(Why::Breach(Breach::Flood.number()));
                Err(Breach::Flood.into())
            }
        }
    }

    fn look_at(&self, given: &Given) -> Result<Look, StoreFault> {
        let charter = self.store.charter()?;
        Ok(match given {
            Given::Article(signed) => match self.store.branches().clone().take(charter, signed) {
                Ok(annona_ledger::charter::Taken::Known) => Look::Known,
                Ok(_) => Look::New,
                Err(why) => Look::Misfit(Misfit::Article { epoch: signed.article.epoch, why }),
            },
            Given::Notice(signed) => {
                let roster = self.store.roster();
                if roster.notice(&signed.notice.hash()) == Some(&**signed) {
                    return Ok(Look::Known);
                }
                roster
                    .check(charter, signed)
                    .map_or_else(|why| Look::Misfit(Misfit::Notice(why)), |()| Look::New)
            }
            Given::Fork(proof) => {
                if self.store.look()?.fork_proof(&proof.feed)?.is_some() {
                    Look::Known
                } else if proof.verify(&charter.federation()).is_some() {
                    Look::New
                } else {
                    Look::Misfit(Misfit::NoProof)
                }
            }
            // What is begun from is counted by itself.
            Given::Cosignature(_) if self.beginning.is_wanted() => Look::New,
            Given::Cosignature(said) => {
                let Some(kept) = self.store.kept_page(&said.said.checkpoint)? else {
                    return Ok(Look::New);
                };
                let charter = self.store.charter_at(kept.page.checkpoint.epoch)?;
                let good = charter.is_some_and(|charter| {
                    said.check(&kept.page, &charter, self.store.roster()).is_ok()
                });
                match () {
                    () if kept.cosignatures.contains(said) => Look::Known,
                    () if good => Look::New,
                    () => Look::Unsaid,
                }
            }
            Given::Block(..)
            | Given::Header(..)
            | Given::Evidence { .. }
            | Given::Rows(..)
            | Given::Page { .. }
            | Given::Chunk(_)
            | Given::Letter(_) => Look::New,
        })
    }
}
