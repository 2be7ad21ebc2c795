use annona_node::credential::card::{Against, OnStale};
use annona_node::credential::json::MAX_LIST;
use annona_node::credential::{Refusal, integrity, jws, sd_jwt};
use annona_node::seal::random;
use clap::Args;
use serde_json::json;

use super::Waiting;
use crate::card::against::{Believed, refused};
use crate::card::paper::told;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona card credential check amina.shown --status camp.cards/1.1.cwt --dir hill
  $ annona card credential check amina.json --trust camp.cards/trust.json \\
      --status camp.cards/1.1.json --json";

/// Checks a credential that was shown, against this node's ledger or a list of whom to trust. Never without.
///
/// Both kinds are read: what a wallet shows (SD-JWT), which must answer a question of `annona card credential ask` that
/// nobody answered before; and documents of W3C, which whoever has them can show. It ends with 1 where it is not to be
/// honoured, and says why: unreadable, not ours, issuer unknown, self-issued, not authentic, not yet, expired, revoked,
/// stale or not for us.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Check {
    /// The file, its text, or - for standard input
    credential: String,
    #[command(flatten)]
    believed: Believed,
    /// What you asked, where you asked without a node: you see to it that it counts once
    #[arg(long, value_name = "TEXT", requires = "audience")]
    nonce: Option<String>,
    /// As whom you asked it
    #[arg(long, value_name = "TEXT", requires = "nonce")]
    audience: Option<String>,
    /// Honour it also where nobody knows whether it was taken back since
    #[arg(long)]
    allow_stale: bool,
}

impl Check {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let text = told(&self.credential, u64::try_from(MAX_LIST).unwrap_or(u64::MAX))?;
        let known = self.believed.read(session)?;
        let stale = if self.allow_stale { OnStale::Allow } else { OnStale::Refuse };
        let (trust, statuses, now) = (&known.trust, &known.statuses, known.now);
        let against = Against { trust, statuses, now, stale };
        let w3c = text.starts_with('{');
        let answer = match (&self.nonce, &self.audience) {
            _ if w3c => integrity::shown(text.as_bytes(), &against),
            (Some(nonce), Some(audience)) => {
                sd_jwt::check(&text, &sd_jwt::Asked { against, audience, nonce, since: None })
            }
            _ => self.asked(session, &text, against)?,
        };
        let shown = match answer {
            Ok(shown) => shown,
            Err(refusal) => return refused(session, "credential", &refusal, next(&refusal)),
        };
        let value = json!({
            "good": true, "form": if w3c { "w3c" } else { "sd-jwt" }, "issuer": shown.issuer.name,
            "holder": shown.holder.map(|key| jws::did(&key)), "claims": shown.claims,
            "stale": shown.stale, "as_of": shown.as_of.map(|at| at.to_string()),
        });
        session.screen.answer("credential", value, || {
            let claims = if w3c { shown.claims.get("credentialSubject") } else { None };
            let claims = claims.and_then(|claims| claims.as_object()).unwrap_or(&shown.claims);
            let technical = ["iss", "iat", "exp", "nbf", "vct", "cnf", "status", "id"];
            let mut lines = vec![format!("good: issued by {}", shown.issuer.name)];
            let told = claims.iter().filter(|(name, _)| !technical.contains(&name.as_str()));
            lines.extend(told.map(|(name, value)| match value.as_str() {
                Some(text) => format!("  {name}: {text}"),
                None => format!("  {name}: {value}"),
            }));
            lines.join("\n")
        })?;
        if w3c {
            session
                .screen
                .note("Whoever has this file can show it: it does not say who stands here.");
        }
        if shown.stale {
            session.screen.warn("whether it was taken back since is not known.");
        }
        Ok(())
    }

    /// Checks an answer to a question of this node, which is used up by it.
    fn asked(
        &self,
        session: &Session,
        text: &str,
        against: Against<'_>,
    ) -> Outcome<Result<annona_node::credential::Shown, Refusal>> {
        let (_folder, store) = session.take_in().map_err(|fault| {
            fault.then("Or say what you asked, and as whom: --nonce TEXT --audience TEXT.")
        })?;
        let own = session.own_key()?;
        let audience = own
            .map(|key| jws::did(&key))
            .ok_or_else(|| Fault::input("node.toml does not say which key is this node's."))?;
        let mut waiting = Waiting::read(&store, against.now)?;
        let named = sd_jwt::nonce(text);
        let place = waiting.0.iter().position(|(nonce, _)| Some(hex(nonce)) == named);
        // What nobody asked is compared with what nobody can have answered: every other reason comes first.
        let none = (random()?, against.now.0);
        let (nonce, since) = place.and_then(|at| waiting.0.get(at)).copied().unwrap_or(none);
        let since = Some(annona_node::credential::when::Seconds(since));
        let nonce = hex(&nonce);
        let asked = sd_jwt::Asked { against, audience: &audience, nonce: &nonce, since };
        let answer = sd_jwt::check(text, &asked);
        if let (Ok(_), Some(place)) = (&answer, place) {
            // Durable before it is said: what counted once counts no more.
            waiting.0.remove(place);
            waiting.write(&store)?;
        }
        Ok(answer)
    }
}

/// What the person at the desk does next.
fn next(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::IssuerUnknown | Refusal::SelfIssued => {
            "If a partner issued it, take in their charter or their list of keys."
        }
        Refusal::NotAuthentic(_) => "Keep it, and tell your supervisor.",
        Refusal::Stale(_) => {
            "Take in a newer list of its issuer: --status FILE. --allow-stale honours it all the same."
        }
        Refusal::NotForUs(_) => {
            "Ask anew with `annona card credential ask`, and have her show it for that."
        }
        Refusal::NotYet(_) | Refusal::Expired(_) | Refusal::Revoked => {
            "Ask her for another consent, and her site for another credential."
        }
        _ => "Have it shown again.",
    }
}
