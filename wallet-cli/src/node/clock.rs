use annona_ledger::entry::{Control, Entry};
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::statement::Statement;
use annona_ledger::time::Minute;
use annona_node::node::{Compose, Composed, Node, Request};
use clap::Args;
use serde_json::json;

use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::signer::{Operator, Signer};
use crate::words::{hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona node clock --here
  $ annona node clock --operator mara.keys --operator-passphrase-file pass.txt --dry-run
  $ annona node clock --operator mara.keys --operator-passphrase-file pass.txt";

/// Answers that what this node's clock shows is right, although all it knows of is long past.
///
/// A node whose clock is over 5 days past its own last entry and what two organisations have reached dates what it writes as
/// before until it is answered: a month typed wrong would end a cycle for its families.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Clock {
    #[command(flatten)]
    operator: Operator,
    /// Say it as whoever works here, for a clock over 5 days past the last entry; past 35 days an operator answers
    #[arg(long, conflicts_with_all = ["operator", "operator_passphrase_file"])]
    here: bool,
    /// Show the reading; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Clock {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut node, signer) = if self.here {
            (session.signing_node()?, None)
        } else {
            let (node, signer) = session.signing(&self.operator)?;
            (node, Some(signer))
        };
        let founded = node.store().charter()?.founded();
        // What the question named: between her yes and the writing two passphrases open, and a minute may turn.
        let clock = Minute::of(session.ask.time(node.now()), founded);
        let shown = print_minute(clock, founded);
        if self.here && node.asks_operator()? {
            return Err(Fault::new(
                Exit::NotAllowed,
                format!(
                    "the clock shows {shown}, over 35 days past all that is known here: that an operator answers, with a key \
                     file brought here on a stick: `annona node clock --operator FILE`. News of other nodes (`annona bundle \
                     import`, a link) ends the doubt too. Until then entries are dated as before."
                ),
            ));
        }
        if !self.dry_run {
            session.confirm(&format!("Is it {shown} now?"), &[])?;
            match &signer {
                Some(signer) => answer(&mut node, signer, clock)?,
                None => node.believe(clock)?,
            }
        }
        node.close()?;
        let value = json!({
            "clock": shown, "operator": signer.map(|signer| hex(&signer.public().short())), "written": !self.dry_run,
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

/// Writes an operator's word into the ledger: it counts like a stamp of another node.
fn answer(node: &mut Node, signer: &Signer, clock: Minute) -> Outcome {
    let short = node.public().short();
    let word = Statement::Clock { node: short, clock }.sign(&node.federation()?, signer.key());
    let control = node.feed(Lane::Control, ProgrammeId::NONE);
    let compose: Compose<'_> = Box::new(move |_, _, at| {
        let answer = Control::ClockAnswer { clock, word, at };
        Ok(vec![Composed::from(Entry::Control(answer))])
    });
    for answer in node.write(&mut [Request { feed: control, compose }])? {
        answer?;
    }
    Ok(())
}
