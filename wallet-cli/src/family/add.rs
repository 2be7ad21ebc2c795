use annona_ledger::duty::Duty;
use annona_ledger::id::ProgrammeId;
use annona_node::person::{Household, clean};
use annona_node::seal::random;
use annona_node::vault::{Found, HouseholdId, Vault};
use clap::Args;
use serde_json::json;
use zeroize::Zeroizing;

use super::enrol::Enrolling;
use super::fields;
use super::form::Form;
use super::happened;
use crate::dry_run;
use crate::fault::{Fault, Outcome};
use crate::session::Session;
use crate::signer::Operator;
use crate::stop::Writing;
use crate::words::{self, hex, plain};

const EXAMPLES: &str = "\
Examples:
  $ annona family add --from tesfaye.family --operator mara.keys --operator-passphrase-file pass.txt
  $ annona family add --from ali.family --key B2-014 --operator mara.keys \\
      --operator-passphrase-file pass.txt

What stands in tesfaye.family:
  size=5
  member: full_name=ሰላም ተስፋዬ,sex=female,age=34
  member: given_name=ዮሴፍ,age=9";

/// Registers a family: in the sealed person file by name, on the ledger by pseudonym.
#[derive(Args)]
#[command(before_help = EXAMPLES)]
pub(crate) struct Add {
    #[command(flatten)]
    form: Form,
    /// The family's key in its register [default: one is made]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// The register the key belongs to
    #[arg(long, value_name = "NAME", default_value = "desk")]
    source: String,
    /// A programme to enrol in [default: all that this node serves]
    #[arg(long = "programme", value_name = "P")]
    programmes: Vec<String>,
    /// The same words were said before and cut off, and this is another family
    #[arg(long)]
    again: bool,
    #[command(flatten)]
    operator: Operator,
    /// Check everything; register nobody
    #[arg(long)]
    dry_run: bool,
}

impl Add {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let told = self.form.read(session, true)?;
        let mut household = Household::default();
        told.write(&mut household)?;
        household.members = told.people()?;
        let drawn = format!("F-{}", hex(&random::<5>()?));
        household.key = self.key.as_ref().map_or(drawn, |key| clean(key).0);
        plain("the key", &household.key)?;
        plain("the register's name", &self.source)?;
        household.check()?;
        let (mut node, signer) = session.signing(&self.operator)?;
        let charter = node.store().charter()?.clone();
        let only: Option<Vec<ProgrammeId>> = (!self.programmes.is_empty())
            .then(|| {
                let all = self.programmes.iter();
                all.map(|p| words::programme(&charter, p).map(|(id, _)| id)).collect::<Outcome<_>>()
            })
            .transpose()?;
        let enrolling = Enrolling::new(&node, (&signer, Duty::FamilyAdd), only)?;
        let mut vault = session.vault(&node)?;
        let source = clean(&self.source).0;
        let digest = vault.content_digest(&household.encode()?);
        let asked = self.asked(&vault, &source, &household)?;
        // A key that was just drawn is nobody's, also where the keys of some families are not here.
        let known = match self.key {
            Some(_) => vault.find(&source, household.key.as_bytes())?,
            None => None,
        };
        // It was said before, and never answered: the same family is enrolled, and no other is made.
        let cut_off = |known: &Found| known.digest == Some(digest) && !known.enrolled;
        let begun = vault.begun(&asked)?;
        // A key is one family's, whatever was answered since.
        if let Some(begun) = begun.filter(|begun| begun.doubted && known.is_none() && !self.again) {
            // Whoever it was is served from now on, also where it was cut off before she was enrolled.
            if !self.dry_run {
                enrolling.enrol(&mut node, &mut vault, &[begun.family])?;
            }
            return Err(happened::cut_off(begun.family, "a family was added"));
        }
        let earlier = begun.map(|begun| begun.family);
        let begun = begun.filter(|begun| !(begun.doubted || self.again) || known.is_some());
        let begun = begun.map(|begun| begun.family);
        let begun = begun.or(known.filter(cut_off).map(|known| known.id));
        if let (Some(known), None) = (known, begun) {
            return Err(Fault::new(
                crate::fault::Exit::Conflict,
                format!("family {} has the key \"{}\" already.", known.id, household.key),
            )
            .then(if known.digest.is_some() {
                "`annona family change` changes it."
            } else {
                "Its record does not open: take its key back (`annona family keys take`), or erase it (`annona erase`) \
                 and register the family anew."
            }));
        }
        if self.dry_run {
            node.close()?;
            let words = "Nothing is wrong with it. Nobody was registered.";
            let value = json!({ "key": household.key, "source": source });
            return dry_run::would(session, "family", value, words);
        }
        let _writing = Writing::of_people();
        let id = match begun {
            Some(id) => {
                household = super::show::open(&vault, id)?;
                id
            }
            None => {
                let (whole, members) = household.records()?;
                let mut txn = vault.begin()?;
                let key = household.key.as_bytes();
                let id = txn.add(&source, key, digest, &whole, &members)?;
                txn.note_begun(&asked, id)?;
                txn.commit()?;
                id
            }
        };
        // From here on the family is found again, whatever happens: whoever was cut off before is enrolled with it.
        let mut ids = vault.all_begun()?;
        ids.extend(earlier.filter(|one| !ids.contains(one)));
        let closed = |one: &HouseholdId| vault.registration(*one).map(drop);
        ids.retain(|one| !closed(one).is_err_and(|fault| fault.is_of_one_record()));
        if !ids.contains(&id) {
            ids.push(id);
        }
        let enrolled = enrolling.enrol(&mut node, &mut vault, &ids)?;
        node.close()?;
        let value =
            json!({ "family": id, "key": household.key, "source": source, "enrolled": enrolled });
        session
            .screen
            .answer("family", value, || format!("Family {id}: {}", fields::line(&household)))?;
        vault.answered(&asked)?;
        if begun.is_some() {
            session.screen.note(happened::BEFORE);
        }
        session.screen.note(format!("Next: `annona card issue {id}` gives it a short code."));
        Ok(())
    }

    /// The words of this command, whatever key is drawn for them.
    fn asked(&self, vault: &Vault, source: &str, told: &Household) -> Outcome<[u8; 32]> {
        let mut told = told.clone();
        if self.key.is_none() {
            "F-".clone_into(&mut told.key);
        }
        let told = told.encode()?;
        let words = [b"add\0", source.as_bytes(), &[0], told.as_slice()].concat();
        Ok(vault.content_digest(&Zeroizing::new(words)))
    }
}
