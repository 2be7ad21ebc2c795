//! What is cut, faulty or in suspense, as `status` and `doctor` tell it.

use annona_ledger::charter::Charter;
use annona_ledger::cut;
use annona_ledger::id::{FeedRef, Lane, ProgrammeId};
use annona_ledger::suspense::{self, Because};
use annona_ledger::view::{PoolKey, View};
use annona_node::store::Work;
use serde_json::{Value, json};

use crate::words::{self, hex, print_units};

/// A thing told twice: for programs and for people.
pub(crate) type Told = (Value, String);

/// The cuts of one node's feeds, each with who said it and whether it counts.
pub(crate) fn cuts(work: &Work<'_>, node: &[u8; 8]) -> Vec<Told> {
    let charter = work.charter();
    let programmes = charter.programmes().map(|(id, _)| id);
    let feeds = programmes.flat_map(|programme| {
        [Lane::Value, Lane::Registry, Lane::Access].map(|lane| (lane, programme))
    });
    let feeds = [(Lane::Control, ProgrammeId::NONE)].into_iter().chain(feeds);
    feeds
        .map(|(lane, programme)| FeedRef { node: *node, lane, programme })
        .flat_map(|feed| cuts_of(work, &feed))
        .collect()
}

fn cuts_of(work: &Work<'_>, feed: &FeedRef) -> Vec<Told> {
    let lowest = cut::lowest(work, feed);
    let ended = work.branches(feed).into_iter().any(|chain| work.ended(chain).is_some());
    let line = |cut: &cut::Cut, by: String, reason, may: bool| {
        let counts = may && lowest.as_ref() == Some(cut);
        let end = match (may, counts) {
            (false, _) => "; it may not, so it counts for nothing",
            (true, false) => "; a lower one counts",
            (true, true) => "",
        };
        let (after, reason) = (words::say_cut(cut), words::reason_word(reason));
        let value = json!({
            "feed": feed.to_string(), "blocks": cut.seq, "head": cut.head.to_string(), "by": by,
            "reason": reason, "counts": counts, "ended": ended,
        });
        (value, format!("  {feed} is cut after {after} by {by} ({reason}){end}"))
    };
    let fences = work.charter().fences(feed).iter();
    let mut lines: Vec<Told> =
        fences.map(|f| line(&f.cut, format!("article {}", f.epoch), f.reason, true)).collect();
    for said in work.revocations(feed) {
        let may = cut::may_revoke(work.roster(), &said);
        let by = format!("node {}", hex(&said.by));
        // Below what a quorum has cosigned a revocation counts as if it stood there.
        let raised = work.certified(feed).map_or(said.cut, |least| said.cut.max(least));
        lines.push(line(&raised, by, said.reason, may));
    }
    lines
}

/// The feeds that are proven faulty, each with the site it is of and what to do.
pub(crate) fn faulty(work: &Work<'_>, own: Option<&[u8; 8]>) -> Vec<Told> {
    let feeds = work.feeds().into_iter().filter(|feed| feed.faulty).map(|feed| feed.id.short());
    // Each branch of a feed says so.
    let mut feeds: Vec<FeedRef> = feeds.collect();
    feeds.dedup();
    let line = |feed: FeedRef| {
        let certificate = work.roster().node(&feed.node);
        let site = certificate.map(|c| c.site_name.to_string());
        let org = certificate.and_then(|c| work.charter().organisation(c.org));
        let org = org.map(|org| org.name.to_string());
        let (ours, cut) = (own == Some(&feed.node), cut::lowest(work, &feed).is_some());
        let next = match (ours, cut) {
            (true, _) => {
                "it writes nothing more: `annona node reincarnate` goes on under a new key"
            }
            (false, true) => "it is cut: what stands above the cut counts for nothing",
            (false, false) => {
                "hold nothing from it for good: `annona audit export` shows it to its organisation, which cuts it with \
                 `annona node revoke`"
            }
        };
        let value = json!({
            "feed": feed.to_string(), "site": site, "organisation": org, "own": ours, "cut": cut,
        });
        let whose = site.as_deref().unwrap_or("a node without a certificate");
        let of = org.map(|org| format!(" of {org}")).unwrap_or_default();
        (value, format!("  {feed} ({whose}{of}) is proven to tell two histories; {next}"))
    };
    feeds.into_iter().map(line).collect()
}

/// What is in suspense: pools of feeds that are cut, and of cycles that are closed; of one node, or of all.
pub(crate) fn suspended(charter: &Charter, work: &Work<'_>, of: Option<&[u8; 8]>) -> Vec<Told> {
    let mut lines = Vec::new();
    for held in suspense::among(work, work.whole_pools()) {
        let PoolKey { node, programme, cycle, commodity } = held.key;
        if of.is_some_and(|of| *of != node) {
            continue;
        }
        let Some(about) = charter.programme(programme) else { continue };
        let Some(c) = about.commodity(commodity) else { continue };
        let units = held.units().units();
        let why = match held.because {
            Because::Cut(cut) => format!("cut after {}", words::say_cut(&cut)),
            Because::Closed => "the cycle is closed".to_owned(),
        };
        let owed = held.units().short();
        let value = json!({
            "node": hex(&node), "programme": programme, "cycle": cycle, "commodity": commodity,
            "suspense": units.to_string(), "released": held.released.units().to_string(),
            "charge": owed.to_string(), "exact": held.exact, "because": why,
        });
        let most = if held.exact { "" } else { "at most " };
        lines.push((
            value,
            format!(
                "  suspense of {} in {} cycle {cycle}: {most}{} {}, {} released ({why})",
                words::site(work.roster(), &node),
                about.name,
                print_units(c, units),
                c.name,
                print_units(c, held.released.units()),
            ),
        ));
    }
    lines
}
