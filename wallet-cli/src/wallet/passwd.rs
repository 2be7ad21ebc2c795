use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::init::PassphraseCost;
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona wallet passwd amina.wallet --new-passphrase-file new-passphrase.txt
  $ annona wallet passwd amina.wallet --new-passphrase-file new-passphrase.txt --json";

/// Changes the passphrase of a wallet. Backups made before still open with theirs.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Passwd {
    /// The wallet
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// Take the new passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,
    /// What one guess at the new passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
}

impl Passwd {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut wallet = super::open(session, &self.wallet)?;
        let what = self.wallet.display().to_string();
        let file = self.new_passphrase_file.as_deref();
        let new = session.ask.new_passphrase(&what, file, "--new-passphrase-file FILE")?;
        wallet.change_passphrase(&new, self.passphrase_cost.cost())?;
        let value = json!({ "wallet": self.wallet });
        session.screen.answer("passphrase changed", value, || {
            format!(
                "{what} opens with the new passphrase. A backup made before opens with its own."
            )
        })
    }
}
