//! Writers without conscience, and the runs of entries they sign.

use super::*;

/// A run of entries of one feed that begins where another run stands.
pub(super) struct Run {
    pub(super) seed: u8,
    pub(super) feed: FeedId,
    pub(super) start: Head,
    pub(super) entries: Vec<(Entry, Head)>,
    /// The heads before, down to the feed's start, with the entries between.
    pub(super) past: Vec<(Entry, Head)>,
}

impl Run {
    pub(super) fn head(&self) -> Head {
        self.entries.last().map_or(self.start, |(_, head)| *head)
    }

    /// The entry at an index, in the run or before it.
    pub(super) fn at(&self, index: u64) -> Option<&Entry> {
        let all = self.past.iter().chain(&self.entries);
        all.map(|(entry, _)| entry).nth(usize::try_from(index).ok()?)
    }
}

/// Writers without conscience: what they write is signed, and hardly ever right.
pub(super) struct Rogues {
    pub(super) federation: FederationId,
    pub(super) runs: Vec<Run>,
    pub(super) tickets: Vec<Sent>,
    pub(super) floats: Vec<EntryName>,
}

impl Rogues {
    pub(super) fn new() -> Self {
        let federation = charter().federation();
        let run = |seed: &u8| {
            let (feed, seed) = (value(*seed), *seed);
            let start = Head::start(&federation, &feed);
            Run { seed, feed, start, entries: Vec::new(), past: Vec::new() }
        };
        let runs = SEEDS.iter().map(run).collect();
        Self { federation, runs, tickets: Vec::new(), floats: Vec::new() }
    }

    pub(super) fn write(&mut self, run: usize, entry: impl Into<Entry>) {
        let entry = entry.into();
        let r = &mut self.runs[run];
        let before = r.head();
        let after = before.after(&entry.encode());
        let moved = match &entry {
            Entry::Value(Value::Send(send)) => Some(Moved::Send(*send)),
            Entry::Value(Value::FloatCover(cover)) => Some(Moved::Cover(*cover)),
            Entry::Value(Value::FloatRedeem { .. }) => {
                let (feed, accumulator) = (r.feed.short(), after.accumulator);
                self.floats.push(EntryName { feed, index: before.next, accumulator });
                None
            }
            _ => None,
        };
        if let Some(moved) = moved {
            self.tickets.push(ticket(&self.federation, r.seed, before, moved));
        }
        r.entries.push((entry, after));
    }

