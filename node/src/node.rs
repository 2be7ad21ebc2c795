//! A node: one data folder, its keys, its ledger, and the memory of what it has signed.
//!
//! A [`Node`] is owned by one thread, the writer ([`crate::writer`]): nobody else calls `admit`.

mod lend;
mod people;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use annona_ledger::admit::Draft;
use annona_ledger::charter::SignedArticle;
use annona_ledger::clock::{self, Doubt, Others};
use annona_ledger::feed::Head;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FederationId, FeedId, Lane, OrgId, ProgrammeId};
use annona_ledger::key::{PublicKey, SigningKey};
use annona_ledger::limits;
use annona_ledger::notice::{Learned, NodeCertificate, SignedNotice};
use annona_ledger::receipt::Receipt;
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::{Promise, sign_place};
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::{At, View};
use annona_ledger::wire::{self, Bytes};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::disk::DiskTrouble;
use crate::folder::{Folder, FolderFault, KEYS, LEDGER};
use crate::guard::{Armed, Guard, GuardFault, Mark};
use crate::keystore::{Keystore, KeystoreFault, Name, Secret};
use crate::member::Between;
use crate::seal::{Cost, Key, SealError, random};
use crate::store::{Accepted, Asked, Extent, Store, StoreFault, Work, believed_key};

/// Why a node could not do something.
#[derive(Debug, thiserror::Error)]
pub enum NodeFault {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderFault),
    /// The key file.
    #[error(transparent)]
    Keys(#[from] KeystoreFault),
    /// The ledger file.
    #[error(transparent)]
    Store(#[from] StoreFault),
    /// The memory of what was signed.
    #[error(transparent)]
    Guard(#[from] GuardFault),
    /// Randomness or sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// There is no key file.
    #[error(
        "{} is not here, and without it nothing of this node opens. Put it back, or restore the last backup into another \
         folder (`annona restore FILE --dir ELSEWHERE`) and go on there.",
        path.display()
    )]
    Lost {
        /// The key file.
        path: PathBuf,
    },
    /// A key is missing from the key file.
    #[error("the key file has no {0}: it belongs to another folder, or is an organisation's")]
    NoKey(&'static str),
    /// The draft was refused: an answer, not a break.
    #[error("{0} (rejection {code})", code = .0.code())]
    Rejected(#[from] Rejection),
    /// What was asked for cannot be composed from what is here.
    #[error("{0}")]
    Refused(String),
    /// A commit failed, and the disk does not tell whether the group stands all the same.
    #[error(
        "the disk failed while this was written ({0}), and it is not known whether it stands. Put the disk right, and look \
         with `annona pay list` before you do it again."
    )]
    Unknown(DiskTrouble),
    /// The writer has stopped.
    #[error("the writer of this folder has stopped: {0}")]
    Stopped(String),
}

/// A node, open for writing.
pub struct Node {
    // Dropped in this order: who waits for the folder finds all else given back.
    armed: Result<Armed, GuardFault>,
    store: Store,
    folder: Folder,
    keys: Keystore,
    signing: SigningKey,
    clock: Clock,
    heads: PathBuf,
    /// Set once a commit has failed: what SQLite holds in memory may not be what the disk has.
    broken: bool,
    /// Set while blocks are sealed that the memory outside the folder does not have yet.
    unremembered: bool,
}

/// How to make a node.
pub struct Making<'a> {
    /// What the key file will be opened with.
    pub passphrase: &'a Zeroizing<String>,
    /// What one guess at it costs.
    pub cost: Cost,
    /// Where the memory of what was signed lies: outside the folder and its backups.
    pub heads: &'a Path,
}

impl Node {
    /// Makes a new node in a new or empty folder: keys, an empty ledger, and the memory of what it signs.
    ///
    /// # Errors
    ///
    /// [`NodeFault`]; a folder that is not empty is left alone.
    pub fn create(path: &Path, making: &Making<'_>, clock: Clock) -> Result<Self, NodeFault> {
        let node = Self::begin(path, making, clock)?;
        node.folder.finish()?;
        Ok(node)
    }

