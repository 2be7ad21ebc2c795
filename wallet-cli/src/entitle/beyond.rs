//! Rows that could not be issued out of what lies at a node: told before a list is approved, and by family once it stopped.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::charter::Programme;
use annona_ledger::entry::Owner;
use annona_ledger::id::{CommodityId, CycleId, Lane, ProgrammeId, Purse};
use annona_ledger::list::Row;
use annona_node::node::Node;
use annona_node::serve;
use annona_node::vault::{HouseholdId, MAX_PAGE};
use serde_json::{Value, json};

use crate::fault::Outcome;
use crate::holder;
use crate::session::Session;
use crate::words::{count, print_units};

/// Families named in words; all of them are in the JSON.
const NAMED: usize = 50;

/// What of some rows would wait.
pub(super) struct Beyond {
    of: usize,
    rows: Vec<Row>,
    /// How much more it takes than lies here.
    lacks: BTreeMap<CommodityId, i128>,
}

impl Beyond {
    /// Issues rows in their order, on paper: each out of one lot, as [`serve::issue_from`] does. What other lists have not
    /// issued yet is not counted.
    pub(super) fn of(
        node: &Node,
        (programme, cycle): (ProgrammeId, CycleId),
        from: Owner,
        rows: &[Row],
    ) -> Outcome<Self> {
        let feed = node.feed(Lane::Value, programme);
        let work = node.store().look()?;
        let lots = work.trunk(&feed).map(|chain| serve::common(&work, chain, from));
        work.check()?;
        let lots = lots.unwrap_or_default().into_iter().filter(|(_, lot)| lot.cycle == cycle);
        let mut lots: Vec<(CommodityId, i128)> =
            lots.map(|(_, lot)| (lot.commodity, lot.available().units())).collect();
        let mut lacks: BTreeMap<CommodityId, i128> = BTreeMap::new();
        for (commodity, units) in &lots {
            let sum = lacks.entry(*commodity).or_default();
            *sum = sum.saturating_sub(*units);
        }
        let mut waits = Vec::new();
        for row in rows {
            let units = i128::from(row.amount.units());
            let sum = lacks.entry(row.commodity).or_default();
            *sum = sum.saturating_add(units);
            let fits = lots.iter_mut().find(|(of, has)| *of == row.commodity && *has >= units);
            match fits {
                Some((_, has)) => *has = has.saturating_sub(units),
                None => waits.push(*row),
            }
        }
        lacks.retain(|_, units| *units > 0);
        Ok(Self { of: rows.len(), rows: waits, lacks })
    }

    /// The rows that would wait.
    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn lacking(&self, about: &Programme) -> Vec<String> {
        let of = |(id, units): (&CommodityId, &i128)| {
            let commodity = about.commodity(*id)?;
            Some(format!("{} {}", print_units(commodity, *units), commodity.name))
        };
        self.lacks.iter().filter_map(of).collect()
    }

    /// For whoever drafts, approves or issues: a warning, where there is any, and what stands in the JSON.
    pub(super) fn told(
        &self,
        session: &Session,
        about: &Programme,
        families: &[HouseholdId],
    ) -> Value {
        let lacking = self.lacking(about);
        if !self.rows.is_empty() {
            let more = match lacking[..] {
                [] => "No lot here has enough for the largest alone".to_owned(),
                _ => format!("{} more is on it than lies here to issue", lacking.join(", ")),
            };
            session.screen.warn(format!(
                "{more}: {} of {} would wait{}. Claim more for this cycle first, or draft a list that goes round.",
                count(self.rows.len() as u64, "row", "rows"),
                self.of,
                named(families),
            ));
        }
        json!({ "rows": self.rows.len(), "lacking": lacking, "families": families })
    }
}

/// `, of families 3, 7`: nothing where none is known.
pub(super) fn named(families: &[HouseholdId]) -> String {
    let mut names: Vec<String> = families.iter().take(NAMED).map(ToString::to_string).collect();
    if families.len() > NAMED {
        names.push(format!("… and {} more", families.len().saturating_sub(NAMED)));
    }
    match families.len() {
        0 => String::new(),
        1 => format!(", of family {}", names.concat()),
        _ => format!(", of families {}", names.join(", ")),
    }
}

/// Whose purses these rows are for, as far as the person file of this place tells it.
pub(super) fn families(
    session: &Session,
    node: &Node,
    (programme, cycle): (ProgrammeId, CycleId),
    rows: &[Row],
) -> Vec<HouseholdId> {
    if rows.is_empty() {
        return Vec::new();
    }
    let purses: BTreeSet<Purse> = rows.iter().map(|row| row.purse).collect();
    look(session, node, (programme, cycle), &purses).unwrap_or_default()
}

fn look(
    session: &Session,
    node: &Node,
    (programme, cycle): (ProgrammeId, CycleId),
    purses: &BTreeSet<Purse>,
) -> Outcome<Vec<HouseholdId>> {
    let vault = session.vault(node)?;
    let key = holder::cycle_secret(node, programme, cycle)?;
    let (mut found, mut last) = (Vec::new(), None);
    loop {
        let page = vault.all(last, MAX_PAGE)?;
        let Some(end) = page.last().copied() else { return Ok(found) };
        for id in page {
            // A family whose record does not open keeps no other from being named.
            let Ok(registration) = vault.registration(id) else { continue };
            if purses.contains(&serve::purse(key, &registration)) {
                found.push(id);
            }
        }
        last = Some(end);
    }
}
