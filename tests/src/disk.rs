//! A disk that keeps what was synced, and of the rest as much as it likes.

/// An append-only file. What is written is volatile until [`Disk::sync`].
#[derive(Clone, Debug, Default)]
pub struct Disk {
    bytes: Vec<u8>,
    synced: usize,
}

impl Disk {
    /// Appends one record: kind, length, bytes.
    pub fn write(&mut self, kind: u8, bytes: &[u8]) {
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.bytes.extend_from_slice(bytes);
        // The sum that tells a torn record from a whole one.
        self.bytes.extend_from_slice(&sum(kind, bytes).to_be_bytes());
    }

    /// Makes everything written durable.
    pub fn sync(&mut self) {
        self.synced = self.bytes.len();
    }

    /// The power goes: of what was not synced, `keep` bytes are on the disk.
    pub fn cut(&mut self, keep: usize) {
        self.bytes.truncate(self.synced.saturating_add(keep));
        // Whatever can be read now was on the disk.
        let whole = self.records().map(|(kind, bytes)| (kind, bytes.to_vec())).collect::<Vec<_>>();
        self.bytes.clear();
        whole.iter().for_each(|(kind, bytes)| self.write(*kind, bytes));
        self.sync();
    }

    /// How many bytes are not durable.
    #[must_use]
    pub const fn unsynced(&self) -> usize {
        self.bytes.len().saturating_sub(self.synced)
    }

    /// The records, up to the first that is torn.
    pub fn records(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut rest: &[u8] = &self.bytes;
        std::iter::from_fn(move || {
            let (kind, after) = rest.split_first()?;
            let (len, after) = after.split_first_chunk::<4>()?;
            let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
            let (bytes, after) = after.split_at_checked(len)?;
            let (found, after) = after.split_first_chunk::<4>()?;
            rest = after;
            (u32::from_be_bytes(*found) == sum(*kind, bytes)).then_some((*kind, bytes))
        })
    }
}

fn sum(kind: u8, bytes: &[u8]) -> u32 {
    let start = 0x811c_9dc5_u32 ^ u32::from(kind);
    bytes.iter().fold(start, |sum, b| (sum ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_survives_every_cut_and_nothing_torn_is_read() {
        let mut disk = Disk::default();
        disk.write(1, b"promised");
        disk.sync();
        disk.write(2, b"not yet");
        for keep in 0..=disk.unsynced() {
            let mut cut = disk.clone();
            cut.cut(keep);
            let read: Vec<_> = cut.records().collect();
            assert_eq!(read.first(), Some(&(1, b"promised".as_slice())));
            assert_eq!(read.len(), if keep == disk.unsynced() { 2 } else { 1 });
        }
    }
}
