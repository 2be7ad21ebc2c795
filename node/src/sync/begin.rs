//! Beginning without a history: the rows of a checkpoint, as one side offers them and the other gathers them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use annona_ledger::checkpoint::{Chunk, Cosignature, Of, Page};
use annona_ledger::hash::Hash;
use annona_ledger::id::ProgrammeId;
use annona_ledger::leaf::LeafId;
use annona_ledger::limits;
use annona_ledger::sync::blob;
use annona_ledger::sync::frame::{self, Frame};
use annona_ledger::sync::talk::Item;

use crate::checkpoint::{self, Carried, CheckpointFault};
use crate::store::{Store, StoreFault};

/// Programmes whose rows are held ready for others.
const READY: usize = 4;
/// Bytes of rows that are gathered at most: ten times those of the largest camp.
const GATHERED: usize = 64 * 1024 * 1024;
/// Cosignatures of one page that are listened to.
const SAID: usize = 1_024;

type Ready = BTreeMap<(Hash, ProgrammeId), Arc<Vec<Chunk>>>;

/// The rows that this node has made ready for who begins: made once, whoever asks.
#[derive(Clone, Default)]
pub(super) struct Offering(Arc<Mutex<Ready>>);

impl Offering {
    /// The newest checkpoint a quorum vouches for, and what is said about it; one with all its programmes before one with
    /// some.
    pub(super) fn page(&self, store: &Store) -> Result<Option<Vec<Frame>>, StoreFault> {
        let mut found = None;
        for hash in store.page_hashes()? {
            let Some(kept) = store.kept_page(&hash)? else { continue };
            let standing = store.page_standing(&kept)?;
            if !standing.certifies_frontier() {
                continue;
            }
            let whole = kept.page.working.iter().all(|leaf| {
                let of = leaf.id.programme;
                of == ProgrammeId::NONE || standing.certifies(of)
            });
            if whole || found.is_none() {
                found = Some(kept);
            }
            if whole {
                break;
            }
        }
        Ok(found.map(|kept| {
            let mut frames = blob::pieces(frame::PAGE, kept.hash, &kept.page.encode());
            let said = kept.cosignatures.into_iter().take(SAID);
            frames.extend(said.map(|said| Frame::Cosignature(Box::new(said))));
            frames
        }))
    }

    /// One chunk of a leaf, and whether more follow.
    pub(super) fn chunk(
        &self,
        store: &Store,
        checkpoint: &Hash,
        of: Of,
        leaf: &LeafId,
        at: u32,
    ) -> Result<Option<(Chunk, bool)>, StoreFault> {
        if of != Of::Working {
            return Ok(None);
        }
        // While one makes them ready the others wait: folding a ledger twice at a time helps nobody.
        let mut ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (*checkpoint, leaf.programme);
        if !ready.contains_key(&key) {
            let of: BTreeSet<ProgrammeId> =
                Some(leaf.programme).filter(|p| *p != ProgrammeId::NONE).into_iter().collect();
            // In a look of its own: this one is within the meeting's.
            let apart = Store::reader(store.path())?;
            let chunks = match checkpoint::carry(&apart, checkpoint, Some(&of)) {
                Ok(carried) => carried.rows,
                Err(CheckpointFault::Store(fault)) => return Err(fault),
                // Pruned, or begun above it: there is nothing of it here.
                Err(_) => Vec::new(),
            };
            while ready.len() >= READY {
                ready.pop_first();
            }
            ready.insert(key, Arc::new(chunks));
        }
        let Some(chunks) = ready.get(&key).cloned() else { return Ok(None) };
        drop(ready);
        let mut of_leaf =
            chunks.iter().filter(|chunk| chunk.leaf == *leaf && chunk.path.index >= at);
        let chunk = of_leaf.next().filter(|chunk| chunk.path.index == at).cloned();
        Ok(chunk.map(|chunk| (chunk, of_leaf.next().is_some())))
    }
}

/// What has come of a checkpoint this node begins from. It outlives the meeting: a cut link costs no row twice.
#[derive(Default)]
pub(super) struct Gathered {
    page: Option<Page>,
    said: Vec<Cosignature>,
    rows: BTreeMap<LeafId, Vec<Chunk>>,
    bytes: usize,
}

/// What all meetings of a node have gathered.
pub(super) type Basket = Arc<Mutex<Gathered>>;

/// The part of one meeting in it.
pub(super) struct Beginning {
    wanted: bool,
    programmes: BTreeSet<ProgrammeId>,
    basket: Basket,
    /// From which chunk each leaf is asked for in this meeting.
    from: Mutex<BTreeMap<LeafId, u32>>,
    /// Whether the page that came is one to begin from.
    certified: bool,
}

impl Beginning {
    pub(super) fn new(wanted: bool, programmes: BTreeSet<ProgrammeId>, basket: Basket) -> Self {
        let from = Mutex::new(BTreeMap::new());
        Self { wanted, programmes, basket, from, certified: false }
    }

