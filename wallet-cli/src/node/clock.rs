use annona_ledger::entry::{Control, Entry};
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::statement::Statement;
use annona_ledger::time::Minute;
use annona_node::node::{Compose, Composed, Request};
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::session::Session;
use crate::signer::Operator;
use crate::words::{hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona node clock --operator mara.keys --operator-passphrase-file pass.txt --dry-run
  $ annona node clock --operator mara.keys --operator-passphrase-file pass.txt";

/// Answers, as an operator, that what this node's clock shows is right, although all it heard of is long past.
///
/// Until then a node whose clock is over 35 days ahead of all others serves on with the newest stamp it knows.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Clock {
    #[command(flatten)]
    operator: Operator,
    /// Show the reading; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Clock {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = session.signing(&self.operator)?;
        let founded = node.store().charter()?.founded();
        // What the question named: between her yes and the writing two passphrases open, and a minute may turn.
        let clock = Minute::of(session.ask.time(node.now()), founded);
        let shown = print_minute(clock, founded);
        if !self.dry_run {
            session.confirm(&format!("Is it {shown} now?"), &[])?;
            let short = node.public().short();
            let word =
                Statement::Clock { node: short, clock }.sign(&node.federation()?, signer.key());
            let control = node.feed(Lane::Control, ProgrammeId::NONE);
            let compose: Compose<'_> = Box::new(move |_, _, at| {
                let answer = Control::ClockAnswer { clock, word, at };
                Ok(vec![Composed::from(Entry::Control(answer))])
            });
            for answer in node.write(&mut [Request { feed: control, compose }])? {
                answer?;
            }
        }
        node.close()?;
        let value = json!({
            "clock": shown, "operator": hex(&signer.public().short()), "written": !self.dry_run,
        });
        session.screen.answer("clock", value, || {
            if self.dry_run {
                format!("the clock shows {shown}")
            } else {
                format!("{shown} is right")
            }
        })
    }
}
