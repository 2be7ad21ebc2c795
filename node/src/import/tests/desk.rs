//! The next file of a register, after something was told at the desk.

use annona_ledger::key::SigningKey;
use annona_ledger::time::DayNo;

use super::*;
use crate::household::{self, What};
use crate::seal::Key;
use crate::vault::{HouseholdId, Vault};

const MAP: &str = "source=\"s\"\nkey=[\"hh\"]\n[member.columns]\nvillage = \"village\"\n\
                   size = \"size\"\nname = \"full_name\"\nphone = \"phone\"\n";
const FILE: &str = "hh,village,size,name,phone\nA,Nyalenda,2,Amina,1\nA,Nyalenda,2,Bo,\n\
                    B,Nyalenda,1,Chen,2\nC,Nyalenda,1,Dara,3\nD,Nyalenda,1,Eve,4\n";

struct Desk {
    _folder: tempfile::TempDir,
    vault: Vault,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("people.db");
        let vault = Vault::create(&path, &Key::take(&mut [7; 32])).expect("a vault");
        let mut desk = Self { _folder: folder, vault };
        assert_eq!(desk.next(FILE).1.added, 4);
        desk
    }

    fn of(&self, key: &str) -> HouseholdId {
        self.vault.find("s", key.as_bytes()).expect("reads").expect("there").id
    }

    fn household(&mut self, key: &str) -> Household {
        let id = self.of(key);
        let register = VaultRegister::new(&mut self.vault, FEDERATION);
        register.open(&id).expect("opens").expect("there")
    }

    fn names(&mut self, key: &str) -> Vec<String> {
        let members = self.household(key).members;
        members.iter().map(|m| m.text(Field::FullName).unwrap_or_default().to_owned()).collect()
    }

    /// The next file: rows that are kept as the desk told them, with why, and what was done.
    fn next(&mut self, text: &str) -> (Vec<(u64, Vec<&'static str>)>, Applied) {
        let file = csv(text, MAP).expect("read");
        let mut register = VaultRegister::new(&mut self.vault, FEDERATION);
        let plan = watched(|w| file.plan(&register, w)).expect("plan");
        let how = Apply { update: true, ..Apply::default() };
        let applied = watched(|w| file.apply(&mut register, how, w)).expect("apply");
        let told: Vec<_> = plan.changes.into_iter().filter(|c| !c.told.is_empty()).collect();
        assert_eq!((plan.told, applied.told), (told.len() as u64, told.len() as u64));
        assert_eq!(plan.changed - plan.told - plan.held, applied.replaced);
        (told.into_iter().map(|c| (c.row, c.told)).collect(), applied)
    }

    fn happens(&mut self, key: &str, what: What, collector: usize) {
        let by = [&SigningKey::from_seed(&[1; 32]), &SigningKey::from_seed(&[2; 32])];
        let what = (self.of(key), what, collector);
        household::change(&mut self.vault, &FEDERATION, what, DayNo(40), by).expect("changed");
    }

    fn corrects(&mut self, key: &str, field: Field, text: &str) {
        let (id, mut household) = (self.of(key), self.household(key));
        let member = household.members.first_mut().expect("a member");
        member.set(field, Value::text(field, text).expect("a text")).expect("fits");
        let (whole, members) = household.records().expect("records");
        let mut txn = self.vault.begin().expect("begins");
        txn.replace(id, [9; 32], &whole, &members).expect("replaced");
        household::note_corrected(&mut txn, id, &[field.name()]).expect("noted");
        txn.commit().expect("kept");
    }
}

fn person(name: &str) -> Box<crate::person::Person> {
    let mut person = crate::person::Person::default();
    let text = Value::text(Field::FullName, name).expect("a name");
    person.set(Field::FullName, text).expect("fits");
    Box::new(person)
}

#[test]
fn what_two_told_is_not_undone_by_the_next_file_and_the_others_are_taken() {
    let mut desk = Desk::new();
    desk.happens("A", What::Birth(person("Noor")), 1);
    desk.happens("A", What::Death(2), 1);
    desk.happens("B", What::Merge(desk.of("C")), 1);
    // One village is another for all of them: D is taken, and whoever lives in A, B and C stays.
    let moved = FILE.replace("Nyalenda", "Kowe");
    let (told, applied) = desk.next(&moved);
    assert_eq!(told, [(2, vec!["birth", "death"]), (4, vec!["merge"]), (5, vec!["merge"])]);
    assert_eq!((applied.replaced, applied.added), (1, 0));
    assert_eq!(
        desk.names("A"),
        ["Amina", "Noor"],
        "the newborn is there, and the dead are not back"
    );
    assert_eq!((desk.names("B"), desk.names("C")), (vec!["Chen".into(), "Dara".into()], vec![]));
    assert_eq!(desk.household("D").whole.text(Field::Village), Some("Kowe"));
    // Nor by a file with nobody of whoever moved on in it, but the village.
    let none = desk.next("hh,village,size,name,phone\nC,Kowe,0,,\n");
    assert_eq!(none.0, [(2, vec!["merge"])]);
}

#[test]
fn a_register_that_has_heard_of_it_is_taken_again() {
    let mut desk = Desk::new();
    desk.happens("A", What::Birth(person("Noor")), 1);
    let heard = "hh,village,size,name,phone\nA,Kowe,3,Amina,1\nA,Kowe,3,Bo,\nA,Kowe,3,Noor,\n";
    let (told, applied) = desk.next(heard);
    assert_eq!((told, applied.replaced), (vec![], 1), "the same people, in another village");
    assert_eq!(desk.household("A").whole.text(Field::Village), Some("Kowe"));
    let (told, _) = desk.next(FILE);
    assert_eq!(told, [(2, vec!["birth"])], "and an older file undoes nothing");
}

#[test]
fn a_correction_stays_until_the_register_says_the_same() {
    let mut desk = Desk::new();
    desk.corrects("D", Field::Phone, "0700");
    desk.corrects("D", Field::FullName, "Eve Noor");
    let moved = FILE.replace("Nyalenda", "Kowe");
    let (told, applied) = desk.next(&moved);
    assert_eq!((told, applied.replaced), (vec![(6, vec!["full_name", "phone"])], 3));
    let (told, applied) = desk.next(&moved.replace("Eve,4", "Eve Noor,0700"));
    assert_eq!((told, applied.replaced), (vec![], 1));
    assert_eq!(desk.household("D").whole.text(Field::Village), Some("Kowe"));
}
