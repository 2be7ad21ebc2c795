//! How things of the ledger are written and read by people: keys, nodes, programmes, commodities.

mod cuts;
mod moment;
mod money;

use std::io::IsTerminal;

use annona_ledger::charter::{Charter, Commodity, Organisation, Programme};
use annona_ledger::digits::typed;
use annona_ledger::id::{OrgId, ProgrammeId};
use annona_ledger::key::PublicKey;
use annona_ledger::notice::{NodeCertificate, OperatorRoles, Roles, Roster};
use annona_ledger::time::Millis;
use annona_node::person::Date;
use annona_node::{calendar, copies};
use unicode_normalization::UnicodeNormalization;

pub(crate) use cuts::{cut, feed, print_cut, reason, reason_word, say_cut};
pub(crate) use moment::{
    Moment, Shown, ending, last_day, print_date, print_day, print_last, print_millis, print_minute,
    print_wait, show_times,
};
pub(crate) use money::{amount, print_units, unit_name};

use crate::fault::{Fault, Outcome};

/// Refuses what is no plain text, wherever text is kept: an image, a template or a recording in its disguise.
pub(crate) fn plain(what: &str, text: &str) -> Outcome {
    match annona_node::person::forbidden(text) {
        None => Ok(()),
        Some(found) => Err(Fault::input(format!("{what} is not taken: {found}."))),
    }
}

/// The day of a time in UTC, which is the same at every site.
pub(crate) fn date(now: Millis) -> Option<Date> {
    let (year, month, day) = calendar::date_of(now.0 / (24 * 60 * 60 * 1000));
    Date::new(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}

/// Bytes as small hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Exactly `N` bytes from hexadecimal digits of either case.
pub(crate) fn unhex<const N: usize>(what: &str, text: &str) -> Outcome<[u8; N]> {
    let wrong = || {
        Fault::input(format!(
            "{what} \"{text}\" is not {} hexadecimal digits. Copy it whole.",
            N * 2
        ))
    };
    let mut bytes = [0u8; N];
    if text.len() != N * 2 || !text.is_ascii() {
        return Err(wrong());
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        // `from_str_radix` takes a sign, which is no digit.
        if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(bytes)
}

/// A public key from its 64 digits; a weak one is refused.
pub(crate) fn public_key(what: &str, text: &str) -> Outcome<PublicKey> {
    let key = PublicKey::Ed25519(unhex(what, text)?);
    key.check().map_err(|why| Fault::input(format!("{what}: {why}.")))?;
    Ok(key)
}

/// A node by its eight bytes, its whole key, or the name of its site: of the nodes of a site the one that is there now.
pub(crate) fn node<'a>(roster: &'a Roster, text: &str) -> Outcome<&'a NodeCertificate> {
    one_of(roster, text, |certificate| roster.successor(&certificate.short()).is_none())
}

/// As [`node`], but of the nodes of a site the one that another took the place of, where there is one.
pub(crate) fn lost<'a>(roster: &'a Roster, text: &str) -> Outcome<&'a NodeCertificate> {
    one_of(roster, text, |certificate| roster.successor(&certificate.short()).is_some())
}

/// As [`node`], where a wrong guess is never put right: a site at which several nodes stood or stand is no name of one.
pub(crate) fn exactly<'a>(roster: &'a Roster, text: &str) -> Outcome<&'a NodeCertificate> {
    one_of(roster, text, |_| false)
}

fn one_of<'a>(
    roster: &'a Roster,
    text: &str,
    meant: impl Fn(&NodeCertificate) -> bool,
) -> Outcome<&'a NodeCertificate> {
    let digits = text.to_lowercase();
    let is_named = |certificate: &&NodeCertificate| {
        hex(&certificate.short()) == digits
            || hex(certificate.node.bytes()) == digits
            || same(certificate.site_name.as_str(), text)
    };
    let found: Vec<_> = roster.nodes().filter(is_named).collect();
    let of_these: Vec<_> = found.iter().copied().filter(|c| meant(c)).collect();
    match (&found[..], &of_these[..]) {
        ([one], _) | (_, [one]) => Ok(one),
        ([], _) => Err(Fault::input(format!(
            "no certificate of a node \"{text}\" is known here. See `annona node show`; take in \
             its notice with `annona node learn FILE`."
        ))),
        (several, _) => {
            let each = several.iter().map(|c| match roster.successor(&c.short()) {
                Some(now) => format!("{}, replaced by {}", hex(&c.short()), hex(&now.short())),
                None => hex(&c.short()),
            });
            Err(Fault::input(format!(
                "several nodes stand or stood at \"{text}\": {}. Name one by its 16 digits.",
                each.collect::<Vec<_>>().join("; ")
            )))
        }
    }
}

