use annona_node::consent::{self, Parties, receipt, slip};
use clap::Args;

use super::{date, find, heard, papers};
use crate::fault::Outcome;
use crate::session::{Session, Spoken};

const EXAMPLES: &str = "\
Examples:
  $ annona consent show 1/1
  $ annona consent show 1/1 --json";

/// Prints a consent for the person to take home: half a page in words, or with --json the receipt other programs read
/// (the shape of ISO/IEC TS 27560, terms of the Data Privacy Vocabulary). Neither has her name.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {
    /// The consent: FAMILY/N, or its number
    consent: String,
    #[command(flatten)]
    spoken: Spoken,
}

impl Show {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let charter = node.store().charter()?.clone();
        let vault = session.vault(&node)?;
        let known = find(&vault, &self.consent)?;
        let (today, as_of) = heard(&node, session.now())?;
        let state = consent::state(&node, &known, today)?;
        let date_of = |day| date(&charter, day);
        let parties = Parties { charter: &charter, date: &date_of };
        session.speak(&self.spoken);
        let papers = papers(session, &known.grant);
        session.screen.answer("receipt", receipt(&known, state, &parties), || {
            let page = slip(&known, state, &parties, papers);
            format!("{page}\n{}", papers.rows([(papers.as_of, date(&charter, today))]).trim_end())
        })?;
        session.screen.note(format!("Known here: {as_of}."));
        Ok(node.close()?)
    }
}
