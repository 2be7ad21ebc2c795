use std::path::PathBuf;

use annona_node::keystore::Name;
use clap::Args;
use serde_json::json;

use crate::fault::Outcome;
use crate::init::PassphraseCost;
use crate::key::{Public, make};
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona operator new --out noor.keys
  $ annona operator new --out sami.keys --passphrase-cost light";

/// Makes an operator's key file, and beside it the public half to hand to the organisation.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct New {
    /// The key file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// What one guess at the passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
}

impl New {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let passphrase = session.ask.first_passphrase(&self.out.display().to_string())?;
        let cost = self.passphrase_cost.cost();
        let key = make(&self.out, Name::Operator([0; 8]), &passphrase, cost)?;
        let public = Public::beside(&self.out);
        Public::of_operator(&key).write(&public)?;
        let value = json!({ "operator": hex(key.bytes()), "keys": self.out, "public": public });
        session.screen.answer("operator", value, || {
            let (keys, public) = (self.out.display(), public.display());
            let key = hex(key.bytes());
            format!("Operator {key}\n  {keys}  secret, sealed\n  {public}  to hand out")
        })?;
        session.screen.note("Next: the organisation signs `annona operator admit FILE.public`.");
        Ok(())
    }
}
