//! Who may have a link: computed from charter, certificates and cuts, asked before the first frame and again as these
//! change (spec/network.md, "Who gets through").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use annona_ledger::id::{OrgId, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::notice::{NodeCertificate, Roles};
use libp2p_identity::PeerId;

use super::identity::peer_of;
use crate::member::{self, Between, NoMember};
use crate::store::{Store, StoreFault};

/// A node with a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The node.
    pub node: [u8; 8],
    /// The key its feeds are signed with.
    pub key: PublicKey,
    /// Its organisation.
    pub org: OrgId,
    /// What it may do.
    pub roles: Roles,
    /// The programmes it serves: whose bodies it may read.
    pub programmes: BTreeSet<ProgrammeId>,
    /// Whether it may have a link now.
    pub standing: Standing,
    pub(super) peer: PeerId,
}

/// Whether a node with a certificate may have a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// It may.
    Member,
    /// Its organisation has left the federation.
    OrganisationLeft,
    /// A feed of it is cut as lost or compromised.
    Revoked,
    /// Another node took its place.
    Replaced,
    /// Its certificate has ended.
    Expired,
    /// Its certificate has not begun, by this node's clock and all stamps it has heard.
    NotBegun,
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Member => "member",
            Self::OrganisationLeft => "organisation left",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::NotBegun => "not begun",
        })
    }
}

/// Everybody with a certificate, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Members {
    by_node: BTreeMap<[u8; 8], Member>,
    by_peer: BTreeMap<PeerId, [u8; 8]>,
    shared: BTreeSet<PeerId>,
}

impl Members {
    /// Computes them by what this node knows of the time; `own` is left out.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]: a node of no federation has no members.
    pub fn of(store: &Store, own: &PublicKey, now: Between) -> Result<Self, StoreFault> {
        let work = store.look()?;
        let mut members = Self::default();
        for certificate in store.roster().nodes().filter(|c| c.node != *own) {
            let standing = match member::may_meet(&work, &certificate.short(), now) {
                Ok(_) => Standing::Member,
                Err(NoMember::Organisation) => Standing::OrganisationLeft,
                Err(NoMember::Cut) => Standing::Revoked,
                Err(NoMember::Replaced) => Standing::Replaced,
                Err(NoMember::Ended) => Standing::Expired,
                Err(NoMember::NotBegun) => Standing::NotBegun,
                Err(NoMember::Uncertified) => continue,
            };
            members.add(certificate, standing);
        }
        work.check()?;
        Ok(members)
    }

    fn add(&mut self, certificate: &NodeCertificate, standing: Standing) {
        // A transport key that is none was refused when the certificate was learned.
        let Some(peer) = peer_of(&certificate.transport) else { return };
        let node = certificate.short();
        // Two nodes that share a transport key cannot be told apart: neither gets through by it.
        if self.shared.contains(&peer) {
            return;
        }
        if let Some(other) = self.by_peer.remove(&peer) {
            self.by_node.remove(&other);
            self.shared.insert(peer);
            return;
        }
        let member = Member {
            node,
            key: certificate.node,
            org: certificate.org,
            roles: certificate.roles,
            programmes: certificate.programmes.iter().copied().collect(),
            standing,
            peer,
        };
        self.by_peer.insert(peer, node);
        self.by_node.insert(node, member);
    }

    /// A node, by eight bytes of its key.
    #[must_use]
    pub fn node(&self, node: &[u8; 8]) -> Option<&Member> {
        self.by_node.get(node)
    }

    /// A node, by what it is called on the network.
    pub(super) fn peer(&self, peer: &PeerId) -> Option<&Member> {
        self.node(self.by_peer.get(peer)?)
    }

    /// Those that may have a link.
    pub(super) fn allowed(&self) -> impl Iterator<Item = PeerId> {
        self.by_node.values().filter(|m| m.standing == Standing::Member).map(|m| m.peer)
    }

    /// Everybody.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.by_node.values()
    }
}
