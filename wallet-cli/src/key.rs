//! `annona key`: key files of nodes, organisations and operators.
//!
//! Every key file is sealed under a passphrase of its own. Beside an organisation's or operator's file lies its public
//! half, `FILE.public`, in TOML: that is what is handed to others.

mod new;
mod passwd;
mod shares;
mod show;

use std::path::{Path, PathBuf};

use annona_ledger::key::PublicKey;
use annona_node::atomic;
use clap::Subcommand;
use serde::{Deserialize, Serialize};

pub(crate) use new::make;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona key new --organisation 4 --out well.keys --recovery well-recovery.keys
  $ annona key show relief.keys
  $ annona key passwd --new-passphrase-file new-passphrase.txt";

/// Key files: make one, show what is in one, change its passphrase.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Key {
    New(new::New),
    Show(show::Show),
    Passwd(passwd::Passwd),
    #[command(subcommand)]
    Shares(shares::Shares),
}

impl Key {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::New(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Passwd(command) => command.run(session),
            Self::Shares(command) => command.run(session),
        }
    }
}

/// The public half of a key file. Not secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Public {
    /// The organisation's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) organisation: Option<u16>,
    /// Its public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// Its public recovery key.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery: Option<String>,
    /// An operator's public key.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<String>,
}

impl Public {
    /// The public half of an organisation's keys.
    pub(crate) fn of_organisation(id: u16, key: &PublicKey, recovery: Option<&PublicKey>) -> Self {
        let recovery = recovery.map(|key| words::hex(key.bytes()));
        let key = Some(words::hex(key.bytes()));
        Self { organisation: Some(id), key, recovery, operator: None }
    }

    /// The public half of an operator's key.
    pub(crate) fn of_operator(key: &PublicKey) -> Self {
        Self { operator: Some(words::hex(key.bytes())), ..Self::default() }
    }

    /// Where the public half of a key file lies.
    pub(crate) fn beside(keys: &Path) -> PathBuf {
        let mut path = keys.as_os_str().to_owned();
        path.push(".public");
        path.into()
    }

    /// Reads a public half.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let bytes = atomic::read(path, 4096)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            Fault::input("the file is not text: give the .public file.").at(path.display())
        })?;
        toml::from_str(text)
            .map_err(|why| Fault::input(why.to_string().trim_end()).at(path.display()))
    }

    /// Writes a public half.
    pub(crate) fn write(&self, path: &Path) -> Outcome {
        let text = toml::to_string(self)
            .map_err(|why| Fault::input(format!("the public half cannot be written: {why}")))?;
        let text =
            format!("# The public half of a key file: not secret. Hand this one out.\n{text}");
        Ok(atomic::write(path, text.as_bytes())?)
    }

    /// The organisation's key.
    pub(crate) fn key(&self, what: &str) -> Outcome<PublicKey> {
        one(what, "key", self.key.as_deref())
    }

    /// The organisation's recovery key.
    pub(crate) fn recovery(&self, what: &str) -> Outcome<PublicKey> {
        one(what, "recovery key", self.recovery.as_deref())
    }

    /// The operator's key.
    pub(crate) fn operator(&self) -> Outcome<PublicKey> {
        one("an operator", "key", self.operator.as_deref())
    }
}

fn one(what: &str, which: &str, text: Option<&str>) -> Outcome<PublicKey> {
    let none = || {
        Fault::input(format!("the file has no {which} of {what}.")).then("Is it the .public file?")
    };
    let text = text.ok_or_else(none)?;
    words::public_key(&format!("the {which} of {what}"), text)
}
