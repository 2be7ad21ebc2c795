//! Files that commands make: none takes the place of what is there, unless somebody says so with `--replace`.
//!
//! Asked once, of the command line itself, before a passphrase is asked for and anything is signed or written: so no command
//! can forget it, and value that was moved never stands without its paper for the sake of a name.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use crate::fault::{Exit, Fault, Outcome};

/// Options and arguments that name a file to make.
const MADE: [&str; 3] = ["out", "receipts", "key_out"];
/// Commands whose file is keys: what is there may be the only copy, and is replaced by no word at all.
const KEYS: [&str; 4] = ["key new", "operator new", "wallet backup", "wallet restore"];

/// Looks at every file that a command line says to make.
///
/// # Errors
///
/// Where the file is there, and it is not said that it may be replaced; where it is one the same command reads, whatever is
/// said; where its folder is not there.
pub(crate) fn check(command: &Command, matches: &ArgMatches, replace: bool) -> Outcome {
    let (mut command, mut matches, mut path) = (command, matches, Vec::new());
    while let Some((name, below)) = matches.subcommand() {
        let Some(next) = command.find_subcommand(name) else { break };
        (command, matches) = (next, below);
        path.push(name);
    }
    if KEYS.contains(&path.join(" ").as_str()) {
        return Ok(());
    }
    let exports = matches!(path[..], ["audit" | "checkpoint", "export"]);
    let is_made = |id: &str| MADE.contains(&id) || exports && id == "file";
    let named = |id: &str| matches.try_get_many::<PathBuf>(id).ok().flatten().into_iter().flatten();
    // What is asked again under its own name is answered again, its receipts too: they are the same.
    let again = matches.try_get_raw("request").is_ok_and(|given| given.is_some());
    for argument in command.get_arguments().filter(|a| is_made(a.get_id().as_str())) {
        let id = argument.get_id().as_str();
        // A name that nobody typed is the command's own, which it makes anew each time.
        if matches.value_source(id) != Some(ValueSource::CommandLine) || again && id == "receipts" {
            continue;
        }
        // A folder that is named is filled, and not replaced.
        if argument.get_value_names().is_some_and(|names| names.iter().any(|name| name != "FILE")) {
            continue;
        }
        for made in named(argument.get_id().as_str()) {
            let read = matches.ids().filter(|id| !is_made(id.as_str()));
            if read.flat_map(|id| named(id.as_str())).any(|read| same(read, made)) {
                let why = "is a file this command reads: name another one for what it makes.";
                return Err(Fault::new(Exit::Conflict, format!("{} {why}", made.display())));
            }
            free(made, replace)?;
        }
    }
    Ok(())
}

/// Makes sure that a file can be made here.
///
/// # Errors
///
/// As [`check`].
pub(crate) fn free(path: &Path, replace: bool) -> Outcome {
    if path.is_dir() {
        return Err(Fault::input(format!("{} is a folder: name a file in it.", path.display())));
    }
    // A link that leads nowhere is somebody's too.
    if path.symlink_metadata().is_ok() && !replace {
        let words = "is there already. Name another file, or say --replace.";
        return Err(Fault::new(Exit::Conflict, format!("{} {words}", path.display())));
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => Err(Fault::input(format!(
            "{} cannot be made: there is no folder {}. Make it first, or name another file.",
            path.display(),
            folder.display()
        ))),
        _ => Ok(()),
    }
}

fn same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}
