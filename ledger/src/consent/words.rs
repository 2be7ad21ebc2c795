//! The closed lists: what data may be used for, which attributes there are, on what basis, and how things stand. Numbers
//! are those of the wire and of records; each word has its term in the W3C Data Privacy Vocabulary (DPV 2, and its
//! extension PD for kinds of personal data), or none where the vocabulary has none.

use serde::{Deserialize, Serialize};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($number:literal $variant:ident $word:literal $iri:expr, $means:literal;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[repr(u8)]
        pub enum $name { $(#[doc = $means] $variant = $number,)* }

        impl $name {
            /// Every word, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The word, on screens and in commands.
            #[must_use]
            pub const fn word(self) -> &'static str { match self { $(Self::$variant => $word,)* } }

            /// What it means, one line.
            #[must_use]
            pub const fn means(self) -> &'static str { match self { $(Self::$variant => $means,)* } }

            /// Its term in the published vocabulary.
            #[must_use]
            pub const fn iri(self) -> Option<&'static str> { match self { $(Self::$variant => $iri,)* } }

            /// The one of a word.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.word() == word)
            }
        }
    };
}

words! {
    /// What data may be used for.
    Purpose {
        0 Aid "aid" Some("https://w3id.org/dpv#RequestedServiceProvision"), "To plan and give the aid she asked for.";
        1 Delivery "delivery" Some("https://w3id.org/dpv#DeliveryOfGoods"), "To hand out goods.";
        2 Identity "identity" Some("https://w3id.org/dpv#IdentityVerification"), "To make sure that she is who she says.";
        3 Overlap "overlap" Some("https://w3id.org/dpv#Verification"), "To see whether another organisation already helps with the same need.";
        4 Referral "referral" Some("https://w3id.org/dpv#ServiceProvision"), "To be helped by another organisation.";
        5 Payment "payment" Some("https://w3id.org/dpv#PaymentManagement"), "To be paid by an outside payer.";
        6 Complaint "complaint" Some("https://w3id.org/dpv#DisputeManagement"), "To look into a complaint of hers.";
        7 Contact "contact" Some("https://w3id.org/dpv#CommunicationManagement"), "To reach her.";
        8 Protection "protection" Some("https://w3id.org/dpv#PublicBenefit"), "To protect her or a child from harm.";
        9 Statistics "statistics" Some("https://w3id.org/dpv#ProvideOfficialStatistics"), "To count, without telling who.";
        10 Export "export" Some("https://w3id.org/dpv#RecordManagement"), "To be copied into another organisation's system, for longer than one answer.";
    }
}

words! {
    /// A kind of personal data: what one switch of a consent gives.
    Attribute {
        0 Name "name" Some("https://w3id.org/dpv/pd#Name"), "Names.";
        1 Parents "parents" Some("https://w3id.org/dpv/pd#Family"), "Names of mother and father.";
        2 Sex "sex" Some("https://w3id.org/dpv/pd#Gender"), "Sex as registered.";
        3 AgeBand "age_band" Some("https://w3id.org/dpv/pd#AgeRange"), "0 to 4, 5 to 17, 18 to 59, or 60 and over.";
        4 Age "age" Some("https://w3id.org/dpv/pd#Age"), "Date of birth and age.";
        5 Family "family" Some("https://w3id.org/dpv/pd#FamilyStructure"), "Relationship, marital status, head of household.";
        6 Language "language" Some("https://w3id.org/dpv/pd#Language"), "Language.";
        7 Phone "phone" Some("https://w3id.org/dpv/pd#TelephoneNumber"), "Telephone numbers.";
        8 Documents "documents" Some("https://w3id.org/dpv/pd#OfficialID"), "Numbers of documents.";
        9 Health "health" Some("https://w3id.org/dpv/pd#MedicalHealth"), "Pregnancy, disability, illness, nutrition.";
        10 Work "work" Some("https://w3id.org/dpv/pd#Professional"), "Work and school.";
        11 Collectors "collectors" Some("https://w3id.org/dpv/pd#Family"), "For whom she collects.";
        12 Household "household" Some("https://w3id.org/dpv/pd#FamilyStructure"), "How many people of which age and sex.";
        13 Address "address" Some("https://w3id.org/dpv/pd#PhysicalAddress"), "Address, village, site.";
        14 Area "area" Some("https://w3id.org/dpv/pd#Geographic"), "Country and administrative area.";
        15 Situation "situation" Some("https://w3id.org/dpv/pd#Demographic"), "Displacement, housing, the programme's score and terms, day of registration.";
    }
}

words! {
    /// On what ground data is used.
    Basis {
        0 Consent "consent" Some("https://w3id.org/dpv#Consent"), "She agreed, and could have said no without losing anything.";
        1 VitalInterest "vital_interest" Some("https://w3id.org/dpv#VitalInterest"), "Somebody's life or safety hangs on it.";
        2 PublicInterest "public_interest" Some("https://w3id.org/dpv#PublicInterest"), "A mandate given by law or treaty.";
    }
}

