//! Erasure at a desk.

use crate::camp::Camp;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

#[test]
fn an_erased_family_is_gone_here_and_others_say_they_followed() {
    let camp = Camp::new();
    let name = "Zahra Canary-Erased";
    let added = camp.family(&format!("member: full_name={name}"), &format!("{MARA} --json")).fine();
    let id = added.field(0, "family");
    camp.write("notice-sw.txt", "Tunauliza.");
    let give = format!(
        "consent give {id} --purpose referral --to water --attributes name --notice notice-sw.txt --language sw {MARA}"
    );
    camp.run(&give).fine();
    camp.run("backup before.backup").fine();
    camp.run(&format!("erase {id} --dry-run {MARA}")).fine();
    camp.run(&format!("family show {id}")).fine();
    let gone = camp.run(&format!("erase {id} {MARA} --json")).fine();
    assert_ne!(gone.field(0, "pending"), "0", "the others have not heard of it");
    camp.run(&format!("family show {id}")).fails(3, "or it was erased");
    camp.run(&format!("consent list {id}")).fails(3, "or it was erased");
    camp.run(&format!("erase {id} {MARA}")).fails(3, "or it was erased");
    assert!(camp.run(&format!("family find \"{name}\" --json")).fine().out.is_empty());
    let before = camp.run("erase --pending --json").fine().out.lines().count();
    assert_eq!(before, 1);
    for other in ["hill", "treasury"] {
        std::fs::create_dir(camp.file(&format!("to-{other}"))).expect("folder");
        camp.run(&format!("bundle export --to {other} --out to-{other}")).fine();
        camp.run(&format!("bundle import to-{other} --dir {other}")).fine();
    }
    let followed = camp.run("erase --follow --dir hill --json").fine();
    assert_eq!(followed.field(0, "erasures"), "1");
    std::fs::create_dir(camp.file("back")).expect("folder");
    camp.run("bundle export --dir hill --to lake --out back").fine();
    camp.run("bundle import back").fine();
    assert_eq!(camp.run("erase --pending --json").fine().out.lines().count(), 0);
    // The copy from before, with its passphrase.
    camp.run("restore before.backup --dir again").fine();
    let shown = camp.run(&format!("family show {id} --dir again"));
    assert_ne!(shown.code, Some(0), "{}", shown.out);
    assert!(!shown.out.contains(name) && !shown.err.contains(name));
}

/// A site burns; its names come back from a keeper, without hers who was erased after the backup.
#[test]
fn names_come_back_from_a_keeper_and_hers_who_was_erased_does_not() {
    let camp = Camp::new();
    let name = "زينب العلي";
    let added = camp.family(&format!("member: full_name={name}"), &format!("{MARA} --json")).fine();
    let id = added.field(0, "family");
    camp.run("family keys copy --to lake --out self").fails(3, "would burn with it");
    camp.run("family keys copy --to hill --out for-hill --dry-run").fine();
    assert!(!camp.file("for-hill").exists());
    camp.run("family keys copy --to hill --out for-hill").fine();
    camp.run("family keys copy --to hill --out for-hill").fails(6, "is there already");
    camp.run("family keys keep for-hill --dir treasury").fails(5, "not for this one");
    camp.run("family keys keep for-hill --dir hill").fine();
    camp.run("backup before.backup").fine();
    // One that is damaged is listed, and stands in nobody's way.
    camp.write("hill/copy-0909090909090909.annona", "torn");
    let listed = camp.run("family keys list --dir hill --json").fine();
    assert_eq!(listed.out.lines().count(), 2);
    assert!(listed.out.contains("unreadable") && listed.err.contains("drop --of 0909090909090909"));
    camp.run("erase --follow --dir hill").fine();
    camp.run("family keys drop --of 0909090909090909 --dir hill").fine();
    assert_eq!(camp.run("family keys list --dir hill --json").fine().out.lines().count(), 1);
    let gone = camp.run(&format!("erase {id} {MARA} --json")).fine();
    assert!(gone.out.contains("copies_behind\":[\""), "{}", gone.out);
    let behind = camp.run("family keys list --json").fine();
    assert_eq!((behind.field(0, "behind"), behind.field(0, "newer")), ("1".into(), "0".into()));
    std::fs::create_dir(camp.file("to-hill")).expect("folder");
    camp.run("bundle export --to hill --out to-hill").fine();
    camp.run("bundle import to-hill --dir hill").fine();
    let followed = camp.run("erase --follow --dir hill --json").fine();
    assert_eq!(followed.field(0, "erasures"), "0", "its copy is of before");

    // What is printed is what is to be done, word for word.
    let restored = camp.run("restore before.backup --dir again").fine().err;
    let next = |where_: &str| {
        let line = restored.lines().find_map(|line| line.trim().strip_prefix(where_));
        line.map(|line| line.trim().replace("annona ", "")).expect("the next step")
    };
    let (give, take) = (next("there"), next("here"));
    assert!(take.ends_with("again"), "{take}");
    camp.run(&format!("family show {id} --dir again")).fails(3, "is not here");
    camp.run(&format!("{give} --dir hill")).fine();
    camp.run(&take.replace("again", "hill")).fails(5, "not for this one");
    let taken = camp.run(&format!("{take} --json")).fine();
    assert_eq!((taken.field(0, "erased"), taken.field(0, "keyless")), ("1".into(), "0".into()));
    assert!(camp.run("family show 1 --dir again").fine().out.contains("Noor"));
    camp.run(&format!("family show {id} --dir again")).fails(3, "or it was erased");

    camp.run("family keys copy --to hill --out newer").fine();
    camp.run("family keys keep newer --dir hill").fine();
    camp.run("family keys keep for-hill --dir hill").fails(6, "made later");
    let followed = camp.run("erase --follow --dir hill --json").fine();
    assert_eq!(followed.field(0, "erasures"), "1");
    camp.run("family keys drop --of lake --dir hill").fine();
    camp.run("family keys drop --of lake --dir hill").fails(3, "there is no copy");
    camp.run("family keys drop --at hill").fine();
}

