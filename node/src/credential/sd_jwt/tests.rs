use super::*;
use crate::credential::status::{About, ListName, StatusList, TTL, token};
use crate::credential::{Issuer, OnStale, Statuses, TrustList};

const NOW: Seconds = Seconds(1_795_000_000);

fn issuer() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

fn holder() -> SigningKey {
    SigningKey::from_seed(&[8; 32])
}

fn trust() -> TrustList {
    let mut trust = TrustList::new();
    let until = NOW.plus(1_000_000);
    trust.add(Issuer::ours(issuer().public(), 2, "Lakeside", (Seconds(0), until))).expect("a key");
    trust
}

fn uri() -> String {
    ListName::of(&issuer().public(), 2, 1).to_string()
}

fn statuses(revoked: bool) -> Statuses {
    let mut list = StatusList::new();
    assert!(!revoked || list.revoke(5));
    let about = About { uri: uri(), issued: NOW, ttl: Some(TTL), expires: None };
    let mut statuses = Statuses::new();
    let jwt = token::to_jwt(&about, &list, &issuer());
    assert_eq!(statuses.take(jwt.as_bytes(), &trust(), NOW), Ok(uri()));
    statuses
}

fn issued() -> String {
    let terms = Terms {
        holder: Some(holder().public()),
        issued: NOW,
        expires: NOW.plus(1000),
        status: StatusRef { uri: uri(), index: 5 },
    };
    let attributes = [
        ("age_band", json!("30-39")),
        ("household_size", json!(6)),
        ("programme", json!("Food")),
        ("given_name", json!("أمينة")),
    ];
    issue(&attributes, &terms, &issuer()).expect("issued")
}

fn shown() -> String {
    present(&issued(), &["programme", "household_size"], &holder(), ("water", "n-1"), NOW)
        .expect("it has both")
}

fn asked<'a>(trust: &'a TrustList, statuses: &'a Statuses) -> Asked<'a> {
    let against = Against { trust, statuses, now: NOW, stale: OnStale::Refuse };
    Asked { against, audience: "water", nonce: "n-1", since: None }
}

#[test]
fn what_is_shown_is_what_was_chosen_and_nothing_else() {
    let (trust, held) = (trust(), statuses(false));
    let shown = shown();
    assert!(!shown.contains(&jws::base64("أمينة".as_bytes())[..8]));
    let checked = check(&shown, &asked(&trust, &held)).expect("good");
    assert_eq!(
        (&checked.claims["programme"], &checked.claims["household_size"]),
        (&json!("Food"), &json!(6))
    );
    for hidden in ["given_name", "age_band", "_sd", "_sd_alg"] {
        assert!(!checked.claims.contains_key(hidden), "{hidden}");
    }
    assert_eq!(
        (checked.holder, checked.stale, checked.as_of),
        (Some(holder().public()), false, Some(NOW))
    );
    assert_ne!(issued(), issued(), "salts are drawn anew");
    assert_eq!(present(&issued(), &["nationality"], &holder(), ("water", "n-1"), NOW), None);
}

