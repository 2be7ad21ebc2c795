//! What a node asks of itself before it writes. Pure: same view and draft, same verdict. Only what `admit` lets through
//! is ever signed; what others wrote is never refused here but folded ([`crate::fold`]).

use crate::amount::{Amount, Balance};
use crate::carrier;
use crate::charter::Risk;
use crate::entry::{
    CarrierKind, Control, CycleKey, Entry, FloatCover, Lot, Owner, Registry, Send, Value,
};
use crate::fold::{
    budget_name, in_past, may_become, owner_of, redeemed, release_name, resolve, used_before,
};
use crate::hash::Hash;
use crate::id::{
    CarrierId, CommodityId, CycleId, FeedRef, MerchantId, ProgrammeId, Pseudonym, Purse,
};
use crate::limits;
use crate::list::Row;
use crate::merkle::Path;
use crate::rejection::Rejection;
use crate::role;
use crate::settlement;
use crate::ticket::{Hop, Moved, Sent, Ticket};
use crate::time::Minute;
use crate::view::{At, ChainNo, FloatSpan, LotRow, Use, View};

mod cuts;
mod lists;
mod people;
mod settle;
#[cfg(test)]
mod tests;

/// A row of a distribution list, and its place in the list's tree.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowProof {
    /// The row.
    pub row: Row,
    /// Its path to the list's root.
    pub path: Path,
}

/// An entry a node would like to write.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// The entry.
    pub entry: Entry,
    /// For an `Issue`: the proof that its row is in the list.
    pub row: Option<RowProof>,
}

impl From<Entry> for Draft {
    fn from(entry: Entry) -> Self {
        Self { entry, row: None }
    }
}

/// An entry that may be written: its bytes, and nothing else can make one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admitted {
    entry: Entry,
    bytes: Vec<u8>,
}

impl Admitted {
    /// The entry.
    #[must_use]
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Its bytes, as they will be signed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Decides whether the writer of `chain` may write `draft` next.
///
/// The stamp in the draft is the writer's wall clock, or the feed's last stamp where that is later: a stamp never falls.
///
/// # Errors
///
/// The first [`Rejection`] that applies. A rejection is an answer, not a fault.
pub fn admit(view: &dyn View, chain: ChainNo, draft: &Draft) -> Result<Admitted, Rejection> {
    let feed = view.chain(chain).feed;
    let last = view.last_stamp(chain);
    // Of a day nobody knows the minute: it is now as late as the feed says.
    let now =
        draft.entry.stamp().map(|at| if draft.entry.day().is_some() { at.max(last) } else { at });
    let asking = Asking { view, chain, feed: feed.short(), now };
    asking.standing(&draft.entry)?;
    let bytes = draft.entry.encode();
    if bytes.len() > draft.entry.limit() {
        return Err(Rejection::TooLarge);
    }
    if draft.entry.fell(last) {
        return Err(Rejection::StampFell);
    }
    if !asking.role(&draft.entry) {
        return Err(Rejection::OtherRole);
    }
    asking.uncut(&draft.entry)?;
    match &draft.entry {
        Entry::Value(value) => asking.value(value, draft.row.as_ref())?,
        Entry::Registry(registry) => asking.registry(registry)?,
        Entry::Later(_) => return Err(Rejection::UnknownKind),
        Entry::Control(control) => asking.control(control)?,
    }
    Ok(Admitted { entry: draft.entry.clone(), bytes })
}

struct Asking<'a> {
    view: &'a dyn View,
    chain: ChainNo,
    feed: FeedRef,
    now: Option<Minute>,
}

