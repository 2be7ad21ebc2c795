use std::path::PathBuf;

use annona_ledger::duty::Duty;
use annona_ledger::id::{Lane, OrgId, ProgrammeId};
use annona_node::node::Node;
use annona_node::pin::{Pin as Digits, PinFault, Pins};
use clap::Args;
use serde_json::json;

use super::happened;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::{self, Operator, Signer};
use crate::{holder, words};

const EXAMPLES: &str = "\
Examples:
  $ annona family pin 1 --pin-file pin.txt --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family pin 2 --unlock --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt";

/// Sets a family's PIN, or opens one that is locked. Neither needs a network.
///
/// The first PIN is set by one operator. Setting another or opening a locked one takes a second: an approver or a
/// supervisor who is somebody else. The family types the PIN itself, six to twelve digits; nobody can read it back.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Pin {
    /// The family: its number, a short code, or SOURCE:KEY
    family: String,
    /// The programme for which the operators are certified, where the family is in none yet [default: the only one this node
    /// serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    /// Open the PIN as it is; set no other
    #[arg(long)]
    unlock: bool,
    /// Take the PIN away
    #[arg(long, conflicts_with = "unlock")]
    remove: bool,
    /// Take the PIN from the first line of a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["unlock", "remove"])]
    pin_file: Option<PathBuf>,
    #[command(flatten)]
    operator: Operator,
    /// The key file of a second operator
    #[arg(long, value_name = "FILE")]
    second: Option<PathBuf>,
    /// Take the second operator's passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    second_passphrase_file: Option<PathBuf>,
}

impl Pin {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let option = "--second-passphrase-file FILE";
        let file = self.second_passphrase_file.as_deref();
        let second = self.second.as_deref();
        let second = second.map(|path| signer::open(session, path, file, option)).transpose()?;
        let first = self.operator.open(session)?;
        // Asked before the folder is held: a family that thinks of a PIN keeps no counter waiting.
        let chosen = (!self.unlock && !self.remove).then(|| self.chosen(session)).transpose()?;
        let node = session.node()?;
        let vault = session.vault(&node)?;
        let id = holder::find(&vault, &self.family)?;
        // A number that is nobody's would get a PIN of its own.
        vault.household(id)?;
        let mut pins = match Pins::of_node(&node, &vault) {
            // Lost: whether she had one nobody can tell, and what was guessed is forgotten.
            Err(PinFault::Missing { .. }) if second.is_some() && chosen.is_some() => {
                self.may(&node, &vault.programmes(id)?, (&first, second.as_ref()), true)?;
                session.confirm("Begin a new file of PINs? Every family needs a new one.", &[])?;
                Pins::begin_anew(&node)?
            }
            other => other?,
        };
        let has = pins.has(id)?;
        if !has && (self.unlock || self.remove) {
            return Err(Fault::refused(format!("family {id} has no PIN here."))
                .then("`annona family pin` sets one."));
        }
        self.may(&node, &vault.programmes(id)?, (&first, second.as_ref()), has)?;
        let done = match chosen {
            Some(pin) => {
                vault.note_pins()?;
                pins.set(id, &pin)?;
                "set"
            }
            None if self.remove => {
                pins.forget(&[id])?;
                "removed"
            }
            None if pins.unlock(id)? => "unlocked",
            None => "open, as it was",
        };
        node.close()?;
        let value = json!({ "family": id, "pin": done });
        session.screen.answer("pin", value, || format!("The PIN of family {id} is {done}."))
    }

    /// The PIN the family types.
    fn chosen(&self, session: &Session) -> Outcome<Digits> {
        let file = self.pin_file.as_deref();
        let typed = session.ask.new_pin(&self.family, file, "--pin-file FILE")?;
        Digits::choose(&typed).map_err(|why| Fault::input(format!("{why}.")))
    }

    /// One registrar for a first PIN; for anything after it a second person too; of each programme the family is known in,
    /// since the PIN opens all its purses.
    fn may(
        &self,
        node: &Node,
        programmes: &[ProgrammeId],
        (first, second): (&Signer, Option<&Signer>),
        has: bool,
    ) -> Outcome {
        let charter = node.store().charter()?.clone();
        let only = match programmes {
            [] => vec![words::served(node, &charter, self.programme.as_deref())?.0],
            all => all.to_vec(),
        };
        for programme in &only {
            let of = charter.programme(*programme).map(|about| about.org);
            let orgs: Vec<OrgId> = node.org().into_iter().chain(of).collect();
            let at = node.stamp(&node.feed(Lane::Registry, *programme))?;
            first.may(node, &orgs, (Duty::FamilyPin, *programme), at)?;
        }
        if !has {
            return Ok(());
        }
        let second = second.ok_or_else(|| {
            Fault::refused("a PIN that is there is changed or opened by two operators.")
                .then("Give the second: --second FILE.")
        })?;
        happened::two(node, (first, second), &only)
    }
}
