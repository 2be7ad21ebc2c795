use annona_ledger::view::View;
use clap::Args;
use serde_json::json;

use super::{carrier, family};
use crate::fault::{Exit, Fault, Outcome};
use crate::holder;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona card check 7K3M-9QXD-2VHN
  $ annona card check \"7k3m 9qxd 2vhn\" --json";

/// Says whose code it is, and whether it may be honoured.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Check {
    /// The code, as it is read
    code: String,
}

impl Check {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let vault = session.vault(&node)?;
        let (code, id) = family(&node, &vault, &self.code)?;
        let charter = node.store().charter()?.clone();
        let work = node.store().look()?;
        let (mut bound, mut cancelled) = (Vec::new(), false);
        for (programme, about) in charter.programmes() {
            let carrier = carrier(&node, &code, programme)?;
            let holder = holder::pseudonym(&node, &vault, id, programme)?;
            if work.carrier(programme, &carrier).contains(&holder) {
                cancelled |= work.cancelled(programme, &carrier);
                bound.push(format!("{programme} {}", about.name));
            }
        }
        work.check()?;
        drop(work);
        node.close()?;
        if cancelled || bound.is_empty() {
            let why = if cancelled { "was cancelled" } else { "was never bound to anybody" };
            return Err(Fault::new(Exit::Wrong, format!("code {code} {why}: do not honour it."))
                .then("`annona card issue` gives the family a new one."));
        }
        let value = json!({ "family": id, "code": code.to_string(), "programmes": bound });
        session.screen.answer("card", value, || {
            format!("{code} is family {id}'s, in {}. It authenticates nobody.", bound.join(", "))
        })
    }
}
