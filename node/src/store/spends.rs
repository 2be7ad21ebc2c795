//! What wallets signed, as found beside entries: who signed twice at one place is known, and nobody pays with it again
//! (spec/wallet.md). It is no part of state: evidence may be missing anywhere.

use annona_ledger::counter::Vouched;
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedId, Lane};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::limits;
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::view::View;
use annona_ledger::wallet::{CloneProof, Spend};
use annona_ledger::wire;
use rusqlite::{Row, params};

use super::rows;
use super::work::Work;

/// A spend and the signature of its key.
pub(super) type Signed = (Spend, Signature);

fn signed(row: &Row<'_>) -> rusqlite::Result<Signed> {
    let word: Vec<u8> = row.get(0)?;
    wire::decode(&word, limits::EVIDENCE_BYTES).map_err(|_| rows::damaged())
}

impl Work<'_> {
    /// Remembers the spends among words that stand beside an entry. What is not signed as it says is nobody's.
    pub(super) fn keep_spends(&self, feed: &FeedId, evidence: &[u8]) {
        if feed.lane != Lane::Value {
            return;
        }
        let Ok(Vouched(words)) = Vouched::decode(evidence) else { return };
        for (said, word) in words.iter() {
            if let Statement::Spend(spend) = said {
                self.keep_spend(&word.operator, &(*spend, word.signature));
            }
        }
    }

    /// Remembers a spend that was shown here, whether or not anything was handed out for it.
    pub fn keep_spend(&self, key: &PublicKey, (spend, signature): &Signed) {
        let federation = self.charter().federation();
        let stated = Stated { operator: *key, signature: *signature };
        // A counter so far up is nobody's, and could not be ordered in the file.
        if i64::try_from(spend.counter).is_err()
            || !Statement::Spend(*spend).is_by(&federation, &stated)
        {
            return;
        }
        self.write(
            "INSERT OR IGNORE INTO spend(key, counter, hash, previous, word) VALUES(?1, ?2, ?3, ?4, ?5)",
            params![
                key.bytes(),
                spend.counter.cast_signed(),
                spend.hash(&federation, key).0,
                spend.previous.0,
                wire::encode(&(*spend, *signature)),
            ],
        );
    }

    /// The spend of a key that comes last in its history, of those known here: its counter, and its name.
    #[must_use]
    pub fn last_spend(&self, key: &PublicKey) -> Option<(u64, Hash)> {
        let last = self.one(
            "SELECT counter, hash FROM spend WHERE key=?1 ORDER BY counter DESC, hash LIMIT 1",
            [key.bytes()],
            |row| Ok((row.get::<_, i64>(0)?, row.get(1)?)),
        );
        last.map(|(counter, hash)| (counter.cast_unsigned(), Hash(hash)))
    }

    /// The spend of a key that comes last in its history, of those known here, as its wallet signed it.
    #[must_use]
    pub fn newest_spend(&self, key: &PublicKey) -> Option<(Spend, Signature)> {
        self.one(
            "SELECT word FROM spend WHERE key=?1 ORDER BY counter DESC, hash LIMIT 1",
            [key.bytes()],
            signed,
        )
    }

    /// Whether a spend of a key is known here.
    #[must_use]
    pub fn has_spend(&self, key: &PublicKey, spend: &Spend) -> bool {
        let hash = spend.hash(&self.charter().federation(), key);
        let found = self.one(
            "SELECT 1 FROM spend WHERE key=?1 AND counter=?2 AND hash=?3",
            params![key.bytes(), spend.counter.cast_signed(), hash.0],
            |_| Ok(()),
        );
        found.is_some()
    }

    /// The proof that another spend is known here that stands at this one's place of the key's history.
    #[must_use]
    pub fn rival(&self, key: &PublicKey, own: &Signed) -> Option<CloneProof> {
        let federation = self.charter().federation();
        let (spend, hash) = (&own.0, own.0.hash(&federation, key));
        let other = self.one(
            "SELECT word FROM spend WHERE key=?1 AND (counter=?2 OR previous=?3) AND hash<>?4 LIMIT 1",
            params![key.bytes(), spend.counter.cast_signed(), spend.previous.0, hash.0],
            signed,
        )?;
        Some(CloneProof::of(federation, *key, *own, other))
    }

    /// The proof that a wallet was copied, if what is known here shows it.
    #[must_use]
    pub fn clone_of(&self, key: &PublicKey) -> Option<CloneProof> {
        let twice = |column: &str| {
            let sql = format!(
                "SELECT {column} FROM spend WHERE key=?1 GROUP BY {column} HAVING count(*)>1 LIMIT 1"
            );
            let place: Option<rusqlite::types::Value> =
                self.one(&sql, [key.bytes()], |row| row.get(0));
            let sql = format!(
                "SELECT word FROM spend WHERE key=?1 AND {column}=?2 ORDER BY hash LIMIT 2"
            );
            let both = self.all(&sql, params![key.bytes(), place?], signed);
            match both[..] {
                [one, other] => Some(CloneProof::of(self.charter().federation(), *key, one, other)),
                _ => None,
            }
        };
        twice("counter").or_else(|| twice("previous"))
    }

    /// Every key that signed twice at one place, with the proof, in order of key.
    #[must_use]
    pub fn clones(&self) -> Vec<CloneProof> {
        let keys = self.all(
            "SELECT key FROM spend GROUP BY key, counter HAVING count(*)>1
             UNION SELECT key FROM spend GROUP BY key, previous HAVING count(*)>1 ORDER BY 1",
            [],
            |row| row.get(0),
        );
        keys.into_iter().filter_map(|key| self.clone_of(&PublicKey::Ed25519(key))).collect()
    }
}
