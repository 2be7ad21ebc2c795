//! What has to have teeth: every file of the ledger is in the list of those whose mutants are tried, or has a reason.

use super::tidy::{files, read};

/// Shipped files of which no mutant is tried, and why.
const LEFT_OUT: [(&str, &str); 3] = [
    ("ledger/src/lib.rs", "names what there is, and decides nothing"),
    ("ledger/src/sync.rs", "names what there is, and decides nothing"),
    ("ledger/src/fixed.rs", "asks the compiler what an entry may hold: there is no code to run"),
];

/// The files that only tests are built with, by what `lib.rs` says of them.
fn of_tests(file: &str, lib: &str) -> bool {
    let module = file.trim_start_matches("ledger/src/");
    let module = module.split(['/', '.']).next().unwrap_or_default();
    lib.contains(&format!("#[cfg(test)]\nmod {module};"))
        || file.contains("tests")
        || file.ends_with("/odd.rs")
}

/// Files that no glob of the list takes in and nothing excuses, and excuses of files that need none.
fn wrong(list: &str, lib: &str) -> (Vec<String>, Vec<&'static str>) {
    let lines = list.lines().filter_map(|line| line.trim().strip_prefix('"')?.split('"').next());
    let globs: Vec<&str> = lines.collect();
    let taken = |file: &str| {
        globs.iter().any(|glob| match glob.strip_suffix("**/*.rs") {
            Some(folder) => file.starts_with(folder),
            None => file == *glob,
        })
    };
    let shipped: Vec<String> =
        files(&["ledger/src"], &[".rs"]).into_iter().filter(|file| !of_tests(file, lib)).collect();
    let excused = |file: &String| LEFT_OUT.iter().any(|(other, _)| other == file);
    let missing = shipped.iter().filter(|file| !taken(file) && !excused(file)).cloned().collect();
    let names = LEFT_OUT.iter().map(|(file, _)| *file);
    (missing, names.filter(|file| taken(file) || !shipped.iter().any(|s| s == file)).collect())
}

#[test]
fn mutants_of_every_file_of_the_ledger_are_tried() {
    let (list, lib) = (read(".cargo/mutants.toml"), read("ledger/src/lib.rs"));
    let (missing, idle) = wrong(&list, &lib);
    assert!(missing.is_empty(), "{missing:?}: into .cargo/mutants.toml, or here with a reason");
    assert!(idle.is_empty(), "{idle:?} need no excuse");
}

#[test]
fn a_file_that_nobody_tries_is_seen() {
    let (list, lib) = (read(".cargo/mutants.toml"), read("ledger/src/lib.rs"));
    let list = list.replace("\"ledger/src/wallet.rs\",", "");
    assert_eq!(wrong(&list, &lib).0, ["ledger/src/wallet.rs"]);
}

/// Lines of the page of survivors that excuse a mutant of a function which is not there any more, or say no reason.
fn idle(page: &str) -> Vec<String> {
    let lines = page.lines().filter_map(|line| line.strip_prefix("- `"));
    let gone = |line: &&str| {
        let named = line.split_once("`: ").filter(|(_, why)| !why.is_empty());
        let Some((file, what)) = named.and_then(|(mutant, _)| mutant.split_once(": ")) else {
            return true;
        };
        let place =
            what.rsplit_once(" in ").map_or_else(String::new, |(_, place)| place.to_owned());
        let (of, function) = place.rsplit_once("::").unwrap_or(("", &place));
        !std::path::Path::new(&super::tidy::root()).join(file).is_file()
            || !read(file).contains(&format!("fn {function}"))
            || !read(file).contains(of)
    };
    lines.filter(gone).map(str::to_owned).collect()
}

#[test]
fn what_excuses_a_mutant_names_a_function_that_is_there() {
    let page = read("tests/mutants.md");
    assert!(
        page.lines().filter(|line| line.starts_with("- `")).count() > 5,
        "no survivor is named"
    );
    assert_eq!(idle(&page), [""; 0]);
    for gone in ["not_there", "Elsewhere<'_>::of"] {
        let added = format!("{page}- `ledger/src/wallet.rs: answer true in {gone}`: as above.\n");
        assert_eq!(idle(&added).len(), 1, "{gone}");
    }
}
