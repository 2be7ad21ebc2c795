//! How a command fails: one exit code and one message of what, where and what to do next. The only place where the
//! typed faults of the libraries become exit codes.

use std::path::Path;

use annona_ledger::charter::CharterRejection;
use annona_ledger::list::ListRejection;
use annona_ledger::notice::NoticeRejection;
use annona_ledger::rejection::Rejection;
use annona_ledger::sync::frame::FrameFault;
use annona_ledger::wire::WireFault;
use annona_node::audit::LookFault;
use annona_node::audit::export::ExportFault;
use annona_node::backup::BackupFault;
use annona_node::config::ConfigFault;
use annona_node::consent::ConsentFault;
use annona_node::copies::CopyFault;
use annona_node::daemon::DaemonFault;
use annona_node::disk::{DiskFault, DiskTrouble};
use annona_node::folder::{FolderFault, LEDGER};
use annona_node::guard::GuardFault;
use annona_node::holder::HolderFault;
use annona_node::household::ChangeFault;
use annona_node::import::map::MapError;
use annona_node::import::{ImportError, TableError};
use annona_node::keystore::KeystoreFault;
use annona_node::node::{NodeFault, Refusal};
use annona_node::person::{HouseholdError, ValueFault};
use annona_node::seal::SealError;
use annona_node::shares::SharesFault;
use annona_node::store::StoreFault;
use annona_node::vault::VaultFault;

/// How a command ended. The numbers are part of the interface and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// What was to be checked was checked, and is wrong.
    Wrong = 1,
    /// The command was not understood.
    Usage = 2,
    /// A file, a value or a disk is not what it must be.
    Input = 3,
    /// A peer that is dialled is not met, where that was asked.
    Unmet = 4,
    /// A rule, a passphrase or a permission stands against it.
    NotAllowed = 5,
    /// Somebody else was first, or two things contradict each other.
    Conflict = 6,
    /// A fault of this program.
    Bug = 70,
    /// Stopped by the person; the state is safe.
    Interrupted = 130,
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Fault {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What, where, and what to do next. Empty where nobody is left to read it.
    pub(crate) message: String,
}

/// What a command answers.
pub(crate) type Outcome<T = ()> = Result<T, Fault>;

impl Fault {
    /// A fault in words.
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    /// Something given to the command is not what it must be.
    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(Exit::Input, message)
    }

    /// A file that is not what the command takes: another one, or one that is damaged.
    pub(crate) fn file(path: &Path, message: impl Into<String>) -> Self {
        Self::input(message).at(path.display()).then("Check the path, or have the file made again.")
    }

    /// A rule stands against it.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self::new(Exit::NotAllowed, message)
    }

    /// A combination of options that makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The person asked to stop.
    pub(crate) fn interrupted() -> Self {
        let message =
            "interrupted: the state is safe. Run the same command again to go on where it stopped.";
        Self::new(Exit::Interrupted, message)
    }

    /// The person asked twice to stop while value was being moved.
    pub(crate) fn interrupted_in_writing() -> Self {
        let message = "interrupted while it was written: it may stand. Look with `annona pay list` before you do it again.";
        Self::new(Exit::Interrupted, message)
    }

    /// The person asked twice to stop while a family was being written.
    pub(crate) fn interrupted_in_family() -> Self {
        let message = "interrupted while it was written: it may stand. Run the same command again: it does what is left, and \
                       nothing twice.";
        Self::new(Exit::Interrupted, message)
    }

    /// A file operation that failed; `doing` completes "could not …".
    pub(crate) fn io(doing: &'static str, path: &Path, source: std::io::Error) -> Self {
        DiskFault::io(doing, path, source).into()
    }

    /// The same fault, with the place it happened at in front.
    pub(crate) fn at(mut self, place: impl std::fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// The same fault, which says in which folder the ledger file is that the system could not use.
    pub(crate) fn in_folder(mut self, dir: &Path) -> Self {
        let (bare, whole) = (format!("could not use {LEDGER}:"), dir.join(LEDGER));
        let named = format!("could not use {}:", whole.display());
        self.message = self.message.replace(&bare, &named);
        self
    }

    /// The same fault, with a next step behind.
    pub(crate) fn then(mut self, next: &str) -> Self {
        let end = if self.message.ends_with(['.', '!', '?']) { " " } else { ". " };
        self.message = format!("{}{end}{next}", self.message);
        self
    }
}

