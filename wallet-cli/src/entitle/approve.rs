use std::collections::BTreeSet;

use annona_ledger::duty::Duty;
use annona_ledger::entry::{Control, Owner};
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::list::check;
use annona_node::node::{Compose, Composed, Request};
use annona_node::store::Blob;
use clap::Args;
use serde_json::json;

use super::beyond::{self, Beyond};
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
        let frozen = rows::frozen(node.store(), &node.public().short())?;
        let frozen = frozen.into_iter().map(|(_, list)| list.root);
        let drafts = node.store().blobs(Blob::Draft)?;
        let root = rows::pick(&self.list, drafts.iter().copied().chain(frozen))?;
        if !drafts.contains(&root) {
            return Err(Fault::new(
                Exit::Conflict,
                format!("list {root} is frozen: two approved it."),
            )
            .then("`annona entitle issue` issues it."));
        }
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
        let (mut sums, mut totals) = (String::new(), Vec::new());
        if let Some(programme) = charter.programme(draft.programme) {
            for total in draft.totals.iter() {
                let Some(c) = programme.commodity(total.commodity) else { continue };
                let amount = print_units(c, i128::from(total.amount.units()));
                let of = || all.iter().filter(|row| row.commodity == c.id);
                let families = of().map(|row| row.purse).collect::<BTreeSet<_>>().len();
                let most = of().map(|row| row.amount.units()).max().unwrap_or(0);
                totals.push(format!("{amount} {}", c.name));
                sums.push_str(&format!(
                    "  {amount} {} in all, for {}, at most {} each\n",
                    c.name,
                    count(families as u64, "family", "families"),
                    print_units(c, i128::from(most)),
                ));
            }
        }
        let (mut before, mut past) = (json!(null), json!(null));
        let families = all.iter().map(|row| row.purse).collect::<BTreeSet<_>>().len();
        let noted = rows::noted(node.store(), &root)?;
        noted.words().iter().for_each(|words| session.screen.warn(words));
        if let Some(programme) = charter.programme(draft.programme) {
            let issued = rows::Before::of(node.store(), draft.cycle, &all)?;
            before = issued.told(programme, families, &session.screen);
            let of = (draft.programme, draft.cycle);
            let beyond = Beyond::of(&node, of, Owner::Budget, &all)?;
            let waits = beyond::families(session, &node, of, beyond.rows());
            past = beyond.told(session, programme, &waits);
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
            [one, other] => Some(draft.clone().approved(*one, *other)),
            _ => None,
        };
        if let Some(list) = &frozen {
            check(list, &node.public().short(), &charter, node.store().roster())?;
        }
        if !self.dry_run {
            let who = hex(&signer.public().short());
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
        let (rows, cycle) = (count(u64::from(draft.rows), "row", "rows"), draft.cycle);
        let of = count(families as u64, "family", "families");
        let is = format!("of cycle {cycle}, {rows} for {of}\n{sums}");
        let value = json!({
            "list": root.to_string(), "approvals": waiting.approvals.len(), "frozen": is_frozen,
            "issued_before": before, "beyond": past, "programme": draft.programme, "cycle": draft.cycle,
            "rows": draft.rows, "families": families, "totals": totals,
            "rows_left_out": noted.bad.saturating_add(noted.nothing), "rows_of_nothing": noted.nothing,
            "rows_of_merged": noted.merged,
        });
        session.screen.answer("approval", value, || match (self.dry_run, is_frozen) {
            (true, _) => format!("List {root} would be approved: {is}"),
            (false, true) => format!("List {root} is approved by two and frozen: {is}"),
            (false, false) => {
                format!("List {root} is approved by one; a second operator must approve it: {is}")
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
