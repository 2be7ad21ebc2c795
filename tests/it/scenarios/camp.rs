//! A small federation over real ledger files: a treasury and sites, families, tickets on paper.

use std::sync::LazyLock;

use annona_ledger::admit::{Draft, RowProof};
use annona_ledger::amount::Amount;
use annona_ledger::entry::{Control, Entry, Lot, Method, Owner, Send, Value};
use annona_ledger::id::{CommodityId, FeedId, FeedRef, Lane, ProgrammeId, Purse};
use annona_ledger::list::{Builder, Row};
use annona_ledger::merkle;
use annona_ledger::notice::Roles;
use annona_ledger::rejection::Rejection;
use annona_ledger::ticket::{Promise, Ticket};
use annona_ledger::time::{Millis, Minute};
use annona_tests::cast::{CASH, CYCLE, Cast};
use annona_tests::clock::FOUNDED;
use annona_tests::rng::Rng;
use annona_tests::site::{Received, Site, stored::Stored};

/// When things happen, unless a test says otherwise.
pub(crate) const NOW: Minute = Minute(1_000);
/// The last minute of every purse.
pub(crate) const LAST: Minute = Minute(20_000);

/// Six nodes that may do everything, for both programmes, for ever.
static CAST: LazyLock<u64> = LazyLock::new(|| {
    let all = Roles::REGISTRAR.and(Roles::MERCHANT).and(Roles::TREASURY);
    let plain = |seed: &u64| {
        let cast = Cast::draw(&mut Rng::new(*seed), 6);
        cast.burns.is_none()
            && cast.nodes.iter().all(|n| {
                let c = &n.certificate;
                let known = c.ceilings.iter().all(|ceiling| ceiling.unverified >= amount(60));
                c.programmes.len() == 2 && c.not_after == Minute::NEVER && c.roles.has(all) && known
            })
    };
    (0..5_000).find(plain).expect("one in a few hundred is")
});

pub(crate) fn amount(units: u64) -> Amount {
    Amount::new(units).expect("below the limit")
}

pub(crate) struct Camp {
    pub(crate) cast: Cast,
    pub(crate) sites: Vec<Box<dyn Site>>,
    lists: usize,
}

impl Camp {
    /// A federation of six, each over a ledger file of its own; the first is the treasury and holds its budget as
    /// lot 0.
    pub(crate) fn new() -> Self {
        let cast = Cast::draw(&mut Rng::new(*CAST), 6);
        let found = |n: &annona_tests::cast::Person| -> Box<dyn Site> {
            Box::new(Stored::found(n.seed, &cast.articles, &cast.notices))
        };
        let sites = cast.nodes.iter().map(found).collect();
        let mut camp = Self { cast, sites, lists: 0 };
        let ticket = Box::new(Ticket::Budget { epoch: 1, act: 0, line: 0 });
        let claimed = camp.write(0, Value::Claim { ticket, at: NOW });
        assert_eq!(claimed.index, 0);
        camp
    }

    pub(crate) fn feed(&self, n: usize) -> FeedId {
        self.cast.nodes[n].value(CASH)
    }

    pub(crate) fn short(&self, n: usize) -> FeedRef {
        self.feed(n).short()
    }

    pub(crate) fn purse(&self, family: usize) -> Purse {
        self.cast.families[family].purse[0]
    }

    /// What the budgets of the programme come to.
    pub(crate) fn voted(&self) -> i128 {
        let charter = annona_tests::memo::power(
            &self.cast.articles.iter().map(|a| a.encode()).collect::<Vec<_>>(),
            &[],
        );
        i128::from(charter.0.budgeted(CASH, CYCLE, CommodityId(1)).units())
    }

    pub(crate) fn ask(&mut self, n: usize, entries: &[Value]) -> Result<Vec<Promise>, Rejection> {
        let drafts: Vec<Draft> =
            entries.iter().map(|v| Draft::from(Entry::from(v.clone()))).collect();
        let feed = self.feed(n);
        self.sites[n].submit(&feed, &drafts)
    }

    #[track_caller]
    pub(crate) fn write(&mut self, n: usize, value: Value) -> Promise {
        self.ask(n, &[value]).expect("it may").remove(0)
    }

    #[track_caller]
    pub(crate) fn refused(&mut self, n: usize, value: Value) -> Rejection {
        self.ask(n, &[value]).expect_err("it may not")
    }

