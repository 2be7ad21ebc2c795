//! How like two households are, from what was registered of them, and why.

use annona_ledger::digits::western;

use super::roman::{bare, roman};
use crate::person::{Field, Household, Person, Value};

/// A word of a name: as it sounds, and its consonants alone.
struct Word {
    roman: String,
    bare: String,
    /// Written without its short vowels, as in Arabic: then consonants are compared, and less is known.
    abjad: bool,
}

/// What is compared of a person.
struct Somebody {
    name: Vec<Word>,
    parents: Vec<Word>,
    born: Option<u32>,
    year: Option<i64>,
    sex: Option<bool>,
}

/// What is compared of a household. It lives as long as one run, and is kept nowhere.
pub(super) struct Sketch {
    people: Vec<Somebody>,
    /// Numbers of documents and of telephones, as they are found again however they are spelt.
    pub(super) documents: Vec<String>,
    pub(super) phones: Vec<String>,
    village: Option<String>,
}

/// How like two households are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Likeness {
    /// 0 to 100.
    pub score: u8,
    /// Why, strongest first.
    pub reasons: Vec<&'static str>,
}

/// A pair of this or more is put before a person.
pub const LEAST: u8 = 50;
/// Two people of so many points are alike.
const ALIKE: u32 = 40;
/// Words count as one name from here on, of 1,000.
const SAME: u32 = 850;

/// The year a registration is taken to be of, where nothing says.
const DOCUMENTS: [Field; 8] = [
    Field::NationalId,
    Field::Passport,
    Field::BirthCertificate,
    Field::DrivingLicence,
    Field::VoterCard,
    Field::AgencyId,
    Field::ProgrammeId,
    Field::OtherDocument,
];
const PHONES: [Field; 3] = [Field::Phone, Field::PhoneAlternative, Field::PhoneMessaging];

impl Sketch {
    /// Of a household; `year` is the year it is now, for those of whom only an age is known.
    pub(super) fn of(household: &Household, year: i64) -> Self {
        let registered = registered(household, year);
        let people = household.members.iter().map(|member| Somebody::of(member, registered));
        let texts = |fields: &[Field], least: usize, clean: fn(&str) -> String| {
            let of = |member: &Person| -> Vec<String> {
                fields.iter().filter_map(|field| member.text(*field)).map(clean).collect()
            };
            let all: Vec<String> = household.members.iter().flat_map(of).collect();
            all.into_iter().filter(|text| text.len() >= least).collect::<Vec<_>>()
        };
        let mut documents = texts(&DOCUMENTS, 5, document);
        documents.extend(
            household.whole.text(Field::AgencyHouseholdId).map(document).filter(|d| d.len() >= 5),
        );
        Self {
            people: people.filter(|one| !one.name.is_empty()).collect(),
            documents,
            phones: texts(&PHONES, 7, phone),
            village: household.whole.text(Field::Village).map(roman).filter(|v| !v.is_empty()),
        }
    }

