//! Papers: files that carry articles and notices between offices by stick or mail, signed and not secret.
//!
//! ```text
//! "annona papers 1\n"                     16 bytes, the version is in it
//! frames                                  as in bundles and audit files: articles in order, then notices, then bye
//! ```
//!
//! The bye at the end counts the frames and holds their digest, so that a file cut short is known as one.

use std::path::Path;

use annona_ledger::charter::SignedArticle;
use annona_ledger::hash::{Hash, Purpose, hash_one};
use annona_ledger::notice::SignedNotice;
use annona_ledger::sync::frame::{self, Frame, PREFIX};
use annona_node::atomic;

use crate::fault::{Fault, Outcome};

const MAGIC: &[u8; 16] = b"annona papers 1\n";

/// The largest file of papers that is read, in bytes: a charter of 500 full articles, or 8,000 notices.
const LARGEST: usize = 16 * 1024 * 1024;

/// Articles and notices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Papers {
    /// Articles, ascending by epoch; perhaps not yet signed by enough.
    pub(crate) articles: Vec<SignedArticle>,
    /// Notices.
    pub(crate) notices: Vec<SignedNotice>,
}

impl Papers {
    /// One article.
    pub(crate) fn article(article: SignedArticle) -> Self {
        Self { articles: vec![article], notices: Vec::new() }
    }

    /// One notice.
    pub(crate) fn notice(notice: SignedNotice) -> Self {
        Self { articles: Vec::new(), notices: vec![notice] }
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> Outcome<Vec<u8>> {
        let mut bytes = MAGIC.to_vec();
        let articles = self.articles.iter().map(|a| Frame::Article(Box::new(a.clone())));
        let notices = self.notices.iter().map(|n| Frame::Notice(Box::new(n.clone())));
        let mut count = 0u64;
        for frame in articles.chain(notices) {
            bytes.extend_from_slice(&frame.encode()?);
            count = count.saturating_add(1);
        }
        let digest = digest(&bytes);
        bytes.extend_from_slice(&Frame::Bye { count, digest }.encode()?);
        Ok(bytes)
    }

    /// Reads the bytes of a file.
    pub(crate) fn decode(bytes: &[u8]) -> Outcome<Self> {
        let Some(mut rest) = bytes.strip_prefix(MAGIC) else {
            return Err(Fault::input("this is no file of articles or notices. Check the path."));
        };
        let cut = || Fault::input("the file is cut short. Copy it again from where it came.");
        let (mut papers, mut count) = (Self::default(), 0u64);
        loop {
            let before = bytes.get(..bytes.len() - rest.len()).unwrap_or_default();
            let (prefix, after) = rest.split_first_chunk::<PREFIX>().ok_or_else(cut)?;
            let (body, after) = after.split_at_checked(frame::length(*prefix)?).ok_or_else(cut)?;
            rest = after;
            match Frame::decode(body)? {
                Frame::Article(article) => papers.articles.push(*article),
                Frame::Notice(notice) => papers.notices.push(*notice),
                Frame::Bye { count: said, digest: sum } => {
                    let whole = said == count && sum == digest(before) && rest.is_empty();
                    return if whole { Ok(papers) } else { Err(cut()) };
                }
                other => {
                    let what = frame::name(other.kind());
                    let why = format!("the file holds a {what}: it is no file of papers.");
                    return Err(Fault::input(why));
                }
            }
            count = count.saturating_add(1);
        }
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let bytes = atomic::read(path, LARGEST)?;
        Self::decode(&bytes).map_err(|fault| fault.at(path.display()))
    }

    /// Reads a file that must hold exactly one article.
    pub(crate) fn read_article(path: &Path) -> Outcome<SignedArticle> {
        let papers = Self::read(path)?;
        match (<[SignedArticle; 1]>::try_from(papers.articles), papers.notices.is_empty()) {
            (Ok([article]), true) => Ok(article),
            _ => Err(Fault::input("the file must hold one article and nothing else.")
                .at(path.display())
                .then("`annona charter propose` makes one.")),
        }
    }

    /// Writes a file, whole.
    pub(crate) fn write(&self, path: &Path) -> Outcome {
        Ok(atomic::write(path, &self.encode()?)?)
    }
}

fn digest(bytes: &[u8]) -> Hash {
    hash_one(Purpose::File, bytes)
}

#[cfg(test)]
mod tests {
    use annona_ledger::charter::Article;
    use annona_ledger::wire::Bounded;

    use super::*;

    fn papers() -> Papers {
        let article = Article { epoch: 3, previous: Hash([7; 32]), acts: Bounded::empty() };
        Papers::article(SignedArticle::unsigned(article))
    }

    #[test]
    fn papers_read_back_and_every_cut_and_change_is_refused() {
        let bytes = papers().encode().expect("encode");
        assert_eq!(Papers::decode(&bytes).expect("decode"), papers());
        for end in 0..bytes.len() {
            assert!(Papers::decode(&bytes[..end]).is_err(), "cut at {end}");
        }
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(Papers::decode(&bad).is_err(), "changed at {at}");
        }
        let long = [bytes.as_slice(), b"x"].concat();
        assert!(Papers::decode(&long).is_err(), "one byte more");
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_papers_or_refused(
            mut bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300), cut in 0usize..40
        ) {
            for body in [bytes.clone(), [&MAGIC[..], &bytes].concat()] {
                if let Ok(read) = Papers::decode(&body) {
                    proptest::prop_assert_eq!(Papers::decode(&read.encode().expect("encodes")).ok(), Some(read));
                }
            }
            // A whole file and what is left of it.
            let whole = Papers::default().encode().expect("encodes");
            proptest::prop_assert_eq!(Papers::decode(&whole).ok(), Some(Papers::default()));
            let left = &whole[..whole.len().saturating_sub(cut + 1)];
            proptest::prop_assert!(Papers::decode(left).is_err(), "cut short");
            bytes.push(0);
            proptest::prop_assert!(Papers::decode(&[&whole[..], &bytes].concat()).is_err(), "with more behind");
        }
    }
}
