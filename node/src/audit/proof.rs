//! A proof of one entry in one small file, and its check by somebody who has nothing else (spec/audit-file.md, "Proofs").

use annona_ledger::amount::Amount;
use annona_ledger::audit::Source;
use annona_ledger::charter::{Charter, SignedArticle};
use annona_ledger::day::Day;
use annona_ledger::entry::{Entry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::id::{FederationId, FeedRef, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::merkle;
use annona_ledger::notice::{Roster, SignedNotice};
use annona_ledger::receipt::{Heading, Receipt};
use annona_ledger::settlement::Settling;
use annona_ledger::ticket::Sent;
use annona_ledger::wire::{self, Bounded, Bytes};
use serde::{Deserialize, Serialize};

use super::labels::Labels;
use super::look::{LookFault, Looking};
use crate::config::Zone;

/// The first bytes of a proof file.
pub const MAGIC: &[u8; 16] = b"annona proof v1\n";
/// Articles in one proof.
const ARTICLES: usize = 256;
/// Notices in one proof: of the feed's node and of the senders behind its lot, and of their operators none.
const NOTICES: usize = limits::HOPS + 2;
/// Bytes of a proof file.
pub const PROOF_BYTES: usize = 4 << 20;

/// What a proof file holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The federation.
    pub federation: FederationId,
    /// Its charter.
    pub articles: Bounded<SignedArticle, ARTICLES>,
    /// The certificates that are needed.
    pub notices: Bounded<SignedNotice, NOTICES>,
    /// The entry, its path, its block's header and what filled its lot.
    pub receipt: Receipt,
}

impl Proof {
    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        [MAGIC.as_slice(), &wire::encode(self)].concat()
    }
}

/// Makes the proof of an entry; where a feed has forked and several stand there, of the one whose hash begins so, in
/// hexadecimal digits.
///
/// # Errors
///
/// [`LookFault`].
pub fn prove(
    source: &impl Source,
    feed: &FeedRef,
    index: u64,
    name: Option<&str>,
) -> Result<Proof, LookFault> {
    let mut looking = Looking::at(source, Zone::default())?;
    let name = looking.choose(feed, index, name)?;
    let found = looking.find(feed, index, Some(&name))?;
    let block = &found.block;
    let mut leaves = Vec::new();
    let mut entry = Vec::new();
    let mut rest: &[u8] = &block.body;
    for at in block.header.first..block.header.end().next {
        let Ok((_, after)) = Entry::take(feed.lane, rest) else { break };
        let bytes = rest.get(..rest.len().saturating_sub(after.len())).unwrap_or_default();
        if at == index {
            entry = bytes.to_vec();
        }
        leaves.push(leaf(bytes));
        rest = after;
    }
    let no_entry = || LookFault::NoEntry { feed: *feed, index };
    let place = u32::try_from(index.saturating_sub(block.header.first)).map_err(|_| no_entry())?;
    let path = merkle::path(&leaves, place).ok_or_else(no_entry)?;
    let hops: Vec<Sent> = match &found.placed.entry {
        Entry::Value(value) => hops(value, &|at| looking.value(feed, at).ok()),
        Entry::Registry(_) | Entry::Control(_) | Entry::Later(_) => Vec::new(),
    };
    let mut articles = Vec::new();
    let mut wanted: Vec<[u8; 8]> = vec![feed.node];
    wanted.extend(hops.iter().map(|hop| hop.node));
    let mut notices: Vec<SignedNotice> = Vec::new();
    for node in wanted {
        let certificate = looking.ground.roster.node(&node);
        let notice = looking.ground.roster.notices().find(|signed| match &signed.notice {
            annona_ledger::notice::Notice::Node(c) => Some(c) == certificate,
            _ => false,
        });
        if let Some(notice) = notice.filter(|notice| !notices.contains(notice)) {
            notices.push(notice.clone());
        }
    }
    source.said(&mut |_, said| {
        if let annona_ledger::audit::Said::Article(article) = said
            && article.article.epoch <= looking.ground.charter.epoch()
        {
            articles.push(*article);
        }
    });
    let large = |_| LookFault::TooLarge("the charter is too long for a proof");
    Ok(Proof {
        federation: looking.ground.charter.federation(),
        articles: Bounded::new(articles).map_err(large)?,
        notices: Bounded::new(notices).map_err(large)?,
        receipt: Receipt {
            feed: *feed,
            entry: Bytes::new(entry).map_err(|_| LookFault::TooLarge("the entry is too long"))?,
            path,
            heading: Heading::of(&block.header),
            signature: block.signature,
            provenance: Bounded::new(hops).unwrap_or_default(),
        },
    })
}

