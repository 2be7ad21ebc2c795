//! Status lists: which cards and credentials were revoked, one bit each (spec/credentials.md).
//!
//! In a Token Status List the first entry is the *least* significant bit of the first byte; in a Bitstring Status List of
//! W3C it is the *most* significant. Each has one place here where that is said.

pub mod bitstring;
pub mod token;

use std::collections::BTreeMap;

use annona_ledger::key::PublicKey;
use base64ct::{Base64UrlUnpadded, Encoding};

use super::Refusal;
use super::card::{Against, OnStale, StatusRef};
use super::cbor::Item;
use super::trust::{Issuer, TrustList};
use super::when::Seconds;

/// Entries of a list of ours: the floor of both standards, under which an index says too much of who is looked up.
pub const ENTRIES: u32 = 131_072;
/// How long a list of ours is fresh, in seconds: a site that meets nobody for a week still honours cards unflagged.
pub const TTL: u64 = 7 * 24 * 60 * 60;
/// How long a list that does not say is fresh: a day.
const UNSAID_TTL: u64 = 24 * 60 * 60;
/// The most bytes a list unpacks to: 2²³ entries of one bit.
pub const MAX_LIST: usize = 1 << 20;
/// The most lists held at once.
pub const MAX_HELD: usize = 4096;
/// CWT claim of a token's status.
pub(super) const STATUS: i64 = 65_535;
/// The longest name of a list.
const MAX_URI: usize = 256;

/// The name of a list of ours: `annona:i-gH9qHC/2.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ListName {
    /// The first six bytes of its issuer's key.
    pub issuer: [u8; 6],
    /// The programme.
    pub programme: u16,
    /// Which of the issuer's lists for it, from 1.
    pub number: u32,
}

impl ListName {
    /// The name of an issuer's list.
    #[must_use]
    pub fn of(issuer: &PublicKey, programme: u16, number: u32) -> Self {
        let [a, b, c, d, e, f, ..] = *issuer.bytes();
        Self { issuer: [a, b, c, d, e, f], programme, number }
    }

    /// Reads a name; `None` where it is another's, or not spelt as [`ListName`] prints.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (short, place) = text.strip_prefix("annona:")?.split_once('/')?;
        let (programme, number) = place.split_once('.')?;
        let mut issuer = [0; 6];
        Base64UrlUnpadded::decode(short, &mut issuer).ok()?;
        let name =
            Self { issuer, programme: programme.parse().ok()?, number: number.parse().ok()? };
        (name.to_string() == text).then_some(name)
    }
}

impl std::fmt::Display for ListName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let short = Base64UrlUnpadded::encode_string(&self.issuer);
        write!(f, "annona:{short}/{}.{}", self.programme, self.number)
    }
}

/// A list of entries of 1, 2, 4 or 8 bits. An entry that is not 0 is not valid.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    bits: u8,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for StatusList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StatusList({} entries of {} bits)", self.entries(), self.bits)
    }
}

impl Default for StatusList {
    fn default() -> Self {
        Self::new()
    }
}

impl StatusList {
    /// A list of [`ENTRIES`] that are all valid.
    #[must_use]
    pub fn new() -> Self {
        Self { bits: 1, bytes: vec![0; ENTRIES as usize / 8] }
    }

    /// A list as its bytes stand in a token status list: the first entry lowest. `None` for another width.
    #[must_use]
    pub fn of(bits: u8, bytes: Vec<u8>) -> Option<Self> {
        matches!(bits, 1 | 2 | 4 | 8).then_some(Self { bits, bytes })
    }

    /// Bits of an entry.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.bits
    }

    /// The bytes: the first entry in the lowest bits of the first.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many entries there are.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.bytes.len() * 8 / usize::from(self.bits)
    }

    /// An entry; `None` where there is none.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<u8> {
        let (byte, shift, mask) = self.place(index)?;
        self.bytes.get(byte).map(|byte| byte >> shift & mask)
    }

    /// Marks an entry as revoked, for ever. Says whether there is such an entry.
    pub fn revoke(&mut self, index: u32) -> bool {
        let Some((byte, shift, _)) = self.place(index) else { return false };
        self.bytes.get_mut(byte).map(|byte| *byte |= 1 << shift).is_some()
    }

    /// How many entries are not valid.
    #[must_use]
    pub fn revoked(&self) -> usize {
        if self.bits == 1 {
            return self.bytes.iter().map(|byte| byte.count_ones() as usize).sum();
        }
        let each = 0..u32::try_from(self.entries()).unwrap_or(u32::MAX);
        each.filter(|index| self.get(*index).is_some_and(|entry| entry != 0)).count()
    }

    /// Least significant first: entry 0 of a byte is its lowest bits.
    fn place(&self, index: u32) -> Option<(usize, u32, u8)> {
        let per_byte = 8 / u32::from(self.bits);
        let byte = usize::try_from(index / per_byte).ok()?;
        let mask = u8::try_from((1u16 << self.bits) - 1).ok()?;
        Some((byte, index % per_byte * u32::from(self.bits), mask))
    }
}

