//! `vc+jwt` and `vp+jwt` (VC-JOSE-COSE 1.0 §3): the payload is the credential or presentation.
//!
//! Invariant: what is signed passed the rules of the data model and the term guard; a payload with
//! the members `vc` or `vp` of the older form is refused.

use serde_json::{Map, Value, json};

use crate::codes::Fault;
use crate::contexts::Contexts;
use crate::jose::Unsigned;
use crate::key::{Algorithm, Signer};
use crate::{guard, model, presentation};

/// `typ` of a credential.
pub const VC_TYP: &str = "vc+jwt";
/// `typ` of a presentation.
pub const VP_TYP: &str = "vp+jwt";

/// Prepares a credential for signing with the key `kid`. `iat_s` is the signing time.
pub fn prepare_vc(
    credential: &Value,
    algorithm: Algorithm,
    kid: &str,
    iat_s: u64,
    contexts: Contexts<'_>,
) -> Result<Unsigned, Fault> {
    let mut payload = object(credential)?;
    model::check(&payload)?;
    guard::check(&payload, contexts)?;
    check_payload(&payload)?;
    if payload.contains_key("proof") {
        return Err(Fault::new("PROOF_MALFORMED", "/proof"));
    }
    let issuer = payload.get("issuer").and_then(model::id_of).unwrap_or_default().to_owned();
    payload.insert("iat".to_owned(), json!(iat_s));
    payload.insert("iss".to_owned(), json!(issuer));
    unsigned(VC_TYP, algorithm, kid, &payload)
}

/// Issues a credential with a key at hand.
pub fn issue_vc(
    credential: &Value,
    key: &dyn Signer,
    kid: &str,
    iat_s: u64,
    contexts: Contexts<'_>,
) -> Result<String, Fault> {
    let unsigned = prepare_vc(credential, key.algorithm(), kid, iat_s, contexts)?;
    let signature = key.sign_message(unsigned.signing_input.as_bytes());
    Ok(unsigned.finish(&signature))
}

/// Prepares a presentation for the holder's signature.
pub fn prepare_vp(
    presentation: &Value,
    algorithm: Algorithm,
    kid: &str,
    iat_s: u64,
    nonce: &str,
    audience: &str,
) -> Result<Unsigned, Fault> {
    let mut payload = object(presentation)?;
    presentation::check(&payload)?;
    check_payload(&payload)?;
    for (name, value) in [("iat", json!(iat_s)), ("nonce", json!(nonce)), ("aud", json!(audience))]
    {
        payload.insert(name.to_owned(), value);
    }
    unsigned(VP_TYP, algorithm, kid, &payload)
}

/// Presents with a holder key at hand.
pub fn issue_vp(
    presentation: &Value,
    key: &dyn Signer,
    kid: &str,
    iat_s: u64,
    nonce: &str,
    audience: &str,
) -> Result<String, Fault> {
    let unsigned = prepare_vp(presentation, key.algorithm(), kid, iat_s, nonce, audience)?;
    let signature = key.sign_message(unsigned.signing_input.as_bytes());
    Ok(unsigned.finish(&signature))
}

fn object(value: &Value) -> Result<Map<String, Value>, Fault> {
    value.as_object().cloned().ok_or_else(|| Fault::new("FORM_UNKNOWN", ""))
}

fn unsigned(
    typ: &str,
    algorithm: Algorithm,
    kid: &str,
    payload: &Map<String, Value>,
) -> Result<Unsigned, Fault> {
    if !guard::is_absolute_iri(kid) {
        return Err(Fault::new("KID_MALFORMED", "/kid"));
    }
    Unsigned::new(typ, algorithm, Some(kid), payload)
        .ok_or_else(|| Fault::new("ALG_NOT_ALLOWED", ""))
}

/// Members that belong to the token, not to the credential. They are defined nowhere in the
/// contexts and are left out of the term guard.
pub const REGISTERED: [&str; 8] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "nonce"];

/// The rules of a payload beyond those of the data model.
pub fn check_payload(payload: &Map<String, Value>) -> Result<(), Fault> {
    for name in ["vc", "vp"] {
        if payload.contains_key(name) {
            return Err(Fault::new("VC_CLAIM_PRESENT", &format!("/{name}")));
        }
    }
    Ok(())
}

/// Takes the members of the token out of a payload and gives them: the document is left.
pub fn take_registered(payload: &mut Map<String, Value>) -> Map<String, Value> {
    REGISTERED.iter().filter_map(|name| payload.remove_entry(*name)).collect()
}
