//! One feed, block by block: hashes, signature, place, and every entry by the rules. Knows nothing of other feeds but the
//! charter and the notices; what crosses feeds is handed to [`super::Join`].

use std::collections::{BTreeMap, BTreeSet};

use super::back;
use super::burnt::Burnt;
use super::came::{Days, Named, Settled};
use super::lots::Lots;
use super::rows::{Branch, Few, Rows, Run, Spot, Told};
use super::verdict::{self, Doubt, Finding, Problem, Where};
use super::{Ground, Item, Options, Source, cosigned};
use crate::amount::Amount;
use crate::block::{Block, Evidence, Header, Placed, Proof};
use crate::charge;
use crate::charter::Charter;
use crate::clock::{Bracket, doubtful};
use crate::consent::Told as SaidOfPeople;
use crate::entry::{Entry, Owner, Value};
use crate::feed::{Head, leaf};
use crate::fold::{self, Place};
use crate::hash::Hash;
use crate::id::{CommodityId, CycleId, FeedId, FeedRef, Lane, Purse};
use crate::key::{Context, Signature};
use crate::list::{self, List};
use crate::notice::NodeCertificate;
use crate::orphan::Fact;
use crate::role::{self, Settlers};
use crate::settlement::{SettlementRow, Settling};
use crate::state;
use crate::ticket::{Moved, Sent, Ticket};
use crate::time::Minute;
use crate::view::{
    At, ChainNo, Change, Pool, PoolKey, Revocation, Sealed, Slot, TicketRow, Use, View,
};
use crate::wire::Bounded;

/// Findings kept word for word of one feed; more are counted.
pub(super) const FINDINGS: usize = 1_000;

/// A ticket as one feed knows it.
#[derive(Clone, Debug)]
pub(super) struct Told1 {
    pub(super) name: Hash,
    pub(super) row: TicketRow,
    /// Whether this feed was the first, of what it was told, to know of it: then its pools moved here.
    pub(super) moved: bool,
    /// For a send of another feed: where a claim carried it.
    pub(super) carried: Option<Where>,
}

/// The tickets a feed knows of, as they were gathered: there may be a hundred thousand, and copied they would stand there
/// twice.
#[derive(Clone, Debug, Default)]
pub(super) struct Tickets {
    rows: BTreeMap<Hash, TicketRow>,
    /// Ascending.
    fresh: Vec<Hash>,
    carried: BTreeMap<Hash, Where>,
}

impl Tickets {
    /// One by one, by name.
    pub(super) fn told(self) -> impl Iterator<Item = Told1> {
        let Self { rows, fresh, mut carried } = self;
        rows.into_iter().map(move |(name, row)| {
            let (moved, carried) = (fresh.binary_search(&name).is_ok(), carried.remove(&name));
            Told1 { name, row, moved, carried }
        })
    }
}

/// What a feed's control entries and issues say about lists.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists {
    pub(super) frozen: BTreeMap<u64, List>,
    pub(super) issued: BTreeMap<(u64, CycleId, CommodityId), (Amount, u32, Where)>,
}

/// What a feed comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) findings: Vec<Finding>,
    pub(super) more: u64,
    pub(super) blocks: u64,
    pub(super) headers_only: u64,
    pub(super) entries: u64,
    pub(super) unfolded: u64,
    pub(super) signatures: u64,
    pub(super) evidence: u64,
    /// Blocks that commit to evidence which is not here.
    pub(super) unshown: u64,
    pub(super) forked: bool,
    pub(super) insolvent: bool,
    pub(super) certified: bool,
    pub(super) pools: Few<Pool>,
    pub(super) given: Few<verdict::Given>,
    /// Where a fault of the feed is proven.
    pub(super) lots: Option<Lots>,
    /// What the tickets claimed here told of goods that came back elsewhere.
    pub(super) back: Vec<back::Told>,
    /// Where the lots are: what was handed out and has not come back.
    pub(super) handed_out: back::HandedOut,
    pub(super) tickets: Tickets,
    pub(super) lists: Lists,
    pub(super) served: Vec<verdict::Hour>,
    pub(super) rows: Vec<Vec<u8>>,
    /// Its chains, by their numbers.
    pub(super) chains: Vec<Branch>,
    /// The index up to which the longest of them is folded.
    pub(super) folded: u64,
    pub(super) waiting: u64,
    /// What those claims say they took up, each ticket once: nobody can tell yet whether it was there.
    pub(super) waits: BTreeMap<Hash, (PoolKey, Amount)>,
    pub(super) revocations: Vec<Revocation>,
    /// Where its chains ended.
    pub(super) ended: Vec<At>,
    /// Tickets of fenced feeds that it took up and kept, and how much of the charter it knew then by its own word.
    pub(super) heard: Vec<(Hash, TicketRow, u32)>,
    /// What it shows of other feeds.
    pub(super) shown: Vec<Fact>,
    /// What others show of it.
    pub(super) burnt: Burnt,
    /// Its settlements, each by the place of its draft.
    pub(super) settlements: Vec<(At, SettlementRow)>,
    /// Where their drafts stand in the source.
    pub(super) drafts: BTreeMap<At, u64>,
    /// The lines of those that are not disputed, with their drafts.
    pub(super) lines: Vec<(At, Settling)>,
    /// What its entries came to that settlements name; `None` where it was read before that was known.
    pub(super) settled: Option<Settled>,
    /// The leaves of entries that were asked for, because two settlements may hold them.
    pub(super) leaves: BTreeMap<At, Hash>,
    /// What it says about people.
    pub(super) people: Vec<SaidOfPeople>,
    /// Stamps outside what checkpoints say.
    pub(super) doubts: Option<Doubt>,
}

