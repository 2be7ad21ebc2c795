//! Verifiable Credentials 2.0 with a Data Integrity proof, `eddsa-jcs-2022`: for export to what others use.

use annona_ledger::key::{Foreign, SigningKey};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::card::{Against, StatusRef};
use super::sd_jwt::Terms;
use super::trust::{Issuer, TrustList};
use super::when::Seconds;
use super::{NotMade, Refusal, Shown, json as strict, jws, status};

/// The context every credential begins with.
pub const CONTEXT: &str = "https://www.w3.org/ns/credentials/v2";

/// Adds a proof to a document that has none.
///
/// # Errors
///
/// [`NotMade::Text`] for what is no object, has a proof, or a number that readers round.
pub fn sign(document: Value, key: &SigningKey, created: Seconds) -> Result<Value, NotMade> {
    let wrong = NotMade::Text("only a JSON object without a proof can be signed");
    let Value::Object(mut document) = document else { return Err(wrong) };
    if document.contains_key("proof") {
        return Err(wrong);
    }
    let key_name = jws::multibase(&key.public());
    let mut proof = Map::new();
    let options = [
        ("type", "DataIntegrityProof".to_owned()),
        ("cryptosuite", "eddsa-jcs-2022".to_owned()),
        ("created", created.to_string()),
        ("verificationMethod", format!("did:key:{key_name}#{key_name}")),
        ("proofPurpose", "assertionMethod".to_owned()),
    ];
    proof.extend(options.map(|(name, value)| (name.to_owned(), Value::String(value))));
    if let Some(context) = document.get("@context") {
        proof.insert("@context".to_owned(), context.clone());
    }
    let number = NotMade::Text("the document has a number that others would round");
    let hashes = hashes(&proof, &document).ok_or(number)?;
    let signature = key.sign_credential(Foreign::Hashes, &hashes).ok_or(number)?;
    let value = format!("z{}", bs58::encode(signature).into_string());
    proof.insert("proofValue".to_owned(), Value::String(value));
    document.insert("proof".to_owned(), Value::Object(proof));
    Ok(Value::Object(document))
}

/// What is signed: the hashes of the proof's options and of the document, both without what the signature adds.
pub(super) fn hashes(
    options: &Map<String, Value>,
    document: &Map<String, Value>,
) -> Option<[u8; 64]> {
    let mut both = [0; 64];
    for (place, part) in both.chunks_exact_mut(32).zip([options, document]) {
        let text = strict::canonical(&Value::Object(part.clone()))?;
        place.copy_from_slice(&Sha256::digest(text));
    }
    Some(both)
}

/// Reads a credential and checks who signed it and whether it holds now. Its status is for the caller to look up.
///
/// # Errors
///
/// The first [`Refusal`] that applies.
pub fn check<'t>(
    text: &[u8],
    trust: &'t TrustList,
    now: Seconds,
) -> Result<(Map<String, Value>, &'t Issuer), Refusal> {
    let (document, proof, issuer) = signed(text, trust)?;
    in_time(&document, &proof, issuer, now)?;
    Ok((document, issuer))
}

/// Checks a credential that [`holder`] made: who signed it, whether it holds now, and what is known of its status. It is
/// bound to nobody: whoever has it can show it.
///
/// # Errors
///
/// The first [`Refusal`] that applies.
pub fn shown(text: &[u8], against: &Against<'_>) -> Result<Shown, Refusal> {
    let (claims, proof, issuer) = signed(text, against.trust)?;
    let at = claims.get("credentialStatus").map(|status| {
        let field = |name: &str| status.get(name).and_then(Value::as_str);
        let revocation = field("type") == Some("BitstringStatusListEntry")
            && field("statusPurpose") == Some("revocation");
        let index = field("statusListIndex").and_then(|index| index.parse().ok());
        let place = field("statusListCredential").zip(index).filter(|_| revocation);
        let place = place.map(|(uri, index)| StatusRef { uri: uri.to_owned(), index });
        place.ok_or(Refusal::NotOurs("a status of another kind"))
    });
    let at = at.transpose()?;
    let issuer = status::within(against.trust, issuer, at.as_ref())?;
    in_time(&claims, &proof, issuer, against.now)?;
    let (as_of, fresh) = status::known(against, issuer, at.as_ref())?;
    Ok(Shown { claims, issuer: issuer.clone(), holder: None, as_of, stale: !fresh })
}

/// A document, what its proof says beside the signature, and who of the trust list signed it.
type Signed<'t> = (Map<String, Value>, Map<String, Value>, &'t Issuer);

