//! Bugs planted on purpose, as wrappers around view, policy and verification: a simulator that does not catch them
//! proves nothing. The shipped crates have no switch for any of them.

use std::collections::BTreeMap;

use annona_ledger::admit::{self, Admitted, Draft};
use annona_ledger::amount::Balance;
use annona_ledger::block::{Block, Placed};
use annona_ledger::charge::Charge;
use annona_ledger::charter::Charter;
use annona_ledger::consent::Told;
use annona_ledger::cut;
use annona_ledger::day::DayRow;
use annona_ledger::entry::{Entry, Owner, Value};
use annona_ledger::feed::{Head, leaf, step};
use annona_ledger::hash::Hash;
use annona_ledger::id::{
    CarrierId, Commitment, CommodityId, CycleId, FederationId, FeedId, FeedRef, MerchantId,
    ProgrammeId, Pseudonym, Purse,
};
use annona_ledger::list::List;
use annona_ledger::notice::Roster;
use annona_ledger::orphan::{Book, Effect, Fact, Facts, Given, Pages};
use annona_ledger::rejection::Rejection;
use annona_ledger::settlement::{self, Reach, SettlementRow, Settling};
use annona_ledger::state::State;
use annona_ledger::ticket::{Sent, Ticket};
use annona_ledger::time::Minute;
use annona_ledger::view::{
    At, Chain, ChainNo, ClockWord, FloatRow, FloatSpan, HoldRow, LotRow, Pool, PoolKey, Revocation,
    Sealed, Slot, TicketRow, Use, View,
};

use crate::memo;

/// A bug.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// A claim is not looked up among those made before.
    ClaimNotDeduplicated,
    /// A sender counts a ticket nobody has claimed yet as its own again.
    SenderRecalls,
    /// A ticket is taken wherever it is shown.
    WrongSiteAccepted,
    /// A redemption can be refunded again.
    RefundTwice,
    /// A float redemption can be covered again.
    CoverTwice,
    /// A row of a list can be issued again.
    RowTwice,
    /// Nobody counts what was given from float.
    CapsUnchecked,
    /// A sender takes back what has passed its last minute at the receiver.
    LeaseReclaim,
    /// A replica asks of a block what only its writer may ask.
    ReplicaDecides,
    /// A block's entries are not held against its accumulator and root.
    AccumulatorUnchecked,
    /// A block's signature is not checked.
    SignatureUnchecked,
    /// Nothing is checked before it is written.
    Anything,
    /// What an article released before the end of a feed is charged to nobody.
    ReleaseUncharged,
    /// Of two cuts of a feed the higher counts.
    HigherCutWins,
    /// A sender takes back what is on its way to a feed that is cut.
    ReclaimAtFence,
    /// What was released goes to a purse without an issue.
    SuspenseToPurse,
    /// Whoever takes the place of a node takes up what was sent to it.
    SuccessorClaims,
    /// What was shown of a feed counts beside its blocks.
    OrphanTwice,
    /// Nobody holds a day's statement against what the counter wrote.
    DayUnchecked,
    /// A treasury settles by stretches whatever is cut.
    SettlesPastCut,
    /// A treasury does not look what it has settled before.
    SettlesAgain,
    /// A payment's reference follows from the row and not from the entry.
    PaysByRow,
    /// Nobody holds a fork against its feed.
    ForkForgotten,
    /// Two blocks that follow on each other are shown as a fork.
    Slanders,
    /// What came over a link is said to be kept before it is.
    TakenUnkept,
}

/// Whether a draft is a line of a settlement over a stretch.
pub(crate) fn is_stretch(draft: &Draft) -> bool {
    matches!(&draft.entry, Entry::Value(Value::Settle { settling, .. })
        if matches!(**settling, Settling::Stretch { .. }))
}

/// What waits to be settled, seen through the bug.
pub(crate) fn lines(bug: Bug, state: &State, feed: &FeedRef, reach: &Reach) -> Vec<Settling> {
    settlement::lines(&Blinkers { state, bug, shown_as: None, now: Minute(0) }, feed, reach)
}

