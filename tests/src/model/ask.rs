//! Whether a writer may write a draft, by the sentences of the rules. Yes or no; the reasons are the core's business.

use annona_ledger::admit::{Draft, RowProof};
use annona_ledger::amount::Amount;
use annona_ledger::consent::People;
use annona_ledger::cut::Label;
use annona_ledger::entry::{Control, CycleKey, Entry, FloatCover, Owner, Registry, Send, Value};
use annona_ledger::hash::Hash;
use annona_ledger::id::{CarrierId, CommodityId, FeedId, FeedRef, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::list;
use annona_ledger::notice::Roles;
use annona_ledger::statement::Statement;
use annona_ledger::ticket::{Moved, Sent, Ticket};
use annona_ledger::time::Minute;

use super::cuts::release_line;
use super::{Fact, LotLine, Model, budget_line, is_refund, name_of};
use crate::memo;

impl Model {
    /// Whether the writer whose newest entry in `feed` is `tip` may write these drafts: one, or a basket with its parts.
    #[must_use]
    pub fn may(&self, feed: &FeedId, tip: &Hash, next: u64, drafts: &[Draft]) -> bool {
        let Some((first, rest)) = drafts.split_first() else { return false };
        if let Entry::Value(Value::Basket { entries }) = &first.entry {
            let nested = rest.iter().any(|d| matches!(d.entry, Entry::Value(Value::Basket { .. })));
            if rest.len() != usize::from(*entries) || nested {
                return false;
            }
        } else if !rest.is_empty() {
            return false;
        }
        if rest.is_empty() {
            return self.may_one(feed, tip, first);
        }
        let mut trial = self.clone();
        let (mut tip, mut index) = (*tip, next);
        for draft in drafts {
            if !trial.may_one(feed, &tip, draft) {
                return false;
            }
            let name = annona_ledger::feed::Head { next: index, accumulator: tip };
            let name = name.after(&draft.entry.encode()).accumulator;
            let entry = draft.entry.clone();
            trial.add(Fact { feed: *feed, index, before: tip, name, entry });
            (tip, index) = (name, index + 1);
        }
        true
    }

    fn may_one(&self, feed: &FeedId, tip: &Hash, draft: &Draft) -> bool {
        let last = self.newest_stamp(tip);
        let now = draft.entry.stamp().unwrap_or(last);
        let now = match draft.entry.day() {
            Some(day) if day.0 == last.day() => last,
            _ => now,
        };
        let Some(certificate) = self.roster.node(&feed.node.short()) else { return false };
        let serves = match draft.entry {
            Entry::Control(_) => feed.programme == ProgrammeId::NONE,
            Entry::Value(_) | Entry::Registry(_) | Entry::Later(_) => {
                certificate.programmes.contains(&feed.programme)
            }
        };
        if self.faulty().contains(&feed.short())
            || !serves
            || !allowed(certificate.roles, &draft.entry)
            || (matches!(draft.entry, Entry::Value(Value::Settle { .. })) && !self.settles(feed))
            || draft.entry.lane() != feed.lane
            || draft.entry.encode().len() > draft.entry.limit()
            || now > certificate.not_after
            || now < last
            || !self.goes_on(feed, tip, &draft.entry)
        {
            return false;
        }
        match &draft.entry {
            Entry::Control(Control::List(frozen)) => self.approved(frozen, feed),
            Entry::Control(Control::Revoke { feed: of, cut, .. }) => {
                self.may_revoke(&feed.node.short(), of, cut)
            }
            Entry::Control(Control::FaultSeen { .. }) => true,
            Entry::Control(Control::ClockAnswer { clock, word, .. }) => {
                let said = Statement::Clock { node: feed.node.short(), clock: *clock };
                let mut own = self.roster.operator_ever(&word.operator);
                said.is_by(&self.charter.federation(), word)
                    && own.any(|c| c.org == certificate.org && *clock <= c.not_after)
            }
            Entry::Control(Control::CycleKey(given)) => self.may_give(feed, given),
            // Nor does the model know of later versions.
            Entry::Later(_) => false,
            Entry::Registry(Registry::People(people)) => self.may_say(feed, people),
            Entry::Control(Control::ErasureSeen { erased, .. }) => self.may_follow(erased),
            Entry::Registry(registry) => self.may_register(feed.programme, registry),
            Entry::Value(value) => {
                self.completes(feed, tip, value)
                    && self.may_value(feed, tip, value, now, draft.row.as_ref())
            }
        }
    }

    /// The treasury that a cycle was budgeted for gives its key, to nodes that keep such keys.
    fn may_give(&self, feed: &FeedId, given: &CycleKey) -> bool {
        let CycleKey { programme, cycle, node, .. } = *given;
        let me = feed.node.short();
        let budgeted = self.charter.budgets().any(|(_, line)| {
            line.treasury == me && (line.programme, line.cycle) == (programme, cycle)
        });
        let keeps = self.roster.node(&node).is_some_and(|c| {
            c.programmes.contains(&programme)
                && (c.roles.has(Roles::REGISTRAR) || c.roles.has(Roles::TREASURY))
        });
        let known = self.roster.cycle(programme, cycle).is_some();
        budgeted && keeps && known && node != me
    }

    /// The newest stamp up to an entry.
    fn newest_stamp(&self, tip: &Hash) -> Minute {
        // Stamps never fall in an honest feed: the first one met going back is the newest.
        let mut at = self.fact(tip);
        let mut newest = Minute(0);
        while let Some(fact) = at {
            match fact.entry.stamp() {
                // A day's first minute may be before what was said earlier that day.
                Some(stamp) if fact.entry.day().is_some() => newest = newest.max(stamp),
                Some(stamp) => return newest.max(stamp),
                None => {}
            }
            at = self.fact(&fact.before);
        }
        newest
    }

    fn approved(&self, frozen: &list::List, feed: &FeedId) -> bool {
        let again = self.facts.iter().any(|fact| match &fact.entry {
            Entry::Control(Control::List(known)) => {
                let node = feed.node.short();
                fact.feed == *feed && known.draft(node) == frozen.draft(node)
            }
            _ => false,
        });
        !again && list::check(frozen, &feed.node.short(), &self.charter, &self.roster).is_ok()
    }

    /// Whether a registrar of the programme cancelled a carrier, below every cut of its feed.
    #[must_use]
    pub fn is_cancelled(&self, programme: ProgrammeId, carrier: &CarrierId) -> bool {
        let said = self.cancelled.iter().filter(|(of, _)| of == carrier);
        said.filter_map(|(_, name)| self.fact(name)).any(|fact| {
            let node = fact.feed.node.short();
            fact.feed.programme == programme
                && self
                    .roster
                    .certificates(&node)
                    .any(|c| c.roles.has(Roles::REGISTRAR) && c.programmes.contains(&programme))
                && self.label(fact, None) == Label::Good
        })
    }

    fn may_register(&self, programme: ProgrammeId, registry: &Registry) -> bool {
        match registry {
            Registry::Enrol { .. } | Registry::CarrierCancelled { .. } => true,
            Registry::People(_) => false,
            Registry::CarrierBound { pseudonym, carrier, .. } => {
                self.enrolled.contains(&(programme, *pseudonym))
                    && !self.is_cancelled(programme, carrier)
                    && self
                        .cards
                        .iter()
                        .all(|(p, c, who)| (p, c) != (&programme, carrier) || who == pseudonym)
            }
        }
    }

    fn here(&self, tip: &Hash, lot: u64) -> Option<&LotLine> {
        self.lot_at(tip, lot).map(|at| &self.lots[at])
    }

    fn names_merchant(&self, tip: &Hash, merchant: u32) -> bool {
        u64::from(merchant) < self.merchants_before(tip).count() as u64
    }

    pub(super) fn merchants_before<'a>(
        &'a self,
        tip: &Hash,
    ) -> impl Iterator<Item = &'a super::MerchantId> {
        let past = self.whole_past(tip);
        self.merchants.iter().filter(move |(name, _)| past.contains(name)).map(|(_, m)| m)
    }

    /// The names of every entry up to a tip.
    fn whole_past(&self, tip: &Hash) -> std::collections::BTreeSet<Hash> {
        let mut names = std::collections::BTreeSet::new();
        let mut at = self.fact(tip);
        while let Some(fact) = at {
            names.insert(fact.name);
            at = self.fact(&fact.before);
        }
        names
    }

    pub(super) fn in_past(&self, tip: &Hash, name: &Hash) -> bool {
        let Some(fact) = self.fact(name) else { return false };
        self.past(tip, fact.index).is_some_and(|found| found.name == *name)
    }

    fn may_value(
        &self,
        feed: &FeedId,
        tip: &Hash,
        value: &Value,
        now: Minute,
        row: Option<&RowProof>,
    ) -> bool {
        let holds = |lot: &LotLine, amount: Amount| {
            amount > Amount::ZERO && lot.left() - lot.held >= i128::from(amount.units())
        };
        let purse = |lot: &LotLine| matches!(lot.owner, Owner::Purse(_)) && now <= lot.expires;
        match value {
            Value::Merchant { merchant } => !self.merchants_before(tip).any(|m| m == merchant),
            Value::Issue { from, list, row: number, purse, amount, .. } => {
                let Some(lot) = self.here(tip, from.0) else { return false };
                let Some(frozen) = self.list_at(feed, *list) else { return false };
                let in_list = row.is_some_and(|proof| {
                    let r = &proof.row;
                    r.row == *number
                        && r.purse == *purse
                        && r.amount == *amount
                        && r.commodity == lot.commodity
                        && frozen.holds(r, &proof.path)
                });
                matches!(lot.owner, Owner::Budget | Owner::Reserve)
                    && frozen.programme == feed.programme
                    && frozen.cycle == lot.cycle
                    && self.approved(frozen, feed)
                    && in_list
                    && !self.row_issued(tip, *list, *number)
                    && holds(lot, *amount)
            }
            Value::Send(send) => {
                self.may_send(feed, tip, send) && {
                    let lot = self.here(tip, send.from.0);
                    lot.is_some_and(|lot| holds(lot, send.amount))
                }
            }
            Value::Claim { ticket, .. } => self.may_claim(feed, tip, ticket),
            Value::Redeem { lot, amount, merchant, .. }
            | Value::Hold { lot, amount, merchant, .. } => {
                self.names_merchant(tip, *merchant)
                    && self.here(tip, lot.0).is_some_and(|lot| purse(lot) && holds(lot, *amount))
            }
            Value::Post { hold, at, .. } => {
                self.pending(tip, *hold).is_some_and(|until| *at <= until)
            }
            Value::Drop { hold, .. } => self.pending(tip, *hold).is_some(),
            Value::Basket { entries } => (1..=limits::BASKET_ENTRIES).contains(entries),
            Value::End { .. } => true,
            Value::Refund { redeem, amount, .. } => {
                let Some(fact) = self.past(tip, *redeem) else { return false };
                let given = self.given.iter().find(|g| g.name == fact.name && !g.float);
                given.is_some_and(|given| {
                    *amount > Amount::ZERO
                        && i128::from(amount.units()) <= given.amount
                        && !given.refunds.iter().any(|refund| self.in_past(tip, refund))
                })
            }
            Value::FloatRedeem { lot, home, purse, amount, merchant, at, .. } => {
                let Some(lot) = self.here(tip, lot.0) else { return false };
                let home_elsewhere =
                    home.node != feed.node.short() && home.programme == feed.programme;
                self.names_merchant(tip, *merchant)
                    && lot.owner == Owner::Float
                    && home_elsewhere
                    && self.within_caps(feed, lot.commodity, purse, *amount, *at)
                    && holds(lot, *amount)
            }
            Value::FloatCover(cover) => {
                self.may_cover(feed, tip, cover) && {
                    let lot = self.here(tip, cover.from.0);
                    lot.is_some_and(|lot| holds(lot, cover.amount))
                }
            }
            Value::Orphan(orphan) => self.may_show(&feed.short(), orphan),
            Value::DayClose { day, .. } => self.may_day(tip, day),
            Value::Settle { settling, at } => self.may_settle(feed, tip, settling, *at),
        }
    }

    fn list_at(&self, feed: &FeedId, index: u64) -> Option<&list::List> {
        let on_control = |fact: &Fact| {
            fact.feed.node == feed.node
                && fact.feed.lane == annona_ledger::id::Lane::Control
                && fact.index == index
        };
        let here = self.lists.iter().filter(|(name, _)| self.fact(name).is_some_and(on_control));
        // Where branches froze two, the lower one has the place.
        here.map(|(_, list)| list).min_by_key(|list| annona_ledger::wire::encode(*list))
    }

    fn row_issued(&self, tip: &Hash, list: u64, row: u32) -> bool {
        self.issued.iter().any(|(name, l, r)| (*l, *r) == (list, row) && self.in_past(tip, name))
    }

    fn pending(&self, tip: &Hash, index: u64) -> Option<Minute> {
        let fact = self.past(tip, index)?;
        let hold = self.holds.iter().find(|line| line.name == fact.name)?;
        (!hold.resolved.iter().any(|name| self.in_past(tip, name))).then_some(hold.until)
    }

    fn may_send(&self, feed: &FeedId, tip: &Hash, send: &Send) -> bool {
        let Some(lot) = self.here(tip, send.from.0) else { return false };
        let fits = match (lot.owner, send.owner) {
            (Owner::Purse(from), Owner::Purse(to)) => from == to,
            (Owner::Purse(_), Owner::Budget) => lot.expires < send.at,
            (Owner::Budget, to) => !matches!(to, Owner::Purse(_)),
            (Owner::Float, to) => matches!(to, Owner::Float | Owner::Budget),
            (Owner::Reserve, to) => matches!(to, Owner::Reserve | Owner::Budget),
            (Owner::Purse(_), Owner::Float | Owner::Reserve) => false,
        };
        let receiver = self.roster.node(&send.to);
        // What travels with the ticket: all that does not stand in a block here and was not the receiver's own.
        let unseen = lot.hops.iter().take_while(|(name, node)| {
            *node != send.to && !self.send(name).is_some_and(|line| line.placed)
        });
        fits && (lot.cycle, lot.commodity) == (send.cycle, send.commodity)
            && send.to != feed.node.short()
            && receiver.is_some_and(|c| c.programmes.contains(&feed.programme))
            && (send.expires <= lot.expires || !matches!(send.owner, Owner::Purse(_)))
            && unseen.count() <= limits::HOPS
            && self.takes(feed, tip, &send.to)
    }

    /// Whether the newest entry opens a basket of two, as a decline does.
    pub(super) fn declining(&self, tip: &Hash) -> bool {
        let newest = self.fact(tip).map(|fact| &fact.entry);
        matches!(newest, Some(Entry::Value(Value::Basket { entries: 2 })))
    }

    /// A ticket that may only go back and was taken up in a basket of two is sent back whole, or not taken up.
    fn completes(&self, feed: &FeedId, tip: &Hash, value: &Value) -> bool {
        let Some((claim, sent)) = self.just_taken(tip) else { return true };
        if !self.only_back(feed, sent) {
            return true;
        }
        let amount = match &sent.moved {
            Moved::Send(send) => send.amount,
            Moved::Cover(cover) => cover.amount,
            Moved::Refund { .. } => return true,
        };
        matches!(value, Value::Send(back)
            if back.from.0 == claim.index && back.to == sent.node && back.amount == amount)
    }

    fn may_claim(&self, feed: &FeedId, tip: &Hash, ticket: &Ticket) -> bool {
        let voted = |name: Hash| {
            self.send(&name).is_some_and(|line| {
                line.to == feed.node.short()
                    && line.programme == feed.programme
                    && line.claims.is_empty()
            })
        };
        match ticket {
            Ticket::Budget { epoch, act, line } => voted(budget_line(*epoch, *act, *line)),
            Ticket::Release { epoch, act } => voted(release_line(*epoch, *act)),
            Ticket::Sent(sent, hops) => self.may_claim_sent(feed, tip, sent, hops),
        }
    }

    fn may_claim_sent(&self, feed: &FeedId, tip: &Hash, sent: &Sent, hops: &[Sent]) -> bool {
        let programme = feed.programme;
        let known = self.send(&name_of(programme, sent));
        let signed = |sent: &Sent| {
            let sender = self.roster.node(&sent.node);
            let federation = self.charter.federation();
            sender.is_some_and(|c| memo::bears(sent, &federation, &c.node, programme))
        };
        let (cycle, commodity, amount) = match &sent.moved {
            Moved::Send(s) => (s.cycle, s.commodity, s.amount),
            Moved::Cover(c) => (c.cycle, c.commodity, c.amount),
            Moved::Refund { .. } => return false,
        };
        let exists = self.roster.cycle(programme, cycle).is_some()
            && self.charter.programme(programme).is_some_and(|p| p.commodity(commodity).is_some());
        if sent.moved.to() != feed.node.short()
            || known.is_some_and(|line| !line.claims.is_empty())
            || !signed(sent)
            || !hops.iter().all(signed)
            || !exists
        {
            return false;
        }
        // What goes back at once counts against no ceiling.
        if self.only_back(feed, sent) {
            return self.declining(tip);
        }
        if known.is_some_and(|line| line.placed) {
            return true;
        }
        let ceiling = self
            .roster
            .node(&sent.node)
            .and_then(|c| c.ceiling(programme, commodity))
            .map_or(0, |c| i128::from(c.unverified.units()));
        let outstanding: i128 = self
            .sends
            .iter()
            .filter(|line| line.from == Some(sent.node) && line.commodity == commodity)
            .filter(|line| !line.placed && line.claims.iter().any(|c| self.in_past(tip, c)))
            .map(|line| line.amount)
            .sum();
        outstanding + i128::from(amount.units()) <= ceiling
    }

    fn within_caps(
        &self,
        feed: &FeedId,
        commodity: CommodityId,
        purse: &super::Purse,
        amount: Amount,
        at: Minute,
    ) -> bool {
        let programme = self.charter.programme(feed.programme);
        let cap = programme.and_then(|p| p.risk.caps.iter().find(|c| c.commodity == commodity));
        let Some(cap) = cap else { return false };
        let used = |fits: &dyn Fn(&super::GivenLine) -> bool| -> i128 {
            let own = self.given.iter().filter(|g| {
                g.float && g.feed == feed.short() && g.commodity == commodity && fits(g)
            });
            own.map(|g| g.amount).sum::<i128>() + i128::from(amount.units())
        };
        let covered = |g: &super::GivenLine| self.covers.iter().any(|(float, _)| *float == g.name);
        used(&|g| g.purse == *purse) <= i128::from(cap.per_purse.units())
            && used(&|g| g.at.day() == at.day()) <= i128::from(cap.per_site_day.units())
            && used(&|g| !covered(g)) <= i128::from(cap.per_site.units())
    }

    fn may_cover(&self, feed: &FeedId, tip: &Hash, cover: &FloatCover) -> bool {
        let Some(float) = self.given.iter().find(|g| g.float && g.name == cover.float.accumulator)
        else {
            return false;
        };
        let Some(fact) = self.fact(&float.name) else { return false };
        let named = (fact.feed.short(), fact.index) == (cover.float.feed, cover.float.index);
        let Some(lot) = self.here(tip, cover.from.0) else { return false };
        let home: Option<FeedRef> = float.home;
        let before = |(name, by): &(Hash, Hash)| *name == float.name && self.in_past(tip, by);
        home == Some(feed.short())
            && named
            && !self.covers.iter().any(before)
            && lot.owner == Owner::Purse(float.purse)
            && (lot.cycle, lot.commodity) == (cover.cycle, cover.commodity)
            && float.commodity == cover.commodity
            && float.amount == i128::from(cover.amount.units())
    }

    /// The float redemptions a home has not covered, as far as this view knows.
    pub fn uncovered<'a>(&'a self, home: &FeedRef) -> impl Iterator<Item = &'a super::GivenLine> {
        let home = *home;
        self.given.iter().filter(move |g| {
            let by_home = |by: &Hash| self.fact(by).is_some_and(|f| f.feed.short() == home);
            g.home == Some(home)
                && !self.covers.iter().any(|(float, by)| *float == g.name && by_home(by))
        })
    }

    /// Whether a ticket carries fewer sends than filled its lot: then its sender assumed that the receiver holds them.
    #[must_use]
    pub fn carries_less(&self, name: &Hash, ticket: &Ticket) -> bool {
        let Some(line) = self.send(name) else { return false };
        let Some(fact) = self.facts.iter().rev().find(|f| {
            f.index == line.index && Some(f.feed.node.short()) == line.from && {
                f.feed.programme == line.programme && f.feed.lane == annona_ledger::id::Lane::Value
            }
        }) else {
            return false;
        };
        let from = match &fact.entry {
            Entry::Value(Value::Send(send)) => send.from,
            Entry::Value(Value::FloatCover(cover)) => cover.from,
            _ => return false,
        };
        let lot = self.here(&fact.before, from.0);
        let sends = ticket.sends().filter(|sent| !is_refund(sent)).count();
        lot.is_some_and(|lot| lot.hops.len() + 1 > sends)
    }

    /// Whether a holder is enrolled, as far as this view knows.
    #[must_use]
    pub fn is_enrolled(&self, programme: ProgrammeId, who: &annona_ledger::id::Pseudonym) -> bool {
        self.enrolled.contains(&(programme, *who))
    }

    /// Whether a float redemption is covered, as far as this view knows.
    #[must_use]
    pub fn is_covered(&self, float: &Hash) -> bool {
        self.covers.iter().any(|(name, _)| name == float)
    }

    /// The covers known of each float redemption.
    #[must_use]
    pub fn covers(&self) -> &[(Hash, Hash)] {
        &self.covers
    }

    /// The rows issued: the entry, the list's index and the row.
    #[must_use]
    pub fn rows_issued(&self) -> &[(Hash, u64, u32)] {
        &self.issued
    }
}