fn of(exit: Exit, fault: &impl ToString) -> Fault {
    Fault::new(exit, fault.to_string())
}

impl From<DiskFault> for Fault {
    fn from(fault: DiskFault) -> Self {
        let exit = match fault.trouble() {
            DiskTrouble::ReadOnly | DiskTrouble::Denied => Exit::NotAllowed,
            DiskTrouble::Exists | DiskTrouble::Busy => Exit::Conflict,
            DiskTrouble::Damaged | DiskTrouble::CutShort => Exit::Wrong,
            DiskTrouble::Full
            | DiskTrouble::Missing
            | DiskTrouble::TooLong
            | DiskTrouble::Folder
            | DiskTrouble::Other => Exit::Input,
        };
        of(exit, &fault)
    }
}

impl From<FolderFault> for Fault {
    fn from(fault: FolderFault) -> Self {
        match fault {
            FolderFault::Held { .. }
            | FolderFault::NotLent { .. }
            | FolderFault::NotEmpty { .. } => of(Exit::Conflict, &fault),
            FolderFault::NotOurs { .. } | FolderFault::Unfinished { .. } => of(Exit::Input, &fault),
            FolderFault::Disk(disk) => disk.into(),
        }
    }
}

impl From<ConsentFault> for Fault {
    fn from(fault: ConsentFault) -> Self {
        match fault {
            ConsentFault::Vault(vault) => vault.into(),
            ConsentFault::Node(node) => node.into(),
            ConsentFault::Refused(refusal) => refusal.into(),
            ConsentFault::Seal(seal) => seal.into(),
            ConsentFault::Pins(pins) => pins.into(),
            ConsentFault::Cards(cards) => cards.into(),
            ConsentFault::Disk(disk) => disk.into(),
            ConsentFault::Grant(_) => of(Exit::Input, &fault),
            ConsentFault::Answered => of(Exit::Conflict, &fault),
            ConsentFault::NotHers(_) | ConsentFault::Closed(_) => of(Exit::NotAllowed, &fault)
                .then("`annona consent list FAMILY` tells what she agreed to."),
            ConsentFault::OthersConsent => of(Exit::Input, &fault)
                .then("`annona consent list FAMILY` tells which are this family's."),
            ConsentFault::Unknown | ConsentFault::OtherHousehold => of(Exit::Input, &fault),
        }
    }
}

impl From<ConfigFault> for Fault {
    fn from(fault: ConfigFault) -> Self {
        match fault {
            ConfigFault::Disk(disk) => disk.into(),
            ConfigFault::Wrong { .. } => of(Exit::Input, &fault)
                .then("`annona run --print-config` prints what may stand there."),
        }
    }
}

impl From<DaemonFault> for Fault {
    fn from(fault: DaemonFault) -> Self {
        match fault {
            DaemonFault::Node(node) => node.into(),
            DaemonFault::Disk(disk) => disk.into(),
            DaemonFault::NetEnded => of(Exit::Bug, &fault),
            DaemonFault::Loan(_) | DaemonFault::Runs => of(Exit::Conflict, &fault),
            DaemonFault::Net(_) | DaemonFault::Metrics(_) => of(Exit::Input, &fault),
        }
    }
}

impl From<SealError> for Fault {
    fn from(fault: SealError) -> Self {
        of(Exit::Input, &fault)
    }
}

impl From<KeystoreFault> for Fault {
    fn from(fault: KeystoreFault) -> Self {
        let exit = match fault {
            KeystoreFault::Disk(disk) => return disk.into(),
            KeystoreFault::WrongPassphrase { .. } | KeystoreFault::Full => Exit::NotAllowed,
            KeystoreFault::Exists { .. } | KeystoreFault::Changed { .. } => Exit::Conflict,
            KeystoreFault::Damaged { .. } => Exit::Wrong,
            KeystoreFault::Left { .. }
            | KeystoreFault::NotKeys { .. }
            | KeystoreFault::Newer { .. }
            | KeystoreFault::EmptyPassphrase
            | KeystoreFault::Seal { .. } => Exit::Input,
        };
        of(exit, &fault)
    }
}