    /// Freezes a list of one family at the treasury and issues it: the lot.
    pub(crate) fn issue(&mut self, family: usize, units: u64) -> u64 {
        let control = FeedId {
            node: self.cast.nodes[0].key,
            lane: Lane::Control,
            programme: ProgrammeId::NONE,
        };
        let (purse, commodity) = (self.purse(family), CommodityId(1));
        let row = Row { row: 0, purse, commodity, amount: amount(units) };
        let mut builder = Builder::new();
        builder.push(&row).expect("one row");
        let node = self.cast.nodes[0].short();
        // The same row may be given again, by a list of another minute.
        let at = Minute(NOW.0 + u32::try_from(self.lists).expect("few"));
        self.lists += 1;
        let draft = builder.finish(node, CASH, CYCLE, at).expect("it has a row");
        let approve = |k: usize| draft.approve(&self.cast.federation, &self.cast.operators[k]);
        let list = Control::List(Box::new(draft.clone().approved(approve(0), approve(1))));
        let frozen =
            self.sites[0].submit(&control, &[Entry::from(list).into()]).expect("two signed");
        let value = Value::Issue {
            from: Lot(0),
            list: frozen[0].index,
            row: 0,
            purse,
            amount: amount(units),
            expires: LAST,
            at: NOW,
        };
        let path = merkle::path(&[row.leaf()], 0).expect("one leaf");
        let draft = Draft { entry: value.into(), row: Some(RowProof { row, path }) };
        let feed = self.feed(0);
        self.sites[0].submit(&feed, &[draft]).expect("the budget pays")[0].index
    }

    pub(crate) fn sending(&self, lot: u64, to: usize, owner: Owner, units: u64) -> Send {
        let expires = if matches!(owner, Owner::Purse(_)) { LAST } else { Minute::NEVER };
        Send {
            from: Lot(lot),
            to: self.cast.nodes[to].short(),
            owner,
            cycle: CYCLE,
            commodity: CommodityId(1),
            amount: amount(units),
            expires,
            at: NOW,
        }
    }

    /// Sends, and writes the ticket down.
    pub(crate) fn send(
        &mut self,
        n: usize,
        lot: u64,
        to: usize,
        owner: Owner,
        units: u64,
    ) -> Ticket {
        let send = self.sending(lot, to, owner, units);
        let promise = self.write(n, Value::Send(send));
        self.sites[n].ticket(&promise).expect("it is a send")
    }

    pub(crate) const fn claiming(ticket: Box<Ticket>) -> Value {
        Value::Claim { ticket, at: NOW }
    }

    /// The lot of a ticket, where it was shown.
    #[track_caller]
    pub(crate) fn claim(&mut self, n: usize, ticket: &Ticket) -> u64 {
        self.write(n, Self::claiming(Box::new(ticket.clone()))).index
    }

    /// A family's units at a site, carried there on paper: the lot.
    pub(crate) fn family_at(&mut self, n: usize, family: usize, units: u64) -> u64 {
        let lot = self.issue(family, units);
        let owner = Owner::Purse(self.purse(family));
        let ticket = self.send(0, lot, n, owner, units);
        self.claim(n, &ticket)
    }

    /// Some of the budget at a site for those it cannot check: the lot.
    pub(crate) fn float_at(&mut self, n: usize, units: u64) -> u64 {
        let ticket = self.send(0, 0, n, Owner::Float, units);
        self.claim(n, &ticket)
    }

    /// Names the shop that every redemption here goes to.
    pub(crate) fn shop(&mut self, n: usize) {
        let merchant = self.cast.merchants[0];
        self.write(n, Value::Merchant { merchant });
    }

    pub(crate) fn redeeming(lot: u64, units: u64) -> Value {
        Value::Redeem {
            lot: Lot(lot),
            amount: amount(units),
            merchant: 0,
            at: NOW,
            method: Method::Pin,
        }
    }

    pub(crate) fn float_redeeming(&self, lot: u64, family: usize, units: u64) -> Value {
        Value::FloatRedeem {
            lot: Lot(lot),
            home: self.short(0),
            purse: self.purse(family),
            amount: amount(units),
            merchant: 0,
            at: NOW,
            method: Method::Sight,
        }
    }

    /// Hands everything one has to another, and says what became of each block.
    pub(crate) fn hand(&mut self, from: usize, to: usize) -> Vec<Received> {
        let now = Millis(FOUNDED.0 + 60_000_000);
        self.sites[from].seal(now);
        let blocks = self.sites[from].blocks();
        blocks.iter().map(|(feed, block)| self.sites[to].receive(feed, block)).collect()
    }

    /// What a site has redeemed, as another sees it.
    pub(crate) fn redeemed(&self, seen_at: usize) -> i128 {
        let pools = self.sites[seen_at].pools();
        pools.iter().filter(|(key, _)| key.programme == CASH).map(|(_, p)| p.redeemed.units()).sum()
    }

    /// Lots, what is in flight and what was redeemed come to what was voted.
    #[track_caller]
    pub(crate) fn conserved(&self, seen_at: usize) {
        let pools = self.sites[seen_at].pools();
        let all = pools.iter().filter(|(key, _)| key.programme == CASH);
        let sum: i128 =
            all.map(|(_, p)| p.lots.units() + p.arriving.units() + p.redeemed.units()).sum();
        assert_eq!(sum, self.voted());
    }
}
