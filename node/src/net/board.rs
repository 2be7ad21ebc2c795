//! What is known of every peer at this moment, for `annona peers` and the figures. Each state says what to do about it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use annona_ledger::sync::session::Figures;
use annona_ledger::time::Millis;
use serde_json::{Value, json};

use super::schedule::Spent;

/// How it stands with a peer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum State {
    /// It is to be dialled.
    #[default]
    Waiting,
    /// It is being dialled.
    Dialling,
    /// There is a link.
    Meeting,
    /// There was one, and it ended as it should.
    Met,
    /// Nobody answers at its address.
    Unreachable(String),
    /// It closes at once: there, this node is no member.
    NotAdmitted,
    /// Who answers does not get through the handshake: another federation, or no annona.
    WrongFederation,
    /// Who answers has another key.
    SomebodyElse,
    /// It speaks another version.
    OtherVersion,
    /// Its certificate is not known here.
    NoCertificate,
    /// Here, it is no member (any more).
    Refused(super::members::Standing),
    /// The hours without a link.
    Quiet,
    /// It owed something for a minute and brought nothing.
    Stalled,
    /// It broke a rule, by its number in spec/sync.md.
    Breach(u8),
    /// The link broke.
    Broke,
    /// A fault of this node ended it.
    Fault(String),
}

impl State {
    /// One word, for programs.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dialling => "dialling",
            Self::Meeting => "meeting",
            Self::Met => "met",
            Self::Unreachable(_) => "unreachable",
            Self::NotAdmitted => "not_admitted",
            Self::WrongFederation => "wrong_federation",
            Self::SomebodyElse => "somebody_else",
            Self::OtherVersion => "other_version",
            Self::NoCertificate => "no_certificate",
            Self::Refused(super::members::Standing::Revoked) => "revoked",
            Self::Refused(super::members::Standing::Expired) => "expired",
            Self::Refused(super::members::Standing::NotBegun) => "not_begun",
            Self::Refused(super::members::Standing::Shared) => "shared_key",
            Self::Refused(super::members::Standing::Replaced) => "replaced",
            Self::Refused(super::members::Standing::OrganisationLeft) => "organisation_left",
            Self::Refused(super::members::Standing::Member) => "refused",
            Self::Quiet => "quiet",
            Self::Stalled => "stalled",
            Self::Breach(_) => "breach",
            Self::Broke => "broke",
            Self::Fault(_) => "fault",
        }
    }

    /// Every word, for the figures.
    pub const WORDS: [&'static str; 22] = [
        "waiting",
        "dialling",
        "meeting",
        "met",
        "unreachable",
        "not_admitted",
        "wrong_federation",
        "somebody_else",
        "other_version",
        "no_certificate",
        "revoked",
        "expired",
        "not_begun",
        "shared_key",
        "replaced",
        "organisation_left",
        "refused",
        "quiet",
        "stalled",
        "breach",
        "broke",
        "fault",
    ];
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Waiting => "waits to be dialled",
            Self::Dialling => "is being dialled",
            Self::Meeting => "meeting",
            Self::Met => "met; the link ended as it should",
            Self::Unreachable(why) => {
                return write!(f, "does not answer ({why}); is tried again");
            }
            Self::NotAdmitted => {
                "closes at once: it does not know this node's certificate, or has revoked it. Take the certificate there: `annona node learn`"
            }
            Self::WrongFederation => {
                "is of another federation, or no annona: check the address in run.toml"
            }
            Self::SomebodyElse => {
                "another node answers at its address: check node and address in run.toml"
            }
            Self::OtherVersion => "speaks another version: upgrade the older of the two",
            Self::NoCertificate => {
                "has no certificate that is known here. Take it in: `annona node learn FILE`"
            }
            Self::Refused(super::members::Standing::Revoked) => {
                "is revoked, and gets no link; what it still has comes by `annona bundle import`"
            }
            Self::Refused(super::members::Standing::Expired) => {
                "has a certificate that ended: its organisation gives it a new one with `annona node admit`"
            }
            Self::Refused(super::members::Standing::NotBegun) => {
                "has a certificate that has not begun, by the clock here and all stamps that were heard: `annona doctor` says whether this clock is doubted; where it is right, whoever signed the certificate dated it ahead"
            }
            Self::Refused(super::members::Standing::Shared) => {
                "has a transport key that another node's certificate names too (the log says whose): name the one that is right in run.toml; its organisation asks the other why, and gives it new keys"
            }
            Self::Refused(super::members::Standing::Replaced) => {
                "came back under another key: name that one in run.toml (`annona node show` there)"
            }
            Self::Refused(_) => "belongs to an organisation that has left the federation",
            Self::Quiet => "quiet hours: no link",
            Self::Stalled => "brought nothing for a minute; is tried again",
            Self::Breach(rule) => {
                return write!(
                    f,
                    "broke rule {rule} of the protocol; is tried again. If it stays so, one of the two is faulty"
                );
            }
            Self::Broke => "the link broke; is tried again",
            Self::Fault(why) => {
                return write!(f, "a fault here ended the link: {why}; is tried again");
            }
        };
        f.write_str(text)
    }
}

