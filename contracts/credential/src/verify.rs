//! Verification: input, request, snapshot and time in, verdict out (vc.md §7).
//!
//! Invariant: pure; the same inputs give the same bytes. Checks run in the documented order; a
//! check that cannot be evaluated is `NOT_REACHED`, which is unknown, never a pass.
//! Presentations and the other forms come later; they are `FORM_UNKNOWN` here.

use std::cell::Cell;

use serde_json::{Map, Value, json};
use titian_contracts::access::{Party, Purpose};
use titian_contracts::credential::{
    CredentialType, REGION, Resource, ResourceId, ResourceKind, type_key,
};
use titian_contracts::state::{KeyBuilder, Stored};

use crate::accreditation::{self, Question};
use crate::contexts::{self, Contexts};
use crate::did::{self, Algorithm, Resolved};
use crate::proof::{CRYPTOSUITE, Proof, read_proofs};
use crate::schema::{self, Evaluation};
use crate::snapshot::{Known, Snapshot, Source, Trust, read};
use crate::verdict::{Check, CheckResult, Decision, Policy, Verdict, pointer_detail};
use crate::{codes::Fault, digest_check, guard, json, model, status, time};

/// Default clock skew.
pub const SKEW_MS: i64 = 60_000;
/// Largest clock skew a caller may ask for.
pub const SKEW_MS_MAX: i64 = 300_000;
/// How old live state may be.
pub const LIVE_AGE_MS_MAX: u64 = 60_000;
/// How old a bundle may be.
pub const BUNDLE_AGE_MS_MAX: u64 = 86_400_000;

/// What the caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which checks are required.
    pub policy: Policy,
    /// The state in which the credential shall count.
    pub jurisdiction: Option<String>,
    /// Further checks to require; they are then evaluated.
    pub require: Vec<Check>,
    /// How old trust facts may be, ms; `None` = the default of the source.
    pub max_age_ms: Option<u64>,
    /// Clock skew, ms; cut to 0..=[`SKEW_MS_MAX`].
    pub skew_ms: i64,
    /// Whether the verdict carries the credential.
    pub return_credential: bool,
}

impl Request {
    /// A request under `policy` with the documented defaults.
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            jurisdiction: None,
            require: Vec::new(),
            max_age_ms: None,
            skew_ms: SKEW_MS,
            return_credential: false,
        }
    }
}

/// Notes whether the ledger was asked at all.
struct Asked<'a> {
    inner: &'a dyn Snapshot,
    asked: &'a Cell<bool>,
}

impl Snapshot for Asked<'_> {
    fn get(&self, key: &[u8]) -> Known<Option<Stored>> {
        self.asked.set(true);
        // nothing of a bundle counts before its proof holds
        match self.inner.trust().proof_code {
            "OK" | "LOCAL_STATE" => self.inner.get(key),
            _ => Known::Unknown,
        }
    }

    fn trust(&self) -> &Trust {
        self.inner.trust()
    }
}

/// Verifies the text of a credential. `snapshot` is the ledger as far as it is at hand.
pub fn verify(
    input: &[u8],
    request: &Request,
    snapshot: Option<&dyn Snapshot>,
    now_ms: u64,
) -> Verdict {
    let asked = Cell::new(false);
    let wrapped = snapshot.map(|inner| Asked { inner, asked: &asked });
    let snapshot_view = wrapped.as_ref().map(|asked| asked as &dyn Snapshot);
    let parsed = json::parse(input);
    let document = match &parsed {
        Ok(Value::Object(document)) => Ok(document),
        Ok(_) => Err(Fault::new("FORM_UNKNOWN", "")),
        Err(fault) => Err(fault.clone()),
    };
    let mut run = Run {
        request,
        snapshot: snapshot_view,
        now_ms: i64::try_from(now_ms).unwrap_or(i64::MAX),
        skew_ms: request.skew_ms.clamp(0, SKEW_MS_MAX),
        results: Vec::new(),
        warnings: Vec::new(),
        signed_at: None,
        issuer_class: None,
    };
    match &document {
        Err(fault) => run.add(CheckResult::new(Check::Syntax, fault.code)),
        Ok(document) => run.credential(document),
    }
    run.ledger(&asked);
    let Run { results, warnings, signed_at, .. } = run;
    let checks = complete(results, request);
    let document = document.ok();
    Verdict {
        decision: Decision::of(&checks),
        policy: request.policy,
        form: document.and_then(form_of),
        now_ms,
        issuer: document.and_then(issuer_of).map(str::to_owned),
        types: document
            .map(|document| model::types(document).into_iter().map(str::to_owned).collect())
            .unwrap_or_default(),
        signed_at,
        jurisdiction: request.jurisdiction.clone(),
        checks,
        trust: snapshot.filter(|_| asked.get()).map(|snapshot| snapshot.trust().clone()),
        warnings,
        credential: document
            .filter(|_| request.return_credential)
            .map(|document| Value::Object(document.clone())),
    }
}

