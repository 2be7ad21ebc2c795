//! The person file of an open node: made on first use, and never begun anew where it was lost (spec/privacy.md, "Lost files").

use annona_ledger::consent::People;
use annona_ledger::entry::{Entry, Registry};
use annona_ledger::id::Lane;
use annona_ledger::view::{At, View};

use super::{Node, NodeFault};
use crate::folder::PEOPLE;
use crate::keystore::{Name, Secret};
use crate::store::StoreFault;
use crate::vault::{Vault, VaultFault, key_path};

impl Node {
    /// This node's person file; made on first use.
    ///
    /// # Errors
    ///
    /// [`VaultFault::Lost`] where there was one, as its data keys or the ledger tell; [`VaultFault::WrongKey`] where the key
    /// file has no key of it; otherwise as [`Vault::open_under`].
    pub fn vault(&self) -> Result<Vault, VaultFault> {
        self.open_people(Vault::open_under)
    }

    /// As [`Node::vault`], where its data keys are lost as well: for taking them back from a copy.
    ///
    /// # Errors
    ///
    /// As [`Node::vault`].
    pub fn vault_without_keys(&self) -> Result<Vault, VaultFault> {
        self.open_people(Vault::open_without_keys)
    }

    fn open_people(
        &self,
        open: fn(
            &std::path::Path,
            &crate::seal::Key,
            &[crate::seal::Key],
        ) -> Result<Vault, VaultFault>,
    ) -> Result<Vault, VaultFault> {
        let path = self.folder.file(PEOPLE);
        let key = self.keys.get(Name::Vault).and_then(Secret::as_key);
        let key = key.ok_or_else(|| VaultFault::WrongKey { path: path.clone() })?;
        let sites = self.keys.site_keys();
        if path.exists() {
            return open(&path, &key, &sites);
        }
        // Begun anew it would say of everybody that she is new here, and she would be enrolled twice. A ledger that cannot
        // be read says of nobody that she is not.
        if key_path(&path).exists() || self.has_registered().unwrap_or(true) {
            return Err(VaultFault::Lost { path });
        }
        Vault::create_under(&path, &key, &sites)
    }

    /// Whether this node, or one it goes on for, has said anything in a registry but that it refused somebody: a terminal
    /// does, and knows nobody.
    fn has_registered(&self) -> Result<bool, NodeFault> {
        let mut own = vec![self.public().short()];
        while let Some(last) = own.last() {
            let certified = self.store.roster().node(last).and_then(|c| c.replaces);
            let noted = self.store.meta(&was(last))?.and_then(|short| short.try_into().ok());
            match certified.or(noted) {
                Some(before) if !own.contains(&before) => own.push(before),
                _ => break,
            }
        }
        let feeds = match self.store.feeds() {
            // In no federation nothing is said.
            Err(StoreFault::NoCharter) => return Ok(false),
            other => other?,
        };
        let work = self.store.look()?;
        for feed in feeds
            .iter()
            .filter(|feed| feed.id.lane == Lane::Registry && own.contains(&feed.id.node.short()))
        {
            // What lies below rows or was pruned is not here to be looked at: somebody may be in it.
            let chain = feed.chain;
            let mut all = (0..feed.head.next).map(|index| work.entry_at(At { chain, index }));
            let nobody = |entry: Option<Entry>| {
                matches!(entry, Some(Entry::Registry(Registry::People(People::Refused { .. }))))
            };
            if View::floor(&work, chain).next > 0 || !all.all(nobody) {
                return Ok(true);
            }
        }
        work.check()?;
        Ok(false)
    }
}

/// Where the ledger file notes which key a node went on from, before a certificate says so.
pub(super) fn was(node: &[u8; 8]) -> String {
    format!("was {:016x}", u64::from_be_bytes(*node))
}

#[cfg(test)]
mod tests {
    use annona_ledger::consent::RefusalClass;

    use super::*;
    use crate::bundle::tests::world::{CANARY, FOOD, World, enrol};
    use crate::counter;

    #[test]
    fn who_only_ever_refused_somebody_has_no_person_file_to_lose() {
        let mut world = World::new();
        let class = RefusalClass::Authentication;
        let slip = counter::slip().expect("a number");
        counter::refuse(&mut world.b, FOOD, slip, class).expect("said");
        let feed = world.b.feed(Lane::Registry, FOOD);
        let said = world.b.store().feeds().expect("readable").into_iter().find(|f| f.id == feed);
        assert_eq!(said.expect("known").head.next, 1);
        drop(world.b.vault().expect("a terminal knows nobody: it begins one"));
        let gone = |node: &Node| {
            let path = node.folder().file(PEOPLE);
            std::fs::remove_file(key_path(&path)).unwrap_or(());
            std::fs::remove_file(path).expect("it was there");
        };
        gone(&world.b);
        enrol(&mut world.b, FOOD, CANARY);
        assert!(matches!(world.b.vault(), Err(VaultFault::Lost { .. })));
    }
}
