//! A site whose ledger lies on a model disk: its keys, its purses, and moments of its life to begin again from.

use std::fs;
use std::path::{Path, PathBuf};

use annona_ledger::amount::Amount;
use annona_ledger::entry::{Lot, Method, Value};
use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::{FeedId, Lane, MerchantId, Purse};
use annona_ledger::time::Minute;
use annona_node::clock::Clock;
use annona_node::folder::{KEYS, LOCK, TURN};
use annona_node::node::{Compose, Composed, Node, NodeFault, Request};
use annona_node::serve::{self, Charge, Item};
use annona_node::store::{Asked, Earlier, Work};
use tempfile::TempDir;

use super::platter::Platter;
use super::vfs::Disk;
use crate::bench::{self, CASH, COMMODITIES, Fault, Federation};
use crate::rng::Rng;

/// Families at the site: few, so that their rows are met again and again.
const HOUSEHOLDS: u32 = 24;
/// Where the site's data folder lies below its place.
const SITE: &str = "site-0";

/// A moment of the site's life: its disk, and the two small files that the restore guard keeps.
#[derive(Clone, Debug)]
pub struct Moment {
    platter: Platter,
    turn: Vec<u8>,
    heads: Vec<(PathBuf, Vec<u8>)>,
}

/// Everything that is written once: keys, purses and moments.
#[derive(Debug)]
pub struct Camp {
    place: TempDir,
    /// Purses that can pay at the site.
    pub purses: Vec<Purse>,
    /// From an empty till to a log that is due to be copied and a block that is due to be sealed.
    pub moments: Vec<Moment>,
}

/// Where temporary folders are cheapest: the small files of a node are synced to real disks, and not what is tried here.
pub(super) fn temporary() -> Result<TempDir, Fault> {
    let memory = Path::new("/dev/shm");
    Ok(if memory.is_dir() { TempDir::new_in(memory)? } else { TempDir::new()? })
}

impl Camp {
    /// Founds a federation of one site and serves for a while.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn found() -> Result<Self, Fault> {
        let place = temporary()?;
        let disk = Disk::mount(place.path(), Platter::default(), true);
        let (federation, purses) = bench::opened(Federation::of(place.path(), 1)?, HOUSEHOLDS)?;
        let purses = purses.into_iter().next().ok_or("no purses")?;
        let mut site = federation.sites.into_iter().next().ok_or("no site")?;
        let mut camp = Self { place, purses, moments: Vec::new() };
        let mut chance = Rng::new(1);
        for served in 0..700 {
            // The log is copied about every 130 commits of this camp, a block is sealed every 256 entries.
            if served % 60 == 0 || (110..135).contains(&served) && served % 5 == 0 {
                let moment = camp.moment(&disk)?;
                camp.moments.push(moment);
            }
            let mut order = Order::some(&camp.purses, 1_000_000 + served, &mut chance);
            let mut group = [order.request(site.feed(Lane::Value, CASH))];
            // Some ask for more than they have, and are refused.
            drop(site.write(&mut group)?);
        }
        disk.with(Platter::kill);
        Ok(camp)
    }

    fn moment(&self, disk: &Disk) -> Result<Moment, Fault> {
        let mut platter = disk.with(|platter| platter.clone());
        platter.settle();
        platter.only(&format!("{SITE}/"));
        let turn = fs::read(self.place.path().join(SITE).join(TURN))?;
        Ok(Moment { platter, turn, heads: heads(&self.place.path().join("heads"))? })
    }

    /// A machine of its own, with the site's keys and an open node at the first moment.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn machine(&self, shares: bool) -> Result<Machine, Fault> {
        let place = temporary()?;
        let folder = place.path().join(SITE);
        fs::create_dir(&folder)?;
        fs::create_dir(place.path().join("heads"))?;
        fs::copy(self.place.path().join(SITE).join(KEYS), folder.join(KEYS))?;
        fs::write(folder.join(LOCK), "")?;
        let first = self.moments.first().ok_or("no moment")?;
        let disk = Disk::mount(place.path(), first.platter.clone(), shares);
        first.restore(place.path())?;
        let heads = place.path().join("heads");
        let node = Node::open(&folder, &bench::passphrase(), &heads, Clock::system())?;
        Ok(Machine { place, disk, node })
    }
}

