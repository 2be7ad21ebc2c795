//! Papers: what is carried beside the ledger, in full, by those it concerns.

use super::spelling::of;
use crate::charter::ArticleFork;
use crate::consent::tests::grant;
use crate::consent::{Disclosure, Grant, Guardian, Recipient, Way};
use crate::counter::Vouched;
use crate::hash::Hash;
use crate::id::{Commitment, OrgId};
use crate::notice::Roles;
use crate::statement::Statement;
use crate::testing::*;

/// One value of every variant of every paper.
pub(super) fn all() -> Vec<(&'static str, String)> {
    let (good, org) = (grant(), OrgId(3));
    let role = Recipient::Role { org, roles: Roles::REGISTRAR };
    let recipients = [good.recipient, role];
    let ways = [Way::Spoken, Way::Paper, Way::Witnessed, Way::Guardian];
    let guardians = [Guardian::Parent, Guardian::Legal, Guardian::Caregiver];
    let witness = Some(key(OPERATORS[0]).public());
    let renews = Some(Commitment(Hash::ZERO));
    let full = Grant { witness, guardian: Some(Guardian::Parent), renews, ..good };
    let Grant { id: grant, pseudonym, purpose, attributes, not_before: on, .. } = good;
    let disclosure =
        Disclosure { grant, pseudonym, recipient: org, node: node(A), purpose, attributes, on };
    let said = Statement::Consent { commitment: Commitment(Hash::ZERO) };
    let word = said.sign(&charter().federation(), &key(OPERATORS[0]));
    let article = founding();
    vec![
        ("Recipient", join(recipients.iter().map(of))),
        ("Way", join(ways.iter().map(of))),
        ("Guardian", join(guardians.iter().map(of))),
        ("Grant", join([good, full].iter().map(of))),
        ("Disclosure", of(&disclosure)),
        ("Vouched", of(&Vouched(bounded([(said, word)])))),
        // Its articles are spelt above, each by itself.
        ("ArticleFork", super::of(&ArticleFork { one: article.clone(), other: article })),
    ]
}

fn join(shapes: impl Iterator<Item = String>) -> String {
    shapes.collect::<Vec<_>>().join("\n")
}
