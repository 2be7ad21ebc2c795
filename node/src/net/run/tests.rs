//! The loop, told what became of links: whom it then dials, and when.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use annona_ledger::hash::Hash;
use annona_ledger::id::FederationId;
use annona_ledger::sync::session::Figures;
use annona_ledger::sync::talk::Why;
use libp2p_core::transport::PortUse;
use libp2p_core::{ConnectedPoint, Endpoint};
use libp2p_swarm::ConnectionId;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::unbounded_channel;

use super::super::link::{Ended, Meet, Past, Room, Talk};
use super::super::members::{Member, Members, Standing};
use super::super::{Starting, identity, limits};
use super::{Link, Loop, State, begin};
use crate::clock::Clock;
use crate::config::{Config, DayBytes, NodeName, Peer};
use crate::log::Log;

const NODE: [u8; 8] = [7; 8];

struct Nobody;

impl Meet for Nobody {
    fn open(&self, _: &Member, _: &Room) -> Result<Box<dyn Talk>, String> {
        Err(String::new())
    }
}

/// A loop that dials one peer and listens nowhere, and what it lives in.
fn looping(budget: Option<u64>) -> (Runtime, Loop) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut config = Config::default();
    config.network.listen = Vec::new();
    let mut peer = Peer::at(NodeName(NODE), ([127, 0, 0, 1], 9).into());
    peer.budget = budget.map(DayBytes);
    config.peer = vec![peer];
    let clock = Clock::system();
    let starting = Starting {
        key: identity::keypair(&[1; 32]).expect("a key"),
        federation: FederationId(Hash([9; 32])),
        members: Arc::new(Members::default()),
        meet: Arc::new(Nobody),
        board: Arc::default(),
        log: Log::to(config.log, clock, Arc::new(std::sync::Mutex::new(std::io::sink()))),
        clock,
        config,
    };
    let (asks, asked) = unbounded_channel();
    let inside = runtime.enter();
    let looping = begin(starting, asks, asked).expect("begins");
    drop(inside);
    (runtime, looping)
}

/// How long the peer is not dialled once a link of a minute has ended so.
fn check(budget: Option<u64>, left: u64, past: Past) -> Duration {
    let (_runtime, mut looping) = looping(budget);
    let connection = ConnectionId::new_unchecked(1);
    let now = looping.clock.now();
    let (day, _) = super::schedule::local(now, looping.config.network.zone.0);
    let opened = Instant::now().checked_sub(Duration::from_secs(60)).expect("the system runs");
    let (heard, _hears) = channel();
    let number = looping.board.begins(&NODE, day);
    looping.links.insert(NODE, Link { connection, dialled: true, opened, day, number, heard });
    let sent = budget.unwrap_or(0) - left;
    looping.board.tell(&NODE, number, Figures { sent, ..Figures::default() });
    looping.ended(NODE, connection, past);
    assert!(looping.links.is_empty());
    looping.dials[&NODE].next.saturating_duration_since(Instant::now())
}

#[test]
fn who_has_no_budget_left_is_dialled_every_half_hour_and_not_every_minute() {
    let past =
        |withheld| Past { number: 1, ended: Ended::Said(Why::Done), useful: false, withheld };
    let soon = |wait: Duration| wait < Duration::from_secs(5);
    let late = |wait: Duration| wait > limits::HELD - Duration::from_secs(60);
    assert!(late(check(Some(5_000_000), 0, past(true))));
    assert!(late(check(Some(5_000_000), 300_000, past(true))), "greetings would use it up");
    assert!(soon(check(Some(5_000_000), 2_500_000, past(true))), "the next half");
    assert!(late(check(None, 0, past(true))), "the other side's budget");
    assert!(soon(check(Some(5_000_000), 0, past(false))), "nothing was held back");
    let broke = |useful| Past { number: 1, ended: Ended::Broke, useful, withheld: true };
    assert!(soon(check(Some(5_000_000), 0, broke(true))), "something urgent was under way");
    assert!(late(check(Some(5_000_000), 0, broke(false))));
}

#[test]
fn who_answers_and_is_no_member_any_more_is_dialled_again() {
    for standing in [None, Some(Standing::Expired)] {
        let (_runtime, mut looping) = looping(None);
        let member = Member::fine();
        let (peer, connection) = (member.peer, ConnectionId::new_unchecked(1));
        let members = standing.map(|standing| Members::only(Member { standing, ..member }));
        looping.members = Arc::new(members.unwrap_or_default());
        looping.dials.get_mut(&NODE).expect("of the configuration").pending = Some(connection);
        let point = ConnectedPoint::Dialer {
            address: "/ip4/127.0.0.1/tcp/9".parse().expect("an address"),
            role_override: Endpoint::Dialer,
            port_use: PortUse::New,
        };
        looping.established(peer, connection, &point);
        let dial = &looping.dials[&NODE];
        assert_eq!((dial.pending, dial.failures), (None, 1));
        assert!(looping.bare.is_empty());
        let state = standing.map_or(State::NoCertificate, State::Refused);
        assert_eq!(looping.board.rows()[&NODE].state, state);
    }
}

#[test]
fn a_link_that_is_closed_here_counts_as_one_that_failed() {
    let (_runtime, mut looping) = looping(None);
    let member = Member::fine();
    let peer = member.peer;
    looping.members = Arc::new(Members::only(member));
    for link in 0..limits::OPENED {
        let connection = ConnectionId::new_unchecked(link);
        looping.bare.insert(connection, NODE);
        assert!(looping.lets_open(peer, connection, true).is_some(), "{link}");
        assert_eq!(looping.dials[&NODE].failures, 0);
    }
    // One that came from there is no failure of a dial; one that this side dialled is, and the next waits longer.
    let connection = ConnectionId::new_unchecked(100);
    assert!(looping.lets_open(peer, connection, false).is_none());
    assert_eq!(looping.dials[&NODE].failures, 0);
    for failures in 1..9 {
        looping.bare.insert(connection, NODE);
        assert!(looping.lets_open(peer, connection, true).is_none());
        assert_eq!(looping.dials[&NODE].failures, failures);
    }
    let wait = looping.dials[&NODE].next.saturating_duration_since(Instant::now());
    assert!(wait > Duration::from_secs(30), "{wait:?}");
}
