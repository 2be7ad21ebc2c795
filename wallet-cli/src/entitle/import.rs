use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use annona_ledger::amount::Amount;
use annona_ledger::charter::Unit;
use annona_ledger::entry::Owner;
use annona_ledger::hash::Hash;
use annona_ledger::id::{CycleId, Lane, ProgrammeId};
use annona_ledger::list::{Builder, Row};
use annona_ledger::view::View;
use annona_ledger::wire;
use annona_node::atomic;
use annona_node::bundle::LIST_BYTES;
use annona_node::household;
use annona_node::import::list::{Commodity, ListMap, ListRow, read_list};
use annona_node::import::map::MAX_MAP;
use annona_node::import::{ImportError, Progress, Severity, Source, Watch};
use annona_node::vault::{HouseholdId, OWN_SOURCE, VaultFault};
use clap::Args;
use serde_json::json;

use super::beyond::Beyond;
use super::rows::{self, Waiting};
use crate::fault::{Exit, Fault, Outcome};
use crate::holder;
use crate::progress::Bar;
use crate::session::Session;
use crate::stop::LongWork;
use crate::words::{self, count, print_units};

/// Findings printed as text; all of them are in the JSON.
const PRINTED: usize = 200;

const EXAMPLES: &str = "\
Examples:
  $ annona entitle import list.csv --programme Food --cycle 1 --dry-run
  $ annona entitle import list.csv --programme Food --cycle 1 --source desk";

/// Drafts a distribution list from a table (CSV or XLSX): household, and amounts by commodity, in whole units.
///
/// Either columns `household_id`, `commodity` and `amount`, or a column for each commodity by its name; a map (TOML)
/// says otherwise. Every problem is listed by sheet, row and column, and a list with problems is not drafted.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Import {
    /// The file
    file: PathBuf,
    /// The programme, by number or name
    #[arg(long, value_name = "P")]
    programme: String,
    /// The cycle, by number
    #[arg(long, value_name = "N")]
    cycle: u16,
    /// The register whose keys the list uses [default: as the map says, or `desk`]
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Which column is what (TOML)
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// Go on without the key of the cycle that all sites of the programme share
    #[arg(long)]
    own_key: bool,
    /// Draft the list without the rows that have problems
    #[arg(long)]
    skip_bad_rows: bool,
    /// Say what the list would come to; draft nothing
    #[arg(long)]
    dry_run: bool,
}

