//! What a courier takes in and gives out, by bytes that were made for it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use annona_ledger::time::DayNo;

use super::World;
use crate::bundle::courier::{
    ADDRESSEES, CARRIED_PART, Courier, CourierFault, receipt, receipt_file,
};
use crate::bundle::{Head, PartFault, Place};
use crate::envelope::WRAPPED;
use crate::keystore::Name;
use crate::letters::Days;

const TODAY: Days = Days { surely: DayNo(100), perhaps: DayNo(100) };

/// A part with a true head and so many sealed bytes that open for nobody.
fn part(dir: &Path, bundle: u8, sealed: u64, there: u64) -> PathBuf {
    let slots = (0..8_u8).map(|n| [n; WRAPPED]).collect();
    let place = Place { bundle: [bundle; 16], part: 1 };
    let head = Head { place, parts: 2, directory: vec![([7; 16], sealed)], slots }.encode();
    let path = dir.join(format!("annona-{bundle}-{there}.annona"));
    fs::write(&path, &head).expect("a disk");
    let file = fs::OpenOptions::new().write(true).open(&path).expect("opens");
    file.set_len(head.len() as u64 + there).expect("a disk");
    path
}

fn nodes(names: impl IntoIterator<Item = u8>) -> BTreeSet<[u8; 8]> {
    names.into_iter().map(|n| [n; 8]).collect()
}

#[test]
fn a_part_is_kept_as_it_came_or_refused_by_what_is_seen_from_outside() {
    let dir = tempfile::tempdir().expect("a folder");
    let courier = Courier::of(dir.path());
    let take = |path: &Path, to| courier.take(path, &nodes(to), TODAY);
    let whole = part(dir.path(), 1, 1_000, 1_000);
    assert!(take(&whole, [1].into_iter().collect::<Vec<_>>()).expect("taken"));
    assert!(!take(&whole, vec![2]).expect("known"));
    let [one] = &courier.list()[..] else { panic!("one") };
    assert_eq!((&one.to, one.until), (&nodes([1, 2]), DayNo(130)));
    let fault = |path: &Path| match take(path, vec![1]) {
        Err(CourierFault::Part(fault)) => fault.name(),
        Err(CourierFault::TooLarge) => "TooLarge",
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(&part(dir.path(), 2, 1_000, 999)), PartFault::Truncated { at: 0 }.name());
    assert_eq!(fault(&part(dir.path(), 2, 1_000, 1_001)), "Trailing");
    assert_eq!(fault(&part(dir.path(), 3, CARRIED_PART, CARRIED_PART)), "TooLarge");
    fs::write(dir.path().join("x"), "no bundle").expect("a disk");
    assert_eq!(fault(&dir.path().join("x")), "NotABundle");
    let many = (0..=u8::try_from(ADDRESSEES).expect("few")).collect();
    assert!(matches!(take(&whole, many), Err(CourierFault::Addressees)));
    // Another copy of the same part: from outside nobody tells which is good, so both go.
    let mut other = fs::read(&whole).expect("reads");
    *other.last_mut().expect("a byte") ^= 1;
    fs::write(dir.path().join("other"), &other).expect("a disk");
    assert!(take(&dir.path().join("other"), vec![1]).expect("taken"));
    assert_eq!(courier.list().len(), 2);

    let out = dir.path().join("out");
    fs::create_dir(&out).expect("a folder");
    let given: BTreeSet<Vec<u8>> = courier
        .list()
        .iter()
        .map(|one| courier.give(one, &out).expect("given").expect("new"))
        .map(|path| fs::read(path).expect("reads"))
        .collect();
    assert_eq!(given, [fs::read(&whole).expect("reads"), other].into());
    assert_eq!(courier.give(&courier.list()[0], &out).expect("there"), None);
    // What the disk did not keep is not given out, and taken in again it is whole.
    for entry in fs::read_dir(dir.path().join("carried")).expect("lists") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|end| end == "part") {
            let mut bytes = fs::read(&path).expect("reads");
            bytes[300] ^= 1;
            fs::write(&path, bytes).expect("a disk");
        }
    }
    fs::remove_dir_all(&out).expect("removes");
    fs::create_dir(&out).expect("a folder");
    for one in courier.list() {
        assert!(matches!(courier.give(&one, &out), Err(CourierFault::Changed)));
    }
    assert!(take(&whole, vec![1]).expect("taken again"));
    let given = courier.list().iter().filter(|one| courier.give(one, &out).is_ok()).count();
    assert_eq!(given, 1);

    assert_eq!(courier.sweep(Days { surely: DayNo(130), perhaps: DayNo(200) }).expect("swept"), 0);
    assert_eq!(courier.sweep(Days { surely: DayNo(131), perhaps: DayNo(131) }).expect("swept"), 2);
    assert_eq!(fs::read_dir(dir.path().join("carried")).expect("lists").count(), 0);
}

#[test]
fn a_part_goes_once_each_node_it_is_for_has_said_so_and_no_other() {
    let w = World::new();
    let courier = Courier::of(w.dir.path());
    let path = part(w.dir.path(), 1, 1_000, 1_000);
    let [a, b] = [&w.a, &w.b].map(|node| node.public().short());
    courier.take(&path, &[a, b].into(), TODAY).expect("taken");
    let federation = w.a.federation().expect("one");
    let said = |name: [u8; 8], by: &crate::node::Node, parts: &[([u8; 16], u16)]| {
        let transport = by.signing_key(Name::NodeTransport).expect("a key");
        let parts = parts.iter().copied().collect();
        receipt(name, &parts, &federation, &transport).expect("short")
    };
    let heard = |bytes: &[u8]| {
        let heard = courier.heard(bytes, &federation, w.a.store().roster());
        (heard.ok().map(|(_, about)| about), courier.list().first().map_or(0, |one| one.to.len()))
    };
    let good = said(b, &w.b, &[([1; 16], 1)]);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(heard(&bad), (None, 2), "{at}");
        assert_eq!(heard(&good[..at]), (None, 2), "{at}");
    }
    assert_eq!(heard(&[&good[..], &[0]].concat()), (None, 2));
    assert_eq!(heard(&said(b, &w.a, &[([1; 16], 1)])), (None, 2), "another's word for it");
    assert_eq!(heard(&said(b, &w.b, &[([1; 16], 2), ([2; 16], 1)])), (Some(0), 2), "other parts");
    let file = w.dir.path().join("x.receipt");
    fs::write(&file, &good).expect("a disk");
    assert_eq!(heard(&receipt_file(&file).expect("reads")), (Some(1), 1));
    assert_eq!(heard(&good), (Some(0), 1), "again");
    assert_eq!(heard(&said(a, &w.a, &[([1; 16], 1), ([3; 16], 9)])), (Some(1), 0));
    assert_eq!(fs::read_dir(w.dir.path().join("carried")).expect("lists").count(), 0);
}
