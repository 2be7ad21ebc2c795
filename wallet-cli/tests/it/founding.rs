//! Founding, admitting, and what is refused on the way.

use std::fs;

use crate::camp::Camp;

#[test]
fn a_camp_stands_after_founding_and_knows_what_it_is() {
    let camp = Camp::new();
    let status = camp.bare("status --json").fine();
    assert_eq!(status.field(0, "federation_name"), "Lake camps");
    assert_eq!(status.field(0, "epoch"), "1");
    let shown = camp.bare("charter show").fine();
    assert!(shown.out.contains("20000.000 kg Rice"), "{}", shown.out);
    assert!(shown.out.contains("4000.500 l Oil"), "{}", shown.out);
    let nodes = camp.bare("node show --json").fine();
    assert_eq!(nodes.out.lines().count(), 3);
}

#[test]
fn passphrases_are_checked_and_never_guessed() {
    let camp = Camp::new();
    camp.write("wrong.txt", "not this one");
    camp.write("empty.txt", "");
    camp.write("long.txt", "x".repeat(5000));
    let request = "node request --organisation 1 --out a.request";
    camp.bare(&format!("{request} --passphrase-file wrong.txt"))
        .fails(5, "the passphrase does not open");
    camp.bare(request).fails(5, "--passphrase-file");
    camp.bare(&format!("{request} --passphrase-file empty.txt")).fails(3, "is empty");
    camp.bare(&format!("{request} --passphrase-file long.txt")).fails(3, "4,096");
    camp.bare(&format!("{request} --passphrase-file none.txt")).fails(3, "none.txt");
    assert!(!camp.file("a.request").exists());
    camp.run(request).fine();
}

#[test]
fn a_folder_that_is_none_is_named_and_left_alone() {
    let camp = Camp::new();
    camp.bare("status --dir nowhere").fails(3, "nowhere is not an annona data folder");
    assert!(!camp.file("nowhere").exists());
    camp.run("init --dir lake --passphrase-cost light").fails(6, "is not empty");
    // A ledger of zero bytes, and one of noise.
    fs::write(camp.file("hill/ledger.db"), b"").expect("write");
    let fault = camp.bare("status --dir hill");
    assert!(matches!(fault.code, Some(1 | 3)), "{:?} {}", fault.code, fault.err);
    fs::write(camp.file("hill/ledger.db"), vec![7u8; 8192]).expect("write");
    let fault = camp.bare("status --dir hill");
    assert!(matches!(fault.code, Some(1 | 3)), "{:?} {}", fault.code, fault.err);
    fs::write(camp.file("lake/keys.annona"), b"").expect("write");
    camp.run("node request --organisation 1 --out b.request").fails(3, "keys.annona");
}

#[test]
fn an_article_needs_its_signatures_and_a_known_one_changes_nothing() {
    let camp = Camp::new();
    // Signing needs a key with a say.
    camp.run("charter sign budget-2.annona --keys mara.keys")
        .fails(5, "holds no organisation's key");
    camp.run("charter sign budget-2.annona --keys hill/keys.annona")
        .fails(5, "holds no organisation's key");
    camp.bare("charter apply budget.annona").fails(5, "charter rejection 46");
    camp.bare("charter apply budget-1.annona").fails(5, "Collect the missing signatures");
    camp.bare("charter apply budget-1.annona budget-3.annona").fine();
    let again = camp.bare("charter apply founding.annona budget-1.annona --json").fine();
    assert_eq!((again.field(0, "known"), again.field(0, "epoch")), ("2".into(), "2".into()));
}

#[test]
fn another_federation_is_another_federation() {
    let camp = Camp::new();
    camp.run("charter propose --found federation.toml --out other.annona").fine();
    for name in ["relief", "city", "water"] {
        camp.run(&format!("charter sign other.annona --keys {name}.keys")).fine();
    }
    camp.bare("charter apply other.annona").fails(6, "founds another one");
    camp.run("init --dir far --organisation 1 --role merchant --site far --passphrase-cost light")
        .fine();
    camp.bare("charter apply other.annona --dir far").fine();
    camp.run("node request --dir far --out far.request").fine();
    camp.run("node admit far.request --keys relief.keys --charter charter.annona --site 9 --out far.annona")
        .fails(5, "another federation");
    camp.bare("node learn lake.annona --dir far").fails(1, "not the organisation's");
}

#[test]
fn a_ceiling_beyond_the_charter_is_refused_before_it_is_signed() {
    let camp = Camp::new();
    camp.run("init --dir far --organisation 1 --role merchant --site far --passphrase-cost light")
        .fine();
    camp.run("charter apply charter.annona --dir far").fine();
    camp.run("node request --dir far --out far.request").fine();
    let admit = "node admit far.request --keys relief.keys --charter charter.annona --site 4 --out x.annona";
    camp.run(&format!("{admit} --ceiling Food/Rice=1")).fails(5, "than the charter allows");
    camp.run(&format!("{admit} --ceiling Food/Salt=1")).fails(3, "it has: 1 Rice, 2 Oil");
    camp.run(&format!("{admit} --ceiling Food=1")).fails(2, "PROGRAMME/COMMODITY");
    camp.run(&format!("{admit} --role cook")).fails(3, "registrar");
    camp.run(&format!("{admit} --role registrar --role merchant")).fails(5, "--small-site");
    assert!(!camp.file("x.annona").exists());
}

