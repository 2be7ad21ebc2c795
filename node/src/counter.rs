//! What a counter keeps and says about how people are known (spec/counter.md): its challenges to outside readers, the
//! desk's count of the day, and refusals.

#[cfg(test)]
mod camp;

use annona_ledger::consent::{Exception, People, RefusalClass};
use annona_ledger::counter::{Ground, HandOut, RULES, Turned, Vouched, Word, check, signers};
use annona_ledger::entry::{Entry, Method, Registry, Value};
use annona_ledger::feed::leaf;
use annona_ledger::hash::{Hash, Purpose, keyed};
use annona_ledger::id::{FederationId, FeedId, Lane, Nonce, OrgId, ProgrammeId, Purse, SlipId};
use annona_ledger::key::SigningKey;
use annona_ledger::limits;
use annona_ledger::statement::Statement;
use annona_ledger::time::{DayNo, Millis};
use annona_ledger::view::View;
use annona_ledger::wire::{self, Bounded};

use crate::holder::till::{self, Signed};
use crate::keystore::{Name, Secret};
use crate::node::{Compose, Composed, Node, NodeFault, Request};
use crate::seal::random;
use crate::serve::Item;
use crate::store::{Store, StoreFault, Work};

/// A challenge to an outside reader: for one purse, at this node, on one day.
///
/// # Errors
///
/// [`NodeFault`] without randomness or the person file's key.
pub fn challenge(
    node: &Node,
    programme: ProgrammeId,
    purse: &Purse,
    on: DayNo,
) -> Result<Nonce, NodeFault> {
    Ok(nonce(&key(node)?, programme, purse, on, random()?))
}

/// Whether a challenge is this node's own, for this purse on this day.
///
/// # Errors
///
/// [`NodeFault`] without the person file's key.
pub fn is_own(
    node: &Node,
    programme: ProgrammeId,
    purse: &Purse,
    on: DayNo,
    given: &Nonce,
) -> Result<bool, NodeFault> {
    let mut chosen = [0; 8];
    chosen.copy_from_slice(&given.0[..8]);
    Ok(same(&nonce(&key(node)?, programme, purse, on, chosen), given))
}

