use annona_ledger::consent::{Grant, Recipient};
use annona_ledger::id::OrgId;
use annona_ledger::time::{DayNo, Minute};
use annona_node::credential::jws;
use annona_node::holder::page::Way;
use annona_node::holder::{About, Person};
use annona_node::seal;
use clap::Args;
use serde_json::json;

use super::Whose;
use super::pay::print;
use crate::card::credential::copies;
use crate::fault::Outcome;
use crate::session::Session;
use crate::words::{count, print_day, print_last, print_minute};

const SHOW: &str = "\
Examples:
  $ annona wallet show amina.wallet
  $ annona wallet show amina.wallet --json";

const BALANCE: &str = "\
Examples:
  $ annona wallet balance amina.wallet
  $ annona wallet balance amina.wallet --who Amina --json";

const RECEIPTS: &str = "\
Examples:
  $ annona wallet receipts amina.wallet
  $ annona wallet receipts amina.wallet --json";

const PERMISSIONS: &str = "\
Examples:
  $ annona wallet permissions amina.wallet
  $ annona wallet permissions amina.wallet --json";

/// Lists who is in a wallet, her purses, and whether it signs.
#[derive(Args)]
#[command(before_help = SHOW)]
pub(crate) struct Show {
    /// The wallet
    #[arg(value_name = "WALLET")]
    wallet: std::path::PathBuf,
    /// Print so many new keys instead, one a line, for copies of a credential: `card credential issue --holders`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=32))]
    keys: Option<u8>,
    /// Whose keys, by her name in it [default: the only one]
    #[arg(long, value_name = "NAME", requires = "keys")]
    who: Option<String>,
}

/// Shows what is hers by her receipts alone, as of the newest of them, and until when it can be handed out.
#[derive(Args)]
#[command(before_help = BALANCE)]
pub(crate) struct Balance {
    #[command(flatten)]
    whose: Whose,
}

/// Lists her receipts, and what was signed and has none yet.
#[derive(Args)]
#[command(before_help = RECEIPTS)]
pub(crate) struct Receipts {
    #[command(flatten)]
    whose: Whose,
}

/// Lists what she agreed to and who was shown something of her, as of her newest page.
#[derive(Args)]
#[command(before_help = PERMISSIONS)]
pub(crate) struct Permissions {
    #[command(flatten)]
    whose: Whose,
}

impl Show {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let wallet = super::open(session, &self.wallet)?;
        if let Some(count) = self.keys {
            let who = wallet.find(self.who.as_deref())?;
            let mut lines = Vec::new();
            for _ in 0..count {
                let label = seal::random()?;
                lines.push(copies::line(&wallet.copy_key(who, &label)?.public(), &label));
            }
            return session.screen.answer("keys", json!({ "keys": lines }), || lines.join("\n"));
        }
        for (who, person) in wallet.people().iter().enumerate() {
            let key = jws::did(&wallet.credential_key(who)?.public());
            let about = person.about.as_ref();
            let unheard = person.unheard();
            let value = json!({
                "name": person.name, "programme": about.map(|about| about.programme.clone()),
                "purses": person.purses.len(), "signs": unheard.is_empty(), "unheard": unheard,
                "key": key,
            });
            session.screen.answer("holder", value, || {
                let programme = about.map_or("no purse yet", |about| about.programme.as_str());
                let mut lines = vec![format!("{}  {programme}", person.name)];
                lines.push(format!("  credentials are issued to {key}"));
                if let Some(about) = about {
                    lines.extend(person.purses.iter().map(|purse| {
                        let until = print_minute(purse.expires, about.founded);
                        format!("  cycle {}, until {until}, {} signed", purse.cycle, purse.counter)
                    }));
                }
                if !unheard.is_empty() {
                    lines.push(format!("  signs nothing before it heard {}", unheard.join(", ")));
                }
                lines.join("\n")
            })?;
        }
        Ok(())
    }
}

/// A day as a date.
fn date(about: &About, day: DayNo) -> String {
    print_day(day, about.founded)
}

fn org(about: &About, id: OrgId) -> String {
    let known = about.organisations.iter().find(|(known, _)| *known == id);
    known.map_or_else(|| id.to_string(), |(_, name)| name.clone())
}

fn recipient(about: &About, grant: &Grant) -> String {
    match grant.recipient {
        Recipient::Organisation(id) | Recipient::Role { org: id, .. } => org(about, id),
    }
}

/// What a consent says, in a line.
pub(super) fn terms(about: &About, grant: &Grant) -> String {
    format!(
        "{}: {} for {}, until {}",
        recipient(about, grant),
        grant.attributes,
        grant.purpose.word(),
        print_last(grant.expires, about.founded)
    )
}

/// The person, and where she is served; a note where she has nothing yet.
fn served<'a>(session: &Session, person: &'a Person) -> Option<&'a About> {
    if person.about.is_none() {
        session.screen.note("Nothing yet: `annona wallet introduce` at a desk comes first.");
    }
    person.about.as_ref()
}

