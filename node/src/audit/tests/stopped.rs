//! Histories in which feeds are cut, end, fork and are released from: a ledger file, in any order of arrival, comes to
//! what an audit comes to, which is held against the whole fold in `ledger/src/audit/tests.rs`.

use annona_ledger::charter::{Charter, NodeCut};
use annona_ledger::cut::{self, Cut, Label, Reason};
use annona_ledger::day::{Closing, Day};
use annona_ledger::id::FeedRef;
use annona_ledger::suspense;
use annona_ledger::view::{At, View};
use proptest::prelude::*;

use super::*;
use crate::store::{Received, Store, Work};

const CYCLE: CycleId = CycleId(1);

/// One chain as its writer has it.
#[derive(Clone)]
struct Chain {
    node: usize,
    feed: FeedId,
    head: Head,
    sealed: Head,
    seq: u64,
    open: Vec<Vec<u8>>,
    blocks: Vec<Block>,
    knows: u32,
    branch: bool,
}

/// Three nodes that write whatever they like.
pub(super) struct Tale {
    federation: FederationId,
    articles: Vec<SignedArticle>,
    charter: Charter,
    notices: Vec<SignedNotice>,
    nodes: Vec<SigningKey>,
    chains: Vec<Chain>,
    sent: Vec<Sent>,
}

impl Ledger for Tale {
    fn federation(&self) -> Result<FederationId, StoreFault> {
        Ok(self.federation)
    }
    fn articles(&self) -> Result<Vec<SignedArticle>, StoreFault> {
        Ok(self.articles.clone())
    }
    fn notices(&self) -> Result<Vec<SignedNotice>, StoreFault> {
        Ok(self.notices.clone())
    }
    fn feeds(&self) -> Result<Vec<FeedId>, StoreFault> {
        Ok(self.all().into_keys().collect())
    }
    fn blocks(
        &self,
        feed: &FeedId,
        each: &mut dyn FnMut(Block, Option<Evidence>) -> Result<(), ExportFault>,
    ) -> Result<(), ExportFault> {
        let blocks = self.all().remove(feed).unwrap_or_default();
        blocks.into_iter().try_for_each(|block| each(block, None))
    }
}

impl Tale {
    fn new() -> Self {
        let camp = camp(2, 1, 0);
        let charter = Charter::found(&camp.article).expect("both signed");
        let nodes = vec![key(1), key(1_000), key(1_001)];
        let (federation, notices) = (camp.federation, camp.notices);
        let articles = vec![camp.article];
        let (chains, sent) = (Vec::new(), Vec::new());
        let mut tale = Self { federation, articles, charter, notices, nodes, chains, sent };
        for node in 0..3 {
            tale.chain(node, Lane::Value, P);
        }
        tale
    }

    fn chain(&mut self, node: usize, lane: Lane, programme: ProgrammeId) -> usize {
        let feed = FeedId { node: self.nodes[node].public(), lane, programme };
        let head = Head::start(&self.federation, &feed);
        let (open, blocks) = (Vec::new(), Vec::new());
        let (sealed, seq, knows, branch) = (head, 0, 0, false);
        self.chains.push(Chain { node, feed, head, sealed, seq, open, blocks, knows, branch });
        self.chains.len() - 1
    }

    fn write(&mut self, chain: usize, entry: impl Into<Entry>) {
        let entry = entry.into();
        let chain = &mut self.chains[chain];
        let before = chain.head;
        let bytes = entry.encode();
        chain.head = before.after(&bytes);
        chain.open.push(bytes);
        if let Entry::Value(Value::Send(send)) = entry {
            let key = &self.nodes[chain.node];
            let signature = sign_place(key, &self.federation, &chain.feed, &chain.head);
            let (node, index, before) = (chain.feed.node.short(), before.next, before.accumulator);
            self.sent.push(Sent { node, index, before, moved: Moved::Send(send), signature });
        }
    }

    fn seal(&mut self, chain: usize) {
        let chain = &mut self.chains[chain];
        if chain.open.is_empty() {
            return;
        }
        let draft = Draft {
            feed: chain.feed,
            seq: chain.seq,
            start: chain.sealed,
            entries: &chain.open,
            evidence: &Evidence::default(),
            frontier_root: Hash::ZERO,
            epoch: chain.knows,
            hlc: Hlc::default(),
        };
        let block = draft.seal(&self.nodes[chain.node], &self.federation).expect("fits");
        chain.blocks.push(block);
        chain.seq += 1;
        chain.sealed = chain.head;
        chain.open.clear();
    }

