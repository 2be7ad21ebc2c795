use std::collections::BTreeSet;

use annona_ledger::id::ProgrammeId;
use annona_node::node::Node;
use clap::Args;

use super::issue;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona entitle reissue c4f2 --dry-run
  $ annona entitle reissue c4f2 --of hill --anyway --dry-run
  $ annona entitle reissue c4f2 --dry-run --json";

/// Issues the rows of a frozen list out of the reserve this node holds: for families whose site is lost.
///
/// It needs no fence and no quorum, only the list that two operators approved: nobody waits to eat. What these families had
/// left elsewhere, as far as it is known here, is shown as advice. Where another node was named as the reserve of their site
/// (`annona node insure`), that one re-issues, so that it's not done twice: this one does so only with --anyway.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Reissue {
    /// The list, by the first digits of its root
    list: String,
    /// The site that is lost [default: where the families had something, as far as it is known here]
    #[arg(long, value_name = "NODE")]
    of: Option<String>,
    /// Although another node was named as its reserve: where that one is lost too
    #[arg(long)]
    anyway: bool,
    /// Say how many rows are left; issue none
    #[arg(long)]
    dry_run: bool,
}

/// For which site a reserve is drawn on, and whether although another node was named for it.
#[derive(Clone, Copy)]
pub(super) struct Lost<'a> {
    of: Option<&'a str>,
    anyway: bool,
}

impl Lost<'_> {
    /// Whether this node is the one to re-issue. `elsewhere` are the nodes at which the families had something.
    ///
    /// The name is asked for here and never by the fold: a wrong one is told to a person, and starves nobody.
    pub(super) fn ask(
        self,
        session: &Session,
        node: &Node,
        programme: ProgrammeId,
        elsewhere: &BTreeSet<[u8; 8]>,
    ) -> Outcome {
        let (roster, own) = (node.store().roster(), node.public().short());
        let lost = match self.of {
            Some(text) => BTreeSet::from([words::lost(roster, text)?.short()]),
            None => elsewhere.clone(),
        };
        let site = |node: &[u8; 8]| {
            roster.node(node).map_or_else(|| hex(node), |c| c.site_name.to_string())
        };
        for of in &lost {
            match roster.reserve_of(of, programme) {
                Some(named) if named.reserve == own => {}
                Some(named) if self.anyway => session.screen.warn(format!(
                    "{} was named as the reserve of {}: make sure that it re-issues nothing to these families.",
                    site(&named.reserve),
                    site(of)
                )),
                Some(named) => {
                    return Err(Fault::refused(format!(
                        "the reserve of {} is at {}: issued by both, these families' units would be given twice.",
                        site(of),
                        site(&named.reserve)
                    ))
                    .then("Re-issue there; or here with --anyway, where that one is lost too."));
                }
                None => session.screen.warn(format!(
                    "no reserve was named in advance for {}: make sure that nobody else re-issues.",
                    site(of)
                )),
            }
        }
        if lost.is_empty() && roster.insured_by(&own, programme).next().is_none() {
            session.screen.warn(
                "this node was named as nobody's reserve: make sure that nobody else re-issues.",
            );
        }
        Ok(())
    }
}

impl Reissue {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let lost = Lost { of: self.of.as_deref(), anyway: self.anyway };
        issue::rows_of(session, &self.list, Some(lost), self.dry_run)
    }
}
