//! One link: a task that reads, a task that writes, and a thread between them that talks. The thread never waits for the
//! one while the other has something for it, so that two sides that both have much to send do not wait for each other.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use annona_ledger::sync::session::Figures;
use annona_ledger::sync::talk::Why;
use annona_ledger::time::Millis;
use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p_swarm::Stream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::board::Board;
use super::limits;
use super::members::Member;
use super::wire;

/// How long a thread that hears nothing waits before it looks whether there is something new to say.
const LOOK: Duration = Duration::from_millis(500);
/// How long the other side may owe something and bring nothing (spec/sync.md).
const STALL: Duration = Duration::from_secs(60);
/// How long a link that is kept only to meet may be silent before it ends, and one on which a budget holds back the rest bring
/// nothing.
const SILENT: Duration = Duration::from_secs(30);

/// What two nodes say to each other over one link: bytes in, bytes out. [`crate::sync`] has the one there is.
pub trait Talk: Send {
    /// The next bytes to write. Asked for once the last were written.
    fn outgoing(&mut self) -> Option<Vec<u8>>;
    /// Takes in bytes as they came: any part of a frame, or several.
    fn incoming(&mut self, bytes: &[u8]);
    /// Says the last word; [`Talk::outgoing`] hands it out.
    fn end(&mut self, why: Why);
    /// Why it has ended, once the last word is out.
    fn over(&self) -> Option<Why>;
    /// Whether the other side has said who it is and what it takes.
    fn open(&self) -> bool;
    /// Whether the other side owes something that was asked for.
    fn owed(&self) -> bool;
    /// Whether a budget holds back what is not urgent, of either side: more of it goes over another link.
    fn withheld(&self) -> bool {
        false
    }
    /// How much it brought that was new, or was asked for.
    fn brought(&self) -> u64;
    /// How long it is worth to wait for more bytes before [`Talk::outgoing`] is asked, if at all.
    fn patience(&self) -> Option<Duration> {
        None
    }
    /// A fault of this node that ended it.
    fn fault(&self) -> Option<String> {
        None
    }
    /// What went over the link so far.
    fn figures(&self) -> Figures;
}

/// Begins talks.
pub trait Meet: Send + Sync {
    /// Begins one with a member.
    ///
    /// # Errors
    ///
    /// Why not now, in words for the log.
    fn open(&self, with: &Member, room: &Room) -> Result<Box<dyn Talk>, String>;
}

/// How much may go over a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes of content that is not urgent, each way; `None`: as much as there is.
    pub budget: Option<u64>,
    /// Whether the link is paid by the byte.
    pub metered: bool,
    /// Whether the link is kept only as long as there is something to say.
    pub brief: bool,
}

/// Why a link is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was said.
    Said(Why),
    /// The link broke.
    Broke,
    /// A fault of this node, in words.
    Fault(String),
}

/// What came of a link.
#[derive(Debug)]
pub(super) struct Past {
    /// Its number on the board.
    pub(super) number: u64,
    pub(super) ended: Ended,
    /// Whether anything was kept on either side.
    pub(super) useful: bool,
    /// Whether a budget held back the rest.
    pub(super) withheld: bool,
}

/// What a thread hears.
pub(super) enum Heard {
    Bytes(Vec<u8>, OwnedSemaphorePermit),
    /// What was written is out.
    Written,
    /// The other side's clock.
    Clock(u64),
    /// Something may have been written to the ledger.
    Bell,
    /// Say the last word.
    End(Why),
    /// The link is no more.
    Broke,
}

/// What a link needs to be one.
pub(super) struct Making {
    pub(super) member: Member,
    pub(super) room: Room,
    pub(super) meet: Arc<dyn Meet>,
    pub(super) board: Arc<Board>,
    /// Its number on the board.
    pub(super) number: u64,
    pub(super) now: Millis,
}

/// Starts the tasks and the thread of a link; `done` is told what came of it when the thread has ended.
///
/// Must be called inside the runtime.
pub(super) fn start(
    stream: Stream,
    making: Making,
    done: impl FnOnce(Past) + Send + 'static,
) -> std::io::Result<Sender<Heard>> {
    let (heard, hears) = channel();
    let (write, writes) = unbounded_channel();
    let (from, to) = stream.split();
    let thread = std::thread::Builder::new().name("link".into());
    thread.spawn(move || {
        done(talk(making, &hears, &write));
    })?;
    tokio::spawn(read(from, heard.clone()));
    tokio::spawn(writing(to, writes, heard.clone()));
    Ok(heard)
}