impl Balance {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (wallet, who) = self.whose.open(session)?;
        let Some(person) = wallet.people().get(who) else { return Ok(()) };
        let Some(about) = served(session, person) else { return Ok(()) };
        for purse in &person.purses {
            let known = purse.known_as_of().map(|at| print_minute(at, about.founded));
            let until = print_minute(purse.expires, about.founded);
            let now = Minute::of(session.now(), about.founded);
            let over = now > purse.expires;
            // Her device's clock is nobody's to put right, so it is named where it says that her food is over.
            let ends = match purse.expires.0.saturating_sub(now.0) / (24 * 60) {
                _ if purse.expires == Minute::NEVER => String::new(),
                _ if over => format!(", OVER since {until} by this device's clock"),
                0 => format!(", until {until}: the last day"),
                days => format!(", until {until}: {} left", count(u64::from(days), "day", "days")),
            };
            let pending = purse.pending();
            for left in purse.balance() {
                let of = |spend: &&annona_ledger::wallet::Spend| spend.commodity == left.commodity;
                let open: i128 =
                    pending.iter().filter(of).map(|s| i128::from(s.amount.units())).sum();
                let value = json!({
                    "name": person.name, "cycle": purse.cycle, "commodity": left.commodity,
                    "units": left.units.to_string(), "known_as_of": known,
                    "signed_without_receipt": open.to_string(), "until": until, "over": over,
                });
                session.screen.answer("balance", value, || {
                    let rest = match open {
                        0 => String::new(),
                        units => format!(
                            "; signed without a receipt: {}",
                            print(about, left.commodity, units)
                        ),
                    };
                    format!(
                        "cycle {}: {}{ends}; known as of {}{rest}",
                        purse.cycle,
                        print(about, left.commodity, left.units),
                        known.clone().unwrap_or_else(|| "never".into())
                    )
                })?;
            }
        }
        Ok(())
    }
}

impl Receipts {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (wallet, who) = self.whose.open(session)?;
        let Some(person) = wallet.people().get(who) else { return Ok(()) };
        let Some(about) = served(session, person) else { return Ok(()) };
        for purse in &person.purses {
            let mut notes: Vec<_> = purse.notes.iter().collect();
            notes.sort_by_key(|note| (note.stamp(), note.promise.feed, note.promise.index));
            for note in notes {
                let at = note.stamp().map(|at| print_minute(at, about.founded));
                let node = &note.promise.feed.node;
                let site = about.site(node).unwrap_or("elsewhere");
                let way = match note.way {
                    Way::In => "to her",
                    Way::Out => "from her",
                    Way::Covers(_) => "covers",
                };
                let units = i128::from(note.amount.units());
                let value = json!({
                    "name": person.name, "cycle": note.cycle, "at": at, "site": site, "way": way,
                    "commodity": note.commodity, "units": units.to_string(),
                    "entry": note.promise.name().to_string(),
                    "promise": crate::pay::slip::promise(&note.promise),
                });
                session.screen.answer("receipt", value, || {
                    let amount = print(about, note.commodity, units);
                    format!("{}  {way:<8}  {amount}  {site}", at.clone().unwrap_or_default())
                })?;
            }
            for spend in purse.pending() {
                let units = i128::from(spend.amount.units());
                let site = about.site(&spend.node).unwrap_or("elsewhere");
                let value = json!({
                    "name": person.name, "cycle": purse.cycle, "site": site, "way": "signed",
                    "commodity": spend.commodity, "units": units.to_string(), "counter": spend.counter,
                });
                session.screen.answer("pending", value, || {
                    let amount = print(about, spend.commodity, units);
                    format!("signed, no receipt  {amount}  {site}")
                })?;
            }
        }
        Ok(())
    }
}

impl Permissions {
    pub(crate) fn run(self, session: &Session) -> Outcome {
        let (wallet, who) = self.whose.open(session)?;
        let Some(person) = wallet.people().get(who) else { return Ok(()) };
        let Some(about) = served(session, person) else { return Ok(()) };
        let date = |day: DayNo| date(about, day);
        for one in &person.consents {
            let grant = &one.grant;
            let to = recipient(about, grant);
            let value = json!({
                "name": person.name, "consent": grant.id.to_string(), "to": to,
                "state": one.state.word(), "purpose": grant.purpose.word(),
                "attributes": grant.attributes.iter().map(|a| a.word()).collect::<Vec<_>>(),
                "expires": print_last(grant.expires, about.founded), "commitment": one.commitment.to_string(),
            });
            session.screen.answer("consent", value, || {
                let id = grant.id.to_string();
                let short = id.get(..8).unwrap_or_default();
                format!("{short}  {:<11}  {}", one.state.word(), terms(about, grant))
            })?;
        }
        for shown in &person.disclosures {
            let d = &shown.disclosure;
            let to = org(about, d.recipient);
            let value = json!({
                "name": person.name, "on": date(d.on), "recipient": to, "purpose": d.purpose.word(),
                "attributes": d.attributes.iter().map(|a| a.word()).collect::<Vec<_>>(),
                "consent": d.grant.to_string(), "shown": shown.opened,
            });
            session.screen.answer("disclosure", value, || {
                let word = if shown.opened { "shown to" } else { "asked by" };
                format!("{}  {word} {to}: {} for {}", date(d.on), d.attributes, d.purpose.word())
            })?;
        }
        let as_of = print_minute(about.as_of, about.founded);
        session.screen.note(format!("As her home had it on {as_of}."));
        Ok(())
    }
}