impl From<GuardFault> for Fault {
    fn from(fault: GuardFault) -> Self {
        (&fault).into()
    }
}

impl From<&GuardFault> for Fault {
    fn from(fault: &GuardFault) -> Self {
        let exit = match fault {
            GuardFault::Behind { .. }
            | GuardFault::Diverged { .. }
            | GuardFault::OtherFolder { .. }
            | GuardFault::Exists { .. }
            | GuardFault::Held { .. } => Exit::Conflict,
            GuardFault::Lower { .. } => Exit::Bug,
            GuardFault::Damaged { .. } => Exit::Wrong,
            _ => Exit::NotAllowed,
        };
        of(exit, fault)
    }
}

impl From<StoreFault> for Fault {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Disk(disk) => disk.into(),
            StoreFault::Article(rejection) => rejection.into(),
            StoreFault::Notice(rejection) => rejection.into(),
            StoreFault::Damaged { .. } => of(Exit::Wrong, &fault),
            StoreFault::NoCharter => of(Exit::NotAllowed, &fault),
            StoreFault::Begun { .. } | StoreFault::Open { .. } => of(Exit::Conflict, &fault),
            StoreFault::CharterForked { .. } => of(Exit::Conflict, &fault).then(
                "`annona charter show` names the two articles; write [heal] and have every organisation that signed once \
                 sign it.",
            ),
            StoreFault::Unmirrored { .. }
            | StoreFault::Older { .. }
            | StoreFault::LogUnread { .. } => of(Exit::NotAllowed, &fault),
            StoreFault::NotALedger
            | StoreFault::Frontier(_)
            | StoreFault::Newer { .. }
            | StoreFault::TooOld { .. }
            | StoreFault::NoCopy { .. }
            | StoreFault::NotUpgraded { .. }
            | StoreFault::NoWal
            | StoreFault::Stale(_)
            | StoreFault::Wire(_) => of(Exit::Input, &fault),
            StoreFault::Block(_) => of(Exit::Wrong, &fault),
        }
    }
}

impl From<NodeFault> for Fault {
    fn from(fault: NodeFault) -> Self {
        match fault {
            NodeFault::Folder(fault) => fault.into(),
            NodeFault::Keys(fault) => fault.into(),
            NodeFault::Store(fault) => fault.into(),
            NodeFault::Guard(fault) => fault.into(),
            NodeFault::Seal(fault) => fault.into(),
            NodeFault::Rejected(fault) => fault.into(),
            NodeFault::Lost { .. } => of(Exit::Wrong, &fault),
            NodeFault::NoKey(_) => of(Exit::Input, &fault),
            NodeFault::Unknown(_) => of(Exit::Input, &fault),
            NodeFault::Refused(_) | NodeFault::Stopped(_) => of(Exit::NotAllowed, &fault),
        }
    }
}

impl From<Refusal> for Fault {
    fn from(fault: Refusal) -> Self {
        match fault {
            Refusal::Rule(rejection) => rejection.into(),
            Refusal::Words(words) => Self::refused(words),
        }
    }
}

impl From<Rejection> for Fault {
    fn from(rejection: Rejection) -> Self {
        let code = rejection.code();
        let exit = match rejection {
            Rejection::FeedFaulty => Exit::Conflict,
            _ => Exit::NotAllowed,
        };
        let fault = Self::new(exit, format!("{rejection} (rejection {code}); nothing was written"));
        match rejection {
            Rejection::AlreadyResolved => fault.then(
                "`annona pay list` shows what became of it: where it was not you, look there before anything is given again.",
            ),
            Rejection::CarrierRefused => fault.then(
                "One that was cancelled stays so: `annona card issue` gives a new code, `annona card wallet` the page of a \
                 new wallet.",
            ),
            Rejection::OtherRole => fault.then(
                "`annona status` shows its roles; `annona node request` and `annona node admit --role ROLE` add one.",
            ),
            _ => fault,
        }
    }
}

