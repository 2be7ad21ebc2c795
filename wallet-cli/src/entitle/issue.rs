use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::entry::Owner;
use annona_ledger::id::{CommodityId, FeedId, Lane, Purse};
use annona_ledger::list::{List, Row};
use annona_ledger::merkle::Paths;
use annona_ledger::rejection::Rejection;
use annona_ledger::time::Minute;
use annona_ledger::view::{Use, View};
use annona_node::node::{Compose, Node, Refusal, Request};
use annona_node::serve;
use annona_node::writer::GROUP;
use clap::Args;
use serde_json::json;

use super::beyond::{self, Beyond};
use super::reissue::Lost;
use super::rows;
use crate::fault::{Fault, Outcome};
use crate::progress::Bar;
use crate::session::Session;
use crate::stop::LongWork;
use crate::words::print_units;

const EXAMPLES: &str = "\
Examples:
  $ annona entitle issue c4f2
  $ annona entitle issue c4f2 --dry-run --json";

/// Issues the rows of a frozen list out of the budget this node holds: a lot for each purse, each row once.
///
/// After a kill or where the budget ran out, the same command goes on with the rows that are left.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Issue {
    /// The list, by the first digits of its root
    list: String,
    /// Say how many rows are left; issue none
    #[arg(long)]
    dry_run: bool,
}

impl Issue {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        rows_of(session, &self.list, None, self.dry_run)
    }
}

/// Issues the rows of a list that are left, out of the budget, or for a site that is lost out of the reserve.
pub(super) fn rows_of(
    session: &Session,
    list: &str,
    lost: Option<Lost<'_>>,
    dry_run: bool,
) -> Outcome {
    let from = if lost.is_some() { Owner::Reserve } else { Owner::Budget };
    let mut node = session.signing_node()?;
    let short = node.public().short();
    let lists = rows::frozen(node.store(), &short)?;
    let drafts = node.store().blobs(annona_node::store::Blob::Draft)?;
    let roots = lists.iter().map(|(_, list)| list.root).chain(drafts.iter().copied());
    let root = rows::pick(list, roots)?;
    let Some((index, list)) = lists.into_iter().find(|(_, list)| list.root == root) else {
        return Err(Fault::refused(format!(
            "list {root} is not frozen: two different operators must approve it ({}).",
            Rejection::ListNotApproved
        ))
        .then("`annona entitle approve` adds an approval."));
    };
    let cycle = node.store().roster().cycle(list.programme, list.cycle).copied();
    let expires =
        cycle.map(|c| c.expires).ok_or_else(|| Fault::refused("the cycle is not open."))?;
    let all = rows::rows(node.store(), &root)?;
    let feed = node.feed(Lane::Value, list.programme);
    if let Some(lost) = lost {
        let elsewhere = advise(session, &node, &list, &all)?;
        lost.ask(session, &node, list.programme, &elsewhere)?;
    }
    let left: Vec<Row> = {
        let work = node.store().look()?;
        let used =
            |row: &Row| !work.uses(&Use::Row { node: short, list: index, row: row.row }).is_empty();
        let left = all.iter().filter(|row| !used(row)).copied().collect();
        work.check()?;
        left
    };
    let of = (list.programme, list.cycle);
    let charter = node.store().charter()?.clone();
    let mut past = json!(null);
    if let Some(about) = charter.programme(list.programme).filter(|_| dry_run) {
        let beyond = Beyond::of(&node, of, from, &left)?;
        let waits = beyond::families(session, &node, of, beyond.rows());
        past = beyond.told(session, about, &waits);
    }
    let (before, mut issued) = (all.len() - left.len(), 0usize);
    let mut short_of_budget = None;
    if !dry_run {
        let paths = Paths::new(all.iter().map(Row::leaf).collect());
        let work = LongWork::begin();
        let mut bar = Bar::new(&session.screen, "issuing");
        for rows in left.chunks(GROUP) {
            work.check()?;
            match group(&mut node, (feed, from), (index, &list), &paths, rows, expires)? {
                (done, None) => issued += done,
                (done, Some(refusal)) => {
                    issued += done;
                    short_of_budget = Some(refusal);
                    break;
                }
            }
            bar.set((before + issued) as u64, all.len() as u64);
        }
    }
    let rest = left.len() - issued;
    let mut waits = Vec::new();
    if short_of_budget.is_some() {
        let work = node.store().look()?;
        let waiting =
            |row: &&Row| work.uses(&Use::Row { node: short, list: index, row: row.row }).is_empty();
        let rows: Vec<Row> = left.iter().filter(waiting).copied().collect();
        work.check()?;
        drop(work);
        waits = beyond::families(session, &node, of, &rows);
    }
    node.close()?;
    let value = json!({
        "list": root.to_string(), "rows": all.len(), "issued": issued, "before": before, "left": rest,
        "beyond": past, "waiting": waits,
    });
    session.screen.answer("issued", value, || {
        format!("{issued} rows issued, {before} were before, {rest} are left of {}", all.len())
    })?;
    if rest == 0 && !dry_run {
        session.screen.note(
            "Next: `annona card issue FAMILY` or `annona card print FAMILY` gives her a card; `annona pay charge` hands out.",
        );
    }
    match short_of_budget {
        None => Ok(()),
        Some(refusal) => {
            let code = match &refusal {
                Refusal::Rule(rule) => format!(" (rejection {})", rule.code()),
                Refusal::Words(_) => String::new(),
            };
            let named = beyond::named(&waits);
            let words = format!("{refusal}{code}: {rest} of the rows were not issued{named}.");
            Err(Fault::new(Fault::from(refusal).exit, words).then(
                "The others are issued. Claim more for this cycle and run the same command again.",
            ))
        }
    }
}