/// A node that value is sent to, named as in [`node`]. Not one that another took the place of: nobody has its key any more,
/// or somebody else has.
pub(crate) fn receiver(roster: &Roster, text: &str) -> Outcome<[u8; 8]> {
    let named = node(roster, text)?.short();
    match roster.successor(&named) {
        None => Ok(named),
        Some(now) => {
            let (was, now) = (site(roster, &named), site(roster, &now.short()));
            Err(Fault::refused(format!("nothing is sent to {was}: {now} took its place.")).then(
                "Send it there. `annona node revoke` at a treasury says to everybody that the old key counts no more.",
            ))
        }
    }
}

/// Who is there now: a node, or the last that took its place.
pub(crate) fn in_place_of(roster: &Roster, node: [u8; 8]) -> [u8; 8] {
    let next = |node: &[u8; 8]| roster.successor(node).map(NodeCertificate::short);
    // Certificates that replace each other would go round.
    std::iter::successors(Some(node), next).take(64).last().unwrap_or(node)
}

/// A node that something is given to, named as in [`node`]: one whose certificate stands here and now.
pub(crate) fn reader(node: &annona_node::node::Node, text: &str) -> Outcome<NodeCertificate> {
    let named = self::node(node.store().roster(), text)?.short();
    copies::stands(node, &named)?.map_err(|why| {
        Fault::refused(format!("nothing is given to node {}: {why}.", hex(&named)))
            .then("`annona node show` lists the nodes.")
    })
}

/// A programme by number or name.
pub(crate) fn programme<'a>(
    charter: &'a Charter,
    text: &str,
) -> Outcome<(ProgrammeId, &'a Programme)> {
    let number = typed(text).parse().ok().map(ProgrammeId);
    let mut found = charter
        .programmes()
        .filter(|(id, programme)| Some(*id) == number || same(programme.name.as_str(), text));
    found.next().ok_or_else(|| {
        let have: Vec<String> =
            charter.programmes().map(|(id, p)| format!("{id} {}", p.name)).collect();
        let have = if have.is_empty() { "none".into() } else { have.join(", ") };
        Fault::input(format!("the charter has no programme \"{text}\"; it has: {have}."))
    })
}

/// A programme this node serves: the one named, or the only one.
pub(crate) fn served<'a>(
    node: &annona_node::node::Node,
    charter: &'a Charter,
    text: Option<&str>,
) -> Outcome<(ProgrammeId, &'a Programme)> {
    if let Some(text) = text {
        let found = programme(charter, text)?;
        // Another's operators answer for nothing here.
        return match node.certificate() {
            Some(own) if !own.programmes.contains(&found.0) => {
                Err(Fault::refused(format!("this node does not serve programme {}.", found.1.name))
                    .then("`annona node show` tells which it serves."))
            }
            _ => Ok(found),
        };
    }
    match node.certificate().map(|c| c.programmes.to_vec()).as_deref() {
        Some([only]) => programme(charter, &only.to_string()),
        _ => Err(Fault::usage(
            "this node serves several programmes, or none: say which, --programme P.",
        )),
    }
}

/// A commodity of a programme, by number or name.
pub(crate) fn commodity<'a>(programme: &'a Programme, text: &str) -> Outcome<&'a Commodity> {
    let number = typed(text);
    let found = programme
        .commodities
        .iter()
        .find(|c| c.id.to_string() == number.trim() || same(c.name.as_str(), text));
    found.ok_or_else(|| {
        let have: Vec<String> =
            programme.commodities.iter().map(|c| format!("{} {}", c.id, c.name)).collect();
        Fault::input(format!(
            "programme {} has no commodity \"{text}\"; it has: {}.",
            programme.name,
            have.join(", ")
        ))
    })
}

