//! Printed cards: making them, and the sheet they are printed on.

use std::path::{Path, PathBuf};

use annona_ledger::charter::Charter;
use annona_ledger::duty::Duty;
use annona_ledger::entry::{CarrierKind, Registry};
use annona_ledger::id::{CarrierId, Lane, ProgrammeId};
use annona_ledger::key::{PublicKey, SigningKey};
use annona_ledger::notice::{NodeCertificate, Roles};
use annona_ledger::rejection::Rejection;
use annona_ledger::short_code::{RANDOM_BITS, ShortCode};
use annona_ledger::time::Millis;
use annona_node::atomic;
use annona_node::credential::card::{MAX_NAME, Printed};
use annona_node::credential::register::{Line, Register, RegisterFault};
use annona_node::credential::sheet::{Face, sheet};
use annona_node::credential::when::Seconds;
use annona_node::credential::{Card, NotMade, png, qr};
use annona_node::keystore::Name;
use annona_node::node::{Compose, Node, Request};
use annona_node::person::Field;
use annona_node::seal::random;
use annona_node::vault::{HouseholdId, Vault};
use clap::Args;
use serde_json::{Value, json};

use super::carrier;
use crate::fault::{Exit, Fault, Outcome};
use crate::session::Session;
use crate::signer::Signer;
use crate::words::{self, Moment};
use crate::{family, holder, out};

/// Families in one commit.
const GROUP: usize = 256;

/// Where cards go.
#[derive(Args, Clone, Debug)]
pub(super) struct Where {
    /// The sheet: A4, cards of the size of a bank card, opened and printed with any browser
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    /// Also each code as a picture, FAMILY.png
    #[arg(long, value_name = "DIR")]
    pub(super) png: Option<PathBuf>,
}

/// A card as it goes on a sheet.
pub(super) struct Made {
    pub(super) line: Line,
    pub(super) text: String,
    name: Option<String>,
}

impl Made {
    pub(super) fn code(&self) -> Option<ShortCode> {
        super::code_of(&self.line)
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "family": self.line.household, "programme": self.line.programme, "text": self.text,
            "code": self.code().map(|code| code.to_string()),
            "until": self.line.expires().to_string(), "list": self.line.status().uri,
        })
    }
}

/// What is to stand on a card, as it is typed.
#[derive(Args)]
pub(super) struct On {
    /// Put the first name on the card: only where the family wants that
    #[arg(long)]
    name: bool,
    /// The language to speak with the family, as two or three small letters [default: that of its old card, if any]
    #[arg(long, value_name = "LANG")]
    language: Option<String>,
    /// Until when it holds [default: a year, or the end of this node's certificate]
    #[arg(long, value_name = "WHEN")]
    until: Option<Moment>,
}

impl On {
    pub(super) fn terms(
        self,
        now: Millis,
        charter: &Charter,
        programme: ProgrammeId,
        old: Option<&Line>,
    ) -> Terms {
        let founded = charter.founded();
        let until = |until: Moment| Seconds::of(until.until(now, founded).begins(founded)).plus(59);
        Terms {
            programme,
            language: self.language.or_else(|| old?.language.clone()),
            named: self.name,
            until: self.until.map(until),
        }
    }
}

/// What stands on the cards that are about to be made.
pub(super) struct Terms {
    programme: ProgrammeId,
    language: Option<String>,
    named: bool,
    /// Until when, where that is said; otherwise a year, and never longer than this node's certificate.
    until: Option<Seconds>,
}

impl Terms {
    /// What the register keeps of a card: its code comes once it is drawn, its name on the ledger once it is signed.
    fn line(
        &self,
        household: HouseholdId,
        issuer: &PublicKey,
        (list, index): (u32, u32),
        expires: Seconds,
    ) -> Line {
        Line {
            household,
            programme: self.programme.0,
            issuer: *issuer,
            list,
            index,
            expires: expires.0,
            language: self.language.clone(),
            named: self.named,
            code: None,
            carrier: CarrierId([0; 16]),
        }
    }
}