    /// As [`Node::create`], for who has more to put into the folder before it is one ([`Folder::finish`]).
    ///
    /// # Errors
    ///
    /// As [`Node::create`].
    pub fn begin(path: &Path, making: &Making<'_>, clock: Clock) -> Result<Self, NodeFault> {
        let folder = Folder::begin(path)?;
        let mut keys = Keystore::create(&folder.file(KEYS), making.passphrase, making.cost)?;
        for name in [Name::NodeSigning, Name::NodeTransport, Name::NodeSealing, Name::Vault] {
            keys.put(name, Secret::random()?)?;
        }
        keys.put(Name::Site(1), Secret::random()?)?;
        keys.save()?;
        let store = Store::create(&folder.file(LEDGER))?;
        let signing = signing_key(&keys)?;
        let guard = Guard::create(making.heads, &signing.public(), random()?, &folder)?;
        let armed = guard.arm(&[], |_, _, _| None);
        let heads = making.heads.to_owned();
        let (broken, unremembered) = (false, false);
        Ok(Self { folder, keys, store, signing, armed, clock, heads, broken, unremembered })
    }

    /// Opens a node. Where its memory of what it signed does not fit the folder it opens all the same, for reading,
    /// taking in and exporting; [`Node::may_sign`] says why it writes nothing.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn open(
        path: &Path,
        passphrase: &Zeroizing<String>,
        heads: &Path,
        clock: Clock,
    ) -> Result<Self, NodeFault> {
        let folder = Folder::open(path)?;
        let keys = match Keystore::open(&folder.file(KEYS), passphrase) {
            Err(KeystoreFault::Disk(fault)) if fault.trouble() == DiskTrouble::Missing => {
                return Err(NodeFault::Lost { path: folder.file(KEYS) });
            }
            other => other?,
        };
        crate::shares::follow(&folder, &keys);
        let store = Store::open(&folder.file(LEDGER))?;
        // Of a disk that takes no writes nothing is dropped, and everything else is told there.
        if let Ok(Some(kept)) = crate::counter::outlived(&store, clock.now()) {
            drop(store.set_meta(crate::counter::FAILED, &kept));
        }
        let signing = signing_key(&keys)?;
        let armed = arm(&store, &signing.public(), heads, &folder)?;
        let heads = heads.to_owned();
        let (broken, unremembered) = (false, unremembered(&store, &signing.public(), &armed)?);
        Ok(Self { folder, keys, store, signing, armed, clock, heads, broken, unremembered })
    }

    /// Opens the ledger file anew, with the keys that are open already: after a commit has failed only the disk knows
    /// what became of it. [`Node::write`] does so by itself before the next group.
    ///
    /// # Errors
    ///
    /// As [`Node::open`]; then this node writes nothing until it succeeds.
    pub fn reopen(&mut self) -> Result<(), NodeFault> {
        self.broken = true;
        let path = self.folder.file(LEDGER);
        // Everything of the old life is given back before the new one asks for it.
        let closed = self.store.closed()?;
        drop(std::mem::replace(&mut self.store, closed));
        self.armed = Err(GuardFault::Held { pid: None });
        self.store = Store::open(&path)?;
        self.arm()?;
        Ok(())
    }

    /// Looks into the memory of what was signed, once the ledger file is open again.
    fn arm(&mut self) -> Result<(), NodeFault> {
        self.armed = arm(&self.store, &self.public(), &self.heads, &self.folder)?;
        self.unremembered = unremembered(&self.store, &self.public(), &self.armed)?;
        self.broken = false;
        Ok(())
    }

    /// Comes back as a new node in the same folder: new keys, no rights, the old feeds kept as anyone else's.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn reincarnate(&mut self, heads: &Path) -> Result<PublicKey, NodeFault> {
        if self.armed.is_ok() {
            // Nobody can seal them once this key is gone.
            self.seal_all()?;
        }
        let secret = Secret::random()?;
        let seed = secret.as_seed().ok_or(NodeFault::NoKey("signing seed"))?;
        let signing = SigningKey::from_seed(seed);
        // The new memory first: with the old key still in the key file, a crash here leaves a node that cannot sign.
        let guard = Guard::create(heads, &signing.public(), random()?, &self.folder)?;
        self.keys.put(Name::NodeSigning, secret)?;
        self.keys.put(Name::NodeTransport, Secret::random()?)?;
        self.keys.put(Name::NodeSealing, Secret::random()?)?;
        // What logs they signed, a copy has forgotten likewise.
        for name in [Name::Log, Name::LogWitness] {
            if self.keys.get(name).is_some() {
                self.keys.put(name, Secret::random()?)?;
            }
        }
        if self.keys.site_keys().is_empty() {
            // A backup has none.
            self.keys.put(Name::Site(1), Secret::random()?)?;
        }
        // Whose people these are, until a certificate says it.
        self.store.set_meta(&people::was(&signing.public().short()), &self.public().short())?;
        self.keys.save()?;
        self.armed = guard.arm(&[], |_, _, _| None);
        self.signing = signing;
        Ok(self.signing.public())
    }

    /// Goes on with a copy of its ledger that ends with it ([`Store::rehearsal`]), and signs nothing any more: for trying
    /// what it would take in. Its other files are those of the folder still, and nobody else's to write.
    ///
    /// # Errors
    ///
    /// As [`Store::rehearsal`].
    pub fn rehearse(&mut self) -> Result<(), NodeFault> {
        self.store = self.store.rehearsal()?;
        self.armed = Err(GuardFault::Rehearsal);
        self.unremembered = false;
        Ok(())
    }

    /// Whether it only tries what it would take in: nothing beside the ledger's copy is written.
    pub(crate) const fn is_rehearsing(&self) -> bool {
        matches!(self.armed, Err(GuardFault::Rehearsal))
    }

    /// Whether this node may sign.
    ///
    /// # Errors
    ///
    /// The reason it may not, with the next step.
    pub fn may_sign(&self) -> Result<(), &GuardFault> {
        self.armed.as_ref().map(|_| ())
    }

    /// Notes for good that others hold entries under this node's key that its folder does not have: from here on, and
    /// after every restart, this incarnation signs nothing.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Store`]; it signs nothing all the same.
    pub fn refuse(&mut self, feed: &FeedId, theirs: u64, folder: u64) -> Result<(), NodeFault> {
        self.sign_no_more(feed, theirs, folder);
        let (key, note) = ahead_note(&self.public(), feed, theirs, folder);
        Ok(self.store.set_meta(&key, &note)?)
    }

    /// As [`Node::refuse`], where what [`ahead_note`] gives is committed with what proves it.
    pub(crate) fn sign_no_more(&mut self, feed: &FeedId, theirs: u64, folder: u64) {
        self.armed = Err(GuardFault::Ahead { feed: feed.short(), theirs, folder });
    }

    /// The data folder.
    #[must_use]
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The key file.
    #[must_use]
    pub const fn keys(&self) -> &Keystore {
        &self.keys
    }

    /// The key file, for adding to it.
    pub const fn keys_mut(&mut self) -> &mut Keystore {
        &mut self.keys
    }

    /// The ledger file.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The ledger file, for taking in articles, notices and blocks.
    pub const fn store_mut(&mut self) -> &mut Store {
        &mut self.store
    }

    /// The node's public signing key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.signing.public()
    }

    /// A key of the key file as a signing key.
    ///
    /// # Errors
    ///
    /// [`NodeFault::NoKey`].
    pub fn signing_key(&self, name: Name) -> Result<SigningKey, NodeFault> {
        let seed = self.keys.get(name).and_then(Secret::as_seed);
        seed.map(SigningKey::from_seed).ok_or(NodeFault::NoKey("such key"))
    }

    /// This node's certificate, once it has one.
    #[must_use]
    pub fn certificate(&self) -> Option<&NodeCertificate> {
        self.store.roster().node(&self.public().short())
    }

    /// The organisation this node is certified by.
    #[must_use]
    pub fn org(&self) -> Option<OrgId> {
        self.certificate().map(|certificate| certificate.org)
    }

    /// The key of this node's person file, and of what else lies sealed beside it.
    ///
    /// # Errors
    ///
    /// [`NodeFault::NoKey`].
    pub fn vault_key(&self) -> Result<Key, NodeFault> {
        let key = self.keys.get(Name::Vault).and_then(Secret::as_key);
        key.ok_or(NodeFault::NoKey("key of the person file"))
    }

    /// One of this node's feeds.
    #[must_use]
    pub fn feed(&self, lane: Lane, programme: ProgrammeId) -> FeedId {
        FeedId { node: self.public(), lane, programme }
    }

    /// The time, from the one place it comes from.
    #[must_use]
    pub fn now(&self) -> Millis {
        self.clock.now()
    }

    /// The federation.
    ///
    /// # Errors
    ///
    /// [`StoreFault::NoCharter`].
    pub fn federation(&self) -> Result<FederationId, NodeFault> {
        Ok(self.store.federation()?)
    }

    /// The stamp this node would write now in one of its feeds.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn stamp(&self, feed: &FeedId) -> Result<Minute, NodeFault> {
        let work = self.store.look()?;
        Ok(stamp(&work, feed, self.now()).at)
    }

    /// Keeps that whoever works here says that the clock is right: it counts against a leap, in this folder alone.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn believe(&self, clock: Minute) -> Result<(), NodeFault> {
        Ok(self.store.set_meta(&believed_key(&self.public()), &clock.0.to_le_bytes())?)
    }

    /// Whether the clock is so far ahead that an operator is asked, and the word of whoever works here does not count.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn asks_operator(&self) -> Result<bool, NodeFault> {
        Ok(self.stamped()?.0.doubtful == Some(Doubt::Ahead))
    }

    /// What this node knows of the time where it asks whether a certificate is good.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn between(&self) -> Result<Between, NodeFault> {
        let (stamp, between) = self.stamped()?;
        if stamp.doubtful.is_none() {
            return Ok(between);
        }
        Ok(between.or_as_late(Minute::of(self.now(), self.store.charter()?.founded())))
    }

    /// The latest it may be by what is not doubted: what is dated, and vouched for, goes by that.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn latest(&self) -> Result<Minute, NodeFault> {
        Ok(self.stamped()?.1.latest)
    }

    fn stamped(&self) -> Result<(Stamp, Between), NodeFault> {
        let work = self.store.look()?;
        let own = self.public();
        let stamp = stamp(&work, &self.feed(Lane::Control, ProgrammeId::NONE), self.now());
        let lanes = [Lane::Value, Lane::Registry, Lane::Access];
        let served = self.certificate().into_iter().flat_map(|c| c.programmes.iter());
        let feeds = served.flat_map(|p| lanes.map(|lane| self.feed(lane, *p)));
        let stamps = feeds.filter_map(|feed| work.trunk(&feed).map(|chain| work.last_stamp(chain)));
        let newest = stamps.max().unwrap_or(Minute(0));
        let others = work.heard_of_others(&own);
        work.check()?;
        Ok((stamp, Between::of(stamp.at, newest, others)))
    }

    /// Applies an article of the charter. Before a new one every open tail is sealed where this node may sign; where it may
    /// not, what was written before keeps the epoch it was written with (spec/cuts.md, "What a cut forbids").
    ///
    /// # Errors
    ///
    /// [`StoreFault::Article`].
    pub fn apply_article(&mut self, article: &SignedArticle) -> Result<Learned, NodeFault> {
        let new = self.store.charter().is_ok_and(|known| known.epoch() < article.article.epoch);
        if new && self.armed.is_ok() {
            self.seal_all()?;
        }
        Ok(self.store.apply_article(article)?)
    }

    /// Learns a certificate or cycle.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Notice`].
    pub fn learn(&mut self, notice: &SignedNotice) -> Result<Learned, NodeFault> {
        Ok(self.store.learn(notice)?)
    }

    /// Writes a group of requests: each in whole or not at all, all that are accepted in one commit and one fsync.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Guard`] where this node may not sign; [`NodeFault::Store`] where the group could not be made durable.
    /// Where it was the commit itself that failed, the group may be on the disk all the same: it is looked for there, and
    /// where the disk does not tell, the answer is [`NodeFault::Unknown`]: neither yes nor no. What a request was answered
    /// is in its own result.
    pub fn write(&mut self, group: &mut [Request<'_>]) -> Result<Vec<Answer>, NodeFault> {
        if self.broken || matches!(self.armed, Err(GuardFault::Disk(_))) {
            self.reopen()?;
        }
        self.guarded()?;
        if self.unremembered {
            self.remember()?;
        }
        let now = self.clock.now();
        let outlived = crate::counter::outlived(&self.store, now)?;
        let mut work = self.store.begin()?;
        let mut answers = Vec::with_capacity(group.len());
        for request in group.iter_mut() {
            answers.push(one(&mut work, request, now)?);
        }
        let wrote = answers.iter().any(|answer| answer.as_ref().is_ok_and(|a| !a.is_empty()));
        let sealed =
            if wrote { seal_full(&mut work, &answers, &self.signing, now)? } else { false };
        if let Some(kept) = outlived.filter(|_| wrote) {
            work.set_meta(crate::counter::FAILED, &kept)?;
        }
        let done = if wrote { work.commit() } else { work.abandon() };
        if let Err(fault) = done {
            self.broken = true;
            let stands = if wrote { self.stands(&answers) } else { Ok(false) };
            let unknown = |_| match &fault {
                StoreFault::Disk(disk) => NodeFault::Unknown(disk.trouble()),
                _ => NodeFault::Unknown(DiskTrouble::Other),
            };
            if !stands.map_err(unknown)? {
                return Err(fault.into());
            }
        }
        if sealed {
            // The group is durable, so the answer is yes. What could not be remembered is before the next group, and
            // before any block leaves.
            self.unremembered = true;
            drop(self.remember());
        }
        Ok(answers)
    }

    /// Whether a group whose commit failed is on the disk: the file is opened anew, and what stands in its log with its
    /// mark is kept by that. Somebody is charged by it, who would be charged again if the answer were no.
    fn stands(&mut self, answers: &[Answer]) -> Result<bool, NodeFault> {
        self.reopen()?;
        let work = self.store.look()?;
        let last = answers.iter().flatten().flat_map(|accepted| accepted.iter()).last();
        let head = last.and_then(|last| Some((work.head(work.trunk(&last.feed)?), last)));
        let stands = head.is_some_and(|(head, last)| head.accumulator == last.accumulator);
        work.check()?;
        Ok(stands)
    }

    /// What a group would be answered now. Nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Node::write`].
    pub fn ask(&mut self, group: &mut [Request<'_>]) -> Result<Vec<Answer>, NodeFault> {
        let now = self.clock.now();
        let mut work = self.store.begin()?;
        let asked = group.iter_mut().map(|request| one(&mut work, request, now));
        let answers = asked.collect::<Result<Vec<_>, _>>();
        work.abandon()?;
        answers
    }

    /// For who signs something beside the feeds: from here on no other copy of this folder signs.
    ///
    /// # Errors
    ///
    /// The reason why this one does not.
    pub fn begin_to_sign(&mut self) -> Result<(), NodeFault> {
        self.guarded().map(|_| ())
    }

    /// Before anything is signed: from here on no other copy of this folder signs.
    ///
    /// # Errors
    ///
    /// The reason why this one does not.
    pub(crate) fn guarded(&mut self) -> Result<&mut Armed, NodeFault> {
        if self.armed.as_ref().is_ok_and(|armed| !armed.has_begun()) {
            let marks = marks(&self.store, &self.public())?;
            if let Ok(armed) = &mut self.armed
                && let Err(fault) = armed.begin(&marks)
            {
                self.armed = Err(fault);
            } else {
                self.unremembered = false;
            }
        }
        match &mut self.armed {
            Ok(armed) => Ok(armed),
            Err(fault) => Err(NodeFault::Refused(fault.to_string())),
        }
    }

    /// Signs the place an accepted entry has: only once [`Node::write`] has returned it.
    ///
    /// # Errors
    ///
    /// [`StoreFault::NoCharter`].
    pub fn promise(&self, accepted: &Accepted) -> Result<Promise, NodeFault> {
        promise(&self.signing, &self.federation()?, accepted)
    }

    /// The receipt of an entry, once it is in a sealed block. `None` before.
    ///
    /// # Errors
    ///
    /// As [`crate::receipt::receipt`].
    pub fn receipt(&self, feed: &FeedId, index: u64) -> Result<Option<Receipt>, NodeFault> {
        crate::receipt::receipt(&self.store.look()?, &self.signing, feed, index)
    }

    /// Remembers outside the folder how far this node has sealed, before any of those blocks leaves it.
    fn remember(&mut self) -> Result<(), NodeFault> {
        let marks = marks(&self.store, &self.public())?;
        self.guarded()?.remember(&marks)?;
        self.unremembered = false;
        Ok(())
    }

    /// Makes sure that every sealed block of this node is remembered outside the folder: before one leaves that was read
    /// beside the writer. Costs nothing where all are.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Guard`]; then no new block of this node may leave.
    pub fn hand_on(&mut self) -> Result<(), NodeFault> {
        if self.unremembered && matches!(self.armed, Err(GuardFault::Disk(_))) {
            self.reopen()?;
        }
        if self.unremembered { self.remember() } else { Ok(()) }
    }

    /// Seals the open tails of some of this node's feeds, and remembers it outside the folder before any block leaves.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn seal(&mut self, feeds: &[FeedId]) -> Result<(), NodeFault> {
        let own = self.public();
        let mut sealed = false;
        if self.broken {
            self.reopen()?;
        }
        for feed in feeds.iter().filter(|feed| feed.node == own) {
            self.guarded()?;
            let now = self.clock.now();
            let mut work = self.store.begin()?;
            let Some(chain) = work.trunk(feed) else { continue };
            sealed |= !work.seal(chain, &self.signing, now, Extent::All)?.is_empty();
            if let Err(fault) = work.commit() {
                self.broken = true;
                return Err(fault.into());
            }
            self.unremembered |= sealed;
        }
        // Where it may not sign, nothing was sealed, and [`Node::hand_on`] keeps what is here.
        if self.unremembered && self.armed.is_ok() {
            self.remember()?;
        }
        Ok(())
    }

    /// Seals every open tail of this node: before an export, and on a clean stop.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn seal_all(&mut self) -> Result<(), NodeFault> {
        let own = self.public();
        let feeds = if self.store.charter().is_ok() { self.store.feeds()? } else { Vec::new() };
        let due: Vec<FeedId> = feeds
            .iter()
            .filter(|feed| feed.id.node == own && feed.head != feed.sealed)
            .map(|feed| feed.id)
            .collect();
        self.seal(&due)
    }

    /// Seals tails that have been open for ten minutes.
    ///
    /// # Errors
    ///
    /// [`NodeFault`].
    pub fn seal_due(&mut self) -> Result<(), NodeFault> {
        let Ok(charter) = self.store.charter() else { return Ok(()) };
        let now = Minute::of(self.now(), charter.founded());
        let own = self.public();
        let work = self.store.look()?;
        let due: Vec<FeedId> = work
            .feeds()
            .iter()
            .filter(|feed| feed.id.node == own && feed.head != feed.sealed)
            .filter(|feed| {
                let first = At { chain: feed.chain, index: feed.sealed.next };
                let opened = work.entry_at(first).and_then(|entry| entry.stamp());
                // A clock set back says nothing of how long it has been.
                opened.is_none_or(|at| {
                    now < at || now.0 >= at.0.saturating_add(limits::SEAL_AFTER_MINUTES)
                })
            })
            .map(|feed| feed.id)
            .collect();
        work.check()?;
        drop(work);
        self.seal(&due)
    }

    /// Stops: remembers where its feeds stand, so that a copy of the folder made after this is known from the folder.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Guard`].
    pub fn close(self) -> Result<(), NodeFault> {
        let marks = marks(&self.store, &self.signing.public())?;
        if let Ok(armed) = self.armed {
            armed.close(&marks)?;
        }
        Ok(())
    }
}