/// The book of a feed in which redemptions are overlooked.
struct Unread<'a>(Pages<'a>);

impl Book for Unread<'_> {
    fn values(&self, index: u64) -> Vec<Value> {
        let mut values = self.0.values(index);
        values.retain(|value| !matches!(value, Value::Redeem { .. } | Value::Post { .. }));
        values
    }

    fn tells(&self, index: u64) -> bool {
        self.0.tells(index)
    }

    fn given(&self, index: u64) -> Vec<Given> {
        self.0.given(index)
    }

    fn refunded(&self, index: u64) -> annona_ledger::amount::Amount {
        self.0.refunded(index)
    }

    fn coming(&self, sent: &Sent) -> Option<Hash> {
        self.0.coming(sent)
    }

    fn voted(&self, ticket: &Ticket) -> Option<(CycleId, CommodityId)> {
        self.0.voted(ticket)
    }
}

/// Counts what was shown of a feed although its block is here.
pub(crate) fn count_again(state: &State, pools: &mut BTreeMap<PoolKey, Pool>) {
    for feed in state.shown_feeds() {
        let pages = Pages::new(state, *feed);
        let right: Vec<Effect> = Facts::new(*feed, &pages, state.shown(feed)).effects();
        let unread = Unread(Pages::new(state, *feed));
        let wrong = Facts::new(*feed, &unread, state.shown(feed)).effects();
        let new = wrong.into_iter().filter(|effect| !right.contains(effect));
        for effect in new {
            let pool = pools.entry(effect.key).or_default();
            *pool = pool.plus(effect.pool);
        }
    }
}

/// What is owed, seen through the bug.
pub(crate) fn charged(bug: Bug, charges: Vec<Charge>) -> Vec<Charge> {
    let mut charges = charges;
    if bug == Bug::ReleaseUncharged {
        charges.retain(|charge| charge.released == 0);
    }
    charges
}

/// `admit`, seen through the bug.
pub(crate) fn admit(
    bug: Bug,
    state: &State,
    chain: ChainNo,
    draft: &Draft,
) -> Result<Admitted, Rejection> {
    let shown_as = match (&draft.entry, bug) {
        (Entry::Value(Value::Claim { ticket, .. }), Bug::WrongSiteAccepted) => {
            addressed(ticket, state)
        }
        (Entry::Value(Value::Claim { ticket, .. }), Bug::SuccessorClaims) => {
            let me = state.roster().node(&state.chain(chain).feed.node.short());
            addressed(ticket, state)
                .filter(|to| me.is_some_and(|me| me.replaces == Some(to.short())))
        }
        _ => None,
    };
    let now = draft.entry.stamp().unwrap_or_else(|| state.last_stamp(chain));
    admit::admit(&Blinkers { state, bug, shown_as, now }, chain, draft)
}

/// Whether a ticket that was refused stands below the highest cut of its sender's feed, if not below the lowest.
pub(crate) fn below_the_highest(state: &State, chain: ChainNo, draft: &Draft) -> bool {
    let Entry::Value(Value::Claim { ticket, .. }) = &draft.entry else { return false };
    let Some(sent) = ticket.sends().next() else { return false };
    let feed = FeedRef::value(sent.node, state.chain(chain).feed.programme);
    let fences = state.charter().fences(&feed).iter().map(|fenced| fenced.cut);
    let highest = fences.chain(state.revocations(&feed).into_iter().map(|said| said.cut)).max();
    highest.is_some_and(|cut| {
        let ends = state.branches(&feed).into_iter().filter_map(|c| cut::below(state, c, &cut));
        ends.max().is_some_and(|below| sent.index < below)
    })
}

fn addressed(ticket: &Ticket, state: &State) -> Option<annona_ledger::key::PublicKey> {
    let to = ticket.sends().next()?.moved.to();
    state.roster().node(&to).map(|c| c.node)
}

