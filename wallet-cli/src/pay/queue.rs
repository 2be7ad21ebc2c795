//! A queue of orders in one process: read, written in groups, answered in order. One thread reads, one queues, one waits
//! for each commit and answers, so that a till that sends one line and waits for its answer never waits for more. While
//! nothing is sent the folder is free (spec/network.md, "The folder").

mod answers;
mod lines;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use annona_ledger::id::{FeedId, Lane, MerchantId, ProgrammeId, Purse, SlipId};
use annona_ledger::short_code::ShortCode;
use annona_node::counter;
use annona_node::erase;
use annona_node::node::{Node, NodeFault, Refusal, clock_of};
use annona_node::pin::Next;
use annona_node::receipt;
use annona_node::serve::{Item, Left};
use annona_node::store::Earlier;
use annona_node::vault::{HouseholdId, Vault};
use annona_node::writer::{Asking, Waiting, Writer};
use clap::ValueEnum;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::charge::Order;
use super::short::{self, Here, Short};
use super::till::{self, How, Place, Till, Whose, remember_merchant};
use super::{slip, turned};
use crate::fault::{Exit, Fault, Outcome};
use crate::progress::Bar;
use crate::screen::Screen;
use crate::session::Session;
use crate::stop::LongWork;
use crate::words;
use crate::{card, holder};

use answers::Answerer;
use lines::{Header, Raw};

/// The longest line of a queue, in bytes.
const LINE: usize = 64 * 1024;
/// Orders that are queued and not answered yet, at most: as many as one commit takes.
const PENDING: usize = annona_node::writer::GROUP;

/// For so long nothing is sent before the folder is given to whoever wants it: a till that is asked line by line would
/// otherwise open it for each.
const IDLE: Duration = Duration::from_secs(1);

/// What an order may leave out.
pub(super) struct Defaults {
    pub(super) merchant: Option<String>,
    pub(super) method: How,
    pub(super) cycle: Option<u16>,
}

/// One line of a queue.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Line {
    request: Option<String>,
    card: Option<String>,
    #[serde(deserialize_with = "text_or_number")]
    family: Option<String>,
    purse: Option<String>,
    ticket: Option<String>,
    #[serde(deserialize_with = "items")]
    items: Vec<(String, Value)>,
    merchant: Option<String>,
    method: Option<String>,
    programme: Option<Value>,
}

/// What waits to be answered.
struct Pending {
    line: u64,
    request: Option<String>,
    state: State,
}

enum State {
    Unread(String),
    Refused(String),
    Queued { till: Arc<Till>, waiting: Waiting, earlier: Arc<OnceLock<Earlier>>, asked: Asked },
}

/// What was asked for, what is left where that is less, and what came of it.
struct Asked {
    items: Vec<Item>,
    left: Arc<OnceLock<Here>>,
    /// Which purse paid, and what it has left.
    paid: Arc<OnceLock<(Purse, Vec<Left>)>>,
    /// The merchant's name, where nobody named it before.
    new_merchant: Option<String>,
}

/// A family as text, or as the number it is.
fn text_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(D::Error::custom("a family is a number, or text in quotation marks")),
    }
}

fn items<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, Value)>, D::Error> {
    struct Items;

    impl<'de> Visitor<'de> for Items {
        type Value = Vec<(String, Value)>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("items, written {\"Rice\": \"10\", \"Oil\": \"1.5\"}")
        }

        // One by one: of two of a name a map would keep the last.
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = map.next_entry()? {
                items.push(item);
            }
            Ok(items)
        }
    }

    from.deserialize_map(Items)
}

/// Reads an order in JSON. The line is told by whoever reads the file: within it there is only one.
///
/// What cannot be read comes with its request's name, where that can: whoever sent it is answered under it.
fn read(text: &str) -> Result<Line, (Option<String>, String)> {
    #[derive(Deserialize)]
    struct Named {
        request: Option<String>,
    }
    serde_json::from_str(text).map_err(|why: serde_json::Error| {
        let said = why.to_string();
        let said = said.split(" at line ").next().unwrap_or_default();
        let named = serde_json::from_str::<Named>(text).ok().and_then(|named| named.request);
        (named, format!("not an order, at letter {}: {said}", why.column()))
    })
}

#[derive(Default)]
struct Tally {
    accepted: u64,
    repeated: u64,
    refused: u64,
    unread: u64,
}

