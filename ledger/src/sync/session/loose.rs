//! What belongs to no feed's order: notices, fork proofs, checkpoints and what witnesses say. Compared as a set.

use std::collections::BTreeSet;

use super::compare::different;
use super::serve::Push;
use super::{HEADERS, Session, URGENT};
use crate::hash::Hash;
use crate::limits;
use crate::sync::frame::Frame;
use crate::sync::index::{Index, Kind, Loose, names};
use crate::sync::talk::{BUCKETS, Buckets, DIRECT, Digest, IDS, Id, Ids, Part, bucket, digest};
use crate::wire::Bounded;

/// What is held here of it.
#[derive(Debug, Default)]
pub(in crate::sync) struct LooseSet {
    held: Vec<Loose>,
    /// What the other side has sent.
    theirs: BTreeSet<Hash>,
    /// What was sent to it: never twice, though it be new here and missing there.
    sent: BTreeSet<Hash>,
    /// The buckets of which this side told every name.
    told: u64,
    /// The buckets of which the other side did.
    heard: u64,
    /// Whether what differs is known: what is lacking is on its way before anything else.
    settled: bool,
}

impl LooseSet {
    /// Looks what is held, and names it by one digest.
    pub(super) fn look(&mut self, index: &dyn Index) -> Digest {
        self.held = names(index.loose());
        digest(&self.held.iter().map(|loose| loose.name).collect::<Vec<_>>())
    }

    /// The other side holds the same: nothing of it is ever told.
    pub(super) const fn alike(&mut self) {
        self.told = u64::MAX;
        self.settled = true;
    }

    pub(super) const fn is_settled(&self) -> bool {
        self.settled
    }

    pub(super) fn they_have(&mut self, name: Hash) {
        if self.theirs.len() < limits::LOOSE {
            self.theirs.insert(name);
        }
    }
}

fn bit(loose: &Loose) -> u64 {
    1u64.checked_shl(bucket(loose.name.0[0])).unwrap_or(0)
}

/// Proofs and certificates go before everything, checkpoints after the feeds they speak of.
const fn rank(kind: Kind) -> usize {
    match kind {
        Kind::Notice | Kind::Fork => URGENT,
        Kind::Page | Kind::Cosignature => HEADERS,
    }
}

impl Session {
    /// What both hold differs: tells names where there are few, else sums.
    pub(super) fn loose_differ(&mut self, index: &dyn Index) {
        let held = names(index.loose());
        if held.len() <= DIRECT {
            self.tell_loose(u64::MAX, &held);
        } else {
            let part = Part::Loose;
            let sums = Bounded::new(self.loose_sums(&held)).unwrap_or_default();
            self.talk.push_back(Frame::Buckets(Box::new(Buckets { part, sums })));
        }
    }

    fn loose_sums(&self, held: &[Loose]) -> Vec<[u8; 4]> {
        let of = |at: usize| -> Vec<Hash> {
            let inside = |l: &&Loose| bucket(l.name.0[0]) as usize == at;
            held.iter().filter(inside).map(|loose| loose.name).collect()
        };
        (0..BUCKETS).map(|at| self.salt.sum(&of(at))).collect()
    }

    pub(super) fn hear_loose_buckets(&mut self, sums: &[[u8; 4]], index: &dyn Index) {
        let held = names(index.loose());
        let mask = different(&self.loose_sums(&held), sums);
        self.tell_loose(mask, &held);
    }

    /// Tells every name of those buckets of which not every name was told.
    fn tell_loose(&mut self, mask: u64, held: &[Loose]) {
        let mut mask = mask & !self.loose.told;
        self.loose.told |= mask;
        if mask == 0 && !self.loose.settled {
            // Nothing differs after all, and the other side waits to hear it.
            self.talk.push_back(Frame::Ids(Box::new(Ids { mask: 0, ids: Bounded::empty() })));
        }
        while mask != 0 {
            // As many buckets as fit one frame: the names of one always do, unless somebody chose them so.
            let (mut bits, mut ids) = (0u64, Vec::new());
            while let Some(low) = (mask != 0).then(|| mask & mask.wrapping_neg()) {
                let inside = held.iter().filter(|loose| bit(loose) == low);
                let more: Vec<Id> = inside.map(|l| self.salt.id(&l.name)).take(IDS).collect();
                if bits != 0 && ids.len().saturating_add(more.len()) > IDS {
                    break;
                }
                ids.extend(more);
                bits |= low;
                mask &= !low;
            }
            let ids = Bounded::new(ids).unwrap_or_default();
            self.talk.push_back(Frame::Ids(Box::new(Ids { mask: bits, ids })));
        }
    }

    pub(super) fn hear_ids(&mut self, heard: &Ids, index: &dyn Index) {
        let first = !std::mem::replace(&mut self.loose.settled, true);
        // A bucket is told once: everything held is looked through for it.
        let mask = heard.mask & !self.loose.heard;
        self.loose.heard |= mask;
        if mask == 0 && !first {
            return;
        }
        let held = names(index.loose());
        if mask & !self.loose.told != 0 || (first && self.loose.told == 0) {
            self.tell_loose(mask, &held);
        }
        let theirs: BTreeSet<&Id> = heard.ids.iter().collect();
        for loose in held.iter().filter(|loose| mask & bit(loose) != 0) {
            if !theirs.contains(&self.salt.id(&loose.name)) {
                self.push_loose(*loose);
            }
        }
    }

    /// Something new is held: the other side is sent it, unless it comes from there.
    pub(super) fn loose_grew(&mut self, index: &dyn Index) {
        let now = names(index.loose());
        let before = std::mem::replace(&mut self.loose.held, now);
        let new = |loose: &&Loose| before.binary_search_by_key(&loose.name, |l| l.name).is_err();
        let new: Vec<Loose> = self.loose.held.iter().filter(new).copied().collect();
        for loose in new {
            self.push_loose(loose);
        }
    }

    fn push_loose(&mut self, loose: Loose) {
        if !self.loose.theirs.contains(&loose.name) && self.loose.sent.insert(loose.name) {
            self.serving.push(rank(loose.kind), Push::Loose(loose));
        }
    }
}
