use annona_ledger::entry::CarrierKind;
use annona_ledger::view::View;
use annona_node::credential::register::Register;
use annona_node::folder::CARDS;
use annona_node::household;
use annona_node::person::{Field, Household};
use annona_node::vault::{HouseholdId, Vault};
use clap::Args;
use serde_json::json;

use super::fields;
use crate::fault::Outcome;
use crate::session::Session;
use crate::{card, holder, words};

const EXAMPLES: &str = "\
Examples:
  $ annona family show 1
  $ annona family show desk:B1-001 --json";

/// Shows all that is known of a family, where it is enrolled, and which cards and codes of it count.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
}

impl Show {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let mut household = open(&vault, id)?;
        let (mut programmes, mut collects) = (Vec::new(), None);
        let (mut counts, mut counting) = (Vec::new(), Vec::new());
        if let Ok(charter) = node.store().charter() {
            let work = node.store().look()?;
            for (programme, about) in charter.programmes() {
                let holder = holder::pseudonym(&node, &vault, id, programme)?;
                if work.enrolled(programme, &holder) {
                    programmes.push(format!("{programme} {}", about.name));
                }
            }
            drop(work);
            for (programme, about) in charter.programmes() {
                let all = card::counting(&node, &vault, id, programme)?;
                if !all.is_empty() {
                    counting.push(format!("{} in {}", card::kinds(&all), about.name));
                    let of = |kind| all.iter().filter(|(_, is)| *is == kind).count();
                    counts.push(json!({
                        "programme": programme, "codes": of(CarrierKind::Code),
                        "papers": of(CarrierKind::Paper), "wallets": of(CarrierKind::Phone),
                    }));
                }
            }
        }
        // Of a code only its hash is kept, but for those beside printed cards.
        let mut cards = Vec::new();
        if node.folder().file(CARDS).exists() {
            match Register::of_node(&node, &mut vault) {
                Ok(register) => cards.extend(register.of_family(id).map(|line| {
                    let code = card::code_of(line).map(|code| code.to_string());
                    (line.programme, code, line.expires().to_string())
                })),
                Err(fault) => session.screen.warn(format!("her printed cards: {fault}")),
            }
        }
        let (mut happened, mut husks) = (Vec::new(), Vec::new());
        if let Ok(federation) = node.federation() {
            husks = household::merged_into(&vault, &federation, id)?;
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
            "happened": happened, "merged": husks,
            "family": id, "key": key, "named": household.key, "people": household.people(),
            "household": fields::json_of(&household.whole),
            "members": household.members.iter().map(fields::json_of).collect::<Vec<_>>(),
            "enrolled": programmes, "counting": counts,
            "cards": cards.iter().map(|(programme, code, until)| json!({
                "programme": programme, "code": code, "until": until,
            })).collect::<Vec<_>>(),
        });
        session.screen.answer("family", value, || {
            let mut lines = vec![format!("Family {id}, key {}", words::name(&household.key))];
            lines.extend(
                household
                    .whole
                    .iter()
                    .map(|(f, v)| format!("  {}: {}", f.name(), words::name(&fields::print(v)))),
            );
            for (number, person) in (1..).zip(&household.members) {
                lines.push(format!("  {number}. {}", words::name(&fields::name(person))));
                let names =
                    [Field::FullName, Field::GivenName, Field::MiddleName, Field::FamilyName];
                let rest = person.iter().filter(|(field, _)| !names.contains(field));
                let line = |(field, value): (Field, &_)| {
                    format!("     {}: {}", field.name(), words::name(&fields::print(value)))
                };
                lines.extend(rest.map(line));
            }
            let list =
                if programmes.is_empty() { "nowhere yet".into() } else { programmes.join(", ") };
            lines.push(format!("  enrolled in: {list}"));
            lines.extend(counting.iter().map(|all| format!("  counts: {all}")));
            lines.extend(cards.iter().map(|(_, code, until)| {
                let code = code.as_deref().unwrap_or("no code");
                format!("  printed card: {code}, until {until}")
            }));
            if !counting.is_empty() {
                lines.push(format!("  lost? `annona card cancel --family {id}`"));
            }
            if let Some((family, number)) = collects {
                lines.push(format!("  collects: member {number} of family {family}"));
            }
            lines.extend(husks.iter().map(|husk| {
                format!("  family {husk} was merged into it: what is left there is handed out with its own")
            }));
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
