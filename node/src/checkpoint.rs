//! Checkpoints of a node: making them, vouching for them, carrying them in a file, and beginning from one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};

use annona_ledger::checkpoint::{
    Chunk, ChunkFault, Cosignature, CosignatureRejection, Of, Page, PageFault, Refusal, Said,
    Standing, chunks, standing, vouch,
};
use annona_ledger::frontier::Frontier;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, Lane, ProgrammeId};
use annona_ledger::leaf::LeafId;
use annona_ledger::limits;
use annona_ledger::notice::{Learned, NodeCertificate, Roles};
use annona_ledger::sync::blob::{Gathering, pieces};
use annona_ledger::sync::frame::{Frame, FrameFault, PAGE, PREFIX, length};
use annona_ledger::time::Minute;
use annona_ledger::wire::{Bounded, WireFault};

use crate::atomic;
use crate::audit::export::is_part;
use crate::disk::DiskFault;
use crate::keystore::Name;
use crate::node::{Node, NodeFault};
use crate::store::{Pruned, Pruning, Store, StoreFault, by_leaf};

/// The first bytes of a checkpoint file.
const MAGIC: &[u8; 24] = b"annona checkpoint v1\n\0\0\0";
/// Chunks read of one file: a million rows.
const CHUNKS: usize = 16_384;
/// Cosignatures read of one file: every organisation's, many times.
const COSIGNATURES: usize = 1_024;

