//! Signed notes: a text, an empty line, and signature lines (C2SP `signed-note`, `tlog-checkpoint`, `tlog-cosignature`).

use annona_ledger::key::{PublicKey, Signature, SigningKey};
use base64ct::{Base64, Encoding};
use sha2::{Digest, Sha256};

use super::tree::Node;

/// The largest note that is read, in bytes.
pub const MAX_NOTE: usize = 16 * 1024;
/// The most signature lines of a note.
pub const MAX_SIGNATURES: usize = 64;
/// The longest name of a key, in characters.
pub const MAX_NAME: usize = 100;

/// Why a note is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// It is not a text with signature lines after an empty one.
    #[error("it is not a signed note")]
    Form,
    /// The text is not a name, a size and a root.
    #[error("its text is not a checkpoint: a name, a size and a root, a line each")]
    Checkpoint,
    /// The name has characters other than a–z, 0–9 and `. - _ /`, or none, or too many.
    #[error("the name is not 1 to 100 characters of a-z 0-9 . - _ /")]
    Name,
    /// It is not `name+id+key`.
    #[error("it is not a key of a log or witness, `name+id+key`")]
    Key,
    /// A witness's key where a log's is wanted, or the other way round.
    #[error("a log's key is not a witness's, nor a witness's a log's")]
    Kind,
    /// No line by that key.
    #[error("it has no signature by that key")]
    Unsigned,
    /// A line by that key that does not verify, or two of them.
    #[error("its signature does not verify")]
    Forged,
}

/// What a key signs, by the algorithm number its id is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// A log: "this is my tree".
    Log,
    /// A witness: "this extends what I saw, and I saw it then".
    Witness,
}

impl Says {
    const fn number(self) -> u8 {
        match self {
            Self::Log => 1,
            Self::Witness => 4,
        }
    }
}

/// A public key with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteKey {
    /// The name, as it stands in signature lines.
    pub name: String,
    /// What it signs.
    pub says: Says,
    /// The key.
    pub key: PublicKey,
}

impl NoteKey {
    /// A key under a name.
    ///
    /// # Errors
    ///
    /// [`NoteFault::Name`].
    pub fn new(name: &str, says: Says, key: PublicKey) -> Result<Self, NoteFault> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_/".contains(c);
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(fits) {
            return Err(NoteFault::Name);
        }
        Ok(Self { name: name.to_owned(), says, key })
    }

    /// The four bytes that stand before its signatures.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let mut sha = Sha256::new();
        sha.update(self.name.as_bytes());
        sha.update([b'\n', self.says.number()]);
        sha.update(self.key.bytes());
        let [a, b, c, d, ..]: Node = sha.finalize().into();
        [a, b, c, d]
    }

    /// Reads `name+id+key`.
    ///
    /// # Errors
    ///
    /// [`NoteFault::Key`], also for a key anything verifies under, [`NoteFault::Name`].
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        // The key's base 64 may hold a plus sign, the two parts before it cannot.
        let mut parts = text.trim().splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteFault::Key);
        };
        let bytes = Base64::decode_vec(key).map_err(|_| NoteFault::Key)?;
        let (says, key) = match &*bytes {
            [1, key @ ..] => (Says::Log, key),
            [4, key @ ..] => (Says::Witness, key),
            _ => return Err(NoteFault::Key),
        };
        let key = PublicKey::Ed25519(key.try_into().map_err(|_| NoteFault::Key)?);
        key.check().map_err(|_| NoteFault::Key)?;
        let read = Self::new(name, says, key)?;
        let as_written = format!("{:08x}", u32::from_be_bytes(read.id()));
        if as_written == id { Ok(read) } else { Err(NoteFault::Key) }
    }
}

impl std::fmt::Display for NoteKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut bytes = vec![self.says.number()];
        bytes.extend_from_slice(self.key.bytes());
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, Base64::encode_string(&bytes))
    }
}

/// The head of a log: its name, how many leaves, their root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub name: String,
    /// Leaves.
    pub size: u64,
    /// Root.
    pub root: Node,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.name, self.size, Base64::encode_string(&self.root))
    }

    /// Reads a text. Lines after the third are for others, and are kept by whoever keeps the text.
    ///
    /// # Errors
    ///
    /// [`NoteFault::Checkpoint`].
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let mut lines = text.lines();
        let (Some(name), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteFault::Checkpoint);
        };
        let plain = size == "0" || !size.starts_with('0');
        let digits = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
        let size = size.parse().ok().filter(|_| plain && digits).ok_or(NoteFault::Checkpoint)?;
        let root = Base64::decode_vec(root).map_err(|_| NoteFault::Checkpoint)?;
        let root = root.try_into().map_err(|_| NoteFault::Checkpoint)?;
        if name.is_empty() {
            return Err(NoteFault::Checkpoint);
        }
        Ok(Self { name: name.to_owned(), size, root })
    }
}

