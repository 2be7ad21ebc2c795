use std::collections::BTreeMap;
use std::path::PathBuf;

use annona_ledger::charter::{Act, NodeCut, SignedArticle};
use annona_ledger::cut::Cut;
use annona_ledger::id::{CycleId, Lane};
use annona_ledger::limits;
use annona_ledger::wire::Bounded;
use clap::Args;
use serde_json::json;

use crate::charter::describe;
use crate::fault::{Fault, Outcome};
use crate::node::revoke;
use crate::paper::Papers;
use crate::session::Session;
use crate::words::{self, hex, print_cut};

const EXAMPLES: &str = "\
Examples:
  $ annona cycle close --programme Food --cycle 1 --out close.annona
  $ annona cycle close --programme Food --cycle 1 --out close.annona --dry-run";

/// Writes an article that closes a cycle with what is known here of each node, for the organisations to sign.
///
/// It waits for nobody: what a node brings later was stamped in time or not, and what is good is paid from the suspense of
/// its feed. Run it where most has arrived.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Close {
    /// The programme, by number or name
    #[arg(long, value_name = "P")]
    programme: String,
    /// The number of the cycle
    #[arg(long, value_name = "N")]
    cycle: u16,
    /// Where to write the article
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Show the cuts; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Close {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let store = session.read()?;
        let charter = store.charter()?;
        let (programme, about) = words::programme(charter, &self.programme)?;
        let cycle = CycleId(self.cycle);
        if store.roster().cycle(programme, cycle).is_none() {
            return Err(Fault::input(format!(
                "cycle {cycle} of {} is not known here. See `annona cycle list`.",
                about.name
            )));
        }
        let work = store.look()?;
        let mut cuts: BTreeMap<[u8; 8], Cut> = BTreeMap::new();
        for feed in work.feeds() {
            let short = feed.id.short();
            if feed.id.lane == Lane::Value && feed.id.programme == programme {
                cuts.insert(short.node, revoke::after_all(&work, &short)?);
            }
        }
        work.check()?;
        let cuts: Vec<NodeCut> =
            cuts.into_iter().map(|(node, cut)| NodeCut { node, cut }).collect();
        // More feeds than one act takes: several acts, which add up.
        let mut acts = Vec::new();
        for part in cuts.chunks(limits::CLOSE_CUTS) {
            acts.push(Act::Close { programme, cycle, cuts: Bounded::new(part.to_vec())? });
        }
        if acts.is_empty() {
            acts.push(Act::Close { programme, cycle, cuts: Bounded::empty() });
        }
        let article = charter.draft(Bounded::new(acts)?);
        charter.check_draft(&article)?;
        let said = describe(&article, Some(charter));
        let signed = SignedArticle::unsigned(article);
        if !self.dry_run {
            Papers::article(signed.clone()).write(&self.out)?;
        }
        let known: BTreeMap<String, String> =
            cuts.iter().map(|shown| (hex(&shown.node), print_cut(&shown.cut))).collect();
        let value = json!({
            "programme": programme, "cycle": cycle, "epoch": signed.article.epoch,
            "article": signed.article.hash().to_string(), "cuts": known,
            "out": (!self.dry_run).then_some(&self.out),
        });
        session.screen.answer("close", value, || {
            let lines: Vec<String> =
                known.iter().map(|(node, cut)| format!("  {node} up to {cut}")).collect();
            format!("{}\n{}", said.join("\n"), lines.join("\n"))
        })?;
        let out = self.out.display();
        session.screen.note(if self.dry_run {
            "Nothing was written.".to_owned()
        } else {
            format!("Next: every organisation signs it: `annona charter sign {out} --keys FILE`.")
        });
        Ok(())
    }
}
