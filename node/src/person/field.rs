//! The closed list of attributes. Numbers are stored and names are written in mapping files: neither is ever reused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text of at most this many bytes.
    Text(usize),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A whole number of at most this much.
    Number(u64),
    /// A calendar date.
    Date,
    /// Yes or no.
    YesNo,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(most) => write!(f, "text of at most {most} bytes"),
            Self::Choice(words) => write!(f, "one of {}", words.join(", ")),
            Self::Number(most) => write!(f, "a whole number up to {most}"),
            Self::Date => f.write_str("a day"),
            Self::YesNo => f.write_str("yes or no"),
        }
    }
}

/// Whose attribute a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Of one person.
    Person,
    /// Of the household as a whole.
    Household,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person => "person",
            Self::Household => "household",
        })
    }
}

/// Answers of the Washington Group short set on functioning.
const DIFFICULTY: &[&str] = &["none", "some", "a_lot", "cannot"];
/// The most people of one sort in a household.
const MOST: u64 = 1000;

macro_rules! fields {
    ($($number:literal $variant:ident $name:literal $scope:ident $kind:expr, $doc:literal;)*) => {
        /// An attribute of a person or a household. The number is stored, the name stands in mapping files.
        ///
        /// There is none for an image, a body measurement, religion, ethnicity or a place by coordinates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u16", into = "u16")]
        #[repr(u16)]
        pub enum Field { $(#[doc = $doc] $variant = $number,)* }

        impl Field {
            /// Every field, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in mapping files and on screens.
            #[must_use]
            pub fn name(self) -> &'static str { match self { $(Self::$variant => $name,)* } }

            /// What it means, one line.
            #[must_use]
            pub fn meaning(self) -> &'static str { match self { $(Self::$variant => $doc,)* } }

            /// What it may hold.
            #[must_use]
            pub fn kind(self) -> Kind { match self { $(Self::$variant => $kind,)* } }

            /// Whose attribute it is.
            #[must_use]
            pub fn scope(self) -> Scope { match self { $(Self::$variant => Scope::$scope,)* } }
        }
    };
}

fields! {
    1 FullName "full_name" Person Kind::Text(256), "The whole name as the person gives it.";
    2 GivenName "given_name" Person Kind::Text(256), "Given name or names.";
    3 MiddleName "middle_name" Person Kind::Text(256), "Middle name, father's or grandfather's name within the person's own.";
    4 FamilyName "family_name" Person Kind::Text(256), "Family name.";
    5 MotherName "mother_name" Person Kind::Text(256), "Mother's name, where registrations tell people apart by it.";
    6 FatherName "father_name" Person Kind::Text(256), "Father's name.";
    7 Sex "sex" Person Kind::Choice(&["female", "male", "other", "unknown"]), "Sex as registered.";
    8 BirthDate "birth_date" Person Kind::Date, "Date of birth.";
    9 BirthDateEstimated "birth_date_estimated" Person Kind::YesNo, "Whether the date of birth is an estimate.";
    10 Age "age" Person Kind::Number(130), "Age in years when registered.";
    11 Relationship "relationship" Person Kind::Text(64), "Relationship to the head of household; `head` for the head.";
    12 MaritalStatus "marital_status" Person Kind::Text(64), "Marital status in the programme's words.";
    13 Language "language" Person Kind::Text(35), "Preferred language (BCP 47 tags are at most 35 characters).";
    14 IsHead "is_head" Person Kind::YesNo, "Whether this person heads the household.";
    20 Phone "phone" Person Kind::Text(40), "Telephone number.";
    21 PhoneAlternative "phone_alternative" Person Kind::Text(40), "Another telephone number.";
    22 PhoneMessaging "phone_messaging" Person Kind::Text(40), "Number of a messaging service.";
    30 NationalId "national_id" Person Kind::Text(64), "National identity number.";
    31 Passport "passport" Person Kind::Text(64), "Passport number.";
    32 BirthCertificate "birth_certificate" Person Kind::Text(64), "Birth certificate number.";
    33 DrivingLicence "driving_licence" Person Kind::Text(64), "Driving licence number.";
    34 VoterCard "voter_card" Person Kind::Text(64), "Electoral card number.";
    35 AgencyId "agency_id" Person Kind::Text(64), "Number given by a refugee agency.";
    36 ProgrammeId "programme_id" Person Kind::Text(64), "Number given by another programme.";
    37 OtherDocument "other_document" Person Kind::Text(64), "Number of another document.";
    38 OtherDocumentKind "other_document_kind" Person Kind::Text(64), "What that other document is.";
    40 Pregnant "pregnant" Person Kind::YesNo, "Pregnant.";
    41 Breastfeeding "breastfeeding" Person Kind::YesNo, "Breastfeeding.";
    42 Disability "disability" Person Kind::Text(64), "Disability as observed, in the programme's words.";
    43 Seeing "seeing" Person Kind::Choice(DIFFICULTY), "Difficulty seeing (Washington Group short set).";
    44 Hearing "hearing" Person Kind::Choice(DIFFICULTY), "Difficulty hearing.";
    45 Walking "walking" Person Kind::Choice(DIFFICULTY), "Difficulty walking or climbing steps.";
    46 Remembering "remembering" Person Kind::Choice(DIFFICULTY), "Difficulty remembering or concentrating.";
    47 SelfCare "self_care" Person Kind::Choice(DIFFICULTY), "Difficulty with washing or dressing.";
    48 Communicating "communicating" Person Kind::Choice(DIFFICULTY), "Difficulty communicating.";
    49 ChronicIllness "chronic_illness" Person Kind::YesNo, "Chronically ill.";
    50 Occupation "occupation" Person Kind::Text(64), "Work, in the programme's words.";
    51 InSchool "in_school" Person Kind::YesNo, "Enrolled in school.";
    52 PrimaryCollectorFor "primary_collector_for" Person Kind::Text(128), "Key of the household this person collects for first.";
    53 AlternateCollectorFor "alternate_collector_for" Person Kind::Text(128), "Key of the household this person collects for as alternate.";
    200 Size "size" Household Kind::Number(1000), "People in the household, as declared.";
    201 Address "address" Household Kind::Text(512), "Address or shelter.";
    202 Village "village" Household Kind::Text(128), "Village, block or section.";
    203 Site "site" Household Kind::Text(128), "Site or scope the registration assigns.";
    204 Country "country" Household Kind::Text(64), "Country.";
    205 Admin1 "admin1" Household Kind::Text(128), "First administrative level.";
    206 Admin2 "admin2" Household Kind::Text(128), "Second administrative level.";
    207 Admin3 "admin3" Household Kind::Text(128), "Third administrative level.";
    208 Admin4 "admin4" Household Kind::Text(128), "Fourth administrative level.";
    210 Men "men" Household Kind::Number(MOST), "Men.";
    211 Women "women" Household Kind::Number(MOST), "Women.";
    212 Boys "boys" Household Kind::Number(MOST), "Boys.";
    213 Girls "girls" Household Kind::Number(MOST), "Girls.";
    214 UnderFive "under_five" Household Kind::Number(MOST), "Children under five.";
    215 Elderly "elderly" Household Kind::Number(MOST), "People over 60 or 65.";
    216 PregnantWomen "pregnant_women" Household Kind::Number(MOST), "Pregnant women.";
    217 BreastfeedingWomen "breastfeeding_women" Household Kind::Number(MOST), "Breastfeeding women.";
    218 PregnantOrBreastfeeding "pregnant_or_breastfeeding" Household Kind::Number(MOST), "Pregnant or breastfeeding women.";
    219 WithDisability "with_disability" Household Kind::Number(MOST), "People with a disability.";
    220 MenWithDisability "men_with_disability" Household Kind::Number(MOST), "Men with a disability.";
    221 WomenWithDisability "women_with_disability" Household Kind::Number(MOST), "Women with a disability.";
    222 BoysWithDisability "boys_with_disability" Household Kind::Number(MOST), "Boys with a disability.";
    223 GirlsWithDisability "girls_with_disability" Household Kind::Number(MOST), "Girls with a disability.";
    224 ChronicallyIll "chronically_ill" Household Kind::Number(MOST), "Chronically ill people.";
    225 Widows "widows" Household Kind::Number(MOST), "Widows.";
    226 MalnourishedChildren "malnourished_children" Household Kind::Number(MOST), "Malnourished children.";
    227 MalnutritionTreated "malnutrition_treated" Household Kind::YesNo, "Whether malnutrition is treated.";
    228 UnaccompaniedChildren "unaccompanied_children" Household Kind::YesNo, "Whether an unaccompanied child lives with them.";
    229 HasPregnant "has_pregnant" Household Kind::YesNo, "Whether a member is pregnant.";
    230 Girls0To5 "girls_0_5" Household Kind::Number(MOST), "Girls aged 0 to 5.";
    231 Girls6To11 "girls_6_11" Household Kind::Number(MOST), "Girls aged 6 to 11.";
    232 Girls12To17 "girls_12_17" Household Kind::Number(MOST), "Girls aged 12 to 17.";
    233 Boys0To5 "boys_0_5" Household Kind::Number(MOST), "Boys aged 0 to 5.";
    234 Boys6To11 "boys_6_11" Household Kind::Number(MOST), "Boys aged 6 to 11.";
    235 Boys12To17 "boys_12_17" Household Kind::Number(MOST), "Boys aged 12 to 17.";
    236 Girls0To5WithDisability "girls_0_5_with_disability" Household Kind::Number(MOST), "Girls aged 0 to 5 with a disability.";
    237 Girls6To11WithDisability "girls_6_11_with_disability" Household Kind::Number(MOST), "Girls aged 6 to 11 with a disability.";
    238 Girls12To17WithDisability "girls_12_17_with_disability" Household Kind::Number(MOST), "Girls aged 12 to 17 with a disability.";
    239 Boys0To5WithDisability "boys_0_5_with_disability" Household Kind::Number(MOST), "Boys aged 0 to 5 with a disability.";
    240 Boys6To11WithDisability "boys_6_11_with_disability" Household Kind::Number(MOST), "Boys aged 6 to 11 with a disability.";
    241 Boys12To17WithDisability "boys_12_17_with_disability" Household Kind::Number(MOST), "Boys aged 12 to 17 with a disability.";
    250 Situation "situation" Household Kind::Text(64), "Displacement situation in the programme's words.";
    251 RegisteredOn "registered_on" Household Kind::Date, "Day of first registration.";
    252 MonthsDisplaced "months_displaced" Household Kind::Number(1200), "Months since displacement.";
    253 Housing "housing" Household Kind::Text(64), "Housing, in the programme's words.";
    254 Returnee "returnee" Household Kind::YesNo, "Returned from displacement.";
    255 ChildHeaded "child_headed" Household Kind::YesNo, "Headed by a child.";
    256 GirlHeaded "girl_headed" Household Kind::YesNo, "Headed by a girl.";
    257 Score "score" Household Kind::Number(1000000), "Vulnerability score of the programme.";
    258 Multiplier "multiplier" Household Kind::Number(1000), "How many times the base amount is paid.";
    259 MaxPayments "max_payments" Household Kind::Number(1000), "How often at most it is paid.";
    260 Provider "provider" Household Kind::Text(64), "Payment provider or way of delivery.";
    261 AgencyHouseholdId "agency_household_id" Household Kind::Text(64), "Household number given by a refugee agency.";
}

impl Field {
    /// The number under which it is stored.
    #[must_use]
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The field of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|f| f.name() == name)
    }
}

impl From<Field> for u16 {
    fn from(field: Field) -> Self {
        field.number()
    }
}

impl TryFrom<u16> for Field {
    type Error = &'static str;
    fn try_from(number: u16) -> Result<Self, Self::Error> {
        let found = Self::ALL.binary_search_by_key(&number, |f| f.number());
        found.ok().and_then(|at| Self::ALL.get(at)).copied().ok_or("no field has this number")
    }
}
