//! What a feed can say: one enum per lane. Entries hold enums, integers and fixed-size names only: there is no text,
//! no byte string and no map in which a name, a photograph or a fingerprint could travel.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::consent::People;
use crate::cut::{Cut, Reason};
use crate::day::Day;
use crate::hash::Hash;
use crate::id::{
    CarrierId, Commitment, CommodityId, CycleId, EntryName, FeedRef, Lane, MerchantId, ProgrammeId,
    Pseudonym, Purse,
};
use crate::key::{PublicKey, Signature};
use crate::limits;
use crate::orphan::Orphan;
use crate::settlement::Settling;
use crate::statement::Stated;
use crate::ticket::Ticket;
use crate::time::{DayNo, Minute};
use crate::wire::{self, Bounded, Bytes, WireFault};

/// The index, within its own feed, of the entry that opened a lot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Lot(pub u64);

/// Whom the units of a lot are for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Owner {
    /// Nobody yet: a budget from which lists are issued.
    Budget,
    /// Nobody yet: the offline allowance of a site.
    Float,
    /// Nobody yet: set aside for the families of another feed.
    Reserve,
    /// One holder's purse.
    Purse(Purse),
}

/// How the holder was authenticated. Never a body, never its image.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Method {
    /// A PIN.
    Pin,
    /// A card, and a look at who carries it.
    Sight,
    /// A community witness.
    Witness,
    /// A named collector.
    Collector,
    /// A supervisor's override, with a reason kept off the ledger.
    Override,
    /// A yes or no by an outside biometric system.
    Attested,
    /// A signature by the holder's own card or phone.
    Signed,
    /// Another adult of the household.
    Adult,
    /// Two of staff, up to a cap.
    Desk,
    /// An emergency voucher on paper.
    Voucher,
}

impl Method {
    /// Every method, by number.
    pub const ALL: [Self; 10] = [
        Self::Pin,
        Self::Sight,
        Self::Witness,
        Self::Collector,
        Self::Override,
        Self::Attested,
        Self::Signed,
        Self::Adult,
        Self::Desk,
        Self::Voucher,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pin => "PIN",
            Self::Sight => "sight",
            Self::Witness => "witness",
            Self::Collector => "collector",
            Self::Override => "override",
            Self::Attested => "attested",
            Self::Signed => "signed",
            Self::Adult => "adult",
            Self::Desk => "desk",
            Self::Voucher => "voucher",
        }
    }

    /// Whether it asks anything of a body.
    #[must_use]
    pub const fn needs_a_body(self) -> bool {
        matches!(self, Self::Attested)
    }

    /// Whether it is an exception: an audit counts it for each terminal.
    #[must_use]
    pub const fn is_exception(self) -> bool {
        !matches!(self, Self::Pin | Self::Sight | Self::Signed)
    }
}