/// Entries to write on one of this node's feeds, made from what the ledger says at that moment.
pub struct Request<'a> {
    /// The lane.
    pub feed: FeedId,
    /// Makes the entries: one, or a basket of several.
    pub compose: Compose<'a>,
}

/// Makes entries from the ledger, the feed they will stand in, and a stamp.
pub type Compose<'a> =
    Box<dyn FnMut(&Work<'_>, &FeedId, Minute) -> Result<Vec<Composed>, NodeFault> + Send + 'a>;

/// An entry to write, with what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    /// The draft.
    pub draft: Draft,
    /// Its evidence.
    pub evidence: Option<Vec<u8>>,
    /// The name of the request, on its first entry: kept in the same commit.
    pub asked: Option<Asked>,
}

impl<T: Into<annona_ledger::entry::Entry>> From<T> for Composed {
    fn from(entry: T) -> Self {
        Self { draft: Draft::from(entry.into()), evidence: None, asked: None }
    }
}

/// What a request was answered: its entries in their places, or why not.
pub type Answer = Result<Vec<Accepted>, Refusal>;

/// Why a request was not written: a rejection of the ledger, or words of the composer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A rule of the ledger.
    #[error("{0}")]
    Rule(Rejection),
    /// What was asked for cannot be made from what is here.
    #[error("{0}")]
    Words(String),
}

