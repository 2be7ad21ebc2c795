//! As much of what waits as one settlement can hold.

use super::rows::{chain_with, rows};
use super::{Row, Settling, Tally};
use crate::id::{FeedRef, ProgrammeId};
use crate::limits;
use crate::view::View;
use crate::wire::Bounded;

/// Lines of one draft, itself not among them.
const LINES: usize = limits::SETTLE_LINES.saturating_sub(1);

/// The lines of one draft, and what they come to.
#[derive(Debug, Default)]
pub struct Fitting {
    /// The lines. The last may be cut short.
    pub lines: Vec<Settling>,
    /// Their rows.
    pub rows: Vec<Row>,
    /// The rows put together.
    pub tally: Tally,
    /// Whether something is over, for the next settlement.
    pub more: bool,
}

/// Takes lines in order, up to the first row that would pass a limit: of rows, of commodities, of lines. What is over waits.
/// `None` where an entry the lines name is not here.
#[must_use]
pub fn fitting(view: &dyn View, programme: ProgrammeId, lines: &[Settling]) -> Option<Fitting> {
    let mut fitting = Fitting::default();
    for line in lines {
        let of = rows(view, programme, std::slice::from_ref(line))?;
        let mut over = None;
        for row in &of {
            let number = u32::try_from(fitting.rows.len()).unwrap_or(u32::MAX);
            let next = Row { row: number, ..*row };
            if fitting.lines.len() >= LINES || !fitting.tally.push(&next) {
                over = Some(row);
                break;
            }
            fitting.rows.push(next);
        }
        match over {
            None => fitting.lines.push(line.clone()),
            Some(row) => {
                if row.row > 0 {
                    fitting.lines.push(until(view, programme, line, row)?);
                }
                fitting.more = true;
                break;
            }
        }
    }
    Some(fitting)
}

/// A line up to one of its rows, which is not its first.
pub(super) fn until(
    view: &dyn View,
    programme: ProgrammeId,
    line: &Settling,
    row: &Row,
) -> Option<Settling> {
    match line {
        Settling::Stretch { node, from, to, head, except } => {
            let feed = FeedRef::value(*node, programme);
            let chain = chain_with(view, &feed, *to, head)?;
            let end = row.what.index;
            let head = view.accumulator(chain, end)?;
            let except = except.iter().copied().filter(|index| *index < end).collect();
            let except = Bounded::new(except).ok()?;
            Some(Settling::Stretch { node: *node, from: *from, to: end, head, except })
        }
        Settling::Rows { node, rows } => {
            let rows = rows.iter().copied().take(usize::try_from(row.row).ok()?).collect();
            Some(Settling::Rows { node: *node, rows: Bounded::new(rows).ok()? })
        }
        Settling::Draft { .. } | Settling::Step { .. } => None,
    }
}