impl Asking<'_> {
    fn stamp(&self) -> Minute {
        self.now.unwrap_or_else(|| self.view.last_stamp(self.chain))
    }

    /// Whether this node may write on this feed at all.
    fn standing(&self, entry: &Entry) -> Result<(), Rejection> {
        if self.view.faulty(&self.feed) {
            return Err(Rejection::FeedFaulty);
        }
        let certificate =
            self.view.roster().node(&self.feed.node).ok_or(Rejection::NotCertified)?;
        let covered = match entry {
            Entry::Control(_) => self.feed.programme.0 == 0,
            Entry::Value(_) | Entry::Registry(_) | Entry::Later(_) => {
                certificate.programmes.contains(&self.feed.programme)
            }
        };
        if !covered || entry.lane() != self.feed.lane {
            return Err(Rejection::NotCertified);
        }
        if self.stamp() > certificate.not_after {
            return Err(Rejection::CertificateExpired);
        }
        Ok(())
    }

    /// Whether this node's role allows the entry.
    fn role(&self, entry: &Entry) -> bool {
        let certificate = self.view.roster().node(&self.feed.node);
        let settles = !matches!(entry, Entry::Value(Value::Settle { .. }))
            || settlement::may_settle(self.view, &self.feed);
        settles && certificate.is_some_and(|c| c.roles.meets(role::needed(entry)))
    }

    fn value(&self, value: &Value, row: Option<&RowProof>) -> Result<(), Rejection> {
        let programme = self.view.charter().programme(self.feed.programme);
        let programme = programme.ok_or(Rejection::UnknownProgramme)?;
        self.finish_decline(value)?;
        match value {
            Value::Merchant { merchant } => self.merchant(merchant),
            Value::Issue { from, list, row: number, purse, amount, .. } => {
                nonzero(*amount)?;
                self.issue((*from, *amount), *list, *number, purse, row)
            }
            Value::Send(send) => self.send(send),
            Value::Claim { ticket, .. } => self.claim(ticket),
            Value::Redeem { lot, amount, merchant, .. } => {
                nonzero(*amount)?;
                self.known_merchant(*merchant)?;
                self.redeemable(*lot, *amount)
            }
            Value::Hold { lot, amount, merchant, .. } => {
                nonzero(*amount)?;
                self.known_merchant(*merchant)?;
                self.redeemable(*lot, *amount)
            }
            Value::Post { hold, at, .. } => {
                let (_, hold) = self.pending(*hold)?;
                if *at > hold.until { Err(Rejection::HoldTimedOut) } else { Ok(()) }
            }
            Value::Drop { hold, .. } => self.pending(*hold).map(|_| ()),
            Value::Basket { entries } => {
                let fits = (1..=limits::BASKET_ENTRIES).contains(entries);
                if fits { Ok(()) } else { Err(Rejection::BadBasket) }
            }
            Value::Refund { redeem, amount, .. } => self.refund(*redeem, *amount),
            Value::FloatRedeem { lot, home, purse, amount, merchant, .. } => {
                nonzero(*amount)?;
                self.known_merchant(*merchant)?;
                self.float_redeem(*lot, home, *purse, *amount, &programme.risk)
            }
            Value::FloatCover(cover) => self.cover(cover),
            Value::End { .. } => Ok(()),
            Value::Orphan(orphan) => self.orphan(orphan),
            Value::DayClose { day, .. } => self.day(day),
            Value::Settle { settling, at } => self.settle(settling, *at),
        }
    }

    fn merchant(&self, merchant: &MerchantId) -> Result<(), Rejection> {
        let full = self.view.merchants(self.chain) >= limits::MERCHANTS;
        if full || self.view.has_merchant(self.chain, merchant) {
            return Err(Rejection::MerchantRefused);
        }
        Ok(())
    }

    fn known_merchant(&self, merchant: u32) -> Result<(), Rejection> {
        let known = merchant < self.view.merchants(self.chain);
        if known { Ok(()) } else { Err(Rejection::UnknownMerchant) }
    }

    fn lot(&self, lot: Lot) -> Result<LotRow, Rejection> {
        resolve(self.view, self.chain, lot).map(|(_, row)| row).ok_or(Rejection::LotNotFound)
    }

    fn covers(row: &LotRow, amount: Amount) -> Result<(), Rejection> {
        if row.available().covers(amount) { Ok(()) } else { Err(Rejection::ExceedsLot) }
    }

    fn redeemable(&self, lot: Lot, amount: Amount) -> Result<(), Rejection> {
        let row = self.lot(lot)?;
        if !matches!(row.owner, Owner::Purse(_)) {
            return Err(Rejection::WrongOwner);
        }
        if self.stamp() > row.expires {
            return Err(Rejection::Expired);
        }
        Self::covers(&row, amount)
    }

    fn issue(
        &self,
        (from, amount): (Lot, Amount),
        list: u64,
        number: u32,
        purse: &Purse,
        proof: Option<&RowProof>,
    ) -> Result<(), Rejection> {
        let row = self.lot(from)?;
        if !matches!(row.owner, Owner::Budget | Owner::Reserve) {
            return Err(Rejection::WrongOwner);
        }
        let node = self.feed.node;
        let frozen = self.view.approved_list(&node, list).ok_or(Rejection::ListNotApproved)?;
        if frozen.programme != self.feed.programme || frozen.cycle != row.cycle {
            return Err(Rejection::ListNotApproved);
        }
        let proof = proof.ok_or(Rejection::RowNotInList)?;
        let same = proof.row.row == number
            && proof.row.purse == *purse
            && proof.row.amount == amount
            && proof.row.commodity == row.commodity;
        if !same || !frozen.holds(&proof.row, &proof.path) {
            return Err(Rejection::RowNotInList);
        }
        if self.used(&Use::Row { node, list, row: number }) {
            return Err(Rejection::RowIssued);
        }
        Self::covers(&row, amount)
    }

    /// Whether something was used anywhere this writer knows of: its own chain, or — a fork apart — another.
    fn used(&self, what: &Use) -> bool {
        let next = At { chain: self.chain, index: self.view.head(self.chain).next };
        used_before(self.view, next, what)
    }

    fn send(&self, send: &Send) -> Result<(), Rejection> {
        nonzero(send.amount)?;
        let row = self.lot(send.from)?;
        let same = (row.cycle, row.commodity) == (send.cycle, send.commodity);
        if !same || !may_become(&row, send.owner, send.at) {
            return Err(Rejection::WrongOwner);
        }
        // Passing a purse's units on must not make them last longer than they were given for.
        if matches!(send.owner, Owner::Purse(_)) && send.expires > row.expires {
            return Err(Rejection::WrongOwner);
        }
        carrying(self.view, self.chain, send.from, Some(send.to))?;
        let receiver = self.view.roster().node(&send.to).ok_or(Rejection::UnknownReceiver)?;
        if send.to == self.feed.node {
            return Err(Rejection::UnknownReceiver);
        }
        // One that can neither claim nor decline it would leave the units in flight. What goes back goes to its sender,
        // whatever it is certified for by now.
        let holds =
            receiver.programmes.contains(&self.feed.programme) && receiver.roles.meets(role::HOLDS);
        if !holds && self.claimed_to_decline().is_none_or(|sent| sent.node != send.to) {
            return Err(Rejection::UnknownReceiver);
        }
        self.receiver(&send.to)?;
        Self::covers(&row, send.amount)
    }

    fn claim(&self, ticket: &Ticket) -> Result<(), Rejection> {
        match ticket {
            Ticket::Budget { epoch, act, line } => {
                self.claim_voted(&budget_name(*epoch, *act, *line))
            }
            Ticket::Release { epoch, act } => self.claim_voted(&release_name(*epoch, *act)),
            Ticket::Sent(sent, hops) => self.claim_sent(sent, hops),
        }
    }

    fn claim_voted(&self, name: &Hash) -> Result<(), Rejection> {
        let row = self.view.ticket(name).ok_or(Rejection::NotAddressed)?;
        if row.to != self.feed.node || row.programme != self.feed.programme {
            return Err(Rejection::NotAddressed);
        }
        if row.claimed.is_some() { Err(Rejection::AlreadyClaimed) } else { Ok(()) }
    }

    fn claim_sent(&self, sent: &Sent, hops: &[Sent]) -> Result<(), Rejection> {
        let programme = self.feed.programme;
        let (cycle, commodity, _) = stated(sent);
        self.known_commodity(cycle, commodity)?;
        if sent.moved.to() != self.feed.node {
            return Err(Rejection::NotAddressed);
        }
        let federation = self.view.charter().federation();
        for sent in std::iter::once(sent).chain(hops) {
            let sender = self.view.roster().node(&sent.node).ok_or(Rejection::UnknownSender)?;
            if !sent.verifies(&federation, &sender.node, programme) {
                return Err(Rejection::TicketForged);
            }
        }
        let name = sent.name(programme).ticket();
        let known = self.view.ticket(&name);
        if known.is_some_and(|row| row.claimed.is_some()) || self.used(&Use::Ticket(name)) {
            return Err(Rejection::AlreadyClaimed);
        }
        if let Some(why) = self.only_back(sent) {
            // Refusing it for good would leave the units where nobody could ever move them (rules: L15). It may be
            // declined: taken up and sent back, in a basket of two.
            return if self.declines() { Ok(()) } else { Err(why) };
        }
        if known.is_some_and(|row| row.placed) {
            return Ok(());
        }
        self.within_ceilings(sent)
    }

    /// The value entry so many places before the next.
    fn back(&self, places: u64) -> Option<Value> {
        let index = self.view.head(self.chain).next.checked_sub(places)?;
        self.view.entry(owner_of(self.view, self.chain, index))
    }

    /// After the claim of a faulty sender's ticket nothing may follow but its whole amount, sent back.
    fn finish_decline(&self, value: &Value) -> Result<(), Rejection> {
        let Some(Value::Claim { ticket, .. }) = self.back(1) else { return Ok(()) };
        let Ticket::Sent(sent, _) = &*ticket else { return Ok(()) };
        if !matches!(self.back(2), Some(Value::Basket { entries: 2 })) {
            return Ok(());
        }
        let Some(why) = self.only_back(sent) else { return Ok(()) };
        let claim = self.view.head(self.chain).next.saturating_sub(1);
        let (.., amount) = stated(sent);
        match value {
            Value::Send(s) if (s.from, s.to, s.amount) == (Lot(claim), sent.node, amount) => Ok(()),
            _ => Err(why),
        }
    }

    fn known_commodity(&self, cycle: CycleId, commodity: CommodityId) -> Result<(), Rejection> {
        let programme = self.feed.programme;
        let known = self.view.charter().programme(programme).ok_or(Rejection::UnknownProgramme)?;
        if known.commodity(commodity).is_none() {
            return Err(Rejection::UnknownCommodity);
        }
        self.view.roster().cycle(programme, cycle).map(|_| ()).ok_or(Rejection::UnknownCycle)
    }

    fn pending(&self, index: u64) -> Result<(At, crate::view::HoldRow), Rejection> {
        let at = owner_of(self.view, self.chain, index);
        let hold = self.view.hold(at).ok_or(Rejection::NotHere)?;
        if self.used(&Use::Hold(at)) { Err(Rejection::AlreadyResolved) } else { Ok((at, hold)) }
    }

    fn refund(&self, index: u64, amount: Amount) -> Result<(), Rejection> {
        nonzero(amount)?;
        let at = owner_of(self.view, self.chain, index);
        let (_, given) = redeemed(self.view, at).ok_or(Rejection::NotHere)?;
        if self.used(&Use::Redemption(at)) {
            return Err(Rejection::AlreadyResolved);
        }
        if amount > given { Err(Rejection::ExceedsRedemption) } else { Ok(()) }
    }

    fn float_redeem(
        &self,
        lot: Lot,
        home: &FeedRef,
        purse: Purse,
        amount: Amount,
        risk: &Risk,
    ) -> Result<(), Rejection> {
        let row = self.lot(lot)?;
        if row.owner != Owner::Float {
            return Err(Rejection::WrongOwner);
        }
        if home.node == self.feed.node || home.programme != self.feed.programme {
            return Err(Rejection::NotHome);
        }
        let cap = risk.caps.iter().find(|cap| cap.commodity == row.commodity);
        let cap = cap.ok_or(Rejection::FloatCap)?;
        let day = FloatSpan::Day(self.stamp().day());
        let spans = [
            (FloatSpan::Purse(purse), cap.per_purse),
            (day, cap.per_site_day),
            (FloatSpan::Site, cap.per_site),
        ];
        for (span, most) in spans {
            let used = self.view.float_used(self.chain, row.commodity, span).credit(amount);
            if used.units() > Balance::from(most).units() {
                return Err(Rejection::FloatCap);
            }
        }
        Self::covers(&row, amount)
    }

    fn cover(&self, cover: &FloatCover) -> Result<(), Rejection> {
        nonzero(cover.amount)?;
        let row = self.lot(cover.from)?;
        let float = self.view.float(&cover.float.accumulator).ok_or(Rejection::NotHere)?;
        let next = At { chain: self.chain, index: self.view.head(self.chain).next };
        let mut uses = self.view.uses(&Use::Float(cover.float.accumulator)).into_iter();
        if uses.any(|at| {
            self.view.chain(at.chain).feed.short() == self.feed && in_past(self.view, next, at)
        }) {
            return Err(Rejection::AlreadyResolved);
        }
        // Before anything is written: a cover without its ticket is in flight to who cannot take it up.
        carrying(self.view, self.chain, cover.from, Some(cover.float.feed.node))?;
        if float.home != self.feed || float.name != cover.float {
            return Err(Rejection::NotHome);
        }
        let same = row.owner == Owner::Purse(float.purse)
            && (row.cycle, row.commodity) == (cover.cycle, cover.commodity)
            && float.commodity == cover.commodity
            && float.amount == cover.amount;
        if !same {
            return Err(Rejection::CoverMismatch);
        }
        Self::covers(&row, cover.amount)
    }

    fn registry(&self, registry: &Registry) -> Result<(), Rejection> {
        let programme = self.feed.programme;
        match registry {
            Registry::Enrol { .. } | Registry::CarrierCancelled { .. } => Ok(()),
            Registry::CarrierBound { pseudonym, carrier, kind, .. } => {
                self.carrier(pseudonym, carrier, *kind, programme)
            }
            Registry::People(people) => self.people(people),
        }
    }

    fn carrier(
        &self,
        holder: &Pseudonym,
        carrier: &CarrierId,
        _kind: CarrierKind,
        programme: ProgrammeId,
    ) -> Result<(), Rejection> {
        let taken = self.view.carrier(programme, carrier).iter().any(|other| other != holder);
        if taken || carrier::cancelled(self.view, programme, carrier) {
            return Err(Rejection::CarrierRefused);
        }
        let enrolled = self.view.enrolled(programme, holder);
        if enrolled { Ok(()) } else { Err(Rejection::NotEnrolled) }
    }

    fn cycle_key(&self, given: &CycleKey) -> Result<(), Rejection> {
        let CycleKey { programme, cycle, node, .. } = *given;
        let (charter, roster) = (self.view.charter(), self.view.roster());
        charter.programme(programme).ok_or(Rejection::UnknownProgramme)?;
        roster.cycle(programme, cycle).ok_or(Rejection::UnknownCycle)?;
        if !gives_keys(charter, &self.feed.node, programme, cycle) {
            return Err(Rejection::NotTreasury);
        }
        let receiver = roster.node(&node).ok_or(Rejection::UnknownReceiver)?;
        let holds = receiver.programmes.contains(&programme)
            && receiver.roles.meets(role::HOLDS_CYCLE_KEYS)
            && node != self.feed.node;
        if holds { Ok(()) } else { Err(Rejection::UnknownReceiver) }
    }

    fn control(&self, control: &Control) -> Result<(), Rejection> {
        match control {
            Control::List(frozen) => self.list(frozen),
            Control::CycleKey(given) => self.cycle_key(given),
            Control::FaultSeen { .. } => Ok(()),
            Control::Revoke { feed, cut, reason, .. } => self.revoke(feed, cut, *reason),
            Control::ClockAnswer { clock, word, .. } => self.clock(*clock, word),
            Control::ErasureSeen { erased, .. } => self.erasure_seen(*erased),
        }
    }
}

