//! A medium that fails, or has no room, is a refusal and never a false yes: any request of a script may fail, once or for
//! good, and once the disk is well again the node goes on by itself.

use super::camp::{Camp, Machine};
use super::platter::Trouble;
use super::power::{Planted, Run};
use super::{Broken, Failed, Kept, hold, sound};

/// Requests of the disk that one script makes, about: every one of them fails in its turn.
pub const SCRIPT: u64 = 400;

/// How a request fails.
pub const WAYS: [&str; 4] = ["broken once", "broken for good", "full once", "full for good"];

/// What a run did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that failed.
    pub failed: u64,
    /// Answers that were refusals because of it.
    pub refused: u64,
    /// Entries promised all the same, before or after.
    pub promised: u64,
}

/// How far a script goes on to a request that needs room, where the one that was to fail needed none.
const LONGEST: u64 = 4 * SCRIPT;

/// Lets request `at` of the script of a seed fail in one of the [`WAYS`]; with a bug around the node, if one is planted.
///
/// # Errors
///
/// [`Failed`].
pub fn run(
    camp: &Camp,
    machine: &mut Machine,
    seed: u64,
    at: u64,
    way: usize,
    planted: Option<Planted>,
) -> Result<Tally, Failed> {
    let once = way.is_multiple_of(2);
    let trouble = if way < 2 { Trouble::Broken { at, once } } else { Trouble::Full { at, once } };
    let mut tally = Tally::default();
    let done = Run::begin(camp, machine, seed, planted)
        .and_then(|mut run| script(&mut run, trouble, &mut tally));
    let repeat = format!("refuse --seed {seed} --at {at} --way {way}");
    done.map(|()| tally).map_err(|broken| Failed { seed, step: at, broken, repeat })
}

fn script(run: &mut Run<'_>, trouble: Trouble, tally: &mut Tally) -> Kept {
    run.machine.disk.with(|platter| platter.trouble(trouble));
    let mut reader = None;
    let mut opened = Some(run.machine.node.reopen());
    let requests = |run: &Run<'_>| run.machine.disk.with(|platter| platter.requests());
    while requests(run) < SCRIPT || !run.over() && requests(run) < LONGEST {
        match opened.take().unwrap_or_else(|| run.act(false, &mut reader)) {
            Ok(()) => {}
            Err(fault) if run.over() => {
                tally.refused += 1;
                let text = fault.to_string();
                // A cable is not a damaged ledger: nobody shall restore a folder because of one.
                hold(!text.contains("damaged"), || format!("said of a failing disk: {text}"))?;
            }
            Err(fault) => return Err(Broken(format!("serving: {fault}"))),
        }
    }
    hold(run.over(), || "the script ended before its request failed".to_owned())?;
    tally.failed += 1;
    // The disk is well again: the node is not told, and finds out.
    run.machine.disk.with(|platter| platter.trouble(Trouble::None));
    drop(reader);
    run.ask_again()?;
    sound("serving on a disk that is well again", run.serve(3, false))?;
    sound("sealing on it", run.seal(false))?;
    let chance = &mut run.chance;
    run.machine.disk.with(|platter| platter.restart(chance));
    run.word.check(run.machine)?;
    tally.promised += run.tally.promised;
    Ok(())
}