/// Who registers does not serve, and budgets are the treasury's: one of these roles for each kind of entry.
fn allowed(roles: Roles, entry: &Entry) -> bool {
    let (registers, serves) = (roles.meets(Roles::REGISTRAR), roles.meets(Roles::MERCHANT));
    let treasury = roles.meets(Roles::TREASURY);
    match entry {
        Entry::Control(
            Control::FaultSeen { .. } | Control::ClockAnswer { .. } | Control::ErasureSeen { .. },
        )
        | Entry::Later(_)
        | Entry::Value(Value::End { .. }) => true,
        // The simulator has no hubs.
        Entry::Control(Control::Revoke { .. } | Control::CycleKey(_)) => treasury,
        Entry::Registry(Registry::People(People::Refused { .. } | People::Grievance { .. })) => {
            registers || serves || treasury || roles.meets(Roles::VAULT)
        }
        Entry::Registry(Registry::People(_)) => registers || roles.meets(Roles::VAULT),
        Entry::Registry(_) => registers,
        Entry::Control(Control::List(_)) | Entry::Value(Value::Issue { .. }) => {
            registers || treasury
        }
        Entry::Value(Value::Claim { ticket, .. }) if matches!(**ticket, Ticket::Budget { .. }) => {
            treasury
        }
        // A reserve is there to issue from.
        Entry::Value(Value::Claim { ticket, .. }) if matches!(**ticket, Ticket::Release { .. }) => {
            registers || treasury
        }
        Entry::Value(
            Value::Claim { .. }
            | Value::Send(_)
            | Value::FloatCover(_)
            | Value::Orphan(_)
            | Value::Basket { .. },
        ) => registers || serves || treasury,
        Entry::Value(Value::Settle { .. }) => treasury,
        Entry::Value(_) => serves,
    }
}
