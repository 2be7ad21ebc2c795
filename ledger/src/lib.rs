//! The rules of Annona: pure. No file, socket, clock, thread or randomness.
//!
//! A federation of organisations keeps feeds of signed entries: what each holder may receive, and what each received.
//! A unit stands in exactly one place, and only that place's single writer can move it; so no two sites can give out
//! the same unit, however long they do not hear from each other. Every entry goes the same way:
//!
//! ```text
//! Draft → admit → bytes, durable → promise to the till → Block → Verified → fold → state, the same everywhere
//! ```
//!
//! The writer's [`admit::admit`] may refuse. Every replica's [`fold::fold`] may not: what breaks a rule is counted, and
//! somebody's to pay ([`charge`]). Both ask a [`view::View`]; [`state::State`] is one in memory.
//!
//! # Two sites
//!
//! Two organisations found a federation and vote a hundred kilograms of rice. Site A takes up the budget, issues five
//! to a family by an approved list, and hands out two. The family moves to site B with the rest: A writes a `Send`, and
//! its promise, the *ticket*, travels on paper. B has never heard from A, and serves the family at once.
//!
//! ```
//! use annona_ledger::admit::{Draft, RowProof, admit};
//! use annona_ledger::amount::Amount;
//! use annona_ledger::charter::{
//!     Act, Article, Charter, Commodity, Line, Organisation, Risk, SignedArticle, Unit,
//! };
//! use annona_ledger::entry::{Control, Entry, Lot, Method, Owner, Send, Value};
//! use annona_ledger::feed::Head;
//! use annona_ledger::hash::Hash;
//! use annona_ledger::id::*;
//! use annona_ledger::key::SigningKey;
//! use annona_ledger::list::{Builder, Row};
//! use annona_ledger::merkle;
//! use annona_ledger::notice::*;
//! use annona_ledger::rejection::Rejection;
//! use annona_ledger::state::State;
//! use annona_ledger::ticket::{Moved, Sent, Ticket, sign_place};
//! use annona_ledger::time::{Millis, Minute};
//! use annona_ledger::view::View;
//! use annona_ledger::wire::{Bounded, Name};
//!
//! let key = |seed: u8| SigningKey::from_seed(&[seed; 32]);
//! let name = |text| Name::new(text).expect("a short text");
//! let units = |n| Amount::new(n).expect("a small number");
//! let (food, may, rice) = (ProgrammeId(1), CycleId(5), CommodityId(1));
//! let (site_a, site_b) = (key(10), key(20));
//!
//! // Founded: every organisation signs the first article, and its hash is the federation.
//! let organisation = |n: u8| Organisation {
//!     id: OrgId(n.into()),
//!     name: name("Relief"),
//!     key: key(n).public(),
//!     recovery: key(100 + n).public(),
//! };
//! let founded = Millis(1_795_000_000_000);
//! let organisations = Bounded::new(vec![organisation(1), organisation(2)])?;
//! let unit = Unit::Item { measure: name("kg"), minor_digits: 0 };
//! let commodities = Bounded::new(vec![Commodity { id: rice, name: name("Rice"), unit }])?;
//! let lines = Bounded::new(vec![Line { commodity: rice, amount: units(100) }])?;
//! let acts = vec![
//!     Act::Found { name: name("Lake camps"), founded, quorum: 2, organisations },
//!     Act::Programme { id: food, org: OrgId(1), name: name("Food"), commodities, risk: Risk::default() },
//!     Act::Budget { programme: food, cycle: may, treasury: site_a.public().short(), lines },
//!     Act::Ceiling { org: OrgId(1), programme: food, commodity: rice, rights: units(90), float: units(0) },
//! ];
//! let article = Article { epoch: 0, previous: Hash::ZERO, acts: Bounded::new(acts)? };
//! let federation = article.founds();
//! let mut first = SignedArticle::unsigned(article);
//! for n in [1, 2] {
//!     let signature = first.article.sign(&federation, &key(n));
//!     first.add(None, OrgId(n.into()), signature)?;
//! }
//! let charter = Charter::found(&first)?;
//!
//! // Certified: each organisation says which nodes and persons are its own, and the first opens the cycle.
//! let mut roster = Roster::new();
//! for (org, node, seed) in [(1, &site_a, 10), (2, &site_b, 20)] {
//!     let (transport, sealing) = (key(seed + 1).public(), [seed; 32]);
//!     let acceptance = NodeCertificate::accept(node, &federation, OrgId(org.into()), &transport, &sealing);
//!     let (rights, float, unverified) = (units(90), units(0), units(20));
//!     let ceiling = NodeCeiling { programme: food, commodity: rice, rights, float, unverified };
//!     let certificate = Notice::Node(NodeCertificate {
//!         org: OrgId(org.into()), node: node.public(), transport, sealing, acceptance,
//!         site: SiteId(seed.into()), site_name: name("Lakeside"), replaces: None,
//!         roles: Roles::REGISTRAR.and(Roles::MERCHANT).and(Roles::TREASURY),
//!         programmes: Bounded::new(vec![food])?, ceilings: Bounded::new(vec![ceiling])?,
//!         issued: Minute(0), not_after: Minute(9_000),
//!     });
//!     roster.learn(&charter, &certificate.sign(&federation, &key(org)))?;
//! }
//! let notices = [40, 41].map(|seed| Notice::Operator(OperatorCertificate {
//!     org: OrgId(1), operator: key(seed).public(), site: SiteId(10), roles: OperatorRoles::APPROVER,
//!     programmes: Bounded::new(vec![food]).expect("one"), issued: Minute(0), not_after: Minute(9_000),
//! }));
//! let (opens, closes, expires) = (Minute(1), Minute(500), Minute(600));
//! let cycle = Notice::Cycle(Cycle { programme: food, cycle: may, opens, closes, expires });
//! for notice in notices.into_iter().chain([cycle]) {
//!     roster.learn(&charter, &notice.sign(&federation, &key(1)))?;
//! }
//!
//! // Each site has a view of its own. Writing is: admit, make durable (not here: nothing in this crate can), fold, and only
//! // then sign. What is signed is the place the entry took, and through it everything before.
//! fn write(state: &mut State, key: &SigningKey, feed: &FeedId, draft: Draft) -> Result<Sent, Rejection> {
//!     let chain = state.trunk(feed);
//!     let admitted = admit(state, chain, &draft)?;
//!     let before = state.head(chain);
//!     let after = before.after(admitted.bytes());
//!     state.fold(chain, after.accumulator, admitted.entry());
//!     let signature = sign_place(key, &state.charter().federation(), feed, &after);
//!     let moved = match admitted.entry() {
//!         Entry::Value(Value::Send(send)) => *send,
//!         _ => Send { from: Lot(0), to: [0; 8], owner: Owner::Budget, cycle: CycleId(0),
//!             commodity: CommodityId(0), amount: Amount::ZERO, expires: Minute(0), at: Minute(0) },
//!     };
//!     let (index, before) = (before.next, before.accumulator);
//!     Ok(Sent { node: feed.node.short(), index, before, moved: Moved::Send(moved), signature })
//! }
//! let value = |key: &SigningKey| FeedId { node: key.public(), lane: Lane::Value, programme: food };
//! let (mut at_a, mut at_b) =
//!     (State::new(charter.clone(), roster.clone()), State::new(charter, roster));
//! let now = Minute(60);
//!
//! // The list: one family, five kilograms, frozen on A's control feed with the approvals of two persons.
//! let family = Purse([7; 16]);
//! let row = Row { row: 0, purse: family, commodity: rice, amount: units(5) };
//! let mut builder = Builder::new();
//! builder.push(&row)?;
//! let draft = builder.finish(site_a.public().short(), food, may, now)?;
//! let [one, other] = [40, 41].map(|seed| draft.approve(&federation, &key(seed)));
//! let list = Entry::from(Control::List(Box::new(draft.approved(one, other))));
//! let control = FeedId { node: site_a.public(), lane: Lane::Control, programme: ProgrammeId::NONE };
//! write(&mut at_a, &site_a, &control, list.into())?;
//!
//! // Budget, merchant, issue, redeem: entries 0 to 3 of A's value feed. A lot is named by the entry that opened it.
//! let budget = Ticket::Budget { epoch: 0, act: 2, line: 0 };
//! let claim = Value::Claim { ticket: Box::new(budget), at: now };
//! let merchant = Value::Merchant { merchant: MerchantId([1; 16]) };
//! let issue = Value::Issue {
//!     from: Lot(0), list: 0, row: 0, purse: family, amount: units(5), expires, at: now,
//! };
//! let path = merkle::path(&[row.leaf()], 0).expect("the only row");
//! let redeem = |lot, amount| Value::Redeem {
//!     lot: Lot(lot), amount: units(amount), merchant: 0, at: now, method: Method::Pin,
//! };
//! write(&mut at_a, &site_a, &value(&site_a), Entry::from(claim).into())?;
//! write(&mut at_a, &site_a, &value(&site_a), Entry::from(merchant.clone()).into())?;
//! let issue = Draft { entry: issue.into(), row: Some(RowProof { row, path }) };
//! write(&mut at_a, &site_a, &value(&site_a), issue)?;
//! write(&mut at_a, &site_a, &value(&site_a), Entry::from(redeem(2, 2)).into())?;
//!
//! // Three are left, so four are refused. The answer has a number, and nothing was written.
//! let refused = write(&mut at_a, &site_a, &value(&site_a), Entry::from(redeem(2, 4)).into());
//! assert_eq!(refused.err(), Some(Rejection::ExceedsLot));
//!
//! // The family leaves with the rest.
//! let send = Value::Send(Send {
//!     from: Lot(2), to: site_b.public().short(), owner: Owner::Purse(family), cycle: may,
//!     commodity: rice, amount: units(3), expires, at: now,
//! });
//! let ticket = write(&mut at_a, &site_a, &value(&site_a), Entry::from(send).into())?;
//!
//! // At B, offline: the ticket is all it has. It opens a lot of B's own, and the family eats.
//! let claim = Value::Claim { ticket: Box::new(Ticket::Sent(ticket, Bounded::empty())), at: now };
//! for entry in [claim, merchant, redeem(0, 3)] {
//!     write(&mut at_b, &site_b, &value(&site_b), Entry::from(entry).into())?;
//! }
//! let again = Value::Claim { ticket: Box::new(Ticket::Sent(ticket, Bounded::empty())), at: now };
//! let again = write(&mut at_b, &site_b, &value(&site_b), Entry::from(again).into());
//! assert_eq!(again.err(), Some(Rejection::AlreadyClaimed));
//!
//! // Wherever one looks, lots, what is on its way and what was handed out come to the budget, and nobody owes anything.
//! for state in [&at_a, &at_b] {
//!     let all = state.pools().map(|(_, p)| (p.lots.plus(p.arriving).plus(p.redeemed)).units());
//!     assert_eq!(all.sum::<i128>(), 100);
//! }
//! assert_eq!(at_a.pools().map(|(_, p)| p.redeemed.units()).sum::<i128>(), 2);
//! assert_eq!(at_b.pools().map(|(_, p)| p.redeemed.units()).sum::<i128>(), 3);
//! assert!(annona_ledger::charge::charges(&at_a).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

