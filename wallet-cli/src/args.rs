//! The command line: options that every command takes, and which command is in which file.

use std::cell::Cell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use annona_node::clock::Clock;
use clap::error::ErrorKind;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::ask::Ask;
use crate::fault::{Exit, Fault, Outcome};
use crate::screen::Screen;
use crate::session::Session;
use crate::settings::Settings;
use crate::words::{self, Shown};
use crate::{
    audit, backup, bundle, card, charter, checkpoint, completions, consent, cycle, demo, doctor,
    entitle, erase, family, grievance, init, key, letter, man, merchant, node, operator, out, pay,
    peers, restore, run, settle, status, stop, wallet,
};

const EXAMPLES: &str = "\
Examples:
  $ annona demo --dir try-annona
  $ annona init --dir new-camp --site \"Lake camp\"
  $ annona status
  $ annona charter show";

/// Offline-first ledger of humanitarian identity and entitlements.
///
/// The program speaks English. What families take home is printed in the language of the site: en, fr, es or ar
/// (`language` in node.toml, or --language).
///
/// Exit codes: 0 done; 1 checked and found wrong; 2 usage; 3 bad input; 4 a peer is not met, where
/// `annona peers --check` asked; 5 not allowed; 6 conflict or fork; 70 a fault of this program; 130 interrupted, state safe.
#[derive(Parser)]
#[command(name = "annona", version, before_help = EXAMPLES, disable_help_subcommand = true)]
#[command(arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
struct Global {
    /// The data folder of the node [default: ~/.local/share/annona]
    #[arg(long, global = true, env = "ANNONA_DIR", hide_env = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Where the memory of what this machine has signed lies: outside data folders and their backups
    #[arg(long, global = true, value_name = "DIR")]
    heads: Option<PathBuf>,
    /// Answer in JSON: one versioned object a line
    #[arg(long, global = true)]
    json: bool,
    /// Print answers only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Tell more about what is being done
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    /// Ask nothing: fail where a question would be needed
    #[arg(long, global = true)]
    no_input: bool,
    /// Agree to what would be asked
    #[arg(short, long, global = true)]
    yes: bool,
    /// Replace a file that is there, where a command makes one; never a file of keys
    #[arg(long, global = true)]
    replace: bool,
    /// Take the passphrase from the first line of a file
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "passphrase_fd")]
    passphrase_file: Option<PathBuf>,
    /// Take the passphrase from an open file descriptor
    #[arg(long, global = true, value_name = "N")]
    passphrase_fd: Option<u32>,
}

/// Every command. A group's own commands are listed in its file.
#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Status(status::Status),
    Run(run::Run),
    Peers(peers::Peers),
    #[command(subcommand)]
    Charter(charter::Charter),
    #[command(subcommand)]
    Node(node::Node),
    #[command(subcommand)]
    Operator(operator::Operator),
    #[command(subcommand)]
    Cycle(cycle::Cycle),
    #[command(subcommand)]
    Family(family::Family),
    #[command(subcommand)]
    Card(card::Card),
    #[command(subcommand)]
    Consent(consent::Consenting),
    Erase(erase::Erase),
    #[command(subcommand)]
    Grievance(grievance::Grievance),
    #[command(subcommand)]
    Entitle(entitle::Entitle),
    #[command(subcommand)]
    Key(key::Key),
    Pay(pay::Pay),
    #[command(subcommand)]
    Settle(settle::Settle),
    #[command(subcommand)]
    Merchant(merchant::Merchant),
    #[command(subcommand)]
    Wallet(wallet::Wallet),
    Bundle(bundle::Bundle),
    #[command(subcommand)]
    Letter(letter::Letter),
    Audit(audit::Audit),
    Checkpoint(checkpoint::Checkpoint),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Doctor(doctor::Doctor),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Command {
    fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Demo(command) => command.run(session),
            Self::Init(command) => command.run(session),
            Self::Status(command) => command.run(session),
            Self::Run(command) => command.run(session),
            Self::Peers(command) => command.run(session),
            Self::Charter(command) => command.run(session),
            Self::Node(command) => command.run(session),
            Self::Operator(command) => command.run(session),
            Self::Cycle(command) => command.run(session),
            Self::Family(command) => command.run(session),
            Self::Card(command) => command.run(session),
            Self::Consent(command) => command.run(session),
            Self::Erase(command) => command.run(session),
            Self::Grievance(command) => command.run(session),
            Self::Entitle(command) => command.run(session),
            Self::Key(command) => command.run(session),
            Self::Pay(command) => command.run(session),
            Self::Settle(command) => command.run(session),
            Self::Merchant(command) => command.run(session),
            Self::Wallet(command) => command.run(session),
            Self::Bundle(command) => command.run(session),
            Self::Letter(command) => command.run(session),
            Self::Audit(command) => command.run(session),
            Self::Checkpoint(command) => command.run(session),
            Self::Backup(command) => command.run(session),
            Self::Restore(command) => command.run(session),
            Self::Doctor(command) => command.run(session),
            Self::Completions(command) => command.run(session),
            Self::Man(command) => command.run(session),
        }
    }
}

