use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use annona_ledger::charter::Commodity;
use annona_ledger::entry::{Entry, Owner, Value};
use annona_ledger::fold::{owner_of, resolve as resolve_lot};
use annona_ledger::id::{FeedId, ProgrammeId, Purse};
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::{Slot, View};
use annona_node::node::{Composed, Node, NodeFault, Request};
use annona_node::receipt;
use annona_node::serve::{Held, Item};
use annona_node::store::Work;
use clap::Args;
use serde_json::json;

use super::charge::{Order, before, handed, told};
use super::known::{Known, Proof, Typed};
use super::till::{self, How, Till, Whose, named};
use super::turned;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::stop::Writing;
use crate::words::{print_minute, print_units};

const HOLD: &str = "\
Examples:
  $ annona pay hold --card 7K3M-9QXD-2VHN --item Rice=10
  $ annona pay hold --family 1 --item Rice=10 --minutes 60 --dry-run";

const POST: &str = "\
Examples:
  $ annona pay post 1#41
  $ annona pay post 1#41 --dry-run";

const DROP: &str = "\
Examples:
  $ annona pay drop 1#41
  $ annona pay drop 1#41 --dry-run";

/// Puts goods by for a holder: nobody else can be given them until they are posted, dropped, or the time is over.
#[derive(Args)]
#[command(before_help = HOLD)]
pub(crate) struct Hold {
    #[command(flatten)]
    whose: Whose,
    /// What is put by, as COMMODITY=AMOUNT
    #[arg(long = "item", value_name = "ITEM", required = true)]
    items: Vec<String>,
    /// For so many minutes, and no longer than they may be handed out
    #[arg(long, value_name = "N", default_value_t = 30)]
    minutes: u32,
    /// Who will hand it out [default: this site]
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Say what would be answered, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Hands out what was put by: in time only, and once.
#[derive(Args)]
#[command(before_help = POST)]
pub(crate) struct Post {
    /// The hold, as it was printed (1#41), or its promise
    #[arg(value_name = "HOLD")]
    hold: String,
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    proof: Proof,
    /// Write the receipts for her wallet to a file, where the method is signed
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// Say what would be answered, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Lets go what was put by: it can be handed out to its holder again at once.
#[derive(Args)]
#[command(before_help = DROP)]
pub(crate) struct Drop {
    /// The hold, as it was printed (1#41), or its promise
    #[arg(value_name = "HOLD")]
    hold: String,
    /// Say what would be answered, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What a charge would hand out, put by instead.
fn put_by(composed: Vec<Composed>, until: Minute) -> Vec<Composed> {
    let hold = |mut one: Composed| {
        if let Entry::Value(Value::Redeem { lot, amount, merchant, at, .. }) = one.draft.entry {
            one.draft.entry = Entry::Value(Value::Hold { lot, amount, merchant, until, at });
        }
        one
    };
    composed.into_iter().map(hold).collect()
}

/// What is put by, as a line.
pub(crate) fn line(
    programme: ProgrammeId,
    known: Option<&Commodity>,
    founded: Millis,
    held: &Held,
) -> (serde_json::Value, String) {
    let (hold, until) = (format!("{programme}#{}", held.hold), print_minute(held.until, founded));
    let units = i128::from(held.units);
    let what = known
        .map_or_else(|| units.to_string(), |c| format!("{} {}", c.name, print_units(c, units)));
    let value = json!({
        "entry": hold, "purse": held.purse.to_string(), "programme": programme, "cycle": held.cycle,
        "commodity": held.commodity, "units": held.units.to_string(), "until": until,
    });
    (
        value,
        format!(
            "{what} put by until {until} as {hold}: `annona pay post {hold}` or `annona pay drop {hold}`"
        ),
    )
}

/// The last minute of what these entries take from.
fn ends(work: &Work<'_>, feed: &FeedId, composed: &[Composed]) -> Option<Minute> {
    let chain = work.trunk(feed)?;
    let lots = composed.iter().filter_map(|one| match &one.draft.entry {
        Entry::Value(Value::Redeem { lot, .. }) => resolve_lot(work, chain, *lot),
        _ => None,
    });
    lots.map(|(_, row)| row.expires).min()
}

impl Hold {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let purses = till.purses_here(session, &node, &self.whose, None)?;
        let items = till.items(&self.items)?;
        let (merchant, name) = till.merchant(self.merchant.as_deref())?;
        let words = till.items_text(&items);
        let mut value = json!({ "items": till.items_value(&items) });
        let order = Order::new(&till, purses, items, (merchant, How::default().method()), None);
        let (minutes, founded, mut until) = (self.minutes, till.founded, Minute(0));
        let last = &mut until;
        let held = till.enter(&mut node, self.dry_run, move |work, feed, at| {
            *last = Minute(at.0.saturating_add(minutes));
            let pays = order.pay(work, feed, at)?;
            // Longer it would be hers on paper alone.
            if let Some(ends) = ends(work, feed, &pays).filter(|ends| ends < last) {
                let ends = print_minute(ends, founded);
                return Err(NodeFault::Refused(format!(
                    "goods are put by until {ends} at the longest, as long as they may be handed out: say fewer --minutes"
                )));
            }
            Ok(put_by(pays, *last))
        })?;
        let until = print_minute(until, till.founded);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("until".into(), json!(until));
        }
        till.entered(
            session,
            "hold",
            held.as_ref(),
            value,
            &format!("{words} put by until {until}"),
        )?;
        if self.dry_run {
            return Ok(node.close()?);
        }
        till::served(session, node, &merchant, &name);
        Ok(())
    }
}

/// Writes what becomes of a hold.
fn resolve(
    session: &Session,
    hold: &str,
    dry_run: bool,
    (kind, words): (&str, &str),
    becomes: impl Fn(u64, Minute) -> Value + Send,
) -> Outcome {
    let entry = named(session, hold)?;
    let mut node = session.signing_node()?;
    let till = Till::open(&node, entry.programme.as_deref())?;
    let index = entry.index;
    let work = node.store().look()?;
    let row = work.trunk(&till.feed).and_then(|chain| work.hold(owner_of(&work, chain, index)));
    work.check()?;
    drop(work);
    let row = row.ok_or_else(|| {
        Fault::input(format!("{} puts nothing by.", till.short(index)))
            .then("Name the entry that `annona pay hold` printed.")
    })?;
    let done = till.enter(&mut node, dry_run, move |_, _, at| {
        Ok::<_, NodeFault>(vec![becomes(index, at).into()])
    })?;
    let of = till.short(index);
    let value = json!({ "of": of, "units": row.amount.units() });
    till.entered(session, kind, done.as_ref(), value, &format!("{of} is {words}"))?;
    Ok(node.close()?)
}

impl Post {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        session.speak(&self.proof.spoken);
        let entry = named(session, &self.hold)?;
        let typed = if self.dry_run { Typed::default() } else { self.proof.ask(session)? };
        let mut node = session.signing_node()?;
        let till = Till::open(&node, entry.programme.as_deref())?;
        let hold = entry.index;
        let (purse, item) = put_by_for(&node, &till, hold)?;
        let method = self.proof.method();
        let mut purses = vec![purse];
        if self.whose.is_here()
            && !till.purses_here(session, &node, &self.whose, None)?.contains(&purse)
        {
            return Err(Fault::input(format!(
                "{} was put by for somebody else.",
                till.short(hold)
            )));
        }
        let who = turned::Who { programme: till.id, whose: &self.whose, purse: Some(purse) };
        let known = if self.dry_run {
            None
        } else {
            let asked = (&node, &till);
            match self.proof.known(session, typed, asked, &self.whose, &mut purses, &[item]) {
                Ok(known) => Some(known),
                Err(no) => return Err(no.told(session, &mut node, who, method)),
            }
        };
        // Named by its hold where no paper names it: cut off before its answer it is answered again, and not refused. No
        // request of a till can have this name.
        let named = |content: String| {
            let once = known.as_ref().and_then(|known| known.once(&till, &content));
            once.or_else(|| Some(till.asked(&content, content.as_bytes())))
        };
        let once = named(format!("\0post {hold}"));
        // As an earlier version named it, which may have been cut off.
        let of_before = named(format!("post {hold}"));
        let earlier = OnceLock::new();
        let post = |known: Option<Arc<Known>>| {
            let earlier = &earlier;
            move |work: &Work<'_>, feed: &FeedId, at: Minute| {
                let known_so = before(work, of_before.as_ref()).ok().flatten();
                if let Some(before) =
                    known_so.map_or_else(|| before(work, once.as_ref()), |b| Ok(Some(b)))?
                {
                    earlier.set(before).unwrap_or(());
                    return Ok(Vec::new());
                }
                let mut composed: Vec<Composed> = vec![Value::Post { hold, at, method }.into()];
                if let Some(known) = &known {
                    known.vouch(work, feed, (&[purse], &[item]), &mut composed)?;
                }
                if let Some(first) = composed.first_mut() {
                    first.asked = once;
                }
                Ok(composed)
            }
        };
        let mut group =
            [Request { feed: till.feed, compose: Box::new(post(known.as_ref().map(Arc::clone))) }];
        let _writing = (!self.dry_run).then(Writing::begin);
        let answer = match self.dry_run {
            true => node.ask(&mut group)?.remove(0),
            false => node.write(&mut group)?.remove(0),
        };
        drop(group);
        let accepted = match (answer, &known) {
            (Ok(accepted), _) => accepted,
            (Err(refusal), Some(known)) => {
                return Err(known.refused(session, &mut node, who, refusal));
            }
            (Err(refusal), None) => return Err(refusal.into()),
        };
        let promise = match (self.dry_run, accepted.last(), earlier.get()) {
            (true, ..) | (false, None, None) => None,
            (false, Some(last), _) => Some(till.promise(last)?),
            (false, None, Some(earlier)) => {
                let work = node.store().look()?;
                Some(receipt::promised(&work, till.key(), &earlier.feed, earlier.last())?)
            }
        };
        let of = till.short(hold);
        let again = if earlier.get().is_some() { " before" } else { "" };
        let mut value = json!({
            "of": of, "units": item.amount.units(), "repeated": earlier.get().is_some(),
        });
        if let Some(known) = known.filter(|known| known.is_wallet()) {
            let receipts = handed(&node, &accepted, earlier.get());
            let receipts = receipts.and_then(|all| known.receipts(&node, &till, &all));
            let receipts =
                told(session, receipts, self.receipts.as_deref(), earlier.get().is_some());
            if let Some(fields) = value.as_object_mut() {
                fields.insert("receipts".into(), json!(receipts));
            }
        }
        if let (Some(before), Some(promise)) = (earlier.get(), &promise) {
            value["finality"] = till.again_value(node.store(), before, promise)["finality"].take();
        }
        let again = format!("{again}{}", till::again(&value, earlier.get().is_some()));
        let words = format!("{of} is handed out{again}");
        till.entered(session, "post", promise.as_ref(), value, &words)?;
        Ok(node.close()?)
    }
}

/// For whom a hold was put by, and what.
fn put_by_for(node: &Node, till: &Till, hold: u64) -> Outcome<(Purse, Item)> {
    let work = node.store().look()?;
    let row = work.trunk(&till.feed).and_then(|chain| work.hold(owner_of(&work, chain, hold)));
    let found = row.and_then(|row| match work.slot(row.lot)? {
        Slot::Lot(lot) => match lot.owner {
            Owner::Purse(purse) => {
                Some((purse, Item { commodity: lot.commodity, amount: row.amount }))
            }
            Owner::Budget | Owner::Float | Owner::Reserve => None,
        },
        _ => None,
    });
    work.check()?;
    found.ok_or_else(|| {
        Fault::input(format!("{} puts nothing by.", till.short(hold)))
            .then("Name the entry that `annona pay hold` printed.")
    })
}

impl Drop {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let drop = |hold, at| Value::Drop { hold, at };
        resolve(session, &self.hold, self.dry_run, ("drop", "let go"), drop)
    }
}
