//! What an operator answers for, and the certificate she needs for it: one table for every command that asks who is at
//! work (spec/notices.md, "Duties").

use crate::id::{OrgId, ProgrammeId};
use crate::key::PublicKey;
use crate::notice::{OperatorRoles, Roster};
use crate::time::Minute;

macro_rules! duties {
    ($($(#[$doc:meta])* $name:ident = $command:literal, $roles:expr;)*) => {
        /// Something an operator answers for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Duty { $($(#[$doc])* $name,)* }

        impl Duty {
            /// Every duty.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The command that asks for it.
            #[must_use]
            pub const fn command(self) -> &'static str { match self { $(Self::$name => $command,)* } }

            /// The roles of which she needs one.
            #[must_use]
            pub const fn roles(self) -> OperatorRoles { match self { $(Self::$name => $roles,)* } }
        }
    };
}

duties! {
    /// Registers a family.
    FamilyAdd = "family add", OperatorRoles::REGISTRAR;
    /// Registers the families of a file.
    FamilyImport = "family import", OperatorRoles::REGISTRAR;
    /// Corrects what is known of a family.
    FamilyChange = "family change", OperatorRoles::REGISTRAR;
    /// Registers a birth.
    FamilyBirth = "family birth", OperatorRoles::REGISTRAR;
    /// Registers a death.
    FamilyDeath = "family death", OperatorRoles::REGISTRAR;
    /// Parts a family in two.
    FamilySplit = "family split", OperatorRoles::REGISTRAR;
    /// Makes two families one.
    FamilyMerge = "family merge", OperatorRoles::REGISTRAR;
    /// Destroys what has had its time.
    FamilyRetention = "family retention", OperatorRoles::REGISTRAR;
    /// Answers what another node asks under a consent.
    ConsentReply = "consent reply", OperatorRoles::REGISTRAR;
    /// Sets a first PIN.
    FamilyPin = "family pin", OperatorRoles::REGISTRAR;
    /// Sets another PIN or opens a locked one, as the second.
    FamilyPinSecond = "family pin --second", OperatorRoles::SENIOR;
    /// Names a collector.
    FamilyCollector = "family collector", OperatorRoles::REGISTRAR;
    /// Gives a code.
    CardIssue = "card issue", OperatorRoles::REGISTRAR;
    /// Prints a card.
    CardPrint = "card print", OperatorRoles::REGISTRAR;
    /// Prints a card again.
    CardReprint = "card reprint", OperatorRoles::REGISTRAR;
    /// Gives a new card for a lost one.
    CardReissue = "card reissue", OperatorRoles::REGISTRAR;
    /// Cancels a code.
    CardCancel = "card cancel", OperatorRoles::REGISTRAR;
    /// Gives a family's purses to a wallet.
    CardWallet = "card wallet", OperatorRoles::REGISTRAR;
    /// Takes a consent.
    ConsentGive = "consent give", OperatorRoles::REGISTRAR;
    /// Takes a consent back.
    ConsentWithdraw = "consent withdraw", OperatorRoles::REGISTRAR;
    /// Opens attributes for another organisation.
    ConsentOpen = "consent open", OperatorRoles::REGISTRAR;
    /// Says what two households are.
    DuplicatesDecide = "family duplicates decide", OperatorRoles::SENIOR;
    /// Asks another organisation about families.
    OverlapAsk = "family overlap ask", OperatorRoles::REGISTRAR;
    /// Erases a family.
    Erase = "erase", OperatorRoles::REGISTRAR;
    /// Takes a complaint.
    GrievanceOpen = "grievance open", OperatorRoles::REGISTRAR;
    /// Takes an appeal.
    GrievanceAppeal = "grievance appeal", OperatorRoles::REGISTRAR;
    /// Decides a complaint.
    GrievanceDecide = "grievance decide", OperatorRoles::SENIOR;
    /// Approves a distribution list.
    EntitleApprove = "entitle approve", OperatorRoles::APPROVER;
    /// Serves at a counter, by an exception or as one of the two of an emergency voucher.
    Counter = "pay", OperatorRoles::STAFF;
}

/// Whether a key may do something for a programme at a minute: certified for it by one of these organisations, in one of
/// the duty's roles, and then.
#[must_use]
pub fn may(
    roster: &Roster,
    orgs: &[OrgId],
    (duty, programme): (Duty, ProgrammeId),
    who: &PublicKey,
    at: Minute,
) -> bool {
    roster.operator_ever(who).any(|c| {
        orgs.contains(&c.org)
            && c.roles.meets(duty.roles())
            && c.programmes.contains(&programme)
            && (c.issued..=c.not_after).contains(&at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::SiteId;
    use crate::notice::{Notice, OperatorCertificate};
    use crate::testing::*;

    /// Role × command × scope: one certificate, right or wrong in one thing or several; only the wholly right one serves.
    #[test]
    fn the_wrong_role_scope_or_day_is_refused_whatever_the_command() {
        let charter = charter();
        let federation = charter.federation();
        let own = charter.programme(FOOD).expect("a programme").org;
        let other = OrgId(2);
        assert_ne!(own, other);
        let (issued, not_after) = (Minute(100), Minute(200));
        let mut cells = 0;
        for role in OperatorRoles::each() {
            for org in [own, other] {
                for of in [FOOD, CASH] {
                    let mut roster = roster(&charter);
                    let operator = key(120).public();
                    let (site, programmes) = (SiteId(0), bounded([of]));
                    let roles = role;
                    let certificate = OperatorCertificate {
                        org,
                        operator,
                        site,
                        roles,
                        programmes,
                        issued,
                        not_after,
                    };
                    let signer = key(u8::try_from(org.0).expect("small"));
                    let notice = Notice::Operator(certificate).sign(&federation, &signer);
                    roster.learn(&charter, &notice).expect("a good certificate");
                    for duty in Duty::ALL {
                        for at in [99, 100, 200, 201] {
                            for who in [operator, key(121).public(), key(A).public()] {
                                let right = role.meets(duty.roles())
                                    && org == own
                                    && of == FOOD
                                    && (100..=200).contains(&at)
                                    && who == operator;
                                let asked = (*duty, FOOD);
                                let answer = may(&roster, &[own], asked, &who, Minute(at));
                                assert_eq!(answer, right, "{duty:?} {role:?} {org} {of} {at}");
                                cells += 1;
                            }
                        }
                    }
                }
            }
        }
        assert_eq!(cells, 7 * 2 * 2 * Duty::ALL.len() * 4 * 3);
    }

    #[test]
    fn duties_are_those_of_their_page() {
        let page = include_str!("../../spec/notices.md");
        let table = page.split("## Duties").nth(1).expect("a section on duties");
        for duty in Duty::ALL {
            let row = table.lines().find_map(|line| {
                let (commands, roles) =
                    line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
                let named = format!("`{}`", duty.command());
                commands.split(", ").any(|one| one == named).then_some(roles)
            });
            let row = row.unwrap_or_else(|| panic!("no row names {}", duty.command()));
            let roles: Vec<&str> = duty.roles().words().collect();
            assert_eq!(row, roles.join(", "), "{}", duty.command());
        }
    }
}
