//! What things are called and what the clock showed: the same words in verdicts, reports, patterns, samples and proofs.

use std::collections::BTreeMap;

use annona_ledger::charter::{Charter, Unit};
use annona_ledger::id::{CommodityId, FeedRef, OrgId, ProgrammeId};
use annona_ledger::notice::Roster;
use annona_ledger::time::{Millis, Minute};

use crate::calendar;
use crate::config::Zone;
use crate::guard::hex;

/// What things are called, by the charter and the certificates of a source, and when a minute of it was.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The federation.
    pub federation: String,
    founded: Millis,
    zone: Zone,
    programmes: BTreeMap<ProgrammeId, String>,
    commodities: BTreeMap<(ProgrammeId, CommodityId), (String, Unit)>,
    orgs: BTreeMap<OrgId, String>,
    nodes: BTreeMap<[u8; 8], (String, OrgId)>,
    keys: Vec<(String, String)>,
}

impl Labels {
    /// The names that charter and certificates give, and times by the clocks of a zone.
    #[must_use]
    pub fn of(charter: &Charter, roster: &Roster, zone: Zone) -> Self {
        let (federation, founded) = (charter.name().to_string(), charter.founded());
        let mut labels = Self { federation, founded, zone, ..Self::default() };
        for (id, programme) in charter.programmes() {
            labels.programmes.insert(id, programme.name.to_string());
            for commodity in programme.commodities.iter() {
                let what = (commodity.name.to_string(), commodity.unit.clone());
                labels.commodities.insert((id, commodity.id), what);
            }
        }
        for certificate in roster.nodes() {
            let names = (certificate.site_name.to_string(), certificate.org);
            labels.nodes.insert(certificate.short(), names);
        }
        for org in charter.organisations() {
            labels.orgs.insert(org.id, org.name.to_string());
            labels.keys.push((org.name.to_string(), org.key.to_string()));
        }
        labels
    }

    /// The organisations and their keys.
    pub(super) fn keys(&self) -> Vec<(String, String)> {
        self.keys.clone()
    }

    /// A programme.
    #[must_use]
    pub fn programme(&self, id: ProgrammeId) -> String {
        self.programmes.get(&id).cloned().unwrap_or_else(|| format!("programme {id}"))
    }

    /// A commodity with what it is counted in, `Rice (kg)`, and how many digits its amounts have after the point.
    #[must_use]
    pub fn commodity(&self, programme: ProgrammeId, id: CommodityId) -> (String, u8) {
        match self.commodities.get(&(programme, id)) {
            Some((name, unit)) => (format!("{name} ({})", measure(unit)), unit.minor_digits()),
            None => (format!("commodity {id}"), 0),
        }
    }

    /// An amount of a commodity: `14.000 kg Rice`, `12.50 USD`.
    #[must_use]
    pub fn amount(&self, programme: ProgrammeId, id: CommodityId, units: i128) -> String {
        let Some((name, unit)) = self.commodities.get(&(programme, id)) else {
            return format!("{units} minor units of commodity {id}");
        };
        let number = decimal(units, unit.minor_digits());
        match unit {
            Unit::Currency { .. } => format!("{number} {}", measure(unit)),
            Unit::Item { .. } => format!("{number} {} {name}", measure(unit)),
        }
    }

    /// An organisation.
    #[must_use]
    pub fn org(&self, id: OrgId) -> String {
        self.orgs.get(&id).cloned().unwrap_or_else(|| format!("organisation {id}"))
    }

    /// The organisation of a node, or nothing where no certificate says.
    #[must_use]
    pub fn org_of(&self, node: &[u8; 8]) -> String {
        self.nodes.get(node).map(|(_, org)| self.org(*org)).unwrap_or_default()
    }

    /// The site of a node, or the node's digits.
    #[must_use]
    pub fn site(&self, node: &[u8; 8]) -> String {
        self.nodes.get(node).map_or_else(|| hex(node), |(site, _)| site.clone())
    }

    /// A node by its site, its organisation and its digits: `hill of Relief (node 8be8…)`.
    #[must_use]
    pub fn node(&self, node: &[u8; 8]) -> String {
        match self.nodes.get(node) {
            Some((site, org)) => format!("{site} of {} (node {})", self.org(*org), hex(node)),
            None => format!("node {}", hex(node)),
        }
    }