/// Facts about value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Value {
    /// Names a merchant for this feed. Redemptions name it by its place among these entries, from zero.
    Merchant {
        /// The merchant.
        merchant: MerchantId,
    },
    /// Opens a purse's lot out of a budget or reserve lot.
    Issue {
        /// The budget or reserve lot.
        from: Lot,
        /// The list that backs it: index of its `List` in this node's control feed.
        list: u64,
        /// The row of that list.
        row: u32,
        /// The purse.
        purse: Purse,
        /// How much.
        amount: Amount,
        /// The last minute in which it may be redeemed.
        expires: Minute,
        /// The author's stamp.
        at: Minute,
    },
    /// Sends units to another feed. The promise of this entry is the ticket.
    Send(Send),
    /// Takes up a ticket addressed to this feed, which it carries.
    Claim {
        /// The ticket.
        ticket: Box<Ticket>,
        /// The author's stamp.
        at: Minute,
    },
    /// Hands out goods against a lot.
    Redeem {
        /// The lot.
        lot: Lot,
        /// How much.
        amount: Amount,
        /// The merchant, by its place among this feed's `Merchant` entries.
        merchant: u32,
        /// The author's stamp.
        at: Minute,
        /// How the holder was authenticated.
        method: Method,
    },
    /// Sets units of a lot aside for one redemption.
    Hold {
        /// The lot.
        lot: Lot,
        /// How much.
        amount: Amount,
        /// The merchant.
        merchant: u32,
        /// The last minute in which it may be posted.
        until: Minute,
        /// The author's stamp.
        at: Minute,
    },
    /// Redeems a hold, whole.
    Post {
        /// Index of the `Hold` in this feed.
        hold: u64,
        /// The author's stamp.
        at: Minute,
        /// How the holder was authenticated.
        method: Method,
    },
    /// Lets a hold go.
    Drop {
        /// Index of the `Hold` in this feed.
        hold: u64,
        /// The author's stamp.
        at: Minute,
    },
    /// Binds the next `entries` entries: all were accepted, or none.
    Basket {
        /// How many entries follow.
        entries: u8,
    },
    /// Takes goods of a redemption back: opens a new lot of the same purse.
    Refund {
        /// Index of the `Redeem`, or of the `Post`, in this feed.
        redeem: u64,
        /// How much, at most what was redeemed. Once per redemption.
        amount: Amount,
        /// The author's stamp.
        at: Minute,
    },
    /// Hands out goods against the site's own allowance, for a purse whose home cannot be reached.
    FloatRedeem {
        /// The float lot.
        lot: Lot,
        /// The purse's home feed: it alone may cover this.
        home: FeedRef,
        /// The purse.
        purse: Purse,
        /// How much.
        amount: Amount,
        /// The merchant.
        merchant: u32,
        /// The author's stamp.
        at: Minute,
        /// How the holder was authenticated.
        method: Method,
    },
    /// The home's answer to a `FloatRedeem`: units of the purse's lot for the float they came from. A ticket.
    FloatCover(FloatCover),
    /// The last entry of a feed: its writer heard of a cut, or hands over. With the feed known up to here, what is left
    /// of it is known exactly.
    End {
        /// The author's stamp.
        at: Minute,
    },
    /// Shows entries of a feed that burnt, by what its own key signed: folding it is also learning them.
    Orphan(Box<Orphan>),
    /// Opens a counter's day, or closes it with what was handed out.
    DayClose {
        /// Which, and the sums.
        day: Box<Day>,
        /// The author's stamp.
        at: Minute,
    },
    /// A line or a step of a settlement: what merchants are to be paid for what they handed out.
    Settle {
        /// The line or step.
        settling: Box<Settling>,
        /// The author's stamp.
        at: Minute,
    },
}

/// Units on their way to another feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Send {
    /// The lot they come from, in the sender's feed.
    pub from: Lot,
    /// The value feed of the same programme they go to, by its node.
    pub to: [u8; 8],
    /// Whom they are for.
    pub owner: Owner,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
    /// The minute from which the receiver should send them back rather than use them; for a purse, also the last
    /// minute in which they may be redeemed.
    pub expires: Minute,
    /// The author's stamp.
    pub at: Minute,
}

/// A purse's units on their way to the float that served it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FloatCover {
    /// The purse's lot, in the home's feed.
    pub from: Lot,
    /// The `FloatRedeem` that is covered.
    pub float: EntryName,
    /// The cycle.
    pub cycle: CycleId,
    /// The commodity.
    pub commodity: CommodityId,
    /// How much.
    pub amount: Amount,
    /// The author's stamp.
    pub at: Minute,
}

/// What kind of carrier a holder was given.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum CarrierKind {
    /// A short code, spoken or written.
    Code,
    /// A printed card.
    Paper,
    /// A card that signs.
    Card,
    /// A phone.
    Phone,
}

/// Facts about who is registered, as pseudonyms.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Registry {
    /// A holder (a person or a household) was registered.
    Enrol {
        /// The holder, in this programme only.
        pseudonym: Pseudonym,
        /// The author's stamp.
        at: Minute,
    },
    /// A carrier was given to a holder.
    CarrierBound {
        /// The holder.
        pseudonym: Pseudonym,
        /// The carrier.
        carrier: CarrierId,
        /// What it is.
        kind: CarrierKind,
        /// The author's stamp.
        at: Minute,
    },
    /// A carrier must not be honoured any more.
    CarrierCancelled {
        /// The carrier.
        carrier: CarrierId,
        /// The author's stamp.
        at: Minute,
    },
    /// Something about a person, without saying who: consent, disclosure, erasure, refusal, complaint.
    People(People),
}

/// One commodity's total in a list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Total {
    /// The commodity.
    pub commodity: CommodityId,
    /// The sum over its rows.
    pub amount: Amount,
}

/// An approval by one operator: certificate number and signature over the list.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// The operator's key.
    pub operator: PublicKey,
    /// Over [`List::signed`], in the operator context.
    pub signature: Signature,
}

/// A frozen distribution list.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct List {
    /// The programme.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
    /// Root of the tree over its rows ([`crate::list::Row`]).
    pub root: Hash,
    /// How many rows.
    pub rows: u32,
    /// The sum of its rows by commodity, ascending.
    pub totals: Bounded<Total, 8>,
    /// Two different operators of the programme's organisation or site, neither of them the node.
    pub approvals: [Approval; 2],
    /// The author's stamp.
    pub at: Minute,
}

