//! Networks of one machine: a namespace for each node, a bridge between them, and a switch that can be parted.

use std::path::PathBuf;
use std::process::{Command, Output};

/// Names that nobody else uses: those of this process.
fn own(name: &str) -> String {
    format!("annona-{}-{name}", std::process::id())
}

/// Where `ip` is: what it runs gets no search path of its own to find it by.
fn program() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from);
    let places = std::env::split_paths(&path).chain(system).map(|dir| dir.join("ip"));
    places.into_iter().find(|place| place.is_file()).unwrap_or_else(|| "ip".into())
}

/// Runs `ip` with these words.
fn ip(words: &str) -> Result<(), String> {
    let said: Result<Output, _> = Command::new(program()).args(words.split_whitespace()).output();
    match said {
        Ok(said) if said.status.success() => Ok(()),
        Ok(said) => Err(format!("ip {words}: {}", String::from_utf8_lossy(&said.stderr).trim())),
        Err(why) => Err(format!("ip: {why}")),
    }
}

/// Places that reach each other over a switch, each with an address of its own.
pub(crate) struct Lan {
    switch: String,
    places: Vec<String>,
}

impl Lan {
    /// Builds a switch, or says why this machine lets nobody.
    pub(crate) fn new() -> Result<Self, String> {
        let lan = Self { switch: own("switch"), places: Vec::new() };
        let switch = &lan.switch;
        // One that was killed under the same number may have left its own.
        drop(ip(&format!("netns del {switch}")));
        ip(&format!("netns add {switch}"))?;
        for side in 0..SIDES {
            ip(&format!("-n {switch} link add side{side} type bridge"))?;
            ip(&format!("-n {switch} link set side{side} up"))?;
        }
        // Whether the kernel has what the rest is made of.
        ip(&format!("-n {switch} link add try0 type veth peer name try1"))?;
        ip(&format!("-n {switch} link del try0"))?;
        Ok(lan)
    }

    /// A new place, on the first side; its name is its own in this test.
    pub(crate) fn place(&mut self, name: &str) {
        let (switch, place, at) = (self.switch.clone(), own(name), self.places.len());
        self.places.push(name.to_owned());
        let address = self.address(name);
        for words in [
            format!("netns add {place}"),
            format!("-n {switch} link add port{at} type veth peer name lan netns {place}"),
            format!("-n {switch} link set port{at} master side0 up"),
            format!("-n {place} addr add {address}/24 dev lan"),
            format!("-n {place} link set lo up"),
            format!("-n {place} link set lan up"),
        ] {
            ip(&words).expect("as for the first place");
        }
    }

    fn at(&self, name: &str) -> usize {
        self.places.iter().position(|place| place == name).expect("a place of this test")
    }

    /// Where a place is reached.
    pub(crate) fn address(&self, name: &str) -> String {
        format!("10.77.0.{}", self.at(name) + 1)
    }

    /// Moves a place to a side: it reaches who is there, and nobody else. Nobody is told, as with a cable that is cut.
    pub(crate) fn moves(&self, name: &str, side: usize) {
        assert!(side < SIDES, "there are {SIDES} sides");
        let (switch, at) = (&self.switch, self.at(name));
        ip(&format!("-n {switch} link set port{at} master side{side}")).expect("a port is moved");
    }

    /// The command that runs another one in a place.
    pub(crate) fn within(&self, name: &str, command: &Command) -> Command {
        let mut within = Command::new(program());
        self.at(name);
        within.args(["netns", "exec", &own(name)]).arg(command.get_program());
        within.args(command.get_args());
        if let Some(dir) = command.get_current_dir() {
            within.current_dir(dir);
        }
        within.env_clear();
        for (key, value) in command.get_envs() {
            if let Some(value) = value {
                within.env(key, value);
            }
        }
        within.stdin(std::process::Stdio::null());
        within
    }
}

/// Sides a switch can be parted into.
const SIDES: usize = 3;

impl Drop for Lan {
    fn drop(&mut self) {
        let places = self.places.iter().map(|name| own(name)).chain([self.switch.clone()]);
        for place in places {
            // What a failing test left in them ends with its own drop, or is a process of nobody's.
            drop(ip(&format!("netns del {place}")));
        }
    }
}
