//! `annona card credential`: what one organisation shows another of a person, signed, so that it is believed elsewhere.

mod ask;
mod check;
pub(crate) mod copies;
mod issue;
mod present;

use annona_ledger::limits;
use annona_ledger::wire::{self, Bounded};
use annona_node::credential::when::Seconds;
use annona_node::store::Store;
use clap::Subcommand;

use crate::fault::Outcome;
use crate::sealed::Kind;
use crate::session::Session;

pub(crate) use present::Answering;

const EXAMPLES: &str = "\
Examples:
  $ annona card credential issue 1/1 --for hill --purpose referral --attributes name,age_band \\
      --holder did:key:z6Mkfmm57fsb6VL7zVusP8zeA9SYkCKdvUhby2G7Yh8vvQ1P --out amina.credential \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card credential ask --dir hill";

/// Credentials: attributes that a person, or another node, can show on, and that anybody can check.
#[derive(Subcommand)]
#[command(before_help = EXAMPLES)]
pub(crate) enum Credential {
    Issue(issue::Issue),
    Ask(ask::Ask),
    Present(present::Present),
    Check(check::Check),
}

impl Credential {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        match self {
            Self::Issue(command) => command.run(session),
            Self::Ask(command) => command.run(session),
            Self::Present(command) => command.run(session),
            Self::Check(command) => command.run(session),
        }
    }
}

/// One that is bound to a node, on its way there.
const KIND: Kind = Kind {
    magic: b"annona issued 1\n",
    purpose: b"annona 2026 v1 issued",
    most: 256 * 1024,
    none: "this is no credential that another node issued to this one.",
};

/// Where questions that wait for an answer are kept.
const META: &str = "asked of holders";
/// How many wait at most; the oldest gives way.
const WAITING: usize = 256;
/// For how long, in seconds.
const DAYS: u64 = 30 * 24 * 60 * 60;

/// Questions that wait for an answer: nonce, and when it was asked, in seconds.
struct Waiting(Vec<([u8; 16], u64)>);

impl Waiting {
    fn read(store: &Store, now: Seconds) -> Outcome<Self> {
        let Some(bytes) = store.meta(META)? else { return Ok(Self(Vec::new())) };
        let all: Bounded<([u8; 16], u64), WAITING> = wire::decode(&bytes, limits::FRAME_BYTES)?;
        let mut all = all.into_vec();
        all.retain(|(_, asked)| asked.saturating_add(DAYS) >= now.0);
        Ok(Self(all))
    }

    fn write(mut self, store: &Store) -> Outcome {
        let over = self.0.len().saturating_sub(WAITING);
        self.0.drain(..over);
        let all: Bounded<([u8; 16], u64), WAITING> = Bounded::new(self.0)?;
        Ok(store.set_meta(META, &wire::encode(&all))?)
    }
}