impl Drop for Camp {
    fn drop(&mut self) {
        Disk::unmount(self.place.path());
    }
}

fn heads(place: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>, Fault> {
    let mut found = Vec::new();
    for entry in fs::read_dir(place)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "heads") {
            found.push((path.file_name().ok_or("a name")?.into(), fs::read(&path)?));
        }
    }
    Ok(found)
}

impl Moment {
    /// A file of the disk.
    #[must_use]
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.platter.file_bytes(name)
    }

    fn restore(&self, place: &Path) -> Result<(), Fault> {
        fs::write(place.join(SITE).join(TURN), &self.turn)?;
        for (name, bytes) in &self.heads {
            fs::write(place.join("heads").join(name), bytes)?;
        }
        Ok(())
    }
}

/// A machine with a model disk and the site's node.
pub struct Machine {
    place: TempDir,
    /// Its disk.
    pub disk: Disk,
    /// Its node.
    pub node: Node,
}

impl Drop for Machine {
    fn drop(&mut self) {
        Disk::unmount(self.place.path());
    }
}

impl Machine {
    /// Puts the machine back to a moment; the node has to be opened anew.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn begin(&mut self, moment: &Moment) -> Result<(), Fault> {
        let boot = self.disk.with(|platter| platter.boot());
        self.disk.with(|platter| {
            *platter = moment.platter.clone();
            platter.follow(boot);
        });
        moment.restore(self.place.path())
    }

    /// The node's ledger file.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.node.store().path().to_owned()
    }

    /// The two small files as they are now.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn memory(&self) -> Result<Moment, Fault> {
        let turn = fs::read(self.place.path().join(SITE).join(TURN))?;
        let heads = heads(&self.place.path().join("heads"))?;
        Ok(Moment { platter: Platter::default(), turn, heads })
    }

    /// Puts the head file back to what it was, with what a cut-off write leaves beside it.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn forget(&self, memory: &Moment, chance: &mut Rng) -> Result<(), Fault> {
        for (name, bytes) in &memory.heads {
            let path = self.place.path().join("heads").join(name);
            let torn = bytes.get(..chance.below(bytes.len())).unwrap_or_default();
            let rest = format!(".{}.{:016x}.annona-tmp", name.display(), chance.bits());
            fs::write(path.with_file_name(rest), torn)?;
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    /// The same medium in another machine, to look at it without leaving a trace.
    #[must_use]
    pub fn copy(&self) -> Copied {
        let name = self.place.path().with_extension("copy");
        let disk = Disk::mount(&name, self.disk.with(|platter| platter.clone()), true);
        Copied { ledger: name.join(SITE).join("ledger.db"), name, disk }
    }
}

/// A copy of a medium.
pub struct Copied {
    name: PathBuf,
    /// Where its ledger file is.
    pub ledger: PathBuf,
    /// The disk.
    pub disk: Disk,
}

impl Drop for Copied {
    fn drop(&mut self) {
        Disk::unmount(&self.name);
    }
}

/// What is done with what an order says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// It is handed out.
    Charge,
    /// So much of an earlier entry, if that was a redemption, is given back.
    Refund(u64),
    /// It is put by.
    Hold,
    /// The oldest that is put by is handed out, or let go.
    End { post: bool },
}

/// What a till asks for, under a name of its own.
#[derive(Clone, Debug)]
pub struct Order {
    act: Act,
    charge: Charge,
    asked: Asked,
    /// Where it stands, if it was accepted before.
    pub earlier: Option<Earlier>,
}