    pub(super) fn step(&mut self, (which, what, a, b, c): Step) {
        let run = usize::from(which) % self.runs.len();
        let next = self.runs[run].head().next;
        // Half of the time something that is there: the last entry that could be meant.
        let back = |wanted: fn(&Value) -> bool| {
            let past = |index: &u64| match self.runs[run].at(*index) {
                Some(Entry::Value(value)) => wanted(value),
                _ => false,
            };
            let all: Vec<u64> = (0..next).filter(past).collect();
            if all.is_empty() || a % 5 == 0 {
                u64::from(a) % 9
            } else {
                all[usize::from(a) % all.len()]
            }
        };
        let opens = |value: &Value| {
            matches!(value, Value::Issue { .. } | Value::Claim { .. } | Value::Refund { .. })
        };
        let (amount, at) = (units(u64::from(c) % 6), NOW);
        let owner = match c % 5 {
            0 => Owner::Budget,
            1 => Owner::Float,
            2 => Owner::Reserve,
            n => purse_of(n % 2),
        };
        let (merchant, method, expires) = (0, Method::Pin, LAST);
        let entry = match what % 18 {
            0 => {
                let act = [3, 3, 4, 9][usize::from(a) % 4];
                let ticket = Box::new(Ticket::Budget { epoch: 0, act, line: 0 });
                Value::Claim { ticket, at }
            }
            1 | 2 => {
                let from = Lot(if a % 2 == 0 { 0 } else { back(opens) });
                let (row, purse) = (u32::from(b) % 5, purse(b % 2));
                Value::Issue { from, list: 0, row, purse, amount, expires, at }
            }
            3 | 4 => Value::Send(Send {
                from: Lot(back(opens)),
                to: node(SEEDS[usize::from(b) % 3]),
                owner,
                cycle: MAY,
                commodity: RICE,
                amount,
                expires,
                at,
            }),
            5 | 6 if !self.tickets.is_empty() => {
                let pick = |n: u8| self.tickets[usize::from(n) % self.tickets.len()];
                let mut sent = pick(a);
                if b % 16 == 0 {
                    sent.signature = Signature::Ed25519([[b; 32]; 2]);
                }
                let hops = bounded([pick(b), pick(c), pick(b)].into_iter().take((c % 4).into()));
                Value::Claim { ticket: Box::new(Ticket::Sent(sent, hops)), at }
            }
            7 => Value::Redeem { lot: Lot(back(opens)), amount, merchant, at, method },
            8 => Value::Hold { lot: Lot(back(opens)), amount, merchant, until: LAST, at },
            9 => {
                let hold = back(|value| matches!(value, Value::Hold { .. }));
                if b % 3 == 0 { Value::Drop { hold, at } } else { Value::Post { hold, at, method } }
            }
            10 => {
                let given =
                    |value: &Value| matches!(value, Value::Redeem { .. } | Value::Post { .. });
                Value::Refund { redeem: back(given), amount, at }
            }
            11 => {
                let (lot, home) = (Lot(back(opens)), feed_of(SEEDS[usize::from(b) % 3]));
                Value::FloatRedeem { lot, home, purse: purse(b % 2), amount, merchant, at, method }
            }
            12 if !self.floats.is_empty() => {
                let float = self.floats[usize::from(b) % self.floats.len()];
                let (from, cycle, commodity) = (Lot(back(opens)), MAY, RICE);
                Value::FloatCover(FloatCover { from, float, cycle, commodity, amount, at })
            }
            13 if b % 2 == 0 => return self.branch(run, a),
            13 => return self.mint(run, a, c),
            14 | 15 => match self.orphan((a, b, c)) {
                Some(orphan) => Value::Orphan(Box::new(orphan)),
                None => return,
            },
            16 => self.settling(run, (a, b, c)),
            _ => Value::Merchant { merchant: MerchantId([b % 4; 16]) },
        };
        self.write(run, entry);
    }

    /// Shows a few entries of a feed: by promise or by receipt, some of them spoilt.
    pub(super) fn orphan(&self, (a, b, c): (u8, u8, u8)) -> Option<Orphan> {
        let run = &self.runs[usize::from(a) % self.runs.len()];
        let mut shown = Vec::new();
        for n in 0..=(c % 3) {
            let at = usize::from(b.wrapping_add(n.wrapping_mul(7))) % run.entries.len().max(1);
            let (entry, after) = run.entries.get(at)?;
            let before = at.checked_sub(1).map_or(run.start, |at| run.entries[at].1);
            let key = key(run.seed);
            if (b ^ c) % 3 == 0 {
                let block = seal(
                    &self.federation,
                    run.seed,
                    run.feed,
                    0,
                    before,
                    std::slice::from_ref(entry),
                );
                let entry = crate::wire::Bytes::new(entry.encode()).ok()?;
                let path = crate::merkle::path(&[crate::feed::leaf(&entry)], 0)?;
                let heading = crate::receipt::Heading::of(&block.header);
                shown.push(Shown::Sealed { entry, path, heading, signature: block.signature });
                continue;
            }
            let signature = sign_place(&key, &self.federation, &run.feed, after);
            let spoilt = Signature::Ed25519([[c; 32]; 2]);
            let signature = if c % 16 == 15 { spoilt } else { signature };
            let entry = crate::wire::Bytes::new(entry.encode()).ok()?;
            let (index, before) = (before.next, before.accumulator);
            shown.push(Shown::Promised { index, before, entry, signature });
        }
        let sends = bounded(self.tickets.iter().copied().take((c % 2).into()));
        Some(Orphan { node: node(run.seed), shown: bounded(shown), sends, at: NOW })
    }

