use clap::Args;

use super::{text, value};
use crate::fault::Outcome;
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona checkpoint show
  $ annona checkpoint show --json";

/// Lists the checkpoints known here, those that cover most first, and who vouches for them. Needs no passphrase.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Show {}

impl Show {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let store = session.read()?;
        let all = store.page_hashes()?;
        for hash in &all {
            let Some(kept) = store.kept_page(hash)? else { continue };
            let standing = store.page_standing(&kept)?;
            session.screen.answer("checkpoint", value(hash, &kept.page, &standing), || {
                text(hash, &kept.page, &standing)
            })?;
        }
        session.screen.note(count(all.len() as u64, "checkpoint", "checkpoints"));
        Ok(())
    }
}