// Names, amounts, time.
pub mod amount;
pub mod digits;
pub mod id;
pub mod time;

// The only users of blake3, ed25519-dalek, postcard.
pub mod hash;
pub mod key;
pub mod limits;
pub mod wire;

// The log.
pub mod block;
pub mod entry;
pub mod feed;
pub mod fixed;
pub mod merkle;
pub mod receipt;
pub mod ticket;

// Who belongs, what may be spent.
pub mod charter;
pub mod consent;
pub mod counter;
pub mod cut;
pub mod duty;
pub mod list;
pub mod notice;
pub mod oprf;

// Carriers, and what operators answer for.
pub mod carrier;
pub mod short_code;
pub mod statement;
pub mod wallet;

// After the counter closes.
pub mod cover;
pub mod day;
pub mod orphan;
pub mod settlement;

// Deciding.
pub mod admit;
pub mod clock;
pub mod fold;
pub mod leaf;
pub mod rejection;
pub mod role;
pub mod state;
pub mod suspense;
pub mod view;

// Proofs.
pub mod audit;
pub mod broken;
pub mod charge;
pub mod checkpoint;
pub mod finality;
pub mod fork;
pub mod frontier;
pub mod insolvency;

// Exchange.
pub mod sync;

// Tests.
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod shape;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod vectors;