/// All twelve results in order: what was not evaluated, what the policy leaves out, and which are
/// required.
fn complete(results: Vec<CheckResult>, request: &Request) -> Vec<CheckResult> {
    let complete = |check: Check| {
        let asked_for = request.require.contains(&check)
            || (check == Check::Recognition && request.jurisdiction.is_some());
        let required = request.policy.requires(check) || asked_for;
        let mut result = results
            .iter()
            .find(|result| result.check == check)
            .cloned()
            .unwrap_or_else(|| CheckResult::new(check, "NOT_REACHED"));
        if excluded(request, check) {
            result = CheckResult::new(check, "POLICY_EXCLUDED");
        }
        result.required = required;
        result
    };
    Check::ALL.into_iter().map(complete).collect()
}

fn excluded(request: &Request, check: Check) -> bool {
    if request.require.contains(&check) {
        return false;
    }
    match request.policy {
        Policy::Ledger => false,
        Policy::W3c => match check {
            Check::Recognition => request.jurisdiction.is_none(),
            other => other == Check::Accreditation,
        },
        Policy::Signature => !request.policy.requires(check),
    }
}

fn form_of(document: &Map<String, Value>) -> Option<&'static str> {
    let first = document.get("proof").map(model::items).and_then(<[Value]>::first)?;
    let suite = first.get("cryptosuite").and_then(Value::as_str);
    (suite == Some(CRYPTOSUITE)).then_some(CRYPTOSUITE)
}

fn issuer_of(document: &Map<String, Value>) -> Option<&str> {
    document.get("issuer").and_then(model::id_of)
}

struct Run<'a> {
    request: &'a Request,
    snapshot: Option<&'a dyn Snapshot>,
    now_ms: i64,
    skew_ms: i64,
    results: Vec<CheckResult>,
    warnings: Vec<&'static str>,
    signed_at: Option<(u64, bool)>,
    issuer_class: Option<String>,
}

impl<'a> Run<'a> {
    fn add(&mut self, result: CheckResult) {
        self.results.push(result);
    }

    fn wants(&self, check: Check) -> bool {
        !excluded(self.request, check)
    }

    fn credential(&mut self, document: &Map<String, Value>) {
        let syntax = self.syntax(document);
        let syntax_code = syntax.code;
        self.add(syntax);
        self.proofs(document);
        if syntax_code == "TOO_MANY_NODES" {
            // the other checks take time by the entry; they stay "not reached"
            return;
        }
        let registered = self.registered_type(document);
        if self.wants(Check::Resources) {
            let result = self.resources(document);
            self.add(result);
        }
        if self.wants(Check::Schema) {
            let result = self.schema(document, &registered);
            self.add(result);
        }
        let validity = self.validity(document);
        self.add(validity);
        if self.wants(Check::Accreditation) {
            let result = self.accreditation(document, &registered);
            self.add(result);
        }
        if self.wants(Check::Status) {
            let result = self.status(document, &registered);
            self.add(result);
        }
        self.add(CheckResult::new(Check::Holder, "NOT_A_PRESENTATION"));
        if self.wants(Check::Recognition) {
            let result = self.recognition(document);
            self.add(result);
        }
    }

