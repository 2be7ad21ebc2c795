//! What an entry may hold: numbers, words of closed lists, names of a fixed size. No text, no bytes of free length, no map.
//!
//! Every field of every entry is taken apart below and must be [`Fixed`], which nobody outside this file can make anything
//! be. A field of another kind does not build; a new field does not build until it stands here.
//!
//! ```
//! use annona_ledger::fixed::fixed;
//! fixed(&7u64);
//! fixed(&annona_ledger::id::Purse([0; 16]));
//! ```
//!
//! A name, a photograph, a template and a bag of fields do not fit. Each is there, so that nothing but its kind keeps it out:
//!
//! ```
//! let name = String::from("Amina");
//! let photograph = vec![0xffu8, 0xd8, 0xff];
//! let template = [0u8; 512];
//! let fields = std::collections::BTreeMap::<u8, u8>::new();
//! let bytes = annona_ledger::wire::Bytes::<64>::default();
//! ```
//!
//! ```compile_fail
//! let name = String::from("Amina");
//! annona_ledger::fixed::fixed(&name);
//! ```
//!
//! ```compile_fail
//! let photograph = vec![0xffu8, 0xd8, 0xff];
//! annona_ledger::fixed::fixed(&photograph);
//! ```
//!
//! ```compile_fail
//! let template = [0u8; 512];
//! annona_ledger::fixed::fixed(&template);
//! ```
//!
//! ```compile_fail
//! let fields = std::collections::BTreeMap::<u8, u8>::new();
//! annona_ledger::fixed::fixed(&fields);
//! ```
//!
//! ```compile_fail
//! let bytes = annona_ledger::wire::Bytes::<64>::default();
//! annona_ledger::fixed::fixed(&bytes);
//! ```
//!
//! Nor is a kind made to fit from outside:
//!
//! ```
//! trait Fixed {}
//! struct Face([u8; 16]);
//! impl Fixed for Face {}
//! ```
//!
//! ```compile_fail
//! struct Face([u8; 16]);
//! impl annona_ledger::fixed::Fixed for Face {}
//! ```

use crate::amount::Amount;
use crate::consent::{
    Attributes, GrievanceStep, Outcome, People, Purpose, RefusalClass, Verdict, Withdrawal,
};
use crate::cut::{Cut, Reason};
use crate::day::Day;
use crate::entry::{
    CarrierKind, Control, CycleKey, Entry, FloatCover, List, Lot, Method, Owner, Registry, Send,
    Value, Wrapped,
};
use crate::hash::Hash;
use crate::id::{
    CarrierId, Commitment, CommodityId, CycleId, EntryName, FeedRef, MerchantId, OrgId,
    ProgrammeId, Pseudonym, Purse, SlipId,
};
use crate::orphan::Orphan;
use crate::settlement::Settling;
use crate::statement::Stated;
use crate::ticket::Ticket;
use crate::time::{DayNo, Minute};

mod sealed {
    #[expect(unnameable_types, reason = "whoever could name it could make anything be it")]
    pub trait Sealed {}
}

/// What a field of an entry may be.
pub trait Fixed: sealed::Sealed {}

/// Takes nothing but what a field of an entry may be.
pub fn fixed<T: Fixed>(_: &T) {}

macro_rules! fixed {
    ($($kind:ty),* $(,)?) => {
        $(impl sealed::Sealed for $kind {}
        impl Fixed for $kind {})*
    };
}

fixed!(u8, u16, u32, u64, bool, [u8; 8]);
fixed!(Amount, Minute, DayNo, Hash, Lot, Owner, Method, CarrierKind, Cut, Reason, Stated, Wrapped);
fixed!(FeedRef, EntryName, MerchantId, Purse, Pseudonym, CarrierId, SlipId, Commitment);
fixed!(ProgrammeId, CycleId, CommodityId, OrgId);
fixed!(Attributes, Outcome, Purpose, RefusalClass, Verdict, Withdrawal);
// Bounded lists of the above, and entries again, signed by others: `spec/shape.snap` is walked for them.
fixed!(Box<Ticket>, Box<Orphan>, Box<Day>, Box<Settling>, Box<List>);