impl Outcome {
    /// Whether every block of it is here and was folded.
    pub(super) const fn is_whole(&self) -> bool {
        self.unfolded == 0 && self.headers_only == 0 && self.certified
    }
}

/// Runs looked through for the one a hand-out belongs to: more cycles than one block serves at once.
const RUNS: usize = 16;

/// One hour at a counter.
#[derive(Clone, Debug, Default)]
struct Hour {
    hour: u32,
    redemptions: u64,
    purses: Vec<Purse>,
    /// How many of those were met once, when it was last looked.
    once: usize,
}

/// Purses kept at least before those met twice are let go.
const PURSES: usize = 1 << 10;

impl Hour {
    /// Keeps whom it served; at most twice as many as there are.
    fn serve(&mut self, purse: Purse) {
        if self.purses.len() >= self.once.saturating_mul(2).max(PURSES) {
            self.meet_once();
        }
        self.purses.push(purse);
    }

    /// Lets those go that were met twice: how many are left.
    fn meet_once(&mut self) -> usize {
        self.purses.sort_unstable();
        self.purses.dedup();
        self.once = self.purses.len();
        self.once
    }
}

/// The audit of one feed.
pub(super) struct FeedAudit<'a> {
    ground: &'a Ground,
    pub(super) told: &'a Told,
    pub(super) rows: Rows<'a>,
    certificates: Vec<&'a NodeCertificate>,
    settlers: Settlers,
    pub(super) out: Outcome,
    /// Its entries that settlements name, where any do and it is known yet.
    pub(super) named: Option<&'a Named>,
    pub(super) days: Days,
    carried: BTreeMap<Hash, Where>,
    fresh: Vec<Hash>,
    last: Option<(Header, Vec<Proof>)>,
    /// Whether it commits to evidence that has not come yet.
    owed: bool,
    /// The newest epoch beyond the charter that a header named.
    behind: u32,
    /// The headers met, by half their hashes: whoever writes one twice makes nobody a forger.
    met: BTreeSet<[u8; 16]>,
    hour: Hour,
    hours: BTreeMap<u32, (u32, u32)>,
    /// How many minutes of a clock hour had gone by when the federation was founded.
    into_hour: u32,
    changes: Vec<Change>,
    with_rows: bool,
    with_lots: bool,
    /// The certified checkpoints, as this feed sees them, and what they say of the block in hand.
    checkpoints: Vec<(Minute, u64)>,
    bracket: Bracket,
}

impl<'a> FeedAudit<'a> {
    pub(super) fn new(
        source: &'a dyn Source,
        ground: &'a Ground,
        told: &'a Told,
        feed: FeedId,
        options: Options,
    ) -> Self {
        let certificates: Vec<_> = ground.roster.node_ever(&feed.node).collect();
        let certified = ground.roster.node(&feed.node.short()).is_some_and(|c| c.node == feed.node);
        let mut rows = Rows::new(source, &ground.charter, &ground.roster, told, feed);
        rows.add_chain(Branch {
            left: None,
            head: Head::start(&ground.charter.federation(), &feed),
            blocks: 0,
            last_stamp: Minute(0),
            loose: false,
            sealed: Vec::new(),
            runs: Vec::new(),
        });
        Self {
            ground,
            told,
            rows,
            certificates,
            settlers: Settlers::of(&ground.charter, &ground.roster, feed.programme),
            out: Outcome { certified, ..Outcome::default() },
            named: told.settled.get(&feed.short()),
            days: Days::new(),
            carried: BTreeMap::new(),
            fresh: Vec::new(),
            last: None,
            owed: false,
            behind: 0,
            met: BTreeSet::new(),
            hour: Hour::default(),
            hours: BTreeMap::new(),
            into_hour: into_hour(&ground.charter, options.utc_offset),
            changes: Vec::new(),
            with_rows: options.root,
            with_lots: options.lots,
            checkpoints: told.cosigned.of(&feed.short()),
            bracket: Bracket::default(),
        }
    }

