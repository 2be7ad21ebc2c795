//! A file that one node opens, about something on the ledger: what was opened of a person, or a complaint's text.
//!
//! ```text
//! magic                 16 bytes: of which kind
//! commitment            32, of what it is about
//! wrapped               80, a key for the node it is for (HPKE)
//! sealed                what it says, under that key
//! ```

use std::path::Path;

use annona_ledger::hash::Hash;
use annona_ledger::id::{Commitment, FederationId};
use annona_node::atomic;
use annona_node::envelope::{self, WRAPPED};
use annona_node::keystore::{Name, Secret};
use annona_node::node::{Node, NodeFault};
use annona_node::seal::Key;
use zeroize::Zeroizing;

use crate::fault::{Fault, Outcome};

/// A kind of such files.
pub(crate) struct Kind {
    /// How it begins.
    pub(crate) magic: &'static [u8; 16],
    /// What its key is for, and no other's.
    pub(crate) purpose: &'static [u8],
    /// The longest that is read, in bytes.
    pub(crate) most: usize,
    /// What is said of another file.
    pub(crate) none: &'static str,
}

impl Kind {
    fn info(&self, federation: &FederationId, about: &Commitment) -> Vec<u8> {
        [self.purpose, &federation.0.0, &about.0.0].concat()
    }

    /// Seals it to a node, by the sealing key in its certificate.
    pub(crate) fn seal(
        &self,
        federation: &FederationId,
        about: &Commitment,
        to: &[u8; 32],
        plain: &[u8],
    ) -> Outcome<Vec<u8>> {
        let (info, key) = (self.info(federation, about), Key::random()?);
        let wrapped = envelope::wrap(to, &info, &key).map_err(|_| {
            Fault::input("the certificate of the node it is for has no key to seal to.")
        })?;
        Ok([&self.magic[..], &about.0.0, &wrapped, &key.seal(&info, plain)?].concat())
    }

    /// Opens one that was sealed to this node.
    pub(crate) fn open(
        &self,
        node: &Node,
        path: &Path,
    ) -> Outcome<(Commitment, Zeroizing<Vec<u8>>)> {
        let file = atomic::read(path, self.most)?;
        let secret = node.keys().get(Name::NodeSealing).and_then(Secret::as_seed);
        let secret = secret.ok_or(NodeFault::NoKey("key to open what is sealed for it"))?;
        let none = || Fault::file(path, self.none);
        let rest = file.strip_prefix(self.magic).ok_or_else(none)?;
        let (about, rest) = rest.split_first_chunk::<32>().ok_or_else(none)?;
        let (wrapped, sealed) = rest.split_first_chunk::<WRAPPED>().ok_or_else(none)?;
        let about = Commitment(Hash(*about));
        let info = self.info(&node.federation()?, &about);
        let ours = || {
            Fault::refused("it was sealed for another node, or changed on the way.")
                .at(path.display())
        };
        let key = envelope::unwrap(secret, &info, wrapped).map_err(|_| ours())?;
        Ok((about, key.open(&info, sealed).map_err(|_| ours())?))
    }
}