/// What a list says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub uri: String,
    /// Of when it is.
    pub issued: Seconds,
    /// For how many seconds it is fresh.
    pub ttl: Option<u64>,
    /// Until when it may be used at all.
    pub expires: Option<Seconds>,
}

impl About {
    fn fresh_until(&self) -> Seconds {
        let unsaid = self.ttl.is_none() && self.expires.is_none();
        let ttl = self.ttl.or(unsaid.then_some(UNSAID_TTL));
        let by_ttl = ttl.map_or(Seconds(u64::MAX), |ttl| self.issued.plus(ttl));
        self.expires.map_or(by_ttl, |expires| expires.min(by_ttl))
    }
}

/// A list whose issuer is on the trust list and signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// Who signed it.
    pub issuer: PublicKey,
    /// What it says of itself.
    pub about: About,
    /// The entries.
    pub list: StatusList,
}

/// What is known of one entry.
enum Known {
    Good { as_of: Seconds, fresh: bool },
    Nothing { fresh: bool },
}

/// The lists that are held, by issuer and name, the newest of each.
#[derive(Clone, Debug, Default)]
pub struct Statuses(BTreeMap<([u8; 32], String), Signed>);

impl Statuses {
    /// No list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a list of any form, after checking it. An older one than is held changes nothing. Says its name.
    ///
    /// # Errors
    ///
    /// The first [`Refusal`] that applies.
    pub fn take(
        &mut self,
        bytes: &[u8],
        trust: &TrustList,
        now: Seconds,
    ) -> Result<String, Refusal> {
        let signed = token::read(bytes, trust, now)?;
        let uri = signed.about.uri.clone();
        let place = (*signed.issuer.bytes(), uri.clone());
        let newer = self.0.get(&place).is_none_or(|held| held.about.issued < signed.about.issued);
        if newer {
            if !self.0.contains_key(&place) && self.0.len() >= MAX_HELD {
                return Err(Refusal::Unreadable("more status lists than are held at once"));
            }
            self.0.insert(place, signed);
        }
        Ok(uri)
    }

    /// What is known of a card.
    ///
    /// # Errors
    ///
    /// [`Refusal::Revoked`]; [`Refusal::NotAuthentic`] for an entry the list has not.
    fn look(&self, issuer: &PublicKey, at: &StatusRef, now: Seconds) -> Result<Known, Refusal> {
        // Only the issuer's own list speaks of its cards, whatever it is called.
        let Some(held) = self.0.get(&(*issuer.bytes(), at.uri.clone())) else {
            return Ok(Known::Nothing { fresh: false });
        };
        match held.list.get(at.index) {
            None => Err(Refusal::NotAuthentic("its status list has no such entry")),
            Some(0) => {
                Ok(Known::Good { as_of: held.about.issued, fresh: now <= held.about.fresh_until() })
            }
            Some(_) => Err(Refusal::Revoked),
        }
    }
}

/// The issuer, for the programme in the name of a list: a key may issue for some programmes and not for others.
pub(super) fn within<'t>(
    trust: &'t TrustList,
    issuer: &'t Issuer,
    at: Option<&StatusRef>,
) -> Result<&'t Issuer, Refusal> {
    let Some(at) = at.filter(|_| issuer.programme.is_some()) else { return Ok(issuer) };
    let programme = ListName::parse(&at.uri).map(|name| name.programme);
    let mut all = trust.of_key(&issuer.key);
    all.find(|one| one.programme.is_none() || one.programme == programme)
        .ok_or(Refusal::NotAuthentic("its issuer may not issue for this programme"))
}

/// As of when a credential is known to hold, and whether that is fresh. What is of our issuers and has no status is stale.
pub(super) fn known(
    against: &Against<'_>,
    issuer: &Issuer,
    at: Option<&StatusRef>,
) -> Result<(Option<Seconds>, bool), Refusal> {
    let known = match at {
        None => Known::Nothing { fresh: issuer.programme.is_none() },
        Some(at) => against.statuses.look(&issuer.key, at, against.now)?,
    };
    let (as_of, fresh) = match known {
        Known::Good { as_of, fresh } => (Some(as_of), fresh),
        Known::Nothing { fresh } => (None, fresh),
    };
    if !fresh && against.stale == OnStale::Refuse {
        let why = if as_of.is_some() { "its status list is too old" } else { "no status list" };
        return Err(Refusal::Stale(why));
    }
    Ok((as_of, fresh))
}

/// Reads where a token's status stands.
pub(super) fn reference(status: &Item<'_>) -> Result<StatusRef, Refusal> {
    let wrong = Refusal::NotOurs("a status of another kind");
    let list = status.named("status_list").ok_or(wrong)?;
    let index = list.named("idx").and_then(Item::as_u64).ok_or(wrong)?;
    let uri = list.named("uri").and_then(Item::as_text).ok_or(wrong)?;
    if uri.len() > MAX_URI {
        return Err(wrong);
    }
    Ok(StatusRef { uri: uri.to_owned(), index: u32::try_from(index).map_err(|_| wrong)? })
}