/// A text and its signature lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The text, with its last line ended.
    pub text: String,
    /// The lines: name, and the bytes after it.
    lines: Vec<(String, Vec<u8>)>,
}

impl Note {
    /// A note nobody has signed yet.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self { text, lines: Vec::new() }
    }

    /// Reads a note.
    ///
    /// # Errors
    ///
    /// [`NoteFault::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteFault> {
        let note = std::str::from_utf8(bytes).map_err(|_| NoteFault::Form)?;
        let control = |c: char| c.is_control() && c != '\n';
        if note.len() > MAX_NOTE || note.chars().any(control) {
            return Err(NoteFault::Form);
        }
        let split = note.rfind("\n\n").ok_or(NoteFault::Form)?;
        let (text, rest) = note.split_at(split + 1);
        let rest = rest.strip_prefix('\n').ok_or(NoteFault::Form)?;
        let rest = rest.strip_suffix('\n').ok_or(NoteFault::Form)?;
        let mut lines = Vec::new();
        for line in rest.split('\n') {
            let line = line.strip_prefix("— ").ok_or(NoteFault::Form)?;
            let (name, signature) = line.split_once(' ').ok_or(NoteFault::Form)?;
            let signature = Base64::decode_vec(signature).map_err(|_| NoteFault::Form)?;
            if name.is_empty() || signature.len() < 5 || lines.len() == MAX_SIGNATURES {
                return Err(NoteFault::Form);
            }
            lines.push((name.to_owned(), signature));
        }
        Ok(Self { text: text.to_owned(), lines })
    }

    /// The note as it is written.
    #[must_use]
    pub fn write(&self) -> String {
        let mut out = format!("{}\n", self.text);
        for (name, signature) in &self.lines {
            out.push_str(&format!("— {name} {}\n", Base64::encode_string(signature)));
        }
        out
    }

    /// How many signature lines it has.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.lines.len()
    }

    /// Signs as a log.
    pub fn sign(&mut self, by: &NoteKey, key: &SigningKey) {
        let signature = key.sign_note(&self.text);
        self.add(by, &[], &signature);
    }

    /// Cosigns as a witness that saw the note at `seconds` of the Unix epoch.
    pub fn cosign(&mut self, by: &NoteKey, key: &SigningKey, seconds: u64) {
        let signature = key.sign_note(&cosigned(&self.text, seconds));
        self.add(by, &seconds.to_be_bytes(), &signature);
    }

    fn add(&mut self, by: &NoteKey, before: &[u8], signature: &Signature) {
        let Signature::Ed25519([r, s]) = signature;
        let bytes = [&by.id()[..], before, r, s].concat();
        // A newer line of the same key takes the place of the older one.
        let id = by.id();
        self.lines.retain(|(name, line)| *name != by.name || line.get(..4) != Some(&id[..]));
        self.lines.push((by.name.clone(), bytes));
    }

    /// Takes over the lines of another note on the same text that are not here yet.
    pub fn join(&mut self, other: &Self) {
        for line in &other.lines {
            if self.text == other.text && !self.lines.contains(line) {
                self.lines.push(line.clone());
            }
        }
    }

    /// Checks the signature of a key: for a witness, the time it gives, in seconds of the Unix epoch.
    ///
    /// # Errors
    ///
    /// [`NoteFault::Unsigned`], [`NoteFault::Forged`].
    pub fn check(&self, by: &NoteKey) -> Result<u64, NoteFault> {
        let id = by.id();
        let mut of_key = self
            .lines
            .iter()
            .filter(|(name, line)| *name == by.name && line.get(..4) == Some(&id[..]));
        let (_, line) = of_key.next().ok_or(NoteFault::Unsigned)?;
        let rest = line.get(4..).ok_or(NoteFault::Forged)?;
        if of_key.next().is_some() {
            return Err(NoteFault::Forged);
        }
        let (seconds, signature) = match by.says {
            Says::Log => (0, rest),
            Says::Witness => {
                let (seconds, signature) =
                    rest.split_first_chunk::<8>().ok_or(NoteFault::Forged)?;
                (u64::from_be_bytes(*seconds), signature)
            }
        };
        let (r, s) = signature.split_first_chunk::<32>().ok_or(NoteFault::Forged)?;
        let s = s.try_into().map_err(|_| NoteFault::Forged)?;
        let signature = Signature::Ed25519([*r, s]);
        let signed = match by.says {
            Says::Log => self.text.clone(),
            Says::Witness => cosigned(&self.text, seconds),
        };
        if by.key.verifies_note(&signed, &signature) { Ok(seconds) } else { Err(NoteFault::Forged) }
    }
}

fn cosigned(text: &str, seconds: u64) -> String {
    format!("cosignature/v1\ntime {seconds}\n{text}")
}

#[cfg(test)]
mod tests;
