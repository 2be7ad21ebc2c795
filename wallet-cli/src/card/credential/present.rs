use std::path::{Path, PathBuf};

use annona_ledger::key::SigningKey;
use annona_node::atomic;
use annona_node::credential::sd_jwt;
use annona_node::credential::when::Seconds;
use annona_node::keystore::Name;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::KIND;
use super::copies::Next;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona card credential present amina.issued --show age_band --audience https://clinic.example \\
      --nonce 4711 --out amina.shown --dir hill
  $ annona card credential present amina.issued --out amina.all --dir hill --json";

/// What is shown, of a credential, to whom.
#[derive(Args)]
pub(crate) struct Answering {
    /// Which of its claims, by their names in it
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "nonce")]
    show: Vec<String>,
    /// Who asks, as it says: `annona card credential ask` there
    #[arg(long, value_name = "TEXT", requires = "nonce")]
    audience: Option<String>,
    /// What it asks
    #[arg(long, value_name = "TEXT", requires = "audience")]
    nonce: Option<String>,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Shows a credential that another node issued to this one, to whoever asks. Without a question it is only unsealed.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Present {
    /// The credential, as it came
    credential: PathBuf,
    #[command(flatten)]
    answering: Answering,
}

/// Writes a file that is not there yet.
fn put(out: &Path, bytes: &[u8]) -> Outcome {
    Ok(atomic::write(out, bytes)?)
}

impl Answering {
    /// Shows it by the key it is bound to; a copy of several is taken out of its file.
    pub(crate) fn answer(
        self,
        session: &Session,
        text: &str,
        key: &SigningKey,
        copy: Option<(&Next, &Path)>,
    ) -> Outcome {
        let shown: Vec<&str> = self.show.iter().map(String::as_str).collect();
        let now = Seconds::of(session.now());
        let Some((audience, nonce)) = self.audience.as_deref().zip(self.nonce.as_deref()) else {
            return Err(Fault::usage("say who asks, and what: --audience TEXT --nonce TEXT."));
        };
        let made = sd_jwt::present(text, &shown, key, (audience, nonce), now);
        let made = Zeroizing::new(made.ok_or_else(|| {
            match sd_jwt::names(text).unwrap_or_default() {
                none if none.is_empty() => {
                    Fault::input("what was given is no credential: give it as `annona card credential issue` wrote it.")
                }
                names => {
                    let names = names.join(", ");
                    Fault::input(format!("it has not all of that; it can show: {names}."))
                }
            }
        })?);
        put(&self.out, made.as_bytes())?;
        // Made before it is taken out: whoever is stopped in between has handed over neither.
        if let Some((next, file)) = copy {
            next.spent(file)?;
        }
        let left = copy.map(|(next, _)| next.count);
        let value = json!({ "out": self.out, "shown": shown, "audience": audience, "left": left });
        session.screen.answer("shown", value, || {
            let (shown, out) = (shown.join(", "), self.out.display());
            let left =
                left.map(|left| format!("\n{} left.", words::count(left as u64, "copy", "copies")));
            format!("{shown} for {audience}: {out}{}", left.unwrap_or_default())
        })
    }
}

impl Present {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let (_, plain) = KIND.open(&node, &self.credential)?;
        let key = node.signing_key(Name::NodeSigning)?;
        node.close()?;
        let text = std::str::from_utf8(&plain)
            .map_err(|_| Fault::input("what is in it is no credential."))?;
        if self.answering.nonce.is_some() {
            return self.answering.answer(session, text, &key, None);
        }
        put(&self.answering.out, text.as_bytes())?;
        let value = json!({ "out": self.answering.out });
        session
            .screen
            .answer("unsealed", value, || format!("Unsealed: {}", self.answering.out.display()))
    }
}
