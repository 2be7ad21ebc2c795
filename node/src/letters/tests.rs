use super::*;
use crate::consent::request;

const PEER: [u8; 8] = [7; 8];
const TODAY: Days = Days { surely: DayNo(100), perhaps: DayNo(100) };

fn day(n: u32) -> Days {
    Days { surely: DayNo(n), perhaps: DayNo(n) }
}

fn letter(n: usize, until: u32) -> Letter {
    let bytes = Bytes::new(request::sample(n as u64)).expect("short");
    Letter { until: DayNo(until), bytes }
}

fn letters() -> (tempfile::TempDir, Letters) {
    let dir = tempfile::tempdir().expect("a folder");
    let letters = Letters::of(dir.path());
    (dir, letters)
}

#[test]
fn a_letter_is_kept_once_and_remembered_after_it_is_taken_out() {
    let (_dir, letters) = letters();
    let one = letter(1, 130);
    let came = |from: &[u8; 8], letter| letters.came(from, letter, true, TODAY).expect("a disk");
    assert_eq!(came(&PEER, &one), Came::New);
    assert_eq!(came(&PEER, &one), Came::Known);
    assert_eq!(came(&[8; 8], &one), Came::New, "from another it is another");
    let kept = letters.list(Way::In);
    assert_eq!(kept.len(), 2);
    assert_eq!(letters.get(Way::In, &PEER, &one.name()), Some(one.clone()));
    letters.taken(&kept[0]).expect("a disk");
    assert_eq!(letters.get(Way::In, &PEER, &one.name()), None, "the paper is gone");
    assert_eq!(came(&PEER, &one), Came::Known, "and does not come again");
    letters.sweep(day(130));
    assert_eq!(letters.list(Way::In).len(), 2, "its last day is its own");
    letters.sweep(day(131));
    assert_eq!(letters.list(Way::In), []);
}

#[test]
fn one_node_fills_its_own_places_and_nobody_elses() {
    let (_dir, letters) = letters();
    let mut taken = 0;
    for n in 0..200 {
        if letters.came(&PEER, &letter(n, 130), true, TODAY).expect("a disk") == Came::New
            && n % 2 == 0
        {
            let name = letter(n, 130).name();
            let kept = letters.list(Way::In).into_iter().find(|kept| kept.name == name);
            letters.taken(&kept.expect("kept")).expect("a disk");
            taken += 1;
        }
    }
    let kept = letters.list(Way::In);
    let waiting = kept.iter().filter(|kept| kept.bytes > 0).count();
    assert_eq!((waiting, kept.len()), (WAITING, WAITING + taken));
    assert!(kept.len() <= KNOWN);
    assert_eq!(letters.came(&[8; 8], &letter(1, 130), true, TODAY).expect("a disk"), Came::New);
    for (until, came) in [(99, Came::Not), (133, Came::New)] {
        assert_eq!(letters.came(&[9; 8], &letter(1, until), true, TODAY).expect("a disk"), came);
    }
    assert_eq!(letters.came(&[9; 8], &letter(2, 130), false, TODAY).expect("a disk"), Came::Never);
}

#[test]
fn what_is_sent_waits_until_the_other_has_it() {
    let (dir, letters) = letters();
    let [paper, more] = [1, 99].map(request::sample);
    let name = letters.send(&PEER, &paper, None, TODAY).expect("short");
    assert_eq!(letters.send(&PEER, &paper, None, TODAY).expect("the same"), name);
    assert_eq!(letters.outgoing(&PEER), [name]);
    assert_eq!(letters.outgoing(&[8; 8]), [[0; 16]; 0], "for nobody else");
    let sent = letters.get(Way::Out, &PEER, &name).expect("kept");
    assert_eq!((sent.until, &sent.bytes[..], sent.name()), (DayNo(130), &paper[..], name));
    letters.heard(&[8; 8], &Over::Letter(name));
    assert_eq!(letters.outgoing(&PEER), [name], "another's word says nothing");
    letters.heard(&PEER, &Over::Letter(name));
    assert_eq!(letters.list(Way::Out), []);
    let long = vec![0; LETTER_BYTES + 1];
    assert!(matches!(letters.send(&PEER, &long, None, TODAY), Err(LetterFault::TooLong(_))));
    assert!(matches!(letters.send(&PEER, &long[1..], None, TODAY), Err(LetterFault::Strange)));
    for n in 0..OUT {
        letters.send(&PEER, &request::sample(n as u64), None, TODAY).expect("there is room");
    }
    assert!(matches!(letters.send(&PEER, &more, None, TODAY), Err(LetterFault::TooMany)));
    letters.send(&[8; 8], &more, None, TODAY).expect("for another");
    // What is no letter is passed over, and a paper that was changed does not go.
    let out = dir.path().join("letters/out");
    for name in ["x", "5f-9a", "0707070707070707-zz", &"+".repeat(49)] {
        fs::write(out.join(name), "nobody's").expect("a disk");
    }
    fs::write(letters.path(Way::Out, &PEER, &name), [&[0, 0, 0, 200], &more[..]].concat())
        .expect("a disk");
    assert_eq!(letters.get(Way::Out, &PEER, &name), None);
    assert_eq!(letters.list(Way::Out).len(), OUT + 1);
}

