//! Checking a log with nothing but its folder, and against an audit file where there is one.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::audit::{Item, Options, Source, govern};
use annona_ledger::feed::Head;
use annona_ledger::id::{FederationId, FeedId};
use annona_ledger::key::PublicKey;
use annona_ledger::time::Hlc;

use super::LogFault;
use super::folder::LogFolder;
use super::leaf::Leaf;
use super::note::{Checkpoint, NoteFault, NoteKey};
use super::publish::Owned;
use super::tree::{self, Edge, Node};

/// The most findings that are told one by one.
pub const FINDINGS: usize = 100;

/// What was checked, and what is wrong.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The log's head.
    pub head: Option<Checkpoint>,
    /// The feeds that have leaves in it.
    pub feeds: usize,
    /// The federations they are of: one, in an honest log.
    pub federations: Vec<FederationId>,
    /// For each witness asked for, when it cosigned, in seconds of the Unix epoch.
    pub witnesses: Vec<(String, Result<u64, NoteFault>)>,
    /// How many headers stand in the log and in the audit file.
    pub both: Option<u64>,
    /// How many stand in the audit file only, and nothing in the log follows them: sealed since the log was written, or of a
    /// branch that was heard of since.
    pub newer: u64,
    /// Of those, how many are of feeds that the log has nothing of: new ones, or left out from their beginning.
    pub absent: u64,
    /// How many stand in the log only, and follow on the newest block the audit file has of their feed, or are of a feed that
    /// began after all the file has of its node: sealed since the audit file was written.
    pub later: u64,
    /// How many are of feeds of nodes the audit file has no block of: new ones, or left out. It cannot tell.
    pub untold: u64,
    /// Whether the node has said, under its certificate, that the log is its own; `None` without an audit file.
    pub owned: Option<bool>,
    /// What is wrong with the log, at most [`FINDINGS`].
    pub findings: Vec<String>,
    /// What a log that is in order shows: feeds that have forked, at most [`FINDINGS`]. Their nodes have to answer for it.
    pub shows: Vec<String>,
}

impl Checked {
    /// Whether everything holds that was checked.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.is_in_order() && self.shows.is_empty()
    }

    /// Whether the log itself is what it should be, whatever it shows.
    #[must_use]
    pub fn is_in_order(&self) -> bool {
        self.findings.is_empty() && self.head.is_some()
    }

    fn finds(&mut self, what: impl Into<String>) {
        if self.findings.len() < FINDINGS {
            self.findings.push(what.into());
        }
    }
}

/// Checks every leaf, every tile and every signature of a log.
///
/// # Errors
///
/// [`LogFault`] where the folder cannot be read; what it holds amiss is in the answer.
pub fn check(
    folder: &LogFolder,
    log: &NoteKey,
    witnesses: &[NoteKey],
    audit: Option<&dyn SourceOf>,
) -> Result<Checked, LogFault> {
    let mut out = Checked::default();
    let Some(note) = folder.checkpoint()? else {
        out.finds("there is no checkpoint");
        return Ok(out);
    };
    if let Err(fault) = note.check(log) {
        out.finds(format!("the checkpoint, by {}: {fault}", log.name));
    }
    for witness in witnesses {
        let answer = note.check(witness);
        if let Err(fault) = answer {
            out.finds(format!("witness {}: {fault}", witness.name));
        }
        out.witnesses.push((witness.name.clone(), answer));
    }
    let head = match Checkpoint::parse(&note.text) {
        Ok(head) => head,
        Err(fault) => {
            out.finds(format!("the checkpoint: {fault}"));
            return Ok(out);
        }
    };
    if head.name != log.name {
        out.finds(format!("the checkpoint is of {}", head.name));
    }
    let read = leaves(folder, &head, &mut out)?;
    out.head = Some(head);
    if let Some(audit) = audit {
        against((folder, log), audit, &read, &mut out)?;
    }
    Ok(out)
}

/// Where a block begins and ends, and the hash of its leaf.
type Block = (Head, Head, Node);

/// The blocks of each number of each feed.
type Places = BTreeMap<FeedId, BTreeMap<u64, Vec<Block>>>;

/// What a log's leaves come to.
#[derive(Default)]
struct Leaves {
    there: BTreeSet<Node>,
    places: Places,
    /// When the oldest block of each feed was sealed, by its node's clock.
    oldest: BTreeMap<FeedId, Hlc>,
}

/// Whether a log has a block that continues one of this number that ends so.
fn goes_on(places: &Places, feed: &FeedId, seq: u64, end: &Head) -> bool {
    let next = places.get(feed).zip(seq.checked_add(1)).and_then(|(of, next)| of.get(&next));
    next.into_iter().flatten().any(|(start, ..)| start == end)
}

