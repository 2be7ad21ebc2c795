use std::path::{Path, PathBuf};

use annona_ledger::id::OrgId;
use annona_ledger::key::{PublicKey, SigningKey};
use annona_node::keystore::{Keystore, Name, Secret};
use annona_node::seal::Cost;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::Public;
use crate::fault::{Fault, Outcome};
use crate::init::PassphraseCost;
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona key new --organisation 4 --out well.keys --recovery well-recovery.keys
  $ annona key new --organisation 1 --out relief-2027.keys --passphrase-cost light";

/// Makes an organisation's key file, and beside it the public half to hand out.
///
/// The recovery key goes into a file of its own, to be kept apart: all it can do is replace a lost key. A new member
/// needs both; to rotate a key, make one without --recovery.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct New {
    /// The organisation's number in the charter
    #[arg(long, value_name = "N")]
    organisation: u16,
    /// The key file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The file of the recovery key to make
    #[arg(long, value_name = "FILE")]
    recovery: Option<PathBuf>,
    /// Take the recovery file's passphrase from the first line of a file [default: the same passphrase]
    #[arg(long, value_name = "FILE", requires = "recovery")]
    recovery_passphrase_file: Option<PathBuf>,
    /// What one guess at the passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
}

impl New {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.organisation == 0 {
            return Err(Fault::usage("organisations are numbered from 1."));
        }
        let org = OrgId(self.organisation);
        let cost = self.passphrase_cost.cost();
        let passphrase = session.ask.first_passphrase(&self.out.display().to_string())?;
        let recovery = match &self.recovery {
            None => None,
            Some(path) => {
                let own = self.recovery_passphrase_file.as_deref();
                let asked = own.map(|file| session.ask.other("its passphrase", Some(file), ""));
                let other = asked.transpose()?;
                let other = other.as_ref().unwrap_or(&passphrase);
                Some(make(path, Name::Recovery(org), other, cost)?)
            }
        };
        let key = make(&self.out, Name::Organisation(org), &passphrase, cost)?;
        let public = Public::beside(&self.out);
        Public::of_organisation(org.0, &key, recovery.as_ref()).write(&public)?;
        let value = json!({
            "organisation": org, "key": hex(key.bytes()), "keys": self.out, "public": public,
            "recovery": recovery.map(|key| hex(key.bytes())), "recovery_keys": self.recovery,
        });
        session.screen.answer("key", value, || {
            format!(
                "Organisation {org}: key {}\n  {}  secret, sealed\n  {}  to hand out",
                hex(key.bytes()),
                self.out.display(),
                public.display()
            )
        })?;
        if let Some(path) = &self.recovery {
            let path = path.display();
            session.screen.note(format!("Keep {path} apart from the other, and a copy of each."));
        }
        Ok(())
    }
}

/// Makes a key file with one fresh key in it.
pub(crate) fn make(
    path: &Path,
    name: Name,
    passphrase: &Zeroizing<String>,
    cost: Cost,
) -> Outcome<PublicKey> {
    let secret = Secret::random()?;
    let key = secret.as_seed().map(SigningKey::from_seed).map(|key| key.public());
    let key = key.ok_or_else(|| Fault::input("no key could be made."))?;
    let name = if let Name::Operator(_) = name { Name::Operator(key.short()) } else { name };
    let mut keys = Keystore::create(path, passphrase, cost)?;
    keys.put(name, secret)?;
    keys.save()?;
    Ok(key)
}
