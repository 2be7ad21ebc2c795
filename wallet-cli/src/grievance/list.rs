use annona_ledger::consent::Stage;
use annona_ledger::time::{DayNo, Minute};
use clap::Args;
use serde_json::json;

use super::{all, short, slip, slip_of};
use crate::fault::Outcome;
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona grievance list
  $ annona grievance list --open --json";

/// Lists complaints as they stand, those past their day first.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct List {
    /// Only those that somebody is to decide
    #[arg(long)]
    open: bool,
}

impl List {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        if let Some(left) = slip::left(&node)? {
            slip::tell(session, &node, &left)?;
        }
        let charter = node.store().charter()?.clone();
        let today = DayNo::of(Minute::of(session.now(), charter.founded()));
        let mut all = all(&node)?;
        let open = |stage| matches!(stage, Stage::Open | Stage::Appealed);
        all.retain(|one| !self.open || open(one.stands.stage));
        let late = |one: &super::Known| {
            open(one.stands.stage) && one.stands.due.is_some_and(|due| due < today)
        };
        all.sort_by_key(|one| (!late(one), one.stands.due));
        let mut overdue = 0u64;
        for one in &all {
            let stands = &one.stands;
            let past = late(one);
            overdue += u64::from(past);
            let left = stands.due.map(|due| i64::from(due.0) - i64::from(today.0));
            let decider = stands.decider.and_then(|org| charter.organisation(org));
            let decider = decider.map_or_else(String::new, |org| org.name.to_string());
            let about = slip_of(&node, &one.commitment)?;
            let value = json!({
                "slip": about, "complaint": one.commitment.to_string(), "programme": one.programme,
                "stage": stands.stage.word(), "decider": decider, "days_left": left,
                "overdue": past, "outcome": stands.outcome.map(|o| o.word()),
            });
            session.screen.answer("grievance", value, || {
                let outcome = stands.outcome.map_or(String::new(), |o| format!("  {}", o.word()));
                let clock = match left {
                    _ if !open(stands.stage) => String::new(),
                    Some(days) if days < 0 => {
                        format!("  {} past its day", count(days.unsigned_abs(), "day", "days"))
                    }
                    Some(days) => format!("  {} left", count(days.unsigned_abs(), "day", "days")),
                    None => String::new(),
                };
                let (name, stage) = (short(&one.commitment), stands.stage.word());
                let about = about.map(|slip| format!("  slip {slip}")).unwrap_or_default();
                format!("{name}  {stage:<9}  {decider}{clock}{outcome}{about}")
            })?;
        }
        let words = count(overdue, "complaint is", "complaints are");
        session.screen.note(format!("{words} past the day by which to decide."));
        Ok(node.close()?)
    }
}