/// A key sealed to one node: HPKE's encapsulated key, the key, its tag (spec/entries.md, "Cycle keys").
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Wrapped(pub [[u8; 16]; 5]);

impl Wrapped {
    /// From the 80 bytes in a row.
    #[must_use]
    pub fn of(bytes: &[u8; 80]) -> Self {
        let mut rows = [[0; 16]; 5];
        rows.iter_mut().zip(bytes.chunks_exact(16)).for_each(|(row, of)| row.copy_from_slice(of));
        Self(rows)
    }

    /// The 80 bytes in a row.
    #[must_use]
    pub fn bytes(&self) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes.chunks_exact_mut(16).zip(self.0).for_each(|(of, row)| of.copy_from_slice(&row));
        bytes
    }
}

/// The key that purses of one cycle are derived from, for one node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CycleKey {
    /// The programme.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
    /// Whom it is for.
    pub node: [u8; 8],
    /// A hash of the key, by which the same key is known whoever it is sealed to.
    pub key: Hash,
    /// The key.
    pub sealed: Wrapped,
    /// The author's stamp.
    pub at: Minute,
}

/// Facts that concern every programme.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Control {
    /// A distribution list was frozen.
    List(Box<List>),
    /// A faulty statement was seen: the hash of the published proof.
    FaultSeen {
        /// The feed at fault.
        feed: FeedRef,
        /// The index at which it is at fault.
        index: u64,
        /// Hash of the proof file.
        proof: Hash,
    },
    /// The organisation of a node takes a feed of that node at its word up to a cut, and no further.
    Revoke {
        /// The feed.
        feed: FeedRef,
        /// Up to where.
        cut: Cut,
        /// Why.
        reason: Reason,
        /// The author's stamp.
        at: Minute,
    },
    /// An operator's answer to a node whose clock ran far ahead of all it heard: what the clock showed is right.
    ClockAnswer {
        /// What the clock showed.
        clock: Minute,
        /// Her word: [`crate::statement::Statement::Clock`].
        word: Stated,
        /// The author's stamp.
        at: Minute,
    },
    /// The key of a cycle was given to a node.
    CycleKey(Box<CycleKey>),
    /// This node destroyed its copies of what somebody erased, or never had any.
    ErasureSeen {
        /// That of the erasure.
        erased: Commitment,
        /// The day.
        on: DayNo,
    },
}

/// Facts about who read what. Empty until disclosures exist; the lane is reserved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Access {}

/// The first kind number that belongs to later versions. Entries of these kinds begin with their length, so that who does
/// not know them can keep them and hand them on, once an article has brought in the kind ([`crate::charter::Act`]).
pub const EXTENSION: u8 = 64;

/// An entry of a kind that only later versions know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Later {
    /// The lane of its feed.
    pub lane: Lane,
    /// Its kind, 64 to 127.
    pub kind: u8,
    /// What follows kind and length.
    pub bytes: Bytes<{ limits::LATER_ENTRY_BYTES }>,
}

/// An entry of any lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Entry {
    /// On a value feed.
    Value(Value),
    /// On a registry feed.
    Registry(Registry),
    /// On a control feed.
    Control(Control),
    /// On any feed, of a kind that later versions have brought.
    Later(Later),
}

impl Entry {
    /// Decodes the entry at the front of `bytes` and returns what is left: an entry ends where its value ends.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where the bytes are no entry of this lane, or one over its size limit.
    pub fn take(lane: Lane, bytes: &[u8]) -> Result<(Self, &[u8]), WireFault> {
        let kind = *bytes.first().ok_or(WireFault::Malformed)?;
        let (entry, rest) = match lane {
            _ if (EXTENSION..128).contains(&kind) => {
                let (bytes, rest) = wire::take(bytes.get(1..).unwrap_or_default())?;
                (Self::Later(Later { lane, kind, bytes }), rest)
            }
            Lane::Value => wire::take(bytes).map(|(v, rest)| (Self::Value(v), rest))?,
            Lane::Registry => wire::take(bytes).map(|(r, rest)| (Self::Registry(r), rest))?,
            Lane::Control => wire::take(bytes).map(|(c, rest)| (Self::Control(c), rest))?,
            Lane::Access => return Err(WireFault::Malformed),
        };
        let len = bytes.len().saturating_sub(rest.len());
        let limit = entry.limit();
        if len > limit { Err(WireFault::TooLong { len, limit }) } else { Ok((entry, rest)) }
    }

