use std::path::PathBuf;

use annona_ledger::consent::{
    Basis, Grant, Guardian, Language, NoticeShown, Recipient, StateWord, Way,
};
use annona_ledger::duty::Duty;
use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::Lane;
use annona_ledger::limits;
use annona_ledger::time::DayNo;
use annona_node::atomic;
use annona_node::consent::own::Offer;
use annona_node::consent::{self, Answer, Parties};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::{attributes, date, find, last, papers, purpose};
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::pay::slip;
use crate::session::Session;
use crate::signer::Operator;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona consent give 1 --purpose referral --to Water --attributes name,age_band \\
      --notice notice-sw.txt --language sw --operator mara.keys --operator-passphrase-file pass.txt
  $ annona consent give 1 --purpose contact --to City --attributes phone --days 30 --uses 5 \\
      --notice notice-sw.txt --language sw --way guardian --guardian parent --dry-run \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona consent give 1 --purpose referral --to Water --attributes name --notice notice-sw.txt \\
      --language sw --offer amina.offer --operator mara.keys --operator-passphrase-file pass.txt";

/// The longest notice that is read, in bytes.
const NOTICE: usize = 1024 * 1024;

/// Keeps what a person agreed to after the notice was read to her, and says on the ledger that there is such a consent.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Give {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// What for: one purpose, asked by itself
    #[arg(long, value_name = "PURPOSE")]
    purpose: String,
    /// The organisation that may have it: its number or name
    #[arg(long, value_name = "ORG")]
    to: String,
    /// Only its nodes with one of these roles
    #[arg(long, value_name = "ROLES", value_delimiter = ',')]
    role: Vec<String>,
    /// Which attributes
    #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
    attributes: Vec<String>,
    /// On what ground: consent, vital_interest or public_interest
    #[arg(long, value_name = "GROUND", default_value = "consent")]
    basis: String,
    /// For how many days, today counted
    #[arg(long, value_name = "N", default_value_t = 180)]
    days: u32,
    /// How often it may be used
    #[arg(long, value_name = "N", default_value_t = 1)]
    uses: u32,
    /// The notice that was read out or shown
    #[arg(long, value_name = "FILE")]
    notice: PathBuf,
    /// Its version
    #[arg(long, value_name = "N", default_value_t = 1)]
    notice_version: u16,
    /// The language it was in, as a tag such as sw or fa-AF. Her paper is in it where there are papers in it
    #[arg(long, value_name = "TAG")]
    language: String,
    /// How she answered
    #[arg(long, value_enum, default_value_t = How::Spoken)]
    way: How,
    /// The key of the witness of her choice, 64 digits
    #[arg(long, value_name = "KEY")]
    witness: Option<String>,
    /// Who spoke for her
    #[arg(long, value_enum)]
    guardian: Option<Who>,
    /// The consent this one takes the place of
    #[arg(long, value_name = "CONSENT")]
    renews: Option<String>,
    /// She said no: keep that, so that nobody asks again as if nobody had
    #[arg(long)]
    refused: bool,
    /// Keep nothing: write an offer, which her own wallet answers (`annona wallet consent give`)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["refused", "way", "witness", "guardian"])]
    offer: Option<PathBuf>,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    operator: Operator,
    /// Say what would be agreed to; keep nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum How {
    Spoken,
    Paper,
    Witnessed,
    Guardian,
}

#[derive(Clone, Copy, ValueEnum)]
enum Who {
    Parent,
    Legal,
    Caregiver,
}

