//! What sites say of each other, held side by side: what was sent against what was claimed, what floats gave against what
//! homes made good, and a merchant's own list against what stands in the ledger.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::audit::Source;
use annona_ledger::id::{CommodityId, CycleId, EntryName, FeedRef, ProgrammeId};
use annona_ledger::orphan::Effect;
use serde::Serialize;

use super::labels::decimal;
use super::look::{LookFault, Looking};
use super::shown;
use super::walk::{Did, Seen, cuts, walk};
use crate::config::Zone;

/// The most entries that are listed one by one.
pub const LISTED: usize = 1_000;

/// What one site did with one commodity of a cycle, in minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The site.
    pub site: String,
    /// Its node.
    pub node: String,
    /// The programme's number.
    pub programme: u16,
    /// The cycle.
    pub cycle: u16,
    /// The commodity's number.
    pub commodity: u8,
    /// The programme's name.
    pub programme_name: String,
    /// The commodity's, with what it is counted in.
    pub commodity_name: String,
    /// Digits after the point.
    pub digits: u8,
    /// Claimed from budgets.
    pub budgeted: u128,
    /// Claimed of what others sent, covers among them.
    pub claimed: u128,
    /// Issued to purses: stays at the site.
    pub issued: u128,
    /// Sent to others.
    pub sent: u128,
    /// Sent to this site and not claimed in this file.
    pub arriving: u128,
    /// Handed out from purses.
    pub handed_out: u128,
    /// Handed out from the float.
    pub float: u128,
    /// Of that, made good by homes in this file.
    pub covered: u128,
    /// Taken back.
    pub refunded: u128,
    /// Claimed of what articles released from others' suspense.
    pub freed: u128,
    /// Released by articles from this site's suspense.
    pub released: u128,
    /// Handed out as others show it, where the site's own blocks do not have it; what is shown to have come back is taken off.
    pub shown: i128,
    /// Of what was handed out: above the lowest cut of the site's feed.
    pub tainted: u128,
    /// What must be left here: claimed and taken back, less sent, covered for others, handed out, shown and released.
    pub left: i128,
}

/// Two sides that do not match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The entry.
    pub entry: String,
    /// The site that wrote it.
    pub site: String,
    /// By its clock, in the zone asked for.
    pub when: String,
    /// How much of what.
    pub amount: String,
    /// What does not match.
    pub what: String,
    /// How final the entry is, as far as the source shows. `None` for a row of a list that names none of it.
    pub finality: Option<&'static str>,
    /// Whether two sides contradict each other; otherwise the other side is only not here yet.
    pub contradicts: bool,
}

/// A row of a merchant's own list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The line of the list, from one.
    pub line: u64,
    /// The entry's name, as the promise prints it.
    pub entry: String,
    /// The amount, as written.
    pub amount: String,
}

/// Sites side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reconciliation {
    /// What each site did.
    pub lines: Vec<Line>,
    /// What does not match, at most [`LISTED`].
    pub open: Vec<Open>,
    /// How many more do not match.
    pub more: u64,
    /// How many of all of them contradict each other.
    pub contradictions: u64,
    /// Rows of the merchant's list that stand in the ledger as they are.
    pub matched: u64,
    /// Feeds of these sites that have forked: all their branches are added up here, and `annona audit verify` says what that
    /// costs whom.
    pub forked: Vec<String>,
    /// Feeds that could not be read, or not wholly.
    pub partly: Vec<String>,
}

impl Reconciliation {
    /// Whether nothing contradicts anything, and everything could be read.
    #[must_use]
    pub const fn is_even(&self) -> bool {
        self.contradictions == 0 && self.partly.is_empty()
    }

    fn opens(&mut self, open: Open) {
        self.contradictions += u64::from(open.contradicts);
        if self.open.len() < LISTED {
            self.open.push(open);
        } else {
            self.more += 1;
        }
    }
}

type Key = ([u8; 8], ProgrammeId, CycleId, CommodityId);

/// Whether a node is one of the sites asked for: by the site's name, or the beginning of the node's number. All are,
/// where none is asked for.
fn is_asked<S: Source>(looking: &Looking<'_, S>, node: &[u8; 8], sites: &[String]) -> bool {
    let hex: String = node.iter().map(|b| format!("{b:02x}")).collect();
    let name = looking.ground.roster.node(node).map(|c| c.site_name.to_string());
    let is = |site: &String| {
        name.as_ref().is_some_and(|name| name.to_lowercase() == site.to_lowercase())
            || (site.len() >= 4 && hex.starts_with(&site.to_lowercase()))
    };
    sites.is_empty() || sites.iter().any(is)
}

