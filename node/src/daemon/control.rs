//! `run.sock`: where a node that runs is asked by commands of the same user. One question a connection, one line each way.
//!
//! | asked | answered |
//! |---|---|
//! | `status` | one JSON object |
//! | `peers` | one JSON object a peer, a line each |
//! | `lend PID` | `yours`, and the folder until the connection closes; or why not |

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::{Lent, Shared};
use crate::folder::loan::{LEND, YOURS};
use crate::writer::Asking;

/// Connections that may be open at once.
const OPEN: usize = 64;
/// How long the node keeps its folder between two loans at most.
const SHARE: Duration = Duration::from_millis(300);
/// How long a question may take to be asked.
const PATIENCE: Duration = Duration::from_secs(5);

/// The socket, until dropped.
pub(super) struct Control {
    path: PathBuf,
}

impl Drop for Control {
    fn drop(&mut self) {
        // Left behind by `kill -9` it is nobody's, and the next start takes it away.
        fs::remove_file(&self.path).unwrap_or(());
    }
}

/// Listens. The caller holds the folder, so a socket that is there already is nobody's.
pub(super) fn serve(path: &Path, shared: Arc<Shared>, asking: Asking) -> io::Result<Control> {
    match fs::remove_file(path) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    let thread = std::thread::Builder::new().name("control".into());
    thread.spawn(move || {
        let open = Arc::new(AtomicUsize::new(0));
        for stream in listener.incoming().flatten() {
            let (shared, asking, open) = (shared.clone(), asking.clone(), open.clone());
            if open.fetch_add(1, Ordering::Relaxed) >= OPEN {
                open.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let thread = std::thread::Builder::new().name("asked".into());
            let held = open.clone();
            let started = thread.spawn(move || {
                drop(answer(stream, &shared, &asking));
                held.fetch_sub(1, Ordering::Relaxed);
            });
            if started.is_err() {
                open.fetch_sub(1, Ordering::Relaxed);
            }
        }
    })?;
    Ok(Control { path: path.to_owned() })
}

fn answer(mut stream: UnixStream, shared: &Arc<Shared>, asking: &Asking) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut line = String::new();
    BufReader::new((&stream).take(256)).read_line(&mut line)?;
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some("status"), None) => writeln!(stream, "{}", shared.status()),
        (Some("peers"), None) => {
            for (node, row) in shared.board.rows() {
                writeln!(stream, "{}", row.value(&node))?;
            }
            Ok(())
        }
        (Some(word), Some(pid)) if word == LEND => {
            let Ok(pid) = pid.parse() else { return writeln!(stream, "that is no process") };
            lend(stream, pid, shared, asking)
        }
        _ => writeln!(stream, "asked for what there is not: status, peers, lend PID"),
    }
}

fn lend(stream: UnixStream, pid: u32, shared: &Arc<Shared>, asking: &Asking) -> io::Result<()> {
    let mut refused = stream.try_clone()?;
    // One loan at a time, and the next after as long as the last took, where somebody waited through it: commands that follow
    // each other without end would leave the links one commit between two of them.
    let mut turn = super::locked(&shared.turn);
    if let Some(until) = turn.take() {
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
    let (held, others) = (shared.clone(), asking.clone());
    let lent = asking.with(move |node| {
        // Asked for in the line of the writer, so that nothing of a group is left half done.
        if !held.begin_loan(Lent { pid, since: held.now() }) {
            return Ok(None);
        }
        let begun = Instant::now();
        let lent = node.lend(|| until_closed(stream));
        held.end_loan(lent.as_ref().err().map(ToString::to_string));
        // This loan is one of those who wait.
        let share = begun.elapsed().min(SHARE);
        lent.map(|()| Some((others.waiting() > 1).then(|| Instant::now() + share)))
    });
    if let Ok(Ok(Some(until))) = &lent {
        *turn = *until;
    }
    drop(turn);
    match lent {
        Ok(Ok(Some(_)) | Err(_)) => Ok(()),
        Ok(Ok(None)) => writeln!(refused, "it is stopping"),
        Err(_) => writeln!(refused, "its writer has stopped"),
    }
}

/// Tells the other process that the folder is its own, and waits until it is done, however it ends.
fn until_closed(mut stream: UnixStream) {
    let told = stream.set_read_timeout(None).and_then(|()| writeln!(stream, "{YOURS}"));
    let mut word = [0; 64];
    if told.is_ok() {
        while matches!(stream.read(&mut word), Ok(n) if n > 0) {}
    }
}

/// Asks a node that runs; `None` where none does in that folder.
///
/// # Errors
///
/// Where it does not answer in time, or with what is no text.
pub fn ask(root: &Path, question: &str) -> io::Result<Option<String>> {
    let Ok(mut stream) = UnixStream::connect(root.join(crate::folder::SOCKET)) else {
        return Ok(None);
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    writeln!(stream, "{question}")?;
    let mut said = String::new();
    // Rows of the most links there can be, each under a kilobyte.
    (&stream).take(4 * 1024 * 1024).read_to_string(&mut said)?;
    Ok(Some(said))
}
