//! What is to be signed, before status entries and signatures: a whole credential as it was
//! written, or bare claims with the credential built around them.
//!
//! Invariant: of a whole credential nothing is filled in but what issuing adds (status, `iat`,
//! holder key), and nothing of that is taken over from what was written; around bare claims stands
//! what the registered type says.

use serde_json::{Map, Value as Json, json};
use titian_api::{call, ubin};
use titian_contracts::credential::{
    CredentialType, REGION, Resource, ResourceId, ResourceKind, type_key,
};
use titian_contracts::time::{Date, rfc3339};
use titian_credential::codes::Fault;
use titian_credential::contexts::BASE_V2;
use titian_credential::did::did_of;
use titian_credential::did::method::did_key;
use titian_credential::key::PublicKey;
use titian_credential::registration;
use titian_credential::snapshot::{Known, Snapshot, read};

use super::{Args, refused};
use crate::act::{now_ms, random_hex};
use crate::command::vc::DAY_MS;
use crate::document;
use crate::error::{CommandError, Kind, Result};
use crate::session::Session;

/// A credential before it is secured.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// The registered type.
    pub entry: CredentialType,
    /// Its id; of claims the one it is remembered by.
    pub id: String,
    /// The credential of VCDM 2.0.
    pub credential: Option<Json>,
    /// The claims of an SD-JWT VC.
    pub claims: Option<Map<String, Json>>,
    /// Its last moment, ms.
    pub until_ms: u64,
}

/// What a file holds.
#[derive(Clone, Debug)]
pub(super) enum Written {
    /// A credential of VCDM 2.0.
    Credential(Json),
    /// The claims of an SD-JWT VC.
    SdJwtClaims(Map<String, Json>),
    /// Claims that a credential is built around.
    Bare(Map<String, Json>),
}

impl Written {
    /// Reads what a user wrote.
    pub fn read(args: &Args) -> Result<Self> {
        let path = args.file.as_deref().ok_or_else(|| CommandError::usage("name a file"))?;
        let unreadable = |fault: &Fault| {
            let place = if fault.pointer.is_empty() { "" } else { " at " };
            let what = format!("{} is no sound JSON{place}{}", path.display(), fault.pointer);
            CommandError::usage(what).named(fault.code)
        };
        let parsed = titian_credential::json::parse(&document::read(path)?)
            .map_err(|fault| unreadable(&fault))?;
        let Json::Object(members) = parsed else {
            return Err(CommandError::usage(format!("{} is no JSON object", path.display())));
        };
        Ok(if members.contains_key("@context") {
            Self::Credential(Json::Object(members))
        } else if members.contains_key("vct") {
            Self::SdJwtClaims(members)
        } else {
            Self::Bare(members)
        })
    }

    /// The type it names, if it names one by name.
    pub fn type_name<'a>(&'a self, args: &'a Args) -> Option<&'a str> {
        let named = args.type_name.as_deref();
        match self {
            Self::Credential(credential) => {
                let types = credential.get("type").and_then(Json::as_array);
                let last = types.and_then(|types| types.last()).and_then(Json::as_str);
                named.or(last)
            }
            _ => named,
        }
    }
}

/// The draft of what was written, under the registered type.
pub(super) fn of_written(
    facts: &dyn Snapshot,
    written: Written,
    issuer: &str,
    holder: Option<&PublicKey>,
    args: &Args,
) -> Result<Draft> {
    let entry = in_use(registered(facts, &written, issuer, args)?)?;
    let (from_ms, until_ms) = period(&entry, args)?;
    match written {
        Written::Credential(credential) => {
            if credential.get("credentialStatus").is_some() {
                return Err(entries_of_others("/credentialStatus"));
            }
            if credential.get("proof").is_some() {
                return Err(CommandError::usage("/proof: the credential is signed already")
                    .named("PROOF_MALFORMED")
                    .hint("issue the credential as it was before; several keys sign at once, each with --as"));
            }
            let id = document::text(&credential, "/id").map_or_else(urn_uuid, str::to_owned);
            let until = document::text(&credential, "/validUntil")
                .and_then(titian_credential::time::parse)
                .and_then(|ms| u64::try_from(ms).ok());
            let until_ms = until.ok_or_else(|| endless("/validUntil"))?;
            Ok(Draft { entry, id, credential: Some(credential), claims: None, until_ms })
        }
        Written::SdJwtClaims(claims) => {
            let until = claims.get("exp").and_then(Json::as_u64).and_then(|s| s.checked_mul(1_000));
            let until_ms = until.ok_or_else(|| endless("/exp"))?;
            Ok(Draft { entry, id: urn_uuid(), credential: None, claims: Some(claims), until_ms })
        }
        Written::Bare(claims) => {
            let id = urn_uuid();
            let sd_jwt = sd_jwt_claims(&entry, &claims, issuer, from_ms, until_ms);
            let period = (rfc3339(from_ms), rfc3339(until_ms));
            let credential = (!entry.natural_person_data)
                .then(|| around(&entry, claims, &id, issuer, holder, &period));
            Ok(Draft { entry, id, credential, claims: sd_jwt, until_ms })
        }
    }
}

