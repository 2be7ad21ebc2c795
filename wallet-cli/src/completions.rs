use clap::Args;
use clap_complete::Shell;

use crate::args;
use crate::fault::{Fault, Outcome};
use crate::session::Session;

const EXAMPLES: &str = "\
Examples:
  $ annona completions bash
  $ annona completions fish";

/// Prints completions for a shell.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Completions {
    /// Which shell
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut args::command(), "annona", &mut script);
        let script = String::from_utf8(script)
            .map_err(|_| Fault::input("the completions came out as something else than text."))?;
        let value = serde_json::json!({ "shell": self.shell.to_string(), "script": script });
        session.screen.answer("completions", value, || script.trim_end().to_owned())
    }
}
