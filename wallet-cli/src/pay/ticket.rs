use std::path::{Path, PathBuf};

use annona_ledger::entry::{Entry, Owner, Value as Fact};
use annona_ledger::id::{CommodityId, CycleId, Purse};
use annona_ledger::limits;
use annona_ledger::ticket::Moved;
use annona_ledger::time::{DayNo, Minute};
use annona_ledger::wire;
use annona_node::atomic;
use annona_node::folder::PINS;
use annona_node::keystore::Name;
use annona_node::node::{Node, Request};
use annona_node::pin::envelope;
use annona_node::receipt;
use annona_node::serve;
use annona_node::store::{Accepted, Blob};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::claim::{carried, described};
use super::slip;
use super::till::{Till, Whose, named};
use crate::fault::{Exit, Fault, Outcome};
use crate::session::{Session, Spoken};
use crate::stop::Writing;
use crate::words::{self, Moment, hex};
use crate::{card, dry_run, holder};

/// Days for which her PIN is good where she goes.
const TICKET_DAYS: u32 = 90;

const TICKET: &str = "\
Examples:
  $ annona pay ticket --card 7K3M-9QXD-2VHN --to hill --out noor.ticket
  $ annona pay ticket --family 1 --to hill --json
  $ annona pay ticket --again 1#31";

const SUPPLY: &str = "\
Examples:
  $ annona pay supply --dir treasury --to lake --cycle 1 --item Rice=600 --item Oil=40 \\
      --out lake.ticket
  $ annona pay supply --dir treasury --to hill --cycle 1 --item Rice=40 --as float";

/// Lets a holder leave for another site: all she has here is sent there, and the tickets go with her, on paper or phone.
///
/// The tickets are one line of text each, for a QR code or a file. The other site takes them up with `annona pay claim`,
/// with no link between the two. A ticket moves value, it identifies nobody.
#[derive(Args)]
#[command(before_help = TICKET)]
pub(crate) struct Ticket {
    #[command(flatten)]
    whose: Whose,
    /// The node she goes to, by its site's name or its digits
    #[arg(long, value_name = "NODE", required_unless_present = "again")]
    to: Option<String>,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Only what she has in this cycle
    #[arg(long, value_name = "N")]
    cycle: Option<u16>,
    /// Write the tickets to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    spoken: Spoken,
    /// Print a ticket that was written before once more, by its entry
    #[arg(long, value_name = "ENTRY", conflicts_with_all = ["card", "family", "purse", "ticket", "to"])]
    again: Option<String>,
    /// Say what would be sent; send and write nothing
    #[arg(long, conflicts_with = "again")]
    dry_run: bool,
}

/// Sends what is nobody's yet to another node: a treasury's budget to a site, to issue from or as its offline allowance.
#[derive(Args)]
#[command(before_help = SUPPLY)]
pub(crate) struct Supply {
    /// The node it goes to, by its site's name or its digits
    #[arg(long, value_name = "NODE")]
    to: String,
    /// How much, as COMMODITY=AMOUNT
    #[arg(long = "item", value_name = "ITEM", required = true)]
    items: Vec<String>,
    /// The cycle it is of
    #[arg(long, value_name = "N")]
    cycle: u16,
    /// What it is to be there
    #[arg(long = "as", value_enum, default_value_t = Kind::Budget)]
    kind: Kind,
    /// Out of what is set aside here, as budget or reserve: what a release gave back of a node that is gone
    #[arg(long)]
    from_reserve: bool,
    /// When it should rather be sent back: a day, or +30d [default: never]
    #[arg(long, value_name = "TIME")]
    expires: Option<Moment>,
    /// The programme, by number or name [default: the only one of this node]
    #[arg(long, value_name = "PROGRAMME")]
    programme: Option<String>,
    /// Write the tickets to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Say what would be sent; send and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// What units that are nobody's yet are for.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// To issue distribution lists from
    Budget,
    /// The site's own allowance, for holders whose home cannot be reached
    Float,
    /// Set aside for the families of another site
    Reserve,
}