#[test]
fn a_node_does_what_its_roles_allow_and_says_which_it_lacks() {
    let camp = Camp::new();
    camp.run("init --dir far --organisation 1 --role merchant --site far --passphrase-cost light")
        .fine();
    camp.run("charter apply charter.annona --dir far").fine();
    camp.run("node request --dir far --out far.request").fine();
    let signing = "--keys relief.keys --charter charter.annona";
    camp.run(&format!("node admit far.request {signing} --site 4 --programme Food --out f.annona"))
        .fine();
    camp.run("node learn f.annona --dir far").fine();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    camp.family("member: full_name=Noor", &format!("--dir far {mara}")).fails(5, "rejection 6");
    camp.run("operator new --out noor.keys --passphrase-cost light").fine();
    camp.run(&format!(
        "operator admit noor.keys.public {signing} --organisation 1 --site 2 --role registrar \
         --role cashier --programme Food --out noor.annona"
    ))
    .fails(5, "--small-site");
}

/// Who was dismissed, or whose key file was stolen, at commands that ask for no duty too; and who comes back.
#[test]
fn an_operator_who_was_withdrawn_answers_for_nothing_until_she_is_admitted_again() {
    let camp = Camp::new();
    let signing = "--keys relief.keys --charter charter.annona --organisation 1";
    let withdraw =
        |who: &str, out: &str| camp.run(&format!("operator withdraw {who} {signing} --out {out}"));
    withdraw("ffffffffffffffffffff", "none.annona").fails(2, "no operator");
    withdraw("mara.keys.public", "gone.annona").fine();
    let clock = "node clock --operator mara.keys --operator-passphrase-file pass.txt";
    camp.run(clock).fine();
    camp.run("node learn gone.annona").fine();
    camp.run(clock).fails(5, "was withdrawn");
    camp.family(
        "member: full_name=Noor",
        "--operator mara.keys --operator-passphrase-file pass.txt",
    )
    .fails(5, "was withdrawn");
    let listed = camp.run("operator list").fine().out;
    assert_eq!(listed.lines().filter(|line| line.ends_with(": withdrawn")).count(), 1, "{listed}");
    // What she signed before stays good.
    let issue = format!("entitle issue {}", camp.told("frozen.txt"));
    camp.run(&issue).fails(5, "no such lot");
    camp.run("operator admit mara.keys.public --keys relief.keys --organisation 1 --site 2 --role registrar --programme Food --out again.annona").fine();
    camp.run("node learn again.annona").fine();
    camp.run(clock).fine();
}

/// An office that takes up the old file by mistake.
#[test]
fn a_key_that_was_replaced_certifies_nobody() {
    let camp = Camp::new();
    camp.run("key new --organisation 1 --out new.keys --passphrase-cost light").fine();
    camp.write("rotate.toml", "[[rotate]]\norganisation = 1\nkeys = \"new.keys.public\"\n");
    camp.run("charter propose --acts rotate.toml --out rotated.annona").fine();
    for name in ["relief", "city"] {
        camp.run(&format!("charter sign rotated.annona --keys {name}.keys")).fine();
    }
    let signing = "--organisation 1 --out gone.annona";
    let withdraw = |keys: &str| {
        camp.run(&format!(
            "operator withdraw mara.keys.public --keys {keys}.keys {signing} --dry-run"
        ))
    };
    withdraw("new").fails(5, "does not have yet");
    camp.run("charter apply rotated.annona").fine();
    withdraw("new").fine();
    withdraw("relief").fails(5, "has replaced");
    camp.run("node request --out lake-again.request").fine();
    camp.run(
        "node admit lake-again.request --keys relief.keys --site 2 --small-site --out again.annona",
    )
    .fails(5, "has replaced");
}

#[test]
fn a_changed_passphrase_opens_and_the_old_one_does_not() {
    let camp = Camp::new();
    camp.run("key passwd --new-passphrase-file new-passphrase.txt --passphrase-cost light").fine();
    camp.run("key show").fails(5, "does not open");
    let shown = camp.bare("key show --passphrase-file new-passphrase.txt").fine();
    assert!(shown.out.contains("node: "), "{}", shown.out);
}

#[test]
fn a_guess_at_a_passphrase_costs_64_mib_and_three_passes_where_nothing_else_is_said() {
    let camp = Camp::empty();
    let made = [
        ("init --dir new --site new --role merchant", "new/keys.annona"),
        ("key new --organisation 1 --out relief.keys", "relief.keys"),
        ("operator new --out sami.keys", "sami.keys"),
    ];
    for (words, file) in made {
        camp.run(words).fine();
        let bytes = fs::read(camp.file(file)).expect("a key file");
        let cost = [(65_536_u32).to_le_bytes(), 3_u32.to_le_bytes()].concat();
        assert_eq!(bytes[14..22], cost, "{words}");
    }
}
