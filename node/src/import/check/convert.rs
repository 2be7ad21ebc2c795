//! One cell to one value, or to what is wrong with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use annona_ledger::digits::western;

use super::{Code, ColumnName};
use crate::import::map::{Column, DateOrder, Word, guess, value_of};
use crate::import::table::{Cell, Decimal, letters, may_group};
use crate::person::{Date, Field, Forbidden, Kind, Scope, Value, ValueFault, clean};

/// Words for yes, and words for no, that need no value map. Digits of all scripts count as 1 and 0.
const YES: &str = "yes y true 1 oui vrai si sí verdadero sim نعم أجل አዎ አዎን হ্যাঁ ဟုတ် ဟုတ်ကဲ့";
const NO: &str = "no n false 0 non faux falso não لا አይ አይደለም না မဟုတ် မဟုတ်ပါ";
/// Words for a sex. Of single letters those that are one sex wherever they are used: M is a man in English and a woman in
/// Spanish, H a man in French and a woman in Spanish beside V, and both are left to the map.
const SEX: [(&str, &str); 2] = [
    (
        "female woman girl f femme féminin feminin fille mujer femenino niña أنثى انثى امرأة زن خانم دختر ښځه жінка дівчина дівчинка жіноча женщина девочка женский ж ሴት মহিলা নারী မ",
        "female",
    ),
    (
        "male man boy homme masculin garçon hombre masculino niño ذكر رجل مرد پسر نارینه чоловік хлопець хлопчик чоловіча мужчина мальчик мужской ч м ወንድ পুরুষ ကျား",
        "male",
    ),
];

/// A column of the map, found in the header and ready to convert.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) index: usize,
    pub(crate) name: Arc<ColumnName>,
    pub(crate) field: Field,
    /// Which member of the row, from 0; meaningless for a household's field.
    pub(crate) slot: usize,
    pub(crate) required: bool,
    values: Option<BTreeMap<String, Option<Value>>>,
    order: Option<DateOrder>,
    number_as_text: bool,
    decimal: Decimal,
    /// Whether the column is called as one of names or of numbers of people is: no word of it is ever told.
    of_people: bool,
}

/// What is said of a cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// What is wrong with it.
    Wrong(Code),
    /// It holds what is never taken, in one value or a whole column of it.
    Refused(Code, Forbidden),
    /// It holds a word that does not stand in the map or the field's list. It may be anything, a name too.
    Word(String),
}

/// What a cell gave: perhaps a value, perhaps something to say.
pub(crate) type Given = (Option<Value>, Option<Said>);

impl Compiled {
    pub(crate) fn new(
        index: usize,
        name: &str,
        field: Field,
        column: &Column,
        order: Option<DateOrder>,
        decimal: Decimal,
    ) -> Self {
        let fold = |word: &String| clean(word).0.to_lowercase();
        let values = column.values.as_ref().map(|values| {
            let word = |(word, stands): (&String, &Word)| (fold(word), value_of(field, stands));
            values.iter().map(word).collect()
        });
        Self {
            index,
            name: Arc::new(ColumnName { letters: letters(index), name: name.to_owned() }),
            field,
            slot: usize::from(column.member.unwrap_or(1).saturating_sub(1)),
            required: column.required,
            values,
            order: column.date_order.or(order),
            number_as_text: column.number_as_text,
            decimal,
            of_people: guess(name)
                .is_some_and(|field| (1..=6).contains(&field.number()) || is_identifier(field)),
        }
    }

    pub(crate) fn is_household(&self) -> bool {
        self.field.scope() == Scope::Household
    }

    pub(crate) fn convert(&self, cell: &Cell) -> Given {
        let left_out = |code| (None, Some(Said::Wrong(code)));
        match cell {
            Cell::Fault => return left_out(Code::CellFault),
            Cell::Uncalculated => return left_out(Code::Uncalculated),
            Cell::Text(t) if t.contains('\u{FFFD}') => return left_out(Code::UnreadableCharacters),
            _ if cell.is_blank() => return (None, None),
            _ => {}
        }
        if let Some(values) = &self.values {
            return self.by_word(values, cell);
        }
        let made = match self.field.kind() {
            Kind::Text(_) | Kind::Choice(_) => return self.text(cell),
            Kind::Number(most) => whole(cell, self.decimal).and_then(|n| {
                if n <= most { Ok(Value::Number(n)) } else { Err(Code::NumberOutOfRange) }
            }),
            Kind::Date => date(cell, self.order).map(Value::Date),
            Kind::YesNo => yes_no(cell).map(Value::YesNo).ok_or(Code::NotYesNo),
        };
        match made {
            Ok(value) => (Some(value), None),
            Err(code) => left_out(code),
        }
    }

