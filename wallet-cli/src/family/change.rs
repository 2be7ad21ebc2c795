use std::path::PathBuf;

use annona_ledger::duty::Duty;
use annona_node::household;
use annona_node::person::Household;
use clap::Args;
use serde_json::json;

use super::enrol::Enrolling;
use super::form::Form;
use super::show::open;
use super::{fields, happened};
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;
use crate::signer::Operator;

const EXAMPLES: &str = "\
Examples:
  $ annona family change 1 --from moved.family --operator mara.keys \\
      --operator-passphrase-file pass.txt
  $ annona family change 1 --from moved.family --dry-run --operator mara.keys \\
      --operator-passphrase-file pass.txt

What stands in moved.family:
  village=
  size=6
  1: phone=+963 11 123";

/// Corrects what is known of a family. An empty value takes it away; pseudonyms and cards stay, and so do the people: who
/// comes or goes is told by `family birth`, `death`, `split` and `merge`. The name of whom two operators named to collect
/// is corrected by two.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Change {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    #[command(flatten)]
    form: Form,
    /// Refused with what to do instead
    #[arg(long = "remove-member", value_name = "NUMBER", hide = true)]
    remove_member: Vec<usize>,
    #[command(flatten)]
    operator: Operator,
    /// The key file of a second operator, for the collector's name: an approver or a supervisor
    #[arg(long, value_name = "FILE")]
    second: Option<PathBuf>,
    /// Take the second operator's passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    second_passphrase_file: Option<PathBuf>,
    /// Say what would change; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Change {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if !self.remove_member.is_empty() {
            return Err(Fault::usage("a member is taken out by two operators.")
                .then("`annona family death`, or `annona family split` for who moved out."));
        }
        let told = self.form.read(session, true)?;
        if !told.people()?.is_empty() {
            return Err(Fault::input("somebody new is told of by two operators.")
                .then("`annona family birth`, for who was born or came to stay."));
        }
        let passphrase = self.second_passphrase_file.as_deref();
        let second = happened::second(session, self.second.as_deref(), passphrase)?;
        let (node, signer) = session.signing(&self.operator)?;
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let old = open(&vault, id)?;
        // For each programme she is known in, as for who registers her anew.
        let programmes = Some(vault.programmes(id)?).filter(|all| !all.is_empty());
        Enrolling::new(&node, (&signer, Duty::FamilyChange), programmes)?;
        let mut new = old.clone();
        told.write(&mut new)?;
        // Two people named her, by her place: under one word another name there would be another person.
        let last = household::changes(&vault, &node.federation()?, id)?.last().copied();
        let collector = last.filter(|change| change.collected_by == id);
        let at = collector.and_then(|change| usize::from(change.collector).checked_sub(1));
        let name = |of: &Household| at.and_then(|at| of.members.get(at)).map(fields::name);
        if name(&old) != name(&new) {
            let second = second.ok_or_else(|| {
                Fault::refused("the name of whom two operators named to collect is changed by two.")
                    .then("Give the second: --second FILE.")
            })?;
            happened::two(&node, (&signer, &second), &vault.programmes(id)?)?;
        }
        new.check()?;
        let differs = old.differs(&new);
        if !self.dry_run && !differs.is_empty() {
            let question = format!("Change {} of family {id}?", differs.join(", "));
            session.confirm(&question, &[&old.encode()?])?;
            let digest = vault.content_digest(&new.encode()?);
            let (whole, members) = new.records()?;
            let mut txn = vault.begin()?;
            txn.replace(id, digest, &whole, &members)?;
            household::note_corrected(&mut txn, id, &differs)?;
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