fn one(work: &mut Work<'_>, request: &mut Request<'_>, now: Millis) -> Result<Answer, NodeFault> {
    let at = stamp(work, &request.feed, now).at;
    let composed = match (request.compose)(work, &request.feed, at) {
        Ok(composed) => composed,
        Err(NodeFault::Rejected(rejection)) => return Ok(Err(Refusal::Rule(rejection))),
        Err(NodeFault::Refused(words)) => return Ok(Err(Refusal::Words(words))),
        Err(fault) => return Err(fault),
    };
    work.check()?;
    if composed.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    let chain = work.open_trunk(&request.feed)?;
    let asked = composed.iter().find_map(|c| c.asked);
    let (drafts, evidence): (Vec<Draft>, Vec<_>) =
        composed.into_iter().map(|c| (c.draft, c.evidence)).unzip();
    let answer = work.accept(chain, &drafts, &evidence)?.map_err(Refusal::Rule);
    if let (Some(asked), Ok(accepted)) = (asked, &answer) {
        work.keep_asked(&asked, accepted);
    }
    Ok(answer)
}

/// Seals the blocks that a group of answers has filled, and every control entry at once: in the transaction that wrote
/// them, so that a burst costs no second commit. Says whether there were any.
fn seal_full(
    work: &mut Work<'_>,
    answers: &[Answer],
    key: &SigningKey,
    now: Millis,
) -> Result<bool, NodeFault> {
    let mut feeds: Vec<FeedId> =
        answers.iter().flatten().flatten().map(|accepted| accepted.feed).collect();
    feeds.sort();
    feeds.dedup();
    let mut sealed = false;
    for feed in feeds {
        let Some(chain) = work.trunk(&feed) else { continue };
        let extent = if feed.lane == Lane::Control { Extent::All } else { Extent::Full };
        if extent == Extent::All || work.tail_len(chain) >= limits::BLOCK_ENTRIES as u64 {
            sealed |= !work.seal(chain, key, now, extent)?.is_empty();
        }
    }
    Ok(sealed)
}

