//! The `annona` program: a table of contents. Each command is one file, under the name of its group.

mod args;
mod ask;
mod fault;
mod paper;
mod progress;
mod screen;
mod session;
mod settings;
mod stop;
mod words;

mod completions;
mod init;
mod man;

mod status;

fn main() -> std::process::ExitCode {
    args::main()
}
