//! What must hold in every state. Each answers with what it saw, or with nothing.

use super::bound;
use super::orders;
use super::row::{Check, Fifth, Row, Twist};
use super::steps::can_be_paid;
use super::sums::{Sums, leaves};
use super::world::{Entry, FEEDS, Facts, KINDS, Name, Place, R, S, World, in_time};
use super::writer::{Writer, stood_at};

type Answer = Option<String>;
type Ask = fn(&Look<'_>) -> Answer;

/// In the order in which they are asked.
const CHECKS: [(Check, Ask); 25] = [
    (Check::Conserved, conserved),
    (Check::Goods, goods),
    (Check::Attributed, attributed),
    (Check::NeverCharged, never_charged),
    (Check::Enough, enough),
    (Check::EnoughSeen, enough_seen),
    (Check::Lots, lots),
    (Check::Merchants, bound::merchants),
    (Check::Bound, bound::forks),
    (Check::FaultPaid, fault_paid),
    (Check::Fair, fair),
    (Check::Proven, proven),
    (Check::Minted, bound::minted),
    (Check::Programme, programme),
    (Check::Fixed, fixed),
    (Check::Purse, purse),
    (Check::Insured, insured),
    (Check::ClaimOnce, claim_once),
    (Check::CoverOnce, cover_once),
    (Check::PaidOnce, paid_once),
    (Check::Stranded, stranded),
    (Check::Hungry, hungry),
    (Check::Payable, payable),
    (Check::Debited, debited),
    (Check::ReserveLeft, reserve_left),
];

/// One state, and what it comes to.
pub(super) struct Look<'a> {
    pub(super) row: &'a Row,
    pub(super) world: &'a World,
    pub(super) all: Facts,
    pub(super) full: Sums,
}

/// The first check a state fails.
pub(super) fn broken(row: &Row, world: &World, depth: u8, number: usize) -> Answer {
    let all = world.all();
    let full = Sums::of(row, world, all, world.epoch);
    let look = Look { row, world, all, full };
    CHECKS
        .iter()
        .filter(|(check, _)| row.checks.has(*check))
        .find_map(|(_, ask)| ask(&look))
        .or_else(|| {
            // Every point below a state is also below one of its successors, so a sample of the deep ones will do.
            let sampled = depth < 5 || number.is_multiple_of(16);
            (row.checks.has(Check::Order) && sampled).then(|| orders::differ(row, world)).flatten()
        })
}

fn site(feed: usize) -> Place {
    Place(feed, 0)
}

/// Every feed and kind.
fn pools() -> impl Iterator<Item = (usize, usize)> {
    (0..FEEDS).flat_map(|feed| (0..KINDS).map(move |kind| (feed, kind)))
}

impl Look<'_> {
    fn charge(&self, feed: usize, kind: usize) -> i32 {
        self.full.charge(self.row, self.world, feed, kind)
    }

    pub(super) fn facts(&self) -> impl Iterator<Item = (Name, Entry)> {
        self.world.facts(self.all)
    }
}

fn seen(look: &Look<'_>) -> Sums {
    Sums::of(look.row, look.world, look.world.seen, look.world.seen_epoch)
}

fn conserved(look: &Look<'_>) -> Answer {
    let whole = look.full.conserved(look.row) && seen(look).conserved(look.row);
    (!whole).then(|| "units were made or lost".to_owned())
}

fn goods(look: &Look<'_>) -> Answer {
    let mut left = 0;
    for (name, entry) in look.facts() {
        let float = if let Entry::Float { n, .. } = entry { i32::from(n) } else { 0 };
        left += float + look.world.given(name).map_or(0, |(_, n)| i32::from(n));
        let back = |(by, entry): (Name, Entry)| match entry {
            Entry::Refund { of, n } if look.world.at(by.feed(), by.branch(), of) == name => {
                n.into()
            }
            _ => 0,
        };
        left -= look.facts().map(back).max().unwrap_or(0);
    }
    let counted: i32 = look.full.redeemed.iter().map(|n| i32::from(*n)).sum();
    (counted != left).then(|| format!("{left} left with people and {counted} counted"))
}

