//! Promises and tickets as text: on paper, in a QR code, read out over a telephone.
//!
//! ```text
//! AP1:6BF…   a promise: its bytes
//! AT1:8Q0…   a ticket: its programme (2 bytes, big-endian), its bytes
//! AW1:3V5…   a paper of the counter: what somebody, or a reader, says of a holder (spec/counter.md)
//! AN1:0Q2…   PINs lent to one node, as they go with a ticket
//! AC1:7G1…   a till's challenge to an outside reader
//! AI1:…      what a wallet shows at a desk (spec/wallet.md)
//! AB1:…      a till's bill
//! AS1:…      what a wallet answers to it
//! AR1:…      a receipt for a wallet
//! AO1:…      what a desk asks her to agree to, AH1:… her own word on it
//! AK1:…      a share of the key of a wallet's backup
//! ```
//!
//! The digits are Base45 (RFC 9285): all of them, and the capital letters before them, are in the alphanumeric mode of a
//! QR code, which takes 5.5 bits for each.

use annona_ledger::counter::Vouched;
use annona_ledger::id::{Nonce, ProgrammeId};
use annona_ledger::limits;
use annona_ledger::ticket::{Promise, Ticket};
use annona_ledger::time::DayNo;
use annona_ledger::wire;

use crate::fault::{Fault, Outcome};

const ALPHABET: &[u8; 45] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
const PROMISE: &str = "AP1:";
const TICKET: &str = "AT1:";
const WORDS: &str = "AW1:";
const PINS: &str = "AN1:";
const CHALLENGE: &str = "AC1:";

/// A promise as text: at most 270 characters for every entry a till is promised.
pub(crate) fn promise(promise: &Promise) -> String {
    format!("{PROMISE}{}", base45(&wire::encode(promise)))
}

/// Reads the text of a promise.
pub(crate) fn read_promise(text: &str) -> Outcome<Promise> {
    let bytes = unbase45(text, PROMISE, "a promise")?;
    wire::decode(&bytes, limits::CARRYING_ENTRY_BYTES)
        .map_err(|why| Fault::input(format!("the promise is damaged: {why}. Scan it again.")))
}

/// Whether a text is a promise.
pub(crate) fn is_promise(text: &str) -> bool {
    text.trim_start().starts_with(PROMISE)
}

/// A ticket as text.
pub(crate) fn ticket(programme: ProgrammeId, ticket: &Ticket) -> String {
    let mut bytes = programme.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(&wire::encode(ticket));
    format!("{TICKET}{}", base45(&bytes))
}

/// Reads the text of a ticket.
pub(crate) fn read_ticket(text: &str) -> Outcome<(ProgrammeId, Ticket)> {
    let bytes = unbase45(text, TICKET, "a ticket")?;
    let damaged = |why: &str| Fault::input(format!("the ticket is damaged: {why}. Scan it again."));
    let Some(([a, b], rest)) = bytes.split_first_chunk::<2>() else {
        return Err(damaged("it is too short"));
    };
    let ticket = wire::decode(rest, limits::CARRYING_ENTRY_BYTES)
        .map_err(|why| damaged(&why.to_string()))?;
    Ok((ProgrammeId(u16::from_be_bytes([*a, *b])), ticket))
}

/// A paper of the counter as text.
pub(crate) fn vouched(words: &Vouched) -> String {
    format!("{WORDS}{}", base45(&words.encode()))
}

/// Reads the text of a paper of the counter.
pub(crate) fn read_vouched(text: &str) -> Outcome<Vouched> {
    let bytes = unbase45(text, WORDS, "a paper of a counter")?;
    Vouched::decode(&bytes)
        .map_err(|why| Fault::input(format!("the paper is damaged: {why}. Scan it again.")))
}

/// Whether a text is a paper of the counter.
pub(crate) fn is_vouched(text: &str) -> bool {
    text.trim_start().starts_with(WORDS)
}

/// Lent PINs as text.
pub(crate) fn pins(envelope: &[u8]) -> String {
    format!("{PINS}{}", base45(envelope))
}

/// Reads the text of lent PINs.
pub(crate) fn read_pins(text: &str) -> Outcome<Vec<u8>> {
    unbase45(text, PINS, "a paper with a PIN")
}

