//! Where a row of the model begins in the real core: charter, certificates, lists, first lots.

use super::*;

/// A row's beginning in the real core.
pub(super) struct Ground<'a> {
    pub(super) row: &'a Row,
    pub(super) federation: FederationId,
    pub(super) state: State,
    pub(super) heads: [Head; SITES],
    pub(super) proofs: Vec<RowProof>,
}

/// Units of a kind that lie anywhere at the beginning, but for the reserve's: the budget.
pub(super) fn budget(row: &Row, kind: usize) -> u8 {
    row.stock.iter().take(SITES).map(|stock| stock[kind]).sum()
}

pub(super) fn charter(row: &Row) -> Charter {
    let organisation = |n: u8| Organisation {
        id: OrgId(n.into()),
        name: named("Relief"),
        key: key(n).public(),
        recovery: key(100 + n).public(),
    };
    let kilograms = Unit::Item { measure: named("kg"), minor_digits: 0 };
    let commodity_of =
        |kind| Commodity { id: commodity(kind), name: named("Rice"), unit: kilograms.clone() };
    let line =
        |kind: u8| Line { commodity: commodity(kind), amount: units(budget(row, kind.into())) };
    // The model has none: what stands there is the limit.
    let cap = |kind| Cap {
        commodity: commodity(kind),
        per_purse: units(90),
        per_site_day: units(90),
        per_site: units(90),
    };
    let acts = [
        Act::Found {
            name: named("Small"),
            founded: Millis(1_795_000_000_000),
            quorum: 2,
            organisations: bounded([1, 2].map(organisation)),
        },
        Act::Programme {
            id: FOOD,
            org: OrgId(1),
            name: named("Food"),
            commodities: bounded((0..row.kinds).map(commodity_of)),
            risk: Risk { caps: bounded((0..row.kinds).map(cap)), ..Risk::default() },
        },
        Act::Budget {
            programme: FOOD,
            cycle: MAY,
            treasury: short(0),
            lines: bounded((0..row.kinds).map(line)),
        },
    ];
    let article = Article { epoch: 0, previous: Hash::ZERO, acts: bounded(acts) };
    let federation = article.founds();
    let signatures = [1, 2].map(|n| (OrgId(n.into()), article.sign(&federation, &key(n))));
    let signed = SignedArticle { article, signatures: bounded(signatures) };
    Charter::found(&signed).expect("a good founding")
}

pub(super) fn roster(row: &Row, charter: &Charter) -> Roster {
    let federation = charter.federation();
    let mut roster = Roster::new();
    let mut learn = |notice: Notice, org: u8| {
        roster.learn(charter, &notice.sign(&federation, &key(org))).expect("a good notice");
    };
    let ceiling = |kind| NodeCeiling {
        programme: FOOD,
        commodity: commodity(kind),
        rights: units(90),
        float: units(90),
        unverified: units(90),
    };
    for feed in 0..SITES {
        let (org, node, sealing) = (1 + feed as u8 % 2, of_site(feed), [1; 32]);
        let transport = key(200 + feed as u8).public();
        let acceptance =
            NodeCertificate::accept(&node, &federation, OrgId(org.into()), &transport, &sealing);
        let certificate = NodeCertificate {
            org: OrgId(org.into()),
            node: node.public(),
            transport,
            sealing,
            acceptance,
            site: SiteId(feed as u16 + 1),
            site_name: named("Lakeside"),
            replaces: None,
            roles: Roles::REGISTRAR.and(Roles::MERCHANT).and(Roles::TREASURY),
            programmes: bounded([FOOD]),
            ceilings: bounded((0..row.kinds).map(ceiling)),
            issued: Minute(0),
            not_after: LAST,
        };
        learn(Notice::Node(certificate), org);
    }
    for seed in OPERATORS {
        let certificate = OperatorCertificate {
            org: OrgId(1),
            operator: key(seed).public(),
            site: SiteId(1),
            roles: OperatorRoles::APPROVER,
            programmes: bounded([FOOD]),
            issued: Minute(0),
            not_after: LAST,
        };
        learn(Notice::Operator(certificate), 1);
    }
    let opens = Minute(1);
    learn(
        Notice::Cycle(Cycle { programme: FOOD, cycle: MAY, opens, closes: LAST, expires: LAST }),
        1,
    );
    roster
}