fn attributed(look: &Look<'_>) -> Answer {
    pools().find_map(|(feed, kind)| {
        let (short, charged) = (-look.full.pool(feed, kind), look.charge(feed, kind));
        (short > charged).then(|| format!("{} lacks {short} and {charged} is charged", site(feed)))
    })
}

fn never_charged(look: &Look<'_>) -> Answer {
    pools().find_map(|(feed, kind)| {
        let charged = look.charge(feed, kind);
        (charged > 0).then(|| format!("{} is charged {charged} after its end", site(feed)))
    })
}

fn enough(look: &Look<'_>) -> Answer {
    pools().filter(|(feed, _)| look.world.honest(*feed)).find_map(|(feed, kind)| {
        let charged = look.charge(feed, kind);
        let early = look.world.released(feed, kind, look.world.epoch);
        (charged > early).then(|| format!("honest {} is charged {charged}", site(feed)))
    })
}

fn enough_seen(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    let seen = seen(look);
    pools().filter(|(feed, _)| world.honest(*feed)).find_map(|(feed, kind)| {
        let charged = seen.charge(row, world, feed, kind);
        let early = world.released(feed, kind, world.seen_epoch);
        (charged > early)
            .then(|| format!("honest {} is charged {charged} in a partial view", site(feed)))
    })
}

fn lots(look: &Look<'_>) -> Answer {
    let mut honest = (0..FEEDS).filter(|feed| look.world.honest(*feed));
    honest.find_map(|feed| {
        let below = look.full.lots(feed).any(|(_, n)| n < 0);
        below.then(|| format!("a lot of honest {} is below zero", site(feed)))
    })
}

fn fault_paid(look: &Look<'_>) -> Answer {
    pools().find_map(|(feed, kind)| {
        let (short, charged) = (look.full.short(feed, kind), look.charge(feed, kind));
        (look.full.proven >> feed & 1 == 1 && charged < short).then(|| {
            format!("{} is proven to have overspent {short} and pays {charged}", site(feed))
        })
    })
}

fn fair(look: &Look<'_>) -> Answer {
    pools().find_map(|(feed, kind)| {
        let (owed, charged) = (look.full.lot_by_lot(feed, kind), look.charge(feed, kind));
        (charged > owed).then(|| {
            format!(
                "{} pays {charged} where {owed} is lacking: the rest is still there",
                site(feed)
            )
        })
    })
}

fn proven(look: &Look<'_>) -> Answer {
    pools().find_map(|(feed, kind)| {
        let short = look.full.short(feed, kind);
        (short > 0 && look.full.proven >> feed & 1 == 0)
            .then(|| format!("{} overspent {short} and nothing proves it", site(feed)))
    })
}

fn programme(look: &Look<'_>) -> Answer {
    (0..KINDS).find_map(|kind| {
        let given: i32 = look.row.stock.iter().map(|kinds| i32::from(kinds[kind])).sum();
        let charged: i32 = (0..FEEDS).map(|feed| look.charge(feed, kind)).sum();
        let redeemed = i32::from(look.full.redeemed[kind]);
        (redeemed > given + charged)
            .then(|| format!("{redeemed} redeemed of {given}, and {charged} charged"))
    })
}

/// What is frozen at a fence against all that left above the cut.
fn fixed(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    let mut fenced = (0..FEEDS).filter(|feed| world.honest(*feed));
    fenced.find_map(|feed| {
        let cut = world.cut(feed, world.epoch)?;
        let before = world.prefix(feed, cut);
        let own = before.own(feed, 0).fold(0, |facts, name| facts | name.bit());
        let sums = Sums::of(row, &before, own, 0);
        let rights: i32 = (0..KINDS).map(|kind| sums.held(feed, kind)).sum();
        let above = world.history(feed, 0).filter(|(name, _)| name.index() >= cut);
        let gave: i32 = above.map(|(name, entry)| leaves(world, name, entry)).sum();
        let claimed = |of| before.history(feed, 0).any(|(_, entry)| entry == Entry::Claim { of });
        let coming = look.facts().filter_map(|(of, _)| {
            let (to, n) = world.ticket(of)?;
            (to == feed && !claimed(of)).then_some(i32::from(n))
        });
        let literal = row.twists.has(Twist::SuspenseIsRights);
        let coming: i32 = if literal { 0 } else { coming.sum() };
        (gave > rights + coming).then(|| {
            format!("{} gave {gave} above the cut; suspense held {}", site(feed), rights + coming)
        })
    })
}

