//! Whom to trust and what was cancelled, as it is named on the command line: for cards and for credentials alike.

use std::path::PathBuf;
use std::sync::Arc;

use annona_ledger::charter::Charter;
use annona_node::atomic;
use annona_node::credential::status::token::MAX_SIGNED;
use annona_node::credential::trust::{MAX_FILE, of_federation};
use annona_node::credential::when::Seconds;
use annona_node::credential::{Refusal, Statuses, TrustList};
use annona_node::store::Store;
use clap::Args;
use serde_json::json;

use super::trusted;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;

/// Where trust comes from.
#[derive(Args)]
pub(super) struct Believed {
    /// Whom to trust: trust.json of `annona card publish`, compared with its sender
    #[arg(long, value_name = "FILE")]
    trust: Vec<PathBuf>,
    /// Whom to trust: the registrars of a charter, from `annona charter show --out FILE`
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// Which cards and credentials were taken back: a list of `annona card publish`
    #[arg(long, value_name = "FILE")]
    status: Vec<PathBuf>,
}

/// What is known here.
pub(super) struct Known {
    pub(super) now: Seconds,
    pub(super) store: Option<Store>,
    pub(super) charter: Option<Arc<Charter>>,
    pub(super) trust: TrustList,
    /// Whose cards are believed where the ledger has them.
    pub(super) ended: TrustList,
    pub(super) statuses: Statuses,
}

impl Believed {
    /// Reads all of it. Without a list or a charter, the ledger here says whom to trust.
    pub(super) fn read(&self, session: &Session) -> Outcome<Known> {
        let now = Seconds::of(session.now());
        let mut trust = TrustList::new();
        for path in &self.trust {
            let list = TrustList::from_json(&atomic::read(path, MAX_FILE)?);
            let list =
                list.ok_or_else(|| Fault::file(path, "this is no list of whom to trust."))?;
            trust.extend(list).map_err(|why| Fault::input(format!("{why}.")))?;
        }
        if let Some(path) = &self.charter {
            let (charter, roster) = session.power(Some(path))?;
            let fenced = |feed: &annona_ledger::id::FeedRef| !charter.fences(feed).is_empty();
            let (standing, _) = of_federation(&charter, &roster, fenced);
            trust.extend(standing).map_err(|why| Fault::input(format!("{why}.")))?;
        }
        let elsewhere = !self.trust.is_empty() || self.charter.is_some();
        let store = match session.read() {
            Ok(store) => Some(store),
            Err(_) if elsewhere => None,
            Err(fault) => {
                return Err(fault.then("Or say whom to trust: --trust FILE, or --charter FILE."));
            }
        };
        let (mut ended, mut charter) = (TrustList::new(), None);
        if let Some(store) = &store {
            let known = store.charter()?.clone();
            let work = store.look()?;
            if !elsewhere {
                (trust, ended) = trusted(&known, &work);
            }
            work.check()?;
            charter = Some(known);
        }
        let mut statuses = Statuses::new();
        for path in &self.status {
            let taken = statuses.take(&atomic::read(path, MAX_SIGNED)?, &trust, now);
            taken.map_err(|why| {
                Fault::new(Exit::Wrong, format!("the list is not used: {why}."))
                    .at(path.display())
                    .then("Have it fetched again: `annona card publish` makes it.")
            })?;
        }
        Ok(Known { now, store, charter, trust, ended, statuses })
    }
}

/// Answers that something is not honoured, and why.
pub(super) fn refused(session: &Session, what: &str, refusal: &Refusal, next: &str) -> Outcome {
    let value = json!({
        "good": false, "reason": refusal.word(), "number": refusal.number(),
        "message": refusal.to_string(),
    });
    if session.screen.json {
        session.screen.answer(what, value, String::new)?;
    }
    let message = format!("do not honour this {what}. {}.", capital(refusal));
    Err(Fault::new(Exit::Wrong, message).then(next))
}

fn capital(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