/// Checks that this node and this operator may give cards in a programme.
pub(super) fn may(node: &Node, signer: &Signer, duty: Duty, programme: ProgrammeId) -> Outcome {
    let certificate = registrar(node, programme)?;
    let owner = node.store().charter()?.programme(programme).map_or(certificate.org, |p| p.org);
    let at = node.stamp(&node.feed(Lane::Registry, programme))?;
    let orgs = [owner, certificate.org];
    signer.may(node, &orgs, (duty, programme), at)
}

/// The certificate by which this node issues for a programme.
pub(super) fn registrar(node: &Node, programme: ProgrammeId) -> Outcome<&NodeCertificate> {
    let certificate = node.certificate().ok_or_else(|| Fault::refused("no certificate"))?;
    if !certificate.roles.has(Roles::REGISTRAR) || !certificate.programmes.contains(&programme) {
        return Err(Rejection::OtherRole.into());
    }
    Ok(certificate)
}

/// Asks whatever could refuse a card or its sheet, before anything is cancelled or made.
pub(super) fn check(
    session: &Session,
    (node, vault): (&Node, &Vault),
    ids: &[HouseholdId],
    terms: &Terms,
    to: &Where,
) -> Outcome {
    let key = node.signing_key(Name::NodeSigning)?;
    let expires = expires(node, terms)?;
    for id in ids {
        // At no place of any list: it is looked at, and not signed.
        face(node, vault, &terms.line(*id, &key.public(), (0, 0), expires))?.0.check()?;
        if let Some(folder) = &to.png {
            let picture = folder.join(format!("{id}.png"));
            // A folder that is not there is made.
            if folder.exists() {
                out::free(&picture, session.replace)?;
            }
        }
    }
    Ok(())
}

/// Makes cards for families that have none: places in the status list first, then the ledger, then what remembers them.
pub(super) fn make(
    node: &mut Node,
    vault: &mut Vault,
    register: &mut Register,
    signer: &Signer,
    ids: &[HouseholdId],
    terms: &Terms,
) -> Outcome<Vec<Made>> {
    let key = node.signing_key(Name::NodeSigning)?;
    let expires = expires(node, terms)?;
    let mut made = Vec::new();
    for ids in ids.chunks(GROUP) {
        let mut lines = Vec::new();
        for id in ids {
            let place = register.draw(&key.public(), terms.programme.0)?;
            let line = terms.line(*id, &key.public(), place, expires);
            lines.push(Line { code: Some(fresh(vault)?.bytes()), ..line });
        }
        // A place is taken before a card names it: a kill loses the place, and never gives it twice.
        register.save_first(vault, &key.public())?;
        let mut group = Vec::new();
        for mut line in lines {
            let (printed, name) = print(node, vault, &line, &key)?;
            line.carrier = printed.carrier;
            group.push(Made { line, text: printed.text, name });
        }
        bind(node, vault, signer, terms.programme, &group)?;
        let mut txn = vault.begin()?;
        for Made { line, .. } in &group {
            if let Some(code) = line.code {
                txn.set_card(line.household, &code)?;
            }
        }
        txn.commit()?;
        for Made { line, .. } in &group {
            register.keep(line.clone());
        }
        register.save()?;
        made.append(&mut group);
    }
    Ok(made)
}

/// A card that was printed before, as it was.
pub(super) fn again(node: &Node, vault: &Vault, line: &Line) -> Outcome<Made> {
    let key = node.signing_key(Name::NodeSigning)?;
    let changed = |why: &str| {
        Fault::new(Exit::Conflict, format!("family {}: {why}.", line.household))
            .then("`annona card reissue` cancels the old card and prints one as things are now.")
    };
    if line.issuer != key.public() {
        return Err(changed("this node's key has changed since its card was printed"));
    }
    let (printed, name) = print(node, vault, line, &key)?;
    if printed.carrier != line.carrier {
        return Err(changed("the name on its card is no longer the one that was printed"));
    }
    Ok(Made { line: line.clone(), text: printed.text, name })
}

