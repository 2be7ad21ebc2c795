//! `annona family keys`: copies of the keys of people's records, at nodes named for it.

mod copy;
mod drop;
mod give;
mod give_up;
mod keep;
mod list;
mod rotate;
mod take;

use annona_node::copies::{Kept, MAX_FILE};
use clap::Subcommand;
use zeroize::Zeroizing;

use crate::fault::Outcome;
use crate::session::Session;
use crate::words::hex;

const EXAMPLES: &str = "\
Examples:
  $ annona family keys copy --to hill --out keys-for-hill
  $ annona family keys list";

/// Keys of people's records: copies at two other nodes, which cannot read them, and getting them back after a loss.
///
/// A backup holds nobody's keys, so that an erased person does not come back with it. Name two nodes that keep a copy;
/// make it anew once a week, and whenever somebody was erased.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Keys {
    Copy(copy::Copy),
    List(list::List),
    Keep(keep::Keep),
    Drop(drop::Drop),
    Give(give::Give),
    Take(take::Take),
    GiveUp(give_up::GiveUp),
    Rotate(rotate::Rotate),
}

impl Keys {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Copy(command) => command.run(session),
            Self::List(command) => command.run(session),
            Self::Keep(command) => command.run(session),
            Self::Drop(command) => command.run(session),
            Self::Give(command) => command.run(session),
            Self::Take(command) => command.run(session),
            Self::GiveUp(command) => command.run(session),
            Self::Rotate(command) => command.run(session),
        }
    }
}

fn read(path: &std::path::Path) -> Outcome<Zeroizing<Vec<u8>>> {
    Ok(annona_node::atomic::read(path, MAX_FILE)?)
}

/// Says of each kept copy that cannot be read what is to be done.
pub(crate) fn tell_unreadable(session: &Session, kept: &Kept) {
    for one in &kept.unreadable {
        let site = one.site.map(|site| hex(&site));
        let who = site.clone().unwrap_or_else(|| one.path.display().to_string());
        let destroy = match &site {
            Some(site) => format!("or destroy it: `annona family keys drop --of {site}`"),
            None => "and remove the file".to_owned(),
        };
        session.screen.warn(format!(
            "the copy kept for {who} cannot be read: {} Ask that site for another (`annona family keys copy` there, \
             `annona family keys keep` here), {destroy}. Until then its erasures are not followed here.",
            one.why
        ));
    }
}
