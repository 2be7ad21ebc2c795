//! How the holder is known at the counter: every method, what it asks for, and the words that stand beside the hand-out
//! (spec/counter.md). The same for all ways `pay` hands out.

use std::path::PathBuf;
use std::sync::Arc;

use annona_ledger::consent::{Exception, RefusalClass};
use annona_ledger::counter::{Ground, HandOut, Turned, Vouched, Word, check, signers};
use annona_ledger::duty::Duty;
use annona_ledger::entry::Method;
use annona_ledger::id::{FederationId, FeedId, OrgId, Purse};
use annona_ledger::notice::OperatorRoles;
use annona_ledger::statement::Statement;
use annona_ledger::time::DayNo;
use annona_node::counter::{self, Vouching};
use annona_node::holder::page::Note;
use annona_node::holder::till::Signed;
use annona_node::node::{Composed, Node, NodeFault, Refusal};
use annona_node::serve::Item;
use annona_node::store::{Accepted, Asked, Work};
use annona_node::vault::HouseholdId;
use clap::Args;
use zeroize::Zeroizing;

use super::till::{How, Till, Whose};
use super::{slip, turned};
use crate::fault::{Fault, Outcome};
use crate::session::{Session, Spoken};
use crate::signer::{self, Operator, Signer};
use crate::{card, holder, words};

/// How the holder was authenticated, and by what.
#[derive(Args, Clone, Debug)]
pub(crate) struct Proof {
    #[command(flatten)]
    pub(super) spoken: Spoken,
    /// How the holder was authenticated
    #[arg(long, value_enum, default_value_t)]
    method: How,
    /// Take the holder's PIN from the first line of a file, where the method is pin [default: ask]
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// The paper she, or the reader, shows: its text, or a file that holds it
    #[arg(long, value_name = "PAPER")]
    paper: Option<String>,
    /// The number of the member of the household who is there, where the method is adult
    #[arg(long, value_name = "N")]
    member: Option<usize>,
    /// Why it is an exception: no_card, no_pin, injury, age, disability, device, network, other
    #[arg(long, value_name = "REASON", value_parser = why)]
    why: Option<Exception>,
    #[command(flatten)]
    operator: Operator,
    /// The key file of a second person: the witness, or another of staff
    #[arg(long, value_name = "FILE")]
    second: Option<PathBuf>,
    /// Take her passphrase from the first line of a file
    #[arg(long, value_name = "FILE")]
    second_passphrase_file: Option<PathBuf>,
}

fn why(word: &str) -> Result<Exception, String> {
    Exception::of(word).ok_or_else(|| {
        let all: Vec<&str> = Exception::ALL.iter().map(|why| why.word()).collect();
        format!("one of: {}", all.join(", "))
    })
}

/// Why somebody is not known.
pub(crate) enum No {
    /// The command was not right, or something broke: nobody was refused.
    Fault(Fault),
    /// Those who signed may not answer for it: she has done nothing, and nobody was refused.
    Staff(Fault),
    /// She is refused, and gets a slip.
    Refused {
        /// As what.
        class: RefusalClass,
        /// Why.
        words: String,
    },
}

impl<E: Into<Fault>> From<E> for No {
    fn from(fault: E) -> Self {
        Self::Fault(fault.into())
    }
}

impl From<Turned> for No {
    fn from(turned: Turned) -> Self {
        Self::Refused { class: RefusalClass::Authentication, words: turned.to_string() }
    }
}

impl No {
    /// Says so on the ledger and on a slip, where somebody was refused.
    pub(super) fn told(
        self,
        session: &Session,
        node: &mut Node,
        who: turned::Who<'_>,
        method: Method,
    ) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Staff(fault) => fault
                .then("Nobody was refused, and nothing handed out.")
                .then(&turned::beside(node, who, method)),
            Self::Refused { class, words } => {
                turned::by_method(session, node, who, (class, method), &words)
            }
        }
    }
}

/// What people have typed for a method.
#[derive(Default)]
pub(super) struct Typed {
    pin: Option<Zeroizing<String>>,
    signers: Vec<Signer>,
}

