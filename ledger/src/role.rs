//! Which roles a node needs for what it writes (spec/notices.md, "Roles").
//!
//! Asked of a writer, by [`admit`](crate::admit::admit), and by an audit of everybody; never by the fold: certificates
//! arrive when they arrive, and the same entries must give the same state before and after.

use std::collections::BTreeSet;

use crate::charter::Charter;
use crate::consent::People;
use crate::entry::{Control, Entry, Registry, Value};
use crate::id::{OrgId, ProgrammeId};
use crate::notice::{NodeCertificate, Roles, Roster};
use crate::ticket::Ticket;

/// Whoever holds units that are, or will be, somebody's.
pub(crate) const HOLDS: Roles = Roles::REGISTRAR.and(Roles::MERCHANT).and(Roles::TREASURY);

/// Site nodes: those that keep a cycle's key. A terminal that only hands out is given what it may serve, not the key.
pub const HOLDS_CYCLE_KEYS: Roles = Roles::REGISTRAR.and(Roles::TREASURY);

/// The roles of which a node needs one to write an entry.
#[must_use]
pub fn needed(entry: &Entry) -> Roles {
    match entry {
        Entry::Value(value) => for_value(value),
        Entry::Registry(
            Registry::Enrol { .. }
            | Registry::CarrierBound { .. }
            | Registry::CarrierCancelled { .. },
        ) => Roles::REGISTRAR,
        Entry::Registry(Registry::People(people)) => for_people(people),
        Entry::Control(Control::List(_)) => Roles::REGISTRAR.and(Roles::TREASURY),
        Entry::Control(Control::CycleKey(_)) => Roles::TREASURY,
        // Whoever saw it may say so: it only tells where a proof can be had.
        Entry::Control(Control::FaultSeen { .. }) => Roles::ANY,
        Entry::Control(Control::Revoke { .. }) => Roles::TREASURY.and(Roles::HUB),
        // Whoever holds copies says when they are gone.
        Entry::Control(Control::ErasureSeen { .. }) => Roles::ANY,
        // The operator's word decides, and it names the node.
        Entry::Control(Control::ClockAnswer { .. }) => Roles::ANY,
        // A later version knows.
        Entry::Later(_) => Roles::ANY,
    }
}

/// Who settles a programme: the treasuries of its organisation, and of those that hold a budget of it
/// (spec/settlement.md, "Who settles").
#[derive(Clone, Debug)]
pub struct Settlers {
    programme: ProgrammeId,
    orgs: BTreeSet<OrgId>,
}

impl Settlers {
    /// By the articles and certificates known: more of them may add to it.
    #[must_use]
    pub fn of(charter: &Charter, roster: &Roster, programme: ProgrammeId) -> Self {
        let voted = charter.budgets().filter(|(_, line)| line.programme == programme);
        let treasuries: BTreeSet<[u8; 8]> = voted.map(|(_, line)| line.treasury).collect();
        let budgeted = treasuries.iter().flat_map(|node| roster.certificates(node)).map(|c| c.org);
        let own = charter.programme(programme).map(|programme| programme.org);
        Self { programme, orgs: own.into_iter().chain(budgeted).collect() }
    }

    /// Whether a certificate makes its node one of them.
    #[must_use]
    pub fn allow(&self, certificate: &NodeCertificate) -> bool {
        certificate.roles.has(Roles::TREASURY)
            && certificate.programmes.contains(&self.programme)
            && self.orgs.contains(&certificate.org)
    }

    /// Whether some certificate that a node ever had makes it one of them: what it settled then stays settled.
    #[must_use]
    pub fn include(&self, roster: &Roster, node: &[u8; 8]) -> bool {
        roster.certificates(node).any(|certificate| self.allow(certificate))
    }
}

fn for_people(people: &People) -> Roles {
    match people {
        // Taking back is as easy as giving.
        People::ConsentGiven { .. }
        | People::ConsentWithdrawn { .. }
        | People::Disclosed { .. }
        | People::Erased { .. }
        | People::Pair { .. } => Roles::REGISTRAR.and(Roles::VAULT),
        // Wherever somebody can be turned away, she can be heard.
        People::Refused { .. } | People::Grievance { .. } => HOLDS.and(Roles::VAULT),
    }
}