/// Whether two numbers are one, without telling by time how much of it was guessed.
pub(crate) fn same(own: &Nonce, given: &Nonce) -> bool {
    own.0.iter().zip(given.0).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// The key by which a place names what only it may know again: codes of cards on the ledger, its challenges.
///
/// # Errors
///
/// [`NodeFault::NoKey`].
pub fn key(node: &Node) -> Result<[u8; 32], NodeFault> {
    let key = node.keys().get(Name::Vault).and_then(Secret::as_seed).copied();
    key.ok_or(NodeFault::NoKey("key of the person file"))
}

fn nonce(
    key: &[u8; 32],
    programme: ProgrammeId,
    purse: &Purse,
    on: DayNo,
    chosen: [u8; 8],
) -> Nonce {
    let (programme, on) = (programme.0.to_be_bytes(), on.0.to_be_bytes());
    let parts: [&[u8]; 5] = [b"reader", &programme, &on, &purse.0, &chosen];
    tagged(chosen, &keyed(Purpose::Lookup, key, &parts))
}

/// What was chosen, and eight bytes by which this node knows it again.
pub(crate) fn tagged(chosen: [u8; 8], Hash(tag): &Hash) -> Nonce {
    let mut nonce = [0; 16];
    nonce[..8].copy_from_slice(&chosen);
    nonce[8..].copy_from_slice(&tag[..8]);
    Nonce(nonce)
}

/// Counts one hand-out of the two-staff desk, durably, before it is made. `false` where the day's are used up. Killed
/// in between, one is lost.
///
/// # Errors
///
/// [`NodeFault::Store`]: then none was counted.
pub fn count_desk(node: &Node, programme: ProgrammeId, on: DayNo) -> Result<bool, NodeFault> {
    let name = format!("desk {programme}");
    let kept: Option<(u32, u32)> =
        node.store().meta(&name)?.and_then(|bytes| wire::decode(&bytes, limits::ENTRY_BYTES).ok());
    // Stamps never fall, so neither does the day: a clock set back gives no new day.
    let used = kept.filter(|(day, _)| *day >= on.0).map_or(0, |(_, used)| used);
    if used >= limits::DESK_A_DAY {
        return Ok(false);
    }
    let day = kept.map_or(on.0, |(day, _)| day.max(on.0));
    node.store().set_meta(&name, &wire::encode(&(day, used.saturating_add(1))))?;
    Ok(true)
}

/// For how long a way that failed is not named again, in milliseconds: as long as a PIN waits.
const TRIED: u64 = 10 * 60 * 1000;
/// So many failures are remembered at most: those of a long queue in that time.
const MOST_TRIED: usize = 64;

/// Notes that a method has failed for a purse, and says which have within the last ten minutes, this one among them: what
/// is named next must be something else. Nothing hangs on it but that.
///
/// # Errors
///
/// [`NodeFault::Store`]: then it is not noted.
pub fn tried(node: &Node, purse: &Purse, method: Method) -> Result<Vec<Method>, NodeFault> {
    let now = node.now();
    let mut kept = failed(node.store())?;
    kept.retain(|one| lasts(one, now));
    kept.retain(|(whose, what, _)| (whose, what) != (purse, &method));
    kept.push((*purse, method, now.0));
    kept.drain(..kept.len().saturating_sub(MOST_TRIED));
    node.store().set_meta(FAILED, &wire::encode(&kept))?;
    Ok(kept.iter().filter(|(whose, ..)| whose == purse).map(|(_, method, _)| *method).collect())
}

/// Where the file keeps them.
pub(crate) const FAILED: &str = "tried";

/// What is to be kept of the failures noted in a file, where the time of some is over: whose they were is to stand neither
/// in the ledger nor in a backup for longer. `None` where all of it stays.
///
/// # Errors
///
/// A storage fault.
pub(crate) fn outlived(store: &Store, now: Millis) -> Result<Option<Vec<u8>>, StoreFault> {
    let mut kept = failed(store)?;
    let before = kept.len();
    kept.retain(|one| lasts(one, now));
    Ok((kept.len() < before).then(|| wire::encode(&kept)))
}

/// Whose purse, by what, and when.
type Failed = (Purse, Method, u64);

fn failed(store: &Store) -> Result<Vec<Failed>, StoreFault> {
    let kept = store.meta(FAILED)?;
    Ok(kept.and_then(|b| wire::decode(&b, limits::CARRYING_ENTRY_BYTES).ok()).unwrap_or_default())
}

/// Whether a failure still counts. A clock that was set back forgets: better one way named twice than none named.
fn lasts((.., at): &Failed, now: Millis) -> bool {
    now.0.checked_sub(*at).is_some_and(|since| since < TRIED)
}

/// How a holder is known, as it will stand beside what she is handed.
pub struct Vouching<'a> {
    /// The federation.
    pub federation: FederationId,
    /// The programme's organisation, and this node's.
    pub orgs: [OrgId; 2],
    /// The method.
    pub method: Method,
    /// Why it is an exception.
    pub why: Exception,
    /// Words that were signed before: a mandate, a voucher, a reader's.
    pub papers: &'a [Word],
    /// What her wallet signed, where that is the method.
    pub wallet: Option<&'a Signed>,
    /// Who signs the hand-out itself.
    pub signers: Vec<&'a SigningKey>,
    /// Whose purse, and what she gets.
    pub purse: Purse,
    /// What she gets; of several things the first.
    pub item: Item,
}

