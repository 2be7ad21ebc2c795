//! Papers for one node alone, in both directions.

use std::collections::BTreeSet;

use super::serve::Push;
use super::{Breach, Given, LETTERS, Session};
use crate::sync::frame::Frame;
use crate::sync::talk::{self, Letter, Over, takes_letters};

/// What went and came of them, and is not kept at its other end.
#[derive(Debug, Default)]
pub(super) struct Letters {
    /// Those that were sent, or are to be.
    sent: BTreeSet<[u8; 16]>,
    came: usize,
}

impl Letters {
    /// The other side has something of what it was sent.
    pub(super) fn over(&mut self, over: &Over) {
        if let Over::Letter(name) | Over::NotTaken(name) = over {
            self.sent.remove(name);
        }
    }
}

impl Session {
    /// Sends letters to the other side, by name, where it takes any: each once until the other has it, and no more than
    /// [`talk::LETTERS`] that it does not have. [`Index::letter`](crate::sync::index::Index::letter) has them.
    pub fn send_letters(&mut self, names: impl IntoIterator<Item = [u8; 16]>) {
        if !takes_letters(self.greeting.their_window()) {
            return;
        }
        for name in names {
            if self.letters.sent.len() < talk::LETTERS && self.letters.sent.insert(name) {
                self.serving.push(LETTERS, Push::Letter(name));
            }
        }
    }

    /// A letter that came is kept for good, or was before: the other side need not send it again.
    pub fn keeps_letter(&mut self, name: [u8; 16]) {
        self.letters.came = self.letters.came.saturating_sub(1);
        self.talk.push_back(Frame::Over(Over::Letter(name)));
    }

    /// A letter that came is never kept: the other side hears so, and it counts as one of those that are not.
    pub fn drops_letter(&mut self, name: [u8; 16]) {
        self.talk.push_back(Frame::Over(Over::NotTaken(name)));
    }

    pub(super) fn letter_came(&mut self, letter: Box<Letter>, len: usize) -> Result<Given, Breach> {
        // Who was not told that they are taken here sends none.
        if !takes_letters(self.terms.window) {
            return Err(Breach::Unasked);
        }
        self.letters.came = self.letters.came.saturating_add(1);
        if self.letters.came > talk::LETTERS {
            return Err(Breach::Flood);
        }
        self.take_bytes(len)?;
        Ok(Given::Letter(letter))
    }
}
