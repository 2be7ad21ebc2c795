use annona_node::person::{Attributes, Scope};
use clap::Args;
use serde_json::json;

use super::fields;
use super::show::open;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family change 1 --set size=6
  $ annona family change 1 --member-set \"1:phone=+963 11 123\" --add-member \"given_name=Adam,age=0\"
  $ annona family change 1 --set village= --dry-run";

/// Changes what is known of a family. An empty value takes it away; pseudonyms and cards stay.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Change {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// Something known of the family as a whole: FIELD=VALUE
    #[arg(long = "set", value_name = "FIELD=VALUE")]
    set: Vec<String>,
    /// Something known of a member: NUMBER:FIELD=VALUE,FIELD=VALUE
    #[arg(long = "member-set", value_name = "NUMBER:FIELDS")]
    member_set: Vec<String>,
    /// A new member, last: FIELD=VALUE,FIELD=VALUE
    #[arg(long = "add-member", value_name = "FIELDS")]
    add_member: Vec<String>,
    /// Take a member out, by number
    #[arg(long = "remove-member", value_name = "NUMBER")]
    remove_member: Vec<usize>,
    /// Say what would change; change nothing
    #[arg(long)]
    dry_run: bool,
}

impl Change {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let old = open(&vault, id)?;
        let mut new = old.clone();
        for text in &self.set {
            fields::set(&mut new.whole, Scope::Household, text)?;
        }
        let count = new.members.len();
        let no_member = |number: usize| {
            Fault::input(format!("family {id} has members 1 to {count}, no {number}."))
        };
        for text in &self.member_set {
            let (number, rest) = text.split_once(':').ok_or_else(|| {
                Fault::usage(format!("\"{text}\": write NUMBER:FIELD=VALUE, such as 1:age=40."))
            })?;
            let number = number.trim().parse().map_err(|_| no_member(0))?;
            let place = usize::checked_sub(number, 1);
            let person = place.and_then(|at| new.members.get_mut(at));
            fields::person(person.ok_or_else(|| no_member(number))?, rest)?;
        }
        let mut out = self.remove_member.clone();
        out.sort_unstable();
        out.dedup();
        for number in out.into_iter().rev() {
            if !(1..=count).contains(&number) {
                return Err(no_member(number));
            }
            new.members.remove(number - 1);
        }
        for text in &self.add_member {
            let mut person = Attributes::default();
            fields::person(&mut person, text)?;
            new.members.push(person);
        }
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