/// The whole command line, for completions and manual pages.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let secured = annona_node::folder::forbid_core_dumps();
    let (cli, dry_run, places) = match parse(std::env::args_os()) {
        Ok(parsed) => parsed,
        Err(mistake) => return misused(&mistake),
    };
    let Global { json, quiet, verbose, .. } = cli.global;
    let screen = Screen { json, quiet, verbose, dry_run };
    if let Err(why) = secured {
        screen.detail(|| format!("core dumps could not be turned off: {why}"));
    }
    stop::listen(screen);
    std::panic::set_hook(Box::new(move |panic| fault_of_this_program(screen, panic)));
    let done = places.and_then(|()| run(cli, screen));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            screen.fault(&fault);
            ExitCode::from(fault.exit as u8)
        }
    }
}

/// What was typed, whether it is to be tried only, and whether the files it makes may stand where it says.
fn parse(words: impl IntoIterator<Item = OsString>) -> Result<(Cli, bool, Outcome), clap::Error> {
    let mut found = command().try_get_matches_from(words)?;
    let dry_run = is_dry_run(&found);
    let places = out::check(&command(), &found, found.get_flag("replace"));
    let cli =
        Cli::from_arg_matches_mut(&mut found).map_err(|mistake| mistake.format(&mut command()))?;
    Ok((cli, dry_run, places))
}

/// Whether the command that was named, however deep, was given `--dry-run`.
fn is_dry_run(found: &ArgMatches) -> bool {
    let here = || found.try_get_one::<bool>("dry_run").ok().flatten().is_some_and(|dry| *dry);
    found.subcommand().is_some_and(|(_, below)| is_dry_run(below)) || here()
}

/// Help and versions, which end with 0, and mistakes, which end with 2: an object like every other with `--json`.
fn misused(mistake: &clap::Error) -> ExitCode {
    let asked = matches!(mistake.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    let json = std::env::args_os().take_while(|word| word != "--").any(|word| word == "--json");
    if asked || !json {
        mistake.exit();
    }
    let text = match mistake.kind() {
        // What it would print is the whole help.
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "a command is missing: --help lists them.".to_owned()
        }
        _ => mistake.render().to_string(),
    };
    let text = text.trim().trim_start_matches("error: ").to_owned();
    Screen { json, quiet: false, verbose: 0, dry_run: false }.fault(&Fault::usage(text));
    ExitCode::from(Exit::Usage as u8)
}