impl Order {
    /// An order of some family: mostly one commodity, sometimes two in a basket, now and then more than it has.
    #[must_use]
    pub fn some(purses: &[Purse], number: u64, chance: &mut Rng) -> Self {
        let first = chance.below(COMMODITIES.len());
        let count = if chance.chance(15) { 2 } else { 1 };
        let items = (0..count).map(|n| {
            let commodity = COMMODITIES[(first + n) % COMMODITIES.len()];
            let units = if chance.chance(3) { 1 << 40 } else { chance.between(1, 9_000) };
            Item { commodity, amount: Amount::new(units).unwrap_or(Amount::MAX) }
        });
        let charge = Charge {
            items: items.collect(),
            purse: purses[chance.below(purses.len())],
            merchant: MerchantId([chance.bits().to_be_bytes()[0] % 5; 16]),
            method: Method::Pin,
        };
        let name = hash(Purpose::Lookup, &[b"order", &number.to_be_bytes()]);
        let units: Vec<u8> =
            charge.items.iter().flat_map(|item| item.amount.units().to_be_bytes()).collect();
        let content = hash(Purpose::Lookup, &[&charge.purse.0, &charge.merchant.0, &units]);
        Self { act: Act::Charge, charge, asked: Asked { name, content }, earlier: None }
    }

    /// Makes of it, now and then, something else than handing out.
    #[must_use]
    pub fn or_another(self, chance: &mut Rng) -> Self {
        let act = match chance.below(100) {
            0..10 => Act::Refund(chance.between(0, 900)),
            10..16 => Act::Hold,
            16..20 => Act::End { post: chance.chance(50) },
            _ => Act::Charge,
        };
        Self { act, ..self }
    }

    /// Whether it is anything but handing out.
    #[must_use]
    pub fn is_another(&self) -> bool {
        self.act != Act::Charge
    }

    /// The request that asks for it. What was accepted under its name before is found, not written again.
    pub fn request(&mut self, feed: FeedId) -> Request<'_> {
        let Self { act, charge, asked, earlier } = self;
        let compose: Compose<'_> = Box::new(|work, feed, at| {
            if let Some(before) = work.earlier(&asked.name) {
                if before.content != asked.content {
                    return Err(NodeFault::Refused("another order of that name".into()));
                }
                *earlier = Some(before);
                return Ok(Vec::new());
            }
            let first = charge.items.first().map_or(Amount::MAX, |item| item.amount);
            let mut entries = match *act {
                Act::Charge => serve::charge(work, feed, charge, at)?,
                Act::Refund(redeem) => serve::refund(redeem, first, at),
                Act::Hold => put_by(work, feed, &charge.purse, first, at),
                Act::End { post } => ended(work, feed, post, at),
            };
            if let Some(first) = entries.first_mut() {
                first.asked = Some(*asked);
            }
            Ok(entries)
        });
        Request { feed, compose }
    }
}

/// Puts by of the first lot a purse has, if it has any.
fn put_by(
    work: &Work<'_>,
    feed: &FeedId,
    purse: &Purse,
    amount: Amount,
    at: Minute,
) -> Vec<Composed> {
    let lots = work.trunk(feed).map(|chain| work.lots_of_purse(chain, purse));
    let lot = lots.into_iter().flatten().find(|(_, lot)| lot.available().units() > 0);
    let Some((place, _)) = lot else { return Vec::new() };
    let (lot, until) = (Lot(place.index), Minute(at.0 + 60));
    vec![Composed::from(Value::Hold { lot, amount, merchant: 0, until, at })]
}

/// Hands out the oldest that is put by, or lets it go; nothing where nothing is.
fn ended(work: &Work<'_>, feed: &FeedId, post: bool, at: Minute) -> Vec<Composed> {
    let oldest = serve::held(work, feed, at).into_iter().next().map(|held| held.hold);
    let end = oldest.map(|hold| match post {
        true => Value::Post { hold, at, method: Method::Pin },
        false => Value::Drop { hold, at },
    });
    end.into_iter().map(Composed::from).collect()
}