impl Give {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let (programme, about) = words::served(&node, &charter, self.programme.as_deref())?;
        let org = node.org().unwrap_or(about.org);
        let at = node.stamp(&node.feed(Lane::Registry, programme))?;
        signer.may(&node, &[org], (Duty::ConsentGive, programme), at)?;
        let to = words::organisation(&charter, &self.to)?.id;
        let recipient = if self.role.is_empty() {
            Recipient::Organisation(to)
        } else {
            Recipient::Role { org: to, roles: words::node_roles(&self.role)? }
        };
        let basis = Basis::of(&self.basis).ok_or_else(|| {
            let all: Vec<_> = Basis::ALL.iter().map(|one| one.word()).collect();
            Fault::input(format!("the ground is one of: {}.", all.join(", ")))
        })?;
        if !(1..=limits::CONSENT_DAYS).contains(&self.days) {
            return Err(Fault::input(format!(
                "a consent counts for 1 to {} days.",
                limits::CONSENT_DAYS
            )));
        }
        let text = atomic::read(&self.notice, NOTICE)?;
        if text.is_empty() {
            return Err(Fault::file(&self.notice, "the notice is empty: nobody can have read it."));
        }
        let language = Language::of(&self.language).ok_or_else(|| {
            Fault::input(format!("\"{}\" is no language tag: write sw, ar, fa-AF.", self.language))
        })?;
        let today = DayNo::of(at);
        let first = consent::first_day(&node, &vault, id, today)?;
        let end = words::last_day(first.first().max(at), self.days, charter.founded());
        let renews = self.renews.as_deref().map(|text| find(&vault, text)).transpose()?;
        let witness = self.witness.as_deref();
        let witness = witness.map(|text| words::public_key("the witness", text)).transpose()?;
        let grant = Grant {
            id: consent::new_id()?,
            programme,
            pseudonym: holder::pseudonym(&node, &vault, id, programme)?,
            controller: org,
            recipient,
            purpose: purpose(&self.purpose)?,
            attributes: attributes(&self.attributes)?,
            basis,
            not_before: first,
            expires: end.min(today.plus(limits::CONSENT_DAYS.saturating_sub(1))),
            uses: self.uses,
            way: match self.way {
                How::Spoken => Way::Spoken,
                How::Paper => Way::Paper,
                How::Witnessed => Way::Witnessed,
                How::Guardian => Way::Guardian,
            },
            notice: NoticeShown {
                text: hash(Purpose::File, &[&text]),
                version: self.notice_version,
                language,
            },
            witness,
            guardian: self.guardian.map(|who| match who {
                Who::Parent => Guardian::Parent,
                Who::Legal => Guardian::Legal,
                Who::Caregiver => Guardian::Caregiver,
            }),
            renews: renews.as_ref().map(consent::Consent::commitment),
        };
        grant.check().map_err(|why| Fault::input(format!("{why}.")))?;
        if let Some(out) = self.offer.as_ref().filter(|_| !self.dry_run) {
            let offer = Offer::of(grant)?;
            let text = slip::wallet::text(slip::wallet::OFFER, &offer.encode());
            atomic::write(out, format!("{text}\n").as_bytes())?;
            node.close()?;
            let value = json!({ "family": id, "consent": grant.id.to_string(), "offer": text });
            return session.screen.answer("offer", value, || {
                format!(
                    "{text}\nHer wallet answers: `annona wallet consent give WALLET {}`",
                    out.display()
                )
            });
        }
        let (answer, state) = if self.refused {
            (Answer::No, StateWord::Refused)
        } else {
            (Answer::Yes, StateWord::Given)
        };
        if self.dry_run {
            node.close()?;
            let words = format!(
                "Family {id} would agree: {} for {} to {}, until {}. Nothing was kept.",
                grant.attributes,
                grant.purpose.word(),
                self.to,
                last(&charter, grant.expires)
            );
            return dry_run::would(session, "consent", json!({ "family": id }), &words);
        }
        consent::give(&mut node, &mut vault, id, &grant, answer, signer.key())?;
        let consents = consent::list(&vault, id)?;
        node.close()?;
        let given = consents.iter().find(|one| one.grant.id == grant.id);
        let given = given.ok_or_else(|| Fault::refused("nothing was kept."))?;
        let number = consents.len();
        let value = json!({
            "family": id, "consent": grant.id.to_string(), "number": format!("{id}/{number}"),
            "state": state.word(), "commitment": given.commitment().to_string(),
            "expires": last(&charter, grant.expires),
        });
        if first > today {
            session.screen.note(format!(
                "Somebody joined the family today: it counts from {} on.",
                date(&charter, first)
            ));
        }
        session.screen.answer("consent", value, || {
            let (date, last) = (|day| date(&charter, day), |day| last(&charter, day));
            let parties = Parties { charter: &charter, date: &date, last: &last };
            let papers = papers(session, &given.grant);
            let page = consent::slip(given, state, &parties, papers);
            format!("Consent {id}/{number}\n{}", page.trim_end())
        })
    }
}