    fn contexts(&self) -> Contexts<'a> {
        let strict = self.request.policy == Policy::Ledger;
        let sandbox = self.snapshot.is_some_and(|snapshot| snapshot.trust().sandbox);
        Contexts { snapshot: self.snapshot, sandbox: sandbox || !strict, inline: !strict }
    }

    fn syntax(&self, document: &Map<String, Value>) -> CheckResult {
        let types = document.get("type").map(model::items).unwrap_or_default();
        let other_form = types.iter().filter_map(Value::as_str).any(|name| {
            name == "VerifiablePresentation" || name.starts_with("EnvelopedVerifiable")
        });
        let checked = if other_form {
            Err(Fault::new("FORM_UNKNOWN", "/type"))
        } else {
            model::check(document)
                .and_then(|()| guard::check(document, self.contexts()))
                .and_then(|()| self.guard_proofs(document))
        };
        match checked {
            Ok(()) => CheckResult::new(Check::Syntax, "OK"),
            Err(fault) => CheckResult::new(Check::Syntax, fault.code)
                .with(pointer_detail(document, &fault.pointer)),
        }
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

    // --- proof and issuerKey

    fn proofs(&mut self, document: &Map<String, Value>) {
        let proofs = match read_proofs(document, self.now_ms, self.skew_ms) {
            Ok(proofs) => proofs,
            Err(fault) => {
                let detail = json!({"pointer": fault.pointer});
                return self.add(CheckResult::new(Check::Proof, fault.code).with(detail));
            }
        };
        let issuer = issuer_of(document).unwrap_or_default();
        let valid_from = document.get("validFrom").and_then(Value::as_str).and_then(time::parse);
        let by_issuer = proofs.iter().find(|proof| proof.did() == issuer);
        let signed_ms = by_issuer.and_then(|proof| proof.created_ms).or(valid_from);
        self.signed_at = signed_ms.map(|ms| (u64::try_from(ms).unwrap_or(0), false));

        let mut proof_codes = Vec::new();
        let mut key_codes = Vec::new();
        let mut issuer_keys: Vec<String> = Vec::new();
        let mut threshold = 1;
        for (i, proof) in proofs.iter().enumerate() {
            let at = json!({"proof": i});
            match self.find_key(proof) {
                Err(code) => {
                    key_codes.push((code, at.clone()));
                    proof_codes.push(("NOT_REACHED", at));
                }
                Ok(found) => {
                    if proof.did() == issuer {
                        threshold = found.threshold;
                        issuer_keys.push(proof.verification_method.clone());
                    }
                    let t = proof.created_ms.or(valid_from).unwrap_or(self.now_ms);
                    key_codes.push((self.judge_key(&found, t), at.clone()));
                    if let Err(code) = found.verify(proof) {
                        proof_codes.push((code, at));
                    }
                }
            }
        }
        if by_issuer.is_none() {
            key_codes.push(("ISSUER_MISMATCH", Value::Null));
        }
        issuer_keys.sort_unstable();
        issuer_keys.dedup();
        if by_issuer.is_some() && (issuer_keys.len() as u64) < threshold {
            // a state's root speaks only through k of its keys
            key_codes.push(("KEY_NOT_AUTHORISED", Value::Null));
        }
        if key_codes.iter().any(|(code, _)| *code == "TIME_ASSERTED") {
            self.warnings.push("TIME_ASSERTED");
        }
        self.add(CheckResult::worst(Check::Proof, proof_codes));
        let mut keys = CheckResult::worst(Check::IssuerKey, key_codes);
        if keys.outcome == crate::codes::Outcome::Pass {
            keys.detail = Value::Null;
        }
        self.add(keys);
    }

    fn find_key(&self, proof: &Proof) -> Result<FoundKey, &'static str> {
        let did = proof.did();
        if let Some(multikey) = did.strip_prefix("did:key:") {
            let (algorithm, public_key) = did::parse_multikey(multikey).ok_or("DID_INVALID")?;
            if proof.fragment() != multikey {
                return Err("KEY_NOT_FOUND");
            }
            return Ok(FoundKey { algorithm, public_key, ledger: None, threshold: 1 });
        }
        let Some(name) = did.strip_prefix("did:ubin:") else {
            return Err(if did.starts_with("did:") || guard::is_absolute_iri(did) {
                "DID_METHOD_UNSUPPORTED"
            } else {
                "DID_INVALID"
            });
        };
        if name == REGION {
            return Err("KEY_NOT_FOUND");
        }
        let party = Party::parse(name).ok_or("DID_INVALID")?;
        let snapshot = self.snapshot.ok_or("DID_NOT_AVAILABLE")?;
        let resolved = did::resolve(snapshot, &party)?;
        let number = titian_contracts::op::parse_key_no(proof.fragment()).ok_or("KEY_NOT_FOUND")?;
        let key = resolved.keys.iter().find(|(n, _)| *n == number).ok_or("KEY_NOT_FOUND")?;
        let algorithm = match key.1.algorithm.as_str() {
            "Ed25519" => Algorithm::Ed25519,
            "P-256" => Algorithm::P256,
            _ => Algorithm::X25519,
        };
        Ok(FoundKey {
            algorithm,
            public_key: key.1.public_key.clone(),
            threshold: resolved.threshold,
            ledger: Some((resolved, number)),
        })
    }

    /// A code of check `issuerKey` for a key that was found.
    fn judge_key(&self, found: &FoundKey, t_ms: i64) -> &'static str {
        let Some((resolved, number)) = &found.ledger else { return "KEY_SELF_CERTIFYING" };
        let Some((_, key)) = resolved.keys.iter().find(|(n, _)| n == number) else {
            return "KEY_NOT_FOUND";
        };
        if !key.has(Purpose::Assert) {
            return "KEY_NOT_AUTHORISED";
        }
        match did::check_key_at(resolved, key, t_ms, false, self.skew_ms) {
            Ok(()) => "TIME_ASSERTED",
            Err(code) => code,
        }
    }

    // --- registration

    /// The most specific registered type: the last one named that the region or the issuer's state
    /// has registered, with all its contexts in the document.
    fn registered_type(&self, document: &Map<String, Value>) -> Registered {
        let (Some(snapshot), true) = (self.snapshot, self.request.policy != Policy::Signature)
        else {
            return Registered::None;
        };
        let cc = issuer_of(document).and_then(did::party_of).map(|party| party.cc().to_owned());
        let owners: Vec<&str> = [REGION].into_iter().chain(cc.as_deref()).collect();
        for name in model::types(document).into_iter().rev() {
            for owner in &owners {
                match read::<CredentialType>(snapshot, &type_key(owner, name)) {
                    Known::Known(Some(entry)) => return Registered::Type(entry),
                    Known::Known(None) => {}
                    Known::Unknown => return Registered::Unknown,
                }
            }
        }
        Registered::None
    }

    fn accreditation(
        &mut self,
        document: &Map<String, Value>,
        registered: &Registered,
    ) -> CheckResult {
        let result = |code| CheckResult::new(Check::Accreditation, code);
        let Some(snapshot) = self.snapshot else { return result("CHAIN_NOT_AVAILABLE") };
        let issuer_text = issuer_of(document).and_then(|did| did.strip_prefix("did:ubin:"));
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
        let named = document.get("@context").map(model::items).unwrap_or_default();
        let uses = |id: &String| named.iter().any(|c| c.as_str() == Some(&did::did_of(id)));
        if !entry.contexts.iter().all(uses) {
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

    fn schema(&self, document: &Map<String, Value>, registered: &Registered) -> CheckResult {
        let entries = document.get("credentialSchema").map(model::items).unwrap_or_default();
        let mut findings = Vec::new();
        if let (Registered::Type(entry), Policy::Ledger) = (registered, self.request.policy) {
            let ids: Vec<String> = entry.schemas.iter().map(|id| did::did_of(id)).collect();
            let named = |item: &Value| {
                model::id_of(item).is_some_and(|id| ids.iter().any(|known| known == id))
            };
            if !entries.iter().any(named) {
                findings.push(("SCHEMA_REQUIRED", Value::Null));
            }
        }
        if entries.is_empty() && findings.is_empty() {
            return CheckResult::new(Check::Schema, "SCHEMA_NONE");
        }
        for entry in entries {
            match self.one_schema(document, entry) {
                ("OK", _) => {}
                finding => findings.push(finding),
            }
        }
        CheckResult::worst(Check::Schema, findings)
    }

    fn one_schema(&self, document: &Map<String, Value>, entry: &Value) -> (&'static str, Value) {
        let id = entry.get("id").and_then(Value::as_str).unwrap_or_default();
        let at = json!({"schema": id});
        if entry.get("type").and_then(Value::as_str) != Some("JsonSchema") {
            return ("SCHEMA_TYPE_UNSUPPORTED", at);
        }
        let resource = id
            .strip_prefix("did:ubin:")
            .and_then(ResourceId::parse)
            .filter(|id| id.kind == ResourceKind::JsonSchema)
            .zip(self.snapshot)
            .map(|(id, snapshot)| read::<Resource>(snapshot, &id.key()));
        let Some(Known::Known(Some(resource))) = resource else { return ("SCHEMA_UNKNOWN", at) };
        if digest_check::matches(entry, &resource.bytes) == Some(false) {
            return ("SCHEMA_DIGEST_MISMATCH", at);
        }
        let Ok(schema) = json::parse(&resource.bytes) else { return ("SCHEMA_LIMIT", at) };
        match schema::evaluate(&schema, &Value::Object(document.clone())) {
            Evaluation::Valid => ("OK", at),
            Evaluation::Limit => ("SCHEMA_LIMIT", at),
            Evaluation::Invalid(pointers) => {
                ("SCHEMA_VIOLATION", json!({"schema": id, "pointers": pointers}))
            }
        }
    }

    fn resources(&self, document: &Map<String, Value>) -> CheckResult {
        let entries = document.get("relatedResource").map(model::items).unwrap_or_default();
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
        match registered {
            Some(Known::Known(Some(resource))) if fits(&resource.bytes) => "OK",
            Some(Known::Known(Some(_))) => "RESOURCE_DIGEST_MISMATCH",
            _ => "RESOURCE_NOT_AVAILABLE",
        }
    }

    fn validity(&self, document: &Map<String, Value>) -> CheckResult {
        let result = |code| CheckResult::new(Check::Validity, code);
        let date = |name: &str| document.get(name).map(|v| v.as_str().and_then(time::parse));
        match (date("validFrom"), date("validUntil")) {
            // a date that cannot be read is the syntax check's fault; no period is then known
            (Some(None), _) | (_, Some(None)) => result("NOT_REACHED"),
            (None, None) => result("NO_PERIOD"),
            (Some(Some(from)), _) if self.now_ms.saturating_add(self.skew_ms) < from => {
                result("NOT_YET_VALID")
            }
            (_, Some(Some(until))) if self.now_ms.saturating_sub(self.skew_ms) > until => {
                result("EXPIRED")
            }
            _ => result("OK"),
        }
    }

    fn status(&mut self, document: &Map<String, Value>, registered: &Registered) -> CheckResult {
        let required = match (registered, self.request.policy) {
            (Registered::Type(entry), Policy::Ledger) => entry.profiles.as_slice(),
            _ => &[],
        };
        let issuer = issuer_of(document).unwrap_or_default();
        let findings = status::check(document, issuer, required, self.snapshot);
        if findings.iter().any(|finding| finding.code == "REFRESH_ADVISED") {
            self.warnings.push("REFRESH_ADVISED");
        }
        let findings = findings.into_iter().map(|f| (f.code, f.detail)).collect();
        CheckResult::worst(Check::Status, findings)
    }

    fn recognition(&self, document: &Map<String, Value>) -> CheckResult {
        let result = |code| CheckResult::new(Check::Recognition, code);
        let Some(jurisdiction) = &self.request.jurisdiction else {
            return result("NOT_REQUESTED");
        };
        let issuer = issuer_of(document).and_then(did::party_of);
        if issuer.is_some_and(|party| party.cc() == jurisdiction) {
            return result("DOMESTIC");
        }
        // no act writes recognition entries in this release: an index that is proven absent means
        // that nothing is recognised; anything else cannot be read yet
        let key = KeyBuilder::new("gov", "rec").text(jurisdiction).build();
        match self.snapshot.map(|snapshot| snapshot.get(&key)) {
            Some(Known::Known(None)) => result("NOT_RECOGNISED"),
            _ => result("RECOGNITION_NOT_AVAILABLE"),
        }
    }

    /// The checks of the state itself: freshness and proof.
    fn ledger(&mut self, asked: &Cell<bool>) {
        let Some(snapshot) = self.snapshot else { return };
        if self.request.policy == Policy::W3c && !asked.get() {
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
        self.add(freshness);
        self.add(CheckResult::new(Check::StateProof, trust.proof_code));
    }
}

/// A registered type, as far as it can be told.
enum Registered {
    Type(CredentialType),
    None,
    Unknown,
}

struct FoundKey {
    algorithm: Algorithm,
    public_key: Vec<u8>,
    ledger: Option<(Resolved, u64)>,
    threshold: u64,
}

impl FoundKey {
    fn verify(&self, proof: &Proof) -> Result<(), &'static str> {
        if self.algorithm == Algorithm::Ed25519 {
            proof.verify(&self.public_key)
        } else {
            Err("ALG_NOT_ALLOWED")
        }
    }
}
