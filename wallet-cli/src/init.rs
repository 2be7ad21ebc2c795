use std::process::{Command, Stdio};

use annona_ledger::wire::Name;
use annona_node::config::Zone;
use annona_node::folder::{KEYS, LEDGER, PEOPLE};
use annona_node::node::{Making, Node};
use annona_node::papers::Tongue;
use annona_node::seal::Cost;
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::settings::Settings;
use crate::words::{hex, node_roles};

const EXAMPLES: &str = "\
Examples:
  $ annona init --dir camp-3 --site \"Lake camp\" --role registrar --role merchant
  $ annona init --dir camp-4 --site \"مخيم التل\" --passphrase-cost light
  $ annona init --dir office --role treasury --organisation 1";

/// Makes the data folder of a node: keys, an empty ledger, an empty person file.
///
/// The folder's keys open with the passphrase you give. What this machine has signed is remembered outside the folder
/// (--heads), so that a copy that was put back is known as one. Next: `annona charter apply`, `annona node request`.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Init {
    /// What the place is called
    #[arg(long, value_name = "NAME")]
    site: Option<String>,
    /// The organisation the node will ask to belong to, by its number in the charter
    #[arg(long, value_name = "N")]
    organisation: Option<u16>,
    /// What the node will ask to do: registrar, merchant, treasury, vault, witness, courier, hub, auditor
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// How far the clock on the wall is from UTC, as +03:00: times are shown and read by it [default: that of this machine]
    #[arg(long, value_name = "ZONE", allow_hyphen_values = true)]
    zone: Option<Zone>,
    /// The language of the papers that families take home: en, fr, es or ar [default: en]
    #[arg(long, value_name = "TAG")]
    language: Option<Tongue>,
    /// What one guess at the passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
}

/// What one guess at a passphrase costs whoever stole the key file.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PassphraseCost {
    /// Argon2id, 64 MiB and 3 passes
    Default,
    /// Argon2id, 19 MiB and 2 passes: for demonstrations, tests and very small machines
    Light,
}

impl PassphraseCost {
    /// In numbers.
    pub(crate) const fn cost(self) -> Cost {
        match self {
            Self::Default => Cost::DEFAULT,
            Self::Light => Cost::FLOOR,
        }
    }
}

impl Init {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let roles = node_roles(&self.roles)?;
        if let Some(site) = &self.site {
            crate::words::plain("the site's name", site)?;
            Name::new(site).map_err(|why| Fault::input(format!("the site's name: {why}.")))?;
        }
        let heads = session.heads()?;
        let passphrase = session.ask.first_passphrase(&session.dir.display().to_string())?;
        let cost = self.passphrase_cost.cost();
        let making = Making { passphrase: &passphrase, cost, heads: &heads };
        let node = Node::begin(&session.dir, &making, session.clock)?;
        drop(session.vault(&node)?);
        let (key, short) = (hex(node.public().bytes()), hex(&node.public().short()));
        let settings = Settings {
            site: self.site,
            node: Some(key.clone()),
            organisation: self.organisation,
            roles: self.roles,
            zone: self.zone.or_else(zone_here),
            language: self.language,
            heads: session.heads.clone().map(std::path::absolute).transpose().unwrap_or_default(),
            ..Settings::default()
        };
        settings.write(&session.dir)?;
        node.folder().finish()?;
        let keys = node.keys().describe().to_string();
        let root = node.folder().root().to_owned();
        node.close()?;
        let value = json!({
            "dir": root, "heads": heads, "node": short, "key": key,
            "roles": roles.words().collect::<Vec<_>>(), "keys": keys,
        });
        session.screen.answer("init", value, || {
            format!(
                "Node {} in {}\n  {LEDGER}    the ledger, empty\n  {PEOPLE}    the sealed person \
                 file, empty\n  {KEYS}  {keys}\n  heads        {}",
                short,
                root.display(),
                heads.display(),
            )
        })?;
        session.screen.note(
            "Next: `annona charter apply FILE` with the federation's charter, then `annona node \
             request --organisation N` for its organisation.",
        );
        Ok(())
    }
}

/// The zone of this machine today, where the system tells: `date` knows of summer times what we need not.
fn zone_here() -> Option<Zone> {
    let said = Command::new("date").arg("+%z").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8(said.stdout).ok()?;
    let (hours, minutes) = text.trim().split_at_checked(3)?;
    format!("{hours}:{minutes}").parse().ok()
}
