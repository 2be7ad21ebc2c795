use std::path::PathBuf;

use annona_ledger::id::{ProgrammeId, SiteId};
use annona_ledger::notice::{Notice, OperatorCertificate, OperatorRoles};
use annona_ledger::time::Minute;
use annona_ledger::wire::Bounded;
use clap::Args;
use serde_json::json;

use super::list::line;
use crate::fault::{Fault, Outcome};
use crate::key::Public;
use crate::node::{organisation_key, together};
use crate::paper::Papers;
use crate::session::Session;
use crate::words::{self, Moment, hex};

const EXAMPLES: &str = "\
Examples:
  $ annona operator admit mara.keys.public --keys relief.keys --charter charter.annona \\
      --organisation 1 --site 3 --role registrar --role approver --programme Food \\
      --out mara.annona
  $ annona operator admit mara.keys.public --keys relief.keys --charter charter.annona \\
      --organisation 1 --site 3 --role cashier --programme Food --until +30d \\
      --out mara.annona --dry-run";

/// Admits a person to operate your organisation's nodes: signs her certificate.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Admit {
    /// The public half of the operator's key file
    public: PathBuf,
    /// The organisation's key file
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The organisation, by number or name
    #[arg(long, value_name = "N")]
    organisation: String,
    /// The charter and notices, as a file [default: those of the data folder]
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// The site she works at, by its number: at the organisation's other sites the certificate counts for nothing. 0 is for
    /// every site of it: for a team that goes from one to another, or works at an office
    #[arg(long, value_name = "N")]
    site: u16,
    /// What she may do: registrar, cashier, approver, supervisor, auditor, witness, device
    #[arg(long = "role", value_name = "ROLE", required = true)]
    roles: Vec<String>,
    /// Register and serve by one person: nobody else sees both
    #[arg(long)]
    small_site: bool,
    /// For which programme
    #[arg(long = "programme", value_name = "P", required = true)]
    programmes: Vec<String>,
    /// Until when: a date, or days from now
    #[arg(long, default_value = "+365d", value_name = "WHEN")]
    until: Moment,
    /// Where to write the certificate
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Show the certificate; sign nothing
    #[arg(long)]
    dry_run: bool,
}

impl Admit {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let public = Public::read(&self.public)?;
        let operator = public.operator().map_err(|fault| fault.at(self.public.display()))?;
        let (charter, mut roster) = session.power(self.charter.as_deref())?;
        let mut programmes: Vec<ProgrammeId> = self
            .programmes
            .iter()
            .map(|text| words::programme(&charter, text).map(|(id, _)| id))
            .collect::<Outcome<_>>()?;
        programmes.sort_unstable();
        programmes.dedup();
        let org = words::organisation(&charter, &self.organisation)?.id;
        let roles = words::operator_roles(&self.roles)?;
        if roles.has(OperatorRoles::REGISTRAR.and(OperatorRoles::CASHIER)) && !self.small_site {
            return Err(together("an operator who registers families and serves them"));
        }
        if roles.meets(OperatorRoles::WITNESS) && roles != OperatorRoles::WITNESS {
            return Err(together("a community witness who also works at the counter"));
        }
        if roles.meets(OperatorRoles::DEVICE) && roles != OperatorRoles::DEVICE {
            return Err(Fault::usage("a reader is nobody: `device` stands alone."));
        }
        let now = session.dated_on(&charter, &roster, self.charter.as_deref())?;
        // Who comes back is admitted after she was withdrawn, be it in the same minute.
        let known = roster.withdrawn(&operator, org).map_or(0, |at| at.0.saturating_add(1));
        let certificate = OperatorCertificate {
            org,
            operator,
            site: SiteId(self.site),
            roles,
            programmes: Bounded::new(programmes)?,
            issued: Minute(Minute::of(now, charter.founded()).0.max(known)),
            not_after: self.until.until(now, charter.founded()),
        };
        session.screen.note(line(&certificate, &charter));
        let keys = session.keys(&self.keys)?;
        let key = organisation_key(&keys, &charter, org, &self.keys)?;
        let signed = Notice::Operator(certificate.clone()).sign(&charter.federation(), &key);
        roster.learn(&charter, &signed).map_err(Fault::from)?;
        let short = hex(&operator.short());
        if !self.dry_run {
            session.ask.confirm(&session.screen, &format!("Admit operator {short}?"))?;
            Papers::notice(signed).write(&self.out)?;
        }
        let value = json!({
            "operator": hex(operator.bytes()), "organisation": org, "site": self.site,
            "roles": certificate.roles.words().collect::<Vec<_>>(),
            "out": (!self.dry_run).then_some(&self.out),
        });
        session.screen.answer("certificate", value, || {
            let (verb, out) = (if self.dry_run { "would go" } else { "is" }, self.out.display());
            format!("The certificate of operator {short} {verb} in {out}")
        })?;
        if !self.dry_run {
            session.screen.note("Next: every node takes it in with `annona node learn FILE`.");
        }
        Ok(())
    }
}
