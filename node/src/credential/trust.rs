//! Who is believed: the keys of issuers, each with what it may issue for. Nothing is checked without such a list.

use annona_ledger::charter::Charter;
use annona_ledger::id::{FeedRef, Lane};
use annona_ledger::key::{PublicKey, WeakKey};
use annona_ledger::notice::{Roles, Roster};
use serde_json::{Value, json};

use super::when::Seconds;
use super::{cose, json as strict, jws};

/// The most issuers of one list.
pub const MAX_ISSUERS: usize = 4096;
/// The longest list as JSON, in bytes.
pub const MAX_FILE: usize = 1 << 20;
/// How many keys are tried for a card that does not say whose it is.
pub const MAX_TRIED: usize = 64;

/// One who is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The key it signs with.
    pub key: PublicKey,
    /// What its messages call the key; the first four bytes of it, with us.
    pub kid: Vec<u8>,
    /// What people call it.
    pub name: String,
    /// What it calls itself in credentials, where that is not its key: the `issuer` of W3C documents.
    pub id: Option<String>,
    /// The programme it may issue for; `None` for an issuer that is not of this federation.
    pub programme: Option<u16>,
    /// From when.
    pub from: Seconds,
    /// Until when, that second included.
    pub until: Seconds,
}

impl Issuer {
    /// An issuer of this federation.
    #[must_use]
    pub fn ours(
        key: PublicKey,
        programme: u16,
        name: &str,
        (from, until): (Seconds, Seconds),
    ) -> Self {
        let (kid, name) = (cose::kid(&key).to_vec(), name.to_owned());
        Self { key, kid, name, id: None, programme: Some(programme), from, until }
    }

    /// An issuer of somewhere else, whose key was compared by people.
    #[must_use]
    pub fn foreign(key: PublicKey, name: &str, until: Seconds) -> Self {
        let (kid, name) = (cose::kid(&key).to_vec(), name.to_owned());
        Self { key, kid, name, id: None, programme: None, from: Seconds(0), until }
    }
}

/// Why an issuer was not taken into a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotTrusted {
    /// Anything would verify under its key.
    #[error("{0}")]
    Weak(#[from] WeakKey),
    /// The list is full.
    #[error("a trust list holds at most {MAX_ISSUERS} issuers")]
    Full,
    /// A key may issue for a programme in one way only.
    #[error("the list has this key for this programme already")]
    Twice,
}

/// Who is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustList(Vec<Issuer>);

impl TrustList {
    /// A list of nobody: everything is refused.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one who is believed.
    ///
    /// # Errors
    ///
    /// [`NotTrusted`]; the list is as it was.
    pub fn add(&mut self, issuer: Issuer) -> Result<(), NotTrusted> {
        issuer.key.check()?;
        let same = |i: &Issuer| i.key == issuer.key && i.programme == issuer.programme;
        if self.0.iter().any(same) {
            return Err(NotTrusted::Twice);
        }
        if self.0.len() >= MAX_ISSUERS {
            return Err(NotTrusted::Full);
        }
        self.0.push(issuer);
        Ok(())
    }

    /// Everybody on it, in the order added.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.0.iter()
    }

    /// Those with a key.
    pub(super) fn of_key(&self, key: &PublicKey) -> impl Iterator<Item = &Issuer> {
        self.0.iter().filter(move |issuer| issuer.key == *key)
    }

    /// Who may have signed a message with this key id: each key once.
    pub(super) fn candidates(&self, kid: Option<&[u8]>) -> Vec<&Issuer> {
        let named = |issuer: &&Issuer| kid.is_none_or(|kid| issuer.kid == kid);
        let mut found: Vec<&Issuer> = Vec::new();
        for issuer in self.0.iter().filter(named) {
            if found.len() < MAX_TRIED && found.iter().all(|i| i.key != issuer.key) {
                found.push(issuer);
            }
        }
        found
    }
}