/// Writes the sheet and the pictures, and answers with a line for each card.
pub(super) fn hand_out(session: &Session, node: &Node, made: &[Made], to: &Where) -> Outcome {
    let ids: Vec<String> = made.iter().map(|one| one.line.household.to_string()).collect();
    written(session, node, made, to).map_err(|fault| {
        let ids = ids.join(" ");
        fault.then(&format!("The card counts: `annona card reprint` prints it, for family {ids}."))
    })
}

fn written(session: &Session, node: &Node, made: &[Made], to: &Where) -> Outcome {
    let charter = node.store().charter()?;
    let mut faces = Vec::new();
    for one in made {
        let about = charter.programme(ProgrammeId(one.line.programme));
        let programme = about.map(|p| p.name.as_str().to_owned()).unwrap_or_default();
        let until = one.line.expires().to_string();
        let day = until.split('T').next().unwrap_or_default().to_owned();
        faces.push((programme, day, one.code().map(|code| code.to_string())));
    }
    if let Some(out) = &to.out {
        let faces: Vec<Face<'_>> = faces
            .iter()
            .zip(made)
            .map(|((programme, until, code), one)| Face {
                text: &one.text,
                programme,
                name: one.name.as_deref(),
                code: code.as_deref(),
                until,
                language: one.line.language.as_deref(),
            })
            .collect();
        atomic::write(out, sheet(&faces)?.as_bytes())?;
    }
    if let Some(folder) = &to.png {
        std::fs::create_dir_all(folder).map_err(|e| Fault::io("create", folder, e))?;
        for one in made {
            let file = folder.join(format!("{}.png", one.line.household));
            atomic::write(&file, &png::png(&qr::code(&one.text)?, 8))?;
        }
    }
    for one in made {
        session.screen.answer("card", one.json(), || {
            let code = one.code().map(|code| format!("{code}  ")).unwrap_or_default();
            let length = one.text.len();
            format!("{code}family {}, {length} characters", one.line.household)
        })?;
    }
    if let Some(out) = &to.out {
        session.screen.note(format!(
            "{} in {}: print it at 100 %.",
            words::count(made.len() as u64, "card", "cards"),
            out.display()
        ));
    }
    Ok(())
}

/// A code nobody here has.
fn fresh(vault: &Vault) -> Outcome<ShortCode> {
    loop {
        let code = ShortCode::new(u64::from_be_bytes(random()?) & ((1 << RANDOM_BITS) - 1));
        if vault.household_by_card(&code.bytes())?.is_none() {
            return Ok(code);
        }
    }
}

fn expires(node: &Node, terms: &Terms) -> Outcome<Seconds> {
    let charter = node.store().charter()?;
    let certificate = node.certificate().ok_or_else(|| Fault::refused("no certificate"))?;
    let end = Seconds::of(certificate.not_after.begins(charter.founded())).plus(59);
    let now = Seconds::of(node.now());
    let wanted = terms.until.unwrap_or_else(|| now.plus(365 * 24 * 60 * 60).min(end));
    if wanted > end {
        return Err(Fault::refused(format!(
            "this node's certificate ends {end}, and a card may not outlive it."
        )));
    }
    if wanted <= now {
        return Err(Fault::input(format!("a card until {wanted} would be over already.")));
    }
    Ok(wanted)
}

/// What stands on a card, with what the person file says of the family now.
fn face(node: &Node, vault: &Vault, line: &Line) -> Outcome<(Card, Option<String>)> {
    let programme = ProgrammeId(line.programme);
    let pseudonym = holder::pseudonym(node, vault, line.household, programme)?;
    let name = if line.named { Some(first_name(vault, line.household)?) } else { None };
    let card = Card::ours(&pseudonym.0, line.expires(), line.status());
    Ok((Card { language: line.language.clone(), name: name.clone(), ..card }, name))
}