/// The promise of an accepted entry.
///
/// # Errors
///
/// [`NodeFault::Store`] for an entry larger than any can be.
pub fn promise(
    key: &SigningKey,
    federation: &FederationId,
    accepted: &Accepted,
) -> Result<Promise, NodeFault> {
    let next = accepted.at.index.saturating_add(1);
    let head = Head { next, accumulator: accepted.accumulator };
    Ok(Promise {
        feed: accepted.feed.short(),
        index: accepted.at.index,
        before: accepted.before,
        entry: Bytes::new(accepted.bytes.clone()).map_err(StoreFault::from)?,
        signature: sign_place(key, federation, &accepted.feed, &head),
    })
}

impl From<wire::WireFault> for NodeFault {
    fn from(fault: wire::WireFault) -> Self {
        StoreFault::from(fault).into()
    }
}

/// A stamp, and whether the clock it came from is to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The stamp.
    pub at: Minute,
    /// Why somebody should look at the clock, where it is not to be believed.
    pub doubtful: Option<Doubt>,
    /// Whether the clock shows a day before that of the feed's last entry: then the days of this feed do not go on, nor what
    /// is counted by the day.
    pub behind: bool,
}

/// The stamp for the next entry of a feed: the wall clock, never before the feed's last stamp, and where the clock is
/// doubted ([`clock::reading`]) the newest on which two organisations agree. A wrong clock never starves a site, whosever
/// it is.
#[must_use]
pub fn stamp(work: &Work<'_>, feed: &FeedId, now: Millis) -> Stamp {
    let wall = Minute::of(now, work.charter().founded());
    let last = work.trunk(feed).map_or(Minute(0), |chain| work.last_stamp(chain));
    let (own, others) = work.newest_of(&feed.node);
    let served = own.or_else(|| in_place_of(work, &feed.node, others));
    let answered = clock::answered(work.roster(), &work.clock_words(&feed.node.short()));
    let heard = clock::Heard { last, served, others, answered, believed: None };
    let mut reading = clock::reading(wall, &heard);
    // Looked for only where it counts: every entry is stamped.
    if reading.doubted.is_some() {
        let (others, believed) =
            (work.heard_of_others(&feed.node), work.believed_clock(&feed.node));
        reading = clock::reading(wall, &clock::Heard { others, believed, ..heard });
    }
    Stamp { at: reading.at, doubtful: reading.doubted, behind: wall.day() < last.day() }
}

