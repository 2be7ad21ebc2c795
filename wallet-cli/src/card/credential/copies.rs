//! Several copies of one credential, each for one showing: keys that a wallet gives, and the file the desk makes for them.

use std::path::Path;

use annona_ledger::key::PublicKey;
use annona_node::atomic;
use annona_node::credential::jws;
use zeroize::Zeroizing;

use crate::fault::{Fault, Outcome};
use crate::words::hex;

/// Copies of one credential, at most.
pub(crate) const MOST: usize = 32;
/// The first line of a file of copies.
const HEAD: &str = "annona copies 1";
/// Bytes of a file of keys, at most.
const MAX_KEYS: u64 = 8 << 10;

/// What a wallet calls a key of its own.
pub(crate) type Label = [u8; 8];

/// A line of a file of keys: what `annona wallet show --keys` prints.
pub(crate) fn line(key: &PublicKey, label: &Label) -> String {
    format!("{} {}", jws::did(key), hex(label))
}

fn label(text: &str) -> Option<Label> {
    let digits = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    digits.then(|| u64::from_str_radix(text, 16).ok()).flatten().map(u64::to_be_bytes)
}

/// The keys in a file, each with its label, none twice.
pub(super) fn keys(path: &Path) -> Outcome<Vec<(PublicKey, Label)>> {
    let text = crate::card::paper::told(&path.to_string_lossy(), MAX_KEYS)?;
    let mut keys: Vec<(PublicKey, Label)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let read = line.split_once(' ').and_then(|(key, name)| {
            let key = jws::from_did(key).filter(|key| key.check().is_ok())?;
            Some((key, label(name.trim())?))
        });
        let Some((key, name)) = read else {
            let what = format!("line {number} of {} is no key with its label.", path.display());
            return Err(Fault::input(what).then(
                "`annona wallet show WALLET --keys 8` prints them; give its output as a file.",
            ));
        };
        if keys.iter().any(|(known, other)| *known == key || *other == name) {
            return Err(Fault::input(format!(
                "line {number} of {} is there twice.",
                path.display()
            )));
        }
        keys.push((key, name));
    }
    if keys.is_empty() || keys.len() > MOST {
        let what = format!("{} has no keys, or more than {MOST}.", path.display());
        return Err(Fault::input(what).then("`annona wallet show WALLET --keys 8` prints them."));
    }
    Ok(keys)
}

/// The file of copies.
pub(super) fn write(copies: &[(Label, Zeroizing<String>)]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(format!("{HEAD}\n"));
    for (label, copy) in copies {
        text.push_str(&hex(label));
        text.push(' ');
        text.push_str(copy);
        text.push('\n');
    }
    text
}

/// The copy that is shown next, and what is left once it was.
pub(crate) struct Next {
    pub(crate) label: Label,
    pub(crate) copy: String,
    /// The file without it, and how many copies are in that.
    left: String,
    pub(crate) count: usize,
}

/// The next copy of a file of them; nothing of what is a credential by itself.
pub(crate) fn next(text: &str) -> Outcome<Option<Next>> {
    let mut lines = text.lines();
    if lines.next() != Some(HEAD) {
        return Ok(None);
    }
    let first = lines.next().and_then(|line| line.split_once(' '));
    let Some((name, copy)) = first.and_then(|(name, copy)| Some((label(name)?, copy))) else {
        return Err(Fault::input("each copy in this file was shown.")
            .then("The desk makes new ones: annona card credential issue --holders."));
    };
    let mut left = String::from(HEAD);
    left.push('\n');
    let mut count = 0;
    for line in lines {
        left.push_str(line);
        left.push('\n');
        count += 1;
    }
    Ok(Some(Next { label: name, copy: copy.to_owned(), left, count }))
}

impl Next {
    /// Takes the copy out of its file: who sees the next one does not know it again.
    pub(crate) fn spent(&self, path: &Path) -> Outcome {
        Ok(atomic::write_over(path, self.left.as_bytes())?)
    }
}
