use std::collections::BTreeSet;

use annona_ledger::notice::{OperatorCertificate, Roles};
use annona_ledger::time::Minute;
use annona_node::config::{Config, Peer, RUN};
use annona_node::credential::register::Register;
use annona_node::daemon::SOON_DAYS;
use annona_node::disk::DiskFault;
use annona_node::folder::{CARDS, KEYS, LEDGER, PEOPLE, PINS, SHARES};
use annona_node::net::members::Standing;
use annona_node::node::Node;
use annona_node::pin::Pins;
use annona_node::shares::{self, SharesFault};
use annona_node::store::Store;
use annona_node::vault::Vault;
use clap::Args;
use serde_json::json;

use crate::fault::{Exit, Fault, Outcome};
use crate::owner;
use crate::progress::Bar;
use crate::session::Session;
use crate::words::{count, ending, hex, print_millis, print_minute};
use crate::{run, stopped};

/// Free space below which a site should not go into a day, in bytes.
const ROOM: u64 = 256 * 1024 * 1024;

const EXAMPLES: &str = "\
Examples:
  $ annona doctor
  $ annona doctor --full
  $ annona doctor --rebuild --json";

/// Looks whether this node is well: folder, settings, peers, permissions, what was signed, heads, charter, clock,
/// certificates, cuts, faulty feeds, disk.
///
/// With --full every stored block, every person's record, PINs, cards and shares are checked. With --rebuild the derived state is made anew
/// from the blocks, and must come out the same. Ends with 1 where anything is wrong, and says what to do.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Doctor {
    /// Check every block, every signature and every record
    #[arg(long)]
    full: bool,
    /// Make the derived state anew and compare
    #[arg(long)]
    rebuild: bool,
}

struct Looking<'a> {
    session: &'a Session,
    wrong: u64,
}

impl Looking<'_> {
    /// Something to see to, though nothing is wrong.
    fn warn(&self, what: &str, text: &str) -> Outcome {
        let value = json!({ "check": what, "well": true, "warning": true, "found": text });
        self.session.screen.answer("check", value, || format!("LOOK   {what}: {text}"))
    }

    fn say(&mut self, what: &str, found: Result<String, String>) -> Outcome {
        let (well, text) = match found {
            Ok(text) => (true, text),
            Err(text) => (false, text),
        };
        self.wrong += u64::from(!well);
        let value = json!({ "check": what, "well": well, "found": text });
        self.session.screen.answer("check", value, || {
            format!("{}  {what}: {text}", if well { "well " } else { "WRONG" })
        })
    }
}