    /// Says that something is wrong at a place.
    pub(super) fn find(
        &mut self,
        place: u64,
        seq: Option<u64>,
        index: Option<u64>,
        problem: Problem,
    ) {
        let place = Where { offset: place, feed: Some(self.rows.feed.short()), seq, index };
        if self.out.findings.len() < FINDINGS {
            self.out.findings.push(Finding { place, problem });
            return;
        }
        self.out.more = self.out.more.saturating_add(1);
        // One about the file is kept in any case.
        if let Some(last) = self.out.findings.last_mut()
            && problem.is_of_file()
        {
            *last = Finding { place, problem };
        }
    }

    /// Takes the next thing of this feed.
    pub(super) fn item(&mut self, place: u64, item: Item) {
        match item {
            Item::Block(block) => self.block(place, *block),
            Item::Header(signed) => self.header(place, &signed.0, &signed.1),
            Item::Evidence { seq, header, pieces, last } => {
                self.evidence(place, seq, &header, pieces, last);
            }
            Item::Unreadable(fault) => {
                let seq = self.last.as_ref().map(|(header, _)| header.seq.saturating_add(1));
                self.find(place, seq.or(Some(0)), None, Problem::Frame(fault));
            }
        }
    }

    /// Whether the feed's key signed a header, as [`Header::verifies`] says.
    fn signed(&self, header: &Header, signature: &Signature) -> bool {
        let federation = self.ground.charter.federation();
        let of = (Context::Header, &federation, &self.rows.feed.bytes());
        let message = crate::wire::encode(header);
        self.told.keys.verifies(&self.rows.feed.node, of, &message, signature)
    }

    fn header(&mut self, place: u64, header: &Header, signature: &Signature) {
        self.out.signatures = self.out.signatures.saturating_add(1);
        if !self.signed(header, signature) {
            let fault = crate::block::BlockFault::Signature;
            return self.find(place, Some(header.seq), None, Problem::Block(fault));
        }
        let hash = header.hash();
        if !self.met.insert(half(&hash)) {
            return self.find(place, Some(header.seq), None, Problem::Repeated);
        }
        // Only now: a stranger's header keeps no feed from being whole.
        self.out.headers_only = self.out.headers_only.saturating_add(1);
        self.keep_behind(place, header);
        let (chain, _) = self.place(place, header, None);
        self.advance(chain, header, hash);
        self.expect_evidence(header, false);
    }

    fn block(&mut self, place: u64, block: Block) {
        let header = block.header;
        self.out.blocks = self.out.blocks.saturating_add(1);
        self.out.signatures = self.out.signatures.saturating_add(1);
        if !self.out.certified {
            if self.out.blocks == 1 {
                self.find(place, Some(header.seq), None, Problem::NotCertified);
            }
            self.out.unfolded = self.out.unfolded.saturating_add(u64::from(header.count));
            return;
        }
        let hash = header.hash();
        if self.met.contains(&half(&hash)) {
            return self.find(place, Some(header.seq), None, Problem::Repeated);
        }
        let signed = || self.signed(&header, &block.signature);
        let charter = &self.ground.charter;
        let verified = block.verify_with(&self.rows.feed, signed);
        // What later articles activate cannot be told from what nobody did.
        let behind = header.epoch > charter.epoch();
        let verified = verified.and_then(|v| {
            let kinds = charter.check_kinds(header.epoch, v.entries());
            if behind { Ok(v) } else { kinds.map(|()| v) }
        });
        let verified = match verified {
            Ok(verified) => verified,
            Err(fault) => {
                let index = match fault {
                    crate::block::BlockFault::Entry { index, .. } => Some(index),
                    _ => None,
                };
                return self.find(place, Some(header.seq), index, Problem::Block(fault));
            }
        };
        self.met.insert(half(&hash));
        self.keep_behind(place, &header);
        let (chain, known) = self.place(place, &header, Some(verified.entries()));
        if let Some(branch) = self.rows.branch(chain).filter(|_| behind) {
            branch.loose = true;
        }
        let before = header.start();
        let seq = header.seq;
        self.rows.add_spot(Spot { chain, before, next: header.end().next, place });
        let loose = self.rows.branch(chain).is_none_or(|branch| branch.loose);
        if loose {
            self.out.unfolded = self.out.unfolded.saturating_add(u64::from(header.count));
        } else {
            // Kept before it is folded: what is refunded at once stands in the same block.
            self.bracket = cosigned::bracket(&self.checkpoints, seq);
            let starts = verified.entries().iter().map(|placed| placed.start).collect();
            self.rows.keep(chain, header.first, starts, block.body.into_vec());
            self.fold(place, chain, &header, verified.entries(), known);
        }
        self.advance(chain, &header, hash);
        self.expect_evidence(&header, header.evidence_root != Evidence::default().root());
    }

