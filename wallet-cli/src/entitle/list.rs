use annona_ledger::id::{CycleId, ProgrammeId};
use annona_node::store::Blob;
use clap::Args;
use serde_json::json;

use super::rows;
use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona entitle list
  $ annona entitle list --json";

/// Lists the distribution lists of this node: drafts that wait for approvals, and those that are frozen.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {}

impl Show {
    #[expect(clippy::unused_self, reason = "every command is called the same way")]
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let store = session.read()?;
        let charter = store.charter().ok().cloned();
        let of = |programme: ProgrammeId, cycle: CycleId, rows: u32| {
            let name = charter.as_ref().and_then(|charter| charter.programme(programme));
            let name =
                name.map_or_else(|| format!("programme {programme}"), |p| p.name.to_string());
            format!("{name} cycle {cycle}, {}", count(u64::from(rows), "row", "rows"))
        };
        for root in store.blobs(Blob::Draft)? {
            let Some(waiting) = rows::waiting(&store, &root)? else { continue };
            let by: Vec<String> =
                waiting.approvals.iter().map(|a| hex(&a.operator.short())).collect();
            let draft = &waiting.draft;
            let value = json!({
                "list": root.to_string(), "state": "waiting", "rows": draft.rows,
                "programme": draft.programme, "cycle": draft.cycle, "approved_by": by,
            });
            session.screen.answer("list", value, || {
                let by = if by.is_empty() { "nobody yet".into() } else { by.join(", ") };
                let of = of(draft.programme, draft.cycle, draft.rows);
                format!("{root}  {of}, approved by {by}")
            })?;
        }
        let Some(own) = session.own_key()? else { return Ok(()) };
        for (index, list) in rows::frozen(&store, &own.short())? {
            let issued = rows::issued(&store, &own.short(), index, &list)?;
            let value = json!({
                "list": list.root.to_string(), "state": "frozen", "rows": list.rows, "index": index,
                "issued": issued,
                "programme": list.programme, "cycle": list.cycle,
            });
            session.screen.answer("list", value, || {
                let of = of(list.programme, list.cycle, list.rows);
                format!("{}  {of}, frozen as entry {index}, {issued} issued", list.root)
            })?;
        }
        Ok(())
    }
}