fn purse(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    if world.wicked != 0 {
        return None;
    }
    (1..=row.purses).find_map(|purse| {
        let (mut issued, mut used) = (0, 0);
        let of = |name: Name, lot: u8| world.owner(name.feed(), name.branch(), lot).0 == purse;
        for (name, entry) in look.facts() {
            let literal = row.twists.has(Twist::PurseWithoutReissue);
            match entry {
                Entry::Issue { purse: p, n, .. } if p == purse => {
                    let counts = !row.is_reserve(name.feed()) || !literal;
                    issued += if counts { i32::from(n) } else { 0 };
                }
                Entry::Redeem { lot, n, .. } | Entry::Cover { lot, n, .. } if of(name, lot) => {
                    used += i32::from(n);
                }
                Entry::Post { .. } => {
                    let given = world.given(name).filter(|(lot, _)| of(name, *lot));
                    used += given.map_or(0, |(_, n)| i32::from(n));
                }
                Entry::Refund { of: redeem, n } => {
                    let redeem = world.at(name.feed(), name.branch(), redeem);
                    let mine = world.given(redeem).is_some_and(|(lot, _)| of(redeem, lot));
                    used -= if mine { i32::from(n) } else { 0 };
                }
                _ => {}
            }
        }
        (used > issued).then(|| format!("p{purse} used {used} of {issued} issued and re-issued"))
    })
}

fn insured(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    let with_sent = !row.twists.has(Twist::InsuredAsIssued);
    (1..=row.purses).find_map(|purse| {
        let again: i32 = look
            .facts()
            .map(|(name, entry)| match entry {
                Entry::Issue { purse: p, n, .. } if p == purse && row.is_reserve(name.feed()) => {
                    n.into()
                }
                _ => 0,
            })
            .sum();
        let stood: i32 = (0..R).map(|feed| stood_at(world, feed, purse, with_sent)).sum();
        (again > stood).then(|| {
            format!("{again} re-issued to p{purse}, for which {stood} ever stood anywhere")
        })
    })
}

fn claim_once(look: &Look<'_>) -> Answer {
    let world = look.world;
    let claims = |of: Name| {
        look.facts().filter(move |(_, entry)| *entry == Entry::Claim { of }).map(|(name, _)| name)
    };
    let by_ticket = look.facts().find_map(|(of, _)| {
        let (to, _) = world.ticket(of)?;
        let mut others = claims(of).filter(|name| name.feed() != to && world.honest(name.feed()));
        if let Some(other) = others.next() {
            return Some(format!("{of}, addressed to {}, was claimed by {other}", site(to)));
        }
        let times = claims(of).count();
        (times > 1 && world.honest(to))
            .then(|| format!("{of} was claimed {times} times by honest {}", site(to)))
    });
    by_ticket.or_else(|| {
        (0..world.epoch).find_map(|epoch| {
            let draws = look.facts().filter(|(name, entry)| {
                *entry == Entry::Draw { epoch } && world.honest(name.feed())
            });
            let times = draws.count();
            (times > 1).then(|| format!("article {epoch} was drawn on {times} times"))
        })
    })
}

fn cover_once(look: &Look<'_>) -> Answer {
    let floats = look.facts().filter(|(_, entry)| matches!(entry, Entry::Float { .. }));
    floats.map(|(float, _)| float).find_map(|float| {
        let covers = look.facts().filter(|(name, entry)| {
            look.world.honest(name.feed())
                && matches!(entry, Entry::Cover { float: f, .. } if *f == float)
        });
        let times = covers.count();
        (times > 1).then(|| format!("{float} was taken off the purse {times} times"))
    })
}