/// Whether a text is that of lent PINs.
pub(crate) fn is_pins(text: &str) -> bool {
    text.trim_start().starts_with(PINS)
}

/// What an outside reader is asked.
pub(crate) type Challenge = (ProgrammeId, DayNo, Nonce);

/// A challenge as text.
pub(crate) fn challenge(asked: &Challenge) -> String {
    format!("{CHALLENGE}{}", base45(&wire::encode(asked)))
}

/// Reads the text of a challenge.
pub(crate) fn read_challenge(text: &str) -> Outcome<Challenge> {
    let bytes = unbase45(text, CHALLENGE, "a challenge")?;
    wire::decode(&bytes, limits::ENTRY_BYTES)
        .map_err(|why| Fault::input(format!("the challenge is damaged: {why}. Scan it again.")))
}

/// Whether a text is a ticket.
pub(crate) fn is_ticket(text: &str) -> bool {
    text.trim_start().starts_with(TICKET)
}

/// What goes between a wallet and whoever it meets: a prefix and bytes.
pub(crate) mod wallet {
    /// What a wallet shows at a desk.
    pub(crate) const INTRODUCTION: &str = "AI1:";
    /// A till's bill.
    pub(crate) const BILL: &str = "AB1:";
    /// What a wallet answers.
    pub(crate) const SIGNED: &str = "AS1:";
    /// A receipt.
    pub(crate) const RECEIPT: &str = "AR1:";
    /// What a desk asks her to agree to.
    pub(crate) const OFFER: &str = "AO1:";
    /// Her own word on a consent.
    pub(crate) const WORD: &str = "AH1:";
    /// A share.
    pub(crate) const SHARE: &str = "AK1:";

    /// As text.
    pub(crate) fn text(prefix: &str, bytes: &[u8]) -> String {
        format!("{prefix}{}", super::base45(bytes))
    }

    /// The bytes of every line of this kind: in a text, or in the file it names.
    pub(crate) fn read(given: &str, prefix: &str, what: &str) -> super::Outcome<Vec<Vec<u8>>> {
        let of = |text: &str| {
            let lines = text.lines().filter(|line| line.trim_start().starts_with(prefix));
            lines
                .map(|line| super::unbase45(line, prefix, what))
                .collect::<super::Outcome<Vec<_>>>()
        };
        if given.trim_start().starts_with(prefix) {
            return of(given);
        }
        let bytes = annona_node::atomic::read(std::path::Path::new(given), 1024 * 1024)?;
        let text = String::from_utf8(bytes.to_vec()).unwrap_or_default();
        let found = of(&text)?;
        if found.is_empty() {
            let why = format!("{given} holds not {what}: it would begin with {prefix}");
            return Err(super::Fault::input(why));
        }
        Ok(found)
    }

    /// The share in a file. As secret as a passphrase, it is no word of a command: others on the machine see those.
    pub(crate) fn share(path: &std::path::Path) -> super::Outcome<zeroize::Zeroizing<Vec<u8>>> {
        if path.to_string_lossy().trim_start().starts_with(SHARE) {
            let why =
                "a share is as secret as a passphrase: write it to a file, and give --share FILE.";
            return Err(super::Fault::usage(why));
        }
        let bytes = annona_node::atomic::read(path, 4 * 1024)?;
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let line = text.lines().find(|line| line.trim_start().starts_with(SHARE));
        let read = super::unbase45(line.unwrap_or_default(), SHARE, "a share");
        Ok(zeroize::Zeroizing::new(read.map_err(|fault| fault.at(path.display()))?))
    }

    /// The one of this kind.
    pub(crate) fn one(given: &str, prefix: &str, what: &str) -> super::Outcome<Vec<u8>> {
        let all = read(given, prefix, what)?;
        all.into_iter().next().ok_or_else(|| super::Fault::input(format!("this is not {what}.")))
    }
}

fn base45(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 3 / 2 + 2);
    let digit = |n: usize| char::from(ALPHABET[n % 45]);
    for pair in bytes.chunks(2) {
        let number = pair.iter().fold(0usize, |n, byte| n * 256 + usize::from(*byte));
        text.push(digit(number));
        text.push(digit(number / 45));
        if pair.len() == 2 {
            text.push(digit(number / 2025));
        }
    }
    text
}