/// Whether a cycle's key may come from a node: a treasury that the charter budgets the cycle for.
#[must_use]
pub fn gives_keys(
    charter: &crate::charter::Charter,
    node: &[u8; 8],
    programme: ProgrammeId,
    cycle: CycleId,
) -> bool {
    charter.budgets().any(|(_, budget)| {
        budget.treasury == *node && (budget.programme, budget.cycle) == (programme, cycle)
    })
}

fn nonzero(amount: Amount) -> Result<(), Rejection> {
    if amount == Amount::ZERO { Err(Rejection::ZeroAmount) } else { Ok(()) }
}

fn stated(sent: &Sent) -> (CycleId, CommodityId, Amount) {
    match &sent.moved {
        Moved::Send(s) => (s.cycle, s.commodity, s.amount),
        Moved::Cover(c) => (c.cycle, c.commodity, c.amount),
        // It is no ticket: nothing has commodity zero.
        Moved::Refund { amount, .. } => (CycleId(0), CommodityId(0), *amount),
    }
}

/// What filled a lot, as a ticket to a node, or a receipt, carries it: all of it where there is room. Otherwise without
/// what stands in a verified block here, which can reach the receiver the same way, and without what the receiver sent
/// itself, which it holds.
///
/// # Errors
///
/// As [`provenance`].
pub fn carrying(
    view: &dyn View,
    chain: ChainNo,
    lot: Lot,
    to: Option<[u8; 8]>,
) -> Result<Vec<Hop>, Rejection> {
    let programme = view.chain(chain).feed.programme;
    let held = |sent: &Sent| {
        let name = sent.name(programme).ticket();
        to == Some(sent.node) || view.ticket(&name).is_some_and(|row| row.placed)
    };
    match provenance(view, chain, lot, |_| false) {
        Err(Rejection::TooManyHops) => provenance(view, chain, lot, held),
        found => found,
    }
}

