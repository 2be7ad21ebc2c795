//! `run.toml`: what a node does while `annona run` runs. Written by a person and never by the program; nothing in it is
//! secret. A key it does not know is a mistake, and is told with its place and the key that was likely meant.

mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use annona_ledger::sync::talk::SLICE_NODES;
use serde::Deserialize;

use crate::atomic;
use crate::disk::{DiskFault, DiskTrouble};
use crate::net::limits;
use crate::net::schedule::Quiet;

pub use values::{Address, DayBytes, Every, NodeName, QuietHours, Zone};

/// The file's name in the data folder.
pub const RUN: &str = "run.toml";
/// The most bytes of it.
pub const LARGEST: usize = 64 * 1024;
/// The file as it is handed out: every key, with what it means.
pub const SAMPLE: &str = include_str!("config/run.toml");

/// Why a configuration was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFault {
    /// It could not be read.
    #[error(transparent)]
    Disk(#[from] DiskFault),
    /// It says something it cannot.
    #[error("{}{}: {what}", path.display(), place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line and column, from one.
        place: Option<(usize, usize)>,
        /// What is wrong, and what was likely meant.
        what: String,
    },
}

/// The configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The network.
    #[serde(default)]
    pub network: Network,
    /// What this node takes of what others hold.
    #[serde(default)]
    pub ledger: Ledger,
    /// The peers this node dials.
    #[serde(default)]
    pub peer: Vec<Peer>,
    /// Figures for a monitoring program.
    #[serde(default)]
    pub metrics: Metrics,
    /// What is logged.
    #[serde(default)]
    pub log: Log,
}

/// The network.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Network {
    /// Where this node can be reached. None: it only dials.
    pub listen: Vec<SocketAddr>,
    /// Whether members are looked for on the local network, which tells everybody there that a node is here.
    pub lan: bool,
    /// Whether links are made over QUIC too, at the same ports of UDP.
    pub quic: bool,
    /// Whether members that cannot reach each other meet through this node.
    pub relay: bool,
    /// Links held at once.
    pub links: u32,
    /// What quiet hours and days are told in.
    pub zone: Zone,
}

impl Default for Network {
    fn default() -> Self {
        let listen = vec![SocketAddr::from(([127, 0, 0, 1], 4410))];
        Self {
            listen,
            lan: false,
            quic: false,
            relay: false,
            links: limits::LINKS,
            zone: Zone::default(),
        }
    }
}

/// What a node takes of what others hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ledger {
    /// How a node begins that holds nothing yet.
    pub begin: Begin,
    /// A terminal: of its programmes it takes its own feeds and those of these nodes, and no one else's. None: everything.
    pub only: Vec<NodeName>,
}

/// How a node begins that holds nothing yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Begin {
    /// With every block there is.
    #[default]
    History,
    /// With the rows of a checkpoint that a quorum vouches for, and the blocks above it.
    Checkpoint,
}

/// A peer this node dials.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// The node, by 16 hexadecimal digits of its key.
    pub node: NodeName,
    /// Where it is.
    #[serde(default)]
    pub address: Option<Address>,
    /// In place of an address: the peer of this configuration it is reached through.
    #[serde(default)]
    pub via: Option<NodeName>,
    /// Whether others reach this node through that peer.
    #[serde(default)]
    pub relay: bool,
    /// Whether its link is paid by the byte: entries then wait up to ten minutes to be sealed.
    #[serde(default)]
    pub metered: bool,
    /// How much may go over the link in a day. What is urgent goes beyond it.
    #[serde(default)]
    pub budget: Option<DayBytes>,
    /// When there is no link.
    #[serde(default)]
    pub quiet: Option<QuietHours>,
    /// How often to meet; the link ends in between.
    #[serde(default)]
    pub every: Option<Every>,
}