    fn vote(&mut self, act: Act) {
        let (previous, epoch) = (self.charter.head(), self.charter.epoch() + 1);
        let article = Article { epoch, previous, acts: many(vec![act]) };
        let sign = |id: u16| (OrgId(id), article.sign(&self.federation, &key(100 + id)));
        let signatures = many(vec![sign(1), sign(2)]);
        let signed = SignedArticle { article, signatures };
        // One that is refused is none: a release of a feed that is not fenced.
        if let Ok(charter) = self.charter.apply(&signed) {
            self.charter = charter;
            self.articles.push(signed);
        }
    }

    /// Every sealed block by feed, as an audit file has them.
    fn all(&self) -> BTreeMap<FeedId, Vec<Block>> {
        let mut all: BTreeMap<FeedId, Vec<Block>> = BTreeMap::new();
        for chain in &self.chains {
            all.entry(chain.feed).or_default().extend(chain.blocks.iter().cloned());
        }
        for blocks in all.values_mut() {
            blocks.sort_by_key(|block| (block.header.seq, block.header.hash()));
            blocks.dedup();
        }
        all.retain(|_, blocks| !blocks.is_empty());
        all
    }

    fn feed(&self, node: usize) -> FeedRef {
        FeedRef::value(self.nodes[node].public().short(), P)
    }

    /// A cut that is true of a feed, or one that nobody knows.
    fn cut(&self, node: usize, nth: u8) -> Cut {
        let mut cuts = vec![Cut::NOTHING, Cut { seq: 2, head: Hash([9; 32]) }];
        let of = self.chains.iter().filter(|c| c.node == node && c.feed.lane == Lane::Value);
        let blocks = of.flat_map(|chain| &chain.blocks);
        cuts.extend(blocks.map(|b| Cut { seq: b.header.seq + 1, head: b.header.hash() }));
        cuts[usize::from(nth) % cuts.len()]
    }

    fn step(&mut self, [which, kind, a, b, c, d]: [u8; 6]) {
        let value = |at: &usize| self.chains[*at].feed.lane == Lane::Value;
        let chains: Vec<usize> = (0..self.chains.len()).filter(value).collect();
        let chain = chains[usize::from(which) % chains.len()];
        let (node, other) = (usize::from(a) % 3, usize::from(b) % 3);
        let at = Minute(self.chains[chain].head.next as u32 + u32::from(d % 2));
        let units = amount(1 + u64::from(c) % 60);
        let purse = Purse([b % 3; 16]);
        let lot = Lot(u64::from(a) % self.chains[chain].head.next.max(1));
        let reason = [Reason::Lost, Reason::Compromised, Reason::Late][usize::from(c) % 3];
        let (cycle, commodity, expires) = (CYCLE, CASH, Minute(900_000));
        match kind % 18 {
            0 => self.write(chain, Value::Merchant { merchant: MerchantId([a; 16]) }),
            1 => {
                let ticket = Box::new(Ticket::Budget { epoch: 0, act: 2, line: 0 });
                self.write(chain, Value::Claim { ticket, at });
            }
            2 | 3 => {
                let row = u32::from(b % 20);
                let from = lot;
                let issue = Value::Issue { from, list: 0, row, purse, amount: units, expires, at };
                self.write(chain, issue);
            }
            4 | 5 => {
                let owner = if d % 3 == 0 { Owner::Purse(purse) } else { Owner::Budget };
                let (from, to, amount) = (lot, self.nodes[other].public().short(), units);
                let send = Send { from, to, owner, cycle, commodity, amount, expires, at };
                self.write(chain, Value::Send(send));
            }
            6 | 7 if !self.sent.is_empty() => {
                let sent = self.sent[usize::from(a) % self.sent.len()];
                let to = self.nodes.iter().position(|n| n.public().short() == sent.moved.to());
                let ticket = Box::new(Ticket::Sent(sent, Bounded::empty()));
                self.write(to.expect("one of three"), Value::Claim { ticket, at });
            }
            8 => self.write(chain, Value::End { at }),
            9 | 10 => {
                self.seal(chain);
                self.chains[chain].knows = self.charter.epoch();
            }
            11 => self.vote(Act::Fence { feed: self.feed(node), cut: self.cut(node, b), reason }),
            12 => {
                let (feed, cut) = (self.feed(node), self.cut(node, b));
                let of = |c: &Chain| c.node == other && c.feed.lane == Lane::Control;
                let found = self.chains.iter().position(of);
                let by = match found {
                    Some(by) => by,
                    None => self.chain(other, Lane::Control, ProgrammeId::NONE),
                };
                self.write(by, Entry::Control(Control::Revoke { feed, cut, reason, at }));
                self.seal(by);
            }
            13 => {
                let (feed, amount) = (self.feed(node), units);
                let reserve = self.nodes[other].public().short();
                self.vote(Act::Release { feed, cycle, commodity, amount, reserve });
                let epoch = self.charter.epoch();
                self.seal(other);
                self.chains[other].knows = epoch;
                let ticket = Box::new(Ticket::Release { epoch, act: 0 });
                self.write(other, Value::Claim { ticket, at });
            }
            14 => {
                let shown = |n: usize| {
                    let node = self.nodes[n].public().short();
                    NodeCut { node, cut: self.cut(n, b) }
                };
                let mut cuts: Vec<NodeCut> = (0..usize::from(d % 4)).map(shown).collect();
                cuts.sort_by_key(|cut| cut.node);
                self.vote(Act::Close { programme: P, cycle, cuts: many(cuts) });
            }
            15 if d % 4 == 0 && !self.chains.iter().any(|chain| chain.branch) => {
                let old = self.chains[chain].clone();
                let (open, blocks, head) = (Vec::new(), Vec::new(), old.sealed);
                self.chains.push(Chain { open, blocks, head, branch: true, ..old });
            }
            _ => {
                let (amount, method) = (units, Method::Pin);
                self.write(chain, Value::Redeem { lot, amount, merchant: 0, at, method });
            }
        }
        if d % 4 == 0 {
            self.seal(chain);
        }
    }

