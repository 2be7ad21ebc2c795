use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use annona_ledger::entry::{Entry, Method, Owner, Value};
use annona_ledger::fold::resolve;
use annona_ledger::id::{CarrierId, FeedId, MerchantId, ProgrammeId, Purse};
use annona_ledger::rejection::Rejection;
use annona_ledger::time::Minute;
use annona_ledger::view::View;
use annona_node::atomic;
use annona_node::holder::till::Signed;
use annona_node::node::{Compose, Composed, Node, NodeFault, Refusal, Request, clock_of};
use annona_node::receipt;
use annona_node::serve::{self, Held, Item, Left};
use annona_node::store::{Accepted, Asked, Earlier, Work};
use clap::Args;
use serde_json::json;

use super::known::{Known, Proof, Typed};
use super::place::Place;
use super::short::{self, Here, Short};
use super::till::{self, Till, Whose};
use super::{slip, turned};
use crate::fault::{Fault, Outcome};
use crate::holder;
use crate::out;
use crate::session::Session;
use crate::stop::Writing;
use crate::words::{self, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona pay charge --card 7K3M-9QXD-2VHN --item Rice=10 --item Oil=1.5
  $ annona pay charge --family 1 --item Rice=2 --method desk --operator mara.keys \\
      --operator-passphrase-file pass.txt --second yusuf.keys --second-passphrase-file pass.txt
  $ annona pay charge --family 1 --item Rice=1 --request till-3-0008
  $ annona pay charge --from queue.jsonl --json";

/// Redeems a holder's entitlement here: goods leave once the answer is printed, never before.
///
/// If the power fails before the answer: type the same line with the same --request, and what was accepted is answered
/// again and not handed out twice. Or look: `annona pay list --family F`.
///
/// With --from, a queue: one order a line, as JSON or as CSV with a header (request, card, family, purse, ticket, items,
/// merchant, method, programme). Each gets one answer line, in order, once it is durable; whatever has queued is made
/// durable in one commit. An order with a request id of its own can be sent again, as above. As JSON, then as CSV:
///
///   {"request": "till-3-0008", "family": 12, "items": {"Rice": "10", "Oil": "1.5"}}
///
///   request,family,items
///   till-3-0009,12,Rice=10;Oil=1.5
///
/// With --json every field of an answer is one of those in spec/counter.md, "What a queue answers".
#[derive(Args)]
#[command(before_help = EXAMPLES, verbatim_doc_comment)]
pub(crate) struct Charge {
    #[command(flatten)]
    whose: Whose,
    /// What is handed out, as COMMODITY=AMOUNT; several make a basket, all or nothing
    #[arg(long = "item", value_name = "ITEM")]
    items: Vec<String>,
    /// Who hands it out [default: this site]
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    #[command(flatten)]
    proof: Proof,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Only from this cycle [default: what ends first, and on from the next]
    #[arg(long, value_name = "N")]
    cycle: Option<u16>,
    /// A name of your own for this charge: repeating it changes nothing
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Say what would be answered, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the receipts for her wallet to a file, where the method is signed
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// Take orders from a file, or from standard input
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["card", "family", "purse", "ticket", "items", "request", "dry_run"])]
    from: Option<PathBuf>,
}

/// An order in which everything is known.
pub(super) struct Order {
    pub(super) purses: Vec<Purse>,
    pub(super) items: Vec<Item>,
    pub(super) merchant: MerchantId,
    pub(super) method: Method,
    pub(super) asked: Option<Asked>,
    /// What the card's code is called on the ledger: where it was cancelled there, nothing is handed out for it.
    pub(super) codes: Vec<(ProgrammeId, CarrierId)>,
    /// What is left, where it is less than was asked for: told once the order was refused.
    pub(super) left: Arc<OnceLock<Here>>,
    /// Which purse paid first, and what all have left once that is written.
    pub(super) paid: Arc<OnceLock<(Purse, Vec<Left>)>>,
}