impl Peer {
    /// A peer at an address, of which nothing more is said.
    #[must_use]
    pub fn at(node: NodeName, address: SocketAddr) -> Self {
        let address = Some(Address::from(address));
        let (via, relay, metered) = (None, false, false);
        Self { node, address, via, relay, metered, budget: None, quiet: None, every: None }
    }

    /// Its quiet hours.
    #[must_use]
    pub fn quiet(&self) -> Option<Quiet> {
        self.quiet.map(|QuietHours(quiet)| quiet)
    }
}

/// Figures for a monitoring program.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Metrics {
    /// Where they can be read, on this machine alone. None: nowhere.
    pub listen: Option<SocketAddr>,
}

/// What is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How a line looks.
    pub form: Form,
    /// From which level on.
    pub level: Level,
}

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// `time level event key=value …`
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Everything.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What somebody should look at.
    Warn,
    /// What does not work.
    Error,
}

impl Config {
    /// Reads a configuration; where there is no file, what holds without one.
    ///
    /// # Errors
    ///
    /// [`ConfigFault`].
    pub fn read(path: &Path) -> Result<Self, ConfigFault> {
        let bytes = match atomic::read(path, LARGEST) {
            Ok(bytes) => bytes,
            Err(fault) if fault.trouble() == DiskTrouble::Missing => return Ok(Self::default()),
            Err(fault) => return Err(fault.into()),
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| ConfigFault::Wrong {
            path: path.to_owned(),
            place: None,
            what: "it is not UTF-8 text".into(),
        })?;
        Self::parse(path, text)
    }

    /// Reads the text of a configuration.
    ///
    /// # Errors
    ///
    /// [`ConfigFault::Wrong`].
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigFault> {
        let wrong = |place, what| ConfigFault::Wrong { path: path.to_owned(), place, what };
        let config: Self = toml::from_str(text).map_err(|fault| {
            let place = fault.span().map(|span| place(text, span.start));
            let said = fault.message();
            let meant = meant(said).map(|key| format!(". Did you mean `{key}`?"));
            wrong(place, format!("{said}{}", meant.unwrap_or_default()))
        })?;
        config.sound().map_err(|what| wrong(None, what))?;
        Ok(config)
    }

    fn sound(&self) -> Result<(), String> {
        let most = limits::LINKS_MOST;
        if self.network.links == 0 || self.network.links as usize > most {
            return Err(format!("[network] links must be from 1 to {most}"));
        }
        let most_only = SLICE_NODES - 1;
        if self.ledger.only.len() > most_only {
            return Err(format!("[ledger] only can name {most_only} nodes"));
        }
        if !self.ledger.only.is_empty() && self.ledger.begin == Begin::Checkpoint {
            return Err(
                "[ledger] a terminal (only) holds no rows of a checkpoint: remove begin".into()
            );
        }
        if let Some(address) = self.metrics.listen.filter(|address| !address.ip().is_loopback()) {
            return Err(format!(
                "[metrics] listen = \"{address}\" can be read from other machines. Use 127.0.0.1 or [::1]"
            ));
        }
        for (n, peer) in self.peer.iter().enumerate() {
            if self.peer.iter().take(n).any(|before| before.node == peer.node) {
                return Err(format!("peer {} is there twice. Keep one of them", peer.node));
            }
            self.reached(peer)?;
        }
        if self.peer.len() > most {
            return Err(format!("at most {most} peers can be dialled"));
        }
        Ok(())
    }
}

impl Config {
    /// Whether it is said in one way how a peer is reached.
    fn reached(&self, peer: &Peer) -> Result<(), String> {
        let node = peer.node;
        let Some(via) = peer.via else {
            return match peer.address {
                None => Err(format!("peer {node}: say its address, or via whom it is reached")),
                Some(_) if peer.relay && peer.every.is_some() => Err(format!(
                    "peer {node}: who is reached through it keeps its link: remove every, or relay"
                )),
                Some(_) => Ok(()),
            };
        };
        if peer.address.is_some() || peer.relay {
            return Err(format!("peer {node} is reached via {via}: remove its address and relay"));
        }
        match self.peer.iter().find(|other| other.node == via && other.address.is_some()) {
            None => Err(format!(
                "peer {node} is reached via {via}, which is no peer with an address: add it"
            )),
            Some(other) if other.every.is_some() => Err(format!(
                "peer {node} is reached via {via}, which must keep its link: remove every there"
            )),
            Some(_) => Ok(()),
        }
    }
}

