//! A sample camp: invented households in several scripts, the same ones for the same seed.
//!
//! For the demo and for measuring. Names are common given names put together by chance; no real person is in it.

use std::io::{self, Write};

/// The header of a sample registration: one row per person, `household_id` groups them.
pub const HEADER: [&str; 13] = [
    "household_id",
    "block",
    "household_size",
    "registered_on",
    "relationship",
    "given_name",
    "family_name",
    "sex",
    "birth_date",
    "phone",
    "language",
    "pregnant",
    "seeing",
];

/// The map that belongs to [`HEADER`].
pub const MAP: &str = r#"# One row per person; rows of one household_id are a household, its head first.
source = "sample-camp"
key = ["household_id"]
date_order = "year-month-day"

[member.columns]
household_id = { number_as_text = true }
block = "village"
household_size = "size"
registered_on = "registered_on"
relationship = "relationship"
given_name = "given_name"
family_name = "family_name"
sex = "sex"
birth_date = "birth_date"
phone = "phone"
language = "language"
pregnant = "pregnant"
seeing = "seeing"
"#;

/// A language, with given names of women, given names of men, and family names or fathers' names.
struct Names {
    language: &'static str,
    women: [&'static str; 8],
    men: [&'static str; 8],
    families: [&'static str; 8],
}

const NAMES: [Names; 6] = [
    Names {
        language: "ar",
        women: ["أمينة", "فاطمة", "مريم", "ليلى", "زينب", "هدى", "سعاد", "نور"],
        men: ["محمد", "أحمد", "يوسف", "عمر", "خالد", "إبراهيم", "حسن", "علي"],
        families: ["الحسن", "عبد الله", "العلي", "حمدان", "الخطيب", "منصور", "الأحمد", "سليمان"],
    },
    Names {
        language: "am",
        women: ["ሰላም", "ሀና", "ትዕግስት", "አልማዝ", "ብርቱካን", "መሠረት", "ፀሐይ", "ሙሉ"],
        men: ["አበበ", "ዳዊት", "ተስፋዬ", "ከበደ", "ሙሉጌታ", "ዮሐንስ", "ግርማ", "ኃይሌ"],
        families: ["ወርቁ", "ታደሰ", "በቀለ", "ገብሬ", "ደስታ", "ለማ", "አየለ", "ተክሌ"],
    },
    Names {
        language: "bn",
        women: ["রহিমা", "আয়েশা", "নূরজাহান", "সালমা", "হাসিনা", "জোহরা", "শাহিনা", "মরিয়ম"],
        men: ["করিম", "রফিক", "জাহিদ", "নূরুল", "আবদুল", "সেলিম", "ইউসুফ", "হামিদ"],
        families: ["আহমেদ", "হোসেন", "ইসলাম", "উদ্দিন", "খাতুন", "বেগম", "আলম", "মিয়া"],
    },
    Names {
        language: "my",
        women: ["အေးအေး", "ခင်မာ", "သီတာ", "နှင်းဆီ", "မိုးမိုး", "စန္ဒာ", "ဝေဝေ", "ယုယု"],
        men: ["အောင်အောင်", "ကျော်ဇော", "မင်းထွန်း", "ဇော်မင်း", "သန်းထိုက်", "လှမြင့်", "တင်ဦး", "စိုးဝင်း"],
        families: ["လှ", "ဝင်း", "ထွန်း", "မြင့်", "အောင်", "စိုး", "မောင်", "သန်း"],
    },
    Names {
        language: "fr",
        women: [
            "Aïssatou",
            "Espérance",
            "Françoise",
            "Grâce",
            "Béatrice",
            "Mariam",
            "Solange",
            "Noëlla",
        ],
        men: [
            "Désiré",
            "Jean-Pierre",
            "Moïse",
            "Augustin",
            "Théophile",
            "Ibrahim",
            "Innocent",
            "Gédéon",
        ],
        families: [
            "Mbuyi",
            "N'Diaye",
            "Kabongo",
            "Ouédraogo",
            "Traoré",
            "Bahati",
            "Sawadogo",
            "Mukendi",
        ],
    },
    Names {
        language: "es",
        women: ["María José", "Yolanda", "Inés", "Rosalía", "Begoña", "Lucía", "Pilar", "Ángela"],
        men: ["José Ángel", "Ramón", "Iñaki", "Hernán", "Germán", "Óscar", "Martín", "Álvaro"],
        families: [
            "Núñez",
            "Peña",
            "Gutiérrez",
            "Ibáñez",
            "Quiñones",
            "Castaño",
            "Marín",
            "Zúñiga",
        ],
    },
];

/// SplitMix64 (Steele, Lea and Flood, 2014): enough for a sample, the same on every machine, no dependency.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `n`; the tiny unevenness of a remainder does not matter here.
    fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn pick<'a, T>(&mut self, of: &'a [T; 8]) -> &'a T {
        &of[(self.next() % 8) as usize]
    }
}

