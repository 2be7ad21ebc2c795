//! What a verdict says of cuts, ends, suspense, releases, closes and stamps, in words and for programs.

use annona_ledger::audit::Verdict;
use annona_ledger::audit::verdict::{CutFeed, SaidBy};
use annona_ledger::suspense::Because;
use serde_json::{Value, json};

use crate::words::{count, hex, reason_word, say_cut};

fn by(said: SaidBy) -> String {
    match said {
        SaidBy::Article(epoch) => format!("article {epoch}"),
        SaidBy::Node(node) => format!("node {}", hex(&node)),
    }
}

/// Adds everything to what `--json` tells.
pub(super) fn values(verdict: &Verdict, value: &mut Value) {
    let cuts = verdict.cuts.iter().map(|line| {
        let said = line.said.iter().map(|said| {
            json!({
                "by": by(said.by), "blocks": said.cut.seq, "head": said.cut.head.to_string(),
                "reason": reason_word(said.reason), "may": said.counts,
            })
        });
        json!({
            "feed": line.feed.to_string(), "said": said.collect::<Vec<_>>(),
            "blocks": line.lowest.map(|cut| cut.seq), "index": line.index, "good": line.good,
            "tainted": line.tainted, "after_end": line.after_end,
        })
    });
    let suspense = verdict.suspense.iter().map(|held| {
        json!({
            "node": hex(&held.key.node), "programme": held.key.programme, "cycle": held.key.cycle,
            "commodity": held.key.commodity, "suspense": held.units().units().to_string(),
            "lots": held.lots.units().to_string(), "in_flight": held.arriving.units().to_string(),
            "released": held.released.units().to_string(), "exact": held.exact,
            "closed": held.because == Because::Closed,
        })
    });
    let ended = verdict
        .ended
        .iter()
        .map(|end| json!({ "feed": end.feed.to_string(), "index": end.index, "after": end.after }));
    let releases = verdict.releases.iter().map(|freed| {
        let of = &freed.released;
        json!({
            "article": freed.epoch, "feed": of.feed.to_string(), "cycle": of.cycle,
            "commodity": of.commodity, "units": of.amount.units(), "reserve": hex(&of.reserve),
            "claimed": freed.claimed,
        })
    });
    let closed = verdict.closed.iter().map(|closed| {
        json!({
            "programme": closed.programme, "cycle": closed.cycle, "article": closed.epoch,
            "feeds": closed.feeds, "late": closed.late,
        })
    });
    let incarnations = verdict.incarnations.iter().map(|new| {
        json!({
            "node": hex(&new.node), "replaces": hex(&new.replaces), "organisation": new.org,
            "minute": new.issued.0,
        })
    });
    let doubts = verdict.doubts.iter().map(|doubt| {
        json!({
            "feed": doubt.feed.to_string(), "first": doubt.index, "minute": doubt.stamp.0,
            "after": doubt.bracket.after.map(|at| at.0), "before": doubt.bracket.before.map(|at| at.0),
            "ahead": doubt.ahead, "behind": doubt.behind,
        })
    });
    let finality = verdict.finality.iter().map(|(programme, shares)| {
        json!({
            "programme": programme, "accepted": shares.accepted, "seen": shares.seen,
            "certified": shares.certified, "settled": shares.settled,
        })
    });
    let reissued = verdict.handed.iter().filter(|handed| handed.given.reissue_count > 0);
    let reissued = reissued.map(|handed| {
        json!({
            "node": hex(&handed.node), "programme": handed.programme, "cycle": handed.cycle,
            "commodity": handed.commodity, "units": handed.given.reissued.units().to_string(),
            "count": handed.given.reissue_count,
        })
    });
    let settlements = verdict.settlements.iter().map(|line| {
        let totals = line.row.totals.iter().map(|net| {
            json!({ "commodity": net.commodity, "given": net.given.units(), "back": net.back.units() })
        });
        let steps = line.row.by.iter().map(|by| {
            json!({
                "step": format!("{:?}", by.step).to_lowercase(), "operator": hex(by.operator.bytes()),
                "minute": by.at.0,
            })
        });
        json!({
            "feed": line.feed.to_string(), "index": line.index, "rows": line.row.rows,
            "stage": format!("{:?}", line.stage).to_lowercase(), "entitled": line.entitled,
            "totals": totals.collect::<Vec<_>>(), "steps": steps.collect::<Vec<_>>(),
        })
    });
    let twice = verdict.twice.iter().map(|twice| {
        let by = twice.by.map(|(feed, index)| json!({ "feed": feed.to_string(), "index": index }));
        json!({
            "feed": twice.feed.to_string(), "from": twice.from, "to": twice.to, "settlements": by,
            "fault": twice.fault,
        })
    });
    value["settlements"] = settlements.collect();
    value["settled_twice"] = twice.collect();
    value["cuts"] = cuts.collect();
    value["suspense"] = suspense.collect();
    value["ended"] = ended.collect();
    value["releases"] = releases.collect();
    value["closed"] = closed.collect();
    value["incarnations"] = incarnations.collect();
    value["reissued"] = reissued.collect();
    value["doubtful_stamps"] = doubts.collect();
    value["finality"] = finality.collect();
}

