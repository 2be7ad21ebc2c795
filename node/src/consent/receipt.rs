//! What a person takes home: half a page in words, and a receipt other programs read, in the shape of ISO/IEC TS 27560
//! with the terms of the W3C Data Privacy Vocabulary.

use annona_ledger::charter::Charter;
use annona_ledger::consent::{Grant, GrantId, Recipient, StateWord, Way};
use annona_ledger::hash::Hash;
use annona_ledger::id::{Commitment, OrgId};
use annona_ledger::notice::Roles;
use annona_ledger::time::DayNo;
use serde_json::{Value, json};

use super::Consent;
use crate::credential::sheet::escape;
use crate::credential::{NotMade, qr};
use crate::papers::Papers;

/// Who is meant by the numbers of a consent, and which day is which.
pub struct Parties<'a> {
    /// The charter.
    pub charter: &'a Charter,
    /// A day since founding as a date.
    pub date: &'a dyn Fn(DayNo) -> String,
    /// The same of the last day something holds: one to whose end it does.
    pub last: &'a dyn Fn(DayNo) -> String,
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
    let from = papers.set(&(parties.date)(grant.not_before));
    let until = papers.set(&(parties.last)(grant.expires));
    let notice = &grant.notice;
    papers.rows([
        (papers.consent, grant.id.to_string()),
        (papers.state, papers.state(state).to_owned()),
        (papers.kept_by, parties.name(grant.controller)),
        (papers.may_be_shown, papers.attributes(grant.attributes)),
        (papers.to, parties.recipient(&grant.recipient)),
        (papers.purpose, papers.purpose(grant.purpose).to_owned()),
        (papers.ground, papers.ground(grant.basis).to_owned()),
        (papers.counts, format!("{from} {} {until}", papers.until)),
        (papers.uses, grant.uses.to_string()),
        (papers.given, papers.way(grant.way, grant.guardian)),
        (
            papers.notice,
            format!(
                "{} {}, {}",
                papers.version,
                papers.set(&notice.version.to_string()),
                papers.set(&notice.language.tag())
            ),
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

/// How the text of a slip's code begins; the number of the consent and its commitment follow, as 96 capital digits.
const CODE: &str = "AC1:";

/// What stands in the code on a slip: which consent, and what takes it back. It names nobody.
#[must_use]
pub fn slip_code(consent: &Consent) -> String {
    let (id, commitment) = (consent.grant.id, consent.commitment());
    format!("{CODE}{}{}", id.to_string().to_uppercase(), commitment.to_string().to_uppercase())
}

/// Reads what a scanner gives of such a code.
#[must_use]
pub fn read_slip_code(text: &str) -> Option<(GrantId, Commitment)> {
    let digits = text.trim().strip_prefix(CODE).filter(|digits| digits.len() == 96)?;
    let digits = Some(digits).filter(|all| all.bytes().all(|b| b.is_ascii_hexdigit()))?;
    let byte = |at: usize| u8::from_str_radix(digits.get(2 * at..2 * at + 2)?, 16).ok();
    let mut bytes = [0; 48];
    for (at, place) in bytes.iter_mut().enumerate() {
        *place = byte(at)?;
    }
    let (id, commitment) = bytes.split_first_chunk::<16>()?;
    Some((GrantId(*id), Commitment(Hash(commitment.try_into().ok()?))))
}

/// The half page as a file to print: the words of [`slip`] in a language, and the code any desk scans to take the consent
/// back.
///
/// # Errors
///
/// [`NotMade`] never, of a consent that is kept.
pub fn slip_page(papers: &Papers, words: &str, code: &str) -> Result<String, NotMade> {
    let (code, words) = (qr::code(code)?.svg("AC1"), escape(words));
    let (tag, direction) = (papers.tag, if papers.right_to_left { "rtl" } else { "ltr" });
    Ok(format!(
        "<!doctype html>\n<html lang=\"{tag}\" dir=\"{direction}\"><head><meta charset=\"utf-8\"><title>Consent</title><style>\
         @page{{size:A5 landscape;margin:10mm}}body{{margin:0;font:10pt/1.4 system-ui,sans-serif}}\
         pre{{white-space:pre-wrap;overflow-wrap:anywhere;font:9pt/1.5 ui-monospace,monospace}}\
         svg{{width:42mm;height:42mm}}</style></head><body><main>{code}<pre>{words}</pre></main></body></html>\n"
    ))
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
