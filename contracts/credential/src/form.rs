//! Which form a text has, and what stands in it (vc.md §1).
//!
//! Invariant: a text has one form, told by its shape and its `typ` alone; an envelope is opened
//! once. Reading proves nothing.

use serde_json::{Map, Value};

use crate::codes::Fault;
use crate::contexts::{BASE_V1, BASE_V2};
use crate::jose::Jws;
use crate::sd_jwt::SdJwt;
use crate::{json, jwt, model, proof, qr, sd_jwt};

/// Which data model the claims follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// VCDM 2.0.
    V2,
    /// VCDM 1.1, read only.
    V1,
    /// SD-JWT VC: claims at the top.
    SdJwtVc,
}

/// How a document is secured.
#[derive(Clone, Debug, PartialEq)]
pub enum Securing {
    /// Data Integrity proofs in the document.
    Embedded,
    /// A compact JWS, with the `typ` that its form asks for. Its payload is left with the members of
    /// the token ([`jwt::REGISTERED`]); the others are the document.
    Jws(Jws, &'static str),
    /// An SD-JWT, with the `typ` that its form asks for, and what is wrong with its disclosures.
    SdJwt(Box<SdJwt>, &'static str, Option<Fault>),
}

/// A credential or presentation that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Its form; `None` if it has none that is known.
    pub form: Option<&'static str>,
    /// The data model of the document.
    pub model: Model,
    /// The credential or presentation without its envelope; of an SD-JWT VC the processed claims.
    pub document: Map<String, Value>,
    /// How it is secured.
    pub securing: Securing,
}

/// Forms by `typ`: credentials and presentations.
const TYPS: [&str; 5] = [jwt::VC_TYP, jwt::VP_TYP, sd_jwt::TYP, "vc+sd-jwt", "vp+sd-jwt"];

/// Reads a text: JSON, an envelope, a token, or the QR text of one of these.
pub fn read(input: &[u8]) -> Result<Reading, Fault> {
    if input.len() > json::BYTES_MAX {
        return Err(Fault::new("TOO_LARGE", ""));
    }
    let text = std::str::from_utf8(input).map_err(|_| Fault::new("PARSE_ERROR", ""))?;
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    if qr::is_payload(text) {
        return match qr::read(text) {
            Ok(qr::Content::Credential(inner)) => read(inner.as_bytes()),
            // an evidence pack is no credential: whoever takes it opens it first
            Ok(qr::Content::Evidence(_)) => Err(Fault::new("FORM_UNKNOWN", "")),
            Err(error) => Err(Fault::new(error.code(), "")),
        };
    }
    let token = !text.starts_with(['{', '[', '"']) && text.contains('.');
    if token { read_token(text, None) } else { read_json(json::parse(text.as_bytes())?) }
}

/// Reads a JSON value: an embedded document, an envelope, or a JSON serialisation of an SD-JWT.
pub fn read_json(value: Value) -> Result<Reading, Fault> {
    let Value::Object(document) = value else { return Err(Fault::new("FORM_UNKNOWN", "")) };
    let types = document.get("type").map(model::items).unwrap_or_default();
    let enveloped = |name: &str| types.iter().any(|item| item == name);
    if enveloped("EnvelopedVerifiableCredential") || enveloped("EnvelopedVerifiablePresentation") {
        return open(&document);
    }
    if document.contains_key("payload")
        && (document.contains_key("signature") || document.contains_key("signatures"))
    {
        return Ok(of_sd_jwt(SdJwt::from_json(&document)?, None));
    }
    let form = document.get("proof").map(model::items).and_then(<[Value]>::first);
    let form = form.and_then(proof::suite_of);
    Ok(Reading { form, model: model_of(&document), document, securing: Securing::Embedded })
}

/// Reads a compact token. `expected` is the form that an envelope's media type names.
pub fn read_token(text: &str, expected: Option<&'static str>) -> Result<Reading, Fault> {
    let disclosing = text.contains('~');
    // what has the shape of one kind of token never counts as the other (S8)
    if expected.is_some_and(|form| form.ends_with("sd-jwt") != disclosing) {
        return Err(Fault::new("MALFORMED_TOKEN", ""));
    }
    if disclosing {
        return Ok(of_sd_jwt(SdJwt::parse(text)?, expected));
    }
    let mut token = Jws::parse(text)?;
    let named = TYPS.into_iter().find(|typ| *typ == token.typ());
    if named.is_some_and(|form| form.ends_with("sd-jwt")) {
        return Err(Fault::new("MALFORMED_TOKEN", ""));
    }
    // a token that names no form at all is judged as the commonest one, and fails by its `typ`
    let form = expected.or(named).unwrap_or(jwt::VC_TYP);
    let mut document = std::mem::take(&mut token.payload);
    token.payload = jwt::take_registered(&mut document);
    let model = model_of(&document);
    let typ = if presents(&document) { jwt::VP_TYP } else { form };
    Ok(Reading { form: Some(form), model, document, securing: Securing::Jws(token, typ) })
}

/// Whether the document calls itself a presentation. In a token of a credential's `typ` it fails by
/// that: the `typ` of a presentation is asked for (S8).
fn presents(document: &Map<String, Value>) -> bool {
    let types = document.get("type").map(model::items).unwrap_or_default();
    types.iter().any(|name| name == "VerifiablePresentation")
}

fn of_sd_jwt(token: SdJwt, expected: Option<&'static str>) -> Reading {
    let named = TYPS.into_iter().find(|typ| *typ == token.issuer.typ());
    let named = named.filter(|form| form.ends_with("sd-jwt"));
    let form = expected.or(named).unwrap_or(sd_jwt::TYP);
    let (mut claims, fault) = match token.claims() {
        Ok(claims) => (claims, None),
        Err(fault) => {
            let mut clear = token.issuer.payload.clone();
            clear.remove("_sd");
            clear.remove("_sd_alg");
            (clear, Some(fault))
        }
    };
    let flat = form == sd_jwt::TYP || !claims.contains_key("@context");
    let model = if flat { Model::SdJwtVc } else { model_of(&claims) };
    if !flat {
        jwt::take_registered(&mut claims);
    }
    let typ = if !flat && presents(&claims) { "vp+sd-jwt" } else { form };
    let securing = Securing::SdJwt(Box::new(token), typ, fault);
    Reading { form: Some(form), model, document: claims, securing }
}

fn model_of(document: &Map<String, Value>) -> Model {
    let first = document.get("@context").map(model::items).and_then(<[Value]>::first);
    if first.and_then(Value::as_str) == Some(BASE_V1) { Model::V1 } else { Model::V2 }
}

/// Opens an envelope: `data:` URL of a media type of this list (VCDM 2.0 §4.13).
fn open(document: &Map<String, Value>) -> Result<Reading, Fault> {
    let malformed = || Fault::new("ENVELOPE_MALFORMED", "/id");
    let contexts = document.get("@context").map(model::items).unwrap_or_default();
    let base = contexts.first().and_then(Value::as_str) == Some(BASE_V2);
    let types = document.get("type").map(model::items).unwrap_or_default();
    let known = document.keys().all(|name| ["@context", "id", "type"].contains(&name.as_str()));
    let url = document.get("id").and_then(Value::as_str).ok_or_else(malformed)?;
    let (media, token) =
        url.strip_prefix("data:").and_then(|url| url.split_once(',')).ok_or_else(malformed)?;
    let form = media
        .strip_prefix("application/")
        .and_then(|name| TYPS.into_iter().find(|typ| *typ == name));
    let (Some(form), true, [single]) = (form, base && known, types) else {
        return Err(malformed());
    };
    let wanted = if form.starts_with("vp") {
        "EnvelopedVerifiablePresentation"
    } else {
        "EnvelopedVerifiableCredential"
    };
    if single != wanted {
        return Err(malformed());
    }
    read_token(token, Some(form))
}

impl Reading {
    /// Whether it is a presentation.
    pub fn is_presentation(&self) -> bool {
        match self.form {
            Some("vp+jwt" | "vp+sd-jwt") => true,
            _ => self.model != Model::SdJwtVc && presents(&self.document),
        }
    }

