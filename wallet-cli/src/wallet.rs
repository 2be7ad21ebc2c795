//! `annona wallet`: a wallet on a person's own device, or on one that holds several people's. It needs no node, no data
//! folder and no network.

mod backup;
mod clones;
mod consent;
mod desk;
mod new;
mod passwd;
mod pay;
mod present;
mod show;
mod tickets;

use std::path::{Path, PathBuf};

use annona_node::guard::Guard;
use annona_node::holder;
use annona_node::store::Store;
use clap::{Args, Subcommand};

use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona wallet new noor.wallet --name Noor
  $ annona wallet introduce amina.wallet --out amina.introduction
  $ annona wallet sign amina.wallet rice.bill --out amina.signed
  $ annona wallet show amina.wallet";

/// A wallet: signs what she is handed, keeps what she was promised, shows what is hers.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Wallet {
    New(new::New),
    Add(new::Add),
    Introduce(desk::Introduce),
    Take(desk::Take),
    Show(show::Show),
    Balance(show::Balance),
    Receipts(show::Receipts),
    Tickets(tickets::Tickets),
    Permissions(show::Permissions),
    Present(present::Present),
    #[command(subcommand)]
    Consent(consent::Consent),
    Sign(pay::Sign),
    Receive(pay::Receive),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Passwd(passwd::Passwd),
    Clones(clones::Clones),
    CheckClone(clones::CheckClone),
}

impl Wallet {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::New(command) => command.run(session),
            Self::Add(command) => command.run(session),
            Self::Introduce(command) => command.run(session),
            Self::Take(command) => command.run(session),
            Self::Show(command) => command.run(session),
            Self::Balance(command) => command.run(session),
            Self::Receipts(command) => command.run(session),
            Self::Tickets(command) => command.run(session),
            Self::Permissions(command) => command.run(session),
            Self::Present(command) => command.run(session),
            Self::Consent(command) => command.run(session),
            Self::Sign(command) => command.run(session),
            Self::Receive(command) => command.run(session),
            Self::Backup(command) => command.run(session),
            Self::Restore(command) => command.run(session),
            Self::Passwd(command) => command.run(session),
            Self::Clones(command) => command.run(session),
            Self::CheckClone(command) => command.run(session),
        }
    }
}

/// Which wallet, and whose of those in it.
#[derive(Args, Clone, Debug)]
struct Whose {
    /// The wallet
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// Who, by her name in it [default: the only one]
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
}

impl Whose {
    fn open(&self, session: &Session) -> Outcome<(holder::Wallet, usize)> {
        let wallet = open(session, &self.wallet)?;
        let who = wallet.find(self.who.as_deref())?;
        Ok((wallet, who))
    }
}

/// How many wallets a ledger shows to be copied.
pub(crate) fn copied(store: &Store) -> Outcome<usize> {
    // Before its charter there is nothing a wallet could have signed for.
    if store.charter().is_err() {
        return Ok(0);
    }
    let work = store.look()?;
    let proofs = work.clones().len();
    work.check()?;
    Ok(proofs)
}

/// Where this machine remembers what its wallets signed: beside node heads.
fn place(session: &Session) -> Outcome<PathBuf> {
    match &session.heads {
        Some(heads) => Ok(heads.clone()),
        None => Ok(Guard::default_place()?),
    }
}

/// Opens a wallet.
fn open(session: &Session, path: &Path) -> Outcome<holder::Wallet> {
    // Before the question: a wrong path is better heard of at once.
    path.metadata().map_err(|fault| Fault::io("open", path, fault))?;
    let passphrase = session.ask.passphrase(&format!("passphrase of {}", path.display()))?;
    let wallet = holder::Wallet::open(path, &passphrase, &place(session)?)?;
    for person in wallet.people() {
        let unheard = person.unheard();
        if !unheard.is_empty() {
            session.screen.warn(format!(
                "this wallet is a copy of one that may have signed since: for {} it signs nothing before {} was heard \
                 (`annona wallet introduce`).",
                person.name,
                unheard.join(", ")
            ));
        }
    }
    Ok(wallet)
}
