//! The stamp a writer uses, whatever its clock says (spec/clocks.md). A wrong clock never starves a site: it is doubted,
//! an operator is asked, and the site serves on meanwhile.

use crate::id::FederationId;
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
    /// The newest stamp it holds from any other node, if it holds one.
    pub others: Option<Minute>,
    /// The newest reading of its own clock that an operator said was right.
    pub answered: Option<Minute>,
}

/// The stamp to use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// The stamp.
    pub at: Minute,
    /// Whether an operator is to be asked (`clock?`): the clock is more than [`limits::CLOCK_AHEAD_DAYS`] past all that
    /// was heard, and the newest of that is used in its place.
    pub doubted: bool,
}

/// The stamp of a writer whose clock shows `clock`.
///
/// Who never heard of another node has nothing to doubt its clock by.
#[must_use]
pub fn reading(clock: Minute, heard: &Heard) -> Reading {
    let known = heard.others.map(|others| others.max(heard.answered.unwrap_or(others)));
    let ahead = limits::CLOCK_AHEAD_DAYS.saturating_mul(24 * 60);
    match known {
        Some(known) if clock.0 > known.0.saturating_add(ahead) => {
            Reading { at: known.max(heard.last), doubted: true }
        }
        Some(_) | None => Reading { at: clock.max(heard.last), doubted: false },
    }
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
