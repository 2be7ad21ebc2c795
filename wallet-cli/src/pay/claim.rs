use std::io::Read;
use std::path::{Path, PathBuf};

use annona_ledger::entry::{Entry, Owner};
use annona_ledger::fold::{budget_name, release_name};
use annona_ledger::id::ProgrammeId;
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::{Moved, Ticket};
use annona_ledger::view::View;
use annona_node::holder::desk;
use annona_node::node::{Answer, Node, Refusal, Request};
use annona_node::serve;
use clap::Args;
use serde_json::{Value, json};

use super::charge::told;
use super::till::Till;
use super::{place, slip};
use crate::dry_run;
use crate::family::take_pins;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

const CLAIM: &str = "\
Examples:
  $ annona pay claim --dir hill supply.ticket
  $ annona pay claim --dir treasury --budget";

const DECLINE: &str = "\
Examples:
  $ annona pay decline --dir hill supply.ticket
  $ annona pay decline --dir hill supply.ticket --json";

/// The most tickets of one file.
const TICKETS: usize = 10_000;
/// The most bytes of a file of tickets.
const BYTES: u64 = 32 * 1024 * 1024;

/// Takes up tickets addressed to this node, each once: what they carry can be redeemed here at once, with no network.
///
/// With --budget, a node takes up what the charter gives it: a treasury the lines of budgets, a reserve what was released.
#[derive(Args)]
#[command(before_help = CLAIM)]
pub(crate) struct Claim {
    /// Files that hold tickets, texts of tickets in single quotation marks, or - for standard input
    #[arg(value_name = "TICKET", required_unless_present = "budget")]
    tickets: Vec<String>,
    /// Take up what the charter gives this node: budget lines, and releases to its reserve
    #[arg(long, conflicts_with = "tickets")]
    budget: bool,
    /// Write the receipts for a wallet to a file
    #[arg(long, value_name = "FILE", conflicts_with = "budget")]
    receipts: Option<PathBuf>,
    /// Say what would be taken up; take up nothing
    #[arg(long)]
    dry_run: bool,
}

/// Sends back what tickets addressed to this node carry, so that nothing stays in flight to a place that cannot use it.
#[derive(Args)]
#[command(before_help = DECLINE)]
pub(crate) struct Decline {
    /// Files that hold tickets, texts of tickets in single quotation marks, or - for standard input
    #[arg(value_name = "TICKET", required = true)]
    tickets: Vec<String>,
    /// Say what would be sent back; send and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Claim {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let tickets = if self.budget { budgets(&node)? } else { read(&self.tickets)? };
        if tickets.is_empty() {
            session.screen.note("no budget line of the charter waits for this node.");
            return Ok(());
        }
        let mut group = Vec::with_capacity(tickets.len());
        let mut tills = Vec::with_capacity(tickets.len());
        for (programme, ticket) in &tickets {
            let till = Till::open(&node, Some(&programme.to_string()))?;
            let ticket = ticket.clone();
            group.push(Request {
                feed: till.feed,
                compose: Box::new(move |_, _, at| Ok(serve::claim(ticket.clone(), at))),
            });
            tills.push(till);
        }
        let answers = dry_run::write(&mut node, self.dry_run, &mut group)?;
        drop(group);
        let programme = tills.first().map(|till| till.id);
        if let Some(path) = self.receipts.as_ref().filter(|_| !self.dry_run) {
            let made = receipts(&node, &tills, &answers);
            told(session, made, Some(path), false);
        }
        let freed = tickets.iter().any(|(_, ticket)| matches!(ticket, Ticket::Release { .. }));
        let words = ("claim", "claimed", self.dry_run);
        let done = tell(session, words, (&node, &self.tickets), tickets, &tills, answers)?;
        // After the value, which is what she came for: a PIN that does not open leaves the other methods.
        for (text, programme) in pins_beside(&self.tickets)?.iter().zip(programme.iter().cycle()) {
            let taken = slip::read_pins(text)
                .and_then(|sealed| take_pins(&node, *programme, &sealed, self.dry_run));
            if let Err(fault) = taken {
                session.screen.warn(format!("her PIN is not here: {}", fault.message));
            }
        }
        if self.dry_run {
            dry_run::nothing(session);
        } else if done.is_ok() {
            session.screen.note(if self.budget && freed {
                "Next: `annona pay supply --to SITE --out FILE` sends of it to a site; of what a release gave, which is reserve, \
                 with --from-reserve."
            } else if self.budget {
                "Next: `annona pay supply --to SITE --out FILE` sends of it to a site."
            } else {
                "Next: `annona entitle issue LIST` gives families their share of what a site is sent; `annona pay charge` \
                 hands out."
            });
        }
        node.close()?;
        done
    }
}

