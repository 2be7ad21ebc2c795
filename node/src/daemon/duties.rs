//! What a node that runs does by itself for others: a witness signs the checkpoints it has seen come true, and who keeps
//! people's records follows the erasures it hears of.

use std::collections::BTreeSet;

use annona_ledger::checkpoint::Refusal;
use annona_ledger::hash::Hash;
use annona_ledger::notice::Roles;

use crate::checkpoint::{self, CheckpointFault};
use crate::consent::ConsentFault;
use crate::copies;
use crate::erase;
use crate::log::Log;
use crate::node::Node;

/// Entries up to which a witness folds a checkpoint again that is not of this very moment: everything else waits meanwhile.
/// Beyond, a person asks for it (`annona checkpoint cosign`).
const FOLDED: u64 = 100_000;

/// Checkpoints that are tried in one look at most.
const TRIED: usize = 4;

/// What was done once and is not tried again.
#[derive(Default)]
pub(super) struct Duties {
    /// Checkpoints that are refused for good, or left to a person.
    settled: BTreeSet<Hash>,
    /// How many entries and checkpoints were known when checkpoints were looked at last.
    looked: Option<(u64, usize)>,
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
        let at = (entries, pages.len());
        if self.looked == Some(at) {
            return false;
        }
        self.looked = Some(at);
        // Newest first by what they say of themselves: one that is refused, or was signed, hides no other.
        let mut tried: usize = 0;
        for page in pages {
            if self.settled.contains(&page) {
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
            tried = tried.saturating_add(1);
            if tried > TRIED {
                break;
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
                    tried = 0;
                }
                // What it tells of has not all come yet, or its day has not.
                Err(CheckpointFault::Refused(_)) => {}
                Err(why) => log.warn("not_cosigned", &[("checkpoint", &page), ("why", &why)]),
            }
        }
        false
    }
}

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
