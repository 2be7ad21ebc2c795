//! A wallet is known by a salt in her record: whoever erases upon hearing cancels it before nobody knows it any more.

use annona_ledger::entry::CarrierKind;
use annona_ledger::time::Minute;

use super::*;
use crate::bundle::tests::world::{enrol, pass, write};
use crate::holder::Wallet;
use crate::seal::Cost;

#[test]
fn a_wallet_kept_here_is_cancelled_when_an_erasure_is_heard_of() {
    let mut world = World::new();
    let folder = world.dir.path().to_owned();
    let mut vault = Vault::create(&folder.join("a/people.db"), &vault_key()).expect("a vault");
    let ids = [registered(&mut vault, 1), registered(&mut vault, 2)];
    let federation = world.federation();
    let mut carriers = Vec::new();
    for id in ids {
        let mut txn = vault.begin().expect("begins");
        let pseudonym = txn.mark_enrolled(id, FOOD.0, &federation.0.0).expect("enrolled");
        txn.commit().expect("kept");
        let path = folder.join(format!("wallet-{id}"));
        let mut wallet =
            Wallet::create(&path, &pass(), Cost::FLOOR, &folder.join("heads-w")).expect("made");
        wallet.add("Amina").expect("added");
        let introduction = wallet.introduce(0).expect("shown");
        let kept = desk::Kept { introduction, given: Vec::new() };
        kept.keep(&mut vault, id, FOOD).expect("kept");
        let (carrier, kind, at) = (kept.carrier(FOOD), CarrierKind::Phone, Minute(100));
        enrol(&mut world.a, FOOD, pseudonym);
        let pseudonym = Pseudonym(pseudonym);
        let feed = world.a.feed(Lane::Registry, FOOD);
        let bound = Registry::CarrierBound { pseudonym, carrier, kind, at };
        write(&mut world.a, feed, vec![Entry::from(bound).into()]);
        carriers.push(carrier);
    }
    // Another site, which has her too, erases her, and says so.
    let commitment = vault.erasure_commitment(ids[0], FOOD).expect("opens");
    let erased = |on| People::Erased { commitment, on };
    say(&mut world.b, FOOD, Some(&key(OPERATOR)), erased).expect("said");
    let to_a = world.path("to-a");
    let out = export(&mut world.b, &[short(&world.a)], &to_a);
    assert!(import(&mut world.a, &out.files).is_whole());
    assert_eq!(apply(&world.a, &mut vault).expect("applied"), 1);
    assert!(matches!(vault.household(ids[0]), Err(VaultFault::NotFound { .. })));
    // A command that only reads cancels nothing, and says that something is left.
    assert_eq!(vault.wallets_to_cancel().expect("reads"), [(FOOD, carriers[0])]);
    assert!(is_unfinished(&world.a, &vault).expect("reads"));
    let cancelled = |world: &World| {
        let work = world.a.store().look().expect("reads");
        carriers.iter().map(|carrier| work.cancelled(FOOD, carrier)).collect::<Vec<bool>>()
    };
    assert_eq!(cancelled(&world), [false, false]);
    follow(&mut world.a, &mut vault).expect("followed");
    assert_eq!(cancelled(&world), [true, false], "hers, and nobody else's");
    assert!(vault.wallets_to_cancel().expect("reads").is_empty());
    assert!(!is_unfinished(&world.a, &vault).expect("reads"));
}
