use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use annona_ledger::duty::Duty;
use annona_ledger::hash::{Hash, Hasher, Purpose, hash};
use annona_ledger::statement::{Stated, Statement};
use annona_ledger::wire::{self, Bounded};
use annona_node::atomic;
use annona_node::import::map::MAX_MAP;
use annona_node::import::{
    Apply, CsvOptions, Elsewhere, Map, Phase, Plan, Progress, Registration, Severity, Source,
    VaultRegister, Watch, suggest_map,
};
use annona_node::node::Node;
use annona_node::store::Blob;
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::enrol::Enrolling;
use super::{fields, told};
use crate::fault::{Exit, Fault, Outcome};
use crate::progress::Bar;
use crate::session::Session;
use crate::signer::{self, Operator, Signer};
use crate::stop::LongWork;
use crate::words::{count, hex};

/// Above so many households at once, two different operators must agree.
const ALONE: u64 = 50;

const EXAMPLES: &str = "\
Examples:
  $ annona family import camp.csv --suggest-map
  $ annona family import camp.csv --map camp.toml --dry-run
  $ annona family import camp.csv --members people.csv --map two.toml --dry-run
  $ annona family import camp.csv --map camp.toml --operator mara.keys \\
      --operator-passphrase-file pass.txt --second yusuf.keys \\
      --second-passphrase-file pass.txt";