    /// A feed by its site and its organisation: `hill of Relief (8be8…/value/1)`.
    #[must_use]
    pub fn feed(&self, feed: &FeedRef) -> String {
        match self.nodes.get(&feed.node) {
            Some((site, org)) => format!("{site} of {} ({feed})", self.org(*org)),
            None => feed.to_string(),
        }
    }

    /// The date and the time of a minute, by the zone's clocks: `2026-11-23 08:35`.
    #[must_use]
    pub fn when(&self, at: Minute) -> String {
        if at == Minute::NEVER {
            return "never".to_owned();
        }
        print(self.local().saturating_add(i64::from(at.0)))
    }

    /// The beginning of a clock hour, counted as [`annona_ledger::audit::verdict::Hour`] does.
    #[must_use]
    pub fn hour(&self, hour: u32) -> String {
        let first = self.local().div_euclid(60);
        print(first.saturating_add(i64::from(hour)).saturating_mul(60))
    }

    /// The clock hour of a minute, counted from the one the federation was founded in.
    pub(super) fn hour_of(&self, at: Minute) -> u32 {
        let into = u32::try_from(self.local().rem_euclid(60)).unwrap_or_default();
        at.0.saturating_add(into) / 60
    }

    /// The hour of the day of a minute, 0 to 23.
    pub(super) fn hour_of_day(&self, at: Minute) -> u8 {
        let minutes = self.local().saturating_add(i64::from(at.0));
        u8::try_from(minutes.rem_euclid(24 * 60) / 60).unwrap_or_default()
    }

    /// The zone: `UTC`, `UTC+03:00`.
    #[must_use]
    pub fn zone(&self) -> String {
        let (minutes, sign) = (self.zone.0.unsigned_abs(), if self.zone.0 < 0 { '-' } else { '+' });
        if minutes == 0 {
            return "UTC".to_owned();
        }
        format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }

    /// Minutes from 1970 to the founding, by the zone's clocks.
    fn local(&self) -> i64 {
        let founded = i64::try_from(self.founded.0 / 60_000).unwrap_or(i64::MAX / 2);
        founded.saturating_add(i64::from(self.zone.0))
    }
}

/// Minutes since 1970 as date and time. Before that there was no ledger.
fn print(minutes: i64) -> String {
    let minutes = u64::try_from(minutes).unwrap_or_default();
    let (year, month, day) = calendar::date_of(minutes / (24 * 60));
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60 % 24, minutes % 60)
}

fn measure(unit: &Unit) -> String {
    match unit {
        Unit::Currency { code, .. } => String::from_utf8_lossy(code).into_owned(),
        Unit::Item { measure, .. } => measure.to_string(),
    }
}

/// A number of minor units with its point.
#[must_use]
pub fn decimal(units: i128, digits: u8) -> String {
    let scale = 10i128.pow(u32::from(digits.min(18)));
    let (whole, part) = (units / scale, (units % scale).abs());
    let sign = if units < 0 && whole == 0 { "-" } else { "" };
    if digits == 0 {
        return units.to_string();
    }
    format!("{sign}{whole}.{part:0width$}", width = usize::from(digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Founded at 23:06 UTC on the tenth of November 2026.
    fn labels(zone: i16) -> Labels {
        let founded = Millis(1_794_351_960_000);
        Labels { founded, zone: Zone(zone), ..Labels::default() }
    }

    #[test]
    fn a_minute_is_a_date_and_hours_are_those_of_a_clock() {
        for (zone, minute, when, hour, of_day, name) in [
            (0, 0, "2026-11-10 23:06", "2026-11-10 23:00", 23, "UTC"),
            (0, 53, "2026-11-10 23:59", "2026-11-10 23:00", 23, "UTC"),
            (0, 54, "2026-11-11 00:00", "2026-11-11 00:00", 0, "UTC"),
            (180, 54, "2026-11-11 03:00", "2026-11-11 03:00", 3, "UTC+03:00"),
            (-210, 54, "2026-11-10 20:30", "2026-11-10 20:00", 20, "UTC-03:30"),
            (345, 54, "2026-11-11 05:45", "2026-11-11 05:00", 5, "UTC+05:45"),
        ] {
            let (labels, at) = (labels(zone), Minute(minute));
            assert_eq!(labels.when(at), when);
            assert_eq!(labels.hour(labels.hour_of(at)), hour, "{zone} {minute}");
            assert_eq!((labels.hour_of_day(at), labels.zone().as_str()), (of_day, name));
        }
        assert_eq!(labels(0).when(Minute::NEVER), "never");
    }
}
