use annona_ledger::time::DayNo;
use annona_node::copies;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{count, hex, print_day};

const EXAMPLES: &str = "\
Examples:
  $ annona family keys list
  $ annona family keys list --json";

/// Lists who was given a copy of this site's keys, how far behind each is, and the copies kept here for others.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct List {}

impl List {
    #[expect(clippy::unused_self, reason = "every command is called the same way")]
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.node()?;
        let vault = session.vault(&node)?;
        let charter = node.store().charter()?.clone();
        let day = |on: DayNo| print_day(on, charter.founded());
        let given = vault.copies()?;
        for one in &given {
            let (who, on) = (hex(&one.node), day(one.on));
            let refused = copies::may_keep(&node, &one.node)?.err();
            let value = json!({
                "node": who, "on": on, "newer": one.newer, "behind": one.behind,
                "refused": refused.map(|why| why.to_string()),
            });
            session.screen.answer("given", value, || {
                let behind = match one.behind {
                    0 => String::new(),
                    n => format!("; {} not in it yet", count(n, "erasure", "erasures")),
                };
                let newer = count(one.newer, "newer record", "newer records");
                format!("at {who}  of {on}; {newer}{behind}")
            })?;
            if let Some(why) = refused {
                session.screen.warn(format!(
                    "{who} is no keeper any more: {why}. Name another, and have its copy destroyed: `annona family keys \
                     drop --at {who}` notes that it was."
                ));
            }
        }
        let kept = copies::kept(&node)?;
        for label in &kept.labels {
            let (who, on) = (hex(&label.site), day(label.on));
            let value = json!({ "site": who, "on": on });
            session.screen.answer("kept", value, || format!("here for {who}  of {on}"))?;
        }
        for one in &kept.unreadable {
            let site = one.site.map(|site| hex(&site));
            let who = site.clone().unwrap_or_else(|| one.path.display().to_string());
            let value = json!({ "site": site, "file": one.path, "unreadable": true });
            session.screen.answer("kept", value, || format!("here for {who}  unreadable"))?;
        }
        super::tell_unreadable(session, &kept);
        let keyless = vault.keyless()?;
        node.close()?;
        if keyless > 0 {
            session.screen.warn(format!(
                "{} without a key here: ask a keeper, `annona family keys give` there.",
                count(keyless, "record is", "records are")
            ));
        }
        if given.len() < 2 {
            session.screen.note(
                "Two nodes should keep a copy: `annona family keys copy --to NODE --out FILE`.",
            );
        }
        Ok(())
    }
}