    /// Decodes one entry from all of `bytes`.
    ///
    /// # Errors
    ///
    /// As [`Entry::take`], and [`WireFault::Trailing`].
    pub fn decode(lane: Lane, bytes: &[u8]) -> Result<Self, WireFault> {
        let limit = limits::CARRYING_ENTRY_BYTES;
        if bytes.len() > limit {
            return Err(WireFault::TooLong { len: bytes.len(), limit });
        }
        let (entry, rest) = Self::take(lane, bytes)?;
        if rest.is_empty() { Ok(entry) } else { Err(WireFault::Trailing(rest.len())) }
    }

    /// The bytes of this entry.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Value(v) => wire::encode(v),
            Self::Registry(r) => wire::encode(r),
            Self::Control(c) => wire::encode(c),
            Self::Later(l) => [&[l.kind][..], &wire::encode(&l.bytes)].concat(),
        }
    }

    /// The lane this entry belongs on.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        match self {
            Self::Value(_) => Lane::Value,
            Self::Registry(_) => Lane::Registry,
            Self::Control(_) => Lane::Control,
            Self::Later(later) => later.lane,
        }
    }

    /// How many bytes an entry like this may have.
    #[must_use]
    pub const fn limit(&self) -> usize {
        match self {
            // A day's statement names every commodity of a programme.
            Self::Value(Value::Claim { .. } | Value::Orphan(_) | Value::DayClose { .. })
            | Self::Later(_) => limits::CARRYING_ENTRY_BYTES,
            Self::Value(_) | Self::Registry(_) | Self::Control(_) => limits::ENTRY_BYTES,
        }
    }

    /// The day an entry says that says no minute.
    #[must_use]
    pub const fn day(&self) -> Option<DayNo> {
        match self {
            Self::Registry(Registry::People(people)) => Some(people.on()),
            Self::Control(Control::ErasureSeen { on, .. }) => Some(*on),
            Self::Value(_) | Self::Registry(_) | Self::Control(_) | Self::Later(_) => None,
        }
    }

    /// Whether its stamp is before one that stands before it in its feed. Who says a day says nothing of its minutes.
    #[must_use]
    pub fn fell(&self, last: Minute) -> bool {
        match self.day() {
            Some(day) => day < DayNo::of(last),
            None => self.stamp().is_some_and(|at| at < last),
        }
    }

    /// The author's stamp, where this kind has one: of an entry that says a day, that day's first minute.
    #[must_use]
    pub fn stamp(&self) -> Option<Minute> {
        match self {
            Self::Value(v) => v.stamp(),
            Self::Registry(Registry::People(people)) => Some(people.on().first()),
            Self::Control(Control::ErasureSeen { on, .. }) => Some(on.first()),
            Self::Registry(
                Registry::Enrol { at, .. }
                | Registry::CarrierBound { at, .. }
                | Registry::CarrierCancelled { at, .. },
            ) => Some(*at),
            Self::Control(Control::List(list)) => Some(list.at),
            Self::Control(Control::Revoke { at, .. } | Control::ClockAnswer { at, .. }) => {
                Some(*at)
            }
            Self::Control(Control::CycleKey(given)) => Some(given.at),
            // Where a later kind has its stamp, this version does not know.
            Self::Control(Control::FaultSeen { .. }) | Self::Later(_) => None,
        }
    }
}

impl Value {
    /// The author's stamp, where this kind has one.
    #[must_use]
    pub fn stamp(&self) -> Option<Minute> {
        match self {
            Self::Issue { at, .. }
            | Self::Send(Send { at, .. })
            | Self::Claim { at, .. }
            | Self::Redeem { at, .. }
            | Self::Hold { at, .. }
            | Self::Post { at, .. }
            | Self::Drop { at, .. }
            | Self::Refund { at, .. }
            | Self::FloatRedeem { at, .. }
            | Self::FloatCover(FloatCover { at, .. })
            | Self::End { at }
            | Self::DayClose { at, .. }
            | Self::Settle { at, .. } => Some(*at),
            Self::Orphan(orphan) => Some(orphan.at),
            Self::Merchant { .. } | Self::Basket { .. } => None,
        }
    }
}

impl From<Value> for Entry {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}

impl From<Registry> for Entry {
    fn from(registry: Registry) -> Self {
        Self::Registry(registry)
    }
}

impl From<Control> for Entry {
    fn from(control: Control) -> Self {
        Self::Control(control)
    }
}
