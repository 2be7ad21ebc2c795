use annona_ledger::charter::Charter;
use annona_ledger::id::ProgrammeId;
use annona_ledger::short_code::{NotACode, ShortCode};
use annona_ledger::view::View;
use annona_node::credential::card::{self, MAX_TEXT};
use annona_node::credential::{Against, Checked, OnStale, Refusal};
use clap::Args;
use serde_json::json;

use super::against::{Believed, Known, refused};
use super::{carrier, given, paper};
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::{holder, words};

const EXAMPLES: &str = "\
Examples:
  $ annona card check 7K3M-9QXD-2VHN
  $ annona card check card.txt
  $ annona card check card.txt --trust camp.cards/trust.json --status camp.cards/1.1.cwt --transfer
  $ annona card check \"7k3m 9qxd 2vhn\" --json";

/// Says whose card or code it is, and whether it may be honoured.
///
/// A printed card is checked against this node's ledger, or anywhere against a list of whom to trust. It ends with 1
/// where the card is not to be honoured, and says why: unreadable, not ours, forbidden, issuer unknown, not authentic,
/// not yet, expired, revoked or stale.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Check {
    /// The short code, the text of the card's code, a file that holds it, or - for standard input
    card: String,
    #[command(flatten)]
    believed: Believed,
    /// Refuse where nobody knows whether it was cancelled: for what goes to another organisation, not for food
    #[arg(long)]
    transfer: bool,
}

/// What the ledger here says of a card.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OnLedger {
    /// There is no ledger here, or it has not heard of the card.
    Unknown,
    /// The card is bound to its holder.
    Bound,
    /// The card was cancelled.
    Cancelled,
}

impl Check {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        // One letter more than fits, so that too long is told from cut.
        let most = u64::try_from(MAX_TEXT).unwrap_or(u64::MAX).saturating_add(3);
        let text = paper::told(&self.card, most)?;
        match text.parse::<ShortCode>() {
            Ok(_) => code(session, &text),
            // Nobody types a card: what is short is a code that was misread.
            Err(NotACode::Length(length)) if length > 40 => self.paper(session, &text),
            Err(why) if text.chars().count() <= 40 => Err(Fault::input(format!("{why}."))),
            Err(_) => self.paper(session, &text),
        }
    }

    fn paper(&self, session: &Session, text: &str) -> Outcome {
        let Known { now, store, charter, trust, ended, statuses } = self.believed.read(session)?;
        let allow = Against { trust: &trust, statuses: &statuses, now, stale: OnStale::Allow };
        let on_ledger = |checked: &Checked| -> Outcome<OnLedger> {
            let (Some(store), Some(programme)) = (&store, checked.card.programme()) else {
                return Ok(OnLedger::Unknown);
            };
            let programme = ProgrammeId(programme);
            let work = store.look()?;
            let holders = work.carrier(programme, &checked.carrier);
            let its = checked.card.pseudonym().is_some_and(|p| holders.iter().any(|h| h.0 == p));
            let cancelled = work.cancelled(programme, &checked.carrier);
            work.check()?;
            Ok(match (cancelled, its) {
                (true, _) => OnLedger::Cancelled,
                (false, true) => OnLedger::Bound,
                (false, false) => OnLedger::Unknown,
            })
        };
        let answer = match card::check(text, &allow) {
            // Of a node that ended, a card is believed where the ledger has it.
            Err(Refusal::IssuerUnknown) => {
                let former = Against { trust: &ended, ..allow };
                let found = card::check(text, &former).ok();
                let found = found.map(|checked| on_ledger(&checked).map(|at| (checked, at)));
                match found.transpose()? {
                    Some((checked, at)) if at != OnLedger::Unknown => Ok((checked, at)),
                    _ => Err(Refusal::IssuerUnknown),
                }
            }
            other => match other {
                Ok(checked) => on_ledger(&checked).map(|at| Ok((checked, at)))?,
                Err(refusal) => Err(refusal),
            },
        };
        let answer = answer.and_then(|(mut checked, at)| {
            if at == OnLedger::Cancelled {
                return Err(Refusal::Revoked);
            }
            // The ledger is the list of lists: a card it has bound and not cancelled holds as of what is known here.
            checked.stale &= at != OnLedger::Bound;
            if checked.stale && self.transfer {
                return Err(Refusal::Stale("nobody here knows whether it was cancelled"));
            }
            Ok((checked, at))
        });
        match answer {
            Ok((checked, at)) => say(session, charter.as_deref(), &checked, at),
            Err(refusal) => refused(session, "card", &refusal, next(&refusal)),
        }
    }
}