/// What a node that has written nothing goes by, where it took another's place: the newest stamp of that one, or what is
/// agreed. The clock of a machine that comes in place of another is the likeliest to be wrong.
fn in_place_of(work: &Work<'_>, node: &PublicKey, others: Option<Others>) -> Option<Minute> {
    let gone = work.roster().node(&node.short())?.replaces?;
    let known = work.roster().node(&gone).and_then(|c| work.newest_of(&c.node).0);
    known.or_else(|| others.map(|others| others.agreed))
}

/// How a node's clock stands in all feeds it gives out of, and beside what others agree on; `None` where it has no
/// certificate.
#[must_use]
pub fn clock_of(work: &Work<'_>, node: PublicKey, now: Millis) -> Option<Stamp> {
    let certificate = work.roster().node(&node.short())?;
    let lanes = [Lane::Value, Lane::Registry, Lane::Access];
    let feeds = certificate
        .programmes
        .iter()
        .flat_map(|programme| lanes.map(|lane| FeedId { node, lane, programme: *programme }));
    let control = FeedId { node, lane: Lane::Control, programme: ProgrammeId::NONE };
    let stamps = feeds.chain([control]).map(|feed| stamp(work, &feed, now));
    let agreed = work.heard_of_others(&node).map_or(Minute(0), |others| others.agreed);
    let behind = Minute::of(now, work.charter().founded()).day() < agreed.day();
    stamps.reduce(|a, b| Stamp {
        at: a.at.max(b.at),
        doubtful: a.doubtful.or(b.doubtful),
        behind: a.behind || b.behind || behind,
    })
}

