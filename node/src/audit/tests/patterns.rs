//! Every pattern an auditor is told of, made on purpose: a camp that has exactly it, and the list of all there are.

use std::collections::BTreeSet;

use annona_ledger::block::Proof;
use annona_ledger::consent::{Attribute, Attributes, GrievanceStep, People, Purpose};
use annona_ledger::entry::{Later, Registry};
use annona_ledger::id::{Commitment, Pseudonym};
use annona_ledger::orphan::{Orphan, Shown};
use annona_ledger::time::DayNo;
use annona_ledger::wire::Bytes;

use super::*;
use crate::audit::anomalies::Usual;

/// The kinds that a test elsewhere makes, and where.
const ELSEWHERE: [(&str, &str); 2] =
    [("wallet copied", "audit/words.rs"), ("wallet history", "audit/words.rs")];

/// Hand-outs of a quiet site: enough for shares to say something.
const HAND_OUTS: u32 = 60;
/// No night, no clock zone, nothing again unless in the same minute.
const QUIET: Usual = Usual { zone: Zone(0), night: (0, 0), an_hour: 10, again: 0 };

/// A site while its story is told.
struct Site<'a> {
    pen: Pen<'a>,
    /// The lots of its families, and its lot of the budget.
    lots: Vec<Lot>,
    budget: Lot,
    federation: FederationId,
    /// The newest stamp of its hand-outs.
    newest: u32,
}

impl Site<'_> {
    fn hand_out(&mut self, n: u32, units: u64, method: Method, at: u32) -> u64 {
        let lot = self.lots[n as usize % self.lots.len()];
        self.newest = at.max(self.newest);
        let (amount, at) = (amount(units), Minute(at));
        self.pen.write(Value::Redeem { lot, amount, merchant: 0, at, method })
    }

    fn out_of_float(&mut self, purse: Purse, at: u32) {
        let home = self.pen.feed.short();
        let (lot, amount, method, at) = (self.budget, amount(7), Method::Pin, Minute(at));
        self.pen.write(Value::FloatRedeem { lot, home, purse, amount, merchant: 0, at, method });
    }

    /// What a site that nothing is to be asked about does: two an hour, each to another family than the last.
    fn quiet(&mut self) {
        for n in 0..HAND_OUTS {
            self.hand_out(n, 101, Method::Pin, usual(n));
        }
    }
}

/// Minutes after which something was long ago.
const DAYS: u32 = 2 * 24 * 60;
/// When the nth hand-out of a quiet site is.
const fn usual(n: u32) -> u32 {
    100 + 30 * n
}

/// Purses of nobody else.
fn guest(n: u32) -> Purse {
    let mut purse = [0xee; 16];
    purse[..4].copy_from_slice(&n.to_be_bytes());
    Purse(purse)
}

