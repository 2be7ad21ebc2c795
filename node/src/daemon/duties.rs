//! What a node that runs does by itself for others: a witness signs the checkpoints it has seen come true, and who keeps
//! people's records follows the erasures it hears of.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::checkpoint::Refusal;
use annona_ledger::hash::Hash;
use annona_ledger::notice::Roles;
use annona_ledger::time::DayNo;

use crate::checkpoint::{self, CheckpointFault};
use crate::consent::ConsentFault;
use crate::copies;
use crate::erase;
use crate::log::Log;
use crate::node::Node;

/// Entries up to which a witness folds a checkpoint again that is not of this very moment: everything else waits meanwhile.
/// Beyond, a person asks for it (`annona checkpoint cosign`).
const FOLDED: u64 = 100_000;

/// Checkpoints in one look at most that are not signed for a fault of this node's own.
const TRIED: usize = 4;

/// What was done once and is not tried again.
#[derive(Default)]
pub(super) struct Duties {
    /// Checkpoints that are refused for good, or left to a person.
    settled: BTreeSet<Hash>,
    /// Checkpoints whose day has not come, and what day it was.
    ahead: BTreeMap<Hash, DayNo>,
    /// How many entries and checkpoints were known when checkpoints were looked at last.
    looked: Option<(u64, Vec<Hash>)>,
    /// How many entries were known when erasures were.
    entries: Option<u64>,
}

/// What came of a look.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    /// Whether something was written that peers lack.
    pub(super) wrote: bool,
}

impl Duties {
    /// Looks whether there is something to do, now that so many entries are known.
    pub(super) fn look(&mut self, node: &mut Node, entries: u64, log: &Log) -> Done {
        let mut done = Done::default();
        if node.may_sign().is_err() {
            return done;
        }
        done.wrote |= self.witness(node, entries, log);
        if self.entries != Some(entries) {
            self.entries = Some(entries);
            match follow(node) {
                Ok((0, 0)) => {}
                Ok((gone, seen)) => {
                    log.info("erasures_followed", &[("families", &gone), ("erasures", &seen)]);
                    done.wrote = true;
                }
                Err(why) => {
                    // It is looked again: who asked to be erased waits for it.
                    self.entries = None;
                    log.warn("erasures_not_followed", &[("why", &why)]);
                }
            }
        }
        done
    }

