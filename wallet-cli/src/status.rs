use annona_ledger::entry::Owner;
use annona_ledger::id::{FeedId, Lane};
use annona_ledger::notice::NodeCertificate;
use annona_ledger::time::Minute;
use annona_node::node::{clock_of, stamp};
use annona_node::serve;
use annona_node::store::Blob;
use clap::Args;
use serde_json::{Value, json};

use crate::fault::Outcome;
use crate::letter;
use crate::pay::allowance;
use crate::run;
use crate::session::Session;
use crate::stopped;
use crate::words::{self, hex, print_minute, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona status
  $ annona status --json";

/// Says who this node is, what it holds, and what waits for somebody. Needs no passphrase.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Status {}

impl Status {
    #[expect(clippy::unused_self, reason = "every command is called the same way")]
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let store = session.read()?;
        let own = session.own_key()?;
        let settings = session.settings()?;
        let short = own.map(|key| hex(&key.short())).unwrap_or_else(|| "unknown".into());
        let Ok(charter) = store.charter() else {
            let value = json!({ "node": short, "site": settings.site, "federation": null });
            session
                .screen
                .answer("status", value, || format!("Node {short}, in no federation yet"))?;
            session.screen.note("Next: `annona charter apply FILE` with the federation's charter.");
            return Ok(());
        };
        let founded = charter.founded();
        let certificate = own.and_then(|key| store.roster().node(&key.short()).cloned());
        let work = store.look()?;
        let (mut pools, mut lines) = (Vec::new(), Vec::new());
        for (key, pool) in work.whole_pools() {
            if own.is_none_or(|own| own.short() != key.node) {
                continue;
            }
            let Some(programme) = charter.programme(key.programme) else { continue };
            let Some(commodity) = programme.commodity(key.commodity) else { continue };
            let print = |units| print_units(commodity, units);
            let (lots, arriving) = (pool.lots.units(), pool.arriving.units());
            let redeemed = pool.redeemed.units();
            // What lies here is of several kinds, and only one of them can be issued.
            let feed = own.map(|node| FeedId { node, lane: Lane::Value, programme: key.programme });
            let chain = feed.and_then(|feed| work.trunk(&feed));
            let common = chain.map(|chain| work.common_lots(chain)).unwrap_or_default();
            let kind = |owner: Owner| {
                let of = common.iter().filter(|(_, lot)| {
                    (lot.owner, lot.cycle, lot.commodity) == (owner, key.cycle, key.commodity)
                });
                of.fold(0i128, |sum, (_, lot)| sum.saturating_add(lot.balance.units()))
            };
            let [budget, float, reserve] = [Owner::Budget, Owner::Float, Owner::Reserve].map(kind);
            let hers = lots.saturating_sub(budget).saturating_sub(float).saturating_sub(reserve);
            let kinds = [
                (budget, "to issue or send"),
                (hers, "for families"),
                (float, "as allowance"),
                (reserve, "as reserve"),
            ];
            let kinds = kinds.iter().filter(|(units, _)| *units != 0);
            let kinds: Vec<String> =
                kinds.map(|(units, words)| format!("{} {words}", print(*units))).collect();
            let kinds = match kinds[..] {
                [] => String::new(),
                _ => format!(" ({})", kinds.join(", ")),
            };
            pools.push(json!({
                "programme": key.programme, "cycle": key.cycle, "commodity": key.commodity,
                "lots": lots.to_string(), "budget": budget.to_string(), "float": float.to_string(),
                "reserve": reserve.to_string(), "for_families": hers.to_string(), "arriving": arriving.to_string(), "redeemed": redeemed.to_string(),
            }));
            lines.push(format!(
                "  {} cycle {}, {}: {} here{kinds}, {} on the way, {} handed out",
                programme.name,
                key.cycle,
                commodity.name,
                print(lots),
                print(arriving),
                print(redeemed),
            ));
        }
        let suspended = stopped::suspended(charter, &work, None);
        let cuts = own.map(|own| stopped::cuts(&work, &own.short())).unwrap_or_default();
        let clock = own.and_then(|own| clock_of(&work, own, session.now()));
        let (mut held, mut allowed): (u64, Vec<stopped::Told>) = (0, Vec::new());
        if let (Some(node), Some(c)) = (own, &certificate) {
            for programme in c.programmes.iter() {
                let feed = FeedId { node, lane: Lane::Value, programme: *programme };
                let at = stamp(&work, &feed, session.now()).at;
                held = held.saturating_add(serve::held(&work, &feed, at).len() as u64);
                let Some(of) = charter.programme(*programme) else { continue };
                let all = serve::allowances(&work, &feed, None, at);
                // Where the clock is not believed, the day is the one on which entries are dated.
                let today = match at.day() == Minute::of(session.now(), founded).day() {
                    true => "today".to_owned(),
                    false => format!(
                        "on {}, as entries are dated here",
                        words::print_date(at.begins(founded))
                    ),
                };
                // Who has none, and never gave any, has nothing to say of it.
                let has = |one: &&serve::Allowance| one.here > 0 || one.site.left < one.site.most;
                allowed.extend(
                    all.iter().filter(has).map(|one| allowance::line(*programme, of, one, &today)),
                );
            }
        }
        let feeds = work.feeds();
        let entries: u64 = feeds.iter().map(|feed| feed.head.next).sum();
        let faulty = stopped::faulty(&work, own.map(|key| key.short()).as_ref());
        let halted: Vec<u16> = work.halted_programmes().into_iter().map(|p| p.0).collect();
        let copied = work.clones().len();
        work.check()?;
        drop(work);
        let told = session.clock_words(&store)?;
        let drafts = store.blobs(Blob::Draft)?.len();
        let running = run::running(session)?;
        let [came, go, lost] = letter::counts(store.path().parent().unwrap_or(store.path()));
        let federation = charter.federation().to_string();
        let value = json!({
            "node": short, "site": settings.site, "federation": federation,
            "federation_name": charter.name().as_str(), "epoch": charter.epoch(),
            "certificate": certificate.as_ref().map(|c| certificate_value(c, founded)),
            "certificate_ended": certificate.as_ref().is_some_and(|c| c.not_after <= Minute::of(session.now(), founded)),
            "feeds": feeds.len(), "entries": entries,
            "faulty_feeds": faulty.len(), "faulty": faulty.iter().map(|(value, _)| value).collect::<Vec<_>>(),
            "drafts_waiting": drafts, "pools": pools, "charter_fork": store.charter_fork(),
            "clock_doubted": clock.is_some_and(|stamp| stamp.doubtful.is_some()),
            "clock_behind": clock.is_some_and(|stamp| stamp.behind),
            "upgrade_needed": halted, "running": running, "copied_wallets": copied,
            "put_by": held, "allowances": allowed.iter().map(|(value, _)| value).collect::<Vec<_>>(),
            "letters": { "came": came, "to_go": go, "not_delivered": lost },
            "cuts": cuts.iter().map(|(value, _)| value).collect::<Vec<_>>(),
            "suspense": suspended.iter().map(|(value, _)| value).collect::<Vec<_>>(),
        });
        session.screen.answer("status", value, || {
            let place = certificate.as_ref().map_or_else(
                || "no certificate yet: `annona node request`".to_owned(),
                |c| {
                    let roles: Vec<_> = c.roles.words().collect();
                    let until = print_minute(c.not_after, founded);
                    let ends = words::ending(c.not_after, Minute::of(session.now(), founded));
                    let ends = ends.map_or_else(String::new, |words| {
                        format!("\nCERTIFICATE: {words}. {}", run::HOW_CERTIFIED)
                    });
                    format!(
                        "{} of organisation {} ({}), until {until}{ends}",
                        c.site_name,
                        c.org,
                        roles.join(", ")
                    )
                },
            );
            let mut text = format!(
                "Node {short}: {place}\nFederation {} ({}…), charter epoch {}\n{} in {}",
                charter.name(),
                federation.chars().take(16).collect::<String>(),
                charter.epoch(),
                words::count(entries, "entry", "entries"),
                words::count(feeds.len() as u64, "feed", "feeds"),
            );
            if let Some(epoch) = store.charter_fork() {
                text = format!("{text}\nWRONG: the charter: {}", crate::charter::forked(epoch));
            }
            lines.iter().for_each(|line| text = format!("{text}\n{line}"));
            allowed.iter().for_each(|(_, line)| text = format!("{text}\n{line}"));
            cuts.iter().for_each(|(_, line)| text = format!("{text}\n{line}"));
            suspended.iter().for_each(|(_, line)| text = format!("{text}\n{line}"));
            if held > 0 {
                let times = words::count(held, "time", "times");
                text = format!("{text}\nGoods are put by, {times}: `annona pay list`");
            }
            for (many, one, all) in [
                (came, "letter came", "letters came"),
                (go, "letter waits to go", "letters wait to go"),
                (lost, "letter was not delivered", "letters were not delivered"),
            ] {
                if many > 0 {
                    let letters = words::count(many, one, all);
                    text = format!("{text}\n{letters}: `annona letter list`");
                }
            }
            if copied > 0 {
                let wallets = words::count(copied as u64, "wallet is", "wallets are");
                text = format!("{text}\n{wallets} shown to be copied: `annona wallet clones`");
            }
            if let Some(clock) = &told {
                text = format!("{text}\n{clock}");
            }
            if !halted.is_empty() {
                text = format!(
                    "{text}\nupgrade needed: of programmes {halted:?} not all is counted here, a later version wrote it"
                );
            }
            if let Some(running) = &running {
                text = format!("{text}\n{}", runs(running));
            }
            if drafts > 0 {
                let waiting = words::count(drafts as u64, "list waits", "lists wait");
                text = format!("{text}\n{waiting} for approval: `annona entitle list`");
            }
            faulty.iter().for_each(|(_, line)| text = format!("{text}\n{line}"));
            text
        })
    }
}