/// The extract of a business record.
pub(super) fn of_record(
    session: &Session,
    facts: &dyn Snapshot,
    record: &str,
    issuer: &str,
    days: u64,
) -> Result<Draft> {
    let entry = find_type(facts, registration::TYPE, issuer)
        .ok_or_else(|| unregistered(registration::TYPE))?;
    let entry = in_use(entry)?;
    let params = ubin::GetParams { ubin: record.to_owned(), ..ubin::GetParams::default() };
    let answer = Json::Object(session.client()?.ask::<call::UbinGet>(&params)?);
    let body = answer.pointer("/record/body").filter(|body| body.is_object()).ok_or_else(|| {
        CommandError::refused(format!("{record} is not registered")).named("UBIN_UNKNOWN")
    })?;
    let id = urn_uuid();
    let now = now_ms();
    let until_ms = now.saturating_add(days.saturating_mul(DAY_MS));
    let frame = registration::Frame {
        id: &id,
        issuer,
        // the clock of this machine may run ahead of the verifier's
        valid_from: &rfc3339(now.saturating_sub(60_000)),
        valid_until: &rfc3339(until_ms),
        status: &[],
        record_height: answer.pointer("/asOf/height").and_then(Json::as_u64).unwrap_or(0),
    };
    let height = frame.record_height;
    let claims = registration::extract(body, height).map_err(|fault| refused(&fault))?;
    let claims = sd_jwt_claims(&entry, &claims, issuer, now.saturating_sub(60_000), until_ms);
    if registration::is_natural_person(body) {
        return Ok(Draft { entry, id, credential: None, claims, until_ms });
    }
    let mut credential =
        registration::business_registration(body, frame).map_err(|fault| refused(&fault))?;
    if let Some(members) = credential.as_object_mut() {
        members.remove("credentialStatus");
    }
    Ok(Draft { entry, id, credential: Some(credential), claims, until_ms })
}

fn endless(pointer: &str) -> CommandError {
    CommandError::usage(format!("{pointer} must say how long the credential is valid"))
        .named("NO_PERIOD")
}

/// Status entries come from issuing alone: those of another credential would end both at once, and
/// nothing would be noted of them here.
pub(super) fn entries_of_others(pointer: &str) -> CommandError {
    CommandError::usage(format!("{pointer}: issuing draws the status entries, none is taken over"))
        .named("STATUS_MALFORMED")
        .hint("leave the member out; --status=PROFILE adds an entry")
}

fn unregistered(name: &str) -> CommandError {
    CommandError::refused(format!("no type {name} is registered for this issuer"))
        .named("TYPE_NOT_COVERED")
        .hint("titian vc types")
}

/// The type, unless its owner has marked it as out of use: what was issued before stays good.
fn in_use(entry: CredentialType) -> Result<CredentialType> {
    if entry.deprecated {
        return Err(CommandError::refused(format!("the type {} is out of use", entry.name))
            .named("UNKNOWN_TYPE")
            .hint("titian vc types --ledger"));
    }
    Ok(entry)
}

/// The registered type that something written is of.
fn registered(
    facts: &dyn Snapshot,
    written: &Written,
    issuer: &str,
    args: &Args,
) -> Result<CredentialType> {
    let by_name = |name: &str| find_type(facts, name, issuer).ok_or_else(|| unregistered(name));
    if let Some(name) = written.type_name(args) {
        if let Written::Credential(credential) = written {
            let stated = credential.get("type").and_then(Json::as_array);
            if !stated.is_some_and(|types| types.iter().any(|stated| stated == name)) {
                return Err(CommandError::usage(format!("the credential is not of type {name}")));
            }
        }
        return by_name(name);
    }
    let Written::SdJwtClaims(claims) = written else {
        return Err(CommandError::usage("--type says what the claims are of")
            .hint("titian vc types; titian vc example TYPE"));
    };
    let vct = claims.get("vct").and_then(Json::as_str).unwrap_or_default();
    let id = vct.strip_prefix("did:ubin:").and_then(ResourceId::parse);
    let metadata = id.and_then(|id| match read::<Resource>(facts, &id.key()) {
        Known::Known(resource) => resource,
        Known::Unknown => None,
    });
    let metadata: Option<Json> =
        metadata.and_then(|resource| serde_json::from_slice(&resource.bytes).ok());
    let name = metadata.as_ref().and_then(|metadata| document::text(metadata, "/name"));
    by_name(name.unwrap_or(vct))
}

fn find_type(facts: &dyn Snapshot, name: &str, issuer: &str) -> Option<CredentialType> {
    let cc = issuer.get(..2).unwrap_or_default();
    [REGION, cc].into_iter().find_map(|owner| {
        match read::<CredentialType>(facts, &type_key(owner, name)) {
            Known::Known(entry) => entry,
            Known::Unknown => None,
        }
    })
}