    /// A ledger file that hears of everything in some order.
    fn stored(&self, path: &Path, picks: &[u8]) -> Store {
        let mut store = Store::create(path).expect("a store");
        store.apply_article(&self.articles[0]).expect("the charter");
        for notice in &self.notices {
            store.learn(notice).expect("a notice");
        }
        let mut articles = self.articles[1..].iter();
        let all = self.all();
        let flat = all.iter().flat_map(|(feed, blocks)| blocks.iter().map(move |b| (*feed, b)));
        let mut waiting: Vec<(FeedId, &Block)> = flat.collect();
        let mut picks = picks.iter().copied().cycle();
        let mut idle = 0;
        while !waiting.is_empty() || articles.len() > 0 {
            let pick = usize::from(picks.next().expect("an endless cycle"));
            if waiting.is_empty() || pick % 7 == 0 || idle > 2 * waiting.len() {
                match articles.next() {
                    Some(article) => drop(store.apply_article(article).expect("it follows")),
                    None => assert!(idle <= 4 * waiting.len() + 64, "every block has its place"),
                }
            }
            if waiting.is_empty() {
                continue;
            }
            // Whoever finds no place for long is followed by each in turn: picks that repeat may pass one by for ever.
            let at = if idle > waiting.len() { idle } else { pick } % waiting.len();
            let (feed, block) = waiting[at];
            let mut work = store.begin().expect("a transaction");
            let received = work.receive(&feed, block, None).expect("a good block");
            work.commit().expect("committed");
            match received {
                Received::Gap { .. } | Received::CharterBehind { .. } => idle += 1,
                _ => {
                    waiting.swap_remove(at);
                    idle = 0;
                }
            }
        }
        store
    }
}

