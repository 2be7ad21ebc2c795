//! What somebody who is refused takes with her: a number, the reason, and what she can do next. Nothing is hidden.

use annona_ledger::consent::RefusalClass;
use annona_ledger::counter::RULES;
use annona_ledger::entry::{CarrierKind, Method};
use annona_ledger::id::{Lane, ProgrammeId, Purse, SlipId};
use annona_ledger::notice::OperatorRoles;
use annona_ledger::rejection::Rejection;
use annona_ledger::time::DayNo;
use annona_node::counter;
use annona_node::credential::register::Register;
use annona_node::folder::{CARDS, PINS};
use annona_node::node::{Node, Refusal};
use annona_node::pin::{Next, next};
use annona_node::vault::{HouseholdId, Vault};
use serde_json::json;

use super::pin::pins;
use super::place::Place;
use super::till::Whose;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::{card, family, words};

/// Who is refused, as far as she is known.
#[derive(Clone, Copy)]
pub(super) struct Who<'a> {
    /// In which programme.
    pub(super) programme: ProgrammeId,
    /// Whose entitlement it was to be.
    pub(super) whose: &'a Whose,
    /// The purse it was asked of.
    pub(super) purse: Option<Purse>,
}

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

/// Refuses somebody for who she could not be shown to be: the next method is named, with what is typed for it. It is one
/// that she has and that has not failed just now, and there always is one.
pub(super) fn by_method(
    session: &Session,
    node: &mut Node,
    who: Who<'_>,
    (class, method): (RefusalClass, Method),
    words: &str,
) -> Fault {
    let tried = who.purse.and_then(|purse| counter::tried(node, &purse, method).ok());
    let next = next(&tried.unwrap_or_else(|| vec![method]), &closed(node, who));
    let fault = Fault::refused(format!("{words}. Nothing was handed out."));
    let to_her = session.papers().method(next);
    slip(session, node, (who.programme, class), words, (next.words(), to_her));
    fault.then(&format!("Next: {}: {}.", next.words(), typed(next)))
}

/// How she may be served beside a method that those who signed may not answer for.
pub(super) fn beside(node: &Node, who: Who<'_>, method: Method) -> String {
    let next = next(&[method], &closed(node, who));
    format!("Next: {}: {}.", next.words(), typed(next))
}

/// What is typed for a step.
const fn typed(next: Next) -> &'static str {
    match next {
        Next::Pin => "--method pin",
        Next::Sight => "--card CODE --method sight",
        Next::Adult => "--method adult --member N --operator FILE",
        Next::Collector => "--method collector --paper PAPER",
        Next::Witness => "--method witness --operator FILE --second FILE",
        Next::Desk => "--method desk --operator FILE --second FILE",
        Next::Voucher => {
            "`annona pay voucher --operator FILE --second FILE` makes it out, then --method voucher --paper PAPER"
        }
    }
}

/// The steps that are closed to her. What cannot be looked up closes nothing.
fn closed(node: &Node, who: Who<'_>) -> Vec<Next> {
    let vault = node.vault().ok();
    let family = vault.as_ref().and_then(|vault| Some((vault, who.whose.family(vault)?)));
    let mut closed = Vec::new();
    if !may_try_pin(node, vault.as_ref(), family.map(|(_, id)| id), who.purse).unwrap_or(true) {
        closed.push(Next::Pin);
    }
    match family {
        Some((vault, id)) => {
            let (card, collector) = carries(node, vault, id, who.programme).unwrap_or((true, true));
            if !card && who.whose.card.is_none() {
                closed.push(Next::Sight);
            }
            if !has_adults(node, vault, id) {
                closed.push(Next::Adult);
            }
            if !collector {
                closed.push(Next::Collector);
            }
        }
        // Who belongs to the household is known at its own site only.
        None => closed.push(Next::Adult),
    }
    let witness = |one: &annona_ledger::notice::OperatorCertificate| {
        one.roles.has(OperatorRoles::WITNESS) && one.programmes.contains(&who.programme)
    };
    if !node.store().roster().operators().any(witness) {
        closed.push(Next::Witness);
    }
    closed
}

fn may_try_pin(
    node: &Node,
    vault: Option<&Vault>,
    family: Option<HouseholdId>,
    purse: Option<Purse>,
) -> Outcome<bool> {
    // Without the person file no PIN is looked at.
    let Some(vault) = vault.filter(|_| node.folder().file(PINS).exists()) else {
        return Ok(false);
    };
    let (pins, now) = (pins(node, vault)?, node.now());
    let today = DayNo::of(node.stamp(&node.feed(Lane::Control, ProgrammeId::NONE))?);
    Ok(match (family, purse) {
        (Some(id), _) => pins.may_try(id, now)?,
        (None, Some(purse)) => pins.may_try_lent(&purse, now, today)?,
        (None, None) => false,
    })
}

