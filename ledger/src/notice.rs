//! Notices: what one organisation says by itself, inside what the charter allows. Certificates of nodes and operators,
//! and the opening of cycles. Checked offline from the charter; a set without order (spec/notices.md).

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::hash::{Hash, Purpose, hash_one};
use crate::id::{CommodityId, CycleId, FederationId, OrgId, ProgrammeId, SiteId};
use crate::key::{Context, PublicKey, Signature, SigningKey};
use crate::limits;
use crate::time::Minute;
use crate::wire::{self, Bounded, Name, WireFault};

mod roster;
#[cfg(test)]
mod tests;

pub use roster::{Ceilings, Conflict, Learned, NoticeRejection, OverCeiling, Roster};

/// A notice and its organisation's signature. At most [`limits::NOTICE_BYTES`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SignedNotice {
    /// What is said.
    pub notice: Notice,
    /// By the organisation, with its key of any epoch.
    pub signature: Signature,
}

/// What an organisation can say by itself. Variants are only ever added at the end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Notice {
    /// A node belongs to it.
    Node(NodeCertificate),
    /// A person works for it.
    Operator(OperatorCertificate),
    /// A cycle of its programme opens.
    Cycle(Cycle),
    /// Who serves the families of one of its nodes where that is lost.
    Reserve(Reserve),
}

/// What a node may do: a set of roles. Bits that are not listed here belong to later versions and mean nothing here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Roles(pub u16);

/// What an operator may do: a set of roles. Bits that are not listed here mean nothing here.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct OperatorRoles(pub u16);

macro_rules! role_set {
    ($set:ident, $($(#[$doc:meta])* $name:ident = $bit:literal, $word:literal;)*) => {
        impl $set {
            $($(#[$doc])* pub const $name: Self = Self(1 << $bit);)*
            const WORDS: &[(Self, &str)] = &[$((Self::$name, $word)),*];

            /// No role.
            pub const NONE: Self = Self(0);

            /// Every role, those of later versions too.
            pub const ANY: Self = Self(u16::MAX);

            /// Every role this version knows, each by itself, in the order of their bits.
            pub fn each() -> impl Iterator<Item = Self> {
                Self::WORDS.iter().map(|(role, _)| *role)
            }

            /// Whether some role is in both sets.
            #[must_use]
            pub const fn meets(self, other: Self) -> bool {
                self.0 & other.0 != 0
            }

            /// Both sets together.
            #[must_use]
            pub const fn and(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether every role of `other` is in this set.
            #[must_use]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// The role with this name.
            #[must_use]
            pub fn named(word: &str) -> Option<Self> {
                Self::WORDS.iter().find(|(_, w)| *w == word).map(|(role, _)| *role)
            }

            /// The names of the roles in this set, in the order of their bits.
            pub fn words(self) -> impl Iterator<Item = &'static str> {
                Self::WORDS.iter().filter(move |(role, _)| self.has(*role)).map(|(_, w)| *w)
            }
        }

        impl std::fmt::Debug for $set {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_set().entries(self.words()).finish()
            }
        }
    };
}

role_set! { Roles,
    /// Registers families.
    REGISTRAR = 0, "registrar";
    /// Hands out goods or cash.
    MERCHANT = 1, "merchant";
    /// Claims budgets and issues lists.
    TREASURY = 2, "treasury";
    /// Keeps what is known of persons.
    VAULT = 3, "vault";
    /// Signs checkpoints.
    WITNESS = 4, "witness";
    /// Carries what it cannot read.
    COURIER = 5, "courier";
    /// Collects many sites.
    HUB = 6, "hub";
    /// Reads and checks.
    AUDITOR = 7, "auditor";
}

role_set! { OperatorRoles,
    /// Registers families.
    REGISTRAR = 0, "registrar";
    /// Serves at a counter.
    CASHIER = 1, "cashier";
    /// Approves lists.
    APPROVER = 2, "approver";
    /// Decides exceptions.
    SUPERVISOR = 3, "supervisor";
    /// Reads and checks.
    AUDITOR = 4, "auditor";
    /// Knows the people of a place, and says at a counter who somebody is.
    WITNESS = 5, "witness";
    /// No person: an outside reader, whose yes or no is taken.
    DEVICE = 6, "device";
}

impl OperatorRoles {
    /// Whoever works at a counter.
    pub const STAFF: Self =
        Self::REGISTRAR.and(Self::CASHIER).and(Self::APPROVER).and(Self::SUPERVISOR);
    /// Whoever answers for an exception.
    pub const SENIOR: Self = Self::APPROVER.and(Self::SUPERVISOR);
}

/// Admits a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NodeCertificate {
    /// The organisation it belongs to and that answers for it.
    pub org: OrgId,
    /// The key its feeds are signed with.
    pub node: PublicKey,
    /// The key it is known by on a network and signs bundles with.
    pub transport: PublicKey,
    /// The X25519 key that bundles are sealed to.
    pub sealing: [u8; 32],
    /// Where it stands.
    pub site: SiteId,
    /// What the place is called.
    pub site_name: Name,
    /// What it may do.
    pub roles: Roles,
    /// The programmes it serves, ascending.
    pub programmes: Bounded<ProgrammeId, { limits::CERTIFICATE_PROGRAMMES }>,
    /// What it may hold, ascending by programme and commodity.
    pub ceilings: Bounded<NodeCeiling, { limits::CERTIFICATE_CEILINGS }>,
    /// From when.
    pub issued: Minute,
    /// Until when, that minute included.
    pub not_after: Minute,
    /// The earlier incarnation whose place it takes.
    pub replaces: Option<[u8; 8]>,
    /// The node's own word ([`NodeCertificate::accept`]): without it an organisation could claim another's node.
    pub acceptance: Signature,
}

/// What a node may hold of one commodity, in minor units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct NodeCeiling {
    /// The programme.
    pub programme: ProgrammeId,
    /// The commodity.
    pub commodity: CommodityId,
    /// The most rights.
    pub rights: Amount,
    /// The most float.
    pub float: Amount,
    /// The most that one receiver takes on this node's word alone: tickets whose sends it has not seen in the feed.
    pub unverified: Amount,
}

/// Admits a person to operate an organisation's nodes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OperatorCertificate {
    /// Whom the person works for.
    pub org: OrgId,
    /// The person's key.
    pub operator: PublicKey,
    /// Where.
    pub site: SiteId,
    /// What the person may do.
    pub roles: OperatorRoles,
    /// For which programmes, ascending.
    pub programmes: Bounded<ProgrammeId, { limits::CERTIFICATE_PROGRAMMES }>,
    /// From when.
    pub issued: Minute,
    /// Until when, that minute included.
    pub not_after: Minute,
}

