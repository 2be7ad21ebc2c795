//! Figures for a monitoring program, in the text form Prometheus reads (exposition format 0.0.4). This machine alone can
//! ask, one at a time; an answer has no name of anybody in it.

use std::fmt::{Display, Write as _};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Shared;
use crate::net::board::State;
use crate::net::hex;

/// The most bytes of a question.
const QUESTION: u64 = 4_096;
/// How long a question or an answer may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers on an address for as long as the process lives; says which port it got.
pub(super) fn serve(at: SocketAddr, shared: Arc<Shared>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(at)?;
    let bound = listener.local_addr()?;
    let thread = std::thread::Builder::new().name("metrics".into());
    thread.spawn(move || {
        for stream in listener.incoming().flatten() {
            // Who asks badly gets no answer, and the next is asked.
            drop(answer(stream, &shared));
        }
    })?;
    Ok(bound)
}

fn answer(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut question = Vec::new();
    let mut part = [0; 512];
    let mut asker = (&stream).take(QUESTION);
    while !question.windows(4).any(|end| end == b"\r\n\r\n") {
        match asker.read(&mut part)? {
            0 => break,
            n => question.extend_from_slice(part.get(..n).unwrap_or_default()),
        }
    }
    let (status, body) = if question.starts_with(b"GET /metrics ") {
        ("200 OK", page(shared))
    } else {
        ("404 Not Found", "what there is, is at /metrics\n".to_owned())
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

struct Page(String);

impl Page {
    /// Begins a figure.
    fn figure(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &str, value: impl Display) {
        let _ = writeln!(self.0, "{name}{labels} {value}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.figure(name, kind, help);
        self.value(name, "", value);
    }
}

/// The page.
pub(super) fn page(shared: &Shared) -> String {
    let mut page = Page(String::new());
    let facts = shared.facts();
    let rows = shared.board.rows();
    page.figure("annona_build_info", "gauge", "The version of the program.");
    page.value("annona_build_info", concat!("{version=\"", env!("CARGO_PKG_VERSION"), "\"}"), 1);
    let up = shared.now().0.saturating_sub(shared.started.0) / 1_000;
    page.one("annona_up_seconds", "gauge", "Seconds since the node was started.", up);
    page.one("annona_charter_epoch", "gauge", "The newest article of the charter.", facts.epoch);
    page.one("annona_feeds", "gauge", "Feeds that are known.", facts.feeds);
    page.one("annona_entries", "gauge", "Entries that are known.", facts.entries);
    page.one(
        "annona_may_sign",
        "gauge",
        "1 where this node may sign.",
        u8::from(facts.may_not_sign.is_none()),
    );
    if let Some(ends) = facts.certificate_ends {
        let (ends, now) = (i128::from(ends.0), i128::from(shared.now().0));
        page.one(
            "annona_certificate_ends_seconds",
            "gauge",
            "Seconds until this node's certificate ends; below zero once it has.",
            (ends - now) / 1000,
        );
    }
    page.one(
        "annona_folder_lent",
        "gauge",
        "1 while a command holds the folder.",
        u8::from(shared.lent().is_some()),
    );
    let counts = &shared.board.counts;
    for (name, help, counter) in [
        ("annona_incoming_total", "Connections that came.", &counts.incoming),
        (
            "annona_crowded_total",
            "Connections refused before a handshake: too many.",
            &counts.crowded,
        ),
        (
            "annona_handshake_failed_total",
            "Handshakes that failed or took too long.",
            &counts.failed,
        ),
        ("annona_strangers_total", "Handshakes of who is no member.", &counts.strangers),
        ("annona_links_total", "Links that were opened.", &counts.links),
    ] {
        page.one(name, "counter", help, counter.load(Ordering::Relaxed));
    }
    page.figure("annona_peers", "gauge", "Peers by state.");
    for word in State::WORDS {
        let count = rows.values().filter(|row| row.state.word() == word).count();
        page.value("annona_peers", &format!("{{state=\"{word}\"}}"), count);
    }
    type Reading = fn(&crate::net::board::Row) -> Option<String>;
    let readings: [(&str, &str, &str, Reading); 5] = [
        ("annona_peer_sent_bytes_total", "counter", "Bytes of frames sent to a peer.", |row| {
            Some(row.bytes().0.to_string())
        }),
        ("annona_peer_received_bytes_total", "counter", "Bytes of frames a peer sent.", |row| {
            Some(row.bytes().1.to_string())
        }),
        ("annona_peer_meeting", "gauge", "1 while there is a link.", |row| {
            Some(u8::from(row.state == State::Meeting).to_string())
        }),
        ("annona_peer_clock_ahead_seconds", "gauge", "The peer's clock less this one's.", |row| {
            row.skew.map(|skew| (skew / 1_000).to_string())
        }),
        ("annona_peer_budget_left_bytes", "gauge", "Left of the day's budget.", |row| {
            row.left.map(|left| left.to_string())
        }),
    ];
    for (name, kind, help, reading) in readings {
        page.figure(name, kind, help);
        for (node, row) in &rows {
            if let Some(value) = reading(row) {
                page.value(name, &format!("{{peer=\"{}\"}}", hex(node)), value);
            }
        }
    }
    page.0
}