    /// Under which keys it may be met: two that share one are compared.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        keys.extend(self.documents.iter().map(|text| format!("d {text}")));
        keys.extend(self.phones.iter().map(|text| format!("p {text}")));
        for (place, one) in self.people.iter().enumerate() {
            let mut words: Vec<&str> =
                one.name.iter().map(|word| word.bare.as_str()).filter(|b| b.len() > 1).collect();
            words.sort_unstable();
            words.dedup();
            // Two words of a name are met however many others stand beside them. Children share their father's.
            if place == 0 || self.people.len() <= 4 {
                for (n, first) in words.iter().enumerate() {
                    let rest = words.iter().skip(n + 1);
                    keys.extend(rest.map(|second| format!("n {first} {second}")));
                }
            }
            // Who was born when, by any word of her name: for those with one name, or of whom little was written.
            if let Some(year) = one.year {
                for word in words.iter().take(4) {
                    let sex = one.sex.map_or('?', |woman| if woman { 'f' } else { 'm' });
                    keys.push(format!("y {} {word} {sex}", year.div_euclid(2)));
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// How like another it is. Symmetric.
    pub(super) fn like(&self, other: &Self) -> Likeness {
        let mut reasons: Vec<(u32, &'static str)> = Vec::new();
        let mut best = Person2::default();
        let mut alike = 0u32;
        for one in &self.people {
            let of = other.people.iter().map(|two| one.like(two));
            let Some(most) = of.max_by_key(|person| person.score) else { continue };
            alike += u32::from(most.score >= ALIKE);
            if most.score > best.score {
                best = most;
            }
        }
        let mut score = best.score;
        if best.score > 0 {
            reasons.extend(best.reasons.iter().map(|why| (10, *why)));
        }
        let shared = |a: &[String], b: &[String]| a.iter().any(|text| b.contains(text));
        if shared(&self.documents, &other.documents) {
            score += 50;
            reasons.push((50, "one document"));
        }
        if shared(&self.phones, &other.phones) {
            score += 20;
            reasons.push((20, "one telephone"));
        }
        if alike > 1 {
            score += (alike - 1).min(3) * 10;
            reasons.push((15, "several people alike"));
        }
        if self.village.is_some() && self.village == other.village && score >= 40 {
            score += 5;
        }
        reasons.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        let score = u8::try_from(score.min(100)).unwrap_or(100);
        Likeness { score, reasons: reasons.into_iter().map(|(_, why)| why).collect() }
    }
}

/// The people of two households, each with whom they are likest in the other, by their places: whoever is like nobody there
/// stands alone. In the order of the first household, then of the second.
#[must_use]
pub fn people(
    one: &Household,
    other: &Household,
    year: i64,
) -> Vec<(Option<usize>, Option<usize>)> {
    let sketched = |household: &Household| -> Vec<Somebody> {
        let registered = registered(household, year);
        household.members.iter().map(|member| Somebody::of(member, registered)).collect()
    };
    let (left, right) = (sketched(one), sketched(other));
    let mut likest: Vec<(u32, usize, usize)> = Vec::new();
    for (a, person) in left.iter().enumerate() {
        let like = right.iter().enumerate().map(|(b, against)| (person.like(against).score, a, b));
        likest.extend(like.filter(|(score, ..)| *score >= ALIKE));
    }
    likest.sort_by_key(|(score, a, b)| (std::cmp::Reverse(*score), *a, *b));
    let mut of = vec![None; left.len()];
    let mut taken = vec![false; right.len()];
    for (_, a, b) in likest {
        if let (Some(free @ None), Some(taken @ false)) = (of.get_mut(a), taken.get_mut(b)) {
            (*free, *taken) = (Some(b), true);
        }
    }
    let alone = taken.iter().enumerate().filter(|(_, taken)| !**taken);
    let alone: Vec<_> = alone.map(|(b, _)| (None, Some(b))).collect();
    of.into_iter().enumerate().map(|(a, b)| (Some(a), b)).chain(alone).collect()
}

/// The year a household was registered in, as far as it is known.
fn registered(household: &Household, year: i64) -> i64 {
    match household.whole.get(Field::RegisteredOn) {
        Some(Value::Date(day)) => i64::from(day.ymd().0),
        _ => year,
    }
}

#[derive(Default)]
struct Person2 {
    score: u32,
    reasons: Vec<&'static str>,
}

impl Somebody {
    fn of(person: &Person, registered: i64) -> Self {
        let name = match person.text(Field::FullName) {
            Some(whole) => words(whole),
            None => [Field::GivenName, Field::MiddleName, Field::FamilyName]
                .iter()
                .filter_map(|field| person.text(*field))
                .flat_map(words)
                .collect(),
        };
        let parents = [Field::MotherName, Field::FatherName];
        let born = match person.get(Field::BirthDate) {
            Some(Value::Date(day)) => Some(*day),
            _ => None,
        };
        let age = person.number(Field::Age).and_then(|age| i64::try_from(age).ok());
        let aged = age.and_then(|age| registered.checked_sub(age));
        // A day that was guessed tells its year and no more.
        let guessed = person.get(Field::BirthDateEstimated) == Some(&Value::YesNo(true))
            || born.is_some_and(|day| (day.ymd().1, day.ymd().2) == (1, 1));
        Self {
            name,
            parents: parents.iter().filter_map(|f| person.text(*f)).flat_map(words).collect(),
            born: born.filter(|_| !guessed).map(u32::from),
            year: born.map(|day| i64::from(day.ymd().0)).or(aged),
            sex: match person.text(Field::Sex) {
                Some("female") => Some(true),
                Some("male") => Some(false),
                _ => None,
            },
        }
    }

    fn like(&self, other: &Self) -> Person2 {
        let mut reasons = Vec::new();
        let name = names(&self.name, &other.name);
        let Some(name) = name else { return Person2::default() };
        // Of 45: names that are alike in part are worth little.
        let mut score = i64::from(name * 45 / 1_000);
        reasons.push(if name >= 970 { "one name" } else { "names alike" });
        match (self.born, other.born, self.year, other.year) {
            (Some(one), Some(two), ..) if one == two => {
                score += 25;
                reasons.push("born on one day");
            }
            (.., Some(one), Some(two)) => match one.abs_diff(two) {
                0 | 1 => score += 12,
                2 | 3 => score += 6,
                4..=9 => {}
                _ => score -= 25,
            },
            _ => {}
        }
        if let (Some(one), Some(two)) = (self.sex, other.sex) {
            score += if one == two { 3 } else { -30 };
        }
        if !self.parents.is_empty() && !other.parents.is_empty() {
            match names(&self.parents, &other.parents) {
                Some(_) => {
                    score += 12;
                    reasons.push("parents alike");
                }
                None => score -= 12,
            }
        }
        Person2 { score: u32::try_from(score.max(0)).unwrap_or(0), reasons }
    }
}

fn words(text: &str) -> Vec<Word> {
    let word = |raw: &str| {
        let roman = roman(raw);
        let bare = bare(&roman);
        let abjad = raw.chars().any(|c| matches!(c as u32, 0x600..=0x6FF));
        Word { roman, bare, abjad }
    };
    // Romanised whole, so that what parts words in one script parts them here.
    let parted = text.split(|c: char| c.is_whitespace() || c == '-' || c == '፡');
    parted.filter(|part| !part.is_empty()).map(word).filter(|word| !word.roman.is_empty()).collect()
}

/// How like two names are, of 1,000, whatever the order of their words; `None` where they are not one name.
///
/// Every word of the shorter one but one in four must be found in the longer one. Where the *first* is not, and others are,
/// two of one family are meant: twins and siblings share all but that.
fn names(one: &[Word], other: &[Word]) -> Option<u32> {
    let (short, long) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    if short.is_empty() {
        return None;
    }
    let mut taken = vec![false; long.len()];
    let (mut sum, mut missed) = (0u32, 0usize);
    for (place, word) in short.iter().enumerate() {
        let free = long.iter().enumerate().filter(|(n, _)| !taken.get(*n).copied().unwrap_or(true));
        let best = free.map(|(n, two)| (sounds(word, two), n)).max();
        match best {
            Some((like, n)) if like >= SAME => {
                sum += like;
                if let Some(taken) = taken.get_mut(n) {
                    *taken = true;
                }
            }
            _ if place == 0 => return None,
            _ => missed += 1,
        }
    }
    // The longer one's own first word must have been met too, or it is her sister.
    let first_met = taken.first().copied().unwrap_or(false) || long.len() > short.len() + 1;
    if missed * 4 > short.len() || !first_met {
        return None;
    }
    // One word alone says little, whoever has it.
    let words = u32::try_from(short.len()).unwrap_or(u32::MAX).max(1);
    let share = sum / words;
    Some(if words == 1 { share * 2 / 3 } else { share })
}

/// How like two words sound, of 1,000.
fn sounds(one: &Word, other: &Word) -> u32 {
    if one.roman == other.roman {
        return 1_000;
    }
    if one.abjad && other.abjad {
        // Every letter there is was written: a long vowel more or less is another name.
        return if one.bare == other.bare {
            700
        } else {
            jaro_winkler(&one.roman, &other.roman).min(840)
        };
    }
    if one.abjad || other.abjad {
        return match one.bare == other.bare {
            true if one.bare.len() > 1 => 930,
            true => 870,
            _ => jaro_winkler(&one.bare, &other.bare).min(840),
        };
    }
    let (a, b) = (plain(&one.roman), plain(&other.roman));
    let same = if one.bare == other.bare && one.bare.len() > 2 { 40 } else { 0 };
    (jaro_winkler(&a, &b) + same).min(990)
}

/// Spellings of one vowel made one.
fn plain(roman: &str) -> String {
    let mut text = roman.to_owned();
    for (from, to) in
        [("ou", "u"), ("oo", "u"), ("ee", "i"), ("ei", "ai"), ("ey", "ai"), ("ay", "ai")]
    {
        text = text.replace(from, to);
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let c = match c {
            'o' => 'u',
            'e' => 'i',
            'q' | 'c' => 'k',
            'y' => 'i',
            c => c,
        };
        if !out.ends_with(c) {
            out.push(c);
        }
    }
    out
}

/// Jaro's likeness with Winkler's for a common beginning (W. E. Winkler, 1990), of 1,000, over ASCII.
fn jaro_winkler(one: &str, other: &str) -> u32 {
    let (a, b) = (one.as_bytes(), other.as_bytes());
    if a.is_empty() || b.is_empty() {
        return 0;
    }
    let reach = (a.len().max(b.len()) / 2).saturating_sub(1);
    let mut used = vec![false; b.len()];
    let mut met: Vec<u8> = Vec::with_capacity(a.len());
    for (i, letter) in a.iter().enumerate() {
        let from = i.saturating_sub(reach);
        let near = b.iter().enumerate().skip(from).take(i + reach + 1 - from);
        let found =
            near.into_iter().find(|(j, c)| *c == letter && !used.get(*j).copied().unwrap_or(true));
        if let Some((j, _)) = found {
            if let Some(used) = used.get_mut(j) {
                *used = true;
            }
            met.push(*letter);
        }
    }
    if met.is_empty() {
        return 0;
    }
    let other_met = b.iter().zip(&used).filter(|(_, used)| **used).map(|(c, _)| *c);
    let out_of_place = met.iter().zip(other_met).filter(|(a, b)| **a != *b).count() / 2;
    let (m, a_len, b_len) = (met.len() as u64, a.len() as u64, b.len() as u64);
    let jaro = (m * 1_000 / a_len + m * 1_000 / b_len + (m - out_of_place as u64) * 1_000 / m) / 3;
    let start = a.iter().zip(b).take(4).take_while(|(a, b)| a == b).count() as u64;
    u32::try_from(jaro + start * (1_000 - jaro.min(1_000)) / 10).unwrap_or(1_000).min(1_000)
}

/// A document's number without what people write between its digits.
pub(crate) fn document(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).map(western).collect()
}

/// The last eight digits of a telephone number: with its country in front or not.
fn phone(text: &str) -> String {
    let digits: String = text.chars().map(western).filter(char::is_ascii_digit).collect();
    digits.get(digits.len().saturating_sub(8)..).unwrap_or_default().to_owned()
}