/// Imports a registration file (CSV or XLSX) by a map of its columns.
///
/// Run it with --dry-run first: it lists every problem by sheet, row and column, what would happen, and what would be lost.
/// `annona family fields` lists the fields for the map. An import of more than 50 households needs two operators: give both,
/// or let the second run the same command with her own key.
/// After a kill or a full disk the same command goes on where it stopped.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Import {
    /// The file
    file: PathBuf,
    /// The members, where they are in a file of their own, joined by the key
    #[arg(long, value_name = "FILE")]
    members: Option<PathBuf>,
    /// Which column is which field (TOML)
    #[arg(long, value_name = "FILE", required_unless_present = "suggest_map")]
    map: Option<PathBuf>,
    /// Draft a map from the header and print it; touch nothing
    #[arg(long, conflicts_with_all = ["map", "dry_run", "update", "members"])]
    suggest_map: bool,
    /// Say what would happen; change nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace families that are here with other content; what was told of them at the desk stays
    #[arg(long)]
    update: bool,
    /// Register anew the families that were erased here, too: each has asked for it
    #[arg(long)]
    erased: bool,
    #[command(flatten)]
    operator: Operator,
    /// The second operator's key file
    #[arg(long, alias = "second-operator", value_name = "FILE")]
    second: Option<PathBuf>,
    /// Take the second operator's passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    second_passphrase_file: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let Some(map_path) = self.map.clone() else {
            let source = Source::open(&self.file, &CsvOptions::default())?;
            let map = suggest_map(&source)?;
            let value = json!({ "map": map, "reading": source.reading().to_string() });
            return session.screen.answer("map", value, || map.trim_end().to_owned());
        };
        // Read once: a pipe has it no second time.
        let text = session.ask.once(&format!("map {}", map_path.display()), || {
            let bytes = atomic::read(&map_path, MAX_MAP)?;
            let text = std::str::from_utf8(&bytes)
                .map_err(|_| Fault::file(&map_path, "the map is not UTF-8 text."))?;
            Ok(Zeroizing::new(text.to_owned()))
        })?;
        let map = Map::parse(&text).map_err(|why| Fault::from(why).at(map_path.display()))?;
        let work = LongWork::begin();
        // Before it is read, and after: what is agreed to and signed is what was read.
        let hashed = || if self.dry_run { Ok(None) } else { self.hash(&work).map(Some) };
        let file = hashed()?;
        let source = opened(&self.file, &map)?;
        session.screen.note(format!("Read as {}", source.reading()));
        let members = match &self.members {
            Some(path) => {
                let members = opened(path, &map)?.beside_another();
                session.screen.note(format!("Members read as {}", members.reading()));
                Some(members)
            }
            None => None,
        };
        let bar = RefCell::new(Bar::new(&session.screen, "reading"));
        let mut progress = |p: Progress| {
            let mut bar = bar.borrow_mut();
            bar.part(match p.phase {
                Phase::Reading => "reading",
                Phase::Joining => "joining",
                Phase::Comparing => "comparing",
                Phase::Writing => "writing",
            });
            bar.set(p.done, p.total);
        };
        let mut watch = Watch { progress: &mut progress, cancel: work.flag() };
        let registration = match &members {
            Some(members) => {
                Registration::read_two(&source.beside_another(), members, &map, &mut watch)
            }
            None => Registration::read(&source, &map, &mut watch),
        }
        .map_err(|why| {
            let (file, fault) = (self.file.display(), Fault::from(why));
            match &self.members {
                _ if fault.exit == Exit::Interrupted => fault,
                Some(members) => fault.at(format!("{file} with {}", members.display())),
                None => fault.at(file),
            }
        })?;
        if hashed()? != file {
            return Err(Fault::input("the file was changed while it was read.")
                .at(self.file.display())
                .then("Run the same command again once nobody writes to it."));
        }
        // Who answers for it is asked before the folder is held.
        let signers = (!self.dry_run).then(|| self.signers(session)).transpose()?;
        let mut node = if self.dry_run { session.node()? } else { session.signing_node()? };
        let mut vault = session.vault(&node)?;
        let federation = node.federation()?;
        let plan = registration.plan(&VaultRegister::new(&mut vault, federation), &mut watch)?;
        self.tell(session, &plan)?;
        if self.dry_run {
            node.close()?;
            let findings = &plan.report.findings;
            let wrong = findings.at_least(Severity::Error);
            return if wrong == 0 {
                Ok(())
            } else {
                let rows = count(wrong, "problem costs", "problems cost");
                Err(Fault::new(Exit::Wrong, format!("{rows} a row or more; nothing was changed."))
                    .then("Correct the file or the map, or import the rest without --dry-run."))
            };
        }
        let (Some((signer, second)), Some(file)) = (signers, file) else {
            return Err(Fault::usage("nobody answers for it."));
        };
        let enrolling = Enrolling::new(&node, (&signer, Duty::FamilyImport), None)?;
        let statement = Statement::Import {
            node: node.public().short(),
            file,
            map: hash(Purpose::File, &[text.as_bytes()]),
            update: self.update,
        };
        if let Some(Elsewhere { source, .. }) = &plan.elsewhere {
            let own = &plan.report.source;
            let question =
                format!("Register them as families of \"{own}\", beside those of \"{source}\"?");
            // What was told: this file by this map, and what it comes to here.
            let (said, told) = (wire::encode(&statement), planned(&plan)?.to_string());
            session.confirm(&question, &[&said, told.as_bytes()])?;
        }
        let again = if self.erased { plan.erased } else { 0 };
        if again > 0 {
            let families = count(again, "family", "families");
            let question = format!(
                "Register {families} anew that were erased here? They have asked to be forgotten; say yes where each asks \
                 to be registered again."
            );
            let (said, told) = (wire::encode(&statement), planned(&plan)?.to_string());
            session.confirm(&question, &[&said, told.as_bytes()])?;
        }
        let stay = plan.held + plan.told;
        let writes =
            plan.new + again + if self.update { plan.changed.saturating_sub(stay) } else { 0 };
        if writes > ALONE {
            agreed(session, &mut node, &statement, (&signer, second.as_ref()), writes)?;
        }
        let how = Apply { update: self.update, erased: self.erased, ..Apply::default() };
        let (mut fault, mut enrolled) = (None, 0u64);
        let applied = {
            let (fault, enrolled, node) = (&mut fault, &mut enrolled, &mut node);
            let after =
                Box::new(move |vault: &mut annona_node::vault::Vault, added: &[_], _: &[_]| {
                    match enrolling.enrol(node, vault, added) {
                        Ok(written) => *enrolled += written,
                        Err(why) => {
                            *fault = Some(why);
                            return Err("enrolling failed".into());
                        }
                    }
                    Ok(())
                });
            let mut register = VaultRegister::with(&mut vault, federation, after);
            registration.apply(&mut register, how, &mut watch)
        };
        if let Some(fault) = fault {
            return Err(fault);
        }
        let applied = applied?;
        // Whom an earlier run had written and not yet enrolled when it was killed.
        enrolled += Enrolling::new(&node, (&signer, Duty::FamilyImport), None)?
            .catch_up(&mut node, &mut vault)?;
        vault.doubt_begun()?;
        drop(bar);
        node.close()?;
        let lost = plan.report.findings.values_lost();
        let value = json!({
            "added": applied.added, "replaced": applied.replaced, "unchanged": applied.unchanged,
            "left": applied.left, "held": applied.held, "told": applied.told, "closed": applied.closed, "erased": applied.erased,
            "enrolments": enrolled,
            "values_lost": lost,
        });
        session.screen.answer("imported", value, || {
            format!(
                "{} added, {} replaced, {} unchanged, {} with other content left as they were; {}; {} of the file lost",
                count(applied.added, "family", "families"),
                applied.replaced,
                applied.unchanged,
                applied.left,
                count(enrolled, "enrolment", "enrolments"),
                count(lost, "value", "values"),
            )
        })?;
        if applied.closed > 0 {
            session.screen.warn(fields::closed(applied.closed));
        }
        if applied.erased > 0 {
            session.screen.warn(gone(applied.erased, &plan.erased_rows));
        }
        if applied.held > 0 {
            let families = count(applied.held, "family was", "families were");
            session.screen.warn(format!(
                "{families} not replaced: a column is missing or a value could not be read, and what is known here \
                 would be lost. Correct the file or the map, and run the same command again."
            ));
        }
        if applied.told > 0 {
            let families = count(applied.told, "family was", "families were");
            session.screen.warn(format!(
                "{families} not replaced: what was told of them at the desk would be undone. Look at each (--dry-run lists \
                 their rows), and write what the file has anew with `annona family change`."
            ));
        }
        if applied.left > 0 {
            session.screen.note("Families with other content are replaced only with --update.");
        }
        Ok(())
    }

    fn tell(&self, session: &Session, plan: &Plan) -> Outcome {
        session.screen.answer("plan", planned(plan)?, || {
            let report = &plan.report;
            let mut lines: Vec<String> = Vec::new();
            let mut refused = BTreeMap::<&str, Vec<String>>::new();
            for dropped in &report.refused_columns {
                let why = dropped.why.as_deref().unwrap_or_default();
                let column = format!("{} ({})", dropped.column, dropped.name);
                refused.entry(why).or_default().push(column);
            }
            lines.extend(refused.iter().map(|(why, columns)| {
                let word = if columns.len() == 1 { "column" } else { "columns" };
                format!("refused  {word} {}: {why}", columns.join(", "))
            }));
            lines.extend(told::findings(&report.findings));
            if !report.dropped_columns.is_empty() {
                let names: Vec<&str> =
                    report.dropped_columns.iter().map(|d| d.name.as_str()).take(40).collect();
                lines.push(format!("dropped columns (not in the map): {}", names.join(", ")));
            }
            for change in plan.changes.iter().take(told::PRINTED) {
                let mut line =
                    format!("row {}: differs in {}", change.row, change.fields.join(", "));
                if !change.unread.is_empty() {
                    let unread = change.unread.join(", ");
                    line.push_str(&format!("; left as it is: {unread} could not be read"));
                }
                if !change.told.is_empty() {
                    let told = change.told.join(", ");
                    line.push_str(&format!("; left as it is, as told at the desk: {told}"));
                }
                lines.push(line);
            }
            lines.extend(told::lost(&report.findings));
            lines.push(format!(
                "{} in {}: {} new, {} unchanged, {} with other content; {} refused, {} lost",
                count(report.households, "family", "families"),
                count(report.rows, "row", "rows"),
                plan.new,
                plan.unchanged,
                plan.changed,
                count(report.refused_rows, "row", "rows"),
                count(report.findings.values_lost(), "value", "values"),
            ));
            lines.join("\n")
        })?;
        if plan.erased > 0 && self.dry_run {
            session.screen.warn(gone(plan.erased, &plan.erased_rows));
        }
        if let Some(Elsewhere { source, keys }) = &plan.elsewhere {
            session.screen.warn(format!(
                "{keys} of these {} keys are here under the register \"{source}\", and none under \"{}\". If it is the \
                 same register, write source = \"{source}\" in the map: otherwise its families are registered a second \
                 time, each with a second purse.",
                plan.new, plan.report.source
            ));
        }
        Ok(())
    }

    /// The hash of what is imported: of two files, of both.
    fn hash(&self, work: &LongWork) -> Outcome<Hash> {
        let file = file_hash(&self.file, work)?;
        let Some(members) = &self.members else { return Ok(file) };
        let members = file_hash(members, work)?;
        Ok(hash(Purpose::File, &[b"two files", &file.0, &members.0]))
    }

    /// Who answers for it: one operator, or two.
    fn signers(&self, session: &Session) -> Outcome<(Signer, Option<Signer>)> {
        let first = self.operator.open(session)?;
        let file = self.second_passphrase_file.as_deref();
        let open = |path| signer::open(session, path, file, "--second-passphrase-file FILE");
        Ok((first, self.second.as_deref().map(open).transpose()?))
    }
}

