use annona_node::person::Household;
use annona_node::vault::MAX_PAGE;
use clap::Args;
use serde_json::json;

use super::show::open;
use super::{fields, form};
use crate::fault::Outcome;
use crate::progress::Bar;
use crate::session::Session;
use crate::stop::LongWork;
use crate::words::fold;

const EXAMPLES: &str = "\
Examples:
  $ annona family find ሰላም
  $ annona family find \"فاطمة العلي\" --json
  $ annona family find B2-014";

/// Finds families by any words in their names, numbers or places. Every record is opened: seconds on a large site.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Find {
    /// Words that must all be there, in any order and case; - takes them from standard input [default: ask]
    words: Vec<String>,
    /// The most families to list
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: u64,
}

impl Find {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let typed = form::words(session, &self.words)?;
        let wanted: Vec<String> = typed.split_whitespace().map(fold).collect();
        let node = session.node()?;
        let vault = session.vault(&node)?;
        let work = LongWork::begin();
        let mut bar = Bar::new(&session.screen, "looking");
        let (total, mut done, mut found, mut after) = (vault.count()?, 0u64, 0u64, None);
        let mut closed = 0u64;
        'pages: loop {
            let page = vault.all(after, MAX_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(*last);
            for id in page {
                work.check()?;
                done = done.saturating_add(1);
                bar.set(done, total);
                let household = match vault.registration(id) {
                    Err(fault) if fault.is_of_one_record() => {
                        closed = closed.saturating_add(1);
                        continue;
                    }
                    _ => open(&vault, id)?,
                };
                if !wanted.iter().all(|word| has(&household, word)) {
                    continue;
                }
                found = found.saturating_add(1);
                let value = json!({
                    "family": id, "key": household.key, "people": household.people(),
                    "head": household.head().map(fields::name),
                });
                session
                    .screen
                    .answer("family", value, || format!("{id}  {}", fields::line(&household)))?;
                if found >= self.limit {
                    session.screen.note("There may be more: say more words, or --limit N.");
                    break 'pages;
                }
            }
        }
        drop(bar);
        if closed > 0 {
            session.screen.warn(fields::closed(closed));
        }
        if found == 0 {
            session.screen.note(format!("None of {total} families has these words."));
        }
        Ok(node.close()?)
    }
}

fn has(household: &Household, word: &str) -> bool {
    let texts = std::iter::once(&household.whole).chain(&household.members);
    let mut texts = texts.flat_map(|a| a.iter()).filter_map(|(_, value)| value.as_text());
    fold(&household.key).contains(word) || texts.any(|text| fold(text).contains(word))
}
