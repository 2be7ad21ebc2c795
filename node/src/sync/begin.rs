//! Beginning without a history: the rows of a checkpoint, as one side offers them and the other gathers them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use annona_ledger::checkpoint::{Chunk, Cosignature, Of, Page};
use annona_ledger::hash::Hash;
use annona_ledger::id::ProgrammeId;
use annona_ledger::leaf::LeafId;
use annona_ledger::limits;
use annona_ledger::sync::blob;
use annona_ledger::sync::frame::{self, Frame};
use annona_ledger::sync::talk::Item;

use super::claims::{Board, By, Turn, locked};
use crate::checkpoint::{self, Carried, CheckpointFault};
use crate::store::{Store, StoreFault};

/// Programmes whose rows are held ready for others.
const READY: usize = 4;
/// Bytes of rows that are gathered at most: ten times those of the largest camp.
const GATHERED: usize = 64 * 1024 * 1024;
/// Bytes of rows that are new at least before they are kept over a restart: two minutes of a bad link.
const KEPT: usize = 1024 * 1024;
/// How long what was gathered outlives the last row of it where somebody has none of the rest.
const HELD: Duration = Duration::from_secs(3_600);
/// What they are kept in, beside the ledger file.
const GATHERED_FILE: &str = "begin.part";
/// Cosignatures of pages that are listened to.
const SAID: usize = 1_024;
/// Pages that are looked at.
const PAGES: usize = 4;

/// How long after a ledger was folded for rows it is not folded for the same again: who began with them has them by then, and
/// who asks for others in turn costs a fold of each once.
const FOLD_AGAIN: Duration = Duration::from_secs(600);

/// The rows of one programme at one checkpoint.
type Folded = (Hash, ProgrammeId);

#[derive(Default)]
struct Ready {
    /// Those that are held ready, and when each was asked for last.
    rows: BTreeMap<Folded, (Arc<Vec<Chunk>>, Instant)>,
    /// When each was folded.
    folded: BTreeMap<Folded, Instant>,
}

impl Ready {
    fn get(&mut self, key: &Folded) -> Option<Arc<Vec<Chunk>>> {
        let (chunks, used) = self.rows.get_mut(key)?;
        *used = Instant::now();
        Some(chunks.clone())
    }

    /// Whether the ledger may be folded for these rows now; it was, from now on.
    fn may_fold(&mut self, key: Folded) -> bool {
        self.folded.retain(|_, at| at.elapsed() < FOLD_AGAIN);
        let new = !self.folded.contains_key(&key);
        if new {
            self.folded.insert(key, Instant::now());
        }
        new
    }

    fn put(&mut self, key: Folded, chunks: Arc<Vec<Chunk>>) {
        // Somebody may be in the midst of those that were used last.
        while self.rows.len() >= READY {
            let oldest = self.rows.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(key, _)| *key) else { break };
            self.rows.remove(&oldest);
        }
        self.rows.insert(key, (chunks, Instant::now()));
    }
}

/// A page with what is said about it.
fn carried(page: &Page, said: &[Cosignature], rows: Vec<Chunk>) -> Carried {
    let name = page.checkpoint.hash();
    let said = said.iter().filter(|said| said.said.checkpoint == name).cloned();
    Carried { page: page.clone(), cosignatures: said.collect(), rows }
}

/// The rows that this node has made ready for who begins: made once, whoever asks.
#[derive(Clone, Default)]
pub(super) struct Offering(Arc<Mutex<Ready>>);

impl Offering {
    /// Of the checkpoints a quorum vouches for the one that covers most, and what is said about it; one with all its
    /// programmes before one with some.
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

    /// Lets go of what is held ready.
    #[cfg(test)]
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rows.clear();
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
        let chunks = if let Some(chunks) = ready.get(&key) {
            chunks
        } else {
            if !offers(store, checkpoint, leaf.programme)? || !ready.may_fold(key) {
                return Ok(None);
            }
            let of: BTreeSet<ProgrammeId> =
                Some(leaf.programme).filter(|p| *p != ProgrammeId::NONE).into_iter().collect();
            // In a look of its own: this one is within the meeting's.
            let apart = Store::reader(store.path())?;
            let chunks = match checkpoint::carry(&apart, checkpoint, Some(&of)) {
                Ok(carried) => carried.rows,
                Err(CheckpointFault::Store(fault)) => return Err(fault),
                // Pruned, or begun above it: there is nothing of it here.
                Err(_) => return Ok(None),
            };
            let chunks = Arc::new(chunks);
            ready.put(key, chunks.clone());
            chunks
        };
        drop(ready);
        let mut of_leaf =
            chunks.iter().filter(|chunk| chunk.leaf == *leaf && chunk.path.index >= at);
        let chunk = of_leaf.next().filter(|chunk| chunk.path.index == at).cloned();
        Ok(chunk.map(|chunk| (chunk, of_leaf.next().is_some())))
    }
}

