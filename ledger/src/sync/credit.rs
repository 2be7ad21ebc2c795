//! How much content may be under way, in both directions.

use std::collections::VecDeque;

use super::frame::PREFIX;
use super::session::Breach;
use crate::feed::Head;
use crate::id::{FeedId, FeedRef};
use crate::limits;

/// The most that may be under way under a window: the window, or one frame of the largest size and a quarter of it.
fn most(window: u32) -> u64 {
    let frame = (limits::FRAME_BYTES as u64).saturating_add(PREFIX as u64);
    u64::from(window).max(frame.saturating_add(u64::from(window / 4)))
}

/// What becomes known once what was sent is taken in: the other side holds a feed up to a head.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    pub(super) feed: FeedId,
    pub(super) blocks: u64,
    pub(super) head: Head,
}

/// What this side has sent.
#[derive(Debug, Default)]
pub(super) struct Outflow {
    window: u32,
    /// What the caller would have under way at most, within the window.
    pace: Option<u32>,
    sent: u64,
    taken: u64,
    /// In order, each with all that was sent when it was. Never more than fit a window.
    under_way: VecDeque<(u64, Sent)>,
}

impl Outflow {
    pub(super) fn open(&mut self, window: u32) {
        self.window = window;
    }

    pub(super) const fn pace(&mut self, bytes: u32) {
        self.pace = Some(bytes);
    }

    fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.taken)
    }

    /// Whether so many bytes may be sent now. What is urgent may use the last quarter, so that it never waits for the rest.
    pub(super) fn has_room(&self, bytes: usize, urgent: bool) -> bool {
        let under_way = self.in_flight().saturating_add(bytes as u64);
        let paced = self.pace.filter(|pace| *pace < self.window);
        let window = u64::from(paced.unwrap_or(self.window));
        let room = match paced {
            None if urgent => most(self.window),
            // What is urgent has a backlog too: the next of it waits no longer than three seconds either.
            Some(_) if urgent => window,
            _ => window.saturating_sub(window / 4),
        };
        self.in_flight() == 0 || under_way <= room
    }

    /// How much may be under way where the caller says so: what goes over the link in about three seconds.
    pub(super) const fn paced(&self) -> Option<u32> {
        self.pace
    }

    pub(super) fn sent(&mut self, bytes: usize, what: Option<Sent>) {
        self.sent = self.sent.saturating_add(bytes as u64);
        self.under_way.extend(what.map(|what| (self.sent, what)));
    }

    /// What is under way of a feed was let go: once it is taken in, nothing of it is held for that.
    pub(super) fn forget(&mut self, feed: &FeedRef) {
        self.under_way.retain(|(_, sent)| sent.feed.short() != *feed);
    }

    /// Hears that so many bytes have been taken in, in all, and tells what that means.
    pub(super) fn taken(&mut self, total: u64) -> Result<Vec<Sent>, Breach> {
        if total < self.taken || total > self.sent {
            return Err(Breach::Taken);
        }
        self.taken = total;
        let mut done = Vec::new();
        while self.under_way.front().is_some_and(|(at, _)| *at <= total) {
            done.extend(self.under_way.pop_front().map(|(_, what)| what));
        }
        Ok(done)
    }

    pub(super) const fn total(&self) -> u64 {
        self.sent
    }

    pub(super) const fn acknowledged(&self) -> u64 {
        self.taken
    }
}

/// What this side has received.
#[derive(Debug)]
pub(super) struct Inflow {
    window: u32,
    received: u64,
    returned: u64,
}

impl Inflow {
    pub(super) const fn new(window: u32) -> Self {
        Self { window, received: 0, returned: 0 }
    }

    /// Counts content that came.
    pub(super) fn came(&mut self, bytes: usize) -> Result<(), Breach> {
        self.received = self.received.saturating_add(bytes as u64);
        let held = self.received.saturating_sub(self.returned);
        if held <= most(self.window) { Ok(()) } else { Err(Breach::Window) }
    }

    /// What is to be returned: at once where a quarter of the window has come, else when there is nothing else to say.
    pub(super) fn due(&mut self, idle: bool) -> Option<u64> {
        let held = self.received.saturating_sub(self.returned);
        let due = held >= u64::from(self.window / 4) || (idle && held > 0);
        if due {
            self.returned = self.received;
        }
        due.then_some(self.received)
    }

    pub(super) const fn total(&self) -> u64 {
        self.received
    }
}
