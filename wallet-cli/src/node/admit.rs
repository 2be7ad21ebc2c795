use std::path::PathBuf;

use annona_ledger::amount::Amount;
use annona_ledger::charter::Charter;
use annona_ledger::id::{ProgrammeId, SiteId};
use annona_ledger::key::SigningKey;
use annona_ledger::notice::{NodeCeiling, NodeCertificate, Notice, OverCeiling, Roles, Roster};
use annona_ledger::time::Minute;
use annona_ledger::wire::{Bounded, Name};
use annona_node::keystore::{self, Secret};
use clap::Args;
use serde_json::json;

use super::request::NodeRequest;
use crate::fault::{Fault, Outcome};
use crate::paper::Papers;
use crate::session::Session;
use crate::status::certificate_value;
use crate::words::{self, Moment, hex, print_minute, print_units};

const EXAMPLES: &str = "\
Examples:
  $ annona node admit lake.request --keys relief.keys --charter charter.annona --site 3 \\
      --role registrar --role merchant --small-site --ceiling Food/Rice=4000:100:500 \\
      --out lake-certificate.annona
  $ annona node admit lake.request --keys relief.keys --charter charter.annona --site 3 \\
      --role merchant --ceiling Food/Rice=4000 --until +90d --out lake-certificate.annona \\
      --dry-run";

/// Admits a node to your organisation: signs its certificate, or a new one before the last has ended.
///
/// A node that has a certificate keeps its roles, programmes and ceilings where nothing is said of them.
///
/// A ceiling is PROGRAMME/COMMODITY=RIGHTS[:FLOAT[:UNVERIFIED]] in whole units: the most rights the node may hold, the
/// most float, and the most that another node takes on this one's word alone. FLOAT is 0 and UNVERIFIED a tenth of
/// the rights where they are not said. All nodes of an organisation share what the charter allows it.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Admit {
    /// The node's request
    request: PathBuf,
    /// The organisation's key file
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// The charter and notices, as a file [default: those of the data folder]
    #[arg(long, value_name = "FILE")]
    charter: Option<PathBuf>,
    /// The number of its site within the organisation
    #[arg(long, value_name = "N")]
    site: u16,
    /// What the place is called [default: as the node says]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// What it may do [default: as the node asks]
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// Register and serve at one node: nobody else sees both
    #[arg(long)]
    small_site: bool,
    /// A programme it serves, beside those with a ceiling
    #[arg(long = "programme", value_name = "P")]
    programmes: Vec<String>,
    /// What it may hold
    #[arg(long = "ceiling", value_name = "CEILING")]
    ceilings: Vec<String>,
    /// Until when: a date, or days from now
    #[arg(long, default_value = "+365d", value_name = "WHEN")]
    until: Moment,
    /// The earlier node whose place it takes [default: as the node says]
    #[arg(long, value_name = "NODE")]
    replaces: Option<String>,
    /// Where to write the certificate
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Show the certificate; sign nothing
    #[arg(long)]
    dry_run: bool,
}