fn for_value(value: &Value) -> Roles {
    match value {
        Value::Issue { .. } => Roles::REGISTRAR.and(Roles::TREASURY),
        Value::Claim { ticket, .. } => match **ticket {
            Ticket::Budget { .. } => Roles::TREASURY,
            Ticket::Sent(..) => HOLDS,
            // A reserve is there to issue from.
            Ticket::Release { .. } => Roles::REGISTRAR.and(Roles::TREASURY),
        },
        Value::Merchant { .. }
        | Value::Redeem { .. }
        | Value::Hold { .. }
        | Value::Post { .. }
        | Value::Drop { .. }
        | Value::Refund { .. }
        | Value::FloatRedeem { .. } => Roles::MERCHANT,
        // A basket is what it binds; passing on and giving back is part of holding.
        Value::Send(_) | Value::Basket { .. } | Value::FloatCover(_) => HOLDS,
        // Whoever is near a merchant with a promise may bring it.
        Value::Orphan(_) => HOLDS,
        Value::DayClose { .. } => Roles::MERCHANT,
        Value::Settle { .. } => Roles::TREASURY,
        // Ending gives nothing away, and whoever may not write on may still do it.
        Value::End { .. } => Roles::ANY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admit::admit;
    use crate::entry::Method;
    use crate::id::{FeedId, Lane};
    use crate::notice::Notice;
    use crate::rejection::Rejection;
    use crate::shape::samples;
    use crate::state::State;
    use crate::testing::*;
    use crate::time::Minute;

    /// A state that knows one node, of the organisation of the programme, with these roles.
    fn of_roles(roles: Roles) -> State {
        let charter = charter();
        let federation = charter.federation();
        let mut roster = roster_without(&charter, &[A]);
        let certificate = NodeCertificate { roles, ..certificate(&federation, 1, A) };
        let notice = Notice::Node(certificate).sign(&federation, &key(1));
        roster.learn(&charter, &notice).expect("a good certificate");
        State::new(charter, roster)
    }

    fn name(entry: &Entry) -> String {
        let debug = match entry {
            Entry::Value(Value::Claim { ticket, .. }) => format!("Claim of {ticket:?}"),
            Entry::Value(value) => format!("{value:?}"),
            Entry::Registry(Registry::People(people)) => format!("{people:?}"),
            Entry::Registry(registry) => format!("{registry:?}"),
            Entry::Later(later) => format!("{later:?}"),
            Entry::Control(control) => format!("{control:?}"),
        };
        let words = debug.strip_prefix("Claim of ").map(|rest| ("Claim of ", rest));
        let (before, rest) = words.unwrap_or(("", &debug));
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        format!("{before}{}", &rest[..end])
    }

    /// What the page says of an entry, by its name.
    fn on_the_page(entry: &str) -> Roles {
        let page = include_str!("../../spec/notices.md");
        let table = page.split("## Roles").nth(1).expect("a section on roles");
        let row = table.lines().find_map(|line| {
            let (entries, roles) =
                line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
            entries.split(", ").any(|one| one == entry).then_some(roles)
        });
        let roles = row.unwrap_or_else(|| panic!("no row names {entry}"));
        if roles == "any" {
            return Roles::ANY;
        }
        let named = roles.split(", ").map(|word| Roles::named(word).expect("a role"));
        named.fold(Roles::NONE, Roles::and)
    }

    #[test]
    fn the_wrong_role_is_refused_whatever_the_entry_and_wherever_it_goes() {
        let feed = |lane, programme: ProgrammeId| FeedId { node: key(A).public(), lane, programme };
        let mut cells = 0;
        for role in Roles::each() {
            for entry in samples::entries() {
                let (name, needed) = (name(&entry), needed(&entry));
                assert_eq!(on_the_page(&name), needed, "{name}");
                let own = if entry.lane() == Lane::Control { ProgrammeId::NONE } else { FOOD };
                let other = if entry.lane() == Lane::Control { FOOD } else { CASH };
                for lane in [Lane::Control, Lane::Value, Lane::Registry] {
                    for programme in [own, other] {
                        let mut state = of_roles(role);
                        let chain = state.trunk(&feed(lane, programme));
                        let answer = admit(&state, chain, &entry.clone().into()).err();
                        let here = lane == entry.lane() && programme == own;
                        let allowed = here && needed.meets(role);
                        let refused = match answer {
                            Some(Rejection::NotCertified) => !here,
                            Some(Rejection::OtherRole) => here && !allowed,
                            // The role was not what stood in its way.
                            Some(_) | None => allowed,
                        };
                        assert!(refused, "{name} as {role:?} on {lane:?} {programme}: {answer:?}");
                        cells += 1;
                    }
                }
            }
        }
        assert_eq!(cells, 8 * samples::entries().len() * 6);
    }

    #[test]
    fn one_of_several_roles_is_enough_and_an_expired_certificate_none() {
        let at = |at| {
            let (lot, amount, method) = (crate::entry::Lot(0), units(1), Method::Pin);
            Entry::Value(Value::Redeem { lot, amount, merchant: 0, at, method })
        };
        let ask = |roles, entry: Entry| {
            let mut state = of_roles(roles);
            let chain = state.trunk(&value(A));
            admit(&state, chain, &entry.into()).err()
        };
        let both = Roles::COURIER.and(Roles::MERCHANT);
        assert_eq!(ask(both, at(NOW)), Some(Rejection::UnknownMerchant));
        assert_eq!(ask(both, at(Minute(1_001))), Some(Rejection::CertificateExpired));
        assert_eq!(ask(Roles::COURIER, at(Minute(1_001))), Some(Rejection::CertificateExpired));
        assert_eq!(ask(Roles(1 << 15), at(NOW)), Some(Rejection::OtherRole));
    }
}