words! {
    /// How a consent stands. Immutable once given: another consent replaces it, it never changes.
    StateWord {
        0 Requested "requested" Some("https://w3id.org/dpv#ConsentRequested"), "Asked for, not answered.";
        1 Given "given" Some("https://w3id.org/dpv#ConsentGiven"), "Given.";
        2 Refused "refused" Some("https://w3id.org/dpv#ConsentRefused"), "She said no.";
        3 Renewed "renewed" Some("https://w3id.org/dpv#RenewedConsentGiven"), "Given again after an earlier one.";
        4 Withdrawn "withdrawn" Some("https://w3id.org/dpv#ConsentWithdrawn"), "She took it back.";
        5 Expired "expired" Some("https://w3id.org/dpv#ConsentExpired"), "Its last day has passed.";
        6 Invalidated "invalidated" Some("https://w3id.org/dpv#ConsentInvalidated"), "It was found not to have been freely or rightly given.";
    }
}

words! {
    /// Why a consent counts no more.
    Withdrawal {
        0 Asked "asked" None, "She asked for it.";
        1 Guardian "guardian" None, "Her guardian asked for it.";
        2 Replaced "replaced" None, "Another consent took its place.";
        3 Invalid "invalid" None, "It was found not to have been freely or rightly given.";
        4 Erased "erased" None, "Her record was erased.";
    }
}

words! {
    /// What kind of thing stood in the way of somebody who was refused.
    RefusalClass {
        0 Value "value" None, "The entitlement: none, used up, expired.";
        1 Authentication "authentication" None, "She could not be recognised.";
        2 Policy "policy" None, "A rule of the programme.";
    }
}

words! {
    /// Why somebody was served by an exception.
    Exception {
        0 NoCard "no_card" None, "Her card is lost, damaged or with somebody else.";
        1 NoPin "no_pin" None, "She has no PIN, or does not recall it.";
        2 Injury "injury" None, "She is hurt or ill.";
        3 Age "age" None, "She is too old or too young for it.";
        4 Disability "disability" None, "She cannot do what the method asks.";
        5 Device "device" None, "The reader, or the till, does not work.";
        6 Network "network" None, "What would tell cannot be reached.";
        7 Other "other" None, "Something else; it stands on paper.";
    }
}

words! {
    /// What an outside reader looked at. It tells nothing else of it.
    Body {
        0 Finger "finger" None, "Fingers.";
        1 Iris "iris" None, "Eyes.";
        2 Face "face" None, "The face.";
        3 Palm "palm" None, "The hand.";
        4 Voice "voice" None, "The voice.";
        5 Other "other" None, "Something else.";
    }
}

words! {
    /// What two households are that looked alike.
    Verdict {
        0 Duplicate "duplicate" None, "One household, registered twice.";
        1 Distinct "distinct" None, "Two households.";
        2 Adjudicate "adjudicate" None, "It cannot be told here: somebody else must look.";
    }
}

words! {
    /// How a complaint was decided.
    Outcome {
        0 Upheld "upheld" None, "She was right.";
        1 PartlyUpheld "partly_upheld" None, "She was right in part.";
        2 NotUpheld "not_upheld" None, "She was not right.";
        3 NoAnswer "no_answer" None, "It could not be looked into.";
    }
}

words! {
    /// How far a complaint is.
    Stage {
        0 Unknown "unknown" None, "Nothing is known of it here.";
        1 Open "open" None, "Made, not decided.";
        2 Decided "decided" None, "Decided once.";
        3 Appealed "appealed" None, "The decision is not accepted.";
        4 Settled "settled" None, "The appeal is decided.";
        5 TakenBack "taken_back" None, "The person took it back.";
    }
}

/// A set of attributes: bit *n* is attribute *n*. Other bits belong to later versions, and are refused by who writes.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
pub struct Attributes(pub u32);

impl Attributes {
    /// None.
    pub const NONE: Self = Self(0);

    /// These.
    #[must_use]
    pub fn of(attributes: impl IntoIterator<Item = Attribute>) -> Self {
        Self(attributes.into_iter().fold(0, |bits, one| bits | 1 << one as u8))
    }

    /// Whether one is among them.
    #[must_use]
    pub const fn has(self, attribute: Attribute) -> bool {
        self.0 >> attribute as u8 & 1 == 1
    }

    /// Whether these are all among others.
    #[must_use]
    pub const fn within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Whether it is not empty and every bit is an attribute of this version.
    #[must_use]
    pub fn is_named(self) -> bool {
        self != Self::NONE && self.within(Self::of(Attribute::ALL.iter().copied()))
    }

    /// They, by number.
    pub fn iter(self) -> impl Iterator<Item = Attribute> {
        Attribute::ALL.iter().copied().filter(move |one| self.has(*one))
    }
}

impl std::fmt::Display for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (n, one) in self.iter().enumerate() {
            write!(f, "{}{}", if n == 0 { "" } else { ", " }, one.word())?;
        }
        Ok(())
    }
}