impl Admit {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let request = NodeRequest::read(&self.request)?;
        let (charter, mut roster) = session.power(self.charter.as_deref())?;
        if request.federation != charter.federation() {
            let path = self.request.display();
            return Err(Fault::refused(format!(
                "{path} is a request to another federation ({}), this is {} ({}).",
                request.federation,
                charter.name(),
                charter.federation()
            )));
        }
        let now = session.dated_on(&charter, &roster, self.charter.as_deref())?;
        // Of two certificates of one minute the one with the greater hash would stand: a later one is later.
        let known = roster.node(&request.node.short()).map_or(0, |c| c.issued.0.saturating_add(1));
        let at = Minute(Minute::of(now, charter.founded()).0.max(known));
        let earlier = roster.node(&request.node.short()).filter(|c| c.org == request.org).cloned();
        let earlier = earlier.as_ref();
        let certificate = self.certificate(&request, &charter, &roster, at, session, earlier)?;
        let keys = session.keys(&self.keys)?;
        let key = organisation_key(&keys, &charter, request.org, &self.keys)?;
        let founded = charter.founded();
        let signed = Notice::Node(certificate.clone()).sign(&charter.federation(), &key);
        let before = roster.ceilings(&charter, at).over;
        roster.learn(&charter, &signed)?;
        // Whichever certificate comes off worst, it is this one that asks for too much.
        let over = roster.ceilings(&charter, at).over;
        if let Some(over) = over.iter().find(|over| !before.contains(over)) {
            return Err(too_much(over, &charter));
        }
        for line in lines(&certificate, &charter) {
            session.screen.note(line);
        }
        if certificate.programmes.is_empty() && certificate.roles.has(Roles::MERCHANT) {
            session.screen.warn("it names no programme: nobody will be served there. --programme or --ceiling names one");
        }
        let lost = earlier.map(|earlier| lost(earlier, &certificate, &charter)).unwrap_or_default();
        for line in &lost {
            session.screen.warn(format!("it loses {line}"));
        }
        if !self.dry_run {
            let name = hex(&certificate.short());
            let question = match lost.as_slice() {
                [] => format!("Admit node {name}?"),
                lost => format!("Admit node {name}, and take from it {}?", lost.join(", ")),
            };
            session.ask.confirm(&session.screen, &question)?;
            Papers::notice(signed).write(&self.out)?;
        }
        let mut value = certificate_value(&certificate, founded);
        value["out"] = json!((!self.dry_run).then_some(&self.out));
        session.screen.answer("certificate", value, || {
            let (verb, out) = (if self.dry_run { "would go" } else { "is" }, self.out.display());
            format!("The certificate of node {} {verb} in {out}", hex(&certificate.short()))
        })?;
        session.screen.note("Next: every node takes it in with `annona node learn FILE`.");
        Ok(())
    }

    fn certificate(
        &self,
        request: &NodeRequest,
        charter: &Charter,
        roster: &Roster,
        at: Minute,
        session: &Session,
        earlier: Option<&NodeCertificate>,
    ) -> Outcome<NodeCertificate> {
        let mut programmes: Vec<ProgrammeId> = self
            .programmes
            .iter()
            .map(|text| words::programme(charter, text).map(|(id, _)| id))
            .collect::<Outcome<_>>()?;
        let mut ceilings: Vec<NodeCeiling> =
            self.ceilings.iter().map(|text| ceiling(charter, text)).collect::<Outcome<_>>()?;
        if let Some(earlier) = earlier
            && programmes.is_empty()
            && ceilings.is_empty()
        {
            programmes.extend(earlier.programmes.iter());
            ceilings.extend(earlier.ceilings.iter().copied());
        }
        ceilings.sort_by_key(|c| (c.programme, c.commodity));
        programmes.extend(ceilings.iter().map(|c| c.programme));
        programmes.sort_unstable();
        programmes.dedup();
        let kept = earlier.map(|earlier| earlier.roles);
        let roles = match self.roles.as_slice() {
            [] => kept.unwrap_or(request.roles),
            said => words::node_roles(said)?,
        };
        if roles == Roles::NONE {
            return Err(Fault::usage("say what the node may do: --role ROLE."));
        }
        let together_before = kept == Some(roles) || self.small_site;
        if roles.has(Roles::REGISTRAR.and(Roles::MERCHANT)) && !together_before {
            return Err(together("a node that registers families and serves them"));
        }
        let site_name = match (&self.name, &request.site_name) {
            (Some(name), _) => {
                words::plain("the site's name", name)?;
                Name::new(name)?
            }
            (None, Some(name)) => name.clone(),
            (None, None) => return Err(Fault::usage("say what the place is called: --name NAME.")),
        };
        let replaces = match &self.replaces {
            Some(text) => Some(words::node(roster, text)?.short()),
            None => request.replaces,
        };
        Ok(NodeCertificate {
            org: request.org,
            node: request.node,
            transport: request.transport,
            sealing: request.sealing,
            site: SiteId(self.site),
            site_name,
            roles,
            programmes: Bounded::new(programmes)?,
            ceilings: Bounded::new(ceilings)?,
            issued: at,
            not_after: self.until.until(session.now(), charter.founded()),
            replaces,
            acceptance: request.acceptance,
        })
    }
}

/// Why two roles are not given to one node or person unless it is asked for in words.
pub(crate) fn together(who: &str) -> Fault {
    Fault::refused(format!(
        "{who} can invent a family and hand out its food with nobody looking on."
    ))
    .then("give the roles to two, or say that there is only one: --small-site.")
}

/// Why a certificate whose ceilings would not all count is not signed.
fn too_much(over: &OverCeiling, charter: &Charter) -> Fault {
    let programme = charter.programme(over.ceiling.programme);
    let commodity = programme.and_then(|p| p.commodity(over.ceiling.commodity));
    let print = |amount: Amount| {
        let units = i128::from(amount.units());
        commodity.map_or_else(|| units.to_string(), |c| print_units(c, units))
    };
    Fault::refused(format!(
        "with this certificate the nodes of organisation {} would hold more than the charter \
         allows them together: {} rights and {} float. Lower the ceiling, or vote a higher one.",
        over.org,
        print(over.allowed.rights),
        print(over.allowed.float),
    ))
}

