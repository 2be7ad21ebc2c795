//! What a redemption costs: alone, in a burst, and in a ledger of any size.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use annona_ledger::id::{Lane, Purse};
use annona_ledger::key::SigningKey;
use annona_node::node::{Node, Request};
use annona_node::serve::{self, Charge};
use annona_tests::bench::{CASH, Chance, Fault, Written, lots_for};

use crate::bare::{Asked, Bare};
use crate::table::{Table, median, micros};

const GROUP: usize = 1_000;
/// Rounds that are not counted: by then a site's purses were looked for once, on both sides.
const WARMING: usize = 8;
const ROUNDS: usize = 15;
const SINGLES: usize = 300;

/// Writes one redemption and returns how long it took until it was durable.
pub(crate) fn single(node: &mut Node, charge: &Charge) -> Result<Duration, Fault> {
    let feed = node.feed(Lane::Value, CASH);
    let mut group = [Request {
        feed,
        compose: Box::new(|work, feed, at| serve::charge(work, feed, charge, at)),
    }];
    let started = Instant::now();
    let answer = node.write(&mut group)?.remove(0);
    let took = started.elapsed();
    answer?;
    Ok(took)
}

/// Writes a group, each request with its till's signature verified first.
pub(crate) fn group(
    node: &mut Node,
    till: &SigningKey,
    charges: &[(Charge, Asked)],
) -> Result<Duration, Fault> {
    let feed = node.feed(Lane::Value, CASH);
    let till = till.public();
    let mut requests: Vec<Request<'_>> = charges
        .iter()
        .map(|(charge, asked)| Request {
            feed,
            compose: Box::new(move |work, feed, at| {
                if !asked.holds(&till) {
                    return Err(annona_node::node::NodeFault::Refused("a till's signature".into()));
                }
                serve::charge(work, feed, charge, at)
            }),
        })
        .collect();
    let started = Instant::now();
    let answers = node.write(&mut requests)?;
    let took = started.elapsed();
    for answer in answers {
        answer?;
    }
    Ok(took)
}

pub(crate) fn asked(
    till: &SigningKey,
    written: &Written,
    chance: &mut Chance,
) -> Vec<(Charge, Asked)> {
    (0..GROUP)
        .map(|_| {
            let charge = written.charge(chance);
            let item = &charge.items[0];
            let (commodity, units) = (item.commodity.0, item.amount.units());
            let asked = Asked::sign(till, charge.purse, commodity, units);
            (charge, asked)
        })
        .collect()
}

/// A file as long as it will ever be, for the bare `fdatasync`.
struct Slab(File);

impl Slab {
    fn make(path: &Path) -> Result<Self, Fault> {
        let file = File::create(path)?;
        file.write_all_at(&vec![1; 1 << 20], 0)?;
        file.sync_all()?;
        Ok(Self(file))
    }

    fn sync(&self, n: usize) -> Result<Duration, Fault> {
        let at = u64::try_from(n % 256)? * 4_096;
        let page = [u8::try_from(n % 251)?; 4_096];
        let started = Instant::now();
        self.0.write_all_at(&page, at)?;
        self.0.sync_data()?;
        Ok(started.elapsed())
    }
}