/// Notes where a feed has two blocks of one number, or one that continues none although the log has earlier ones. Where
/// the log begins with a feed, nothing need stand before: a node may have begun from a checkpoint.
fn chains(places: &Places, out: &mut Checked) {
    for (feed, blocks) in places {
        let feed = feed.short();
        let mut before: Option<(u64, &Vec<Block>)> = None;
        for (seq, here) in blocks {
            if here.len() > 1 {
                let many = here.len();
                let what = format!("feed {feed} has forked: it has {many} blocks {seq} in the log");
                if out.shows.len() < FINDINGS {
                    out.shows.push(what);
                }
            }
            if let Some((last, ends)) = before {
                let follows = |(start, ..): &Block| ends.iter().any(|(_, end, _)| end == start);
                if last.checked_add(1) != Some(*seq) {
                    out.finds(format!(
                        "after block {last} of feed {feed} its block {seq} follows in the log: those between are left out"
                    ));
                } else if !here.iter().all(follows) {
                    out.finds(format!(
                        "block {seq} of feed {feed} does not continue the one before it in the log"
                    ));
                }
            }
            before = Some((*seq, here));
        }
    }
}

/// Reads all leaves; the tiles and the root must follow from them. Answers their hashes, and where each stands in its feed.
fn leaves(folder: &LogFolder, head: &Checkpoint, out: &mut Checked) -> Result<Leaves, LogFault> {
    let mut edge = Edge::default();
    let (mut all, mut federations) = (Leaves::default(), BTreeSet::new());
    let read = folder.leaves(head.size, |at, bytes| {
        let hash = tree::leaf(bytes);
        match Leaf::read(bytes) {
            None => out.finds(format!("leaf {at} is no header signed by the key it names")),
            Some(leaf) => {
                let (of, header) = (leaf.feed, &leaf.header);
                let here = all.places.entry(of).or_default().entry(header.seq).or_default();
                here.push((header.start(), header.end(), hash));
                let oldest = all.oldest.entry(of).or_insert(header.hlc);
                *oldest = header.hlc.min(*oldest);
                federations.insert(leaf.federation);
            }
        }
        if !all.there.insert(hash) {
            out.finds(format!("leaf {at} stands in the log twice"));
        }
        let mut full = Vec::new();
        edge.push(hash, |tile| full.push(tile));
        for tile in full {
            let read = folder.tile(tile.level, tile.number, tree::TILE);
            if !read.is_ok_and(|hashes| hashes == tile.hashes) {
                out.finds(format!("tile {}/{} is not that of its leaves", tile.level, tile.number));
            }
        }
        Ok(())
    });
    match read {
        Err(LogFault::Wrong { path, what }) => out.finds(format!("{}: {what}", path.display())),
        other => other?,
    }
    for (level, number, hashes) in edge.partial() {
        let read = folder.tile(level, number, hashes.len());
        if !read.is_ok_and(|read| read == hashes) {
            out.finds(format!("tile {level}/{number} is not that of its leaves"));
        }
    }
    if (edge.size(), edge.root()) != (head.size, head.root) {
        out.finds("the leaves do not give the root of the checkpoint");
    }
    if federations.len() > 1 {
        out.finds("there are leaves of several federations");
    }
    chains(&all.places, out);
    out.feeds = all.places.len();
    out.federations = federations.into_iter().collect();
    Ok(all)
}

/// What an audit file can be asked, whatever it is read from.
pub trait SourceOf {
    /// The federation, and for a node's key its transport key, by charter and certificates.
    fn transport(&self, node: &str) -> Option<(FederationId, PublicKey)>;
    /// The leaf of each header in it.
    fn each(&self, leaf: &mut dyn FnMut(Leaf));
}

impl<S: Source> SourceOf for S {
    fn transport(&self, node: &str) -> Option<(FederationId, PublicKey)> {
        let governed = govern(self, &Options::default());
        let ground = governed.ground()?;
        let mut nodes = ground.roster.notices().filter_map(|signed| match &signed.notice {
            annona_ledger::notice::Notice::Node(certificate) => Some(certificate),
            _ => None,
        });
        let found = nodes.find(|certificate| certificate.node.to_string() == node)?;
        Some((ground.charter.federation(), found.transport))
    }

    fn each(&self, leaf: &mut dyn FnMut(Leaf)) {
        let governed = govern(self, &Options::default());
        let Some(ground) = governed.ground() else { return };
        let federation = ground.charter.federation();
        for feed in self.feeds() {
            self.items(&feed, &mut |_, item| {
                let (header, signature) = match item {
                    Item::Block(block) => (block.header, block.signature),
                    Item::Header(header) => *header,
                    _ => return true,
                };
                leaf(Leaf::of(federation, feed, &(header, signature)));
                true
            });
        }
    }
}

/// What an audit file has of each feed.
#[derive(Default)]
struct Filed {
    blocks: BTreeMap<FeedId, BTreeMap<u64, Vec<(Head, Head)>>>,
    /// When the newest block of each node was sealed, by its own clock: nobody else's says what it began since.
    newest: BTreeMap<PublicKey, Hlc>,
}

