//! What needs the registers: schema, accreditation, recognition, and the age and proof of the
//! state they are read from.

use serde_json::{Value, json};
use titian_contracts::access::Party;
use titian_contracts::credential::{Resource, ResourceId, ResourceKind};
use titian_contracts::governance::recognition::recognition_index_key;

use super::run::{Registered, Run};
use super::{BUNDLE_AGE_MS_MAX, LIVE_AGE_MS_MAX};
use crate::accreditation::{self, Question};
use crate::form::{self, Model, Reading};
use crate::recognition;
use crate::schema::{self, Evaluation};
use crate::sd_jwt::metadata;
use crate::snapshot::{Known, Source, read};
use crate::verdict::{Check, CheckResult, Policy};
use crate::{did, digest_check, json, model};

impl Run<'_> {
    pub fn accreditation(&mut self, reading: &Reading, registered: &Registered) -> CheckResult {
        let result = |code| CheckResult::new(Check::Accreditation, code);
        let Some(snapshot) = self.snapshot else { return result("CHAIN_NOT_AVAILABLE") };
        let issuer_text = reading.issuer().and_then(|did| did.strip_prefix("did:ubin:"));
        let Some((issuer_text, issuer)) =
            issuer_text.and_then(|text| Party::parse(text).map(|party| (text, party)))
        else {
            return result("NO_ACCREDITATION");
        };
        let entry = match registered {
            Registered::Unknown => return result("CHAIN_NOT_AVAILABLE"),
            Registered::None => return result("NO_ACCREDITATION"),
            Registered::Type(entry) => entry,
        };
        // the name alone is not the type: its terms must be those of the registered contexts
        let named = reading.document.get("@context").map(model::items).unwrap_or_default();
        let uses = |id: &String| named.iter().any(|c| c.as_str() == Some(&did::did_of(id)));
        if reading.model != Model::SdJwtVc && !entry.contexts.iter().all(uses) {
            return result("TYPE_NOT_COVERED");
        }
        // data of persons travel in a form that lets the person choose what to show
        if entry.natural_person_data && reading.model != Model::SdJwtVc {
            return result("TYPE_NOT_COVERED");
        }
        let (signed_ms, anchored) = match self.signed_at {
            Some(signed) => signed,
            None => (u64::try_from(self.now_ms).unwrap_or(0), false),
        };
        let question =
            Question { issuer: &issuer, issuer_text, type_name: &entry.name, signed_ms, anchored };
        match accreditation::check(snapshot, question) {
            Ok((chain, class)) => {
                self.issuer_class = Some(class);
                result("OK").with(json!({"chain": chain, "height": snapshot.trust().height}))
            }
            Err(code) => result(code),
        }
    }

    pub fn schema(&self, reading: &Reading, registered: &Registered) -> CheckResult {
        let named = reading.document.get("credentialSchema").map(model::items).unwrap_or_default();
        let mut entries = named.to_vec();
        let mut findings = Vec::new();
        if let (Registered::Type(entry), Policy::Ledger) = (registered, self.request.policy) {
            let ids: Vec<String> = entry
                .schemas
                .iter()
                .filter(|id| {
                    ResourceId::parse(id).is_some_and(|id| id.kind == ResourceKind::JsonSchema)
                })
                .map(|id| did::did_of(id))
                .collect();
            if reading.model == Model::SdJwtVc {
                // the registered type names its schema; the credential need not repeat it
                let metadata = self.metadata(reading);
                let own = metadata.and_then(|metadata| metadata::schema(&metadata, &ids));
                let ids = own.map_or(ids.as_slice(), std::slice::from_ref);
                entries = ids.iter().map(|id| json!({"id": id, "type": "JsonSchema"})).collect();
            } else if !entries.iter().any(|item| {
                model::id_of(item).is_some_and(|id| ids.iter().any(|known| known == id))
            }) {
                findings.push(("SCHEMA_REQUIRED", json!({"pointer": "/credentialSchema"})));
            }
        }
        if entries.is_empty() && findings.is_empty() {
            return CheckResult::new(Check::Schema, "SCHEMA_NONE");
        }
        for entry in &entries {
            match self.one_schema(reading, entry) {
                ("OK", _) => {}
                finding => findings.push(finding),
            }
        }
        CheckResult::worst(Check::Schema, findings)
    }

    /// The registered metadata of an SD-JWT VC; a type was found by it before.
    fn metadata(&self, reading: &Reading) -> Option<Value> {
        let vct = reading.types().first().and_then(|vct| vct.strip_prefix("did:ubin:"));
        let id = vct.and_then(ResourceId::parse)?;
        match read::<Resource>(self.snapshot?, &id.key()) {
            Known::Known(Some(resource)) => json::parse(&resource.bytes).ok(),
            _ => None,
        }
    }

    fn one_schema(&self, reading: &Reading, entry: &Value) -> (&'static str, Value) {
        let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
        let at = json!({"schema": id});
        let kind = entry.get("type").and_then(Value::as_str).unwrap_or_default();
        if !["JsonSchema", "JsonSchemaCredential"].contains(&kind) {
            return ("SCHEMA_TYPE_UNSUPPORTED", at);
        }
        let Some(bytes) = self.schema_bytes(id) else { return ("SCHEMA_UNKNOWN", at) };
        if digest_check::matches(entry, &bytes) == Some(false) {
            return ("SCHEMA_DIGEST_MISMATCH", at);
        }
        let schema = if kind == "JsonSchema" {
            json::parse(&bytes).ok()
        } else {
            self.credential_schema(&bytes, id)
        };
        let Some(schema) = schema else { return ("SCHEMA_LIMIT", at) };
        match schema::evaluate(&schema, &Value::Object(reading.document.clone())) {
            Evaluation::Valid => ("OK", at),
            Evaluation::Limit => ("SCHEMA_LIMIT", at),
            Evaluation::Invalid(pointers) => {
                ("SCHEMA_VIOLATION", json!({"schema": id, "pointers": pointers}))
            }
        }
    }

    /// The schema in a JsonSchemaCredential that is signed by its own issuer (VC JSON Schema §2.2).
    fn credential_schema(&self, bytes: &[u8], id: &str) -> Option<Value> {
        let reading = form::read(bytes).ok()?;
        let named = reading.document.get("id").and_then(Value::as_str) == Some(id);
        let typed = reading.types().contains(&"JsonSchemaCredential");
        let subject = reading.document.get("credentialSubject")?;
        let signed = named && typed && !reading.is_presentation() && self.is_signed(&reading);
        subject.get("jsonSchema").filter(|_| signed).cloned()
    }

    /// A registered schema; under other policies than `ledger` also one that the caller supplies.
    fn schema_bytes(&self, id: &str) -> Option<Vec<u8>> {
        let registered = id
            .strip_prefix("did:ubin:")
            .and_then(ResourceId::parse)
            .filter(|id| id.kind == ResourceKind::JsonSchema)
            .zip(self.snapshot)
            .map(|(id, snapshot)| read::<Resource>(snapshot, &id.key()));
        if let Some(Known::Known(Some(resource))) = registered {
            return Some(resource.bytes);
        }
        if self.request.policy == Policy::Ledger {
            return None;
        }
        let supplied = &self.request.supplied.resources;
        supplied.iter().find(|(url, _)| url == id).map(|(_, bytes)| bytes.clone())
    }

    pub fn recognition(&self, reading: &Reading, registered: &Registered) -> CheckResult {
        let result = |code| CheckResult::new(Check::Recognition, code);
        let Some(jurisdiction) = self.request.jurisdiction.as_deref() else {
            return result("NOT_REQUESTED");
        };
        let issuer = reading.issuer().and_then(did::party_of);
        if issuer.as_ref().is_some_and(|party| party.cc() == jurisdiction) {
            return result("DOMESTIC");
        }
        let Some(snapshot) = self.snapshot else { return result("RECOGNITION_NOT_AVAILABLE") };
        if snapshot.get(&recognition_index_key(jurisdiction)) == Known::Unknown {
            return result("RECOGNITION_NOT_AVAILABLE");
        }
        let (Some(issuer), Registered::Type(entry)) = (issuer, registered) else {
            return result(match registered {
                Registered::Unknown => "RECOGNITION_NOT_AVAILABLE",
                _ => "NOT_RECOGNISED",
            });
        };
        let party = reading.issuer().and_then(|did| did.strip_prefix("did:ubin:"));
        let class = match &self.issuer_class {
            Some(class) => Known::Known(Some(class.clone())),
            None => accreditation::class_of(snapshot, party.unwrap_or_default(), &entry.name),
        };
        let class = match class {
            Known::Known(Some(class)) => class,
            Known::Known(None) => return result("NOT_RECOGNISED"),
            Known::Unknown => return result("RECOGNITION_NOT_AVAILABLE"),
        };
        let now = u64::try_from(self.now_ms).unwrap_or(0);
        let times = [self.signed_at.map_or(now, |(ms, _)| ms), now];
        let of = (entry.name.as_str(), class.as_str());
        let (code, entry) = recognition::lookup(snapshot, (jurisdiction, issuer.cc()), of, &times);
        let detail = entry
            .map(|entry| json!({"entry": format!("{}/{}/{}", entry.by, entry.of, entry.name)}));
        result(code).with(detail.unwrap_or_default())
    }

    /// The checks of the state itself: freshness and proof. `asked` tells whether it was read.
    pub fn age_of_state(&mut self, asked: bool) {
        let Some(snapshot) = self.snapshot else { return };
        if self.request.policy == Policy::W3c && !asked {
            for check in [Check::Freshness, Check::StateProof] {
                self.add(CheckResult::new(check, "POLICY_EXCLUDED"));
            }
            return;
        }
        let trust = snapshot.trust();
        let limit_ms = match trust.source {
            Source::Live => LIVE_AGE_MS_MAX,
            Source::Bundle => BUNDLE_AGE_MS_MAX,
        };
        let limit_ms = self.request.max_age_ms.unwrap_or(limit_ms);
        let time_ms = i64::try_from(trust.time_ms).unwrap_or(i64::MAX);
        let age_ms = self.now_ms.saturating_sub(time_ms);
        let code = if time_ms > self.now_ms.saturating_add(self.skew_ms) {
            "TRUST_FROM_FUTURE"
        } else if u64::try_from(age_ms).unwrap_or(0) > limit_ms {
            "TRUST_STALE"
        } else {
            "OK"
        };
        let mut freshness = CheckResult::new(Check::Freshness, code);
        if let Some(max_age_ms) = self.request.max_age_ms {
            freshness.detail = json!({"maxAgeSeconds": max_age_ms / 1_000});
        }
        let proof = CheckResult::new(Check::StateProof, trust.proof_code);
        self.add(freshness);
        self.add(proof);
    }
}
