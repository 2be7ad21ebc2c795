//! What offices do: enrol families, bind and cancel cards, freeze distribution lists.

use annona_ledger::entry::{CarrierKind, Control, Entry, Registry};
use annona_ledger::hash::Hash;
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::list::{Builder, Row};

use super::amount;
use crate::cast::{CYCLE, commodities};
use crate::check::Holds;
use crate::world::{Book, World};

impl World {
    /// Enrols a family, binds its card, or cancels it.
    pub(super) fn register(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let feed = self.feed(n, Lane::Registry, programme);
        let at = self.stamp(n, &feed);
        let which = self.rng.below(self.cast.families.len());
        let family = self.cast.families[which];
        let pseudonym = family.pseudonym[usize::from(programme.0 - 1)];
        let other = self.rng.below(self.cast.families.len());
        let carrier =
            if self.rng.chance(40) { self.cast.families[other % 2].card } else { family.card };
        let enrolled = self.nodes[n].model.is_enrolled(programme, &pseudonym);
        let registry = match self.rng.below(10) {
            0..8 if !enrolled && self.rng.chance(80) => Registry::Enrol { pseudonym, at },
            0..2 => Registry::Enrol { pseudonym, at },
            2..9 => Registry::CarrierBound { pseudonym, carrier, kind: CarrierKind::Paper, at },
            _ => Registry::CarrierCancelled { carrier, at },
        };
        self.write(n, &feed, &[Entry::from(registry).into()]).map(|_| ())
    }

    /// Draws up a distribution list, has two operators approve it, and freezes it.
    pub(super) fn freeze(&mut self, n: usize, programme: ProgrammeId) -> Holds {
        let feed = self.feed(n, Lane::Control, ProgrammeId::NONE);
        let at = self.stamp(n, &feed);
        if self.rng.chance(8) {
            let seen = Control::FaultSeen { feed: feed.short(), index: 3, proof: Hash([7; 32]) };
            return self.write(n, &feed, &[Entry::from(seen).into()]).map(|_| ());
        }
        let mut builder = Builder::new();
        let mut rows = Vec::new();
        let given = commodities(programme);
        for number in 0..u32::try_from(self.rng.between(3, 9)).unwrap_or(3) {
            let family = self.rng.below(self.cast.families.len());
            let row = Row {
                row: number,
                purse: self.cast.families[family].purse[usize::from(programme.0 - 1)],
                commodity: given[self.rng.below(given.len())],
                amount: amount(self.rng.between(5, 60)),
            };
            builder.push(&row).expect("few and small rows");
            rows.push(row);
        }
        let node = self.cast.nodes[self.nodes[n].person].short();
        let draft = builder.finish(node, programme, CYCLE, at).expect("it has rows");
        // Now and then one person signs twice, or one who may not.
        let (one, other) = match self.rng.below(12) {
            0 => (1, 1),
            1 => (0, 4),
            k => (k % 4, (k + 1) % 4),
        };
        let federation = self.cast.federation;
        let approve = |k: usize| draft.approve(&federation, &self.cast.operators[k]);
        let (a, b) = (approve(one), approve(other));
        let list = Entry::from(Control::List(Box::new(draft.clone().approved(a, b))));
        if let Some(promises) = self.write(n, &feed, &[list.clone().into()])? {
            // Whoever is asked for it again says that it stands.
            if rows.len() % 4 == 0 && self.peopled {
                self.write(n, &feed, &[list.into()])?;
            }
            let person = self.nodes[n].person;
            let index = promises.first().map_or(0, |p| p.index);
            self.books.push(Book { person, programme, index, rows });
        }
        Ok(())
    }
}
