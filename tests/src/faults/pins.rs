//! The PINs under power cuts: an attempt that was answered stays counted, whatever the power does afterwards.

use annona_ledger::time::Millis;
use annona_node::pin::{Begun, LOCKED_AT, Pin, PinFault, Pins, WAIT};
use annona_node::seal::Key;
use annona_node::vault::HouseholdId;
use rusqlite::{Connection, OpenFlags};

use super::desk::Desk;
use super::platter::Honesty;
use super::{Failed, Kept, hold, sound};
use crate::bench::Fault;
use crate::rng::Rng;

/// Attempts in one life at most.
const ATTEMPTS: usize = 30;
/// Families with a PIN.
const FAMILIES: usize = 3;

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Power cuts.
    pub cuts: u64,
    /// Attempts that were counted, and the till was told so.
    pub counted: u64,
    /// Attempts the power went in.
    pub doubted: u64,
}

impl Tally {
    /// Adds another run's.
    pub const fn add(&mut self, other: &Self) {
        self.cuts += other.cuts;
        self.counted += other.counted;
        self.doubted += other.doubted;
    }
}

/// A file of PINs to begin from.
pub struct Counter {
    desk: Desk,
    key: Key,
    /// Under which the file keeps each family.
    handles: Vec<[u8; 32]>,
}

/// How often each family was wrong, in the order of their handles.
fn wrong(desk: &Desk) -> Result<Vec<([u8; 32], u32)>, rusqlite::Error> {
    let file = Connection::open_with_flags(desk.file(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut rows = file.prepare("SELECT handle, wrong FROM pin")?;
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

const fn family(of: usize) -> HouseholdId {
    HouseholdId(of as u64 + 1)
}

impl Counter {
    /// Gives a few families a PIN.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn found() -> Result<Self, Fault> {
        let key = Key::random()?;
        // The name is taken on the machine's own disk alone, so it cannot be opened yet.
        let desk = Desk::found("pins.db", |path| drop(Pins::open(path, &key)))?;
        let mut pins = Pins::open(&desk.file(), &key)?;
        let pin = Pin::parse("730514").map_err(|_| "a PIN")?;
        let mut handles = Vec::new();
        for of in 0..FAMILIES {
            pins.set(family(of), &pin)?;
            let new = wrong(&desk)?.into_iter().map(|row| row.0).find(|one| !handles.contains(one));
            handles.push(new.ok_or("a row")?);
        }
        drop(pins);
        desk.disk.with(super::platter::Platter::settle);
        Ok(Self { desk, key, handles })
    }

    /// Runs one seed: so many lives of one machine, on a disk that keeps its word like this.
    ///
    /// # Errors
    ///
    /// [`Failed`].
    pub fn run(&self, seed: u64, lives: u64, honesty: Honesty) -> Result<Tally, Failed> {
        let mut life = 0;
        let mut chain = || {
            let desk = sound("a machine", self.desk.copy())?;
            let chance = Rng::new(seed);
            let (counts, tally) = ([0; FAMILIES], Tally::default());
            let mut run = Run { of: self, desk, counts, doubt: None, now: 1 << 40, chance, tally };
            while life < lives {
                run.life(honesty)?;
                life += 1;
            }
            Ok(run.tally)
        };
        let done = chain();
        let repeat = format!("pins --seed {seed} --lives {lives}");
        done.map_err(|broken| Failed { seed, step: life, broken, repeat })
    }
}

struct Run<'a> {
    of: &'a Counter,
    desk: Desk,
    /// Attempts that are counted for certain, by family.
    counts: [u32; FAMILIES],
    /// Of whom something was asked that was never answered, and what her count would be.
    doubt: Option<(usize, u32)>,
    now: u64,
    chance: Rng,
    tally: Tally,
}

impl Run<'_> {
    fn life(&mut self, honesty: Honesty) -> Kept {
        self.desk.arm(honesty, &mut self.chance);
        let done = self.live();
        if !self.desk.over() {
            done?;
        }
        self.tally.cuts += u64::from(self.desk.end(&mut self.chance));
        let copy = sound("a copy", self.desk.copy())?;
        let opened = Pins::open(&copy.file(), &self.of.key);
        let kept = sound("checking", sound("opening", opened)?.verify())?;
        hold(kept == FAMILIES as u64, || format!("{kept} PINs of {FAMILIES}"))?;
        for (of, count) in self.counts.into_iter().enumerate() {
            let is = self.count_in(&copy, of)?;
            let asked = self.doubt.filter(|(whose, _)| *whose == of).map(|(_, count)| count);
            hold(is == count || asked == Some(is), || {
                let words = if is < count { "were forgotten" } else { "came from nowhere" };
                format!("attempts {words}: {is}, {count} were counted, asked {asked:?}")
            })?;
        }
        Ok(())
    }

    fn count_in(&self, desk: &Desk, of: usize) -> Kept<u32> {
        let rows = sound("reading", wrong(desk))?;
        let row = rows.into_iter().find(|row| row.0 == self.of.handles[of]);
        row.map(|row| row.1).ok_or_else(|| super::Broken("her PIN is gone".into()))
    }

    fn live(&mut self) -> Kept {
        let mut pins = sound("opening", Pins::open(&self.desk.file(), &self.of.key))?;
        if let Some((of, _)) = self.doubt {
            // Never answered: either is right, and the next attempt makes whichever it is durable.
            self.counts[of] = self.count_in(&self.desk, of)?;
        }
        for _ in 0..ATTEMPTS {
            let of = match self.doubt {
                Some((of, _)) => of,
                None => self.chance.below(FAMILIES),
            };
            self.now += WAIT;
            let before = self.counts[of];
            let locked = before >= LOCKED_AT;
            let after = if locked { 0 } else { before + 1 };
            self.doubt = Some((of, after));
            self.tally.doubted += 1;
            sound("an attempt", attempt(&mut pins, of, self.now, locked))??;
            self.tally.doubted -= 1;
            self.doubt = None;
            self.counts[of] = after;
            self.tally.counted += 1;
        }
        Ok(())
    }
}

/// Begins an attempt as a till does, or has two operators open what is locked.
fn attempt(pins: &mut Pins, of: usize, now: u64, locked: bool) -> Result<Kept, PinFault> {
    if locked {
        let was = pins.unlock(family(of))?;
        return Ok(hold(was, || "what was locked by ten attempts was not".into()));
    }
    let begun = pins.begin(family(of), Millis(now))?;
    Ok(hold(matches!(begun, Begun::Attempt(_)), || format!("no attempt was begun: {begun:?}")))
}
