//! What a home knows of a wallet when older bodies were pruned.

use annona_ledger::entry::{Lot, Method, Value};
use annona_ledger::id::{Nonce, Purse};
use annona_ledger::statement::Statement;
use annona_ledger::time::DayNo;
use annona_ledger::wallet::Spend;

use super::checkpoints::{camp, certified, close_may, mirror};
use super::*;
use crate::checkpoint;
use crate::holder::desk::concerning;

#[test]
fn a_place_in_a_history_holds_after_the_hand_outs_beside_it_are_pruned() {
    let mut world = camp();
    // A second block, which the close will not show.
    let (amount, at, method) = (amount(1), Minute(100), Method::Sight);
    let late = Value::Redeem { lot: Lot(2), amount, merchant: 0, at, method };
    let value = world.a.feed(Lane::Value, FOOD);
    write(&mut world.a, value, vec![Entry::from(late).into()]);
    let page = certified(&mut world, "one");
    let mut mirror = mirror(&mut world, &page);
    close_may(&mut world, &mut mirror);
    let (hers, federation, node) = (key(77), world.federation(), short(&world.a));
    let (commodity, purse) = (RICE, Purse(CANARY_PURSE));
    let mut spends = Vec::new();
    let mut previous = Hash::ZERO;
    let signed = |spend: Spend| (spend, Statement::Spend(spend).sign(&federation, &hers).signature);
    for counter in 1..=3 {
        let (programme, nonce, on) = (FOOD, Nonce([0; 16]), DayNo(0));
        let spend =
            Spend { programme, purse, node, nonce, on, commodity, amount, counter, previous };
        previous = spend.hash(&federation, &hers.public());
        spends.push(signed(spend));
    }
    let work = world.a.store_mut().begin().expect("a transaction");
    spends.iter().for_each(|spend| work.keep_spend(&hers.public(), spend));
    work.commit().expect("kept");
    let own = world.a.signing_key(Name::NodeSigning).expect("a key");
    let told = |world: &World| {
        let work = world.a.store().look().expect("readable");
        concerning(&work, &own, &value, &purse).expect("told").len()
    };
    let before = told(&world);
    let pruned = checkpoint::prune(&mut world.a, &page.checkpoint.hash(), FOOD).expect("mirrored");
    assert_eq!(pruned.blocks, 1, "what was shown when May closed");
    // What is left to tell her is what the second block has.
    let after = told(&world);
    assert!(0 < after && after < before, "{before}, {after}");
    // Her place in her history holds, and whoever stands at it a second time is found.
    let work = world.a.store().look().expect("readable");
    assert_eq!(work.last_spend(&hers.public()), Some((3, previous)));
    let twice = signed(Spend { nonce: Nonce([1; 16]), ..spends[1].0 });
    assert!(work.rival(&hers.public(), &twice).is_some_and(|proof| proof.check().is_ok()));
}