/// The kinds that a file of two sites is told to have, the first of which does what it is told and the second is quiet.
fn kinds_of(quiet: Usual, story: impl FnOnce(&mut Site<'_>)) -> Vec<&'static str> {
    let mut camp = camp(2, 40, 0);
    let nodes = [key(1_000), key(1_001)];
    let (mut story, mut newest) = (Some(story), 0);
    for node in &nodes {
        let feed = FeedId { node: node.public(), lane: Lane::Value, programme: P };
        let old = camp.feeds.remove(&feed).expect("the site's feed");
        let mut pen = Pen::new(node, camp.federation, Lane::Value, P);
        let (mut lots, mut budget) = (Vec::new(), Lot(0));
        for block in &old {
            let verified = block.verify(&camp.federation, &feed).expect("it is good");
            for placed in verified.entries().iter().cloned() {
                let (claims, issues) = match &placed.entry {
                    Entry::Value(Value::Claim { .. }) => (true, false),
                    Entry::Value(Value::Issue { .. }) => (false, true),
                    _ => (false, false),
                };
                let index = Lot(pen.write(placed.entry));
                budget = if claims { index } else { budget };
                lots.extend(issues.then_some(index));
            }
        }
        let mut site = Site { pen, lots, budget, federation: camp.federation, newest };
        match story.take() {
            Some(story) => story(&mut site),
            // One clock alone makes nothing late.
            None => {
                site.quiet();
                if newest > usual(HAND_OUTS) + DAYS {
                    site.hand_out(0, 101, Method::Pin, newest);
                }
            }
        }
        newest = site.newest;
        site.pen.done(&mut camp.feeds);
    }
    told(&camp, quiet)
}

/// What a site says about people: how many it enrols, takes consents of, opens under the first consents, and is complained
/// of by; and entries of a later version's kind, with their length.
#[derive(Clone, Copy)]
struct Talk {
    enrolled: u8,
    consents: u8,
    opened: u8,
    later: (u8, u8),
}

impl Talk {
    /// Two consents and two disclosures each, one of those under each of the first consents, and a complaint that is decided.
    const HONEST: Self = Self { enrolled: 40, consents: 80, opened: 80, later: (0, 0) };
    /// Commitments for which there are no people.
    const CHUNKED: Self = Self { enrolled: 2, consents: 90, opened: 3, later: (0, 0) };
}

/// A federation of a site for each talk, whose charter has brought in kind 64 of the registry lane.
fn talks(talks: &[Talk]) -> Camp {
    let mut camp = camp(talks.len() as u16, 1, 0);
    let act = Act::Activate { lane: Lane::Registry, kind: 64, size: 40, critical: false };
    let previous = camp.article.article.hash();
    let article = Article { epoch: 1, previous, acts: many(vec![act]) };
    let sign = |id: u16| (OrgId(id), article.sign(&camp.federation, &key(100 + id)));
    let signatures = many(vec![sign(1), sign(2)]);
    camp.later.push(SignedArticle { article, signatures });
    let (on, at) = (DayNo(0), Minute(0));
    for (site, talk) in (0u16..).zip(talks) {
        let node = key(1_000 + site);
        let word = |kind: u8, n: u8| {
            Commitment(Hash([site as u8, kind, n].repeat(11)[..32].try_into().expect("32")))
        };
        let mut pen = Pen::new(&node, camp.federation, Lane::Registry, P);
        let mut say = |said| pen.write(Registry::People(said));
        for n in 0..talk.consents {
            let (commitment, issuer) = (word(0, n), OrgId(1));
            say(People::ConsentGiven { commitment, issuer, expires: DayNo(300), on });
        }
        for n in 0..talk.opened {
            let (commitment, grant, recipient) = (word(1, n), word(0, n), OrgId(2));
            let (purpose, attributes) = (Purpose::Referral, Attributes::of([Attribute::Name]));
            say(People::Disclosed { commitment, grant, recipient, purpose, attributes, on });
        }
        let (commitment, due) = (word(2, 0), DayNo(20));
        say(People::Grievance {
            commitment,
            step: GrievanceStep::Opened { decider: OrgId(1), due },
            on,
        });
        say(People::Grievance { commitment, step: GrievanceStep::TakenBack, on });
        for n in 0..talk.enrolled {
            pen.write(Registry::Enrol { pseudonym: Pseudonym([n; 16]), at });
        }
        let (entries, len) = talk.later;
        for n in 0..entries {
            let bytes = Bytes::new(vec![n; len.into()]).expect("small");
            pen.write(Entry::Later(Later { lane: Lane::Registry, kind: 64, bytes }));
        }
        pen.epoch = 1;
        pen.done(&mut camp.feeds);
    }
    camp
}

#[test]
fn bytes_nobody_reads_are_counted_at_the_node_that_wrote_them() {
    let hides = Talk { later: (3, 40), ..Talk::HONEST };
    let camp = talks(&[hides, Talk::CHUNKED, Talk::HONEST]);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("camp.audit");
    export(&camp, &path).expect("exported");
    let seen = anomalies(&AuditFile::open(&path).expect("a file"), QUIET).expect("a charter");
    let mut told: Vec<_> = seen
        .unread
        .iter()
        .map(|one| {
            (
                one.site.split(" of ").next().unwrap_or_default(),
                one.later,
                one.later_bytes,
                one.commitments,
                one.unopened,
                one.enrolled,
            )
        })
        .collect();
    told.sort_unstable();
    let wanted = [
        // 80 disclosures, which nothing names; each consent and the complaint is named.
        ("Site 2", 3, 120, 161, 80, 40),
        // 3 disclosures, and the 87 consents nothing was opened under.
        ("Site 3", 0, 0, 94, 90, 2),
        ("Site 4", 0, 0, 161, 80, 40),
    ];
    assert_eq!(told, wanted);
    let odd: Vec<_> = seen
        .found
        .iter()
        .map(|found| (found.kind, found.site.split(" of ").next().unwrap_or_default(), found.count))
        .collect();
    assert_eq!(odd, [("unopened", "Site 3", 90)]);
    assert!(seen.found[0].feed.contains("registry"), "{}", seen.found[0].feed);
}

#[test]
fn a_few_commitments_or_as_many_as_the_others_make_are_no_pattern() {
    let few = Talk { enrolled: 0, consents: 49, opened: 0, later: (0, 0) };
    assert_eq!(told(&talks(&[few, Talk::HONEST]), QUIET), Vec::<&str>::new());
    let enough = Talk { consents: 50, ..few };
    assert_eq!(told(&talks(&[enough, Talk::HONEST]), QUIET), ["unopened"]);
    // Where everybody writes as much, nobody stands out.
    assert_eq!(told(&talks(&[Talk::CHUNKED, Talk::CHUNKED]), QUIET), Vec::<&str>::new());
    let people = Talk { enrolled: 31, ..Talk::CHUNKED };
    assert_eq!(told(&talks(&[people]), QUIET), Vec::<&str>::new());
}

fn told(ledger: &impl Ledger, usual: Usual) -> Vec<&'static str> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("camp.audit");
    export(ledger, &path).expect("exported");
    let file = AuditFile::open(&path).expect("it was written");
    let seen = anomalies(&file, usual).expect("a charter");
    let mut kinds: Vec<_> = seen.found.iter().map(|found| found.kind).collect();
    kinds.dedup();
    kinds
}

/// One row: what is done, what is taken for usual, and what is told of it.
type Row<'a> = (&'a [&'static str], Usual, Box<dyn FnOnce(&mut Site<'_>)>);