impl Vouching<'_> {
    /// Puts the words beside each hand-out, and makes sure that they are what the method asks for.
    ///
    /// # Errors
    ///
    /// [`NodeFault::Refused`] with the first [`Turned`] that applies.
    pub fn vouch(
        &self,
        work: &Work<'_>,
        feed: &FeedId,
        composed: &mut [Composed],
    ) -> Result<(), NodeFault> {
        let ground =
            Ground { federation: &self.federation, roster: work.roster(), orgs: self.orgs };
        let refused = |turned: Turned| NodeFault::Refused(turned.to_string());
        if self.method == Method::Signed {
            let signed = self.wallet.ok_or_else(|| refused(Turned::TooFew))?;
            return till::vouch(&ground, signed, work, feed, composed);
        }
        if signers(self.method).is_empty() {
            return Ok(());
        }
        for one in composed {
            let at = match &one.draft.entry {
                Entry::Value(
                    Value::Redeem { at, .. }
                    | Value::FloatRedeem { at, .. }
                    | Value::Post { at, .. },
                ) => *at,
                _ => continue,
            };
            let (feed, leaf) = (feed.short(), leaf(&one.draft.entry.encode()));
            let said = Statement::HandedOut { feed, leaf, why: self.why };
            let mut words = self.papers.to_vec();
            words.extend(self.signers.iter().map(|key| (said, said.sign(&self.federation, key))));
            let Item { commodity, amount } = self.item;
            let (purse, method) = (self.purse, self.method);
            let out = HandOut { feed, leaf, purse, commodity, amount, at, method };
            check(&ground, &out, &words).map_err(refused)?;
            let words = Bounded::new(words).map_err(|_| refused(Turned::TooFew))?;
            one.evidence = Some(Vouched(words).encode());
        }
        Ok(())
    }
}

/// A number for the slip of somebody who is refused.
///
/// # Errors
///
/// [`NodeFault::Seal`] without randomness.
pub fn slip() -> Result<SlipId, NodeFault> {
    Ok(SlipId(random()?))
}

/// The entry that says somebody was refused. Who, and why, stands on the paper alone.
#[must_use]
pub fn refused(slip: SlipId, class: RefusalClass) -> Compose<'static> {
    Box::new(move |work, feed, at| {
        // A day that was begun goes on: the clock may have been set back a little.
        let last = work.trunk(feed).map_or(at, |chain| work.last_stamp(chain));
        let on = DayNo::of(at.max(last));
        let refused = People::Refused { class, rule: RULES, slip, on };
        Ok(vec![Composed::from(Registry::People(refused))])
    })
}

/// Says on the ledger that somebody was refused.
///
/// # Errors
///
/// [`NodeFault`], also where this node may not say so: the slip is good all the same.
pub fn refuse(
    node: &mut Node,
    programme: ProgrammeId,
    slip: SlipId,
    class: RefusalClass,
) -> Result<(), NodeFault> {
    let feed = node.feed(Lane::Registry, programme);
    let answers = node.write(&mut [Request { feed, compose: refused(slip, class) }])?;
    answers.into_iter().try_for_each(|answer| match answer {
        Ok(_) => Ok(()),
        Err(refusal) => Err(NodeFault::Refused(refusal.to_string())),
    })
}

