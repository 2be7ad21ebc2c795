//! A node of the demonstration that runs: a process of its own, asked how it stands as a person asks.

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stage::Stage;
use crate::fault::{Exit, Fault, Outcome};

/// How long anything may take before something is wrong: a peer that was killed is dialled again within some seconds.
const PATIENCE: Duration = Duration::from_secs(90);
/// How often it is asked.
const LOOK: Duration = Duration::from_millis(100);

/// A node that runs, ended with the demonstration however that ends.
pub(super) struct Running {
    dir: &'static str,
    name: String,
    child: Child,
}

/// What a node says of itself and of its one peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Entries it holds.
    pub(super) entries: u64,
    /// The epoch of its charter.
    pub(super) epoch: u64,
    /// How it stands with its peer.
    pub(super) state: String,
    /// Bytes its peer has sent over the link that stands.
    pub(super) received: u64,
    /// How long was waited for this.
    pub(super) after: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    /// Starts a node and waits until it answers.
    pub(super) fn start(stage: &mut Stage, dir: &'static str) -> Outcome<Self> {
        let name = stage.run(&format!("status --dir {dir}"))?.field("node")?;
        let child = stage.background(&format!("run --dir {dir}"), &format!("{dir}.log"))?;
        let mut running = Self { dir, name, child };
        running.ready(stage)?;
        Ok(running)
    }

    /// Starts it again.
    pub(super) fn again(&mut self, stage: &mut Stage) -> Outcome {
        let (words, log) = (format!("run --dir {}", self.dir), format!("{}.log", self.dir));
        self.child = stage.background(&words, &log)?;
        self.ready(stage)
    }

    fn ready(&mut self, stage: &Stage) -> Outcome {
        let begun = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                let why = format!("{} ended by itself ({status}): see {0}.log", self.dir);
                return Err(Fault::new(Exit::Bug, why));
            }
            if !stage.quiet(&format!("status --dir {}", self.dir))?.first("running").is_null() {
                return Ok(());
            }
            self.patient(begun, "it is ready")?;
        }
    }

    fn patient(&self, begun: Instant, what: &str) -> Outcome {
        if begun.elapsed() > PATIENCE {
            let why = format!("{}: waited in vain until {what}; see {0}.log", self.dir);
            return Err(Fault::new(Exit::Bug, why));
        }
        std::thread::sleep(LOOK);
        Ok(())
    }

    pub(super) const fn dir(&self) -> &'static str {
        self.dir
    }

    /// Its name on the network.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub(super) fn listening(&self, stage: &Stage) -> Outcome<String> {
        let begun = Instant::now();
        loop {
            let status = stage.quiet(&format!("status --dir {}", self.dir))?;
            if let Some(at) = status.first("running")["listening"][0].as_str() {
                return Ok(at.to_owned());
            }
            self.patient(begun, "it listens")?;
        }
    }

    /// How it stands now.
    pub(super) fn seen(&self, stage: &Stage) -> Outcome<Seen> {
        let status = stage.quiet(&format!("status --dir {}", self.dir))?;
        let peers = stage.quiet(&format!("peers --dir {}", self.dir))?;
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        Ok(Seen {
            entries: number(status.first("entries")),
            epoch: number(status.first("epoch")),
            state: peers.first("state").as_str().unwrap_or_default().to_owned(),
            received: number(peers.first("received")),
            after: Duration::ZERO,
        })
    }

    /// Watches it until something holds, and shows how it goes: entries here of those there are, bytes that came.
    pub(super) fn watch(
        &self,
        stage: &Stage,
        what: &str,
        goal: u64,
        holds: impl Fn(&Seen) -> bool,
    ) -> Outcome<Seen> {
        let (begun, mut last) = (Instant::now(), None);
        loop {
            let mut seen = self.seen(stage)?;
            if last.as_ref() != Some(&seen) {
                self.show(stage, &seen, goal)?;
                last = Some(seen.clone());
            }
            if holds(&seen) {
                seen.after = begun.elapsed();
                return Ok(seen);
            }
            self.patient(begun, what)?;
        }
    }

    /// Watches two until they hold the same, so many entries at least.
    pub(super) fn watch_both(
        &self,
        stage: &Stage,
        other: &Self,
        what: &str,
        least: u64,
    ) -> Outcome<Seen> {
        let begun = Instant::now();
        loop {
            let (here, there) = (self.seen(stage)?, other.seen(stage)?);
            if here.entries == there.entries && here.entries >= least {
                return Ok(here);
            }
            self.show(stage, &here, there.entries)?;
            self.patient(begun, what)?;
        }
    }

    fn show(&self, stage: &Stage, seen: &Seen, goal: u64) -> Outcome {
        let Seen { entries, received, state, .. } = seen;
        let of = if goal > *entries { format!(" of {goal}") } else { String::new() };
        let value = json!({
            "node": self.dir, "state": state, "entries": entries, "goal": goal, "received": received,
        });
        stage.progress(value, || {
            format!("{}: {state}, {entries}{of} entries, {received} bytes came", self.dir)
        })
    }

    /// Asks it to stop, as a service manager does, and waits.
    pub(super) fn stop(&mut self, stage: &Stage) -> Outcome {
        stage.does(&format!("kill {}", self.pid()));
        terminate(&mut self.child);
        let status = self.child.wait();
        stage.must("a clean end", status.is_ok_and(|status| status.success()))
    }

    /// Ends it without a word.
    pub(super) fn kill(&mut self, stage: &Stage) -> Outcome {
        stage.does(&format!("kill -9 {}", self.pid()));
        let done = self.child.kill().and_then(|()| self.child.wait());
        done.map(drop).map_err(|why| Fault::io("kill", std::path::Path::new(self.dir), why))
    }
}

#[cfg(unix)]
fn terminate(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process};
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let sent = pid.map(|pid| kill_process(pid, Signal::TERM));
    if !matches!(sent, Some(Ok(()))) {
        drop(child.kill());
    }
}

#[cfg(not(unix))]
fn terminate(child: &mut Child) {
    drop(child.kill());
}