impl Ticket {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        session.speak(&self.spoken);
        if let Some(again) = &self.again {
            return self.again(session, again);
        }
        let Some(to) = &self.to else { return Err(Fault::usage("say where she goes: --to NODE.")) };
        if self.whose.is_none() {
            return Err(Fault::usage("say who leaves: --card, --family, --purse or --ticket."));
        }
        let mut node = session.signing_node()?;
        let to = words::receiver(node.store().roster(), to)?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let purses = till.purses_here(session, &node, &self.whose, self.cycle)?;
        let wall = Minute::of(node.now(), till.founded);
        let mut sent = Vec::new();
        let mut refused = None;
        let mut left = purses.clone();
        while !left.is_empty() {
            let mut group: Vec<Request<'_>> = left
                .iter()
                .map(|purse| {
                    let purse = *purse;
                    // What ended by a stamp that was dated too late is paid where none was.
                    let compose: annona_node::node::Compose<'_> =
                        Box::new(move |work, feed, at| {
                            serve::travel(work, feed, &purse, to, (at.min(wall), at))
                        });
                    Request { feed: till.feed, compose }
                })
                .collect();
            let answers = dry_run::write(&mut node, self.dry_run, &mut group)?;
            drop(group);
            let mut more = Vec::new();
            for (purse, answer) in left.iter().zip(answers) {
                match answer {
                    Ok(accepted) => {
                        // A full basket: perhaps she has more lots than it binds.
                        if accepted.len() > usize::from(limits::BASKET_ENTRIES) {
                            more.push(*purse);
                        }
                        sent.extend(accepted);
                    }
                    Err(refusal) => {
                        refused.get_or_insert(refusal);
                    }
                }
            }
            left = more;
            if self.dry_run {
                break;
            }
        }
        if sent.is_empty()
            && let Some(refusal) = refused
        {
            return Err(refusal.into());
        }
        if self.dry_run {
            would_send(session, &node, &till, &sent)?;
            if !left.is_empty() {
                session.screen.note(
                    "That is as much as one basket binds: what else she has would follow it.",
                );
            }
            dry_run::nothing(session);
            return Ok(node.close()?);
        }
        let pins = self.pins(session, &node, &till, &to, &purses);
        let pins = pins.unwrap_or_else(|fault| {
            session.screen.warn(format!("her PIN does not go with her: {}", fault.message));
            None
        });
        hand_out_with(session, &node, &till, &sent, self.out.as_deref(), pins)?;
        Ok(node.close()?)
    }

    /// Her PIN, for the node she goes to alone, where she has one here.
    fn pins(
        &self,
        session: &Session,
        node: &Node,
        till: &Till,
        to: &[u8; 8],
        purses: &[Purse],
    ) -> Outcome<Option<String>> {
        if !self.whose.is_here() {
            return Ok(None);
        }
        let vault = session.vault(node)?;
        if !node.folder().file(PINS).exists() && !vault.has_pins()? {
            return Ok(None);
        }
        let household = match (&self.whose.card, &self.whose.family) {
            (Some(code), _) => card::family(node, &vault, code)?.1,
            (None, Some(family)) => holder::find(&vault, family)?,
            (None, None) => return Ok(None),
        };
        let pins = super::pin::pins(node, &vault)?;
        let until = DayNo::of(node.stamp(&till.feed)?).plus(TICKET_DAYS);
        let mut rows = Vec::new();
        let gone = vault.erasure_commitment(household, till.id)?;
        for purse in purses {
            rows.extend(pins.lend(household, *purse, until, &gone)?);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let to = words::reader(node, &hex(to))?;
        let key = node.signing_key(Name::NodeSigning)?;
        Ok(Some(slip::pins(&envelope(&node.federation()?, &key, &to, rows)?)))
    }

    fn again(&self, session: &Session, text: &str) -> Outcome {
        let entry = named(session, text)?;
        let node = session.node()?;
        let till =
            Till::open(&node, entry.programme.or_else(|| self.programme.clone()).as_deref())?;
        let work = node.store().look()?;
        let found = receipt::accepted(&work, &till.feed, entry.index)?;
        drop(work);
        let found = found.ok_or_else(|| {
            Fault::input(format!("there is no entry {} here.", till.short(entry.index)))
        })?;
        hand_out(session, &node, &till, &[found], self.out.as_deref())?;
        Ok(node.close()?)
    }
}

