use annona_node::duplicates::{heard, sought};
use annona_node::person::{Field, Household};
use annona_node::vault::MAX_PAGE;
use clap::Args;
use serde_json::json;

use super::show::open;
use super::{fields, form};
use crate::fault::Outcome;
use crate::progress::Bar;
use crate::session::Session;
use crate::stop::LongWork;

const EXAMPLES: &str = "\
Examples:
  $ annona family find - < words.txt
  $ annona family find - --json < words.txt
  $ annona family find B2-014";

/// Finds families by any words in their names, numbers or places, however they are typed: without accents and vowel marks,
/// with the letters and digits of another keyboard. After those who have the words come those whose names sound like them.
/// Every record is opened: seconds on a large site. Words of the command are seen by everybody on the machine: names are
/// asked for where none stands there, or come from standard input.
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
        let wanted: Vec<String> = typed.split_whitespace().map(sought).collect();
        let sounds = heard(&typed);
        // Two consonants are in everybody's name.
        let sounds = Some(sounds).filter(|all| all.iter().any(|one| one.chars().count() > 2));
        let mut alike = Vec::new();
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
                let mut household = match vault.registration(id) {
                    Err(fault) if fault.is_of_one_record() => {
                        closed = closed.saturating_add(1);
                        continue;
                    }
                    _ => open(&vault, id)?,
                };
                let has = wanted.iter().all(|word| has(&household, word));
                let more = || (alike.len() as u64) < self.limit;
                let sounds_so = || sounds.as_ref().is_some_and(|all| sounds_like(&household, all));
                let shown = has || more() && sounds_so();
                if !shown {
                    continue;
                }
                let named = fields::key(&vault, id, &household)?;
                let key = std::mem::replace(&mut household.key, named);
                let value = json!({
                    "family": id, "key": key, "named": household.key, "people": household.people(),
                    "head": household.head().map(fields::name), "alike": !has,
                });
                let line = format!("family {id}: {}", fields::line(&household));
                if !has {
                    alike.push((value, line));
                    continue;
                }
                found = found.saturating_add(1);
                session.screen.answer("family", value, || line)?;
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
        alike.truncate(usize::try_from(self.limit.saturating_sub(found)).unwrap_or(usize::MAX));
        if !alike.is_empty() {
            session.screen.note("Spelt otherwise, and much alike:");
        }
        let none = found == 0 && alike.is_empty();
        for (value, line) in alike {
            session.screen.answer("family", value, || line)?;
        }
        if none {
            session.screen.note(format!("None of {total} families has these words."));
        }
        Ok(node.close()?)
    }
}

fn has(household: &Household, word: &str) -> bool {
    let texts = std::iter::once(&household.whole).chain(&household.members);
    let mut texts = texts.flat_map(|a| a.iter()).filter_map(|(_, value)| value.as_text());
    sought(&household.key).contains(word) || texts.any(|text| sought(text).contains(word))
}

/// Whether all of these are heard in the name of one of its people.
fn sounds_like(household: &Household, words: &[String]) -> bool {
    let names = [Field::FullName, Field::GivenName, Field::MiddleName, Field::FamilyName];
    household.members.iter().any(|person| {
        let name: Vec<_> = names.iter().filter_map(|f| person.text(*f)).flat_map(heard).collect();
        words.iter().all(|word| name.contains(word))
    })
}