/// Issues one group in one commit. The first refusal stops the work after the group.
fn group(
    node: &mut Node,
    (feed, from): (FeedId, Owner),
    (index, list): (u64, &List),
    paths: &Paths,
    rows: &[Row],
    expires: Minute,
) -> Outcome<(usize, Option<Refusal>)> {
    let mut requests = Vec::with_capacity(rows.len());
    for row in rows.iter().copied() {
        let path =
            paths.path(row.row).ok_or_else(|| Fault::input("the rows are not the list's."))?;
        let compose: Compose<'_> = Box::new(move |work, feed, at| {
            serve::issue_from(work, (feed, from), (index, list), (row, path.clone()), expires, at)
        });
        requests.push(Request { feed, compose });
    }
    let (mut done, mut refused) = (0, None);
    for answer in node.write(&mut requests)? {
        match answer {
            Ok(_) => done += 1,
            Err(refusal) if refused.is_none() => refused = Some(refusal),
            Err(_) => {}
        }
    }
    Ok((done, refused))
}

/// Says what the families of a list have left at other places, as far as it is known here. Advice, and no check: it
/// changes when more turns up, or a cut is lowered. Returns those places.
fn advise(session: &Session, node: &Node, list: &List, rows: &[Row]) -> Outcome<BTreeSet<[u8; 8]>> {
    let mut places = BTreeSet::new();
    let purses: BTreeSet<Purse> = rows.iter().map(|row| row.purse).collect();
    let own = node.public();
    let work = node.store().look()?;
    let mut left: BTreeMap<CommodityId, i128> = BTreeMap::new();
    for (at, lot) in work.all_lots() {
        let elsewhere = work.chain(at.chain).feed.node != own;
        let theirs = matches!(lot.owner, Owner::Purse(purse) if purses.contains(&purse));
        if elsewhere && theirs && lot.cycle == list.cycle {
            places.insert(work.chain(at.chain).feed.node.short());
            let sum = left.entry(lot.commodity).or_default();
            *sum = sum.saturating_add(lot.balance.units().max(0));
        }
    }
    work.check()?;
    let charter = node.store().charter()?;
    let programme = charter.programme(list.programme);
    for (commodity, units) in left.into_iter().filter(|(_, units)| *units > 0) {
        let Some(c) = programme.and_then(|p| p.commodity(commodity)) else { continue };
        let amount = print_units(c, units);
        session.screen.note(format!(
            "These families have {amount} {} left elsewhere, as far as it is known here (advice only).",
            c.name
        ));
    }
    Ok(places)
}
