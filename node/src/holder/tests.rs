use annona_ledger::amount::Amount;
use annona_ledger::id::{CommodityId, FederationId, Nonce, ProgrammeId, Purse};
use annona_ledger::key::PublicKey;
use annona_ledger::time::{Millis, Minute};
use annona_ledger::wallet::{CloneProof, tied};

use super::backup::By;
use super::page::Given;
use super::*;

const FOUNDED: Millis = Millis(1_700_000_000_000);
const RICE: CommodityId = CommodityId(1);
const FEDERATION: FederationId = FederationId(annona_ledger::hash::Hash([7; 32]));

struct Place {
    dir: tempfile::TempDir,
    home: SigningKey,
    hill: SigningKey,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self { dir, home: SigningKey::from_seed(&[1; 32]), hill: SigningKey::from_seed(&[2; 32]) }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn heads(&self) -> PathBuf {
        self.file("heads")
    }

    fn open(&self, name: &str) -> Result<Wallet, HolderFault> {
        Wallet::open(&self.file(name), &words("right"), &self.heads())
    }

    /// A wallet of Amina, with one purse.
    fn made(&self) -> Wallet {
        let mut wallet =
            Wallet::create(&self.file("a"), &words("right"), Cost::FLOOR, &self.heads())
                .expect("made");
        wallet.add("Amina").expect("added");
        let page = self.page(&wallet, |_| {});
        wallet.take_page(&page).expect("taken");
        wallet
    }

    /// A page of her home for what she shows, changed before it is signed.
    fn page(&self, wallet: &Wallet, change: impl FnOnce(&mut Page)) -> Vec<u8> {
        let shown = wallet.introduction(0).expect("shown");
        let key = *shown.known.first().or(shown.keys.first()).expect("a key");
        let (programme, purse, until) = (ProgrammeId(1), Purse([3; 16]), DayNo(30));
        let card = tied(&shown.salt, &key);
        let holder = Statement::Holder { programme, purse, key, card, until };
        let word = holder.sign(&FEDERATION, &self.home);
        let (cycle, expires) = (CycleId(1), Minute(60_000));
        let places = [(self.home.public(), "lake".into()), (self.hill.public(), "hill".into())];
        let mut page = Page {
            federation: FEDERATION,
            founded: FOUNDED,
            programme_id: programme,
            programme: "Food".into(),
            commodities: Bounded::empty(),
            organisations: Bounded::empty(),
            node: self.home.public(),
            as_of: Minute(100),
            asked: shown.asked,
            places: Bounded::new(places.to_vec()).expect("few"),
            purses: Bounded::new(vec![Given { cycle, purse, key, card, until, expires, word }])
                .expect("one"),
            newest: Bounded::empty(),
            notes: Bounded::empty(),
            consents: Bounded::empty(),
            disclosures: Bounded::empty(),
        };
        change(&mut page);
        page.seal(&self.home, &shown.sealing).expect("sealed")
    }

    fn bill(&self, n: u8) -> Bill {
        Bill {
            federation: FEDERATION,
            programme: ProgrammeId(1),
            node: self.home.public().short(),
            nonce: Nonce([n; 16]),
            on: DayNo(2),
            items: Bounded::new(vec![(RICE, Amount::new(5).expect("small"))]).expect("one"),
        }
    }
}

impl Place {
    /// A purse of another cycle that a node gives to the key of this number.
    fn given(&self, wallet: &Wallet, number: u32, by: &SigningKey) -> Given {
        let secrets = &wallet.secrets[0];
        let (key, n) = (secrets.key(number).public(), u8::try_from(number).expect("few"));
        let (programme, purse, until) = (ProgrammeId(1), Purse([50 + n; 16]), DayNo(30));
        let card = tied(secrets.salt.expose(), &key);
        let word = Statement::Holder { programme, purse, key, card, until }.sign(&FEDERATION, by);
        let cycle = CycleId(u16::from(n) + 1);
        Given { cycle, purse, key, card, until, expires: Minute(60_000), word }
    }

    /// A page of her home with one purse more.
    fn page_with(&self, wallet: &Wallet, number: u32) -> Vec<u8> {
        let more = self.given(wallet, number, &self.home);
        self.page(wallet, |page| {
            let mut purses = page.purses.to_vec();
            purses.push(more);
            page.purses = Bounded::new(purses).expect("few");
        })
    }

    /// A page of the hill, where she has no purse.
    fn hill_page(&self, wallet: &Wallet, change: impl FnOnce(&mut Page)) -> Vec<u8> {
        self.page_by(&self.hill, wallet, change)
    }