fn run(cli: Cli, screen: Screen) -> Outcome<()> {
    let Global { dir, heads, no_input, yes, replace, passphrase_file, passphrase_fd, .. } =
        cli.global;
    let dir = dir.map_or_else(default_folder, Ok)?;
    // Settings that cannot be read are told of by whoever needs them.
    let zone = Settings::read(&dir).ok().and_then(|settings| settings.zone);
    words::show_times(Shown { zone, json: screen.json });
    let session = Session {
        dir,
        heads,
        screen,
        ask: Ask {
            no_input,
            yes,
            file: passphrase_file,
            descriptor: passphrase_fd,
            ..Ask::default()
        },
        replace,
        clock: Clock::system(),
        tongue: Cell::default(),
    };
    let mut done = cli.command.run(&session);
    // It ended to ask: all it held is given back, and where she agrees it begins anew.
    while done.is_err() && session.ask.open(&screen)? {
        screen.again();
        let again = parse(std::env::args_os()).map_err(|why| Fault::usage(why.to_string()))?;
        done = again.0.command.run(&session);
    }
    done.map_err(|fault| session.doubting(fault))
        .and_then(|()| screen.end())
        .map_err(|fault| fault.in_folder(&session.dir))
}

/// Ends the program where it met a fault of its own, whatever thread it was in: nothing goes on with half a change, and
/// what was accepted is on the disk. What a panic says could hold what was being worked on: the place is told, the words
/// are not.
fn fault_of_this_program(screen: Screen, panic: &std::panic::PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    screen.fault(&Fault::new(
        Exit::Bug,
        format!(
            "fault of this program at {place}. This is a fault of annona, not of what you did; what was accepted is \
             safe. Please report this line with `annona --version`, then run `annona doctor`."
        ),
    ));
    std::process::exit(Exit::Bug as i32);
}

/// The data folder where nothing is said.
pub(crate) fn default_folder() -> Outcome<PathBuf> {
    let absolute =
        |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data =
        absolute("XDG_DATA_HOME").or_else(|| absolute("HOME").map(|h| h.join(".local/share")));
    data.map(|data| data.join("annona")).ok_or_else(|| {
        Fault::usage("there is no home folder to keep data in. Say where: --dir DIR.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_dry_run_is_heard_of_wherever_it_is_typed() {
        fn walk(command: &clap::Command, path: &str, found: &mut u32) {
            for option in command.get_arguments().filter(|o| o.get_long() == Some("dry-run")) {
                assert_eq!(option.get_id(), "dry_run", "{path}: `is_dry_run` looks for this name");
                assert!(matches!(option.get_action(), clap::ArgAction::SetTrue), "{path}");
                *found += 1;
            }
            for sub in command.get_subcommands() {
                walk(sub, &format!("{path} {}", sub.get_name()), found);
            }
        }
        let mut found = 0;
        walk(&Cli::command(), "annona", &mut found);
        assert!(found > 60, "{found} commands can be tried");
        let said = |line: &str| parse(line.split(' ').map(Into::into)).map(|(_, dry, _)| dry).ok();
        assert_eq!(said("annona charter apply x --dry-run"), Some(true));
        assert_eq!(said("annona erase 1 --dry-run --json"), Some(true));
        assert_eq!(said("annona charter apply x"), Some(false));
        assert_eq!(said("annona status --dry-run"), None);
    }

    #[test]
    fn every_command_begins_its_help_with_examples() {
        fn walk(command: &clap::Command, path: &str) {
            let help = command.get_before_help().map(ToString::to_string).unwrap_or_default();
            // One that asks for more help shows nobody what to type.
            let shows = |line: &&str| {
                line.trim_start().starts_with("$ annona") && !line.trim_end().ends_with("--help")
            };
            let examples = help.lines().filter(shows).count();
            assert!((2..=4).contains(&examples), "{path}: {examples} examples");
            assert!(command.get_about().is_some(), "{path} says what it does");
            for sub in command.get_subcommands() {
                walk(sub, &format!("{path} {}", sub.get_name()));
            }
        }
        walk(&Cli::command(), "annona");
    }
}
