//! One credential through its checks, in the documented order.

use titian_contracts::credential::{
    CredentialType, REGION, Resource, ResourceId, ResourceKind, type_key,
};

use super::{Request, SKEW_MS_MAX, excluded};
use crate::contexts::Contexts;
use crate::did;
use crate::form::{Model, Reading};
use crate::json;
use crate::rdf::Work;
use crate::snapshot::{Known, Snapshot, read};
use crate::verdict::{Check, CheckResult, Policy};

/// The state of one run.
pub(super) struct Run<'a> {
    pub request: &'a Request,
    pub snapshot: Option<&'a dyn Snapshot>,
    pub now_ms: i64,
    pub skew_ms: i64,
    pub work: &'a Work,
    pub warnings: Vec<&'static str>,
    pub signed_at: Option<(u64, bool)>,
    pub issuer_class: Option<String>,
    results: Vec<CheckResult>,
}

/// A registered type, as far as it can be told.
pub(super) enum Registered {
    Type(Box<CredentialType>),
    None,
    Unknown,
}

/// What a run leaves: results, warnings, signing time and whether an anchor proves it.
pub(super) type Left = (Vec<CheckResult>, Vec<&'static str>, Option<(u64, bool)>);

impl<'a> Run<'a> {
    pub fn new(
        request: &'a Request,
        snapshot: Option<&'a dyn Snapshot>,
        now_ms: u64,
        work: &'a Work,
    ) -> Self {
        Self {
            request,
            snapshot,
            now_ms: i64::try_from(now_ms).unwrap_or(i64::MAX),
            skew_ms: request.skew_ms.clamp(0, SKEW_MS_MAX),
            work,
            warnings: Vec::new(),
            signed_at: None,
            issuer_class: None,
            results: Vec::new(),
        }
    }

    pub fn add(&mut self, result: CheckResult) {
        self.results.push(result);
    }

    /// Adds a code to the result that a check has already.
    fn add_fault(&mut self, check: Check, code: &'static str) {
        let fault = (code, serde_json::Value::Null);
        match self.results.iter_mut().find(|result| result.check == check) {
            Some(result) => {
                let also = result.also.iter().map(|code| (*code, serde_json::Value::Null));
                let had = [(result.code, result.detail.clone())].into_iter().chain(also);
                let all = had.filter(|(code, _)| *code != "OK").chain([fault]).collect();
                *result = CheckResult::worst(check, all);
            }
            None => self.add(CheckResult::worst(check, vec![fault])),
        }
    }

    pub fn finish(self) -> Left {
        (self.results, self.warnings, self.signed_at)
    }

    pub fn wants(&self, check: Check) -> bool {
        !excluded(self.request, check)
    }

    pub fn warn(&mut self, code: &'static str) {
        if !self.warnings.contains(&code) {
            self.warnings.push(code);
        }
    }

    pub fn credential(&mut self, reading: &Reading) {
        let syntax = self.syntax(reading);
        let syntax_code = syntax.code;
        self.add(syntax);
        self.proofs(reading);
        if syntax_code == "TOO_MANY_NODES" {
            // the other checks take time by the entry; they stay "not reached"
            return;
        }
        let registered = self.registered_type(reading);
        if self.wants(Check::Resources) {
            let result = self.resources(reading);
            self.add(result);
        }
        if self.wants(Check::Schema) {
            let result = self.schema(reading, &registered);
            self.add(result);
        }
        let validity = self.validity(reading);
        self.add(validity);
        if self.wants(Check::Accreditation) {
            let result = self.accreditation(reading, &registered);
            self.add(result);
        }
        if self.wants(Check::Status) {
            let result = self.status(reading, &registered);
            self.add(result);
        }
        let holder = self.key_binding(reading, &registered);
        if let Some(code) = Self::binding_fault(reading, holder.code) {
            self.add_fault(Check::Proof, code);
        }
        self.warn_of_copies(&holder);
        self.add(holder);
        if self.wants(Check::Recognition) {
            let result = self.recognition(reading, &registered);
            self.add(result);
        }
    }

    /// The contexts that a document may use under the policy.
    pub fn contexts(&self) -> Contexts<'a> {
        let strict = self.request.policy == Policy::Ledger;
        let sandbox = self.snapshot.is_some_and(|snapshot| snapshot.trust().sandbox);
        Contexts { snapshot: self.snapshot, sandbox: sandbox || !strict, inline: !strict }
    }

    /// The most specific registered type: the last one named that the region or the issuer's state
    /// has registered. Of an SD-JWT VC the one that its `vct` metadata names.
    fn registered_type(&self, reading: &Reading) -> Registered {
        let (Some(snapshot), true) = (self.snapshot, self.request.policy != Policy::Signature)
        else {
            return Registered::None;
        };
        let cc = reading.issuer().and_then(did::party_of).map(|party| party.cc().to_owned());
        let owners: Vec<&str> = [REGION].into_iter().chain(cc.as_deref()).collect();
        if reading.model == Model::SdJwtVc {
            return type_of_vct(snapshot, reading, &owners);
        }
        for name in reading.types().into_iter().rev() {
            for owner in &owners {
                match read::<CredentialType>(snapshot, &type_key(owner, name)) {
                    Known::Known(Some(entry)) => return Registered::Type(Box::new(entry)),
                    Known::Known(None) => {}
                    Known::Unknown => return Registered::Unknown,
                }
            }
        }
        Registered::None
    }
}

/// The type that lists the metadata of `vct` among its schemas; the metadata names it.
fn type_of_vct(snapshot: &dyn Snapshot, reading: &Reading, owners: &[&str]) -> Registered {
    let vct = reading.types().first().and_then(|vct| vct.strip_prefix("did:ubin:"));
    let Some(id) = vct.and_then(ResourceId::parse) else { return Registered::None };
    if id.kind != ResourceKind::VctMetadata || !owners.contains(&id.owner.as_str()) {
        return Registered::None;
    }
    let metadata = match read::<Resource>(snapshot, &id.key()) {
        Known::Known(Some(resource)) => resource.bytes,
        Known::Known(None) => return Registered::None,
        Known::Unknown => return Registered::Unknown,
    };
    let name = json::parse(&metadata)
        .ok()
        .and_then(|value| value.get("name").and_then(|name| name.as_str().map(str::to_owned)));
    let Some(name) = name else { return Registered::None };
    match read::<CredentialType>(snapshot, &type_key(&id.owner, &name)) {
        Known::Known(Some(entry)) if entry.schemas.contains(&id.text()) => {
            Registered::Type(Box::new(entry))
        }
        Known::Known(_) => Registered::None,
        Known::Unknown => Registered::Unknown,
    }
}
