//! What every command of a counter needs: the programme and its feed, purses, merchants, items, names of entries.

mod merchants;

use std::collections::BTreeSet;
use std::sync::OnceLock;

use annona_ledger::amount::Amount;
use annona_ledger::charter::{Charter, Commodity, Programme};
use annona_ledger::digits::typed;
use annona_ledger::entry::Method;
use annona_ledger::finality::Finality;
use annona_ledger::hash::{Purpose, hash};
use annona_ledger::id::{
    CommodityId, CycleId, EntryName, FederationId, FeedId, Lane, MerchantId, ProgrammeId, Purse,
};
use annona_ledger::key::SigningKey;
use annona_ledger::short_code::ShortCode;
use annona_ledger::ticket::Promise;
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::{At, Use, View};
use annona_node::household;
use annona_node::keystore::Name;
use annona_node::node::{Composed, Node, NodeFault, Request, promise};
use annona_node::serve::{self, Item, Left};
use annona_node::store::{Accepted, Asked, Earlier, Reached, Store, Work};
use annona_node::vault::{HouseholdId, Vault};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::{receipt, slip};
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::stop::Writing;
use crate::words::{self, hex, print_units};
use crate::{card, holder};

pub(super) use merchants::new_merchant;
pub(crate) use merchants::{merchant_at, merchant_name, merchant_number, remember_merchant};

/// Whose entitlement it is.
#[derive(Args, Clone, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct Whose {
    /// The code of the holder's card
    #[arg(long, value_name = "CODE")]
    pub(crate) card: Option<String>,
    /// The family, where she has no card with her: its number, its short code, or SOURCE:KEY
    #[arg(long, value_name = "FAMILY")]
    pub(crate) family: Option<String>,
    /// The purse itself, by its 32 digits
    #[arg(long, value_name = "HEX")]
    pub(crate) purse: Option<String>,
    /// The ticket the holder came with: its text, or a file that holds it
    #[arg(long, value_name = "TICKET")]
    pub(crate) ticket: Option<String>,
}

impl Whose {
    pub(crate) fn is_none(&self) -> bool {
        !self.is_here() && self.purse.is_none() && self.ticket.is_none()
    }

    /// What it was named by: the fields that are not empty.
    pub(crate) fn said(&self) -> impl Iterator<Item = &'static str> {
        let Self { card, family, purse, ticket } = self;
        let fields = [("card", card), ("family", family), ("purse", purse), ("ticket", ticket)];
        let said = fields.map(|(name, field)| field.is_some().then_some(name));
        said.into_iter().flatten()
    }

    /// The family it is, where it was named by card or family and is known here.
    pub(crate) fn family(&self, vault: &Vault) -> Option<HouseholdId> {
        match (&self.card, &self.family) {
            (Some(code), _) => {
                let code: ShortCode = code.parse().ok()?;
                vault.household_by_card(&code.bytes()).ok()?
            }
            (None, Some(family)) => holder::find(vault, family).ok(),
            (None, None) => None,
        }
    }

    /// Whether the person file of this place is needed to say whose it is.
    pub(crate) const fn is_here(&self) -> bool {
        self.card.is_some() || self.family.is_some()
    }
}

/// Where a holder is looked for: the person file, and how a card's code is looked up there. Unknown codes are counted by
/// whoever has the node.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) vault: &'a Vault,
    pub(crate) card: &'a dyn Fn(&str) -> Outcome<HouseholdId>,
}

/// How the holder was authenticated.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum How {
    /// A PIN
    Pin,
    /// A card, and a look at who carries it
    #[default]
    Sight,
    /// A community witness and a member of staff: --operator and --second
    Witness,
    /// A collector of the household, with her --paper
    Collector,
    /// A supervisor's override, with its --why: --operator
    Override,
    /// A yes of an outside reader: its --paper
    Attested,
    /// Another adult of the household: --member, --operator
    Adult,
    /// Two of staff, up to a cap: --operator and --second
    Desk,
    /// An emergency voucher: its --paper
    Voucher,
    /// Her wallet, which signed the bill: --paper
    Signed,
}

impl How {
    pub(crate) const fn method(self) -> Method {
        match self {
            Self::Pin => Method::Pin,
            Self::Sight => Method::Sight,
            Self::Witness => Method::Witness,
            Self::Collector => Method::Collector,
            Self::Override => Method::Override,
            Self::Attested => Method::Attested,
            Self::Adult => Method::Adult,
            Self::Desk => Method::Desk,
            Self::Voucher => Method::Voucher,
            Self::Signed => Method::Signed,
        }
    }
}

