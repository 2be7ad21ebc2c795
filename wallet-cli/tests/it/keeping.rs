//! Keeping a node: backups, restores, the doctor, and two processes on one folder.

use std::fs;
use std::io::{BufRead, BufReader};

use crate::camp::{Answer, Camp};
use crate::counter::counter;

#[test]
fn a_restored_folder_reads_and_signs_nothing_until_it_is_a_new_node() {
    let camp = Camp::new();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    camp.run("restore lake.backup --people-keys lake.people --dir back").fine();
    assert!(camp.run("family show 1 --dir back").fine().out.contains("Noor"));
    camp.family("member: full_name=Late", &format!("--dir back {mara}"))
        .fails(6, "is not the living copy");
    camp.run("doctor --dir back").fails(1, "wrong");
    camp.run("node reincarnate --dir back").fine();
    camp.run("doctor --dir back --full").fine();
    // The new node has no certificate: still nothing is signed.
    camp.family("member: full_name=Late", &format!("--dir back {mara}"))
        .fails(5, "has no certificate");
    // Nor is a PIN set, of which no entry tells: this node is at no site whose operators answer for it.
    camp.run(&format!("family pin 1 --pin-file pin.txt --programme Food --dir back {mara}"))
        .fails(5, "has no certificate");
    // Without the second file nobody's name is in a copy.
    camp.run("restore lake.backup --dir nameless").fine();
    camp.run("family show 1 --dir nameless").fails(3, "the key of family 1 is not here");
    camp.run(&format!("family keys give-up --dry-run --dir nameless {mara}"))
        .fails(6, "is not the living copy");
    camp.run("restore lake.backup --dir lake").fails(6, "is not empty");
    camp.bare("restore lake.backup --dir other --passphrase-file new-passphrase.txt")
        .fails(5, "does not open");
    assert!(!camp.file("other").exists(), "nothing half-done");
    camp.run("restore camp.csv --dir other").fails(3, "no annona backup");
}

#[test]
fn a_site_whose_keys_nobody_has_registers_who_comes_and_doubles_nobody_unasked() {
    let camp = Camp::new();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    camp.run("family keys copy --to hill --out for-hill").fine();
    camp.run("family keys keep for-hill --dir hill").fine();
    camp.run("restore lake.backup --dir back").fine();
    camp.run("node reincarnate --dir back").fine();
    camp.run("node request --dir back --out back.request").fine();
    camp.run(
        "node admit back.request --keys relief.keys --charter charter.annona --site 4 --small-site \
         --programme Food --until +300d --out back.annona",
    )
    .fine();
    camp.run("node learn back.annona mara.annona yusuf.annona --dir back").fine();
    // Nothing goes to the old key any more, which somebody may have stolen.
    camp.run("node learn back.annona --dir treasury").fine();
    camp.run("pay claim --budget --dir treasury").fine();
    let supply = "pay supply --dir treasury --cycle 1 --item Rice=1 --dry-run --json";
    let [was, now] = ["lake", "back"]
        .map(|dir| camp.run(&format!("status --dir {dir} --json")).fine().field(0, "node"));
    camp.run(&format!("{supply} --to {was}")).fails(5, "took its place");
    let sent = camp.run(&format!("{supply} --to lake")).fine();
    assert!(sent.out.contains(&now), "{}", sent.out);
    // What is never put right asks which of the two is meant.
    let revoke = "node revoke --reason compromised --dry-run --dir treasury";
    let which = camp.run(&format!("{revoke} lake")).fails(3, "several nodes stand or stood");
    assert!(which.err.contains(&format!("{was}, replaced by {now}")), "{}", which.err);
    let cut = camp.run(&format!("{revoke} {was}"));
    assert!(!cut.err.contains(&now), "{}", cut.err);
    // The keys of its people are kept under the key that is gone, and given to the one that is there.
    camp.run("node learn back.annona --dir hill").fine();
    let given = camp.run("family keys give lake --dir hill --out keys-of-lake --json").fine();
    assert_eq!((given.field(0, "site"), given.field(0, "to")), (was, now));
    let noor = format!("--key B1-001 --dir back {mara}");
    // Whoever has never been here is registered at once; of whom a number says nothing, nothing is said.
    camp.family("member: full_name=Late", &format!("--dir back {mara}")).fine();
    camp.family("member: full_name=Noor", &noor).fails(3, "annona family keys give-up");
    let tried = camp.run(&format!("family keys give-up --dry-run --json --dir back {mara}")).fine();
    assert_eq!([tried.field(0, "families"), tried.field(0, "given_up")], ["2", "false"]);
    let done = camp.run(&format!("family keys give-up --json --dir back {mara}")).fine();
    assert_eq!([done.field(0, "families"), done.field(0, "given_up")], ["2", "true"]);
    let again = camp.run(&format!("family keys give-up --dir back {mara}")).fine();
    assert!(again.out.contains("nothing has to be given up"), "{}", again.out);
    camp.family("member: full_name=Noor", &noor).fine();
    camp.family("member: full_name=Noor", &noor).fails(6, "B1-001");
}

