use annona_ledger::duty::Duty;
use annona_ledger::id::ProgrammeId;
use annona_node::person::{Attributes, Household, Scope, clean};
use annona_node::seal::random;
use clap::Args;
use serde_json::json;

use super::enrol::Enrolling;
use super::fields;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;
use crate::words::{self, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona family add --member \"full_name=ሰላም ተስፋዬ,sex=female,age=34\" --set size=5 \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family add --member \"full_name=فاطمة العلي,is_head=yes\" --set village=B2 --key B2-014 \\
      --operator mara.keys --operator-passphrase-file pass.txt";

/// Registers a family: in the sealed person file by name, on the ledger by pseudonym.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Add {
    /// One member, head first: FIELD=VALUE,FIELD=VALUE
    #[arg(long = "member", value_name = "FIELDS", required = true)]
    members: Vec<String>,
    /// Something known of the family as a whole: FIELD=VALUE
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// The family's key in its register [default: one is made]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The register the key belongs to
    #[arg(long, value_name = "NAME", default_value = "desk")]
    source: String,
    /// A programme to enrol in [default: all that this node serves]
    #[arg(long = "programme", value_name = "P")]
    programmes: Vec<String>,
    #[command(flatten)]
    operator: Operator,
    /// Check everything; register nobody
    #[arg(long)]
    dry_run: bool,
}

impl Add {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut household = Household::default();
        for text in &self.set {
            fields::set(&mut household.whole, Scope::Household, text)?;
        }
        for text in &self.members {
            let mut person = Attributes::default();
            fields::person(&mut person, text)?;
            household.members.push(person);
        }
        household.key = match &self.key {
            Some(key) => clean(key).0,
            None => format!("F-{}", hex(&random::<5>()?)),
        };
        household.check()?;
        let mut node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let only: Option<Vec<ProgrammeId>> = (!self.programmes.is_empty())
            .then(|| {
                let all = self.programmes.iter();
                all.map(|p| words::programme(&charter, p).map(|(id, _)| id)).collect::<Outcome<_>>()
            })
            .transpose()?;
        let signer = self.operator.open(session)?;
        let enrolling = Enrolling::new(&node, (&signer, Duty::FamilyAdd), only)?;
        let mut vault = session.vault(&node)?;
        let source = clean(&self.source).0;
        if let Some(known) = vault.find(&source, household.key.as_bytes())? {
            return Err(Fault::new(
                crate::fault::Exit::Conflict,
                format!("family {} has the key \"{}\" already.", known.id, household.key),
            )
            .then(if known.digest.is_some() {
                "`annona family change` changes it."
            } else {
                "Its record does not open: take its key back (`annona family keys take`), or erase it (`annona erase`) \
                 and register the family anew."
            }));
        }
        if self.dry_run {
            session.screen.note("Nothing is wrong with it. Nobody was registered.");
            return node.close().map_err(Into::into);
        }
        let digest = vault.content_digest(&household.encode()?);
        let (whole, members) = household.records()?;
        let mut txn = vault.begin()?;
        let id = txn.add(&source, household.key.as_bytes(), digest, &whole, &members)?;
        txn.commit()?;
        // From here on the family is found again, whatever happens: `family import` and `family add` enrol the rest.
        let enrolled = enrolling.enrol(&mut node, &mut vault, &[id])?;
        node.close()?;
        let value =
            json!({ "family": id, "key": household.key, "source": source, "enrolled": enrolled });
        session
            .screen
            .answer("family", value, || format!("Family {id}: {}", fields::line(&household)))?;
        session.screen.note(format!("Next: `annona card issue {id}` gives it a short code."));
        Ok(())
    }
}
