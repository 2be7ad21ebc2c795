//! What a command works on: the data folder, opened as far as the command needs and no further.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use annona_ledger::charter::{Branches, Charter, Taken};
use annona_ledger::clock::Doubt;
use annona_ledger::key::PublicKey;
use annona_ledger::limits;
use annona_ledger::notice::{Notice, Roster};
use annona_ledger::time::{Millis, Minute};
use annona_ledger::view::View;
use annona_node::clock::Clock;
use annona_node::folder::{Folder, FolderFault, KEYS, LEDGER, LOCK};
use annona_node::guard::Guard;
use annona_node::keystore::Keystore;
use annona_node::node::{Node, NodeFault, clock_of};
use annona_node::papers::Tongue;
use annona_node::store::Store;
use annona_node::vault::Vault;
use clap::Args;

use crate::ask::Ask;
use crate::fault::{Exit, Fault, Outcome};
use crate::owner;
use crate::paper::Papers;
use crate::screen::Screen;
use crate::settings::Settings;
use crate::signer::{self, Operator, Signer};
use crate::words;

/// A command at work.
pub(crate) struct Session {
    /// The data folder.
    pub(crate) dir: PathBuf,
    /// Where the memory of what was signed lies, where the command line says so.
    pub(crate) heads: Option<PathBuf>,
    /// What to say, and how.
    pub(crate) screen: Screen,
    /// What to ask, and how.
    pub(crate) ask: Ask,
    /// Whether files that are there may be replaced by those a command makes.
    pub(crate) replace: bool,
    /// The time.
    pub(crate) clock: Clock,
    /// The language of the papers of this command, where the command line says so.
    pub(crate) tongue: Cell<Option<Tongue>>,
}

/// The language of what a command prints for a family.
#[derive(Args, Clone, Debug)]
pub(crate) struct Spoken {
    /// The language of the paper: en, fr, es or ar [default: that of node.toml, or en]
    #[arg(long, value_name = "TAG")]
    pub(crate) language: Option<Tongue>,
}

/// How often a folder is tried that another command holds: for a quarter of a minute.
const DESK_TRIES: u32 = 150;
/// How long between two tries.
const DESK_PAUSE: Duration = Duration::from_millis(100);

impl Session {
    /// The time now.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// The time now, where a date is about to be signed: a clock that shows a time before the federation is wrong.
    pub(crate) fn dated(&self, charter: &Charter) -> Outcome<Millis> {
        let (now, founded) = (self.now(), charter.founded());
        if now < founded {
            return Err(Fault::input(format!(
                "the clock of this machine shows {}, before the federation was founded ({}).",
                words::print_millis(now),
                words::print_millis(founded)
            ))
            .then("Set it, and run the same command again. Nothing was signed."));
        }
        Ok(now)
    }

    /// As [`Session::dated`], where what is dated counts nowhere before that: asks about a clock over a day past every
    /// notice known here, and every entry where they are out of the data folder.
    pub(crate) fn dated_on(
        &self,
        charter: &Charter,
        roster: &Roster,
        papers: Option<&Path>,
    ) -> Outcome<Millis> {
        const DAY: u32 = 24 * 60;
        let now = self.dated(charter)?;
        let issued = roster.notices().filter_map(|signed| match &signed.notice {
            Notice::Node(certificate) => Some(certificate.issued),
            Notice::Operator(certificate) => Some(certificate.issued),
            Notice::Reserve(reserve) => Some(reserve.issued),
            Notice::Cycle(_) => None,
        });
        let issued = issued.max();
        let stamped = if papers.is_none() { newest_stamp(&self.read()?)? } else { None };
        let known = issued.max(stamped).unwrap_or(Minute(0));
        if Minute::of(now, charter.founded()).0 > known.0.saturating_add(DAY) {
            self.screen.warn(format!(
                "clock? This device's clock shows {}, over a day past everything that is dated here. What is signed now counts \
                 nowhere before that: if it is wrong, set it and run the same command again.",
                words::print_millis(now)
            ));
        }
        Ok(now)
    }

    /// Asks before something is written, with the folder held: see [`Ask::whether`].
    pub(crate) fn confirm(&self, question: &str, about: &[&[u8]]) -> Outcome {
        self.ask.whether(question, about)
    }

    /// Says in which language this command prints papers.
    pub(crate) fn speak(&self, spoken: &Spoken) {
        self.tongue.set(spoken.language);
    }

