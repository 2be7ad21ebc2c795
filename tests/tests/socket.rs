//! Malformed frames over TCP to a node that meets: real store, writer and meeting behind a real socket. A link ends, the
//! node is none the wiser and asks for little, and whoever is honest is met as before.
//!
//! `ANNONA_MEETINGS` says how many links are tried (400 where it is not set).

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel, sync_channel};
use std::time::Duration;

use annona_ledger::amount::Amount;
use annona_ledger::entry::Method;
use annona_ledger::id::{Lane, MerchantId, Purse};
use annona_ledger::key::PublicKey;
use annona_ledger::sync::frame::PREFIX;
use annona_node::node::{Compose, Node, Request};
use annona_node::serve::{self, Charge, Item};
use annona_node::sync::{Bounds, Desk, Fault, Meeting};
use annona_tests::bench::{CASH, Federation, USD, newcomer, opened, opened_at};
use annona_tests::hostile::spoilt;
use annona_tests::rng::Rng;
use annona_tests::slow::carry::End;

/// What all links together may add to the height of the process's memory, in bytes.
const MOST: u64 = 64 * 1024 * 1024;

fn links() -> u32 {
    std::env::var("ANNONA_MEETINGS").ok().and_then(|text| text.parse().ok()).unwrap_or(400)
}

/// The most memory this process ever held, in bytes.
fn height() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map_or(0, |kilobytes| kilobytes * 1024)
}

/// A site that has handed out some rations, and a node beside it that has heard of none.
fn two(place: &Path) -> [End; 2] {
    let (federation, purses) =
        opened(Federation::of(place, 1).expect("founded"), 12).expect("opened");
    let Federation { treasury, mut sites, .. } = federation;
    treasury.close().expect("closed");
    let mut site = sites.remove(0);
    for number in 0..300 {
        hand_out(&mut site, &purses[0], number);
    }
    site.seal_all().expect("sealed");
    let heads = place.join("heads");
    newcomer(site, &place.join("newcomer"), &heads).expect("a newcomer");
    ["site-0", "newcomer"].map(|name| {
        End::new(opened_at(&place.join(name), &heads).expect("opens")).expect("a writer")
    })
}

fn hand_out(site: &mut Node, purses: &[Purse], number: usize) {
    let charge = Charge {
        purse: purses[number % purses.len()],
        items: vec![Item { commodity: USD, amount: Amount::new(7).expect("small") }],
        merchant: MerchantId([1; 16]),
        method: Method::Pin,
    };
    let feed = site.feed(Lane::Value, CASH);
    let compose: Compose<'_> =
        Box::new(move |work, feed, at| serve::charge(work, feed, &charge, at));
    let answers = site.write(&mut [Request { feed, compose }]).expect("written");
    assert!(answers[0].is_ok(), "{:?}", answers[0]);
}

/// Whether a link ended for what the other side did.
type Told = Result<bool, String>;

/// Meets whoever links, one after the other, and tells how each link ended.
fn listening(desk: Desk, peer: PublicKey) -> (SocketAddr, Receiver<Told>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let (tell, told) = channel();
    std::thread::spawn(move || {
        for link in listener.incoming() {
            let said = met(&desk, &peer, link.expect("a link"));
            if tell.send(said).is_err() {
                return;
            }
        }
    });
    (address, told)
}

fn met(desk: &Desk, peer: &PublicKey, link: TcpStream) -> Told {
    link.set_nodelay(true).map_err(|why| why.to_string())?;
    let mut meeting =
        Meeting::open(desk, peer, Bounds::default()).map_err(|why| why.to_string())?;
    match meeting.run(&link, &AtomicBool::new(false)) {
        Ok(_) => Ok(false),
        Err(Fault::Breach(_)) => Ok(true),
        Err(other) => Err(format!("not the other side's: {other}")),
    }
}

/// The frames that bytes on their way are made of, each with its length before it.
fn frames(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX>() {
        let length = u32::from_be_bytes(*prefix) as usize;
        assert!(length <= rest.len(), "what goes out are whole frames");
        let (frame, after) = bytes.split_at(PREFIX + length);
        frames.push(frame);
        bytes = after;
    }
    frames
}

