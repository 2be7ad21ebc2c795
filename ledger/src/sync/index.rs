//! What the session machine asks of whoever holds a ledger. It asks for little at a time: no answer needs a feed in
//! memory.

use std::ops::Deref;

use super::frame::{Frame, Known};
use super::talk::{Item, Letter};
use crate::block::{Block, Header};
use crate::charter::SignedArticle;
use crate::feed::Head;
use crate::frontier;
use crate::hash::{Hash, Purpose, hash, hash_one};
use crate::id::{FeedId, FeedRef, ProgrammeId};
use crate::key::Signature;
use crate::limits;
use crate::notice::SignedNotice;
use crate::wire;

/// How much is known, in numbers that only grow: as long as they stay the same, so does every answer of an [`Index`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Marks {
    /// Grows with every block or header.
    pub blocks: u64,
    /// Grows with every notice, fork proof, checkpoint and cosignature.
    pub loose: u64,
    /// How many articles are known.
    pub articles: u32,
}

/// A feed of which blocks have come to be known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// The feed.
    pub feed: FeedId,
    /// The lowest number among those blocks.
    pub first: u64,
}

/// Something that belongs to no feed's order. Its name is its own, whoever holds it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Loose {
    /// What it is.
    pub kind: Kind,
    /// [`notice_name`], [`fork_name`], the hash of a checkpoint, or [`cosignature_name`].
    pub name: Hash,
}

/// What is exchanged as a set.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// A notice.
    Notice,
    /// A fork proof: one for a feed, whichever two statements it shows.
    Fork,
    /// A checkpoint.
    Page,
    /// What a witness says about one.
    Cosignature,
}

/// The name of a notice: its signature, of which there may be several good ones, is not part of it.
#[must_use]
pub fn notice_name(notice: &SignedNotice) -> Hash {
    notice.notice.hash()
}

/// The name of every proof that this feed forked.
#[must_use]
pub fn fork_name(feed: &FeedId) -> Hash {
    hash(Purpose::Lookup, &[b"fork proof", &feed.bytes()])
}

/// The name of what a witness says.
#[must_use]
pub fn cosignature_name(said: &crate::checkpoint::Cosignature) -> Hash {
    hash_one(Purpose::Checkpoint, &wire::encode(said))
}

/// What a session may know of a ledger.
///
/// A feed is *held* with its bodies where this node serves its programme, or where it is a control feed; else its headers
/// are. Tips, heads and numbers are those of what is held so.
pub trait Index {
    /// How much is known.
    fn marks(&self) -> Marks;
    /// The newest article's epoch and hash. `None` before the first.
    fn charter(&self) -> Option<(u32, Hash)>;
    /// The article of an epoch.
    fn article(&self, epoch: u32) -> Option<SignedArticle>;
    /// The programmes any feed is held of, or that this node serves; zero for control feeds. Ascending.
    fn programmes(&self) -> Vec<ProgrammeId>;
    /// The tips held of a programme's feeds, ascending by feed, then by head.
    fn tips(&self, programme: ProgrammeId) -> Vec<Known>;
    /// The tips held of one feed, ascending by head.
    fn tips_of(&self, feed: &FeedId) -> Vec<Known>;
    /// The feeds of which blocks came since a mark of [`Marks::blocks`], ascending.
    fn changed(&self, since: u64) -> Vec<Change>;
    /// The feed of this name, where its node's certificate is known.
    fn feed(&self, name: &FeedRef) -> Option<FeedId>;
    /// The head after so many blocks on the chain that ends in a tip. `None` past its end, or where no block ends there.
    fn head_at(&self, tip: &Known, blocks: u64) -> Option<Head>;
    /// A block of the chain that ends in a tip, by its number.
    fn block(&self, tip: &Known, seq: u64) -> Option<Block>;
    /// A header of that chain, by its number, with or without its body.
    fn header(&self, tip: &Known, seq: u64) -> Option<(Header, Signature)>;
    /// Whether a chain that is held passes through a head at the end of a block.
    fn holds(&self, feed: &FeedId, head: &Head) -> bool;
    /// Everything that is exchanged as a set: at most [`limits::LOOSE`], ascending by name.
    fn loose(&self) -> Vec<Loose>;
    /// The frames that carry one of them.
    fn carried(&self, loose: &Loose) -> Vec<Frame>;
    /// Things this node lacks, most important first; those the other side had nothing of are in `not`.
    fn wants(&self, room: usize, not: &dyn Fn(&Item) -> bool) -> Vec<Item>;
    /// One part of a thing, from zero, and whether more follows. `None` where there is nothing of it.
    fn piece(&self, item: &Item, part: u32) -> Option<(Vec<Frame>, bool)>;
    /// A letter for the other side, by its name. `None` where it is gone.
    fn letter(&self, _name: &[u8; 16]) -> Option<Letter> {
        None
    }
    /// Whether one letter that is more than the share of letters may take all that is left of the budget.
    fn spares(&self) -> bool {
        false
    }
    /// A letter is sent now; `spared`: beyond the share of letters.
    fn posted(&self, _name: &[u8; 16], _spared: bool) {}
    /// Whether something that another session was asking for is to be asked for here: [`Index::wants`] names it.
    fn freed(&self) -> bool {
        false
    }
    /// Whether another session is asking for a feed: this one then leaves it.
    fn elsewhere(&self, _feed: &FeedRef) -> bool {
        false
    }
}

/// The hashes of tips, in order.
pub(super) fn leaves<T: Deref<Target = Known>>(tips: impl Iterator<Item = T>) -> Vec<Hash> {
    tips.map(|tip| frontier::leaf(&tip)).collect()
}

/// What a head is called before it is salted: the same as a leaf of a frontier.
pub(super) fn head_name(feed: &FeedId, head: &Head) -> Hash {
    frontier::leaf(&Known { feed: *feed, blocks: 0, head: *head })
}

/// The names of loose things, as many as are compared.
pub(super) fn names(mut loose: Vec<Loose>) -> Vec<Loose> {
    loose.sort_unstable_by_key(|loose| loose.name);
    loose.truncate(limits::LOOSE);
    loose
}
