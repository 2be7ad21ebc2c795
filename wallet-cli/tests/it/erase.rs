//! Erasure at a desk.

use crate::camp::Camp;

const MARA: &str = "--operator mara.keys --operator-passphrase-file pass.txt";

#[test]
fn an_erased_family_is_gone_here_and_others_say_they_followed() {
    let camp = Camp::new();
    let name = "Zahra Canary-Erased";
    let added = camp.run(&format!("family add --member \"full_name={name}\" {MARA} --json")).fine();
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
    camp.run(&format!("family show {id}")).fails(3, "It may have been erased");
    camp.run(&format!("consent list {id}")).fails(3, "It may have been erased");
    camp.run(&format!("erase {id} {MARA}")).fails(3, "It may have been erased");
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