/// One programme's counter on one node.
pub(crate) struct Till {
    pub(crate) id: ProgrammeId,
    pub(crate) programme: Programme,
    pub(crate) feed: FeedId,
    pub(crate) federation: FederationId,
    pub(crate) founded: Millis,
    key: SigningKey,
    cycles: Vec<(CycleId, Secret32)>,
    site: String,
    /// How far the feed had come when that was first asked.
    reached: OnceLock<Reached>,
}

/// A cycle key, wiped when it goes.
type Secret32 = zeroize::Zeroizing<[u8; 32]>;

impl Till {
    /// The counter of a programme: the one asked for, or the only one this node is certified for.
    pub(crate) fn open(node: &Node, asked: Option<&str>) -> Outcome<Self> {
        let charter = node.store().charter()?.clone();
        let id = which(node, &charter, asked)?;
        let programme = charter
            .programme(id)
            .cloned()
            .ok_or_else(|| Fault::input(format!("the charter has no programme {id}.")))?;
        let mut cycles: Vec<(Minute, CycleId, Secret32)> = node
            .store()
            .roster()
            .cycles()
            .filter(|cycle| cycle.programme == id)
            .filter_map(|cycle| {
                let secret = node.keys().get(Name::Cycle(id, cycle.cycle))?.as_seed()?;
                Some((cycle.expires, cycle.cycle, zeroize::Zeroizing::new(*secret)))
            })
            .collect();
        cycles.sort_by_key(|(expires, cycle, _)| (*expires, *cycle));
        let site = node.certificate().map(|c| c.site_name.to_string()).unwrap_or_default();
        Ok(Self {
            id,
            programme,
            feed: node.feed(Lane::Value, id),
            federation: charter.federation(),
            founded: charter.founded(),
            key: node.signing_key(Name::NodeSigning)?,
            cycles: cycles.into_iter().map(|(_, cycle, key)| (cycle, key)).collect(),
            site,
            reached: OnceLock::new(),
        })
    }

    /// As [`Till::purses`], at a counter that has the node to itself.
    pub(crate) fn purses_here(
        &self,
        session: &Session,
        node: &Node,
        whose: &Whose,
        cycle: Option<u16>,
    ) -> Outcome<Vec<Purse>> {
        if !whose.is_here() {
            return self.purses(whose, None, cycle);
        }
        let vault = session.vault(node)?;
        let look = |code: &str| {
            card::family(node, &vault, code).map(|(_, family)| family).map_err(|fault| {
                fault.then(
                    "If her home is another site: `annona pay claim` her ticket, or serve her from this \
                     site's allowance with `annona pay float`.",
                )
            })
        };
        self.purses(whose, Some(Place { vault: &vault, card: &look }), cycle)
    }

    /// The purses of a household, each with its cycle, of the cycles whose keys are here.
    pub(crate) fn purses_by_cycle(
        &self,
        vault: &Vault,
        household: HouseholdId,
    ) -> Outcome<Vec<(CycleId, Purse)>> {
        let registration = vault.registration(household)?;
        let of = |(id, key): &(CycleId, Secret32)| (*id, serve::purse(key, &registration));
        Ok(self.cycles.iter().map(of).collect())
    }

    /// The purses somebody may pay from: one for each cycle whose key is here, the one that ends first in front, and behind
    /// it those of the families that were merged into hers: what lies there is collected with hers.
    pub(crate) fn purses(
        &self,
        whose: &Whose,
        place: Option<Place<'_>>,
        cycle: Option<u16>,
    ) -> Outcome<Vec<Purse>> {
        if let Some(purse) = &whose.purse {
            return Ok(vec![Purse(words::unhex("the purse", purse)?)]);
        }
        if let Some(ticket) = &whose.ticket {
            return self.purse_of_ticket(ticket).map(|purse| vec![purse]);
        }
        let place = place.ok_or_else(|| Fault::input("the person file is not open."))?;
        let vault = place.vault;
        let id = match (&whose.card, &whose.family) {
            (Some(card), _) => (place.card)(card)?,
            // A code is looked up as a card's, whichever option it came by: tries are counted, lost ones refused.
            (None, Some(code)) if holder::is_code(code) => (place.card)(code)?,
            (None, Some(family)) => holder::find(vault, family)?,
            (None, None) => {
                return Err(Fault::usage(
                    "say whose it is: --card, --family, --purse or --ticket.",
                ));
            }
        };
        let mut registrations = vec![vault.registration(id)?];
        // What cannot be read of others keeps nobody from her own food.
        for husk in household::merged_into(vault, &self.federation, id).unwrap_or_default() {
            registrations.extend(vault.registration(husk).ok());
        }
        let cycles = self.cycles.iter().filter(|(id, _)| cycle.is_none_or(|cycle| id.0 == cycle));
        let purses: Vec<Purse> = cycles
            .flat_map(|(_, key)| registrations.iter().map(|of| serve::purse(key, of)))
            .collect();
        if purses.is_empty() {
            return Err(Fault::refused(format!(
                "this node has no cycle of {} with a key. `annona entitle import` begins one.",
                self.programme.name
            )));
        }
        Ok(purses)
    }

