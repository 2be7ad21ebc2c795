//! Driving a meeting over something that carries bytes both ways: written while it is read, whatever else waits.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Instant;

use annona_ledger::sync::talk::Why;

use super::{Fault, Meeting, PATIENCE, POLL};

/// Bytes read at a time.
const READ: usize = 16 * 1024;
/// Pieces that were read and wait for the meeting: 4 MiB at most, many times what an honest side has under way.
const ARRIVED: usize = 256;

/// How a meeting came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The other side said so.
    Theirs(Why),
    /// This side said so.
    Ours(Why),
    /// The link is gone.
    Cut,
}

/// Both directions of a link whose other end is known.
pub trait Link: Send {
    /// What can be read, apart from what is written.
    ///
    /// # Errors
    ///
    /// Where the system gives no second handle.
    fn reader(&self) -> io::Result<Box<dyn Read + Send>>;
    /// What can be written. Writing fails rather than waits for longer than [`PATIENCE`].
    ///
    /// # Errors
    ///
    /// Where the system gives no second handle.
    fn writer(&self) -> io::Result<Box<dyn Write + Send>>;
    /// Ends both directions, so that whoever reads is told.
    fn hang_up(&self);
}

macro_rules! socket {
    ($($socket:ty),*) => {$(
        impl Link for $socket {
            fn reader(&self) -> io::Result<Box<dyn Read + Send>> {
                Ok(Box::new(self.try_clone()?))
            }

            fn writer(&self) -> io::Result<Box<dyn Write + Send>> {
                let writer = self.try_clone()?;
                writer.set_write_timeout(Some(PATIENCE))?;
                Ok(Box::new(writer))
            }

            fn hang_up(&self) {
                // Where the other side was first, there is nothing to shut.
                drop(self.shutdown(Shutdown::Both));
            }
        }
    )*};
}

socket!(TcpStream, UnixStream);

impl Meeting {
    /// Runs the meeting over a socket until either side ends it, the link is gone, or `stop` is set. The socket is closed
    /// when this returns, and what came is kept.
    ///
    /// # Errors
    ///
    /// [`Fault`]; the other side was told.
    pub fn run(&mut self, link: &impl Link, stop: &AtomicBool) -> Result<Ended, Fault> {
        let (Ok(reader), Ok(mut writer)) = (link.reader(), link.writer()) else {
            return Ok(Ended::Cut);
        };
        let (arrived, arriving) = sync_channel(ARRIVED);
        let reading =
            std::thread::Builder::new().name("link".into()).spawn(move || read(reader, &arrived));
        let ended = match &reading {
            Ok(_) => self.drive(&arriving, &mut |bytes| writer.write_all(bytes), stop),
            Err(_) => Ok(Ended::Cut),
        };
        link.hang_up();
        drop(arriving);
        if let Ok(reading) = reading {
            drop(reading.join());
        }
        let kept = self.keep(true);
        let ended = ended?;
        kept?;
        Ok(ended)
    }

    /// The same over channels: what arrives comes out of one, `send` writes. Where the first is closed, or the other
    /// fails, the link is gone.
    ///
    /// # Errors
    ///
    /// [`Fault`]; the other side was told, as far as `send` still can.
    pub fn drive(
        &mut self,
        arriving: &Receiver<Vec<u8>>,
        send: &mut dyn FnMut(&[u8]) -> io::Result<()>,
        stop: &AtomicBool,
    ) -> Result<Ended, Fault> {
        let mut ours = None;
        loop {
            let heard = self.arrived(arriving).and_then(|there| self.gather(arriving, there));
            let said = heard.and_then(|there| Ok((there, self.outgoing()?)));
            let (there, bytes) = match said {
                Ok(said) => said,
                Err(fault) => {
                    // Its last word, if there is one.
                    if let Ok(Some(bytes)) = self.outgoing() {
                        drop(send(&bytes));
                    }
                    return Err(fault);
                }
            };
            if let Some(bytes) = bytes {
                if send(&bytes).is_err() {
                    // What came before is taken in.
                    self.arrived(arriving)?;
                    return Ok(self.ended().map_or(Ended::Cut, Ended::Theirs));
                }
                continue;
            }
            if self.is_over() || !there {
                let theirs = self.ended().map(Ended::Theirs);
                return Ok(ours.map(Ended::Ours).or(theirs).unwrap_or(Ended::Cut));
            }
            let why = match () {
                () if stop.load(Ordering::Relaxed) => Some(Why::Stopping),
                () if self.stalled(Instant::now()) => Some(Why::Stalled),
                () => None,
            };
            if let Some(why) = why {
                self.end(why);
                ours = ours.or(Some(why));
                continue;
            }
            match arriving.recv_timeout(POLL) {
                Ok(bytes) => {
                    if let Err(fault) = self.incoming(&bytes) {
                        if let Ok(Some(bytes)) = self.outgoing() {
                            drop(send(&bytes));
                        }
                        return Err(fault);
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// How much came that was new here, or was asked for: it grows as long as the other side brings any of what it owes, and
    /// not with what it sends besides.
    #[must_use]
    pub const fn brought(&self) -> u64 {
        let taken = &self.taken;
        let kept =
            taken.progress().saturating_add(taken.evidence).saturating_add(taken.cosignatures);
        kept.saturating_add(self.session.things())
    }

    /// Whether the other side has owed for [`PATIENCE`] what it does not bring, or has not said who it is. Whoever drives
    /// the meeting then ends it with [`Why::Stalled`].
    #[must_use]
    pub fn stalled(&self, now: Instant) -> bool {
        let waits = !self.session.is_open() || self.session.owed() > 0;
        waits && now.saturating_duration_since(self.came.0) > PATIENCE
    }

    /// Whether a budget holds back what is not urgent, of either side: more of it goes in another meeting.
    #[must_use]
    pub const fn is_withheld(&self) -> bool {
        self.session.is_withheld()
    }

    /// Goes on taking in while that makes a commit worth more.
    fn gather(&mut self, arriving: &Receiver<Vec<u8>>, mut there: bool) -> Result<bool, Fault> {
        while let Some(patience) = self.patience().filter(|_| there) {
            match arriving.recv_timeout(patience) {
                Ok(bytes) => self.incoming(&bytes)?,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => there = false,
            }
        }
        Ok(there)
    }

    /// Takes in everything that has arrived by now. Says whether more may come.
    fn arrived(&mut self, arriving: &Receiver<Vec<u8>>) -> Result<bool, Fault> {
        loop {
            match arriving.try_recv() {
                Ok(bytes) => self.incoming(&bytes)?,
                Err(TryRecvError::Empty) => return Ok(true),
                Err(TryRecvError::Disconnected) => return Ok(false),
            }
        }
    }
}

fn read(mut link: Box<dyn Read + Send>, arrived: &SyncSender<Vec<u8>>) {
    let mut buffer = vec![0; READ];
    loop {
        match link.read(&mut buffer) {
            Ok(0) => return,
            Ok(some) => {
                if arrived.send(buffer[..some].to_vec()).is_err() {
                    return;
                }
            }
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
