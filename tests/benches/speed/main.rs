//! Every figure of `spec/bench.md`, each beside its limit, measured in one run.

use annona_tests::bench::{Fault, Written};
use std::path::PathBuf;

fn main() -> Result<(), Fault> {
    let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bench");
    for n in std::env::args().skip(1).filter_map(|a| a.parse::<u64>().ok()) {
        let t = std::time::Instant::now();
        let w = Written::write(&place, n)?;
        println!("{n} {} purses {:.2} s", w.purses.len(), t.elapsed().as_secs_f64());
    }
    Ok(())
}