impl Filed {
    fn takes(&mut self, leaf: &Leaf) {
        let of = self.blocks.entry(leaf.feed).or_default();
        of.entry(leaf.header.seq).or_default().push((leaf.header.start(), leaf.header.end()));
        let newest = self.newest.entry(leaf.feed.node).or_default();
        *newest = leaf.header.hlc.max(*newest);
    }

    /// Of the headers that stand in the log only: those that follow on what the file has are later than the file. One
    /// beside or before what it has was left out of it, or is of another history.
    fn lacks(&self, log: &Leaves, both: &BTreeSet<Node>, out: &mut Checked) {
        let (mut wrong, mut first) = (0, None);
        for (feed, blocks) in &log.places {
            let Some(of) = self.blocks.get(feed) else {
                let all = blocks.values().map(|here| here.len() as u64).sum::<u64>();
                match self.newest.get(&feed.node).map(|newest| log.oldest.get(feed) > Some(newest)) {
                    None => out.untold += all,
                    Some(true) => out.later += all,
                    Some(false) => out.finds(format!(
                        "feed {} is not in the audit file at all: left out, or its writer had not heard of it",
                        feed.short()
                    )),
                }
                continue;
            };
            let newest = of.keys().next_back().copied().unwrap_or_default();
            // Whatever of the last number is later than the file.
            let (mut last, mut ends) = (None, Vec::new());
            for (seq, here) in blocks {
                let before = seq.checked_sub(1);
                let of_file = before.and_then(|before| of.get(&before));
                let beside = of.get(seq).map(Vec::as_slice).unwrap_or_default();
                let behind = seq.checked_add(1).and_then(|next| of.get(&next));
                let later = |(start, end, _): &&Block| {
                    let follows = match of_file {
                        Some(those) => {
                            those.iter().any(|(_, end)| end == start)
                                && beside.iter().all(|(other, _)| other != start)
                        }
                        // A log may begin with a feed above what the file has of it.
                        None => *seq > newest && last != before,
                    };
                    (follows || ends.contains(start))
                        && !behind.into_iter().flatten().any(|(start, _)| start == end)
                };
                let alone = here.iter().filter(|(.., hash)| !both.contains(hash));
                let (later, others): (Vec<_>, Vec<_>) = alone.partition(later);
                if !others.is_empty() {
                    wrong += others.len();
                    first = first.or(Some((feed.short(), *seq)));
                }
                let later = later.iter().map(|(_, end, _)| *end).collect::<Vec<_>>();
                out.later += later.len() as u64;
                (last, ends) = (Some(*seq), later);
            }
        }
        if let Some((feed, seq)) = first {
            out.finds(format!(
                "{wrong} of the log's headers are not in the audit file, which has others beside or behind them: the first is block {seq} of feed {feed}"
            ));
        }
    }
}

fn against(
    (folder, log): (&LogFolder, &NoteKey),
    audit: &dyn SourceOf,
    log_has: &Leaves,
    out: &mut Checked,
) -> Result<(), LogFault> {
    let (there, places) = (&log_has.there, &log_has.places);
    let mut file = Filed::default();
    let (mut both, mut newer, mut absent) = (BTreeSet::new(), 0u64, 0u64);
    let (mut left_out, mut first) = (0u64, None);
    audit.each(&mut |leaf| {
        let hash = tree::leaf(&leaf.encode());
        let is_in_both = there.contains(&hash);
        if is_in_both {
            both.insert(hash);
        } else if Leaf::read(&leaf.encode()).is_none() {
            // The audit tells of it; of the log it says nothing.
            return;
        }
        file.takes(&leaf);
        if is_in_both {
            // Nothing more to say of it.
        } else if goes_on(places, &leaf.feed, leaf.header.seq, &leaf.header.end()) {
            // Not sealed since: the log goes on behind it.
            left_out += 1;
            first = first.or(Some((leaf.feed.short(), leaf.header.seq)));
        } else {
            newer += 1;
            absent += u64::from(!places.contains_key(&leaf.feed));
        }
    });
    if let Some((feed, seq)) = first {
        out.finds(format!(
            "{left_out} of the audit file's headers are left out of the log, which goes on behind them: the first is block {seq} of feed {feed}"
        ));
    }
    file.lacks(log_has, &both, out);
    out.both = Some(both.len() as u64);
    (out.newer, out.absent) = (newer, absent);
    let owned = match Owned::read(folder) {
        Ok(owned) => audit
            .transport(&owned.node)
            .is_some_and(|(federation, key)| owned.log == *log && owned.said_by(federation, &key)),
        Err(LogFault::Wrong { .. }) => false,
        Err(other) => return Err(other),
    };
    if !owned {
        out.finds("no node certified in the audit file has said that the log is its own");
    }
    out.owned = Some(owned);
    Ok(())
}
