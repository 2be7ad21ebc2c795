//! Two real nodes over a slow link that is cut again and again, until both hold the same.

use std::time::{Duration, Instant};

use annona_ledger::cut::{Cut, Reason};
use annona_ledger::entry::Control;
use annona_ledger::id::{Lane, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::view::View;
use annona_node::node::{Compose, Composed, Request};
use annona_node::seal::random;
use annona_node::sync::{Bounds, Desk, Meeting, Taken};
use annona_node::writer::Writer;

use super::{Line, Micros, Way};
use crate::bench::{CASH, Fault};
use crate::rng::Rng;

/// Rounds until a link that came up carries frames: TCP's one, and two of a handshake that tells who is there.
const GREETING_ROUNDS: u64 = 3;
/// Links after which nothing is expected any more.
const LINKS: u64 = 10_000;

/// A node that meets others.
pub struct End {
    /// Its writer.
    pub writer: Writer,
    /// Its desk.
    pub desk: Desk,
    /// Its key.
    pub key: PublicKey,
}

/// What the link does to them.
#[derive(Clone, Copy, Debug)]
pub struct Weather {
    /// The link.
    pub line: Line,
    /// How long it stays up each time; zero: for good.
    pub up: Micros,
    /// When the first node revokes one of its feeds; zero: never.
    pub revokes: Micros,
    /// Of the losses.
    pub seed: u64,
}

/// What it came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried {
    /// Until both had nothing to say.
    pub took: Micros,
    /// Links that were cut.
    pub cuts: u64,
    /// Blocks that were new, and blocks that came again.
    pub blocks: u64,
    /// See there.
    pub again: u64,
    /// Bytes of streams that went over the line, in both directions.
    pub stream: u64,
    /// Bytes on the line: with headers, and what was sent again below.
    pub wire: u64,
    /// The most content that was under way at once.
    pub under_way: u64,
    /// How long the revocation took, and how many bytes went before it.
    pub revoked: Option<(Micros, u64)>,
}

impl End {
    /// A node and what it meets others with.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn new(node: annona_node::node::Node) -> Result<Self, Fault> {
        let key = node.public();
        let writer = Writer::start(node)?;
        let desk = Desk::new(&writer.asking())?;
        Ok(Self { writer, desk, key })
    }

    /// The root of its state.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn root(&self) -> Result<annona_ledger::hash::Hash, Fault> {
        Ok(self.writer.asking().with(|node| node.store().root())??)
    }

    /// Revokes one of its feeds, with a cut nobody has heard of.
    fn revoke(&self) -> Result<Cut, Fault> {
        let cut = Cut { seq: 1, head: annona_ledger::hash::Hash(random()?) };
        self.writer.asking().with(move |node| -> Result<(), Fault> {
            let feed = node.feed(Lane::Access, CASH).short();
            let control = node.feed(Lane::Control, ProgrammeId::NONE);
            let compose: Compose<'static> = Box::new(move |_, _, at| {
                let revoke = Control::Revoke { feed, cut, reason: Reason::Late, at };
                Ok(vec![Composed::from(revoke)])
            });
            node.write(&mut [Request { feed: control, compose }])?.remove(0)?;
            Ok(())
        })??;
        Ok(cut)
    }

    fn heard(&self, of: &PublicKey, cut: Cut) -> Result<bool, Fault> {
        let node = of.short();
        Ok(self.writer.asking().with(move |here| {
            let work = here.store().look()?;
            let feed = annona_ledger::id::FeedRef { node, lane: Lane::Access, programme: CASH };
            let heard = work.revocations(&feed).iter().any(|said| said.cut == cut);
            work.check().map(|()| heard)
        })??)
    }
}

/// Lets them meet, again after each cut, until both have nothing to say.
///
/// # Errors
///
/// [`Fault`].
pub fn carry(a: &End, b: &End, weather: &Weather) -> Result<Carried, Fault> {
    let (base, mut chance) = (Instant::now(), Rng::new(weather.seed));
    let mut carried = Carried::default();
    let mut now: Micros = 0;
    let (mut revoked_at, mut before) = (None, 0u64);
    for _ in 0..LINKS {
        now += GREETING_ROUNDS * 2 * weather.line.delay;
        let ends = if weather.up == 0 { Micros::MAX } else { now + weather.up };
        let mut one = Meeting::open(&a.desk, &b.key, Bounds::default())?;
        let mut other = Meeting::open(&b.desk, &a.key, Bounds::default())?;
        let (mut down, mut up) = (Way::new(weather.line, now), Way::new(weather.line, now));
        let whole = loop {
            if weather.revokes > 0 && now >= weather.revokes && revoked_at.is_none() {
                (revoked_at, before) = (Some((now, a.revoke()?)), carried.stream + down.stream);
            }
            for (meeting, way) in [(&mut one, &mut down), (&mut other, &mut up)] {
                meeting.tell(base + Duration::from_micros(now));
                while let Some(bytes) = meeting.outgoing()? {
                    way.send(&bytes);
                }
                let figures = meeting.figures();
                let under_way = figures.content_sent - figures.content_taken;
                carried.under_way = carried.under_way.max(under_way);
            }
            if let (Some((at, cut)), None) = (revoked_at, carried.revoked)
                && b.heard(&a.key, cut)?
            {
                let bytes = carried.stream + down.stream - before;
                carried.revoked = Some((now - at, bytes));
            }
            let Some(next) = [down.next(), up.next()].into_iter().flatten().min() else {
                break true;
            };
            if next >= ends {
                now = ends;
                break false;
            }
            now = now.max(next);
            other.incoming(&down.until(now, &mut chance))?;
            one.incoming(&up.until(now, &mut chance))?;
        };
        carried.stream += down.stream + up.stream;
        carried.wire += down.wire + up.wire;
        for taken in [one.close()?, other.close()?] {
            tell(&taken)?;
            carried.blocks += taken.blocks;
            carried.again += taken.known;
        }
        if whole {
            carried.took = now;
            return Ok(carried);
        }
        carried.cuts += 1;
    }
    Err("the two never came to an end".into())
}

fn tell(taken: &Taken) -> Result<(), Fault> {
    if !taken.refused.is_empty() || !taken.gaps.is_empty() {
        return Err(format!("{taken:?}").into());
    }
    Ok(())
}