impl From<CharterRejection> for Fault {
    fn from(rejection: CharterRejection) -> Self {
        let (exit, next) = match rejection {
            CharterRejection::EpochNotNext | CharterRejection::PreviousNotHead => (
                Exit::Conflict,
                "Compare with `annona charter show`: apply the articles in between first, or propose anew.",
            ),
            CharterRejection::QuorumMissing
            | CharterRejection::NewcomerUnsigned
            | CharterRejection::RotationUnsigned
            | CharterRejection::RecoveryUnsigned => (
                Exit::NotAllowed,
                "Collect the missing signatures with `annona charter sign`, and apply all copies together.",
            ),
            CharterRejection::BadSignature | CharterRejection::UnknownSigner => {
                (Exit::Wrong, "Ask for the file again, from whoever signed it.")
            }
            _ => (Exit::Input, "Correct the description and propose again."),
        };
        let number = rejection.number();
        Self::new(exit, format!("the article is refused: {rejection} (charter rejection {number})"))
            .then(next)
    }
}

impl From<NoticeRejection> for Fault {
    fn from(rejection: NoticeRejection) -> Self {
        let next = if rejection.awaits_charter() {
            "If it is of this federation, apply the newer articles of the charter first."
        } else {
            "Ask its organisation for a new one."
        };
        let number = rejection.number();
        let message = format!("the notice is refused: {rejection} (notice rejection {number})");
        Self::new(Exit::Wrong, message).then(next)
    }
}

impl From<ListRejection> for Fault {
    fn from(rejection: ListRejection) -> Self {
        let message = format!("{rejection} (list rejection {})", rejection.number());
        Self::refused(message)
    }
}

impl From<VaultFault> for Fault {
    fn from(fault: VaultFault) -> Self {
        let exit = match fault {
            VaultFault::Disk(disk) => return disk.into(),
            VaultFault::Damaged { .. }
            | VaultFault::NotAVault { .. }
            | VaultFault::Lost { .. }
            | VaultFault::KeysLost { .. } => Exit::Wrong,
            VaultFault::WrongKey { .. } => Exit::NotAllowed,
            VaultFault::Known { .. } | VaultFault::CardTaken { .. } => Exit::Conflict,
            _ => Exit::Input,
        };
        of(exit, &fault)
    }
}

impl From<CopyFault> for Fault {
    fn from(fault: CopyFault) -> Self {
        match fault {
            CopyFault::Vault(fault) => fault.into(),
            CopyFault::Node(fault) => fault.into(),
            CopyFault::Erasing(fault) => fault.into(),
            CopyFault::Disk(fault) => fault.into(),
            CopyFault::Seal(fault) => fault.into(),
            CopyFault::NotTheirs | CopyFault::NotForUs(_) | CopyFault::NotGiven { .. } => {
                of(Exit::NotAllowed, &fault)
            }
            CopyFault::Older => of(Exit::Conflict, &fault),
            _ => of(Exit::Input, &fault),
        }
    }
}

impl From<SharesFault> for Fault {
    fn from(fault: SharesFault) -> Self {
        match fault {
            SharesFault::Keys(fault) => fault.into(),
            SharesFault::Disk(fault) => fault.into(),
            SharesFault::Seal(fault) => fault.into(),
            SharesFault::NotTheirs(_) | SharesFault::OtherKeys => of(Exit::NotAllowed, &fault),
            SharesFault::Damaged => of(Exit::Wrong, &fault),
            SharesFault::Count | SharesFault::None => of(Exit::Input, &fault),
        }
    }
}

impl From<HolderFault> for Fault {
    fn from(fault: HolderFault) -> Self {
        match fault {
            HolderFault::Disk(fault) => fault.into(),
            HolderFault::Seal(fault) => fault.into(),
            HolderFault::Damaged { .. } | HolderFault::Receipt(_) => of(Exit::Wrong, &fault),
            HolderFault::Held { .. } | HolderFault::Exists { .. } => of(Exit::Conflict, &fault),
            HolderFault::MustLearn(_)
            | HolderFault::WrongPassphrase { .. }
            | HolderFault::WrongShares
            | HolderFault::NeedsShares { .. }
            | HolderFault::NotHers
            | HolderFault::Page(_)
            | HolderFault::Bill(_) => of(Exit::NotAllowed, &fault),
            HolderFault::Who(_) => of(Exit::Usage, &fault),
            _ => of(Exit::Input, &fault),
        }
    }
}

