//! Taking in what others hold: the one way, whether a stick or a link has brought it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::sync_channel;

use annona_ledger::block::{Block, BlockFault, Evidence, Header};
use annona_ledger::charter::{CharterRejection, SignedArticle};
use annona_ledger::checkpoint::{Cosignature, Page, PageFault};
use annona_ledger::fork::ForkProof;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, FeedId, ProgrammeId};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::list::{Builder, ListRejection, Row};
use annona_ledger::notice::{Learned, NoticeRejection, SignedNotice};
use annona_ledger::time::Minute;
use annona_ledger::wire;

use crate::bundle::LIST_BYTES;
use crate::node::{Node, NodeFault};
use crate::store::{Blob, Checked, Checker, ForkLearned, Lost, Received, StoreFault, Work};

/// Blocks that are checked before it is their turn, at most.
const AHEAD: usize = 4;
/// Things of one kind that a report names; it counts all.
const NAMED: usize = 1_000;

/// What was taken in, what is missing, and what was refused.
#[derive(Clone, Debug, Default)]
pub struct Taken {
    /// Articles that were new.
    pub articles: u64,
    /// Notices that were new.
    pub notices: u64,
    /// Blocks that were new.
    pub blocks: u64,
    /// Blocks that were here already.
    pub known: u64,
    /// Headers without bodies that were new.
    pub headers: u64,
    /// Blocks whose evidence came later than they did.
    pub evidence: u64,
    /// Lists whose rows were new.
    pub lists: u64,
    /// Rows of a checkpoint that this node began from.
    pub rows: u64,
    /// Checkpoints that were new.
    pub checkpoints: u64,
    /// Cosignatures that were new.
    pub cosignatures: u64,
    /// Letters that were new.
    pub letters: BTreeSet<[u8; 16]>,
    /// Checkpoints that tell of more than is known here.
    pub checkpoints_ahead: u64,
    /// What is still missing before something that was offered.
    pub gaps: BTreeSet<Gap>,
    /// Feeds that are shown to have forked. Told loudly: power stops for them, food does not.
    pub forks: BTreeSet<Shown>,
    /// Authors without a certificate here, whose blocks were passed over.
    pub unknown: BTreeSet<[u8; 8]>,
    /// The charter epoch that is needed for blocks that were passed over.
    pub charter_behind: Option<u32>,
    /// The epoch with two articles, where the charter has forked and nothing has healed it yet.
    pub charter_forked: Option<u32>,
    /// What others hold under this node's own key and this folder does not. Where it is proven, it signs no more.
    pub own_ahead: Vec<OwnAhead>,
    /// What was not taken in, and why: the first thousand.
    pub refused: Vec<Misfit>,
    /// How many things were not taken in.
    pub refusals: u64,
}

/// Entries that are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The feed.
    pub feed: FeedId,
    /// The first index that is missing.
    pub have: u64,
    /// The first index that was offered.
    pub offered: u64,
}

/// A feed that says two things at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown {
    /// The feed.
    pub feed: FeedId,
    /// The first index at which it does, where known.
    pub index: u64,
}

/// Entries under this node's own key that are not in its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnAhead {
    /// The feed.
    pub feed: FeedId,
    /// How many entries others hold; of what is only said on a link, how many blocks.
    pub theirs: u64,
    /// How many this folder had sealed, in the same unit.
    pub have: u64,
    /// Whether a signature of this node's own key was shown, or somebody only says so.
    pub proven: bool,
}

