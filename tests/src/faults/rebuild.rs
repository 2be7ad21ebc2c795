//! A site's machine is gone: a new one, under a new key, takes everything in from its neighbour's bundle and stands where
//! the old one stood.

use std::path::PathBuf;

use annona_ledger::hash::Hash;
use annona_ledger::id::{Lane, Purse, SiteId};
use annona_ledger::notice::Notice;
use annona_node::bundle;
use annona_node::clock::Clock;
use annona_node::node::{Making, Node};
use annona_node::seal::Cost;
use tempfile::TempDir;

use super::camp::{Order, temporary};
use super::platter::Platter;
use super::vfs::Disk;
use super::{Broken, Failed, Kept, hold, sound};
use crate::bench::{self, CASH, Fault, Federation};
use crate::rng::Rng;

/// Bytes at which a part is closed where one is to be lost: so few that a bundle has several.
const SMALL_PART: u64 = 4_000;

/// A bug planted on purpose around the neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// What it hands over lacks a part, and whoever takes it in says nothing of that.
    PartLost,
}

/// Two sites that exchange bundles; the first is lost again and again.
pub struct Pair {
    place: TempDir,
    peer: Node,
    purses: Vec<Purse>,
    site: Option<Node>,
    lives: u64,
    orders: u64,
}

impl Drop for Pair {
    fn drop(&mut self) {
        Disk::unmount(self.place.path());
    }
}

impl Pair {
    /// Founds them.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn found() -> Result<Self, Fault> {
        let place = temporary()?;
        let _disk = Disk::mount(place.path(), Platter::default(), true);
        let (federation, purses) = bench::opened(Federation::of(place.path(), 2)?, 12)?;
        let Federation { mut treasury, sites, .. } = federation;
        let [mut site, mut peer] =
            <[Node; 2]>::try_from(sites).map_err(|_| "two sites were founded")?;
        let purses = purses.into_iter().next().ok_or("no purses")?;
        treasury.seal_all()?;
        exchange(place.path().join("first"), &mut treasury, &mut site, None)?;
        exchange(place.path().join("second"), &mut treasury, &mut peer, None)?;
        exchange(place.path().join("third"), &mut peer, &mut site, None)?;
        treasury.close()?;
        Ok(Self { place, peer, purses, site: Some(site), lives: 0, orders: 0 })
    }

    /// The site serves, its neighbour hears of it, it is lost, and it comes back.
    ///
    /// # Errors
    ///
    /// [`Failed`].
    pub fn lose(&mut self, seed: u64) -> Result<(), Failed> {
        self.lose_with(seed, None)
    }

    /// The same, with a bug that must be caught.
    ///
    /// # Errors
    ///
    /// [`Failed`].
    pub fn lose_with(&mut self, seed: u64, planted: Option<Planted>) -> Result<(), Failed> {
        let life = self.lives;
        let repeat = format!("rebuild --seed {seed} --count {}", life + 1);
        self.once(seed, planted).map_err(|broken| Failed { seed, step: life, broken, repeat })
    }

    fn once(&mut self, seed: u64, planted: Option<Planted>) -> Kept {
        self.lives += 1;
        let mut chance = Rng::new(seed.wrapping_add(self.lives));
        let mut old = self.site.take().ok_or_else(|| Broken("no site".to_owned()))?;
        if self.lives == 1 {
            // Only the first has rights; its successors carry what it wrote, and write registrations of their own.
            let feed = old.feed(Lane::Value, CASH);
            for _ in 0..1 + chance.below(300) {
                self.orders += 1;
                let mut order = Order::some(&self.purses, self.orders, &mut chance);
                drop(sound("serving", old.write(&mut [order.request(feed)]))?);
            }
        }
        let out = |name: String| self.place.path().join(name);
        sound(
            "telling",
            exchange(out(format!("out-{}", self.lives)), &mut old, &mut self.peer, None),
        )?;
        let before = sound("the root", old.store().root())?;
        let theirs = sound("the root", self.peer.store().root())?;
        hold(before == theirs, || "the two did not agree before".to_owned())?;
        sound("closing", old.close())?;

        let folder = out(format!("again-{}", self.lives));
        let mut new = sound("a new node", self.make(&folder))?;
        let back = out(format!("back-{}", self.lives));
        sound("coming back", self.introduce(&new))?;
        sound("coming back", exchange(back, &mut self.peer, &mut new, planted))?;
        let root = sound("the root", new.store().root())?;
        hold(root == before, || format!("it came back with root {root}, not {before}"))?;
        let health = sound("checking", new.store().check_all(&mut |_, _| {}))?;
        hold(health.damage.is_empty(), || health.damage.join("; "))?;
        sound("folding again", new.store_mut().rebuild(&mut |_, _| {}))?;
        let root: Hash = sound("the root", new.store().root())?;
        hold(root == before, || "folded again, it is another state".to_owned())?;
        hold(new.may_sign().is_ok(), || "the new node may not sign".to_owned())?;
        self.site = Some(new);
        Ok(())
    }

    fn make(&self, folder: &std::path::Path) -> Result<Node, Fault> {
        let heads = self.place.path().join("heads");
        let passphrase = bench::passphrase();
        let making = Making { passphrase: &passphrase, cost: Cost::FLOOR, heads: &heads };
        Ok(Node::create(folder, &making, Clock::system())?)
    }

    /// Its organisation certifies the new key, and the neighbour hears of it.
    fn introduce(&mut self, new: &Node) -> Result<(), Fault> {
        let charter = self.peer.store().charter()?.clone();
        let certificate = bench::certificate(new, &charter, SiteId(2))?;
        let signed = Notice::Node(certificate).sign(&charter.federation(), &bench::organisation());
        self.peer.learn(&signed)?;
        Ok(())
    }
}

/// Everything one has, carried to the other on a stick.
fn exchange(
    folder: PathBuf,
    from: &mut Node,
    to: &mut Node,
    planted: Option<Planted>,
) -> Result<(), Fault> {
    std::fs::create_dir(&folder)?;
    let mut options = bundle::Options { all: true, ..bundle::Options::default() };
    if planted.is_some() {
        options.part_bytes = SMALL_PART;
    }
    let federation = from.federation()?;
    let readers = [to.public().short()];
    let written = bundle::export(from, &readers, &options, &folder, &mut |_, _| true)?;
    let kept = written.files.len() - usize::from(planted.is_some());
    let taken = bundle::import(to, &written.files[..kept], Some(federation), &mut |_, _| true)?;
    std::fs::remove_dir_all(&folder)?;
    let whole = taken.is_whole() || planted.is_some();
    if whole { Ok(()) } else { Err(format!("not all was taken in: {taken:?}").into()) }
}
