//! Letters: papers for the other side alone, and its own for this node.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use annona_ledger::sync::talk::Letter;

use super::{Fault, Meeting};
use crate::letters::{self, Came, Name};
use crate::taking::Misfit;

/// How long a letter rests after it was sent the first time and nothing was heard of it; each time it rests twice as long.
const FIRST: Duration = Duration::from_secs(60);
/// How long it rests at most.
const LONGEST: Duration = Duration::from_secs(24 * 3_600);

/// Letters that were sent and that the other side has not said it has, by node: when last, and for how long they rest. What
/// is not kept there, or lost with a link that breaks, does not use up every link and every day's budget.
#[derive(Debug, Default)]
pub(super) struct Rests(Mutex<Resting>, Mutex<BTreeMap<[u8; 8], Instant>>);

/// Since when each letter of each peer rests, and for how long.
type Resting = BTreeMap<([u8; 8], Name), (Instant, Duration)>;

impl Rests {
    fn with<T>(&self, act: impl FnOnce(&mut Resting) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Of the letters for a node those that do not rest. What is gone is forgotten.
    pub(super) fn due(&self, peer: [u8; 8], mut names: Vec<Name>, now: Instant) -> Vec<Name> {
        self.with(|all| {
            all.retain(|(of, name), _| *of != peer || names.contains(name));
            names.retain(|name| {
                let rest = all.get(&(peer, *name));
                rest.is_none_or(|(sent, long)| now.saturating_duration_since(*sent) >= *long)
            });
        });
        names
    }

    pub(super) fn sent(&self, peer: [u8; 8], name: Name, now: Instant) {
        self.with(|all| {
            let before = all.get(&(peer, name)).map(|(_, long)| long.saturating_mul(2));
            all.insert((peer, name), (now, before.unwrap_or(FIRST).min(LONGEST)));
        });
    }
}

impl Rests {
    fn large<T>(&self, act: impl FnOnce(&mut BTreeMap<[u8; 8], Instant>) -> T) -> T {
        act(&mut self.1.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a letter for a node may take more than the share of letters: one a day may, or on a link with a small budget
    /// a large one would never go.
    pub(super) fn spares(&self, peer: &[u8; 8], now: Instant) -> bool {
        let last = self.large(|all| all.get(peer).copied());
        last.is_none_or(|last| now.saturating_duration_since(last) >= LONGEST)
    }

    pub(super) fn spared(&self, peer: [u8; 8], now: Instant) {
        self.large(|all| all.insert(peer, now));
    }
}

impl Meeting {
    /// Hands over what waits here for the other side alone, and rests no more. What goes under a consent that was taken back
    /// is stopped first.
    pub(super) fn post(&mut self) -> Result<(), Fault> {
        if !self.session.is_open() {
            return Ok(());
        }
        self.posted = true;
        let peer = self.peer.short();
        if self.letters.outgoing(&peer).is_empty() || self.store.charter().is_err() {
            return Ok(());
        }
        let work = self.store.look()?;
        // What cannot be removed does not go.
        let stopped = self.letters.stop_withdrawn(&work);
        work.check()?;
        drop(work);
        if stopped.is_ok() {
            let names = self.letters.outgoing(&peer);
            let names = self.desk.shared.rests.due(peer, names, self.now());
            self.session.send_letters(names);
        }
        Ok(())
    }

    /// Keeps a letter of the other side, and says so once it is durable.
    pub(super) fn letter(&mut self, letter: &Letter) -> Result<(), Fault> {
        if self.begun.is_none() {
            return Ok(());
        }
        let paper = letter.bytes.clone();
        let (whole, days) = self.desk.asking.with(move |node| {
            letters::is_whole(node, &paper).and_then(|whole| Ok((whole, letters::days(node)?)))
        })??;
        // One that the disk does not take comes again; the link is for more than letters.
        let kept = self.letters.came(&self.peer.short(), letter, whole, days);
        match kept.unwrap_or(Came::Not) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_of_which_nothing_is_heard_rests_longer_each_time() {
        let (rests, start) = (Rests::default(), Instant::now());
        let (peer, names) = ([7; 8], vec![[1; 16], [2; 16]]);
        let due = |seconds: u64| {
            rests.due(peer, names.clone(), start + Duration::from_secs(seconds)).len()
        };
        assert_eq!(due(0), 2);
        rests.sent(peer, [1; 16], start);
        assert_eq!([due(59), due(60)], [1, 2]);
        rests.sent(peer, [1; 16], start + Duration::from_secs(60));
        assert_eq!([due(179), due(180)], [1, 2]);
        for _ in 0..40 {
            rests.sent(peer, [1; 16], start);
        }
        assert_eq!([due(24 * 3_600 - 1), due(24 * 3_600)], [1, 2], "a day at most");
        // Gone and come back, it is another.
        assert_eq!(rests.due(peer, vec![[2; 16]], start), [[2; 16]]);
        assert_eq!(due(0), 2);
        let spares = |seconds| rests.spares(&peer, start + Duration::from_secs(seconds));
        assert!(spares(0));
        rests.spared(peer, start);
        assert_eq!([spares(0), spares(24 * 3_600 - 1), spares(24 * 3_600)], [false, false, true]);
        assert!(rests.spares(&[8; 8], start));
        assert_eq!(rests.due([8; 8], vec![[1; 16]], start), [[1; 16]], "for nobody else");
    }
}
