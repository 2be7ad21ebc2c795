use std::path::PathBuf;

use annona_ledger::id::{Lane, OrgId};
use annona_ledger::time::DayNo;
use annona_node::keystore::{Name, Secret};
use annona_node::node::NodeFault;
use annona_node::pin::{envelope, open_lent, usable};
use annona_node::vault::Vault;
use annona_node::{atomic, erase};
use clap::Args;
use serde_json::json;

use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::pay::pin::pins;
use crate::pay::till::{Till, Whose};
use crate::session::Session;
use crate::words;

const LEND: &str = "\
Examples:
  $ annona family lend-pins --to hill --out hill.pins
  $ annona family lend-pins --to hill --family 2 --days 2 --out hill.pins";

const TAKE: &str = "\
Examples:
  $ annona family take-pins --dir hill hill.pins
  $ annona family take-pins --dir hill hill.pins --json";

/// `annona pins 1` and a line's end: what a file of lent PINs begins with.
const MAGIC: &[u8; 14] = b"annona pins 1\n";
/// The largest file of them.
const BYTES: usize = 4 << 20;

/// Lets another node check PINs of families that are kept here: another of the site, or a terminal for its day.
///
/// Each is sealed to that node and opens nobody else's. It ends by itself; a PIN that is changed here meanwhile is the
/// old one there until then, or until it is lent for a later day. With a ticket it goes by itself: `annona pay ticket`.
#[derive(Args)]
#[command(before_help = LEND)]
pub(crate) struct Lend {
    /// The node, by its site's name or its digits
    #[arg(long, value_name = "NODE")]
    to: String,
    /// Only these families [default: all that have a PIN]
    #[arg(long = "family", value_name = "FAMILY")]
    families: Vec<String>,
    /// For so many days
    #[arg(long, value_name = "N", default_value_t = 1)]
    days: u32,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    /// Where to write them
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Say whose PINs would go; write nothing
    #[arg(long)]
    dry_run: bool,
}

/// Takes PINs that a site of the programme lent to this node.
#[derive(Args)]
#[command(before_help = TAKE)]
pub(crate) struct Take {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The programme [default: the only one this node serves]
    #[arg(long, value_name = "P")]
    programme: Option<String>,
    /// Open them; take in nothing
    #[arg(long)]
    dry_run: bool,
}

impl Lend {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        if self.days == 0 || self.days > 366 {
            return Err(Fault::usage("PINs are lent for 1 to 366 days."));
        }
        let node = session.signing_node()?;
        let till = Till::open(&node, self.programme.as_deref())?;
        let to = words::reader(&node, &self.to)?;
        let vault = session.vault(&node)?;
        let pins = pins(&node, &vault)?;
        let families: Vec<String> =
            if self.families.is_empty() { every(&vault)? } else { self.families.clone() };
        let until = words::last_day(node.stamp(&till.feed)?, self.days, till.founded);
        let mut rows = Vec::new();
        for family in families {
            let id = crate::holder::find(&vault, &family)?;
            if !pins.has(id)? {
                continue;
            }
            let whose = Whose { family: Some(family), ..Whose::default() };
            let gone = vault.erasure_commitment(id, till.id)?;
            for purse in till.purses_here(session, &node, &whose, None)? {
                rows.extend(pins.lend(id, purse, until, &gone)?);
            }
        }
        if rows.is_empty() {
            return Err(
                Fault::refused("no family here has a PIN.").then("`annona family pin` sets one.")
            );
        }
        let count = rows.len();
        let value = json!({ "purses": count, "to": words::hex(&to.short()), "days": self.days });
        let purses = words::count(count as u64, "purse", "purses");
        if self.dry_run {
            let to = words::hex(&to.short());
            let told = format!("PINs of {purses} would go to {to} for {} days", self.days);
            dry_run::would(session, "lent", value, &told)?;
            dry_run::nothing(session);
            return Ok(node.close()?);
        }
        let key = node.signing_key(Name::NodeSigning)?;
        let sealed = envelope(&node.federation()?, &key, &to, rows)?;
        atomic::write(&self.out, &[MAGIC.as_slice(), &sealed].concat())?;
        node.close()?;
        session.screen.answer("lent", value, || {
            format!("PINs of {purses} for {} days are in {}", self.days, self.out.display())
        })
    }
}

impl Take {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let bytes = atomic::read(&self.file, BYTES)?;
        let sealed = bytes
            .strip_prefix(MAGIC)
            .ok_or_else(|| Fault::file(&self.file, "this is no file of lent PINs."))?;
        let node = session.signing_node()?;
        let charter = node.store().charter()?.clone();
        let (programme, _) = words::served(&node, &charter, self.programme.as_deref())?;
        let kept = take(&node, programme, sealed, self.dry_run)?;
        if kept == 0 {
            session.screen.warn(
                "none was taken: they have ended, or other PINs are here for as long a day. Have them lent for a day further on.",
            );
        }
        node.close()?;
        let (value, purses) =
            (json!({ "purses": kept }), words::count(kept as u64, "purse", "purses"));
        if self.dry_run {
            dry_run::would(session, "taken", value, &format!("PINs of {purses} would be here"))?;
            dry_run::nothing(session);
            return Ok(());
        }
        session.screen.answer("taken", value, || format!("PINs of {purses} are here"))
    }
}

pub(super) fn every(vault: &Vault) -> Outcome<Vec<String>> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = vault.all(after, usize::MAX)?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(*last);
        all.extend(page.iter().map(|id| id.to_string()));
    }
}

/// Takes an envelope of lent PINs in; on a dry run only opens it. Says of how many purses they are.
pub(crate) fn take(
    node: &annona_node::node::Node,
    programme: annona_ledger::id::ProgrammeId,
    sealed: &[u8],
    dry_run: bool,
) -> Outcome<usize> {
    let at = node.stamp(&node.feed(Lane::Value, programme))?;
    let secret = node.keys().get(Name::NodeSealing).and_then(Secret::as_seed);
    let secret = secret.ok_or(NodeFault::NoKey("sealing key"))?;
    let (federation, own) = (node.federation()?, node.public().short());
    let roster = node.store().roster();
    let of = node.store().charter()?.programme(programme).map(|p| p.org);
    let orgs = [of, node.org()].map(|org| org.or(of).unwrap_or(OrgId(0)));
    let asked = (programme, orgs);
    let rows = open_lent(&federation, roster, asked, at, (&own, secret), sealed)?;
    let today = DayNo::of(at);
    if dry_run {
        return Ok(usable(&rows, today).count());
    }
    let vault = node.vault()?;
    let mut pins = pins(node, &vault)?;
    vault.note_pins()?;
    Ok(erase::keep_lent(node, &mut pins, &rows, today)?)
}