    fn by_word(&self, values: &BTreeMap<String, Option<Value>>, cell: &Cell) -> Given {
        let Some(word) = plain(cell) else {
            return (None, Some(Said::Wrong(Code::UnknownValue)));
        };
        let word = clean(&word).0;
        match values.get(&word.to_lowercase()).or_else(|| values.get("*")) {
            Some(value) => (value.clone(), None),
            None => (None, Some(self.word(word))),
        }
    }

    fn word(&self, word: String) -> Said {
        if self.of_people { Said::Wrong(Code::UnknownValue) } else { Said::Word(word) }
    }

    fn text(&self, cell: &Cell) -> Given {
        let number = matches!(cell, Cell::Number(_));
        if number && is_identifier(self.field) && !self.number_as_text {
            return (None, Some(Said::Wrong(Code::NumberAsId)));
        }
        let Some(raw) = plain(cell) else {
            return (None, Some(Said::Wrong(Code::NumberAsId)));
        };
        let (mut text, stray) = clean(&raw);
        if self.field == Field::Sex {
            text = sex(&text).map_or(text, str::to_owned);
        }
        let said = match twice_encoded(&raw) {
            true => Some(Said::Wrong(Code::TwiceEncoded)),
            false => stray.then_some(Said::Wrong(Code::StrayCharacters)),
        };
        match Value::text(self.field, &text) {
            Ok(value) => (Some(value), said),
            Err(ValueFault::Empty) => (None, said),
            Err(ValueFault::TooLong) => (None, Some(Said::Wrong(Code::TextTooLong))),
            Err(ValueFault::Forbidden(what)) => {
                // One odd text is a mistake; a magic number tells what the column is.
                let code = if what == Forbidden::EncodedBytes {
                    Code::RefusedValue
                } else {
                    Code::RefusedColumn
                };
                (None, Some(Said::Refused(code, what)))
            }
            Err(ValueFault::NotAChoice) => (None, Some(self.word(text))),
            Err(ValueFault::Kind | ValueFault::Characters | ValueFault::Range) => {
                (None, Some(Said::Wrong(Code::UnreadableCharacters)))
            }
        }
    }
}

/// Whether a field holds numbers whose leading zeros count.
pub(crate) fn is_identifier(field: Field) -> bool {
    let numbered = (20..=38).contains(&field.number()) && field != Field::OtherDocumentKind;
    numbered
        || matches!(
            field,
            Field::AgencyHouseholdId | Field::PrimaryCollectorFor | Field::AlternateCollectorFor
        )
}

fn sex(text: &str) -> Option<&'static str> {
    let text = text.to_lowercase();
    let lists = |words: &str| words.split(' ').any(|w| w == text);
    SEX.iter().find(|(words, _)| lists(words)).map(|(_, sex)| *sex)
}

/// Whether a text is UTF-8 that was read as another encoding: written back in that, its bytes are UTF-8 again. Of letters that
/// are no Latin ones a pair may be so by chance, three pairs and nothing else are not.
fn twice_encoded(text: &str) -> bool {
    use encoding_rs::{WINDOWS_1251, WINDOWS_1252, WINDOWS_1256};
    if text.is_ascii() {
        return false;
    }
    [(WINDOWS_1252, 1), (WINDOWS_1251, 3), (WINDOWS_1256, 3)].into_iter().any(
        |(encoding, least)| {
            let (bytes, _, unmappable) = encoding.encode(text);
            let again = std::str::from_utf8(&bytes).ok().filter(|_| !unmappable);
            again.is_some_and(|again| again.chars().filter(|c| !c.is_ascii()).count() >= least)
        },
    )
}