/// A holder who is known, but for what the entry itself must say.
pub(crate) struct Known {
    method: Method,
    why: Exception,
    federation: FederationId,
    orgs: [OrgId; 2],
    papers: Vec<Word>,
    wallet: Option<Signed>,
    signers: Vec<Signer>,
    /// The name under which a paper pays once.
    once: Option<String>,
}

impl Proof {
    pub(super) const fn method(&self) -> Method {
        self.method.method()
    }

    pub(super) const fn how(&self) -> How {
        self.method
    }

    /// Asks for what people type, before the folder is held: whoever thinks of a PIN keeps no other counter waiting.
    pub(super) fn ask(&self, session: &Session) -> Outcome<Typed> {
        let method = self.method();
        let mut typed = Typed::default();
        if method == Method::Pin {
            typed.pin = Some(session.ask.other(
                "PIN of the holder",
                self.pin_file.as_deref(),
                "--pin-file FILE",
            )?);
        }
        if matches!(method, Method::Adult | Method::Override | Method::Witness | Method::Desk) {
            typed.signers.push(self.operator.open(session)?);
        }
        let on_paper = matches!(method, Method::Collector | Method::Voucher | Method::Attested);
        if signers(method).len() == 2 && !on_paper {
            let path = self.second.as_ref().ok_or_else(|| {
                Fault::usage("two people answer for this. Give the second: --second FILE.")
            })?;
            let option = "--second-passphrase-file FILE";
            let passphrase = self.second_passphrase_file.as_deref();
            typed.signers.push(signer::open(session, path, passphrase, option)?);
        }
        Ok(typed)
    }

    /// Asks for what the method asks for. Of `purses`, those stay that it is good for.
    pub(super) fn known(
        &self,
        session: &Session,
        typed: Typed,
        (node, till): (&Node, &Till),
        whose: &Whose,
        purses: &mut Vec<Purse>,
        items: &[Item],
    ) -> Result<Arc<Known>, No> {
        let method = self.method();
        let mut known = Known {
            method,
            why: self.why.unwrap_or(Exception::Other),
            federation: node.federation()?,
            orgs: [till.programme.org, node.org().unwrap_or(till.programme.org)],
            papers: Vec::new(),
            wallet: None,
            signers: typed.signers,
            once: None,
        };
        let today = DayNo::of(node.stamp(&till.feed)?);
        match method {
            Method::Pin => {
                super::pin::authenticate(session, node, (whose, purses), typed.pin.as_deref())?;
            }
            Method::Sight => {}
            Method::Signed => self.signed(&mut known, (node, till), purses, today)?,
            Method::Adult => self.adult(session, node, whose)?,
            Method::Override if self.why.is_none() => {
                return Err(Fault::usage("say why it is overridden: --why REASON.").into());
            }
            Method::Collector | Method::Voucher | Method::Attested => {
                self.paper(&mut known, (node, till), purses, items, today)?;
            }
            Method::Witness | Method::Override | Method::Desk => {}
        }
        // Counted last, and before it is written: nobody who may not sign uses one up, and no plug that is pulled gives one
        // back.
        if !known.signers.is_empty() {
            known.signers_may(node, (till, purses, items))?;
            known.staff_may(node, till)?;
        }
        if method == Method::Desk && !counter::count_desk(node, till.id, today)? {
            let words = "the desk has made all the exceptions of today".to_owned();
            return Err(No::Refused { class: RefusalClass::Policy, words });
        }
        Ok(Arc::new(known))
    }

    /// Another adult of the household: of whom it is known here that she is, and no child.
    fn adult(&self, session: &Session, node: &Node, whose: &Whose) -> Result<(), No> {
        let vault = session.vault(node)?;
        let household: HouseholdId = match (&whose.card, &whose.family) {
            (Some(code), _) => card::family(node, &vault, code)?.1,
            (None, Some(family)) => holder::find(&vault, family)?,
            (None, None) => {
                let words = "who belongs to the family is known at its own site only".to_owned();
                return Err(No::Refused { class: RefusalClass::Authentication, words });
            }
        };
        let number = self
            .member
            .ok_or_else(|| Fault::usage("say which member of the family is there: --member N."))?;
        let of = crate::family::open(&vault, household)?;
        let member = number.checked_sub(1).and_then(|place| of.members.get(place));
        let member = member.ok_or_else(|| {
            Fault::input(format!("family {household} has no member {number}."))
                .then("`annona family show` numbers them.")
        })?;
        let class = RefusalClass::Authentication;
        let today = words::date(node.now());
        match today.and_then(|today| of.is_adult(member, today)) {
            Some(true) => Ok(()),
            Some(false) => {
                let words = format!("member {number} of family {household} is a child");
                Err(No::Refused { class, words })
            }
            None => {
                let words = format!("of member {number} of family {household} no age is known");
                Err(No::Refused { class, words })
            }
        }
    }

