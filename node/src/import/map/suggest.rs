//! Drafts a mapping file from a header: a small dictionary of what columns are called in four languages.

use std::collections::{BTreeMap, BTreeSet};

use annona_ledger::digits::western;

use super::{Column, DateOrder, OPEN};
use crate::import::check::{Compiled, MAX_WORDS, Said, Words, is_identifier, key_text};
use crate::import::header::{Header, refused_header};
use crate::import::table::{Cell, Row, Source, TableError, letters};
use crate::import::{ImportError, header};
use crate::person::{Field, Kind, Scope, clean};

/// What columns are called. Written for files in English, French, Spanish and Arabic; letters only, lower case.
const WORDS: &[(&str, Field)] = &[
    (
        "name fullname completename nomcomplet nombrecompleto nometprenom nomprenom beneficiaryname الاسم الاسمالكامل اسم الاسمالثلاثي الاسمالرباعي",
        Field::FullName,
    ),
    (
        "givenname firstname forename prenom prenoms nombre nombres primernombre الاسمالاول",
        Field::GivenName,
    ),
    (
        "middlename fathersname secondname postnom deuxiemenom segundonombre اسمالاب",
        Field::MiddleName,
    ),
    (
        "familyname lastname surname nom nomdefamille apellido apellidos اسمالعائلة الكنية العائلة",
        Field::FamilyName,
    ),
    ("mothername mothersname nomdelamere nombredelamadre اسمالام", Field::MotherName),
    ("fathername nomdupere nombredelpadre", Field::FatherName),
    ("sex gender sexe genre sexo genero الجنس النوع", Field::Sex),
    (
        "birthdate dateofbirth dob datedenaissance datenaissance fechadenacimiento fechanacimiento تاريخالميلاد",
        Field::BirthDate,
    ),
    ("estimatedbirthdate birthdateestimated", Field::BirthDateEstimated),
    ("age ageyears edad العمر", Field::Age),
    (
        "relationship relationtohead relationshiptohead lienparente liendeparente parentesco relacion صلةالقرابة القرابة",
        Field::Relationship,
    ),
    (
        "maritalstatus maritalsituation etatcivil situationmatrimoniale estadocivil الحالةالاجتماعية",
        Field::MaritalStatus,
    ),
    ("language preferredlanguage langue idioma lengua اللغة", Field::Language),
    ("headhousehold ishead headofhousehold chefdemenage jefedehogar ربالاسرة", Field::IsHead),
    (
        "phone phonenumber phoneno telephone mobile mobilenumber contactnumber numerodetelephone telefono celular الهاتف رقمالهاتف الجوال رقمالجوال",
        Field::Phone,
    ),
    ("phonenoalternative alternativephone secondphone telephone2", Field::PhoneAlternative),
    ("whatsappphonenumber whatsapp whatsappnumber", Field::PhoneMessaging),
    (
        "nationalid nationalidno idnumber nationalidnumber cin cni numerodeidentidad cedula dni رقمالهوية الرقمالوطني",
        Field::NationalId,
    ),
    (
        "passport passportno nationalpassportno passeport pasaporte جوازالسفر رقمالجواز",
        Field::Passport,
    ),
    ("birthcertificate birthcertificateno actedenaissance", Field::BirthCertificate),
    ("driverslicenseno drivinglicence permisdeconduire", Field::DrivingLicence),
    ("electoralcardno votercard carteelectorale", Field::VoterCard),
    ("unhcrid unhcridno individualid progresid", Field::AgencyId),
    ("scopeidno scopeid programmeid", Field::ProgrammeId),
    ("otheridno documentid otherdocument", Field::OtherDocument),
    ("otheridtype documenttype typededocument", Field::OtherDocumentKind),
    ("pregnant enceinte embarazada حامل", Field::Pregnant),
    ("breastfeeding lactating allaitante lactante مرضع", Field::Breastfeeding),
    ("disability observeddisability handicap discapacidad الاعاقة", Field::Disability),
    ("seeingdisability seeing vision", Field::Seeing),
    ("hearingdisability hearing", Field::Hearing),
    ("physicaldisability walking mobility", Field::Walking),
    ("memorydisability remembering memory", Field::Remembering),
    ("selfcaredisability selfcare", Field::SelfCare),
    ("commsdisability communicating communication", Field::Communicating),
    ("chronicillness maladiechronique enfermedadcronica مرضمزمن", Field::ChronicIllness),
    ("workstatus occupation profession ocupacion المهنة", Field::Occupation),
    ("schoolenrolled inschool", Field::InSchool),
    ("primarycollectorid", Field::PrimaryCollectorFor),
    ("alternatecollectorid", Field::AlternateCollectorFor),
    (
        "size householdsize hhsize totalhhsize familysize tailledumenage taillemenage tamanodelhogar عددافرادالاسرة حجمالاسرة عددالافراد",
        Field::Size,
    ),
    ("address adresse direccion shelter العنوان", Field::Address),
    (
        "village block section camp quartier localite aldea barrio القرية الحي المخيم",
        Field::Village,
    ),
    ("scope site sitio الموقع", Field::Site),
    ("country pays pais البلد", Field::Country),
    ("admin1 governorate province region gouvernorat departamento المحافظة", Field::Admin1),
    ("admin2 district distrito municipio القضاء المديرية", Field::Admin2),
    ("admin3 subdistrict commune الناحية", Field::Admin3),
    ("admin4", Field::Admin4),
    ("males men hommes hombres madults رجال", Field::Men),
    ("females women femmes mujeres fadults نساء", Field::Women),
    ("boys garcons ninos اولاد", Field::Boys),
    ("girls filles ninas بنات", Field::Girls),
    ("under5 howmanyunder5 children04 moinsde5ans", Field::UnderFive),
    ("elderly over65 over60 howmanyover65 personnesagees adultosmayores", Field::Elderly),
    ("fpregnant pregnantwomen femmesenceintes", Field::PregnantWomen),
    ("howmanypregnantlactating plw", Field::PregnantOrBreastfeeding),
    ("howmanydisabilities disabled persondisabilities", Field::WithDisability),
    ("mendisabled madultsdisability", Field::MenWithDisability),
    ("womendisabled fadultsdisability", Field::WomenWithDisability),
    ("boysdisabled", Field::BoysWithDisability),
    ("girlsdisabled", Field::GirlsWithDisability),
    ("howmanychronic", Field::ChronicallyIll),
    ("howmanywidows widows veuves", Field::Widows),
    ("childrenmalnourished malnourishedchildren", Field::MalnourishedChildren),
    ("malnourishedtreatment", Field::MalnutritionTreated),
    ("unaccompaniedchild", Field::UnaccompaniedChildren),
    ("pregnantmember", Field::HasPregnant),
    ("f05agegroup", Field::Girls0To5),
    ("f611agegroup", Field::Girls6To11),
    ("f1217agegroup", Field::Girls12To17),
    ("m05agegroup", Field::Boys0To5),
    ("m611agegroup", Field::Boys6To11),
    ("m1217agegroup", Field::Boys12To17),
    ("f05disability", Field::Girls0To5WithDisability),
    ("f611disability", Field::Girls6To11WithDisability),
    ("f1217disability", Field::Girls12To17WithDisability),
    ("m05disability", Field::Boys0To5WithDisability),
    ("m611disability", Field::Boys6To11WithDisability),
    ("m1217disability", Field::Boys12To17WithDisability),
    ("residencestatus householdsituation displacementstatus situation statut", Field::Situation),
    (
        "firstregistrationdate registrationdate datedenregistrement fechaderegistro تاريخالتسجيل",
        Field::RegisteredOn,
    ),
    ("monthsdisplaced", Field::MonthsDisplaced),
    ("livingsituation housing logement vivienda السكن", Field::Housing),
    ("returnee retourne", Field::Returnee),
    ("childhoh", Field::ChildHeaded),
    ("fchildhoh", Field::GirlHeaded),
    ("score vulnerabilityscore", Field::Score),
    ("paymentamountmultiplier multiplier", Field::Multiplier),
    ("maxpayments", Field::MaxPayments),
    ("programfspconfigurationname provider fsp", Field::Provider),
    ("unhcrhhid progreshouseholdid", Field::AgencyHouseholdId),
];

