use annona_ledger::consent::{People, Withdrawal};
use annona_ledger::digits::code;
use annona_ledger::duty::Duty;
use annona_ledger::hash::Hash;
use annona_ledger::id::{Commitment, Lane};
use annona_ledger::view::View;
use annona_node::consent;
use clap::Args;
use serde_json::json;

use super::{date, find};
use crate::fault::{Fault, Outcome};
use crate::letter;
use crate::session::Session;
use crate::signer::Operator;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona consent withdraw 1/1 --operator mara.keys --operator-passphrase-file pass.txt
  $ annona consent withdraw 1/1 --reason guardian --dry-run --operator mara.keys \\
      --operator-passphrase-file pass.txt";

/// Takes a consent back: at once here, elsewhere with the next sync. Nothing she was granted is lost by it.
///
/// A consent that is kept at another site is taken back by the digits on its slip.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Withdraw {
    /// The consent: FAMILY/N, its number, or from its slip the digits to take it back or the text of its code
    consent: String,
    /// Why: asked, guardian or invalid
    #[arg(long, value_name = "REASON", default_value = "asked")]
    reason: String,
    /// The programme, for a consent of another site [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be taken back; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Withdraw {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let vault = session.vault(&node)?;
        let reason = Withdrawal::of(&self.reason)
            .filter(|r| matches!(r, Withdrawal::Asked | Withdrawal::Guardian | Withdrawal::Invalid))
            .ok_or_else(|| Fault::input("the reason is asked, guardian or invalid."))?;
        // As they stand on her paper: with hyphens, and the marks that keep them in order between Arabic words.
        let digits = code(&self.consent);
        let scanned = consent::read_slip_code(&digits).map(|(_, commitment)| commitment);
        let (commitment, programme) = if scanned.is_some() || digits.len() == 64 {
            let commitment = match scanned {
                Some(scanned) => scanned,
                None => Commitment(Hash(words::unhex("the digits of a slip", &digits)?)),
            };
            let (programme, _) = words::served(&node, &charter, self.programme.as_deref())?;
            (commitment, programme)
        } else {
            let known = find(&vault, &self.consent)?;
            (known.commitment(), known.grant.programme)
        };
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        let orgs = node.org();
        let role = (Duty::ConsentWithdraw, programme);
        signer.may(&node, orgs.as_slice(), role, at)?;
        // Said again it changes nothing: the day is the first on which it was said.
        let work = node.store().look()?;
        let before = work.told(&commitment);
        let before = before.iter().filter_map(|told| match told.people() {
            Some(People::ConsentWithdrawn { on, .. }) => Some(*on),
            _ => None,
        });
        let before = before.min();
        work.check()?;
        drop(work);
        let mut on = before.map(|day| date(&charter, day));
        let stopped = letter::waiting(&node, |about| about.consent == commitment);
        if !self.dry_run && before.is_none() {
            let about = commitment.to_string();
            session.confirm("Take this consent back?", &[about.as_bytes()])?;
            let said = consent::withdraw(&mut node, programme, commitment, reason, signer.key())?;
            on = Some(date(&charter, said));
            letter::stopped(session, &node, stopped);
        }
        node.close()?;
        let value = json!({
            "commitment": commitment.to_string(), "reason": reason.word(), "on": on,
            "withdrawn": !self.dry_run || before.is_some(), "repeated": before.is_some(),
            "letters_stopped": stopped,
        });
        session.screen.answer("consent", value, || match &on {
            Some(on) if before.is_some() => {
                format!("It was taken back on {on}. Nothing was written.")
            }
            Some(on) => format!("Taken back on {on}. Other sites hear of it with the next sync."),
            None => "It would be taken back.".to_owned(),
        })
    }
}