/// Sees to it that two different operators stand behind a large import. The first one's word is kept in the ledger
/// file, for this file, this map and this node only.
fn agreed(
    session: &Session,
    node: &mut Node,
    statement: &Statement,
    (signer, second): (&Signer, Option<&Signer>),
    writes: u64,
) -> Outcome {
    let federation = node.federation()?;
    let mut said = vec![signer.states(&federation, statement)];
    if let Some(second) = second {
        Enrolling::new(node, (second, Duty::FamilyImport), None)?;
        said.push(second.states(&federation, statement));
    }
    let name = hash(Purpose::File, &[b"import", &wire::encode(statement)]);
    if let Some(bytes) = node.store().blob(Blob::Import, &name)? {
        let kept: Bounded<Stated, 8> = wire::decode(&bytes, 2048)?;
        said.extend(kept.iter().filter(|stated| statement.is_by(&federation, stated)).copied());
    }
    said.sort_by_key(|stated| stated.operator);
    said.dedup_by_key(|stated| stated.operator);
    said.truncate(8);
    let names: Vec<String> = said.iter().map(|s| hex(&s.operator.short())).collect();
    let enough = said.len() >= 2;
    let kept: Bounded<Stated, 8> = Bounded::new(said)?;
    node.store_mut().put_blob(Blob::Import, &name, &wire::encode(&kept))?;
    if enough {
        session.screen.note(format!("Agreed by operators {}.", names.join(" and ")));
        return Ok(());
    }
    Err(Fault::refused(format!(
        "{} at once need two operators; {} has agreed. Nothing was imported.",
        count(writes, "family", "families"),
        names.join("")
    ))
    .then("A second operator runs the same command with her own --operator FILE."))
}