impl Doctor {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        session.is_ours()?;
        let mut looking = Looking { session, wrong: 0 };
        let settings = session.settings();
        looking
            .say("settings", settings.map(|_| "node.toml reads".into()).map_err(|f| f.message))?;
        let config = Config::read(&session.dir.join(RUN));
        let peers = config.as_ref().map(|config| config.peer.clone()).unwrap_or_default();
        let there = session.dir.join(RUN).exists();
        let found =
            if there { "run.toml reads" } else { "there is no run.toml: nobody is dialled" };
        let reads = config.map(|_| found.into());
        looking.say("run", reads.map_err(|fault| fault.to_string()))?;
        looking.say("disk", room(session))?;
        // Opened as a node, so that heads and the memory of what was signed are looked at as they are before signing. What an
        // earlier version left is brought up to date by that.
        let opened = session.node();
        looking.say("permissions", permissions(session))?;
        if let Some(copies) = copies(session) {
            looking.warn("copies", &copies)?;
        }
        let mut node = opened?;
        let heads = node.store().check_heads().map(|()| "the ends of all feeds are whole".into());
        looking.say("heads", heads.map_err(|fault| fault.to_string()))?;
        let may = node.may_sign().map(|()| "it fits: this folder may sign".into());
        looking.say("memory of what was signed", may.map_err(ToString::to_string))?;
        if !self.full {
            let people = node.vault().map(|_| "the person file and its keys are here".into());
            looking.say("person file", people.map_err(|fault| fault.to_string()))?;
        }
        if node.store().charter().is_err() {
            looking.warn(
                "federation",
                "none yet: `annona charter apply FILE` takes in its charter, `annona node request` asks to be let in",
            )?;
        } else {
            if let Some(epoch) = node.store().charter_fork() {
                looking.say("charter", Err(crate::charter::forked(epoch)))?;
            }
            looking.say("clock", clock(session, node.store())?)?;
            certificate(&mut looking, &node)?;
            for words in endings(session, &node)? {
                looking.warn("certificates", &words)?;
            }
            looking.say("cuts", cuts(&node)?)?;
            let (ours, others): (Vec<_>, Vec<_>) =
                faulty(&node)?.into_iter().partition(|(value, _)| value["own"] == true);
            for (_, line) in others {
                looking.warn("faulty feed", line.trim())?;
            }
            for (_, line) in ours {
                looking.say("faulty feed", Err(line.trim().to_owned()))?;
            }
            if !peers.is_empty() {
                looking.say("peers", named(&node, &peers)?)?;
            }
            match uninsured(&node)?.as_slice() {
                [] => {}
                names => looking.warn(
                    "reserve",
                    &format!(
                        "should this site be lost, nobody is named to serve its families in {}: `annona node insure`",
                        names.join(", ")
                    ),
                )?,
            }
        }
        if self.full {
            let mut bar = Bar::new(&session.screen, "checking");
            let health = node.store().check_all(&mut |done, total| bar.set(done, total))?;
            drop(bar);
            let what = count(health.blocks, "block", "blocks");
            let found = if health.damage.is_empty() {
                Ok(format!("{what} and {} are whole", count(health.entries, "entry", "entries")))
            } else {
                Err(format!("{}. Restore from other nodes' bundles.", health.damage.join("; ")))
            };
            looking.say("ledger", found)?;
            let mut vault = session.vault(&node);
            let people = match &vault {
                Ok(vault) => vault.verify().map_err(|fault| fault.to_string()),
                Err(fault) => Err(fault.message.clone()),
            };
            let people = people
                .map(|n| format!("{} open", count(n, "family's records", "families' records")));
            looking.say("person file", people)?;
            beside(&mut looking, &node, vault.as_mut().ok())?;
        }
        if self.rebuild {
            let before = node.store().root()?;
            let mut bar = Bar::new(&session.screen, "rebuilding");
            node.store_mut().rebuild(&mut |done, total| bar.set(done, total))?;
            drop(bar);
            let after = node.store().root()?;
            let found = if before == after {
                Ok(format!("made anew, the same: {after}"))
            } else {
                Err(format!("it was {before} and is {after} when made anew; the new one stands."))
            };
            looking.say("state", found)?;
        }
        node.close()?;
        match looking.wrong {
            0 => Ok(()),
            n => Err(Fault::new(
                Exit::Wrong,
                format!("{}: see above.", count(n, "thing is wrong", "things are wrong")),
            )),
        }
    }
}

/// The smaller files of people and keys: each whole, and opening.
fn beside(looking: &mut Looking<'_>, node: &Node, vault: Option<&mut Vault>) -> Outcome {
    let text = |fault: &dyn std::fmt::Display| fault.to_string();
    let there = |name| node.folder().file(name).exists();
    if there(PINS) || vault.as_ref().is_some_and(|vault| vault.has_pins().unwrap_or(true)) {
        let pins = match &vault {
            Some(vault) => Pins::of_node(node, vault),
            None => Pins::of_folder(node),
        };
        let pins = pins.and_then(|pins| pins.verify());
        let pins = pins.map(|n| format!("{} whole", count(n, "is", "are")));
        looking.say("PINs", pins.map_err(|fault| text(&fault)))?;
    }
    let issuer = node.public().short();
    let printed = |vault: &&mut Vault| vault.has_printed(&issuer).unwrap_or(true);
    if there(CARDS) || vault.as_ref().is_some_and(printed) {
        let cards = match vault {
            Some(vault) => Register::of_node(node, vault),
            None => Register::open(&node.folder().file(CARDS), node.vault_key()?),
        };
        let cards = cards.map(|_| "the register opens".into());
        looking.say("cards", cards.map_err(|fault| text(&fault)))?;
    }
    match shares::holders(node.folder()) {
        Err(SharesFault::None) => Ok(()),
        Err(fault) => looking.say("shares", Err(text(&fault))),
        Ok(who) => {
            let fit = match shares::fit(node.folder()) {
                Ok(true) => Ok(format!("two of {} operators open the keys", who.len())),
                Ok(false) => Err(SharesFault::OtherKeys.to_string()),
                Err(fault) => Err(text(&fault)),
            };
            looking.say("shares", fit)
        }
    }
}

