//! What purses were issued: for whoever draws up another list of the same cycle.

use annona_ledger::amount::Amount;
use annona_ledger::entry::{Owner, Value};
use annona_ledger::id::{CycleId, Purse};
use annona_ledger::view::{LotRow, Opened, View};

use super::rows::SLOT;
use super::work::{Work, read_lot};

impl Work<'_> {
    /// Tells of each lot of a cycle that was issued to a purse, whatever is left of it, and of how many units it was issued
    /// with: `None` where the entry that says so was left behind by a checkpoint.
    pub fn issued(&self, cycle: CycleId, mut each: impl FnMut(Purse, &LotRow, Option<Amount>)) {
        let flushed = self.flush();
        self.kept(flushed);
        let sql = format!("SELECT at, {SLOT} FROM slot WHERE purse IS NOT NULL AND cycle={cycle}");
        self.each(&sql, |row| {
            if let Some((at, lot)) = read_lot(row)?
                && let (Owner::Purse(purse), Opened::Issue) = (lot.owner, lot.opened)
            {
                let amount = match self.entry(at) {
                    Some(Value::Issue { amount, .. }) => Some(amount),
                    _ => None,
                };
                each(purse, &lot, amount);
            }
            Ok(())
        });
    }
}
