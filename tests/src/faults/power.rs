//! The power goes at any change of the disk: what was promised is there afterwards, once, and nothing else is signed in
//! its place.
//!
//! A seed is a chain of lives of one machine. In each the site's node opens what the last life left, asks again for what
//! was never answered, serves, seals and looks, until the power goes, the process is killed, or the power goes while the
//! head file outside the folder is written. Between lives a copy of the medium is held against all that was promised.

mod word;

use annona_ledger::hash::Hash;
use annona_ledger::id::Lane;
use annona_node::keystore::Name;
use annona_node::node::{Answer, NodeFault, promise};
use annona_node::store::{Blob, Store, StoreFault};

use super::camp::{Camp, Machine, Order};
use super::platter::{Honesty, Platter, Trouble};
use super::{Broken, Failed, Kept, hold, sound};
use crate::bench::CASH;
use crate::rng::Rng;
use word::Word;

/// Actions in one life at most.
const ACTIONS: usize = 90;
/// How far into a life the power goes, at most: at its opening, soon, or anywhere.
const REACHES: [u64; 4] = [12, 60, 250, 900];

/// A bug planted on purpose around the node: a harness that does not catch it proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// The log is synced when it is copied, and not at each commit: what `synchronous=NORMAL` does.
    SyncedLater,
    /// The disk says it has synced, and has not.
    LyingDisk,
    /// The promise is handed out before the commit.
    SignsFirst,
    /// What is found in the log after a kill is promised again without making it durable.
    TrustsTheLog,
    /// A commit that failed is answered as if it had not.
    Swallows,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Power cuts.
    pub cuts: u64,
    /// Kills of the process alone.
    pub kills: u64,
    /// Entries promised.
    pub promised: u64,
    /// Requests asked again after a life that did not answer them.
    pub again: u64,
    /// Of those, how many had been written.
    pub found: u64,
    /// Blocks shown to others.
    pub blocks: u64,
    /// Refunds, holds and their ends among what was promised.
    pub others: u64,
}

impl Tally {
    /// Adds another run's.
    pub const fn add(&mut self, other: &Self) {
        self.cuts += other.cuts;
        self.kills += other.kills;
        self.promised += other.promised;
        self.again += other.again;
        self.found += other.found;
        self.blocks += other.blocks;
        self.others += other.others;
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cuts, kills, promised, again, found, blocks, others } = self;
        write!(
            f,
            "{cuts} power cuts, {kills} kills: {promised} entries promised ({others} refunds, holds and \
             their ends), {blocks} blocks shown, \
             {again} requests asked again of which {found} had been written"
        )
    }
}

/// How a life ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Power,
    Kill,
}

/// Runs one seed: so many lives of one machine.
///
/// # Errors
///
/// [`Failed`].
pub fn run(
    camp: &Camp,
    machine: &mut Machine,
    seed: u64,
    lives: u64,
    planted: Option<Planted>,
) -> Result<Tally, Failed> {
    let mut life = 0;
    let mut chain = || {
        let mut run = Run::begin(camp, machine, seed, planted)?;
        run.others = planted.is_none();
        while life < lives {
            run.life()?;
            life += 1;
        }
        Ok(run.tally)
    };
    let done = chain();
    let repeat = format!("power --seed {seed} --lives {lives}");
    done.map_err(|broken| Failed { seed, step: life, broken, repeat })
}

/// One seed, while it runs.
pub(super) struct Run<'a> {
    camp: &'a Camp,
    pub(super) machine: &'a mut Machine,
    planted: Option<Planted>,
    pub(super) tally: Tally,
    pub(super) chance: Rng,
    pub(super) word: Word,
    killed: bool,
    /// Whether more is done than handing out: what is planted, and what a medium lost, is told by plain feeds.
    others: bool,
}

impl<'a> Run<'a> {
    /// Begins at a moment of the camp's life that the seed decides.
    pub(super) fn begin(
        camp: &'a Camp,
        machine: &'a mut Machine,
        seed: u64,
        planted: Option<Planted>,
    ) -> Kept<Self> {
        let mut chance = Rng::new(seed);
        let mut word = Word::new(machine.node.feed(Lane::Value, CASH));
        let moment = chance.below(camp.moments.len());
        sound("beginning", machine.begin(&camp.moments[moment]))?;
        word.begin(machine)?;
        let tally = Tally::default();
        Ok(Self { camp, machine, planted, tally, chance, word, killed: false, others: false })
    }
}