impl<'a> Ground<'a> {
    pub(super) fn new(row: &'a Row) -> Self {
        let charter = charter(row);
        let roster = roster(row, &charter);
        let federation = charter.federation();
        let state = State::new(charter, roster);
        let heads = std::array::from_fn(|feed| Head::start(&federation, &on(feed, Lane::Value)));
        let mut ground = Self { row, federation, state, heads, proofs: Vec::new() };
        ground.list();
        for kind in 0..row.kinds {
            let budget = Ticket::Budget { epoch: 0, act: 2, line: kind };
            ground.begin(0, Value::Claim { ticket: Box::new(budget), at: FIRST });
        }
        for feed in (1..SITES).filter(|feed| row.stock[*feed][0] > 0) {
            ground.float(feed);
        }
        for feed in 0..SITES {
            ground.begin(feed, Value::Merchant { merchant: MerchantId([1; 16]) });
        }
        ground
    }

    pub(super) fn list(&mut self) {
        let purses = self.row.purses;
        let issue = self.row.issue;
        let rows: Vec<ListRow> = (0..purses * self.row.kinds)
            .map(|n| ListRow {
                row: n.into(),
                purse: Purse([n % purses + 1; 16]),
                commodity: commodity(n / purses),
                amount: units(issue),
            })
            .collect();
        let mut builder = Builder::new();
        rows.iter().for_each(|row| builder.push(row).expect("a good row"));
        let draft = builder.finish(short(0), FOOD, MAY, FIRST).expect("a good list");
        let [one, other] = OPERATORS.map(|seed| draft.approve(&self.federation, &key(seed)));
        let list = RealEntry::from(Control::List(Box::new(draft.approved(one, other))));
        let chain = self.state.trunk(&on(0, Lane::Control));
        let after = self.state.head(chain).after(&list.encode());
        self.state.fold(chain, after.accumulator, &list);
        let leaves: Vec<Hash> = rows.iter().map(ListRow::leaf).collect();
        let proof = |row: &ListRow| RowProof {
            row: *row,
            path: merkle::path(&leaves, row.row).expect("a row there is"),
        };
        self.proofs = rows.iter().map(proof).collect();
    }

    /// A sends a site its float, which claims it first of all.
    fn float(&mut self, to: usize) {
        let send = Send {
            from: Lot(0),
            to: short(to),
            owner: Owner::Float,
            cycle: MAY,
            commodity: commodity(0),
            amount: units(self.row.stock[to][0]),
            expires: Minute::NEVER,
            at: FIRST,
        };
        let before = self.heads[0];
        self.begin(0, Value::Send(send));
        let feed = on(0, Lane::Value);
        let signature = sign_place(&of_site(0), &self.federation, &feed, &self.heads[0]);
        let (index, before) = (before.next, before.accumulator);
        let sent = Sent { node: short(0), index, before, moved: Moved::Send(send), signature };
        let ticket = Box::new(Ticket::Sent(sent, Bounded::empty()));
        self.begin(to, Value::Claim { ticket, at: FIRST });
    }

    pub(super) fn begin(&mut self, feed: usize, value: Value) {
        let entry = RealEntry::Value(value);
        let chain = self.state.trunk(&on(feed, Lane::Value));
        let after = self.heads[feed].after(&entry.encode());
        self.state.fold(chain, after.accumulator, &entry);
        self.heads[feed] = after;
    }

    pub(super) fn proof(&self, purse: u8, kind: u8) -> &RowProof {
        &self.proofs[usize::from(kind * self.row.purses + purse - 1)]
    }
}