/// Line and column of a place in a text, from one.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count();
    let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count());
    (line + 1, column + 1)
}

/// Of the keys that a complaint names, the one most like the one it complains about.
fn meant(said: &str) -> Option<&str> {
    let mut quoted = said.split('`').skip(1).step_by(2);
    let wrong = quoted.next()?;
    let near = quoted.map(|key| (distance(wrong, key), key)).min_by_key(|(far, _)| *far)?;
    (near.0 <= wrong.chars().count().max(near.1.chars().count()) / 2).then_some(near.1)
}

/// How many letters must be put in, taken out or changed to make one word of another.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (n, a) in one.chars().enumerate() {
        let mut diagonal = n;
        let Some(first) = row.first_mut() else { return 0 };
        *first = n + 1;
        let mut left = n + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let changed = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("run.toml"), text).map_err(|fault| fault.to_string())
    }

    #[test]
    fn nothing_said_is_a_node_on_this_machine_alone() {
        let config = parse("").expect("empty");
        assert_eq!(config, Config::default());
        assert_eq!(config.network.listen, ["127.0.0.1:4410".parse().expect("address")]);
        assert_eq!((config.network.links, config.metrics.listen), (32, None));
        let nowhere = Path::new("/nowhere/run.toml");
        assert_eq!(Config::read(nowhere).expect("no file is no mistake"), config);
    }

    #[test]
    fn the_sample_says_what_holds_without_it_and_its_examples_read() {
        assert_eq!(parse(SAMPLE).expect("the sample"), Config::default());
        let examples: String = SAMPLE
            .lines()
            .map(|line| match line.strip_prefix("#: ") {
                Some(example) => format!("{example}\n"),
                None if line.contains(" = ") => String::new(),
                None => format!("{line}\n"),
            })
            .collect();
        let config = parse(&examples).expect("its examples");
        assert_eq!(config.peer.len(), 3);
        assert_eq!(config.peer[2].via, Some(config.peer[0].node));
        assert_eq!(config.peer[1].budget, Some(DayBytes(5_000_000)));
        assert_eq!(config.peer[1].quiet(), Some(Quiet { from: 1_320, to: 330 }));
        assert_eq!(config.network.zone, Zone(180));
        assert_eq!(config.ledger.only.len(), 1);
        // Every key there is, is in the sample.
        for key in [
            "listen", "lan", "quic", "relay", "links", "zone", "begin", "only", "node", "address",
            "via", "metered", "budget", "quiet", "every", "form", "level",
        ] {
            let told = SAMPLE
                .lines()
                .any(|l| l.trim_start_matches("#: ").starts_with(&format!("{key} = ")));
            assert!(told, "{key}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_what_was_meant() {
        let peer = "[[peer]]\nnode = \"5f1c0a9b77e24410\"\naddress = \"hill:4410\"\n";
        for (text, said) in [
            (
                "[network]\nlisen = []\n",
                "run.toml:2:1: unknown field `lisen`, expected one of `listen`, `lan`, `quic`, `relay`, `links`, `zone`. Did you mean `listen`?",
            ),
            (
                "[newtork]\n",
                "run.toml:1:2: unknown field `newtork`, expected one of `network`, `ledger`, `peer`, `metrics`, `log`. Did you mean `network`?",
            ),
            (
                "[network]\nlisten = \"127.0.0.1:1\"\n",
                "run.toml:2:10: invalid type: string \"127.0.0.1:1\", expected a sequence",
            ),
            (
                "[network]\nlisten = [\"127.0.0.1\"]\n",
                "run.toml:2:11: invalid socket address syntax",
            ),
            (
                "[ledger]\nbegin = \"checkpoint\"\nonly = [\"5f1c0a9b77e24410\"]\n",
                "run.toml: [ledger] a terminal (only) holds no rows of a checkpoint: remove begin",
            ),
            ("[network]\nlinks = 0\n", "run.toml: [network] links must be from 1 to 1024"),
            (
                "[network]\nzone = \"3\"\n",
                "run.toml:2:8: \"3\" is no time zone. Write it as +03:00",
            ),
            (
                "[metrics]\nlisten = \"0.0.0.0:9464\"\n",
                "run.toml: [metrics] listen = \"0.0.0.0:9464\" can be read from other machines. Use 127.0.0.1 or [::1]",
            ),
            (
                "[[peer]]\nnode = \"lake\"\naddress = \"a:1\"\n",
                "run.toml:2:8: \"lake\" is no node. Write the 16 digits `annona node show` prints",
            ),
            (
                "[[peer]]\nnode = \"5f1c0a9b77e24410\"\n",
                "run.toml: peer 5f1c0a9b77e24410: say its address, or via whom it is reached",
            ),
            (
                &format!("{peer}relay = true\nevery = \"15min\"\n"),
                "run.toml: peer 5f1c0a9b77e24410: who is reached through it keeps its link: remove every, or relay",
            ),
            (
                &format!("{peer}via = \"04b2119c5e7a3301\"\n"),
                "run.toml: peer 5f1c0a9b77e24410 is reached via 04b2119c5e7a3301: remove its address and relay",
            ),
            (
                "[[peer]]\nnode = \"5f1c0a9b77e24410\"\nvia = \"04b2119c5e7a3301\"\n",
                "run.toml: peer 5f1c0a9b77e24410 is reached via 04b2119c5e7a3301, which is no peer with an address: add it",
            ),
            (
                &format!(
                    "{peer}every = \"15min\"\n[[peer]]\nnode = \"04b2119c5e7a3301\"\nvia = \"5f1c0a9b77e24410\"\n"
                ),
                "run.toml: peer 04b2119c5e7a3301 is reached via 5f1c0a9b77e24410, which must keep its link: remove every there",
            ),
            (
                "[[peer]]\nnode = \"5f1c0a9b77e24410\"\naddress = \"hill\"\n",
                "run.toml:3:11: \"hill\" is no address. Write host:port, such as 10.8.0.2:4410",
            ),
            (
                &format!("{peer}budget = \"5MB\"\n"),
                "run.toml:4:10: \"5MB\" is no budget. Write it as 5MB/day",
            ),
            (
                &format!("{peer}quiet = \"22-5\"\n"),
                "run.toml:4:9: \"22-5\" are no hours. Write them as 22:00-05:30",
            ),
            (
                &format!("{peer}every = \"1d\"\n"),
                "run.toml:4:9: \"1d\" is no time between meetings. Write it as 30s, 15min or 2h",
            ),
            (
                &format!("{peer}{peer}"),
                "run.toml: peer 5f1c0a9b77e24410 is there twice. Keep one of them",
            ),
            (
                "[log]\nlevel = \"loud\"\n",
                "run.toml:2:9: unknown variant `loud`, expected one of `debug`, `info`, `warn`, `error`",
            ),
        ] {
            let fault = parse(text).expect_err(text);
            assert_eq!(fault.trim_end(), said, "{text}");
        }
    }

    #[test]
    fn what_is_far_from_every_key_is_not_guessed() {
        assert_eq!(meant("unknown field `x`, expected one of `network`, `peer`"), None);
        assert_eq!(meant("unknown field `peers`, expected one of `network`, `peer`"), Some("peer"));
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!((distance("", "abc"), distance("abc", "")), (3, 3));
    }
}
