use std::path::PathBuf;

use annona_node::holder;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::init::PassphraseCost;
use crate::session::Session;
use crate::words::plain;

const NEW: &str = "\
Examples:
  $ annona wallet new noor.wallet --name Noor
  $ annona wallet new block-7.wallet --passphrase-cost light";

const ADD: &str = "\
Examples:
  $ annona wallet add amina.wallet --name Idris
  $ annona wallet add amina.wallet --name \"Family 12\" --json";

/// Makes a wallet, sealed under a passphrase.
#[derive(Args)]
#[command(before_help = NEW)]
pub(crate) struct New {
    /// The file to make
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// Whose it is: a name that stays in it. Without one it is empty
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What one guess at the passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
}

/// Adds somebody to a wallet, with keys of her own: for a device that is carried for several.
#[derive(Args)]
#[command(before_help = ADD)]
pub(crate) struct Add {
    /// The wallet
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// What she is called in it
    #[arg(long, value_name = "NAME")]
    name: String,
}

impl New {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        self.name.iter().try_for_each(|name| plain("her name", name))?;
        let passphrase = session.ask.first_passphrase(&self.wallet.display().to_string())?;
        let place = super::place(session)?;
        let cost = self.passphrase_cost.cost();
        let mut wallet = holder::Wallet::create(&self.wallet, &passphrase, cost, &place)?;
        if let Some(name) = &self.name {
            wallet.add(name)?;
        }
        let value = json!({ "wallet": self.wallet, "people": wallet.people().len() });
        session.screen.answer("wallet", value, || format!("{}: made", self.wallet.display()))?;
        session.screen.note("Next: `annona wallet introduce` at the desk, and a backup.");
        Ok(())
    }
}

impl Add {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        plain("her name", &self.name)?;
        let mut wallet = super::open(session, &self.wallet)?;
        wallet.add(&self.name)?;
        let people = wallet.people().len();
        let value = json!({ "wallet": self.wallet, "name": self.name, "people": people });
        session.screen.answer("wallet", value, || format!("{} is in it: {people} now", self.name))
    }
}
