//! A node that has nothing of a ledger yet, admitted beside the site that holds all of it.

use std::path::Path;

use annona_ledger::id::SiteId;
use annona_ledger::notice::Notice;
use annona_node::clock::Clock;
use annona_node::node::{Making, Node};
use annona_node::seal::Cost;

use super::federation::{certificate, organisation, passphrase};
use super::{Fault, Written};

/// The site of every newcomer.
const SITE: SiteId = SiteId(999);

impl Written {
    /// Makes a node in a new folder that knows charter and notices, as both sides then do, and no block. Both are closed.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn newcomer(&self, path: &Path) -> Result<(), Fault> {
        if path.exists() {
            std::fs::remove_dir_all(path)?;
        }
        let mut holder = self.open()?;
        let (heads, passphrase) = (self.folder.join("heads"), passphrase());
        let making = Making { passphrase: &passphrase, cost: Cost::FLOOR, heads: &heads };
        let mut node = Node::create(path, &making, Clock::system())?;
        for article in holder.store().articles()? {
            node.apply_article(&article)?;
        }
        let charter = holder.store().charter()?.clone();
        let admitted = Notice::Node(certificate(&node, &charter, SITE)?);
        let admitted = admitted.sign(&charter.federation(), &organisation());
        holder.learn(&admitted)?;
        let notices: Vec<_> = holder.store().roster().notices().cloned().collect();
        for notice in &notices {
            node.learn(notice)?;
        }
        node.close()?;
        Ok(holder.close()?)
    }

    /// Opens a newcomer.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn opened(&self, path: &Path) -> Result<Node, Fault> {
        let heads = self.folder.join("heads");
        Ok(Node::open(path, &passphrase(), &heads, Clock::system())?)
    }
}