/// Hands over every row of a sample camp: 1 to 9 people a household, 5 on average.
///
/// # Errors
///
/// Whatever `each` answers.
pub fn rows<E>(
    seed: u64,
    households: u32,
    mut each: impl FnMut(&[String; 13]) -> Result<(), E>,
) -> Result<(), E> {
    let mut chance = Chance(seed);
    for number in 1..=households {
        let names = &NAMES[chance.below(NAMES.len() as u64) as usize];
        let family = *chance.pick(&names.families);
        let size = 1 + chance.below(9);
        let block =
            format!("{}{}", char::from(b'A' + chance.below(12) as u8), 1 + chance.below(20));
        let registered = format!("2026-{:02}-{:02}", 1 + chance.below(9), 1 + chance.below(28));
        let id = format!("HH-{number:06}");
        // The head is a woman in six of ten households, as in most camps.
        let head_is_woman = chance.below(10) < 6;
        for member in 0..size {
            let (relationship, woman, born) = match member {
                0 => ("head", head_is_woman, 1955 + chance.below(50)),
                1 if size > 2 => ("spouse", !head_is_woman, 1955 + chance.below(50)),
                _ => ("child", chance.one_in(2), 2007 + chance.below(19)),
            };
            let given = chance.pick(if woman { &names.women } else { &names.men });
            let phone = if member == 0 {
                format!("07{:08}", chance.below(100_000_000))
            } else {
                String::new()
            };
            let adult_woman = woman && member < 2 && born > 1980;
            let seeing = ["none", "some", "a_lot", "cannot"];
            let difficulty = if chance.one_in(12) { 1 + chance.below(3) } else { 0 };
            each(&[
                id.clone(),
                block.clone(),
                size.to_string(),
                registered.clone(),
                relationship.to_owned(),
                (*given).to_owned(),
                family.to_owned(),
                if woman { "female" } else { "male" }.to_owned(),
                format!("{born}-{:02}-{:02}", 1 + chance.below(12), 1 + chance.below(28)),
                phone,
                names.language.to_owned(),
                if adult_woman && chance.one_in(8) { "yes" } else { "no" }.to_owned(),
                seeing[difficulty as usize].to_owned(),
            ])?;
        }
    }
    Ok(())
}

/// Writes a sample camp as CSV: UTF-8, commas, [`HEADER`] first.
///
/// # Errors
///
/// Those of `out`.
pub fn camp(seed: u64, households: u32, out: &mut impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(HEADER).map_err(io::Error::from)?;
    rows(seed, households, |row| csv.write_record(row).map_err(io::Error::from))?;
    csv.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_camp() {
        let make = |seed| {
            let mut out = Vec::new();
            camp(seed, 300, &mut out).expect("a vector takes all");
            String::from_utf8(out).expect("text")
        };
        assert_eq!(make(7), make(7));
        assert_ne!(make(7), make(8));
        let text = make(7);
        let people = text.lines().count() - 1;
        assert!((1_300..1_700).contains(&people), "{people} people in 300 households");
        for name in NAMES.iter().flat_map(|n| n.families) {
            assert!(text.contains(name), "{name}");
        }
    }
}