/// An organisation by number or name.
pub(crate) fn organisation<'a>(charter: &'a Charter, text: &str) -> Outcome<&'a Organisation> {
    let number = typed(text).parse().ok().map(OrgId);
    let mut found =
        charter.organisations().filter(|o| Some(o.id) == number || same(o.name.as_str(), text));
    found.next().ok_or_else(|| {
        let have: Vec<String> =
            charter.organisations().map(|o| format!("{} {}", o.id, o.name)).collect();
        Fault::input(format!("no organisation \"{text}\"; the members are: {}.", have.join(", ")))
    })
}

/// The set of a node's roles, by their names.
pub(crate) fn node_roles(words: &[String]) -> Outcome<Roles> {
    words.iter().try_fold(Roles::NONE, |set, word| {
        Roles::named(word).map(|role| set.and(role)).ok_or_else(|| {
            let all: Vec<_> = Roles(u16::MAX).words().collect();
            Fault::input(format!("a node has no role \"{word}\"; there are: {}.", all.join(", ")))
        })
    })
}

/// The set of an operator's roles, by their names.
pub(crate) fn operator_roles(words: &[String]) -> Outcome<OperatorRoles> {
    words.iter().try_fold(OperatorRoles::NONE, |set, word| {
        OperatorRoles::named(word).map(|role| set.and(role)).ok_or_else(|| {
            let all: Vec<_> = OperatorRoles(u16::MAX).words().collect();
            Fault::input(format!(
                "an operator has no role \"{word}\"; there are: {}.",
                all.join(", ")
            ))
        })
    })
}

/// Whether two names are the same but for case and spelling of accents.
pub(crate) fn same(one: &str, other: &str) -> bool {
    fold(one) == fold(other)
}

/// A text as it is compared: NFKC, lower case.
pub(crate) fn fold(text: &str) -> String {
    text.trim().nfkc().collect::<String>().to_lowercase().nfc().collect()
}

/// A node as people know it, by its site and its first digits: `lake (a7642f9c)`; its digits where no certificate is known.
pub(crate) fn site(roster: &Roster, node: &[u8; 8]) -> String {
    let digits = hex(node);
    match roster.node(node) {
        Some(c) => format!("{} ({})", c.site_name, digits.get(..8).unwrap_or_default()),
        None => digits,
    }
}

/// A text of people or places as it stands in a line of others. On a terminal one that is written from right to left is
/// isolated (UAX #9, X5c): otherwise the numbers beside it would become part of its run, and stand where another's are.
/// Stored texts hold no such marks, so nobody can end an isolation from within.
pub(crate) fn name(text: &str) -> String {
    isolated(text, std::io::stdout().is_terminal())
}

fn isolated(text: &str, terminal: bool) -> String {
    // Letters of the blocks that are written from right to left; their presentation forms; the right-to-left planes.
    let rtl = |c: char| matches!(u32::from(c), 0x590..=0x8FF | 0xFB1D..=0xFDFF | 0xFE70..=0xFEFC | 0x10800..=0x10FFF | 0x1E800..=0x1EFFF);
    if terminal && text.chars().any(rtl) {
        format!("\u{2068}{text}\u{2069}")
    } else {
        text.to_owned()
    }
}

/// `1 family`, `2 families`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {many}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_reads_back_and_nothing_else_is_taken() {
        assert_eq!(unhex::<2>("key", "0aFF").expect("hex"), [10, 255]);
        assert_eq!(hex(&[10, 255]), "0aff");
        for bad in ["", "0a", "0aff0", "0af", "+aff", "0agg", "äff"] {
            assert!(unhex::<2>("key", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_from_right_to_left_are_isolated_on_a_terminal_and_nowhere_else() {
        for name in ["نور عبد الله", "רות לוי", "𞤀𞤥𞤭𞤲𞤢"] {
            assert_eq!(isolated(name, true), format!("\u{2068}{name}\u{2069}"));
            assert_eq!(isolated(name, false), name);
        }
        for name in ["Noor", "ሰላም ተስፋዬ", "မောင် အေး", ""] {
            assert_eq!(isolated(name, true), name);
        }
    }

    #[test]
    fn names_compare_by_what_a_person_sees() {
        for (one, other, want) in [
            ("Rice", "rice ", true),
            ("Café", "CAFE\u{301}", true),
            ("أرز", "أرز", true),
            ("Rice", "Oil", false),
        ] {
            assert_eq!(same(one, other), want, "{one} {other}");
        }
    }
}