impl Charge {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        session.speak(&self.proof.spoken);
        if let Some(from) = &self.from {
            return super::queue::run(session, from, self.programme.as_deref(), &self.defaults());
        }
        let wallet = self.proof.wallet()?;
        if let Some(signed) = &wallet {
            return self.by_wallet(session, signed);
        }
        self.charge(session)
    }

    /// What her wallet signed says whose it is, and what is handed out.
    fn by_wallet(mut self, session: &Session, signed: &Signed) -> Outcome {
        signed_for(&mut self.whose, &mut self.items, signed)?;
        self.charge(session)
    }

    fn charge(self, session: &Session) -> Outcome {
        if self.whose.is_none() || self.items.is_empty() {
            return Err(Fault::usage(
                "say whose it is (--card, --family, --purse or --ticket) and what is handed out (--item), \
                 or give a queue (--from).",
            ));
        }
        let typed = if self.dry_run { Typed::default() } else { self.proof.ask(session)? };
        let mut node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let purses = till.purses_here(session, &node, &self.whose, self.cycle);
        let mut purses = match purses {
            Err(fault) if self.whose.card.is_some() && !self.dry_run => {
                return Err(turned::by_card(session, &mut node, till.id, fault));
            }
            other => other?,
        };
        let items = till.items(&self.items)?;
        let (merchant, name) = till.merchant(self.merchant.as_deref())?;
        let new = self.merchant.is_some() && !till.knows(node.store(), &merchant)?;
        let method = self.proof.method();
        // Whose it is, before how much. Where her record does not open she is served all the same.
        let vault = self.whose.is_here().then(|| node.vault().ok()).flatten();
        let line = vault.and_then(|vault| holder::told(&vault, self.whose.family(&vault)?));
        let whose = line.map(|line| format!("{line}\n")).unwrap_or_default();
        if self.dry_run {
            let order = Order::new(&till, purses, items, (merchant, method), self.request);
            room_for_receipts(session, &node, order.asked.as_ref(), self.receipts.as_deref())?;
            return dry_run(session, &mut node, &till, order, &whose);
        }
        let purse = purses.first().copied();
        let who = turned::Who { programme: till.id, whose: &self.whose, purse };
        let known =
            self.proof.known(session, typed, (&node, &till), &self.whose, &mut purses, &items);
        let known = match known {
            Ok(known) => known,
            Err(no) => return Err(no.told(session, &mut node, who, method)),
        };
        let request = known.request(self.request)?;
        let order = Order::new(&till, purses, items, (merchant, method), request);
        let items = order.items.clone();
        let purses = order.purses.clone();
        let left = Arc::clone(&order.left);
        room_for_receipts(session, &node, order.asked.as_ref(), self.receipts.as_deref())?;
        let earlier = Arc::new(OnceLock::new());
        let compose = order.compose(Arc::clone(&earlier), Some(Arc::clone(&known)));
        let writing = Writing::begin();
        let mut group = [Request { feed: till.feed, compose }];
        let answer = node.write(&mut group)?.remove(0);
        drop(group);
        let answer = match answer {
            Err(Refusal::Rule(rule)) if short::is(rule) => {
                let left = left.get().cloned().unwrap_or_default();
                return Err(match short::of(&till, rule, &items, &left) {
                    Short::Less(fault) => fault,
                    Short::Nothing(fault) => {
                        let place = match left.0.is_empty() {
                            true => Place::of(&node, &till, (&self.whose, &purses), &items),
                            false => Place::Home,
                        };
                        turned::by_value(session, &mut node, who, fault, &place)
                    }
                });
            }
            Err(refusal) => return Err(known.refused(session, &mut node, who, refusal)),
            Ok(done) => done,
        };
        // What is printed from here on is durable: nothing that fails now makes a no of it.
        let promise = match (answer.last(), earlier.get()) {
            (Some(last), _) => till.promise(last)?,
            (None, Some(earlier)) => {
                let work = node.store().look()?;
                receipt::promised(&work, till.key(), &earlier.feed, earlier.last())?
            }
            (None, None) => return Err(Fault::refused("nothing was to be written.")),
        };
        let doubted = clock_of(&node.store().look()?, node.public(), session.now());
        let doubted = doubted.is_some_and(|stamp| stamp.doubtful.is_some());
        let left = left_here(&node, &till, &purses);
        if let Err(fault) = &left {
            session.screen.warn(format!("what is left is not known: {}", fault.message));
        }
        let left = left.ok();
        let repeated = earlier.get().is_some();
        let receipts = handed(&node, &answer, earlier.get());
        let receipts = receipts.and_then(|all| known.receipts(&node, &till, &all));
        let receipts = told(session, receipts, self.receipts.as_deref(), repeated);
        let mut value = match earlier.get() {
            Some(before) => till.again_value(node.store(), before, &promise),
            None => till.entry_value(&promise),
        };
        let again = till::again(&value, repeated);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("accepted".into(), json!(true));
            fields.insert("repeated".into(), json!(repeated));
            fields.insert("receipts".into(), json!(receipts));
            fields.insert("items".into(), till.items_value(&items));
            fields.insert("merchant".into(), json!(merchant.to_string()));
            fields.insert("new_merchant".into(), json!(new && !repeated));
            fields.insert("left".into(), left.as_deref().map_or(json!(null), till::left_value));
            fields.insert("clock_doubted".into(), json!(doubted && !repeated));
        }
        session.screen.answer("charge", value, || {
            let print = |l: &Left| till.print(l.commodity, i128::from(l.units));
            let rest = match left.as_deref() {
                None => "not known".to_owned(),
                Some([]) => "nothing".to_owned(),
                Some(rest) => rest.iter().map(print).collect::<Vec<_>>().join(", "),
            };
            let said = match (repeated, known.pays_once()) {
                (false, _) => "accepted",
                (true, false) => "accepted before, as",
                (true, true) => {
                    "this paper has paid before, and pays once: hand nothing out, unless its first answer never came.\n\
                     accepted before, as"
                }
            };
            format!(
                "{whose}{said} {}{again}: {} by {}\nleft here: {rest}\n{}",
                till.short(promise.index),
                till.items_text(&items),
                words::name(&name),
                slip::promise(&promise),
            )
        })?;
        drop(writing);
        if new && !repeated {
            session.screen.warn(till::new_merchant(&name));
        }
        till::served(session, node, &merchant, &name);
        Ok(())
    }

    fn defaults(&self) -> super::queue::Defaults {
        super::queue::Defaults {
            merchant: self.merchant.clone(),
            method: self.proof.how(),
            cycle: self.cycle,
        }
    }
}