/// Takes a queue in.
pub(super) fn run(
    session: &Session,
    from: &Path,
    programme: Option<&str>,
    defaults: &Defaults,
) -> Outcome {
    let stdin = from == Path::new("-");
    let file = if stdin {
        None
    } else {
        Some(File::open(from).map_err(|fault| Fault::io("open", from, fault))?)
    };
    let total = file.as_ref().and_then(|f| f.metadata().ok()).map_or(0, |m| m.len());
    let node = session.signing_node()?;
    // Where it is lost, purses are served all the same.
    let vault = session.vault(&node).map_err(|fault| session.screen.warn(fault.message)).ok();
    let tills = Tills::open(&node, programme)?;
    let cards = Zeroizing::new(counter::key(&node)?);
    let long = LongWork::begin();
    let doubted = clock_of(&node.store().look()?, node.public(), session.now())
        .is_some_and(|stamp| stamp.doubtful.is_some());
    let writer = Writer::start(node)?;
    let (asking, printing) = (writer.asking(), writer.asking());
    let (send, receive) = sync_channel(PENDING);
    let gone = AtomicBool::new(false);
    let open = Arc::new(AtomicUsize::new(0));
    let answerer = Answerer {
        screen: session.screen,
        asking: printing,
        open: Arc::clone(&open),
        gone: &gone,
        doubted,
    };
    let lines = lines::start(match file {
        Some(file) => Box::new(file),
        None => Box::new(std::io::stdin()),
    })?;
    let (read, answered) = std::thread::scope(|scope| {
        let printer = scope.spawn(move || answerer.run(&receive));
        let mut bar = Bar::new(&session.screen, "orders");
        let draws = !stdin && !std::io::stdout().is_terminal();
        let (lines, stopped) = (Some(lines), long.flag());
        let mut feeding = Feeding {
            tills,
            vault,
            defaults,
            programme,
            cards,
            asking,
            send,
            open,
            lines,
            stopped,
        };
        let read = feeding.read(from, |bytes| {
            if draws {
                bar.set(bytes, total.max(bytes));
            }
            long.check()?;
            if gone.load(Ordering::Relaxed) { Err(Fault::input("")) } else { Ok(()) }
        });
        drop(feeding);
        (read, printer.join())
    });
    let tally = answered.map_err(|_| Fault::new(Exit::Bug, "the answering thread broke off"))?;
    let closed = writer.stop();
    let tally = tally?;
    read?;
    closed?;
    let Tally { accepted, repeated, refused, unread } = tally;
    let words = format!(
        "{accepted} accepted ({repeated} of them before), {refused} refused, {unread} unreadable"
    );
    session.screen.note(&words);
    match (unread, refused) {
        (0, 0) => Ok(()),
        (0, _) => {
            Err(Fault::refused(format!("{words}. Each refused line was answered with its reason.")))
        }
        _ => {
            Err(Fault::input(format!("{words}. Correct the unreadable lines and send them again.")))
        }
    }
}

/// The counters of every programme the queue names.
struct Tills {
    open: BTreeMap<ProgrammeId, Arc<Till>>,
    names: BTreeMap<String, ProgrammeId>,
    default: Result<ProgrammeId, String>,
    /// Merchants that somebody has named before.
    known: BTreeSet<(ProgrammeId, MerchantId)>,
}

impl Tills {
    fn open(node: &Node, programme: Option<&str>) -> Outcome<Self> {
        let mut open = BTreeMap::new();
        let certified = node.certificate().map(|c| c.programmes.to_vec()).unwrap_or_default();
        let charter = node.store().charter()?.clone();
        let mut names = BTreeMap::new();
        for id in certified {
            let till = Till::open(node, Some(&id.to_string()))?;
            names.insert(words::fold(till.programme.name.as_str()), id);
            names.insert(id.to_string(), id);
            open.insert(id, Arc::new(till));
        }
        let default = match programme {
            Some(text) => Ok(words::programme(&charter, text)?.0),
            None => Till::open(node, None).map(|till| till.id).map_err(|fault| fault.message),
        };
        Ok(Self { open, names, default, known: BTreeSet::new() })
    }

