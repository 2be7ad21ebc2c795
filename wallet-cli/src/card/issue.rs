use annona_ledger::duty::Duty;
use annona_ledger::entry::{CarrierKind, Registry};
use annona_ledger::id::Lane;
use annona_ledger::short_code::ShortCode;
use annona_node::node::{Compose, Request};
use annona_node::seal::random;
use clap::Args;
use serde_json::json;

use super::carrier;
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;
use crate::signer::Operator;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona card issue 1 --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card issue desk:B1-002 --programme Food --operator mara.keys \\
      --operator-passphrase-file pass.txt --json";

/// Gives a family a short code in one programme. Only a keyed commitment to it goes on the ledger.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Issue {
    /// The family: its number, another short code, or SOURCE:KEY
    family: String,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Check everything; give no code
    #[arg(long)]
    dry_run: bool,
}

impl Issue {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let org = node.org().unwrap_or(about.org);
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        let role = (Duty::CardIssue, programme);
        signer.may(&node, &[about.org, org], role, at)?;
        let pseudonym = holder::pseudonym(&node, &vault, id, programme)?;
        let code = loop {
            let code = ShortCode::new(u64::from_be_bytes(random()?));
            if vault.household_by_card(&code.bytes())?.is_none() {
                break code;
            }
        };
        if self.dry_run {
            let words = format!("Family {id} would get a code in {}.", about.name);
            dry_run::would(session, "card", json!({ "family": id }), &words)?;
            return Ok(node.close()?);
        }
        let (federation, carrier) = (node.federation()?, carrier(&node, &code, programme)?);
        let feed = node.feed(Lane::Registry, programme);
        let compose: Compose<'_> = Box::new(|_, feed, at| {
            let entry = Registry::CarrierBound { pseudonym, carrier, kind: CarrierKind::Code, at };
            Ok(vec![signer.stands_for(&federation, feed, entry)])
        });
        // The ledger first: a code that is bound and was never told is nobody's; one that was told must be bound.
        let answers = node.write(&mut [Request { feed, compose }])?;
        answers.into_iter().next().ok_or_else(|| Fault::refused("nothing was written."))??;
        let mut txn = vault.begin()?;
        txn.set_card(id, &code.bytes())?;
        txn.commit()?;
        node.close()?;
        let value = json!({ "family": id, "programme": programme, "code": code.to_string() });
        session.screen.answer("card", value, || format!("{code}  family {id}, {}", about.name))
    }
}