fn signing_key(keys: &Keystore) -> Result<SigningKey, NodeFault> {
    let seed = keys.get(Name::NodeSigning).and_then(Secret::as_seed);
    seed.map(SigningKey::from_seed).ok_or(NodeFault::NoKey("signing key of a node"))
}

/// Under which name a refusal is kept: an incarnation has its own, since it has its own key.
fn ahead_key(own: &PublicKey) -> String {
    format!("ahead {own}")
}

/// What [`Node::refuse`] keeps, and under which name.
pub(crate) fn ahead_note(
    own: &PublicKey,
    feed: &FeedId,
    theirs: u64,
    folder: u64,
) -> (String, Vec<u8>) {
    (ahead_key(own), wire::encode(&(feed.lane, feed.programme, theirs, folder)))
}

/// Whether others are known to hold entries of this node that this folder did not have.
fn ahead(store: &Store, own: &PublicKey) -> Result<Option<GuardFault>, NodeFault> {
    let Some(note) = store.meta(&ahead_key(own))? else { return Ok(None) };
    let (lane, programme, theirs, folder) = wire::decode(&note, 64).map_err(StoreFault::from)?;
    let feed = FeedId { node: *own, lane, programme }.short();
    Ok(Some(GuardFault::Ahead { feed, theirs, folder }))
}