/// Headers that name a household or a row, best first.
const KEYS: [&str; 16] = [
    "householdid",
    "hhid",
    "idhousehold",
    "idmenage",
    "numeromenage",
    "idhogar",
    "رقمالاسرة",
    "familyid",
    "caseid",
    "registrationid",
    "referenceid",
    "nationalid",
    "documentid",
    "uuid",
    "parentindex",
    "id",
];

/// Prefixes and suffixes that survey tools put around a name (HOPE `_h_c`, ODK groups, Kobo numbering).
const SUFFIXES: [&str; 6] = ["_h_c", "_i_c", "_h_f", "_i_f", "_hh", "_ind"];

/// A header reduced to the letters and digits that tell what it is.
pub(super) fn reduce(header: &str) -> String {
    let name = clean(header).0.to_lowercase();
    let name = name.rsplit(['/', ':']).next().unwrap_or_default().trim();
    let name = SUFFIXES.iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
    let plain = |c: char| match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'أ' | 'إ' | 'آ' => 'ا',
        other => other,
    };
    name.chars().filter(|c| c.is_alphanumeric()).map(plain).collect()
}

/// The field a header most likely means.
pub(in crate::import) fn guess(header: &str) -> Option<Field> {
    let name = reduce(header);
    let words =
        || WORDS.iter().flat_map(|(words, field)| words.split(' ').map(move |w| (w, *field)));
    let exact = words().find(|(w, _)| *w == name).map(|(_, f)| f);
    let named = || Field::ALL.iter().copied().find(|f| f.name().replace('_', "") == name);
    let close = || words().find(|(w, _)| name.len() > 6 && distance(w, &name) <= 1).map(|(_, f)| f);
    exact.or_else(named).or_else(close)
}

