//! What was issued, held against the lists.

use std::collections::BTreeMap;

use super::Part;
use super::join::Joining;
use super::verdict::Problem;
use crate::amount::Balance;
use crate::id::Lane;
use crate::list::List;

impl Joining {
    /// Every issue must name a row of a good list of the same node, and a list gives no more than it has.
    pub(super) fn lists(&mut self, parts: &[Part]) {
        let mut controls = BTreeMap::new();
        for part in parts.iter().filter(|part| part.feed.lane == Lane::Control) {
            controls.entry(part.feed.node.short()).or_insert(&part.outcome.lists.frozen);
        }
        for part in parts.iter().filter(|part| part.feed.lane == Lane::Value) {
            let frozen = controls.get(&part.feed.node.short());
            let mut of_draft = BTreeMap::new();
            for ((list, cycle, commodity), (issued, row, place)) in &part.outcome.lists.issued {
                let good = frozen.and_then(|lists| lists.get(list));
                let fits =
                    |good: &&List| (good.programme, good.cycle) == (part.feed.programme, *cycle);
                let Some(good) = good.filter(fits) else {
                    self.find(*place, Problem::NoList { list: *list });
                    continue;
                };
                // Frozen twice, a list still gives no more than once.
                let sum = of_draft.entry((good.root, good.at, *commodity)).or_insert(Balance::ZERO);
                *sum = sum.credit(*issued);
                let most = Balance::from(good.total(*commodity));
                if sum.units() > most.units() || *row >= good.rows {
                    self.find(*place, Problem::ListExceeded { list: *list });
                }
            }
        }
    }
}
