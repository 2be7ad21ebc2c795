//! What a person takes home: half a page in words, and a receipt other programs read, in the shape of ISO/IEC TS 27560
//! with the terms of the W3C Data Privacy Vocabulary.

use annona_ledger::charter::Charter;
use annona_ledger::consent::{Grant, Recipient, StateWord, Way};
use annona_ledger::id::{Commitment, OrgId};
use annona_ledger::notice::Roles;
use annona_ledger::time::DayNo;
use serde_json::{Value, json};

use super::Consent;
use crate::papers::Papers;

/// Who is meant by the numbers of a consent, and which day is which.
pub struct Parties<'a> {
    /// The charter.
    pub charter: &'a Charter,
    /// A day since founding as a date.
    pub date: &'a dyn Fn(DayNo) -> String,
}

impl Parties<'_> {
    fn name(&self, org: OrgId) -> String {
        let known = self.charter.organisation(org).map(|one| one.name.to_string());
        known.unwrap_or_else(|| format!("organisation {org}"))
    }

    fn recipient(&self, recipient: &Recipient) -> String {
        match recipient {
            Recipient::Organisation(org) => self.name(*org),
            Recipient::Role { org, roles } => {
                let roles: Vec<_> = roles.words().collect();
                format!("{} ({})", self.name(*org), roles.join(", "))
            }
        }
    }
}

/// The organisation of a recipient.
pub(super) const fn org_of(recipient: &Recipient) -> OrgId {
    match recipient {
        Recipient::Organisation(org) | Recipient::Role { org, .. } => *org,
    }
}

const fn way(way: Way) -> &'static str {
    match way {
        Way::Spoken => "spoken",
        Way::Paper => "paper",
        Way::Witnessed => "witnessed",
        Way::Guardian => "guardian",
        Way::Wallet => "by her wallet",
    }
}

/// The half page, without her name: what she said yes to, and how to take it back. In the language of `papers`.
#[must_use]
pub fn slip(consent: &Consent, state: StateWord, parties: &Parties<'_>, papers: &Papers) -> String {
    let grant = &consent.grant;
    let date = |day| papers.set(&(parties.date)(day));
    let (from, until) = (date(grant.not_before), date(grant.expires));
    let notice = &grant.notice;
    papers.rows([
        (papers.consent, grant.id.to_string()),
        (papers.state, papers.state(state).to_owned()),
        (papers.kept_by, parties.name(grant.controller)),
        (papers.may_be_shown, papers.attributes(grant.attributes)),
        (papers.to, parties.recipient(&grant.recipient)),
        (papers.purpose, papers.purpose(grant.purpose).to_owned()),
        (papers.ground, papers.ground(grant.basis).to_owned()),
        (papers.counts, format!("{from} – {until}")),
        (papers.uses, grant.uses.to_string()),
        (papers.given, papers.way(grant.way, grant.guardian)),
        (
            papers.notice,
            format!("{} {}, {}", papers.version, notice.version, notice.language.tag()),
        ),
        (papers.take_back, withdraw_code(&consent.commitment())),
    ])
}

/// What any desk needs to take a consent back: its commitment, in groups of eight.
#[must_use]
pub fn withdraw_code(commitment: &Commitment) -> String {
    let digits = commitment.to_string();
    let groups = digits.as_bytes().chunks(8).map(|group| String::from_utf8_lossy(group));
    groups.collect::<Vec<_>>().join("-")
}

/// The receipt: record, processing, parties, events. It names the person by her pseudonym in the programme and nothing
/// else, so it may lie beside the half page.
#[must_use]
pub fn receipt(consent: &Consent, state: StateWord, parties: &Parties<'_>) -> Value {
    let grant: &Grant = &consent.grant;
    let date = parties.date;
    let attributes: Vec<Value> = grant
        .attributes
        .iter()
        .map(|one| {
            let special = matches!(one, annona_ledger::consent::Attribute::Health);
            json!({
                "pii_type": one.iri().unwrap_or(one.word()), "pii_attribute": one.word(),
                "pii_optional": false, "sensitive_pii_category": special,
                "special_pii_category": special,
            })
        })
        .collect();
    let recipient = org_of(&grant.recipient);
    let party = |org: OrgId, role: &str| json!({ "party_id": format!("org-{org}"), "party_name": parties.name(org), "party_role": role });
    let days = grant.expires.0.saturating_sub(grant.not_before.0).saturating_add(1);
    json!({
        "record": {
            "schema_version": "ISO/IEC TS 27560:2023",
            "record_id": grant.id.to_string(),
            "pii_principal_id": grant.pseudonym.to_string(),
        },
        "pii_processing": {
            "privacy_notice": format!("blake3:{}", grant.notice.text),
            "privacy_notice_version": grant.notice.version,
            "language": grant.notice.language.tag(),
            "purposes": [{
                "purpose": grant.purpose.means(),
                "purpose_type": grant.purpose.iri(),
                "lawful_basis": grant.basis.iri(),
                "pii_information": attributes,
                "pii_controllers": [format!("org-{}", grant.controller)],
                "recipient_third_parties": [format!("org-{recipient}")],
                "recipient_roles": roles(&grant.recipient),
                "collection_method": [way(grant.way)],
                "maximum_uses": grant.uses,
                "withdrawal_method": withdraw_code(&consent.commitment()),
            }],
        },
        "party_identification": [
            party(grant.controller, "PII controller"), party(recipient, "third party"),
        ],
        "event": [{
            "event_time": date(grant.not_before),
            "validity_duration": format!("P{days}D"),
            "entity_id": grant.pseudonym.to_string(),
            "event_type": if grant.guardian.is_some() { "by guardian" } else { "explicit" },
            "event_state": state.iri(),
        }],
        "consent_receipt": {
            "commitment": consent.commitment().to_string(),
            "state": state.word(),
            "renews": grant.renews.map(|earlier| earlier.to_string()),
        },
    })
}

fn roles(recipient: &Recipient) -> Vec<&'static str> {
    match recipient {
        Recipient::Organisation(_) => Vec::new(),
        Recipient::Role { roles, .. } => Roles::words(*roles).collect(),
    }
}