    fn page_by(
        &self,
        node: &SigningKey,
        wallet: &Wallet,
        change: impl FnOnce(&mut Page),
    ) -> Vec<u8> {
        let mut page = None;
        let shown = wallet.introduction(0).expect("shown");
        drop(self.page(wallet, |made| {
            made.node = node.public();
            made.purses = Bounded::empty();
            page = Some(made.clone());
        }));
        let mut page = page.expect("made");
        change(&mut page);
        page.seal(node, &shown.sealing).expect("sealed")
    }
}

fn words(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.to_owned())
}

fn copy(place: &Place, from: &str, to: &str) {
    std::fs::copy(place.file(from), place.file(to)).expect("copied");
}

#[test]
fn a_file_opens_with_its_passphrase_once_at_a_time_and_unchanged() {
    let place = Place::new();
    let wallet = place.made();
    assert!(matches!(place.open("a"), Err(HolderFault::Held { .. })), "held");
    drop(wallet);
    let wrong = Wallet::open(&place.file("a"), &words("wrong"), &place.heads());
    assert!(matches!(wrong, Err(HolderFault::WrongPassphrase { .. })));
    let bytes = std::fs::read(place.file("a")).expect("its bytes");
    for at in (0..bytes.len()).step_by(37) {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        std::fs::write(place.file("bad"), &bad).expect("written");
        assert!(place.open("bad").is_err(), "byte {at}");
        std::fs::write(place.file("bad"), &bytes[..at]).expect("written");
        assert!(place.open("bad").is_err(), "cut at {at}");
    }
    // Nothing of hers is legible in it.
    for secret in [&b"Amina"[..], b"Food", &[3; 16]] {
        assert!(!bytes.windows(secret.len()).any(|some| some == secret));
    }
    place.open("a").expect("whole");
}

