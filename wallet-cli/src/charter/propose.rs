use std::path::PathBuf;

use annona_ledger::charter::{Article, Charter, SignedArticle};
use annona_ledger::hash::Hash;
use annona_ledger::wire::Bounded;
use clap::Args;
use serde_json::json;

use super::description::Description;
use super::{EXAMPLE, describe, only_heals};
use crate::fault::{Fault, Outcome};
use crate::paper::Papers;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona charter propose --print-example
  $ annona charter propose --found federation.toml --out proposal.annona
  $ annona charter propose --acts budget.toml --charter charter.annona --out budget.annona
  $ annona charter propose --acts budget.toml --out budget.annona --dry-run";

/// Writes an article for the organisations to sign, from a description in TOML.
///
/// The description may hold [federation], [[organisation]] and [succeed] (founding), [[join]], [[leave]], [[rotate]],
/// [[recover]], [[programme]], [[ceiling]], [[budget]], [[fence]], [[close]], [[release]], [[activate]] and [heal];
/// --print-example shows each.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Propose {
    /// Found a federation by this description
    #[arg(long, value_name = "FILE", conflicts_with = "acts", required_unless_present_any = ["acts", "print_example"])]
    found: Option<PathBuf>,
    /// Change the charter by this description
    #[arg(long, value_name = "FILE")]
    acts: Option<PathBuf>,
    /// The charter to change, as a file [default: that of the data folder]
    #[arg(long, value_name = "FILE", conflicts_with = "found")]
    charter: Option<PathBuf>,
    /// Where to write the article
    #[arg(long, value_name = "FILE", required_unless_present = "print_example")]
    out: Option<PathBuf>,
    /// Print a description with every table explained, and end
    #[arg(long, conflicts_with_all = ["found", "acts"])]
    print_example: bool,
    /// Say what the article would decide; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Propose {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.print_example {
            let value = json!({ "text": EXAMPLE });
            return session.screen.answer("example", value, || EXAMPLE.trim_end().to_owned());
        }
        let Some(out) = self.out else { return Err(Fault::usage("give --out FILE.")) };
        let (path, before) = match (&self.found, &self.acts) {
            (Some(path), _) => (path, None),
            (None, Some(path)) => (path, Some(session.branches(self.charter.as_deref())?)),
            (None, None) => return Err(Fault::usage("give --found FILE or --acts FILE.")),
        };
        let (before, branches) = before.map(|(charter, _, branches)| (charter, branches)).unzip();
        let acts = Description::read(path)?
            .acts(before.as_ref(), session.now())
            .map_err(|fault| fault.at(path.display()))?;
        let acts = Bounded::new(acts)?;
        let article = match &before {
            None => Article { epoch: 0, previous: Hash::ZERO, acts },
            Some(charter) => charter.draft(acts),
        };
        only_heals(branches.as_ref(), before.as_ref(), &article)?;
        let after = match &before {
            None => Charter::check_founding(&article),
            Some(charter) => charter.preview(&article),
        }
        .map_err(|rejection| Fault::from(rejection).at(path.display()))?;
        let said = describe(&article, before.as_ref());
        let signed = SignedArticle::unsigned(article);
        let missing = signed.missing(before.as_ref());
        if !self.dry_run {
            Papers::article(signed.clone()).write(&out)?;
        }
        for warning in after.warnings() {
            session.screen.warn(warning.to_string());
        }
        let value = json!({
            "epoch": signed.article.epoch, "article": signed.article.hash().to_string(),
            "acts": said, "out": (!self.dry_run).then_some(&out),
            "must_sign": missing.required, "more_signatures": missing.more,
        });
        session.screen.answer("article", value, || {
            let lines: Vec<String> = said.iter().map(|line| format!("  {line}")).collect();
            format!("Article of epoch {}\n{}", signed.article.epoch, lines.join("\n"))
        })?;
        session.screen.note(if self.dry_run {
            "Nothing was written.".to_owned()
        } else {
            let (out, epoch) = (out.display(), signed.article.epoch);
            let mut next =
                format!("Next: every organisation signs it: `annona charter sign {out} --keys FILE`.");
            if epoch > 0 {
                next = format!(
                    "{next} Nobody signs another of epoch {epoch}: several budgets go into one article, and the next is \
                     proposed once this one is applied."
                );
            }
            next
        });
        Ok(())
    }
}