/// Something that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// An article.
    #[error("article {epoch} does not follow: {why}")]
    Article {
        /// Its epoch.
        epoch: u32,
        /// Why.
        why: CharterRejection,
    },
    /// A notice.
    #[error("a notice is not accepted: {0}")]
    Notice(NoticeRejection),
    /// A block or header.
    #[error("block {seq} of {feed:?}: {why}")]
    Block {
        /// Its feed.
        feed: FeedId,
        /// Its number.
        seq: u64,
        /// Why.
        why: BlockFault,
    },
    /// A branch beyond those kept.
    #[error("{0:?} has more branches than are kept")]
    Branches(FeedId),
    /// A block where it may not stand, or of no feed.
    #[error("frame {0} stands where it may not")]
    Misplaced(u64),
    /// Something that needs a charter, before there is one.
    #[error("something came before the charter it needs")]
    Charterless,
    /// Evidence of another block.
    #[error("evidence belongs to no block before it")]
    Evidence,
    /// A fork proof that is none.
    #[error("a fork proof does not prove anything")]
    NoProof,
    /// The rows of a list.
    #[error("the rows of a list: {0}")]
    Rows(ListRejection),
    /// A checkpoint.
    #[error("a checkpoint: {0}")]
    Checkpoint(PageFault),
    /// Bytes that were said to be a checkpoint.
    #[error("what was said to be a checkpoint is none")]
    NoPage,
    /// Rows to begin from.
    #[error("rows of a checkpoint that nobody vouches for, or out of order")]
    Chunk,
    /// A checkpoint whose rows came, and from which this node could not begin.
    #[error("this node could not begin from a checkpoint: {0}")]
    Begin(String),
    /// A letter that is no paper of a kind that letters are.
    #[error("a letter is no request, answer or question on overlap")]
    Letter,
    /// The rows of a list that is not on the ledger, or not the list's.
    #[error("rows of a list that does not stand on the ledger")]
    NoList,
}

/// Something to be kept.
pub(crate) enum Item {
    Article(Box<SignedArticle>),
    Notice(Box<SignedNotice>),
    Block(FeedId, Box<Block>, Option<Evidence>),
    Header(FeedId, Box<Header>, Signature),
    Fork(Box<ForkProof>),
    /// Evidence of a block that came before: its number, and the hash of its header.
    Evidence(FeedId, u64, Hash, Evidence),
    Rows(ProgrammeId, Box<Rows>),
    /// Whoever brought this holds a feed so far: with its bodies, or headers alone.
    Holds {
        feed: FeedId,
        next: u64,
        whole: bool,
    },
}

impl Taken {
    /// Notes that something was not taken in.
    pub(crate) fn refuse(&mut self, misfit: Misfit) {
        if self.refused.contains(&misfit) {
            return;
        }
        self.refusals += 1;
        if self.refused.len() < NAMED {
            self.refused.push(misfit);
        }
    }

    /// How much came that lets in what had to wait.
    pub(crate) const fn progress(&self) -> u64 {
        self.articles + self.notices + self.blocks + self.headers
    }

    fn received(&mut self, feed: FeedId, first: u64, received: Received) {
        match received {
            Received::New | Received::Known => {}
            Received::Gap { have } => {
                let later = self.gaps.iter().any(|gap| gap.feed == feed && gap.offered <= first);
                if !later && self.gaps.len() < NAMED {
                    self.gaps.insert(Gap { feed, have, offered: first });
                }
            }
            Received::Fork { index } => {
                self.forks.insert(Shown { feed, index });
            }
            Received::AuthorUnknown => {
                if self.unknown.len() < NAMED {
                    self.unknown.insert(feed.node.short());
                }
            }
            Received::CharterBehind { epoch } => {
                self.charter_behind = self.charter_behind.max(Some(epoch));
            }
            Received::TooManyBranches => self.refuse(Misfit::Branches(feed)),
        }
    }
}

/// Takes in things in their order: durable when this returns, or refused. Where it is known `by` whom they come, what it
/// brought of feeds is noted as held there.
///
/// # Errors
///
/// [`NodeFault`] where this node's own folder fails. What is wrong with the things is in `taken`.
pub(crate) fn take(
    node: &mut Node,
    items: Vec<Item>,
    by: Option<&[u8; 8]>,
    taken: &mut Taken,
) -> Result<(), NodeFault> {
    let mut run = Vec::new();
    for item in items {
        match item {
            Item::Article(signed) => {
                feeds(node, std::mem::take(&mut run), by, taken)?;
                article(node, &signed, taken)?;
            }
            Item::Notice(signed) => {
                feeds(node, std::mem::take(&mut run), by, taken)?;
                notice(node, &signed, taken)?;
            }
            Item::Rows(programme, rows) => {
                feeds(node, std::mem::take(&mut run), by, taken)?;
                list(node, programme, *rows, taken)?;
            }
            of_a_feed => run.push(of_a_feed),
        }
    }
    feeds(node, run, by, taken)?;
    Ok(node.store_mut().fresh()?)
}

