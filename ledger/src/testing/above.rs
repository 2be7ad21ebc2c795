//! A state as a node has it that began from a checkpoint, or has dropped what is old.

use std::cell::Cell;

use crate::amount::Balance;
use crate::charter::Charter;
use crate::consent::Told;
use crate::cut::Cut;
use crate::day::DayRow;
use crate::entry::Value;
use crate::feed::Head;
use crate::hash::Hash;
use crate::id::{CarrierId, Commitment, CommodityId, FeedRef, MerchantId, ProgrammeId, Pseudonym};
use crate::list::List;
use crate::notice::Roster;
use crate::orphan::Fact;
use crate::settlement::SettlementRow;
use crate::state::State;
use crate::time::Minute;
use crate::view::{
    At, Chain, ChainNo, ClockWord, FloatRow, FloatSpan, Floor, HoldRow, Revocation, Sealed, Slot,
    TicketRow, Use, View,
};

/// All that a state knows but the entries below an index, and their accumulators. Witnesses have cosigned every feed so
/// far as it says. Counts how often entries, accumulators and lines of settlements were looked at.
pub(crate) struct Above<'a> {
    pub(crate) state: &'a State,
    pub(crate) first: u64,
    /// Whether it has the headers of what is below: it was dropped here, and did not come as rows.
    pub(crate) headers: bool,
    pub(crate) cosigned: Option<Cut>,
    pub(crate) looked: Cell<usize>,
}

impl<'a> Above<'a> {
    pub(crate) const fn of(state: &'a State, first: u64) -> Self {
        Self { state, first, headers: true, cosigned: None, looked: Cell::new(0) }
    }

    fn look(&self, times: usize) {
        self.looked.set(self.looked.get() + times);
    }
}

macro_rules! as_the_state {
    ($($name:ident($($arg:ident: $of:ty),*) -> $out:ty;)*) => {
        $(fn $name(&self, $($arg: $of),*) -> $out {
            self.state.$name($($arg),*)
        })*
    };
}

impl View for Above<'_> {
    fn entry(&self, at: At) -> Option<Value> {
        self.look(1);
        self.state.entry(at).filter(|_| at.index >= self.first)
    }

    fn accumulator(&self, chain: ChainNo, next: u64) -> Option<Hash> {
        self.look(1);
        // That of the beginning is nobody's secret.
        self.state.accumulator(chain, next).filter(|_| next == 0 || next >= self.first)
    }

    fn lines(&self, feed: &FeedRef) -> Vec<(At, At)> {
        let lines = self.state.lines(feed);
        self.look(lines.len());
        lines
    }

    fn floor(&self, chain: ChainNo) -> Floor {
        let below =
            |seq: &u64| self.state.sealed(chain, *seq).is_some_and(|b| b.next <= self.first);
        Floor { blocks: (0..).take_while(below).count() as u64, next: self.first }
    }

    fn sealed(&self, chain: ChainNo, seq: u64) -> Option<Sealed> {
        self.state.sealed(chain, seq).filter(|block| self.headers || block.next > self.first)
    }

    fn certified(&self, _: &FeedRef) -> Option<Cut> {
        self.cosigned
    }

    as_the_state! {
        charter() -> &Charter;
        roster() -> &Roster;
        chain(chain: ChainNo) -> Chain;
        head(chain: ChainNo) -> Head;
        last_stamp(chain: ChainNo) -> Minute;
        faulty(feed: &FeedRef) -> bool;
        slot(at: At) -> Option<Slot>;
        hold(at: At) -> Option<HoldRow>;
        ticket(name: &Hash) -> Option<TicketRow>;
        float(name: &Hash) -> Option<FloatRow>;
        uses(what: &Use) -> Vec<At>;
        merchants(chain: ChainNo) -> u32;
        has_merchant(chain: ChainNo, merchant: &MerchantId) -> bool;
        list(node: &[u8; 8], index: u64) -> Option<List>;
        enrolled(programme: ProgrammeId, pseudonym: &Pseudonym) -> bool;
        carrier(programme: ProgrammeId, carrier: &CarrierId) -> Vec<Pseudonym>;
        cancellations(programme: ProgrammeId, carrier: &CarrierId) -> Vec<Option<At>>;
        unverified(chain: ChainNo, from: &[u8; 8], commodity: CommodityId) -> Balance;
        branches(feed: &FeedRef) -> Vec<ChainNo>;
        sealed_over(at: At) -> Option<Sealed>;
        halted(chain: ChainNo) -> Option<u64>;
        ended(chain: ChainNo) -> Option<u64>;
        revocations(feed: &FeedRef) -> Vec<Revocation>;
        clock_words(node: &[u8; 8]) -> Vec<ClockWord>;
        merchant(chain: ChainNo, number: u32) -> Option<MerchantId>;
        shown(feed: &FeedRef) -> Vec<Fact>;
        day(chain: ChainNo) -> Option<(u64, DayRow)>;
        settlement(at: At) -> Option<SettlementRow>;
        told(about: &Commitment) -> Vec<Told>;
        float_used(chain: ChainNo, commodity: CommodityId, span: FloatSpan) -> Balance;
    }
}
