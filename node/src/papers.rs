//! What stands on the papers that families take home, in each language there is: the slip of a refusal, a consent and the
//! code that takes it back, a voucher, a collector's paper, a complaint, and what a ticket is.
//!
//! ```text
//!   REFUSED   not recognised
//!   slip      3C1F-90A2-77AA-5B0C
//! ```
//!
//! A language is one value of [`Papers`]: a sentence that is missing does not compile. Numbers, days, names and codes stand
//! between the words and are the same in all.

mod ar;
mod en;
mod es;
mod fr;

use std::fmt;
use std::str::FromStr;

use annona_ledger::consent::{
    Attribute, Attributes, Basis, Guardian, Purpose, RefusalClass, StateWord, Way,
};

use crate::pin::Next;

macro_rules! papers {
    ($($(#[$doc:meta])* $field:ident: $kind:ty,)*) => {
        /// Every sentence of every paper, in one language. Lists are in the order of what they are of.
        pub struct Papers {
            /// The language, as a tag.
            pub tag: &'static str,
            /// Whether it is written from right to left.
            pub right_to_left: bool,
            $($(#[$doc])* pub $field: $kind,)*
        }

        #[cfg(test)]
        impl Papers {
            /// Every sentence, with the name of its field.
            fn all(&self) -> Vec<(&'static str, &'static str)> {
                use tests::Each;
                let mut all = Vec::new();
                $(all.extend(self.$field.each().map(|text| (stringify!($field), text)));)*
                all
            }
        }
    };
}

papers! {
    /// Heads the slip of a refusal.
    refused: &'static str,
    /// Why, by [`RefusalClass`].
    classes: [&'static str; RefusalClass::ALL.len()],
    /// The version of the rules that were asked.
    rules: &'static str,
    /// The number of the slip.
    slip: &'static str,
    /// What she can do next.
    next: &'static str,
    /// The next method, by [`Next`].
    methods: [&'static str; Next::ALL.len()],
    /// Where nobody here has her card.
    find_by_name: &'static str,
    /// Where her entitlement stands in the way.
    ask_home: &'static str,
    /// Where her home serves nobody any more.
    from_allowance: &'static str,
    /// Where what she had was sent: the place follows.
    has_it: &'static str,
    /// Where a rule of this place stands in the way.
    elsewhere: &'static str,
    /// Where she can complain.
    complain: &'static str,
    /// At any desk.
    any_desk: &'static str,

    /// Heads a consent: its number follows.
    consent: &'static str,
    /// How it stands.
    state: &'static str,
    /// By [`StateWord`].
    states: [&'static str; StateWord::ALL.len()],
    /// Which organisation keeps the data.
    kept_by: &'static str,
    /// What may be shown.
    may_be_shown: &'static str,
    /// By [`Attribute`].
    attributes: [&'static str; Attribute::ALL.len()],
    /// To whom.
    to: &'static str,
    /// What for.
    purpose: &'static str,
    /// By [`Purpose`].
    purposes: [&'static str; Purpose::ALL.len()],
    /// On what ground.
    ground: &'static str,
    /// By [`Basis`].
    grounds: [&'static str; Basis::ALL.len()],
    /// From which day to which.
    counts: &'static str,
    /// How often at most.
    uses: &'static str,
    /// How it was given.
    given: &'static str,
    /// By [`Way`].
    ways: [&'static str; 5],
    /// By [`Guardian`].
    guardians: [&'static str; 3],
    /// Which notice was read to her.
    notice: &'static str,
    /// Of which version.
    version: &'static str,
    /// The digits that take it back at any desk.
    take_back: &'static str,
    /// The day of what is said.
    as_of: &'static str,

    /// Heads an emergency voucher.
    voucher: &'static str,
    /// The number of a paper.
    number: &'static str,
    /// What it is for.
    goods: &'static str,
    /// The last day.
    until: &'static str,
    /// How often it counts.
    pays_once: &'static str,

    /// Heads what the family keeps of a collector's paper: the code follows.
    family_keeps: &'static str,
    /// Heads what the collector takes.
    collector: &'static str,
    /// Who collects: of the household, and not of it.
    collects: [&'static str; 2],
    /// Where the collector's name is written by hand.
    by_hand: &'static str,

    /// Heads a ticket: what it carries, and to which site.
    ticket: &'static str,
    /// The PIN that goes with it.
    pin_goes_along: &'static str,

    /// Heads a complaint: its number follows.
    complaint: &'static str,
    /// Who decides.
    decided_by: &'static str,
    /// Within how many days.
    within_days: &'static str,
    /// What shows that it is hers.
    code: &'static str,
}

/// Every language there is.
pub const ALL: [&Papers; 4] = [&en::PAPERS, &fr::PAPERS, &es::PAPERS, &ar::PAPERS];

/// First strong isolate, and its end (UAX #9): what is between is ordered by itself.
const ISOLATE: (char, char) = ('\u{2068}', '\u{2069}');

impl Papers {
    /// The papers in a language, by its tag; a region behind is passed over. `None` where there are none.
    #[must_use]
    pub fn of(tag: &str) -> Option<&'static Self> {
        let language = tag.split(['-', '_']).next().unwrap_or_default();
        ALL.into_iter().find(|papers| papers.tag.eq_ignore_ascii_case(language))
    }

    /// A number, a name or a code between words. On a page from right to left it would run into them.
    #[must_use]
    pub fn set(&self, text: &str) -> String {
        match self.right_to_left {
            true => format!("{}{text}{}", ISOLATE.0, ISOLATE.1),
            false => text.to_owned(),
        }
    }

    /// A paper: in each line what it is, and what it says.
    #[must_use]
    pub fn rows<'a>(&self, rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
        let rows: Vec<(&str, String)> = rows.into_iter().collect();
        let width = rows.iter().map(|(label, _)| label.chars().count()).max().unwrap_or_default();
        let line = |(label, said): &(&str, String)| {
            let pad = width.saturating_sub(label.chars().count());
            format!("  {label}{}  {}\n", " ".repeat(pad), self.set(said))
        };
        rows.iter().map(line).collect()
    }

    /// Why somebody was refused.
    #[must_use]
    pub fn class(&self, class: RefusalClass) -> &'static str {
        named(RefusalClass::ALL, &self.classes, class)
    }

    /// The next method, to the person herself.
    #[must_use]
    pub fn method(&self, next: Next) -> &'static str {
        named(&Next::ALL, &self.methods, next)
    }

    /// How a consent stands.
    #[must_use]
    pub fn state(&self, state: StateWord) -> &'static str {
        named(StateWord::ALL, &self.states, state)
    }

    /// What a consent is for.
    #[must_use]
    pub fn purpose(&self, purpose: Purpose) -> &'static str {
        named(Purpose::ALL, &self.purposes, purpose)
    }

    /// On what ground.
    #[must_use]
    pub fn ground(&self, basis: Basis) -> &'static str {
        named(Basis::ALL, &self.grounds, basis)
    }

    /// What may be shown.
    #[must_use]
    pub fn attributes(&self, set: Attributes) -> String {
        let words = set.iter().map(|one| named(Attribute::ALL, &self.attributes, one));
        words.collect::<Vec<_>>().join(if self.right_to_left { "، " } else { ", " })
    }

    /// How a consent was given, and by whom.
    #[must_use]
    pub fn way(&self, way: Way, guardian: Option<Guardian>) -> String {
        let [spoken, paper, witnessed, by_guardian, wallet] = self.ways;
        let way = match way {
            Way::Spoken => spoken,
            Way::Paper => paper,
            Way::Witnessed => witnessed,
            Way::Guardian => by_guardian,
            Way::Wallet => wallet,
        };
        let [parent, legal, caregiver] = self.guardians;
        let guardian = guardian.map(|who| match who {
            Guardian::Parent => parent,
            Guardian::Legal => legal,
            Guardian::Caregiver => caregiver,
        });
        guardian.map_or_else(|| way.to_owned(), |who| format!("{way} ({who})"))
    }
}

fn named<T: Copy + PartialEq>(all: &[T], words: &[&'static str], one: T) -> &'static str {
    let at = all.iter().position(|known| *known == one);
    at.and_then(|at| words.get(at)).copied().unwrap_or_default()
}

/// A language there are papers in.
#[derive(Clone, Copy, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tongue(pub &'static Papers);

impl Default for Tongue {
    fn default() -> Self {
        Self(&en::PAPERS)
    }
}

impl PartialEq for Tongue {
    fn eq(&self, other: &Self) -> bool {
        self.0.tag == other.0.tag
    }
}

impl Eq for Tongue {}

impl fmt::Debug for Tongue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.tag)
    }
}

impl FromStr for Tongue {
    type Err = String;

    fn from_str(tag: &str) -> Result<Self, String> {
        Papers::of(tag).map(Self).ok_or_else(|| {
            let tags: Vec<&str> = ALL.iter().map(|papers| papers.tag).collect();
            format!("there are no papers in \"{tag}\"; there are: {}", tags.join(", "))
        })
    }
}

impl TryFrom<String> for Tongue {
    type Error = String;

    fn try_from(tag: String) -> Result<Self, String> {
        tag.parse()
    }
}

impl From<Tongue> for String {
    fn from(tongue: Tongue) -> Self {
        tongue.0.tag.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sentence, or a list of them.
    pub(super) trait Each {
        fn each(&self) -> impl Iterator<Item = &'static str>;
    }

    impl Each for &'static str {
        fn each(&self) -> impl Iterator<Item = &'static str> {
            std::iter::once(*self)
        }
    }

    impl<const N: usize> Each for [&'static str; N] {
        fn each(&self) -> impl Iterator<Item = &'static str> {
            self.iter().copied()
        }
    }

    fn is_arabic(c: char) -> bool {
        ('\u{0600}'..='\u{06ff}').contains(&c)
    }

    #[test]
    fn every_sentence_is_there_in_its_own_language_and_script() {
        let english = en::PAPERS.all();
        for papers in ALL {
            for ((field, text), (_, in_english)) in papers.all().into_iter().zip(&english) {
                let tag = papers.tag;
                assert!(!text.trim().is_empty() && text.trim() == text, "{tag} {field}: {text:?}");
                assert!(text.chars().count() <= 90, "{tag} {field} fits no slip: {text}");
                let letters = || text.chars().filter(|c| c.is_alphabetic());
                assert!(letters().count() > 0, "{tag} {field}: {text}");
                assert!(letters().all(|c| is_arabic(c) == (tag == "ar")), "{tag} {field}: {text}");
                // Some words are the same in two languages; sentences are not.
                let sentence = in_english.split(' ').count() > 3 && tag != "en";
                assert!(!sentence || text != *in_english, "{tag} {field} is English: {text}");
            }
        }
    }

    #[test]
    fn lists_are_in_the_order_of_what_they_are_of() {
        for purpose in Purpose::ALL {
            let said = en::PAPERS.purpose(*purpose);
            assert!(said.starts_with(&format!("{}:", purpose.word())), "{said}");
        }
        assert_eq!(en::PAPERS.method(Next::Voucher), "an emergency voucher on paper");
        assert_eq!(en::PAPERS.state(StateWord::Withdrawn), "taken back");
        assert_eq!(en::PAPERS.class(RefusalClass::Authentication), "not recognised");
        let two = Attributes::of([Attribute::Area, Attribute::Name]);
        assert_eq!(en::PAPERS.attributes(two), "names, country and area");
        assert!(ar::PAPERS.attributes(two).contains('،'));
        assert_eq!(
            en::PAPERS.way(Way::Guardian, Some(Guardian::Legal)),
            "by a guardian (legal guardian)"
        );
    }

    #[test]
    fn a_language_is_found_by_its_tag_and_another_is_refused_with_the_list() {
        for (tag, found) in [("en", "en"), ("fr-CH", "fr"), ("AR", "ar"), ("es_MX", "es")] {
            assert_eq!(tag.parse::<Tongue>().map(String::from).as_deref(), Ok(found), "{tag}");
        }
        for tag in ["", "sw", "xx", "e", "eng"] {
            let why = tag.parse::<Tongue>().expect_err(tag);
            assert!(why.ends_with("there are: en, fr, es, ar"), "{why}");
        }
    }

    #[test]
    fn a_page_from_right_to_left_begins_there_and_keeps_numbers_in_order() {
        let row = |papers: &Papers| papers.rows([(papers.number, "3C1F-90A2".to_owned())]);
        assert_eq!(row(&en::PAPERS), "  number  3C1F-90A2\n");
        for papers in ALL.into_iter().filter(|papers| papers.right_to_left) {
            let line = row(papers);
            let first = line.chars().find(|c| c.is_alphabetic()).expect("a letter");
            assert!(is_arabic(first), "{line}");
            assert!(line.ends_with("\u{2068}3C1F-90A2\u{2069}\n"), "{line:?}");
        }
        assert!(ALL.iter().any(|papers| papers.right_to_left), "Arabic is");
    }
}
