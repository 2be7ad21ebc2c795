//! Values of the configuration that are written as text: each reads back to what it prints.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::net::schedule::Quiet;

macro_rules! from_text {
    ($($name:ident, $read:ident, $complaint:literal;)*) => {$(
        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                $read(&text).ok_or_else(|| format!(concat!("\"{}\" ", $complaint), text))
            }
        }
    )*};
}

from_text! {
    NodeName, node_name, "is no node. Write the 16 digits `annona node show` prints";
    Address, address, "is no address. Write host:port, such as 10.8.0.2:4410";
    DayBytes, day_bytes, "is no budget. Write it as 5MB/day";
    QuietHours, quiet, "are no hours. Write them as 22:00-05:30";
    Every, every, "is no time between meetings. Write it as 30s, 15min or 2h";
    Zone, zone, "is no time zone. Write it as +03:00";
}

/// A node, by eight bytes of its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct NodeName(pub [u8; 8]);

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn node_name(text: &str) -> Option<NodeName> {
    let mut bytes = [0; 8];
    if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(n * 2..n * 2 + 2)?, 16).ok()?;
    }
    Some(NodeName(bytes))
}

/// Where a peer is: a host's name or number, and a port. A name is looked up each time it is dialled.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Address(String);

impl Address {
    /// As it is written: host:port.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<std::net::SocketAddr> for Address {
    fn from(at: std::net::SocketAddr) -> Self {
        Self(at.to_string())
    }
}

fn address(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse::<u16>().ok().filter(|port| *port > 0);
    let inside = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let whole = match inside {
        Some(v6) => v6.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !host.is_empty() && host.len() <= 253 && host.chars().all(letters)
        }
    };
    (whole && port.is_some()).then(|| Address(text.to_owned()))
}

/// Bytes a day.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct DayBytes(pub u64);

fn day_bytes(text: &str) -> Option<DayBytes> {
    let amount = text.strip_suffix("/day")?;
    let (digits, unit) = amount.split_at(amount.find(|c: char| !c.is_ascii_digit())?);
    let factor = match unit {
        "KB" | "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor).map(DayBytes)
}

/// Hours without a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct QuietHours(pub Quiet);

fn quiet(text: &str) -> Option<QuietHours> {
    let (from, to) = text.split_once('-')?;
    Some(QuietHours(Quiet { from: minute(from)?, to: minute(to)? }))
}

/// A minute of the day, as in 05:30.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |text: &str, most| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten().filter(|n| *n < most)
    };
    Some(two(hours, 24)? * 60 + two(minutes, 60)?)
}

/// Time between two meetings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Every(pub Duration);

fn every(text: &str) -> Option<Every> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let factor = match unit {
        "s" => 1,
        "min" => 60,
        "h" => 3_600,
        _ => return None,
    };
    let seconds = digits.parse::<u64>().ok()?.checked_mul(factor)?;
    (1..=7 * 86_400).contains(&seconds).then(|| Every(Duration::from_secs(seconds)))
}

/// Minutes east of UTC, at most 14 hours either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone(pub i16);

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, east) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "{sign}{:02}:{:02}", east / 60, east % 60)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.to_string()
    }
}

impl std::str::FromStr for Zone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

fn zone(text: &str) -> Option<Zone> {
    let (east, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let minutes = i16::try_from(minute(rest)?).ok().filter(|minutes| *minutes <= 14 * 60)?;
    Some(Zone(east * minutes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_are_meant_and_no_other_way() {
        let node = node_name("5f1c0a9b77e24410").expect("a node");
        assert_eq!(node.to_string(), "5f1c0a9b77e24410");
        for wrong in ["", "5f1c", "5f1c0a9b77e2441g", "+f1c0a9b77e24410", "5f1c0a9b77e244101"] {
            assert_eq!(node_name(wrong), None, "{wrong}");
        }
        for right in ["10.8.0.2:4410", "[fe80::1]:1", "office.example.org:65535"] {
            assert_eq!(address(right).expect(right).as_str(), right);
        }
        for wrong in ["", ":1", "a", "a:0", "a:65536", "a b:1", "fe80::1:1", "[fe80:1", "a/b:1"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
        assert_eq!(day_bytes("500KB/day"), Some(DayBytes(500_000)));
        assert_eq!(day_bytes("2GB/day"), Some(DayBytes(2_000_000_000)));
        for wrong in ["", "/day", "5/day", "5MB", "5mb/day", "MB/day", "99999999999999999999GB/day"]
        {
            assert_eq!(day_bytes(wrong), None, "{wrong}");
        }
        assert_eq!(quiet("00:00-23:59").map(|q| (q.0.from, q.0.to)), Some((0, 1_439)));
        for wrong in ["", "-", "24:00-01:00", "1:00-02:00", "01:60-02:00", "01:00"] {
            assert_eq!(quiet(wrong), None, "{wrong}");
        }
        assert_eq!(every("2h").map(|e| e.0.as_secs()), Some(7_200));
        for wrong in ["", "0s", "5", "8d", "200h", "s"] {
            assert_eq!(every(wrong), None, "{wrong}");
        }
        assert_eq!((zone("-03:30"), zone("+14:00")), (Some(Zone(-210)), Some(Zone(840))));
        for text in ["+00:00", "-03:30", "+14:00", "+05:45"] {
            assert_eq!(zone(text).map(String::from).as_deref(), Some(text));
        }
        for wrong in ["", "3", "03:00", "+3:00", "+15:00"] {
            assert_eq!(zone(wrong), None, "{wrong}");
        }
    }
}
