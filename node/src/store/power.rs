//! Articles: those the charter follows, those of other branches that lie aside, and the turn to a branch that was healed.

use std::sync::Arc;

use annona_ledger::charter::{Article, Branches, Charter, SignedArticle, Taken, Turn};
use annona_ledger::notice::{Learned, Roster, SignedNotice};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::work::Work;
use super::{Blob, Store, StoreFault, knew};

/// Kept while state is not that of the articles and notices beside it: a kill between the two is made good at the next
/// opening.
const STALE: &str = "stale";

impl Store {
    /// Applies the next article of the charter, or founds the federation with the first. Known articles change nothing.
    ///
    /// One of another branch is kept aside, and one that heals a fork takes the whole branch it stands on: what was
    /// followed from the fork on is given up, and state is derived anew.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Article`] where it stands on nothing known here, or lacks signatures; [`StoreFault::CharterForked`]
    /// where it is kept aside until the fork is healed.
    pub fn apply_article(&mut self, signed: &SignedArticle) -> Result<Learned, StoreFault> {
        let Some(charter) = self.charter.clone() else {
            let charter = Charter::found(signed).map_err(StoreFault::Article)?;
            return self.follow(signed, charter);
        };
        let mut branches = self.branches.clone();
        match branches.take(&charter, signed).map_err(StoreFault::Article)? {
            Taken::Known => Ok(Learned::Known),
            Taken::Follows(after) => self.follow(signed, *after),
            Taken::Heals(turn) => {
                self.turn(branches, &turn)?;
                Ok(Learned::New)
            }
            Taken::Aside => {
                if branches != self.branches {
                    self.put_blob(Blob::Aside, &signed.article.hash(), &signed.encode())?;
                    self.branches = branches;
                }
                match self.branches.fork(&charter) {
                    Some(epoch) => Err(StoreFault::CharterForked { epoch }),
                    None => Ok(Learned::Known),
                }
            }
        }
    }

    /// The branches of the charter that are not followed.
    #[must_use]
    pub const fn branches(&self) -> &Branches {
        &self.branches
    }

    /// The epoch with two articles, where the charter has forked and nothing has healed it yet.
    #[must_use]
    pub fn charter_fork(&self) -> Option<u32> {
        self.charter.as_ref().and_then(|charter| self.branches.fork(charter))
    }

    /// The charter that an article follows, here or on a branch that lies aside.
    #[must_use]
    pub fn followed(&self, article: &Article) -> Option<Charter> {
        self.charter.as_ref().and_then(|charter| self.branches.followed(charter, article))
    }

    /// Goes on with the next article.
    fn follow(&mut self, signed: &SignedArticle, charter: Charter) -> Result<Learned, StoreFault> {
        let charter = Arc::new(charter);
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if let Some(known) = &self.charter {
            knew::mark(&tx, known.epoch())?;
        }
        tx.execute(
            "INSERT INTO article(epoch, bytes) VALUES(?1, ?2)",
            params![signed.article.epoch, signed.encode()],
        )?;
        let heals = signed.article.heals();
        if heals {
            stale(&tx)?;
        }
        let work = Work::new(tx, charter.clone(), self.roster.clone());
        for change in work.budgets_beside(charter.epoch(), work.based().as_ref()) {
            work.apply(change);
        }
        work.commit()?;
        self.charter = Some(charter);
        if heals {
            // What was claimed between the fork and its healing may mean something else now.
            self.freshen()?;
        }
        Ok(Learned::New)
    }

    /// Comes over to a branch that was healed, in one transaction. Notices that it does not bear out go: an organisation
    /// that joined by what is given up admits nobody. Their blocks stay, as those of nodes that are not certified.
    fn turn(&mut self, mut branches: Branches, turn: &Turn) -> Result<(), StoreFault> {
        let given_up: Vec<SignedArticle> =
            self.articles()?.into_iter().filter(|a| a.article.epoch >= turn.from).collect();
        branches.turn(turn, given_up.iter().cloned());
        let mut roster = Roster::new();
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Of the branch that is healed it knew nothing yet.
        knew::mark(&tx, turn.from.saturating_sub(1))?;
        tx.execute("DELETE FROM article WHERE epoch>=?1", [turn.from])?;
        for signed in &turn.articles {
            tx.execute(
                "INSERT INTO article(epoch, bytes) VALUES(?1, ?2)",
                params![signed.article.epoch, signed.encode()],
            )?;
            tx.execute(
                "DELETE FROM blob WHERE kind=?1 AND name=?2",
                params![Blob::Aside as u8, signed.article.hash().0],
            )?;
        }
        for signed in &given_up {
            tx.execute(
                "INSERT OR REPLACE INTO blob(kind, name, bytes) VALUES(?1, ?2, ?3)",
                params![Blob::Aside as u8, signed.article.hash().0, signed.encode()],
            )?;
        }
        for notice in self.roster.notices() {
            if roster.learn(&turn.charter, notice).is_err() {
                tx.execute("DELETE FROM notice WHERE hash=?1", [notice.notice.hash().0])?;
            }
        }
        stale(&tx)?;
        tx.commit()?;
        (self.charter, self.roster) = (Some(Arc::new(turn.charter.clone())), Arc::new(roster));
        self.branches = branches;
        self.freshen()
    }