    /// The sentences of papers: in the language of this command, or that of the site.
    pub(crate) fn papers(&self) -> &'static annona_node::papers::Papers {
        // Settings that cannot be read are told of by whoever needs them; a slip is printed all the same.
        let of_site = || self.settings().ok().and_then(|settings| settings.language);
        self.tongue.get().or_else(of_site).unwrap_or_default().0
    }

    /// The settings of the data folder.
    pub(crate) fn settings(&self) -> Outcome<Settings> {
        Settings::read(&self.dir)
    }

    /// Where the memory of what was signed lies.
    pub(crate) fn heads(&self) -> Outcome<PathBuf> {
        if let Some(heads) = &self.heads {
            return Ok(heads.clone());
        }
        match self.settings()?.heads {
            Some(heads) => Ok(heads),
            None => Ok(Guard::default_place()?),
        }
    }

    /// The ledger for reading only: no passphrase, and another process may be at work in the folder.
    pub(crate) fn read(&self) -> Outcome<Store> {
        self.is_ours()?;
        let store = Store::reader(&self.dir.join(LEDGER))?;
        // What a killed process left unsynced would be on a stick, and after a power cut no longer here.
        store.settle_log()?;
        Ok(store)
    }

    /// What is refused where the clock is far past everything known here may be refused by the clock: the refusal says so.
    pub(crate) fn doubting(&self, fault: Fault) -> Fault {
        if fault.exit != Exit::NotAllowed || fault.message.contains("clock") {
            return fault;
        }
        match self.read().and_then(|store| self.clock_may_be(&store)) {
            Ok(Some(words)) => fault.then(&words),
            Ok(None) | Err(_) => fault,
        }
    }

    /// As [`Session::clock_words`], and what may be the matter where nothing that is held here tells.
    pub(crate) fn clock_may_be(&self, store: &Store) -> Outcome<Option<String>> {
        let words = self.clock_words(store)?;
        Ok(if words.is_some() { words } else { self.far_ahead(store)? })
    }

    /// What to ask of a clock that nothing here is held against, and that is far past every entry here, whoever wrote it.
    fn far_ahead(&self, store: &Store) -> Outcome<Option<String>> {
        const AHEAD: u32 = limits::CLOCK_AHEAD_DAYS * 24 * 60;
        let wall = Minute::of(self.now(), store.charter()?.founded());
        // Who has written nothing yet, and heard of nobody, has the papers alone to go by.
        let papers = store.roster().nodes().map(|certificate| certificate.issued);
        let newest = newest_stamp(store)?.into_iter().chain(papers).max();
        let far = newest.is_some_and(|newest| wall.0 > newest.0.saturating_add(AHEAD));
        Ok(far.then(|| {
            format!(
                "clock? This device's clock shows {}, over 35 days past the newest entry or certificate here. If that is wrong, set it \
                 and run the same command again.",
                words::print_millis(self.now())
            )
        }))
    }

    /// What is the matter with this device's clock, by what is held here, and what to do; `None` where nothing is.
    pub(crate) fn clock_words(&self, store: &Store) -> Outcome<Option<String>> {
        // Settings that do not read are told by whoever needs them.
        let own = self.own_key().ok().flatten();
        let (Ok(_), Some(own)) = (store.charter(), own) else { return Ok(None) };
        let work = store.look()?;
        let stamp = clock_of(&work, own, self.now());
        let ours = work.feeds().into_iter().filter(|feed| feed.id.node == own);
        let newest = ours.map(|feed| (work.last_stamp(feed.chain), feed.id.short())).max();
        let founded = work.charter().founded();
        work.check()?;
        let Some(stamp) = stamp else { return Ok(None) };
        let shows = format!("clock? This device's clock shows {}", words::print_millis(self.now()));
        Ok(match stamp.doubtful {
            Some(Doubt::Ahead) => Some(format!(
                "{shows}, over 35 days past all that is known here. If that is wrong, set it and run the same \
                 command again; if it is right, an operator says so: `annona node clock`. Until then entries are dated \
                 as before."
            )),
            Some(Doubt::Leap) => Some(format!(
                "{shows}, over 5 days past the newest entry here. If that is wrong, set it and run the same command \
                 again; if it is right, say so: `annona node clock --here`. Until then entries are dated as before."
            )),
            None if stamp.behind => {
                let today = Minute::of(self.now(), founded).day();
                let ahead = newest.filter(|(at, _)| at.day() > today);
                Some(ahead.map_or_else(
                    || format!("{shows}, a day before what others have written: set it."),
                    |(at, feed)| {
                        let at = words::print_minute(at, founded);
                        format!(
                            "{shows}, a day before the newest entry here ({at}, in {feed}). Either it is wrong now, or it \
                             was then: look at a clock you trust before you set it. No new day begins until that one. If \
                             it is right now, what ended by the wrong date is handed out at another node: `annona pay \
                             ticket --family FAMILY --to SITE`."
                        )
                    },
                ))
            }
            None => None,
        })
    }

    /// The folder, held.
    pub(crate) fn folder(&self) -> Outcome<Folder> {
        owner::check(&self.dir)?;
        let held = |fault: &FolderFault| matches!(fault, FolderFault::Held { .. });
        Ok(self.patient(|| Folder::open(&self.dir), held)?)
    }

    /// The folder and its ledger for taking in articles and notices: no passphrase, since nothing is signed.
    pub(crate) fn take_in(&self) -> Outcome<(Folder, Store)> {
        let folder = self.folder()?;
        let store = Store::open(&folder.file(LEDGER))?;
        Ok((folder, store))
    }

    /// Opens what another command may hold just now: most are done within a second, and nobody at another desk is to be
    /// stopped for it.
    fn patient<T, E>(
        &self,
        mut open: impl FnMut() -> Result<T, E>,
        held: impl Fn(&E) -> bool,
    ) -> Result<T, E> {
        for _ in 0..DESK_TRIES {
            match open() {
                Err(fault) if held(&fault) => {
                    self.screen.note("waiting for another desk …");
                    std::thread::sleep(DESK_PAUSE);
                }
                done => return done,
            }
        }
        open()
    }

    /// The node, for writing: asks for its passphrase.
    pub(crate) fn node(&self) -> Outcome<Node> {
        self.is_ours()?;
        // Asked before the folder is held: a person who thinks keeps nobody else waiting.
        let passphrase = self.ask.passphrase(&format!("passphrase of {}", self.dir.display()))?;
        let heads = self.heads()?;
        let node = self.patient(
            || Node::open(&self.dir, &passphrase, &heads, self.clock),
            |fault| matches!(fault, NodeFault::Folder(FolderFault::Held { .. })),
        )?;
        self.screen.detail(|| format!("node {} opened", words::hex(&node.public().short())));
        Ok(node)
    }

    /// The node, for signing: refused at once where it may not sign, or has no certificate.
    pub(crate) fn signing_node(&self) -> Outcome<Node> {
        let node = self.node()?;
        node.may_sign()?;
        node.federation()?;
        if node.certificate().is_none() {
            return Err(signer::uncertified());
        }
        // What follows is stamped by it, or as if it were another day.
        if let Some(words) = self.clock_may_be(node.store())? {
            // A till that reads answers hears notes never, and its day would be the one of weeks ago.
            match self.screen.json() {
                true => self.screen.warn(words),
                false => self.screen.note(words),
            }
        }
        Ok(node)
    }

    /// The node, for signing, and the operator at work. Both passphrases are asked for before the folder is held: a person
    /// who thinks keeps neither a counter nor a link waiting. What she may do is looked at afterwards, as things then are.
    pub(crate) fn signing(&self, operator: &Operator) -> Outcome<(Node, Signer)> {
        self.is_ours()?;
        let signer = operator.open(self)?;
        Ok((self.signing_node()?, signer))
    }

    /// The sealed person file of an open node; made on first use.
    pub(crate) fn vault(&self, node: &Node) -> Outcome<Vault> {
        self.looked_at(node, node.vault()?)
    }

    /// As [`Session::vault`], where the keys of people's records are about to be taken back.
    pub(crate) fn vault_without_keys(&self, node: &Node) -> Outcome<Vault> {
        self.looked_at(node, node.vault_without_keys()?)
    }

    fn looked_at(&self, node: &Node, mut vault: Vault) -> Outcome<Vault> {
        // Before any record opens: who was erased, here or elsewhere, stays so in a folder made from an old copy.
        let gone = annona_node::erase::apply(node, &mut vault)?;
        if gone > 0 {
            self.screen.note(format!(
                "{} that the ledger says were erased are erased here, too.",
                words::count(gone, "family", "families")
            ));
        }
        if annona_node::erase::is_unfinished(node, &vault)? {
            self.screen.warn(
                "an erasure is not finished: keys of before are still to be destroyed, or the ledger does not say it yet. \
                 `annona erase --finish --operator FILE` does the rest.",
            );
        }
        for id in annona_node::consent::unfinished(node, &mut vault)? {
            self.screen.warn(format!(
                "something of family {id} is written down as shown that may never have been: `annona consent log {id}`."
            ));
        }
        Ok(vault)
    }

    /// This node's public key, as its settings tell it: known without a passphrase.
    pub(crate) fn own_key(&self) -> Outcome<Option<PublicKey>> {
        let told = self.settings()?.node;
        told.map(|text| words::public_key("the node in node.toml", &text)).transpose()
    }

    /// The charter and the notices: from a file of papers where one is given, otherwise from the data folder. So an
    /// office signs on a machine that has no node.
    pub(crate) fn power(&self, papers: Option<&Path>) -> Outcome<(Charter, Roster)> {
        self.branches(papers).map(|(charter, roster, _)| (charter, roster))
    }

    /// As [`Session::power`], with the branches of the charter that are not followed.
    pub(crate) fn branches(&self, papers: Option<&Path>) -> Outcome<(Charter, Roster, Branches)> {
        let Some(path) = papers else {
            let store = self.read().map_err(|fault| {
                fault.then("Or give the charter as a file: --charter FILE, from `annona charter show --out FILE`.")
            })?;
            let (charter, roster) = (store.charter()?, store.roster());
            return Ok((Charter::clone(charter), Roster::clone(roster), store.branches().clone()));
        };
        let papers = Papers::read(path)?;
        let mut articles = papers.articles.iter();
        let first = articles.next().ok_or_else(|| {
            Fault::input("the file holds no charter. `annona charter show --out FILE` writes one.")
                .at(path.display())
        })?;
        let (mut charter, mut branches) = (Charter::found(first)?, Branches::default());
        let mut followed = vec![first.clone()];
        for article in articles {
            match branches.take(&charter, article)? {
                Taken::Known | Taken::Aside => {}
                Taken::Follows(after) => {
                    charter = *after;
                    followed.push(article.clone());
                }
                Taken::Heals(turn) => {
                    let from = usize::try_from(turn.from).unwrap_or(usize::MAX).min(followed.len());
                    branches.turn(&turn, followed.drain(from..));
                    followed.extend(turn.articles);
                    charter = turn.charter;
                }
            }
        }
        let mut roster = Roster::new();
        for notice in &papers.notices {
            roster.learn(&charter, notice)?;
        }
        Ok((charter, roster, branches))
    }

    /// Opens a key file other than the node's.
    pub(crate) fn keys(&self, path: &Path) -> Outcome<Keystore> {
        // Before the question: a wrong path is better heard of at once.
        path.metadata().map_err(|fault| Fault::io("open", path, fault))?;
        let passphrase = self.ask.passphrase(&format!("passphrase of {}", path.display()))?;
        Ok(Keystore::open(path, &passphrase)?)
    }

    /// Opens the key file of an operator, whose passphrase is not the node's.
    pub(crate) fn operator_keys(
        &self,
        path: &Path,
        passphrase: Option<&Path>,
        option: &str,
    ) -> Outcome<Keystore> {
        path.metadata().map_err(|fault| Fault::io("open", path, fault))?;
        let what = format!("passphrase of {}", path.display());
        let passphrase = self.ask.other(&what, passphrase, option)?;
        Ok(Keystore::open(path, &passphrase)?)
    }

    /// The path of the node's key file.
    pub(crate) fn keys_path(&self) -> PathBuf {
        self.dir.join(KEYS)
    }

    /// Whether the folder is one of ours, and this user's: told before anything is asked.
    pub(crate) fn is_ours(&self) -> Outcome {
        // The same words as `Folder::open`, without holding the folder.
        if self.dir.join(LOCK).is_file() {
            owner::check(&self.dir)
        } else {
            Err(FolderFault::NotOurs { path: self.dir.clone() }.into())
        }
    }
}

/// The newest stamp of any entry here, whoever wrote it.
fn newest_stamp(store: &Store) -> Outcome<Option<Minute>> {
    let work = store.look()?;
    let feeds = work.feeds();
    let written = feeds.iter().filter(|feed| feed.head.next > 0);
    let newest = written.map(|feed| work.last_stamp(feed.chain)).max();
    work.check()?;
    Ok(newest)
}

/// How many of this node's own entries are in no block yet.
pub(crate) fn open_tails(node: &Node) -> Outcome<u64> {
    let own = node.public();
    let feeds = node.store().feeds()?;
    let own = feeds.iter().filter(|feed| feed.id.node == own && feed.left.is_none());
    Ok(own.map(|feed| feed.head.next.saturating_sub(feed.sealed.next)).sum())
}