impl Supply {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let to = words::receiver(node.store().roster(), &self.to)?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let items = till.items(&self.items)?;
        let expires =
            self.expires.map_or(Minute::NEVER, |moment| moment.until(session.now(), till.founded));
        let kind = match self.kind {
            Kind::Budget => Owner::Budget,
            Kind::Float => Owner::Float,
            Kind::Reserve => Owner::Reserve,
        };
        if self.from_reserve && matches!(kind, Owner::Float) {
            return Err(Fault::usage(
                "what is set aside goes as budget or as reserve: leave --as out, and send the site an allowance of what is budget.",
            ));
        }
        let from = if self.from_reserve { Owner::Reserve } else { Owner::Budget };
        let cycle = CycleId(self.cycle);
        let asked: Vec<CommodityId> = items.iter().map(|item| item.commodity).collect();
        // All of them or none: one basket.
        let mut group = [Request {
            feed: till.feed,
            compose: Box::new(move |work, feed, at| {
                serve::supply_all(work, feed, (from, kind), cycle, &items, to, expires, at)
            }),
        }];
        let _writing = (!self.dry_run).then(Writing::begin);
        let sent = dry_run::write(&mut node, self.dry_run, &mut group)?.remove(0);
        drop(group);
        let sent = match sent {
            Ok(sent) => sent,
            Err(refusal) => {
                let fault = Fault::from(refusal);
                let set_aside = match self.from_reserve {
                    true => Vec::new(),
                    false => set_aside(&node, &till, cycle, &asked)?,
                };
                return Err(match set_aside[..] {
                    [] => fault,
                    _ => fault.then(&format!(
                        "{} lie here as reserve: the same with --from-reserve sends of it.",
                        set_aside.join(" and ")
                    )),
                });
            }
        };
        if self.dry_run {
            would_send(session, &node, &till, &sent)?;
            dry_run::nothing(session);
            return Ok(node.close()?);
        }
        hand_out(session, &node, &till, &sent, self.out.as_deref())?;
        Ok(node.close()?)
    }
}

/// What lies here as reserve of these commodities, in words.
fn set_aside(
    node: &Node,
    till: &Till,
    cycle: CycleId,
    asked: &[CommodityId],
) -> Outcome<Vec<String>> {
    let work = node.store().look()?;
    let lots = work.trunk(&till.feed).map(|chain| serve::common(&work, chain, Owner::Reserve));
    work.check()?;
    let lots = lots.unwrap_or_default();
    let of = |commodity: &CommodityId| {
        let of = lots.iter().map(|(_, lot)| lot);
        let of = of.filter(|lot| lot.cycle == cycle && lot.commodity == *commodity);
        let units = of.fold(0i128, |sum, lot| sum.saturating_add(lot.available().units()));
        (units > 0).then(|| till.print(*commodity, units))
    };
    Ok(asked.iter().filter_map(of).collect())
}

/// Says what sends and covers would carry that were only asked about.
pub(super) fn would_send(
    session: &Session,
    node: &Node,
    till: &Till,
    asked: &[Accepted],
) -> Outcome {
    for accepted in asked {
        let moved = match Entry::decode(accepted.feed.lane, &accepted.bytes)? {
            Entry::Value(Fact::Send(send)) => Moved::Send(send),
            Entry::Value(Fact::FloatCover(cover)) => Moved::Cover(cover),
            _ => continue,
        };
        let (value, carried) = carried(till, &moved);
        let to = words::site(node.store().roster(), &moved.to());
        dry_run::would(session, "ticket", value, &format!("would be sent: {carried}, to {to}"))?;
    }
    Ok(())
}

/// Prints, keeps and writes the tickets of sends and covers that are durable.
pub(super) fn hand_out(
    session: &Session,
    node: &Node,
    till: &Till,
    sent: &[Accepted],
    out: Option<&Path>,
) -> Outcome {
    hand_out_with(session, node, till, sent, out, None)
}