/// Holds sites side by side, and a merchant's list against them.
///
/// # Errors
///
/// [`LookFault`]; [`LookFault::NoSite`] for a site nobody is certified for.
pub fn reconcile(
    source: &impl Source,
    sites: &[String],
    claims: &[Claim],
    zone: Zone,
) -> Result<Reconciliation, LookFault> {
    let looking = Looking::whole(source, zone)?;
    for site in sites {
        let mut nodes = looking.ground.roster.nodes();
        let one = std::slice::from_ref(site);
        if !nodes.any(|certificate| is_asked(&looking, &certificate.short(), one)) {
            return Err(LookFault::NoSite(site.clone()));
        }
    }
    let mut sums: BTreeMap<Key, Line> = BTreeMap::new();
    let mut sent: BTreeMap<EntryName, Seen> = BTreeMap::new();
    let mut claimed: BTreeSet<EntryName> = BTreeSet::new();
    let mut floats: BTreeMap<EntryName, Seen> = BTreeMap::new();
    let mut covered: BTreeSet<(EntryName, FeedRef, u64)> = BTreeSet::new();
    let mut listed: BTreeMap<String, &Claim> =
        claims.iter().map(|claim| (claim.entry.clone(), claim)).collect();
    let mut out = Reconciliation::default();
    let cuts = cuts(source, &looking.ground);
    let above =
        |seen: &Seen| cuts.get(&seen.name.feed).is_some_and(|(upto, _)| seen.block >= *upto);
    let walked = walk(source, &looking.ground, &mut |seen| {
        let feed = seen.name.feed;
        let line = sums.entry((feed.node, feed.programme, seen.cycle, seen.commodity)).or_default();
        let units = u128::from(seen.units);
        match seen.did {
            Did::Budgeted => line.budgeted += units,
            Did::Issued => line.issued += units,
            Did::Sent { .. } => {
                line.sent += units;
                sent.insert(seen.name, seen.clone());
            }
            Did::Claimed { sent } => {
                line.claimed += units;
                claimed.insert(sent);
            }
            Did::HandedOut { .. } => {
                line.handed_out += units;
                line.tainted += if above(seen) { units } else { 0 };
            }
            Did::FloatHandedOut { .. } => {
                line.float += units;
                line.tainted += if above(seen) { units } else { 0 };
                floats.insert(seen.name, seen.clone());
            }
            Did::Refunded { .. } => line.refunded += units,
            Did::Released => line.freed += units,
            Did::Covered { float } => {
                line.sent += units;
                covered.insert((float, feed, seen.units));
                sent.insert(seen.name, seen.clone());
            }
        }
        if let Did::HandedOut { .. } | Did::FloatHandedOut { .. } = seen.did
            && let Some(claim) = listed.remove(&seen.name.to_string())
        {
            let digits = looking.labels.commodity(feed.programme, seen.commodity).1;
            if same_amount(&claim.amount, seen.units, digits) {
                out.matched += 1;
            } else {
                let what = format!("line {} of the list says {}", claim.line, claim.amount);
                out.opens(Open { contradicts: true, ..open(&looking, seen, &what) });
            }
        }
    });
    for (name, seen) in &sent {
        if claimed.contains(name) {
            continue;
        }
        let to = match seen.did {
            Did::Sent { to } => to,
            Did::Covered { float } => float.feed.node,
            _ => continue,
        };
        let key = (to, name.feed.programme, seen.cycle, seen.commodity);
        sums.entry(key).or_default().arriving += u128::from(seen.units);
        let involved = [name.feed.node, to];
        if involved.iter().any(|node| is_asked(&looking, node, sites)) {
            let cut = cuts.contains_key(&FeedRef::value(to, name.feed.programme));
            let end = match (cut, above(seen)) {
                (true, _) => ": that feed is cut, so it belongs to its suspense",
                (false, true) => ": from above the cut of its sender, so it is only sent back",
                (false, false) => "",
            };
            let what =
                format!("sent to {}, not claimed in this file{end}", looking.labels.node(&to));
            out.opens(open(&looking, seen, &what));
        }
    }
    for (name, seen) in &floats {
        let key = (name.feed.node, name.feed.programme, seen.cycle, seen.commodity);
        // Only whose purse it was makes it good, and only whole.
        let Did::FloatHandedOut { home, .. } = seen.did else { continue };
        match covered.contains(&(*name, home, seen.units)) {
            true => sums.entry(key).or_default().covered += u128::from(seen.units),
            false if is_asked(&looking, &name.feed.node, sites) => {
                let what = "given from float, not made good in this file";
                out.opens(open(&looking, seen, what));
            }
            false => {}
        }
    }
    for claim in listed.values() {
        out.opens(Open {
            entry: claim.entry.clone(),
            site: String::new(),
            when: String::new(),
            amount: claim.amount.clone(),
            contradicts: true,
            what: format!("line {} of the list: not in this file", claim.line),
            finality: None,
        });
    }
    for (_, freed) in looking.ground.charter.releases() {
        let (node, programme) = (freed.feed.node, freed.feed.programme);
        let line = sums.entry((node, programme, freed.cycle, freed.commodity)).or_default();
        line.released += u128::from(freed.amount.units());
    }
    for Effect { key, pool, .. } in shown::effects(source, &looking.ground, walked.facts) {
        let line = sums.entry((key.node, key.programme, key.cycle, key.commodity)).or_default();
        line.shown = line.shown.saturating_add(pool.redeemed.units());
    }
    for ((node, programme, cycle, commodity), mut line) in sums {
        if !is_asked(&looking, &node, sites) {
            continue;
        }
        let signed = |units: u128| i128::try_from(units).unwrap_or(i128::MAX);
        let came = line.budgeted + line.claimed + line.freed + line.refunded;
        let went = line.sent + line.handed_out + line.float + line.released;
        line.left = signed(came).saturating_sub(signed(went)).saturating_sub(line.shown);
        line.site = looking.labels.node(&node);
        line.node = node.iter().map(|b| format!("{b:02x}")).collect();
        (line.programme, line.cycle, line.commodity) = (programme.0, cycle.0, commodity.0);
        line.programme_name = looking.labels.programme(programme);
        (line.commodity_name, line.digits) = looking.labels.commodity(programme, commodity);
        out.lines.push(line);
    }
    let of_these = walked.forked.iter().filter(|feed| is_asked(&looking, &feed.node, sites));
    out.forked = of_these.map(|feed| looking.labels.feed(feed)).collect();
    out.partly = walked.partly.iter().map(ToString::to_string).collect();
    Ok(out)
}

