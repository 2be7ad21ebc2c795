use annona_ledger::duty::Duty;
use annona_ledger::id::{Lane, ProgrammeId};
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::signer::Operator;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona family keys give-up --dry-run --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family keys give-up --operator mara.keys --operator-passphrase-file pass.txt";

/// Goes on without keys that nobody has, in a restored folder: whoever is not found is new from then on.
///
/// Ask every keeper first (`annona family keys take`). Nothing is destroyed: a key that comes later brings its family back,
/// beside the one that was registered anew.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct GiveUp {
    #[command(flatten)]
    operator: Operator,
    /// Say how many families it is about; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl GiveUp {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (node, signer) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        // Whoever may erase them one by one may.
        let mut programmes: Vec<_> =
            node.certificate().iter().flat_map(|c| c.programmes.iter().copied()).collect();
        if programmes.is_empty() {
            programmes.push(ProgrammeId::NONE);
        }
        for programme in programmes {
            let at = node.stamp(&node.feed(Lane::Registry, programme))?;
            signer.may(&node, node.org().as_slice(), (Duty::Erase, programme), at)?;
        }
        let families = vault.unfound()?;
        let told = count(families, "family", "families");
        // Whoever was cut off before the answer types the line again: what is given up already is no fault.
        if families > 0 && !self.dry_run {
            let question = format!(
                "Give up the keys of {told}? Whoever of them comes is registered anew, and is here twice if a key comes back."
            );
            session.confirm(&question, &[])?;
            vault.give_up()?;
        }
        node.close()?;
        let value = json!({ "families": families, "given_up": !self.dry_run });
        session.screen.answer("given_up", value, || match (families, self.dry_run) {
            (0, _) => "No family waits for its key: nothing has to be given up.".into(),
            (_, true) => format!("The keys of {told} would be given up."),
            (_, false) => format!("The keys of {told} are given up."),
        })
    }
}
