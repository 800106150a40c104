//! What a caller asks to be issued: forms, id, issuer, subject. Nothing is looked up here.

use serde_json::{Map, Value};
use titian_api::Refusal;
use titian_api::vc_issue::IssueParams;
use titian_contracts::error::Code;
use titian_contracts::limits;
use titian_credential::json::canonical;
use titian_credential::key::PublicKey;
use titian_credential::model;

use super::{Form, Instance, refused};
use crate::custody::seal;

/// What is being asked for, read.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The request.
    pub params: &'a IssueParams,
    /// The forms, at least one.
    pub forms: Vec<Form>,
    /// The id that the caller gave.
    pub id: Option<String>,
    /// The subject, as far as the body names one.
    pub subject: String,
}

/// A parameter that is wrong.
pub(super) fn invalid(field: &str, detail: &str) -> Refusal {
    Refusal::new(Code::InvalidParams, field, detail)
}

impl<'a> Wanted<'a> {
    /// Reads a request for `instance`. Errors: `INVALID_PARAMS`, `LIMIT_EXCEEDED`, and codes of a
    /// verifier about the issuer.
    pub fn read(params: &'a IssueParams, instance: &Instance) -> Result<Self, Refusal> {
        let forms = forms_of(params, instance)?;
        let (mut vcdm, mut flat) = (false, false);
        for form in &forms {
            match form {
                Form::SdJwt => flat = true,
                _ => vcdm = true,
            }
        }
        if vcdm != params.credential.is_some() {
            return Err(invalid(
                "/credential",
                "needed for the forms asked for, and for those only",
            ));
        }
        if flat != params.claims.is_some() {
            return Err(invalid("/claims", "needed for dc+sd-jwt, and for it only"));
        }
        if params.copies.len() > limits::ISSUE_COPIES_MAX {
            return Err(Refusal::new(Code::LimitExceeded, "/copies", "at most 50"));
        }
        if let Some(place) = repeated(&params.copies) {
            let detail = "the same holder key again: the copies could be linked";
            return Err(invalid(&format!("/copies/{place}"), detail));
        }
        let batch = !params.copies.is_empty();
        if batch && (vcdm || params.holder_key.is_some()) {
            return Err(invalid("/copies", "of dc+sd-jwt alone, and without holderKey"));
        }
        let holder = params.holder_key.is_some() || batch || !params.disclose.is_empty();
        if holder && !flat {
            return Err(invalid("/holderKey", "holderKey and disclose are for dc+sd-jwt"));
        }
        let text = |body: &'a Option<Map<String, Value>>, name: &str| {
            body.as_ref().and_then(|body| body.get(name)).and_then(Value::as_str)
        };
        if let Some(credential) = &params.credential {
            let issuer = credential.get("issuer").and_then(model::id_of);
            check_issuer(issuer, instance, "/issuer")?;
        }
        if params.claims.is_some() {
            check_issuer(text(&params.claims, "iss"), instance, "/iss")?;
        }
        let given = [
            text(&params.credential, "id"),
            text(&params.claims, "jti"),
            params.credential_id.as_deref(),
        ];
        let mut given = given.into_iter().flatten();
        let id = given.next();
        if given.any(|other| Some(other) != id) {
            return Err(invalid("/credentialId", "the ids differ"));
        }
        if id.is_some_and(|id| id.is_empty() || id.len() > limits::CREDENTIAL_ID_BYTES_MAX) {
            return Err(refused("ID_INVALID", "/id"));
        }
        let subject = subject_of(params);
        Ok(Self { params, forms, id: id.map(str::to_owned), subject })
    }
}

/// The place of a holder key that stands before it already, however it is written.
fn repeated(keys: &[Map<String, Value>]) -> Option<usize> {
    let read = |jwk: &Map<String, Value>| PublicKey::from_jwk(&Value::Object(jwk.clone()));
    let keys: Vec<(Option<PublicKey>, &Map<String, Value>)> =
        keys.iter().map(|jwk| (read(jwk), jwk)).collect();
    (0..keys.len()).find(|place| {
        let same =
            |other: &(Option<PublicKey>, &Map<String, Value>)| match (&other.0, &keys[*place].0) {
                (Some(a), Some(b)) => a == b,
                _ => other.1 == keys[*place].1,
            };
        keys.iter().take(*place).any(same)
    })
}

fn forms_of(params: &IssueParams, instance: &Instance) -> Result<Vec<Form>, Refusal> {
    let named: Vec<&str> = params.form.iter().chain(&params.forms).map(String::as_str).collect();
    if named.len() > limits::ISSUE_FORMS_MAX {
        return Err(Refusal::new(Code::LimitExceeded, "/forms", "at most 4"));
    }
    if named.is_empty() {
        let flat = params.credential.is_none() && params.claims.is_some();
        return Ok(vec![if flat { Form::SdJwt } else { instance.form }]);
    }
    let mut forms = Vec::new();
    for name in named {
        let detail = "eddsa-jcs-2022, eddsa-rdfc-2022, vc+jwt or dc+sd-jwt";
        let form = Form::parse(name).ok_or_else(|| invalid("/form", detail))?;
        if forms.contains(&form) {
            return Err(invalid("/forms", "a form stands twice"));
        }
        forms.push(form);
    }
    Ok(forms)
}

fn check_issuer(named: Option<&str>, instance: &Instance, field: &str) -> Result<(), Refusal> {
    match named {
        None => Err(refused("ISSUER_INVALID", field)),
        Some(named) if named == instance.did => Ok(()),
        Some(_) => Err(refused("ISSUER_MISMATCH", field)),
    }
}

/// What names the subject: its ids, else the holder's key.
fn subject_of(params: &IssueParams) -> String {
    let subjects = params.credential.as_ref().and_then(|body| body.get("credentialSubject"));
    let mut names: Vec<&str> =
        subjects.map(model::items).unwrap_or_default().iter().filter_map(model::id_of).collect();
    let claims = params.claims.as_ref();
    names.extend(claims.and_then(|body| body.get("sub")).and_then(Value::as_str));
    if !names.is_empty() {
        return names.join("\n");
    }
    let key = params.holder_key.as_ref().or_else(|| params.copies.first());
    let own = claims.and_then(|body| body.get("cnf")).cloned();
    key.map(|key| Value::Object(key.clone())).or(own).map(|key| canonical(&key)).unwrap_or_default()
}

/// The id of a credential for which the caller gave none: a random UUID (RFC 9562, version 4).
pub fn fresh_id() -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(seal::random().split_at(16).0);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex::encode(bytes);
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default().to_owned();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    format!("urn:uuid:{}", parts.join("-"))
}
