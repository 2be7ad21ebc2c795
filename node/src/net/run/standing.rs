//! What the loop does about who may have a link: whom the list lets in, for whom a place is kept, who opens too many.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use annona_ledger::sync::talk::Why;
use libp2p_connection_limits::Exceeded;
use libp2p_identity::PeerId;
use libp2p_swarm::ListenError;

use super::super::board::{Counts, State};
use super::super::link::Heard;
use super::super::members::{Members, Standing};
use super::super::streams::Crowd;
use super::super::{hex, limits};
use super::Loop;

impl Loop {
    pub(super) fn admit(&mut self, members: Arc<Members>) {
        let before: BTreeSet<PeerId> = self.members.allowed().collect();
        let now: BTreeSet<PeerId> = members.allowed().collect();
        self.members = members;
        for peer in now.difference(&before) {
            self.leaving.retain(|(leaving, _)| leaving != peer);
            self.swarm.behaviour_mut().members.allow_peer(*peer);
        }
        for peer in before.difference(&now) {
            let link = self.members.peer(peer).and_then(|member| self.links.get(&member.node));
            if let Some(link) = link {
                drop(link.heard.send(Heard::End(Why::NotAMember)));
            }
            self.leaving.push((*peer, Instant::now()));
        }
        // Whoever else fills the links, those that the configuration names have theirs.
        let named = self.config.peer.iter().filter_map(|peer| self.members.node(&peer.node.0));
        let named = named.filter(|member| member.standing == Standing::Member);
        let named: BTreeSet<PeerId> = named.map(|member| member.peer).collect();
        for peer in self.kept.difference(&named) {
            self.swarm.behaviour_mut().limits.remove_peer_id(peer);
        }
        for peer in named.difference(&self.kept) {
            self.swarm.behaviour_mut().limits.bypass_peer_id(peer);
        }
        self.kept = named;
        let nodes: Vec<_> = self.dials.keys().copied().collect();
        for node in nodes {
            self.stand(node);
        }
    }

    /// Whether a member may open another link: not faster than a bad line would, nor while threads of its last ones still
    /// wait to end.
    pub(super) fn may_open(&mut self, node: [u8; 8]) -> bool {
        let opened = self.opened.entry(node).or_default();
        opened.retain(|at| at.elapsed() < Duration::from_secs(60));
        let threads = self.threads.get(&node).copied().unwrap_or(0);
        let may = opened.len() < limits::OPENED && threads < limits::THREADS;
        if may {
            opened.push_back(Instant::now());
        }
        may
    }

    /// Shows why a peer of the configuration cannot be dialled; says whether it can.
    pub(super) fn stand(&self, node: [u8; 8]) -> bool {
        let state = match self.members.node(&node).map(|member| member.standing) {
            Some(Standing::Member) => None,
            Some(other) => Some(State::Refused(other)),
            None => Some(State::NoCertificate),
        };
        let fine = state.is_none();
        if let Some(state) = state {
            self.show(node, state);
        }
        fine
    }

    pub(super) fn not_let_in(&self, peer: Option<PeerId>, error: &ListenError) {
        let counts = &self.board.counts;
        match error {
            ListenError::Denied { cause } if cause.downcast_ref::<Crowd>().is_some() => {
                Counts::one(&counts.crowded);
            }
            ListenError::Denied { cause } if cause.downcast_ref::<Exceeded>().is_some() => {
                Counts::one(&counts.crowded);
            }
            ListenError::Denied { .. } => {
                Counts::one(&counts.strangers);
                // Who is known and may not is worth a line; strangers are only counted, or they could fill the disk.
                if let Some(member) = peer.and_then(|peer| self.members.peer(&peer)) {
                    let mut refused = self.refused.borrow_mut();
                    let last = refused.get(&member.node);
                    if last.is_none_or(|at| at.elapsed() >= limits::REFUSED) {
                        refused.insert(member.node, Instant::now());
                        let node = hex(&member.node);
                        let standing = &member.standing;
                        self.log.warn("refused", &[("peer", &node), ("standing", standing)]);
                    }
                    let state = State::Refused(member.standing);
                    self.show(member.node, state);
                }
            }
            _ => Counts::one(&counts.failed),
        }
    }
}
