//! Answers that wait to go, and tell of who is erased.

use super::*;
use crate::letters::{self, Way};

/// Whatever moment the power fails at, no answer about her is left for a link to post once she is gone.
#[test]
fn an_answer_that_waits_goes_before_the_household_it_tells_of() {
    let world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let ids = [1, 2].map(|number| registered(&mut vault, number));
    let kept = Letters::of(world.a.folder().root());
    let days = letters::days(&world.a).expect("a day");
    for id in ids {
        let about = About { family: id, consent: Commitment(Hash([7; 32])) };
        let paper = crate::consent::request::sample(id.0);
        kept.send(&[7; 8], &paper, Some(about), days).expect("it is kept");
    }
    let commitment = vault.erasure_commitment(ids[0], FOOD).expect("opens");
    let erased = Erased::from([(FOOD, [commitment].into())]);
    // What comes after it, as what else lies beside the vault, is never reached.
    assert_eq!(apply_to(&world.a, &mut vault, &erased, 1).expect("erased"), 1);
    assert_eq!(vault.to_forget().expect("reads"), [ids[0]]);
    let left = kept.list(Way::Out);
    assert_eq!(
        left.iter().map(|one| one.about.map(|about| about.family)).collect::<Vec<_>>(),
        [Some(ids[1])]
    );
    // Nor where what is to be destroyed is not: killed just before, the letter is gone and she is asked for again.
    assert_eq!(stop_letters(&world.a, &[(ids[1], Vec::new())]).expect("stopped"), 1);
    assert!(vault.household(ids[1]).is_ok() && kept.list(Way::Out).is_empty());
}
