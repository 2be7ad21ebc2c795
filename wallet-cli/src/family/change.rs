use annona_ledger::duty::Duty;
use clap::Args;
use serde_json::json;

use super::enrol::Enrolling;
use super::form::Form;
use super::show::open;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;
use crate::signer::Operator;

const EXAMPLES: &str = "\
Examples:
  $ annona family change 1 --from moved.family --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona family change 3 --remove-member 2 --dry-run --operator mara.keys \\
      --operator-passphrase-file pass.txt

What stands in moved.family:
  village=
  size=6
  1: phone=+963 11 123
  member: given_name=Adam,age=0";

/// Changes what is known of a family. An empty value takes it away; pseudonyms and cards stay.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Change {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    #[command(flatten)]
    form: Form,
    /// Take a member out, by number
    #[arg(long = "remove-member", value_name = "NUMBER")]
    remove_member: Vec<usize>,
    #[command(flatten)]
    operator: Operator,
    /// Say what would change; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Change {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let told = self.form.read(session, self.remove_member.is_empty())?;
        let (node, signer) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let old = open(&vault, id)?;
        // For each programme she is known in, as for who registers her anew.
        let programmes = Some(vault.programmes(id)?).filter(|all| !all.is_empty());
        Enrolling::new(&node, (&signer, Duty::FamilyChange), programmes)?;
        let mut new = old.clone();
        told.write(&mut new)?;
        let count = new.members.len();
        let no_member = |number: usize| {
            Fault::input(format!("family {id} has members 1 to {count}, no {number}."))
        };
        let mut out = self.remove_member.clone();
        out.sort_unstable();
        out.dedup();
        for number in out.into_iter().rev() {
            if !(1..=count).contains(&number) {
                return Err(no_member(number));
            }
            new.members.remove(number - 1);
        }
        new.members.extend(told.people()?);
        new.check()?;
        let differs = old.differs(&new);
        if !self.dry_run && !differs.is_empty() {
            let question = format!("Change {} of family {id}?", differs.join(", "));
            session.ask.confirm(&session.screen, &question)?;
            let digest = vault.content_digest(&new.encode()?);
            let (whole, members) = new.records()?;
            let mut txn = vault.begin()?;
            txn.replace(id, digest, &whole, &members)?;
            txn.commit()?;
        }
        node.close()?;
        let value = json!({ "family": id, "changed": differs, "written": !self.dry_run });
        session.screen.answer("change", value, || match (differs.is_empty(), self.dry_run) {
            (true, _) => format!("Nothing about family {id} is different."),
            (false, true) => format!("Would change {} of family {id}.", differs.join(", ")),
            (false, false) => format!("Changed {} of family {id}.", differs.join(", ")),
        })
    }
}