/// Takes in an article.
///
/// # Errors
///
/// [`NodeFault`].
pub(crate) fn article(
    node: &mut Node,
    signed: &SignedArticle,
    taken: &mut Taken,
) -> Result<(), NodeFault> {
    match node.apply_article(signed) {
        Ok(Learned::New) => taken.articles += 1,
        Ok(Learned::Known) => {}
        Err(NodeFault::Store(StoreFault::CharterForked { epoch })) => {
            taken.charter_forked = Some(epoch);
        }
        Err(NodeFault::Store(StoreFault::Article(why))) => {
            taken.refuse(Misfit::Article { epoch: signed.article.epoch, why });
        }
        Err(fault) => return Err(fault),
    }
    Ok(())
}

/// Takes in a notice. What waited for it is folded at the end of [`take`], or by [`crate::store::Store::fresh`].
///
/// # Errors
///
/// [`NodeFault`].
pub(crate) fn notice(
    node: &mut Node,
    signed: &SignedNotice,
    taken: &mut Taken,
) -> Result<(), NodeFault> {
    // Claims that waited for one of many certificates are folded once, after the last of them.
    match node.store_mut().learn_of_many(signed) {
        Ok(Learned::New) => taken.notices += 1,
        Ok(Learned::Known) => {}
        Err(StoreFault::Notice(why)) => taken.refuse(Misfit::Notice(why)),
        Err(StoreFault::NoCharter) => taken.refuse(Misfit::Charterless),
        Err(fault) => return Err(fault.into()),
    }
    Ok(())
}

/// Takes in what belongs to feeds, in one transaction.
fn feeds(
    node: &mut Node,
    items: Vec<Item>,
    by: Option<&[u8; 8]>,
    taken: &mut Taken,
) -> Result<(), NodeFault> {
    if items.is_empty() {
        return Ok(());
    }
    if node.store().charter().is_err() {
        taken.refuse(Misfit::Charterless);
        return Ok(());
    }
    let own = node.public();
    let mut ahead: Vec<OwnAhead> = Vec::new();
    let mut held: BTreeMap<(FeedId, bool), u64> = BTreeMap::new();
    let mut work = node.store_mut().begin()?;
    checking(work.checker(), &items, |item, checked| {
        if let Item::Holds { feed, next, whole } = item {
            held.insert((*feed, *whole), *next);
            return Ok(());
        }
        let whole = matches!(item, Item::Block(..));
        let offered = one(&mut work, item, checked, &own, &mut ahead, taken)?;
        let Some((feed, header, received)) = offered else { return Ok(()) };
        let (theirs, first) = (header.end().next, header.first);
        match received {
            Ok(received) => {
                let news = matches!(
                    received,
                    Received::New | Received::Fork { .. } | Received::Gap { .. }
                );
                if feed.node == own && news {
                    let have = if let Received::Gap { have } = received { have } else { first };
                    ahead.push(OwnAhead { feed, theirs, have, proven: true });
                }
                if matches!(received, Received::New | Received::Known | Received::Fork { .. }) {
                    let most = held.entry((feed, whole)).or_default();
                    *most = theirs.max(*most);
                }
                taken.received(feed, first, received);
            }
            Err(StoreFault::Block(why)) => {
                taken.refuse(Misfit::Block { feed, seq: header.seq, why });
            }
            Err(fault) => return Err(fault.into()),
        }
        Ok(())
    })?;
    for (by, ((feed, whole), next)) in
        by.into_iter().flat_map(|by| held.iter().map(move |h| (by, h)))
    {
        if *whole {
            work.note_seen(by, feed, *next)?;
        } else {
            work.note_outlined(by, feed, *next)?;
        }
    }
    // With what proves it: or a kill between the two leaves the proof here as known, and nobody who heeds it.
    let noted = ahead.iter().try_for_each(|ahead| {
        let (key, note) = crate::node::ahead_note(&own, &ahead.feed, ahead.theirs, ahead.have);
        work.set_meta(&key, &note)
    });
    let done = noted.and_then(|()| work.commit());
    for ahead in ahead {
        node.sign_no_more(&ahead.feed, ahead.theirs, ahead.have);
        taken.own_ahead.push(ahead);
    }
    Ok(done?)
}

