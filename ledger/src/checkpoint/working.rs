//! What a node needs, beside charter and notices, to go on from a checkpoint: every row of its state as the fold reads it.
//!
//! State proper names no places, since places depend on which branch came first; here every feed has one chain, and a
//! place is a feed and an index. Feeds that forked are read from their blocks.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::amount::{Amount, Balance};
use crate::consent::{Said, Told};
use crate::cut::{Cut, Reason};
use crate::day::DayRow;
use crate::entry::{CarrierKind, Lot, Owner};
use crate::feed::Head;
use crate::hash::Hash;
use crate::id::{
    CarrierId, CommodityId, CycleId, EntryName, FeedId, FeedRef, MerchantId, ProgrammeId,
    Pseudonym, Purse,
};
use crate::key::PublicKey;
use crate::leaf::LeafId;
use crate::limits;
use crate::list::List;
use crate::settlement::{Net, SettlementRow, Step};
use crate::time::Minute;
use crate::view::{
    At, ChainNo, Change, ClockWord, Fault, FloatRow, HoldRow, LotRow, Opened, Pool, PoolKey,
    Revocation, Slot, TicketRow, Use,
};
use crate::wire::{self, Bounded, Bytes, WireFault};

/// A place: a feed that never forked, and an index.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Spot {
    /// The feed.
    pub feed: FeedRef,
    /// The index.
    pub index: u64,
}

/// Something that is used once ([`Use`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Used {
    /// A ticket, by its name.
    Ticket(Hash),
    /// A float redemption, by its name.
    Float(Hash),
    /// A redemption.
    Redemption(Spot),
    /// A hold.
    Hold(Spot),
    /// A row of a list.
    Row {
        /// The node on whose control feed the list stands.
        node: [u8; 8],
        /// The list.
        list: u64,
        /// The row.
        row: u32,
    },
}

