//! Asking for a PIN at the counter, and saying what is tried next where it fails.

use annona_ledger::consent::RefusalClass;
use annona_ledger::id::{Lane, ProgrammeId, Purse};
use annona_ledger::time::DayNo;
use annona_node::erase;
use annona_node::node::Node;
use annona_node::pin::{Answer, Begun, LentFault, Pin, PinFault, Pins};
use annona_node::vault::{HouseholdId, Vault};

use super::known::No;
use super::till::Whose;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::print_wait;
use crate::{card, holder};

/// The PINs of an open node.
pub(crate) fn pins(node: &Node, vault: &Vault) -> Outcome<Pins> {
    Ok(Pins::of_node(node, vault)?)
}

/// Asks for the PIN of somebody, by her household where her home is here, by her purse where it was lent, and lets nothing
/// be charged unless it is right.
pub(super) fn authenticate(
    session: &Session,
    node: &Node,
    (whose, purses): (&Whose, &[Purse]),
    typed: Option<&String>,
) -> Result<(), No> {
    let vault = match session.vault(node) {
        Ok(vault) => Some(vault),
        Err(fault) if whose.is_here() => return Err(fault.into()),
        // By her purse she is known without the person file, also where that is lost.
        Err(_) => None,
    };
    let household = match (&vault, &whose.card, &whose.family) {
        (Some(vault), Some(code), _) => Some(card::family(node, vault, code)?.1),
        (Some(vault), None, Some(family)) => Some(holder::find(vault, family)?),
        (_, _, _) => None,
    };
    let today = DayNo::of(node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?);
    let mut pins = match &vault {
        Some(vault) => pins(node, vault)?,
        None => Pins::of_folder(node)?,
    };
    if household.is_none() {
        // Whoever was erased is known by no PIN. Opening the person file saw to it once for each erasure that was heard; a
        // file of PINs out of a backup is of before.
        erase::keep_lent(node, &mut pins, &[], today)?;
    }
    let lent = purses.first().copied();
    let what = household.map_or_else(|| "this purse".into(), |id| format!("family {id}"));
    let has = match (household, &lent) {
        (Some(household), _) => pins.has(household)?,
        (None, Some(purse)) => pins.has_lent(purse, today)?,
        (None, None) => false,
    };
    let none = || no(format!("{what} has no PIN here"));
    if !has {
        return Err(none());
    }
    // Typed before it is counted: whoever walks away has not tried.
    let typed = typed.map(String::as_str).unwrap_or_default();
    let pin =
        Pin::parse(typed).map_err(|why| Fault::input(format!("{why}. It was not counted.")))?;
    let begun = match (household, &lent) {
        (Some(household), _) => pins.begin(household, node.now())?,
        (None, Some(purse)) => pins.begin_lent(purse, node.now(), today)?,
        (None, None) => Begun::NoPin,
    };
    let attempt = match begun {
        Begun::Attempt(attempt) => attempt,
        Begun::Waits(until) => {
            return Err(no(format!("the PIN waits {}", print_wait(until, node.now()))));
        }
        Begun::Locked => return Err(no(locked(&what, household))),
        Begun::NoPin => return Err(none()),
    };
    match pins.check(attempt, &pin)? {
        Answer::Right => Ok(()),
        Answer::Again { left } => {
            Err(no(format!("the PIN is wrong; it may be tried again, {left} more before it waits")))
        }
        Answer::Waits(until) => {
            Err(no(format!("the PIN is wrong, and waits {}", print_wait(until, node.now()))))
        }
        Answer::Locked => Err(no(format!("the PIN is wrong; {}", locked(&what, household)))),
    }
}

fn locked(what: &str, household: Option<HouseholdId>) -> String {
    match household {
        Some(id) => format!(
            "the PIN of {what} is locked: two operators open it, `annona family pin {id} --unlock`"
        ),
        None => format!(
            "the PIN of {what} is locked here: its home gives it another, by two operators, and lends that for a day further on"
        ),
    }
}

fn no(words: String) -> No {
    No::Refused { class: RefusalClass::Authentication, words }
}

impl From<PinFault> for Fault {
    fn from(fault: PinFault) -> Self {
        let message = fault.to_string();
        match fault {
            PinFault::Disk(disk) => disk.into(),
            PinFault::Seal(fault) => fault.into(),
            PinFault::Vault(fault) => fault.into(),
            PinFault::NotPins { .. } | PinFault::Missing { .. } => Self::new(Exit::Wrong, message),
        }
    }
}

impl From<LentFault> for Fault {
    fn from(fault: LentFault) -> Self {
        let message = fault.to_string();
        match fault {
            LentFault::Pins(fault) => fault.into(),
            LentFault::Damaged => Self::input(message),
            LentFault::Stranger | LentFault::NotForUs(_) => Self::refused(message),
        }
    }
}
