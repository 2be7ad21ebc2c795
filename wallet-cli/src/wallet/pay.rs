use std::path::PathBuf;

use annona_ledger::id::CycleId;
use annona_ledger::time::{DayNo, Minute};
use annona_node::atomic;
use annona_node::holder::page::Note;
use annona_node::holder::till::Bill;
use annona_node::holder::{self, About, Person};
use clap::Args;
use serde_json::json;

use super::Whose;
use crate::dry_run;
use crate::fault::Outcome;
use crate::pay::slip;
use crate::session::Session;
use crate::words::{self, hex, print_day, print_units};

const SIGN: &str = "\
Examples:
  $ annona wallet sign amina.wallet rice.bill --out her.signed
  $ annona wallet sign amina.wallet rice.bill --cycle 1 --dry-run";

const RECEIVE: &str = "\
Examples:
  $ annona wallet receive amina.wallet amina.receipts
  $ annona wallet receive amina.wallet amina.receipts --json";

/// Signs a till's bill, after showing what it is for. The same bill again is answered with the same bytes.
#[derive(Args)]
#[command(before_help = SIGN)]
pub(crate) struct Sign {
    #[command(flatten)]
    whose: Whose,
    /// The bill: its text, or a file that holds it
    #[arg(value_name = "BILL")]
    bill: String,
    /// Only from this cycle [default: the one that ends first and can pay]
    #[arg(long, value_name = "N")]
    cycle: Option<u16>,
    /// Write the answer to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say what would be signed; sign nothing
    #[arg(long)]
    dry_run: bool,
}

/// Keeps receipts that a till gave, or tickets that a site gave her to take elsewhere (`annona wallet tickets`).
#[derive(Args)]
#[command(before_help = RECEIVE)]
pub(crate) struct Receive {
    /// The wallet
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// The receipts or tickets: a text, or a file that holds them
    #[arg(value_name = "RECEIPTS")]
    receipts: String,
}

/// An amount in words.
pub(super) fn print(
    about: &About,
    commodity: annona_ledger::id::CommodityId,
    units: i128,
) -> String {
    match about.commodities.iter().find(|known| known.id == commodity) {
        Some(known) => format!("{} {}", known.name, print_units(known, units)),
        None => format!("commodity {commodity}: {units}"),
    }
}

/// What is odd about a bill, before she signs it: more than she is known to have, or another day.
fn doubts(session: &Session, person: &Person, bill: &Bill, cycle: Option<u16>) -> Vec<String> {
    let Some(about) = &person.about else { return Vec::new() };
    let today = DayNo::of(Minute::of(session.now(), about.founded));
    let mut doubts = Vec::new();
    if today != bill.on {
        let date = |day: DayNo| print_day(day, about.founded);
        let (on, today) = (date(bill.on), date(today));
        doubts.push(format!("this bill is of another day: {on}, and this device says {today}."));
    }
    for (commodity, amount) in bill.items.iter() {
        let asked = i128::from(amount.units());
        let of =
            person.purses.iter().filter(|purse| cycle.is_none_or(|cycle| purse.cycle.0 == cycle));
        let left = of.flat_map(|purse| purse.balance()).filter(|left| left.commodity == *commodity);
        let most = left.map(|left| left.units).max().unwrap_or(0).max(0);
        if asked > most {
            let (asked, most) = (print(about, *commodity, asked), print(about, *commodity, most));
            doubts.push(format!("{asked} is more than she is known to have: {most}."));
        }
    }
    doubts
}

impl Sign {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let what = "a till's bill";
        let bill = Bill::decode(&slip::wallet::one(&self.bill, slip::wallet::BILL, what)?)?;
        let (mut wallet, who) = self.whose.open(session)?;
        let about = wallet.people().get(who).and_then(|person| person.about.clone());
        let items: Vec<String> = bill
            .items
            .iter()
            .map(|(commodity, amount)| match &about {
                Some(about) => print(about, *commodity, i128::from(amount.units())),
                None => format!("commodity {commodity}: {}", amount.units()),
            })
            .collect();
        let items = items.join(", ");
        let site = about.as_ref().and_then(|about| about.site(&bill.node).map(ToOwned::to_owned));
        let site =
            site.unwrap_or_else(|| format!("node {}, which she does not know", hex(&bill.node)));
        let person = wallet.people().get(who);
        let doubts = person.map(|person| doubts(session, person, &bill, self.cycle));
        let doubts = doubts.unwrap_or_default();
        doubts.iter().for_each(|words| session.screen.warn(words));
        if self.dry_run {
            let words = format!("It would sign for {items} at {site}. Nothing was signed.");
            let value = json!({ "items": items, "site": site, "doubts": doubts });
            return dry_run::would(session, "signed", value, &words);
        }
        session.ask.confirm(&session.screen, &format!("Sign for {items} at {site}?"))?;
        let signed = wallet.sign(who, &bill, self.cycle.map(CycleId))?;
        let text = slip::wallet::text(slip::wallet::SIGNED, &signed.encode());
        if let Some(out) = &self.out {
            atomic::write(out, format!("{text}\n").as_bytes())?;
        }
        let counter = signed.spends.last().map(|(spend, _)| spend.counter);
        let value = json!({ "items": items, "site": site, "counter": counter, "signed": text });
        session.screen.answer("signed", value, || format!("{items} at {site}\n{text}"))
    }
}

impl Receive {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        // A file from a till has receipts, one from a site she leaves has tickets.
        let tickets = super::tickets::read(&self.receipts)?;
        let what = slip::wallet::RECEIPT;
        let texts = match tickets.is_empty() {
            true => slip::wallet::read(&self.receipts, what, "a receipt")?,
            false => Vec::new(),
        };
        let notes = texts.iter().map(|text| Note::decode(text)).collect::<Result<Vec<_>, _>>()?;
        let mut wallet: holder::Wallet = super::open(session, &self.wallet)?;
        for note in &notes {
            wallet.receive(note)?;
        }
        let count = tickets.len();
        for ticket in tickets {
            wallet.carry(ticket)?;
        }
        let value = json!({ "receipts": notes.len(), "tickets": count });
        session.screen.answer("received", value, || match count {
            0 => format!("{} kept", words::count(notes.len() as u64, "receipt", "receipts")),
            _ => format!("{} kept", words::count(count as u64, "ticket", "tickets")),
        })
    }
}