/// One working row. Variants are only ever added at the end; their numbers are the tables of spec/checkpoints.md.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Working {
    /// How far a feed is folded.
    Chain {
        /// The feed.
        feed: FeedId,
        /// Blocks.
        blocks: u64,
        /// The head after them.
        head: Head,
        /// The newest stamp.
        stamp: Minute,
    },
    /// A merchant a feed has named.
    Merchant {
        /// The feed.
        feed: FeedRef,
        /// Its number there.
        number: u32,
        /// The merchant.
        merchant: MerchantId,
    },
    /// A lot, at the entry that opened it.
    Lot {
        /// Where.
        at: Spot,
        /// [`LotRow::origin`].
        origin: Hash,
        /// Whom it is for.
        owner: Owner,
        /// The cycle.
        cycle: CycleId,
        /// The commodity.
        commodity: CommodityId,
        /// What is left.
        balance: i128,
        /// What is held of it.
        held: i128,
        /// Its last minute.
        expires: Minute,
        /// How it was opened: issue 0, claim 1, refund 2, unbacked 3, waiting 4.
        opened: u8,
    },
    /// An entry that opened a lot once more.
    Same {
        /// Where.
        at: Spot,
        /// Where it was opened first.
        first: Spot,
    },
    /// A pool.
    Pool {
        /// The node.
        node: [u8; 8],
        /// The cycle.
        cycle: CycleId,
        /// The commodity.
        commodity: CommodityId,
        /// [`Pool::lots`], [`Pool::arriving`], [`Pool::redeemed`].
        sums: [i128; 3],
    },
    /// A ticket.
    Ticket {
        /// Its name.
        name: Hash,
        /// The sender.
        from: Option<[u8; 8]>,
        /// Its index there.
        index: u64,
        /// The lot it was drawn on.
        lot: Lot,
        /// The receiver.
        to: [u8; 8],
        /// Whom it is for.
        owner: Owner,
        /// The cycle.
        cycle: CycleId,
        /// The commodity.
        commodity: CommodityId,
        /// How much.
        amount: Amount,
        /// When it should rather go back.
        expires: Minute,
        /// Whether its entry is folded.
        placed: bool,
        /// Where it was claimed.
        claimed: Option<Spot>,
    },
    /// A hold.
    Hold {
        /// Where.
        at: Spot,
        /// The lot.
        lot: Spot,
        /// How much.
        amount: Amount,
        /// The merchant.
        merchant: u32,
        /// The last minute.
        until: Minute,
    },
    /// A use.
    Used {
        /// Of what.
        what: Used,
        /// By the entry here.
        at: Spot,
    },
    /// A float redemption.
    Float {
        /// Where.
        at: Spot,
        /// Its name.
        accumulator: Hash,
        /// The purse's home.
        home: FeedRef,
        /// The purse.
        purse: Purse,
        /// The cycle.
        cycle: CycleId,
        /// The commodity.
        commodity: CommodityId,
        /// How much.
        amount: Amount,
        /// When.
        stamp: Minute,
    },
    /// An enrolment.
    Enrolled(Pseudonym),
    /// A carrier's binding.
    Carrier(CarrierId, Pseudonym, CarrierKind),
    /// A carrier's cancellation, as checkpoints told it that kept no places: written on by whoever began from one.
    Cancelled(CarrierId),
    /// A list.
    List {
        /// The node.
        node: [u8; 8],
        /// The index on its control feed.
        index: u64,
        /// The list.
        list: Box<List>,
    },
    /// A claim that waits for a sender's certificate.
    Waiting {
        /// The sender.
        node: [u8; 8],
        /// The claim.
        at: Spot,
    },
    /// A fault.
    Fault {
        /// Where.
        at: Spot,
        /// Its number.
        number: u8,
    },
    /// An entry that later ones may refer back to: what opened a lot, a hold, what handed out or posted, a line or step of
    /// a settlement.
    Entry {
        /// Where.
        at: Spot,
        /// Its bytes.
        bytes: Bytes<{ limits::ENTRY_BYTES }>,
    },
    /// What a node said against a feed.
    Revoked {
        /// The feed.
        feed: FeedRef,
        /// The node.
        by: [u8; 8],
        /// Where it cut.
        cut: Cut,
        /// Why.
        reason: Reason,
    },
    /// The end of a feed.
    Ended {
        /// Where.
        at: Spot,
        /// The accumulator after it.
        accumulator: Hash,
    },
    /// An operator's word about a clock.
    ClockWord {
        /// The node.
        node: [u8; 8],
        /// What its clock showed.
        clock: Minute,
        /// Who said that it was right.
        operator: PublicKey,
    },
    /// A piece of an entry of a feed that was shown, which may be longer than a row.
    Shown {
        /// The feed.
        feed: FeedRef,
        /// The entry's index.
        index: u64,
        /// Its leaf.
        leaf: Hash,
        /// Its name; zeros where nobody knows it.
        name: Hash,
        /// Which piece of its bytes, from zero; each but the last is as long as one can be.
        piece: u8,
        /// The piece.
        bytes: Bytes<{ limits::ENTRY_BYTES }>,
    },
    /// The opening or closing of a day.
    Day {
        /// Where.
        at: Spot,
        /// [`DayRow::name`].
        name: Hash,
        /// [`DayRow::first`].
        first: u64,
        /// [`DayRow::closed`].
        closed: Option<Hash>,
    },
    /// A line that a draft froze.
    Line {
        /// The feed it concerns.
        feed: FeedRef,
        /// The line.
        line: Spot,
        /// The draft.
        draft: Spot,
    },
    /// A settlement, without its steps.
    Settlement {
        /// Its draft.
        at: Spot,
        /// [`SettlementRow::name`].
        name: Hash,
        /// [`SettlementRow::first`].
        first: u64,
        /// [`SettlementRow::root`].
        root: Hash,
        /// [`SettlementRow::rows`].
        rows: u32,
        /// [`SettlementRow::totals`].
        totals: Bounded<Net, { limits::SETTLE_TOTALS }>,
    },
    /// A step of a settlement.
    Step {
        /// The draft.
        draft: Spot,
        /// The step.
        at: Spot,
        /// Which.
        step: Step,
        /// By whom.
        operator: PublicKey,
        /// Its stamp.
        stamp: Minute,
    },
    /// What was said about people.
    Told {
        /// The node that said it.
        by: [u8; 8],
        /// What.
        said: Said,
    },
    /// A piece of an entry as [`Working::Entry`], longer than a row: a claim with what its lot went through.
    Long {
        /// Where.
        at: Spot,
        /// Which piece of its bytes, from zero; each but the last is as long as one can be.
        piece: u8,
        /// The piece.
        bytes: Bytes<{ limits::ENTRY_BYTES }>,
    },
    /// A carrier's cancellation.
    CancelledAt {
        /// The carrier.
        carrier: CarrierId,
        /// Where it was said.
        at: Spot,
    },
}