#[test]
fn each_spend_follows_the_one_before_and_one_bill_has_one_answer() {
    let place = Place::new();
    let mut wallet = place.made();
    let signed: Vec<Signed> =
        [1, 2, 1, 3].map(|n| wallet.sign(0, &place.bill(n), None).expect("signed")).to_vec();
    assert_eq!(signed[0], signed[2]);
    let key = signed[0].held().expect("a key").1;
    let spends: Vec<_> = [0, 1, 3].map(|n| signed[n].spends[0].0).to_vec();
    assert_eq!(spends.iter().map(|s| s.counter).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(spends.windows(2).all(|two| two[1].previous == two[0].hash(&FEDERATION, &key)));
    assert!(signed[0].words().iter().all(|(said, word)| said.is_by(&FEDERATION, word)));
    // The same number with something else in it is another bill, and is not signed.
    let mut other = place.bill(1);
    other.items = Bounded::new(vec![(RICE, Amount::new(6).expect("small"))]).expect("one");
    assert!(matches!(wallet.sign(0, &other, None), Err(HolderFault::Bill(_))));
    let tomorrow = Bill { on: DayNo(3), ..place.bill(1) };
    assert!(matches!(wallet.sign(0, &tomorrow, None), Err(HolderFault::Bill(_))));
    let elsewhere = Bill { programme: ProgrammeId(2), ..place.bill(9) };
    assert!(matches!(wallet.sign(0, &elsewhere, None), Err(HolderFault::Bill(_))));
    // After the last day of its key it signs nothing.
    let late = Bill { on: DayNo(62), ..place.bill(9) };
    assert!(matches!(wallet.sign(0, &late, None), Err(HolderFault::Bill(_))));
    drop(wallet);
    let mut again = place.open("a").expect("opened");
    assert_eq!(again.sign(0, &place.bill(3), None).expect("as before"), signed[3]);
    assert_eq!(again.sign(0, &place.bill(4), None).expect("signed").spends[0].0.counter, 4);
    // Nor by a bill of the day before, where her home has said since that it is later; an older page takes nothing of that
    // back.
    let last = Bill { on: DayNo(30), ..place.bill(9) };
    let older = place.page(&again, |_| {});
    let newer = place.page(&again, |page| page.as_of = DayNo(31).first());
    for page in [newer, older] {
        again.take_page(&page).expect("hers");
        assert!(matches!(again.sign(0, &last, None), Err(HolderFault::Bill(_))));
    }
}

#[test]
fn a_page_that_a_clock_ahead_has_dated_keeps_nobody_from_paying() {
    let place = Place::new();
    let mut wallet = place.made();
    for days in [33, 400] {
        let ahead = place.page(&wallet, |page| page.as_of = DayNo(days).first());
        wallet.take_page(&ahead).expect("hers");
        // By the till's day her purse and its key count.
        let bill = Bill { on: DayNo(20), ..place.bill(days.to_le_bytes()[0]) };
        wallet.sign(0, &bill, None).expect("signed");
        // By a day on which her key counts no more she signs nothing, as ever.
        let late = Bill { on: DayNo(32), ..place.bill(9) };
        assert!(matches!(wallet.sign(0, &late, None), Err(HolderFault::Bill(_))));
    }
}

#[cfg(unix)]
#[test]
fn what_cannot_be_remembered_is_not_signed() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let mut wallet = place.made();
    // The machine's memory cannot be written: whoever may write everything would not notice, so its name is taken.
    let mark = std::fs::read_dir(place.heads()).expect("heads").next().expect("one").expect("one");
    std::fs::remove_file(mark.path()).expect("gone");
    std::fs::create_dir_all(mark.path().join("in the way")).expect("a folder");
    assert!(wallet.sign(0, &place.bill(1), None).is_err());
    assert!(wallet.sign(0, &place.bill(1), None).is_err(), "nor said when asked again");
    std::fs::remove_dir_all(mark.path()).expect("gone");
    let signed = wallet.sign(0, &place.bill(1), None).expect("remembered");
    drop(wallet);
    let mut again = place.open("a").expect("opened");
    assert_eq!(again.sign(0, &place.bill(1), None).expect("as before"), signed);
    let mode = std::fs::metadata(place.file("a")).expect("there").permissions().mode();
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[test]
fn a_copy_signs_nothing_until_it_has_heard_her_home() {
    let place = Place::new();
    let mut wallet = place.made();
    drop(wallet.sign(0, &place.bill(1), None).expect("signed"));
    copy(&place, "a", "b");
    let second = wallet.sign(0, &place.bill(2), None).expect("signed");
    let old = place.page(&wallet, |_| {});
    drop(wallet);
    let mut found = place.open("b").expect("it shows everything");
    let must = |found: &mut Wallet, n| {
        let refused = found.sign(0, &place.bill(n), None);
        assert!(matches!(refused, Err(HolderFault::MustLearn(_))), "{n}");
    };
    must(&mut found, 3);
    assert_eq!(found.people()[0].unheard(), ["lake"]);
    // What it signed before it was copied it says again: nothing new is signed by that.
    found.sign(0, &place.bill(1), None).expect("as before");
    // A page that answers another question, or is of nobody who was asked.
    found.take_page(&old).expect("hers all the same");
    must(&mut found, 4);
    drop(found);
    let mut found = place.open("b").expect("opened");
    must(&mut found, 5);
    let (spend, key) = (second.spends[0].0, second.held().expect("a key").1);
    let newest = vec![(key, spend, second.spends[0].1)];
    let page = place.page(&found, |page| page.newest = Bounded::new(newest).expect("one"));
    found.take_page(&page).expect("taken");
    let third = found.sign(0, &place.bill(6), None).expect("signed").spends[0];
    assert_eq!(third.0.previous, spend.hash(&FEDERATION, &key));
    let proof = CloneProof::of(FEDERATION, key, second.spends[0], third);
    assert!(proof.check().is_err(), "an honest copy is none");
    // From now on the first is the old one.
    drop(found);
    let mut first = place.open("a").expect("opened");
    must(&mut first, 7);
}

#[test]
fn a_page_is_believed_of_who_serves_her_alone() {
    let place = Place::new();
    let mut wallet = place.made();
    let stranger = SigningKey::from_seed(&[9; 32]);
    type Change = fn(&mut Page);
    let wrong: [Change; 5] = [
        |page| page.federation = FederationId(annona_ledger::hash::Hash([8; 32])),
        |page| page.node = SigningKey::from_seed(&[9; 32]).public(),
        |page| page.programme_id = ProgrammeId(2),
        |page| {
            let mut given = *page.purses.first().expect("one");
            given.until = DayNo(300);
            page.purses = Bounded::new(vec![given]).expect("one");
        },
        |page| {
            let mut given = *page.purses.first().expect("one");
            given.key = PublicKey::Ed25519([5; 32]);
            page.purses = Bounded::new(vec![given]).expect("one");
        },
    ];
    for (n, change) in wrong.into_iter().enumerate() {
        let page = place.page(&wallet, change);
        assert!(wallet.take_page(&page).is_err(), "{n}");
    }
    // Signed by somebody else, changed on the way, cut short, for another wallet.
    let shown = wallet.introduction(0).expect("shown");
    let page = place.page(&wallet, |_| {});
    for at in (0..page.len()).step_by(41) {
        let mut bad = page.clone();
        bad[at] ^= 1;
        assert!(wallet.take_page(&bad).is_err(), "byte {at}");
        assert!(wallet.take_page(&page[..at]).is_err(), "cut at {at}");
    }
    let other = Wallet::create(&place.file("o"), &words("right"), Cost::FLOOR, &place.heads());
    let mut other = other.expect("made");
    other.add("Idris").expect("added");
    assert!(matches!(other.take_page(&page), Err(HolderFault::NotHers)));
    assert_eq!(other.find(None).expect("one"), 0);
    assert!(other.add("Idris").is_err() && other.add(" ").is_err());
    assert_ne!(other.introduction(0).expect("shown").salt, shown.salt);
    wallet.take_page(&page).expect("as it was");
    // All in order, by a node that her home does not name.
    let page = place.page_by(&stranger, &wallet, |_| {});
    assert!(
        matches!(wallet.take_page(&page), Err(HolderFault::Page(why)) if why.contains("not hers"))
    );
    let page = place.hill_page(&wallet, |_| {});
    wallet.take_page(&page).expect("a node that she was told of");
}

#[test]
fn any_two_shares_open_a_backup_and_one_does_not() {
    let place = Place::new();
    let wallet = place.made();
    let shares = wallet.backup_split(&place.file("split"), 2, 3).expect("split");
    assert!(wallet.backup_split(&place.file("x"), 1, 3).is_err());
    assert!(wallet.backup_split(&place.file("x"), 4, 3).is_err());
    let restore = |shares: &[backup::Share], to: &str| {
        let own = (&words("other"), Cost::FLOOR);
        Wallet::restore(
            &place.file("split"),
            &By::Shares(shares),
            &place.file(to),
            own,
            &place.heads(),
        )
    };
    let copy = |n: usize| Zeroizing::new(shares[n].to_vec());
    for (nth, two) in [[0, 1], [1, 2], [2, 0]].into_iter().enumerate() {
        let back = restore(&two.map(copy), &format!("r{nth}")).expect("restored");
        assert_eq!(back.people()[0].unheard(), ["lake"]);
    }
    for few in [vec![copy(0)], vec![copy(0), copy(0)], vec![]] {
        assert!(matches!(restore(&few, "x"), Err(HolderFault::WrongShares)));
    }
    let mut odd = copy(0);
    odd[5] ^= 1;
    assert!(matches!(restore(&[odd, copy(1)], "x"), Err(HolderFault::WrongShares)));
}

#[test]
fn no_node_says_what_she_signed_but_by_her_own_signature() {
    let place = Place::new();
    let mut wallet = place.made();
    let first = wallet.sign(0, &place.bill(1), None).expect("signed").spends[0];
    let key = wallet.people()[0].purses[0].key;
    let told = |wallet: &Wallet, spend: Spend, signature| {
        place.page(wallet, |page| {
            page.newest = Bounded::new(vec![(key, spend, signature)]).expect("one");
        })
    };
    // One made up after nothing, and one that leaves room for no other: neither is signed by her.
    for (counter, previous) in [(3, annona_ledger::hash::Hash::ZERO), (u64::MAX, first.0.previous)]
    {
        let lie = Spend { counter, previous, ..first.0 };
        let by_node = Statement::Spend(lie).sign(&FEDERATION, &place.home).signature;
        for signature in [by_node, first.1] {
            let page = told(&wallet, lie, signature);
            assert!(matches!(wallet.take_page(&page), Err(HolderFault::Page(_))), "{counter}");
        }
    }
    let page = told(&wallet, first.0, first.1);
    wallet.take_page(&page).expect("what she signed");
    let second = wallet.sign(0, &place.bill(2), None).expect("signed").spends[0];
    assert_eq!((second.0.counter, second.0.previous), (2, first.0.hash(&FEDERATION, &key)));
    let proof = CloneProof::of(FEDERATION, key, first, second);
    assert!(proof.check().is_err(), "nobody can frame her");
}

#[test]
fn a_restored_wallet_waits_for_every_place_before_a_purse_it_never_saw() {
    let place = Place::new();
    let mut wallet = place.made();
    copy(&place, "a", "b");
    copy(&place, "a", "c");
    let cycle = Some(CycleId(2));
    let old = place.page_with(&wallet, 1);
    wallet.take_page(&old).expect("taken");
    let paid = wallet.sign(0, &place.bill(1), cycle).expect("signed");
    let (spend, key) = (paid.spends[0], paid.held().expect("a key").1);
    drop(wallet);
    let heard = |page: &mut Page| {
        page.newest = Bounded::new(vec![(key, spend.0, spend.1)]).expect("one");
    };
    let must = |found: &mut Wallet| {
        let refused = found.sign(0, &place.bill(2), cycle);
        let Err(HolderFault::MustLearn(nodes)) = refused else { panic!("{refused:?}") };
        nodes
    };
    // The old page again, then what is new: the place that was paid is asked all the same.
    let mut found = place.open("b").expect("opened");
    found.take_page(&old).expect("hers");
    let mut nodes = must(&mut found);
    nodes.sort_unstable();
    assert_eq!(nodes, ["hill", "lake"]);
    let fresh = place.page_with(&found, 1);
    found.take_page(&fresh).expect("hers");
    assert_eq!(must(&mut found), ["hill"]);
    let hill = place.hill_page(&found, heard);
    found.take_page(&hill).expect("hers");
    let next = found.sign(0, &place.bill(2), cycle).expect("signed").spends[0];
    assert!(
        CloneProof::of(FEDERATION, key, spend, next).check().is_err(),
        "an honest copy is none"
    );
    assert_eq!((next.0.counter, next.0.previous), (2, spend.0.hash(&FEDERATION, &key)));
    drop(found);
    // The hill answered before it could know of the purse: it is asked again.
    let mut found = place.open("c").expect("opened");
    let early = place.hill_page(&found, |_| {});
    let fresh = place.page_with(&found, 1);
    found.take_page(&fresh).expect("hers");
    found.take_page(&early).expect("hers");
    assert_eq!(must(&mut found), ["hill"]);
    let hill = place.hill_page(&found, heard);
    found.take_page(&hill).expect("hers");
    assert_eq!(found.sign(0, &place.bill(2), cycle).expect("signed").spends[0].0.counter, 2);
    // What her home gives from now on, it gives to this one alone; however many it gave in between.
    let later = place.page_with(&found, 40);
    found.take_page(&later).expect("hers");
    found.sign(0, &place.bill(3), Some(CycleId(41))).expect("signed");
}

#[test]
fn only_her_home_says_what_concerns_her() {
    let place = Place::new();
    let mut wallet = place.made();
    let again = place.given(&wallet, 0, &place.hill);
    let shown = wallet.people()[0].purses[0].purse;
    let page = place.hill_page(&wallet, |page| {
        let holder = Statement::Holder {
            programme: ProgrammeId(1),
            purse: shown,
            key: again.key,
            card: again.card,
            until: DayNo(1),
        };
        let word = holder.sign(&FEDERATION, &place.hill);
        let given = Given { purse: shown, until: DayNo(1), word, ..again };
        page.purses = Bounded::new(vec![given]).expect("one");
    });
    assert!(matches!(wallet.take_page(&page), Err(HolderFault::Page(_))), "a purse of her home's");
    let new = place.given(&wallet, 1, &place.hill);
    let page = place.hill_page(&wallet, |page| {
        page.purses = Bounded::new(vec![new]).expect("one");
        page.programme = "Other".into();
        page.places = Bounded::empty();
    });
    wallet.take_page(&page).expect("a purse of its own");
    let person = &wallet.people()[0];
    assert_eq!((person.purses.len(), person.purses[0].until), (2, DayNo(30)));
    let about = person.about.as_ref().expect("her home's");
    assert_eq!((about.programme.as_str(), about.places.len()), ("Food", 2));
}

#[test]
fn to_look_at_a_copy_changes_nothing() {
    let place = Place::new();
    let mut wallet = place.made();
    copy(&place, "a", "b");
    wallet.sign(0, &place.bill(1), None).expect("signed");
    drop(wallet);
    let before = std::fs::read(place.file("b")).expect("its bytes");
    drop(place.open("b").expect("it shows everything"));
    assert_eq!(std::fs::read(place.file("b")).expect("its bytes"), before);
    // What it asks is kept, and the answer counts; but not if the first went on signing after it asked.
    let mut found = place.open("b").expect("opened");
    let asked = found.introduce(0).expect("shown").asked;
    drop(found);
    let mut found = place.open("b").expect("opened");
    assert_eq!(found.introduce(0).expect("shown").asked, asked);
    let page = place.page(&found, |_| {});
    drop(found);
    let mut wallet = place.open("a").expect("opened");
    wallet.sign(0, &place.bill(2), None).expect("it is the wallet still");
    drop(wallet);
    let mut found = place.open("b").expect("opened");
    found.take_page(&page).expect("hers");
    let refused = found.sign(0, &place.bill(3), None);
    assert!(matches!(refused, Err(HolderFault::MustLearn(_))), "{refused:?}");
}