fn row<'a>(
    kinds: &'a [&'static str],
    usual: Usual,
    story: impl FnOnce(&mut Site<'_>) + 'static,
) -> Row<'a> {
    (kinds, usual, Box::new(story))
}

/// What stands in the sources as the kind of a pattern.
fn kinds() -> BTreeSet<String> {
    let sources = [include_str!("../anomalies.rs"), include_str!("../words.rs")];
    let mut kinds = BTreeSet::new();
    for source in sources {
        let code = source.split("#[cfg(test)]").next().unwrap_or(source);
        let flat = code.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
        for before in ["tell(&mut out, ", "tell(out, ", " tell(", "found.push(("] {
            let after = flat.split(before).skip(1);
            let quoted = after.filter_map(|rest| rest.strip_prefix('"')?.split('"').next());
            kinds.extend(quoted.map(str::to_owned));
        }
        // The table of shares: a kind and what part of a feed it counts.
        let shares = flat.split("(\"").skip(1).filter_map(|rest| rest.split_once("\", |of|"));
        kinds.extend(shares.map(|(kind, _)| kind.to_owned()));
    }
    kinds
}

#[test]
fn every_kind_of_pattern_is_told_where_it_is_and_nothing_else() {
    let night = Usual { night: (12, 13), ..QUIET };
    let rows: Vec<Row<'_>> = vec![
        row(&[], QUIET, |site| site.quiet()),
        row(&["rate"], QUIET, |site| {
            for n in 0..HAND_OUTS {
                site.hand_out(n, 101, Method::Pin, 120 + n % 60);
            }
        }),
        row(&["night"], night, |site| site.quiet()),
        row(&["again"], QUIET, |site| {
            site.quiet();
            site.hand_out(HAND_OUTS - 1, 101, Method::Pin, usual(HAND_OUTS - 1));
        }),
        row(&["issued twice"], QUIET, |site| {
            site.quiet();
            // The first of its families is on another list too.
            let (from, purse, at) = (site.budget, Purse([0; 16]), Minute(usual(HAND_OUTS)));
            let (amount, expires) = (amount(9), Minute(1_000_000));
            site.pen.write(Value::Issue { from, list: 1, row: 0, purse, amount, expires, at });
        }),
        row(&["two sites"], QUIET, |site| {
            site.quiet();
            // The second site serves the first of its own families in this minute.
            let mut purse = [1u8; 16];
            purse[..4].copy_from_slice(&((HAND_OUTS - 1) % 40).to_be_bytes());
            site.out_of_float(Purse(purse), usual(HAND_OUTS - 1));
        }),
        row(&["float"], QUIET, |site| {
            for n in 0..HAND_OUTS {
                if n % 3 == 0 {
                    site.out_of_float(guest(n), usual(n));
                } else {
                    site.hand_out(n, 101, Method::Pin, usual(n));
                }
            }
        }),
        row(&["float open", "day open"], QUIET, |site| {
            site.quiet();
            site.out_of_float(guest(0), usual(HAND_OUTS));
            site.hand_out(1, 101, Method::Pin, usual(HAND_OUTS) + 15 * 24 * 60);
        }),
        row(&["refund"], QUIET, |site| {
            for n in 0..HAND_OUTS {
                let redeem = site.hand_out(n, 101, Method::Pin, usual(n));
                if n % 8 == 0 {
                    let (amount, at) = (amount(1), Minute(usual(n)));
                    site.pen.write(Value::Refund { redeem, amount, at });
                }
            }
        }),
        row(&["exceptions", "override", "words missing"], QUIET, |site| {
            for n in 0..HAND_OUTS {
                let method = if n % 3 == 0 { Method::Override } else { Method::Pin };
                site.hand_out(n, 101, method, usual(n));
            }
        }),
        row(&["round sums"], QUIET, |site| {
            for n in 0..HAND_OUTS {
                site.hand_out(n, if n % 3 == 0 { 101 } else { 1_000 }, Method::Pin, usual(n));
            }
        }),
        row(&["evidence not shown"], QUIET, |site| {
            site.quiet();
            site.pen.seal();
            site.hand_out(0, 101, Method::Pin, usual(HAND_OUTS));
            let piece = Proof { place: 0, bytes: Bytes::new(vec![1, 2, 3]).expect("small") };
            let draft = Draft {
                feed: site.pen.feed,
                seq: site.pen.blocks.len() as u64,
                start: site.pen.sealed,
                entries: &site.pen.open,
                evidence: &Evidence(many(vec![piece])),
                frontier_root: Hash::ZERO,
                epoch: 0,
                hlc: Hlc::default(),
            };
            let block = draft.seal(site.pen.key, &site.federation).expect("it fits");
            site.pen.blocks.push(block);
            site.pen.sealed = site.pen.head;
            site.pen.open.clear();
        }),
        row(&["shown by others"], QUIET, |site| {
            site.quiet();
            let burnt = key(1_001);
            let (at, method) = (Minute(usual(0)), Method::Pin);
            let redeem = Value::Redeem { lot: Lot(2), amount: amount(1), merchant: 0, at, method };
            let entry = Entry::from(redeem).encode();
            let feed = FeedId { node: burnt.public(), lane: Lane::Value, programme: P };
            let head = Head { next: 9_999, accumulator: Hash([3; 32]) };
            let signature = sign_place(&burnt, &site.federation, &feed, &head.after(&entry));
            let (index, before) = (head.next, head.accumulator);
            let entry = Bytes::new(entry).expect("small");
            let shown = many(vec![Shown::Promised { index, before, entry, signature }]);
            let node = burnt.public().short();
            let orphan = Orphan { node, shown, sends: Bounded::empty(), at };
            site.pen.write(Value::Orphan(Box::new(orphan)));
        }),
    ];
    let mut met: BTreeSet<String> = ELSEWHERE.iter().map(|(kind, _)| (*kind).to_owned()).collect();
    for (wanted, usual, story) in rows {
        assert_eq!(kinds_of(usual, story), wanted);
        met.extend(wanted.iter().map(|kind| (*kind).to_owned()));
    }
    // Cuts, closes and days need articles: a treasury that goes on after its fence.
    let mut deaf = stopped::deaf();
    stopped::sealed(&mut deaf);
    let wanted = ["tainted", "cut heard", "refund settled", "day open"];
    assert_eq!(told(&deaf, QUIET), wanted);
    met.extend(wanted.map(str::to_owned));
    assert_eq!(told(&talks(&[Talk::CHUNKED, Talk::HONEST]), QUIET), ["unopened"]);
    met.insert("unopened".to_owned());
    assert_eq!(met, kinds(), "a kind without a camp that has it, or a camp of a kind there is not");
}