impl Import {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let map = match &self.map {
            None => ListMap::default(),
            Some(path) => {
                let bytes = atomic::read(path, MAX_MAP)?;
                let text = std::str::from_utf8(&bytes)
                    .map_err(|_| Fault::file(path, "the map is not UTF-8 text."))?;
                ListMap::parse(text).map_err(|why| Fault::from(why).at(path.display()))?
            }
        };
        let said = self.source.clone().or_else(|| map.source.clone());
        let register = said.clone().unwrap_or_else(|| OWN_SOURCE.into());
        let mut node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let (programme, about) = words::programme(&charter, &self.programme)?;
        let cycle = CycleId(self.cycle);
        if node.store().roster().cycle(programme, cycle).is_none() {
            return Err(Fault::refused(format!("cycle {cycle} of {} was not opened.", about.name))
                .then("`annona cycle open` opens one, `annona node learn FILE` takes it in."));
        }
        holder::cycle_key(&mut node, programme, cycle, self.own_key)?;
        let vault = session.vault(&node)?;
        let commodities: Vec<Commodity> = about
            .commodities
            .iter()
            .map(|c| {
                let (Unit::Currency { minor_digits, .. } | Unit::Item { minor_digits, .. }) =
                    c.unit;
                Commodity { code: c.name.to_string(), digits: minor_digits }
            })
            .collect();
        let longwork = LongWork::begin();
        let named = |why: ImportError| match Fault::from(why) {
            fault if fault.exit == Exit::Interrupted => fault,
            fault => fault.at(self.file.display()),
        };
        let source = Source::open(&self.file, &map.csv()).map_err(|why| named(why.into()))?;
        let mut bar = Bar::new(&session.screen, "reading");
        let mut progress = |p: Progress| bar.set(p.done, p.total);
        let mut watch = Watch { progress: &mut progress, cancel: longwork.flag() };
        let (mut list, mut kept) = (Builder::new(), Vec::<Row>::new());
        // Whose each row is, in their order: named where it could not be issued.
        let mut whose = Vec::<HouseholdId>::new();
        let closed = RefCell::new(BTreeSet::new());
        // Whose people stand in another's row, too: the programme's list does not know of it.
        let federation = charter.federation();
        let (mut listed, mut husks) = (BTreeSet::new(), Vec::new());
        // Why a key that is not found may be a family's all the same.
        let unsure = RefCell::new(None);
        let look = |register: &str, key: &str| match vault.find(register, key.as_bytes()) {
            Err(fault @ VaultFault::NoKey { .. }) => {
                *unsure.borrow_mut() = Some(fault);
                Ok(None)
            }
            found => found,
        };
        // Where nobody said whose numbers these are, the registers that have them are told.
        let others = if said.is_none() { vault.registers()? } else { BTreeSet::new() };
        let mut elsewhere = BTreeMap::<&str, u64>::new();
        let stop = |fault: Fault| ImportError::Register(fault.message.into());
        let report = {
            let work = node.store().look()?;
            let key_of = holder::cycle_secret(&node, programme, cycle)?;
            let enrolled = |key: &str| -> Outcome<Option<HouseholdId>> {
                let Some(found) = look(&register, key)? else { return Ok(None) };
                if found.digest.is_none() {
                    closed.borrow_mut().insert(found.id);
                    return Ok(None);
                }
                let holder = holder::pseudonym(&node, &vault, found.id, programme)?;
                Ok(work.enrolled(programme, &holder).then_some(found.id))
            };
            let mut known = |key: &str| {
                let here = enrolled(key).map_err(stop)?.is_some();
                for other in others.iter().filter(|name| !here && **name != register) {
                    if look(other, key).map_err(|why| stop(why.into()))?.is_some() {
                        let keys = elsewhere.entry(other).or_default();
                        *keys = keys.saturating_add(1);
                    }
                }
                Ok(here)
            };
            let mut each = |row: ListRow| {
                let Some(household) = enrolled(&row.key).map_err(stop)? else { return Ok(()) };
                if listed.insert(household) {
                    let into = household::merged(&vault, &federation, household);
                    let into = into.map_err(|why| stop(why.into()))?;
                    husks.extend(into.map(|into| (row.row, household, into)));
                }
                let commodity = about.commodities.get(row.commodity).map(|c| c.id);
                let amount = Amount::new(row.amount_minor);
                let (Some(commodity), Some(amount)) = (commodity, amount) else { return Ok(()) };
                let number = u32::try_from(kept.len()).unwrap_or(u32::MAX);
                let registration = vault.registration(household).map_err(|why| stop(why.into()))?;
                let purse = annona_node::serve::purse(key_of, &registration);
                let row = Row { row: number, purse, commodity, amount };
                list.push(&row).map_err(|why| stop(why.into()))?;
                kept.push(row);
                whose.push(household);
                Ok(())
            };
            let report = read_list(&source, &map, &commodities, &mut known, &mut each, &mut watch)
                .map_err(named)?;
            work.check()?;
            report
        };
        drop(bar);
        session.screen.note(format!("Read as {}", report.reading));
        let most = if session.screen.json() { usize::MAX } else { PRINTED };
        for finding in report.findings.list.iter().take(most) {
            let value = serde_json::to_value(finding)
                .map_err(|why| Fault::input(format!("a finding cannot be written: {why}")))?;
            session.screen.answer("finding", value, || finding.to_string())?;
        }
        let shown = report.findings.list.len().min(most) as u64;
        let more = (report.findings.list.len() as u64 + report.findings.omitted()) - shown;
        if more > 0 {
            let more = count(more, "problem", "problems");
            session.screen.warn(format!("… and {more} more: --json lists them."));
        }
        for (row, husk, into) in husks.iter().take(most) {
            let both = if listed.contains(into) { ", which has a row too" } else { "" };
            session.screen.warn(format!(
                "row {row}: family {husk} was merged into family {into}{both}. Nobody lives in it any more, and whoever \
                 collects for both would have two rations: take the row out, unless it is meant so."
            ));
        }
        if report.nothing > 0 {
            let rows: Vec<String> = report.nothing_rows.iter().map(ToString::to_string).collect();
            let more = if report.nothing > rows.len() as u64 { ", …" } else { "" };
            let rows = rows.join(", ");
            session.screen.warn(format!(
                "{} of {} on the file {} nothing: row {rows}{more}. Whoever is meant to eat has an amount there: correct the \
                 file, unless it is meant so.",
                report.nothing,
                count(report.rows, "row", "rows"),
                if report.nothing == 1 { "gives its family" } else { "give their families" },
            ));
        }
        let closed = closed.into_inner().len() as u64;
        if closed > 0 {
            session.screen.warn(crate::family::closed(closed));
        }
        if let Some(fault) = unsure.into_inner() {
            session.screen.warn(format!("rows of nobody here may be of some family: {fault}"));
        }
        let bad = report.findings.at_least(Severity::Error);
        let of = |(name, keys): (&&str, &u64)| {
            let keys = count(*keys, "of these keys is", "of these keys are");
            format!(
                "{keys} of the register \"{name}\": if they are meant, say --source \"{name}\"."
            )
        };
        let of = elsewhere.iter().map(of).collect::<Vec<_>>().join(" ");
        if bad > 0 && !self.skip_bad_rows {
            let bad = count(bad, "row has a problem", "rows have problems");
            let fault = Fault::new(Exit::Wrong, format!("{bad}; no list was drafted."));
            let next = "Correct the file, or leave those rows out with --skip-bad-rows.";
            return Err(fault.then(if of.is_empty() { next } else { &of }));
        }
        if !of.is_empty() {
            session.screen.warn(of);
        }
        let bytes: usize = kept.iter().map(|row| wire::encode(row).len()).sum();
        if bytes > LIST_BYTES {
            return Err(Fault::refused(format!(
                "the list has {}: more than a bundle can carry to the other sites.",
                count(kept.len() as u64, "row", "rows")
            ))
            .then("Divide the file, and draft a list of each half."));
        }
        let control = node.feed(Lane::Control, ProgrammeId::NONE);
        let at = node.stamp(&control)?;
        let short = node.public().short();
        let draft = list.finish(short, programme, cycle, at)?;
        let root: Hash = draft.root;
        if rows::frozen(node.store(), &short)?.iter().any(|(_, list)| list.root == root) {
            return Err(Fault::new(
                Exit::Conflict,
                "these very rows are frozen already: the same families would be issued the same again.",
            ));
        }
        let totals: Vec<String> = draft
            .totals
            .iter()
            .filter_map(|total| about.commodity(total.commodity).map(|c| (c, total.amount)))
            .map(|(c, amount)| format!("{} {}", print_units(c, i128::from(amount.units())), c.name))
            .collect();
        let before = rows::Before::of(node.store(), cycle, &kept)?;
        let beyond = Beyond::of(&node, (programme, cycle), Owner::Budget, &kept)?;
        let waits = beyond.rows().iter().filter_map(|row| whose.get(row.row as usize).copied());
        let waits: Vec<HouseholdId> = waits.collect::<BTreeSet<_>>().into_iter().collect();
        let noted = rows::Noted { bad, nothing: report.nothing, merged: husks.len() as u64 };
        if !self.dry_run {
            rows::note(node.store(), &root, &noted)?;
            rows::keep(node.store(), &root, &kept)?;
            rows::wait(node.store(), &Waiting { draft: draft.clone(), approvals: Vec::new() })?;
        }
        node.close()?;
        let families = kept.iter().map(|row| row.purse).collect::<BTreeSet<_>>().len();
        let before = before.told(about, families, &session.screen);
        let beyond = beyond.told(session, about, &waits);
        let value = json!({
            "list": root.to_string(), "issued_before": before, "rows": draft.rows, "families": families, "programme": programme, "cycle": cycle,
            "merged": husks.iter().map(|(row, husk, into)| json!({
                "row": row, "family": husk, "into": into, "both": listed.contains(into),
            })).collect::<Vec<_>>(),
            "totals": totals, "findings": report.findings.list.len(),
            "rows_left_out": bad.saturating_add(report.nothing), "rows_of_nothing": report.nothing, "beyond": beyond, "reading": report.reading, "drafted": !self.dry_run,
        });
        session.screen.answer("list", value, || {
            let verb = if self.dry_run { "would be drafted" } else { "is drafted" };
            let rows = count(u64::from(draft.rows), "row", "rows");
            let families = count(families as u64, "family", "families");
            format!("List {root} {verb}: {rows} for {families}, {}", totals.join(", "))
        })?;
        session.screen.note(format!(
            "Next: two operators run `annona entitle approve {}`.",
            root.to_string().chars().take(12).collect::<String>()
        ));
        Ok(())
    }
}
