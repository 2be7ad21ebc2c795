use std::path::PathBuf;

use annona_node::atomic;
use annona_node::holder::page::MAX_PAGE;
use clap::Args;
use serde_json::json;

use super::Whose;
use crate::fault::{Fault, Outcome};
use crate::pay::slip;
use crate::session::Session;
use crate::words;

const INTRODUCE: &str = "\
Examples:
  $ annona wallet introduce amina.wallet
  $ annona wallet introduce amina.wallet --who Amina --out her.introduction --json";

const TAKE: &str = "\
Examples:
  $ annona wallet take amina.wallet amina.page
  $ annona wallet take amina.wallet amina.page --json";

/// Prints what a desk needs to give her purses to this wallet: `annona card wallet`.
///
/// Show it to a desk and to nobody else: whoever has it can tell her wallet from others, though not pay with it.
#[derive(Args)]
#[command(before_help = INTRODUCE)]
pub(crate) struct Introduce {
    #[command(flatten)]
    whose: Whose,
    /// Write it to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Takes in a page that a desk made for somebody in this wallet.
#[derive(Args)]
#[command(before_help = TAKE)]
pub(crate) struct Take {
    /// The wallet
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// The page
    #[arg(value_name = "FILE")]
    page: PathBuf,
}

impl Introduce {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (mut wallet, who) = self.whose.open(session)?;
        let shown = wallet.introduce(who)?;
        let text = slip::wallet::text(slip::wallet::INTRODUCTION, &shown.encode());
        if let Some(out) = &self.out {
            atomic::write(out, format!("{text}\n").as_bytes())?;
        }
        session.screen.answer("introduction", json!({ "introduction": text }), || text.clone())
    }
}

impl Take {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let bytes = atomic::read(&self.page, MAX_PAGE)?;
        let mut wallet = super::open(session, &self.wallet)?;
        let who =
            wallet.take_page(&bytes).map_err(|why| Fault::from(why).at(self.page.display()))?;
        let people = wallet.people();
        let Some(person) = people.get(who) else { return Ok(()) };
        let unheard = person.unheard();
        let value = json!({
            "name": person.name, "purses": person.purses.len(), "unheard": unheard,
            "signs": unheard.is_empty(),
        });
        session.screen.answer("page", value, || {
            let purses = words::count(person.purses.len() as u64, "purse", "purses");
            let rest = match unheard.is_empty() {
                true => String::new(),
                false => format!(" It still has to hear {}.", unheard.join(", ")),
            };
            format!("{}: {purses}.{rest}", person.name)
        })
    }
}
