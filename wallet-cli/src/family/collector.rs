use std::path::PathBuf;

use annona_ledger::counter::Vouched;
use annona_ledger::duty::Duty;
use annona_ledger::entry::{CarrierKind, Registry};
use annona_ledger::id::Lane;
use annona_ledger::limits;
use annona_ledger::short_code::ShortCode;
use annona_ledger::statement::Statement;
use annona_ledger::wire::Bounded;
use annona_node::atomic;
use annona_node::node::{Compose, Request};
use annona_node::seal::random;
use clap::Args;
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::pay::till::{Till, Whose};
use crate::pay::vouched;
use crate::session::{Session, Spoken};
use crate::signer::Operator;
use crate::words::{last_day, print_last};
use crate::{card, holder};

const EXAMPLES: &str = "\
Examples:
  $ annona family collector 1 --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family collector 1 --external --days 90 --cycle 1 --out neighbour.paper \\
      --operator mara.keys --operator-passphrase-file pass.txt";

/// Names a collector for a family: whoever brings the paper printed here collects for it, until its last day.
///
/// The family keeps the code beside it: `annona card cancel CODE` ends the paper at once here, and elsewhere with the
/// next sync. The name of the collector stands on the paper by hand, and nowhere else.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Collector {
    /// The family: its number, its short code, or SOURCE:KEY
    family: String,
    /// She is nobody of the household
    #[arg(long)]
    external: bool,
    /// For so many days
    #[arg(long, value_name = "N", default_value_t = 30)]
    days: u32,
    /// Only for this cycle [default: each cycle whose key is here]
    #[arg(long, value_name = "N")]
    cycle: Option<u16>,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    #[command(flatten)]
    spoken: Spoken,
    #[command(flatten)]
    operator: Operator,
    /// Write the papers to a file, one for each cycle
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Collector {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.days == 0 || self.days > limits::MANDATE_DAYS {
            let most = limits::MANDATE_DAYS;
            return Err(Fault::usage(format!("a collector's paper counts for 1 to {most} days.")));
        }
        session.speak(&self.spoken);
        let (mut node, signer) = session.signing(&self.operator)?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let whose = Whose { family: Some(self.family.clone()), ..Whose::default() };
        let purses = till.purses_here(session, &node, &whose, self.cycle)?;
        let mut vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        let feed = node.feed(Lane::Registry, till.id);
        let at = node.stamp(&feed)?;
        let orgs = [till.programme.org, node.org().unwrap_or(till.programme.org)];
        signer.may(&node, &orgs, (Duty::FamilyCollector, till.id), at)?;
        let pseudonym = holder::pseudonym(&node, &vault, id, till.id)?;
        let code = ShortCode::new(u64::from_be_bytes(random()?));
        let carrier = card::carrier(&node, &code, till.id)?;
        let federation = node.federation()?;
        let compose: Compose<'_> = Box::new(|_, feed, at| {
            let entry = Registry::CarrierBound { pseudonym, carrier, kind: CarrierKind::Paper, at };
            Ok(vec![signer.stands_for(&federation, feed, entry)])
        });
        // As with a card: what is handed over must be bound, or nobody could end it.
        let answers = node.write(&mut [Request { feed, compose }])?;
        answers.into_iter().next().ok_or_else(|| Fault::refused("nothing was written."))??;
        let mut txn = vault.begin()?;
        txn.set_card(id, &code.bytes())?;
        txn.commit()?;
        let until = last_day(at, self.days, till.founded);
        let (programme, external) = (till.id, self.external);
        let mut papers = Vec::new();
        for purse in purses {
            let said = Statement::Mandate { programme, purse, carrier, external, until };
            let words = vec![(said, signer.states(&federation, &said))];
            papers.push(vouched(&Vouched(Bounded::new(words)?)));
        }
        if let Some(out) = &self.out {
            atomic::write(out, format!("{}\n", papers.join("\n")).as_bytes())?;
        }
        let last = print_last(until, till.founded);
        node.close()?;
        let words = session.papers();
        let [ours, others] = words.collects;
        let kept = words.rows([(words.family_keeps, code.to_string())]);
        let rows = words.rows([(words.until, last.clone()), (words.by_hand, "_".repeat(24))]);
        let collects = if external { others } else { ours };
        let page = format!("{}\n  {collects}\n{rows}", words.collector);
        let value = json!({
            "family": id, "code": code.to_string(), "days": self.days, "external": external,
            "papers": papers, "until": last, "language": words.tag, "page": page,
        });
        session.screen.answer("collector", value, || format!("{kept}\n{page}{}", papers.join("\n")))
    }
}