    /// Learns a certificate or cycle. Where claims waited for it, state is derived anew.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Notice`] where the charter does not bear it out.
    pub fn learn(&mut self, signed: &SignedNotice) -> Result<Learned, StoreFault> {
        let learned = self.learn_of_many(signed)?;
        self.fresh()?;
        Ok(learned)
    }

    /// Learns one of many: state is derived anew by [`Store::fresh`], or before anything is written.
    ///
    /// # Errors
    ///
    /// As [`Store::learn`].
    pub fn learn_of_many(&mut self, signed: &SignedNotice) -> Result<Learned, StoreFault> {
        let charter = self.charter.clone().ok_or(StoreFault::NoCharter)?;
        // Every bundle brings all notices again: those that are here to the letter cost a look, not a copy of all.
        if self.roster.notice(&signed.notice.hash()) == Some(signed) {
            return Ok(Learned::Known);
        }
        // Before the copy, which is of all notices there are.
        self.roster.check(&charter, signed).map_err(StoreFault::Notice)?;
        let mut roster = Roster::clone(&self.roster);
        let learned = roster.learn(&charter, signed).map_err(StoreFault::Notice)?;
        if learned == Learned::Known {
            return Ok(learned);
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute(
            "INSERT OR IGNORE INTO notice(hash, bytes) VALUES(?1, ?2)",
            params![signed.notice.hash().0, signed.encode()],
        )?;
        let mut anew = false;
        if let annona_ledger::notice::Notice::Node(certificate) = &signed.notice {
            let node = certificate.short();
            let waits = tx
                .query_row("SELECT 1 FROM waiting WHERE node=?1", [node], |_| Ok(()))
                .optional()?;
            // Tickets are believed under any key ever certified for the eight bytes: a second one may turn a forged
            // ticket into a good one. A key that was certified before turns none.
            let new = !self.roster.node_keys(&node).contains(&certificate.node);
            anew = new && (waits.is_some() || roster.node_keys(&node).len() > 1);
            if anew {
                stale(&tx)?;
            }
        }
        tx.commit()?;
        self.roster = Arc::new(roster);
        self.stale |= anew;
        Ok(learned)
    }

    /// Derives state anew where something that was learnt asks for it.
    ///
    /// # Errors
    ///
    /// [`StoreFault::Stale`] where that fails: nothing is written on old state, and it is tried again before the next
    /// transaction.
    pub fn fresh(&mut self) -> Result<(), StoreFault> {
        if !self.stale {
            return Ok(());
        }
        self.freshen().map_err(|why| match why {
            StoreFault::Disk(why) => StoreFault::Stale(why),
            other => other,
        })
    }

    /// Derives state anew where that was still to be done.
    pub(super) fn freshen(&mut self) -> Result<(), StoreFault> {
        // Also where it cannot be read whether it is: nothing is written before that is known.
        self.stale = true;
        if self.meta(STALE)?.is_some() {
            self.rebuild(&mut |_, _| {})?;
        }
        self.stale = false;
        Ok(())
    }
}

pub(super) fn stale(conn: &Connection) -> Result<(), StoreFault> {
    conn.execute("INSERT OR REPLACE INTO meta(key, value) VALUES(?1, x'')", [STALE])?;
    Ok(())
}

/// State is that of the articles and notices beside it, once this transaction is committed.
pub(super) fn fresh(conn: &Connection) -> Result<(), StoreFault> {
    conn.execute("DELETE FROM meta WHERE key=?1", [STALE])?;
    Ok(())
}

/// What lies aside in a file.
pub(super) fn aside(conn: &Connection, charter: &Charter) -> Result<Branches, StoreFault> {
    let mut rows = conn.prepare_cached("SELECT bytes FROM blob WHERE kind=?1")?;
    let mut all = Vec::new();
    for bytes in rows.query_map([Blob::Aside as u8], |r| r.get::<_, Vec<u8>>(0))? {
        all.push(SignedArticle::decode(&bytes?)?);
    }
    Ok(Branches::kept(charter, all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::tests::world::World;

    #[test]
    fn where_it_cannot_be_read_whether_state_is_fresh_nothing_is_written_on_it() {
        let mut world = World::new();
        let store = world.a.store_mut();
        stale(store.conn()).expect("noted");
        let other = Connection::open(store.path()).expect("opens");
        other.execute_batch("ALTER TABLE meta RENAME TO away").expect("unreadable");
        store.freshen().expect_err("unreadable");
        other.execute_batch("ALTER TABLE away RENAME TO meta").expect("readable");
        drop(store.begin().expect("derived anew first"));
        assert_eq!(store.meta(STALE).expect("readable"), None);
    }
}
