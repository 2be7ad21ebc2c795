//! Evidence beside a block: what its header commits to, and nothing else.

use super::*;
use crate::entry::Control;
use crate::testing::*;

fn beside(pieces: &[(u16, u8)]) -> Evidence {
    let proof = |(place, byte): &(u16, u8)| Proof {
        place: *place,
        bytes: Bytes::new(vec![*byte]).expect("one byte"),
    };
    Evidence(bounded(pieces.iter().map(proof)))
}

/// A block of three entries that commits to this evidence.
fn sealed(evidence: &Evidence) -> Block {
    let (federation, feed) = (charter().federation(), on(A, Lane::Control));
    let seen = |index| {
        let seen = Control::FaultSeen { feed: feed_of(B), index, proof: Hash([7; 32]) };
        Entry::from(seen).encode()
    };
    let entries: Vec<Vec<u8>> = (0..3).map(seen).collect();
    let draft = Draft {
        feed,
        seq: 0,
        start: Head::start(&federation, &feed),
        entries: &entries,
        evidence,
        frontier_root: Hash::ZERO,
        epoch: 0,
        hlc: Hlc::default(),
    };
    draft.seal(&key(A), &federation).expect("three small entries")
}

#[test]
fn evidence_is_what_the_header_commits_to_in_rising_places_of_its_entries() {
    for good in [&[][..], &[(0, 7)], &[(2, 7)], &[(0, 7), (1, 7)], &[(0, 7), (1, 8), (2, 9)]] {
        let evidence = beside(good);
        assert_eq!(sealed(&evidence).check_evidence(&evidence), Ok(()), "{good:?}");
    }
    // As the header says, and no evidence all the same: beyond the entries, twice at one place, falling.
    for wrong in [&[(3, 7)][..], &[(0, 7), (3, 8)], &[(1, 7), (1, 8)], &[(2, 7), (0, 8)]] {
        let evidence = beside(wrong);
        let found = sealed(&evidence).check_evidence(&evidence);
        assert_eq!(found, Err(BlockFault::Evidence), "{wrong:?}");
    }
    // Well formed, and not what it says.
    let block = sealed(&beside(&[(0, 7), (1, 8)]));
    for other in [&[][..], &[(0, 7)], &[(0, 7), (2, 8)], &[(0, 7), (1, 9)]] {
        assert_eq!(block.check_evidence(&beside(other)), Err(BlockFault::Evidence), "{other:?}");
    }
}

#[test]
fn evidence_is_found_by_its_place() {
    let evidence = beside(&[(0, 7), (2, 9)]);
    let found: Vec<Option<&[u8]>> = (0..4).map(|place| evidence.at(place)).collect();
    assert_eq!(found, [Some(&[7][..]), None, Some(&[9]), None]);
}