/// Whether each peer of the configuration can be met, as far as this node knows. Nobody is dialled.
fn named(node: &Node, peers: &[Peer]) -> Outcome<Result<String, String>> {
    let names = peers.iter().map(|peer| peer.node.0).collect();
    let members = annona_node::daemon::members(node, &names)?;
    let wrong = peers.iter().filter_map(|peer| match members.node(&peer.node.0) {
        Some(member) if member.standing == Standing::Member => None,
        Some(member) => Some(format!("{} is no member: {}", peer.node, member.standing)),
        None => Some(format!(
            "{} has no certificate that is known here: `annona node learn FILE`",
            peer.node
        )),
    });
    let wrong: Vec<String> = wrong.collect();
    Ok(if wrong.is_empty() {
        Ok(match peers.len() {
            1 => "the peer of run.toml is a member".to_owned(),
            many => format!("{many} peers of run.toml are members"),
        })
    } else {
        Err(wrong.join("; "))
    })
}

/// Whether nobody else on this machine can read the folder or its keys, and all of it, the memory too, is one user's.
#[cfg(unix)]
fn permissions(session: &Session) -> Result<String, String> {
    use std::os::unix::fs::PermissionsExt;
    for name in ["", KEYS, LEDGER, PEOPLE, CARDS, PINS, SHARES, RUN] {
        let path = session.dir.join(name);
        let Ok(found) = std::fs::metadata(&path) else { continue };
        let mode = found.permissions().mode() & 0o777;
        // The configuration holds no secret; who may write it decides where the node listens.
        let open = if name == RUN { mode & 0o022 } else { mode & 0o077 };
        if open != 0 {
            let way = if name == RUN { "go-w" } else { "go-rwx" };
            return Err(format!(
                "others may use {} (mode {mode:o}): chmod {way} {0}",
                path.display()
            ));
        }
    }
    let files = std::fs::read_dir(&session.dir).into_iter().flatten().flatten();
    let mut files: Vec<_> = files.map(|entry| entry.path()).collect();
    // What cannot be read of the memory is told of where it is looked at.
    if let Ok(heads) = session.heads() {
        let memory = std::fs::read_dir(&heads).into_iter().flatten().flatten();
        files.extend(memory.map(|entry| entry.path()));
        files.push(heads);
    }
    files.sort();
    match owner::astray(&session.dir, files.iter().map(AsRef::as_ref)) {
        Some(words) => Err(words),
        None => Ok("folder and keys are this user's alone".into()),
    }
}

#[cfg(not(unix))]
fn permissions(_: &Session) -> Result<String, String> {
    Ok("not looked at on this system".into())
}

/// Copies of the ledger that were made before it was brought up to date. They are as plain as it is, and nothing needs them
/// once the node is known to be well.
fn copies(session: &Session) -> Option<String> {
    let prefix = format!("{LEDGER}.schema-");
    let copies = std::fs::read_dir(&session.dir).ok()?.filter_map(Result::ok).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let version = name.strip_prefix(&prefix)?;
        let bytes = entry.metadata().ok()?.len();
        version.parse::<u32>().ok().map(|_| format!("{name} ({} MiB)", bytes.div_ceil(1 << 20)))
    });
    let mut copies: Vec<String> = copies.collect();
    copies.sort();
    (!copies.is_empty()).then(|| {
        format!(
            "{}: the ledger as an earlier version left it. Delete what you do not go back to.",
            copies.join(", ")
        )
    })
}

/// Whether this node has a certificate, and for how long.
fn certificate(looking: &mut Looking<'_>, node: &Node) -> Outcome {
    const WHAT: &str = "certificate";
    let Some(certificate) = node.certificate() else {
        return looking.warn(WHAT, &format!("none. {}", run::HOW_CERTIFIED));
    };
    let founded = node.store().charter()?.founded();
    let until = print_minute(certificate.not_after, founded);
    let now = Minute::of(looking.session.now(), founded);
    let days = certificate.not_after.0.saturating_sub(now.0) / (24 * 60);
    if certificate.not_after <= now {
        looking.say(WHAT, Err(format!("it ended {until}. {}", run::HOW_CERTIFIED)))
    } else if certificate.programmes.is_empty() && certificate.roles.has(Roles::MERCHANT) {
        let why = "it names no programme, so nobody is served: `annona node admit --programme P` at its organisation";
        looking.say(WHAT, Err(why.to_owned()))
    } else if days < SOON_DAYS {
        let left = count(days.into(), "day", "days");
        looking.warn(WHAT, &format!("it ends in {left}, {until}. {}", run::HOW_CERTIFIED))
    } else {
        looking.say(WHAT, Ok(format!("until {until}")))
    }
}

