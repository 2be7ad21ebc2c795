use annona_ledger::notice::Roster;
use annona_ledger::time::Millis;
use annona_node::config::{Address, Config, RUN};
use clap::Args;
use serde_json::{Value, json};

use crate::fault::Outcome;
use crate::run;
use crate::session::Session;
use crate::words::print_millis;

const EXAMPLES: &str = "\
Examples:
  $ annona peers
  $ annona peers --json";

/// Says how it stands with each peer: who is met, who is not, why, and what to do. Needs no passphrase.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Peers {}

impl Peers {
    #[expect(clippy::unused_self, reason = "every command is called the same way")]
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
            session.screen.note("The node does not run: start it with `annona run`.");
            return Ok(());
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
        Ok(())
    }
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