/// What a wallet keeps of tickets that were taken up.
fn receipts(node: &Node, tills: &[Till], answers: &[Answer]) -> Outcome<Vec<String>> {
    let work = node.store().look()?;
    let mut texts = Vec::new();
    for (till, accepted) in tills.iter().zip(answers) {
        let Ok(accepted) = accepted else { continue };
        for one in accepted {
            let Ok(Entry::Value(value)) = Entry::decode(one.feed.lane, &one.bytes) else {
                continue;
            };
            let Some(Owner::Purse(purse)) = desk::arrived(&value).map(|send| send.owner) else {
                continue;
            };
            let one = std::slice::from_ref(one);
            for note in desk::receipts(&work, till.key(), &purse, None, one)? {
                texts.push(slip::wallet::text(slip::wallet::RECEIPT, &note.encode()));
            }
        }
    }
    work.check()?;
    Ok(texts)
}

impl Decline {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let mut node = session.signing_node()?;
        let tickets = read(&self.tickets)?;
        let mut group = Vec::with_capacity(tickets.len());
        let mut tills = Vec::with_capacity(tickets.len());
        for (programme, ticket) in &tickets {
            let till = Till::open(&node, Some(&programme.to_string()))?;
            let ticket = ticket.clone();
            group.push(Request {
                feed: till.feed,
                compose: Box::new(move |work, feed, at| serve::decline(work, feed, &ticket, at)),
            });
            tills.push(till);
        }
        let answers = dry_run::write(&mut node, self.dry_run, &mut group)?;
        drop(group);
        let back: Vec<_> = answers
            .iter()
            .zip(&tills)
            .filter_map(|(answer, till)| Some((till, answer.as_ref().ok()?.last()?.clone())))
            .collect();
        let words = ("decline", "sent back", self.dry_run);
        let done = tell(session, words, (&node, &self.tickets), tickets, &tills, answers)?;
        if self.dry_run {
            dry_run::nothing(session);
            node.close()?;
            return done;
        }
        let mut slips = Vec::new();
        for (till, sent) in back {
            let looked = node.store().look().map_err(Fault::from);
            match looked.and_then(|work| Ok(serve::ticket(&work, till.key(), &sent)?)) {
                Ok(ticket) => slips.push(slip::ticket(till.id, &ticket)),
                Err(fault) => session.screen.warn(format!(
                    "{entry} is sent back, without a ticket: {}. `annona pay ticket --again {entry}` prints it.",
                    fault.message.trim_end_matches('.'),
                    entry = till.short(sent.at.index),
                )),
            }
        }
        for text in slips {
            session.screen.answer("ticket", json!({ "ticket": text }), || text.clone())?;
        }
        node.close()?;
        done
    }
}

/// One answer line for each ticket; the outcome is that of the first refusal.
fn tell(
    session: &Session,
    (kind, word, dry_run): (&str, &str, bool),
    (node, given): (&Node, &[String]),
    tickets: Vec<(ProgrammeId, Ticket)>,
    tills: &[Till],
    answers: Vec<Answer>,
) -> Outcome<Outcome> {
    let mut refused = None;
    for (((_, ticket), till), answer) in tickets.iter().zip(tills).zip(answers) {
        let (mut value, carried) = described(till, ticket);
        let fields = value.as_object_mut();
        match answer {
            Ok(_) if dry_run => {
                if let Some(fields) = fields {
                    fields.insert("accepted".into(), json!(true));
                }
                dry_run::would(session, kind, value, &format!("would be {word}: {carried}"))?;
            }
            Ok(accepted) => {
                let last = accepted.last();
                let last =
                    last.ok_or_else(|| Fault::new(Exit::Bug, "an answer without entries"))?;
                let promise = till.promise(last)?;
                if let Some(fields) = fields {
                    fields.insert("accepted".into(), json!(true));
                    if let Value::Object(entry) = till.entry_value(&promise) {
                        fields.extend(entry);
                    }
                }
                session.screen.answer(kind, value, || {
                    format!("{word} {}: {carried}", till.short(promise.index))
                })?;
            }
            Err(refusal) => {
                let words = refusal.to_string();
                if let Some(fields) = fields {
                    fields.insert("accepted".into(), json!(false));
                    fields.insert("reason".into(), json!(words));
                }
                session.screen.answer(kind, value, || format!("refused: {carried}: {words}"))?;
                let cut = matches!(refusal, Refusal::Rule(Rejection::SenderCut));
                let mut fault = Fault::from(refusal);
                if let Ticket::Sent(sent, _) = ticket
                    && cut
                {
                    let file = match given {
                        [one] => one,
                        _ => "TICKET",
                    };
                    if let Some(line) = place::instead_of(node, till, file, sent) {
                        fault = fault.then(&format!("Her food is here all the same: {line}."));
                    }
                }
                refused.get_or_insert(fault);
            }
        }
    }
    Ok(refused.map_or(Ok(()), Err))
}

/// What a ticket carries, for machines and in words.
pub(super) fn described(till: &Till, ticket: &Ticket) -> (Value, String) {
    match ticket {
        Ticket::Budget { epoch, act, line } => (
            json!({ "programme": till.id, "budget": [epoch, act, line] }),
            format!("budget line {line} of article {epoch}, {}", till.programme.name),
        ),
        Ticket::Release { epoch, act } => (
            json!({ "programme": till.id, "release": [epoch, act] }),
            format!("release {act} of article {epoch}, {}, as reserve", till.programme.name),
        ),
        Ticket::Sent(sent, hops) => {
            let (mut value, words) = carried(till, &sent.moved);
            if let Some(fields) = value.as_object_mut() {
                fields.insert("from".into(), json!(hex(&sent.node)));
                if !matches!(sent.moved, Moved::Refund { .. }) {
                    fields.insert("hops".into(), json!(hops.len()));
                    fields.insert("ticket_name".into(), json!(sent.accumulator().to_string()));
                }
            }
            (value, words)
        }
    }
}

