//! Finding a household, and what it is called on the ledger.

use annona_ledger::digits::typed;
use annona_ledger::id::{CycleId, ProgrammeId, Pseudonym, Purse};
use annona_ledger::short_code::ShortCode;
use annona_node::cycle_key;
use annona_node::keystore::{Name, Secret};
use annona_node::node::{Node, NodeFault};
use annona_node::serve;
use annona_node::vault::{HouseholdId, OWN_SOURCE, Vault, VaultFault};

use crate::fault::{Fault, Outcome};
use crate::words;

/// A family by its number in the person file (`12`, or `#12`), its short code, or `SOURCE:KEY` of its registration.
pub(crate) fn find(vault: &Vault, text: &str) -> Outcome<HouseholdId> {
    let number = typed(text);
    if let Some(id) = number.strip_prefix('#').and_then(|digits| digits.parse().ok()) {
        return here(vault, HouseholdId(id))?.ok_or_else(|| unknown_number(&number));
    }
    // All digits could be a code too, but a code has twelve characters.
    if let Ok(id) = number.parse::<u64>()
        && number.len() != annona_ledger::short_code::LENGTH
    {
        return numbered(vault, &number, HouseholdId(id));
    }
    if let Some((source, key)) = text.split_once(':') {
        let found = vault.find(source, key.as_bytes())?;
        return found.map(|found| found.id).ok_or_else(|| {
            Fault::input(format!("no family \"{key}\" of source \"{source}\" is registered here."))
                .then("`annona family find WORD` looks through names and numbers.")
        });
    }
    let code: ShortCode = text.parse().map_err(|why| {
        Fault::input(format!(
            "\"{text}\" names no family ({why}): give its number, its short code, or SOURCE:KEY."
        ))
    })?;
    if let Some(id) = vault.household_by_card(&code.bytes())? {
        return Ok(id);
    }
    vault.nobody()?;
    Err(unknown_code())
}

/// Whether a text is a short code, and nothing else.
pub(crate) fn is_code(text: &str) -> bool {
    !text.contains(':') && text.parse::<ShortCode>().is_ok()
}

/// A family by digits: those of the person file, where no register numbers another family alike.
fn numbered(vault: &Vault, digits: &str, id: HouseholdId) -> Outcome<HouseholdId> {
    let known = here(vault, id)?;
    let mut registers = vault.registers()?;
    registers.insert(OWN_SOURCE.to_owned());
    for source in registers {
        let other = match vault.find(&source, digits.as_bytes()) {
            Ok(Some(other)) => other,
            Ok(None) => continue,
            // Somebody whose keys are not here keeps no family from being found by the number this file gave it.
            Err(VaultFault::NoKey { .. }) if known.is_some() => continue,
            Err(fault) => return Err(fault.into()),
        };
        if Some(other.id) != known {
            let is = match known {
                Some(_) => "is the number of one family here, and",
                None => "is no family's number here;",
            };
            let own = known.map(|id| format!(", or \"#{id}\" for the first")).unwrap_or_default();
            return Err(Fault::input(format!(
                "{digits} {is} the key {source}:{digits} is family {}'s: say {source}:{digits}{own}.",
                other.id
            )));
        }
    }
    known.ok_or_else(|| unknown_number(digits))
}

/// A family that is here. One whose record does not open is, too: what stands in its way is told when it is opened.
fn here(vault: &Vault, id: HouseholdId) -> Outcome<Option<HouseholdId>> {
    match vault.registration(id) {
        Err(VaultFault::NotFound { .. }) => Ok(None),
        Err(fault) if !fault.is_of_one_record() => Err(fault.into()),
        _ => Ok(Some(id)),
    }
}

fn unknown_number(text: &str) -> Fault {
    let digits = text.trim_start_matches('#');
    Fault::input(format!("no family has number {digits} here: there never was one, or it was erased."))
        .then(&format!(
            "A number of a register is written SOURCE:KEY, and `annona family find {digits}` looks for it."
        ))
}

/// Who it is that is about to be served, in one line that holds no name: `family 12, key reg:HH-0012, 6 people`. None where her
/// record is not here, or does not open: that keeps nobody from her food.
pub(crate) fn told(vault: &Vault, id: HouseholdId) -> Option<String> {
    let household = crate::family::open(vault, id).ok()?;
    let key = crate::family::key(vault, id, &household).ok()?;
    let (key, people) = (words::name(&key), household.people());
    Some(format!("family {id}, key {key}, {}", words::count(people, "person", "people")))
}

/// What is said of a code nobody has. The same words for a code that never was and one that was taken back.
pub(crate) fn unknown_code() -> Fault {
    Fault::refused("no family here has this code: it was issued elsewhere, or was taken back, or its family's keys are not back in a restored folder.")
        .then("Read it again, or find the family by name: `annona family find WORD`.")
}

/// What a household is called in a programme.
pub(crate) fn pseudonym(
    node: &Node,
    vault: &Vault,
    id: HouseholdId,
    programme: ProgrammeId,
) -> Outcome<Pseudonym> {
    let federation = node.federation()?;
    Ok(Pseudonym(vault.pseudonym(id, programme.0, &federation.0.0)?))
}

/// The purse of a household in a cycle, where this node has the cycle's key.
pub(crate) fn purse(
    node: &Node,
    vault: &Vault,
    id: HouseholdId,
    programme: ProgrammeId,
    cycle: CycleId,
) -> Outcome<Purse> {
    Ok(serve::purse(cycle_secret(node, programme, cycle)?, &*vault.registration(id)?))
}

/// The key purses of a cycle are derived from.
pub(crate) fn cycle_secret(
    node: &Node,
    programme: ProgrammeId,
    cycle: CycleId,
) -> Outcome<&[u8; 32]> {
    let key = node.keys().get(Name::Cycle(programme, cycle)).and_then(Secret::as_seed);
    Ok(key.ok_or(NodeFault::NoKey("key of this cycle: no list of it was drafted here, and it"))?)
}

/// Makes sure that this node has a key to derive the purses of a cycle from: the one it was given, or, where `alone` says
/// so or nobody else could give one, one of its own.
pub(crate) fn cycle_key(
    node: &mut Node,
    programme: ProgrammeId,
    cycle: CycleId,
    alone: bool,
) -> Outcome {
    if cycle_key::learn(node, programme, cycle)? {
        return Ok(());
    }
    if cycle_key::gives(node, programme, cycle)? {
        cycle_key::give(node, programme, cycle)?;
        return Ok(());
    }
    if !alone {
        return Err(Fault::refused(format!(
            "the key of cycle {cycle} has not reached this node: its purses would be others than those of the \
             programme's other sites."
        ))
        .then(
            "The programme's treasury runs `annona cycle key`, and its next bundle brings it. Not to wait: --own-key.",
        ));
    }
    node.keys_mut().put(Name::Cycle(programme, cycle), Secret::random()?)?;
    Ok(node.keys().save()?)
}
