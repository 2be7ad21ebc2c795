use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use annona_ledger::cover::{self, Doubt};
use annona_ledger::entry::Method;
use annona_ledger::id::{FeedRef, MerchantId, Purse};
use annona_ledger::view::FloatRow;
use annona_node::node::{Compose, Node, NodeFault, Refusal, Request};
use annona_node::serve::{self, Item};
use clap::Args;
use serde_json::json;

use super::allowance::{self, Noted};
use super::charge::{before, handed, signed_for, told};
use super::known::{Proof, Typed};
use super::short::Short;
use super::till::{self, Till, Whose};
use super::{slip, turned};
use crate::dry_run;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::stop::Writing;
use crate::words::{self, hex, print_minute};

const FLOAT: &str = "\
Examples:
  $ annona pay float --dir hill --purse 00112233445566778899aabbccddeeff --home lake --item Rice=5
  $ annona pay float --dir hill --purse 00112233445566778899aabbccddeeff --home lake --item Rice=5 \\
      --method desk --operator mara.keys --operator-passphrase-file pass.txt \\
      --second yusuf.keys --second-passphrase-file pass.txt";

const COVER: &str = "\
Examples:
  $ annona pay cover
  $ annona pay cover --all --out hill.ticket";

/// Serves a holder whose home cannot be reached, out of this site's own offline allowance.
///
/// The programme's risk policy caps it per purse, per day and per site: what a copied card can take is known before the
/// first day. Her home covers it later, once, with `annona pay cover`.
#[derive(Args)]
#[command(before_help = FLOAT)]
pub(crate) struct Float {
    #[command(flatten)]
    whose: Whose,
    /// The node that issued her entitlement
    #[arg(long, value_name = "NODE")]
    home: String,
    /// What is handed out, as COMMODITY=AMOUNT
    #[arg(long = "item", value_name = "ITEM")]
    items: Vec<String>,
    /// Write the receipts for her wallet to a file, where the method is signed
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// Who hands it out [default: this site]
    #[arg(long, value_name = "NAME")]
    merchant: Option<String>,
    #[command(flatten)]
    proof: Proof,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Say what would be answered, and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Lists what other sites handed out to this node's holders from their allowance, and covers it from the holders' lots.
///
/// Without --all or entries nothing is written. Each cover is a ticket for the site that served.
#[derive(Args)]
#[command(before_help = COVER)]
pub(crate) struct Cover {
    /// Cover these, by the name the list shows
    #[arg(value_name = "NAME", conflicts_with = "all")]
    names: Vec<String>,
    /// Cover all that the holders' lots can pay, but for what is beyond a cap or of a site that was cut off or broke the rules
    #[arg(long)]
    all: bool,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Write the tickets to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say what would be covered; cover and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Float {
    pub(crate) fn run(mut self, session: &Session) -> Outcome {
        session.speak(&self.proof.spoken);
        match self.proof.wallet()? {
            Some(signed) => signed_for(&mut self.whose, &mut self.items, &signed)?,
            None if self.items.is_empty() => {
                return Err(Fault::usage("say what is handed out: --item COMMODITY=AMOUNT."));
            }
            None => {}
        }
        let typed = if self.dry_run { Typed::default() } else { self.proof.ask(session)? };
        let mut node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let home = words::node(node.store().roster(), &self.home)?.short();
        let mut purses = match till.purses_here(session, &node, &self.whose, None) {
            Err(fault) if self.whose.card.is_some() && !self.dry_run => {
                return Err(turned::by_card(session, &mut node, till.id, fault));
            }
            other => other?,
        };
        let items = till.items(&self.items)?;
        let (merchant, name) = till.merchant(self.merchant.as_deref())?;
        let method = self.proof.method();
        if self.dry_run {
            let home = FeedRef::value(home, till.id);
            return would_serve(session, node, &till, (&purses, &items, merchant, method), home);
        }
        let purse = purses.first().copied();
        let who = turned::Who { programme: till.id, whose: &self.whose, purse };
        let known =
            self.proof.known(session, typed, (&node, &till), &self.whose, &mut purses, &items);
        let known = match known {
            Ok(known) => known,
            Err(no) => return Err(no.told(session, &mut node, who, method)),
        };
        let Some(purse) = purses.first().copied() else {
            return Err(Fault::usage("say whose it is: --purse, --ticket or --card."));
        };
        let charge = serve::Charge { purse, items: items.clone(), merchant, method };
        let home = FeedRef::value(home, till.id);
        let once = known.once(&till, &format!("float {purse} {items:?} {merchant}"));
        let vouching = Arc::clone(&known);
        let earlier = Arc::new(OnceLock::new());
        let noted = Arc::clone(&earlier);
        let looked = Noted::default();
        let left = Arc::clone(&looked);
        let mut group = [Request {
            feed: till.feed,
            compose: Box::new(move |work, feed, at| {
                // After a cut of power the paper is shown again: it was handed out, and is told so.
                if let Some(before) = before(work, once.as_ref())? {
                    let _ = noted.set(before);
                    return Ok(Vec::new());
                }
                drop(left.set(serve::allowances(work, feed, Some(&charge.purse), at)));
                let mut composed = serve::float_charge(work, feed, &charge, home, at)?;
                vouching.vouch(work, feed, (&[charge.purse], &charge.items), &mut composed)?;
                if let Some(first) = composed.first_mut() {
                    first.asked = once;
                }
                Ok(composed)
            }),
        }];
        let _writing = Writing::begin();
        let accepted = node.write(&mut group)?.remove(0);
        drop(group);
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(Refusal::Rule(rule)) if allowance::is(rule) => {
                let left = looked.get().map(Vec::as_slice).unwrap_or_default();
                // Of which day it is said, where nobody believes the clock: she is refused nothing for that, and the question
                // is asked of who can answer it.
                if allowance::by_the_day(&items, left)
                    && let Some(words) = session.clock_words(node.store())?
                {
                    let (Short::Less(fault) | Short::Nothing(fault)) =
                        allowance::of(&till, rule, &items, left);
                    return Err(fault.then(&words).then("Nobody was refused."));
                }
                return Err(match allowance::of(&till, rule, &items, left) {
                    Short::Less(fault) => fault,
                    Short::Nothing(fault) => turned::by_allowance(session, &mut node, who, fault),
                });
            }
            Err(refusal) => {
                return Err(known.refused(session, &mut node, who, refusal));
            }
        };
        let repeated = earlier.get().is_some();
        let accepted = handed(&node, &accepted, earlier.get())?;
        let receipts = known.receipts(&node, &till, &accepted);
        let receipts = told(session, receipts, self.receipts.as_deref(), repeated);
        let last =
            accepted.last().ok_or_else(|| Fault::new(Exit::Bug, "an answer without entries"))?;
        let promise = till.promise(last)?;
        let mut value = match earlier.get() {
            Some(before) => till.again_value(node.store(), before, &promise),
            None => till.entry_value(&promise),
        };
        let again = till::again(&value, repeated);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("repeated".into(), json!(repeated));
            fields.insert("receipts".into(), json!(receipts));
            fields.insert("items".into(), till.items_value(&items));
            fields.insert("home".into(), json!(hex(&home.node)));
            fields.insert("purse".into(), json!(purse.to_string()));
        }
        session.screen.answer("float", value, || {
            format!(
                "accepted{} {}{again}: {} by {name}, from this site's allowance\npending: her home covers it\n{}",
                if repeated { " before, as" } else { "" },
                till.short(promise.index),
                till.items_text(&items),
                slip::promise(&promise),
            )
        })?;
        till::served(session, node, &merchant, &name);
        Ok(())
    }
}

