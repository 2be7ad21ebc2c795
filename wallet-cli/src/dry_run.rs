//! `--dry-run`: the same rules are asked, and nothing is written, signed or made.

use annona_node::node::{Answer, Node, Request};
use serde_json::Value;

use crate::fault::Outcome;
use crate::session::Session;

/// Writes a group; on a dry run only asks what it would be answered.
pub(crate) fn write(
    node: &mut Node,
    dry_run: bool,
    group: &mut [Request<'_>],
) -> Outcome<Vec<Answer>> {
    Ok(if dry_run { node.ask(group)? } else { node.write(group)? })
}

/// Says what would be done: one line of the answer.
pub(crate) fn would(session: &Session, kind: &str, value: Value, words: &str) -> Outcome {
    session.screen.answer(kind, value, || words.to_owned())
}

/// Ends a dry run.
pub(crate) fn nothing(session: &Session) {
    session.screen.note("Nothing was written.");
}