async fn read<R: futures::AsyncRead + Unpin>(mut from: R, heard: Sender<Heard>) {
    let waiting = Arc::new(Semaphore::new(limits::WAITING));
    if let Ok(Ok(clock)) = timeout(limits::GREETING, wire::read_clock(&mut from)).await {
        if heard.send(Heard::Clock(clock)).is_err() {
            return;
        }
        let mut piece = vec![0; limits::PIECE];
        // A place first, the bytes then: what nobody has room for is not read.
        while let Ok(place) = waiting.clone().acquire_owned().await {
            let Ok(n @ 1..) = from.read(&mut piece).await else { break };
            let bytes = piece.get(..n).unwrap_or_default().to_vec();
            if heard.send(Heard::Bytes(bytes, place)).is_err() {
                return;
            }
        }
    }
    drop(heard.send(Heard::Broke));
}

async fn writing<W: futures::AsyncWrite + Unpin>(
    mut to: W,
    mut writes: UnboundedReceiver<Vec<u8>>,
    heard: Sender<Heard>,
) {
    while let Some(bytes) = writes.recv().await {
        let written = timeout(limits::WRITE, async {
            // What is encrypted together is read once the last of it is there: of all of a flight in one, a slow line that is
            // cut every few seconds would bring nothing, ever.
            for some in bytes.chunks(limits::MESSAGE) {
                to.write_all(some).await?;
                to.flush().await?;
                // It is on its way before more of it is added.
                tokio::task::yield_now().await;
            }
            Ok::<(), std::io::Error>(())
        });
        let told = match written.await {
            Ok(Ok(())) => heard.send(Heard::Written),
            _ => heard.send(Heard::Broke),
        };
        if told.is_err() {
            break;
        }
    }
    drop(timeout(limits::IDLE, to.close()).await);
}

/// The thread of a link.
fn talk(making: Making, hears: &Receiver<Heard>, write: &UnboundedSender<Vec<u8>>) -> Past {
    let number = making.number;
    let talk = match making.meet.open(&making.member, &making.room) {
        Ok(talk) => talk,
        Err(why) => {
            return Past { number, ended: Ended::Fault(why), useful: false, withheld: false };
        }
    };
    let mut link = Link::new(talk, making);
    let ended = link.run(hears, write);
    link.tell(true);
    let ended = link.talk.fault().map_or(ended, Ended::Fault);
    let useful = link.talk.brought() > 0 || link.talk.figures().content_taken > 0;
    Past { number, ended, useful, withheld: link.talk.withheld() }
}

struct Link {
    talk: Box<dyn Talk>,
    making: Making,
    /// When the board was last told.
    written: Instant,
    /// How long nothing was heard and nothing said; how long the other side did not say who it is; how long it brought
    /// nothing although it owes; how long no content went or came while a budget held back the rest. Only time that was spent
    /// listening counts, whatever was heard meanwhile: while this side's ledger is busy, the other is not to blame.
    silent: Duration,
    greeting: Duration,
    owing: Duration,
    held: Duration,
    /// How much it had brought, and how much content had moved, when that was last looked at.
    brought: u64,
    moved: u64,
}

impl Link {
    fn new(talk: Box<dyn Talk>, making: Making) -> Self {
        Self {
            talk,
            making,
            written: Instant::now(),
            silent: Duration::ZERO,
            greeting: Duration::ZERO,
            owing: Duration::ZERO,
            held: Duration::ZERO,
            brought: 0,
            moved: 0,
        }
    }

