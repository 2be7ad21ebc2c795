//! Where large things are written to: a file, or nowhere, where only what they would come to is asked for.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};

/// A file being written, or what would have been one.
#[derive(Debug)]
pub(crate) enum Sink {
    /// A file.
    File(File),
    /// Nothing: only the place in it and its length are kept.
    Nothing {
        /// Where the next byte would go.
        at: u64,
        /// How long it would be.
        len: u64,
    },
}

impl Sink {
    /// Keeps nothing.
    pub(crate) const fn nothing() -> Self {
        Self::Nothing { at: 0, len: 0 }
    }

    /// Makes what was written durable.
    pub(crate) fn sync(&self) -> io::Result<()> {
        match self {
            Self::File(file) => file.sync_all(),
            Self::Nothing { .. } => Ok(()),
        }
    }

    /// Bytes in it, or that would be.
    pub(crate) fn len(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Nothing { len, .. } => Ok(*len),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Nothing { at, len } => {
                *at = at.saturating_add(bytes.len() as u64);
                *len = (*len).max(*at);
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Nothing { .. } => Ok(()),
        }
    }
}

impl Seek for Sink {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::File(file) => file.seek(to),
            Self::Nothing { at, len } => {
                let place = match to {
                    SeekFrom::Start(place) => Some(place),
                    SeekFrom::End(by) => len.checked_add_signed(by),
                    SeekFrom::Current(by) => at.checked_add_signed(by),
                };
                *at = place.ok_or(io::ErrorKind::InvalidInput)?;
                Ok(*at)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_counts_as_a_file_does() {
        let folder = tempfile::tempdir().expect("folder");
        let file = File::create(folder.path().join("file")).expect("file");
        let mut sinks = [Sink::File(file), Sink::nothing()];
        let lengths = sinks.each_mut().map(|sink| {
            sink.write_all(&[7; 100]).expect("written");
            sink.seek(SeekFrom::Start(10)).expect("sought");
            sink.write_all(&[8; 20]).expect("written");
            sink.seek(SeekFrom::Current(-5)).expect("sought");
            assert!(sink.seek(SeekFrom::Current(-100)).is_err(), "before its beginning");
            sink.seek(SeekFrom::End(3)).expect("sought");
            sink.write_all(&[9; 1]).expect("written");
            sink.flush().and_then(|()| sink.sync()).expect("durable");
            sink.len().expect("its length")
        });
        assert_eq!(lengths, [104, 104]);
    }
}
