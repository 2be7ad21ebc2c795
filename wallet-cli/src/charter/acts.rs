//! An article in words, for those who are to sign it.

use annona_ledger::charter::{Act, Article, Charter, Commodity, Unit};
use annona_ledger::id::{CommodityId, ProgrammeId};

use crate::words::{hex, print_units, reason_word, say_cut};

/// What an article decides, one line an act. `charter` is the one before it, for the names of what is there already.
pub(crate) fn describe(article: &Article, charter: Option<&Charter>) -> Vec<String> {
    let telling = Telling { article, charter };
    article.acts.iter().map(|act| telling.act(act)).collect()
}

struct Telling<'a> {
    article: &'a Article,
    charter: Option<&'a Charter>,
}

impl Telling<'_> {
    fn act(&self, act: &Act) -> String {
        match act {
            Act::Found { name, quorum, organisations, .. } => {
                let who: Vec<String> =
                    organisations.iter().map(|o| format!("{} {}", o.id, o.name)).collect();
                format!("found \"{name}\" of {}; {quorum} must sign an article", who.join(", "))
            }
            Act::Join { organisation, quorum } => format!(
                "take in organisation {} {}; {quorum} must sign from now on",
                organisation.id, organisation.name
            ),
            Act::Leave { org, quorum } => {
                format!("take leave of organisation {org}; {quorum} must sign from now on")
            }
            Act::Rotate { org, key } => {
                format!("organisation {org} changes its key to {}…", hex(&key.short()))
            }
            Act::Recover { org, key } => format!(
                "organisation {org} gets the key {}… on the word of its recovery key",
                hex(&key.short())
            ),
            Act::Programme { id, org, name, commodities, risk } => {
                let what: Vec<String> = commodities.iter().map(commodity_line).collect();
                let caps = match risk.caps.len() {
                    0 => "nothing from float".to_owned(),
                    n => format!("{n} float caps"),
                };
                format!(
                    "programme {id} \"{name}\" of organisation {org}: {}; {caps}",
                    what.join(", ")
                )
            }
            Act::Ceiling { org, programme, commodity, rights, float } => {
                let print = |units: u64| self.units(*programme, *commodity, units);
                format!(
                    "organisation {org} may certify its nodes for {} rights and {} float of {}",
                    print(rights.units()),
                    print(float.units()),
                    self.programme(*programme),
                )
            }
            Act::Budget { programme, cycle, treasury, lines } => {
                let what: Vec<String> = lines
                    .iter()
                    .map(|line| self.units(*programme, line.commodity, line.amount.units()))
                    .collect();
                format!(
                    "budget of {} cycle {cycle}, to be claimed by node {}: {}",
                    self.programme(*programme),
                    hex(treasury),
                    what.join(", "),
                )
            }
            Act::Fence { feed, cut, reason } => {
                let why = reason_word(*reason);
                format!("fence feed {feed} after {}: {why}", say_cut(cut))
            }
            Act::Release { feed, cycle, commodity, amount, reserve } => format!(
                "release {} of cycle {cycle} from the suspense of {feed} to the reserve of node {}",
                self.units(feed.programme, *commodity, amount.units()),
                hex(reserve),
            ),
            Act::Close { programme, cycle, cuts } => format!(
                "close cycle {cycle} of {}; {} feeds are known so far",
                self.programme(*programme),
                cuts.len(),
            ),
            Act::Heal { kept, twice, quorum, .. } => {
                let who: Vec<String> = twice
                    .iter()
                    .map(|t| match t.key {
                        Some(key) => format!("{} gets the key {}…", t.org, hex(&key.short())),
                        None => format!("{} leaves", t.org),
                    })
                    .collect();
                format!(
                    "heal the fork: keep article {}…; of those who signed twice {}; {quorum} must \
                     sign from now on",
                    hex(&kept.short()),
                    who.join(", "),
                )
            }
            Act::Activate { lane, kind, size, critical } => format!(
                "bring in entries of kind {kind} on {lane:?} feeds, of at most {size} bytes; who does \
                 not know them {}",
                if *critical {
                    "folds nothing that follows them in a feed"
                } else {
                    "passes over them"
                }
            ),
            Act::Succeed { federation, .. } => {
                format!("take the place of the federation {federation}, whose charter forked")
            }
        }
    }

    fn programme(&self, id: ProgrammeId) -> String {
        let here = self.article.acts.iter().find_map(|act| match act {
            Act::Programme { id: found, name, .. } if *found == id => Some(name.to_string()),
            _ => None,
        });
        let known = || self.charter?.programme(id).map(|p| p.name.to_string());
        here.or_else(known).map_or_else(|| format!("programme {id}"), |name| format!("\"{name}\""))
    }

    fn units(&self, programme: ProgrammeId, commodity: CommodityId, units: u64) -> String {
        let here = self.article.acts.iter().find_map(|act| match act {
            Act::Programme { id, commodities, .. } if *id == programme => {
                commodities.iter().find(|c| c.id == commodity)
            }
            _ => None,
        });
        let known = || self.charter?.programme(programme)?.commodity(commodity);
        match here.or_else(known) {
            Some(c) => format!("{} {}", print_units(c, i128::from(units)), c.name),
            None => format!("{units} minor units of commodity {commodity}"),
        }
    }
}

/// `1 Rice (kg, 3 digits)`.
pub(super) fn commodity_line(commodity: &Commodity) -> String {
    match &commodity.unit {
        Unit::Currency { code, minor_digits } => format!(
            "{} {} ({}, {minor_digits} digits)",
            commodity.id,
            commodity.name,
            String::from_utf8_lossy(code)
        ),
        Unit::Item { measure, minor_digits } => {
            format!("{} {} ({measure}, {minor_digits} digits)", commodity.id, commodity.name)
        }
    }
}
