//! A ledger of so many entries, written once and kept: forty sites write their cycles in groups of 1,000, and the first
//! site takes in every block of the others.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use annona_ledger::amount::Amount;
use annona_ledger::entry::{Control, List, Method, Owner};
use annona_ledger::hash::{Hash, Purpose, hash_pair};
use annona_ledger::id::{CycleId, FeedId, Lane, MerchantId, ProgrammeId, Purse};
use annona_ledger::list::{Builder, Row};
use annona_ledger::merkle::Path as TreePath;
use annona_ledger::ticket::Ticket;
use annona_ledger::time::Minute;
use annona_ledger::wire::Bounded;
use annona_node::keystore::Name as Key;
use annona_node::node::{Compose, Composed, Node, Request};
use annona_node::serve::{self, Charge, Item};
use annona_node::store::{Accepted, StoreFault};
use annona_node::writer::GROUP;

use super::Fault;
use super::federation::{CASH, COMMODITIES, CYCLES, Federation, MERCHANTS, SITES, USD};
use super::federation::{open, site, write_group};
use super::mix::{Chance, Shares};

/// What was asked for, and the entries it became where it was accepted.
type Outcome = (Done, Option<Vec<Accepted>>);

/// Most lots a ledger opens by issue: the workload's 250,000.
const LOTS: u64 = 250_000;
/// Changes whenever ledgers written before would no longer be the workload.
const VERSION: u32 = 4;
const EXPIRES: Minute = Minute(3_900_000);
/// Enough for every redemption a lot may see.
const LOT_UNITS: u64 = 2_000_000_000;
/// At most 163.83: two bytes on the wire, as most purchases are.
const MOST_UNITS: usize = 16_383;
const BLOCKS_A_COMMIT: usize = 32;

/// How many lots are issued in a ledger of so many entries: a quarter of them, and never more than 250,000.
#[must_use]
pub fn lots_for(entries: u64) -> u64 {
    LOTS.min(entries / 4)
}

/// A ledger as it lies on the disk: the folder of a site that holds everything.
#[derive(Clone, Debug)]
pub struct Written {
    /// The folder of the bench.
    pub folder: PathBuf,
    /// Entries when it was written.
    pub entries: u64,
    /// Purses that can pay at this site.
    pub purses: Vec<Purse>,
}

impl Written {
    /// The ledger of so many entries under `place`: found there, or written.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn at(place: &Path, entries: u64) -> Result<Self, Fault> {
        let folder = place.join(format!("ledger-{VERSION}-{entries}"));
        if let Ok(kept) = fs::read(folder.join("purses")) {
            let purses = kept.chunks_exact(16).filter_map(|c| c.try_into().ok()).map(Purse);
            return Ok(Self { purses: purses.collect(), entries, folder });
        }
        Self::write(place, entries)
    }

    /// Writes the ledger anew, whatever was there.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn write(place: &Path, entries: u64) -> Result<Self, Fault> {
        let folder = place.join(format!("ledger-{VERSION}-{entries}"));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        let mut writing = Writing::begin(&folder, entries)?;
        for cycle in 1..=CYCLES {
            writing.cycle(CycleId(cycle))?;
        }
        let purses = writing.end()?;
        fs::write(folder.join("purses"), purses.iter().flat_map(|p| p.0).collect::<Vec<u8>>())?;
        for n in 1..SITES {
            fs::remove_dir_all(site(&folder, n))?;
        }
        fs::remove_dir_all(folder.join("treasury"))?;
        Ok(Self { folder, entries, purses })
    }

    /// The data folder of the site that holds everything.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        site(&self.folder, 0)
    }

    /// Opens that site.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn open(&self) -> Result<Node, Fault> {
        open(&self.folder, "site-0")
    }

    /// Reads the first site's file once, so that the system holds it as it does where a site serves all day.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn warm(&self) -> Result<(), Fault> {
        let mut file = File::open(self.folder.join("site-0").join("ledger.db"))?;
        std::io::copy(&mut file, &mut std::io::sink())?;
        Ok(())
    }

    /// A redemption of a random purse of this site.
    #[must_use]
    pub fn charge(&self, chance: &mut Chance) -> Charge {
        charge(self.purses[chance.below(self.purses.len())], 1, chance)
    }
}

