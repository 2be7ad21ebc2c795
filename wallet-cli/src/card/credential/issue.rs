use std::path::PathBuf;

use annona_ledger::consent::Purpose;
use annona_ledger::duty::Duty;
use annona_ledger::key::PublicKey;
use annona_node::atomic;
use annona_node::consent::{self, Asking, Shown};
use annona_node::credential::card::StatusRef;
use annona_node::credential::register::{Issued, Register};
use annona_node::credential::sd_jwt::{self, NotIssued, Terms};
use annona_node::credential::status::ListName;
use annona_node::credential::when::Seconds;
use annona_node::credential::{integrity, jws};
use annona_node::keystore::Name;
use annona_node::person;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{KIND, copies};
use crate::card::paper::registrar;
use crate::consent::open::{date_of, served};
use crate::consent::{attributes, find, purpose};
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;
use crate::words;

const EXAMPLES: &str = "\
Examples:
  $ annona card credential issue 1/1 --for hill --purpose referral --attributes name,age_band \\
      --holder did:key:z6Mkfmm57fsb6VL7zVusP8zeA9SYkCKdvUhby2G7Yh8vvQ1P --out amina.credential \\
      --operator mara.keys --operator-passphrase-file pass.txt
  $ annona card credential issue 1/2 --for hill --purpose export --attributes name --form w3c \\
      --out amina.issued --operator mara.keys --operator-passphrase-file pass.txt --dry-run";

/// Issues a credential under a consent: to the key of her own wallet, or to the node that asks.
///
/// The disclosure is durable on the ledger before anything is opened, and stands in her list. Taking the consent back
/// revokes the credential with the next `annona card publish`. What goes to a node, and every document of W3C, is a copy:
/// its purpose is export.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Issue {
    /// The consent: FAMILY/N, or its number
    consent: String,
    /// The node it is for: its 16 digits, or the name of its site
    #[arg(long = "for", value_name = "NODE")]
    asker: String,
    /// Her own key, from `annona wallet show`: she shows of it what she chooses. Without it, it is sealed to that node
    #[arg(long, value_name = "KEY")]
    holder: Option<String>,
    /// Several keys of hers, from `annona wallet show --keys`: a copy for each, and each is shown once
    #[arg(long, value_name = "FILE", conflicts_with = "holder")]
    holders: Option<PathBuf>,
    /// What for
    #[arg(long, value_name = "PURPOSE")]
    purpose: String,
    /// Which attributes
    #[arg(long, value_name = "LIST", value_delimiter = ',', required = true)]
    attributes: Vec<String>,
    /// Of which member of the household, counted from 1, the head
    #[arg(long, value_name = "N", default_value_t = 1)]
    member: usize,
    /// How it is written
    #[arg(long, value_enum, default_value_t = Form::SdJwt)]
    form: Form,
    /// The file to make
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    operator: Operator,
    /// Ask whether it would be issued; write and open nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// SD-JWT VC: shown attribute by attribute, by whoever it is bound to
    SdJwt,
    /// Verifiable Credential 2.0 of W3C, for systems of others
    W3c,
}

/// A holder's key as did:key or as 64 digits.
fn holder(text: &str) -> Outcome<PublicKey> {
    match jws::from_did(text) {
        Some(key) => {
            key.check().map_err(|why| Fault::input(format!("the holder's key: {why}.")))?;
            Ok(key)
        }
        None => words::public_key("the holder's key", text),
    }
}