    /// Signs the newest checkpoint that was not signed, where all it tells of is here and nothing of it goes back.
    fn witness(&mut self, node: &mut Node, entries: u64, log: &Log) -> bool {
        let witness = node.certificate().is_some_and(|c| c.roles.has(Roles::WITNESS));
        if !witness {
            return false;
        }
        let own = node.public().short();
        let Ok(pages) = node.store().page_hashes() else { return false };
        let Ok(today) = node.latest().map(DayNo::of) else { return false };
        let at = Some((entries, pages.clone()));
        if self.looked == at {
            return false;
        }
        self.looked = at;
        // Newest first by what they say of themselves: one that is refused, or was signed, hides no other.
        let mut tried: usize = 0;
        for page in pages {
            if self.settled.contains(&page) || self.ahead.get(&page) == Some(&today) {
                continue;
            }
            match node.store().kept_page(&page) {
                Ok(Some(kept)) if kept.cosignatures.iter().any(|c| c.said.witness == own) => {
                    self.settled.insert(page);
                    continue;
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => continue,
            }
            if entries > FOLDED {
                self.settled.insert(page);
                let next = "annona checkpoint cosign";
                log.info("checkpoint_waits", &[("checkpoint", &page), ("next", &next)]);
                break;
            }
            match checkpoint::cosign(node, &page) {
                Ok(signed) => {
                    let cycles = signed.said.leaves.len();
                    log.info("cosigned", &[("checkpoint", &page), ("cycles", &cycles)]);
                    return true;
                }
                Err(CheckpointFault::Refused(refusal)) if refusal.status() == 422 => {
                    // Said once, and loudly: who goes back on what was signed is to be asked why.
                    self.settled.insert(page);
                    log.error("checkpoint_refused", &[("checkpoint", &page), ("why", &refusal)]);
                }
                // It tells nothing that was not signed, and never will.
                Err(CheckpointFault::Refused(Refusal::Stale)) => {
                    self.settled.insert(page);
                }
                Err(CheckpointFault::Refused(Refusal::Ahead { .. })) => {
                    self.ahead.insert(page, today);
                }
                // What it tells of has not all come yet. None that is refused is in another's way: whoever sends such pages
                // would keep every other from being signed. Those nobody has signed are limits::OPEN_PAGES at most.
                Err(CheckpointFault::Refused(_)) => {}
                Err(why) => {
                    log.warn("not_cosigned", &[("checkpoint", &page), ("why", &why)]);
                    tried = tried.saturating_add(1);
                    if tried == TRIED {
                        break;
                    }
                }
            }
        }
        false
    }
}

#[cfg(test)]
mod ahead;

/// Follows what others have erased: how many families went here, and how many erasures were answered.
fn follow(node: &mut Node) -> Result<(u64, u64), ConsentFault> {
    let keeps = Roles::REGISTRAR.and(Roles::VAULT);
    let keeps = node.certificate().is_some_and(|c| c.roles.meets(keeps));
    let keeps = keeps || !copies::kept(node)?.labels.is_empty();
    if !keeps || !erase::waits(node)? {
        return Ok((0, 0));
    }
    let mut vault = node.vault()?;
    let gone = erase::apply(node, &mut vault)?;
    let seen = erase::follow(node, &mut vault)?;
    Ok((gone, seen))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use annona_ledger::checkpoint::Page;
    use annona_ledger::time::Minute;

    use super::*;
    use crate::bundle::tests::world::{FOOD, World, enrol, export, import, short};
    use crate::clock::Clock;

    const DAY: u32 = 24 * 60;

    /// A and B, which know all of each other.
    fn both() -> World {
        let mut world = World::new();
        world.distribute(10);
        carry(&mut world, "first");
        world
    }

    fn carry(world: &mut World, name: &str) {
        let (b, folder) = (short(&world.b), world.path(name));
        let done = export(&mut world.a, &[b], &folder);
        assert!(import(&mut world.b, &done.files).is_whole());
    }

    /// A page of A that B has by a bundle.
    fn page(world: &mut World, name: &str) -> Page {
        let page = checkpoint::make(&mut world.a).expect("a page");
        carry(world, name);
        page
    }

    /// What a page says, under a later date, as anybody may send it: B keeps it.
    fn redated(world: &mut World, page: &Page, days: u32) -> Hash {
        let store = world.b.store_mut();
        let kept = store.kept_page(&page.checkpoint.hash()).expect("readable").expect("kept");
        let charter = store.charter().expect("founded").clone();
        let (state, working) = (page.state.to_vec(), page.working.to_vec());
        let time = Minute(page.checkpoint.time.0 + days * DAY);
        let page = Page::new(&charter, &kept.frontier, state, working, time).expect("fits");
        store.keep_page(&page).expect("stored").expect("stands");
        page.checkpoint.hash()
    }

    fn signed(world: &World, page: &Hash) -> bool {
        let kept = world.b.store().kept_page(page).expect("readable").expect("kept");
        kept.cosignatures.iter().any(|c| c.said.witness == short(&world.b))
    }

    fn entries(world: &World) -> u64 {
        world.b.store().feeds().expect("readable").iter().map(|feed| feed.head.next).sum()
    }

    fn log() -> Log {
        let said = crate::config::Config::default().log;
        Log::to(said, Clock::system(), Arc::new(Mutex::new(std::io::sink())))
    }

    fn look(duties: &mut Duties, world: &mut World) -> bool {
        let (entries, log) = (entries(world), log());
        duties.look(&mut world.b, entries, &log).wrote
    }

    #[test]
    fn a_witness_signs_every_page_that_tells_more_and_none_that_tells_less() {
        let mut world = both();
        let mut duties = Duties::default();
        let first = page(&mut world, "one").checkpoint.hash();
        assert!(look(&mut duties, &mut world) && signed(&world, &first));
        assert!(!look(&mut duties, &mut world), "nothing new");
        // One that it was never asked about, and the next: the old one is passed over for good, and hides nothing.
        enrol(&mut world.a, FOOD, [2; 16]);
        let old = page(&mut world, "two").checkpoint.hash();
        enrol(&mut world.a, FOOD, [3; 16]);
        let new = page(&mut world, "three").checkpoint.hash();
        assert!(look(&mut duties, &mut world));
        assert_eq!((signed(&world, &old), signed(&world, &new)), (false, true));
        enrol(&mut world.a, FOOD, [4; 16]);
        let last = page(&mut world, "four").checkpoint.hash();
        assert!(look(&mut duties, &mut world));
        assert_eq!((signed(&world, &old), signed(&world, &last)), (false, true));
    }

    #[test]
    fn pages_of_what_was_signed_however_they_are_dated_keep_no_page_from_being_signed() {
        let mut world = both();
        let mut duties = Duties::default();
        let old = page(&mut world, "one");
        enrol(&mut world.a, FOOD, [2; 16]);
        let signed_before = page(&mut world, "two");
        assert!(look(&mut duties, &mut world));
        assert!(signed(&world, &signed_before.checkpoint.hash()));
        // Far more than are tried in one look: within what a clock is believed, and past it.
        let sent: Vec<Hash> =
            (1..=3 * TRIED as u32).map(|n| redated(&mut world, &old, n * 4)).collect();
        enrol(&mut world.a, FOOD, [3; 16]);
        let new = page(&mut world, "three").checkpoint.hash();
        assert!(look(&mut duties, &mut world) && signed(&world, &new));
        assert!(sent.iter().all(|page| !signed(&world, page)));
    }

    #[test]
    fn a_page_dated_ahead_waits_for_its_day_and_holds_up_no_other() {
        let mut world = both();
        let mut duties = Duties::default();
        let honest = page(&mut world, "one");
        let ahead = redated(&mut world, &honest, 20);
        assert!(look(&mut duties, &mut world));
        assert!(signed(&world, &honest.checkpoint.hash()) && !signed(&world, &ahead));
        // What one clock has dated so is not signed until all that is known here has come so far.
        let alone = {
            enrol(&mut world.a, FOOD, [2; 16]);
            let page = page(&mut world, "two");
            let ahead = redated(&mut world, &page, 20);
            let honest = page.checkpoint.hash();
            let sql = "DELETE FROM checkpoint WHERE hash=?1";
            world.b.store().conn().execute(sql, [honest.0]).expect("it is not here");
            ahead
        };
        assert!(!look(&mut duties, &mut world) && !signed(&world, &alone));
    }
}