/// As [`hand_out`], with a PIN that goes along.
fn hand_out_with(
    session: &Session,
    node: &Node,
    till: &Till,
    sent: &[Accepted],
    out: Option<&Path>,
    pins: Option<String>,
) -> Outcome {
    let mut lines = Vec::new();
    let mut failed = None;
    for accepted in sent {
        let entry = Entry::decode(accepted.feed.lane, &accepted.bytes)?;
        // What binds a basket, and what was let go first, is no ticket.
        if !matches!(entry, Entry::Value(Fact::Send(_) | Fact::FloatCover(_))) {
            continue;
        }
        // It is sent already: one ticket that cannot be made keeps back none of the others.
        let ticket = match made(node, till, accepted) {
            Ok(ticket) => ticket,
            Err(fault) => {
                let entry = till.short(accepted.at.index);
                session
                    .screen
                    .warn(format!("{entry} is sent, without a ticket: {}", fault.message));
                failed.get_or_insert(fault.then(&format!(
                    "Nothing is lost: `annona pay ticket --again {entry}` prints it."
                )));
                continue;
            }
        };
        let text = slip::ticket(till.id, &ticket);
        let (mut value, carried) = described(till, &ticket);
        let to = value.get("to").and_then(|to| to.as_str()).unwrap_or_default();
        let roster = node.store().roster();
        let to = words::node(roster, to)
            .map_or_else(|_| to.to_owned(), |known| words::site(roster, &known.short()));
        let bytes = wire::encode(&ticket).len();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("entry".into(), json!(till.short(accepted.at.index)));
            fields.insert("bytes".into(), json!(bytes));
            fields.insert("ticket".into(), json!(text));
        }
        let entry = till.short(accepted.at.index);
        let heading = hers(session, node, till, &entry, &ticket);
        let words = format!("{entry}: {carried}, to {to}");
        session.screen.answer("ticket", value, || match out {
            Some(_) => format!("sent {words}"),
            None => format!("sent {words}\n{text}"),
        })?;
        lines.push(format!("# {}\n{text}\n", heading.unwrap_or(words)));
    }
    let count = lines.len() as u64;
    if let Some(pins) = pins {
        lines.push(format!("# {}\n{pins}\n", session.papers().pin_goes_along));
        session.screen.answer("pin", json!({ "pin": pins }), || pins.clone())?;
    }
    if let Some(path) = out {
        // It is sent, and sent twice if it were asked for again.
        atomic::write(path, lines.concat().as_bytes()).map_err(|fault| {
            let entries: Vec<String> =
                sent.iter().map(|accepted| till.short(accepted.at.index)).collect();
            Fault::new(
                Exit::Input,
                format!("could not write {}: {}.", path.display(), fault.trouble()),
            )
            .then(&format!(
                "What was sent is sent: do not send it again. `annona pay ticket --again {} --out FILE` writes the ticket.",
                entries.join(" or ")
            ))
        })?;
        session.screen.note(format!(
            "{} in {}: `annona pay claim` at node {}.",
            words::count(count, "ticket", "tickets"),
            path.display(),
            sent.first().map(|_| hex(&destination(sent))).unwrap_or_default(),
        ));
    }
    failed.map_or(Ok(()), Err)
}

/// What stands over a ticket that a family carries, in its language; `None` over what sites send each other.
fn hers(
    session: &Session,
    node: &Node,
    till: &Till,
    entry: &str,
    ticket: &annona_ledger::ticket::Ticket,
) -> Option<String> {
    let annona_ledger::ticket::Ticket::Sent(sent, _) = ticket else { return None };
    let Moved::Send(send) = sent.moved else { return None };
    let Owner::Purse(_) = send.owner else { return None };
    let papers = session.papers();
    let goods = till.print(send.commodity, i128::from(send.amount.units()));
    let site = node.store().roster().node(&send.to);
    let site = site.map_or_else(|| hex(&send.to), |c| c.site_name.to_string());
    let [entry, goods, site] = [entry, &goods, &site].map(|text| papers.set(text));
    Some(format!("{} {entry}: {goods} {} {site}", papers.ticket, papers.to))
}

/// A ticket, kept where it can be: it can be made again.
fn made(node: &Node, till: &Till, accepted: &Accepted) -> Outcome<annona_ledger::ticket::Ticket> {
    let ticket = serve::ticket(&node.store().look()?, till.key(), accepted)?;
    drop(node.store().put_blob(Blob::Ticket, &accepted.accumulator, &wire::encode(&ticket)));
    Ok(ticket)
}

fn destination(sent: &[Accepted]) -> [u8; 8] {
    sent.iter()
        .find_map(|accepted| match Entry::decode(accepted.feed.lane, &accepted.bytes) {
            Ok(Entry::Value(Fact::Send(send))) => Some(send.to),
            Ok(Entry::Value(Fact::FloatCover(cover))) => Some(cover.float.feed.node),
            _ => None,
        })
        .unwrap_or_default()
}