/// The number an [`Opened`] has in a row.
#[must_use]
pub const fn opened_number(opened: Opened) -> u8 {
    match opened {
        Opened::Issue => 0,
        Opened::Claim => 1,
        Opened::Refund => 2,
        Opened::Unbacked => 3,
        Opened::Waiting => 4,
    }
}

const fn opened(number: u8) -> Option<Opened> {
    match number {
        0 => Some(Opened::Issue),
        1 => Some(Opened::Claim),
        2 => Some(Opened::Refund),
        3 => Some(Opened::Unbacked),
        4 => Some(Opened::Waiting),
        _ => None,
    }
}

impl Working {
    /// The row's bytes, as they enter the working root.
    #[must_use]
    pub fn row(&self, programme: ProgrammeId) -> Vec<u8> {
        let mut bytes = LeafId { programme, cycle: CycleId(0) }.bytes().to_vec();
        bytes.extend_from_slice(&wire::encode(self));
        bytes
    }

    /// Reads a row back, with its programme.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where it is no working row.
    pub fn of_row(row: &[u8]) -> Result<(ProgrammeId, Self), WireFault> {
        let id = LeafId::of(row);
        if id.cycle != CycleId(0) {
            return Err(WireFault::Malformed);
        }
        let rest = row.get(id.bytes().len()..).unwrap_or_default();
        Ok((id.programme, wire::decode(rest, limits::ROW_BYTES)?))
    }