/// Files of the lake that are gone.
fn without(camp: &Camp, dir: &str, names: &[&str]) {
    for name in names {
        fs::rename(camp.file(&format!("{dir}/{name}")), camp.file(&format!("kept-{name}")))
            .expect("there");
    }
    for log in ["people.db-wal", "people.db-shm"] {
        drop(fs::remove_file(camp.file(&format!("{dir}/{log}"))));
    }
}

/// Begun anew, it would tell of each family that it is new, and enrol it a second time.
#[test]
fn a_person_file_that_is_lost_is_never_begun_anew() {
    let made = Camp::new();
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let import = format!("family import camp.csv --map camp.toml {mara}");
    for names in [&["people.db"][..], &["people.db", "people.keys"]] {
        let camp = made.copied();
        without(&camp, "lake", names);
        for words in ["family find Noor", "backup late.backup", "family show 1", &import] {
            let lost = camp.run(words).fails(1, "people.db is not here");
            assert!(lost.err.contains("Put it back"), "{}", lost.err);
            assert!(lost.err.contains("annona restore"), "{}", lost.err);
        }
        camp.family("member: full_name=Late", mara).fails(1, "people.db is not here");
        for words in ["doctor", "doctor --full --rebuild"] {
            let doctor = camp.run(words).fails(1, "wrong");
            assert!(doctor.out.contains("people.db is not here"), "{}", doctor.out);
        }
        for name in names {
            assert!(!camp.file(&format!("lake/{name}")).exists(), "{name} is begun anew");
            fs::rename(camp.file(&format!("kept-{name}")), camp.file(&format!("lake/{name}")))
                .expect("put back");
        }
        assert!(camp.run("family show 1").fine().out.contains("Noor"));
        camp.run("doctor --full").fine();
    }
    // Also under a new key, before any certificate tells whose people they are.
    let camp = made.copied();
    camp.run("restore lake.backup --people-keys lake.people --dir back").fine();
    camp.run("node reincarnate --dir back").fine();
    without(&camp, "back", &["people.db", "people.keys"]);
    camp.run("family find Noor --dir back").fails(1, "people.db is not here");
    // Where nobody was registered there is nothing to lose.
    camp.run("init --dir late --site late --role registrar --passphrase-cost light").fine();
    for name in ["people.db", "people.keys"] {
        fs::remove_file(camp.file(&format!("late/{name}"))).expect("there");
    }
    camp.run("doctor --dir late").fine();
}

#[test]
fn keys_of_people_that_are_lost_come_back_from_where_they_are() {
    let camp = Camp::new();
    camp.run("family keys copy --to hill --out for-hill").fine();
    camp.run("family keys keep for-hill --dir hill").fine();
    camp.run("family keys give lake --out of-lake --dir hill").fine();
    without(&camp, "lake", &["people.keys"]);
    for words in ["family find Noor", "family show 1", "backup late.backup"] {
        let lost = camp.run(words).fails(1, "people.keys is not here");
        assert!(lost.err.contains("annona family keys take"), "{}", lost.err);
    }
    assert!(camp.run("doctor").fails(1, "wrong").out.contains("people.keys is not here"));
    assert!(!camp.file("lake/people.keys").exists(), "begun anew");
    let again = camp.copied();
    fs::rename(again.file("kept-people.keys"), again.file("lake/people.keys")).expect("put back");
    again.run("doctor --full").fine();
    camp.run("family keys take of-lake").fine();
    assert!(camp.run("family show 1").fine().out.contains("Noor"));
    camp.run("doctor --full").fine();
}

