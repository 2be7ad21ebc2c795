//! What is said over links: meetings of [`crate::sync`] at one desk.

use std::sync::Arc;

use annona_ledger::sync::session::Figures;
use annona_ledger::sync::talk::Why;

use crate::net::limits;
use crate::net::members::Member;
use crate::net::{Meet, Room, Talk};
use crate::node::NodeFault;
use crate::sync::{Bounds, Desk, Fault, Meeting};
use crate::writer::Asking;

/// The desk of a node, for its network.
///
/// # Errors
///
/// [`NodeFault::Stopped`].
pub fn meet(asking: &Asking) -> Result<Arc<dyn Meet>, NodeFault> {
    Ok(Arc::new(At(Desk::new(asking)?)))
}

struct At(Desk);

impl Meet for At {
    fn open(&self, with: &Member, room: &Room) -> Result<Box<dyn Talk>, String> {
        let mut bounds = Bounds { quota: limits::FEED_QUOTA, ..Bounds::default() };
        if let Some(bytes) = room.budget {
            (bounds.budget, bounds.spend) = (bytes, bytes);
        }
        let meeting = Meeting::open(&self.0, &with.key, bounds).map_err(|why| why.to_string())?;
        Ok(Box::new(Talking { meeting, over: None }))
    }
}

struct Talking {
    meeting: Meeting,
    /// Why this side ended it.
    over: Option<Why>,
}

impl Talking {
    fn broke(&mut self, fault: &Fault) {
        let why = match fault {
            Fault::Breach(breach) => Why::Breach(breach.number()),
            _ => Why::Stopping,
        };
        self.over = self.over.or(Some(why));
    }
}

impl Talk for Talking {
    fn outgoing(&mut self) -> Option<Vec<u8>> {
        match self.meeting.outgoing() {
            Ok(bytes) => bytes,
            Err(fault) => {
                self.broke(&fault);
                // Its last word, if there is one.
                self.meeting.outgoing().ok().flatten()
            }
        }
    }

    fn incoming(&mut self, bytes: &[u8]) {
        if let Err(fault) = self.meeting.incoming(bytes) {
            self.broke(&fault);
            self.meeting.end(Why::Stopping);
        }
    }

    fn end(&mut self, why: Why) {
        self.over = self.over.or(Some(why));
        self.meeting.end(why);
    }

    fn over(&self) -> Option<Why> {
        let why = self.meeting.ended().or(self.over).unwrap_or(Why::Done);
        self.meeting.is_over().then_some(why)
    }

    fn open(&self) -> bool {
        self.meeting.is_open()
    }

    fn owed(&self) -> bool {
        self.meeting.wants() > 0
    }

    fn figures(&self) -> Figures {
        self.meeting.figures()
    }
}