/// Says whether this site's allowance would serve her.
fn would_serve(
    session: &Session,
    mut node: Node,
    till: &Till,
    (purses, items, merchant, method): (&[Purse], &[Item], MerchantId, Method),
    home: FeedRef,
) -> Outcome {
    let Some(purse) = purses.first().copied() else {
        return Err(Fault::usage("say whose it is: --purse, --ticket or --card."));
    };
    let charge = serve::Charge { purse, items: items.to_vec(), merchant, method };
    let looked = Noted::default();
    let left = Arc::clone(&looked);
    let compose: Compose<'_> = Box::new(move |work, feed, at| {
        drop(left.set(serve::allowances(work, feed, Some(&charge.purse), at)));
        serve::float_charge(work, feed, &charge, home, at)
    });
    let mut group = [Request { feed: till.feed, compose }];
    let answer = dry_run::write(&mut node, true, &mut group)?.remove(0);
    drop(group);
    answer.map_err(|no| match no {
        Refusal::Rule(rule) if allowance::is(rule) => {
            let left = looked.get().map(Vec::as_slice).unwrap_or_default();
            match allowance::of(till, rule, items, left) {
                Short::Less(fault) | Short::Nothing(fault) => fault,
            }
        }
        other => other.into(),
    })?;
    let value = json!({
        "accepted": true, "items": till.items_value(items), "home": hex(&home.node),
        "purse": purse.to_string(),
    });
    let items = till.items_text(items);
    let words =
        format!("would be accepted: {items}, from this site's allowance; her home covers it");
    dry_run::would(session, "float", value, &words)?;
    dry_run::nothing(session);
    Ok(node.close()?)
}

