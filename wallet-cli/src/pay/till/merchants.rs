//! Merchants: a name at the counter, a number on the ledger.

use annona_ledger::hash::{Purpose, keyed};
use annona_ledger::id::{FederationId, Lane, MerchantId, ProgrammeId};
use annona_ledger::view::{ChainNo, View};
use annona_node::store::{Store, Work};

use super::Till;
use crate::fault::Outcome;
use crate::words;

impl Till {
    /// A merchant by name or by its 32 digits; the site itself where none is named.
    pub(crate) fn merchant(&self, name: Option<&str>) -> Outcome<(MerchantId, String)> {
        let name = name.unwrap_or(&self.site).trim().to_owned();
        words::plain("the merchant's name", &name)?;
        Ok((merchant_number(&self.federation, self.id, &name), name))
    }

    /// Whether a counter known here has named a merchant in this programme; this site is one by itself.
    pub(crate) fn knows(&self, store: &Store, merchant: &MerchantId) -> Outcome<bool> {
        if *merchant == merchant_number(&self.federation, self.id, &self.site) {
            return Ok(true);
        }
        let work = store.look()?;
        let mut feeds = work.feeds().into_iter();
        let known = feeds.any(|feed| {
            (feed.id.lane, feed.id.programme) == (Lane::Value, self.id)
                && work.has_merchant(feed.chain, merchant)
        });
        work.check()?;
        Ok(known)
    }
}

/// Said of a merchant nobody has named before: a slip of the pen would part what a shop is owed.
pub(crate) fn new_merchant(name: &str) -> String {
    let name = words::name(name);
    format!(
        "{name} is a new merchant here, who is owed by itself. Was another meant? `annona merchant list`"
    )
}

/// The number of a merchant. The same name is the same merchant at every site of the federation, and nothing about it but
/// this number enters the ledger.
pub(crate) fn merchant_number(
    federation: &FederationId,
    programme: ProgrammeId,
    name: &str,
) -> MerchantId {
    if let Ok(id) = words::unhex("the merchant", name.trim()) {
        return MerchantId(id);
    }
    let (number, folded) = (programme.0.to_be_bytes(), words::fold(name));
    let parts: [&[u8]; 2] = [&number, folded.as_bytes()];
    let digest = keyed(Purpose::Commitment, &federation.0.0, &parts).0;
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    MerchantId(id)
}

/// The name a merchant's number has here, if it was ever served here.
pub(crate) fn merchant_name(store: &Store, id: &MerchantId) -> Option<String> {
    let name = store.meta(&format!("merchant:{id}")).ok()??;
    String::from_utf8(name).ok()
}

/// Remembers what a merchant's number is called: here, never on the ledger.
pub(crate) fn remember_merchant(store: &Store, id: &MerchantId, name: &str) -> Outcome {
    if merchant_name(store, id).is_none() {
        store.set_meta(&format!("merchant:{id}"), name.as_bytes())?;
    }
    Ok(())
}

/// The merchant a redemption names by its place among a chain's merchants.
pub(crate) fn merchant_at(work: &Work<'_>, chain: ChainNo, number: u32) -> Option<MerchantId> {
    work.merchant_names(chain).get(usize::try_from(number).ok()?).copied()
}