/// The refusal whose slip begins with these bytes, as far as the registries of a programme are known here. The bytes are
/// those that a slip shows.
///
/// # Errors
///
/// [`StoreFault`]: a broken or damaged file.
pub fn refusal(
    work: &Work<'_>,
    programme: ProgrammeId,
    begins: &[u8],
) -> Result<Option<(SlipId, RefusalClass, DayNo)>, StoreFault> {
    let mut found = None;
    let mut look = |entry: &Entry| {
        if let Entry::Registry(Registry::People(People::Refused { class, slip, on, .. })) = entry
            && slip.0.starts_with(begins)
        {
            found.get_or_insert((*slip, *class, *on));
        }
    };
    let lane = Lane::Registry;
    for feed in work.feeds() {
        if feed.id.lane != lane || feed.id.programme != programme {
            continue;
        }
        work.blocks::<StoreFault>(feed.chain, 0, |block, _| {
            let mut rest: &[u8] = &block.block.body;
            while !rest.is_empty() {
                let (entry, after) = Entry::take(lane, rest)?;
                look(&entry);
                rest = after;
            }
            Ok(true)
        })?;
        for bytes in work.tail(feed.chain)? {
            look(&Entry::decode(lane, &bytes)?);
        }
    }
    work.check()?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::tests::world::{FOOD, World, reopen};

    #[test]
    fn the_desk_has_so_many_a_day_and_a_clock_set_back_gives_no_more() {
        let world = World::new();
        let node = &world.a;
        let day = DayNo(20);
        for n in 0..limits::DESK_A_DAY {
            assert!(count_desk(node, FOOD, day).expect("counted"), "{n}");
        }
        assert!(!count_desk(node, FOOD, day).expect("counted"));
        assert!(!count_desk(node, FOOD, DayNo(0)).expect("counted"), "1970");
        assert!(count_desk(node, ProgrammeId(9), day).expect("counted"), "each programme its own");
        assert!(count_desk(node, FOOD, day.plus(1)).expect("counted"));
        assert!(count_desk(node, FOOD, DayNo(0)).expect("counted"));
        assert_eq!(node.store().meta("desk 1").expect("read"), Some(wire::encode(&(21u32, 2u32))));
    }

    #[test]
    fn what_failed_for_a_purse_is_known_for_it_alone_and_never_grows() {
        let world = World::new();
        let note = |purse: u8, method| tried(&world.a, &Purse([purse; 16]), method).expect("noted");
        assert_eq!(note(1, Method::Pin), [Method::Pin]);
        assert_eq!(note(1, Method::Witness), [Method::Pin, Method::Witness]);
        assert_eq!(note(1, Method::Pin), [Method::Witness, Method::Pin]);
        assert_eq!(note(2, Method::Desk), [Method::Desk]);
        for purse in 3..=200 {
            note(purse, Method::Desk);
        }
        assert_eq!(note(1, Method::Sight), [Method::Sight], "the oldest give way");
        let kept = world.a.store().meta("tried").expect("read").expect("kept").len();
        assert!(kept <= MOST_TRIED * 32 + 2, "{kept}");
    }

    /// Whoever takes a folder or a backup of it later does not learn who stood there and was not known.
    #[test]
    fn what_failed_is_gone_from_the_file_once_its_time_is_over() {
        let mut world = World::new();
        let now = world.a.now();
        let kept = |world: &World| world.a.store().meta(FAILED).expect("read").expect("kept");
        let none = wire::encode(&Vec::<Failed>::new());
        let note = |world: &World, ago: u64| {
            let all = vec![(Purse([7; 16]), Method::Pin, now.0 - ago)];
            world.a.store().set_meta(FAILED, &wire::encode(&all)).expect("kept");
        };
        let feed = world.a.feed(Lane::Registry, FOOD);
        let write = |world: &mut World| {
            let compose = refused(SlipId([1; 16]), RefusalClass::Policy);
            let answers = world.a.write(&mut [Request { feed, compose }]).expect("written");
            assert!(answers.into_iter().all(|answer| answer.is_ok()));
        };
        note(&world, TRIED - 1);
        write(&mut world);
        assert_ne!(kept(&world), none, "it still counts");
        note(&world, TRIED);
        write(&mut world);
        assert_eq!(kept(&world), none, "with what is written next, as an opened or closed day is");
        // Nothing is written: whoever opens the folder, to back it up for one, drops it.
        note(&world, TRIED);
        let World { dir, a, .. } = world;
        drop(a);
        let a = reopen(dir.path(), "a");
        assert_eq!(a.store().meta(FAILED).expect("read"), Some(none));
    }

    #[test]
    fn a_challenge_is_for_one_purse_on_one_day_at_one_node() {
        let world = World::new();
        let (purse, day) = (Purse([1; 16]), DayNo(20));
        let nonce = challenge(&world.a, FOOD, &purse, day).expect("drawn");
        let own = |node, programme, purse: &Purse, day, nonce: &Nonce| {
            is_own(node, programme, purse, day, nonce).expect("a key")
        };
        assert!(own(&world.a, FOOD, &purse, day, &nonce));
        assert!(!own(&world.b, FOOD, &purse, day, &nonce));
        assert!(!own(&world.a, ProgrammeId(9), &purse, day, &nonce));
        assert!(!own(&world.a, FOOD, &Purse([2; 16]), day, &nonce));
        assert!(!own(&world.a, FOOD, &purse, day.plus(1), &nonce));
        assert!(!own(&world.a, FOOD, &purse, DayNo(0), &nonce));
        for i in 0..16 {
            let mut other = nonce;
            other.0[i] ^= 1;
            assert!(!own(&world.a, FOOD, &purse, day, &other), "byte {i}");
        }
        assert_ne!(challenge(&world.a, FOOD, &purse, day).expect("drawn"), nonce);
    }
}
