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

/// Makes a node in a new folder that knows charter and notices, as its holder then does, and no block. Both are closed.
///
/// # Errors
///
/// [`Fault`].
pub fn newcomer(mut holder: Node, path: &Path, heads: &Path) -> Result<(), Fault> {
    if path.exists() {
        std::fs::remove_dir_all(path)?;
    }
    let passphrase = passphrase();
    let making = Making { passphrase: &passphrase, cost: Cost::FLOOR, heads };
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

/// Opens a node of a bench.
///
/// # Errors
///
/// [`Fault`].
pub fn opened_at(path: &Path, heads: &Path) -> Result<Node, Fault> {
    Ok(Node::open(path, &passphrase(), heads, Clock::system())?)
}

impl Written {
    /// Makes a node in a new folder that knows charter and notices, and no block.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn newcomer(&self, path: &Path) -> Result<(), Fault> {
        newcomer(self.open()?, path, &self.folder.join("heads"))
    }

    /// Opens such a node.
    ///
    /// # Errors
    ///
    /// [`Fault`].
    pub fn opened(&self, path: &Path) -> Result<Node, Fault> {
        opened_at(path, &self.folder.join("heads"))
    }
}