/// Signs a card.
fn print(
    node: &Node,
    vault: &Vault,
    line: &Line,
    key: &SigningKey,
) -> Outcome<(Printed, Option<String>)> {
    let (card, name) = face(node, vault, line)?;
    Ok((card.print(key)?, name))
}

/// The first name of the family's first member.
fn first_name(vault: &Vault, id: HouseholdId) -> Outcome<String> {
    let household = family::open(vault, id)?;
    let first = household.members.first();
    let text = |field| first.and_then(|member| member.get(field)?.as_text().map(str::to_owned));
    let whole = |name: String| name.split_whitespace().next().unwrap_or_default().to_owned();
    let name = text(Field::GivenName).or_else(|| text(Field::FullName).map(whole));
    name.filter(|name| !name.is_empty() && name.len() <= MAX_NAME).ok_or_else(|| {
        Fault::input(format!("family {id} has no first name of at most {MAX_NAME} bytes."))
            .then("Leave --name out, or correct it with `annona family change`.")
    })
}

/// Binds cards and codes to their holders on the ledger.
fn bind(
    node: &mut Node,
    vault: &Vault,
    signer: &Signer,
    programme: ProgrammeId,
    group: &[Made],
) -> Outcome {
    let federation = node.federation()?;
    let feed = node.feed(Lane::Registry, programme);
    let mut bound = Vec::new();
    for one in group {
        let pseudonym = holder::pseudonym(node, vault, one.line.household, programme)?;
        let mut carriers = vec![(one.line.carrier, CarrierKind::Paper)];
        if let Some(code) = one.code() {
            carriers.push((carrier(node, &code, programme)?, CarrierKind::Code));
        }
        bound.push((pseudonym, carriers));
    }
    let mut requests: Vec<Request<'_>> = bound
        .into_iter()
        .map(|(pseudonym, carriers)| {
            let compose: Compose<'_> = Box::new(move |_, feed, at| {
                let entry = |(carrier, kind)| {
                    let entry = Registry::CarrierBound { pseudonym, carrier, kind, at };
                    signer.stands_for(&federation, feed, entry)
                };
                Ok(carriers.iter().copied().map(entry).collect())
            });
            Request { feed, compose }
        })
        .collect();
    for answer in node.write(&mut requests)? {
        answer?;
    }
    Ok(())
}

/// The text in a file, on standard input, or as it was given.
pub(crate) fn told(text: &str, most: u64) -> Outcome<String> {
    use std::io::Read;
    let read = |from: &mut dyn Read, path: &Path| {
        let mut text = String::new();
        let took = from.take(most).read_to_string(&mut text);
        took.map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => Fault::file(path, "this is not text."),
            _ => Fault::io("read", path, e),
        })
        .map(|_| text)
    };
    let path = Path::new(text);
    let text = if text == "-" {
        read(&mut std::io::stdin(), path)?
    } else if path.is_file() {
        let mut file = std::fs::File::open(path).map_err(|e| Fault::io("open", path, e))?;
        read(&mut file, path)?
    } else {
        text.to_owned()
    };
    // A space is a letter of a card: only the end of the line is taken off.
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl From<RegisterFault> for Fault {
    fn from(fault: RegisterFault) -> Self {
        let message = fault.to_string();
        match fault {
            RegisterFault::Disk(disk) => disk.into(),
            RegisterFault::Seal(fault) => fault.into(),
            RegisterFault::Vault(fault) => fault.into(),
            RegisterFault::Node(fault) => (*fault).into(),
            RegisterFault::Missing { .. } | RegisterFault::Damaged { .. } => {
                Self::new(Exit::Wrong, message)
            }
            RegisterFault::Full => Self::refused(message),
        }
    }
}

impl From<NotMade> for Fault {
    fn from(fault: NotMade) -> Self {
        Self::input(format!("{fault}."))
    }
}
