//! Two verdicts: whether the file is whole and true, for which its writer answers, and what it shows, for which others do.

use std::collections::BTreeMap;

use super::{FileProblem, Finding, Problem, Verdict};
use crate::id::FeedRef;
use crate::view::Fault;

impl Problem {
    /// Whether it is about the file: something lacks, or is not what was signed. Whoever wrote the file has to answer for it.
    /// Otherwise the file shows what others did, as it should.
    #[must_use]
    pub const fn is_of_file(&self) -> bool {
        match self {
            Self::File(problem) => !matches!(problem, FileProblem::OtherFederation(_)),
            Self::Frame(_)
            | Self::Disorder
            | Self::Article { .. }
            | Self::Notice { .. }
            | Self::NotCertified
            | Self::Block(_)
            | Self::Repeated
            | Self::Number
            | Self::CharterBehind { .. }
            | Self::Gap
            | Self::NoForkProof
            | Self::NotConserved { .. } => true,
            Self::ArticleFork { .. }
            | Self::Conflict(_)
            | Self::OtherProgramme
            | Self::OtherRole
            | Self::CertificateEnded
            | Self::Forked
            | Self::Rule(_)
            | Self::List(_)
            | Self::NoList { .. }
            | Self::ListExceeded { .. }
            | Self::SendDenied { .. }
            | Self::ClosingDiffers { .. }
            | Self::SettlementDiffers { .. }
            | Self::SettlementRow { .. } => false,
        }
    }
}

impl Finding {
    /// The feed whose node and organisation have to answer for it; `None` where that is the file's writer, or nobody: what a
    /// later version wrote is nobody's fault.
    #[must_use]
    pub fn answers(&self) -> Option<FeedRef> {
        match self.problem {
            Problem::SendDenied { sender } => Some(sender),
            Problem::Rule(Fault::Halted) => None,
            ref problem if problem.is_of_file() => None,
            _ => self.place.feed,
        }
    }
}

impl Verdict {
    /// Whether the source is whole and true, whatever it shows.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.complete && !self.findings.iter().any(|finding| finding.problem.is_of_file())
    }

    /// The feeds whose nodes have to answer for what is shown, each with how many of the findings are theirs.
    #[must_use]
    pub fn answerable(&self) -> BTreeMap<FeedRef, u64> {
        let mut feeds = BTreeMap::new();
        for feed in self.findings.iter().filter_map(Finding::answers) {
            let count = feeds.entry(feed).or_insert(0u64);
            *count = count.saturating_add(1);
        }
        feeds
    }
}