/// Every entry of a feed by its label: good, tainted, after its end.
fn labels(work: &Work<'_>, feed: &FeedRef) -> (u64, u64, u64) {
    let mut sums = (0, 0, 0);
    for chain in work.branches(feed) {
        let from = work.chain(chain).left.map_or(0, |left| left.index);
        for index in from..work.head(chain).next {
            match cut::label(work, At { chain, index }, None) {
                Label::Good | Label::Late => sums.0 += 1,
                Label::Tainted => sums.1 += 1,
                Label::AfterEnd => sums.2 += 1,
            }
        }
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_ledger_file_tells_of_cuts_ends_and_suspense_what_an_audit_tells(
        steps in prop::collection::vec(any::<[u8; 6]>(), 4..60),
        picks in prop::collection::vec(any::<u8>(), 3..40),
    ) {
        let mut tale = Tale::new();
        steps.into_iter().for_each(|step| tale.step(step));
        (0..tale.chains.len()).for_each(|chain| tale.seal(chain));
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("tale.audit");
        export(&tale, &file).expect("exported");
        let options = Options { root: true, ..Options::default() };
        let file = AuditFile::open(&file).expect("opens");
        let verdict = audit(&file, &options, 1, &|_| {}, &AtomicBool::new(false));
        let store = tale.stored(&folder.path().join("ledger"), &picks);
        prop_assert_eq!(verdict.root, Some(store.root().expect("a root")));
        let work = store.look().expect("readable");
        let mut held: Vec<_> = suspense::among(&work, work.whole_pools()).collect();
        held.sort_by_key(|held| held.key);
        prop_assert_eq!(&verdict.suspense, &held);
        for line in &verdict.cuts {
            prop_assert_eq!(line.lowest, cut::lowest(&work, &line.feed), "{}", line.feed);
            let told = (line.good, line.tainted, line.after_end);
            prop_assert_eq!(told, labels(&work, &line.feed), "{}", line.feed);
        }
        work.check().expect("readable");
    }
}

/// A treasury that hands out, is cut there, hears of it, hands out again, and takes back what a close has shown.
pub(super) fn deaf() -> Tale {
    let mut tale = Tale::new();
    let at = Minute(9);
    let (units, purse) = (amount(5), Purse([1; 16]));
    let ticket = Box::new(Ticket::Budget { epoch: 0, act: 2, line: 0 });
    tale.write(0, Value::Claim { ticket, at });
    tale.write(0, Value::Merchant { merchant: MerchantId([1; 16]) });
    let (from, expires) = (Lot(0), Minute(900_000));
    tale.write(0, Value::Issue { from, list: 0, row: 0, purse, amount: amount(50), expires, at });
    let redeem = |at| {
        let (lot, method) = (Lot(2), Method::Pin);
        Value::Redeem { lot, amount: units, merchant: 0, at, method }
    };
    tale.write(0, redeem(at));
    tale.seal(0);
    let (feed, cut) = (tale.feed(0), tale.cut(0, 2));
    tale.vote(Act::Fence { feed, cut, reason: Reason::Lost });
    let shown = NodeCut { node: feed.node, cut };
    tale.vote(Act::Close { programme: P, cycle: CYCLE, cuts: many(vec![shown]) });
    tale.chains[0].knows = 2;
    tale.write(0, redeem(Minute(10)));
    let late = Minute(10 + 4 * 24 * 60);
    tale.write(0, Value::Refund { redeem: 3, amount: units, at: late });
    tale
}

/// Seals all that the treasury wrote.
pub(super) fn sealed(tale: &mut Tale) {
    tale.seal(0);
}

#[test]
fn patterns_sites_and_the_page_know_of_cuts_closes_and_open_days() {
    let folder = tempfile::tempdir().expect("a folder");
    let look = |mut tale: Tale, name: &str| {
        tale.seal(0);
        let path = folder.path().join(name);
        export(&tale, &path).expect("exported");
        AuditFile::open(&path).expect("opens")
    };
    let kinds = |file: &AuditFile| {
        let usual = anomalies::Usual { night: (0, 0), again: 0, ..anomalies::Usual::default() };
        let seen = anomalies(file, usual).expect("a charter");
        seen.found.iter().map(|found| found.kind).collect::<Vec<_>>()
    };
    let file = look(deaf(), "open.audit");
    assert_eq!(kinds(&file), ["tainted", "cut heard", "refund settled", "day open"]);
    let sites = reconcile(&file, &[], &[], Zone::default()).expect("a charter");
    let tainted: Vec<u128> = sites.lines.iter().map(|line| line.tainted).collect();
    assert_eq!(tainted.iter().sum::<u128>(), 5, "{tainted:?}");
    let verdict = audit(&file, &Options::default(), 1, &|_| {}, &AtomicBool::new(false));
    assert_eq!((verdict.cuts[0].good, verdict.cuts[0].tainted), (4, 2));
    assert_eq!((verdict.finality[&P].settled, verdict.finality[&P].accepted), (1, 1));
    assert_eq!((verdict.closed[0].late, verdict.suspense.len()), (0, 1), "above the cut: tainted");
    let governed = annona_ledger::audit::govern(&file, &Options::default());
    let ground = governed.ground().expect("a charter");
    let labels = Labels::of(&ground.charter, &ground.roster, Zone::default());
    let about = report::About::default();
    let page = report::html(&report::Report::of(&verdict, &[], &labels, about), "en");
    for words in ["article 1", "at most", "cycle 1 is closed by article 2", "settled"] {
        assert!(page.contains(words), "{words}");
    }
    // With its day closed nothing is left open.
    let mut tale = deaf();
    let first = tale.chains[0].head.next;
    let (root, totals) = (Hash::ZERO, many(vec![]));
    let closing = Closing { first: 0, redeemed: 2, refunded: 1, root, totals };
    let day = Box::new(Day::Close(closing));
    tale.write(0, Value::DayClose { day, at: Minute(20 + 4 * 24 * 60) });
    assert_eq!(first, 6);
    let file = look(tale, "closed.audit");
    assert_eq!(kinds(&file), ["tainted", "cut heard", "refund settled"]);
}