#[test]
fn the_doctor_rebuilds_the_same_state_and_names_bad_settings() {
    let camp = Camp::new();
    camp.run("doctor --full --rebuild").fine();
    fs::write(camp.file("lake/node.toml"), "colour = 1\n").expect("write");
    camp.run("doctor").fails(1, "wrong");
}

#[test]
fn two_processes_never_hold_one_folder() {
    let camp = Camp::new();
    let lock = fs::File::open(camp.file("lake/lock")).expect("open");
    lock.lock().expect("held");
    // Each waits for the other desk first, and then says so.
    let waiting =
        ["family find Noor", "node learn certificate.annona"].map(|said| camp.start(said));
    for child in waiting {
        let answer = Answer::of("held", child.wait_with_output().expect("ends"));
        assert!(answer.err.contains("waiting for another desk"), "{}", answer.err);
        answer.fails(6, "holds ");
    }
    // Reading needs no hold.
    camp.bare("status").fine();
    drop(lock);
    camp.run("family find Noor").fine();
}

#[test]
fn a_desk_waits_until_another_is_done() {
    let camp = Camp::new();
    let lock = fs::File::open(camp.file("lake/lock")).expect("open");
    lock.lock().expect("held");
    let mut child = camp.start("family find Noor");
    let mut said = String::new();
    // Kept to its end: a command whose words nobody reads would stop for that.
    let mut heard = BufReader::new(child.stderr.take().expect("its errors"));
    heard.read_line(&mut said).expect("a line");
    assert!(said.contains("waiting for another desk"), "{said}");
    drop(lock);
    Answer::of("held", child.wait_with_output().expect("ends")).fine();
}

