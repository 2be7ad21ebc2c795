//! A text as it is looked for: typed by hand, on another keyboard than it was registered on, or pasted.
//!
//! ```text
//! أحمد  احمد  أَحْمَد  احمـــد      احمد          A-١٢٣  a-123      a-123
//! نیلا  نيلا                      نيلا          နီလာ မောင်  နီလာမောင်   နီလာမောင်
//! ```

use annona_ledger::digits::western;
use unicode_normalization::UnicodeNormalization;

use super::{bare, roman};
use crate::person::clean;

/// A text without what people write or leave out as they please: case, accents and vowel marks, stretched and joining
/// signs, spaces, signs of direction; letters that stand for one another on Arabic keyboards as one, digits as ours. Two
/// texts with the same are read as one.
#[must_use]
pub fn sought(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).0.nfkd().flat_map(char::to_lowercase) {
        match c {
            '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5BD}' | '\u{64B}'..='\u{65F}' => {}
            '\u{640}' | '\u{670}' | '\u{6D6}'..='\u{6ED}' | '\u{200C}' | '\u{200D}' => {}
            c if c.is_whitespace() => {}
            'ٱ' => out.push('ا'),
            'ى' | 'ی' | 'ے' => out.push('ي'),
            'ة' | 'ہ' | 'ھ' | 'ە' => out.push('ه'),
            'ک' => out.push('ك'),
            c => out.push(western(c)),
        }
    }
    out
}

/// The words of a name by what is heard of them, in whatever script and spelling: consonants, one of each sound. Empty for
/// what has none.
#[must_use]
pub fn heard(text: &str) -> Vec<String> {
    roman(text).split(' ').map(bare).filter(|word| !word.is_empty()).collect()
}
