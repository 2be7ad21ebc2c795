//! What goes as a letter: four kinds of papers, and nothing else.

use crate::consent::{ConsentFault, request};
use crate::node::{Node, NodeFault};
use crate::overlap;

/// A kind of paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    /// A request under a consent.
    Request,
    /// Its answer, sealed to its reader.
    Answer,
    /// Questions on overlap, blinded.
    Questions,
    /// Their answers.
    Answers,
}

impl Paper {
    /// What bytes are, to the last of them, as far as anybody can tell who has no key.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let all = [Self::Request, Self::Answer, Self::Questions, Self::Answers];
        all.into_iter().find(|kind| match kind {
            Self::Request => request::is_request(bytes),
            Self::Answer => request::is_answer(bytes),
            Self::Questions => overlap::is_question(bytes),
            Self::Answers => overlap::is_answer(bytes),
        })
    }

    /// Its name in words.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Questions => "overlap questions",
            Self::Answers => "overlap answers",
        }
    }
}

/// Whether what came is such a paper, as far as its reader can tell: what is sealed is looked into, and let go.
///
/// # Errors
///
/// [`NodeFault::NoKey`].
pub fn is_whole(node: &Node, bytes: &[u8]) -> Result<bool, NodeFault> {
    match Paper::of(bytes) {
        Some(Paper::Answer) => match request::opens(node, bytes) {
            Ok(opens) => Ok(opens),
            Err(ConsentFault::Node(fault)) => Err(fault),
            Err(_) => Ok(false),
        },
        Some(_) => Ok(true),
        None => Ok(false),
    }
}