/// The field whose name is nearest to a misspelt one.
pub(super) fn nearest(name: &str) -> Option<Field> {
    let by = Field::ALL.iter().copied().min_by_key(|f| distance(f.name(), name))?;
    (distance(by.name(), name) <= 3).then_some(by).or_else(|| guess(name))
}

/// Edits between two short texts (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().take(64).enumerate() {
        let mut corner = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        let mut left = i + 1;
        for (cb, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let replace = corner + usize::from(ca != *cb);
            corner = *cell;
            *cell = replace.min(left + 1).min(*cell + 1);
            left = *cell;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Drafts a mapping file for `source`: commented, to be read and corrected by somebody who knows the file. Where the file does
/// not tell what is right, the register above all, it has a question mark, and [`super::Map::parse`] refuses it till that is
/// answered.
/// Columns it could not place, and columns that are refused, stand in it as comments with the reason.
///
/// # Errors
///
/// [`ImportError`] where the file cannot be read or has no header.
pub fn suggest_map(source: &Source) -> Result<String, ImportError> {
    let sheets = source.sheets();
    let mut found = Vec::new();
    let mut samples = BTreeMap::new();
    for (at, name) in sheets.iter().enumerate() {
        let mut rows = Vec::new();
        let sample = source.read(at, |row, _| {
            rows.push(Row { number: row.number, cells: row.cells.clone(), formulas: Vec::new() });
            if rows.len() < SAMPLE { Ok(()) } else { Err(Stop::Enough) }
        });
        if let Err(Stop::Table(e)) = sample {
            return Err(e.into());
        }
        if let Some(header) = header::find(&rows, None, &BTreeSet::new()) {
            let guessed = header.names().filter(|(_, n)| guess(n).is_some()).count();
            found.push((name.clone(), header, guessed));
            samples.insert(name.clone(), rows);
        }
    }
    found.sort_by_key(|(_, _, guessed)| std::cmp::Reverse(*guessed));
    found.truncate(2);
    let Some((_, best, _)) = found.first() else {
        return Err(ImportError::NoHeader { sheet: sheets.first().cloned().unwrap_or_default() });
    };
    let key =
        found.iter().skip(1).filter(|(_, _, n)| *n > 0).find_map(|(_, h, _)| shared_key(best, h));
    let joined = key.is_some();
    if !joined {
        found.truncate(1);
    }
    let key = key.or_else(|| likely_key(found.first().map(|(_, h, _)| h)?));
    // A key that comes again in the sample groups persons; otherwise each row is a household.
    let persons = !joined
        && found.first().is_some_and(|(name, header, _)| {
            let column = key.as_deref().and_then(|k| header.find(k));
            let rows = samples.get(name).map(Vec::as_slice).unwrap_or_default();
            column.is_some_and(|c| repeats(rows, header, c))
        });
    let draft = Draft { source, key: key.as_deref(), joined, persons, samples: &samples };
    Ok(draft.print(&found))
}

fn repeats(rows: &[Row], header: &Header, column: usize) -> bool {
    let mut seen = BTreeSet::new();
    let keys = rows.iter().filter(|r| r.number > header.row);
    keys.filter_map(|r| key_text(r.cell(column), true).ok()).any(|k| !seen.insert(k))
}

/// Rows looked at in each sheet.
const SAMPLE: usize = 60;

enum Stop {
    Enough,
    Table(TableError),
}

impl From<TableError> for Stop {
    fn from(e: TableError) -> Self {
        Self::Table(e)
    }
}

fn shared_key(a: &Header, b: &Header) -> Option<String> {
    let names: BTreeSet<&str> = b.names().map(|(_, n)| n).collect();
    let both = Vec::from_iter(a.names().map(|(_, n)| n).filter(|n| names.contains(n)));
    let ranked = |n: &&str| KEYS.iter().position(|k| reduce(n) == *k).unwrap_or(usize::MAX);
    both.into_iter().min_by_key(ranked).filter(|n| ranked(n) < usize::MAX).map(str::to_owned)
}

/// The column that most likely names a household.
pub(in crate::import) fn likely_key(header: &Header) -> Option<String> {
    let called =
        |key: &&str| header.names().find(|(_, n)| reduce(n) == **key).map(|(_, n)| n.to_owned());
    KEYS.iter().find_map(called)
}

/// A map as it is drafted, for one file.
struct Draft<'a> {
    source: &'a Source,
    key: Option<&'a str>,
    /// Two sheets that name a household by the same column.
    joined: bool,
    /// Rows of one key are a household.
    persons: bool,
    /// The first rows of each sheet.
    samples: &'a BTreeMap<String, Vec<Row>>,
}

