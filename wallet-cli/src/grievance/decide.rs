use annona_ledger::consent::{GrievanceStep, Outcome as Answer, Stage, may_decide};
use annona_ledger::duty::Duty;
use annona_ledger::id::Lane;
use annona_ledger::statement::Statement;
use clap::Args;
use serde_json::json;

use super::{find, say, short, today};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance decide 5b0c77aa --outcome upheld --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona grievance decide 5b0c77aa --outcome not_upheld --dry-run --operator mara.keys \\
      --operator-passphrase-file pass.txt";

/// Decides a complaint, or an appeal, as a person of the organisation that was named for it. An appeal is never decided by
/// who decided before.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Decide {
    /// The complaint: the first digits of its slip, at least eight
    complaint: String,
    /// How: upheld, partly_upheld, not_upheld or no_answer
    #[arg(long, value_name = "OUTCOME")]
    outcome: String,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be decided; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Decide {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let outcome = Answer::of(&self.outcome).ok_or_else(|| {
            let all: Vec<_> = Answer::ALL.iter().map(|one| one.word()).collect();
            Fault::input(format!("the outcome is one of: {}.", all.join(", ")))
        })?;
        let (mut node, signer) = session.signing(&self.operator)?;
        let known = find(&node, &self.complaint)?;
        let appeal = known.stands.stage == Stage::Appealed;
        let on = today(&node, known.programme)?;
        let may = known
            .stands
            .decider
            .is_some_and(|org| may_decide(node.store().roster(), org, &signer.public(), on));
        if !may || appeal && known.stands.first.contains(&signer.public()) {
            return Err(Fault::refused(
                "this person may not decide it: an approver or supervisor of the organisation named for it must, and an \
                 appeal somebody else than who decided before.",
            ));
        }
        // By a certificate for this programme, at this minute, and here.
        let at = node.stamp(&node.feed(Lane::Registry, known.programme))?;
        let role = (Duty::GrievanceDecide, known.programme);
        signer.may(&node, known.stands.decider.as_slice(), role, at)?;
        let (grievance, federation) = (known.commitment, node.federation()?);
        if !self.dry_run {
            say(&mut node, known.programme, grievance, &signer, |on| {
                let said = Statement::Decision { grievance, appeal, outcome, on };
                let word = signer.states(&federation, &said);
                if appeal {
                    GrievanceStep::AppealDecided { outcome, word }
                } else {
                    GrievanceStep::Decided { outcome, word }
                }
            })?;
        }
        node.close()?;
        let value = json!({
            "complaint": grievance.to_string(), "outcome": outcome.word(), "appeal": appeal,
            "written": !self.dry_run,
        });
        session.screen.answer("grievance", value, || {
            let verb = if self.dry_run { "would be" } else { "is" };
            format!("Complaint {} {verb} decided: {}.", short(&grievance), outcome.word())
        })
    }
}
