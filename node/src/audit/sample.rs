//! A sample of hand-outs that anybody draws again from the same file and seed.

use std::collections::BTreeMap;

use annona_ledger::audit::Source;
use annona_ledger::entry::Method;
use annona_ledger::id::EntryName;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::look::{LookFault, Looking};
use super::walk::{Did, Seen, walk};
use crate::config::Zone;

/// The most entries one sample has.
pub const MAX_SAMPLE: usize = 10_000;

/// One hand-out of a sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drawn {
    /// Its name.
    #[serde(skip)]
    pub name: EntryName,
    /// Its name, as it is printed.
    pub entry: String,
    /// The site that handed out.
    pub site: String,
    /// By the site's clock, in the zone asked for.
    pub when: String,
    /// The programme's number.
    pub programme: u16,
    /// The cycle.
    pub cycle: u16,
    /// The purse.
    pub purse: String,
    /// How much of what.
    pub amount: String,
    /// The merchant's account, where one was named.
    pub merchant: Option<String>,
    /// How the holder was authenticated.
    pub method: String,
    /// Whether it came from the site's float.
    pub float: bool,
    /// How final it is, as far as the source shows.
    pub finality: &'static str,
}

/// A sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sample {
    /// Hand-outs there are to draw from.
    pub of: u64,
    /// What was drawn, in order of feed and index.
    pub drawn: Vec<Drawn>,
    /// Feeds that could not be read, or not wholly: nothing, or not everything, was drawn from them.
    pub partly: Vec<String>,
}

impl Sample {
    /// Where none of what was drawn turns out wrong, the share of wrong ones is below this, in hundredths of a percent,
    /// with 95 % confidence: the p with (1 − p)ⁿ = 0.05.
    #[must_use]
    pub fn bound(&self) -> Option<u32> {
        let n = u32::try_from(self.drawn.len()).ok().filter(|n| *n > 0)?;
        let all = u64::from(n) == self.of;
        let share = 1.0 - 0.05f64.powf(1.0 / f64::from(n));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 9,500")]
        Some(if all { 0 } else { (share * 10_000.0).ceil() as u32 })
    }
}

/// Draws `count` hand-outs, told by the clocks of a zone: those whose `SHA-256(seed ‖ newline ‖ name)` is least, so that neither the order of the file
/// nor who draws makes a difference.
///
/// # Errors
///
/// [`LookFault`].
pub fn sample(
    source: &impl Source,
    count: usize,
    seed: &str,
    zone: Zone,
) -> Result<Sample, LookFault> {
    let looking = Looking::whole(source, zone)?;
    let count = count.min(MAX_SAMPLE);
    let mut of = 0u64;
    let mut least: BTreeMap<[u8; 32], Seen> = BTreeMap::new();
    let walked = walk(source, &looking.ground, &mut |seen| {
        if !matches!(seen.did, Did::HandedOut { .. } | Did::FloatHandedOut { .. }) {
            return;
        }
        of += 1;
        let mut sha = Sha256::new();
        sha.update(seed.as_bytes());
        sha.update(b"\n");
        sha.update(seen.name.feed.to_string().as_bytes());
        sha.update(seen.name.index.to_be_bytes());
        sha.update(seen.name.accumulator.0);
        least.insert(sha.finalize().into(), seen.clone());
        if least.len() > count {
            least.pop_last();
        }
    });
    let mut drawn: Vec<Seen> = least.into_values().collect();
    drawn.sort_by_key(|seen| seen.name);
    let drawn = drawn.iter().map(|seen| told(&looking, seen)).collect();
    let partly = walked.partly.iter().map(ToString::to_string).collect();
    Ok(Sample { of, drawn, partly })
}

fn told<S: Source>(looking: &Looking<'_, S>, seen: &Seen) -> Drawn {
    let (method, merchant, float) = match seen.did {
        Did::HandedOut { method, merchant } => (Some(method), merchant, false),
        Did::FloatHandedOut { method, merchant, .. } => (Some(method), merchant, true),
        _ => (None, None, false),
    };
    let programme = seen.name.feed.programme;
    Drawn {
        name: seen.name,
        entry: seen.name.to_string(),
        site: looking.labels.node(&seen.name.feed.node),
        when: looking.labels.when(seen.at),
        programme: programme.0,
        cycle: seen.cycle.0,
        purse: seen.purse.map(|purse| purse.to_string()).unwrap_or_default(),
        amount: looking.labels.amount(programme, seen.commodity, seen.units.into()),
        merchant: merchant.map(|merchant| merchant.to_string()),
        method: method.map(Method::word).unwrap_or_default().to_owned(),
        float,
        finality: seen.finality.word(),
    }
}