/// Whether anybody grown up but whoever stands there may come.
fn has_adults(node: &Node, vault: &Vault, id: HouseholdId) -> bool {
    let (Ok(of), Some(today)) = (family::open(vault, id), words::date(node.now())) else {
        return false;
    };
    of.members.iter().filter(|member| of.is_adult(member, today) == Some(true)).count() > 1
}

/// Whether a card or code of hers counts, and whether a collector's paper does: a paper that is no card of the register
/// here.
fn carries(
    node: &Node,
    vault: &Vault,
    id: HouseholdId,
    programme: ProgrammeId,
) -> Outcome<(bool, bool)> {
    let all = card::counting(node, vault, id, programme)?;
    let of = |kind| all.iter().filter(|(_, is)| *is == kind).count();
    let mut printed = 0;
    if node.folder().file(CARDS).exists() {
        let register = Register::of_node(node, &mut node.vault()?)?;
        printed = usize::from(register.of(id, programme).is_some());
    }
    let codes = of(CarrierKind::Code) > 0 || of(CarrierKind::Card) > 0;
    Ok((codes || printed > 0, of(CarrierKind::Paper) > printed))
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

/// Refuses somebody for what her entitlement is, and says where she can be served.
pub(super) fn by_value(
    session: &Session,
    node: &mut Node,
    who: Who<'_>,
    fault: Fault,
    place: &Place,
) -> Fault {
    let (next, to_her) = place.next(session.papers());
    let heard = (next.as_str(), to_her.as_str());
    slip(session, node, (who.programme, RefusalClass::Value), &fault.message, heard);
    match place {
        Place::Sent(place) => fault.then(&format!(
            "All she had here was sent to {place}: she is served there until it comes back."
        )),
        _ => fault.then(&format!("Next: {next}.")),
    }
}

/// Refuses somebody whom nothing is left for of this place's allowance.
pub(super) fn by_allowance(
    session: &Session,
    node: &mut Node,
    who: Who<'_>,
    fault: Fault,
) -> Fault {
    let to_her = session.papers().elsewhere;
    let next = ("another site, or the desk, can serve her; or complain with this number", to_her);
    slip(session, node, (who.programme, RefusalClass::Policy), &fault.message, next);
    fault.then(&format!("Next: {}.", next.0))
}

/// As [`by_value`], for whatever a rule of the ledger said.
pub(super) fn by_rule(session: &Session, node: &mut Node, who: Who<'_>, refusal: Refusal) -> Fault {
    let class = class_of(&refusal);
    let fault = match refusal {
        Refusal::Rule(rule) if class.is_some() => nothing_handed_out(rule),
        other => other.into(),
    };
    match class {
        Some(RefusalClass::Policy) => by_allowance(session, node, who, fault),
        Some(RefusalClass::Value) => by_value(session, node, who, fault, &Place::Home),
        Some(RefusalClass::Authentication) | None => fault,
    }
}

/// A rule that stands against a hand-out. That she was refused is written: what was not done is told, and no more.
pub(super) fn nothing_handed_out(rule: Rejection) -> Fault {
    Fault::refused(format!("{rule} (rejection {}); nothing was handed out", rule.code()))
}

/// Says it on the ledger and prints the slip, in her language. What she can do next is said twice: to who serves, and to
/// her. What cannot be written, or printed, changes nothing for her.
fn slip(
    session: &Session,
    node: &mut Node,
    (programme, class): (ProgrammeId, RefusalClass),
    why: &str,
    (next, to_her): (&str, &str),
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
    let mut rows = vec![
        (papers.refused, papers.class(class).to_owned()),
        (papers.rules, RULES.to_string()),
        (papers.slip, number(&slip)),
    ];
    // Where to complain is all that is next, it stands there once.
    if to_her != papers.any_desk {
        rows.push((papers.next, to_her.to_owned()));
    }
    rows.push((papers.complain, papers.any_desk.to_owned()));
    let page = papers.rows(rows);
    let value = json!({
        "slip": number(&slip), "ticket": slip.to_string(), "class": class.word(), "rules": RULES,
        "why": why, "next": next, "written": wrote.is_ok(), "language": papers.tag, "paper": page,
    });
    // The fault that follows tells the rest; a screen that is gone must not stand in its way.
    drop(session.screen.answer("refusal", value, || page.trim_end().to_owned()));
}

/// The first digits of a slip, as they are read out.
pub(crate) fn number(slip: &SlipId) -> String {
    let digits = slip.to_string().to_uppercase();
    let groups: Vec<&str> = (0..4).filter_map(|n| digits.get(n * 4..n * 4 + 4)).collect();
    groups.join("-")
}