/// Verification, with or without the bug. `None` where the block is refused.
pub(crate) fn verify(
    bug: Option<Bug>,
    block: &Block,
    federation: &FederationId,
    feed: &FeedId,
) -> Option<Vec<Placed>> {
    match bug {
        Some(Bug::SignatureUnchecked) => block.read(feed.lane).ok(),
        Some(Bug::AccumulatorUnchecked) => {
            let signed = block.header.verifies(federation, feed, &block.signature);
            if signed { read_unchecked(block, feed) } else { None }
        }
        _ => memo::verified(block, federation, feed),
    }
}

fn read_unchecked(block: &Block, feed: &FeedId) -> Option<Vec<Placed>> {
    let mut head = block.header.start();
    let mut rest: &[u8] = &block.body;
    let mut entries = Vec::new();
    for _ in 0..block.header.count {
        let (entry, after) = Entry::take(feed.lane, rest).ok()?;
        let accumulator = step(&head.accumulator, &leaf(&rest[..rest.len() - after.len()]));
        let start = u16::try_from(block.body.len() - rest.len()).ok()?;
        entries.push(Placed { index: head.next, accumulator, start, entry });
        head = Head { next: head.next + 1, accumulator };
        rest = after;
    }
    Some(entries)
}

/// A view that does not see what the bug overlooks.
struct Blinkers<'a> {
    state: &'a State,
    bug: Bug,
    shown_as: Option<annona_ledger::key::PublicKey>,
    now: Minute,
}

impl Blinkers<'_> {
    /// What the writer of a lot believes to have back of it.
    fn taken_back(&self, at: At, row: LotRow) -> LotRow {
        let back = |t: &TicketRow| match self.bug {
            Bug::SenderRecalls => t.claimed.is_none(),
            Bug::LeaseReclaim => {
                t.expires < self.now || self.now.0 > t.expires.0.saturating_sub(20_000)
            }
            Bug::ReclaimAtFence => {
                let to = FeedRef::value(t.to, t.programme);
                t.claimed.is_none() && cut::lowest(self.state, &to).is_some()
            }
            _ => false,
        };
        let node = self.state.chain(at.chain).feed.short().node;
        let credit = self
            .state
            .tickets()
            .map(|(_, t)| t)
            .filter(|t| t.from == Some(node) && t.lot.0 == at.index && back(t))
            .fold(row.balance, |sum, t| sum.credit(t.amount));
        LotRow { balance: credit, ..row }
    }
}