/// What moves, for machines and in words.
pub(super) fn carried(till: &Till, moved: &Moved) -> (Value, String) {
    let (cycle, commodity, amount, whose, purse) = match moved {
        Moved::Send(send) => {
            let (whose, purse) = match send.owner {
                Owner::Budget => ("as budget", None),
                Owner::Float => ("as offline allowance", None),
                Owner::Reserve => ("as reserve", None),
                Owner::Purse(purse) => ("for a purse", Some(purse.to_string())),
            };
            (send.cycle, send.commodity, send.amount, whose, purse)
        }
        Moved::Cover(cover) => {
            (cover.cycle, cover.commodity, cover.amount, "to cover an allowance", None)
        }
        Moved::Refund { .. } => {
            return (json!({ "programme": till.id }), "a refund, which is no ticket".to_owned());
        }
    };
    let carried = till.print(commodity, i128::from(amount.units()));
    let value = json!({
        "programme": till.id, "cycle": cycle, "commodity": commodity, "units": amount.units(),
        "to": hex(&moved.to()), "purse": purse,
    });
    let purse = purse.map(|p| format!(" {p}")).unwrap_or_default();
    (value, format!("{carried} {whose}{purse}"))
}

/// Every budget line of the charter, and every release, that is this node's and not claimed yet.
fn budgets(node: &Node) -> Outcome<Vec<(ProgrammeId, Ticket)>> {
    let own = node.public().short();
    let charter = node.store().charter()?.clone();
    let work = node.store().look()?;
    let mut lines: Vec<(ProgrammeId, Ticket)> = charter
        .budgets()
        .filter(|(_, line)| line.treasury == own)
        .filter(|((epoch, act, number), _)| {
            let row = work.ticket(&budget_name(*epoch, *act, *number));
            row.is_some_and(|row| row.claimed.is_none())
        })
        .map(|((epoch, act, number), line)| {
            (line.programme, Ticket::Budget { epoch, act, line: number })
        })
        .collect();
    let freed = charter.releases().filter(|(_, freed)| freed.reserve == own);
    lines.extend(freed.filter_map(|((epoch, act), freed)| {
        let row = work.ticket(&release_name(epoch, act))?;
        let ticket = Ticket::Release { epoch, act };
        row.claimed.is_none().then_some((freed.feed.programme, ticket))
    }));
    work.check()?;
    Ok(lines)
}

fn read(given: &[String]) -> Outcome<Vec<(ProgrammeId, Ticket)>> {
    let mut tickets = Vec::new();
    for one in given {
        for text in texts(one)? {
            tickets.push(
                slip::read_ticket(&text)
                    .map_err(|fault| if slip::is_ticket(one) { fault } else { fault.at(one) })?,
            );
        }
    }
    Ok(tickets)
}

/// The texts of PINs that came with tickets in files.
fn pins_beside(given: &[String]) -> Outcome<Vec<String>> {
    let mut pins = Vec::new();
    for one in given.iter().filter(|one| !slip::is_ticket(one) && *one != "-") {
        let bytes = annona_node::atomic::read(Path::new(one), 32 << 20)?;
        let text = String::from_utf8(bytes.to_vec()).unwrap_or_default();
        pins.extend(text.lines().filter(|line| slip::is_pins(line)).map(str::to_owned));
    }
    Ok(pins)
}

/// The texts of tickets in what was given: a text, a file of lines, or standard input.
pub(super) fn texts(given: &str) -> Outcome<Vec<String>> {
    if slip::is_ticket(given) {
        return Ok(vec![given.to_owned()]);
    }
    let path = Path::new(given);
    let mut bytes = Vec::new();
    let read = if given == "-" {
        std::io::stdin().lock().take(BYTES + 1).read_to_end(&mut bytes)
    } else {
        let file = std::fs::File::open(path).map_err(|fault| {
            Fault::io("open", path, fault)
                .then("A ticket's text begins with AT1: and is given in quotes.")
        })?;
        file.take(BYTES + 1).read_to_end(&mut bytes)
    };
    read.map_err(|fault| Fault::io("read", path, fault))?;
    let wrong = |why: &str| {
        Fault::input(format!("{given} {why}."))
            .then("Check the path; the text of a ticket begins with AT1:.")
    };
    if bytes.len() as u64 > BYTES {
        return Err(wrong("is too large for a file of tickets"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("is not a file of tickets"))?;
    let lines: Vec<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#') && !slip::is_pins(line))
        .map(str::to_owned)
        .collect();
    match lines.len() {
        0 => Err(wrong("holds no ticket")),
        1..=TICKETS => Ok(lines),
        _ => Err(wrong("holds more than 10,000 tickets: take them in in parts")),
    }
}
