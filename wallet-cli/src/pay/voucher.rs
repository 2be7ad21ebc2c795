use std::path::PathBuf;

use annona_ledger::counter::{Ground, HandOut, Vouched, check};
use annona_ledger::duty::Duty;
use annona_ledger::entry::Method;
use annona_ledger::hash::Hash;
use annona_ledger::limits;
use annona_ledger::statement::Statement;
use annona_ledger::wire::Bounded;
use annona_node::{atomic, counter};
use clap::Args;
use serde_json::json;

use super::known::not_staff;
use super::till::{Till, Whose};
use super::{slip, turned};
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::session::{Session, Spoken};
use crate::signer::{self, Operator};
use crate::words::{last_day, print_last};

const EXAMPLES: &str = "\
Examples:
  $ annona pay voucher --family 1 --item Rice=5 --operator mara.keys \\
      --operator-passphrase-file pass.txt --second yusuf.keys --second-passphrase-file pass.txt
  $ annona pay voucher --family 1 --item Rice=5 --days 3 --out noor.voucher --operator mara.keys \\
      --operator-passphrase-file pass.txt --second yusuf.keys --second-passphrase-file pass.txt";

/// Makes out an emergency voucher: two of staff sign a paper with which a holder is served where nothing else tells who
/// she is.
///
/// It is good for one commodity, at most 14 days, and pays once: `annona pay charge --method voucher --paper FILE`.
/// Nothing is written on the ledger before it does.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Voucher {
    #[command(flatten)]
    whose: Whose,
    /// What it is for, as COMMODITY=AMOUNT
    #[arg(long, value_name = "ITEM")]
    item: String,
    /// For so many days
    #[arg(long, value_name = "N", default_value_t = 7)]
    days: u32,
    /// Only from this cycle [default: the one that ends first]
    #[arg(long, value_name = "N")]
    cycle: Option<u16>,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    #[command(flatten)]
    spoken: Spoken,
    #[command(flatten)]
    operator: Operator,
    /// The key file of the second
    #[arg(long, value_name = "FILE")]
    second: PathBuf,
    /// Take her passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    second_passphrase_file: Option<PathBuf>,
    /// Write the paper to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Check that both may sign it; make out nothing
    #[arg(long)]
    dry_run: bool,
}

impl Voucher {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.days == 0 || self.days > limits::VOUCHER_DAYS {
            return Err(Fault::usage(format!(
                "an emergency voucher counts for 1 to {} days.",
                limits::VOUCHER_DAYS
            )));
        }
        session.speak(&self.spoken);
        let option = "--second-passphrase-file FILE";
        let passphrase = self.second_passphrase_file.as_deref();
        let second = signer::open(session, &self.second, passphrase, option)?;
        let (node, first) = session.signing(&self.operator)?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let purses = till.purses_here(session, &node, &self.whose, self.cycle)?;
        let purse = *purses
            .first()
            .ok_or_else(|| Fault::usage("say whose it is: --family, --card or --purse."))?;
        let item = till.item(&self.item)?;
        let federation = node.federation()?;
        let at = node.stamp(&till.feed)?;
        let until = last_day(at, self.days, till.founded);
        let number = counter::slip()?;
        let (commodity, amount, programme) = (item.commodity, item.amount, till.id);
        let said = Statement::Voucher { programme, purse, number, commodity, amount, until };
        let words = vec![
            (said, first.states(&federation, &said)),
            (said, second.states(&federation, &said)),
        ];
        // Whoever may not sign it is told here, and not at the counter where she stands with it.
        let orgs = [till.programme.org, node.org().unwrap_or(till.programme.org)];
        let ground = Ground { federation: &federation, roster: node.store().roster(), orgs };
        let (feed, leaf, method) = (till.feed.short(), Hash::ZERO, Method::Voucher);
        let out = HandOut { feed, leaf, purse, commodity, amount, at, method };
        check(&ground, &out, &words).map_err(|turned| {
            not_staff((&node, &till), method, (&[&first, &second], &orgs), turned)
        })?;
        for one in [&first, &second] {
            one.may(&node, &orgs, (Duty::Counter, programme), at)?;
        }
        let what = till.items_text(&[item]);
        if self.dry_run {
            let value = json!({ "item": till.items_value(&[item]), "days": self.days });
            let words = format!("would be made out: {what}, once, within {} days", self.days);
            dry_run::would(session, "voucher", value, &words)?;
            dry_run::nothing(session);
            return Ok(node.close()?);
        }
        let text = slip::vouched(&Vouched(Bounded::new(words)?));
        if let Some(out) = &self.out {
            atomic::write(out, format!("{text}\n").as_bytes())?;
        }
        let papers = session.papers();
        let last = print_last(until, till.founded);
        let rows = [
            (papers.number, turned::number(&number)),
            (papers.goods, what),
            (papers.until, last.clone()),
        ];
        let page = format!("{}\n{}  {}", papers.voucher, papers.rows(rows), papers.pays_once);
        let value = json!({
            "number": number.to_string(), "item": till.items_value(&[item]), "days": self.days,
            "until": last, "paper": text, "language": papers.tag, "page": page,
        });
        session.screen.answer("voucher", value, || format!("{page}\n{text}"))?;
        Ok(node.close()?)
    }
}
