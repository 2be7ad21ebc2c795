use std::path::PathBuf;

use annona_ledger::id::CycleId;
use annona_ledger::notice::{Cycle, Notice};
use clap::Args;
use serde_json::json;

use crate::fault::{Exit, Fault, Outcome};
use crate::node::organisation_key;
use crate::paper::Papers;
use crate::session::Session;
use crate::words::{self, Moment, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona cycle open --programme Food --cycle 2 --opens +0d --closes +30d \\
      --keys relief.keys --charter charter.annona --out cycle-2.annona
  $ annona cycle open --programme Food --cycle 3 --opens +31d --closes +61d \\
      --expires +75d --keys relief.keys --charter charter.annona --out cycle-3.annona \\
      --dry-run";

/// Opens a cycle of your organisation's programme: signs the notice that every node takes in.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Open {
    /// The programme, by number or name
    #[arg(long, value_name = "P")]
    programme: String,
    /// The number of the cycle
    #[arg(long, value_name = "N")]
    cycle: u16,
    /// From when it is served: a date, or days from now
    #[arg(long, value_name = "WHEN")]
    opens: Moment,
    /// The last day it is served as planned
    #[arg(long, value_name = "WHEN")]
    closes: Moment,
    /// The last day on which entitlements may be redeemed [default: when it closes]
    #[arg(long, value_name = "WHEN")]
    expires: Option<Moment>,
    /// The organisation's key file
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The charter and notices, as a file [default: those of the data folder]
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// Where to write the notice
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Show the notice; sign nothing
    #[arg(long)]
    dry_run: bool,
}

impl Open {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (charter, mut roster) = session.power(self.charter.as_deref())?;
        let (programme, about) = words::programme(&charter, &self.programme)?;
        let (now, founded) = (session.dated(&charter)?, charter.founded());
        let cycle = Cycle {
            programme,
            cycle: CycleId(self.cycle),
            opens: self.opens.from(now, founded),
            closes: self.closes.until(now, founded),
            expires: self.expires.unwrap_or(self.closes).until(now, founded),
        };
        if let Some(known) = roster.cycle(programme, cycle.cycle).filter(|known| **known != cycle) {
            return Err(Fault::new(
                Exit::Conflict,
                format!(
                    "cycle {} of {} is open already, until {}. Two notices for one cycle would \
                     contradict each other: take the next number.",
                    self.cycle,
                    about.name,
                    print_minute(known.closes, founded)
                ),
            ));
        }
        let keys = session.keys(&self.keys)?;
        let key = organisation_key(&keys, &charter, about.org, &self.keys)?;
        let signed = Notice::Cycle(cycle).sign(&charter.federation(), &key);
        roster.learn(&charter, &signed).map_err(Fault::from)?;
        let print = |minute| print_minute(minute, founded);
        let what = format!(
            "cycle {} of {}: from {} to {}, redeemable until {}",
            self.cycle,
            about.name,
            print(cycle.opens),
            print(cycle.closes),
            print(cycle.expires)
        );
        if !self.dry_run {
            session.ask.confirm(&session.screen, &format!("Open {what}?"))?;
            Papers::notice(signed).write(&self.out)?;
        }
        let value = json!({
            "programme": programme, "cycle": self.cycle, "opens": print(cycle.opens),
            "closes": print(cycle.closes), "expires": print(cycle.expires),
            "out": (!self.dry_run).then_some(&self.out),
        });
        session.screen.answer("cycle", value, || {
            if self.dry_run { format!("would open {what}") } else { format!("opened {what}") }
        })?;
        if !self.dry_run {
            session.screen.note(
                "Next: every node takes it in with `annona node learn FILE`; then the programme's treasury runs \
                 `annona cycle key`.",
            );
        }
        Ok(())
    }
}