macro_rules! all {
    ($($field:ident)*) => {{ $(fixed($field);)* }};
}

/// Takes an entry apart, to its last field. It does nothing: that it builds is the proof.
pub fn entry(entry: &Entry) {
    match entry {
        Entry::Value(of) => value(of),
        Entry::Registry(of) => registry(of),
        Entry::Control(of) => control(of),
        // Of a later version: only what an article has let in, and no larger (spec/entries.md).
        Entry::Later(_) => {}
    }
}

fn value(value: &Value) {
    match value {
        Value::Merchant { merchant } => all!(merchant),
        Value::Issue { from, list, row, purse, amount, expires, at } => {
            all!(from list row purse amount expires at);
        }
        Value::Send(Send { from, to, owner, cycle, commodity, amount, expires, at }) => {
            all!(from to owner cycle commodity amount expires at);
        }
        Value::Claim { ticket, at } => all!(ticket at),
        Value::Redeem { lot, amount, merchant, at, method } => {
            all!(lot amount merchant at method);
        }
        Value::Hold { lot, amount, merchant, until, at } => all!(lot amount merchant until at),
        Value::Post { hold, at, method } => all!(hold at method),
        Value::Drop { hold, at } => all!(hold at),
        Value::Basket { entries } => all!(entries),
        Value::Refund { redeem, amount, at } => all!(redeem amount at),
        Value::FloatRedeem { lot, home, purse, amount, merchant, at, method } => {
            all!(lot home purse amount merchant at method);
        }
        Value::FloatCover(FloatCover { from, float, cycle, commodity, amount, at }) => {
            all!(from float cycle commodity amount at);
        }
        Value::End { at } => all!(at),
        Value::Orphan(orphan) => all!(orphan),
        Value::DayClose { day, at } => all!(day at),
        Value::Settle { settling, at } => all!(settling at),
    }
}

fn registry(registry: &Registry) {
    match registry {
        Registry::Enrol { pseudonym, at } => all!(pseudonym at),
        Registry::CarrierBound { pseudonym, carrier, kind, at } => {
            all!(pseudonym carrier kind at);
        }
        Registry::CarrierCancelled { carrier, at } => all!(carrier at),
        Registry::People(of) => people(of),
    }
}

fn people(people: &People) {
    match people {
        People::ConsentGiven { commitment, issuer, expires, on } => {
            all!(commitment issuer expires on);
        }
        People::ConsentWithdrawn { commitment, reason, on } => all!(commitment reason on),
        People::Disclosed { commitment, grant, recipient, purpose, attributes, on } => {
            all!(commitment grant recipient purpose attributes on);
        }
        People::Erased { commitment, on } => all!(commitment on),
        People::Refused { class, rule, slip, on } => all!(class rule slip on),
        People::Grievance { commitment, step, on } => {
            all!(commitment on);
            match step {
                GrievanceStep::Opened { decider, due }
                | GrievanceStep::Referred { decider, due }
                | GrievanceStep::Appealed { decider, due } => all!(decider due),
                GrievanceStep::Decided { outcome, word }
                | GrievanceStep::AppealDecided { outcome, word } => all!(outcome word),
                GrievanceStep::TakenBack => {}
            }
        }
        People::Pair { pair, verdict, on } => all!(pair verdict on),
    }
}

fn control(control: &Control) {
    match control {
        Control::List(list) => all!(list),
        Control::FaultSeen { feed, index, proof } => all!(feed index proof),
        Control::Revoke { feed, cut, reason, at } => all!(feed cut reason at),
        Control::ClockAnswer { clock, word, at } => all!(clock word at),
        Control::CycleKey(given) => {
            let CycleKey { programme, cycle, node, key, sealed, at } = &**given;
            all!(programme cycle node key sealed at);
        }
        Control::ErasureSeen { erased, on } => all!(erased on),
    }
}