/// What is said of families that were erased here and are in the file.
fn gone(families: u64, rows: &[u64]) -> String {
    let listed: Vec<String> = rows.iter().take(told::PRINTED).map(u64::to_string).collect();
    let more = if families > listed.len() as u64 { ", …" } else { "" };
    format!(
        "{} left out, in row {}{more}: erased here, and not registered again. Take them out of the list; \
         where one asks to be registered again, `annona family add` does it, or --erased for all of them.",
        count(families, "family is", "families are"),
        listed.join(", ")
    )
}

fn planned(plan: &Plan) -> Outcome<serde_json::Value> {
    serde_json::to_value(plan)
        .map_err(|why| Fault::input(format!("the report cannot be written: {why}")))
}

/// A table; what is wrong with it is told with its name.
fn opened(path: &Path, map: &Map) -> Outcome<Source> {
    Source::open(path, &map.csv()).map_err(|why| Fault::from(why).at(path.display()))
}

/// The hash of a file as a whole, in pieces: it may be larger than memory.
fn file_hash(path: &Path, work: &LongWork) -> Outcome<Hash> {
    let read = |fault| Fault::io("read", path, fault);
    let mut file = File::open(path).map_err(read)?;
    let mut hasher = Hasher::new(Purpose::File);
    let mut piece = vec![0u8; 1 << 16];
    loop {
        work.check()?;
        let len = file.read(&mut piece).map_err(read)?;
        match piece.get(..len) {
            Some([]) | None => return Ok(hasher.finish()),
            Some(bytes) => hasher.update(bytes),
        }
    }
}
