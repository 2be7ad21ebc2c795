use annona_ledger::entry::{Entry, Value};
use annona_ledger::id::{FeedId, Lane};
use annona_ledger::view::View;
use annona_node::node::{Composed, Request};
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona node end --dry-run
  $ annona node end --programme Food";

/// Ends this node's value feeds for good: nothing is written after it, and what is left of them is known exactly.
///
/// For a node that heard it was fenced or revoked, or that hands over. What it still holds becomes suspense once the
/// charter fences it, and can then be released whole without charging anybody.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct End {
    /// Only this programme's feed, by number or name
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    /// Show which feeds would end; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl End {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let programmes = match &self.programme {
            Some(text) => vec![words::programme(&charter, text)?.0],
            None => node.certificate().map(|c| c.programmes.to_vec()).unwrap_or_default(),
        };
        let feeds: Vec<FeedId> = {
            let work = node.store().look()?;
            let feeds = programmes.into_iter().map(|p| node.feed(Lane::Value, p));
            let open =
                |feed: &FeedId| work.trunk(feed).is_some_and(|chain| work.ended(chain).is_none());
            let feeds = feeds.filter(open).collect();
            work.check()?;
            feeds
        };
        let names: Vec<String> = feeds.iter().map(|feed| feed.short().to_string()).collect();
        if !self.dry_run && !feeds.is_empty() {
            let question = format!("End {} for good?", names.join(", "));
            session.confirm(&question, &[])?;
            let mut group: Vec<_> = feeds
                .iter()
                .map(|feed| Request {
                    feed: *feed,
                    compose: Box::new(|_, _, at| {
                        Ok(vec![Composed::from(Entry::Value(Value::End { at }))])
                    }),
                })
                .collect();
            let answers = node.write(&mut group)?;
            drop(group);
            for answer in answers {
                answer?;
            }
            node.seal(&feeds)?;
        }
        node.close()?;
        let value = json!({ "feeds": names, "ended": !self.dry_run });
        session.screen.answer("ended", value, || match (names.is_empty(), self.dry_run) {
            (true, _) => "no feed of this node is open".to_owned(),
            (false, true) => format!("would end {}", names.join(", ")),
            (false, false) => format!("ended {}", names.join(", ")),
        })
    }
}