fn say(session: &Session, charter: Option<&Charter>, checked: &Checked, at: OnLedger) -> Outcome {
    let Checked { card, issuer, as_of, stale, .. } = checked;
    let programme = card.programme();
    let about = programme.and_then(|p| charter?.programme(ProgrammeId(p)));
    let value = json!({
        "good": true, "issuer": issuer.name, "programme": programme, "holder": card.id,
        "name": card.name, "language": card.language, "expires": card.expires.to_string(),
        "stale": stale, "as_of": as_of.map(|at| at.to_string()), "on_ledger": at == OnLedger::Bound,
    });
    session.screen.answer("card", value, || {
        let programme = match (about, programme) {
            (Some(about), _) => format!(" in {}", about.name),
            (None, Some(number)) => format!(" in programme {number}"),
            (None, None) => String::new(),
        };
        let name = card.name.as_ref().map(|name| format!("{}, ", words::name(name)));
        let name = name.unwrap_or_default();
        format!(
            "good: {name}holder {}{programme}, issued by {}, until {}. It authenticates nobody.",
            card.id, issuer.name, card.expires
        )
    })?;
    if *stale {
        let known = match as_of {
            Some(at) => format!("the list is of {at}"),
            None => "no list is held".to_owned(),
        };
        session.screen.warn(format!(
            "whether it was cancelled since is not known: {known}. Honour it for food; not for a transfer."
        ));
    }
    Ok(())
}

/// What the person at the counter does next.
fn next(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::Unreadable(_) => {
            "Read it again, in better light; or use the short code beside it."
        }
        Refusal::NotOurs(_) | Refusal::Forbidden(_) => {
            "Ask for the card of this programme, or find the family: `annona family find WORD`."
        }
        Refusal::IssuerUnknown => {
            "If a partner issued it, take in their charter or their list of keys; find the family \
             meanwhile: `annona family find WORD`."
        }
        Refusal::NotAuthentic(_) => "Keep it, and tell your supervisor.",
        Refusal::Revoked => "The family has another one, or gets one: `annona card print`.",
        Refusal::Stale(_) => "Take in a newer list, or sync.",
        Refusal::NotYet(_) | Refusal::Expired(_) | Refusal::NotForUs(_) => {
            "`annona card reissue` prints another one."
        }
        _ => "Find the family by name: `annona family find WORD`.",
    }
}

/// Whose short code it is.
fn code(session: &Session, text: &str) -> Outcome {
    let node = session.node()?;
    let vault = session.vault(&node)?;
    let (code, id) = given(&node, &vault, text)?;
    let charter = node.store().charter()?.clone();
    let work = node.store().look()?;
    let (mut bound, mut cancelled) = (Vec::new(), false);
    for (programme, about) in charter.programmes() {
        let carrier = carrier(&node, &code, programme)?;
        let holder = holder::pseudonym(&node, &vault, id, programme)?;
        if work.carrier(programme, &carrier).contains(&holder) {
            cancelled |= work.cancelled(programme, &carrier);
            bound.push(format!("{programme} {}", about.name));
        }
    }
    work.check()?;
    drop(work);
    node.close()?;
    if cancelled || bound.is_empty() {
        let why = if cancelled { "was cancelled" } else { "was never bound to anybody" };
        return Err(Fault::new(Exit::Wrong, format!("code {code} {why}: do not honour it."))
            .then("`annona card issue` gives the family a new one."));
    }
    let value = json!({ "family": id, "code": code.to_string(), "programmes": bound });
    session.screen.answer("card", value, || {
        format!("{code} is family {id}'s, in {}. It authenticates nobody.", bound.join(", "))
    })
}