#[test]
fn what_the_other_does_not_take_is_told_and_goes_no_more() {
    let (_dir, letters) = letters();
    let name = letters.send(&PEER, &request::sample(1), None, TODAY).expect("short");
    letters.heard(&[8; 8], &Over::NotTaken(name));
    assert_eq!(letters.outgoing(&PEER), [name], "another's word says nothing");
    letters.heard(&PEER, &Over::NotTaken(name));
    let told = || letters.list(Way::Out).iter().map(|k| (k.bytes, k.not_taken)).collect::<Vec<_>>();
    assert_eq!((letters.outgoing(&PEER), told()), (vec![], vec![(0, true)]));
    letters.heard(&PEER, &Over::NotTaken([9; 16]));
    assert_eq!(told().len(), 1, "of what was not sent nothing is kept");
    letters.sweep(day(161));
    assert!(told().is_empty());
    // At the other end: said again as it was, also by a stick, and taken by a program that knows the paper.
    let one = letter(2, 130);
    let came = |whole| letters.came(&PEER, &one, whole, TODAY).expect("a disk");
    assert_eq!((came(false), came(false)), (Came::Never, Came::Never));
    assert_eq!(letters.known(&PEER), [Over::NotTaken(one.name())]);
    assert_eq!((came(true), came(false)), (Came::New, Came::Known));
    assert_eq!(letters.known(&PEER), [Over::Letter(one.name())]);
    // However many of them come, they put no name out that was taken.
    for n in 0..2 * KNOWN {
        let strange = letters.came(&PEER, &letter(100 + n, 130), false, TODAY).expect("a disk");
        assert_eq!(strange, Came::Never);
    }
    let kept = letters.list(Way::In);
    assert_eq!((kept.len(), kept.iter().filter(|kept| kept.bytes > 0).count()), (KNOWN, 1));
}

/// A file that waited when it was not kept yet whom a letter tells of.
#[test]
fn a_letter_that_waited_before_its_household_was_kept_with_it_goes() {
    let (dir, letters) = letters();
    let paper = request::sample(1);
    let name = letters.send(&PEER, &paper, None, TODAY).expect("short");
    let before = [&130_u32.to_be_bytes(), &paper[..]].concat();
    fs::write(letters.path(Way::Out, &PEER, &name), before).expect("a disk");
    let sent = letters.get(Way::Out, &PEER, &name).expect("it is read");
    assert_eq!((sent.until, &sent.bytes[..]), (DayNo(130), &paper[..]));
    let [kept] = letters.list(Way::Out)[..] else { panic!("one") };
    assert_eq!((kept.until, kept.about), (DayNo(130), None), "of whom, nobody knows");
    assert_eq!(Letters::of(dir.path()).outgoing(&PEER), [name]);
}

/// What begins like a JPEG, as long as any letter may be.
fn picture(head: &[u8]) -> Vec<u8> {
    let mut bytes = [head, &[0xff, 0xd8, 0xff, 0xe0]].concat();
    bytes.extend((0..2_000_u32).map(|n| u8::try_from(n * 7 % 251).expect("under 251")));
    bytes
}

#[test]
fn nothing_but_whole_papers_are_letters() {
    let whole = request::sample(7);
    assert_eq!(Paper::of(&whole), Some(Paper::Request));
    let more = [&whole[..], &[0]].concat();
    for wrong in [&whole[1..], &whole[..whole.len() - 1], &more[..], b"", b"annona opened 1\n"] {
        assert_eq!(Paper::of(wrong), None, "{wrong:?}");
    }
    for head in ["", "annona asking 1\n", "annona overlap 1\n", "annona answers 1\n"] {
        assert_eq!(Paper::of(&picture(head.as_bytes())), None, "{head}");
    }
    // What lies in the folder by another hand neither goes nor is taken out.
    let (_dir, letters) = letters();
    let bytes = picture(b"");
    let letter = Letter { until: DayNo(130), bytes: Bytes::new(bytes).expect("short") };
    for way in [Way::In, Way::Out] {
        let (name, until) = (letter.name(), letter.until);
        let kept = Kept {
            peer: PEER,
            name,
            until,
            bytes: letter.bytes.len(),
            not_taken: false,
            about: None,
        };
        letters.put(way, &kept, &letter.bytes).expect("a disk");
        assert_eq!(letters.get(way, &PEER, &letter.name()), None);
    }
}