impl Order {
    pub(super) fn new(
        till: &Till,
        purses: Vec<Purse>,
        items: Vec<Item>,
        (merchant, method): (MerchantId, Method),
        request: Option<String>,
    ) -> Self {
        let asked = request.map(|request| {
            let purse = purses.first().map(|p| p.to_string()).unwrap_or_default();
            let items: Vec<String> =
                items.iter().map(|i| format!("{}={}", i.commodity, i.amount.units())).collect();
            let content = format!("charge {purse} {} {merchant} {method:?}", items.join(","));
            till.asked(&request, content.as_bytes())
        });
        let (left, paid) = (Arc::default(), Arc::default());
        Self { purses, items, merchant, method, asked, codes: Vec::new(), left, paid }
    }

    /// Composes it at the moment of writing. Where it was accepted before, says where, and writes nothing.
    pub(super) fn compose(
        self,
        earlier: Arc<OnceLock<Earlier>>,
        known: Option<Arc<Known>>,
    ) -> Compose<'static> {
        Box::new(move |work, feed, at| {
            let paper = known.as_ref().is_some_and(|known| known.pays_once());
            let before = before(work, self.asked.as_ref()).map_err(|fault| match fault {
                NodeFault::Refused(words) if paper => {
                    let words = words.replace("this request id", "this paper");
                    let words = words.split(':').next().unwrap_or_default();
                    NodeFault::Refused(format!("{words}, and it pays once"))
                }
                other => other,
            });
            if let Some(before) = before? {
                let _ = earlier.set(before);
                return Ok(Vec::new());
            }
            if self.codes.iter().any(|(programme, code)| work.cancelled(*programme, code)) {
                return Err(NodeFault::Refused(holder::unknown_code().message));
            }
            let mut composed = self.pay(work, feed, at)?;
            if let Some(known) = &known {
                known.vouch(work, feed, (&self.purses, &self.items), &mut composed)?;
            }
            if let Some(first) = composed.first_mut() {
                first.asked = self.asked;
            }
            Ok(composed)
        })
    }

    /// From the first purse as far as it goes, and on from the next: what ends first is handed out first.
    pub(super) fn pay(
        &self,
        work: &Work<'_>,
        feed: &FeedId,
        at: Minute,
    ) -> Result<Vec<Composed>, NodeFault> {
        let Some(purse) = self.purses.first().copied() else {
            return Err(Rejection::LotNotFound.into());
        };
        let items = self.items.clone();
        let charge = serve::Charge { purse, items, merchant: self.merchant, method: self.method };
        let mut left = serve::balances(work, feed, &self.purses, at);
        match serve::charge_all(work, feed, &self.purses, &charge, at) {
            Ok(done) => {
                let paid = self.paid_by(work, feed, &done, &mut left).unwrap_or(purse);
                left.retain(|left| left.units > 0);
                drop(self.paid.set((paid, left)));
                Ok(done)
            }
            Err(NodeFault::Rejected(why)) => {
                left.retain(|left| left.units > 0);
                let hers = |held: &Held| self.purses.contains(&held.purse);
                let held = serve::held(work, feed, at).into_iter().filter(hers).collect();
                drop(self.left.set((left, held)));
                Err(why.into())
            }
            broken => broken,
        }
    }

    /// The first of the purses that pays, and takes what each of them pays from what they have.
    fn paid_by(
        &self,
        work: &Work<'_>,
        feed: &FeedId,
        done: &[Composed],
        left: &mut [Left],
    ) -> Option<Purse> {
        let chain = work.trunk(feed)?;
        let mut first = None;
        for one in done {
            let Entry::Value(Value::Redeem { lot, amount, .. }) = &one.draft.entry else {
                continue;
            };
            let (_, row) = resolve(work, chain, *lot)?;
            let of = |left: &&mut Left| (left.cycle, left.commodity) == (row.cycle, row.commodity);
            if let Some(left) = left.iter_mut().find(of) {
                left.units = left.units.saturating_sub(amount.units());
            }
            if let Owner::Purse(purse) = row.owner {
                first = first.or(Some(purse));
            }
        }
        first
    }
}