/// The lot an entry takes from, or stands for.
pub(super) fn lot_of(value: &Value, at: &impl Fn(u64) -> Option<Value>) -> Option<u64> {
    match value {
        Value::Redeem { lot, .. } | Value::Hold { lot, .. } | Value::FloatRedeem { lot, .. } => {
            Some(lot.0)
        }
        Value::Issue { from, .. } => Some(from.0),
        Value::Send(send) => Some(send.from.0),
        Value::FloatCover(cover) => Some(cover.from.0),
        // What these look back at stands earlier in the same feed, so this ends.
        Value::Post { hold, .. } | Value::Drop { hold, .. } => match at(*hold)? {
            Value::Hold { lot, .. } => Some(lot.0),
            _ => None,
        },
        Value::Refund { redeem, .. } => match at(*redeem)? {
            found @ (Value::Redeem { .. } | Value::Post { .. }) => lot_of(&found, at),
            _ => None,
        },
        Value::Merchant { .. }
        | Value::Claim { .. }
        | Value::End { .. }
        | Value::Orphan(_)
        | Value::DayClose { .. }
        | Value::Settle { .. }
        | Value::Basket { .. } => None,
    }
}

/// The sends that filled the lot of an entry, nearest first: those its claim carried.
fn hops(value: &Value, at: &impl Fn(u64) -> Option<Value>) -> Vec<Sent> {
    let mut value = value.clone();
    // An entry takes from an earlier one; a hostile feed that says otherwise is followed no further than this.
    for _ in 0..64 {
        if let Value::Claim { ticket, .. } = &value {
            return ticket.sends().take(limits::HOPS).copied().collect();
        }
        let Some(next) = lot_of(&value, at).and_then(at) else { break };
        value = next;
    }
    Vec::new()
}

/// What a proof proves, or why it proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Whether the entry stands where the proof says, by keys the charter answers for.
    pub proven: bool,
    /// The federation, in hexadecimal: the one thing the reader must know from elsewhere.
    pub federation: String,
    /// The feed.
    pub feed: String,
    /// The index of the entry.
    pub index: u64,
    /// Line by line: what was checked, and what it says.
    pub words: Vec<String>,
}

/// Checks the bytes of a proof file. Where `federation` is given, only that one will do. Times are those of a zone.
#[must_use]
pub fn check_proof(bytes: &[u8], federation: Option<FederationId>, zone: Zone) -> Checked {
    let mut checked = Checked {
        proven: false,
        federation: String::new(),
        feed: String::new(),
        index: 0,
        words: Vec::new(),
    };
    let no = |mut checked: Checked, words: String| {
        checked.words.push(words);
        checked.proven = false;
        checked
    };
    let Some(body) = bytes.strip_prefix(MAGIC.as_slice()) else {
        return no(checked, "This is not a proof file of this version.".to_owned());
    };
    let proof: Proof = match wire::decode(body, PROOF_BYTES) {
        Ok(proof) => proof,
        Err(fault) => return no(checked, format!("The proof file is damaged: {fault}.")),
    };
    checked.federation = proof.federation.to_string();
    checked.feed = proof.receipt.feed.to_string();
    checked.index = proof.receipt.index();
    if federation.is_some_and(|wanted| wanted != proof.federation) {
        return no(checked, "The proof is of another federation than asked for.".to_owned());
    }
    let mut charter: Option<Charter> = None;
    for article in proof.articles.iter() {
        let next = match &charter {
            None => Charter::found(article),
            Some(charter) => charter.apply(article),
        };
        match next {
            Ok(next) => charter = Some(next),
            Err(why) => {
                let epoch = article.article.epoch;
                return no(
                    checked,
                    format!("Article {epoch} of the charter does not hold: {why}."),
                );
            }
        }
    }
    let Some(charter) = charter.filter(|charter| charter.federation() == proof.federation) else {
        return no(checked, "The charter in the proof founds another federation.".to_owned());
    };
    checked.words.push(format!(
        "The charter of {} holds: {} articles, each signed by a quorum.",
        charter.name(),
        proof.articles.len()
    ));
    let mut roster = Roster::new();
    for notice in proof.notices.iter() {
        if let Err(why) = roster.learn(&charter, notice) {
            return no(checked, format!("A certificate in the proof does not hold: {why}."));
        }
    }
    let receipt = &proof.receipt;
    let Some(certificate) = roster.node(&receipt.feed.node) else {
        return no(checked, "The proof has no certificate for the node of this feed.".to_owned());
    };
    let labels = Labels::of(&charter, &roster, zone);
    let org = labels.org(certificate.org);
    checked.words.push(format!("{org} certified the node {}.", certificate.site_name));
    let entry = match receipt.check(&proof.federation, &certificate.node) {
        Ok(entry) => entry,
        Err(why) => return no(checked, format!("The entry is not proven: {why}.")),
    };
    checked.words.push(format!(
        "That node signed block {} of feed {}, and the entry stands in it at index {}.",
        receipt.heading.seq,
        labels.feed(&receipt.feed),
        receipt.index()
    ));
    for hop in receipt.provenance.iter() {
        let key = roster.node(&hop.node).map(|certificate| certificate.node);
        let good =
            key.is_some_and(|key| hop.verifies(&proof.federation, &key, receipt.feed.programme));
        if !good {
            return no(
                checked,
                "A send behind the entry's lot is not signed by its node.".to_owned(),
            );
        }
        let moved = says(&hop.moved.entry().into(), receipt.feed.programme, &labels);
        checked.words.push(format!(
            "Carried along, at index {} of the feed of {} and signed by it: {moved}. Whether that filled the entry's lot is \
             not shown.",
            hop.index,
            labels.node(&hop.node),
        ));
    }
    let when = entry.stamp().map_or_else(
        || "without a stamp".to_owned(),
        |at| format!("{} {}", labels.when(at), labels.zone()),
    );
    let what = says(&entry, receipt.feed.programme, &labels);
    checked.words.push(format!("It says ({when}): {what}"));
    checked.proven = true;
    checked
}

