use std::path::{Path, PathBuf};

use annona_node::atomic;
use annona_node::holder::Carried;
use clap::Args;
use serde_json::json;

use super::Whose;
use super::pay::print;
use crate::fault::Outcome;
use crate::pay::slip;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona wallet tickets amina.wallet
  $ annona wallet tickets amina.wallet --out hers.ticket --json";

/// Lists the tickets she carries to other sites, and whether they were taken up, as far as her receipts tell.
///
/// The site a ticket names takes it up with `annona pay claim`, from the text or from the file, and gives a receipt.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Tickets {
    #[command(flatten)]
    whose: Whose,
    /// Write those that were not taken up to a file, as the site takes them
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// The most bytes of a file of tickets.
const MOST: usize = 1024 * 1024;

/// The tickets in a text, or in the file it names. None where it holds none.
pub(super) fn read(given: &str) -> Outcome<Vec<Carried>> {
    let text = if slip::is_ticket(given) {
        given.to_owned()
    } else if Path::new(given).is_file() {
        String::from_utf8(atomic::read(Path::new(given), MOST)?.to_vec()).unwrap_or_default()
    } else {
        return Ok(Vec::new());
    };
    // Her PIN goes with all of them, to the one node they are for.
    let pin = text.lines().find(|line| slip::is_pins(line)).map(slip::read_pins).transpose()?;
    let tickets = text.lines().filter(|line| slip::is_ticket(line)).map(|line| {
        let (programme, ticket) = slip::read_ticket(line)?;
        Ok(Carried { programme, ticket, pin: pin.clone() })
    });
    tickets.collect()
}

impl Tickets {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (wallet, who) = self.whose.open(session)?;
        let Some(person) = wallet.people().get(who) else { return Ok(()) };
        let Some(about) = person.about.as_ref() else { return Ok(()) };
        let (mut lines, mut pins) = (Vec::new(), Vec::new());
        for one in wallet.tickets(who) {
            let Some(send) = one.send() else { continue };
            let used = person.used(one);
            let text = slip::ticket(one.programme, &one.ticket);
            let site = about.site(&send.to).unwrap_or("elsewhere");
            let units = i128::from(send.amount.units());
            let value = json!({
                "name": person.name, "cycle": send.cycle, "to": site, "commodity": send.commodity,
                "units": units.to_string(), "used": used, "ticket": text,
            });
            session.screen.answer("ticket", value, || {
                let amount = print(about, send.commodity, units);
                let state = if used { "taken up at" } else { "for" };
                let line = format!("{amount}  {state} {site}");
                if used { line } else { format!("{line}\n{text}") }
            })?;
            if !used {
                lines.push(text);
                pins.extend(one.pin.as_deref().map(slip::pins));
            }
        }
        pins.dedup();
        if let Some(out) = &self.out {
            lines.append(&mut pins);
            atomic::write(out, format!("{}\n", lines.join("\n")).as_bytes())?;
        }
        Ok(())
    }
}
