use std::path::PathBuf;

use annona_node::holder;
use annona_node::holder::backup::{By, Share};
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use crate::fault::{Fault, Outcome};
use crate::init::PassphraseCost;
use crate::pay::slip;
use crate::session::Session;

const BACKUP: &str = "\
Examples:
  $ annona wallet backup amina.wallet --out her.backup --backup-passphrase-file new-passphrase.txt
  $ annona wallet backup amina.wallet --out her.backup --shares 3 --needed 2 --share-files her";

const RESTORE: &str = "\
Examples:
  $ annona wallet restore amina.backup --out again.wallet --backup-passphrase-file pass.txt
  $ annona wallet restore amina.split --out again.wallet --share amina-1.share --share amina-3.share";

/// Writes a backup: under a passphrase of its own, or under a key that several people hold together.
///
/// Shares are as secret as a passphrase: each goes to somebody else. With the backup and enough of them her wallet is
/// made again; with the backup or the shares alone nothing is.
#[derive(Args)]
#[command(before_help = BACKUP)]
pub(crate) struct Backup {
    /// The wallet
    #[arg(value_name = "WALLET")]
    wallet: PathBuf,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Take the backup's passphrase from the first line of a file [default: ask]
    #[arg(long, value_name = "FILE", conflicts_with = "shares")]
    backup_passphrase_file: Option<PathBuf>,
    /// Split its key among so many, instead of a passphrase
    #[arg(long, value_name = "N", requires = "share_files")]
    shares: Option<u8>,
    /// How many of them open it together
    #[arg(long, value_name = "K", default_value_t = 2, requires = "shares")]
    needed: u8,
    /// Where the shares go: NAME-1.share, NAME-2.share and so on
    #[arg(long, value_name = "NAME", requires = "shares")]
    share_files: Option<PathBuf>,
    /// What one guess at the passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
}

/// Makes a wallet of a backup. It shows everything, and signs nothing before it has heard what was signed since.
#[derive(Args)]
#[command(before_help = RESTORE)]
pub(crate) struct Restore {
    /// The backup
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// The wallet to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Take the backup's passphrase from the first line of a file [default: ask]
    #[arg(long, value_name = "FILE", conflicts_with = "shares")]
    backup_passphrase_file: Option<PathBuf>,
    /// A file that holds a share; once for each
    #[arg(long = "share", value_name = "FILE")]
    shares: Vec<PathBuf>,
    /// What one guess at the new wallet's passphrase costs
    #[arg(long, value_enum, default_value_t = PassphraseCost::Default)]
    passphrase_cost: PassphraseCost,
}

impl Backup {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let wallet = super::open(session, &self.wallet)?;
        let mut files = Vec::new();
        match (self.shares, &self.share_files) {
            (Some(count), Some(name)) => {
                for n in 1..=count {
                    let path = PathBuf::from(format!("{}-{n}.share", name.display()));
                    if path.exists() {
                        let why =
                            format!("{} exists already. Choose another name.", path.display());
                        return Err(Fault::input(why));
                    }
                    files.push(path);
                }
                let split = wallet.backup_split(&self.out, self.needed, count)?;
                for (path, share) in files.iter().zip(&split) {
                    let text = Zeroizing::new(slip::wallet::text(slip::wallet::SHARE, share));
                    annona_node::atomic::write(path, format!("{}\n", *text).as_bytes())?;
                }
            }
            _ => {
                let file = self.backup_passphrase_file.as_deref();
                let option = "--backup-passphrase-file FILE";
                let passphrase = session.ask.new_passphrase("the backup", file, option)?;
                wallet.backup(&self.out, &passphrase, self.passphrase_cost.cost())?;
            }
        }
        let value = json!({ "backup": self.out, "shares": files, "needed": self.needed });
        session.screen.answer("backup", value, || match files.len() {
            0 => format!("{}: written", self.out.display()),
            n => format!("{}: written; {} of {n} shares open it", self.out.display(), self.needed),
        })
    }
}

impl Restore {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let place = super::place(session)?;
        let cost = self.passphrase_cost.cost();
        let passphrase = session.ask.first_passphrase(&self.out.display().to_string())?;
        let own = (&passphrase, cost);
        let wallet = if self.shares.is_empty() {
            let file = self.backup_passphrase_file.as_deref();
            let what = "passphrase of the backup";
            let old = session.ask.other(what, file, "--backup-passphrase-file FILE")?;
            holder::Wallet::restore(&self.backup, &By::Passphrase(&old), &self.out, own, &place)?
        } else {
            let read = |path: &PathBuf| slip::wallet::share(path);
            let shares = self.shares.iter().map(read).collect::<Outcome<Vec<Share>>>()?;
            holder::Wallet::restore(&self.backup, &By::Shares(&shares), &self.out, own, &place)?
        };
        let unheard: Vec<String> =
            wallet.people().iter().flat_map(|person| person.unheard()).collect();
        let value = json!({
            "wallet": self.out, "people": wallet.people().len(), "unheard": unheard,
        });
        session.screen.answer("restored", value, || {
            let rest = match unheard.is_empty() {
                true => String::new(),
                false => format!(" It signs nothing before it heard {}.", unheard.join(", ")),
            };
            format!("{}: restored.{rest}", self.out.display())
        })
    }
}
