use std::path::PathBuf;

use annona_ledger::audit::verdict::{FileProblem, Finding, Missing, Owed, Problem};
use annona_ledger::audit::{Options, Verdict, govern};
use annona_ledger::id::{CommodityId, CycleId, ProgrammeId};
use annona_ledger::leaf::LeafId;
use annona_node::audit::labels::decimal;
use annona_node::audit::report::people::unfounded;
use annona_node::audit::report::reason;
use annona_node::audit::{AuditFile, Labels, Vouched, states};
use clap::Args;
use serde_json::{Value, json};

use super::{Clocks, audit, federation, labels, stopped};
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::stop::LongWork;
use crate::words::{count, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona audit verify camp.audit
  $ annona audit verify camp.audit --root
  $ annona audit verify camp.audit --json";

/// How many findings are printed in words; --json has all that were kept.
const SHOWN: usize = 20;

/// Checks an audit file: every hash, every rule, every signature of articles, certificates, lists, blocks and tickets,
/// on all cores, with nothing but the file.
///
/// Ends with 0 where all is good, with 1 where something is wrong: then the first fault is told with its place, and the
/// rest is checked all the same. There are two verdicts: whether the file is whole and true, for which its writer answers,
/// and what it shows, for which those answer who did it. Some of that may also come of what the file lacks: then it is asked
/// for again first. What could not be checked is named. Of the evidence beside entries it checks that it is
/// what its block commits to; who answers for what it allows, `annona audit anomalies` says. Of checkpoints it says who signed with which key,
/// and makes the state they signed anew.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Verify {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only this federation will do: its 64 digits, from somewhere you trust
    #[arg(long, value_name = "HEX")]
    federation: Option<String>,
    /// Compute the state root too
    #[arg(long)]
    root: bool,
    /// Make the state of every checkpoint in the file anew, not of the newest four only
    #[arg(long)]
    states: bool,
    #[command(flatten)]
    clocks: Clocks,
}

impl Verify {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let federation = federation(self.federation.as_deref())?;
        let options = Options { federation, root: self.root, ..Options::default() };
        let (file, verdict) = audit(session, &self.file, &options)?;
        let labels = labels(&govern(&file, &options), self.clocks.utc_offset);
        let mut told = value(&verdict, &labels);
        told["digest"] = json!(file.said_digest().map(|digest| digest.to_string()));
        told["program"] = json!(env!("CARGO_PKG_VERSION"));
        session.screen.answer("audit", told, || text(&verdict, &labels, &file))?;
        let long = LongWork::begin();
        let cores = annona_node::audit::cores();
        let all = states::recompute(&file, self.states, cores, long.flag());
        long.check()?;
        let mut broken = None;
        for vouched in &all {
            session.screen.answer("audit_checkpoint", checkpoint(vouched, &labels), || {
                in_words(vouched, &labels)
            })?;
            if vouched.is_wrong() {
                broken = broken.or_else(|| vouched.wrong());
            }
        }
        if verdict.findings.iter().any(|f| f.problem == Problem::File(FileProblem::Stopped)) {
            return Err(Fault::interrupted());
        }
        if let (true, Some(words)) = (verdict.is_good(), broken) {
            return Err(Fault::new(Exit::Wrong, format!("{}: {words}.", self.file.display())));
        }
        if verdict.is_good() {
            if self.federation.is_none() {
                session.screen.note(
                    "Compare the federation's number with one you have from elsewhere: --federation does it for you.",
                );
            }
            return Ok(());
        }
        Err(wrong(&verdict, &labels).at(self.file.display()))
    }
}