/// An entry in words. What a lot is of stands in the entry that opened it, not here.
fn says(entry: &Entry, programme: ProgrammeId, labels: &Labels) -> String {
    let Entry::Value(value) = entry else { return format!("{entry:?}") };
    let much =
        |commodity, amount: Amount| labels.amount(programme, commodity, amount.units().into());
    match value {
        Value::Merchant { merchant } => format!("merchant {merchant} is named"),
        Value::Issue { purse, amount, list, row, .. } => {
            format!("{amount} minor units are issued to purse {purse}, by row {row} of list {list}")
        }
        Value::Send(send) => {
            let to = labels.node(&send.to);
            format!(
                "{} of cycle {} are sent to {to}",
                much(send.commodity, send.amount),
                send.cycle
            )
        }
        Value::Claim { .. } => "a ticket is claimed".to_owned(),
        Value::Redeem { amount, lot, .. } => {
            format!("{amount} minor units of lot {} are handed out", lot.0)
        }
        Value::Hold { amount, lot, .. } => {
            format!("{amount} minor units of lot {} are set aside", lot.0)
        }
        Value::Post { hold, .. } => format!("what was set aside at index {hold} is handed out"),
        Value::Drop { hold, .. } => format!("what was set aside at index {hold} is let go"),
        Value::Basket { entries } => format!("the next {entries} entries belong together"),
        Value::Refund { redeem, amount, .. } => {
            format!("{amount} minor units handed out at index {redeem} came back")
        }
        Value::FloatRedeem { purse, amount, .. } => {
            format!("{amount} minor units are handed out to purse {purse} from the site's float")
        }
        Value::FloatCover(cover) => {
            let to = labels.node(&cover.float.feed.node);
            format!(
                "{} are given for a float redemption of {to}",
                much(cover.commodity, cover.amount)
            )
        }
        Value::End { .. } => "the feed ends".to_owned(),
        Value::Orphan(orphan) => {
            format!("{} entries of a feed that burnt are shown", orphan.shown.len())
        }
        Value::DayClose { day, .. } => match &**day {
            Day::Open => "a day is opened".to_owned(),
            Day::Close(closing) => format!(
                "a day is closed: {} redemptions, {} refunds",
                closing.redeemed, closing.refunded
            ),
        },
        Value::Settle { settling, .. } => settling_in_words(settling),
    }
}

fn settling_in_words(settling: &Settling) -> String {
    match settling {
        Settling::Stretch { from, to, .. } => {
            format!("entries {from} to {to} of a feed are settled")
        }
        Settling::Rows { rows, .. } => format!("{} entries are settled one by one", rows.len()),
        Settling::Draft { rows, .. } => format!("a settlement of {rows} rows is drafted"),
        Settling::Step { draft, step, .. } => {
            format!("the settlement at index {draft}: {step:?}").to_lowercase()
        }
    }
}