/// Whether rows of a checkpoint are for others: of one that is kept, that a quorum vouches for, and where there is room for a
/// ledger beside this one.
fn offers(store: &Store, checkpoint: &Hash, programme: ProgrammeId) -> Result<bool, StoreFault> {
    let Some(kept) = store.kept_page(checkpoint)? else { return Ok(false) };
    let standing = store.page_standing(&kept)?;
    let vouched = programme == ProgrammeId::NONE || standing.certifies(programme);
    let size = fs::metadata(store.path()).map_or(0, |found| found.len());
    let fits = crate::disk::free(store.path()).is_none_or(|free| free / 2 > size);
    Ok(standing.certifies_frontier() && vouched && fits)
}

/// What has come of a checkpoint this node begins from. It outlives the meeting: a cut link costs no row twice.
#[derive(Default)]
pub(super) struct Gathered {
    /// Pages that came: one that was asked for, and others that are sent to whoever lacks them.
    pages: BTreeMap<Hash, Page>,
    /// Those of them a quorum was found to vouch for.
    vouched: BTreeSet<Hash>,
    /// What is said about any of them.
    said: Vec<Cosignature>,
    /// The one this node begins from: a quorum vouches for it.
    page: Option<Page>,
    rows: BTreeMap<LeafId, Vec<Chunk>>,
    bytes: usize,
    /// Where it is kept over a restart, and how many bytes of rows were when that was done last.
    file: Option<PathBuf>,
    kept: usize,
    /// When the last of it came, or was found after a restart.
    came: Option<Instant>,
}

impl Gathered {
    /// What a node that stopped had gathered, beside its ledger file. Nothing of it is believed: each chunk is held against
    /// the page, and the page against its quorum before a row is asked for.
    pub(super) fn found(ledger: &Path) -> Self {
        let file = ledger.with_file_name(GATHERED_FILE);
        let mut gathered = Self::default();
        if let Ok((_, carried)) = checkpoint::read(&file) {
            (gathered.page, gathered.said) = (Some(carried.page), carried.cosignatures);
            for chunk in carried.rows {
                gathered.push(chunk);
            }
            gathered.kept = gathered.bytes;
            gathered.came = Some(Instant::now());
        }
        gathered.file = Some(file);
        gathered
    }

    /// Takes in a chunk. Says whether it was the next one of its leaf, and is what was vouched for.
    fn push(&mut self, chunk: Chunk) -> bool {
        let Some(page) = &self.page else { return false };
        let size: usize = chunk.rows.iter().map(|row| row.len()).sum();
        let of = self.rows.entry(chunk.leaf).or_default();
        let next = usize::try_from(chunk.path.index) == Ok(of.len());
        let fits = self.bytes.saturating_add(size) <= GATHERED;
        if !next || !fits || chunk.check(page).is_err() {
            return false;
        }
        self.bytes = self.bytes.saturating_add(size);
        of.push(chunk);
        self.came = Some(Instant::now());
        true
    }

    /// Keeps what is new since it was last kept. Where that fails a restart costs these rows, and nothing else.
    fn keep(&mut self) {
        let (Some(file), Some(page)) = (&self.file, &self.page) else { return };
        if self.bytes == self.kept {
            return;
        }
        let new = file.with_extension("new");
        fs::remove_file(&new).unwrap_or(());
        let rows = self.rows.values().flatten().cloned().collect();
        let written = checkpoint::write(&new, &carried(page, &self.said, rows));
        if written.is_ok() && fs::rename(&new, file).is_ok() {
            self.kept = self.bytes;
        }
    }

    /// Lets everything go.
    fn clear(&mut self) -> Self {
        let file = self.file.take();
        if let Some(file) = &file {
            fs::remove_file(file).unwrap_or(());
        }
        std::mem::replace(self, Self { file, ..Self::default() })
    }
}

/// What all meetings of a node have gathered.
pub(super) type Basket = Arc<Mutex<Gathered>>;

/// How long a meeting may have the turn without bringing a row: five minutes, or a page did not come over a bad link.
const TURN: Duration = Duration::from_secs(300);

/// How far a node has come that begins from a checkpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Another meeting asks for it.
    Elsewhere,
    /// It is asked for here.
    Asking,
    /// The other side has none that a quorum vouches for, or not the rows of it.
    Without,
    /// It has begun.
    Begun,
}

/// The part of one meeting in it.
pub(super) struct Beginning {
    wanted: bool,
    /// Where this meeting stands in beginning, if it is for that.
    stage: Option<Stage>,
    /// Which meeting the rows are asked for in: in one at a time, or two would bring the same.
    turn: Board<()>,
    by: By,
    programmes: BTreeSet<ProgrammeId>,
    basket: Basket,
    /// From which chunk each leaf is asked for in this meeting.
    from: Mutex<BTreeMap<LeafId, u32>>,
    /// Whether the page that came is one to begin from.
    certified: bool,
}

impl Beginning {
    pub(super) fn new(
        begins: bool,
        programmes: BTreeSet<ProgrammeId>,
        basket: Basket,
        (turn, by): (Board<()>, By),
    ) -> Self {
        let from = Mutex::new(BTreeMap::new());
        let claim = || locked(&turn).claim((), by, Instant::now(), TURN, true);
        let wanted = begins && claim() != Turn::Elsewhere;
        let stage = match (begins, wanted) {
            (false, _) => None,
            (true, false) => Some(Stage::Elsewhere),
            (true, true) => Some(Stage::Asking),
        };
        Self { wanted, stage, turn, by, programmes, basket, from, certified: false }
    }

