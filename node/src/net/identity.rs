//! Who a peer is on the network: the transport key of its certificate, as libp2p names it.

use annona_ledger::key::PublicKey;
use libp2p_identity::{Keypair, PeerId, ed25519};
use zeroize::Zeroizing;

/// What a node is called on a network: its transport key, inlined. `None` for bytes that are no key.
#[must_use]
pub(super) fn peer_of(transport: &PublicKey) -> Option<PeerId> {
    let PublicKey::Ed25519(bytes) = transport;
    let key = ed25519::PublicKey::try_from_bytes(bytes).ok()?;
    Some(libp2p_identity::PublicKey::from(key).to_peer_id())
}

/// This node's transport key. The copy made on the way is wiped; libp2p wipes its own when it is dropped.
pub(super) fn keypair(seed: &[u8; 32]) -> Option<Keypair> {
    let mut copy = Zeroizing::new(*seed);
    Keypair::ed25519_from_bytes(&mut copy[..]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use annona_ledger::key::SigningKey;

    #[test]
    fn a_seed_is_the_same_peer_by_its_public_key() {
        let seed = [7; 32];
        let own = keypair(&seed).expect("any seed is a key").public().to_peer_id();
        assert_eq!(peer_of(&SigningKey::from_seed(&seed).public()), Some(own));
        assert_ne!(peer_of(&SigningKey::from_seed(&[8; 32]).public()), Some(own));
        assert_eq!(peer_of(&PublicKey::Ed25519([2; 32])), None, "no point of the curve");
    }
}
