//! Why a wallet did not do what it was asked. Prints with the next step.

use std::path::PathBuf;

use annona_ledger::wire::WireFault;

use crate::disk::DiskFault;
use crate::seal::SealError;

/// Why a wallet did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum HolderFault {
    /// The file is something else.
    #[error("{} is not a wallet. Check the path.", path.display())]
    NotWallet {
        /// The file.
        path: PathBuf,
    },
    /// The file was cut or changed.
    #[error("{} was changed or cut short: no passphrase will open it. Take the last backup: `annona wallet restore`.", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The file is whole and the passphrase is another.
    #[error("the passphrase does not open {}. Check the keyboard layout and Caps Lock, and try again.", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The file opens with shares.
    #[error("{} is a backup that opens with shares: `annona wallet restore --share FILE --share FILE`.", path.display())]
    NeedsShares {
        /// The file.
        path: PathBuf,
    },
    /// Too few shares, or others'.
    #[error("these shares do not open it: they are too few, or of another backup")]
    WrongShares,
    /// How many shares there may be.
    #[error("two to sixteen shares are made, and two of them or more open the backup together")]
    Shares,
    /// No passphrase was given.
    #[error("the passphrase is empty. Choose four or more words nobody would guess together.")]
    EmptyPassphrase,
    /// There is a file already.
    #[error("{} exists already, and a wallet is never overwritten. Choose another name.", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another process has it open.
    #[error("{} is open in another program. Wait until it is done, and try again.", path.display())]
    Held {
        /// The file.
        path: PathBuf,
    },
    /// It is not clear who is meant.
    #[error("say who: --who with one of {}", names(.0))]
    Who(Vec<String>),
    /// A name that cannot be given.
    #[error("a name has 1 to 64 bytes, and is given once in a wallet")]
    Name,
    /// There is no more room.
    #[error("the wallet is full")]
    Full,
    /// She has no purse, and so no key to sign with.
    #[error("she has no purse yet: `annona wallet introduce` at a desk comes first")]
    NoPurse,
    /// The file is a copy, and must hear from these first.
    #[error(
        "this wallet is a copy, or was brought from another machine: it signs nothing before it has heard what was signed \
         since. Show `annona wallet introduce` at {}, and take in the page they give: `annona wallet take`",
        names(.0)
    )]
    MustLearn(Vec<String>),
    /// Nobody in this wallet is meant.
    #[error("it is for nobody in this wallet")]
    NotHers,
    /// Other bytes than a desk's page.
    #[error(
        "this is no page of a desk: it would begin with `annona page 1`. Check the path, or ask for another."
    )]
    NotAPage,
    /// A page does not hold together.
    #[error("the page {0}. Ask for another.")]
    Page(&'static str),
    /// A receipt does not hold together.
    #[error("the receipt {0}. Ask for another.")]
    Receipt(&'static str),
    /// A bill cannot be signed.
    #[error("the bill cannot be signed: {0}.")]
    Bill(&'static str),
    /// Bytes are not what they should be.
    #[error("it was not read right: {0}. Scan or copy it again.")]
    Wire(#[from] WireFault),
    /// Sealing.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The disk.
    #[error(transparent)]
    Disk(#[from] DiskFault),
}

fn names(all: &[String]) -> String {
    if all.is_empty() { "nobody, as there is none".to_owned() } else { all.join(", ") }
}
