use std::path::PathBuf;

use annona_ledger::consent::{People, Told};
use annona_ledger::view::View;
use annona_node::atomic;
use annona_node::credential::register::Register;
use annona_node::credential::status::{About, TTL, bitstring, token};
use annona_node::credential::when::Seconds;
use annona_node::keystore::Name;
use clap::Args;
use serde_json::json;

use super::trusted;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::count;

const EXAMPLES: &str = "\
Examples:
  $ annona card publish camp.cards
  $ annona card publish camp.cards --json";

/// Writes what others check this node's cards and credentials with: whom to trust, and what was taken back.
///
/// Whoever has the folder checks a card with `annona card check CARD --trust FILE --status FILE`, or with a program of
/// their own. Nothing in it names anybody. Lists are fresh for seven days.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Publish {
    /// Where to: trust.json, and each list as PROGRAMME.NUMBER.cwt, .jwt and .json
    folder: PathBuf,
    /// Say what would be written; write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Publish {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let node = session.signing_node()?;
        let key = node.signing_key(Name::NodeSigning)?;
        let mut register = Register::of_node(&node, &mut session.vault(&node)?)?;
        let charter = node.store().charter()?.clone();
        let trust = {
            let work = node.store().look()?;
            // What was cancelled anywhere, by any command, is revoked in the list too.
            let cancelled = |programme, carrier: &_| work.cancelled(programme, carrier);
            let gone = register.reconcile(cancelled, |consent| {
                let back =
                    |told: &Told| matches!(told.people(), Some(People::ConsentWithdrawn { .. }));
                work.told(consent).iter().any(back)
            });
            session.screen.detail(|| format!("{gone} were taken back on the ledger since"));
            let trust = trusted(&charter, &work).0;
            work.check()?;
            trust
        };
        let now = Seconds::of(node.now());
        let mut lists = 0usize;
        let mut revoked = 0usize;
        if !self.dry_run {
            register.save()?;
            let folder = &self.folder;
            std::fs::create_dir_all(folder).map_err(|e| Fault::io("create", folder, e))?;
            atomic::write(&folder.join("trust.json"), trust.to_json().to_string().as_bytes())?;
        }
        for (name, list) in register.lists(&key.public()) {
            let about = About { uri: name.to_string(), issued: now, ttl: Some(TTL), expires: None };
            if !self.dry_run {
                let file = |ending: &str| {
                    self.folder.join(format!("{}.{}.{ending}", name.programme, name.number))
                };
                atomic::write(&file("cwt"), &token::to_cwt(&about, &list, &key))?;
                atomic::write(&file("jwt"), token::to_jwt(&about, &list, &key).as_bytes())?;
                let w3c = bitstring::credential(&about, &list, &key)?;
                atomic::write(&file("json"), w3c.to_string().as_bytes())?;
            }
            lists += 1;
            revoked += list.revoked();
        }
        let issuers = trust.issuers().count();
        node.close()?;
        let value = json!({
            "folder": self.folder, "lists": lists, "revoked": revoked, "issuers": issuers,
            "cards": register.len(), "credentials": register.credentials(),
        });
        session.screen.answer("cards", value, || {
            format!(
                "{}, {} with {revoked} taken back in {}",
                count(issuers as u64, "issuer", "issuers"),
                count(lists as u64, "list", "lists"),
                self.folder.display()
            )
        })
    }
}
