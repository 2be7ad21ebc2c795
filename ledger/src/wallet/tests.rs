use super::*;
use crate::key::SigningKey;
use crate::testing::{A, B, FOOD, RICE, charter, key, node};

/// A wallet's key.
pub(crate) const WALLET: u8 = 90;

/// A spend of the wallet.
pub(crate) fn spend(counter: u64, previous: Hash, nonce: u8) -> Spend {
    Spend {
        programme: FOOD,
        purse: Purse([1; 16]),
        node: node(A),
        nonce: Nonce([nonce; 16]),
        on: DayNo(1),
        commodity: RICE,
        amount: Amount::new(5).expect("small"),
        counter,
        previous,
    }
}

fn signed(spend: Spend, by: &SigningKey) -> (Spend, Signature) {
    (spend, Statement::Spend(spend).sign(&charter().federation(), by).signature)
}

/// A proof of two spends of the wallet.
pub(crate) fn proof(one: Spend, other: Spend) -> CloneProof {
    let wallet = key(WALLET);
    let federation = charter().federation();
    CloneProof::of(federation, wallet.public(), signed(one, &wallet), signed(other, &wallet))
}

/// Each defect, by name.
pub(crate) fn broken() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let first = spend(1, Hash::ZERO, 1);
    let after = |n| spend(2, first.hash(&charter().federation(), &key(WALLET).public()), n);
    let good = proof(after(2), after(3));
    let mut long = good.encode();
    long.push(0);
    let elsewhere = CloneProof { federation: FederationId(Hash([7; 32])), ..good };
    let stranger = CloneProof { key: key(B).public(), ..good };
    let mut changed = good;
    changed.other.0.amount = Amount::new(6).expect("small");
    vec![
        ("clone/good", "good", good.encode()),
        ("clone/skipping_a_counter", "good", {
            proof(after(2), Spend { counter: 9, ..after(3) }).encode()
        }),
        ("clone/one_spend_twice", "Same", proof(after(2), after(2)).encode()),
        ("clone/one_after_the_other", "Apart", proof(first, after(2)).encode()),
        ("clone/of_another_key", "Unsigned", stranger.encode()),
        ("clone/in_another_federation", "Unsigned", elsewhere.encode()),
        ("clone/changed_after_it_was_signed", "Unsigned", changed.encode()),
        ("clone/far_apart", "Apart", proof(first, spend(7, Hash([3; 32]), 4)).encode()),
        ("clone/one_half", "Malformed", good.encode()[..150].to_vec()),
        ("clone/trailing_byte", "Trailing(1)", long),
    ]
}

#[test]
fn two_spends_at_one_place_are_a_proof_and_nothing_else_is() {
    for (name, answer, bytes) in broken() {
        let found = match CloneProof::decode(&bytes) {
            Ok(proof) => proof.check().map_err(|why| format!("{why:?}")),
            Err(why) => Err(format!("{why:?}")),
        };
        assert_eq!(found.map_or_else(|why| why, |()| "good".into()), answer, "{name}");
    }
    // Whichever half came first, the proof is one.
    let (one, other) = (spend(1, Hash::ZERO, 1), spend(1, Hash::ZERO, 2));
    assert_eq!(proof(one, other), proof(other, one));
}

#[test]
fn a_carrier_and_a_tie_follow_from_the_salt_alone() {
    let (salt, key) = ([5; 32], key(WALLET).public());
    assert_ne!(carrier(&salt, FOOD), carrier(&salt, ProgrammeId(9)));
    assert_ne!(carrier(&salt, FOOD), carrier(&[6; 32], FOOD));
    assert_ne!(tied(&salt, &key), tied(&[6; 32], &key));
    assert_ne!(tied(&salt, &key).0.0[..16], carrier(&salt, FOOD).0[..]);
}