#[test]
fn a_clock_that_is_ahead_ends_nothing_and_one_that_is_behind_refuses_nothing() {
    let (_dir, letters) = letters();
    letters.send(&PEER, &request::sample(1), None, TODAY).expect("short");
    assert_eq!(letters.came(&PEER, &letter(2, 130), true, TODAY).expect("a disk"), Came::New);
    letters.sweep(Days { surely: DayNo(0), perhaps: DayNo(140) });
    assert_eq!([Way::In, Way::Out].map(|way| letters.list(way).len()), [1, 1]);
    // A letter of today where the day is ten days old: kept, and no longer than one of that day.
    let late = letters.came(&PEER, &letter(3, 140), true, TODAY).expect("a disk");
    let until = |n| {
        let all = letters.list(Way::In).into_iter();
        all.filter(|kept| kept.name == letter(n, 0).name()).map(|kept| kept.until).next_back()
    };
    assert_eq!((late, until(3)), (Came::New, Some(DayNo(132))));
}

#[test]
fn a_letter_that_ended_on_its_way_is_told_and_does_not_go() {
    let (_dir, letters) = letters();
    let name = letters.send(&PEER, &request::sample(1), None, TODAY).expect("short");
    letters.sweep(day(131));
    assert_eq!(letters.outgoing(&PEER), [[0; 16]; 0]);
    assert_eq!(letters.get(Way::Out, &PEER, &name), None);
    let [kept] = letters.list(Way::Out)[..] else { panic!("its name stays") };
    assert_eq!((kept.name, kept.bytes, kept.until), (name, 0, DayNo(161)));
    for n in 0..OUT {
        letters
            .send(&PEER, &request::sample(2 + n as u64), None, day(131))
            .expect("it has no place");
    }
    letters.sweep(day(162));
    assert!(letters.list(Way::Out).iter().all(|kept| kept.name != name));
}

#[test]
fn what_was_taken_out_keeps_nothing_new_away() {
    let (_dir, letters) = letters();
    for n in 0..2 * KNOWN {
        let at = day(100 + u32::try_from(n).expect("few"));
        let one = letter(n, at.perhaps.0 + 30);
        assert_eq!(letters.came(&PEER, &one, true, at).expect("a disk"), Came::New, "{n}");
        assert_eq!(letters.came(&PEER, &one, true, at).expect("a disk"), Came::Known, "{n}");
        let all = letters.list(Way::In);
        let kept = all.iter().find(|kept| kept.name == one.name()).expect("kept");
        letters.taken(kept).expect("a disk");
        assert!(all.len() <= KNOWN, "{}", all.len());
    }
}

#[test]
fn who_has_most_here_makes_room_for_others() {
    let (_dir, letters) = letters();
    // As a node with many keys of its own would fill it: 16 times a mebibyte.
    let big = IN_BYTES / 16;
    for n in 0..16_u8 {
        let kept = |name, bytes| Kept {
            peer: [n; 8],
            name,
            until: DayNo(130),
            bytes,
            not_taken: false,
            about: None,
        };
        let parts = if n == 0 { 2 } else { 1 };
        for part in 0..parts {
            let bytes = big / parts;
            letters
                .put(Way::In, &kept([u8::try_from(part).expect("few"); 16], bytes), &vec![0; bytes])
                .expect("a disk");
        }
    }
    let waiting = |peer: u8| {
        let all = letters.list(Way::In).into_iter();
        all.filter(|kept| kept.peer == [peer; 8] && kept.bytes > 0).count()
    };
    assert_eq!(letters.came(&[99; 8], &letter(1, 130), true, TODAY).expect("a disk"), Came::New);
    assert_eq!((waiting(99), waiting(15)), (1, 0), "the last of those that have as much");
    assert_eq!(letters.room(&[1; 8], big), None, "who has most makes none for itself");
}

#[test]
fn a_letter_about_somebody_can_be_stopped() {
    let (_dir, letters) = letters();
    let about = |family, byte| {
        Some(About { family: HouseholdId(family), consent: Commitment(Hash([byte; 32])) })
    };
    for (n, whose) in [(1, about(1, 7)), (2, about(2, 8)), (3, None)] {
        letters.send(&PEER, &request::sample(n), whose, TODAY).expect("short");
    }
    assert_eq!(letters.stop(|about| about.family == HouseholdId(9)).expect("a disk"), 0);
    assert_eq!(letters.stop(|about| about.family == HouseholdId(1)).expect("a disk"), 1);
    assert_eq!(
        letters.stop(|one| Some(one.consent) == about(0, 8).map(|a| a.consent)).ok(),
        Some(1)
    );
    let [left] = letters.list(Way::Out)[..] else { panic!("one is left") };
    assert_eq!(left.about, None);
}