/// Reads `Food/Rice=4000:100:500`.
fn ceiling(charter: &Charter, text: &str) -> Outcome<NodeCeiling> {
    let wrong = || {
        Fault::usage(format!(
            "\"{text}\" is no ceiling: write PROGRAMME/COMMODITY=RIGHTS[:FLOAT[:UNVERIFIED]]."
        ))
    };
    let (place, amounts) = text.rsplit_once('=').ok_or_else(wrong)?;
    let (programme, commodity) = place.split_once('/').ok_or_else(wrong)?;
    let (id, programme) = words::programme(charter, programme)?;
    let commodity = words::commodity(programme, commodity)?;
    let mut parts = amounts.split(':').map(|part| words::amount(commodity, part));
    let rights = parts.next().ok_or_else(wrong)??;
    let float = parts.next().transpose()?.unwrap_or(Amount::ZERO);
    let tenth = Amount::new(rights.units() / 10).unwrap_or(Amount::ZERO);
    let unverified = parts.next().transpose()?.unwrap_or(tenth);
    if parts.next().is_some() {
        return Err(wrong());
    }
    Ok(NodeCeiling { programme: id, commodity: commodity.id, rights, float, unverified })
}

/// What a node had by its earlier certificate and would not have by the new one.
fn lost(earlier: &NodeCertificate, new: &NodeCertificate, charter: &Charter) -> Vec<String> {
    let mut lost: Vec<String> = earlier
        .programmes
        .iter()
        .filter(|programme| !new.programmes.contains(*programme))
        .filter_map(|programme| charter.programme(*programme))
        .map(|programme| format!("programme {}", programme.name))
        .collect();
    for had in earlier.ceilings.iter().filter(|had| new.programmes.contains(&had.programme)) {
        let Some(programme) = charter.programme(had.programme) else { continue };
        let Some(commodity) = programme.commodity(had.commodity) else { continue };
        let place = (had.programme, had.commodity);
        let now = new.ceilings.iter().find(|c| (c.programme, c.commodity) == place);
        for (what, before, after) in [
            ("rights", had.rights, now.map(|now| now.rights)),
            ("float", had.float, now.map(|now| now.float)),
        ] {
            let after = after.unwrap_or(Amount::ZERO);
            if after < before {
                let print = |amount: Amount| print_units(commodity, i128::from(amount.units()));
                lost.push(format!(
                    "{} {} {what}: {} instead of {}",
                    programme.name,
                    commodity.name,
                    print(after),
                    print(before),
                ));
            }
        }
    }
    lost.extend(
        earlier
            .roles
            .words()
            .filter(|role| !new.roles.words().any(|now| now == *role))
            .map(|role| format!("the role of {role}")),
    );
    lost
}

/// A certificate in words.
pub(super) fn lines(c: &NodeCertificate, charter: &Charter) -> Vec<String> {
    let founded = charter.founded();
    let roles: Vec<_> = c.roles.words().collect();
    let mut lines = vec![format!(
        "Node {} of organisation {} at site {} {}: {}, from {} until {}",
        hex(&c.short()),
        c.org,
        c.site,
        c.site_name,
        roles.join(", "),
        print_minute(c.issued, founded),
        print_minute(c.not_after, founded),
    )];
    if let Some(earlier) = c.replaces {
        lines.push(format!("  takes the place of {}", hex(&earlier)));
    }
    for ceiling in c.ceilings.iter() {
        let Some(programme) = charter.programme(ceiling.programme) else { continue };
        let Some(commodity) = programme.commodity(ceiling.commodity) else { continue };
        let print = |amount: Amount| print_units(commodity, i128::from(amount.units()));
        lines.push(format!(
            "  {} {}: {} rights, {} float, {} on its word alone",
            programme.name,
            commodity.name,
            print(ceiling.rights),
            print(ceiling.float),
            print(ceiling.unverified),
        ));
    }
    lines
}

/// The signing key of an organisation in a key file.
pub(crate) fn organisation_key(
    keys: &keystore::Keystore,
    charter: &Charter,
    org: annona_ledger::id::OrgId,
    path: &std::path::Path,
) -> Outcome<SigningKey> {
    let seed = keys.get(keystore::Name::Organisation(org)).and_then(Secret::as_seed);
    let key = seed.map(SigningKey::from_seed).ok_or_else(|| {
        Fault::refused(format!("{} does not hold the key of organisation {org}.", path.display()))
            .then("`annona key show FILE` tells what is in it.")
    })?;
    // The ledger takes what a replaced key signed, for it may have signed it before.
    if charter.organisation(org).is_some_and(|known| known.key != key.public()) {
        return Err(Fault::refused(format!(
            "{} holds a key of organisation {org} that the charter known here has replaced, or does not have yet.",
            path.display()
        ))
        .then("Use the key file of now; where the charter here is old, `annona charter apply` the newer articles first."));
    }
    Ok(key)
}