/// What a node that runs says of its links, in words.
fn runs(running: &Value) -> String {
    let at = running["listening"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let at: Vec<&str> = at.collect();
    let at = if at.is_empty() { "dials only".into() } else { format!("at {}", at.join(", ")) };
    let lent = match running["lent"]["pid"].as_u64() {
        Some(pid) => format!("; its folder is lent to pid {pid}"),
        None => String::new(),
    };
    let mut text = format!(
        "Running (pid {}), {at}; meets {} of {} peers{lent}: `annona peers`",
        running["pid"], running["meeting"], running["peers"]
    );
    if let Some(why) = running["may_not_sign"].as_str() {
        text = format!("{text}\nIt may not sign: {why}");
    }
    if running["little_room"] == true {
        text = format!(
            "{text}\nThe disk is nearly full: of what others hold only what is urgent is taken in, or nothing. Make room"
        );
    }
    text
}

/// A certificate as `--json` shows it.
pub(crate) fn certificate_value(
    c: &NodeCertificate,
    founded: annona_ledger::time::Millis,
) -> Value {
    json!({
        "node": hex(&c.short()), "key": hex(c.node.bytes()), "organisation": c.org, "site": c.site,
        "site_name": c.site_name.as_str(), "roles": c.roles.words().collect::<Vec<_>>(),
        "programmes": c.programmes.to_vec(),
        "issued": print_minute(c.issued, founded), "not_after": print_minute(c.not_after, founded),
        "replaces": c.replaces.map(|node| hex(&node)),
    })
}
