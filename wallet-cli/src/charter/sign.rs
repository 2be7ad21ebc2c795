use std::path::PathBuf;

use annona_ledger::charter::{Act, Charter};
use annona_ledger::key::SigningKey;
use annona_node::keystore::{Name, Secret};
use clap::Args;
use serde_json::json;

use super::signed::SignedBefore;
use super::{describe, only_heals};
use crate::fault::{Fault, Outcome};
use crate::paper::Papers;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona charter sign proposal.annona --keys relief.keys
  $ annona charter sign budget.annona --keys relief.keys --charter charter.annona \\
      --out signed.annona
  $ annona charter sign budget.annona --keys relief.keys --charter charter.annona --dry-run";

/// Signs an article with an organisation's key. Needs no network and no node.
///
/// The article is shown and must be confirmed. Its signature is added to the file itself, or to a copy with --out;
/// signatures may be collected in any order, in one file or in several. What a key signed is written down beside its
/// file: of each epoch one article alone, as two end the federation.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Sign {
    /// The article
    article: PathBuf,
    /// The organisation's key file; its recovery key file for an article that recovers its key
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The charter that the article follows, as a file [default: that of the data folder]
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// Write the signed copy here
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The article signed before for this epoch is destroyed, in every copy: sign this one in its place
    #[arg(long)]
    first_is_destroyed: bool,
    /// Show what would be signed; sign nothing
    #[arg(long)]
    dry_run: bool,
}

impl Sign {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut signed = Papers::read_article(&self.article)?;
        let article = signed.article.clone();
        let before = match article.epoch {
            0 => None,
            _ => Some(session.branches(self.charter.as_deref())?),
        };
        let (before, branches) = before.map(|(charter, _, branches)| (charter, branches)).unzip();
        only_heals(branches.as_ref(), before.as_ref(), &article)?;
        // What could never be applied is not signed either.
        let checked = match &before {
            None => Charter::check_founding(&article).map(|_| ()),
            Some(charter) => charter.check_draft(&article),
        };
        checked.map_err(|rejection| Fault::from(rejection).at(self.article.display()))?;
        let said = describe(&article, before.as_ref());
        for line in &said {
            session.screen.note(format!("  {line}"));
        }
        let federation = before.as_ref().map_or_else(|| article.founds(), Charter::federation);
        let keys = session.keys(&self.keys)?;
        let mut by = Vec::new();
        for name in keys.names() {
            let key = || keys.get(name).and_then(Secret::as_seed).map(SigningKey::from_seed);
            let (org, signature) = match name {
                Name::Organisation(org) => (org, key().map(|k| article.sign(&federation, &k))),
                Name::Recovery(org) => {
                    let of = |act: &Act| matches!(act, Act::Recover { org: o, .. } if *o == org);
                    if !article.acts.iter().any(of) {
                        continue;
                    }
                    (org, key().map(|k| article.sign_recovery(&federation, &k)))
                }
                _ => continue,
            };
            let Some(signature) = signature else { continue };
            signed.add(before.as_ref(), org, signature).map_err(|_| {
                Fault::refused(format!(
                    "the key of organisation {org} in {} has no say in this article: the \
                     organisation is no member, or has another key now. Check which file this is.",
                    self.keys.display()
                ))
            })?;
            by.push(org);
        }
        if by.is_empty() {
            let path = self.keys.display();
            return Err(Fault::refused(format!(
                "{path} holds no organisation's key for this article."
            ))
            .then("`annona key show FILE` tells what is in it."));
        }
        let book = SignedBefore::beside(&self.keys)?;
        let another = by.iter().find_map(|org| book.another(&federation, *org, &article));
        if let Some(when) = another.filter(|_| article.epoch > 0 && !self.first_is_destroyed) {
            return Err(Fault::refused(format!(
                "another article of epoch {} was signed with this key on {when}: an organisation that signs two of one \
                 epoch forks the charter, and that can end the federation.",
                article.epoch
            ))
            .then(
                "Have the first applied, and propose this one anew after it. Only where every copy of the first is \
                 destroyed: --first-is-destroyed.",
            ));
        }
        let missing = signed.missing(before.as_ref());
        let out = self.out.as_ref().unwrap_or(&self.article);
        if !self.dry_run {
            session.ask.confirm(&session.screen, &format!("Sign as organisation {}?", by[0]))?;
            book.add(&federation, &by, &article, session.now())?;
            Papers::article(signed.clone()).write(out)?;
        }
        let value = json!({
            "article": article.hash().to_string(), "epoch": article.epoch, "acts": said,
            "signed_by": by, "signatures": signed.signatures.iter().map(|(org, _)| org).collect::<Vec<_>>(),
            "must_sign": missing.required, "more_signatures": missing.more,
            "out": (!self.dry_run).then_some(out),
        });
        session.screen.answer("signed", value, || {
            let verb = if self.dry_run { "would sign" } else { "signed" };
            let rest = super::show::missing_line(&missing);
            format!("{verb} article {} as organisation {}; {rest}", article.epoch, by[0])
        })
    }
}