    fn of(&self, named: Option<&Value>) -> Result<Arc<Till>, String> {
        let id = match named {
            None => self.default.clone()?,
            Some(value) => {
                let text = text_of(value);
                *self
                    .names
                    .get(&words::fold(&text))
                    .ok_or_else(|| format!("this node serves no programme \"{text}\""))?
            }
        };
        self.open
            .get(&id)
            .cloned()
            .ok_or_else(|| format!("this node does not serve programme {id}"))
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The side that reads.
struct Feeding<'a> {
    tills: Tills,
    /// Opened anew for the first line that names a family, once the folder was another's or where it did not open.
    vault: Option<Vault>,
    defaults: &'a Defaults,
    programme: Option<&'a str>,
    /// By which codes are named on the ledger.
    cards: Zeroizing<[u8; 32]>,
    asking: Asking,
    send: SyncSender<Pending>,
    /// How many orders are not answered yet.
    open: Arc<AtomicUsize>,
    /// `None` while somebody else waits for the next.
    lines: Option<Receiver<std::io::Result<Raw>>>,
    /// Set once the person has asked to stop.
    stopped: &'static AtomicBool,
}

/// Waits for the next line, or until the person stops it.
fn next_of<T>(lines: &Receiver<T>, stopped: &AtomicBool) -> Option<T> {
    loop {
        match lines.recv_timeout(IDLE) {
            Ok(line) => return Some(line),
            Err(RecvTimeoutError::Timeout) if !stopped.load(Ordering::Relaxed) => {}
            Err(_) => return None,
        }
    }
}

impl Feeding<'_> {
    /// The next line; `None` at the end. Where none comes, and all before it are answered, the folder is free meanwhile.
    fn next(&mut self) -> Outcome<Option<std::io::Result<Raw>>> {
        let gone = || Fault::new(Exit::Bug, "the lines are elsewhere");
        loop {
            match self.lines.as_ref().ok_or_else(gone)?.recv_timeout(IDLE) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if self.stopped.load(Ordering::Relaxed) => {
                    return Ok(None);
                }
                // Whoever answers may ask the node once more.
                Err(RecvTimeoutError::Timeout) if self.open.load(Ordering::Acquire) > 0 => {}
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        // Whoever has the folder may write it anew.
        self.vault = None;
        let lines = self.lines.take().ok_or_else(gone)?;
        let (programme, stopped) = (self.programme.map(str::to_owned), self.stopped);
        let rested = self.asking.with(move |node| -> Outcome<_> {
            // However long another command takes: the line was read, and nobody else answers it.
            let waits = || !stopped.load(Ordering::Relaxed);
            let line = node.rest(|| next_of(&lines, stopped), &waits)?;
            Ok((line, lines, Tills::open(node, programme.as_deref())?))
        });
        let (line, lines, tills) = rested??;
        (self.lines, self.tills) = (Some(lines), tills);
        Ok(line)
    }

    fn read(&mut self, path: &Path, mut go_on: impl FnMut(u64) -> Outcome) -> Outcome {
        let mut header: Option<Header> = None;
        let mut json = false;
        let (mut number, mut bytes) = (0u64, 0u64);
        loop {
            go_on(bytes)?;
            let Some(line) = self.next()? else { return go_on(bytes) };
            // What comes once somebody has asked to stop is not begun.
            go_on(bytes)?;
            let Raw { line, long } = line.map_err(|fault| Fault::io("read", path, fault))?;
            number += 1;
            bytes += line.len() as u64;
            if long {
                self.answer_later(
                    number,
                    None,
                    State::Unread(format!("the line has more than {LINE} bytes")),
                )?;
                continue;
            }
            let Ok(text) = std::str::from_utf8(&line) else {
                self.answer_later(
                    number,
                    None,
                    State::Unread("the line is not UTF-8 text".into()),
                )?;
                continue;
            };
            let text = text.trim_start_matches('\u{feff}').trim();
            if text.is_empty() {
                continue;
            }
            // A queue is of one kind: after an order in JSON, anything else is a line that cannot be read.
            json |= header.is_none() && text.starts_with('{');
            let order = if json {
                read(text)
            } else if let Some(header) = &header {
                header.order(text)
            } else {
                header = Some(Header::read(text).map_err(|why| {
                    Fault::input(why).at(format!("{}, line {number}", path.display()))
                })?);
                continue;
            };
            match order {
                Ok(order) => self.queue(number, order)?,
                Err((named, why)) => self.answer_later(number, named, State::Unread(why))?,
            }
        }
    }

    fn queue(&mut self, number: u64, line: Line) -> Outcome {
        let request = line.request.clone();
        match self.order(line, request.clone()) {
            Ok((till, order, new_merchant)) => {
                let earlier = Arc::new(OnceLock::new());
                let asked = Asked {
                    items: order.items.clone(),
                    left: Arc::clone(&order.left),
                    paid: Arc::clone(&order.paid),
                    new_merchant,
                };
                let waiting =
                    self.asking.queue(till.feed, order.compose(Arc::clone(&earlier), None))?;
                let state = State::Queued { till, waiting, earlier, asked };
                self.answer_later(number, request, state)
            }
            Err(fault) => {
                let state = match fault.exit {
                    // A record that does not open refuses its own line: nobody behind her waits for it.
                    Exit::NotAllowed | Exit::Wrong => State::Refused(fault.message),
                    Exit::Input | Exit::Usage => State::Unread(fault.message),
                    _ => return Err(fault),
                };
                self.answer_later(number, request, state)
            }
        }
    }

    fn order(
        &mut self,
        line: Line,
        request: Option<String>,
    ) -> Outcome<(Arc<Till>, Order, Option<String>)> {
        if request.as_deref().is_some_and(|id| id.trim().is_empty()) {
            return Err(Fault::input(
                "the request's name is empty: sent again, it would be charged again. Name it, or leave the field out",
            ));
        }
        let till = self.tills.of(line.programme.as_ref()).map_err(Fault::input)?;
        let Line { card, family, purse, ticket, .. } = line;
        let whose = Whose { card, family, purse, ticket };
        if whose.is_none() {
            return Err(Fault::input(
                "the order does not say whose it is: card, family, purse or ticket",
            ));
        }
        // Whoever left a field of the last customer in would charge her.
        if whose.said().nth(1).is_some() {
            let said: Vec<&str> = whose.said().collect();
            return Err(Fault::input(format!(
                "the order says twice whose it is: {}; say one of them",
                said.join(" and ")
            )));
        }
        if whose.ticket.as_deref().is_some_and(|text| !slip::is_ticket(text)) {
            return Err(Fault::input("the ticket of an order is its text, not a file"));
        }
        if line.items.is_empty() {
            return Err(Fault::input("the order has no items"));
        }
        let items = line
            .items
            .iter()
            .map(|(commodity, amount)| till.item_of(commodity, &text_of(amount)))
            .collect::<Outcome<Vec<_>>>()?;
        till.each_once(&items)?;
        let method = match line.method.as_deref().filter(|m| !m.is_empty()) {
            None => self.defaults.method,
            Some(word) => How::from_str(word, true).map_err(|_| {
                Fault::input(format!("\"{word}\" is no way to authenticate a holder"))
            })?,
        };
        if whose.is_here() && self.vault.is_none() {
            self.vault = Some(self.asking.with(|node| -> Outcome<_> {
                let mut vault = node.vault()?;
                // As whenever it is opened: before any record.
                erase::apply(node, &mut vault)?;
                Ok(vault)
            })??);
        }
        let codes = Cell::new(Vec::new());
        let look = |code: &str| {
            let (code, family) = self.look(code)?;
            let named = self.tills.open.keys().map(|id| (*id, code.carrier(&self.cards, *id)));
            codes.set(named.collect());
            Ok(family)
        };
        let place = match whose.is_here() {
            true => Some(Place { vault: self.vault()?, card: &look }),
            false => None,
        };
        if !matches!(method, How::Sight) {
            return Err(Fault::refused(format!(
                "who is known by {} is asked one by one and not in a queue. Next: {}",
                method.method().word(),
                Next::Sight.words()
            )));
        }
        let purses = till.purses(&whose, place, self.defaults.cycle);
        // The line is read: it is she who is not known here.
        let purses = purses.map_err(|fault| match fault.exit {
            Exit::Input if whose.family.is_some() => Fault::refused(fault.message),
            _ => fault,
        })?;
        let codes = codes.take();
        let merchant = line.merchant.filter(|name| !name.trim().is_empty());
        let merchant = merchant.as_deref().or(self.defaults.merchant.as_deref());
        let (merchant, name) = till.merchant(merchant)?;
        let mut new_merchant = None;
        let key = (till.id, merchant);
        if !self.tills.known.contains(&key) {
            let (asked, named) = (Arc::clone(&till), name.clone());
            let known = self.asking.with(move |node| {
                remember_merchant(node.store(), &merchant, &named)?;
                asked.knows(node.store(), &merchant)
            })??;
            // Asked again until a charge has named it.
            if known {
                self.tills.known.insert(key);
            } else {
                new_merchant = Some(name);
            }
        }
        let order = Order::new(&till, purses, items, (merchant, method.method()), request);
        Ok((till, Order { codes, ..order }, new_merchant))
    }

    /// The family of a card. The node is asked only about a code that is unknown: to ask it for each would part the
    /// groups that are committed together. Whether it was cancelled is looked at when it is written.
    fn look(&self, text: &str) -> Outcome<(ShortCode, HouseholdId)> {
        let code: ShortCode = text
            .parse()
            .map_err(|why| Fault::input(format!("\"{text}\" is no card's code: {why}")))?;
        if let Some(family) = self.vault()?.household_by_card(&code.bytes())? {
            return Ok((code, family));
        }
        self.asking.with(|node| card::unknown(node))??;
        Err(holder::unknown_code())
    }

    fn vault(&self) -> Outcome<&Vault> {
        self.vault.as_ref().ok_or_else(|| Fault::new(Exit::Bug, "the person file is elsewhere"))
    }

    fn answer_later(&self, line: u64, request: Option<String>, state: State) -> Outcome {
        self.open.fetch_add(1, Ordering::Release);
        // Nobody answers any more: the reason is told by the answering side.
        self.send.send(Pending { line, request, state }).map_err(|_| Fault::input(""))
    }
}
