//! The operator at work: whose key file it is, and whether she may do what she is about to answer for.

use std::path::PathBuf;

use annona_ledger::duty::{self, Duty};
use annona_ledger::entry::Entry;
use annona_ledger::feed::leaf;
use annona_ledger::id::{FederationId, FeedId, OrgId, ProgrammeId};
use annona_ledger::key::{PublicKey, SigningKey};
use annona_ledger::notice::OperatorCertificate;
use annona_ledger::statement::Statement;
use annona_ledger::time::Minute;
use annona_node::keystore::{Name, Secret};
use annona_node::node::{Composed, Node};
use clap::Args;

use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::words::hex;

/// Who is at work.
#[derive(Args, Clone, Debug)]
pub(crate) struct Operator {
    /// The operator's key file [default: `operator` in node.toml]
    #[arg(long, value_name = "FILE")]
    operator: Option<PathBuf>,
    /// Take the operator's passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    operator_passphrase_file: Option<PathBuf>,
}

/// An operator whose key file is open.
pub(crate) struct Signer {
    key: SigningKey,
}

impl Operator {
    /// Opens the key file.
    pub(crate) fn open(&self, session: &Session) -> Outcome<Signer> {
        let path = match &self.operator {
            Some(path) => path.clone(),
            None => session.settings()?.operator.ok_or_else(|| {
                Fault::usage("say who is at work: --operator FILE, or `operator` in node.toml.")
            })?,
        };
        open(
            session,
            &path,
            self.operator_passphrase_file.as_deref(),
            "--operator-passphrase-file FILE",
        )
    }
}

/// Opens an operator's key file.
pub(crate) fn open(
    session: &Session,
    path: &std::path::Path,
    passphrase: Option<&std::path::Path>,
    option: &str,
) -> Outcome<Signer> {
    let keys = session.operator_keys(path, passphrase, option)?;
    let name = keys.names().find(|name| matches!(name, Name::Operator(_)));
    let seed = name.and_then(|name| keys.get(name)).and_then(Secret::as_seed);
    let key = seed.map(SigningKey::from_seed).ok_or_else(|| {
        Fault::refused(format!("{} holds no operator's key.", path.display()))
            .then("`annona operator new` makes one.")
    })?;
    not_withdrawn(session, &key.public())?;
    Ok(Signer { key })
}

/// Refuses who was withdrawn by every organisation that ever certified her: for a step of a settlement, an answer about a
/// clock or a PIN too, which ask for no [`Duty`]. A folder that does not read is told of by whoever opens it next.
fn not_withdrawn(session: &Session, key: &PublicKey) -> Outcome {
    let Ok(store) = session.read() else { return Ok(()) };
    let roster = store.roster();
    let withdrawn = |c: &OperatorCertificate| roster.withdrawn(key, c.org).is_some();
    if roster.operator_ever(key).next().is_some() && roster.operator_ever(key).all(withdrawn) {
        let short = hex(&key.short());
        return Err(Fault::refused(format!("operator {short} was withdrawn by her organisation."))
            .then("`annona operator list` tells who may act; `annona operator admit` admits her again."));
    }
    Ok(())
}

impl Signer {
    /// Her public key.
    pub(crate) fn public(&self) -> PublicKey {
        self.key.public()
    }

    /// Her key, for what is signed elsewhere.
    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Checks that she holds a certificate in force, of one of these organisations, for the programme, the duty and the site
    /// of this node.
    pub(crate) fn may(
        &self,
        node: &Node,
        orgs: &[OrgId],
        (duty, programme): (Duty, ProgrammeId),
        at: Minute,
    ) -> Outcome {
        if self.has(node, orgs, (duty, programme), at) {
            return Ok(());
        }
        if node.certificate().is_none() {
            return Err(uncertified());
        }
        let (key, roster) = (self.public(), node.store().roster());
        let short = hex(&key.short());
        if roster.operator_ever(&key).next().is_none() {
            return Err(Fault::refused(format!("operator {short} has no certificate here."))
                .then("Take it in with `annona node learn FILE`."));
        }
        if let Some(fault) = self.elsewhere(node, orgs, (duty, programme), at) {
            return Err(fault);
        }
        let role: Vec<_> = duty.roles().words().collect();
        Err(Fault::refused(format!(
            "operator {short} may not act as {} for programme {programme} here and now.",
            role.join(" or ")
        ))
        .then("`annona operator list` tells what she may do."))
    }