/// What filled a lot, nearest first, back to a budget or to what the receiver is assumed to hold: what a ticket or
/// receipt carries ([`crate::ticket::carried`]) so that a stranger never takes an honest feed for short.
///
/// # Errors
///
/// [`Rejection::LotNotFound`] and [`Rejection::TooManyHops`].
pub fn provenance(
    view: &dyn View,
    chain: ChainNo,
    lot: Lot,
    assumed: impl Fn(&Sent) -> bool,
) -> Result<Vec<Hop>, Rejection> {
    let (mut lot, mut hops) = (lot, Vec::new());
    // Each step goes to an earlier entry of the same chain, and ends at a claim.
    loop {
        let at = owner_of(view, chain, lot.0);
        match view.entry(at).ok_or(Rejection::LotNotFound)? {
            Value::Issue { from, .. } => lot = from,
            Value::Refund { redeem, .. } => {
                hops.push(Hop::Refund(at.index));
                lot = match view.entry(owner_of(view, chain, redeem)) {
                    Some(Value::Redeem { lot, .. }) => lot,
                    Some(Value::Post { hold, .. }) => {
                        match view.entry(owner_of(view, chain, hold)) {
                            Some(Value::Hold { lot, .. }) => lot,
                            _ => return Err(Rejection::LotNotFound),
                        }
                    }
                    _ => return Err(Rejection::LotNotFound),
                };
            }
            Value::Claim { ticket, .. } => {
                let new = ticket.sends().take_while(|sent| !assumed(sent));
                hops.extend(new.map(|sent| Hop::Sent(*sent)));
                // Refunds may be left out, sends may not.
                let sent = |hop: &&Hop| matches!(hop, Hop::Sent(sent) if !matches!(sent.moved, Moved::Refund { .. }));
                let fits = hops.iter().filter(sent).count() <= limits::HOPS;
                return if fits { Ok(hops) } else { Err(Rejection::TooManyHops) };
            }
            _ => return Err(Rejection::LotNotFound),
        }
        if lot.0 >= at.index {
            return Err(Rejection::LotNotFound);
        }
    }
}