/// A cell as the text it shows; none for a number that lost digits.
fn plain(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Text(t) => Some(t.clone()),
        // Above 2^53 a spreadsheet has already rounded the last digits away.
        Cell::Number(n) if n.fract() == 0.0 && n.abs() < 9_007_199_254_740_992.0 => {
            Some(format!("{n:.0}"))
        }
        Cell::Number(n) if n.fract() != 0.0 => Some(n.to_string()),
        Cell::Bool(b) => Some(b.to_string()),
        Cell::Date(Some(d)) => Some(d.to_string()),
        Cell::Number(_) | Cell::Date(None) | Cell::Empty | Cell::Fault | Cell::Uncalculated => None,
    }
}

/// A cell as part of a key.
pub(crate) fn key_text(cell: &Cell, number_as_text: bool) -> Result<String, Code> {
    match cell {
        Cell::Fault => return Err(Code::CellFault),
        Cell::Uncalculated => return Err(Code::Uncalculated),
        Cell::Text(t) if t.contains('\u{FFFD}') => return Err(Code::UnreadableCharacters),
        Cell::Number(_) if !number_as_text => return Err(Code::NumberAsId),
        _ if cell.is_blank() => return Err(Code::MissingKey),
        _ => {}
    }
    let text = clean(&plain(cell).ok_or(Code::NumberAsId)?).0;
    if text.is_empty() { Err(Code::MissingKey) } else { Ok(text) }
}

fn yes_no(cell: &Cell) -> Option<bool> {
    match cell {
        Cell::Bool(b) => Some(*b),
        Cell::Number(n) if *n == 1.0 => Some(true),
        Cell::Number(n) if *n == 0.0 => Some(false),
        Cell::Text(t) => {
            let word = western_digits(&clean(t).0.to_lowercase());
            let lists = |words: &str| words.split(' ').any(|w| w == word);
            if lists(YES) { Some(true) } else { lists(NO).then_some(false) }
        }
        Cell::Number(_) | Cell::Date(_) | Cell::Empty | Cell::Fault | Cell::Uncalculated => None,
    }
}

fn whole(cell: &Cell, decimal: Decimal) -> Result<u64, Code> {
    match cell {
        Cell::Number(n) if n.fract() != 0.0 => Err(Code::NotANumber),
        Cell::Number(n) if !(0.0..9_007_199_254_740_992.0).contains(n) => {
            Err(Code::NumberOutOfRange)
        }
        Cell::Number(n) => format!("{n:.0}").parse().map_err(|_| Code::NumberOutOfRange),
        Cell::Text(t) => {
            let (whole, minor) = number(t, decimal, 9)?;
            if minor == 0 { Ok(whole) } else { Err(Code::NotANumber) }
        }
        Cell::Date(_) | Cell::Bool(_) | Cell::Empty | Cell::Fault | Cell::Uncalculated => {
            Err(Code::NotANumber)
        }
    }
}

