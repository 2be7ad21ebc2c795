//! Asking a process that runs for its folder.
//!
//! ```text
//! → lend 4711\n          over run.sock, which only the folder's owner may open
//! ← yours\n              the folder is free for whoever asked
//!   …                    the command holds the folder as ever, and does what it does
//!                        the connection closes when it is done, however it ends
//! ```

use std::path::Path;
use std::time::Duration;

use super::FolderFault;

/// How often a folder that was lent is tried.
pub(super) const TRIES: u32 = 100;
/// How long between two tries.
pub(super) const PAUSE: Duration = Duration::from_millis(100);
/// How long before a node that does not lend it is asked again.
pub(super) const ASKED: Duration = Duration::from_secs(1);
/// How long the process that runs may take to finish what it is at.
#[cfg(unix)]
const PATIENCE: Duration = Duration::from_secs(60);
/// What the folder is asked for with, before the number of the process that asks.
pub const LEND: &str = "lend";
/// What it is answered with.
pub const YOURS: &str = "yours";

/// A folder that is lent to this process for as long as this value is there.
#[derive(Debug)]
pub(super) struct Loan {
    #[cfg(unix)]
    _until: std::os::unix::net::UnixStream,
}

/// Asks for a folder. `None` where nobody is there to be asked.
#[cfg(unix)]
pub(super) fn ask(root: &Path) -> Result<Option<Loan>, FolderFault> {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::os::unix::net::UnixStream;

    let Ok(mut stream) = UnixStream::connect(root.join(super::SOCKET)) else { return Ok(None) };
    let not_lent = |why: String| FolderFault::NotLent { path: root.to_owned(), why };
    let broke = |_| not_lent("it does not answer".into());
    stream.set_read_timeout(Some(PATIENCE)).map_err(broke)?;
    writeln!(stream, "{LEND} {}", std::process::id()).map_err(broke)?;
    let mut line = String::new();
    BufReader::new((&stream).take(4_096)).read_line(&mut line).map_err(broke)?;
    match line.trim() {
        YOURS => Ok(Some(Loan { _until: stream })),
        "" => Err(not_lent("it is stopping".into())),
        why => Err(not_lent(why.to_owned())),
    }
}

/// Asks for a folder: on this system nobody lends one.
#[cfg(not(unix))]
pub(super) fn ask(_: &Path) -> Result<Option<Loan>, FolderFault> {
    Ok(None)
}