/// The power fails once her keys are gone from the file and before anything is said: the next commands tell of it, and the
/// rest is done by name, though she is nobody's number any more.
#[test]
fn an_erasure_that_was_cut_off_is_finished_by_the_program() {
    use annona_ledger::id::ProgrammeId;
    use annona_node::vault::{Erasure, HouseholdId};
    let camp = Camp::new();
    let added = camp.family("member: full_name=Cut Off", &format!("{MARA} --json")).fine();
    let id = HouseholdId(added.field(0, "family").parse().expect("a number"));
    let sites = |node: &annona_node::node::Node| -> Vec<Vec<u8>> {
        node.keys().site_keys().iter().map(|key| key.expose().to_vec()).collect()
    };
    let before = {
        let node = camp.node("lake");
        let mut vault = node.vault().expect("opens");
        let commitment = vault.erasure_commitment(id, ProgrammeId(1)).expect("opens");
        let erasure = Erasure { programme: ProgrammeId(1), commitment, said: false };
        let mut txn = vault.begin().expect("begins");
        txn.erase(id, &[erasure]).expect("erased");
        txn.commit().expect("kept");
        sites(&node)
    };
    // Any command writes the keys anew; that alone finishes nothing, and each of them says so.
    for _ in 0..2 {
        let told = camp.run("family show 1").fine();
        assert!(told.err.contains("erase --finish"), "{}", told.err);
    }
    camp.run(&format!("erase {id} {MARA}")).fails(3, "or it was erased");
    camp.run(&format!("erase --finish --dry-run {MARA}")).fine();
    let said = camp.run(&format!("erase --finish {MARA} --json")).fine();
    assert_eq!(said.field(0, "said"), "1");
    assert!(!camp.run("family show 1").fine().err.contains("erase --finish"));
    assert_eq!(camp.run("erase --pending --json").fine().out.lines().count(), 1, "others are told");
    let after = sites(&camp.node("lake"));
    assert!(!after.is_empty() && after.iter().all(|key| !before.contains(key)), "destroyed");
    let again = camp.run(&format!("erase --finish {MARA} --json")).fine();
    assert_eq!(again.field(0, "said"), "0");
}

/// Two families became one; she asks to be forgotten, and nothing of either is left.
#[test]
fn a_family_goes_with_those_that_were_merged_into_it() {
    let camp = Camp::new();
    let add = |name: &str| {
        let told = camp.family(&format!("member: full_name={name}"), &format!("{MARA} --json"));
        told.fine().field(0, "family")
    };
    let (stays, husk) = (add("Zahra Canary-One"), add("Salma Canary-Two"));
    let two = format!("{MARA} --second yusuf.keys --second-passphrase-file pass.txt");
    camp.run(&format!("family merge {stays} {husk} --collector 1 {two}")).fine();
    let tried = camp.run(&format!("erase {stays} --dry-run {MARA}")).fine();
    assert!(tried.out.contains("with 1 family merged into it"), "{}", tried.out);
    let gone = camp.run(&format!("erase {stays} {MARA} --json")).fine();
    let said: serde_json::Value = serde_json::from_str(&gone.out).expect("JSON");
    assert_eq!(said["commitments"].as_array().expect("a list").len(), 2, "{said}");
    for family in [stays, husk] {
        camp.run(&format!("family show {family}")).fails(3, "or it was erased");
    }
}
