//! Who may have a link: computed from charter, certificates and cuts, asked before the first frame and again as these
//! change (spec/network.md, "Who gets through").

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use annona_ledger::id::{OrgId, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::notice::Roles;
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
    /// Another certificate names the same transport key, and whose it is was told otherwise, or cannot be told.
    Shared,
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
            Self::Shared => "another certificate names its transport key",
        })
    }
}

/// Everybody with a certificate, at one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Members {
    by_node: BTreeMap<[u8; 8], Member>,
    /// Whose each transport key is: of one that several certificates name, where it can be told.
    by_peer: BTreeMap<PeerId, [u8; 8]>,
}

#[cfg(test)]
impl Members {
    /// One alone.
    pub(super) fn only(member: Member) -> Self {
        let (node, peer) = (member.node, member.peer);
        Self { by_node: [(node, member)].into(), by_peer: [(peer, node)].into() }
    }
}

#[cfg(test)]
impl Member {
    /// One that may have a link.
    pub(super) fn fine() -> Self {
        let seed = [7; 32];
        Self {
            node: [7; 8],
            key: annona_ledger::key::SigningKey::from_seed(&seed).public(),
            org: OrgId(1u8.into()),
            roles: Roles::default(),
            programmes: BTreeSet::new(),
            standing: Standing::Member,
            peer: super::identity::keypair(&seed).expect("a key").public().to_peer_id(),
        }
    }
}

impl Members {
    /// Computes them by what this node knows of the time; `own` is left out. `named` are the peers of the configuration.
    ///
    /// # Errors
    ///
    /// [`StoreFault`]: a node of no federation has no members.
    pub fn of(
        store: &Store,
        own: &PublicKey,
        now: Between,
        named: &BTreeSet<[u8; 8]>,
    ) -> Result<Self, StoreFault> {
        let work = store.look()?;
        let mut members = Self::default();
        let mut claims: BTreeMap<PeerId, Vec<[u8; 8]>> = BTreeMap::new();
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
            // A transport key that is none was refused when the certificate was learned.
            let Some(peer) = peer_of(&certificate.transport) else { continue };
            let node = certificate.short();
            claims.entry(peer).or_default().push(node);
            let member = Member {
                node,
                key: certificate.node,
                org: certificate.org,
                roles: certificate.roles,
                programmes: certificate.programmes.iter().copied().collect(),
                standing,
                peer,
            };
            members.by_node.insert(node, member);
        }
        work.check()?;
        for (peer, nodes) in claims {
            members.settle(store, peer, &nodes, named)?;
        }
        Ok(members)
    }

    /// Tells whose a transport key is that certificates name. Who gets through with it has its secret, and a certificate is
    /// made without it: an organisation that names the key of another's node takes nothing from it.
    fn settle(
        &mut self,
        store: &Store,
        peer: PeerId,
        nodes: &[[u8; 8]],
        named: &BTreeSet<[u8; 8]>,
    ) -> Result<(), StoreFault> {
        let standing = |node: &[u8; 8]| self.by_node.get(node).map(|member| member.standing);
        let good = |node: &&[u8; 8]| standing(node) == Some(Standing::Member);
        let mut left: Vec<[u8; 8]> = nodes.iter().filter(good).copied().collect();
        if left.is_empty() {
            // Any of them: all are refused, and told why.
            left.extend(nodes.first());
        }
        if left.len() > 1 && left.iter().any(|node| named.contains(node)) {
            left.retain(|node| named.contains(node));
        }
        if left.len() > 1 {
            // Only who has the secret was ever met.
            let mut met = Vec::new();
            for node in &left {
                if store.was_met(node)? {
                    met.push(*node);
                }
            }
            if !met.is_empty() {
                left = met;
            }
        }
        let whose = <[[u8; 8]; 1]>::try_from(left).ok().map(|[node]| node);
        for node in nodes.iter().filter(|node| Some(**node) != whose) {
            if let Some(member) = self.by_node.get_mut(node)
                && member.standing == Standing::Member
            {
                member.standing = Standing::Shared;
            }
        }
        self.by_peer.extend(whose.map(|node| (peer, node)));
        Ok(())
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

#[cfg(test)]
mod tests {
    use annona_ledger::id::FederationId;
    use annona_ledger::notice::{NodeCertificate, Notice, SignedNotice};

    use super::*;
    use crate::bundle::tests::world::{self, FOOD, World};
    use crate::keystore::Name;
    use crate::node::Node;

    /// A certificate that another organisation gives a node of its own, with the transport key of somebody else's.
    fn thief(node: &Node, of: &Node, federation: &FederationId) -> SignedNotice {
        let mut signed = world::certify(node, federation, 3, &[FOOD]);
        let Notice::Node(certificate) = &mut signed.notice else { panic!("a certificate") };
        let signing = node.signing_key(Name::NodeSigning).expect("a key");
        certificate.transport = of.signing_key(Name::NodeTransport).expect("a key").public();
        let (org, transport, sealing) =
            (certificate.org, certificate.transport, certificate.sealing);
        certificate.acceptance =
            NodeCertificate::accept(&signing, federation, org, &transport, &sealing);
        signed.notice.sign(federation, &world::key(3))
    }

    #[test]
    fn nobody_takes_a_node_off_the_network_by_naming_its_key() {
        let mut w = World::new();
        let federation = w.federation();
        let fake = world::make(w.dir.path(), "fake");
        let notice = thief(&fake, &w.b, &federation);
        w.a.learn(&notice).expect("its organisation signed it");
        let (b, x) = (world::short(&w.b), world::short(&fake));
        let (own, between) = (w.a.public(), w.a.between().expect("a look"));
        let standings = |node: &Node, named: &[[u8; 8]]| {
            let named = named.iter().copied().collect();
            let members = Members::of(node.store(), &own, between, &named).expect("a look");
            [b, x].map(|of| members.node(&of).expect("certified").standing)
        };
        // Never met, and nobody says whose it is.
        assert_eq!(standings(&w.a, &[]), [Standing::Shared; 2]);
        assert_eq!(standings(&w.a, &[b]), [Standing::Member, Standing::Shared]);
        // Met once, it is known.
        world::enrol_blocks(&mut w.b, FOOD, 1);
        let (a, folder) = (world::short(&w.a), w.path("to-a"));
        let files = world::export(&mut w.b, &[a], &folder).files;
        world::import(&mut w.a, &files);
        assert_eq!(standings(&w.a, &[]), [Standing::Member, Standing::Shared]);
        let members = Members::of(w.a.store(), &own, between, &BTreeSet::new()).expect("a look");
        let peer = members.node(&b).expect("certified").peer;
        assert_eq!(members.peer(&peer).map(|member| member.node), Some(b));
        assert!(members.allowed().any(|allowed| allowed == peer));
    }
}
