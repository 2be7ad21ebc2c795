use annona_ledger::hash::Hash;

use super::*;
use crate::seal::Key;

const ON: DayNo = DayNo(40);

fn federation() -> FederationId {
    FederationId(Hash([1; 32]))
}

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

fn person(name: &str) -> Person {
    let mut person = Person::default();
    let text = Value::text(Field::FullName, name).expect("a name");
    person.set(Field::FullName, text).expect("fits");
    person
}

struct Desk {
    _folder: tempfile::TempDir,
    vault: Vault,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("people.db");
        let vault = Vault::create(&path, &Key::take(&mut [7; 32])).expect("a vault");
        Self { _folder: folder, vault }
    }

    fn add(&mut self, register: &str, names: &[&str], size: Option<u64>) -> HouseholdId {
        let mut household = Household { key: register.to_owned(), ..Default::default() };
        household.members = names.iter().map(|name| person(name)).collect();
        if let Some(people) = size {
            super::size(&mut household, people).expect("a size");
        }
        let (whole, members) = household.records().expect("a household");
        let mut txn = self.vault.begin().expect("begins");
        let id = txn.add("desk", register.as_bytes(), [1; 32], &whole, &members).expect("added");
        txn.commit().expect("kept");
        id
    }

    fn change(&mut self, id: HouseholdId, what: What, who: usize) -> Result<Changed, ChangeFault> {
        let by = [&key(1), &key(2)];
        change(&mut self.vault, &federation(), (id, what, who), ON, by)
    }

    fn names(&self, id: HouseholdId) -> Vec<String> {
        let household = opened(&self.vault, id).expect("opens");
        household.members.iter().map(|p| p.text(Field::FullName).expect("x").to_owned()).collect()
    }

    fn size(&self, id: HouseholdId) -> u64 {
        opened(&self.vault, id).expect("opens").people()
    }

    /// Who collects, by name.
    fn collector(&self, id: HouseholdId) -> String {
        let all = changes(&self.vault, &federation(), id).expect("reads");
        let last = all.last().expect("a change");
        self.names(last.collected_by)[usize::from(last.collector) - 1].clone()
    }
}

#[test]
fn births_and_deaths_name_who_collects() {
    let mut desk = Desk::new();
    let id = desk.add("a", &["زينب", "علي", "Sami"], Some(4));
    desk.change(id, What::Birth(Box::new(person("ሰላም"))), 4).expect("born");
    assert_eq!(desk.names(id), ["زينب", "علي", "Sami", "ሰላም"]);
    assert_eq!((desk.size(id), desk.collector(id)), (5, "ሰላም".to_owned()));
    // The collector moves up by one where somebody before her dies.
    desk.change(id, What::Death(1), 3).expect("died");
    assert_eq!((desk.size(id), desk.collector(id)), (4, "Sami".to_owned()));
    assert!(matches!(desk.change(id, What::Death(2), 2), Err(ChangeFault::NoCollector)));
    for (what, who) in [(What::Death(0), 1), (What::Death(9), 1)] {
        assert!(matches!(desk.change(id, what, who), Err(ChangeFault::NoMember { .. })));
    }
    for who in [0, 5, 300] {
        let born = What::Birth(Box::new(person("X")));
        assert!(matches!(desk.change(id, born, who), Err(ChangeFault::NoCollector)), "{who}");
    }
    let all = changes(&desk.vault, &federation(), id).expect("reads");
    let kinds: Vec<_> = all.iter().map(|c| c.happened.word()).collect();
    assert_eq!((kinds, all[0].by), (vec!["birth", "death"], [key(1).public(), key(2).public()]));
    let alone = desk.add("b", &["one"], None);
    assert!(matches!(desk.change(alone, What::Death(1), 1), Err(ChangeFault::NobodyLeft)));
}

#[test]
fn one_person_alone_changes_nothing_and_other_words_count_for_nothing() {
    let mut desk = Desk::new();
    let id = desk.add("a", &["one", "two"], None);
    let twice = [&key(1), &key(1)];
    let told = change(&mut desk.vault, &federation(), (id, What::Death(1), 2), ON, twice);
    assert!(matches!(told, Err(ChangeFault::SamePerson)));
    assert_eq!(desk.names(id).len(), 2);
    desk.change(id, What::Death(1), 2).expect("died");
    let other = FederationId(Hash([2; 32]));
    assert!(changes(&desk.vault, &other, id).expect("reads").is_empty());
}