/// Why a checkpoint could not be made, signed, read or begun from.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointFault {
    /// This node is no witness.
    #[error(
        "this node's certificate does not make it a witness now: its organisation admits it with --role witness, and anew once it has ended"
    )]
    NotAWitness,
    /// The witness's answer, with the status a server would give.
    #[error("{status}: {0}", status = .0.status())]
    Refused(Refusal),
    /// No such checkpoint here.
    #[error("no such checkpoint is known here")]
    Unknown,
    /// The page does not stand.
    #[error(transparent)]
    Page(#[from] PageFault),
    /// Too few vouch for it.
    #[error(
        "{found} of {needs} organisations vouch for programme {programme} in this checkpoint: rows of it are not begun from"
    )]
    TooFew {
        /// The programme; zero for the frontier.
        programme: ProgrammeId,
        /// Organisations that do.
        found: usize,
        /// How many it takes.
        needs: u8,
    },
    /// Rows that nobody vouched for.
    #[error(transparent)]
    Chunk(#[from] ChunkFault),
    /// Rows are missing.
    #[error("rows of programme {0} are missing in the file")]
    Missing(ProgrammeId),
    /// The rows do not come to the state that was vouched for.
    #[error("the rows of {0} do not come to the state that was vouched for: nothing was kept")]
    State(LeafId),
    /// Nothing this node has signed about a programme is kept here.
    #[error(
        "this node has signed checkpoints, and none that is kept here says what it holds of programme {0}: it could not take \
         back what it said of others. Sign a newer checkpoint first"
    )]
    NoWord(ProgrammeId),
    /// No programme of this node is in the checkpoint.
    #[error("the checkpoint has no programme of this node's certificate")]
    Nothing,
    /// Not such a file.
    #[error("this is no checkpoint file")]
    NotACheckpoint,
    /// A frame of the file.
    #[error("the file is damaged: {0}")]
    Frame(#[from] FrameFault),
    /// Its page.
    #[error("the file's page is no page: {0}")]
    Wire(#[from] WireFault),
    /// The medium.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// The ledger file.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The node.
    #[error(transparent)]
    Node(#[from] NodeFault),
}

/// Makes a checkpoint of everything this node knows, and keeps it. Open tails are sealed first.
///
/// # Errors
///
/// [`CheckpointFault`].
pub fn make(node: &mut Node) -> Result<Page, CheckpointFault> {
    node.guarded()?;
    node.seal_all()?;
    let time = now(node)?;
    let programmes = served(node)?;
    let page = node.store().page(&node.public(), &programmes, time)?;
    node.store_mut().keep_page(&page)??;
    Ok(page)
}

fn now(node: &Node) -> Result<Minute, CheckpointFault> {
    Ok(node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?)
}

/// The programmes this node serves and folds whole. Of one in which something stands that only a later version knows, and
/// that must not be passed over, it vouches for nothing; of none, where that stands on a control feed.
fn served(node: &Node) -> Result<BTreeSet<ProgrammeId>, CheckpointFault> {
    let work = node.store().look()?;
    let halted = work.halted_programmes();
    work.check()?;
    let all = node.certificate().map(|c| c.programmes.iter().copied().collect());
    let mut served: BTreeSet<ProgrammeId> = all.unwrap_or_default();
    served.retain(|p| !halted.contains(p) && !halted.contains(&ProgrammeId::NONE));
    Ok(served)
}

/// Signs a checkpoint kept here as a witness, and keeps the signature. What is signed is durable before this returns.
///
/// # Errors
///
/// [`CheckpointFault::Refused`] where a witness does not sign it; another fault.
pub fn cosign(node: &mut Node, hash: &Hash) -> Result<Cosignature, CheckpointFault> {
    node.guarded()?;
    let (memory, said) = saying(node, hash)?;
    let federation = node.federation()?;
    let signed = said.sign(&federation, &node.signing_key(Name::NodeTransport)?);
    let work = node.store_mut().begin()?;
    work.sign_for(&memory, &signed)?;
    work.commit()?;
    node.store_mut().note_certified()?;
    Ok(signed)
}

/// What [`cosign`] would sign, and what this node would remember; nothing is signed.
///
/// # Errors
///
/// As [`cosign`].
pub fn saying(node: &Node, hash: &Hash) -> Result<(Frontier, Said), CheckpointFault> {
    node.may_sign().map_err(|fault| NodeFault::Refused(fault.to_string()))?;
    let time = now(node)?;
    is_witness(node, time)?;
    let kept = node.store().kept_page(hash)?.ok_or(CheckpointFault::Unknown)?;
    let latest = node.latest()?;
    let memory = {
        let work = node.store().look()?;
        let decided = vouch(&kept.page, &kept.frontier, &work.signed()?, latest, &work);
        work.check()?;
        decided.map_err(CheckpointFault::Refused)?
    };
    let said = Said {
        checkpoint: *hash,
        witness: node.public().short(),
        time,
        ..folded(node, &kept.page)?
    };
    Ok((memory, said))
}

/// Whether what this node says as a witness at a time counts elsewhere: its certificate makes it one, and is in force.
fn is_witness(node: &Node, time: Minute) -> Result<(), CheckpointFault> {
    let own = node.public();
    let mut certificates = node.store().roster().node_ever(&own);
    let fit = |c: &NodeCertificate| {
        c.roles.has(Roles::WITNESS) && (c.issued..=c.not_after).contains(&time)
    };
    if certificates.any(fit) { Ok(()) } else { Err(CheckpointFault::NotAWitness) }
}

/// What this node has folded of a page and found the same, and what it holds.
fn folded(node: &Node, page: &Page) -> Result<Said, CheckpointFault> {
    let nothing = Said {
        checkpoint: Hash::ZERO,
        witness: [0; 8],
        time: Minute(0),
        leaves: Bounded::empty(),
        holds: Bounded::empty(),
    };
    let store = node.store();
    let kept = store.kept_page(&page.checkpoint.hash())?.ok_or(CheckpointFault::Unknown)?;
    let programmes = served(node)?;
    let compare = |store: &Store| {
        let work = store.look()?;
        work.leaves_at(&kept.frontier, &programmes)
    };
    // As it stands, if that is where the page is; otherwise as it was.
    let same = store.charter()?.epoch() == page.checkpoint.epoch
        && store.feeds()?.iter().all(|feed| feed.head == feed.sealed)
        && store.look()?.frontier()? == kept.frontier;
    let (state, working) = if same {
        compare(store)?
    } else {
        match store.scratch(&kept.frontier, page.checkpoint.epoch)? {
            Some(scratch) => compare(&scratch.store)?,
            None => return Ok(nothing),
        }
    };
    let leaf_of = |p: ProgrammeId| move |leaf: &&annona_ledger::leaf::Leaf| leaf.id.programme == p;
    let alike = |p: ProgrammeId| {
        let mine: Vec<_> = working.iter().filter(leaf_of(p)).collect();
        let theirs: Vec<_> = page.working.iter().filter(leaf_of(p)).collect();
        mine == theirs
    };
    let mut leaves = Vec::new();
    let mut holds = Vec::new();
    let work = store.look()?;
    let begun = work.began_with();
    if alike(ProgrammeId::NONE) {
        if !begun.contains(&ProgrammeId::NONE) {
            holds.push(ProgrammeId::NONE);
        }
        for programme in [ProgrammeId::NONE].iter().chain(&programmes) {
            let mine: Vec<_> = state.iter().filter(leaf_of(*programme)).collect();
            let theirs: Vec<_> = page.leaves_of(*programme).collect();
            if !theirs.is_empty() && mine == theirs && alike(*programme) {
                leaves.extend(theirs.iter().map(|leaf| leaf.id));
                // Who began from rows, or has pruned, does not hold what lies below; nor who lacks what stands beside it,
                // which whoever counts on it would destroy.
                let holds_it = *programme != ProgrammeId::NONE
                    && !begun.contains(programme)
                    && !work.lacks_evidence(&kept.frontier, *programme)?;
                if holds_it {
                    holds.push(*programme);
                }
            }
        }
    }
    Ok(Said { leaves: Bounded::new(leaves)?, holds: Bounded::new(holds)?, ..nothing })
}

/// What pruning a programme below a checkpoint would take away here, and what it still lacks.
///
/// # Errors
///
/// [`CheckpointFault`].
pub fn pruning(
    node: &Node,
    hash: &Hash,
    programme: ProgrammeId,
) -> Result<Pruning, CheckpointFault> {
    let kept = node.store().kept_page(hash)?.ok_or(CheckpointFault::Unknown)?;
    Ok(node.store().pruning(&kept, programme, &node.public().short())?)
}

/// Drops the bodies of a programme that [`pruning`] names. Where this node has said that it holds them, it says otherwise
/// first, and that is durable before the first body goes: nobody who hears of it counts on them any more.
///
/// # Errors
///
/// [`CheckpointFault`]; then no body is gone.
pub fn prune(
    node: &mut Node,
    hash: &Hash,
    programme: ProgrammeId,
) -> Result<Pruned, CheckpointFault> {
    node.guarded()?;
    let kept = node.store().kept_page(hash)?.ok_or(CheckpointFault::Unknown)?;
    let own = node.public().short();
    let pruning = node.store().pruning(&kept, programme, &own)?;
    if pruning.may() && pruning.would.blocks > 0 {
        take_back(node, programme)?;
    }
    Ok(node.store_mut().prune(&kept, programme, &own)?)
}

/// Signs anew, of every page kept here, what this node has signed of it, without holding a programme, where its last word was
/// that it does: by words newer than all it has said about the programme.
fn take_back(node: &mut Node, programme: ProgrammeId) -> Result<(), CheckpointFault> {
    let own = node.public().short();
    let (mut held, mut newest) = (Vec::new(), None);
    for hash in node.store().page_hashes()? {
        let Some(kept) = node.store().kept_page(&hash)? else { continue };
        let mine = kept.cosignatures.iter().filter(|c| c.said.witness == own);
        newest = newest.max(mine.clone().map(|c| c.said.time).max());
        let about = mine.filter(|c| c.folded(&kept.page, programme));
        if let Some(last) = about.max_by_key(|c| (c.said.time, c.encode())) {
            held.push(last.said.clone());
        }
    }
    let memory = node.store().look()?.signed()?;
    if held.is_empty() && !memory.is_empty() {
        // What it said of a page that it has let go would count wherever that page is kept.
        return Err(CheckpointFault::NoWord(programme));
    }
    held.retain(|said| said.holds.contains(&programme));
    let after = newest.map_or(0, |time| time.0.saturating_add(1));
    // Its newest word counts: it is newer, whatever the clock shows.
    let time = now(node)?.max(Minute(after));
    for said in held {
        // Others would not count it, and would go on relying on the word it takes back.
        is_witness(node, time)?;
        let left = said.holds.iter().copied().filter(|held| *held != programme).collect();
        let said = Said { time, holds: Bounded::new(left)?, ..said };
        let signed = said.sign(&node.federation()?, &node.signing_key(Name::NodeTransport)?);
        let work = node.store_mut().begin()?;
        work.sign_for(&memory, &signed)?;
        work.commit()?;
    }
    Ok(())
}

/// What a checkpoint file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// The page.
    pub page: Page,
    /// What is said about it.
    pub cosignatures: Vec<Cosignature>,
    /// Rows of it, if they are carried.
    pub rows: Vec<Chunk>,
}

/// Puts together what is carried of a checkpoint kept here; with `rows`, everything a node of those programmes begins from.
///
/// # Errors
///
/// [`CheckpointFault`].
pub fn carry(
    store: &Store,
    hash: &Hash,
    rows: Option<&BTreeSet<ProgrammeId>>,
) -> Result<Carried, CheckpointFault> {
    let kept = store.kept_page(hash)?.ok_or(CheckpointFault::Unknown)?;
    let mut carried = Vec::new();
    if let Some(programmes) = rows {
        let epoch = kept.page.checkpoint.epoch;
        let scratch = store.scratch(&kept.frontier, epoch)?.ok_or(CheckpointFault::Unknown)?;
        let work = scratch.store.look()?;
        for programme in [ProgrammeId::NONE].iter().chain(programmes) {
            let some = work.working_rows(*programme)?;
            let some = some.ok_or(CheckpointFault::Missing(*programme))?;
            for (leaf, rows) in by_leaf(some) {
                carried.extend(chunks(&kept.page, Of::Working, leaf, rows)?);
            }
        }
    }
    for chunk in &carried {
        chunk.check(&kept.page)?;
    }
    Ok(Carried { page: kept.page, cosignatures: kept.cosignatures, rows: carried })
}

/// Writes a checkpoint file; one that is there under that name is replaced once the new one is whole.
///
/// # Errors
///
/// [`CheckpointFault`]; then what was there before is there still.
pub fn write(path: &Path, carried: &Carried) -> Result<u64, CheckpointFault> {
    let fault = |fault| DiskFault::io("write", path, fault);
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.part", std::process::id()));
    let part = PathBuf::from(part);
    atomic::sweep_parts(path.parent().unwrap_or(Path::new("")), |name| is_part(path, name));
    let (file, _held) = atomic::part(&part).map_err(fault)?;
    let mut out = BufWriter::new(file);
    let mut bytes = 0u64;
    let mut put = |some: &[u8]| -> Result<(), CheckpointFault> {
        bytes = bytes.saturating_add(some.len() as u64);
        Ok(out.write_all(some).map_err(|fault| DiskFault::io("write", path, fault))?)
    };
    let written = (|| {
        put(MAGIC)?;
        put(&carried.page.checkpoint.federation.0.0)?;
        for frame in pieces(PAGE, carried.page.checkpoint.hash(), &carried.page.encode()) {
            put(&frame.encode()?)?;
        }
        for said in &carried.cosignatures {
            put(&Frame::Cosignature(Box::new(said.clone())).encode()?)?;
        }
        for chunk in &carried.rows {
            put(&Frame::Chunk(Box::new(chunk.clone())).encode()?)?;
        }
        Ok(())
    })();
    let synced = written.and_then(|()| {
        let whole = out.flush().and_then(|()| out.get_ref().sync_all());
        let named = whole.and_then(|()| std::fs::rename(&part, path));
        named.and_then(|()| atomic::sync_folder(path.parent())).map_err(|f| fault(f).into())
    });
    if synced.is_err() {
        drop(std::fs::remove_file(&part));
    }
    synced.map(|()| bytes)
}

/// Reads a checkpoint file. Nothing in it is believed yet.
///
/// # Errors
///
/// [`CheckpointFault`].
pub fn read(path: &Path) -> Result<(FederationId, Carried), CheckpointFault> {
    let fault = |fault| CheckpointFault::Disk(DiskFault::io("read", path, fault));
    let mut file = BufReader::new(File::open(path).map_err(fault)?);
    let mut head = [0u8; MAGIC.len() + 32];
    file.read_exact(&mut head).map_err(|_| CheckpointFault::NotACheckpoint)?;
    let (magic, federation) = head.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(CheckpointFault::NotACheckpoint);
    }
    let federation = federation.try_into().map_err(|_| CheckpointFault::NotACheckpoint)?;
    let mut page: Option<Page> = None;
    let (mut cosignatures, mut rows) = (Vec::new(), Vec::new());
    let mut gathering = Gathering::default();
    loop {
        let mut prefix = [0u8; PREFIX];
        match file.read_exact(&mut prefix) {
            Ok(()) => {}
            Err(end) if end.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(other) => return Err(fault(other)),
        }
        let mut body = vec![0u8; length(prefix)?];
        file.read_exact(&mut body).map_err(fault)?;
        match Frame::decode(&body)? {
            Frame::BlobChunk { kind: PAGE, name, total, offset, bytes } => {
                let whole = gathering.take(name, total, offset, &bytes, limits::CHECKPOINT_BYTES);
                if let Some(whole) = whole.map_err(|_| CheckpointFault::NotACheckpoint)? {
                    // Its name is the hash of what is signed: a changed byte is told here, before anybody asks who signed.
                    let read = Page::decode(&whole)?;
                    if read.checkpoint.hash() != name {
                        return Err(CheckpointFault::NotACheckpoint);
                    }
                    page = Some(read);
                }
            }
            Frame::Cosignature(said) if cosignatures.len() < COSIGNATURES => {
                cosignatures.push(*said);
            }
            Frame::Chunk(chunk) if rows.len() < CHUNKS => rows.push(*chunk),
            _ => return Err(CheckpointFault::NotACheckpoint),
        }
    }
    let page = page.ok_or(CheckpointFault::NotACheckpoint)?;
    Ok((FederationId(Hash(federation)), Carried { page, cosignatures, rows }))
}