/// Hands on items in their order, each block checked already where the thread that does that was faster. It is no more than
/// [`AHEAD`] blocks ahead.
fn checking(
    checker: Checker,
    items: &[Item],
    mut take: impl FnMut(&Item, Option<Checked>) -> Result<(), NodeFault>,
) -> Result<(), NodeFault> {
    let block = |item: &Item| matches!(item, Item::Block(..));
    // For one or two a thread is not worth its making.
    if items.iter().filter(|item| block(item)).count() < AHEAD {
        return items.iter().try_for_each(|item| take(item, None));
    }
    let (hand, handed) = sync_channel(AHEAD);
    std::thread::scope(|scope| {
        // Where the system gives no thread, whoever takes in checks by itself.
        let checks = move || {
            for item in items {
                if let Item::Block(feed, block, _) = item
                    && hand.send(checker.check(feed, block)).is_err()
                {
                    return;
                }
            }
        };
        drop(std::thread::Builder::new().name("checks".into()).spawn_scoped(scope, checks));
        // It goes with whoever leaves early, and the other thread ends.
        let handed = handed;
        items.iter().try_for_each(|item| {
            let checked = if block(item) { handed.recv().ok().flatten() } else { None };
            take(item, checked)
        })
    })
}

/// A block or header that was offered, and what became of it.
type Offered = (FeedId, Header, Result<Received, StoreFault>);

fn one(
    work: &mut Work<'_>,
    item: &Item,
    checked: Option<Checked>,
    own: &PublicKey,
    ahead: &mut Vec<OwnAhead>,
    taken: &mut Taken,
) -> Result<Option<Offered>, NodeFault> {
    Ok(match item {
        Item::Block(feed, block, evidence) => {
            let mut received = work.receive_checked(feed, block, evidence.as_ref(), checked);
            if matches!(received, Err(StoreFault::Block(BlockFault::Evidence))) {
                taken.refuse(Misfit::Evidence);
                received = work.receive(feed, block, None);
            }
            if matches!(received, Ok(Received::New | Received::Fork { .. })) {
                taken.blocks += 1;
                // What of this node's own word it shows, and this folder has lost.
                let lost = if feed.node == *own { None } else { work.lost_word(own, feed, block)? };
                let shown =
                    |Lost { feed, theirs, have }| OwnAhead { feed, theirs, have, proven: true };
                ahead.extend(lost.map(shown));
            }
            taken.known += u64::from(matches!(received, Ok(Received::Known)));
            Some((*feed, block.header, received))
        }
        Item::Header(feed, header, signature) => {
            let received = work.receive_header(feed, header, signature);
            if matches!(received, Ok(Received::New | Received::Fork { .. })) {
                taken.headers += 1;
            }
            Some((*feed, **header, received))
        }
        Item::Fork(proof) => {
            match work.learn_fork(proof)? {
                ForkLearned::New { index } => {
                    taken.forks.insert(Shown { feed: proof.feed, index });
                }
                ForkLearned::Known => {}
                ForkLearned::NoProof => taken.refuse(Misfit::NoProof),
            }
            None
        }
        Item::Evidence(feed, seq, header, evidence) => {
            match work.take_evidence(feed, *seq, header, evidence) {
                Ok(new) => taken.evidence += u64::from(new),
                Err(StoreFault::Block(_)) => taken.refuse(Misfit::Evidence),
                Err(fault) => return Err(fault.into()),
            }
            None
        }
        Item::Article(_) | Item::Notice(_) | Item::Rows(..) | Item::Holds { .. } => None,
    })
}