/// Reads and writes a list as JSON, for machines that have no ledger.
///
/// ```text
/// {"annona_trust":1,"issuers":[{"key":"z6Mk…","name":"Lakeside","programme":2,"from":…,"until":…}]}
/// ```
impl TrustList {
    /// The list as JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let line = |issuer: &Issuer| {
            let mut line = json!({
                "key": jws::multibase(&issuer.key),
                "name": issuer.name,
                "from": issuer.from.0,
                "until": issuer.until.0,
            });
            if let Some(line) = line.as_object_mut() {
                line.extend(issuer.programme.map(|p| ("programme".to_owned(), p.into())));
                line.extend(issuer.id.clone().map(|id| ("id".to_owned(), id.into())));
                if issuer.kid != cose::kid(&issuer.key) {
                    line.insert("kid".to_owned(), jws::base64(&issuer.kid).into());
                }
            }
            line
        };
        json!({ "annona_trust": 1, "issuers": self.0.iter().map(line).collect::<Vec<_>>() })
    }

    /// Reads a list. `None` where it is not one, is longer than [`MAX_FILE`], or has an issuer that cannot be believed.
    #[must_use]
    pub fn from_json(text: &[u8]) -> Option<Self> {
        if text.len() > MAX_FILE {
            return None;
        }
        let value = strict::read(text)?;
        if value.get("annona_trust")?.as_u64()? != 1 {
            return None;
        }
        let mut list = Self::new();
        for line in value.get("issuers")?.as_array()? {
            let key = jws::from_multibase(line.get("key")?.as_str()?)?;
            let kid = match line.get("kid") {
                None => cose::kid(&key).to_vec(),
                Some(kid) => jws::unbase64(kid.as_str()?)?,
            };
            let programme = match line.get("programme") {
                None => None,
                Some(number) => Some(u16::try_from(number.as_u64()?).ok()?),
            };
            let id = match line.get("id") {
                None => None,
                Some(id) => Some(id.as_str()?.to_owned()),
            };
            let name = line.get("name")?.as_str()?.to_owned();
            let time = |name: &str| line.get(name)?.as_u64().map(Seconds);
            let (from, until) = (time("from").unwrap_or_default(), time("until")?);
            list.add(Issuer { key, kid, name, id, programme, from, until }).ok()?;
        }
        Some(list)
    }

    /// Everybody of another list who is not here yet.
    ///
    /// # Errors
    ///
    /// [`NotTrusted::Full`].
    pub fn extend(&mut self, other: Self) -> Result<(), NotTrusted> {
        for issuer in other.0 {
            match self.add(issuer) {
                Ok(()) | Err(NotTrusted::Twice) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(())
    }
}

/// The issuers of a federation: every node whose certificate makes it a registrar of a programme.
///
/// `cut` says whether a feed was cut off. The first list are those that stand; the second those that ended, were
/// replaced or cut off, whose cards are believed only where the ledger has them.
#[must_use]
pub fn of_federation(
    charter: &Charter,
    roster: &Roster,
    cut: impl Fn(&FeedRef) -> bool,
) -> (TrustList, TrustList) {
    let (mut standing, mut ended) = (TrustList::new(), TrustList::new());
    let founded = charter.founded();
    for c in roster.nodes().filter(|c| c.roles.has(Roles::REGISTRAR)) {
        let from = Seconds::of(c.issued.begins(founded));
        let until = Seconds::of(c.not_after.begins(founded)).plus(59);
        let replaced = roster.successor(&c.short()).is_some();
        for programme in c.programmes.iter() {
            let feed = FeedRef { node: c.short(), lane: Lane::Registry, programme: *programme };
            let name = c.site_name.as_str();
            let issuer = Issuer::ours(c.node, programme.0, name, (from, until));
            let list = if replaced || cut(&feed) { &mut ended } else { &mut standing };
            // A certified key was checked; what does not fit is not believed.
            let _unfit: Result<(), NotTrusted> = list.add(issuer);
        }
    }
    (standing, ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use annona_ledger::key::SigningKey;

    #[test]
    fn a_list_reads_back_and_what_is_none_does_not() {
        let key = |seed| SigningKey::from_seed(&[seed; 32]).public();
        let mut list = TrustList::new();
        let times = (Seconds(5), Seconds(1000));
        list.add(Issuer::ours(key(1), 2, "Lakeside", times)).expect("good");
        list.add(Issuer::ours(key(1), 3, "Lakeside", times)).expect("another programme");
        let other = Issuer::foreign(key(2), "City", Seconds(7));
        let other = Issuer { kid: b"11".to_vec(), id: Some("https://city".into()), ..other };
        list.add(other).expect("good");
        let again = Issuer::ours(key(1), 2, "Hill", times);
        assert_eq!(list.add(again), Err(NotTrusted::Twice));
        let mut weak = [0; 32];
        weak[0] = 1;
        let weak = Issuer::foreign(PublicKey::Ed25519(weak), "anybody", Seconds(7));
        assert_eq!(list.add(weak), Err(NotTrusted::Weak(WeakKey)));
        let text = list.to_json().to_string();
        assert_eq!(TrustList::from_json(text.as_bytes()), Some(list));
        for (from, to) in [
            ("\"annona_trust\":1", "\"annona_trust\":2"),
            ("z6Mk", "z6Nk"),
            ("\"until\":1000", "\"until\":\"soon\""),
            ("\"programme\":3", "\"programme\":2"),
            ("\"programme\":3", "\"programme\":70000"),
            ("\"name\":\"City\",", ""),
            ("\"from\":5", "\"from\":5,\"from\":6"),
        ] {
            assert_ne!(text.replacen(from, to, 1), text, "{from}");
            assert_eq!(TrustList::from_json(text.replacen(from, to, 1).as_bytes()), None, "{to}");
        }
    }
}
