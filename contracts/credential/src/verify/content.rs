//! What needs the document alone: syntax, related resources, validity.

use serde_json::{Map, Value, json};
use titian_contracts::credential::{Resource, ResourceId};

use super::run::Run;
use crate::codes::Fault;
use crate::form::{Model, Reading, Securing};
use crate::jose::seconds;
use crate::snapshot::{Known, read};
use crate::verdict::{Check, CheckResult, Policy, pointer_detail};
use crate::{contexts, digest_check, guard, model, sd_jwt_vc, time};

impl Run<'_> {
    pub fn syntax(&mut self, reading: &Reading) -> CheckResult {
        match self.checked_syntax(reading) {
            Ok(code) => CheckResult::new(Check::Syntax, code),
            Err(fault) => CheckResult::new(Check::Syntax, fault.code)
                .with(pointer_detail(&reading.document, &fault.pointer)),
        }
    }

    fn checked_syntax(&mut self, reading: &Reading) -> Result<&'static str, Fault> {
        let document = &reading.document;
        if reading.is_presentation() {
            return Err(Fault::new("FORM_UNKNOWN", "/type"));
        }
        if let Some((token, _)) = reading.token() {
            reading.check_payload()?;
            token.key_id("")?;
        }
        match reading.model {
            Model::SdJwtVc => return sd_jwt_vc::check(document).map(|()| "OK"),
            Model::V1 => model::check_v1(document)?,
            Model::V2 => model::check(document)?,
        }
        match &reading.securing {
            Securing::Embedded => {
                guard::check(document, self.contexts())?;
                self.guard_proofs(document)?;
            }
            // what no context defines is signed all the same in a token: readers of plain JSON
            // may drop it, but nobody can alter it
            _ if self.request.policy == Policy::Ledger => guard::check(document, self.contexts())?,
            _ => match guard::check(document, self.contexts()) {
                Err(fault) if fault.code == "UNDEFINED_TERM" => {
                    self.warn("UNKNOWN_MEMBER_IGNORED");
                    return Ok("UNKNOWN_MEMBER_IGNORED");
                }
                checked => checked?,
            },
        }
        if reading.model == Model::V1 {
            self.warn("VERSION_1_1");
            return Ok("VERSION_1_1");
        }
        Ok("OK")
    }

    /// The document as the verdict may return it: what no context defines is left out, so that it
    /// cannot be taken for a claim that was understood.
    pub fn shown_document(&self, reading: &Reading) -> Value {
        if self.warnings.contains(&"UNKNOWN_MEMBER_IGNORED") {
            return Value::Object(guard::pruned(&reading.document, self.contexts()));
        }
        Value::Object(reading.document.clone())
    }

    fn guard_proofs(&self, document: &Map<String, Value>) -> Result<(), Fault> {
        let context = document.get("@context").unwrap_or(&Value::Null);
        let proofs = document.get("proof").map(model::items).unwrap_or_default();
        for (i, proof) in proofs.iter().enumerate() {
            if let Some(members) = proof.as_object() {
                guard::check_proof(members, context, self.contexts(), &format!("/proof/{i}"))?;
            }
        }
        Ok(())
    }

    pub fn resources(&self, reading: &Reading) -> CheckResult {
        let entries = reading.document.get("relatedResource").map(model::items).unwrap_or_default();
        if entries.is_empty() {
            return CheckResult::new(Check::Resources, "RESOURCES_NONE");
        }
        let codes = entries.iter().map(|entry| {
            let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
            (self.one_resource(entry, id), json!({"resource": id}))
        });
        let findings = codes.filter(|(code, _)| *code != "OK").collect();
        CheckResult::worst(Check::Resources, findings)
    }

    fn one_resource(&self, entry: &Value, id: &str) -> &'static str {
        let fits = |bytes: &[u8]| digest_check::matches(entry, bytes) == Some(true);
        if let Some(bundled) = contexts::BUNDLED.iter().find(|bundled| bundled.url == id) {
            let historical = id == contexts::BASE_V2 && fits(contexts::HISTORICAL_V2);
            return if fits(bundled.bytes) {
                "OK"
            } else if historical {
                "HISTORICAL_RESOURCE"
            } else {
                "RESOURCE_DIGEST_MISMATCH"
            };
        }
        let registered = id
            .strip_prefix("did:ubin:")
            .and_then(ResourceId::parse)
            .zip(self.snapshot)
            .map(|(id, snapshot)| read::<Resource>(snapshot, &id.key()));
        let bytes = match registered {
            Some(Known::Known(Some(resource))) => resource.bytes,
            _ => match self.request.supplied.resources.iter().find(|(url, _)| url == id) {
                Some((_, bytes)) => bytes.clone(),
                None => return "RESOURCE_NOT_AVAILABLE",
            },
        };
        if fits(&bytes) { "OK" } else { "RESOURCE_DIGEST_MISMATCH" }
    }

    pub fn validity(&self, reading: &Reading) -> CheckResult {
        let code = match period(reading) {
            // a date that cannot be read is the syntax check's fault; no period is then known
            None => "NOT_REACHED",
            Some((None, None)) => "NO_PERIOD",
            Some((Some(from), _)) if self.now_ms.saturating_add(self.skew_ms) < from => {
                "NOT_YET_VALID"
            }
            Some((_, Some(until))) if self.now_ms.saturating_sub(self.skew_ms) > until => "EXPIRED",
            Some(_) => "OK",
        };
        CheckResult::new(Check::Validity, code)
    }
}

/// Start and end of the period, ms. `None` if one cannot be read.
pub(super) fn period(reading: &Reading) -> Option<(Option<i64>, Option<i64>)> {
    let document = &reading.document;
    let date = |name: &str| match document.get(name) {
        None => Some(None),
        Some(value) => value.as_str().and_then(time::parse).map(Some),
    };
    match reading.model {
        Model::V2 => Some((date("validFrom")?, date("validUntil")?)),
        Model::V1 => Some((date("issuanceDate")?, date("expirationDate")?)),
        Model::SdJwtVc => Some((seconds(document, "nbf").ok()?, seconds(document, "exp").ok()?)),
    }
}
