//! The description an article is proposed from (TOML). One file can found a federation or change it; what stands in it
//! is carried out in the order organisations, keys, programmes, ceilings, budgets, fences, kinds,
//! closes, releases.
//! What it may hold stands in `example.toml`, which `annona charter propose --print-example` prints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use annona_ledger::amount::Amount;
use annona_ledger::charter::{
    Act, Cap, Charter, Commodity, Line, Organisation, Programme, Risk, Unit, default_quorum,
};
use annona_ledger::id::{CommodityId, CycleId, OrgId, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::time::Millis;
use annona_ledger::wire::{Bounded, Name};
use annona_node::atomic;
use serde::Deserialize;

use crate::fault::{Fault, Outcome};
use crate::key::Public;
use crate::words;
use cuts::{Activate, Close, Fence, Heal, Release, Succeed};

mod cuts;

/// The most bytes of a description.
const LARGEST: usize = 1024 * 1024;
/// No federation was founded before this program was written: 2026-01-01, in milliseconds since 1970.
const EARLIEST: Millis = Millis(1_767_225_600_000);

/// A description of an article.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Description {
    pub(super) federation: Option<Federation>,
    #[serde(default)]
    organisation: Vec<Member>,
    #[serde(default)]
    join: Vec<Member>,
    #[serde(default)]
    leave: Vec<Leave>,
    #[serde(default)]
    rotate: Vec<NewKey>,
    #[serde(default)]
    recover: Vec<NewKey>,
    #[serde(default)]
    programme: Vec<ProgrammeText>,
    #[serde(default)]
    ceiling: Vec<Ceiling>,
    #[serde(default)]
    budget: Vec<Budget>,
    #[serde(default)]
    fence: Vec<Fence>,
    #[serde(default)]
    activate: Vec<Activate>,
    #[serde(default)]
    close: Vec<Close>,
    #[serde(default)]
    release: Vec<Release>,
    heal: Option<Heal>,
    succeed: Option<Succeed>,
    #[serde(skip)]
    folder: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Federation {
    name: String,
    quorum: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    id: u16,
    name: String,
    keys: Option<PathBuf>,
    key: Option<String>,
    recovery: Option<String>,
    /// How many must sign once it has joined.
    quorum: Option<u8>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leave {
    organisation: u16,
    quorum: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewKey {
    organisation: u16,
    keys: Option<PathBuf>,
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProgrammeText {
    id: u16,
    organisation: u16,
    name: String,
    commodity: Vec<CommodityText>,
    #[serde(default)]
    cap: Vec<CapText>,
    rights_per_feed_days: Option<u8>,
    revocations_max_age_days: Option<u16>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CommodityText {
    id: u8,
    name: String,
    currency: Option<String>,
    item: Option<String>,
    digits: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CapText {
    commodity: Figure,
    per_purse: Figure,
    per_site_day: Figure,
    per_site: Figure,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ceiling {
    organisation: u16,
    programme: Figure,
    commodity: Figure,
    rights: Figure,
    #[serde(default)]
    float: Figure,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Budget {
    programme: Figure,
    cycle: u16,
    treasury: String,
    lines: BTreeMap<String, Figure>,
}

/// A name or number as people write it. Numbers with a point stand in quotation marks: a TOML float would be rounded.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Figure {
    Whole(u64),
    Text(String),
}

impl Default for Figure {
    fn default() -> Self {
        Self::Whole(0)
    }
}

impl Figure {
    fn text(&self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

impl Description {
    /// Reads a description.
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let bytes = atomic::read(path, LARGEST)?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Fault::file(path, "the file is not UTF-8 text."))?;
        let mut description: Self = toml::from_str(text)
            .map_err(|why| Fault::input(why.to_string().trim_end()).at(path.display()))?;
        description.folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(description)
    }

    /// The acts it comes to, after `charter` or, without one, to found a federation.
    pub(super) fn acts(&self, charter: Option<&Charter>, now: Millis) -> Outcome<Vec<Act>> {
        let mut acts = Vec::new();
        match (&self.federation, charter) {
            (Some(federation), None) => {
                acts.push(self.found(federation, now)?);
                acts.extend(self.succeed.as_ref().map(Succeed::read).transpose()?);
            }
            (None, None) => {
                return Err(Fault::input(
                    "there is no [federation] with a name in it, which a founding needs: begin \
                     with an example of `annona charter propose --print-example`.",
                ));
            }
            (Some(_), Some(_)) => {
                return Err(Fault::input(
                    "the federation is founded: leave [federation] and [[organisation]] out, or \
                     found another one with --found.",
                ));
            }
            (None, Some(_)) if !self.organisation.is_empty() => {
                return Err(Fault::input(
                    "[[organisation]] is for founding; newcomers stand under [[join]].",
                ));
            }
            (None, Some(_)) if self.succeed.is_some() => {
                return Err(Fault::input("[succeed] is for founding in another's place."));
            }
            (None, Some(_)) => {}
        }
        let members = charter.map_or(self.organisation.len(), |c| c.organisations().count());
        for (joined, member) in (1..).zip(&self.join) {
            let quorum = member.quorum.unwrap_or_else(|| default_quorum(members + joined));
            acts.push(Act::Join { organisation: self.member(member)?, quorum });
        }
        for Leave { organisation, quorum } in &self.leave {
            acts.push(Act::Leave { org: OrgId(*organisation), quorum: *quorum });
        }
        for new in &self.rotate {
            acts.push(Act::Rotate { org: OrgId(new.organisation), key: self.new_key(new)? });
        }
        for new in &self.recover {
            acts.push(Act::Recover { org: OrgId(new.organisation), key: self.new_key(new)? });
        }
        let mut programmes: Vec<(ProgrammeId, Programme)> = charter
            .map(|c| c.programmes().map(|(id, p)| (id, p.clone())).collect())
            .unwrap_or_default();
        for text in &self.programme {
            let (id, programme) = text.read()?;
            programmes.retain(|(known, _)| *known != id);
            let Programme { org, name, commodities, risk } = programme.clone();
            acts.push(Act::Programme { id, org, name, commodities, risk });
            programmes.push((id, programme));
        }
        let find = |text: &Figure| {
            let text = text.text();
            let found = programmes.iter().find(|(id, programme)| {
                id.to_string() == text || words::same(programme.name.as_str(), &text)
            });
            found.ok_or_else(|| {
                Fault::input(format!("there is no programme \"{text}\", here or in the charter."))
            })
        };
        for ceiling in &self.ceiling {
            let (id, programme) = find(&ceiling.programme)?;
            let commodity = words::commodity(programme, &ceiling.commodity.text())?;
            acts.push(Act::Ceiling {
                org: OrgId(ceiling.organisation),
                programme: *id,
                commodity: commodity.id,
                rights: words::amount(commodity, &ceiling.rights.text())?,
                float: words::amount(commodity, &ceiling.float.text())?,
            });
        }
        for budget in &self.budget {
            let (id, programme) = find(&budget.programme)?;
            acts.push(budget.read(*id, programme)?);
        }
        for fence in &self.fence {
            acts.push(fence.read()?);
        }
        for activate in &self.activate {
            acts.push(activate.read()?);
        }
        for close in &self.close {
            acts.push(close.read(find(&close.programme)?.0)?);
        }
        for release in &self.release {
            let (_, programme) = find(&Figure::Whole(u64::from(release.feed()?.programme.0)))?;
            acts.push(release.read(programme)?);
        }
        if let (Some(heal), Some(charter)) = (&self.heal, charter) {
            acts.push(heal.read(&self.folder, charter)?);
        }
        Ok(acts)
    }

    fn found(&self, federation: &Federation, now: Millis) -> Outcome<Act> {
        let organisations: Vec<Organisation> =
            self.organisation.iter().map(|member| self.member(member)).collect::<Outcome<_>>()?;
        let quorum = federation.quorum.unwrap_or_else(|| default_quorum(organisations.len()));
        if now < EARLIEST {
            return Err(Fault::input(format!(
                "the clock of this machine shows {}, and a federation's time counts from its founding.",
                words::print_millis(now)
            ))
            .then("Set it, and propose again."));
        }
        Ok(Act::Found {
            name: name("the federation", &federation.name)?,
            founded: now,
            quorum,
            organisations: Bounded::new(organisations)?,
        })
    }

    fn member(&self, member: &Member) -> Outcome<Organisation> {
        let what = format!("organisation {}", member.id);
        let (key, recovery) = match (&member.keys, &member.key, &member.recovery) {
            (Some(path), None, None) => {
                let public = Public::read(&self.folder.join(path))?;
                if public.organisation != Some(member.id) {
                    let path = path.display();
                    return Err(Fault::input(format!("{path} holds no keys of {what}.")));
                }
                (public.key(&what)?, public.recovery(&what)?)
            }
            (None, Some(key), Some(recovery)) => (
                words::public_key(&format!("the key of {what}"), key)?,
                words::public_key(&format!("the recovery key of {what}"), recovery)?,
            ),
            _ => {
                return Err(Fault::input(format!(
                    "{what} needs either keys = \"FILE.public\" or both key and recovery."
                )));
            }
        };
        Ok(Organisation { id: OrgId(member.id), name: name(&what, &member.name)?, key, recovery })
    }

    fn new_key(&self, new: &NewKey) -> Outcome<PublicKey> {
        let what = format!("the new key of organisation {}", new.organisation);
        match (&new.keys, &new.key) {
            (Some(path), None) => Public::read(&self.folder.join(path))?.key(&what),
            (None, Some(key)) => words::public_key(&what, key),
            _ => Err(Fault::input(format!("{what}: give keys = \"FILE.public\" or key = \"…\"."))),
        }
    }
}

impl ProgrammeText {
    fn read(&self) -> Outcome<(ProgrammeId, Programme)> {
        let what = format!("programme {}", self.id);
        let commodities: Vec<Commodity> =
            self.commodity.iter().map(CommodityText::read).collect::<Outcome<_>>()?;
        let mut programme = Programme {
            org: OrgId(self.organisation),
            name: name(&what, &self.name)?,
            commodities: Bounded::new(commodities)?,
            risk: Risk::default(),
        };
        let mut caps = Vec::new();
        for cap in &self.cap {
            let commodity = words::commodity(&programme, &cap.commodity.text())?;
            let amount = |figure: &Figure| words::amount(commodity, &figure.text());
            caps.push(Cap {
                commodity: commodity.id,
                per_purse: amount(&cap.per_purse)?,
                per_site_day: amount(&cap.per_site_day)?,
                per_site: amount(&cap.per_site)?,
            });
        }
        caps.sort_by_key(|cap| cap.commodity);
        programme.risk.caps = Bounded::new(caps)?;
        if let Some(days) = self.rights_per_feed_days {
            programme.risk.rights_per_feed_days = days;
        }
        if let Some(days) = self.revocations_max_age_days {
            programme.risk.revocations_max_age_days = days;
        }
        Ok((ProgrammeId(self.id), programme))
    }
}

impl CommodityText {
    fn read(&self) -> Outcome<Commodity> {
        let what = format!("commodity {}", self.id);
        let unit = match (&self.currency, &self.item) {
            (Some(code), None) => {
                let code = <[u8; 3]>::try_from(code.as_bytes()).map_err(|_| {
                    Fault::input(format!("{what}: a currency is three letters of ISO 4217."))
                })?;
                Unit::Currency { code, minor_digits: self.digits }
            }
            (None, Some(item)) => {
                Unit::Item { measure: name(&what, item)?, minor_digits: self.digits }
            }
            _ => {
                let why = format!("{what} needs either currency = \"USD\" or item = \"kg\".");
                return Err(Fault::input(why));
            }
        };
        Ok(Commodity { id: CommodityId(self.id), name: name(&what, &self.name)?, unit })
    }
}

impl Budget {
    fn read(&self, id: ProgrammeId, programme: &Programme) -> Outcome<Act> {
        let mut lines: BTreeMap<CommodityId, Amount> = BTreeMap::new();
        for (text, amount) in &self.lines {
            let commodity = words::commodity(programme, text)?;
            let amount = words::amount(commodity, &amount.text())?;
            if lines.insert(commodity.id, amount).is_some() {
                return Err(Fault::input(format!("{} stands twice in a budget.", commodity.name)));
            }
        }
        let lines = lines.into_iter().map(|(commodity, amount)| Line { commodity, amount });
        Ok(Act::Budget {
            programme: id,
            cycle: CycleId(self.cycle),
            treasury: words::unhex("the treasury", &self.treasury)?,
            lines: Bounded::new(lines.collect())?,
        })
    }
}

/// A name that goes into the charter: NFC, which only where it is typed in can be checked.
fn name(what: &str, text: &str) -> Outcome<Name> {
    use unicode_normalization::UnicodeNormalization;
    let text: String = text.nfc().collect();
    words::plain(&format!("the name of {what}"), &text)?;
    Name::new(&text).map_err(|why| Fault::input(format!("the name of {what}: {why}.")))
}

#[cfg(test)]
mod tests {
    use super::super::EXAMPLE;
    use super::*;

    #[test]
    fn the_example_has_every_table_and_the_page_has_the_example() {
        let page = include_str!("../../../spec/charter.md");
        assert!(page.contains(&format!("```toml\n{EXAMPLE}```\n")), "spec/charter.md");
        // A comment that holds TOML begins with a word, a bracket or nothing but that.
        let (_, rest) = EXAMPLE.split_once("Take the # away").expect("what changes a charter");
        let said: String = rest
            .lines()
            .skip(1)
            .filter_map(|line| line.strip_prefix("# "))
            .fold(EXAMPLE.to_owned(), |text, line| format!("{text}{line}\n"));
        let all: Description = toml::from_str(&said).expect("a description");
        assert!(all.federation.is_some() && all.heal.is_some() && all.succeed.is_some());
        let Description { organisation, join, leave, rotate, recover, programme, .. } = &all;
        let some = [organisation.len(), join.len(), leave.len(), rotate.len(), recover.len()];
        let Description { ceiling, budget, fence, activate, close, release, .. } = &all;
        let more = [ceiling.len(), budget.len(), fence.len(), activate.len(), close.len()];
        assert!(some.iter().chain(&more).all(|tables| *tables > 0), "{some:?} {more:?}");
        assert!(!programme.is_empty() && !release.is_empty());
    }
}
