//! Feeds, cuts and reasons as people write and read them.

use annona_ledger::cut::{Cut, Reason};
use annona_ledger::hash::Hash;
use annona_ledger::id::{FeedRef, Lane, ProgrammeId};

use super::{hex, unhex};
use crate::fault::{Fault, Outcome};

const REASONS: [(Reason, &str); 4] = [
    (Reason::Lost, "lost"),
    (Reason::Compromised, "compromised"),
    (Reason::Late, "late"),
    (Reason::HandedOver, "handed-over"),
];

/// The word for a reason.
pub(crate) fn reason_word(reason: Reason) -> &'static str {
    REASONS.iter().find(|(known, _)| *known == reason).map_or("", |(_, word)| word)
}

/// Reads a reason.
pub(crate) fn reason(text: &str) -> Outcome<Reason> {
    let known = REASONS.iter().find(|(_, word)| super::same(word, text));
    known.map(|(reason, _)| *reason).ok_or_else(|| {
        let words: Vec<&str> = REASONS.iter().map(|(_, word)| *word).collect();
        Fault::input(format!("\"{text}\" is no reason. Choose one of {}.", words.join(", ")))
    })
}

/// A cut as it is written: `12:5f6a…` for twelve blocks and the hash of the last header, or `nothing`.
pub(crate) fn print_cut(cut: &Cut) -> String {
    if *cut == Cut::NOTHING { "nothing".to_owned() } else { format!("{}:{}", cut.seq, cut.head) }
}

/// Reads a cut.
pub(crate) fn cut(text: &str) -> Outcome<Cut> {
    if super::same(text, "nothing") {
        return Ok(Cut::NOTHING);
    }
    let wrong = || {
        Fault::input(format!("\"{text}\" is no cut: write nothing, or BLOCKS:HASH with 64 digits."))
    };
    let (seq, head) = text.split_once(':').ok_or_else(wrong)?;
    let seq: u64 = seq.parse().map_err(|_| wrong())?;
    let cut = Cut { seq, head: Hash(unhex("the hash", head)?) };
    if cut.is_sound() { Ok(cut) } else { Err(wrong()) }
}

/// Reads a feed as it is printed: `5f6a00c9158c05e9/value/1`.
pub(crate) fn feed(text: &str) -> Outcome<FeedRef> {
    let wrong = || {
        Fault::input(format!(
            "\"{text}\" is no feed: write NODE/LANE/PROGRAMME, as pages print it."
        ))
    };
    let mut parts = text.split('/');
    let (Some(node), Some(lane), Some(programme), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(wrong());
    };
    let lane = match lane {
        "control" => Lane::Control,
        "value" => Lane::Value,
        "registry" => Lane::Registry,
        "access" => Lane::Access,
        _ => return Err(wrong()),
    };
    let programme = ProgrammeId(programme.parse().map_err(|_| wrong())?);
    Ok(FeedRef { node: unhex("the node", node)?, lane, programme })
}

/// A cut in words, for those who are to sign it: `block 12 (5f6a00c9158c05e9…)`.
pub(crate) fn say_cut(cut: &Cut) -> String {
    match cut.seq.checked_sub(1) {
        Some(last) => format!("block {last} ({}…)", hex(&cut.head.short())),
        None => "nothing at all".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_back() {
        let cut_at = Cut { seq: 12, head: Hash([7; 32]) };
        for given in [cut_at, Cut::NOTHING] {
            assert_eq!(cut(&print_cut(&given)).ok(), Some(given));
        }
        let value = FeedRef::value([9; 8], ProgrammeId(3));
        assert_eq!(feed(&value.to_string()).ok(), Some(value));
        for (given, word) in REASONS {
            assert_eq!(reason(word).ok(), Some(given));
            assert_eq!(reason_word(given), word);
        }
    }

    #[test]
    fn what_says_two_things_or_nothing_is_refused() {
        let hash = "07".repeat(32);
        for wrong in ["", "12", "x:07", &format!("0:{hash}"), &format!("3:{}", "00".repeat(32))] {
            assert!(cut(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "09/value/1", "0909090909090909/food/1", "0909090909090909/value/1/2"] {
            assert!(feed(wrong).is_err(), "{wrong}");
        }
        assert!(reason("because").is_err());
    }
}