    /// Whether she does.
    pub(crate) fn has(
        &self,
        node: &Node,
        orgs: &[OrgId],
        asked: (Duty, ProgrammeId),
        at: Minute,
    ) -> bool {
        let here = node.certificate().map(|c| (c.org, c.site));
        let may = |here| duty::may(node.store().roster(), here, orgs, asked, &self.public(), at);
        here.is_some_and(may)
    }

    /// What to tell her where the site alone stands against her: her certificates serve for all else that is asked, and are
    /// for another site of this node's organisation.
    pub(crate) fn elsewhere(
        &self,
        node: &Node,
        orgs: &[OrgId],
        asked: (Duty, ProgrammeId),
        at: Minute,
    ) -> Option<Fault> {
        let here = node.certificate().map(|c| (c.org, c.site))?;
        let (key, roster) = (self.public(), node.store().roster());
        let serves = |place| duty::may(roster, place, orgs, asked, &key, at);
        if serves(here) {
            return None;
        }
        let own = roster.operator_ever(&key).filter(|c| c.org == here.0);
        let hers = own.map(|c| c.site).find(|site| serves((here.0, *site)))?;
        let (short, here) = (hex(&key.short()), here.1);
        let fault = Fault::refused(format!(
            "operator {short} may not act here: her certificate is for site {hers}, and this is site {here}."
        ));
        Some(fault.then(&format!(
            "`annona operator admit` makes her another, with --site {here}, or with --site 0 for every site of the \
             organisation; `annona node learn FILE` takes it in."
        )))
    }

    /// An entry of a feed with her word beside it.
    pub(crate) fn stands_for(
        &self,
        federation: &FederationId,
        feed: &FeedId,
        entry: impl Into<Entry>,
    ) -> Composed {
        let entry = entry.into();
        let statement = Statement::Entry { feed: feed.short(), leaf: leaf(&entry.encode()) };
        let stated = statement.sign(federation, &self.key);
        let composed = Composed::from(entry);
        Composed { evidence: Some(stated.encode()), ..composed }
    }

    /// Her word on a statement.
    pub(crate) fn states(
        &self,
        federation: &FederationId,
        statement: &Statement,
    ) -> annona_ledger::statement::Stated {
        statement.sign(federation, &self.key)
    }
}

/// What is told at a node that nobody has certified.
pub(crate) fn uncertified() -> Fault {
    Fault::refused(
        "this node has no certificate. Send `annona node request` to its organisation and take in the answer with \
         `annona node learn FILE`.",
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Command, CommandFactory};

    use super::Duty;

    /// Commands whose operator is asked for elsewhere: by the entry's own rule (`admit`), or by what she signs.
    /// The last two have the duties of `consent open` and of `erase`, in another form.
    const BY_THE_ENTRY: [&str; 7] = [
        "node clock",
        "settle verify",
        "settle approve",
        "settle dispute",
        "settle pay",
        "card credential issue",
        "family keys give-up",
    ];

    fn asking(command: &Command, path: &str, all: &mut BTreeSet<String>) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name());
            if sub.get_arguments().any(|arg| arg.get_id() == "operator") {
                all.insert(path.trim().to_owned());
            }
            asking(sub, &path, all);
        }
    }

    #[test]
    fn every_command_that_asks_for_an_operator_has_a_duty_and_every_duty_a_command() {
        let mut asking_for_one = BTreeSet::new();
        asking(&crate::args::Cli::command(), "", &mut asking_for_one);
        let of = |path: &str| {
            let duty = Duty::ALL.iter().find(|duty| duty.command() == path);
            duty.is_some() || path.starts_with("pay ") || BY_THE_ENTRY.contains(&path)
        };
        for path in &asking_for_one {
            assert!(of(path), "{path} asks for an operator, and no duty says which");
        }
        assert!(BY_THE_ENTRY.iter().all(|path| asking_for_one.contains(*path)));
        for duty in Duty::ALL {
            let command = duty.command().trim_end_matches(" --second");
            let asks = |path: &String| path == command || path.starts_with(&format!("{command} "));
            assert!(asking_for_one.iter().any(asks), "no command {command}");
        }
    }
}
