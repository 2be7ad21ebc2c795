//! The two small text files: a node's heads, and a folder's turn. What does not print back to the same bytes is refused.

use std::fmt::Write;
use std::path::Path;

use annona_ledger::hash::{Hash, Purpose, hash};
use annona_ledger::id::{Lane, ProgrammeId};

use super::{GuardFault, MAX_FEEDS, Mark};
use crate::atomic;
use crate::disk::{DiskFault, DiskTrouble};

/// The longest line, `head 3 65535 18446744073709551615 ` and a hash, has 99 bytes.
const MAX_FILE: usize = 512 + MAX_FEEDS * 100;

/// What a head file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heads {
    pub(super) node: [u8; 32],
    pub(super) incarnation: [u8; 16],
    pub(super) turn: [u8; 16],
    pub(super) marks: Vec<Mark>,
}

/// What a folder says about itself: the turn it ran in, and the one it was about to begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    pub(super) now: [u8; 16],
    pub(super) next: [u8; 16],
}

impl Heads {
    pub(super) fn read(path: &Path) -> Result<Self, GuardFault> {
        read(path, Self::parse, Self::print)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), DiskFault> {
        atomic::write(path, self.print().as_bytes())
    }

    pub(super) fn print(&self) -> String {
        let mut text = format!(
            "annona heads 1\nnode {}\nincarnation {}\nturn {}\n",
            hex(&self.node),
            hex(&self.incarnation),
            hex(&self.turn)
        );
        for Mark { lane, programme, sealed, head } in &self.marks {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "head {} {programme} {sealed} {head}", *lane as u8);
        }
        summed(text)
    }

    /// Reads leniently: the caller compares with what it prints to.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|l| *l == "annona heads 1")?;
        let node = unhex(lines.next()?.strip_prefix("node ")?)?;
        let incarnation = unhex(lines.next()?.strip_prefix("incarnation ")?)?;
        let turn = unhex(lines.next()?.strip_prefix("turn ")?)?;
        let mut marks = Vec::new();
        while let Some(line) = lines.next().and_then(|l| l.strip_prefix("head ")) {
            marks.push(mark(line)?);
        }
        let rising = marks.is_sorted_by(|a, b| a.feed() < b.feed());
        (rising && marks.len() <= MAX_FEEDS).then_some(Self { node, incarnation, turn, marks })
    }
}

impl Turn {
    pub(super) fn read(path: &Path) -> Result<Self, GuardFault> {
        read(path, Self::parse, Self::print)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), DiskFault> {
        atomic::write(path, self.print().as_bytes())
    }

    /// Whether a folder that says this is the living copy for a node that remembers `turn`.
    ///
    /// The folder is written first. So the node's turn is the folder's next one, or, after a crash between the two
    /// writes, the one it was leaving; a copy taken before that has neither.
    pub(super) fn allows(&self, turn: &[u8; 16]) -> bool {
        self.next == *turn || self.now == *turn
    }

    pub(super) fn print(&self) -> String {
        summed(format!("annona turn 1\nnow {}\nnext {}\n", hex(&self.now), hex(&self.next)))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        lines.next().filter(|l| *l == "annona turn 1")?;
        let now = unhex(lines.next()?.strip_prefix("now ")?)?;
        let next = unhex(lines.next()?.strip_prefix("next ")?)?;
        Some(Self { now, next })
    }
}

fn read<T>(
    path: &Path,
    parse: impl Fn(&str) -> Option<T>,
    print: impl Fn(&T) -> String,
) -> Result<T, GuardFault> {
    let unreadable = |why| GuardFault::Unreadable { path: path.to_owned(), why };
    let bytes = match atomic::read(path, MAX_FILE) {
        Err(e) if matches!(e.trouble(), DiskTrouble::Damaged | DiskTrouble::TooLong) => {
            return Err(unreadable("it is far too long"));
        }
        other => other?,
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| unreadable("it is not text"))?;
    match parse(text) {
        Some(read) if print(&read) == text => Ok(read),
        _ => Err(unreadable("it was cut short, changed, or written by a newer program")),
    }
}

fn mark(line: &str) -> Option<Mark> {
    let mut words = line.split(' ');
    let lane = match words.next()? {
        "0" => Lane::Control,
        "1" => Lane::Value,
        "2" => Lane::Registry,
        "3" => Lane::Access,
        _ => return None,
    };
    let programme = ProgrammeId(words.next()?.parse().ok()?);
    let sealed = words.next()?.parse().ok()?;
    let head = Hash(unhex(words.next()?)?);
    words.next().is_none().then_some(Mark { lane, programme, sealed, head })
}

fn summed(mut text: String) -> String {
    let sum = hash(Purpose::File, &[text.as_bytes()]);
    let _ = writeln!(text, "sum {sum}");
    text
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let mut out = [0; N];
    if digits.len() != 2 * N {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let &[high, low] = pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(out)
}
