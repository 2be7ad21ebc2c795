//! Digits of every script, as they are typed on the keyboards and printed on the papers of a camp.

/// Where each script's digits begin in Unicode 16 (general category Nd): ten in order, by value.
const ZEROS: [u32; 76] = [
    0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66,
    0xDE6, 0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
    0x104A0, 0x10D30, 0x10D40, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x116D0, 0x116DA, 0x11730, 0x118E0, 0x11950, 0x11BF0, 0x11C50, 0x11D50,
    0x11DA0, 0x11F50, 0x16130, 0x16A60, 0x16AC0, 0x16B50, 0x16D70, 0x1CCF0, 0x1D7CE, 0x1D7D8,
    0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E5F1, 0x1E950, 0x1FBF0,
];

/// The value of a digit, 0 to 9, of whatever script; `None` for any other character, numerals without places among them.
///
/// ```
/// # use annona_ledger::digits::digit;
/// assert_eq!(["7", "٧", "๗", "꘧"].map(|d| digit(d.chars().next()?)), [Some(7); 4]);
/// assert_eq!(digit('፯'), None);
/// ```
#[must_use]
pub fn digit(letter: char) -> Option<u8> {
    let code = u32::from(letter);
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let value = code.checked_sub(*ZEROS.get(after.checked_sub(1)?)?)?;
    u8::try_from(value).ok().filter(|value| *value < 10)
}

/// A character as it is, or, if it is a digit, as one of 0 to 9.
#[must_use]
pub fn western(letter: char) -> char {
    digit(letter).map_or(letter, |value| char::from(b'0'.saturating_add(value)))
}

/// Whether a character is a mark of direction (UAX #9): papers set some around what stands in them from left to right, and
/// whoever copies a number from a screen copies them with it.
#[must_use]
pub const fn is_mark(letter: char) -> bool {
    matches!(letter, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Whether a character stands between the groups of a code: a space, a hyphen or a dash.
#[must_use]
pub const fn is_gap(letter: char) -> bool {
    matches!(letter, ' ' | '-' | '\u{a0}' | '\u{2010}'..='\u{2015}')
}

/// A number as it is typed or copied: digits as 0 to 9, the Arabic sign of decimals as a point, and no marks of direction.
/// Nothing else is changed.
#[must_use]
pub fn typed(text: &str) -> String {
    let plain = text.chars().filter(|c| !is_mark(*c));
    plain.map(|c| if c == '\u{66B}' { '.' } else { western(c) }).collect()
}

/// A code as it is typed or copied: as [`typed`] has it, in one group.
///
/// ```
/// # use annona_ledger::digits::code;
/// assert_eq!(code("\u{2068}٠٧f3-9a1c\u{2069} "), "07f39a1c");
/// ```
#[must_use]
pub fn code(text: &str) -> String {
    typed(text).chars().filter(|c| !is_gap(*c)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_has_its_ten_and_nothing_beside_them() {
        assert!(ZEROS.windows(2).all(|two| two[1] - two[0] >= 10), "in order, apart");
        for zero in ZEROS {
            for value in 0..10u8 {
                let letter = char::from_u32(zero + u32::from(value)).expect("a character");
                assert_eq!(digit(letter), Some(value));
                assert!(letter.is_numeric(), "{letter}");
            }
        }
        // What counts, and has no place: fractions, circled and raised numbers, numerals of letters.
        for other in ['፩', '½', '①', '²', 'Ⅻ', '〇', '三', 'o', 'O', ' ', '/', ':'] {
            assert_eq!(digit(other), None, "{other}");
        }
        assert_eq!(typed("٣٤٫٥ kg"), "34.5 kg");
    }

    #[test]
    fn marks_of_direction_are_no_part_of_a_number() {
        for mark in
            ['\u{61C}', '\u{200E}', '\u{200F}', '\u{202B}', '\u{2066}', '\u{2068}', '\u{2069}']
        {
            assert_eq!(typed(&format!("{mark}1#١٢{mark}")), "1#12");
        }
        // What joins letters is part of a name.
        assert_eq!(typed("a\u{200D}b\u{200C}c - d"), "a\u{200D}b\u{200C}c - d");
        assert_eq!(code(" \u{2068}AB-12\u{2011}٣٤ ૫૬\u{2069}"), "AB123456");
    }
}