    /// Whether anybody's purse can be told here: whether a cycle has a key.
    pub(crate) fn has_purses(&self) -> bool {
        !self.cycles.is_empty()
    }

    fn purse_of_ticket(&self, text: &str) -> Outcome<Purse> {
        use annona_ledger::entry::Owner;
        use annona_ledger::ticket::{Moved, Ticket};
        let texts = super::claim::texts(text)?;
        let first = texts.first().ok_or_else(|| Fault::input("the file holds no ticket."))?;
        let (programme, ticket) =
            slip::read_ticket(first).map_err(|fault| match first == text {
                true => fault,
                false => fault.at(text),
            })?;
        if programme != self.id {
            return Err(Fault::input(format!(
                "the ticket is for programme {programme}: say --programme {programme}."
            )));
        }
        match ticket {
            Ticket::Sent(sent, _) => match sent.moved {
                Moved::Send(send) => match send.owner {
                    Owner::Purse(purse) => Ok(purse),
                    Owner::Budget | Owner::Float | Owner::Reserve => {
                        Err(Fault::input("the ticket is nobody's purse: a supply between sites."))
                    }
                },
                Moved::Cover(_) => Err(Fault::input("the ticket covers a float, nobody's purse.")),
                Moved::Refund { .. } => Err(Fault::input("this is a refund, and no ticket.")),
            },
            Ticket::Budget { .. } => Err(Fault::input("the ticket is a budget, nobody's purse.")),
            Ticket::Release { .. } => {
                Err(Fault::input("the ticket is a release to a reserve, nobody's purse."))
            }
        }
    }

    /// Reads `Rice=10`, or `10` where the programme has one commodity.
    pub(crate) fn item(&self, text: &str) -> Outcome<Item> {
        // As her wallet signed it: the commodity's number, in minor units.
        if let Some((number, units)) = text.strip_prefix('#').and_then(|rest| rest.split_once('='))
        {
            let known = number.parse().ok().map(CommodityId);
            let known = known.filter(|id| self.programme.commodity(*id).is_some());
            let amount = units.parse().ok().and_then(Amount::new);
            let item = known.zip(amount).map(|(commodity, amount)| Item { commodity, amount });
            return item.ok_or_else(|| {
                Fault::input("her wallet signed for something this programme has not.")
            });
        }
        match text.split_once('=') {
            Some((name, amount)) => self.item_of(name, amount),
            None => match &self.programme.commodities[..] {
                [only] => {
                    Ok(Item { commodity: only.id, amount: words::amount(only, text.trim())? })
                }
                _ => Err(Fault::usage(format!(
                    "\"{text}\" does not say of what: write COMMODITY=AMOUNT, such as {}=1.",
                    self.programme.commodities.first().map_or("Rice", |c| c.name.as_str())
                ))),
            },
        }
    }

    /// The items of one order, as they were typed.
    pub(crate) fn items(&self, texts: &[String]) -> Outcome<Vec<Item>> {
        let items = texts.iter().map(|text| self.item(text)).collect::<Outcome<Vec<_>>>()?;
        self.each_once(&items)?;
        Ok(items)
    }

    pub(crate) fn item_of(&self, commodity: &str, amount: &str) -> Outcome<Item> {
        let commodity = words::commodity(&self.programme, commodity.trim())?;
        Ok(Item { commodity: commodity.id, amount: words::amount(commodity, amount.trim())? })
    }

    /// Refuses a commodity that stands there twice, under one name or two: whether the second adds to the first or mends it,
    /// nobody can tell.
    pub(crate) fn each_once(&self, items: &[Item]) -> Outcome {
        let mut seen = BTreeSet::new();
        let twice = items.iter().find(|item| !seen.insert(item.commodity));
        let twice = twice.and_then(|item| self.programme.commodity(item.commodity));
        let said = |known: &Commodity| format!("{} stands twice in one order.", known.name);
        twice.map_or(Ok(()), |known| Err(Fault::input(said(known))))
    }