/// Whoever collects keeps the number, and so the purse, whichever side moves out.
#[test]
fn after_a_split_the_purse_is_where_the_collector_is() {
    for (out, who, stay, go, collects) in [
        (vec![2, 3], 1, ["A", "D"], ["B", "C"], "A"),
        (vec![2, 3], 3, ["B", "C"], ["A", "D"], "C"),
        (vec![3, 2, 3], 4, ["A", "D"], ["B", "C"], "D"),
    ] {
        let mut desk = Desk::new();
        let id = desk.add("a", &["A", "B", "C", "D"], Some(6));
        let before = desk.vault.registration(id).expect("reads");
        let done = desk.change(id, What::Split(out), who).expect("split");
        let new = done.new.expect("a household");
        assert_eq!(
            (desk.names(id), desk.names(new)),
            (stay.map(Into::into).into(), go.map(Into::into).into())
        );
        assert_eq!(
            (desk.size(id), desk.size(new), desk.collector(id)),
            (4, 2, collects.to_owned())
        );
        assert_eq!(*desk.vault.registration(id).expect("reads"), *before, "the same purse");
        assert_ne!(*desk.vault.registration(new).expect("reads"), *before, "another purse");
        assert_eq!(changes(&desk.vault, &federation(), new).expect("reads")[0].other, Some(id));
    }
    let mut desk = Desk::new();
    let id = desk.add("a", &["A", "B"], None);
    for out in [vec![], vec![1, 2]] {
        assert!(matches!(desk.change(id, What::Split(out), 1), Err(ChangeFault::NobodyLeft)));
    }
}

#[test]
fn after_a_merge_both_purses_are_collected_by_the_one_who_is_named() {
    let mut desk = Desk::new();
    let (a, b) = (desk.add("a", &["A"], Some(3)), desk.add("b", &["B", "C"], None));
    let mut txn = desk.vault.begin().expect("begins");
    txn.set_card(b, b"CARD").expect("given");
    txn.commit().expect("kept");
    let done = desk.change(a, What::Merge(b), 2).expect("merged");
    assert_eq!(done, Changed { stays: a, new: None });
    assert_eq!((desk.names(a), desk.size(a)), (vec!["A".into(), "B".into(), "C".into()], 5));
    assert_eq!((desk.names(b).len(), desk.size(b)), (0, 0), "counts for nobody");
    assert_eq!((desk.collector(a), desk.collector(b)), ("B".to_owned(), "B".to_owned()));
    assert_eq!(desk.vault.household_by_card(b"CARD").expect("reads"), Some(b), "still served");
    for other in [a, b] {
        assert!(matches!(desk.change(a, What::Merge(other), 1), Err(ChangeFault::NotTwo)));
    }
    assert!(matches!(desk.change(b, What::Merge(a), 1), Err(ChangeFault::NotTwo)));
}

#[test]
fn who_was_merged_into_one_is_found_by_it_however_long_the_chain() {
    let mut desk = Desk::new();
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| desk.add(name, &["زينب", "علي"], None));
    for (into, from) in [(b, c), (a, b)] {
        desk.change(into, What::Merge(from), 1).expect("merged");
    }
    let split = desk.change(a, What::Split(vec![4]), 1).expect("parted").new.expect("a new one");
    let merged = |id| merged_into(&desk.vault, &federation(), id).expect("reads");
    assert_eq!(merged(a), [b, c]);
    assert_eq!(merged(b), [c], "which came before");
    for alone in [c, d, split] {
        assert!(merged(alone).is_empty(), "{alone}");
    }
}