/// A number written as text: its whole part, and its decimals as a number of `digits` digits. Digits of other
/// scripts count; spaces and apostrophes between groups of three are passed over, and two numbers in a cell are none.
pub(crate) fn number(text: &str, decimal: Decimal, digits: u8) -> Result<(u64, u64), Code> {
    let text = western_digits(clean(text).0.trim());
    let plain = text.contains('\u{66B}');
    let decimal = if plain { Decimal { sign: '\u{66B}', sure: true } } else { decimal };
    let text = ungrouped(&text, decimal.sign).ok_or(Code::NotANumber)?;
    if !decimal.sure && may_group(&text) {
        return Err(Code::AmbiguousNumber);
    }
    let decimal = decimal.sign;
    if let Some(rest) = text.strip_prefix('-').or_else(|| text.strip_prefix('−')) {
        let is_number = rest.chars().all(|c| c.is_ascii_digit() || c == decimal);
        return Err(if is_number && !rest.is_empty() {
            Code::NumberOutOfRange
        } else {
            Code::NotANumber
        });
    }
    let (whole, minor) = text.split_once(decimal).unwrap_or((&text, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(minor) {
        return Err(Code::NotANumber);
    }
    let kept = minor.trim_end_matches('0');
    if kept.len() > usize::from(digits) {
        return Err(Code::NotANumber);
    }
    let padded = format!("{kept:0<width$}", width = usize::from(digits));
    let minor = if padded.is_empty() { Ok(0) } else { padded.parse() };
    let whole = whole.parse().map_err(|_| Code::NumberOutOfRange)?;
    Ok((whole, minor.map_err(|_| Code::NumberOutOfRange)?))
}

/// A number without the signs between its groups: one to three digits, and after each sign exactly three.
fn ungrouped(text: &str, decimal: char) -> Option<String> {
    let between = [' ', '\'', '’', '\u{66C}'];
    let (whole, part) = match text.split_once(decimal) {
        Some((whole, part)) => (whole, Some(part)),
        None => (text, None),
    };
    let bare = whole.trim_start_matches(['-', '−']);
    let mut groups = bare.split(between).map(|group| group.chars().count());
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    let grouped = rest.peek().is_none() || (1..=3).contains(&first) && rest.all(|n| n == 3);
    let kept = whole.chars().filter(|c| !between.contains(c));
    let part = part.into_iter().flat_map(|part| std::iter::once(decimal).chain(part.chars()));
    grouped.then(|| kept.chain(part).collect())
}

fn date(cell: &Cell, order: Option<DateOrder>) -> Result<Date, Code> {
    match cell {
        Cell::Date(date) => date.ok_or(Code::NotADate),
        Cell::Text(t) => date_text(&western_digits(&clean(t).0), order),
        Cell::Number(_) | Cell::Bool(_) | Cell::Empty | Cell::Fault | Cell::Uncalculated => {
            Err(Code::NotADate)
        }
    }
}

fn date_text(text: &str, order: Option<DateOrder>) -> Result<Date, Code> {
    // A time of day after the date is not kept: 2024-02-01T08:30:00.
    let text = text.split(['T', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = text.split(['-', '/', '.', '،', '٫']).collect();
    let [a, b, c] = parts.as_slice() else { return Err(Code::NotADate) };
    let n = |t: &str| t.parse::<u16>().map_err(|_| Code::NotADate);
    let (x, y, z) = (n(a)?, n(b)?, n(c)?);
    let make = |year: u16, month: u16, day: u16| {
        Date::new(year, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
    };
    // A day and a month in whatever order, of a year that nobody registered here was born in.
    let other = |year: u16, one: u16, two: u16| {
        let days = (1..=31).contains(&one) && (1..=31).contains(&two) && one.min(two) <= 13;
        (year > 0 && days && Date::new(year, 1, 1).is_none()).then_some(Code::OtherCalendar)
    };
    if a.len() == 4 {
        return make(x, y, z).ok_or_else(|| other(x, y, z).unwrap_or(Code::NotADate));
    }
    if c.len() != 4 {
        return Err(Code::AmbiguousDate);
    }
    if let Some(code) = other(z, x, y) {
        return Err(code);
    }
    match order {
        Some(DateOrder::DayMonthYear) => make(z, y, x).ok_or(Code::NotADate),
        Some(DateOrder::MonthDayYear) => make(z, x, y).ok_or(Code::NotADate),
        // Declared year first, written year last: nothing says which of the others is the day.
        Some(DateOrder::YearMonthDay) => Err(Code::NotADate),
        None => match (make(z, y, x), make(z, x, y)) {
            (Some(one), Some(other)) if one != other => Err(Code::AmbiguousDate),
            (one, other) => one.or(other).ok_or(Code::NotADate),
        },
    }
}

/// Digits of other scripts as 0 to 9. Ge'ez numerals, which have no zero and no places, are counted out.
fn western_digits(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut geez = String::new();
    for c in text.chars() {
        if ('፩'..='፼').contains(&c) {
            geez.push(c);
            continue;
        }
        flush(&mut geez, &mut out);
        out.push(western(c));
    }
    flush(&mut geez, &mut out);
    out
}

fn flush(geez: &mut String, out: &mut String) {
    if geez.is_empty() {
        return;
    }
    let (mut total, mut sum, mut part) = (0u64, 0u64, 0u64);
    for c in geez.drain(..) {
        let at = u64::from(u32::from(c).saturating_sub(u32::from('፩')));
        match at {
            0..=8 => part = part.saturating_add(at + 1),
            9..=17 => part = part.saturating_add((at - 8) * 10),
            18 => (sum, part) = (sum.saturating_add(part.max(1).saturating_mul(100)), 0),
            _ => {
                let all = total.saturating_add(sum).saturating_add(part).max(1);
                (total, sum, part) = (all.saturating_mul(10_000), 0, 0);
            }
        }
    }
    out.push_str(&total.saturating_add(sum).saturating_add(part).to_string());
}