/// One peer.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Whether this node dials it.
    pub dialled: bool,
    /// How it stands.
    pub state: State,
    /// Since when, in milliseconds since 1970.
    pub since: Millis,
    /// The other side's clock less this one's, in milliseconds, where it was ever told.
    pub skew: Option<i64>,
    /// What went over links whose thread has not ended, by their number: one, and such as another took the place of.
    pub going: BTreeMap<u64, Going>,
    /// What went over all links before, both ways.
    pub before: (u64, u64),
    /// Links there were.
    pub links: u64,
    /// When something last came from it.
    pub heard: Option<Millis>,
    /// Bytes left of today's budget, where there is one.
    pub left: Option<u64>,
    /// What went over links that are no more, today.
    pub spent: Spent,
}

/// A link that stands, or whose last word is being said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Going {
    /// The day on which it began, to which its bytes belong.
    pub day: u64,
    /// What went over it.
    pub figures: Figures,
}

impl Row {
    /// Bytes sent and received, over all links.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        self.going.values().fold(self.before, |(sent, received), going| {
            let figures = going.figures;
            (sent.saturating_add(figures.sent), received.saturating_add(figures.received))
        })
    }

    /// Bytes both ways of links that began on a day and have not ended.
    #[must_use]
    pub fn under_way(&self, day: u64) -> u64 {
        let of_it = self.going.values().filter(|going| going.day == day);
        of_it.fold(0, |sum, Going { figures, .. }| {
            sum.saturating_add(figures.sent).saturating_add(figures.received)
        })
    }

    /// Whether both clocks are so far apart that somebody should look.
    #[must_use]
    pub fn skewed(&self) -> bool {
        let most = super::limits::SKEW.as_millis();
        self.skew.is_some_and(|skew| u128::from(skew.unsigned_abs()) > most)
    }

    /// As `annona peers --json` shows it.
    #[must_use]
    pub fn value(&self, node: &[u8; 8]) -> Value {
        let (sent, received) = self.bytes();
        let detail = match &self.state {
            State::Unreachable(why) | State::Fault(why) => Some(json!(why)),
            State::Breach(rule) => Some(json!(rule)),
            _ => None,
        };
        json!({
            "node": hex(node), "dialled": self.dialled, "state": self.state.word(), "detail": detail,
            "text": self.state.to_string(), "since": self.since.0, "clock_ahead_ms": self.skew,
            "clock_doubted": self.skewed(), "sent": sent, "received": received, "links": self.links,
            "heard": self.heard.map(|at| at.0), "budget_left": self.left,
        })
    }
}