/// Keeps checkpoints and what is said about them. Answers those that tell of more than is known here.
///
/// # Errors
///
/// [`NodeFault`].
pub(crate) fn checkpoints(
    node: &mut Node,
    pages: Vec<Page>,
    said: &[Cosignature],
    taken: &mut Taken,
) -> Result<Vec<Page>, NodeFault> {
    let mut ahead = Vec::new();
    if node.store().charter().is_err() {
        return Ok(ahead);
    }
    for page in pages {
        match node.store_mut().keep_page(&page)? {
            Ok(Learned::New) => taken.checkpoints += 1,
            Ok(Learned::Known) => {}
            Err(PageFault::Tips(_)) => ahead.push(page),
            Err(fault) => taken.refuse(Misfit::Checkpoint(fault)),
        }
    }
    for said in said {
        let learned = node.store_mut().keep_cosignature(said)?;
        taken.cosignatures += u64::from(learned == Learned::New);
    }
    Ok(ahead)
}

/// The rows of a list as they come.
pub(crate) struct Rows {
    pub(crate) list: Hash,
    builder: Builder,
    bytes: Vec<u8>,
}

impl Rows {
    pub(crate) fn new(list: Hash) -> Self {
        Self { list, builder: Builder::new(), bytes: Vec::new() }
    }

    /// Takes more of them. What is no list, or longer than one may be, is let go: its root will not fit.
    pub(crate) fn push(&mut self, rows: Vec<Row>, taken: &mut Taken) {
        for row in rows {
            let fits = self.bytes.len() < LIST_BYTES;
            let pushed = self.builder.push(&row);
            if let Err(why) = pushed {
                taken.refuse(Misfit::Rows(why));
            }
            if pushed.is_err() || !fits {
                self.builder = Builder::new();
                self.bytes.clear();
                return;
            }
            self.bytes.extend_from_slice(&wire::encode(&row));
        }
    }
}

/// Keeps the rows of a list that stands on the ledger, if they are that list's.
///
/// # Errors
///
/// [`NodeFault`].
pub(crate) fn list(
    node: &Node,
    programme: ProgrammeId,
    rows: Rows,
    taken: &mut Taken,
) -> Result<(), NodeFault> {
    let stands = lists(node, programme)?.contains(&rows.list);
    keep_list(node, programme, rows, stands, taken)
}

/// The same, where it is known whether the list stands.
///
/// # Errors
///
/// [`NodeFault`].
pub(crate) fn keep_list(
    node: &Node,
    programme: ProgrammeId,
    rows: Rows,
    stands: bool,
    taken: &mut Taken,
) -> Result<(), NodeFault> {
    let name = node.public().short();
    let draft = rows.builder.finish(name, programme, CycleId(0), Minute(0));
    if !stands || draft.map(|draft| draft.root) != Ok(rows.list) {
        taken.refuse(Misfit::NoList);
        return Ok(());
    }
    if node.store().blob(Blob::ListRows, &rows.list)?.is_none() {
        node.store().put_blob(Blob::ListRows, &rows.list, &rows.bytes)?;
        taken.lists += 1;
    }
    Ok(())
}

/// The roots of all lists of a programme that stand on the ledger.
///
/// # Errors
///
/// [`NodeFault`].
pub(crate) fn lists(node: &Node, programme: ProgrammeId) -> Result<BTreeSet<Hash>, NodeFault> {
    let Ok(work) = node.store().look() else { return Ok(BTreeSet::new()) };
    let authors: BTreeSet<[u8; 8]> = work.feeds().iter().map(|feed| feed.id.node.short()).collect();
    let lists = authors.iter().flat_map(|author| work.lists_of(author));
    let roots = lists.filter(|(_, l)| l.programme == programme).map(|(_, l)| l.root).collect();
    work.check()?;
    Ok(roots)
}