    /// Where this meeting stands, if it is one to begin in.
    pub(super) const fn stage(&self) -> Option<Stage> {
        self.stage
    }

    /// Whether no meeting asks for rows now, or none come in it.
    pub(super) fn is_free(&self) -> bool {
        locked(&self.turn).is_free(&(), Instant::now(), TURN)
    }

    /// Rows are not asked for in this meeting any more.
    fn ends(&mut self, stage: Stage) {
        if self.stage.is_some() {
            self.stage = Some(stage);
        }
        (self.certified, self.wanted) = (false, false);
        self.give_back();
    }

    fn give_back(&self) {
        locked(&self.turn).give_back((), self.by);
    }

    /// What was gathered is nothing to begin from.
    pub(super) fn without(&mut self) {
        self.gathered().clear();
        self.ends(Stage::Without);
    }

    /// The other side has nothing of a leaf that was asked for: it has pruned it, or began above it. What others brought of it
    /// stays, unless none of it has come from anybody for long: then nobody may have it any more.
    pub(super) fn not_there(&mut self) {
        let mut gathered = self.gathered();
        if gathered.came.is_none_or(|came| came.elapsed() >= HELD) {
            gathered.clear();
        }
        drop(gathered);
        self.ends(Stage::Without);
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

    /// Whether rows of a leaf are lacking.
    pub(super) fn lacks(&self, leaf: &LeafId) -> bool {
        let gathered = self.gathered();
        let Some(page) = gathered.page.as_ref() else { return false };
        let lacks = |(id, needs): (LeafId, usize)| {
            id == *leaf && gathered.rows.get(&id).map_or(0, Vec::len) < needs
        };
        self.leaves(page).any(lacks)
    }

    /// A page has come. It takes the place of none that is begun from already, and of none a quorum vouches for while
    /// there are others: what it says of itself, and what it covers, anybody may write.
    pub(super) fn page(&self, page: Page) {
        let mut gathered = self.gathered();
        while gathered.pages.len() >= PAGES {
            let worth = |(name, page): &(&Hash, &Page)| {
                let said = gathered.said.iter().filter(|said| said.said.checkpoint == **name);
                (gathered.vouched.contains(*name), page.sketch.blocks(), said.count())
            };
            let least = gathered.pages.iter().min_by_key(worth);
            let Some(least) = least.map(|(name, _)| *name) else { break };
            gathered.pages.remove(&least);
        }
        gathered.pages.insert(page.checkpoint.hash(), page);
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
        // What was begun with goes on; else, of those a quorum vouches for, the one that covers most.
        let mut pages: Vec<Page> = gathered.pages.values().cloned().collect();
        pages.sort_by_key(|page| std::cmp::Reverse(page.sketch.blocks()));
        let (mut found, mut vouched) = (None, BTreeSet::new());
        for page in gathered.page.iter().chain(&pages) {
            if self.is_certified(store, page, &gathered.said)? {
                vouched.insert(page.checkpoint.hash());
                found = found.or_else(|| Some(page.clone()));
            }
        }
        gathered.vouched = vouched;
        let certified = found.is_some();
        if gathered.page != found {
            (gathered.rows, gathered.bytes, gathered.kept) = (BTreeMap::new(), 0, 0);
        }
        gathered.page = found;
        drop(gathered);
        self.certified = certified;
        if !certified {
            self.without();
        }
        Ok(certified)
    }

    /// Whether a quorum vouches for what this node needs of a page.
    fn is_certified(
        &self,
        store: &Store,
        page: &Page,
        said: &[Cosignature],
    ) -> Result<bool, StoreFault> {
        let carried = carried(page, said, Vec::new());
        let standing = match checkpoint::count(store, &carried) {
            Ok(standing) => standing,
            Err(CheckpointFault::Store(fault)) => return Err(fault),
            Err(_) => return Ok(false),
        };
        let mut of = self.programmes.iter().filter(|p| page.leaves_of(**p).next().is_some());
        let any = of.clone().next().is_some();
        Ok(any && of.all(|programme| standing.certifies(*programme)))
    }

    /// Takes in a chunk. Says whether it was the next one of its leaf, and is what was vouched for.
    pub(super) fn chunk(&self, chunk: Chunk) -> bool {
        let mut gathered = self.gathered();
        let good = gathered.push(chunk);
        if good {
            locked(&self.turn).came((), self.by, Instant::now());
        }
        // Written anew each time: ever more has to be new.
        if gathered.bytes >= gathered.kept.saturating_add(KEPT.max(gathered.kept / 2)) {
            gathered.keep();
        }
        good
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
        let Gathered { page, said, rows, .. } = gathered.clear();
        drop(gathered);
        self.ends(Stage::Begun);
        let rows = rows.into_values().flatten().collect();
        Some((carried(&page?, &said, rows), self.programmes.clone()))
    }
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if self.wanted {
            self.gathered().keep();
        }
        self.give_back();
    }
}