fn open<S: Source>(looking: &Looking<'_, S>, seen: &Seen, what: &str) -> Open {
    Open {
        entry: seen.name.to_string(),
        site: looking.labels.node(&seen.name.feed.node),
        when: looking.labels.when(seen.at),
        amount: looking.labels.amount(seen.name.feed.programme, seen.commodity, seen.units.into()),
        what: what.to_owned(),
        contradicts: false,
        finality: Some(seen.finality.word()),
    }
}

/// Whether an amount as a merchant writes it is so many minor units: `5`, `5.0` and `5.000` are one amount.
fn same_amount(text: &str, units: u64, digits: u8) -> bool {
    let written = text.trim();
    let (whole, part) = written.split_once(['.', ',']).unwrap_or((written, ""));
    let exact = decimal(i128::from(units), digits);
    let (exact_whole, exact_part) = exact.split_once('.').unwrap_or((&exact, ""));
    let plain = |digits: &str| digits.trim_end_matches('0').to_owned();
    let lead = |digits: &str| {
        let rest = digits.trim_start_matches('0');
        if rest.is_empty() { "0".to_owned() } else { rest.to_owned() }
    };
    lead(whole) == lead(exact_whole) && plain(part) == plain(exact_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_amount_has_several_spellings_and_others_are_others() {
        for fine in ["5", "5.0", "5.000", "05", "5,00"] {
            assert!(same_amount(fine, 5_000, 3), "{fine}");
        }
        for wrong in ["5.001", "50", "0.5", "", "-5", "5x", "5.0000001"] {
            assert!(!same_amount(wrong, 5_000, 3), "{wrong}");
        }
        assert!(same_amount("0.25", 250, 3) && same_amount("7", 7, 0));
    }
}