    /// Says, once for each epoch, that the articles here end before what an author knew. What it claims of them would look
    /// like a fault of its own, and a fence among them would not be seen.
    fn keep_behind(&mut self, place: u64, header: &Header) {
        let knows = self.ground.charter.epoch().max(self.behind);
        if header.epoch > knows {
            self.behind = header.epoch;
            let problem = Problem::CharterBehind { epoch: header.epoch };
            self.find(place, Some(header.seq), None, problem);
        }
    }

    /// What comes next may be evidence of this block, and has to be where it commits to some and has a body here.
    fn expect_evidence(&mut self, header: &Header, owed: bool) {
        self.out.unshown = self.out.unshown.saturating_add(u64::from(self.owed));
        self.owed = owed;
        self.last = Some((*header, Vec::new()));
    }

    /// Finds the chain that a block or header continues, or makes one, and how many of its entries are known there
    /// already: a feed restored from a copy may seal again, and otherwise, what it had promised.
    fn place(
        &mut self,
        place: u64,
        header: &Header,
        entries: Option<&[Placed]>,
    ) -> (ChainNo, usize) {
        let start = header.start();
        if let Some(at) = self.rows.chains.iter().position(|branch| branch.head == start) {
            let chain = ChainNo(u32::try_from(at).unwrap_or(u32::MAX));
            if self.rows.branch(chain).is_some_and(|branch| branch.blocks != header.seq) {
                self.find(place, Some(header.seq), Some(header.first), Problem::Number);
            }
            // Where a branch left this chain was its end so far: it may have said before what follows here only now.
            if let Some((left, known)) = entries.and_then(|said| self.rows.ahead(chain, said)) {
                let branch = Branch {
                    left: Some(left),
                    head: start,
                    blocks: header.seq,
                    last_stamp: Minute(0),
                    loose: false,
                    sealed: Vec::new(),
                    runs: Vec::new(),
                };
                return (self.rows.add_chain(branch), known);
            }
            let mut known = 0;
            if let Some(branch) = self.rows.chains.get(at) {
                // A branch without entries of its own may still be one with the chain it left.
                let left = branch.left.filter(|left| left.index == branch.head.next);
                if let (Some(left), Some(entries)) = (left, entries) {
                    known = self.rows.common(left.chain, entries);
                    let left = At { index: left.index.saturating_add(known as u64), ..left };
                    if let Some(branch) = self.rows.branch(chain) {
                        branch.left = Some(left);
                    }
                }
            }
            if entries.is_none()
                && let Some(branch) = self.rows.branch(chain)
            {
                branch.loose = true;
            }
            return (chain, known);
        }
        let Some(from) = self.rows.chain_of(&start) else {
            self.find(place, Some(header.seq), Some(header.first), Problem::Gap);
            return (self.loose(header), 0);
        };
        self.out.forked = true;
        let known = entries.map_or(0, |entries| self.rows.common(from, entries));
        let index = header.first.saturating_add(known as u64);
        self.find(place, Some(header.seq), Some(index), Problem::Forked);
        let loose = self.rows.branch(from).is_some_and(|branch| branch.loose);
        let branch = Branch {
            left: Some(At { chain: from, index }),
            head: start,
            blocks: header.seq,
            last_stamp: Minute(0),
            loose: loose || entries.is_none(),
            sealed: Vec::new(),
            runs: Vec::new(),
        };
        (self.rows.add_chain(branch), known)
    }

    /// A chain whose beginning is missing.
    fn loose(&mut self, header: &Header) -> ChainNo {
        let branch = Branch {
            left: None,
            head: header.start(),
            blocks: header.seq,
            last_stamp: Minute(0),
            loose: true,
            sealed: Vec::new(),
            runs: Vec::new(),
        };
        self.rows.add_chain(branch)
    }

    fn advance(&mut self, chain: ChainNo, header: &Header, hash: Hash) {
        if let Some(branch) = self.rows.branch(chain) {
            branch.head = header.end();
            branch.blocks = header.seq.saturating_add(1);
            let Header { seq, first, epoch, .. } = *header;
            branch.sealed.push(Sealed { seq, hash, first, next: branch.head.next, epoch });
        }
    }