/// Hands over what a socket brings.
fn reads(link: &TcpStream) -> Receiver<Vec<u8>> {
    let mut link = link.try_clone().expect("a second handle");
    let (arrived, arriving) = sync_channel(64);
    std::thread::spawn(move || {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = link.read(&mut bytes) {
            if arrived.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    arriving
}

/// A member that talks as it should up to a frame, and then as `spoil` says; how many frames it sent. Where it does not come
/// to that frame, because the other side was faster with an answer, it says that it stops.
fn talks(
    end: &End,
    peer: &PublicKey,
    to: SocketAddr,
    at: usize,
    spoil: &mut dyn FnMut(&[u8]) -> Vec<u8>,
) -> usize {
    let mut link = TcpStream::connect(to).expect("it listens");
    link.set_nodelay(true).expect("a socket");
    let arriving = reads(&link);
    let mut meeting = Meeting::open(&end.desk, peer, Bounds::default()).expect("members");
    let (mut sent, stop) = (0, AtomicBool::new(false));
    let mut send = |bytes: &[u8]| {
        for frame in frames(bytes) {
            let spoils = sent == at;
            sent += 1;
            if spoils {
                drop(link.write_all(&spoil(frame)));
                // Whoever spoils waits for no answer.
                return Err(std::io::ErrorKind::BrokenPipe.into());
            }
            link.write_all(frame)?;
        }
        Ok(())
    };
    let (done, over) = channel::<()>();
    std::thread::scope(|scope| {
        let stop = &stop;
        scope.spawn(move || {
            // Nothing is measured: this only ends what would wait for ever.
            if over.recv_timeout(Duration::from_secs(2)) == Err(RecvTimeoutError::Timeout) {
                stop.store(true, Ordering::Relaxed);
            }
        });
        drop(meeting.drive(&arriving, &mut send, stop));
        drop(done);
    });
    drop(link.shutdown(Shutdown::Write));
    // Until the other side has hung up as well.
    for _ in arriving {}
    sent
}

/// An honest meeting until both know the same and have had nothing to say for a while: what is left is that they wait for
/// news. How many frames this side sent.
fn honest(end: &End, other: &End, to: SocketAddr, told: &Receiver<Told>) -> usize {
    let mut link = TcpStream::connect(to).expect("it listens");
    let mut meeting = Meeting::open(&end.desk, &other.key, Bounds::default()).expect("members");
    let (stop, sent, arriving) = (AtomicBool::new(false), AtomicUsize::new(0), reads(&link));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut before = usize::MAX;
            let same = || end.root().expect("a root") == other.root().expect("a root");
            while sent.load(Ordering::Relaxed) != before || !same() {
                before = sent.load(Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(600));
            }
            stop.store(true, Ordering::Relaxed);
        });
        let mut send = |bytes: &[u8]| {
            sent.fetch_add(frames(bytes).len(), Ordering::Relaxed);
            link.write_all(bytes)
        };
        meeting.drive(&arriving, &mut send, &stop).expect("honest");
    });
    drop(link.shutdown(Shutdown::Both));
    drop(meeting);
    assert_eq!(told.recv().expect("it listens"), Ok(false), "nobody broke a rule");
    sent.into_inner()
}

#[test]
fn malformed_frames_over_tcp_end_their_link_and_change_nothing() {
    let place = tempfile::tempdir().expect("a folder");
    let [site, peer] = two(place.path());
    let (to, told) = listening(Desk::new(&site.writer.asking()).expect("a desk"), peer.key);
    honest(&peer, &site, to, &told);
    // Without the last word.
    let sent = honest(&peer, &site, to, &told) - 1;
    assert_eq!(peer.root().expect("a root"), site.root().expect("a root"), "all came over");
    let (root, before) = (site.root().expect("a root"), height());

    let mut rng = Rng::new(3);
    let (mut broken, mut harmless, mut frames) = (0u32, 0u32, 0usize);
    for turn in 0..links() {
        if turn % 4 == 0 {
            noise(to, &mut rng);
        } else {
            // Any frame of a meeting; with its own length, or one that is not true.
            let at = rng.below(sent);
            let whole = turn % 3 == 0;
            frames += talks(&peer, &site.key, to, at, &mut |frame| {
                if whole {
                    return spoilt(frame, &mut rng);
                }
                let body = spoilt(&frame[PREFIX..], &mut rng);
                let length = u32::try_from(body.len()).expect("short");
                [&length.to_be_bytes()[..], &body].concat()
            });
        }
        match told.recv().expect("it listens") {
            Ok(true) => broken += 1,
            Ok(false) => harmless += 1,
            Err(why) => panic!("link {turn}: {why}"),
        }
    }
    println!("a meeting of two who know the same: {sent} frames");
    println!("{broken} links ended for a breach, {harmless} without; {frames} frames were sent");
    assert!(broken > links() / 4, "most of what is sent must be wrong");
    assert_eq!(site.root().expect("a root"), root, "nothing changed");
    let grown = height().saturating_sub(before);
    assert!(grown <= MOST, "{grown} bytes more at the height");

    // Somebody honest is met as before: what it has to tell is heard.
    peer.writer
        .asking()
        .with(|node| {
            let feed = node.feed(Lane::Registry, CASH);
            let compose: Compose<'static> = Box::new(|_, _, at| {
                let pseudonym = annona_ledger::id::Pseudonym([5; 16]);
                let enrol = annona_ledger::entry::Registry::Enrol { pseudonym, at };
                Ok(vec![annona_node::node::Composed::from(enrol)])
            });
            node.write(&mut [Request { feed, compose }])
                .expect("written")
                .remove(0)
                .expect("it may");
            node.seal_all().expect("sealed");
        })
        .expect("the writer is there");
    honest(&peer, &site, to, &told);
    assert_ne!(site.root().expect("a root"), root, "it is not deaf");
}

/// Bytes that nobody thought about, some with a length that is true.
fn noise(to: SocketAddr, rng: &mut Rng) {
    let mut link = TcpStream::connect(to).expect("it listens");
    let mut message = vec![0u8; 1 + rng.below(200)];
    message.iter_mut().for_each(|byte| *byte = rng.bits() as u8);
    if rng.chance(60) && message.len() > PREFIX {
        let length = u32::try_from(message.len() - PREFIX).expect("short");
        message[..PREFIX].copy_from_slice(&length.to_be_bytes());
        message[PREFIX] %= 32;
    }
    drop(link.write_all(&message));
    drop(link.shutdown(Shutdown::Write));
    let mut rest = Vec::new();
    drop(link.read_to_end(&mut rest));
}