/// What is wrong first, and whom to turn to: for the file its writer, for what it shows others.
fn wrong(verdict: &Verdict, labels: &Labels) -> Fault {
    let all = (verdict.findings.len() as u64).saturating_add(verdict.more);
    let first = verdict.first().map_or_else(
        || "the file does not end as it should".to_owned(),
        |finding| format!("first {}: {}", finding.place, finding.problem),
    );
    let words = count(all, "thing is wrong", "things are wrong");
    let whole = verdict.whole();
    let whose = match whole {
        Some(true) => " in what it shows, and the file is whole and true",
        Some(false) => "",
        None => " in what it shows, unless the file lacks something",
    };
    let fault = Fault::new(Exit::Wrong, format!("{words}{whose}; {first}."));
    let other = |finding: &Finding| {
        matches!(finding.problem, Problem::File(FileProblem::OtherFederation(_)))
    };
    let mut next = Vec::new();
    if whole == Some(false) {
        next.push(
            "Ask for the file again; where the same is wrong once more, its writer has to answer for it."
                .to_owned(),
        );
    } else if verdict.findings.iter().any(other) {
        next.push(
            "Ask for the file of the federation you mean, or look at its number again.".into(),
        );
    }
    if let Some(who) = answers(verdict, labels, false) {
        next.push(format!(
            "Either the file lacks a notice or the last of a control feed, or {who} has to answer: ask for the file again first."
        ));
    }
    if let Some(who) = answers(verdict, labels, true) {
        next.push(format!("For what it shows have to answer: {who}."));
    }
    if next.is_empty() { fault } else { fault.then(&next.join(" ")) }
}

/// Who has to answer for what the file shows, feed by feed: for certain, or unless it lacks something.
fn answers(verdict: &Verdict, labels: &Labels, certain: bool) -> Option<String> {
    let mut feeds = verdict.answerable();
    feeds.retain(|_, all| all.is_certain() == certain);
    let mut said: Vec<String> = feeds.keys().take(SHOWN).map(|feed| labels.feed(feed)).collect();
    let more = feeds.len().saturating_sub(SHOWN);
    if more > 0 {
        said.push(format!("{more} more"));
    }
    (!said.is_empty()).then(|| said.join(", "))
}

/// Who owes what, and why.
fn charged(
    labels: &Labels,
    (programme, cycle, commodity): (ProgrammeId, CycleId, CommodityId),
    owed: &Owed,
) -> String {
    let show = |units: u128| {
        labels.amount(programme, commodity, i128::try_from(units).unwrap_or(i128::MAX))
    };
    let (whose, from) = match owed.heard {
        Some(heard) => (heard, format!(", from {}", labels.node(&owed.node))),
        None => (owed.node, String::new()),
    };
    let org = owed
        .org
        .map_or_else(|| "nobody: there is no certificate".to_owned(), |org| labels.org(org));
    let released = match owed.released {
        0 => String::new(),
        units => format!("; of it at most {} because a quorum released them", show(units)),
    };
    format!(
        "charged     {} of {} cycle {cycle} to {org} ({}): {}{from}{released}",
        show(owed.units),
        labels.programme(programme),
        labels.site(&whose),
        reason(owed),
    )
}

/// A checkpoint as `--json` tells it.
fn checkpoint(vouched: &Vouched, labels: &Labels) -> Value {
    let standing = &vouched.standing;
    let counted = standing.counted.iter().map(|one| {
        json!({
            "witness": hex(&one.witness), "organisation": one.org, "key": hex(one.key.bytes()),
            "minute": one.time.0, "when": labels.when(one.time),
        })
    });
    let refused = vouched.refused();
    let refused =
        refused.map(|(node, why)| json!({ "witness": hex(node), "why": why.to_string() }));
    let leaves = |some: &[LeafId]| some.iter().map(ToString::to_string).collect::<Vec<String>>();
    let state = vouched.state.as_ref().map(|state| {
        json!({
            "same": leaves(&state.same), "differ": leaves(&state.differ), "unchecked": state.unchecked,
        })
    });
    json!({
        "checkpoint": vouched.hash.to_string(), "minute": vouched.time.0,
        "when": labels.when(vouched.time),
        "certified": vouched.is_certified(), "organisations": standing.frontier,
        "quorum": standing.quorum, "certified_programmes": vouched.programmes(),
        "problem": vouched.wrong(), "not_counted": standing.refused.len(),
        "counted": counted.collect::<Vec<_>>(), "refused": refused.collect::<Vec<_>>(),
        "not_checked": vouched.uncertified().map(|node| hex(node)).collect::<Vec<_>>(),
        "state": state,
    })
}