/// What became of a file's cosignatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many were new.
    pub new: u64,
    /// Those that do not count, and are not kept: witness and why.
    pub refused: Vec<([u8; 8], CosignatureRejection)>,
}

/// Keeps what a file carries, but for its rows, and for cosignatures that do not count.
///
/// # Errors
///
/// [`CheckpointFault::Page`] where the page does not stand, or names tips that are not known here.
pub fn keep(store: &mut Store, carried: &Carried) -> Result<Kept, CheckpointFault> {
    let refused = count(store, carried)?.refused;
    store.keep_page(&carried.page)??;
    let mut kept = Kept { new: 0, refused };
    for said in &carried.cosignatures {
        let learned = store.keep_cosignature(said)?;
        kept.new = kept.new.saturating_add(u64::from(learned == Learned::New));
    }
    Ok(kept)
}

/// What [`keep`] would say, without keeping anything.
///
/// # Errors
///
/// As [`keep`].
pub fn would_keep(store: &Store, carried: &Carried) -> Result<Kept, CheckpointFault> {
    let standing = count(store, carried)?;
    store.look()?.tips_of(&carried.page)??;
    let known = store.kept_page(&carried.page.checkpoint.hash())?;
    let known = known.map(|kept| kept.cosignatures).unwrap_or_default();
    let new = carried.cosignatures.iter().filter(|said| !known.contains(said)).count();
    let new = new.saturating_sub(standing.refused.len());
    Ok(Kept { new: new as u64, refused: standing.refused })
}