    fn evidence(
        &mut self,
        place: u64,
        seq: u64,
        hash: &Hash,
        pieces: Bounded<Proof, { crate::limits::BLOCK_ENTRIES }>,
        last: bool,
    ) {
        let problem = match &mut self.last {
            Some((header, held)) if header.seq == seq && header.hash() == *hash => {
                // One more than a block has will do to refuse them all.
                let room =
                    crate::limits::BLOCK_ENTRIES.saturating_add(1).saturating_sub(held.len());
                held.extend(pieces.into_vec().into_iter().take(room));
                if !last {
                    return;
                }
                let evidence = Bounded::new(std::mem::take(held)).map(Evidence);
                let good = evidence.is_ok_and(|evidence| {
                    let block = Block {
                        header: *header,
                        signature: Signature::Ed25519([[0; 32]; 2]),
                        body: crate::wire::Bytes::default(),
                    };
                    block.check_evidence(&evidence).is_ok()
                });
                self.out.evidence = self.out.evidence.saturating_add(1);
                self.owed = false;
                (!good).then_some(Problem::Block(crate::block::BlockFault::Evidence))
            }
            Some(_) | None => Some(Problem::Disorder),
        };
        if let Some(problem) = problem {
            self.find(place, Some(seq), None, problem);
        }
    }

    fn fold(
        &mut self,
        place: u64,
        chain: ChainNo,
        header: &Header,
        entries: &[Placed],
        known: usize,
    ) {
        let mut last_stamp = self.rows.last_stamp(chain);
        for (number, placed) in entries.iter().enumerate() {
            if number < known {
                continue;
            }
            let at = At { chain, index: placed.index };
            let to =
                Place { feed: self.rows.feed, at, accumulator: placed.accumulator, last_stamp };
            self.look(place, header.seq, &to, &placed.entry);
            let mut changes = std::mem::take(&mut self.changes);
            fold::fold_into(&self.rows, &to, &placed.entry, &mut changes);
            self.count(place, header.seq, &to, &placed.entry, &changes);
            self.came(placed, place, header.seq, at, &changes);
            self.rows.hand = at.index;
            for change in changes.drain(..) {
                self.apply(place, header.seq, change);
            }
            self.changes = changes;
            if let Some(stamp) = placed.entry.stamp() {
                last_stamp = last_stamp.max(stamp);
                // A day lies outside where all of it does.
                let known = self.bracket.after.unwrap_or_default();
                let stamp =
                    placed.entry.day().map_or(stamp, |day| stamp.max(known.min(day.last())));
                self.doubt(placed.index, stamp);
            }
            self.out.entries = self.out.entries.saturating_add(1);
            // The fold asks for the last stamp through the place alone, and for the head not at all.
        }
        if let Some(branch) = self.rows.branch(chain) {
            branch.last_stamp = last_stamp;
        }
    }

    fn apply(&mut self, place: u64, seq: u64, change: Change) {
        match &change {
            Change::Pool(key, by) => {
                let pool = self.out.pools.of(key);
                *pool = pool.plus(*by);
                let units = by.redeemed.units();
                if units != 0 {
                    let given = self.out.given.of(key);
                    if units > 0 {
                        given.redeemed = given.redeemed.plus(by.redeemed);
                    } else {
                        let back = crate::amount::Balance::of(units.saturating_neg());
                        given.refunded = given.refunded.plus(back);
                    }
                }
            }
            Change::Ticket(name, _) if self.rows.ticket(name).is_none() => {
                self.fresh.push(*name);
            }
            Change::Fault(at, fault) => {
                self.out.insolvent |= fault.proves_insolvency();
                self.find(place, Some(seq), Some(at.index), Problem::Rule(*fault));
            }
            Change::Settlement(at, _) => {
                self.out.drafts.entry(*at).or_insert(place);
            }
            Change::Waiting(..) => self.out.waiting = self.out.waiting.saturating_add(1),
            Change::List(_, index, list) => {
                let node = self.rows.feed.node.short();
                let (charter, roster) = (&self.ground.charter, &self.ground.roster);
                self.out.signatures = self.out.signatures.saturating_add(2);
                match list::check(list, &node, charter, roster) {
                    Ok(()) => {
                        self.out.lists.frozen.insert(*index, (**list).clone());
                    }
                    Err(why) => self.find(place, Some(seq), Some(*index), Problem::List(why)),
                }
            }
            Change::Revoked(said) => {
                self.out.revocations.push(*said);
                if self.with_rows {
                    self.out.rows.push(state::revocation_bytes(said));
                }
            }
            Change::Ended(at, accumulator) => {
                let feed = self.rows.feed.short();
                if self.with_rows {
                    self.out.rows.push(state::end_bytes(&feed, at.index, accumulator));
                }
            }
            Change::ClockAnswered(word) if self.with_rows => {
                self.out.rows.push(state::clock_word_bytes(word));
            }
            Change::Shown(fact) => {
                if let Value::Claim { ticket, .. } = &fact.value {
                    ticket.sends().for_each(|sent| self.goods_back(sent));
                }
                self.out.shown.push((**fact).clone());
                let Fact { feed, index, leaf, name, .. } = &**fact;
                if self.with_rows {
                    self.out.rows.push(state::shown_bytes(feed, *index, leaf, name.as_ref()));
                }
            }
            Change::Told(told) => {
                self.out.people.push(*told);
                if self.with_rows {
                    self.out.rows.push(state::told_bytes(told));
                }
            }
            Change::Enrolled(programme, who) if self.with_rows => {
                self.out.rows.push(state::enrolled_bytes(*programme, who));
            }
            Change::CarrierBound(programme, carrier, who, _) if self.with_rows => {
                self.out.rows.push(state::carrier_bytes(*programme, carrier, who));
            }
            Change::CarrierCancelled(programme, carrier, _) if self.with_rows => {
                self.out.rows.push(state::cancelled_bytes(*programme, carrier));
            }
            _ => {}
        }
        self.rows.set(&change);
    }

