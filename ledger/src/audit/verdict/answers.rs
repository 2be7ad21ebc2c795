//! Two verdicts: whether the file is whole and true, for which its writer answers, and what it shows, for which others do;
//! and what may be either, since nothing in a file says how many notices there are, or how long a feed is.

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

impl Problem {
    /// Whether a file shows the same that lacks a notice, or the last of a control feed, which nothing in it would tell.
    /// Then nobody is named before it is asked for again.
    #[must_use]
    pub const fn may_lack(&self) -> bool {
        matches!(
            self,
            Self::NoList { .. }
                | Self::List(_)
                | Self::OtherProgramme
                | Self::OtherRole
                | Self::CertificateEnded
                | Self::Rule(
                    Fault::Forged
                        | Fault::OrphanUnsigned
                        | Fault::SettlementBroken
                        | Fault::NotBudgeted
                )
        )
    }
}

/// What somebody may have to answer for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Answerable {
    /// How many findings.
    pub findings: u64,
    /// How many of them only where the file lacks nothing.
    pub unless_lacking: u64,
}

impl Answerable {
    /// Whether there is one that a file shows by itself.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        self.findings > self.unless_lacking
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
    /// Whether the source is whole and true, whatever it shows; `None` where something in it may as well be of what it
    /// lacks.
    #[must_use]
    pub fn whole(&self) -> Option<bool> {
        let any = |of: fn(&Problem) -> bool| self.findings.iter().any(|found| of(&found.problem));
        if !self.complete || any(Problem::is_of_file) {
            return Some(false);
        }
        if any(Problem::may_lack) { None } else { Some(true) }
    }

    /// The feeds whose nodes have to answer for what is shown, each with how many of the findings are theirs.
    #[must_use]
    pub fn answerable(&self) -> BTreeMap<FeedRef, Answerable> {
        let mut feeds: BTreeMap<FeedRef, Answerable> = BTreeMap::new();
        for (feed, found) in self.findings.iter().filter_map(|f| Some((f.answers()?, &f.problem))) {
            let all = feeds.entry(feed).or_default();
            all.findings = all.findings.saturating_add(1);
            all.unless_lacking = all.unless_lacking.saturating_add(found.may_lack().into());
        }
        feeds
    }
}