impl Issue {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        // Before anything is asked: a wrong file is better heard of at once.
        let hers = self.holder.as_deref().map(holder).transpose()?;
        let several = self.holders.as_deref().map(copies::keys).transpose()?.unwrap_or_default();
        if !several.is_empty() && self.form == Form::W3c {
            return Err(Fault::usage(
                "copies are SD-JWT: whoever has a document of W3C shows it whole.",
            ));
        }
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let mut vault = session.vault(&node)?;
        let known = find(&vault, &self.consent)?;
        let programme = known.grant.programme;
        let ends = Seconds::of(registrar(&node, programme)?.not_after.begins(charter.founded()));
        let at = served(&node, &signer, (Duty::ConsentOpen, programme))?;
        let asker = words::node(node.store().roster(), &self.asker)?;
        let (short, bound, sealing) = (asker.short(), asker.node, asker.sealing);
        let asking = Asking {
            grant: known.grant.id,
            node: short,
            purpose: purpose(&self.purpose)?,
            attributes: attributes(&self.attributes)?,
        };
        let copy = (hers.is_none() && several.is_empty()) || self.form == Form::W3c;
        if copy && asking.purpose != Purpose::Export {
            return Err(Fault::refused(
                "what is bound to a node, or to nobody, is a copy: its purpose is export, and it takes a consent for that.",
            )
            .then("Or issue it to her own key, as SD-JWT: --holder KEY, from `annona wallet show`."));
        }
        if self.dry_run {
            consent::would_open(&node, &vault, &asking)?;
            node.close()?;
            let words = "It would be issued. Nothing was opened.";
            return dry_run::would(
                session,
                "credential",
                json!({ "family": known.household }),
                words,
            );
        }
        let key = node.signing_key(Name::NodeSigning)?;
        let last = known.grant.expires.last().begins(charter.founded());
        let mut register = Register::of_node(&node, &mut vault)?;
        let mut places = Vec::new();
        for _ in 0..several.len().max(1) {
            places.push(register.draw(&key.public(), programme.0)?);
        }
        let permit = consent::permit(&mut node, &mut vault, &asking, signer.key())?;
        let commitment = permit.commitment();
        // Noted before it is out: whatever left can be taken back.
        for (list, index) in &places {
            register.issued(Issued {
                household: known.household,
                programme: programme.0,
                issuer: key.public(),
                list: *list,
                index: *index,
                consent: known.commitment(),
            });
        }
        register.save_first(&mut vault, &key.public())?;
        let day = date_of(&charter, at)?;
        let (shown, showing) = permit.open(&mut vault, day)?;
        let claims = claims(&shown, self.member)?;
        let expires = Seconds::of(last).min(ends).plus(59);
        // Copies of one minute would be known by it: theirs is the day.
        let now = Seconds::of(node.now());
        let issued = if several.is_empty() { now } else { Seconds(now.0 - now.0 % 86_400) };
        let terms = |holder, (list, index): &(u32, u32)| {
            let uri = ListName::of(&key.public(), programme.0, *list).to_string();
            Terms { holder, issued, expires, status: StatusRef { uri, index: *index } }
        };
        let mut bytes = Zeroizing::new(Vec::new());
        let mut made: Vec<(copies::Label, Zeroizing<String>)> = Vec::new();
        for ((holder, label), place) in several.iter().zip(&places) {
            let text = sd_jwt::issue(&claims, &terms(Some(*holder), place), &key)?;
            made.push((*label, Zeroizing::new(text)));
        }
        if made.is_empty() {
            let holder = if self.form == Form::W3c { hers } else { hers.or(Some(bound)) };
            let place = places.first().ok_or_else(|| Fault::usage("no place was drawn."))?;
            let text = Zeroizing::new(match self.form {
                Form::SdJwt => sd_jwt::issue(&claims, &terms(holder, place), &key)?,
                Form::W3c => integrity::holder(&claims, &terms(holder, place), &key)?.to_string(),
            });
            *bytes = match hers {
                Some(_) => text.as_bytes().to_vec(),
                None => KIND.seal(&node.federation()?, &commitment, &sealing, text.as_bytes())?,
            };
        } else {
            bytes.extend_from_slice(copies::write(&made).as_bytes());
        }
        atomic::write(&self.out, &bytes)?;
        showing.done(&mut vault)?;
        node.close()?;
        let names: Vec<&str> = claims.iter().map(|(name, _)| *name).collect();
        let value = json!({
            "disclosure": commitment.to_string(), "for": words::hex(&short), "claims": names,
            "list": places.first().map(|(list, _)| ListName::of(&key.public(), programme.0, *list).to_string()),
            "until": expires.to_string(), "out": self.out,
            "holder": hers.map(|key| jws::did(&key)), "copies": several.len(),
        });
        session.screen.answer("credential", value, || {
            let (names, out) = (names.join(", "), self.out.display());
            match several.len() {
                0 => format!("{names}, until {expires}: {out}"),
                copies => format!("{names}, {copies} copies, until {expires}: {out}"),
            }
        })
    }
}

/// What was opened of one member and of the household as a whole, claim by claim.
fn claims(shown: &Shown, member: usize) -> Outcome<Vec<(&'static str, Value)>> {
    let place = member.checked_sub(1);
    let fields = place.and_then(|at| shown.members.get(at)).ok_or_else(|| {
        let count = words::count(shown.members.len() as u64, "member", "members");
        Fault::input(format!("the family has {count}.")).then(
            "Run the same with another --member: it is written down already, and takes no second use.",
        )
    })?;
    let value = |value: &person::Value| match value {
        person::Value::Text(text) => json!(text.expose()),
        person::Value::Number(number) => json!(number),
        person::Value::Date(date) => json!(date.to_string()),
        person::Value::YesNo(yes) => json!(yes),
    };
    let own = fields.iter().map(|(field, v)| (field.name(), value(v)));
    let mut claims: Vec<_> = own.collect();
    for (field, v) in &shown.whole {
        if claims.iter().all(|(name, _)| *name != field.name()) {
            claims.push((field.name(), value(v)));
        }
    }
    let band = place.and_then(|at| shown.bands.get(at)).copied().flatten();
    claims.extend(band.map(|band| ("age_band", json!(band))));
    if claims.is_empty() {
        return Err(Fault::input("her record has nothing of that.")
            .then("`annona family show` tells what it has."));
    }
    Ok(claims)
}

impl From<NotIssued> for Fault {
    fn from(fault: NotIssued) -> Self {
        match fault {
            NotIssued::Content(fault) => fault.into(),
            NotIssued::Seal(fault) => fault.into(),
        }
    }
}
