use std::collections::BTreeMap;
use std::path::PathBuf;

use annona_ledger::charter::SignedArticle;
use annona_ledger::hash::Hash;
use annona_ledger::notice::Learned;
use annona_node::store::{Store, StoreFault};
use clap::Args;
use serde_json::json;

use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::paper::Papers;
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona charter apply founding.annona
  $ annona charter apply charter.annona
  $ annona charter apply budget-1.annona budget-2.annona budget-3.annona";

/// Takes articles into the charter of this node: copies of one article are put together with all their signatures.
///
/// Needs no passphrase: nothing is signed here, and what is not signed by enough is refused. Applying an article again
/// changes nothing. Notices in the same files are learned too. Two articles of one epoch fork the charter: it is asked
/// before that is done.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Apply {
    /// Files of articles
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Say what would be taken in; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Apply {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        take_in(session, &self.files, self.dry_run)
    }
}

/// What was taken in.
#[derive(Default)]
struct Taken {
    articles: u64,
    notices: u64,
    known: u64,
    aside: u64,
}

/// Takes articles, then notices, of any number of files into the node's ledger; on a dry run into a copy of it that is
/// gone afterwards.
pub(crate) fn take_in(session: &Session, files: &[PathBuf], dry_run: bool) -> Outcome {
    // Read before the folder is held: a bad file changes nothing.
    let papers = files.iter().map(|path| Papers::read(path)).collect::<Outcome<Vec<_>>>()?;
    if !dry_run {
        asked_before_a_fork(session, &papers)?;
    }
    let (folder, mut store) = match dry_run {
        true => (None, session.read()?.rehearsal()?),
        false => session.take_in().map(|(folder, store)| (Some(folder), store))?,
    };
    let known = store.charter().is_ok();
    let mut taken = Taken::default();
    let place = |epoch: u32| format!("article {epoch}");
    for ((epoch, _), copies) in by_article(&papers) {
        match apply(&mut store, &copies) {
            Ok(learned) => taken.count(learned, |taken| &mut taken.articles),
            // It is kept aside. What comes after it may heal the fork, and is told below where it does not.
            Err(StoreFault::CharterForked { .. }) => taken.aside = taken.aside.saturating_add(1),
            Err(StoreFault::Article(_)) if copies.iter().any(|c| c.article.epoch == 0) && known => {
                return Err(elsewhere(&store)?);
            }
            Err(fault) => return Err(Fault::from(fault).at(place(epoch))),
        }
    }
    for notice in papers.iter().flat_map(|p| &p.notices) {
        let learned = store.learn(notice)?;
        taken.count(learned, |taken| &mut taken.notices);
    }
    let charter = store.charter()?;
    let value = json!({
        "articles": taken.articles, "notices": taken.notices, "known": taken.known,
        "epoch": charter.epoch(), "federation": charter.federation().to_string(),
        "aside": taken.aside, "forked": store.charter_fork(),
    });
    let (articles, notices) =
        (count(taken.articles, "article", "articles"), count(taken.notices, "notice", "notices"));
    let (name, epoch, known) = (charter.name(), charter.epoch(), taken.known);
    if dry_run {
        let words = format!(
            "{articles} and {notices} would be taken in, {known} known before. {name} would be at epoch {epoch}."
        );
        dry_run::would(session, "taken in", value, &words)?;
        dry_run::nothing(session);
    } else {
        session.screen.answer("taken in", value, || {
            format!("{articles} and {notices} taken in, {known} known before. {name} is at epoch {epoch}.")
        })?;
        if taken.notices > 0 {
            session.screen.note(
                "Next: `annona status` says what this node may do; `annona pay claim` takes up what is sent to it.",
            );
        } else if taken.articles > 0 {
            session.screen.note(
                "Next: a node without a certificate asks for one with `annona node request --out FILE`; a treasury takes up \
                 a budget with `annona pay claim --budget`.",
            );
        }
    }
    for conflict in store.roster().conflicts() {
        session.screen.warn(format!("notices contradict each other: {conflict:?}"));
    }
    drop(folder);
    match store.charter_fork() {
        Some(epoch) => Err(StoreFault::CharterForked { epoch }.into()),
        None => Ok(()),
    }
}

/// All copies of each article. Two articles of one epoch are two branches: each by itself.
fn by_article(papers: &[Papers]) -> BTreeMap<(u32, Hash), Vec<&SignedArticle>> {
    let mut articles: BTreeMap<_, Vec<&SignedArticle>> = BTreeMap::new();
    for article in papers.iter().flat_map(|p| &p.articles) {
        let name = (article.article.epoch, article.article.hash());
        articles.entry(name).or_default().push(article);
    }
    articles
}

/// Asks where these articles would fork a charter that is whole: tried in a copy, and only where two may stand side by side.
fn asked_before_a_fork(session: &Session, papers: &[Papers]) -> Outcome {
    let (articles, store) = (by_article(papers), session.read()?);
    if store.charter_fork().is_some() {
        return Ok(());
    }
    let (mut last, mut beside) = (None, false);
    for ((epoch, _), copies) in &articles {
        let ours = store.charter().ok().and_then(|charter| charter.article(*epoch));
        let other = ours.is_some_and(|ours| copies.iter().any(|copy| copy.article != *ours));
        beside |= *epoch > 0 && (last == Some(*epoch) || other);
        last = Some(*epoch);
    }
    if !beside {
        return Ok(());
    }
    let mut copy = store.rehearsal()?;
    for copies in articles.values() {
        // What is not taken is told of when it is taken in earnest.
        drop(apply(&mut copy, copies));
    }
    match copy.charter_fork() {
        None => Ok(()),
        Some(epoch) => session.ask.confirm(
            &session.screen,
            &format!(
                "These are two articles of epoch {epoch}, both signed by enough: with both the charter forks, nothing is \
                 voted until that is healed, and who signed both has no say in it. If one of them was not handed on yet, \
                 destroy it and propose it anew after the other. Fork the charter?"
            ),
        ),
    }
}

impl Taken {
    fn count(&mut self, learned: Learned, new: impl Fn(&mut Self) -> &mut u64) {
        let place = match learned {
            Learned::New => new(self),
            Learned::Known => &mut self.known,
        };
        *place = place.saturating_add(1);
    }
}

/// Applies one article from several copies of it, with all their signatures.
fn apply(store: &mut Store, copies: &[&SignedArticle]) -> Result<Learned, StoreFault> {
    let Some((first, rest)) = copies.split_first() else { return Ok(Learned::Known) };
    let mut whole = (*first).clone();
    let before = store.followed(&whole.article);
    if before.is_some() || store.charter().is_err() {
        for copy in rest {
            whole.merge(before.as_ref(), copy).map_err(StoreFault::Article)?;
        }
    }
    store.apply_article(&whole)
}

/// Why a founding article of others is not taken.
fn elsewhere(store: &Store) -> Outcome<Fault> {
    let charter = store.charter()?;
    Ok(Fault::new(
        crate::fault::Exit::Conflict,
        format!(
            "this folder belongs to the federation {} ({}); the file founds another one.",
            charter.name(),
            charter.federation(),
        ),
    )
    .then("A node belongs to one federation: make another folder with `annona init`."))
}
