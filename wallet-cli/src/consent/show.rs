use std::path::PathBuf;

use annona_node::atomic;
use annona_node::consent::{self, Parties, receipt, slip, slip_code, slip_page};
use clap::Args;

use super::{date, find, heard, last, papers};
use crate::fault::{Fault, Outcome};
use crate::session::{Session, Spoken};
use crate::words::print_date;

const EXAMPLES: &str = "\
Examples:
  $ annona consent show 1/1
  $ annona consent show 1/1 --json
  $ annona consent show 1/1 --out amina-slip.html";

/// Prints a consent for the person to take home: half a page in words, or with --json the receipt other programs read
/// (the shape of ISO/IEC TS 27560, terms of the Data Privacy Vocabulary). Neither has her name.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {
    /// The consent: FAMILY/N, its number, or the text of the code on its slip
    consent: String,
    /// Write the half page as an HTML file to print, with a code that any desk scans to take it back
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
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
        let (date_of, last_of) = (|day| date(&charter, day), |day| last(&charter, day));
        let parties = Parties { charter: &charter, date: &date_of, last: &last_of };
        session.speak(&self.spoken);
        let papers = papers(session, &known.grant);
        if let Some(out) = &self.out {
            let words = slip(&known, state, &parties, papers);
            let page = slip_page(papers, &words, &slip_code(&known));
            let page = page.map_err(|why| Fault::input(why.to_string()))?;
            atomic::write(out, page.as_bytes())?;
        }
        session.screen.answer("receipt", receipt(&known, state, &parties), || {
            let page = slip(&known, state, &parties, papers);
            format!(
                "{page}\n{}",
                papers.rows([(papers.as_of, print_date(session.now()))]).trim_end()
            )
        })?;
        session.screen.note(format!("Known here: {as_of}."));
        Ok(node.close()?)
    }
}