/// Who vouches for what is carried, by this store's charter of its epoch.
///
/// # Errors
///
/// [`CheckpointFault::Page`] where the page does not stand.
pub fn count(store: &Store, carried: &Carried) -> Result<Standing, CheckpointFault> {
    let epoch = carried.page.checkpoint.epoch;
    let charter = store.charter_at(epoch)?.ok_or(PageFault::Charter(epoch))?;
    carried.page.check(&charter)?;
    Ok(standing(&carried.page, &carried.cosignatures, &charter, store.roster()))
}

/// Checks that some programmes could be begun from a file, and returns the rows: nothing is written.
///
/// # Errors
///
/// [`CheckpointFault`].
pub fn rows_to_begin(
    store: &Store,
    carried: &Carried,
    programmes: &BTreeSet<ProgrammeId>,
) -> Result<(BTreeSet<ProgrammeId>, Vec<Vec<u8>>), CheckpointFault> {
    let page = &carried.page;
    let standing = count(store, carried)?;
    let wanted: BTreeSet<ProgrammeId> = programmes
        .iter()
        .copied()
        .filter(|programme| page.leaves_of(*programme).next().is_some())
        .collect();
    if wanted.is_empty() {
        return Err(CheckpointFault::Nothing);
    }
    for programme in &wanted {
        if !standing.certifies(*programme) {
            let leaves = page.leaves_of(*programme).map(|leaf| standing.leaves.get(&leaf.id));
            let found = leaves.map(|orgs| orgs.map_or(0, BTreeSet::len)).min().unwrap_or(0);
            let (programme, needs) = (*programme, standing.quorum);
            return Err(CheckpointFault::TooFew { programme, found, needs });
        }
    }
    let mut all = wanted.clone();
    all.insert(ProgrammeId::NONE);
    let mut rows: Vec<Vec<u8>> = Vec::new();
    for programme in &all {
        let leaf = page.working.iter().find(|leaf| leaf.id.programme == *programme);
        let leaf = match leaf {
            Some(leaf) => leaf,
            // Nothing was in control feeds yet: an empty set of rows has no leaf.
            None if *programme == ProgrammeId::NONE => continue,
            None => return Err(CheckpointFault::Missing(*programme)),
        };
        let mut found = BTreeSet::new();
        for chunk in carried.rows.iter().filter(|c| c.leaf == leaf.id && c.of == Of::Working) {
            chunk.check(page)?;
            if found.insert(chunk.path.index) {
                rows.extend(chunk.rows.iter().map(|row| row.to_vec()));
            }
        }
        let needs = leaf.rows.div_ceil(u32::try_from(limits::CHUNK_ROWS).unwrap_or(u32::MAX));
        if u32::try_from(found.len()) != Ok(needs) {
            return Err(CheckpointFault::Missing(*programme));
        }
    }
    Ok((wanted, rows))
}

