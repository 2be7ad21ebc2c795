use std::path::PathBuf;

use annona_ledger::charter::Charter;
use annona_ledger::notice::{Notice, OperatorCertificate, Roster};
use annona_ledger::time::Minute;
use clap::Args;
use serde_json::json;

use super::list::line;
use crate::fault::{Fault, Outcome};
use crate::key::Public;
use crate::node::organisation_key;
use crate::paper::Papers;
use crate::session::Session;
use crate::words::{self, hex, print_minute};

const EXAMPLES: &str = "\
Examples:
  $ annona operator withdraw mara.keys.public --keys relief.keys --charter charter.annona \\
      --organisation 1 --out mara-withdrawn.annona
  $ annona operator withdraw mara.keys.public --keys relief.keys --organisation 1 \\
      --out mara-withdrawn.annona --dry-run";

/// Withdraws a person: whoever left, or whose key file was stolen, answers for nothing any more at any node that has taken
/// this in. What she signed before stays good.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Withdraw {
    /// The first digits of her key, as `annona operator list` prints them, or the public half of her key file
    #[arg(value_name = "OPERATOR")]
    who: String,
    /// The organisation's key file
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The organisation, by number or name
    #[arg(long, value_name = "N")]
    organisation: String,
    /// The charter and notices, as a file [default: those of the data folder]
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// Where to write the notice
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Show what would be signed; sign nothing
    #[arg(long)]
    dry_run: bool,
}

impl Withdraw {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (charter, mut roster) = session.power(self.charter.as_deref())?;
        let known = self.known(&charter, &roster)?;
        let short = hex(&known.operator.short());
        let now = session.dated_on(&charter, &roster, self.charter.as_deref())?;
        let later = known.issued.0.saturating_add(1);
        let at = Minute(Minute::of(now, charter.founded()).0.max(later));
        session.screen.note(line(&known, &charter));
        let keys = session.keys(&self.keys)?;
        let key = organisation_key(&keys, &charter, known.org, &self.keys)?;
        let certificate = OperatorCertificate { issued: at, not_after: at, ..known };
        let (org, operator) = (certificate.org, certificate.operator);
        let signed = Notice::Operator(certificate).sign(&charter.federation(), &key);
        roster.learn(&charter, &signed).map_err(Fault::from)?;
        if !self.dry_run {
            session.ask.confirm(&session.screen, &format!("Withdraw operator {short}?"))?;
            Papers::notice(signed).write(&self.out)?;
        }
        let value = json!({
            "operator": hex(operator.bytes()), "organisation": org,
            "withdrawn": print_minute(at, charter.founded()),
            "out": (!self.dry_run).then_some(&self.out),
        });
        session.screen.answer("withdrawal", value, || {
            let (verb, out) = (if self.dry_run { "would go" } else { "is" }, self.out.display());
            format!("The withdrawal of operator {short} {verb} in {out}")
        })?;
        if !self.dry_run {
            session.screen.note(
                "Next: every node takes it in with `annona node learn FILE`; until one has, she may act there. Where her key \
                 knew PINs or papers of families, these are not changed by it.",
            );
        }
        Ok(())
    }

    /// Her newest certificate by the organisation.
    fn known(&self, charter: &Charter, roster: &Roster) -> Outcome<OperatorCertificate> {
        let org = words::organisation(charter, &self.organisation)?.id;
        let path = PathBuf::from(&self.who);
        let digits = if path.is_file() {
            let key = Public::read(&path)?.operator().map_err(|fault| fault.at(path.display()))?;
            hex(key.bytes())
        } else {
            self.who.to_lowercase()
        };
        let mut found = roster
            .operators_of(org)
            .filter(|c| !digits.is_empty() && hex(c.operator.bytes()).starts_with(&digits));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.clone()),
            (None, _) => Err(Fault::usage(format!(
                "no operator of organisation {org} whose key begins with {digits} is known here."
            ))
            .then("`annona operator list` prints them.")),
            (Some(_), Some(_)) => Err(Fault::usage(format!(
                "the keys of several operators begin with {digits}: give more digits."
            ))),
        }
    }
}