/// First and last moment that the options ask for.
fn period(entry: &CredentialType, args: &Args) -> Result<(u64, u64)> {
    let date = |text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => Date::parse(text)
            .map(|date| Some(date.start_ms()))
            .ok_or_else(|| CommandError::usage("a date is written YYYY-MM-DD")),
    };
    // the clock of this machine may run ahead of the verifier's
    let from_ms = date(&args.from)?.unwrap_or_else(|| now_ms().saturating_sub(60_000));
    // more than the type allows is refused where it was asked for
    let days = args.days.unwrap_or_else(|| entry.validity_max_days.min(365));
    let until_ms = match date(&args.until)? {
        // the day that is named is the last one
        Some(start_ms) => start_ms.saturating_add(DAY_MS - 1_000),
        None => from_ms.saturating_add(days.saturating_mul(DAY_MS)),
    };
    Ok((from_ms, until_ms))
}

/// A credential around bare claims.
fn around(
    entry: &CredentialType,
    claims: Map<String, Json>,
    id: &str,
    issuer: &str,
    holder: Option<&PublicKey>,
    period: &(String, String),
) -> Json {
    let mut subject = claims;
    if !subject.contains_key("id") {
        let business = subject.get("ubin").and_then(Json::as_str).map(did_of);
        let subject_id = business.or_else(|| holder.map(did_key)).unwrap_or_else(urn_uuid);
        subject.insert("id".to_owned(), json!(subject_id));
    }
    let contexts: Vec<String> = [BASE_V2.to_owned()]
        .into_iter()
        .chain(entry.contexts.iter().map(|context| did_of(context)))
        .collect();
    let mut credential = json!({
        "@context": contexts, "id": id, "type": ["VerifiableCredential", entry.name],
        "issuer": did_of(issuer), "validFrom": period.0, "validUntil": period.1,
        "credentialSubject": subject,
    });
    if let (Some(schema), Some(members)) =
        (resource_of(entry, ResourceKind::JsonSchema), credential.as_object_mut())
    {
        let schema = json!({"id": did_of(&schema), "type": "JsonSchema"});
        members.insert("credentialSchema".to_owned(), schema);
    }
    credential
}

/// The claims of an SD-JWT VC around bare claims; `None` for a type that does not travel so.
fn sd_jwt_claims(
    entry: &CredentialType,
    claims: &Map<String, Json>,
    issuer: &str,
    from_ms: u64,
    until_ms: u64,
) -> Option<Map<String, Json>> {
    let vct = resource_of(entry, ResourceKind::VctMetadata)?;
    let mut claims = claims.clone();
    for (name, value) in [
        ("iss", json!(did_of(issuer))),
        ("vct", json!(did_of(&vct))),
        ("nbf", json!(from_ms / 1_000)),
        ("exp", json!(until_ms / 1_000)),
    ] {
        claims.insert(name.to_owned(), value);
    }
    Some(claims)
}

/// The resource of a kind that a type names.
fn resource_of(entry: &CredentialType, kind: ResourceKind) -> Option<String> {
    let named = entry.schemas.iter().chain(&entry.contexts);
    named.filter_map(|id| ResourceId::parse(id)).find(|id| id.kind == kind).map(|id| id.text())
}

/// Refuses what lives longer than its type allows.
pub(super) fn check_period(draft: &Draft) -> Result<()> {
    let from = match (&draft.credential, &draft.claims) {
        (Some(credential), _) => document::text(credential, "/validFrom")
            .and_then(titian_credential::time::parse)
            .and_then(|ms| u64::try_from(ms).ok()),
        (None, claims) => {
            let claim =
                |name: &str| claims.as_ref().and_then(|c| c.get(name)).and_then(Json::as_u64);
            claim("nbf").or_else(|| claim("iat")).map(|seconds| seconds.saturating_mul(1_000))
        }
    };
    let length_ms = draft.until_ms.saturating_sub(from.unwrap_or_else(now_ms));
    let days_max = draft.entry.validity_max_days;
    // a minute for clocks that run apart
    if length_ms > days_max.saturating_mul(DAY_MS).saturating_add(60_000) {
        return Err(CommandError::new(
            Kind::Refused,
            format!("a {} is valid for at most {days_max} days", draft.entry.name),
        )
        .named("LIMIT_EXCEEDED"));
    }
    Ok(())
}

/// A random UUID of version 4 as a URN.
pub(in crate::command::vc) fn urn_uuid() -> String {
    let hex = random_hex::<16>();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    // version 4, variant 10
    let variant = match hex.as_bytes().get(16).map(|digit| digit % 4) {
        Some(0) => '8',
        Some(1) => '9',
        Some(2) => 'a',
        _ => 'b',
    };
    let (a, b, c) = (part(0, 8), part(8, 12), part(13, 16));
    format!("urn:uuid:{a}-{b}-4{c}-{variant}{}-{}", part(17, 20), part(20, 32))
}
