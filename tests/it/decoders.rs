//! Whatever reads bytes that others hand over is tried with hostile ones: each such function is in the table of decoders, or
//! named here with the reason why it is not.

use std::collections::BTreeSet;

use annona_tests::hostile::{DECODERS, SEALED, TABLES};

use self::How::{By, Not, Within};
use super::tidy::{files, read};

/// How a function is called that makes something of bytes.
const VERBS: [&str; 15] = [
    "decode", "read", "parse", "open", "take", "check", "keep", "answer", "inspect", "receive",
    "incoming", "restore", "of_row", "from", "shown",
];

/// A public function of a file that takes bytes, a text or a path and makes something of it, by its type and name.
fn readers(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let (mut found, mut of, mut parsed) = (Vec::new(), String::new(), false);
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if line.starts_with("impl") {
            let whole = line.trim_start_matches("impl");
            let whole = whole.rsplit(" for ").next().unwrap_or_default();
            let name = whole.trim_end_matches([' ', '{']).rsplit("> ").next().unwrap_or_default();
            of = name.trim().split('<').next().unwrap_or_default().to_owned() + "::";
            parsed = line.contains("FromStr for");
        } else if line.starts_with("pub ") || line.starts_with("fn ") {
            (of, parsed) = (String::new(), false);
        }
        let line = line.trim_start();
        let public = ["pub fn ", "pub const fn "].iter().find_map(|is| line.strip_prefix(is));
        let Some(rest) = public.or_else(|| line.strip_prefix("fn ").filter(|_| parsed)) else {
            continue;
        };
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let signature: Vec<&str> = lines[at..]
            .iter()
            .scan(false, |over, line| {
                let last = *over;
                *over |= line.ends_with('{');
                (!last).then_some(line.trim())
            })
            .collect();
        let signature = signature.join(" ");
        let Some((takes, gives)) = signature.rsplit_once("->") else { continue };
        let bytes = ["&[u8]", "&str", "&Path", "Folder"].iter().any(|kind| takes.contains(kind));
        let makes = gives.contains("Result<") || gives.contains("Option<");
        let called = |verb: &str| {
            name.strip_prefix(verb).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        if bytes && makes && VERBS.iter().any(|verb| called(verb)) {
            found.push(format!("{of}{name}"));
        }
    }
    found
}

