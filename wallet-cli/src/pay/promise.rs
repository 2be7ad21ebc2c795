use std::path::{Path, PathBuf};

use annona_ledger::broken::{BrokenPromise, NotBroken, fenced_since};
use annona_ledger::cut::{self, Cut};
use annona_ledger::entry::{Control, Entry};
use annona_ledger::feed::leaf;
use annona_ledger::id::{FeedId, Lane};
use annona_ledger::ticket;
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::View;
use annona_node::atomic;
use annona_node::store::{StoreFault, Work};
use clap::Args;
use serde_json::json;

use super::{receipt, slip};
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::words::{hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona pay promise noor.promise
  $ annona pay promise noor.promise --out noor.broken --json";

/// What a file of a broken promise begins with; the version is in it.
const MAGIC: &[u8] = b"annona broken promise 1\n";
/// The most bytes of such a file, or of one with a promise.
const LARGEST: usize = 8 * 1024;

/// Says what became of a promise: kept, not here yet, cut off, or broken.
///
/// Broken is one for an entry that its node's sealed feed ends without, when the feed was cut longer than the grace ago:
/// exit code 1, and with --out a file that proves it by the node's own signatures. One that a block contradicts is a fork:
/// exit code 6. Either way `annona pay orphan` brings what it promised, and the merchant is settled.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Promise {
    /// A file that holds a promise or a broken one, or the text of one ('AP1:…', in single quotation marks)
    #[arg(value_name = "PROMISE")]
    promise: String,
    /// Where to write the proof that it was broken
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A promise as it was given, or out of a proof that it was broken.
fn read(text: &str) -> Outcome<ticket::Promise> {
    if slip::is_promise(text) {
        return slip::read_promise(text);
    }
    let path = Path::new(text);
    let bytes = atomic::read(path, LARGEST)?;
    if let Some(body) = bytes.strip_prefix(MAGIC) {
        let broken = BrokenPromise::decode(body).map_err(|why| {
            Fault::input(format!("the proof is damaged: {why}.")).at(path.display())
        });
        return broken.map(|broken| broken.promise);
    }
    slip::read_promise(&String::from_utf8_lossy(&bytes)).map_err(|fault| fault.at(path.display()))
}

/// When a feed was cut, as far as it is known here: by which two organisations had heard of the fence, or by the
/// revocation's own stamp; never before its last header below the cut. `None` where nothing tells, and the grace has not
/// begun.
fn since(
    work: &Work<'_>,
    feed: &FeedId,
    cut: &Cut,
    last: Option<Minute>,
) -> Result<Option<Minute>, StoreFault> {
    let short = feed.short();
    let fences = work.charter().fences(&short).iter().filter(|fenced| fenced.cut == *cut);
    let epoch = fences.map(|fenced| fenced.epoch).min();
    let founded = work.charter().founded();
    let mut said: Option<Minute> = None;
    let mut first = Vec::new();
    for known in work.feeds() {
        if epoch.is_none() && known.id.lane != Lane::Control {
            continue;
        }
        let node = known.id.node.short();
        let org = work.roster().org_of(&node);
        work.blocks::<StoreFault>(known.chain, 0, |row, _| {
            let header = &row.block.header;
            let Some(epoch) = epoch else {
                let entries = row.block.read(Lane::Control)?.into_iter();
                let stamps = entries.filter_map(|placed| match placed.entry {
                    Entry::Control(Control::Revoke { feed, cut: to, at, .. }) => {
                        (feed == short && to == *cut).then_some(at)
                    }
                    _ => None,
                });
                said = said.into_iter().chain(stamps).min();
                return Ok(true);
            };
            if header.epoch >= epoch {
                first.push((node, org, Minute::of(Millis(header.hlc.millis), founded)));
            }
            Ok(header.epoch < epoch)
        })?;
    }
    let since = if epoch.is_some() { fenced_since(&first) } else { said };
    Ok(since.map(|since| since.max(last.unwrap_or(since))))
}

impl Promise {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let promise = read(&self.promise)?;
        let store = session.read()?;
        let work = store.look()?;
        let (charter, roster) = (work.charter().clone(), work.roster().clone());
        let (federation, founded) = (charter.federation(), charter.founded());
        let certificate = roster.node(&promise.feed.node).ok_or_else(|| {
            Fault::input(format!("no certificate of node {} is here.", hex(&promise.feed.node)))
                .then("Take it in with `annona node learn FILE`.")
        })?;
        let key = certificate.node;
        if !promise.verifies(&federation, &key) {
            return Err(Fault::new(Exit::Wrong, "the promise is not signed by its node."));
        }
        let feed = FeedId { node: key, lane: promise.feed.lane, programme: promise.feed.programme };
        let (name, index) = (promise.name().accumulator, promise.index);
        let (next, branches) = (index.saturating_add(1), work.branches(&feed.short()));
        let kept = branches.iter().any(|chain| work.accumulator(*chain, next) == Some(name));
        let otherwise = branches.iter().any(|chain| work.head(*chain).next > index);
        let shown = work.shown(&feed.short());
        let shown =
            shown.iter().any(|fact| fact.index == index && fact.leaf == leaf(&promise.entry));
        let lowest = cut::lowest(&work, &feed.short());
        let mut proof = BrokenPromise { feed, promise, last: None };
        if let (Some(last), Some(trunk)) =
            (lowest.and_then(|cut| cut.seq.checked_sub(1)), work.trunk(&feed))
        {
            work.blocks::<StoreFault>(trunk, last, |row, _| {
                proof.last = Some((row.block.header, row.block.signature));
                Ok(false)
            })?;
        }
        let last = proof.last.map(|(header, _)| Minute::of(Millis(header.hlc.millis), founded));
        let since = match &lowest {
            Some(cut) => since(&work, &feed, cut, last)?,
            None => None,
        };
        // Nobody is called a liar by one clock, whosever it is: another node has come as far as this one shows.
        let wall = Minute::of(session.now(), founded);
        let own = session.own_key()?.unwrap_or(key);
        let others = work.heard_of_others(&own);
        let now = others.map_or(Minute(0), |others| others.newest.min(wall));
        // On the branch known first: of another nobody has signed more than here.
        let first = work.trunk(&feed).and_then(|chain| work.accumulator(chain, next));
        work.check()?;
        drop(work);
        let finality = match first == Some(name) {
            true => Some(receipt::grade(&store, &feed, index)?),
            false => None,
        };
        let (state, mut next, exit) = if kept {
            let grade = finality.map(|word| format!(", {word}")).unwrap_or_default();
            ("kept", format!("Its entry is here{grade}."), None)
        } else if otherwise {
            let next = "Its node said two things there: bring it with `annona pay orphan`.";
            ("contradicted", next.to_owned(), Some(Exit::Conflict))
        } else if let Some(cut) = &lowest {
            match proof.check(&federation, cut, since.unwrap_or(now), now) {
                Ok(_) => {
                    ("broken", "Its node did not keep its word.".to_owned(), Some(Exit::Wrong))
                }
                Err(NotBroken::Grace(until)) => {
                    let until = print_minute(until, founded);
                    ("cut off", format!("Its block may still be found until {until}."), None)
                }
                Err(why) => ("not told", format!("{why}."), None),
            }
        } else {
            ("not here", "Its node has not been cut: its block may still come.".to_owned(), None)
        };
        if !kept && !shown && lowest.is_some() {
            next.push_str(" Bring it with `annona pay orphan`: it counts, and is settled.");
        }
        if let Some(out) = self.out.as_deref().filter(|_| state == "broken") {
            atomic::write(out, &[MAGIC, &proof.encode()].concat())?;
        }
        let place = format!("{}#{index}", proof.feed.short());
        let value = json!({
            "promise": state, "entry": place, "shown": shown, "finality": finality,
            "since": since.map(|since| print_minute(since, founded)),
        });
        session.screen.answer("promise", value, || format!("{place}: {state}. {next}"))?;
        match exit {
            Some(exit) => Err(Fault::new(exit, format!("the promise is {state}."))),
            None => Ok(()),
        }
    }
}