    /// What no certificate the feed's key ever had allows: the programme, the role, the time, in this order.
    fn uncertified(&self, entry: &Entry) -> Option<Problem> {
        let FeedId { lane, programme, .. } = self.rows.feed;
        let needed = role::needed(entry);
        let settles = matches!(entry, Entry::Value(Value::Settle { .. }));
        let mut answer = Problem::OtherProgramme;
        for certificate in &self.certificates {
            if lane != Lane::Control && !certificate.programmes.contains(&programme) {
                continue;
            }
            let allowed = !settles || self.settlers.allow(certificate);
            if !allowed || !certificate.roles.meets(needed) {
                if answer == Problem::OtherProgramme {
                    answer = Problem::OtherRole;
                }
            } else if entry.stamp().is_none_or(|stamp| stamp <= certificate.not_after) {
                return None;
            } else {
                answer = Problem::CertificateEnded;
            }
        }
        Some(answer)
    }

    /// Keeps what somebody was told came back elsewhere, where that is signed.
    fn goods_back(&mut self, sent: &Sent) {
        let programme = self.rows.feed.programme;
        if let Moved::Refund { redeem, amount, .. } = sent.moved
            && self.rows.signed(sent, programme)
        {
            let feed = FeedRef::value(sent.node, programme);
            self.out.back.push(back::Told { feed, index: sent.index, redeem, amount });
        }
    }

    /// Keeps what a claim stands for whose sender has no certificate here.
    fn wait_for(&mut self, sent: &Sent) {
        let FeedId { node, programme, .. } = self.rows.feed;
        let node = node.short();
        let unknown = self.ground.roster.node_keys(&sent.node).is_empty();
        if unknown && sent.moved.to() == node && !matches!(sent.moved, Moved::Refund { .. }) {
            let row = fold::ticket_row(programme, sent.node, sent.index, &sent.moved, false);
            let key = self.pool_key((row.cycle, row.commodity));
            self.out.waits.insert(sent.name(programme).ticket(), (key, row.amount));
        }
    }

    /// What an audit asks beyond the fold: certificates in force, lists behind issues, and who was served when.
    fn look(&mut self, place: u64, seq: u64, to: &Place, entry: &Entry) {
        let at = to.at;
        if let Some(problem) = self.uncertified(entry) {
            self.find(place, Some(seq), Some(at.index), problem);
        }
        let asked = self.told.asked.get(&self.rows.feed.short());
        if asked.is_some_and(|asked| asked.contains(&at.index)) {
            self.out.leaves.insert(at, leaf(&entry.encode()));
        }
        if let Entry::Value(Value::Claim { ticket, .. }) = entry
            && let Ticket::Sent(..) = &**ticket
            && !fold::halted_before(&self.rows, at)
        {
            let here = self.here(place, seq, at.index);
            if let Ticket::Sent(sent, _) = &**ticket {
                self.wait_for(sent);
            }
            for sent in ticket.sends() {
                self.out.signatures = self.out.signatures.saturating_add(1);
                if matches!(sent.moved, Moved::Refund { .. }) {
                    self.goods_back(sent);
                    continue;
                }
                let name = sent.name(self.rows.feed.programme).ticket();
                self.carried.entry(name).or_insert(here);
            }
        }
        if let Entry::Value(Value::Orphan(orphan)) = entry
            && !fold::halted_before(&self.rows, at)
        {
            orphan.sends.iter().for_each(|sent| self.goods_back(sent));
        }
    }

    fn here(&self, offset: u64, seq: u64, index: u64) -> Where {
        Where { offset, feed: Some(self.rows.feed.short()), seq: Some(seq), index: Some(index) }
    }