    /// Days and settlements that nobody asked for.
    pub(super) fn settling(&self, run: usize, (a, b, c): (u8, u8, u8)) -> Value {
        let (next, at) = (self.runs[run].head().next, NOW);
        let of = &self.runs[usize::from(b) % self.runs.len()];
        let first = next.saturating_sub(u64::from(a) % 6);
        let (root, totals) = (Hash([b; 32]), Bounded::empty());
        let settling = match c % 7 {
            0 => return Value::DayClose { day: Box::new(Day::Open), at },
            1 => {
                let (redeemed, refunded) = (0, 0);
                let totals = Bounded::empty();
                let closing = Closing { first, redeemed, refunded, root, totals };
                return Value::DayClose { day: Box::new(Day::Close(closing)), at };
            }
            2 | 3 => Settling::Stretch {
                node: node(of.seed),
                from: u64::from(a) % 4,
                to: of.head().next,
                head: of.head().accumulator,
                except: bounded([]),
            },
            4 | 5 => Settling::Draft { first, root, rows: 1, totals },
            _ => {
                let (operator, draft) = (key(OPERATORS[usize::from(b) % 2]), first);
                let name = self.runs[run].past.iter().chain(&self.runs[run].entries);
                let name = name.map(|(_, head)| head.accumulator);
                let name = name.into_iter().nth(usize::try_from(draft).expect("small"));
                let step = [
                    settlement::Step::Verified,
                    settlement::Step::Approved,
                    settlement::Step::Disputed,
                ][usize::from(c) % 3];
                let signing = Signing {
                    node: node(self.runs[run].seed),
                    programme: FOOD,
                    draft: name.unwrap_or_default(),
                    root: Hash([a; 32]),
                    rows: 1,
                    totals,
                    step,
                };
                let signature = signing.sign(&self.federation, &operator);
                Settling::Step { draft, step, operator: operator.public(), signature }
            }
        };
        Value::Settle { settling: Box::new(settling), at }
    }

    /// Begins another run of the same feed, at some place of this one.
    pub(super) fn branch(&mut self, run: usize, at: u8) {
        if self.runs.len() >= 8 {
            return;
        }
        let r = &self.runs[run];
        let keep = usize::from(at) % (r.entries.len() + 1);
        let past: Vec<_> = r.past.iter().chain(&r.entries[..keep]).cloned().collect();
        let start = past.last().map_or_else(|| Head::start(&self.federation, &r.feed), |p| p.1);
        let (seed, feed) = (r.seed, r.feed);
        self.runs.push(Run { seed, feed, start, entries: Vec::new(), past });
    }

    /// Signs a ticket that stands nowhere.
    pub(super) fn mint(&mut self, run: usize, a: u8, c: u8) {
        let send = Send {
            from: Lot(u64::from(a) % 4),
            to: node(SEEDS[usize::from(c) % 3]),
            owner: Owner::Float,
            cycle: MAY,
            commodity: RICE,
            amount: units(u64::from(c) % 7),
            expires: LAST,
            at: NOW,
        };
        let before = Head { next: u64::from(a) % 12, accumulator: Hash([a; 32]) };
        let seed = self.runs[run].seed;
        self.tickets.push(ticket(&self.federation, seed, before, Moved::Send(send)));
    }

    /// What every run says, each entry with the head before and after it.
    pub(super) fn entries(&self) -> Vec<Said> {
        let mut all = Vec::new();
        for run in &self.runs {
            let mut before = run.start;
            for (entry, after) in &run.entries {
                all.push((run.feed, before, entry.clone(), *after));
                before = *after;
            }
        }
        all
    }
}