impl View for Blinkers<'_> {
    fn charter(&self) -> &Charter {
        self.state.charter()
    }

    fn roster(&self) -> &Roster {
        self.state.roster()
    }

    fn chain(&self, chain: ChainNo) -> Chain {
        let seen = self.state.chain(chain);
        match self.shown_as {
            Some(node) => Chain { feed: FeedId { node, ..seen.feed }, ..seen },
            None => seen,
        }
    }

    fn head(&self, chain: ChainNo) -> Head {
        self.state.head(chain)
    }

    fn halted(&self, chain: ChainNo) -> Option<u64> {
        self.state.halted(chain)
    }

    fn last_stamp(&self, chain: ChainNo) -> Minute {
        self.state.last_stamp(chain)
    }

    fn faulty(&self, feed: &FeedRef) -> bool {
        self.state.faulty(feed)
    }

    fn slot(&self, at: At) -> Option<Slot> {
        self.state.slot(at).map(|slot| match slot {
            Slot::Lot(row) if self.bug == Bug::SuspenseToPurse && row.owner == Owner::Reserve => {
                Slot::Lot(LotRow { owner: Owner::Purse(Purse([7; 16])), ..row })
            }
            Slot::Lot(row) => Slot::Lot(self.taken_back(at, row)),
            same => same,
        })
    }

    fn hold(&self, at: At) -> Option<HoldRow> {
        self.state.hold(at)
    }

    fn entry(&self, at: At) -> Option<Value> {
        self.state.entry(at)
    }

    fn ticket(&self, name: &Hash) -> Option<TicketRow> {
        let row = self.state.ticket(name)?;
        let forgets = self.bug == Bug::ClaimNotDeduplicated;
        Some(TicketRow { claimed: row.claimed.filter(|_| !forgets), ..row })
    }

    fn float(&self, name: &Hash) -> Option<FloatRow> {
        self.state.float(name)
    }

    fn uses(&self, what: &Use) -> Vec<At> {
        let overlooked = matches!(
            (what, self.bug),
            (Use::Ticket(_), Bug::ClaimNotDeduplicated)
                | (Use::Float(_), Bug::CoverTwice)
                | (Use::Redemption(_), Bug::RefundTwice)
                | (Use::Row { .. }, Bug::RowTwice)
        );
        if overlooked { Vec::new() } else { self.state.uses(what) }
    }

    fn merchants(&self, chain: ChainNo) -> u32 {
        self.state.merchants(chain)
    }

    fn has_merchant(&self, chain: ChainNo, merchant: &MerchantId) -> bool {
        self.state.has_merchant(chain, merchant)
    }

    fn list(&self, node: &[u8; 8], index: u64) -> Option<List> {
        self.state.list(node, index)
    }

    fn enrolled(&self, programme: ProgrammeId, pseudonym: &Pseudonym) -> bool {
        self.state.enrolled(programme, pseudonym)
    }

    fn carrier(&self, programme: ProgrammeId, carrier: &CarrierId) -> Vec<Pseudonym> {
        self.state.carrier(programme, carrier)
    }

    fn cancellations(&self, programme: ProgrammeId, carrier: &CarrierId) -> Vec<Option<At>> {
        self.state.cancellations(programme, carrier)
    }

    fn branches(&self, feed: &FeedRef) -> Vec<ChainNo> {
        self.state.branches(feed)
    }

    fn accumulator(&self, chain: ChainNo, next: u64) -> Option<Hash> {
        self.state.accumulator(chain, next)
    }

    fn merchant(&self, chain: ChainNo, number: u32) -> Option<MerchantId> {
        self.state.merchant(chain, number)
    }

    fn shown(&self, feed: &FeedRef) -> Vec<Fact> {
        self.state.shown(feed)
    }

    fn day(&self, chain: ChainNo) -> Option<(u64, DayRow)> {
        self.state.day(chain)
    }

    fn lines(&self, feed: &FeedRef) -> Vec<(At, At)> {
        if self.bug == Bug::SettlesAgain {
            return Vec::new();
        }
        self.state.lines(feed)
    }

    fn settlement(&self, at: At) -> Option<SettlementRow> {
        self.state.settlement(at)
    }

    fn unverified(&self, chain: ChainNo, from: &[u8; 8], commodity: CommodityId) -> Balance {
        self.state.unverified(chain, from, commodity)
    }

    fn sealed(&self, chain: ChainNo, seq: u64) -> Option<Sealed> {
        self.state.sealed(chain, seq)
    }

    fn sealed_over(&self, at: At) -> Option<Sealed> {
        self.state.sealed_over(at)
    }

    fn ended(&self, chain: ChainNo) -> Option<u64> {
        self.state.ended(chain)
    }

    fn revocations(&self, feed: &FeedRef) -> Vec<Revocation> {
        self.state.revocations(feed)
    }

    fn clock_words(&self, node: &[u8; 8]) -> Vec<ClockWord> {
        self.state.clock_words(node)
    }

    fn told(&self, about: &Commitment) -> Vec<Told> {
        self.state.told(about)
    }

    fn float_used(&self, chain: ChainNo, commodity: CommodityId, span: FloatSpan) -> Balance {
        if self.bug == Bug::CapsUnchecked {
            return Balance::ZERO;
        }
        self.state.float_used(chain, commodity, span)
    }
}