    /// Counts what was issued and who was served, by the lot the fold found: the first its changes set.
    fn count(&mut self, place: u64, seq: u64, to: &Place, entry: &Entry, changes: &[Change]) {
        let Entry::Value(value) = entry else { return };
        let moves = matches!(
            value,
            Value::Issue { .. }
                | Value::Redeem { .. }
                | Value::Post { .. }
                | Value::FloatRedeem { .. }
        );
        if !moves {
            return;
        }
        let lot = changes.iter().find_map(|change| match change {
            Change::Slot(_, Slot::Lot(row)) => Some(row),
            _ => None,
        });
        let Some(lot) = lot else { return };
        let of = (lot.cycle, lot.commodity);
        if !matches!(value, Value::Issue { .. }) {
            self.handed_out(to.at, lot.cycle);
        }
        match value {
            Value::Issue { list, row, amount, .. } => {
                let here = self.here(place, seq, to.at.index);
                let key = (*list, lot.cycle, lot.commodity);
                let sum = self.out.lists.issued.entry(key).or_insert((Amount::ZERO, 0, here));
                sum.0 = sum.0.plus(*amount).unwrap_or(Amount::MAX);
                sum.1 = sum.1.max(*row);
                if lot.owner == Owner::Reserve {
                    self.reissue(of, *amount);
                }
            }
            Value::Redeem { amount, at, .. } => {
                self.hand_out(to.at, of, *amount);
                self.serve(*at, lot.owner, of, *amount, false);
            }
            Value::FloatRedeem { purse, amount, at, .. } => {
                self.serve(*at, Owner::Purse(*purse), of, *amount, true);
            }
            Value::Post { hold, at, .. } => {
                let hold = self.rows.hold(fold::owner_of(&self.rows, to.at.chain, *hold));
                let amount = hold.map(|hold| hold.amount).unwrap_or_default();
                self.hand_out(to.at, of, amount);
                self.serve(*at, lot.owner, of, amount, false);
            }
            _ => {}
        }
    }

    fn pool_key(&self, (cycle, commodity): (CycleId, CommodityId)) -> PoolKey {
        let FeedId { node, programme, .. } = self.rows.feed;
        PoolKey { node: node.short(), programme, cycle, commodity }
    }

    fn reissue(&mut self, of: (CycleId, CommodityId), amount: Amount) {
        let key = self.pool_key(of);
        let given = self.out.given.of(&key);
        given.reissued = given.reissued.credit(amount);
        given.reissue_count = given.reissue_count.saturating_add(1);
    }

    fn handed_out(&mut self, at: At, cycle: CycleId) {
        let first = self.rows.spots.last().map_or(at.index, |spot| spot.before.next);
        let Some(branch) = self.rows.branch(at.chain) else { return };
        // The block in hand joins those of its chain once it is folded.
        let block = u32::try_from(branch.sealed.len()).unwrap_or(u32::MAX);
        let here = |run: &&mut Run| run.block == block;
        let mut here = branch.runs.iter_mut().rev().take(RUNS).take_while(here);
        match here.find(|run| run.cycle == cycle && run.more < u8::MAX) {
            Some(run) => run.more = run.more.saturating_add(1),
            None => {
                let place = at.index.saturating_sub(first);
                let place = u8::try_from(place).unwrap_or(u8::MAX);
                branch.runs.push(Run { block, cycle, place, more: 0 });
            }
        }
    }

    /// Lists a stamp that lies outside what checkpoints say of its block.
    fn doubt(&mut self, index: u64, stamp: Minute) {
        if !doubtful(stamp, &self.bracket) {
            return;
        }
        let doubt = self.out.doubts.get_or_insert(Doubt {
            feed: self.rows.feed.short(),
            index,
            stamp,
            bracket: self.bracket,
            ahead: 0,
            behind: 0,
        });
        let ahead = self.bracket.before.is_some_and(|before| before < stamp);
        let sum = if ahead { &mut doubt.ahead } else { &mut doubt.behind };
        *sum = sum.saturating_add(1);
    }

    fn hand_out(&mut self, at: At, of: (CycleId, CommodityId), amount: Amount) {
        if self.with_lots {
            self.out.handed_out.insert(at.index, (of, amount));
        }
    }

    fn serve(
        &mut self,
        stamp: Minute,
        owner: Owner,
        of: (CycleId, CommodityId),
        amount: Amount,
        float: bool,
    ) {
        let key = self.pool_key(of);
        let given = self.out.given.of(&key);
        if float {
            given.float = given.float.credit(amount);
            given.float_count = given.float_count.saturating_add(1);
        } else {
            given.count = given.count.saturating_add(1);
        }
        let hour = stamp.0.saturating_add(self.into_hour) / 60;
        if hour != self.hour.hour {
            self.end_hour();
            self.hour.hour = hour;
        }
        self.hour.redemptions = self.hour.redemptions.saturating_add(1);
        if let Owner::Purse(purse) = owner {
            self.hour.serve(purse);
        }
    }

