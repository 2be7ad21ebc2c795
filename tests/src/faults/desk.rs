//! The two files of a site that hold people's own things, on a disk that the power leaves: the person file ([`people`])
//! and the PINs ([`pins`]).
//!
//! SQLite's files lie on a model disk. The file of data keys beside them is the program's own and lies on the machine's
//! disk, which keeps whatever was written: it is written, and durable, before any row that needs it.
//!
//! [`people`]: super::people
//! [`pins`]: super::pins

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::camp::temporary;
use super::platter::{Honesty, Platter, Trouble};
use super::vfs::Disk;
use crate::bench::Fault;
use crate::rng::Rng;

/// What a file of SQLite begins with, which the program reads before it lets SQLite read.
const BEGINS: &[u8] = b"SQLite format 3\0";
/// How far into a life the power goes, at most.
const REACHES: [u64; 3] = [6, 40, 200];

/// A folder with one file of SQLite on a model disk.
pub(super) struct Desk {
    place: TempDir,
    name: &'static str,
    pub(super) disk: Disk,
}

impl Drop for Desk {
    fn drop(&mut self) {
        Disk::unmount(self.place.path());
    }
}

impl Desk {
    /// Has `make` make the file, which takes its name once it is whole: on both disks.
    pub(super) fn found(name: &'static str, make: impl FnOnce(&Path)) -> Result<Self, Fault> {
        let place = temporary()?;
        let disk = Disk::mount(place.path(), Platter::default(), true);
        let desk = Self { place, name, disk };
        // Both are made empty by the program, for their owner alone, before SQLite sees them.
        let unfinished = format!("{name}.new");
        desk.disk.with(|platter| platter.open(&unfinished, true))?;
        make(&desk.file());
        desk.disk.with(|platter| {
            platter.settle();
            platter.rename(&unfinished, name)
        })?;
        fs::write(desk.file(), BEGINS)?;
        Ok(desk)
    }

    /// The file.
    pub(super) fn file(&self) -> PathBuf {
        self.place.path().join(self.name)
    }

    /// The same files in another machine, as they lie there now.
    pub(super) fn copy(&self) -> Result<Self, Fault> {
        let place = temporary()?;
        for file in fs::read_dir(self.place.path())? {
            let file = file?;
            fs::copy(file.path(), place.path().join(file.file_name()))?;
        }
        let disk = Disk::mount(place.path(), self.disk.with(|platter| platter.clone()), true);
        Ok(Self { place, name: self.name, disk })
    }

    /// The power will go somewhere in this life.
    pub(super) fn arm(&self, honesty: Honesty, chance: &mut Rng) {
        let reach = *chance.pick(&REACHES).unwrap_or(&1);
        let at = chance.between(1, reach);
        self.disk.with(|platter| {
            platter.honesty = honesty;
            platter.trouble(Trouble::Cut { at });
        });
    }

    /// Whether the power has gone.
    pub(super) fn over(&self) -> bool {
        self.disk.with(|platter| platter.fired())
    }

    /// A life ends: by a cut, or now and then by the end of the process alone. Says whether it was a cut.
    pub(super) fn end(&self, chance: &mut Rng) -> bool {
        let cut = self.over() || !chance.chance(20);
        if cut {
            self.disk.with(|platter| platter.restart(chance));
        } else {
            self.disk.with(Platter::kill);
        }
        cut
    }
}
