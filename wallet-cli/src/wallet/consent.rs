use std::path::{Path, PathBuf};

use annona_ledger::hash::{Purpose, hash};
use annona_node::atomic;
use annona_node::consent::own::{Offer, Saying};
use annona_node::holder::{HolderFault, Wallet};
use clap::{Args, Subcommand};
use serde_json::json;

use super::Whose;
use super::show::{Permissions, terms};
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::pay::slip;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona wallet consent give amina.wallet amina.offer --notice notice-sw.txt --out amina.said
  $ annona wallet permissions amina.wallet";

const GIVE: &str = "\
Examples:
  $ annona wallet consent give amina.wallet amina.offer --notice notice-sw.txt --out amina.said
  $ annona wallet consent give amina.wallet amina.offer --dry-run";

const WITHDRAW: &str = "\
Examples:
  $ annona wallet consent withdraw amina.wallet 77aa5b0c --out amina.said
  $ annona wallet consent withdraw amina.wallet 77aa5b0c --dry-run";

/// Her own word on who may be shown what of her: signed here, taken in at her home's desk.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Consent {
    Give(Give),
    Withdraw(Withdraw),
    List(Permissions),
}

impl Consent {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Give(command) => command.run(session),
            Self::Withdraw(command) => command.run(session),
            Self::List(command) => command.run(session),
        }
    }
}

/// Agrees to what a desk offers (`annona consent give --offer`), after showing it. Without this paper it never counts.
#[derive(Args)]
#[command(before_help = GIVE)]
pub(crate) struct Give {
    #[command(flatten)]
    whose: Whose,
    /// The offer: its text, or a file that holds it
    #[arg(value_name = "OFFER")]
    offer: String,
    /// The notice she read: it must be the one that is meant
    #[arg(long, value_name = "FILE")]
    notice: Option<PathBuf>,
    /// Write her word to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show what she would agree to; sign nothing
    #[arg(long)]
    dry_run: bool,
}

/// Takes a consent back.
#[derive(Args)]
#[command(before_help = WITHDRAW)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    whose: Whose,
    /// The consent: its number, or how it begins, from `annona wallet consent list`
    #[arg(value_name = "CONSENT")]
    consent: String,
    /// Write her word to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say which would be taken back; sign nothing
    #[arg(long)]
    dry_run: bool,
}

/// The longest notice that is read, in bytes.
const NOTICE: usize = 1024 * 1024;

impl Give {
    fn run(self, session: &Session) -> Outcome {
        let what = "what a desk offers";
        let offer = Offer::decode(&slip::wallet::one(&self.offer, slip::wallet::OFFER, what)?)?;
        if let Some(path) = &self.notice {
            let text = atomic::read(path, NOTICE)?;
            if hash(Purpose::File, &[&text]) != offer.grant.notice.text {
                return Err(Fault::input("the offer names another notice than this one.")
                    .at(path.display())
                    .then("Ask the desk for the notice it means, and read that."));
            }
        }
        let (wallet, who) = self.whose.open(session)?;
        let about = wallet.people().get(who).and_then(|person| person.about.as_ref());
        let about = about.ok_or(HolderFault::NoPurse)?;
        if about.programme_id != offer.grant.programme {
            return Err(Fault::input("the offer is of a programme she is not in."));
        }
        let uses = crate::words::count(u64::from(offer.grant.uses), "time", "times");
        let asked = format!("{}, at most {uses}", terms(about, &offer.grant));
        if self.dry_run {
            let words = format!("She would agree: {asked}. Nothing was signed.");
            return dry_run::would(session, "word", json!({ "terms": asked }), &words);
        }
        session.ask.confirm(&session.screen, &format!("Agree: {asked}?"))?;
        hand_out(session, (&wallet, who), Saying::Given(offer), (&asked, self.out.as_deref()))
    }
}

impl Withdraw {
    fn run(self, session: &Session) -> Outcome {
        let (wallet, who) = self.whose.open(session)?;
        let person = wallet.people().get(who).ok_or(HolderFault::NoPurse)?;
        let about = person.about.as_ref().ok_or(HolderFault::NoPurse)?;
        let named = self.consent.to_lowercase();
        let of = |digits: String| !named.is_empty() && digits.starts_with(&named);
        let mut found = person
            .consents
            .iter()
            .filter(|one| of(one.grant.id.to_string()) || of(one.commitment.to_string()));
        let one = match (found.next(), found.next()) {
            (Some(one), None) => one,
            (Some(_), Some(_)) => {
                return Err(Fault::input("several of her consents begin so: write more of it."));
            }
            (None, _) => {
                return Err(Fault::input(format!("she has no consent \"{named}\" on her pages."))
                    .then(
                        "`annona wallet consent list` tells which; a newer page may have more.",
                    ));
            }
        };
        let what = terms(about, &one.grant);
        if self.dry_run {
            let words = format!("She would take back: {what}. Nothing was signed.");
            return dry_run::would(session, "word", json!({ "terms": what }), &words);
        }
        session.ask.confirm(&session.screen, &format!("Take back: {what}?"))?;
        let (programme, commitment) = (one.grant.programme, one.commitment);
        let saying = Saying::TakenBack { programme, commitment };
        hand_out(session, (&wallet, who), saying, (&what, self.out.as_deref()))
    }
}

fn hand_out(
    session: &Session,
    (wallet, who): (&Wallet, usize),
    saying: Saying,
    (what, out): (&str, Option<&Path>),
) -> Outcome {
    let text = slip::wallet::text(slip::wallet::WORD, &wallet.says(who, saying)?.encode());
    if let Some(out) = out {
        atomic::write(out, format!("{text}\n").as_bytes())?;
    }
    let value = json!({ "about": what, "word": text });
    session.screen.answer("word", value, || format!("{what}\n{text}"))?;
    session.screen.note("It counts once her home's desk has taken it in: `annona consent take`.");
    Ok(())
}
