use std::path::PathBuf;

use annona_ledger::duty::Duty;
use annona_node::atomic;
use annona_node::consent::{self, request};
use clap::Args;
use serde_json::json;

use super::open::{release, served};
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::letter::Paper;
use crate::session::Session;
use crate::signer::Operator;

const EXAMPLES: &str = "\
Examples:
  $ annona consent reply amina.asking --out amina.answer --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona consent reply amina.asking --out amina.answer --dry-run --operator mara.keys \\
      --operator-passphrase-file pass.txt";

/// Answers what another node asks, where a consent covers it, into a file only that node reads, or a letter to it.
///
/// Who asks is whose key signed the request. A request is answered once; what is opened is on the ledger first, and in her
/// list.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Reply {
    /// The request
    file: PathBuf,
    #[command(flatten)]
    paper: Paper,
    #[command(flatten)]
    operator: Operator,
    /// Ask whether it would be answered; write and open nothing
    #[arg(long)]
    dry_run: bool,
}

impl Reply {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        let refused = |why: request::RequestFault| match why {
            request::RequestFault::NotARequest => Fault::file(&self.file, why.to_string()),
            why => Fault::refused(why.to_string()).at(self.file.display()),
        };
        let file = atomic::read(&self.file, request::MAX_REQUEST)?;
        let asked = request::read(&node, &file)?.map_err(refused)?;
        let asking = asked.asking;
        let known = consent::find(&vault, &asking.grant)?;
        let known = known.ok_or(consent::ConsentFault::Unknown)?;
        // One that was answered, and the answer never left: the power failed in between.
        let cut = consent::unshown(&node, &vault, known.household)?;
        let cut = cut.iter().any(|permit| permit.is_for(&asking));
        let answered = asked.is_answered(&vault)?;
        if answered && !cut {
            return Err(refused(request::RequestFault::Answered));
        }
        let at = served(&node, &signer, (Duty::ConsentReply, known.grant.programme))?;
        consent::would_open(&node, &vault, &asking)?;
        if self.dry_run {
            node.close()?;
            let words = "It would be answered. Nothing was opened.";
            return dry_run::would(session, "disclosure", json!({}), words);
        }
        // The leave first: a request that is answered by nothing could not be asked again.
        let permit = consent::permit(&mut node, &mut vault, &asking, signer.key())?;
        if !answered {
            asked.answer(&mut vault, known.household)?;
        }
        release(session, &node, &mut vault, (permit, at), &asking, &self.paper)?;
        Ok(node.close()?)
    }
}