    /// What her wallet answered to a bill, where that is the method.
    pub(super) fn wallet(&self) -> Outcome<Option<Signed>> {
        if self.method.method() != Method::Signed {
            return Ok(None);
        }
        let given = self.paper.as_deref().ok_or_else(|| {
            Fault::usage("this method goes by what her wallet signed: --paper TEXT, or a file that holds it.")
                .then("`annona pay bill` prints what it signs.")
        })?;
        let what = "what a wallet signed";
        Ok(Some(Signed::decode(&slip::wallet::one(given, slip::wallet::SIGNED, what)?)?))
    }

    /// Her wallet: of this node's own bill, of today, and for one of these purses.
    fn signed(
        &self,
        known: &mut Known,
        (node, till): (&Node, &Till),
        purses: &mut Vec<Purse>,
        today: DayNo,
    ) -> Result<(), No> {
        let Some(signed) = self.wallet()? else { return Ok(()) };
        let Some((purse, ..)) = signed.held() else { return Err(Turned::TooFew.into()) };
        purses.retain(|own| *own == purse);
        if purses.is_empty() {
            return Err(Turned::OtherHolder.into());
        }
        if !annona_node::holder::till::is_own(node, till.id, today, &signed.nonce())? {
            return Err(Turned::OtherEntry.into());
        }
        known.once = Some(format!("bill {}", signed.nonce()));
        known.wallet = Some(signed);
        Ok(())
    }

    /// A collector's mandate, a voucher, or a reader's word.
    fn paper(
        &self,
        known: &mut Known,
        (node, till): (&Node, &Till),
        purses: &mut Vec<Purse>,
        items: &[Item],
        today: DayNo,
    ) -> Result<(), No> {
        let given = self.paper.as_deref().ok_or_else(|| {
            Fault::usage("this method goes by a paper: --paper TEXT, or a file that holds it.")
        })?;
        let words = read(given)?.0;
        let Some((said, _)) = words.first() else { return Err(Turned::TooFew.into()) };
        let mine = |purse: &Purse| match *said {
            Statement::Mandate { purse: of, .. } | Statement::Voucher { purse: of, .. } => {
                Ok(*purse == of)
            }
            Statement::Attested { on, ref nonce, .. } => {
                counter::is_own(node, till.id, purse, on, nonce)
            }
            _ => Ok(false),
        };
        let mut good = Vec::new();
        for purse in purses.iter() {
            if mine(purse)? {
                good.push(*purse);
            }
        }
        if good.is_empty() {
            return Err(Turned::OtherHolder.into());
        }
        *purses = good;
        match *said {
            Statement::Mandate { carrier, .. } => {
                let work = node.store().look()?;
                let cancelled = work.cancelled(till.id, &carrier);
                work.check()?;
                if cancelled {
                    return Err(Turned::Ended.into());
                }
            }
            Statement::Voucher { number, .. } => {
                if items.len() != 1 {
                    return Err(Turned::TooMuch.into());
                }
                known.once = Some(format!("voucher {number}"));
            }
            Statement::Attested { nonce, .. } => known.once = Some(format!("reader {nonce}")),
            _ => return Err(Turned::TooFew.into()),
        }
        known.papers = words.into_vec();
        // Told before a purse is looked into: whoever signed, and whether it counts today.
        let at = node.stamp(&till.feed)?;
        let roster = node.store().roster();
        let (Some(item), Some(purse)) = (items.first(), purses.first()) else { return Ok(()) };
        let out = HandOut {
            feed: till.feed.short(),
            leaf: annona_ledger::hash::Hash::ZERO,
            purse: *purse,
            commodity: item.commodity,
            amount: item.amount,
            at,
            method: known.method,
        };
        debug_assert_eq!(today, DayNo::of(at));
        let ground = Ground { federation: &known.federation, roster, orgs: known.orgs };
        Ok(check(&ground, &out, &known.papers)?)
    }
}