#[test]
fn a_presentation_is_refused_for_a_reason_that_is_told_apart() {
    let (trust, held) = (trust(), statuses(false));
    let now = asked(&trust, &held);
    #[track_caller]
    fn refused(text: &str, asked: &Asked<'_>, number: u8) {
        let refusal = check(text, asked).expect_err("refused");
        assert_eq!(refusal.number(), number, "{refusal}");
    }
    let good = shown();
    refused("", &now, 1);
    refused(&good.replace('~', ""), &now, 1);
    let (token, rest) = good.split_once('~').expect("parts");
    let parts: Vec<&str> = rest.split('~').collect();
    refused(&format!("{token}~{}~{}~{rest}", parts[0], parts[1]), &now, 1);
    refused(&format!("{token}~~{rest}"), &now, 1);
    let foreign = jws::base64(json!(["salt", "iban", "x"]).to_string().as_bytes());
    refused(&format!("{token}~{foreign}~{rest}"), &now, 1);
    let but = |against| Asked { against, ..now };
    let nobody = TrustList::new();
    refused(&good, &but(Against { trust: &nobody, ..now.against }), 4);

    let (header, tail) = token.split_once('.').expect("parts");
    let (claims, signature) = tail.split_once('.').expect("parts");
    let mut altered: Value = strict::read(&jws::unbase64(claims).expect("base64")).expect("JSON");
    altered["exp"] = json!(NOW.0 + 1_000_000_000);
    let altered = jws::base64(altered.to_string().as_bytes());
    refused(&format!("{header}.{altered}.{signature}~{rest}"), &now, 5);
    let none = jws::base64(br#"{"alg":"none","typ":"dc+sd-jwt"}"#);
    refused(&format!("{none}.{claims}.~{rest}"), &now, 2);
    // A stranger who names our issuer, and one who names itself.
    let stranger = SigningKey::from_seed(&[9; 32]);
    let claims = strict::read(&jws::unbase64(claims).expect("base64")).expect("JSON");
    refused(&format!("{}~{rest}", jws::sign(&stranger, TYPE, &claims)), &now, 5);
    let mut own = claims.clone();
    own["iss"] = json!(jws::did(&stranger.public()));
    refused(&format!("{}~{rest}", jws::sign(&stranger, TYPE, &own)), &now, 4);
    own["cnf"]["jwk"] = jws::jwk(&stranger.public());
    refused(&format!("{}~{rest}", jws::sign(&stranger, TYPE, &own)), &now, 11);
    // Of this issuer, and in a list of a programme it may not issue for.
    let mut other = claims.clone();
    other["status"]["status_list"]["uri"] = json!(uri().replace("/2.", "/3."));
    refused(&format!("{}~{rest}", jws::sign(&issuer(), TYPE, &other)), &now, 5);
    refused(&format!("{}~{rest}", jws::sign(&issuer(), "jwt", &claims)), &now, 2);

    let late = but(Against { now: NOW.plus(1001), ..now.against });
    let at = late.against.now;
    let again = present(&issued(), &[], &holder(), ("water", "n-1"), at).expect("shown");
    refused(&again, &late, 7);
    refused(&good, &asked(&trust, &statuses(true)), 8);
    refused(&good, &asked(&trust, &Statuses::new()), 9);
    let food = Statuses::new();
    let food = but(Against { stale: OnStale::Allow, statuses: &food, ..now.against });
    assert!(check(&good, &food).expect("flagged").stale);

    refused(&issued(), &now, 10);
    refused(&good, &Asked { audience: "city", ..now }, 10);
    refused(&good, &Asked { nonce: "n-2", ..now }, 10);
    let late = Against { now: NOW.plus(MAX_AGE + 1), ..now.against };
    refused(&good, &but(late), 10);
    // Where it was noted when it was asked, an answer may be as old as the question, and no older.
    let noted = |since| Asked { against: late, since: Some(since), ..now };
    check(&good, &noted(NOW)).expect("on its way by stick");
    refused(&good, &noted(NOW.plus(MAX_AHEAD + 1)), 10);
    let thief = present(&issued(), &["programme"], &stranger, ("water", "n-1"), NOW).expect("made");
    refused(&thief, &now, 10);
    let less = format!("{token}~{}~{}", parts[0], parts[2]);
    refused(&less, &now, 10);
}

#[test]
fn digests_that_play_tricks_are_refused() {
    let reveal_one = |claims: Value, disclosures: &[Value]| {
        let texts: Vec<String> =
            disclosures.iter().map(|d| jws::base64(d.to_string().as_bytes())).collect();
        let fill = |name: &str| {
            let place: usize = name.strip_prefix('#')?.parse().ok()?;
            Some(digest(texts.get(place)?))
        };
        fn walk(value: &mut Value, fill: &dyn Fn(&str) -> Option<String>) {
            match value {
                Value::String(text) => {
                    if let Some(digest) = fill(text) {
                        *text = digest;
                    }
                }
                Value::Array(items) => items.iter_mut().for_each(|item| walk(item, fill)),
                Value::Object(map) => map.values_mut().for_each(|item| walk(item, fill)),
                _ => {}
            }
        }
        let mut claims = claims;
        walk(&mut claims, &fill);
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        reveal(claims.as_object().expect("an object"), &texts)
    };
    let one = json!(["s", "a", 1]);
    assert_eq!(
        reveal_one(json!({"_sd": ["#0"]}), std::slice::from_ref(&one)),
        Ok(json!({"a": 1}).as_object().cloned().expect("one"))
    );
    assert!(
        reveal_one(json!({"_sd": ["#0", "#0"]}), std::slice::from_ref(&one)).is_err(),
        "a digest twice"
    );
    assert!(
        reveal_one(json!({"_sd": ["#0"], "x": {"_sd": ["#0"]}}), std::slice::from_ref(&one))
            .is_err()
    );
    assert!(
        reveal_one(json!({"_sd": ["#0"], "a": 2}), std::slice::from_ref(&one)).is_err(),
        "a taken name"
    );
    assert!(reveal_one(json!({"_sd": ["#0"]}), &[json!(["s", "_sd", 1])]).is_err());
    assert!(reveal_one(json!({"_sd": ["#0"]}), &[json!(["s", "...", 1])]).is_err());
    assert!(reveal_one(json!({"_sd": ["#0"]}), &[json!(["s", "iss", "me"])]).is_err());
    assert!(
        reveal_one(json!({"_sd": ["#0"]}), &[json!(["s", 1])]).is_err(),
        "an element for a claim"
    );
    assert!(
        reveal_one(json!({"x": [{"...": "#0"}]}), std::slice::from_ref(&one)).is_err(),
        "and the reverse"
    );
    assert!(reveal_one(json!({"x": [{"...": "#0", "y": 1}]}), &[json!(["s", 1])]).is_err());
    assert!(reveal_one(json!({"...": "#0"}), std::slice::from_ref(&one)).is_err());
    assert!(reveal_one(json!({"_sd": "#0"}), std::slice::from_ref(&one)).is_err());
    assert!(reveal_one(json!({"_sd": [1]}), &[]).is_err());
    assert!(
        reveal_one(json!({"_sd": ["#0"], "_sd_alg": "md5"}), std::slice::from_ref(&one)).is_err()
    );
    assert!(reveal_one(json!({}), &[one]).is_err(), "nothing refers to it");
    let inner = json!(["s", "a", {"_sd": ["#0"]}]);
    assert!(reveal_one(json!({}), &[inner]).is_err());
    let nested =
        reveal_one(json!({"x": ["#9", {"...": "#0"}, {"...": "none"}]}), &[json!(["s", {"y": 1}])]);
    assert_eq!(nested.map(Value::Object), Ok(json!({"x": ["#9", {"y": 1}]})));
}
