use annona_ledger::view::View;
use annona_node::household;
use annona_node::person::{Field, Household};
use annona_node::vault::{HouseholdId, Vault};
use clap::Args;
use serde_json::json;

use super::fields;
use crate::fault::Outcome;
use crate::holder;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona family show 1
  $ annona family show desk:B1-001 --json";

/// Shows all that is known of a family, and where it is enrolled.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
}

impl Show {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let mut household = open(&vault, id)?;
        let (mut programmes, mut collects) = (Vec::new(), None);
        if let Ok(charter) = node.store().charter() {
            let work = node.store().look()?;
            for (programme, about) in charter.programmes() {
                let holder = holder::pseudonym(&node, &vault, id, programme)?;
                if work.enrolled(programme, &holder) {
                    programmes.push(format!("{programme} {}", about.name));
                }
            }
        }
        let mut happened = Vec::new();
        if let Ok(federation) = node.federation() {
            for change in household::changes(&vault, &federation, id)? {
                happened.push(json!({
                    "what": change.happened.word(), "day": change.on, "other": change.other,
                    "collected_by": change.collected_by, "collector": change.collector,
                }));
                collects = Some((change.collected_by, change.collector));
            }
        }
        let named = fields::key(&vault, id, &household)?;
        let key = std::mem::replace(&mut household.key, named);
        let value = json!({
            "happened": happened,
            "family": id, "key": key, "named": household.key, "people": household.people(),
            "household": fields::json_of(&household.whole),
            "members": household.members.iter().map(fields::json_of).collect::<Vec<_>>(),
            "enrolled": programmes,
        });
        session.screen.answer("family", value, || {
            let mut lines = vec![format!("Family {id}, key {}", household.key)];
            lines.extend(
                household
                    .whole
                    .iter()
                    .map(|(f, v)| format!("  {}: {}", f.name(), fields::print(v))),
            );
            for (number, person) in (1..).zip(&household.members) {
                lines.push(format!("  {number}. {}", fields::name(person)));
                let names =
                    [Field::FullName, Field::GivenName, Field::MiddleName, Field::FamilyName];
                let rest = person.iter().filter(|(field, _)| !names.contains(field));
                lines.extend(rest.map(|(f, v)| format!("     {}: {}", f.name(), fields::print(v))));
            }
            let list =
                if programmes.is_empty() { "nowhere yet".into() } else { programmes.join(", ") };
            lines.push(format!("  enrolled in: {list}"));
            if let Some((family, number)) = collects {
                lines.push(format!("  collects: member {number} of family {family}"));
            }
            lines.join("\n")
        })?;
        Ok(node.close()?)
    }
}

/// Opens a household.
pub(crate) fn open(vault: &Vault, id: HouseholdId) -> Outcome<Household> {
    let stored = vault.household(id)?;
    let members = stored.members.iter().map(|member| member.as_slice());
    Ok(Household::from_records(&stored.household, members)?)
}