/// Begins some programmes from the rows of a checkpoint that a quorum vouches for, without the blocks below. The store
/// knows charter and notices, and no block of theirs.
///
/// # Errors
///
/// [`CheckpointFault`]; the store is as it was then.
pub fn begin(
    store: &mut Store,
    carried: &Carried,
    programmes: &BTreeSet<ProgrammeId>,
) -> Result<u64, CheckpointFault> {
    let page = &carried.page;
    let (wanted, rows) = rows_to_begin(store, carried, programmes)?;
    let mut all = wanted.clone();
    all.insert(ProgrammeId::NONE);
    let count = rows.len() as u64;
    store.begin_from(page.checkpoint.epoch, &all, &rows)?;
    // A later article may have voted more since: then the leaves moved, and only the working root can be held to.
    if store.charter()?.epoch() == page.checkpoint.epoch {
        let state = store.look()?.state_leaves();
        let of = |leaf: &&annona_ledger::leaf::Leaf| wanted.contains(&leaf.id.programme);
        let mine: Vec<_> = state.iter().filter(of).collect();
        let theirs: Vec<_> = page.state.iter().filter(of).collect();
        if mine != theirs {
            let other = theirs.iter().find(|leaf| !mine.contains(leaf));
            let leaf = other.map_or(LeafId::of(&[]), |leaf| leaf.id);
            store.forget_base()?;
            return Err(CheckpointFault::State(leaf));
        }
    }
    Ok(count)
}