    pub(super) const fn is_wanted(&self) -> bool {
        self.wanted
    }

    fn gathered(&self) -> std::sync::MutexGuard<'_, Gathered> {
        self.basket.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is still lacking.
    pub(super) fn wants(&self, room: usize, not: &dyn Fn(&Item) -> bool) -> Vec<Item> {
        let gathered = self.gathered();
        let Some(page) = gathered.page.as_ref().filter(|_| self.certified) else {
            return Some(Item::Page).filter(|item| !not(item)).into_iter().collect();
        };
        let checkpoint = page.checkpoint.hash();
        let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        let lacking = self.leaves(page).filter_map(|(leaf, needs)| {
            let have = gathered.rows.get(&leaf).map_or(0, Vec::len);
            let from = *from.entry(leaf).or_insert_with(|| u32::try_from(have).unwrap_or(u32::MAX));
            let item = Item::State { checkpoint, of: Of::Working, leaf, from };
            (have < needs && !not(&item)).then_some(item)
        });
        lacking.take(room).collect()
    }

    /// The leaves to begin from, and how many chunks each has.
    fn leaves<'a>(&'a self, page: &'a Page) -> impl Iterator<Item = (LeafId, usize)> + 'a {
        let of = |p: ProgrammeId| p == ProgrammeId::NONE || self.programmes.contains(&p);
        let leaves = page.working.iter().filter(move |leaf| of(leaf.id.programme));
        leaves.map(|leaf| {
            let rows = usize::try_from(leaf.rows).unwrap_or(usize::MAX);
            (leaf.id, rows.div_ceil(limits::CHUNK_ROWS))
        })
    }

    /// A page has come: another one than before throws away the rows of that.
    pub(super) fn page(&self, page: Page) {
        let mut gathered = self.gathered();
        if gathered.page.as_ref() != Some(&page) {
            *gathered = Gathered { page: Some(page), ..Gathered::default() };
        }
    }

    pub(super) fn said(&self, said: Cosignature) {
        let mut gathered = self.gathered();
        // It may come twice: asked for, and sent unasked as what this node lacks.
        if gathered.said.len() < SAID && !gathered.said.contains(&said) {
            gathered.said.push(said);
        }
    }

    /// All that is said about the page has come: whether a quorum vouches for what this node needs of it.
    pub(super) fn page_ended(&mut self, store: &Store) -> Result<bool, StoreFault> {
        let mut gathered = self.gathered();
        let Some(page) = gathered.page.clone() else { return Ok(false) };
        let carried = Carried { page, cosignatures: gathered.said.clone(), rows: Vec::new() };
        let standing = match checkpoint::count(store, &carried) {
            Ok(standing) => Some(standing),
            Err(CheckpointFault::Store(fault)) => return Err(fault),
            Err(_) => None,
        };
        let mut of =
            self.programmes.iter().filter(|p| carried.page.leaves_of(**p).next().is_some());
        let certified = standing.is_some_and(|standing| {
            let any = of.clone().next().is_some();
            any && of.all(|programme| standing.certifies(*programme))
        });
        if !certified {
            *gathered = Gathered::default();
        }
        drop(gathered);
        self.certified = certified;
        Ok(certified)
    }

    /// Takes in a chunk. Says whether it was the next one of its leaf, and is what was vouched for.
    pub(super) fn chunk(&self, chunk: Chunk) -> bool {
        let mut gathered = self.gathered();
        let Gathered { page, rows, bytes, .. } = &mut *gathered;
        let Some(page) = page else { return false };
        let size: usize = chunk.rows.iter().map(|row| row.len()).sum();
        let of = rows.entry(chunk.leaf).or_default();
        let next = usize::try_from(chunk.path.index) == Ok(of.len());
        let fits = bytes.saturating_add(size) <= GATHERED;
        if !next || !fits || chunk.check(page).is_err() {
            return false;
        }
        *bytes = bytes.saturating_add(size);
        of.push(chunk);
        true
    }

    /// Everything, once it is there; it is given out once.
    pub(super) fn whole(&mut self) -> Option<(Carried, BTreeSet<ProgrammeId>)> {
        if !self.certified {
            return None;
        }
        let mut gathered = self.gathered();
        let page = gathered.page.as_ref()?;
        let there =
            |(leaf, needs): (LeafId, usize)| gathered.rows.get(&leaf).map_or(0, Vec::len) == needs;
        if !self.leaves(page).all(there) {
            return None;
        }
        let Gathered { page, said, rows, .. } = std::mem::take(&mut *gathered);
        drop(gathered);
        (self.certified, self.wanted) = (false, false);
        let rows = rows.into_values().flatten().collect();
        let carried = Carried { page: page?, cosignatures: said, rows };
        Some((carried, self.programmes.clone()))
    }
}
