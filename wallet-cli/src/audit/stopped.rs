//! What a verdict says of cuts, ends, suspense, releases, closes and stamps, in words and for programs.

use annona_ledger::audit::Verdict;
use annona_ledger::audit::verdict::{CutFeed, SaidBy};
use annona_ledger::id::ProgrammeId;
use annona_ledger::suspense::{Because, Suspense};
use annona_node::audit::Labels;
use annona_node::audit::labels::decimal;
use annona_node::audit::report::{compared, late};
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
    let untold = verdict.unchecked_programmes();
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
    let suspense = told(verdict, &untold).map(|held| {
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
            "claimed": (!untold.contains(&of.feed.programme)).then_some(freed.claimed),
        })
    });
    let closed = verdict.closed.iter().map(|closed| {
        json!({
            "programme": closed.programme, "cycle": closed.cycle, "article": closed.epoch,
            "feeds": closed.feeds,
            "late": (!untold.contains(&closed.programme)).then_some(closed.late),
            "late_on": closed.late_on.iter().map(|on| {
                json!({ "feed": on.feed.to_string(), "first": on.first, "count": on.count })
            }).collect::<Vec<_>>(),
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
            "compared": format!("{:?}", line.compared).to_lowercase(),
            "lacks": line.lacks.iter().map(|lack| {
                json!({
                    "feed": lack.feed.to_string(), "from": lack.from, "to": lack.to,
                    "why": lack.why.to_string(),
                })
            }).collect::<Vec<_>>(),
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

/// What is in suspense, of programmes whose hand-outs are told: of others it would be what was budgeted.
fn told<'a>(verdict: &'a Verdict, untold: &'a [ProgrammeId]) -> impl Iterator<Item = &'a Suspense> {
    verdict.suspense.iter().filter(|held| !untold.contains(&held.key.programme))
}

/// The same in lines.
pub(super) fn lines(verdict: &Verdict, labels: &Labels) -> Vec<String> {
    let untold = verdict.unchecked_programmes();
    let mut lines: Vec<String> = verdict.cuts.iter().flat_map(|line| cut(line, labels)).collect();
    for end in &verdict.ended {
        let after = count(end.after, "entry follows it", "entries follow it");
        let feed = labels.feed(&end.feed);
        lines.push(format!("ended       {feed} at entry {}, {after}", end.index));
    }
    for held in told(verdict, &untold) {
        let key = held.key;
        let (name, digits) = labels.commodity(key.programme, key.commodity);
        let show = |units| decimal(units, digits);
        let (most, why) = (
            if held.exact { "" } else { "at most " },
            if held.because == Because::Closed { "closed" } else { "cut" },
        );
        lines.push(format!(
            "suspense    {}: {} cycle {}, {name}: {most}{} = lots {} + in flight {}, {} released ({why})",
            labels.node(&key.node),
            labels.programme(key.programme),
            key.cycle,
            show(held.units().units()),
            show(held.lots.units()),
            show(held.arriving.units()),
            show(held.released.units()),
        ));
    }
    for freed in &verdict.releases {
        let of = &freed.released;
        lines.push(format!(
            "released    article {}: {} of cycle {}, of {} to {}: {}",
            freed.epoch,
            labels.amount(of.feed.programme, of.commodity, of.amount.units().into()),
            of.cycle,
            labels.feed(&of.feed),
            labels.node(&of.reserve),
            match freed.claimed {
                _ if untold.contains(&of.feed.programme) =>
                    "claimed or not, this file does not tell",
                true => "claimed",
                false => "not claimed",
            },
        ));
    }
    for closed in &verdict.closed {
        if untold.contains(&closed.programme) {
            lines.push(format!(
                "closed      {} cycle {} by article {}; what was late is not told by this file",
                labels.programme(closed.programme),
                closed.cycle,
                closed.epoch,
            ));
            continue;
        }
        lines.push(format!(
            "closed      {} cycle {} by article {}: {} shown, {} late{}",
            labels.programme(closed.programme),
            closed.cycle,
            closed.epoch,
            count(closed.feeds, "feed", "feeds"),
            count(closed.late, "hand-out", "hand-outs"),
            late(closed, labels),
        ));
    }
    for new in &verdict.incarnations {
        lines.push(format!(
            "new key     {} in the place of {}",
            labels.node(&new.node),
            labels.node(&new.replaces)
        ));
    }
    for handed in verdict.handed.iter().filter(|handed| handed.given.reissue_count > 0) {
        lines.push(format!(
            "re-issued   {} of cycle {}, from the reserve of {}: {}",
            labels.amount(handed.programme, handed.commodity, handed.given.reissued.units()),
            handed.cycle,
            labels.node(&handed.node),
            count(handed.given.reissue_count, "row", "rows"),
        ));
    }
    for doubt in &verdict.doubts {
        lines.push(format!(
            "stamps?     {} from entry {} on: {} stamped after a checkpoint that has them, {} before one that does not",
            labels.feed(&doubt.feed),
            doubt.index,
            doubt.ahead,
            doubt.behind,
        ));
    }
    for line in &verdict.settlements {
        let stage = format!("{:?}", line.stage).to_lowercase();
        let rows = count(line.row.rows.into(), "row", "rows");
        let end =
            if line.entitled { "" } else { "; a step by an operator who was not entitled to it" };
        let place = format!("{}, entry {}", labels.feed(&line.feed), line.index);
        let compared = compared(line, labels);
        lines.push(format!("settlement  {place}: {rows}, {stage}; {compared}{end}"));
    }
    for twice in &verdict.twice {
        let [one, other] = twice.by.map(|(feed, index)| format!("{feed}#{index}"));
        let whose = twice.fault.map_or_else(
            || "whose fault cannot be told".to_owned(),
            |org| format!("by {}, whose treasury was paid beyond its cut or end", labels.org(org)),
        );
        let last = twice.to.saturating_sub(1);
        lines.push(format!(
            "twice       {} entries {} to {last}: paid in {one} and {other}; {whose}",
            labels.feed(&twice.feed),
            twice.from,
        ));
    }
    for (programme, shares) in &verdict.finality {
        lines.push(format!(
            "finality    {}: of {} {} below a close, {} certified, {} seen, {} accepted; paid ones stand under settlement",
            labels.programme(*programme),
            count(shares.all(), "hand-out", "hand-outs"),
            shares.settled,
            shares.certified,
            shares.seen,
            shares.accepted,
        ));
    }
    lines
}

fn cut(line: &CutFeed, labels: &Labels) -> Vec<String> {
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
        labels.feed(&line.feed),
        count(line.good, "entry", "entries"),
        count(line.tainted, "entry", "entries"),
    )];
    lines.extend(line.said.iter().map(|said| {
        let may = if said.counts { "" } else { ", which may not" };
        let (after, reason) = (say_cut(&said.cut), reason_word(said.reason));
        let by = match said.by {
            SaidBy::Article(epoch) => format!("article {epoch}"),
            SaidBy::Node(node) => labels.node(&node),
        };
        format!("              by {by}: after {after}, {reason}{may}")
    }));
    lines
}
