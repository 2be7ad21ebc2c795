//! What an operator answers for, and the certificate she needs for it: one table for every command that asks who is at
//! work (spec/notices.md, "Duties").

use crate::id::{OrgId, ProgrammeId, SiteId};
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
    /// Refers a complaint to another organisation, under a consent.
    GrievanceRefer = "grievance refer", OperatorRoles::REGISTRAR;
    /// Decides a complaint.
    GrievanceDecide = "grievance decide", OperatorRoles::SENIOR;
    /// Approves a distribution list.
    EntitleApprove = "entitle approve", OperatorRoles::APPROVER;
    /// Serves at a counter, by an exception or as one of the two of an emergency voucher.
    Counter = "pay", OperatorRoles::STAFF;
}

/// The site of a certificate that holds at every site of its organisation.
pub const EVERY_SITE: SiteId = SiteId(0);

/// Whether a key may do something for a programme at a minute: certified for it by one of these organisations, in one of
/// the duty's roles, then, and at the site of the node at work.
///
/// Where that organisation withdrew her nothing of hers counts, whenever it was issued.
///
/// `here` is whose node it is and at which site. An organisation numbers its own sites, so the certificate of another is
/// bound to none of them, and that of its own to this one or to [`EVERY_SITE`]. A node without a certificate is at none:
/// nobody answers for anything there, and there is nothing to ask this with.
#[must_use]
pub fn may(
    roster: &Roster,
    here: (OrgId, SiteId),
    orgs: &[OrgId],
    (duty, programme): (Duty, ProgrammeId),
    who: &PublicKey,
    at: Minute,
) -> bool {
    roster.operator_ever(who).any(|c| {
        let elsewhere = here.0 == c.org && here.1 != c.site;
        orgs.contains(&c.org)
            && roster.withdrawn(who, c.org).is_none()
            && (c.site == EVERY_SITE || !elsewhere)
            && c.roles.meets(duty.roles())
            && c.programmes.contains(&programme)
            && (c.issued..=c.not_after).contains(&at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charter::Charter;
    use crate::notice::{Notice, OperatorCertificate};
    use crate::testing::*;

    /// Role × command × scope × site: one certificate, right or wrong in one thing or several; only the wholly right one
    /// serves.
    #[test]
    fn the_wrong_role_scope_site_or_day_is_refused_whatever_the_command() {
        let charter = charter();
        let own = charter.programme(FOOD).expect("a programme").org;
        let other = OrgId(2);
        assert_ne!(own, other);
        let mut cells = 0;
        for roles in OperatorRoles::each() {
            for org in [own, other] {
                for of in [FOOD, CASH] {
                    for site in [0, 2, 3] {
                        let certificate = OperatorCertificate {
                            org,
                            operator: key(120).public(),
                            site: SiteId(site),
                            roles,
                            programmes: bounded([of]),
                            issued: Minute(100),
                            not_after: Minute(200),
                        };
                        cells += cells_of(&charter, &certificate, own);
                    }
                }
            }
        }
        assert_eq!(cells, 7 * 2 * 2 * 3 * Duty::ALL.len() * 4 * 3 * 2);
    }

    /// Tries one certificate at every duty, minute and place, by herself and by others.
    fn cells_of(charter: &Charter, c: &OperatorCertificate, own: OrgId) -> usize {
        let mut roster = roster(charter);
        let signer = key(u8::try_from(c.org.0).expect("small"));
        let notice = Notice::Operator(c.clone()).sign(&charter.federation(), &signer);
        roster.learn(charter, &notice).expect("a good certificate");
        let mut cells = 0;
        for duty in Duty::ALL {
            for at in [99, 100, 200, 201] {
                for who in [c.operator, key(121).public(), key(A).public()] {
                    for here in [(own, SiteId(2)), (own, SiteId(3))] {
                        let there = [SiteId(0), here.1].contains(&c.site);
                        let right = c.roles.meets(duty.roles())
                            && c.org == own
                            && c.programmes.contains(&FOOD)
                            && (100..=200).contains(&at)
                            && who == c.operator
                            && there;
                        let answer = may(&roster, here, &[own], (*duty, FOOD), &who, Minute(at));
                        assert_eq!(answer, right, "{duty:?} {c:?} {here:?} {at}");
                        cells += 1;
                    }
                }
            }
        }
        cells
    }

    /// Each organisation numbers its own sites: a guest of the programme's organisation is at none of this one's.
    #[test]
    fn a_site_is_one_of_its_own_organisation() {
        let charter = charter();
        let own = charter.programme(FOOD).expect("a programme").org;
        let mut roster = roster(&charter);
        let operator = key(120).public();
        let certificate = OperatorCertificate {
            org: own,
            operator,
            site: SiteId(3),
            roles: OperatorRoles::REGISTRAR,
            programmes: bounded([FOOD]),
            issued: Minute(100),
            not_after: Minute(200),
        };
        let signer = key(u8::try_from(own.0).expect("small"));
        let notice = Notice::Operator(certificate).sign(&charter.federation(), &signer);
        roster.learn(&charter, &notice).expect("a good certificate");
        let asked = (Duty::FamilyAdd, FOOD);
        let may = |here| may(&roster, here, &[own, OrgId(2)], asked, &operator, Minute(150));
        assert!(may((OrgId(2), SiteId(2))));
        assert!(!may((own, SiteId(2))));
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
