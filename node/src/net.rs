//! The network: links to other nodes of the federation, and to nobody else (spec/network.md). The only place that knows
//! libp2p.
//!
//! One thread dials, lets in and refuses; each link has one more that talks ([`Talk`]). None of them decides anything about
//! the ledger, and nothing of the node waits for any of them.

pub mod board;
mod errors;
mod identity;
mod lan;
pub mod limits;
mod link;
pub mod members;
mod quic;
mod relay;
mod run;
pub mod schedule;
mod streams;
mod wire;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use annona_ledger::id::FederationId;
use libp2p_identity::Keypair;
use libp2p_swarm::ConnectionId;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

pub use board::{Board, hex};
pub use link::{Meet, Room, Talk};

use crate::clock::Clock;
use crate::config::Config;
use crate::log::Log;
use link::Past;
use members::Members;

/// Why the network could not be started.
#[derive(Debug, thiserror::Error)]
pub enum NetFault {
    /// An address cannot be listened on.
    #[error("cannot listen on {0}: {1}. Correct `listen` in run.toml, or stop who has that port")]
    Listen(SocketAddr, String),
    /// Members cannot be looked for on the local network.
    #[error(
        "members cannot be looked for on the local network: {0}. Remove `lan` from run.toml, and name them"
    )]
    Lan(String),
    /// QUIC.
    #[error("there are no links over QUIC: {0}. Remove `quic` from run.toml; links over TCP stay")]
    Quic(String),
    /// Links through others.
    #[error(
        "there are no links through other nodes: {0}. Remove `relay` and `via` from run.toml; links to where nodes are stay"
    )]
    Relay(String),
    /// The transport key is none.
    #[error("the key file has no transport key that can be used")]
    Key,
    /// The system gives no thread or runtime.
    #[error("the network cannot be started: {0}")]
    Start(String),
}

/// What the network is started with.
pub struct Starting {
    config: Config,
    key: Keypair,
    federation: FederationId,
    members: Arc<Members>,
    meet: Arc<dyn Meet>,
    board: Arc<Board>,
    log: Log,
    clock: Clock,
}

/// What the network works with.
pub struct Means {
    /// Whom it knows at the start.
    pub members: Arc<Members>,
    /// Who talks.
    pub meet: Arc<dyn Meet>,
    /// Where it tells how it stands.
    pub board: Arc<Board>,
    /// Where it writes what happens.
    pub log: Log,
    /// The time.
    pub clock: Clock,
}

/// What the loop is asked for.
#[derive(Debug)]
enum Asked {
    /// Who may have a link has changed.
    Members(Arc<Members>),
    /// Something was written.
    Bell,
    /// A peer's name was looked up.
    Found([u8; 8], Result<Vec<SocketAddr>, &'static str>),
    /// The thread of a link has ended.
    Ended([u8; 8], ConnectionId, Past),
    /// Say the last words and end.
    Stop,
}

/// A running network.
pub struct Net {
    asks: UnboundedSender<Asked>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Net {
    /// Starts it: `seed` is that of the transport key this node's certificate names.
    ///
    /// # Errors
    ///
    /// [`NetFault`]; where an address cannot be listened on, nothing was started.
    pub fn start(
        config: Config,
        seed: &[u8; 32],
        federation: FederationId,
        means: Means,
    ) -> Result<Self, NetFault> {
        let key = identity::keypair(seed).ok_or(NetFault::Key)?;
        let Means { members, meet, board, log, clock } = means;
        let starting = Starting { config, key, federation, members, meet, board, log, clock };
        let (asks, asked) = unbounded_channel();
        let own = asks.clone();
        let (begun, began) = std::sync::mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|why| NetFault::Start(why.to_string()))?;
        let thread = std::thread::Builder::new().name("net".into()).spawn(move || {
            runtime.block_on(async move {
                match run::begin(starting, own, asked) {
                    Ok(looping) => {
                        drop(begun.send(Ok(())));
                        looping.run().await;
                    }
                    Err(fault) => drop(begun.send(Err(fault))),
                }
            });
            // A name that is still being looked up holds nobody up.
            runtime.shutdown_background();
        });
        let thread = thread.map_err(|why| NetFault::Start(why.to_string()))?;
        began.recv().map_err(|_| NetFault::Start("it broke off".into()))??;
        Ok(Self { asks, thread: Mutex::new(Some(thread)) })
    }

    /// Tells who may have a link now. Links of those that may not any more end, and are told why.
    pub fn admit(&self, members: Arc<Members>) {
        drop(self.asks.send(Asked::Members(members)));
    }

    /// Tells that something was written, so that nobody waits for the next look.
    pub fn bell(&self) {
        drop(self.asks.send(Asked::Bell));
    }

    /// Whether the loop is still there. It ends by itself only through a fault of this program.
    #[must_use]
    pub fn runs(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Ends every link with a last word, and waits until that is said.
    pub fn end(&self) {
        drop(self.asks.send(Asked::Stop));
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(thread.map(JoinHandle::join));
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        self.end();
    }
}

/// What this node is called on the network, as other programs of libp2p print it.
///
/// # Errors
///
/// [`NetFault::Key`].
pub fn name(seed: &[u8; 32]) -> Result<String, NetFault> {
    Ok(identity::keypair(seed).ok_or(NetFault::Key)?.public().to_peer_id().to_base58())
}