    fn end_hour(&mut self) {
        let families = self.hour.meet_once();
        if self.hour.redemptions > 0 {
            let sum = self.hours.entry(self.hour.hour).or_default();
            sum.0 = sum.0.saturating_add(u32::try_from(families).unwrap_or(u32::MAX));
            let redemptions = u32::try_from(self.hour.redemptions).unwrap_or(u32::MAX);
            sum.1 = sum.1.saturating_add(redemptions);
        }
        let mut purses = std::mem::take(&mut self.hour.purses);
        purses.clear();
        self.hour = Hour { purses, ..Hour::default() };
    }

    /// Ends the feed: what it comes to.
    pub(super) fn finish(mut self) -> Outcome {
        self.end_hour();
        self.out.unshown = self.out.unshown.saturating_add(u64::from(self.owed));
        let feed = self.rows.feed;
        let hours = std::mem::take(&mut self.hours).into_iter();
        let hours = hours.map(|(hour, (families, redemptions))| verdict::Hour {
            hour,
            families,
            redemptions,
        });
        self.out.served = hours.collect();
        // All feeds' stay until the last is read.
        self.out.served.shrink_to_fit();
        self.out.back.shrink_to_fit();
        self.out.pools.shrink();
        self.out.given.shrink();
        if self.out.forked || self.out.insolvent || self.with_lots {
            self.out.lots = Some(Lots::of(&self.rows));
        }
        // Of a feed with one chain: of another, nobody asks.
        let rows = &self.rows;
        self.out.handed_out.retain(|index, _| {
            rows.uses(&Use::Redemption(At { chain: ChainNo(0), index: *index })).is_empty()
        });
        let branches = self.rows.branches(&feed.short()).into_iter();
        let folded = branches.map(|chain| fold::folded_to(&self.rows, chain));
        self.out.folded = folded.max().unwrap_or(0);
        if self.told.shown.contains_key(&feed.short()) {
            let whole = self.out.is_whole();
            let (feed, coming) = (feed.short(), &self.told.coming);
            self.out.burnt = Burnt::of(&self.rows, feed, coming, whole);
        }
        if self.with_rows {
            let lots = self.rows.lots().map(|(_, lot)| state::lot_bytes(&feed.short(), &lot));
            self.out.rows.extend(lots);
            let lists = self.rows.lists.iter();
            let node = feed.node.short();
            self.out.rows.extend(lists.map(|(at, list)| state::list_bytes(&node, *at, list)));
            let floats = self.rows.floats.iter();
            self.out.rows.extend(floats.map(|(name, row)| state::float_bytes(name, row)));
            let (short, days) = (feed.short(), self.rows.offices.days.values());
            self.out.rows.extend(days.map(|row| state::day_bytes(&short, row)));
            let settlements = self.rows.offices.settlements.values();
            self.out.rows.extend(settlements.map(|row| state::settlement_bytes(&short, row)));
        }
        let heard = self.heard();
        self.end_settled();
        // Which branch a checkpoint means, its number of blocks does not tell.
        if self.out.forked {
            self.out.doubts = None;
        }
        let rows = std::mem::take(&mut self.rows.tickets);
        self.fresh.sort_unstable();
        self.out.tickets = Tickets { rows, fresh: self.fresh, carried: self.carried };
        self.out.ended = self.rows.ended.keys().copied().collect();
        self.out.heard = heard;
        self.out.lines = self.rows.settled_lines();
        self.out.settlements =
            std::mem::take(&mut self.rows.offices.settlements).into_iter().collect();
        self.out.chains = self.rows.chains;
        for chain in &mut self.out.chains {
            chain.sealed.shrink_to_fit();
            chain.runs.shrink_to_fit();
        }
        self.out
    }

    /// Tickets of fenced feeds that were taken up and kept, and how much of the charter the author knew. Whether they stand
    /// above a fence it had heard of, the sender's feed tells.
    fn heard(&self) -> Vec<(Hash, TicketRow, u32)> {
        let charter = &self.ground.charter;
        let kept = |(name, row): (&Hash, &TicketRow)| {
            let from = row.from.filter(|_| row.claimed.is_some())?;
            let fences = charter.fences(&FeedRef::value(from, row.programme));
            let first = fences.iter().map(|fenced| fenced.epoch).min()?;
            let knew = charge::took_knowing(&self.rows, name, row)?;
            (knew >= first).then_some((*name, *row, knew))
        };
        if charter.fenced().next().is_none() {
            return Vec::new();
        }
        self.rows.tickets.iter().filter_map(kept).collect()
    }
}

fn into_hour(charter: &Charter, utc_offset: i16) -> u32 {
    let founded = i64::try_from(charter.founded().0 / 60_000).unwrap_or_default();
    let local = founded.saturating_add(i64::from(utc_offset));
    u32::try_from(local.rem_euclid(60)).unwrap_or_default()
}

fn half(hash: &Hash) -> [u8; 16] {
    let mut half = [0; 16];
    half.copy_from_slice(&hash.0[..16]);
    half
}