fn in_words(vouched: &Vouched, labels: &Labels) -> String {
    let (found, needs) = (vouched.standing.frontier.len(), vouched.standing.quorum);
    let name = vouched.hash.to_string();
    let word = if vouched.is_certified() { "certified" } else { "not certified" };
    let end = vouched.wrong().map_or_else(String::new, |words| format!(": {words}"));
    let mut lines = vec![format!(
        "checkpoint  {} of {}: {found} of {needs} organisations, {word}{end}",
        name.get(..16).unwrap_or(&name),
        labels.when(vouched.time),
    )];
    for one in &vouched.standing.counted {
        let key = hex(one.key.bytes());
        lines.push(format!("              by {}, key {key}", labels.node(&one.witness)));
    }
    for (witness, why) in vouched.refused() {
        lines.push(format!("              refused, of {}: {why}", labels.node(witness)));
    }
    for witness in vouched.uncertified() {
        let witness = labels.node(witness);
        lines.push(format!("              not checked, of {witness}: no certificate of it here"));
    }
    lines.push(match &vouched.state {
        None => "              its state was not made anew".to_owned(),
        Some(state) => {
            let unchecked: Vec<String> =
                state.unchecked.iter().map(|programme| labels.programme(*programme)).collect();
            let unchecked = match &unchecked[..] {
                [] => String::new(),
                some => format!("; not whole in the file: {}", some.join(", ")),
            };
            format!(
                "              state made anew: {} as signed, {} otherwise{unchecked}",
                count(state.same.len() as u64, "leaf", "leaves"),
                state.differ.len(),
            )
        }
    });
    lines.join("\n")
}

fn value(verdict: &Verdict, labels: &Labels) -> Value {
    let findings: Vec<Value> = verdict
        .findings
        .iter()
        .map(|f| {
            json!({
                "offset": f.place.offset, "feed": f.place.feed.map(|feed| feed.to_string()),
                "block": f.place.seq, "index": f.place.index, "problem": f.problem.to_string(),
                "of_file": f.problem.is_of_file(), "unless_lacking": f.problem.may_lack(),
            })
        })
        .collect();
    let answerable = verdict.answerable().into_iter().map(|(feed, all)| {
        json!({
            "feed": feed.to_string(), "node": hex(&feed.node), "site": labels.site(&feed.node),
            "organisation": labels.org_of(&feed.node), "findings": all.findings,
            "unless_lacking": all.unless_lacking,
        })
    });
    let answerable: Vec<Value> = answerable.collect();
    let unchecked = verdict.unchecked_programmes();
    let sums: Vec<Value> = verdict
        .sums
        .iter()
        .map(|((programme, cycle, commodity), sum)| {
            let undecided = sum.undecided.iter().map(|open| {
                json!({ "node": hex(&open.node), "site": labels.site(&open.node), "units": open.units.to_string(), "missing": open.missing })
            });
            let undecided: Vec<Value> = undecided.collect();
            let charged: Vec<Value> = sum
                .charged
                .iter()
                .map(|owed| json!({
                    "organisation": owed.org, "organisation_name": owed.org.map(|org| labels.org(org)),
                    "node": hex(&owed.node), "site": labels.site(&owed.node), "units": owed.units.to_string(),
                    "reason": owed.reason, "released": owed.released.to_string(),
                    "heard": owed.heard.map(|node| hex(&node)),
                }))
                .collect();
            // Of what is not whole in the file no sum is known.
            let known = |units: i128| (!unchecked.contains(programme)).then(|| units.to_string());
            json!({
                "programme": programme, "cycle": cycle, "commodity": commodity,
                "programme_name": labels.programme(*programme),
                "commodity_name": labels.commodity(*programme, *commodity).0,
                "budget": sum.budget.units(), "lots": known(sum.lots.units()),
                "in_flight": known(sum.in_flight.units()),
                "redeemed": known(sum.given.redeemed.units()),
                "refunded": known(sum.given.refunded.units()),
                "float": known(sum.given.float.units()), "charged": charged,
                "undecided": undecided,
            })
        })
        .collect();
    let mut value = json!({
        "good": verdict.is_good(), "whole": verdict.whole(), "answerable": answerable,
        "partial": verdict.is_partial(), "complete": verdict.complete,
        "federation": verdict.federation.map(|id| id.to_string()), "epoch": verdict.epoch,
        "federation_name": labels.federation, "zone": labels.zone(),
        "as_of": verdict.as_of.map(|at| labels.when(at)),
        "articles": verdict.articles, "notices": verdict.notices, "feeds": verdict.feeds,
        "blocks": verdict.blocks, "entries": verdict.entries, "signatures": verdict.signatures,
        "evidence": verdict.evidence, "evidence_not_shown": verdict.evidence_not_shown,
        "waiting": verdict.waiting, "sums": sums, "people": people(verdict),
        "findings": findings, "more_findings": verdict.more,
        "unchecked_programmes": verdict.unchecked_programmes(),
        "reached": verdict.reached, "size": verdict.size, "root": verdict.root.map(|r| r.to_string()),
    });
    stopped::values(verdict, &mut value);
    value
}

