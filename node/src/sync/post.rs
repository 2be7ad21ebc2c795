//! Letters: papers for the other side alone, and its own for this node.

use annona_ledger::sync::talk::Letter;

use super::{Fault, Meeting};
use crate::letters::{self, Came};
use crate::store::StoreFault;
use crate::taking::Misfit;

impl Meeting {
    /// Hands over what waits here for the other side alone.
    pub(super) fn post(&mut self) {
        if self.session.is_open() {
            self.posted = true;
            self.session.send_letters(self.letters.outgoing(&self.peer.short()));
        }
    }

    /// Keeps a letter of the other side, and says so once it is durable.
    pub(super) fn letter(&mut self, letter: &Letter) -> Result<(), Fault> {
        let Some(today) = self.begun.map(letters::day) else { return Ok(()) };
        let paper = letter.bytes.clone();
        let whole = self.desk.asking.with(move |node| letters::is_whole(node, &paper))??;
        let kept = self.letters.came(&self.peer.short(), letter, whole, today);
        match kept.map_err(StoreFault::from)? {
            Came::New => drop(self.taken.letters.insert(letter.name())),
            Came::Known => {}
            Came::Not => return Ok(()),
            Came::Never => {
                self.taken.refuse(Misfit::Letter);
                self.session.drops_letter(letter.name());
                return Ok(());
            }
        }
        self.session.keeps_letter(letter.name());
        Ok(())
    }
}