impl Known {
    /// Whether those who will sign the hand-out may: by a word on one that is none, which leaves this program never.
    fn signers_may(
        &self,
        node: &Node,
        (till, purses, items): (&Till, &[Purse], &[Item]),
    ) -> Result<(), No> {
        let (Some(item), Some(purse)) = (items.first(), purses.first()) else { return Ok(()) };
        let (feed, leaf) = (till.feed.short(), annona_ledger::hash::Hash::ZERO);
        let said = Statement::HandedOut { feed, leaf, why: self.why };
        let words = self.signers.iter().map(|one| (said, one.states(&self.federation, &said)));
        let words: Vec<Word> = words.collect();
        let out = HandOut {
            feed,
            leaf,
            purse: *purse,
            commodity: item.commodity,
            amount: item.amount,
            at: node.stamp(&till.feed)?,
            method: self.method,
        };
        let roster = node.store().roster();
        let ground = Ground { federation: &self.federation, roster, orgs: self.orgs };
        check(&ground, &out, &words).map_err(|turned| self.turned(node, till, turned))
    }

    /// What it is that the words of these people do not do. Where staff alone sign, it is for them to mend, and she has done
    /// nothing; a witness came with her.
    fn turned(&self, node: &Node, till: &Till, turned: Turned) -> No {
        if self.method == Method::Witness {
            return turned.into();
        }
        let who: Vec<&Signer> = self.signers.iter().collect();
        No::Staff(not_staff((node, till), self.method, (&who, &self.orgs), turned))
    }

    /// Whether those of them who must be staff work at this counter: the rule of the method asks for no site. That is told to
    /// them alone: the holder has done nothing, and another method would ask it of the same people.
    fn staff_may(&self, node: &Node, till: &Till) -> Result<(), No> {
        let at = node.stamp(&till.feed)?;
        let role = (Duty::Counter, till.id);
        let staff = self.signers.iter().filter(|one| one.has(node, &self.orgs, role, at)).count();
        let staffed = |roles: &&OperatorRoles| roles.meets(Duty::Counter.roles());
        let needed = signers(self.method).iter().filter(staffed).count();
        if staff >= needed {
            return Ok(());
        }
        match self.signers.iter().find_map(|one| one.elsewhere(node, &self.orgs, role, at)) {
            Some(fault) => Err(fault.then("Nobody was refused, and nothing handed out.").into()),
            None => Err(self.turned(node, till, Turned::MayNot)),
        }
    }

    /// The name of the request: the paper's own, where it pays once.
    pub(super) fn request(&self, given: Option<String>) -> Outcome<Option<String>> {
        match (&self.once, given) {
            (Some(_), Some(_)) => {
                Err(Fault::usage("this paper is its own request: leave --request out."))
            }
            (once, given) => Ok(once.clone().or(given)),
        }
    }

    /// Whether it goes by a paper that pays once.
    pub(super) const fn pays_once(&self) -> bool {
        self.once.is_some()
    }

    /// As what a paper that pays once is remembered.
    pub(super) fn once(&self, till: &Till, content: &str) -> Option<Asked> {
        self.once.as_ref().map(|name| till.asked(name, content.as_bytes()))
    }

    /// Puts the words beside each hand-out, and makes sure that they are what the method asks for.
    pub(super) fn vouch(
        &self,
        work: &Work<'_>,
        feed: &FeedId,
        (purses, items): (&[Purse], &[Item]),
        composed: &mut [Composed],
    ) -> Result<(), NodeFault> {
        let (Some(purse), Some(item)) = (purses.first(), items.first()) else { return Ok(()) };
        let vouching = Vouching {
            federation: self.federation,
            orgs: self.orgs,
            method: self.method,
            why: self.why,
            papers: &self.papers,
            wallet: self.wallet.as_ref(),
            signers: self.signers.iter().map(Signer::key).collect(),
            purse: *purse,
            item: *item,
        };
        vouching.vouch(work, feed, composed)
    }

