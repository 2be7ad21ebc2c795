use std::collections::BTreeSet;

use annona_ledger::cut::Cut;
use annona_ledger::entry::{Control, Entry};
use annona_ledger::id::{FeedRef, Lane, ProgrammeId};
use annona_node::node::{Compose, Composed, Request};
use annona_node::store::Work;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, hex, print_cut, reason_word, say_cut};

const EXAMPLES: &str = "\
Examples:
  $ annona node revoke hill --reason lost --dry-run
  $ annona node revoke hill --reason compromised --dir treasury";

/// Takes the feeds of a node of your own organisation at their word up to what is known here, and no further.
///
/// Nothing moves by it: whoever hears of it sends nothing there any more, and sends back what comes from above the cut.
/// Only a fence, voted in the charter, lets units be released (`annona charter propose`). A treasury or a hub of the
/// node's organisation can revoke.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Revoke {
    /// The node: its 16 digits, or the name of its site
    node: String,
    /// Only this feed of it, as NODE/LANE/PROGRAMME
    #[arg(long, value_name = "FEED")]
    feed: Option<String>,
    /// Up to where: BLOCKS:HASH, or nothing [default: what is known here]
    #[arg(long, value_name = "CUT", requires = "feed")]
    cut: Option<String>,
    /// Why: lost, compromised, late, handed-over
    #[arg(long, value_name = "WHY")]
    reason: String,
    /// Show the cuts; write nothing
    #[arg(long)]
    dry_run: bool,
}

/// A node, and up to where each of its feeds is known here.
type Cuts = ([u8; 8], Vec<(FeedRef, Cut)>);

impl Revoke {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let reason = words::reason(&self.reason)?;
        let (target, cuts) = self.cuts(session)?;
        let said: Vec<_> = cuts
            .iter()
            .map(|(feed, cut)| json!({ "feed": feed.to_string(), "cut": print_cut(cut) }))
            .collect();
        if !self.dry_run {
            let each = cuts.iter().map(|(feed, cut)| format!("{feed} after {}", say_cut(cut)));
            let each = each.collect::<Vec<_>>().join(", ");
            let question = format!("Revoke node {} ({each})?", hex(&target));
            session.ask.confirm(&session.screen, &question)?;
            let mut node = session.signing_node()?;
            let control = node.feed(Lane::Control, ProgrammeId::NONE);
            let compose = |feed: FeedRef, cut: Cut| -> Compose<'_> {
                Box::new(move |_, _, at| {
                    let revoke = Control::Revoke { feed, cut, reason, at };
                    Ok(vec![Composed::from(Entry::Control(revoke))])
                })
            };
            let mut group: Vec<_> = cuts
                .iter()
                .map(|(feed, cut)| Request { feed: control, compose: compose(*feed, *cut) })
                .collect();
            let answers = node.write(&mut group)?;
            drop(group);
            for answer in answers {
                answer?;
            }
            // Of all that is written here, others should hear this first.
            node.seal(&[control])?;
            node.close()?;
        }
        let value = json!({
            "node": hex(&target), "reason": reason_word(reason), "feeds": said,
            "written": !self.dry_run,
        });
        session.screen.answer("revoked", value, || {
            let word = if self.dry_run { "would revoke" } else { "revoked" };
            let each =
                cuts.iter().map(|(feed, cut)| format!("{word} {feed} after {}", say_cut(cut)));
            each.collect::<Vec<_>>().join("\n")
        })
    }

    /// The node, and up to where each of its feeds is known here.
    fn cuts(&self, session: &Session) -> Outcome<Cuts> {
        let store = session.read()?;
        let certificate = words::exactly(store.roster(), &self.node)?;
        let own = session.own_key()?.and_then(|key| store.roster().org_of(&key.short()));
        if own != Some(certificate.org) {
            return Err(Fault::refused(format!(
                "node {} belongs to organisation {}: only its own organisation can revoke it.",
                hex(&certificate.short()),
                certificate.org
            ))
            .then("A fence in the charter stops any node: `annona charter propose`."));
        }
        let node = certificate.short();
        let work = store.look()?;
        let feeds: BTreeSet<FeedRef> = match &self.feed {
            Some(text) => [words::feed(text)?].into(),
            None => {
                let known =
                    work.feeds().into_iter().filter(|feed| feed.id.node == certificate.node);
                let value = certificate.programmes.iter().map(|p| FeedRef::value(node, *p));
                known.map(|feed| feed.id.short()).chain(value).collect()
            }
        };
        if let Some(other) = feeds.iter().find(|feed| feed.node != node) {
            return Err(Fault::input(format!("{other} is no feed of node {}.", hex(&node))));
        }
        let mut cuts = Vec::new();
        for feed in feeds {
            let cut = match &self.cut {
                Some(text) => words::cut(text)?,
                None => after_all(&work, &feed)?,
            };
            cuts.push((feed, cut));
        }
        work.check()?;
        Ok((node, cuts))
    }
}

/// The cut after everything that is known here of a feed.
pub(crate) fn after_all(work: &Work<'_>, feed: &FeedRef) -> Outcome<Cut> {
    work.cut_here(feed).ok_or_else(|| {
        Fault::refused(format!(
            "this node began from a checkpoint and has no header of {feed}: a cut made here would cut all of it."
        ))
        .then("Make it at a node that has its headers: `annona node revoke --dry-run` prints its cut there, and `--cut` takes it here. `annona cycle close` drafts an article that is signed anywhere.")
    })
}
