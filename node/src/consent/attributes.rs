//! Which fields of a record each attribute of a consent opens.

use std::collections::BTreeMap;

use annona_ledger::consent::{Attribute, Attributes, Disclosure};

use crate::person::{Date, Field, Household, Person, Value};

/// The attribute a field belongs to: every field to one, so that nothing is opened under none.
#[must_use]
pub const fn attribute_of(field: Field) -> Attribute {
    use Field as F;
    match field {
        F::FullName | F::GivenName | F::MiddleName | F::FamilyName => Attribute::Name,
        F::MotherName | F::FatherName => Attribute::Parents,
        F::Sex => Attribute::Sex,
        F::BirthDate | F::BirthDateEstimated | F::Age => Attribute::Age,
        F::Relationship | F::MaritalStatus | F::IsHead => Attribute::Family,
        F::Language => Attribute::Language,
        F::Phone | F::PhoneAlternative | F::PhoneMessaging => Attribute::Phone,
        F::NationalId
        | F::Passport
        | F::BirthCertificate
        | F::DrivingLicence
        | F::VoterCard
        | F::AgencyId
        | F::ProgrammeId
        | F::OtherDocument
        | F::OtherDocumentKind
        | F::AgencyHouseholdId => Attribute::Documents,
        F::Pregnant
        | F::Breastfeeding
        | F::Disability
        | F::Seeing
        | F::Hearing
        | F::Walking
        | F::Remembering
        | F::SelfCare
        | F::Communicating
        | F::ChronicIllness
        | F::PregnantWomen
        | F::BreastfeedingWomen
        | F::PregnantOrBreastfeeding
        | F::WithDisability
        | F::MenWithDisability
        | F::WomenWithDisability
        | F::BoysWithDisability
        | F::GirlsWithDisability
        | F::ChronicallyIll
        | F::MalnourishedChildren
        | F::MalnutritionTreated
        | F::HasPregnant
        | F::Girls0To5WithDisability
        | F::Girls6To11WithDisability
        | F::Girls12To17WithDisability
        | F::Boys0To5WithDisability
        | F::Boys6To11WithDisability
        | F::Boys12To17WithDisability => Attribute::Health,
        F::Occupation | F::InSchool => Attribute::Work,
        F::PrimaryCollectorFor | F::AlternateCollectorFor => Attribute::Collectors,
        F::Size
        | F::Men
        | F::Women
        | F::Boys
        | F::Girls
        | F::UnderFive
        | F::Elderly
        | F::Widows
        | F::UnaccompaniedChildren
        | F::ChildHeaded
        | F::GirlHeaded
        | F::Girls0To5
        | F::Girls6To11
        | F::Girls12To17
        | F::Boys0To5
        | F::Boys6To11
        | F::Boys12To17 => Attribute::Household,
        F::Address | F::Village | F::Site => Attribute::Address,
        F::Country | F::Admin1 | F::Admin2 | F::Admin3 | F::Admin4 => Attribute::Area,
        F::Situation
        | F::RegisteredOn
        | F::MonthsDisplaced
        | F::Housing
        | F::Returnee
        | F::Score
        | F::Multiplier
        | F::MaxPayments
        | F::Provider => Attribute::Situation,
    }
}

/// An age as a band, in words.
const fn band(years: u64) -> &'static str {
    match years {
        0..=4 => "0-4",
        5..=17 => "5-17",
        18..=59 => "18-59",
        _ => "60+",
    }
}

/// What a permit opened: the attributes it names and nothing else. Not copied; its text is wiped when dropped.
#[derive(Debug)]
pub struct Shown {
    /// What it was opened for.
    pub disclosure: Disclosure,
    /// Fields of the household as a whole.
    pub whole: BTreeMap<Field, Value>,
    /// Fields of each member, head first.
    pub members: Vec<BTreeMap<Field, Value>>,
    /// The age band of each member, where the permit names it and the age is known.
    pub bands: Vec<Option<&'static str>>,
}

impl Shown {
    pub(super) fn of(disclosure: Disclosure, household: &Household, today: Date) -> Self {
        let attributes = disclosure.attributes;
        let only = |person: &Person| fields(person, attributes);
        let bands = household.members.iter().map(|person| {
            let years = household.age_on(person, today)?;
            attributes.has(Attribute::AgeBand).then(|| band(years))
        });
        Self {
            disclosure,
            whole: only(&household.whole),
            members: household.members.iter().map(only).collect(),
            bands: bands.collect(),
        }
    }
}

fn fields(person: &Person, attributes: Attributes) -> BTreeMap<Field, Value> {
    let named = person.iter().filter(|(field, _)| attributes.has(attribute_of(*field)));
    named.map(|(field, value)| (field, value.clone())).collect()
}