    /// Tells of a refusal at the moment of writing.
    pub(super) fn refused(
        &self,
        session: &Session,
        node: &mut Node,
        who: turned::Who<'_>,
        refusal: Refusal,
    ) -> Fault {
        match refusal {
            Refusal::Words(words) if self.method.is_exception() || self.wallet.is_some() => {
                if let Err(fault) = self.shows_a_copy(node) {
                    return fault;
                }
                let class = RefusalClass::Authentication;
                turned::by_method(session, node, who, (class, self.method), &words)
            }
            other => turned::by_rule(session, node, who, other),
        }
    }
}

impl Known {
    /// Where what she shows stands beside something else her key signed, both are kept: that is the proof.
    fn shows_a_copy(&self, node: &mut Node) -> Outcome {
        let Some(signed) = &self.wallet else { return Ok(()) };
        let Some((_, key, _)) = signed.held() else { return Ok(()) };
        let work = node.store_mut().begin()?;
        if annona_node::holder::till::rival(&work, signed).is_some() {
            signed.spends.iter().for_each(|spend| work.keep_spend(&key, spend));
        }
        Ok(work.commit()?)
    }

    /// Whether she is known by her wallet's signature.
    pub(super) const fn is_wallet(&self) -> bool {
        self.wallet.is_some()
    }

    /// The receipts for her wallet of what was just handed out, one text each. None without a wallet.
    pub(super) fn receipts(
        &self,
        node: &Node,
        till: &Till,
        done: &[Accepted],
    ) -> Outcome<Vec<String>> {
        let Some(signed) = &self.wallet else { return Ok(Vec::new()) };
        let Some((purse, ..)) = signed.held() else { return Ok(Vec::new()) };
        let work = node.store().look()?;
        let nonce = Some(signed.nonce());
        let notes = annona_node::holder::desk::receipts(&work, till.key(), &purse, nonce, done)?;
        work.check()?;
        let text = |note: &Note| slip::wallet::text(slip::wallet::RECEIPT, &note.encode());
        Ok(notes.iter().map(text).collect())
    }
}

/// Why people's words do not do for a method: what it needs, and what each of them is here and now.
pub(super) fn not_staff(
    (node, till): (&Node, &Till),
    method: Method,
    (who, orgs): (&[&Signer], &[OrgId]),
    turned: Turned,
) -> Fault {
    if turned != Turned::MayNot {
        return Fault::refused(format!("{turned}."));
    }
    let needs = match method {
        Method::Desk | Method::Voucher => "an approver or supervisor, and another of staff",
        Method::Override => "a supervisor",
        _ => "one of staff",
    };
    let at = node.stamp(&till.feed).unwrap_or_default();
    let roster = node.store().roster();
    let one = |signer: &&Signer| {
        let key = signer.public();
        let counts = roster.operator_ever(&key).filter(|c| {
            orgs.contains(&c.org)
                && c.programmes.contains(&till.id)
                && (c.issued..=c.not_after).contains(&at)
        });
        let roles: Vec<&str> = counts.flat_map(|c| c.roles.words()).collect();
        let roles = if roles.is_empty() { "without a role".into() } else { roles.join(" and ") };
        format!("operator {} is {roles}", words::hex(&key.short()))
    };
    let each: Vec<String> = who.iter().map(one).collect();
    Fault::refused(format!(
        "who signed may not answer for this here and now: it needs {needs}; for this programme {}.",
        each.join(", ")
    ))
}

/// Reads a paper of the counter: its text, or a file that holds it.
pub(super) fn read(given: &str) -> Outcome<Vouched> {
    if slip::is_vouched(given) {
        return slip::read_vouched(given);
    }
    let bytes = annona_node::atomic::read(std::path::Path::new(given), 16 * 1024)?;
    let text = String::from_utf8(bytes.to_vec()).map_err(|_| {
        Fault::file(std::path::Path::new(given), "this is not a paper of a counter.")
    })?;
    let line = text.lines().find(|line| slip::is_vouched(line)).unwrap_or_default();
    slip::read_vouched(line).map_err(|fault| fault.at(given))
}