impl From<ChangeFault> for Fault {
    fn from(fault: ChangeFault) -> Self {
        match fault {
            ChangeFault::Vault(fault) => fault.into(),
            ChangeFault::Household(fault) => fault.into(),
            ChangeFault::Seal(fault) => fault.into(),
            ChangeFault::SamePerson => of(Exit::NotAllowed, &fault),
            _ => of(Exit::Input, &fault),
        }
    }
}

impl From<BackupFault> for Fault {
    fn from(fault: BackupFault) -> Self {
        match fault {
            BackupFault::Disk(disk) => disk.into(),
            BackupFault::DoesNotOpen => of(Exit::NotAllowed, &fault),
            other => of(Exit::Input, &other),
        }
    }
}

impl From<ImportError> for Fault {
    fn from(fault: ImportError) -> Self {
        match fault {
            ImportError::Cancelled => Self::interrupted(),
            ImportError::Seal(fault) => fault.into(),
            other => of(Exit::Input, &other),
        }
    }
}

macro_rules! all_input {
    ($($fault:ty),*) => {
        $(impl From<$fault> for Fault {
            fn from(fault: $fault) -> Self {
                of(Exit::Input, &fault)
            }
        })*
    };
}

all_input!(TableError, MapError, HouseholdError, ValueFault);

macro_rules! all_bytes {
    ($($fault:ty),*) => {
        $(impl From<$fault> for Fault {
            fn from(fault: $fault) -> Self {
                of(Exit::Input, &fault)
                    .then("It was cut short or changed, or is something else: take it again from where it came.")
            }
        })*
    };
}

all_bytes!(WireFault, FrameFault);

impl From<ExportFault> for Fault {
    fn from(fault: ExportFault) -> Self {
        match fault {
            ExportFault::Disk(fault) => fault.into(),
            ExportFault::Store(fault) => fault.into(),
            ExportFault::Frame(fault) => fault.into(),
        }
    }
}

impl From<LookFault> for Fault {
    fn from(fault: LookFault) -> Self {
        of(Exit::Input, &fault).then("`annona audit verify` says what is in the file.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_trouble_has_its_exit_code() {
        #[track_caller]
        fn check(fault: impl Into<Fault>, exit: Exit) {
            let fault = fault.into();
            assert_eq!(fault.exit, exit, "{}", fault.message);
            assert!(!fault.message.is_empty());
        }
        let path = Path::new("/camp/keys.annona");
        let gone = || DiskFault::io("read", path, std::io::ErrorKind::NotFound.into());
        check(gone(), Exit::Input);
        check(KeystoreFault::WrongPassphrase { path: path.into() }, Exit::NotAllowed);
        check(KeystoreFault::Damaged { path: path.into() }, Exit::Wrong);
        check(FolderFault::Held { path: path.into(), pid: Some(4) }, Exit::Conflict);
        check(NodeFault::Store(StoreFault::Disk(gone())), Exit::Input);
        check(Rejection::ExceedsLot, Exit::NotAllowed);
        check(CharterRejection::QuorumMissing, Exit::NotAllowed);
        check(CharterRejection::PreviousNotHead, Exit::Conflict);
        check(CharterRejection::BadSignature, Exit::Wrong);
        check(NoticeRejection::BadSignature, Exit::Wrong);
        check(ImportError::Cancelled, Exit::Interrupted);
    }

    #[test]
    fn a_ledger_that_cannot_be_used_is_named_with_its_folder() {
        let full = std::io::ErrorKind::StorageFull;
        let gone = |path| DiskFault::io("use", Path::new(path), full.into());
        let of =
            |path| Fault::from(StoreFault::Disk(gone(path))).in_folder(Path::new("/camp/lake"));
        let text = of(LEDGER).message;
        assert!(text.starts_with("could not use /camp/lake/ledger.db: the disk is full"), "{text}");
        let whole = of("/camp/hill/ledger.db").message;
        assert!(whole.starts_with("could not use /camp/hill/ledger.db:"), "{whole}");
    }
}
