use std::collections::BTreeSet;

use annona_ledger::duty::Duty;
use annona_ledger::entry::Control;
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::list::check;
use annona_node::node::{Compose, Composed, Request};
use annona_node::store::Blob;
use clap::Args;
use serde_json::json;

use super::rows;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;
use crate::words::{count, hex, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona entitle approve 1157 --operator mara.keys --operator-passphrase-file pass.txt
  $ annona entitle approve 1157 --operator mara.keys --operator-passphrase-file pass.txt --dry-run";

/// Approves a drafted list with an operator's key. The second approval, by somebody else, freezes it.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Approve {
    /// The list, by the first digits of its root
    list: String,
    #[command(flatten)]
    operator: Operator,
    /// Show what would be approved; approve nothing
    #[arg(long)]
    dry_run: bool,
}

impl Approve {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let root = rows::pick(&self.list, node.store().blobs(Blob::Draft)?.into_iter())?;
        let Some(mut waiting) = rows::waiting(node.store(), &root)? else {
            return Err(Fault::input("the draft is gone."));
        };
        let draft = waiting.draft.clone();
        let control = node.feed(Lane::Control, ProgrammeId::NONE);
        {
            // A stamp never falls: a draft made before the last list was frozen can no longer follow it.
            let work = node.store().look()?;
            let last = work
                .trunk(&control)
                .map(|chain| annona_ledger::view::View::last_stamp(&work, chain));
            if last.is_some_and(|last| last > draft.at) {
                return Err(Fault::new(
                    Exit::Conflict,
                    "another list was frozen after this one was drafted. Import it again, and approve it anew.",
                ));
            }
        }
        let all = rows::rows(node.store(), &root)?;
        let mut sums = Vec::new();
        if let Some(programme) = charter.programme(draft.programme) {
            for total in draft.totals.iter() {
                let Some(c) = programme.commodity(total.commodity) else { continue };
                let amount = print_units(c, i128::from(total.amount.units()));
                let of = || all.iter().filter(|row| row.commodity == c.id);
                let families = of().map(|row| row.purse).collect::<BTreeSet<_>>().len();
                let most = of().map(|row| row.amount.units()).max().unwrap_or(0);
                sums.push(format!(
                    "  {amount} {} in all, for {}, at most {} each\n",
                    c.name,
                    count(families as u64, "family", "families"),
                    print_units(c, i128::from(most)),
                ));
            }
        }
        let mut before = json!(null);
        if let Some(programme) = charter.programme(draft.programme) {
            let families = all.iter().map(|row| row.purse).collect::<BTreeSet<_>>().len();
            let issued = rows::Before::of(node.store(), draft.cycle, &all)?;
            before = issued.told(programme, families, &session.screen);
        }
        let owner = charter.programme(draft.programme).map(|p| p.org);
        let orgs: Vec<_> = owner.into_iter().chain(node.org()).collect();
        let role = (Duty::EntitleApprove, draft.programme);
        // Today, for nobody approves by a certificate that has ended since; and then, as every node asks it.
        signer.may(&node, &orgs, role, node.stamp(&control)?)?;
        signer.may(&node, &orgs, role, draft.at)?;
        if waiting.approvals.iter().any(|a| a.operator == signer.public()) {
            return Err(Fault::refused("this operator has approved the list. A second one must.")
                .then("Nothing was changed."));
        }
        let federation = node.federation()?;
        waiting.approvals.push(draft.approve(&federation, signer.key()));
        let frozen = match waiting.approvals.as_slice() {
            [one, other] => Some(draft.approved(*one, *other)),
            _ => None,
        };
        if let Some(list) = &frozen {
            check(list, &node.public().short(), &charter, node.store().roster())?;
        }
        if !self.dry_run {
            let (who, sums) = (hex(&signer.public().short()), sums.concat());
            session.confirm(&format!("{sums}Approve list {root} as operator {who}?"), &[])?;
            match &frozen {
                None => rows::wait(node.store(), &waiting)?,
                Some(list) => {
                    let entry = Control::List(Box::new(list.clone()));
                    let compose: Compose<'_> =
                        Box::new(move |_, _, _| Ok(vec![Composed::from(entry.clone())]));
                    let answers = node.write(&mut [Request { feed: control, compose }])?;
                    answers
                        .into_iter()
                        .next()
                        .ok_or_else(|| Fault::refused("nothing was written."))??;
                    node.store().drop_blob(Blob::Draft, &root)?;
                }
            }
        }
        node.close()?;
        let is_frozen = frozen.is_some() && !self.dry_run;
        let value = json!({
            "list": root.to_string(), "approvals": waiting.approvals.len(), "frozen": is_frozen,
            "issued_before": before,
        });
        session.screen.answer("approval", value, || match (self.dry_run, is_frozen) {
            (true, _) => format!("List {root} would be approved."),
            (false, true) => format!("List {root} is approved by two and frozen."),
            (false, false) => {
                format!("List {root} is approved by one; a second operator must approve it.")
            }
        })?;
        let list: String = root.to_string().chars().take(12).collect();
        session.screen.note(match (self.dry_run, is_frozen) {
            (true, _) => return Ok(()),
            (false, true) => format!("Next: `annona entitle issue {list}`."),
            (false, false) => {
                format!("Next: another operator runs `annona entitle approve {list}`.")
            }
        });
        Ok(())
    }
}