    /// What the row says, as a change of a view whose chains `chain` tells. `None` for chains, entries, pieces and
    /// steps, which a view keeps in its own way, and for rows of feeds it has no chain for.
    #[must_use]
    pub fn change(
        &self,
        programme: ProgrammeId,
        chain: impl Fn(&FeedRef) -> Option<ChainNo>,
    ) -> Option<Change> {
        let at = |spot: &Spot| Some(At { chain: chain(&spot.feed)?, index: spot.index });
        Some(match self {
            Self::Chain { .. }
            | Self::Entry { .. }
            | Self::Long { .. }
            | Self::Shown { .. }
            | Self::Step { .. } => return None,
            Self::Day { at: spot, name, first, closed } => {
                let row = DayRow { name: *name, first: *first, closed: *closed };
                Change::Day(at(spot)?, row)
            }
            Self::Line { feed, line, draft } => {
                Change::Line { feed: *feed, line: at(line)?, draft: at(draft)? }
            }
            Self::Settlement { at: spot, name, first, root, rows, totals } => {
                let row = SettlementRow {
                    name: *name,
                    first: *first,
                    root: *root,
                    rows: *rows,
                    totals: totals.clone(),
                    by: BTreeSet::new(),
                };
                Change::Settlement(at(spot)?, Box::new(row))
            }
            Self::Merchant { feed, merchant, .. } => Change::Merchant(chain(feed)?, *merchant),
            Self::Lot {
                at: spot,
                origin,
                owner,
                cycle,
                commodity,
                balance,
                held,
                expires,
                opened: number,
            } => {
                let row = LotRow {
                    origin: *origin,
                    owner: *owner,
                    cycle: *cycle,
                    commodity: *commodity,
                    balance: Balance::of(*balance),
                    held: Balance::of(*held),
                    expires: *expires,
                    opened: opened(*number)?,
                };
                Change::Slot(at(spot)?, Slot::Lot(row))
            }
            Self::Same { at: spot, first } => Change::Slot(at(spot)?, Slot::Same(at(first)?)),
            Self::Pool { node, cycle, commodity, sums: [lots, arriving, redeemed] } => {
                let key = PoolKey { node: *node, programme, cycle: *cycle, commodity: *commodity };
                let pool = Pool {
                    lots: Balance::of(*lots),
                    arriving: Balance::of(*arriving),
                    redeemed: Balance::of(*redeemed),
                };
                Change::Pool(key, pool)
            }
            Self::Ticket {
                name,
                from,
                index,
                lot,
                to,
                owner,
                cycle,
                commodity,
                amount,
                expires,
                placed,
                claimed,
            } => {
                let claimed = match claimed {
                    Some(spot) => Some(at(spot)?),
                    None => None,
                };
                let row = TicketRow {
                    programme,
                    from: *from,
                    index: *index,
                    lot: *lot,
                    to: *to,
                    owner: *owner,
                    cycle: *cycle,
                    commodity: *commodity,
                    amount: *amount,
                    expires: *expires,
                    placed: *placed,
                    claimed,
                };
                Change::Ticket(*name, row)
            }
            Self::Hold { at: spot, lot, amount, merchant, until } => {
                let (lot, amount, merchant, until) = (at(lot)?, *amount, *merchant, *until);
                Change::Hold(at(spot)?, HoldRow { lot, amount, merchant, until })
            }
            Self::Used { what, at: spot } => {
                let what = match what {
                    Used::Ticket(name) => Use::Ticket(*name),
                    Used::Float(name) => Use::Float(*name),
                    Used::Redemption(spot) => Use::Redemption(at(spot)?),
                    Used::Hold(spot) => Use::Hold(at(spot)?),
                    Used::Row { node, list, row } => {
                        Use::Row { node: *node, list: *list, row: *row }
                    }
                };
                Change::Used(what, at(spot)?)
            }
            Self::Float { at: spot, accumulator, home, purse, cycle, commodity, amount, stamp } => {
                let name =
                    EntryName { feed: spot.feed, index: spot.index, accumulator: *accumulator };
                let row = FloatRow {
                    at: at(spot)?,
                    name,
                    home: *home,
                    purse: *purse,
                    cycle: *cycle,
                    commodity: *commodity,
                    amount: *amount,
                    stamp: *stamp,
                };
                Change::Float(*accumulator, row)
            }
            Self::Enrolled(who) => Change::Enrolled(programme, *who),
            Self::Carrier(carrier, who, kind) => {
                Change::CarrierBound(programme, *carrier, *who, *kind)
            }
            Self::Cancelled(carrier) => Change::CarrierCancelled(programme, *carrier, None),
            Self::CancelledAt { carrier, at: spot } => {
                Change::CarrierCancelled(programme, *carrier, Some(at(spot)?))
            }
            Self::List { node, index, list } => Change::List(*node, *index, list.clone()),
            Self::Waiting { node, at: spot } => Change::Waiting(*node, at(spot)?),
            Self::Revoked { feed, by, cut, reason } => {
                let (feed, by, cut, reason) = (*feed, *by, *cut, *reason);
                Change::Revoked(Revocation { feed, by, cut, reason })
            }
            Self::Ended { at: spot, accumulator } => Change::Ended(at(spot)?, *accumulator),
            Self::ClockWord { node, clock, operator } => {
                let (node, clock, operator) = (*node, *clock, *operator);
                Change::ClockAnswered(ClockWord { node, clock, operator })
            }
            Self::Told { by, said } => Change::Told(Told { programme, by: *by, said: *said }),
            Self::Fault { at: spot, number } => Change::Fault(at(spot)?, Fault::of(*number)?),
        })
    }
}
