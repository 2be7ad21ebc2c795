//! What an organisation's key has signed, kept beside its file (`relief.keys.signed`): two articles of one epoch by one key
//! end the federation, and two secretaries who each prepare a budget do not know of each other.
//!
//! ```text
//! annona signed 1
//! <federation> <organisation> <epoch> <article before> <article> <when, milliseconds>
//! ```

use std::path::{Path, PathBuf};

use annona_ledger::charter::Article;
use annona_ledger::id::{FederationId, OrgId};
use annona_ledger::time::Millis;
use annona_node::atomic;

use crate::fault::{Fault, Outcome};
use crate::words::print_millis;

const HEAD: &str = "annona signed 1";
/// The largest such file, in bytes: 4,000 articles.
const LARGEST: usize = 1 << 20;

/// What was signed with the keys of one file.
pub(super) struct SignedBefore {
    path: PathBuf,
    text: String,
}

impl SignedBefore {
    /// Reads what lies beside a key file; nothing is there before the first article.
    pub(super) fn beside(keys: &Path) -> Outcome<Self> {
        let mut name = keys.as_os_str().to_owned();
        name.push(".signed");
        let path = PathBuf::from(name);
        if !path.try_exists().map_err(|why| Fault::io("read", &path, why))? {
            return Ok(Self { path, text: format!("{HEAD}\n") });
        }
        let bytes = atomic::read(&path, LARGEST)?;
        let text = String::from_utf8(bytes.to_vec()).ok();
        let whole = |text: &String| {
            let (head, lines) = text.split_once('\n').unwrap_or_default();
            head == HEAD && text.ends_with('\n') && lines.lines().all(|l| fields(l).is_some())
        };
        match text.filter(whole) {
            Some(text) => Ok(Self { path, text }),
            None => Err(Fault::file(&path, "the list of what this key has signed is not whole.")),
        }
    }

    /// When another article was signed in the place of this one: of its epoch, after the same one.
    pub(super) fn another(
        &self,
        of: &FederationId,
        org: OrgId,
        article: &Article,
    ) -> Option<String> {
        let (wanted, hash) = (place(of, org, article), article.hash().to_string());
        self.text.lines().filter_map(fields).find_map(|(place, signed, at)| {
            (place == wanted && signed != hash).then(|| print_millis(Millis(at)))
        })
    }

    /// Writes down that an article is signed. Said before the signature leaves, so that none is ever forgotten.
    pub(super) fn add(
        mut self,
        of: &FederationId,
        orgs: &[OrgId],
        article: &Article,
        at: Millis,
    ) -> Outcome {
        for org in orgs {
            let line = format!("{} {} {}\n", place(of, *org, article), article.hash(), at.0);
            self.text.push_str(&line);
        }
        Ok(atomic::write(&self.path, self.text.as_bytes())?)
    }
}

/// The place an article takes: one key signs one of them.
fn place(of: &FederationId, org: OrgId, article: &Article) -> String {
    format!("{of} {org} {} {}", article.epoch, article.previous)
}

/// Place, article and time of a line.
fn fields(line: &str) -> Option<(&str, &str, u64)> {
    let (rest, at) = line.rsplit_once(' ')?;
    let (place, article) = rest.rsplit_once(' ')?;
    (place.split(' ').count() == 4).then_some((place, article, at.parse().ok()?))
}
