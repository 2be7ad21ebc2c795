//! Each clock on its last day and on the day after, and what is left of whatever went.

use super::*;
use crate::bundle::tests::world::{FOOD, World, key, short};
use crate::household::{What, change};
use crate::person::{Field, Household, Person, Value};
use crate::seal::Key;

const OPERATOR: u8 = 51;

fn vault(world: &World, folder: &str) -> Vault {
    let path = world.dir.path().join(folder).join("people.db");
    Vault::create(&path, &Key::take(&mut [7; 32])).expect("a vault")
}

fn add(vault: &mut Vault, world: &World, name: &str) -> HouseholdId {
    let mut person = Person::default();
    let text = Value::text(Field::FullName, name).expect("a name");
    person.set(Field::FullName, text).expect("fits");
    let household = Household { key: name.into(), members: vec![person], ..Default::default() };
    let (whole, members) = household.records().expect("a household");
    let mut txn = vault.begin().expect("begins");
    let id = txn.add("desk", name.as_bytes(), [1; 32], &whole, &members).expect("added");
    txn.mark_enrolled(id, FOOD.0, &world.federation().0.0).expect("enrolled");
    txn.commit().expect("kept");
    id
}

fn classes(node: &Node, vault: &Vault, day: DayNo) -> Vec<DataClass> {
    due(node, vault, day).expect("reads").into_iter().map(|one| one.class).collect()
}

#[test]
fn a_household_without_people_goes_when_no_cycle_can_owe_it_anything() {
    let mut world = World::new();
    let mut vault = vault(&world, "a");
    let [stays, husk] = ["Amina", "Bilal"].map(|name| add(&mut vault, &world, name));
    let by: [SigningKey; 2] = [key(1), key(2)];
    let merged = DayNo(10);
    let federation = world.federation();
    let what = (stays, What::Merge(husk), 1);
    change(&mut vault, &federation, what, merged, [&by[0], &by[1]]).expect("merged");
    assert_eq!(classes(&world.a, &vault, merged.plus(366)), [], "a cycle of a year");
    let after = merged.plus(367);
    assert_eq!(classes(&world.a, &vault, after), [DataClass::Merged]);
    let all = due(&world.a, &vault, after).expect("reads");
    assert_eq!(all[0].what, Thing::Household(husk));
    carry_out(&mut world.a, &mut vault, &all, &key(OPERATOR)).expect("destroyed");
    assert!(matches!(vault.household(husk), Err(VaultFault::NotFound { .. })));
    assert_eq!(vault.household(stays).expect("opens").members.len(), 2, "both live on in it");
    assert_eq!(classes(&world.a, &vault, after), []);
    assert!(!vault.keys_due().expect("reads"));
}

#[test]
fn an_old_copy_of_anothers_keys_goes_and_no_younger() {
    let mut world = World::new();
    let mut of_a = vault(&world, "a");
    add(&mut of_a, &world, "Amina");
    let mut own = vault(&world, "b");
    let keeper = world.a.store().roster().node(&short(&world.b)).expect("certified").clone();
    let (label, file) = copies::make(&world.a, &mut of_a, &keeper).expect("made");
    copies::keep(&world.b, &file).expect("kept");
    assert_eq!(classes(&world.b, &own, label.on.plus(180)), []);
    let after = label.on.plus(181);
    assert_eq!(classes(&world.b, &own, after), [DataClass::KeyCopy]);
    let all = due(&world.b, &own, after).expect("reads");
    carry_out(&mut world.b, &mut own, &all, &key(OPERATOR)).expect("destroyed");
    assert!(copies::kept(&world.b).expect("reads").labels.is_empty());
    assert_eq!(classes(&world.b, &own, after), []);
}