fn charge(purse: Purse, items: usize, chance: &mut Chance) -> Charge {
    let first = chance.below(COMMODITIES.len());
    let items = (0..items).map(|n| {
        let commodity = COMMODITIES[(first + n) % COMMODITIES.len()];
        let units = 1 + u64::try_from(chance.below(MOST_UNITS)).unwrap_or(0);
        Item { commodity, amount: Amount::new(units).unwrap_or(Amount::MAX) }
    });
    let items = items.collect();
    let merchant = u8::try_from(chance.below(usize::from(MERCHANTS))).unwrap_or(0);
    Charge { purse, items, merchant: MerchantId([merchant; 16]), method: Method::Pin }
}

/// What a site has to do and to remember while a ledger is written.
struct Site {
    number: usize,
    chance: Chance,
    held: Vec<Purse>,
    refundable: Vec<u64>,
    inbox: Vec<(Purse, Vec<Ticket>)>,
    written: u64,
}

enum Done {
    Issued(Option<Purse>),
    Redeemed,
    Left(Purse, usize),
    Came(Purse),
    Nothing,
}

struct Writing {
    federation: Federation,
    sites: Vec<Site>,
    a_site_a_cycle: u64,
    households: u32,
    sent: BTreeMap<FeedId, u64>,
}

impl Writing {
    fn begin(folder: &Path, entries: u64) -> Result<Self, Fault> {
        let federation = Federation::found(folder)?;
        let parts = u64::from(CYCLES) * u64::try_from(SITES)?;
        let households = u32::try_from(lots_for(entries) / parts / 2)?.max(1);
        Ok(Self::with(federation, entries, entries / parts, households))
    }

    fn with(federation: Federation, entries: u64, a_site_a_cycle: u64, households: u32) -> Self {
        let sites = (0..federation.sites.len()).map(|number| Site {
            number,
            chance: Chance::new(u64::try_from(number).unwrap_or(0) ^ entries),
            held: Vec::new(),
            refundable: Vec::new(),
            inbox: Vec::new(),
            written: 0,
        });
        let sites = sites.collect();
        Self { federation, sites, a_site_a_cycle, households, sent: BTreeMap::new() }
    }

    /// One cycle: the treasury supplies the sites, they issue, and serve until the cycle's entries are written.
    fn cycle(&mut self, cycle: CycleId) -> Result<(), Fault> {
        self.open(cycle)?;
        let goal = self.a_site_a_cycle * u64::from(cycle.0);
        while self.sites.iter().any(|site| site.written < goal) {
            self.round(goal)?;
        }
        self.meet()
    }

    fn open(&mut self, cycle: CycleId) -> Result<(), Fault> {
        self.supply(cycle)?;
        let operators = &self.federation.operators;
        for (site, node) in self.sites.iter_mut().zip(&mut self.federation.sites) {
            let list = freeze(node, operators, cycle, self.households)?;
            site.issue(node, &list)?;
        }
        Ok(())
    }

