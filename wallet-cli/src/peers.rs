use annona_ledger::notice::Roster;
use annona_ledger::time::Millis;
use annona_node::config::{Address, Config, RUN};
use clap::Args;
use serde_json::{Value, json};

use crate::fault::{Exit, Fault, Outcome};
use crate::run;
use crate::session::Session;
use crate::words::print_millis;

const EXAMPLES: &str = "\
Examples:
  $ annona peers
  $ annona peers --json
  $ annona peers --check";

/// Says how it stands with each peer: who is met, who is not, why, and what to do. Needs no passphrase.
///
/// Ends with 0 however they stand. With --check, for a monitor, with 4 where a peer that this node dials is not met, and with 6
/// where one is revoked.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Peers {
    /// Fail where a peer is not met
    #[arg(long)]
    check: bool,
}

impl Peers {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        session.is_ours()?;
        let Some(said) = run::ask(session, "peers")? else {
            let config = Config::read(&session.dir.join(RUN))?;
            for peer in &config.peer {
                let node = peer.node.to_string();
                let address = peer.address.as_ref().map(Address::as_str);
                let via = peer.via.map(|via| via.to_string());
                let at = address.map_or_else(
                    || via.iter().map(|via| format!("via {via}")).collect(),
                    str::to_owned,
                );
                let value =
                    json!({ "node": node, "address": address, "via": via, "state": "not_running" });
                session.screen.answer("peer", value, || format!("{node}  {at}"))?;
            }
            all(session, false, &[])?;
            session.screen.note("The node does not run: start it with `annona run`.");
            return match self.check && !config.peer.is_empty() {
                true => Err(unmet("no peer is met: the node does not run.")),
                false => Ok(()),
            };
        };
        let store = session.read()?;
        let rows: Vec<Value> =
            said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        for row in &rows {
            session.screen.answer("peer", row.clone(), || told(row, store.roster()))?;
        }
        if rows.is_empty() {
            session
                .screen
                .note("No peers yet: name some in run.toml (`annona run --print-config`).");
        }
        all(session, true, &rows)?;
        session.clock_words(&store)?.into_iter().for_each(|words| session.screen.note(words));
        if self.check { stands(&rows) } else { Ok(()) }
    }
}

/// Says of all peers together how it stands: a program is told something where there is none, too.
fn all(session: &Session, running: bool, rows: &[Value]) -> Outcome {
    let met = rows.iter().filter(|row| is_met(row)).count();
    let value = json!({ "running": running, "peers": rows.len(), "met": met });
    session.screen.answer("peers", value, String::new)
}

fn is_met(row: &Value) -> bool {
    ["meeting", "met", "quiet"].iter().any(|state| row["state"] == *state)
}

/// What a monitor is to hear: who is revoked, before who is only away.
fn stands(rows: &[Value]) -> Outcome {
    let named = |rows: Vec<&Value>| {
        let names = rows.iter().filter_map(|row| row["node"].as_str());
        names.collect::<Vec<_>>().join(", ")
    };
    let revoked: Vec<&Value> = rows.iter().filter(|row| row["state"] == "revoked").collect();
    if !revoked.is_empty() {
        return Err(Fault::new(Exit::Conflict, format!("{} is revoked.", named(revoked))));
    }
    let away = rows.iter().filter(|row| row["dialled"] == true && !is_met(row));
    let away: Vec<&Value> = away.collect();
    if away.is_empty() { Ok(()) } else { Err(unmet(format!("{} is not met.", named(away)))) }
}

fn unmet(words: impl Into<String>) -> Fault {
    Fault::new(Exit::Unmet, words.into()).then("`annona peers` says why, and what to do.")
}

/// A peer in words: who, how it stands and what to do, what went over, and clocks that are apart.
fn told(row: &Value, roster: &Roster) -> String {
    let node = row["node"].as_str().unwrap_or_default();
    let place = roster.nodes().find(|c| crate::words::hex(&c.short()) == node);
    let place = place.map(|c| format!(" ({}, organisation {})", c.site_name, c.org));
    let since = row["since"].as_u64().filter(|at| *at > 0);
    let since = since.map(|at| format!(" since {}", print_millis(Millis(at))));
    let mut text = format!(
        "{node}{}: {}{}",
        place.unwrap_or_default(),
        row["text"].as_str().unwrap_or_default(),
        since.unwrap_or_default(),
    );
    let (sent, received) = (bytes(&row["sent"]), bytes(&row["received"]));
    if row["links"].as_u64() > Some(0) {
        text = format!("{text}\n  sent {sent}, received {received}");
    }
    if !row["budget_left"].is_null() {
        text = format!("{text}\n  {} left of today's budget", bytes(&row["budget_left"]));
    }
    if row["clock_doubted"] == true {
        let ahead = row["clock_ahead_ms"].as_i64().unwrap_or_default() / 1_000;
        let word = if ahead > 0 { "ahead of" } else { "behind" };
        let apart = ahead.unsigned_abs();
        let apart = match apart {
            0..7_200 => format!("{} min", apart / 60),
            7_200..172_800 => format!("{} h", apart / 3_600),
            _ => format!("{} days", apart / 86_400),
        };
        text = format!(
            "{text}\n  clock? Its clock is {apart} {word} this one: one of the two is wrong"
        );
    }
    text
}

fn bytes(value: &Value) -> String {
    let bytes = value.as_u64().unwrap_or_default();
    match bytes {
        0..10_000 => format!("{bytes} bytes"),
        10_000..10_000_000 => format!("{} KB", bytes / 1_000),
        _ => format!("{} MB", bytes / 1_000_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_hears_of_who_is_revoked_before_who_is_away() {
        #[track_caller]
        fn check(rows: &[(&str, bool)], exit: Option<Exit>) {
            let row = |&(state, dialled): &(&str, bool)| json!({ "node": "5f1c0a9b77e24410", "state": state, "dialled": dialled });
            let rows: Vec<Value> = rows.iter().map(row).collect();
            assert_eq!(stands(&rows).err().map(|fault| fault.exit), exit, "{rows:?}");
        }
        check(&[], None);
        check(&[("met", true), ("meeting", true), ("quiet", true)], None);
        // Who is not dialled comes when it likes.
        check(&[("met", true), ("waiting", false)], None);
        check(&[("met", true), ("unreachable", true)], Some(Exit::Unmet));
        check(&[("unreachable", true), ("revoked", false)], Some(Exit::Conflict));
    }

    #[test]
    fn a_peer_is_told_with_what_to_do_and_clocks_that_are_apart() {
        let row = json!({
            "node": "5f1c0a9b77e24410", "text": "meeting", "since": 0, "sent": 12_345, "received": 3,
            "links": 1, "budget_left": 4_999_999, "clock_doubted": true, "clock_ahead_ms": -10_800_000,
        });
        assert_eq!(
            told(&row, &Roster::new()),
            "5f1c0a9b77e24410: meeting\n  sent 12 KB, received 3 bytes\n  4999 KB left of today's budget\n\
             \x20 clock? Its clock is 3 h behind this one: one of the two is wrong"
        );
    }
}