    /// The issuer's DID or URL.
    pub fn issuer(&self) -> Option<&str> {
        match self.model {
            Model::SdJwtVc => self.document.get("iss").and_then(Value::as_str),
            _ => self.document.get("issuer").and_then(model::id_of),
        }
    }

    /// The types, `VerifiableCredential` left out; of an SD-JWT VC its `vct`.
    pub fn types(&self) -> Vec<&str> {
        match self.model {
            Model::SdJwtVc => {
                self.document.get("vct").and_then(Value::as_str).into_iter().collect()
            }
            _ => model::types(&self.document),
        }
    }

    /// The members that only the older form of a token has: a signed payload has none of them.
    pub fn check_payload(&self) -> Result<(), Fault> {
        match &self.securing {
            Securing::Embedded => Ok(()),
            Securing::Jws(..) => jwt::check_payload(&self.document),
            Securing::SdJwt(token, ..) => jwt::check_payload(&token.issuer.payload),
        }
    }

    /// The token of a JOSE form.
    pub fn token(&self) -> Option<(&Jws, &'static str)> {
        match &self.securing {
            Securing::Embedded => None,
            Securing::Jws(token, typ) => Some((token, typ)),
            Securing::SdJwt(token, typ, _) => Some((&token.issuer, typ)),
        }
    }
}