/// What nodes said of people, whom nobody can name by it.
fn people(verdict: &Verdict) -> Value {
    let found = &verdict.people;
    let nodes = found.nodes.iter().map(|(node, line)| {
        json!({
            "node": hex(node), "consents": line.given, "taken_back": line.withdrawn,
            "disclosed": line.disclosed, "erased": line.erased, "erasures_followed": line.erasures_seen,
            "commitments": line.commitments.len(), "complaints": line.grievances, "decided": line.decided,
        })
    });
    let nodes: Vec<Value> = nodes.collect();
    let sharing = found.sharing.iter().map(|((from, to, purpose), times)| {
        json!({ "from": from, "to": to, "purpose": format!("{purpose:?}"), "times": times })
    });
    let sharing: Vec<Value> = sharing.collect();
    let unfounded = found
        .unfounded
        .iter()
        .map(|(node, _, why)| json!({ "node": hex(node), "why": format!("{why:?}") }));
    let unfounded: Vec<Value> = unfounded.collect();
    json!({ "nodes": nodes, "sharing": sharing, "unfounded": unfounded })
}

fn text(verdict: &Verdict, labels: &Labels, file: &AuditFile) -> String {
    let good = verdict.is_good();
    let mut lines = vec![if good && verdict.is_partial() {
        "good as far as it could be checked".to_owned()
    } else if good {
        "good".to_owned()
    } else {
        "WRONG".to_owned()
    }];
    if !good {
        let file = match verdict.whole() {
            Some(true) => "whole and true",
            Some(false) => "NOT whole, or not true",
            None => "true as far as it goes; it may lack something",
        };
        lines.push(format!("the file    {file}"));
        if let Some(who) = answers(verdict, labels, true) {
            lines.push(format!("it shows    what is wrong; to answer for it: {who}"));
        }
        if let Some(who) = answers(verdict, labels, false) {
            lines.push(format!(
                "it shows    what is wrong, or it lacks something; else to answer for it: {who}"
            ));
        }
    }
    if let Some(id) = verdict.federation {
        lines.push(format!("federation  {id} {}", labels.federation).trim_end().to_owned());
    }
    if let Some(digest) = file.said_digest() {
        lines.push(format!("digest      {digest}"));
    }
    if let Some(as_of) = verdict.as_of {
        let (as_of, zone) = (labels.when(as_of), labels.zone());
        lines.push(format!(
            "as of       {as_of}, the newest time two sites stamped; times are {zone}"
        ));
    }
    lines.push(format!(
        "checked     {}, {}, {}, {} in {}; {}",
        count(verdict.articles, "article", "articles"),
        count(verdict.notices, "notice", "notices"),
        count(verdict.feeds, "feed", "feeds"),
        count(verdict.entries, "entry", "entries"),
        count(verdict.blocks, "block", "blocks"),
        count(verdict.signatures, "signature", "signatures"),
    ));
    let unchecked = verdict.unchecked_programmes();
    for ((programme, cycle, commodity), sum) in &verdict.sums {
        let (name, digits) = labels.commodity(*programme, *commodity);
        let show = |units| decimal(units, digits);
        if unchecked.contains(programme) {
            lines.push(format!(
                "{} cycle {cycle}, {name}: budget {}; what was handed out is not told by this file",
                labels.programme(*programme),
                show(sum.budget.units().into()),
            ));
            continue;
        }
        lines.push(format!(
            "{} cycle {cycle}, {name}: budget {}, in lots {}, on the way {}, handed out {}, taken back {}, charged {}",
            labels.programme(*programme),
            show(sum.budget.units().into()),
            show(sum.lots.units()),
            show(sum.in_flight.units()),
            show(sum.given.redeemed.units()),
            show(sum.given.refunded.units()),
            show(i128::try_from(sum.charged.iter().map(|owed| owed.units).sum::<u128>()).unwrap_or(i128::MAX)),
        ));
    }
    for ((programme, cycle, commodity), sum) in &verdict.sums {
        for owed in &sum.charged {
            lines.push(charged(labels, (*programme, *cycle, *commodity), owed));
        }
    }
    for ((programme, cycle, commodity), sum) in &verdict.sums {
        for open in &sum.undecided {
            let missing = match open.missing {
                Missing::Certificate => {
                    "the certificate of a node that sent to it is not in the file"
                }
                Missing::Blocks => "not every block of its feed is in the file",
            };
            lines.push(format!(
                "not decided: {} of {} cycle {cycle} that {} handed on or out; {missing}",
                labels.amount(
                    *programme,
                    *commodity,
                    i128::try_from(open.units).unwrap_or(i128::MAX)
                ),
                labels.programme(*programme),
                labels.node(&open.node),
            ));
        }
    }
    lines.extend(stopped::lines(verdict, labels));
    if let Some(root) = verdict.root {
        lines.push(format!("state root  {root}"));
    }
    if verdict.evidence_not_shown > 0 {
        let blocks = count(verdict.evidence_not_shown, "block", "blocks");
        lines.push(format!("not checked: the evidence of {blocks}, which is not in the file"));
    }
    if verdict.waiting > 0 {
        let claims = count(verdict.waiting, "claim", "claims");
        lines.push(format!(
            "not checked: {claims} of what nodes sent whose certificates are not in the file"
        ));
    }
    for (node, _, why) in verdict.people.unfounded.iter().take(SHOWN) {
        let why = unfounded(*why);
        lines.push(format!("disclosed   by {}: {why}", labels.node(node)));
    }
    let more = verdict.people.unfounded.len().saturating_sub(SHOWN);
    if more > 0 {
        lines.push(format!("disclosed   {more} more that nothing in the file covers"));
    }
    for programme in verdict.unchecked_programmes() {
        lines.push(format!(
            "not checked: {}, of which not everything is in the file",
            labels.programme(programme)
        ));
    }
    for finding in verdict.findings.iter().take(SHOWN) {
        lines.push(format!("  {}: {}", finding.place, finding.problem));
    }
    let hidden = (verdict.findings.len().saturating_sub(SHOWN) as u64).saturating_add(verdict.more);
    if hidden > 0 {
        lines.push(format!("  and {hidden} more"));
    }
    if !verdict.complete {
        let size = verdict.size.map_or_else(|| "an unknown number".into(), |size| size.to_string());
        lines.push(format!("read up to byte {} of {size}", verdict.reached));
    }
    lines.join("\n")
}
