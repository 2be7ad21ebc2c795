//! The switch woven into the copy that is tried. One mutant is on in a process, or none, and what is asked is noted.

use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

static ON: LazyLock<Option<u32>> =
    LazyLock::new(|| std::env::var("TEETH_ON").ok().and_then(|id| id.parse().ok()));

static SEEN: LazyLock<Option<Mutex<(std::fs::File, Vec<bool>)>>> = LazyLock::new(|| {
    let file = std::fs::File::create(std::env::var("TEETH_SEEN").ok()?).expect("a file to note in");
    Some(Mutex::new((file, Vec::new())))
});

/// Whether this mutant is on.
pub fn on(id: u32) -> bool {
    if let Some(seen) = &*SEEN {
        let (file, seen) = &mut *seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() <= id as usize {
            seen.resize(id as usize + 1, false);
        }
        if !std::mem::replace(&mut seen[id as usize], true) {
            writeln!(file, "{id}").expect("room to note in");
        }
    }
    *ON == Some(id)
}