    /// An amount of a commodity with its name and unit.
    pub(crate) fn print(&self, commodity: CommodityId, units: i128) -> String {
        match self.programme.commodity(commodity) {
            Some(known) => format!("{} {}", known.name, print_units(known, units)),
            None => format!("commodity {commodity}: {units}"),
        }
    }

    /// The name a request is kept under, and what it asks for.
    pub(crate) fn asked(&self, request: &str, content: &[u8]) -> Asked {
        Asked {
            name: hash(Purpose::Lookup, &[&self.feed.bytes(), request.as_bytes()]),
            content: hash(Purpose::Lookup, &[&self.feed.bytes(), content]),
        }
    }

    /// The promise of an entry that is durable.
    pub(crate) fn promise(&self, accepted: &Accepted) -> Outcome<Promise> {
        Ok(promise(&self.key, &self.federation, accepted)?)
    }

    /// Writes what `compose` says to this programme's feed, all of it or nothing, and promises the last entry; with
    /// `dry_run` only asks whether it would be accepted, and promises nothing.
    pub(crate) fn enter<'a>(
        &self,
        node: &mut Node,
        dry_run: bool,
        compose: impl FnMut(&Work<'_>, &FeedId, Minute) -> Result<Vec<Composed>, NodeFault> + Send + 'a,
    ) -> Outcome<Option<Promise>> {
        let mut group = [Request { feed: self.feed, compose: Box::new(compose) }];
        let _writing = (!dry_run).then(Writing::begin);
        let accepted = crate::dry_run::write(node, dry_run, &mut group)?.remove(0)?;
        if dry_run {
            return Ok(None);
        }
        let last = accepted.last().ok_or_else(|| Fault::refused("nothing was to be written."))?;
        self.promise(last).map(Some)
    }

    /// Tells of an entry that was written, or would be: its fields beside others, its promise below the words.
    pub(crate) fn entered(
        &self,
        session: &Session,
        kind: &str,
        promise: Option<&Promise>,
        mut value: Value,
        words: &str,
    ) -> Outcome {
        let entry = promise.map_or_else(|| json!({}), |p| self.entry_value(p));
        if let (Some(fields), Value::Object(entry)) = (value.as_object_mut(), entry) {
            // What is known better, such as how final it has become, stays.
            for (name, told) in entry {
                fields.entry(name).or_insert(told);
            }
        }
        session.screen.answer(kind, value, || match promise {
            Some(promise) => {
                format!("{words}\n{} {}", self.short(promise.index), slip::promise(promise))
            }
            None => format!("{words}\nNothing was written."),
        })
    }

    /// The key tickets and promises are signed with.
    pub(crate) const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// `1#12`: the name of an entry among this node's own.
    pub(crate) fn short(&self, index: u64) -> String {
        format!("{}#{index}", self.id)
    }

    /// An entry that was accepted before, as `--json` tells it: how far it has come since, where that can be read, and by
    /// which entries its goods were taken back.
    pub(crate) fn again_value(&self, store: &Store, of: &Earlier, promise: &Promise) -> Value {
        let mut value = self.entry_value(promise);
        if let Ok(work) = store.look()
            && let Some(chain) = work.trunk(&of.feed)
        {
            let places = (of.first..=of.last()).map(|index| At { chain, index });
            let back = places.flat_map(|at| work.uses(&Use::Redemption(at)));
            value["refunded"] = back.map(|at| json!(self.short(at.index))).collect();
        }
        if let Ok(grade) = self.grade(store, &of.feed, promise.index) {
            value["finality"] = json!(grade);
        }
        value
    }

    /// How final an entry of this counter is. How far its feed has come is looked up once.
    fn grade(&self, store: &Store, feed: &FeedId, index: u64) -> Outcome<&'static str> {
        if self.reached.get().is_none() {
            drop(self.reached.set(store.finality_of(&self.feed)?));
        }
        match self.reached.get().filter(|_| *feed == self.feed) {
            Some(reached) => receipt::graded(store, reached, feed, index),
            None => receipt::grade(store, feed, index),
        }
    }

    /// An entry that was accepted now, as `--json` tells it.
    pub(crate) fn entry_value(&self, promise: &Promise) -> Value {
        let EntryName { index, accumulator, .. } = promise.name();
        json!({
            "entry": self.short(index), "name": promise.name().to_string(), "index": index,
            "accumulator": accumulator.to_string(), "finality": Finality::Accepted.word(),
            "promise": slip::promise(promise),
        })
    }

    /// Items as `--json` tells them.
    pub(crate) fn items_value(&self, items: &[Item]) -> Value {
        let values = items.iter().map(|item| {
            json!({
                "commodity": item.commodity, "units": item.amount.units(),
                "text": self.print(item.commodity, i128::from(item.amount.units())),
            })
        });
        Value::Array(values.collect())
    }

    /// Items in words.
    pub(crate) fn items_text(&self, items: &[Item]) -> String {
        let words: Vec<String> = items
            .iter()
            .map(|item| self.print(item.commodity, i128::from(item.amount.units())))
            .collect();
        words.join(", ")
    }
}