/// Names the one node that re-issues to the families of another where that is lost. Said in advance, while nobody knows
/// which of them will burn: with two that could each re-issue, one family's units could stand twice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reserve {
    /// Whose node is insured, and who signs.
    pub org: OrgId,
    /// The node that may be lost, by eight bytes of its key.
    pub insured: [u8; 8],
    /// For which programme: a feed is insured, not a machine.
    pub programme: ProgrammeId,
    /// The node that holds the reserve. Never the insured one: its key would burn with it.
    pub reserve: [u8; 8],
    /// From when.
    pub issued: Minute,
}

/// Opens a cycle.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cycle {
    /// The programme: its organisation signs.
    pub programme: ProgrammeId,
    /// The cycle.
    pub cycle: CycleId,
    /// The first minute in which it is served.
    pub opens: Minute,
    /// The last minute in which it is served as planned.
    pub closes: Minute,
    /// The last minute in which entitlements of it may be redeemed.
    pub expires: Minute,
}

impl NodeCertificate {
    /// The eight bytes this node is named by.
    #[must_use]
    pub fn short(&self) -> [u8; 8] {
        self.node.short()
    }

    /// Says, with the node's key, that the node belongs to `org` and uses these keys. Part of what a node hands to its
    /// organisation when it asks for a certificate.
    #[must_use]
    pub fn accept(
        node: &SigningKey,
        federation: &FederationId,
        org: OrgId,
        transport: &PublicKey,
        sealing: &[u8; 32],
    ) -> Signature {
        let message = wire::encode(&(org, transport, sealing));
        node.sign(Context::Acceptance, &[&federation.0.0], &message)
    }

    /// Whether the acceptance is the node's own.
    #[must_use]
    pub fn accepted(&self, federation: &FederationId) -> bool {
        let message = wire::encode(&(self.org, self.transport, self.sealing));
        let scope: [&[u8]; 1] = [&federation.0.0];
        self.node.verifies(Context::Acceptance, &scope, &message, &self.acceptance)
    }

    /// What it may hold of a commodity, by its own words. [`Roster::ceilings`] tells whether its organisation may say so.
    #[must_use]
    pub fn ceiling(&self, programme: ProgrammeId, commodity: CommodityId) -> Option<&NodeCeiling> {
        self.ceilings.iter().find(|c| (c.programme, c.commodity) == (programme, commodity))
    }
}

impl Notice {
    /// The hash that names it, whoever signed it with which key.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_one(Purpose::Certificate, &wire::encode(self))
    }

    /// Signs with the organisation's key.
    #[must_use]
    pub fn sign(self, federation: &FederationId, key: &SigningKey) -> SignedNotice {
        let signature = key.sign(Context::Notice, &[&federation.0.0], &wire::encode(&self));
        SignedNotice { notice: self, signature }
    }
}

impl SignedNotice {
    /// The bytes that travel.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        wire::encode(self)
    }

    /// Reads them back.
    ///
    /// # Errors
    ///
    /// [`WireFault`] where they are no notice of at most [`limits::NOTICE_BYTES`].
    pub fn decode(bytes: &[u8]) -> Result<Self, WireFault> {
        wire::decode(bytes, limits::NOTICE_BYTES)
    }
}
