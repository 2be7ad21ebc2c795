//! A site that has handed out many times, and a node beside it that has heard of none of it.

use std::path::{Path, PathBuf};

use annona_ledger::amount::Amount;
use annona_ledger::entry::Method;
use annona_ledger::id::{Lane, MerchantId};
use annona_ledger::key::PublicKey;
use annona_node::node::{Compose, Node, Request};
use annona_node::serve::{self, Charge, Item};
use annona_node::writer::GROUP;

use super::carry::End;
use crate::bench::{CASH, Chance, Fault, Federation, USD, newcomer, opened, opened_at};

/// Families of the site, each with two lots.
const HOUSEHOLDS: u32 = 400;
const MERCHANTS: usize = 20;
/// At most 163.83.
const MOST: usize = 16_383;

/// Where both lie.
pub struct Pair {
    folder: PathBuf,
}

impl Pair {
    /// The pair of a site with at least so many entries: found under a place, or written there.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn at(place: &Path, entries: u64) -> Result<Self, Fault> {
        let folder = place.join(format!("pair-1-{entries}"));
        let pair = Self { folder };
        if !pair.folder.join("whole").exists() {
            pair.write(entries)?;
        }
        Ok(pair)
    }

    fn write(&self, entries: u64) -> Result<(), Fault> {
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder)?;
        }
        std::fs::create_dir_all(&self.folder)?;
        let (mut federation, purses) = opened(Federation::of(&self.folder, 1)?, HOUSEHOLDS)?;
        let mut site = federation.sites.remove(0);
        federation.treasury.close()?;
        let purses = purses.first().ok_or("a site")?;
        let feed = site.feed(Lane::Value, CASH);
        let mut chance = Chance::new(entries);
        let mut written = 0;
        while written < entries {
            let mut group: Vec<Request<'_>> = Vec::new();
            for _ in 0..GROUP {
                let units = 1 + u64::try_from(chance.below(MOST))?;
                let amount = Amount::new(units).unwrap_or(Amount::MAX);
                let merchant = u8::try_from(chance.below(MERCHANTS))?;
                let charge = Charge {
                    purse: purses[chance.below(purses.len())],
                    items: vec![Item { commodity: USD, amount }],
                    merchant: MerchantId([merchant; 16]),
                    method: Method::Pin,
                };
                let compose: Compose<'_> =
                    Box::new(move |work, feed, at| serve::charge(work, feed, &charge, at));
                group.push(Request { feed, compose });
            }
            for answer in site.write(&mut group)? {
                written += u64::try_from(answer?.len())?;
            }
        }
        site.seal_all()?;
        site.close()?;
        Ok(std::fs::write(self.folder.join("whole"), [])?)
    }

    fn heads(&self) -> PathBuf {
        self.folder.join("heads")
    }

    /// The site.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn site(&self) -> Result<Node, Fault> {
        opened_at(&self.folder.join("site-0"), &self.heads())
    }

    /// The node beside it.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn newcomer(&self) -> Result<Node, Fault> {
        opened_at(&self.folder.join("newcomer"), &self.heads())
    }

    /// Makes the node beside it anew.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn anew(&self) -> Result<(), Fault> {
        newcomer(self.site()?, &self.folder.join("newcomer"), &self.heads())?;
        // For processes that hold one of them each.
        let names = [self.site()?.public().short(), self.newcomer()?.public().short()];
        Ok(std::fs::write(self.folder.join("names"), names.concat())?)
    }

    /// The key of the other one: what the site meets is the newcomer.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn other(&self, node: &Node) -> Result<PublicKey, Fault> {
        let names = std::fs::read(self.folder.join("names"))?;
        let own = node.public().short();
        let other = names.chunks(8).find(|name| **name != own).ok_or("another name")?;
        let found = node.store().roster().nodes().find(|node| node.short() == *other);
        Ok(found.ok_or("its certificate")?.node)
    }

    /// Both, the second one anew.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn ends(&self) -> Result<(End, End), Fault> {
        self.anew()?;
        Ok((End::new(self.site()?)?, End::new(self.newcomer()?)?))
    }
}
