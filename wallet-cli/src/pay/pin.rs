//! Asking for a PIN at the counter, and saying what is tried next where it fails.

use std::path::Path;

use annona_ledger::entry::Method;
use annona_node::folder::PINS;
use annona_node::keystore::{Name, Secret};
use annona_node::node::{Node, NodeFault};
use annona_node::pin::{Answer, Begun, Pin, PinFault, Pins, next};
use annona_node::vault::{HouseholdId, Vault};

use super::till::Whose;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::print_millis;
use crate::{card, holder};

/// The PINs of an open node.
pub(crate) fn pins(node: &Node) -> Outcome<Pins> {
    let key = node.keys().get(Name::Vault).and_then(Secret::as_key);
    let key = key.ok_or(NodeFault::NoKey("key of the person file"))?;
    Ok(Pins::open(&node.folder().file(PINS), &key)?)
}

/// Asks for the PIN of somebody whose home is here, and lets nothing be charged unless it is right.
pub(super) fn authenticate(
    session: &Session,
    node: &Node,
    whose: &Whose,
    file: Option<&Path>,
) -> Outcome {
    let vault = session.vault(node)?;
    let household = match (&whose.card, &whose.family) {
        (Some(code), _) => card::family(node, &vault, code)?.1,
        (None, Some(family)) => holder::find(&vault, family)?,
        // Somebody of another site: her PIN is there.
        (None, None) => return Ok(()),
    };
    let mut pins = pins(node)?;
    if !pins.has(household)? {
        return Err(offer(format!("family {household} has no PIN here")));
    }
    // Asked for before it is counted: whoever walks away has not tried.
    let typed =
        session.ask.other(&format!("PIN of family {household}"), file, "--pin-file FILE")?;
    let pin =
        Pin::parse(&typed).map_err(|why| Fault::input(format!("{why}. It was not counted.")))?;
    let attempt = match pins.begin(household, node.now())? {
        Begun::Attempt(attempt) => attempt,
        Begun::Waits(until) => {
            return Err(offer(format!("the PIN waits until {}", print_millis(until))));
        }
        Begun::Locked => return Err(offer(locked(household))),
        Begun::NoPin => return Err(offer(format!("family {household} has no PIN here"))),
    };
    match pins.check(attempt, &pin)? {
        Answer::Right => Ok(()),
        Answer::Again { left } => Err(offer(format!(
            "the PIN is wrong; it may be tried again, {left} more before it waits"
        ))),
        Answer::Waits(until) => {
            Err(offer(format!("the PIN is wrong, and waits until {}", print_millis(until))))
        }
        Answer::Locked => Err(offer(format!("the PIN is wrong; {}", locked(household)))),
    }
}

fn locked(household: HouseholdId) -> String {
    format!(
        "the PIN of family {household} is locked: two operators open it, `annona family pin {household} --unlock`"
    )
}

/// What failed, and what is tried instead: nobody is left with nothing.
fn offer(what: String) -> Fault {
    Fault::refused(format!("{what}. Nothing was handed out."))
        .then(&format!("Next: {}.", next(&[Method::Pin]).words()))
}

/// Refuses an order of a queue whose PIN nobody was asked for here.
pub(super) fn not_in_a_queue(
    pins: Option<&Pins>,
    vault: &Vault,
    whose: &Whose,
    look: &dyn Fn(&str) -> Outcome<HouseholdId>,
) -> Outcome {
    let Some(pins) = pins else { return Ok(()) };
    let household = match (&whose.card, &whose.family) {
        (Some(code), _) => look(code)?,
        (None, Some(family)) => holder::find(vault, family)?,
        (None, None) => return Ok(()),
    };
    if pins.has(household)? {
        return Err(offer(format!(
            "family {household} has a PIN, which is asked for one by one and not in a queue"
        )));
    }
    Ok(())
}

impl From<PinFault> for Fault {
    fn from(fault: PinFault) -> Self {
        let message = fault.to_string();
        match fault {
            PinFault::Disk(disk) => disk.into(),
            PinFault::Seal(fault) => fault.into(),
            PinFault::NotPins { .. } => Self::new(Exit::Wrong, message),
        }
    }
}