/// Sixteen hexadecimal digits.
#[must_use]
pub fn hex(node: &[u8; 8]) -> String {
    node.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Everything that is known of links, shared by all threads.
#[derive(Debug, Default)]
pub struct Board {
    rows: Mutex<BTreeMap<[u8; 8], Row>>,
    listening: Mutex<Vec<SocketAddr>>,
    /// Counts.
    pub counts: Counts,
}

/// What is counted, from the start.
#[derive(Debug, Default)]
pub struct Counts {
    /// Handshakes that came from others.
    pub incoming: AtomicU64,
    /// Refused before a handshake: too many.
    pub crowded: AtomicU64,
    /// Failed in the handshake, or too slow.
    pub failed: AtomicU64,
    /// Refused after it: no members.
    pub strangers: AtomicU64,
    /// Links that were opened.
    pub links: AtomicU64,
}

impl Counts {
    /// Counts one.
    pub fn one(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Board {
    /// Looks at, or changes, the row of a peer.
    pub fn with<T>(&self, node: &[u8; 8], act: impl FnOnce(&mut Row) -> T) -> T {
        let mut rows = self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        act(rows.entry(*node).or_default())
    }

    /// A link with a peer begins on a day: its number.
    pub fn begins(&self, node: &[u8; 8], day: u64) -> u64 {
        self.with(node, |row| {
            row.links = row.links.saturating_add(1);
            row.going.insert(row.links, Going { day, ..Going::default() });
            row.links
        })
    }

    /// What went over a link so far. Of one that is settled nothing more is heard.
    pub fn tell(&self, node: &[u8; 8], link: u64, figures: Figures) {
        self.with(node, |row| {
            if let Some(going) = row.going.get_mut(&link) {
                going.figures = figures;
            }
        });
    }

    /// What went over a link that is no more is added to what went before; of today's budget it takes what a link of today
    /// carried. [Were yesterday's bytes taken off today's, a link that stood through the day would leave nothing for the next.]
    pub fn settle(&self, node: &[u8; 8], link: u64, today: u64) {
        self.with(node, |row| {
            let Some(Going { day, figures }) = row.going.remove(&link) else { return };
            row.before.0 = row.before.0.saturating_add(figures.sent);
            row.before.1 = row.before.1.saturating_add(figures.received);
            if day == today {
                row.spent.add(day, figures.sent.saturating_add(figures.received));
            }
        });
    }

    /// What is left of a day's budget for a peer, that day's links that have not ended counted in.
    #[must_use]
    pub fn left(&self, node: &[u8; 8], day: u64, budget: u64) -> u64 {
        self.with(node, |row| row.spent.left(day, budget).saturating_sub(row.under_way(day)))
    }

    /// Notes an address this node can be reached at.
    pub fn listens(&self, address: SocketAddr) {
        let mut listening =
            self.listening.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !listening.contains(&address) {
            listening.push(address);
        }
    }

    /// The addresses this node can be reached at.
    #[must_use]
    pub fn listening(&self) -> Vec<SocketAddr> {
        self.listening.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// All rows.
    #[must_use]
    pub fn rows(&self) -> BTreeMap<[u8; 8], Row> {
        self.rows.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::super::members::Standing;
    use super::*;

    #[test]
    fn every_state_has_a_word_of_its_own_and_says_what_to_do() {
        let states = [
            State::Waiting,
            State::Dialling,
            State::Meeting,
            State::Met,
            State::Unreachable("refused".into()),
            State::NotAdmitted,
            State::WrongFederation,
            State::SomebodyElse,
            State::OtherVersion,
            State::NoCertificate,
            State::Refused(Standing::Revoked),
            State::Refused(Standing::Expired),
            State::Refused(Standing::NotBegun),
            State::Refused(Standing::Shared),
            State::Refused(Standing::Replaced),
            State::Refused(Standing::OrganisationLeft),
            State::Refused(Standing::Member),
            State::Quiet,
            State::Stalled,
            State::Breach(8),
            State::Broke,
            State::Fault("no room".into()),
        ];
        assert_eq!(states.each_ref().map(State::word), State::WORDS);
        let words: std::collections::BTreeSet<_> = State::WORDS.into();
        assert_eq!(words.len(), State::WORDS.len());
        assert!(State::Breach(8).to_string().contains("rule 8"));
    }

    fn carried(sent: u64, received: u64) -> Figures {
        Figures { sent, received, ..Figures::default() }
    }

    #[test]
    fn bytes_of_a_link_belong_to_the_day_of_the_link() {
        let (board, node) = (Board::default(), [7; 8]);
        let link = board.begins(&node, 9);
        board.tell(&node, link, carried(40, 50));
        assert_eq!((board.left(&node, 9, 100), board.left(&node, 10, 100)), (10, 100));
        // It ends just after midnight, and the new day has all of its budget.
        board.settle(&node, link, 10);
        assert_eq!((board.left(&node, 10, 100), board.rows()[&node].bytes()), (100, (40, 50)));
        // What ends on its day is spent, and stays so when one of the day before ends later.
        let (late, next) = (board.begins(&node, 9), board.begins(&node, 10));
        board.tell(&node, next, carried(30, 0));
        board.settle(&node, next, 10);
        board.tell(&node, late, carried(60, 0));
        board.settle(&node, late, 10);
        assert_eq!(board.left(&node, 10, 100), 70);
    }

    #[test]
    fn a_link_that_was_replaced_counts_once_and_for_itself() {
        let (board, node) = (Board::default(), [7; 8]);
        let old = board.begins(&node, 9);
        board.tell(&node, old, carried(20, 0));
        let new = board.begins(&node, 9);
        board.tell(&node, new, carried(5, 0));
        assert_eq!(board.left(&node, 9, 100), 75);
        // The older one's thread ends a minute later, and tells what it had not told.
        board.settle(&node, new, 9);
        board.tell(&node, old, carried(22, 0));
        assert_eq!(board.left(&node, 9, 100), 73);
        board.settle(&node, old, 9);
        board.tell(&node, old, carried(99, 99));
        board.settle(&node, old, 9);
        assert_eq!((board.left(&node, 9, 100), board.rows()[&node].bytes()), (73, (27, 0)));
    }

    #[test]
    fn a_row_adds_up_links_and_tells_clocks_that_are_far_apart() {
        let board = Board::default();
        board.with(&[7; 8], |row| {
            row.before = (10, 20);
            row.skew = Some(-300_001);
        });
        let link = board.begins(&[7; 8], 1);
        board.tell(&[7; 8], link, Figures { sent: 1, received: 2, ..Figures::default() });
        let row = board.rows().remove(&[7; 8]).expect("a row");
        assert_eq!((row.bytes(), row.skewed()), ((11, 22), true));
        let value = row.value(&[7; 8]);
        assert_eq!(value["node"], "0707070707070707");
        assert_eq!(
            (&value["state"], &value["clock_ahead_ms"]),
            (&json!("waiting"), &json!(-300_001))
        );
        assert!(!Row { skew: Some(300_000), ..Row::default() }.skewed());
    }
}