/// How a reader is tried.
#[derive(Clone, Copy)]
enum How {
    /// A decoder calls it.
    By(&'static str),
    /// What a decoder calls, calls it.
    Within(&'static str),
    /// It is not, and why.
    Not(&'static str),
}

const OWN: &str = "a file of this folder, that its own program wrote";
const HERS: &str = "what a person types, at her own machine";
const OPENED: &str = "opens what is sealed; what comes out is read by others of this list";

const READERS: &[(&str, &str, How)] = &[
    ("ledger/src/broken.rs", "BrokenPromise::decode", By("broken_promise")),
    ("ledger/src/charter.rs", "SignedArticle::decode", By("article")),
    ("ledger/src/charter/signing.rs", "ArticleFork::decode", By("article_fork")),
    ("ledger/src/checkpoint.rs", "Cosignature::decode", By("cosignature")),
    ("ledger/src/checkpoint.rs", "Page::decode", By("checkpoint")),
    ("ledger/src/checkpoint/chunk.rs", "Chunk::decode", By("state_chunk")),
    ("ledger/src/checkpoint/working.rs", "Working::of_row", By("working_row")),
    ("ledger/src/consent/grant.rs", "Disclosure::decode", By("disclosure")),
    ("ledger/src/consent/grant.rs", "Grant::decode", By("grant")),
    ("ledger/src/counter.rs", "Vouched::decode", By("vouched")),
    ("ledger/src/entry.rs", "Entry::decode", By("entry_value")),
    ("ledger/src/entry.rs", "Entry::take", Within("block")),
    ("ledger/src/fork.rs", "ForkProof::decode", By("fork_proof")),
    ("ledger/src/frontier.rs", "Sketch::decode", By("frontier")),
    ("ledger/src/list.rs", "ListFork::decode", By("list_fork")),
    ("ledger/src/notice.rs", "SignedNotice::decode", By("notice")),
    ("ledger/src/short_code.rs", "ShortCode::from_str", By("short_code")),
    ("ledger/src/statement.rs", "Stated::decode", By("statement")),
    ("ledger/src/sync/blob.rs", "Gathering::take", Within("session")),
    ("ledger/src/sync/frame.rs", "Frame::decode", By("frame")),
    ("ledger/src/sync/session.rs", "Session::receive", By("session")),
    ("ledger/src/sync/split.rs", "Splitter::take", By("session")),
    ("ledger/src/wallet.rs", "CloneProof::decode", By("clone_proof")),
    ("ledger/src/wire.rs", "decode", By("header")),
    ("ledger/src/wire.rs", "take", Within("entry_value")),
    ("node/src/atomic.rs", "read", Not("bytes of a file up to a limit, and makes nothing of them")),
    ("node/src/audit/file.rs", "AuditFile::open", By("audit_file")),
    ("node/src/audit/store.rs", "StoreSource::open", Not(OWN)),
    ("node/src/backup.rs", "check", By("backup_file")),
    ("node/src/backup.rs", "check_people_keys", By("backup_file")),
    ("node/src/backup.rs", "read", By("backup_file")),
    (
        "node/src/backup.rs",
        "read_people_keys",
        Not("reads what check_people_keys reads, and writes it"),
    ),
    (
        "node/src/bundle/courier.rs",
        "Courier::take",
        Not("a head, as `inspect` reads it, and its length"),
    ),
    ("node/src/bundle/inspect.rs", "inspect", By("bundle_part")),
    ("node/src/checkpoint.rs", "read", By("checkpoint_file")),
    ("node/src/config.rs", "Config::parse", By("run_config")),
    ("node/src/config.rs", "Config::read", Not("the file of a text that Config::parse reads")),
    ("node/src/config/values.rs", "Zone::from_str", Within("run_config")),
    ("node/src/consent/own.rs", "Offer::decode", By("wallet_paper")),
    ("node/src/consent/own.rs", "Word::decode", By("wallet_paper")),
    ("node/src/consent/receipt.rs", "read_slip_code", By("slip_code")),
    ("node/src/consent/request.rs", "read", By("consent_request")),
    ("node/src/copies.rs", "keep", By("people_copy")),
    ("node/src/copies.rs", "take", By("people_copy")),
    ("node/src/credential/card.rs", "check", By("card")),
    ("node/src/credential/integrity.rs", "check", Within("w3c")),
    ("node/src/credential/integrity.rs", "shown", By("w3c")),
    ("node/src/credential/json.rs", "read", By("canonical")),
    ("node/src/credential/jws.rs", "from_did", Within("w3c")),
    ("node/src/credential/jws.rs", "from_multibase", Within("w3c")),
    ("node/src/credential/register.rs", "Register::open", Not(OWN)),
    ("node/src/credential/sd_jwt.rs", "check", By("presentation")),
    ("node/src/credential/status.rs", "ListName::parse", Within("status_list")),
    ("node/src/credential/status.rs", "Statuses::take", Not("keeps what token::read reads")),
    ("node/src/credential/status/bitstring.rs", "decode", By("bitstring")),
    ("node/src/credential/status/token.rs", "read", By("status_list")),
    ("node/src/credential/trust.rs", "TrustList::from_json", By("trust_list")),
    ("node/src/credential/when.rs", "Seconds::parse", Within("w3c")),
    ("node/src/folder.rs", "Folder::open", Not(OWN)),
    ("node/src/guard.rs", "Guard::open", Not(OWN)),
    ("node/src/holder.rs", "Wallet::open", Not(OWN)),
    ("node/src/holder.rs", "Wallet::take_page", Within("wallet_paper")),
    (
        "node/src/holder/backup.rs",
        "Wallet::restore",
        Not("her own wallet's file, under her passphrase"),
    ),
    ("node/src/holder/page.rs", "Note::decode", By("wallet_paper")),
    ("node/src/holder/till.rs", "Bill::decode", By("wallet_paper")),
    ("node/src/holder/till.rs", "Introduction::decode", By("wallet_paper")),
    ("node/src/holder/till.rs", "Signed::decode", By("wallet_paper")),
    ("node/src/import/list.rs", "ListMap::parse", By("list_map")),
    (
        "node/src/import/list.rs",
        "read_list",
        Not("cells that a table gave, by a map: Source::open reads the bytes"),
    ),
    ("node/src/import/map.rs", "Map::parse", By("map_file")),
    ("node/src/import/table.rs", "Source::open", By("table_csv")),
    ("node/src/keystore.rs", "Keystore::open", By("keystore_file")),
    ("node/src/node.rs", "Node::open", Not(OWN)),
    ("node/src/overlap.rs", "answer", By("overlap_asked")),
    ("node/src/overlap.rs", "read", By("overlap_answered")),
    ("node/src/papers.rs", "Tongue::from_str", Not(HERS)),
    ("node/src/person.rs", "Household::decode", By("household")),
    (
        "node/src/person.rs",
        "Household::from_records",
        Not("records of this node's own vault, that a key of it opened"),
    ),
    ("node/src/pin.rs", "Pins::open", By("pin_file")),
    ("node/src/pin/digits.rs", "Pin::parse", Not(HERS)),
    ("node/src/pin/lent.rs", "open", By("lent_pins")),
    ("node/src/seal.rs", "Key::open", Not(OPENED)),
    ("node/src/seal.rs", "Stream::open", Not(OPENED)),
    ("node/src/store.rs", "Store::open", Not(OWN)),
    (
        "node/src/sync.rs",
        "Meeting::incoming",
        Not("cuts a link's bytes into frames for Session::receive; tests/tests/socket.rs"),
    ),
    (
        "node/src/tlog/check.rs",
        "check",
        Not(
            "reads by Note::parse and Leaf::read; wallet-cli/tests/it/outside.rs changes its files",
        ),
    ),
    (
        "node/src/tlog/publish.rs",
        "Owned::read",
        Not("four lines, of which NoteKey::parse reads the one that is no plain text"),
    ),
    ("node/src/tlog/leaf.rs", "Leaf::read", By("log_leaf")),
    ("node/src/tlog/note.rs", "Checkpoint::parse", By("log_note")),
    ("node/src/tlog/note.rs", "Note::parse", By("log_note")),
    ("node/src/tlog/note.rs", "NoteKey::parse", By("log_note")),
    ("node/src/vault.rs", "Vault::open", Not(OWN)),
    ("node/src/vault.rs", "Vault::open_under", Not(OWN)),
    ("node/src/vault.rs", "Vault::open_without_keys", Not(OWN)),
    ("node/src/vault/registers.rs", "VaultTxn::keep_register", Not("keeps a name, and reads none")),
    ("node/src/shares.rs", "open", By("shares_file")),
];

fn all() -> BTreeSet<(String, String)> {
    let sources = files(&["ledger/src", "node/src"], &[".rs"]);
    let shipped = sources.into_iter().filter(|file| !file.contains("tests"));
    let found = |file: String| {
        let names = readers(&read(&file));
        names.into_iter().map(move |name| (file.clone(), name))
    };
    shipped.flat_map(found).collect()
}

#[test]
fn every_reader_of_bytes_is_tried_or_has_a_reason() {
    let found = all();
    let listed: BTreeSet<(String, String)> =
        READERS.iter().map(|(file, name, _)| ((*file).to_owned(), (*name).to_owned())).collect();
    assert_eq!(listed.len(), READERS.len(), "each stands once");
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "who tries {new:?} with hostile bytes? (tests/src/hostile.rs)");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "{gone:?} read nothing any more: take them off the list");

    let tried: String = files(&["tests/src"], &[".rs"])
        .iter()
        .filter(|f| f.contains("hostile"))
        .map(|f| read(f))
        .collect();
    let tables = DECODERS.iter().chain(&TABLES).chain(&SEALED);
    let names: BTreeSet<&str> = tables.map(|(name, _)| *name).collect();
    for (file, name, how) in READERS {
        match how {
            Not(why) => assert!(why.len() > 20, "{file}, {name}: {why:?} is no reason"),
            By(decoder) | Within(decoder) => {
                assert!(names.contains(decoder), "{file}, {name}: no decoder is called {decoder}");
            }
        }
        if let By(decoder) = how {
            let whose = name.split("::").next().unwrap_or_default();
            let method = name.rsplit("::").next().unwrap_or_default();
            let called = [format!("{name}("), format!("plain::<{whose}>"), format!("{method}(")];
            let called = called.iter().any(|call| tried.contains(call.as_str()));
            let parsed = method == "from_str" && tried.contains(&format!("parse::<{whose}>"));
            let aliased =
                tried.contains(&format!("{name}_")) || tried.contains(&format!("({name},"));
            assert!(called || parsed || aliased, "{file}: {decoder} does not call {name}");
        }
    }
    let used: BTreeSet<&str> = READERS
        .iter()
        .filter_map(|(_, _, how)| match how {
            By(decoder) | Within(decoder) => Some(*decoder),
            Not(_) => None,
        })
        .collect();
    assert!(used.len() > 40, "most decoders are of some public reader");
}

/// The looking finds a new reader, of each spelling, and no function that reads nothing.
#[test]
fn a_new_reader_is_seen() {
    let text = "impl<T: Serialize> Paper<T> {\n    pub fn decode(bytes: &[u8]) -> Result<Self, Fault> {\n    }\n\n    \
                pub fn encode(&self) -> Vec<u8> {\n    }\n}\n\nimpl FromStr for Code {\n    fn from_str(text: &str) -> \
                Result<Self, Fault> {\n    }\n}\n\npub fn read_code(\n    text: &str,\n) -> Option<Code> {\n}\n\npub fn \
                reading(text: &str) -> Option<Code> {\n}\n#[cfg(test)]\nmod tests {\n    pub fn parse(text: &str) -> \
                Option<u8> {\n    }\n}\n";
    assert_eq!(readers(text), ["Paper::decode", "Code::from_str", "read_code"]);
}

const OURS: &str = "a file or word of whoever runs the program, at her own machine";
const SEEN: &str = "hands what the file holds to a reader of the lists here";
const WRONG: &str = "a few lines around a reader of the lists here; files of other kinds, cut and endless: `wrong_files`, `limits`";

/// The program's own readers of what others hand over: each with the test that tries it, in its own file or in `slip`, or a
/// reason.
const PROGRAM: &[(&str, &str, Result<&str, &str>)] = &[
    ("wallet-cli/src/ask.rs", "from_file", Err(OURS)),
    ("wallet-cli/src/audit.rs", "open", Err(SEEN)),
    ("wallet-cli/src/audit/log.rs", "read_key", Err(WRONG)),
    ("wallet-cli/src/audit/reconcile.rs", "read", Err(SEEN)),
    ("wallet-cli/src/charter/description.rs", "Description::read", Err(WRONG)),
    ("wallet-cli/src/charter/description/cuts.rs", "Heal::read", Err(SEEN)),
    ("wallet-cli/src/checkpoint.rs", "read", Err(SEEN)),
    ("wallet-cli/src/family/lend.rs", "take", Err(OPENED)),
    ("wallet-cli/src/grievance/sealed.rs", "open", Err(OPENED)),
    ("wallet-cli/src/key.rs", "Public::read", Err(WRONG)),
    ("wallet-cli/src/node/request.rs", "NodeRequest::read", Err(WRONG)),
    ("wallet-cli/src/paper.rs", "Papers::decode", Ok("any_bytes_are_papers_or_refused")),
    ("wallet-cli/src/paper.rs", "Papers::read", Ok("any_bytes_are_papers_or_refused")),
    ("wallet-cli/src/paper.rs", "Papers::read_article", Ok("any_bytes_are_papers_or_refused")),
    ("wallet-cli/src/pay/known.rs", "read", Ok("any_text_under_any_prefix_is_read_or_refused")),
    ("wallet-cli/src/pay/promise.rs", "read", Ok("any_text_under_any_prefix_is_read_or_refused")),
    ("wallet-cli/src/pay/queue.rs", "read", Ok("any_line_of_a_queue_is_an_order_or_refused")),
    (
        "wallet-cli/src/pay/queue/lines.rs",
        "Header::read",
        Ok("any_line_of_a_queue_is_an_order_or_refused"),
    ),
    ("wallet-cli/src/pay/receipt.rs", "read", Err(WRONG)),
    ("wallet-cli/src/pay/slip.rs", "read", Ok("any_text_under_any_prefix_is_read_or_refused")),
    (
        "wallet-cli/src/pay/slip.rs",
        "read_challenge",
        Ok("any_text_under_any_prefix_is_read_or_refused"),
    ),
    ("wallet-cli/src/pay/slip.rs", "read_pins", Ok("any_text_under_any_prefix_is_read_or_refused")),
    (
        "wallet-cli/src/pay/slip.rs",
        "read_promise",
        Ok("any_text_under_any_prefix_is_read_or_refused"),
    ),
    (
        "wallet-cli/src/pay/slip.rs",
        "read_ticket",
        Ok("any_text_under_any_prefix_is_read_or_refused"),
    ),
    (
        "wallet-cli/src/pay/slip.rs",
        "read_vouched",
        Ok("any_text_under_any_prefix_is_read_or_refused"),
    ),
    ("wallet-cli/src/pay/till.rs", "Till::open", Err(OURS)),
    ("wallet-cli/src/sealed.rs", "Kind::open", Err(OPENED)),
    ("wallet-cli/src/settings.rs", "Settings::read", Err(OURS)),
    ("wallet-cli/src/signer.rs", "open", Err(OURS)),
    ("wallet-cli/src/wallet.rs", "open", Err(OURS)),
    ("wallet-cli/src/wallet/clones.rs", "read", Err(WRONG)),
    (
        "wallet-cli/src/wallet/tickets.rs",
        "read",
        Ok("any_text_under_any_prefix_is_read_or_refused"),
    ),
    ("wallet-cli/src/words/moment.rs", "Moment::from_str", Err(HERS)),
];

#[test]
fn every_reader_of_the_program_itself_is_tried_or_has_a_reason() {
    let sources = files(&["wallet-cli/src"], &[".rs"]);
    let shipped = sources.iter().filter(|file| !file.contains("tests") && !file.contains("/demo/"));
    let found: BTreeSet<(String, String)> = shipped
        .flat_map(|file| {
            // Nothing of a program is public, and its results have a name of their own.
            let text = read(file)
                .replace("pub(super) fn ", "pub fn ")
                .replace("pub(crate) fn ", "pub fn ");
            let text = text.replace("\nfn ", "\npub fn ").replace("Outcome<", "Result<");
            readers(&text).into_iter().map(|name| (file.clone(), name)).collect::<Vec<_>>()
        })
        .collect();
    let listed = PROGRAM.iter().map(|(file, name, _)| ((*file).to_owned(), (*name).to_owned()));
    let listed: BTreeSet<(String, String)> = listed.collect();
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "who tries {new:#?} with hostile text?");
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "{gone:?} read nothing any more: take them off the list");
    for (file, name, how) in PROGRAM {
        match how {
            Ok(test) => assert!(
                sources.iter().any(|source| read(source).contains(&format!("fn {test}("))),
                "{file}, {name}: no test is called {test}"
            ),
            Err(why) => assert!(why.len() > 20, "{file}, {name}: {why:?} is no reason"),
        }
    }
}
