//! Checkpoints, through the program.

use std::fs;

use crate::counter::counter;

#[test]
fn a_checkpoint_of_one_organisation_is_signed_carried_and_not_enough() {
    let camp = counter();
    camp.run("checkpoint cosign").fine();
    camp.run("checkpoint cosign").fine();
    camp.run("checkpoint export signed.checkpoint").fine();
    camp.bare("checkpoint verify signed.checkpoint --dir lake").fails(1, "fewer organisations");
    // The hill has not the lake's newest blocks yet, and says what to do before it takes the checkpoint.
    let import = "checkpoint import signed.checkpoint --dir hill";
    camp.bare(import).fails(6, "take in a bundle");
    fs::create_dir(camp.file("news")).expect("folder");
    camp.run("bundle export --to hill --out news").fine();
    camp.run("bundle import news --dir hill").fine();
    camp.bare(import).fine();
    let known = camp.bare("checkpoint show --json --dir hill").fine();
    assert_eq!(known.field(0, "checkpoint"), camp.told("checkpoint.txt"));
}

#[test]
fn pruning_says_what_is_missing_and_a_dry_run_writes_nothing() {
    let camp = counter();
    camp.run("checkpoint cosign --dry-run").fine();
    let told = camp.run("checkpoint prune --programme Food --dry-run --json").fine();
    assert_eq!(told.field(0, "done"), "false");
    let words = camp.run("checkpoint prune --programme Food --dry-run").fine();
    assert!(words.out.contains("it takes 2 organisations"), "{}", words.out);
    let before = camp.bare("checkpoint show --json").fine().out;
    camp.run("checkpoint make --dry-run").fine();
    camp.bare("checkpoint export none.checkpoint --dry-run").fine();
    assert!(!camp.file("none.checkpoint").exists());
    camp.bare("checkpoint import camp.checkpoint --dry-run").fine();
    assert_eq!(camp.bare("checkpoint show --json").fine().out, before, "nothing was kept");
}

#[test]
fn a_changed_checkpoint_is_told() {
    let camp = counter();
    let file = fs::read(camp.file("camp.checkpoint")).expect("read");
    // The end is a cosignature, which is kept until whoever certifies its witness is known, and refused then.
    for at in [0, 100, file.len() / 2] {
        let mut wrong = file.clone();
        wrong[at] ^= 1;
        camp.write("wrong.checkpoint", &wrong);
        let output = camp.command(crate::camp::split("checkpoint import wrong.checkpoint"));
        let output = { output }.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("wrong.checkpoint"), "{at}: {said}");
    }
    camp.write("empty.checkpoint", "");
    camp.bare("checkpoint import empty.checkpoint").fails(3, "empty.checkpoint");
}