fn unbase45(text: &str, prefix: &str, what: &str) -> Outcome<Vec<u8>> {
    // A trailing space is a digit of Base45; line ends are not.
    let text = text.trim_start().trim_end_matches(['\r', '\n']);
    let digits = text
        .strip_prefix(prefix)
        .ok_or_else(|| Fault::input(format!("this is not {what}: it would begin with {prefix}")))?;
    if digits.len() > limits::CARRYING_ENTRY_BYTES * 3 / 2 + 3 {
        return Err(Fault::input(format!("this is not {what}: it is far too long.")));
    }
    let damaged = || Fault::input(format!("{what} was not read right. Scan or copy it again."));
    let mut bytes = Vec::with_capacity(digits.len() * 2 / 3 + 1);
    for group in digits.as_bytes().chunks(3) {
        let mut number = 0usize;
        for (digit, weight) in group.iter().zip([1, 45, 2025]) {
            let value = ALPHABET.iter().position(|d| d == digit).ok_or_else(damaged)?;
            number += value * weight;
        }
        match group.len() {
            3 => bytes
                .extend_from_slice(&u16::try_from(number).map_err(|_| damaged())?.to_be_bytes()),
            2 => bytes.push(u8::try_from(number).map_err(|_| damaged())?),
            _ => return Err(damaged()),
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of RFC 9285, section 4.3.
    #[test]
    fn base45_is_that_of_the_rfc() {
        for (bytes, text) in [("AB", "BB8"), ("Hello!!", "%69 VD92EX0"), ("base-45", "UJCLQE7W581")]
        {
            assert_eq!(base45(bytes.as_bytes()), text);
            let read = unbase45(&format!("AP1:{text}"), "AP1:", "a promise").expect("reads");
            assert_eq!(read, bytes.as_bytes());
        }
    }

    #[test]
    fn what_is_no_slip_is_refused() {
        for bad in ["", "AP1", "AP1:A", "AP1:GGW", "AP1:::::", "AT1:BB8", "AP1:ab8", "AP1:é00"] {
            assert!(read_promise(bad).is_err(), "{bad}");
        }
        for bad in ["AT1:", "AT1:00", "AT1:000", "AP1:BB8"] {
            assert!(read_ticket(bad).is_err(), "{bad}");
        }
        let long = format!("AT1:{}", "0".repeat(10_000_000));
        assert!(read_ticket(&long).is_err());
    }

    #[test]
    fn every_length_goes_round() {
        for len in 0..600usize {
            let bytes: Vec<u8> = (0..len).map(|i| (i * 97 + len) as u8).collect();
            let text = format!("AT1:{}", base45(&bytes));
            assert_eq!(unbase45(&text, "AT1:", "a ticket").expect("reads"), bytes);
        }
    }

    /// Whatever somebody types or a camera reads is answered: read, or refused in words; and what is read is read again.
    fn hostile(text: &str) {
        if let Ok(read) = read_promise(text) {
            assert_eq!(
                wire::encode(&read_promise(&promise(&read)).expect("again")),
                wire::encode(&read)
            );
        }
        if let Ok((programme, read)) = read_ticket(text) {
            assert_eq!(read_ticket(&ticket(programme, &read)).expect("again").1, read);
        }
        if let Ok(read) = read_vouched(text) {
            assert_eq!(read_vouched(&vouched(&read)).expect("again").encode(), read.encode());
        }
        if let Ok(read) = read_challenge(text) {
            assert_eq!(read_challenge(&challenge(&read)).expect("again"), read);
        }
        if let Ok(read) = read_pins(text) {
            assert_eq!(read_pins(&pins(&read)).expect("again"), read);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_under_any_prefix_is_read_or_refused(
            text in "\\PC{0,40}", bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300)
        ) {
            for prefix in [PROMISE, TICKET, WORDS, PINS, CHALLENGE, wallet::BILL, ""] {
                hostile(&format!("{prefix}{text}"));
                hostile(&wallet::text(prefix, &bytes));
                drop(wallet::one(&format!("{prefix}{text}"), wallet::BILL, "a bill"));
            }
            // A challenge is of no other length, so that some are read.
            let asked = (ProgrammeId(7), DayNo(20_000), Nonce([9; 16]));
            hostile(&challenge(&asked));
            proptest::prop_assert_eq!(read_challenge(&challenge(&asked)).ok(), Some(asked));
        }
    }
}
