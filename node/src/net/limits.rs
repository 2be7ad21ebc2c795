//! Every limit of the network, once; the same table stands in spec/network.md, and a test compares the two.

use std::time::Duration;

/// Links held at once beside those with peers of the configuration, where that says nothing.
pub const LINKS: u32 = 32;
/// Links the configuration may ask for at most.
pub const LINKS_MOST: usize = 1_024;
/// Links with one peer: one, and another while both dialled at once.
pub const LINKS_PEER: u32 = 2;
/// Handshakes under way at once, of strangers and members together.
pub const HANDSHAKES: u32 = 32;
/// Of those, from addresses at which no member was ever linked with: the others are kept for members.
pub const HANDSHAKES_STRANGE: usize = 16;
/// Of those, from one address; of IPv6, from one network of 64 bits.
pub const HANDSHAKES_ADDRESS: usize = 8;
/// Of those, from one address at which a member was linked with.
pub const HANDSHAKES_KNOWN: usize = 16;
/// Links passed on for one member at once, where this node passes links on.
pub const CIRCUITS_PEER: usize = 8;
/// How long a link that is passed on may stand; it is then dialled anew.
pub const CIRCUIT: Duration = Duration::from_secs(12 * 3_600);
/// How long one handshake may take: five round trips of a bad satellite link with losses.
pub const HANDSHAKE: Duration = Duration::from_secs(15);
/// How long a link may stand without a stream.
pub const IDLE: Duration = Duration::from_secs(10);
/// Streams in one link: the one, and a ping each way.
pub const STREAMS: usize = 4;
/// How long one frame may take to be written: 64 KiB at 400 bytes a second.
pub const WRITE: Duration = Duration::from_secs(160);
/// How long the other side may say nothing before its `open`.
pub const GREETING: Duration = Duration::from_secs(30);
/// Bytes read from a link at a time.
pub const PIECE: usize = 16 * 1024;
/// Bytes that are encrypted together at most, and so lost together where a link is cut: half a second at 64 kbit/s.
pub const MESSAGE: usize = 4 * 1024;
/// Pieces of [`PIECE`] of one peer that may wait for the ledger; beyond, its link is not read.
pub const WAITING: usize = 8;
/// Links that one member may open in a minute: a line that breaks every few seconds, and no faster.
pub const OPENED: usize = 20;
/// Threads of links of one member, of which all but one wait to end.
pub const THREADS: usize = 3;
/// How often it is logged that one who is known may have no link.
pub const REFUSED: Duration = Duration::from_secs(3_600);
/// How often a link that says nothing is tried.
pub const PING: Duration = Duration::from_secs(60);
/// How long the answer may take.
pub const PONG: Duration = Duration::from_secs(30);
/// The first wait after a peer could not be reached.
pub const RETRY_FIRST: Duration = Duration::from_secs(1);
/// The longest.
pub const RETRY_MOST: Duration = Duration::from_secs(300);
/// The longest on a metered link.
pub const RETRY_METERED: Duration = Duration::from_secs(1_800);
/// How long a peer is not dialled again from which a day's budget holds back what is not urgent.
pub const HELD: Duration = Duration::from_secs(1_800);
/// A link that lived as long as this was a good one: the next wait is the first.
pub const GOOD: Duration = Duration::from_secs(30);
/// Clocks further apart than this are told to a person.
pub const SKEW: Duration = Duration::from_secs(300);
/// What one feed may bring in one meeting, in bytes: who floods does so at the cost of nobody else.
pub const FEED_QUOTA: u64 = 256 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_the_same() {
        let page = include_str!("../../../spec/network.md");
        let said = |name: &str| {
            let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |")));
            let value = row.and_then(|row| row.split('|').nth(2));
            value.and_then(|value| value.trim().parse::<u64>().ok())
        };
        let limits = [
            ("LINKS", u64::from(LINKS)),
            ("LINKS_MOST", LINKS_MOST as u64),
            ("LINKS_PEER", u64::from(LINKS_PEER)),
            ("HANDSHAKES", u64::from(HANDSHAKES)),
            ("HANDSHAKES_STRANGE", HANDSHAKES_STRANGE as u64),
            ("OPENED", OPENED as u64),
            ("HANDSHAKES_ADDRESS", HANDSHAKES_ADDRESS as u64),
            ("HANDSHAKES_KNOWN", HANDSHAKES_KNOWN as u64),
            ("STREAMS", STREAMS as u64),
            ("CIRCUITS_PEER", CIRCUITS_PEER as u64),
            ("PIECE", PIECE as u64),
            ("MESSAGE", MESSAGE as u64),
            ("WAITING", WAITING as u64),
            ("FEED_QUOTA", FEED_QUOTA),
        ];
        for (name, value) in limits {
            assert_eq!(said(name), Some(value), "{name}");
        }
        assert_eq!(
            page.lines().filter(|line| line.starts_with("| `") && said_like(line)).count(),
            limits.len()
        );
    }

    fn said_like(line: &str) -> bool {
        line.split('|').nth(2).is_some_and(|value| value.trim().parse::<u64>().is_ok())
    }
}
