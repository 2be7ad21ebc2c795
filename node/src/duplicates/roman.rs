//! Names of many scripts in one plain alphabet, for comparing and for nothing else: two spellings of a name come near each
//! other, and no name can be written back.
//!
//! ```text
//! Mohammed  Muhammad  محمد  মোহাম্মদ      mohamed muhamad mhmd mohamd     bare: mhmd
//! Selam     ሰላም                          selam   selam                   bare: slm
//! ```
//!
//! Small tables by hand, from the order of the Unicode blocks: a table of all characters is half a megabyte, and what is
//! compared here is nothing but names.

use unicode_normalization::UnicodeNormalization;

/// A name in small Latin letters and single spaces. What belongs to no script known here is left out.
pub(crate) fn roman(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.nfkd() {
        match c as u32 {
            // What is written above and below letters, in Latin, Arabic and Hebrew, is passed over.
            0x300..=0x36F | 0x640 | 0x64B..=0x65F | 0x670 | 0x6D6..=0x6ED => {}
            0x41..=0x5A | 0x61..=0x7A => out.push(c.to_ascii_lowercase()),
            0x600..=0x6FF => out.push_str(arabic(c)),
            0x1200..=0x137F => ethiopic(c, &mut out),
            0x900..=0xD7F => indic(c, &mut out),
            0x1000..=0x109F => burmese(c, &mut out),
            0x400..=0x4FF => out.push_str(cyrillic(c)),
            _ if c.is_alphabetic() => out.push_str(latin(c)),
            _ if c == '\'' || c == '’' || c == 'ʿ' || c == 'ʾ' || c == '`' => {}
            _ if c == '\u{200c}' || c == '\u{200d}' => {}
            _ => {
                if !out.ends_with(' ') && !out.is_empty() {
                    out.push(' ');
                }
            }
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// What stays of a word whoever spelt it: its consonants, one of each sound, none doubled.
pub(crate) fn bare(word: &str) -> String {
    let mut letters = word.to_owned();
    for (two, one) in [
        ("kh", "h"),
        ("gh", "g"),
        ("sh", "s"),
        ("ch", "c"),
        ("th", "t"),
        ("dh", "d"),
        ("ph", "f"),
        ("zh", "z"),
        ("bh", "b"),
        ("dj", "j"),
        ("ck", "k"),
        ("x", "ks"),
    ] {
        letters = letters.replace(two, one);
    }
    let mut out = String::with_capacity(letters.len());
    let mut rest = letters.chars().peekable();
    while let Some(c) = rest.next() {
        let vowel = |c: &char| matches!(c, 'a' | 'e' | 'i' | 'o' | 'u');
        let c = match c {
            'a' | 'e' | 'i' | 'o' | 'u' => continue,
            // A half-vowel counts where it opens a syllable.
            'y' | 'w' if !rest.peek().is_some_and(vowel) => continue,
            'h' if rest.peek().is_none() => continue,
            'q' | 'c' => 'k',
            'z' => 's',
            'v' => 'w',
            'p' => 'b',
            'j' => 'g',
            c => c,
        };
        if !out.ends_with(c) {
            out.push(c);
        }
    }
    out
}

fn latin(c: char) -> &'static str {
    match c {
        'ß' | 'ẞ' => "ss",
        'æ' | 'Æ' => "ae",
        'ø' | 'Ø' => "o",
        'œ' | 'Œ' => "oe",
        'đ' | 'Đ' | 'ɗ' | 'Ɗ' | 'ð' | 'Ð' => "d",
        'ł' | 'Ł' => "l",
        'ı' | 'ɨ' => "i",
        'ŋ' | 'Ŋ' => "ng",
        'ɓ' | 'Ɓ' => "b",
        'ƙ' | 'Ƙ' => "k",
        'ƴ' | 'Ƴ' => "y",
        'ħ' | 'Ħ' => "h",
        'þ' | 'Þ' => "th",
        'ə' | 'Ə' | 'ɛ' | 'Ɛ' => "e",
        'ɔ' | 'Ɔ' => "o",
        _ => "",
    }
}

/// Arabic, and the letters Persian, Urdu, Pashto and Kurdish have besides.
fn arabic(c: char) -> &'static str {
    match c {
        'ا' | 'آ' | 'أ' | 'إ' | 'ى' | 'ٱ' | 'ة' => "a",
        'ب' => "b",
        'پ' => "p",
        'ت' | 'ط' | 'ٹ' | 'ټ' => "t",
        'ث' => "th",
        'ج' => "j",
        'چ' => "ch",
        'ح' | 'ه' | 'ھ' | 'ہ' | 'ە' => "h",
        'خ' => "kh",
        'د' | 'ض' | 'ڈ' | 'ډ' => "d",
        'ذ' => "dh",
        'ر' | 'ڑ' | 'ړ' | 'ڕ' => "r",
        'ز' | 'ظ' => "z",
        'ژ' | 'ږ' => "zh",
        'س' | 'ص' => "s",
        'ش' | 'ښ' => "sh",
        'غ' => "gh",
        'ف' => "f",
        'ڤ' => "v",
        'ق' => "q",
        'ك' | 'ک' => "k",
        'گ' | 'ګ' => "g",
        'ل' | 'ڵ' => "l",
        'م' => "m",
        'ن' | 'ں' | 'ڼ' => "n",
        'و' | 'ؤ' | 'ۆ' | 'ۇ' => "w",
        'ي' | 'ی' | 'ئ' | 'ې' | 'ێ' | 'ے' | 'ۍ' => "y",
        _ => "",
    }
}

/// Eight forms of each consonant, in the order of the block.
fn ethiopic(c: char, out: &mut String) {
    const SERIES: [&str; 43] = [
        "h", "l", "h", "m", "s", "r", "s", "sh", "k", "kw", "k", "kw", "b", "v", "t", "ch", "h",
        "hw", "n", "n", "", "k", "kw", "kh", "kw", "w", "", "z", "zh", "y", "d", "d", "j", "g",
        "gw", "g", "t", "ch", "p", "ts", "ts", "f", "p",
    ];
    const VOWELS: [&str; 8] = ["e", "u", "i", "a", "e", "", "o", "wa"];
    let place = (c as usize).saturating_sub(0x1200);
    let Some(consonant) = SERIES.get(place / 8) else {
        if c == '፡' || c == '።' {
            out.push(' ');
        }
        return;
    };
    out.push_str(consonant);
    // The two that carry no consonant are `a` in their first form.
    out.push_str(match (consonant.is_empty(), place % 8) {
        (true, 0) => "a",
        (_, form) => VOWELS.get(form).copied().unwrap_or_default(),
    });
}

/// The blocks from Devanagari to Malayalam are laid out alike: one table for all of them.
fn indic(c: char, out: &mut String) {
    const CONSONANTS: [&str; 37] = [
        "k", "kh", "g", "gh", "ng", "ch", "ch", "j", "jh", "n", "t", "th", "d", "dh", "n", "t",
        "th", "d", "dh", "n", "n", "p", "ph", "b", "bh", "m", "y", "r", "r", "l", "l", "l", "v",
        "sh", "sh", "s", "h",
    ];
    let place = c as usize & 0x7F;
    let bare_end = |out: &mut String| {
        if out.ends_with('a') {
            out.pop();
        }
    };
    match place {
        0x05 | 0x06 => out.push('a'),
        0x07 | 0x08 => out.push('i'),
        0x09 | 0x0A => out.push('u'),
        0x0B => out.push_str("ri"),
        0x0D..=0x0F => out.push('e'),
        0x10 => out.push_str("ai"),
        0x11..=0x13 => out.push('o'),
        0x14 => out.push_str("au"),
        0x15..=0x39 => {
            out.push_str(CONSONANTS.get(place - 0x15).copied().unwrap_or_default());
            out.push('a');
        }
        0x01 | 0x02 => out.push('n'),
        0x3E => {}
        0x3F..=0x4C => {
            bare_end(out);
            out.push_str(match place {
                0x3F | 0x40 => "i",
                0x41 | 0x42 => "u",
                0x43 | 0x44 => "ri",
                0x45..=0x47 => "e",
                0x48 => "ai",
                0x49..=0x4B => "o",
                _ => "au",
            });
        }
        0x4D => bare_end(out),
        0x5F => {
            out.push_str("ya");
        }
        0x58..=0x5E => {
            out.push_str(
                ["k", "kh", "g", "z", "r", "r", "f"].get(place - 0x58).copied().unwrap_or_default(),
            );
            out.push('a');
        }
        _ => {}
    }
}

fn burmese(c: char, out: &mut String) {
    const CONSONANTS: [&str; 34] = [
        "k", "k", "g", "g", "ng", "s", "s", "z", "z", "ny", "ny", "t", "t", "d", "d", "n", "t",
        "t", "d", "d", "n", "p", "p", "b", "b", "m", "y", "y", "l", "w", "th", "h", "l", "a",
    ];
    let place = (c as usize).saturating_sub(0x1000);
    match place {
        0..=0x21 => out.push_str(CONSONANTS.get(place).copied().unwrap_or_default()),
        0x2B | 0x2C => out.push('a'),
        0x2D | 0x2E => out.push('i'),
        0x2F | 0x30 => out.push('u'),
        0x31 | 0x32 => out.push('e'),
        0x36 => out.push('n'),
        0x3B | 0x3C => out.push('y'),
        0x3D => out.push('w'),
        0x3E => out.push('h'),
        0x3F => out.push_str("th"),
        _ => {}
    }
}

fn cyrillic(c: char) -> &'static str {
    match c.to_lowercase().next().unwrap_or(c) {
        'а' => "a",
        'б' => "b",
        'в' => "v",
        'г' | 'ґ' | 'ғ' => "g",
        'д' => "d",
        'е' | 'э' | 'є' | 'ё' => "e",
        'ж' => "zh",
        'з' => "z",
        'и' | 'і' | 'ї' | 'ы' | 'й' => "i",
        'к' | 'қ' => "k",
        'л' => "l",
        'м' => "m",
        'н' => "n",
        'ң' => "ng",
        'о' | 'ө' => "o",
        'п' => "p",
        'р' => "r",
        'с' => "s",
        'т' => "t",
        'у' | 'ў' | 'ү' | 'ұ' => "u",
        'ф' => "f",
        'х' | 'ҳ' | 'һ' => "kh",
        'ц' => "ts",
        'ч' => "ch",
        'ш' | 'щ' => "sh",
        'ю' => "yu",
        'я' => "ya",
        'ә' => "a",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_bare_alike() {
        for names in [
            &["Mohammed", "Muhammad", "محمد", "মোহাম্মদ", "Mohamed", "Мохаммед", "मोहम्मद"][..],
            &["Selam", "ሰላም", "Sälam"],
            &["Tesfaye", "ተስፋዬ"],
            &["Fatima", "Fatimah", "فاطمة", "Fatma", "ফাতিমা", "Фатима"],
            &["Khalid", "خالد", "Халид", "Khaled"],
            &["Rahim", "রহিম", "رحيم", "रहीम"],
            &["Maung", "မောင်"],
            &["Aung", "အောင်"],
            &["Olena", "Олена"],
            &["Youssef", "Yusuf", "Yousef"],
            &["José", "Jose"],
            &["Zainab", "Zeynab", "زينب"],
        ] {
            let all: Vec<String> = names.iter().map(|name| bare(&roman(name))).collect();
            assert!(all.iter().all(|one| one == &all[0] && !one.is_empty()), "{names:?} {all:?}");
        }
        // Not every name: those that differ to the ear stay apart.
        for (one, other) in [("Amina", "Idris"), ("Maryam", "Marwa"), ("ሰላም", "ሶፍያ")] {
            assert_ne!(bare(&roman(one)), bare(&roman(other)), "{one} {other}");
        }
    }

    #[test]
    fn whatever_is_written_becomes_small_letters_and_single_spaces() {
        for text in ["", "  ", "O'Neill-Ba", "日本", "\u{202e}x", "Ñ  ñ", "٣٤", "ﷺ", "\u{0}a\u{7}b"]
        {
            let roman = roman(text);
            assert!(roman.bytes().all(|b| b.is_ascii_lowercase() || b == b' '), "{roman}");
            assert!(!roman.contains("  ") && roman.trim() == roman, "{roman:?}");
        }
        assert_eq!(roman("O'Neill-Ba"), "oneill ba");
        for c in (0..=0x2FFFu32).filter_map(char::from_u32) {
            let text = roman(&c.to_string());
            assert!(text.len() <= 24 && text.is_ascii(), "{c:?} {text}");
        }
    }
}