/// Whoever thinks of a passphrase keeps no counter and no link waiting: it is asked before the folder is held.
#[cfg(unix)]
#[test]
fn nobody_waits_while_an_operator_is_asked() {
    use std::io::Write;
    let camp = Camp::new();
    let pipe = camp.file("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success());
    let mara = "--operator mara.keys --operator-passphrase-file pass.txt";
    let piped = "--operator mara.keys --operator-passphrase-file pipe";
    camp.write("pin.txt", "204816");
    for (asks, answer) in [
        (format!("card issue 1 {piped}"), crate::camp::PASSPHRASE),
        (format!("erase 1 --dry-run {piped}"), crate::camp::PASSPHRASE),
        (format!("family add --from pipe {mara}"), "member: full_name=Late"),
        (format!("family pin 1 --pin-file pipe {mara}"), "204816"),
    ] {
        let words = crate::camp::split(&format!("{asks} --passphrase-file pass.txt"));
        let asking = camp.command(words).spawn().expect("runs");
        // Opens once the other end is: somebody is being asked.
        let mut typing = fs::OpenOptions::new().write(true).open(&pipe).expect("asked");
        camp.run("family show 2").fine();
        typing.write_all(answer.as_bytes()).expect("typed");
        drop(typing);
        let done = asking.wait_with_output().expect("ends");
        assert!(done.status.success(), "{asks}");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_nobody_may_write_to_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let camp = Camp::new();
    fs::set_permissions(camp.file("hill"), fs::Permissions::from_mode(0o500)).expect("mode");
    let answer = camp.run("node request --dir hill --out hill/again.request");
    // The administrator may write everywhere: then there is nothing to say.
    if answer.code != Some(0) {
        answer.fails(5, "not allowed");
    }
    fs::set_permissions(camp.file("hill"), fs::Permissions::from_mode(0o700)).expect("mode");
}

#[test]
fn two_operators_open_what_one_passphrase_opened_and_neither_does_alone() {
    let camp = Camp::new();
    let make = "key shares make --operator mara.keys --operator-passphrase-file pass.txt";
    camp.run(make).fails(3, "two to 16");
    camp.run("key shares open --operator mara.keys --operator yusuf.keys --operator-passphrase-file pass.txt --dry-run")
        .fails(3, "no operators have shares");
    camp.run(&format!("{make} --operator yusuf.keys")).fine();
    assert_eq!(camp.run("key shares list --json").fine().out.lines().count(), 2);
    // Also where the file is named: the shares go with it.
    camp.run("key passwd lake/keys.annona --new-passphrase-file new-passphrase.txt").fine();
    camp.run("family show 1").fails(5, "does not open");
    camp.write("lost.txt", "a passphrase nobody wrote down\n");
    let open = "key shares open --operator-passphrase-file pass.txt --operator mara.keys";
    camp.run(&format!("{open} --new-passphrase-file lost.txt")).fails(3, "two to 16");
    camp.run(&format!("{open} --operator yusuf.keys --new-passphrase-file pass.txt")).fine();
    assert!(camp.run("family show 1").fine().out.contains("Noor"));
    camp.run("family keys rotate").fine();
    assert!(camp.run("family show 1").fine().out.contains("Noor"));
    // A backup has neither the site key nor the shares.
    let people = fs::read(camp.file("lake/people.keys")).expect("reads");
    camp.run("backup later.backup").fine();
    camp.run("restore later.backup --dir again").fine();
    assert!(!camp.file("again/shares.annona").exists());
    fs::write(camp.file("again/people.keys"), people).expect("write");
    camp.run("family show 1 --dir again").fails(5, "another key");
}

/// A copy of the lake's folder beside it.
fn copied(camp: &Camp) {
    fs::create_dir(camp.file("copy")).expect("a folder");
    let own = fs::metadata(camp.file("lake")).expect("a folder").permissions();
    fs::set_permissions(camp.file("copy"), own).expect("its own");
    crate::camp::copy_tree(&camp.file("lake"), &camp.file("copy"));
}

#[test]
fn who_looks_at_a_copy_of_the_folder_takes_nothing_from_the_site() {
    let camp = counter();
    camp.run("pay charge --family 1 --item Rice=0.5").fine();
    copied(&camp);
    let looks = [
        "doctor --full",
        "family find Noor",
        "entitle balance 1",
        "backup late.backup",
        "pay charge --family 1 --item Rice=0.5 --dry-run",
    ];
    for words in looks {
        camp.run(&format!("{words} --dir copy")).fine();
    }
    fs::remove_dir_all(camp.file("copy")).expect("gone");
    camp.run("pay charge --family 1 --item Rice=0.5").fine();
    // Whoever signs in a copy is the site from then on, and the other one says so.
    copied(&camp);
    camp.run("pay charge --family 1 --item Rice=0.5 --dir copy").fine();
    camp.run("pay charge --family 1 --item Rice=0.5").fails(6, "is not the living copy");
}

#[test]
fn a_certificate_made_anew_keeps_what_nothing_is_said_of() {
    let camp = counter();
    let signing = "--keys relief.keys --charter charter.annona --site 2";
    camp.run("node request --out again.request").fine();
    let admit = format!("node admit again.request {signing} --until +400d");
    // What the certificates of a node know is in its own folder.
    let admit = admit.replace("--charter charter.annona ", "");
    let said = camp.run(&format!("{admit} --out again.annona --json")).fine();
    assert!(!said.err.contains("loses"), "{}", said.err);
    camp.run("node learn again.annona").fine();
    camp.run("pay charge --family 1 --item Rice=0.5").fine();
    // Less is said before it is signed.
    let less = format!("{admit} --ceiling Food/Rice=1 --out less.annona --dry-run");
    let said = camp.run(&less).fine();
    assert!(said.err.contains("it loses Food Rice rights: 1.000 kg instead of"), "{}", said.err);
}

#[test]
fn a_site_does_not_end_over_food_that_families_have_there() {
    let camp = counter();
    let said = camp.run("node end --dry-run").fine();
    assert!(said.err.contains("families have") || said.err.contains("family has"), "{}", said.err);
    camp.run("node end").fails(5, "nobody has cut this node");
    camp.run("pay charge --family 1 --item Rice=0.5").fine();
    camp.run("node end --leave-food").fine();
    camp.run("pay charge --family 1 --item Rice=0.5").fails(5, "rejection 7");
}

/// What root writes in a folder of the service's, the service cannot read: one command by habit, and it signs nothing.
#[cfg(unix)]
#[test]
fn root_writes_nothing_in_the_folder_of_another_user() {
    let camp = Camp::new();
    let (lock, turn) = (camp.file("lake/lock"), camp.file("lake/turn"));
    // Only root may give a folder away; anybody else is held out by permissions.
    if std::os::unix::fs::chown(&lock, Some(65_534), None).is_err() {
        return;
    }
    // A service that runs as root over a folder that somebody else made goes on.
    camp.run("status").fine();
    std::os::unix::fs::chown(&turn, Some(65_534), None).expect("given away");
    let look = |name: &str| fs::read(camp.file(name)).expect("there");
    let before = (look("lake/turn"), look("lake/keys.annona"));
    for words in
        ["status", "pay list", "doctor", "backup x", "key passwd", "charter apply founding.annona"]
    {
        camp.run(words).fails(5, "sudo -u");
    }
    assert!((look("lake/turn"), look("lake/keys.annona")) == before, "nothing is written");
    for file in [&lock, &turn] {
        std::os::unix::fs::chown(file, Some(0), None).expect("given back");
    }
    assert!(!camp.run("doctor").out.contains("chown"), "all of it is one user's");
    std::os::unix::fs::chown(camp.file("lake/people.db"), Some(65_534), None).expect("given away");
    let looked = camp.run("doctor");
    assert!(
        looked.out.contains("WRONG  permissions:") && looked.out.contains("sudo chown"),
        "{}",
        looked.out
    );
}

#[test]
fn a_backup_of_a_fixed_name_is_made_again_with_replace() {
    let camp = Camp::new();
    let words = "backup nightly.backup --people-keys nightly.people";
    camp.run(words).fine();
    let first = fs::read(camp.file("nightly.backup")).expect("there");
    camp.run(words).fails(6, "exists already");
    camp.run(&format!("{words} --replace")).fine();
    assert!(fs::read(camp.file("nightly.backup")).expect("there") != first, "sealed anew");
    camp.run("restore nightly.backup --people-keys nightly.people --dir back").fine();
    for left in ["nightly.backup.new", "nightly.people.new"] {
        assert!(!camp.file(left).exists(), "{left}");
    }
}

#[test]
fn the_book_of_a_lost_site_goes_on_at_the_one_that_came_in_its_place() {
    let camp = counter();
    camp.run("pay charge --family 1 --item Rice=0.5").fine();
    let before = camp.run("pay list --family 1").fine().out;
    let lines = |out: &str| out.lines().filter(|line| line.contains("Rice")).count();
    assert!(lines(&before) > 0, "{before}");
    // Another machine: what node.toml says of the old one's memory is not here.
    let settings = camp.told("lake/node.toml");
    let others = settings.lines().filter(|line| !line.starts_with("heads ")).collect::<Vec<_>>();
    let elsewhere = format!("{}\nheads = \"/nowhere/on/this/machine\"\n", others.join("\n"));
    camp.write("lake/node.toml", elsewhere);
    camp.run("backup late.backup --people-keys late.people").fine();
    camp.write("lake/node.toml", settings);
    let restored = camp.run("restore late.backup --people-keys late.people --dir back").fine();
    assert!(restored.err.contains("No backup has run.toml"), "{}", restored.err);
    assert!(!camp.told("back/node.toml").contains("nowhere"), "{}", camp.told("back/node.toml"));
    camp.run("node reincarnate --dir back").fine();
    camp.run("node request --organisation 1 --dir back --out back.request").fine();
    camp.run(
        "node admit back.request --keys relief.keys --charter charter.annona --site 2 --small-site \
         --ceiling Food/Rice=100:0:100 --out back.annona",
    )
    .fine();
    camp.run("node learn back.annona --dir back").fine();
    let after = camp.run("pay list --family 1 --dir back").fine().out;
    assert_eq!(lines(&after), lines(&before), "{after}");
    assert!(after.contains("/value/1#"), "by whom it was handed out: {after}");
}

#[test]
fn a_memory_that_lies_elsewhere_retires_nobody() {
    let camp = counter();
    assert!(camp.told("lake/node.toml").contains("heads = "));
    fs::create_dir(camp.file("other")).expect("a folder");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_annona"));
    command
        .args("node reincarnate --dir lake --heads other --passphrase-file pass.txt".split(' '))
        .args(["--yes", "--no-input"])
        .current_dir(camp.path())
        .env_clear()
        .env("HOME", camp.path());
    let output = command.output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("and that folder is here"), "{said}");
    camp.run("pay charge --family 1 --item Rice=0.5").fine();
}