/// Looks whether the memory of what was signed fits the folder, once everything in the folder is durable: a process that
/// was killed may have left entries in the log that a power cut would still take away.
fn arm(
    store: &Store,
    own: &PublicKey,
    heads: &Path,
    folder: &Folder,
) -> Result<Result<Armed, GuardFault>, NodeFault> {
    match store.check_own(own) {
        Ok(()) => {}
        // It opens all the same: whoever is to repair it, or to take its people elsewhere, must get in.
        Err(StoreFault::Damaged { place }) => return Ok(Err(GuardFault::Damaged { place })),
        Err(StoreFault::Disk(fault)) if fault.trouble() == DiskTrouble::Damaged => {
            return Ok(Err(GuardFault::Damaged { place: fault.to_string() }));
        }
        Err(fault) => return Err(fault.into()),
    }
    match store.settle() {
        Ok(()) => {}
        Err(StoreFault::Disk(fault)) => return Ok(Err(fault.into())),
        Err(fault) => return Err(fault.into()),
    }
    if let Some(fault) = ahead(store, own)? {
        return Ok(Err(fault));
    }
    let marks = marks(store, own)?;
    let guard = Guard::open(heads, own, folder);
    Ok(guard.and_then(|guard| guard.arm(&marks, |lane, p, at| head_at(store, own, lane, p, at))))
}

/// Whether there are sealed blocks that the memory outside the folder may not have: it could not be written to, or the
/// process was killed before it was. Where it does not fit the folder for another reason, nothing new was sealed.
fn unremembered(
    store: &Store,
    own: &PublicKey,
    armed: &Result<Armed, GuardFault>,
) -> Result<bool, NodeFault> {
    Ok(match armed {
        Ok(armed) => !armed.knows(&marks(store, own)?),
        Err(GuardFault::Disk(_)) => !marks(store, own)?.is_empty(),
        Err(_) => false,
    })
}

/// Where this node's feeds end in sealed blocks.
fn marks(store: &Store, own: &PublicKey) -> Result<Vec<Mark>, NodeFault> {
    if store.charter().is_err() {
        return Ok(Vec::new());
    }
    let feeds = store.feeds()?;
    Ok(feeds
        .iter()
        .filter(|feed| feed.id.node == *own && feed.left.is_none() && feed.sealed.next > 0)
        .map(|feed| Mark {
            lane: feed.id.lane,
            programme: feed.id.programme,
            sealed: feed.sealed.next,
            head: feed.sealed.accumulator,
        })
        .collect())
}

/// The accumulator a folder has at a block boundary of one of its own feeds.
fn head_at(
    store: &Store,
    own: &PublicKey,
    lane: Lane,
    programme: ProgrammeId,
    at: u64,
) -> Option<Hash> {
    let work = store.look().ok()?;
    let feed = FeedId { node: *own, lane, programme };
    let chain = work.trunk(&feed)?;
    let Some(last) = at.checked_sub(1) else {
        return Some(Head::start(&work.charter().federation(), &feed).accumulator);
    };
    let end = work.block_at(At { chain, index: last })?.block.header.end();
    (end.next == at).then_some(end.accumulator)
}