/// At a treasury: nodes and operators of its organisation whose certificates end soon or ended lately. At the site itself
/// nobody may look.
fn endings(session: &Session, node: &Node) -> Outcome<Vec<String>> {
    let Some(own) = node.certificate().filter(|c| c.roles.has(Roles::TREASURY)) else {
        return Ok(Vec::new());
    };
    let (roster, founded) = (node.store().roster(), node.store().charter()?.founded());
    let now = Minute::of(session.now(), founded);
    // Who was let go ages ago is nobody's news.
    let lately = |end: Minute| end.0.saturating_add(SOON_DAYS * 24 * 60) > now.0;
    let line = |who: String, end: Minute, next: &str| {
        let words = ending(end, now).filter(|_| lately(end))?;
        Some(format!("that of {who}: {words}, {}: `{next}`", print_minute(end, founded)))
    };
    let members = annona_node::daemon::members(node, &BTreeSet::new())?;
    let stands = |short: &[u8; 8]| {
        let standing = members.node(short).map(|member| member.standing);
        matches!(standing, Some(Standing::Member | Standing::Expired | Standing::Shared))
    };
    let nodes = roster
        .nodes()
        .filter(|c| c.org == own.org && c.short() != own.short() && stands(&c.short()));
    let nodes = nodes.filter_map(|c| {
        line(format!("{} ({})", c.site_name, hex(&c.short())), c.not_after, "annona node admit")
    });
    let at_work = |c: &&OperatorCertificate| {
        c.org == own.org && roster.withdrawn(&c.operator, c.org).is_none()
    };
    let operators = roster.operators().filter(at_work).filter_map(|c| {
        let who = format!("operator {}", hex(&c.operator.short()));
        line(who, c.not_after, "annona operator admit")
    });
    Ok(nodes.chain(operators).collect())
}

/// The feeds of anybody that are proven faulty.
fn faulty(node: &Node) -> Outcome<Vec<stopped::Told>> {
    let work = node.store().look()?;
    let told = stopped::faulty(&work, Some(&node.public().short()));
    work.check()?;
    Ok(told)
}

/// The programmes this node serves people of and that no other node is named for, should it be lost.
fn uninsured(node: &Node) -> Outcome<Vec<String>> {
    let (store, own) = (node.store(), node.public().short());
    let Some(certificate) = node.certificate().filter(|c| c.roles.has(Roles::MERCHANT)) else {
        return Ok(Vec::new());
    };
    let charter = store.charter()?;
    let left =
        certificate.programmes.iter().filter(|p| store.roster().reserve_of(&own, **p).is_none());
    Ok(left.filter_map(|p| charter.programme(*p)).map(|p| p.name.to_string()).collect())
}

/// What was cut of this node, and what it has in suspense. A cut is nothing wrong with the folder, but as long as the feed
/// has not ended somebody has to act.
fn cuts(node: &Node) -> Outcome<Result<String, String>> {
    let (store, own) = (node.store(), node.public().short());
    let work = store.look()?;
    let cut = stopped::cuts(&work, &own);
    let held = stopped::suspended(store.charter()?, &work, Some(&own));
    work.check()?;
    let stands = cut.iter().any(|(value, _)| value["counts"] == true && value["ended"] == false);
    let lines = cut.into_iter().chain(held).map(|(_, line)| line.trim().to_owned());
    let lines: Vec<String> = lines.collect();
    Ok(match (lines.is_empty(), stands) {
        (true, _) => Ok("none of this node's feeds is cut".into()),
        (false, false) => Ok(lines.join("; ")),
        (false, true) => {
            let what = lines.join("; ");
            Err(format!("{what}. Serve from a reserve; `annona node end` makes it exact."))
        }
    })
}

fn clock(session: &Session, store: &Store) -> Outcome<Result<String, String>> {
    let wrong = session.clock_may_be(store)?;
    Ok(wrong.map_or_else(
        || Ok(print_millis(session.now())),
        |words| Err(words.trim_start_matches("clock? ").into()),
    ))
}

#[cfg(unix)]
fn room(session: &Session) -> Result<String, String> {
    let found = rustix::fs::statvfs(&session.dir);
    let found =
        found.map_err(|why| DiskFault::io("look at", &session.dir, why.into()).to_string())?;
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    let text = format!("{} MiB free", free / (1024 * 1024));
    if free < ROOM { Err(format!("{text}: make room before the day begins.")) } else { Ok(text) }
}

#[cfg(not(unix))]
fn room(_: &Session) -> Result<String, String> {
    Ok("not looked at on this system".into())
}