    fn supply(&mut self, cycle: CycleId) -> Result<(), Fault> {
        let treasury = &mut self.federation.treasury;
        let act = u8::try_from(2 + COMMODITIES.len())? + u8::try_from(cycle.0)? - 1;
        let claims = (0..2u8).map(|line| -> Compose<'static> {
            Box::new(move |_, _, at| Ok(serve::claim(Ticket::Budget { epoch: 0, act, line }, at)))
        });
        write_group(treasury, claims.collect())?;
        let mut group: Vec<Compose<'static>> = Vec::new();
        for site in &self.federation.sites {
            let to = site.public().short();
            for commodity in COMMODITIES {
                let item = Item { commodity, amount: Amount::new(1 << 44).unwrap_or(Amount::MAX) };
                let kinds = (Owner::Budget, Owner::Budget);
                group.push(Box::new(move |work, feed, at| {
                    serve::supply(work, feed, kinds, cycle, item, to, EXPIRES, at)
                }));
            }
        }
        let sent = write_group(treasury, group)?;
        let key = treasury.signing_key(Key::NodeSigning)?;
        let mut sent = sent.into_iter().flatten().flatten();
        for (site, known) in self.federation.sites.iter_mut().zip(&mut self.sites) {
            let mut group: Vec<Compose<'static>> = Vec::new();
            for _ in COMMODITIES {
                let accepted = sent.next().ok_or("the treasury could not send")?;
                let ticket = serve::ticket(&treasury.store().look()?, &key, &accepted)?;
                group.push(Box::new(move |_, _, at| Ok(serve::claim(ticket.clone(), at))));
            }
            let claimed = write_group(site, group)?.iter().flatten().count();
            known.written += u64::try_from(claimed)?;
        }
        Ok(())
    }

    /// Every site writes a group; the tickets of this round are there for the next. On all cores: a site is one thread.
    fn round(&mut self, goal: u64) -> Result<(), Fault> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let part = SITES.div_ceil(cores);
        let names: Vec<[u8; 8]> =
            self.federation.sites.iter().map(|node| node.public().short()).collect();
        let nodes = self.federation.sites.chunks_mut(part);
        let sites = self.sites.chunks_mut(part);
        let names = &names;
        let mail = std::thread::scope(|scope| {
            let threads: Vec<_> = nodes
                .zip(sites)
                .map(|(nodes, sites)| {
                    scope.spawn(move || -> Result<Vec<(usize, Purse, Vec<Ticket>)>, Fault> {
                        let mut mail = Vec::new();
                        for (site, node) in sites.iter_mut().zip(nodes) {
                            if site.written < goal {
                                mail.extend(site.round(node, names, goal)?);
                            }
                        }
                        Ok(mail)
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|t| t.join().map_err(|_| "a site broke off"))
                .collect::<Vec<_>>()
        });
        for part in mail {
            for (to, purse, tickets) in part?? {
                self.sites[to].inbox.push((purse, tickets));
            }
        }
        Ok(())
    }

    /// The first site takes in what all others have sealed since they last met.
    fn meet(&mut self) -> Result<(), Fault> {
        let Some((first, others)) = self.federation.sites.split_first_mut() else { return Ok(()) };
        for node in std::iter::once(&mut self.federation.treasury).chain(others) {
            node.seal_all()?;
            let own = node.public();
            let looking = node.store().look()?;
            for feed in looking.feeds().into_iter().filter(|feed| feed.id.node == own) {
                let from = self.sent.insert(feed.id, feed.seq).unwrap_or(0);
                let mut page = Vec::new();
                let mut take = |page: &mut Vec<_>| -> Result<(), StoreFault> {
                    let mut work = first.store_mut().begin()?;
                    for block in page.drain(..) {
                        work.receive(&feed.id, &block, None)?;
                    }
                    work.commit()
                };
                looking.blocks::<StoreFault>(feed.chain, from, |row, _| {
                    page.push(row.block);
                    if page.len() == BLOCKS_A_COMMIT {
                        take(&mut page).map(|()| true)
                    } else {
                        Ok(true)
                    }
                })?;
                take(&mut page)?;
            }
        }
        Ok(())
    }

    fn end(self) -> Result<Vec<Purse>, Fault> {
        let Federation { treasury, sites, .. } = self.federation;
        for mut node in sites {
            node.seal_all()?;
            node.close()?;
        }
        treasury.close()?;
        Ok(self.sites.into_iter().next().map(|site| site.held).unwrap_or_default())
    }
}

/// A federation at the start of its first cycle, with so many households at each site, and their purses.
///
/// # Errors
///
/// [`Fault`].
pub fn opened(
    federation: Federation,
    households: u32,
) -> Result<(Federation, Vec<Vec<Purse>>), Fault> {
    let mut writing = Writing::with(federation, 0, 0, households);
    writing.open(CycleId(1))?;
    Ok((writing.federation, writing.sites.into_iter().map(|site| site.held).collect()))
}

struct Frozen {
    number: u64,
    list: List,
    rows: Vec<Row>,
    paths: Vec<TreePath>,
}

fn freeze(
    node: &mut Node,
    operators: &[annona_ledger::key::SigningKey; 2],
    cycle: CycleId,
    households: u32,
) -> Result<Frozen, Fault> {
    let mut rows = Vec::new();
    let mut builder = Builder::new();
    for household in 0..households {
        let mut who = [0u8; 32];
        who[..8].copy_from_slice(&node.public().short());
        who[8..12].copy_from_slice(&household.to_be_bytes());
        let key =
            hash_pair(Purpose::Commitment, &Hash([7; 32]), &Hash([u8::try_from(cycle.0)?; 32]));
        let purse = serve::purse(&key.0, &who);
        for commodity in COMMODITIES {
            let amount = Amount::new(LOT_UNITS).unwrap_or(Amount::MAX);
            let row = Row { row: u32::try_from(rows.len())?, purse, commodity, amount };
            builder.push(&row)?;
            rows.push(row);
        }
    }
    let control = node.feed(Lane::Control, ProgrammeId::NONE);
    let at = node.stamp(&control)?;
    let draft = builder.finish(node.public().short(), CASH, cycle, at)?;
    let federation = node.federation()?;
    let [one, two] = [&operators[0], &operators[1]].map(|key| draft.approve(&federation, key));
    let list = draft.approved(one, two);
    let entry = Control::List(Box::new(list.clone()));
    let compose: Compose<'_> = Box::new(move |_, _, _| Ok(vec![Composed::from(entry.clone())]));
    let mut group = [Request { feed: control, compose }];
    let accepted = node.write(&mut group)?.remove(0)?;
    let number = accepted.first().ok_or("the list was not frozen")?.at.index;
    let paths = paths(&rows.iter().map(Row::leaf).collect::<Vec<_>>())?;
    Ok(Frozen { number, list, rows, paths })
}

/// The paths of all leaves: each level of the tree is hashed once.
fn paths(leaves: &[Hash]) -> Result<Vec<TreePath>, Fault> {
    let mut levels = vec![leaves.to_vec()];
    while let Some(below) = levels.last().filter(|level| level.len() > 1) {
        let level = below.chunks(2).map(|pair| match pair {
            [left, right] => hash_pair(Purpose::Node, left, right),
            alone => alone.first().copied().unwrap_or_default(),
        });
        levels.push(level.collect());
    }
    let path = |index: usize| -> Result<TreePath, Fault> {
        let beside = levels.iter().enumerate().filter_map(|(h, level)| level.get((index >> h) ^ 1));
        let hashes = Bounded::new(beside.copied().collect())?;
        Ok(TreePath { index: u32::try_from(index)?, hashes })
    };
    (0..leaves.len()).map(path).collect()
}

impl Site {
    fn issue(&mut self, node: &mut Node, frozen: &Frozen) -> Result<(), Fault> {
        let Frozen { number, list, rows, paths } = frozen;
        let all: Vec<_> = rows.iter().zip(paths).collect();
        for part in all.chunks(GROUP) {
            let group = part.iter().map(|(row, path)| -> (Compose<'_>, Done) {
                let compose: Compose<'_> = Box::new(|work, feed, at| {
                    let row = (**row, (*path).clone());
                    serve::issue(work, feed, (*number, list), row, EXPIRES, at)
                });
                (compose, Done::Issued((row.commodity == USD).then_some(row.purse)))
            });
            let answers = self.write(node, group.collect())?;
            if answers.iter().any(|(_, answer)| answer.is_none()) {
                return Err("an issue was refused".into());
            }
        }
        Ok(())
    }

    fn write(
        &mut self,
        node: &mut Node,
        group: Vec<(Compose<'_>, Done)>,
    ) -> Result<Vec<Outcome>, Fault> {
        let (group, done): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let answers = write_group(node, group)?;
        let mut both = Vec::with_capacity(done.len());
        for (done, answer) in done.into_iter().zip(answers) {
            if let Some(accepted) = &answer {
                self.written += u64::try_from(accepted.len())?;
                match (&done, accepted.as_slice()) {
                    (Done::Issued(Some(purse)) | Done::Came(purse), _) => self.held.push(*purse),
                    (Done::Redeemed, [one]) => self.refundable.push(one.at.index),
                    _ => {}
                }
            }
            both.push((done, answer));
        }
        Ok(both)
    }

    /// One group of requests in the fixed shares; returns the tickets of those who left, by the site they go to.
    fn round(
        &mut self,
        node: &mut Node,
        names: &[[u8; 8]],
        goal: u64,
    ) -> Result<Vec<(usize, Purse, Vec<Ticket>)>, Fault> {
        let wanted = usize::try_from(goal.saturating_sub(self.written))?.min(GROUP);
        let mut group: Vec<(Compose<'_>, Done)> = Vec::with_capacity(wanted);
        for (purse, tickets) in std::mem::take(&mut self.inbox) {
            let mut tickets = tickets.into_iter().peekable();
            while let Some(ticket) = tickets.next() {
                let done = if tickets.peek().is_none() { Done::Came(purse) } else { Done::Nothing };
                let compose: Compose<'_> =
                    Box::new(move |_, _, at| Ok(serve::claim(ticket.clone(), at)));
                group.push((compose, done));
            }
        }
        while group.len() < wanted {
            group.push(self.request(names));
        }
        let key = node.signing_key(Key::NodeSigning)?;
        let answers = self.write(node, group)?;
        let looking = node.store().look()?;
        let mut mail = Vec::new();
        for (done, answer) in answers {
            let (Done::Left(purse, to), Some(accepted)) = (done, answer) else { continue };
            // Of a basket, the first entry only binds.
            let sends = if accepted.len() > 1 { &accepted[1..] } else { &accepted[..] };
            let tickets = sends.iter().map(|sent| serve::ticket(&looking, &key, sent));
            mail.push((to, purse, tickets.collect::<Result<_, _>>()?));
        }
        Ok(mail)
    }

    fn request(&mut self, names: &[[u8; 8]]) -> (Compose<'static>, Done) {
        let Shares { refunds, tickets, baskets } = Shares::FIXED;
        let dice = self.chance.draw() % 100;
        if dice < refunds && !self.refundable.is_empty() {
            let which = self.chance.below(self.refundable.len());
            let redeem = self.refundable.swap_remove(which);
            let one = Amount::new(1).unwrap_or(Amount::MAX);
            return (Box::new(move |_, _, at| Ok(serve::refund(redeem, one, at))), Done::Nothing);
        }
        let which = self.chance.below(self.held.len());
        if dice < refunds + tickets && self.held.len() > 8 {
            let purse = self.held.swap_remove(which);
            let to = (self.number + 1 + self.chance.below(SITES - 1)) % SITES;
            let name = names[to];
            let compose: Compose<'_> =
                Box::new(move |work, feed, at| serve::travel(work, feed, &purse, name, (at, at)));
            return (compose, Done::Left(purse, to));
        }
        let items = if dice < refunds + tickets + baskets { COMMODITIES.len() } else { 1 };
        let charge = charge(self.held[which], items, &mut self.chance);
        (Box::new(move |work, feed, at| serve::charge(work, feed, &charge, at)), Done::Redeemed)
    }
}
