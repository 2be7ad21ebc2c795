use super::*;
use crate::consent::request;

const PEER: [u8; 8] = [7; 8];
const TODAY: DayNo = DayNo(100);

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
    letters.sweep(DayNo(130));
    assert_eq!(letters.list(Way::In).len(), 2, "its last day is its own");
    letters.sweep(DayNo(131));
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
    for (until, came) in [(99, Came::Not), (133, Came::Not), (132, Came::New)] {
        assert_eq!(letters.came(&[9; 8], &letter(1, until), true, TODAY).expect("a disk"), came);
    }
    assert_eq!(letters.came(&[9; 8], &letter(2, 130), false, TODAY).expect("a disk"), Came::Never);
}

#[test]
fn what_is_sent_waits_until_the_other_has_it() {
    let (dir, letters) = letters();
    let [paper, more] = [1, 99].map(request::sample);
    let name = letters.send(&PEER, &paper, TODAY).expect("short");
    assert_eq!(letters.send(&PEER, &paper, TODAY).expect("the same"), name);
    assert_eq!(letters.outgoing(&PEER), [name]);
    assert_eq!(letters.outgoing(&[8; 8]), [[0; 16]; 0], "for nobody else");
    let sent = letters.get(Way::Out, &PEER, &name).expect("kept");
    assert_eq!((sent.until, &sent.bytes[..], sent.name()), (DayNo(130), &paper[..], name));
    letters.arrived(&[8; 8], &name);
    assert_eq!(letters.outgoing(&PEER), [name], "another's word says nothing");
    letters.arrived(&PEER, &name);
    assert_eq!(letters.list(Way::Out), []);
    let long = vec![0; LETTER_BYTES + 1];
    assert!(matches!(letters.send(&PEER, &long, TODAY), Err(LetterFault::TooLong(_))));
    assert!(matches!(letters.send(&PEER, &long[1..], TODAY), Err(LetterFault::Strange)));
    for n in 0..OUT {
        letters.send(&PEER, &request::sample(n as u64), TODAY).expect("there is room");
    }
    assert!(matches!(letters.send(&PEER, &more, TODAY), Err(LetterFault::TooMany)));
    letters.send(&[8; 8], &more, TODAY).expect("for another");
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
        letters.put(way, &PEER, &letter.name(), letter.until, &letter.bytes).expect("a disk");
        assert_eq!(letters.get(way, &PEER, &letter.name()), None);
    }
}