/// Two who are two were merged: one goes back to her number, and what was merged into it before goes with her.
#[test]
fn a_merge_by_mistake_is_taken_back_with_number_and_purse() {
    let mut desk = Desk::new();
    let [a, b, c] = ["a", "b", "c"].map(|name| desk.add(name, &["زينب", "علي"], None));
    desk.change(b, What::Merge(c), 1).expect("merged");
    let before = desk.vault.registration(b).expect("reads");
    let refused = desk.change(a, What::Back(vec![2], b), 1);
    assert!(matches!(refused, Err(ChangeFault::NotMerged(x)) if x == b), "it was not merged");
    desk.change(a, What::Merge(b), 1).expect("merged");
    // Whoever collects stays: her number is not the other's.
    let refused = desk.change(a, What::Back(vec![1, 3], b), 1);
    assert!(matches!(refused, Err(ChangeFault::NoCollector)));
    let done = desk.change(a, What::Back(vec![3, 4, 5, 6], b), 1).expect("gone back");
    assert_eq!(done, Changed { stays: a, new: Some(b) });
    assert_eq!((desk.names(a).len(), desk.names(b).len(), desk.names(c).len()), (2, 4, 0));
    assert_eq!((desk.size(a), desk.size(b), desk.size(c)), (2, 4, 0));
    assert_eq!(*desk.vault.registration(b).expect("reads"), *before, "the same purse");
    assert_eq!((desk.collector(b), desk.collector(c)), ("زينب".to_owned(), "زينب".to_owned()));
    let fed = federation();
    let last = |id| *changes(&desk.vault, &fed, id).expect("reads").last().expect("one");
    assert_eq!((last(b).collected_by, last(c).collected_by), (b, b));
    assert!(merged_into(&desk.vault, &fed, a).expect("reads").is_empty());
    assert_eq!(merged_into(&desk.vault, &fed, b).expect("reads"), [c]);
    assert_eq!(merged(&desk.vault, &fed, b).expect("reads"), None, "somebody lives in it");
    // And it can be merged again.
    desk.change(a, What::Merge(b), 1).expect("merged");
    assert_eq!(merged_into(&desk.vault, &fed, a).expect("reads"), [b, c]);
}

/// A husk says who collects by a place in another household, and places move.
#[test]
fn what_is_left_of_a_merged_family_is_collected_by_whoever_is_named_last() {
    let mut desk = Desk::new();
    let [a, b, c] = [("a", ["Anna", "Ali"]), ("b", ["Bea", "Badr"]), ("c", ["Cleo", "Can"])]
        .map(|(name, names)| desk.add(name, &names, None));
    desk.change(a, What::Merge(b), 2).expect("merged");
    assert_eq!(desk.collector(b), "Ali");
    desk.change(a, What::Death(1), 2).expect("died");
    assert_eq!((desk.collector(a), desk.collector(b)), ("Ali".to_owned(), "Ali".to_owned()));
    desk.change(c, What::Merge(a), 1).expect("merged");
    for of in [a, b, c] {
        assert_eq!(desk.collector(of), "Cleo", "{of}");
    }
    assert_eq!(merged_into(&desk.vault, &federation(), c).expect("reads"), [a, b]);
}

#[test]
fn what_a_number_is_known_by_ends_where_another_collects_or_somebody_leaves() {
    let mut desk = Desk::new();
    let [a, b] = ["a", "b"].map(|name| desk.add(name, &["One", "Two", "Three"], None));
    let passes = |desk: &Desk, what, who| {
        let by = [&key(1), &key(2)];
        plan(&desk.vault, &federation(), (a, what, who), ON, by).expect("planned").passes
    };
    let born = || What::Birth(Box::new(person("New")));
    assert!(passes(&desk, born(), 1).is_empty(), "the head collects, as before");
    assert_eq!(passes(&desk, born(), 2), [a]);
    assert!(passes(&desk, What::Death(3), 1).is_empty());
    assert_eq!(passes(&desk, What::Death(1), 2), [a]);
    assert_eq!(passes(&desk, What::Split(vec![3]), 1), [a], "who left may have them");
    assert_eq!(passes(&desk, What::Merge(b), 1), [b], "whose purse is collected by another now");
    assert_eq!(passes(&desk, What::Merge(b), 4), [a], "or this one");
    desk.change(a, born(), 3).expect("born");
    assert!(passes(&desk, born(), 3).is_empty(), "whom two named");
    assert!(passes(&desk, What::Death(1), 3).is_empty());
    assert_eq!(passes(&desk, born(), 1), [a]);
    desk.change(a, What::Merge(b), 3).expect("merged");
    assert_eq!(passes(&desk, born(), 1), [a, b], "and what was merged into it");
}
