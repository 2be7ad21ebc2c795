//! The stamp a writer uses, whatever its clock says (spec/clocks.md). A wrong clock never starves a site: it is doubted,
//! an operator is asked, and the site serves on meanwhile.

use std::collections::BTreeMap;

use crate::id::{FederationId, OrgId};
use crate::limits;
use crate::notice::Roster;
use crate::statement::{Stated, Statement};
use crate::time::Minute;
use crate::view::ClockWord;

#[cfg(test)]
mod tests;

/// What a writer goes by when it asks for a stamp.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Heard {
    /// The feed's last stamp: stamps never fall inside a feed.
    pub last: Minute,
    /// The newest stamp of its own in any feed; of one that has written nothing and took another's place, of that one, or
    /// what is agreed. None where it is new: it has no day to leap from.
    pub served: Option<Minute>,
    /// What it holds from other nodes, if it holds any stamp of theirs.
    pub others: Option<Others>,
    /// The newest reading of its own clock that an operator said was right.
    pub answered: Option<Minute>,
    /// The newest that whoever works here said was right: it counts against a leap alone, of 35 days at most, and no longer
    /// than the clock shows it.
    pub believed: Option<Minute>,
}

/// What the stamps of other nodes come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Others {
    /// The newest of them, whoever it is of.
    pub newest: Minute,
    /// The newest that two organisations have reached: no organisation moves it alone.
    pub agreed: Minute,
}

/// What the newest stamps of nodes come to for one of them, `own`, whose own are among them. `None` where it holds none of
/// anybody else.
///
/// Where all of them are of one organisation, two of its nodes stand for two organisations; where there is one node beside
/// one that never stamped, its word alone counts.
#[must_use]
pub fn others(
    roster: &Roster,
    own: &[u8; 8],
    stamps: &BTreeMap<[u8; 8], Minute>,
) -> Option<Others> {
    let stamped = || stamps.iter().filter(|(_, at)| **at > Minute(0));
    let newest = stamped().filter(|(node, _)| *node != own).map(|(_, at)| *at).max()?;
    let mut of: BTreeMap<Option<OrgId>, Minute> = BTreeMap::new();
    for (node, at) in stamped() {
        let most = of.entry(roster.org_of(node)).or_default();
        *most = (*at).max(*most);
    }
    let mut reached: Vec<Minute> = if of.len() > 1 {
        of.into_values().collect()
    } else {
        stamped().map(|(_, at)| *at).collect()
    };
    reached.sort_unstable_by(|a, b| b.cmp(a));
    let agreed = reached.get(1).or(reached.first()).copied().unwrap_or(newest);
    Some(Others { newest, agreed: agreed.min(newest) })
}

/// The stamp to use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The stamp.
    pub at: Minute,
    /// Whether somebody is to be asked (`clock?`): then the newest that two organisations agree on is used in its place.
    pub doubted: Option<Doubt>,
}

/// Why a clock is doubted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// It is more than [`limits::CLOCK_AHEAD_DAYS`] past what was heard of others, or past all that is known here: an operator
    /// is asked.
    Ahead,
    /// It is more than [`limits::CLOCK_LEAP_DAYS`] past the node's own stamps and what is agreed. An entry with that reading
    /// would end for good whatever ends before it; whoever works here is asked.
    Leap,
}

/// The stamp of a writer whose clock shows `clock`.
///
/// Who never heard of another node has nothing but its own last day to doubt its clock by. One organisation, however far
/// ahead its stamps are, hides no leap, and widens what a node that is new believes by no more than as many days again; and
/// where the clock is doubted, what it alone says is not used.
#[must_use]
pub fn reading(clock: Minute, heard: &Heard) -> Reading {
    let past = |at: Minute, days: u32| Minute(at.0.saturating_add(days.saturating_mul(24 * 60)));
    let later = |at: Minute| past(at, limits::CLOCK_AHEAD_DAYS);
    let agreed = heard.others.map(|others| others.agreed.max(heard.last));
    let answered = |at: Minute| at.max(heard.answered.unwrap_or(at));
    let known = heard.others.zip(agreed).map(|(others, agreed)| others.newest.min(later(agreed)));
    match known.map(answered).zip(agreed.map(answered)) {
        Some((known, agreed)) if clock > later(known) => {
            return Reading { at: agreed, doubted: Some(Doubt::Ahead) };
        }
        Some(_) | None => {}
    }
    let others = heard.others.map(|others| others.agreed);
    let known = [heard.served, others, heard.answered].into_iter().flatten().max();
    if let Some(known) = known.filter(|_| heard.served.is_some()) {
        let counts = |said: &Minute| *said <= clock && *said <= later(known);
        let newest = heard.believed.filter(counts).map_or(known, |said| said.max(known));
        if clock > past(newest, limits::CLOCK_LEAP_DAYS) {
            let at = agreed.map_or(heard.last, answered);
            let doubted = if clock > later(known) { Doubt::Ahead } else { Doubt::Leap };
            return Reading { at, doubted: Some(doubted) };
        }
    }
    Reading { at: clock.max(heard.last), doubted: None }
}

/// Whether an operator said of a node's clock that what it showed was right.
#[must_use]
pub fn approves(federation: &FederationId, node: &[u8; 8], clock: Minute, word: &Stated) -> bool {
    Statement::Clock { node: *node, clock }.is_by(federation, word)
}

/// The newest reading of a node's clock that was answered by an operator of its own organisation, with a certificate
/// good at that reading.
#[must_use]
pub fn answered(roster: &Roster, words: &[ClockWord]) -> Option<Minute> {
    words.iter().filter(|word| may_answer(roster, word)).map(|word| word.clock).max()
}

fn may_answer(roster: &Roster, word: &ClockWord) -> bool {
    let org = roster.org_of(&word.node);
    let mut ever = roster.operator_ever(&word.operator);
    // A clock that shows a time before the certificate may be just the one that is asked about.
    org.is_some() && ever.any(|c| Some(c.org) == org && word.clock <= c.not_after)
}

/// The stamps that quorum-cosigned checkpoints prove an entry to lie between, as far as they are known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Bracket {
    /// The time of the last checkpoint that does not have it.
    pub after: Option<Minute>,
    /// The time of the first checkpoint that has it.
    pub before: Option<Minute>,
}

/// Whether a stamp lies outside its bracket. Listed as *stamp doubtful*; it changes nothing of how the entry folds.
#[must_use]
pub fn doubtful(stamp: Minute, bracket: &Bracket) -> bool {
    bracket.after.is_some_and(|after| stamp < after)
        || bracket.before.is_some_and(|before| before < stamp)
}