/// All figures of redemptions in these ledgers, the smallest first.
pub(crate) fn figures(table: &mut Table, place: &Path, ledgers: &[Written]) -> Result<(), Fault> {
    let till = SigningKey::from_seed(&[77; 32]);
    let mut nodes = ledgers.iter().map(Written::open).collect::<Result<Vec<_>, _>>()?;
    let mut chance = Chance::new(nodes.first().map_or(0, |node| node.now().0));
    let slab = Slab::make(&place.join("slab"))?;
    ledgers.iter().try_for_each(Written::warm)?;
    let mut alone: Vec<Vec<Duration>> = vec![Vec::new(); ledgers.len()];
    let mut bare = Vec::new();
    for n in 0..SINGLES {
        for (i, (node, written)) in nodes.iter_mut().zip(ledgers).enumerate() {
            alone[i].push(single(node, &written.charge(&mut chance))?);
        }
        bare.push(slab.sync(n)?);
    }
    let bare = median(bare);
    let alone: Vec<Duration> = alone.into_iter().map(median).collect();
    let mut groups: Vec<Vec<Duration>> = vec![Vec::new(); ledgers.len()];
    let mut bares: Vec<Vec<Duration>> = vec![Vec::new(); ledgers.len()];
    let mut by_hand = Vec::new();
    for (i, written) in ledgers.iter().enumerate() {
        let path = place.join(format!("bare-{i}"));
        for end in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(place.join(format!("bare-{i}{end}"))));
        }
        let purses: &[Purse] = &written.purses;
        by_hand.push(Bare::make(&path, purses, lots_for(written.entries), till.public())?);
    }
    for round in 0..WARMING + ROUNDS {
        for (i, (node, written)) in nodes.iter_mut().zip(ledgers).enumerate() {
            let requests = asked(&till, written, &mut chance);
            let ours = group(node, &till, &requests)?;
            let asked: Vec<Asked> = requests.into_iter().map(|(_, asked)| asked).collect();
            let started = Instant::now();
            by_hand[i].group(&asked)?;
            if round >= WARMING {
                groups[i].push(ours);
                bares[i].push(started.elapsed());
            }
        }
    }
    let each = |times: Vec<Duration>| median(times) / u32::try_from(GROUP).unwrap_or(1);
    let groups: Vec<Duration> = groups.into_iter().map(each).collect();
    let bares: Vec<Duration> = bares.into_iter().map(each).collect();
    print(table, ledgers, (&alone, bare), (&groups, &bares));
    promises(table, &nodes[0], &till);
    for node in nodes {
        node.close()?;
    }
    Ok(())
}

type Both<'a> = (&'a [Duration], &'a [Duration]);

fn print(table: &mut Table, ledgers: &[Written], single: (&[Duration], Duration), burst: Both<'_>) {
    table.title("A redemption, alone: one request, one commit");
    let (alone, bare) = single;
    for (time, written) in alone.iter().zip(ledgers) {
        let times = time.as_secs_f64() / bare.as_secs_f64();
        let figure = format!("{:7.1} µs = {times:.2} × {:.1} µs", micros(*time), micros(bare));
        let what = format!("at {} entries, median, by fdatasync", written.entries);
        table.row(&what, &figure, "at most 4", times <= 4.0);
    }
    table.title(
        "A redemption, saturated: groups of 1,000, one thread, the request's signature verified",
    );
    let (groups, bares) = burst;
    for ((time, bare), written) in groups.iter().zip(bares).zip(ledgers) {
        let rate = bare.as_secs_f64() / time.as_secs_f64();
        let figure =
            format!("{:7.1} µs, bare {:.1} µs = {rate:.2} ×", micros(*time), micros(*bare));
        let what = format!("at {} entries, rate by the bare loop's", written.entries);
        table.row(&what, &figure, "at least 0.6", rate >= 0.6);
    }
    table.title("A redemption, as the ledger grows");
    for (i, written) in ledgers.iter().enumerate().skip(1) {
        for (what, times) in [("alone", alone), ("saturated", groups)] {
            let ratio = times[i].as_secs_f64() / times[0].as_secs_f64();
            let what = format!(
                "at {} entries, {what}, by that at {}",
                written.entries, ledgers[0].entries
            );
            table.row(&what, &format!("{ratio:7.2} ×"), "at most 1.25", ratio <= 1.25);
        }
        let ratio = bares[i].as_secs_f64() / bares[0].as_secs_f64();
        table.note(
            &format!("  the bare loop, over {} lots", lots_for(written.entries)),
            &format!("{ratio:7.2} ×"),
        );
    }
}

/// The signature of a promise, which each caller waits for on its own thread.
fn promises(table: &Table, node: &Node, key: &SigningKey) {
    let feed = node.feed(Lane::Value, CASH);
    let Ok(federation) = node.federation() else { return };
    let head =
        annona_ledger::feed::Head { next: 9, accumulator: annona_ledger::hash::Hash([3; 32]) };
    let times = (0..200).map(|_| {
        let started = Instant::now();
        std::hint::black_box(annona_ledger::ticket::sign_place(key, &federation, &feed, &head));
        started.elapsed()
    });
    table.note(
        "a promise's signature, timed apart",
        &format!("{:7.1} µs", micros(median(times.collect()))),
    );
}
