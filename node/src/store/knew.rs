//! How much of the charter the author of an open tail knew: what was written before a fence was heard of must not bear the
//! epoch that says it was, whoever seals it and however late (spec/cuts.md, "What a cut forbids").

use annona_ledger::view::ChainNo;
use annona_ledger::wire;
use rusqlite::{OptionalExtension, Transaction, params};

use super::StoreFault;
use super::work::Work;

/// Under which name the marks are kept.
const MARKS: &str = "knew";
/// The most bytes of them: 16 for each feed of this node and article it has not sealed since.
const BYTES: usize = 1 << 16;

/// Chain, the index up to which its tail was written, and the last epoch its author knew then.
type Mark = (u32, u64, u32);

/// Marks every open tail as written by an author who knew the charter up to `epoch`: in the transaction that learns more.
pub(super) fn mark(tx: &Transaction<'_>, epoch: u32) -> Result<(), StoreFault> {
    let mut marks = marks(tx)?;
    let open = "SELECT no, next FROM chain WHERE next>sealed ORDER BY no";
    let mut statement = tx.prepare(open)?;
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get::<_, i64>(1)?.cast_unsigned())))?;
    for row in rows {
        let (chain, next): (u32, u64) = row?;
        // Where nothing was written since the last article, that one's mark stands.
        if !marks.iter().any(|(of, below, _)| (*of, *below) == (chain, next)) {
            marks.push((chain, next, epoch));
        }
    }
    keep(tx, &marks)
}

fn marks(tx: &Transaction<'_>) -> Result<Vec<Mark>, StoreFault> {
    let kept = "SELECT value FROM meta WHERE key=?1";
    let bytes: Option<Vec<u8>> = tx.query_row(kept, [MARKS], |r| r.get(0)).optional()?;
    Ok(bytes.map_or(Ok(Vec::new()), |bytes| wire::decode(&bytes, BYTES))?)
}

fn keep(tx: &Transaction<'_>, marks: &[Mark]) -> Result<(), StoreFault> {
    if marks.is_empty() {
        tx.execute("DELETE FROM meta WHERE key=?1", [MARKS])?;
    } else {
        let kept = "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)";
        tx.execute(kept, params![MARKS, wire::encode(&marks.to_vec())])?;
    }
    Ok(())
}

impl Work<'_> {
    /// The first part of a chain's tail, from an index on, that was written before an article was learned: up to where, and
    /// the epoch known then.
    pub(super) fn knew(&self, chain: ChainNo, from: u64) -> Result<Option<(u64, u32)>, StoreFault> {
        let marks = marks(&self.tx)?.into_iter();
        let of = marks.filter(|(of, below, _)| *of == chain.0 && *below > from);
        Ok(of.map(|(_, below, epoch)| (below, epoch)).min())
    }

    /// Lets the marks go of what is sealed.
    pub(super) fn forget_knew(&self, chain: ChainNo, sealed: u64) -> Result<(), StoreFault> {
        let mut marks = marks(&self.tx)?;
        let before = marks.len();
        marks.retain(|(of, below, _)| *of != chain.0 || *below > sealed);
        if marks.len() < before { keep(self.writing()?, &marks) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use annona_ledger::charter::{Act, Article, SignedArticle};
    use annona_ledger::id::{Lane, OrgId};
    use annona_ledger::view::View;
    use annona_ledger::wire::Bounded;

    use crate::bundle::tests::world::{self, FOOD, MAY, World};

    /// An article that says nothing new of value: it closes May.
    fn next(world: &World) -> SignedArticle {
        let cuts = Bounded::empty();
        let acts = Bounded::new(vec![Act::Close { programme: FOOD, cycle: MAY, cuts }]);
        let previous = world.founding.article.hash();
        let article = Article { epoch: 1, previous, acts: acts.expect("few") };
        let federation = world.federation();
        let by = [1u8, 2].map(|n| (OrgId(n.into()), article.sign(&federation, &world::key(n))));
        SignedArticle { signatures: Bounded::new(by.to_vec()).expect("few"), article }
    }

    /// The epochs of the blocks of B's registry feed, and how many entries each has.
    fn epochs(world: &World) -> Vec<(u32, u16)> {
        let work = world.b.store().look().expect("readable");
        let trunk = work.trunk(&world.b.feed(Lane::Registry, FOOD)).expect("known");
        let sealed = (0..9).map_while(|seq| work.sealed(trunk, seq));
        let count = |first: u64, next: u64| u16::try_from(next - first).expect("few");
        sealed.map(|block| (block.epoch, count(block.first, block.next))).collect()
    }

    #[test]
    fn a_tail_is_sealed_with_the_charter_its_author_knew_when_it_was_written() {
        let mut w = World::new();
        let article = next(&w);
        for who in 1..=3 {
            world::enrol(&mut w.b, FOOD, [who; 16]);
        }
        // As `charter apply` does, which has no key to seal with.
        w.b.store_mut().apply_article(&article).expect("a good article");
        world::enrol(&mut w.b, FOOD, [4; 16]);
        drop(w.b);
        w.b = world::reopen(w.dir.path(), "b");
        w.b.seal_all().expect("sealed");
        world::enrol(&mut w.b, FOOD, [5; 16]);
        w.b.seal_all().expect("sealed");
        assert_eq!(epochs(&w), [(0, 3), (1, 1), (1, 1)]);
    }

    #[test]
    fn who_may_not_sign_takes_in_an_article_all_the_same() {
        let mut w = World::new();
        let article = next(&w);
        world::enrol(&mut w.b, FOOD, [1; 16]);
        let feed = w.b.feed(Lane::Registry, FOOD);
        w.b.refuse(&feed, 9, 1).expect("noted");
        w.b.apply_article(&article).expect("a good article");
        assert_eq!(w.b.store().charter().expect("known").epoch(), 1);
        assert!(epochs(&w).is_empty(), "and seals nothing");
    }
}