/// The same in lines.
pub(super) fn lines(verdict: &Verdict) -> Vec<String> {
    let mut lines: Vec<String> = verdict.cuts.iter().flat_map(cut).collect();
    for end in &verdict.ended {
        let after = count(end.after, "entry follows it", "entries follow it");
        lines.push(format!("ended       {} at entry {}, {after}", end.feed, end.index));
    }
    for held in &verdict.suspense {
        let key = held.key;
        let (most, why) = (
            if held.exact { "" } else { "at most " },
            if held.because == Because::Closed { "closed" } else { "cut" },
        );
        lines.push(format!(
            "suspense    {}/value/{}, cycle {}, commodity {}: {most}{} = lots {} + in flight {}, {} released ({why})",
            hex(&key.node),
            key.programme,
            key.cycle,
            key.commodity,
            held.units().units(),
            held.lots.units(),
            held.arriving.units(),
            held.released.units(),
        ));
    }
    for freed in &verdict.releases {
        let of = &freed.released;
        lines.push(format!(
            "released    article {}: {} of commodity {}, cycle {}, of {} to {}: {}",
            freed.epoch,
            of.amount.units(),
            of.commodity,
            of.cycle,
            of.feed,
            hex(&of.reserve),
            if freed.claimed { "claimed" } else { "not claimed" },
        ));
    }
    for closed in &verdict.closed {
        lines.push(format!(
            "closed      programme {}, cycle {} by article {}: {} shown, {} late",
            closed.programme,
            closed.cycle,
            closed.epoch,
            count(closed.feeds, "feed", "feeds"),
            count(closed.late, "hand-out", "hand-outs"),
        ));
    }
    for new in &verdict.incarnations {
        lines.push(format!(
            "new key     {} in the place of {}",
            hex(&new.node),
            hex(&new.replaces)
        ));
    }
    for handed in verdict.handed.iter().filter(|handed| handed.given.reissue_count > 0) {
        lines.push(format!(
            "re-issued   {} of commodity {}, cycle {}, from the reserve of {}: {}",
            handed.given.reissued.units(),
            handed.commodity,
            handed.cycle,
            hex(&handed.node),
            count(handed.given.reissue_count, "row", "rows"),
        ));
    }
    for doubt in &verdict.doubts {
        lines.push(format!(
            "stamps?     {} from entry {} on: {} stamped after a checkpoint that has them, {} before one that does not",
            doubt.feed, doubt.index, doubt.ahead, doubt.behind,
        ));
    }
    for line in &verdict.settlements {
        let stage = format!("{:?}", line.stage).to_lowercase();
        let rows = count(line.row.rows.into(), "row", "rows");
        let end =
            if line.entitled { "" } else { "; a step by an operator who was not entitled to it" };
        lines.push(format!("settlement  {}#{}: {rows}, {stage}{end}", line.feed, line.index));
    }
    for twice in &verdict.twice {
        let [one, other] = twice.by.map(|(feed, index)| format!("{feed}#{index}"));
        let whose = twice.fault.map_or_else(
            || "whose fault cannot be told".to_owned(),
            |org| format!("by organisation {org}, whose treasury was paid beyond its cut or end"),
        );
        let last = twice.to.saturating_sub(1);
        lines.push(format!(
            "twice       {} entries {} to {last}: paid in {one} and {other}; {whose}",
            twice.feed, twice.from,
        ));
    }
    for (programme, shares) in &verdict.finality {
        lines.push(format!(
            "finality    programme {programme}: of {} {} settled, {} certified, {} seen, {} accepted",
            count(shares.all(), "hand-out", "hand-outs"),
            shares.settled,
            shares.certified,
            shares.seen,
            shares.accepted,
        ));
    }
    lines
}

fn cut(line: &CutFeed) -> Vec<String> {
    let from = match (line.lowest, line.index) {
        (None, _) => ": nobody who cut it may".to_owned(),
        (Some(_), Some(index)) => format!(", tainted from entry {index} on"),
        (Some(_), None) => ", whose last good block is not here".to_owned(),
    };
    let after = match line.after_end {
        0 => String::new(),
        n => format!(", {} after its end", count(n, "entry", "entries")),
    };
    let mut lines = vec![format!(
        "cut         {}{from}: {} good, {} tainted{after}",
        line.feed,
        count(line.good, "entry", "entries"),
        count(line.tainted, "entry", "entries"),
    )];
    lines.extend(line.said.iter().map(|said| {
        let may = if said.counts { "" } else { ", which may not" };
        let (after, reason) = (say_cut(&said.cut), reason_word(said.reason));
        format!("              by {}: after {after}, {reason}{may}", by(said.by))
    }));
    lines
}
