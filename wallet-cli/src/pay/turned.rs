//! What somebody who is refused takes with her: a number, the reason, and what she can do next. Nothing is hidden.

use annona_ledger::consent::RefusalClass;
use annona_ledger::counter::RULES;
use annona_ledger::entry::Method;
use annona_ledger::id::{ProgrammeId, SlipId};
use annona_ledger::rejection::Rejection;
use annona_node::counter;
use annona_node::node::{Node, Refusal};
use annona_node::pin::next;
use serde_json::json;

use crate::fault::{Exit, Fault};
use crate::session::Session;

/// What kind of refusal a rule of the ledger is to the person at the counter; `None` where it is the node's own trouble.
pub(super) fn class_of(refusal: &Refusal) -> Option<RefusalClass> {
    let Refusal::Rule(rule) = refusal else { return None };
    match rule {
        Rejection::LotNotFound
        | Rejection::Expired
        | Rejection::ExceedsLot
        | Rejection::HoldTimedOut
        | Rejection::AlreadyResolved => Some(RefusalClass::Value),
        Rejection::FloatCap => Some(RefusalClass::Policy),
        _ => None,
    }
}

/// Refuses somebody for who she could not be shown to be: the next method is named, and there always is one.
pub(super) fn by_method(
    session: &Session,
    node: &mut Node,
    programme: ProgrammeId,
    (class, method): (RefusalClass, Method),
    words: &str,
) -> Fault {
    let next = next(&[method]);
    let fault = Fault::refused(format!("{words}. Nothing was handed out."));
    let to_her = session.papers().method(next);
    slip(session, node, (programme, class), words, (next.words(), to_her));
    fault.then(&format!("Next: {}.", next.words()))
}

/// Refuses somebody whose card nobody here has, or no longer.
pub(super) fn by_card(
    session: &Session,
    node: &mut Node,
    programme: ProgrammeId,
    fault: Fault,
) -> Fault {
    if fault.exit == Exit::NotAllowed {
        let next =
            ("find the family by its name, or take the next method", session.papers().find_by_name);
        slip(session, node, (programme, RefusalClass::Authentication), &fault.message, next);
    }
    fault
}

/// Refuses somebody for what her entitlement is.
pub(super) fn by_value(
    session: &Session,
    node: &mut Node,
    programme: ProgrammeId,
    fault: Fault,
) -> Fault {
    let next = (ASK_HOME, session.papers().ask_home);
    slip(session, node, (programme, RefusalClass::Value), &fault.message, next);
    fault
}

/// As [`by_value`], for whatever a rule of the ledger said.
pub(super) fn by_rule(
    session: &Session,
    node: &mut Node,
    programme: ProgrammeId,
    refusal: Refusal,
) -> Fault {
    let class = class_of(&refusal);
    let fault = Fault::from(refusal);
    if let Some(class) = class {
        let next = match class {
            RefusalClass::Value => (ASK_HOME, session.papers().ask_home),
            _ => (
                "another site, or the desk, can serve her; or complain with this number",
                session.papers().elsewhere,
            ),
        };
        slip(session, node, (programme, class), &fault.message, next);
    }
    fault
}

const ASK_HOME: &str = "ask the site that registered her, or complain with this number";

/// Says it on the ledger and prints the slip, in her language. What she can do next is said twice: to who serves, and to
/// her. What cannot be written, or printed, changes nothing for her.
fn slip(
    session: &Session,
    node: &mut Node,
    (programme, class): (ProgrammeId, RefusalClass),
    why: &str,
    (next, to_her): (&str, &'static str),
) {
    let drawn = counter::slip();
    let wrote = match &drawn {
        Ok(slip) => counter::refuse(node, programme, *slip, class),
        Err(_) => Ok(()),
    };
    if let Some(fault) = drawn.as_ref().err().or(wrote.as_ref().err()) {
        session.screen.warn(format!("the refusal is not on the ledger: {fault}"));
    }
    let Ok(slip) = drawn else { return };
    let papers = session.papers();
    let page = papers.rows([
        (papers.refused, papers.class(class).to_owned()),
        (papers.rules, RULES.to_string()),
        (papers.slip, number(&slip)),
        (papers.next, to_her.to_owned()),
        (papers.complain, papers.any_desk.to_owned()),
    ]);
    let value = json!({
        "ticket": slip.to_string(), "class": class.word(), "rules": RULES, "why": why,
        "next": next, "written": wrote.is_ok(), "language": papers.tag, "paper": page,
    });
    // The fault that follows tells the rest; a screen that is gone must not stand in its way.
    drop(session.screen.answer("refusal", value, || page.trim_end().to_owned()));
}

/// The first digits of a slip, as they are read out.
pub(super) fn number(slip: &SlipId) -> String {
    let digits = slip.to_string().to_uppercase();
    let groups: Vec<&str> = (0..4).filter_map(|n| digits.get(n * 4..n * 4 + 4)).collect();
    groups.join("-")
}