fn paid_once(look: &Look<'_>) -> Answer {
    look.world.paid_twice.then(|| "a row was paid twice".to_owned())
}

/// Units nobody could ever move.
fn stranded(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    let refused = look.facts().find_map(|(of, entry)| {
        let Entry::Send { to, .. } = entry else { return None };
        let to = usize::from(to);
        let cut = world.cut(of.feed(), world.heard[to])?;
        let claimed = (0..world.branches(to))
            .any(|b| world.history(to, b).any(|(_, entry)| entry == Entry::Claim { of }));
        let stays = of.index() >= cut && !row.acts.has(super::row::Act::Decline) && !claimed;
        (stays && world.alive(to))
            .then(|| format!("{of} is refused by {}: nobody can ever move it", site(to)))
    });
    refused.or_else(|| dead_ends(look))
}

/// What only the dead could have moved, and a quorum that knows the survivors and the papers cannot bring home.
fn dead_ends(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    if world.burnt == 0 {
        return None;
    }
    let alive = look.facts().filter(|(name, _)| world.alive(name.feed()));
    let known = alive.fold(world.seen, |facts, (name, _)| facts | name.bit());
    let sums = Sums::of(row, world, known, world.epoch);
    let rights_only = row.charge == super::row::Charge::RightsOnly;
    pools().filter(|(feed, _)| !world.alive(*feed)).find_map(|(feed, kind)| {
        let left = sums.pool(feed, kind).max(0);
        let home = if rights_only {
            (sums.held(feed, kind) - sums.released(feed, kind)).max(0)
        } else {
            left
        };
        (left > home).then(|| {
            format!("{} on the way to burnt {} can never be moved", left - home, site(feed))
        })
    })
}

fn hungry(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    let mut open = (0..FEEDS).filter(|feed| {
        world.alive(*feed)
            && world.honest(*feed)
            && world.cut(*feed, world.heard[*feed]).is_none()
            && !world.ended(*feed, 0)
    });
    open.find_map(|feed| {
        let lot = Writer::new(row, world, feed, 0).serves()?;
        Some(format!("{} may not serve from lot {lot} of an open cycle", site(feed)))
    })
}

/// A redemption stamped in time, or a refund, that the treasury knows and can never settle.
fn payable(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    let mut waiting = world.facts(world.seen & !world.paid);
    waiting.find_map(|(name, entry)| {
        let due = match entry {
            Entry::Redeem { at, .. } | Entry::Post { at, .. } => in_time(at),
            Entry::Refund { .. } => true,
            _ => false,
        };
        (due && !can_be_paid(row, world, name)).then(|| format!("{name} can never be settled"))
    })
}

/// What is taken off a merchant's account for one redemption, over all branches on which it was refunded.
fn debited(look: &Look<'_>) -> Answer {
    let world = look.world;
    look.facts().find_map(|(redeem, _)| {
        let of = |(name, entry): (Name, Entry)| match entry {
            Entry::Refund { of, n } if world.at(name.feed(), name.branch(), of) == redeem => {
                Some(i32::from(n))
            }
            _ => None,
        };
        let back = look.facts().filter_map(of).max()?;
        let rows = world.facts(world.paid).filter_map(of);
        let debited: i32 = if look.row.twists.has(Twist::RefundRowsAddUp) {
            rows.sum()
        } else {
            rows.max().unwrap_or(0)
        };
        (debited > back)
            .then(|| format!("{debited} taken back of {redeem}, of which {back} came back"))
    })
}

fn reserve_left(look: &Look<'_>) -> Answer {
    let (row, world) = (look.row, look.world);
    let insures = |feed: usize| if row.fifth == Fifth::Reserve && feed == 1 { S } else { R };
    let mut burnt = (0..R).filter(|feed| !world.alive(*feed));
    burnt.find_map(|feed| {
        (!world.alive(insures(feed)))
            .then(|| format!("the reserve of {} burnt with it", site(feed)))
    })
}
