//! Writes a file with all its mutants in it, each behind its switch.
//!
//! ```text
//! a < b      becomes  (if crate::teeth::on(7) { (a) <= (b) } else { a < b })
//! fn … { x   becomes  fn … { if crate::teeth::on(8) { return false; } x
//! A => y     becomes  A if !crate::teeth::on(9) => y
//! ```
//!
//! Only one is on at a time, so what stands in a mutant is the text as it was, without switches.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::find::{Found, How};

/// A file with switches, and where in it each mutant stands.
pub struct Woven {
    /// The file.
    pub text: String,
    /// What was written for a mutant.
    pub changed: BTreeMap<u32, Range<usize>>,
    /// The whole expression with its switches, or the same as above.
    pub around: BTreeMap<u32, Range<usize>>,
}

/// Ends come before what is inserted, that before beginnings; of beginnings the outer first, of ends the inner.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Copy)]
enum Rank {
    End(usize),
    Insert,
    Begin(usize),
    Word,
}

struct Edit {
    at: usize,
    rank: Rank,
    /// Bytes of the old text that it takes the place of.
    instead_of: usize,
    text: String,
    /// Mutants, and where in `text` they stand.
    marks: Vec<(u32, Range<usize>)>,
    closes: Vec<u32>,
}

/// Weaves the mutants of one file, whose numbers begin with `from`, without those that do not compile. Functions named in
/// `constant` stay `const`, and nothing in them is tried.
pub fn weave(
    text: &str,
    found: &Found,
    from: u32,
    without: &BTreeSet<u32>,
    constant: &BTreeSet<String>,
) -> Woven {
    let mut edits = Vec::new();
    let mut wraps: BTreeMap<(usize, usize), Vec<(u32, &str)>> = BTreeMap::new();
    for (id, mutant) in (from..).zip(&found.mutants).filter(|(id, _)| !without.contains(id)) {
        let Range { start, end } = mutant.place;
        match &mutant.how {
            How::Expression(new) => wraps.entry((start, end)).or_default().push((id, new)),
            How::Body(value) => {
                let head = format!(" if crate::teeth::on({id}) {{ ");
                let text = format!("{head}return {value}; }}");
                let marks = vec![(id, head.len()..text.len())];
                edits.push(edit(start, Rank::Insert, text, marks));
            }
            How::Arm => {
                let text = format!(" if !crate::teeth::on({id})");
                let marks = vec![(id, 0..text.len())];
                edits.push(edit(start, Rank::Insert, text, marks));
            }
        }
    }
    for ((start, end), changes) in wraps {
        let (mut text, mut marks, mut closes) = ("(".to_owned(), Vec::new(), Vec::new());
        for (id, new) in changes {
            text.push_str(&format!("if crate::teeth::on({id}) {{ "));
            let begin = text.len();
            text.push_str(new);
            marks.push((id, begin..text.len()));
            text.push_str(" } else ");
            closes.push(id);
        }
        text.push_str("{ ");
        edits.push(edit(start, Rank::Begin(usize::MAX - end), text, marks));
        let close = edit(end, Rank::End(usize::MAX - start), " })".to_owned(), Vec::new());
        edits.push(Edit { closes, ..close });
    }
    for (name, word) in &found.constants {
        if !constant.contains(name) {
            let instead_of = word.end - word.start;
            let nothing = edit(word.start, Rank::Word, String::new(), Vec::new());
            edits.push(Edit { instead_of, ..nothing });
        }
    }
    edits.sort_by_key(|edit| (edit.at, edit.rank));
    write(text, edits)
}

fn edit(at: usize, rank: Rank, text: String, marks: Vec<(u32, Range<usize>)>) -> Edit {
    Edit { at, rank, instead_of: 0, text, marks, closes: Vec::new() }
}

fn write(text: &str, edits: Vec<Edit>) -> Woven {
    let (mut out, mut at) = (String::with_capacity(text.len() * 3), 0);
    let (mut changed, mut around) = (BTreeMap::new(), BTreeMap::new());
    for edit in edits {
        out.push_str(&text[at..edit.at]);
        at = edit.at + edit.instead_of;
        for (id, place) in edit.marks {
            changed.insert(id, out.len() + place.start..out.len() + place.end);
            around.insert(id, out.len()..out.len() + edit.text.len());
        }
        out.push_str(&edit.text);
        for id in edit.closes {
            if let Some(place) = around.get_mut(&id) {
                place.end = out.len();
            }
        }
    }
    out.push_str(&text[at..]);
    Woven { text: out, changed, around }
}
