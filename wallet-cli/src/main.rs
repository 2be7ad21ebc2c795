//! The `annona` program: a table of contents. Each command is one file, under the name of its group.

// The help of a command is its documentation, and the brackets in it are those of files, not links.
#![allow(rustdoc::broken_intra_doc_links)]

// What every command stands on.
mod args;
mod ask;
mod dry_run;
mod fault;
mod holder;
mod out;
mod paper;
mod progress;
mod screen;
mod sealed;
mod session;
mod settings;
mod signer;
mod stop;
mod stopped;
mod words;

// Commands and groups of commands.
mod audit;
mod backup;
mod bundle;
mod card;
mod charter;
mod checkpoint;
mod completions;
mod consent;
mod cycle;
mod demo;
mod doctor;
mod entitle;
mod erase;
mod family;
mod grievance;
mod init;
mod key;
mod letter;
mod man;
mod merchant;
mod node;
mod operator;
mod owner;
mod pay;
mod peers;
mod restore;
mod run;
mod settle;
mod status;
mod wallet;

fn main() -> std::process::ExitCode {
    args::main()
}
