//! What a hurried or dishonest person might ask.

use annona_ledger::admit::Draft;
use annona_ledger::amount::Amount;
use annona_ledger::entry::{Entry, Owner, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CommodityId, CycleId, MerchantId, ProgrammeId};
use annona_ledger::time::Minute;

use super::amount;
use crate::world::World;

impl World {
    /// Makes something of a draft that a hurried or dishonest person might ask.
    pub(super) fn spoil(&mut self, draft: &mut Draft) {
        let Entry::Value(value) = &mut draft.entry else { return };
        let (which, far) = (self.rng.below(8), self.rng.bits() % 400);
        let other = match self.rng.below(4) {
            0 => Amount::ZERO,
            1 => Amount::MAX,
            _ => amount(self.rng.between(1, 300)),
        };
        let stranger = self.rng.handle();
        let family = self.rng.below(self.cast.families.len());
        let purse = self.cast.families[family].purse[0];
        match value {
            Value::Merchant { merchant } if which < 4 => *merchant = MerchantId(stranger),
            Value::Issue { from, list, row, purse: to, amount, at, .. } => match which {
                0 => from.0 = far,
                1 => *list = far % 6,
                2 => *row += 1,
                3 => *to = purse,
                4 => *at = Minute(at.0.saturating_sub(3_000)),
                5 => draft.row = None,
                _ => *amount = other,
            },
            Value::Send(send) => match which {
                0 => send.from.0 = far,
                1 => send.to.copy_from_slice(&stranger[..8]),
                2 => send.owner = Owner::Purse(purse),
                3 => send.cycle = CycleId(7),
                4 => send.commodity = CommodityId(9),
                5 => send.at = Minute(send.at.0.saturating_sub(3_000)),
                _ => send.amount = other,
            },
            Value::Redeem { lot, amount, merchant, at, .. }
            | Value::Hold { lot, amount, merchant, at, .. } => match which {
                0 | 1 => lot.0 = far,
                2 => *merchant = 77,
                3 => *at = Minute(at.0.saturating_sub(3_000)),
                _ => *amount = other,
            },
            Value::Post { hold, .. } | Value::Drop { hold, .. } => *hold = far,
            Value::Refund { redeem, amount, .. } => match which {
                0..3 => *redeem = far,
                _ => *amount = other,
            },
            Value::FloatRedeem { lot, home, amount, merchant, .. } => match which {
                0 => lot.0 = far,
                1 => home.programme = ProgrammeId(home.programme.0 % 2 + 1),
                2 => *merchant = 78,
                _ => *amount = other,
            },
            Value::FloatCover(cover) => match which {
                0 => cover.from.0 = far,
                1 => cover.float.index += 1,
                2 => cover.float.accumulator = Hash([9; 32]),
                _ => cover.amount = other,
            },
            Value::Merchant { .. }
            | Value::Basket { .. }
            | Value::Claim { .. }
            | Value::End { .. }
            | Value::Orphan(_)
            | Value::DayClose { .. }
            | Value::Settle { .. } => {}
        }
    }
}
