use std::path::{Path, PathBuf};

use annona_ledger::id::{FederationId, OrgId};
use annona_ledger::key::{PublicKey, Signature};
use annona_ledger::notice::{NodeCertificate, Roles};
use annona_ledger::wire::{self, Name};
use annona_node::node::NodeFault;
use annona_node::{atomic, envelope, keystore};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::{self, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona node request --organisation 1 --out lake.request
  $ annona node request --organisation Relief --out lake.request --json";

/// What the file begins with; the version is in it.
const MAGIC: &[u8; 16] = b"annona request1\n";
/// The most bytes of a request.
const LARGEST: usize = 1024;

/// Writes the request that this node's organisation answers with a certificate.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Request {
    /// The organisation, by number or name [default: as given to `annona init`]
    #[arg(long, value_name = "N")]
    organisation: Option<String>,
    /// Where to write it
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Say what would be asked for; sign and write nothing
    #[arg(long)]
    dry_run: bool,
}

/// A node's public keys, its own word that it belongs to the organisation, and what it would like to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NodeRequest {
    pub(super) federation: FederationId,
    pub(super) org: OrgId,
    pub(super) node: PublicKey,
    pub(super) transport: PublicKey,
    pub(super) sealing: [u8; 32],
    pub(super) acceptance: Signature,
    pub(super) roles: Roles,
    pub(super) site_name: Option<Name>,
    pub(super) replaces: Option<[u8; 8]>,
}

impl NodeRequest {
    /// Reads a request.
    pub(super) fn read(path: &Path) -> Outcome<Self> {
        let bytes = atomic::read(path, LARGEST)?;
        let body = bytes.strip_prefix(MAGIC).ok_or_else(|| {
            Fault::input("this is no node's request. `annona node request` writes one.")
                .at(path.display())
        })?;
        wire::decode(body, LARGEST).map_err(|why| Fault::from(why).at(path.display()))
    }
}

impl Request {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let settings = session.settings()?;
        let node = session.node()?;
        let charter = node.store().charter()?.clone();
        let asked = self.organisation.or_else(|| settings.organisation.map(|n| n.to_string()));
        let asked = asked.ok_or_else(|| Fault::usage("say which: --organisation N."))?;
        let org = words::organisation(&charter, &asked)?.id;
        let key = node.signing_key(keystore::Name::NodeSigning)?;
        let transport = node.signing_key(keystore::Name::NodeTransport)?.public();
        let secret = node.keys().get(keystore::Name::NodeSealing);
        let secret = secret.and_then(|s| s.as_seed()).ok_or(NodeFault::NoKey("sealing key"))?;
        let sealing = envelope::public(secret).map_err(|why| Fault::input(why.to_string()))?;
        let federation = charter.federation();
        let site_name = settings.site.as_deref().map(Name::new).transpose()?;
        let roles = words::node_roles(&settings.roles)?;
        let replaces = settings.replaces.as_deref().map(|n| words::unhex("the node replaced", n));
        let replaces = replaces.transpose()?;
        let short = hex(&node.public().short());
        let mut value = json!({ "node": short, "organisation": org, "out": self.out });
        if self.dry_run {
            node.close()?;
            value["out"] = json!(null);
            let words = format!("Node {short} would ask organisation {org} for a certificate");
            dry_run::would(session, "request", value, &words)?;
            dry_run::nothing(session);
            return Ok(());
        }
        let acceptance = NodeCertificate::accept(&key, &federation, org, &transport, &sealing);
        let request = NodeRequest {
            federation,
            org,
            node: node.public(),
            transport,
            sealing,
            acceptance,
            roles,
            site_name,
            replaces,
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&wire::encode(&request));
        atomic::write(&self.out, &bytes)?;
        node.close()?;
        session.screen.answer("request", value, || {
            let out = self.out.display();
            format!("Request of node {short} to organisation {org} in {out}")
        })?;
        session.screen.note("Next: its organisation answers with `annona node admit FILE`.");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use annona_ledger::hash::Hash;
    use annona_ledger::key::SigningKey;

    use super::*;

    #[test]
    fn a_request_reads_back_and_other_files_do_not() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("a.request");
        let key = |n| SigningKey::from_seed(&[n; 32]);
        let (federation, org) = (FederationId(Hash([1; 32])), OrgId(2));
        let (transport, sealing) = (key(4).public(), [9; 32]);
        let acceptance = NodeCertificate::accept(&key(3), &federation, org, &transport, &sealing);
        let request = NodeRequest {
            federation,
            org,
            node: key(3).public(),
            transport,
            sealing,
            acceptance,
            roles: Roles::MERCHANT,
            site_name: Some(Name::new("መጠለያ ጣቢያ").expect("a name")),
            replaces: None,
        };
        let bytes = [MAGIC.as_slice(), &wire::encode(&request)].concat();
        std::fs::write(&path, &bytes).expect("write");
        assert_eq!(NodeRequest::read(&path).expect("read"), request);
        for end in 0..bytes.len() {
            std::fs::write(&path, &bytes[..end]).expect("write");
            let fault = NodeRequest::read(&path).expect_err("cut");
            assert!(fault.message.contains("a.request"), "{}", fault.message);
        }
    }
}