/// Whose purse a wallet's answer is for, and what it is for.
pub(super) fn signed_for(whose: &mut Whose, items: &mut Vec<String>, signed: &Signed) -> Outcome {
    if !items.is_empty() {
        return Err(Fault::usage(
            "what is handed out stands in what her wallet signed: leave --item out.",
        ));
    }
    let purse = signed.held().map(|(purse, ..)| purse.to_string());
    if whose.is_none() {
        *whose = Whose { purse, ..Whose::default() };
    }
    *items = signed
        .items()
        .iter()
        .map(|item| format!("#{}={}", item.commodity.0, item.amount.units()))
        .collect();
    Ok(())
}

/// The entries of an answer, or of the one before it.
pub(super) fn handed(
    node: &Node,
    answer: &[Accepted],
    earlier: Option<&Earlier>,
) -> Outcome<Vec<Accepted>> {
    let Some(earlier) = earlier else { return Ok(answer.to_vec()) };
    let work = node.store().look()?;
    let mut all = Vec::new();
    for index in earlier.first..=earlier.last() {
        all.extend(receipt::accepted(&work, &earlier.feed, index)?);
    }
    Ok(all)
}

/// The receipts a wallet is given, written to a file where that was asked for. What fails is told: the goods are hers.
pub(super) fn told(
    session: &Session,
    receipts: Outcome<Vec<String>>,
    path: Option<&Path>,
    again: bool,
) -> Vec<String> {
    let receipts = match receipts {
        Ok(receipts) => receipts,
        Err(fault) => {
            session.screen.warn(format!("her receipts are not written: {}", fault.message));
            return Vec::new();
        }
    };
    if let Some(path) = path
        && let Err(fault) = write_receipts(path, &receipts, again, session.replace)
    {
        session.screen.warn(format!(
            "her receipts are not written: {} Say the same again with another file for them.",
            fault.message
        ));
    }
    receipts
}