/// Reads a document and checks who signed it. Whether it holds now is for the caller.
pub(super) fn signed<'t>(text: &[u8], trust: &'t TrustList) -> Result<Signed<'t>, Refusal> {
    if text.len() > strict::MAX_LIST {
        return Err(Refusal::Unreadable("longer than is read"));
    }
    let Some(Value::Object(mut document)) = strict::read(text) else {
        return Err(Refusal::Unreadable("no JSON object, or one with a name twice"));
    };
    let other = Refusal::NotOurs("no credential with one proof of eddsa-jcs-2022");
    let Some(Value::Object(mut proof)) = document.remove("proof") else { return Err(other) };
    let is = |map: &Map<String, Value>, name: &str, value: &str| {
        map.get(name).and_then(Value::as_str) == Some(value)
    };
    if !is(&proof, "type", "DataIntegrityProof")
        || !is(&proof, "cryptosuite", "eddsa-jcs-2022")
        || !is(&proof, "proofPurpose", "assertionMethod")
        || !has_type(&document, "VerifiableCredential")
    {
        return Err(other);
    }
    let Some(Value::String(value)) = proof.remove("proofValue") else { return Err(other) };
    let mut signature = [0; 64];
    // 64 bytes have 88 letters at most.
    let letters = value.strip_prefix('z').filter(|letters| letters.len() <= 88).ok_or(other)?;
    if bs58::decode(letters).onto(&mut signature) != Ok(64) {
        return Err(Refusal::Unreadable("the proof is no base58"));
    }
    let issuer = signer(&proof, &document, trust)?;
    // The context that was signed must be how the document's begins, and stands for it.
    if let Some(context) = proof.get("@context") {
        if !begins(document.get("@context"), context) {
            return Err(Refusal::NotAuthentic("its context is another than was signed"));
        }
        document.insert("@context".to_owned(), context.clone());
    }
    let wrong = Refusal::NotAuthentic("the signature is not its issuer's");
    let hashes = hashes(&proof, &document).ok_or(Refusal::Unreadable("a number others round"))?;
    if !issuer.key.verifies_credential(&hashes, &signature) {
        return Err(wrong);
    }
    Ok((document, proof, issuer))
}

fn in_time(
    document: &Map<String, Value>,
    proof: &Map<String, Value>,
    issuer: &Issuer,
    now: Seconds,
) -> Result<(), Refusal> {
    let time = |map: &Map<String, Value>, name: &str| match map.get(name) {
        None => Ok(None),
        Some(value) => {
            let time = value.as_str().and_then(Seconds::parse);
            time.map(Some).ok_or(Refusal::NotOurs("a time that is none"))
        }
    };
    if let Some(from) = time(document, "validFrom")?.filter(|from| *from > now) {
        return Err(Refusal::NotYet(from));
    }
    let ends = [time(document, "validUntil")?, time(proof, "expires")?, Some(issuer.until)];
    if let Some(end) = ends.into_iter().flatten().min().filter(|end| now > *end) {
        return Err(Refusal::Expired(end));
    }
    Ok(())
}

/// The key of the method, which must be on the list; and the document's issuer, which must be its name.
fn signer<'t>(
    proof: &Map<String, Value>,
    document: &Map<String, Value>,
    trust: &'t TrustList,
) -> Result<&'t Issuer, Refusal> {
    let method = proof.get("verificationMethod").and_then(Value::as_str);
    let key = method.and_then(|method| {
        let (did, key) = method.split_once('#')?;
        (did.strip_prefix("did:key:") == Some(key)).then(|| jws::from_multibase(key))?
    });
    let key = key.ok_or(Refusal::NotOurs("no key that is known here"))?;
    let subject = document.get("credentialSubject").and_then(|subject| subject.get("id"));
    let own = subject.and_then(Value::as_str).and_then(jws::from_did) == Some(key);
    let unknown = if own { Refusal::SelfIssued } else { Refusal::IssuerUnknown };
    let issuer = trust.of_key(&key).next().ok_or(unknown)?;
    let named = document.get("issuer");
    let named = named.and_then(|issuer| issuer.as_str().or_else(|| issuer.get("id")?.as_str()));
    let (named, did) = (named.unwrap_or_default(), jws::did(&key));
    if named == did || issuer.id.as_deref() == Some(named) {
        Ok(issuer)
    } else {
        Err(Refusal::NotAuthentic("its issuer is another than whose key signed it"))
    }
}

fn has_type(document: &Map<String, Value>, wanted: &str) -> bool {
    match document.get("type") {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(all)) => all.iter().any(|one| one.as_str() == Some(wanted)),
        _ => false,
    }
}

fn begins(document: Option<&Value>, signed: &Value) -> bool {
    match (document, signed) {
        (Some(Value::Array(all)), Value::Array(first)) => all.starts_with(first),
        (Some(all), first) => all == first,
        (None, _) => false,
    }
}

/// A credential with these attributes, for wallets and systems of others. It shows all of them to whoever has it.
///
/// # Errors
///
/// As [`sign`].
pub fn holder(
    attributes: &[(&str, Value)],
    terms: &Terms,
    key: &SigningKey,
) -> Result<Value, NotMade> {
    let mut subject = Map::new();
    subject.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    subject.extend(terms.holder.map(|key| ("id".to_owned(), jws::did(&key).into())));
    let document = json!({
        "@context": [CONTEXT, { "@vocab": "urn:annona:terms#" }],
        "type": ["VerifiableCredential", "HolderCredential"],
        "issuer": jws::did(&key.public()),
        "validFrom": terms.issued.to_string(),
        "validUntil": terms.expires.to_string(),
        "credentialSubject": subject,
        "credentialStatus": {
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": terms.status.index.to_string(),
            "statusListCredential": terms.status.uri,
        },
    });
    sign(document, key, terms.issued)
}
