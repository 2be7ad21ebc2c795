use annona_ledger::charter::Charter;
use annona_ledger::id::{OrgId, ProgrammeId};
use annona_ledger::limits;
use annona_node::checkpoint;
use annona_node::node::Node;
use annona_node::store::{KeptPage, Pruning};
use clap::Args;
use serde_json::json;

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::{self, count};

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint prune --programme Food --dry-run
  $ annona checkpoint prune --programme Food";

/// Drops the bodies of closed cycles that other nodes hold; headers stay, and what was dropped can be brought back.
///
/// A block goes where all its entries lie below the close of their cycle and below a checkpoint that a quorum has signed,
/// and where nodes of two organisations, beside this one, say that they hold it. This node takes back that it holds them
/// first. What is missing is said, and nothing is done.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Prune {
    /// The beginning of the checkpoint's hash [default: the newest below which something may go]
    #[arg(value_name = "CHECKPOINT")]
    checkpoint: Option<String>,
    /// The programme, by number or name
    #[arg(long, value_name = "PROGRAMME")]
    programme: String,
    /// Say what would go, and drop nothing
    #[arg(long)]
    dry_run: bool,
}

impl Prune {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::programme(&charter, &self.programme)?;
        let (kept, pruning) = self.choose(&node, programme)?;
        let lacks = lacks(&charter, &pruning, programme);
        let done = match (self.dry_run, lacks.is_empty()) {
            (false, true) => Some(checkpoint::prune(&mut node, &kept.hash, programme)?),
            _ => None,
        };
        let gone = done.unwrap_or(pruning.would);
        let mirrors: Vec<(ProgrammeId, Vec<OrgId>)> = pruning
            .mirrors
            .iter()
            .map(|(programme, orgs)| (*programme, orgs.iter().copied().collect()))
            .collect();
        let value = json!({
            "checkpoint": kept.hash.to_string(), "programme": programme, "blocks": gone.blocks,
            "bytes": gone.bytes, "done": done.is_some(),
            "mirrors": mirrors, "lacks": lacks,
        });
        session.screen.answer("pruned", value, || {
            let word = if done.is_some() { "gone" } else { "would go" };
            let what = count(gone.blocks, "body", "bodies");
            let mut text = format!(
                "{}: {what} {word}, {} bytes, below checkpoint {}",
                about.name, gone.bytes, kept.hash,
            );
            for lack in &lacks {
                text = format!("{text}\n  missing: {lack}");
            }
            text
        })?;
        if gone.blocks > 0 && lacks.is_empty() {
            session.screen.warn(format!(
                "audit files of this node tell no sums of {} from then on: a node that holds all makes them.",
                about.name
            ));
        }
        node.close()?;
        // Where nothing would go, nothing is refused.
        if lacks.is_empty() || self.dry_run || gone.blocks == 0 {
            return Ok(());
        }
        let words = format!("nothing goes: {}.", lacks.join("; "));
        Err(Fault::new(Exit::NotAllowed, words).then(
            "`annona checkpoint cosign` at nodes of other organisations that have all of it, then a bundle.",
        ))
    }

    /// The checkpoint that is named; otherwise the first below which something may go of those that cover most, or else the one
    /// that does.
    fn choose(&self, node: &Node, programme: ProgrammeId) -> Outcome<(KeptPage, Pruning)> {
        let named = super::named(node.store(), self.checkpoint.as_deref())?;
        let pruning = checkpoint::pruning(node, &named.hash, programme)?;
        if self.checkpoint.is_some() || pruning.may() {
            return Ok((named, pruning));
        }
        for hash in node.store().page_hashes()? {
            let other = checkpoint::pruning(node, &hash, programme)?;
            if other.may() && other.would.blocks > 0 {
                let kept = super::named(node.store(), Some(&hash.to_string()))?;
                return Ok((kept, other));
            }
        }
        Ok((named, pruning))
    }
}

/// What is missing, in words.
fn lacks(charter: &Charter, pruning: &Pruning, programme: ProgrammeId) -> Vec<String> {
    let mut lacks = Vec::new();
    if let Some((found, needs)) = pruning.uncertified {
        lacks.push(format!("{found} of {needs} organisations have signed the programme's state"));
    }
    let name = |org: &OrgId| {
        charter.organisation(*org).map_or_else(|| org.to_string(), |org| org.name.to_string())
    };
    for few in pruning.unmirrored() {
        let orgs: Vec<String> = pruning.mirrors.get(&few).into_iter().flatten().map(name).collect();
        let what = if few == programme { "the programme" } else { "the control feeds" };
        let who = if orgs.is_empty() { "nobody".to_owned() } else { orgs.join(", ") };
        lacks.push(format!(
            "of the nodes after this one, by organisation, {who} says to hold {what}, and it takes {} organisations: the \
             last of them never drop it",
            limits::MIRRORS
        ));
    }
    if let Some(feed) = pruning.forked {
        lacks.push(format!("feed {feed} has forked"));
    }
    lacks
}