/// Receipts that are there already are those of the same request, answered again; any other file is somebody's.
fn write_receipts(path: &Path, receipts: &[String], again: bool, replace: bool) -> Outcome {
    let text = format!("{}\n", receipts.join("\n"));
    if again && std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    out::free(path, replace)?;
    Ok(atomic::write(path, text.as_bytes())?)
}

/// Looks, before anything is written, whether receipts of a new request can be: what is answered again finds its own there.
fn room_for_receipts(
    session: &Session,
    node: &Node,
    asked: Option<&Asked>,
    path: Option<&Path>,
) -> Outcome {
    let Some(path) = path else { return Ok(()) };
    let work = node.store().look()?;
    let new = matches!(before(&work, asked), Ok(None));
    work.check()?;
    if new { out::free(path, session.replace) } else { Ok(()) }
}

/// What purses may still redeem here.
fn left_here(node: &Node, till: &Till, purses: &[Purse]) -> Outcome<Vec<Left>> {
    let at = node.stamp(&till.feed)?;
    let work = node.store().look()?;
    let left = serve::balances(&work, &till.feed, purses, at);
    work.check()?;
    Ok(left)
}

/// The place a holder is tied to, where what she had here was sent.
pub(crate) fn gone(node: &Node, purses: &[Purse]) -> Outcome<Option<String>> {
    let work = node.store().look()?;
    let own = node.public().short();
    let gone = purses.iter().find_map(|purse| work.gone_to(&own, purse));
    work.check()?;
    Ok(gone.map(|to| match work.roster().node(&to) {
        Some(certificate) => format!("{} ({})", certificate.site_name, hex(&to)),
        None => hex(&to),
    }))
}

/// What a request became, if it was accepted before.
pub(super) fn before(work: &Work<'_>, asked: Option<&Asked>) -> Result<Option<Earlier>, NodeFault> {
    let Some(asked) = asked else { return Ok(None) };
    let Some(earlier) = work.earlier(&asked.name) else { return Ok(None) };
    if earlier.content == asked.content {
        return Ok(Some(earlier));
    }
    Err(NodeFault::Refused(format!(
        "this request id was used for something else, entry {}#{}: give the new order an id of its own",
        earlier.feed.programme,
        earlier.last()
    )))
}

/// What the order would be answered, by the rules of the ledger too; what only its proof would say is not asked.
fn dry_run(session: &Session, node: &mut Node, till: &Till, order: Order, whose: &str) -> Outcome {
    let purses: Vec<String> = order.purses.iter().map(|purse| hex(&purse.0)).collect();
    let (items, left) = (order.items.clone(), Arc::clone(&order.left));
    let earlier = Arc::new(OnceLock::new());
    let compose = order.compose(Arc::clone(&earlier), None);
    let mut group = [Request { feed: till.feed, compose }];
    crate::dry_run::write(node, true, &mut group)?.remove(0).map_err(|no| match no {
        Refusal::Rule(rule) if short::is(rule) => {
            let left = left.get().cloned().unwrap_or_default();
            match short::of(till, rule, &items, &left) {
                Short::Less(fault) | Short::Nothing(fault) => fault,
            }
        }
        other => other.into(),
    })?;
    let value = json!({
        "accepted": true, "repeated": earlier.get().is_some(), "purses": purses,
        "items": till.items_value(&items),
    });
    session.screen.answer("charge", value, || {
        let items = till.items_text(&items);
        format!("{whose}would be accepted: {items}. Nothing was written.")
    })
}
