//! The command line: options that every command takes, and which command is in which file.

use std::path::PathBuf;
use std::process::ExitCode;

use annona_node::clock::Clock;
use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::ask::Ask;
use crate::fault::{Exit, Fault, Outcome};
use crate::screen::Screen;
use crate::session::Session;
use crate::{
    audit, backup, bundle, card, charter, checkpoint, completions, consent, cycle, demo, doctor,
    entitle, erase, family, grievance, init, key, man, merchant, node, operator, pay, peers,
    restore, run, settle, status, stop, wallet,
};

const EXAMPLES: &str = "\
Examples:
  $ annona demo --dir try-annona
  $ annona init --dir new-camp --site \"Lake camp\"
  $ annona status
  $ annona charter show";

/// Offline-first ledger of humanitarian identity and entitlements.
///
/// Exit codes: 0 done; 1 checked and found wrong; 2 usage; 3 bad input; 5 not allowed; 6 conflict
/// or fork; 70 a fault of this program; 130 interrupted, state safe.
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
    // Prints help, versions and mistakes by itself, and ends with 0 or 2.
    let cli = Cli::parse();
    let Global { json, quiet, verbose, .. } = cli.global;
    let screen = Screen { json, quiet, verbose };
    if let Err(why) = secured {
        screen.detail(|| format!("core dumps could not be turned off: {why}"));
    }
    stop::listen();
    std::panic::set_hook(Box::new(move |panic| fault_of_this_program(screen, panic)));
    let done = run(cli, screen);
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            screen.fault(&fault);
            ExitCode::from(fault.exit as u8)
        }
    }
}

fn run(cli: Cli, screen: Screen) -> Outcome<()> {
    let Global { dir, heads, no_input, yes, passphrase_file, passphrase_fd, .. } = cli.global;
    let session = Session {
        dir: dir.map_or_else(default_folder, Ok)?,
        heads,
        screen,
        ask: Ask { no_input, yes, file: passphrase_file, descriptor: passphrase_fd },
        clock: Clock::system(),
    };
    cli.command.run(&session)
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
    fn every_command_begins_its_help_with_examples() {
        fn walk(command: &clap::Command, path: &str) {
            let help = command.get_before_help().map(ToString::to_string).unwrap_or_default();
            let examples =
                help.lines().filter(|line| line.trim_start().starts_with("$ annona")).count();
            assert!((2..=4).contains(&examples), "{path}: {examples} examples");
            assert!(command.get_about().is_some(), "{path} says what it does");
            for sub in command.get_subcommands() {
                walk(sub, &format!("{path} {}", sub.get_name()));
            }
        }
        walk(&Cli::command(), "annona");
    }
}