/// What is left, as `--json` tells it.
pub(super) fn left_value(left: &[Left]) -> Value {
    let of = |l: &Left| json!({ "cycle": l.cycle, "commodity": l.commodity, "units": l.units });
    left.iter().map(of).collect()
}

/// What is said of an entry that was accepted before: how final it is, and whether its goods came back.
pub(super) fn again(value: &Value, repeated: bool) -> String {
    let grade = value["finality"].as_str().filter(|_| repeated);
    let back = value["refunded"].as_array().map(Vec::as_slice).unwrap_or_default();
    let back: Vec<&str> = back.iter().filter_map(Value::as_str).collect();
    let back = match back[..] {
        [] => String::new(),
        _ => format!(" and TAKEN BACK by {}: hand out nothing for it", back.join(", ")),
    };
    grade.map(|word| format!(" ({word}){back}")).unwrap_or_default()
}

fn which(node: &Node, charter: &Charter, asked: Option<&str>) -> Outcome<ProgrammeId> {
    if let Some(text) = asked {
        return words::programme(charter, text).map(|(id, _)| id);
    }
    let certified: Vec<ProgrammeId> =
        node.certificate().map(|c| c.programmes.to_vec()).unwrap_or_default();
    match certified[..] {
        [only] => Ok(only),
        [] => Err(Fault::usage(
            "this node's certificate names no programme. Ask its organisation: `annona node admit --programme P`.",
        )),
        _ => {
            let names: Vec<String> = certified
                .iter()
                .filter_map(|id| Some(format!("{id} {}", charter.programme(*id)?.name)))
                .collect();
            Err(Fault::usage(format!(
                "this node serves several programmes: say --programme with one of {}.",
                names.join(", ")
            )))
        }
    }
}

/// Several words for an entry of this node: `1#12`, `#12`, `12`, the whole name, or the text of its promise.
pub(crate) struct Named {
    pub(crate) programme: Option<String>,
    pub(crate) index: u64,
}

/// Reads how an entry was named.
pub(crate) fn named(session: &Session, text: &str) -> Outcome<Named> {
    let copied = typed(text);
    let text = copied.trim();
    if slip::is_promise(text) {
        let promise = slip::read_promise(text)?;
        let own = session.own_key()?.map(|key| key.short());
        if own.is_some_and(|own| own != promise.feed.node) {
            return Err(Fault::refused(format!(
                "this promise was given by node {}, not by this one.",
                hex(&promise.feed.node)
            )));
        }
        let programme = Some(promise.feed.programme.to_string());
        return Ok(Named { programme, index: promise.index });
    }
    let (before, rest) = text.split_once('#').unwrap_or(("", text));
    let (number, _) = rest.split_once(':').unwrap_or((rest, ""));
    let index = number.parse().map_err(|_| {
        Fault::input(format!(
            "\"{text}\" names no entry. Give it as it was printed, such as 1#12, or its promise."
        ))
    })?;
    let programme = before.rsplit('/').next().filter(|p| !p.is_empty()).map(str::to_owned);
    if let Some((node, _)) = before.split_once('/')
        && session.own_key()?.is_some_and(|key| hex(&key.short()) != node)
    {
        return Err(Fault::refused(format!("entry {text} stands in another node's feed.")));
    }
    Ok(Named { programme, index })
}

/// Ends a service whose answer is out. It is durable: what fails now is told, and makes no refusal of it.
pub(super) fn served(session: &Session, node: Node, merchant: &MerchantId, name: &str) {
    if let Err(fault) = remember_merchant(node.store(), merchant, name) {
        let why = fault.message.trim_end_matches('.');
        session
            .screen
            .warn(format!("the merchant's name is not kept here: {why}. What was accepted stays."));
    }
    if let Err(fault) = node.close() {
        session
            .screen
            .warn(format!("this node did not stop cleanly: {fault}. What was accepted stays."));
    }
}