impl Cover {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let writes = self.all || !self.names.is_empty();
        let mut node = if writes { session.signing_node()? } else { session.node()? };
        let till = Till::open(&node, self.programme.as_deref())?;
        let work = node.store().look()?;
        let waiting: Vec<(FloatRow, Option<Doubt>)> = work
            .uncovered(&till.feed.short())
            .into_iter()
            .map(|float| (float, cover::doubt(&work, &float)))
            .collect();
        work.check()?;
        drop(work);
        if !writes {
            for (float, doubt) in &waiting {
                let name = hex(&float.name.accumulator.short());
                let what = till.print(float.commodity, i128::from(float.amount.units()));
                let (served, at) =
                    (hex(&float.name.feed.node), print_minute(float.stamp, till.founded));
                let value = json!({
                    "name": name, "served_by": served, "purse": float.purse.to_string(),
                    "cycle": float.cycle, "commodity": float.commodity,
                    "units": float.amount.units(), "at": at,
                    "doubt": doubt.map(Doubt::word),
                });
                session.screen.answer("uncovered", value, || {
                    let doubt = doubt.map(|doubt| format!("  ({doubt})")).unwrap_or_default();
                    format!("{name}  {at}  {what}  served by {served}{doubt}")
                })?;
            }
            let count = words::count(waiting.len() as u64, "redemption", "redemptions");
            session.screen.note(format!(
                "{count} to cover. `annona pay cover --all` covers those nothing speaks against."
            ));
            return Ok(node.close()?);
        }
        let mut chosen = Vec::new();
        for (float, doubt) in waiting {
            let name = hex(&float.name.accumulator.short());
            match doubt {
                // Whoever served may have named a purse of somebody who never came.
                Some(doubt) if self.all => session.screen.warn(format!(
                    "{name} is left out: {doubt}. Ask the family, then name it: `annona pay cover {name}`."
                )),
                _ if self.all || self.names.contains(&name) => chosen.push(float),
                _ => {}
            }
        }
        if chosen.len() < self.names.len() {
            return Err(Fault::input(
                "not every name is one of a redemption to cover: see `annona pay cover`. Nothing was written.",
            ));
        }
        let mut group: Vec<Request<'_>> = chosen
            .iter()
            .map(|float| {
                let compose: Compose<'_> =
                    Box::new(move |work, feed, at| serve::cover(work, feed, float, at));
                Request { feed: till.feed, compose }
            })
            .collect();
        let answers = dry_run::write(&mut node, self.dry_run, &mut group)?;
        drop(group);
        let mut sent = Vec::new();
        let mut refused = None;
        for (answer, float) in answers.into_iter().zip(&chosen) {
            match answer {
                Ok(accepted) => sent.extend(accepted),
                Err(refusal) => {
                    let name = hex(&float.name.accumulator.short());
                    session.screen.warn(format!("{name} is not covered: {refusal}"));
                    refused.get_or_insert(NodeFault::Refused(format!(
                        "some were not covered ({refusal}): the excess stays listed, nothing was deducted"
                    )));
                }
            }
        }
        if self.dry_run {
            super::ticket::would_send(session, &node, &till, &sent)?;
            dry_run::nothing(session);
        } else {
            super::ticket::hand_out(session, &node, &till, &sent, self.out.as_deref())?;
        }
        node.close()?;
        refused.map_or(Ok(()), |refused| Err(refused.into()))
    }
}