impl Run<'_> {
    fn life(&mut self) -> Kept {
        let honesty = match self.planted {
            Some(Planted::SyncedLater) => Honesty::LogLater,
            Some(Planted::LyingDisk) => Honesty::Lying,
            _ => Honesty::Sound,
        };
        let reach = *self.chance.pick(&REACHES).unwrap_or(&1);
        let at = self.chance.between(1, reach);
        self.machine.disk.with(|platter| {
            platter.honesty = honesty;
            platter.trouble(Trouble::Cut { at });
        });
        let end = self.live()?;
        self.killed = end == End::Kill;
        match end {
            End::Kill => {
                self.machine.disk.with(Platter::kill);
                self.tally.kills += 1;
            }
            End::Power => {
                let chance = &mut self.chance;
                self.machine.disk.with(|platter| platter.restart(chance));
                self.tally.cuts += 1;
            }
        }
        self.word.check(self.machine)
    }

    pub(super) fn over(&self) -> bool {
        self.machine.disk.with(|platter| platter.fired())
    }

    /// One life, until its end.
    fn live(&mut self) -> Kept<End> {
        let end = if self.chance.chance(20) { End::Kill } else { End::Power };
        if self.planted == Some(Planted::TrustsTheLog) && self.killed {
            return self.trust_the_log();
        }
        let before = sound("the small files", self.machine.memory())?;
        let opened = self.machine.node.reopen();
        if self.over() {
            return Ok(end);
        }
        sound("opening", opened)?;
        if let Err(fault) = self.machine.node.may_sign() {
            return Err(Broken(format!("the node may not sign: {fault}")));
        }
        if self.chance.chance(4) {
            // The power goes when the folder has its new turn and the head file not yet.
            sound("the head file", self.machine.forget(&before, &mut self.chance))?;
            return Ok(End::Power);
        }
        if !self.word.doubt.is_empty() {
            self.ask_again()?;
        }
        let mut reader = None;
        for _ in 0..ACTIONS {
            if self.over() {
                break;
            }
            let cut = self.chance.chance(2);
            let before = sound("the small files", self.machine.memory())?;
            let done = self.act(cut, &mut reader);
            if cut && done.is_ok() {
                // What was done is durable, and the power goes before the head file has its new name.
                sound("the head file", self.machine.forget(&before, &mut self.chance))?;
                return Ok(End::Power);
            }
            if !self.over() {
                sound("serving", done)?;
            }
        }
        Ok(end)
    }

    /// What any life may do. With `cut`, nobody hears of what came of it.
    pub(super) fn act(&mut self, cut: bool, reader: &mut Option<Store>) -> Result<(), NodeFault> {
        match self.chance.below(100) {
            0..66 => self.serve(1, cut),
            66..80 => {
                let count = 2 + self.chance.below(11);
                self.serve(count, cut)
            }
            80..86 => self.seal(cut),
            86..89 => self.machine.node.reopen(),
            89..92 => {
                let name = Hash([u8::try_from(self.chance.below(4)).unwrap_or(0); 32]);
                let bytes = vec![7; self.chance.below(20_000)];
                Ok(self.machine.node.store().put_blob(Blob::Import, &name, &bytes)?)
            }
            92..94 => Ok(self.machine.node.store_mut().rebuild(&mut |_, _| {})?),
            94..97 => {
                // Somebody looks while the writer goes on; without shared memory nobody can.
                *reader = Store::reader(&self.machine.ledger()).ok();
                Ok(())
            }
            _ => reader.take().map_or(Ok(()), |reader| Ok(reader.root().map(drop)?)),
        }
    }

    pub(super) fn serve(&mut self, count: usize, cut: bool) -> Result<(), NodeFault> {
        for _ in 0..count {
            let mut order = Order::some(&self.camp.purses, self.word.next(), &mut self.chance);
            if self.others {
                order = order.or_another(&mut self.chance);
            }
            self.word.doubt.push(order);
        }
        let answers = self.ask()?;
        if !cut {
            self.heard(answers);
        }
        Ok(())
    }

    pub(super) fn ask_again(&mut self) -> Kept {
        self.tally.again += self.word.doubt.len() as u64;
        let asked = self.ask();
        match asked {
            Ok(answers) => self.heard(answers),
            Err(_) if self.over() => return Ok(()),
            Err(fault) => return Err(Broken(format!("asking again: {fault}"))),
        }
        let length = self.word.length_of(self.machine.node.store());
        if self.over() {
            return Ok(());
        }
        let length = sound("looking", length)?;
        let known = self.word.length;
        hold(length == known, || format!("the feed has {length} entries, {known} were asked for"))
    }

    /// Asks for all that is in doubt in one commit.
    fn ask(&mut self) -> Result<Vec<Answer>, NodeFault> {
        let feed = self.word.feed;
        if matches!(self.planted, Some(Planted::SignsFirst | Planted::Swallows)) {
            return self.sign_first();
        }
        let mut group: Vec<_> = self.word.doubt.iter_mut().map(|o| o.request(feed)).collect();
        self.machine.node.write(&mut group)
    }

    /// Nothing is in doubt any more: what was accepted is promised.
    fn heard(&mut self, answers: Vec<Answer>) {
        let doubt = std::mem::take(&mut self.word.doubt);
        for (order, answer) in doubt.into_iter().zip(answers) {
            match (order.earlier, answer) {
                (Some(earlier), Ok(_)) => {
                    self.tally.found += 1;
                    self.word.length += u64::from(earlier.count);
                }
                (None, Ok(accepted)) => {
                    self.tally.others += u64::from(order.is_another() && !accepted.is_empty());
                    self.tally.promised += accepted.len() as u64;
                    self.word.length += accepted.len() as u64;
                    for entry in &accepted {
                        // The real signature, as the till gets it; what counts is what it covers.
                        drop(self.machine.node.promise(entry));
                        self.word.promised.insert(entry.at.index, entry.accumulator);
                    }
                }
                (_, Err(_)) => {}
            }
        }
    }

    pub(super) fn seal(&mut self, cut: bool) -> Result<(), NodeFault> {
        self.machine.node.seal_all()?;
        if !cut {
            self.tally.blocks += self.word.show(self.machine.node.store())?;
        }
        Ok(())
    }

    /// The bug: a promise is signed for what is not committed yet, and stands whatever becomes of the commit.
    fn sign_first(&mut self) -> Result<Vec<Answer>, NodeFault> {
        let feed = self.word.feed;
        let node = &mut self.machine.node;
        // As the node itself does where the file is not open.
        if node.store().feeds().is_err() {
            node.reopen()?;
        }
        let key = node.signing_key(Name::NodeSigning)?;
        let federation = node.federation()?;
        let at = node.stamp(&feed)?;
        let mut work = node.store_mut().begin()?;
        let chain = work.open_trunk(&feed)?;
        let mut answers = Vec::new();
        for order in &mut self.word.doubt {
            let composed = (order.request(feed).compose)(&work, &feed, at);
            let Ok(composed) = composed else {
                answers.push(Ok(Vec::new()));
                continue;
            };
            let drafts: Vec<_> = composed.into_iter().map(|c| c.draft).collect();
            let accepted = work.accept(chain, &drafts, &[])?.unwrap_or_default();
            for entry in &accepted {
                drop(promise(&key, &federation, entry)?);
                self.word.promised.insert(entry.at.index, entry.accumulator);
            }
            answers.push(Ok(accepted));
        }
        match work.commit() {
            Err(_) if self.planted == Some(Planted::Swallows) => {}
            done => done?,
        }
        Ok(answers)
    }

    /// The bug: a process begins after another was killed, and repeats the answers it finds in the log.
    fn trust_the_log(&mut self) -> Kept<End> {
        self.machine.disk.with(|platter| platter.trouble(Trouble::None));
        let store = sound("opening", Store::open(&self.machine.ledger()))?;
        let promised = sound("looking", self.word.promise_found(&store))?;
        self.tally.found += promised;
        // It never closes its file: the power goes first.
        let dead: Result<(), StoreFault> = Ok(());
        self.machine.disk.with(|platter| platter.trouble(Trouble::Cut { at: 1 }));
        drop(store);
        sound("dying", dead)?;
        Ok(End::Power)
    }
}