    fn run(&mut self, hears: &Receiver<Heard>, write: &UnboundedSender<Vec<u8>>) -> Ended {
        let mut under_way = write.send(wire::clock(self.making.now.0)).is_ok();
        // How long more is waited for before anything is said.
        let mut patience = None;
        loop {
            if !under_way && patience.is_none() {
                if let Some(bytes) = self.talk.outgoing() {
                    self.silent = Duration::ZERO;
                    if write.send(bytes).is_err() {
                        return Ended::Broke;
                    }
                    under_way = true;
                } else if let Some(why) = self.talk.over() {
                    return Ended::Said(why);
                }
            }
            let began = Instant::now();
            let event = hears.recv_timeout(patience.unwrap_or(LOOK));
            self.listened(began.elapsed());
            match event {
                Ok(Heard::Written) => under_way = false,
                Ok(Heard::Broke) => return self.talk.over().map_or(Ended::Broke, Ended::Said),
                Ok(heard) => {
                    let bytes = matches!(heard, Heard::Bytes(..));
                    self.hear(heard);
                    patience = self.talk.patience().filter(|_| bytes);
                }
                Err(RecvTimeoutError::Timeout) => patience = None,
                Err(RecvTimeoutError::Disconnected) => return Ended::Broke,
            }
            self.tell(false);
        }
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Bytes(bytes, place) => {
                self.talk.incoming(&bytes);
                drop(place);
                self.silent = Duration::ZERO;
            }
            Heard::Clock(theirs) => {
                let ours = i64::try_from(self.making.now.0).unwrap_or(i64::MAX);
                let skew = i64::try_from(theirs).unwrap_or(i64::MAX).saturating_sub(ours);
                self.making.board.with(&self.making.member.node, |row| row.skew = Some(skew));
            }
            Heard::End(why) => self.talk.end(why),
            Heard::Written | Heard::Bell | Heard::Broke => {}
        }
    }

    /// So long it was listened.
    fn listened(&mut self, time: Duration) {
        self.silent += time;
        self.greeting = if self.talk.open() { Duration::ZERO } else { self.greeting + time };
        let before = std::mem::replace(&mut self.brought, self.talk.brought());
        let owes = self.talk.owed() && self.brought == before;
        self.owing = if owes { self.owing + time } else { Duration::ZERO };
        let Figures { content_sent, content_taken, content_received, .. } = self.talk.figures();
        let moved = content_sent.saturating_add(content_taken).saturating_add(content_received);
        let before = std::mem::replace(&mut self.moved, moved);
        let held = self.talk.withheld() && moved == before;
        self.held = if held { self.held + time } else { Duration::ZERO };
        if self.greeting >= limits::GREETING || self.owing >= STALL {
            self.talk.end(Why::Stalled);
        } else if self.held >= SILENT {
            // What is left of the day's budget is for another link, or another day.
            self.talk.end(Why::Done);
        } else if self.making.room.brief && self.silent >= SILENT {
            self.talk.end(Why::Done);
        }
    }

    fn tell(&mut self, last: bool) {
        if last || self.written.elapsed() >= LOOK {
            self.written = Instant::now();
            let figures = self.talk.figures();
            self.making.board.tell(&self.making.member.node, self.making.number, figures);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody who owes, or has no budget left for what it owes, and says something all the time.
    #[derive(Default)]
    struct Chatter {
        withheld: bool,
        brought: u64,
        ended: Option<Why>,
    }

    impl Talk for Chatter {
        fn outgoing(&mut self) -> Option<Vec<u8>> {
            None
        }

        fn incoming(&mut self, bytes: &[u8]) {
            self.brought += bytes.len() as u64 - 1;
        }

        fn end(&mut self, why: Why) {
            self.ended = self.ended.or(Some(why));
        }

        fn over(&self) -> Option<Why> {
            self.ended
        }

        fn open(&self) -> bool {
            true
        }

        fn owed(&self) -> bool {
            !self.withheld
        }

        fn withheld(&self) -> bool {
            self.withheld
        }

        fn brought(&self) -> u64 {
            self.brought
        }

        fn figures(&self) -> Figures {
            Figures { content_received: self.brought, ..Figures::default() }
        }
    }

    struct Nobody;

    impl Meet for Nobody {
        fn open(&self, _: &Member, _: &Room) -> Result<Box<dyn Talk>, String> {
            Err(String::new())
        }
    }

    /// Hears so many bytes twice a second, for two minutes.
    fn check(withheld: bool, bytes: usize, ended: Option<Why>) {
        let making = Making {
            member: Member::fine(),
            room: Room { budget: None, metered: false, brief: false },
            meet: Arc::new(Nobody),
            board: Arc::default(),
            number: 1,
            now: Millis(0),
        };
        let talk = Box::new(Chatter { withheld, ..Chatter::default() });
        let mut link = Link::new(talk, making);
        let places = Arc::new(Semaphore::new(1));
        for _ in 0..240 {
            let place = places.clone().try_acquire_owned().expect("one place");
            link.hear(Heard::Bytes(vec![0; bytes], place));
            link.listened(LOOK);
        }
        assert_eq!(link.talk.over(), ended, "{bytes} bytes at a time");
    }

    #[test]
    fn who_owes_is_not_waited_for_because_it_talks() {
        check(false, 1, Some(Why::Stalled));
        check(false, 2, None);
    }

    #[test]
    fn what_a_budget_holds_back_is_not_waited_for() {
        check(true, 1, Some(Why::Done));
        // What is urgent still goes.
        check(true, 2, None);
    }
}
