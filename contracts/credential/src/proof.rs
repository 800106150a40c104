//! Data Integrity proofs with cryptosuite `eddsa-jcs-2022` (VC-DI-EDDSA 1.0 §3.3).
//!
//! Invariant: what is signed is SHA-256(JCS(proof options)) ‖ SHA-256(JCS(document without
//! proof)); verification is strict (S4), and hashing uses the contexts of the proof (S10).
//! Keys are chosen elsewhere: this module is given one.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::codes::Fault;
use crate::contexts::Contexts;
use crate::json::canonical;
use crate::{guard, model, time};

/// The cryptosuite.
pub const CRYPTOSUITE: &str = "eddsa-jcs-2022";

type Object = Map<String, Value>;

/// A document about to be signed: what to sign, and where the signature goes.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// The 64 bytes to sign with Ed25519.
    pub hash_data: [u8; 64],
    document: Object,
    options: Object,
}

impl Prepared {
    /// The secured document. A document that has proofs gets one more: a proof set.
    pub fn finish(mut self, signature: &[u8; 64]) -> Value {
        let text = format!("z{}", bs58::encode(signature).into_string());
        self.options.insert("proofValue".to_owned(), Value::String(text));
        let proof = Value::Object(self.options);
        let all = match self.document.remove("proof") {
            None => proof,
            Some(Value::Array(mut proofs)) => {
                proofs.push(proof);
                Value::Array(proofs)
            }
            Some(first) => json!([first, proof]),
        };
        self.document.insert("proof".to_owned(), all);
        Value::Object(self.document)
    }
}

/// Prepares a credential for signing: syntax, term guard, proof options. `created` is an XSD
/// dateTimeStamp. Registration rules of the ledger are for the caller (`verify` names them).
pub fn prepare_jcs(
    credential: &Value,
    verification_method: &str,
    created: &str,
    contexts: Contexts<'_>,
) -> Result<Prepared, Fault> {
    let document = credential.as_object().ok_or_else(|| Fault::new("FORM_UNKNOWN", ""))?.clone();
    model::check(&document)?;
    guard::check(&document, contexts)?;
    if time::parse(created).is_none() {
        return Err(Fault::new("DATE_INVALID", "/proof/created"));
    }
    if !guard::is_absolute_iri(verification_method) {
        return Err(Fault::new("RELATIVE_IRI", "/proof/verificationMethod"));
    }
    let mut options = Object::new();
    for (name, value) in [
        ("type", "DataIntegrityProof"),
        ("cryptosuite", CRYPTOSUITE),
        ("created", created),
        ("verificationMethod", verification_method),
        ("proofPurpose", "assertionMethod"),
    ] {
        options.insert(name.to_owned(), Value::String(value.to_owned()));
    }
    if let Some(context) = document.get("@context") {
        options.insert("@context".to_owned(), context.clone());
    }
    let mut unsecured = document.clone();
    unsecured.remove("proof");
    let hash_data = hash_data(&options, &unsecured);
    Ok(Prepared { hash_data, document, options })
}

/// Issues a credential with a key at hand.
pub fn issue_jcs(
    credential: &Value,
    key: &SigningKey,
    verification_method: &str,
    created: &str,
    contexts: Contexts<'_>,
) -> Result<Value, Fault> {
    let prepared = prepare_jcs(credential, verification_method, created, contexts)?;
    let signature = key.sign(&prepared.hash_data).to_bytes();
    Ok(prepared.finish(&signature))
}

fn hash_data(options: &Object, document: &Object) -> [u8; 64] {
    let digest =
        |object: &Object| Sha256::digest(canonical(&Value::Object(object.clone())).as_bytes());
    let mut data = [0; 64];
    let (first, second) = data.split_at_mut(32);
    first.copy_from_slice(&digest(options));
    second.copy_from_slice(&digest(document));
    data
}

/// One proof of a document, its form checked.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The DID URL of the key, completed with the issuer if it was a fragment only.
    pub verification_method: String,
    /// `created`, ms; `None` if absent.
    pub created_ms: Option<i64>,
    hash_data: [u8; 64],
    signature: [u8; 64],
}

impl Proof {
    /// The DID of the key.
    pub fn did(&self) -> &str {
        self.verification_method.split('#').next().unwrap_or_default()
    }

    /// The fragment of the key.
    pub fn fragment(&self) -> &str {
        self.verification_method.split_once('#').map_or("", |(_, fragment)| fragment)
    }

    /// Verifies the signature; the error is a code of check `proof`.
    pub fn verify(&self, public_key: &[u8]) -> Result<(), &'static str> {
        let bytes: &[u8; 32] = public_key.try_into().map_err(|_| "ALG_NOT_ALLOWED")?;
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| "KEY_WEAK")?;
        if key.is_weak() || key.to_bytes() != *bytes {
            return Err("KEY_WEAK");
        }
        key.verify_strict(&self.hash_data, &Signature::from_bytes(&self.signature))
            .map_err(|_| "SIGNATURE_INVALID")
    }
}