impl Draft<'_> {
    fn print(&self, found: &[(String, Header, usize)]) -> String {
        let key = match self.key {
            Some(key) => format!("key = [{}]", quoted(key)),
            None => "# No column looks like a key. Name the one, or the several, that tell families apart.\nkey = [\"?\"]".into(),
        };
        let mut out = format!(
            "# Drafted from the header. {}\n\
             # Read every line: a column under the wrong field is worse than one that is dropped. `annona family fields`\n\
             # lists the fields. Write something in place of every \"?\".\n\
             # The register these numbers come from, such as \"intake-2026\". It decides who is the same family: keep it the\n\
             # same for every later file of that register, and at every site.\n\
             source = \"{OPEN}\"\n{key}\n\
             # 01/02/2024 can be two days. Say which: day-month-year, month-day-year or year-month-day.\n",
            self.source.reading()
        );
        out.push_str(&self.date_order(found));
        let mut tables: Vec<_> = found.iter().map(|(sheet, header, _)| (sheet, header)).collect();
        // The sheet with more fields of persons is the members'.
        let share_of_persons = |h: &Header| {
            h.names().filter(|(_, n)| guess(n).is_some_and(|f| f.scope() == Scope::Person)).count()
                * 100
                / h.names().count().max(1)
        };
        tables.sort_by_key(|(_, h)| share_of_persons(h));
        for (at, (sheet, header)) in tables.iter().enumerate() {
            let members = self.persons || (self.joined && at == 1);
            let table = if members { "member" } else { "household" };
            out.push_str(&format!("\n[{table}]\n"));
            if !sheet.is_empty() {
                out.push_str(&format!("sheet = {}\n", quoted(sheet)));
            }
            out.push_str(&format!("[{table}.columns]\n"));
            let rows = self.samples.get(*sheet).map(Vec::as_slice).unwrap_or_default();
            let mut taken = BTreeSet::new();
            for (column, name) in header.names() {
                let taken_for = !header.is_repeated(name) && refused_header(name).is_none();
                let field = guess(name)
                    .filter(|f| taken_for && taken.insert(*f))
                    .filter(|f| !members || self.persons || f.scope() == Scope::Person);
                out.push_str(&self.line(header, column, name, field, rows));
                out.push('\n');
            }
        }
        out
    }

    /// The order of dates: asked where the first rows have a date that is none with the day first.
    fn date_order(&self, found: &[(String, Header, usize)]) -> String {
        let (mut day_first, mut month_first) = (None, None);
        for (sheet, header, _) in found {
            let dates = header.names().filter(|(_, name)| {
                guess(name).is_some_and(|field| matches!(field.kind(), Kind::Date))
            });
            let columns: Vec<usize> = dates.map(|(column, _)| column).collect();
            let rows = self.samples.get(sheet).map(Vec::as_slice).unwrap_or_default();
            for row in rows.iter().filter(|row| row.number > header.row) {
                for column in &columns {
                    let at = match order_of(row.cell(*column)) {
                        Some(DateOrder::DayMonthYear) => &mut day_first,
                        Some(DateOrder::MonthDayYear) => &mut month_first,
                        Some(DateOrder::YearMonthDay) | None => continue,
                    };
                    at.get_or_insert(row.number);
                }
            }
        }
        let in_row =
            |at: u64, order: &str| format!("# The date in row {at} is one as {order} alone.\n");
        match (day_first, month_first) {
            (_, None) => "date_order = \"day-month-year\"\n".to_owned(),
            (day, Some(month)) => format!(
                "{}{}date_order = \"{OPEN}\"\n",
                day.map(|at| in_row(at, "day-month-year")).unwrap_or_default(),
                in_row(month, "month-day-year"),
            ),
        }
    }

    /// What the draft says of one column.
    fn line(
        &self,
        header: &Header,
        column: usize,
        name: &str,
        field: Option<Field>,
        rows: &[Row],
    ) -> String {
        let (place, called) = (letters(column), quoted(name));
        if header.is_repeated(name) {
            return format!(
                "# {called} = \"\"  # column {place}: another column has the same name"
            );
        }
        if let Some(why) = refused_header(name) {
            return format!("# {called} = \"\"  # column {place}: refused, {why}");
        }
        let is_key = self.key == Some(name);
        let Some(field) = field else {
            return if is_key {
                format!("{called} = {{ number_as_text = true }}  # the key")
            } else {
                format!("# {called} = \"\"  # column {place}: not mapped, will be dropped")
            };
        };
        let name = field.name();
        if is_key || is_identifier(field) {
            return format!("{called} = {{ field = \"{name}\", number_as_text = true }}");
        }
        let words = self.unknown(header, column, field, rows);
        match field.kind() {
            Kind::Choice(choices) if !words.is_empty() => format!(
                "{called} = {{ field = \"{name}\", values = {{ {} }} }}  # {}, or \"\" for not known",
                words.join(", "),
                choices.join(", ")
            ),
            _ => format!("{called} = \"{name}\""),
        }
    }

    /// Words of the first rows that a field with a list of its own does not know, each to be given a meaning.
    fn unknown(&self, header: &Header, column: usize, field: Field, rows: &[Row]) -> Vec<String> {
        let decimal = self.source.decimal();
        let reads = Compiled::new(column, "", field, &Column::default(), None, decimal);
        let mut words = Words::default();
        // Nobody's name is one letter: in a column of sexes such a word is asked about wherever it stands.
        let mut single = BTreeSet::new();
        for row in rows.iter().filter(|row| row.number > header.row) {
            if let (_, Some(Said::Word(word))) = reads.convert(row.cell(column)) {
                words.add(&word, &row.number.to_string());
                if field == Field::Sex && word.chars().count() == 1 && single.len() < MAX_WORDS {
                    single.insert(word);
                }
            }
        }
        let told = words.told();
        single.extend(told.keys().map(|word| (*word).to_owned()));
        single.iter().map(|word| format!("{} = \"{OPEN}\"", quoted(word))).collect()
    }
}

/// The one order in which a cell is a date, where its year is written last and the other is none.
fn order_of(cell: &Cell) -> Option<DateOrder> {
    let Cell::Text(text) = cell else { return None };
    let text: String = clean(text).0.chars().map(western).collect();
    let parts: Vec<&str> = text.split(['T', ' ']).next()?.split(['-', '/', '.']).collect();
    let [a, b, year] = parts[..] else { return None };
    let (a, b): (u8, u8) = (a.parse().ok()?, b.parse().ok()?);
    match (year.len(), a, b) {
        (4, 13..=31, 1..=12) => Some(DateOrder::DayMonthYear),
        (4, 1..=12, 13..=31) => Some(DateOrder::MonthDayYear),
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