/// Reads all proofs of a document. The error is a code of check `proof`.
pub fn read_proofs(document: &Object, now_ms: i64, skew_ms: i64) -> Result<Vec<Proof>, Fault> {
    let member = document.get("proof").ok_or_else(|| Fault::new("PROOF_MISSING", ""))?;
    let list = model::items(member);
    if list.is_empty() {
        return Err(Fault::new("PROOF_MISSING", ""));
    }
    if list.len() > model::PROOFS_MAX {
        return Err(Fault::new("PROOF_MALFORMED", "/proof"));
    }
    let mut proofs = Vec::with_capacity(list.len());
    for i in 0..list.len() {
        proofs.push(read_proof(document, list, i, now_ms, skew_ms)?);
    }
    Ok(proofs)
}

fn read_proof(
    document: &Object,
    list: &[Value],
    i: usize,
    now_ms: i64,
    skew_ms: i64,
) -> Result<Proof, Fault> {
    let fault = |code| Fault::new(code, &format!("/proof/{i}"));
    let malformed = || fault("PROOF_MALFORMED");
    let proof = list.get(i).and_then(Value::as_object).ok_or_else(malformed)?;
    let text = |name: &str| proof.get(name).and_then(Value::as_str);
    let optional_time = |name: &str| match proof.get(name) {
        None => Ok(None),
        Some(value) => value.as_str().and_then(time::parse).map(Some).ok_or_else(malformed),
    };
    let suite = (text("type"), text("cryptosuite"));
    if suite != (Some("DataIntegrityProof"), Some(CRYPTOSUITE)) {
        return Err(fault("CRYPTOSUITE_UNSUPPORTED"));
    }
    if text("proofPurpose").ok_or_else(malformed)? != "assertionMethod" {
        return Err(fault("PROOF_PURPOSE_MISMATCH"));
    }
    let (created_ms, expires_ms) = (optional_time("created")?, optional_time("expires")?);
    let from_future = created_ms.is_some_and(|t| t > now_ms.saturating_add(skew_ms));
    let expired = expires_ms.is_some_and(|t| t < now_ms.saturating_sub(skew_ms));
    if from_future || expired {
        return Err(fault("PROOF_EXPIRED"));
    }
    let method = text("verificationMethod").ok_or_else(malformed)?;
    let issuer = document.get("issuer").and_then(model::id_of).unwrap_or_default();
    let verification_method =
        if method.starts_with('#') { format!("{issuer}{method}") } else { method.to_owned() };
    let signature = text("proofValue")
        .and_then(|value| value.strip_prefix('z'))
        .filter(|encoded| encoded.len() <= 96)
        .and_then(|encoded| bs58::decode(encoded).into_vec().ok())
        .and_then(|bytes| <[u8; 64]>::try_from(bytes).ok())
        .ok_or_else(malformed)?;
    let mut options = proof.clone();
    options.remove("proofValue");
    let mut unsecured = document.clone();
    unsecured.remove("proof");
    let earlier = previous_proofs(list, i).ok_or_else(|| fault("PREVIOUS_PROOF_MISSING"))?;
    if !earlier.is_empty() {
        unsecured.insert("proof".to_owned(), Value::Array(earlier));
    }
    if let Some(context) = options.get("@context") {
        if !starts_with(document.get("@context"), context) {
            return Err(fault("PROOF_CONTEXT_MISMATCH"));
        }
        unsecured.insert("@context".to_owned(), context.clone());
    }
    let hash_data = hash_data(&options, &unsecured);
    Ok(Proof { verification_method, created_ms, hash_data, signature })
}

fn starts_with(document: Option<&Value>, proof: &Value) -> bool {
    document.is_some_and(|document| model::items(document).starts_with(model::items(proof)))
}

/// The proofs that proof `i` says it follows, which it covers. `None` if one is missing, or if
/// following the links leads back to `i`.
fn previous_proofs(list: &[Value], i: usize) -> Option<Vec<Value>> {
    let named = |at: usize| -> Option<Vec<usize>> {
        let Some(previous) = list.get(at)?.get("previousProof") else { return Some(Vec::new()) };
        model::items(previous)
            .iter()
            .map(|id| list.iter().position(|proof| id.is_string() && proof.get("id") == Some(id)))
            .collect()
    };
    let direct = named(i)?;
    let mut reached = direct.clone();
    let mut next = 0;
    while let Some(at) = reached.get(next).copied() {
        if at == i {
            return None;
        }
        for further in named(at)? {
            if !reached.contains(&further) {
                reached.push(further);
            }
        }
        next += 1;
    }
    direct.into_iter().map(|at| list.get(at).cloned()).collect()
}
